"""The mapping file: where an institution's exports keep each field, and what its words mean nationally.

One export holds the clients. Victims, requests, placements and contacts stand in
exports of their own, or are lines of the clients' export that have certain words
in certain columns; an institution without such a section has no such records.
Nothing in here reads a record.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from node.records import BANDED, CODED, FIELDS, LENDERS, NEAR, OTHER, REQUIRED, SAME, SOURCES, WAITING
from node.texts import beside, both
from samentel.documents.codelists import Dimension, Fixed
from samentel.documents.model import UNKNOWN_KEY, Model, from_toml
from samentel.documents.populations import Population, Records
from samentel.documents.programme import Programme
from samentel.errors import DocumentError, LocalFault

CODES_SHOWN = 60  # of a code list, in a mistake
ENCODINGS = ("utf-8", "cp1252", "latin-1")
_DIRECTIVES = frozenset("dmYHMS")
_PROBE = datetime(2001, 2, 3)  # noqa: DTZ001 - a date whose day, month and year cannot be taken for each other

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Codes = dict[Text, Text]


class FileForm(Model):
    """How the export is written.

    Attributes:
        path: relative to the mapping file.
        dates: strptime forms, tried in order; four-digit years only.
    """

    path: Text
    encoding: Text = "utf-8"
    delimiter: str = ";"
    quote: str = '"'
    dates: Annotated[tuple[Text, ...], Field(min_length=1, max_length=8)] = ("%Y-%m-%d",)


class Section(Model):
    """Where one kind of record other than clients stands.

    Attributes:
        file: its export; without one its rows are lines of the clients' export.
        only: by column heading, words of which a line must have one there; of several columns, in each.
    """

    columns: dict[Text, Text]
    file: FileForm | None = None
    only: dict[Text, Annotated[tuple[Text, ...], Field(min_length=1, max_length=500)]] = Field(
        default_factory=dict
    )


class MappingFile(Model):
    """The file as it is written."""

    file: FileForm
    columns: dict[Text, Text]
    victims: Section | None = None
    requests: Section | None = None
    placements: Section | None = None
    contacts: Section | None = None
    codes: dict[Text, Codes] = Field(default_factory=dict)
    blank: dict[Text, Text] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where one kind of record stands, and how it is written.

    Attributes:
        path: the export.
        columns: the heading of the column of each field that these records have themselves.
        only: by heading, the words of which a line must have one: each folded, with how it is written.
        place: where the mapping file says so: empty for the clients, else such as ``victims.``.
        file_place: where it names the export.
    """

    kind: Records
    path: Path
    form: FileForm
    columns: dict[str, str]
    only: dict[str, dict[str, str]]
    place: str
    file_place: str


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping whose parts fit together.

    Attributes:
        sheets: the kinds of record that the institution has, the clients first.
        codes: by field, the national code of each local word, the word trimmed and case-folded.
        blank: by field, the national code of an empty cell; without one it is the dimension's unknown.
    """

    sheets: tuple[Sheet, ...]
    codes: dict[str, dict[str, str]]
    blank: dict[str, str]

    def files(self) -> list[list[Sheet]]:
        """The kinds of record by the export in which they stand: each export needs to be read once."""
        found: dict[tuple[Path, FileForm], list[Sheet]] = {}
        for sheet in self.sheets:
            found.setdefault((sheet.path, sheet.form), []).append(sheet)
        return list(found.values())

    def sources(self, kind: Records) -> tuple[Sheet, ...]:
        """Where records of a kind find their fields: their own columns, the victims', the clients'.

        None at all where the institution has no records of that kind.
        """
        sheets = {sheet.kind: sheet for sheet in self.sheets}
        if kind not in sheets:
            return ()
        return tuple(sheets[one] for one in dict.fromkeys((kind, *LENDERS[kind])) if one in sheets)


def folded(word: str) -> str:
    """The form in which local words are compared: trimmed, and without difference of case."""
    return word.strip().casefold()


def load(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        LocalFault: there is no such file.
        DocumentError: it does not hold; every mistake with its place.
    """
    try:
        data = path.read_bytes()
    except OSError:
        raise LocalFault(both("mapping.missing", path=path)) from None
    headline = both("mapping.wrong", path=path)
    try:
        written = from_toml(MappingFile, data, headline)
    except DocumentError as error:
        raise DocumentError(headline, [_with_sections(problem) for problem in error.problems]) from None
    problems = [*_section_problems(written), *_code_problems(written)]
    if problems:
        raise DocumentError(headline, problems)
    return Mapping(
        sheets=tuple(_sheet(kind, section, written, path.parent) for kind, section in _sections(written)),
        codes={
            name: {folded(word): code for word, code in codes.items()}
            for name, codes in written.codes.items()
        },
        blank=dict(written.blank),
    )


