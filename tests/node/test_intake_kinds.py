"""Clients, victims, requests and placements in one to four files: joined by person, bounded by person."""

import random
from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node import intake, mapping
from samentel.documents import programme as programmes
from samentel.documents.roster import Institution
from samentel.ids import Period

YEAR = Period(2025)
KINDS = ("clients", "victims", "requests", "placements")

HEAD = """
id = "kinds"
version = 1
contact = "Test"
mode = "secure-sum"
period = "{period}"
rho = "1/2"
delta = "1/1000000"
max_attempts = 2
tick_seconds = 0.05
title = {{ nl = "Soorten", en = "Kinds" }}
purpose = {{ nl = "Weten", en = "To know" }}
[roster]
institutions_min = 3
"""
POPULATION = """
[[populations]]
id = "{id}"
records = "{id}"
counting = "inflow"
rows_per_person = {k}
{distinct}
title = {{ nl = "T", en = "T" }}
definition = {{ nl = "T", en = "T" }}
"""
TABLE = """
[[tables]]
id = "{id}"
population = "{population}"
dimensions = [{dimensions}]
rho_share = "1/20"
title = {{ nl = "T", en = "T" }}
question = {{ nl = "T", en = "T" }}
"""
DIMENSION = """
[[dimensions]]
id = "{id}"
field = "{field}"
unknown = "{unknown}"
{rules}
title = {{ nl = "T", en = "T" }}
codes = [{codes}]
"""
TABLES = [
    ("clients", "clients"),
    ("reason-organisation", "clients", "reason", "organisation"),
    ("victims", "victims"),
    ("sex-age-help", "victims", "sex-two", "age", "help"),
    ("sex", "victims", "sex"),
    ("requests", "requests"),
    ("outcome-refusal", "requests", "outcome", "refusal"),
    ("tie-sex", "requests", "tie", "sex-two"),
    ("placements", "placements"),
    ("facility-sex", "placements", "facility", "sex"),
]
LISTS = [  # id, field, unknown, rules, codes with their members
    ("reason", "reason", "NREC", "", "THB HG NREC"),
    ("organisation", "type", "REST", 'fixed_by = "type"', "REST SHELTER:VO_MO,COSM"),
    ("sex", "sex", "U", "", "F M X U"),
    ("sex-two", "sex", "XU", 'rolls_up = "sex"', "F:F M:M XU:X,U"),
    ("help", "help_type", "UNK", 'fixed_by = "facilities"', "HB_COSM:COSM HB_OMM:OMM AMB UNK"),
    ("outcome", "outcome", "UNK", "", "PLACED REFUSED UNK"),
    (
        "refusal",
        "refusal",
        "UNK",
        'not_applicable = "NA"\napplies = { outcome = ["REFUSED"] }',
        "FULL REGIO UNK NA",
    ),
    ("tie", "refusal", "OTHER", 'rolls_up = "refusal"', "REGIO:REGIO OTHER:FULL,UNK NA:NA"),
    ("facility", "facility", "OTH", 'fixed_by = "facilities"', "COSM:COSM OMM:OMM OTH"),
]
AGES = """
  { code = "Y_LT18", nl = "a", en = "a", bounds = [0, 17] },
  { code = "Y_GE18", nl = "b", en = "b", bounds = [18, 150] },
  { code = "AUNK", nl = "c", en = "c" },
"""
SHELTER = Institution(
    node="a",
    name="A",
    operator="A",
    type="COSM",
    province="PV26",
    facilities=("COSM",),
    protocol_key="0" * 64,
)
NOBODY = intake.Memory(lambda number: number.encode(), frozenset())


def code(text):
    name, _, members = text.partition(":")
    listed = ", ".join(f'"{member}"' for member in members.split(",")) if members else ""
    return f'{{ code = "{name}", nl = "x", en = "x", members = [{listed}] }}'


