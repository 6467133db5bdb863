"""Quarters and year combined: the sum of four quarters as one more measurement in the year.

Quarterly and annual figures stand beside each other. They are combined only where
both count exactly the same persons in the same levels, or the combined figure
would be wrong by whatever differs: 100 reasons that are recorded after the
quarter move a cell by 2.7 of its standard deviations. So all of this must hold:

- the four quarters are those of the year, and the five rounds have the same
  institutions in their sums;
- the annual population counts the persons of these quarters and nobody else
  (``Population.of_quarters``), one row each, by the same rules;
- every attribute of the table is frozen at a person's first date, in both
  programmes, with the same levels;
- the table is a margin of the annual tables.

Then the sum of four quarters is a measurement of that margin whose variance is
the sum of four, and goes with the annual tables into one least squares.

Two of these rest on words. ``frozen`` is the author's, about how institutions record:
nothing here can see whether they do. And a first date that an institution moves out of
the year after it sealed the quarter takes the person out of the year, not out of the
quarter. So quarters and year are compared first, and refused where noise alone would
hardly ever set them so far apart: ``agreement``, which says what it can find.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from samentel.documents.populations import Table
from samentel.documents.programme import Programme
from samentel.errors import DocumentError
from samentel.figures.edition import Year
from samentel.figures.effects import Floats
from samentel.figures.estimate import Fit, NationalTables, estimate
from samentel.figures.quality import Check, chi_square_above
from samentel.figures.sums import NationalSum
from samentel.ids import Period

QUARTERS = 4
_ADDED = "{} of quarters"  # an id that no author can write

# What must be the same of a population, so that the same persons are counted by the same rule.
_ALIKE = ("records", "counting", "rows_per_person", "distinct", "dated_by", "registers")


def combined(
    annual: Programme,
    year: Year,
    quarterly: Programme,
    quarters: Sequence[Year],
    tables: Sequence[str] | None = None,
) -> NationalTables:
    """The annual tables, with what the quarters tell of their margins.

    Args:
        year: the sum of the annual programme.
        quarters: the four sums of the quarterly programme, in order.
        tables: ids of quarterly tables to combine; every one that is measured if not given.

    Returns:
        The tables of the annual programme, as ``estimate`` gives them; no cell has a larger sd than there.

    Raises:
        DocumentError: names each condition that does not hold; or the quarters do not agree with the year.
    """
    asked = [table for table in quarterly.measured if tables is None or table.id in tables]
    problems = [*round_problems(annual, year, quarterly, quarters)]
    problems += [problem for table in asked for problem in table_problems(annual, quarterly, table)]
    if not asked:
        problems.append(f"{quarterly.id}: none of its tables is asked for")
    if problems:
        raise DocumentError(f"combining {quarterly.id} with {annual.id}", problems)
    agreed = _agreement(annual, year, quarters, asked)
    if agreed.alarm:
        raise DocumentError(
            f"combining {quarterly.id} with {annual.id}",
            [
                f"quarters and year differ by more than noise (p = {agreed.p_value:.1g}): they did not count "
                "the same persons alike; ask whether dates or attributes were changed after a quarter"
            ],
        )
    more = {table.id: table.model_copy(update={"id": _ADDED.format(table.id), "years": 1}) for table in asked}
    wider = annual.model_copy(update={"tables": (*annual.tables, *more.values())})
    found = estimate(wider, _with_quarters(year.national, [one.national for one in quarters], more))
    own = {table.id for table in annual.tables}
    return NationalTables(tuple(one for one in found.tables if one.table in own), found.fits)


def agreement(
    annual: Programme,
    year: Year,
    quarterly: Programme,
    quarters: Sequence[Year],
    tables: Sequence[str] | None = None,
) -> Check:
    """Whether the sum of the quarters is the annual margin, give or take the noise of both.

    A chi-square of all cells of the quarterly tables together, with what the annual errors have in common.

    Args:
        year, quarters, tables: as for ``combined``, which refuses where this is an alarm.

    Returns:
        Named after the annual programme. ``detects`` is None: the least that is found depends on where it is.

    Raises:
        DocumentError: a table cannot be compared.
    """
    asked = [table for table in quarterly.measured if tables is None or table.id in tables]
    problems = [*round_problems(annual, year, quarterly, quarters)]
    problems += [problem for table in asked for problem in table_problems(annual, quarterly, table)]
    if problems or not asked:
        raise DocumentError(
            f"comparing {quarterly.id} with {annual.id}", problems or ["no table is asked for"]
        )
    return _agreement(annual, year, quarters, asked)


def _agreement(annual: Programme, year: Year, quarters: Sequence[Year], asked: Sequence[Table]) -> Check:
    statistic, degrees = 0.0, 0
    fits = {fit.population: fit for fit in estimate(annual, year.national, readable=False).fits}
    for population in dict.fromkeys(table.population for table in asked):
        fit = fits[population]
        apart, own, noises = [], [], []
        for table in (it for it in asked if it.population == population):
            holder = next(it for it in fit.space.tables if set(table.dimensions) <= set(it.dimensions))
            weights = _margin_weights(fit, holder, table)
            counted = np.sum(
                [it.national.tables[table.id] / it.national.granularities[table.id] for it in quarters],
                axis=0,
            )
            apart.append(counted - weights @ fit.coordinates)
            own.append(weights)
            variance = math.fsum(it.national.variances[table.id] for it in quarters)
            noises.append(np.full(len(counted), variance))
        covariance = np.diag(np.concatenate(noises))
        for noise in fit.noises:
            spread = np.concatenate(own) * noise.root
            covariance += spread @ spread.T - (spread @ noise.held) @ (spread @ noise.held).T
        differences = np.concatenate(apart)
        statistic += float(differences @ np.linalg.solve(covariance, differences))
        degrees += len(differences)
    return Check(annual.id, statistic, degrees, chi_square_above(statistic, degrees), None)


def _margin_weights(fit: Fit, holder: Table, table: Table) -> Floats:
    """The cells of a margin in coordinates, in the order of its own table. Of shape (cells, length)."""
    shape = fit.space.shape(holder)
    kept = [holder.dimensions.index(name) for name in table.dimensions]
    rows = []
    for place in np.ndindex(*(shape[axis] for axis in kept)):
        cells = np.zeros(shape)
        at: list[int | slice] = [slice(None)] * len(shape)
        for axis, level in zip(kept, place, strict=True):
            at[axis] = level
        cells[tuple(at)] = 1
        rows.append(fit.space.weights(holder, cells))
    return np.array(rows)


def round_problems(
    annual: Programme, year: Year, quarterly: Programme, quarters: Sequence[Year]
) -> Iterator[str]:
    """What keeps these five rounds from being about the same institutions and the same time."""
    if annual.period != "year" or quarterly.period != "quarter":
        yield "a programme that counts by the year goes with one that counts by the quarter"
    expected = [Period(year.period.year, number) for number in range(1, QUARTERS + 1)]
    given = [one.period for one in quarters]
    if given != expected:
        yield (
            f"the quarters of {year.period} are {', '.join(map(str, expected))}; "
            f"given are {', '.join(map(str, given)) or 'none'}"
        )
    for one in quarters:
        different = sorted(set(one.national.survivors) ^ set(year.national.survivors))
        if different:
            yield f"{one.period}: not both in the quarter and in the year: {', '.join(different)}"


def table_problems(annual: Programme, quarterly: Programme, table: Table) -> Iterator[str]:
    """What keeps a quarterly table from being a measurement of a margin of the annual tables.

    None of it depends on what was counted.
    """
    place = f"{quarterly.id}, table {table.id}"
    counted = next((one for one in annual.populations if one.id == table.population), None)
    if counted is None or counted.of_quarters != quarterly.id:
        yield (
            f"{place}: {annual.id} does not count the population {table.population} from the quarters of "
            f"{quarterly.id}: persons who were dated or found later are in the year only"
        )
        return
    here = quarterly.population(table.population)
    differ = [name for name in _ALIKE if getattr(counted, name) != getattr(here, name)]
    if counted.rows_per_person != 1:
        yield (
            f"{place}: {table.population} counts up to {counted.rows_per_person} rows of a person, and which "
            "of them depends on the period; write rows_per_person = 1"
        )
    if differ:
        yield f"{place}: {table.population} differs between the programmes in {', '.join(differ)}"
    for name in table.dimensions:
        yield from (f"{place}: {problem}" for problem in _dimension_problems(annual, quarterly, name))
    if not any(
        other.population == table.population and set(table.dimensions) <= set(other.dimensions)
        for other in annual.tables
    ):
        yield f"{place}: is no margin of an annual table of {table.population}"


def _dimension_problems(annual: Programme, quarterly: Programme, name: str) -> Iterator[str]:
    here, there = (
        next((one for one in programme.dimensions if one.id == name), None)
        for programme in (quarterly, annual)
    )
    if here is None or there is None or _levels(quarterly, name) != _levels(annual, name):
        yield f"{name} does not have the same levels in {annual.id}"
        return
    for programme in (quarterly, annual):
        if not _frozen(programme, name):
            yield (
                f"{name} is not frozen at the first date in {programme.id}, so somebody can be counted "
                "otherwise in the year than in the quarter"
            )


def _levels(programme: Programme, name: str) -> object:
    """What decides the level of a record: everything of a dimension but its words."""
    dimension = programme.dimension(name)
    own = [(code.code, code.bounds, code.members) for code in dimension.codes]
    behind = _levels(programme, dimension.rolls_up) if dimension.rolls_up else None
    return dimension.field, dimension.unknown, dimension.fixed_by, dimension.applies, own, behind


def _frozen(programme: Programme, name: str) -> bool:
    """Whether a dimension, or the finer one that it takes together, says so of itself."""
    dimension = programme.dimension(name)
    return dimension.frozen or (dimension.rolls_up is not None and _frozen(programme, dimension.rolls_up))


def _with_quarters(
    year: NationalSum, quarters: Sequence[NationalSum], more: Mapping[str, Table]
) -> NationalSum:
    tables, granularities, variances = dict(year.tables), dict(year.granularities), dict(year.variances)
    for name, table in more.items():
        common = math.lcm(*(one.granularities[name] for one in quarters))
        counts = [one.tables[name] * (common // one.granularities[name]) for one in quarters]
        tables[table.id] = np.sum(counts, axis=0, dtype=np.int64)
        granularities[table.id] = common
        variances[table.id] = math.fsum(one.variances[name] for one in quarters)
    return NationalSum(year.survivors, tables, granularities, variances)
