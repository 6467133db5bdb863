"""Unbiased, and intervals that hold the truth as often as they say: with noise that was really drawn."""

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from desk.packaged import packaged
from samentel.counting.contribution import Codes, Integers
from samentel.counting.noise import draw
from samentel.counting.privacy import noise_plan
from samentel.documents.codelists import rolled
from samentel.documents.programme import Programme, parse
from samentel.figures.effects import Floats
from samentel.figures.estimate import Cell, NationalTables, add_up, difference, estimate, pooled

pytestmark = pytest.mark.statistics

RUNS = {"skewed": 150, "even": 75, "small": 75}
OFF = 5.5  # standard errors; that far off by chance is rarer than one in a million, all tables together
# Three populations, one and two rows a person, two dimensions that roll up others, a table not measured.
TABLES = ("reason", "clients", "victims", "citizenship-form", "organisation-age-nationality", "problems",
          "problem-count-age", "placements", "facility", "facility-via")  # fmt: skip
SECTORS = {"even": (40.0, 1.0), "skewed": (0.3, 1.0), "small": (0.6, 0.4)}  # how even, how many of the usual
PEOPLE = {"clients": 4000, "victims": 850, "placements": 600}


@pytest.fixture(scope="module")
def programme() -> Programme:
    whole = parse(packaged("registratie-2025"))
    tables = tuple(
        it.model_copy(update={"rho_share": it.rho_share * (it.id != "placements")})
        for it in whole.tables
        if it.id in TABLES
    )
    return whole.model_copy(update={"tables": tables})


@pytest.fixture(scope="module")
def noises(programme: Programme) -> list[Integers]:
    """What OpenDP adds to empty tables, once for every run of every sector."""
    plan = noise_plan(programme)
    nobody = Codes({it.table: np.zeros(0, dtype=np.int64) for it in plan})
    return [draw(nobody, plan).vector for _ in range(sum(RUNS.values()))]


def truth(programme: Programme, sector: str) -> dict[str, Integers]:
    """The true tables of made-up people, measured or not."""
    even, size = SECTORS[sector]
    rng, found = np.random.default_rng(sorted(SECTORS).index(sector)), {}
    for population in dict.fromkeys(it.population for it in programme.tables):
        people, levels = int(PEOPLE[population] * size), {}
        for it in sorted(programme.dimensions, key=lambda it: it.rolls_up or ""):
            fine = levels.get(it.rolls_up or "")
            if fine is not None and it.rolls_up is not None:
                levels[it.id] = np.array(rolled(it, programme.dimension(it.rolls_up)))[fine]
            else:
                chances = rng.dirichlet(np.full(len(it.codes), even))
                levels[it.id] = rng.choice(len(it.codes), people, p=chances)
        for table in programme.tables:
            if table.population == population:
                cells = np.zeros(programme.shape(table), dtype=np.int64)
                np.add.at(
                    cells, tuple(levels[name] for name in table.dimensions), 1 if table.dimensions else people
                )
                found[table.id] = cells.ravel()
    return found


@pytest.fixture(scope="module")
def releases(programme: Programme, noises: Sequence[Integers]) -> Callable[[str], list[NationalTables]]:
    """All releases of a sector, made once; no noise is in two of them, in whatever sector."""

    @cache
    def make(sector: str) -> list[NationalTables]:
        first = sum(list(RUNS.values())[: list(RUNS).index(sector)])
        plan, true = noise_plan(programme), truth(programme, sector)
        exact = np.concatenate([np.append(true[it.table] * it.granularity, 0) for it in plan])
        return [
            estimate(programme, add_up(plan, {"one": exact + noise}))
            for noise in noises[first : first + RUNS[sector]]
        ]

    return make


@pytest.mark.parametrize("sector", SECTORS)
def test_estimates_are_unbiased_and_intervals_hold_the_truth(
    programme: Programme, releases: Callable[[str], list[NationalTables]], sector: str
) -> None:
    """A false alarm is rarer than one in a million: z of 7, six standard errors of coverage."""
    true, found = truth(programme, sector), releases(sector)
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
        if table.dimensions:
            shares_held.append((of(cells, "share_lower") <= parts) & (parts <= of(cells, "share_upper")))
    assert 0.94 <= rate(held) <= 0.965
    assert 0.94 <= rate(shares_held) <= 0.965
    assert rate(shown) >= 0.95
    assert 0.47 <= rate(above) <= 0.53


def of(runs: Sequence[Sequence[Cell]], name: str) -> Floats:
    """One column of a table, of shape (runs, cells)."""
    return np.array([[getattr(cell, name) for cell in run] for run in runs], dtype=float)


