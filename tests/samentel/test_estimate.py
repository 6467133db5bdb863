import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samentel.counting.contribution import Codes, Integers
from samentel.counting.noise import draw
from samentel.counting.privacy import TableNoise, noise_plan
from samentel.counting.shares import share_plan
from samentel.documents.programme import Programme, parse
from samentel.errors import PeerError
from samentel.figures.estimate import (
    CONFIDENCE,
    LEAST_TOTAL,
    Figure,
    NationalTables,
    Place,
    Z,
    cell,
    cell_codes,
    difference,
    estimate,
    pooled,
    quotient_of,
)
from samentel.figures.sums import NationalSum, add_up, national_of

NODES = ("node-b", "node-a", "node-c")


def vectors(programme: Programme) -> dict[str, Integers]:
    """One whole number a cell, each different and some negative, so that a mix-up shows."""
    length = programme.vector_length
    return {node: np.arange(length, dtype=np.int64) * 100**place - 700 for place, node in enumerate(NODES)}


def test_the_interval_is_the_usual_one() -> None:
    assert CONFIDENCE == 0.95
    assert pytest.approx(1.959963984540054, abs=1e-12) == Z


def test_vectors_are_added_cell_by_cell_and_null_cells_left_out(programme: Programme) -> None:
    plan, given_in = noise_plan(programme), vectors(programme)
    national = add_up(plan, given_in)
    total = [sum(int(given_in[node][place]) for node in NODES) for place in range(programme.vector_length)]
    assert national.survivors == ("node-a", "node-b", "node-c")
    assert national.tables["sex-age"].tolist() == total[0:9]
    assert national.tables["reason"].tolist() == total[10:15]
    assert national.tables["reason-sex"].tolist() == total[16:31]


def test_the_noise_of_each_institution_adds_to_the_variance(programme: Programme) -> None:
    plan = noise_plan(programme)
    national = add_up(plan, vectors(programme))
    for noise in plan:
        assert national.variances[noise.table] == pytest.approx(3 * (noise.scale / noise.granularity) ** 2)


def test_large_counts_do_not_lose_a_unit(programme: Programme) -> None:
    big = np.full(programme.vector_length, 2**52 + 1, dtype=np.int64)
    national = add_up(noise_plan(programme), {"a": big, "b": big, "c": big})
    assert set(national.tables["reason"].tolist()) == {3 * (2**52 + 1)}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda vector: vector[:-1], id="short"),
        pytest.param(lambda vector: np.append(vector, 0), id="long"),
        pytest.param(lambda vector: vector.reshape(1, -1), id="another shape"),
        pytest.param(lambda vector: vector[:0], id="empty"),
    ],
)
def test_a_vector_of_another_length_is_the_peers_fault(
    programme: Programme, change: Callable[[Integers], Integers]
) -> None:
    given_in = vectors(programme)
    given_in["node-b"] = change(given_in["node-b"])
    with pytest.raises(PeerError, match=f"a vector of {programme.vector_length} numbers was expected"):
        add_up(noise_plan(programme), given_in)


def test_there_is_no_sum_of_nobody(programme: Programme) -> None:
    with pytest.raises(PeerError, match="no institution"):
        add_up(noise_plan(programme), {})


def test_cells_stand_in_the_order_of_the_dimensions_the_last_one_fastest(programme: Programme) -> None:
    assert cell_codes(programme, programme.tables[0]) == list(itertools.product("MFU", ("A0", "A18", "U")))
    assert cell_codes(programme, programme.tables[1]) == [("R1",), ("R2",), ("R3",), ("R4",), ("U",)]


