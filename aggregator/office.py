"""What every call works with: the book, the keys, the clock, and who waits for news.

One event loop, one thread: no call is interrupted between looking and writing.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aggregator import conductor, documents, files
from aggregator.authority import Authority
from aggregator.book import Book, Entry, State
from aggregator.conductor import Command, Round, Step
from aggregator.config import Config
from aggregator.errors import NotFound, fault_of
from aggregator.events import Body, MessagePosted
from aggregator.journal import note, warn
from aggregator.register import Document
from aggregator.store import Message
from aggregator.sums import Sums, start_of
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents import statements
from samentel.documents.envelope import to_json
from samentel.documents.keys import SigningKey, signing_key
from samentel.documents.model import from_json
from samentel.documents.programme import Programme
from samentel.documents.roster import Roster
from samentel.ids import RoundId, digest
from samentel.secagg.messages import Kind
from samentel.wire.messages import RoundPhase, SumPhase

Also = Callable[[State], tuple[tuple[str, Body], ...]]


@dataclass(frozen=True, slots=True, repr=False)
class Post:
    """A node's message of a secure sum, with all that belongs beside it."""

    node: str
    kind: Kind
    message: bytes
    attachment: bytes


class News:
    """Wakes those who wait when the version of what nodes are told goes up."""

    def __init__(self, version: int) -> None:
        """Start at a version that everybody may have seen."""
        self.version = version
        self.closed = False
        self._bell = asyncio.Event()

    def announce(self, version: int) -> None:
        """Wake everybody when there is something new."""
        if version != self.version:
            self.version = version
            self.ring()

    def ring(self) -> None:
        """Wake everybody although there is nothing new: they ask again, and so say that they are up."""
        self._bell.set()
        self._bell = asyncio.Event()

    def close(self) -> None:
        """Wake everybody and let nobody wait again."""
        self.closed = True
        self.ring()

    async def wait(self, cursor: int, seconds: float) -> None:
        """Return at once when the cursor is not the version, else at the next news or after that time."""
        if cursor != self.version or self.closed or seconds <= 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._bell.wait()


