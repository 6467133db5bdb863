"""The made-up sector against the real intake of the node: what is known to be true is what a node counts."""

from collections import Counter
from itertools import combinations

import pytest

from desk.packaged import packaged
from node import intake, mapping
from rehearsal import sector
from samentel.documents import programme as programmes
from samentel.ids import Period

YEAR = 2025


@pytest.fixture(scope="module")
def programme():
    return programmes.parse(packaged("aanleiding-demo"))


def settled(export, place):
    place.mkdir()
    (place / export.file).write_bytes(export.data)
    (place / "mapping.toml").write_text(export.mapping, "utf-8")
    return mapping.load(place / "mapping.toml")


def counts(made, programme, year, place):
    """Cells of every table by institution and together: possible only because nobody here exists."""
    by_node = {}
    for export in made.exports:
        codes = intake.codes(settled(export, place / export.house.node), programme, Period(year))
        by_node[export.house.node] = {table: Counter(cells.tolist()) for table, cells in codes.cells.items()}
    total = {
        table.id: sum((cells[table.id] for cells in by_node.values()), Counter())
        for table in programme.tables
    }
    return by_node, total


@pytest.fixture(scope="module")
def counted(programme, tmp_path_factory):
    """Cells of every table of the small sector, added up over its institutions."""
    return counts(sector.make(YEAR), programme, YEAR, tmp_path_factory.mktemp("sector"))[1]


def test_every_mapping_answers_the_programme(programme, tmp_path):
    for export in sector.make(YEAR, houses=sector.HOUSES).exports:
        read = settled(export, tmp_path / export.house.node)
        assert mapping.misfits(read, programme) == []
        assert mapping.unmapped(read, programme) == []


def test_the_known_truth_is_what_the_nodes_count(programme, counted):
    codes = [code.code for code in programme.dimension("reason").codes]
    truth = sector.make(YEAR).truth
    assert list(truth) == codes
    assert {code: counted["reason"][place] for place, code in enumerate(codes)} == truth


def test_every_table_counts_everybody_once(counted):
    # As the houses say: a row without a number is nobody's, a client's second row is one too many.
    everybody = sum(house.clients for house in sector.SMALL)
    assert {table: sum(cells.values()) for table, cells in counted.items()} == dict.fromkeys(
        counted, everybody
    )


def test_a_seed_makes_the_same_sector_and_another_seed_another():
    assert sector.make(YEAR) == sector.make(YEAR)
    assert sector.make(YEAR, seed=2).truth != sector.make(YEAR).truth


@pytest.mark.parametrize("year", [YEAR, YEAR - 1])
def test_two_years_of_a_whole_sector_are_true_for_each_institution(programme, tmp_path, year):
    made = sector.make(YEAR, houses=sector.HOUSES, years=2)
    codes = [code.code for code in programme.dimension("reason").codes]
    by_node, total = counts(made, programme, year, tmp_path)
    everybody = [house.node for house in sector.HOUSES]
    for nodes in ([everybody[3]], everybody):
        cells = sum((by_node[node]["reason"] for node in nodes), Counter())
        assert {code: cells[place] for place, code in enumerate(codes)} == made.truth_of(year, nodes)
    assert sum(total["reason"].values()) > 800  # a year with people in it
    assert made.truth == made.truth_of(YEAR, everybody)


def test_twelve_houses_have_twelve_names_and_are_clearly_made_up():
    assert len({house.node for house in sector.HOUSES}) == len(sector.HOUSES) == 12
    assert len({house.operator for house in sector.HOUSES}) == 12
    assert all(house.name.endswith("(verzonnen)") for house in sector.HOUSES)
    assert all(60 <= house.clients <= 160 for house in sector.HOUSES)


def test_the_houses_speak_dialects_that_differ_in_everything():
    dialects = {house.dialect.name: house.dialect for house in sector.HOUSES}.values()
    assert len(dialects) == 3
    for one, other in combinations(dialects, 2):
        for part in ("encoding", "delimiter", "date_form"):
            assert getattr(one, part) != getattr(other, part)
        assert not set(one.columns.values()) & set(other.columns.values())


@pytest.mark.parametrize(
    "export", sector.make(YEAR, houses=sector.HOUSES).exports, ids=lambda export: export.house.node
)
def test_every_export_has_the_oddities_of_a_real_one(export):
    dialect = export.house.dialect
    rows = [line.split(dialect.delimiter) for line in export.data.decode(dialect.encoding).splitlines()]
    columns = list(dialect.columns)
    persons = Counter(row[columns.index("person")] for row in rows[1:] if len(row) == len(columns))
    assert persons[""] == 1
    assert sum(times == 2 for times in persons.values()) == 1
    assert sum(row[columns.index("first_contact")] == "31-02-????" for row in rows) == 1
    assert sum(export.house.node[:2].upper() + str(YEAR - 1) in person for person in persons) == 9
