"""What a release says of itself: its manifest, and its tables as plain rows.

The release directory is written elsewhere (aggregator/publisher.py); here is
what stands in it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from samentel.counting.privacy import TableNoise, attacker_power, epsilon_upper, total_rho
from samentel.documents.codelists import Text
from samentel.documents.model import DigestField, Exact, LongExact, Model, Moment, Name, PeriodField
from samentel.documents.populations import Table
from samentel.documents.programme import Mode, Programme
from samentel.figures.collusion import Collusion, collusion_of
from samentel.figures.estimate import CONFIDENCE, NationalSum, NationalTables, pooled
from samentel.figures.listed import CodeList, listed
from samentel.figures.workload import spread

COLUMNS = ("table", "cell", "dimensions", "codes", "label_nl", "label_en",
           "estimate", "sd", "lower", "upper", "share", "share_sd", "share_lower", "share_upper",
           "shown", "shown_lower", "shown_upper")  # fmt: skip

Row = dict[str, str | int | float | None]

TOTAL = Text(nl="Totaal", en="Total")
_DECIMALS = 10**12

# Both become names on a reader's disk.
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-zA-Z0-9._-]{0,99}$")]


class File(Model):
    """One file of a release."""

    name: FileName
    bytes: Annotated[int, Field(ge=0)]
    sha256: DigestField


class Coverage(Model):
    """Who was asked, who took part, who is in the sum: names, published exactly.

    Attributes:
        dealt: in a secure sum, how many were still there when the noise shares were sized.
    """

    invited: tuple[str, ...]
    present: tuple[str, ...]
    in_sum: tuple[str, ...]
    dealt: int | None = None


class TableFacts(Model):
    """How one table was measured, and how accurate it became.

    Attributes:
        rho: of the table in this release, at most c colluding; 0 for a table that was not measured and
            follows from others.
        noise_sd: of one national cell as measured, in persons; None for a table that was not measured.
        cell_sd: of one national cell after least squares over the tables of its population, in persons; the
            largest of its cells. At most ``noise_sd``.
        years: 3 for a table that is published as the sum of three years only.
        periods: the periods of which its figures in this release are the sum; none if it has none.
        withheld: why this release has no figures of it.
    """

    id: Name
    title: Text
    question: Text
    population: Text
    definition: Text
    dimensions: tuple[str, ...]
    cells: int
    rows_per_person: int
    rho: LongExact
    noise_sd: float | None
    cell_sd: float
    years: int
    periods: tuple[str, ...]
    withheld: Text | None = None


class EarlierYear(Model):
    """A year that was published before, and that is part of the sums of three years in this release.

    Attributes:
        in_sum: the institutions in the sum of that year.
    """

    period: PeriodField
    release_id: FileName
    in_sum: tuple[str, ...]


class SharedNoise(Model):
    """How the noise of a secure sum was shared, and how far that holds.

    Attributes:
        collude_max, absent_max: c and D of the programme.
        dealers: n2; each share has the part 1/(n2 - c - D) of the variance that rho asks for.
        rho_local: what was spent if everybody else colludes with the coordinator, rounded up.
        colluders: what it is if more than c do.
    """

    collude_max: int
    absent_max: int
    dealers: int
    rho_local: LongExact
    colluders: Text


class Privacy(Model):
    """What was promised to a person, and its translations.

    Attributes:
        rho_spent: what all tables cost together, rounded up to twelve decimals.
        shared_noise: of a secure sum only.
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
    shared_noise: SharedNoise | None = None


