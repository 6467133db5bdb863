"""The shares of rho that reach given standard deviations with the least rho.

With shares q that add up to 1, ``f_i(q) = V_i(q) / t_i**2`` at the programme's
rho, and a variance proportional to 1/rho, the rho that is needed is the
programme's times the largest f_i; sought are the shares that make it least.

Each f_i is convex in q and proportional to 1/q. For any weights w that add up to
1, with ``f = sum of w_i * f_i`` and ``g_C`` minus its derivative by q_C, no shares
make the largest f_i less than ``f**2 / max g``: that is the certificate. The
shares that make f least are found as in ``samentel.figures.workload``; the weights
move to whatever is furthest from its target, multiplicatively.

With W the variances of coordinates by themselves and B the bonds between dimensions
of which one takes codes of the other together (``samentel.figures.effects``), the
covariance is ``S = W - W B' (B W B')^-1 B W``. The derivative of ``a' S a`` by the
precision of a coordinate is minus the square of that coordinate of ``S a``. Where
there are bonds, cells of one table differ: the worst is looked for again until no
other is worse.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from samentel.documents.programme import Programme
from samentel.figures.effects import Floats, Space, combination, noise_after, populations_of, space_of
from samentel.figures.workload import UNITS

GAP = 1e-3  # of the rho that is needed; less than anybody would write down
_STEPS_MOST, _ROUNDS_MOST = 4000, 12
_RANK = 1e-9  # bonds that follow from others are zero up to rounding


@dataclass(frozen=True, slots=True)
class Figure:
    """What is not to be too uncertain: the cells of a table, or the total of a population.

    Attributes:
        table: None for the total.
        sd: sought, in persons; more than 0.
    """

    population: str
    table: str | None
    sd: float


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One population as the solver sees it.

    Attributes:
        ids: the place of each of its tables among all of the programme, by id, in the programme's order.
        each: precision of a cell at share 1 of its table.
        told: precision of each coordinate at share 1 of a table. Of shape (tables, length).
        bonds: of full rank. Of shape (bonds, length).
    """

    space: Space
    ids: Mapping[str, int]
    each: float
    told: Floats
    bonds: Floats

    def errors(self, shares: Floats, weights: Floats) -> Floats:
        """The covariance of weighted sums with every coordinate. Both of shape (sums, length)."""
        uncertain = 1 / (shares[list(self.ids.values())] @ self.told)
        free: Floats = weights * uncertain
        if not len(self.bonds):
            return free
        held = (self.bonds * uncertain) @ self.bonds.T
        fixed: Floats = free - np.linalg.solve(held, self.bonds @ free.T).T @ (self.bonds * uncertain)
        return fixed


@dataclass(slots=True, eq=False)
class _Rows:
    """Weighted sums of one population's coordinates: each is one thing that is not to be too uncertain.

    Attributes:
        weights: each divided by its target, so that its variance is to be 1 at most. Of shape (rows, length).
    """

    part: _Part
    weights: Floats


def best_for(
    programme: Programme, factor: float, figures: Sequence[Figure]
) -> tuple[Mapping[str, Fraction], float]:
    """The shares with which the least rho reaches all figures.

    Args:
        factor: how much noise a sum carries beside the full noise of one institution.

    Returns:
        By table id, whole multiples of 1/10000 that add up to 1; and how many times the programme's rho no
        shares at all go below.
    """
    parts = {name: _part(programme, name, factor) for name in populations_of(programme)}
    chosen: list[set[int]] = [{0} for _ in figures]
    shares, least = np.full(len(programme.tables), 1 / len(programme.tables)), 0.0
    for _ in range(_ROUNDS_MOST):
        rows = [
            _Rows(parts[it.population], _weights(parts[it.population], it, sorted(places)))
            for it, places in zip(figures, chosen, strict=True)
        ]
        shares, least = _solve(rows, shares)
        worst = [_worst(parts[it.population], it, shares) for it in figures]
        if max(value for _, value in worst) <= least * (1 + 2 * GAP) or all(
            place in places for (place, _), places in zip(worst, chosen, strict=True)
        ):
            break
        for (place, _), places in zip(worst, chosen, strict=True):
            places.add(place)
    return _whole(programme, shares), least


