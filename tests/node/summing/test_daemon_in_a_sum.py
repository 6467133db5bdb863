"""The daemon as a process of its own in a secure sum: killed in the middle, started again, once charged."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

from node import daemon
from node.store import State
from samentel.secagg.messages import Kind
from samentel.wire import messages as m
from samentel.wire.messages import RoundPhase, SumPhase

NODE = [str(Path(sys.executable).with_name("samentel-node"))]


class Running:
    """A daemon's process."""

    def __init__(self, house, log):
        arguments = ["--config", str(house.premises.config.path), "run"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with log.open("ab") as file:
            self.process = subprocess.Popen([*NODE, *arguments], stdout=file, stderr=file, env=environment)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)


def state(house):
    record = house.record()
    return record.state if record else None


async def test_a_killed_daemon_goes_on_in_its_sum_and_a_release_is_booked(kit, street, sums, short_path):
    made = await street()
    house, log = made.house, short_path / "log"
    running = Running(house, log)
    try:
        await kit.until(lambda: state(house) is State.PRESENT, 60)
        made.sum.begin(*(other.position for other in made.others))

        def reached(phase):
            for other in made.others:
                other.act()
            made.sum.tell()
            return made.sum.sum_phase >= phase

        await kit.until(lambda: reached(SumPhase.SHARING), 60)
        running.kill()
        running = Running(house, log)
        await kit.until(lambda: reached(SumPhase.MASKING), 60)
        await kit.until(lambda: made.sum.sent(house.position, Kind.UPLOAD), 60)
        running.kill()
        running = Running(house, log)
        await kit.until(lambda: reached(SumPhase.DONE), 60)
        made.sum.to(RoundPhase.PUBLISHED, sums.RELEASE)
        await kit.until(lambda: state(house) is State.PUBLISHED, 60)
    finally:
        running.kill()
    assert house.kinds() == ["approved", "hold", "spent", "published"]
    assert len(set(made.sum.sent(house.position, Kind.UPLOAD))) == 1
    assert house.held().sealed == b""
    assert "Traceback" not in log.read_text()


async def test_a_daemon_that_cannot_reach_anybody_still_wipes_what_is_over(kit, street, sums, short_path):
    made = await street()
    house, log = made.house, short_path / "log"
    await house.again()
    now = sums.datetime.now(sums.UTC)
    moments = {
        "advertise_until": now + sums.timedelta(seconds=3),
        "share_until": now + sums.timedelta(seconds=4),
        "mask_until": now + sums.timedelta(seconds=5),
        "expires_at": now + sums.timedelta(seconds=6),
    }
    made.sum.begin(*(other.position for other in made.others), **moments)
    await house.again()
    assert house.held().sealed
    sums.redirect(house.premises, "127.0.0.1:1")
    running = Running(house, log)
    try:
        await kit.until(lambda: house.held().sealed == b"", 60)
    finally:
        running.kill()
    assert house.record().state is State.MISSED


async def test_a_coordinator_that_drips_does_not_keep_the_daemon_from_passing_time(
    kit, street, sums, monkeypatch
):
    """Every piece is whole and comes in time, and the letter never ends before the sum's own end."""
    made = await street()
    house = made.house
    await house.again()
    now = sums.datetime.now(sums.UTC)
    moments = {
        "advertise_until": now + sums.timedelta(seconds=4),
        "share_until": now + sums.timedelta(seconds=5),
        "mask_until": now + sums.timedelta(seconds=6),
        "expires_at": now + sums.timedelta(seconds=7),
    }
    made.sum.begin(*(other.position for other in made.others), **moments)
    await house.again()
    assert house.held().sealed
    made.sum.sum_phase = SumPhase.SHARING
    made.sum.tell()

    async def drip(request):
        await asyncio.sleep(0.2)
        return m.GetLetterResponse(b"\1" * m.PIECE, m.LETTER_MOST)

    made.sum.dripping = drip
    monkeypatch.setattr(m, "PIECE", 1)
    monkeypatch.setattr(daemon, "ATTEND_SECONDS", 1.0)
    house.log = io.StringIO()
    with sums.Store.open(house.premises.state) as store:
        running = daemon.Daemon(house.premises.config, store, sums.Journal(house.log))
        task = asyncio.ensure_future(running.run())
        await kit.until(lambda: store.sum(made.sum.round.round_id).sealed == b"", 60)
        running.stop()
        await asyncio.wait_for(task, 60)
    assert house.record().state is State.MISSED
    assert '"unreachable"' in house.log.getvalue()
