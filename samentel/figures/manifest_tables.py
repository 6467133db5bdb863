"""What a manifest says of tables: how each was measured, how exact it became, and what it is good for."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from samentel.counting.privacy import TableNoise
from samentel.counting.shares import honest_shares, plan_of, summed_variance
from samentel.documents.codelists import Code, Fixed, Text
from samentel.documents.populations import Population, Records, Table
from samentel.documents.programme import Mode, Programme
from samentel.figures import manifest_texts as texts
from samentel.figures.estimate import Figure, NationalTables, Z
from samentel.figures.listed import CodeList, listed
from samentel.figures.manifest import Counted, NoiseFacts, PopulationFacts, TableFacts
from samentel.figures.manifest_accuracy import Accuracy, CheckFacts, Fitness
from samentel.figures.quality import checks, grade, joint_z
from samentel.figures.sums import NationalSum
from samentel.figures.workload import spread

REASON = "reason"  # the field of a record that says why somebody was helped
UNITS: Mapping[Records, Counted] = {
    Records.CLIENTS: "persons",
    Records.VICTIMS: "persons",
    Records.REQUESTS: "requests",
    Records.PLACEMENTS: "placements",
    Records.CONTACTS: "contacts",
}
DETECTABLE = math.sqrt(2)  # times Z is 2.77: a difference of two figures with the same noise, at 5 %


def table_facts(
    programme: Programme,
    plan: Sequence[TableNoise],
    periods: Mapping[str, NationalSum],
    rostered: int,
    dealers: int,
) -> tuple[TableFacts, ...]:
    """How each table was measured, with the noise that is really in it.

    Of a secure sum rho is what the programme gives the table: the loss, tau included, stays within it.

    Args:
        periods: the national sum of each, in order, that of this release last; more than one if there are
            enough for tables that are published as the sum of several.
        rostered, dealers: as for ``manifest_privacy.privacy_facts``.
    """
    *_, national = periods.values()
    shared = programme.mode is Mode.SECURE_SUM
    spent = {
        table.id: programme.rho_of(table) if shared else noise.rho
        for table, noise in zip(programme.measured, plan, strict=True)
    }
    noises = _noise_facts(programme, plan, national, rostered, dealers)
    most = max(table.years for table in programme.tables)
    after = [spread(programme, one.variances) for one in list(periods.values())[-most:]]
    facts = []
    for table in programme.tables:
        population, summed = programme.population(table.population), _summed(table, list(periods))
        variance = sum(float(one[table.id].max()) for one in after[-max(len(summed), 1) :])
        facts.append(
            TableFacts(
                id=table.id,
                title=table.title,
                question=table.question,
                population=population.title,
                definition=population.definition,
                unit=UNITS[population.records],
                dimensions=table.dimensions,
                cells=programme.cells(table),
                rows_per_person=population.rows_per_person,
                rho=spent.get(table.id, Fraction(0)),
                noise=noises.get(table.id),
                noise_sd=math.sqrt(national.variances[table.id]) if table.id in spent else None,
                cell_sd=math.sqrt(variance),
                years=table.years,
                periods=summed,
                withheld=None if summed else texts.THREE_YEARS,
            )
        )
    return tuple(facts)


def _noise_facts(
    programme: Programme, plan: Sequence[TableNoise], national: NationalSum, rostered: int, dealers: int
) -> Mapping[str, NoiseFacts]:
    shared = programme.mode is Mode.SECURE_SUM
    honest = honest_shares(programme.roster, dealers) if shared else 1  # alone: each by its own noise
    whole = plan_of(programme, rostered, rostered)
    return {
        noise.table: NoiseFacts(
            planned=float(summed_variance(planned, rostered)),
            realised=national.variances[noise.table],
            honest=float(summed_variance(noise, honest)),
        )
        for noise, planned in zip(plan, whole, strict=True)
    }


def _summed(table: Table, periods: Sequence[str]) -> tuple[str, ...]:
    """The periods that a table of this release is the sum of; none if there are too few for it."""
    return tuple(periods[-table.years :]) if len(periods) >= table.years else ()


def code_lists(programme: Programme, tables: Sequence[TableFacts]) -> tuple[CodeList, ...]:
    """The code list of every dimension along which a table counts that has figures in this release."""
    used = {name for facts in tables if facts.withheld is None for name in facts.dimensions}
    return tuple(listed(programme, it) for it in programme.dimensions if it.id in used)


def reason_facts(programme: Programme) -> Text | None:
    """What a reason for help is and who decides on it; None where no table is by reason."""
    lists = {one.id: one for one in programme.dimensions if one.field == REASON}
    by_reason = [table for table in programme.tables if lists.keys() & set(table.dimensions)]
    if not by_reason:
        return None
    titles = [lists[name].title for table in by_reason for name in table.dimensions if name in lists]
    about = [programme.population(name) for name in dict.fromkeys(table.population for table in by_reason)]

    def form(language: str) -> str:
        said = {
            "titles": "; ".join(dict.fromkeys(getattr(title, language) for title in titles)),
            "definitions": " ".join(
                f"{getattr(one.title, language)}: {getattr(one.definition, language).strip()}"
                for one in about
            ),
        }
        written: str = getattr(texts.REASON, language)
        return written.format(**said)

    return Text(nl=form("nl"), en=form("en"))


def population_facts(programme: Programme) -> tuple[PopulationFacts, ...]:
    """Whom or what each population of the programme's tables counts, and what bounds one person's part."""
    used = {table.population for table in programme.tables}
    kinds = _kinds(programme)
    return tuple(_population(one, kinds) for one in programme.populations if one.id in used)


def _population(population: Population, kinds: Sequence[Code]) -> PopulationFacts:
    contacts = population.records is Records.CONTACTS
    form = texts.ADJACENCY_CONTACT if contacts else texts.ADJACENCY
    registers = population.registers
    return PopulationFacts(
        id=population.id,
        title=population.title,
        definition=population.definition,
        unit=texts.UNIT_CONTACT if contacts else texts.UNIT,
        adjacency=form.format(rows=population.rows_per_person),
        rows_per_person=population.rows_per_person,
        rows_max=population.rows_max,
        counting=population.counting,
        channels=dict(registers.channels) if registers else {},
        registered_by=_registered_by(registers.channels, kinds) if registers else texts.ALL_REGISTER,
    )


def _kinds(programme: Programme) -> Sequence[Code]:
    """The words that a programme has for types of institution, by the finest of its lists of them."""
    lists = [one.codes for one in programme.dimensions if one.fixed_by is Fixed.TYPE]
    return max(lists, key=len, default=())


def _registered_by(channels: Mapping[str, str], known: Sequence[Code]) -> Text:
    by_channel: dict[str, list[str]] = {}
    for kind, channel in channels.items():
        by_channel.setdefault(channel, []).append(kind)
    several = len(by_channel) > 1
    form = texts.CHANNELS if several else texts.SOME_REGISTER

    def told(language: str) -> str:
        parts = []
        for channel, kinds in by_channel.items():
            way = texts.WAYS.get(channel)
            word = channel if way is None else getattr(way, language)
            names = "; ".join(_named(kinds, known, language))
            parts.append(f"{word}: {names}" if several else names)
        written: str = getattr(form, language)
        return written.format(kinds=". ".join(parts))

    return Text(nl=told("nl"), en=told("en"))


def _named(kinds: Sequence[str], known: Sequence[Code], language: str) -> Sequence[str]:
    """Types of institution in words; beside the words of a code that takes in more, those that are meant.

    One type of several under a code stands by itself: the words for all of them do not name it.
    """
    named, left = [], list(kinds)
    for code in known:
        members = code.members or (code.code,)
        meant = [kind for kind in left if kind in members]
        if len(meant) > 1 or len(meant) == len(members):
            only = "" if len(meant) == len(members) else f" ({', '.join(meant)})"
            named.append(f"{getattr(code, language)}{only}")
            left = [kind for kind in left if kind not in meant]
    return [*named, *left]


def accuracy_facts(
    programme: Programme, tables: Sequence[TableFacts], national: NationalTables, rostered: int
) -> Accuracy:
    """How exact the figures are, from the noise and from figures that were published elsewhere.

    Args:
        tables: as the manifest has them.
        national: of the period of this release.
        rostered: institutions on the roster.
    """
    planned = _planned(programme, rostered)
    cells = sum(facts.cells for facts in tables if facts.withheld is None)
    z = joint_z(max(cells, 1))
    facts = {"cells": str(cells), "z": f"{z:.2f}"}
    return Accuracy(
        method=texts.METHOD,
        joint=Text(
            nl=texts.JOINT.nl.format(**facts | {"z": facts["z"].replace(".", ",")}),
            en=texts.JOINT.en.format(**facts),
        ),
        cells=cells,
        joint_z=z,
        grades=texts.GRADES,
        tables=tuple(
            _fitness(programme, table, its, planned[table.id])
            for table, its in zip(programme.tables, tables, strict=True)
        ),
        checks=tuple(
            CheckFacts(
                name=one.name,
                statistic=one.statistic,
                degrees=one.degrees,
                p_value=one.p_value,
                detects=one.detects,
            )
            for one in checks(national.fits)
        ),
    )


def _planned(programme: Programme, rostered: int) -> Mapping[str, float]:
    """By table, the largest sd of a cell of one year with everybody on the roster in the sum."""
    plan = plan_of(programme, rostered, rostered)
    variances = {noise.table: float(summed_variance(noise, rostered)) for noise in plan}
    return {name: math.sqrt(float(cells.max())) for name, cells in spread(programme, variances).items()}


def _fitness(programme: Programme, table: Table, facts: TableFacts, planned: float) -> Fitness:
    years = max(len(facts.periods), 1)
    reference = programme.population(table.population).reference
    cell = None if reference is None else years * reference / facts.cells
    reached = None if table.target_sd is None else facts.cell_sd / math.sqrt(years) <= table.target_sd
    return Fitness(
        table=table.id,
        half_width=Z * facts.cell_sd,
        planned_half_width=Z * planned * math.sqrt(years),
        smallest_change=Z * DETECTABLE * facts.cell_sd,
        reference_cell=cell,
        grade=None if cell is None else grade(Figure(cell, facts.cell_sd)),
        target_sd=table.target_sd,
        accepted=reached,
        imprecise=table.imprecise,
    )
