"""What a programme will be worth and what it will cost, before any record is read.

Everything here follows from the programme and the number of institutions
alone, and from the roster where there is one. The normal quantile is used
throughout: the discrete Gaussian, and a sum of its shares, differ from it by
less than anybody can see in these figures. How accurate the tables are is
worked out in ``desk/planning/accuracy.py``; what people read is in ``desk/planning/plan_page.py``.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction

from desk.planning.accuracy import (
    Miss,
    Optimality,
    TablePlan,
    misses,
    optimality,
    optimality_of,
    table_plans,
    unreadable,
)
from desk.planning.answers import Answer, answers
from desk.planning.caps import CENTRAL_CAP
from desk.planning.officer import FALSE_ALARMS, Told, told
from desk.planning.options import OptionsError, refuse
from desk.planning.plan_drop import Without, without
from desk.planning.plan_sum import SumPlan, sum_plan, sum_problems
from desk.planning.reach import LevelPlan, level_plans, too_few
from desk.planning.targets import Targets, Wanted, targets
from samentel.counting.privacy import TableNoise, attacker_power, epsilon_upper, total_rho
from samentel.counting.shares import plan_of
from samentel.documents.programme import Mode, Programme
from samentel.documents.roster import Roster
from samentel.errors import DocumentError
from samentel.figures.collusion import collusion_of, fewest_listed
from samentel.secagg.terms import NODES_MOST

INSTITUTIONS, YEARS = (1, 2, 3), (1, 2, 3, 5)  # that a person is in the data of: what the plan answers for


@dataclass(frozen=True, slots=True)
class PopulationPlan:
    """Whom some of the tables count.

    Attributes:
        rows_per_person: k, the most rows one person adds to each of its tables.
        reference: about how many rows the country has in a period; None if the programme names no figure.
        optimality: how far the shares of its tables are from the best, at what they spend together; None
            where none of them has a weight.
    """

    population: str
    title_nl: str
    title_en: str
    rows_per_person: int
    reference: int | None
    reference_source: str | None
    optimality: Optimality | None


@dataclass(frozen=True, slots=True)
class Exposure:
    """What one attempt a year costs a person who is counted more than once.

    Attributes:
        institutions: at how many the person is in the data, in the same period.
        years: in how many reporting years.
        rho: the whole loss, exact: rho * institutions^2 * years.
        epsilon: with the programme's delta, for readers; rounded up.
        power: how often an attacker who is wrong in 5 % of cases recognises the person.
    """

    institutions: int
    years: int
    rho: Fraction
    epsilon: float
    power: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a programme will be worth and cost with that many institutions.

    Attributes:
        institutions: how many begin.
        absent: how many of them fall out on the way; the rest is in the sum.
        collude_asked: c, where the plan was asked what another one than the programme's would mean; None if
            it is the programme's own.
        rho: loss of one attempt, all tables together; never more than the programme states.
        epsilon: with delta, for readers; rounded up.
        power: how often an attacker who is wrong in 5 % of cases recognises a person who is there.
        told: the same in words for a data protection officer.
        ledger_attempt, ledger_most: what one attempt and all attempts book against a year's cap.
        attempts_fit: how many attempts fit under the central cap that a node has unless its house sets
            another; may be 0.
        exposures: what a person pays who is in the data of several institutions, for several years.
        populations, tables: in the programme's order.
        misses: what tables do not reach of what was sought; empty if all reach it.
        answers: what the headline figures are worth.
        optimality: how far the shares of rho are from the best.
        levels: those that the roster fixes; empty if no table has one.
        secure_sum: None in individual mode.
        targets: which rho would reach what was asked for; None if nothing was.
        without: what the other tables gain if some are left out; None if none were named.
    """

    programme: str
    version: int
    digest: str
    mode: str
    institutions: int
    absent: int
    institutions_min: int
    collude_asked: int | None
    populations: tuple[PopulationPlan, ...]
    tables: tuple[TablePlan, ...]
    misses: tuple[Miss, ...]
    answers: tuple[Answer, ...]
    optimality: Optimality
    levels: tuple[LevelPlan, ...]
    rho: Fraction
    delta: Fraction
    epsilon: float
    power: float
    told: Told
    max_attempts: int
    ledger_attempt: Fraction
    ledger_most: Fraction
    attempts_fit: int
    exposures: tuple[Exposure, ...]
    secure_sum: SumPlan | None
    targets: Targets | None
    without: Without | None


