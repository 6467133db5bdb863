"""A federation for secure sums: drivers of the real machine of a node, on the wire, with a clock set by hand.

A driver holds its state in memory and does one thing at a time, so that a test can stop anywhere.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import numpy as np
import pytest

from aggregator import daemon, documents, enrolment
from aggregator.book import opened
from aggregator.events import START
from aggregator.office import Office
from samentel.counting.ledger import EMPTY, Head
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.keys import VerifyKey
from samentel.documents.programme import Programme
from samentel.documents.statements import Round, Start, hear
from samentel.ids import digest
from samentel.secagg import client
from samentel.secagg.convening import terms_of
from samentel.secagg.masks import seed_commitment
from samentel.secagg.messages import Dealing, parse, sign
from samentel.secagg.standing import (
    Agreed,
    Client,
    Delivered,
    Draw,
    Drawn,
    Join,
    Listed,
    Means,
    Proposed,
    Resulted,
    Send,
)
from samentel.secagg.terms import Floors
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import LetterKind, MessageKind, RoundPhase, SumPhase

SPENT = Head(7, digest(b"spent"))  # where every ledger of these tests stands after its debit
LETTERS = {
    LetterKind.LISTING: Listed,
    LetterKind.DELIVERY: Delivered,
    LetterKind.PROPOSAL: Proposed,
    LetterKind.UNANIMITY: Agreed,
    LetterKind.RESULT: Resulted,
}
ANSWERS = {
    LetterKind.LISTING: MessageKind.DEALING,
    LetterKind.DELIVERY: MessageKind.UPLOAD,
    LetterKind.PROPOSAL: MessageKind.AGREEMENT,
    LetterKind.UNANIMITY: MessageKind.REVEAL,
}


class Clock:
    """The coordinator's clock and the nodes'; it runs, and tests set it forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def pass_by(self, moment: str) -> None:
        """Go just past a moment as the wire writes it."""
        self.ahead = datetime.fromisoformat(moment) - datetime.now(UTC) + timedelta(seconds=1)


@dataclass(repr=False)
class Driver:
    """One node: the real machine, its letters and its messages.

    Attributes:
        sent: every message it has made, for sending again.
        stored: those of which the coordinator has said that it holds them.
    """

    peer: Any
    clock: Clock
    programme: Programme
    counts: Any
    link: Any = None
    machine: Client | None = None
    sent: dict[MessageKind, Send] = field(default_factory=dict)
    stored: set[MessageKind] = field(default_factory=set)
    cursor: int = 0

    @property
    def name(self) -> str:
        return str(self.peer.name)

    def dial(self) -> None:
        self.link = self.peer.link()

    async def poll(self, seconds: float = 3) -> Any:
        """Say that it is up; returns what it is told."""
        request = m.PollRequest(self.cursor, m.LedgerHead(0, "0" * 64), "test")
        answer = await self.link.call(M.POLL, request, seconds)
        self.cursor = answer.cursor
        return answer

    async def notice(self) -> Any:
        self.cursor = 0
        return (await self.poll()).rounds[-1]

    async def announce(self) -> None:
        """Derive the terms from four signed documents, as a node does."""
        answer = await self.notice()
        said = rosters.parse((await self._document(await self._roster())).payload)
        coordinator = VerifyKey(bytes.fromhex(said.coordinator_key))
        round_, start = hear(Round, answer.round, coordinator), hear(Start, answer.start[0], coordinator)
        self.machine = client.announce(terms_of(self.programme, said, round_, start), self.name, Floors(3, 0))

    async def join(self, send: bool = True) -> None:
        """Make keys and hand them in; once made, they are the same."""
        if MessageKind.ADVERT in self.sent:
            assert not send or (await self.put(MessageKind.ADVERT)).stored
            return
        if self.machine is None:
            await self.announce()
        await self.tell(Join((EMPTY,) * len(self.machine.terms.members)), send)

    async def tell(self, event: Any, send: bool = True) -> list[Send]:
        """Advance by one event, and hand in what follows."""
        means = Means(self.peer.protocol, os.urandom, lambda _: True, SPENT)
        self.machine, effects = client.advance(self.machine, event, self.clock(), means)
        for effect in effects:
            if isinstance(effect, Draw):
                return await self.tell(Drawn(self.counts, effect.dealers), send)
        made = [effect for effect in effects if isinstance(effect, Send)]
        for one in made:
            self.sent[MessageKind[one.kind.name]] = one
            if send:
                assert (await self.put(MessageKind[one.kind.name])).stored
        return made

    async def read(self, kind: LetterKind, send: bool = True) -> bool:
        """Fetch a letter and answer it, or send the answer once more; says whether there was one."""
        answer = ANSWERS.get(kind)
        if answer in self.sent:
            assert not send or (await self.put(answer)).stored
            return True
        data = await self.fetch(kind)
        if data:
            await self.tell(LETTERS[kind](data), send)
        return bool(data)

    async def fetch(self, kind: LetterKind) -> bytes:
        data = b""
        while True:
            request = m.GetLetterRequest(self.round_id, kind, len(data))
            answer = await self.link.call(M.GET_LETTER, request)
            data += answer.data
            if len(data) >= answer.length:
                return data

    async def put(self, kind: MessageKind, piece: int = m.PIECE) -> Any:
        """Hand in a message, going by what the coordinator says it has."""
        offset = 0
        while True:
            answer = await self.link.call(M.PUT_MESSAGE, self.request(kind, offset, piece))
            if answer.stored:
                self.stored.add(kind)
                return answer
            offset = answer.received

    def request(self, kind: MessageKind, offset: int = 0, piece: int = m.PIECE) -> m.PutMessageRequest:
        send = self.sent[kind]
        data = send.attachment[offset : offset + piece]
        return m.PutMessageRequest(self.round_id, kind, send.message, len(send.attachment), offset, data)

    @property
    def round_id(self) -> str:
        return str(self.machine.terms.round.hex())

    async def _roster(self) -> str:
        self.cursor = 0
        listed = (await self.poll()).documents
        return next(it.digest for it in listed if it.kind is m.DocumentKind.ROSTER)

    async def _document(self, name: str) -> Any:
        return (await self.link.call(M.GET_DOCUMENT, m.GetDocumentRequest(name))).envelope


