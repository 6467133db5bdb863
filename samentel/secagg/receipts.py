"""What an institution can prove of masked counts that the coordinator took and left out of the sum.

Two documents under the coordinator's own key: the receipt of the counts, and the
proposal of the same terms. Leaving out is allowed: whoever has not polled since the
last upload is not waited for. But it cannot be done and denied.
"""

from datetime import datetime

from samentel.documents.envelope import Envelope
from samentel.documents.keys import SigningKey, VerifyKey
from samentel.documents.statements import MaskedReceipt, hear, state
from samentel.errors import PeerError
from samentel.ids import Digest
from samentel.secagg.messages import SIGNATURE_BYTES, Kind, Proposal, name_of, parse
from samentel.secagg.terms import Terms


def receipt(terms: Terms, node: str, vector: Digest, taken_at: datetime, key: SigningKey) -> Envelope:
    """The coordinator's word that it has stored a member's masked counts, the same each time (MASK-7).

    Args:
        vector: SHA-256 of the masked counts, as in their upload.
        taken_at: the moment of the event with which they were stored.
        key: the coordinator's.
    """
    position = terms.position(node)
    assert position is not None  # nobody else's counts are taken
    said = MaskedReceipt(
        round=terms.round.hex(),
        node=node,
        terms=terms.digest.hex(),
        position=position,
        vector=vector,
        taken_at=taken_at,
    )
    return state(said, key)


def hear_receipt(envelope: Envelope, terms: Terms, own: int, vector: bytes) -> MaskedReceipt:
    """The receipt of this node's masked counts.

    Args:
        own: this node's position.
        vector: SHA-256 of what it handed in.

    Raises:
        PeerError: not signed by the coordinator of these terms, or for something else.
    """
    said = hear(MaskedReceipt, envelope, VerifyKey(terms.coordinator))
    expected = (terms.round.hex(), terms.members[own].node, terms.digest.hex(), own, vector.hex())
    if (said.round, said.node, said.terms, said.position, said.vector) != expected:
        raise PeerError("the coordinator's receipt is for something else")
    return said


def leaves_out(said: MaskedReceipt, proposal: bytes, coordinator: VerifyKey) -> bool:
    """Whether a signed proposal leaves out the masked counts of a receipt, or has others in their place.

    Args:
        said: a receipt under the same key.
        proposal: as it travels.

    Raises:
        PeerError: the proposal is not signed with that key, not well formed, or of other terms.
    """
    if not coordinator.verifies(proposal[:SIGNATURE_BYTES], name_of(Kind.PROPOSAL, proposal)):
        raise PeerError("the signature of this proposal does not hold")
    read = parse(Proposal, proposal)
    if read.terms.hex() != said.terms:
        raise PeerError("the proposal is of other terms than the receipt")
    inside = {survivor.position: survivor.vector.hex() for survivor in read.survivors}
    return inside.get(said.position) != said.vector
