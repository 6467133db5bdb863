import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from opendp.mod import GLOBAL_FEATURES
from scipy.stats import chi2, norm

from samentel.counting import noise as noise_module
from samentel.counting.contribution import Codes, Integers
from samentel.counting.noise import NoisyCounts, check_map, draw, measurement
from samentel.counting.privacy import TableNoise, noise_plan
from samentel.documents.programme import Programme, parse
from samentel.errors import LocalFault

RIGHT, WRONG = 1e-20, 1.3


def no_rows(plan: tuple[TableNoise, ...]) -> Codes:
    return Codes({noise.table: np.array([], dtype=np.int64) for noise in plan})


def blocks(plan: tuple[TableNoise, ...], vector: Integers) -> dict[str, Integers]:
    """Each table's cells and its null cell."""
    ends = np.cumsum([noise.cells + 1 for noise in plan])
    return dict(zip([noise.table for noise in plan], np.split(vector, ends[:-1]), strict=True))


def p_value(standardised: list[float]) -> float:
    """Two-sided, of the sum of squares of numbers that should be standard normal."""
    squares, number = float(np.sum(np.square(standardised))), len(standardised)
    return 2 * min(float(chi2.cdf(squares, number)), float(chi2.sf(squares, number)))


@pytest.fixture
def fine_and_coarse(
    written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]
) -> tuple[TableNoise, ...]:
    """A plan with tables counted once a row and tables counted several times a row."""
    for table, share in zip(written["tables"], ("90/100", "9/100", "1/100"), strict=True):
        table["rho_share"] = share
    plan = noise_plan(parse(toml(written)))
    assert [noise.granularity for noise in plan] == [4, 1, 1]
    return plan


@pytest.mark.statistics
def test_the_noise_has_its_scale_in_every_cell_of_every_table(
    fine_and_coarse: tuple[TableNoise, ...],
) -> None:
    plan = fine_and_coarse
    drawn: dict[str, list[Integers]] = {noise.table: [] for noise in plan}
    for _ in range(500):
        for table, block in blocks(plan, draw(no_rows(plan), plan).vector).items():
            drawn[table].append(block)
    everything: list[float] = []
    for noise in plan:
        values = np.concatenate(drawn[noise.table]) / noise.scale
        null_cells = np.array([block[-1] for block in drawn[noise.table]]) / noise.scale
        everything += values.tolist()
        for sample in (values, null_cells):
            mean = float(np.sum(sample)) / math.sqrt(len(sample))
            assert 2 * norm.sf(abs(mean)) > RIGHT
            assert p_value(sample.tolist()) > RIGHT
    assert p_value(everything) > RIGHT
    assert p_value([value * WRONG for value in everything]) < RIGHT
    assert p_value([value / WRONG for value in everything]) < RIGHT


@pytest.mark.statistics
def test_the_noise_of_cells_and_of_draws_is_independent(fine_and_coarse: tuple[TableNoise, ...]) -> None:
    plan = fine_and_coarse
    draws = np.array([draw(no_rows(plan), plan).vector for _ in range(300)], dtype=float)
    between_cells = np.corrcoef(draws, rowvar=False) - np.eye(draws.shape[1])
    assert np.abs(between_cells).max() < 10 / math.sqrt(300)
    assert len({tuple(vector) for vector in draws.tolist()}) == 300


def test_every_row_is_counted_s_times_in_its_own_cell(programme: Programme) -> None:
    plan = noise_plan(programme)
    rows = {
        noise.table: np.repeat(np.arange(noise.cells), 10_000 * (1 + np.arange(noise.cells)))
        for noise in plan
    }
    for noise in plan:
        block = blocks(plan, draw(Codes(rows), plan).vector)[noise.table]
        exact = np.append(10_000 * noise.granularity * (1 + np.arange(noise.cells)), 0)
        assert np.abs(block - exact).max() < 15 * noise.scale


