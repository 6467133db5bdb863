"""An institution on the test's own disk, and a coordinator that is only the other side."""

import asyncio
import ipaddress
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from node import approving, config, identity, setup
from node.config import Config
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.access import Invitation
from samentel.documents.envelope import Envelope, seal
from samentel.documents.keys import SigningKey, fingerprint
from samentel.documents.model import to_bytes
from samentel.documents.programme import Programme
from samentel.documents.roster import Institution, Roster
from samentel.documents.statements import Contribution, Receipt, Round, state
from samentel.ids import NO_DIGEST, Period
from samentel.wire import codec, methods
from samentel.wire import messages as m

PROGRAMME = """
id = "clients-demo"
version = 1
contact = "Test"
mode = "{mode}"
period = "{period}"
rho = "{rho}"
delta = "1/1000000"
max_attempts = 2
tick_seconds = 0.05
title = {{ nl = "Cliënten", en = "Clients" }}
purpose = {{ nl = "Weten hoeveel", en = "To know how many" }}

[roster]
institutions_min = {institutions_min}

[[populations]]
id = "clients"
counting = "inflow"
rows_per_person = {rows}
title = {{ nl = "Cliënten", en = "Clients" }}
definition = {{ nl = "Ieder met een eerste contact", en = "Everyone with a first contact" }}

[[tables]]
id = "reason"
population = "clients"
dimensions = ["reason"]
rho_share = "1/2"
title = {{ nl = "Naar aanleiding", en = "By reason" }}
question = {{ nl = "Hoe vaak?", en = "How often?" }}

[[tables]]
id = "sex_age"
population = "clients"
dimensions = ["sex", "age"]
rho_share = "1/2"
title = {{ nl = "Naar geslacht en leeftijd", en = "By sex and age" }}
question = {{ nl = "Wie?", en = "Who?" }}

[[dimensions]]
id = "reason"
field = "reason"
unknown = "NREC"
title = {{ nl = "Aanleiding", en = "Reason" }}
codes = [
  {{ code = "THB_SEX", nl = "seksuele uitbuiting", en = "sexual exploitation" }},
  {{ code = "HG", nl = "huiselijk geweld", en = "domestic violence" }},
  {{ code = "NASK", nl = "niet gevraagd", en = "not asked" }},
  {{ code = "NREC", nl = "niet geregistreerd", en = "not recorded" }},
]
[[dimensions]]
id = "sex"
field = "sex"
unknown = "U"
title = {{ nl = "Geslacht", en = "Sex" }}
codes = [
  {{ code = "F", nl = "vrouw", en = "woman" }},
  {{ code = "M", nl = "man", en = "man" }},
  {{ code = "U", nl = "onbekend", en = "unknown" }},
]
[[dimensions]]
id = "age"
field = "age"
unknown = "AUNK"
title = {{ nl = "Leeftijd", en = "Age" }}
codes = [
  {{ code = "A00_17", nl = "0-17", en = "0-17", bounds = [0, 17] }},
  {{ code = "A18_PLUS", nl = "18+", en = "18+", bounds = [18, 120] }},
  {{ code = "AUNK", nl = "onbekend", en = "unknown" }},
]
"""

MAPPING = """
[file]
path = "export.csv"
delimiter = ";"
dates = ["%Y-%m-%d", "%d-%m-%Y"]
[columns]
person = "nr"
first_contact = "datum"
birth_date = "geboren"
sex = "geslacht"
reason = "aanleiding"
[codes.sex]
vrouw = "F"
man = "M"
[codes.reason]
"seksuele uitbuiting" = "THB_SEX"
huiselijk = "HG"
"niet gevraagd" = "NASK"
[blank]
reason = "NREC"
"""

EXPORT = """nr;datum;geboren;geslacht;aanleiding
K1;2025-02-03;1990-05-06;vrouw;seksuele uitbuiting
K2;03-04-2025;2009-05-06;Man ;huiselijk
K3;2025-07-01;;;niet gevraagd
"""

