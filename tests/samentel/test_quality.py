"""Grades, claims and checks: as often wrong as they say, and finding what they say they find."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import chdtrc, chndtr

from samentel.counting.privacy import noise_plan
from samentel.documents.programme import Programme, parse
from samentel.figures import quality
from samentel.figures.effects import Floats, fitted, noise_after, space_of
from samentel.figures.estimate import Figure, Fit, Measured, NationalTables, estimate, pooled
from samentel.figures.quality import LEVEL, POWER, Check, above_zero, at_least, checks, grade, joint_z
from samentel.figures.sums import NationalSum

RUNS = 400
OFF = 5.0  # standard errors of a share of runs; the seeds are fixed, so this never fails by chance


@pytest.mark.parametrize(
    ("estimate", "sd", "expected"),
    [
        (100, 10, "A"), (100, 10.01, "B"), (100, 25, "B"), (100, 25.01, "C"), (100, 50, "C"),
        (100, 50.01, "D"), (0.1, 0.06, "D"), (0, 3, "D"), (-100, 3, "D"), (7, 0, "A"), (0, 0, "A"),
    ],
)  # fmt: skip
def test_a_grade_is_the_error_as_a_part_of_the_estimate(estimate: float, sd: float, expected: str) -> None:
    assert grade(Figure(estimate, sd)) == expected


@given(value=st.floats(-100, 1000), sd=st.floats(0.1, 50))
def test_there_is_somebody_where_the_estimate_is_far_enough_from_nobody(value: float, sd: float) -> None:
    figure = Figure(value, sd)
    assert above_zero(figure) == (value > 1.6448536269514722 * sd)
    assert at_least(figure) <= max(0, math.ceil(value))
    assert at_least(figure, 0.001) <= at_least(figure, 0.05) <= at_least(figure, 0.4)


@pytest.mark.parametrize(("value", "claim"), [(0, 0), (3, 3), (-2, 0)])
def test_what_is_certain_can_be_claimed_whole(value: int, claim: int) -> None:
    assert at_least(Figure(value, 0.0)) == claim


@pytest.mark.parametrize("true", [0, 1, 2, 9, 50])
@pytest.mark.parametrize("error", [0.05, 0.01])
def test_a_claim_is_wrong_no_more_often_than_it_says(true: int, error: float) -> None:
    estimates = np.random.default_rng(5).normal(true, 3.3, 20_000)
    wrong = np.mean([at_least(Figure(float(it), 3.3), error) > true for it in estimates])
    assert abs(wrong - error) < OFF * math.sqrt(error / len(estimates))


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.95])
def test_joint_intervals_all_hold_however_their_errors_depend_on_each_other(shared: float) -> None:
    rng, cells, runs = np.random.default_rng(6), 40, 20_000
    errors = rng.normal(size=(runs, cells)) * math.sqrt(1 - shared) + rng.normal(size=(runs, 1)) * math.sqrt(
        shared
    )
    held = np.mean(abs(errors).max(axis=1) <= joint_z(cells))
    assert held > 0.95 - OFF * math.sqrt(0.05 * 0.95 / runs)
    if not shared:  # and no wider than independent errors need
        assert held < 0.95 + OFF * math.sqrt(0.05 * 0.95 / runs)


def test_joint_intervals_are_those_of_one_cell_for_one_and_wider_for_more() -> None:
    assert joint_z(1) == pytest.approx(1.959963984540054)
    assert joint_z(855) == pytest.approx(4.0128, abs=1e-4)
    assert all(joint_z(cells) < joint_z(cells + 1) for cells in range(1, 50))


@given(degrees=st.integers(1, 1500), part=st.floats(0.01, 3))
def test_chances_of_a_chi_square_are_those_of_another_implementation(degrees: int, part: float) -> None:
    statistic = degrees * part
    expected = chdtrc(degrees, statistic)
    assert quality.chi_square_above(statistic, degrees) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("degrees", [1, 2, 7, 68, 300])
def test_what_is_detected_has_the_power_that_is_stated(degrees: int) -> None:
    distance = quality._distance(degrees)
    limits = np.linspace(0, 10 * degrees + 30, 400_001)
    limit = limits[np.searchsorted(-chdtrc(degrees, limits), -LEVEL)]
    assert 1 - chndtr(limit, degrees, distance**2) == pytest.approx(POWER, abs=1e-4)


@pytest.fixture
def related(written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]) -> Programme:
    """Four tables of persons, one along a dimension that takes codes of another together."""
    wide = {**written["dimensions"][2], "id": "reason-two", "rolls_up": "reason"}
    wide["codes"] = [
        {"code": "R", "nl": "r", "en": "r", "members": ["R1", "R2"]},
        {"code": "U", "nl": "u", "en": "u", "members": ["R3", "R4", "U"]},
    ]
    written["dimensions"].append(wide)
    crossings = {"all": [], "sex-age": ["sex", "age"], "reason": ["reason"], "sex-two": ["sex", "reason-two"]}
    written["tables"] = [
        {**written["tables"][0], "id": name, "dimensions": names, "rho_share": "1/5"}
        for name, names in crossings.items()
    ] + [{**written["tables"][2], "rho_share": "1/5"}]
    return parse(toml(written))


TRUE = {"sex": [50, 60, 9], "age": [20, 90, 9], "reason": [30, 3, 40, 0, 46]}  # 119 persons each


def counted(programme: Programme) -> dict[str, Floats]:
    """The true cells of every table."""
    sex, age, reason = (np.repeat(np.arange(len(it)), it) for it in TRUE.values())
    place = {"all": sex * 0, "sex-age": sex * 3 + age, "reason": reason,
             "sex-two": sex * 2 + (reason > 1), "reason-sex": reason * 3 + sex}  # fmt: skip
    sizes = {it.id: programme.cells(it) for it in programme.tables}
    return {name: np.bincount(place[name], minlength=size).astype(float) for name, size in sizes.items()}


def series(
    programme: Programme, missing: Mapping[str, Mapping[int, float]], seed: int
) -> dict[str, list[Check]]:
    """By name, every check of many releases; some persons are missing from cells of some tables."""
    space, variances = space_of(programme, "persons"), {it.table: it.variance for it in noise_plan(programme)}
    true, after, found = counted(programme), noise_after(space, variances), {}
    for table, cells in missing.items():
        true[table][list(cells)] -= list(cells.values())
    rng, names = np.random.default_rng(seed), [it.id for it in space.tables]
    own = {name: variances[name] for name in names}
    for _ in range(RUNS):
        sums = {name: rng.normal(true[name], math.sqrt(own[name])) for name in names}
        fit = Fit("persons", space, fitted(space, after, own, sums), (after,), (Measured(sums, own),), {})
        for check in checks([fit]):
            found.setdefault(check.name, []).append(check)
    return found


def release(programme: Programme) -> NationalTables:
    """A release whose sums have no noise."""
    plan, true = noise_plan(programme), counted(programme)
    sums = {it.table: np.rint(true[it.table] * it.granularity).astype(np.int64) for it in plan}
    return estimate(
        programme,
        NationalSum(
            ("a",), sums, {it.table: it.granularity for it in plan}, {it.table: it.variance for it in plan}
        ),
    )


def detected(programme: Programme, name: str) -> float:
    found = next(it.detects for it in checks(release(programme).fits) if it.name == name)
    assert found is not None
    return found


def test_checks_are_those_of_what_was_measured_more_than_once(related: Programme) -> None:
    """Of 21 cells of persons 15 are free: the total, 2 + 2 + 4 of sex and age, 4 of reason, 2 with sex."""
    found = checks(release(related).fits)
    contrasts = dict.fromkeys(("persons:sex", "persons:age", "persons:reason"), 1)
    assert {it.name: it.degrees for it in found} == {"persons": 21 - (1 + 2 + 2 + 4 + 4 + 2), **contrasts}
    assert found[0].name == "persons"
    assert [it.statistic for it in found] == pytest.approx([0.0] * 4, abs=1e-12)
    assert [it.p_value for it in found] == pytest.approx([1.0] * 4, abs=1e-6)
    assert all((it.excess is None) == (it.name == "persons") for it in found)
    excess = next(it.excess for it in found if it.name == "persons:reason")
    assert excess is not None
    variance = noise_plan(related)[0].variance  # of each table; of 5 and 6 cells against 1 and 9
    assert excess.sd == pytest.approx(math.sqrt((30 / 11 + 9 / 10) * variance))


def test_without_a_fault_a_check_alarms_as_often_as_it_says(related: Programme) -> None:
    for name, its in series(related, {}, 1).items():
        degrees, values = its[0].degrees, np.array([it.statistic for it in its])
        assert abs(values.mean() - degrees) < OFF * math.sqrt(2 * degrees / RUNS), name
        ordered = np.sort([it.p_value for it in its])
        apart = max(abs(ordered - np.arange(1, RUNS + 1) / RUNS))
        assert apart < 2.7 / math.sqrt(RUNS), name  # Kolmogorov: rarer than one in a million
        assert sum(it.alarm for it in its) <= 5, name


def test_persons_missing_from_all_tables_of_a_dimension_are_found_as_often_as_stated(
    related: Programme,
) -> None:
    persons = detected(related, "persons:reason")
    # A client system whose reasons cannot be read: its people are in none of the tables of reason.
    found = series(related, {"reason": {4: persons}, "sex-two": {1: persons}}, 1000)["persons:reason"]
    rate = np.mean([it.alarm for it in found])
    assert abs(rate - POWER) < OFF * math.sqrt(POWER * (1 - POWER) / RUNS)
    excess = np.mean([it.excess.estimate for it in found if it.excess])
    assert excess == pytest.approx(-persons, rel=0.05)
    assert (
        np.mean([it.alarm for it in series(related, {"reason": {4: persons / 4}}, 2000)["persons:reason"]])
        < 0.1
    )


@pytest.mark.parametrize("cells", [{0: 1.0}, dict.fromkeys(range(5), 0.2)], ids=["one cell", "evenly"])
def test_persons_missing_from_one_table_are_found_at_least_as_often_as_stated(
    related: Programme, cells: Mapping[int, float]
) -> None:
    persons = detected(related, "persons")
    missing = {"reason": {cell: part * persons for cell, part in cells.items()}}
    rate = np.mean([it.alarm for it in series(related, missing, 3000)["persons"]])
    assert rate > POWER - OFF * math.sqrt(POWER * (1 - POWER) / RUNS)


def test_nothing_is_checked_where_nothing_was_measured_twice(programme: Programme) -> None:
    names = {it.name.partition(":")[0] for it in checks(release(programme).fits)}
    assert names == {"persons"}  # episodes have one table


def test_years_added_up_are_not_checked_together(programme: Programme) -> None:
    with pytest.raises(ValueError, match="a release at a time"):
        checks(pooled([release(programme), release(programme)]).fits)
