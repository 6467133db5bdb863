"""A whole small federation: real keys, real certificates, a real coordinator on a free port of 127.0.0.1.

The nodes here are written from the table of remote calls alone; they share no code with ``node/``.
"""

import asyncio
import functools
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from grpc import aio

from aggregator import config as configuration
from aggregator import daemon, documents, enrolment, setup
from aggregator.config import Config
from samentel.counting.privacy import noise_plan
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents import statements
from samentel.documents.access import Invitation
from samentel.documents.envelope import seal
from samentel.documents.keys import SigningKey
from samentel.documents.model import from_json, to_bytes
from samentel.documents.programme import Programme
from samentel.ids import NO_DIGEST, digest
from samentel.wire import codec
from samentel.wire import messages as m
from samentel.wire import methods as M

PROGRAMME = """
id = "redenen-test"
version = {version}
contact = "test@example.nl"
mode = "{mode}"
period = "year"
rho = "1/2"
delta = "1/1000000"
max_attempts = 2
tick_seconds = 1

[title]
nl = "Redenen voor hulp"
en = "Reasons for help"

[purpose]
nl = "Toetsen"
en = "Testing"

[roster]
{rules}

[[populations]]
id = "clients"
counting = "inflow"
rows_per_person = 1
title = {{ nl = "Cliënten", en = "Clients" }}
definition = {{ nl = "Cliënten met een eerste contact", en = "Clients with a first contact" }}

[[dimensions]]
id = "reason"
field = "reason"
unknown = "NREC"
title = {{ nl = "Aanleiding", en = "Reason" }}
codes = [
  {{ code = "SEX", nl = "Seksuele uitbuiting", en = "Sexual exploitation" }},
  {{ code = "LAB", nl = "Arbeidsuitbuiting", en = "Labour exploitation" }},
  {{ code = "NREC", nl = "Niet geregistreerd", en = "Not recorded" }},
]

[[dimensions]]
id = "sex"
field = "sex"
unknown = "UNK"
title = {{ nl = "Geslacht", en = "Sex" }}
codes = [
  {{ code = "F", nl = "Vrouw", en = "Female" }},
  {{ code = "M", nl = "Man", en = "Male" }},
  {{ code = "UNK", nl = "Onbekend", en = "Unknown" }},
]

[[tables]]
id = "reason"
population = "clients"
dimensions = ["reason"]
rho_share = "1/2"
title = {{ nl = "Aanleiding", en = "Reason" }}
question = {{ nl = "Waarom?", en = "Why?" }}

[[tables]]
id = "reason-sex"
population = "clients"
dimensions = ["reason", "sex"]
rho_share = "1/2"
title = {{ nl = "Aanleiding naar geslacht", en = "Reason by sex" }}
question = {{ nl = "Wie waarom?", en = "Who, why?" }}
"""

NODES = ("amber", "beryl", "coral", "dune")


