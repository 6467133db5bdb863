"""An institution's look at its own exports, with exact figures, on its own terminal.

The only module that shows exact figures. Nothing here is logged, stored or
sent, and nothing but the command line imports it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import numpy as np

from node import approving, intake, mapping, source
from node.coding import ages_of, as_recorded, banded, coded, days_waited, limited, translator
from node.config import Config
from node.joining import Rows, joined
from node.mapping import Sheet
from node.records import AGE, AGE_SOURCES, BEGAN, CODED, ENDED, EVENTS, NEAR, WAITING
from node.selection import selected
from node.source import Flags
from node.texts import Words
from samentel.counting.contribution import encode
from samentel.documents import levels
from samentel.documents.codelists import Dimension, Fixed
from samentel.documents.populations import Counting, Population, Records, Table
from samentel.documents.programme import Programme
from samentel.documents.roster import Institution
from samentel.errors import DocumentError
from samentel.ids import Period

WORDS_SHOWN = 40
PLAUSIBLE_FROM = 19900101  # no client system of the sector holds earlier contacts
OLDEST = 120


@dataclass(frozen=True, slots=True, repr=False)
class House:
    """What there is to look at: the mapping, the rows it finds, and the institution as the roster has it."""

    mapping: mapping.Mapping
    rows: Mapping[Records, Rows]
    programme: Programme | None
    institution: Institution | None

    @property
    def asked(self) -> list[tuple[Population, Rows]]:
        """The programme's populations of which the institution has records."""
        populations = self.programme.populations if self.programme else ()
        return [(one, self.rows[one.records]) for one in populations if one.records in self.rows]


def lines(
    config: Config, programme: Programme | None, period: Period | None, words: Words, *, values: bool = False
) -> Iterator[str]:
    """What the exports hold, line by line: counts by kind of record, rule and column.

    Args:
        values: also the words that have no code.

    Raises:
        LocalFault, DocumentError: the mapping, an export or the programme keep it from being taken in.
    """
    held = mapping.load(config.mapping)
    problems = mapping.misfits(held, programme) if programme else []
    if problems:
        raise DocumentError(str(config.mapping), problems)
    year = period.year if period else date.today().year  # noqa: DTZ011 - a day in the export's own sense has no zone
    house = House(held, joined(source.read(held), year), programme, approving.own_institution(config))
    yield words("check.warning")
    for sheet in held.sheets:
        yield ""
        yield from _of_kind(house, sheet, words)
    found = list(_strange(house, words, values=values))
    yield from found
    if found and not values:
        yield f"  {words('check.values')}"
    if programme is None:
        yield words("check.mapping")
        return
    yield from _levels(house, programme, words)
    yield from _registered(house, words)
    yield from _not_asked(house, programme, words)
    yield words("check.fine")
    if period is not None:
        yield from _tables(house, programme, period, words)


def _of_kind(house: House, sheet: Sheet, words: Words) -> Iterator[str]:
    rows = house.rows[sheet.kind]
    export = rows.export
    if len(house.mapping.sheets) > 1:
        yield f"{words(f'check.{sheet.kind}')} ({sheet.path.name})"
    yield f"{words('check.rows')}: {len(export) + export.nobody + export.broken}"
    contacts = sheet.kind is Records.CONTACTS
    yield f"{words('check.contacts_counting' if contacts else 'check.counting')}: {len(export)}"
    if not contacts:
        yield f"{words('check.persons')}: {len(np.unique(rows.person))}"
    for text, number in (
        (words("check.broken"), export.broken),
        (words("check.named" if contacts else "check.nobody"), export.nobody),
        *_rules(house, sheet, rows, words),
        *(() if contacts else _of_persons(house, sheet, rows, words)),
    ):
        if number:
            yield f"! {text}: {number}"
    if sheet.kind is not Records.CLIENTS and not len(export) + export.nobody:
        yield f"! {words('check.no_lines', kind=sheet.kind)}"
    yield from _never_found(house, sheet, words)