AUTHORITY = (SigningKey(b"\1" * 32), SigningKey(b"\2" * 32))
COORDINATOR = SigningKey(b"\3" * 32)
OTHERS = tuple(SigningKey(bytes([number]) * 32) for number in (11, 12, 13))


def programme_text(
    *,
    mode: str = "individual",
    period: str = "year",
    rho: str = "1/2",
    rows: int = 1,
    institutions_min: int = 3,
) -> bytes:
    values = {"mode": mode, "period": period, "rho": rho, "rows": rows, "institutions_min": institutions_min}
    return PROGRAMME.format(**values).encode()


def signed(payload_type: str, payload: bytes) -> Envelope:
    return seal(payload_type, payload, *AUTHORITY)


def signed_programme(text: bytes | None = None) -> Envelope:
    return signed(programmes.PAYLOAD_TYPE, text or programme_text())


class TestAuthority:
    """Certificates for one test: one root, one server, one client each time it is asked."""

    __test__ = False

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._certificate("root", self.key.public_key(), None, days=30)
        self.root = self.certificate.public_bytes(Encoding.PEM)

    def server(self) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        return private(key), self._certificate(
            "server", key.public_key(), ExtendedKeyUsageOID.SERVER_AUTH, 30
        ).public_bytes(Encoding.PEM)

    def client(self, der: bytes, days: float = 30) -> bytes:
        request = x509.load_der_x509_csr(der)
        assert request.is_signature_valid
        public = request.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        return self._certificate("client", public, ExtendedKeyUsageOID.CLIENT_AUTH, days).public_bytes(
            Encoding.PEM
        )

    def _certificate(
        self, name: str, public: ec.EllipticCurvePublicKey, use: x509.ObjectIdentifier | None, days: float
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=use is None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
        )
        if use is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        return builder.sign(self.key, hashes.SHA256())