def misfits(mapping: Mapping, programme: Programme) -> list[str]:
    """What keeps this mapping from answering a programme, a sentence each."""
    problems: list[str] = []
    for dimension in programme.dimensions:
        problems += _dimension_misfits(mapping, dimension)
    for field in dict.fromkeys(one.registers.field for one in programme.populations if one.registers):
        if field is not None:
            problems += _channel_misfits(mapping, programme, field)
    return problems


def channel_codes(programme: Programme, field: str) -> list[str]:
    """The national codes of a field that says through which channel a row came.

    Those of the channels; and of a dimension of that field, where tables count along it as well.
    """
    registers = [one.registers for one in programme.populations if one.registers is not None]
    named = [code for one in registers if one.field == field for code in one.channels.values()]
    listed = [code.code for one in programme.dimensions if one.field == field for code in one.codes]
    return list(dict.fromkeys([*named, *listed]))


def unmapped(mapping: Mapping, programme: Programme) -> list[str]:
    """Dimensions for which the institution has no column: all rows of a population are unknown there."""
    return [
        dimension.id
        for dimension in programme.dimensions
        if not of_the_house(dimension)
        and any(
            dimension.id in used(programme, population)
            and (sheets := mapping.sources(population.records))
            and not any(
                name in sheet.columns for sheet in _asked(sheets, dimension) for name in sources(dimension)
            )
            for population in programme.populations
        )
    ]


def used(programme: Programme, population: Population) -> list[str]:
    """The dimensions along which a population is counted, in the programme's order."""
    tables = [table.dimensions for table in programme.tables if table.population == population.id]
    asked = {name for dimensions in tables for name in dimensions} | {population.distinct}
    return [dimension.id for dimension in programme.dimensions if dimension.id in asked]


def sources(dimension: Dimension) -> tuple[str, ...]:
    """The fields of the record model from which a dimension can be answered."""
    return SOURCES.get(dimension.field, (dimension.field,))


def of_the_house(dimension: Dimension) -> bool:
    """Whether the roster says the level of all rows of an institution, and no field is read."""
    return dimension.fixed_by in (Fixed.TYPE, Fixed.PROVINCE)


def _asked(sheets: Sequence[Sheet], dimension: Dimension) -> Sequence[Sheet]:
    """Where a dimension is looked up: how long was waited is never lent."""
    return sheets[:1] if dimension.field == WAITING else sheets


def _dimension_misfits(mapping: Mapping, dimension: Dimension) -> Iterator[str]:
    if of_the_house(dimension) or dimension.rolls_up is not None:
        return  # no field is read, or the finer dimension is the one to be looked at
    place = f"programme dimensions.{dimension.id}"
    known = [code.code for code in dimension.codes]
    if dimension.field in BANDED:
        yield from _band_misfits(place, dimension)
    elif dimension.field not in CODED or dimension.banded:
        yield f"{place}: the field {dimension.field} is not one that this version can take in"
    if dimension.field == NEAR and not {SAME, OTHER} <= set(known):
        yield f"{place}: the field {NEAR} needs the codes {SAME} and {OTHER}, beside the unknown one"
    yield from _strange_codes(mapping, dimension.field, known, dimension.id)


def _band_misfits(place: str, dimension: Dimension) -> Iterator[str]:
    most, field = BANDED[dimension.field], dimension.field
    if not dimension.banded:
        yield f"{place}: the field {field} needs bands: give its codes bounds"
    elif any(code.bounds is not None and code.bounds[1] > most for code in dimension.codes):
        yield f"{place}: the bounds of the field {field} go beyond {most}, the most that it can be"


def _channel_misfits(mapping: Mapping, programme: Programme, field: str) -> Iterator[str]:
    if field not in CODED:
        yield f"programme populations: registers.field = {field} is not one that this version can take in"
    if all(one.field != field or one.rolls_up for one in programme.dimensions):  # else said of the dimension
        yield from _strange_codes(mapping, field, channel_codes(programme, field), field)


def _strange_codes(mapping: Mapping, field: str, known: Sequence[str], name: str) -> Iterator[str]:
    """The codes that a mapping names and the programme does not have."""
    for code in sorted(set(mapping.codes.get(field, {}).values()) - set(known)):
        yield f"codes.{field}: {_no_code(code, known, name)}"
    blank = mapping.blank.get(field)
    if blank is not None and blank not in known:
        yield f"blank.{field}: {_no_code(blank, known, name)}"


