import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from samentel.documents.programme import Programme, parse
from samentel.figures import indicators
from samentel.figures.edition import Edition, csv_bytes
from samentel.figures.estimate import Z, estimate
from tests.samentel.figures.nation import Row, counted, edition, noisy, people, summed, table

MISSING = ("NREC", "NASK")
Lines = Mapping[tuple[str, str, str], Mapping[str, Any]]


@pytest.fixture(scope="module")
def years(nation: Programme) -> Sequence[Mapping[str, Sequence[Row]]]:
    """Two years of people."""
    return [
        {
            "clients": people(nation, "clients", 900 + 300 * year, year),
            "victims": people(nation, "victims", 400, 5),
        }
        for year in range(2)
    ]


def lines(made: Edition, period: str = "2025") -> Lines:
    """The rows of a period, by indicator, dimension and code."""
    found = list(indicators.rows(made, [estimate(made.programme, year.national) for year in made.years]))
    assert all(tuple(row) == indicators.COLUMNS for row in found)
    return {
        (row["indicator"], row["dimension"], row["code"]): row for row in found if row["period"] == period
    }  # type: ignore[misc]


def test_the_registration_gap_is_the_share_of_help_without_a_reason(nation, years) -> None:
    found, rows = lines(edition(nation, *(summed(nation, year) for year in years))), years[1]["clients"]
    shares = {
        ("gap-clients", "", ""): counted(rows, reason=MISSING) / len(rows),
        ("gap-clients-nrec", "", ""): counted(rows, reason="NREC") / len(rows),
        ("gap-clients-nask", "", ""): counted(rows, reason="NASK") / len(rows),
    }
    for kind in ("OPV", "AMB"):
        mine = counted(rows, organisation=kind)
        shares["gap-clients", "organisation", kind] = counted(rows, reason=MISSING, organisation=kind) / mine
        shares["gap-clients-nask", "organisation", kind] = (
            counted(rows, reason="NASK", organisation=kind) / mine
        )
    for part in ("NORTH", "SOUTH"):
        mine = counted(rows, house=part)
        shares["gap-clients", "house", part] = counted(rows, reason=MISSING, house=part) / mine
    for place, share in shares.items():
        assert found[place]["estimate"] == pytest.approx(100 * share, abs=1e-6), place
        assert found[place]["unit"] == "percent"
        assert 0 < found[place]["sd"] < 2
        assert found[place]["upper"] - found[place]["lower"] == pytest.approx(2 * Z * found[place]["sd"])
    # By part of the country only both together are told: the table there has one code for the two.
    assert ("gap-clients-nask", "house", "NORTH") not in found


def test_victims_who_are_not_reported_are_counted_by_what_stood_in_the_way(nation, years) -> None:
    found, rows = lines(edition(nation, *(summed(nation, year) for year in years))), years[1]["victims"]
    counts = {
        ("", ""): counted(rows, consent=("NOT_REFUSED", "NOT_ASKED")),
        ("consent", "NOT_REFUSED"): counted(rows, consent="NOT_REFUSED"),
        ("consent", "NOT_ASKED"): counted(rows, consent="NOT_ASKED"),
    }
    mine = {place[1:]: row for place, row in found.items() if place[0] == "unreported-victims"}
    assert {place: round(row["estimate"], 6) for place, row in mine.items()} == counts
    assert {row["unit"] for row in mine.values()} == {"persons"}
    assert mine["consent", "NOT_ASKED"]["label_nl"] == "NOT_ASKED nl"
    # Two cells of one table with independent noise, drawn together with the total that pins them.
    parts = [mine["consent", name]["sd"] for name in ("NOT_REFUSED", "NOT_ASKED")]
    assert mine["", ""]["sd"] < math.hypot(*parts)


def test_a_change_is_against_the_year_before_with_the_noise_of_both(nation, years) -> None:
    made = edition(nation, *(summed(nation, year) for year in years))
    before, after = lines(made, "2024"), lines(made, "2025")
    assert before.keys() == after.keys()
    assert all(row["change"] is None and row["beyond_noise"] is None for row in before.values())
    for place, row in after.items():
        sd = math.hypot(row["sd"], before[place]["sd"])
        assert row["change"] == pytest.approx(row["estimate"] - before[place]["estimate"])
        assert row["change_sd"] == pytest.approx(sd)
        assert row["beyond_noise"] == ("yes" if abs(row["change"]) > Z * sd else "no")
    assert after["unreported-victims", "", ""]["beyond_noise"] == "no"  # the same victims in both years


