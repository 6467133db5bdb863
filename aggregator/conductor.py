"""A round from its opening to its release: a pure fold of events, and the decisions that make them.

``decide`` says what follows from a command, ``fold`` what an event makes of a
round. Neither writes, waits or reads a clock. A refused command changes
nothing; a repeated one changes nothing either.

Of a secure sum this remembers the course alone: what its machine was told, by
digest. What follows from it is the business of ``aggregator/sums.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from aggregator.errors import Contradiction
from aggregator.events import (
    Abandoned,
    Body,
    Collecting,
    Contributed,
    Corrected,
    Correcting,
    DealerConvicted,
    ErratumIssued,
    Event,
    MessagePosted,
    Present,
    Published,
    Publishing,
    RollCalled,
    RoundOpened,
    Started,
    Summed,
    SumTurned,
    TimePassed,
    Totalled,
)
from samentel.documents.programme import Mode
from samentel.errors import LocalFault, PeerError, Reason, Refusal
from samentel.ids import Digest, RoundId
from samentel.secagg.messages import Kind
from samentel.secagg.server import TAKES
from samentel.wire.messages import RoundPhase, SumPhase

# What may happen in which phase, and where it leads.
NEXT: Mapping[tuple[RoundPhase, type[Body]], RoundPhase] = {
    (RoundPhase.GATHERING, Present): RoundPhase.GATHERING,
    (RoundPhase.GATHERING, Collecting): RoundPhase.COLLECTING,
    (RoundPhase.GATHERING, Abandoned): RoundPhase.ABANDONED,
    (RoundPhase.COLLECTING, Contributed): RoundPhase.COLLECTING,
    (RoundPhase.COLLECTING, Summed): RoundPhase.SUMMED,
    (RoundPhase.COLLECTING, Started): RoundPhase.COLLECTING,
    (RoundPhase.COLLECTING, MessagePosted): RoundPhase.COLLECTING,
    (RoundPhase.COLLECTING, RollCalled): RoundPhase.COLLECTING,
    (RoundPhase.COLLECTING, TimePassed): RoundPhase.COLLECTING,
    (RoundPhase.COLLECTING, SumTurned): RoundPhase.COLLECTING,
    (RoundPhase.COLLECTING, DealerConvicted): RoundPhase.COLLECTING,
    (RoundPhase.COLLECTING, Totalled): RoundPhase.SUMMED,
    (RoundPhase.COLLECTING, Abandoned): RoundPhase.ABANDONED,
    (RoundPhase.SUMMED, Publishing): RoundPhase.SUMMED,
    (RoundPhase.SUMMED, Published): RoundPhase.PUBLISHED,
    (RoundPhase.SUMMED, Abandoned): RoundPhase.ABANDONED,
    (RoundPhase.PUBLISHED, Correcting): RoundPhase.PUBLISHED,
    (RoundPhase.PUBLISHED, Corrected): RoundPhase.PUBLISHED,
    (RoundPhase.PUBLISHED, ErratumIssued): RoundPhase.PUBLISHED,
}
OVER = frozenset({RoundPhase.PUBLISHED, RoundPhase.ABANDONED})
OPEN = frozenset({RoundPhase.GATHERING, RoundPhase.COLLECTING})
TAKEN: Mapping[SumPhase, Kind] = {SumPhase[phase.name]: kind for phase, kind in TAKES.items()}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the machine of a secure sum was told, and when."""

    at: datetime
    told: MessagePosted | RollCalled | TimePassed


@dataclass(frozen=True, slots=True)
class Remade:
    """A correction: a further release from the same sums.

    Attributes:
        published_at: the moment that it bears, fixed when its making began.
        manifest: empty until it is complete; ``ended_at`` says when that was.
    """

    begun: Correcting
    published_at: datetime
    manifest: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """An erratum, and when it was issued."""

    at: datetime
    erratum: ErratumIssued


