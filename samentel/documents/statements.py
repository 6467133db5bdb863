"""What is said about a round, each statement signed by the one who says it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from samentel.documents.envelope import Envelope, open_envelope, seal
from samentel.documents.keys import SigningKey, VerifyKey
from samentel.documents.model import (
    DigestField,
    Exact,
    M,
    Model,
    Moment,
    Name,
    NodeIdField,
    PeriodField,
    from_json,
    to_bytes,
)
from samentel.errors import DocumentError, PeerError
from samentel.ids import RoundId, round_id

Nonce = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Attempt = Annotated[int, Field(ge=1, le=5)]
STATEMENT_MOST = 64 << 10  # bytes; the longest, an approval of many small levels, has a few thousand


class Round(Model):
    """The coordinator opens a round: one attempt at one period of one programme."""

    kind: Literal["round"] = "round"
    programme: DigestField
    roster: DigestField
    period: PeriodField
    attempt: Attempt
    nonce: Nonce
    opened_at: Moment
    gather_until: Moment
    collect_until: Moment

    @property
    def round_id(self) -> RoundId:
        """The name that follows from what the round is."""
        return round_id(self.programme, self.period, self.attempt, bytes.fromhex(self.nonce))  # type: ignore[arg-type]


class Start(Model):
    """The coordinator ends the gathering for a secure sum: from here on its steps have these deadlines.

    A node holds a secret of the round until ``expires_at`` at the latest.
    """

    kind: Literal["start"] = "start"
    round: DigestField
    advertise_until: Moment
    share_until: Moment
    mask_until: Moment
    expires_at: Moment


class Presence(Model):
    """An institution says that it takes part. It says so whatever its records hold, zero rows included."""

    kind: Literal["presence"] = "presence"
    round: DigestField
    node: NodeIdField
    ledger_length: Annotated[int, Field(ge=0)]
    ledger_digest: DigestField


class Contribution(Model):
    """An institution hands in its noisy vector, named by its SHA-256.

    Attributes:
        ledger_length, ledger_digest: the head of its ledger just after the vector was booked as spent, so
            that an old copy of the ledger can be told from this one.
    """

    kind: Literal["contribution"] = "contribution"
    round: DigestField
    node: NodeIdField
    programme: DigestField
    cells: Annotated[int, Field(ge=1)]
    vector: DigestField
    ledger_length: Annotated[int, Field(ge=1)]
    ledger_digest: DigestField


class Receipt(Model):
    """The coordinator has stored a contribution."""

    kind: Literal["receipt"] = "receipt"
    round: DigestField
    node: NodeIdField
    contribution: DigestField


class MaskedReceipt(Model):
    """The coordinator has stored an institution's masked counts in a secure sum.

    It stands beside the proposal of the same terms: together they show whether those counts were left out.

    Attributes:
        terms: digest of the terms of the round, as the proposal has it.
        position: of the institution among the members of these terms.
        vector: SHA-256 of the masked counts.
        taken_at: when, by the coordinator's clock.
    """

    kind: Literal["masked-receipt"] = "masked-receipt"
    round: DigestField
    node: NodeIdField
    terms: DigestField
    position: Annotated[int, Field(ge=0)]
    vector: DigestField
    taken_at: Moment


class Approval(Model):
    """An institution agrees to one programme, by digest, within its own limits.

    Attributes:
        rho_cap: the most that this programme may spend here in one reporting year.
        individual: whether the institution also agrees that the coordinator sees its own noisy tables.
        small_levels: levels that few institutions can fill, such as "facility:COSM", to whose publication it
            agrees: its total there becomes known to about two standard deviations of the national noise.
    """

    kind: Literal["approval"] = "approval"
    node: NodeIdField
    programme: DigestField
    rho_cap: Exact
    individual: bool
    small_levels: tuple[
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,48}:[A-Z0-9_]{1,32}$")], ...
    ] = ()
    approved_at: Moment
    expires_at: Moment
    approved_by: Name


def payload_type(kind: str) -> str:
    """The media type under which a kind of statement is signed, so that none can pass for another."""
    return f"application/vnd.samentel.{kind}.v1+json"


def state(statement: Model, signer: SigningKey) -> Envelope:
    """Sign a statement."""
    return seal(payload_type(_kind(type(statement))), to_bytes(statement), signer)


def hear(model: type[M], envelope: Envelope, key: VerifyKey) -> M:
    """The statement, once its speaker's signature holds.

    Raises:
        PeerError: not signed by that key as this kind, or not well formed.
    """
    kind = _kind(model)
    payload = open_envelope(envelope, payload_type(kind), [key])
    if len(payload) > STATEMENT_MOST:
        raise PeerError(f"this {kind} is larger than {STATEMENT_MOST} bytes")
    try:
        return from_json(model, payload, kind)
    except DocumentError as error:
        raise PeerError(str(error)) from None


def _kind(model: type[Model]) -> str:
    return str(model.model_fields["kind"].default)
