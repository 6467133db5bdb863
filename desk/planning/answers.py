"""What the headline figures of a programme will be worth: its totals, what is not known, the named levels."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

import numpy as np

from samentel.counting.privacy import TableNoise
from samentel.counting.shares import summed_variance
from samentel.documents.codelists import Dimension, Text
from samentel.documents.populations import Population, Table
from samentel.documents.programme import Programme
from samentel.figures.effects import Floats, Noise, Space, combination, noise_after, space_of
from samentel.figures.estimate import Z
from samentel.figures.indicators import Part, products
from samentel.figures.selected import weights
from samentel.figures.workload import cell_number


class Asked(StrEnum):
    """What kind of figure it is."""

    TOTAL = "total"
    GAPS = "gaps"
    LEVEL = "level"
    UNREPORTED = "unreported"
    HOUSES = "houses"


@dataclass(frozen=True, slots=True)
class Answer:
    """One figure that a reader will look for first.

    Attributes:
        asked: the total of a population; in a table of one dimension, all codes that say why nothing is
            known; one level that is published by consent; those whom help knows and the national register
            does not; or those of whom nothing is known at one kind of institution, the one with most noise.
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


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """A population with tables, and what is uncertain in it."""

    programme: Programme
    population: Population
    space: Space
    noise: Noise

    def half(self, combined: Floats) -> float:
        """Half the 95 % interval of a weighted sum of coordinates, in persons."""
        return Z * math.sqrt(max(self.noise.covariance(combined, combined), 0.0))

    def sum_of(self, table: Table, codes: Sequence[str]) -> Floats:
        """The sum of some levels of a table of one dimension, in coordinates."""
        places = [cell_number(self.programme, table, (code,)) for code in codes]
        return combination(self.space, {(table.id, place): 1.0 for place in places})


def answers(programme: Programme, noises: Sequence[TableNoise], survivors: int) -> tuple[Answer, ...]:
    """What the headline figures will be worth; arguments as for ``desk.planning.accuracy.table_plans``."""
    variances = {noise.table: float(summed_variance(noise, survivors)) for noise in noises}
    found: list[Answer] = []
    for population in programme.populations:
        if any(table.population == population.id for table in programme.tables):
            space = space_of(programme, population.id)
            known = _Known(programme, population, space, noise_after(space, variances))
            found.append(_total(known))
            for table in space.tables:
                if len(table.dimensions) == 1:
                    found += _of_one_dimension(known, table)
            found += _of_indicators(known)
    return tuple(found)


def _total(known: _Known) -> Answer:
    population, total = known.population, np.eye(1, known.space.length)[0]  # the first coordinate
    titles = population.title.nl, population.title.en
    return Answer(Asked.TOTAL, population.id, None, (), *titles, known.half(total), None)


def _of_one_dimension(known: _Known, table: Table) -> Iterator[Answer]:
    dimension = known.programme.dimension(table.dimensions[0])
    if dimension.fixed_by is None:  # of what the roster says, nothing is unknown
        yield _part(known, table, Asked.GAPS, dimension.gaps)
    for code in dimension.codes:
        if code.by_consent:
            yield _part(known, table, Asked.LEVEL, (code.code,))


def _of_indicators(known: _Known) -> Iterator[Answer]:
    """Figures of the indicators that no table of one dimension has been asked for."""
    population = known.population.id
    for product in products(known.programme):
        nation, *parts = product.parts
        if product.id == f"unreported-{population}":
            yield _of_parts(known, Asked.UNREPORTED, [nation], product.title)
        elif product.id == f"gap-{population}":
            for dimension, group in groupby(parts, key=lambda part: part.dimension):
                words = known.programme.dimension(dimension).title
                label = Text(
                    nl=f"{product.title.nl}, naar {words.nl[:1].lower()}{words.nl[1:]} (de meeste ruis)",
                    en=f"{product.title.en}, by {words.en[:1].lower()}{words.en[1:]} (most noise)",
                )
                yield _of_parts(known, Asked.HOUSES, list(group), label)


def _of_parts(known: _Known, asked: Asked, parts: Sequence[Part], label: Text) -> Answer:
    """The line of an indicator that has most noise, as a number of persons."""
    table = parts[0].table
    cells = [weights(known.programme, table, part.counted) for part in parts]
    half = max(known.half(known.space.weights(table, it)) for it in cells)
    codes = tuple(
        code for name, held in parts[0].counted.items() if name != parts[0].dimension for code in held
    )
    return Answer(asked, known.population.id, table.id, codes, label.nl, label.en, half, None)


def _part(known: _Known, table: Table, asked: Asked, codes: Sequence[str]) -> Answer:
    dimension, population = known.programme.dimension(table.dimensions[0]), known.population
    others = [code.code for code in dimension.codes if code.code not in codes]
    half = known.half(known.sum_of(table, codes))
    # The share is x/N. To first order its error is (1 - p) times that of x less p times that of the rest,
    # divided by N: convex in p, so the worst is p = 0 (the error of x) or p = 1 (that of the rest).
    worst = max(half, known.half(known.sum_of(table, others)))
    points = None if population.reference is None else 100 * worst / population.reference
    return Answer(asked, population.id, table.id, tuple(codes), *_labels(dimension, codes), half, points)


def _labels(dimension: Dimension, codes: Sequence[str]) -> tuple[str, str]:
    named = [code for code in dimension.codes if code.code in codes]
    return ", ".join(code.nl for code in named), ", ".join(code.en for code in named)
