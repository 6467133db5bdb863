"""The transcript is made of the machine's own messages, and only parts that belong together pass."""

import base64

import pytest

from samentel.documents.envelope import to_json
from samentel.documents.model import from_json
from samentel.documents.statements import Round, Start, state
from samentel.errors import DocumentError, PeerError
from samentel.ids import Period
from samentel.secagg import transcript
from samentel.secagg.messages import Proposal, Result, sign


def opened(kit, **changes):
    """A round and its start, as the coordinator signed them."""
    moments = kit.DEADLINES
    round_ = Round(
        programme="1" * 64,
        roster="2" * 64,
        period=Period(2025),
        attempt=1,
        nonce="0" * 64,
        opened_at=kit.START,
        gather_until=kit.START,
        collect_until=moments.expires_at,
    ).model_copy(update=changes)
    start = Start(
        round=round_.round_id,
        advertise_until=moments.advertise_until,
        share_until=moments.share_until,
        mask_until=moments.mask_until,
        expires_at=moments.expires_at,
    )
    return tuple(state(said, kit.key("coordinator")) for said in (round_, start))


@pytest.fixture(scope="module")
def done(kit):
    """Six institutions of which one has fallen out, and the transcript of their sum."""
    federation = kit.federation(6, absent=1)
    federation.run({4: "upload"})
    return federation, transcript.of_sum(*opened(kit), federation.server)


def test_it_holds_the_set_every_agreement_and_the_digest_of_the_sum(kit, done):
    federation, data = done
    found = transcript.witness(transcript.read(data), kit.key("coordinator").public)
    assert [survivor.position for survivor in found.survivors] == [0, 1, 2, 3, 5]
    assert [survivor.vector for survivor in found.survivors] == [
        federation.clients[at].vector for at in (0, 1, 2, 3, 5)
    ]
    assert found.agreements == tuple(posted.message for posted in federation.server.agreements)
    assert found.transcript.terms == federation.terms.digest.hex()
    assert found.dealers == len(federation.server.dealings) == 6
    assert len(data) < 10_000


def test_nothing_in_it_is_masked_counts_a_share_or_a_secret(kit, done):
    federation, data = done
    text = data + b"".join(
        base64.b64decode(part) for part in (*transcript.read(data).agreements, transcript.read(data).proposal)
    )
    for posted in (*federation.server.uploads, *federation.server.dealings):
        for at in range(0, len(posted.attachment) - 16, 16):
            assert posted.attachment[at : at + 16] not in text
    for posted in federation.server.reveals:
        assert posted.message[64:] not in text


def test_parts_that_do_not_belong_together_are_refused(kit, done):
    federation, data = done
    honest, key = transcript.read(data), kit.key("coordinator")
    terms, server = federation.terms, federation.server

    def written(message, signer=key):
        return base64.b64encode(sign(message, signer)).decode()

    smaller = Proposal(terms.digest, server.dealers, server.proposed.survivors[:4])
    result = Result(terms.digest, server.survivors, bytes.fromhex(honest.total))
    lies = {
        "signature of its proposal": {"proposal": written(server.proposed, kit.key("node 1"))},
        "signature of its result": {"result": written(result, kit.key("node 1"))},
        "another set, or of another sum": {"proposal": written(smaller)},
        "of another sum": {"total": "0" * 64},
        "other terms": {"terms": "0" * 64},
        "not those that everybody agreed to": {"dealings": honest.dealings[:5]},
        "that everybody agreed to": {"dealings": (*honest.dealings, honest.dealings[0])},
        "that everybody": {"listing": "0" * 64},
        "4 agreements of the 5": {"agreements": honest.agreements[:4]},
        "different rounds": {"start": to_json(opened(kit, attempt=2)[1]).decode()},
        "neither the transcript": {"start": ""},
        "not well formed": {"agreements": ("?", *honest.agreements[1:])},
    }
    for why, changes in lies.items():
        with pytest.raises(PeerError, match=why):
            transcript.witness(honest.model_copy(update=changes), key.public)
    with pytest.raises(PeerError):
        transcript.witness(honest, kit.key("node 1").public)


def test_what_is_no_transcript_is_said_so():
    for data in (b"", b"{}", b'{"kind":"receipt"}', b"[" * 5000, b"{" * (transcript.MOST + 1)):
        with pytest.raises(DocumentError):
            transcript.read(data)


def test_individual_mode_names_each_statement_once_in_order(kit):
    round_, _ = opened(kit)
    data = transcript.of_contributions(round_, {"b": "2" * 64, "a": "1" * 64})
    found = transcript.witness(transcript.read(data), kit.key("coordinator").public)
    assert [handed.node for handed in found.transcript.contributions] == ["a", "b"]
    twice = from_json(transcript.Transcript, data, "it").contributions[:1] * 2
    with pytest.raises(PeerError, match="once each"):
        transcript.witness(
            found.transcript.model_copy(update={"contributions": twice}), kit.key("coordinator").public
        )
