"""The workload of a programme: how its rho is best divided, and how accurate each table will then be.

All of it follows from the programme alone, before any record is read. The
objective is the sum over all tables C of

    omega_C * n(C) * V_C,   omega_C = weight_C / sqrt(n(C))

with n(C) the cells of a table and V_C the variance of one of them after least
squares. It is convex in the shares of rho. Writing A for an effect
(``samentel.figures.effects``), k for the rows a person can add and rho_C for
what a table spends, s_C**2 = k**2 / (2*rho_C) and

    L_A = sum over C that contain A of 2*rho_C / (k**2 * n(C minus A)),
    v_A = prod over A of (n_i - 1) * (sum over those C of omega_C / n(C minus A)),
    objective = sum over A of v_A / L_A.

A dimension that takes codes of another together counts as an attribute of its
own in the objective and its bound: both are those of a workload that does not
know what the two have in common, and compare with each other only. ``spread``
and ``variance_of`` know it.

Sources: the SVD bound is that of Li & Miklau 2013 (arXiv 1202.3339); the
certificate is the gap of Frank & Wolfe (Jaggi 2013).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray

from samentel.documents.populations import Table
from samentel.documents.programme import Programme
from samentel.figures.effects import (
    Effect,
    Floats,
    combination,
    effects_of,
    noise_after,
    populations_of,
    space_of,
)

GAP = 1e-4  # of the objective; far below what rounding the shares costs
LEAST_SHARE = 1e-4  # a table with less than this is better not measured, where others tell it
UNITS = 10_000  # shares are whole multiples of 1/UNITS
_STEPS_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Best:
    """The division of rho that makes the objective least, up to ``gap``.

    Attributes:
        shares: by table id, whole multiples of 1/10000 that add up to 1; 0 for a table not to be measured.
        objective: with these shares at the programme's rho, in persons squared.
        bound: what no measurement at that rho can better, of tables or of anything else (``bound``).
        gap: no other division has an objective smaller than ``objective - gap``: proven, not estimated.
        steps: of the solver, all solutions together.
    """

    shares: Mapping[str, Fraction]
    objective: float
    bound: float
    gap: float
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The objective as a function of the shares q: the sum of ``values / (matrix @ q)``, at the whole rho.

    Attributes:
        matrix: how much a share of a table tells of an effect. Of shape (effects, tables).
        values: v_A. Of shape (effects,).
    """

    matrix: Floats
    values: Floats

    def at(self, shares: Floats) -> float:
        return float(np.sum(self.values / (self.matrix @ shares)))

    def gains(self, shares: Floats) -> Floats:
        """Minus the derivative by each share; ``shares @ gains`` is the objective. Of shape (tables,)."""
        found: Floats = (self.values / (self.matrix @ shares) ** 2) @ self.matrix
        return found


def best_shares(programme: Programme) -> Best:
    """Divide a programme's rho over its tables, whatever shares it has now."""
    problem, tables = _problem(programme), programme.tables
    kept = np.ones(len(tables), dtype=bool)
    shares, steps = _solve(problem, kept)
    # Proven over all tables, so it also holds for a division that leaves some out.
    least = 2 * problem.at(shares) - float(problem.gains(shares).max())
    while (fewer := _without_idle(tables, shares, kept)).sum() < kept.sum():
        kept = fewer
        shares, more = _solve(problem, kept)
        steps += more
    units = _whole(shares, kept)
    reached = problem.at(units / UNITS)
    return Best(
        {table.id: Fraction(int(unit), UNITS) for table, unit in zip(tables, units, strict=True)},
        reached,
        bound(programme),
        max(reached - least, 0.0),
        steps,
    )


def spread(programme: Programme, variances: Mapping[str, float]) -> Mapping[str, Floats]:
    """The variance of each cell of every table after least squares, measured or not.

    Args:
        variances: by table id, the noise variance of one cell in persons squared, of the tables measured.

    Returns:
        By table id, in persons squared. Each of shape (cells,), in the order of the table's cells.

    Raises:
        ValueError: a table does not follow from those measured.
    """
    found: dict[str, Floats] = {}
    for population in populations_of(programme):
        space = space_of(programme, population)
        noise = noise_after(space, variances)
        found |= {table.id: noise.variances(space, table) for table in space.tables}
    return {table.id: found[table.id] for table in programme.tables}


def variance_of(
    programme: Programme, variances: Mapping[str, float], weights: Mapping[tuple[str, tuple[str, ...]], float]
) -> float:
    """The variance of a weighted sum of cells, such as the difference of two, before any record is read.

    Args:
        variances: as for ``spread``.
        weights: by table id and codes of a cell, with which weight it counts.
    """
    total = 0.0
    for population in populations_of(programme):
        space = space_of(programme, population)
        asked = {
            (table.id, cell_number(programme, table, codes)): weight
            for table in space.tables
            for (name, codes), weight in weights.items()
            if name == table.id
        }
        if asked:
            combined = combination(space, asked)
            total += noise_after(space, variances).covariance(combined, combined)
    return total


