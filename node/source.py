"""The export as it lies there: text in, one row a line out; the only owner of polars in this house.

**A line is a row.** Each line is read by itself, so that whatever one person's
line holds (a stray quote, an unreadable byte, a missing field), the rows of all
others stay what they were: the bound on one person's influence rests on this.
A line break inside quotes therefore makes two rows, neither of which has the
right number of fields; see ``Export.broken``.

No text of the export is ever put into an error.
"""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from node import form
from node.mapping import FileForm
from node.mapping import Mapping as ExportMapping

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Export:
    """The mapped columns of an export; never leaves the institution.

    Attributes:
        rows: one column of trimmed text a mapped field, empty where a line has none. In no stated order.
        broken: how many lines could not be split into as many fields as the header has; they stand last, and
            all their fields are empty.
        dates: the forms in which dates are written, tried in order.
    """

    rows: pl.DataFrame
    broken: int
    dates: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Export(<fields {', '.join(self.rows.columns)}>)"

    def __len__(self) -> int:
        return self.rows.height

    def has(self, field: str) -> bool:
        """Whether the institution has this field."""
        return field in self.rows.columns

    def translated(self, field: str, translate: Callable[[str], int]) -> Integers:
        """The column as numbers; each different text is translated once."""
        words = self.rows[field].unique()
        table = pl.DataFrame(
            {field: words, "number": pl.Series([translate(word) for word in words], dtype=pl.Int64)}
        )
        return self._looked_up(field, table)

    def numbered(self, field: str) -> Integers:
        """The column as numbers, a different one for each different text, and -1 for no text."""
        words = self.rows[field].unique()
        numbers = pl.int_range(words.len(), eager=True, dtype=pl.Int64).set(words == "", -1)
        return self._looked_up(field, pl.DataFrame({field: words, "number": numbers}))

    def days(self, field: str) -> Integers:
        """The column as dates, each as one number such as 20250331; 0 where none of 1900-2099 can be read."""
        read = [self.rows[field].str.to_date(form, strict=False, exact=True) for form in self.dates]
        day = pl.select(pl.coalesce(read)).to_series().dt
        number = day.year().cast(pl.Int64) * 10_000 + day.month().cast(pl.Int64) * 100 + day.day()
        return number.set(~number.is_between(19_000_000, 21_000_000).fill_null(False), 0).to_numpy()

    def integers(self, field: str) -> Integers:
        """The column as whole numbers, and -1 where there is none."""
        read = self.rows[field].cast(pl.Int64, strict=False)
        return read.set(~read.is_between(0, 9999).fill_null(False), -1).to_numpy()

    def tally(self, field: str) -> list[tuple[str, int]]:
        """Each different text with its number of rows, the most frequent first: for ``node.check`` only."""
        counted = self.rows[field].value_counts().sort(["count", field], descending=[True, False])
        return [(str(word), int(count)) for word, count in counted.iter_rows()]

    def _looked_up(self, field: str, table: pl.DataFrame) -> Integers:
        joined = self.rows.select(field).join(table, on=field, how="left", maintain_order="left")
        return joined["number"].to_numpy()


def read(mapping: ExportMapping) -> Export:
    """Read the export.

    Raises:
        LocalFault: there is no file, no header, or a mapped column is missing. Nothing in the rows can raise.
    """
    try:
        data = mapping.path.read_bytes()
    except OSError as error:
        raise form.unreadable(mapping, error) from None
    lines = form.text_lines(data, mapping.form)
    header = form.header(lines, mapping)
    names = form.names(header, mapping.form)
    places = form.places(mapping, names)
    body = _with_text(pl.Series("line", lines[lines.index(header) + 1 :], dtype=pl.String), mapping.form)
    return _table(body, mapping.form, len(names), places)


def _with_text(lines: pl.Series, written: FileForm) -> pl.Series:
    return lines.filter(lines.str.strip_chars(written.delimiter + written.quote + " \t") != "")


def _table(lines: pl.Series, written: FileForm, width: int, places: Mapping[str, int]) -> Export:
    """Split the lines: the regular ones together and fast, the others one by one."""
    regular = _regular(lines, written, width)
    quick = _quick(lines.filter(regular), written, width)
    if quick is None:
        regular = pl.repeat(False, lines.len(), dtype=pl.Boolean, eager=True)
        quick = pl.DataFrame(schema=[(name, pl.String) for name in _columns(width)])
    split = [form.split(line, written) for line in lines.filter(~regular)]
    slow = [fields for fields in split if len(fields) == width]
    broken = len(split) - len(slow)
    columns = {}
    for field, place in places.items():
        others = [fields[place] for fields in slow] + [""] * broken
        whole = quick[_columns(width)[place]].append(pl.Series(others, dtype=pl.String))
        columns[field] = whole.fill_null("").str.strip_chars()
    return Export(pl.DataFrame(columns), broken, written.dates)


def _regular(lines: pl.Series, written: FileForm, width: int) -> pl.Series:
    """Lines of which nothing is in doubt: as many fields as the header, quotes only around whole fields."""
    if not written.quote:
        return lines.str.count_matches(written.delimiter, literal=True) == width - 1
    quote, delimiter = re.escape(written.quote), re.escape(written.delimiter)
    quoted = f"{quote}(?:[^{quote}]|{quote}{quote})*{quote}"
    field = f"(?:{quoted}|[^{quote}{delimiter}]*)"
    has_quote = lines.str.contains(written.quote, literal=True)
    bare = pl.select(pl.when(has_quote).then(lines.str.replace_all(quoted, "")).otherwise(lines)).to_series()
    whole = ~has_quote
    if has_quote.any():
        whole = whole | lines.str.contains(f"^{field}(?:{delimiter}{field})*$")
    return whole & (bare.str.count_matches(written.delimiter, literal=True) == width - 1)


def _quick(lines: pl.Series, written: FileForm, width: int) -> pl.DataFrame | None:
    """Regular lines as a table, or None when polars sees it otherwise: they are then split one by one."""
    names = _columns(width)
    if lines.is_empty():
        return pl.DataFrame(schema=[(name, pl.String) for name in names])
    try:
        table = pl.read_csv(
            io.BytesIO("\n".join(lines).encode()),
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=written.delimiter,
            quote_char=written.quote or None,
        )
    except pl.exceptions.PolarsError:  # its text quotes the rows
        return None
    return table if table.height == lines.len() else None


def _columns(width: int) -> list[str]:
    return [f"c{number}" for number in range(width)]
