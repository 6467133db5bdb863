"""Unbiased, and intervals that hold the truth as often as they say: with noise that was really drawn.

Three sectors of people who do not exist, of other seeds, years and institutions; their true tables are known.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from desk.packaged import packaged
from rehearsal.sector import HOUSES, NATION, House, make
from samentel.counting.contribution import Codes, Integers
from samentel.counting.noise import draw
from samentel.counting.shares import honest_shares, share_plan
from samentel.documents.programme import Programme, parse
from samentel.figures.effects import Floats
from samentel.figures.estimate import Cell, Figure, NationalTables, Z, difference, estimate, pooled
from samentel.figures.sums import national_of

pytestmark = pytest.mark.statistics

RUNS = {"country": 150, "twelve": 75, "before consent": 75}
OFF = 5.5  # standard errors; that far off by chance is rarer than one in a million, all tables together
# Four populations, one and two rows a person, dimensions that roll up others, a question that applies to
# some rows only, a table not measured.
TABLES = ("clients", "reason", "reason-part", "victims", "citizenship-form", "organisation-age-nationality",
          "problems", "problem-count-age", "requests", "asked-outcome", "refusal",
          "placements", "facility", "facility-via")  # fmt: skip
UNMEASURED = "placements"
SECTORS: Mapping[str, tuple[int, int, Sequence[House]]] = {  # year, seed, institutions
    "country": (2025, 1, NATION),
    "twelve": (2031, 7, HOUSES),
    "before consent": (2016, 3, NATION[10:34]),
}
DEALERS = 7  # the fewest that leave two honest shares
CLEAR = 12  # sd: far enough that a share of it is published every time (``LEAST_TOTAL``)
FEW = 5  # cells; what is off in a table of few cells shows less


@dataclass(frozen=True)
class Drawn:
    """A sector: its true tables, measured or not, and releases of it."""

    true: Mapping[str, Integers]
    releases: Sequence[NationalTables]


@pytest.fixture(scope="module")
def programme() -> Programme:
    whole = parse(packaged("registratie-2025"))
    tables = tuple(
        it.model_copy(update={"rho_share": it.rho_share * (it.id != UNMEASURED)})
        for it in whole.tables
        if it.id in TABLES
    )
    used = {it.population for it in tables}
    populations = tuple(it for it in whole.populations if it.id in used)
    return whole.model_copy(update={"tables": tables, "populations": populations})


@pytest.fixture(scope="module")
def noises(programme: Programme) -> list[Integers]:
    """What the noise shares of as many institutions as there must be add to empty tables, run by run.

    All runs of an institution are drawn in one go: as tables with so many times the cells.
    """
    plan, runs = share_plan(programme, DEALERS, DEALERS), sum(RUNS.values())
    nobody = Codes({it.table: np.zeros(0, dtype=np.int64) for it in plan})
    wide = [replace(it, cells=it.cells * runs) for it in plan]
    drawn = sum(draw(nobody, wide).vector for _ in range(honest_shares(programme.roster, DEALERS)))
    ends = np.cumsum([it.cells + 1 for it in wide])
    parts = [part[:-1].reshape(runs, -1) for part in np.split(drawn, ends[:-1])]
    return list(np.concatenate([np.pad(part, ((0, 0), (0, 1))) for part in parts], axis=1))


@pytest.fixture(scope="module")
def drawn(programme: Programme, noises: Sequence[Integers]) -> Callable[[str], Drawn]:
    """All releases of a sector, made once; no noise is in two of them, in whatever sector."""

    @cache
    def of_sector(name: str) -> Drawn:
        year, seed, houses = SECTORS[name]
        counted = make(year, seed, houses).tables(programme, year)
        true = {table: np.array(list(cells.values()), dtype=np.int64) for table, cells in counted.items()}
        plan = share_plan(programme, DEALERS, DEALERS)
        survivors = [f"node-{number}" for number in range(honest_shares(programme.roster, DEALERS))]
        exact = np.concatenate([np.append(true[it.table] * it.granularity, 0) for it in plan])
        first = sum(list(RUNS.values())[: list(RUNS).index(name)])
        releases = [
            estimate(programme, national_of(plan, survivors, exact + noise))
            for noise in noises[first : first + RUNS[name]]
        ]
        return Drawn(true, releases)

    return of_sector


@pytest.mark.parametrize("sector", SECTORS)
def test_estimates_are_unbiased_and_intervals_hold_the_truth(
    programme: Programme, drawn: Callable[[str], Drawn], sector: str
) -> None:
    """A false alarm is rarer than one in a million: z of 7, and coverage six standard errors from 94 %."""
    true, found = drawn(sector).true, drawn(sector).releases
    held, shares_held, above, shown = [], [], [], []
    for table in programme.tables:
        cells = [release.table(table.id).cells for release in found]
        exact = true[table.id]
        parts = exact / exact.sum()
        estimates, lower, upper = (of(cells, name) for name in ("estimate", "lower", "upper"))
        sd = of(cells[:1], "sd")[0]
        z = (estimates.mean(axis=0) - exact) / (sd / math.sqrt(len(found)))
        assert abs(z).max() < 7, table.id
        mean_square = (((estimates - exact) / sd) ** 2).mean()
        assert abs(mean_square - 1) < 7 * math.sqrt(2 / len(found))  # as if all cells had one error
        held.append((lower <= exact) & (exact <= upper))
        above.append(estimates > exact)
        shown.append((as_shown(cells, "shown_lower") <= exact) & (exact <= as_shown(cells, "shown_upper")))
        if table.dimensions and exact.sum() > CLEAR * found[0].total(table.population).sd:
            shares_held.append((of(cells, "share_lower") <= parts) & (parts <= of(cells, "share_upper")))
    assert_rate(held)
    assert_rate(shares_held)
    assert rate(shown) >= 0.95
    assert 0.47 <= rate(above) <= 0.53


def test_intervals_of_differences_hold_the_truth(programme: Programme, drawn: Callable[[str], Drawn]) -> None:
    """Of two cells of one release, of whatever tables; of a cell, and of a share, in two releases."""
    within, years, shares = [], [], []
    for sector in SECTORS:
        true, found = drawn(sector).true, drawn(sector).releases
        within += pairs_held(true, found)
        for table in programme.tables:
            cells = [release.table(table.id).cells for release in found]
            years.append(same(cells[0::2], cells[1::2], "estimate", "sd"))
            if table.dimensions and true[table.id].sum() > CLEAR * found[0].total(table.population).sd:
                shares.append(same(cells[0::2], cells[1::2], "share", "share_sd"))
    for hits in (within, years, shares):
        assert_rate(hits)


def pairs_held(true: Mapping[str, Integers], found: Sequence[NationalTables]) -> list[npt.NDArray[np.bool_]]:
    """Whether intervals of differences of two cells in one release hold the true one, pair by pair."""
    places = [(it.table, number) for it in found[0].tables for number in range(len(it.cells))]
    order = np.random.default_rng(8).permutation(2 * (len(places) // 2)).reshape(-1, 2)
    estimates = {
        it.table: of([one.table(it.table).cells for one in found], "estimate") for it in found[0].tables
    }
    held = []
    for left, right in order:
        (one, first), (other, second) = places[left], places[right]
        weights = {
            (one, codes_of(found[0], one, first)): 1.0,
            (other, codes_of(found[0], other, second)): -1.0,
        }
        apart = estimates[one][:, first] - estimates[other][:, second]
        figure = found[0].linear(weights)  # its error is the same in every run
        assert figure.estimate == pytest.approx(apart[0], abs=1e-8)
        held.append(abs(apart - (true[one][first] - true[other][second])) <= Z * figure.sd)
    return held


def same(
    ones: Sequence[Sequence[Cell]], others: Sequence[Sequence[Cell]], name: str, sd: str
) -> npt.NDArray[np.bool_]:
    """Whether intervals of differences hold zero, of shape (pairs of releases, cells)."""
    hits = [
        [abs(apart.estimate) <= Z * apart.sd for apart in (
            difference(Figure(getattr(a, name), getattr(a, sd)), Figure(getattr(b, name), getattr(b, sd)))
            for a, b in zip(one, other, strict=True))]
        for one, other in zip(ones, others, strict=False)
    ]  # fmt: skip
    return np.array(hits)


def of(runs: Sequence[Sequence[Cell]], name: str) -> Floats:
    """One column of a table, of shape (runs, cells)."""
    return np.array([[getattr(cell, name) for cell in run] for run in runs], dtype=float)


def as_shown(runs: Sequence[Sequence[Cell]], name: str) -> Floats:
    return np.array([[int(str(getattr(cell, name))) for cell in run] for run in runs], dtype=float)


def rate(hits: Sequence[npt.NDArray[np.bool_]]) -> float:
    return float(np.mean(np.concatenate([it.ravel() for it in hits])))


def assert_rate(hits: Sequence[npt.NDArray[np.bool_]]) -> None:
    """94 to 96.5 % of them held the truth."""
    assert 0.94 <= rate(hits) <= 0.965


def off(programme: Programme, drawn: Callable[[str], Drawn], table: str, bias: float = 0.0) -> float:
    """How far all cells of a table are off together, over all runs, in standard errors.

    Args:
        bias: in sd, added to every cell of the table.
    """
    scores, runs = 0.0, 0
    for sector in SECTORS:
        cells = [it.table(table).cells for it in drawn(sector).releases]
        distances = (of(cells, "estimate") - drawn(sector).true[table]) / of(cells, "sd")
        scores += float((distances + bias).sum())
        runs += len(cells)
    one = drawn("country").releases[0]  # how the errors of its cells go together is the same in every run
    spread = one.linear({(table, cell.codes): 1 / cell.sd for cell in one.table(table).cells}).sd
    return scores / (spread * math.sqrt(runs))


def test_no_table_is_off_by_a_part_of_its_error(programme: Programme, drawn: Callable[[str], Drawn]) -> None:
    """All cells and all runs together see what no cell alone could: a fifth of the error of one figure."""
    for table in programme.tables:
        assert abs(off(programme, drawn, table.id)) < OFF, table.id


def test_a_bias_of_a_fifth_of_the_error_in_one_table_would_be_seen(
    programme: Programme, drawn: Callable[[str], Drawn]
) -> None:
    for table in programme.tables:
        bias = 0.2 if programme.cells(table) > FEW else 0.5
        moved = off(programme, drawn, table.id, bias) - off(programme, drawn, table.id)
        assert moved > OFF + 2, table.id  # red even where chance goes the other way by two


def test_years_together_have_the_error_that_they_state(drawn: Callable[[str], Drawn]) -> None:
    true, found = drawn("country").true, drawn("country").releases
    scores = []
    for years in zip(found[0::3], found[1::3], found[2::3], strict=True):
        cell = pooled(years).table("facility-via").cells[3]
        scores.append((cell.estimate - 3 * true["facility-via"][3]) / cell.sd)
    assert abs(np.mean(scores)) < 6 / math.sqrt(len(scores))
    # The variance of n squares of normal scores is 2n.
    assert abs(np.mean(np.square(scores)) - 1) < 6 * math.sqrt(2 / len(scores))


def codes_of(release: NationalTables, table: str, number: int) -> tuple[str, ...]:
    return release.table(table).cells[number].codes


@pytest.mark.parametrize("sector", SECTORS)
def test_tables_as_shown_have_nobody_too_many(
    programme: Programme, drawn: Callable[[str], Drawn], sector: str
) -> None:
    """Setting negative figures to zero would add people to each of these tables; totals as shown add none."""
    true = drawn(sector).true
    for table in ("organisation-age-nationality", "citizenship-form", "victims"):
        excess, clipped, cells = [], [], drawn(sector).releases[0].table(table).cells
        for release in drawn(sector).releases:
            cells = release.table(table).cells
            excess.append(sum(int(str(cell.shown)) for cell in cells) - true[table].sum())
            clipped.append(sum(max(0.0, cell.estimate) for cell in cells) - true[table].sum())
        # Rounding adds its own error, at most half a person a cell and none on average.
        spread = math.sqrt(drawn(sector).releases[0].total("victims").sd ** 2 + len(cells) / 12)
        least = 6 * spread / math.sqrt(len(excess))
        assert abs(np.mean(excess)) < least + 0.02 * (len(cells) - 1)
        if len(cells) > 1:
            assert np.mean(clipped) > 2 * least
