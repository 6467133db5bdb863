"""Bytes to checked values and back.

One rule for every message: the protobuf of the same name, field by field;
unknown fields, missing parts and anything out of bounds are refused with the
path of the field. Never is a received message re-serialised to be signed.

Bytes are surveyed before protobuf reads them: it makes an object of every part,
so that eight million bytes of empty parts would become a thousand million.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from google.protobuf.message import DecodeError, Message

from samentel.errors import PeerError
from samentel.wire import control_pb2, enrolment_pb2, envelope_pb2, premises_pb2, releases_pb2, rounds_pb2
from samentel.wire.messages import BORROWED, MAX_MESSAGE, Range, Size

_MODULES = (envelope_pb2, enrolment_pb2, rounds_pb2, control_pb2, releases_pb2, premises_pb2)
FIELDS_MOST = 1_000_000  # in one message, all parts together; eight million bytes of names hold fewer
_VARINT, _BYTES, _GROUPS = 0, 2, frozenset({3, 4, 6, 7})  # wire types; groups and what does not exist
_STRANGE = "not a message of this contract"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # and halves of pairs, which no UTF-8 holds

_FIELDS: dict[type[Any], Mapping[str, Any]] = {}  # read once a class: type hints are slow

T = TypeVar("T")


class MessageError(PeerError):
    """A message that does not hold.

    Attributes:
        path: the field, such as ``contribution.signatures[0].key_id``; never its value.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        super().__init__(f"{path}: {text}" if path else text)


def decode(kind: type[T], data: bytes) -> T:
    """Read a message; raises MessageError when any part of it is out of bounds."""
    if len(data) > MAX_MESSAGE:
        raise MessageError("", f"larger than {MAX_MESSAGE} bytes")
    _survey(kind, data, (0, len(data)), "", [FIELDS_MOST])
    message = _protobuf(kind.__name__)()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise MessageError("", _STRANGE) from None
    return _value(kind, message, "")


def encode(value: object) -> bytes:
    """Write a message; a value out of bounds is our own mistake and raises MessageError as well."""
    data = _message(value, "").SerializeToString(deterministic=True)
    if len(data) > MAX_MESSAGE:
        raise MessageError("", f"larger than {MAX_MESSAGE} bytes")
    return data


@dataclass(frozen=True, slots=True)
class _Place:
    """A field as it must stand in the bytes: ``most`` times, and of which class if it has parts itself."""

    name: str
    wire: int
    bound: Size | None
    part: Any  # a class, or None

    @property
    def most(self) -> int:
        return 1 if self.bound is None else self.bound.most


@cache
def _layout(kind: Any) -> tuple[_Place, ...]:
    """By field number, from 1: the order of the class is that of the contract."""
    places = []
    for name, hint in _fields(kind).items():
        bare, bound = _bare(hint), _bound(hint)
        many = get_origin(bare) is tuple
        one: Any = _bare(get_args(bare)[0]) if many else bare
        wire = _VARINT if issubclass(one, int) else _BYTES
        part = one if dataclasses.is_dataclass(one) else None
        places.append(_Place(name, wire, bound if many and isinstance(bound, Size) else None, part))
    return tuple(places)


def _survey(kind: Any, data: bytes, span: tuple[int, int], path: str, left: list[int]) -> None:
    """Raise MessageError unless every field is in the contract, and stands no more often than it may."""
    layout, (at, end) = _layout(kind), span
    times = [0] * len(layout)
    while at < end:
        left[0] -= 1
        if left[0] < 0:
            raise MessageError("", f"has more than {FIELDS_MOST} fields")
        tag, at = _varint(data, at, end)
        number, wire, start = tag >> 3, tag & 7, at
        known = 1 <= number <= len(layout)
        if wire in (_VARINT, _BYTES):
            content, start = _varint(data, at, end)
            at = start + content if wire == _BYTES else start
        if number == 0 or at > end or (known and wire in _GROUPS):
            raise MessageError("", _STRANGE)
        if not known or layout[number - 1].wire != wire:
            raise MessageError(path, "holds a field that is not in the contract")
        place = layout[number - 1]
        inner = f"{path}.{place.name}" if path else place.name
        times[number - 1] += 1
        if times[number - 1] > place.most:
            _refuse_another(place, inner)
        if place.part is not None:
            inner = f"{inner}[{times[number - 1] - 1}]" if place.bound else inner
            _survey(place.part, data, (start, at), inner, left)


