"""Who registers what, stays with an end, contacts without a person, quarters in a year, waiting, near."""

from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node import intake, mapping
from samentel.documents import programme as programmes
from samentel.documents.roster import Institution
from samentel.errors import DocumentError
from samentel.ids import Period

YEAR = Period(2025)
KINDS = ("clients", "requests", "placements", "contacts")
CHANNELS = '{ field = "channel", channels = { COM = "MEDIATED", COSM = "DIRECT", OMM = "DIRECT" } }'
POPULATIONS = {  # id: records, counting, and what more is said
    "clients": ("clients", "inflow", 'of_quarters = "quarterly"'),
    "requests": ("requests", "inflow", f"registers = {CHANNELS}"),
    "placements": ("placements", "inflow", 'registers = { channels = { COSM = "PLACE" } }'),
    "departures": ("placements", "inflow", 'dated_by = "ended"'),
    "present": ("placements", "stock", 'reference_day = "12-31"'),
    "contacts": ("contacts", "inflow", ""),
}
DIMENSIONS = {  # id: field, unknown, codes with their bounds
    "reason": ("reason", "NREC", "THB HG NREC"),
    "age": ("age", "AUNK", "LT18:0-17 GE18:18-150 AUNK"),
    "waiting": ("waiting", "UNK", "W1:0-1 W7:2-7 W28:8-28 MORE:29-10000 UNK"),
    "near": ("near", "UNK", "SAME OTHER UNK"),
    "exit": ("exit", "UNK", "PLAN CL UNK"),
}
TABLES = {
    "clients": ("clients",),
    "requests": ("requests", "reason"),
    "placements": ("placements", "waiting"),
    "near": ("placements", "near"),
    "departures": ("departures", "exit", "age"),
    "present": ("present", "age"),
    "contacts": ("contacts", "reason"),
}
WORDS = 'title = { nl = "T", en = "T" }'
HEAD = f"""
id = "complete"
version = 1
contact = "Test"
mode = "secure-sum"
period = "year"
rho = "1/2"
delta = "1/1000000"
max_attempts = 2
tick_seconds = 0.05
{WORDS}
purpose = {{ nl = "T", en = "T" }}
[roster]
institutions_min = 3
"""


def code(text):
    name, _, bounds = text.partition(":")
    more = f", bounds = [{bounds.replace('-', ', ')}]" if bounds else ""
    return f'{{ code = "{name}", nl = "x", en = "x"{more} }}'


@cache
def programme(k=1, **changes):
    text = HEAD
    for name, (records, counting, more) in POPULATIONS.items():
        often = 1 if records == "contacts" else k
        text += f'[[populations]]\nid = "{name}"\nrecords = "{records}"\ncounting = "{counting}"\n{more}\n'
        text += f'rows_per_person = {often}\n{WORDS}\ndefinition = {{ nl = "T", en = "T" }}\n'
    for name, (field, unknown, codes) in DIMENSIONS.items():
        text += f'[[dimensions]]\nid = "{name}"\nfield = "{field}"\nunknown = "{unknown}"\n{WORDS}\n'
        text += f"codes = [{', '.join(map(code, codes.split()))}]\n"
    for name, (population, *dimensions) in TABLES.items():
        listed = ", ".join(f'"{one}"' for one in dimensions)
        text += f'[[tables]]\nid = "{name}"\npopulation = "{population}"\ndimensions = [{listed}]\n'
        text += f'rho_share = "1/10"\n{WORDS}\nquestion = {{ nl = "T", en = "T" }}\n'
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return programmes.parse(text.encode())


MAPPING = """
[file]
path = "clients.csv"
dates = ["%Y-%m-%d"]
[columns]
person = "nr"
first_contact = "contact"
birth_date = "geboren"
province = "woont"
reason = "aanleiding"
[requests]
file = { path = "requests.csv" }
columns = { person = "nr", requested = "gevraagd", channel = "via" }
[placements]
file = { path = "placements.csv" }
[placements.columns]
person = "nr"
placed = "van"
ended = "tot"
asked_on = "gevraagd"
exit = "reden"
[contacts]
file = { path = "contacts.csv" }
columns = { contacted = "dag", reason = "aanleiding" }
[codes.channel]
CoMensha = "MEDIATED"
zelf = "DIRECT"
[codes.reason]
mensenhandel = "THB"
geweld = "HG"
"""
HEADS = {
    "clients": "nr;contact;geboren;woont;aanleiding",
    "requests": "nr;gevraagd;via",
    "placements": "nr;van;tot;gevraagd;reden",
    "contacts": "dag;aanleiding",
}
SHELTER = Institution(
    node="a", name="A", operator="A", type="COSM", province="PV26", facilities=(), protocol_key="0" * 64
)


def memory(*counted):
    return intake.Memory(str.encode, (), {"quarterly": {one.encode() for one in counted}})


