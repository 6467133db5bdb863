"""The log: chained, durable, shared by processes; and the book that folds it."""

import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from aggregator.book import Book, Entry
from aggregator.errors import NotFound, Overtaken
from aggregator.events import START, LedgerSeen, Present, Renewed
from aggregator.store import Message, Store
from samentel.errors import LocalFault
from samentel.ids import digest

NOW = datetime(2026, 2, 1, tzinfo=UTC)


def seen(length):
    return LedgerSeen(length=length, digest=digest(str(length).encode()))


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'log.db'}"


@pytest.fixture
def book(url):
    made = Book(Store(url))
    yield made
    made.store.close()


def fill(book, count):
    for number in range(count):
        book.write(
            NOW, lambda _, number=number: Entry((("amber", seen(number + 1)),), (b"blob %d" % number,))
        )


def test_what_is_written_is_read_back(book, url):
    fill(book, 5)
    again = Book(Store(url))
    assert again.state == book.state
    assert again.state.register.ledgers["amber"].length == 5
    assert again.store.blob(digest(b"blob 3")) == b"blob 3"
    with pytest.raises(NotFound):
        again.store.blob(digest(b"another"))


def test_an_entry_without_events_writes_nothing(book):
    book.write(NOW, lambda _: Entry((), (b"orphan",)))
    assert book.store.last() == 0
    with pytest.raises(NotFound):
        book.store.blob(digest(b"orphan"))


def test_sqlite_syncs_every_commit(book):
    with book.store._engine.connect() as connection:
        values = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("synchronous", "journal_mode")
        ]
    assert values == [2, "wal"]


def test_an_append_to_another_end_is_refused_whole(book, url):
    fill(book, 1)
    with pytest.raises(Overtaken):
        book.store.append(START, NOW, [("amber", seen(9))], [b"lost"])
    with pytest.raises(NotFound):
        book.store.blob(digest(b"lost"))
    assert book.store.last() == 1


def test_one_message_a_round_node_and_kind(book):
    blob = b"statement"
    message = Message("r" * 64, "amber", "contribution", digest(blob))
    book.store.append(START, NOW, [("amber", seen(1))], [blob], [message])
    head = book._head
    book.refresh()
    with pytest.raises(Overtaken):
        book.store.append(book._head, NOW, [("amber", seen(2))], [blob], [message])
    assert head == START
    assert book.store.message("r" * 64, "amber", "contribution") == message
    assert book.store.last() == 1


def test_a_message_cannot_name_bytes_that_are_not_there(book):
    message = Message("r" * 64, "amber", "contribution", digest(b"never stored"))
    with pytest.raises(Overtaken):
        book.store.append(START, NOW, [("amber", seen(1))], [], [message])
    assert book.store.last() == 0


@pytest.mark.parametrize("column", ["record", "digest"])
@pytest.mark.parametrize("seq", [1, 3, 5])
def test_every_changed_byte_is_found_and_its_event_named(book, url, tmp_path, column, seq):
    fill(book, 5)
    book.store.close()
    raw = sqlite3.connect(tmp_path / "log.db")
    (value,) = raw.execute(f"SELECT {column} FROM events WHERE seq = ?", (seq,)).fetchone()  # noqa: S608
    data = value if isinstance(value, bytes) else value.encode()
    for place in range(0, len(data), 7):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with raw:
            stored = changed if isinstance(value, bytes) else changed.decode()
            raw.execute(f"UPDATE events SET {column} = ? WHERE seq = ?", (stored, seq))  # noqa: S608
        with pytest.raises(LocalFault, match=f"event {seq} of the log"):
            Book(Store(url))
    raw.close()


def test_a_missing_event_is_found(book, url, tmp_path):
    fill(book, 4)
    book.store.close()
    with sqlite3.connect(tmp_path / "log.db") as raw:
        raw.execute("DELETE FROM events WHERE seq = 2")
    raw.close()
    with pytest.raises(LocalFault, match="event 2 of the log"):
        Book(Store(url))


