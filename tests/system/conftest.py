"""A federation of real processes that can be told where to die, and are started again as by their operators.

One federation serves a whole module; each case is a round of another period. See ``dies.py`` for the orders.
"""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest

from aggregator.client import Coordinator
from aggregator.events import START, Event
from aggregator.store import Store
from desk.releases.pull import Pulled, pull, read_credentials
from node.store import Reader
from rehearsal import federation, processes
from rehearsal.federation import Federation, Premises
from rehearsal.processes import Daemon
from rehearsal.sector import Export
from samentel.counting import ledger
from samentel.counting.ledger import Body, Kind
from samentel.errors import LocalFault, PeerError
from samentel.wire.messages import RoundPhase, RoundStatus

DIES = Path(__file__).with_name("dies.py")
SECONDS = 120.0  # for one thing to happen: far more than it takes, as the machine may be busy
FOR_EACH_DEATH = 20.0  # and so much more for everybody to be connected again
PAUSE, LOOK = 0.05, 0.3
ENGINE, AGGREGATOR = "engine", "aggregator"
LOST_LINE = 1  # how a command ends whose coordinator went away


@dataclass(frozen=True)
class Death:
    """Who dies, at which door, before or after what, at which passing; and when it may come back.

    Attributes:
        back_after: the number of another order; not started again until that one has been carried out.
    """

    who: str
    door: str
    when: str
    what: str
    nth: int = 1
    back_after: int | None = None


