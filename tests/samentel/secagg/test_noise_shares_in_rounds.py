"""Whole rounds of twelve and of forty nodes with OpenDP's own noise shares: what is announced is in the sum.

The people are made up, so the truth is known; everything between their codes and the published cell is the
product: draws, both machines, decoding, estimate.

Power: a check of the scale of all noise, or of a table's, raises an alarm at p < 1e-20; one of a single
pattern of survivors at p < 1e-9. Each looks at no fewer cells than ``ENOUGH``, with which noise whose sd is
30 % off, either way, goes unnoticed less than once in 1e9. Three rounds of a pattern are just enough;
OpenDP's draws cost most of the time, and they go by the cell.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache, partial

import numpy as np
import pytest
from scipy.stats import binom, chi2

from samentel.counting.contribution import Codes
from samentel.counting.noise import draw
from samentel.counting.shares import plan_of, share_plan
from samentel.documents.keys import VerifyKey
from samentel.documents.programme import Programme, parse
from samentel.figures.estimate import estimate
from samentel.figures.sums import national_of
from samentel.secagg import client, server
from samentel.secagg.relay import Summed
from samentel.secagg.standing import Delivered, Drawn

pytestmark = [pytest.mark.statistics, pytest.mark.timeout(600)]

STRICT, PATTERN = 1e-20, 1e-9  # alarms
ENOUGH = {STRICT: 1800, PATTERN: 1080}
EACH, REASONS = 3, 40  # rounds of each pattern; the three tables have three cells a reason each
NODES, COLLUDE, ABSENT = 12, 1, 2
RULES = {"institutions_min": 8, "collude_max": COLLUDE, "absent_max": ABSENT}

# Where nodes vanish: from "dealing" on they are not in n2, from "upload" on not in n3. By (n2, n3).
PATTERNS: Mapping[tuple[int, int], Mapping[int, str]] = {
    (12, 12): {},
    (12, 11): {3: "upload"},
    (12, 10): {0: "upload", 7: "poll"},
    (11, 11): {5: "dealing"},
    (11, 9): {5: "dealing", 1: "upload", 9: "poll"},
    (10, 9): {2: "advert", 4: "dealing", 11: "poll"},
    (10, 8): {2: "advert", 3: "advert", 8: "upload", 9: "upload"},
    (8, 8): {0: "advert", 1: "advert", 6: "advert", 10: "advert"},
}


@dataclass(frozen=True)
class Published:
    """One cell of one round: how many sd it is off, and whether its unrounded interval holds the truth."""

    table: str
    group: tuple[int, int]
    off: float
    inside: bool


def wide(toml, shared, rules: Mapping[str, int], reasons: int) -> Programme:
    """Three tables of different rho, one of them with two rows a person.

    Each counts people of its own, so that a cell keeps its own noise: least squares over several tables of
    the same people has tests of its own.
    """
    persons, episodes = shared["populations"]
    crossed, reason, other = shared["tables"]
    sex, age, why = shared["dimensions"]
    codes = [{"code": f"R{at}", "nl": "x", "en": "x"} for at in range(1, reasons)]
    changed = {
        "mode": "secure-sum",
        "roster": rules,
        "populations": [persons, {**persons, "id": "others"}, episodes],
        "dimensions": [sex, age, {**why, "codes": [*codes, why["codes"][-1]]}],
        "tables": [
            {**crossed, "dimensions": ["reason", "age"]},
            {**reason, "dimensions": ["reason", "sex"], "population": "others"},
            other,
        ],
    }
    return parse(toml(shared | changed))


@pytest.fixture(scope="module")
def programme(shared, toml) -> Programme:
    return wide(toml, shared, RULES, REASONS)


@pytest.fixture(scope="module")
def verified_once():
    """All nodes check the same signatures: in one process, one answer for each is enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VerifyKey, "verifies", lru_cache(maxsize=4000)(VerifyKey.verifies))
        yield


