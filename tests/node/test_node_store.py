"""The store: all or nothing, once on disk always on disk, one writer, and no byte changed in silence."""

import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from node.store import MIGRATIONS, InUse, Reader, RoundRecord, State, Store, SumRecord
from samentel.counting import ledger
from samentel.counting.ledger import Head, Kind, next_entry
from samentel.errors import LocalFault

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PROGRAMME = "a" * 64

# Writes entries for ever, saying each time how many are on disk; killed from outside at any moment.
WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from node.store import RoundRecord, State, Store
from samentel.counting.ledger import Head, Kind, next_entry

with Store.open(Path(sys.argv[1])) as store:
    for number in range(100_000):
        now = datetime.now(UTC)
        entry = next_entry(store.head, now, Kind.APPROVED, "a" * 64, salt=b"s" * 32)
        vector = str(number + 1).encode()
        record = RoundRecord("b" * 64, "a" * 64, "2025", 1, b"", State.RELEASED, vector=vector)
        store.write(now, entries=[entry], rounds=[record])
        print(number + 1, flush=True)
"""


def approved(store):
    return next_entry(store.head, NOW, Kind.APPROVED, PROGRAMME, salt=b"s" * 32)


def test_what_was_written_is_read_again(tmp_path):
    record = RoundRecord("b" * 64, PROGRAMME, "2025", 1, b"x", State.RELEASED, vector=b"\0\xff")
    with Store.open(tmp_path / "s") as store:
        store.write(NOW, entries=[approved(store)], rounds=[record], settings={"paused": "yes"})
        before = store.entries()
    with Store.open(tmp_path / "s") as store:
        assert store.entries() == before
        assert store.round("b" * 64) == record
        assert store.setting("paused") == "yes"


@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_killed_writer_leaves_each_transaction_whole_and_loses_none_that_it_reported(tmp_path, after):
    run = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "s"], stdout=subprocess.PIPE, text=True)
    for _ in range(after):
        reported = int(run.stdout.readline())
    os.kill(run.pid, signal.SIGKILL)
    rest = run.stdout.read().split()
    run.wait()
    reported = int(rest[-1]) if rest else reported
    with Store.open(tmp_path / "s") as store:
        entries, record = store.entries(), store.round("b" * 64)
    assert not ledger.verify(entries)
    assert len(entries) >= reported >= after
    assert (
        record.vector == str(len(entries)).encode()
    )  # the debit and the bytes to be sent, together or not at all


def test_a_failing_transaction_changes_nothing(tmp_path):
    with Store.open(tmp_path / "s") as store:
        entry = approved(store)
        with pytest.raises(LocalFault):
            store.write(NOW, entries=[entry], settings={"paused": None})  # refused by the table
        assert store.entries() == []
        assert store.head.length == 0
        store.write(NOW, entries=[entry])
    with Reader.open_read_only(tmp_path / "s") as reader:
        assert len(reader.entries()) == 1


def test_a_second_writer_is_turned_away_and_a_reader_is_not(tmp_path):
    with Store.open(tmp_path / "s") as store:
        store.write(NOW, entries=[approved(store)])
        with pytest.raises(InUse):
            Store.open(tmp_path / "s")
        with Reader.open_read_only(tmp_path / "s") as reader:
            assert len(reader.entries()) == 1


def test_the_lock_ends_with_the_process_that_held_it(tmp_path):
    run = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "s"], stdout=subprocess.PIPE, text=True)
    run.stdout.readline()
    with pytest.raises(InUse):
        Store.open(tmp_path / "s")
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    run.stdout.close()
    Store.open(tmp_path / "s").close()


def test_every_changed_byte_of_an_entry_is_named(tmp_path):
    with Store.open(tmp_path / "s") as store:
        for _ in range(3):
            store.write(NOW, entries=[approved(store)])
        body = store.entries()[1].body
    for place in range(len(body)):
        for flip in (1, 128):
            changed = body[:place] + bytes([body[place] ^ flip]) + body[place + 1 :]
            overwrite(tmp_path / "s" / "node.sqlite", changed)
            with Reader.open_read_only(tmp_path / "s") as reader:
                problems = ledger.verify(reader.entries())
            assert any(problem.startswith("entry 1:") for problem in problems)
    with pytest.raises(LocalFault, match="entry 1"):
        Store.open(tmp_path / "s")
    overwrite(tmp_path / "s" / "node.sqlite", body)
    Store.open(tmp_path / "s").close()


def overwrite(path, body):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("DROP TRIGGER IF EXISTS ledger_stays")
        connection.execute("UPDATE ledger SET body = ? WHERE seq = 1", (body,))
    connection.close()


@pytest.mark.parametrize("statement", ["UPDATE ledger SET digest = 'x'", "DELETE FROM ledger"])
def test_the_ledger_is_append_only_for_other_programs_too(tmp_path, statement):
    with Store.open(tmp_path / "s") as store:
        store.write(NOW, entries=[approved(store)])
    connection = sqlite3.connect(tmp_path / "s" / "node.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()


def test_files_are_for_their_owner_only(tmp_path):
    with Store.open(tmp_path / "s") as store:
        store.write(NOW, entries=[approved(store)])
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "s").iterdir()}
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o700
    assert set(modes) >= {"node.sqlite", "lock"}
    assert set(modes.values()) == {0o600}


def test_a_damaged_file_is_told_with_what_to_do(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "node.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(LocalFault, match="restore the state directory"):
        Store.open(tmp_path / "s")


def test_a_full_disk_is_told_and_changes_nothing(tmp_path):
    with Store.open(tmp_path / "s") as store:
        store.write(NOW, entries=[approved(store)])
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        record = RoundRecord("b" * 64, PROGRAMME, "2025", 1, b"", vector=bytes(1 << 20))
        with pytest.raises(LocalFault, match="disk is full"):
            store.write(NOW, entries=[approved(store)], rounds=[record])
        assert store.head.length == 1


def test_a_store_of_a_newer_version_is_not_touched(tmp_path):
    Store.open(tmp_path / "s").close()
    connection = sqlite3.connect(tmp_path / "s" / "node.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for open_it in (Store.open, Reader.open_read_only):
        with pytest.raises(LocalFault, match="newer version"):
            open_it(tmp_path / "s")


def test_reading_without_a_store_says_what_to_do(tmp_path):
    with pytest.raises(LocalFault, match="samentel-node init"):
        Reader.open_read_only(tmp_path)


def test_the_debit_is_synchronous_and_what_is_deleted_is_overwritten(tmp_path):
    with Store.open(tmp_path / "s") as store:
        asked = {
            name: store._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("synchronous", "journal_mode", "secure_delete")
        }
    assert asked == {"synchronous": 2, "journal_mode": "wal", "secure_delete": 1}


ROUND = "b" * 64


def test_a_sum_goes_on_from_the_state_that_is_stored_and_from_no_other(tmp_path):
    with Store.open(tmp_path / "s") as store:
        for version in (2, 0):
            with pytest.raises(RuntimeError, match="does not follow the last one"):
                store.write(NOW, entries=[approved(store)], sums=[SumRecord(ROUND, version, b"x")])
        assert store.sum(ROUND) is None
        store.write(NOW, sums=[SumRecord(ROUND, 1, b"one")])
        store.write(NOW, sums=[SumRecord(ROUND, 2, b"two")])
        for version in (1, 2, 4):
            with pytest.raises(RuntimeError, match="does not follow the last one"):
                store.write(NOW, entries=[approved(store)], sums=[SumRecord(ROUND, version, b"fork")])
        assert store.entries() == []
        assert store.open_sums() == [SumRecord(ROUND, 2, b"two", NOW.isoformat())]


def test_after_the_last_state_of_a_sum_nothing_comes(tmp_path):
    with Store.open(tmp_path / "s") as store:
        store.write(NOW, sums=[SumRecord(ROUND, 1, b"one")])
        store.write(NOW, sums=[SumRecord(ROUND, 2, b"")])
        assert store.open_sums() == []
        for version in (1, 3):
            with pytest.raises(RuntimeError, match="does not follow the last one"):
                store.write(NOW, sums=[SumRecord(ROUND, version, b"again")])
        assert store.sum(ROUND) == SumRecord(ROUND, 2, b"", NOW.isoformat())


def test_a_sum_says_when_it_was_written_or_what_it_is_told(tmp_path):
    with Store.open(tmp_path / "s") as store:
        store.write(NOW, sums=[SumRecord(ROUND, 1, b"one")])
        assert store.sum(ROUND).written_at == NOW.isoformat()
        store.write(NOW, sums=[SumRecord(ROUND, 2, b"two", "2020-01-01T00:00:00+00:00")])
        assert store.sum(ROUND).written_at == "2020-01-01T00:00:00+00:00"


def test_a_ledger_entry_follows_the_last_one_or_is_not_written(tmp_path):
    with Store.open(tmp_path / "s") as store:
        first = approved(store)
        store.write(NOW, entries=[first])
        with pytest.raises(RuntimeError, match="does not follow the last one"):
            store.write(NOW, entries=[first])
        assert store.entries() == [first]


def test_only_a_later_head_of_another_institution_is_kept(tmp_path):
    heads = [Head(5, "5" * 64), Head(4, "4" * 64), Head(5, "f" * 64), Head(6, "6" * 64)]
    with Store.open(tmp_path / "s") as store:
        for seen, known in zip(heads, (heads[0], heads[0], heads[0], heads[3]), strict=True):
            store.write(NOW, heads={"huis-twee": seen, "huis-drie": Head(1, "1" * 64)})
            assert store.heads() == {"huis-twee": known, "huis-drie": Head(1, "1" * 64)}


@pytest.mark.parametrize("killed", [False, True])
def test_what_is_overwritten_is_gone_from_every_file(tmp_path, killed):
    secret = b"q7vTbW2kLmX9" * 40_000

    def kept():
        return b"".join(path.read_bytes() for path in (tmp_path / "s").iterdir())

    store = Store.open(tmp_path / "s")
    store.write(NOW, sums=[SumRecord(ROUND, 1, secret)])
    assert secret[:24] in kept()
    store.write(NOW, sums=[SumRecord(ROUND, 2, b"")])
    assert secret[:24] in kept()  # in the write-ahead log: that is why it is scrubbed
    if killed:
        files = {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()}
        store.close()
        for name, data in files.items():
            (tmp_path / "s" / name).write_bytes(data)
        store = Store.open(tmp_path / "s")
    else:
        assert store.scrub()
    assert secret[:24] not in kept()
    store.close()


def test_a_store_of_the_first_version_is_brought_up_to_date(tmp_path, monkeypatch):
    with monkeypatch.context() as patches:
        patches.setattr("node.store.MIGRATIONS", MIGRATIONS[:1])
        with Store.open(tmp_path / "s") as store:
            store.write(NOW, entries=[approved(store)])
    with Store.open(tmp_path / "s") as store:
        assert len(store.entries()) == 1
        store.write(NOW, sums=[SumRecord(ROUND, 1, b"one")], heads={"huis-twee": Head(1, "1" * 64)})