@dataclass(repr=False)
class Sector:
    """A coordinator that can be stopped and started, and its nodes."""

    central: Any
    clock: Clock
    programme: Programme
    drivers: list[Driver]
    admin: Any = None
    round_id: str = ""
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    _daemon: Any = None

    async def start(self) -> None:
        """Listen, and let everybody dial in."""
        self._daemon = daemon.running(self.central.config, self.clock)
        await self._daemon.__aenter__()
        self.admin = self.central.admin_link()
        for driver in self.drivers:
            driver.dial()

    async def stop(self) -> None:
        await self.admin.close()
        for driver in self.drivers:
            for link in driver.peer.links:
                await link.close()
            driver.peer.links.clear()
        await self._daemon.__aexit__(None, None, None)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def enrol(self, names: list[str]) -> None:
        for name in names:
            peer = self.central.invite(name)
            link = peer.invited_link()
            enrolled = await link.call(M.ENROL, peer.enrolment())
            enrolment.confirm(self.central.config, name, enrolled.fingerprint)
            peer.chain = (await link.call(M.GET_ENROLMENT, m.GetEnrolmentRequest())).certificate_chain
            await link.close()
            counts = np.zeros(self.programme.vector_length, dtype=np.int64)
            counts[len(self.drivers) % len(counts)] = 1 + len(self.drivers)
            driver = Driver(peer, self.clock, self.programme, counts)
            driver.dial()
            self.drivers.append(driver)

    async def ask(self) -> Any:
        """A request to open the round of these tests."""
        return await self.admin.call(M.OPEN_ROUND, m.OpenRoundRequest(self.programme.digest, "2025", 0))

    async def gather(self, absent: tuple[int, ...] = ()) -> Any:
        """Open a round, let nodes say that they are there, and end the gathering."""
        self.round_id = (await self.ask()).round.round_id
        for at, driver in enumerate(self.drivers):
            if at not in absent:
                await driver.link.call(M.PUT_PRESENCE, driver.peer.presence(self.round_id))
        answer = await self.admin.call(M.COLLECT_ROUND, m.CollectRoundRequest(self.round_id))
        for driver in self.drivers:
            await driver.announce()
        return answer.round

    async def run(self, until: SumPhase, lost: tuple[int, ...] = ()) -> Any:
        """Everybody but the lost ones does what the phases before this one ask for; returns the status."""
        here = [driver for at, driver in enumerate(self.drivers) if at not in lost]
        for phase, act in ACTS.items():
            status = await self.status()
            if status.sum_phase >= until or status.phase is not RoundPhase.COLLECTING:
                break
            if status.sum_phase is phase:
                for driver in here:
                    await act(driver)
        if until > SumPhase.MASKING and (await self.status()).sum_phase is SumPhase.MASKING:
            await self.roll_call(lost)
            return await self.run(until, lost)
        return await self.status()

    async def convict(self, liar: Driver) -> Any:
        """A round in which one commits to another seed than it has shared; ends with its conviction."""
        await self.run(SumPhase.SHARING)
        for driver in self.drivers:
            await driver.read(LetterKind.LISTING, send=driver is not liar)
        honest = liar.sent[MessageKind.DEALING]
        dealing = parse(Dealing, honest.message)
        lie = replace(dealing, seed=seed_commitment(b"\x07" * 32, liar.machine.terms, dealing.sender))
        forged = replace(honest, message=sign(lie, liar.peer.protocol))
        liar.sent[MessageKind.DEALING] = forged
        outbox = tuple(forged if send.kind == honest.kind else send for send in liar.machine.outbox)
        liar.machine = replace(liar.machine, outbox=outbox)
        await liar.put(MessageKind.DEALING)
        return await self.run(SumPhase.DONE)

    async def roll_call(self, lost: tuple[int, ...] = ()) -> None:
        for at, driver in enumerate(self.drivers):
            if at not in lost:
                await driver.notice()

    async def status(self) -> Any:
        return (await self.admin.call(M.GET_ROUND, m.GetRoundRequest(self.round_id))).round

    async def until(self, true: Callable[[Any], bool], seconds: float = 20) -> Any:
        """The status once it is so; the coordinator looks at its clock ten times a second."""
        async with asyncio.timeout(seconds):
            while True:
                if true(status := await self.status()):
                    return status
                await asyncio.sleep(0.05)

    async def look(self) -> None:
        """Until the coordinator has looked at its clock twice: what one finds, the next may act on."""
        for _ in range(2):
            self.looked.clear()
            await asyncio.wait_for(self.looked.wait(), 20)

    async def publish(self) -> Any:
        return (await self.admin.call(M.PUBLISH_ROUND, m.PublishRoundRequest(self.round_id), 60)).round

    async def letters(self) -> dict[tuple[str, LetterKind], bytes]:
        """Every letter that there is for anybody."""
        return {(it.name, kind): await it.fetch(kind) for it in self.drivers for kind in LETTERS}

    def total(self, names: tuple[str, ...]) -> Any:
        return sum(driver.counts for driver in self.drivers if driver.name in names)

    def log(self) -> list[Any]:
        """Every event of the round."""
        with opened(self.central.config) as book:
            events = [event for event, _ in book.store.read(START)]
        return [event for event in events if event.subject == self.round_id]


