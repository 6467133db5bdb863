"""From the fields of rows to levels of a programme: national codes, "unknown", "not applicable".

What cannot be read, and what an institution cannot have according to the roster,
is unknown. Where a question does not apply, the level is "not applicable"
whatever the field holds; where it applies, it is never that.
"""

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from node.joining import Rows
from node.mapping import Mapping, folded, of_the_house
from node.records import (
    AGE,
    AGE_SOURCES,
    ASKED,
    BANDED,
    BEGAN,
    NEAR,
    OTHER,
    PROVINCE,
    PROVINCES,
    SAME,
    SOURCES,
    WAITING,
)
from node.source import Export, Flags, Integers
from samentel.documents.codelists import Dimension, Fixed, rolled
from samentel.documents.levels import allowed
from samentel.documents.programme import Programme
from samentel.documents.roster import Institution

_MOST = max(BANDED.values())  # the highest number that bounds can name


def coded(
    rows: Rows, mapping: Mapping, programme: Programme, institution: Institution | None, wanted: Iterable[str]
) -> dict[str, Integers]:
    """By dimension, the position of every row in its list of codes.

    Args:
        institution: as the roster has it; without one, what the roster fixes is unknown.
        wanted: ids of dimensions.
    """
    known: dict[str, Integers] = {}

    def level(name: str) -> Integers:
        if name not in known:
            known[name] = settle(programme.dimension(name))
        return known[name]

    def settle(dimension: Dimension) -> Integers:
        if dimension.rolls_up is not None:
            fine = programme.dimension(dimension.rolls_up)
            return np.array(rolled(dimension, fine), dtype=np.int64)[level(fine.id)]
        values = as_recorded(rows, mapping, institution, dimension)
        if dimension.fixed_by is not None:
            values = limited(values, dimension, institution)
        if dimension.not_applicable is None or not dimension.applies:
            return values
        applies = np.ones(len(rows), dtype=np.bool_)
        for name, codes in dimension.applies.items():
            places = [programme.dimension(name).index(code) for code in codes]
            applies &= np.isin(level(name), places)
        return _where_it_applies(values, dimension, applies)

    return {name: level(name) for name in wanted}


def as_recorded(
    rows: Rows, mapping: Mapping, institution: Institution | None, dimension: Dimension
) -> Integers:
    """The level that the records give each row, before any rule of the programme."""
    unknown = dimension.index(dimension.unknown)
    if of_the_house(dimension):
        return np.full(len(rows), unknown, dtype=np.int64)
    if dimension.field == AGE:
        return banded(dimension, ages_of(rows))
    if dimension.field == WAITING:
        return banded(dimension, days_waited(rows))
    if dimension.field == NEAR:
        return _near(rows, mapping, institution, dimension)
    translate = translator(mapping, dimension)
    return rows.read(dimension.field, lambda export: export.translated(dimension.field, translate), unknown)


def limited(values: Integers, dimension: Dimension, institution: Institution | None) -> Integers:
    """The levels within what the roster says that this institution can have; others become unknown."""
    places = possible(dimension, institution)
    if of_the_house(dimension):
        return np.full(len(values), min(places), dtype=np.int64)
    return np.where(np.isin(values, sorted(places)), values, dimension.index(dimension.unknown))


def possible(dimension: Dimension, institution: Institution | None) -> frozenset[int]:
    """The positions that rows can have in a dimension fixed by the roster; without it, those of everybody."""
    if institution is not None:
        return allowed(dimension, institution)
    unknown = frozenset({dimension.index(dimension.unknown)})
    if dimension.fixed_by is not Fixed.FACILITIES:
        return unknown
    return unknown | {place for place, code in enumerate(dimension.codes) if not code.members}


def translator(mapping: Mapping, dimension: Dimension) -> Callable[[str], int]:
    """From a word of the export to a position in the dimension; what is not known is the unknown one.

    Without a table of codes for the field the words are the national codes themselves.
    """
    words = mapping.codes.get(dimension.field)
    national = {folded(code.code): code.code for code in dimension.codes}
    places = {code.code: place for place, code in enumerate(dimension.codes)}
    unknown = places[dimension.unknown]
    blank = places.get(mapping.blank.get(dimension.field, dimension.unknown), unknown)
    table = national if words is None else words

    def translate(word: str) -> int:
        return places.get(table.get(folded(word), ""), unknown) if word.strip() else blank

    return translate


