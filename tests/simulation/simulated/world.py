"""A federation in one process: plays a schedule, looks at every rule after each step, lets it settle."""

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from simulated import operations as op
from simulated import premises
from simulated.coordinator import Coordinator
from simulated.institution import Institution
from simulated.lies import Liar
from simulated.line import Line
from simulated.premises import Template
from simulated.rules import Witness

from aggregator.conductor import Round
from node import halting
from samentel.counting.ledger import Head, follows
from samentel.ids import Digest
from samentel.wire import messages as m
from samentel.wire.messages import RoundPhase, SumPhase

SECOND = timedelta(seconds=1)
ROLL = timedelta(seconds=31)  # longer than a poll takes: by then whoever is up has been heard
BREATH = 60  # seconds that make nobody late
ENDED = frozenset({RoundPhase.SUMMED, RoundPhase.PUBLISHED, RoundPhase.ABANDONED})
TURNS = 60  # of the tail: far more than its steps and its deadlines
NAMED = frozenset(
    {"PeerError", "Declined", "Contradicted", "Denied", "Unreachable", "DocumentError", "Refusal"}
)
# After one of these a sum may never come, and nobody is to blame.
SPOILERS = (op.Tamper, op.Equivocate, op.Leave, op.LateJoin, op.Revoke, op.Withdraw, op.Abandon, op.Restore)


@dataclass
class Outcome:
    """What became of a schedule.

    Attributes:
        broken: rules that do not hold, the first ones first; empty when all is well.
        step: the number of the operation after which that was seen.
        played: how often each operation was played; ``struck`` how often a fault really struck.
        ends: how often a round ended in each way.
        halted: which nodes take part in nothing in the end, and why.
        spoken: the SHA-256 of all that was handed in, node by node.
    """

    broken: list[str] = field(default_factory=list)
    step: int = 0
    played: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    halted: dict[int, str] = field(default_factory=dict)
    spoken: str = ""


Play = Callable[["World", Any], Awaitable[None]]


