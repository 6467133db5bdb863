"""Bytes to checked values and back.

One rule for every message: the protobuf of the same name, field by field;
unknown fields, missing parts and anything out of bounds are refused with the
path of the field. Never is a received message re-serialised to be signed.

Bytes are surveyed before protobuf reads them: it makes an object of every part,
so that eight million bytes of empty parts would become a thousand million.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
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
    value: T = _value(kind, message, "")
    return value


def encode(value: object) -> bytes:
    """Write a message; a value out of bounds is our own mistake and raises MessageError as well."""
    data = _message(value, "").SerializeToString(deterministic=True)
    if len(data) > MAX_MESSAGE:
        raise MessageError("", f"larger than {MAX_MESSAGE} bytes")
    return data


@dataclass(frozen=True, slots=True)
class _Field:
    """A field as it must be, worked out once a class: to read a hint is slow.

    Attributes:
        most: how often it may stand in the bytes.
        many: the length of a list; None where there is one value.
        kind, bound: of one value. Its kind is a class of the contract (a ``part``), an enumeration (with
            its ``members`` by their numbers), or that of a text, of bytes or of a number.
    """

    name: str
    wire: int
    most: int
    many: Size | None
    kind: Any
    bound: Size | Range | None
    part: bool
    members: Mapping[int, IntEnum] | None


@cache
def _layout(kind: Any) -> tuple[_Field, ...]:
    """By field number, from 1: the order of the class is that of the contract."""
    hints = BORROWED.get(kind) or get_type_hints(kind, include_extras=True)
    return tuple(_field(field.name, hints[field.name]) for field in dataclasses.fields(kind))


def _field(name: str, hint: Any) -> _Field:
    bare, bound = _split(hint)
    many = None
    if get_origin(bare) is tuple:
        assert isinstance(bound, Size), name  # tests/samentel/test_codec.py: every list has its bound
        many = bound
        bare, bound = _split(get_args(bare)[0])
    return _Field(
        name=name,
        wire=_VARINT if issubclass(bare, int) else _BYTES,
        most=1 if many is None else many.most,
        many=many,
        kind=bare,
        bound=bound,
        part=dataclasses.is_dataclass(bare),
        members={member.value: member for member in bare} if issubclass(bare, IntEnum) else None,
    )


def _split(hint: Any) -> tuple[Any, Size | Range | None]:
    """The bare type and its bound."""
    if get_origin(hint) is not Annotated:
        return hint, None
    bare, bound = get_args(hint)
    return bare, bound


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
        field = layout[number - 1]
        times[number - 1] += 1
        if times[number - 1] > field.most:
            _refuse_another(field, _inside(path, field.name))
        if field.part:
            inner = _inside(path, field.name)
            inner = f"{inner}[{times[number - 1] - 1}]" if field.many is not None else inner
            _survey(field.kind, data, (start, at), inner, left)


def _refuse_another(field: _Field, path: str) -> None:
    if field.many is None:
        raise MessageError(path, "stands twice")
    raise MessageError(path, f"must have between {field.many.least} and {field.many.most} elements")


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    if at < end and data[at] < 0x80:
        return data[at], at + 1  # most are one byte
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


def _value(kind: Any, message: Message, path: str) -> Any:
    parts = {}
    for field in _layout(kind):
        place = _inside(path, field.name)
        if field.part and field.many is None and not message.HasField(field.name):
            raise MessageError(place, "is missing")
        raw = getattr(message, field.name)
        if field.many is None:
            parts[field.name] = _from_wire(field, raw, place)
        else:
            # The length is checked before the parts are read, so that a long list costs nothing.
            _check(raw, field.many, place)
            parts[field.name] = tuple([_from_wire(field, one, f"{place}[{n}]") for n, one in enumerate(raw)])
    return kind(**parts)


def _from_wire(field: _Field, raw: Any, path: str) -> Any:
    if field.part:
        return _value(field.kind, raw, path)
    if field.members is not None:
        if raw not in field.members:
            raise MessageError(path, "is not one of its values")
        return field.members[raw]
    _check(raw, field.bound, path)
    return raw


def _message(value: Any, path: str) -> Message:
    kind: Any = type(value)
    fields = {}
    for field in _layout(kind):
        place, part = _inside(path, field.name), getattr(value, field.name)
        if field.many is None:
            fields[field.name] = _to_wire(field, part, place)
        else:
            _check(part, field.many, place)
            fields[field.name] = [_to_wire(field, one, f"{place}[{n}]") for n, one in enumerate(part)]
    return _protobuf(kind.__name__)(**fields)


def _to_wire(field: _Field, value: Any, path: str) -> Any:
    if not isinstance(value, field.kind):
        raise MessageError(path, f"is not of the type {field.kind.__name__}")
    if field.part:
        return _message(value, path)
    _check(value, field.bound, path)
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
