"""Which node falls in the demo, and when: it is killed as a power cut would, and nobody is told.

The coordinator's own account of the round says when; no node helps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aggregator.client import Coordinator
from samentel.errors import LocalFault
from samentel.wire.messages import RoundPhase, RoundStatus, SumPhase

SELDOM, OFTEN = 0.1, 0.02  # seconds between two looks; the moments of a round are short


def before_its_counts(status: RoundStatus) -> Sequence[str]:
    """Nodes that have dealt their seed shares, and whose masked counts have not arrived."""
    if status.sum_phase is not SumPhase.MASKING:
        return ()
    return [node for node in status.dealt if node not in status.arrived]


def after_its_counts(status: RoundStatus) -> Sequence[str]:
    """Nodes whose masked counts have arrived, while the sum still needs their signature."""
    if status.sum_phase not in (SumPhase.MASKING, SumPhase.AGREEING):
        return ()
    return [node for node in status.arrived if node not in status.agreed]


@dataclass(slots=True)
class Fall:
    """One node that is to fall at one moment of one round.

    Attributes:
        period: of the round.
        ripe: who may fall now.
        wanted: who falls if it may; otherwise anybody who may.
        strike: makes a node fall; told which, and where the round stood.
        fallen: who fell; nothing before.
    """

    national: Coordinator
    period: str
    ripe: Callable[[RoundStatus], Sequence[str]]
    wanted: str
    strike: Callable[[str, RoundStatus], None]
    fallen: str = ""

    def look(self) -> float:
        """Look once, and strike when the moment is there; returns the seconds until the next look."""
        if self.fallen:
            return SELDOM
        status = self.status()
        if status is None or status.phase is not RoundPhase.COLLECTING:
            return SELDOM
        if able := self.ripe(status):
            self.fallen = self.wanted if self.wanted in able else able[0]
            self.strike(self.fallen, status)
        return OFTEN

    def status(self) -> RoundStatus | None:
        """The newest round of the period, or None when there is none yet."""
        return next((one for one in self.national.rounds() if one.period == self.period), None)

    def ended(self) -> RoundStatus:
        """How the round ended.

        Raises:
            LocalFault: it ended before a node could fall, or without a release.
        """
        status = self.status()
        if not self.fallen or status is None:
            raise LocalFault("the round was over before a node could be killed; run the demo again")
        if status.phase is not RoundPhase.PUBLISHED:
            raise LocalFault(f"the round ended without a release: {status.reason}")
        return status
