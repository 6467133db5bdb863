"""Fixed lists: what was found once, and what must be tried every day. Failing lists are pasted at the end."""

import pytest
from simulated import operations as op
from simulated.operations import (
    Abandon,
    Advance,
    Collect,
    Crash,
    CrashCoordinator,
    Deliver,
    DropReply,
    Equivocate,
    Everybody,
    Leave,
    Lie,
    OpenRound,
    Point,
    Replay,
    Restart,
    RestartCoordinator,
    Restore,
)
from simulated.plays import played
from simulated.world import Outcome

SUM = (Everybody(0), Collect(), *[Everybody(0)] * 6)
HALTED = "rollback-detected"


def holds(size: int, seed: int, *schedule: op.Operation) -> Outcome:
    """Play a list; every rule holds."""
    outcome = played(schedule, size, seed)
    assert not outcome.broken, "\n".join(outcome.broken)
    return outcome


@pytest.mark.clause("ADV-3", "DEAL-4", "MASK-3", "MASK-5", "AGREE-4", "STORE-1")
@pytest.mark.parametrize("nth", range(1, 9))
def test_a_node_dies_between_write_and_send(nth):
    outcome = holds(3, 1, Crash(1, Point.AFTER_WRITE, nth), *SUM)
    assert outcome.struck["Crash"] == 1
    assert outcome.ends == {"SUMMED": 1}


@pytest.mark.clause("MASK-1", "STORE-1")
@pytest.mark.parametrize("nth", range(1, 9))
def test_a_node_dies_before_it_has_written(nth):
    outcome = holds(3, 2, Crash(1, Point.BEFORE_WRITE, nth), *SUM)
    assert outcome.struck["Crash"] == 1
    assert outcome.ends == {"SUMMED": 1}


@pytest.mark.clause("STORE-3")
@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("nth", [1, 5, 9, 13, 17, 21])
def test_the_coordinator_dies_at_a_write(nth, written):
    outcome = holds(3, 3, CrashCoordinator(written, nth), *SUM)
    assert outcome.struck["CrashCoordinator"] == 1
    assert outcome.ends == {"SUMMED": 1}


@pytest.mark.clause("AGREE-3", "AGREE-6")
def test_two_sets_are_proposed_and_nobody_reveals():
    outcome = holds(
        4,
        4,
        *(Equivocate(node, Lie.PROPOSAL, 3) for node in (0, 1)),
        *(Equivocate(node, Lie.PROPOSAL, 0) for node in (2, 3)),
        *(Equivocate(node, Lie.UNANIMITY, 0) for node in range(4)),
        *SUM,
        *(Restart(node) for node in range(4)),
        *(Equivocate(node, Lie.PROPOSAL, 1) for node in range(4)),
        *[Everybody(2)] * 3,
    )
    assert outcome.struck["lies"] >= 8
    assert outcome.ends == {"ABANDONED": 1}


@pytest.mark.clause("AGREE-3")
def test_another_set_is_proposed_after_a_crash_at_the_agreement():
    outcome = holds(
        4,
        5,
        Equivocate(1, Lie.PROPOSAL, 3),
        Everybody(0),
        Collect(),
        *[Everybody(0)] * 4,
        Crash(1, Point.AFTER_WRITE, 1),
        Deliver(1),
        Equivocate(1, Lie.PROPOSAL, 0),
        *[Everybody(1)] * 3,
    )
    assert outcome.ends == {"ABANDONED": 1}


@pytest.mark.clause("DEAL-5", "MASK-4")
@pytest.mark.parametrize("lie", [Lie.LISTING, Lie.DELIVERY])
def test_a_node_is_shown_a_bundle_without_somebody_and_the_others_go_on(lie):
    outcome = holds(4, 6, Equivocate(2, lie, 1), *SUM, Advance(9000), *[Everybody(0)] * 4)
    assert outcome.struck["lies"] >= 1


def test_a_folder_that_was_put_back_is_known_by_what_the_coordinator_says():
    outcome = holds(4, 7, *SUM, Restore(1), OpenRound(), *SUM)
    assert outcome.halted == {1: HALTED}


@pytest.mark.clause("REVEAL-4")
@pytest.mark.parametrize("gone", [0, 2, 3])
def test_who_falls_out_after_its_dealing_is_left_out_of_the_sum(gone):
    outcome = holds(4, 14, Everybody(0), Collect(), *[Everybody(0)] * 2, Deliver(gone), Leave(gone))
    assert outcome.struck["left out"] == 1
    assert outcome.ends == {"SUMMED": 1}


@pytest.mark.clause("TERMS-7")
def test_a_set_that_is_too_small_for_the_noise_is_agreed_to_by_nobody():
    small = [Equivocate(node, Lie.PROPOSAL, 3) for node in (0, 1, 2)]
    outcome = holds(
        5, 15, *small, Everybody(0), Collect(), *[Everybody(0)] * 2, Deliver(4), Leave(4), *[Everybody(0)] * 5
    )
    assert outcome.struck["lies"] >= 1


@pytest.mark.clause("DEAL-2", "AGREE-5")
def test_a_folder_that_was_put_back_is_known_by_what_the_others_sign():
    outcome = holds(4, 8, *SUM, Restore(1), Equivocate(1, Lie.HEAD, 0), OpenRound(), *SUM)
    assert outcome.halted == {1: HALTED}


@pytest.mark.clause("ENC-4", "END-4")
def test_messages_of_an_attempt_do_not_pass_in_the_next_one():
    outcome = holds(
        4,
        9,
        *SUM[:5],
        Abandon(),
        OpenRound(),
        Everybody(0),
        Collect(),
        *(Replay(node, choice) for node in range(4) for choice in (0, 5, 9, 13)),
        *[Everybody(1)] * 6,
    )
    assert outcome.ends == {"ABANDONED": 1, "SUMMED": 1}


def test_every_reply_is_lost_once():
    outcome = holds(4, 10, *(DropReply(node, nth) for node in range(4) for nth in range(1, 20, 2)), *SUM)
    assert outcome.ends == {"SUMMED": 1}


@pytest.mark.clause("STORE-3")
def test_the_coordinator_starts_anew_after_every_step():
    again = [one for step in SUM for one in (step, RestartCoordinator())]
    assert holds(4, 11, *again).ends == {"SUMMED": 1}


def test_the_same_list_gives_the_same_bytes():
    schedule = (Crash(1, Point.AFTER_CALL, 9), DropReply(2, 4), *SUM, Abandon(), OpenRound(), *SUM)
    first, second = holds(4, 12, *schedule), holds(4, 12, *schedule)
    assert first.spoken == second.spoken
    assert first.spoken != holds(4, 13, *schedule).spoken
