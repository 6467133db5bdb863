"""Which lines of an export are in no doubt: as many fields as the header, quotes only around whole fields.

Those can be read together and fast, and come out as they would one by one; the
others are read one by one. Looks at bytes only, all lines at once.
"""

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]

_END = ord("\n")


def sorted_out(body: bytes, delimiter: str, quote: str, width: int) -> tuple[bytes, list[bytes]]:
    """The lines in no doubt, in their order and each with its line end; and all others that hold anything.

    Args:
        body: lines of UTF-8 that end in a line feed.
        delimiter, quote: one ASCII character each; no quote where it is empty.
        width: how many fields the header has.
    """
    if body and not body.endswith(b"\n"):
        body += b"\n"
    text = np.frombuffer(body, dtype=np.uint8)
    ends = np.flatnonzero(text == _END)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ends + 1])[:-1]
    cuts = np.flatnonzero(text == ord(delimiter))
    if quote and quote.encode() in body:
        fields, fine = _quoted(text, starts, ends, cuts, delimiter, quote)
    else:
        fields, fine = np.diff(np.searchsorted(cuts, ends), prepend=0), np.ones(len(ends), dtype=np.bool_)
    fine &= (fields == width - 1) & (ends > starts)
    if fine.all():
        return body, []
    return _parted(body, starts, ends, np.flatnonzero(~fine))


def _quoted(
    text: NDArray[np.uint8], starts: Positions, ends: Positions, cuts: Positions, delimiter: str, quote: str
) -> tuple[Positions, NDArray[np.bool_]]:
    """Delimiters outside quotes of each line, and whether its quotes stand around whole fields only."""
    quotes = np.flatnonzero(text == ord(quote))
    in_line = np.diff(np.searchsorted(quotes, ends), prepend=0)
    line = np.repeat(np.arange(len(ends)), in_line)
    first = np.cumsum(in_line) - in_line  # the number of quotes in earlier lines
    opens = (np.arange(len(quotes)) - first[line]) % 2 == 0
    before, after = text[quotes - 1], text[quotes + 1]  # a line feed stands last, never a quote
    is_edge = np.where(
        opens,
        (quotes == starts[line]) | (before == ord(delimiter)) | (before == ord(quote)),
        (after == _END) | (after == ord(delimiter)) | (after == ord(quote)),
    )
    fine = in_line % 2 == 0
    fine[line[~is_edge]] = False
    cuts_in_line = np.diff(np.searchsorted(cuts, ends), prepend=0)
    line = np.repeat(np.arange(len(ends)), cuts_in_line)
    outside = (np.searchsorted(quotes, cuts) - first[line]) % 2 == 0
    return np.bincount(line[outside], minlength=len(ends)), fine


def _parted(body: bytes, starts: Positions, ends: Positions, odd: Positions) -> tuple[bytes, list[bytes]]:
    pieces, at = [], 0
    for start, end in zip(starts[odd].tolist(), ends[odd].tolist(), strict=True):
        pieces.append(body[at:start])
        at = end + 1
    pieces.append(body[at:])
    others = zip(starts[odd].tolist(), ends[odd].tolist(), strict=True)
    return b"".join(pieces), [body[start:end] for start, end in others if end > start]
