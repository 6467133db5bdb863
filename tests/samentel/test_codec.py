import dataclasses
import functools
import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from samentel.documents.envelope import Envelope, Signature
from samentel.errors import PeerError
from samentel.wire import (
    control_pb2,
    enrolment_pb2,
    envelope_pb2,
    messages,
    premises_pb2,
    releases_pb2,
    rounds_pb2,
)
from samentel.wire.codec import MessageError, decode, encode
from samentel.wire.messages import (
    BORROWED,
    MAX_MESSAGE,
    DocumentKind,
    LetterKind,
    MessageKind,
    Range,
    RoundPhase,
    Size,
    SumPhase,
)

MODULES = (envelope_pb2, enrolment_pb2, rounds_pb2, control_pb2, releases_pb2, premises_pb2)
CONTRACT = {
    name: descriptor
    for module in MODULES
    for name, descriptor in module.DESCRIPTOR.message_types_by_name.items()
}
CLASSES: dict[str, type] = {
    name: value
    for name, value in vars(messages).items()
    if dataclasses.is_dataclass(value) and isinstance(value, type) and value not in (Size, Range)
}
# By enumeration: how its names begin in the contract, and what it calls the unspecified one, if anything.
ENUMERATIONS: dict[type[IntEnum], tuple[str, str | None]] = {
    DocumentKind: ("DOCUMENT_KIND_", None),
    RoundPhase: ("ROUND_PHASE_", None),
    SumPhase: ("SUM_PHASE_", "NONE"),
    MessageKind: ("MESSAGE_KIND_", None),
    LetterKind: ("LETTER_KIND_", None),
}
BY_NAME = [pytest.param(CLASSES[name], id=name) for name in sorted(CLASSES)]


@functools.cache
def hints(kind: type) -> dict[str, Any]:
    found = BORROWED.get(kind) or get_type_hints(kind, include_extras=True)
    return {field.name: found[field.name] for field in dataclasses.fields(kind)}


def split(hint: Any) -> tuple[Any, Any]:
    """The bare type and the bound."""
    return get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, None)


# The contract and the classes are the same.


def test_every_message_of_the_contract_has_its_class_and_no_class_has_none() -> None:
    assert set(CLASSES) == set(CONTRACT)


@pytest.mark.parametrize("kind", BY_NAME)
def test_a_class_has_exactly_the_fields_of_its_message_with_their_types(kind: type) -> None:
    fields = CONTRACT[kind.__name__].fields
    assert [field.name for field in fields] == list(hints(kind))
    assert [field.number for field in fields] == list(range(1, len(fields) + 1))
    for field in fields:
        bare, _ = split(hints(kind)[field.name])
        assert field.is_repeated == (get_origin(bare) is tuple)
        item = split(get_args(bare)[0])[0] if field.is_repeated else bare
        expected = {
            FieldDescriptor.CPPTYPE_BOOL: "bool",
            FieldDescriptor.CPPTYPE_UINT32: "int",
            FieldDescriptor.CPPTYPE_UINT64: "int",
            FieldDescriptor.CPPTYPE_STRING: "bytes" if field.type == FieldDescriptor.TYPE_BYTES else "str",
            FieldDescriptor.CPPTYPE_ENUM: field.enum_type.name if field.enum_type else "",
            FieldDescriptor.CPPTYPE_MESSAGE: field.message_type.name if field.message_type else "",
        }[field.cpp_type]
        assert item.__name__ == expected


@pytest.mark.parametrize("kind", BY_NAME)
def test_every_text_bytes_number_and_list_has_a_bound(kind: type) -> None:
    def bounded(hint: Any) -> bool:
        bare, bound = split(hint)
        if get_origin(bare) is tuple:
            return isinstance(bound, Size) and bounded(get_args(bare)[0])
        if bare in (str, bytes):
            return isinstance(bound, Size)
        if bare is int:
            return isinstance(bound, Range)
        return True

    assert all(bounded(hint) for hint in hints(kind).values())


@pytest.mark.parametrize("enum", ENUMERATIONS)
def test_enumerations_are_those_of_the_contract_and_what_is_unspecified_is_named_or_refused(
    enum: type[IntEnum],
) -> None:
    prefix, unspecified = ENUMERATIONS[enum]
    values = rounds_pb2.DESCRIPTOR.enum_types_by_name[enum.__name__].values_by_name
    expected = {name.removeprefix(prefix): value.number for name, value in values.items()}
    assert expected.pop("UNSPECIFIED") == 0
    if unspecified is not None:
        expected[unspecified] = 0
    assert {member.name: member.value for member in enum} == expected


