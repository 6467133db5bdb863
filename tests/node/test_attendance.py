"""A round as one institution lives it: one debit, one upload, and the same bytes after every interruption."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import grpc
import numpy as np
import pytest

from node import attendance, halting, identity
from node.attendance import Attendance
from node.journal import Journal
from node.link import Link, Unreachable
from node.steps import STEPS, Step, next_step, wait_for_tick
from node.store import DocumentKind as StoredKind
from node.store import RoundRecord, State, Store
from samentel.counting import ledger
from samentel.documents import envelope as envelopes
from samentel.documents import programme as programmes
from samentel.documents.statements import Contribution, Presence, hear
from samentel.errors import LocalFault, Reason
from samentel.ids import digest
from samentel.wire.messages import DocumentKind, LedgerHead, RoundPhase

GATHERING, COLLECTING, SUMMED = RoundPhase.GATHERING, RoundPhase.COLLECTING, RoundPhase.SUMMED
PUBLISHED, ABANDONED = RoundPhase.PUBLISHED, RoundPhase.ABANDONED
RELEASE = "ab" * 32


class Life:
    """One institution and its coordinator, driven a step at a time; ``again`` is a restart of the daemon."""

    def __init__(self, kit, premises, coordinator):
        self.kit, self.premises, self.coordinator = kit, premises, coordinator
        self.programme_envelope = kit.signed_programme()
        self.programme = programmes.parse(self.programme_envelope.payload)
        self.roster = premises.roster()
        coordinator.publish(DocumentKind.ROSTER, self.roster)
        coordinator.publish(DocumentKind.PROGRAMME, self.programme_envelope)

    def open(self, phase=GATHERING, **values):
        self.round = self.kit.opened(self.programme, self.roster, **values)
        self.to(phase)

    def to(self, phase, release=""):
        self.coordinator.announce(self.round, phase, release)

    async def again(self, *, new_line=False):
        """A daemon's life: open everything, hear what the coordinator says now, close."""
        with Store.open(self.premises.state) as store:
            part = Attendance(self.premises.config, store, "huis-een", self.premises.signer, Journal())
            async with Link(identity.credentials(self.premises.state)) as link:
                await part.attend(link, self.coordinator.told(), new_line=new_line)

    async def interrupted(self):
        with pytest.raises(Unreachable):
            await self.again()

    def entries(self):
        with Store.open(self.premises.state) as store:
            return [entry.read() for entry in store.entries()]

    def kinds(self):
        return [str(body.kind) for body in self.entries()]

    def record(self):
        with Store.open(self.premises.state) as store:
            return store.round(self.round.round_id)


@pytest.fixture
def life(kit, premises, coordinator):
    return Life(kit, premises, coordinator)


