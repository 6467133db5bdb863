"""The programme: what is counted, of whom, in which tables, at what privacy loss.

Written in TOML by its author, signed over its exact bytes by the programme
authority, approved by each institution under its digest. Everything that
shapes the noise stands here and is public before any record is read.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Annotated

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from samentel.documents import codelists, populations
from samentel.documents.codelists import Dimension, Fixed, Key, Text, repeated
from samentel.documents.envelope import Envelope, open_envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.model import Exact, Model, Name, from_toml
from samentel.documents.populations import Population, Table
from samentel.ids import NO_DIGEST, Digest, Period, digest

PAYLOAD_TYPE = "application/vnd.samentel.programme.v1+toml"
MAX_CELLS = 100_000  # a vector of 800 kB; the complete national programme has about 900 cells


class Mode(StrEnum):
    """How institutions' numbers meet (DESIGN: release modes)."""

    INDIVIDUAL = "individual"
    SECURE_SUM = "secure-sum"


class RosterRules(Model):
    """How many institutions it takes.

    Attributes:
        institutions_min: the least number in a national sum.
        collude_max: c, the most institutions assumed to work together with a lying coordinator.
        absent_max: D, the most institutions that may fall out during the round.
    """

    institutions_min: Annotated[int, Field(ge=3, le=10_000)]
    collude_max: Annotated[int, Field(ge=0, le=10_000)] = 0
    absent_max: Annotated[int, Field(ge=0, le=10_000)] = 0


class Programme(Model):
    """A programme whose parts fit together.

    Attributes:
        rho: zero-concentrated privacy loss of one completed attempt, all tables together.
        delta: the delta at which epsilon is quoted for readers.
        tick_seconds: vectors leave at whole multiples of this, so that timing says nothing of rows.
        licence: under which releases are published, by its SPDX name.
        planned_days: a release is planned within so many days after the end of its period.
        justification: why this rho, and who decided on it; every release repeats it.
    """

    id: Key
    version: Annotated[int, Field(ge=1, le=9999)]
    title: Text
    purpose: Text
    contact: Name
    mode: Mode
    period: Annotated[str, StringConstraints(pattern="^(?:year|quarter)$")]
    rho: Exact
    delta: Exact
    max_attempts: Annotated[int, Field(ge=1, le=5)]
    tick_seconds: Annotated[float, Field(ge=0.05, le=3600)]
    licence: Name = "CC-BY-4.0"
    planned_days: Annotated[int, Field(ge=1, le=730)] = 180
    justification: Text | None = None
    roster: RosterRules
    populations: Annotated[tuple[Population, ...], Field(min_length=1, max_length=16)]
    dimensions: Annotated[tuple[Dimension, ...], Field(min_length=1, max_length=64)]
    tables: Annotated[tuple[Table, ...], Field(min_length=1, max_length=64)]

    _digest: Digest = PrivateAttr(default=NO_DIGEST)

    @model_validator(mode="after")
    def _parts_fit(self) -> "Programme":
        problems = list(_problems(self))
        if problems:
            raise ValueError(*problems)
        return self

    @property
    def digest(self) -> Digest:
        """SHA-256 of the signed bytes."""
        return self._digest

    def dimension(self, name: str) -> Dimension:
        """The dimension of that id."""
        return next(dimension for dimension in self.dimensions if dimension.id == name)

    def population(self, name: str) -> Population:
        """The population of that id."""
        return next(population for population in self.populations if population.id == name)

    def shape(self, table: Table) -> tuple[int, ...]:
        """The number of levels along each dimension of a table."""
        return tuple(len(self.dimension(name).codes) for name in table.dimensions)

    def cells(self, table: Table) -> int:
        """The number of published cells of a table."""
        return math.prod(self.shape(table))

    @property
    def measured(self) -> tuple[Table, ...]:
        """The tables that institutions count; the others follow from them."""
        return tuple(table for table in self.tables if table.rho_share > 0)

    @property
    def vector_length(self) -> int:
        """Length of an institution's vector: the cells and the one null cell of every table measured."""
        return sum(self.cells(table) + 1 for table in self.measured)

    def rho_of(self, table: Table) -> Fraction:
        """What a table may spend: its share of the programme's rho."""
        return self.rho * table.rho_share

    def admits(self, period: Period) -> bool:
        """Whether this is the kind of period that the programme counts."""
        return period.kind == self.period


def parse(payload: bytes) -> Programme:
    """Read a programme from its exact bytes.

    Raises:
        DocumentError: every field that is wrong; or, once each field is right by itself, everything
            that does not fit together.
    """
    programme = from_toml(Programme, payload, "programme")
    programme._digest = digest(payload)
    return programme


def verify(envelope: Envelope, authority: Sequence[VerifyKey], threshold: int) -> Programme:
    """The programme, once enough of the authority's keys have signed it.

    Raises:
        PeerError: too few good signatures; nothing has been parsed.
        DocumentError: signed, but its parts do not fit together.
    """
    return parse(open_envelope(envelope, PAYLOAD_TYPE, authority, threshold))