@dataclass(frozen=True, slots=True)
class Round:
    """Where one round stands.

    Attributes:
        present: the nodes that said they take part.
        arrived: by node, the digest of its signed contribution statement; in a secure sum, of the message
            that names its masked counts.
        start: names the signed start of a secure sum; empty before there is one.
        course: what its machine was told, in order.
        posted: by kind of message and node, the digest of the message.
        survivors: the proposed set, from AGREEING on.
        convicted: a node that is proven to have dealt wrongly, or nothing; ``evidence`` names the proof.
        published_at: the moment that the release bears, fixed when publishing begins.
        ended_at: when it was published or abandoned.
        begun_seq, ended_seq: the events of ``published_at`` and ``ended_at``: clocks can be set back, the
            order of the log cannot. 0 before there is one.
        corrections: further releases from its sums, oldest first; only the last can be incomplete.
        errata: what was found to be wrong in its releases, oldest first.
    """

    round_id: RoundId
    opened: RoundOpened
    opened_at: datetime
    phase: RoundPhase = RoundPhase.GATHERING
    present: frozenset[str] = frozenset()
    arrived: Mapping[str, str] = field(default_factory=dict)
    start: str = ""
    sum_phase: SumPhase = SumPhase.NONE
    course: tuple[Step, ...] = ()
    posted: Mapping[Kind, Mapping[str, str]] = field(default_factory=dict)
    survivors: tuple[str, ...] = ()
    total: Totalled | None = None
    convicted: str = ""
    evidence: str = ""
    publishing: Publishing | None = None
    published_at: datetime | None = None
    manifest: str = ""
    reason: str = ""
    ended_at: datetime | None = None
    begun_seq: int = 0
    ended_seq: int = 0
    corrections: tuple[Remade, ...] = ()
    errata: tuple[Issued, ...] = ()

    @property
    def secure(self) -> bool:
        """Whether nothing but a sum becomes known of it."""
        return self.opened.mode is Mode.SECURE_SUM

    def senders(self, kind: Kind) -> frozenset[str]:
        """Who has handed in a message of this kind."""
        return frozenset(self.posted.get(kind, ()))

    @property
    def release_id(self) -> str:
        """The release's name once it is published, else nothing."""
        done = self.phase is RoundPhase.PUBLISHED and self.publishing is not None
        return self.publishing.release_id if done and self.publishing is not None else ""


Rounds = Mapping[RoundId, Round]


@dataclass(frozen=True, slots=True)
class Attend:
    """A node says that it takes part."""

    node: str


@dataclass(frozen=True, slots=True)
class Contribute:
    """A node hands in a vector, by the digest of its signed statement."""

    node: str
    statement: Digest


