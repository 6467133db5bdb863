"""How good figures are, said from noisy values alone: grades, claims, and whether tables agree.

None of it costs privacy: it is arithmetic on what is published. Tables of a
population count the same rows, so what they tell of the same thing may differ by
noise only. Two kinds of checks ask whether it does. A chi-square of all that least
squares had to reconcile sees anything, but little of it; a contrast of one degree
sees one thing well: an attribute whose tables miss people that the others have.
Each check says how many people it would find, so nobody takes silence for proof.

A false alarm of a check at ``LEVEL`` is one in a thousand; of all checks of a
release together it is as many times that as there are checks. Sources: Sidak's
inequality (JASA 62, 1967) for intervals together; the rest are textbook forms.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

from samentel.documents.populations import Table
from samentel.figures.effects import precision
from samentel.figures.estimate import CONFIDENCE, Figure, Fit

GRADES = (("A", 0.10), ("B", 0.25), ("C", 0.50))  # the most that the error may be of the estimate; above, D
CLAIM_ERROR = 0.05
LEVEL = 0.001
POWER = 0.8

_NORMAL = NormalDist()
_SMALL = 1e-15  # of what was added up; smaller terms change nothing
_REST, _TERMS_MOST = 1e-12, 10_000


@dataclass(frozen=True, slots=True)
class Check:
    """Whether tables of one population agree.

    Attributes:
        name: the population, or for a contrast the population and the dimension with ":" between them.
        statistic: near ``degrees`` on average where all is well.
        degrees: 1 for a contrast.
        p_value: how often noise alone gives a statistic as large, from 0 to 1.
        detects: so many missing persons it finds with a chance of ``POWER`` at ``LEVEL``: for a contrast,
            persons who are in no table of its dimension; for a population, persons who are in all its
            tables but one, whichever that is and wherever in it they belong.
        excess: of a contrast, how many more persons the tables of its dimension have than the others do,
            with its error; None for a population.
    """

    name: str
    statistic: float
    degrees: int
    p_value: float
    detects: float | None
    excess: Figure | None = None

    @property
    def alarm(self) -> bool:
        """Whether noise alone would so rarely do this that somebody should look."""
        return self.p_value < LEVEL


def grade(figure: Figure) -> str:
    """A to D, by the standard deviation as a part of the estimate; A for what is certain.

    A is at most 10 %, B at most 25 %, C at most 50 %; D is above that or an estimate of nothing or less.
    """
    if figure.sd == 0:
        return "A"
    if figure.estimate <= 0:
        return "D"
    return next((name for name, most in GRADES if figure.sd <= most * figure.estimate), "D")


def at_least(figure: Figure, error: float = CLAIM_ERROR) -> int:
    """The largest k for which "there are at least k" is wrong with a chance of at most ``error``.

    For a count of something whole, of one release or of several added up; 0 where nothing can be said. The
    error is of one claim: of twenty that are true by a hair one is wrong.
    """
    return max(0, math.ceil(figure.estimate - _NORMAL.inv_cdf(1 - error) * figure.sd))


def above_zero(figure: Figure) -> bool:
    """Whether "there is at least one" can be said, wrong with a chance of at most 5 %."""
    return at_least(figure) >= 1


def joint_z(cells: int) -> float:
    """The quantile for intervals that all hold at once with 95 %, in standard deviations.

    Sidak's: for normal errors with mean zero, the chance that all of ``|error| <= z*sd`` hold is at least the
    product of the chances of each, however the errors depend on each other. So it holds for the cells of a
    release, of which many share parts. Bonferroni's would hold for errors of any shape, and is wider by less
    than a part in a hundred.

    Args:
        cells: how many intervals, 1 or more.
    """
    return _NORMAL.inv_cdf((1 + CONFIDENCE ** (1 / cells)) / 2)


def checks(fits: Sequence[Fit]) -> tuple[Check, ...]:
    """Every check of the populations of one release, in their order: the population's, then its dimensions'.

    There is none where nothing was measured twice.

    Raises:
        ValueError: the fits are of several releases added up; ask each of them.
    """
    if any(len(fit.measured) != 1 for fit in fits):
        raise ValueError("tables are checked a release at a time")
    return tuple(check for fit in fits for check in (*_whole(fit), *_contrasts(fit)))


def chi_square_above(statistic: float, degrees: int) -> float:
    """How often a chi-square of so many degrees is above ``statistic``: the upper incomplete gamma."""
    a, x = degrees / 2, statistic / 2
    if x <= 0:
        return 1.0
    if x < a + 1:
        return 1.0 - _lower_series(a, x)
    return _upper_fraction(a, x)


def _whole(fit: Fit) -> Iterator[Check]:
    """The chi-square of what least squares moved: precision times the square of each difference."""
    (measured,), space = fit.measured, fit.space
    tables = _tables(fit)
    held = fit.noises[0].held.shape[1]
    degrees = sum(measured.sums[table.id].size for table in tables) - (space.length - held)
    if degrees <= 0:
        return
    statistic = 0.0
    for table in tables:
        moved = space.coordinates(table, measured.sums[table.id]) - fit.coordinates[space.places[table.id]]
        statistic += float((precision(space, table, measured.variances[table.id]) * moved**2).sum())
    # The sums of a table and of all others differ by no more than the whole: what a contrast of the two
    # finds, the chi-square has in it, wherever in the table people are missing.
    apart = [_contrast(fit, [table], [it for it in tables if it is not table]).sd for table in tables]
    detects = _distance(degrees) * max(apart) if len(tables) > 1 else None
    yield Check(fit.population, statistic, degrees, chi_square_above(statistic, degrees), detects)


def _contrasts(fit: Fit) -> Iterator[Check]:
    """For each dimension, the total by the tables that have it against the total by those that do not."""
    tables, base = _tables(fit), fit.space.bases
    for dimension in dict.fromkeys(base.values()):
        inside = [table for table in tables if dimension in {base[name] for name in table.dimensions}]
        outside = [table for table in tables if table not in inside]
        if inside and outside:
            excess = _contrast(fit, inside, outside)
            statistic = (excess.estimate / excess.sd) ** 2
            yield Check(
                f"{fit.population}:{dimension}",
                statistic,
                1,
                chi_square_above(statistic, 1),
                _distance(1) * excess.sd,
                excess,
            )


def _contrast(fit: Fit, inside: Sequence[Table], outside: Sequence[Table]) -> Figure:
    """How many more persons some tables have than others; each side weighs its tables by what they tell."""
    one, other = _total(fit, inside), _total(fit, outside)
    return Figure(one.estimate - other.estimate, math.hypot(one.sd, other.sd))


def _total(fit: Fit, tables: Sequence[Table]) -> Figure:
    (measured,) = fit.measured
    weights = [1 / (measured.variances[it.id] * measured.sums[it.id].size) for it in tables]
    if not weights:
        return Figure(0.0, 0.0)
    sums = [float(measured.sums[table.id].sum()) for table in tables]
    mean = sum(weight * value for weight, value in zip(weights, sums, strict=True)) / sum(weights)
    return Figure(mean, 1 / math.sqrt(sum(weights)))


def _tables(fit: Fit) -> list[Table]:
    return [table for table in fit.space.tables if table.id in fit.measured[0].sums]


@cache
def _distance(degrees: int) -> float:
    """By how many sd something must be off for a chance of ``POWER`` that a check at ``LEVEL`` finds it.

    For one degree that is ``z(1 - LEVEL/2) + z(POWER)``, but for the other tail; for more, the root of the
    noncentrality at which a chi-square is above its limit that often.
    """
    if degrees == 1:
        return _NORMAL.inv_cdf(1 - LEVEL / 2) + _NORMAL.inv_cdf(POWER)
    limit = _root(lambda it: LEVEL - chi_square_above(it, degrees), degrees)
    return math.sqrt(_root(lambda it: _found(limit, degrees, it) - POWER, 1.0))


def _found(limit: float, degrees: int, noncentrality: float) -> float:
    """How often a chi-square with a noncentrality is above a limit: a mixture of central ones."""
    a, x, mean = degrees / 2, limit / 2, noncentrality / 2
    above = chi_square_above(limit, degrees)
    weight, left, found = math.exp(-mean), 1.0, 0.0
    step = math.exp(a * math.log(x) - x - math.lgamma(a + 1))
    number = 0
    while left > _REST and number < _TERMS_MOST:
        found += weight * above
        left -= weight
        above += step  # the same with two degrees more
        number += 1
        weight *= mean / number
        step *= x / (a + number)
    return found


def _root(rising: Callable[[float], float], start: float) -> float:
    """Where a function that rises from below zero at 0 is zero; ``start`` is a guess."""
    low, high = 0.0, start
    while rising(high) < 0:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return high


def _lower_series(a: float, x: float) -> float:
    """The lower incomplete gamma, where x is small beside a."""
    term = total = 1 / a
    number = a
    while term > _SMALL * total:
        number += 1
        term *= x / number
        total += term
    return total * math.exp(a * math.log(x) - x - math.lgamma(a))


def _upper_fraction(a: float, x: float) -> float:
    """The upper incomplete gamma, where x is large beside a: Lentz's continued fraction."""
    b = x + 1 - a
    c, d = 1 / 1e-300, 1 / b
    found, step, number = d, 0.0, 0
    while abs(step - 1) > _SMALL:
        number += 1
        factor = -number * (number - a)
        b += 2
        d = 1 / (factor * d + b)
        c = b + factor / c
        step = c * d
        found *= step
    return found * math.exp(a * math.log(x) - x - math.lgamma(a))
