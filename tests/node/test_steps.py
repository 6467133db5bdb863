"""What to do next about a round, in each phase and state, and when something may leave."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from node.steps import STEPS, SUM_STEPS, Step, next_step, wait_for_tick
from node.store import RoundRecord, State
from samentel.documents.programme import Mode
from samentel.wire.messages import RoundPhase

COLLECTING, SUMMED, PUBLISHED = RoundPhase.COLLECTING, RoundPhase.SUMMED, RoundPhase.PUBLISHED
RELEASE = "ab" * 32


def test_every_phase_has_an_answer_for_every_state():
    over = {State.PUBLISHED, State.ABANDONED, State.MISSED}
    for phase, state, mode in product(RoundPhase, State, Mode):
        if state in over:
            assert next_step(phase, record(state), mode) is Step.NOTHING
    assert set(STEPS) == set(SUM_STEPS) == set(RoundPhase)


def test_a_vector_is_drawn_only_while_collecting_and_only_when_present():
    drawing = [
        (phase, state)
        for phase in RoundPhase
        for state in State
        if next_step(phase, record(state)) is Step.RELEASE
    ]
    assert drawing == [(COLLECTING, State.PRESENT)]


def test_a_secure_sum_is_joined_only_while_collecting_and_only_when_present():
    going = {
        (phase, state)
        for phase in RoundPhase
        for state in State
        if next_step(phase, record(state), Mode.SECURE_SUM) is Step.SUM
    }
    assert going == {
        (COLLECTING, State.PRESENT),
        (COLLECTING, State.JOINED),
        (COLLECTING, State.RELEASED),
        (SUMMED, State.RELEASED),
    }


def test_a_secure_sum_never_sends_a_vector_of_its_own():
    steps = {step for answers in SUM_STEPS.values() for step in answers.values()}
    assert not steps & {Step.RELEASE, Step.SEND, Step.BOOK_PUBLISHED}


def test_what_is_spent_in_a_sum_is_booked_and_what_is_not_is_missed():
    steps = {state: next_step(PUBLISHED, record(state), Mode.SECURE_SUM) for state in State}
    assert steps[State.RELEASED] is Step.FINISH_SUM
    assert {steps[state] for state in (State.NONE, State.PRESENT, State.JOINED)} == {Step.MISS}


def record(state, receipt=None):
    return RoundRecord("0" * 64, "1" * 64, "2025", 1, b"", state=state, receipt=receipt)


@pytest.mark.parametrize("tick", [1, 2, 60])
def test_a_vector_leaves_at_a_whole_multiple_of_the_tick(tick):
    start = datetime(2026, 3, 1, 8, 0, 0, 1, tzinfo=UTC)
    for micros in (0, 1, 499_999, 999_998):
        now = start + timedelta(microseconds=micros)
        wait = wait_for_tick(now, tick)
        assert 0 <= wait <= tick
        assert (now.timestamp() + wait) / tick == pytest.approx(
            round((now.timestamp() + wait) / tick), abs=1e-6
        )
