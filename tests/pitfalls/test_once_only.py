"""One draw, one charge, one ledger, and nothing kept afterwards: pitfalls 9, 10, 11, 12, 23."""

import math
import shutil
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from node import halting, permission
from node.link import Link
from node.store import Reader, State
from samentel.counting import ledger
from samentel.counting.contribution import Codes
from samentel.counting.noise import draw
from samentel.counting.shares import share_plan
from samentel.documents import programme as programmes
from samentel.errors import PeerError, Reason
from samentel.secagg import client
from samentel.secagg.messages import Kind
from samentel.secagg.relay import Arrived
from samentel.secagg.standing import Drawn, Means, Ticked
from samentel.wire import methods
from samentel.wire.messages import MessageKind, RoundPhase, SumPhase

KILLS = 100


def upload_on_disk(house):
    """The masked counts that the node has stored, or None."""
    sent = [one for one in house.opened().outbox if one.kind is Kind.UPLOAD]
    return (sent[0].message, sent[0].attachment) if sent else None


@pytest.mark.clause("MASK-3")
@pytest.mark.clause("MASK-5")
async def test_09_upload_replaced_on_retry(street, sums, monkeypatch):
    """Killed a hundred times with its masked counts made and not sent: those are what leaves in the end."""
    made = await street()
    await made.round_to(SumPhase.MASKING)
    house, real = made.house, Link.call

    async def dying(link, method, request, *rest):
        if method is methods.PUT_MESSAGE and request.kind is MessageKind.UPLOAD:
            raise sums.Killed
        return await real(link, method, request, *rest)

    kept = set()
    with monkeypatch.context() as patches:
        patches.setattr(Link, "call", dying)
        patches.setattr("node.permission.wait_for_tick", lambda *_: 0.0)
        for _ in range(KILLS):
            with pytest.raises(sums.Killed):
                await house.again()
            kept.add(upload_on_disk(house))
    assert len(kept - {None}) == len(kept) == 1
    assert made.sum.sent(house.position, Kind.UPLOAD) == []
    means = Means(house.premises.signer, bytes, lambda _: True)
    other = Drawn(np.zeros(made.sum.terms.cells, dtype=np.int64), len(house.opened().held))
    with pytest.raises(PeerError, match="while masked"):
        client.advance(house.opened(), other, datetime.now(UTC), means)
    for one in made.others:
        one.act()
    await house.again()
    assert set(made.sum.sent(house.position, Kind.UPLOAD)) == kept
    ((message, vector),) = kept
    with pytest.raises(PeerError, match="second, different"):
        made.sum.serve(Arrived(Kind.UPLOAD, house.position, message, vector[::-1]))
    await made.finish()
    assert house.kinds() == ["approved", "hold", "spent"]


def copied(source, to):
    """The store as it is now, put somewhere else."""
    to.mkdir(exist_ok=True)
    for path in to.glob("node.sqlite*"):
        path.unlink()
    for path in source.glob("node.sqlite*"):
        shutil.copy(path, to / path.name)


@pytest.mark.clause("DEAL-2")
@pytest.mark.clause("AGREE-5")
@pytest.mark.parametrize("who", ["coordinator", "one peer"])
async def test_10_snapshot_rollback(street, sums, another_round, short_path, who):
    """The store of before a round is put back after it: the coordinator's echo stops it, or one peer does."""
    made = await street()
    house, side = made.house, made.house.side
    copied(house.premises.state, short_path / "before")
    await made.round_to(SumPhase.REVEALING)
    (agreement,) = {message for message, _ in made.sum.sent(house.position, Kind.AGREEMENT)}
    later = sums.agreement_head(agreement)
    await made.finish()
    copied(short_path / "before", house.premises.state)
    assert "spent" not in house.kinds()

    another_round(made, attempt=2, number=3)
    if who == "coordinator":
        side.head = sums.m.LedgerHead(later.length, later.digest)
        await house.again()
        assert side.presences[1:] == []
    else:  # a coordinator that hides it; of the three others a single one tells
        made.others[2].heads[house.position] = later
        await made.round_to(SumPhase.SHARING)
        await house.again()
        assert made.sum.sent(house.position, Kind.DEALING) == []
        with Reader.open_read_only(house.premises.state) as reader:
            assert made.name(made.others[2]) in halting.told(reader)
    assert house.halted() is Reason.ROLLBACK_DETECTED
    before = house.calls()
    for _ in range(3):
        await house.again()
    assert house.calls() == before
    assert "spent" not in house.kinds()


