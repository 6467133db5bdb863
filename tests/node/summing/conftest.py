"""Four institutions and a coordinator that drives the real machine of the other side, over real mTLS.

Each real node talks to a port of its own, so that the coordinator knows who asks; the others are the pure
machine with their keys.
"""

import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import grpc
import numpy as np
import pytest

from node import halting, identity, sealing, setup
from node.attendance import Attendance
from node.journal import Journal
from node.link import Link
from node.store import Reader, Store
from samentel.counting.ledger import EMPTY, Head
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.keys import SigningKey
from samentel.documents.model import to_bytes
from samentel.documents.statements import Start, state
from samentel.errors import PeerError
from samentel.ids import Digest, digest
from samentel.secagg import client, receipts, relay, server, standing
from samentel.secagg.convening import terms_of
from samentel.secagg.encoding import decode
from samentel.secagg.messages import Agreement, Kind, parse, unpack_head
from samentel.secagg.terms import Floors
from samentel.wire import messages as m
from samentel.wire import methods
from samentel.wire.messages import DocumentKind, RoundPhase, SumPhase

NAMES = ("huis-een", "huis-twee", "huis-drie", "huis-vier")
LETTERS = {
    m.LetterKind.LISTING: standing.Listed,
    m.LetterKind.DELIVERY: standing.Delivered,
    m.LetterKind.PROPOSAL: standing.Proposed,
    m.LetterKind.UNANIMITY: standing.Agreed,
    m.LetterKind.RESULT: standing.Resulted,
}
RELEASE = "ab" * 32


class Killed(BaseException):
    """The process is gone; nothing catches it."""