def test_a_population_with_one_table_keeps_its_sum_to_the_last_bit(programme: Programme) -> None:
    plan = noise_plan(programme)
    national = add_up(plan, vectors(programme))
    tables = estimate(programme, national)
    assert [table.table for table in tables.tables] == ["sex-age", "reason", "reason-sex"]
    noise = plan[2]
    sd = math.sqrt(3 * noise.variance)
    values = np.asarray(national.tables[noise.table]) / noise.granularity
    for found, value in zip(tables.table(noise.table).cells, values, strict=True):
        assert found.estimate == value
        assert found.sd == pytest.approx(sd, rel=1e-12)
        assert found.lower == pytest.approx(value - 1.959963984540054 * sd)
        assert found.upper == pytest.approx(value + 1.959963984540054 * sd)
    codes = [found.codes for found in tables.table("reason-sex").cells]
    assert codes == cell_codes(programme, programme.tables[2])


def test_two_tables_of_the_same_people_get_one_total_weighted_by_what_each_tells(
    programme: Programme,
) -> None:
    """Two sums of all cells, of nine with variance 6 and of five with 12: 54 against 60."""
    plan = noise_plan(programme)
    national = add_up(plan, vectors(programme))
    tables = estimate(programme, national)
    sums = [national.tables[name].sum() / noise.granularity for name, noise in zip(
        ("sex-age", "reason"), plan, strict=False)]  # fmt: skip
    expected = (60 * sums[0] + 54 * sums[1]) / 114
    total = tables.total("persons")
    assert total.estimate == pytest.approx(expected)
    assert total.sd == pytest.approx(math.sqrt(54 * 60 / 114))
    for name in ("sex-age", "reason"):
        assert sum(found.estimate for found in tables.table(name).cells) == pytest.approx(expected)
        # What the total gained, each cell gained in part.
        before = math.sqrt(national.variances[name])
        assert all(found.sd < before for found in tables.table(name).cells)


def test_rows_of_institutions_arrive_in_the_cells_they_were_coded_for(programme: Programme) -> None:
    plan = noise_plan(programme)
    steps = {"sex-age": 1000, "reason": 3600, "reason-sex": 1000}  # 36,000 persons in both their tables
    codes = Codes(
        {it.table: np.repeat(np.arange(it.cells), steps[it.table] * np.arange(it.cells)) for it in plan}
    )
    national = add_up(plan, {node: draw(codes, plan).vector for node in NODES})
    for table in estimate(programme, national).tables:
        for number, found in enumerate(table.cells):
            assert abs(found.estimate - 3 * steps[table.table] * number) < 12 * found.sd


@pytest.mark.parametrize(
    ("value", "sd", "display", "shown"),
    [
        (10.4, 1.0, 10.4, ("10", "8", "13")),
        (0.4, 1.0, 0.4, ("0", "0", "3")),
        (-3.2, 1.0, 0.0, ("0", "0", "0")),
        (-1.0, 1.0, 0.0, ("0", "0", "1")),
        (2.0, 0.0, 2.0, ("2", "2", "2")),
        (2.0, 1.0, 6.6, ("7", "0", "7")),  # fitted to figures beside it: its interval holds what is shown
        (9.0, 1.0, 5.2, ("5", "5", "11")),
    ],
)
def test_shown_figures_are_whole_never_negative_and_rounded_outwards(
    value: float, sd: float, display: float, shown: tuple[str, str, str]
) -> None:
    found = cell(("X",), Figure(value, sd), None, display)
    assert (found.shown.text, found.shown_lower.text, found.shown_upper.text) == shown
    assert found.estimate == value  # the estimate itself is never clipped


@given(value=st.floats(-1e9, 1e9), sd=st.floats(0.01, 1e6), display=st.floats(0, 1e9))
def test_a_shown_interval_holds_the_figure_and_all_of_the_unrounded_one_above_zero(
    value: float, sd: float, display: float
) -> None:
    found = cell(("X",), Figure(value, sd), None, display)
    lower, shown, upper = (int(it.text) for it in (found.shown_lower, found.shown, found.shown_upper))
    assert 0 <= lower <= shown <= upper
    assert lower <= max(0.0, found.lower)
    assert upper >= found.upper
    assert found.lower < found.estimate < found.upper


