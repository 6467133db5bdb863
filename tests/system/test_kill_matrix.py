"""kill -9 at every step, of every process: one debit, one upload, a release or a clear abort.

Each case is a real federation of three institutions: separate processes, mTLS,
files on disk. What is killed is started again as its operator would.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aggregator.client import Coordinator
from aggregator.events import START, Contributed
from aggregator.store import Store
from desk.pull import pull, read_credentials
from desk.signing import packaged
from node.store import Reader, RoundRecord
from rehearsal import federation, processes, sector
from rehearsal.federation import Federation
from rehearsal.processes import Daemon
from samentel.counting import ledger
from samentel.counting.ledger import Kind
from samentel.errors import LocalFault, PeerError
from samentel.wire.messages import RoundPhase, RoundStatus

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

YEAR = 2025
SECONDS = 90.0
VICTIM = 0  # which institution is killed


@dataclass
class Stage:
    """A federation with everything running."""

    ready: Federation
    aggregator: Daemon
    nodes: list[Daemon]
    engine: Daemon | None = None

    def start_engine(self) -> None:
        """The engine that a flow drives, as its own process; starting it again is harmless."""
        words = processes.command(
            "aggregator.cli", "--config", self.ready.national.config.path,
            "round", "run", self.ready.programme.id, str(YEAR),
        )  # fmt: skip
        self.engine = processes.start("engine", words, self.ready.national.directory / "logs" / "engine.log")

    def status(self) -> RoundStatus | None:
        """The newest round, or None while nobody can tell."""
        try:
            with Coordinator.connect(self.ready.national.admin) as national:
                rounds = national.rounds()
        except (PeerError, LocalFault):
            return None
        return rounds[0] if rounds else None

    def record(self) -> RoundRecord | None:
        """The round as the victim's own store has it."""
        with Reader.open_read_only(self.ready.premises[VICTIM].config.state_dir) as store:
            rounds = store.rounds()
        return rounds[0] if rounds else None

    def kinds(self, place: int) -> list[Kind]:
        """The kinds of an institution's ledger entries of rounds, in order; its chain must hold."""
        with Reader.open_read_only(self.ready.premises[place].config.state_dir) as store:
            entries = store.entries()
        assert ledger.verify(entries) == []
        return [body.kind for body in (entry.read() for entry in entries) if body.loss is not None]

    def stop(self) -> None:
        for daemon in (self.engine, *self.nodes, self.aggregator):
            if daemon is not None:
                daemon.stop()


def kill(daemon: Daemon) -> None:
    """SIGKILL, and gone."""
    daemon.process.kill()
    daemon.process.wait()