class Place:
    """An institution's mapping and exports, on disk."""

    def __init__(self, path, text=MAPPING, heads=HEADS):
        self.path, self.heads = path, heads
        (path / "mapping.toml").write_text(text)
        self.mapping = mapping.load(path / "mapping.toml")

    def take(self, asked=None, *, house=SHELTER, known=None, **files):
        """By table, how often each cell, named by its codes."""
        asked = asked or programme()
        for name, head in self.heads.items():
            (self.path / f"{name}.csv").write_text("\n".join([head, *files.get(name, [])]))
        taken = intake.taken(self.mapping, asked, YEAR, house, known or memory())
        return {table.id: named(asked, table, taken.codes.cells[table.id]) for table in asked.tables}


def named(asked, table, cells):
    counts = Counter()
    for cell in cells.tolist():
        codes = []
        for name in reversed(table.dimensions):
            cell, place = divmod(cell, len(asked.dimension(name).codes))
            codes.append(asked.dimension(name).codes[place].code)
        counts[" ".join(reversed(codes))] += 1
    return counts


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("kept"))


# Property tests.

days = st.sampled_from(["2025-01-05", "2025-06-30", "2025-12-31", "2024-07-01", "2026-01-01", "", "ooit"])
births = st.sampled_from(["1990-01-01", "2008-03-01", "?"])
provinces = st.sampled_from(["PV26", "PV20", "", "Utrecht"])
reasons = st.sampled_from(["mensenhandel", "Geweld", "?", ""])
channels = st.sampled_from(["comensha", "ZELF", "buurvrouw", ""])
exits = st.sampled_from(["PLAN", "cl", ""])


def lines(*cells):
    return st.lists(st.tuples(*cells).map(";".join), max_size=3)


ROWS = st.fixed_dictionaries(
    {
        "clients": lines(days, births, provinces, reasons),
        "requests": lines(days, channels),
        "placements": lines(days, days, days, exits),
    }
)
PERSONS = st.dictionaries(st.sampled_from(["A", "B", " C"]), ROWS, max_size=2)
CONTACTS = st.lists(st.tuples(days, reasons).map(";".join), max_size=4)
HOUSES = st.sampled_from([SHELTER.model_copy(update={"type": kind}) for kind in ("COSM", "COM", "AMB")])


def written(persons):
    return {
        kind: [f"{person};{row}" for person, rows in persons.items() for row in rows[kind]]
        for kind in KINDS
        if kind != "contacts"
    }


@settings(deadline=None, max_examples=35)
@given(persons=PERSONS, its=ROWS, edited=ROWS, contacts=CONTACTS, house=HOUSES, k=st.integers(1, 2))
def test_one_person_s_rows_move_each_table_by_at_most_k_and_no_contact(
    kept, persons, its, edited, contacts, house, k
):
    def counted(everyone):
        files = {**written(everyone), "contacts": contacts}
        return kept.take(programme(k), house=house, known=memory("A", "Z"), **files)

    without, one, other = counted(persons), counted({**persons, "Z": its}), counted({"Z": edited, **persons})
    for table in TABLES:
        for added in (one, other):
            assert not without[table] - added[table]
            assert (added[table] - without[table]).total() <= k
        assert (one[table] - other[table]).total() <= k
    assert without["contacts"] == one["contacts"] == other["contacts"]


@settings(deadline=None, max_examples=20)
@given(
    contacts=CONTACTS, before=st.tuples(days, reasons), after=st.tuples(days, reasons), at=st.integers(0, 4)
)
def test_one_contact_moves_a_table_by_one_and_no_other(kept, contacts, before, after, at):
    client = {"clients": ["A;2025-01-05;;;mensenhandel"]}

    def counted(*added):
        found = [*contacts[:at], *(";".join(one) for one in added), *contacts[at:]]
        return kept.take(known=memory("A"), contacts=found, **client)

    without, one, other = counted(), counted(before), counted(after)
    for table in TABLES:
        most = 1 if table == "contacts" else 0
        for added in (one, other):
            assert not without[table] - added[table]
            assert (added[table] - without[table]).total() <= most
        assert (one[table] - other[table]).total() <= most


# Registers.


@pytest.mark.parametrize(
    ("kind", "channels"),
    [
        pytest.param("COM", ["CoMensha", "buurvrouw", ""], id="mediator"),
        pytest.param("COSM", ["zelf", "buurvrouw", ""], id="shelter"),
        pytest.param("AMB", [], id="registers-none"),
    ],
)
def test_a_request_counts_where_its_channel_is_one_s_own_or_not_known(place, kind, channels):
    house = SHELTER.model_copy(update={"type": kind})
    for channel in ("CoMensha", "zelf", "buurvrouw", ""):
        found = place.take(house=house, requests=[f"K1;2025-03-01;{channel}"])
        assert found["requests"].total() == (channel in channels), channel