class Sum:
    """The coordinator of one round. Every side of it says the same.

    Attributes:
        stored: what was handed in: position, kind, message, attachment; repeats included.
        pieces: the offset and length of each piece that arrived.
        absent: positions of the other institutions that do nothing from a phase of the sum on.
        lies, lies_to: by letter kind, or by position and kind, what is passed on in its place.
        starts: by position, the start that is shown in place of the one there is.
        anything: whether it takes whatever it is sent, and does not go on by itself.
        while_asked: what happens while a letter is on its way.
        unchecked: whether it passes on ledger heads that cannot be.
        dripping: what answers in place of a letter, or None.
        receipts: what comes with masked counts that were taken, from the honest receipt.
    """

    def __init__(self, kit, roster, programme, **values):
        self.kit, self.roster, self.programme = kit, roster, programme
        self.parsed = rosters.parse(roster.payload)
        self.round = kit.opened(programmes.parse(programme.payload), roster, **values)
        self.phase, self.sum_phase, self.release = RoundPhase.GATHERING, SumPhase.NONE, ""
        self.start, self.server, self.terms = (), None, None
        self.sides, self.present, self.others = {}, set(), {}
        self.unfinished, self.stored, self.pieces, self.effects = {}, [], [], []
        self.absent, self.lies, self.piece_fault = {}, {}, None
        self.while_asked, self.unchecked, self.dripping = lambda: None, False, None
        self.receipts, self.taken = lambda honest: (honest,), {}
        self.lies_to, self.starts, self.anything = {}, {}, False

    def side(self, certificates, name):
        position = sorted(NAMES).index(name)
        side = self.kit.Coordinator(certificates)
        side.answers = {
            methods.GET_LETTER: partial(self.letter, position),
            methods.PUT_MESSAGE: partial(self.put, position),
            methods.POLL: partial(self.poll, side, position),
        }
        side.publish(DocumentKind.ROSTER, self.roster)
        side.publish(DocumentKind.PROGRAMME, self.programme)
        self.sides[position] = side
        self.tell()
        return side

    def tell(self):
        signed = state(self.round, self.kit.COORDINATOR)
        for position, side in self.sides.items():
            start = self.starts.get(position, self.start)
            notice = m.RoundNotice(signed, self.phase, self.release, self.sum_phase, start)
            side.rounds[self.round.round_id] = notice
            side.news()

    def to(self, phase, release=""):
        self.phase, self.release = phase, release
        self.tell()

    def begin(self, *present, **changes):
        """End the gathering. Real nodes are in it if they have said so, the others by position."""
        now = datetime.now(UTC)
        values = {
            "round": self.round.round_id,
            "advertise_until": now + timedelta(minutes=10),
            "share_until": now + timedelta(minutes=20),
            "mask_until": now + timedelta(minutes=30),
            "expires_at": now + timedelta(days=2),
        }
        start = Start(**{**values, **changes})
        self.start = (state(start, self.kit.COORDINATOR),)
        real = [position for position, side in self.sides.items() if side.presences]
        programme = programmes.parse(self.programme.payload)
        self.terms = terms_of(programme, self.parsed, self.round, start)
        self.server = server.open_round(self.terms, (*real, *present))
        self.sum_phase = SumPhase.ADVERTISING
        self.to(RoundPhase.COLLECTING)

    def serve(self, event, now=None):
        before = self.server.phase
        with pytest.MonkeyPatch.context() as patches:
            if self.unchecked:
                patches.setattr(server, "unpack_head", lambda data: None)
            self.server, effects = server.advance(
                self.server, event, now or datetime.now(UTC), self.kit.COORDINATOR
            )
        self.effects += effects
        if self.server.phase is not before:
            self.sum_phase = SumPhase[self.server.phase.name]
            self.to(RoundPhase.SUMMED if self.server.phase is relay.Phase.DONE else self.phase, self.release)

    async def poll(self, side, position, request):
        if self.server is not None:
            self.serve(relay.Polled(position))
        return await side.poll(request)

    async def letter(self, position, request):
        self.while_asked()
        if self.dripping:
            return await self.dripping(request)
        found = relay.letter(self.server, position, LETTERS[request.kind])
        lie = self.lies_to.get((position, request.kind)) or self.lies.get(request.kind)
        data = lie or (found.data if found else b"")
        piece = data[request.offset : request.offset + m.PIECE]
        return m.GetLetterResponse(piece, len(data))

    async def put(self, position, request):
        self.pieces.append((request.offset, len(request.data)))
        key = (position, request.kind)
        message, held = self.unfinished.get(key, (request.message, b""))
        if message != request.message:
            held = b""
        if request.offset == len(held):
            held += request.data
        if self.piece_fault:
            held = self.piece_fault(held)
        self.unfinished[key] = (request.message, held)
        if len(held) < request.length:
            return m.PutMessageResponse(len(held), False)
        kind = Kind[request.kind.name]
        if not self.anything:
            self.serve(relay.Arrived(kind, position, request.message, held))
        self.stored.append((position, kind, request.message, held))
        del self.unfinished[key]
        receipt = self.receipts(self.receipt(position, held)) if kind is Kind.UPLOAD else ()
        return m.PutMessageResponse(len(held), True, receipt)

    def receipt(self, position, vector):
        at = self.taken.setdefault(position, datetime.now(UTC))
        node = self.terms.members[position].node
        return receipts.receipt(self.terms, node, digest(vector), at, self.kit.COORDINATOR)

    def sent(self, position, kind):
        return [(message, data) for at, what, message, data in self.stored if (at, what) == (position, kind)]

    def summed(self):
        return [effect for effect in self.effects if isinstance(effect, relay.Summed)]


@dataclass
class Other:
    """An institution without a disk: the pure machine, its key, a ledger of three entries."""

    sum: Sum
    position: int
    key: SigningKey
    client: standing.Client | None = None
    head: Head = field(default_factory=lambda: Head(3, Digest("cd" * 32)))
    heads: dict[int, Head] = field(default_factory=dict)

    def act(self):
        """All that it can do now."""
        absent = self.sum.absent.get(self.position)
        if self.sum.server is None or (absent is not None and self.sum.sum_phase >= absent):
            return
        if self.client is None:
            terms = self.sum.terms
            self.client = client.announce(terms, terms.members[self.position].node, Floors())
            known = tuple(self.heads.get(at, EMPTY) for at in range(len(terms.members)))
            self._tell(standing.Join(known))
        for kind in (standing.Listed, standing.Delivered, standing.Proposed, standing.Agreed):
            found = relay.letter(self.sum.server, self.position, kind)
            if found and (self.client.phase, kind) in client.NEXT:
                self._tell(found)
        self.sum.serve(relay.Polled(self.position))

    def _tell(self, event):
        means = standing.Means(self.key, os.urandom, lambda head: True, self.head)
        self.client, effects = client.advance(self.client, event, datetime.now(UTC), means)
        for effect in effects:
            if isinstance(effect, standing.Draw):
                self._tell(standing.Drawn(np.zeros(self.sum.terms.cells, dtype=np.int64), effect.dealers))
            if isinstance(effect, standing.Send):
                try:
                    arrived = relay.Arrived(effect.kind, self.position, effect.message, effect.attachment)
                    self.sum.serve(arrived)
                except PeerError:
                    pass  # too late


