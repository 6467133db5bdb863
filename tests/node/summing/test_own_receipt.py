"""What an institution keeps of a round finds its counts in the transcript, after its secrets are gone."""

import pytest

from node import cli, witness
from node.store import State
from samentel.documents.statements import state
from samentel.errors import LocalFault, PeerError
from samentel.secagg import transcript
from samentel.secagg.messages import Kind
from samentel.wire.messages import SumPhase


@pytest.mark.filterwarnings("ignore:Cyclopts application invoked")  # its own arguments come from sys.argv
async def test_an_institution_finds_itself_in_the_transcript_of_its_round(street, kit, short_path, called):
    made = await street()
    await made.round_to(SumPhase.MASKING)
    await made.finish()
    await made.house.again()
    house = made.house
    assert (house.record().state, house.record().vector) == (State.RELEASED, None)
    assert house.held().sealed == b""
    signed = state(made.sum.round, kit.COORDINATOR), *made.sum.start
    found = transcript.witness(
        transcript.read(transcript.of_sum(*signed, made.sum.server)), kit.COORDINATOR.public
    )
    file = short_path / "receipt.json"
    config = house.premises.config.mapping.parent / "node.toml"
    typed = ("--config", config, "receipt", house.record().round_id[:12], "--out", file)
    done = called(cli.main, "samentel-node", *typed)
    assert str(file) in done.stdout, done.stderr
    assert transcript.find(found, file.read_bytes()) == house.name
    own = transcript.from_json(transcript.Held, file.read_bytes(), "receipt")
    ((agreement, _),) = made.sum.sent(house.position, Kind.AGREEMENT)
    assert transcript._bytes(own.agreement) == agreement
    ((_, vector),) = made.sum.sent(house.position, Kind.UPLOAD)
    assert vector[:16] not in file.read_bytes()
    with pytest.raises(LocalFault, match="cannot be written"):
        witness.write(house.premises.config, house.record().round_id, file)
    for wrong in ("", "0" * 64):
        with pytest.raises(LocalFault, match="of no such round is there a receipt"):
            witness.write(house.premises.config, wrong, short_path / "other.json")
    other = state(made.sum.round.model_copy(update={"attempt": 2}), kit.COORDINATOR)
    with pytest.raises(PeerError, match="of different rounds"):
        transcript.witness(
            transcript.read(transcript.of_sum(other, signed[1], made.sum.server)), kit.COORDINATOR.public
        )
