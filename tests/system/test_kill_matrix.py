"""kill -9 at every step, of every process, in individual mode: one debit, one upload, a release.

Each case is a round of one federation of three institutions: separate processes, mTLS, files on disk. What is
killed is started again as its operator would. The same for secure sums: ``test_secure_sum_kills.py``.
"""

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from aggregator.events import Contributed
from desk.packaged import packaged
from node.store import Reader
from rehearsal import sector
from samentel.counting.ledger import Kind
from samentel.wire.messages import RoundStatus

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

YEAR = 2025
HOUSES = sector.HOUSES[:3]
ONE, TWO, THREE = (house.node for house in HOUSES)
ENGINE, AGGREGATOR = "engine", "aggregator"

# Who dies, at which door, before or after what, at which passing.
NODES_DIE = {
    "announcing": (
        (ONE, "write", "before", "round-announced"),
        (TWO, "write", "after", "round-announced"),
        (THREE, "call", "before", "PutPresence"),
    ),
    "present": (
        (ONE, "call", "after", "PutPresence"),
        (TWO, "write", "before", "round-present"),
        (THREE, "write", "after", "round-present"),
    ),
    "debit": (
        (ONE, "write", "before", "entry-spent"),
        (TWO, "write", "after", "entry-spent"),
        (THREE, "call", "before", "PutContribution"),
    ),
    "receipt": (
        (ONE, "call", "after", "PutContribution"),
        (TWO, "write", "before", "round-released", 2),
        (THREE, "write", "after", "round-released", 2),
    ),
    "booking": (
        (ONE, "write", "before", "entry-published"),
        (TWO, "write", "after", "entry-published"),
    ),
}
AGGREGATOR_DIES = {
    "odd": (
        (AGGREGATOR, "append", "before", "round-opened"),
        (AGGREGATOR, "append", "after", "present"),
        (AGGREGATOR, "append", "before", "collecting"),
        (AGGREGATOR, "append", "after", "contributed"),
        (AGGREGATOR, "append", "before", "publishing"),
        (AGGREGATOR, "append", "after", "published"),
    ),
    "even": (
        (AGGREGATOR, "append", "after", "round-opened"),
        (AGGREGATOR, "append", "before", "present"),
        (AGGREGATOR, "append", "after", "collecting"),
        (AGGREGATOR, "append", "before", "contributed"),
        (AGGREGATOR, "append", "before", "summed"),
        (AGGREGATOR, "append", "after", "publishing"),
        (AGGREGATOR, "append", "before", "published"),
    ),
}
ENGINE_DIES = tuple(
    (ENGINE, "ask", when, what)
    for what in ("OpenRound", "CollectRound", "PublishRound")
    for when in ("before", "after")
)


@pytest.fixture(scope="module")
def stage(stage_of, tmp_path_factory) -> Iterator[Any]:
    programme = packaged("aanleiding-demo").replace(b"tick_seconds = 2", b"tick_seconds = 1")
    with stage_of(
        tmp_path_factory.mktemp("one"), sector.make(YEAR, houses=HOUSES).exports, programme
    ) as made:
        yield made


def check_outcome(stage: Any) -> None:
    """One release; at every institution one debit and one publication; one upload: what was stored."""
    status = stage.published()
    stage.check_deaths()
    for node in stage.nodes:
        assert stage.kinds(node, status.round_id) == [Kind.HOLD, Kind.SPENT, Kind.PUBLISHED]
    assert sorted(status.arrived) == sorted(status.invited) == sorted(stage.nodes)
    stage.check_words(status.round_id)
    check_uploads(stage, status)
    assert sorted(stage.pulled(status).manifest.coverage.in_sum) == sorted(stage.nodes)


def check_uploads(stage: Any, status: RoundStatus) -> None:
    """The coordinator holds one vector of each, byte for byte the one in the institution's own store."""
    events = stage.events(status.round_id)
    uploads = [event.body.node for event in events if isinstance(event.body, Contributed)]
    assert sorted(uploads) == sorted(stage.nodes)
    with stage.store() as store:
        for node in stage.nodes:
            with Reader.open_read_only(stage.place(node).config.state_dir) as premises:
                record = premises.round(status.round_id)
            message = store.message(status.round_id, node, "contribution")
            assert store.blob(message.payload) == record.vector


@pytest.mark.parametrize("moment", NODES_DIE)
def test_killed_nodes_start_again_and_send_what_they_had_promised(stage, death, moment):
    stage.open(*(death(*words) for words in NODES_DIE[moment]))
    check_outcome(stage)


@pytest.mark.parametrize("moments", AGGREGATOR_DIES)
def test_a_killed_aggregator_starts_again_where_it_was(stage, death, moments):
    stage.open(*(death(*words) for words in AGGREGATOR_DIES[moments]))
    check_outcome(stage)


def test_a_killed_engine_is_taken_up_by_the_next(stage, death):
    stage.open(*(death(*words) for words in ENGINE_DIES))
    check_outcome(stage)


@pytest.mark.parametrize("seed", range(2))
def test_kills_at_random_moments_change_nothing(stage, seed):
    chance = random.Random(seed)
    stage.open()
    stage.unruly = True
    try:
        for _ in range(4):
            moment = time.monotonic() + chance.uniform(0.0, 1.5)
            stage.until("a moment", lambda moment=moment: time.monotonic() > moment)
            stage.kill(chance.choice((ENGINE, AGGREGATOR, *stage.nodes)))
        check_outcome(stage)
    finally:
        stage.unruly = False