@cache
def programme(k=1, period="year", kinds=KINDS, **changes):
    text = HEAD.format(period=period)
    for kind in kinds:
        distinct = 'distinct = "facility"' if kind == "placements" else ""
        text += POPULATION.format(id=kind, k=k, distinct=distinct)
    for name, population, *dimensions in TABLES:
        if population in kinds:
            listed = ", ".join(f'"{one}"' for one in dimensions)
            text += TABLE.format(id=name, population=population, dimensions=listed)
    for name, field, unknown, rules, codes in LISTS:
        listed = ", ".join(map(code, codes.split()))
        text += DIMENSION.format(id=name, field=field, unknown=unknown, rules=rules, codes=listed)
    text += DIMENSION.format(id="age", field="age", unknown="AUNK", rules="", codes=AGES)
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return programmes.parse(text.encode())


FORM = """
[file]
path = "clients.csv"
dates = ["%Y-%m-%d"]
[columns]
person = "nr"
first_contact = "contact"
sex = "sekse"
birth_date = "geboren"
reason = "aanleiding"
help_type = "hulp"
"""
CODES = """
[codes.reason]
mensenhandel = "THB"
geweld = "HG"
"""
FOUR_FILES = (
    FORM
    + """
[victims]
file = { path = "victims.csv", delimiter = ",", dates = ["%d-%m-%Y", "%Y-%m-%d"] }
columns = { person = "client", sex = "geslacht", first_contact = "sinds" }
[requests]
file = { path = "requests.csv", dates = ["%Y-%m-%d"] }
columns = { person = "nr", requested = "gevraagd", outcome = "uitkomst", refusal = "grond" }
[placements]
file = { path = "placements.csv", dates = ["%Y-%m-%d"], encoding = "cp1252" }
columns = { person = "nr", placed = "geplaatst", facility = "plek" }
"""
    + CODES
)
# Victims are clients of one reason; requests and placements are lines of one file, told apart by two columns.
TWO_FILES = (
    FORM
    + """
[victims]
columns = { person = "nr", birth_date = "geboren" }
[victims.only]
aanleiding = ["Mensenhandel", "geweld"]
sekse = ["f", "m"]
[requests]
file = { path = "moves.csv", dates = ["%Y-%m-%d"] }
columns = { person = "nr", requested = "datum", outcome = "uitkomst", refusal = "grond" }
[requests.only]
soort = ["verzoek"]
[placements]
file = { path = "moves.csv", dates = ["%Y-%m-%d"] }
columns = { person = "nr", placed = "datum", facility = "plek" }
[placements.only]
soort = ["plaatsing"]
"""
    + CODES
)
LAYOUTS = {
    "four": (
        FOUR_FILES,
        {
            "clients": "nr;contact;sekse;geboren;aanleiding;hulp",
            "victims": "client,geslacht,sinds",
            "requests": "nr;gevraagd;uitkomst;grond",
            "placements": "nr;geplaatst;plek",
        },
    ),
    "two": (
        TWO_FILES,
        {
            "clients": "nr;contact;sekse;geboren;aanleiding;hulp",
            "moves": "nr;soort;datum;uitkomst;grond;plek",
        },
    ),
}


class Place:
    """An institution's mapping and exports, on disk."""

    def __init__(self, path, layout="four"):
        self.path, (text, self.heads) = path, LAYOUTS[layout]
        path.mkdir(exist_ok=True)
        (path / "mapping.toml").write_text(text)
        self.mapping = mapping.load(path / "mapping.toml")

    def take(self, asked=None, period=YEAR, memory=NOBODY, institution=SHELTER, **files):
        """What is taken of these lines; a file that is not named has none."""
        for name, head in self.heads.items():
            (self.path / f"{name}.csv").write_text("\n".join([head, *files.get(name, [])]))
        return intake.taken(self.mapping, asked or programme(), period, institution, memory)

    def cells(self, asked=None, period=YEAR, **files):
        """What is counted: by table, how often each cell, named by its codes."""
        asked = asked or programme()
        found = self.take(asked, period, **files).codes.cells
        return {table.id: named(asked, table, found[table.id]) for table in asked.tables}


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
def four(tmp_path):
    return Place(tmp_path / "four")


