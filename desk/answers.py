"""What the headline figures of a programme will be worth: its totals, what is not known, the named levels."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from samentel.counting.privacy import TableNoise
from samentel.counting.shares import summed_variance
from samentel.documents.codelists import Dimension
from samentel.documents.populations import Table
from samentel.documents.programme import Programme
from samentel.figures.estimate import Z, cell_codes
from samentel.figures.workload import variance_of


class Asked(StrEnum):
    """What kind of figure it is."""

    TOTAL = "total"
    GAPS = "gaps"
    LEVEL = "level"


@dataclass(frozen=True, slots=True)
class Answer:
    """One figure that a reader will look for first.

    Attributes:
        asked: the total of a population; in a table of one dimension, all codes that say why nothing is
            known; or one level that is published by consent.
        codes: of that table, added up; none for a total.
        half_width: half the 95 % interval, in persons.
        points: the same of the share that these codes have in the total, in percentage points, at the
            reference figure of the population and the least favourable share; None for a total, and without
            a reference figure.
    """

    asked: Asked
    population: str
    table: str | None
    codes: tuple[str, ...]
    label_nl: str
    label_en: str
    half_width: float
    points: float | None


def answers(programme: Programme, noises: Sequence[TableNoise], survivors: int) -> tuple[Answer, ...]:
    """What the headline figures will be worth; arguments as for ``desk.accuracy.table_plans``."""
    variances = {noise.table: float(summed_variance(noise, survivors)) for noise in noises}
    found: list[Answer] = []
    for population in programme.populations:
        tables = [table for table in programme.tables if table.population == population.id]
        if tables:
            found.append(_total(programme, tables[0], variances))
        for table in tables:
            if len(table.dimensions) == 1:
                found += _of_one_dimension(programme, table, variances)
    return tuple(found)


def _total(programme: Programme, table: Table, variances: Mapping[str, float]) -> Answer:
    population = programme.population(table.population)
    everything = tuple(cell_codes(programme, table))  # all tables of a population agree on its total
    half = _half(programme, table, everything, variances)
    return Answer(Asked.TOTAL, population.id, None, (), population.title.nl, population.title.en, half, None)


def _of_one_dimension(programme: Programme, table: Table, variances: Mapping[str, float]) -> Iterator[Answer]:
    dimension = programme.dimension(table.dimensions[0])
    if dimension.fixed_by is None:  # of what the roster says, nothing is unknown
        yield _part(programme, table, Asked.GAPS, dimension.gaps, variances)
    for code in dimension.codes:
        if code.by_consent:
            yield _part(programme, table, Asked.LEVEL, (code.code,), variances)


def _part(
    programme: Programme, table: Table, asked: Asked, codes: Sequence[str], variances: Mapping[str, float]
) -> Answer:
    dimension, population = programme.dimension(table.dimensions[0]), programme.population(table.population)
    inside = tuple((code,) for code in codes)
    outside = tuple((code.code,) for code in dimension.codes if code.code not in codes)
    half = _half(programme, table, inside, variances)
    # The share is x/N. To first order its error is (1 - p) times that of x less p times that of the rest,
    # divided by N: convex in p, so the worst is p = 0 (the error of x) or p = 1 (that of the rest).
    worst = max(half, _half(programme, table, outside, variances))
    points = None if population.reference is None else 100 * worst / population.reference
    return Answer(asked, population.id, table.id, tuple(codes), *_labels(dimension, codes), half, points)


def _half(
    programme: Programme, table: Table, cells: Sequence[tuple[str, ...]], variances: Mapping[str, float]
) -> float:
    """Half the 95 % interval of the sum of some cells of a table, in persons."""
    variance = variance_of(programme, variances, {(table.id, codes): 1.0 for codes in cells})
    return Z * math.sqrt(variance)


def _labels(dimension: Dimension, codes: Sequence[str]) -> tuple[str, str]:
    named = [code for code in dimension.codes if code.code in codes]
    return ", ".join(code.nl for code in named), ", ".join(code.en for code in named)
