"""What stands in a release: its figures as files, and the texts that explain them.

Figures follow from an edition alone, texts from the manifest and the programme
alone. The directory is written elsewhere (``aggregator/publisher.py``), and made
again by whoever verifies it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from samentel.documents.codelists import Text
from samentel.documents.programme import Programme
from samentel.figures import eu, indicators, measured, registry, trends
from samentel.figures.edition import Edition, Row, csv_bytes
from samentel.figures.estimate import Figure, NationalTables, estimate, pooled
from samentel.figures.guide import LANGUAGES, guide
from samentel.figures.manifest import SCHEMA, Manifest, schema_bytes
from samentel.figures.quality import above_zero, grade, joint_z
from samentel.ids import Period

TABLES = "tables.csv"
COLUMNS = ("table", "periods", "cell", "dimensions", "codes", "label_nl", "label_en",
           "estimate", "sd", "lower", "upper", "share", "share_sd", "share_lower", "share_upper",
           "shown", "shown_lower", "shown_upper",
           "grade", "above_zero", "joint_lower", "joint_upper")  # fmt: skip
TOTAL = Text(nl="Totaal", en="Total")
_ANSWER = {True: "yes", False: "no"}


@dataclass(frozen=True, slots=True, repr=False)
class Sheet:
    """A table of figures before it is written."""

    columns: Sequence[str]
    rows: Sequence[Row]

    @property
    def csv(self) -> bytes:
        """As a file."""
        return csv_bytes(self.columns, self.rows)


@dataclass(frozen=True, slots=True)
class Maker:
    """How one file of figures is made.

    Attributes:
        rows: of an edition and the tables of each of its years; no rows, no file.
    """

    columns: Sequence[str]
    rows: Callable[[Edition, Sequence[NationalTables]], Iterator[Row]]


def rows(edition: Edition, years: Sequence[NationalTables]) -> Iterator[Row]:
    """Every figure of the tables of a release as one tidy row with the keys COLUMNS.

    Args:
        years: the tables of each year of the edition. A table that needs more of them than there are is
            left out.
    """
    programme = edition.programme
    sums = {n: pooled(years[-n:]) if n > 1 else years[-1] for n in (1, 3) if n <= len(years)}
    labels = {
        (dimension.id, code.code): code for dimension in programme.dimensions for code in dimension.codes
    }
    periods = {n: "|".join(str(year.period) for year in edition.years[-n:]) for n in sums}
    there = [table for table in programme.tables if table.years in sums]
    z = joint_z(max(1, sum(programme.cells(table) for table in there)))
    for table in there:
        for number, cell in enumerate(sums[table.years].table(table.id).cells):
            named = [labels[pair] for pair in zip(table.dimensions, cell.codes, strict=True)]
            figure = Figure(cell.estimate, cell.sd)
            yield {
                "table": table.id,
                "periods": periods[table.years],
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
                "grade": grade(figure),
                "above_zero": _ANSWER[above_zero(figure)],
                "joint_lower": cell.estimate - z * cell.sd,
                "joint_upper": cell.estimate + z * cell.sd,
            }


MAKERS: Mapping[str, Maker] = {
    TABLES: Maker(COLUMNS, rows),
    measured.FILE: Maker(measured.COLUMNS, measured.rows),
    "indicators.csv": Maker(indicators.COLUMNS, indicators.rows),
    "eu.csv": Maker(eu.COLUMNS, eu.rows),
    "trends.csv": Maker(trends.COLUMNS, trends.rows),
}


def years_of(edition: Edition) -> tuple[NationalTables, ...]:
    """The tables of each year of an edition, estimated from its sum alone."""
    return tuple(estimate(edition.programme, year.national) for year in edition.years)


def sheets(edition: Edition, years: Sequence[NationalTables]) -> Mapping[str, Sheet]:
    """Every table of figures that follows from the national sums, by its file; the tables come first.

    Args:
        years: as ``years_of`` gives them.
    """
    made = {name: Sheet(maker.columns, list(maker.rows(edition, years))) for name, maker in MAKERS.items()}
    return {name: sheet for name, sheet in made.items() if sheet.rows}


def figures(edition: Edition) -> Mapping[str, bytes]:
    """Every file of figures that follows from the national sums, by name, always the same bytes."""
    return {name: sheet.csv for name, sheet in sheets(edition, years_of(edition)).items()}


def next_release(programme: Programme, period: Period) -> str:
    """The day by which the release of the next period is planned, such as 2027-06-30."""
    number = period.quarter % 4 + 1 if period.quarter else 0
    following = Period(period.year + (number <= 1), number)
    return f"{following.end + timedelta(days=programme.planned_days):%Y-%m-%d}"


def texts(manifest: Manifest, programme: Programme) -> Mapping[str, bytes]:
    """Every file that explains a release, by name; all follow from what its manifest says.

    Args:
        manifest: of its files those matter that are made before these texts.
        programme: the one that the release is of.
    """
    guides = {f"guide.{language}.md": guide(manifest, programme, language) for language in LANGUAGES}
    return guides | {SCHEMA: schema_bytes(), registry.FILE: registry.entry_bytes(manifest, programme)}