class House:
    """A real institution. ``again`` is a daemon's life: everything opened, one answer heard, closed."""

    def __init__(self, kit, name, premises, total, side):
        self.kit, self.name, self.premises, self.sum, self.side = kit, name, premises, total, side
        self.position = sorted(NAMES).index(name)
        self.log = None

    def open(self):
        store = Store.open(self.premises.state)
        return store, Attendance(
            self.premises.config, store, self.name, self.premises.signer, Journal(self.log)
        )

    async def again(self, *, new_line=True, part=None):
        if self.sum.server is not None:
            self.sum.serve(relay.Polled(self.position))
        store, attendance = (None, part) if part else self.open()
        try:
            async with Link(identity.credentials(self.premises.state)) as link:
                await attendance.attend(link, self.side.told(), new_line=new_line)
        finally:
            if store:
                store.close()

    def pass_time(self, now):
        store, attendance = self.open()
        with store:
            attendance.pass_time(now)

    def entries(self):
        with Reader.open_read_only(self.premises.state) as reader:
            return [entry.read() for entry in reader.entries()]

    def kinds(self):
        return [str(body.kind) for body in self.entries()]

    def record(self):
        with Reader.open_read_only(self.premises.state) as reader:
            return reader.round(self.sum.round.round_id)

    def held(self):
        with Reader.open_read_only(self.premises.state) as reader:
            return reader.sum(self.sum.round.round_id)

    def opened(self):
        held = self.held()
        state = sealing.unseal(self.premises.signer, held.round_id, held.version, held.sealed)
        return decode(standing.Client, state)

    def calls(self):
        return [name for name, _ in self.side.calls]

    def pause(self):
        with Store.open(self.premises.state) as store:
            halting.pause(store, "holiday")

    def resume(self):
        with Store.open(self.premises.state) as store:
            halting.resume(store)

    def halted(self):
        with Reader.open_read_only(self.premises.state) as reader:
            return halting.halted(reader)

    def beside(self):
        """Another program that opens the store's file."""
        return sqlite3.connect(self.premises.state / "node.sqlite", isolation_level=None)

    def files(self):
        return b"".join(
            path.read_bytes() for path in self.premises.state.glob("node.sqlite*") if path.is_file()
        )


class Street:
    """One real institution, three others, and their coordinator."""

    @staticmethod
    def name(other):
        return sorted(NAMES)[other.position]

    def __init__(self, kit, house, total, others):
        self.kit, self.house, self.sum, self.others = kit, house, total, others

    async def round_to(self, phase: SumPhase, *, tries: int = 12):
        """Take the round to a phase of the sum; the real node has not heard of that phase yet."""
        await self.house.again()
        self.sum.begin(*(other.position for other in self.others))
        for _ in range(tries):
            if self.sum.sum_phase >= phase:
                return
            for other in self.others:
                other.act()
            self.sum.serve(relay.Polled(self.house.position))
            if self.sum.sum_phase < phase:
                await self.house.again()
        raise AssertionError(f"the sum stays {self.sum.sum_phase!r}")

    async def finish(self, *, tries: int = 12):
        for _ in range(tries):
            for other in self.others:
                other.act()
            await self.house.again()
            if self.sum.phase is RoundPhase.SUMMED:
                return
        raise AssertionError(f"the sum stays {self.sum.sum_phase!r}")


def programme_text(kit, **values) -> bytes:
    text = kit.programme_text(mode="secure-sum", **values)
    return text.replace(b"[roster]", b"[roster]\nabsent_max = 1")


