"""What is larger than one message: cut up, put together again, resumed from where the other side is."""

import io

import pytest

from node.link import Unreachable
from samentel.secagg.messages import Kind
from samentel.wire import messages as m
from samentel.wire.messages import SumPhase

PIECE = 17


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(m, "PIECE", PIECE)


async def test_a_whole_round_goes_through_in_small_pieces(street):
    made = await street()
    await made.round_to(SumPhase.DONE)
    assert max(length for _, length in made.sum.pieces) == PIECE
    for kind in (Kind.ADVERT, Kind.DEALING, Kind.UPLOAD):
        ((_, attachment),) = set(made.sum.sent(made.house.position, kind))
        assert len(attachment) > 2 * PIECE


async def test_after_a_lost_connection_it_goes_on_where_the_coordinator_is(street):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    begun, left = len(made.sum.pieces), [2]

    def interrupted(held):
        left[0] -= 1
        if left[0] == 0:
            made.house.side.fail["PutMessage"] = -1
        return held

    made.sum.piece_fault = interrupted
    with pytest.raises(Unreachable):
        await made.house.again()
    made.sum.piece_fault = None
    await made.house.again()
    offsets = [offset for offset, _ in made.sum.pieces[begun:]]
    assert offsets[:2] == [0, PIECE]
    assert offsets[2:4] == [0, 2 * PIECE]  # the first piece again, then from where the coordinator stands
    assert len(made.sum.sent(made.house.position, Kind.UPLOAD)) == 1


async def test_a_coordinator_that_has_lost_the_pieces_gets_them_from_the_start(street):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    left = [3]

    def forgetful(held):
        left[0] -= 1
        return b"" if left[0] == 0 else held

    made.sum.piece_fault = forgetful
    await made.house.again()
    assert left[0] < 0
    assert len(made.sum.sent(made.house.position, Kind.UPLOAD)) == 1


async def test_a_coordinator_that_never_has_enough_is_not_fed_for_ever(street):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    made.sum.piece_fault = lambda _: b""
    made.house.log = io.StringIO()
    await made.house.again()
    assert made.house.log.getvalue().count("sum-refused") == 1
    assert made.sum.sent(made.house.position, Kind.UPLOAD) == []


async def test_a_letter_in_single_bytes_is_refused_at_the_first(street):
    made = await street()
    await made.round_to(SumPhase.AGREEING)
    before = made.house.calls().count("GetLetter")

    async def drip(_):
        return m.GetLetterResponse(b"\1", 10 * PIECE)

    made.sum.dripping = drip
    made.house.log = io.StringIO()
    await made.house.again()
    assert made.house.calls().count("GetLetter") == before + 1
    assert made.house.log.getvalue().count("sum-refused") == 1
    made.sum.dripping = None
    await made.finish()
