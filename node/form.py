"""The form of the exports: encoding, delimiter, line of column names. What stops a node beforehand.

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
from node.mapping import FileForm, Sheet
from node.texts import both
from samentel.errors import LocalFault

PIECE = 1 << 20  # bytes that are held at a time
HEADER_WITHIN = 100  # lines
DELIMITERS = {";": ";", ",": ",", "\t": "\\t", "|": "|"}  # as one would write them in the mapping

UNREADABLE = "\ufffd"  # what undecodable bytes become, and with them NUL bytes and marks
_MARK = "\ufeff"  # polars drops it where a text begins and nowhere else: one row would then change the next


def inspect(path: Path, *, rows: bool = True) -> None:
    """Look whether a mapping file and its exports can be read at all: never while a round is open.

    Args:
        rows: also whether all rows are in the encoding that the mapping says. Not asked where it would decide
            whether this institution takes part: that must not depend on rows.

    Raises:
        LocalFault: a file is missing, the delimiter is another, a mapped column is missing, or the encoding
            is another.
        DocumentError: the mapping does not hold.
    """
    for sheets in mappings.load(path).files():
        first = sheets[0]
        try:
            with first.path.open("rb") as file:
                start = file.read(PIECE)
                if rows:
                    _decodable(start, iter(lambda: file.read(PIECE), b""), first)
        except OSError as error:
            raise unreadable(first, error) from None
        head = names(header(normal(start, first.form), first)[0], first.form)
        for sheet in sheets:
            places(sheet, head)


def unreadable(sheet: Sheet, error: OSError) -> LocalFault:
    """The fault of an export that is not there, or not for us to read."""
    return LocalFault(
        both("form.unreadable", path=sheet.path, why=error.strerror, place=f"{sheet.file_place}.path")
    )


def header(text: bytes, sheet: Sheet) -> tuple[str, int]:
    """The line with the names of the columns, and where the lines below it begin.

    Args:
        text: as ``normal`` makes it.

    Raises:
        LocalFault: there is none.
    """
    start = 0
    for _ in range(HEADER_WITHIN):
        end = text.find(b"\n", start)
        line = text[start : end if end >= 0 else len(text)].decode(errors="replace")
        if has_text(line, sheet.form):
            return line, end + 1 if end >= 0 else len(text)
        if end < 0:
            break
        start = end + 1
    raise LocalFault(both("form.empty", path=sheet.path))


def names(line: str, form: FileForm) -> list[str]:
    """The names of the columns."""
    return [name.strip() for name in split(line, form)]


def places(sheet: Sheet, columns: Sequence[str]) -> dict[str, int]:
    """Where each column stands that the mapping names, by its heading.

    Raises:
        LocalFault: one does not, or stands twice.
    """
    wanted = {f"{sheet.place}columns.{field}": heading for field, heading in sheet.columns.items()}
    wanted |= {f'{sheet.place}only."{heading}"': heading for heading in sheet.only}
    found = {
        place: [number for number, name in enumerate(columns) if name == heading.strip()]
        for place, heading in wanted.items()
    }
    faults = [(place, at) for place, at in found.items() if len(at) != 1]
    if faults and len(columns) == 1 and len(set(wanted.values())) > 1:
        raise LocalFault(_other_delimiter(sheet, columns[0]))
    if faults:
        raise LocalFault(
            "\n".join(
                both(
                    "form.twice" if at else "form.column", place=place, column=wanted[place], path=sheet.path
                )
                for place, at in faults
            )
        )
    return {wanted[place]: at[0] for place, at in found.items()}


def normal(data: bytes, form: FileForm) -> bytes:
    """The export in UTF-8 with one kind of line end; ``UNREADABLE`` stands for what cannot be decoded."""
    if data.isascii():
        return data.replace(b"\0", UNREADABLE.encode()).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    text = data.decode(form.encoding, errors="replace").removeprefix(_MARK).replace(_MARK, UNREADABLE)
    return text.replace("\0", UNREADABLE).replace("\r\n", "\n").replace("\r", "\n").encode()


def has_text(line: str, form: FileForm) -> bool:
    """Whether a line holds more than delimiters, quotes and blanks."""
    return bool(line.strip(form.delimiter + form.quote + " \t"))


def split(line: str, form: FileForm) -> list[str]:
    """The fields of one line, read leniently; no fields when that fails."""
    quote = form.quote or None
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    try:
        return next(csv.reader([line], delimiter=form.delimiter, quotechar=quote, quoting=quoting), [])
    except csv.Error:
        return []


def _decodable(start: bytes, rest: Iterator[bytes], sheet: Sheet) -> None:
    """Raise LocalFault where the declared encoding cannot be the true one."""
    declared, place = codecs.lookup(sheet.form.encoding).name, f"{sheet.file_place}.encoding"
    as_declared = codecs.getincrementaldecoder(declared)()
    as_utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    beyond_ascii = False
    pieces = iter([start])
    while (piece := next(pieces, None)) is not None or (piece := next(rest, None)) is not None:
        beyond_ascii = beyond_ascii or not piece.isascii()
        if not _decodes(as_declared, piece):
            raise LocalFault(
                both("form.encoding", path=sheet.path, encoding=sheet.form.encoding, place=place)
            )
        if as_utf8 is not None and not _decodes(as_utf8, piece):
            as_utf8 = None
    if not _decodes(as_declared, b"", final=True):
        raise LocalFault(both("form.encoding", path=sheet.path, encoding=sheet.form.encoding, place=place))
    # Letters beyond ASCII in a Windows encoding never happen to be well-formed UTF-8 throughout.
    if declared != "utf-8" and beyond_ascii and as_utf8 is not None and _decodes(as_utf8, b"", final=True):
        raise LocalFault(both("form.utf8", path=sheet.path, encoding=sheet.form.encoding, place=place))


def _decodes(decoder: codecs.IncrementalDecoder, data: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(data, final)
    except UnicodeDecodeError:
        return False
    return True


def _other_delimiter(sheet: Sheet, line: str) -> str:
    fits = [shown for sign, shown in DELIMITERS.items() if sign != sheet.form.delimiter and sign in line]
    guess = fits[0] if len(fits) == 1 else ""
    return both(
        "form.delimiter_is" if guess else "form.delimiter",
        path=sheet.path,
        delimiter=DELIMITERS.get(sheet.form.delimiter, "?"),
        guess=guess,
        place=f"{sheet.file_place}.delimiter",
    )
