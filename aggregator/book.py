"""The event log together with what it adds up to.

A book never holds a state that the log does not: it decides on what it has
just read, appends, and reads again. When another process was first, it decides
again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from aggregator import conductor, register
from aggregator.conductor import Rounds
from aggregator.config import Config
from aggregator.errors import Overtaken
from aggregator.events import (
    START,
    Abandoned,
    Body,
    Collecting,
    DocumentPublished,
    Event,
    Head,
    Initialised,
    Published,
    RoundOpened,
    Summed,
    SumTurned,
    Totalled,
)
from aggregator.register import Register
from aggregator.store import Message, Store
from samentel.errors import LocalFault

TRIES = 50  # far more than a command line and a daemon can get in each other's way
# The first event of all is news too: the version is never 0, so a node's first poll is answered at once.
_NEWS = (
    Initialised,
    DocumentPublished,
    RoundOpened,
    Collecting,
    SumTurned,
    Summed,
    Totalled,
    Published,
    Abandoned,
)


@dataclass(frozen=True, slots=True)
class State:
    """All there is to know.

    Attributes:
        version: number of the last event that changes what nodes are told.
    """

    register: Register = field(default_factory=Register)
    rounds: Rounds = field(default_factory=dict)
    version: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """What a decision wants written: events by subject, and the bytes and messages that they name."""

    bodies: tuple[tuple[str, Body], ...] = ()
    blobs: tuple[bytes, ...] = ()
    messages: tuple[Message, ...] = ()


def fold(state: State, event: Event) -> State:
    """The state after one more event."""
    return State(
        register.fold(state.register, event),
        conductor.fold(state.rounds, event),
        event.seq if isinstance(event.body, _NEWS) else state.version,
    )


class Book:
    """An open log and its state. To be used by one thread at a time."""

    def __init__(self, store: Store) -> None:
        """Read the whole log; raises LocalFault when a byte of it has changed."""
        self.store = store
        self.state = State()
        self._head: Head = START
        self._read()

    def refresh(self) -> State:
        """The state with whatever other processes have appended meanwhile."""
        if self.store.last() != self._head.seq:
            self._read()
        return self.state

    def write(self, at: datetime, decision: Callable[[State], Entry]) -> State:
        """Decide on the latest state and make the outcome durable.

        Args:
            decision: pure; called again when another process was first. An entry without
                events writes nothing.
        """
        for _ in range(TRIES):
            entry = decision(self.refresh())
            if not entry.bodies:
                return self.state
            # Folded before it is written: what cannot follow must not get into the log for ever.
            after = self._folded(at, entry)
            try:
                head = self.store.append(self._head, at, entry.bodies, entry.blobs, entry.messages)
            except Overtaken:
                continue
            self.state, self._head = after, head
            return self.state
        raise LocalFault("other processes keep writing to the event log: stop them and try again")

    def _folded(self, at: datetime, entry: Entry) -> State:
        state = self.state
        for number, (subject, body) in enumerate(entry.bodies, self._head.seq + 1):
            state = fold(state, Event(number, at, subject, body))
        return state

    def _read(self) -> None:
        state, head = self.state, self._head
        for event, after in self.store.read(head):
            state, head = fold(state, event), after
        self.state, self._head = state, head


@contextmanager
def opened(config: Config) -> Iterator[Book]:
    """The book of a configuration; closed at the end."""
    store = Store(config.database_url)
    try:
        yield Book(store)
    finally:
        store.close()