def _never_found(house: House, sheet: Sheet, words: Words) -> Iterator[str]:
    """The words that make a line one of these records, yet stand nowhere."""
    for heading, meant in sheet.only.items():
        # In the place of the person's number, so that lines without one are looked at as well.
        column = replace(sheet, columns={"person": heading}, only={})
        export = source.read(replace(house.mapping, sheets=(column,)))[sheet.kind]
        found = {mapping.folded(word) for word, _ in export.tally("person")}
        place = f'{sheet.place}only."{_legible(heading)}"'
        for word, written in meant.items():
            if word not in found:
                yield f"! {words('check.never', place=place, word=written)}"


def _rules(house: House, sheet: Sheet, rows: Rows, words: Words) -> Iterator[tuple[str, int]]:
    """Each rule about dates, ages and numbers, and how many lines (or persons) that can count break it."""
    export, days, event = rows.export, rows.days, EVENTS[sheet.kind]
    today = int(f"{date.today():%Y%m%d}")  # noqa: DTZ011 - as above
    if export.has(event):
        column, empty = _column(sheet, event), export.empty(event)
        implausible = (days > 0) & ((days < PLAUSIBLE_FROM) | (days > today))
        yield words("check.undated", column=column), int(empty.sum())
        yield words("check.unreadable_contact", column=column), int((~empty & (days == 0)).sum())
        yield words("check.implausible", column=column), int(implausible.sum())
    field = next((name for name in AGE_SOURCES if export.has(name)), None)
    if field is not None:
        wrong = _ages_lost(house.programme, rows) & ~export.empty(field)
        if field != "age":
            wrong &= days > 0  # without a date of contact nothing is wrong with the date of birth
        yield words("check.unreadable_age", column=_column(sheet, field)), int(wrong.sum())
    if sheet.kind is Records.PLACEMENTS:
        yield from _of_stays(sheet, rows, words)


def _of_stays(sheet: Sheet, rows: Rows, words: Words) -> Iterator[tuple[str, int]]:
    """What is wrong with the ends of placements, and with how long was waited for them."""
    export, ended, began = rows.export, rows.own_days(ENDED), rows.own_days(BEGAN)
    if export.has(ENDED):
        column = _column(sheet, ENDED)
        yield words("check.unreadable_end", column=column), int(((ended == 0) & ~export.empty(ENDED)).sum())
        yield words("check.ended_before", column=column), int(((ended > 0) & (ended < began)).sum())
    if export.has(WAITING):
        wrong = (days_waited(rows) < 0) & ~export.empty(WAITING)
        yield words("check.unreadable_waiting", column=_column(sheet, WAITING)), int(wrong.sum())