@pytest.fixture
def wide(written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]) -> Programme:
    """Five hundred cells a table, at a granularity of one and at a higher one; each of other people."""
    levels = [{"code": f"C{number}", "nl": "x", "en": "x"} for number in range(500)]
    written["dimensions"] = [{**written["dimensions"][0], "id": "level", "codes": levels, "unknown": "C0"}]
    shares = {"fine": "95/100", "coarse": "5/100"}
    persons = written["populations"][0]
    written["populations"] = [{**persons, "id": name} for name in shares]
    written["tables"] = [
        {**written["tables"][0], "id": name, "population": name, "dimensions": ["level"], "rho_share": share}
        for name, share in shares.items()
    ]
    return parse(toml(written))


@pytest.mark.statistics
def test_intervals_hold_the_truth_as_often_as_they_say(wide: Programme) -> None:
    plan = noise_plan(wide)
    assert [noise.granularity for noise in plan] == [4, 1]
    truth = np.arange(500) % 7  # many true zeros and small counts
    codes = Codes({noise.table: np.repeat(np.arange(500), truth) for noise in plan})
    hits: dict[str, list[bool]] = {"fine": [], "coarse": []}
    shown: list[bool] = []
    bias: dict[str, list[float]] = {"fine": [], "coarse": []}
    for _ in range(5):
        national = add_up(plan, {f"n{number}": draw(codes, plan).vector for number in range(4)})
        for table in estimate(wide, national).tables:
            for found, true in zip(table.cells, 4 * truth, strict=True):
                hits[table.table].append(found.lower <= true <= found.upper)
                shown.append(int(found.shown_lower.text) <= true <= int(found.shown_upper.text))
                bias[table.table].append((found.estimate - true) / found.sd)
    for table in hits:
        assert 0.93 <= np.mean(hits[table]) <= 0.97
        assert abs(np.mean(bias[table])) < 6 / math.sqrt(len(bias[table]))
        assert 0.9 <= np.std(bias[table]) <= 1.1
    assert np.mean(shown) >= 0.93


def test_a_sum_whose_tables_do_not_fit_the_programme_is_never_published(programme: Programme) -> None:
    plan = noise_plan(programme)
    national = add_up(plan, vectors(programme))
    cut = {**national.tables, "reason": national.tables["reason"][:-1]}
    with pytest.raises(ValueError, match="does not fit the tables"):
        estimate(programme, replace(national, tables=cut))


def test_a_sum_of_another_programme_does_not_fit(programme: Programme) -> None:
    plan: tuple[TableNoise, ...] = noise_plan(programme)[:-1]
    length = sum(noise.cells + 1 for noise in plan)
    national = national_of(plan, NODES, np.zeros(length, dtype=np.int64))
    with pytest.raises(ValueError, match="does not fit"):
        estimate(programme, national)


def shared(written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]) -> Programme:
    rules = {"institutions_min": 5, "collude_max": 1, "absent_max": 1}
    return parse(toml(written | {"mode": "secure-sum", "roster": rules}))


def test_a_secure_sum_is_cut_into_tables_like_any_other_sum(
    written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]
) -> None:
    programme = shared(written, toml)
    plan, counts = share_plan(programme, 8, 7), np.arange(programme.vector_length, dtype=np.int64) - 9
    national = national_of(plan, ("node-c", "node-a"), counts)
    assert national.survivors == ("node-a", "node-c")
    assert national.tables["sex-age"].tolist() == list(range(-9, 0))
    assert national.tables["reason"].tolist() == list(range(1, 6))  # a null cell is left out before it
    assert national.tables["reason-sex"].tolist() == list(range(7, 22))


@pytest.mark.parametrize("survivors", [6, 7])
def test_the_variance_of_a_secure_sum_is_that_of_its_survivors_shares(
    written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes], survivors: int
) -> None:
    """n3 * sigma**2 / (n2 - c - D) persons squared, with sigma**2 = k**2 / (2 * rho) of the table."""
    programme = shared(written, toml)
    zeros = np.zeros(programme.vector_length, dtype=np.int64)
    names = [f"node-{number}" for number in range(survivors)]
    found = national_of(share_plan(programme, 8, 7), names, zeros).variances
    assert found["sex-age"] == pytest.approx(survivors * 2 / 5)
    assert found["reason"] == pytest.approx(survivors * 4 / 5)
    assert found["reason-sex"] == pytest.approx(survivors * 16 / 5)


