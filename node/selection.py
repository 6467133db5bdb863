"""Which rows of each population count in a period, and of whom.

A row counts or not by what stands in it, what the roster says of the institution
and, of a quarter, when the same person's other rows are dated: never by the rows
of others. So one person's rows change nothing about the rows of others, whatever
they are, and the bound that follows (``samentel.counting.contribution``) is the
bound on a person's influence.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from node import mapping as mappings
from node.joining import LAST, Rows, counts_in_year
from node.mapping import Mapping as ExportMapping
from node.mapping import folded
from node.records import ENDED
from node.source import Flags, Integers
from samentel.documents.levels import channel
from samentel.documents.populations import Counting, Population, Records
from samentel.documents.programme import Programme
from samentel.documents.roster import Institution
from samentel.ids import Period


@dataclass(frozen=True, slots=True, repr=False)
class Memory:
    """Whom this institution has counted already, as far as it decides who counts now.

    Attributes:
        token: from a person's number to what is remembered instead of it.
        elsewhere: of a quarter, the tokens of persons bound to another quarter of this year.
        counted: of a year, by the id of a quarterly programme, the tokens of persons bound to any quarter of
            it of this year.
    """

    token: Callable[[str], bytes]
    elsewhere: Collection[bytes]
    counted: Mapping[str, Collection[bytes]] | None = None

    def __repr__(self) -> str:
        return "Memory(<tokens>)"


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Selected:
    """The rows of one population, and which of them count; never leaves the institution.

    Attributes:
        rows: all rows of its kind of record. Their ``days`` are those by which they count: a person's age is
            the age on that day.
        began: the days by which rows stand in order, as 20250331; 0 where there is none.
        here: which rows count.
    """

    rows: Rows
    began: Integers
    here: Flags

    def __repr__(self) -> str:
        return f"Selected({self.rows!r})"


def selected(
    rows: Mapping[Records, Rows],
    mapping: ExportMapping,
    programme: Programme,
    period: Period,
    institution: Institution | None,
    memory: Memory | None = None,
) -> tuple[dict[str, Selected], frozenset[bytes]]:
    """By population of which there are records, the rows that count; and the persons of a quarter.

    Args:
        institution: as the roster has it; without one nobody knows what it registers, and all rows count.
            For ``node.check`` only.
        memory: without one, as if nobody had been counted before, and populations of quarters have all rows
            of their year. For ``node.check`` only.

    Returns:
        The tokens of all who have a row in a quarter; none for a year.
    """
    asked = {
        population.id: _registered(rows[population.records], mapping, programme, population, institution)
        for population in programme.populations
        if population.records in rows
    }
    if period.quarter:
        return _of_a_quarter(asked, period, memory)
    found = {}
    for name, its in asked.items():
        population = programme.population(name)
        counted = _stock if population.counting is Counting.STOCK else _inflow
        found[name] = counted(its, population, period)
        if population.of_quarters is not None and memory is not None:
            tokens = (memory.counted or {}).get(population.of_quarters, ())
            found[name] = _among(found[name], tokens, memory.token)
    return found, frozenset()


def _registered(
    rows: Rows,
    mapping: ExportMapping,
    programme: Programme,
    population: Population,
    institution: Institution | None,
) -> Selected:
    """The rows that this institution registers, by the date that says in which period they lie.

    All, unless the programme says who registers this population: then none where the institution's type is
    not named; else those whose channel is the institution's own or is not known.

    This looks at a row by itself, before anything is counted of a person: it takes rows of a person away and
    never another's, so a person moves each table by no more than before.
    """
    days = rows.own_days(ENDED) if population.dated_by == ENDED else rows.days
    dated, everything = replace(rows, days=days), np.ones(len(rows), dtype=np.bool_)
    if population.registers is None or institution is None:
        return Selected(dated, days, everything)
    mine = channel(population, institution)
    if mine is None:
        return Selected(dated, days, ~everything)
    field = population.registers.field
    if field is None:
        return Selected(dated, days, everything)
    others = set(population.registers.channels.values()) - {mine}
    national = {folded(code): code for code in mappings.channel_codes(programme, field)}
    words = mapping.codes.get(field, national)
    blank = mapping.blank.get(field, "")

    def is_others(word: str) -> int:
        return int((words.get(folded(word), "") if word.strip() else blank) in others)

    elsewhere = rows.read(field, lambda export: export.translated(field, is_others), 0)
    return Selected(dated, days, elsewhere == 0)


def _inflow(its: Selected, population: Population, period: Period) -> Selected:
    """The rows whose date lies in a year, and those without a readable one.

    A stay without a readable end has not ended: by their end only rows with one count.
    """
    days = its.rows.days
    in_year = counts_in_year(days, period.year)
    return replace(its, here=its.here & in_year & ((population.dated_by is None) | (days > 0)))


def _stock(its: Selected, population: Population, period: Period) -> Selected:
    """The stays that had begun on the reference day of a year and had not ended.

    Whoever comes on that day is there, whoever leaves on it is not. A stay without a readable beginning does
    not count: nobody knows that it had begun. One without a readable end has not ended. Of an institution
    that has no column for the end nobody knows who was there: it has no rows.
    """
    assert population.reference_day is not None, "a stock has a reference day (populations.problems)"
    day = period.year * 10_000 + int(population.reference_day.replace("-", ""))
    ended = its.rows.own_days(ENDED)
    there = (its.began > 0) & (its.began <= day) & ((ended == 0) | (ended > day))
    there &= its.rows.export.has(ENDED)
    then = np.full(len(its.rows), day, dtype=np.int64)
    return Selected(replace(its.rows, days=then), its.began, its.here & there)


def _among(its: Selected, tokens: Collection[bytes], token: Callable[[str], bytes]) -> Selected:
    """The rows of these persons alone."""
    known = [person for person, name in _tokens(its, token).items() if name in tokens]
    return replace(its, here=its.here & np.isin(its.rows.person, known))


def _of_a_quarter(
    asked: Mapping[str, Selected], period: Period, memory: Memory | None
) -> tuple[dict[str, Selected], frozenset[bytes]]:
    earliest = _earliest(asked.values(), period.year)
    found = {
        name: replace(
            its,
            here=its.here
            & _in_quarter(its.rows.days, period)
            & _in_quarter(earliest[its.rows.person], period),
        )
        for name, its in asked.items()
    }
    if memory is None:
        return found, frozenset()
    tokens: dict[int, bytes] = {}
    for its in found.values():
        tokens = _tokens(its, memory.token) | tokens
    bound = np.zeros(len(earliest), dtype=np.bool_)
    bound[[person for person, token in tokens.items() if token in memory.elsewhere]] = True
    here = {name: replace(its, here=its.here & ~bound[its.rows.person]) for name, its in found.items()}
    return here, frozenset(token for person, token in tokens.items() if not bound[person])


def _earliest(populations: Collection[Selected], year: int) -> Integers:
    """By person, the earliest date in a year among the rows that can count; ``LAST`` where there is none."""
    most = max((int(its.rows.person.max(initial=-1)) for its in populations), default=-1) + 1
    earliest = np.full(most, LAST, dtype=np.int64)
    for its in populations:
        in_year = its.here & (its.rows.days // 10_000 == year)
        np.minimum.at(earliest, its.rows.person[in_year], its.rows.days[in_year])
    return earliest


def _in_quarter(days: Integers, period: Period) -> Flags:
    flags: Flags = (days // 10_000 == period.year) & ((days // 100 % 100 - 1) // 3 + 1 == period.quarter)
    return flags


def _tokens(its: Selected, token: Callable[[str], bytes]) -> dict[int, bytes]:
    """By person, the token of everybody who has a row that counts."""
    here = np.flatnonzero(its.here)
    persons, first = np.unique(its.rows.person[here], return_index=True)
    numbers = its.rows.export.persons(here[first])
    return {person: token(number) for person, number in zip(persons.tolist(), numbers, strict=True)}
