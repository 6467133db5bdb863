"""The transcript of a round: what shows, without trusting the coordinator, whose counts are in a release.

Of a secure sum it holds the coordinator's signed proposal of exactly one set, the signature of every
institution in that set under it, and the coordinator's signed digest of the sum. The roster, the programme
and these documents give the terms again, and the terms stand in every message: so a signature from another
round, roster or programme does not fit. A ledger head stands inside each agreement, since it is a part of
what was signed (AGREE-5); there is no other.

Of a release in individual mode it names the signed statement under which each vector was handed in.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from samentel.documents import envelope as dsse
from samentel.documents.envelope import Envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.model import DigestField, Model, NodeIdField, from_json, to_bytes
from samentel.documents.programme import Programme
from samentel.documents.roster import Roster
from samentel.documents.statements import MaskedReceipt, Receipt, Round, Start, hear
from samentel.errors import DocumentError, PeerError
from samentel.ids import digest
from samentel.secagg.convening import terms_of
from samentel.secagg.messages import (
    SIGNATURE_BYTES,
    Agreement,
    Kind,
    M,
    Proposal,
    Result,
    Survivor,
    dealers_named,
    hear_from,
    name_of,
    parse,
)
from samentel.secagg.relay import Server
from samentel.secagg.terms import NODES_MOST, Terms

FILE = "transcript.json"
MOST = 8 << 20  # bytes; that of 1,000 institutions has 0.4 MB
_Text = Annotated[str, StringConstraints(max_length=1 << 20)]


class Handed(Model):
    """Individual mode: an institution, and the digest of the statement that it signed over its vector."""

    node: NodeIdField
    contribution: DigestField


class Transcript(Model):
    """The file, canonical JSON. Envelopes stand in it as their JSON text, messages in base64.

    Attributes:
        round: the round as the coordinator opened it; ``start`` the deadlines of its secure sum.
        terms: name of the terms of a secure sum (TERMS-2).
        proposal, result: the coordinator's, each with its signature.
        listing, dealings: the name of the list of adverts and the SHA-256 of each signed dealing, in order of
            position: what the proposal names as those who dealt, opened so far that they can be counted.
        agreements: one for each survivor, in the order of the proposal.
        total: SHA-256 of the sum as residues, of all cells together: those that are never published too.
        contributions: individual mode only, by name of the node.
    """

    kind: Literal["transcript"] = "transcript"
    round: _Text
    start: _Text = ""
    terms: DigestField | None = None
    listing: DigestField | None = None
    dealings: Annotated[tuple[DigestField, ...], Field(max_length=NODES_MOST)] = ()
    proposal: _Text = ""
    agreements: Annotated[tuple[_Text, ...], Field(max_length=NODES_MOST)] = ()
    result: _Text = ""
    total: DigestField | None = None
    contributions: Annotated[tuple[Handed, ...], Field(max_length=NODES_MOST)] = ()


class Held(Model):
    """What an institution itself holds of a round: with it, anybody finds it in the transcript.

    Attributes:
        receipt: what the coordinator signed when it took the counts, the JSON text of its envelope.
        agreement: in base64, as this institution signed it; empty in individual mode.
    """

    kind: Literal["institution-receipt"] = "institution-receipt"
    receipt: _Text
    agreement: _Text = ""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A transcript of which everything that the coordinator signed holds.

    Attributes:
        start, survivors, agreements: of a secure sum only; agreements in the order of the survivors.
        dealers: how many institutions had dealt when noise shares were sized; each survivor agreed to it.
        total: SHA-256 of the residues; None in individual mode.
    """

    transcript: Transcript
    coordinator: VerifyKey
    round: Round
    start: Start | None = None
    survivors: tuple[Survivor, ...] = ()
    agreements: tuple[bytes, ...] = ()
    dealers: int | None = None
    total: str | None = None

    @property
    def counted(self) -> int:
        """How many institutions are in the sum."""
        return len(self.survivors) if self.start is not None else len(self.transcript.contributions)


