"""Whether this institution takes part in a round: one pure decision, made afresh each time.

No clock, file or record is read here, and no outcome depends on what the
records hold. The order of the checks is the order of the table ``CHECKS``.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from samentel.counting import ledger, shares
from samentel.counting.ledger import Charge, Entry, Loss
from samentel.counting.privacy import TableNoise
from samentel.documents import levels
from samentel.documents.envelope import Envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.populations import Counting
from samentel.documents.programme import Mode, Programme
from samentel.documents.roster import Roster
from samentel.documents.statements import Approval, Round, hear
from samentel.errors import DocumentError, PeerError, Reason, Refusal
from samentel.ids import Digest, Period, digest

CLOCKS_MAY_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A period for which this node has fixed whom it counts.

    Attributes:
        programme: digest of the programme that asked.
        binds: whether its persons belong to that quarter of the year from then on.
    """

    programme: str
    period: Period
    binds: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """All that the decision may look at.

    Attributes:
        halted: why the node is paused, or None.
        roster, programme: as held here and verified with the authority's keys, or None.
        approvals: of this programme, oldest first, as stored.
        sealed: the periods that are, of any programme; whether anybody is counted in them does not matter.
        attempts: those of other rounds of this programme and period, in which this node took part.
        deadline: the end of the phase that the round is in.
        dealers: in a secure sum, how many institutions share the noise; as long as nobody knows, the whole
            roster, which is the dearest should everybody else collude.
        salt: 32 fresh random bytes for the entry that a permit holds; the decision does not depend on them.
    """

    now: datetime
    node: str
    key: VerifyKey
    halted: Reason | None
    roster: Roster | None
    programme: Programme | None
    approvals: Sequence[Envelope]
    entries: Sequence[Entry]
    attempts: Sequence[int]
    sealed: Sequence[Sealed]
    deadline: datetime
    dealers: int
    caps: Charge
    institutions_floor: int
    collude_floor: int
    salt: bytes


@dataclass(frozen=True, slots=True)
class Permit:
    """The institution takes part: what it will be charged, and the entry that says so."""

    programme: Programme
    plan: tuple[TableNoise, ...]
    loss: Loss
    hold: Entry


def decide(situation: Situation, asked: Round) -> Permit | Refusal:
    """A permit, or the first rule that says no. Nothing is changed."""
    try:
        return still_agrees(situation, asked) or _permit(situation, asked)
    except Refusal as refusal:
        return refusal


def still_agrees(situation: Situation, asked: Round) -> Refusal | None:
    """The first rule that says no by now, or None: for the steps of a round whose loss is held already."""
    try:
        for check in CHECKS:
            check(situation, asked)
    except Refusal as refusal:
        return refusal
    return None


def newest_approval(situation: Situation) -> Approval | None:
    """The institution's latest word on the programme, if it carries its own signature."""
    for envelope in reversed(situation.approvals):
        try:
            approval = hear(Approval, envelope, situation.key)
        except PeerError:
            continue
        if approval.node == situation.node:
            return approval
    return None


def plan_digest(plan: Sequence[TableNoise]) -> Digest:
    """A name for a noise plan: SHA-256 over its exact parameters."""
    rows = [[one.table, one.cells, one.rows, one.granularity, one.scale.hex(), str(one.rho)] for one in plan]
    return digest(json.dumps(rows, separators=(",", ":")).encode())


def _not_halted(situation: Situation, _: Round) -> None:
    if situation.halted is not None:
        raise Refusal(situation.halted, "this node is paused: a person ends that with `samentel-node resume`")


def _roster_is_ours(situation: Situation, asked: Round) -> None:
    roster = situation.roster
    if roster is None or roster.digest != asked.roster:
        raise Refusal(
            Reason.ROSTER_MISMATCH, "the round was opened under another roster than the one held here"
        )
    mine = roster.institution(situation.node)
    if mine is None or mine.verify_key != situation.key:
        raise Refusal(Reason.ROSTER_MISMATCH, "the roster does not name this institution with its own key")


def _programme_known(situation: Situation, asked: Round) -> None:
    if situation.programme is None or situation.programme.digest != asked.programme:
        raise Refusal(
            Reason.PROGRAMME_UNKNOWN, "the round's programme is not held here, or is not signed as it must be"
        )


def _approved(situation: Situation, asked: Round) -> None:
    approval, programme = newest_approval(situation), situation.programme
    assert programme is not None  # _programme_known comes before
    if approval is None or approval.programme != asked.programme:
        raise Refusal(
            Reason.NOT_APPROVED, "the institution has not approved this programme: `samentel-node approve`"
        )
    if programme.mode is Mode.INDIVIDUAL and not approval.individual:
        raise Refusal(Reason.MODE_NOT_APPROVED, "the approval does not agree to individual mode")
    if approval.expires_at <= situation.now:
        raise Refusal(Reason.APPROVAL_EXPIRED, f"the approval expired on {approval.expires_at:%Y-%m-%d}")


def _period_fits(situation: Situation, asked: Round) -> None:
    assert situation.programme is not None
    if not situation.programme.admits(asked.period):
        raise Refusal(Reason.PERIOD_KIND, f"the programme does not count periods such as {asked.period}")
    if asked.period.end > situation.now:
        raise Refusal(Reason.PERIOD_NOT_OVER, f"the period {asked.period} is not over yet")


