import time
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from samentel.documents.access import Endpoint, Invitation
from samentel.documents.envelope import seal
from samentel.documents.keys import SigningKey
from samentel.documents.model import (
    Exact,
    LongExact,
    Model,
    Moment,
    Name,
    NodeIdField,
    from_json,
    from_toml,
    to_bytes,
)
from samentel.documents.programme import MAX_CELLS, PAYLOAD_TYPE, Programme, parse, verify
from samentel.errors import DocumentError, PeerError
from samentel.ids import Period, digest

Toml = Callable[[dict[str, Any]], bytes]
Written = dict[str, Any]


def problems(written: Written, toml: Toml) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        parse(toml(written))
    return list(caught.value.problems)


def test_a_programme_says_what_its_author_wrote(programme: Programme) -> None:
    assert programme.rho == Fraction(1, 2)
    assert [programme.shape(table) for table in programme.tables] == [(3, 3), (5,), (5, 3)]
    assert [programme.cells(table) for table in programme.tables] == [9, 5, 15]
    assert programme.vector_length == 9 + 5 + 15 + 3
    assert [programme.rho_of(table) for table in programme.tables] == [
        Fraction(1, 4),
        Fraction(1, 8),
        Fraction(1, 8),
    ]
    assert [programme.dimension(name).banded for name in ("sex", "age")] == [False, True]
    assert programme.dimension("reason").index("R3") == 2
    assert programme.population("episodes").rows_per_person == 2
    assert programme.admits(Period(2025))
    assert not programme.admits(Period(2025, 1))


def test_its_digest_is_that_of_the_exact_bytes(written: Written, toml: Toml) -> None:
    data = toml(written)
    assert parse(data).digest == digest(data)
    assert parse(data + b"# a comment\n").digest == digest(data + b"# a comment\n") != digest(data)


def put(*path: str | int) -> Callable[[Written, Any], None]:
    def change(written: Written, value: Any) -> None:
        place: Any = written
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


MISTAKES = [
    (put("rho"), 0.5, "rho: write an exact number"),
    (put("rho"), "0.5", "rho: write an exact number"),
    (put("rho"), "-1/2", 'rho: is less than 0; write 0 or more in quotes, such as "1/2"'),
    (put("tables", 0, "rho_share"), "-1/2", "tables.0.rho_share: is less than 0; write 0 or more"),
    (put("tables", 0, "weight"), "-3", "tables.0.weight: is less than 0; write 0 or more"),
    (put("tables", 0, "target_sd"), "-3", "tables.0.target_sd: is less than 0; write 0 or more"),
    (
        put("tables", 0, "target_sd"),
        "0",
        "tables.sex-age.target_sd: must be more than 0 persons; leave it out if nothing is sought",
    ),
    (put("rho"), "1/0", "rho: write an exact number"),
    (put("rho"), "1e3", "rho: write an exact number"),
    (put("rho"), "1" * 13, "rho: write an exact number"),
    (put("rho"), "1/2\n", "rho: write an exact number"),
    (put("rho"), "0", "rho: must be more than 0"),
    (put("rho"), "0/5", "rho: must be more than 0"),
    (put("delta"), "0", "delta: must lie between 0 and 1"),
    (put("delta"), "1", "delta: must lie between 0 and 1"),
    (put("version"), 0, "version: "),
    (put("version"), "3", "version: "),
    (put("version"), True, "version: "),
    (put("version"), 3.0, "version: "),
    (put("id"), "Reasons", "id: "),
    (put("id"), "a" * 49, "id: "),
    (put("id"), "a\n", "id: "),
    (put("mode"), "open", "mode: "),
    (put("period"), "month", "period: "),
    (put("period"), "year\n", "period: "),
    (put("max_attempts"), 6, "max_attempts: "),
    (put("tick_seconds"), 0, "tick_seconds: "),
    (put("contact"), "", "contact: "),
    (put("contact"), "a\x1b[2Jb", "contact: holds a control character"),
    (put("contact"), "a\nb", "contact: "),
    (put("title", "nl"), "a\u202eb", "title.nl: "),
    (put("extra"), 1, "extra: is not a key that is known here"),
    (put("tables", 0, "colour"), 1, "tables.0.colour: is not a key that is known here"),
    (put("roster", "institutions_min"), 2, "roster.institutions_min: "),
    (
        put("roster", "absent_max"),
        2,
        "roster: institutions_min - collude_max - absent_max must be at least 2",
    ),
    (
        put("roster", "collude_max"),
        1,
        "roster: institutions_min - collude_max - absent_max must be at least 2",
    ),
    (put("populations"), [], "populations: "),
    (put("populations", 0, "rows_per_person"), 0, "populations.0.rows_per_person: "),
    (put("populations", 0, "rows_per_person"), 9, "populations.0.rows_per_person: "),
    (put("tables", 1, "id"), "sex-age", "tables: the id sex-age stands twice"),
    (put("dimensions", 0, "codes"), [], "dimensions.0.codes: "),
    (put("dimensions", 0, "codes", 1, "code"), "M", "dimensions.sex: the code M stands twice"),
    (put("dimensions", 0, "codes", 1, "code"), "m|f", "dimensions.0.codes.1.code: "),
    (put("dimensions", 0, "unknown"), "X", "dimensions.sex.unknown: X is not one of its codes"),
    (put("dimensions", 1, "codes", 0, "bounds"), [0, 18], "dimensions.age: the bounds of its codes overlap"),
    (put("dimensions", 1, "codes", 0, "bounds"), [17, 0], "dimensions.age: the bounds of its codes overlap"),
    (
        put("dimensions", 1, "codes", 0, "bounds"),
        [0, 16],
        "dimensions.age: the bounds of its codes leave numbers out",
    ),
    (put("dimensions", 1, "codes", 0, "bounds"), [0, 10_001], "dimensions.1.codes.0.bounds.1: "),
    (put("dimensions", 1, "codes", 2, "bounds"), [0, 1], "dimensions.age: the unknown code has no bounds"),
    (
        put("dimensions", 0, "codes", 0, "bounds"),
        [0, 1],
        "dimensions.sex: every code but the unknown one needs",
    ),
    (put("tables", 0, "population"), "nobody", "tables.sex-age.population: there is no population nobody"),
    (
        put("tables", 0, "dimensions"),
        ["sex", "shoe"],
        "tables.sex-age.dimensions: there is no dimension shoe",
    ),
    (put("tables", 0, "dimensions"), ["sex", "sex"], "tables.sex-age.dimensions: sex stands twice"),
    (
        put("tables", 0, "rho_share"),
        "0",
        "tables.sex-age.rho_share: is 0, so it must follow from a table of persons that has "
        "its dimensions and more, and a share",
    ),
    (
        put("tables", 0, "rho_share"),
        "51/100",
        "tables: the rho_share of all tables adds up to 101/100, more than 1; lower some of them",
    ),
]