def of_sum(round_: Envelope, start: Envelope, server: Server) -> bytes:
    """The transcript of a secure sum that is done.

    Args:
        round_, start: as the coordinator signed them.
        server: the coordinator's machine once it has the sum.
    """
    agreed = {posted.sender: posted.message for posted in server.agreements}
    return to_bytes(
        Transcript(
            round=_text(round_),
            start=_text(start),
            terms=server.terms.digest.hex(),
            listing=server.listing.hex(),
            dealings=tuple(digest(posted.message) for posted in server.dealings),
            proposal=_base64(server.proposal),
            agreements=tuple(_base64(agreed[position]) for position in server.proposed.positions),
            result=_base64(server.result),
            total=parse(Result, server.result).total.hex(),
        )
    )


def of_contributions(round_: Envelope, statements: Mapping[str, str]) -> bytes:
    """The transcript of a round in individual mode.

    Args:
        statements: the digest of each institution's signed statement, by node.
    """
    handed = tuple(Handed(node=node, contribution=statements[node]) for node in sorted(statements))
    return to_bytes(Transcript(round=_text(round_), contributions=handed))


def hold(receipt: Envelope, agreement: bytes = b"") -> bytes:
    """The file of what an institution holds of a round."""
    return to_bytes(Held(receipt=_text(receipt), agreement=_base64(agreement)))


def read(data: bytes) -> Transcript:
    """A transcript as it is published, nothing in it verified; raises DocumentError when it is none."""
    if len(data) > MOST:
        raise DocumentError(FILE, [f"is larger than {MOST} bytes"])
    return from_json(Transcript, data, FILE)


def witness(transcript: Transcript, coordinator: VerifyKey) -> Witnessed:
    """What the coordinator itself has signed, once all of it holds and belongs together.

    Raises:
        PeerError: a signature does not hold, or the parts are of different rounds or sets.
        DocumentError: a document in it is not well formed.
    """
    round_ = hear(Round, _envelope(transcript.round), coordinator)
    if not transcript.start:
        if not transcript.contributions or transcript.proposal or transcript.agreements or transcript.result:
            raise PeerError("is neither the transcript of a secure sum nor one of individual releases")
        nodes = [handed.node for handed in transcript.contributions]
        if nodes != sorted(set(nodes)):
            raise PeerError("does not name its institutions once each, in order")
        return Witnessed(transcript, coordinator, round_)
    start = hear(Start, _envelope(transcript.start), coordinator)
    proposal = _said(Proposal, Kind.PROPOSAL, transcript.proposal, coordinator)
    result = _said(Result, Kind.RESULT, transcript.result, coordinator)
    name = name_of(Kind.PROPOSAL, _bytes(transcript.proposal))
    if start.round != round_.round_id or transcript.contributions:
        raise PeerError("its parts are of different rounds")
    if not proposal.terms == result.terms == bytes.fromhex(transcript.terms or ""):
        raise PeerError("proposal and result are of other terms than it says")
    if result.survivors != name or result.total.hex() != transcript.total:
        raise PeerError("the result is of another set, or of another sum, than it says")
    dealings = [bytes.fromhex(one) for one in transcript.dealings]
    if dealers_named(bytes.fromhex(transcript.listing or ""), dealings) != proposal.dealers:
        raise PeerError("the institutions that dealt are not those that everybody agreed to")
    if len(transcript.agreements) != len(proposal.survivors):
        raise PeerError(
            f"it has {len(transcript.agreements)} agreements of the {len(proposal.survivors)} institutions "
            "in the sum"
        )
    agreements = tuple(_bytes(text) for text in transcript.agreements)
    return Witnessed(
        transcript,
        coordinator,
        round_,
        start,
        proposal.survivors,
        agreements,
        len(dealings),
        transcript.total,
    )


