"""Where the two roads meet: what this node does about each round that it is told of.

``node.steps`` says what to do, from the round's phase and the node's own state
alone; ``Attendance.attend`` does it, in the order that carries the privacy
promise: write, fsync, then send. Everything is level-triggered: it may be told
the same thing any number of times, and be killed at any point in between.
"""

import asyncio
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from node import policy
from node.config import Config
from node.halting import ACCEPTED_HEAD, FOREIGN_HEAD, PAUSED, halted, named
from node.journal import Journal
from node.link import Declined, Denied, Link
from node.policy import Permit, Situation
from node.steps import Step, next_step, wait_for_tick
from node.store import DocumentKind, DocumentRecord, RoundRecord, State, Store
from samentel.counting import ledger
from samentel.counting.ledger import SALT_BYTES, Entry, Head, Kind, next_entry
from samentel.documents import envelope as envelopes
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.envelope import Envelope
from samentel.documents.keys import SigningKey, VerifyKey
from samentel.documents.programme import Programme
from samentel.documents.roster import Roster
from samentel.documents.statements import Contribution, Presence, Receipt, Round, hear, state
from samentel.errors import DocumentError, LocalFault, PeerError, Reason, Refusal
from samentel.ids import Digest, Period, digest
from samentel.wire import messages as m
from samentel.wire.messages import PollResponse, RoundNotice, RoundPhase
from samentel.wire.methods import GET_DOCUMENT, PUT_CONTRIBUTION, PUT_PRESENCE

if TYPE_CHECKING:
    from samentel.counting.contribution import Codes


@dataclass(frozen=True, slots=True)
class Known:
    """The verified documents that matter to one round."""

    round: Round
    roster: Roster
    programme: Programme | None


