"""The coordinator dies just before and just after every write of a round, and is opened again from its files.

Everything is asked again until it is answered, as nodes do. What was once told stays byte for byte, and one
institution falls out on the way.
"""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from aggregator import documents, enrolment
from aggregator.book import Book, opened
from aggregator.mailbox import Mailbox
from aggregator.office import open_office
from aggregator.service import Control
from aggregator.store import Store
from samentel.counting.ledger import EMPTY, Head
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.statements import Round, Start, hear
from samentel.ids import digest
from samentel.secagg import client
from samentel.secagg.convening import terms_of
from samentel.secagg.receipts import hear_receipt
from samentel.secagg.standing import Agreed, Delivered, Draw, Drawn, Join, Listed, Means, Proposed, Send
from samentel.secagg.terms import Floors
from samentel.wire import messages as m
from samentel.wire.messages import LetterKind, MessageKind, RoundPhase, SumPhase

NAMES = ("amber", "beryl", "coral", "dune")
LOST = "coral"  # after it has dealt
SPENT = Head(7, digest(b"spent"))
LETTERS = {
    LetterKind.LISTING: Listed,
    LetterKind.DELIVERY: Delivered,
    LetterKind.PROPOSAL: Proposed,
    LetterKind.UNANIMITY: Agreed,
}
WRITES = 26  # opened, 4 present, begun, 4 + 4 + 3 messages, a roll, 3 + 3 messages, release begun and done


class Killed(BaseException):
    """The process is gone; nothing catches it."""


class Deaths:
    """Of the appends to the log, the first dies before it writes, the next one after, and so on."""

    def __init__(self, monkeypatch):
        self.before, self.after = 0, 0
        append = Store.append

        def dying(store, *arguments):
            if self.before == self.after:
                self.before += 1
                raise Killed
            append(store, *arguments)
            self.after += 1
            raise Killed

        monkeypatch.setattr(Store, "append", dying)


@dataclass
class Coordinator:
    """The national side; every life of it looks at what the lives before it have said.

    Attributes:
        said: by what was asked, the answer that was given first.
    """

    central: object
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    said: dict = field(default_factory=dict)
    lives: int = 0
    round_id: str = ""

    def now(self):
        self.at += timedelta(milliseconds=10)  # no two events have one moment
        return self.at

    def live(self):
        if self.lives:
            self.book.store.close()
        self.lives += 1
        self.book = Book(Store(self.central.config.database_url))
        office = open_office(self.central.config, self.book, self.now)
        self.mailbox, self.control = Mailbox(office), Control(office)
        if self.round_id:
            self.look()

    def look(self):
        """Everything that anybody could ask now is what it was."""
        for node in NAMES:
            for kind in LetterKind:
                request = m.GetLetterRequest(self.round_id, kind, 0)
                self.same((node, kind), self.mailbox.letter(node, request).data)
        round_ = self.round
        for node in round_.arrived:
            self.same((node, "receipt"), self.mailbox.office.sums.receipt(round_, node))
        (notice,) = self.mailbox._everything()[2]
        self.same("round", notice.round)
        self.same("start", notice.start)

    def same(self, asked, answer):
        if answer:
            assert self.said.setdefault(asked, answer) == answer, asked

    @property
    def round(self):
        return self.book.state.rounds[self.round_id]

    def ask(self, call):
        """Until it is answered; the answer is what it was, however often it was asked."""
        while True:
            try:
                return call()
            except Killed:
                self.live()