def test_one_request_that_a_mediator_and_two_shelters_note_counts_once(place):
    houses = [SHELTER.model_copy(update={"type": kind}) for kind in ("COM", "COSM", "OMM")]
    found = [place.take(house=house, requests=["K1;2025-03-01;comensha"])["requests"] for house in houses]
    assert [one.total() for one in found] == [1, 0, 0]


def test_a_row_of_another_channel_does_not_take_the_place_of_one_s_own(place):
    rows = ["K1;2025-02-01;comensha", "K1;2025-03-01;zelf"]
    found = place.take(clients=["K1;2025-01-01;;;geweld"], requests=rows)
    assert found["requests"] == {"HG": 1}


def test_without_a_table_of_codes_the_channels_themselves_are_read(tmp_path):
    place = Place(
        tmp_path,
        MAPPING.replace('CoMensha = "MEDIATED"\nzelf = "DIRECT"\n', "").replace("[codes.channel]", ""),
    )
    rows = ["K1;2025-02-01;mediated", "K2;2025-02-01;Direct"]
    assert place.take(requests=rows)["requests"].total() == 1


def test_a_channel_that_the_programme_does_not_have_is_named(tmp_path):
    place = Place(tmp_path, MAPPING.replace('"MEDIATED"', '"MEDIATE"'))
    with pytest.raises(DocumentError) as caught:
        place.take()
    assert "codes.channel: MEDIATE is geen code" in caught.value.problems[0]
    assert caught.value.problems[0].endswith("MEDIATED, DIRECT")


def test_an_institution_that_registers_none_takes_part_with_zeros(place):
    house = SHELTER.model_copy(update={"type": "OMM"})
    assert place.take(house=house, placements=["K1;2025-02-01;;;"])["placements"].total() == 0
    assert place.take(placements=["K1;2025-02-01;;;"])["placements"].total() == 1


# Stays with an end.


@pytest.mark.parametrize(
    ("row", "left", "there"),
    [
        pytest.param("2024-02-01;2025-06-01", 1, 0, id="left-in-the-year"),
        pytest.param("2025-02-01;", 0, 1, id="still-there"),
        pytest.param("2025-02-01;ooit", 0, 1, id="end-unreadable"),
        pytest.param("2025-02-01;2026-01-01", 0, 1, id="left-the-day-after"),
        pytest.param("2025-02-01;2025-12-31", 1, 0, id="left-on-the-day"),
        pytest.param("2025-12-31;", 0, 1, id="came-on-the-day"),
        pytest.param("2026-01-01;", 0, 0, id="came-the-day-after"),
        pytest.param("2019-01-01;", 0, 1, id="there-for-years"),
        pytest.param(";", 0, 0, id="nothing-known"),
        pytest.param(";2026-03-01", 0, 0, id="beginning-not-known"),
        pytest.param(";2025-03-01", 1, 0, id="only-the-end-known"),
        pytest.param("2025-03-01;2024-03-01", 0, 0, id="backwards"),
    ],
)
def test_who_left_in_a_year_and_who_was_there_on_the_day(place, row, left, there):
    found = place.take(placements=[f"K1;{row};;PLAN"])
    assert (found["departures"].total(), found["present"].total()) == (left, there)


def test_ages_are_those_at_the_end_and_on_the_reference_day(place):
    clients = ["K1;2025-01-01;2007-06-15;;", "K2;2025-01-01;2007-06-15;;"]
    rows = ["K1;2025-02-01;2025-07-01;;PLAN", "K2;2025-02-01;;;", "K2;2025-01-01;2025-03-01;;CL"]
    found = place.take(programme(2), clients=clients, placements=rows)
    assert found["departures"] == {"PLAN GE18": 1, "CL LT18": 1}
    assert found["present"] == {"GE18": 1}


def test_without_a_column_for_the_end_nobody_knows_who_is_there(tmp_path):
    place = Place(tmp_path, MAPPING.replace('ended = "tot"\n', ""))
    found = place.take(placements=["K1;2025-02-01;;;"])
    assert [found[name].total() for name in ("placements", "departures", "present")] == [1, 0, 0]


# Contacts.


def test_each_line_is_a_contact_and_so_are_those_that_are_alike(place):
    rows = [
        "2025-02-01;mensenhandel",
        "2025-02-01;mensenhandel",
        ";geweld",
        "ooit;",
        "2024-02-01;geweld",
        ";",
        " ; ",
    ]
    assert place.take(contacts=rows)["contacts"] == {"THB": 2, "HG": 1, "NREC": 1}