class Manifest(Model):
    """A release: what it is, whom it covers, what it cost, which files it has.

    Attributes:
        earlier: the years before this one of which tables of three years are the sum, oldest first.
        code_lists: what the codes of the tables that have figures mean, and their like in other code lists.
    """

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
    earlier: tuple[EarlierYear, ...] = ()
    privacy: Privacy
    confidence: float = CONFIDENCE
    interval: Text
    reading: Text
    tables: tuple[TableFacts, ...]
    code_lists: tuple[CodeList, ...] = ()
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
    nl="Reken met 'estimate' (zuiver, kan negatief zijn); 'share' is het deel van het totaal waarover de "
    "tabel gaat. De kolommen 'shown' zijn teksten om te lezen: afgerond, nooit negatief, niet op te tellen. "
    "Tabellen over dezelfde personen zijn op elkaar afgestemd: randtotalen en samengenomen codes die zij "
    "gemeen hebben, zijn in 'estimate' gelijk. Cijfers van een vervolgvraag, zoals de grond van een "
    "weigering, zijn daar los van geschat: samen hoeven zij niet gelijk te zijn aan het aantal voor wie de "
    "vraag geldt. Wie bij twee instellingen hulp kreeg, telt tweemaal.",
    en="Calculate with 'estimate' (unbiased, may be negative); 'share' is the part of the total that the "
    "table is about. The 'shown' columns are texts for reading: rounded, never negative, not to be added up. "
    "Tables about the same persons are fitted together: margins and roll-ups that they have in common are "
    "equal in 'estimate'. Figures of a follow-up question, such as the ground of a refusal, are estimated "
    "by themselves: together they need not equal the number to whom the question applies. "
    "A person helped at two institutions counts twice.",
)
THREE_YEARS = Text(
    nl="Deze aantallen zijn te klein voor één jaar. De tabel verschijnt als som van drie jaren zodra die er "
    "zijn.",
    en="These counts are too small for one year. The table is published as the sum of three years once three "
    "years are there.",
)
MECHANISM = {
    Mode.INDIVIDUAL: Text(
        nl="Elke instelling telt zelf en telt er in elke cel een trekking uit de discrete normale verdeling "
        "bij op (OpenDP).",
        en="Each institution counts by itself and adds a draw from the discrete Gaussian to every cell "
        "(OpenDP).",
    ),
    Mode.SECURE_SUM: Text(
        nl="Elke instelling telt zelf en telt er in elke cel een deel van de ruis bij op: een trekking uit "
        "de discrete normale verdeling (OpenDP). De getallen vertrokken onder maskers die alleen in de "
        "landelijke som wegvallen; getallen van één instelling heeft niemand anders gezien.",
        en="Each institution counts by itself and adds a part of the noise to every cell: a draw from the "
        "discrete Gaussian (OpenDP). The numbers left under masks that cancel in the national sum only; "
        "nobody else has seen the numbers of one institution.",
    ),
}
UNPROTECTED = {
    Mode.INDIVIDUAL: Text(
        nl="Welke instellingen meededen, wanneer, en de indeling van de tabellen.",
        en="Which institutions took part, when, and the layout of the tables.",
    ),
    Mode.SECURE_SUM: Text(
        nl="Welke instellingen meededen, wanneer, en de indeling van de tabellen. Ook het totaal van een "
        "instelling die als een van de weinige een cel kan vullen, met de ruis van de landelijke som.",
        en="Which institutions took part, when, and the layout of the tables. Also the total of an "
        "institution that is one of few that can fill a cell, with the noise of the national sum.",
    ),
}


def privacy_facts(programme: Programme, plan: Sequence[TableNoise], rostered: int, dealers: int) -> Privacy:
    """The privacy section of a manifest.

    Args:
        plan: what each institution in the sum has added.
        rostered, dealers: institutions on the roster, and those that have dealt; without meaning in
            individual mode.
    """
    shared = programme.mode is Mode.SECURE_SUM
    collusion = collusion_of(programme, plan, rostered, dealers) if shared else None
    spent = collusion.central if collusion else total_rho(plan)
    return Privacy(
        unit=UNIT,
        mechanism=MECHANISM[programme.mode],
        mode=programme.mode,
        rho=programme.rho,
        rho_spent=min(programme.rho, Fraction(math.ceil(spent * _DECIMALS), _DECIMALS)),
        delta=programme.delta,
        epsilon_upper=epsilon_upper(spent, programme.delta),
        attacker_power_at_5_percent=attacker_power(spent),
        unprotected=UNPROTECTED[programme.mode],
        shared_noise=_shared_noise(collusion) if collusion else None,
    )


def _shared_noise(collusion: Collusion) -> SharedNoise:
    rules = collusion.programme.roster
    return SharedNoise(
        collude_max=rules.collude_max,
        absent_max=rules.absent_max,
        dealers=collusion.dealers,
        rho_local=collusion.loss.local,
        colluders=colluders_sentence(collusion),
    )


def colluders_sentence(collusion: Collusion) -> Text:
    """What is left when more institutions collude with the coordinator than the programme assumes."""
    most = collusion.withstood
    facts = {
        "c": collusion.programme.roster.collude_max,
        "most": most,
        "beyond": most + 1,
    }
    losses = {
        "central": _shown(collusion.central),
        "more": _shown(collusion.with_colluders(most)),
        "local": _shown(collusion.loss.local),
    }
    dutch = {name: loss.replace(".", ",") for name, loss in losses.items()}
    form = _MORE_COLLUDERS if most > collusion.programme.roster.collude_max else _NO_MORE_COLLUDERS
    return Text(nl=form.nl.format(**facts, **dutch), en=form.en.format(**facts, **losses))