def test_there_is_no_other_enumeration() -> None:
    assert {name for module in MODULES for name in module.DESCRIPTOR.enum_types_by_name} == {
        enum.__name__ for enum in ENUMERATIONS
    }


# Values, made from the declared bounds alone.


def texts(bound: Size) -> st.SearchStrategy[str]:
    if bound.form is None:
        letters = st.characters(exclude_categories=["Cc", "Cs"])
        return st.text(letters, min_size=bound.least, max_size=min(bound.most, bound.least + 20))
    fitting = st.from_regex(re.compile(bound.form.pattern, re.ASCII), fullmatch=True)
    return fitting.filter(lambda text: bound.least <= len(text) <= bound.most)


def values(hint: Any) -> st.SearchStrategy[Any]:
    bare, bound = split(hint)
    if get_origin(bare) is tuple:
        most = min(bound.most, bound.least + 2)
        return st.lists(values(get_args(bare)[0]), min_size=bound.least, max_size=most).map(tuple)
    if dataclasses.is_dataclass(bare):
        return instances(bare)
    if bare is bool:
        return st.booleans()
    if bare is int:
        return st.integers(bound.least, bound.most)
    if bare is bytes:
        return st.binary(min_size=bound.least, max_size=min(bound.most, bound.least + 20))
    if bare is str:
        return texts(bound)
    return st.sampled_from(list(bare))


@functools.cache
def instances(kind: Any) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{name: values(hint) for name, hint in hints(kind).items()})


@settings(max_examples=15)
@pytest.mark.parametrize("kind", BY_NAME)
@given(data=st.data())
def test_every_message_within_its_bounds_reads_back_equal(kind: type, data: st.DataObject) -> None:
    value = data.draw(instances(kind))
    read = decode(kind, encode(value))
    assert read == value
    assert type(read) is kind
    assert encode(read) == encode(value)


# One plain example of every message, with every list filled, for the table of damages.


def text_of(length: int, form: re.Pattern[str] | None) -> str | None:
    """A text of that length in that form, if there is one."""
    candidates = ("a" * length, "2" * length, "2025Q1"[:length])
    fitting = (text for text in candidates if len(text) == length and (form is None or form.fullmatch(text)))
    return next(fitting, None)


def sized(bare: Any, bound: Size, length: int) -> Any:
    """A value of exactly that length; of the right form where one exists."""
    if get_origin(bare) is tuple:
        return (example(get_args(bare)[0]),) * length
    if bare is bytes:
        return bytes(length)
    found = text_of(length, bound.form)
    return "a" * length if found is None else found


def example(hint: Any) -> Any:
    bare, bound = split(hint)
    if get_origin(bare) is tuple:
        return sized(bare, bound, max(1, bound.least))
    if dataclasses.is_dataclass(bare):
        kind: Any = bare
        return kind(**{name: example(inner) for name, inner in hints(kind).items()})
    if bare in (str, bytes):
        lengths = range(bound.least, bound.most + 1)
        return sized(
            bare, bound, next(n for n in lengths if bare is bytes or text_of(n, bound.form) is not None)
        )
    if bare is bool:
        return True
    if bare is int:
        return bound.least
    return next(iter(bare))


def raw(value: Any) -> Message:
    """The protobuf of a value without any check: what a peer could send."""
    name = type(value).__name__
    message: Any = next(getattr(module, name) for module in MODULES if hasattr(module, name))()
    for field in dataclasses.fields(value):
        part = getattr(value, field.name)
        if isinstance(part, tuple):
            getattr(message, field.name).extend(
                raw(item) if dataclasses.is_dataclass(item) else item for item in part
            )
        elif dataclasses.is_dataclass(part):
            getattr(message, field.name).CopyFrom(raw(part))
        else:
            setattr(message, field.name, part)
    found: Message = message
    return found


def sent(value: Any) -> bytes:
    return raw(value).SerializeToString()


def edges() -> Iterator[Any]:
    """Every bounded field at its edges: class, field, value, whether it holds."""
    for kind in CLASSES.values():
        for name, hint in hints(kind).items():
            bare, bound = split(hint)
            label = f"{kind.__name__}.{name}"
            if isinstance(bound, Range):
                for number in (bound.least, bound.most, bound.least - 1, bound.most + 1):
                    if number >= 0:
                        good = bound.least <= number <= bound.most
                        yield pytest.param(kind, name, number, good, id=f"{label}={number}")
            elif isinstance(bound, Size):
                for length in sorted({bound.least, bound.most, bound.least - 1, bound.most + 1}):
                    if length < 0:
                        continue
                    fits = bare is not str or text_of(length, bound.form) is not None
                    good = bound.least <= length <= bound.most and fits
                    yield pytest.param(kind, name, length, good, id=f"{label} of {length}")