def reached(what: str, holds: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Poll a condition as fast as this machine allows, so that a short moment is not missed."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    exports = sector.make(YEAR, seed=5, houses=sector.HOUSES[:3]).exports
    ready = federation.prepare(tmp_path, exports, packaged("aanleiding-demo"))
    made = Stage(ready, ready.aggregator, [place.daemon() for place in ready.premises])
    try:
        yield made
    finally:
        made.stop()


def phase_is(*phases: RoundPhase) -> Callable[[Stage], bool]:
    def holds(stage: Stage) -> bool:
        status = stage.status()
        return status is not None and status.phase in phases

    return holds


def someone_present(stage: Stage) -> bool:
    status = stage.status()
    return status is not None and len(status.present) >= 1


def someone_arrived(stage: Stage) -> bool:
    status = stage.status()
    return status is not None and len(status.arrived) >= 1


def victim_announced(stage: Stage) -> bool:
    record = stage.record()
    return record is not None and record.presence is not None


def victim_spent(stage: Stage) -> bool:
    record = stage.record()
    return record is not None and record.contribution is not None and record.receipt is None


def victim_delivered(stage: Stage) -> bool:
    record = stage.record()
    return record is not None and record.receipt is not None


MOMENTS = {
    "opened": phase_is(RoundPhase.GATHERING, RoundPhase.COLLECTING),
    "someone-present": someone_present,
    "victim-announced": victim_announced,
    "collecting": phase_is(RoundPhase.COLLECTING, RoundPhase.SUMMED, RoundPhase.PUBLISHED),
    "victim-spent-not-sent": victim_spent,
    "someone-arrived": someone_arrived,
    "victim-delivered": victim_delivered,
    "published": phase_is(RoundPhase.PUBLISHED),
}


def check_outcome(stage: Stage) -> None:
    """One release; at every institution one debit and one publication; one upload: what was stored."""
    reached("published", lambda: MOMENTS["published"](stage))
    reached("booked", lambda: all(Kind.PUBLISHED in stage.kinds(place) for place in range(3)))
    for place in range(3):
        assert stage.kinds(place) == [Kind.HOLD, Kind.SPENT, Kind.PUBLISHED]
    status = stage.status()
    assert status is not None
    assert sorted(status.arrived) == sorted(status.invited)
    check_uploads(stage, status)
    reader = federation.reader(stage.ready.national)
    first = pull(read_credentials(reader), "latest", reader / "first", "all")
    assert len(first.manifest.coverage.in_sum) == 3


def check_uploads(stage: Stage, status: RoundStatus) -> None:
    """The coordinator holds one vector of each, byte for byte the one in the institution's own store."""
    store = Store(stage.ready.national.config.database_url)
    try:
        uploads = [event.body.node for event, _ in store.read(START) if isinstance(event.body, Contributed)]
        assert sorted(uploads) == sorted(status.invited)
        for place in stage.ready.premises:
            with Reader.open_read_only(place.config.state_dir) as premises:
                record = premises.rounds()[0]
            message = store.message(record.round_id, place.export.house.node, "contribution")
            assert message is not None
            assert message.payload is not None
            assert store.blob(message.payload) == record.vector
    finally:
        store.close()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_node_starts_again_and_sends_what_it_had_promised(stage: Stage, moment: str) -> None:
    stage.start_engine()
    reached(moment, lambda: MOMENTS[moment](stage))
    before = stage.record()
    kill(stage.nodes[VICTIM])
    stage.nodes[VICTIM] = stage.ready.premises[VICTIM].daemon()
    check_outcome(stage)
    after = stage.record()
    if before is not None and before.vector is not None:
        assert after is not None
        assert after.vector == before.vector


@pytest.mark.parametrize("moment", [name for name in MOMENTS if not name.startswith("victim")])
def test_a_killed_aggregator_starts_again_where_it_was(stage: Stage, moment: str) -> None:
    stage.start_engine()
    reached(moment, lambda: MOMENTS[moment](stage))
    kill(stage.aggregator)
    stage.aggregator = stage.ready.national.daemon()
    assert stage.engine is not None
    kill(stage.engine)  # its line is broken as well; its operator gives the same command again
    stage.start_engine()
    check_outcome(stage)


@pytest.mark.parametrize("moment", [name for name in MOMENTS if not name.startswith("victim")])
def test_a_killed_engine_is_taken_up_by_the_next(stage: Stage, moment: str) -> None:
    stage.start_engine()
    reached(moment, lambda: MOMENTS[moment](stage))
    assert stage.engine is not None
    kill(stage.engine)
    stage.start_engine()
    check_outcome(stage)


@pytest.mark.parametrize("seed", range(3))
def test_kills_at_random_moments_change_nothing(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    stage.start_engine()
    for _ in range(4):
        until = time.monotonic() + chance.uniform(0.0, 2.5)
        reached("a moment", lambda until=until: time.monotonic() > until)
        which = chance.choice(("node", "aggregator", "engine"))
        if which == "node":
            place = chance.randrange(3)
            kill(stage.nodes[place])
            stage.nodes[place] = stage.ready.premises[place].daemon()
        elif which == "aggregator":
            kill(stage.aggregator)
            stage.aggregator = stage.ready.national.daemon()
        if stage.engine is not None:
            kill(stage.engine)
        stage.start_engine()
    check_outcome(stage)
