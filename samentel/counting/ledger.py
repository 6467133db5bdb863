"""The privacy ledger: what this institution has promised, held and spent.

Invariants, which outlive this code (files written by any version must keep them):

1. Append-only. Entry i names the digest of entry i-1; entry 0 names 64 zeros.
   Any changed byte breaks the chain, and ``verify`` names the entry.
2. Spent is never less than published: SPENT is durable before the first byte
   of a vector leaves, so a PUBLISHED entry always finds its SPENT before it.
3. A HOLD counts in full until it is FREED or SPENT. FREED is possible only
   before SPENT; SPENT is final.
4. An unknown kind of entry is never free: reading a ledger that holds one fails.
5. Meanings of kinds and fields never change; new ones get new names.

Entries are computed here and stored elsewhere (node/store.py). No entry ever
holds a count.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from samentel.documents.model import (
    DigestField,
    Exact,
    Model,
    Moment,
    PeriodField,
    from_json,
    to_bytes,
)
from samentel.documents.programme import Counting, Mode
from samentel.errors import DocumentError, Reason, Refusal
from samentel.ids import NO_DIGEST, Digest, Period, digest


class Kind(StrEnum):
    """What an entry says."""

    APPROVED = "approved"
    REFUSED = "refused"
    HOLD = "hold"
    FREED = "freed"
    SPENT = "spent"
    PUBLISHED = "published"


class Loss(Model):
    """One attempt and what it costs a person.

    Attributes:
        rho_central: loss against everyone who sees what is released, as the programme states it.
        rho_local: loss if everybody else colludes; equal to rho_central in individual mode.
        counting: inflow only if every population of the programme is inflow.
    """

    round: DigestField
    period: PeriodField
    attempt: int
    mode: Mode
    counting: Counting
    rho_central: Exact
    rho_local: Exact


class Body(Model):
    """What is hashed into the chain, besides the entry before it.

    Attributes:
        loss: present in HOLD, FREED, SPENT and PUBLISHED.
        reason: the reason code of a REFUSED.
        document: digest of the signed approval or of the release manifest.
        parameters: digest of the noise plan, so that an auditor can tell which noise was promised.
    """

    seq: int
    at: Moment
    kind: Kind
    programme: DigestField
    loss: Loss | None = None
    round: DigestField | None = None
    reason: str | None = None
    document: DigestField | None = None
    parameters: DigestField | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: the body's exact bytes, the digest of the entry before, and its own."""

    body: bytes
    previous: Digest
    digest: Digest

    def read(self) -> Body:
        """The body; raises DocumentError when it holds an unknown kind or field."""
        return from_json(Body, self.body, "ledger entry")


@dataclass(frozen=True, slots=True)
class Head:
    """Where a ledger stands: number of entries and the digest of the last."""

    length: int
    digest: Digest


EMPTY = Head(0, NO_DIGEST)


@dataclass(frozen=True, slots=True)
class Charge:
    """What one reporting year of the data has cost: held and spent together."""

    central: Fraction
    local: Fraction


def head(entries: Sequence[Entry]) -> Head:
    """The head of a list of entries."""
    return Head(len(entries), entries[-1].digest) if entries else EMPTY


def next_entry(after: Head, at: datetime, kind: Kind, programme: Digest, **fields: object) -> Entry:
    """The entry to append; nothing is written here."""
    body = to_bytes(Body(seq=after.length, at=at, kind=kind, programme=programme, **fields))  # type: ignore[arg-type]
    return Entry(body, after.digest, _chained(after.digest, body))


def hold(
    entries: Sequence[Entry],
    at: datetime,
    programme: Digest,
    loss: Loss,
    caps: Charge,
    parameters: Digest,
    programme_cap: Fraction | None = None,
) -> Entry:
    """The HOLD for an attempt, if it fits under every cap.

    Args:
        caps: the house caps of one reporting year, over all programmes, modes and attempts.
        programme_cap: the cap of the institution's approval of this programme, for the same year.

    Raises:
        Refusal: BUDGET_EXHAUSTED, with what is asked and what is left; REPLAYED_ROUND when this round was
            held before, whatever became of it.
    """
    bodies = [entry.read() for entry in entries]
    if any(body.kind is Kind.HOLD and body.loss and body.loss.round == loss.round for body in bodies):
        raise Refusal(Reason.REPLAYED_ROUND, "this round has been held in the ledger before")
    entry = next_entry(head(entries), at, Kind.HOLD, programme, loss=loss, parameters=parameters)
    now, after = charge(bodies, loss.period.year), charge([*bodies, entry.read()], loss.period.year)
    year = loss.period.year
    _fits(f"house cap for {year}", loss.rho_central, now.central, after.central, caps.central)
    _fits(f"local house cap for {year}", loss.rho_local, now.local, after.local, caps.local)
    if programme_cap is not None:
        mine = [body for body in bodies if body.programme == programme]
        now, after = charge(mine, year), charge([*mine, entry.read()], year)
        _fits(f"approved cap of this programme for {year}", loss.rho_central, now.central, after.central, programme_cap)
    return entry