@dataclass
class Node:
    """The pure machine of an institution, and what it has sent."""

    side: Coordinator
    name: str
    peer: object
    counts: np.ndarray
    machine: client.Client | None = None

    def announce(self, programme, roster):
        (notice,) = self.side.mailbox._everything()[2]
        key = roster.institution(self.name)
        assert key is not None
        coordinator = self.side.mailbox.office.key.public
        round_, start = hear(Round, notice.round, coordinator), hear(Start, notice.start[0], coordinator)
        terms = terms_of(programme, roster, round_, start)
        self.machine = client.announce(terms, self.name, Floors(3, 0))
        self.tell(Join((EMPTY,) * len(NAMES)))

    def read(self, kind):
        request = m.GetLetterRequest(self.side.round_id, kind, 0)
        data = self.side.ask(lambda: self.side.mailbox.letter(self.name, request).data)
        self.tell(LETTERS[kind](data))

    def tell(self, event):
        means = Means(self.peer.protocol, os.urandom, lambda _: True, SPENT)
        self.machine, effects = client.advance(self.machine, event, self.side.at, means)
        for effect in effects:
            if isinstance(effect, Draw):
                self.tell(Drawn(self.counts, effect.dealers))
            if isinstance(effect, Send):
                self.put(effect)

    def put(self, send):
        kind, size = MessageKind[send.kind.name], len(send.attachment)
        request = m.PutMessageRequest(self.side.round_id, kind, send.message, size, 0, send.attachment)
        answer = self.side.ask(lambda: self.side.mailbox.message(self.name, request))
        assert answer.stored
        assert bool(answer.receipt) == (kind is MessageKind.UPLOAD)
        for receipt in answer.receipt:
            hear_receipt(receipt, self.machine.terms, self.machine.own, self.machine.vector)
            self.side.same((self.name, "receipt"), receipt)


def enrolled(central):
    """Four institutions, a programme and a roster, without a wire."""
    rules = "absent_max = 1"
    for name in NAMES:
        peer = central.invite(name)
        asked = peer.enrolment()
        application = enrolment.Application(asked.certificate_request, asked.protocol_key, asked.proof)
        with opened(central.config) as book:
            fingerprint = enrolment.enrol(book, name, application, datetime.now(UTC))
        enrolment.confirm(central.config, name, fingerprint)
    programme, roster = central.sign_programme(mode="secure-sum", rules=rules), central.sign_roster()
    documents.publish(central.config, programme)
    documents.publish(central.config, roster)
    return programmes.parse(programme.payload), rosters.parse(roster.payload)


@pytest.mark.clause("STORE-3")
async def test_it_ends_well_wherever_the_coordinator_dies(central, monkeypatch):
    programme, roster = enrolled(central)
    counts = np.eye(len(NAMES), programme.vector_length, dtype=np.int64)
    side = Coordinator(central)
    nodes = [Node(side, name, central.peers[name], row) for name, row in zip(NAMES, counts, strict=True)]
    with monkeypatch.context() as patches:
        deaths = Deaths(patches)
        side.live()
        status = await whole_round(side, nodes, programme, roster)
        assert (deaths.before, deaths.after, side.lives) == (WRITES, WRITES, 2 * WRITES + 1)
    assert status.phase is RoundPhase.PUBLISHED
    left = [node for node in nodes if node.name != LOST]
    assert status.survivors == tuple(node.name for node in left)
    total = side.mailbox.office.sums.counts(side.round)
    np.testing.assert_array_equal(total, sum(node.counts for node in left))
    side.look()
    posted = [step.told for step in side.round.course if hasattr(step.told, "kind")]
    assert len({(told.node, told.kind) for told in posted}) == len(posted)
    side.book.store.close()


async def whole_round(side, nodes, programme, roster):
    asked = m.OpenRoundRequest(programme.digest, "2025", 0)
    opened_round = side.ask(lambda: side.control.open_round(asked))
    side.round_id = opened_round.round.round_id
    for node in nodes:
        presence = node.peer.presence(side.round_id)
        side.ask(lambda presence=presence, node=node: side.mailbox.presence(node.name, presence))
    collect = m.CollectRoundRequest(side.round_id)
    side.ask(lambda: side.control.collect(collect))
    for node in nodes:
        node.announce(programme, roster)
    for node in nodes:
        node.read(LetterKind.LISTING)
    left = [node for node in nodes if node.name != LOST]
    for node in left:
        node.read(LetterKind.DELIVERY)
    side.at = nodes[0].machine.terms.deadlines.mask_until + timedelta(seconds=1)
    while side.round.sum_phase is SumPhase.MASKING:  # who has polled is forgotten in every death
        for node in left:
            side.ask(lambda node=node: side.mailbox.office.polled(node.name))
    for kind in (LetterKind.PROPOSAL, LetterKind.UNANIMITY):
        for node in left:
            node.read(kind)
    while True:
        try:
            return (await side.control.publish(m.PublishRoundRequest(side.round_id))).round
        except Killed:
            side.live()
