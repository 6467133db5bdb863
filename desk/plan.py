"""What a programme will be worth and what it will cost, before any record is read.

Everything here follows from the programme and the number of institutions
alone, and from the roster where there is one. The normal quantile is used
throughout: the discrete Gaussian, and a sum of its shares, differ from it by
less than anybody can see in these figures. How accurate the tables are is
worked out in ``desk/accuracy.py``; what people read is in ``desk/plan_page.py``.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction

from desk.accuracy import Optimality, TablePlan, optimality, table_plans, unreadable
from desk.answers import Answer, answers
from desk.reach import LevelPlan, level_plans, too_few
from samentel.counting.privacy import TableNoise, attacker_power, epsilon_upper, total_rho
from samentel.counting.shares import honest_shares, plan_of, tau_upper
from samentel.documents.programme import Mode, Programme, RosterRules
from samentel.documents.roster import Roster
from samentel.errors import DocumentError
from samentel.figures.collusion import Collusion, collusion_of, fewest_listed
from samentel.secagg.ring import ring_for
from samentel.secagg.terms import NODES_MOST, threshold

FALSE_ALARMS = 0.05
TIMES = (1, 2, 3)  # institutions, or years, that the plan answers for
LOCAL_CAP = 80  # a node's default cap on the local loss of a year; a test compares it with the node's own


@dataclass(frozen=True, slots=True)
class PopulationPlan:
    """Whom some of the tables count.

    Attributes:
        rows_per_person: k, the most rows one person adds to each of its tables.
        reference: about how many rows the country has in a period; None if the programme names no figure.
    """

    population: str
    title_nl: str
    title_en: str
    rows_per_person: int
    reference: int | None
    reference_source: str | None


@dataclass(frozen=True, slots=True)
class Exposure:
    """What one attempt a year costs a person who is counted more than once.

    Attributes:
        times: at how many institutions, or in how many reporting years.
        rho: the whole loss, exact: rho * times^2 over institutions, rho * times over years.
        epsilon: with the programme's delta, for readers; rounded up.
    """

    times: int
    rho: Fraction
    epsilon: float


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


@dataclass(frozen=True, slots=True)
class Plan:
    """What a programme will be worth and cost with that many institutions.

    Attributes:
        institutions: how many begin.
        absent: how many of them fall out on the way; the rest is in the sum.
        rho: loss of one attempt, all tables together; never more than the programme states.
        epsilon: with delta, for readers; rounded up.
        power: how often an attacker who is wrong in 5 % of cases recognises a person who is there.
        ledger_attempt, ledger_most: what one attempt and all attempts book against a year's cap.
        by_institutions: what a person pays who is in the data of 1, 2, 3 institutions in one period.
        by_years: what a person pays who is in the data of one institution for 1, 2, 3 reporting years.
        populations, tables: in the programme's order.
        answers: what the headline figures are worth.
        optimality: how far the shares of rho are from the best.
        levels: those that the roster fixes; empty if no table has one.
        secure_sum: None in individual mode.
    """

    programme: str
    version: int
    digest: str
    mode: str
    institutions: int
    absent: int
    institutions_min: int
    populations: tuple[PopulationPlan, ...]
    tables: tuple[TablePlan, ...]
    answers: tuple[Answer, ...]
    optimality: Optimality
    levels: tuple[LevelPlan, ...]
    rho: Fraction
    delta: Fraction
    epsilon: float
    power: float
    max_attempts: int
    ledger_attempt: Fraction
    ledger_most: Fraction
    by_institutions: tuple[Exposure, ...]
    by_years: tuple[Exposure, ...]
    secure_sum: SumPlan | None


def plan(programme: Programme, institutions: int, absent: int = 0, roster: Roster | None = None) -> Plan:
    """The plan of a programme.

    Args:
        institutions: on the roster, and all of them there when the round begins.
        absent: how many of them fall out before their counts have arrived.
        roster: who they are, if that is known already.

    Raises:
        DocumentError: such a round cannot end in a sum, a level has too few institutions, or a table would
            be published that is too uncertain to read; every reason, each with what to change.
    """
    _refuse(_problems(programme, institutions, absent))
    noises = plan_of(programme, institutions, institutions)
    tables = table_plans(programme, noises, institutions - absent)
    _refuse([*unreadable(programme, tables), *(too_few(programme, roster) if roster else ())])
    shared = programme.mode is Mode.SECURE_SUM
    fewest = fewest_listed(programme.roster, institutions)
    collusion = collusion_of(programme, noises, institutions, institutions, fewest) if shared else None
    spent = collusion.central if collusion else total_rho(noises)
    booked = collusion.loss.central if collusion else programme.rho
    return Plan(
        programme=programme.id,
        version=programme.version,
        digest=programme.digest,
        mode=programme.mode,
        institutions=institutions,
        absent=absent,
        institutions_min=programme.roster.institutions_min,
        populations=tuple(_populations(programme)),
        tables=tables,
        answers=answers(programme, noises, institutions - absent),
        optimality=optimality(programme),
        levels=level_plans(programme, roster),
        rho=spent,
        delta=programme.delta,
        epsilon=epsilon_upper(spent, programme.delta),
        power=attacker_power(spent, FALSE_ALARMS),
        max_attempts=programme.max_attempts,
        ledger_attempt=booked,
        ledger_most=booked * programme.max_attempts,
        # Records at h institutions move every sum by up to h times as much: the loss grows with the square.
        by_institutions=tuple(_exposure(programme, times, times**2) for times in TIMES),
        by_years=tuple(_exposure(programme, times, times) for times in TIMES),
        secure_sum=_sum_plan(noises, collusion, institutions) if collusion else None,
    )


def as_values(made: Plan) -> dict[str, object]:
    """The plan as plain values for JSON; exact numbers as text such as "1/2"."""
    return asdict(made, dict_factory=lambda pairs: {key: _plain(value) for key, value in pairs})


def _refuse(problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        raise DocumentError("plan", found)


def _problems(programme: Programme, institutions: int, absent: int) -> Iterator[str]:
    least, left = programme.roster.institutions_min, institutions - absent
    if institutions < 1:
        yield f"--institutions {institutions}: write a whole number, {least} or more for this programme"
    elif institutions > NODES_MOST:
        yield f"--institutions {institutions}: no roster has more than {NODES_MOST}"
    elif institutions < least:
        yield (
            f"--institutions {institutions}: this programme asks for at least {least}; begin with more, "
            "or lower roster.institutions_min"
        )
    elif absent < 0:
        yield f"--absent {absent}: write a whole number, 0 or more"
    elif programme.mode is Mode.SECURE_SUM:
        yield from _sum_problems(programme.roster, institutions, absent)
    elif left < least:
        yield _too_few(least, institutions, absent)


def _too_few(least: int, institutions: int, absent: int) -> str:
    left = max(institutions - absent, 0)
    return (
        f"--absent {absent}: of {institutions} institutions that leaves {left} in the sum, and this "
        f"programme asks for at least {least}; begin with more, or lower roster.institutions_min"
    )


def _sum_problems(rules: RosterRules, institutions: int, absent: int) -> Iterator[str]:
    """The conditions of ``samentel.secagg.terms``, with what to change.

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
    if absent > d:
        yield f"--absent {absent}: at most {d} may fall out of this programme (roster.absent_max)"
    elif institutions - absent < rules.institutions_min:
        yield _too_few(rules.institutions_min, institutions, absent)


def _populations(programme: Programme) -> Iterator[PopulationPlan]:
    used = {table.population for table in programme.tables}
    for population in programme.populations:
        if population.id in used:
            yield PopulationPlan(
                population.id,
                population.title.nl,
                population.title.en,
                population.rows_per_person,
                population.reference,
                population.reference_source,
            )


def _sum_plan(noises: Sequence[TableNoise], collusion: Collusion, institutions: int) -> SumPlan:
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


def _exposure(programme: Programme, times: int, factor: int) -> Exposure:
    rho = programme.rho * factor
    return Exposure(times, rho, epsilon_upper(rho, programme.delta))


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Fraction) else value
