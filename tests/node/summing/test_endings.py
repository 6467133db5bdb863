"""How a sum ends for a node, what it has cost by then, and that nothing of it is left."""

from datetime import UTC, datetime, timedelta

import pytest

from node import sealing
from node.store import State
from samentel.errors import LocalFault
from samentel.secagg.messages import Kind
from samentel.wire.messages import RoundPhase, SumPhase


@pytest.mark.parametrize(
    ("reached", "kinds"),
    [
        (SumPhase.SHARING, []),
        (SumPhase.MASKING, []),
        (SumPhase.AGREEING, ["hold", "freed"]),
        (SumPhase.REVEALING, ["hold", "spent"]),
    ],
)
@pytest.mark.clause("END-1", "AGREE-4")
async def test_a_round_that_is_given_up_costs_what_was_agreed_to(street, reached, kinds):
    made = await street()
    await made.round_to(reached)
    made.sum.to(RoundPhase.ABANDONED)
    for _ in range(2):
        await made.house.again()
    assert made.house.kinds() == ["approved", *kinds]
    assert made.house.record().state is State.ABANDONED
    assert made.house.held().sealed == b""


@pytest.mark.parametrize("later", [RoundPhase.SUMMED, RoundPhase.PUBLISHED])
async def test_a_sum_without_this_node_frees_what_it_held(street, sums, later):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    made.house.side.decline["PutMessage"] = sums.grpc.StatusCode.FAILED_PRECONDITION
    await made.house.again()
    assert made.house.kinds()[-1] == "hold"
    for _ in range(4):
        for other in made.others:
            other.act()
        if made.sum.sum_phase is SumPhase.MASKING:
            made.sum.serve(sums.relay.Ticked(), datetime.now(UTC) + timedelta(minutes=31))
    assert made.sum.phase is RoundPhase.SUMMED
    made.sum.to(later, sums.RELEASE if later is RoundPhase.PUBLISHED else "")
    await made.house.again()
    assert made.house.kinds()[-2:] == ["hold", "freed"]
    assert made.house.record().state is State.MISSED
    assert made.house.held().sealed == b""


async def test_who_is_left_out_helps_and_pays_nothing(street, sums):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    made.house.side.decline["PutMessage"] = sums.grpc.StatusCode.FAILED_PRECONDITION
    await made.house.again()
    del made.house.side.decline["PutMessage"]
    for other in [*made.others, *made.others]:  # twice: all have polled after the last upload
        other.act()
    made.sum.serve(sums.relay.Ticked(), datetime.now(UTC) + timedelta(minutes=31))
    assert made.sum.sum_phase is SumPhase.AGREEING
    for other in made.others:
        other.act()
    made.sum.absent = {other.position: SumPhase.REVEALING for other in made.others[1:]}
    assert made.sum.sum_phase is SumPhase.REVEALING
    await made.house.again()
    assert made.house.kinds()[-2:] == ["hold", "freed"]
    assert len(made.sum.sent(made.house.position, Kind.REVEAL)) == 1
    made.sum.absent = {}
    await made.finish()
    await made.house.again()
    assert made.house.record().state is State.MISSED
    assert made.house.position not in made.sum.summed()[0].positions


@pytest.mark.parametrize(
    ("reached", "kinds", "state"),
    [
        (SumPhase.SHARING, [], State.MISSED),
        (SumPhase.AGREEING, ["hold", "freed"], State.MISSED),
        (SumPhase.REVEALING, ["hold", "spent"], State.RELEASED),
    ],
)
@pytest.mark.clause("END-2")
async def test_when_its_time_is_over_no_secret_of_a_sum_is_left(street, sums, reached, kinds, state):
    made = await street()
    await made.round_to(reached)
    house = made.house
    before, blob = house.opened(), house.held().sealed
    assert blob[:64] in house.files()  # the search itself works
    house.pass_time(datetime.now(UTC) + timedelta(minutes=1))
    assert house.held().sealed == blob
    house.pass_time(datetime.now(UTC) + timedelta(days=2, minutes=1))
    assert house.kinds() == ["approved", *kinds]
    assert house.record().state is state
    kept = house.files()
    for at in range(0, len(blob) - 32, 997):  # a blob lies on several pages, so look for many of its parts
        assert blob[at : at + 32] not in kept
    secrets = [held.seed for held in before.held] + [peer.channel for peer in before.peers]
    secrets += [before.secrets.seed, before.secrets.mask] if before.secrets else []
    assert secrets
    assert not [secret for secret in secrets if secret in kept]
    made.sum.to(RoundPhase.PUBLISHED, sums.RELEASE)
    await house.again()
    published = state is State.RELEASED
    assert house.record().state is (State.PUBLISHED if published else State.MISSED)
    assert house.kinds() == ["approved", *kinds, *(["published"] if published else [])]


@pytest.mark.clause("STORE-2")
async def test_nothing_of_a_sum_is_on_disk_in_the_clear(street):
    made = await street()
    await made.round_to(SumPhase.AGREEING)
    state = made.house.opened()
    (upload,) = [send for send in state.outbox if send.kind is Kind.UPLOAD]
    kept = made.house.files()
    secrets = [upload.attachment, *(held.seed for held in state.held), *(held.key for held in state.held)]
    assert not [secret for secret in secrets if secret in kept]


async def test_a_reader_at_the_wrong_moment_only_delays_the_wiping(street):
    made = await street()
    await made.round_to(SumPhase.SHARING)
    blob = made.house.held().sealed
    store, part = made.house.open()
    with store:
        reader = made.house.beside()
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sums").fetchone()
        store._connection.execute("PRAGMA busy_timeout = 50")
        part.pass_time(datetime.now(UTC) + timedelta(days=3))
        assert made.house.held().sealed == b""
        assert blob[:32] in made.house.files()
        reader.close()
        part.pass_time(datetime.now(UTC) + timedelta(days=3))
        assert blob[:32] not in made.house.files()


@pytest.mark.parametrize(
    ("own", "says"),
    [
        pytest.param(False, "put together from two copies", id="another-key"),
        pytest.param(True, "another version", id="another-version"),
    ],
)
@pytest.mark.clause("STORE-2")
async def test_a_state_that_cannot_be_read_is_told_and_the_round_is_left_for_good(street, own, says):
    made = await street()
    await made.round_to(SumPhase.AGREEING)
    house = made.house
    key = house.premises.signer if own else made.others[0].key
    strange = sealing.seal(key, made.sum.round.round_id, house.held().version, b"x")
    connection = house.beside()
    connection.execute("UPDATE sums SET sealed = ?", (strange,))
    connection.close()
    before = made.house.calls()
    with pytest.raises(LocalFault, match=says):
        await house.again()
    for _ in range(2):
        await house.again()
    assert made.house.calls() == before
    assert house.record().state is State.MISSED
    assert house.kinds()[-1] == "hold"  # nobody knows whether it was agreed to: it stays held


async def test_what_is_spent_stays_spent_when_its_state_does_not_open(street):
    made = await street()
    await made.round_to(SumPhase.REVEALING)
    assert made.house.record().state is State.RELEASED
    with made.house.beside() as store:
        store.execute("UPDATE sums SET sealed = ?", (b"\1" * 100,))
    with pytest.raises(LocalFault, match="does not open"):
        await made.house.again()
    assert made.house.record().state is State.RELEASED
    made.sum.to(RoundPhase.PUBLISHED, "ab" * 32)
    await made.house.again()
    assert made.house.kinds()[-2:] == ["spent", "published"]