def written(version: int = 1, mode: str = "individual", rules: str = "") -> bytes:
    """The programme of these tests as its author writes it; ``rules``: further lines under [roster]."""
    if "institutions_min" not in rules:
        rules = f"institutions_min = 3\n{rules}"
    return PROGRAMME.format(version=version, mode=mode, rules=rules).encode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_request() -> tuple[bytes, bytes]:
    """A P-256 key (PEM) and a request for it (DER)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, request.public_bytes(Encoding.DER)


class Link:
    """One mTLS channel, called by the table of methods."""

    def __init__(self, address: str, root: bytes, key: bytes | None, chain: bytes | None) -> None:
        credentials = grpc.ssl_channel_credentials(root, key, chain)
        self.channel = aio.secure_channel(address, credentials)

    async def call(self, method: Any, request: Any, seconds: float = 20) -> Any:
        return await self.raw(method, codec.encode(request), seconds)

    async def raw(self, method: Any, data: bytes, seconds: float = 20) -> Any:
        decode = functools.partial(codec.decode, method.response)
        stub = self.channel.unary_unary(method.path, response_deserializer=decode)
        return await stub(data, timeout=seconds)

    async def close(self) -> None:
        await self.channel.close()


@dataclass
class Peer:
    """A node as the coordinator sees one."""

    name: str
    invitation: Invitation
    tls_key: bytes
    request: bytes
    protocol: SigningKey
    chain: bytes = b""
    links: list[Link] = field(default_factory=list)

    def link(self) -> Link:
        return self._link(self.tls_key, self.chain)

    def invited_link(self) -> Link:
        return self._link(self.invitation.key.encode(), self.invitation.certificate.encode())

    def _link(self, key: bytes, chain: bytes) -> Link:
        made = Link(self.invitation.address, self.invitation.root.encode(), key, chain)
        self.links.append(made)
        return made

    def enrolment(self) -> m.EnrolRequest:
        return m.EnrolRequest(self.request, self.protocol.public.raw, self.protocol.sign(self.request))

    def presence(self, round_id: str) -> m.PutPresenceRequest:
        said = statements.Presence(round=round_id, node=self.name, ledger_length=0, ledger_digest=NO_DIGEST)
        return m.PutPresenceRequest(statements.state(said, self.protocol))

    def contribution(
        self, round_id: str, programme: Programme, numbers: Any, length: int = 1
    ) -> m.PutContributionRequest:
        vector = np.asarray(numbers, dtype="<i8").tobytes()
        said = statements.Contribution(
            round=round_id,
            node=self.name,
            programme=programme.digest,
            cells=programme.vector_length,
            vector=digest(vector),
            ledger_length=length,
            ledger_digest=digest(b"head %d" % length),
        )
        return m.PutContributionRequest(statements.state(said, self.protocol), vector)


def poll(cursor: int = 0, length: int = 0, head: str = NO_DIGEST) -> m.PollRequest:
    return m.PollRequest(cursor, m.LedgerHead(length, head), "test")


@dataclass
class Central:
    """A coordinator that is set up, with its authority's keys."""

    config: Config
    authority: tuple[SigningKey, ...]
    programme: Programme
    peers: dict[str, Peer] = field(default_factory=dict)

    def invite(self, name: str) -> Peer:
        made = enrolment.invite(
            self.config, name, name=f"Stichting {name}", operator=name, type="OPVANG", province="NL32"
        )
        return self.take(name, to_bytes(made))

    def take(self, name: str, file: bytes) -> Peer:
        """A node takes its invitation file and makes its keys."""
        made = from_json(Invitation, file, "invitation")
        self.peers[name] = Peer(name, made, *make_request(), SigningKey(os.urandom(32)))
        return self.peers[name]

    def sign_programme(self, version: int = 1, mode: str = "individual", rules: str = "") -> Any:
        return seal(programmes.PAYLOAD_TYPE, written(version, mode, rules), *self.authority)

    def sign_roster(self, payload: bytes | None = None) -> Any:
        return seal(rosters.PAYLOAD_TYPE, payload or documents.draft_roster(self.config), *self.authority)

    def admin_link(self) -> Link:
        place = self.config.admin
        return Link(
            self.config.address,
            *((place / f"{it}.pem").read_bytes() for it in ("root", "key", "certificate")),
        )

    def vector(self, scale: int = 1) -> Any:
        """A vector whose cell i holds i * scale * granularity, so that sums can be told."""
        parts = [
            np.append(np.arange(noise.cells) * scale * noise.granularity, 0)
            for noise in noise_plan(self.programme)
        ]
        return np.concatenate(parts)


@pytest.fixture
def authority_files(tmp_path: Path) -> tuple[tuple[SigningKey, ...], list[Path]]:
    return new_authority(tmp_path)


def new_authority(place: Path) -> tuple[tuple[SigningKey, ...], list[Path]]:
    """Two keys, and the files of their public halves."""
    keys = tuple(SigningKey(os.urandom(32)) for _ in range(2))
    paths = []
    for number, key in enumerate(keys):
        paths.append(place / f"authority{number}.pub.pem")
        paths[-1].write_bytes(key.public.to_pem())
    return keys, paths


def copied(made: Central, directory: Path) -> Central:
    """A copy of a coordinator's directory, at an address of its own; nobody listens at the first."""
    shutil.copytree(made.config.path.parent, directory)
    address = f"127.0.0.1:{free_port()}"
    path = directory / made.config.path.name
    for file in (path, directory / "admin" / "endpoint.toml"):
        text = file.read_text()
        assert made.config.address in text
        file.write_text(text.replace(made.config.address, address))
    peers = {
        name: replace(peer, invitation=peer.invitation.model_copy(update={"address": address}), links=[])
        for name, peer in made.peers.items()
    }
    return Central(configuration.load(path), made.authority, made.programme, peers)


