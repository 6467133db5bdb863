"""The mapping file: where an institution's export keeps each field, and what its words mean nationally.

Nothing in here reads a record.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from node.records import AGE, AGE_SOURCES, CLIENTS, CODED, FIELDS, REQUIRED
from node.texts import both
from samentel.documents.codelists import Dimension
from samentel.documents.model import Model, from_toml
from samentel.documents.programme import Counting, Programme
from samentel.errors import DocumentError, LocalFault

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


class MappingFile(Model):
    """The file as it is written."""

    file: FileForm
    columns: dict[Text, Text]
    codes: dict[Text, Codes] = Field(default_factory=dict)
    blank: dict[Text, Text] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping whose parts fit together.

    Attributes:
        path: the export.
        columns: the name of the column of each field that the institution has.
        codes: by field, the national code of each local word, the word trimmed and case-folded.
        blank: by field, the national code of an empty cell; without one it is the dimension's unknown.
    """

    path: Path
    form: FileForm
    columns: dict[str, str]
    codes: dict[str, dict[str, str]]
    blank: dict[str, str]


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
    written = from_toml(MappingFile, data, headline)
    problems = [*_form_problems(written.file), *_column_problems(written), *_code_problems(written)]
    if problems:
        raise DocumentError(headline, problems)
    return Mapping(
        path=(path.parent / written.file.path).resolve(),
        form=written.file,
        columns=dict(written.columns),
        codes={
            name: {folded(word): code for word, code in codes.items()}
            for name, codes in written.codes.items()
        },
        blank=dict(written.blank),
    )


def misfits(mapping: Mapping, programme: Programme) -> list[str]:
    """What keeps this mapping from answering a programme, a sentence each."""
    problems = []
    for population in programme.populations:
        if population.id != CLIENTS or population.counting is not Counting.INFLOW:
            problems.append(
                f"programme populations.{population.id}: this version takes in `clients` by inflow only"
            )
    for dimension in programme.dimensions:
        problems += _dimension_misfits(mapping, dimension)
    return problems


def unmapped(mapping: Mapping, programme: Programme) -> list[str]:
    """Dimensions for which the institution has no column: every row counts as unknown there."""
    return [
        dimension.id
        for dimension in programme.dimensions
        if not any(name in mapping.columns for name in sources(dimension))
    ]


def sources(dimension: Dimension) -> tuple[str, ...]:
    """The fields of the record model from which a dimension can be answered."""
    return AGE_SOURCES if dimension.field == AGE else (dimension.field,)


def _dimension_misfits(mapping: Mapping, dimension: Dimension) -> Iterator[str]:
    place = f"programme dimensions.{dimension.id}"
    if dimension.field == AGE and not dimension.banded:
        yield f"{place}: an age needs bands"
    elif dimension.field != AGE and (dimension.field not in CODED or dimension.banded):
        yield f"{place}: the field {dimension.field} is not one that this version can take in"
    known = {code.code for code in dimension.codes}
    targets = mapping.codes.get(dimension.field, {})
    for code in sorted(set(targets.values()) - known):
        yield f"codes.{dimension.field}: {code} is not one of the programme's codes for {dimension.id}"
    blank = mapping.blank.get(dimension.field)
    if blank is not None and blank not in known:
        yield f"blank.{dimension.field}: {blank} is not one of the programme's codes for {dimension.id}"


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


def _column_problems(written: MappingFile) -> Iterator[str]:
    for name in written.columns:
        if name not in FIELDS:
            yield f"columns.{name}: is not a field; the fields are {', '.join(FIELDS)}"
    for name in REQUIRED:
        if name not in written.columns:
            yield f"columns.{name}: is missing"


def _code_problems(written: MappingFile) -> Iterator[str]:
    for name, codes in written.codes.items():
        if name not in CODED:
            yield f"codes.{name}: is not a field with codes; those are {', '.join(CODED)}"
        if name not in written.columns:
            yield f"codes.{name}: there is no columns.{name}"
        seen: dict[str, str] = {}
        for word, code in codes.items():
            if seen.setdefault(folded(word), code) != code:
                yield f"codes.{name}: the word {word!r} stands twice with different codes"
    for name in written.blank:
        if name not in CODED:
            yield f"blank.{name}: is not a field with codes"
        elif name not in written.columns:
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