@dataclass(frozen=True, slots=True)
class Collect:
    """A person or a flow ends the gathering.

    Attributes:
        start: names the signed start that a secure sum then has; None when no time is left for one.
    """

    start: Digest | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes; ``start`` as for ``Collect``."""

    start: Digest | None = None


@dataclass(frozen=True, slots=True)
class Publish:
    """Begin a release under this name."""

    release_id: str
    supersedes: str | None


@dataclass(frozen=True, slots=True)
class Finish:
    """The release directory is complete."""

    manifest: Digest


@dataclass(frozen=True, slots=True)
class Abandon:
    """End the round without a release."""

    reason: str


Command = Attend | Contribute | Collect | Tick | Publish | Finish | Abandon


def decide(round_: Round, command: Command, now: datetime) -> tuple[Body, ...]:
    """The events that follow from a command; none when it has been carried out before.

    Raises:
        Refusal: too late, too early, too few, or a node that is not of this round.
        Contradiction: a node says something else than before.
    """
    match command:
        case Attend():
            return _attend(round_, command, now)
        case Contribute():
            return _contribute(round_, command, now)
        case Collect():
            return _collect(round_, command)
        case Tick():
            return _tick(round_, command, now)
        case Publish():
            return _publish(round_, command)
        case Finish():
            return _finish(round_, command)
        case Abandon():
            return _abandon(round_, command)
        case _:
            assert_never(command)


def fold(rounds: Rounds, event: Event) -> Rounds:
    """All rounds after one more event; events of the register change nothing here.

    Raises:
        LocalFault: the log tells of something that cannot have happened.
    """
    if isinstance(event.body, RoundOpened):
        round_id = RoundId(event.subject)
        return {**rounds, round_id: Round(round_id, event.body, event.at)}
    if type(event.body) not in _OF_ROUNDS:
        return rounds
    held = rounds.get(RoundId(event.subject))
    phase = NEXT.get((held.phase, type(event.body))) if held is not None else None
    if held is None or phase is None:
        raise LocalFault(f"event {event.seq} of the log cannot follow on those before it")
    return {**rounds, held.round_id: replace(_applied(held, event), phase=phase)}


_OF_ROUNDS = frozenset(kind for _, kind in NEXT)


def takes(round_: Round, node: str, kind: Kind, message: Digest) -> bool:
    """Whether a message of a secure sum is to be taken now; False when exactly it is stored already.

    A message names the bytes beside it under its signature, so it alone says whether it is the same.

    Raises:
        PeerError: this round is no secure sum.
        Contradiction: another message of this kind is stored.
        Refusal: DEADLINE, when it is too early or too late for it, or the node was not present in time.
    """
    if not round_.secure:
        raise PeerError("this round is in individual mode: it takes contributions")
    held = round_.posted.get(kind, {}).get(node)
    if held is not None:
        if held != message:
            raise Contradiction(f"another {kind} of this institution is stored for this round")
        return False
    if node not in round_.present:
        raise Refusal(Reason.DEADLINE, "this institution did not say in time that it takes part in the round")
    if round_.phase is not RoundPhase.COLLECTING or TAKEN.get(round_.sum_phase) is not kind:
        where = round_.sum_phase if round_.phase is RoundPhase.COLLECTING else round_.phase
        raise Refusal(Reason.DEADLINE, f"no {kind} is taken now: the round is {where.name.lower()}")
    return True


def _attend(round_: Round, command: Attend, now: datetime) -> tuple[Body, ...]:
    if command.node not in round_.opened.invited:
        raise Refusal(Reason.ROSTER_MISMATCH, "this institution is not on the roster of the round")
    if command.node in round_.present:
        return ()
    if round_.phase is not RoundPhase.GATHERING or now >= round_.opened.gather_until:
        raise Refusal(Reason.DEADLINE, "gathering for this round is over")
    return (Present(node=command.node),)


def _contribute(round_: Round, command: Contribute, now: datetime) -> tuple[Body, ...]:
    if round_.secure:
        raise PeerError("this round is a secure sum: it takes no vector that can be read")
    if command.node in round_.arrived:
        if round_.arrived[command.node] == command.statement:
            return ()
        raise Contradiction("another vector of this institution is stored for this round")
    if command.node not in round_.present:
        raise Refusal(Reason.DEADLINE, "this institution did not say in time that it takes part in the round")
    if round_.phase is RoundPhase.GATHERING:
        raise Refusal(Reason.DEADLINE, "this round does not collect yet")
    if round_.phase is not RoundPhase.COLLECTING or now >= round_.opened.collect_until:
        raise Refusal(Reason.DEADLINE, "collecting for this round is over")
    arrival = Contributed(node=command.node, statement=command.statement)
    if round_.present <= {*round_.arrived, command.node}:
        return arrival, Summed()
    return (arrival,)


def _collect(round_: Round, command: Collect) -> tuple[Body, ...]:
    if round_.phase is RoundPhase.ABANDONED:
        raise Refusal(Reason.DEADLINE, "this round was abandoned")
    if round_.phase is not RoundPhase.GATHERING:
        return ()
    if len(round_.present) < round_.opened.institutions_min:
        raise Refusal(
            Reason.PARAMETER_BELOW_FLOOR,
            f"{len(round_.present)} institutions are present, {round_.opened.institutions_min} are needed",
        )
    if round_.secure and command.start is None:
        raise Refusal(Reason.DEADLINE, _NO_TIME)
    return _begun(round_, command.start)


def _tick(round_: Round, command: Tick, now: datetime) -> tuple[Body, ...]:
    least = round_.opened.institutions_min
    if round_.phase is RoundPhase.GATHERING and now >= round_.opened.gather_until:
        if len(round_.present) < least:
            why = f"{len(round_.present)} institutions were present in time, {least} are needed"
            return (Abandoned(reason=why),)
        if round_.secure and command.start is None:
            return (Abandoned(reason=_NO_TIME),)
        return _begun(round_, command.start)
    # The steps of a secure sum have deadlines of their own, which its machine knows.
    if round_.phase is RoundPhase.COLLECTING and not round_.secure and now >= round_.opened.collect_until:
        if len(round_.arrived) >= least:
            return (Summed(),)
        return (Abandoned(reason=f"{len(round_.arrived)} vectors arrived in time, {least} are needed"),)
    return ()


_NO_TIME = "the coordinator was not there when the gathering ended: too little time is left for the sum"


def _begun(round_: Round, start: Digest | None) -> tuple[Body, ...]:
    if not round_.secure:
        return (Collecting(),)
    assert start is not None, "asked for before"
    return Collecting(), Started(envelope=start)


def _publish(round_: Round, command: Publish) -> tuple[Body, ...]:
    if round_.publishing is not None and round_.phase is not RoundPhase.ABANDONED:
        return ()
    if round_.phase is not RoundPhase.SUMMED:
        raise Refusal(
            Reason.DEADLINE, f"there is no national sum to publish: this round is {round_.phase.name.lower()}"
        )
    return (Publishing(release_id=command.release_id, supersedes=command.supersedes),)


def _finish(round_: Round, command: Finish) -> tuple[Body, ...]:
    if round_.phase is RoundPhase.PUBLISHED and round_.manifest == command.manifest:
        return ()
    if round_.phase is not RoundPhase.SUMMED or round_.publishing is None:
        raise Refusal(Reason.DEADLINE, "this round is not being published")
    return (Published(release_id=round_.publishing.release_id, manifest=command.manifest),)


def _abandon(round_: Round, command: Abandon) -> tuple[Body, ...]:
    if round_.phase is RoundPhase.ABANDONED:
        return ()
    if round_.phase is RoundPhase.PUBLISHED:
        raise Refusal(Reason.DEADLINE, "this round is published and stays so")
    return (Abandoned(reason=command.reason),)


def _applied(round_: Round, event: Event) -> Round:
    match event.body:
        case Present(node=node):
            return replace(round_, present=round_.present | {node})
        case Contributed(node=node, statement=statement):
            return replace(round_, arrived={**round_.arrived, node: statement})
        case Started(envelope=envelope):
            return replace(round_, start=envelope, sum_phase=SumPhase.ADVERTISING)
        case MessagePosted() | RollCalled() | TimePassed():
            return _told(round_, Step(event.at, event.body))
        case SumTurned(phase=phase, survivors=survivors):
            return replace(round_, sum_phase=SumPhase[phase.upper()], survivors=survivors or round_.survivors)
        case DealerConvicted(node=node, evidence=evidence):
            return replace(round_, convicted=node, evidence=evidence)
        case Totalled() as body:
            return replace(round_, total=body)
        case Publishing() as body:
            return replace(round_, publishing=body, published_at=event.at, begun_seq=event.seq)
        case Published() as body:
            return replace(round_, manifest=body.manifest, ended_at=event.at, ended_seq=event.seq)
        case Abandoned(reason=reason):
            return replace(round_, reason=reason, ended_at=event.at, ended_seq=event.seq)
        case Correcting() as body:
            return replace(round_, corrections=(*round_.corrections, Remade(body, event.at)))
        case Corrected(manifest=manifest):
            *before, last = round_.corrections
            done = replace(last, manifest=manifest, ended_at=event.at)
            return replace(round_, corrections=(*before, done))
        case ErratumIssued() as body:
            return replace(round_, errata=(*round_.errata, Issued(event.at, body)))
        case _:
            return round_


def _told(round_: Round, step: Step) -> Round:
    after = replace(round_, course=(*round_.course, step))
    if not isinstance(step.told, MessagePosted):
        return after
    kind, node, message = Kind(step.told.kind), step.told.node, step.told.message
    posted = {**round_.posted, kind: {**round_.posted.get(kind, {}), node: message}}
    if kind is Kind.UPLOAD:
        return replace(after, posted=posted, arrived={**round_.arrived, node: message})
    return replace(after, posted=posted)
