"""Rows become persons and national codes: the last station at which an institution's records are records.

What cannot be read counts as "unknown" and never stops anything. The rules, the
same for clients, victims, requests and placements, and all independent of what
other persons' rows hold:

- Rows of a year are those whose date (of first contact, of the request, of the
  placement) lies in it, **and those without a readable date**: a person whose
  date is lost still counts in the annual tables, in every year's. Such rows never
  count in a quarter.
- A person counts in one quarter of a year only: that of the earliest date in the
  year among all the records that the programme counts. Rows of that person in
  other quarters count in the annual tables. Whoever is bound to another quarter
  already, because he counted there before a date was edited, has no row.
- Rows without a person's number do not count, lines that cannot be split
  included. Whose they are cannot be told, so counting them would let a person who
  also has a number move a table by more than the bound that was promised.
  ``node.check`` says how many there are: a number in the export mends it.
- Rows stand by date, those without one last, then by their codes: never in the
  order of an export. What a row does not say itself is lent: ``node.joining``.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from node import source
from node.coding import coded
from node.joining import LAST, Rows, counts_in_year, joined
from node.mapping import Mapping as ExportMapping
from node.mapping import misfits, used
from node.source import Flags, Integers
from samentel.counting.contribution import Codes, Population, encode
from samentel.documents.populations import Records
from samentel.documents.programme import Programme
from samentel.documents.roster import Institution
from samentel.errors import DocumentError
from samentel.ids import Period

_MOST = 1 << 62  # keys of an order stay below this


@dataclass(frozen=True, slots=True, repr=False)
class Memory:
    """Whom this institution has counted already, as far as it decides who counts now.

    Attributes:
        token: from a person's number to what is remembered instead of it.
        elsewhere: the tokens of persons bound to another quarter of this year.
    """

    token: Callable[[str], bytes]
    elsewhere: Collection[bytes]

    def __repr__(self) -> str:
        return "Memory(<tokens>)"


@dataclass(frozen=True, slots=True, repr=False)
class Taken:
    """What one period's records come to: exact, and never leaves the institution.

    Attributes:
        persons: of a quarter, the tokens of all who have a row in it; empty for a year.
    """

    codes: Codes
    persons: frozenset[bytes]

    def __repr__(self) -> str:
        return f"Taken({self.codes!r})"


def taken(
    mapping: ExportMapping, programme: Programme, period: Period, institution: Institution, memory: Memory
) -> Taken:
    """The exact codes of one period, and who is in them: what goes into the noise, and nowhere else.

    Args:
        institution: as the roster has it.
        memory: asked for a quarter only.

    Raises:
        LocalFault: an export is not there, or lacks a mapped column. Nothing in its rows can raise.
        DocumentError: the mapping cannot answer this programme.
    """
    problems = misfits(mapping, programme)
    if problems:
        raise DocumentError("mapping", problems)
    rows = joined(source.read(mapping), period.year)
    chosen, persons = in_period(rows, programme, period, memory)
    return Taken(encode(programme, populations(rows, chosen, mapping, programme, institution)), persons)


def in_period(
    rows: Mapping[Records, Rows], programme: Programme, period: Period, memory: Memory | None = None
) -> tuple[dict[Records, Flags], frozenset[bytes]]:
    """By kind of record, which rows count in a period; and of a quarter, the tokens of their persons."""
    counted = {population.records for population in programme.populations}
    asked = {kind: rows[kind] for kind in counted if kind in rows}
    if not period.quarter:
        return {kind: counts_in_year(its.days, period.year) for kind, its in asked.items()}, frozenset()
    earliest = _earliest(list(asked.values()), period.year)
    chosen = {
        kind: _in_quarter(its.days, period) & _in_quarter(earliest[its.person], period)
        for kind, its in asked.items()
    }
    if memory is None:
        return chosen, frozenset()
    tokens = _tokens(asked, chosen, memory.token)
    bound = np.zeros(len(earliest), dtype=np.bool_)
    bound[[person for person, token in tokens.items() if token in memory.elsewhere]] = True
    here = {kind: chosen[kind] & ~bound[its.person] for kind, its in asked.items()}
    return here, frozenset(token for person, token in tokens.items() if not bound[person])


def populations(
    rows: Mapping[Records, Rows],
    chosen: Mapping[Records, Flags],
    mapping: ExportMapping,
    programme: Programme,
    institution: Institution | None,
) -> dict[str, Population]:
    """Every population of the programme in the stated order; without rows where there are no such records."""
    found = {}
    for population in programme.populations:
        names = used(programme, population)
        its = rows.get(population.records)
        if its is None:
            nothing = np.zeros(0, dtype=np.int64)
            found[population.id] = Population(nothing, dict.fromkeys(names, nothing))
            continue
        levels = coded(its, mapping, programme, institution, names)
        here = np.flatnonzero(chosen[population.records])
        days = its.days[here]
        sizes = [len(programme.dimension(name).codes) for name in names]
        keys = [(levels[name][here], size) for name, size in zip(names, sizes, strict=True)]
        order = here[_order([(np.where(days > 0, days, LAST), LAST + 1), *keys])]
        found[population.id] = Population(its.person[order], {name: levels[name][order] for name in names})
    return found


def _earliest(kinds: Sequence[Rows], year: int) -> Integers:
    """By person, the earliest date in a year among these records; ``LAST`` where there is none."""
    most = max((int(rows.person.max(initial=-1)) for rows in kinds), default=-1) + 1
    earliest = np.full(most, LAST, dtype=np.int64)
    for rows in kinds:
        in_year = rows.days // 10_000 == year
        np.minimum.at(earliest, rows.person[in_year], rows.days[in_year])
    return earliest


def _in_quarter(days: Integers, period: Period) -> Flags:
    flags: Flags = (days // 10_000 == period.year) & ((days // 100 % 100 - 1) // 3 + 1 == period.quarter)
    return flags


def _tokens(
    kinds: Mapping[Records, Rows], chosen: Mapping[Records, Flags], token: Callable[[str], bytes]
) -> dict[int, bytes]:
    """By person, the token of everybody who has a row among these."""
    found: dict[int, bytes] = {}
    for kind, rows in kinds.items():
        here = np.flatnonzero(chosen[kind])
        persons, first = np.unique(rows.person[here], return_index=True)
        numbers = rows.export.persons(here[first])
        pairs = zip(persons.tolist(), numbers, strict=True)
        found |= {person: token(number) for person, number in pairs if person not in found}
    return found


def _order(keys: Sequence[tuple[Integers, int]]) -> Integers:
    """Rows by several keys, the first one first, by one sort of one number; rows that are alike in any order.

    Args:
        keys: values from 0 up to below the number beside them.
    """
    whole, size = np.zeros_like(keys[0][0]), 1
    for values, width in keys:
        if size * width > _MOST:
            seen, whole = np.unique(whole, return_inverse=True)
            size = len(seen)
        whole, size = whole * width + values, size * width
    return np.argsort(whole)
