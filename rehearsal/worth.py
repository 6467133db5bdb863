"""What the secure sum is worth: this release beside the same programme with full noise from everybody."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from rich.table import Table as Grid

from samentel.counting.privacy import noise_plan
from samentel.documents.codelists import Text
from samentel.documents.programme import Programme
from samentel.figures.estimate import Z
from samentel.figures.manifest import Manifest
from samentel.figures.workload import spread


@dataclass(frozen=True, slots=True)
class Worth:
    """How far off the cells of one table are.

    Attributes:
        here: half the 95 % interval of a cell of this release, in persons; of the widest of the table.
        individual: the same if each institution in the sum had added the full noise itself.
    """

    title: Text
    here: float
    individual: float

    @property
    def times(self) -> float:
        """How many times as far off the individual mode would be."""
        return self.individual / self.here


def compared(programme: Programme, manifest: Manifest, tables: Collection[str]) -> tuple[Worth, ...]:
    """These tables of a release, beside individual mode with the same institutions and the same rho.

    Both after least squares over all tables of a population.
    """
    institutions = len(manifest.coverage.in_sum)
    full = {noise.table: float(institutions * noise.variance) for noise in noise_plan(programme)}
    alone = spread(programme, full)
    return tuple(
        Worth(facts.title, Z * facts.cell_sd, Z * math.sqrt(alone[facts.id].max()))
        for facts in manifest.tables
        if facts.id in tables
    )


def beside(worths: tuple[Worth, ...]) -> Grid:
    """The comparison for people to read."""
    grid = Grid(title="Hoe ver ernaast, 95 % / how far off, 95 %: ± personen / persons", title_justify="left")
    grid.add_column("Tabel / table")
    for heading in (
        "deze som\nthis sum",
        "iedereen zelf alle ruis\nindividual mode",
        "zoveel keer zo ver\ntimes as far",
    ):
        grid.add_column(heading, justify="right")
    for worth in worths:
        name = f"{worth.title.nl}\n{worth.title.en}"
        grid.add_row(name, f"± {worth.here:.1f}", f"± {worth.individual:.1f}", f"{worth.times:.1f}")
    return grid
