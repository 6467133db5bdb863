"""Heads, starts and letters of others: what does not fit changes nothing."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from node import halting
from node.store import Reader, State
from node.summing import Summing
from samentel.counting.ledger import Head
from samentel.documents import programme as programmes
from samentel.errors import Reason
from samentel.ids import Digest
from samentel.secagg.messages import Kind
from samentel.wire.messages import LetterKind, RoundPhase, SumPhase


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
    "for months": {"expires_at": 91 * 24 * 60},
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


@pytest.mark.clause("TERMS-1")
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


async def test_a_head_that_cannot_be_stops_nobody(street):
    made = await street()
    made.others[0].head = Head(2**63, Digest("ee" * 32))
    made.sum.unchecked = True  # a coordinator that passes it on all the same
    await made.round_to(SumPhase.REVEALING)
    await made.house.again()
    assert len(made.sum.sent(made.house.position, Kind.REVEAL)) == 1
    with Reader.open_read_only(made.house.premises.state) as reader:
        assert set(reader.heads()) == {"huis-drie", "huis-twee", "huis-vier"} - {made.name(made.others[0])}


async def test_who_showed_a_foreign_head_is_in_the_log_and_in_the_status_until_somebody_resumes(street):
    made = await street()
    house, liar = made.house, made.others[0]
    liar.heads[house.position] = Head(99, Digest("ee" * 32))
    await made.round_to(SumPhase.SHARING)
    house.log = io.StringIO()
    await house.again()
    told = [json.loads(line) for line in house.log.getvalue().splitlines()]
    assert [line["seen_by"] for line in told if line["event"] == "rollback-detected"] == [made.name(liar)]
    with Reader.open_read_only(house.premises.state) as reader:
        assert halting.told(reader) == f"rollback-detected (shown by {made.name(liar)})"
    house.resume()
    with Reader.open_read_only(house.premises.state) as reader:
        assert halting.told(reader) == ""
        assert reader.setting(halting.SHOWN_BY) == ""


@pytest.mark.parametrize("year", [None, 9999], ids=["91-days", "year-9999"])
@pytest.mark.clause("END-2")
async def test_no_start_keeps_secrets_for_longer_than_ninety_days_by_our_clock(street, year):
    """However late the round itself ends."""
    far = datetime(year, 12, 1, tzinfo=UTC) if year else datetime.now(UTC) + timedelta(days=91)
    made = await street(hours=(far - datetime.now(UTC)) / timedelta(hours=1) / 2)
    await made.house.again()
    made.sum.begin(*(other.position for other in made.others), expires_at=far)
    made.house.log = io.StringIO()
    await made.house.again()
    assert made.house.held() is None
    assert made.house.log.getvalue().count("start-refused") == 1
    assert made.house.record().state is State.PRESENT


async def test_a_start_within_ninety_days_is_joined(street):
    made = await street()
    await made.house.again()
    expires_at = datetime.now(UTC) + timedelta(days=89)
    made.sum.begin(*(other.position for other in made.others), expires_at=expires_at)
    await made.house.again()
    assert made.house.held().sealed


async def test_a_mistake_in_one_round_leaves_the_others_attended(street, kit, monkeypatch):
    made = await street()
    await made.round_to(SumPhase.SHARING)
    second = kit.opened(programmes.parse(made.sum.programme.payload), made.sum.roster, attempt=2, number=7)
    made.house.side.announce(second, RoundPhase.GATHERING)

    async def wrong(*_):
        raise IndexError("secret text")

    monkeypatch.setattr(Summing, "go_on", wrong)
    made.house.log = io.StringIO()
    await made.house.again()
    with Reader.open_read_only(made.house.premises.state) as reader:
        assert reader.round(second.round_id).state is State.PRESENT
    assert "IndexError" in made.house.log.getvalue()
    assert "secret text" not in made.house.log.getvalue()
