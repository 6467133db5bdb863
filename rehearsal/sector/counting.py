"""The true national tables of a programme, counted from what is known: possible as nobody exists.

This is the definition of a programme once more, written for plain reading and
without a line of the node's intake, which is checked against it. It reads the
drawn records, not the files that were written of them.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from rehearsal.sector.houses import House
from rehearsal.sector.rows import NO_AGE, NOBODY, Integers, Rows, years
from samentel.documents.codelists import Dimension, Fixed
from samentel.documents.populations import Counting, Population, Records
from samentel.documents.programme import Programme
from samentel.ids import Period

Kinds = Mapping[Records, Rows]
Tables = Mapping[str, Mapping[tuple[str, ...], int]]


def tables(programme: Programme, period: Period, premises: Sequence[tuple[House, Kinds]]) -> Tables:
    """By table, the true count of every cell, in the programme's order; a cell is its codes.

    Args:
        premises: the institutions that are counted, with all their records.
    """
    counts = {table.id: Counter[tuple[str, ...]]() for table in programme.tables}
    for house, kinds in premises:
        for population in programme.populations:
            kept = counted_by(programme, population, period, house, kinds)
            levels = _levels(programme, house, kept)
            for table in programme.tables:
                if table.population == population.id:
                    cells = zip(*(levels(name) for name in table.dimensions), strict=True)
                    counts[table.id].update(cells if table.dimensions else [()] * len(kept))
    return {
        table.id: {
            cell: counts[table.id][cell]
            for cell in product(
                *([code.code for code in programme.dimension(name).codes] for name in table.dimensions)
            )
        }
        for table in programme.tables
    }


def counted_by(
    programme: Programme, population: Population, period: Period, house: House, kinds: Kinds
) -> Rows:
    """The rows of an institution that count in a population, each as often as it counts."""
    rows = registered(population, house, kinds[population.records])
    if population.dated_by == "ended":  # a stay without an end has not ended: it counts nowhere
        ended = rows.dates["ended"]
        rows = replace(rows, day=ended).of(~np.isnat(ended))
    if population.counting is Counting.STOCK:
        rows = rows.of(there_on(rows, np.datetime64(f"{period.year}-{population.reference_day}", "D")))
        rows = replace(rows, day=np.full(len(rows), f"{period.year}-01-01", dtype="M8[D]"))
        # All of them are there, and count by that alone: in the order in which they came.
    elif period.quarter:
        rows = rows.of(_in_quarter(programme, period, house, kinds, rows))
    distinct = None
    if population.distinct is not None:
        distinct = _levels(programme, house, rows)(population.distinct)
    return rows.of(counted(rows, period.year, population.rows_per_person, distinct))


def registered(population: Population, house: House, rows: Rows) -> Rows:
    """The rows that the institution registers: all, none, or those of its own channel or an unknown one."""
    rules = population.registers
    if rules is None:
        return rows
    own = rules.channels.get(house.type)
    if own is None:
        return rows.of(np.arange(0))
    if rules.field is None or rules.field not in rows.codes:
        return rows
    channel = rows.codes[rules.field]
    return rows.of((channel == own) | ~np.isin(channel, list(rules.channels.values())))


def there_on(rows: Rows, day: np.datetime64) -> Integers:
    """The places of the stays that had begun on a day and not ended, in the order in which they began."""
    ended = rows.dates["ended"]
    there = np.flatnonzero(~np.isnat(rows.day) & (rows.day <= day) & (np.isnat(ended) | (ended > day)))
    return there[np.argsort(rows.day[there], kind="stable")]


def counted(rows: Rows, year: int, most: int = 1, distinct: Sequence[str] | None = None) -> Integers:
    """The places of the rows that count: a person's first ones of the year, undated ones after all others.

    Args:
        most: how many rows of one person count.
        distinct: the level of each row in the dimension of whose levels each counts a person once.
    """
    undated = np.isnat(rows.day)
    there = np.flatnonzero((rows.person != NOBODY) & (undated | (years(rows.day) == year)))
    order = there[np.lexsort([rows.day[there], undated[there]])]
    times, before, kept = Counter[int](), set[tuple[int, str]](), []
    for place in order.tolist():
        person = int(rows.person[place])
        if distinct is not None:
            if (person, distinct[place]) in before:
                continue
            before.add((person, distinct[place]))
        if times[person] < most:
            kept.append(place)
            times[person] += 1
    return np.array(kept, dtype=np.int64)


def _in_quarter(programme: Programme, period: Period, house: House, kinds: Kinds, rows: Rows) -> Integers:
    """The places of rows dated in the quarter, of persons whose first date of the year lies in it as well."""
    first: dict[int, int] = {}
    for population in programme.populations:
        counts = registered(population, house, kinds[population.records])
        for person, day in zip(counts.person.tolist(), counts.day, strict=True):
            if person != NOBODY and _quarter(day, period.year):
                first[person] = min(first.get(person, 4), _quarter(day, period.year))
    return np.array(
        [
            place
            for place, (person, day) in enumerate(zip(rows.person.tolist(), rows.day, strict=True))
            if _quarter(day, period.year) == period.quarter == first.get(person)
        ],
        dtype=np.int64,
    )


def _quarter(day: np.datetime64, year: int) -> int:
    """The quarter of a year in which a day lies; 0 if it is not known, or lies in another year."""
    if np.isnat(day) or int(day.astype("M8[Y]").astype(int)) + 1970 != year:
        return 0
    return int(day.astype("M8[M]").astype(int)) % 12 // 3 + 1


def _levels(programme: Programme, house: House, rows: Rows) -> Callable[[str], list[str]]:
    """The code of each row in a dimension, by the dimension's name."""
    found: dict[str, list[str]] = {}

    def levels(name: str) -> list[str]:
        if name not in found:
            found[name] = list(_level(programme.dimension(name), house, rows, levels))
        return found[name]

    return levels


