"""An institution: its real store, its real part in rounds. Its daemon can die at any write and any call."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from simulated.operations import Point
from simulated.premises import House

from node import approving, halting
from node.attendance import Attendance
from node.journal import Journal
from node.link import Denied, Unreachable
from node.store import DocumentKind, Store
from samentel.documents.statements import Approval, hear, state
from samentel.errors import PeerError, Reason
from samentel.wire import messages as m
from samentel.wire import methods as M


class Killed(BaseException):
    """The node's process is gone; nothing catches it."""


class Deaths:
    """Where a node is to die: each point with the number of passages that are left to it."""

    def __init__(self) -> None:
        self._left: Counter[Point] = Counter()
        self.died: Counter[Point] = Counter()

    def arm(self, at: Point, nth: int) -> None:
        self._left[at] = nth

    def lift(self) -> None:
        self._left.clear()

    def here(self, at: Point) -> None:
        """Pass a point; raises Killed when it is the one."""
        if self._left[at] == 0:
            return
        self._left[at] -= 1
        if self._left[at] == 0:
            self.died[at] += 1
            raise Killed


class MortalStore(Store):
    """The real store; ``wrote`` hears of what is on disk now. After a write everything is read again."""

    deaths: Deaths
    wrote: Callable[[Any], None]

    def __init__(self, *parts: Any) -> None:
        self._read: dict[tuple[str, ...], list[tuple[Any, ...]]] | None = {}
        super().__init__(*parts)

    def _all(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        if self._read is None:  # inside a transaction, where what is read is not on disk yet
            return super()._all(query, *values)
        if (query, *values) not in self._read:
            self._read[query, *values] = super()._all(query, *values)
        return self._read[query, *values]

    def write(self, now: datetime, **parts: Any) -> None:
        self.deaths.here(Point.BEFORE_WRITE)
        self._read = None
        try:
            super().write(now, **parts)
        finally:
            self._read = {}
        self.wrote(parts)
        self.deaths.here(Point.AFTER_WRITE)


class Heard(Journal):
    """The node's log, as a list."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **values: object) -> None:
        self.lines.append((event, values))

    def warning(self, event: str, **values: object) -> None:
        self.lines.append((event, values))


class Institution:
    """One life after another on the same folder, in the order of ``node.daemon``."""

    def __init__(self, house: House, now: Callable[[], datetime], wrote: Callable[[Any], None]) -> None:
        self.house, self._now, self._wrote = house, now, wrote
        self.deaths, self.journal = Deaths(), Heard()
        self.link: Any = None
        self.store: MortalStore | None = None
        self.here = True
        self._part: Attendance | None = None
        self._cursor, self._first = 0, True

    @property
    def name(self) -> str:
        return self.house.name

    def start(self) -> MortalStore:
        """The open store; opens it if the daemon is down."""
        if self.store is None:
            self.store = MortalStore.open(self.house.config.state_dir)
            self.store.deaths, self.store.wrote = self.deaths, self._wrote
            self._part = Attendance(self.house.config, self.store, self.name, self.house.signer, self.journal)
            self._hang_up()
        return self.store

    def stop(self) -> None:
        if self.store is not None:
            self.store.close()
        self.store = None

    def _hang_up(self) -> None:
        self._cursor, self._first = 0, True

    async def act(self) -> None:
        """Ask for news once, and act upon it."""
        if not self.here:
            return
        try:
            store = self.start()
            assert self._part is not None
            self._part.pass_time(self._now())
            head = m.LedgerHead(store.head.length, store.head.digest)
            told = await self.link.call(M.POLL, m.PollRequest(self._cursor, head, "test"))
            first, self._cursor, self._first = self._first, told.cursor, False
            self._part.pass_time(self._now())
            await self._part.attend(self.link, told, new_line=first)
        except Killed:
            self.stop()
        except (Unreachable, Denied, PeerError):
            self._hang_up()  # as the daemon does: it waits, and connects again

    def has_heard(self, news: int) -> bool:
        """Whether its poll is waiting for something newer; nobody waits for one that is away."""
        return not self.here or (self.store is not None and self._cursor == news)

    def pass_time(self) -> None:
        """Let time pass at a node that hears nothing."""
        self.start()
        assert self._part is not None
        self._part.pass_time(self._now())

    def pause(self) -> None:
        self._by_hand(lambda store: halting.pause(store, "holiday"))

    def resume(self) -> None:
        self._by_hand(halting.resume)

    def resume_if_asked(self) -> None:
        """End what a person began; a node that has found itself to be a copy stays as it is."""
        if halting.halted(self.start()) is Reason.PAUSED:
            self.resume()

    def withdraw(self) -> None:
        """As ``samentel-node withdraw`` through the daemon."""

        def taken_back(store: Store) -> None:
            held = hear(Approval, store.documents(DocumentKind.APPROVAL)[-1], self.house.signer.public)
            now = self._now()
            word = held.model_copy(update={"approved_at": now, "expires_at": now})
            approving.record(store, state(word, self.house.signer), self.house.config, now)

        self._by_hand(taken_back)

    def _by_hand(self, work: Callable[[Store], None]) -> None:
        try:
            work(self.start())
        except Killed:
            self.stop()