def plan(
    programme: Programme,
    institutions: int,
    absent: int = 0,
    roster: Roster | None = None,
    *,
    collude: int | None = None,
    wanted: Sequence[Wanted] = (),
    dropped: Sequence[str] = (),
) -> Plan:
    """The plan of a programme.

    Args:
        institutions: on the roster, and all of them there when the round begins.
        absent: how many of them fall out before their counts have arrived.
        roster: who they are, if that is known already.
        collude: plan as if the programme said this c; the digest stays that of the programme as it is.
        wanted: standard deviations that are sought; the plan says which rho reaches them.
        dropped: ids of tables; the plan says what the others gain without them.

    Raises:
        OptionsError: no such table, too few in the sum, a standard deviation out of reach: what to write.
        DocumentError: no such round ends in a sum, a level has too few institutions, or a table would be
            too uncertain to read; every reason, each with what to change.
    """
    asked = _checked(programme, institutions, absent, collude)
    noises, survivors = plan_of(asked, institutions, institutions), institutions - absent
    tables, loss = table_plans(asked, noises, survivors, institutions), _loss(asked, noises, institutions)
    _hold([*unreadable(asked, tables), *(too_few(asked, roster) if roster else ())])
    return Plan(
        programme=asked.id,
        version=asked.version,
        digest=programme.digest,
        mode=asked.mode,
        institutions=institutions,
        absent=absent,
        institutions_min=asked.roster.institutions_min,
        collude_asked=None if collude == programme.roster.collude_max else collude,
        populations=tuple(_populations(asked)),
        tables=tables,
        misses=tuple(misses(tables)),
        answers=answers(asked, noises, survivors),
        optimality=optimality(asked),
        levels=level_plans(asked, roster),
        rho=loss.spent,
        delta=asked.delta,
        epsilon=epsilon_upper(loss.spent, asked.delta),
        power=attacker_power(loss.spent, FALSE_ALARMS),
        told=told(loss.spent),
        max_attempts=asked.max_attempts,
        ledger_attempt=loss.booked,
        ledger_most=loss.booked * asked.max_attempts,
        attempts_fit=CENTRAL_CAP // loss.booked,
        exposures=tuple(_exposures(asked)),
        secure_sum=loss.together,
        targets=targets(asked, noises, survivors, wanted) if wanted else None,
        without=without(asked, institutions, absent, dropped) if dropped else None,
    )


def as_values(made: Plan) -> dict[str, object]:
    """The plan as plain values for JSON; exact numbers as text such as "1/2"."""
    return asdict(made, dict_factory=lambda pairs: {key: _plain(value) for key, value in pairs})


@dataclass(frozen=True, slots=True)
class _Loss:
    """What one attempt costs: as it is, and as a ledger books it; of a secure sum also what belongs to it."""

    spent: Fraction
    booked: Fraction
    together: SumPlan | None


def _loss(programme: Programme, noises: Sequence[TableNoise], institutions: int) -> _Loss:
    if programme.mode is not Mode.SECURE_SUM:
        return _Loss(total_rho(noises), programme.rho, None)
    fewest = fewest_listed(programme.roster, institutions)
    collusion = collusion_of(programme, noises, institutions, institutions, fewest)
    return _Loss(collusion.central, collusion.loss.central, sum_plan(noises, collusion, institutions))


def _hold(problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        raise DocumentError("plan", found)


def _checked(programme: Programme, institutions: int, absent: int, collude: int | None) -> Programme:
    """The programme that the plan is of: with that c, if one was asked for, and fit for such a round."""
    asked = programme if collude is None else _colluding(programme, collude)
    refuse(_wrong_number(asked, institutions))
    if asked.mode is Mode.SECURE_SUM:
        _hold(sum_problems(asked.roster, institutions))
    refuse(_wrong_absent(asked, institutions, absent))
    return asked


def _colluding(programme: Programme, collude: int) -> Programme:
    """The same programme with another c.

    Raises:
        OptionsError: no programme could say that.
    """
    rules = programme.roster
    least = rules.institutions_min - rules.absent_max - 2
    if programme.mode is not Mode.SECURE_SUM:
        problem = "in individual mode nobody's noise depends on others; leave --collude out"
    elif collude < 0:
        problem = "write a whole number, 0 or more"
    elif collude > least:
        problem = (
            f"with {rules.institutions_min} institutions at the least and {rules.absent_max} that may fall "
            f"out, at most {least} may collude; lower it, or raise roster.institutions_min"
        )
    else:
        return programme.model_copy(update={"roster": rules.model_copy(update={"collude_max": collude})})
    raise OptionsError([f"--collude {collude}: {problem}"])


def _wrong_number(programme: Programme, institutions: int) -> Iterator[str]:
    least = programme.roster.institutions_min
    if institutions < 1:
        yield f"--nodes {institutions}: write a whole number, {least} or more for this programme"
    elif institutions > NODES_MOST:
        yield f"--nodes {institutions}: no roster has more than {NODES_MOST}"
    elif institutions < least:
        yield (
            f"--nodes {institutions}: this programme asks for at least {least}; begin with more, "
            "or lower roster.institutions_min"
        )


def _wrong_absent(programme: Programme, institutions: int, absent: int) -> Iterator[str]:
    rules, left = programme.roster, max(institutions - absent, 0)
    if absent < 0:
        yield f"--absent {absent}: write a whole number, 0 or more"
    elif programme.mode is Mode.SECURE_SUM and absent > rules.absent_max:
        yield (
            f"--absent {absent}: at most {rules.absent_max} may fall out of this programme "
            "(roster.absent_max)"
        )
    elif left < rules.institutions_min:
        yield (
            f"--absent {absent}: of {institutions} institutions that leaves {left} in the sum, and this "
            f"programme asks for at least {rules.institutions_min}; begin with more, or lower "
            "roster.institutions_min"
        )


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
                optimality_of(programme, population.id),
            )


def _exposures(programme: Programme) -> Iterator[Exposure]:
    """Records at h institutions move every sum by up to h times as much: the loss grows with the square."""
    for institutions in INSTITUTIONS:
        for years in YEARS:
            rho = programme.rho * institutions**2 * years
            epsilon = epsilon_upper(rho, programme.delta)
            yield Exposure(institutions, years, rho, epsilon, attacker_power(rho, FALSE_ALARMS))


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Fraction) else value
