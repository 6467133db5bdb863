"""What can happen, one thing at a time. A schedule is a list of these; printed, it is Python again."""

from dataclasses import dataclass
from enum import Enum, auto


class Word(Enum):
    """An enumeration that prints as it is written."""

    def __repr__(self) -> str:
        return str(self)


class Point(Word):
    """Where a node dies."""

    BEFORE_WRITE = auto()
    AFTER_WRITE = auto()  # written, and nothing has been sent
    BEFORE_CALL = auto()
    AFTER_CALL = auto()  # answered, and nothing has been written


class Way(Word):
    """Which half of a call is changed on its way."""

    REQUEST = auto()
    ANSWER = auto()


class Lie(Word):
    """What a node is shown in another form than the others."""

    LISTING = auto()  # without somebody
    DELIVERY = auto()  # without somebody
    PROPOSAL = auto()  # another set under the coordinator's key, once there are masked counts enough
    UNANIMITY = auto()  # agreements, whatever they agree to
    RESULT = auto()  # of another set
    HEAD = auto()  # that it knows of no later ledger of this node


@dataclass(frozen=True)
class Deliver:
    """The node asks for news and acts upon it, once. A daemon that is down is started first."""

    node: int


@dataclass(frozen=True)
class Everybody:
    """Each node in turn does so, ``first`` first."""

    first: int


@dataclass(frozen=True)
class DropRequest:
    """The node's nth call from now on does not arrive."""

    node: int
    nth: int


@dataclass(frozen=True)
class DropReply:
    """The node's nth call from now on is answered, and the node does not hear it."""

    node: int
    nth: int


@dataclass(frozen=True)
class Duplicate:
    """The last thing that the node handed in arrives again."""

    node: int


@dataclass(frozen=True)
class Reorder:
    """Something that the node handed in earlier, or that was lost on its way, arrives now."""

    node: int
    back: int


@dataclass(frozen=True)
class Restart:
    """The node's daemon stops and starts."""

    node: int


@dataclass(frozen=True)
class RestartCoordinator:
    """The coordinator's daemon stops and starts."""


@dataclass(frozen=True)
class Crash:
    """The node dies at its nth write or call from now on."""

    node: int
    at: Point
    nth: int


@dataclass(frozen=True)
class CrashCoordinator:
    """The coordinator dies at its nth write from now on and is started again; whoever calls hears nothing."""

    written: bool
    nth: int


@dataclass(frozen=True)
class Advance:
    """Time passes."""

    seconds: int


@dataclass(frozen=True)
class Tamper:
    """One byte of the node's nth call from now on is changed on its way: as a lying coordinator can."""

    node: int
    way: Way
    nth: int
    byte: int


@dataclass(frozen=True)
class Equivocate:
    """From now on the node is shown this, wherever it can be made; ``choice`` says who is left out."""

    node: int
    lie: Lie
    choice: int


@dataclass(frozen=True)
class Replay:
    """The node hands in, as its own of the latest round, what is of another round or of somebody else."""

    node: int
    choice: int


@dataclass(frozen=True)
class Restore:
    """The node's folder is put back as it was before the first round, and its daemon started."""

    node: int


@dataclass(frozen=True)
class Leave:
    """The node falls out: nothing is heard of it until ``LateJoin``, or until all wait for it in the end."""

    node: int


@dataclass(frozen=True)
class LateJoin:
    """The node is there again; where nothing says that it has left, it was not there before."""

    node: int


@dataclass(frozen=True)
class Revoke:
    """The coordinator makes the node's certificate worthless."""

    node: int


@dataclass(frozen=True)
class Withdraw:
    """The institution takes its approval back."""

    node: int


@dataclass(frozen=True)
class Pause:
    """A person stops the node from taking part."""

    node: int


@dataclass(frozen=True)
class Resume:
    """A person ends that."""

    node: int


@dataclass(frozen=True)
class OpenRound:
    """The next attempt where the last round was given up, else the next period."""


@dataclass(frozen=True)
class Collect:
    """An administrator ends the gathering of every round."""


@dataclass(frozen=True)
class Abandon:
    """An administrator gives up the latest round."""


@dataclass(frozen=True)
class Publish:
    """Every round that has a sum is published."""


Operation = (
    Deliver
    | Everybody
    | DropRequest
    | DropReply
    | Duplicate
    | Reorder
    | Restart
    | RestartCoordinator
    | Crash
    | CrashCoordinator
    | Advance
    | Tamper
    | Equivocate
    | Replay
    | Restore
    | Leave
    | LateJoin
    | Revoke
    | Withdraw
    | Pause
    | Resume
    | OpenRound
    | Collect
    | Abandon
    | Publish
)
Schedule = tuple[Operation, ...]
