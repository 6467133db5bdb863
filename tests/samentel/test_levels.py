"""Which institutions can fill a level that the roster fixes, and when they are too few."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from samentel.documents import levels, roster
from samentel.documents.keys import SigningKey
from samentel.documents.levels import consents_known, consents_needed, fixed_levels, too_small, unnamed
from samentel.documents.model import to_bytes
from samentel.documents.programme import Programme, parse
from samentel.documents.roster import Institution, Roster
from samentel.documents.statements import Round, Start
from samentel.errors import DocumentError, PeerError
from samentel.secagg.convening import terms_of
from samentel.secagg.terms import Terms, check_survivors

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


@pytest.fixture
def registering(written: dict[str, Any], toml: Any) -> Any:
    """A programme of populations: each its records, its tables' dimensions and the types that register it."""

    def make(
        populations: dict[str, tuple[str, list[str], dict[str, Any] | None]], *dimensions: Any
    ) -> Programme:
        first = written["populations"][0]
        drafts = [
            {**first, "id": name, "records": records} | ({"registers": registers} if registers else {})
            for name, (records, _, registers) in populations.items()
        ]
        tables = [
            {"id": name, "title": TEXT, "question": TEXT, "population": name, "dimensions": along,
             "rho_share": "1/9"}
            for name, (_, along, _) in populations.items()
        ]  # fmt: skip
        changed = {
            "mode": "secure-sum",
            "roster": {"institutions_min": 5, "collude_max": 1, "absent_max": 1},
            "dimensions": [*written["dimensions"], *dimensions],
            "populations": drafts,
            "tables": tables,
        }
        return parse(toml(written | changed))

    return make


def by(*kinds: str) -> dict[str, Any]:
    return {"channels": dict.fromkeys(kinds, "HELP")}


def test_each_population_along_a_dimension_has_the_rule_for_itself(registering: Any) -> None:
    """Two that other institutions register: enough of the one says nothing of the other."""
    programme = registering(
        {"clients": ("clients", ["facility"], by("AMB")), "moves": ("placements", ["facility"], by("VO")),
         "all": ("requests", ["facility"], None)},
        {**FACILITY, "codes": [code("COSM", members=["COSM"]), code("OTH")]},
    )  # fmt: skip
    houses = [*[("AMB", ("COSM",))] * 4, *[("VO", ("COSM",))] * 5]
    found = [one for one in fixed_levels(programme, listed(*houses)) if one.name == "facility:COSM"]
    # The one that every house registers needs no rule of its own: it holds all of the others.
    assert [len(one.nodes) for one in found] == [4, 5]
    assert too_small(programme, listed(*houses)) == ()
    one_moved = listed(*houses[:4], *[("VO", ())] * 4, houses[-1])
    assert [(it.name, len(it.nodes)) for it in too_small(programme, one_moved)] == [("facility:COSM", 1)]
    terms = terms_for(programme, listed(*houses))
    dealt = range(len(houses))
    check_survivors(terms, dealt, [0, 1, 2, 3, 5, 6, 7, 8])
    with pytest.raises(PeerError, match="facility:COSM"):  # one house that registers moves, and eight others
        check_survivors(replace(terms, absent_max=4), dealt, [0, 1, 2, 3, 8])


def terms_for(programme: Programme, held: Roster) -> Terms:
    moment, hour = datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1)
    round_ = Round(programme=programme.digest, roster=held.digest, period="2025", attempt=1, nonce="5" * 64,
                   opened_at=moment, gather_until=moment + hour, collect_until=moment + 9 * hour)  # fmt: skip
    start = Start(round=round_.round_id, advertise_until=moment + hour, share_until=moment + 2 * hour,
                  mask_until=moment + 3 * hour, expires_at=moment + 4 * hour)  # fmt: skip
    return terms_of(programme, held, round_, start)


