"""Heads, starts and letters of others: what does not fit changes nothing."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from node.store import State
from samentel.counting.ledger import Head
from samentel.errors import Reason
from samentel.ids import Digest
from samentel.secagg.messages import Kind
from samentel.wire.messages import LetterKind, SumPhase


async def test_a_head_that_another_institution_has_seen_pauses_a_rolled_back_node(street):
    made = await street()
    house, foreign = made.house, [Head(9, Digest("9a" * 32)), Head(7, Digest("7a" * 32))]
    for other, head in zip(made.others, foreign, strict=False):
        other.heads[house.position] = head
    await made.round_to(SumPhase.SHARING)
    await house.again()
    assert house.halted() is Reason.ROLLBACK_DETECTED
    assert made.sum.sent(house.position, Kind.DEALING) == []
    before = made.house.calls()
    await house.again()
    assert made.house.calls() == before
    made.house.resume()  # once, though two have seen different heads
    await made.finish()
    assert house.kinds()[-1] == "spent"
    assert house.halted() is None


STARTS = {
    "beyond the round": {"mask_until": 130, "expires_at": 140},
    "for months": {"expires_at": 32 * 24 * 60},
    "in disorder": {"mask_until": 15},
}


@pytest.mark.parametrize("changes", STARTS.values(), ids=STARTS)
async def test_a_start_that_does_not_fit_its_round_starts_nothing(street, sums, changes, monkeypatch):
    made = await street(hours=1)
    await made.house.again()
    now = datetime.now(UTC)
    moments = {name: now + timedelta(minutes=minutes) for name, minutes in changes.items()}
    made.sum.begin(0, 2, 3)
    values = {
        "advertise_until": now + timedelta(minutes=10),
        "share_until": now + timedelta(minutes=20),
        "mask_until": now + timedelta(minutes=30),
        "expires_at": now + timedelta(minutes=60),
        **moments,
    }
    start = sums.Start(round=made.sum.round.round_id, **values)
    made.sum.start = (sums.state(start, made.kit.COORDINATOR),)
    made.sum.tell()
    made.house.log = io.StringIO()
    store, part = made.house.open()
    with store:
        for _ in range(3):
            await made.house.again(part=part, new_line=False)
    assert made.house.held() is None
    assert made.house.log.getvalue().count("start-refused") == 1
    assert made.house.record().state is State.PRESENT


async def test_a_start_that_another_has_signed_or_of_another_round_starts_nothing(street, sums):
    made = await street()
    await made.house.again()
    made.sum.begin(0, 2, 3)
    good = sums.state(sums.Start.model_validate_json(made.sum.start[0].payload), made.kit.OTHERS[0])
    other = sums.Start.model_validate_json(made.sum.start[0].payload).model_copy(update={"round": "1" * 64})
    for start in (good, sums.state(other, made.kit.COORDINATOR)):
        made.sum.start = (start,)
        made.sum.tell()
        await made.house.again()
        assert made.house.held() is None


async def test_a_second_start_changes_nothing(street, sums):
    made = await street()
    await made.round_to(SumPhase.SHARING)
    first = made.house.opened().terms
    later = sums.Start.model_validate_json(made.sum.start[0].payload)
    later = later.model_copy(update={"expires_at": later.expires_at - timedelta(hours=1)})
    made.sum.start = (sums.state(later, made.kit.COORDINATOR),)
    made.sum.tell()
    await made.house.again()
    assert made.house.opened().terms == first
    await made.finish()


async def test_a_letter_that_breaks_the_protocol_changes_nothing_and_is_told_once(street):
    made = await street()
    await made.round_to(SumPhase.AGREEING)
    held, kinds = made.house.held(), made.house.kinds()
    made.sum.lies[LetterKind.PROPOSAL] = b"\1" * 200
    made.house.log = io.StringIO()
    store, part = made.house.open()
    with store:
        for _ in range(3):
            await made.house.again(part=part, new_line=False)
    assert (made.house.held(), made.house.kinds()) == (held, kinds)
    assert made.house.log.getvalue().count("sum-refused") == 1
    made.sum.lies.clear()
    await made.finish()


async def test_a_message_that_is_turned_down_is_not_sent_again_on_this_connection(street, sums):
    made = await street()
    await made.round_to(SumPhase.SHARING)
    made.house.side.decline["PutMessage"] = sums.grpc.StatusCode.FAILED_PRECONDITION
    made.house.log = io.StringIO()
    store, part = made.house.open()
    with store:
        for _ in range(3):
            await made.house.again(part=part, new_line=False)
        assert made.house.calls().count("PutMessage") == 2  # the advert, and the dealing once
        assert made.house.log.getvalue().count("sum-declined") == 1
        del made.house.side.decline["PutMessage"]
        await made.house.again(part=part)  # a new connection
    assert len(made.sum.sent(made.house.position, Kind.DEALING)) == 1