@pytest.mark.parametrize(
    ("change", "value", "said"), MISTAKES, ids=[f"{said}{value!r}" for _, value, said in MISTAKES]
)
def test_a_mistake_is_named_with_its_place(
    written: Written, toml: Toml, change: Callable[[Written, Any], None], value: Any, said: str
) -> None:
    change(written, value)
    found = problems(written, toml)
    assert len(found) == 1
    assert found[0].startswith(said)


@pytest.mark.parametrize("kind", ["populations", "dimensions"])
def test_an_id_stands_once(written: Written, toml: Toml, kind: str) -> None:
    first = written[kind][0]["id"]
    written[kind][1]["id"] = first
    assert f"{kind}: the id {first} stands twice" in problems(written, toml)


@pytest.mark.parametrize("key", ["id", "rho", "roster", "tables"])
def test_what_is_missing_is_named(written: Written, toml: Toml, key: str) -> None:
    del written[key]
    assert problems(written, toml) == [f"{key}: is missing"]


def test_all_wrong_fields_are_reported_at_once(written: Written, toml: Toml) -> None:
    written["rho"], written["version"], written["extra"] = 0.5, 0, 1
    assert [problem.partition(":")[0] for problem in problems(written, toml)] == ["version", "rho", "extra"]


def test_all_parts_that_do_not_fit_are_reported_at_once_and_apart(written: Written, toml: Toml) -> None:
    written["rho"] = "0"
    written["tables"][0]["population"] = "nobody"
    written["tables"][1]["rho_share"] = "3/4"
    written["dimensions"][0]["unknown"] = "X"
    assert problems(written, toml) == [
        "rho: must be more than 0",
        "dimensions.sex.unknown: X is not one of its codes",
        "tables.sex-age.population: there is no population nobody",
        "tables: the rho_share of all tables adds up to 3/2, more than 1; lower some of them",
    ]


def test_shares_may_add_up_to_exactly_one_or_less(written: Written, toml: Toml) -> None:
    for share in ("1/2", "1/999999999999"):
        written["tables"][0]["rho_share"] = share
        assert parse(toml(written)).rho_of(parse(toml(written)).tables[0]) == Fraction(1, 2) * Fraction(share)


