"""What the secure sum is worth: this release beside the same programme with full noise from everybody."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass

from rich.table import Table as Grid

from desk.pull import Pulled
from samentel.counting.privacy import noise_plan
from samentel.documents.codelists import Text
from samentel.documents.programme import Programme
from samentel.errors import LocalFault
from samentel.figures.estimate import Z
from samentel.figures.release import Manifest


@dataclass(frozen=True, slots=True)
class Worth:
    """How far off the cells of one table are.

    Attributes:
        here: half the 95 % interval of a cell of this release, in persons.
        individual: the same if each institution in the sum had added the full noise itself.
    """

    title: Text
    here: float
    individual: float

    @property
    def times(self) -> float:
        """How many times as far off the individual mode would be."""
        return self.individual / self.here


def compared(programme: Programme, manifest: Manifest) -> tuple[Worth, ...]:
    """Every table of a release, beside individual mode with the same institutions and the same rho."""
    institutions = len(manifest.coverage.in_sum)
    full = {noise.table: noise.variance for noise in noise_plan(programme)}
    return tuple(
        Worth(facts.title, Z * facts.noise_sd, Z * math.sqrt(institutions * full[facts.id]))
        for facts in manifest.tables
    )


def measured(pulled: Pulled, table: str, truth: Mapping[str, int]) -> float:
    """Root of the mean squared distance of the published estimates from the truth, in persons.

    Args:
        truth: by code, of the institutions in the sum. Exists in a rehearsal with made-up people only.

    Raises:
        LocalFault: the table is not in the release's CSV file.
    """
    path = next((path for path in pulled.paths if path.suffix == ".csv"), None)
    if path is None:
        raise LocalFault("the release was fetched without its CSV file")
    with path.open(encoding="utf-8", newline="") as file:
        errors = [
            float(row["estimate"]) - truth[row["codes"]]
            for row in csv.DictReader(file)
            if row["table"] == table
        ]
    if not errors:
        raise LocalFault(f"{path} has no table {table}")
    return math.sqrt(sum(error**2 for error in errors) / len(errors))


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