def cell_number(programme: Programme, table: Table, codes: Sequence[str]) -> int:
    """The place of a cell in its table, row-major; raises ValueError where there is no such cell."""
    dimensions = [programme.dimension(name) for name in table.dimensions]
    place = tuple(dimension.index(code) for dimension, code in zip(dimensions, codes, strict=True))
    return int(np.ravel_multi_index(place, programme.shape(table))) if place else 0


def objective(programme: Programme, variances: Mapping[str, float]) -> float:
    """The objective with this noise, in persons squared; variances as for ``spread``."""
    spent = [
        _rows(programme, table) ** 2 / (2 * variances[table.id]) if table.id in variances else 0.0
        for table in programme.tables
    ]
    return _problem(programme).at(np.array(spent) / float(programme.rho))


def bound(programme: Programme) -> float:
    """The SVD bound: no unbiased linear estimate at the programme's rho has a smaller objective.

    ``(sum over populations and effects A of k * prod over A of (n_i - 1) * sqrt(sum over C that contain A
    of omega_C / n(C)))**2 / (2*rho)``.
    """
    total = 0.0
    for tables, effect in _effects(programme):
        rows, inside = _rows(programme, tables[0]), [it for it in tables if set(effect) <= set(it.dimensions)]
        share = sum(_omega(programme, table) / programme.cells(table) for table in inside)
        total += rows * _own(programme, effect) * sqrt(share)
    return total**2 / (2 * float(programme.rho))


def _problem(programme: Programme) -> _Problem:
    rows, values = [], []
    for tables, effect in _effects(programme):
        row, value = np.zeros(len(programme.tables)), 0.0
        for place, table in enumerate(programme.tables):
            if table in tables and set(effect) <= set(table.dimensions):
                beyond = programme.cells(table) / prod(_levels(programme, effect))
                row[place] = 2 * float(programme.rho) / (_rows(programme, table) ** 2 * beyond)
                value += _omega(programme, table) / beyond
        if value > 0:  # nobody asks for an effect of tables without weight
            rows.append(row)
            values.append(_own(programme, effect) * value)
    return _Problem(np.array(rows).reshape(-1, len(programme.tables)), np.array(values))


def _solve(problem: _Problem, kept: NDArray[np.bool_]) -> tuple[Floats, int]:
    """Multiply each share by the root of its gain until the gap is small; the steps it took.

    The gap is the most that the objective could still fall: it is convex, so it lies above its tangent.
    """
    shares = kept / kept.sum()
    for step in range(_STEPS_MOST):
        gains = problem.gains(shares) * kept
        if gains.max() - shares @ gains <= GAP * (shares @ gains):
            return shares, step
        shares = shares * np.sqrt(gains)
        shares /= shares.sum()
    return shares, _STEPS_MOST


def _without_idle(tables: Sequence[Table], shares: Floats, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Leave out tables that get nearly nothing and follow from those that stay, the least one first."""
    left = kept.copy()
    for place in np.argsort(shares, kind="stable"):
        if left[place] and shares[place] < LEAST_SHARE:
            left[place] = False
            stay = [table for table, stays in zip(tables, left, strict=True) if stays]
            left[place] = not any(
                other.population == tables[place].population
                and set(tables[place].dimensions) <= set(other.dimensions)
                for other in stay
            )
    return left


def _whole(shares: Floats, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Shares in units that add up to ``UNITS``, at least one for each table that is kept."""
    exact = shares * UNITS
    units = np.where(kept, np.maximum(np.floor(exact), 1), 0).astype(np.int64)
    for place in np.argsort(units - exact, kind="stable")[: max(UNITS - int(units.sum()), 0)]:
        units[place] += 1  # what rounding down has left, to those that lost most
    units[np.argmax(units)] -= max(int(units.sum()) - UNITS, 0)
    return units


def _effects(programme: Programme) -> Iterator[tuple[list[Table], Effect]]:
    """Every effect of every population, with the population's tables."""
    order = [dimension.id for dimension in programme.dimensions]
    for population in populations_of(programme):
        tables = [table for table in programme.tables if table.population == population]
        yield from ((tables, effect) for effect in effects_of(tables, order))


def _rows(programme: Programme, table: Table) -> int:
    return programme.population(table.population).rows_per_person


def _omega(programme: Programme, table: Table) -> float:
    return float(table.weight) / sqrt(programme.cells(table))


def _levels(programme: Programme, effect: Effect) -> list[int]:
    return [len(programme.dimension(name).codes) for name in effect]


def _own(programme: Programme, effect: Effect) -> int:
    """How many numbers an effect has that smaller ones do not tell."""
    return prod(levels - 1 for levels in _levels(programme, effect))