def _part(programme: Programme, population: str, factor: float) -> _Part:
    space = space_of(programme, population)
    ids = {table.id: place for place, table in enumerate(programme.tables) if table in space.tables}
    rows = programme.population(population).rows_per_person
    told = np.zeros((len(ids), space.length))
    for row, table in enumerate(space.tables):
        one = np.full(space.shape(table), 2 * float(programme.rho) / (factor * rows**2))
        for axis, size in enumerate(space.shape(table)):
            one[(slice(None),) * axis + (0,)] /= size  # a sum over n cells has n times the variance
        told[row, space.places[table.id].ravel()] = one.ravel()
    _, sizes, directions = np.linalg.svd(space.bonds, full_matrices=False)
    rank = int(np.count_nonzero(sizes > _RANK * sizes.max(initial=0.0)))
    return _Part(space, ids, 2 * float(programme.rho) / (factor * rows**2), told, directions[:rank])


def _weights(part: _Part, figure: Figure, places: Sequence[int]) -> Floats:
    """Some cells of a table, or the total, as weighted sums of coordinates in units of what is sought."""
    if figure.table is None:
        return np.eye(1, part.space.length) / figure.sd
    found = [combination(part.space, {(figure.table, place): 1 / figure.sd}) for place in places]
    return np.array(found)


def _worst(part: _Part, figure: Figure, shares: Floats) -> tuple[int, float]:
    """Which cell of a table has most noise, and its variance in units of what is sought."""
    its = part.ids
    noise = noise_after(part.space, {name: 1 / (shares[its[name]] * part.each) for name in its})
    if figure.table is None:
        total = np.eye(1, part.space.length)[0]
        return 0, noise.covariance(total, total) / figure.sd**2
    table = next(it for it in part.space.tables if it.id == figure.table)
    found = noise.variances(part.space, table)
    return int(found.argmax()), float(found.max()) / figure.sd**2


def _solve(rows: Sequence[_Rows], shares: Floats) -> tuple[Floats, float]:
    """Shares that make the largest variance least, and a proven lower bound of it."""
    sizes = [len(it.weights) for it in rows]
    weights = np.full(sum(sizes), 1 / sum(sizes))
    best, least, most = shares, 0.0, math.inf
    for _ in range(_STEPS_MOST):
        values, gains = [], np.zeros(len(shares))
        for it, weight in zip(rows, np.split(weights, np.cumsum(sizes)[:-1]), strict=True):
            errors = it.part.errors(shares, it.weights)
            values.append(np.sum(errors * it.weights, axis=1))
            gains[list(it.part.ids.values())] += it.part.told @ (weight @ errors**2)
        value = np.concatenate(values)
        if value.max() < most:
            best, most = shares, float(value.max())
        least = max(least, float(weights @ value) ** 2 / float(gains.max()))
        if most <= least * (1 + GAP):
            break
        weights = weights * value
        weights /= weights.sum()
        shares = np.maximum(shares * np.sqrt(gains), 1e-12)
        shares /= shares.sum()
    return best, least


def _whole(programme: Programme, shares: Floats) -> Mapping[str, Fraction]:
    """Shares in units of 1/UNITS that add up to 1; at least one for a table that follows from no other."""
    exact = shares / shares.sum() * UNITS
    units = np.floor(exact).astype(np.int64)
    for place, table in enumerate(programme.tables):
        follows = any(
            units[other] > 0 or other > place
            for other, finer in enumerate(programme.tables)
            if other != place
            and finer.population == table.population
            and set(table.dimensions) <= set(finer.dimensions)
        )
        units[place] = max(units[place], 0 if follows else 1)
    units[np.argmax(units)] += UNITS - int(units.sum())
    return {table.id: Fraction(int(unit), UNITS) for table, unit in zip(programme.tables, units, strict=True)}
