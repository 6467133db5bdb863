"""The node's memory: one SQLite file with ledger, documents, rounds and settings; the only owner of sqlite3.

Nothing here decides anything. Every write is one transaction that is on disk
when ``write`` returns; one process at a time holds the lock. Exact figures
and records are never handed to this module but sealed (``node.snapshots``).
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Self

from node.schema import LEFT_OUT_SINCE, MIGRATIONS, SNAPSHOTS_SINCE
from samentel.counting.ledger import Entry, Head, head, verify
from samentel.documents import envelope as envelopes
from samentel.documents.envelope import Envelope
from samentel.errors import LocalFault
from samentel.ids import Digest

try:
    import fcntl
except ImportError:  # not a POSIX system: reading works, a daemon is refused
    fcntl = None  # type: ignore[assignment]


class State(StrEnum):
    """Where a round stands at this node."""

    NONE = "none"
    REFUSED = "refused"
    ANNOUNCED = "announced"  # the presence is written; whether it has arrived is not known
    PRESENT = "present"
    JOINED = "joined"  # in a secure sum, and nothing is spent
    RELEASED = "released"  # spent, and the bytes are written; they may or may not have left
    PUBLISHED = "published"
    ABANDONED = "abandoned"
    MISSED = "missed"


class DocumentKind(StrEnum):
    """What is kept besides the ledger."""

    PROGRAMME = "programme"
    ROSTER = "roster"
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True, repr=False)
class RoundRecord:
    """One round as this node remembers it.

    Attributes:
        presence, contribution, vector: the bytes that were or will be sent; never made twice. In a secure
            sum the contribution is our agreement to the set, and there is no vector here.
        receipt: the coordinator's receipt, verified before it is kept.
        release: digest of the manifest once published, else empty.
    """

    round_id: str
    programme: str
    period: str
    attempt: int
    envelope: bytes
    state: State = State.NONE
    reason: str = ""
    presence: bytes | None = None
    contribution: bytes | None = None
    vector: bytes | None = None
    receipt: bytes | None = None
    release: str = ""

    def __repr__(self) -> str:
        return f"RoundRecord(<{self.round_id[:12]} {self.state}>)"


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A signed document.

    Attributes:
        subject: the programme's digest for an approval, else the document's own.
    """

    kind: DocumentKind
    subject: str
    envelope: Envelope


@dataclass(frozen=True, slots=True, repr=False)
class SumRecord:
    """Where this node stands in the secure sum of one round.

    Attributes:
        version: 1 at first, and one more with every state.
        sealed: the state (``node.sealing``); empty once the sum is over here: nothing comes after it.
        written_at: when, in ISO form; the time of writing unless it is given.
    """

    round_id: str
    version: int
    sealed: bytes
    written_at: str = ""

    def __repr__(self) -> str:
        return f"SumRecord(<{self.round_id[:12]} {self.version}>)"


@dataclass(frozen=True, slots=True)
class SealedPeriod:
    """That a period of a programme is sealed: whom it counts does not change any more.

    Attributes:
        name: the programme's id, for people.
        binds: whether those it counts belong to this quarter of the year from now on.
        sealed_at: when, in ISO form.
    """

    programme: str
    name: str
    period: str
    binds: bool
    sealed_at: str


@dataclass(frozen=True, slots=True, repr=False)
class SnapshotRecord:
    """A sealed period with its sealed parts (``node.snapshots``); ``persons`` is empty if it binds nobody."""

    where: SealedPeriod
    codes: bytes
    persons: bytes

    def __repr__(self) -> str:
        return f"SnapshotRecord(<{self.where.programme[:12]} {self.where.period}>)"


class InUse(LocalFault):
    """Another process of this node holds the store."""


