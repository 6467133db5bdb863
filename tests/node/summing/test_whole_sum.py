"""Whole secure sums over mTLS: the national sum is right, and each node pays once."""

import numpy as np
import pytest

from node import overview, permission
from node.policy import plan_digest
from node.store import Reader, State, Store
from node.texts import Words
from samentel.counting import ledger
from samentel.counting.ledger import Kind as LedgerKind
from samentel.counting.shares import loss, share_plan
from samentel.documents import programme as programmes
from samentel.secagg.messages import Kind, pack_head
from samentel.wire.messages import RoundPhase, SumPhase

ROWS = 500


async def test_four_nodes_give_their_sum_and_each_pays_once(four, sums):
    total = four[0].sum
    for number, house in enumerate(four):
        rows = [f"K{row};2025-02-03;1990-05-06;vrouw;huiselijk" for row in range(ROWS * (number + 1))]
        export = house.premises.config.mapping.parent / "export.csv"
        export.write_text(HEADER + "\n".join(rows))
        await house.again()
    total.begin()
    for _ in range(8):
        for house in four:
            await house.again(new_line=False)
    assert total.phase is RoundPhase.SUMMED
    total.to(RoundPhase.PUBLISHED, sums.RELEASE)
    for house in four:
        await house.again()
        assert house.kinds() == ["approved", "hold", "spent", "published"]
        assert house.record().state is State.PUBLISHED
        assert house.held().sealed == b""
        shown = overview.entries(house.premises.config)
        approved, hold, *_ = overview.ledger_lines(house.premises.config, shown, Words("en"))
        assert "rho 0.5  rho_local 1.5" in hold
        assert "rho" not in approved
    (summed,) = total.summed()
    programme = programmes.parse(total.programme.payload)
    reason = share_plan(programme, 4, 4)[0]
    cells = summed.counts(total.terms)[: reason.cells] / reason.granularity
    sd = 2 * reason.scale / reason.granularity
    assert np.abs(cells - [0, 10 * ROWS, 0, 0]).max() < 8 * sd < ROWS


@pytest.mark.clause("AGREE-5")
async def test_a_node_says_in_its_agreement_where_its_ledger_stands_and_learns_where_others_do(street, sums):
    made = await street()
    await made.round_to(SumPhase.DONE)
    await made.house.again()
    (agreement, _), *_ = made.sum.sent(made.house.position, Kind.AGREEMENT)
    with Store.open(made.house.premises.state) as store:
        head = ledger.head(store.entries())
        assert store.heads() == {name: made.others[0].head for name in sums.NAMES if name != made.house.name}
    assert sums.agreement_head(agreement) == head
    assert made.house.kinds()[-1] == "spent"


@pytest.mark.clause("ADV-2", "AGREE-5")
async def test_the_heads_that_are_known_stand_in_the_next_advert(street, sums):
    made = await street()
    seen = {"huis-twee": made.others[0].head}
    with Store.open(made.house.premises.state) as store:
        store.write(sums.datetime.now(sums.UTC), heads=seen)
    await made.round_to(SumPhase.SHARING)
    ((_, heads),) = made.sum.sent(made.house.position, Kind.ADVERT)
    width = len(heads) // 4
    rows = [heads[at * width : (at + 1) * width] for at in range(4)]
    known = {name: pack_head(head) for name, head in seen.items()}
    with Reader.open_read_only(made.house.premises.state) as reader:
        known["huis-een"] = pack_head(ledger.head(reader.entries()))
    empty = pack_head(sums.EMPTY)
    assert rows == [known.get(name, empty) for name in sorted(sums.NAMES)]


@pytest.mark.clause("NOISE-1", "NOISE-4")
async def test_noise_and_charge_are_of_those_who_have_dealt(kit, street, sums, monkeypatch):
    text = sums.programme_text(kit).replace(b"absent_max = 1", b"absent_max = 0")
    made = await street(text=text)
    made.sum.absent = {made.others[0].position: SumPhase.SHARING}
    await made.round_to(SumPhase.SHARING)
    await made.house.again()
    for other in made.others:
        other.act()
    made.sum.serve(sums.relay.Ticked(), sums.datetime.now(sums.UTC) + sums.timedelta(minutes=21))
    assert made.sum.sum_phase is SumPhase.MASKING
    plans, drawn = [], permission._drawn

    def noted(codes, permit):
        plans.append(permit.plan)
        return drawn(codes, permit)

    monkeypatch.setattr(permission, "_drawn", noted)
    await made.finish()
    programme = programmes.parse(text)
    assert plans == [share_plan(programme, 4, 3)]
    hold = next(body for body in made.house.entries() if body.kind is LedgerKind.HOLD)
    booked = loss(plans[0], programme.roster, 3).booked
    assert (hold.loss.rho_central, hold.loss.rho_local) == (booked.central, booked.local)
    assert hold.parameters == plan_digest(plans[0])


HEADER = "nr;datum;geboren;geslacht;aanleiding\n"
EXPORTS = {
    "no rows": HEADER,
    "many rows": HEADER + "K1;2025-02-03;1990-05-06;vrouw;huiselijk\n" * 3000,
    "nothing readable": HEADER + "K1;2025-02-03;x;y;z\n" * 50,
}


async def test_whatever_the_records_hold_a_node_makes_the_same_calls_of_the_same_size(street):
    seen = []
    for number, export in enumerate(EXPORTS.values()):
        made = await street(number)
        (made.house.premises.config.mapping.parent / "export.csv").write_text(export)
        await made.round_to(SumPhase.DONE)
        await made.house.again()
        seen.append(made.house.side.calls)
    assert len(seen[0]) > 10
    assert seen[0] == seen[1] == seen[2]