class Attendance:
    """This institution's part in every round; one per daemon.

    Attributes:
        codes: the exact codes of rounds it is present in: in memory only, gone once drawn.
    """

    def __init__(self, config: Config, store: Store, node: str, signer: SigningKey, journal: Journal) -> None:
        self._config, self._store, self._node, self._signer, self._journal = (
            config,
            store,
            node,
            signer,
            journal,
        )
        self._codes: dict[str, Codes] = {}
        self._unreadable: set[str] = set()

    async def attend(self, link: Link, told: PollResponse, *, new_line: bool = False) -> None:
        """Act upon everything the coordinator says now; its refusal of one thing never holds up the others.

        Args:
            new_line: the first that is told on a connection. A coordinator restored from a backup may have
                lost a presence; it gets the same bytes again while it gathers. One that collects is not asked
                whether it still has it: what is then released is spent here, and turned down there.

        Raises:
            Unreachable: the connection went; all of it will be told again.
            LocalFault: the store cannot be written; nothing was sent.
        """
        self._check_head(Head(told.ledger.length, Digest(told.ledger.digest)))
        for notice in told.documents:
            try:
                await self._fetch(link, notice)
            except (PeerError, Denied) as error:
                fault = type(error).__name__
                self._journal.warning("document-failed", fault=fault, document=notice.digest)
        roster = self._roster()
        if roster is None:
            return
        coordinator = VerifyKey(bytes.fromhex(roster.coordinator_key))
        for round_notice in told.rounds:
            try:
                asked = hear(Round, round_notice.round, coordinator)
            except PeerError:
                self._journal.warning("round-not-signed", document=round_notice.round.digest)
                continue
            known = Known(asked, roster, self._programme(asked.programme))
            try:
                await self._apply(link, round_notice, known, new_line=new_line)
            except (PeerError, Denied) as error:
                self._journal.warning("round-failed", fault=type(error).__name__, round=asked.round_id)

    def _check_head(self, seen: Head) -> None:
        # First of all: a head that we have never written means that this is an old copy of our own ledger.
        if ledger.follows(self._store.entries(), seen) or self._store.setting(ACCEPTED_HEAD) == named(seen):
            return
        settings = {PAUSED: str(Reason.ROLLBACK_DETECTED), FOREIGN_HEAD: named(seen)}
        if any(self._store.setting(name) != value for name, value in settings.items()):
            self._store.write(_now(), settings=settings)
            self._journal.warning("rollback-detected", reason=Reason.ROLLBACK_DETECTED)

    async def _fetch(self, link: Link, notice: m.DocumentNotice) -> None:
        kind = DocumentKind.ROSTER if notice.kind is m.DocumentKind.ROSTER else DocumentKind.PROGRAMME
        if notice.digest in self._unreadable or self._store.documents(kind, notice.digest):
            return
        envelope = (await link.call(GET_DOCUMENT, m.GetDocumentRequest(notice.digest))).envelope
        try:
            if envelope.digest != notice.digest:
                raise PeerError("the coordinator sent another document than the one asked for")
            if kind is DocumentKind.ROSTER:
                self._accept_roster(envelope)
            else:
                programmes.verify(envelope, self._config.authority, self._config.authority_threshold)
        except (PeerError, DocumentError, Refusal) as error:
            self._unreadable.add(notice.digest)
            self._journal.warning(
                "document-refused", document=notice.digest, kind=kind, fault=type(error).__name__
            )
            return
        self._store.write(_now(), documents=[DocumentRecord(kind, envelope.digest, envelope)])
        self._journal.info("document-received", document=notice.digest, kind=kind)

    def _accept_roster(self, envelope: Envelope) -> None:
        offered = rosters.verify(envelope, self._config.authority, self._config.authority_threshold)
        held = self._roster()
        if held is not None:
            rosters.check_successor(held, offered)
        for line in rosters.changes(held, offered):
            self._journal.info("roster-change", roster=offered.version, change=line)

    def _roster(self) -> Roster | None:
        held = self._store.documents(DocumentKind.ROSTER)
        return rosters.parse(held[-1].payload) if held else None  # verified before it was stored

    def _programme(self, wanted: str) -> Programme | None:
        held = self._store.documents(DocumentKind.PROGRAMME, wanted)
        return programmes.parse(held[-1].payload) if held else None  # verified before it was stored

    async def _apply(self, link: Link, notice: RoundNotice, known: Known, *, new_line: bool = False) -> None:
        """Effects, in order. Each branch writes before it sends."""
        record = self._store.round(known.round.round_id) or _fresh(known.round, notice.round)
        match next_step(notice.phase, record):
            case Step.NOTHING:
                return
            case Step.JOIN:
                await self._join(link, record, known)
            case Step.ANNOUNCE:
                if await self._announce(link, record, known) and notice.phase is RoundPhase.COLLECTING:
                    await self._apply(link, notice, known)
            case Step.REPEAT:
                if new_line:
                    await self._announce(link, record, known)
            case Step.RELEASE:
                await self._release(link, record, known)
            case Step.SEND:
                if await self._send(link, record, known) and notice.phase is RoundPhase.PUBLISHED:
                    await self._apply(link, notice, known)
            case Step.BOOK_PUBLISHED:
                self._book_published(record, known, notice.release_digest)
            case Step.MISS:
                self._close(record, State.MISSED)
            case Step.ABANDON:
                self._close(record, State.ABANDONED)

    async def _join(self, link: Link, record: RoundRecord, known: Known) -> None:
        verdict = self._decide(known, known.round.gather_until)
        if isinstance(verdict, Permit):
            verdict = await self._prepare(verdict, known.round)
        if isinstance(verdict, Refusal):
            self._refuse(record, known, verdict, State.REFUSED)
            return
        at = self._store.head
        presence = state(
            Presence(
                round=record.round_id, node=self._node, ledger_length=at.length, ledger_digest=at.digest
            ),
            self._signer,
        )
        written = replace(record, state=State.ANNOUNCED, reason="", presence=envelopes.to_json(presence))
        self._store.write(_now(), rounds=[written])
        await self._announce(link, written, known)

    async def _announce(self, link: Link, record: RoundRecord, known: Known) -> bool:
        """Send the presence that is written; whether the coordinator has it now."""
        assert record.presence is not None  # ANNOUNCED is only reached with it
        if not await self._may_send(record, known):
            return False
        try:
            await link.call(PUT_PRESENCE, m.PutPresenceRequest(envelopes.from_json(record.presence)))
        except Declined:
            if record.state is State.PRESENT:  # it had arrived before: still in the round, as far as we know
                raise
            self._close(record, State.MISSED)
            return False
        self._store.write(_now(), rounds=[replace(record, state=State.PRESENT)])
        self._journal.info("present", round=record.round_id, period=record.period, attempt=record.attempt)
        return True

    async def _may_send(self, record: RoundRecord, known: Known) -> bool:
        """Wait for the tick, as how long the work took tells of rows; then ask whether a person said no."""
        assert known.programme is not None  # nothing is written to be sent without it
        if halted(self._store) is None:
            await asyncio.sleep(wait_for_tick(_now(), known.programme.tick_seconds))
        reason = halted(self._store)
        if reason is not None:
            self._journal.info("held-back", round=record.round_id, state=record.state, reason=reason)
        return reason is None

    async def _release(self, link: Link, record: RoundRecord, known: Known) -> None:
        verdict = self._decide(known, known.round.collect_until)
        if isinstance(verdict, Permit):
            verdict = await self._prepare(verdict, known.round)
        if isinstance(verdict, Refusal):
            self._refuse(record, known, verdict, State.PRESENT)
            return
        vector = await asyncio.to_thread(_drawn, self._codes[record.round_id], verdict)
        verdict = self._decide(known, known.round.collect_until)  # again: a person may have said no meanwhile
        if isinstance(verdict, Refusal):
            self._refuse(record, known, verdict, State.PRESENT)
            return
        debit = _debit(verdict, self._store.head)
        after = Head(self._store.head.length + len(debit), debit[-1].digest)
        said = envelopes.to_json(self._statement(record, verdict, digest(vector), after))
        written = replace(record, state=State.RELEASED, reason="", vector=vector, contribution=said)
        # Debit first: from here on the loss is spent, whatever becomes of the bytes.
        self._store.write(_now(), entries=debit, rounds=[written])
        self._codes.pop(record.round_id, None)
        self._journal.info("released", round=record.round_id, period=record.period, attempt=record.attempt)
        await self._send(link, written, known)

    def _statement(self, record: RoundRecord, permit: Permit, vector: Digest, after: Head) -> Envelope:
        contribution = Contribution(
            round=record.round_id,
            node=self._node,
            programme=permit.programme.digest,
            cells=permit.programme.vector_length,
            vector=vector,
            ledger_length=after.length,
            ledger_digest=after.digest,
        )
        return state(contribution, self._signer)

    async def _send(self, link: Link, record: RoundRecord, known: Known) -> bool:
        """Send the vector that is written; whether there is a receipt now."""
        assert record.contribution is not None  # RELEASED is only reached with both
        assert record.vector is not None
        if not await self._may_send(record, known):
            return False
        contribution = envelopes.from_json(record.contribution)
        try:
            answer = await link.call(PUT_CONTRIBUTION, m.PutContributionRequest(contribution, record.vector))
        except Declined:
            self._close(record, State.MISSED)
            return False
        receipt = hear(Receipt, answer.receipt, VerifyKey(bytes.fromhex(known.roster.coordinator_key)))
        if (receipt.round, receipt.node, receipt.contribution) != (
            record.round_id,
            self._node,
            contribution.digest,
        ):
            raise PeerError("the coordinator's receipt is for something else")
        self._store.write(_now(), rounds=[replace(record, receipt=envelopes.to_json(answer.receipt))])
        self._journal.info("delivered", round=record.round_id)
        return True

    def _book_published(self, record: RoundRecord, known: Known, release: str) -> None:
        booked = next(entry.read() for entry in self._store.entries() if _is_spent(entry, record.round_id))
        entry = next_entry(
            self._store.head,
            _now(),
            Kind.PUBLISHED,
            Digest(known.round.programme),
            salt=_salt(),
            loss=booked.loss,
            document=release or None,
            parameters=booked.parameters,
        )
        done = replace(record, state=State.PUBLISHED, release=release)
        self._store.write(_now(), entries=[entry], rounds=[done])
        self._journal.info("published", round=record.round_id, period=record.period, document=release)

    def _close(self, record: RoundRecord, how: State) -> None:
        self._codes.pop(record.round_id, None)
        self._store.write(_now(), rounds=[replace(record, state=how)])
        self._journal.info("closed", round=record.round_id, state=how)

    def _refuse(self, record: RoundRecord, known: Known, refusal: Refusal, how: State) -> None:
        # Once per round and reason; decided again at every poll, because an approval may still come.
        reasons = {
            body.reason
            for body in (entry.read() for entry in self._store.entries())
            if body.kind is Kind.REFUSED and body.round == record.round_id
        }
        if refusal.reason in reasons and (record.state, record.reason) == (how, refusal.reason):
            return
        entries = []
        if refusal.reason not in reasons:
            programme = Digest(known.round.programme)
            fields = {"round": record.round_id, "reason": str(refusal.reason)}
            entries = [next_entry(self._store.head, _now(), Kind.REFUSED, programme, salt=_salt(), **fields)]
        self._store.write(_now(), entries=entries, rounds=[replace(record, state=how, reason=refusal.reason)])
        self._journal.warning("refused", round=record.round_id, reason=refusal.reason, period=record.period)

    def _decide(self, known: Known, deadline: datetime) -> Permit | Refusal:
        asked = known.round
        same = [
            record.attempt
            for record in self._store.rounds()
            if (record.programme, record.period) == (asked.programme, str(asked.period))
            and record.round_id != asked.round_id
            and record.presence is not None
        ]
        situation = Situation(
            now=_now(),
            node=self._node,
            key=self._signer.public,
            halted=halted(self._store),
            roster=known.roster,
            programme=known.programme,
            approvals=self._store.documents(DocumentKind.APPROVAL, asked.programme),
            entries=self._store.entries(),
            attempts=same,
            deadline=deadline,
            caps=self._config.caps,
            institutions_floor=self._config.institutions_floor,
            salt=_salt(),
        )
        return policy.decide(situation, asked)

    async def _prepare(self, permit: Permit, asked: Round) -> Permit | Refusal:
        """Have the codes ready in memory. What is wrong with the records is never said to anyone outside."""
        if asked.round_id in self._codes:
            return permit
        try:
            self._codes[asked.round_id] = await asyncio.to_thread(
                _codes, self._config, permit.programme, asked.period
            )
        except (LocalFault, DocumentError):
            return Refusal(
                Reason.SOURCE_NOT_READY, "the export or its mapping is not ready: `samentel-node check`"
            )
        return permit


