"""What a plan says of a secure sum only: who may fall out or collude, and what that costs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from desk.planning.caps import LOCAL_CAP
from samentel.counting.privacy import TableNoise, epsilon_upper
from samentel.counting.shares import honest_shares, plan_of, tau_upper
from samentel.documents.programme import RosterRules
from samentel.errors import DocumentError
from samentel.figures.collusion import Collusion
from samentel.secagg.ring import ring_for
from samentel.secagg.terms import threshold


@dataclass(frozen=True, slots=True)
class Colluding:
    """What one attempt costs a person at an honest institution, by how many others collude.

    Attributes:
        masks: whether the masks are still counted on; if not, an institution's own noise share is left.
    """

    colluders: int
    rho: Fraction
    epsilon: float
    masks: bool


@dataclass(frozen=True, slots=True)
class SumPlan:
    """What belongs to a secure sum only.

    Attributes:
        collude_max, absent_max: c and D.
        sum_least: n - D, or the programme's least number if that is more: as many must be in the sum, and
            every one of them must agree to it.
        helpers: t, as many of them must help to take the masks off.
        tau: the largest of tau times the cells of a table, at most 1e-9; rounded up, never zero.
        ring_bits: the width of a masked count.
        ledger_local, ledger_local_most: what one attempt and all attempts book as the loss if everybody else
            colludes, against a cap of its own.
        attempts_fit: how many attempts fit under the local cap that a node has unless its house sets another;
            may be 0.
        fewest: the least number of institutions with which a round can go on. A lying coordinator can show as
            short a list of keys as that.
        colluding: the loss by the number of colluders, on a list of any length that is allowed.
        individual_ratio: how many times as wide every interval would be if each institution added the full
            noise itself (individual mode).
    """

    collude_max: int
    absent_max: int
    sum_least: int
    helpers: int
    tau: float
    ring_bits: int
    ledger_local: Fraction
    ledger_local_most: Fraction
    attempts_fit: int
    fewest: int
    colluding: tuple[Colluding, ...]
    individual_ratio: float


def sum_problems(rules: RosterRules, institutions: int) -> Iterator[str]:
    """The conditions of ``samentel.secagg.terms`` on who colludes or falls out, with what to change.

    That n - c - D is at least 2 needs no word: the programme says so of its own least number.
    """
    c, d, t = rules.collude_max, rules.absent_max, threshold(institutions)
    if c >= 2 * t - institutions:
        yield (
            f"{institutions} institutions withstand {2 * t - institutions - 1} that collude, and the "
            f"programme says {c}: lower roster.collude_max, or begin with more institutions"
        )
    if t > institutions - d:
        yield (
            f"{t} of {institutions} institutions must help to take the masks off, so at most "
            f"{institutions - t} can fall out, and the programme says {d}: lower roster.absent_max, or begin "
            "with more institutions"
        )


def sum_plan(noises: Sequence[TableNoise], collusion: Collusion, institutions: int) -> SumPlan:
    """What a secure sum asks of its institutions, and what it costs them.

    Args:
        noises: the noise shares for that many institutions.

    Raises:
        DocumentError: sums could be too large to be carried.
    """
    programme = collusion.programme
    tau = max(tau_upper(noise.scale, institutions) * (noise.cells + 1) for noise in noises)
    rows_max = max(population.rows_max for population in programme.populations)
    fewest = plan_of(programme, institutions, programme.roster.institutions_min)  # the largest noise shares
    try:
        ring = ring_for(fewest, institutions, rows_max)
    except OverflowError:
        raise DocumentError("plan", ["populations.rows_max: sums could overflow 64 bits; lower it"]) from None
    return SumPlan(
        collude_max=programme.roster.collude_max,
        absent_max=programme.roster.absent_max,
        sum_least=max(institutions - programme.roster.absent_max, programme.roster.institutions_min),
        helpers=threshold(institutions),
        tau=math.nextafter(float(tau), math.inf),
        ring_bits=int(ring),
        ledger_local=collusion.loss.local,
        ledger_local_most=collusion.loss.local * programme.max_attempts,
        attempts_fit=LOCAL_CAP // collusion.loss.local,
        fewest=collusion.fewest,
        colluding=tuple(_colluding(collusion, colluders) for colluders in collusion.steps()),
        # A share has 1/honest of the variance that full noise has, of every table alike.
        individual_ratio=math.sqrt(honest_shares(programme.roster, institutions)),
    )


def _colluding(collusion: Collusion, colluders: int) -> Colluding:
    rho = collusion.with_colluders(colluders)
    epsilon = epsilon_upper(rho, collusion.programme.delta)
    return Colluding(colluders, rho, epsilon, masks=colluders <= collusion.withstood)
