"""Estimates and intervals of one population with independent tables.

Every table was measured with its own noise, so each cell's estimate is its own
noisy sum and nothing else. Intervals cover the privacy noise only: not
under-registration, not institutions that did not take part.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from samentel.counting.contribution import Integers
from samentel.counting.privacy import TableNoise
from samentel.counting.shares import summed_variance
from samentel.documents.programme import Programme, Table
from samentel.errors import PeerError

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class NationalSum:
    """The sum over the institutions that took part, decoded.

    Attributes:
        survivors: node ids in the sum, sorted.
        tables: by table id, the summed noisy counts times s, null cell left out. Each of shape (cells,).
        variances: by table id, the variance of the noise in one cell of the sum, in persons squared.
    """

    survivors: tuple[str, ...]
    tables: Mapping[str, Integers]
    variances: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Cell:
    """One published figure.

    Attributes:
        codes: one code a dimension of the table.
        estimate: unbiased, may be negative, in persons. Use this for any further calculation.
        sd: standard deviation of the privacy noise, in persons.
        lower, upper: 95 % interval around the estimate, unrounded, may be negative.
        shown: whole, never negative, for people to read; not to be added up.
        shown_lower, shown_upper: the interval rounded outwards, never negative.
    """

    codes: tuple[str, ...]
    estimate: float
    sd: float
    lower: float
    upper: float
    shown: int
    shown_lower: int
    shown_upper: int


@dataclass(frozen=True, slots=True)
class NationalTable:
    """One table: its cells in the programme's order, row-major."""

    table: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class NationalTables:
    """All tables of one release."""

    tables: tuple[NationalTable, ...]

    def table(self, name: str) -> NationalTable:
        """The table of that id."""
        return next(table for table in self.tables if table.table == name)


def add_up(plan: Sequence[TableNoise], vectors: Mapping[str, Integers]) -> NationalSum:
    """Individual mode: the coordinator adds the institutions' noisy vectors.

    Args:
        vectors: by node id, each of shape (sum of cells + one null cell a table,).

    Raises:
        PeerError: a vector of another length.
    """
    if not vectors:
        raise PeerError("no institution has handed in a vector")
    length = _length(plan)
    if any(vector.shape != (length,) for vector in vectors.values()):
        raise PeerError(f"a vector of {length} numbers was expected")
    total: Integers = np.stack([vectors[node] for node in sorted(vectors)]).sum(axis=0, dtype=np.int64)
    return national_of(plan, sorted(vectors), total)


def national_of(plan: Sequence[TableNoise], survivors: Sequence[str], counts: Integers) -> NationalSum:
    """A sum that is known already, such as that of a secure sum, table by table.

    The variance is that of the noise that was drawn: ``len(survivors)`` times what ``plan`` has one node add.
    The programme's floors have been checked by the nodes, before their masks could be taken off.

    Args:
        plan: what each survivor has added: for a secure sum, the noise shares for its number of dealers.
        survivors: node ids in the sum.
        counts: times s, null cells included, of shape (sum of cells + one null cell a table,).

    Raises:
        PeerError: nobody is in the sum, or it has another length.
    """
    if not survivors:
        raise PeerError("no institution is in the sum")
    if counts.shape != (_length(plan),):
        raise PeerError(f"a sum of {_length(plan)} numbers was expected")
    tables, variances, start = {}, {}, 0
    for noise in plan:
        tables[noise.table] = counts[start : start + noise.cells]
        variances[noise.table] = float(summed_variance(noise, len(survivors)))
        start += noise.cells + 1
    return NationalSum(tuple(sorted(survivors)), tables, variances)


def _length(plan: Sequence[TableNoise]) -> int:
    return sum(noise.cells + 1 for noise in plan)


def estimate(programme: Programme, plan: Sequence[TableNoise], national: NationalSum) -> NationalTables:
    """Every cell of every table with its standard deviation and interval."""
    tables = []
    for table, noise in zip(programme.tables, plan, strict=True):
        counts, sd = national.tables[table.id], math.sqrt(national.variances[table.id])
        cells = tuple(
            cell(codes, int(count) / noise.granularity, sd)
            for codes, count in zip(cell_codes(programme, table), counts, strict=True)
        )
        tables.append(NationalTable(table.id, cells))
    return NationalTables(tuple(tables))


def cell(codes: tuple[str, ...], value: float, sd: float) -> Cell:
    """One figure with its interval, by the normal quantile.

    A sum of counts lies on whole multiples of 1/s, so the interval holds the truth with 95 % give or take
    ``0.06 / (sd*s)``: at most 1.2 points for three institutions at the least scale, 3. The shown
    interval, rounded outwards, holds it at least as often.
    """
    lower, upper = value - Z * sd, value + Z * sd
    return Cell(
        codes,
        value,
        sd,
        lower,
        upper,
        shown=max(0, round(value)),
        shown_lower=max(0, math.floor(lower)),
        shown_upper=max(0, math.ceil(upper)),
    )


def cell_codes(programme: Programme, table: Table) -> list[tuple[str, ...]]:
    """The codes of every cell of a table, in the order of its vector."""
    lists = [[code.code for code in programme.dimension(name).codes] for name in table.dimensions]
    return [
        tuple(codes[index] for codes, index in zip(lists, position, strict=True))
        for position in np.ndindex(*programme.shape(table))
    ]
