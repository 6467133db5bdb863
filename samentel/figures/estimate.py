"""Estimates of all tables of a release: unbiased, consistent, with their exact uncertainty.

Least squares over the tables of each population (``samentel.figures.effects``): all
tables of a population agree on the margins that they have in common, also where one
takes codes of another together. An estimate may be negative. Its error is a sum of
many independent noises, so it is normal, and its variance is known from the noise
alone. Intervals cover the privacy noise only: not under-registration, not
institutions that did not take part.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from samentel.documents.populations import Table
from samentel.documents.programme import Programme
from samentel.figures.display import Shown, never_negative
from samentel.figures.effects import (
    Floats,
    Noise,
    Space,
    combination,
    fitted,
    noise_after,
    populations_of,
    space_of,
)
from samentel.figures.sums import NationalSum

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
# sd; a share of a total nearer to zero than this is not published. The delta method takes the total's error
# for small: with 8, at whatever true total and share, a published interval misses the truth in at most 5.7 %
# of releases (with 3 in up to 11 %); from a true total of 10 sd on, 94.9 to 95.5 % of them hold it.
LEAST_TOTAL = 8

_ROUNDING = 1e-12
Place = tuple[str, tuple[str, ...]]  # a cell: table id and codes


@dataclass(frozen=True, slots=True)
class Figure:
    """An estimate that further calculation may use; its error is normal.

    Attributes:
        estimate: unbiased, may be negative.
        sd: standard deviation of the privacy noise.
    """

    estimate: float
    sd: float

    @property
    def lower(self) -> float:
        """Lower end of the 95 % interval, unrounded."""
        return self.estimate - Z * self.sd

    @property
    def upper(self) -> float:
        """Upper end of the 95 % interval, unrounded."""
        return self.estimate + Z * self.sd


@dataclass(frozen=True, slots=True)
class Cell:
    """One published figure.

    Attributes:
        codes: one code a dimension of the table; none for a total.
        estimate: unbiased, may be negative, in persons. Use this for any further calculation.
        sd: standard deviation of the privacy noise, in persons.
        lower, upper: 95 % interval around the estimate, unrounded, may be negative.
        share, share_sd, share_lower, share_upper: the estimate as a part of its population's total, likewise;
            None where that total is less than 8 of its sd.
        shown: for people to read, whole and never negative (``samentel.figures.display``).
        shown_lower, shown_upper: the interval rounded outwards, never negative, and holding what is shown.
    """

    codes: tuple[str, ...]
    estimate: float
    sd: float
    lower: float
    upper: float
    share: float | None
    share_sd: float | None
    share_lower: float | None
    share_upper: float | None
    shown: Shown
    shown_lower: Shown
    shown_upper: Shown


@dataclass(frozen=True, slots=True)
class NationalTable:
    """One table: its cells in the programme's order, row-major."""

    table: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """The tables of one population as one release measured them.

    Attributes:
        sums: by table id, in persons. Each of shape (cells,).
        variances: by table id, the noise variance of one cell, in persons squared.
    """

    sums: Mapping[str, Floats]
    variances: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """One population after least squares.

    Attributes:
        coordinates: of shape (length of ``space``,).
        noises: of each release that is in it, with errors independent of each other's.
        measured: what each of those releases measured, in the same order.
        exact: by table id, cells that are known without going by coordinates. Each of shape (cells,).
    """

    population: str
    space: Space
    coordinates: Floats
    noises: tuple[Noise, ...]
    measured: tuple[Measured, ...]
    exact: Mapping[str, Floats]

    def cells(self, table: Table) -> Floats:
        """The estimates of a table in persons. Of shape (cells,)."""
        known = self.exact.get(table.id)
        return self.space.cells(table, self.coordinates) if known is None else known

    def figure(self, weights: Floats) -> Figure:
        """A weighted sum of coordinates; weights of shape (length,)."""
        variance = self.covariance(weights, weights)
        return Figure(float(weights @ self.coordinates), math.sqrt(max(variance, 0.0)))

    def covariance(self, one: Floats, other: Floats) -> float:
        """Of the errors of two weighted sums of coordinates; each of shape (length,)."""
        return math.fsum(noise.covariance(one, other) for noise in self.noises)

    @property
    def total(self) -> Figure:
        """The whole population, whether or not it has a table of its own."""
        return self.figure(np.eye(1, self.space.length)[0])


