"""The made-up sector against the real intake of the node: what is known to be true is what a node counts."""

import csv
import io
from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from desk.packaged import packaged
from node import intake, mapping
from rehearsal import sector
from rehearsal.sector.rows import years
from samentel.documents import levels
from samentel.documents import programme as programmes
from samentel.documents.populations import Records
from samentel.documents.roster import Roster
from samentel.errors import LocalFault
from samentel.ids import Period

YEAR = 2025
NOBODY_ELSEWHERE = intake.Memory(token=str.encode, elsewhere=())


@pytest.fixture(scope="module")
def asked():
    """Programmes by their names."""
    names = ("aanleiding-demo", "registratie-demo", "registratie-2025", "kwartaal-demo")
    return {name: programmes.parse(packaged(name)) for name in names}


@pytest.fixture(scope="module")
def twelve():
    return sector.make(YEAR, 3, sector.HOUSES, years=3)


@pytest.fixture(scope="module")
def nation():
    return sector.make(YEAR, 7, sector.NATION)


def settled(export, place):
    place.mkdir()
    for name, data in export.files.items():
        (place / name).write_bytes(data)
    (place / "mapping.toml").write_text(export.mapping, "utf-8")
    return mapping.load(place / "mapping.toml")


def differing(made, programme, year, place, quarter=0):
    """The cells of which an institution's node counts another number than is known to be true."""
    found = []
    for export in made.exports:
        node, held = export.house.node, settled(export, place / export.house.node)
        assert mapping.misfits(held, programme) == []
        period = Period(year, quarter)
        taken = intake.taken(held, programme, period, export.house.institution(), NOBODY_ELSEWHERE)
        known = made.tables(programme, year, [node], quarter)
        for table in programme.measured:
            counted = Counter(taken.codes.cells[table.id].tolist())
            found += [
                (node, table.id, cell, true, counted[number])
                for number, (cell, true) in enumerate(known[table.id].items())
                if counted[number] != true
            ]
    return found


@pytest.mark.parametrize("year", [YEAR, YEAR - 1, YEAR - 2])
@pytest.mark.parametrize("name", ["aanleiding-demo", "registratie-demo"])
def test_the_truth_is_what_the_nodes_of_a_rehearsal_count(asked, twelve, tmp_path, name, year):
    assert differing(twelve, asked[name], year, tmp_path) == []
    assert sum(twelve.truth_of(year, twelve.nodes).values()) > 800  # a year with people in it


@pytest.mark.parametrize("quarter", [1, 2, 3, 4])
def test_the_truth_of_a_quarter_is_what_the_nodes_count(asked, twelve, tmp_path, quarter):
    assert differing(twelve, asked["kwartaal-demo"], YEAR, tmp_path, quarter) == []


def test_the_truth_is_what_the_nodes_of_a_whole_country_count(asked, nation, tmp_path):
    assert differing(nation, asked["registratie-2025"], YEAR, tmp_path) == []


def test_a_request_that_several_institutions_note_counts_once(asked, nation, tmp_path):
    requests = {node: kinds[Records.REQUESTS] for node, kinds in nation.kinds.items()}
    mediated = [rows.of(rows.codes["channel"] == "MEDIATED") for rows in requests.values() if len(rows)]
    mediator = next(house.node for house in sector.NATION if not house.helps)
    assert sum(map(len, mediated)) > 1.5 * len(requests[mediator]), "the others have noted most of them too"
    everybody = replace_all(asked["registratie-2025"], registers=None)
    once = nation.tables(asked["registratie-2025"], YEAR)["requests"][()]
    assert nation.tables(everybody, YEAR)["requests"][()] > 1.4 * once
    for house in sector.NATION:
        mine = nation.tables(asked["registratie-2025"], YEAR, [house.node])
        registers = {name for name in ("clients", "requests", "placements") if mine[name][()]}
        if house.type in ("AMB", "ZC", "NGO", "LEG"):  # they ask for others, and register no request
            assert registers == {"clients"}, house.node
        assert house.helps or registers == {"requests"}


def replace_all(programme, **changes):
    populations = tuple(one.model_copy(update=changes) for one in programme.populations)
    return programme.model_copy(update={"populations": populations})


def test_a_stay_that_is_a_day_longer_or_shorter_is_seen(asked, nation, tmp_path):
    """What ends on the reference day is not there any more; a day later it is."""
    node = "noorderlicht"
    kinds = nation.kinds[node]
    stays = kinds[Records.PLACEMENTS]
    last = np.datetime64(f"{YEAR}-12-31")
    counts = []
    for ended in (last, last + 1):
        some = np.where(
            np.arange(len(stays)) == np.flatnonzero(years(stays.day) == YEAR)[0], ended, stays.dates["ended"]
        )
        moved = replace(stays, dates={**stays.dates, "ended": some})
        made = replace(nation, kinds={**nation.kinds, node: {**kinds, Records.PLACEMENTS: moved}})
        cells = made.tables(asked["registratie-2025"], YEAR, [node])
        counts.append((cells["present"][()], cells["departures"][()]))
    assert counts[1][0] == counts[0][0] + 1
    assert counts[1][1] == counts[0][1] - 1


