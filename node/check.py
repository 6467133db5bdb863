"""An institution's look at its own export, with exact figures, on its own terminal.

The only module that shows exact figures. Nothing here is logged, stored or
sent, and nothing but the command line imports it.
"""

from collections.abc import Iterator

import numpy as np

from node import intake, mapping, source
from node.config import Config
from node.mapping import Mapping
from node.records import CLIENTS, CODED
from node.source import Export
from node.texts import Words
from samentel.counting.contribution import encode
from samentel.documents.programme import Dimension, Programme
from samentel.errors import DocumentError
from samentel.ids import Period

WORDS_SHOWN = 40


def lines(config: Config, programme: Programme | None, period: Period | None, words: Words) -> Iterator[str]:
    """What the export holds, line by line.

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
    if programme is None:
        yield from _words(export, held, words)
        yield words("check.mapping")
        return
    for dimension in programme.dimensions:
        yield from _unknown(export, held, dimension, words)
    for name in mapping.unmapped(held, programme):
        yield f"! {words('check.unmapped', dimension=name)}"
    yield words("check.fine")
    if period is not None:
        yield from _tables(export, held, programme, period, words)


def _rows(export: Export, words: Words) -> Iterator[str]:
    person, days = export.numbered("person"), export.days("first_contact")
    yield f"{words('check.rows')}: {len(export)}"
    yield f"{words('check.persons')}: {len(np.unique(person[person >= 0]))}"
    for key, number in (
        ("check.broken", export.broken),
        ("check.nobody", int((person < 0).sum())),
        ("check.undated", int((days == 0).sum())),
    ):
        if number:
            yield f"! {words(key)}: {number}"


def _words(export: Export, held: Mapping, words: Words) -> Iterator[str]:
    for field in CODED:
        if export.has(field) and field in held.codes:
            known = held.codes[field]
            strange = [
                (word, number)
                for word, number in export.tally(field)
                if word and mapping.folded(word) not in known
            ]
            yield from _listed(field, strange, words)


def _unknown(export: Export, held: Mapping, dimension: Dimension, words: Words) -> Iterator[str]:
    if dimension.banded or not export.has(dimension.field):
        return
    translate, unknown = intake.translator(held, dimension), dimension.index(dimension.unknown)
    strange = [
        (word, number)
        for word, number in export.tally(dimension.field)
        if word and translate(word) == unknown
    ]
    yield from _listed(dimension.field, strange, words)


def _listed(field: str, strange: list[tuple[str, int]], words: Words) -> Iterator[str]:
    if strange:
        yield f"! {words('check.unknown_words', field=field)}:"
        yield from (f"    {number:>7}  {word}" for word, number in strange[:WORDS_SHOWN])


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