@pytest.fixture
def two(tmp_path):
    return Place(tmp_path / "two", "two")


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return {layout: Place(tmp_path_factory.mktemp("places") / layout, layout) for layout in LAYOUTS}


# Property tests: whatever one person's rows are in any of the files.

days = st.sampled_from(
    [
        "2025-01-05",
        "2025-06-30",
        "2025-05-01",
        "2025-12-31",
        "2024-07-01",
        "2026-01-01",
        "",
        "ooit",
        "31-12-2025",
    ]
)
births = st.sampled_from(["1990-01-01", "2008-03-01", "", "?"])
sexes = st.sampled_from(["F", "m", "", '"'])
reasons = st.sampled_from(["mensenhandel", " Geweld", "é", ""])
helps = st.sampled_from(["HB_COSM", "HB_OMM", "amb", ""])
outcomes = st.sampled_from(["refused", "REFUSED", "PLACED", "?"])
grounds = st.sampled_from(["REGIO", "full", "NA", ""])
facilities = st.sampled_from(["COSM", "omm", "OTH", ""])
sorts = st.sampled_from(["verzoek", "plaatsing", " Plaatsing", "anders"])


def lines(*cells):
    return st.lists(st.tuples(*cells), max_size=4)


CLIENT_LINES = lines(days, sexes, births, reasons, helps)
ROWS = {
    "four": st.fixed_dictionaries(
        {
            "clients": CLIENT_LINES,
            "victims": lines(sexes, days),
            "requests": lines(days, outcomes, grounds),
            "placements": lines(days, facilities),
        }
    ),
    "two": st.fixed_dictionaries(
        {"clients": CLIENT_LINES, "moves": lines(sorts, days, outcomes, grounds, facilities)}
    ),
}


def persons_of(layout):
    return st.dictionaries(st.sampled_from(["A", "B", " C", "1"]), ROWS[layout], max_size=3)


LAYOUT = st.sampled_from(sorted(LAYOUTS)).flatmap(
    lambda layout: st.tuples(st.just(layout), persons_of(layout), ROWS[layout], ROWS[layout])
)


def written(persons, layout, order=None):
    """The lines of every file; in another order where one is given."""
    files = {}
    for name in LAYOUTS[layout][1]:
        sign = "," if (layout, name) == ("four", "victims") else ";"
        found = [sign.join([person, *row]) for person, rows in persons.items() for row in rows[name]]
        files[name] = order.sample(found, len(found)) if order else found
    return files


def counted(place, layout, persons, asked, period):
    found = place.take(asked, period, **written(persons, layout)).codes.cells
    return {name: Counter(cells.tolist()) for name, cells in found.items()}


@settings(deadline=None, max_examples=100)
@given(case=LAYOUT, k=st.integers(1, 3), period=st.sampled_from([YEAR, Period(2025, 2)]), first=st.booleans())
def test_any_one_person_s_rows_in_any_of_the_files_move_each_table_by_at_most_k(
    places, case, k, period, first
):
    layout, persons, its, edited = case
    asked, place = programme(k, period.kind), places[layout]
    without = counted(place, layout, persons, asked, period)
    both = []
    for rows in (its, edited):
        everyone = {"Z": rows, **persons} if first else {**persons, "Z": rows}
        both.append(counted(place, layout, everyone, asked, period))
    for table in asked.tables:
        for added in both:
            assert not without[table.id] - added[table.id]
            assert (added[table.id] - without[table.id]).total() <= k
        assert (both[0][table.id] - both[1][table.id]).total() <= k