def test_a_programme_has_a_most_cells_and_not_one_more(written: Written, toml: Toml) -> None:
    def wide(levels: int) -> dict[str, Any]:
        codes = [{"code": f"C{number}", "nl": "x", "en": "x"} for number in range(levels)]
        return {**written["dimensions"][0], "codes": codes, "unknown": "C0"}

    # 499 x 200 cells and a null cell, then a table of one dimension to fill up with.
    written["dimensions"] = [{**wide(499), "id": "a"}, {**wide(200), "id": "b"}, {**wide(197), "id": "c"}]
    table = {**written["tables"][0], "rho_share": "1/4"}
    written["tables"] = [
        {**table, "id": "ab", "dimensions": ["a", "b"]},
        {**table, "id": "c", "dimensions": ["c"]},
    ]
    assert parse(toml(written)).vector_length == MAX_CELLS - 1
    written["dimensions"][2] = {**wide(199), "id": "c"}
    assert problems(written, toml) == [
        f"tables: {MAX_CELLS + 1} cells together, the most is {MAX_CELLS}; leave tables out, or take codes "
        "together"
    ]


def test_some_table_matters(written: Written, toml: Toml) -> None:
    for table in written["tables"]:
        table["weight"] = "0"
    assert problems(written, toml) == [
        "tables: every weight is 0; give one table at least a weight of more than 0"
    ]
    written["tables"][1]["weight"] = "1/9"
    assert parse(toml(written)).tables[1].weight == Fraction(1, 9)


@pytest.mark.parametrize(
    ("members", "says"),
    [
        pytest.param(["M", "F", "X"], "take out X", id="strange"),
        pytest.param(["M"], "put F under one of its codes", id="left-out"),
        pytest.param(["M", "F", "M"], "leave M under one code only", id="twice"),
        pytest.param(
            ["X", "M", "M"], "put F under one of its codes; take out X; leave M under one code only", id="all"
        ),
    ],
)
def test_a_dimension_that_does_not_nest_in_another_says_which_codes(
    written: Written, toml: Toml, members: list[str], says: str
) -> None:
    fine = written["dimensions"][0]
    unknown = fine["unknown"]
    codes = [
        {"code": "KNOWN", "nl": "x", "en": "x", "members": members},
        {"code": "U", "nl": "x", "en": "x", "members": [unknown]},
    ]
    coarse = {**fine, "id": "coarse", "rolls_up": fine["id"], "unknown": "U", "codes": codes}
    written["dimensions"].append(coarse)
    assert problems(written, toml) == [
        f"dimensions.coarse: the members of its codes must be the codes of {fine['id']}, each once; {says}"
    ]


ODD_TOML = [
    pytest.param(b"\xff", "is not UTF-8 text", id="not utf-8"),
    pytest.param(b"rho = ", "cannot be read as TOML", id="no value"),
    pytest.param(b"id = 'a'\nid = 'b'", "cannot be read as TOML", id="key twice"),
    pytest.param(b"version = " + b"9" * 5000, "too long", id="long number"),
    pytest.param(b"version = 0x" + b"f" * 9000, "too long", id="long hexadecimal number"),
    pytest.param(b"version = 99999999999999999999999", "version: ", id="number past 64 bits"),
    pytest.param(b"tables = " + b"[" * 100_000, "cannot be read as TOML", id="deep array"),
    pytest.param(b".".join([b"a"] * 3000) + b" = 1", "too deep", id="deep key"),
    pytest.param(b"rho = nan", "rho: ", id="not a number"),
    pytest.param(b"version = inf", "version: ", id="infinite"),
    pytest.param(b"rho = 2025-01-01", "rho: ", id="date"),
    pytest.param(b"version = 2025-01-01T00:00:00Z", "version: ", id="moment"),
    pytest.param(b"delta = 07:32:00", "delta: ", id="time"),
    pytest.param(b"contact = 2025-02-30", "cannot be read as TOML", id="no such date"),
    pytest.param(b"tables = 5", "tables: ", id="number for tables"),
    pytest.param(b"title = 'x'", "title: ", id="text for a table"),
    pytest.param(b'contact = "\\ud800"', "cannot be read as TOML", id="half a letter"),
    pytest.param(b"'\x1b[2J' = 1", "", id="key that a terminal obeys"),
    pytest.param(b"'' = 1", "", id="empty key"),
]