def private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass
class Coordinator:
    """The other side: says what the test tells it to say, and remembers what it was sent.

    Attributes:
        fail: by method name, how many calls fail: those above zero before anything is remembered, those below
            zero after.
        decline: by method name, the status with which a call is turned down.
        decline_for: the round that this is limited to, or nothing for all calls of that name.
        calls: the name and the size in bytes of every request, in the order of arrival.
        answers: what else it answers, by method.
    """

    authority: TestAuthority
    address: str = ""
    documents: dict[str, tuple[m.DocumentKind, Envelope]] = field(default_factory=dict)
    rounds: dict[str, m.RoundNotice] = field(default_factory=dict)
    head: m.LedgerHead = field(default_factory=lambda: m.LedgerHead(0, NO_DIGEST))
    presences: list[Envelope] = field(default_factory=list)
    contributions: list[m.PutContributionRequest] = field(default_factory=list)
    polls: int = 0
    arrived_at: list[datetime] = field(default_factory=list)
    receipt_round: str = ""
    received: list[bytes] = field(default_factory=list)
    calls: list[tuple[str, int]] = field(default_factory=list)
    present_at: list[datetime] = field(default_factory=list)
    fail: dict[str, int] = field(default_factory=dict)
    decline: dict[str, grpc.StatusCode] = field(default_factory=dict)
    decline_for: str = ""
    confirmed: bool = False
    applied: m.EnrolRequest | None = None
    renewals: int = 0
    version: int = 1
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    answers: dict[methods.Method, Callable] = field(default_factory=dict)

    async def start(self) -> grpc.aio.Server:
        answers = {
            methods.POLL: self.poll,
            methods.GET_DOCUMENT: self.document,
            methods.PUT_PRESENCE: self.presence,
            methods.PUT_CONTRIBUTION: self.contribution,
            methods.ENROL: self.enrol,
            methods.GET_ENROLMENT: self.enrolment,
            methods.RENEW_CERTIFICATE: self.renew,
            **self.answers,
        }
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", m.MAX_MESSAGE)])
        for service in {method.service for method in answers}:
            handlers = {
                method.name: self._handler(method, answer)
                for method, answer in answers.items()
                if method.service == service
            }
            generic = grpc.method_handlers_generic_handler(f"samentel.wire.{service}", handlers)
            server.add_generic_rpc_handlers((generic,))
        credentials = grpc.ssl_server_credentials(
            [self.authority.server()], root_certificates=self.authority.root, require_client_auth=True
        )
        port = server.add_secure_port("127.0.0.1:0", credentials)
        self.address = f"127.0.0.1:{port}"
        await server.start()
        return server

    def _handler(self, method, answer):
        async def call(data: bytes, context) -> bytes:
            self.received.append(data)
            self.calls.append((method.name, len(data)))
            if method.name in self.decline and self.decline_for.encode() in data:
                await context.abort(self.decline[method.name], "no")
            if self.fail.get(method.name, 0) > 0:
                self.fail[method.name] -= 1
                await context.abort(grpc.StatusCode.UNAVAILABLE, "before")
            reply = await answer(codec.decode(method.request, data))
            if self.fail.get(method.name, 0) < 0:
                self.fail[method.name] += 1
                await context.abort(grpc.StatusCode.UNAVAILABLE, "after")
            return codec.encode(reply)

        return grpc.unary_unary_rpc_method_handler(call)

    def told(self) -> m.PollResponse:
        notices = tuple(m.DocumentNotice(kind, digest) for digest, (kind, _) in self.documents.items())
        return m.PollResponse(self.version, self.head, notices, tuple(self.rounds.values()))

    def news(self) -> None:
        self.version += 1
        self.changed.set()

    async def poll(self, request: m.PollRequest) -> m.PollResponse:
        self.polls += 1
        if request.ledger.length >= self.head.length:
            self.head = request.ledger
        while request.cursor >= self.version:
            self.changed.clear()
            await self.changed.wait()
        return self.told()

    async def document(self, request: m.GetDocumentRequest) -> m.GetDocumentResponse:
        return m.GetDocumentResponse(self.documents[request.digest][1])

    async def presence(self, request: m.PutPresenceRequest) -> m.PutPresenceResponse:
        self.presences.append(request.presence)
        self.present_at.append(datetime.now(UTC))
        self.changed.set()
        return m.PutPresenceResponse()

    async def contribution(self, request: m.PutContributionRequest) -> m.PutContributionResponse:
        self.contributions.append(request)
        said = Contribution.model_validate_json(request.contribution.payload)
        self.arrived_at.append(datetime.now(UTC))
        receipt = Receipt(
            round=self.receipt_round or said.round, node=said.node, contribution=request.contribution.digest
        )
        return m.PutContributionResponse(state(receipt, COORDINATOR))

    async def enrol(self, request: m.EnrolRequest) -> m.EnrolResponse:
        self.applied = request
        public = x509.load_der_x509_csr(request.certificate_request).public_key()
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return m.EnrolResponse(fingerprint(spki, request.protocol_key))

    async def enrolment(self, _: m.GetEnrolmentRequest) -> m.GetEnrolmentResponse:
        if not self.confirmed:
            return m.GetEnrolmentResponse(False, b"")
        assert self.applied is not None
        return m.GetEnrolmentResponse(True, self.authority.client(self.applied.certificate_request))

    async def renew(self, request: m.RenewCertificateRequest) -> m.RenewCertificateResponse:
        self.renewals += 1
        return m.RenewCertificateResponse(self.authority.client(request.certificate_request))

    def publish(self, kind: m.DocumentKind, envelope: Envelope) -> None:
        self.documents[envelope.digest] = (kind, envelope)
        self.news()

    def announce(
        self, opened: Round, phase: m.RoundPhase, release: str = "", signer: SigningKey = COORDINATOR
    ) -> None:
        self.rounds[opened.round_id] = m.RoundNotice(state(opened, signer), phase, release)
        self.news()