def charge(bodies: Iterable[Body], year: int) -> Charge:
    """What stands against the cap of one reporting year of the data.

    All annual, stock and individual losses add; of the quarters' inflow, the
    largest quarter counts, because a person's first contact lies in one
    quarter only. Attempts of one quarter add.
    """
    open_losses: dict[str, Loss] = {}
    for body in bodies:
        if body.loss is None:
            continue
        if body.kind is Kind.HOLD:
            open_losses[body.loss.round] = body.loss
        elif body.kind is Kind.FREED:
            open_losses.pop(body.loss.round, None)
    plain: list[Loss] = []
    quarters: dict[Period, list[Loss]] = {}
    for loss in open_losses.values():
        if loss.period.year != year:
            continue
        by_quarter = loss.period.quarter and loss.counting is Counting.INFLOW and loss.mode is not Mode.INDIVIDUAL
        (quarters.setdefault(loss.period, []) if by_quarter else plain).append(loss)
    return Charge(
        _sum(loss.rho_central for loss in plain)
        + max((_sum(loss.rho_central for loss in losses) for losses in quarters.values()), default=Fraction(0)),
        _sum(loss.rho_local for loss in plain)
        + max((_sum(loss.rho_local for loss in losses) for losses in quarters.values()), default=Fraction(0)),
    )


def verify(entries: Sequence[Entry]) -> list[str]:
    """Everything that is wrong with a ledger, a sentence each; an empty list when it holds."""
    problems = []
    previous, state = NO_DIGEST, dict[str, Kind]()
    for number, entry in enumerate(entries):
        if entry.previous != previous:
            problems.append(f"entry {number}: does not follow the entry before it")
        if _chained(entry.previous, entry.body) != entry.digest:
            problems.append(f"entry {number}: has been changed since it was written")
        try:
            body = entry.read()
        except DocumentError as error:
            problems.append(f"entry {number}: {error.problems[0]}")
        else:
            problems += [f"entry {number}: {text}" for text in _out_of_order(body, number, state)]
        previous = entry.digest
    return problems


def follows(entries: Sequence[Entry], seen: Head) -> bool:
    """Whether a head that someone saw earlier lies on this ledger. If not, this is an old or another copy."""
    if seen.length == 0:
        return True
    return seen.length <= len(entries) and entries[seen.length - 1].digest == seen.digest


_BEFORE = {
    Kind.HOLD: (None,),
    Kind.FREED: (Kind.HOLD,),
    Kind.SPENT: (Kind.HOLD,),
    Kind.PUBLISHED: (Kind.SPENT,),
}


def _out_of_order(body: Body, number: int, state: dict[str, Kind]) -> Iterable[str]:
    if body.seq != number:
        yield f"carries the number {body.seq}"
    if body.kind not in _BEFORE:
        return
    if body.loss is None:
        yield f"{body.kind} without a loss"
        return
    before = state.get(body.loss.round)
    if before not in _BEFORE[body.kind]:
        yield f"{body.kind} of a round that is {before or 'not held'}"
    state[body.loss.round] = body.kind


def _chained(previous: Digest, body: bytes) -> Digest:
    return digest(b"samentel/v1/ledger/" + previous.encode() + b"/" + body)


def _sum(losses: Iterable[Fraction]) -> Fraction:
    return sum(losses, Fraction(0))


def _fits(name: str, asked: Fraction, now: Fraction, after: Fraction, cap: Fraction) -> None:
    if after > cap:
        raise Refusal(
            Reason.BUDGET_EXHAUSTED,
            f"{name}: the round asks rho {asked}, {cap - now if now < cap else 0} of {cap} is left",
        )
