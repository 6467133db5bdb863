"""Intake: one person moves little, whatever the rows hold, and nothing in them stops it."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from node import intake, mapping, source
from samentel.documents import programme as programmes
from samentel.documents.populations import Records
from samentel.documents.roster import Institution
from samentel.errors import DocumentError, LocalFault
from samentel.ids import Period

HEADER = "nr;datum;geboren;geslacht;aanleiding"
YEAR = Period(2025)
NOBODY = intake.Memory(lambda number: number.encode(), frozenset())
HERE = Institution(node="a", name="A", operator="A", type="VO_MO", province="PV26", protocol_key="0" * 64)


class House:
    """An export and its mapping, on disk."""

    def __init__(self, kit, path):
        self.kit, self.path = kit, path
        (path / "mapping.toml").write_text(kit.MAPPING)

    def programme(self, period_kind="year", **values):
        return programmes.parse(self.kit.programme_text(period=period_kind, **values))

    @staticmethod
    def taken(held, programme, period=YEAR):
        return intake.taken(held, programme, period, HERE, NOBODY)

    def codes(self, lines, period=YEAR, **values):
        data = lines if isinstance(lines, bytes) else "\n".join([HEADER, *lines]).encode()
        (self.path / "export.csv").write_bytes(data)
        return self.taken(mapping.load(self.path / "mapping.toml"), self.programme(**values), period).codes

    def cells(self, lines, **values):
        """What is counted: by table, how often each cell."""
        codes = self.codes(lines, **values)
        return {table: Counter(cells.tolist()) for table, cells in codes.cells.items()}


@pytest.fixture(scope="module")
def house(kit, tmp_path_factory):
    return House(kit, tmp_path_factory.mktemp("house"))


words = st.sampled_from(
    [
        "vrouw",
        "MAN",
        " man ",
        "?",
        "",
        "huiselijk",
        "niet gevraagd",
        "x;y",
        'a"b',
        '"',
        '"v"',
        "é",
        "\ufeffman",
    ]
)
dates = st.sampled_from(
    [
        "2025-01-05",
        "31-12-2025",
        "2025-06-30",
        "2024-01-01",
        "",
        "gisteren",
        "2025-02-30",
        "0001-01-01",
        "\ufeff2025-05-05",
    ]
)
rows = st.tuples(dates, dates, words, words).map(";".join)
people = st.dictionaries(
    st.sampled_from(["A", "\ufeffA", "B", "C", "D", " E ", "F"]), st.lists(rows, max_size=4), max_size=6
)
PERIODS = st.sampled_from(["year", "quarter"])


def lines_of(persons):
    return [f"{person};{row}" for person, its in persons.items() for row in its]


@settings(deadline=None, max_examples=100)
@given(
    persons=people,
    changed=st.lists(rows, max_size=4),
    k=st.integers(1, 3),
    kind=PERIODS,
    number=st.sampled_from(["Z", "\ufeffZ"]),
    first=st.booleans(),
)
@example(  # a mark that a reader drops where its buffer starts, and nowhere else
    persons={"\ufeffA": ["2025-05-05;;;"], "A": ["2025-05-05;;;"]},
    changed=["2025-05-05;;;"],
    k=1,
    kind="year",
    number="Z",
    first=True,
)
def test_whatever_one_person_s_rows_are_each_table_moves_by_at_most_k_rows(
    house, persons, changed, k, kind, number, first
):
    period = YEAR if kind == "year" else Period(2025, 2)
    base = counted(house, persons, period, k, kind)
    everyone = {number: changed, **persons} if first else {**persons, number: changed}
    other = counted(house, everyone, period, k, kind)
    for table, count in base.items():
        removed, added = count - other[table], other[table] - count
        assert sum(removed.values()) == 0
        assert sum(added.values()) <= k


def counted(house, persons, period, k, kind):
    codes = house.codes(lines_of(persons), period, rows=k, period_kind=kind)
    return {table: Counter(cells.tolist()) for table, cells in codes.cells.items()}


@settings(deadline=None, max_examples=100)
@given(
    persons=people, junk=st.lists(st.text(alphabet='A;"\t é\0', max_size=20), max_size=5), k=st.integers(1, 2)
)
def test_lines_that_belong_to_nobody_move_no_table(house, persons, junk, k):
    broken = [f";{line}" for line in junk]  # no person's number, and any number of fields
    base = counted(house, persons, YEAR, k, "year")
    codes = house.codes([*lines_of(persons), *broken], YEAR, rows=k)
    assert {table: Counter(cells.tolist()) for table, cells in codes.cells.items()} == base


@settings(deadline=None, max_examples=60)
@given(persons=people, seed=st.integers(0, 1000))
def test_the_order_of_the_export_does_not_matter(house, persons, seed):
    lines = lines_of(persons)
    shuffled = random.Random(seed).sample(lines, len(lines))
    for rows_per_person in (1, 2):
        one, two = (house.codes(some, YEAR, rows=rows_per_person) for some in (lines, shuffled))
        for table in one.cells:
            assert one.cells[table].tolist() == two.cells[table].tolist()


@settings(deadline=None, max_examples=150)
@given(data=st.binary(max_size=200))
def test_no_bytes_whatever_stop_intake(house, data):
    codes = house.codes(HEADER.encode() + b"\n" + data, YEAR)
    assert all(len(cells) <= data.count(b"\n") + data.count(b"\r") + 1 for cells in codes.cells.values())


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"", id="header-without-line-end"),
        pytest.param(b"\n", id="header-only"),
        pytest.param(b"\n;;;;\n;;;;\n", id="empty-lines-of-a-spreadsheet"),
        pytest.param(b"\n\n \n\t\n", id="blank-lines"),
    ],
)
def test_an_export_without_clients_has_zero_rows(house, rest):
    codes = house.codes(HEADER.encode() + rest)
    assert all(len(cells) == 0 for cells in codes.cells.values())


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"K1;2025-02-03;;;", id="nothing-known"),
        pytest.param(b"K1;;;;", id="not-even-a-date"),
        pytest.param(b"K1;2025-02-03;\xff\xfe;\xff;\xff", id="undecodable"),
        pytest.param(b"K1;2025-02-03;\0;\0;\0", id="nul"),
        pytest.param(b"K1;2025-02-03;2090-01-01;?;?", id="born-after-first-contact"),
        pytest.param(b"K1;2025-02-03;1801-01-01;?;?", id="born-too-long-ago"),
    ],
)
def test_a_row_that_cannot_be_read_counts_as_unknown_everywhere(house, line):
    codes = house.codes(HEADER.encode() + b"\n" + line + b"\n")
    assert [codes.cells["reason"].tolist(), codes.cells["sex_age"].tolist()] == [[3], [8]]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"K1", id="short"),
        pytest.param(b"K1;;;;;;;;;", id="long"),
        pytest.param(b'K1;2025-02-03;;"open;', id="open-quote"),
        pytest.param(b";2025-02-03;1990-01-01;vrouw;huiselijk", id="no-number"),
        pytest.param(b" ;2025-02-03;1990-01-01;vrouw;huiselijk", id="blank-number"),
    ],
)
def test_a_line_of_which_nobody_can_tell_whose_it_is_does_not_count(house, line):
    codes = house.codes(HEADER.encode() + b"\n" + line + b"\n")
    assert [codes.cells["reason"].tolist(), codes.cells["sex_age"].tolist()] == [[], []]


def test_a_stray_quote_of_one_person_leaves_all_others_as_they_were(house):
    others = [f"K{number};2025-02-03;1990-01-01;vrouw;huiselijk" for number in range(5)]
    broken = 'Z;2025-02-03;"1990-01-01;vrouw;huiselijk'
    assert house.cells([*others, broken])["reason"] == Counter({1: 5})
    assert house.cells([broken, *others])["reason"] == Counter({1: 5})


def test_words_are_compared_without_blanks_and_capitals(house):
    assert house.cells(["K1;2025-02-03;; VROUW ;Seksuele Uitbuiting"])["reason"] == Counter({0: 1})


def test_an_empty_cell_has_the_code_that_the_mapping_gives_it(house):
    assert house.cells(["K1;2025-02-03;;;"])["reason"] == Counter({3: 1})


@pytest.mark.parametrize(
    ("born", "level"),
    [
        pytest.param("2007-06-15", 1, id="eighteen-on-the-day"),
        pytest.param("2007-06-16", 0, id="seventeen-the-day-before"),
        pytest.param("2025-06-16", 2, id="not-born-yet"),
        pytest.param("2025-06-15", 0, id="born-that-day"),
        pytest.param("1904-06-15", 2, id="older-than-any-band"),
        pytest.param("", 2, id="not-recorded"),
    ],
)
def test_an_age_is_whole_years_at_first_contact(house, born, level):
    assert house.cells([f"K1;2025-06-15;{born};vrouw;"])["sex_age"] == Counter({level: 1})


@pytest.mark.parametrize(
    ("period", "counted_rows"),
    [(Period(2025), 2), (Period(2024), 1), (Period(2025, 1), 1), (Period(2025, 2), 0), (Period(2024, 1), 0)],
)
def test_a_row_without_a_date_counts_in_every_year_and_in_no_quarter(house, period, counted_rows):
    lines = ["K1;2025-02-03;;;", "K2;onbekend;;;"]
    codes = house.codes(lines, period, period_kind=period.kind)
    assert len(codes.cells["reason"]) == counted_rows


def test_a_person_is_in_one_quarter_of_a_year_only(house):
    lines = ["K1;2025-02-03;;;", "K1;2025-05-03;;;", "K1;2025-08-03;;;"]
    rows_of = [
        len(house.codes(lines, Period(2025, q), period_kind="quarter").cells["reason"]) for q in (1, 2, 3, 4)
    ]
    assert rows_of == [1, 0, 0, 0]


def test_of_two_rows_the_earlier_one_counts(house):
    lines = ["K1;2025-05-03;;;huiselijk", "K1;2025-02-03;;;seksuele uitbuiting", " K1 ;;;;"]
    assert house.cells(lines)["reason"] == Counter({0: 1})


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(house, ending, mark):
    text = ending.join(
        [HEADER, "K1;2025-02-03;1990-01-01;vrouw;huiselijk", 'K2;"2025-02-03";;"man";"niet ""gevraagd"""']
    )
    codes = house.codes(mark + text.encode())
    assert codes.cells["reason"].tolist() == [1, 3]


