"""The coordinator's part in secure sums: the machine of ``samentel.secagg.server`` as a fold over the log.

The machine itself is never stored. What it was told stands in the log, with the
moment of each event, and the bytes of the messages beside it. Told the same
again it says the same, since its signatures depend on nothing else; so a
restart gives the same letters, byte for byte (STORE-3).

Nothing here writes or reads a clock. Everything runs in the one thread that
decides; unmasking a thousand institutions keeps it for seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from aggregator import documents
from aggregator.conductor import TAKEN, Round, Rounds, Step
from aggregator.config import Config
from aggregator.events import (
    Abandoned,
    Body,
    DealerConvicted,
    MessagePosted,
    RollCalled,
    SumTurned,
    TimePassed,
    Totalled,
)
from aggregator.roll import Rolls
from aggregator.store import Store
from samentel.documents import statements
from samentel.documents.envelope import Envelope
from samentel.documents.keys import SigningKey
from samentel.documents.model import from_json
from samentel.documents.programme import Programme
from samentel.documents.roster import Roster
from samentel.documents.statements import Start
from samentel.errors import LocalFault, PeerError
from samentel.ids import Digest, RoundId, digest
from samentel.secagg import receipts
from samentel.secagg import server as machine
from samentel.secagg.convening import terms_of
from samentel.secagg.encoding import encode
from samentel.secagg.messages import ENTRY_BYTES, HEAD_BYTES, Kind
from samentel.secagg.relay import (
    Arrived,
    Convicted,
    Effect,
    Event,
    Failed,
    Letter,
    Phase,
    Server,
    Summed,
    Turned,
    letter,
)
from samentel.secagg.standing import Agreed, Delivered, Listed, Proposed, Resulted, Ticked
from samentel.secagg.terms import Terms
from samentel.wire.messages import LetterKind, RoundPhase, SumPhase

KEPT = 2  # machines of rounds that are over, in memory: each holds every message of its round
KEPT_LETTERS = 30  # of rounds that are over, beside them: most nodes fetch theirs only then
LETTERS: Mapping[LetterKind, type[Letter]] = {
    LetterKind.LISTING: Listed,
    LetterKind.DELIVERY: Delivered,
    LetterKind.PROPOSAL: Proposed,
    LetterKind.UNANIMITY: Agreed,
    LetterKind.RESULT: Resulted,
}
_UPLOAD = Kind.UPLOAD.value
COMMON = frozenset({LetterKind.PROPOSAL, LetterKind.UNANIMITY, LetterKind.RESULT})  # the same for all
# Whose message is waited for in each phase.
_OWED: Mapping[SumPhase, Callable[[Round], frozenset[str]]] = {
    SumPhase.ADVERTISING: lambda round_: round_.present,
    SumPhase.SHARING: lambda round_: round_.senders(Kind.ADVERT),
    SumPhase.MASKING: lambda round_: round_.senders(Kind.DEALING),
    SumPhase.AGREEING: lambda round_: frozenset(round_.survivors),
    SumPhase.REVEALING: lambda round_: frozenset(round_.survivors),
}
_ORDER: tuple[type[Body], ...] = (SumTurned, DealerConvicted, Totalled, Abandoned)


def start_of(round_: statements.Round, config: Config, now: datetime) -> Start | None:
    """The deadlines of a secure sum whose gathering ends now; None when too little time is left for it.

    Nodes go by the round that they said yes to: what arrives after its ``collect_until`` they do not send.
    """
    advertise_until = now + config.advertise
    share_until = advertise_until + config.share
    mask_until = min(share_until + config.collect, round_.collect_until)
    if mask_until <= share_until:
        return None
    return Start(
        round=round_.round_id,
        advertise_until=advertise_until,
        share_until=share_until,
        mask_until=mask_until,
        expires_at=mask_until + config.expire,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows from telling the machine something: events, and the bytes that they name."""

    bodies: tuple[Body, ...] = ()
    blobs: tuple[bytes, ...] = ()


@dataclass(slots=True)
class _Running:
    """The machine of one round after so many steps of its course.

    Attributes:
        ahead: a step that has been thought through and may be written next, and the machine after it.
    """

    terms: Terms
    positions: Mapping[str, int]
    server: Server
    steps: int = 0
    ahead: tuple[Step, Server] | None = None


