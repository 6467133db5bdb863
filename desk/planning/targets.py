"""Which rho reaches the accuracy that somebody asks for, with the shares as they are and with the best.

A variance after least squares is proportional to 1/rho. With the shares as they
are, the rho that is needed is therefore ``rho * max V / t**2`` over everything
that is asked for. The best shares are those of ``desk/planning/target_shares.py``.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from desk.planning.caps import CENTRAL_CAP
from desk.planning.officer import FALSE_ALARMS
from desk.planning.options import OptionsError, refuse
from desk.planning.target_shares import GAP, Figure, best_for
from samentel.counting.privacy import TableNoise, attacker_power
from samentel.counting.shares import summed_variance
from samentel.documents.populations import Table
from samentel.documents.programme import Programme
from samentel.figures.effects import noise_after, populations_of, space_of
from samentel.figures.workload import spread

KNOWN_TO_ALL = 0.999  # with this power an attacker recognises everybody, and nothing is protected
_SD = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6}|/[1-9][0-9]{0,5})?")
_BY_NUMBER = ("0way", "1way", "2way", "3way", "4way")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One wish.

    Attributes:
        name: of what, as it was written.
        sd: the standard deviation sought, in persons; more than 0.
        written: that number as it was written, such as 0.0001.
    """

    name: str
    sd: Fraction
    written: str


@dataclass(frozen=True, slots=True)
class Sought:
    """One figure that a wish is about.

    Attributes:
        table: None for the total of a population.
        sd: sought, in persons.
        sd_now: with the rho and the shares that the programme has, of the cell that has most.
    """

    name: str
    population: str
    table: str | None
    sd: Fraction
    sd_now: float

    @property
    def met(self) -> bool:
        """Whether the programme as it is reaches it."""
        return self.sd_now <= self.sd


@dataclass(frozen=True, slots=True)
class Share:
    """What a table would get; 0 for one that is not measured."""

    table: str
    rho_share: Fraction


@dataclass(frozen=True, slots=True)
class Targets:
    """Which rho reaches everything that was asked for.

    Attributes:
        rho_own: with the shares that the programme has; rounded up to four digits.
        rho_best: with the shares below; likewise.
        least: no shares reach it with less rho than this.
        idle: tables that nobody asked for and that the shares below leave next to nothing.
        cap: how much rho an attempt may cost if all of a programme's attempts are to fit under the central
            cap that a node has unless its house sets another.
    """

    sought: tuple[Sought, ...]
    rho_own: Fraction
    rho_best: Fraction
    least: float
    shares: tuple[Share, ...]
    idle: tuple[str, ...]
    cap: Fraction


def wanted(text: str) -> tuple[Wanted, ...]:
    """Read wishes as they are written on the command line, such as ``total=3,2way=4``.

    Raises:
        OptionsError: that is no wish, or a standard deviation that is not more than 0.
    """
    found, problems = [], []
    for part in text.split(","):
        name, _, sd = (piece.strip() for piece in part.partition("="))
        if not name or not _SD.fullmatch(sd) or not Fraction(sd):
            problems.append(
                f"--target {part.strip()}: write a name and a standard deviation of more than 0 persons, "
                "such as total=3"
            )
        else:
            found.append(Wanted(name, Fraction(sd), sd))
    refuse(problems)
    return tuple(found)


def targets(
    programme: Programme, noises: Sequence[TableNoise], survivors: int, wishes: Sequence[Wanted]
) -> Targets:
    """Which rho reaches what is asked for.

    Args:
        noises, survivors: as for ``desk.planning.accuracy.table_plans``.
        wishes: at least one.

    Raises:
        OptionsError: there is no such name, or a standard deviation is out of reach.
    """
    figures = [it for wish in wishes for it in _named(programme, wish)]
    asked = [Figure(*place, float(wish.sd)) for place, wish in figures]
    measured = {noise.table: float(summed_variance(noise, survivors)) for noise in noises}
    factor = _factor(programme, measured)
    now = _variances(programme, measured, asked)
    shares, least = best_for(programme, factor, asked)
    then = _variances(programme, _noise(programme, factor, shares), asked)
    own, best = (
        max(variance / it.sd**2 for variance, it in zip(found, asked, strict=True)) for found in (now, then)
    )
    found = Targets(
        sought=tuple(
            Sought(wish.name, *place, wish.sd, math.sqrt(variance))
            for (place, wish), variance in zip(figures, now, strict=True)
        ),
        rho_own=_rounded_up(float(programme.rho) * own),
        rho_best=_rounded_up(float(programme.rho) * best),
        least=float(programme.rho) * least,
        shares=tuple(Share(name, share) for name, share in shares.items()),
        idle=tuple(_idle(programme, shares, {place[1] for place, _ in figures})),
        cap=Fraction(CENTRAL_CAP, programme.max_attempts),
    )
    if attacker_power(found.rho_best, FALSE_ALARMS) >= KNOWN_TO_ALL:
        raise OptionsError([_out_of_reach(wishes, found.rho_best)])
    return found


