"""The figures of a release beside the true ones: possible since these people are made up, and only here."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table as Grid

from desk.releases.pull import Figure
from desk.releases.report import Truth
from rehearsal.sector import Sector
from samentel.documents.programme import Programme
from samentel.errors import LocalFault
from samentel.figures.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Distance:
    """How far the figures of a release are from the truth.

    Attributes:
        cells: how many figures there are.
        held: how many of their 95 % intervals hold the truth.
        off: root of the mean squared distance, in standard deviations that were announced; 1 is expected.
    """

    cells: int
    held: int
    off: float


def of(made: Sector, programme: Programme, year: int, nodes: Sequence[str]) -> Truth:
    """The true figures of these institutions by table, and by codes with "|" between them."""
    counted = made.tables(programme, year, nodes)
    return {
        table: {"|".join(codes): count for codes, count in cells.items()} for table, cells in counted.items()
    }


def distance(figures: Sequence[Figure], truth: Truth) -> Distance:
    """How far off these figures are, on the unrounded estimates.

    Raises:
        LocalFault: there is no figure, as when a release was fetched without its CSV file.
    """
    if not figures:
        raise LocalFault("the release was fetched without its CSV file")
    known = [(figure, truth[figure.table]["|".join(figure.codes)]) for figure in figures]
    return Distance(
        cells=len(known),
        held=sum(figure.lower <= count <= figure.upper for figure, count in known),
        off=math.sqrt(sum(((it.estimate - count) / it.sd) ** 2 for it, count in known) / len(known)),
    )


def totals(manifest: Manifest, figures: Sequence[Figure], truth: Truth) -> Grid:
    """The totals of all populations for people to read, the true ones beside them."""
    titles = {facts.id: facts.title for facts in manifest.tables}
    grid = Grid(title=f"Totalen / totals, {manifest.period}", title_justify="left")
    grid.add_column("Nederlands")
    grid.add_column("English")
    for heading in ("aantal\nestimate", f"{manifest.confidence:.0%}-interval"):
        grid.add_column(heading, justify="right")
    grid.add_column("waar (verzonnen)\ntrue (made up)", justify="right", style="dim")
    for figure in figures:
        if not figure.codes:
            title, count = titles[figure.table], truth[figure.table][""]
            interval = f"{figure.shown_lower} – {figure.shown_upper}"
            grid.add_row(title.nl, title.en, figure.shown, interval, str(count))
    return grid
