"""Rows become persons and national codes: the last station at which an institution's records are records.

What cannot be read counts as "unknown" and never stops anything. The rules, all
independent of what other persons' rows hold:

- Rows of a year are those whose first contact lies in it, **and those without a
  readable date**: a person whose date is lost still counts in the annual tables,
  in every year's. Such rows never count in a quarter.
- A quarter counts the rows that lie in it among those that its year would keep,
  so that a person is never in two quarters of one year.
- Rows without a person's number do not count, lines that cannot be split
  included. Whose they are cannot be told, so counting them would let a person who
  also has a number move a table by more than the bound that was promised.
  ``node.check`` says how many there are: a number in the export mends it.
- Rows stand by date, then by their codes: never in the order of the export.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from node import source
from node.mapping import Mapping, folded, misfits
from node.records import AGE, AGE_SOURCES, CLIENTS
from node.source import Export, Integers
from samentel.counting.contribution import Codes, Population, bounded, encode
from samentel.documents.codelists import Dimension
from samentel.documents.programme import Programme
from samentel.errors import DocumentError
from samentel.ids import Period

_EVENT = "first_contact"
_LAST = 99_999_999  # where rows without a date stand
_QUARTER = ""  # no dimension has this id


def codes(mapping: Mapping, programme: Programme, period: Period) -> Codes:
    """The exact codes of one period: what goes into the noise, and nowhere else.

    Raises:
        LocalFault: the export is not there, or lacks a mapped column. Nothing in its rows can raise.
        DocumentError: the mapping cannot answer this programme.
    """
    problems = misfits(mapping, programme)
    if problems:
        raise DocumentError("mapping", problems)
    return encode(programme, {CLIENTS: population(source.read(mapping), mapping, programme, period)})


def population(export: Export, mapping: Mapping, programme: Programme, period: Period) -> Population:
    """The clients of a period, in the stated order; at most ``rows_per_person`` rows of each in a quarter."""
    person, days = export.numbered("person"), export.days(_EVENT)
    levels = {dimension.id: levels_of(export, mapping, dimension, days) for dimension in programme.dimensions}
    dated = days > 0
    in_year = days // 10_000 == period.year
    chosen = (person >= 0) & (in_year if period.quarter else in_year | ~dated)
    order = _order(chosen, np.where(dated, days, _LAST), list(levels.values()))
    ordered = Population(person[order], {name: values[order] for name, values in levels.items()})
    if not period.quarter:
        return ordered
    quarter = (days[order] // 100 % 100 - 1) // 3 + 1
    return _of_quarter(ordered, quarter, period.quarter, programme.population(CLIENTS).rows_per_person)


def _of_quarter(year: Population, quarter: Integers, wanted: int, rows_per_person: int) -> Population:
    kept = bounded(Population(year.person, {**year.levels, _QUARTER: quarter}), rows_per_person)
    here = kept.levels[_QUARTER] == wanted
    return Population(kept.person[here], {name: kept.levels[name][here] for name in year.levels})


def _order(chosen: NDArray[np.bool_], days: Integers, levels: list[Integers]) -> Integers:
    rows = np.flatnonzero(chosen)
    keys = [*(values[rows] for values in reversed(levels)), days[rows]]  # the last key sorts first
    return rows[np.lexsort(keys)]


def levels_of(export: Export, mapping: Mapping, dimension: Dimension, days: Integers) -> Integers:
    """The position in the dimension of each row of the export, in the export's order."""
    if dimension.field == AGE:
        return _banded(dimension, ages_of(export, days))
    if not export.has(dimension.field):
        return np.full(len(export), dimension.index(dimension.unknown), dtype=np.int64)
    return export.translated(dimension.field, translator(mapping, dimension))


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


def ages_of(export: Export, days: Integers) -> Integers:
    """Whole years of age at first contact; -1 where it is not known.

    With a year of birth only, the age that is reached in the year of first contact.
    """
    field = next((name for name in AGE_SOURCES if export.has(name)), None)
    if field is None:
        return np.full(len(export), -1, dtype=np.int64)
    if field == "age":
        return export.integers("age")
    if field == "birth_year":
        born_in = export.integers("birth_year")
        return np.where((days > 0) & (born_in > 0), days // 10_000 - born_in, -1)
    born = export.days("birth_date")
    # Of two dates written as 20250331 the difference has the whole years before its last four digits.
    return np.where((days > 0) & (born > 0), (days - born) // 10_000, -1)


def _banded(dimension: Dimension, ages: Integers) -> Integers:
    levels = np.full(len(ages), dimension.index(dimension.unknown), dtype=np.int64)
    for place, code in enumerate(dimension.codes):
        if code.bounds is not None:
            levels[(ages >= code.bounds[0]) & (ages <= code.bounds[1])] = place
    return levels
