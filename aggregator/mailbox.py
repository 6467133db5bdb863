"""What a node asks of the coordinator during its day: news, documents, presence, contributions, letters.

Every statement is verified with the key that the node enrolled and the
programme authority vouched for, then parsed, then stored; only then is it
acknowledged. Sending the same again gets the same answer. The state is the one
that the caller was admitted on, a moment ago (``aggregator/link.py``).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from aggregator import conductor, documents
from aggregator.book import Entry, State
from aggregator.conductor import OVER, Round
from aggregator.errors import Contradiction, NotAllowed
from aggregator.events import Body, LedgerSeen
from aggregator.journal import warn
from aggregator.office import Office, Post, find_round
from aggregator.register import LedgerMark
from aggregator.store import Message
from samentel.documents import statements
from samentel.documents.envelope import to_json
from samentel.documents.keys import VerifyKey
from samentel.documents.statements import Contribution, Presence, Receipt, hear
from samentel.errors import PeerError, Reason, Refusal
from samentel.ids import NO_DIGEST, RoundId, digest
from samentel.secagg.messages import Agreement, Kind, parse, unpack_head
from samentel.wire import messages as m
from samentel.wire.messages import DocumentKind, RoundPhase

POLL_SECONDS = 25.0  # passes any proxy that cuts idle calls after 30 s
REMEMBERED = timedelta(days=90)  # how long nodes are told how a round ended
MOST_ROUNDS, MOST_DOCUMENTS = 200, 1000  # bounds of a PollResponse
MOST_COUNT = 2**40  # far above any count times its granularity: a vector beyond it is nonsense
HEAD_SECONDS = 60.0  # a node that polls with ever later heads must not fill the log
MOST_LETTERS = 64  # kept in memory, for nodes that fetch theirs in pieces
PRESENCE, CONTRIBUTION = "presence", "contribution"


@dataclass(slots=True, repr=False)
class _Unfinished:
    """An attachment, not all of it here yet. In memory only: after a restart its sender begins anew."""

    message: bytes
    length: int
    data: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class Mailbox:
    """The calls of nodes.

    Attributes:
        _told: by node, the ledger head it has been contradicted about, so that it is told once
            at once and not in a busy loop.
        _shown: by node, when a later head was last remembered because of a poll.
        _unfinished: one attachment a round, node and kind at the most, each no longer than its kind needs.
    """

    office: Office
    poll_seconds: float = POLL_SECONDS
    _told: dict[str, m.LedgerHead] = field(default_factory=dict)
    _shown: dict[str, datetime] = field(default_factory=dict)
    _unfinished: dict[tuple[RoundId, str, Kind], _Unfinished] = field(default_factory=dict)
    _letters: dict[tuple[RoundId, str, m.LetterKind], bytes] = field(default_factory=dict)
    _notices: tuple[int, tuple[m.DocumentNotice, ...], tuple[m.RoundNotice, ...]] | None = None

    async def poll(self, node: str, request: m.PollRequest, seconds_left: float) -> m.PollResponse:
        """What a node should know now; waits when it knows that already."""
        self.office.polled(node)
        if not self._ledger_contradicted(node, request.ledger):
            await self.office.news.wait(request.cursor, min(self.poll_seconds, seconds_left - 1))
        version, listed, rounds = self._everything()
        mark = self._ledger(node)
        return m.PollResponse(version, m.LedgerHead(mark.length, mark.digest), listed, rounds)

    def document(self, digest: str) -> m.GetDocumentResponse:
        """A signed document that is or was in force."""
        register = self.office.book.state.register
        held = Office.document({**register.programmes, **register.rosters}, digest)
        return m.GetDocumentResponse(documents.stored(self.office.book.store, held.envelope))

    def presence(self, node: str, request: m.PutPresenceRequest) -> m.PutPresenceResponse:
        """Note that a node takes part in a round."""
        presence = hear(Presence, request.presence, self._key(node))
        round_ = self._round(node, presence.node, presence.round)
        file = to_json(request.presence)
        message = Message(round_.round_id, node, PRESENCE, digest(file))
        self.office.command(round_.round_id, conductor.Attend(node), (file,), (message,))
        return m.PutPresenceResponse()

    def contribution(self, node: str, request: m.PutContributionRequest) -> m.PutContributionResponse:
        """Store a node's noisy vector; returns the receipt."""
        said = hear(Contribution, request.contribution, self._key(node))
        round_ = self._round(node, said.node, said.round)
        self._check_vector(round_, said, request.vector)
        receipt = statements.state(
            Receipt(round=round_.round_id, node=node, contribution=request.contribution.digest),
            self.office.key,
        )
        blobs = (to_json(request.contribution), request.vector, to_json(receipt))
        names = [digest(data) for data in blobs]
        message = Message(round_.round_id, node, CONTRIBUTION, *names)
        command = conductor.Contribute(node, request.contribution.digest)
        # In one transaction: a node restored from a copy made before this is contradicted at its next poll.
        self.office.command(
            round_.round_id,
            command,
            blobs,
            (message,),
            lambda state: _later_head(state, node, m.LedgerHead(said.ledger_length, said.ledger_digest)),
        )
        return m.PutContributionResponse(receipt)

    def letter(self, node: str, request: m.GetLetterRequest) -> m.GetLetterResponse:
        """A piece of what a node waits for in a secure sum; of length 0 when there is nothing for it."""
        round_ = self._vouched(node, request.round_id)
        name = (round_.round_id, node, request.kind)
        data = self._letters.pop(name, b"") if round_.phase is not RoundPhase.ABANDONED else b""
        data = data or self.office.sums.letter(round_, node, request.kind)
        piece = data[request.offset : request.offset + m.PIECE]
        if request.offset + len(piece) < len(data):
            self._letters[name] = data  # the same for ever: what a letter says is settled before there is one
            while len(self._letters) > MOST_LETTERS:
                del self._letters[next(iter(self._letters))]
        return m.GetLetterResponse(piece, len(data))

    def message(self, node: str, request: m.PutMessageRequest) -> m.PutMessageResponse:
        """Take a message of a secure sum, or a piece of what belongs beside it.

        ``received`` says where the next piece begins. A piece that begins elsewhere is not taken; a message
        other than the one whose pieces are here begins anew.
        """
        round_, kind = self._vouched(node, request.round_id), Kind[request.kind.name]
        name = (round_.round_id, node, kind)
        try:
            if not conductor.takes(round_, node, kind, digest(request.message)):
                return self._stored(round_, node, request)
            attachment = self._attachment(round_, name, request)
            if len(attachment) < request.length:
                return m.PutMessageResponse(len(attachment), False)
            self._unfinished.pop(name, None)
            post = Post(node, kind, request.message, bytes(attachment))
            round_ = self.office.post(round_.round_id, post, lambda state: _agreed_head(state, post))
        except Contradiction:
            warn("second-message", round=round_.round_id, node=node, reason=kind.value)
            raise
        except Refusal:
            self._unfinished.pop(name, None)
            raise
        return self._stored(round_, node, request)

    def _stored(self, round_: Round, node: str, request: m.PutMessageRequest) -> m.PutMessageResponse:
        """A message is here; masked counts with the receipt that their sender can hold against us."""
        masked = request.kind is m.MessageKind.UPLOAD
        receipt = (self.office.sums.receipt(round_, node),) if masked else ()
        return m.PutMessageResponse(request.length, True, receipt)

    def _attachment(
        self, round_: Round, name: tuple[RoundId, str, Kind], request: m.PutMessageRequest
    ) -> bytes | bytearray:
        """As much of an attachment as is here, this piece included."""
        expected = self.office.sums.attachment_length(round_, name[2])
        if request.length != expected:
            raise PeerError(f"length: {expected} bytes belong beside this message")
        if request.offset + len(request.data) > expected:
            raise PeerError("data: goes beyond the length that was announced")
        if len(request.data) == expected:
            return request.data
        self._forget_what_is_too_late()
        held = self._unfinished.get(name)
        if held is None or held.message != request.message:
            held = self._unfinished[name] = _Unfinished(request.message, expected)
        if request.offset == len(held.data):
            held.data += request.data
        return held.data

    def _forget_what_is_too_late(self) -> None:
        rounds = self.office.book.state.rounds
        for name in list(self._unfinished):
            round_id, _, kind = name
            round_ = rounds[round_id]
            if round_.phase is not RoundPhase.COLLECTING or conductor.TAKEN.get(round_.sum_phase) is not kind:
                del self._unfinished[name]

    def _key(self, node: str) -> VerifyKey:
        member = self.office.book.state.register.members.get(node)
        if member is None or member.enrolled is None:
            raise NotAllowed("this institution is not enrolled")
        return VerifyKey(bytes.fromhex(member.enrolled.protocol_key))

    def _round(self, caller: str, node: str, round_id: str) -> Round:
        """The round that a verified statement is about, if the caller made it and is vouched for in it."""
        if node != caller:
            raise NotAllowed("a statement is handed in by the institution that made it")
        return self._vouched(node, round_id)

    def _vouched(self, node: str, round_id: str) -> Round:
        """A round, if its roster vouches for the key of this node."""
        round_ = find_round(self.office.book.state, round_id)
        entry = self.office.roster(round_.opened.roster).institution(node)
        if entry is None or entry.verify_key != self._key(node):
            raise Refusal(
                Reason.ROSTER_MISMATCH, "the roster of this round does not vouch for this institution's key"
            )
        return round_

    def _check_vector(self, round_: Round, said: Contribution, vector: bytes) -> None:
        if round_.secure:
            raise PeerError("this round is a secure sum: it takes no vector that can be read")
        length = self.office.programme(round_.opened.programme).vector_length
        if said.programme != round_.opened.programme:
            raise PeerError("contribution.programme: is not the programme of this round")
        if said.cells != length or len(vector) != 8 * length:
            raise PeerError(f"vector: {length} numbers of 8 bytes were expected")
        if digest(vector) != said.vector:
            raise PeerError("vector: is not the one that the statement names")
        numbers = np.frombuffer(vector, dtype="<i8")
        if bool(np.any((numbers > MOST_COUNT) | (numbers < -MOST_COUNT))):
            raise PeerError(f"vector: a number lies outside -{MOST_COUNT} to {MOST_COUNT}")

    def _ledger(self, node: str) -> LedgerMark:
        return _known_head(self.office.book.state, node)

    def _ledger_contradicted(self, node: str, shown: m.LedgerHead) -> bool:
        """Remember a later head; say whether an earlier or another one must be contradicted at once.

        The heads that matter come with contributions and agreements, which are always remembered.
        """
        known = self._ledger(node)
        if (shown.length, shown.digest) == (known.length, known.digest):
            return False
        if shown.length > known.length:
            now, last = self.office.now(), self._shown.get(node)
            if last is None or not timedelta(0) <= now - last < timedelta(seconds=HEAD_SECONDS):
                self.office.write(lambda state: Entry(_later_head(state, node, shown)))
                self._shown[node] = now
            return False
        first = self._told.get(node) != shown
        self._told[node] = shown
        return first

    def _everything(self) -> tuple[int, tuple[m.DocumentNotice, ...], tuple[m.RoundNotice, ...]]:
        """The same for every node, so it is made once a version."""
        state = self.office.book.state
        if self._notices is None or self._notices[0] != state.version:
            self._notices = (state.version, _documents(state), self._rounds(state.rounds))
        return self._notices

    def _rounds(self, rounds: conductor.Rounds) -> tuple[m.RoundNotice, ...]:
        since = self.office.now() - REMEMBERED
        told = [
            round_
            for round_ in rounds.values()
            if round_.phase not in OVER or (round_.ended_at is not None and round_.ended_at >= since)
        ]
        return tuple(
            m.RoundNotice(
                documents.stored(self.office.book.store, round_.opened.envelope),
                round_.phase,
                round_.manifest,
                round_.sum_phase,
                (documents.stored(self.office.book.store, round_.start),) if round_.start else (),
            )
            for round_ in told[-MOST_ROUNDS:]
        )


def _known_head(state: State, node: str) -> LedgerMark:
    return state.register.ledgers.get(node, LedgerMark(0, NO_DIGEST))


def _later_head(state: State, node: str, shown: m.LedgerHead) -> tuple[tuple[str, Body], ...]:
    """What to remember of a ledger head: nothing, unless it is later than the one known."""
    if shown.length <= _known_head(state, node).length:
        return ()
    return ((node, LedgerSeen(length=shown.length, digest=shown.digest)),)


def _agreed_head(state: State, post: Post) -> tuple[tuple[str, Body], ...]:
    """Where the ledger of a node stands that has agreed: with its loss just spent."""
    if post.kind is not Kind.AGREEMENT:
        return ()
    head = unpack_head(parse(Agreement, post.message).head)
    return _later_head(state, post.node, m.LedgerHead(head.length, head.digest))


def _documents(state: State) -> tuple[m.DocumentNotice, ...]:
    register = state.register
    newest = list(register.programmes)[-(MOST_DOCUMENTS - 1) :]
    listed = [m.DocumentNotice(DocumentKind.PROGRAMME, name) for name in newest]
    if register.roster is not None:
        listed.insert(0, m.DocumentNotice(DocumentKind.ROSTER, register.roster.digest))
    return tuple(listed)
