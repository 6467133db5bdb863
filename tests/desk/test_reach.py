"""The levels that the roster fixes, as the plan and its page show them."""

import io
import re
from datetime import UTC, datetime

import pytest
from rich.console import Console

from desk import signing
from desk.packaged import packaged
from desk.planning import plan as planning
from desk.planning import plan_page
from samentel.documents import programme as programmes
from samentel.documents.keys import SigningKey
from samentel.documents.model import to_bytes
from samentel.documents.roster import Institution, Roster, parse
from samentel.errors import DocumentError, LocalFault

# Twelve institutions, at least four of each kind that the programme for twelve counts; c + D + 2 is 4.
TYPES = ("VO_MO", "VO_MO", "OMM", "COSM", "JEUGD", "JEUGD", "JEUGD", "JEUGD", "AMB", "AMB", "ZC", "LEG")
PLACES = {"VO_MO": ("VO_MO", "JH"), "OMM": ("OMM", "VO_MO", "JH"), "COSM": ("COSM", "VO_MO", "JH")}


def roster_of(types):
    keys = [SigningKey(bytes([1, number]) * 16).public.raw.hex() for number in range(len(types) + 1)]
    listed = tuple(
        Institution(
            node=f"node-{number:02d}",
            name=f"Institution {number}",
            operator="itself",
            type=kind,
            province="PV27",
            facilities=PLACES.get(kind, ()),
            protocol_key=keys[number],
        )
        for number, kind in enumerate(types)
    )
    written = Roster(
        version=1, issued_at=datetime(2026, 1, 1, tzinfo=UTC), coordinator_key=keys[-1], institutions=listed
    )
    return parse(to_bytes(written))


@pytest.fixture(scope="module")
def demo():
    return programmes.parse(packaged("registratie-demo"))


def levels(made):
    return {level.level: level for level in made.levels}


def test_without_a_roster_the_plan_says_how_many_institutions_each_level_needs(demo):
    found = levels(planning.plan(demo, 12))
    assert (found["facility:JH"].needed, found["facility:JH"].there) == (4, None)
    assert found["facility:JH"].label_nl.startswith("Jeugdhulp")
    consented = [name for name, level in found.items() if level.by_consent]
    assert {"facility:COSM", "facility:OMM", "facility:ISZW"} <= set(consented)
    assert all(found[name].needed is None for name in consented)
    assert "reason" not in {level.dimension for level in found.values()}


def test_with_a_roster_it_says_how_many_there_are(demo):
    found = levels(planning.plan(demo, 12, roster=roster_of(TYPES)))
    there = {code: found[f"organisation:{code}"].there for code in ("OPV", "HULP")}
    assert there == {"OPV": 4, "HULP": 8}
    assert found["facility:COSM"].there == found["facility:OMM"].there == 1
    assert found["facility:OTH"].there == 8


def test_a_roster_with_too_few_at_a_level_has_no_plan_and_consent_is_not_asked_here(demo):
    few = (*("VO_MO",) * 8, *("AMB",) * 3, "OMM")
    with pytest.raises(
        DocumentError, match=r"organisation:HULP: 3 institution\(s\).* needs 4; take it"
    ) as fault:
        planning.plan(demo, 12, roster=roster_of(few))
    assert "facility:COSM" not in str(fault.value)
    nobody = ("AMB", *TYPES[1:4], *("AMB",) * 8)
    with pytest.raises(DocumentError, match="organisation:OPV: 3") as fault:
        planning.plan(demo, 12, roster=roster_of(nobody))
    assert "organisation:HULP" not in str(fault.value)
    assert "house-part:ELSEWHERE" not in str(fault.value)  # a level that nobody can fill tells nothing


def test_individual_mode_has_no_such_rule(programme):
    assert planning.plan(programme, 4).levels == ()


@pytest.mark.parametrize(
    ("language", "says"),
    [
        (
            "nl",
            (
                "ten minste 4 nodig",
                "Vrouwen-, maatschappelijke en categorale opvang (4); Jeugdhulp, ",
                "ambulante en andere hulp (8)",
                "Met toestemming: Categorale opvang (COSM) (1); ",
                "Eerste verzoeken om opvang: kanaal ",
            ),
        ),
        (
            "en",
            (
                "needs at least 4",
                "Women's, social and categorical shelter (4); Youth care, ",
                "By consent: Shelter for foreign victims (COSM) (1); ",
                "First requests for shelter: channel ",
            ),
        ),
    ],
)
def test_the_page_of_twenty_tables_fits_a_hundred_letters(demo, language, says):
    screen = Console(width=100, record=True, file=io.StringIO())
    screen.print(plan_page.render(planning.plan(demo, 12, roster=roster_of(TYPES)), language))
    text = screen.export_text()
    assert "…" not in text
    for table in demo.tables:
        (line,) = [line for line in text.splitlines() if line.startswith(f"  {table.id} ")]
        assert len(line.split()) >= 8, line
        often = "3" if table.years == 3 else "1"
        assert re.search(rf" {often} (jaar|years?)\b", line)
    for words in says:
        assert words in " ".join(text.split()), words
    assert {len(line) for line in text.splitlines()} <= set(range(101))


def test_a_roster_is_read_plain_or_signed_and_nothing_else(demo, tmp_path):
    roster = roster_of(TYPES)
    (tmp_path / "roster.json").write_bytes(to_bytes(roster))
    signed = signing.sign(tmp_path / "roster.json", [SigningKey(b"\3" * 32)])
    assert signing.read_roster(tmp_path / "roster.json") == roster == signing.read_roster(signed.path)
    (tmp_path / "p.toml").write_bytes(packaged("registratie-demo"))
    programme = signing.sign(tmp_path / "p.toml", [SigningKey(b"\3" * 32)])
    with pytest.raises(DocumentError, match="is not a roster"):
        signing.read_roster(programme.path)
    with pytest.raises(DocumentError):
        signing.read_roster(tmp_path / "p.toml")
    with pytest.raises(LocalFault, match="no such file"):
        signing.read_roster(tmp_path / "none.json")