def as_shown(runs: Sequence[Sequence[Cell]], name: str) -> Floats:
    return np.array([[int(str(getattr(cell, name))) for cell in run] for run in runs], dtype=float)


def rate(hits: Sequence[npt.NDArray[np.bool_]]) -> float:
    return float(np.mean(np.concatenate([it.ravel() for it in hits])))


def off(
    programme: Programme, releases: Callable[[str], list[NationalTables]], table: str, bias: float = 0.0
) -> float:
    """How far all cells of a table are off together, over all runs, in standard errors.

    Args:
        bias: in sd, added to every cell of the table.
    """
    scores, runs = 0.0, 0
    for sector in SECTORS:
        cells, true = [it.table(table).cells for it in releases(sector)], truth(programme, sector)[table]
        scores += float(((of(cells, "estimate") - true) / of(cells, "sd") + bias).sum())
        runs += len(cells)
    one = releases("even")[0]  # how the errors of its cells go together is the same in every run
    spread = one.linear({(table, cell.codes): 1 / cell.sd for cell in one.table(table).cells}).sd
    return scores / (spread * math.sqrt(runs))


def test_no_table_is_off_by_a_part_of_its_error(
    programme: Programme, releases: Callable[[str], list[NationalTables]]
) -> None:
    """All cells and all runs together see what no cell alone could: a fifth of the error of one figure."""
    for table in programme.tables:
        assert abs(off(programme, releases, table.id)) < OFF, table.id


def test_a_bias_of_a_fifth_of_the_error_in_one_table_would_be_seen(
    programme: Programme, releases: Callable[[str], list[NationalTables]]
) -> None:
    for table in programme.tables:
        bias = 0.2 if table.dimensions else 0.5  # a total has one cell only
        moved = off(programme, releases, table.id, bias) - off(programme, releases, table.id)
        assert moved > OFF + 2, table.id  # red even where chance goes the other way by two


def test_sums_differences_and_years_together_have_the_error_that_they_state(
    programme: Programme, releases: Callable[[str], list[NationalTables]]
) -> None:
    true, found = truth(programme, "skewed"), releases("skewed")
    first, second = ("problems", ("GGZ",)), ("citizenship-form", cell_codes(found[0], "citizenship-form", 7))
    exact = true["problems"][place(found[0], *first)] - true["citizenship-form"][7]
    scores = {"difference": [], "years": [], "pooled": []}  # type: dict[str, list[float]]
    for one, other, third in zip(found[0::3], found[1::3], found[2::3], strict=True):
        for release in (one, other, third):
            figure = release.linear({first: 1.0, second: -1.0})
            scores["difference"].append((figure.estimate - exact) / figure.sd)
        change = difference(one.linear({first: 1.0}), other.linear({first: 1.0}))
        scores["years"].append(change.estimate / change.sd)
        cell = pooled([one, other, third]).table("facility-via").cells[3]
        scores["pooled"].append((cell.estimate - 3 * true["facility-via"][3]) / cell.sd)
    for name, values in scores.items():
        assert abs(np.mean(values)) < 6 / math.sqrt(len(values)), name
        # The variance of n squares of normal scores is 2n.
        assert abs(np.mean(np.square(values)) - 1) < 6 * math.sqrt(2 / len(values)), name


def cell_codes(release: NationalTables, table: str, number: int) -> tuple[str, ...]:
    return release.table(table).cells[number].codes


def place(release: NationalTables, table: str, codes: tuple[str, ...]) -> int:
    return [cell.codes for cell in release.table(table).cells].index(codes)


@pytest.mark.parametrize("sector", SECTORS)
def test_tables_as_shown_have_nobody_too_many(
    programme: Programme, releases: Callable[[str], list[NationalTables]], sector: str
) -> None:
    """Setting negative figures to zero would add tens of people to each of these tables."""
    true = truth(programme, sector)
    for table in ("organisation-age-nationality", "citizenship-form"):
        excess, clipped = [], []
        for release in releases(sector):
            cells = release.table(table).cells
            total = release.total("victims")
            excess.append(sum(int(str(cell.shown)) for cell in cells) - true[table].sum())
            clipped.append(sum(max(0.0, cell.estimate) for cell in cells) - true[table].sum())
        # Rounding adds its own error, at most half a person a cell and none on average.
        spread = math.sqrt(total.sd**2 + len(cells) / 12)
        assert abs(np.mean(excess)) < 6 * spread / math.sqrt(len(excess)) + 0.02 * len(cells)
        if sector != "even":
            assert np.mean(clipped) > 10 + abs(np.mean(excess))