class Sums:
    """The secure sums of one coordinator."""

    def __init__(
        self,
        store: Store,
        key: SigningKey,
        programme: Callable[[str], Programme],
        roster: Callable[[str], Roster],
    ) -> None:
        """Know nothing yet: every machine is made from the log when it is first asked for."""
        self._store, self._key = store, key
        self._programme, self._roster = programme, roster
        self._terms: dict[RoundId, Terms] = {}
        self._running: dict[RoundId, _Running] = {}
        self._over: dict[RoundId, _Running] = {}
        self._letters: dict[tuple[RoundId, LetterKind], bytes] = {}
        self._rolls = Rolls()

    def terms(self, round_: Round) -> Terms:
        """What the sum is about, from the four signed documents as they are stored."""
        if round_.round_id not in self._terms:
            said = documents.stored(self._store, round_.opened.envelope)
            start = documents.stored(self._store, round_.start)
            self._terms[round_.round_id] = terms_of(
                self._programme(round_.opened.programme),
                self._roster(round_.opened.roster),
                from_json(statements.Round, said.payload, "round"),
                from_json(Start, start.payload, "start"),
            )
        return self._terms[round_.round_id]

    def server(self, round_: Round) -> Server:
        """The machine as the log has it.

        Raises:
            LocalFault: the log tells of something that the machine cannot follow.
        """
        return self._caught_up(round_).server

    def outcome(self, round_: Round, step: Step, posted: tuple[bytes, bytes] | None = None) -> Outcome:
        """What to write when the machine is told one thing more; nothing when that changes nothing.

        Args:
            posted: message and attachment, for a message that is not stored yet.

        Raises:
            PeerError: the message does not hold.
        """
        running = self._caught_up(round_)
        after, effects = self._advanced(running, step, posted)
        if not effects and not isinstance(step.told, MessagePosted):
            return Outcome()
        running.ahead = step, after
        told = [_consequence(effect, running.terms, after) for effect in effects]
        convicted = next((body.node for body, _ in told if isinstance(body, DealerConvicted)), "")
        bodies = [_blaming(body, convicted) for body, _ in told]
        bodies.sort(key=lambda body: _ORDER.index(type(body)))
        return Outcome((step.told, *bodies), tuple(data for _, data in told if data))

    def attachment_length(self, round_: Round, kind: Kind) -> int:
        """How many bytes belong beside a message of this kind."""
        terms = self.terms(round_)
        lengths = {
            Kind.ADVERT: HEAD_BYTES * len(terms.members),
            Kind.DEALING: ENTRY_BYTES * len(round_.senders(Kind.ADVERT)),
            Kind.UPLOAD: terms.cells * terms.ring // 8,
        }
        return lengths.get(kind, 0)

    def letter(self, round_: Round, node: str, kind: LetterKind) -> bytes:
        """What a node waits for, the same bytes however often it is asked for; empty when there is none."""
        if not round_.start or round_.phase is RoundPhase.ABANDONED:
            return b""
        if _runs(round_) or kind not in COMMON:
            return self._made(round_, node, kind)
        if node not in round_.senders(Kind.DEALING):
            return b""
        name = (round_.round_id, kind)
        data = self._letters.pop(name, b"") or self._made(round_, node, kind)
        self._letters[name] = data  # the last used stands last
        while len(self._letters) > KEPT_LETTERS:
            del self._letters[next(iter(self._letters))]
        return data

    def receipt(self, round_: Round, node: str) -> Envelope:
        """The signed receipt of masked counts that are stored: the same bytes whenever it is asked for."""
        for step in reversed(round_.course):
            if isinstance(step.told, MessagePosted) and (step.told.node, step.told.kind) == (node, _UPLOAD):
                # An upload's attachment is its vector, so the log names it as the message does.
                vector = Digest(step.told.attachment or "")
                return receipts.receipt(self.terms(round_), node, vector, step.at, self._key)
        raise AssertionError("asked for once they are stored")

    def _made(self, round_: Round, node: str, kind: LetterKind) -> bytes:
        running = self._caught_up(round_)
        position = running.positions.get(node)
        made = letter(running.server, position, LETTERS[kind]) if position is not None else None
        return made.data if made is not None else b""

    def counts(self, round_: Round) -> NDArray[np.int64]:
        """The national sum: noisy counts times s, null cells included. Shape (cells,)."""
        assert round_.total is not None, "asked for once the masks are off"
        total = Summed(b"", (), round_.total.dealers, self._store.blob(round_.total.total))
        return total.counts(self.terms(round_))

    def deadline(self, round_: Round) -> datetime | None:
        """When the step ends that the sum is at; None when it is at none."""
        if not _runs(round_):
            return None
        deadlines = self.terms(round_).deadlines
        until = {
            SumPhase.ADVERTISING: deadlines.advertise_until,
            SumPhase.SHARING: deadlines.share_until,
            SumPhase.MASKING: deadlines.mask_until,
        }
        return until.get(round_.sum_phase, deadlines.expires_at)

    def awaited(self, round_: Round, now: datetime) -> frozenset[str]:
        """Whom the sum waits for: a message, or once the masked counts are in, a poll."""
        if not _runs(round_):
            return frozenset()
        missing = _OWED[round_.sum_phase](round_) - round_.senders(TAKEN[round_.sum_phase])
        if round_.sum_phase is SumPhase.MASKING and (not missing or self._is_late(round_, now)):
            return frozenset(round_.arrived) - self._rolls.awake(round_, late=self._is_late(round_, now))
        return missing

    def notice(self, round_: Round, node: str, now: datetime) -> bool:
        """A node has polled; says whether with it everybody is up whose masked counts have arrived."""
        return _masks(round_) and self._rolls.answer(round_, node, late=self._is_late(round_, now))

    def passing(self, round_: Round, now: datetime) -> TimePassed | RollCalled | None:
        """What to tell the machine after some time or a poll; None when nothing can follow from it.

        A roll is told all at once, so that the set depends on who is up and not on who was heard first.
        """
        if not _runs(round_):
            return None
        if _masks(round_):
            late = self._is_late(round_, now)
            nodes = self._rolls.awake(round_, late=late)
            if nodes and (late or nodes == round_.senders(Kind.DEALING)):
                return RollCalled(nodes=tuple(sorted(nodes)))
        until = self.deadline(round_)
        return TimePassed() if until is not None and now > until else None

    def calls(self, round_: Round, now: datetime) -> bool:
        """Whether those who wait are to be woken now, so that they poll and are known to be up."""
        return _masks(round_) and self._rolls.calls(round_, late=self._is_late(round_, now))

    def forget_all_but(self, rounds: Rounds) -> None:
        """Drop what was only of use while the other rounds ran; it can be made again from the log."""
        self._rolls.forget_all_but(rounds)
        for held in (self._running, self._terms):
            for name in held.keys() - rounds.keys():
                del held[name]

    def _is_late(self, round_: Round, now: datetime) -> bool:
        return now > self.terms(round_).deadlines.mask_until

    def _caught_up(self, round_: Round) -> _Running:
        name = round_.round_id
        running = self._running.pop(name, None) or self._over.pop(name, None) or self._begun(round_)
        for step in round_.course[running.steps :]:
            running.server, running.ahead = self._followed(running, step), None
            running.steps += 1
        if SumPhase[running.server.phase.name] is not round_.sum_phase:
            raise LocalFault(
                f"round {round_.round_id[:12]}: its sum is {round_.sum_phase.name.lower()} by the log, and "
                f"{running.server.phase} by its messages: was the log written by another version?"
            )
        held = self._running if _runs(round_) else self._over
        held[name] = running  # the last used stands last
        while len(self._over) > KEPT:
            del self._over[next(iter(self._over))]
        return running

    def _begun(self, round_: Round) -> _Running:
        terms = self.terms(round_)
        positions = {member.node: at for at, member in enumerate(terms.members)}
        present = tuple(positions[node] for node in round_.present)
        return _Running(terms, positions, machine.open_round(terms, present))

    def _followed(self, running: _Running, step: Step) -> Server:
        if running.ahead is not None and running.ahead[0] == step:
            return running.ahead[1]
        try:
            return self._advanced(running, step)[0]
        except PeerError as error:
            raise LocalFault(
                f"the log tells of a message in a secure sum that does not hold: {error}"
            ) from None

    def _advanced(
        self, running: _Running, step: Step, posted: tuple[bytes, bytes] | None = None
    ) -> tuple[Server, tuple[Effect, ...]]:
        server, event = running.server, self._event(running, step, posted)
        if isinstance(step.told, RollCalled):
            nodes = [running.positions[node] for node in step.told.nodes]
            server = replace(server, polled=tuple(sorted(nodes)))
        return machine.advance(server, event, step.at, self._key)

    def _event(self, running: _Running, step: Step, posted: tuple[bytes, bytes] | None) -> Event:
        match step.told:
            case MessagePosted() as told:
                message, attachment = posted or self._stored(told)
                return Arrived(Kind(told.kind), running.positions[told.node], message, attachment)
            case RollCalled() | TimePassed():
                return Ticked()
            case _:
                assert_never(step.told)

    def _stored(self, told: MessagePosted) -> tuple[bytes, bytes]:
        attachment = self._store.blob(told.attachment) if told.attachment is not None else b""
        return self._store.blob(told.message), attachment


