"""What the node keeps of its secure sums: sealed states, what they mean for ledger and record, and their end.

Everything that follows from one step is one transaction. A state is opened
once in the life of a daemon, and its secrets leave the disk when its sum is over.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import monotonic

from node import sealing
from node.journal import Journal
from node.permission import booked, salt
from node.policy import Permit
from node.store import RoundRecord, State, Store, SumRecord
from samentel.counting.ledger import Entry, Kind, next_entry
from samentel.documents.keys import SigningKey
from samentel.errors import LocalFault
from samentel.ids import Digest
from samentel.secagg import client as machine
from samentel.secagg.encoding import decode, encode
from samentel.secagg.messages import Kind as Message
from samentel.secagg.standing import Client, Effect, Free, Hold, Phase, Seen, Send, Spend

RESUMED_WITHIN = timedelta(minutes=10)  # see SumsKept.found_late


class SumsKept:
    """The open sums of one daemon, in memory and on disk."""

    def __init__(
        self, store: Store, key: SigningKey, journal: Journal, forget: Callable[[str], None]
    ) -> None:
        """Nothing is read yet.

        Args:
            key: what seals the states.
            forget: told of every round whose sum is over here.
        """
        self._store, self._key, self._journal, self._forget = store, key, journal, forget
        self._clients: dict[str, Client] = {}
        self._late: set[str] = set()
        self._touched: dict[str, tuple[datetime, float]] = {}  # when this process last had it, by both clocks
        self._scrub_due = False

    def client(self, round_id: str) -> Client | None:
        """The state of an open sum, or None.

        Raises:
            LocalFault: it does not open. The node has then left the round for good; what it held stays held.
        """
        held = self._store.sum(round_id)
        if held is None or not held.sealed:
            return None
        if round_id in self._clients:
            return self._clients[round_id]
        try:
            client = _read(self._key, held)
        except LocalFault:
            record = self.record(round_id)
            kept = record.state if record.state is State.RELEASED else State.MISSED  # spent stays spent
            lost = replace(record, state=kept)
            self._store.write(_now(), rounds=[lost], sums=[SumRecord(round_id, held.version + 1, b"")])
            self._drop(round_id)
            raise
        # From the future is no better than from long ago: one of the two clocks was set.
        if not timedelta() <= _now() - datetime.fromisoformat(held.written_at) <= RESUMED_WITHIN:
            self._late.add(round_id)
        self._keep(round_id, client)
        return client

    def found_late(self, round_id: str) -> bool:
        """Whether the state may be a copy: MASK-6.

        This process found it on disk long after it was written; or the machine stood still since, with this
        process in it, as after a snapshot of its memory: then the calendar moved and the clock did not.
        """
        if round_id in self._touched:
            calendar, clock = self._touched[round_id]
            stood_still = _now() - calendar - timedelta(seconds=monotonic() - clock)
            if abs(stood_still) > RESUMED_WITHIN:
                self._late.add(round_id)
        return round_id in self._late

    def record(self, round_id: str) -> RoundRecord:
        """The round's record; there is one, as a sum is joined after presence and records stay."""
        record = self._store.round(round_id)
        assert record is not None
        return record

    def entry(self, kind: Kind, round_id: str) -> Entry:
        """SPENT or FREED, after the last entry: with what was held, to the letter."""
        held = booked(self._store, Kind.HOLD, round_id)
        fields = {"loss": held.loss, "parameters": held.parameters}
        return next_entry(self._store.head, _now(), kind, Digest(held.programme), salt=salt(), **fields)

    def write(
        self,
        round_id: str,
        client: Client,
        effects: Sequence[Effect],
        *,
        spent: Entry | None = None,
        permit: Permit | None = None,
        how: State | None = None,
    ) -> None:
        """One transaction: the state with its outgoing bytes, the ledger, the record, heads of others.

        Written before anything is sent: keys before the advert (ADV-3), shares before the dealing (DEAL-4),
        HOLD with the masked counts (MASK-3), SPENT with the agreement (AGREE-4), heads of others (AGREE-5).

        Args:
            how: what becomes of the round here, where the machine alone cannot tell.

        Raises:
            LocalFault: the store cannot be written; nothing has changed.
        """
        entries, heads = [], {}
        for effect in effects:
            match effect:
                case Hold(dealers):
                    assert permit is not None  # counts are drawn with a permit only
                    assert dealers == len(client.held)
                    entries.append(permit.hold)
                case Spend():
                    assert spent is not None  # a proposal is only answered with the entry at hand
                    entries.append(spent)
                case Free():
                    entries.append(self.entry(Kind.FREED, round_id))
                case Seen(seen):
                    heads = {client.terms.members[position].node: head for position, head in seen}
                case _:
                    pass  # Send is in the state, Draw follows from the phase, Wipe from the empty state below
        record, over = _agreeing(self.record(round_id), effects), client.phase in machine.OVER
        late = self.found_late(round_id)
        state = how or _standing(record.state, client.phase, effects)
        left_out = {round_id: client.proposal} if _left_out(record, client.phase, effects, state) else {}
        held = self._store.sum(round_id)
        version = held.version + 1 if held else 1
        sealed = b"" if over else sealing.seal(self._key, round_id, version, encode(client))
        self._store.write(
            _now(),
            entries=entries,
            rounds=[replace(record, state=state, reason="")],
            # What was found late stays old: another restart must not take it for fresh.
            sums=[SumRecord(round_id, version, sealed, held.written_at if held and late else "")],
            heads=heads,
            left_out=left_out,
        )
        if left_out:
            self._journal.warning("left-out", round=round_id, phase=client.phase)
        self._keep(round_id, client)
        if over:
            self._drop(round_id)
        self._journal.info("sum", round=round_id, phase=client.phase, state=state)

    def scrub(self) -> None:
        """Take what was wiped off the disk as well; again later if somebody is reading just now."""
        if self._scrub_due and self._store.scrub():
            self._scrub_due = False

    def _keep(self, round_id: str, client: Client) -> None:
        self._clients[round_id] = client
        self._touched[round_id] = (_now(), monotonic())

    def _drop(self, round_id: str) -> None:
        self._clients.pop(round_id, None)
        self._touched.pop(round_id, None)
        self._late.discard(round_id)
        self._forget(round_id)
        self._scrub_due = True