@pytest.fixture(scope="module")
def published(programme, kit, verified_once) -> list[Published]:
    """Every cell of every round."""
    drawing = drawing_federation(kit, programme, NODES)
    chance = np.random.default_rng(12)
    cells = []
    for number in range(EACH * len(PATTERNS)):
        group = list(PATTERNS)[number % len(PATTERNS)]
        # Another node each time, so that every position falls out at every stage.
        drops = {(at + number) % NODES: stage for at, stage in PATTERNS[group].items()}
        terms = kit.terms(
            NODES,
            collude=COLLUDE,
            absent=ABSENT,
            minimum=8,
            round_=f"round {number}",
            cells=programme.vector_length,
        )
        federation = drawing(terms, seed=f"seed {number}")
        federation.codes = [made_up(programme, chance) for _ in range(NODES)]
        result = federation.run(drops)
        assert (result.dealers, len(result.positions)) == group
        cells += compare(programme, terms, result, federation.codes)
    return cells


def drawing_federation(kit, programme, rostered):
    """Nodes that count made-up people and draw their noise share for the dealers they have seen.

    States do not go through their bytes here: other tests do that, and it takes a third of the time.
    """

    plan_for = cache(partial(share_plan, programme, rostered))

    class Drawing(kit.Federation):
        def tell(self, i, event):
            self.clients[i], effects = client.advance(self.clients[i], event, self.now, self.means(i))
            return effects

        def serve(self, event):
            self.server, effects = server.advance(self.server, event, self.now, self.coordinator)
            self.sums += [effect for effect in effects if isinstance(effect, Summed)]
            return effects

        def count(self, i):
            asked = self.read(i, Delivered)
            if not asked:
                return ()
            dealers = asked[0].dealers
            noisy = draw(self.codes[i], plan_for(dealers))
            return self.tell(i, Drawn(noisy.vector, dealers))

    return Drawing


def made_up(programme, chance) -> Codes:
    """Up to thirty rows in every table: many true zeros, few large counts."""
    return Codes(
        {
            table.id: chance.integers(0, programme.cells(table), size=chance.integers(0, 30))
            for table in programme.tables
        }
    )


def compare(programme, terms, result, codes) -> Iterable[Published]:
    plan = plan_of(programme, len(terms.members), result.dealers)
    names = [terms.members[at].node for at in result.positions]
    national = national_of(plan, names, result.counts(terms))
    for table, noise in zip(estimate(programme, national).tables, plan, strict=True):
        truth = sum(
            np.bincount(codes[at].cells[table.table], minlength=noise.cells) for at in result.positions
        )
        for cell, true in zip(table.cells, truth, strict=True):
            yield Published(
                table.table,
                (result.dealers, len(names)),
                (cell.estimate - true) / cell.sd,
                cell.lower <= true <= cell.upper,
            )


def tail(cells: list[Published], factor: float = 1.0) -> float:
    """Two-sided p of the joint sum of squares, if the announced sd were wrong by that factor."""
    squares = sum((cell.off / factor) ** 2 for cell in cells)
    return 2 * min(chi2.cdf(squares, len(cells)), chi2.sf(squares, len(cells)))


def check_scale(cells: list[Published], alarm: float = STRICT) -> None:
    assert len(cells) >= ENOUGH[alarm]
    assert tail(cells) > alarm
    assert tail(cells, 1.3) < alarm
    assert tail(cells, 1 / 1.3) < alarm
    assert abs(np.mean([cell.off for cell in cells])) < 6 / math.sqrt(len(cells))


@pytest.mark.parametrize(("alarm", "cells"), ENOUGH.items())
def test_so_many_cells_are_enough_to_see_noise_that_is_30_percent_off(alarm, cells):
    low, high = chi2.ppf(alarm / 2, cells), chi2.isf(alarm / 2, cells)
    assert chi2.cdf(high / 1.3**2, cells) < 1e-9  # too much noise that still looks right
    assert chi2.sf(low * 1.3**2, cells) < 1e-9


