"""A dealer that is proven to have dealt wrongly: no second attempt with it, and a proof for anybody."""

import re
from dataclasses import replace

import pytest

from aggregator import cli, documents, enrolment, evidence
from desk import cli as desk_cli
from samentel.documents import envelope as envelopes
from samentel.documents.keys import SigningKey
from samentel.documents.statements import Round, Start, hear, state
from samentel.errors import DocumentError, LocalFault, PeerError, Reason
from samentel.secagg import dossier
from samentel.secagg.encoding import decode, encode
from samentel.secagg.evidence import BadDealing
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import RoundPhase, SumPhase

pytestmark = pytest.mark.clause("REVEAL-5")


def again(it, attempt=2, period="2025"):
    return it.admin.call(M.OPEN_ROUND, m.OpenRoundRequest(it.programme.digest, period, attempt))


async def test_no_round_begins_while_a_convicted_dealer_is_on_the_roster(sector, refused, called, tmp_path):
    async with sector(5) as it:
        await it.gather()
        liar = it.drivers[2]
        await it.convict(liar)
        for asked in (again(it), again(it, 1, "2024")):  # the next attempt, and any other sum
            _, text, reason = await refused(asked)
            assert reason == Reason.ROSTER_MISMATCH
            assert f"{liar.name} is proven to have dealt" in text
        (typed,) = re.findall(r"samentel-aggregator (round evidence \w+)$", text)
        config = ("--config", it.central.config.path)
        done = called(cli.main, "samentel-aggregator", *config, *typed.split(), "--out", tmp_path / "proof")
        assert done.returncode == 0, done.stderr
        assert liar.name in done.stdout
        keys = []
        for number, key in enumerate(it.central.authority):
            (tmp_path / f"{number}.pem").write_bytes(key.public.to_pem())
            keys += ["--authority", tmp_path / f"{number}.pem"]
        done = called(desk_cli.main, "samentel", "verify", tmp_path / "proof", *keys)
        assert f"{liar.name} dealt seed shares that do not fit" in done.stdout, done.stderr
        await it.restart()
        assert (await refused(again(it)))[2] == Reason.ROSTER_MISMATCH, "also after a restart"
        enrolment.revoke(it.central.config, "node", liar.name)
        documents.publish(it.central.config, it.central.sign_roster())
        status = (await again(it)).round
        assert liar.name not in status.invited
        it.drivers.remove(liar)
        it.round_id = status.round_id
        for driver in it.drivers:
            driver.machine, driver.sent = None, {}
            await driver.link.call(M.PUT_PRESENCE, driver.peer.presence(it.round_id))
        await it.admin.call(M.COLLECT_ROUND, m.CollectRoundRequest(it.round_id))
        assert (await it.run(SumPhase.DONE)).phase is RoundPhase.SUMMED


async def test_the_proof_convinces_by_itself_and_an_altered_one_nobody(sector):
    async with sector(4) as it:
        await it.gather()
        liar = it.drivers[1]
        await it.convict(liar)
        keys = [key.public for key in it.central.authority]
        node, data = evidence.against_dealer(it.central.config, it.round_id[:8])
        with pytest.raises(LocalFault, match="no such round"):
            evidence.against_dealer(it.central.config, "ffff" if it.round_id[:4] != "ffff" else "0000")
    file = dossier.read(data)
    found = dossier.judge(file, keys, 2)
    assert (node, found.node, found.kind) == (liar.name, liar.name, "bad-dealing")
    assert found.round.round_id == it.round_id

    def judged(**changes):
        return dossier.judge(file.model_copy(update=changes), keys, 2)

    proof = decode(BadDealing, dossier.base64.b64decode(file.evidence))

    def with_proof(**changes):
        return dossier.base64.b64encode(encode(replace(proof, **changes))).decode()

    other, stranger = next(at for at in range(4) if at != proof.dealer), SigningKey(b"\5" * 32)
    alterations = {
        "another dealer": {"evidence": with_proof(dealer=other)},
        "the other secret": {"evidence": with_proof(which=1 - proof.which)},
        "one share less": {"evidence": with_proof(shares=proof.shares[1:])},
        "a changed share": {
            "evidence": with_proof(shares=(replace(proof.shares[0], share=bytes(33)), *proof.shares[1:]))
        },
        "no evidence": {"evidence": ""},
        "a start of somebody else": {"start": resigned(file.start, Start, it, stranger)},
        "a round of somebody else": {"round": resigned(file.round, Round, it, stranger)},
        "no programme": {"programme": file.roster},
    }
    for changes in alterations.values():
        with pytest.raises((PeerError, DocumentError)):
            judged(**changes)
    with pytest.raises(PeerError):
        dossier.judge(file, [stranger.public, keys[0]], 2)


def resigned(text, model, it, key):
    envelope = envelopes.from_json(text.encode())
    coordinator = it.drivers[0].machine.terms.coordinator
    said = hear(model, envelope, type(key.public)(coordinator))
    return envelopes.to_json(state(said, key)).decode()


async def test_in_a_round_without_a_liar_there_is_nothing_to_prove(sector):
    async with sector(4) as it:
        await it.gather()
        with pytest.raises(LocalFault, match="nobody is proven"):
            evidence.against_dealer(it.central.config, it.round_id)