@pytest.mark.parametrize("cut", [1, 2])
def test_a_secure_sum_of_another_length_or_of_nobody_is_refused(
    written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes], cut: int
) -> None:
    programme = shared(written, toml)
    plan, counts = share_plan(programme, 8, 7), np.zeros(programme.vector_length, dtype=np.int64)
    with pytest.raises(PeerError, match=f"a sum of {programme.vector_length} numbers was expected"):
        national_of(plan, ("a", "b"), counts[:-cut])
    with pytest.raises(PeerError, match="no institution"):
        national_of(plan, (), counts)


def sure(programme: Programme, seed: int = 1) -> NationalTables:
    """A release of several hundred persons in both populations."""
    rng, plan = np.random.default_rng(seed), noise_plan(programme)
    sex, age, reason = rng.integers(0, (3, 3, 5), (400, 3)).T
    counts = {
        "sex-age": np.bincount(sex * 3 + age, minlength=9),
        "reason": np.bincount(reason, minlength=5),
        "reason-sex": np.bincount(reason * 3 + sex, minlength=15),
    }
    noisy = {it.table: counts[it.table] * it.granularity + rng.integers(-9, 10, it.cells) for it in plan}
    return estimate(
        programme,
        NationalSum(
            ("a",), noisy, {it.table: it.granularity for it in plan}, {it.table: it.variance for it in plan}
        ),
    )


def test_a_weighted_sum_of_cells_knows_what_their_errors_have_in_common(programme: Programme) -> None:
    tables = sure(programme)
    of_table = {("sex-age", cell.codes): 1.0 for cell in tables.table("sex-age").cells}
    whole, total = tables.linear(of_table), tables.total("persons")
    assert (whole.estimate, whole.sd) == (pytest.approx(total.estimate), pytest.approx(total.sd))
    # The same margin by way of two tables is the same figure: their difference is certain.
    none = tables.linear(of_table | {("reason", cell.codes): -1.0 for cell in tables.table("reason").cells})
    assert none.estimate == pytest.approx(0, abs=1e-9)
    assert none.sd == pytest.approx(0, abs=1e-6)
    one, other = tables.table("sex-age").cells[:2]
    apart = tables.linear({("sex-age", one.codes): 1.0, ("sex-age", other.codes): -1.0})
    assert apart.estimate == pytest.approx(one.estimate - other.estimate)
    assert apart.sd != pytest.approx(math.hypot(one.sd, other.sd), rel=1e-3)


def test_figures_of_other_people_or_of_another_release_have_independent_errors(programme: Programme) -> None:
    tables, later = sure(programme), sure(programme, 2)
    one, other = tables.table("sex-age").cells[0], tables.table("reason-sex").cells[0]
    weights = {("sex-age", one.codes): 1.0, ("reason-sex", other.codes): -1.0}
    assert tables.linear(weights).sd == pytest.approx(math.hypot(one.sd, other.sd))
    years = difference(later.total("persons"), tables.total("persons"))
    assert years.estimate == later.total("persons").estimate - tables.total("persons").estimate
    assert years.sd == pytest.approx(math.sqrt(2) * tables.total("persons").sd)
    assert years.upper - years.lower == pytest.approx(2 * Z * years.sd)


