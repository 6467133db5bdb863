import math
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opendp.combinators import make_fix_delta, make_zCDP_to_approxDP
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import make_gaussian
from opendp.metrics import l2_distance
from opendp.mod import enable_features
from scipy.optimize import minimize_scalar

from samentel.counting.privacy import (
    LEAST_SHARE_SCALE,
    attacker_power,
    epsilon_upper,
    gaussian_rho,
    granularity,
    noise_plan,
    scale_for,
    total_rho,
)
from samentel.documents.programme import Programme, parse

rhos = st.fractions(min_value=Fraction(1, 10**9), max_value=10**6, max_denominator=10**9)
enable_features("contrib")

RHOS = ["1/1000000", "1/10000", "1/100", "1/8", "1/2", "1", "8", "35/2", "100"]
DELTAS = ["1/1000000000000", "1/1000000", "1/100", "1/2"]


def test_the_loss_is_that_of_the_exact_binary_scale() -> None:
    assert gaussian_rho(1, 1.0) == Fraction(1, 2)
    assert gaussian_rho(2, 1.0) == 2  # k rows a person cost k squared, not k
    assert gaussian_rho(3, 0.5) == 18
    assert gaussian_rho(1, 0.1) == 1 / (2 * Fraction(0.1) ** 2) != 50


@pytest.mark.parametrize(
    ("sensitivity", "scale"), [(0, 1.0), (1, 0.0), (1, -1.0), (1, math.inf), (1, math.nan)]
)
def test_there_is_no_loss_without_sensitivity_or_noise(sensitivity: int, scale: float) -> None:
    with pytest.raises(ValueError, match=r"sensitivity|scale"):
        gaussian_rho(sensitivity, scale)


@given(sensitivity=st.integers(1, 2**20), rho=rhos)
def test_a_scale_never_costs_more_than_allowed_and_hardly_less(sensitivity: int, rho: Fraction) -> None:
    scale = scale_for(sensitivity, rho)
    assert gaussian_rho(sensitivity, scale) <= rho
    two_less = math.nextafter(math.nextafter(scale, 0), 0)
    assert gaussian_rho(sensitivity, two_less) > rho


@given(sigma=st.floats(1e-6, 1e6))
def test_granularity_is_the_least_power_of_two_that_reaches_the_least_scale(sigma: float) -> None:
    s = granularity(sigma)
    assert s & (s - 1) == 0
    assert s * sigma >= LEAST_SHARE_SCALE
    assert s == 1 or s // 2 * sigma < LEAST_SHARE_SCALE


def test_a_plan_gives_every_table_its_share_and_all_together_at_most_rho(programme: Programme) -> None:
    plan = noise_plan(programme)
    assert [(noise.table, noise.cells, noise.rows) for noise in plan] == [
        ("sex-age", 9, 1), ("reason", 5, 1), ("reason-sex", 15, 2),
    ]  # fmt: skip
    for table, noise in zip(programme.tables, plan, strict=True):
        allowed = programme.rho_of(table)
        assert allowed * (1 - Fraction(1, 10**14)) < noise.rho <= allowed
        assert noise.rho == Fraction((noise.granularity * noise.rows) ** 2) / (2 * Fraction(noise.scale) ** 2)
        assert noise.scale >= LEAST_SHARE_SCALE
        # In persons the noise is k / sqrt(2 rho), whatever the granularity.
        assert noise.variance == pytest.approx(noise.rows**2 / (2 * float(allowed)), rel=1e-12)
    assert total_rho(plan) <= programme.rho
    assert [noise.granularity for noise in plan] == [4, 2, 1]


@given(
    rho=st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=1000), k=st.integers(1, 8)
)
def test_a_plan_never_spends_more_than_the_programme_says(
    shared: dict[str, Any], toml: Callable[[dict[str, Any]], bytes], rho: Fraction, k: int
) -> None:
    populations = [{**population, "rows_per_person": k} for population in shared["populations"]]
    plan = noise_plan(parse(toml({**shared, "rho": str(rho), "populations": populations})))
    assert total_rho(plan) <= rho


