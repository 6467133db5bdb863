"""Who gets in, over real TLS: one wrong thing at a time."""

import asyncio
import os

import grpc
import pytest

from aggregator import authority as ca
from aggregator import daemon, enrolment
from aggregator.journal import ALLOWED
from samentel.errors import LocalFault
from samentel.wire import codec
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import MAX_MESSAGE

CODE = grpc.StatusCode


async def refused(call):
    """The status and text of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value.code(), error.value.details()


@pytest.fixture
def root(central):
    return (central.config.pki / "root.pem").read_bytes()


@pytest.mark.parametrize("method", M.METHODS, ids=lambda method: f"{method.service}.{method.name}")
def test_every_remote_call_has_a_role_and_is_served(method, central):
    from aggregator.service import functions

    assert method.roles
    served = {it.path for it in functions(None)}
    assert (method.path in served) == (method.service != "PremisesService")


async def test_without_a_certificate_there_is_no_connection(serving, root, tools):
    link = tools.Link(serving.config.address, root, None, None)
    code, _ = await refused(link.call(M.LIST_PROGRAMMES, m.ListProgrammesRequest(), 5))
    assert code is CODE.UNAVAILABLE
    await link.close()


async def test_a_certificate_of_another_authority_gets_no_connection(serving, root, tools):
    foreign_root = ca.new_root(_now())
    foreign = ca.Authority(ca.new_issuing(foreign_root, _now()), foreign_root.certificate)
    pair, _ = foreign.invitation("amber", _now())
    link = tools.Link(serving.config.address, root, pair.key, pair.certificate)
    code, _ = await refused(link.call(M.GET_ENROLMENT, m.GetEnrolmentRequest(), 5))
    assert code is CODE.UNAVAILABLE
    await link.close()


async def test_the_servers_own_certificate_is_no_client_certificate(serving, root, tools):
    place = serving.config.pki
    link = tools.Link(
        serving.config.address,
        root,
        (place / "server.key.pem").read_bytes(),
        (place / "server.pem").read_bytes(),
    )
    code, _ = await refused(link.call(M.LIST_PROGRAMMES, m.ListProgrammesRequest(), 5))
    assert code is CODE.UNAVAILABLE
    await link.close()


async def test_a_good_certificate_that_is_not_in_the_register_is_refused(serving, root, tools):
    key, csr = ca.new_credential()
    authority = ca.Authority.load(serving.config.pki)
    issued = authority.client(M.Role.ADMIN, "admin", ca.read_request(csr), _now(), ca.BADGE_LIFE)
    link = tools.Link(serving.config.address, root, key, issued.chain)
    code, text = await refused(link.call(M.LIST_PROGRAMMES, m.ListProgrammesRequest()))
    assert (code, "not, or no longer, known" in text) == (CODE.UNAUTHENTICATED, True)
    await link.close()


async def test_tls_1_2_is_refused_by_the_application_itself(serving, root):
    """Python's ssl speaks TLS 1.2 on purpose and HTTP/2 by hand: gRPC's own client cannot be told to."""
    status, text = await asyncio.to_thread(call_by_hand, serving, root, 12)
    assert (status, text) == ("16", "TLS 1.3 is needed")
    assert (await asyncio.to_thread(call_by_hand, serving, root, 13))[0] == "0"


@pytest.mark.parametrize(
    ("role", "method", "request_"),
    [
        pytest.param(
            "reader", M.OPEN_ROUND, m.OpenRoundRequest("a" * 64, "2025", 0), id="reader-opens-a-round"
        ),
        pytest.param("reader", M.LIST_PROGRAMMES, m.ListProgrammesRequest(), id="reader-lists-programmes"),
        pytest.param("reader", M.POLL, None, id="reader-polls"),
        pytest.param("admin", M.POLL, None, id="admin-polls"),
        pytest.param("node", M.LIST_RELEASES, m.ListReleasesRequest(), id="node-reads-releases"),
        pytest.param("node", M.ENROL, None, id="node-enrols-again"),
        pytest.param("invitation", M.POLL, None, id="invitation-polls"),
        pytest.param(
            "invitation", M.RENEW_CERTIFICATE, m.RenewCertificateRequest(b"x" * 64), id="invitation-renews"
        ),
    ],
)
async def test_a_role_cannot_ask_what_is_for_another(serving, root, tools, role, method, request_):
    peer = await tools.enrol(serving, "amber")
    if role == "reader":
        key, csr = ca.new_credential()
        out = serving.config.path.parent / "cbs"
        enrolment.issue_badge(serving.config, "reader", "cbs", csr, out)
        link = tools.Link(serving.config.address, root, key, (out / "certificate.pem").read_bytes())
    else:
        link = {"admin": serving.admin_link, "node": peer.link, "invitation": peer.invited_link}[role]()
    if request_ is None:
        request_ = tools.poll() if method is M.POLL else peer.enrolment()
    code, text = await refused(link.call(method, request_))
    assert (code, text) == (CODE.PERMISSION_DENIED, f"{method.name} is not for the role {role}")
    await link.close()


async def test_a_revoked_node_is_shut_out_on_its_open_connection(federation, tools):
    link = federation.peers["amber"].link()
    await link.call(M.POLL, tools.poll())
    enrolment.revoke(federation.config, "node", "amber")
    code, _ = await refused(link.call(M.POLL, tools.poll()))
    assert code is CODE.UNAUTHENTICATED
    await federation.peers["beryl"].link().call(M.POLL, tools.poll())


async def test_a_node_that_is_revoked_while_it_waits_gets_no_news(federation, tools):
    link = federation.peers["amber"].link()
    cursor = (await link.call(M.POLL, tools.poll())).cursor
    waiting = asyncio.ensure_future(link.call(M.POLL, tools.poll(cursor)))
    await asyncio.wait([waiting], timeout=0.3)
    assert not waiting.done()
    enrolment.revoke(federation.config, "node", "amber")
    admin = federation.admin_link()
    await admin.call(M.OPEN_ROUND, m.OpenRoundRequest(federation.programme.digest, "2025", 0))
    code, _ = await refused(waiting)
    assert code is CODE.UNAUTHENTICATED
    await admin.close()


@pytest.mark.parametrize(
    ("data", "path"),
    [
        pytest.param(b"\xff\xff\xff", "not a message", id="junk"),
        pytest.param(b"", "round_id: must have", id="missing"),
        pytest.param(b"\x0a\x04abcd", "round_id: must have", id="short"),
        pytest.param(
            codec.encode(m.GetRoundRequest("a" * 64)) + b"\x7a\x01x",
            "not in the contract",
            id="unknown-field",
        ),
    ],
)
async def test_a_message_that_does_not_hold_is_refused_with_its_path(serving, data, path):
    link = serving.admin_link()
    code, text = await refused(link.raw(M.GET_ROUND, data))
    assert (code, path in text) == (CODE.INVALID_ARGUMENT, True)
    await link.close()


async def test_a_nested_unknown_field_is_named_by_its_path(federation):
    peer = federation.peers["amber"]
    data = b"\x0a\x05" + b"\x7a\x03abc"  # field 1 (presence) holds field 15, which no envelope has
    code, text = await refused(peer.link().raw(M.PUT_PRESENCE, data))
    assert (code, text) == (CODE.INVALID_ARGUMENT, "presence: holds a field that is not in the contract")


async def test_an_oversize_message_is_refused(serving):
    link = serving.admin_link()
    code, _ = await refused(link.raw(M.GET_ROUND, os.urandom(MAX_MESSAGE + (1 << 17))))
    assert code is CODE.RESOURCE_EXHAUSTED
    assert (await link.call(M.LIST_ROUNDS, m.ListRoundsRequest())).rounds == ()
    await link.close()


async def test_a_bug_reaches_neither_the_caller_nor_the_log_with_its_text(serving, monkeypatch, capfd):
    from aggregator.service import Control

    def broken(self, request):
        raise ZeroDivisionError("secret 7919")

    monkeypatch.setattr(Control, "round", broken)
    link = serving.admin_link()
    code, text = await refused(link.call(M.GET_ROUND, m.GetRoundRequest("a" * 64)))
    assert (code, text) == (CODE.INTERNAL, "the coordinator has a fault; its log says which")
    log = capfd.readouterr().err
    assert "7919" not in log
    assert "ZeroDivisionError at test_admission.py" in log
    await link.close()


async def test_a_second_daemon_on_the_same_port_fails(serving):
    with pytest.raises(LocalFault, match="cannot be used"):
        async with daemon.running(serving.config):
            pass


async def test_a_replaced_server_certificate_is_served_to_new_connections(serving, root):
    before = await asyncio.to_thread(served_certificate, serving, root)
    authority = ca.Authority.load(serving.config.pki)
    fresh = authority.server(serving.config.hosts, _now())
    (serving.config.pki / "server.key.pem").write_bytes(fresh.key)
    (serving.config.pki / "server.pem").write_bytes(fresh.certificate)
    after = await asyncio.to_thread(served_certificate, serving, root)
    assert before != after == ca.certificate_digest(fresh.certificate)


async def test_a_stop_wakes_everybody_who_waits(central, tools):
    async with daemon.running(central.config):
        link = (await tools.enrol(central, "amber")).link()
        cursor = (await link.call(M.POLL, tools.poll())).cursor
        waiting = asyncio.ensure_future(link.call(M.POLL, tools.poll(cursor)))
        await asyncio.wait([waiting], timeout=0.3)
        assert not waiting.done()
    assert (await waiting).cursor == cursor
    for peer in central.peers.values():
        for it in peer.links:
            await it.close()


def test_the_log_writes_listed_keys_only(capfd):
    import json

    from aggregator.journal import note

    note("something", node="amber", peers=3, count=7919, vector=b"raw", reason="x" * 1000)  # type: ignore[arg-type]
    entry = json.loads(capfd.readouterr().err)
    assert set(entry) <= ALLOWED
    assert (entry["node"], entry["peers"], len(entry["reason"])) == ("amber", 3, 300)


def _now():
    from datetime import UTC, datetime

    return datetime.now(UTC)


def secured(central, root, version=None):
    import socket
    import ssl

    place = central.config.admin
    context = ssl.create_default_context(cadata=root.decode())
    context.load_cert_chain(place / "certificate.pem", place / "key.pem")
    context.set_alpn_protocols(["h2"])
    if version is not None:
        wanted = {12: ssl.TLSVersion.TLSv1_2, 13: ssl.TLSVersion.TLSv1_3}[version]
        context.minimum_version = context.maximum_version = wanted
    host, port = central.config.address.split(":")
    return context.wrap_socket(socket.create_connection((host, int(port)), timeout=10), server_hostname=host)


def served_certificate(central, root):
    import hashlib

    with secured(central, root) as line:
        return hashlib.sha256(line.getpeercert(binary_form=True)).hexdigest()


def call_by_hand(central, root, version):
    """ListRounds over a given TLS version, in HTTP/2 frames; returns (grpc-status, grpc-message)."""

    def frame(kind, flags, stream, payload):
        return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload

    def literal(name, value):
        return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value

    headers = b"".join(
        literal(name, value)
        for name, value in (
            (b":method", b"POST"), (b":scheme", b"https"), (b":path", M.LIST_ROUNDS.path.encode()),
            (b":authority", b"localhost"), (b"content-type", b"application/grpc"), (b"te", b"trailers"),
        )
    )  # fmt: skip
    with secured(central, root, version) as line:
        line.sendall(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, headers)
            + frame(0, 1, 1, b"\x00" * 5)
        )  # fmt: skip
        received = b""
        while True:
            while len(received) >= 9:
                size = int.from_bytes(received[:3], "big")
                if len(received) < 9 + size:
                    break
                kind, flags, payload = received[3], received[4], received[9 : 9 + size]
                received = received[9 + size :]
                if kind == 4 and not flags & 1:
                    line.sendall(frame(4, 1, 0, b""))
                if (
                    kind == 1 and flags & 1
                ):  # the last headers of the stream: grpc-status stands there in clear
                    return read_status(payload)
            received += line.recv(65536)


def read_status(block):
    """The two values out of a header block whose names and values gRPC sends without Huffman coding."""
    status = block.split(b"grpc-status", 1)[1]
    code = status[1 : 1 + status[0]].decode()
    if b"grpc-message" not in block:
        return code, ""
    message = block.split(b"grpc-message", 1)[1]
    return code, message[1 : 1 + message[0]].decode()
