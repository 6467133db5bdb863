"""What a manifest says of tables: how each was measured, how exact it became, and what it is good for."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from samentel.counting.privacy import TableNoise
from samentel.counting.shares import honest_shares, plan_of, summed_variance
from samentel.documents.codelists import Text
from samentel.documents.populations import Population, Records, Table
from samentel.documents.programme import Mode, Programme
from samentel.figures import manifest_texts as texts
from samentel.figures.estimate import Figure, NationalTables, Z
from samentel.figures.listed import CodeList, listed
from samentel.figures.manifest import (
    Accuracy,
    CheckFacts,
    Fitness,
    NoiseFacts,
    PopulationFacts,
    TableFacts,
)
from samentel.figures.quality import checks, grade, joint_z
from samentel.figures.sums import NationalSum
from samentel.figures.workload import spread

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


def population_facts(programme: Programme) -> tuple[PopulationFacts, ...]:
    """Whom or what each population of the programme's tables counts, and what bounds one person's part."""
    used = {table.population for table in programme.tables}
    return tuple(_population(population) for population in programme.populations if population.id in used)


def _population(population: Population) -> PopulationFacts:
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
        registered_by=_registered_by(registers.channels) if registers else texts.ALL_REGISTER,
    )


def _registered_by(channels: Mapping[str, str]) -> Text:
    several = len(set(channels.values())) > 1
    form = texts.CHANNELS if several else texts.SOME_REGISTER
    kinds = ", ".join(f"{kind} ({channel})" if several else kind for kind, channel in channels.items())
    return Text(nl=form.nl.format(kinds=kinds), en=form.en.format(kinds=kinds))


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
