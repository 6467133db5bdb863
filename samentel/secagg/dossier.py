"""One file for the programme authority: what somebody did in a round, and every document that proves it.

Two kinds. ``bad-dealing``: a member dealt seed shares that do not fit. ``left-out``: the
coordinator took masked counts and left them out of the sum. Whoever has the authority's
keys can judge either without trusting the one who hands it in; nothing in it is secret.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field

from samentel.documents import envelope as dsse
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.envelope import Envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.model import Model, from_json, to_bytes
from samentel.documents.roster import Roster
from samentel.documents.statements import MaskedReceipt, Round, Start, hear
from samentel.errors import DocumentError, PeerError
from samentel.secagg.convening import terms_of
from samentel.secagg.encoding import decode
from samentel.secagg.evidence import BadDealing, proves
from samentel.secagg.receipts import leaves_out

MOST = 8 << 20  # bytes; a proof against a dealer among 1,000 institutions has 0.6 MB
_Text = Field(max_length=MOST)


class Dossier(Model):
    """The file, canonical JSON. Signed documents stand in it as the JSON text of their envelopes.

    Attributes:
        programme, start: of a bad dealing only.
        receipt: of counts that were left out only.
        evidence: base64: the shares that contradict the dealer, or the proposal without those counts. Empty
            where the coordinator did not show a proposal: then the release of the round names who is in it.
    """

    kind: Literal["bad-dealing", "left-out"]
    roster: str = _Text
    round: str = _Text
    programme: str = Field(default="", max_length=MOST)
    start: str = Field(default="", max_length=MOST)
    receipt: str = Field(default="", max_length=MOST)
    evidence: str = Field(default="", max_length=MOST)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a dossier proves.

    Attributes:
        node: who dealt wrongly, or who was left out.
        taken_at: when the coordinator took its masked counts; None for a bad dealing.
        shown: whether the set without them is proven too; only for counts that were left out.
    """

    kind: str
    node: str
    round: Round
    taken_at: datetime | None = None
    shown: bool = True


def bad_dealing(
    programme: Envelope, roster: Envelope, round_: Envelope, start: Envelope, evidence: bytes
) -> bytes:
    """The dossier of a convicted dealer; ``evidence`` as the coordinator's machine encoded it."""
    return to_bytes(
        Dossier(
            kind="bad-dealing",
            programme=_text(programme),
            roster=_text(roster),
            round=_text(round_),
            start=_text(start),
            evidence=base64.b64encode(evidence).decode(),
        )
    )


def left_out(roster: Envelope, round_: Envelope, receipt: Envelope, proposal: bytes) -> bytes:
    """The dossier of masked counts that were taken and left out; no proposal where none was shown."""
    return to_bytes(
        Dossier(
            kind="left-out",
            roster=_text(roster),
            round=_text(round_),
            receipt=_text(receipt),
            evidence=base64.b64encode(proposal).decode(),
        )
    )


def read(data: bytes) -> Dossier:
    """A dossier as it travels, nothing in it verified; raises DocumentError when it is none."""
    if len(data) > 2 * MOST:
        raise DocumentError("dossier", [f"is larger than {2 * MOST} bytes"])
    return from_json(Dossier, data, "dossier")


def judge(dossier: Dossier, authority: Sequence[VerifyKey], threshold: int) -> Finding:
    """What the dossier proves, from the keys of the authority alone.

    Raises:
        PeerError: a signature does not hold, the parts do not belong together, or they prove nothing.
        DocumentError: a document in it is not well formed.
    """
    roster = rosters.verify(_envelope(dossier.roster), authority, threshold)
    round_ = hear(Round, _envelope(dossier.round), _coordinator(roster))
    if round_.roster != roster.digest:
        raise PeerError("the round was opened under another roster")
    if dossier.kind == "left-out":
        return _left_out(dossier, roster, round_)
    programme = programmes.verify(_envelope(dossier.programme), authority, threshold)
    start = hear(Start, _envelope(dossier.start), _coordinator(roster))
    try:
        terms = terms_of(programme, roster, round_, start)
    except OverflowError:
        raise PeerError("no sum of this programme can be made with this roster") from None
    try:
        evidence = decode(BadDealing, _bytes(dossier.evidence))
    except ValueError:
        raise PeerError("the evidence is not well formed") from None
    if not proves(terms, evidence):
        raise PeerError("the shares fit what the dealer signed: this proves nothing")
    return Finding(dossier.kind, terms.members[evidence.dealer].node, round_)


def _left_out(dossier: Dossier, roster: Roster, round_: Round) -> Finding:
    said = hear(MaskedReceipt, _envelope(dossier.receipt), _coordinator(roster))
    if said.round != round_.round_id:
        raise PeerError("the receipt is of another round")
    proposal = _bytes(dossier.evidence)
    if proposal and not leaves_out(said, proposal, _coordinator(roster)):
        raise PeerError("the proposal has these masked counts in it: this proves nothing")
    return Finding(dossier.kind, said.node, round_, said.taken_at, bool(proposal))


def _coordinator(roster: Roster) -> VerifyKey:
    return VerifyKey(bytes.fromhex(roster.coordinator_key))


def _text(envelope: Envelope) -> str:
    return dsse.to_json(envelope).decode()


def _envelope(text: str) -> Envelope:
    return dsse.from_json(text.encode())


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise PeerError("the evidence is not well formed") from None