@dataclass(frozen=True, slots=True)
class NationalTables:
    """All tables of one release, or of several years together.

    Attributes:
        tables: measured or not, in the programme's order.
        fits: by population, for figures that are no cell of a table.
        readable: whether there are figures to show to people; without, their texts are empty.
    """

    tables: tuple[NationalTable, ...]
    fits: tuple[Fit, ...] = field(compare=False, repr=False)
    readable: bool = True

    def table(self, name: str) -> NationalTable:
        """The table of that id."""
        return next(table for table in self.tables if table.table == name)

    def total(self, population: str) -> Figure:
        """All of a population, in persons or whatever it counts."""
        return next(fit for fit in self.fits if fit.population == population).total

    def linear(self, weights: Mapping[Place, float]) -> Figure:
        """A weighted sum of cells, of any tables: a difference has the weights 1 and -1.

        What the errors of cells have in common is taken into account; those of different populations are
        independent.

        Raises:
            ValueError: there is no such cell.
        """
        found = [fit.figure(combined) for fit, combined in self._combined(weights)]
        return added(found)

    def covariance(self, one: Mapping[Place, float], other: Mapping[Place, float]) -> float:
        """Of the errors of two weighted sums of cells, in persons squared.

        Those of different populations have none; of years added up, the covariances of each year add up.

        Raises:
            ValueError: there is no such cell.
        """
        beside = {fit.population: combined for fit, combined in self._combined(other)}
        return math.fsum(
            fit.covariance(combined, beside[fit.population])
            for fit, combined in self._combined(one)
            if fit.population in beside
        )

    def ratio(self, part: Mapping[Place, float], whole: Mapping[Place, float]) -> Figure | None:
        """One weighted sum of cells as a part of another, of whatever populations.

        None where the whole is less than 8 of its sd. The error is that of ``part - p*whole``, with p the
        ratio, over the whole: the delta method, as for ``share``.

        Raises:
            ValueError: there is no such cell.
        """
        places = dict.fromkeys((*part, *whole))

        def less(quotient: float) -> Figure:
            return self.linear({it: part.get(it, 0.0) - quotient * whole.get(it, 0.0) for it in places})

        return quotient_of(self.linear(part), self.linear(whole), less)

    def share(self, weights: Mapping[Place, float]) -> Figure | None:
        """A weighted sum of cells of one population, as a part of that population's total.

        None where the total is less than 8 of its sd. With x the sum, N the total and p = x/N the variance
        is ``(V_xx - 2*p*V_xN + p**2*V_NN) / N**2``, the delta method. A ratio of
        estimates has a bias of the order of ``(V_NN / N**2)``: little beside its sd, and less the further N
        is from zero.

        Raises:
            ValueError: there is no such cell, or cells of several populations.
        """
        found = self._combined(weights)
        if len(found) != 1:
            raise ValueError("a share is of one population")
        (fit, combined), whole = found[0], found[0][0].total
        first = np.eye(1, fit.space.length)[0]  # the total
        return quotient_of(fit.figure(combined), whole, lambda part: fit.figure(combined - part * first))

    def _combined(self, weights: Mapping[Place, float]) -> list[tuple[Fit, Floats]]:
        numbers = {}
        for (name, codes), weight in weights.items():
            places = [cell.codes for table in self.tables if table.table == name for cell in table.cells]
            if codes not in places:
                raise ValueError(f"there is no cell {' '.join(codes)} in a table {name}")
            numbers[name, places.index(codes)] = weight
        found = []
        for fit in self.fits:
            asked = {place: weight for place, weight in numbers.items() if place[0] in fit.space.places}
            if asked:
                found.append((fit, combination(fit.space, asked)))
        return found


def difference(one: Figure, other: Figure) -> Figure:
    """Of two releases, or of two populations: their errors are independent, so variances add.

    For two figures of one population in one release use ``NationalTables.linear``.
    """
    return added([one, Figure(-other.estimate, other.sd)])


def added(figures: Sequence[Figure]) -> Figure:
    """The sum of figures whose errors are independent, such as those of several years: variances add."""
    return Figure(sum(one.estimate for one in figures), math.hypot(*(one.sd for one in figures)))


def quotient_of(part: Figure, whole: Figure, less: Callable[[float], Figure]) -> Figure | None:
    """One figure as a part of another, by the delta method; None where the whole is less than 8 of its sd.

    Args:
        less: of a number p the figure ``part - p*whole``: with p the quotient, its sd over the whole is that
            of the quotient.
    """
    if not _divides(whole):
        return None
    quotient = part.estimate / whole.estimate
    return Figure(quotient, less(quotient).sd / whole.estimate)


def estimate(programme: Programme, national: NationalSum, *, readable: bool = True) -> NationalTables:
    """Every cell of every table, measured or not, with its standard deviation and interval.

    Args:
        readable: also work out what is shown to people; whoever only verifies can do without, and without
            the solver that it takes (``samentel.figures.display``).

    Raises:
        ValueError: the sum does not fit the programme.
    """
    sums = _in_persons(programme, national)
    fits = tuple(_fit(programme, name, national.variances, sums) for name in populations_of(programme))
    return _national(fits, {table.id: cell_codes(programme, table) for table in programme.tables}, readable)


def pooled(years: Sequence[NationalTables]) -> NationalTables:
    """The same tables of several years added up, cell by cell: estimates and variances add.

    For tables whose counts are too small to publish a single year (``Table.years``).

    Raises:
        ValueError: the years do not have the same tables.
    """
    layouts = [
        [(table.table, [cell.codes for cell in table.cells]) for table in year.tables] for year in years
    ]
    if not layouts or any(layout != layouts[0] for layout in layouts):
        raise ValueError("years that are added up have the same tables")
    fits = []
    for same in zip(*(year.fits for year in years), strict=True):
        fits.append(
            Fit(
                same[0].population,
                same[0].space,
                np.sum([fit.coordinates for fit in same], axis=0),
                tuple(noise for fit in same for noise in fit.noises),
                tuple(measured for fit in same for measured in fit.measured),
                {name: np.sum([fit.exact[name] for fit in same], axis=0) for name in same[0].exact},
            )
        )
    return _national(tuple(fits), dict(layouts[0]), all(year.readable for year in years))


