"""The rows of each kind of record, joined by person: what a row does not say itself, the person's others say.

A field that a kind of record has no column for is taken from the same person's
row among the victims, then from that among the clients. Of several rows of a
person there, the one that lends is the first by these rules: one of the
reporting year or without a date goes before one of another year; then the
earlier date, none last; then what is written in it. So it hangs on the person's
own rows alone, and never on the order of an export. Nothing is lent to contacts:
nobody knows whose they are. The days of a stay and how long was waited for it
are its own too, and never lent.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from node import source
from node.records import EVENTS, LENDERS
from node.source import Export, Integers
from samentel.documents.populations import Records

LAST = 99_999_999  # where rows without a date stand


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Rows:
    """All rows of one kind of record; never leaves the institution.

    Attributes:
        person: the person of each row, the same number in all kinds of record.
        days: the date that says in which period each row counts, as 20250331; 0 where there is none.
        lenders: other records of the same persons, in the order in which they are asked; with the row there
            of each row here, and -1 where the person has none.
    """

    export: Export
    person: Integers
    days: Integers
    lenders: tuple[tuple[Export, Integers], ...]

    def __len__(self) -> int:
        return len(self.person)

    def __repr__(self) -> str:
        return f"Rows(<fields {', '.join(self.export.rows.columns)}>)"

    def found(self, fields: Sequence[str]) -> Iterator[tuple[Export, str, Integers, Integers]]:
        """Where one of these fields is to be read: export, field, the rows there, and for which rows here.

        No row here comes twice. Those that do not come at all have it nowhere.
        """
        open_rows = np.arange(len(self))
        for export, at in ((self.export, open_rows), *self.lenders):
            field = next((name for name in fields if export.has(name)), None)
            if field is None or not len(open_rows):
                continue
            has = at[open_rows] >= 0
            here, open_rows = open_rows[has], open_rows[~has]
            yield export, field, at[here], here

    def read(self, field: str, look: Callable[[Export], Integers], nothing: int) -> Integers:
        """A field of every row, by a way of reading it off an export; ``nothing`` where nobody has it."""
        values = np.full(len(self), nothing, dtype=np.int64)
        for export, _, there, here in self.found((field,)):
            values[here] = look(export)[there]
        return values

    def own(self, field: str, look: Callable[[Export], Integers], nothing: int) -> Integers:
        """A field of these records themselves; ``nothing`` everywhere where they have no such column."""
        if self.export.has(field):
            return look(self.export)
        return np.full(len(self), nothing, dtype=np.int64)

    def own_days(self, field: str) -> Integers:
        """A date of these records themselves, as 20250331; 0 where there is none that can be read."""
        return self.own(field, partial(Export.days, field=field), 0)


def joined(exports: Mapping[Records, Export], year: int) -> dict[Records, Rows]:
    """Every kind of record that the institution has, joined by person for a reporting year."""
    person = source.numbered(exports)
    rows: dict[Records, Rows] = {}
    for kind in Records:  # each after those that lend to it
        if kind in exports:
            lenders = [rows[lender] for lender in LENDERS[kind] if lender in rows]
            borrowed = tuple(_lent(lender, person[kind], year) for lender in lenders)
            bare = Rows(exports[kind], person[kind], np.zeros(len(person[kind]), dtype=np.int64), borrowed)
            rows[kind] = replace(
                bare, days=bare.read(EVENTS[kind], partial(Export.days, field=EVENTS[kind]), 0)
            )
    return rows


def counts_in_year(days: Integers, year: int) -> source.Flags:
    """Rows of a reporting year, and those whose date is lost: nobody knows that they are not."""
    flags: source.Flags = (days // 10_000 == year) | (days == 0)
    return flags


def _lent(rows: Rows, to: Integers, year: int) -> tuple[Export, Integers]:
    """Of each person asked for the one row that lends; and where it stands for each who asks."""
    most = max(int(rows.person.max(initial=-1)), int(to.max(initial=-1))) + 1
    asked = np.zeros(most, dtype=np.bool_)
    asked[to] = True
    among = np.flatnonzero(asked[rows.person])
    days = rows.days[among]
    elsewhere = (~counts_in_year(days, year)).astype(np.int64)
    order = rows.export.ordered(among, elsewhere, np.where(days > 0, days, LAST))
    persons, first = np.unique(rows.person[order], return_index=True)
    at = np.full(most, -1, dtype=np.int64)
    at[persons] = np.arange(len(persons))
    return rows.export.at(order[first]), at[to]