async def _refused_late(driver: Driver, kind: LetterKind) -> None:
    """The last messages of a phase may come when it is over already: enough have helped."""
    try:
        await driver.read(kind)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
            raise


ACTS: dict[SumPhase, Callable[[Driver], Awaitable[Any]]] = {
    SumPhase.ADVERTISING: lambda driver: driver.join(),
    SumPhase.SHARING: lambda driver: driver.read(LetterKind.LISTING),
    SumPhase.MASKING: lambda driver: driver.read(LetterKind.DELIVERY),
    SumPhase.AGREEING: lambda driver: driver.read(LetterKind.PROPOSAL),
    SumPhase.REVEALING: lambda driver: _refused_late(driver, LetterKind.UNANIMITY),
}


@pytest.fixture
def sector(central: Any, tools: Any, monkeypatch: Any) -> Any:
    """Makes a federation whose programme is a secure sum; stopped at the end of the context."""
    monkeypatch.setattr(daemon, "TICK_SECONDS", 0.1)
    looked, tick = asyncio.Event(), Office.tick

    def look(office: Office) -> None:
        tick(office)
        looked.set()

    monkeypatch.setattr(Office, "tick", look)

    @asynccontextmanager
    async def make(size: int = 4, rules: str = "absent_max = 1") -> AsyncIterator[Sector]:
        programme = programmes.parse(tools.written(mode="secure-sum", rules=rules))
        made = Sector(central, Clock(), programme, [], looked=looked)
        await made.start()
        try:
            await made.enrol([f"house-{number:02d}" for number in range(size)])
            documents.publish(central.config, central.sign_programme(mode="secure-sum", rules=rules))
            documents.publish(central.config, central.sign_roster())
            yield made
        finally:
            with suppress(grpc.aio.AioRpcError):
                await made.stop()

    return make


@pytest.fixture
def refused() -> Any:
    """What a call is refused with: code, text and reason."""

    async def ask(call: Any) -> tuple[Any, str, str]:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call
        trailing = dict(error.value.trailing_metadata() or ())
        return error.value.code(), str(error.value.details()), str(trailing.get("samentel-reason", ""))

    return ask
