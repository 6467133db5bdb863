"""A coordinator that is stopped, killed or doubled anywhere in a secure sum says the same as before."""

import asyncio
import sqlite3
import subprocess
import sys

import pytest

from aggregator import conductor
from aggregator.book import Book, State, fold, opened
from aggregator.events import START, SumTurned
from aggregator.office import open_office
from aggregator.store import Store
from aggregator.sums import Sums
from samentel.errors import LocalFault
from samentel.wire import codec
from samentel.wire.messages import LetterKind, MessageKind, RoundPhase, SumPhase

STOPS = [SumPhase.ADVERTISING, SumPhase.SHARING, SumPhase.MASKING, SumPhase.AGREEING, SumPhase.REVEALING]


async def test_a_restart_in_every_phase_changes_no_letter_and_no_message(sector):
    async with sector() as it:
        await it.gather()
        for phase in (*STOPS, SumPhase.DONE):
            await it.run(phase)
            status, letters, log = await it.status(), await it.letters(), it.log()
            await it.restart()
            assert await it.letters() == letters
            assert (await it.status(), it.log()) == (status, log)
            for driver in it.drivers:  # whoever does not know whether it was heard says it again
                for kind in driver.stored:
                    assert (await driver.put(kind)).stored
            assert it.log() == log
        assert (await it.publish()).phase is RoundPhase.PUBLISHED
        await it.restart()
        assert await it.drivers[0].read(LetterKind.RESULT)


async def test_a_fold_from_nothing_gives_at_every_event_what_a_fold_step_by_step_gives(sector):
    async with sector() as it:
        await it.gather()
        await it.run(SumPhase.DONE)
        with opened(it.central.config) as book:
            office = open_office(it.central.config, book, it.clock)
            machines = Sums(book.store, office.key, office.programme, office.roster)
            last = _letters(office.sums, book.state.rounds[it.round_id], it)
            assert all(last.values())
            state, seen, moments = State(), 0, [event for event, _ in book.store.read(START)]
            for event, following in zip(moments, [*moments[1:], None], strict=True):
                state = fold(state, event)
                round_ = state.rounds.get(it.round_id)
                if round_ is None or (following is not None and isinstance(following.body, SumTurned)):
                    continue  # between two events of one transaction there is no state
                if not round_.start:
                    continue
                fresh = Sums(book.store, office.key, office.programme, office.roster)
                assert fresh.server(round_) == machines.server(round_)
                for name, data in _letters(fresh, round_, it).items():
                    assert data in (b"", last[name])
                seen += 1
            assert seen > 20


def _letters(sums, round_, it):
    return {(x.name, kind): sums.letter(round_, x.name, kind) for x in it.drivers for kind in LetterKind}


async def test_polls_are_forgotten_in_a_restart_and_made_again(sector):
    async with sector() as it:
        await it.gather()
        await it.run(SumPhase.MASKING)
        for driver in it.drivers:
            await driver.read(LetterKind.DELIVERY)
        for driver in it.drivers[:3]:
            await driver.notice()
        assert (await it.status()).awaited == (it.drivers[3].name,)
        await it.restart()
        assert len((await it.status()).awaited) == 4
        await it.roll_call()
        assert (await it.status()).sum_phase is SumPhase.AGREEING


DIES = """
import os, signal, sys
from pathlib import Path
from aggregator import config, mailbox
from aggregator.book import opened
from aggregator.office import open_office
from aggregator.store import Store
from samentel.wire import codec
from samentel.wire.messages import PutMessageRequest

path, node, request, when = sys.argv[1:]
append = Store.append

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def dying(self, *arguments):
    if when == "after":
        append(self, *arguments)
    die()

settings = config.load(Path(path))
with opened(settings) as book:
    box = mailbox.Mailbox(open_office(settings, book))
    Store.append = dying
    box.message(node, codec.decode(PutMessageRequest, Path(request).read_bytes()))
"""


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_kill_around_the_write_of_the_message_that_ends_the_sum(sector, tmp_path, when):
    """It is written with what follows from it, or not at all: here by a process that is really killed.

    ``test_killed_at_every_write`` looks at every other write, in one process.
    """
    async with sector() as it:
        await it.gather()
        await it.run(SumPhase.REVEALING)
        node, kind = it.drivers[-1], MessageKind.REVEAL
        for driver in it.drivers[1:]:  # three are enough
            await driver.read(LetterKind.UNANIMITY, send=driver is not node)
        before = it.log()
        await it.stop()
        file = tmp_path / "request"
        file.write_bytes(codec.encode(node.request(kind)))
        command = [sys.executable, "-c", DIES, str(it.central.config.path), node.name, str(file), when]
        killed = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60)
        assert killed.returncode == -9, killed.stderr
        await it.start()
        assert (it.log() == before) == (when == "before")
        assert (await node.put(kind)).stored
        posted = [event.body for event in it.log() if event.kind == "message-posted"]
        assert [(body.node, body.kind) for body in posted].count((node.name, "reveal")) == 1
        status = await it.run(SumPhase.DONE)
        assert status.phase is RoundPhase.SUMMED


