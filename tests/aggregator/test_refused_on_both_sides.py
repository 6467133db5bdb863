"""What the coordinator refuses, one wrong thing at a time: the caller's status, and the line in the log."""

import json
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import grpc
import pytest

from aggregator import authority as ca
from aggregator import cli, daemon, documents
from aggregator.book import opened
from samentel.documents.envelope import to_json
from samentel.documents.keys import SigningKey
from samentel.documents.model import to_bytes
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import RoundPhase

CODE = grpc.StatusCode


@pytest.fixture
def refusals(capfd):
    """What the log says of refused calls since it was last asked: method, code, reason, node."""

    def read():
        entries = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
        return [
            tuple(entry.get(key, "") for key in ("method", "code", "reason", "node"))
            for entry in entries
            if entry["event"] == "call refused"
        ]

    return read


async def refused(call):
    """Status and reason of a call that must fail; it always says something as well."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    assert error.value.details()
    return error.value.code(), dict(error.value.trailing_metadata() or ()).get("samentel-reason", "")


@asynccontextmanager
async def with_a_clock(central, tools, names=()):
    """A coordinator whose clock can be put wrong, with these nodes enrolled; yields the setting."""
    shift = [timedelta(0)]
    async with daemon.running(central.config, lambda: datetime.now(UTC) + shift[0]):
        for name in names:
            await tools.enrol(central, name)
        if names:
            documents.publish(central.config, central.sign_programme())
            documents.publish(central.config, central.sign_roster())
        yield shift
        for peer in central.peers.values():
            for link in peer.links:
                await link.close()


async def test_an_invitation_that_somebody_else_has_used_first(serving, refusals):
    thief = serving.invite("amber")
    await thief.invited_link().call(M.ENROL, thief.enrolment())
    owner = serving.take("amber", to_bytes(thief.invitation))
    assert await refused(owner.invited_link().call(M.ENROL, owner.enrolment())) == (CODE.ALREADY_EXISTS, "")
    assert refusals() == [("Enrol", "already_exists", "", "amber")]
    await thief.links[0].close()


async def test_an_invitation_is_used_once(serving, tools, refusals):
    peer = await tools.enrol(serving, "amber")
    again = replace(peer, protocol=SigningKey(os.urandom(32)))
    assert await refused(peer.links[0].call(M.ENROL, again.enrolment())) == (CODE.ALREADY_EXISTS, "")
    assert refusals() == [("Enrol", "already_exists", "", "amber")]


async def test_an_invitation_does_not_speak_for_another_node(federation, tools, refusals):
    status = await tools.advance(federation, RoundPhase.GATHERING, 3)
    invited, dune = federation.invite("elm"), federation.peers["dune"]
    call = invited.invited_link().call(M.PUT_PRESENCE, dune.presence(status.round_id))
    assert await refused(call) == (CODE.PERMISSION_DENIED, "")
    assert refusals()[-1][:2] == ("PutPresence", "permission_denied")


async def test_a_node_does_not_speak_for_another_node(federation, tools, refusals):
    status = await tools.advance(federation, RoundPhase.GATHERING, 3)
    dune = federation.peers["dune"]
    pretender = replace(dune, name="coral")
    call = dune.link().call(M.PUT_PRESENCE, pretender.presence(status.round_id))
    assert await refused(call) == (CODE.PERMISSION_DENIED, "")
    assert refusals()[-1] == ("PutPresence", "permission_denied", "", "dune")


async def test_an_expired_invitation(central, tools, refusals):
    async with with_a_clock(central, tools) as shift:
        peer = central.invite("amber")
        shift[0] = timedelta(hours=72, minutes=1)
        call = peer.invited_link().call(M.ENROL, peer.enrolment())
        assert await refused(call) == (CODE.UNAUTHENTICATED, "")
        assert refusals() == [("Enrol", "unauthenticated", "", "")]


async def test_a_certificate_that_expired_while_the_connection_stood(central, tools, refusals):
    async with with_a_clock(central, tools) as shift:
        link = (await tools.enrol(central, "amber")).link()
        await link.call(M.POLL, tools.poll())
        shift[0] = ca.CLIENT_LIFE + timedelta(minutes=1)
        assert await refused(link.call(M.POLL, tools.poll())) == (CODE.UNAUTHENTICATED, "")
        assert refusals() == [("Poll", "unauthenticated", "", "")]


@pytest.mark.parametrize("which", ["expired", "not-yet", "foreign"])
async def test_a_certificate_that_tls_does_not_take_gets_no_connection(serving, tools, which):
    """The handshake fails before any code of ours: gRPC tells the daemon nothing, so its log has no line."""
    now = datetime.now(UTC)
    key, csr = ca.new_credential()
    if which == "foreign":
        root = ca.new_root(now)
        office = ca.Authority(ca.new_issuing(root, now), root.certificate)
    else:
        office = ca.Authority.load(serving.config.pki)
    began = {"expired": now - timedelta(days=2), "not-yet": now + timedelta(days=2)}.get(which, now)
    issued = office.client(M.Role.NODE, "amber", ca.read_request(csr), began, timedelta(days=1))
    root_pem = (serving.config.pki / "root.pem").read_bytes()
    link = tools.Link(serving.config.address, root_pem, key, issued.chain)
    assert await refused(link.call(M.POLL, tools.poll(), 5)) == (CODE.UNAVAILABLE, "")
    await link.close()


@pytest.mark.parametrize("what", ["presence", "contribution"])
async def test_a_coordinator_whose_clock_is_ahead_takes_nothing(central, tools, refusals, what):
    async with with_a_clock(central, tools, tools.NODES) as shift:
        phase = RoundPhase.GATHERING if what == "presence" else RoundPhase.COLLECTING
        status = await tools.advance(central, phase, 3)
        peer = central.peers["dune" if what == "presence" else "amber"]
        link = peer.link()
        await link.call(M.POLL, tools.poll())
        shift[0] = central.config.gather + central.config.collect + timedelta(minutes=1)
        if what == "presence":
            call = link.call(M.PUT_PRESENCE, peer.presence(status.round_id))
        else:
            said = peer.contribution(status.round_id, central.programme, central.vector())
            call = link.call(M.PUT_CONTRIBUTION, said)
        assert await refused(call) == (CODE.FAILED_PRECONDITION, "deadline")
        method = {"presence": "PutPresence", "contribution": "PutContribution"}[what]
        assert (method, "failed_precondition", "deadline", peer.name) in refusals()


async def test_a_coordinator_whose_clock_is_behind_opens_no_round(central, tools, refusals):
    async with with_a_clock(central, tools, tools.NODES) as shift:
        shift[0] = datetime(2025, 12, 31, tzinfo=UTC) - datetime.now(UTC)
        admin = central.admin_link()
        call = admin.call(M.OPEN_ROUND, m.OpenRoundRequest(central.programme.digest, "2025", 0))
        assert await refused(call) == (CODE.FAILED_PRECONDITION, "period-not-over")
        assert ("OpenRound", "failed_precondition", "period-not-over", "") in refusals()
        await admin.close()


async def test_a_stranger_to_the_roster_is_declined_for_this_round_and_not_shut_out(
    federation, tools, refusals
):
    status = await tools.advance(federation, RoundPhase.GATHERING, 3)
    late = await tools.enrol(federation, "elm")
    link = late.link()
    call = link.call(M.PUT_PRESENCE, late.presence(status.round_id))
    assert await refused(call) == (CODE.FAILED_PRECONDITION, "roster-mismatch")
    assert refusals()[-1] == ("PutPresence", "failed_precondition", "roster-mismatch", "elm")
    assert (await link.call(M.POLL, tools.poll())).cursor > 0


async def test_one_who_was_not_present_is_declined_for_this_round(federation, tools, refusals):
    status = await tools.advance(federation, RoundPhase.COLLECTING, 3)
    absent = federation.peers["dune"]
    said = absent.contribution(status.round_id, federation.programme, federation.vector())
    call = absent.link().call(M.PUT_CONTRIBUTION, said)
    assert await refused(call) == (CODE.FAILED_PRECONDITION, "deadline")
    assert refusals()[-1] == ("PutContribution", "failed_precondition", "deadline", "dune")


async def test_an_altered_statement(federation, tools, refusals):
    status = await tools.advance(federation, RoundPhase.GATHERING, 3)
    dune = federation.peers["dune"]
    good = dune.presence(status.round_id).presence
    altered = replace(good, payload=good.payload.replace(b"0" * 64, b"1" + b"0" * 63))
    assert altered != good
    call = dune.link().call(M.PUT_PRESENCE, m.PutPresenceRequest(altered))
    assert await refused(call) == (CODE.INVALID_ARGUMENT, "")
    assert refusals()[-1] == ("PutPresence", "invalid_argument", "", "dune")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(
            lambda good: replace(good, payload=good.payload.replace(b'rho = "1/2"', b'rho = "1/1"')),
            "0 of the 2 signatures",
            id="altered",
        ),
        pytest.param(lambda good: replace(good, signatures=()), "signature", id="unsigned"),
        pytest.param(lambda good: replace(good, signatures=good.signatures[:1]), "1 of the 2", id="half"),
    ],
)
def test_a_programme_that_the_authority_did_not_sign(central, tmp_path, spoil, why, capsys, monkeypatch):
    """A person puts a programme in force with the command: the refusal stands on that person's screen."""
    good = central.sign_programme()
    spoilt = spoil(good)
    assert spoilt != good
    file = tmp_path / "programme.dsse.json"
    file.write_bytes(to_json(spoilt))
    words = ["samentel-aggregator", "--config", str(central.config.path), "publish", str(file)]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    assert why in capsys.readouterr().err
    with opened(central.config) as book:
        assert book.state.register.programmes == {}