def survivors_of(witnessed: Witnessed, programme: Programme, roster: Roster) -> tuple[str, ...]:
    """The institutions in the sum, each of which has signed that it agrees to exactly this set.

    In individual mode: those that are named, once all are on the roster; their statements are not here.

    Args:
        programme, roster: those of the round, verified with the authority's keys.

    Raises:
        PeerError: the documents do not belong together, or somebody did not sign; the text names them.
    """
    if roster.coordinator_key != witnessed.coordinator.raw.hex():
        raise PeerError("the roster names another coordinator than the one who signed")
    if witnessed.start is None:
        named = [handed.node for handed in witnessed.transcript.contributions]
        strange = [node for node in named if roster.institution(node) is None]
        if strange:
            raise PeerError(f"{', '.join(strange)} is not on the roster")
        return tuple(named)
    try:
        terms = terms_of(programme, roster, witnessed.round, witnessed.start)
    except OverflowError:
        raise PeerError("no sum of this programme can be made with this roster") from None
    if terms.digest.hex() != witnessed.transcript.terms:
        raise PeerError("its terms are not those of this programme, roster and round")
    name = name_of(Kind.PROPOSAL, _bytes(witnessed.transcript.proposal))
    wrong = [
        f"{_node(terms, survivor.position)} ({why})"
        for survivor, agreement in zip(witnessed.survivors, witnessed.agreements, strict=True)
        if (why := _disagrees(terms, survivor.position, agreement, name))
    ]
    if wrong:
        raise PeerError(f"no agreement to this set: {'; '.join(wrong)}")
    return tuple(terms.members[survivor.position].node for survivor in witnessed.survivors)


def find(witnessed: Witnessed, data: bytes) -> str:
    """The institution whose counts are in this sum, from the file that it holds (``hold``).

    Raises:
        PeerError: its counts are not in the sum as they were taken, or the file is of something else.
        DocumentError: it is no such file.
    """
    if len(data) > MOST:
        raise DocumentError("receipt", [f"is larger than {MOST} bytes"])
    held = from_json(Held, data, "receipt")
    receipt = _envelope(held.receipt)
    if witnessed.start is None:
        handed_in = hear(Receipt, receipt, witnessed.coordinator)
        _same_round(handed_in.round, witnessed)
        named = {handed.node: handed.contribution for handed in witnessed.transcript.contributions}
        if named.get(handed_in.node) != handed_in.contribution:
            raise PeerError(f"what {handed_in.node} handed in is not in this release")
        return handed_in.node
    said = hear(MaskedReceipt, receipt, witnessed.coordinator)
    _same_round(said.round, witnessed)
    vectors = {survivor.position: survivor.vector.hex() for survivor in witnessed.survivors}
    if said.terms != witnessed.transcript.terms or vectors.get(said.position) != said.vector:
        raise PeerError(
            f"the masked counts of {said.node} that the coordinator took are not in this sum; "
            "samentel-node complaint writes the proof for the authority"
        )
    if held.agreement:
        own = [survivor.position for survivor in witnessed.survivors].index(said.position)
        if _bytes(held.agreement) != witnessed.agreements[own]:
            raise PeerError(f"{said.node} agreed to another set than the one in this transcript")
    return said.node


def _same_round(round_id: str, witnessed: Witnessed) -> None:
    if round_id != witnessed.round.round_id:
        raise PeerError("the receipt is of another round than this release")


def _disagrees(terms: Terms, position: int, data: bytes, survivors: bytes) -> str:
    try:
        agreement = hear_from(position, Agreement, data, terms)
    except PeerError as error:
        return str(error)
    return "" if agreement.survivors == survivors else "it agrees to another set"


def _node(terms: Terms, position: int) -> str:
    return terms.members[position].node if position < len(terms.members) else f"position {position}"


def _said(kind: type[M], named: Kind, text: str, coordinator: VerifyKey) -> M:
    data = _bytes(text)
    if not coordinator.verifies(data[:SIGNATURE_BYTES], name_of(named, data)):
        raise PeerError(f"the signature of its {named} does not hold")
    return parse(kind, data)


def _text(envelope: Envelope) -> str:
    return dsse.to_json(envelope).decode()


def _envelope(text: str) -> Envelope:
    return dsse.from_json(text.encode())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise PeerError("a message in it is not well formed") from None