async def hung_up(central: Central) -> None:
    for peer in central.peers.values():
        for link in peer.links:
            await link.close()


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Central:
    """Set up, nobody enrolled; every test has a copy of it."""
    place = tmp_path_factory.mktemp("founded")
    keys, paths = new_authority(place)
    address = f"127.0.0.1:{free_port()}"
    path = setup.init(
        place / "central",
        listen=address,
        address=address,
        hosts=["127.0.0.1", "localhost"],
        authority=paths,
        authority_threshold=2,
    )
    return Central(configuration.load(path), keys, programmes.parse(written()))


@pytest.fixture(scope="session")
def joined(founded: Central, tmp_path_factory: pytest.TempPathFactory) -> Central:
    """Four nodes enrolled, programme and roster in force; every test has a copy of it."""
    made = copied(founded, tmp_path_factory.mktemp("joined") / "central")

    async def join() -> None:
        async with daemon.running(made.config):
            for name in NODES:
                await enrol(made, name)
            documents.publish(made.config, made.sign_programme())
            documents.publish(made.config, made.sign_roster())
            await hung_up(made)

    asyncio.run(join())
    return made


@pytest.fixture
def central(request: pytest.FixtureRequest, tmp_path: Path) -> Central:
    """Set up, not listening; nobody enrolled, unless the test asks for the federation."""
    made = "joined" if "federation" in request.fixturenames else "founded"
    return copied(request.getfixturevalue(made), tmp_path / "central")


@pytest_asyncio.fixture
async def serving(central: Central) -> AsyncIterator[Central]:
    """Listening; what ``central`` says of who is enrolled holds here too."""
    async with daemon.running(central.config):
        yield central
        await hung_up(central)


async def enrol(central: Central, name: str) -> Peer:
    """The whole way of one node, over the wire."""
    peer = central.invite(name)
    link = peer.invited_link()
    fingerprint = (await link.call(M.ENROL, peer.enrolment())).fingerprint
    enrolment.confirm(central.config, name, fingerprint)
    answer = await link.call(M.GET_ENROLMENT, m.GetEnrolmentRequest())
    assert answer.confirmed
    peer.chain = answer.certificate_chain
    return peer


@pytest.fixture
def federation(serving: Central) -> Central:
    """Listening, four nodes enrolled, programme and roster in force."""
    return serving


async def advance(
    federation: Central, phase: m.RoundPhase, present: int = 4, period: str = "2025", attempt: int = 0
) -> Any:
    """Open a round and bring it to a phase with the first nodes; returns its status."""
    admin = federation.admin_link()
    opened = await admin.call(M.OPEN_ROUND, m.OpenRoundRequest(federation.programme.digest, period, attempt))
    round_id = opened.round.round_id
    peers = list(federation.peers.values())[:present]
    for peer in peers:
        await peer.link().call(M.PUT_PRESENCE, peer.presence(round_id))
    if phase > m.RoundPhase.GATHERING:
        await admin.call(M.COLLECT_ROUND, m.CollectRoundRequest(round_id))
    if phase > m.RoundPhase.COLLECTING:
        for number, peer in enumerate(peers, 1):
            request = peer.contribution(round_id, federation.programme, federation.vector(number))
            await peer.links[-1].call(M.PUT_CONTRIBUTION, request)
    if phase is m.RoundPhase.PUBLISHED:
        await admin.call(M.PUBLISH_ROUND, m.PublishRoundRequest(round_id), 60)
    status = (await admin.call(M.GET_ROUND, m.GetRoundRequest(round_id))).round
    assert status.phase is phase
    await admin.close()
    return status


@pytest.fixture
def tools() -> Any:
    """The functions above, for tests: test files cannot import one another."""

    class Tools:
        NODES = NODES
        Link = Link
        poll = staticmethod(poll)
        enrol: Callable[..., Any] = staticmethod(enrol)
        Central = Central
        programme = staticmethod(lambda: programmes.parse(written()))
        written = staticmethod(written)
        round_id = staticmethod(
            lambda notice: from_json(statements.Round, notice.round.payload, "round").round_id
        )
        advance: Callable[..., Any] = staticmethod(advance)
        free_port = staticmethod(free_port)
        make_request = staticmethod(make_request)

    return Tools
