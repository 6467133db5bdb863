"""kill -9 at every step of a secure sum, of every process: one debit, one upload, a release or a clear abort.

Each case is a round of one federation of four institutions, of which one may fall out: separate processes,
mTLS, files on disk. In most cases several die in the same round, each at a door of its own.
"""

import random
import time
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from aggregator.events import DealerConvicted, MessagePosted, Totalled
from desk.packaged import packaged
from rehearsal import sector
from samentel.counting.ledger import Kind
from samentel.ids import digest
from samentel.wire.messages import RoundPhase, RoundStatus, SumPhase

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

YEAR = 2025
HOUSES = sector.HOUSES[:4]
ONE, TWO, THREE, FOUR = (house.node for house in HOUSES)
ENGINE, AGGREGATOR = "engine", "aggregator"
RULES = {
    b"institutions_min = 8": b"institutions_min = 3",
    b"collude_max = 1": b"collude_max = 0",
    b"absent_max = 2": b"absent_max = 1",
}
PATIENT = {"advertise_minutes": 10.0, "share_minutes": 10.0, "collect_hours": 0.2, "expire_hours": 1.0}
SHORT = {"advertise_minutes": 0.15, "share_minutes": 0.1, "collect_hours": 0.002}  # 9, 6 and 7 seconds
DONE = [Kind.HOLD, Kind.SPENT, Kind.PUBLISHED]
NOISE_MOST = 100  # nobody is in these years: what is published is noise of some 3; a mask is millions

# Who dies, at which door, before or after what. States of a sum are numbered: keys made, dealt, delivered,
# masked, agreed, revealed, over.
STEPS = {"ADVERT": 1, "DEALING": 2, "UPLOAD": 4, "AGREEMENT": 5, "REVEAL": 6}
NODES_DIE = {
    kind.lower(): (
        (ONE, "write", "before", f"sum-{version}"),
        (TWO, "write", "after", f"sum-{version}"),
        (THREE, "call", "before", f"PutMessage-{kind}"),
        (FOUR, "call", "after", f"PutMessage-{kind}"),
    )
    for kind, version in STEPS.items()
} | {
    "listing-delivery": (
        (ONE, "call", "before", "GetLetter-LISTING"),
        (TWO, "call", "after", "GetLetter-LISTING"),
        (THREE, "call", "before", "GetLetter-DELIVERY"),
        (FOUR, "call", "after", "GetLetter-DELIVERY"),
    ),
    "proposal-unanimity": (
        (ONE, "call", "before", "GetLetter-PROPOSAL"),
        (TWO, "call", "after", "GetLetter-PROPOSAL"),
        (THREE, "call", "before", "GetLetter-UNANIMITY"),
        (FOUR, "call", "after", "GetLetter-UNANIMITY"),
    ),
    "delivered-result": (
        (ONE, "write", "before", "sum-3"),
        (TWO, "write", "after", "sum-3"),
        (THREE, "call", "before", "GetLetter-RESULT"),
        (FOUR, "call", "after", "GetLetter-RESULT"),
    ),
    "over-booked": (
        (ONE, "write", "before", "sum-7"),
        (TWO, "write", "after", "sum-7"),
        (THREE, "write", "before", "entry-published"),
        (FOUR, "write", "after", "entry-published"),
    ),
}


def at_the_log(*moments: tuple[str, str]) -> tuple[tuple[str, ...], ...]:
    return tuple((AGGREGATOR, "append", when, what) for when, what in moments)