@pytest.mark.parametrize(("kind", "name", "measure", "good"), list(edges()))
def test_a_bound_holds_at_its_edge_and_not_one_further(
    kind: Any, name: str, measure: int, good: bool
) -> None:
    bare, bound = split(hints(kind)[name])
    part = measure if isinstance(bound, Range) else sized(bare, bound, measure)
    value = dataclasses.replace(example(kind), **{name: part})
    if good:
        assert decode(kind, sent(value)) == value
        assert decode(kind, encode(value)) == value
        return
    # A text may also be short enough and yet not in the form: the path is the same.
    for refused in (lambda: decode(kind, sent(value)), lambda: encode(value)):
        with pytest.raises(MessageError) as caught:
            refused()
        assert caught.value.path == name
        assert str(caught.value).startswith(f"{name}: ")


def submessages(message: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, message
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None:
            continue
        part, place = getattr(message, field.name), f"{path}.{field.name}" if path else field.name
        for number, item in enumerate(part) if field.is_repeated else [(None, part)]:
            yield from submessages(item, place if number is None else f"{place}[{number}]")


@pytest.mark.parametrize("kind", BY_NAME)
@pytest.mark.parametrize(
    "junk", [b"\x98\x06\x01", b"\x9a\x06\x03abc", b"\x9b\x06\x9c\x06"], ids=["number", "bytes", "group"]
)
def test_an_unknown_field_is_refused_at_every_depth(kind: Any, junk: bytes) -> None:
    paths = [path for path, _ in submessages(raw(example(kind)), "")]
    for path in paths:
        message = raw(example(kind))
        dict(submessages(message, ""))[path].MergeFromString(junk)
        with pytest.raises(MessageError, match="not in the contract") as caught:
            decode(kind, message.SerializeToString())
        assert caught.value.path == path
    assert kind is not messages.PollResponse or "rounds[0].round.signatures[0]" in paths


@pytest.mark.parametrize("kind", BY_NAME)
def test_a_part_that_is_missing_is_named(kind: Any) -> None:
    for field in CONTRACT[kind.__name__].fields:
        if field.message_type is not None and not field.is_repeated:
            message: Any = raw(example(kind))
            message.ClearField(field.name)
            with pytest.raises(MessageError, match="is missing") as caught:
                decode(kind, message.SerializeToString())
            assert caught.value.path == field.name


@pytest.mark.parametrize(
    ("kind", "name", "numbers"),
    [
        (messages.RoundNotice, "phase", (0, 6, 99, -1)),
        (messages.RoundNotice, "sum_phase", (8, 99, -1)),  # zero is the phase of a round without a sum
        (messages.GetLetterRequest, "kind", (0, 6, 99, -1)),
        (messages.PutMessageRequest, "kind", (0, 6, 99, -1)),
    ],
)
def test_a_phase_or_kind_that_is_not_in_the_contract_is_refused(
    kind: Any, name: str, numbers: tuple[int, ...]
) -> None:
    for number in numbers:
        message: Any = raw(example(kind))
        setattr(message, name, number)
        with pytest.raises(MessageError) as caught:
            decode(kind, message.SerializeToString())
        assert caught.value.path == name


def envelope(**changes: Any) -> Envelope:
    return dataclasses.replace(example(Envelope), **changes)


def test_the_path_leads_to_the_deepest_place() -> None:
    bad = (example(Signature), Signature("A" * 64, bytes(64)))
    notice = messages.RoundNotice(envelope(signatures=bad), RoundPhase.GATHERING, "")
    value = dataclasses.replace(
        example(messages.PollResponse), rounds=(example(messages.RoundNotice), notice)
    )
    for refused in (lambda: decode(messages.PollResponse, sent(value)), lambda: encode(value)):
        with pytest.raises(MessageError, match=r"^rounds\[1\]\.round\.signatures\[1\]\.key_id: ") as caught:
            refused()
        assert "AAAA" not in str(caught.value)


WRONG_TEXTS = [
    pytest.param(messages.EnrolResponse, "fingerprint", "a\x1b[2Jb", id="escape"),
    pytest.param(messages.EnrolResponse, "fingerprint", "a\nb", id="line break"),
    pytest.param(messages.EnrolResponse, "fingerprint", "a\x7f", id="delete"),
    pytest.param(messages.EnrolResponse, "fingerprint", "a\x9bb", id="eight-bit escape"),
    pytest.param(messages.GetRoundRequest, "round_id", "A" * 64, id="upper case"),
    pytest.param(messages.GetRoundRequest, "round_id", "g" * 64, id="not hexadecimal"),
    pytest.param(messages.GetRoundRequest, "round_id", "a" * 63 + "\n", id="line break at the end"),
    pytest.param(messages.ReadFileRequest, "name", "../secret", id="upwards"),
    pytest.param(messages.ReadFileRequest, "name", "a/b", id="another directory"),
    pytest.param(messages.ReadFileRequest, "name", ".hidden", id="hidden"),
    pytest.param(messages.ReadFileRequest, "name", "a\x00b", id="null"),
    pytest.param(messages.GetReleaseRequest, "release_id", "..", id="upwards release"),
    pytest.param(messages.OpenRoundRequest, "period", "2025Q5", id="fifth quarter"),
    pytest.param(messages.OpenRoundRequest, "period", "２０２５", id="wide digits"),
]


@pytest.mark.parametrize(("kind", "name", "text"), WRONG_TEXTS)
def test_a_text_in_another_form_is_refused_and_not_repeated(kind: Any, name: str, text: str) -> None:
    value = dataclasses.replace(example(kind), **{name: text})
    for refused in (lambda: decode(kind, sent(value)), lambda: encode(value)):
        with pytest.raises(MessageError) as caught:
            refused()
        assert caught.value.path == name
        assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "name", "part"),
    [
        (messages.EnrolResponse, "fingerprint", "half a letter \udcff"),
        (messages.EnrolResponse, "fingerprint", 5),
        (messages.EnrolResponse, "fingerprint", None),
        (messages.PollRequest, "cursor", "5"),
        (messages.PollRequest, "cursor", 5.0),
        (messages.RoundNotice, "phase", 0),
        (messages.GetEnrolmentResponse, "confirmed", "yes"),
        (messages.ReadFileResponse, "data", "text"),
        (messages.PollRequest, "ledger", None),
        (messages.PollRequest, "ledger", example(messages.GetDocumentRequest)),
    ],
)
def test_a_value_of_another_type_is_never_sent(kind: Any, name: str, part: Any) -> None:
    with pytest.raises(MessageError) as caught:
        encode(dataclasses.replace(example(kind), **{name: part}))
    assert caught.value.path == name


