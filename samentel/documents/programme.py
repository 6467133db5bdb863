"""The programme: what is counted, of whom, in which tables, at what privacy loss.

Written in TOML by its author, signed over its exact bytes by the programme
authority, approved by each institution under its digest. Everything that
shapes the noise stands here and is public before any record is read.
"""

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Annotated

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from samentel.documents.envelope import Envelope, open_envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.model import Exact, Model, Name, Prose, from_toml
from samentel.ids import NO_DIGEST, Digest, Period, digest

PAYLOAD_TYPE = "application/vnd.samentel.programme.v1+toml"
MAX_CELLS = 100_000  # a vector of 800 kB; the complete national programme has about 900 cells

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,47}$")]
CodeText = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9_]{0,31}$")]


class Mode(StrEnum):
    """How institutions' numbers meet (DESIGN: release modes)."""

    INDIVIDUAL = "individual"
    SECURE_SUM = "secure-sum"


class Counting(StrEnum):
    """Whom a population counts in a period."""

    INFLOW = "inflow"
    STOCK = "stock"


class Text(Model):
    """The same words in Dutch and English."""

    nl: Prose
    en: Prose


class Code(Model):
    """One level of a dimension.

    Attributes:
        bounds: for a banded dimension, the lowest and highest whole year of age of this level, both included.
        alignment: the same notion in other code lists, by the name of the list.
    """

    code: CodeText
    nl: Name
    en: Name
    bounds: tuple[Annotated[int, Field(ge=0, le=150)], Annotated[int, Field(ge=0, le=150)]] | None = None
    alignment: dict[str, str] = Field(default_factory=dict)


class Dimension(Model):
    """One axis of a table: a fixed, public list of codes.

    Attributes:
        field: the field of the record model from which the level comes.
        unknown: the code for what is not recorded or cannot be read.
    """

    id: Key
    field: Key
    title: Text
    unknown: CodeText
    codes: Annotated[tuple[Code, ...], Field(min_length=2, max_length=500)]

    @property
    def banded(self) -> bool:
        """Whether the levels are age bands rather than codes to be translated."""
        return any(code.bounds is not None for code in self.codes)

    def index(self, code: str) -> int:
        """The position of a code; raises ValueError when it is not one of this dimension."""
        return [entry.code for entry in self.codes].index(code)


class Population(Model):
    """Whom the tables count.

    Attributes:
        rows_per_person: k, the most rows one person can add to each table of this population.
        rows_max: the most rows of one institution that count in one cell. Far above what any institution has:
            it bounds the vectors of a secure sum, and stops an export that holds everything a thousand times.
    """

    id: Key
    title: Text
    definition: Text
    counting: Counting
    rows_per_person: Annotated[int, Field(ge=1, le=8)]
    rows_max: Annotated[int, Field(ge=1000, le=10_000_000)] = 100_000


class Table(Model):
    """One national table.

    Attributes:
        rho_share: the part of the programme's rho that this table spends.
    """

    id: Key
    title: Text
    question: Text
    population: Key
    dimensions: Annotated[tuple[Key, ...], Field(min_length=1, max_length=4)]
    rho_share: Exact


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
    def vector_length(self) -> int:
        """Length of an institution's vector: every table's cells and its one null cell."""
        return sum(self.cells(table) + 1 for table in self.tables)

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
        yield from (f"{place}: the id {name} stands twice" for name in _repeated(ids))
    if programme.rho <= 0:
        yield "rho: must be more than 0"
    if not 0 < programme.delta < 1:
        yield "delta: must lie between 0 and 1"
    for dimension in programme.dimensions:
        yield from _dimension_problems(dimension)
    yield from _table_problems(programme)
    rules = programme.roster
    if rules.institutions_min - rules.collude_max - rules.absent_max < 2:
        yield (
            "roster: institutions_min - collude_max - absent_max must be at least 2, "
            "or one institution would stand alone against the others"
        )


def _dimension_problems(dimension: Dimension) -> Iterator[str]:
    place = f"dimensions.{dimension.id}"
    codes = [code.code for code in dimension.codes]
    yield from (f"{place}: the code {code} stands twice" for code in _repeated(codes))
    if dimension.unknown not in codes:
        yield f"{place}.unknown: {dimension.unknown} is not one of its codes"
    if dimension.banded:
        bands = [code.bounds for code in dimension.codes if code.code != dimension.unknown]
        if None in bands:
            yield f"{place}: every code but the unknown one needs bounds, or none"
        ordered = sorted(band for band in bands if band is not None)
        neighbours = list(pairwise(ordered))
        if any(low > high for low, high in ordered) or any(one[1] >= two[0] for one, two in neighbours):
            yield f"{place}: the bounds of its codes overlap or run backwards"
        elif any(one[1] + 1 < two[0] for one, two in neighbours):
            yield f"{place}: the bounds of its codes leave ages out between them"
        if any(code.code == dimension.unknown and code.bounds for code in dimension.codes):
            yield f"{place}: the unknown code has no bounds"


def _table_problems(programme: Programme) -> Iterator[str]:
    dimensions = {dimension.id: len(dimension.codes) for dimension in programme.dimensions}
    populations = {population.id for population in programme.populations}
    cells = 0
    for table in programme.tables:
        place = f"tables.{table.id}"
        if table.population not in populations:
            yield f"{place}.population: there is no population {table.population}"
        missing = [name for name in table.dimensions if name not in dimensions]
        yield from (f"{place}.dimensions: there is no dimension {name}" for name in missing)
        yield from (f"{place}.dimensions: {name} stands twice" for name in _repeated(table.dimensions))
        if table.rho_share <= 0:
            yield f"{place}.rho_share: must be more than 0"
        if not missing:
            cells += math.prod(dimensions[name] for name in table.dimensions) + 1
    if cells > MAX_CELLS:
        yield f"tables: {cells} cells together, the most is {MAX_CELLS}"
    shares = sum((table.rho_share for table in programme.tables), Fraction(0))
    if shares > 1:
        yield f"tables: the rho_share of all tables adds up to {shares}, more than 1"


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