def _no_code(code: str, codes: Sequence[str], name: str) -> str:
    more = ", ..." if len(codes) > CODES_SHOWN else ""
    said = beside("mapping.code", code=code, dimension=name)
    return f"{said}; {beside('mapping.codes')} {', '.join(codes[:CODES_SHOWN])}{more}"


def _with_sections(problem: str) -> str:
    """The mistake; and where it is a section that is not known, which ones are."""
    place, _, said = problem.partition(": ")
    if "." in place or said != UNKNOWN_KEY:
        return problem
    sections = ", ".join(f"[{name}]" for name in MappingFile.model_fields)
    return f"{problem}; {beside('mapping.sections')} {sections}"


def _sections(written: MappingFile) -> Iterator[tuple[Records, Section]]:
    yield Records.CLIENTS, Section(columns=written.columns, file=written.file)
    for kind, section in (
        (Records.VICTIMS, written.victims),
        (Records.REQUESTS, written.requests),
        (Records.PLACEMENTS, written.placements),
        (Records.CONTACTS, written.contacts),
    ):
        if section is not None:
            yield kind, section


def _sheet(kind: Records, section: Section, written: MappingFile, folder: Path) -> Sheet:
    form, place = section.file or written.file, _place(kind)
    return Sheet(
        kind=kind,
        path=(folder / form.path).resolve(),
        form=form,
        columns=dict(section.columns),
        only={heading: {folded(word): word for word in words} for heading, words in section.only.items()},
        place=place,
        file_place=f"{place if section.file else ''}file",
    )


def _place(kind: Records) -> str:
    return "" if kind is Records.CLIENTS else f"{kind}."


def _section_problems(written: MappingFile) -> Iterator[str]:
    for kind, section in _sections(written):
        place = _place(kind)
        if section.file is not None:
            yield from (place + problem for problem in _form_problems(section.file))
        yield from (place + problem for problem in _column_problems(kind, section.columns))


def _form_problems(form: FileForm) -> Iterator[str]:
    if form.encoding not in ENCODINGS or not _is_codec(form.encoding):
        yield f"file.encoding: write one of {', '.join(ENCODINGS)}"
    if len(form.delimiter.encode()) != 1 or form.delimiter in "\r\n\0":
        yield "file.delimiter: write one character, such as ; or , or \\t"
    if len(form.quote.encode()) > 1 or form.quote in ("\r", "\n", "\0"):
        yield "file.quote: write one character, such as '\"', or nothing"
    if form.quote == form.delimiter:
        yield "file.quote: is the same as the delimiter"
    for number, text in enumerate(form.dates):
        if not _is_date_form(text):
            yield f"file.dates.{number}: write a form with %d, %m and %Y, such as %d-%m-%Y"


def _column_problems(kind: Records, columns: dict[str, str]) -> Iterator[str]:
    for name in columns:
        if name not in FIELDS:
            yield f"columns.{name}: is not a field; the fields are {', '.join(FIELDS)}"
    for name in REQUIRED[kind]:
        if name not in columns:
            yield f"columns.{name}: is missing"
    if kind is Records.CONTACTS and "person" in columns:
        yield f"columns.person: {beside('mapping.nobodys')}"


def _code_problems(written: MappingFile) -> Iterator[str]:
    mapped = {name for _, section in _sections(written) for name in section.columns}
    for name, codes in written.codes.items():
        if name not in CODED:
            yield f"codes.{name}: is not a field with codes; those are {', '.join(CODED)}"
        if name not in mapped:
            yield f"codes.{name}: there is no columns.{name}"
        seen: dict[str, str] = {}
        for word, code in codes.items():
            if seen.setdefault(folded(word), code) != code:
                yield f"codes.{name}: the word {word!r} stands twice with different codes"
    for name in written.blank:
        if name not in CODED:
            yield f"blank.{name}: is not a field with codes"
        elif name not in mapped:
            yield f"blank.{name}: there is no columns.{name}"


def _is_codec(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def _is_date_form(text: str) -> bool:
    directives = re.findall("%(.?)", text)
    if (
        not set(directives) <= _DIRECTIVES
        or len(set(directives)) < len(directives)
        or not {"d", "m", "Y"} <= {*directives}
    ):
        return False
    try:
        return datetime.strptime(_PROBE.strftime(text), text) == _PROBE  # noqa: DTZ007 - a date alone has no zone
    except ValueError:
        return False
