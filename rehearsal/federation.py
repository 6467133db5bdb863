"""A whole federation in one directory: what people at each desk do, one function a step.

Every step goes through the functions behind the command lines, in the order of
the operators' manual; nothing is short-cut, and nothing is switched off.
"""

import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aggregator.config
import aggregator.documents
import aggregator.enrolment
import aggregator.setup
import node.approving
import node.config
import node.enrolment
import node.setup
from aggregator import files
from aggregator.client import Coordinator
from desk import keys, signing
from node.store import Reader
from rehearsal import processes
from rehearsal.processes import Daemon
from rehearsal.sector import Export
from samentel.counting import ledger
from samentel.counting.ledger import Kind
from samentel.documents import levels
from samentel.documents.envelope import Envelope
from samentel.documents.programme import Mode, Programme
from samentel.errors import LocalFault, PeerError
from samentel.wire.methods import Role

HOST = "127.0.0.1"
SIGNERS = ("statistiek", "rapporteur")  # both must sign
CONNECT_SECONDS = 30.0
READER = "lezer"


@dataclass(frozen=True, slots=True)
class National:
    """The national side.

    Attributes:
        authority: the programme authority's keys.
    """

    directory: Path
    config: aggregator.config.Config
    authority: tuple[keys.Made, ...]

    @property
    def admin(self) -> Path:
        """The administrator's credentials directory."""
        return self.config.admin

    def daemon(self) -> Daemon:
        """Start the aggregator and wait until it answers.

        Raises:
            LocalFault: it ended, or does not answer in time.
        """
        words = processes.command("aggregator.cli", "--config", self.config.path, "serve")
        started = processes.start("aggregator", words, self.directory / "logs" / "aggregator.log")
        try:
            processes.wait("waiting for the aggregator", self._answers, [started], CONNECT_SECONDS)
        except BaseException:
            started.stop()
            raise
        return started

    def _answers(self) -> bool:
        try:
            with Coordinator.connect(self.admin) as national:
                national.programmes()
        except (LocalFault, PeerError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Premises:
    """One institution."""

    export: Export
    directory: Path
    config: node.config.Config

    def daemon(self) -> Daemon:
        """Start the institution's node."""
        name = self.export.house.node
        words = processes.command("node.cli", "--config", self.config.path, "run")
        return processes.start(name, words, self.directory.parents[1] / "logs" / f"{name}.log")

    def booked(self, period: str) -> list[Kind]:
        """What its ledger says of the rounds of a period, in order; may be read while its node runs.

        Raises:
            LocalFault: the chain of the ledger does not hold.
        """
        with Reader.open_read_only(self.config.state_dir) as store:
            entries = store.entries()
        if ledger.verify(entries):
            raise LocalFault(f"{self.export.house.node}: its ledger has been changed")
        bodies = [entry.read() for entry in entries]
        return [body.kind for body in bodies if body.loss is not None and str(body.loss.period) == period]


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of a federation, each a process of its own.

    Attributes:
        running: the daemons that nobody has killed, by node.
    """

    premises: Mapping[str, Premises]
    running: dict[str, Daemon] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start a node, or start it again."""
        self.running[name] = self.premises[name].daemon()

    def start_all(self) -> None:
        """Start every node."""
        for name in self.premises:
            self.start(name)

    def kill(self, name: str) -> None:
        """End a node as a power cut would; its state is what it had written."""
        self.running.pop(name).kill()

    def check(self) -> None:
        """Raise LocalFault when a node has ended by itself."""
        for daemon in self.running.values():
            if not daemon.runs:
                raise LocalFault(f"{daemon.name} ended by itself; see {daemon.log}")

    def wait_until_published(self, names: Collection[str], period: str) -> None:
        """Wait until these nodes have heard, and booked, that a round of the period was published.

        Raises:
            LocalFault: one of them has ended, or does not hear of it.
        """
        processes.wait(
            "waiting for the nodes to hear of the release",
            lambda: all(Kind.PUBLISHED in self.premises[name].booked(period) for name in names),
            [self.running[name] for name in names],
            CONNECT_SECONDS,
        )

    def stop(self) -> None:
        """End every node."""
        processes.stop(self.running.values())


def found(directory: Path, pace: Mapping[str, float] | None = None) -> National:
    """Make the authority's keys and set the coordinator up, on a free port of this machine.

    Args:
        pace: deadlines to write into the coordinator's configuration, by their keys there; the others stay.
    """
    authority = tuple(keys.new(name, directory / "authority") for name in SIGNERS)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        address = f"{HOST}:{probe.getsockname()[1]}"
    path = aggregator.setup.init(
        directory / "aggregator",
        listen=address,
        address=address,
        hosts=[HOST],
        authority=[made.public for made in authority],
        authority_threshold=len(authority),
    )
    _set(path, pace or {})
    return National(directory, aggregator.config.load(path), authority)


def _set(path: Path, pace: Mapping[str, float]) -> None:
    kept = [line for line in path.read_text("utf-8").splitlines() if line.partition(" = ")[0] not in pace]
    files.write(path, "\n".join([*kept, *(f"{key} = {value}" for key, value in pace.items()), ""]).encode())


def settle(national: National, export: Export) -> Premises:
    """Set an institution's premises up: its exports, its mapping, its keys, its empty ledger."""
    place = national.directory / "nodes" / export.house.node
    place.mkdir(parents=True)
    for name, data in export.files.items():
        (place / name).write_bytes(data)
    (place / "mapping.toml").write_text(export.mapping, "utf-8")
    path = node.setup.init(
        place, authority=[made.public for made in national.authority], authority_threshold=len(SIGNERS)
    )
    return Premises(export, place, node.config.load(path))


def enrol(national: National, premises: Premises) -> None:
    """Invite an institution, read its fingerprint out, confirm it, fetch its certificate.

    Raises:
        LocalFault: it was confirmed, and the certificate is not there.
    """
    house = premises.export.house
    invitation = aggregator.enrolment.invite(
        national.config,
        house.node,
        name=house.name,
        operator=house.operator,
        type=house.type,
        province=house.province,
        facilities=house.facilities,
    )
    spoken = node.enrolment.request(premises.config, invitation)
    aggregator.enrolment.confirm(national.config, house.node, spoken)
    if not node.enrolment.collect(premises.config):
        raise LocalFault(f"{house.node}: confirmed, and there is no certificate")


def put_in_force(national: National, programme: bytes) -> tuple[Programme, Envelope]:
    """The authority signs the roster and the programme; the coordinator puts both in force."""
    drafts = national.directory / "documents"
    drafts.mkdir(exist_ok=True)
    (drafts / "programme.toml").write_bytes(programme)
    (drafts / "roster.json").write_bytes(aggregator.documents.draft_roster(national.config))
    signers = [keys.read_signing(made.private) for made in national.authority]
    roster = signing.sign(drafts / "roster.json", signers)
    signed = signing.sign(drafts / "programme.toml", signers)
    aggregator.documents.publish(national.config, roster.envelope)
    aggregator.documents.publish(national.config, signed.envelope)
    assert isinstance(signed.document, Programme), "a .toml is read as a programme"
    return signed.document, signed.envelope


def approve(premises: Premises, programme: Programme, envelope: Envelope) -> None:
    """The institution's data protection officer says yes: this programme and these levels, for a year."""
    node.approving.approve(
        premises.config,
        envelope,
        approved_by="functionaris gegevensbescherming (verzonnen)",
        rho_cap=programme.rho * programme.max_attempts,
        expires_at=datetime.now(UTC) + timedelta(days=365),
        individual=programme.mode is Mode.INDIVIDUAL,
        small_levels=levels.consents_needed(programme, premises.export.house.institution()),
    )


def reader(national: National) -> Path:
    """A reader makes a key and receives a certificate; returns the credentials directory."""
    place = national.directory / "reader"
    made = keys.request(READER, place)
    aggregator.enrolment.issue_badge(national.config, Role.READER, READER, made.public.read_bytes(), place)
    return place


def prepare(directory: Path, exports: Sequence[Export], programme: bytes) -> "Federation":
    """All steps but the institutions' daemons; the aggregator runs at the end."""
    national = found(directory)
    daemon = national.daemon()
    try:
        premises = tuple(settle(national, export) for export in exports)
        for place in premises:
            enrol(national, place)
        parsed, envelope = put_in_force(national, programme)
        for place in premises:
            approve(place, parsed, envelope)
    except BaseException:
        daemon.stop()
        raise
    return Federation(national, daemon, premises, parsed)


@dataclass(frozen=True, slots=True)
class Federation:
    """A federation that is ready for a round; its aggregator runs."""

    national: National
    aggregator: Daemon
    premises: tuple[Premises, ...]
    programme: Programme
