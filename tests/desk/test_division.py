import tomllib
from fractions import Fraction

import pytest

from desk.packaged import packaged
from desk.planning import division
from samentel.documents import programme as programmes
from samentel.errors import DocumentError


@pytest.fixture(scope="module")
def national():
    return programmes.parse(packaged("registratie-2025"))


def test_the_lines_are_ready_for_a_programme_and_add_up_to_one(national):
    found = division.best(national)
    read = {}
    for line in division.lines(found)[: len(national.tables)]:
        name, entry = line.split(maxsplit=1)
        read[name] = Fraction(tomllib.loads(entry)["rho_share"])
    assert read == dict(found.shares)
    assert sum(read.values()) == 1
    values = division.as_values(found)
    assert values["shares"]["facility"] == division.written(found.shares["facility"])
    assert values["objective"] - values["gap"] <= values["objective"]
    assert values["bound"] <= values["objective"]


@pytest.mark.parametrize(
    ("share", "text"), [(Fraction(1, 4), "2500/10000"), (Fraction(0), "0"), (Fraction(1), "10000/10000")]
)
def test_shares_are_written_over_one_number(share, text):
    assert division.written(share) == text


def test_new_shares_change_their_lines_and_nothing_else(national):
    before = packaged("registratie-2025")
    shares = {table.id: Fraction(number + 1, 10_000) for number, table in enumerate(national.tables)}
    after = division.put_into(before, shares, "p.toml")
    changed = programmes.parse(after)
    assert {table.id: table.rho_share for table in changed.tables} == shares
    lines = zip(before.decode().splitlines(), after.decode().splitlines(), strict=True)
    assert all(old.startswith("rho_share = ") for old, new in lines if old != new)
    assert division.put_into(after, shares, "p.toml") == after


def test_remarks_other_quotes_and_line_ends_stay():
    data = (
        b"[[tables]]\r\n id = 'a'\r\n rho_share = '1/2'  # half\r\n"
        b'[[tables]]\r\nid = "b"\r\nrho_share = 0\r\n'
    )
    after = division.put_into(data, {"a": Fraction(1, 10), "b": Fraction(9, 10)}, "p.toml")
    assert after == (
        b"[[tables]]\r\n id = 'a'\r\n rho_share = \"1000/10000\"  # half\r\n"
        b'[[tables]]\r\nid = "b"\r\nrho_share = "9000/10000"\r\n'
    )


def test_the_id_of_a_dimension_is_no_table(national):
    data = b'[[tables]]\nid = "a"\n[[dimensions]]\nid = "reason"\nrho_share = "1/2"\n'
    with pytest.raises(DocumentError, match=r"tables\.reason: has no rho_share here"):
        division.put_into(data, {"reason": Fraction(1)}, "p.toml")


def test_a_share_above_its_id_is_not_taken_for_that_of_the_table_before():
    data = b'[[tables]]\nid = "a"\nrho_share = "1"\n[[tables]]\nrho_share = "0"\nid = "b"\n'
    assert division.put_into(data, {"a": Fraction(1, 2)}, "p.toml").endswith(data.partition(b'"1"\n')[2])
    with pytest.raises(DocumentError, match=r"tables\.b"):
        division.put_into(data, {"a": Fraction(1, 2), "b": Fraction(1, 2)}, "p.toml")


def test_a_file_without_some_table_is_refused_with_its_name(national):
    with pytest.raises(DocumentError, match=r"(?s)p\.toml.*tables\.b: has no rho_share here to write"):
        division.put_into(
            b'[[tables]]\nid = "a"\nrho_share = "1"\n', {"a": Fraction(1), "b": Fraction(0)}, "p.toml"
        )


def test_what_is_no_text_is_said():
    with pytest.raises(DocumentError, match="not UTF-8"):
        division.put_into(b"\xff", {}, "p.toml")


def test_a_file_without_tables_is_said_to_be_no_programme():
    with pytest.raises(DocumentError) as caught:
        division.put_into(b"node,name,type\n", {"clients": Fraction(1)}, "roster.csv")
    assert caught.value.problems == (
        "is no programme, nor its part with tables: there is no [[tables]] in it",
    )
