"""A copy of the state directory that is put back: no second vector under the same masks."""

import shutil
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from node import halting, summing, sums_kept
from node.store import Reader
from samentel.errors import Reason
from samentel.secagg.messages import Kind
from samentel.secagg.standing import Phase, Ticked
from samentel.wire.messages import RoundPhase, SumPhase


def copied(house, to):
    """The store as it is now."""
    to.mkdir()
    for path in house.premises.state.glob("node.sqlite*"):
        shutil.copy(path, to / path.name)


def put_back(house, copy):
    for path in house.premises.state.glob("node.sqlite*"):
        path.unlink()
    for path in copy.glob("node.sqlite*"):
        shutil.copy(path, house.premises.state / path.name)


def written(house, ago):
    """As if the state had been written so long ago."""
    at = (datetime.now(UTC) - ago).isoformat()
    with house.beside() as store:
        assert store.execute("UPDATE sums SET updated_at = ?", (at,)).rowcount == 1


def told(house):
    with Reader.open_read_only(house.premises.state) as reader:
        return halting.told(reader)


async def counted_and_put_back(made, copy):
    """The masked counts are with the coordinator; the store is that of before they were made."""
    await made.round_to(SumPhase.MASKING)
    copied(made.house, copy)
    await made.house.again()
    assert len(made.sum.sent(made.house.position, Kind.UPLOAD)) == 1
    put_back(made.house, copy)
    assert made.house.opened().phase is Phase.SHARED


@pytest.mark.clause("MASK-6")
async def test_a_copy_that_is_put_back_later_never_masks_counts_again_and_only_helps(street, short_path):
    made = await street()
    await counted_and_put_back(made, short_path / "copy")
    written(made.house, sums_kept.RESUMED_WITHIN + timedelta(seconds=5))
    made.sum.stored.clear()
    for _ in range(2):
        await made.house.again()
    assert made.house.opened().phase is Phase.COUNTING
    assert "hold" not in made.house.kinds()
    assert made.sum.sent(made.house.position, Kind.UPLOAD) == []


@pytest.mark.clause("MASK-6")
async def test_who_was_away_too_long_before_the_counts_still_helps_the_others(street):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    written(made.house, sums_kept.RESUMED_WITHIN + timedelta(seconds=5))
    store, part = made.house.open()
    with store:
        for _ in range(2):  # and what this process writes itself does not make it younger
            await made.house.again(part=part)
    assert made.house.opened().phase is Phase.COUNTING
    for other in [*made.others, *made.others]:
        other.act()
    made.sum.serve(Ticked(), datetime.now(UTC) + timedelta(minutes=31))
    for other in made.others:
        other.act()
    made.sum.absent = {other.position: SumPhase.REVEALING for other in made.others[1:]}
    await made.house.again()
    assert len(made.sum.sent(made.house.position, Kind.REVEAL)) == 1
    assert made.house.kinds() == ["approved"]


async def test_a_short_restart_before_the_counts_goes_on(street):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    written(made.house, sums_kept.RESUMED_WITHIN - timedelta(minutes=1))
    await made.finish()
    assert made.house.kinds() == ["approved", "hold", "spent"]


@pytest.mark.clause("MASK-6")
async def test_a_state_from_the_future_makes_no_counts(street):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    written(made.house, -timedelta(days=3))
    await made.house.again()
    assert made.house.opened().phase is Phase.COUNTING
    assert made.house.kinds() == ["approved"]


@pytest.mark.clause("MASK-6")
@pytest.mark.parametrize(
    ("stood_still", "kinds"), [(11, ["approved"]), (-11, ["approved"]), (9, ["approved", "hold"])]
)
async def test_a_machine_that_stood_still_with_this_process_in_it_makes_no_counts(
    street, monkeypatch, stood_still, kinds
):
    """A snapshot of a virtual machine's memory: the calendar has moved and the clock has not."""
    made = await street()
    await made.round_to(SumPhase.MASKING)
    store, part = made.house.open()
    with store, monkeypatch.context() as patches:
        patches.setattr(summing.Summing, "_may_count", lambda *_: False)
        await made.house.again(part=part)
        patches.undo()
        later = datetime.now(UTC) + timedelta(minutes=stood_still)
        patches.setattr(sums_kept, "_now", lambda: later)
        await made.house.again(part=part)
    assert made.house.kinds() == kinds


@pytest.mark.clause("MASK-5")
async def test_a_copy_that_is_put_back_at_once_is_stopped_when_the_coordinator_holds_other_counts(
    street, short_path
):
    made = await street()
    await counted_and_put_back(made, short_path / "copy")
    made.house.side.decline["PutMessage"] = grpc.StatusCode.ALREADY_EXISTS
    await made.house.again()
    assert made.house.halted() is Reason.ROLLBACK_DETECTED
    assert told(made.house) == "rollback-detected (shown by coordinator)"
    before = made.house.calls()
    await made.house.again()
    assert made.house.calls() == before
    assert "spent" not in made.house.kinds()
    del made.house.side.decline["PutMessage"]
    made.sum.to(RoundPhase.ABANDONED)
    await made.house.again()
    assert made.house.kinds()[-1] == "freed"
