"""A made-up sector in a directory: what each institution has, and apart from it what is true of all."""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rehearsal.sector.made import Sector
from samentel.documents.programme import Programme
from samentel.errors import LocalFault

ROSTER, TRUTH = "roster.csv", "truth"
FACTS = ("node", "name", "operator", "type", "province", "facilities")


def prepared(directory: Path) -> Path:
    """The directory, made if it is not there.

    Raises:
        LocalFault: it holds something, or cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        empty = next(directory.iterdir(), None) is None
    except OSError as error:
        raise LocalFault(f"{directory}: cannot be made ({error.strerror})") from None
    if not empty:
        raise LocalFault(f"{directory} is not empty; choose another with --out")
    return directory


def write(made: Sector, programme: Programme, directory: Path, say: Callable[[str], None]) -> None:
    """Exports and mapping of each institution, the facts of the roster, and the true tables of a programme.

    Args:
        directory: from ``prepared``.
        say: told how far it is, after each institution.
    """
    for number, export in enumerate(made.exports, 1):
        place = directory / export.house.node
        place.mkdir()
        for name, data in export.files.items():
            (place / name).write_bytes(data)
        (place / "mapping.toml").write_text(export.mapping, "utf-8")
        say(f"{number} of {len(made.exports)} institutions written: {export.house.name}")
    houses = [export.house for export in made.exports]
    _table(
        directory / ROSTER,
        FACTS,
        ((h.node, h.name, h.operator, h.type, h.province, " ".join(h.facilities)) for h in houses),
    )
    (directory / TRUTH).mkdir()
    for table, cells in made.tables(programme, made.year).items():
        rows = (("|".join(codes), count) for codes, count in cells.items())
        _table(directory / TRUTH / f"{table}.csv", ("codes", "count"), rows)


def _table(path: Path, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(headings)
        writer.writerows(rows)