@dataclass
class Premises:
    """One institution's directory."""

    config: Config
    signer: SigningKey

    @property
    def state(self) -> Path:
        return self.config.state_dir

    def roster(self, version: int = 1, **changes: object) -> Envelope:
        keys = [self.signer, *OTHERS]
        names = ["huis-een", "huis-twee", "huis-drie", "huis-vier"]
        institutions = tuple(
            Institution(
                node=name,
                name=name,
                operator=name,
                type="COSM",
                province="PV25",
                protocol_key=key.public.raw.hex(),
            )
            for name, key in zip(names, keys, strict=True)
        )
        roster = Roster(
            version=version,
            issued_at=datetime.now(UTC),
            coordinator_key=COORDINATOR.public.raw.hex(),
            institutions=institutions,
        )
        return signed(rosters.PAYLOAD_TYPE, to_bytes(roster.model_copy(update=changes)))

    def approve(self, envelope: Envelope, **changes: object) -> None:
        values = {
            "approved_by": "De FG",
            "rho_cap": Fraction(1),
            "expires_at": datetime.now(UTC) + timedelta(days=30),
            "individual": True,
            **changes,
        }
        approving.approve(self.config, envelope, **values)


def opened(
    programme: Programme,
    roster: Envelope,
    *,
    period: str = "2025",
    attempt: int = 1,
    hours: float = 1,
    number: int = 0,
) -> Round:
    now = datetime.now(UTC)
    return Round(
        programme=programme.digest,
        roster=roster.digest,
        period=Period.parse(period),
        attempt=attempt,
        nonce=f"{number:064x}",
        opened_at=now - timedelta(minutes=1),
        gather_until=now + timedelta(hours=hours),
        collect_until=now + timedelta(hours=2 * hours),
    )


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory whose name is short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="sn-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def authority_files(short_path: Path) -> list[Path]:
    files = [short_path / f"authority-{number}.pub.pem" for number in range(len(AUTHORITY))]
    for file, key in zip(files, AUTHORITY, strict=True):
        file.write_bytes(key.public.to_pem())
    return files


@pytest.fixture
def directory(short_path: Path, authority_files: list[Path]) -> Path:
    """What ``init`` makes, with a mapping and an export filled in."""
    path = setup.init(short_path / "n", authority=authority_files, authority_threshold=2).parent
    (path / "mapping.toml").write_text(MAPPING)
    (path / "export.csv").write_text(EXPORT)
    return path


@pytest.fixture
def certificates() -> TestAuthority:
    return TestAuthority()


def invitation(certificates: TestAuthority, address: str, node: str = "huis-een") -> Invitation:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return Invitation(
        node=node,
        name="Huis Een",
        operator="Huis Een",
        type="COSM",
        province="PV25",
        address=address,
        root=certificates.root.decode(),
        key=private(key).decode(),
        certificate=certificates.client(request.public_bytes(Encoding.DER)).decode(),
        expires_at=datetime.now(UTC) + timedelta(days=3),
    )


@pytest.fixture
async def coordinator(certificates: TestAuthority) -> AsyncIterator[Coordinator]:
    side = Coordinator(certificates)
    server = await side.start()
    yield side
    await server.stop(0)


@pytest.fixture
def premises(directory: Path, certificates: TestAuthority, coordinator: Coordinator) -> Premises:
    """An enrolled institution."""
    return enrolled(directory, certificates, coordinator.address)


def enrolled(
    directory: Path, certificates: TestAuthority, address: str, days: float = 30, node: str = "huis-een"
) -> Premises:
    loaded = config.load(directory / "node.toml")
    request = identity.begin(loaded.state_dir, invitation(certificates, address, node))
    identity.install(loaded.state_dir, request.key, certificates.client(request.der, days))
    identity.forget_invitation(loaded.state_dir)
    return Premises(loaded, identity.protocol_key(loaded.state_dir))


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition, and fail at the deadline."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition lies outside this process's control
            await asyncio.sleep(0.02)


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """The names of this file, for tests: with pytest's importlib mode it cannot be imported."""
    return SimpleNamespace(**globals())
