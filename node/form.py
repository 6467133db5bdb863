"""The form of an export: its encoding, its delimiter, its line of column names. What stops a node beforehand.

Rows are for ``node.source`` and can stop nothing. Polars is not loaded here, so
that the daemon can look before it takes part and stay small. No text of the
export is ever put into an error.
"""

import codecs
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from node import mapping as mappings
from node.mapping import FileForm, Mapping
from node.texts import both
from samentel.errors import LocalFault

PIECE = 1 << 20  # bytes that are held at a time
HEADER_WITHIN = 100  # lines
DELIMITERS = {";": ";", ",": ",", "\t": "\\t", "|": "|"}  # as one would write them in the mapping

_NUL = "\ufffd"  # NUL bytes become what undecodable bytes become
_MARK = "\ufeff"  # polars drops it where a text begins and nowhere else: one row would then change the next


def inspect(path: Path) -> None:
    """Look whether a mapping file and its export can be read at all: never while a round is open.

    Raises:
        LocalFault: a file is missing, the encoding or the delimiter is another, a mapped column is missing.
        DocumentError: the mapping does not hold.
    """
    mapping = mappings.load(path)
    try:
        with mapping.path.open("rb") as file:
            start = file.read(PIECE)
            _decodable(start, iter(lambda: file.read(PIECE), b""), mapping)
    except OSError as error:
        raise unreadable(mapping, error) from None
    places(mapping, names(header(text_lines(start, mapping.form), mapping), mapping.form))


def unreadable(mapping: Mapping, error: OSError) -> LocalFault:
    """The fault of an export that is not there, or not for us to read."""
    return LocalFault(both("form.unreadable", path=mapping.path, why=error.strerror))


def header(lines: Sequence[str], mapping: Mapping) -> str:
    """The line with the names of the columns; raises LocalFault when there is none."""
    found = next(lines_with_text(lines[:HEADER_WITHIN], mapping.form), None)
    if found is None:
        raise LocalFault(both("form.empty", path=mapping.path))
    return found


def names(line: str, form: FileForm) -> list[str]:
    """The names of the columns."""
    return [name.strip() for name in split(line, form)]


def places(mapping: Mapping, columns: Sequence[str]) -> dict[str, int]:
    """Where each mapped field stands; raises LocalFault when one does not, or stands twice."""
    found = {
        field: [number for number, name in enumerate(columns) if name == column.strip()]
        for field, column in mapping.columns.items()
    }
    faults = [(field, at) for field, at in found.items() if len(at) != 1]
    if faults and len(columns) == 1 and len(mapping.columns) > 1:
        raise LocalFault(_other_delimiter(mapping, columns[0]))
    if faults:
        raise LocalFault(
            "\n".join(
                both(
                    "form.twice" if at else "form.column",
                    field=field,
                    column=mapping.columns[field],
                    path=mapping.path,
                )
                for field, at in faults
            )
        )
    return {field: at[0] for field, at in found.items()}


def text_lines(data: bytes, form: FileForm) -> list[str]:
    """The export as lines; what cannot be decoded becomes a mark."""
    text = data.decode(form.encoding, errors="replace").replace(_MARK, "")
    return text.replace("\0", _NUL).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def lines_with_text(lines: Sequence[str], form: FileForm) -> Iterator[str]:
    """Lines that hold more than delimiters, quotes and blanks."""
    empty = form.delimiter + form.quote + " \t"
    return (line for line in lines if line.strip(empty))


def split(line: str, form: FileForm) -> list[str]:
    """The fields of one line, read leniently; no fields when that fails."""
    quote = form.quote or None
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    try:
        return next(csv.reader([line], delimiter=form.delimiter, quotechar=quote, quoting=quoting), [])
    except csv.Error:
        return []


def _decodable(start: bytes, rest: Iterator[bytes], mapping: Mapping) -> None:
    """Raise LocalFault where the declared encoding cannot be the true one."""
    declared = codecs.lookup(mapping.form.encoding).name
    as_declared = codecs.getincrementaldecoder(declared)()
    as_utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    beyond_ascii = False
    pieces = iter([start])
    while (piece := next(pieces, None)) is not None or (piece := next(rest, None)) is not None:
        beyond_ascii = beyond_ascii or not piece.isascii()
        if not _decodes(as_declared, piece):
            raise LocalFault(both("form.encoding", path=mapping.path, encoding=mapping.form.encoding))
        if as_utf8 is not None and not _decodes(as_utf8, piece):
            as_utf8 = None
    if not _decodes(as_declared, b"", final=True):
        raise LocalFault(both("form.encoding", path=mapping.path, encoding=mapping.form.encoding))
    # Letters beyond ASCII in a Windows encoding never happen to be well-formed UTF-8 throughout.
    if declared != "utf-8" and beyond_ascii and as_utf8 is not None and _decodes(as_utf8, b"", final=True):
        raise LocalFault(both("form.utf8", path=mapping.path, encoding=mapping.form.encoding))


def _decodes(decoder: codecs.IncrementalDecoder, data: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(data, final)
    except UnicodeDecodeError:
        return False
    return True


def _other_delimiter(mapping: Mapping, line: str) -> str:
    fits = [shown for sign, shown in DELIMITERS.items() if sign != mapping.form.delimiter and sign in line]
    guess = fits[0] if len(fits) == 1 else ""
    key = "form.delimiter_is" if guess else "form.delimiter"
    return both(key, path=mapping.path, delimiter=DELIMITERS.get(mapping.form.delimiter, "?"), guess=guess)