def _runs(round_: Round) -> bool:
    return round_.phase is RoundPhase.COLLECTING and round_.sum_phase in TAKEN


def _masks(round_: Round) -> bool:
    return _runs(round_) and round_.sum_phase is SumPhase.MASKING


def _consequence(effect: Effect, terms: Terms, after: Server) -> tuple[Body, bytes]:
    """An effect of the machine as an event, and the bytes that it names."""

    def names(positions: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(terms.members[position].node for position in positions)

    match effect:
        case Turned(phase):
            survivors = names(after.proposed.positions) if phase is Phase.AGREEING else ()
            return SumTurned.model_validate({"phase": phase.value, "survivors": survivors}), b""
        case Summed():
            survivors = names(effect.positions)
            named = digest(effect.total)
            return Totalled(total=named, survivors=survivors, dealers=effect.dealers), effect.total
        case Convicted(evidence):
            proof = encode(evidence)
            return DealerConvicted(node=names((evidence.dealer,))[0], evidence=digest(proof)), proof
        case Failed(why):
            return Abandoned(reason=why), b""
        case _:
            assert_never(effect)


def _blaming(body: Body, convicted: str) -> Body:
    if not convicted or not isinstance(body, Abandoned):
        return body
    return Abandoned(
        reason=f"{convicted} is proven to have dealt seed shares that do not fit: "
        "it leaves the roster before another attempt"
    )
