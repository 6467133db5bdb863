"""The authority's signature under a release: taken in once, then served to all, the directory untouched."""

import asyncio

import pytest

from aggregator import countersigning, publisher
from aggregator.book import opened
from aggregator.client import Coordinator
from samentel.documents.envelope import Envelope, Signature, countersign, open_envelope
from samentel.documents.keys import SigningKey
from samentel.errors import PeerError
from samentel.wire.messages import RoundPhase


async def test_a_countersignature_is_served_with_the_release_from_then_on(federation, tools):
    status = await tools.advance(federation, RoundPhase.PUBLISHED)
    config, release = federation.config, status.release_id
    first, second = federation.authority
    held = publisher.read_manifest(config.releases, release)
    on_disk = {path.name: path.read_bytes() for path in (config.releases / release).iterdir()}

    def ask():
        with Coordinator.connect(config.admin) as coordinator:
            return coordinator.manifest(release)

    async def served():
        return await asyncio.to_thread(ask)

    assert await served() == held
    signed = countersign(held, first)
    for _ in range(2):  # the same signature again changes nothing
        assert countersigning.take(config, signed) == (release, (first.public.key_id,))
    assert await served() == signed
    countersigning.take(config, countersign(held, second))
    both = await served()
    assert both.payload == held.payload
    assert [one.key_id for one in both.signatures[1:]] == [first.public.key_id, second.public.key_id]
    open_envelope(both, publisher.PAYLOAD_TYPE, [first.public, second.public], 2)
    assert {path.name: path.read_bytes() for path in (config.releases / release).iterdir()} == on_disk
    with opened(config) as book:
        assert len(book.state.register.countersigned[release]) == 2


async def test_only_the_authority_countersigns_only_what_was_published(federation, tools):
    status = await tools.advance(federation, RoundPhase.PUBLISHED)
    config, (first, _) = federation.config, federation.authority
    held = publisher.read_manifest(config.releases, status.release_id)
    stranger = SigningKey(b"\x11" * 32)
    forged = Signature(first.public.key_id, stranger.sign(b"anything"))
    altered = Envelope(held.payload.replace(b'"attempt":1', b'"attempt":2'), held.payload_type, ())
    refused = {
        "no key of the programme authority": (
            held,
            countersign(held, stranger),
            Envelope(held.payload, held.payload_type, (forged,)),
            countersign(Envelope(held.payload, "application/json", ()), first),
        ),
        "not the manifest of a release": (countersign(altered, first),),
    }
    for why, envelopes in refused.items():
        for envelope in envelopes:
            with pytest.raises(PeerError, match=why):
                countersigning.take(config, envelope)
    with opened(config) as book:
        assert book.state.register.countersigned == {}
