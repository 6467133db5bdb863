"""The event log and the bytes it names, in a database.

SQLite by default; another database by its URL. The one owner of SQLAlchemy.
Nothing here decides anything: ``aggregator/book.py`` folds what is read.

Append-only: there is no statement in this module that changes or deletes a row.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from aggregator.errors import NotFound, Overtaken
from aggregator.events import START, Body, Event, Head, chained, from_record, to_record
from samentel.errors import LocalFault
from samentel.ids import Digest, digest

BUSY_SECONDS = 10  # a command line and the daemon may write at the same time

_META = sa.MetaData()
_EVENTS = sa.Table(
    "events",
    _META,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
)
_BLOBS = sa.Table(
    "blobs",
    _META,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
_MESSAGES = sa.Table(
    "messages",
    _META,
    sa.Column("round_id", sa.String(64), primary_key=True),
    sa.Column("node", sa.String(63), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("statement", sa.String(64), sa.ForeignKey("blobs.digest"), nullable=False),
    sa.Column("payload", sa.String(64), sa.ForeignKey("blobs.digest")),
    sa.Column("receipt", sa.String(64), sa.ForeignKey("blobs.digest")),
)

# Made once: building a statement costs as much as running it.
_NEWEST = sa.select(_EVENTS.c.seq, _EVENTS.c.digest).order_by(_EVENTS.c.seq.desc()).limit(1)
_HAS_BLOB = sa.select(_BLOBS.c.digest).where(_BLOBS.c.digest == sa.bindparam("name"))


@dataclass(frozen=True, slots=True)
class Message:
    """What a node handed in for a round: one a round, node and kind.

    Attributes:
        statement, payload, receipt: digests of stored bytes; payload and receipt may be None.
    """

    round_id: str
    node: str
    kind: str
    statement: Digest
    payload: Digest | None = None
    receipt: Digest | None = None


class Store:
    """One open database. To be used by one thread at a time."""

    def __init__(self, url: str) -> None:
        """Open, and make the tables where they are not there yet; raises LocalFault when that fails."""
        self._engine = _engine(url)
        self._looking = self._engine.execution_options(isolation_level="AUTOCOMMIT")  # no BEGIN, no ROLLBACK
        with _faults():
            _META.create_all(self._engine)

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    def last(self) -> int:
        """The number of the last event; 0 when there is none. Cheap: asked at every call."""
        with _faults(), self._looking.connect() as connection:
            return int(connection.exec_driver_sql("SELECT max(seq) FROM events").scalar() or 0)

    def read(self, after: Head) -> Iterator[tuple[Event, Head]]:
        """Every event after a known head, each with the head it makes.

        Raises:
            LocalFault: a byte of the log has changed; the text names the event.
        """
        head = after
        for seq, record, stored in self._rows(after.seq):
            if seq != head.seq + 1:
                raise _broken(head.seq + 1)
            made = chained(head.digest, record)
            if made != stored:
                raise _broken(seq)
            head = Head(seq, made)
            yield from_record(seq, record), head

    def append(
        self,
        after: Head,
        at: datetime,
        bodies: Sequence[tuple[str, Body]],
        blobs: Sequence[bytes] = (),
        messages: Sequence[Message] = (),
    ) -> Head:
        """Write events with the bytes and messages they name: all of it durable on return, or none.

        Returns:
            The new head.

        Raises:
            Overtaken: the log no longer ends where the caller thought.
            LocalFault: the database cannot write.
        """
        with (
            _faults(),
            self._engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            row = connection.execute(_NEWEST).first()
            if (Head(row.seq, row.digest) if row else START) != after:
                raise Overtaken("another process wrote to the event log")
            for data in blobs:
                _put_blob(connection, data)
            for message in messages:
                connection.execute(_MESSAGES.insert(), asdict(message))
            head = after
            for subject, body in bodies:
                record = to_record(Event(head.seq + 1, at, subject, body))
                head = Head(head.seq + 1, chained(head.digest, record))
                connection.execute(
                    _EVENTS.insert(), {"seq": head.seq, "record": record, "digest": head.digest}
                )
        return head

    def blob(self, name: str) -> bytes:
        """Stored bytes by their SHA-256; raises NotFound, or LocalFault when they have changed."""
        with _faults(), self._engine.connect() as connection:
            data = connection.execute(sa.select(_BLOBS.c.data).where(_BLOBS.c.digest == name)).scalar()
        if data is None:
            raise NotFound("there is no document of that digest here")
        if digest(data) != name:
            raise LocalFault(f"the stored bytes {name[:12]} have changed: restore the database from a backup")
        return bytes(data)

    def messages(self, round_id: str, kind: str) -> dict[str, Message]:
        """What has been handed in for a round, by node."""
        wanted = sa.select(_MESSAGES).where(_MESSAGES.c.round_id == round_id, _MESSAGES.c.kind == kind)
        with _faults(), self._engine.connect() as connection:
            return {row.node: Message(**row._mapping) for row in connection.execute(wanted)}

    def message(self, round_id: str, node: str, kind: str) -> Message | None:
        """What one node has handed in for a round."""
        wanted = sa.select(_MESSAGES).where(
            _MESSAGES.c.round_id == round_id, _MESSAGES.c.node == node, _MESSAGES.c.kind == kind
        )
        with _faults(), self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return Message(**row._mapping) if row else None

    def _rows(self, after: int) -> Iterator[tuple[int, bytes, str]]:
        wanted = sa.select(_EVENTS).where(_EVENTS.c.seq > after).order_by(_EVENTS.c.seq)
        with _faults(), self._engine.connect() as connection:
            rows = connection.execute(wanted).all()
        for row in rows:
            # A record that somebody has rewritten as text is still to be found out by its digest.
            yield (
                row.seq,
                row.record if isinstance(row.record, bytes) else str(row.record).encode(),
                row.digest,
            )


def _engine(url: str) -> sa.Engine:
    try:
        address = sa.make_url(url)
        return _sqlite(address) if address.get_backend_name() == "sqlite" else sa.create_engine(address)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError):
        raise LocalFault("database: this is not a database address that SQLAlchemy knows") from None
    except ImportError:
        raise LocalFault("database: the driver for this kind of database is not installed") from None


def _put_blob(connection: sa.Connection, data: bytes) -> None:
    name = digest(data)
    if connection.execute(_HAS_BLOB, {"name": name}).first() is None:
        connection.execute(_BLOBS.insert(), {"digest": name, "data": data})


def _broken(seq: int) -> LocalFault:
    return LocalFault(
        f"event {seq} of the log has been changed or is missing: nothing after it can be trusted. "
        "Stop, keep this database for inspection, and restore the last good backup."
    )


def _sqlite(address: sa.URL) -> sa.Engine:
    if address.database and address.database != ":memory:":
        _make_private(Path(address.database))
    engine = sa.create_engine(address, connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver would otherwise open transactions of its own
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        # A writer takes its lock at once, so that what it reads first cannot be overtaken.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_private(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise LocalFault(f"the database {path} cannot be opened: {error.strerror}") from None


@contextmanager
def _faults() -> Iterator[None]:
    """Database errors as ours; their own texts quote statements and are not shown."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise Overtaken("another process wrote to the database") from None
    except sa.exc.SQLAlchemyError as error:
        original = getattr(error, "orig", None)
        what = type(original).__name__ if original is not None else type(error).__name__
        raise LocalFault(
            f"the database does not answer ({what}): is the disk full, the file damaged, "
            "or is another program using it?"
        ) from None
