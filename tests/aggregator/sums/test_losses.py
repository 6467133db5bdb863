"""Nodes that fall out, sleep or come late; rounds that are given up; deadlines that pass."""

import asyncio
import re
from datetime import timedelta

import numpy as np
import pytest

from aggregator import conductor
from aggregator.book import opened
from aggregator.office import open_office
from samentel.secagg.dealing import SEED
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import LetterKind, RoundPhase, SumPhase

STOPS = [SumPhase.ADVERTISING, SumPhase.SHARING, SumPhase.MASKING, SumPhase.AGREEING, SumPhase.REVEALING]


def names(it, *, lost=()):
    return tuple(driver.name for at, driver in enumerate(it.drivers) if at not in lost)


def decoded(it):
    with opened(it.central.config) as book:
        office = open_office(it.central.config, book, it.clock)
        return office.sums.counts(book.state.rounds[it.round_id])


async def test_one_that_falls_out_before_it_hands_in_is_left_out_after_the_deadline(sector):
    async with sector(5) as it:
        await it.gather()
        await it.run(SumPhase.MASKING)
        for driver in it.drivers[:4]:
            await driver.read(LetterKind.DELIVERY)
        await it.roll_call(lost=(4,))
        status = await it.status()
        assert (status.sum_phase, status.awaited) == (SumPhase.MASKING, (it.drivers[4].name,))
        it.clock.pass_by(status.step_until)
        await it.roll_call(lost=(4,))  # up before the deadline is not up after it
        await it.until(lambda status: status.sum_phase is SumPhase.AGREEING)
        status = await it.run(SumPhase.DONE, lost=(4,))
        assert status.survivors == names(it, lost=(4,))
        assert status.dealt == names(it)
        np.testing.assert_array_equal(decoded(it), it.total(status.survivors))
        assert (await it.publish()).phase is RoundPhase.PUBLISHED


async def test_one_that_never_sends_its_keys_is_not_waited_for_after_that_deadline(sector):
    async with sector(5) as it:
        await it.gather()
        for driver in it.drivers[:4]:
            await driver.join()
        status = await it.status()
        assert (status.sum_phase, status.awaited) == (SumPhase.ADVERTISING, (it.drivers[4].name,))
        it.clock.pass_by(status.step_until)
        await it.until(lambda status: status.sum_phase is SumPhase.SHARING)
        for driver in it.drivers[:4]:
            await driver.read(LetterKind.LISTING)
        status = await it.run(SumPhase.DONE, lost=(4,))
        assert (status.phase, status.survivors) == (RoundPhase.SUMMED, names(it, lost=(4,)))


async def test_one_that_has_handed_in_and_does_not_poll_is_left_out_half_a_minute_after_the_deadline(sector):
    async with sector(5) as it:
        await it.gather()
        await it.run(SumPhase.MASKING)
        for driver in it.drivers:
            await driver.read(LetterKind.DELIVERY)
        await it.roll_call(lost=(2,))
        status = await it.status()
        assert (status.sum_phase, status.awaited) == (SumPhase.MASKING, (it.drivers[2].name,))
        it.clock.pass_by(status.step_until)
        await it.roll_call(lost=(2,))
        assert (await it.status()).sum_phase is SumPhase.MASKING, "it may be in the middle of a poll"
        it.clock.ahead += timedelta(seconds=31)
        status = await it.until(lambda status: status.sum_phase is SumPhase.AGREEING)
        assert status.survivors == names(it, lost=(2,))
        called = next(event.body for event in it.log() if event.kind == "roll-called")
        assert called.nodes == status.survivors
        assert await it.drivers[2].read(LetterKind.PROPOSAL), "it is told, and helps"
        status = await it.run(SumPhase.DONE, lost=(2,))
        assert status.agreed == names(it, lost=(2,))
        np.testing.assert_array_equal(decoded(it), it.total(status.survivors))


async def test_one_that_polled_before_the_deadline_and_died_is_not_in_the_set(sector):
    """It handed in and polled; a day later the time is over because another one never handed in."""
    async with sector(8, "institutions_min = 6\nabsent_max = 2") as it:
        await it.gather()
        await it.run(SumPhase.MASKING)
        for driver in it.drivers[:7]:
            await driver.read(LetterKind.DELIVERY)
        await it.roll_call(lost=(7,))
        dead = 3
        it.clock.pass_by((await it.status()).step_until)
        await it.until(lambda status: len(status.awaited) == 7)
        await it.roll_call(lost=(dead, 7))
        status = await it.status()
        assert (status.sum_phase, status.awaited) == (SumPhase.MASKING, (it.drivers[dead].name,))
        it.clock.ahead += timedelta(seconds=31)
        status = await it.until(lambda status: status.sum_phase is SumPhase.AGREEING)
        assert status.survivors == names(it, lost=(dead, 7))
        status = await it.run(SumPhase.DONE, lost=(dead, 7))
        np.testing.assert_array_equal(decoded(it), it.total(status.survivors))