def test_a_share_has_the_error_of_the_part_and_of_the_whole(programme: Programme) -> None:
    tables = sure(programme)
    total = tables.total("persons")
    found = tables.table("reason").cells[0]
    assert found.share == pytest.approx(found.estimate / total.estimate)
    asked = tables.share({("reason", found.codes): 1.0})
    assert asked is not None
    assert (asked.estimate, asked.sd) == (pytest.approx(found.share), pytest.approx(found.share_sd))
    # x - p*N is a weighted sum of cells, of which N are all.
    weights = {("reason", cell.codes): -found.share for cell in tables.table("reason").cells}
    weights["reason", found.codes] += 1
    assert asked.sd == pytest.approx(tables.linear(weights).sd / total.estimate)
    assert (found.share_lower, found.share_upper) == (
        pytest.approx(asked.estimate - Z * asked.sd),
        pytest.approx(asked.estimate + Z * asked.sd),
    )
    everybody = tables.share({("reason", cell.codes): 1.0 for cell in tables.table("reason").cells})
    assert everybody is not None
    assert (everybody.estimate, everybody.sd) == (pytest.approx(1), pytest.approx(0, abs=1e-6))
    with pytest.raises(ValueError, match="one population"):
        tables.share({("reason", ("R1",)): 1.0, ("reason-sex", ("R1", "M")): 1.0})


def test_errors_of_two_sums_go_together_as_the_variance_of_their_sum_says(programme: Programme) -> None:
    tables = sure(programme)
    one = {("sex-age", ("M", "A0")): 2.0, ("reason", ("R1",)): -1.0, ("reason-sex", ("R1", "M")): 1.0}
    other = {("reason", ("R2",)): 3.0, ("reason-sex", ("R1", "F")): 0.5}
    both = {place: one.get(place, 0.0) + other.get(place, 0.0) for place in {**one, **other}}
    variances = [tables.linear(it).sd ** 2 for it in (one, other, both)]
    assert tables.covariance(one, other) == pytest.approx((variances[2] - variances[0] - variances[1]) / 2)
    assert tables.covariance(other, one) == pytest.approx(tables.covariance(one, other))
    assert tables.covariance(one, one) == pytest.approx(variances[0])
    apart = tables.covariance({("sex-age", ("M", "A0")): 1.0}, {("reason-sex", ("R1", "M")): 1.0})
    assert apart == 0
    years = pooled([tables, sure(programme, 2), sure(programme, 3)])
    assert years.covariance(one, other) == pytest.approx(3 * tables.covariance(one, other))


def test_a_ratio_knows_what_its_parts_have_in_common(programme: Programme) -> None:
    tables = sure(programme)
    part: dict[Place, float] = {("reason", ("R1",)): 1.0}
    everybody: dict[Place, float] = {("reason", cell.codes): 1.0 for cell in tables.table("reason").cells}
    found, expected = tables.ratio(part, everybody), tables.share(part)
    assert found is not None
    assert expected is not None
    assert (found.estimate, found.sd) == (pytest.approx(expected.estimate), pytest.approx(expected.sd))
    same = tables.ratio(everybody, everybody)
    assert same is not None
    assert (same.estimate, same.sd) == (pytest.approx(1), pytest.approx(0, abs=1e-9))
    # Of other people the errors are independent.
    away: dict[Place, float] = {("reason-sex", it.codes): 1.0 for it in tables.table("reason-sex").cells}
    other, top, bottom = tables.ratio(part, away), tables.linear(part), tables.linear(away)
    assert other is not None
    spread = math.hypot(top.sd, other.estimate * bottom.sd) / bottom.estimate
    assert other.sd == pytest.approx(spread)
    assert tables.ratio(part, {**part, **dict.fromkeys(everybody, -1.0)}) is None  # below zero


def test_there_is_no_share_of_hardly_anybody(programme: Programme) -> None:
    plan = noise_plan(programme)
    variances = {it.table: it.variance for it in plan}
    granularities = {it.table: it.granularity for it in plan}
    sums = {it.table: np.zeros(it.cells, dtype=np.int64) for it in plan}
    few = {**sums, "reason-sex": sums["reason-sex"] + plan[2].granularity}
    tables = estimate(programme, NationalSum(("a",), few, granularities, variances))
    sd = math.sqrt(15 * variances["reason-sex"])
    assert 15 / sd < LEAST_TOTAL
    for table in tables.tables:
        for found in table.cells:
            shares = (found.share, found.share_sd, found.share_lower, found.share_upper)
            assert shares == (None, None, None, None)
    assert tables.share({("reason", ("R1",)): 1.0}) is None
    each = math.ceil(LEAST_TOTAL * sd / 15 + 1e-9)  # persons in each of the 15 cells
    enough = {**sums, "reason-sex": sums["reason-sex"] + each * plan[2].granularity}
    assert None not in {
        found.share
        for found in estimate(programme, NationalSum(("a",), enough, granularities, variances))
        .table("reason-sex")
        .cells
    }