def _agreeing(record: RoundRecord, effects: Sequence[Effect]) -> RoundRecord:
    """The record with our agreement, once it is made: no secret, and what the sum's transcript must show."""
    agreed = [one.message for one in effects if isinstance(one, Send) and one.kind is Message.AGREEMENT]
    return replace(record, contribution=agreed[0]) if agreed else record


def _standing(before: State, phase: Phase, effects: Sequence[Effect]) -> State:
    """What a step makes of the round's record: spent stays spent, whatever becomes of the sum."""
    if before is State.RELEASED or any(isinstance(effect, Spend) for effect in effects):
        return State.RELEASED
    return State.MISSED if phase in machine.OVER else State.JOINED


def _left_out(record: RoundRecord, phase: Phase, effects: Sequence[Effect], how: State) -> bool:
    """Whether a sum is made without counts of which there is a receipt; at the step that says so.

    The set is known from the proposal (HELPING), or it is only said that there is a sum (MISSED).
    """
    freed = any(isinstance(effect, Free) for effect in effects)
    without = phase is Phase.HELPING or (phase is Phase.ABANDONED and how is State.MISSED)
    return freed and without and record.receipt is not None


def _read(key: SigningKey, held: SumRecord) -> Client:
    state = sealing.unseal(key, held.round_id, held.version, held.sealed)
    try:
        return decode(Client, state)
    except ValueError:
        raise LocalFault(
            f"what this node holds of round {held.round_id[:12]} was written by another version of Samentel: "
            "it leaves this round; let open rounds end before you install another version"
        ) from None


def _now() -> datetime:
    return datetime.now(UTC)
