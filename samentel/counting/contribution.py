"""From persons to cell codes: each person bounded, each row in exactly one cell of each table.

There is no type of true counts here, on purpose: codes go straight into
``samentel.counting.noise``, and what is counted is known only inside OpenDP.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samentel.documents.populations import Table
from samentel.documents.programme import Programme

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Population:
    """The rows of one population at one institution, after intake; never leaves it.

    Attributes:
        person: one integer a row; rows of one person have the same. Shape (rows,).
        levels: by dimension id, each row's position in the dimension's list of codes. Each of shape (rows,).

    Rows stand in the stated order of intake: by date, then by content, so that
    which rows the bound keeps never depends on the order of an export.
    """

    person: Integers
    levels: Mapping[str, Integers]

    def __post_init__(self) -> None:
        if self.person.ndim != 1 or any(levels.shape != self.person.shape for levels in self.levels.values()):
            raise ValueError("a population has one level of every dimension a row")

    def __repr__(self) -> str:
        return f"Population(<dimensions {', '.join(self.levels)}>)"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Codes:
    """One cell index a row for each table: bounded, but exact; never leaves the institution.

    Attributes:
        cells: by table id, indices into its cells, row-major in its dimensions. Each of shape (rows,).
    """

    cells: Mapping[str, Integers]

    def __repr__(self) -> str:
        return f"Codes(<tables {', '.join(self.cells)}>)"


def bounded(population: Population, rows_per_person: int) -> Population:
    """The first ``rows_per_person`` rows of each person, in the order in which they stand.

    Whatever one person's rows are, at most that many remain, and which rows of
    others remain does not change: this is the sensitivity that
    ``samentel.counting.privacy`` claims.
    """
    if rows_per_person < 1:
        raise ValueError("a person has at least one row")
    kept = np.flatnonzero(_rank(population.person) < rows_per_person)
    levels = {name: column[kept] for name, column in population.levels.items()}
    return Population(population.person[kept], levels)


def firsts(population: Population, dimension: str) -> Population:
    """The first row of each person in each level of a dimension.

    Depends on a person's own rows only, and adds none: the bound that follows it holds as before.
    """
    levels = population.levels[dimension]
    width = int(levels.max(initial=0)) + 1
    kept = np.flatnonzero(_rank(population.person * width + levels) == 0)
    return Population(
        population.person[kept], {name: column[kept] for name, column in population.levels.items()}
    )


def encode(programme: Programme, populations: Mapping[str, Population]) -> Codes:
    """The cell of every bounded row in every table.

    Args:
        populations: by population id; all that the programme names.
    """
    kept = {}
    for asked in programme.populations:
        rows = populations[asked.id]
        if asked.distinct is not None:
            rows = firsts(rows, asked.distinct)
        kept[asked.id] = bounded(rows, asked.rows_per_person)
    most = {population.id: population.rows_max for population in programme.populations}
    return Codes(
        {
            table.id: clamped(_cells(programme, table, kept[table.population]), most[table.population])
            for table in programme.measured
        }
    )


def clamped(cells: Integers, rows_max: int) -> Integers:
    """At most that many rows of each cell: its count becomes the lesser of itself and ``rows_max``.

    A row more or less moves no count further than before, so the sensitivity stays what it was.
    """
    return cells[_rank(cells) < rows_max]


def _rank(values: Integers) -> Integers:
    """How many equal values stand before each value."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(len(values)) - np.searchsorted(ordered, ordered, side="left")
    return rank


def _cells(programme: Programme, table: Table, population: Population) -> Integers:
    if not table.dimensions:  # the total of the population
        return np.zeros(len(population.person), dtype=np.int64)
    shape = programme.shape(table)
    levels = tuple(population.levels[name] for name in table.dimensions)
    return np.ravel_multi_index(levels, shape).astype(np.int64)