def test_a_count_that_is_one_off_is_seen(asked, twelve, tmp_path):
    export, name = twelve.exports[0], f"export-{YEAR}.csv"
    lines = export.files[name].split(b"\r\n")
    lines.remove(next(line for line in lines if line.startswith(b"DE2025") and b"Mensenhandel" in line))
    short = replace(export, files={**export.files, name: b"\r\n".join(lines)})
    found = differing(replace(twelve, exports=(short,)), asked["registratie-demo"], YEAR, tmp_path)
    assert {table for _, table, *_ in found} > {"clients", "victims", "form-sex-age"}
    assert all(counted == true - 1 for *_, true, counted in found)


def test_every_mapping_answers_every_question_of_the_programmes(asked, nation, tmp_path):
    for export in nation.exports:
        held = settled(export, tmp_path / export.house.node)
        kinds = [kind for kind in Records if len(nation.kinds[export.house.node][kind])]
        left = set(mapping.unmapped(held, asked["registratie-2025"]))
        fields = {Records.REQUESTS: {"facility-asked", "outcome", "outcome-five", "refusal", "region-tie"},
                  Records.PLACEMENTS: {"facility", "via"}}  # fmt: skip
        if Records.CONTACTS not in kinds and not export.house.helps:
            assert kinds == [Records.REQUESTS]  # the one that mediates has nothing else
            continue
        nowhere = set[str]().union(*(names for kind, names in fields.items() if kind not in kinds))
        assert left <= nowhere


def test_truth_of_is_the_table_of_reasons(asked, twelve):
    reasons = twelve.tables(asked["registratie-demo"], YEAR)["reason"]
    assert {code: count for (code,), count in reasons.items()} == twelve.truth
    assert twelve.truth == twelve.truth_of(YEAR, twelve.nodes)


def test_a_seed_makes_the_same_sector_and_another_seed_another():
    made, again, other = sector.make(YEAR), sector.make(YEAR), sector.make(YEAR, seed=2)
    assert made.exports == again.exports
    assert made.truth == again.truth != other.truth


def test_forty_houses_are_clearly_made_up_and_fill_every_level(asked):
    assert len({house.node for house in sector.NATION}) == len({h.operator for h in sector.NATION}) == 40
    assert all(house.name.endswith("(verzonnen)") for house in sector.NATION)
    for name, houses in (("registratie-2025", sector.NATION), ("registratie-demo", sector.HOUSES)):
        rules = asked[name].roster
        least = rules.collude_max + rules.absent_max + 2
        for level in levels.fixed_levels(asked[name], roster(houses)):
            assert level.by_consent or len(level.nodes) >= least, (name, level.name)
            assert level.nodes, level.name


def roster(houses):
    lines = tuple(house.institution(f"{number:064x}") for number, house in enumerate(houses, 1))
    return Roster(version=1, issued_at="2025-01-01T00:00:00Z", coordinator_key="f" * 64, institutions=lines)


def test_a_rehearsal_is_small_and_a_country_is_not():
    assert sector.houses(12) == sector.HOUSES == (*sector.SMALL, *sector.HOUSES[4:])
    assert all(60 <= house.clients <= 160 for house in sector.HOUSES if house.helps)
    assert sector.houses(40) == sector.NATION
    assert sum(house.clients for house in sector.NATION) == pytest.approx(17_000, rel=0.01)
    with pytest.raises(LocalFault, match="ask for 1 to 40"):
        sector.houses(41)


def test_the_houses_speak_dialects_that_differ_in_everything():
    dialects = {house.dialect.name: house.dialect for house in sector.HOUSES}.values()
    assert len(dialects) == 3
    for one, other in combinations(dialects, 2):
        for part in ("encoding", "delimiter", "date_form", "age_from"):
            assert getattr(one, part) != getattr(other, part)
        assert not set(one.columns.values()) & set(other.columns.values())


def test_the_dialects_have_their_records_in_one_to_five_files(nation):
    files = {}
    for export in nation.exports:
        if "COSM" in export.house.facilities or "OMM" in export.house.facilities:
            files.setdefault(export.house.dialect.name, set()).add(tuple(export.files))
    assert files == {
        "desktop": {("export-2025.csv", "aanvragen-2025.csv", "plaatsingen-2025.csv", "contacten-2025.csv")},
        "web": {
            (
                *("export-2025.csv", "victims-2025.csv", "requests-2025.csv", "placements-2025.csv"),
                "contacts-2025.csv",
            )
        },
        "sheet": {("export-2025.csv", "dossier-2025.csv")},
    }


@pytest.mark.parametrize("place", [place for place, house in enumerate(sector.HOUSES) if house.helps])
def test_every_export_has_the_oddities_of_a_real_one(twelve, place):
    export = twelve.exports[place]
    dialect = export.house.dialect
    text = export.files[f"export-{YEAR}.csv"].decode(dialect.encoding)
    lines = list(csv.DictReader(io.StringIO(text), delimiter=dialect.delimiter))
    persons = Counter(line[dialect.columns["person"]] for line in lines)
    assert persons[""] >= 1
    assert any(times == 2 for person, times in persons.items() if person)
    assert any(line[dialect.columns["first_contact"]] == "31-02-????" for line in lines)
    reasons = {line[dialect.columns["reason"]] for line in lines}
    assert reasons & {dialect.unmapped[0], ""}
    for of in (YEAR - 1, YEAR + 1):
        assert any(person[2:6] == str(of) for person in persons)
