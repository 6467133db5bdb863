"""What a round's status says to a person: where it stands, who is waited for, what its end costs whom.

Words only: nothing is asked or written here. Flows and the command line show
the same ones. Who takes part is public, so names may be said; a status holds
nothing of anybody's records.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from samentel.documents.programme import Mode
from samentel.wire.messages import RoundPhase, RoundStatus, SumPhase

SHORT = 12  # characters of a round id that people are shown
NAMED = 5  # names in one line; the rest is a number
ATTEMPTS = 5  # the most that any programme may allow


@dataclass(frozen=True, slots=True)
class Step:
    """What a round waits for now.

    Attributes:
        name: in a word or two.
        said: what those that are done have done.
        done: how many institutions, ``of`` how many.
        awaited: the others that are waited for, in order of name.
        until: a moment as the coordinator wrote it; empty without one.
    """

    name: str
    said: str
    done: int
    of: int
    awaited: tuple[str, ...]
    until: str

    def __str__(self) -> str:
        counted = f"{self.name}: {self.done} of {self.of} institutions {self.said}"
        waiting = f"; waiting for {named(self.awaited)}" if self.awaited else ""
        return f"{counted}{waiting}{f' until {clock(self.until)}' if self.until else ''}"


@dataclass(frozen=True, slots=True)
class Cost:
    """Who has spent privacy for a round, whatever becomes of it.

    Attributes:
        spent: those whose word is here.
        perhaps: those that may have, and whose answer is not here.
        sure: whether it is certain that nobody else has.
    """

    spent: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    sure: bool = True

    @property
    def nothing(self) -> bool:
        """Whether nobody has spent anything, for certain."""
        return self.sure and not self.spent and not self.perhaps

    def __str__(self) -> str:
        """The cost with every name: whoever gives a round up must be able to tell each of them."""
        return self.told(len(self.spent) + len(self.perhaps))

    def told(self, most: int = NAMED) -> str:
        """A sentence or two, with at most so many names of each kind."""
        if self.nothing:
            return "Nobody has spent anything: held losses are freed, but for the local one."
        if not self.spent and not self.perhaps:
            return (
                "Nobody is known to have spent anything for it; where institutions add the whole noise "
                "themselves, one that was about to send may have spent all the same."
            )
        said = [f"{_have_spent(len(self.spent))} of this attempt{_listed(self.spent, most)}"]
        if self.perhaps:
            may = f"{len(self.perhaps)} {'more ' if self.spent else ''}may have"
            said.append(f"{may}, their answer is not here yet{_listed(self.perhaps, most)}")
        return f"{'; '.join(said)}; another attempt costs a fresh charge."


def step_of(status: RoundStatus) -> Step | None:
    """What the round waits for; None once there is a sum, or will never be one."""
    if status.phase is RoundPhase.GATHERING:
        missing = _without(status.invited, status.present)
        counts = (len(status.present), len(status.invited))
        return Step("gathering", "are present", *counts, missing, status.gather_until)
    if status.phase is not RoundPhase.COLLECTING:
        return None
    if not is_sum(status):
        missing = _without(status.present, status.arrived)
        counts = (len(status.arrived), len(status.present))
        return Step("collecting", "have handed in", *counts, missing, status.collect_until)
    row = _ROLL_CALL if _all_uploaded(status) else _ROWS.get(status.sum_phase)
    if row is None:
        return None
    name, said, done, of = row
    return Step(name, said, done(status), of(status), tuple(sorted(status.awaited)), status.step_until)


def news(status: RoundStatus) -> str:
    """One line that says where the round stands."""
    step = step_of(status)
    if step is not None:
        return str(step)
    if status.phase is RoundPhase.ABANDONED:
        return f"ended without a release: {status.reason}"
    said = f"{len(in_sum(status))} of {len(status.present)} institutions that were present are in the sum"
    return f"published as {status.release_id}: {said}" if status.release_id else f"the sum is known: {said}"


def is_sum(status: RoundStatus) -> bool:
    """Whether nothing but a sum becomes known in this round."""
    return status.mode == Mode.SECURE_SUM


def in_sum(status: RoundStatus) -> tuple[str, ...]:
    """The institutions that the national sum adds up; none while there is no sum."""
    if status.phase not in (RoundPhase.SUMMED, RoundPhase.PUBLISHED):
        return ()
    return status.survivors if is_sum(status) else status.arrived


def cost_of(status: RoundStatus) -> Cost:
    """What the round has cost so far. It can only become more."""
    if is_sum(status):
        # A node spends when it agrees to the proposed set; before that its loss is only held.
        return Cost(status.agreed, _without(status.survivors, status.agreed))
    if status.phase is RoundPhase.GATHERING:
        return Cost()
    if status.phase is RoundPhase.ABANDONED and not status.arrived:
        return Cost(sure=False)  # it may have ended before anybody was asked, or just after
    return Cost(status.arrived, _without(status.present, status.arrived))


def ending(status: RoundStatus, programme: str = "") -> str:
    """Why an abandoned round ended, what it cost, and what to do.

    Args:
        programme: the name to write in the next command; by default its digest.
    """
    short = status.round_id[:SHORT]
    why = f"round {short}, attempt {status.attempt}, ended without a release: {status.reason}. "
    look = f" Who was missing: samentel-aggregator round show {short}."
    if status.attempt >= ATTEMPTS:
        return f"{why}{cost_of(status).told()}{look}"
    again = f"samentel-aggregator round run {programme or status.programme_digest} {status.period}"
    return f"{why}{cost_of(status).told()}{look} Another attempt: {again} --attempt {status.attempt + 1}"


def named(names: Sequence[str], most: int = NAMED) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def clock(moment: str) -> str:
    """A moment of the wire as a person reads it."""
    try:
        read = datetime.fromisoformat(moment).astimezone(UTC)
    except ValueError:
        return moment
    return f"{read:%Y-%m-%d %H:%M:%S} UTC"


_Number = Callable[[RoundStatus], int]
_Row = tuple[str, str, _Number, _Number]

# By what the coordinator gathers: name, what those that are done have done, how many they are, of how many.
_ROWS: Mapping[SumPhase, _Row] = {
    SumPhase.ADVERTISING: (
        "keys",
        "have handed in their keys",
        lambda status: len(status.listed),
        lambda status: len(status.present),
    ),
    SumPhase.SHARING: (
        "dealings",
        "have shared their secrets among the others",
        lambda status: len(status.dealt),
        lambda status: len(status.listed),
    ),
    SumPhase.MASKING: (
        "masked counts",
        "have handed in their masked counts",
        lambda status: len(status.arrived),
        lambda status: len(status.dealt),
    ),
    SumPhase.AGREEING: (
        "agreement",
        "have agreed to exactly this sum",
        lambda status: len(status.agreed),
        lambda status: len(status.survivors),
    ),
    SumPhase.REVEALING: (
        "unmasking",
        "have helped to take the masks off",
        lambda status: len(_without(status.survivors, status.awaited)),
        lambda status: len(status.survivors),
    ),
}
_ROLL_CALL: _Row = (
    "roll call",
    "have been heard from since the last masked counts",
    lambda status: len(_without(status.arrived, status.awaited)),
    lambda status: len(status.arrived),
)


def _all_uploaded(status: RoundStatus) -> bool:
    waited = set(status.awaited)
    return status.sum_phase is SumPhase.MASKING and bool(waited) and waited <= set(status.arrived)


def _without(names: Collection[str], others: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names) - set(others)))


def _have_spent(number: int) -> str:
    if number == 0:
        return "No institution is known to have spent its share"
    return (
        f"{number} institutions have spent their share" if number > 1 else "1 institution has spent its share"
    )


def _listed(names: Sequence[str], most: int) -> str:
    return f": {named(names, most)}" if names else ""