def test_what_lies_in_no_cell_is_counted_in_the_null_cell(programme: Programme) -> None:
    plan = noise_plan(programme)
    stray = {noise.table: np.array([noise.cells, -1] * 5_000) for noise in plan}
    for noise in plan:
        block = blocks(plan, draw(Codes(stray), plan).vector)[noise.table]
        assert np.abs(block[:-1]).max() < 15 * noise.scale
        assert abs(block[-1] - 10_000 * noise.granularity) < 15 * noise.scale


def test_zero_rows_give_a_whole_vector(programme: Programme) -> None:
    drawn = draw(no_rows(noise_plan(programme)), noise_plan(programme))
    assert drawn.vector.shape == (programme.vector_length,)
    assert drawn.vector.dtype == np.int64
    assert np.any(drawn.vector != 0)


def test_the_same_codes_never_give_the_same_vector_twice(programme: Programme) -> None:
    plan = noise_plan(programme)
    assert not np.array_equal(draw(no_rows(plan), plan).vector, draw(no_rows(plan), plan).vector)


WRONG_PLANS = [
    pytest.param(lambda noise: replace(noise, rho=noise.rho * (1 + Fraction(1, 10**11))), id="rho too large"),
    pytest.param(lambda noise: replace(noise, rho=noise.rho * (1 - Fraction(1, 10**11))), id="rho too small"),
    pytest.param(lambda noise: replace(noise, rho=noise.rho / noise.rows), id="k for its square"),
    pytest.param(lambda noise: replace(noise, rows=noise.rows - 1), id="a row too few"),
    pytest.param(lambda noise: replace(noise, granularity=noise.granularity * 2), id="granularity forgotten"),
    pytest.param(
        lambda noise: replace(noise, scale=math.nextafter(noise.scale, 0) * 0.999), id="scale too small"
    ),
]


@pytest.mark.parametrize("wrong", WRONG_PLANS)
def test_a_loss_on_which_opendp_does_not_agree_stops_the_node(
    programme: Programme, wrong: Callable[[TableNoise], TableNoise]
) -> None:
    plan = list(noise_plan(programme))
    codes = no_rows(tuple(plan))
    measurement(plan[2])
    plan[2] = wrong(plan[2])
    with pytest.raises(LocalFault, match="do not agree on the privacy loss of table reason-sex"):
        measurement(plan[2])
    with pytest.raises(LocalFault):
        draw(codes, plan)


@pytest.mark.parametrize("claimed", [math.inf, math.nan, 0.0, -1.0])
def test_a_claim_that_is_no_loss_stops_the_node(programme: Programme, claimed: float) -> None:
    with pytest.raises(LocalFault):
        check_map(noise_plan(programme)[0], claimed)


def test_a_claim_may_lie_above_by_rounding_and_never_below(programme: Programme) -> None:
    noise = replace(noise_plan(programme)[0], rho=Fraction(1, 4))
    check_map(noise, 0.25)
    check_map(noise, 0.25 * (1 + 5e-13))
    for claimed in (math.nextafter(0.25, 0), 0.25 * (1 + 2e-12)):
        with pytest.raises(LocalFault):
            check_map(noise, claimed)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda noise: replace(noise, scale=-1.0), id="cannot be built"),
        pytest.param(lambda noise: replace(noise, scale=math.nan), id="not a number"),
    ],
)
def test_what_opendp_says_is_not_passed_on(
    programme: Programme, broken: Callable[[TableNoise], TableNoise]
) -> None:
    plan = noise_plan(programme)
    with pytest.raises(LocalFault) as caught:
        draw(no_rows(plan), [broken(plan[0])])
    assert str(caught.value) == "OpenDP could not draw table sex-age; nothing was released"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_only_the_contributed_features_of_opendp_are_on() -> None:
    assert noise_module.__doc__
    assert set(GLOBAL_FEATURES) == {"contrib"}


def test_noisy_counts_do_not_show_themselves() -> None:
    counts = NoisyCounts(np.array([919191, 7], dtype=np.int64))
    for text in (repr(counts), str(counts)):
        assert text == "NoisyCounts(<2 cells>)"