def made(kit, path, authority_files, certificates, name, address):
    directory = setup.init(path, authority=authority_files, authority_threshold=2).parent
    (directory / "mapping.toml").write_text(kit.MAPPING)
    (directory / "export.csv").write_text(kit.EXPORT)
    return kit.enrolled(directory, certificates, address, node=name)


@pytest.fixture
async def street(kit, short_path, authority_files, certificates) -> AsyncIterator[Callable]:
    """Makes streets; each has a directory and ports of its own."""
    servers: list[grpc.aio.Server] = []

    async def make(number: int = 0, *, text: bytes = b"", sums: type = Sum, **values) -> Street:
        keys = dict(zip(NAMES[1:], kit.OTHERS, strict=True))
        programme = kit.signed_programme(text or programme_text(kit))
        premises = made(
            kit, short_path / f"n{number}", authority_files, certificates, NAMES[0], "127.0.0.1:1"
        )
        total = sums(kit, premises.roster(), programme, **values)
        side = total.side(certificates, NAMES[0])
        servers.append(await side.start())
        redirect(premises, side.address)
        premises.approve(programme, individual=False)
        others = [Other(total, sorted(NAMES).index(name), key) for name, key in keys.items()]
        return Street(kit, House(kit, NAMES[0], premises, total, side), total, others)

    yield make
    for one in servers:
        await one.stop(0)


def redirect(premises, address):
    """The port is known only after the premises, whose key stands on the roster."""
    path = identity.directory(premises.state) / "enrolment.json"
    held = identity.enrolment(premises.state)
    path.write_bytes(to_bytes(held.model_copy(update={"address": address})))


class Town:
    """Four real institutions on disks of their own."""

    def __init__(self, kit, certificates, premises, text):
        entries = rosters.parse(premises[0].roster().payload).institutions
        institutions = tuple(
            entry.model_copy(update={"protocol_key": one.signer.public.raw.hex()})
            for entry, one in zip(entries, premises, strict=True)
        )
        self.kit, self.certificates, self.servers = kit, certificates, []
        self.roster = premises[0].roster(institutions=institutions)
        self.programme = kit.signed_programme(text)
        self.houses = [House(kit, name, one, None, None) for name, one in zip(NAMES, premises, strict=True)]
        for one in premises:
            one.approve(self.programme, individual=False)

    async def convene(self, **values):
        """A round, at ports of its own; nobody is told of earlier rounds any more."""
        self.sum = Sum(self.kit, self.roster, self.programme, **values)
        for house in self.houses:
            house.sum, house.side = self.sum, self.sum.side(self.certificates, house.name)
            self.servers.append(await house.side.start())
            redirect(house.premises, house.side.address)
        return self.sum

    async def attend(self, *, but=()):
        """Every institution hears the coordinator once."""
        for house in self.houses:
            if house not in but:
                await house.again()

    async def round_to(self, phase: SumPhase, *, tries: int = 8):
        await self.attend()
        self.sum.begin()
        while self.sum.sum_phase < phase:
            await self.attend()
            tries -= 1
            assert tries, f"the sum stays {self.sum.sum_phase!r}"


@pytest.fixture
async def town(kit, short_path, authority_files, certificates) -> AsyncIterator[Callable]:
    """Makes four real institutions, convened for a first round."""
    towns: list[Town] = []

    async def make(text: bytes = b"", **values) -> Town:
        premises = [
            made(kit, short_path / name, authority_files, certificates, name, "127.0.0.1:1") for name in NAMES
        ]
        towns.append(Town(kit, certificates, premises, text or programme_text(kit)))
        await towns[-1].convene(**values)
        return towns[-1]

    yield make
    for one in [server_ for town in towns for server_ in town.servers]:
        await one.stop(0)


@pytest.fixture
async def four(town) -> list[House]:
    """Four real institutions in one sum."""
    return (await town()).houses


def agreement_head(data: bytes) -> Head:
    return unpack_head(parse(Agreement, data).head)


@pytest.fixture(scope="session")
def sums() -> SimpleNamespace:
    """The names of this file, for tests."""
    return SimpleNamespace(**globals())