def test_one_population_less_another_of_the_same_records_is_a_level(registering: Any) -> None:
    """One house registers the one and not the other: the difference of two totals is its own."""
    less = {"clients": ("clients", [], by("AMB", "ZC", "LEG")), "clients2": ("clients", [], by("AMB", "ZC"))}
    few = listed(*[("AMB", ())] * 6, ("LEG", ()))
    found = too_small(registering(less), few)
    assert [(it.name, it.nodes) for it in found if " " in it.name] == [("clients less clients2", ("node-6",))]
    assert too_small(registering(less), listed(*[("AMB", ())] * 6, *[("LEG", ())] * 4)) == ()
    others = less | {"clients2": ("placements", [], by("AMB", "ZC"))}
    assert too_small(registering(others), few) == ()  # no total of other records can be taken off
    # Two types apart are enough together, but with a third population that has one of them they are not.
    halves = listed(*[("AMB", ())] * 6, *[("ZC", ())] * 2, *[("LEG", ())] * 2)
    wide = {"a": less["clients"], "b": ("clients", [], by("AMB"))}
    assert too_small(registering(wide), halves) == ()
    three = registering(wide | {"c": less["clients2"]})
    assert [(it.name, it.nodes) for it in too_small(three, halves)] == [
        ("a less b", ("node-6", "node-7")),
        ("a less b", ("node-8", "node-9")),
    ]


def test_the_difference_is_looked_at_level_by_level_too(registering: Any) -> None:
    programme = registering(
        {"a": ("clients", ["facility"], by("AMB", "VO")), "b": ("clients", ["facility"], by("AMB"))},
        {**FACILITY, "codes": [code("COSM", members=["COSM"]), code("OTH")]},
    )
    held = listed(*[("AMB", ("COSM",))] * 5, *[("VO", ())] * 5, ("VO", ("COSM",)))
    assert [(it.name, len(it.nodes)) for it in too_small(programme, held)] == [
        ("facility:COSM of a less b", 1)
    ]


def test_whoever_differs_by_a_channel_that_it_agreed_to_is_no_level(registering: Any) -> None:
    channels = {"AMB": "DIRECT", "COM": "MEDIATED"}
    asked = {"channels": channels, "field": "channel", "by_consent": ["MEDIATED"]}
    both = {"a": ("requests", [], asked), "b": ("requests", [], by("AMB"))}
    held = listed(*[("AMB", ())] * 5, ("COM", ()))
    assert too_small(registering(both), held) == ()
    both["a"] = ("requests", [], {**asked, "by_consent": []})
    assert [it.name for it in too_small(registering(both), held)] == ["a:MEDIATED"]


def test_a_word_of_the_roster_that_no_level_names_is_told(made: Any) -> None:
    held = listed(("VO", ()), ("YUOTH", ()), ("YOUTH", ()))
    assert unnamed(made(ORGANISATION), held) == ("node-1: YUOTH",)
    assert unnamed(made(FACILITY), held) == ()


def test_a_channel_is_not_crossed_with_what_the_roster_fixes(registering: Any) -> None:
    """The houses of one channel in one place could be one, however many each has by itself."""
    text = {"nl": "-", "en": "-"}
    channel_ = {"id": "way", "field": "channel", "title": text, "unknown": "OTH",
                "codes": [code("MEDIATED"), code("OTH")]}  # fmt: skip
    place = {"id": "place", "field": "province", "title": text, "unknown": "WEST", "fixed_by": "province",
             "codes": [code("WEST", members=["PV27"]), code("EAST", members=["PV23"])]}  # fmt: skip
    two = {"channels": {"COM": "MEDIATED", "AMB": "DIRECT"}, "field": "channel"}
    registering({"requests": ("requests", ["way"], two)}, channel_, place)
    with pytest.raises(DocumentError, match="way tells channels apart and place is fixed by the roster"):
        registering({"requests": ("requests", ["way", "place"], two)}, channel_, place)
