"""What the other tables of a programme gain if some are left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from desk.planning.accuracy import TablePlan, table_plans
from desk.planning.options import refuse
from samentel.counting.shares import plan_of
from samentel.documents.codelists import repeated
from samentel.documents.programme import Programme
from samentel.figures.workload import best_shares


@dataclass(frozen=True, slots=True)
class Gain:
    """One table that stays.

    Attributes:
        sd_before: of a published cell as the programme is, in persons, as ``TablePlan.sd_national``.
        sd_after: the same without the tables that were left out.
        rho_share: that it would then have.
    """

    table: str
    title_nl: str
    title_en: str
    sd_before: float
    sd_after: float
    rho_share: Fraction


@dataclass(frozen=True, slots=True)
class Without:
    """The same programme, its rho kept, without some tables.

    Attributes:
        dropped: their ids.
        gains: of the others, in the programme's order, with the best shares for the weights they have.
    """

    dropped: tuple[str, ...]
    gains: tuple[Gain, ...]


def without(programme: Programme, institutions: int, absent: int, dropped: Sequence[str]) -> Without:
    """What leaving tables out gives the others.

    Args:
        institutions, absent: as for ``desk.planning.plan.plan``.
        dropped: ids of tables.

    Raises:
        OptionsError: there is no such table, or none with a weight is left.
    """
    _check(programme, dropped)
    left = tuple(table for table in programme.tables if table.id not in dropped)
    fewer = programme.model_copy(update={"tables": left})
    shares = best_shares(fewer).shares
    given = tuple(table.model_copy(update={"rho_share": shares[table.id]}) for table in left)
    before = _plans(programme, institutions, absent)
    after = _plans(fewer.model_copy(update={"tables": given}), institutions, absent)
    gains = tuple(
        Gain(
            made.table,
            made.title_nl,
            made.title_en,
            before[made.table].sd_national,
            made.sd_national,
            made.rho_share,
        )
        for made in after.values()
    )
    return Without(tuple(dropped), gains)


def _check(programme: Programme, dropped: Sequence[str]) -> None:
    known = [table.id for table in programme.tables]
    strange = [name for name in dropped if name not in known]
    problems = [f"--drop {name}: there is no such table; there are {', '.join(known)}" for name in strange]
    problems += [f"--drop {name}: stands twice" for name in repeated(dropped)]
    if not problems and not any(table.weight for table in programme.tables if table.id not in dropped):
        problems.append("--drop: no table with a weight is left; leave fewer out")
    refuse(problems)


def _plans(programme: Programme, institutions: int, absent: int) -> Mapping[str, TablePlan]:
    noises = plan_of(programme, institutions, institutions)
    made = table_plans(programme, noises, institutions - absent, institutions)
    return {table.table: table for table in made}
