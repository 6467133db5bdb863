"""The privacy calculus: exact zero-concentrated losses and their translations for readers.

The measure is rho of zero-concentrated differential privacy (zCDP), an exact
``Fraction`` throughout. Floats appear in two places only: the scale that
OpenDP is given, whose exact binary value is what rho is computed from, and
the translations that people read, which round against us.

Sources: Bun & Steinke 2016 (arXiv 1605.02065), Lemma 1.7 (composition);
Canonne, Kamath & Steinke 2020 (arXiv 2004.00010), Theorem 4 (discrete Gaussian)
and Proposition 12 (conversion; numbered as in version 4).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from samentel.documents.populations import Table
from samentel.documents.programme import Programme

LEAST_SHARE_SCALE = 3  # far below this a sum of discrete Gaussians stops behaving as one
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class TableNoise:
    """The noise of one table at one node; public, fixed before any record is read.

    Attributes:
        table: id of the table.
        cells: published cells; the vector has one more, the null cell.
        rows: k, rows one person can add to the table.
        granularity: s, a power of two; every row is counted s times.
        scale: sigma of the discrete Gaussian in each cell, in counts times s.
        rho: (s*k)**2 / (2*scale**2), exact, of that float.
    """

    table: str
    cells: int
    rows: int
    granularity: int
    scale: float
    rho: Fraction

    @property
    def variance(self) -> float:
        """Noise variance of one cell in persons squared: (scale/s)**2."""
        return (self.scale / self.granularity) ** 2


def gaussian_rho(sensitivity: int, scale: float) -> Fraction:
    """Loss of one discrete Gaussian of that scale in every cell of a vector.

    Args:
        sensitivity: largest L2 change of the vector by one person, in counts; at least 1.
        scale: sigma, in counts; positive and finite.

    Returns:
        ``sensitivity**2 / (2*scale**2)``, exact for the binary value of ``scale``.

    Source: Canonne, Kamath & Steinke 2020, Theorem 4 for one cell. The noise of different cells is
    independent, so their divergences add: sum of change**2 / (2*scale**2), and the sum of squares is
    at most the squared L2 sensitivity.
    """
    if sensitivity < 1:
        raise ValueError("sensitivity is at least 1")
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError("scale is positive and finite")
    return Fraction(sensitivity**2) / (2 * Fraction(scale) ** 2)


def scale_for(sensitivity: int, rho: Fraction) -> float:
    """A float scale whose loss is at most ``rho``, within two floats of the least: rounded to more noise."""
    if rho <= 0:
        raise ValueError("rho is more than 0")
    scale = math.sqrt(Fraction(sensitivity**2) / (2 * rho))
    while gaussian_rho(sensitivity, scale) > rho:
        scale = math.nextafter(scale, math.inf)
    return scale


def granularity(sigma: float) -> int:
    """The least power of two s with ``s * sigma >= LEAST_SHARE_SCALE``; sigma in persons."""
    s = 1
    while s * sigma < LEAST_SHARE_SCALE:
        s *= 2
    return s


def table_noise(programme: Programme, table: Table) -> TableNoise:
    """Full noise of one table: what a node adds in individual mode."""
    rows = programme.population(table.population).rows_per_person
    rho = programme.rho_of(table)
    s = granularity(scale_for(rows, rho))
    scale = scale_for(s * rows, rho)
    return TableNoise(table.id, programme.cells(table), rows, s, scale, gaussian_rho(s * rows, scale))


def noise_plan(programme: Programme) -> tuple[TableNoise, ...]:
    """Full noise of every table of a programme, in its order: what each institution adds in individual mode.

    For a programme in secure-sum mode this is the comparison with what it would be worth without the sum;
    what is drawn there are the shares of ``samentel.counting.shares``.
    """
    return tuple(table_noise(programme, table) for table in programme.measured)


def total_rho(plan: Sequence[TableNoise]) -> Fraction:
    """Loss of all tables together: losses of several measurements add (Bun & Steinke 2016, Lemma 1.7)."""
    return sum((noise.rho for noise in plan), Fraction(0))


def epsilon_upper(rho: Fraction, delta: Fraction) -> float:
    """An epsilon for which rho-zCDP implies (epsilon, delta)-DP; rounded up.

    Minimises over the order a > 1 the bound
    ``a*rho + (ln(1/delta) + (a-1)*ln(1-1/a) - ln(a)) / (a-1)``: Canonne, Kamath & Steinke 2020,
    Proposition 12, ``delta = exp((a-1)*(a*rho - epsilon)) / (a-1) * (1 - 1/a)**a``, solved for epsilon.
    Any order gives a valid bound, so a coarse search cannot promise too little.
    """
    if rho <= 0 or not 0 < delta < 1:
        raise ValueError("rho is more than 0 and delta lies between 0 and 1")
    r, d = math.nextafter(float(rho), math.inf), math.nextafter(float(delta), 0.0)

    def bound(order: float) -> float:
        return order * r + math.log1p(-1 / order) + (math.log(1 / d) - math.log(order)) / (order - 1)

    low, high = 1e-7, 1e9
    for _ in range(200):  # golden section on the logarithm of order - 1; the tests hold it to OpenDP's search
        span = math.log(high / low)
        left, right = low * math.exp(0.382 * span), low * math.exp(0.618 * span)
        low, high = (low, right) if bound(1 + left) < bound(1 + right) else (left, high)
    return max(0.0, math.nextafter(bound(1 + math.sqrt(low * high)) * (1 + 1e-12), math.inf))


def attacker_power(rho: Fraction, false_alarms: float = 0.05) -> float:
    """How often an attacker who errs at that rate recognises a person who is there; rounded up to 1/1000.

    The trade-off of a Gaussian mechanism: power = Phi(Phi^-1(alpha) + sqrt(2*rho)).
    For one discrete Gaussian vector it is a close guide; the ledger books rho.
    Source: Dong, Roth & Su 2019 (arXiv 1905.02383), Gaussian differential privacy with mu = sqrt(2*rho).
    """
    if not 0 < false_alarms < 1:
        raise ValueError("the rate of false alarms lies between 0 and 1")
    power = _NORMAL.cdf(_NORMAL.inv_cdf(false_alarms) + math.sqrt(2 * rho))
    return min(1.0, math.ceil(power * 1000) / 1000)
