"""The exports as they lie there: text in, one row a line out; the only owner of polars in this house.

**A line is a row.** Each line is read as if it stood by itself, so that whatever
one person's line holds (a stray quote, an unreadable byte, a missing field), the
rows of all others stay what they were: the bound on one person's influence rests
on this. A line break inside quotes therefore makes two lines, each of which
counts if it has as many fields as the header; see ``Export.broken``.

A person's number in which anything cannot be read is nobody's: two such numbers
could come out as the same.

Contacts are the lines of which nobody knows whose they are: each is a row and a
unit by itself, lines that are alike too. A line with a person's number, in the
column where another kind of record of the same file has it, is no contact: it
is known whose it is, and what is promised to that person holds for all of it.

No text of an export is ever put into an error.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from node import form
from node.lines import sorted_out
from node.mapping import FileForm, Sheet, folded
from node.mapping import Mapping as ExportMapping
from samentel.documents.populations import Records

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_PERSON = "person"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Export:
    """The rows of one kind of record: with a person's number, contacts without; never leaves the institution.

    Attributes:
        rows: one column of text a mapped field, in no stated order. The person's number is trimmed.
        nobody: how many lines have no person's number, or one that cannot be read: they are in no row. Of
            contacts, how many have one.
        broken: how many lines of the file could not be split into as many fields as the header has: neither.
            Told of the first kind of record of a file only.
        dates: the forms in which dates are written, tried in order.
    """

    rows: pl.DataFrame
    nobody: int
    broken: int
    dates: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Export(<fields {', '.join(self.rows.columns)}>)"

    def __len__(self) -> int:
        return self.rows.height

    def has(self, field: str) -> bool:
        """Whether these records have this field themselves."""
        return field in self.rows.columns

    def at(self, rows: Integers) -> "Export":
        """These rows alone, in this order."""
        return replace(self, rows=self.rows[rows])

    def translated(self, field: str, translate: Callable[[str], int]) -> Integers:
        """The column as numbers; each different text is translated once."""
        words = self.rows[field].unique()
        numbers = [translate(word.strip()) for word in words]
        table = pl.DataFrame({field: words, "number": pl.Series(numbers, dtype=pl.Int64)})
        joined = self.rows.select(field).join(table, on=field, how="left", maintain_order="left")
        return joined["number"].to_numpy()

    def days(self, field: str) -> Integers:
        """The column as dates, each as one number such as 20250331; 0 where none of 1900-2099 can be read."""
        words = self.rows[field].unique()
        trimmed = words.str.strip_chars()
        read = [trimmed.str.to_date(form, strict=False, exact=True) for form in self.dates]
        day = pl.select(pl.coalesce(read)).to_series().dt
        number = day.year().cast(pl.Int64) * 10_000 + day.month().cast(pl.Int64) * 100 + day.day()
        known = number.set(~number.is_between(19_000_000, 21_000_000).fill_null(False), 0)
        table = pl.DataFrame({field: words, "number": known})
        joined = self.rows.select(field).join(table, on=field, how="left", maintain_order="left")
        return joined["number"].to_numpy()

    def integers(self, field: str) -> Integers:
        """The column as whole numbers of 0-10000, and -1 where there is none."""
        read = self.rows[field].str.strip_chars().cast(pl.Int64, strict=False)
        return read.set(~read.is_between(0, 10_000).fill_null(False), -1).to_numpy()

    def empty(self, field: str) -> Flags:
        """Which rows have nothing in this column."""
        return (self.rows[field].str.strip_chars() == "").to_numpy()

    def persons(self, rows: Integers) -> list[str]:
        """The numbers of the persons of these rows, for the memory of whom was counted."""
        return self.rows[_PERSON].gather(rows).to_list()

    def tally(self, field: str) -> list[tuple[str, int]]:
        """Each different text with its number of rows, the most frequent first: for ``node.check`` only."""
        trimmed = self.rows.select(pl.col(field).str.strip_chars())[field]
        counted = trimmed.value_counts(name="number").sort(["number", field], descending=[True, False])
        return [(str(word), int(count)) for word, count in counted.iter_rows()]

    def ordered(self, rows: Integers, *keys: Integers) -> Integers:
        """These rows by the keys, the first one first, then by all that is written in them."""
        named = {f" {number}": key for number, key in enumerate(keys)}  # no field has a blank in its name
        table = self.rows[rows].with_columns(pl.Series(" row", rows), **_series(named))
        return table.sort([*named, *self.rows.columns])[" row"].to_numpy()


def _series(columns: Mapping[str, Integers]) -> dict[str, pl.Series]:
    return {name: pl.Series(name, values) for name, values in columns.items()}


def read(mapping: ExportMapping) -> dict[Records, Export]:
    """Read the exports: the rows of every kind of record that the institution has.

    Raises:
        LocalFault: there is no file, no header, or a mapped column is missing. Nothing in the rows can raise.
    """
    found: dict[Records, Export] = {}
    for sheets in mapping.files():
        found |= _exports(sheets)
    return found


def numbered(exports: Mapping[Records, Export]) -> dict[Records, Integers]:
    """For every row its person as a number, the same in all kinds of record; less than all rows together.

    Every contact has a number of its own.
    """
    named = dict(exports)
    contacts = named.pop(Records.CONTACTS, None)
    persons = pl.concat([export.rows.select(_PERSON) for export in named.values()]).with_row_index("row")
    first = persons.select(pl.col("row").first().over(_PERSON).cast(pl.Int64)).to_series().to_numpy()
    ends = np.cumsum([len(export) for export in named.values()])
    found = dict(zip(named, np.split(first, ends[:-1]), strict=True))
    if contacts is not None:
        found[Records.CONTACTS] = len(first) + np.arange(len(contacts))
    return found


def _exports(sheets: Sequence[Sheet]) -> dict[Records, Export]:
    first = sheets[0]
    try:
        data = first.path.read_bytes()
    except OSError as error:
        raise form.unreadable(first, error) from None
    text = form.normal(data, first.form)
    header, end = form.header(text, first)
    names = form.names(header, first.form)
    places = {sheet.kind: form.places(sheet, names) for sheet in sheets}
    wanted = sorted({at for found in places.values() for at in found.values()})
    rows, broken = _table(text[end:], first.form, len(names), wanted)
    numbers = {
        places[sheet.kind][sheet.columns[_PERSON]] for sheet in sheets if sheet.kind is not Records.CONTACTS
    }
    found: dict[Records, Export] = {}
    for number, sheet in enumerate(sheets):
        its, told = _only(rows, sheet, places[sheet.kind]), 0 if number else broken
        if sheet.kind is Records.CONTACTS:
            found[sheet.kind] = _contacts(its, sheet, places[sheet.kind], sorted(numbers), told)
        else:
            found[sheet.kind] = _export(its, sheet, places[sheet.kind], told)
    return found


def _only(table: pl.DataFrame, sheet: Sheet, places: Mapping[str, int]) -> pl.DataFrame:
    """The lines that are records of this kind."""
    for heading, words in sheet.only.items():
        column = _column(places[heading])
        meant = [word for word in table[column].unique() if folded(word) in words]
        table = table.filter(pl.col(column).is_in(meant))
    return table


def _contacts(
    table: pl.DataFrame, sheet: Sheet, places: Mapping[str, int], numbers: Sequence[int], broken: int
) -> Export:
    """The lines that hold anything, but no person's number in the columns where others have it."""
    held = table.filter(pl.any_horizontal(pl.all().str.strip_chars() != ""))
    named = pl.any_horizontal(
        pl.lit(value=False), *(pl.col(_column(at)).str.strip_chars() != "" for at in numbers)
    )
    rows = held.filter(~named)
    return Export(_fields(rows, sheet, places), held.height - rows.height, broken, sheet.form.dates)


