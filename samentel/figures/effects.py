"""Effects: the independent parts of which all tables of one population consist.

A table along attributes i in C, with n_i levels each, is the sum of one part for
every subset A of C: the total (A empty), what one attribute adds to it, what two
add to that, and so on. Tables of one population count the same rows, so a part
that two tables have in common is the same in both, and each that was measured
tells it with noise of its own. That is all of least squares for tables:

    w_{C,A} = 1 / (s_C**2 * n(C minus A)),  tau_A = 1 / (sum of w_{C,A} over measured C that contain A)
    part A  = tau_A * (sum of w_{C,A} * part A of table C)

with s_C**2 the noise variance of one cell and n(S) the product of n_i over S.
Along one attribute the coordinates of a table are its sum and n_i - 1 contrasts:

    coordinates = [1'; Q'] y,   y = [1/n, Q] coordinates,   Q'Q = I, Q'1 = 0

so a table and its coordinates are two ways to write the same numbers, the noise
of coordinates is independent, and no matrix as large as the workload is needed.
A dimension that takes codes of another together is an attribute of its own, and so
is a question that applies to some rows only; what they have in common with others
(``samentel.figures.relations``) stands in ``bonds``, and is kept by one more step of
least squares, in units in which all coordinates are independent and equally certain.

Source: residuals of marginals as in Xiao, He, Zhang & Kifer 2023 (arXiv
2305.08175); the weighting is ordinary generalised least squares.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import prod

import numpy as np
from numpy.typing import NDArray

from samentel.documents.codelists import Dimension
from samentel.documents.populations import Table
from samentel.documents.programme import Programme
from samentel.figures.relations import relations

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Effect = tuple[str, ...]

_RANK = 1e-9  # bonds that follow from others are zero up to rounding
_CERTAIN = 1e-12  # a variance that is so much less than without bonds, is zero up to rounding


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """The coordinates of all tables of one population.

    Attributes:
        tables: all of the population, measured or not, in the programme's order.
        sizes: levels by attribute.
        bases: by attribute, the one whose codes it takes together, or itself.
        starts: by effect, its first coordinate; an effect has the product of ``n_i - 1`` of them. The first
            coordinate of all is the total.
        length: number of coordinates.
        places: by table id, where each of its coordinates stands. Of the table's own shape.
        bonds: what margins of related dimensions have in common, and the cells that no row can be in:
            ``bonds @ coordinates`` is 0 for every set of rows. Of shape (bonds, length).
    """

    tables: tuple[Table, ...]
    sizes: Mapping[str, int]
    bases: Mapping[str, str]
    starts: Mapping[Effect, int]
    length: int
    places: Mapping[str, Places]
    bonds: Floats

    def shape(self, table: Table) -> tuple[int, ...]:
        """The number of levels along each dimension of a table."""
        return tuple(self.sizes[name] for name in table.dimensions)

    def coordinates(self, table: Table, cells: Floats) -> Floats:
        """The coordinates of a table; of the table's shape."""
        return _along(cells.reshape(self.shape(table)), [_down(size) for size in self.shape(table)])

    def cells(self, table: Table, coordinates: Floats) -> Floats:
        """The cells of a table from all coordinates of the population.

        Args:
            coordinates: of shape (length,) or, for several sets at once, (length, sets).

        Returns:
            Of shape (cells,) or (cells, sets).
        """
        matrices = [_up(size) for size in self.shape(table)]
        found = _along(coordinates[self.places[table.id]], matrices)
        shaped: Floats = found.reshape(-1, *coordinates.shape[1:])
        return shaped

    def margin(self, attribute: str, coordinates: Floats) -> Floats:
        """The table along one attribute, from coordinates of shape (length,)."""
        start, size = self.starts[(attribute,)], self.sizes[attribute]
        own = coordinates[[0, *range(start, start + size - 1)]]
        return _along(own, [_up(size)])

    def weights(self, table: Table, cells: Floats) -> Floats:
        """What a weighted sum of cells is in coordinates: ``weights @ coordinates`` is that sum."""
        matrices = [_up(size).T for size in self.shape(table)]
        found = np.zeros(self.length)
        found[self.places[table.id]] = _along(cells.reshape(self.shape(table)), matrices)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """What is uncertain in the coordinates of one population after least squares.

    The covariance is ``diag(root) @ (I - held @ held.T) @ diag(root)``.

    Attributes:
        root: standard deviation of each coordinate where nothing is held. Of shape (length,).
        held: orthonormal directions, in units of ``root``, that bonds fix. Of shape (length, held).
    """

    root: Floats
    held: Floats

    def covariance(self, one: Floats, other: Floats) -> float:
        """Of two weighted sums of coordinates, each of shape (length,)."""
        first, second = one * self.root, other * self.root
        found = float(first @ second - (first @ self.held) @ (second @ self.held))
        least = _CERTAIN * math.sqrt(float(first @ first) * float(second @ second))
        return found if abs(found) > least else 0.0

    def variances(self, space: Space, table: Table) -> Floats:
        """The variance of every cell of a table, 0 where no row can be. Of shape (cells,)."""
        squares = [_up(size) ** 2 for size in space.shape(table)]
        free = _along((self.root**2)[space.places[table.id]], squares).ravel()
        if not self.held.shape[1]:
            return free
        fixed = np.sum(space.cells(table, self.root[:, None] * self.held) ** 2, axis=1)
        left: Floats = np.where(free - fixed > _CERTAIN * free, free - fixed, 0.0)
        return left

    def with_total(self, space: Space, table: Table) -> Floats:
        """The covariance of every cell of a table with the population's total. Of shape (cells,)."""
        total = np.zeros(space.length)
        total[0] = self.root[0]
        return space.cells(table, self.root * (total - self.held @ (self.held.T @ total)))


