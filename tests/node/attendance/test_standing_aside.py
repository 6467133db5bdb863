"""When an institution does not take part, or not now: refusals, pauses, ledgers and papers that misfit."""

from fractions import Fraction

import pytest

from node import halting, identity, permission
from node.attendance import Attendance
from node.journal import Journal
from node.link import Link
from node.store import DocumentKind as StoredKind
from node.store import State, Store
from samentel.counting import ledger
from samentel.documents import envelope as envelopes
from samentel.documents import programme as programmes
from samentel.errors import Reason
from samentel.wire.messages import DocumentKind, LedgerHead, RoundPhase

GATHERING, COLLECTING, PUBLISHED = RoundPhase.GATHERING, RoundPhase.COLLECTING, RoundPhase.PUBLISHED
RELEASE = "ab" * 32


async def test_a_refusal_is_recorded_once_and_decided_again(life):
    life.open()
    for _ in range(3):
        await life.again()
    assert life.kinds() == ["refused"]
    assert life.record().state is State.REFUSED
    assert not life.coordinator.presences
    life.premises.approve(life.programme_envelope)
    await life.again()
    assert life.record().state is State.PRESENT
    assert life.kinds() == ["refused", "approved"]


async def test_a_missing_export_keeps_the_node_away_without_a_word(life):
    life.premises.approve(life.programme_envelope)
    (life.premises.config.mapping.parent / "export.csv").unlink()
    life.open()
    before = len(life.coordinator.received)
    await life.again()
    assert life.record().reason == Reason.SOURCE_NOT_READY
    assert len(life.coordinator.received) == before + 1  # the roster was fetched; nothing of the refusal left