@dataclass
class Stage:
    """A federation with everything running.

    Attributes:
        reader: credentials of somebody who may read releases.
        buried: who is not started again.
        unruly: whether processes are killed that had no order to die.
        period, deaths, case: of the round at hand.
        asked: the words of the engine's command after ``round run``.
    """

    ready: Federation
    directory: Path
    reader: Path
    running: dict[str, Daemon] = field(default_factory=dict)
    buried: set[str] = field(default_factory=set)
    unruly: bool = False
    period: str = ""
    deaths: Sequence[Death] = ()
    case: str = ""
    asked: tuple[str, ...] = ()
    _periods: Iterator[str] = field(default_factory=lambda: (str(year) for year in range(2000, 2026)))
    _cases: Iterator[int] = field(default_factory=lambda: count(1))
    _log_from: int = 0

    @property
    def nodes(self) -> list[str]:
        """Names of the institutions, in order."""
        return [place.export.house.node for place in self.ready.premises]

    def place(self, node: str) -> Premises:
        """An institution by its name."""
        return next(place for place in self.ready.premises if place.export.house.node == node)

    def start(self, who: str) -> None:
        """Start a process in which every door can be the last."""
        config = self.ready.national.config.path
        if who == AGGREGATOR:
            words = ["aggregator.cli", self.directory, who, "--config", config, "serve"]
        elif who == ENGINE:
            words = ["aggregator.cli", self.directory, who, "--config", config, "round", "run", *self.asked]
        else:
            words = ["node.cli", self.directory, who, "--config", self.place(who).config.path, "run"]
        log = self.ready.national.directory / "logs" / f"{who}.log"
        self.running[who] = processes.start(who, [sys.executable, str(DIES), *map(str, words)], log)

    def open(self, *deaths: Death, attempt: int = 1) -> None:
        """Order the deaths and start the engine of a round, of another year unless it is a later attempt."""
        self.period = next(self._periods) if attempt == 1 else self.period
        self.deaths, self.case = deaths, f"{next(self._cases):03d}-{self.period}"
        orders = {"case": self.case, "deaths": [asdict(death) for death in deaths]}
        draft = self.directory / "orders.new"
        draft.write_text(json.dumps(orders), "ascii")
        draft.replace(self.directory / "orders.json")
        self._log_from = self.log(AGGREGATOR).stat().st_size
        self.asked = (self.ready.programme.id, self.period, "--attempt", str(attempt))
        self.start(ENGINE)

    def log(self, who: str) -> Path:
        """Everything that a process has said."""
        return self.ready.national.directory / "logs" / f"{who}.log"

    def revive(self) -> None:
        """Start again whoever was killed; anything else that ends by itself fails the test."""
        for who, daemon in list(self.running.items()):
            code = daemon.process.poll()
            if code is None or who in self.buried or (who == ENGINE and code == 0) or self._held(who):
                continue
            # Its line is broken when the aggregator dies; its operator gives the same command again.
            rough = self.unruly or AGGREGATOR in {death.who for death in self.deaths}
            lost = who == ENGINE and code == LOST_LINE and rough
            assert code == -signal.SIGKILL or lost, f"{who}: {code}\n{processes.last_words(daemon.log)}"
            if not lost or self._listens():
                self.start(who)

    def _listens(self) -> bool:
        """Whether the coordinator's port is open: before that its administrator need not try again."""
        host, _, port = self.ready.national.config.address.rpartition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    def _held(self, who: str) -> bool:
        """Whether somebody who has died must wait for another death."""
        return any(
            death.who == who and self.carried_out(number) and not self.carried_out(death.back_after)
            for number, death in enumerate(self.deaths)
            if death.back_after is not None
        )

    def carried_out(self, number: int) -> bool:
        """Whether the order of that number has been carried out in this round."""
        return (self.directory / "died" / f"{self.case}-{number}").exists()

    def kill(self, who: str) -> None:
        """SIGKILL, and gone."""
        self.running[who].process.kill()
        self.running[who].process.wait()

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Keep everybody alive until something holds."""
        seconds = SECONDS + FOR_EACH_DEATH * len(self.deaths)
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s\n{self.told()}"
            look = time.monotonic() + LOOK  # to look costs the coordinator more than to start the dead again
            while time.monotonic() < look:
                self.revive()
                time.sleep(PAUSE)

    def told(self) -> str:
        """What a person needs to see what went wrong."""
        logs = [f"{who}:\n{processes.last_words(self.log(who))}" for who in (AGGREGATOR, ENGINE, *self.nodes)]
        status = self.status()
        return "\n".join([str(status and replace(status, round_id=status.round_id[:12])), *logs])

    def status(self) -> RoundStatus | None:
        """The newest round of the period, or None while nobody can tell."""
        try:
            with Coordinator.connect(self.ready.national.admin) as national:
                rounds = [status for status in national.rounds() if status.period == self.period]
        except (PeerError, LocalFault):
            return None
        return max(rounds, key=lambda status: status.attempt, default=None)

    def in_phase(self, *phases: RoundPhase) -> Callable[[], bool]:
        """Whether the round is there."""
        return lambda: (status := self.status()) is not None and status.phase in phases

    def bodies(self, node: str, round_id: str) -> list[Body]:
        """An institution's ledger entries of a round, in order; its whole chain must hold."""
        with Reader.open_read_only(self.place(node).config.state_dir) as store:
            entries = store.entries()
        assert ledger.verify(entries) == []
        bodies = [entry.read() for entry in entries]
        return [body for body in bodies if body.loss is not None and body.loss.round == round_id]

    def kinds(self, node: str, round_id: str) -> list[Kind]:
        """The kinds of these entries."""
        return [body.kind for body in self.bodies(node, round_id)]

    def events(self, round_id: str) -> list[Event]:
        """What the coordinator's log says of a round; a changed byte would be found here."""
        with self.store() as store:
            return [event for event, _ in store.read(START) if event.subject == round_id]

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The coordinator's database, beside its daemon."""
        store = Store(self.ready.national.config.database_url)
        try:
            yield store
        finally:
            store.close()

    def published(self) -> RoundStatus:
        """Wait for the release, and until every institution in it has booked it."""
        self.until("published", self.in_phase(RoundPhase.PUBLISHED))
        status = self.status()
        assert status is not None
        inside = [node for node in status.survivors or status.arrived if node not in self.buried]
        self.until(
            "booked", lambda: all(Kind.PUBLISHED in self.kinds(node, status.round_id) for node in inside)
        )
        self.until("the engine's end", lambda: not self.running[ENGINE].runs)
        return status

    def check_deaths(self) -> None:
        """Everybody who had to die has died, once, and where the orders said."""
        assert not [death for number, death in enumerate(self.deaths) if not self.carried_out(number)]

    def check_words(self, round_id: str) -> Mapping[tuple[str, str], str]:
        """The same message is the same bytes each time; returns what each node sent, by node and kind."""
        pieces: dict[tuple[str, ...], set[str]] = defaultdict(set)
        messages: dict[tuple[str, str], set[str]] = defaultdict(set)
        for node in self.nodes:
            file = self.directory / "spoken" / f"{node}.jsonl"
            for line in file.read_text("ascii").splitlines() if file.exists() else ():
                said = json.loads(line)
                if said["round"] != round_id:
                    continue
                pieces[node, *map(str, said["what"])].add(said["data"])
                if said["message"]:
                    messages[node, said["what"][0].lower()].add(said["message"])
        changed = [place for place, data in {**pieces, **messages}.items() if len(data) > 1]
        assert not changed, "sent or served again with other bytes"
        return {place: data.pop() for place, data in messages.items()}

    def check_journals(self, *events: str) -> None:
        """The coordinator has seen none of this since the round was opened."""
        said = self.log(AGGREGATOR).read_bytes()[self._log_from :].decode()
        assert not [event for event in events if f'"{event}"' in said]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the aggregator, as its administrator types it."""
        whole = processes.command("aggregator.cli", "--config", self.ready.national.config.path, *words)
        return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=60)

    def pulled(self, status: RoundStatus) -> Pulled:
        """The release as a reader gets it, everything checked."""
        return pull(read_credentials(self.reader), status.release_id, self.directory / self.case, "all")

    def deadlines(self, **settings: float) -> None:
        """Write other deadlines into the coordinator's configuration, and start it with them."""
        path = self.ready.national.config.path
        text = path.read_text("utf-8")
        for name, value in settings.items():
            text, found = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value!r}", text)
            assert found == 1, name
        path.write_text(text, "utf-8")
        if AGGREGATOR in self.running:
            self.running[AGGREGATOR].stop()
        self.start(AGGREGATOR)
        self.until("the aggregator", self._answers)

    def _answers(self) -> bool:
        try:
            with Coordinator.connect(self.ready.national.admin) as national:
                national.programmes()
        except (PeerError, LocalFault):
            return False
        return True

    def stop(self) -> None:
        """End every process."""
        for daemon in self.running.values():
            if daemon.runs:
                daemon.process.terminate()
        for daemon in self.running.values():
            daemon.stop()


@contextmanager
def staged(
    directory: Path, exports: Sequence[Export], programme: bytes, **settings: float
) -> Iterator[Stage]:
    """A federation in a directory, everything running.

    Args:
        settings: deadlines in the coordinator's configuration, by their keys.
    """
    ready = federation.prepare(directory / "federation", exports, programme)
    ready.aggregator.stop()
    for name in ("died", "spoken"):
        (directory / name).mkdir()
    stage = Stage(ready, directory, directory)
    try:
        stage.deadlines(**settings)
        stage.reader = federation.reader(ready.national)
        for node in stage.nodes:
            stage.start(node)
        yield stage
    finally:
        stage.stop()


@pytest.fixture(scope="session")
def stage_of() -> Callable[..., AbstractContextManager[Stage]]:
    """``staged``: tests are no package, so they meet here."""
    return staged


@pytest.fixture(scope="session")
def death() -> type[Death]:
    """``Death``, for the same reason."""
    return Death