def populations_of(programme: Programme) -> list[str]:
    """The populations that have tables, in the programme's order of tables."""
    return list(dict.fromkeys(table.population for table in programme.tables))


def space_of(programme: Programme, population: str) -> Space:
    """The coordinates of a population's tables."""
    tables = tuple(table for table in programme.tables if table.population == population)
    used = [it for it in programme.dimensions if any(it.id in table.dimensions for table in tables)]
    sizes = {dimension.id: len(dimension.codes) for dimension in used}
    starts, length = {}, 0
    for effect in effects_of(tables, [dimension.id for dimension in used]):
        starts[effect] = length
        length += prod(sizes[name] - 1 for name in effect)
    places = {table.id: _places(table.dimensions, sizes, starts) for table in tables}
    known = {dimension.id: dimension for dimension in programme.dimensions}
    bases = {dimension.id: dimension.rolls_up or dimension.id for dimension in used}
    return Space(tables, sizes, bases, starts, length, places, _bonds(known, sizes, starts, length))


def effects_of(tables: Sequence[Table], order: Sequence[str]) -> list[Effect]:
    """Every subset of some table's attributes, each in the given order of attributes; the empty one first."""
    found = {
        effect
        for table in tables
        for size in range(len(table.dimensions) + 1)
        for effect in combinations(sorted(table.dimensions, key=order.index), size)
    }
    return sorted(found, key=lambda effect: (len(effect), [order.index(name) for name in effect]))


def noise_after(space: Space, variances: Mapping[str, float]) -> Noise:
    """What least squares leaves uncertain: known from the noise alone, whatever the counts.

    Args:
        variances: by table id, the noise variance of one cell, of the tables that are measured.

    Raises:
        ValueError: some effect is in no measured table.
    """
    known = np.zeros(space.length)
    for table in space.tables:
        if table.id in variances:
            known[space.places[table.id]] += precision(space, table, variances[table.id])
    if not known.all():
        raise ValueError("every table must follow from those that are measured")
    root = 1 / np.sqrt(known)
    return Noise(root, held_by(space.bonds * root))


def fitted(space: Space, noise: Noise, variances: Mapping[str, float], sums: Mapping[str, Floats]) -> Floats:
    """The coordinates that fit all measured tables best, and keep the bonds.

    Args:
        noise: of ``noise_after`` with the same variances.
        sums: by table id, the measured cells in persons. Each of shape (cells,).

    Returns:
        Of shape (length,). Unbiased, and of all unbiased linear estimates the one with the least variance.
    """
    found = np.zeros(space.length)
    for table in space.tables:
        if table.id in variances:
            weights = precision(space, table, variances[table.id])
            found[space.places[table.id]] += weights * space.coordinates(table, sums[table.id])
    units = found * noise.root  # the sum of precision times value, times tau, in units of the root of tau
    return noise.root * (units - noise.held @ (noise.held.T @ units))