def _fresh(asked: Round, envelope: Envelope) -> RoundRecord:
    return RoundRecord(
        asked.round_id, asked.programme, str(asked.period), asked.attempt, envelopes.to_json(envelope)
    )


def _debit(permit: Permit, at: Head) -> list[Entry]:
    after = Head(at.length + 1, permit.hold.digest)
    held = permit.hold.read()
    fields = {"loss": permit.loss, "parameters": held.parameters}
    spent = next_entry(after, held.at, Kind.SPENT, permit.programme.digest, salt=_salt(), **fields)
    return [permit.hold, spent]


def _is_spent(entry: Entry, round_id: str) -> bool:
    body = entry.read()
    return body.kind is Kind.SPENT and body.loss is not None and body.loss.round == round_id


def _codes(config: Config, programme: Programme, period: Period) -> "Codes":
    from node import intake, mapping  # polars and numpy are loaded when a round needs them, not before

    return intake.codes(mapping.load(config.mapping), programme, period)


def _drawn(codes: "Codes", permit: Permit) -> bytes:
    from samentel.counting.noise import draw  # as above: OpenDP

    return draw(codes, permit.plan).vector.astype("<i8").tobytes()


def _salt() -> bytes:
    return os.urandom(SALT_BYTES)


def _now() -> datetime:
    return datetime.now(UTC)
