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
    decide,
    fold,
    takes,
)
from aggregator.errors import Contradiction, NotAllowed
from aggregator.opening import attempt_wanted
from samentel.documents.programme import Mode
from samentel.errors import LocalFault, PeerError, Reason, Refusal, SamentelError
from samentel.ids import Period, RoundId, digest
from samentel.secagg.messages import Kind
from samentel.wire.messages import RoundPhase, SumPhase

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
SECURE = replace(THREE, opened=OPENED.model_copy(update={"mode": Mode.SECURE_SUM}))
ADVERTISING = replace(SECURE, phase=RoundPhase.COLLECTING, start=A, sum_phase=SumPhase.ADVERTISING)
KEYED = replace(ADVERTISING, posted={Kind.ADVERT: {"amber": A}})
SOON, LATE, TOO_LATE = START + timedelta(hours=1), GATHER_UNTIL, COLLECT_UNTIL


@pytest.mark.parametrize(
    ("held", "command", "now", "kinds"),
    [
        pytest.param(GATHERING, Attend("amber"), SOON, [e.Present], id="a-node-is-present"),
        pytest.param(THREE, Attend("amber"), SOON, [], id="present-twice-is-present-once"),
        pytest.param(PUBLISHED, Attend("amber"), TOO_LATE, [], id="a-late-repeat-of-presence-is-harmless"),
        pytest.param(THREE, Collect(), SOON, [e.Collecting], id="collect"),
        pytest.param(COLLECTING, Collect(), SOON, [], id="collect-twice"),
        pytest.param(SECURE, Collect(B), SOON, [e.Collecting, e.Started], id="a-secure-sum-starts"),
        pytest.param(ADVERTISING, Collect(B), SOON, [], id="a-secure-sum-starts-once"),
        pytest.param(SECURE, Tick(B), SOON, [], id="a-secure-sum-still-gathers"),
        pytest.param(SECURE, Tick(B), LATE, [e.Collecting, e.Started], id="a-secure-sum-starts-by-the-clock"),
        pytest.param(SECURE, Tick(), LATE, [e.Abandoned], id="a-secure-sum-that-could-only-start-too-late"),
        pytest.param(
            replace(SECURE, present=frozenset({"amber"})),
            Tick(B),
            LATE,
            [e.Abandoned],
            id="a-secure-sum-with-too-few",
        ),
        pytest.param(KEYED, Tick(), TOO_LATE, [], id="a-secure-sum-has-deadlines-of-its-own"),
        pytest.param(KEYED, Abandon("why"), SOON, [e.Abandoned], id="abandon-a-secure-sum"),
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
        pytest.param(SECURE, Collect(), SOON, "too little time", id="collect-too-late-for-a-secure-sum"),
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


def test_a_secure_sum_takes_no_contribution():
    with pytest.raises(PeerError, match="no vector that can be read"):
        decide(ADVERTISING, Contribute("amber", A), SOON)


def test_a_message_is_taken_in_its_phase_and_once():
    assert takes(ADVERTISING, "amber", Kind.ADVERT, A)
    assert not takes(KEYED, "amber", Kind.ADVERT, A)
    over = replace(KEYED, phase=RoundPhase.ABANDONED)
    assert not takes(over, "amber", Kind.ADVERT, A), "a repeat is harmless for ever"


@pytest.mark.parametrize(
    ("held", "node", "kind", "message", "error", "why"),
    [
        pytest.param(KEYED, "amber", Kind.ADVERT, B, Contradiction, "another advert", id="another"),
        pytest.param(KEYED, "dune", Kind.ADVERT, A, Refusal, "did not say in time", id="not-present"),
        pytest.param(KEYED, "amber", Kind.DEALING, A, Refusal, "round is advertising", id="too-early"),
        pytest.param(
            replace(KEYED, sum_phase=SumPhase.SHARING),
            "beryl",
            Kind.ADVERT,
            A,
            Refusal,
            "round is sharing",
            id="too-late",
        ),
        pytest.param(SECURE, "amber", Kind.ADVERT, A, Refusal, "round is gathering", id="before-the-start"),
        pytest.param(
            replace(KEYED, phase=RoundPhase.ABANDONED),
            "beryl",
            Kind.ADVERT,
            A,
            Refusal,
            "round is abandoned",
            id="abandoned",
        ),
        pytest.param(COLLECTING, "amber", Kind.ADVERT, A, PeerError, "individual mode", id="individual"),
    ],
)
def test_a_message_out_of_place_is_refused(held, node, kind, message, error, why):
    with pytest.raises(error, match=why) as refused:
        takes(held, node, kind, message)
    assert error is not Refusal or refused.value.reason is Reason.DEADLINE


def test_the_course_of_a_secure_sum_is_remembered_in_order():
    bodies = [
        e.Started(envelope=A),
        e.MessagePosted(node="amber", kind="advert", message=A, attachment=B),
        e.TimePassed(),
        e.SumTurned(phase="sharing"),
        e.MessagePosted(node="amber", kind="upload", message=B, attachment=A),
        e.RollCalled(nodes=("amber",)),
        e.SumTurned(phase="agreeing", survivors=("amber", "beryl")),
        e.SumTurned(phase="revealing"),
        e.DealerConvicted(node="beryl", evidence=B),
        e.Totalled(total=A, survivors=("amber", "beryl"), dealers=3),
    ]
    rounds = {ROUND: replace(SECURE, phase=RoundPhase.COLLECTING)}
    for number, body in enumerate(bodies, 1):
        rounds = fold(rounds, e.Event(number, START, ROUND, body))
    after = rounds[ROUND]
    assert [step.told for step in after.course] == [bodies[1], bodies[2], bodies[4], bodies[5]]
    assert (after.start, after.arrived, after.convicted) == (A, {"amber": B}, "beryl")
    assert (after.survivors, after.total) == (("amber", "beryl"), bodies[-1])
    assert (after.phase, after.sum_phase) == (RoundPhase.SUMMED, SumPhase.REVEALING)
    assert after.senders(Kind.ADVERT) == {"amber"}


def test_a_round_from_a_log_without_modes_is_in_individual_mode():
    record = e.to_record(e.Event(1, START, ROUND, OPENED))
    old = record.replace(b',"mode":"individual"', b"")
    assert old != record
    assert e.from_record(1, old).body == OPENED


def test_an_event_that_the_table_does_not_have_is_a_damaged_log():
    bodies = [e.Present(node="amber"), e.Collecting(), e.Contributed(node="amber", statement=A), e.Summed()]
    bodies += [
        e.Publishing(release_id="r"),
        e.Published(release_id="r", manifest=A),
        e.Abandoned(reason="why"),
        e.Started(envelope=A),
        e.MessagePosted(node="amber", kind="advert", message=A),
        e.RollCalled(nodes=("amber",)),
        e.TimePassed(),
        e.SumTurned(phase="sharing"),
        e.DealerConvicted(node="amber", evidence=A),
        e.Totalled(total=A, survivors=("amber",), dealers=3),
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
