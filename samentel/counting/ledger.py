"""The privacy ledger: what this institution has promised, held and spent.

Invariants, which outlive this code (files written by any version must keep them):

1. Append-only. Entry i names the digest of entry i-1; entry 0 names 64 zeros.
   Any changed byte breaks the chain, and ``verify`` names the entry.
2. Spent is never less than published: SPENT is durable before the first byte
   of a vector leaves, so a PUBLISHED entry always finds its SPENT before it.
3. A HOLD counts in full until it is FREED. FREED is possible only before
   SPENT, and frees nothing after it; SPENT is final. FREED gives the central
   loss back. The local loss stays: it is what holds if everybody else
   colludes, and they can take the masks off counts that were only handed in.
4. An unknown kind of entry is never free: reading a ledger that holds one fails.
5. Meanings of kinds and fields never change; new ones get new names.
6. Every entry holds a salt of 32 random bytes, which never leaves the
   institution unless it shows its ledger itself. The coordinator sees heads
   whenever it is asked for news; without a secret in them it could try reasons
   of refusal and times until a digest fits. Two ledgers with the same history
   have different heads.

Entries are computed here and stored elsewhere (node/store.py); nothing is drawn
here either: salts are given. No entry ever holds a count.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

from pydantic import StringConstraints, model_validator

from samentel.documents.model import (
    DigestField,
    LongExact,
    Model,
    Moment,
    PeriodField,
    from_json,
    to_bytes,
)
from samentel.documents.populations import Counting
from samentel.documents.programme import Mode
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


# What may stand just before an entry of the same round; each of these carries a loss, and no other kind does.
_BEFORE: Mapping[Kind, tuple[Kind | None, ...]] = {
    Kind.HOLD: (None,),
    Kind.FREED: (Kind.HOLD,),
    Kind.SPENT: (Kind.HOLD,),
    Kind.PUBLISHED: (Kind.SPENT,),
}
_NOTHING = Fraction(0)
SALT_BYTES = 32
Salt = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Loss(Model):
    """One attempt and what it costs a person.

    Attributes:
        rho_central: loss against everyone who sees what is released, exact, of the noise that is drawn.
        rho_local: loss if everybody else colludes; equal to rho_central in individual mode.
        counting: inflow only if every population of the programme is inflow.
    """

    round: DigestField
    period: PeriodField
    attempt: int
    mode: Mode
    counting: Counting
    rho_central: LongExact
    rho_local: LongExact


class Body(Model):
    """What is hashed into the chain, besides the entry before it.

    Attributes:
        salt: 32 random bytes as hex digits, so that nobody can guess a body from its digest.
        loss: present in HOLD, FREED, SPENT and PUBLISHED.
        reason: the reason code of a REFUSED.
        document: digest of the signed approval or of the release manifest.
        parameters: digest of the noise plan, so that an auditor can tell which noise was promised.
    """

    seq: int
    at: Moment
    salt: Salt
    kind: Kind
    programme: DigestField
    loss: Loss | None = None
    round: DigestField | None = None
    reason: str | None = None
    document: DigestField | None = None
    parameters: DigestField | None = None

    @model_validator(mode="after")
    def _nothing_is_free(self) -> "Body":
        if (self.loss is not None) != (self.kind in _BEFORE):
            raise ValueError(
                f"{self.kind}: stands with a loss that it cannot have, or without the one it needs"
            )
        return self


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


def next_entry(
    after: Head, at: datetime, kind: Kind, programme: Digest, *, salt: bytes, **fields: object
) -> Entry:
    """The entry to append; nothing is written here.

    Args:
        salt: 32 bytes, drawn afresh from the system's randomness for this entry alone.
    """
    said = Body(seq=after.length, at=at, salt=salt.hex(), kind=kind, programme=programme, **fields)  # type: ignore[arg-type]
    body = to_bytes(said)
    return Entry(body, after.digest, _chained(after.digest, body))


def hold(
    entries: Sequence[Entry],
    at: datetime,
    programme: Digest,
    loss: Loss,
    caps: Charge,
    parameters: Digest,
    programme_cap: Fraction | None = None,
    *,
    salt: bytes,
) -> Entry:
    """The HOLD for an attempt, if it fits under every cap.

    Args:
        caps: the house caps of one reporting year, over all programmes, modes and attempts.
        programme_cap: the cap of the institution's approval of this programme, for the same year.
        salt: 32 fresh random bytes, as for ``next_entry``.

    Raises:
        Refusal: BUDGET_EXHAUSTED, with what is asked and what is left; REPLAYED_ROUND when this round was
            held before, whatever became of it.
    """
    bodies = [entry.read() for entry in entries]
    if any(body.kind is Kind.HOLD and body.loss and body.loss.round == loss.round for body in bodies):
        raise Refusal(Reason.REPLAYED_ROUND, "this round has been held in the ledger before")
    entry = next_entry(head(entries), at, Kind.HOLD, programme, salt=salt, loss=loss, parameters=parameters)
    now, after = charge(bodies, loss.period.year), charge([*bodies, entry.read()], loss.period.year)
    year = loss.period.year
    _fits(f"house cap for {year}", loss.rho_central, now.central, after.central, caps.central)
    _fits(f"local house cap for {year}", loss.rho_local, now.local, after.local, caps.local)
    if programme_cap is not None:
        mine = [body for body in bodies if body.programme == programme]
        now, after = charge(mine, year), charge([*mine, entry.read()], year)
        name = f"approved cap of this programme for {year}"
        _fits(name, loss.rho_central, now.central, after.central, programme_cap)
    return entry


def charge(bodies: Iterable[Body], year: int) -> Charge:
    """What stands against the cap of one reporting year of the data.

    All annual, stock and individual losses add; of the quarters' inflow, the
    largest quarter counts, because a person's first contact lies in one
    quarter only. Attempts of one quarter add.

    Even of a ledger that ``verify`` faults nothing comes out free: a SPENT
    counts without its HOLD, and two different losses of one round both count.
    """
    losses: dict[str, set[Loss]] = {}
    final: set[str] = set()
    for body in bodies:
        if body.loss is None:
            continue
        name = body.loss.round
        if body.kind is Kind.FREED:
            if name not in final:
                held = losses.get(name, set())
                losses[name] = {loss.model_copy(update={"rho_central": _NOTHING}) for loss in held}
            continue
        losses.setdefault(name, set()).add(body.loss)
        if body.kind is not Kind.HOLD:
            final.add(name)
    plain: list[Loss] = []
    quarters: dict[Period, list[Loss]] = {}
    for loss in (loss for group in losses.values() for loss in group if loss.period.year == year):
        (quarters.setdefault(loss.period, []) if _counts_by_quarter(loss) else plain).append(loss)
    return Charge(
        _sum(loss.rho_central for loss in plain)
        + max((_sum(loss.rho_central for loss in group) for group in quarters.values()), default=_NOTHING),
        _sum(loss.rho_local for loss in plain)
        + max((_sum(loss.rho_local for loss in group) for group in quarters.values()), default=_NOTHING),
    )


def _counts_by_quarter(loss: Loss) -> bool:
    return loss.period.quarter > 0 and loss.counting is Counting.INFLOW and loss.mode is not Mode.INDIVIDUAL


def verify(entries: Sequence[Entry]) -> list[str]:
    """Everything that is wrong with a ledger, a sentence each; an empty list when it holds."""
    problems = []
    previous, state = NO_DIGEST, dict[str, Body]()
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


def _out_of_order(body: Body, number: int, state: dict[str, Body]) -> Iterable[str]:
    if body.seq != number:
        yield f"carries the number {body.seq}"
    if body.loss is None:
        return
    before = state.get(body.loss.round)
    if (before.kind if before else None) not in _BEFORE[body.kind]:
        yield f"{body.kind} of a round that is {before.kind if before else 'not held'}"
    if before and (before.loss, before.programme) != (body.loss, body.programme):
        yield f"{body.kind} with another loss or programme than the entry before it of this round"
    state[body.loss.round] = body


def _chained(previous: Digest, body: bytes) -> Digest:
    return digest(b"samentel/v1/ledger/" + previous.encode() + b"/" + body)


def _sum(losses: Iterable[Fraction]) -> Fraction:
    return sum(losses, _NOTHING)


def _fits(name: str, asked: Fraction, now: Fraction, after: Fraction, cap: Fraction) -> None:
    if after > cap:
        raise Refusal(
            Reason.BUDGET_EXHAUSTED,
            f"{name}: the round asks rho {_short(asked, math.ceil)}, "
            f"{_short(max(cap - now, _NOTHING), math.floor)} of {_short(cap, math.floor)} is left",
        )


def _short(rho: Fraction, rounded: Callable[[Fraction], int]) -> str:
    """A loss to read: as it is, or in millionths where its exact form is long."""
    return str(rho) if rho.denominator < 10**6 else f"{rounded(rho * 10**6) / 10**6:.6f}"