def test_a_change_that_is_larger_than_the_noise_is_said_to_be(nation, years) -> None:
    more = {
        "clients": years[0]["clients"],
        "victims": [dict(it, consent="NOT_ASKED") for it in years[0]["victims"]],
    }
    found = lines(edition(nation, summed(nation, years[0]), summed(nation, more)))
    assert found["unreported-victims", "", ""]["beyond_noise"] == "yes"
    assert found["unreported-victims", "consent", "NOT_REFUSED"]["change_upper"] < 0


def test_they_are_found_by_what_is_counted_whatever_it_is_called(
    draft: dict[str, Any], years, toml: Callable[[dict[str, Any]], bytes], nation
) -> None:
    names = {"reason": "aanleiding", "organisation": "huis", "consent": "gemeld"}
    for it in draft["dimensions"]:
        it["id"] = names.get(it["id"], it["id"])
        if it.get("rolls_up") in names:
            it["rolls_up"] = names[it["rolls_up"]]
    for number, it in enumerate(draft["tables"]):
        it |= {"id": f"t{number}", "dimensions": [names.get(name, name) for name in it["dimensions"]]}
    other = parse(toml(draft))
    renamed = {
        name: [{names.get(key, key): level for key, level in row.items()} for row in rows]
        for name, rows in years[1].items()
    }
    found, before = (
        lines(edition(programme, summed(programme, rows)))
        for programme, rows in ((other, renamed), (nation, years[1]))
    )
    assert [row["estimate"] for row in found.values()] == pytest.approx(
        [row["estimate"] for row in before.values()]
    )
    assert ("gap-clients", "huis", "OPV") in found


def test_a_programme_that_asks_neither_has_no_indicators(draft, toml) -> None:
    draft["tables"] = [it for it in draft["tables"] if it["id"] in ("clients", "region")]
    other = parse(toml(draft))
    assert indicators.products(other) == ()


def test_a_share_of_nearly_nobody_has_no_number(nation) -> None:
    few = {"clients": people(nation, "clients", 4, 1), "victims": []}
    found = lines(edition(nation, summed(nation, few)))["gap-clients", "", ""]
    assert [found[name] for name in ("estimate", "sd", "lower", "upper", "grade")] == [None] * 5


def test_a_table_of_three_years_gives_one_figure_of_them_together(draft, toml) -> None:
    draft["tables"] = [table("clients"), table("clients", "reason", "organisation", years=3)]
    other = parse(toml(draft))
    rows = [people(other, "clients", 500, seed) for seed in range(3)]
    made = edition(other, *(summed(other, {"clients": it}) for it in rows))
    found, every = lines(made, "2023-2025"), [row for part in rows for row in part]
    share = counted(every, reason=MISSING, organisation="AMB") / counted(every, organisation="AMB")
    assert found["gap-clients", "organisation", "AMB"]["estimate"] == pytest.approx(100 * share)
    assert found["gap-clients", "organisation", "AMB"]["change"] is None
    assert not lines(made, "2025")


def test_every_indicator_explains_itself_in_both_languages(nation) -> None:
    made = indicators.products(nation)
    assert [one.id for one in made] == [
        "gap-clients",
        "gap-clients-nrec",
        "gap-clients-nask",
        "unreported-victims",
    ]
    assert made[0].title.nl == "Clients (nl): aanleiding nREC nl of nASK nl"
    for one in made:
        assert one.question.nl != one.question.en
        assert one.definition.nl != one.definition.en


@pytest.mark.statistics
def test_shares_and_changes_are_as_uncertain_as_they_say(draft, toml, years) -> None:
    draft["tables"] = [it for it in draft["tables"] if it["population"] == "clients"]
    other = parse(toml(draft))
    random, runs = np.random.default_rng(20251), 90
    exact = [summed(other, year) for year in years]
    truth = lines(edition(other, *exact))
    places = [
        ("gap-clients", "organisation", "AMB"),
        ("gap-clients", "house", "NORTH"),
        ("gap-clients", "", ""),
    ]
    off: dict[Any, list[float]] = {}
    for _ in range(runs):
        found = lines(edition(other, *(noisy(one, random) for one in exact)))
        for place in places:
            for value, sd in (("estimate", "sd"), ("change", "change_sd")):
                error = (found[place][value] - truth[place][value]) / found[place][sd]
                off.setdefault((place, value), []).append(error)
    for place, errors in off.items():
        assert abs(np.mean(errors)) < 4 / math.sqrt(runs), place
        assert 0.6 < np.var(errors) < 1.6, place  # of 90 runs; the seed is fixed


def test_the_file_is_the_same_whenever_it_is_made(nation, years) -> None:
    made = edition(nation, *(summed(nation, year) for year in years))
    files = [
        csv_bytes(
            indicators.COLUMNS, indicators.rows(made, [estimate(nation, it.national) for it in made.years])
        )
        for _ in range(2)
    ]
    assert files[0] == files[1]
    assert files[0].count(b"\n") == 1 + 2 * len(lines(made))
