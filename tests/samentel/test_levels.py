"""Which institutions can fill a level that the roster fixes, and when they are too few."""

from typing import Any

import pytest

from samentel.documents import levels, roster
from samentel.documents.keys import SigningKey
from samentel.documents.levels import consents_known, consents_needed, fixed_levels, too_small, unnamed
from samentel.documents.model import to_bytes
from samentel.documents.programme import Programme, parse
from samentel.documents.roster import Institution, Roster

TEXT = {"nl": "tekst", "en": "text"}


def code(name: str, **more: Any) -> dict[str, Any]:
    return {"code": name, "nl": name, "en": name, **more}


ORGANISATION = {
    "id": "organisation",
    "field": "type",
    "title": TEXT,
    "unknown": "REST",
    "fixed_by": "type",
    "codes": [code("SHELTER", members=["VO", "COSM"]), code("YOUTH"), code("REST", members=["NGO"])],
}
FACILITY = {
    "id": "facility",
    "field": "facility",
    "title": TEXT,
    "unknown": "OTH",
    "fixed_by": "facilities",
    "codes": [
        code("COSM", members=["COSM"], by_consent=True),
        code("OMM", members=["OMM"], by_consent=True),
        code("VO", members=["VO"]),
        code("OTH"),
    ],
}
KIND = {
    "id": "kind",
    "field": "facility",
    "title": TEXT,
    "unknown": "REST",
    "rolls_up": "facility",
    "codes": [code("SPECIAL", members=["COSM", "OMM"]), code("REST", members=["VO", "OTH"])],
}
UNUSED = {**ORGANISATION, "id": "unused"}


@pytest.fixture
def made(written: dict[str, Any], toml: Any) -> Any:
    """A programme with these dimensions, and a table of each but the one that is unused."""

    def make(*dimensions: dict[str, Any], mode: str = "secure-sum", c: int = 1, d: int = 1) -> Programme:
        tables = [
            {
                "id": one["id"],
                "title": TEXT,
                "question": TEXT,
                "population": "persons",
                "dimensions": [one["id"]],
                "rho_share": "1/20",
            }
            for one in dimensions
            if one["id"] != "unused"
        ]
        rules = {"institutions_min": c + d + 3, "collude_max": c, "absent_max": d}
        kept = [{**table, "rho_share": "1/5"} for table in written["tables"]]
        changed = {
            "mode": mode,
            "roster": rules,
            "dimensions": [*written["dimensions"], *dimensions],
            "tables": [*kept, *tables],
        }
        return parse(toml(written | changed))

    return make


def listed(*entries: tuple[str, tuple[str, ...]]) -> Roster:
    institutions = tuple(
        Institution(
            node=f"node-{number}",
            name=f"House {number}",
            operator="itself",
            type=kind,
            province="PV27",
            facilities=facilities,
            protocol_key=SigningKey(bytes([number + 1]) * 32).public.raw.hex(),
        )
        for number, (kind, facilities) in enumerate(entries)
    )
    written = Roster(
        version=1,
        issued_at="2026-01-01T00:00:00+00:00",  # type: ignore[arg-type]
        coordinator_key=SigningKey(b"c" * 32).public.raw.hex(),
        institutions=institutions,
    )
    return roster.parse(to_bytes(written))


def names(found: Any) -> list[str]:
    return [level.name for level in found]


def test_every_level_says_who_can_fill_it(made: Any) -> None:
    held = listed(("VO", ("VO",)), ("COSM", ("COSM", "OMM")), ("ELSE", ()), ("NGO", ()))
    found = {
        level.name: (level.by_consent, level.nodes)
        for level in fixed_levels(made(ORGANISATION, FACILITY, UNUSED), held)
    }
    everybody = tuple(f"node-{number}" for number in range(4))
    assert found == {
        "organisation:SHELTER": (False, ("node-0", "node-1")),
        "organisation:YOUTH": (False, ()),
        "organisation:REST": (False, ("node-2", "node-3")),  # a type that no level names is the unknown one
        "facility:COSM": (True, ("node-1",)),
        "facility:OMM": (True, ("node-1",)),
        "facility:VO": (False, ("node-0",)),
        "facility:OTH": (False, everybody),
    }


