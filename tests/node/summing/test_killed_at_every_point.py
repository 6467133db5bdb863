"""The process dies between any two writes and calls: one HOLD, one SPENT, the same bytes.

To die after one of them is to die before the next, so that each point is looked at once.
"""

import pytest

from node.link import Link, Unreachable
from node.store import State, Store
from samentel.secagg.messages import Kind
from samentel.wire.messages import RoundPhase, SumPhase

POINTS_AT_LEAST = 23  # five messages, five letters, presence and roster, and what is written in between
KINDS = (Kind.ADVERT, Kind.DEALING, Kind.UPLOAD, Kind.AGREEMENT)
PARTS = 2  # of the points: a test for each


class Death:
    """Kills at one point of a life, counted over writes and calls: just after it."""

    def __init__(self, monkeypatch, killed, at):
        self.points, self.at, self.killed = 0, at, killed
        write, call = Store.write, Link.call

        def dying_write(store, *arguments, **values):
            write(store, *arguments, **values)
            self.pass_point()

        async def dying_call(link, *arguments, **values):
            answer = await call(link, *arguments, **values)
            self.pass_point()
            return answer

        monkeypatch.setattr(Store, "write", dying_write)
        monkeypatch.setattr(Link, "call", dying_call)

    def pass_point(self):
        self.points += 1
        if self.points == self.at:
            raise self.killed


async def lived(street, sums, number, monkeypatch, at):
    """A round with one death; the number of points that it has passed, and the street."""
    made = await street(number)
    with monkeypatch.context() as patches:
        death = Death(patches, sums.Killed, at)

        async def live(step):
            try:
                await step()
            except sums.Killed:
                await step()

        await live(made.house.again)
        made.sum.begin(*(other.position for other in made.others))
        for _ in range(8):
            for other in made.others:
                other.act()
            await live(made.house.again)
            if made.sum.phase is RoundPhase.SUMMED:
                break
        assert made.sum.phase is RoundPhase.SUMMED
        made.sum.to(RoundPhase.PUBLISHED, sums.RELEASE)
        await live(made.house.again)
    return death.points, made


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.clause("STORE-1", "ADV-3", "DEAL-4", "MASK-3")
async def test_it_ends_well_wherever_the_process_dies(street, sums, monkeypatch, part):
    points, whole = await lived(street, sums, 0, monkeypatch, 0)
    assert points >= POINTS_AT_LEAST
    assert len(whole.sum.sent(whole.house.position, Kind.REVEAL)) == 1
    for at in range(1 + part, points + 1, PARTS):
        passed, made = await lived(street, sums, at, monkeypatch, at)
        assert passed >= at
        house = made.house
        assert house.kinds() == ["approved", "hold", "spent", "published"], at
        assert house.record().state is State.PUBLISHED, at
        assert house.held().sealed == b"", at
        for kind in KINDS:
            assert len(set(made.sum.sent(house.position, kind))) == 1, (at, kind)
        assert (
            len(set(made.sum.sent(house.position, Kind.REVEAL))) <= 1
        )  # t of the others may have been faster
        assert len({one.digest for one in house.side.presences}) == 1
        (summed,) = made.sum.summed()
        assert house.position in summed.positions


@pytest.mark.parametrize("moment", [pytest.param(1, id="before"), pytest.param(-1, id="after")])
@pytest.mark.parametrize(
    ("phase", "kind"),
    [
        (SumPhase.ADVERTISING, Kind.ADVERT),
        (SumPhase.SHARING, Kind.DEALING),
        (SumPhase.MASKING, Kind.UPLOAD),
        (SumPhase.AGREEING, Kind.AGREEMENT),
        (SumPhase.REVEALING, Kind.REVEAL),
    ],
)
@pytest.mark.clause("MASK-5")
async def test_a_lost_connection_brings_the_same_bytes_again(street, phase, kind, moment):
    made = await street()
    await made.round_to(phase)
    made.house.side.fail["PutMessage"] = moment
    with pytest.raises(Unreachable):
        await made.house.again()
    held = made.house.held()
    await made.house.again()
    if phase is not SumPhase.REVEALING:
        await made.finish()
    assert made.house.held().version >= held.version
    sent = made.sum.sent(made.house.position, kind)
    assert len(sent) >= (1 if moment > 0 else 2)
    assert len(set(sent)) == 1
    assert made.house.kinds() == ["approved", "hold", "spent"]
