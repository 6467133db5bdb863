from datetime import UTC, datetime

import pytest

from samentel.documents import public
from samentel.documents.model import to_bytes
from samentel.documents.roster import Institution, Roster, parse
from samentel.figures import exact
from samentel.figures.edition import csv_bytes
from samentel.ids import Period

HOUSES = (
    ("a", "OPV", "NORTH"),
    ("b", "OPV", "NORTH"),
    ("c", "OPV", "SOUTH"),
    ("d", "AMB", "SOUTH"),
    ("e", "VO_MO", "NORTH"),
)
PUBLIC = b"""
kind = "public-figures"
id = "test"
version = 4
title = { nl = "Cijfers", en = "Figures" }

[[entries]]
kind = "capacity"
subject = "places"
codes = ["COSM"]
value = 50
unit = "places"
year = 2010
title = { nl = "Plaatsen", en = "Places" }
reference = { nl = "juni", en = "June" }
source = { nl = "Verslag, blz. 3", en = "Report, p. 3" }

[[entries]]
kind = "publication"
subject = "areas"
value = 17
unit = "regions"
title = { nl = "Gebieden", en = "Areas" }
source = { nl = "Lijst", en = "List" }
"""


@pytest.fixture
def roster() -> Roster:
    """Five institutions of three types in two provinces."""
    institutions = tuple(
        Institution(node=node, name=node, operator=node, type=kind, province=province,
                    protocol_key=f"{number:02x}" * 32)
        for number, (node, kind, province) in enumerate(HOUSES, 1)
    )  # fmt: skip
    drafted = Roster(
        version=7,
        issued_at=datetime(2026, 1, 1, tzinfo=UTC),
        coordinator_key="ff" * 32,
        institutions=institutions,
    )
    return parse(to_bytes(drafted))


@pytest.fixture
def participation(nation, roster) -> exact.Participation:
    return exact.Participation(nation, roster, Period(2025), "abcd", "abd", "ad")


def test_who_took_part_stands_by_kind_and_province(participation, roster) -> None:
    found = {(row["subject"], row["codes"]): row for row in exact.rows(participation, None)}
    assert all(tuple(row) == exact.COLUMNS for row in found.values())
    counts = {place: row["value"] for place, row in found.items()}
    assert [counts[stage, ""] for stage in ("enrolled", "invited", "present", "in-sum")] == [5, 4, 3, 2]
    assert counts["enrolled", "OPV|NORTH"] == 2
    assert counts["in-sum", "OPV|NORTH"] == 1
    assert counts["in-sum", "OPV|SOUTH"] == 0, "a kind of which nobody came stands there with zero"
    for stage in ("enrolled", "invited", "present", "in-sum"):
        parts = [count for (name, codes), count in counts.items() if name == stage and codes]
        assert sum(parts) == counts[stage, ""]
    row = found["present", "AMB|SOUTH"]
    assert row["label_nl"] == "Aanwezig bij het begin: AMB nl | SOUTH nl"
    assert (row["kind"], row["unit"], row["year"]) == ("participation", "institutions", "2025")
    # Who came is told by the round; the roster knows who is on it only. Each source in its own language.
    assert row["source_nl"] == "de ronde over 2025; namen: coverage in manifest.json"
    assert row["source_en"] == "the round about 2025; names: coverage in manifest.json"
    listed = found["enrolled", ""]
    assert listed["source_nl"] == f"deelnemerslijst, versie 7, SHA-256 {roster.digest}"
    assert listed["source_en"] == f"roster, version 7, SHA-256 {roster.digest}"
    # A word of the roster that no level stands for alone is shown as it is.
    assert found["present", "VO_MO|NORTH"]["label_en"] == "Present at the start: VO_MO | NORTH en"


def test_public_figures_stand_as_they_were_signed_with_their_source() -> None:
    first, second = exact.rows(None, public.parse(PUBLIC))
    assert first == {
        "kind": "capacity",
        "subject": "places",
        "codes": "COSM",
        "label_nl": "Plaatsen (juni)",
        "label_en": "Places (June)",
        "value": 50,
        "unit": "places",
        "year": "2010",
        "source_nl": "Verslag, blz. 3",
        "source_en": "Report, p. 3",
    }
    assert (second["year"], second["codes"]) == ("", "")


def test_nothing_known_is_no_rows_and_both_stand_in_one_file(participation) -> None:
    assert not list(exact.rows(None, None))
    both = csv_bytes(exact.COLUMNS, exact.rows(participation, public.parse(PUBLIC))).decode()
    assert both.count("participation") == 4 * (1 + 4)
    assert both.splitlines()[-1].startswith("publication,areas,,Gebieden,Areas,17,regions,,Lijst,List")