class World:
    """The federation of one schedule. Made by ``playing``."""

    def __init__(self, made: Template) -> None:
        self._made, self._time = made, made.moment
        self.outcome = Outcome()
        self.witness = Witness(made.houses)
        self.coordinator = Coordinator(made.config, self.now)
        self.nodes = [
            Institution(house, self.now, partial(self._wrote, at)) for at, house in enumerate(made.houses)
        ]
        self.lies: list[dict[op.Lie, int]] = [{} for _ in self.nodes]
        self.liar = Liar([house.name for house in made.houses])
        self.lines = [self._line(at) for at in range(len(self.nodes))]
        self._acting, self._changed, self._opened = 0, set(range(len(self.nodes))), 0
        self._heard = [0] * len(self.nodes)
        self._spoilt = False

    def now(self) -> datetime:
        return self._time

    def _line(self, at: int) -> Line:
        node = self.nodes[at]
        certificate = node.house.certificate
        line = Line(
            self.coordinator, certificate, node.deaths, partial(self._sending, at), partial(self._told, at)
        )
        node.link = line
        return line

    # What is looked at on its way.

    def _wrote(self, at: int, parts: Mapping[str, Any]) -> None:
        self._changed.add(at)
        self.witness.wrote(at, parts)

    def _sending(self, at: int, method: Any, request: Any) -> None:
        self.witness.sending(at, method, request)
        self.liar.heard(at, request)
        if isinstance(request, m.PutMessageRequest) and op.Lie.HEAD not in self.lies[at]:
            self._is_no_old_copy(at)

    def _is_no_old_copy(self, at: int) -> None:
        """Nothing of a sum leaves a node that the coordinator has told of a later ledger of its own."""
        node, register = self.nodes[at], self.coordinator.office.book.state.register
        mark, store = register.ledgers.get(node.name), node.store
        if mark is None or store is None:
            return
        if not follows(store.entries(), Head(mark.length, Digest(mark.digest))):
            self.witness.broken.append(f"{node.name}: goes on with an old copy of its ledger")

    def restore(self, at: int) -> None:
        """Put a node's folder back as it was at first."""
        node = self.nodes[at]
        node.stop()
        with self.witness.away(at):
            premises.put_back(self._made, at)

    def _told(self, at: int, request: Any, answer: Any) -> Any:
        desk = self.coordinator.office
        if isinstance(request, m.GetLetterRequest):
            answer = self.liar.letter(at, request, answer, self.lies[at], desk)
        if isinstance(request, m.PollRequest) and self.lies[at]:
            answer = self.liar.news(at, answer, self.lies[at], desk)
        self.witness.told(at, request, answer)
        return answer

    def drawn(self, _codes: object, _permit: object) -> Any:
        """In the place of ``node.permission._drawn``: the one number that is made up."""
        return self.witness.drawn(self._acting, self._made.programme.vector_length)

    # Playing.

    async def play(self, schedule: op.Schedule, plays: Mapping[type, Play]) -> Outcome:
        """The outcome of a schedule: its operations, a tail without faults, and the end of all rounds.

        Args:
            plays: what each operation does.
        """
        await self.open_round()
        for one in reversed(schedule):
            if isinstance(one, op.Leave | op.LateJoin):
                self.nodes[one.node].here = isinstance(one, op.Leave)
        for number, operation in enumerate(schedule, 1):
            self.outcome.step = number
            self._spoilt = self._spoilt or isinstance(operation, SPOILERS)
            self._spoilt = self._spoilt or (isinstance(operation, op.Advance) and operation.seconds > BREATH)
            self.outcome.played[type(operation).__name__] += 1
            await plays[type(operation)](self, operation)
            self.let_pass(SECOND)
            if self._looked():
                return self.outcome
        self.outcome.step = len(schedule) + 1
        await self._settle()
        self._end()
        self._looked()
        return self.outcome

    def let_pass(self, time: timedelta) -> None:
        self._time += time
        self.coordinator.tick()

    def _looked(self) -> bool:
        """Look at every rule; whether one is broken."""
        self.witness.look(self._changed, self.coordinator.rounds(), self.coordinator.office)
        self._changed.clear()
        for at, node in enumerate(self.nodes):
            for event, values in node.journal.lines[self._heard[at] :]:
                fault = str(values.get("fault", ""))
                if event in ("round-failed", "document-failed", "document-refused") and fault not in NAMED:
                    self.witness.broken.append(f"{node.name}: {event}: {fault} has no name")
            self._heard[at] = len(node.journal.lines)
        self.outcome.broken = self.witness.broken
        return bool(self.outcome.broken)

    async def deliver(self, at: int) -> None:
        self._acting = at
        await self.nodes[at].act()

    async def everybody(self, first: int) -> None:
        for step in range(len(self.nodes)):
            await self.deliver((first + step) % len(self.nodes))

    async def open_round(self) -> None:
        """The next attempt of a period that was given up, else the next period."""
        rounds, programme = self.coordinator.rounds(), self._made.programme.digest
        last = rounds[-1] if rounds else None
        if last is not None and last.phase is RoundPhase.ABANDONED and last.opened.attempt == 1:
            await self.coordinator.open_round(str(last.opened.period), 2, programme)
            return
        years = premises.years(self._made.moment)
        if self._opened < len(years):
            await self.coordinator.open_round(str(years[self._opened]), 0, programme)
            self._opened += 1

    def each_round(self, work: Callable[[Round], None]) -> None:
        for round_ in self.coordinator.rounds():
            work(round_)

    # How it ends.

    async def _settle(self) -> None:
        """No more faults: whoever is down is started, whoever was paused by a person goes on."""
        for node, line, lies in zip(self.nodes, self.lines, self.lies, strict=True):
            node.deaths.lift()
            line.lift()
            lies.clear()
            node.resume_if_asked()
        self.coordinator.log.doom = None
        for _ in range(TURNS):
            self.each_round(self.coordinator.collect)
            before = self._standing()
            await self._woken()
            self.let_pass(SECOND)
            if self._looked():
                return
            if self._is_over() or (self._standing() == before and not self._go_on()):
                break
        else:
            self.witness.broken.append(f"the rounds do not end: {self._standing()}")
        for round_ in self.coordinator.rounds():
            self.outcome.ends[round_.phase.name] += 1
            if round_.total is not None and len(round_.total.survivors) < round_.total.dealers:
                self.outcome.struck["left out"] += 1
            if not self._spoilt and round_.phase is RoundPhase.ABANDONED:
                self.witness.broken.append(f"nothing kept the sum from coming, and: {round_.reason}")

    async def _woken(self) -> None:
        """Whoever has news acts; where nobody has, everybody's poll comes to its end."""
        news = self.coordinator.office.news.version
        waiting = [node.has_heard(news) for node in self.nodes]
        for at, waits in enumerate(waiting):
            if not waits or all(waiting):
                await self.deliver(at)

    def _is_over(self) -> bool:
        """Whether every round is, and every node knows."""
        known = all(node.here and node.store and not node.store.open_sums() for node in self.nodes)
        return known and all(one.phase in ENDED for one in self.coordinator.rounds())

    def _standing(self) -> object:
        held = [node.store.head.length if node.store else 0 for node in self.nodes]
        return self.coordinator.log.last(), held

    def _go_on(self) -> bool:
        """Nothing moves: who is waited for comes back, else time passes; False when all rounds are over."""
        rounds = [one for one in self.coordinator.rounds() if one.phase not in ENDED]
        away = [node for node in self.nodes if not node.here]
        if away and (not rounds or any(one.sum_phase >= SumPhase.AGREEING for one in rounds)):
            for node in away:
                node.here = True
            return True
        later = [moment for round_ in rounds for moment in self._moments(round_) if moment >= self._time]
        if rounds:
            self.let_pass(min(later) - self._time + SECOND)
        return bool(rounds)

    def _moments(self, round_: Round) -> list[datetime]:
        """When something can follow for a round although nobody says anything."""
        if round_.phase is RoundPhase.GATHERING:
            return [round_.opened.gather_until]
        until = self.coordinator.office.sums.terms(round_).deadlines
        arrived = self.coordinator.office.sums.server(round_).uploaded_at
        after_roll = max(until.mask_until, arrived or until.mask_until) + ROLL
        return [until.advertise_until, until.share_until, until.mask_until, after_roll, until.expires_at]

    def _end(self) -> None:
        """After every expiry, whatever a node has heard: nothing is held and nothing secret is left."""
        self._time += timedelta(days=20)
        for at, node in enumerate(self.nodes):
            node.deaths.lift()
            node.pass_time()
            reason = halting.halted(node.start())
            if reason is not None:
                self.outcome.halted[at] = str(reason)
            node.stop()
            folder = node.house.config.state_dir
            files = b"".join(path.read_bytes() for path in folder.glob("node.sqlite*") if path.is_file())
            self.witness.at_the_end(at, files)
            self.outcome.struck["Crash"] += sum(node.deaths.died.values())
            self.outcome.struck["line"] += self.lines[at].struck
        handed = (one.data for line in self.lines for one in line.handed)
        self.outcome.spoken = hashlib.sha256(b"".join(handed)).hexdigest()
        self.outcome.struck["CrashCoordinator"] += self.coordinator.deaths
        self.outcome.struck["lies"] += self.liar.told

    def close(self) -> None:
        for node in self.nodes:
            node.stop()
        self.coordinator.close()
        self.witness.close()