@settings(deadline=None, max_examples=50)
@given(
    case=LAYOUT,
    seed=st.integers(0, 1000),
    k=st.integers(1, 2),
    period=st.sampled_from([YEAR, Period(2025, 2)]),
)
def test_the_order_of_no_file_matters(places, case, seed, k, period):
    layout, persons, its, _ = case
    everyone, asked = {**persons, "Z": its}, programme(k, period.kind)
    one, two = (
        places[layout].take(asked, period, **written(everyone, layout, order))
        for order in (None, random.Random(seed))
    )
    assert one.persons == two.persons
    for name, cells in one.codes.cells.items():
        assert cells.tolist() == two.codes.cells[name].tolist()


@settings(deadline=None, max_examples=50)
@given(case=LAYOUT, k=st.integers(1, 3), period=st.sampled_from([YEAR, Period(2025, 2)]))
def test_all_tables_of_a_population_count_the_same_rows_in_cells_that_there_are(places, case, k, period):
    layout, persons, its, _ = case
    asked = programme(k, period.kind)
    cells = places[layout].take(asked, period, **written({**persons, "Z": its}, layout)).codes.cells
    assert set(cells) == {table.id for table in asked.tables}
    for population in asked.populations:
        tables = [table for table in asked.tables if table.population == population.id]
        assert len({len(cells[table.id]) for table in tables}) == 1
        for table in tables:
            assert all(0 <= cell < asked.cells(table) for cell in cells[table.id].tolist())


@settings(deadline=None, max_examples=50)
@given(case=LAYOUT)
def test_a_question_is_not_applicable_exactly_where_it_does_not_apply(places, case):
    layout, persons, its, _ = case
    found = places[layout].cells(programme(3), **written({**persons, "Z": its}, layout))["outcome-refusal"]
    for cell in found:
        outcome, refusal = cell.split()
        assert (refusal == "NA") == (outcome != "REFUSED")


@settings(deadline=None, max_examples=40)
@given(case=LAYOUT, k=st.integers(1, 3))
def test_a_person_is_in_one_quarter_of_a_year_at_most(places, case, k):
    layout, persons, its, _ = case
    asked = programme(k, "quarter")
    files = written({**persons, "Z": its}, layout)
    seen = [places[layout].take(asked, Period(2025, quarter), **files).persons for quarter in (1, 2, 3, 4)]
    assert len(frozenset().union(*seen)) == sum(map(len, seen))


@settings(deadline=None, max_examples=40)
@given(case=LAYOUT, quarter=st.integers(1, 4))
def test_whoever_is_bound_to_another_quarter_has_no_row_in_any_population(places, case, quarter):
    layout, persons, its, _ = case
    asked, period = programme(2, "quarter"), Period(2025, quarter)
    bound = intake.Memory(lambda number: number.encode(), {b"Z"})
    found = places[layout].take(asked, period, bound, **written({**persons, "Z": its}, layout))
    alone = places[layout].take(asked, period, **written(persons, layout))
    assert found.persons == alone.persons
    for name, cells in alone.codes.cells.items():
        assert found.codes.cells[name].tolist() == cells.tolist()


# What is said of a row, case by case.

CLIENT = ["K1;2025-02-03;F;1990-01-01;mensenhandel;HB_COSM"]


def test_a_field_comes_from_its_own_columns_then_from_the_victims_then_from_the_clients(four):
    found = four.cells(
        clients=[*CLIENT, "K2;2025-02-03;F;;;"],
        victims=["K1,M,2025-03-01"],
        placements=["K1;2025-05-01;COSM", "K2;2025-05-01;COSM", "K3;2025-05-01;COSM"],
    )
    assert found["sex-age-help"] == {"M Y_GE18 HB_COSM": 1}
    assert found["facility-sex"] == {"COSM M": 1, "COSM F": 1, "COSM U": 1}


def test_an_empty_cell_of_its_own_is_unknown_and_not_asked_of_others(four):
    found = four.cells(clients=CLIENT, victims=["K1,,2025-03-01"])
    assert found["sex"] == {"U": 1}