AGGREGATOR_DIES = {
    "keys": at_the_log(
        ("before", "started"),
        ("after", "message-posted-advert"),
        ("before", "sum-turned-sharing"),
        ("after", "message-posted-dealing"),
        ("before", "sum-turned-masking"),
    ),
    "dealings": at_the_log(
        ("after", "started"),
        ("before", "message-posted-advert"),
        ("after", "sum-turned-sharing"),
        ("before", "message-posted-dealing"),
        ("after", "sum-turned-masking"),
    ),
    "counts": at_the_log(
        ("after", "message-posted-upload"),
        ("before", "roll-called"),
        ("after", "sum-turned-agreeing"),
        ("before", "message-posted-agreement"),
        ("after", "sum-turned-revealing"),
        ("before", "message-posted-reveal"),
        ("after", "totalled"),
    ),
    "agreement": at_the_log(
        ("before", "message-posted-upload"),
        ("after", "roll-called"),
        ("after", "message-posted-agreement"),
        ("before", "sum-turned-revealing"),
        ("after", "message-posted-reveal"),
        ("before", "totalled"),
    ),
}
# A node that has died holds the sum in its phase until the engine has seen it and has died there.
ENGINE_DIES = (
    (ENGINE, "ask", "after", "GATHERING"),
    (ONE, "call", "before", "PutMessage-ADVERT", 1, 2),
    (ENGINE, "ask", "after", "ADVERTISING"),
    (TWO, "call", "before", "PutMessage-DEALING", 1, 4),
    (ENGINE, "ask", "after", "SHARING"),
    (THREE, "call", "before", "PutMessage-UPLOAD", 1, 6),
    (ENGINE, "ask", "after", "MASKING"),
    (FOUR, "call", "before", "PutMessage-AGREEMENT", 1, 8),
    (ENGINE, "ask", "after", "AGREEING"),
    (ONE, "call", "before", "PutMessage-REVEAL", 1, 11),
    (TWO, "call", "before", "PutMessage-REVEAL", 1, 11),
    (ENGINE, "ask", "after", "REVEALING"),
    (ENGINE, "ask", "after", "DONE"),
)


@pytest.fixture(scope="module")
def stage(stage_of, tmp_path_factory) -> Iterator[Any]:
    programme = packaged("aanleiding-samen")
    for before, after in RULES.items():
        assert programme.count(before) == 1
        programme = programme.replace(before, after)
    exports = sector.make(YEAR, houses=HOUSES).exports
    with stage_of(tmp_path_factory.mktemp("sum"), exports, programme, **PATIENT) as made:
        yield made


@pytest.fixture
def impatient(stage) -> Iterator[Any]:
    """The same federation with deadlines that can be missed while the test waits."""
    stage.deadlines(**SHORT)
    yield stage
    stage.buried.clear()
    stage.deadlines(**PATIENT)


def check_outcome(stage: Any, inside: Collection[str] = ()) -> RoundStatus:
    """One release over these institutions; at each of them one debit, one upload, one publication."""
    inside = sorted(inside or stage.nodes)
    status = stage.published()
    stage.check_deaths()
    for node in inside:
        assert stage.kinds(node, status.round_id) == DONE
    assert sorted(status.survivors) == inside
    check_messages(stage, status, inside)
    release = stage.pulled(status)
    assert sorted(release.manifest.coverage.in_sum) == inside
    assert all(figure.estimate < NOISE_MOST for figure in release.figures)
    return status


def check_messages(stage: Any, status: RoundStatus, uploaded: Collection[str]) -> None:
    """The coordinator holds one message of each kind of each: what the institution had written."""
    posted = [event.body for event in stage.events(status.round_id) if isinstance(event.body, MessagePosted)]
    said = stage.check_words(status.round_id)
    assert set(Counter((body.node, body.kind) for body in posted).values()) == {1}
    assert sorted(body.node for body in posted if body.kind == "upload") == sorted(uploaded)
    with stage.store() as store:
        for body in posted:
            assert digest(store.blob(body.message)) == said[body.node, body.kind]
            if body.kind == "upload":
                assert digest(store.blob(body.attachment)) == said[body.node, "vector"]
    assert not [event for event in stage.events(status.round_id) if isinstance(event.body, DealerConvicted)]
    stage.check_journals("second-message")


@pytest.mark.parametrize("moment", NODES_DIE)
def test_killed_nodes_start_again_and_say_what_they_had_written(stage, death, moment):
    stage.open(*(death(*words) for words in NODES_DIE[moment]))
    check_outcome(stage)


