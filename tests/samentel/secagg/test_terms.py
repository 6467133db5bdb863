import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samentel.errors import PeerError, Reason, Refusal
from samentel.secagg.encoding import decode, encode
from samentel.secagg.terms import (
    Deadlines,
    Floors,
    Level,
    Terms,
    check_announced,
    check_dealt,
    check_listed,
    check_survivors,
    threshold,
)


@given(st.integers(3, 10_000))
@pytest.mark.clause("TERMS-4")
def test_two_groups_of_the_threshold_share_more_than_a_third(n):
    t = threshold(n)
    assert t == math.floor(2 * n / 3) + 1
    assert 2 * t - n > n / 3


@pytest.mark.parametrize(
    ("n", "parameters", "why"),
    [
        pytest.param(4, {"minimum": 5}, "5 are needed", id="few"),
        pytest.param(4, {"collude": 1, "absent": 2}, "too few for", id="less-than-two-honest"),
        pytest.param(9, {"collude": 5}, "cannot withstand", id="colluders-could-split-the-honest"),
        pytest.param(5, {"absent": 2}, "cannot spare", id="threshold-out-of-reach"),
        pytest.param(9, {"levels": (Level("A", (0,)),)}, "level A", id="level-too-thin"),
        pytest.param(9, {"collude": 2, "levels": (Level("A", (0, 1, 2)),)}, "level A", id="level-below-c+2"),
    ],
)
@pytest.mark.clause("TERMS-5")
def test_a_list_of_keys_that_cannot_carry_the_round_is_refused(kit, n, parameters, why):
    terms = kit.terms(n, **parameters)
    with pytest.raises(PeerError, match=why):
        check_listed(terms, range(n))
    with pytest.raises(Refusal, match=why) as refusal:
        check_announced(terms, Floors())
    assert refusal.value.reason is Reason.PARAMETER_BELOW_FLOOR


def test_the_least_that_is_enough_is_accepted(kit):
    check_listed(kit.terms(9, collude=4, levels=(Level("A", (0, 1, 2, 3, 4, 5)),)), range(9))
    check_listed(kit.terms(3, collude=1), range(3))
    check_listed(kit.terms(4, collude=1, absent=1), range(4))


@pytest.mark.parametrize(
    "floors", [pytest.param(Floors(6), id="small-sum"), pytest.param(Floors(3, 2), id="colluders")]
)
@pytest.mark.clause("TERMS-9")
def test_a_node_refuses_terms_below_its_own_floors(kit, floors):
    terms = kit.terms(10, collude=1, minimum=5)
    check_announced(terms, Floors(5, 1))
    with pytest.raises(Refusal, match="here"):
        check_announced(terms, floors)


@pytest.mark.clause("TERMS-6")
def test_dealers_must_leave_room_for_those_who_may_fall_out(kit):
    terms = kit.terms(10, absent=2)
    check_dealt(terms, 10, 9)
    with pytest.raises(PeerError, match="7 are needed"):
        check_dealt(terms, 10, 8)
    with pytest.raises(PeerError, match="are needed"):
        check_dealt(kit.terms(10, minimum=9), 10, 8)


@pytest.mark.parametrize(
    ("survivors", "why"),
    [
        pytest.param(range(7), "too few for the noise", id="fewer-than-n-D"),
        pytest.param([0, 1, 2, 3, 4, 5, 6, 11], "has not dealt", id="not-a-dealer"),
        pytest.param([0, 1, 2, 3, 4, 5, 6, 9], "level B", id="level-below-c+2"),
    ],
)
@pytest.mark.clause("TERMS-7")
def test_a_set_that_may_not_be_summed_is_refused(kit, survivors, why):
    terms = kit.terms(
        12, collude=1, absent=2, levels=(Level("B", (7, 8, 9, 10, 11)), Level("all", tuple(range(12))))
    )
    check_survivors(terms, range(10), [0, 1, 2, 3, 4, 7, 8, 9])
    with pytest.raises(PeerError, match=why):
        check_survivors(terms, range(10), survivors)


def test_the_programmes_minimum_holds_for_the_sum_itself(kit):
    with pytest.raises(PeerError, match="too few"):
        check_survivors(kit.terms(10, absent=3, minimum=8), range(10), range(7))


@pytest.mark.clause("TERMS-2")
def test_terms_come_back_equal_and_every_field_counts(kit):
    terms = kit.terms(5, levels=(Level("A", (0, 1)),))
    assert decode(Terms, encode(terms)) == terms
    later = replace(kit.DEADLINES, expires_at=kit.DEADLINES.expires_at + timedelta(seconds=1))
    others = [
        replace(terms, deadlines=later),
        replace(terms, levels=()),
        replace(terms, members=terms.members[1:]),
    ]
    assert len({other.digest for other in [terms, *others]}) == 4


@pytest.mark.clause("TERMS-3")
def test_terms_that_cannot_be_are_refused(kit):
    terms = kit.terms(3)
    with pytest.raises(ValueError, match="differ in node and key"):
        replace(terms, members=terms.members[::-1])
    with pytest.raises(ValueError, match="differ in node and key"):
        replace(terms, members=(terms.members[0], replace(terms.members[1], key=terms.members[0].key)))
    with pytest.raises(ValueError, match="cells"):
        replace(terms, cells=0)
    moments = kit.DEADLINES
    with pytest.raises(ValueError, match="follow"):
        Deadlines(moments.share_until, moments.advertise_until, moments.mask_until, moments.expires_at)