@dataclass(slots=True)
class Office:
    """The national side while it is open.

    Attributes:
        now: the clock, UTC.
        sums: the machines of secure sums.
    """

    config: Config
    book: Book
    authority: Authority
    key: SigningKey
    news: News
    now: Callable[[], datetime]
    _rosters: dict[str, Roster] = field(default_factory=dict)
    _programmes: dict[str, Programme] = field(default_factory=dict)
    _faults: set[tuple[RoundId, str]] = field(default_factory=set)
    sums: Sums = field(init=False)

    def __post_init__(self) -> None:
        """Give the machines what they are made from."""
        self.sums = Sums(self.book.store, self.key, self.programme, self.roster)

    def refresh(self) -> State:
        """The latest state; wakes those who wait when another process has written news."""
        state = self.book.refresh()
        self.news.announce(state.version)
        return state

    def write(self, decision: Callable[[State], Entry], at: datetime | None = None) -> State:
        """Decide, write durably, wake those who wait.

        Args:
            at: the moment of the events, where the decision depends on it; else now.
        """
        before = self.book.state.rounds
        state = self.book.write(at or self.now(), decision)
        _note_changes(before, state.rounds)
        self.news.announce(state.version)
        return state

    def command(
        self,
        round_id: str,
        command: Command,
        blobs: tuple[bytes, ...] = (),
        messages: tuple[Message, ...] = (),
        also: Also = lambda _: (),
    ) -> Round:
        """Carry out a command on a round; returns where the round stands then.

        Args:
            also: what else is written in the same transaction, if the command changes anything.
        """
        now = self.now()

        def decision(state: State) -> Entry:
            bodies = conductor.decide(find_round(state, round_id), command, now)
            if not bodies:
                return Entry()
            return Entry((*((round_id, body) for body in bodies), *also(state)), blobs, messages)

        return find_round(self.write(decision, now), round_id)

    def collect(self, round_id: str) -> Round:
        """End the gathering of a round."""
        return self._begin(find_round(self.refresh(), round_id), conductor.Collect)

    def post(self, round_id: str, post: Post, also: Also = lambda _: ()) -> Round:
        """Take a node's message of a secure sum; one that is stored already changes nothing.

        Args:
            also: what else is written in the same transaction.

        Raises:
            Contradiction, Refusal: as ``conductor.takes``.
            PeerError: the message does not hold.
        """
        now, named = self.now(), [digest(data) for data in (post.message, post.attachment) if data]
        told = MessagePosted.model_validate(
            {
                "node": post.node,
                "kind": post.kind.value,
                **dict(zip(("message", "attachment"), named, strict=False)),
            }
        )
        message = Message(round_id, post.node, post.kind.value, *named)

        def decision(state: State) -> Entry:
            round_ = find_round(state, round_id)
            if not conductor.takes(round_, post.node, post.kind, named[0]):
                return Entry()
            outcome = self.sums.outcome(round_, Step(now, told), (post.message, post.attachment))
            bodies = (*((round_id, body) for body in outcome.bodies), *also(state))
            held = tuple(data for data in (post.message, post.attachment) if data)
            return Entry(bodies, (*held, *outcome.blobs), (message,))

        round_ = find_round(self.write(decision, now), round_id)
        self._call_the_roll(round_)
        return round_

    def polled(self, node: str) -> None:
        """Note that a node is up; a secure sum that only waited for it goes on."""

        def note_it(round_: Round) -> None:
            if self.sums.notice(round_, node, self.now()):
                self._pass_time(round_)

        self._each(self.book.state.rounds.values(), note_it)

    def tick(self) -> None:
        """Let every open round notice that time has passed."""
        rounds = self.refresh().rounds
        open_ = {name: round_ for name, round_ in rounds.items() if round_.phase in conductor.OPEN}
        self.sums.forget_all_but(open_)
        self._faults = {fault for fault in self._faults if fault[0] in open_}
        self._each(open_.values(), self._tick)

    def _tick(self, round_: Round) -> None:
        if round_.start:
            # Called first: whoever was up before a deadline must say so again before it counts.
            self._call_the_roll(round_)
            self._pass_time(round_)
        elif conductor.decide(round_, conductor.Tick(), self.now()):
            self._begin(round_, conductor.Tick)

    def _each(self, rounds: Iterable[Round], work: Callable[[Round], None]) -> None:
        """Do something for every round; what fails in one is told once, and keeps nobody from the others."""
        for round_ in rounds:
            try:
                work(round_)
            except Exception as error:  # noqa: BLE001  the driver of a round: a bug in one must not stop all
                fault = round_.round_id, fault_of(error)
                if fault not in self._faults:
                    self._faults.add(fault)
                    warn("round stands still", round=round_.round_id, error=fault[1])

    def _begin(self, round_: Round, command: type[conductor.Collect] | type[conductor.Tick]) -> Round:
        """End the gathering; for a secure sum with a signed start."""
        if not round_.secure:
            return self.command(round_.round_id, command())
        said = documents.stored(self.book.store, round_.opened.envelope)
        start = start_of(from_json(statements.Round, said.payload, "round"), self.config, self.now())
        if start is None:
            return self.command(round_.round_id, command())
        file = to_json(statements.state(start, self.key))
        return self.command(round_.round_id, command(digest(file)), (file,))

    def _pass_time(self, round_: Round) -> None:
        now = self.now()

        def decision(state: State) -> Entry:
            held = find_round(state, round_.round_id)
            told = self.sums.passing(held, now)
            if told is None:
                return Entry()
            outcome = self.sums.outcome(held, Step(now, told))
            return Entry(tuple((held.round_id, body) for body in outcome.bodies), outcome.blobs)

        self.write(decision, now)

    def _call_the_roll(self, round_: Round) -> None:
        if self.sums.calls(round_, self.now()):
            self.news.ring()

    def roster(self, digest: str) -> Roster:
        """A roster that is or was in force."""
        if digest not in self._rosters:
            held = self.document(self.book.state.register.rosters, digest)
            self._rosters[digest] = rosters.parse(documents.stored(self.book.store, held.envelope).payload)
        return self._rosters[digest]

    def programme(self, digest: str) -> Programme:
        """A programme in force."""
        if digest not in self._programmes:
            held = self.document(self.book.state.register.programmes, digest)
            envelope = documents.stored(self.book.store, held.envelope)
            self._programmes[digest] = programmes.parse(envelope.payload)
        return self._programmes[digest]

    @staticmethod
    def document(held: Mapping[str, Document], digest: str) -> Document:
        """A document by its digest; raises NotFound."""
        if digest not in held:
            raise NotFound("no such document is in force here")
        return held[digest]


def open_office(
    config: Config, book: Book, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Office:
    """Read the keys and take up work where the log ends. Needs a running event loop."""
    return Office(
        config,
        book,
        Authority.load(config.pki),
        signing_key(files.read(config.coordinator_key)),
        News(book.state.version),
        now,
    )


def find_round(state: State, round_id: str) -> Round:
    """A round by its name; raises NotFound."""
    round_ = state.rounds.get(RoundId(round_id))
    if round_ is None:
        raise NotFound("there is no such round here")
    return round_


def _note_changes(before: conductor.Rounds, after: conductor.Rounds) -> None:
    for round_id, round_ in after.items():
        held = before.get(round_id)
        if held is round_:
            continue
        if held is None or (held.phase, held.sum_phase) != (round_.phase, round_.sum_phase):
            peers = len(round_.survivors or round_.arrived or round_.present)
            note("round", round=round_id, phase=_where(round_), peers=peers, reason=round_.reason)
        if round_.convicted and (held is None or not held.convicted):
            warn("dealer-convicted", round=round_id, node=round_.convicted)


def _where(round_: Round) -> str:
    runs = round_.phase is RoundPhase.COLLECTING and round_.sum_phase is not SumPhase.NONE
    return (round_.sum_phase if runs else round_.phase).name.lower()