def test_a_byte_order_mark_inside_an_export_makes_a_field_unreadable_and_a_number_nobodys(house):
    lines = [HEADER, "\ufeffK1;2025-02-03;;;huiselijk", "K1;\ufeff2025-02-03;;;\ufeffhuiselijk", "\ufeff"]
    assert house.cells("\n".join(lines).encode())["reason"] == Counter({3: 1})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(b"12\xff", b"12\xfe", id="undecodable"),
        pytest.param(b"12\0", b"12\xff", id="nul"),
        pytest.param("12\ufeff".encode(), b"12", id="mark"),
        pytest.param(b"J\xe9", b"J\xe8", id="of-another-encoding"),
    ],
)
def test_two_numbers_that_cannot_be_read_never_become_one_person(house, one, other):
    before = house.cells(HEADER.encode() + b"\n" + other + b";2025-03-01;1990-01-01;vrouw;huiselijk\n")
    row = b";2025-02-01;1950-01-01;man;niet gevraagd\n"
    after = house.cells(
        HEADER.encode() + b"\n" + one + row + other + b";2025-03-01;1990-01-01;vrouw;huiselijk\n"
    )
    for table, counts in before.items():
        assert not counts - after[table]


def test_quoted_and_bare_rows_mean_the_same(house):
    bare = ["K1;2025-02-03;1990-01-01;vrouw;huiselijk"]
    quoted = ['"K1";"2025-02-03";"1990-01-01";"vrouw";"huiselijk"']
    assert house.cells(bare) == house.cells(quoted)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "is empty", id="no-bytes"),
        pytest.param(b"geheim;geheim\n", "has no column", id="other-columns"),
        pytest.param(HEADER.encode() + b";nr\n", "more than one column", id="a-column-twice"),
    ],
)
def test_an_export_that_is_no_export_is_a_fault_that_quotes_nothing(house, data, says):
    with pytest.raises(LocalFault, match=says) as caught:
        house.codes(data)
    assert "geheim" not in str(caught.value)