NODES, COLLUDE, ABSENT, WIDTH = 8, 1, 1, 40
CELLS = WIDTH**2  # of one table; so many that a root of a mean square is within 1.8 % two times in three

WIDE = """
id = "wide"
version = 1
contact = "Test"
mode = "secure-sum"
period = "year"
rho = "1/2"
delta = "1/1000000"
max_attempts = 2
tick_seconds = 1
title = {{ nl = "x", en = "x" }}
purpose = {{ nl = "x", en = "x" }}
roster = {{ institutions_min = 4, collude_max = 1, absent_max = 1 }}
[[populations]]
id = "clients"
counting = "inflow"
rows_per_person = 1
title = {{ nl = "x", en = "x" }}
definition = {{ nl = "x", en = "x" }}
[[tables]]
id = "t"
population = "clients"
dimensions = ["one", "other"]
rho_share = "1"
title = {{ nl = "x", en = "x" }}
question = {{ nl = "x", en = "x" }}
[[dimensions]]
id = "one"
field = "reason"
unknown = "C0"
title = {{ nl = "x", en = "x" }}
codes = [{codes}]
[[dimensions]]
id = "other"
field = "sex"
unknown = "C0"
title = {{ nl = "x", en = "x" }}
codes = [{codes}]
"""


def wide():
    """A programme of one table with many cells."""
    codes = ", ".join(f'{{ code = "C{i}", nl = "x{i}", en = "x{i}" }}' for i in range(WIDTH))
    return programmes.parse(WIDE.format(codes=codes).encode())


def national(light, plan, members, number):
    """A real round with noise shares drawn afresh; its sum in persons. Node i has 1 + i % 3 in each cell."""
    made = light(NODES, collude=COLLUDE, absent=ABSENT, round_=f"{number}", cells=CELLS + 1)
    for i in range(NODES):
        rows = np.repeat(np.arange(CELLS), 1 + i % 3)
        made.counts[i] = draw(Codes({"t": rows}), plan).vector
    result = made.run(dict.fromkeys(set(range(NODES)) - set(members), "poll"))
    assert set(result.positions) == set(members)
    return result.counts(made.terms)[:CELLS] / plan[0].granularity


def root_mean_square(errors) -> float:
    return float(np.sqrt(np.mean(errors**2)))


@pytest.mark.clause("NOISE-3")
def test_11_differencing_of_participant_sets(light):
    """Two sums that differ in one institution; and two of the same: no attack is better than theory says."""
    programme, everybody, target = wide(), range(NODES), 5
    plan = share_plan(programme, NODES, NODES)
    rho, share = programme.rho, plan[0].scale / plan[0].granularity
    whole, again = (national(light, plan, everybody, number) for number in (1, 2))
    less = national(light, plan, [i for i in everybody if i != target], 3)

    off = root_mean_square(whole - less - (1 + target % 3))
    assert 0.92 < off / (math.sqrt(2 * NODES - 1) * share) < 1.08  # all noise of both: nothing cancels
    assert off > math.sqrt(2 / (2 * rho))  # two releases at rho each

    off = root_mean_square((whole + again) / 2 - sum(1 + i % 3 for i in everybody))
    assert off > math.sqrt(1 / (2 * 2 * rho))  # one release at 2 rho: what two attempts are charged
    honest = NODES - COLLUDE - ABSENT  # also for a coordinator that knows the noise of all the others
    assert math.sqrt(honest / 2) * share > 0.999999 * math.sqrt(1 / (2 * 2 * rho))


async def retried(made, *, absent=False):
    """A round to its end, with the last of the others lost before its upload if so asked."""
    made.sum.absent = {made.others[0].position: SumPhase.MASKING} if absent else {}
    await made.house.again()
    made.sum.begin(*(other.position for other in made.others))
    for _ in range(9):
        for other in made.others:
            other.act()
        await made.house.again()
        if absent and made.sum.sum_phase is SumPhase.MASKING:
            made.sum.serve(Ticked(), datetime.now(UTC) + timedelta(minutes=31))
    assert made.sum.phase is RoundPhase.SUMMED
    (summed,) = made.sum.summed()
    return summed.positions


