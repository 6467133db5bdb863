"""What a secure sum still promises when more institutions collude than its programme assumes.

Up to c of them change nothing. Beyond that the honest noise in the sum gets
less, and the loss grows slowly. From 2t - n1 on, masks are no longer counted
on: a lying coordinator could show the honest ones two lists of dealers, and
split them into two groups that each find t helpers, of which one reveals the
seed share and the other the mask key share of the same institution. What is
left then is that institution's own noise share: the local loss.

n1 is the length of the list that the coordinator shows. Before a round it can
be anything that the programme allows, so whoever agrees to a programme counts
on the shortest; a sum that is there names its dealers, and no list was shorter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from samentel.counting.privacy import TableNoise
from samentel.counting.shares import Loss, loss_of, loss_with_colluders
from samentel.documents.programme import Programme, RosterRules
from samentel.secagg.terms import lacks, threshold


@dataclass(frozen=True, slots=True)
class Collusion:
    """The losses of one attempt, by how many institutions collude with the coordinator.

    Attributes:
        loss: as a ledger books it.
        withstood: the most that masks withstand; at least c.
        dealers: n2, institutions whose noise shares there are.
        fewest: the least that n2 can be; ``dealers`` where a sum is there already.
    """

    programme: Programme
    loss: Loss
    withstood: int
    dealers: int
    fewest: int

    @property
    def central(self) -> Fraction:
        """The loss with at most c colluders; never more than the programme states."""
        return min(self.loss.central, self.programme.rho)

    def with_colluders(self, colluders: int) -> Fraction:
        """What an attempt costs a person at an honest institution, with that many colluders.

        Worked out from what is spent: a programme may state more than its tables use.
        """
        rules = self.programme.roster
        if colluders <= rules.collude_max:
            return self.central
        if colluders > self.withstood:
            return self.loss.local
        return min(self.loss.local, loss_with_colluders(self.central, rules, self.fewest, colluders))

    def steps(self) -> tuple[int, ...]:
        """Numbers of colluders to show: none, c, twice as many each time, both edges, everybody else."""
        worst, found = self.dealers - 1, {0, self.programme.roster.collude_max}
        colluders = self.programme.roster.collude_max
        while colluders < worst:
            found.add(colluders)
            colluders = 2 * colluders + 1
        edges = {number for number in (self.withstood, self.withstood + 1) if number < worst}
        return tuple(sorted({number for number in found if number < worst} | edges | {worst}))


def collusion_of(
    programme: Programme, plan: Sequence[TableNoise], rostered: int, dealers: int, fewest: int | None = None
) -> Collusion:
    """The losses of a secure sum.

    Args:
        plan: the noise shares for that many dealers.
        rostered: institutions on the roster; keys came from at least ``dealers`` of them.
        fewest: of a sum that is still to come, with how many it can begin: ``fewest_listed``.
    """
    fewest = dealers if fewest is None else fewest
    masks = min(2 * threshold(listed) - listed - 1 for listed in range(fewest, rostered + 1))
    withstood = max(masks, programme.roster.collude_max)  # c < 2t - n1: a round does not begin otherwise
    return Collusion(programme, loss_of(programme, plan, dealers), withstood, dealers, fewest)


def fewest_listed(rules: RosterRules, rostered: int) -> int:
    """The shortest list of keys with which a round can go on; the whole roster if none is long enough."""
    limits = (rules.institutions_min, rules.collude_max, rules.absent_max)
    return next((n for n in range(1, rostered) if not lacks(n, *limits)), rostered)