def test_changed_bytes_are_found_when_they_are_read(book, url, tmp_path):
    fill(book, 1)
    with sqlite3.connect(tmp_path / "log.db") as raw:
        raw.execute("UPDATE blobs SET data = X'00'")
    raw.close()
    with pytest.raises(LocalFault, match="have changed"):
        book.store.blob(digest(b"blob 0"))


def test_an_event_that_cannot_follow_is_not_written(book):
    with pytest.raises(LocalFault, match="event 1 of the log cannot follow"):
        book.write(NOW, lambda _: Entry((("r" * 64, Present(node="amber")),)))
    assert book.store.last() == 0


def test_an_event_that_cannot_follow_is_found_at_start(book, url):
    book.store.append(START, NOW, [("r" * 64, Present(node="amber"))])
    with pytest.raises(LocalFault, match="event 1 of the log cannot follow"):
        Book(Store(url))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        pytest.param("nonsense", "not a database address", id="no-url"),
        pytest.param("sqlite:////nowhere/at/all.db", "cannot be opened", id="no-directory"),
        pytest.param("oracle+none://x", "not a database address|driver", id="no-driver"),
    ],
)
def test_a_database_that_cannot_be_opened_is_one_clear_line(url, why):
    with pytest.raises(LocalFault, match=why) as fault:
        Store(url)
    assert "\n" not in str(fault.value)


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path):
    (tmp_path / "x.db").write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(LocalFault, match="the database does not answer"):
        Store(f"sqlite:///{tmp_path / 'x.db'}")


WRITER = """
import sys
from datetime import UTC, datetime
from aggregator.book import Book, Entry
from aggregator.events import LedgerSeen
from aggregator.store import Store
from samentel.ids import digest
url, node, count = sys.argv[1:]
book = Book(Store(url))
print("ready", flush=True)
for number in range(1, int(count) + 1):
    def decision(state):
        held = state.register.ledgers.get(node)
        length = (held.length if held else 0) + 1
        return Entry(((node, LedgerSeen(length=length, digest=digest(b"x"))),), (node.encode(),))
    book.write(datetime.now(UTC), decision)
    print(number, flush=True)
"""


def writer(url, node, count):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, node, str(count)], stdout=subprocess.PIPE, text=True, bufsize=1
    )


def test_two_processes_append_without_losing_anything(book, url):
    both = [writer(url, node, 150) for node in ("amber", "beryl")]
    for process in both:
        assert process.communicate(timeout=60)[0].splitlines()[-1] == "150"
    state = book.refresh()
    assert {node: mark.length for node, mark in state.register.ledgers.items()} == {
        "amber": 150,
        "beryl": 150,
    }
    assert book.store.last() == 300
    assert Book(Store(url)).state == state


def test_what_was_acknowledged_before_a_kill_is_there_afterwards(url):
    process = writer(url, "amber", 100_000)
    acknowledged = 0
    for line in process.stdout:
        acknowledged = 0 if line == "ready\n" else int(line)
        if acknowledged >= 40:
            break
    os.kill(process.pid, signal.SIGKILL)
    acknowledged = max([acknowledged, *(int(line) for line in process.stdout if line.strip().isdigit())])
    process.wait(timeout=10)
    length = Book(Store(url)).state.register.ledgers["amber"].length
    assert acknowledged <= length <= acknowledged + 1


def test_a_book_decides_again_when_another_was_first(book, url):
    other = Book(Store(url))
    calls = []

    def decision(state):
        calls.append(len(state.register.ledgers))
        if len(calls) == 1:
            other.write(NOW, lambda _: Entry((("beryl", seen(1)),)))
        return Entry((("amber", seen(1)),))

    state = book.write(NOW, decision)
    assert calls == [0, 1]
    assert set(state.register.ledgers) == {"amber", "beryl"}
    other.store.close()


def test_a_node_that_is_told_nothing_new_does_not_move_the_version(book):
    fill(book, 3)
    chain = b"chain"
    book.write(
        NOW,
        lambda _: Entry((("amber", Renewed(chain=digest(chain), spki=digest(b"k"), until=NOW)),), (chain,)),
    )
    assert book.state.version == 0