def combination(space: Space, weights: Mapping[tuple[str, int], float]) -> Floats:
    """A weighted sum of cells of one population, in coordinates.

    Args:
        weights: by table id and number of the cell in its table.
    """
    tables, found = {table.id: table for table in space.tables}, np.zeros(space.length)
    for (name, number), weight in weights.items():
        cells = np.zeros(prod(space.shape(tables[name])))
        cells[number] = weight
        found += space.weights(tables[name], cells)
    return found


def precision(space: Space, table: Table, variance: float) -> Floats:
    """1 / noise variance of each coordinate of one measured table; of the table's shape."""
    found = np.full(space.shape(table), 1 / variance)
    for axis, size in enumerate(space.shape(table)):
        found[(slice(None),) * axis + (0,)] /= size  # a sum over n cells has n times the variance
    return found


def held_by(bonds: Floats) -> Floats:
    """Orthonormal columns that span the rows of ``bonds``."""
    used = np.flatnonzero(bonds.any(axis=0))
    found = np.zeros((bonds.shape[1], 0))
    if used.size:
        rows: Floats = bonds[:, used] / np.sqrt((bonds**2).sum(axis=1, keepdims=True))
        _, sizes, directions = np.linalg.svd(rows, full_matrices=False)
        rank = int(np.count_nonzero(sizes > _RANK * sizes[0]))
        found = np.zeros((bonds.shape[1], rank))
        found[used] = directions[:rank].T
    return found


def _up(levels: int) -> Floats:
    """[1/n, Q]: from the coordinates along one attribute to its levels. Of shape (levels, levels)."""
    matrix: Floats = np.zeros((levels, levels))
    matrix[:, 0] = 1 / levels
    for column in range(1, levels):  # Helmert's contrasts: a level against the mean of those before it
        matrix[:column, column] = 1 / np.sqrt(column * (column + 1))
        matrix[column, column] = -column / np.sqrt(column * (column + 1))
    return matrix


def _down(levels: int) -> Floats:
    """[1'; Q']: the inverse of ``_up``."""
    matrix = _up(levels).T.copy()
    matrix[0] = 1
    return matrix


def _along(values: Floats, matrices: Sequence[Floats]) -> Floats:
    """Apply one matrix along each of the first axes."""
    for axis, matrix in enumerate(matrices):
        values = np.moveaxis(np.tensordot(matrix, values, axes=(1, axis)), 0, axis)
    return values


def _places(dimensions: Effect, sizes: Mapping[str, int], starts: Mapping[Effect, int]) -> Places:
    """Where the coordinates of a table along these dimensions stand; of the table's shape."""
    found = np.zeros([sizes[name] for name in dimensions], dtype=np.intp)
    order = {name: place for place, effect in enumerate(starts) if len(effect) == 1 for name in effect}
    for chosen in product((False, True), repeat=len(dimensions)):
        inside = [name for name, taken in zip(dimensions, chosen, strict=True) if taken]
        effect = tuple(sorted(inside, key=order.__getitem__))
        block = np.arange(prod(sizes[name] - 1 for name in effect)).reshape([sizes[it] - 1 for it in effect])
        axes = [effect.index(name) for name in inside]
        found[tuple(slice(1, None) if taken else 0 for taken in chosen)] = starts[effect] + block.transpose(
            axes
        )
    return found


def _bonds(
    known: Mapping[str, Dimension], sizes: Mapping[str, int], starts: Mapping[Effect, int], length: int
) -> Floats:
    """Relations among margins, in coordinates."""
    rows = [np.zeros((0, length))]
    for found in relations(known, starts):
        bond = np.zeros((len(next(iter(found.values()))), length))
        for effect, cells in found.items():
            own = _along(np.moveaxis(cells, 0, -1), [_up(sizes[name]).T for name in effect])
            bond[:, _places(effect, sizes, starts).ravel()] += own.reshape(-1, len(bond)).T
        rows.append(bond)
    return np.concatenate(rows)
