"""What a release says of itself: its manifest, and its tables as plain rows.

The release directory is written elsewhere (aggregator/publisher.py); here is
what stands in it.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from samentel.counting.privacy import TableNoise, attacker_power, epsilon_upper, total_rho
from samentel.documents.model import DigestField, Exact, LongExact, Model, Moment, Name, PeriodField
from samentel.documents.programme import Programme, Text
from samentel.figures.estimate import CONFIDENCE, NationalSum, NationalTables

COLUMNS = ("table", "cell", "dimensions", "codes", "label_nl", "label_en",
           "estimate", "sd", "lower", "upper", "shown", "shown_lower", "shown_upper")  # fmt: skip

_DECIMALS = 10**12

# Both become names on a reader's disk.
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-zA-Z0-9._-]{0,99}$")]


class File(Model):
    """One file of a release."""

    name: FileName
    bytes: Annotated[int, Field(ge=0)]
    sha256: DigestField


class Coverage(Model):
    """Who was asked, who took part, who is in the sum: names, published exactly."""

    invited: tuple[str, ...]
    present: tuple[str, ...]
    in_sum: tuple[str, ...]


class TableFacts(Model):
    """How one table was measured."""

    id: Name
    title: Text
    question: Text
    population: Text
    definition: Text
    dimensions: tuple[str, ...]
    cells: int
    rows_per_person: int
    rho: LongExact
    noise_sd: float


class Privacy(Model):
    """What was promised to a person, and its translations.

    Attributes:
        rho_spent: what all tables cost together, rounded up to twelve decimals.
    """

    unit: Text
    measure: Literal["zCDP"] = "zCDP"
    mechanism: Text
    mode: str
    rho: Exact
    rho_spent: LongExact
    delta: Exact
    epsilon_upper: float
    attacker_power_at_5_percent: float
    unprotected: Text


class Manifest(Model):
    """A release: what it is, whom it covers, what it cost, which files it has."""

    kind: Literal["release"] = "release"
    release_id: FileName
    programme_id: Name
    programme_version: int
    programme: DigestField
    title: Text
    purpose: Text
    contact: Name
    period: PeriodField
    round: DigestField
    attempt: int
    roster: DigestField
    published_at: Moment
    supersedes: str | None = None
    coverage: Coverage
    privacy: Privacy
    confidence: float = CONFIDENCE
    interval: Text
    reading: Text
    tables: tuple[TableFacts, ...]
    files: tuple[File, ...]
    software: str


UNIT = Text(
    nl="Alle gegevens van één persoon bij één instelling waaruit de regels van dit verslagjaar volgen.",
    en="All records of one person at one institution from which this reporting year's rows are derived.",
)
INTERVAL = Text(
    nl="De intervallen dekken alleen de privacyruis: niet wat instellingen niet vastleggen, en niet de "
    "instellingen die niet meededen.",
    en="Intervals cover privacy noise only: not what institutions leave unrecorded, and not the institutions "
    "that did not take part.",
)
READING = Text(
    nl="Reken met 'estimate' (zuiver, kan negatief zijn). De kolommen 'shown' zijn om te lezen: afgerond, "
    "nooit negatief, niet optellen. Wie bij twee instellingen hulp kreeg, telt tweemaal.",
    en="Calculate with 'estimate' (unbiased, may be negative). The 'shown' columns are for reading: rounded, "
    "never negative, not to be added up. A person helped at two institutions counts twice.",
)
MECHANISM = Text(
    nl="Elke instelling telt zelf en telt er in elke cel een trekking uit de discrete normale verdeling bij "
    "op (OpenDP).",
    en="Each institution counts by itself and adds a draw from the discrete Gaussian to every cell (OpenDP).",
)
UNPROTECTED = Text(
    nl="Welke instellingen meededen, wanneer, en de indeling van de tabellen.",
    en="Which institutions took part, when, and the layout of the tables.",
)


def privacy_facts(programme: Programme, plan: tuple[TableNoise, ...]) -> Privacy:
    """The privacy section of a manifest."""
    spent = total_rho(plan)
    return Privacy(
        unit=UNIT,
        mechanism=MECHANISM,
        mode=programme.mode,
        rho=programme.rho,
        rho_spent=min(programme.rho, Fraction(math.ceil(spent * _DECIMALS), _DECIMALS)),
        delta=programme.delta,
        epsilon_upper=epsilon_upper(spent, programme.delta),
        attacker_power_at_5_percent=attacker_power(spent),
        unprotected=UNPROTECTED,
    )


def table_facts(
    programme: Programme, plan: tuple[TableNoise, ...], national: NationalSum
) -> tuple[TableFacts, ...]:
    """How each table was measured, with the noise that is really in it."""
    facts = []
    for table, noise in zip(programme.tables, plan, strict=True):
        population = programme.population(table.population)
        facts.append(
            TableFacts(
                id=table.id,
                title=table.title,
                question=table.question,
                population=population.title,
                definition=population.definition,
                dimensions=table.dimensions,
                cells=noise.cells,
                rows_per_person=noise.rows,
                rho=noise.rho,
                noise_sd=national.variances[table.id] ** 0.5,
            )
        )
    return tuple(facts)


def rows(programme: Programme, tables: NationalTables) -> Iterator[dict[str, str | int | float]]:
    """Every figure of a release as one tidy row with the keys COLUMNS."""
    labels = {
        (dimension.id, code.code): code for dimension in programme.dimensions for code in dimension.codes
    }
    for table in programme.tables:
        for number, cell in enumerate(tables.table(table.id).cells):
            named = [labels[pair] for pair in zip(table.dimensions, cell.codes, strict=True)]
            yield {
                "table": table.id,
                "cell": number,
                "dimensions": "|".join(table.dimensions),
                "codes": "|".join(cell.codes),
                "label_nl": " | ".join(code.nl for code in named),
                "label_en": " | ".join(code.en for code in named),
                "estimate": cell.estimate,
                "sd": cell.sd,
                "lower": cell.lower,
                "upper": cell.upper,
                "shown": cell.shown,
                "shown_lower": cell.shown_lower,
                "shown_upper": cell.shown_upper,
            }
