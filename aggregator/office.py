"""What every call works with: the book, the keys, the clock, and who waits for news.

One event loop, one thread: no call is interrupted between looking and writing.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aggregator import conductor, documents, files
from aggregator.authority import Authority
from aggregator.book import Book, Entry, State
from aggregator.conductor import Command, Round
from aggregator.config import Config
from aggregator.errors import NotFound
from aggregator.events import Body
from aggregator.journal import note
from aggregator.register import Document
from aggregator.store import Message
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.keys import SigningKey, signing_key
from samentel.documents.programme import Programme
from samentel.documents.roster import Roster
from samentel.ids import RoundId


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
            self._ring()

    def close(self) -> None:
        """Wake everybody and let nobody wait again."""
        self.closed = True
        self._ring()

    async def wait(self, cursor: int, seconds: float) -> None:
        """Return at once when the cursor is not the version, else at the next news or after that time."""
        if cursor != self.version or self.closed or seconds <= 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._bell.wait()

    def _ring(self) -> None:
        self._bell.set()
        self._bell = asyncio.Event()


@dataclass(slots=True)
class Office:
    """The national side while it is open.

    Attributes:
        now: the clock, UTC.
    """

    config: Config
    book: Book
    authority: Authority
    key: SigningKey
    news: News
    now: Callable[[], datetime]
    _rosters: dict[str, Roster] = field(default_factory=dict)
    _programmes: dict[str, Programme] = field(default_factory=dict)

    def refresh(self) -> State:
        """The latest state; wakes those who wait when another process has written news."""
        state = self.book.refresh()
        self.news.announce(state.version)
        return state

    def write(self, decision: Callable[[State], Entry]) -> State:
        """Decide, write durably, wake those who wait."""
        before = self.book.state.rounds
        state = self.book.write(self.now(), decision)
        _note_changes(before, state.rounds)
        self.news.announce(state.version)
        return state

    def command(
        self,
        round_id: str,
        command: Command,
        blobs: tuple[bytes, ...] = (),
        messages: tuple[Message, ...] = (),
        also: Callable[[State], tuple[tuple[str, Body], ...]] = lambda _: (),
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

        return find_round(self.write(decision), round_id)

    def tick(self) -> None:
        """Let every open round notice that time has passed."""
        for round_ in self.refresh().rounds.values():
            if conductor.decide(round_, conductor.Tick(), self.now()):
                self.command(round_.round_id, conductor.Tick())

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
        if held is not round_ and (held is None or held.phase is not round_.phase):
            peers = len(round_.arrived) if round_.arrived else len(round_.present)
            note("round", round=round_id, phase=round_.phase.name.lower(), peers=peers, reason=round_.reason)
