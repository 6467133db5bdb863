"""The true national tables of a programme, counted from what is known: possible as nobody exists.

This is the definition of a programme once more, written for plain reading and
without a line of the node's intake, which is checked against it. It reads the
drawn records, not the files that were written of them.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from rehearsal.sector.houses import House
from rehearsal.sector.rows import NOBODY, Integers, Rows, years
from samentel.documents.codelists import Dimension, Fixed
from samentel.documents.populations import Records
from samentel.documents.programme import Programme

Kinds = Mapping[Records, Rows]
Tables = Mapping[str, Mapping[tuple[str, ...], int]]


def tables(programme: Programme, year: int, premises: Sequence[tuple[House, Kinds]]) -> Tables:
    """By table, the true count of every cell, in the programme's order; a cell is its codes.

    Args:
        premises: the institutions that are counted, with all their records.
    """
    counts = {table.id: Counter[tuple[str, ...]]() for table in programme.tables}
    for house, kinds in premises:
        for population in programme.populations:
            rows = kinds[population.records]
            distinct = None
            if population.distinct is not None:
                distinct = _levels(programme, house, rows)(population.distinct)
            kept = rows.of(counted(rows, year, population.rows_per_person, distinct))
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
    if dimension.field != "age":
        return rows.codes[dimension.field].tolist() if dimension.field in rows.codes else [""] * len(rows)
    bands = [(code.code, *code.bounds) for code in dimension.codes if code.bounds is not None]
    return [
        next((code for code, low, high in bands if low <= age <= high), dimension.unknown)
        for age in rows.age.tolist()
    ]
