"""The roll call of secure sums: who is up now, once masked counts are in or the time for them is over.

After the proposal each of its survivors is waited for. So whoever polled long
ago counts for nothing: every later upload, and the deadline, begin a new roll.
Rolls are remembered and not written down: after a restart nodes poll again.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from aggregator.conductor import Round
from samentel.ids import RoundId
from samentel.secagg.messages import Kind

_Reason = tuple[int, bool]  # how many masked counts had arrived, and whether the time for them was over


@dataclass(slots=True)
class _Roll:
    reason: _Reason
    nodes: set[str] = field(default_factory=set)


class Rolls:
    """The latest roll of every round; ``late`` says whether the time for its masked counts is over."""

    def __init__(self) -> None:
        """Nobody has polled yet."""
        self._rolls: dict[RoundId, _Roll] = {}
        self._called: dict[RoundId, _Reason] = {}

    def answer(self, round_: Round, node: str, *, late: bool) -> bool:
        """A node has polled; says whether with it everybody is up whose masked counts have arrived."""
        if node not in round_.arrived:
            return False
        roll = self._rolls.get(round_.round_id)
        if roll is None or roll.reason != _reason(round_, late):
            roll = self._rolls[round_.round_id] = _Roll(_reason(round_, late))
        roll.nodes.add(node)
        return len(roll.nodes) == len(round_.arrived)

    def awake(self, round_: Round, *, late: bool) -> frozenset[str]:
        """Who has polled since this roll began."""
        roll = self._rolls.get(round_.round_id)
        return frozenset(roll.nodes) if roll and roll.reason == _reason(round_, late) else frozenset()

    def calls(self, round_: Round, *, late: bool) -> bool:
        """Whether those who wait are to be woken now, so that they poll and are known to be up.

        Once when everybody has handed in, once when the time for it is over, and again when more arrives.
        """
        everybody = len(round_.arrived) == len(round_.senders(Kind.DEALING))
        if not round_.arrived or not (late or everybody):
            return False
        if self._called.get(round_.round_id) == _reason(round_, late):
            return False
        self._called[round_.round_id] = _reason(round_, late)
        return True

    def forget_all_but(self, rounds: Collection[RoundId]) -> None:
        """Drop the rolls of every other round."""
        self._rolls = {name: roll for name, roll in self._rolls.items() if name in rounds}
        self._called = {name: reason for name, reason in self._called.items() if name in rounds}


def _reason(round_: Round, late: bool) -> _Reason:
    return len(round_.arrived), late
