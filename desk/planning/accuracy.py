"""How accurate every table of a programme will be, and how often it can be published.

Exact before any record is read: the variance of an estimate depends on the
noise alone, not on what is counted.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from samentel.counting.privacy import TableNoise, noise_plan
from samentel.counting.shares import summed_variance, tau_upper
from samentel.documents.populations import Table
from samentel.documents.programme import Mode, Programme
from samentel.figures.estimate import Z
from samentel.figures.workload import best_shares, bound, objective, spread

ONE_SIDED = 1.645  # a count this many sd above zero is chance in one of twenty
READABLE = 0.5  # half an interval, as a part of the mean reference cell: more is not worth publishing
POOLED = 3  # years that are added up where one does not reach that


class Publication(StrEnum):
    """How often a table's cells are readable."""

    YEARLY = "yearly"
    POOLED = "three-years"
    LEFT_OUT = "left-out"


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What one table will be worth.

    Attributes:
        rho_share, rho: part of the programme's loss, and the loss itself; in a secure sum the most it can be.
            Zero for a table that is not measured but follows from others.
        granularity: s, so many times each row is counted; None if not measured, as the next two.
        sd_institution: standard deviation of what one institution adds to a cell, in persons: the full noise,
            or in a secure sum its share.
        sd_measured: the same of the national sum of this table by itself.
        sd_national: of a published cell, after all tables of the population have been estimated together; of
            the cell that has most.
        half_width: half the 95 % interval of that cell, in persons.
        least_seen: the smallest national count that can be told from zero, one-sided at 5 %, whole persons.
        mean_cell: what the mean cell will hold by the reference figure of the population; None without one.
        relative_error: of the mean cell as it is published, its sd as a part of it; None without a reference
            figure.
        years: as the programme says; 3 for a table that is published as a sum of three years.
        readable: how often the rule lets it be published; None without a reference figure.
        imprecise: the programme publishes it even where the rule would not.
        target_sd: the standard deviation that the programme seeks for a cell of one year, in persons.
        tau: how far the sum of noise shares is from a discrete Gaussian, times the cells; rounded up, never
            zero, allowed up to 1e-9. None for a table that is not measured, and in individual mode.
    """

    table: str
    title_nl: str
    title_en: str
    population: str
    cells: int
    rho_share: Fraction
    rho: Fraction
    granularity: int | None
    sd_institution: float | None
    sd_measured: float | None
    sd_national: float
    half_width: float
    least_seen: int
    mean_cell: float | None
    relative_error: float | None
    years: int
    readable: Publication | None
    imprecise: bool
    target_sd: Fraction | None
    tau: float | None


class Missed(StrEnum):
    """What a table does not reach."""

    TARGET = "target"
    READABLE = "readable"


@dataclass(frozen=True, slots=True)
class Miss:
    """A table that does not reach what was sought, and is published all the same.

    Attributes:
        missed: its ``target_sd``; or the rule of what can be read, which ``imprecise`` sets aside for it.
        sought: in persons: that sd; or, of the sd of one year, the most that the rule would allow.
        reached: ``sd_national``.
    """

    table: str
    title_nl: str
    title_en: str
    missed: Missed
    sought: float
    reached: float


@dataclass(frozen=True, slots=True)
class Optimality:
    """How far the shares of the programme, or of one population in it, are from the best there can be.

    Attributes:
        rho: what the tables spend together.
        objective: the weighted sum of all variances, with the noise that this rho asks for.
        bound: less than this no unbiased linear method can reach at that rho, whatever is measured.
        ratio: the first divided by the second; 1 is perfect.
        least: no shares have an objective below this: by the certificate of the best ones, or the bound.
        better: by which part of the objective, at most, other shares could lower it.
    """

    rho: Fraction
    objective: float
    bound: float
    ratio: float
    least: float
    better: float


def table_plans(
    programme: Programme, noises: Sequence[TableNoise], survivors: int, dealers: int
) -> tuple[TablePlan, ...]:
    """What every table will be worth.

    Args:
        noises: what each institution adds, for the tables that are measured.
        survivors: institutions in the sum.
        dealers: institutions that have dealt seed shares; without meaning in individual mode.
    """
    measured = {noise.table: noise for noise in noises}
    variances = {name: float(summed_variance(noise, survivors)) for name, noise in measured.items()}
    largest = {name: float(cells.max()) for name, cells in spread(programme, variances).items()}
    shared = programme.mode is Mode.SECURE_SUM
    taus = {noise.table: _tau(noise, dealers) for noise in noises} if shared else {}
    return tuple(
        _table_plan(
            programme,
            table,
            measured.get(table.id),
            variances.get(table.id),
            largest[table.id],
            taus.get(table.id),
        )
        for table in programme.tables
    )


def _table_plan(
    programme: Programme,
    table: Table,
    noise: TableNoise | None,
    measured: float | None,
    variance: float,
    tau: float | None,
) -> TablePlan:
    population, cells, sd = (
        programme.population(table.population),
        programme.cells(table),
        math.sqrt(variance),
    )
    mean = None if population.reference is None else population.reference / cells
    shared = programme.mode is Mode.SECURE_SUM  # there, the loss of one share alone would be the local one
    return TablePlan(
        table=table.id,
        title_nl=table.title.nl,
        title_en=table.title.en,
        population=population.id,
        cells=cells,
        rho_share=table.rho_share,
        rho=programme.rho_of(table) if shared or noise is None else noise.rho,
        granularity=noise.granularity if noise else None,
        sd_institution=math.sqrt(noise.variance) if noise else None,
        sd_measured=None if measured is None else math.sqrt(measured),
        sd_national=sd,
        half_width=Z * sd,
        least_seen=math.ceil(ONE_SIDED * sd),
        mean_cell=mean,
        relative_error=None if mean is None else sd / (mean * math.sqrt(table.years)),
        years=table.years,
        readable=None if mean is None else publication(Z * sd, mean),
        imprecise=table.imprecise,
        target_sd=table.target_sd,
        tau=tau,
    )


def _tau(noise: TableNoise, shares: int) -> float:
    return math.nextafter(float(tau_upper(noise.scale, shares) * (noise.cells + 1)), math.inf)


def publication(half_width: float, mean_cell: float) -> Publication:
    """How often a table can be published.

    Args:
        half_width: half the 95 % interval of a cell of one year, in persons.
        mean_cell: what the mean cell of one year will hold, in persons.

    Three years have three times the counts and, their noise being independent, sqrt(3) times the sd.
    """
    if half_width <= READABLE * mean_cell:
        return Publication.YEARLY
    pooled = half_width * math.sqrt(POOLED) <= READABLE * POOLED * mean_cell
    return Publication.POOLED if pooled else Publication.LEFT_OUT


def unreadable(programme: Programme, plans: Sequence[TablePlan]) -> Iterator[str]:
    """The tables that would be published more often than they are readable, each with what to change."""
    more = "begin with more institutions, " if programme.mode is Mode.SECURE_SUM else ""
    for made in plans:
        if made.imprecise or not _too_often(made):
            continue
        if made.readable is Publication.LEFT_OUT:
            few, years = "too few even over three years", ""
        else:
            few, years = "too few for one year", "write years = 3, "
        yield (
            f"tables.{made.table}: half an interval is {made.half_width:.1f} and its mean cell will hold "
            f"{made.mean_cell:.1f}, {few}; {years}{more}give it more of rho, take codes together, write "
            "imprecise = true if it is there for its few large cells, or leave the table out"
        )


def misses(plans: Sequence[TablePlan]) -> Iterator[Miss]:
    """What tables do not reach of what the programme and the rule ask, in their order."""
    for made in plans:
        names = made.table, made.title_nl, made.title_en
        if made.target_sd is not None and made.sd_national > made.target_sd:
            yield Miss(*names, Missed.TARGET, float(made.target_sd), made.sd_national)
        if made.mean_cell is not None and _too_often(made):
            most = READABLE * made.mean_cell * math.sqrt(made.years) / Z
            yield Miss(*names, Missed.READABLE, most, made.sd_national)


def _too_often(made: TablePlan) -> bool:
    """Whether a table is published more often than it can be read."""
    return made.readable is Publication.LEFT_OUT or (
        made.readable is Publication.POOLED and made.years != POOLED
    )


def optimality(programme: Programme) -> Optimality:
    """How far the shares are from the best, by the certificate of the best shares.

    Of the noise that rho asks for; a sum in which institutions are missing has the same more of everything.
    """
    full = {noise.table: noise.variance for noise in noise_plan(programme)}
    reached, least, best = objective(programme, full), bound(programme), best_shares(programme)
    proven = max(best.objective - best.gap, least)
    return Optimality(programme.rho, reached, least, reached / least, proven, max(0.0, 1 - proven / reached))


def optimality_of(programme: Programme, population: str) -> Optimality | None:
    """The same of one population, at what its own tables spend; None where none of them has a weight."""
    tables = [table for table in programme.tables if table.population == population]
    spent = sum((table.rho_share for table in tables), Fraction(0))
    if not any(table.weight for table in tables):
        return None
    shares = {table.id: table.rho_share / spent for table in tables}
    alone = tuple(table.model_copy(update={"rho_share": shares[table.id]}) for table in tables)
    return optimality(programme.model_copy(update={"tables": alone, "rho": programme.rho * spent}))