def test_a_missing_export_is_a_fault(house):
    house.codes([])
    (house.path / "export.csv").unlink()
    with pytest.raises(LocalFault, match="cannot be read"):
        house.taken(mapping.load(house.path / "mapping.toml"), house.programme())


def test_a_mapping_that_names_codes_of_no_dimension_does_not_answer_the_programme(house, kit):
    path = house.path / "other.toml"
    path.write_text(kit.MAPPING.replace('"HG"', '"XYZ"').replace('reason = "NREC"', 'reason = "ABC"'))
    with pytest.raises(DocumentError) as caught:
        house.taken(mapping.load(path), house.programme())
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["codes.reason", "blank.reason"]


def test_every_line_that_polars_takes_is_split_as_the_csv_module_would(house, monkeypatch):
    text = [
        HEADER,
        *(f'K{n};2025-02-03;"1990-01-0{n}";vrouw;"huiselijk"' for n in range(1, 9)),
        'K9;;"a;b";"";',
    ]
    quick = house.cells("\n".join(text).encode())
    monkeypatch.setattr(source, "_quick", lambda *_: None)
    assert house.cells("\n".join(text).encode()) == quick


def test_exact_codes_do_not_show_in_their_repr(house):
    codes = house.codes(["K1;2025-02-03;1990-01-01;vrouw;huiselijk"])
    assert repr(codes) == "Codes(<tables reason, sex_age>)"
    export = source.read(mapping.load(house.path / "mapping.toml"))[Records.CLIENTS]
    assert export.persons(np.array([0])) == ["K1"]
    assert "K1" not in repr(export)
