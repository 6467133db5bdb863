"""The made-up sector against the real intake of the node: what is known to be true is what a node counts."""

from collections import Counter

import pytest

from desk import signing
from node import intake, mapping
from rehearsal import sector
from samentel.documents import programme as programmes
from samentel.ids import Period

YEAR = 2025


@pytest.fixture(scope="module")
def programme():
    return programmes.parse(signing.packaged("aanleiding-demo"))


def settled(export, place):
    place.mkdir()
    (place / export.file).write_bytes(export.data)
    (place / "mapping.toml").write_text(export.mapping, "utf-8")
    return mapping.load(place / "mapping.toml")


@pytest.fixture(scope="module")
def counted(programme, tmp_path_factory):
    """Cells of every table, added up over the four institutions: possible only because nobody here exists."""
    place = tmp_path_factory.mktemp("sector")
    total = {table.id: Counter() for table in programme.tables}
    for export in sector.make(YEAR).exports:
        codes = intake.codes(settled(export, place / export.house.node), programme, Period(YEAR))
        for table, cells in codes.cells.items():
            total[table].update(cells.tolist())
    return total


def test_every_mapping_answers_the_programme(programme, tmp_path):
    for export in sector.make(YEAR).exports:
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
    everybody = sum(house.clients for house in sector.HOUSES)
    assert {table: sum(cells.values()) for table, cells in counted.items()} == dict.fromkeys(
        counted, everybody
    )


def test_a_seed_makes_the_same_sector_and_another_seed_another():
    assert sector.make(YEAR) == sector.make(YEAR)
    assert sector.make(YEAR, seed=2).truth != sector.make(YEAR).truth


def test_the_houses_speak_two_dialects_that_differ_in_everything():
    one, other = {house.dialect.name: house.dialect for house in sector.HOUSES}.values()
    for part in ("encoding", "delimiter", "date_form"):
        assert getattr(one, part) != getattr(other, part)
    assert not set(one.columns.values()) & set(other.columns.values())
    assert all(60 <= house.clients <= 160 for house in sector.HOUSES)


@pytest.mark.parametrize("export", sector.make(YEAR).exports, ids=lambda export: export.house.node)
def test_every_export_has_the_oddities_of_a_real_one(export):
    dialect = export.house.dialect
    rows = [line.split(dialect.delimiter) for line in export.data.decode(dialect.encoding).splitlines()]
    columns = list(dialect.columns)
    persons = Counter(row[columns.index("person")] for row in rows[1:] if len(row) == len(columns))
    assert persons[""] == 1
    assert sum(times == 2 for times in persons.values()) == 1
    assert sum(row[columns.index("first_contact")] == "31-02-????" for row in rows) == 1
    assert sum(export.house.node[:2].upper() + str(YEAR - 1) in person for person in persons) == 9
