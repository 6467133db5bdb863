"""What a coordinator holds in memory of its sums, when it looks at the clock, what a bug may stop."""

import asyncio
import json
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from aggregator import daemon, sums
from aggregator.book import opened
from aggregator.events import TimePassed
from aggregator.office import open_office
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import LetterKind, RoundPhase, SumPhase

SECRET = "what a peer sent"
STEPS = [SumPhase.ADVERTISING, SumPhase.SHARING, SumPhase.MASKING, SumPhase.AGREEING, SumPhase.REVEALING]


def broken(*_):
    raise RuntimeError(SECRET)


@contextmanager
def beside(it):
    """A second office on the same database, and the round as it has it."""
    with opened(it.central.config) as book:
        office = open_office(it.central.config, book, it.clock)
        yield office, book.state.rounds[it.round_id]


@pytest.fixture
def folds(monkeypatch):
    """The rounds whose machine was made from nothing, in order."""
    begun, made = sums.Sums._begun, []

    def counted(self, round_):
        made.append(round_.round_id)
        return begun(self, round_)

    monkeypatch.setattr(sums.Sums, "_begun", counted)
    return made


def faults(capfd):
    """What was logged of rounds that stand still."""
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    assert not any(SECRET in line for line in lines)
    return [line for line in map(json.loads, lines) if line["event"] == "round stands still"]


@pytest.mark.parametrize("phase", STEPS, ids=lambda phase: phase.name.lower())
async def test_a_machine_is_told_the_time_only_when_a_step_is_over(sector, phase):
    async with sector() as it:
        await it.gather()
        until = datetime.fromisoformat((await it.run(phase)).step_until)
        with beside(it) as (office, round_):
            assert office.sums.passing(round_, until) is None
            late = office.sums.passing(round_, until + timedelta(seconds=1))
            # Masked counts are waited for until the round expires: nobody is known to be up.
            assert late == (TimePassed() if phase is not SumPhase.MASKING or not round_.arrived else None)


async def test_the_machine_of_a_running_sum_is_made_once_however_many_there_are(sector, folds, monkeypatch):
    monkeypatch.setattr(sums, "KEPT", 0)
    async with sector() as it:
        await it.gather()
        await it.run(SumPhase.REVEALING)
        assert folds == [it.round_id]


async def test_what_all_receive_alike_of_a_sum_that_is_over_is_made_once(sector, folds, monkeypatch):
    monkeypatch.setattr(sums, "KEPT", 0)
    async with sector() as it:
        await it.gather()
        await it.run(SumPhase.DONE)
        letters = await it.letters()
        del folds[:]
        with beside(it) as (office, round_):
            for _ in range(3):
                for kind in sums.COMMON:
                    for driver in it.drivers:
                        made = office.sums.letter(round_, driver.name, kind)
                        assert made == letters[driver.name, kind] != b""
            assert len(folds) == len(sums.COMMON)
            assert office.sums.letter(round_, "somebody-else", LetterKind.RESULT) == b""


async def test_what_a_running_sum_needs_is_forgotten_when_it_is_over(sector):
    async with sector() as it:
        await it.gather()
        await it.run(SumPhase.MASKING)
        with beside(it) as (office, round_):
            office.sums.server(round_)
            for driver in it.drivers:
                await driver.read(LetterKind.DELIVERY)
            round_ = office.refresh().rounds[it.round_id]
            office.sums.server(round_)
            assert not office.sums.notice(round_, it.drivers[0].name, it.clock())
            assert office.sums.calls(round_, it.clock())
            held = (office.sums._running, office.sums._terms)
            assert all(it.round_id in part for part in held)
            await it.admin.call(M.ABANDON_ROUND, m.AbandonRoundRequest(it.round_id, "enough"))
            office.tick()
            rolls = office.sums._rolls
            assert not any((*held, rolls._rolls, rolls._called))


async def test_a_bug_in_one_round_stops_neither_the_clock_nor_other_rounds(sector, monkeypatch, capfd):
    async with sector() as it:
        await it.gather()
        monkeypatch.setattr(sums.Sums, "passing", broken)
        other = m.OpenRoundRequest(it.programme.digest, "2024", 0)
        status = (await it.admin.call(M.OPEN_ROUND, other)).round
        await it.look()
        first, it.round_id = it.round_id, status.round_id
        it.clock.pass_by(status.gather_until)
        await it.until(lambda status: status.phase is RoundPhase.ABANDONED)
        (told,) = faults(capfd)
        assert told["round"] == first
        assert told["error"].startswith("RuntimeError at test_keeping_going.py:")


async def test_a_bug_in_one_round_does_not_keep_its_members_from_polling(sector, monkeypatch, capfd):
    async with sector() as it:
        await it.gather()
        await it.run(SumPhase.MASKING)
        monkeypatch.setattr(sums.Sums, "notice", broken)
        for driver in it.drivers:
            assert (await driver.notice()).sum_phase is SumPhase.MASKING
        assert [line["round"] for line in faults(capfd)] == [it.round_id]


async def test_the_clock_goes_on_after_any_exception(capfd):
    turns, enough = [], asyncio.Event()

    def work():
        turns.append(1)
        if len(turns) <= 2:
            broken()
        enough.set()

    task = asyncio.ensure_future(daemon._repeat(work, 0))
    await asyncio.wait_for(enough.wait(), 10)
    task.cancel()
    (line,) = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert line["event"] == "time passed without effect"
    assert line["error"].startswith("RuntimeError at test_keeping_going.py:")
