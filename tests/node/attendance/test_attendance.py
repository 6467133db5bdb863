"""A round as one institution lives it: one debit, one upload, and the same bytes after every interruption."""

import asyncio
from fractions import Fraction

import grpc
import numpy as np
import pytest

from node import permission
from node.store import DocumentKind as StoredKind
from node.store import State, Store
from samentel.counting import ledger
from samentel.documents import programme as programmes
from samentel.documents.statements import Contribution, Presence, hear
from samentel.errors import LocalFault, Reason
from samentel.ids import digest
from samentel.wire.messages import DocumentKind, RoundPhase

COLLECTING, SUMMED, PUBLISHED, ABANDONED = (
    RoundPhase.COLLECTING,
    RoundPhase.SUMMED,
    RoundPhase.PUBLISHED,
    RoundPhase.ABANDONED,
)
RELEASE = "ab" * 32


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


async def test_an_export_without_rows_takes_part_with_zeros(life, kit):
    (life.premises.config.mapping.parent / "export.csv").write_text(kit.EXPORT.splitlines()[0])
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    life.to(COLLECTING)
    await life.again()
    assert len(life.coordinator.contributions) == 1


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


async def test_all_work_on_records_ends_at_a_tick(life, monkeypatch):
    life.premises.approve(life.programme_envelope)
    life.open()
    waited = []

    def wait(_now, tick):
        waited.append((tick, len(life.coordinator.presences), len(life.coordinator.contributions)))
        return 0.0

    monkeypatch.setattr(permission, "wait_for_tick", wait)
    await life.again()
    life.to(COLLECTING)
    await life.again()
    # Codes for the presence; then, as these are two daemons, codes again, and the draw.
    assert waited == [(0.05, 0, 0), (0.05, 1, 0), (0.05, 1, 0)]


async def test_an_export_that_cannot_be_used_is_found_out_at_a_tick_as_well(life, monkeypatch):
    life.premises.approve(life.programme_envelope)
    life.open()
    (life.premises.config.state_dir.parent / "export.csv").write_bytes(b"")
    waited = []

    def wait(_now, tick):
        waited.append((tick, len(life.coordinator.calls)))
        return 0.0

    monkeypatch.setattr(permission, "wait_for_tick", wait)
    await life.again()
    assert waited == [(0.05, len(life.coordinator.calls))]  # before anything more is said or asked
    assert life.record().reason == Reason.SOURCE_NOT_READY


async def test_a_daemon_that_is_stopped_does_not_wait_for_the_tick(monkeypatch):
    waited = []
    monkeypatch.setattr(permission, "wait_for_tick", lambda *_: waited.append(True) or 0.0)
    task = asyncio.create_task(permission._to_the_tick(asyncio.sleep(60), None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not waited
