"""Where the two roads meet: what this node does about each round that it is told of.

``node.steps`` says what to do, from the round's phase and the node's own state
alone; ``Attendance.attend`` does it, in the order that carries the privacy
promise: write, fsync, then send. Everything is level-triggered: it may be told
the same thing any number of times, and be killed at any point in between.
"""

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from node.config import Config
from node.journal import Journal
from node.link import Declined, Denied, Link, Unreachable
from node.permission import COORDINATOR, Known, Permission, booked, salt
from node.policy import Permit
from node.steps import Step, next_step
from node.store import DocumentKind, DocumentRecord, RoundRecord, State, Store
from samentel.counting.ledger import Entry, Head, Kind, next_entry
from samentel.documents import envelope as envelopes
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.envelope import Envelope
from samentel.documents.keys import SigningKey, VerifyKey
from samentel.documents.programme import Mode, Programme
from samentel.documents.roster import Roster
from samentel.documents.statements import Contribution, Presence, Receipt, Round, hear, state
from samentel.errors import DocumentError, LocalFault, PeerError, Refusal
from samentel.ids import Digest, digest
from samentel.wire import messages as m
from samentel.wire.messages import PollResponse, RoundNotice, RoundPhase
from samentel.wire.methods import GET_DOCUMENT, PUT_CONTRIBUTION, PUT_PRESENCE

if TYPE_CHECKING:
    from node.summing import Summing


class Attendance:
    """This institution's part in every round; one per daemon.

    The programme's mode says where a round that collects goes: to ``node.summing``, or to the vector here.
    """

    def __init__(self, config: Config, store: Store, node: str, signer: SigningKey, journal: Journal) -> None:
        self._config, self._store, self._node, self._signer, self._journal = (
            config,
            store,
            node,
            signer,
            journal,
        )
        self._permission = Permission(config, store, node, signer, journal)
        self._summing: Summing | None = None
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
        # First of all: a head that we have never written means that this is an old copy of our own ledger.
        self._permission.check_heads({COORDINATOR: Head(told.ledger.length, Digest(told.ledger.digest))})
        if new_line and self._summing is not None:
            self._summing.hang_up()
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
            except (Unreachable, LocalFault) as error:
                if not isinstance(error, Denied):
                    raise
                self._journal.warning("round-failed", fault=type(error).__name__, round=asked.round_id)
            except Exception as error:  # noqa: BLE001
                # A mistake of ours about one round must not end our part in the others. Its text is withheld.
                self._journal.warning("round-failed", fault=type(error).__name__, round=asked.round_id)

    def pass_time(self, now: datetime) -> None:
        """Leave every secure sum whose time is over and wipe its secrets; nothing needs to be told for that.

        Raises:
            LocalFault: the store cannot be written, or a state cannot be opened any more.
        """
        if self._summing is not None or self._store.open_sums():
            self._sums().pass_time(now)

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
        return _roster_of(held[-1].payload) if held else None  # verified before it was stored

    def _programme(self, wanted: str) -> Programme | None:
        held = self._store.documents(DocumentKind.PROGRAMME, wanted)
        return _programme_of(held[-1].payload) if held else None  # verified before it was stored

    async def _apply(self, link: Link, notice: RoundNotice, known: Known, *, new_line: bool = False) -> None:
        """Effects, in order. Each branch writes before it sends."""
        record = self._store.round(known.round.round_id) or _fresh(known.round, notice.round)
        mode = known.programme.mode if known.programme else Mode.INDIVIDUAL
        match next_step(notice.phase, record, mode):
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
            case Step.SUM:
                await self._sums().go_on(link, notice, known)
            case Step.FINISH_SUM:
                await self._sums().go_on(link, notice, known)
                self._sums().leave(record, State.RELEASED)
                self._book_published(record, known, notice.release_digest)
            case Step.BOOK_PUBLISHED:
                self._book_published(record, known, notice.release_digest)
            case Step.MISS:
                self._close(record, State.MISSED)
            case Step.ABANDON:
                self._close(record, State.ABANDONED)

    async def _join(self, link: Link, record: RoundRecord, known: Known) -> None:
        verdict = await self._permission.ready(known, known.round.gather_until)
        if isinstance(verdict, Refusal):
            self._permission.refuse(record, known, verdict, State.REFUSED)
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
        if not self._permission.may_send(record):
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

    async def _release(self, link: Link, record: RoundRecord, known: Known) -> None:
        verdict = await self._permission.ready(known, known.round.collect_until)
        if isinstance(verdict, Refusal):
            self._permission.refuse(record, known, verdict, State.PRESENT)
            return
        vector = (await self._permission.draw(verdict)).astype("<i8").tobytes()
        # Again: a person may have said no meanwhile.
        verdict = self._permission.decide(known, known.round.collect_until)
        if isinstance(verdict, Refusal):
            self._permission.refuse(record, known, verdict, State.PRESENT)
            return
        debit = _debit(verdict, self._store.head)
        after = Head(self._store.head.length + len(debit), debit[-1].digest)
        said = envelopes.to_json(self._statement(record, verdict, digest(vector), after))
        written = replace(record, state=State.RELEASED, reason="", vector=vector, contribution=said)
        # Debit first: from here on the loss is spent, whatever becomes of the bytes.
        self._store.write(_now(), entries=debit, rounds=[written])
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
        if not self._permission.may_send(record):
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
        spent = booked(self._store, Kind.SPENT, record.round_id)
        entry = next_entry(
            self._store.head,
            _now(),
            Kind.PUBLISHED,
            Digest(known.round.programme),
            salt=salt(),
            loss=spent.loss,
            document=release or None,
            parameters=spent.parameters,
        )
        done = replace(record, state=State.PUBLISHED, reason="", release=release)
        self._store.write(_now(), entries=[entry], rounds=[done])
        self._journal.info("published", round=record.round_id, period=record.period, document=release)

    def _close(self, record: RoundRecord, how: State) -> None:
        self._permission.forget(record.round_id)
        held = self._store.sum(record.round_id)
        if held is not None and held.sealed:
            self._sums().leave(record, how)
        else:
            self._store.write(_now(), rounds=[replace(record, state=how)])
        self._journal.info("closed", round=record.round_id, state=how)

    def _sums(self) -> "Summing":
        if self._summing is None:
            from node.summing import Summing  # numpy is loaded when a secure sum needs it, not before

            self._summing = Summing(
                self._config, self._store, self._node, self._signer, self._journal, self._permission
            )
        return self._summing


@lru_cache(maxsize=8)  # asked for every round at every poll, and reading a programme takes some 50 ms
def _programme_of(payload: bytes) -> Programme:
    return programmes.parse(payload)


@lru_cache(maxsize=2)
def _roster_of(payload: bytes) -> Roster:
    return rosters.parse(payload)


def _fresh(asked: Round, envelope: Envelope) -> RoundRecord:
    return RoundRecord(
        asked.round_id, asked.programme, str(asked.period), asked.attempt, envelopes.to_json(envelope)
    )


def _debit(permit: Permit, at: Head) -> list[Entry]:
    after = Head(at.length + 1, permit.hold.digest)
    held = permit.hold.read()
    fields = {"loss": permit.loss, "parameters": held.parameters}
    spent = next_entry(after, held.at, Kind.SPENT, permit.programme.digest, salt=salt(), **fields)
    return [permit.hold, spent]


def _now() -> datetime:
    return datetime.now(UTC)
