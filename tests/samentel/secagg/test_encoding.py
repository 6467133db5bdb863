import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samentel.secagg.encoding import Bytes32, Size, decode, encode


class Colour(Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Inner:
    number: int
    sure: bool


@dataclass(frozen=True)
class Outer:
    name: Annotated[str, Size(1, 8)]
    key: Bytes32
    colour: Colour
    at: datetime | None
    inner: Annotated[tuple[Inner, ...], Size(0, 3)]
    maybe: Inner | None


OUTER = Outer("één", bytes(32), Colour.BLUE, datetime(2026, 4, 1, 8, 0, 0, 1, UTC), (Inner(7, True),), None)


def test_a_value_comes_back_equal():
    assert decode(Outer, encode(OUTER)) == OUTER


@pytest.mark.clause("ENC-1")
def test_the_encoding_is_the_one_that_the_module_states():
    assert encode(Inner(258, True)) == bytes.fromhex("000000000000010201")
    assert encode(OUTER)[:9] == b"\x00\x00\x00\x05" + "één".encode()


@given(st.binary(max_size=200))
@pytest.mark.clause("ENC-2")
def test_bytes_that_can_be_read_are_the_only_encoding_of_what_was_read(data):
    try:
        value = decode(Outer, data)
    except ValueError:
        return
    assert encode(value) == data


@given(st.integers(0, len(encode(OUTER)) - 1), st.integers(1, 255))
def test_a_changed_byte_gives_another_value_or_none(at, change):
    data = bytearray(encode(OUTER))
    data[at] ^= change
    with contextlib.suppress(ValueError):
        assert decode(Outer, bytes(data)) != OUTER


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encode(OUTER) + b"\x00", id="left-over"),
        pytest.param(encode(OUTER)[:-1], id="cut-short"),
        pytest.param(b"", id="nothing"),
        pytest.param(encode(OUTER)[:-1] + b"\x02", id="truth-of-two"),
        pytest.param(b"\xff\xff\xff\xff" + encode(OUTER)[4:], id="huge-length"),
    ],
)
@pytest.mark.clause("ENC-2")
def test_bytes_that_do_not_fit_are_refused(data):
    with pytest.raises(ValueError, match=r"."):
        decode(Outer, data)


def test_a_million_promised_elements_cost_nothing():
    @dataclass(frozen=True)
    class Many:
        numbers: Annotated[tuple[int, ...], Size(0, 10**9)]

    with pytest.raises(ValueError, match="elements"):
        decode(Many, (10**6).to_bytes(4, "big"))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(Inner(-1, True), id="negative"),
        pytest.param(Inner(2**63, True), id="too-large"),
        pytest.param(Outer("", bytes(32), Colour.RED, None, (), None), id="empty-name"),
        pytest.param(Outer("a", bytes(31), Colour.RED, None, (), None), id="short-key"),
        pytest.param(Outer("a", bytes(32), Colour.RED, None, (Inner(1, True),) * 4, None), id="too-many"),
        pytest.param(Outer("a", bytes(32), Colour.RED, datetime(2026, 1, 1), (), None), id="no-time-zone"),  # noqa: DTZ001
    ],
)
def test_a_value_outside_its_type_is_not_written(value):
    with pytest.raises(ValueError, match=r"."):
        encode(value)
