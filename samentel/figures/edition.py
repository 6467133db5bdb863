"""An edition: all figures of a release, made from the national sums alone.

Whoever holds a release can make its figures again: the signed programme, the sums
as they were measured and the exact figures are in it. So this is what a publisher
writes, and what ``samentel verify`` compares a release with, byte for byte.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from samentel.documents.programme import Programme
from samentel.figures.sums import NationalSum
from samentel.ids import Period

DECIMALS = 6  # of what is published: far below the noise, far above what rounding differs by between machines
YEARS_MOST = 5

Value = str | int | float | None
Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Year:
    """The national sum of one period, under the release that published it first."""

    period: Period
    release_id: str
    national: NationalSum


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Edition:
    """What the figures of a release are made of.

    Attributes:
        years: periods that follow each other, oldest first, at most ``YEARS_MOST``, all counted in the same
            tables; the last is the period of this release. One alone for a quarter.
    """

    programme: Programme
    years: tuple[Year, ...]


def csv_bytes(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    """A table as CSV: UTF-8, a heading, commas, lines that end in a line feed; an absent value is empty."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: published(value) for name, value in row.items()} for row in rows)
    return text.getvalue().encode()


def published(value: Value) -> Value:
    """A value as it stands in a file; numbers to six decimals, and never minus zero."""
    return round(value, DECIMALS) + 0.0 if isinstance(value, float) else value
