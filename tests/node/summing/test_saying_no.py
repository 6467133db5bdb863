"""What a person says in the middle of a sum, and what it costs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from node import approving, config, halting, permission, summing
from node.store import State
from samentel.documents import programme as programmes
from samentel.documents.statements import Approval, state
from samentel.errors import Reason
from samentel.secagg.messages import Kind
from samentel.secagg.standing import Phase, Ticked
from samentel.wire.messages import RoundPhase, SumPhase

BEFORE_AGREEMENT = [SumPhase.SHARING, SumPhase.MASKING, SumPhase.AGREEING]


def withdraw(made):
    digest = programmes.parse(made.sum.programme.payload).digest
    approving.withdraw(made.house.premises.config, digest, withdrawn_by="De FG")


def approve_again(made):
    made.house.premises.approve(made.sum.programme, individual=False)


NO = [
    pytest.param(lambda made: made.house.pause(), lambda made: made.house.resume(), "paused", id="paused"),
    pytest.param(withdraw, approve_again, "approval-expired", id="withdrawn"),
]


@pytest.mark.parametrize("phase", BEFORE_AGREEMENT)
@pytest.mark.parametrize(("no", "yes", "reason"), NO)
async def test_a_no_before_the_agreement_costs_nothing_and_a_yes_after_it_goes_on(
    street, phase, no, yes, reason
):
    made = await street()
    await made.round_to(phase)
    no(made)
    before, held = made.house.calls(), made.house.held()
    for _ in range(3):
        await made.house.again()
    assert made.house.calls() == before
    assert (made.house.held(), made.house.record().reason) == (held, reason)
    assert made.house.kinds().count("refused") == 1
    assert "spent" not in made.house.kinds()
    yes(made)
    await made.finish()
    assert made.house.kinds().count("hold") == made.house.kinds().count("spent") == 1
    assert made.house.record().reason == ""


@pytest.mark.parametrize(("no", "yes", "reason"), NO)
async def test_who_has_said_no_until_the_end_is_freed(street, no, yes, reason):
    made = await street()
    await made.round_to(SumPhase.AGREEING)
    no(made)
    await made.house.again()
    made.sum.to(RoundPhase.ABANDONED)
    await made.house.again()
    assert made.house.kinds()[-1] == "freed"
    assert "spent" not in made.house.kinds()
    assert made.house.record().state is State.ABANDONED
    assert made.house.held().sealed == b""


async def test_a_no_while_the_noise_is_drawn_still_holds(street, monkeypatch):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    draw = permission.Permission.draw
    store, part = made.house.open()

    async def meanwhile(own, permit):
        drawn = await draw(own, permit)
        halting.pause(store, "holiday")
        return drawn

    with store, monkeypatch.context() as patches:
        patches.setattr(permission.Permission, "draw", meanwhile)
        await made.house.again(part=part)
    assert "hold" not in made.house.kinds()
    assert made.sum.sent(made.house.position, Kind.UPLOAD) == []
    assert made.house.opened().phase is Phase.COUNTING
    made.house.resume()
    await made.finish()
    assert made.house.kinds().count("hold") == made.house.kinds().count("spent") == 1


async def test_a_no_while_the_proposal_is_on_its_way_still_holds(street):
    made = await street()
    await made.round_to(SumPhase.AGREEING)
    store, part = made.house.open()
    made.sum.while_asked = lambda: halting.pause(store, "holiday")
    with store:
        await made.house.again(part=part)
    assert made.house.calls()[-1] == "GetLetter"
    assert "spent" not in made.house.kinds()
    assert made.house.opened().phase is Phase.MASKED


async def test_a_pause_after_the_agreement_keeps_back_what_is_spent_until_it_ends(street):
    made = await street()
    await made.round_to(SumPhase.REVEALING)
    made.house.pause()
    before = made.house.calls()
    for _ in range(2):
        await made.house.again()
    assert made.house.calls() == before
    assert made.house.kinds() == ["approved", "hold", "spent"]
    made.house.resume()
    await made.house.again()
    assert len(made.sum.sent(made.house.position, Kind.REVEAL)) == 1


async def test_a_withdrawal_after_the_agreement_no_longer_holds_up_the_others(street):
    made = await street()
    await made.round_to(SumPhase.REVEALING)
    withdraw(made)
    await made.house.again()
    assert len(made.sum.sent(made.house.position, Kind.REVEAL)) == 1
    assert made.house.kinds() == ["approved", "hold", "spent", "approved"]


async def test_a_sum_that_costs_more_than_the_local_cap_is_not_joined(street):
    made = await street()
    path = made.house.premises.config.path
    path.write_text(path.read_text().replace('local = "80"', 'local = "7/5"'))  # three honest shares cost 3/2
    made.house.premises.config = config.load(path)
    await made.house.again()
    assert made.house.record().reason == Reason.BUDGET_EXHAUSTED
    assert made.house.side.presences == []


async def test_a_cap_that_is_used_up_before_the_counts_stops_them_and_the_node_still_helps(street):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    own, caps = made.house.premises, made.house.premises.config.caps
    own.config = replace(own.config, caps=replace(caps, local=Fraction(1)))
    await made.house.again()
    assert made.house.record().reason == Reason.BUDGET_EXHAUSTED
    assert made.house.kinds() == ["approved", "refused"]
    assert made.sum.sent(made.house.position, Kind.UPLOAD) == []
    for other in [*made.others, *made.others]:
        other.act()
    made.sum.serve(Ticked(), datetime.now(UTC) + timedelta(minutes=31))
    for other in made.others:
        other.act()
    made.sum.absent = {other.position: SumPhase.REVEALING for other in made.others[1:]}
    await made.house.again()
    assert len(made.sum.sent(made.house.position, Kind.REVEAL)) == 1
    assert made.house.kinds() == ["approved", "refused"]


async def test_a_pause_while_the_node_waits_for_the_tick_keeps_the_counts_back(street, monkeypatch):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    store, part = made.house.open()

    def paused_meanwhile(*_):
        halting.pause(store, "holiday")
        return 0.0

    with store, monkeypatch.context() as patches:
        patches.setattr(permission, "wait_for_tick", paused_meanwhile)
        await made.house.again(part=part)
    assert made.sum.sent(made.house.position, Kind.UPLOAD) == []
    assert made.house.kinds() == ["approved", "refused"]
    made.house.resume()
    await made.finish()
    assert made.house.kinds().count("hold") == made.house.kinds().count("spent") == 1


@pytest.mark.clause("MASK-3")
async def test_only_work_on_records_waits_for_the_tick(street, monkeypatch):
    waited = []

    def wait(_now, tick):
        waited.append((tick, len(made.sum.stored)))
        return 0.0

    made = await street()
    monkeypatch.setattr(permission, "wait_for_tick", wait)
    await made.round_to(SumPhase.DONE)
    own = [kind for position, kind, *_ in made.sum.stored if position == made.house.position]
    # Codes for the presence; then codes again, as each act here is a daemon of its own, and the draw.
    assert waited == [(0.05, 0), *[(0.05, own.index(Kind.UPLOAD))] * 2]


async def test_counts_that_are_drawn_too_late_are_given_up_at_a_tick(street, monkeypatch):
    """A lying coordinator can hold a letter back until just before the deadline, then watch for a poll."""
    made = await street()
    await made.round_to(SumPhase.MASKING)
    waited = []

    def late(_now, _tick):
        waited.append(made.house.kinds())
        if len(waited) == 2:  # the draw
            later = datetime.now(UTC) + timedelta(minutes=31)
            monkeypatch.setattr(permission, "_now", lambda: later)
        return 0.0

    monkeypatch.setattr(permission, "wait_for_tick", late)
    await made.house.again()
    assert waited == [["approved"]] * 2
    assert made.house.kinds() == ["approved", "refused"]
    assert made.sum.sent(made.house.position, Kind.UPLOAD) == []


async def test_nothing_is_counted_while_the_sum_is_said_to_be_elsewhere(street, monkeypatch):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    with monkeypatch.context() as patches:
        patches.setattr(summing.Summing, "_may_count", lambda *_: False)
        await made.house.again()
    made.sum.sum_phase = SumPhase.SHARING
    made.sum.tell()
    await made.house.again()
    assert made.house.opened().phase is Phase.COUNTING
    assert made.house.kinds() == ["approved"]


def withdraw_at(store, made):
    """As the daemon records it that holds the store."""
    own, programme = made.house.premises, programmes.parse(made.sum.programme.payload)
    now = datetime.now(UTC)
    said = Approval(
        node=made.house.name,
        programme=programme.digest,
        rho_cap=Fraction(1),
        individual=False,
        approved_at=now,
        expires_at=now,
        approved_by="De FG",
    )
    approving.record(store, state(said, own.signer), own.config, now)


async def test_a_withdrawal_while_the_node_waits_for_the_tick_keeps_the_counts_back(street, monkeypatch):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    store, part = made.house.open()

    def withdrawn_meanwhile(*_):
        withdraw_at(store, made)
        return 0.0

    with store, monkeypatch.context() as patches:
        patches.setattr(permission, "wait_for_tick", withdrawn_meanwhile)
        await made.house.again(part=part)
    assert made.sum.sent(made.house.position, Kind.UPLOAD) == []
    assert made.house.kinds() == ["approved", "approved", "refused"]
    made.house.premises.approve(made.sum.programme, individual=False)
    await made.finish()
    assert made.house.kinds().count("hold") == made.house.kinds().count("spent") == 1


async def test_counts_that_come_too_late_are_no_refusal(street, monkeypatch):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    with monkeypatch.context() as patches:
        patches.setattr(summing.Summing, "_may_count", lambda *_: False)
        await made.house.again()
    later = datetime.now(UTC) + timedelta(minutes=31)
    with monkeypatch.context() as patches:
        patches.setattr(summing, "_now", lambda: later)
        patches.setattr(permission, "_now", lambda: later)
        await made.house.again()
    assert made.house.opened().phase is Phase.COUNTING
    assert made.house.kinds() == ["approved"]
    assert made.house.record().reason == ""