@pytest.mark.parametrize("moments", AGGREGATOR_DIES)
def test_a_killed_aggregator_starts_again_where_it_was(stage, death, moments):
    stage.open(*(death(*words) for words in AGGREGATOR_DIES[moments]))
    check_outcome(stage)


def test_a_killed_engine_is_taken_up_by_the_next(stage, death):
    stage.open(*(death(*words) for words in ENGINE_DIES))
    check_outcome(stage)


def test_who_dies_for_good_after_sharing_is_not_in_the_sum_and_has_spent_nothing(impatient, death):
    stage = impatient
    stage.buried = {FOUR}
    stage.open(death(FOUR, "call", "before", "PutMessage-UPLOAD"))
    status = check_outcome(stage, [ONE, TWO, THREE])
    assert sorted(status.dealt) == sorted(stage.nodes)
    assert stage.kinds(FOUR, status.round_id) == [Kind.HOLD]
    stage.buried.clear()  # found again, long after
    stage.until("freed", lambda: stage.kinds(FOUR, status.round_id)[1:] == [Kind.FREED])
    check_messages(stage, status, [ONE, TWO, THREE])


@pytest.mark.parametrize(
    ("moment", "spent"),
    [
        pytest.param(("write", "before", "entry-spent"), Kind.FREED, id="before-it-signs"),
        pytest.param(("call", "before", "PutMessage-AGREEMENT"), Kind.SPENT, id="before-it-sends"),
    ],
)
def test_who_dies_for_good_after_the_proposal_is_waited_for_until_the_round_is_given_up(
    stage, death, moment, spent
):
    stage.buried = {FOUR, ENGINE}
    stage.open(death(FOUR, *moment))
    stage.until("all others agreed", lambda: agreed(stage) == {ONE, TWO, THREE})
    status = stage.status()
    assert list(status.awaited) == [FOUR]
    words = ("round", "abandon", status.round_id, "--reason", "de harde schijf is stuk")

    unsure = stage.command(*words)
    assert unsure.returncode == 2
    assert all(node in unsure.stdout for node in stage.nodes)
    assert "3 institutions have spent" in unsure.stdout
    assert stage.status().phase is RoundPhase.COLLECTING
    sure = stage.command(*words, "--yes")
    assert sure.returncode == 0, sure.stderr
    assert stage.status().phase is RoundPhase.ABANDONED

    stage.buried = {ENGINE}
    stage.until("told", lambda: stage.kinds(FOUR, status.round_id) == [Kind.HOLD, spent])
    for node in (ONE, TWO, THREE):
        assert stage.kinds(node, status.round_id) == [Kind.HOLD, Kind.SPENT]
    assert not [event for event in stage.events(status.round_id) if isinstance(event.body, Totalled)]
    stage.buried.clear()
    check_another_attempt(stage, status)


def agreed(stage: Any) -> set[str]:
    status = stage.status()
    known = status is not None and status.sum_phase is SumPhase.AGREEING
    return set(status.agreed) if known else set()


def check_another_attempt(stage: Any, before: RoundStatus) -> None:
    """Fresh keys, fresh noise, a fresh charge; nothing of the first attempt is sent or paid again."""
    stage.open(attempt=2)
    after = check_outcome(stage)
    assert after.attempt == 2
    first, second = stage.check_words(before.round_id), stage.check_words(after.round_id)
    assert all(first[place] != second[place] for place in second if place in first)
    for node in stage.nodes:
        assert Kind.PUBLISHED not in stage.kinds(node, before.round_id)


@pytest.mark.parametrize("seed", range(3))
def test_kills_at_random_moments_change_nothing(stage, seed):
    chance = random.Random(seed)
    stage.open()
    stage.unruly = True
    try:
        for _ in range(5):
            moment = time.monotonic() + chance.uniform(0.0, 1.2)
            stage.until("a moment", lambda moment=moment: time.monotonic() > moment)
            stage.kill(chance.choice((ENGINE, AGGREGATOR, *stage.nodes)))
        check_outcome(stage)
    finally:
        stage.unruly = False