def test_the_noise_of_all_tables_is_the_announced_one_and_one_30_percent_off_is_not(programme, published):
    assert len(published) == EACH * len(PATTERNS) * sum(programme.cells(table) for table in programme.tables)
    check_scale(published)


def test_each_table_has_the_noise_that_is_announced_for_it(programme, published):
    for table in programme.tables:
        check_scale([cell for cell in published if cell.table == table.id])


@pytest.mark.parametrize("group", PATTERNS, ids=str)
def test_the_noise_is_the_announced_one_whoever_fell_out(published, group):
    check_scale([cell for cell in published if cell.group == group], PATTERN)


def test_unrounded_intervals_hold_the_truth_as_often_as_they_say(published):
    assert 0.93 <= np.mean([cell.inside for cell in published]) <= 0.97


def test_the_intervals_of_each_table_hold_the_truth_as_often_as_they_say(programme, published):
    """One table has 2,880 cells in all, too few for the range that holds for all of them."""
    for table in programme.tables:
        inside = [cell.inside for cell in published if cell.table == table.id]
        least, most = by_chance(len(inside))
        assert least <= sum(inside) <= most


def by_chance(cells: int) -> tuple[int, int]:
    """How many of so many 95 % intervals hold the truth: outside this range less than once in 1e9.

    The noise lies on whole steps of at most an eighth of its sd, so an interval holds the truth in 94.5 to
    95.5 % of cases rather than in 95 % exactly; each edge allows for that.
    """
    least, most = int(binom.ppf(5e-10, cells, 0.945)), int(binom.ppf(1 - 5e-10, cells, 0.955))
    assert 0.90 * cells < least < most < 0.99 * cells  # and still narrow enough to see a wrong sd
    return least, most


@pytest.mark.clause("NOISE-3")
def test_a_round_of_forty_with_six_missing_before_the_noise_and_three_after(kit, toml, shared, verified_once):
    """Roster 40, n2 34, c 2, D 3, n3 31: the noise of the real draws is what the release would announce."""
    rules = {"institutions_min": 20, "collude_max": 2, "absent_max": 3}
    asked = wide(toml, shared, rules, ENOUGH[PATTERN] // 9)
    terms = kit.terms(40, collude=2, absent=3, minimum=20, cells=asked.vector_length)
    federation = drawing_federation(kit, asked, 40)(terms)
    federation.codes = [made_up(asked, np.random.default_rng(at)) for at in range(40)]
    stages = ["advert"] * 3 + ["dealing"] * 3 + ["upload", "upload", "poll"]
    result = federation.run({4 * at: stage for at, stage in enumerate(stages)})
    assert (result.dealers, len(result.positions)) == (34, 31)
    check_scale(list(compare(asked, terms, result, federation.codes)), PATTERN)


@pytest.mark.parametrize("group", PATTERNS, ids=str)
def test_the_announced_variance_is_that_of_the_shares_that_were_drawn(programme, group):
    """n3 * sigma**2 / (n2 - c - D), where sigma is what the table's rho asks for."""
    dealers, survivors = group
    plan = share_plan(programme, NODES, dealers)
    zeros = np.zeros(programme.vector_length, dtype=np.int64)
    announced = national_of(plan, [f"node-{i}" for i in range(survivors)], zeros).variances
    for table, noise in zip(programme.tables, plan, strict=True):
        rows = programme.population(table.population).rows_per_person
        sigma_squared = Fraction(rows**2) / (2 * programme.rho_of(table))
        asked = survivors * sigma_squared / (dealers - COLLUDE - ABSENT)
        assert announced[table.id] == pytest.approx(float(asked), rel=1e-12)
        drawn = survivors * Fraction(noise.scale) ** 2 / noise.granularity**2
        assert announced[table.id] == float(drawn)