async def test_too_few_awake_are_waited_for_and_the_round_dies_at_its_end(sector):
    async with sector(4) as it:
        await it.gather()
        await it.run(SumPhase.MASKING)
        for driver in it.drivers:
            await driver.read(LetterKind.DELIVERY)
        status = await it.status()
        it.clock.pass_by(status.step_until)
        it.clock.ahead += timedelta(seconds=40)
        await it.roll_call(lost=(2, 3))
        await it.look()
        status = await it.status()
        assert (status.sum_phase, status.awaited) == (SumPhase.MASKING, names(it, lost=(0, 1)))
        it.clock.ahead += it.central.config.expire
        status = await it.until(lambda status: status.phase is RoundPhase.ABANDONED)
        assert (status.sum_phase, status.reason) == (SumPhase.FAILED, "the time of the round is over")
        assert status.agreed == ()


async def test_everybody_who_waits_is_woken_once_all_have_handed_in_and_again_at_the_deadline(sector):
    async with sector(5) as it:
        await it.gather()
        await it.run(SumPhase.MASKING)
        for driver in it.drivers[:3]:
            await driver.read(LetterKind.DELIVERY)
        waiting, idle = it.drivers[0], it.drivers[1]
        await waiting.poll()
        cursor = waiting.cursor
        task = asyncio.ensure_future(waiting.poll(20))
        await it.drivers[3].read(LetterKind.DELIVERY)
        await it.look()
        assert not task.done(), "one is still missing"
        await it.drivers[4].read(LetterKind.DELIVERY)
        await asyncio.wait_for(task, 5)
        assert waiting.cursor == cursor, "woken without news"
        again = asyncio.ensure_future(waiting.poll(20))
        await it.look()
        await it.look()
        assert not again.done(), "once, not in a busy loop"
        it.clock.pass_by((await it.status()).step_until)
        await asyncio.wait_for(again, 5)
        assert waiting.cursor == cursor
        last = asyncio.ensure_future(waiting.poll(20))
        for driver in it.drivers[1:]:
            await driver.notice()
        assert idle.cursor > 0
        told = await asyncio.wait_for(last, 5)
        assert (told.rounds[-1].sum_phase, waiting.cursor > cursor) == (SumPhase.AGREEING, True)


async def test_a_poll_from_before_the_last_masked_counts_does_not_say_that_a_node_is_up_now(sector):
    async with sector(4) as it:
        await it.gather()
        await it.run(SumPhase.MASKING)
        for driver in it.drivers[:3]:
            await driver.read(LetterKind.DELIVERY)
            await driver.notice()
        await it.drivers[3].read(LetterKind.DELIVERY)
        await it.drivers[3].notice()
        status = await it.status()
        assert (status.sum_phase, status.awaited) == (SumPhase.MASKING, names(it, lost=(3,)))
        await it.roll_call()
        assert (await it.status()).sum_phase is SumPhase.AGREEING


@pytest.mark.parametrize("phase", STOPS, ids=lambda phase: phase.name.lower())
async def test_a_round_can_be_given_up_in_every_phase_and_says_who_has_spent(sector, refused, phase):
    async with sector(4) as it:
        await it.gather()
        await it.run(phase)
        if phase is SumPhase.AGREEING:
            await it.drivers[1].read(LetterKind.PROPOSAL)
        asked = m.AbandonRoundRequest(it.round_id, "a node is lost")
        another = m.OpenRoundRequest(it.programme.digest, "2025", 2)
        assert "not abandoned" in (await refused(it.admin.call(M.OPEN_ROUND, another)))[1]
        status = (await it.admin.call(M.ABANDON_ROUND, asked)).round
        assert (status.phase, status.sum_phase, status.reason) == (
            RoundPhase.ABANDONED,
            phase,
            "a node is lost",
        )
        assert (status.awaited, status.step_until) == ((), "")
        spent = {SumPhase.AGREEING: (it.drivers[1].name,), SumPhase.REVEALING: names(it)}
        assert status.agreed == spent.get(phase, ())
        assert (status.survivors != ()) == (phase >= SumPhase.AGREEING)
        assert set((await it.letters()).values()) == {b""}
        notice = await it.drivers[0].notice()
        assert (notice.phase, notice.sum_phase) == (RoundPhase.ABANDONED, phase)
        last = len(it.log())
        it.clock.ahead += it.central.config.expire * 3
        await it.look()
        assert len(it.log()) == last, "time does not touch it any more"
        second = (await it.admin.call(M.OPEN_ROUND, another)).round
        assert (second.attempt, second.sum_phase) == (2, SumPhase.NONE)