def _shown(rho: Fraction) -> str:
    """Two decimals, rounded up; an exact half stays 0.5."""
    return f"{math.ceil(rho * 100) / 100:g}"


_MORE_COLLUDERS = Text(
    nl="Spannen niet meer dan {c} instellingen samen met de coördinator, dan is het verlies ten hoogste "
    "rho {central}; bij {most} is dat rho {more}; vanaf {beyond} houdt elke andere instelling alleen haar "
    "eigen deel van de ruis over: rho {local}.",
    en="With no more than {c} institutions that work together with the coordinator the loss is at most "
    "rho {central}; with {most} it is rho {more}; from {beyond} on each other institution is left with its "
    "own part of the noise: rho {local}.",
)
_NO_MORE_COLLUDERS = Text(
    nl="Spannen niet meer dan {c} instellingen samen met de coördinator, dan is het verlies ten hoogste "
    "rho {central}; vanaf {beyond} houdt elke andere instelling alleen haar eigen deel van de ruis over: "
    "rho {local}.",
    en="With no more than {c} institutions that work together with the coordinator the loss is at most "
    "rho {central}; from {beyond} on each other institution is left with its own part of the noise: "
    "rho {local}.",
)


def table_facts(
    programme: Programme, plan: Sequence[TableNoise], periods: Mapping[str, NationalSum]
) -> tuple[TableFacts, ...]:
    """How each table was measured, with the noise that is really in it.

    Of a secure sum rho is what the programme gives the table: the loss, tau included, stays within it.

    Args:
        periods: the national sum of each, in order, that of this release last; more than one if there are
            enough for tables that are published as the sum of several.
    """
    *_, national = periods.values()
    spent = {
        table.id: programme.rho_of(table) if programme.mode is Mode.SECURE_SUM else noise.rho
        for table, noise in zip(programme.measured, plan, strict=True)
    }
    after = [spread(programme, one.variances) for one in periods.values()]
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
                noise_sd=math.sqrt(national.variances[table.id]) if table.id in spent else None,
                cell_sd=math.sqrt(variance),
                years=table.years,
                periods=summed,
                withheld=None if summed else THREE_YEARS,
            )
        )
    return tuple(facts)


def _summed(table: Table, periods: Sequence[str]) -> tuple[str, ...]:
    """The periods that a table of this release is the sum of; none if there are too few for it."""
    return tuple(periods[-table.years :]) if len(periods) >= table.years else ()


def code_lists(programme: Programme, tables: Sequence[TableFacts]) -> tuple[CodeList, ...]:
    """The code list of every dimension along which a table counts that has figures in this release."""
    used = {name for facts in tables if facts.withheld is None for name in facts.dimensions}
    return tuple(listed(programme, it) for it in programme.dimensions if it.id in used)


def rows(programme: Programme, years: Sequence[NationalTables]) -> Iterator[Row]:
    """Every figure of a release as one tidy row with the keys COLUMNS.

    Args:
        years: the tables of each year, in order, those of this release last. A table that needs more of
            them than there are is left out.
    """
    sums = {n: pooled(years[-n:]) if n > 1 else years[-1] for n in (1, 3) if n <= len(years)}
    labels = {
        (dimension.id, code.code): code for dimension in programme.dimensions for code in dimension.codes
    }
    for table in programme.tables:
        if table.years not in sums:
            continue
        for number, cell in enumerate(sums[table.years].table(table.id).cells):
            named = [labels[pair] for pair in zip(table.dimensions, cell.codes, strict=True)]
            yield {
                "table": table.id,
                "cell": number,
                "dimensions": "|".join(table.dimensions),
                "codes": "|".join(cell.codes),
                "label_nl": " | ".join(code.nl for code in named) or TOTAL.nl,
                "label_en": " | ".join(code.en for code in named) or TOTAL.en,
                "estimate": cell.estimate,
                "sd": cell.sd,
                "lower": cell.lower,
                "upper": cell.upper,
                "share": cell.share,
                "share_sd": cell.share_sd,
                "share_lower": cell.share_lower,
                "share_upper": cell.share_upper,
                "shown": str(cell.shown),
                "shown_lower": str(cell.shown_lower),
                "shown_upper": str(cell.shown_upper),
            }
