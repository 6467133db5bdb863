"""What each operation does to a world, and playing a whole schedule."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from simulated import operations as op
from simulated import premises
from simulated.line import Handed
from simulated.remembered import remember
from simulated.world import Outcome, Play, World

from aggregator import link, mailbox, office
from node import attendance, permission, summing, sums_kept
from samentel.wire import codec
from samentel.wire import methods as M


def played(schedule: op.Schedule, size: int, seed: int) -> Outcome:
    """The outcome of a schedule among ``size`` institutions, with the randomness of ``seed``."""
    with premises.copied(premises.template(size)) as made, premises.seeded(f"list {seed}"):
        world = World(made)
        try:
            with _in_place(world):
                return asyncio.run(world.play(schedule, PLAYS))
        finally:
            world.close()


@contextmanager
def _in_place(world: World) -> Iterator[None]:
    """The world's clock, and its one number, in the place of the real ones; what is told is listened to."""

    def warned(event: str, **values: object) -> None:
        wrong = event == "round stands still" or values.get("code") == "internal"
        if wrong:
            world.witness.broken.append(f"coordinator: {event}: {values.get('error')}")

    with pytest.MonkeyPatch.context() as patch:
        for module in (attendance, permission, summing, sums_kept):
            patch.setattr(module, "_now", world.now)
        # The machine never stands still: its clock goes as the calendar does.
        patch.setattr(sums_kept, "monotonic", lambda: world.now().timestamp())
        patch.setattr(permission, "_drawn", world.drawn)
        for module in (link, mailbox, office):
            patch.setattr(module, "warn", warned)
        for module in (link, office):
            patch.setattr(module, "note", lambda *_, **__: None)
        remember(patch)
        yield


async def _deliver(world: World, it: op.Deliver) -> None:
    await world.deliver(it.node)


async def _everybody(world: World, it: op.Everybody) -> None:
    await world.everybody(it.first)


async def _arm_line(world: World, it: Any) -> None:
    world.lines[it.node].arm(it)


async def _duplicate(world: World, it: op.Duplicate) -> None:
    await _again(world, it.node, 1)


async def _reorder(world: World, it: op.Reorder) -> None:
    await _again(world, it.node, it.back)


async def _again(world: World, node: int, back: int) -> None:
    line = world.lines[node]
    if len(line.handed) >= back:
        await line.again(line.handed[-back])


async def _replay(world: World, it: op.Replay) -> None:
    latest = world.coordinator.rounds()[-1].round_id
    strange = [
        one.request
        for at, line in enumerate(world.lines)
        for one in line.handed
        if one.method is M.PUT_MESSAGE and (at != it.node or one.request.round_id != latest)
    ]
    if strange:
        request = replace(strange[it.choice % len(strange)], round_id=latest)
        await world.lines[it.node].again(Handed(M.PUT_MESSAGE, request, codec.encode(request)))


async def _restore(world: World, it: op.Restore) -> None:
    world.restore(it.node)


async def _restart(world: World, it: op.Restart) -> None:
    node = world.nodes[it.node]
    node.stop()
    if node.here:
        node.start()


async def _restart_coordinator(world: World, _: op.RestartCoordinator) -> None:
    world.coordinator.restart()


async def _crash(world: World, it: op.Crash) -> None:
    world.nodes[it.node].deaths.arm(it.at, it.nth)


async def _crash_coordinator(world: World, it: op.CrashCoordinator) -> None:
    world.coordinator.log.doom = (it.nth, it.written)


async def _advance(world: World, it: op.Advance) -> None:
    world.let_pass(timedelta(seconds=it.seconds))


async def _equivocate(world: World, it: op.Equivocate) -> None:
    world.lies[it.node][it.lie] = it.choice


async def _leave(world: World, it: op.Leave) -> None:
    world.nodes[it.node].here = False
    world.nodes[it.node].stop()


async def _late_join(world: World, it: op.LateJoin) -> None:
    world.nodes[it.node].here = True


async def _revoke(world: World, it: op.Revoke) -> None:
    world.coordinator.revoke(world.nodes[it.node].name)


async def _withdraw(world: World, it: op.Withdraw) -> None:
    world.nodes[it.node].withdraw()


async def _pause(world: World, it: op.Pause) -> None:
    world.nodes[it.node].pause()


async def _resume(world: World, it: op.Resume) -> None:
    world.nodes[it.node].resume_if_asked()


async def _open_round(world: World, _: op.OpenRound) -> None:
    await world.open_round()


async def _collect(world: World, _: op.Collect) -> None:
    world.each_round(world.coordinator.collect)


async def _abandon(world: World, _: op.Abandon) -> None:
    world.coordinator.abandon(world.coordinator.rounds()[-1])


async def _publish(world: World, _: op.Publish) -> None:
    world.each_round(world.coordinator.publish)


PLAYS: Mapping[type, Play] = {
    op.Deliver: _deliver,
    op.Everybody: _everybody,
    op.DropRequest: _arm_line,
    op.DropReply: _arm_line,
    op.Tamper: _arm_line,
    op.Duplicate: _duplicate,
    op.Reorder: _reorder,
    op.Replay: _replay,
    op.Restart: _restart,
    op.RestartCoordinator: _restart_coordinator,
    op.Crash: _crash,
    op.CrashCoordinator: _crash_coordinator,
    op.Advance: _advance,
    op.Equivocate: _equivocate,
    op.Restore: _restore,
    op.Leave: _leave,
    op.LateJoin: _late_join,
    op.Revoke: _revoke,
    op.Withdraw: _withdraw,
    op.Pause: _pause,
    op.Resume: _resume,
    op.OpenRound: _open_round,
    op.Collect: _collect,
    op.Abandon: _abandon,
    op.Publish: _publish,
}
