import itertools
import math
from collections.abc import Callable
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
    NationalSum,
    Z,
    add_up,
    cell,
    cell_codes,
    estimate,
    national_of,
)

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


def test_an_estimate_is_the_sum_divided_by_the_granularity_with_its_own_interval(
    programme: Programme,
) -> None:
    plan = noise_plan(programme)
    national = add_up(plan, vectors(programme))
    tables = estimate(programme, plan, national)
    assert [table.table for table in tables.tables] == ["sex-age", "reason", "reason-sex"]
    for noise in plan:
        sd = math.sqrt(3 * noise.variance)
        values = np.asarray(national.tables[noise.table]) / noise.granularity
        for found, value in zip(tables.table(noise.table).cells, values, strict=True):
            assert found.estimate == value
            assert found.sd == pytest.approx(sd, rel=1e-12)
            assert found.lower == pytest.approx(value - 1.959963984540054 * sd)
            assert found.upper == pytest.approx(value + 1.959963984540054 * sd)
    codes = [found.codes for found in tables.table("reason-sex").cells]
    assert codes == cell_codes(programme, programme.tables[2])


def test_rows_of_institutions_arrive_in_the_cells_they_were_coded_for(programme: Programme) -> None:
    plan = noise_plan(programme)
    codes = Codes(
        {noise.table: np.repeat(np.arange(noise.cells), 1000 * np.arange(noise.cells)) for noise in plan}
    )
    national = add_up(plan, {node: draw(codes, plan).vector for node in NODES})
    for table in estimate(programme, plan, national).tables:
        for number, found in enumerate(table.cells):
            assert abs(found.estimate - 3000 * number) < 12 * found.sd


@pytest.mark.parametrize(
    ("value", "sd", "shown"),
    [
        (10.4, 1.0, (10, 8, 13)),
        (0.4, 1.0, (0, 0, 3)),
        (-3.2, 1.0, (0, 0, 0)),
        (-1.0, 1.0, (0, 0, 1)),
        (2.0, 0.0, (2, 2, 2)),
    ],
)
def test_shown_figures_are_whole_never_negative_and_rounded_outwards(
    value: float, sd: float, shown: tuple[int, int, int]
) -> None:
    found = cell(("X",), value, sd)
    assert (found.shown, found.shown_lower, found.shown_upper) == shown
    assert found.estimate == value  # the estimate itself is never clipped


@given(value=st.floats(-1e9, 1e9), sd=st.floats(0.01, 1e6))
def test_a_shown_interval_holds_the_figure_and_all_of_the_unrounded_one_above_zero(
    value: float, sd: float
) -> None:
    found = cell(("X",), value, sd)
    assert 0 <= found.shown_lower <= found.shown <= found.shown_upper
    assert found.shown_lower <= max(0.0, found.lower)
    assert found.shown_upper >= found.upper
    assert found.lower < found.estimate < found.upper


@pytest.fixture
def wide(written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]) -> Programme:
    """Five hundred cells a table, at a granularity of one and at a higher one."""
    levels = [{"code": f"C{number}", "nl": "x", "en": "x"} for number in range(500)]
    written["dimensions"] = [{**written["dimensions"][0], "id": "level", "codes": levels, "unknown": "C0"}]
    shares = {"fine": "95/100", "coarse": "5/100"}
    written["tables"] = [
        {**written["tables"][0], "id": name, "dimensions": ["level"], "rho_share": share}
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
        for table in estimate(wide, plan, national).tables:
            for found, true in zip(table.cells, 4 * truth, strict=True):
                hits[table.table].append(found.lower <= true <= found.upper)
                shown.append(found.shown_lower <= true <= found.shown_upper)
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
    with pytest.raises(ValueError, match="zip"):
        estimate(programme, plan, NationalSum(national.survivors, cut, national.variances))


def test_a_plan_of_another_programme_does_not_fit(programme: Programme) -> None:
    plan: tuple[TableNoise, ...] = noise_plan(programme)
    with pytest.raises(ValueError, match="zip"):
        estimate(programme, plan[:-1], add_up(plan, vectors(programme)))


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
