"""What nodes are told, and when."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from aggregator import documents
from aggregator.mailbox import Mailbox
from samentel.ids import digest
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import DocumentKind, RoundPhase


async def is_waiting(task):
    await asyncio.wait([task], timeout=0.4)
    return not task.done()


async def open_round(federation):
    admin = federation.admin_link()
    request = m.OpenRoundRequest(federation.programme.digest, "2025", 0)
    opened = (await admin.call(M.OPEN_ROUND, request)).round
    await admin.close()
    return opened


async def test_the_first_poll_is_answered_at_once_even_without_any_news(serving, tools):
    link = (await tools.enrol(serving, "amber")).link()
    started = time.monotonic()
    answer = await link.call(M.POLL, tools.poll())
    assert time.monotonic() - started < 2
    assert (answer.documents, answer.rounds) == ((), ())
    assert answer.cursor > 0


async def test_a_node_learns_the_documents_and_fetches_them_as_they_were_signed(federation, tools):
    link = federation.peers["amber"].link()
    answer = await link.call(M.POLL, tools.poll())
    kinds = [notice.kind for notice in answer.documents]
    assert kinds == [DocumentKind.ROSTER, DocumentKind.PROGRAMME]
    fetched = [
        (await link.call(M.GET_DOCUMENT, m.GetDocumentRequest(notice.digest))).envelope
        for notice in answer.documents
    ]
    assert [envelope.digest for envelope in fetched] == [notice.digest for notice in answer.documents]
    assert fetched[1] == federation.sign_programme()


async def test_a_poll_waits_until_a_command_line_publishes_something(federation, tools):
    link = federation.peers["amber"].link()
    before = await link.call(M.POLL, tools.poll())
    waiting = asyncio.ensure_future(link.call(M.POLL, tools.poll(before.cursor)))
    assert await is_waiting(waiting)
    # As from another process: the daemon is not told, it looks.
    name = await asyncio.to_thread(documents.publish, federation.config, federation.sign_programme(version=2))
    answer = await asyncio.wait_for(waiting, 5)
    assert answer.cursor > before.cursor
    assert {notice.digest for notice in answer.documents} - {it.digest for it in before.documents} == {name}


async def test_presence_and_contributions_wake_nobody(federation, tools):
    opened = await open_round(federation)
    watcher = federation.peers["dune"].link()
    cursor = (await watcher.call(M.POLL, tools.poll())).cursor
    waiting = asyncio.ensure_future(watcher.call(M.POLL, tools.poll(cursor)))
    for name in ("amber", "beryl", "coral"):
        await (
            federation.peers[name]
            .link()
            .call(M.PUT_PRESENCE, federation.peers[name].presence(opened.round_id))
        )
    assert await is_waiting(waiting)
    admin = federation.admin_link()
    await admin.call(M.COLLECT_ROUND, m.CollectRoundRequest(opened.round_id))
    assert (await asyncio.wait_for(waiting, 5)).rounds[0].phase is RoundPhase.COLLECTING
    await admin.close()


async def test_a_later_ledger_head_is_remembered_and_an_earlier_one_contradicted_once(federation, tools):
    link = federation.peers["amber"].link()
    late = digest(b"seven")
    first = await link.call(M.POLL, tools.poll(length=7, head=late))
    assert first.ledger == m.LedgerHead(7, late)
    rolled_back = tools.poll(first.cursor, length=5, head=digest(b"five"))
    told = await asyncio.wait_for(link.call(M.POLL, rolled_back), 2)
    assert told.ledger == m.LedgerHead(7, late)
    waiting = asyncio.ensure_future(link.call(M.POLL, rolled_back))
    assert await is_waiting(waiting), "a node that stopped must not poll in a busy loop"
    waiting.cancel()
    forked = tools.poll(first.cursor, length=7, head=digest(b"another seven"))
    assert (await asyncio.wait_for(link.call(M.POLL, forked), 2)).ledger.digest == late


async def test_a_ledger_head_survives_a_restart_of_the_coordinator(central, tools):
    from aggregator import daemon

    async with daemon.running(central.config):
        peer = await tools.enrol(central, "amber")
        await peer.link().call(M.POLL, tools.poll(length=3, head=digest(b"three")))
    async with daemon.running(central.config):
        link = peer.link()
        assert (await link.call(M.POLL, tools.poll())).ledger == m.LedgerHead(3, digest(b"three"))
        for it in peer.links:
            await it.close()


async def test_polls_alone_make_a_later_head_known_once_a_minute(federation, tools):
    """Straight into the mailbox, with a clock set by hand."""
    from aggregator.book import opened
    from aggregator.office import open_office

    with opened(federation.config) as book:
        now = [datetime.now(UTC)]
        mailbox = Mailbox(open_office(federation.config, book, lambda: now[0]), poll_seconds=0)

        async def show(length, node="amber"):
            request = tools.poll(length=length, head=digest(b"%d" % length))
            return (await mailbox.poll(node, request, 5)).ledger.length

        start = book.store.last()
        assert [await show(length) for length in range(1, 50)] == [1] * 49
        assert await show(9, "beryl") == 9
        assert book.store.last() - start == 2
        now[0] += timedelta(seconds=59)
        assert await show(50) == 1
        now[0] += timedelta(seconds=2)
        assert [await show(51), await show(52)] == [51, 51]
        now[0] -= timedelta(days=1)
        assert await show(53) == 53, "a clock that is put back holds nothing up"


async def test_an_idle_poll_ends_before_the_callers_own_deadline(federation, tools):
    link = federation.peers["amber"].link()
    cursor = (await link.call(M.POLL, tools.poll())).cursor
    started = time.monotonic()
    answer = await link.call(M.POLL, tools.poll(cursor), 2)
    assert answer.cursor == cursor
    assert 0.8 < time.monotonic() - started < 2


async def test_a_thousand_waiting_polls_are_cheap(federation):
    """Straight into the mailbox: a poll that waits costs no more than looking at the end of the log."""
    from aggregator.book import opened
    from aggregator.office import open_office

    with opened(federation.config) as book:
        office = open_office(federation.config, book)
        mailbox = Mailbox(office, poll_seconds=30)
        request = m.PollRequest(book.state.version, m.LedgerHead(0, "0" * 64), "test")
        spent = time.process_time()
        polls = [asyncio.ensure_future(mailbox.poll(f"node{number}", request, 40)) for number in range(1000)]
        await asyncio.sleep(0)
        opening_ms = time.process_time() - spent
        office.news.announce(book.state.version + 1)
        answers = await asyncio.wait_for(asyncio.gather(*polls), 10)
        spent = time.process_time() - spent
    assert len(answers) == 1000
    assert opening_ms < 1.0, "1 ms each, with room for a slow machine"
    assert spent < 2.0
