"""One canonical encoding for the messages and the states of the secure sum.

Frozen dataclasses become bytes and come back equal. Fields stand in their
order, whatever can vary in length carries its length, and each value has
exactly one encoding, so that bytes can be signed and compared. No type is
chosen by the data: the reader says what it expects.

integer  8 bytes, big-endian, unsigned      text, bytes  4 bytes length, then the content
moment   8 bytes, microseconds since 1970   tuple        4 bytes count, then the elements
truth    1 byte, 0 or 1                     optional     1 byte, 0 or 1, then the value
choice   its name, as text
"""

import dataclasses
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, TypeVar

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

T = TypeVar("T")
Write = Callable[[Any, list[bytes]], None]
Read = Callable[[bytes, int], tuple[Any, int]]


@dataclass(frozen=True, slots=True)
class Size:
    """How long a text, bytes or a tuple may be, both ends included; a text counts in UTF-8."""

    least: int
    most: int


Bytes32 = Annotated[bytes, Size(32, 32)]
Name = Annotated[str, Size(1, 200)]


def encode(value: object) -> bytes:
    """The bytes of a frozen dataclass (ENC-1).

    Raises:
        ValueError: a field holds what its type does not allow. A mistake of the caller.
    """
    parts: list[bytes] = []
    kind: Any = type(value)
    _coder(kind)[0](value, parts)
    return b"".join(parts)


def decode(kind: type[T], data: bytes) -> T:
    """The dataclass of these bytes (ENC-2).

    Raises:
        ValueError: these are not the bytes that ``encode`` gives for any value of this class.
    """
    hint: Any = kind
    value, end = _coder(hint)[1](data, 0)
    if end != len(data):
        raise ValueError("bytes are left over")
    return value  # type: ignore[no-any-return]


@lru_cache(maxsize=512)
def _coder(hint: Any) -> tuple[Write, Read]:
    hint = getattr(hint, "__supertype__", hint)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if typing.get_origin(hint) is Annotated:
        return _sized(*typing.get_args(hint))
    if typing.get_origin(hint) is types.UnionType:
        return _optional(*_coder(typing.get_args(hint)[0]))
    if dataclasses.is_dataclass(hint):
        return _record(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _choice(hint)
    raise TypeError(f"{hint} has no canonical encoding")


def _record(kind: Any) -> tuple[Write, Read]:
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = [(field.name, *_coder(hints[field.name])) for field in dataclasses.fields(kind)]

    def write(value: Any, parts: list[bytes]) -> None:
        for name, write_field, _ in fields:
            write_field(getattr(value, name), parts)

    def read(data: bytes, at: int) -> tuple[Any, int]:
        values = []
        for _, _, read_field in fields:
            value, at = read_field(data, at)
            values.append(value)
        return kind(*values), at

    return write, read


def _sized(kind: Any, size: Size) -> tuple[Write, Read]:
    if kind is bytes:
        return _bytes(size)
    if kind is str:
        write_bytes, read_bytes = _bytes(size)

        def read_text(data: bytes, at: int) -> tuple[str, int]:
            raw, at = read_bytes(data, at)
            return raw.decode("utf-8"), at

        return lambda value, parts: write_bytes(value.encode("utf-8"), parts), read_text
    return _many(size, *_coder(typing.get_args(kind)[0]))


def _bytes(size: Size) -> tuple[Write, Read]:
    def write(value: bytes, parts: list[bytes]) -> None:
        if not size.least <= len(value) <= size.most:
            raise ValueError(f"between {size.least} and {size.most} bytes were expected")
        parts += (len(value).to_bytes(4, "big"), value)

    def read(data: bytes, at: int) -> tuple[bytes, int]:
        length, at = int.from_bytes(_take(data, at, 4), "big"), at + 4
        if not size.least <= length <= size.most:
            raise ValueError(f"between {size.least} and {size.most} bytes were expected")
        return _take(data, at, length), at + length

    return write, read


def _many(size: Size, write_one: Write, read_one: Read) -> tuple[Write, Read]:
    def write(values: tuple[Any, ...], parts: list[bytes]) -> None:
        if not size.least <= len(values) <= size.most:
            raise ValueError(f"between {size.least} and {size.most} elements were expected")
        parts.append(len(values).to_bytes(4, "big"))
        for value in values:
            write_one(value, parts)

    def read(data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        count, at = int.from_bytes(_take(data, at, 4), "big"), at + 4
        if not size.least <= count <= min(size.most, len(data)):  # an element has at least one byte
            raise ValueError(f"between {size.least} and {size.most} elements were expected")
        values = []
        for _ in range(count):
            value, at = read_one(data, at)
            values.append(value)
        return tuple(values), at

    return write, read


def _optional(write_one: Write, read_one: Read) -> tuple[Write, Read]:
    def write(value: Any, parts: list[bytes]) -> None:
        _write_bool(value is not None, parts)
        if value is not None:
            write_one(value, parts)

    def read(data: bytes, at: int) -> tuple[Any, int]:
        present, at = _read_bool(data, at)
        return read_one(data, at) if present else (None, at)

    return write, read


def _choice(kind: type[Enum]) -> tuple[Write, Read]:
    write_name, read_name = _bytes(Size(1, 64))
    # By name, so that a choice added later does not give old bytes another meaning.
    members = {member.name.encode(): member for member in kind}

    def read(data: bytes, at: int) -> tuple[Enum, int]:
        name, at = read_name(data, at)
        if name not in members:
            raise ValueError("this is not one of the choices")
        return members[name], at

    return lambda value, parts: write_name(value.name.encode(), parts), read


def _write_int(value: int, parts: list[bytes]) -> None:
    # A truth value would pass for a number, and come back as another type.
    if type(value) is not int or value < 0 or value >= 2**63:
        raise ValueError("an integer lies between 0 and 2**63 - 1")
    parts.append(value.to_bytes(8, "big"))


def _read_int(data: bytes, at: int) -> tuple[int, int]:
    value = int.from_bytes(_take(data, at, 8), "big")
    if value >= 2**63:
        raise ValueError("an integer lies between 0 and 2**63 - 1")
    return value, at + 8


def _write_bool(value: bool, parts: list[bytes]) -> None:
    parts.append(b"\x01" if value else b"\x00")


def _read_bool(data: bytes, at: int) -> tuple[bool, int]:
    byte = _take(data, at, 1)[0]
    if byte > 1:
        raise ValueError("a truth value is 0 or 1")
    return byte == 1, at + 1


def _write_moment(value: datetime, parts: list[bytes]) -> None:
    if value.tzinfo is not UTC:
        raise ValueError("a moment is in UTC")
    _write_int((value - _EPOCH) // _MICROSECOND, parts)


def _read_moment(data: bytes, at: int) -> tuple[datetime, int]:
    microseconds, at = _read_int(data, at)
    try:
        return _EPOCH + microseconds * _MICROSECOND, at
    except OverflowError:
        raise ValueError("this moment lies beyond the calendar") from None


def _take(data: bytes, at: int, length: int) -> bytes:
    part = data[at : at + length]
    if len(part) != length:
        raise ValueError("bytes are missing")
    return part


_PLAIN: dict[Any, tuple[Write, Read]] = {
    int: (_write_int, _read_int),
    bool: (_write_bool, _read_bool),
    datetime: (_write_moment, _read_moment),
}
