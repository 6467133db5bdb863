from datetime import UTC, datetime

import pytest

from samentel.errors import DocumentError
from samentel.ids import DIGEST, NODE_ID, Digest, Period, digest, round_id


def test_a_digest_is_sha_256_in_lower_case() -> None:
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("text", ["2025", "2000", "2099", "2025Q1", "2025Q4"])
def test_a_period_reads_back_as_it_was_written(text: str) -> None:
    assert str(Period.parse(text)) == text
    assert Period.parse(text).kind == ("quarter" if "Q" in text else "year")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1999",
        "2100",
        "25",
        "2025Q0",
        "2025Q5",
        "2025q1",
        "2025Q11",
        " 2025",
        "2025\n",
        "2025-Q1",
        "２０２５",
        "20२5",
    ],
)
def test_anything_else_is_not_a_period(text: str) -> None:
    with pytest.raises(DocumentError, match="write a year such as 2025"):
        Period.parse(text)


def test_a_long_wrong_period_is_not_repeated_in_full() -> None:
    with pytest.raises(DocumentError) as caught:
        Period.parse("9" * 10_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2025", (2026, 1, 1)),
        ("2025Q1", (2025, 4, 1)),
        ("2025Q2", (2025, 7, 1)),
        ("2025Q3", (2025, 10, 1)),
        ("2025Q4", (2026, 1, 1)),
    ],
)
def test_a_period_ends_at_the_first_moment_after_it(text: str, end: tuple[int, int, int]) -> None:
    assert Period.parse(text).end == datetime(*end, tzinfo=UTC)


def test_every_month_lies_in_its_year_and_in_exactly_one_quarter() -> None:
    for month in range(1, 13):
        assert Period(2025).holds(2025, month)
        assert [quarter for quarter in range(1, 5) if Period(2025, quarter).holds(2025, month)] == [
            (month + 2) // 3
        ]
        assert not Period(2025).holds(2024, month)
        assert not any(Period(2025, quarter).holds(2026, month) for quarter in range(1, 5))


def test_a_round_id_depends_on_each_of_its_parts() -> None:
    programme, nonce = Digest("a" * 64), bytes(32)
    ids = {
        round_id(programme, Period(2025), 1, nonce),
        round_id(Digest("b" * 64), Period(2025), 1, nonce),
        round_id(programme, Period(2025, 1), 1, nonce),
        round_id(programme, Period(2025), 2, nonce),
        round_id(programme, Period(2025), 1, bytes(31) + b"\x01"),
    }
    assert len(ids) == 5
    assert all(DIGEST.fullmatch(name) for name in ids)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_nonce_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        round_id(Digest("a" * 64), Period(2025), 1, bytes(length))


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("a", True),
        ("a-b", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("-a", False),
        ("a-", False),
        ("A", False),
    ],
)
def test_a_node_id_is_a_dns_label(name: str, good: bool) -> None:
    assert (NODE_ID.fullmatch(name) is not None) is good