def test_full_noise_is_that_of_individual_mode_whatever_the_mode(written: dict[str, Any], toml: Any) -> None:
    """So that a programme for a secure sum can be compared with what it would be worth without."""
    alone = noise_plan(parse(toml(written)))
    assert noise_plan(parse(toml({**written, "mode": "secure-sum"}))) == alone


def by_opendp(rho: Fraction, delta: Fraction) -> tuple[Fraction, float]:
    """The exact loss of a Gaussian near rho, and OpenDP's epsilon of it."""
    scale = scale_for(1, rho)
    gaussian = make_gaussian(vector_domain(atom_domain(T="i64")), l2_distance(T=float), scale=scale)
    fixed = make_fix_delta(make_zCDP_to_approxDP(gaussian), float(delta))
    return gaussian_rho(1, scale), fixed.map(1.0)[0]


@pytest.mark.parametrize("rho", RHOS)
@pytest.mark.parametrize("delta", DELTAS)
def test_epsilon_is_that_of_opendp_and_never_less_than_the_bound_allows(rho: str, delta: str) -> None:
    exact, theirs = by_opendp(Fraction(rho), Fraction(delta))
    ours = epsilon_upper(exact, Fraction(delta))
    assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-9)

    r, d = float(exact), float(Fraction(delta))

    def bound(
        log_order: float,
    ) -> float:  # written otherwise than in the code: solved from delta, not for epsilon
        order = 1 + math.exp(log_order)
        log_rest = order * math.log1p(-1 / order) - math.log(order - 1)
        return order * r + (log_rest - math.log(d)) / (order - 1)

    best = min(
        minimize_scalar(bound, bounds=(low, low + 6), method="bounded", options={"xatol": 1e-12}).fun
        for low in range(-12, 16, 3)
    )
    assert max(0.0, best) <= ours <= max(0.0, best) + 1e-6


@given(rho=rhos, more=rhos, delta=st.fractions(min_value=Fraction(1, 10**12), max_value=Fraction(1, 2)))
def test_epsilon_grows_with_rho_and_with_a_smaller_delta(
    rho: Fraction, more: Fraction, delta: Fraction
) -> None:
    here = epsilon_upper(rho, delta)
    slack = 1e-9 * (1 + here)
    assert math.isfinite(here)
    assert here >= 0
    assert epsilon_upper(rho + more, delta) >= here - slack
    assert epsilon_upper(rho, delta / 2) >= here - slack


@pytest.mark.parametrize(("rho", "delta"), [("0", "1/2"), ("-1", "1/2"), ("1", "0"), ("1", "1"), ("1", "2")])
def test_there_is_no_epsilon_without_a_loss_and_a_delta(rho: str, delta: str) -> None:
    with pytest.raises(ValueError, match="rho is more than 0"):
        epsilon_upper(Fraction(rho), Fraction(delta))


def test_an_attacker_is_as_strong_as_the_trade_off_says() -> None:
    # Phi(Phi^-1(0.05) + 1) = Phi(-0.644854) = 0.259511; at mu = 0.1, Phi(-1.544854) = 0.061190.
    assert attacker_power(Fraction(1, 2)) == 0.26
    assert attacker_power(Fraction(1, 200)) == 0.062
    assert attacker_power(Fraction(10**6)) == 1.0
    assert attacker_power(Fraction(1, 10**12)) == pytest.approx(0.05, abs=1.1e-3)


@given(rho=rhos, false_alarms=st.floats(0.001, 0.999))
def test_an_attacker_is_never_made_out_weaker_than_guessing(rho: Fraction, false_alarms: float) -> None:
    assert false_alarms - sys.float_info.epsilon <= attacker_power(rho, false_alarms) <= 1


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1])
def test_a_rate_of_false_alarms_lies_between_none_and_all(rate: float) -> None:
    with pytest.raises(ValueError, match="false alarms"):
        attacker_power(Fraction(1, 2), rate)