def _quarter_open(situation: Situation, asked: Round) -> None:
    """Who was counted in a later quarter may have belonged here: what is late stays in the annual tables."""
    programme, period = situation.programme, asked.period
    assert programme is not None
    if not period.quarter or counting(programme) is not Counting.INFLOW:
        return
    if any((one.programme, one.period) == (asked.programme, period) for one in situation.sealed):
        return  # whom it counts is fixed, so another attempt counts the same
    later = [one.period for one in situation.sealed if one.binds and _follows(one.period, period)]
    if later:
        raise Refusal(
            Reason.PERIOD_CLOSED,
            f"{period} is closed: {min(later)} has been counted here. Its persons are in the annual tables",
        )


def _follows(one: Period, other: Period) -> bool:
    return one.year == other.year and one.quarter > other.quarter


def _above_floors(situation: Situation, _: Round) -> None:
    """PARAMETER_BELOW_FLOOR also for levels that are too small: the authority can mend that, not we."""
    assert situation.programme is not None
    asked, floor = situation.programme.roster.institutions_min, situation.institutions_floor
    if asked < floor:
        raise Refusal(
            Reason.PARAMETER_BELOW_FLOOR,
            f"the programme asks {asked} institutions, the floor here is {floor}",
        )
    assert situation.roster is not None
    if len(situation.roster.institutions) < asked:
        raise Refusal(
            Reason.PARAMETER_BELOW_FLOOR, f"the roster has fewer than the {asked} institutions needed"
        )
    if levels.too_small(situation.programme, situation.roster):
        raise Refusal(
            Reason.PARAMETER_BELOW_FLOOR,
            "too few institutions of the roster can fill a level that it fixes: their totals would be known",
        )
    if situation.programme.mode is Mode.SECURE_SUM:
        _withstands(situation.programme.roster.collude_max, situation.collude_floor)


def _withstands(collude: int, floor: int) -> None:
    if collude < floor:
        raise Refusal(
            Reason.PARAMETER_BELOW_FLOOR,
            f"the programme withstands {collude} that collude, the floor here is {floor}",
        )


def _levels_agreed(situation: Situation, _: Round) -> None:
    """SMALL_LEVEL is for consents only: the institution can give what is missing itself."""
    approval, roster, programme = newest_approval(situation), situation.roster, situation.programme
    assert approval is not None  # _approved comes before
    assert roster is not None
    assert programme is not None
    mine = roster.institution(situation.node)
    assert mine is not None  # _roster_is_ours comes before
    needed = levels.consents_needed(programme, mine)
    if not set(needed) <= set(approval.small_levels):
        names = " ".join(f"--small-level {name}" for name in needed)
        raise Refusal(
            Reason.SMALL_LEVEL,
            "the approval does not agree to every level that few institutions can fill: "
            f"`samentel-node approve {programme.digest[:12]} {names}`",
        )


def _attempt_in_order(situation: Situation, asked: Round) -> None:
    # END-4: later than every attempt this node took part in; it may have been away for one in between.
    assert situation.programme is not None
    if asked.attempt > situation.programme.max_attempts:
        raise Refusal(
            Reason.ATTEMPT_OUT_OF_ORDER, f"the programme allows {situation.programme.max_attempts} attempts"
        )
    if situation.attempts and asked.attempt <= max(situation.attempts):
        raise Refusal(
            Reason.ATTEMPT_OUT_OF_ORDER, f"this node took part in attempt {max(situation.attempts)} already"
        )


def _in_time(situation: Situation, asked: Round) -> None:
    if not asked.opened_at < asked.gather_until < asked.collect_until:
        raise Refusal(Reason.DEADLINE, "the round's deadlines do not follow each other")
    if asked.opened_at > situation.now + CLOCKS_MAY_DIFFER:
        raise Refusal(Reason.DEADLINE, "the round is opened in the future: one of the two clocks is wrong")
    if situation.deadline <= situation.now:
        raise Refusal(Reason.DEADLINE, "the time for this is over")


CHECKS: tuple[Callable[[Situation, Round], None], ...] = (
    _not_halted,
    _roster_is_ours,
    _programme_known,
    _approved,
    _period_fits,
    _quarter_open,
    _above_floors,
    _levels_agreed,
    _attempt_in_order,
    _in_time,
)


def _permit(situation: Situation, asked: Round) -> Permit:
    programme, approval = situation.programme, newest_approval(situation)
    assert programme is not None  # CHECKS
    assert approval is not None  # CHECKS
    assert situation.roster is not None  # CHECKS
    try:
        plan = shares.plan_of(programme, len(situation.roster.institutions), situation.dealers)
        cost = shares.loss_of(programme, plan, situation.dealers)
    except DocumentError as error:
        raise Refusal(Reason.PARAMETER_BELOW_FLOOR, error.problems[0]) from None
    loss = Loss(
        round=asked.round_id,
        period=asked.period,
        attempt=asked.attempt,
        mode=programme.mode,
        counting=counting(programme),
        rho_central=cost.central,
        rho_local=cost.local,
    )
    entry = ledger.hold(
        situation.entries,
        situation.now,
        programme.digest,
        loss,
        situation.caps,
        plan_digest(plan),
        approval.rho_cap,
        salt=situation.salt,
    )
    return Permit(programme, plan, loss, entry)


def counting(programme: Programme) -> Counting:
    """Inflow only if every population of the programme is inflow: the dearer of the two otherwise."""
    kinds = {population.counting for population in programme.populations}
    return Counting.INFLOW if kinds == {Counting.INFLOW} else Counting.STOCK


def left(entries: Sequence[Entry], year: int, caps: Charge) -> Charge:
    """What is left of the house caps of a reporting year of the data."""
    now = ledger.charge([entry.read() for entry in entries], year)
    return Charge(max(caps.central - now.central, Fraction(0)), max(caps.local - now.local, Fraction(0)))
