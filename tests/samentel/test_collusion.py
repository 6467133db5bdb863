"""What is stated for more colluders than the programme assumes is never less than what they can learn."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samentel.counting.shares import honest_shares, share_plan
from samentel.documents.programme import parse
from samentel.figures.collusion import collusion_of, fewest_listed

ROSTERED = 40


@pytest.fixture(scope="module")
def programme(shared, toml):
    rules = {"institutions_min": 8, "collude_max": 2, "absent_max": 3}
    return parse(toml(shared | {"mode": "secure-sum", "roster": rules}))


@pytest.fixture(scope="module")
def collusions(programme):
    """By number of dealers."""
    return {
        n: collusion_of(programme, share_plan(programme, ROSTERED, n), ROSTERED, n)
        for n in range(8, ROSTERED + 1)
    }


def test_forty_institutions(collusions):
    collusion = collusions[40]
    assert collusion.withstood == 2 * 27 - 40 - 1 == 13
    assert [collusion.with_colluders(a) for a in (0, 2)] == [Fraction(1, 2)] * 2
    assert collusion.with_colluders(10) == Fraction(1, 2) * 35 / 27
    assert collusion.with_colluders(13) == Fraction(1, 2) * 35 / 24
    assert {collusion.with_colluders(a) for a in (14, 20, 39)} == {collusion.loss.local} == {Fraction(35, 2)}
    assert collusion.steps() == (0, 2, 5, 11, 13, 14, 23, 39)


@given(st.integers(8, ROSTERED), st.data())
def test_more_colluders_never_cost_less_and_never_more_than_everybody(collusions, dealers, data):
    collusion = collusions[dealers]
    fewer = data.draw(st.integers(0, dealers - 1))
    more = data.draw(st.integers(fewer, dealers - 1))
    assert collusion.with_colluders(fewer) <= collusion.with_colluders(more) <= collusion.loss.local
    assert collusion.with_colluders(0) == collusion.with_colluders(2) == collusion.central


@given(st.integers(8, ROSTERED), st.data())
def test_what_is_stated_covers_the_honest_noise_that_is_left(programme, collusions, dealers, data):
    """Of n2 - D in the sum, a are not honest: the rest carries 1/(n2 - c - D) of the variance each."""
    colluders = data.draw(st.integers(0, dealers - 1))
    honest = max(dealers - programme.roster.absent_max - colluders, 1)
    left = programme.rho * honest_shares(programme.roster, dealers) / honest
    assert collusions[dealers].with_colluders(colluders) >= min(left, programme.rho) - Fraction(1, 10**9)
    if colluders > programme.roster.collude_max:
        assert collusions[dealers].with_colluders(colluders) >= left - Fraction(1, 10**9)


@pytest.mark.parametrize("dealers", range(8, ROSTERED + 1))
def test_masks_are_counted_on_only_where_no_two_groups_find_enough_helpers(collusions, dealers):
    """For every number of keys n1 that there can have been: two honest groups, each with all colluders."""
    most = collusions[dealers].withstood
    for listed in range(dealers, ROSTERED + 1):
        t = 2 * listed // 3 + 1
        honest = listed - most
        assert not any(one + most >= t and honest - one + most >= t for one in range(honest + 1))


def test_every_step_is_shown_once_and_both_edges_are_there(collusions):
    for dealers, collusion in collusions.items():
        steps = collusion.steps()
        assert list(steps) == sorted(set(steps))
        assert {0, 2, collusion.withstood, collusion.withstood + 1, dealers - 1} <= set(steps)
        assert steps[-1] == dealers - 1


def test_a_loss_that_is_no_whole_number_of_booked_parts_is_not_stated_above_rho(shared, toml):
    rules = {"institutions_min": 8, "collude_max": 2, "absent_max": 3}
    thirds = parse(toml(shared | {"mode": "secure-sum", "roster": rules, "rho": "1/3"}))
    collusion = collusion_of(thirds, share_plan(thirds, 12, 12), 12, 12)
    assert collusion.central == thirds.rho


@pytest.mark.clause("TERMS-5")
def test_before_a_round_the_shortest_list_that_a_coordinator_can_show_is_counted_on(programme):
    """At 40 institutions masks withstand 13; of a list of eight, four recover both secrets of one."""
    plan = share_plan(programme, ROSTERED, ROSTERED)
    fewest = fewest_listed(programme.roster, ROSTERED)
    coming = collusion_of(programme, plan, ROSTERED, ROSTERED, fewest)
    there = collusion_of(programme, plan, ROSTERED, ROSTERED)
    assert there.withstood == 13
    assert coming.withstood == min(2 * (2 * n // 3 + 1) - n - 1 for n in range(fewest, ROSTERED + 1))
    assert coming.withstood < there.withstood
    for colluders in range(ROSTERED):
        assert coming.with_colluders(colluders) >= there.with_colluders(colluders)


@pytest.mark.parametrize(
    ("least", "c", "d", "fewest"), [(3, 0, 0, 3), (8, 1, 1, 8), (8, 2, 3, 10), (20, 2, 3, 20)]
)
def test_the_shortest_list_is_the_first_that_can_carry_a_round(programme, least, c, d, fewest):
    changes = {"institutions_min": least, "collude_max": c, "absent_max": d}
    rules = programme.roster.model_copy(update=changes)
    assert fewest_listed(rules, ROSTERED) == fewest
    assert fewest_listed(rules, fewest - 1) == fewest - 1  # then no list is long enough; the roster is named