@pytest.mark.statistics
@pytest.mark.parametrize(("whole", "part"), [(LEAST_TOTAL - 1.5, 0.95), (LEAST_TOTAL + 2, 0.7), (2.0, 0.7)])
def test_a_share_of_a_small_total_is_seldom_published_and_wrong(whole: float, part: float) -> None:
    """At totals where it is worst, in sd: closed form says 5.7 % at most; with a bound of 3 sd it is 11 %."""
    runs, common = 4000, 0.05  # the covariance of the part with the total, and its own variance, is common**2
    noise = np.random.default_rng(8).standard_normal((runs, 2))
    tops = part * whole + common * noise[:, 0]
    bottoms = whole + common * noise[:, 0] + math.sqrt(1 - common**2) * noise[:, 1]
    wrong = published = 0
    for top, bottom in zip(tops.tolist(), bottoms.tolist(), strict=True):

        def less(it: float, estimate_: float = top, total: float = bottom) -> Figure:
            return Figure(estimate_ - it * total, math.sqrt(common**2 * (1 - 2 * it) + it**2))

        found = quotient_of(Figure(top, common), Figure(bottom, 1.0), less)
        published += found is not None
        wrong += found is not None and not found.lower <= part <= found.upper
    assert wrong / runs < 0.075
    if whole > LEAST_TOTAL:
        assert wrong / published < 0.065


@pytest.mark.parametrize("place", [("absent", ("R1",)), ("reason", ("R9",)), ("reason", ("R1", "M"))])
def test_there_is_no_figure_of_a_cell_that_does_not_exist(programme: Programme, place: Any) -> None:
    with pytest.raises(ValueError, match=r"no table|no cell"):
        sure(programme).linear({place: 1.0})


def test_years_are_added_up_cell_by_cell_and_so_are_their_variances(programme: Programme) -> None:
    years = [sure(programme, seed) for seed in (1, 2, 3)]
    together = pooled(years)
    assert [table.table for table in together.tables] == ["sex-age", "reason", "reason-sex"]
    for table in together.tables:
        for number, found in enumerate(table.cells):
            parts = [year.table(table.table).cells[number] for year in years]
            assert found.codes == parts[0].codes
            assert found.estimate == pytest.approx(sum(part.estimate for part in parts))
            assert found.sd == pytest.approx(math.sqrt(sum(part.sd**2 for part in parts)))
            assert found.share_sd is not None
            assert all(found.share_sd < part.share_sd for part in parts if part.share_sd is not None)
    assert together.total("persons").sd == pytest.approx(math.sqrt(3) * years[0].total("persons").sd)


def test_years_with_other_tables_are_not_added_up(
    written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]
) -> None:
    first = sure(parse(toml(written)))
    written["dimensions"][2]["codes"][0]["code"] = "R0"
    with pytest.raises(ValueError, match="same tables"):
        pooled([first, sure(parse(toml(written)))])
    with pytest.raises(ValueError, match="same tables"):
        pooled([])


def test_nothing_can_be_added_up_from_what_is_shown(programme: Programme) -> None:
    shown = [found.shown for found in sure(programme).table("reason").cells]
    for attempt in (sum, max, min, sorted, np.sum, np.mean, lambda it: it[0] + it[1], lambda it: float(it[0]),
                    lambda it: int(it[0]), lambda it: it[0] + 1, lambda it: "" + it[0]):  # fmt: skip
        with pytest.raises(TypeError):
            attempt(shown)
