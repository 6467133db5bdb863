"""Noise shares: each institution adds a part of the noise, and the national sum carries the whole.

With n institutions that have dealt seed shares (n2), c that may collude with
the coordinator and D that may fall out, at least n - c - D honest noise shares
are in every sum that a node agrees to. Each share therefore has variance
``sigma**2 / (n - c - D)``, where sigma is the scale that the table's rho asks
for; honest shares beyond that number are post-processing.

A sum of discrete Gaussians is not itself one. How far it is from one is
bounded by tau, and the loss below includes it: tau is never taken as zero, the
bound is an exact fraction, and the scale is chosen so that the loss with tau
stays within what the programme states.

Source: Kairouz, Liu & Steinke 2021 (arXiv 2102.06387), as implemented in
google-research/federated, distributed_dp/accounting_utils.py: the second and
third of its bounds, called (b) and (c) here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from samentel.counting.privacy import (
    TableNoise,
    gaussian_rho,
    granularity,
    noise_plan,
    scale_for,
    total_rho,
)
from samentel.documents.populations import Table
from samentel.documents.programme import Mode, Programme, RosterRules
from samentel.errors import DocumentError

TAU_MOST = Fraction(1, 10**9)  # tau times cells; far above what s * sigma_share >= 3 gives (below 1e-30)
BOOKED = 10**9  # losses are booked in whole multiples of 1/BOOKED, rounded up
_PI_SQUARED_LOW = Fraction(98696, 10_000)
_LOG2_E_LOW = Fraction(144_269, 100_000)
_HALVINGS_MOST = 4096  # keeps the fractions short; 2**-4096 is still an upper bound
_ROOT_DIGITS = 10**40


@dataclass(frozen=True, slots=True)
class Loss:
    """What one completed attempt costs a person, exact.

    Attributes:
        central: against everyone who sees the release, and the coordinator with c institutions.
        local: if everybody else colludes.
    """

    central: Fraction
    local: Fraction

    @property
    def booked(self) -> "Loss":
        """The same in a ledger's short fractions, rounded up."""
        return Loss(_rounded_up(self.central), _rounded_up(self.local))


def plan_of(programme: Programme, rostered: int, dealers: int) -> tuple[TableNoise, ...]:
    """What a node adds to each table in the programme's own mode: full noise, or its share of it.

    Args:
        rostered, dealers: as for ``share_plan``; without meaning in individual mode.

    Raises:
        DocumentError: as ``share_plan``.
    """
    if programme.mode is Mode.INDIVIDUAL:
        return noise_plan(programme)
    return share_plan(programme, rostered, dealers)


def loss_of(programme: Programme, plan: Sequence[TableNoise], dealers: int) -> Loss:
    """What one attempt with the plan of ``plan_of`` costs, as a ledger books it: at most the stated rho.

    NOISE-4: with tau, and rounded up.
    """
    if programme.mode is Mode.INDIVIDUAL:
        return Loss(total_rho(plan), total_rho(plan))  # each institution adds the full noise
    exact = loss(plan, programme.roster, dealers)
    # Each table's loss is at most its part of rho; only the rounding for the ledger could go beyond.
    return Loss(min(exact.booked.central, programme.rho), exact.booked.local)


def honest_shares(rules: RosterRules, dealers: int) -> int:
    """n - c - D, the least number of honest noise shares in a sum.

    Raises:
        DocumentError: less than two: an institution would stand alone.
    """
    honest = dealers - rules.collude_max - rules.absent_max
    if honest < 2:
        raise DocumentError(
            "programme",
            [
                f"roster: of {dealers} institutions {rules.collude_max} may collude and {rules.absent_max} "
                f"fall out, which leaves {honest}; at least 2 are needed"
            ],
        )
    return honest


def share_plan(programme: Programme, rostered: int, dealers: int) -> tuple[TableNoise, ...]:
    """The noise share of every table at one node, in the programme's order.

    Args:
        rostered: institutions on the roster; they fix s, so that it is the same for every node of a round
            (NOISE-1).
        dealers: n2, as the node itself has seen it; at most ``rostered``.

    Returns:
        As for full noise, but ``rho`` is that of the share alone: the loss if everybody else colludes.

    Raises:
        DocumentError: too few honest shares, or the sum would be too far from a discrete Gaussian.
    """
    if not 0 < dealers <= rostered:
        raise ValueError("those who deal are on the roster")
    plan = tuple(_share(programme, table, rostered, dealers) for table in programme.measured)
    for noise in plan:
        check_tau(noise, rostered)
    return plan


def check_tau(noise: TableNoise, shares: int) -> None:
    """Refuse shares so small that their sum would not be as good as a discrete Gaussian (NOISE-2).

    Raises:
        DocumentError: tau times the cells is more than ``TAU_MOST``.
    """
    if tau_upper(noise.scale, shares) * (noise.cells + 1) > TAU_MOST:
        raise DocumentError(
            "programme",
            [f"tables.{noise.table}: {shares} noise shares of scale {noise.scale:.3g} are too small"],
        )


