"""The round's machine: every cell of its table, and random lives of rounds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import events as e
from aggregator.conductor import (
    NEXT,
    Abandon,
    Attend,
    Collect,
    Contribute,
    Finish,
    Publish,
    Round,
    Tick,
    attempt_wanted,
    decide,
    fold,
)
from aggregator.errors import Contradiction, NotAllowed
from samentel.errors import LocalFault, Reason, Refusal, SamentelError
from samentel.ids import Period, RoundId, digest
from samentel.wire.messages import RoundPhase

START = datetime(2026, 2, 1, tzinfo=UTC)
GATHER_UNTIL, COLLECT_UNTIL = START + timedelta(hours=10), START + timedelta(hours=20)
ROUND = RoundId("a" * 64)
A, B = digest(b"a"), digest(b"b")
NODES = ("amber", "beryl", "coral", "dune")
OPENED = e.RoundOpened(
    envelope=A,
    programme=A,
    roster=B,
    period=Period(2025),
    attempt=1,
    invited=NODES,
    institutions_min=3,
    gather_until=GATHER_UNTIL,
    collect_until=COLLECT_UNTIL,
)
GATHERING = Round(ROUND, OPENED, START)
THREE = replace(GATHERING, present=frozenset(NODES[:3]))
COLLECTING = replace(THREE, phase=RoundPhase.COLLECTING)
TWO_IN = replace(COLLECTING, arrived={"amber": A, "beryl": B})
SUMMED = replace(COLLECTING, phase=RoundPhase.SUMMED, arrived=dict.fromkeys(NODES[:3], A))
NAMED = replace(SUMMED, publishing=e.Publishing(release_id="r-2025-1"), published_at=START)
PUBLISHED = replace(NAMED, phase=RoundPhase.PUBLISHED, manifest=A, ended_at=START)
ABANDONED = replace(TWO_IN, phase=RoundPhase.ABANDONED, reason="why", ended_at=START)
SOON, LATE, TOO_LATE = START + timedelta(hours=1), GATHER_UNTIL, COLLECT_UNTIL


@pytest.mark.parametrize(
    ("held", "command", "now", "kinds"),
    [
        pytest.param(GATHERING, Attend("amber"), SOON, [e.Present], id="a-node-is-present"),
        pytest.param(THREE, Attend("amber"), SOON, [], id="present-twice-is-present-once"),
        pytest.param(PUBLISHED, Attend("amber"), TOO_LATE, [], id="a-late-repeat-of-presence-is-harmless"),
        pytest.param(THREE, Collect(), SOON, [e.Collecting], id="collect"),
        pytest.param(COLLECTING, Collect(), SOON, [], id="collect-twice"),
        pytest.param(PUBLISHED, Collect(), SOON, [], id="collect-after-the-end"),
        pytest.param(COLLECTING, Contribute("amber", A), LATE, [e.Contributed], id="a-vector-arrives"),
        pytest.param(TWO_IN, Contribute("amber", A), LATE, [], id="the-same-vector-again"),
        pytest.param(PUBLISHED, Contribute("amber", A), TOO_LATE, [], id="the-same-vector-after-the-end"),
        pytest.param(
            TWO_IN, Contribute("coral", A), LATE, [e.Contributed, e.Summed], id="the-last-vector-sums"
        ),
        pytest.param(GATHERING, Tick(), SOON, [], id="nothing-is-due"),
        pytest.param(THREE, Tick(), LATE, [e.Collecting], id="gathering-ends-with-enough"),
        pytest.param(GATHERING, Tick(), LATE, [e.Abandoned], id="gathering-ends-with-too-few"),
        pytest.param(TWO_IN, Tick(), LATE, [], id="collecting-goes-on"),
        pytest.param(TWO_IN, Tick(), TOO_LATE, [e.Abandoned], id="collecting-ends-with-too-few"),
        pytest.param(
            replace(TWO_IN, present=frozenset(NODES), arrived=dict.fromkeys(NODES[:3], A)),
            Tick(),
            TOO_LATE,
            [e.Summed],
            id="collecting-ends-with-enough",
        ),
        pytest.param(SUMMED, Tick(), TOO_LATE, [], id="a-sum-does-not-age"),
        pytest.param(SUMMED, Publish("r-2025-1", None), SOON, [e.Publishing], id="publishing-begins"),
        pytest.param(NAMED, Publish("other", None), SOON, [], id="publishing-keeps-its-first-name"),
        pytest.param(PUBLISHED, Publish("other", None), SOON, [], id="publishing-again-is-harmless"),
        pytest.param(NAMED, Finish(A), SOON, [e.Published], id="published"),
        pytest.param(PUBLISHED, Finish(A), SOON, [], id="published-twice"),
        *(
            pytest.param(
                held,
                Abandon("why"),
                SOON,
                [e.Abandoned],
                id=f"abandon-{held.phase.name}-{bool(held.arrived)}",
            )
            for held in (GATHERING, COLLECTING, SUMMED)
        ),
        pytest.param(ABANDONED, Abandon("again"), SOON, [], id="abandon-twice"),
    ],
)
def test_a_command_has_these_consequences(held, command, now, kinds):
    assert [type(body) for body in decide(held, command, now)] == kinds


@pytest.mark.parametrize(
    ("held", "command", "now", "why"),
    [
        pytest.param(GATHERING, Attend("stranger"), SOON, "not on the roster", id="a-stranger"),
        pytest.param(GATHERING, Attend("amber"), LATE, "gathering.*over", id="presence-at-the-deadline"),
        pytest.param(COLLECTING, Attend("dune"), SOON, "gathering.*over", id="presence-while-collecting"),
        pytest.param(
            GATHERING, Collect(), SOON, "0 institutions are present, 3 are needed", id="collect-too-few"
        ),
        pytest.param(ABANDONED, Collect(), SOON, "abandoned", id="collect-abandoned"),
        pytest.param(THREE, Contribute("amber", A), SOON, "not collect yet", id="a-vector-too-early"),
        pytest.param(
            COLLECTING, Contribute("dune", A), LATE, "did not say", id="a-vector-of-one-not-present"
        ),
        pytest.param(
            COLLECTING, Contribute("amber", A), TOO_LATE, "collecting.*over", id="a-vector-too-late"
        ),
        pytest.param(TWO_IN, Contribute("amber", B), LATE, "another vector", id="another-vector"),
        pytest.param(ABANDONED, Contribute("coral", A), LATE, "over", id="a-vector-for-an-abandoned-round"),
        pytest.param(TWO_IN, Publish("r", None), SOON, "no national sum", id="publish-without-a-sum"),
        pytest.param(ABANDONED, Publish("r", None), SOON, "no national sum", id="publish-abandoned"),
        pytest.param(SUMMED, Finish(A), SOON, "not being published", id="finish-before-it-began"),
        pytest.param(PUBLISHED, Finish(B), SOON, "not being published", id="finish-with-another-manifest"),
        pytest.param(PUBLISHED, Abandon("why"), SOON, "published", id="abandon-published"),
    ],
)
def test_a_command_out_of_place_is_refused(held, command, now, why):
    with pytest.raises((Refusal, Contradiction, NotAllowed), match=why):
        decide(held, command, now)


def test_an_event_that_the_table_does_not_have_is_a_damaged_log():
    bodies = [e.Present(node="amber"), e.Collecting(), e.Contributed(node="amber", statement=A), e.Summed()]
    bodies += [
        e.Publishing(release_id="r"),
        e.Published(release_id="r", manifest=A),
        e.Abandoned(reason="why"),
    ]
    for phase in RoundPhase:
        for body in bodies:
            held = {ROUND: replace(SUMMED, phase=phase)}
            event = e.Event(1, START, ROUND, body)
            if (phase, type(body)) in NEXT:
                assert fold(held, event)[ROUND].phase is NEXT[phase, type(body)]
            else:
                with pytest.raises(LocalFault, match="event 1"):
                    fold(held, event)


@pytest.mark.parametrize(
    ("tried", "asked", "found"),
    [
        pytest.param([], 0, 1, id="the-first"),
        pytest.param([], 1, 1, id="the-first-by-number"),
        pytest.param([GATHERING], 0, ROUND, id="the-open-one"),
        pytest.param([PUBLISHED], 0, ROUND, id="the-published-one"),
        pytest.param([PUBLISHED], 1, ROUND, id="the-published-one-by-number"),
        pytest.param([ABANDONED], 1, ROUND, id="an-abandoned-one-by-number"),
        pytest.param([ABANDONED], 2, 2, id="another-attempt"),
    ],
)
def test_opening_finds_or_opens(tried, asked, found):
    answer = attempt_wanted({it.round_id: it for it in tried}, A, Period(2025), asked, 2)
    assert (answer.round_id if isinstance(answer, Round) else answer) == found


@pytest.mark.parametrize(
    ("tried", "asked", "why"),
    [
        pytest.param([], 2, "next attempt of 2025 is 1", id="skipping-the-first"),
        pytest.param([GATHERING], 2, "attempt 1 of 2025 is not abandoned", id="beside-an-open-one"),
        pytest.param([PUBLISHED], 2, "attempt 1 of 2025 is not abandoned", id="after-a-release"),
        pytest.param([ABANDONED], 0, "ask for attempt 2 explicitly", id="implicitly-after-an-abandoned-one"),
        pytest.param([ABANDONED], 3, "next attempt of 2025 is 2", id="skipping-one"),
        pytest.param(
            [
                ABANDONED,
                replace(ABANDONED, round_id=RoundId(B), opened=OPENED.model_copy(update={"attempt": 2})),
            ],
            3,
            "all 2 attempts",
            id="more-than-the-programme-allows",
        ),
    ],
)
def test_opening_is_refused(tried, asked, why):
    with pytest.raises(Refusal, match=why) as refused:
        attempt_wanted({it.round_id: it for it in tried}, A, Period(2025), asked, 2)
    assert refused.value.reason is Reason.ATTEMPT_OUT_OF_ORDER


COMMANDS = st.one_of(
    st.builds(Attend, st.sampled_from((*NODES, "stranger"))),
    st.builds(Contribute, st.sampled_from((*NODES, "stranger")), st.sampled_from((A, B))),
    st.just(Collect()),
    st.just(Tick()),
    st.just(Publish("r-2025-1", None)),
    st.builds(Finish, st.sampled_from((A, B))),
    st.builds(Abandon, st.just("why")),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(COMMANDS, st.integers(0, 3)), max_size=40))
def test_any_life_of_a_round_keeps_its_promises(life):
    """Commands at a clock that runs: refused ones change nothing, repeats change nothing, a replay agrees."""
    now, log = START, [e.Event(1, START, ROUND, OPENED)]
    rounds = fold({}, log[0])
    for command, hours in life:
        now += timedelta(hours=hours)
        before = rounds[ROUND]
        try:
            bodies = decide(before, command, now)
        except SamentelError:
            assert rounds[ROUND] == before
            continue
        for body in bodies:
            log.append(e.Event(len(log) + 1, now, ROUND, body))
            rounds = fold(rounds, log[-1])
        if not isinstance(command, Tick):
            assert decide(rounds[ROUND], command, now) == ()
        _check(before, rounds[ROUND])
    replayed = {}
    for event in log:
        replayed = fold(replayed, event)
    assert replayed == rounds


def _check(before, after):
    assert after.phase >= before.phase
    assert before.present <= after.present
    assert before.arrived.items() <= after.arrived.items()
    assert set(after.arrived) <= after.present <= set(NODES)
    if after.phase in (RoundPhase.SUMMED, RoundPhase.PUBLISHED):
        assert len(after.arrived) >= 3
        assert before.phase < RoundPhase.SUMMED or after.arrived == before.arrived
    if before.phase in (RoundPhase.PUBLISHED, RoundPhase.ABANDONED):
        assert after == before
