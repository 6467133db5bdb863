"""A store that is put back to before a round was paid for, under a coordinator that hides it.

Of four real institutions a single one remembers: its signed advert is enough.
"""

import io
import json
import shutil

import pytest

from node.store import Reader
from samentel.counting.ledger import head
from samentel.errors import Reason
from samentel.secagg.messages import Kind
from samentel.wire import messages as m
from samentel.wire.messages import RoundPhase, SumPhase

WHEN = {"before the round": SumPhase.NONE, "between its counts and its agreement": SumPhase.AGREEING}


def copied(house, to):
    to.mkdir()
    for path in house.premises.state.glob("node.sqlite*"):
        shutil.copy(path, to / path.name)


def put_back(house, copy):
    for path in house.premises.state.glob("node.sqlite*"):
        path.unlink()
    for path in copy.glob("node.sqlite*"):
        shutil.copy(path, house.premises.state / path.name)


def ledger_of(house):
    with Reader.open_read_only(house.premises.state) as reader:
        return reader.entries()


@pytest.mark.clause("DEAL-2", "AGREE-5")
@pytest.mark.parametrize("phase", WHEN.values(), ids=WHEN)
async def test_one_honest_peer_gives_a_rolled_back_store_away(town, short_path, phase):
    made = await town()
    old, honest, *ignorant = made.houses
    if phase is SumPhase.NONE:
        copied(old, short_path / "copy")
    await made.round_to(phase or SumPhase.SHARING)
    if phase is not SumPhase.NONE:
        copied(old, short_path / "copy")
    while made.sum.phase is not RoundPhase.SUMMED:
        await made.attend()
    await made.attend()
    assert all(house.kinds() == ["approved", "hold", "spent"] for house in made.houses)
    paid = head(ledger_of(old))

    put_back(old, short_path / "copy")
    before = ledger_of(old)
    assert len(before) < paid.length
    for house in ignorant:  # they never knew, or are with the coordinator
        with house.beside() as store:
            store.execute("DELETE FROM heads")
    await made.convene(period="2024", number=1)
    shown = head(before)
    old.side.head = m.LedgerHead(shown.length, shown.digest)  # it echoes what the copy holds
    await made.round_to(SumPhase.SHARING)
    known = {house: _known_head(made, house, old) for house in (honest, *ignorant)}
    assert known == {honest: paid, **dict.fromkeys(ignorant)}

    old.log = io.StringIO()
    await old.again()
    assert old.halted() is Reason.ROLLBACK_DETECTED
    told = [json.loads(line) for line in old.log.getvalue().splitlines()]
    assert [line["seen_by"] for line in told if line["event"] == "rollback-detected"] == [honest.name]
    calls = old.calls()
    for _ in range(2):
        await made.attend()
    assert old.calls() == calls
    assert {kind for at, kind, *_ in made.sum.stored if at == old.position} == {Kind.ADVERT}
    *kept, last = ledger_of(old)
    assert kept == before  # and then, why it takes no part
    assert (last.read().kind, last.read().reason) == ("refused", Reason.ROLLBACK_DETECTED)
    assert made.sum.summed() == []


def _known_head(made, house, of):
    """The head that a house shows of another in its advert, or None."""
    ((_, heads),) = set(made.sum.sent(house.position, Kind.ADVERT))
    row = heads[40 * of.position :][:40]
    with Reader.open_read_only(house.premises.state) as reader:
        held = reader.heads().get(of.name)
    assert (held is None) == (row == bytes(40))
    return held
