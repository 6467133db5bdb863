"""The files that an institution's client system hands out, and the mapping that its people have written."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.random import Generator

from rehearsal.sector.dialects import Dialect, Layout
from rehearsal.sector.houses import House
from rehearsal.sector.rows import NO_AGE, NO_DAY, NOBODY, Rows, years
from samentel.documents.populations import Records

NO_DATE = "31-02-????"
_SCRIBBLED = 0.1  # of dates that are not known, something is written that nobody can read
_NAMES = ("Aaltje", "Bram", "Céline", "Daan", "Esmée", "Faas", "Gijs", "Zoë")
# By field the code of what is not known: it is written in its own word, in a word nobody has mapped, or not
# at all.
_UNKNOWN: Mapping[str, str] = {
    "sex": "U", "residence": "UNK", "province": "NLX", "reason": "NREC", "form": "UNK", "help_type": "UNK",
    "consent": "UNK", "access": "UNK", "problems": "UNK", "facility_asked": "OTH", "facility": "OTH",
    "outcome": "UNK", "refusal": "UNK", "via": "OTH", "exit": "UNK", "destination": "UNK", "earlier": "UNK",
    "near": "UNK",
}  # fmt: skip
_EVENT_FIELDS = ("first_contact", "requested", "placed", "contacted")


@dataclass(frozen=True, slots=True)
class Export:
    """What an institution's client system hands out, and the mapping that its people have written for it.

    Attributes:
        files: by name, each CSV file in the system's own encoding.
        mapping: the text of mapping.toml.
    """

    house: House
    files: Mapping[str, bytes]
    mapping: str


def written(chance: Generator, house: House, year: int, kinds: Mapping[Records, Rows]) -> Export:
    """The exports of one institution, lines in any order; kinds of records without a row have no section."""
    dialect = house.dialect
    has = [kind for kind in Records if kind is Records.CLIENTS or len(kinds[kind])]
    files = {}
    for stem in dict.fromkeys(dialect.layouts[kind].file for kind in has):
        layouts = {kind: layout for kind, layout in dialect.layouts.items() if layout.file == stem}
        files[f"{stem}-{year}.csv"] = _file(chance, house, layouts, kinds)
    return Export(house, files, dialect.mapping(year, has))


def _file(
    chance: Generator, house: House, layouts: Mapping[Records, Layout], kinds: Mapping[Records, Rows]
) -> bytes:
    """One file. Victims that share the clients' file are lines of clients, and not written again."""
    dialect = house.dialect
    headings = list(dict.fromkeys(name for layout in layouts.values() for name in _headings(layout)))
    lines: list[tuple[str, ...]] = []
    for kind, layout in layouts.items():
        if kind is Records.VICTIMS and Records.CLIENTS in layouts:
            continue
        wide = layouts.values() if kind is Records.CLIENTS else [layout]
        columns = {heading: name for part in wide for name, heading in part.columns.items()}
        fixed = {} if kind is Records.CLIENTS else {name: said[0] for name, said in layout.only.items()}
        cells = [
            [fixed[heading]] * len(kinds[kind])
            if heading in fixed
            else _cells(chance, house, columns.get(heading), kinds[kind])
            for heading in headings
        ]
        lines += list(zip(*cells, strict=True))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=dialect.delimiter, lineterminator="\r\n")
    writer.writerow(headings)
    writer.writerows([lines[place] for place in chance.permutation(len(lines))])
    return text.getvalue().encode(dialect.encoding)


def _headings(layout: Layout) -> Sequence[str]:
    return [*layout.only, *layout.columns.values()] if layout.only else list(layout.columns.values())


def _cells(chance: Generator, house: House, field: str | None, rows: Rows) -> list[str]:
    """What the system writes in one column."""
    dialect = house.dialect
    if field is None:
        return [""] * len(rows)
    if field == "person":
        prefix = house.node[:2].upper()
        return ["" if person == NOBODY else f"{prefix}{person:08d}" for person in rows.person.tolist()]
    if field == "name":
        return [f"{name} Verzonnen" for name in np.array(_NAMES)[chance.integers(0, len(_NAMES), len(rows))]]
    if field in _EVENT_FIELDS:
        return [_date(dialect, day, NO_DATE) for day in rows.day.tolist()]
    if field in ("ended", "asked_on"):
        days = rows.dates.get(field, np.full(len(rows), NO_DAY)).tolist()
        lost = iter(chance.random(len(rows)) < _SCRIBBLED)
        return [_date(dialect, day, NO_DATE if next(lost) else "") for day in days]
    if field == "waiting":
        known = np.full(len(rows), NO_AGE) if rows.waiting is None else rows.waiting
        return [str(days) if days != NO_AGE else "" for days in known.tolist()]
    if field == "birth_date":
        return [_date(dialect, day, "") for day in rows.born.tolist()]
    if field == "birth_year":
        known = ~np.isnat(rows.born)
        return [str(year) if there else "" for year, there in zip(years(rows.born), known, strict=True)]
    if field == "age":
        return [str(age) if age >= 0 else "" for age in rows.age.tolist()]
    return _words(chance, dialect, field, rows)


def _date(dialect: Dialect, day: date | None, otherwise: str) -> str:
    return dialect.written(day) if day is not None else otherwise


def _words(chance: Generator, dialect: Dialect, field: str, rows: Rows) -> list[str]:
    name = "country" if field == "citizenship" and dialect.by_country else field
    codes = rows.codes.get(name, np.full(len(rows), ""))
    unknown = _UNKNOWN.get(field, "XX" if dialect.by_country else "STL")
    table = {code: (word, word, word) for code, word in dialect.words[field].items()} | {"": ("", "", "")}
    lost = dialect.unmapped[0 if field == "reason" else 1]
    if field == "channel":  # a channel that is not known has no code, and so no word
        ways = chance.integers(0, 2, len(rows)).tolist()
        known = {code: (word, word) for code, word in dialect.words[field].items()} | {"": ("", lost)}
        return [known[code][way] for code, way in zip(codes.tolist(), ways, strict=True)]
    empty = dialect.blank.get(field, unknown)
    word = dialect.words[field][unknown]
    table[unknown] = (word, lost, "" if empty == unknown else lost)
    if empty != unknown:
        table[empty] = (dialect.words[field][empty], dialect.words[field][empty], "")
    ways = chance.integers(0, 3, len(rows)).tolist()
    return [table[code][way] for code, way in zip(codes.tolist(), ways, strict=True)]
