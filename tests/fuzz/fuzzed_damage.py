"""Damage to valid inputs, as hypothesis draws it: at the places where formats keep lengths and counts too."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

NUMBERS = (0, 1, 127, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**53, 2**63 - 1, 2**63, 2**64 - 1)
# What formats give a meaning: not UTF-8, NUL, half a pair, varints without end, groups, TOML and JSON.
WORDS = (
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xff" * 9 + b"\x01",
    b"\x80" * 10,
    b"\x0b",
    b"\x98\x06\x01",
    b"nan",
    b"-0",
    b"1e999",
    b"9" * 40,
    b"\\u0000",
    b"\\ud800",
    b'"',
    b"{",
    b"[",
    b".",
    b"\r\n",
    b"\xe2\x80\xae",
)


@dataclass(frozen=True)
class Damage:
    """One change: ``what`` is done at ``at`` (of 2**16, as a part of the length), over ``span`` bytes."""

    what: int
    at: int
    span: int
    number: int

    def done(self, data: bytes, others: Sequence[bytes]) -> bytes:
        """The bytes with this change made."""
        start = self.at * (len(data) + 1) >> 16
        end = min(len(data), start + self.span)
        return _CHANGES[self.what](data, start, end, self, others)


def _flip(data: bytes, start: int, end: int, by: Damage, others: Sequence[bytes]) -> bytes:
    if start >= len(data):
        return data
    return data[:start] + bytes([data[start] ^ (1 + by.number % 255)]) + data[start + 1 :]


def _cut(data: bytes, start: int, end: int, by: Damage, others: Sequence[bytes]) -> bytes:
    return data[:start]


def _drop(data: bytes, start: int, end: int, by: Damage, others: Sequence[bytes]) -> bytes:
    return data[:start] + data[end:]


def _twice(data: bytes, start: int, end: int, by: Damage, others: Sequence[bytes]) -> bytes:
    return data[:end] + data[start:end] * (1 + by.number % 8) + data[end:]


def _swap(data: bytes, start: int, end: int, by: Damage, others: Sequence[bytes]) -> bytes:
    further = min(len(data), end + by.span)
    return data[:start] + data[end:further] + data[start:end] + data[further:]


def _length(data: bytes, start: int, end: int, by: Damage, others: Sequence[bytes]) -> bytes:
    width = 4 if by.number % 2 else 8
    value = NUMBERS[by.number % len(NUMBERS)] % 2 ** (8 * width)
    return data[:start] + value.to_bytes(width, "big") + data[start + width :]


def _varint(data: bytes, start: int, end: int, by: Damage, others: Sequence[bytes]) -> bytes:
    value, coded = NUMBERS[by.number % len(NUMBERS)], bytearray()
    while value > 0x7F:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    return data[:start] + bytes([*coded, value]) + data[start + 1 :]


def _word(data: bytes, start: int, end: int, by: Damage, others: Sequence[bytes]) -> bytes:
    return data[:start] + WORDS[by.number % len(WORDS)] + data[end if by.span > 4 else start :]


def _splice(data: bytes, start: int, end: int, by: Damage, others: Sequence[bytes]) -> bytes:
    other = others[by.number % len(others)]
    return data[:start] + other[by.at * len(other) >> 16 :]


def _longer(data: bytes, start: int, end: int, by: Damage, others: Sequence[bytes]) -> bytes:
    return data + bytes([by.number % 256]) * (1 + by.span)


_CHANGES = (_flip, _flip, _cut, _drop, _twice, _swap, _length, _varint, _word, _splice, _longer)

_ONE = st.builds(
    Damage,
    st.integers(0, len(_CHANGES) - 1),
    st.integers(0, 2**16 - 1),
    st.sampled_from((1, 2, 4, 8, 32, 64, 200)),
    st.integers(0, 255),
)


def damaged(valid: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """A valid input with one to four changes."""

    def made(start: int, changes: list[Damage]) -> bytes:
        data = valid[start]
        for change in changes:
            data = change.done(data, valid)
        return data

    return st.builds(made, st.integers(0, len(valid) - 1), st.lists(_ONE, min_size=1, max_size=4))