def test_a_release_of_a_quarter_has_a_name_that_can_be_sent() -> None:
    request = messages.GetReleaseRequest("aanleiding-demo-2025Q3-1")
    assert decode(messages.GetReleaseRequest, encode(request)) == request


def test_a_message_that_is_too_large_is_neither_read_nor_written() -> None:
    with pytest.raises(MessageError, match="larger than"):
        decode(messages.ListRoundsRequest, bytes(MAX_MESSAGE + 1))
    names = ("a" * 63,) * 10_000
    status = dataclasses.replace(example(messages.RoundStatus), invited=names, present=names, arrived=names)
    with pytest.raises(MessageError, match="larger than"):
        encode(messages.ListRoundsResponse((status,) * 5))


def test_a_message_error_is_the_peers_fault() -> None:
    assert issubclass(MessageError, PeerError)


def test_a_contribution_does_not_show_its_vector() -> None:
    assert "919191" not in repr(messages.PutContributionRequest(example(Envelope), b"919191"))


@settings(max_examples=300)
@given(kind=st.sampled_from(sorted(CLASSES)), data=st.binary(max_size=200))
def test_arbitrary_bytes_are_a_message_or_a_message_error(kind: str, data: bytes) -> None:
    try:
        value = decode(CLASSES[kind], data)
    except MessageError:
        return
    assert decode(CLASSES[kind], encode(value)) == value


@settings(max_examples=300)
@given(kind=st.sampled_from(sorted(CLASSES)), data=st.data())
def test_damaged_messages_are_a_message_or_a_message_error(kind: str, data: st.DataObject) -> None:
    good = sent(example(CLASSES[kind]))
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 6)))
    damaged = good[:start] + data.draw(st.binary(max_size=6)) + good[end:]
    try:
        value = decode(CLASSES[kind], damaged)
    except MessageError:
        return
    assert decode(CLASSES[kind], encode(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x0a\xff\xff\xff\xff\x0f", id="length past the end"),
        pytest.param(b"\x0b" * 5000, id="groups in groups"),
        pytest.param(b"\x00", id="field zero"),
        pytest.param(b"\x1a\x02\xff\xfe", id="version is not utf-8"),
    ],
)
def test_what_is_not_protobuf_is_refused_in_plain_words(data: bytes) -> None:
    with pytest.raises(MessageError, match="not a message of this contract"):
        decode(messages.PollRequest, data)


def test_a_list_that_is_too_long_costs_no_reading_of_its_parts() -> None:
    data = b"\x0a\x00" * 200_000  # empty round statuses, each of them wrong as well
    with pytest.raises(MessageError) as caught:
        decode(messages.ListRoundsResponse, data)
    assert caught.value.path == "rounds"
