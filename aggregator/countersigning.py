"""Signatures of the programme authority under a release that is published: taken in, and served with it.

The directory of a release is never written again. A countersignature stands in the log, and the manifest
goes out with it from then on; its payload, and so its digest, stay what they were.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from aggregator import catalogue, publisher
from aggregator.book import Entry, State, opened
from aggregator.config import Config
from aggregator.events import Countersigned
from samentel.documents.envelope import Envelope, Signature, open_envelope
from samentel.documents.keys import VerifyKey
from samentel.errors import PeerError
from samentel.ids import Digest


def take(config: Config, envelope: Envelope) -> tuple[str, tuple[Digest, ...]]:
    """Keep the authority's signatures under a manifest; taking them again changes nothing.

    Args:
        envelope: the manifest as somebody of the authority has signed it too (``samentel countersign``).

    Returns:
        The release, and the keys that have signed it as far as they are the authority's.

    Raises:
        PeerError: it is not a release of ours, byte for byte, or no key of the authority has signed it.
    """
    signed = _signed_by(envelope, config.authority)
    if not signed:
        raise PeerError(
            "no key of the programme authority has signed this: samentel countersign adds a signature to the "
            "manifest of a release"
        )
    with opened(config) as book:
        release_id = _release_of(book.state, envelope)
        book.write(datetime.now(UTC), lambda state: _entry(state, release_id, signed))
    return release_id, tuple(Digest(one.key) for one in signed)


def added(envelope: Envelope, countersigned: Iterable[Countersigned]) -> Envelope:
    """The manifest as it is served: the coordinator's signature, then those of the authority."""
    there = {signature.key_id for signature in envelope.signatures}
    more = tuple(
        Signature(one.key, bytes.fromhex(one.signature)) for one in countersigned if one.key not in there
    )
    return Envelope(envelope.payload, envelope.payload_type, envelope.signatures + more)


def _signed_by(envelope: Envelope, authority: Iterable[VerifyKey]) -> tuple[Countersigned, ...]:
    """What keys of the authority have signed of it, each once."""
    found = []
    for key in authority:
        for signature in envelope.signatures:
            alone = Envelope(envelope.payload, envelope.payload_type, (signature,))
            if signature.key_id == key.key_id and _holds(alone, key):
                found.append(Countersigned(key=key.key_id, signature=signature.signature.hex()))
                break
    return tuple(found)


def _holds(envelope: Envelope, key: VerifyKey) -> bool:
    try:
        open_envelope(envelope, publisher.PAYLOAD_TYPE, [key])
    except PeerError:
        return False
    return True


def _release_of(state: State, envelope: Envelope) -> str:
    """The release with exactly this manifest: the log has its digest."""
    for one in catalogue.releases(state.rounds):
        if one.manifest == envelope.digest:
            return one.release_id
    raise PeerError("this is not the manifest of a release that was published here")


def _entry(state: State, release_id: str, signed: tuple[Countersigned, ...]) -> Entry:
    there = {one.key for one in state.register.countersigned.get(release_id, ())}
    return Entry(tuple((release_id, one) for one in signed if one.key not in there))
