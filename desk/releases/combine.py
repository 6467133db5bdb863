"""Quarters and year combined, for those who hold all five releases.

Every release stays as it is: this is arithmetic on what was published, and costs
no privacy. What may be combined is decided in ``samentel/figures/combining.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table as Grid

from desk.languages import chosen
from desk.numerals import number
from desk.releases import verify
from samentel.documents import programme as programmes
from samentel.documents.envelope import from_json
from samentel.documents.keys import VerifyKey
from samentel.documents.programme import Programme
from samentel.errors import DocumentError
from samentel.figures import measured
from samentel.figures.combining import combined, round_problems, table_problems
from samentel.figures.edition import Year
from samentel.figures.estimate import Cell, NationalTables, Z, estimate

PROGRAMME = "programme.dsse.json"
LEAST_GAIN = 1e-6  # of an sd: less is rounding


@dataclass(frozen=True, slots=True)
class Combined:
    """An annual release with what its quarters add.

    Attributes:
        alone: the annual tables by themselves.
        together: the same tables with the quarters.
        left_out: what keeps each quarterly table that was not combined from it, a sentence each.
    """

    annual: Programme
    year: Year
    alone: NationalTables
    together: NationalTables
    left_out: tuple[str, ...]


def combine(annual: Path, quarters: Sequence[Path], coordinator: VerifyKey) -> Combined:
    """Combine the release of a year with those of its four quarters.

    Raises:
        PeerError: a release is not signed by that coordinator.
        DocumentError: a file was changed; or nothing can be combined, with every condition that fails.
    """
    programme, year = read(annual, coordinator)
    read_quarters = [read(quarter, coordinator) for quarter in quarters]
    quarterly = read_quarters[0][0]
    sums = [one for _, one in read_quarters]
    problems = list(round_problems(programme, year, quarterly, sums))
    if any(other.digest != quarterly.digest for other, _ in read_quarters):
        problems.append("the quarters are not all of one version of one programme")
    left_out = {
        table.id: found
        for table in quarterly.measured
        if (found := list(table_problems(programme, quarterly, table)))
    }
    why = [sentence for found in left_out.values() for sentence in found]
    if problems or len(left_out) == len(quarterly.measured):
        raise DocumentError(f"combining {quarterly.id} with {programme.id}", [*problems, *why])
    tables = [table.id for table in quarterly.measured if table.id not in left_out]
    return Combined(
        programme,
        year,
        estimate(programme, year.national),
        combined(programme, year, quarterly, sums, tables),
        tuple(why),
    )


def read(directory: Path, coordinator: VerifyKey) -> tuple[Programme, Year]:
    """The programme of a release and the sum that it measured, every byte of it checked first.

    Raises:
        PeerError: not signed by that coordinator.
        DocumentError: a file is missing or changed, or does not belong with the others.
    """
    manifest, _, contents = verify.files_of(directory, coordinator)
    for name in (PROGRAMME, measured.FILE):
        if name not in contents:
            raise DocumentError(f"release {manifest.release_id}", [f"{name}: is not in this release"])
    programme = programmes.parse(from_json(contents[PROGRAMME], PROGRAMME).payload)
    if programme.digest != manifest.programme:
        raise DocumentError(f"release {manifest.release_id}", [f"{PROGRAMME}: is another programme"])
    return programme, measured.read(programme, contents[measured.FILE], manifest.in_sum)[-1]


def page(found: Combined, language: str) -> RenderableType:
    """The totals and tables of one dimension, combined and alone."""
    tables = [it for it in found.annual.tables if len(it.dimensions) <= 1 and it.years == 1]
    grids = []
    for table in tables:
        pairs = zip(found.together.table(table.id).cells, found.alone.table(table.id).cells, strict=True)
        rows = [(one, other) for one, other in pairs]
        if all(one.sd > other.sd * (1 - LEAST_GAIN) for one, other in rows):
            continue  # the quarters tell nothing of it
        grid = Grid(title=f"{chosen(table.title, language)}, {found.year.period}", title_justify="left")
        for heading in HEADINGS[language]:
            grid.add_column(heading, justify="right" if heading else "left")
        for one, other in rows:
            label = _label(found.annual, table.dimensions, one, language)
            grid.add_row(label, *(_printed(it, language) for it in (one, other)))
        grids.append(grid)
    left_out = [NOT_COMBINED[language], *(f"  - {why}" for why in found.left_out)] if found.left_out else []
    return Group(*grids, *left_out, ABOUT[language])


def as_values(found: Combined) -> list[dict[str, object]]:
    """The same as plain values, every table."""
    return [
        {
            "table": table.table,
            "codes": list(one.codes),
            "estimate": one.estimate,
            "sd": one.sd,
            "estimate_alone": other.estimate,
            "sd_alone": other.sd,
        }
        for table, alone in zip(found.together.tables, found.alone.tables, strict=True)
        for one, other in zip(table.cells, alone.cells, strict=True)
    ]


def _label(programme: Programme, dimensions: Sequence[str], cell: Cell, language: str) -> str:
    if not dimensions:
        return TOTAL[language]
    code = next(it for it in programme.dimension(dimensions[0]).codes if it.code == cell.codes[0])
    return code.nl if language == "nl" else code.en


def _printed(cell: Cell, language: str) -> str:
    return f"{number(cell.estimate, language, 1)} ± {number(Z * cell.sd, language, 1)}"


TOTAL = {"nl": "Totaal", "en": "Total"}
HEADINGS = {
    "nl": ("", "jaar en kwartalen (95 %)", "jaar alleen (95 %)"),
    "en": ("", "year and quarters (95 %)", "year alone (95 %)"),
}
NOT_COMBINED = {"nl": "Niet samengenomen:", "en": "Not combined:"}
ABOUT = {
    "nl": "Zuivere schattingen, met alleen de ruis. De kwartalen tellen mee als één meting van dezelfde "
    "mensen. De uitgaven zelf veranderen niet.",
    "en": "Unbiased estimates, with the noise alone. The quarters count as one measurement of the same "
    "people. The releases themselves do not change.",
}
