"""What has happened, as values: the only thing that the national side remembers.

Every state is a fold over these (``aggregator/register.py``,
``aggregator/conductor.py``). Meanings never change; new ones get new names.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from samentel.documents.access import CodeText
from samentel.documents.codelists import Text
from samentel.documents.model import (
    DigestField,
    Model,
    Moment,
    Name,
    NodeIdField,
    PeriodField,
    from_json,
    to_bytes,
)
from samentel.documents.programme import Mode
from samentel.documents.roster import Facilities, KeyHex
from samentel.errors import DocumentError, LocalFault
from samentel.ids import NO_DIGEST, Digest


class Initialised(Model):
    """The national side was set up with this root certificate (SHA-256 of its DER)."""

    root: DigestField


class Invited(Model):
    """A node may enrol with the credential of this public key; replaces an earlier invitation."""

    name: Name
    operator: Name
    type: CodeText
    province: CodeText
    facilities: Facilities = ()
    spki: DigestField
    until: Moment


class Enrolled(Model):
    """A node handed in its request and its protocol key; a person has yet to confirm."""

    request: DigestField
    spki: DigestField
    protocol_key: KeyHex
    fingerprint: Name


class Confirmed(Model):
    """A person compared the fingerprint; the node's first certificate."""

    chain: DigestField
    spki: DigestField
    until: Moment


class Renewed(Model):
    """A further certificate of a node; the earlier one stays valid until it expires."""

    chain: DigestField
    spki: DigestField
    until: Moment


class Revoked(Model):
    """Every certificate of this role and name is worthless from now on."""

    role: Literal["node", "admin", "reader", "invitation"]


class BadgeIssued(Model):
    """A certificate for an administrator or a reader."""

    role: Literal["admin", "reader"]
    spki: DigestField
    until: Moment


class DocumentPublished(Model):
    """A document of the authority is in force; ``subject`` is its digest."""

    document: Literal["programme", "roster", "figures"]
    name: Name
    version: int
    envelope: DigestField


class RoundOpened(Model):
    """A round was opened; ``envelope`` names the signed round document.

    Attributes:
        institutions_min: so many must be present for it to begin; in a secure sum the programme's rules may
            ask for more than its least number.
        mode: as the programme has it. Logs from before there were secure sums do not say.
    """

    envelope: DigestField
    programme: DigestField
    roster: DigestField
    period: PeriodField
    attempt: Annotated[int, Field(ge=1, le=5)]
    invited: tuple[NodeIdField, ...]
    institutions_min: int
    gather_until: Moment
    collect_until: Moment
    mode: Mode = Mode.INDIVIDUAL


class Present(Model):
    """A node said that it takes part."""

    node: NodeIdField


class Collecting(Model):
    """Gathering is over: those present hand in their vectors."""


class Started(Model):
    """The steps of a secure sum begin; ``envelope`` names the signed start with their deadlines."""

    envelope: DigestField


class MessagePosted(Model):
    """A node's signed message of a secure sum was stored, and the bytes that it names beside it."""

    node: NodeIdField
    kind: Literal["advert", "dealing", "upload", "agreement", "reveal"]
    message: DigestField
    attachment: DigestField | None = None


class RollCalled(Model):
    """These nodes have asked for news since the last masked counts arrived: they are up."""

    nodes: tuple[NodeIdField, ...]


class TimePassed(Model):
    """A secure sum was told the time, that of this event, and went on because of it."""


class SumTurned(Model):
    """A secure sum is in another phase; ``survivors`` are named when it is their agreement that is gathered.

    What it says follows from the events before it; it stands here so that where a round is can be read
    without its messages.
    """

    phase: Literal["sharing", "masking", "agreeing", "revealing", "done", "failed"]
    survivors: tuple[NodeIdField, ...] = ()


class DealerConvicted(Model):
    """A node is proven to have dealt shares that do not fit; ``evidence`` names the proof."""

    node: NodeIdField
    evidence: DigestField


class Totalled(Model):
    """The masks are off: ``total`` names the national sum as residues.

    Attributes:
        survivors: whose counts are in it.
        dealers: the noise shares were drawn for that many.
    """

    total: DigestField
    survivors: tuple[NodeIdField, ...]
    dealers: Annotated[int, Field(ge=1)]


class Contributed(Model):
    """A node's vector was stored; ``statement`` is the digest of its signed statement."""

    node: NodeIdField
    statement: DigestField


class Summed(Model):
    """Everybody who will be in the sum is in it."""