async def test_a_pause_during_collecting_holds_the_vector_back_until_it_ends(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    with Store.open(life.premises.state) as store:
        halting.pause(store, "holiday")
    life.to(COLLECTING)
    await life.again()
    assert not life.coordinator.contributions
    assert life.kinds() == ["approved", "refused"]
    with Store.open(life.premises.state) as store:
        halting.resume(store)
    await life.again()
    assert len(life.coordinator.contributions) == 1


@pytest.mark.parametrize("reason", [Reason.PAUSED, Reason.ROLLBACK_DETECTED])
@pytest.mark.parametrize("call", ["PutPresence", "PutContribution"])
@pytest.mark.parametrize("later", [GATHERING, COLLECTING, PUBLISHED])
async def test_a_halted_node_sends_nothing_that_is_written_and_after_it_the_same_bytes(
    life, call, reason, later
):
    if (call, later) in (("PutContribution", GATHERING), ("PutPresence", PUBLISHED)):
        return  # a round does not go that way
    life.premises.approve(life.programme_envelope)
    life.open()
    if call == "PutContribution":
        await life.again()
        life.to(COLLECTING)
    life.coordinator.fail[call] = 1
    await life.interrupted()
    before, kinds, sent = life.record(), life.kinds(), life.coordinator.calls[:]
    with Store.open(life.premises.state) as store:
        halting.pause(store, reason)
    life.to(later, RELEASE if later is PUBLISHED else "")
    await life.again()
    assert life.coordinator.calls == sent
    assert (life.record(), life.kinds()) == (before, kinds)
    with Store.open(life.premises.state) as store:
        halting.resume(store)
    await life.again()
    stored = [envelopes.to_json(one) for one in life.coordinator.presences]
    if call == "PutPresence":
        assert stored == [before.presence]
    else:
        (one,) = life.coordinator.contributions
        assert (envelopes.to_json(one.contribution), one.vector) == (before.contribution, before.vector)


@pytest.mark.parametrize("phase", [GATHERING, COLLECTING])
async def test_a_pause_while_the_node_waits_for_the_tick_still_holds(life, phase, monkeypatch):
    life.premises.approve(life.programme_envelope)
    life.open()
    if phase is COLLECTING:
        await life.again()
        life.to(COLLECTING)
    sent = life.coordinator.calls[:]
    with Store.open(life.premises.state) as store:
        part = Attendance(life.premises.config, store, "huis-een", life.premises.signer, Journal())

        def paused_meanwhile(*_):
            halting.pause(store, "holiday")
            return 0.0

        monkeypatch.setattr(permission, "wait_for_tick", paused_meanwhile)
        async with Link(identity.credentials(life.premises.state)) as link:
            await part.attend(link, life.coordinator.told())
    assert [name for name, _ in life.coordinator.calls[len(sent) :] if name.startswith("Put")] == []
    assert life.record().state is (State.PRESENT if phase is COLLECTING else State.REFUSED)
    assert life.kinds() == ["approved", "refused"]


@pytest.mark.parametrize("length", [1, 7])
async def test_a_head_that_was_never_written_here_pauses_the_node_for_good(life, length):
    life.premises.approve(life.programme_envelope)
    life.coordinator.head = LedgerHead(length, "cd" * 32)
    life.open()
    await life.again()
    assert not life.coordinator.presences
    life.coordinator.head = LedgerHead(0, "0" * 64)  # a coordinator that takes it back changes nothing
    await life.again()
    assert not life.coordinator.presences
    with Store.open(life.premises.state) as store:
        assert halting.halted(store) is Reason.ROLLBACK_DETECTED


async def test_after_a_rollback_a_person_resumes_and_the_same_head_no_longer_stops_the_node(life):
    life.premises.approve(life.programme_envelope)
    life.coordinator.head = LedgerHead(9, "cd" * 32)
    life.open()
    await life.again()
    with Store.open(life.premises.state) as store:
        halting.resume(store)
    await life.again()
    assert life.record().state is State.PRESENT
    life.coordinator.head = LedgerHead(10, "ef" * 32)  # but another one does
    await life.again()
    with Store.open(life.premises.state) as store:
        assert halting.halted(store) is Reason.ROLLBACK_DETECTED


async def test_an_earlier_head_of_this_ledger_is_no_rollback(life):
    life.premises.approve(life.programme_envelope)
    with Store.open(life.premises.state) as store:
        first = ledger.head(store.entries()[:1])
    life.premises.approve(life.programme_envelope, rho_cap=Fraction(2))
    life.coordinator.head = LedgerHead(first.length, first.digest)
    life.open()
    await life.again()
    assert life.record().state is State.PRESENT


async def test_a_round_that_the_coordinator_did_not_sign_is_not_even_recorded(life, kit):
    life.premises.approve(life.programme_envelope)
    life.round = kit.opened(life.programme, life.roster)
    life.coordinator.announce(life.round, GATHERING, signer=kit.OTHERS[0])
    await life.again()
    assert life.record() is None
    assert life.kinds() == ["approved"]


async def test_an_older_roster_is_not_accepted(life, kit, coordinator):
    life.premises.approve(life.programme_envelope)
    newer = life.premises.roster(version=2)
    coordinator.documents.clear()
    coordinator.publish(DocumentKind.PROGRAMME, life.programme_envelope)
    coordinator.publish(DocumentKind.ROSTER, newer)
    life.open()
    await life.again()
    coordinator.documents.clear()
    coordinator.publish(DocumentKind.ROSTER, life.roster)
    await life.again()
    with Store.open(life.premises.state) as store:
        held = store.documents(StoredKind.ROSTER)
    assert [one.digest for one in held] == [newer.digest]
    assert life.record().reason == Reason.ROSTER_MISMATCH


async def test_a_programme_that_the_authority_did_not_sign_is_unknown(life, kit, coordinator):
    life.premises.approve(life.programme_envelope)
    forged = kit.seal(programmes.PAYLOAD_TYPE, kit.programme_text(rho="1"), kit.AUTHORITY[0])  # one of two
    coordinator.publish(DocumentKind.PROGRAMME, forged)
    life.programme = programmes.parse(forged.payload)
    life.open()
    await life.again()
    assert life.record().reason == Reason.PROGRAMME_UNKNOWN
