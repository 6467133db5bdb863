"""What to do next about a round, from its phase and this node's own state alone: a table, and no effects."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto
from math import ceil

from node.store import RoundRecord, State
from samentel.documents.programme import Mode
from samentel.wire.messages import RoundPhase


class Step(Enum):
    """The next thing to do about a round."""

    NOTHING = auto()
    JOIN = auto()  # decide, prepare the codes, write the presence, send it
    ANNOUNCE = auto()  # send the presence that is written
    REPEAT = auto()  # on a new connection, send the presence again: the coordinator may have lost it
    RELEASE = auto()  # decide, draw, write the debit and the vector; then send
    SEND = auto()  # send the vector that is written, byte for byte
    SUM = auto()  # go on with the secure sum, as far as there are letters
    FINISH_SUM = auto()  # the same, and whatever of it is still open ends; then as below
    BOOK_PUBLISHED = auto()
    MISS = auto()  # over without us
    ABANDON = auto()


_OVER: Mapping[State, Step] = {
    State.NONE: Step.MISS,
    State.REFUSED: Step.MISS,
    State.ANNOUNCED: Step.MISS,
    State.PRESENT: Step.MISS,
    State.RELEASED: Step.SEND,  # the receipt may have been lost; what is spent may as well count
}
_GATHERING: Mapping[State, Step] = {
    State.NONE: Step.JOIN,
    State.REFUSED: Step.JOIN,
    State.ANNOUNCED: Step.ANNOUNCE,
    State.PRESENT: Step.REPEAT,
}
_ABANDONED: Mapping[State, Step] = dict.fromkeys(
    (State.NONE, State.REFUSED, State.ANNOUNCED, State.PRESENT, State.JOINED, State.RELEASED), Step.ABANDON
)
STEPS: Mapping[RoundPhase, Mapping[State, Step]] = {
    RoundPhase.GATHERING: _GATHERING,
    RoundPhase.COLLECTING: {
        State.NONE: Step.MISS,
        State.REFUSED: Step.MISS,
        State.ANNOUNCED: Step.ANNOUNCE,  # the coordinator knows whether it had arrived
        State.PRESENT: Step.RELEASE,
        State.RELEASED: Step.SEND,
    },
    RoundPhase.SUMMED: _OVER,
    RoundPhase.PUBLISHED: _OVER,
    RoundPhase.ABANDONED: _ABANDONED,
}
# Who has not spent by the time that there is a sum is not in it: everybody in it had to agree.
_SUMMED = {**dict.fromkeys(_OVER, Step.MISS), State.JOINED: Step.MISS}
SUM_STEPS: Mapping[RoundPhase, Mapping[State, Step]] = {
    RoundPhase.GATHERING: _GATHERING,
    RoundPhase.COLLECTING: {
        State.NONE: Step.MISS,
        State.REFUSED: Step.MISS,
        State.ANNOUNCED: Step.ANNOUNCE,
        State.PRESENT: Step.SUM,
        State.JOINED: Step.SUM,
        State.RELEASED: Step.SUM,
    },
    RoundPhase.SUMMED: {**_SUMMED, State.RELEASED: Step.SUM},
    RoundPhase.PUBLISHED: {**_SUMMED, State.RELEASED: Step.FINISH_SUM},
    RoundPhase.ABANDONED: _ABANDONED,
}
ROADS = {Mode.INDIVIDUAL: STEPS, Mode.SECURE_SUM: SUM_STEPS}


def next_step(phase: RoundPhase, record: RoundRecord, mode: Mode = Mode.INDIVIDUAL) -> Step:
    """What to do now; a round that is over for us asks for nothing."""
    step = ROADS[mode][phase].get(record.state, Step.NOTHING)
    if step is Step.SEND and record.receipt is not None:
        return Step.BOOK_PUBLISHED if phase is RoundPhase.PUBLISHED else Step.NOTHING
    return step


def wait_for_tick(now: datetime, tick_seconds: float) -> float:
    """Seconds until the next multiple of the tick in UTC: the time of sending tells nothing of rows."""
    seconds = now.timestamp()
    return ceil(seconds / tick_seconds) * tick_seconds - seconds