class Publishing(Model):
    """A release is being made: its name and its moment (that of this event) are fixed."""

    release_id: Name
    supersedes: Name | None = None


class Published(Model):
    """A release is complete; ``manifest`` is the digest of its manifest."""

    release_id: Name
    manifest: DigestField


class Countersigned(Model):
    """One of the authority's keys has signed the manifest of a release too; ``subject`` is the release.

    Attributes:
        key: SHA-256 of the raw public key.
        signature: over the manifest as the coordinator signed it, hexadecimal.
    """

    key: DigestField
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class Correcting(Model):
    """A release is being made again from the sums of its round: its name and its moment are fixed.

    Attributes:
        corrects: the release that it takes the place of.
        reason: why, for readers.
    """

    release_id: Name
    corrects: Name
    reason: Text


class Corrected(Model):
    """That release is complete; ``manifest`` is the digest of its manifest."""

    release_id: Name
    manifest: DigestField


class ErratumIssued(Model):
    """Something in a release turned out to be wrong; ``envelope`` names the signed erratum."""

    release_id: Name
    text: Text
    envelope: DigestField


class Abandoned(Model):
    """A round ended without a release."""

    reason: Name


class LedgerSeen(Model):
    """The latest head of a node's ledger."""

    length: Annotated[int, Field(ge=0)]
    digest: DigestField


Body = (
    Initialised
    | Invited
    | Enrolled
    | Confirmed
    | Renewed
    | Revoked
    | BadgeIssued
    | DocumentPublished
    | RoundOpened
    | Present
    | Collecting
    | Started
    | MessagePosted
    | RollCalled
    | TimePassed
    | SumTurned
    | DealerConvicted
    | Totalled
    | Contributed
    | Summed
    | Publishing
    | Published
    | Countersigned
    | Correcting
    | Corrected
    | ErratumIssued
    | Abandoned
    | LedgerSeen
)

KINDS: Mapping[str, type[Body]] = {
    "initialised": Initialised,
    "invited": Invited,
    "enrolled": Enrolled,
    "confirmed": Confirmed,
    "renewed": Renewed,
    "revoked": Revoked,
    "badge-issued": BadgeIssued,
    "document-published": DocumentPublished,
    "round-opened": RoundOpened,
    "present": Present,
    "collecting": Collecting,
    "started": Started,
    "message-posted": MessagePosted,
    "roll-called": RollCalled,
    "time-passed": TimePassed,
    "sum-turned": SumTurned,
    "dealer-convicted": DealerConvicted,
    "totalled": Totalled,
    "contributed": Contributed,
    "summed": Summed,
    "publishing": Publishing,
    "published": Published,
    "countersigned": Countersigned,
    "correcting": Correcting,
    "corrected": Corrected,
    "erratum-issued": ErratumIssued,
    "abandoned": Abandoned,
    "ledger-seen": LedgerSeen,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        seq: from 1, without gaps.
        at: when, UTC.
        subject: the node, certificate holder, document or round that it is about.
    """

    seq: int
    at: datetime
    subject: str
    body: Body

    @property
    def kind(self) -> str:
        """The word for it in the log."""
        return _NAMES[type(self.body)]


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ends."""

    seq: int
    digest: Digest


START = Head(0, NO_DIGEST)


class _Record(Model):
    seq: int
    kind: str
    subject: str
    at: Moment
    body: dict[str, JsonValue]


def to_record(event: Event) -> bytes:
    """The event as the bytes that are stored and chained."""
    body = event.body.model_dump(mode="json")
    return to_bytes(_Record(seq=event.seq, kind=event.kind, subject=event.subject, at=event.at, body=body))


def from_record(seq: int, record: bytes) -> Event:
    """Read a stored event.

    Raises:
        LocalFault: it is not one that this version can read.
    """
    try:
        read = from_json(_Record, record, f"event {seq}")
        kind = KINDS[read.kind]
        body = kind.model_validate(read.body, strict=False)
    except (DocumentError, KeyError, ValueError):
        raise LocalFault(
            f"event {seq} of the log cannot be read: was it written by a newer version?"
        ) from None
    if read.seq != seq:
        raise LocalFault(
            f"event {seq} of the log says that it is another: restore the database from a backup"
        )
    return Event(seq, read.at, read.subject, body)


def chained(previous: Digest, record: bytes) -> Digest:
    """The digest of an event in its place in the chain."""
    return Digest(hashlib.sha256(b"samentel/v1/event/" + previous.encode() + b"/" + record).hexdigest())