def test_a_request_of_somebody_who_is_no_client_counts(four):
    found = four.cells(clients=CLIENT, victims=["K2,M,"], requests=["K9;2025-03-01;refused;REGIO"])
    assert found["outcome-refusal"] == {"REFUSED REGIO": 1}
    assert found["tie-sex"] == {"REGIO XU": 1}
    assert found["clients"].total() == 1


@pytest.mark.parametrize("kind", ["requests", "placements"])
@pytest.mark.parametrize(
    ("day", "rows"), [("2025-12-31", 1), ("2024-12-31", 0), ("", 1), ("ooit", 1), ("2025-02-30", 1)]
)
def test_a_row_without_a_readable_date_counts_in_every_year_whatever_kind_it_is(four, kind, day, rows):
    end = ";;" if kind == "requests" else ";"
    assert four.cells(**{kind: [f"K1;{day}{end}"]})[kind].total() == rows


def test_a_victim_without_a_date_of_its_own_counts_by_that_of_the_client(two):
    line = "K1;{day};F;;mensenhandel;"
    assert two.cells(clients=[line.format(day="2025-02-03")])["victims"].total() == 1
    assert two.cells(clients=[line.format(day="2024-02-03")])["victims"].total() == 0


def test_only_lines_with_one_of_the_words_in_every_column_are_such_records(two):
    clients = [
        "K1;2025-02-03; f ;;MENSENHANDEL;",
        "K2;2025-02-03;F;;huiselijk;",
        "K3;2025-02-03;X;;mensenhandel;",
        "K4;2025-02-03;m;;Geweld;",
    ]
    found = two.cells(clients=clients, moves=["K1;Verzoek;2025-02-03;;;", "K1;plaatsing;2025-02-03;;;OMM"])
    assert [found[name].total() for name in KINDS] == [4, 2, 1, 1]


@pytest.mark.parametrize(
    ("rows", "sex"),
    [
        pytest.param(["K1;2025-05-01;M;;;", "K1;2025-02-03;F;;;"], "F", id="the-earlier-date"),
        pytest.param(["K1;2024-05-01;M;;;", "K1;2025-02-03;F;;;"], "F", id="this-year-before-an-earlier-one"),
        pytest.param(["K1;;M;;;", "K1;2025-02-03;F;;;"], "F", id="dated-before-undated"),
        pytest.param(["K1;;M;;;", "K1;2024-02-03;F;;;"], "M", id="undated-before-another-year"),
        pytest.param(["K1;2025-02-03;M;;;", "K1;2025-02-03;F;;;"], "F", id="by-what-is-written"),
    ],
)
def test_of_several_rows_one_lends(four, rows, sex):
    for order in (rows, rows[::-1]):
        found = four.cells(clients=order, placements=["K1;2025-06-01;COSM"])
        assert found["facility-sex"] == {f"COSM {sex}": 1}


def test_of_a_person_the_first_place_of_each_kind_counts_and_of_those_k(four):
    rows = ["K1;2025-03-01;OTH", "K1;2025-01-01;OTH", "K1;2025-02-01;COSM"]
    assert four.cells(programme(1), placements=rows)["facility-sex"] == {"OTH U": 1}
    assert four.cells(programme(2), placements=rows)["facility-sex"] == {"OTH U": 1, "COSM U": 1}


def test_what_the_roster_does_not_give_an_institution_is_unknown(four):
    found = four.cells(
        clients=["K1;2025-02-03;;;;HB_OMM"],
        victims=["K1,,2025-02-03"],
        placements=["K1;2025-03-01;OMM", "K2;2025-03-01;COSM"],
    )
    assert found["facility-sex"] == {"OTH U": 1, "COSM U": 1}
    assert found["sex-age-help"] == {"XU AUNK UNK": 1}