def ages_of(rows: Rows) -> Integers:
    """Whole years of age at the date by which each row counts; -1 where it is not known.

    With a year of birth only, the age that is reached in the year of that date.
    """
    ages = np.full(len(rows), -1, dtype=np.int64)
    for export, field, there, here in rows.found(AGE_SOURCES):
        ages[here] = _ages(export, field, there, rows.days[here])
    return ages


def _ages(export: Export, field: str, there: Integers, days: Integers) -> Integers:
    if field == "age":
        return export.integers("age")[there]
    if field == "birth_year":
        born_in = export.integers("birth_year")[there]
        return np.where((days > 0) & (born_in > 0), days // 10_000 - born_in, -1)
    born = export.days("birth_date")[there]
    # Of two dates written as 20250331 the difference has the whole years before its last four digits.
    return np.where((days > 0) & (born > 0), (days - born) // 10_000, -1)


def days_waited(rows: Rows) -> Integers:
    """How many days were waited; -1 where it is not known, or the end comes before the beginning.

    From the column for it; where the institution has none, from the day of the request to that of the
    placement: 0 on the same day, 1 on the next.
    """
    if rows.export.has(WAITING):
        return rows.own(WAITING, partial(Export.integers, field=WAITING), -1)
    asked, began = rows.own_days(ASKED), rows.own_days(BEGAN)
    waited = _calendar(began) - _calendar(asked)
    return np.where((asked > 0) & (began > 0) & (waited >= 0), waited, -1)


def _calendar(days: Integers) -> Integers:
    """Days since 1970 of dates such as 20250331: their differences are days."""
    months = (days // 10_000 - 1970) * 12 + days // 100 % 100 - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]")
    return first.astype(np.int64) + days % 100 - 1


def banded(dimension: Dimension, numbers: Integers) -> Integers:
    """The band of each number, and unknown where there is none."""
    band = np.full(_MOST + 2, dimension.index(dimension.unknown), dtype=np.int64)  # -1 stands last
    for place, code in enumerate(dimension.codes):
        if code.bounds is not None:
            band[code.bounds[0] : code.bounds[1] + 1] = place
    return band[np.where((numbers >= 0) & (numbers <= _MOST), numbers, -1)]


def _near(rows: Rows, mapping: Mapping, institution: Institution | None, dimension: Dimension) -> Integers:
    """Whether each row is in the person's own province: as recorded, else by the roster's province.

    Of the records that are asked (``Rows.found``) the first decides that has a column for it or for the
    person's province. Not known where the person's province is not, or that of the institution.
    """
    levels = np.full(len(rows), dimension.index(dimension.unknown), dtype=np.int64)
    said = translator(mapping, dimension)
    home = institution.province if institution is not None else ""

    def compared(word: str) -> int:
        province = _province(mapping, word)
        if not province or home not in PROVINCES:
            return dimension.index(dimension.unknown)
        return dimension.index(SAME if province == home else OTHER)

    for export, field, there, here in rows.found(SOURCES[NEAR]):
        levels[here] = export.translated(field, said if field == NEAR else compared)[there]
    return levels


def _province(mapping: Mapping, word: str) -> str:
    """The province that a word of the export means, one of ``PROVINCES``; empty where it means none."""
    if not word.strip():
        code = mapping.blank.get(PROVINCE, "")
    elif PROVINCE in mapping.codes:
        code = mapping.codes[PROVINCE].get(folded(word), "")
    else:  # the words are the national codes themselves
        code = word.strip().upper()
    return code if code in PROVINCES else ""


def _where_it_applies(values: Integers, dimension: Dimension, applies: Flags) -> Integers:
    assert dimension.not_applicable is not None, (
        "a dimension that applies to some rows has a code for the others"
    )
    never, unknown = dimension.index(dimension.not_applicable), dimension.index(dimension.unknown)
    return np.where(applies, np.where(values == never, unknown, values), never)