@pytest.mark.parametrize(("data", "said"), ODD_TOML)
def test_odd_toml_is_a_document_error_soon_and_in_plain_words(data: bytes, said: str) -> None:
    start = time.perf_counter()
    with pytest.raises(DocumentError) as caught:
        parse(data)
    assert time.perf_counter() - start < 5
    assert any(said in problem for problem in caught.value.problems)
    assert str(caught.value).replace("\n", "").isprintable()


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_programme_and_no_traceback(data: bytes) -> None:
    with pytest.raises(DocumentError):
        parse(data)
    with pytest.raises(DocumentError):
        from_json(Programme, data, "programme")


@given(st.text(max_size=200))
def test_arbitrary_text_is_no_programme_and_no_traceback(text: str) -> None:
    with pytest.raises(DocumentError):
        parse(text.encode("utf-8", "replace"))


@pytest.fixture(scope="module")
def good() -> bytes:
    text = b'address = "host:50000"\ncoordinator_key = "' + b"a" * 64
    return text + b'"\nauthority = ["a.pem", "b.pem"]\nauthority_threshold = 2\n'


@given(data=st.data())
def test_damaged_documents_hold_or_are_a_document_error(data: st.DataObject, good: bytes) -> None:
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 6)))
    with suppress(DocumentError):
        from_toml(Endpoint, good[:start] + data.draw(st.binary(max_size=6)) + good[end:], "endpoint")


def test_a_programme_counts_only_once_the_authority_has_signed_it(
    written: Written, toml: Toml, keys: tuple[SigningKey, ...]
) -> None:
    data = toml(written)
    public = [key.public for key in keys[:2]]
    assert verify(seal(PAYLOAD_TYPE, data, *keys[:2]), public, 2).digest == digest(data)
    with pytest.raises(PeerError):
        verify(seal(PAYLOAD_TYPE, data, keys[0]), public, 2)
    with pytest.raises(PeerError):
        verify(seal("application/vnd.samentel.roster.v1+json", data, *keys[:2]), public, 2)
    with pytest.raises(PeerError, match="signatures needed"):
        verify(seal(PAYLOAD_TYPE, b"not even TOML \xff", keys[5]), public, 1)  # nothing is parsed before
    with pytest.raises(DocumentError):
        verify(seal(PAYLOAD_TYPE, b"not even TOML \xff", keys[0]), public, 1)


class Sample(Model):
    at: Moment | None = None
    name: Name | None = None
    node: NodeIdField | None = None
    exact: Exact | None = None
    long: LongExact | None = None


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "2025-01-01T00:00:00",
        "2025-01-01",
        "now",
        "",
    ],
)
def test_a_moment_needs_a_time_zone_and_a_year_that_exists(text: str) -> None:
    with pytest.raises(DocumentError, match="at: "):
        from_json(Sample, f'{{"at":"{text}"}}'.encode(), "sample")


def test_moments_are_kept_in_utc() -> None:
    sample = from_json(Sample, b'{"at":"2026-03-01T09:00:00+01:00"}', "sample")
    assert (
        to_bytes(sample)
        == b'{"at":"2026-03-01T08:00:00+00:00","exact":null,"long":null,"name":null,"node":null}'
    )


@given(st.fractions(min_value=0, max_value=1000, max_denominator=10**30))
def test_an_exact_number_reads_back_as_itself(value: Fraction) -> None:
    assert from_json(Sample, to_bytes(Sample(long=value)), "sample").long == value


@pytest.mark.parametrize("value", [Fraction(-1, 2), Fraction(1, 10**12), Fraction(10**12)])
def test_what_could_not_be_read_back_cannot_be_made(value: Fraction) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Exact).validate_python(value)
    assert TypeAdapter(Exact).validate_python(Fraction(1, 2)) == Fraction(1, 2)


def test_names_do_not_swallow_a_line_break_at_their_end() -> None:
    for field in ("node", "name"):
        with pytest.raises(DocumentError):
            from_json(Sample, f'{{"{field}":"abc\\n"}}'.encode(), "sample")


def test_an_invitation_does_not_show_its_key() -> None:
    data = (
        b'{"node":"opvang-1","name":"Opvang","operator":"Opvang","type":"COSM","province":"NL31",'
        b'"address":"localhost:1","root":"ROOT","key":"SECRET","certificate":"CERT",'
        b'"expires_at":"2026-03-01T08:00:00+00:00"}'
    )
    invitation = from_json(Invitation, data, "invitation")
    assert "SECRET" not in repr(invitation)
    assert "SECRET" not in str(invitation)
    assert b"SECRET" in to_bytes(invitation)