@pytest.mark.parametrize(
    ("type_", "level"), [("COSM", "SHELTER"), ("REST", "REST"), ("SOMETHING_ELSE", "REST")]
)
def test_the_roster_says_the_kind_of_organisation_of_every_row(four, type_, level):
    asked = programme()
    house = SHELTER.model_copy(update={"type": type_})
    found = four.take(asked, institution=house, clients=CLIENT).codes.cells["reason-organisation"]
    table = next(table for table in asked.tables if table.id == "reason-organisation")
    assert named(asked, table, found) == {f"THB {level}": 1}


@pytest.mark.parametrize(
    ("row", "cell"),
    [
        pytest.param("refused;REGIO", "REFUSED REGIO", id="said"),
        pytest.param("refused;", "REFUSED UNK", id="not-said"),
        pytest.param("refused;NA", "REFUSED UNK", id="a-contradiction"),
        pytest.param("placed;REGIO", "PLACED NA", id="another-contradiction"),
        pytest.param("?;?", "UNK NA", id="nothing-known"),
    ],
)
def test_where_a_question_applies(four, row, cell):
    assert four.cells(requests=[f"K1;2025-03-01;{row}"])["outcome-refusal"] == {cell: 1}


def test_the_age_is_that_at_the_date_of_the_row(four):
    asked = programme(1, "year", **{'"tie", "sex-two"': '"tie", "age"', '"sex-two", "age", "help"': '"age"'})
    found = four.cells(
        asked,
        clients=["K1;2025-02-03;;2007-06-15;;"],
        victims=["K1,,2025-02-03"],
        requests=["K1;2025-07-01;refused;FULL"],
    )
    assert found["sex-age-help"] == {"Y_LT18": 1}
    assert found["tie-sex"] == {"OTHER Y_GE18": 1}


def test_an_institution_without_a_kind_of_record_has_no_rows_of_it(tmp_path):
    place = Place(tmp_path / "one")
    (place.path / "mapping.toml").write_text(FORM + CODES)
    place.mapping = mapping.load(place.path / "mapping.toml")
    place.heads = {"clients": place.heads["clients"]}
    found = place.cells(clients=CLIENT)
    assert [found[name].total() for name in KINDS] == [1, 0, 0, 0]


# Quarters.


def test_the_quarter_of_a_person_is_that_of_the_earliest_record_of_any_kind(four):
    files = {
        "clients": ["K1;2025-05-03;;;;", "K2;2025-02-03;;;;"],
        "requests": ["K1;2025-02-01;refused;FULL", "K2;2025-03-01;placed;", "K2;2025-09-01;placed;"],
    }
    asked = programme(2, "quarter")
    found = [four.cells(asked, Period(2025, quarter), **files) for quarter in (1, 2, 3)]
    assert [quarter["clients"].total() for quarter in found] == [1, 0, 0]
    assert [quarter["requests"].total() for quarter in found] == [2, 0, 0]
    only_clients = programme(2, "quarter", ("clients",))
    assert four.cells(only_clients, Period(2025, 2), **files)["clients"].total() == 1


def test_persons_of_a_quarter_are_all_who_have_a_row_and_a_year_names_nobody(four):
    files = {
        "clients": ["K1;2025-02-03;;;;", "K2;;;;;", "K3;2025-05-03;;;;"],
        "requests": [" K4 ;2025-02-03;;", "K1;2025-03-03;;"],
    }
    asked = programme(1, "quarter")
    assert four.take(asked, Period(2025, 1), **files).persons == {b"K1", b"K4"}
    assert four.take(programme(), YEAR, **files).persons == frozenset()


def test_a_year_does_not_ask_the_memory(four):
    def token(number):
        raise AssertionError(number)

    found = four.take(memory=intake.Memory(token, {b"K1"}), clients=CLIENT)
    assert len(found.codes.cells["clients"]) == 1


def test_what_is_taken_shows_no_value(four):
    asked = programme(1, "quarter")
    memory = intake.Memory(lambda number: number.encode(), {b"K7"})
    found = four.take(asked, Period(2025, 1), memory, clients=CLIENT)
    assert "K1" not in repr(found)
    assert "K7" not in repr(memory)
