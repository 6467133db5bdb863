"""Reading exports and the mapping file: a line is a row, however it is read; every mistake has its place."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from desk.packaged import packaged
from node import form, intake, lines, mapping, source
from samentel.documents import programme as programmes
from samentel.documents.populations import Records
from samentel.documents.roster import Institution
from samentel.errors import DocumentError, LocalFault
from samentel.ids import Period

YEAR = Period(2025)
MAPPING = """
[file]
path = "clients.csv"
delimiter = "{delimiter}"
quote = '{quote}'
encoding = "{encoding}"
[columns]
person = "nr"
first_contact = "datum"
"""
NOBODY = intake.Memory(lambda number: number.encode(), frozenset())
HOUSE = Institution(
    node="a",
    name="A",
    operator="A",
    type="VO_MO",
    province="PV26",
    facilities=("VO_MO",),
    protocol_key="0" * 64,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("place")


def one_by_one(data, held):
    """The rows as the csv module reads each line by itself."""
    written = held.sheets[0].form
    text = form.normal(data, written)
    header, end = form.header(text, held.sheets[0])
    width = len(form.names(header, written))
    at = form.places(held.sheets[0], form.names(header, written))
    found = [form.split(line, written) for line in text[end:].decode().split("\n")]
    whole = [(row[at["nr"]].strip(), row[at["datum"]]) for row in found if len(row) == width]
    return sorted(row for row in whole if row[0] and form.UNREADABLE not in row[0])


@settings(deadline=None, max_examples=400)
@given(
    body=st.lists(st.text(alphabet='ab;"é\t \r\0', max_size=12), max_size=8).map("\n".join),
    quote=st.sampled_from(['"', "b", ""]),
    encoding=st.sampled_from(["utf-8", "cp1252", "latin-1"]),
)
@example(body='a;"";a\n"a";"b;""b";\n"""a""";;\n', quote='"', encoding="utf-8")
@example(body='a;b;"c\nd";e;f\n"";;\n', quote='"', encoding="utf-8")
@example(body='a;"b"c;d\na;b"c;d\na;"b;c\n', quote='"', encoding="utf-8")
def test_lines_read_together_are_what_they_are_one_by_one(place, body, quote, encoding):
    data = f"nr;x;datum\n{body}".encode(encoding)
    (place / "clients.csv").write_bytes(data)
    (place / "mapping.toml").write_text(MAPPING.format(delimiter=";", quote=quote, encoding=encoding))
    held = mapping.load(place / "mapping.toml")
    rows = source.read(held)[Records.CLIENTS].rows
    assert sorted(rows.select("person", "first_contact").iter_rows()) == one_by_one(data, held)


def test_regular_lines_are_read_together_and_only_odd_ones_apart():
    body = b'a;b\n"a";"b;c"\n\n;\nodd\n"x;y\na;"b"c\n"a""b";"b"'
    regular, odd = lines.sorted_out(body, ";", '"', 2)
    assert regular == b'a;b\n"a";"b;c"\n;\n"a""b";"b"\n'
    assert odd == [b"odd", b'"x;y', b'a;"b"c']


def test_lines_without_a_number_are_counted_apart_from_empty_and_broken_ones(place):
    (place / "clients.csv").write_text("nr;x;datum\nK1;;\n;;\n;;2025\n ; ;\nkapot\nK2;;\n\n")
    (place / "mapping.toml").write_text(MAPPING.format(delimiter=";", quote='"', encoding="utf-8"))
    export = source.read(mapping.load(place / "mapping.toml"))[Records.CLIENTS]
    assert (len(export), export.nobody, export.broken) == (2, 1, 1)


def test_a_file_that_two_kinds_of_records_share_has_its_broken_lines_told_once(place):
    text = (
        MAPPING.format(delimiter=";", quote='"', encoding="utf-8")
        + '[victims]\ncolumns = { person = "nr" }\n'
    )
    (place / "clients.csv").write_text("nr;x;datum\nK1;;\nkapot\n;;2025\n")
    (place / "mapping.toml").write_text(text)
    exports = source.read(mapping.load(place / "mapping.toml"))
    assert [exports[kind].broken for kind in (Records.CLIENTS, Records.VICTIMS)] == [1, 0]
    assert [exports[kind].nobody for kind in (Records.CLIENTS, Records.VICTIMS)] == [1, 1]


# The mapping file.

WRONG = """
[file]
path = "clients.csv"
[columns]
person = "nr"
first_contact = "datum"
[victims]
file = { path = "victims.csv", delimiter = ";;", dates = ["%d"] }
columns = { first_contact = "datum", hobby = "x" }
[requests]
columns = { person = "nr" }
[placements]
columns = { person = "nr", placed = "datum" }
[codes.via]
a = "FIRST"
[blank]
exit = "X"
"""


def test_every_mistake_is_told_at_once_with_its_place(tmp_path):
    (tmp_path / "mapping.toml").write_text(WRONG)
    with pytest.raises(DocumentError) as caught:
        mapping.load(tmp_path / "mapping.toml")
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "victims.file.delimiter",
        "victims.file.dates.0",
        "victims.columns.hobby",
        "victims.columns.person",
        "requests.columns.requested",
        "codes.via",
        "blank.exit",
    ]


def test_words_of_only_are_a_list_that_is_not_empty(tmp_path):
    text = MAPPING.format(delimiter=";", quote='"', encoding="utf-8")
    text += '[victims]\ncolumns = { person = "nr" }\nonly = { a = [] }\n'
    (tmp_path / "mapping.toml").write_text(text)
    with pytest.raises(DocumentError, match=r"victims\.only\.a"):
        mapping.load(tmp_path / "mapping.toml")


SECTION = """
[victims]
file = {{ path = "victims.csv" }}
columns = {{ person = "{person}" }}
only = {{ {only} = ["ja"] }}
"""


@pytest.mark.parametrize(
    ("head", "person", "only", "says"),
    [
        pytest.param(None, "nr", "mh", r"victims\.file\.path", id="no-file"),
        pytest.param("nr;mh", "nummer", "mh", r"victims\.columns\.person", id="no-column"),
        pytest.param("nr;mh", "nr", "handel", r'victims\.only\."handel"', id="no-column-of-words"),
        pytest.param("nr;mh;mh", "nr", "mh", r"more than one column 'mh'", id="a-column-of-words-twice"),
        pytest.param("nr,mh", "nr", "mh", r'victims\.file\.delimiter = ","', id="another-delimiter"),
    ],
)
def test_what_is_wrong_with_another_file_is_told_with_its_place(tmp_path, head, person, only, says):
    text = MAPPING.format(delimiter=";", quote='"', encoding="utf-8")
    (tmp_path / "mapping.toml").write_text(text + SECTION.format(person=person, only=only))
    (tmp_path / "clients.csv").write_text("nr;datum\n")
    if head is not None:
        (tmp_path / "victims.csv").write_text(f"{head}\nK1;geheim\n")
    for look in (form.inspect, lambda path: source.read(mapping.load(path))):
        with pytest.raises(LocalFault, match=says) as caught:
            look(tmp_path / "mapping.toml")
        assert "geheim" not in str(caught.value)


# A mapping against the programmes that come with this software.

NATIONAL = """
[file]
path = "clients.csv"
[columns]
person = "nr"
first_contact = "datum"
sex = "sekse"
form = "vorm"
facility = "plek"
[victims]
columns = { person = "nr" }
[codes.sex]
v = "F"
[codes.form]
bedelen = "BEG"
"""


@pytest.fixture(scope="module")
def national():
    return programmes.parse(packaged("registratie-2025"))


def held_at(path, text):
    (path / "mapping.toml").write_text(text)
    return mapping.load(path / "mapping.toml")


def test_codes_are_those_of_the_finest_dimension(tmp_path, national):
    assert mapping.misfits(held_at(tmp_path, NATIONAL), national) == []
    coarse = NATIONAL.replace('"F"', '"XU"').replace('"BEG"', '"CRIMINAL"')
    problems = mapping.misfits(held_at(tmp_path, coarse), national)
    assert [problem.split(":")[0] for problem in problems] == ["codes.form", "codes.sex"]


def test_dimensions_without_a_column_are_those_that_some_record_asks(tmp_path, national):
    missing = mapping.unmapped(held_at(tmp_path, NATIONAL), national)
    assert {"reason", "age", "citizenship", "nationality"} <= set(missing)
    assert not {"organisation", "sex-three", "form-five", "refusal", "outcome-five", "facility"} & set(
        missing
    )


@pytest.mark.parametrize(
    "name", ["registratie-2025", "registratie-demo", "aanleiding-demo", "aanleiding-samen"]
)
def test_every_packaged_programme_can_be_taken_in(tmp_path, name):
    (tmp_path / "clients.csv").write_text(
        "nr;datum;sekse;vorm;plek\nK1;2025-01-01;v;bedelen;COSM\nK2;2025-01-01;v;?;\n"
    )
    asked = programmes.parse(packaged(name))
    found = intake.taken(held_at(tmp_path, NATIONAL), asked, YEAR, HOUSE, NOBODY)
    lengths = {table.id: len(found.codes.cells[table.id]) for table in asked.measured}
    expected = {"clients": 2, "victims": 2, "requests": 0, "placements": 0}
    assert lengths == {table.id: expected.get(table.population, 0) for table in asked.measured}
