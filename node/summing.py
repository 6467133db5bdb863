"""This node's part in secure sums: letters come in, the machine takes a step, messages go out.

Each step is one transaction: the sealed state with the outgoing bytes in it, the
ledger entries, the round's record, what is known of other ledgers. Only then is
anything sent. It may be told the same thing any number of times and be killed
at any point: what has left once leaves again byte for byte, and nothing is
spent twice.

The rules of the sum are those of ``samentel.secagg.client``; whether this
institution wants to go on is asked of ``node.permission``.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from node import pieces
from node.config import Config
from node.halting import halted
from node.journal import Journal
from node.link import Contradicted, Declined, Link
from node.permission import Known, Permission
from node.policy import Permit
from node.store import RoundRecord, State, Store
from node.sums_kept import SumsKept
from samentel.counting.ledger import EMPTY, Entry, Head, Kind
from samentel.documents.envelope import Envelope, to_json
from samentel.documents.keys import SigningKey, VerifyKey
from samentel.documents.statements import Start, hear
from samentel.errors import DocumentError, PeerError, Reason, Refusal
from samentel.secagg import client as machine
from samentel.secagg import server
from samentel.secagg.convening import terms_of
from samentel.secagg.messages import Kind as MessageOf
from samentel.secagg.messages import Listing, open_bundle, parts, unpack_head
from samentel.secagg.receipts import hear_receipt
from samentel.secagg.standing import (
    Agreed,
    Asked,
    Client,
    Closed,
    Delivered,
    Drawn,
    Event,
    Join,
    Listed,
    Means,
    Phase,
    Proposed,
    Resulted,
    Send,
    Ticked,
)
from samentel.secagg.terms import Floors
from samentel.wire.messages import LetterKind, RoundNotice, RoundPhase, SumPhase

LONGEST_OPEN = timedelta(days=90)  # END-2: by our own clock; no secret of a round lives longer

# What a node that waits in a phase asks for, from which phase of the sum on; what comes first is tried first.
LETTERS: Mapping[Phase, Sequence[tuple[SumPhase, LetterKind]]] = {
    Phase.ADVERTISED: ((SumPhase.SHARING, LetterKind.LISTING),),
    Phase.SHARED: ((SumPhase.MASKING, LetterKind.DELIVERY),),
    Phase.COUNTING: ((SumPhase.AGREEING, LetterKind.PROPOSAL),),
    Phase.MASKED: ((SumPhase.AGREEING, LetterKind.PROPOSAL),),
    # Also of a sum that is known already: the agreements say where other ledgers stand.
    Phase.HELPING: ((SumPhase.REVEALING, LetterKind.UNANIMITY), (SumPhase.DONE, LetterKind.RESULT)),
    Phase.AGREED: ((SumPhase.REVEALING, LetterKind.UNANIMITY), (SumPhase.DONE, LetterKind.RESULT)),
    Phase.REVEALED: ((SumPhase.DONE, LetterKind.RESULT),),
}
_EVENTS: Mapping[LetterKind, type[Listed | Delivered | Proposed | Agreed | Resulted]] = {
    LetterKind.LISTING: Listed,
    LetterKind.DELIVERY: Delivered,
    LetterKind.PROPOSAL: Proposed,
    LetterKind.UNANIMITY: Agreed,
    LetterKind.RESULT: Resulted,
}
_TAKES = {SumPhase[phase.name]: kind for phase, kind in server.TAKES.items()}
# From its agreement on, or when it only helps, a node costs nobody anything more: only a pause holds it back.
_SETTLED = frozenset({Phase.HELPING, Phase.AGREED, Phase.REVEALED})


class Summing:
    """The secure sums of one daemon. Between two awaits nothing else changes a sum, a round or the ledger."""

    def __init__(
        self,
        config: Config,
        store: Store,
        node: str,
        signer: SigningKey,
        journal: Journal,
        permission: Permission,
    ) -> None:
        self._floors = Floors(config.institutions_floor, config.collude_floor)
        self._store, self._node, self._signer = store, node, signer
        self._journal, self._permission = journal, permission
        self._kept = SumsKept(store, signer, journal, permission.forget)
        self._handed_in: set[tuple[str, MessageOf]] = set()
        self._told: set[tuple[str, str, str]] = set()

    def hang_up(self) -> None:
        """Another connection: a coordinator restored from a backup may have lost what it was sent."""
        self._handed_in.clear()

    def pass_time(self, now: datetime) -> None:
        """Leave every sum whose time is over, and wipe its secrets.

        Raises:
            LocalFault: the store cannot be written, or a state does not open.
        """
        for held in self._store.open_sums():
            self._tick(held.round_id, now)
        self._kept.scrub()

    async def go_on(self, link: Link, notice: RoundNotice, known: Known) -> None:
        """Take a round as far as its letters go now, and send what it has not been sent on this connection.

        Raises:
            Unreachable: the connection went; all of it will be told again.
            LocalFault: the store cannot be written, or the state does not open; nothing was sent.
        """
        round_id = known.round.round_id
        self._tick(round_id, _now())
        going = self._kept.client(round_id) is not None or self._begin(notice, known)
        while going:
            client = self._kept.client(round_id)
            if client is None or not self._willing(known, client):
                break
            await self._hand_in(link, notice, known, client)
            going = await self._next(link, notice, known, client)
        self._kept.scrub()

    def leave(self, record: RoundRecord, how: State) -> None:
        """End this node's part: what is held and not spent is freed, every secret goes."""
        client = self._kept.client(record.round_id)
        if client is not None:
            after, effects = machine.advance(client, Closed(), _now(), self._means())
            self._kept.write(record.round_id, after, effects, how=how)
            self._kept.scrub()

    def _tick(self, round_id: str, now: datetime) -> None:
        client = self._kept.client(round_id)
        if client is None:
            return
        after, effects = machine.advance(client, Ticked(), now, self._means())
        if after is not client:
            self._kept.write(round_id, after, effects)

    def _begin(self, notice: RoundNotice, known: Known) -> bool:
        """Join, when it is time to and this institution still wants to; whether it has."""
        record = self._store.round(known.round.round_id)
        if record is None or record.state is not State.PRESENT or not notice.start:
            return False
        if notice.sum_phase is not SumPhase.ADVERTISING:  # whoever comes later is not on the list
            return False
        try:
            start = self._start(notice, known)
            verdict = self._permission.decide(known, start.advertise_until)
            if isinstance(verdict, Refusal):
                raise verdict
            client = self._announce(known, start)
        except PeerError as error:
            self._say_once("start-refused", known, notice.sum_phase.name.lower(), error)
            return False
        except Refusal as refusal:
            self._permission.refuse(record, known, refusal, State.PRESENT)
            return False
        seen = {**self._store.heads(), self._node: self._store.head}
        heads = tuple(seen.get(member.node, EMPTY) for member in client.terms.members)
        return self._step(known, client, Join(heads))

    def _start(self, notice: RoundNotice, known: Known) -> Start:
        coordinator = VerifyKey(bytes.fromhex(known.roster.coordinator_key))
        start = hear(Start, notice.start[0], coordinator)
        if start.mask_until > known.round.collect_until or start.expires_at - _now() > LONGEST_OPEN:
            raise PeerError("the start of the sum goes beyond the deadlines of its round, or takes too long")
        return start

    def _announce(self, known: Known, start: Start) -> Client:
        assert known.programme is not None  # a permit was given
        try:
            terms = terms_of(known.programme, known.roster, known.round, start)
        except (DocumentError, OverflowError):
            raise Refusal(
                Reason.PARAMETER_BELOW_FLOOR, "this roster cannot carry out the programme's sum"
            ) from None
        return machine.announce(terms, self._node, self._floors)

    def _willing(self, known: Known, client: Client) -> bool:
        """Whether to go on now: asked before every step and before everything that is sent."""
        record = self._kept.record(known.round.round_id)
        if client.phase in _SETTLED:
            reason = halted(self._store)
            if reason is not None:
                self._say_once("held-back", known, client.phase, reason)
            return reason is None
        refusal = self._permission.still(known, client.terms.deadlines.expires_at)
        if refusal is not None:
            self._permission.refuse(record, known, refusal, record.state)
        return refusal is None

    async def _next(self, link: Link, notice: RoundNotice, known: Known, client: Client) -> bool:
        """The next step, if it can be taken now; whether it was."""
        if client.phase is Phase.COUNTING and notice.sum_phase is SumPhase.MASKING:
            return self._may_count(known) and await self._count(known, client)
        if notice.sum_phase is SumPhase.FAILED:
            return False
        for least, kind in LETTERS[client.phase]:
            if notice.sum_phase < least:
                continue
            try:
                data = await pieces.fetch(link, known.round.round_id, kind)
            except PeerError as error:
                self._say_once("sum-refused", known, client.phase, error)
                continue
            if data is None or not self._willing(known, client):
                continue
            if self._step(known, client, _EVENTS[kind](data)):
                return True
        return False

    def _may_count(self, known: Known) -> bool:
        """Whether masked counts may be made from this state (MASK-6); whoever may not still helps the others.

        A state from before the counts can be copied. A copy that is put back later would mask other counts
        under the same masks, and the difference of two such vectors is masked by nothing. What this process
        wrote itself is no copy, nor is what a restart finds after a few minutes.
        """
        if not self._kept.found_late(known.round.round_id):
            return True
        self._say_once("too-late-to-count", known, Phase.COUNTING, "started again too late")
        return False

    async def _count(self, known: Known, client: Client) -> bool:
        """Draw the noisy counts, with shares for those who have dealt, and hold what they would cost."""
        dealers, until = len(client.held), client.terms.deadlines.mask_until
        if _now() > until:
            return False  # too late for the sum; it can still help
        verdict = await self._permission.ready(known, until, dealers)
        if isinstance(verdict, Permit):
            counts = await self._permission.draw(verdict)
            verdict = self._permission.decide(known, until, dealers)  # a person may have said no meanwhile
            if isinstance(verdict, Permit):
                return self._step(known, client, Drawn(counts, dealers), verdict)
        record = self._kept.record(known.round.round_id)
        self._permission.refuse(record, known, verdict, record.state)
        return False

    def _step(self, known: Known, client: Client, event: Event, permit: Permit | None = None) -> bool:
        """Advance by one event and write what follows; whether it was taken."""
        round_id = known.round.round_id
        spent = None
        if isinstance(event, Proposed) and client.phase is Phase.MASKED:
            spent = self._kept.entry(Kind.SPENT, round_id)
        try:
            after, effects = machine.advance(client, event, _now(), self._means(spent))
        except PeerError as error:
            self._say_once("sum-refused", known, client.phase, error)
            return False
        except Refusal:
            # ROLLBACK_DETECTED; every advert in the list has been verified by then.
            assert isinstance(event, Listed)
            listing = open_bundle(Listing, event.data)
            heads = zip(listing.positions, parts(listing.heads, len(listing.positions)), strict=True)
            members = client.terms.members
            self._permission.check_heads({members[at].node: unpack_head(head) for at, head in heads})
            return False
        self._kept.write(round_id, after, effects, spent=spent, permit=permit)
        return True

    def _means(self, spent: Entry | None = None) -> Means:
        after = Head(self._store.head.length + 1, spent.digest) if spent else None
        return Means(self._signer, os.urandom, self._permission.on_ledger, after)

    async def _hand_in(self, link: Link, notice: RoundNotice, known: Known, client: Client) -> None:
        """Send what this phase of the sum still takes, once a connection."""
        round_id, kind = known.round.round_id, _TAKES.get(notice.sum_phase)
        sent = {send.kind for send in client.outbox}
        if kind is None or kind not in sent or (round_id, kind) in self._handed_in:
            return
        if notice.phase is not RoundPhase.COLLECTING:
            return
        record = self._kept.record(round_id)
        if kind is MessageOf.UPLOAD and not self._permission.may_send(record):
            return
        if not self._willing(known, client):
            return
        try:
            _, (send,) = machine.advance(client, Asked(kind), _now(), self._means())
            assert isinstance(send, Send)
            answered = await pieces.put(link, round_id, send)
        except Contradicted:
            self._permission.stop_as_copy()
            return
        except Declined as error:  # for good: it came too late, or does not fit
            if kind is not MessageOf.REVEAL:  # others' shares were enough: that is how most sums end
                self._say_once("sum-declined", known, kind, error)
        except PeerError as error:
            self._say_once("sum-refused", known, kind, error)
            return
        else:
            if kind is MessageOf.UPLOAD:
                self._keep_receipt(known, client, answered)
        self._handed_in.add((round_id, kind))

    def _keep_receipt(self, known: Known, client: Client, answered: Sequence[Envelope]) -> None:
        """Write down, in the coordinator's own words, that it has our masked counts; its first word counts.

        Without one the counts are handed in all the same; it is asked for again on the next connection.
        """
        record = self._kept.record(known.round.round_id)
        if record.receipt is not None:
            return
        try:
            if not answered:
                raise PeerError("the coordinator gives no receipt of the masked counts that it took")
            hear_receipt(answered[0], client.terms, client.own, client.vector)
        except PeerError as error:
            self._say_once("receipt-refused", known, client.phase, error)
            return
        self._store.write(_now(), rounds=[replace(record, receipt=to_json(answered[0]))])
        self._journal.info("receipt", round=record.round_id, phase=client.phase)

    def _say_once(self, event: str, known: Known, phase: str, why: object) -> None:
        """Tell a thing of a round and phase once, however often it happens."""
        line = (event, known.round.round_id, phase)
        if line not in self._told:
            self._told.add(line)
            self._journal.warning(event, round=known.round.round_id, phase=phase, reason=why)


def _now() -> datetime:
    return datetime.now(UTC)