def _problems(programme: Programme) -> Iterator[str]:
    for place, ids in (
        ("populations", [population.id for population in programme.populations]),
        ("dimensions", [dimension.id for dimension in programme.dimensions]),
        ("tables", [table.id for table in programme.tables]),
    ):
        yield from (f"{place}: the id {name} stands twice" for name in repeated(ids))
    if programme.rho <= 0:
        yield "rho: must be more than 0"
    if not 0 < programme.delta < 1:
        yield "delta: must lie between 0 and 1"
    yield from codelists.problems(programme.dimensions)
    yield from populations.problems(
        programme.populations, programme.period, [dimension.id for dimension in programme.dimensions]
    )
    yield from _table_problems(programme)
    rules = programme.roster
    if rules.institutions_min - rules.collude_max - rules.absent_max < 2:
        yield (
            "roster: institutions_min - collude_max - absent_max must be at least 2, "
            "or one institution would stand alone against the others"
        )


def _table_problems(programme: Programme) -> Iterator[str]:
    dimensions = {dimension.id: dimension for dimension in programme.dimensions}
    counted = {population.id for population in programme.populations}
    cells = 0
    for table in programme.tables:
        place = f"tables.{table.id}"
        if table.population not in counted:
            yield f"{place}.population: there is no population {table.population}"
        missing = [name for name in table.dimensions if name not in dimensions]
        yield from (f"{place}.dimensions: there is no dimension {name}" for name in missing)
        yield from (f"{place}.dimensions: {name} stands twice" for name in repeated(table.dimensions))
        if table.years == 2 or (table.years > 1 and programme.period != "year"):
            yield f"{place}.years: write 1, or in a yearly programme 3 for a table that is the sum of three"
        if table.target_sd is not None and table.target_sd <= 0:
            yield f"{place}.target_sd: must be more than 0 persons; leave it out if nothing is sought"
        if not missing:
            used = [dimensions[name] for name in table.dimensions]
            yield from _crossing_problems(place, used, dimensions)
            yield from _channel_problems(programme, table, used, dimensions)
            if table.rho_share > 0:
                cells += math.prod(len(one.codes) for one in used) + 1
            elif not _follows(table, programme.measured):
                yield (
                    f"{place}.rho_share: is 0, so it must follow from a table of {table.population} that has "
                    "its dimensions and more, and a share"
                )
    yield from _fixed_twice(programme, dimensions)
    if cells > MAX_CELLS:
        yield (
            f"tables: {cells} cells together, the most is {MAX_CELLS}; leave tables out, or take codes "
            "together"
        )
    shares = sum((table.rho_share for table in programme.tables), Fraction(0))
    if shares > 1:
        yield f"tables: the rho_share of all tables adds up to {shares}, more than 1; lower some of them"
    if not any(table.weight for table in programme.tables):
        yield "tables: every weight is 0; give one table at least a weight of more than 0"


def _crossing_problems(
    place: str, used: Sequence[Dimension], known: Mapping[str, Dimension]
) -> Iterator[str]:
    fixed = [one.id for one in used if known.get(one.rolls_up or "", one).fixed_by is not None]
    if len(fixed) > 1:  # who can fill a cell of both could be one institution, however many fill each level
        yield f"{place}.dimensions: {' and '.join(fixed)} are both fixed by the roster; cross one of them"
    names = {dimension.id for dimension in used}
    for dimension in used:
        if dimension.rolls_up in names:
            yield f"{place}.dimensions: {dimension.id} takes codes of {dimension.rolls_up} together; use one"


def _channel_problems(
    programme: Programme, table: Table, used: Sequence[Dimension], known: Mapping[str, Dimension]
) -> Iterator[str]:
    """A channel is as good as fixed by the roster: crossed with another such, few could fill a cell."""
    registers = next((one.registers for one in programme.populations if one.id == table.population), None)
    if registers is None or registers.field is None:
        return
    told = [one.id for one in used if one.field == registers.field]
    fixed = [one.id for one in used if known.get(one.rolls_up or "", one).fixed_by is not None]
    if told and fixed:
        yield (
            f"tables.{table.id}.dimensions: {told[0]} tells channels apart and {fixed[0]} is fixed by the "
            "roster; cross one of them"
        )


def _fixed_twice(programme: Programme, known: Mapping[str, Dimension]) -> Iterator[str]:
    for population in programme.populations:
        tables = [table for table in programme.tables if table.population == population.id]
        used = {name: known[name] for table in tables for name in table.dimensions if name in known}
        fine = {one.id: one for one in (known.get(one.rolls_up or "", one) for one in used.values())}
        for fixed in (Fixed.TYPE, Fixed.PROVINCE):
            same = [one.id for one in fine.values() if one.fixed_by is fixed]
            if len(same) > 1:  # a level could be the difference of two others, and escape the rule for both
                yield (
                    f"dimensions.{same[1]}: like {same[0]} it is the {fixed} of an institution; let one roll "
                    "the other up"
                )


def _follows(table: Table, measured: Sequence[Table]) -> bool:
    return any(
        other.population == table.population and set(table.dimensions) <= set(other.dimensions)
        for other in measured
    )
