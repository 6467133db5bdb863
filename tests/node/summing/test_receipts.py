"""Masked counts that the coordinator took and left out: its own receipt proves it to the authority."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from desk import cli as desk_cli
from node import cli, overview
from node import receipts as held_receipts
from node.store import Reader, State
from node.texts import Words
from samentel.documents import envelope as envelopes
from samentel.documents.model import from_json, to_bytes
from samentel.documents.statements import MaskedReceipt, hear, state
from samentel.errors import LocalFault, PeerError
from samentel.secagg import dossier, relay
from samentel.secagg.messages import Kind, Proposal, Survivor, parse, sign
from samentel.secagg.standing import Phase
from samentel.wire.messages import RoundPhase, SumPhase

TEXTS = {"nl": "de coördinator nam onze tellingen aan", "en": "the coordinator took our counts"}


async def handed_in(street):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    await made.house.again()
    return made


def without_us(made):
    """Everybody else is up after the last masked counts; the time is over; this node was not heard from."""
    for other in [*made.others, *made.others]:
        other.act()
    made.sum.serve(relay.Ticked(), datetime.now(UTC) + timedelta(minutes=31))
    assert made.sum.sum_phase is SumPhase.AGREEING
    assert made.house.position not in made.sum.server.proposed.positions


def shown(house, language="en"):
    with Reader.open_read_only(house.premises.state) as reader:
        assert len(reader.left_out()) <= 1
    return "\n".join(overview.status_lines(overview.status(house.premises.config), Words(language)))


@pytest.mark.clause("MASK-7")
async def test_the_receipt_of_masked_counts_is_kept_as_it_came(street, kit):
    made = await handed_in(street)
    kept = envelopes.from_json(made.house.record().receipt)
    said = hear(MaskedReceipt, kept, kit.COORDINATOR.public)
    ((_, vector),) = made.sum.sent(made.house.position, Kind.UPLOAD)
    assert kept == made.sum.receipt(made.house.position, vector)
    assert (said.node, said.position) == (made.house.name, made.house.position)
    # A coordinator that lost its log says another moment; its first word stays.
    made.sum.taken[made.house.position] += timedelta(hours=3)
    await made.house.again()
    assert len(made.sum.sent(made.house.position, Kind.UPLOAD)) == 2
    assert envelopes.from_json(made.house.record().receipt) == kept
    await made.finish()
    assert made.house.kinds()[-1] == "spent"
    assert "left us out" not in shown(made.house)


def altered(kit, honest, **changes):
    said = from_json(MaskedReceipt, honest.payload, "receipt")
    return state(said.model_copy(update=changes), kit.COORDINATOR)


LIES = {
    "none": lambda kit, honest: (),
    "another-signer": lambda kit, honest: (
        state(from_json(MaskedReceipt, honest.payload, "receipt"), kit.OTHERS[0]),
    ),
    "another-round": lambda kit, honest: (altered(kit, honest, round="0" * 64),),
    "another-node": lambda kit, honest: (altered(kit, honest, node="huis-twee"),),
    "other-terms": lambda kit, honest: (altered(kit, honest, terms="0" * 64),),
    "another-position": lambda kit, honest: (altered(kit, honest, position=3),),
    "other-counts": lambda kit, honest: (altered(kit, honest, vector="0" * 64),),
}


async def test_a_receipt_that_proves_nothing_is_not_kept_and_holds_nothing_up(street, kit):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    made.house.log = io.StringIO()
    for lie in LIES.values():
        made.sum.receipts = lambda honest, lie=lie: lie(kit, honest)
        store, part = made.house.open()
        with store:
            for _ in range(2):  # asked for once a connection, and told once
                await made.house.again(part=part, new_line=False)
        assert made.house.record().receipt is None
        assert made.house.opened().phase is Phase.MASKED
    assert len(made.sum.sent(made.house.position, Kind.UPLOAD)) == len(LIES)
    assert made.house.log.getvalue().count("receipt-refused") == len(LIES)
    made.sum.receipts = lambda honest: (honest,)
    await made.house.again()  # a new connection
    assert made.house.record().receipt is not None


@pytest.mark.filterwarnings("ignore:Cyclopts application invoked")  # its own arguments come from sys.argv
@pytest.mark.parametrize("language", TEXTS)
async def test_who_is_left_out_is_told_and_can_prove_it(street, kit, short_path, called, language):
    made = await handed_in(street)
    house = made.house
    without_us(made)
    await house.again()
    assert house.kinds()[-2:] == ["hold", "freed"]
    told = shown(house, language)
    assert TEXTS[language] in told
    assert house.record().round_id[:12] in told
    file = short_path / "complaint.json"
    config = house.premises.config.mapping.parent / "node.toml"
    typed = ("--config", config, "complaint", house.record().round_id[:12], "--out", file)
    done = called(cli.main, "samentel-node", *typed)
    assert str(file) in done.stdout, done.stderr
    keys = [one.public for one in kit.AUTHORITY]
    found = dossier.judge(dossier.read(file.read_bytes()), keys, 2)
    assert (found.kind, found.node, found.shown) == ("left-out", house.name, True)
    assert found.round == made.sum.round
    with pytest.raises(PeerError):
        dossier.judge(dossier.read(file.read_bytes()), keys[:1], 2)
    ((_, vector),) = made.sum.sent(house.position, Kind.UPLOAD)
    assert vector[:16] not in file.read_bytes()
    with pytest.raises(LocalFault, match="cannot be written"):
        held_receipts.write_complaint(house.premises.config, house.record().round_id, file)
    with pytest.raises(LocalFault, match="no such round"):
        held_receipts.write_complaint(house.premises.config, "", short_path / "other.json")


async def test_a_set_that_is_hidden_leaves_the_receipt(street, kit, sums, short_path):
    """The coordinator says only that there is a sum: the receipt stands against the release."""
    made = await handed_in(street)
    house = made.house
    made.sum.to(RoundPhase.PUBLISHED, sums.RELEASE)
    await house.again()
    assert house.record().state is State.MISSED
    assert house.kinds()[-2:] == ["hold", "freed"]
    assert "did not show us the proposal" in shown(house)
    held_receipts.write_complaint(house.premises.config, house.record().round_id, short_path / "file")
    file = dossier.read((short_path / "file").read_bytes())
    found = dossier.judge(file, [one.public for one in kit.AUTHORITY], 2)
    assert (found.node, found.shown) == (house.name, False)


ENDS = {
    "given up": lambda made: made.sum.to(RoundPhase.ABANDONED),
    "its time is over": lambda made: made.house.pass_time(datetime.now(UTC) + timedelta(days=3)),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
async def test_a_round_without_a_sum_leaves_nobody_out(street, end):
    made = await handed_in(street)
    end(made)
    await made.house.again()
    assert made.house.kinds()[-1] == "freed"
    with Reader.open_read_only(made.house.premises.state) as reader:
        assert reader.left_out() == {}


async def test_who_handed_in_too_late_has_nothing_to_complain_of(street, sums):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    made.house.side.decline["PutMessage"] = sums.grpc.StatusCode.FAILED_PRECONDITION
    await made.house.again()
    without_us(made)
    await made.house.again()
    assert (made.house.record().receipt, made.house.kinds()[-1]) == (None, "freed")
    assert "left us out" not in shown(made.house)


async def test_a_store_from_before_there_were_receipts_is_read_and_brought_up_to_date(
    street,
):
    made = await handed_in(street)
    with made.house.beside() as store:
        store.execute("DROP TABLE left_out")
        store.execute("PRAGMA user_version = 3")
    assert "left us out" not in shown(made.house)
    without_us(made)
    await made.house.again()
    assert "left us out" in shown(made.house)


@pytest.fixture
async def complaint(street, short_path):
    made = await handed_in(street)
    without_us(made)
    await made.house.again()
    held_receipts.write_complaint(made.house.premises.config, made.sum.round.round_id, short_path / "file")
    return made, dossier.read((short_path / "file").read_bytes())


async def test_a_complaint_that_was_altered_convinces_nobody(complaint, kit):
    made, file = complaint
    keys, own = [one.public for one in kit.AUTHORITY], made.house.position
    proposal = made.sum.server.proposed
    receipt = envelopes.from_json(file.receipt.encode())

    def judged(**changes):
        return dossier.judge(file.model_copy(update=changes), keys, 2)

    def proposed(signer=kit.COORDINATOR, **changes):
        said = parse(Proposal, made.sum.server.proposal)
        fields = {"terms": said.terms, "dealers": said.dealers, "survivors": said.survivors, **changes}
        return dossier.base64.b64encode(sign(Proposal(**fields), signer)).decode()

    assert judged().shown
    vector = bytes.fromhex(from_json(MaskedReceipt, receipt.payload, "").vector)
    with_us = tuple(sorted((*proposal.survivors, Survivor(own, vector)), key=lambda one: one.position))
    in_our_place = (*proposal.survivors, Survivor(own, bytes(32)))
    with pytest.raises(PeerError, match="proves nothing"):
        judged(evidence=proposed(survivors=with_us))
    assert judged(evidence=proposed(survivors=in_our_place)).shown  # other counts under our name
    with pytest.raises(PeerError, match="other terms"):
        judged(evidence=proposed(terms=bytes(32)))
    with pytest.raises(PeerError, match="signature of this proposal"):
        judged(evidence=proposed(kit.OTHERS[0]))
    with pytest.raises(PeerError, match="not well formed"):
        judged(evidence="!!!")
    forged = state(from_json(MaskedReceipt, receipt.payload, ""), kit.OTHERS[0])
    with pytest.raises(PeerError, match="signature"):
        judged(receipt=envelopes.to_json(forged).decode())
    other = altered(kit, receipt, round="0" * 64)
    with pytest.raises(PeerError, match="another round"):
        judged(receipt=envelopes.to_json(other).decode())
    newer = made.house.premises.roster(2)
    with pytest.raises(PeerError, match="another roster"):
        judged(roster=envelopes.to_json(newer).decode())


async def test_the_authority_types_one_command(complaint, called, authority_files, short_path):
    made, file = complaint
    asked = [part for name in authority_files for part in ("--authority", name)]
    (short_path / "complaint.json").write_bytes(to_bytes(file))
    done = called(desk_cli.main, "samentel", "verify", short_path / "complaint.json", *asked)
    assert done.returncode == 0, done.stderr
    assert f"the coordinator took the masked counts of {made.house.name}" in done.stdout
    (short_path / "altered").write_bytes(to_bytes(file.model_copy(update={"evidence": "AAAA"})))
    done = called(desk_cli.main, "samentel", "verify", short_path / "altered", *asked)
    assert (done.returncode, done.stdout) == (1, "")