# A figure: its population, and its table if it is not the population's total.
_Place = tuple[str, str | None]
_Named = tuple[_Place, Wanted]


def _named(programme: Programme, wish: Wanted) -> list[_Named]:
    """The figures that a name is of: a table, a total, or all tables of so many dimensions."""
    used = populations_of(programme)
    found: list[_Place] = [(it.population, it.id) for it in programme.tables if it.id == wish.name]
    if not found or wish.name == "total":
        found = [(name, None) for name in used if wish.name in (name, "total")]
    if not found and wish.name in _BY_NUMBER:
        number = _BY_NUMBER.index(wish.name)
        found = [(it.population, it.id) for it in programme.tables if len(it.dimensions) == number]
    if not found:
        known = ", ".join([*dict.fromkeys([*used, *(table.id for table in programme.tables)])])
        raise OptionsError(
            [
                f"--target {wish.name}: this programme has no such table, population or number of "
                f"dimensions; write total, 1way, 2way, 3way or one of {known}"
            ],
        )
    return [(place, wish) for place in found]


def _out_of_reach(wishes: Sequence[Wanted], rho: Fraction) -> str:
    asked = ",".join(f"{wish.name}={wish.written}" for wish in wishes)
    return (
        f"--target {asked}: out of reach: it takes rho {float(rho):.4g}, with which an attacker recognises "
        "everybody; ask for larger standard deviations"
    )


def _rounded_up(rho: float) -> Fraction:
    unit = Fraction(10) ** (math.floor(math.log10(rho)) - 3)
    return math.ceil(Fraction(rho) / unit) * unit


def _rows(programme: Programme, table: Table) -> int:
    return programme.population(table.population).rows_per_person


def _factor(programme: Programme, measured: Mapping[str, float]) -> float:
    """How much noise the sum carries beside the full noise of one: the same for all tables."""
    table = programme.measured[0]
    full = _rows(programme, table) ** 2 / (2 * float(programme.rho_of(table)))
    return measured[table.id] / full


def _noise(programme: Programme, factor: float, shares: Mapping[str, Fraction]) -> Mapping[str, float]:
    """The noise variance of one cell of the sum, by table, at the programme's rho with these shares."""
    return {
        table.id: factor * _rows(programme, table) ** 2 / (2 * float(programme.rho * shares[table.id]))
        for table in programme.tables
        if shares[table.id]
    }


def _variances(programme: Programme, measured: Mapping[str, float], asked: Sequence[Figure]) -> list[float]:
    """The variance of each figure, of a table that of the cell that has most."""
    cells = spread(programme, measured)
    spaces = {name: space_of(programme, name) for name in {it.population for it in asked if it.table is None}}
    found = []
    for it in asked:
        if it.table is not None:
            found.append(float(cells[it.table].max()))
            continue
        total = np.eye(1, spaces[it.population].length)[0]
        found.append(noise_after(spaces[it.population], measured).covariance(total, total))
    return found


def _idle(programme: Programme, shares: Mapping[str, Fraction], asked: set[str | None]) -> Iterator[str]:
    """Tables that have a share no larger than what the solver leaves, or follow from one that has."""
    for table in programme.tables:
        if table.id in asked:
            continue
        telling = [
            shares[other.id]
            for other in programme.tables
            if other.population == table.population and set(table.dimensions) <= set(other.dimensions)
        ]
        if max(telling) <= GAP:
            yield table.id