def _refuse_another(place: _Place, path: str) -> None:
    if place.bound is None:
        raise MessageError(path, "stands twice")
    raise MessageError(path, f"must have between {place.bound.least} and {place.bound.most} elements")


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for place in range(min(10, end - at)):
        byte = data[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise MessageError("", _STRANGE)


@cache
def _protobuf(name: str) -> Callable[..., Message]:
    found: Callable[..., Message] = next(getattr(it, name) for it in _MODULES if hasattr(it, name))
    return found


def _fields(kind: type[Any]) -> Mapping[str, Any]:
    if kind not in _FIELDS:
        borrowed = BORROWED.get(kind)
        hints = borrowed if borrowed is not None else get_type_hints(kind, include_extras=True)
        _FIELDS[kind] = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    return _FIELDS[kind]


def _value(kind: type[T], message: Message, path: str) -> T:
    parts = {}
    for name, hint in _fields(kind).items():
        place = f"{path}.{name}" if path else name
        if dataclasses.is_dataclass(_bare(hint)) and not message.HasField(name):
            raise MessageError(place, "is missing")
        parts[name] = _from_wire(hint, getattr(message, name), place)
    return kind(**parts)


def _from_wire(hint: Any, raw: Any, path: str) -> Any:
    bare, bound = _bare(hint), _bound(hint)
    if get_origin(bare) is tuple:
        # The length is checked before the parts are read, so that a long list costs nothing.
        _check(raw, bound, path)
        item = get_args(bare)[0]
        return tuple(_from_wire(item, part, f"{path}[{number}]") for number, part in enumerate(raw))
    if dataclasses.is_dataclass(bare):
        part: Any = bare
        return _value(part, raw, path)
    if issubclass(bare, IntEnum):
        if raw not in set(bare):
            raise MessageError(path, "is not one of its values")
        return bare(raw)
    _check(raw, bound, path)
    return raw


def _message(value: Any, path: str) -> Message:
    return _protobuf(type(value).__name__)(**dict(_to_wire_fields(value, path)))


def _to_wire_fields(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, hint in _fields(type(value)).items():
        yield name, _to_wire(hint, getattr(value, name), f"{path}.{name}" if path else name)


def _to_wire(hint: Any, value: Any, path: str) -> Any:
    bare = _bare(hint)
    if dataclasses.is_dataclass(bare):
        return _message(value, path)
    if get_origin(bare) is tuple:
        _check(value, _bound(hint), path)
        item = get_args(bare)[0]
        return [_to_wire(item, part, f"{path}[{number}]") for number, part in enumerate(value)]
    if not isinstance(value, bare):
        raise MessageError(path, f"is not of the type {bare.__name__}")
    _check(value, _bound(hint), path)
    return value


def _check(value: Any, bound: Size | Range | None, path: str) -> None:
    if isinstance(bound, Range):
        if not bound.least <= value <= bound.most:
            raise MessageError(path, f"must lie between {bound.least} and {bound.most}")
    elif isinstance(bound, Size):
        if not bound.least <= len(value) <= bound.most:
            raise MessageError(path, f"must have between {bound.least} and {bound.most} elements")
        if isinstance(value, str):
            if bound.form is not None and bound.form.fullmatch(value) is None:
                raise MessageError(path, "is not in the form that the contract asks for")
            if _CONTROL.search(value):
                raise MessageError(path, "holds a control character")


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _bound(hint: Any) -> Size | Range | None:
    return get_args(hint)[1] if get_origin(hint) is Annotated else None