def loss(plan: Sequence[TableNoise], rules: RosterRules, dealers: int) -> Loss:
    """What one attempt with these noise shares costs.

    Args:
        plan: from ``share_plan`` for that many dealers.
    """
    honest = honest_shares(rules, dealers)
    central = sum((summed_rho_upper(noise, honest, dealers) for noise in plan), Fraction(0))
    return Loss(central, sum((noise.rho for noise in plan), Fraction(0)))


def summed_rho_upper(noise: TableNoise, honest: int, shares: int) -> Fraction:
    """Loss of the sum of at least ``honest`` and at most ``shares`` noise shares of one table.

    Returns:
        The lesser of the two bounds
        (b) ``(D2**2/v + 2*tau*D1/sqrt(v) + tau**2*d) / 2`` and
        (c) ``(D2/sqrt(v) + tau*sqrt(d))**2 / 2``
        with v = honest*scale**2, D1 = D2 = s*k (all rows of a person may lie in one cell), d = cells + 1
        and tau for all shares; every root and tau rounded up, so it is exact as a bound.

    Source: Kairouz, Liu & Steinke 2021, Proposition 14 (numbered as in the authors' code).
    """
    reach, cells = noise.granularity * noise.rows, noise.cells + 1
    variance = honest * Fraction(noise.scale) ** 2
    tau = tau_upper(noise.scale, shares)
    inverse_root = _root_up(1 / variance)
    bracket_b = reach**2 / variance + 2 * tau * reach * inverse_root + tau**2 * cells
    bracket_c = (reach * inverse_root + tau * _root_up(Fraction(cells))) ** 2
    return min(bracket_b, bracket_c) / 2


def tau_upper(scale: float, shares: int) -> Fraction:
    """How far, at most, a sum of discrete Gaussians of that scale is from a discrete Gaussian; more than 0.

    ``tau = 10 * sum(exp(-2*pi**2*scale**2*k/(k+1)) for k in 1..shares-1)``. The first term is the largest; it
    stands as it is, and the second for all that follow. Each is rounded up to a power of two.

    Args:
        scale: sigma of one share in counts times s, at least 1/2.
        shares: how many are added; at least 1.
    """
    if scale < 0.5 or shares < 1:
        raise ValueError("at least one share, of a scale of at least 1/2")
    first, second = _exp_pi_up(scale, Fraction(1)), _exp_pi_up(scale, Fraction(4, 3))
    return 10 * (first + max(shares - 2, 0) * second)


def summed_variance(noise: TableNoise, survivors: int) -> Fraction:
    """Noise variance of one cell of the national sum, in persons squared: announced is drawn (NOISE-3).

    ``survivors * (scale/s)**2``, exact for the float scale, which is ``|U3| * sigma**2 / (|U2| - c - D)``
    up to that float's rounding. From scale 3 on, a discrete Gaussian has the variance scale**2 to 70 digits.
    """
    return survivors * Fraction(noise.scale) ** 2 / noise.granularity**2


def loss_with_colluders(rho: Fraction, rules: RosterRules, dealers: int, colluders: int) -> Fraction:
    """What an attempt costs a person when that many institutions collude with the coordinator.

    ``rho * (n - c - D) / (n - D - a)`` for a > c; with a single honest share, or fewer than that, it is the
    local loss. Valid while fewer than ``2*t - n1`` collude: from there on a lying coordinator can show two
    lists of dealers, have each agreed to by half of the honest ones, and so recover both secrets of one.
    """
    honest = honest_shares(rules, dealers)
    left = dealers - rules.absent_max - max(colluders, rules.collude_max)
    return rho * honest / max(left, 1)


def _share(programme: Programme, table: Table, rostered: int, dealers: int) -> TableNoise:
    rules, rho = programme.roster, programme.rho_of(table)
    rows = programme.population(table.population).rows_per_person
    s = granularity(scale_for(rows, rho * honest_shares(rules, rostered)))
    honest = honest_shares(rules, dealers)
    scale, cells = scale_for(s * rows, rho * honest), programme.cells(table)
    while True:
        noise = TableNoise(table.id, cells, rows, s, scale, gaussian_rho(s * rows, scale))
        # A last bit or two more noise pays for tau, so that the loss with tau is what the programme states.
        if summed_rho_upper(noise, honest, dealers) <= rho:
            return noise
        scale = math.nextafter(scale, math.inf)


def _exp_pi_up(scale: float, factor: Fraction) -> Fraction:
    """An upper bound of exp(-factor * pi**2 * scale**2): a power of two."""
    halvings = math.floor(factor * _PI_SQUARED_LOW * _LOG2_E_LOW * Fraction(scale) ** 2)
    return Fraction(1, 2 ** min(halvings, _HALVINGS_MOST))


def _root_up(value: Fraction) -> Fraction:
    """A fraction whose square is at least ``value``, to forty digits after the point."""
    return Fraction(math.isqrt(math.ceil(value * _ROOT_DIGITS**2)) + 1, _ROOT_DIGITS)


def _rounded_up(rho: Fraction) -> Fraction:
    return Fraction(math.ceil(rho * BOOKED), BOOKED)