@pytest.mark.clause("END-4")
async def test_11_differencing_is_charged_twice_by_a_real_node(street, another_round):
    made = await street()
    rho = programmes.parse(made.sum.programme.payload).rho
    assert len(await retried(made)) == 4
    assert 0.999 * rho < ledger.charge(made.house.entries(), 2025).central <= rho
    another_round(made, attempt=2, number=2)
    assert len(await retried(made, absent=True)) == 3
    assert 0.999 * 2 * rho < ledger.charge(made.house.entries(), 2025).central <= 2 * rho


@pytest.mark.clause("END-4")
@pytest.mark.clause("AGREE-4")
async def test_12_retry_averaging(street, sums, kit, another_round, monkeypatch):
    """Fifty retries are forced: each signature is charged, the rest is free, and then the node says no."""
    made = await street(text=sums.programme_text(kit).replace(b"max_attempts = 2", b"max_attempts = 5"))
    house, drawn, reasons, real = made.house, [], [], permission._drawn

    def noted(codes, permit):
        drawn.append(real(codes, permit))
        return drawn[-1]

    monkeypatch.setattr(permission, "_drawn", noted)
    rho = programmes.parse(made.sum.programme.payload).rho
    for retry in range(50):
        attempt = retry % 5 + 1  # no document can say that there are more
        if retry:
            another_round(made, attempt=attempt, number=retry)
        await house.again()
        if house.record().state is State.REFUSED:
            reasons.append(house.record().reason)
            continue
        signs = retry != 1
        await made.round_to(SumPhase.REVEALING if signs else SumPhase.AGREEING)
        assert bool(made.sum.sent(house.position, Kind.AGREEMENT)) == signs
        made.sum.to(RoundPhase.ABANDONED)
        await house.again()
    kinds = house.kinds()
    assert [kinds.count(kind) for kind in ("hold", "spent", "freed")] == [3, 2, 1]
    assert 0.999 * 2 * rho < ledger.charge(house.entries(), 2025).central <= 2 * rho
    no_more, again = Reason.BUDGET_EXHAUSTED, Reason.ATTEMPT_OUT_OF_ORDER
    assert reasons == [no_more] * 2 + ([again] * 3 + [no_more] * 2) * 9
    assert len(drawn) == len({vector.tobytes() for vector in drawn}) == 3  # the same rows, other noise
    with Reader.open_read_only(house.premises.state) as reader:
        assert ledger.verify(reader.entries()) == []


ENDS = {
    "done": ["hold", "spent", "published"],
    "abandoned": ["hold", "spent"],
    "expired": ["hold", "spent"],
}


async def ended(made, part, sums, end):
    """The round ends in one of the three ways, for a daemon that goes on running."""
    if end == "expired":
        part.pass_time(datetime.now(UTC) + timedelta(days=2, minutes=1))
    if end == "abandoned":
        made.sum.to(RoundPhase.ABANDONED)
        await made.house.again(part=part)
    if end == "done":
        for _ in range(4):
            for other in made.others:
                other.act()
            await made.house.again(part=part)
        made.sum.to(RoundPhase.PUBLISHED, sums.RELEASE)
        await made.house.again(part=part)


@pytest.mark.clause("END-2")
@pytest.mark.parametrize("end", ENDS)
async def test_23_shares_kept_for_ever(street, sums, end):
    """After the result, an end by the coordinator, or the expiry no byte of a secret is on the disk."""
    made = await street()
    await made.round_to(SumPhase.MASKING)
    house, blobs = made.house, []
    store, part = house.open()
    with store:  # one daemon, and looked at while it runs: whoever closes a store tidies up once more
        while "spent" not in house.kinds():
            for other in made.others:
                other.act()
            await house.again(part=part)
            blobs.append(house.held().sealed)
        before, upload = house.opened(), upload_on_disk(house)[1]
        assert blobs[-1][:48] in house.files()  # the search itself works
        await ended(made, part, sums, end)
        kept = house.files()
    assert house.kinds() == ["approved", *ENDS[end]]
    assert house.held().sealed == b""
    secrets = [share for held in before.held for share in (held.seed, held.key)]
    assert len(secrets) == 8
    for secret in (*secrets, upload[:32], upload[-32:]):
        assert secret not in kept
    for blob in blobs:
        assert not [at for at in range(0, len(blob) - 32, 331) if blob[at : at + 32] in kept]