async def test_two_processes_on_one_database_make_one_sum(sector):
    """Each has its own machine, and follows the log that the other has written."""
    async with sector() as it:
        await it.gather()
        for driver in it.drivers:
            await driver.join(send=False)
        with opened(it.central.config) as book:
            from aggregator.mailbox import Mailbox

            box = Mailbox(open_office(it.central.config, book, it.clock))
            for number, driver in enumerate(it.drivers):
                if number % 2:
                    box.message(driver.name, driver.request(MessageKind.ADVERT))
                else:
                    await driver.put(MessageKind.ADVERT)
            assert (await it.status()).sum_phase is SumPhase.SHARING
            for number, driver in enumerate(it.drivers):
                await driver.read(LetterKind.LISTING, send=False)
                if number % 2:
                    await driver.put(MessageKind.DEALING)
                    await driver.put(MessageKind.DEALING)
                else:
                    box.message(driver.name, driver.request(MessageKind.DEALING))
                    box.message(driver.name, driver.request(MessageKind.DEALING))
        status = await it.run(SumPhase.DONE)
        assert status.phase is RoundPhase.SUMMED


async def test_an_overtaken_message_is_decided_again_on_what_was_written_meanwhile(sector):
    """Between looking and writing another process takes the same message: it is stored once."""
    async with sector() as it:
        await it.gather()
        node = it.drivers[0]
        await node.join(send=False)
        from aggregator.mailbox import Mailbox

        request = node.request(MessageKind.ADVERT)
        with opened(it.central.config) as book, opened(it.central.config) as other:
            first = Mailbox(open_office(it.central.config, book, it.clock))
            second = Mailbox(open_office(it.central.config, other, it.clock))
            append, raced = book.store.append, []

            def race(*arguments):
                if not raced:
                    raced.append(second.message(node.name, request))
                return append(*arguments)

            book.store.append = race
            assert first.message(node.name, request).stored
            assert raced[0].stored
        assert [event.kind for event in it.log()].count("message-posted") == 1


@pytest.mark.parametrize("table", ["events", "blobs"])
async def test_a_changed_byte_is_found(sector, table):
    async with sector() as it:
        await it.gather()
        await it.run(SumPhase.AGREEING)
        body = next(e.body for e in it.log() if e.kind == "message-posted" and e.body.kind == "upload")
        seq = next(e.seq for e in it.log() if e.body == body)
        with sqlite3.connect(it.central.config.state / "aggregator.db") as raw:
            if table == "events":
                raw.execute(
                    "UPDATE events SET record = replace(record, 'upload', 'advert') WHERE seq = ?", (seq,)
                )
            else:
                raw.execute(
                    "UPDATE blobs SET data = zeroblob(length(data)) WHERE digest = ?", (body.attachment,)
                )
        raw.close()
        if table == "events":
            with pytest.raises(LocalFault, match=f"event {seq} of the log"):
                Book(Store(it.central.config.database_url))
            return
        book = Book(Store(it.central.config.database_url))
        office = open_office(it.central.config, book, it.clock)
        with pytest.raises(LocalFault, match="have changed"):
            office.sums.server(book.state.rounds[it.round_id])
        book.store.close()


async def test_a_log_whose_turns_do_not_follow_from_its_messages_is_found(sector):
    """As from a version with other rules: better to stop than to go on beside the nodes."""
    async with sector() as it:
        await it.gather()
        await it.run(SumPhase.MASKING)
        await it.stop()
        with opened(it.central.config) as book:
            body = SumTurned(phase="agreeing", survivors=tuple(driver.name for driver in it.drivers))
            book.store.append(book._head, it.clock(), [(it.round_id, body)])
        with opened(it.central.config) as book:
            office = open_office(it.central.config, book, it.clock)
            with pytest.raises(LocalFault, match="agreeing by the log, and masking by its messages"):
                office.sums.server(book.state.rounds[it.round_id])
        await it.start()


def test_every_phase_of_the_machine_has_its_message():
    assert set(conductor.TAKEN) == set(STOPS)