def _level(
    dimension: Dimension, house: House, rows: Rows, levels: Callable[[str], list[str]]
) -> Iterator[str]:
    if dimension.rolls_up is not None:
        holds = {member: code.code for code in dimension.codes for member in code.members}
        yield from (holds[code] for code in levels(dimension.rolls_up))
        return
    if dimension.fixed_by in (Fixed.TYPE, Fixed.PROVINCE):
        word = house.type if dimension.fixed_by is Fixed.TYPE else house.province
        mine = [code.code for code in dimension.codes if word in (code.members or (code.code,))]
        yield from [mine[0] if mine else dimension.unknown] * len(rows)
        return
    known = {code.code for code in dimension.codes if not code.members or _has(house, code.members)}
    asked = [(levels(name), codes) for name, codes in dimension.applies.items()]
    recorded = _recorded(dimension, rows)
    for place, code in enumerate(recorded):
        if any(other[place] not in codes for other, codes in asked):
            assert dimension.not_applicable is not None, "a programme with applies says what the others are"
            yield dimension.not_applicable
        else:
            yield code if code in known and code != dimension.not_applicable else dimension.unknown


def _has(house: House, words: Sequence[str]) -> bool:
    return bool(set(words) & set(house.facilities))


def _recorded(dimension: Dimension, rows: Rows) -> list[str]:
    if not dimension.banded:
        return rows.codes[dimension.field].tolist() if dimension.field in rows.codes else [""] * len(rows)
    numbers = rows.waiting if dimension.field == "waiting" else rows.age
    bands = [(code.code, *code.bounds) for code in dimension.codes if code.bounds is not None]
    return [
        next((code for code, low, high in bands if low <= number <= high), dimension.unknown)
        for number in (np.full(len(rows), NO_AGE) if numbers is None else numbers).tolist()
    ]