def test_lines_of_the_clients_file_are_contacts_where_they_have_no_number(tmp_path):
    place = Place(
        tmp_path,
        MAPPING.replace(
            'file = { path = "contacts.csv" }\ncolumns = { contacted = "dag", reason = "aanleiding" }',
            'columns = { contacted = "contact", reason = "aanleiding" }\nonly = { woont = ["chat"] }',
        ),
        {name: head for name, head in HEADS.items() if name != "contacts"},
    )
    rows = [
        ";2025-02-01;;chat;geweld",
        "K1;2025-02-01;;chat;mensenhandel",
        ";2025-02-01;;;geweld",
        ";;;Chat;",
    ]
    found = place.take(known=memory("K1"), clients=rows)
    assert (found["contacts"], found["clients"].total()) == ({"HG": 1, "NREC": 1}, 1)


def test_a_contact_has_no_number_and_needs_a_date(tmp_path):
    with pytest.raises(DocumentError) as caught:
        Place(tmp_path, MAPPING.replace('contacted = "dag"', 'person = "dag"'))
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "contacts.columns.contacted",
        "contacts.columns.person",
    ]


# The persons of quarters.


def test_a_year_of_quarters_counts_whom_they_counted_and_nobody_else(place):
    rows = ["K1;2025-02-01;;;", "K2;2025-02-01;;;", "K3;2024-02-01;;;", "K4;;;;"]
    found = place.take(known=memory("K1", "K3", "K4", "K9"), clients=rows)
    assert found["clients"].total() == 2  # K3 lies in another year by now
    assert place.take(clients=rows)["clients"].total() == 0
    other = intake.Memory(str.encode, (), {"another": {b"K1"}})
    assert place.take(known=other, clients=rows)["clients"].total() == 0


# Waiting, near.


@pytest.mark.parametrize(
    ("asked", "placed", "band"),
    [
        ("2025-02-28", "2025-03-01", "W1"),
        ("2024-02-28", "2025-01-01", "MORE"),
        ("2024-12-31", "2025-01-02", "W7"),
        ("2025-01-01", "2025-01-29", "W28"),
        ("2025-01-01", "2025-01-30", "MORE"),
        ("2025-03-01", "2025-03-01", "W1"),
        ("2025-03-02", "2025-03-01", "UNK"),
        ("", "2025-03-01", "UNK"),
        ("2025-03-01", "", "UNK"),
    ],
)
def test_days_of_waiting_are_those_of_the_calendar(place, asked, placed, band):
    assert place.take(placements=[f"K1;{placed};;{asked};"])["placements"] == {band: 1}


@pytest.mark.parametrize(
    ("text", "band"),
    [("0", "W1"), ("7", "W7"), ("10000", "MORE"), ("10001", "UNK"), ("-1", "UNK"), ("", "UNK")],
)
def test_a_column_for_the_days_goes_before_the_dates(tmp_path, text, band):
    place = Place(tmp_path, MAPPING.replace('exit = "reden"', 'waiting = "reden"'))
    assert place.take(placements=[f"K1;2025-01-01;;2024-12-01;{text}"])["placements"] == {band: 1}


@pytest.mark.parametrize(
    ("lives", "house", "near"),
    [
        ("PV26", "PV26", "SAME"),
        ("pv26", "PV26", "SAME"),
        ("PV20", "PV26", "OTHER"),
        ("", "PV26", "UNK"),
        ("Utrecht", "PV26", "UNK"),
        ("PV26", "NLX", "UNK"),
        ("NLX", "NLX", "UNK"),
    ],
)
def test_near_is_the_person_s_province_against_that_of_the_roster(place, lives, house, near):
    files = {"clients": [f"K1;2025-01-01;;{lives};"], "placements": ["K1;2025-01-01;;;"]}
    found = place.take(house=SHELTER.model_copy(update={"province": house}), **files)
    assert found["near"] == {near: 1}


def test_a_column_for_near_goes_before_the_province(tmp_path):
    place = Place(tmp_path, MAPPING.replace('exit = "reden"', 'near = "reden"'))
    rows = ["K1;2025-01-01;;;other", "K2;2025-01-01;;;"]
    found = place.take(clients=["K1;2025-01-01;;PV26;", "K2;2025-01-01;;PV26;"], placements=rows)
    assert found["near"] == {"OTHER": 1, "UNK": 1}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[18, 150]", "[18, 151]", "age: the bounds of the field age go beyond 150"),
        ('"SAME"', '"NEARBY"', "near: the field near needs the codes SAME and OTHER"),
        ('field = "waiting"', 'field = "exit"', "waiting: the field exit is not one"),
        ('field = "exit"', 'field = "waiting"', "exit: the field waiting needs bands"),
        ('{ field = "channel"', '{ field = "hue"', "registers.field = hue is not one"),
    ],
)
def test_a_programme_that_cannot_be_answered_is_told_where(place, old, new, says):
    problems = mapping.misfits(place.mapping, programme(1, **{old: new}))
    assert any(says in problem for problem in problems), problems