def cell_codes(programme: Programme, table: Table) -> list[tuple[str, ...]]:
    """The codes of every cell of a table, in the order of its vector."""
    lists = [[code.code for code in programme.dimension(name).codes] for name in table.dimensions]
    return [
        tuple(codes[index] for codes, index in zip(lists, position, strict=True))
        for position in np.ndindex(*programme.shape(table))
    ]


def _in_persons(programme: Programme, national: NationalSum) -> Mapping[str, Floats]:
    asked = [(table.id, programme.cells(table)) for table in programme.measured]
    if asked != [(name, len(counts)) for name, counts in national.tables.items()]:
        raise ValueError("the sum does not fit the tables that the programme measures")
    return {name: counts / national.granularities[name] for name, counts in national.tables.items()}


def _fit(
    programme: Programme, population: str, variances: Mapping[str, float], sums: Mapping[str, Floats]
) -> Fit:
    space = space_of(programme, population)
    noise = noise_after(space, variances)
    names = [table.id for table in space.tables if table.id in variances]
    measured = Measured({name: sums[name] for name in names}, {name: variances[name] for name in names})
    # One table alone is its own best estimate; the way by coordinates would only add rounding.
    exact = measured.sums if len(names) == 1 and not noise.held.size else {}
    return Fit(population, space, fitted(space, noise, variances, sums), (noise,), (measured,), exact)


def _national(
    fits: Sequence[Fit], codes: Mapping[str, Sequence[tuple[str, ...]]], readable: bool
) -> NationalTables:
    found = {}
    for fit in fits:
        root = np.sqrt(np.sum([noise.root**2 for noise in fit.noises], axis=0))
        display = never_negative(fit.space, fit.coordinates, root) if readable else {}
        for table in fit.space.tables:
            found[table.id] = NationalTable(
                table.id, _cells(fit, table, codes[table.id], display.get(table.id))
            )
    return NationalTables(tuple(found[name] for name in codes), tuple(fits), readable)


def _cells(
    fit: Fit, table: Table, codes: Sequence[tuple[str, ...]], display: Floats | None
) -> tuple[Cell, ...]:
    variances = np.sum([noise.variances(fit.space, table) for noise in fit.noises], axis=0)
    values, whole = np.where(variances > 0, fit.cells(table), 0.0), fit.total  # nobody can be where none is
    shares: Floats | None = None
    deviations = np.zeros_like(values)
    if _divides(whole):
        with_total = np.sum([noise.with_total(fit.space, table) for noise in fit.noises], axis=0)
        shares = values / whole.estimate
        spread = variances - 2 * shares * with_total + (shares * whole.sd) ** 2
        # What is left of zero by rounding would stand beside a share that is certain, such as that of all.
        deviations = np.sqrt(np.where(spread > _ROUNDING * variances, spread, 0.0)) / whole.estimate
    return tuple(
        cell(
            codes[number],
            Figure(float(values[number]), math.sqrt(variances[number])),
            None if shares is None else Figure(float(shares[number]), float(deviations[number])),
            None if display is None else float(display[number]),
        )
        for number in range(len(values))
    )


def cell(codes: tuple[str, ...], figure: Figure, share: Figure | None, display: float | None) -> Cell:
    """One figure with its intervals, by the normal quantile.

    A sum of counts lies on whole multiples of 1/s, so the interval holds the truth with 95 % give or take
    ``0.06 / (sd*s)``: at most 1.2 points for three institutions at the least scale, 3. The shown
    interval, rounded outwards, holds it at least as often. It is made wider where it would not hold the
    figure shown, which is fitted to the figures beside it.

    Args:
        display: what to show, in persons, not negative and unrounded; None to show nothing.
    """
    shown = (Shown(""), Shown(""), Shown("")) if display is None else _shown(figure, max(0, round(display)))
    return Cell(
        codes,
        figure.estimate,
        figure.sd,
        figure.lower,
        figure.upper,
        share.estimate if share else None,
        share.sd if share else None,
        share.lower if share else None,
        share.upper if share else None,
        *shown,
    )


def _shown(figure: Figure, display: int) -> tuple[Shown, Shown, Shown]:
    """What is shown, and its interval around it."""
    lower = min(max(0, math.floor(figure.lower)), display)
    upper = max(math.ceil(figure.upper), display)
    return Shown(str(display)), Shown(str(lower)), Shown(str(upper))


def _divides(whole: Figure) -> bool:
    """Whether a total is far enough from zero for shares of it."""
    return whole.estimate > 0 and whole.estimate >= LEAST_TOTAL * whole.sd