_ROUND = tuple(field.name for field in fields(RoundRecord))
_SELECT_ROUND = f"SELECT {', '.join(_ROUND)} FROM rounds"  # noqa: S608 - the names are those of our own fields
_PUT_ROUND = (
    f"INSERT OR REPLACE INTO rounds ({', '.join(_ROUND)}, updated_at) "  # noqa: S608 - as above
    f"VALUES ({', '.join('?' * (len(_ROUND) + 1))})"
)
_LATER_HEAD = (
    "INSERT INTO heads VALUES (?, ?, ?) ON CONFLICT (node) DO UPDATE "
    "SET length = excluded.length, digest = excluded.digest WHERE excluded.length > length"
)
_SELECT_SUM = "SELECT round_id, version, sealed, updated_at FROM sums"
_SELECT_PERIOD = "SELECT programme, name, period, binds, sealed_at FROM snapshots ORDER BY rowid"
_SELECT_SNAPSHOT = "SELECT codes, persons FROM snapshots WHERE programme = ? AND period = ?"
_PUT_SNAPSHOT = "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?)"
_PUT_DOCUMENT = "INSERT OR IGNORE INTO documents (digest, kind, subject, envelope) VALUES (?, ?, ?, ?)"


class Reader:
    """Reading the store; makes and changes nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open_read_only(cls, state: Path) -> Self:
        """Open beside a daemon or without one; raises LocalFault when there is no store."""
        path = state / "node.sqlite"
        if not path.exists():
            raise LocalFault(f"there is no store in {state}: run `samentel-node init` first")
        with _explained(path):
            connection = sqlite3.connect(
                f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=5
            )
            connection.execute("PRAGMA query_only = ON")
            if connection.execute("PRAGMA user_version").fetchone()[0] > len(MIGRATIONS):
                raise LocalFault("the store was written by a newer version of Samentel: install that version")
        return cls(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def entries(self) -> list[Entry]:
        """The whole ledger, as it is on disk."""
        rows = self._all("SELECT body, previous, digest FROM ledger ORDER BY seq")
        return [Entry(body, Digest(previous), Digest(own)) for body, previous, own in rows]

    def rounds(self) -> list[RoundRecord]:
        """All rounds, newest first."""
        return [_record(row) for row in self._all(_SELECT_ROUND + " ORDER BY updated_at DESC, round_id")]

    def round(self, round_id: str) -> RoundRecord | None:
        """One round, or None."""
        rows = self._all(_SELECT_ROUND + " WHERE round_id = ?", round_id)
        return _record(rows[0]) if rows else None

    def documents(self, kind: DocumentKind, subject: str | None = None) -> list[Envelope]:
        """Documents of a kind, in the order in which they came; with a subject, of that subject only."""
        query, values = "SELECT envelope FROM documents WHERE kind = ?", [str(kind)]
        if subject is not None:
            query, values = query + " AND subject = ?", [*values, subject]
        return [envelopes.from_json(row[0]) for row in self._all(query + " ORDER BY number", *values)]

    def sum(self, round_id: str) -> SumRecord | None:
        """Where a secure sum stands here, or None when this node has not joined it."""
        rows = self._all(_SELECT_SUM + " WHERE round_id = ?", round_id)
        return SumRecord(*rows[0]) if rows else None

    def open_sums(self) -> list[SumRecord]:
        """The secure sums that are not over here: those that hold secrets."""
        return [SumRecord(*row) for row in self._all(_SELECT_SUM + " WHERE length(sealed) > 0")]

    def sealed_periods(self) -> list[SealedPeriod]:
        """All periods that are sealed, in the order in which they were."""
        if not self._has(SNAPSHOTS_SINCE):
            return []
        rows = self._all(_SELECT_PERIOD)
        return [
            SealedPeriod(programme, name, period, bool(binds), at)
            for programme, name, period, binds, at in rows
        ]

    def snapshot(self, where: SealedPeriod) -> SnapshotRecord:
        """A sealed period with what is sealed of it."""
        ((codes, persons),) = self._all(_SELECT_SNAPSHOT, where.programme, where.period)
        return SnapshotRecord(where, codes, persons)

    def left_out(self) -> dict[str, bytes]:
        """The rounds whose sum leaves out masked counts that the coordinator took, and the proposal.

        It is empty where the coordinator did not show it: it then said only that there is a sum.
        """
        if not self._has(LEFT_OUT_SINCE):
            return {}
        return dict(self._all("SELECT round_id, proposal FROM left_out ORDER BY round_id"))

    def heads(self) -> dict[str, Head]:
        """The latest ledger head that is known of each other institution, by node."""
        rows = self._all("SELECT node, length, digest FROM heads")
        return {node: Head(length, Digest(name)) for node, length, name in rows}

    def setting(self, name: str) -> str:
        """A setting; empty when it has not been set."""
        rows = self._all("SELECT value FROM settings WHERE name = ?", name)
        return str(rows[0][0]) if rows else ""

    def _has(self, version: int) -> bool:
        """Whether the store is of that version; not so beside a daemon that runs since before an upgrade."""
        return bool(self._connection.execute("PRAGMA user_version").fetchone()[0] >= version)

    def _all(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with _explained(None):
            return self._connection.execute(query, values).fetchall()


class Store(Reader):
    """The one writer. Open it, keep it, close it."""

    def __init__(self, connection: sqlite3.Connection, lock: IO[str]) -> None:
        super().__init__(connection)
        self._lock = lock
        self._entries = super().entries()

    @classmethod
    def open(cls, state: Path) -> Self:
        """Open for writing, making the store if it is not there.

        Raises:
            InUse: the daemon, or another command, has it.
            LocalFault: the disk, the file or the ledger is not as it should be.
        """
        path = state / "node.sqlite"
        with _explained(path):
            state.mkdir(parents=True, exist_ok=True)
            state.chmod(0o700)
            lock = _locked(state / "lock")
            try:
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
                connection = sqlite3.connect(path, isolation_level=None, timeout=5)
                _prepare(connection)
                store = cls(connection, lock)
            except BaseException:
                lock.close()
                raise
        problems = verify(store._entries)
        if problems:
            store.close()
            raise LocalFault(
                f"the ledger does not hold ({problems[0]}): restore the state directory from a backup, "
                "then start the node paused and tell the coordinator"
            )
        return store

    def close(self) -> None:
        """Close the file and let go of the lock."""
        super().close()
        self._lock.close()

    def entries(self) -> list[Entry]:
        """The whole ledger, from memory: this process is the only one that appends."""
        return self._entries

    @property
    def head(self) -> Head:
        """Where the ledger stands."""
        return head(self._entries)

    def write(
        self,
        now: datetime,
        *,
        entries: Sequence[Entry] = (),
        rounds: Sequence[RoundRecord] = (),
        documents: Sequence[DocumentRecord] = (),
        settings: Mapping[str, str] | None = None,
        sums: Sequence[SumRecord] = (),
        heads: Mapping[str, Head] | None = None,
        snapshots: Sequence[SnapshotRecord] = (),
        left_out: Mapping[str, bytes] | None = None,
    ) -> None:
        """Write all of it or nothing; on disk when this returns.

        Args:
            left_out: as ``Reader.left_out``; what is known of a round does not change.
            snapshots: of periods that are not sealed yet; a second one of a period fails.
            heads: of other institutions' ledgers, by node; an earlier one than is known changes nothing.
        """
        with _explained(None), self._transaction():
            run = self._connection.execute
            at = self.head
            for entry in entries:
                # Two entries after the same head would be a fork; the caller made one of them too early.
                if entry.previous != at.digest:
                    raise RuntimeError("a ledger entry does not follow the last one")
                run(
                    "INSERT INTO ledger VALUES (?, ?, ?, ?)",
                    (at.length, entry.body, entry.previous, entry.digest),
                )
                at = Head(at.length + 1, entry.digest)
            for record in rounds:
                run(_PUT_ROUND, (*_values(record), now.isoformat()))
            for document in documents:
                written = envelopes.to_json(document.envelope)
                run(_PUT_DOCUMENT, (document.envelope.digest, document.kind, document.subject, written))
            for name, value in (settings or {}).items():
                run("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))
            for one in sums:
                self._put_sum(one, now)
            for node, seen in (heads or {}).items():
                run(_LATER_HEAD, (node, seen.length, seen.digest))
            for snapshot in snapshots:
                self._put_snapshot(snapshot)
            for round_id, proposal in (left_out or {}).items():
                run("INSERT OR IGNORE INTO left_out VALUES (?, ?)", (round_id, proposal))
        self._entries = [*self._entries, *entries]

    def scrub(self) -> bool:
        """Leave no earlier content in the write-ahead log; False while somebody is reading: try again."""
        with _explained(None):
            busy: int = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not busy

    def _put_sum(self, one: SumRecord, now: datetime) -> None:
        held = self.sum(one.round_id)
        # Two states after the same one would be a fork: two different messages of one kind could leave. And
        # after the last one nothing comes: a round is joined once.
        if one.version != (held.version + 1 if held else 1) or (held is not None and not held.sealed):
            raise RuntimeError("the state of a sum does not follow the last one")
        values = (one.round_id, one.version, one.sealed, one.written_at or now.isoformat())
        self._connection.execute("INSERT OR REPLACE INTO sums VALUES (?, ?, ?, ?)", values)

    def _put_snapshot(self, made: SnapshotRecord) -> None:
        where = made.where
        # Two snapshots of one period would count two different sets of persons.
        if self._all(_SELECT_SNAPSHOT, where.programme, where.period):
            raise RuntimeError("this period of this programme is sealed already")
        names = (where.programme, where.name, where.period, int(where.binds), where.sealed_at)
        self._connection.execute(_PUT_SNAPSHOT, (*names, made.codes, made.persons))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def _values(record: RoundRecord) -> list[object]:
    values = (getattr(record, name) for name in _ROUND)
    return [str(value) if isinstance(value, State) else value for value in values]


def _record(row: tuple[object, ...]) -> RoundRecord:
    values = dict(zip(_ROUND, row, strict=True))
    return RoundRecord(**{**values, "state": State(str(values["state"]))})  # type: ignore[arg-type]


def _locked(path: Path) -> IO[str]:
    if fcntl is None:
        raise LocalFault("a node's store can be written on Linux and macOS only")
    lock = open(path, "a", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115 - held as long as the store is
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise InUse("another process of this node is using its store: is the daemon running?") from None
    return lock


def _prepare(connection: sqlite3.Connection) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise LocalFault("the store was written by a newer version of Samentel: install that version")
    for number, migration in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {migration} PRAGMA user_version = {number}; COMMIT;")
    connection.execute(
        "PRAGMA wal_checkpoint(TRUNCATE)"
    )  # a process that was killed may have left secrets there


_DAMAGED = "the store is damaged: restore the state directory from a backup, then start the node paused"
_NOT_OURS = "give the state directory to the user that runs the node"

# What sqlite3 says, by the first words of its text, and what a person can do.
_REMEDIES = {
    "database or disk is full": "the disk is full: make room; nothing was sent",
    "database is locked": "another program has the store open for writing: close it",
    "attempt to write a readonly": f"the store cannot be written: {_NOT_OURS}",
    "unable to open": f"the store cannot be opened: {_NOT_OURS}",
    "disk I/O error": "the disk reports an error: look at the disk; nothing was sent",
    "file is not a database": _DAMAGED,
    "database disk image is malformed": _DAMAGED,
}


@contextmanager
def _explained(path: Path | None) -> Iterator[None]:
    place = f"{path}: " if path else ""
    try:
        yield
    except sqlite3.Error as error:
        remedy = next((remedy for text, remedy in _REMEDIES.items() if str(error).startswith(text)), None)
        raise LocalFault(
            place + (remedy or f"the store failed ({type(error).__name__}): {_DAMAGED}")
        ) from None
    except OSError as error:
        raise LocalFault(f"{place}{error.strerror}: look at the disk and its permissions") from None