async def test_a_round_costs_one_debit_and_sends_one_vector(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    assert life.record().state is State.PRESENT
    life.to(COLLECTING)
    await life.again()
    await life.again()
    life.to(SUMMED)
    await life.again()
    life.to(PUBLISHED, RELEASE)
    await life.again()
    await life.again()
    assert life.kinds() == ["approved", "hold", "spent", "published"]
    assert len(life.coordinator.presences) == len(life.coordinator.contributions) == 1
    assert life.record().state is State.PUBLISHED
    assert life.entries()[-1].document == RELEASE


async def test_what_is_sent_is_signed_and_fits_the_programme(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    life.to(COLLECTING)
    await life.again()
    key = life.premises.signer.public
    presence = hear(Presence, life.coordinator.presences[0], key)
    assert (presence.round, presence.node) == (life.round.round_id, "huis-een")
    sent = life.coordinator.contributions[0]
    said = hear(Contribution, sent.contribution, key)
    assert said.vector == digest(sent.vector)
    assert said.cells * 8 == len(sent.vector)
    assert len(np.frombuffer(sent.vector, "<i8")) == life.programme.vector_length
    with Store.open(life.premises.state) as store:
        head = ledger.head(store.entries())
    assert life.kinds()[-1] == "spent"
    assert (said.ledger_length, said.ledger_digest) == (head.length, head.digest)


async def test_the_debit_is_on_disk_before_the_vector_leaves(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    life.to(COLLECTING)
    life.coordinator.fail["PutContribution"] = 1
    await life.interrupted()
    assert not life.coordinator.contributions
    assert life.kinds() == ["approved", "hold", "spent"]


@pytest.mark.parametrize("call", ["PutPresence", "PutContribution"])
@pytest.mark.parametrize(
    "moment", [pytest.param(2, id="before-it-arrives"), pytest.param(-2, id="after-it-arrived")]
)
async def test_after_an_interruption_the_same_bytes_leave_again(life, call, moment):
    life.premises.approve(life.programme_envelope)
    life.open()
    life.coordinator.fail[call] = moment
    if call == "PutPresence":
        await life.interrupted()
        await life.interrupted()
    await life.again()
    life.to(COLLECTING)
    if call == "PutContribution":
        await life.interrupted()
        await life.interrupted()
    await life.again()
    life.to(PUBLISHED, RELEASE)
    await life.again()
    assert life.kinds() == ["approved", "hold", "spent", "published"]
    assert len({presence.digest for presence in life.coordinator.presences}) == 1
    assert len({(one.contribution.digest, one.vector) for one in life.coordinator.contributions}) == 1


async def test_a_presence_whose_answer_was_lost_still_leads_to_a_contribution(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    life.coordinator.fail["PutPresence"] = -1
    await life.interrupted()
    life.to(COLLECTING)
    await life.again()
    assert life.kinds() == ["approved", "hold", "spent"]
    assert len(life.coordinator.contributions) == 1


async def test_a_presence_that_never_arrived_costs_nothing(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    life.coordinator.fail["PutPresence"] = 1
    await life.interrupted()
    life.to(COLLECTING)
    life.coordinator.decline["PutPresence"] = grpc.StatusCode.FAILED_PRECONDITION
    await life.again()
    assert life.record().state is State.MISSED
    assert life.kinds() == ["approved"]


async def test_a_contribution_that_comes_too_late_stays_spent(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    life.to(COLLECTING)
    life.coordinator.decline["PutContribution"] = grpc.StatusCode.FAILED_PRECONDITION
    await life.again()
    assert life.record().state is State.MISSED
    assert life.kinds() == ["approved", "hold", "spent"]


async def test_an_abandoned_round_before_release_costs_nothing(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    life.to(ABANDONED)
    await life.again()
    assert life.record().state is State.ABANDONED
    assert life.kinds() == ["approved"]


async def test_another_attempt_is_charged_afresh_and_draws_afresh(life):
    life.premises.approve(life.programme_envelope)
    for attempt in (1, 2):
        life.open(attempt=attempt, number=attempt)
        await life.again()
        life.to(COLLECTING)
        await life.again()
        life.to(ABANDONED)
        await life.again()
    assert life.kinds() == ["approved", "hold", "spent", "hold", "spent"]
    first, second = life.coordinator.contributions
    assert first.vector != second.vector


async def test_a_third_attempt_does_not_fit_the_house_cap(life, kit):
    life.premises.approve(life.programme_envelope, rho_cap=Fraction(100))
    for attempt in (1, 2):
        life.open(attempt=attempt, number=attempt)
        await life.again()
        life.to(COLLECTING)
        await life.again()
        life.to(ABANDONED)
        await life.again()
    other = kit.signed_programme(kit.programme_text().replace(b"version = 1", b"version = 2"))
    life.programme_envelope, life.programme = other, programmes.parse(other.payload)
    life.coordinator.publish(DocumentKind.PROGRAMME, other)
    life.premises.approve(other)
    life.open(number=9)
    await life.again()
    assert life.record().reason == Reason.BUDGET_EXHAUSTED
    assert life.kinds()[-1] == "refused"


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


async def test_an_export_without_rows_takes_part_with_zeros(life, kit):
    (life.premises.config.mapping.parent / "export.csv").write_text(kit.EXPORT.splitlines()[0])
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    life.to(COLLECTING)
    await life.again()
    assert len(life.coordinator.contributions) == 1


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

        monkeypatch.setattr(attendance, "wait_for_tick", paused_meanwhile)
        async with Link(identity.credentials(life.premises.state)) as link:
            await part.attend(link, life.coordinator.told())
    assert [name for name, _ in life.coordinator.calls[len(sent) :] if name.startswith("Put")] == []
    assert life.record().state is (State.RELEASED if phase is COLLECTING else State.ANNOUNCED)
    assert life.kinds() == ["approved", *(["hold", "spent"] if phase is COLLECTING else [])]


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


async def test_a_receipt_for_something_else_is_no_receipt(life, coordinator):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    life.to(COLLECTING)
    coordinator.receipt_round = "12" * 32
    await life.again()
    assert life.record().receipt is None
    coordinator.receipt_round = ""
    await life.again()
    assert life.record().receipt is not None
    assert life.kinds() == ["approved", "hold", "spent"]


REFUSED_CALLS = [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INTERNAL, grpc.StatusCode.NOT_FOUND]


@pytest.mark.parametrize("status", REFUSED_CALLS)
async def test_a_call_that_is_refused_about_one_round_holds_up_no_other(life, coordinator, status):
    life.premises.approve(life.programme_envelope)
    life.open(number=1)
    refused = life.round.round_id
    life.open(number=2, period="2024")
    coordinator.decline["PutPresence"], coordinator.decline_for = status, refused
    await life.again()
    assert [hear(Presence, one, life.premises.signer.public).round for one in coordinator.presences] == [
        life.round.round_id
    ]
    assert life.record().state is State.PRESENT


@pytest.mark.parametrize("status", REFUSED_CALLS)
async def test_a_document_that_is_refused_holds_up_nothing(life, kit, coordinator, status):
    life.premises.approve(life.programme_envelope)
    other = kit.signed_programme(kit.programme_text().replace(b"version = 1", b"version = 2"))
    coordinator.documents = {
        other.digest: (DocumentKind.PROGRAMME, other),
        **coordinator.documents,
    }
    coordinator.decline["GetDocument"], coordinator.decline_for = status, other.digest
    life.open()
    await life.again()
    assert life.record().state is State.PRESENT
    coordinator.decline.clear()
    await life.again()  # asked for once more
    with Store.open(life.premises.state) as store:
        assert store.documents(StoredKind.PROGRAMME, other.digest)


async def test_a_lost_connection_and_a_store_that_fails_are_not_hidden(life, monkeypatch):
    life.premises.approve(life.programme_envelope)
    life.open()
    life.coordinator.fail["PutPresence"] = 1
    await life.interrupted()

    def full(*_, **__):
        raise LocalFault("no room")

    monkeypatch.setattr(Store, "write", full)
    with pytest.raises(LocalFault, match="no room"):
        await life.again()


async def test_a_new_connection_brings_a_lost_presence_back_with_the_same_bytes(life, coordinator):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    await life.again()
    assert len(coordinator.presences) == 1
    await life.again(new_line=True)
    first, second = coordinator.presences
    assert (first, life.record().state) == (second, State.PRESENT)
    coordinator.decline["PutPresence"] = grpc.StatusCode.FAILED_PRECONDITION
    await life.again(new_line=True)
    assert life.record().state is State.PRESENT
    life.to(COLLECTING)
    await life.again(new_line=True)
    assert life.kinds() == ["approved", "hold", "spent"]


async def test_every_entry_has_a_salt_of_its_own(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    life.to(COLLECTING)
    await life.again()
    salts = [body.salt for body in life.entries()]
    assert len(set(salts)) == len(salts) == 3


def test_every_phase_has_an_answer_for_every_state():
    over = {State.PUBLISHED, State.ABANDONED, State.MISSED}
    for phase in RoundPhase:
        for state in State:
            step = next_step(phase, record(state))
            if state in over:
                assert step is Step.NOTHING
    assert set(STEPS) == set(RoundPhase)


def test_a_vector_is_drawn_only_while_collecting_and_only_when_present():
    drawing = [
        (phase, state)
        for phase in RoundPhase
        for state in State
        if next_step(phase, record(state)) is Step.RELEASE
    ]
    assert drawing == [(COLLECTING, State.PRESENT)]


def record(state, receipt=None):
    return RoundRecord("0" * 64, "1" * 64, "2025", 1, b"", state=state, receipt=receipt)


@pytest.mark.parametrize("tick", [1, 2, 60])
def test_a_vector_leaves_at_a_whole_multiple_of_the_tick(tick):
    start = datetime(2026, 3, 1, 8, 0, 0, 1, tzinfo=UTC)
    for micros in (0, 1, 499_999, 999_998):
        now = start + timedelta(microseconds=micros)
        wait = wait_for_tick(now, tick)
        assert 0 <= wait <= tick
        assert (now.timestamp() + wait) / tick == pytest.approx(
            round((now.timestamp() + wait) / tick), abs=1e-6
        )


async def test_presence_and_vector_arrive_at_a_tick(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    life.to(COLLECTING)
    await life.again()
    assert life.coordinator.present_at[0].microsecond < 300_000
    assert life.coordinator.arrived_at[0].microsecond < 300_000


async def test_nothing_about_a_round_is_sent_before_its_tick_is_waited_for(life, monkeypatch):
    life.premises.approve(life.programme_envelope)
    life.open()
    waited = []

    def wait(_now, tick):
        waited.append((tick, len(life.coordinator.presences), len(life.coordinator.contributions)))
        return 0.0

    monkeypatch.setattr(attendance, "wait_for_tick", wait)
    await life.again()
    life.to(COLLECTING)
    await life.again()
    assert waited == [(1, 0, 0), (1, 1, 0)]
