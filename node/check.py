"""An institution's look at its own export, with exact figures, on its own terminal.

The only module that shows exact figures. Nothing here is logged, stored or
sent, and nothing but the command line imports it.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import date
from functools import partial

import numpy as np
from numpy.typing import NDArray

from node import intake, mapping, source
from node.config import Config
from node.mapping import Mapping
from node.records import AGE_SOURCES, CLIENTS, CODED
from node.source import Export, Integers
from node.texts import Words
from samentel.counting.contribution import encode
from samentel.documents.codelists import Dimension
from samentel.documents.programme import Programme
from samentel.errors import DocumentError
from samentel.ids import Period

WORDS_SHOWN = 40
PLAUSIBLE_FROM = 19900101  # no client system of the sector holds earlier contacts
OLDEST = 120


def lines(
    config: Config, programme: Programme | None, period: Period | None, words: Words, *, values: bool = False
) -> Iterator[str]:
    """What the export holds, line by line: counts by rule and column.

    Args:
        values: also the words that have no code.

    Raises:
        LocalFault, DocumentError: the mapping, the export or the programme keep it from being taken in.
    """
    held = mapping.load(config.mapping)
    problems = mapping.misfits(held, programme) if programme else []
    if problems:
        raise DocumentError(str(config.mapping), problems)
    export = source.read(held)
    yield words("check.warning")
    yield ""
    yield from _rows(export, words)
    for text, number in _rules(export, held, programme, words):
        if number:
            yield f"! {text}: {number}"
    yield from _strange(export, held, programme, words, values=values)
    if programme is None:
        yield words("check.mapping")
        return
    yield from _mostly_unknown(export, held, programme, words)
    for name in mapping.unmapped(held, programme):
        yield f"! {words('check.unmapped', dimension=name)}"
    yield words("check.fine")
    if period is not None:
        yield from _tables(export, held, programme, period, words)


def _rows(export: Export, words: Words) -> Iterator[str]:
    person = export.numbered("person")
    nobody = int((person < 0).sum())
    yield f"{words('check.rows')}: {len(export)}"
    yield f"{words('check.counting')}: {len(export) - nobody}"
    yield f"{words('check.persons')}: {len(np.unique(person[person >= 0]))}"
    for key, number in (("check.broken", export.broken), ("check.nobody", nobody - export.broken)):
        if number:
            yield f"! {words(key)}: {number}"


def _rules(
    export: Export, held: Mapping, programme: Programme | None, words: Words
) -> Iterator[tuple[str, int]]:
    """Each rule about dates, ages and numbers, and how many lines (or persons) that can count break it."""
    person, days = export.numbered("person"), export.days("first_contact")
    counts = person >= 0
    today = int(f"{date.today():%Y%m%d}")  # noqa: DTZ011 - a day in the export's own sense has no zone
    column = _column(held, "first_contact")
    empty = export.numbered("first_contact") < 0
    implausible = (days > 0) & ((days < PLAUSIBLE_FROM) | (days > today))
    yield words("check.undated", column=column), int((counts & empty).sum())
    yield words("check.unreadable_contact", column=column), int((counts & ~empty & (days == 0)).sum())
    yield words("check.implausible", column=column), int((counts & implausible).sum())
    field = next((name for name in AGE_SOURCES if export.has(name)), None)
    if field is not None:
        wrong = _ages_lost(export, held, programme, days) & (export.numbered(field) >= 0)
        if field != "age":
            wrong &= days > 0  # without a date of contact nothing is wrong with the date of birth
        yield words("check.unreadable_age", column=_column(held, field)), int((counts & wrong).sum())
    k = max((one.rows_per_person for one in programme.populations), default=1) if programme else 1
    years = person[counts] * 10_000 + days[counts] // 10_000
    in_year, often = np.unique(years, return_counts=True)
    duplicates = len(np.unique(in_year[often > k] // 10_000))
    yield words("check.duplicates", column=_column(held, "person"), k=k), duplicates


def _ages_lost(
    export: Export, held: Mapping, programme: Programme | None, days: Integers
) -> NDArray[np.bool_]:
    ages = intake.ages_of(export, days)
    lost: NDArray[np.bool_] = (ages < 0) | (ages > OLDEST)
    for dimension in programme.dimensions if programme else ():
        if dimension.banded:
            levels = intake.levels_of(export, held, dimension, days)
            lost |= levels == dimension.index(dimension.unknown)
    return lost


def _strange(
    export: Export, held: Mapping, programme: Programme | None, words: Words, *, values: bool
) -> Iterator[str]:
    """Words without a code: how many lines by column, and the words themselves when they are asked for."""
    counts = export.numbered("person") >= 0
    found = False
    for field, is_strange in _vocabularies(export, held, programme):
        number = int((export.translated(field, is_strange)[counts] > 0).sum())
        if not number:
            continue
        found = True
        yield f"! {words('check.unknown_codes', column=_column(held, field))}: {number}"
        if values:
            strange = [(word, number) for word, number in export.tally(field) if is_strange(word)]
            yield from (f"    {number:>7}  {_legible(word)}" for word, number in strange[:WORDS_SHOWN])
    if found and not values:
        yield f"  {words('check.values')}"


def _vocabularies(
    export: Export, held: Mapping, programme: Programme | None
) -> Iterator[tuple[str, Callable[[str], bool]]]:
    """Each coded field of the export, with what tells a word that has no code there."""
    if programme is None:
        for field in CODED:
            if export.has(field) and field in held.codes:
                yield field, partial(_not_among, held.codes[field])
        return
    fields = {one.field: one for one in programme.dimensions if not one.banded and export.has(one.field)}
    for field, dimension in fields.items():
        yield field, partial(_without_code, held, dimension)


def _not_among(known: Collection[str], word: str) -> bool:
    return bool(word) and mapping.folded(word) not in known


def _without_code(held: Mapping, dimension: Dimension, word: str) -> bool:
    unknown = intake.translator(held, dimension)(word) == dimension.index(dimension.unknown)
    return unknown and _not_among(_meaning_unknown(held, dimension), word)


def _meaning_unknown(held: Mapping, dimension: Dimension) -> set[str]:
    """The words that say themselves that it is not known: nothing is wrong with those."""
    table = held.codes.get(dimension.field)
    if table is None:
        return {mapping.folded(dimension.unknown)}
    return {word for word, code in table.items() if code == dimension.unknown}


def _mostly_unknown(export: Export, held: Mapping, programme: Programme, words: Words) -> Iterator[str]:
    days, counts = export.days("first_contact"), export.numbered("person") >= 0
    unmapped = mapping.unmapped(held, programme)
    for dimension in programme.dimensions:
        levels = intake.levels_of(export, held, dimension, days)[counts]
        unknown = int((levels == dimension.index(dimension.unknown)).sum())
        if dimension.id not in unmapped and 2 * unknown > len(levels):
            facts = {"unknown": unknown, "all": len(levels)}
            yield f"! {words('check.mostly_unknown', dimension=dimension.id, **facts)}"


def _column(held: Mapping, field: str) -> str:
    return f"{field} ({held.columns[field]})"


def _legible(word: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in word)


def _tables(
    export: Export, held: Mapping, programme: Programme, period: Period, words: Words
) -> Iterator[str]:
    people = intake.population(export, held, programme, period)
    codes = encode(programme, {CLIENTS: people})
    for table in programme.tables:
        yield ""
        yield f"{words.either(table.title.nl, table.title.en)}, {period}"
        counts = np.bincount(codes.cells[table.id], minlength=programme.cells(table))
        shape = programme.shape(table)
        for cell in np.flatnonzero(counts):
            places = np.unravel_index(int(cell), shape)
            levels = zip(table.dimensions, places, strict=True)
            named = [programme.dimension(name).codes[int(place)] for name, place in levels]
            label = " | ".join(words.either(code.nl, code.en) for code in named)
            yield f"  {counts[cell]:>7}  {label}"
