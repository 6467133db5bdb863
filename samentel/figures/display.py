"""Display figures: never negative, whole, and for reading only.

Least squares gives negative estimates where there is nearly nobody. Setting those
to zero would add people that are not there (94 of 1,000 in a table of 180 cells), so
the coordinates of a population are moved as little as their noise allows until no
cell is negative, while its total and the tables along one attribute stay where they
were. A single small cell is thereby too high on average, its table is not.

Tables of a population agree up to rounding, as they do in the estimates: also where
one takes codes of another together, or where a question applies to some rows only.
The one owner of scipy.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samentel.figures.effects import Floats, Space, held_by

CELLS_MOST = (
    2_000  # of one population; the work grows with the third power, and 900 cells are a full programme
)
_NEAR = 1e-6  # persons; what is left of a negative figure by rounding
_PINNED = 1e-4  # how much what is pinned may move, in its own standard deviations


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure for people to read: a text, so that nobody adds up what was rounded and never negative."""

    text: str

    def __str__(self) -> str:
        return self.text


def never_negative(space: Space, coordinates: Floats, root: Floats) -> Mapping[str, Floats]:
    """The cells of all tables of a population, moved as little as possible so that none is negative.

    Args:
        coordinates: after least squares, so that they keep the bonds of ``space``. Of shape (length,).
        root: their standard deviations. Of shape (length,).

    Returns:
        By table id, in persons, unrounded. Each of shape (cells,).

    A population of more than ``CELLS_MOST`` cells, or one that the solver gives up on, has its negative
    cells set to zero instead.
    """
    sizes = [space.places[table.id].size for table in space.tables]
    starts = np.cumsum([0, *sizes])
    values = np.concatenate([space.cells(table, coordinates) for table in space.tables])
    if coordinates[0] <= 0:
        values = np.zeros_like(values)  # nobody to divide over the cells
    elif sum(sizes) <= CELLS_MOST and values.min() < -_NEAR:
        values = _moved(
            space, coordinates, root * np.where(_pinned(space, coordinates), _PINNED, 1.0), values
        )
    values = np.maximum(values, 0.0)
    return {
        table.id: values[start : start + size]
        for table, start, size in zip(space.tables, starts[:-1], sizes, strict=True)
    }


def _pinned(space: Space, coordinates: Floats) -> NDArray[np.bool_]:
    """The total, and each table along one attribute unless it has negative figures itself."""
    pinned = np.zeros(space.length, dtype=bool)
    pinned[0] = True
    for effect, start in space.starts.items():
        if len(effect) == 1:
            own = slice(start, start + space.sizes[effect[0]] - 1)
            pinned[own] = space.margin(effect[0], coordinates).min() >= 0
    return pinned


def _moved(space: Space, coordinates: Floats, reach: Floats, values: Floats) -> Floats:
    """The cells after the least move, in units of ``reach``, that leaves none negative.

    With B the cells of one unit of each coordinate, less what bonds forbid, minimise |d|**2 such that
    values + B d >= 0: d = B' m for the multipliers m >= 0 that minimise |B' m|**2 / 2 + values' m. As a
    problem of nonnegative least squares that is |B' m + z|**2 with B z = values, z the coordinates in units
    of ``reach``. Only cells that would be negative have a multiplier, so they are taken in as they turn up.
    """
    # Loaded where a release is made and nowhere else: institutions and readers do without it.
    from scipy.optimize import nnls  # type: ignore[import-untyped]

    units = np.diag(reach)
    basis = np.concatenate([space.cells(table, units) for table in space.tables])
    held = held_by(space.bonds * reach)
    basis -= (basis @ held) @ held.T
    asked = np.flatnonzero(values < -_NEAR)
    while True:
        try:
            multipliers, _ = nnls(basis[asked].T, -coordinates / reach)
        except RuntimeError:  # no solution in its number of steps
            return values
        found: Floats = values + basis @ (basis[asked].T @ multipliers)
        more = np.setdiff1d(np.flatnonzero(found < -_NEAR), asked)
        if not more.size:
            return found
        asked = np.union1d(asked, more)