def _of_persons(house: House, sheet: Sheet, rows: Rows, words: Words) -> Iterator[tuple[str, int]]:
    its = [one for one, _ in house.asked if one.records is sheet.kind]
    k = max((one.rows_per_person for one in its), default=1)
    in_year, often = np.unique(rows.person * 10_000 + rows.days // 10_000, return_counts=True)
    duplicates = len(np.unique(in_year[often > k] // 10_000))
    yield words("check.duplicates", column=_column(sheet, "person"), k=k), duplicates
    yield words("check.strangers"), _strangers(house, rows)


def _ages_lost(programme: Programme | None, rows: Rows) -> Flags:
    ages = ages_of(rows)
    lost: Flags = (ages < 0) | (ages > OLDEST)
    for dimension in programme.dimensions if programme else ():
        if dimension.field == AGE and dimension.banded:
            lost |= banded(dimension, ages) == dimension.index(dimension.unknown)
    return lost


def _strangers(house: House, rows: Rows) -> int:
    """How many persons of these records are not among the clients."""
    return len(np.setdiff1d(rows.person, house.rows[Records.CLIENTS].person))


def _strange(house: House, words: Words, *, values: bool) -> Iterator[str]:
    """Words without a code: how many lines by column, and the words themselves when they are asked for."""
    for sheet in house.mapping.sheets:
        export = house.rows[sheet.kind].export
        for field, is_strange in _vocabularies(house, sheet):
            number = int((export.translated(field, is_strange) > 0).sum())
            if not number:
                continue
            yield f"! {words('check.unknown_codes', column=_column(sheet, field))}: {number}"
            if values:
                strange = [(word, number) for word, number in export.tally(field) if is_strange(word)]
                yield from (f"    {number:>7}  {_legible(word)}" for word, number in strange[:WORDS_SHOWN])


def _vocabularies(house: House, sheet: Sheet) -> Iterator[tuple[str, Callable[[str], bool]]]:
    """Each coded field of these records, with what tells a word that has no code there."""
    held = house.mapping
    if house.programme is None:
        for field in CODED:
            if field in sheet.columns and field in held.codes:
                yield field, partial(_not_among, held.codes[field])
        return
    for dimension in house.programme.dimensions:
        read = dimension.rolls_up is None and not dimension.banded and not mapping.of_the_house(dimension)
        if read and dimension.field in sheet.columns:
            yield dimension.field, partial(_without_code, held, dimension)
    listed = {dimension.field for dimension in house.programme.dimensions}
    registers = [one.registers for one in house.programme.populations if one.records is sheet.kind]
    for told in dict.fromkeys(one.field for one in registers if one):
        if told is not None and told in sheet.columns and told not in listed:
            codes = [mapping.folded(code) for code in mapping.channel_codes(house.programme, told)]
            yield told, partial(_not_among, held.codes.get(told, codes))


def _not_among(known: Collection[str], word: str) -> bool:
    return bool(word) and mapping.folded(word) not in known


def _without_code(held: mapping.Mapping, dimension: Dimension, word: str) -> bool:
    unknown = translator(held, dimension)(word) == dimension.index(dimension.unknown)
    return unknown and _not_among(_meaning_unknown(held, dimension), word)


def _meaning_unknown(held: mapping.Mapping, dimension: Dimension) -> set[str]:
    """The words that say themselves that it is not known: nothing is wrong with those."""
    table = held.codes.get(dimension.field)
    if table is None:
        return {mapping.folded(dimension.unknown)}
    return {word for word, code in table.items() if code == dimension.unknown}


def _levels(house: House, programme: Programme, words: Words) -> Iterator[str]:
    """What becomes of the levels of whole dimensions: limited by the roster, mostly unknown, not mapped."""
    unmapped = mapping.unmapped(house.mapping, programme)
    asked = {name for one in programme.populations for name in mapping.used(programme, one)}
    ruled = {_fine(programme, programme.dimension(name)).fixed_by for name in asked}
    if house.institution is None and Fixed.FACILITIES in ruled:
        yield f"! {words('check.no_roster')}"
    for population, rows in house.asked:
        for name in mapping.used(programme, population):
            dimension = programme.dimension(name)
            if dimension.fixed_by is not None and not mapping.of_the_house(dimension):
                recorded = as_recorded(rows, house.mapping, house.institution, dimension)
                lost = int((recorded != limited(recorded, dimension, house.institution)).sum())
                if lost and house.institution is not None:
                    where = words(f"check.{population.records}")
                    yield f"! {words('check.limited', dimension=name, kind=where)}: {lost}"
            if house.institution is None and dimension.field == NEAR:
                continue  # all unknown: near to what is not known yet
            if name not in unmapped and not mapping.of_the_house(dimension):
                yield from _mostly_unknown(house, programme, dimension, rows, words)
    for name in unmapped:
        yield f"! {words('check.unmapped', dimension=name)}"


def _mostly_unknown(
    house: House, programme: Programme, dimension: Dimension, rows: Rows, words: Words
) -> Iterator[str]:
    name, fine = dimension.id, _fine(programme, dimension)
    if house.institution is None and fine.fixed_by is not None:  # it would limit all of them to unknown
        dimension, found = fine, as_recorded(rows, house.mapping, None, fine)
    else:
        found = coded(rows, house.mapping, programme, house.institution, [name])[name]
    if dimension.not_applicable is not None:
        found = found[found != dimension.index(dimension.not_applicable)]
    unknown = int((found == dimension.index(dimension.unknown)).sum())
    if 2 * unknown > len(found):
        facts = {"unknown": unknown, "all": len(found)}
        yield f"! {words('check.mostly_unknown', dimension=name, **facts)}"


def _registered(house: House, words: Words) -> Iterator[str]:
    """What this institution registers of populations that only some do; stays of which no end is known."""
    for population, rows in house.asked:
        title = words.either(population.title.nl, population.title.en)
        by_end = population.counting is Counting.STOCK or population.dated_by == ENDED
        if by_end and not rows.export.has(ENDED):
            yield f"! {words('check.no_end', title=title)}"
        if population.of_quarters is not None:
            yield words("check.of_quarters", title=title, programme=population.of_quarters)
        if population.registers is None:
            continue
        if house.institution is None:
            yield words("check.registers_no_roster", title=title)
            continue
        mine = levels.channel(population, house.institution)
        if mine is None:
            yield words("check.registers_none", title=title)
        elif population.registers.field is not None:
            yield words("check.registers", title=title, channel=mine)


def _not_asked(house: House, programme: Programme, words: Words) -> Iterator[str]:
    """The fields that are mapped for nothing: none of the populations that look there is counted by them."""
    useless = []
    for sheet in house.mapping.sheets:
        asked = {"person", EVENTS[sheet.kind]}
        for population in programme.populations:
            if sheet in house.mapping.sources(population.records):
                asked |= _fields(programme, population)
        useless += [_column(sheet, field) for field in sheet.columns if field not in asked]
    if useless:
        yield words("check.not_asked", fields=", ".join(useless))


def _fields(programme: Programme, population: Population) -> set[str]:
    """The fields that decide where a row of a population counts."""
    fields = {population.registers.field or ""} if population.registers else set()
    if population.counting is Counting.STOCK or population.dated_by == ENDED:
        fields.add(ENDED)
    names = mapping.used(programme, population)
    while names:
        dimension = programme.dimension(names.pop())
        fields.update(mapping.sources(dimension))
        names += [*dimension.applies, *([dimension.rolls_up] if dimension.rolls_up else [])]
    return fields


def _fine(programme: Programme, dimension: Dimension) -> Dimension:
    return programme.dimension(dimension.rolls_up) if dimension.rolls_up else dimension


def _column(sheet: Sheet, field: str) -> str:
    return f"{sheet.place}{field} ({sheet.columns[field]})"


def _legible(word: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in word)


def _tables(house: House, programme: Programme, period: Period, words: Words) -> Iterator[str]:
    found, _ = selected(house.rows, house.mapping, programme, period, house.institution)
    people = intake.populations(found, house.mapping, programme, house.institution)
    rostered = [table for table in programme.tables if _hangs_on_roster(programme, table)]
    without = rostered if house.institution is None else []
    if without:
        titles = "; ".join(words.either(table.title.nl, table.title.en) for table in without)
        yield f"! {words('check.no_table', tables=titles)}"
    # Tables that are not measured follow from others, yet people want to see all: here all are counted.
    tables = tuple(
        table.model_copy(update={"rho_share": programme.rho})
        for table in programme.tables
        if table not in without
    )
    codes = encode(programme.model_copy(update={"tables": tables}), people)
    for table in tables:
        yield ""
        yield f"{words.either(table.title.nl, table.title.en)}, {period}"
        counts = np.bincount(codes.cells[table.id], minlength=programme.cells(table))
        shape = programme.shape(table)
        for cell in np.flatnonzero(counts):
            places = np.unravel_index(int(cell), shape) if shape else ()
            levels = zip(table.dimensions, places, strict=True)
            named = [programme.dimension(name).codes[int(place)] for name, place in levels]
            label = " | ".join(words.either(code.nl, code.en) for code in named) or words("check.total")
            yield f"  {counts[cell]:>7}  {label}"


def _hangs_on_roster(programme: Programme, table: Table) -> bool:
    """Whether the roster decides the level of all rows in one of its dimensions."""
    dimensions = [_fine(programme, programme.dimension(name)) for name in table.dimensions]
    return any(mapping.of_the_house(dimension) for dimension in dimensions)