@pytest.mark.parametrize(("c", "d", "least"), [(0, 0, 2), (1, 1, 4), (2, 3, 7)])
def test_a_level_needs_c_and_d_and_two_more(made: Any, c: int, d: int, least: int) -> None:
    programme = made(ORGANISATION, c=c, d=d)
    assert levels.least_at_level(programme) == least
    enough = listed(*[("VO", ())] * least, *[("NGO", ())] * (least + 1))
    assert too_small(programme, enough) == ()  # nobody can fill YOUTH, so nobody's totals are at stake
    one_less = listed(*[("VO", ())] * (least - 1), *[("NGO", ())] * (least + 1))
    assert names(too_small(programme, one_less)) == ["organisation:SHELTER"]


def test_levels_by_consent_are_never_too_small_and_individual_mode_has_no_such_rule(made: Any) -> None:
    held = listed(*[("VO", ("VO",))] * 3, ("COSM", ("COSM",)))
    assert names(too_small(made(ORGANISATION, FACILITY), held)) == ["facility:VO"]
    openly = made(ORGANISATION, FACILITY, mode="individual")
    assert too_small(openly, held) == ()
    assert consents_needed(openly, held.institutions[3]) == consents_known(openly) == ()


def test_an_institution_is_asked_for_the_levels_that_it_can_fill_itself(made: Any) -> None:
    programme = made(ORGANISATION, FACILITY)
    held = listed(("COSM", ("COSM",)), ("COSM", ("OMM", "COSM")), ("COSM", ("VO",)))
    assert [consents_needed(programme, one) for one in held.institutions] == [
        ("facility:COSM",),
        ("facility:COSM", "facility:OMM"),
        (),
    ]
    assert consents_known(programme) == ("facility:COSM", "facility:OMM")
    assert consents_known(made(ORGANISATION)) == ()


def test_a_roll_up_of_what_the_roster_fixes_is_fixed_too(made: Any) -> None:
    """A coarse level is filled by whoever can fill a part of it; by consent only if all its parts are."""
    held = listed(("COSM", ("COSM",)), ("COSM", ("OMM",)), ("VO", ("VO",)))
    both = made(FACILITY, KIND)
    coarse = both.model_copy(update={"tables": [one for one in both.tables if one.id != "facility"]})
    assert [(level.name, level.by_consent, len(level.nodes)) for level in fixed_levels(coarse, held)] == [
        ("kind:SPECIAL", True, 2),
        ("kind:REST", False, 3),
    ]
    assert names(too_small(coarse, held)) == ["kind:REST"]
    assert consents_needed(coarse, held.institutions[1]) == ("kind:SPECIAL",)
    # Beside the fine one it needs no rule of its own: whoever may fill the parts may fill the whole.
    assert names(too_small(both, held)) == ["facility:VO", "facility:OTH"]
    assert consents_needed(both, held.institutions[1]) == ("facility:OMM",)


def test_a_place_stands_on_the_roster_once() -> None:
    with pytest.raises(ValueError, match="each kind of place stands once"):
        listed(("COSM", ("COSM", "COSM")))


def test_the_places_that_came_and_went_are_shown() -> None:
    before, after = listed(("COSM", ("COSM", "VO"))), listed(("COSM", ("OMM", "VO")), ("NGO", ()))
    assert roster.changes(before, after) == [
        "+ House 1 (node-1)",
        "~ House 0 (node-0): facilities +OMM -COSM",
    ]
    assert roster.changes(None, before) == ["+ House 0 (node-0), with COSM, VO"]


def test_two_ways_to_take_levels_together_leave_none_to_be_found_by_subtraction(made: Any) -> None:
    # {COSM + OMM} less {OMM} would be COSM, which one house has.
    other = {
        **KIND,
        "id": "other-kind",
        "codes": [code("OMM", members=["OMM"]), code("REST", members=["COSM", "VO", "OTH"])],
    }
    held = listed(*[("VO", ("VO", "OMM"))] * 6, ("COSM", ("COSM",)))
    one, two = made(FACILITY | {"id": "facility"}, KIND), made(FACILITY, KIND, other)
    assert names(fixed_levels(one, held)) == names(fixed_levels(two, held))
    strict = {**FACILITY, "codes": [code("COSM", members=["COSM"]), *FACILITY["codes"][1:]]}
    for programme in (made(strict, KIND, other), made(strict, KIND)):
        assert names(too_small(programme, held)) == ["facility:COSM"]


def test_a_word_of_the_roster_that_no_level_names_is_told(made: Any) -> None:
    held = listed(("VO", ()), ("YUOTH", ()), ("YOUTH", ()))
    assert unnamed(made(ORGANISATION), held) == ("node-1: YUOTH",)
    assert unnamed(made(FACILITY), held) == ()
