"""A round from its opening to its release: a pure fold of events, and the decisions that make them.

``decide`` says what follows from a command, ``fold`` what an event makes of a
round. Neither writes, waits or reads a clock. A refused command changes
nothing; a repeated one changes nothing either.
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
    Event,
    Present,
    Published,
    Publishing,
    RoundOpened,
    Summed,
)
from samentel.errors import LocalFault, Reason, Refusal
from samentel.ids import Digest, Period, RoundId
from samentel.wire.messages import RoundPhase

# What may happen in which phase, and where it leads.
NEXT: Mapping[tuple[RoundPhase, type[Body]], RoundPhase] = {
    (RoundPhase.GATHERING, Present): RoundPhase.GATHERING,
    (RoundPhase.GATHERING, Collecting): RoundPhase.COLLECTING,
    (RoundPhase.GATHERING, Abandoned): RoundPhase.ABANDONED,
    (RoundPhase.COLLECTING, Contributed): RoundPhase.COLLECTING,
    (RoundPhase.COLLECTING, Summed): RoundPhase.SUMMED,
    (RoundPhase.COLLECTING, Abandoned): RoundPhase.ABANDONED,
    (RoundPhase.SUMMED, Publishing): RoundPhase.SUMMED,
    (RoundPhase.SUMMED, Published): RoundPhase.PUBLISHED,
    (RoundPhase.SUMMED, Abandoned): RoundPhase.ABANDONED,
}
OVER = frozenset({RoundPhase.PUBLISHED, RoundPhase.ABANDONED})


@dataclass(frozen=True, slots=True)
class Round:
    """Where one round stands.

    Attributes:
        present: the nodes that said they take part.
        arrived: by node, the digest of its signed contribution statement.
        published_at: the moment that the release bears, fixed when publishing begins.
        ended_at: when it was published or abandoned.
    """

    round_id: RoundId
    opened: RoundOpened
    opened_at: datetime
    phase: RoundPhase = RoundPhase.GATHERING
    present: frozenset[str] = frozenset()
    arrived: Mapping[str, str] = field(default_factory=dict)
    publishing: Publishing | None = None
    published_at: datetime | None = None
    manifest: str = ""
    reason: str = ""
    ended_at: datetime | None = None

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
    """A person or a flow ends the gathering."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes."""


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
            return _collect(round_)
        case Tick():
            return _tick(round_, now)
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


def attempt_wanted(rounds: Rounds, programme: str, period: Period, asked: int, most: int) -> Round | int:
    """The round that a request to open one means, or the number of the attempt to open.

    Args:
        asked: an attempt by its number, or 0 for the one that is open, published, or the first.
        most: the programme's max_attempts.

    Raises:
        Refusal: this attempt may not be opened.
    """
    tried = {
        round_.opened.attempt: round_
        for round_ in rounds.values()
        if (round_.opened.programme, round_.opened.period) == (programme, period)
    }
    last = max(tried, default=0)
    if asked in tried:
        return tried[asked]
    if last and tried[last].phase is not RoundPhase.ABANDONED:
        if asked == 0:
            return tried[last]
        raise Refusal(
            Reason.ATTEMPT_OUT_OF_ORDER,
            f"attempt {last} of {period} is not abandoned: there is no attempt {asked}",
        )
    if last >= most:
        raise Refusal(
            Reason.ATTEMPT_OUT_OF_ORDER,
            f"all {most} attempts that the programme allows for {period} are used",
        )
    if last and asked == 0:
        raise Refusal(
            Reason.ATTEMPT_OUT_OF_ORDER,
            f"attempt {last} of {period} was abandoned; another attempt costs institutions a fresh charge: "
            f"ask for attempt {last + 1} explicitly",
        )
    if asked not in (0, last + 1):
        raise Refusal(Reason.ATTEMPT_OUT_OF_ORDER, f"the next attempt of {period} is {last + 1}, not {asked}")
    return last + 1


def _attend(round_: Round, command: Attend, now: datetime) -> tuple[Body, ...]:
    if command.node not in round_.opened.invited:
        raise Refusal(Reason.ROSTER_MISMATCH, "this institution is not on the roster of the round")
    if command.node in round_.present:
        return ()
    if round_.phase is not RoundPhase.GATHERING or now >= round_.opened.gather_until:
        raise Refusal(Reason.DEADLINE, "gathering for this round is over")
    return (Present(node=command.node),)


def _contribute(round_: Round, command: Contribute, now: datetime) -> tuple[Body, ...]:
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


def _collect(round_: Round) -> tuple[Body, ...]:
    if round_.phase is RoundPhase.ABANDONED:
        raise Refusal(Reason.DEADLINE, "this round was abandoned")
    if round_.phase is not RoundPhase.GATHERING:
        return ()
    if len(round_.present) < round_.opened.institutions_min:
        raise Refusal(
            Reason.PARAMETER_BELOW_FLOOR,
            f"{len(round_.present)} institutions are present, {round_.opened.institutions_min} are needed",
        )
    return (Collecting(),)


def _tick(round_: Round, now: datetime) -> tuple[Body, ...]:
    least = round_.opened.institutions_min
    if round_.phase is RoundPhase.GATHERING and now >= round_.opened.gather_until:
        if len(round_.present) >= least:
            return (Collecting(),)
        return (
            Abandoned(reason=f"{len(round_.present)} institutions were present in time, {least} are needed"),
        )
    if round_.phase is RoundPhase.COLLECTING and now >= round_.opened.collect_until:
        if len(round_.arrived) >= least:
            return (Summed(),)
        return (Abandoned(reason=f"{len(round_.arrived)} vectors arrived in time, {least} are needed"),)
    return ()


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
        case Publishing() as body:
            return replace(round_, publishing=body, published_at=event.at)
        case Published() as body:
            return replace(round_, manifest=body.manifest, ended_at=event.at)
        case Abandoned(reason=reason):
            return replace(round_, reason=reason, ended_at=event.at)
        case _:
            return round_
