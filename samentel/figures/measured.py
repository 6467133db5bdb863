"""The sums as they were measured: whole numbers, with the noise that is in them.

Everything else in a release follows from these and from the signed programme, so
a reader who has both can make every figure again.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from samentel.documents.programme import Programme
from samentel.errors import DocumentError
from samentel.figures.edition import Edition, Row, Year
from samentel.figures.estimate import NationalTables
from samentel.figures.sums import NationalSum
from samentel.ids import Period

N = TypeVar("N", int, float)

FILE = "measured.csv"
COLUMNS = ("period", "release_id", "table", "cell", "count", "granularity", "noise_variance", "in_sum")
_LONGEST = 20  # digits of a count, with its sign: 64 bits


def rows(edition: Edition, years: Sequence[NationalTables]) -> Iterator[Row]:
    """Every cell of every table that was measured, of each year of the edition, with the keys COLUMNS.

    ``count`` is a whole number, ``granularity`` times as large as the number of persons. ``noise_variance``
    is of one cell, in persons squared, in as many digits as it takes to have the same number again.
    ``in_sum`` is how many institutions are in the sum; their names stand in the manifest.
    """
    for year in edition.years:
        national = year.national
        for table, counts in national.tables.items():
            for cell, count in enumerate(counts.tolist()):
                yield {
                    "period": str(year.period),
                    "release_id": year.release_id,
                    "table": table,
                    "cell": cell,
                    "count": count,
                    "granularity": national.granularities[table],
                    "noise_variance": repr(national.variances[table]),
                    "in_sum": len(national.survivors),
                }


def read(programme: Programme, data: bytes, in_sum: Mapping[Period, Sequence[str]]) -> tuple[Year, ...]:
    """The years of an edition, from the file that a release carries.

    Args:
        programme: the one that the release is of.
        in_sum: the institutions in each sum, as the manifest names them (``Manifest.in_sum``).

    Raises:
        DocumentError: it is no such file, or does not fit the programme and the manifest; says where.
    """
    try:
        lines = csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
        if tuple(lines.fieldnames or ()) != COLUMNS:
            raise DocumentError(FILE, ["has other columns than this version reads"])
        by_period: dict[str, list[dict[str, str]]] = {}
        for line in lines:
            by_period.setdefault(line["period"], []).append(line)
    except (UnicodeDecodeError, csv.Error):
        raise DocumentError(FILE, ["is no table in UTF-8"]) from None
    if list(by_period) != [str(period) for period in in_sum]:
        raise DocumentError(FILE, ["has other periods than the manifest names"])
    return tuple(
        _year(programme, period, by_period[str(period)], tuple(names)) for period, names in in_sum.items()
    )


def _year(
    programme: Programme, period: Period, lines: Sequence[Mapping[str, str]], names: tuple[str, ...]
) -> Year:
    expected = [(table.id, cell) for table in programme.measured for cell in range(programme.cells(table))]
    found = [(line["table"], line["cell"]) for line in lines]
    if found != [(table, str(cell)) for table, cell in expected]:
        raise DocumentError(FILE, [f"{period}: its rows are not the cells that the programme measures"])
    if {line["in_sum"] for line in lines} != {str(len(names))}:
        raise DocumentError(FILE, [f"{period}: in_sum is not the number of institutions in the manifest"])
    releases = {line["release_id"] for line in lines}
    if len(releases) != 1:
        raise DocumentError(FILE, [f"{period}: names more than one release"])
    tables, granularities, variances = {}, {}, {}
    for table in programme.measured:
        own = [line for line in lines if line["table"] == table.id]
        try:
            tables[table.id] = np.array([_whole(line["count"]) for line in own], dtype=np.int64)
            granularities[table.id] = _one(period, table.id, {_whole(line["granularity"]) for line in own})
            variances[table.id] = _one(period, table.id, {float(line["noise_variance"]) for line in own})
        except (ValueError, TypeError, OverflowError):
            raise DocumentError(FILE, [f"{period}: a number of table {table.id} cannot be read"]) from None
        if granularities[table.id] < 1 or not 0 < variances[table.id] < float("inf"):
            raise DocumentError(FILE, [f"{period}: the noise of table {table.id} cannot be"])
    return Year(period, releases.pop(), NationalSum(names, tables, granularities, variances))


def _whole(text: str) -> int:
    if len(text) > _LONGEST:
        raise ValueError("too long")
    return int(text)


def _one(period: Period, table: str, values: set[N]) -> N:
    if len(values) != 1:
        raise DocumentError(FILE, [f"{period}: table {table} has more than one granularity or noise"])
    return values.pop()
