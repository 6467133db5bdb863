"""Random schedules, the search for a shorter one that fails as well, and how a failing one is printed."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from simulated import operations as op
from simulated.operations import Lie, Operation, Point, Schedule, Way
from simulated.plays import played
from simulated.world import Outcome

Make = Callable[[random.Random, int], Operation]
TRIES = 150
# How long a pause is: a breath, past a roll call, past the time within which a restart may still count, past
# the deadline of one step, of all masked counts, of the round.
PAUSES = (2, 40, 700, 1900, 7300, 90_000)
RARE_PAUSES = (1, 1, 1, 1, 0.5, 0.3)


def _who(chance: random.Random, size: int) -> int:
    return chance.randrange(size)


def _nth(chance: random.Random) -> int:
    return chance.choice((1, 1, 2, 2, 3, 4, 5, 7))


MAKE: dict[type, Make] = {
    op.Deliver: lambda chance, n: op.Deliver(_who(chance, n)),
    op.Everybody: lambda chance, n: op.Everybody(_who(chance, n)),
    op.DropRequest: lambda chance, n: op.DropRequest(_who(chance, n), _nth(chance)),
    op.DropReply: lambda chance, n: op.DropReply(_who(chance, n), _nth(chance)),
    op.Duplicate: lambda chance, n: op.Duplicate(_who(chance, n)),
    op.Reorder: lambda chance, n: op.Reorder(_who(chance, n), chance.randrange(1, 6)),
    op.Restart: lambda chance, n: op.Restart(_who(chance, n)),
    op.RestartCoordinator: lambda *_: op.RestartCoordinator(),
    op.Crash: lambda chance, n: op.Crash(_who(chance, n), chance.choice(list(Point)), _nth(chance)),
    op.CrashCoordinator: lambda chance, _: op.CrashCoordinator(chance.random() < 0.5, _nth(chance)),
    op.Advance: lambda chance, _: op.Advance(chance.choices(PAUSES, RARE_PAUSES)[0]),
    op.Tamper: lambda chance, n: op.Tamper(
        _who(chance, n), chance.choice(list(Way)), _nth(chance), chance.randrange(3000)
    ),
    op.Restore: lambda chance, n: op.Restore(_who(chance, n)),
    op.Equivocate: lambda chance, n: op.Equivocate(
        _who(chance, n), chance.choice(list(Lie)), chance.randrange(n)
    ),
    op.Replay: lambda chance, n: op.Replay(_who(chance, n), chance.randrange(100)),
    op.Leave: lambda chance, n: op.Leave(_who(chance, n)),
    op.LateJoin: lambda chance, n: op.LateJoin(_who(chance, n)),
    op.Revoke: lambda chance, n: op.Revoke(_who(chance, n)),
    op.Withdraw: lambda chance, n: op.Withdraw(_who(chance, n)),
    op.Pause: lambda chance, n: op.Pause(_who(chance, n)),
    op.Resume: lambda chance, n: op.Resume(_who(chance, n)),
    op.Collect: lambda *_: op.Collect(),
    op.Abandon: lambda *_: op.Abandon(),
    op.Publish: lambda *_: op.Publish(),
    op.OpenRound: lambda *_: op.OpenRound(),
}
_WORK = {op.Deliver: 10.0, op.Everybody: 5.0}
_LINE = {op.DropRequest: 2.0, op.DropReply: 2.0, op.Duplicate: 1.0, op.Reorder: 1.0}
_DEATH = {op.Restart: 1.0, op.RestartCoordinator: 0.5, op.Crash: 3.0, op.CrashCoordinator: 1.0}
_PEOPLE = {
    op.Pause: 0.5,
    op.Resume: 0.7,
    op.Withdraw: 0.3,
    op.Revoke: 0.3,
    op.LateJoin: 0.7,
    op.Leave: 0.7,
    op.Abandon: 0.2,
    op.Restore: 0.4,
}
_LIES = {op.Tamper: 1.0, op.Equivocate: 4.0, op.Replay: 1.0}
# How a list leans, and how many of each hundred do.
LEANINGS: tuple[tuple[dict[type, float], int], ...] = (
    ({**_WORK, **_LINE, **_DEATH}, 35),
    ({**_WORK, **_LINE, **_DEATH, op.Advance: 1.5}, 10),
    ({**_WORK, **_LINE, **_PEOPLE, op.Crash: 1.0, op.Advance: 0.7}, 15),
    ({**_WORK, op.Leave: 2.0, op.LateJoin: 0.2, op.Crash: 0.7, op.DropReply: 0.7}, 15),
    ({**_WORK, **_LIES, op.Restart: 1.0, op.Crash: 1.0, op.DropReply: 1.0, op.Restore: 0.3}, 25),
)


@dataclass(frozen=True)
class Drawn:
    """A schedule with what else it takes to play it."""

    seed: int
    size: int
    schedule: Schedule


def drawn(seed: int) -> Drawn:
    """The schedule of a seed: one round, and for some a second after it."""
    chance = random.Random(f"schedule {seed}")
    size = chance.choices((3, 4, 5), (3, 5, 1))[0]
    weights = chance.choices([one for one, _ in LEANINGS], [share for _, share in LEANINGS])[0]
    listed = _one_round(chance, size, weights)
    if chance.random() < 0.15:
        ending = [op.Everybody(0)] * 5 if chance.random() < 0.6 else [op.Abandon()]
        listed += [*ending, op.Publish(), op.OpenRound(), *_one_round(chance, size, weights)]
    return Drawn(seed, size, tuple(listed))


def _one_round(chance: random.Random, size: int, weights: dict[type, float]) -> list[Operation]:
    gathering = [op.Everybody(_who(chance, size)), *_some(chance, size, weights, chance.randrange(4))]
    chance.shuffle(gathering)
    first: list[Operation] = []
    if op.Equivocate in weights and chance.random() < 0.5:
        first = _divided(chance, size)
    elif op.Leave in weights and chance.random() < 0.5:
        first = [op.Everybody(_who(chance, size))] * 2  # all have dealt: who leaves now can be left out
    return [*gathering, op.Collect(), *first, *_some(chance, size, weights, chance.randrange(4, 19))]


def _divided(chance: random.Random, size: int) -> list[Operation]:
    """Two sets, each shown to some, and agreements whatever they agree to: after both secrets of somebody."""
    sets = chance.sample(range(size), 2)
    shown = [op.Equivocate(node, Lie.PROPOSAL, chance.choice(sets)) for node in range(size)]
    return [*shown, *(op.Equivocate(node, Lie.UNANIMITY, 0) for node in range(size))]


def _some(chance: random.Random, size: int, weights: dict[type, float], length: int) -> list[Operation]:
    kinds = chance.choices(list(weights), list(weights.values()), k=length)
    return [MAKE[kind](chance, size) for kind in kinds]


def shorter(it: Drawn, fails: Callable[[Drawn], bool]) -> Drawn:
    """A list that fails as well, with as much left out as ``TRIES`` allow: halves first, single ones last."""
    width, tries = max(len(it.schedule) // 2, 1), 0
    while True:
        for at in range(0, len(it.schedule), width):
            left = Drawn(it.seed, it.size, it.schedule[:at] + it.schedule[at + width :])
            tries += 1
            if tries > TRIES:
                return it
            if fails(left):
                it = left
                break
        else:
            if width == 1:
                return it
            width //= 2


_NAMES = re.compile(r"\b(?=[A-Z][A-Za-z]+[(.])")


def pasted(it: Drawn, broken: Iterable[str]) -> str:
    """A test for test_reproductions.py, ready to be pasted."""
    said = "".join(f"    # {sentence}\n" for sentence in broken)
    lines = "".join(f"        {_NAMES.sub('op.', repr(operation))},\n" for operation in it.schedule)
    return (
        f"\n\ndef test_list_{it.seed}_of_{it.size}():\n{said}"
        f"    holds(\n        {it.size}, {it.seed},\n{lines}    )\n"
    )


def fails(it: Drawn) -> bool:
    """Whether playing it breaks a rule."""
    return bool(outcome_of(it).broken)


def outcome_of(it: Drawn) -> Outcome:
    """The outcome; what the code under test raises through everything is a broken rule too."""
    try:
        return played(it.schedule, it.size, it.seed)
    except Exception as error:  # noqa: BLE001  no exception may come through: all that have a name are met inside
        return Outcome([f"{type(error).__name__} came through: {error}"])


@dataclass
class Tally:
    """What the lists of a run were made of and came to."""

    lists: int = 0
    played: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        self.lists += 1
        self.played += outcome.played
        self.struck += outcome.struck
        self.ends += outcome.ends


def check_mixture(tally: Tally) -> None:
    """Raise AssertionError unless everything happens, and most of it does not come to nothing."""
    idle = {kind.__name__ for kind in MAKE} - tally.played.keys()
    assert not idle, f"never played: {idle}"
    assert tally.ends["SUMMED"] + tally.ends["PUBLISHED"] >= 0.4 * tally.lists, tally.ends
    assert tally.ends["ABANDONED"] >= 0.02 * tally.lists, tally.ends
    often = {"line": 0.6, "Crash": 0.3, "CrashCoordinator": 0.05, "lies": 0.15, "left out": 0.01}
    for what, least in often.items():
        assert tally.struck[what] >= least * tally.lists, tally.struck


def check(seeds: Iterable[int], tally: Tally) -> None:
    """Play the schedule of each seed; raises AssertionError with a list to paste."""
    for seed in seeds:
        it = drawn(seed)
        outcome = outcome_of(it)
        tally.add(outcome)
        if outcome.broken:
            short = shorter(it, fails)
            raise AssertionError("\n".join(outcome.broken) + pasted(short, outcome_of(short).broken))