def _fields(table: pl.DataFrame, sheet: Sheet, places: Mapping[str, int]) -> pl.DataFrame:
    return table.select(
        *(pl.col(_column(places[heading])).alias(field) for field, heading in sheet.columns.items())
    )


def _export(table: pl.DataFrame, sheet: Sheet, places: Mapping[str, int], broken: int) -> Export:
    rows = _fields(table, sheet, places)
    # Two numbers that cannot be read could come out as one: then one person would change the rows of another.
    unreadable = pl.col(_PERSON).str.contains(form.UNREADABLE, literal=True)
    number = pl.when(unreadable).then(pl.lit("")).otherwise(pl.col(_PERSON).str.strip_chars())
    rows = rows.with_columns(number.alias(_PERSON))
    known = rows.filter(pl.col(_PERSON) != "")
    return Export(known, _nobodys(table, rows[_PERSON] == ""), broken, sheet.form.dates)


def _nobodys(table: pl.DataFrame, without: pl.Series) -> int:
    """How many rows without a number hold anything in a column that the mapping names."""
    if not without.any():
        return 0
    return table.filter(without).filter(pl.any_horizontal(pl.all().str.strip_chars() != "")).height


def _table(body: bytes, written: FileForm, width: int, wanted: Sequence[int]) -> tuple[pl.DataFrame, int]:
    """The wanted columns, a row a line; and how many lines cannot be split."""
    regular, odd = sorted_out(body, written.delimiter, written.quote, width)
    quick = _quick(regular, written, width, wanted)
    if quick is None:
        odd = [line for line in body.split(b"\n") if line]
        quick = _frame([], wanted)
    lines = [line.decode() for line in odd]
    split = [(line, form.split(line, written)) for line in lines]
    slow = [fields for _, fields in split if len(fields) == width]
    broken = sum(len(fields) != width and form.has_text(line, written) for line, fields in split)
    return quick.vstack(_frame(slow, wanted)), broken


def _quick(lines: bytes, written: FileForm, width: int, wanted: Sequence[int]) -> pl.DataFrame | None:
    """Regular lines as a table, or None when polars sees it otherwise: they are then split one by one."""
    if not lines:
        return _frame([], wanted)
    try:
        table = pl.read_csv(
            lines,
            has_header=False,
            schema={_column(at): pl.String for at in range(width)},
            columns=list(wanted),
            separator=written.delimiter,
            quote_char=written.quote or None,
            empty_string_is_null=False,
        )
    except pl.exceptions.PolarsError:  # its text quotes the rows
        return None
    return table if table.height == lines.count(b"\n") else None


def _frame(rows: Sequence[Sequence[str]], wanted: Sequence[int]) -> pl.DataFrame:
    return pl.DataFrame({_column(at): pl.Series([row[at] for row in rows], dtype=pl.String) for at in wanted})


def _column(at: int) -> str:
    return f"c{at}"