async def test_a_summed_round_can_be_given_up_and_a_published_one_not(sector, refused):
    async with sector(4) as it:
        await it.gather()
        await it.run(SumPhase.DONE)
        await it.publish()
        asked = m.AbandonRoundRequest(it.round_id, "no")
        assert "published and stays so" in (await refused(it.admin.call(M.ABANDON_ROUND, asked)))[1]


async def test_too_few_present_do_not_begin_and_the_numbers_are_said(sector, refused):
    async with sector(5) as it:
        # The programme asks for three; but of three nobody can be spared, and one may fall out.
        opened_ = (await it.ask()).round
        assert opened_.institutions_min == 4
        for driver in it.drivers[:3]:
            await driver.link.call(M.PUT_PRESENCE, driver.peer.presence(opened_.round_id))
        answer = await refused(it.admin.call(M.COLLECT_ROUND, m.CollectRoundRequest(opened_.round_id)))
        assert answer[1:] == ("3 institutions are present, 4 are needed", "parameter-below-floor")


@pytest.mark.parametrize(
    ("size", "rules", "why"),
    [
        pytest.param(2, "", "2 institutions are on the roster, 3 are needed", id="below-the-least-number"),
        pytest.param(3, "absent_max = 1", "with a roster of 3 institutions.*3 .* cannot spare 1", id="spare"),
    ],
)
async def test_a_roster_that_is_too_small_is_refused_when_the_round_is_opened(
    sector, refused, size, rules, why
):
    async with sector(size, rules) as it:
        _, text, reason = await refused(it.ask())
        assert (reason, re.search(why, text) is not None) == ("parameter-below-floor", True)
        assert (await it.admin.call(M.LIST_ROUNDS, m.ListRoundsRequest())).rounds == ()


async def test_gathering_ends_by_the_clock_with_a_start_that_fits_the_round(sector):
    async with sector(4) as it:
        it.round_id = (await it.ask()).round.round_id
        for driver in it.drivers:
            await driver.link.call(M.PUT_PRESENCE, driver.peer.presence(it.round_id))
        status = await it.status()
        assert status.awaited == ()
        it.clock.pass_by(status.gather_until)
        await it.until(lambda status: status.sum_phase is SumPhase.ADVERTISING)
        for driver in it.drivers:
            await driver.announce()
        deadlines = it.drivers[0].machine.terms.deadlines
        assert deadlines.mask_until.isoformat() == status.collect_until
        assert deadlines.expires_at - deadlines.mask_until == it.central.config.expire
        assert (await it.run(SumPhase.DONE)).phase is RoundPhase.SUMMED


async def test_a_coordinator_that_was_not_there_when_gathering_ended_does_not_begin_too_late(sector):
    async with sector(4) as it:
        it.round_id = (await it.ask()).round.round_id
        for driver in it.drivers:
            await driver.link.call(M.PUT_PRESENCE, driver.peer.presence(it.round_id))
        until = (await it.status()).collect_until
        await it.stop()
        it.clock.pass_by(until)
        await it.start()
        status = await it.until(lambda status: status.phase is RoundPhase.ABANDONED)
        assert (status.sum_phase, "too little time" in status.reason) == (SumPhase.NONE, True)


async def test_a_dealer_that_deals_wrongly_is_named_and_the_proof_is_kept(sector, capfd):
    """Shares that do not fit the commitment: the dealer signs another seed than it has shared."""
    from samentel.secagg import evidence
    from samentel.secagg.encoding import decode

    async with sector(4) as it:
        await it.gather()
        liar = it.drivers[2]
        terms = liar.machine.terms
        status = await it.convict(liar)
        assert (status.phase, status.sum_phase) == (RoundPhase.ABANDONED, SumPhase.FAILED)
        assert liar.name in status.reason
        convicted = next(event.body for event in it.log() if event.kind == "dealer-convicted")
        with opened(it.central.config) as book:
            proof = decode(evidence.BadDealing, book.store.blob(convicted.evidence))
        assert (convicted.node, proof.which) == (liar.name, SEED)
        assert evidence.proves(terms, proof)
        assert '"dealer-convicted"' in capfd.readouterr().err


def test_a_round_that_is_over_is_not_asked_to_pass_time():
    assert not conductor.OPEN & conductor.OVER
