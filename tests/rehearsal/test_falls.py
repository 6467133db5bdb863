"""Who may fall when, by the coordinator's account of a round."""

from dataclasses import replace

import pytest

from rehearsal import falls
from rehearsal.falls import Fall
from samentel.errors import LocalFault
from samentel.wire.messages import RoundPhase, RoundStatus, SumPhase

NODES = ("anker", "baken", "haven")
STATUS = RoundStatus(
    round_id="ab" * 32,
    programme_digest="cd" * 32,
    period="2025",
    attempt=1,
    phase=RoundPhase.COLLECTING,
    invited=NODES,
    present=NODES,
    arrived=("baken",),
    institutions_min=3,
    gather_until="",
    collect_until="",
    reason="",
    release_id="",
    sum_phase=SumPhase.MASKING,
    listed=NODES,
    dealt=NODES,
)


class Account:
    """A coordinator that says what it is told to."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)

    def rounds(self):
        return [self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]]


def fall(account, ripe=falls.before_its_counts, wanted="haven"):
    struck = []
    return Fall(account, "2025", ripe, wanted, lambda node, status: struck.append(node)), struck


def looked(one, times):
    for _ in range(times):
        one.look()


@pytest.mark.parametrize(
    ("ripe", "phases"),
    [
        pytest.param(falls.before_its_counts, {SumPhase.MASKING}, id="before-its-counts"),
        pytest.param(falls.after_its_counts, {SumPhase.MASKING, SumPhase.AGREEING}, id="after-its-counts"),
    ],
)
def test_nobody_may_fall_in_another_step(ripe, phases):
    assert {phase for phase in SumPhase if ripe(replace(STATUS, sum_phase=phase))} == phases


def test_before_its_counts_means_dealt_and_not_arrived():
    assert falls.before_its_counts(replace(STATUS, dealt=("anker", "baken"))) == ["anker"]


def test_after_its_counts_means_arrived_and_not_agreed():
    status = replace(STATUS, arrived=("anker", "baken"), agreed=("anker",))
    assert falls.after_its_counts(status) == ["baken"]


def test_one_falls_once_at_the_first_moment_that_it_may():
    early = replace(STATUS, sum_phase=SumPhase.SHARING)
    one, struck = fall(Account(early, early, STATUS))
    looked(one, 2)
    assert struck == []
    looked(one, 5)
    assert struck == ["haven"]
    assert one.fallen == "haven"


def test_whoever_may_fall_stands_in_for_one_that_was_quicker():
    one, struck = fall(Account(STATUS), wanted="baken")
    looked(one, 2)
    assert struck == ["anker"]


def test_a_round_of_another_period_is_left_alone():
    one, struck = fall(Account(replace(STATUS, period="2024")))
    looked(one, 3)
    assert struck == []


def test_a_round_that_was_over_first_is_no_demonstration():
    one, _ = fall(Account(replace(STATUS, phase=RoundPhase.PUBLISHED, sum_phase=SumPhase.DONE)))
    looked(one, 3)
    with pytest.raises(LocalFault, match="before a node could be killed"):
        one.ended()


def test_a_round_without_a_release_says_why():
    ended = replace(STATUS, phase=RoundPhase.ABANDONED, reason="too few are left")
    one, _ = fall(Account(STATUS, ended))
    looked(one, 1)
    with pytest.raises(LocalFault, match="too few are left"):
        one.ended()
