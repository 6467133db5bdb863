import itertools
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from samentel.documents.programme import parse
from samentel.figures import eu
from samentel.figures.edition import Edition
from samentel.figures.estimate import estimate
from samentel.ids import Period
from tests.samentel.figures.nation import counted, edition, noisy, people, summed

# What a person's levels are in the Union's classes: written here by hand, from no code list.
CLASSES: Mapping[str, tuple[str, Mapping[str, tuple[str, ...]]]] = {
    "organisation": ("organisation", {"OPV": ("OPV",), "AMB": ("AMB",)}),
    "sex": ("sex", {"F": ("F",), "M": ("M",), "UNK": ("U",)}),
    "age": ("age", {"Y_LT18": ("CHILD",), "Y_GE18": ("ADULT",), "UNK": ("AUNK",)}),
    "citizenship": (
        "citizenship",
        {
            "NAT": ("NL",),
            "EU27_2020_FOR": ("EU",),
            "NEU27_2020_FOR": ("AFR", "ASI"),
            "EU27_2020_FOR+NEU27_2020_FOR": ("EU", "AFR", "ASI"),
            "UNK": ("STL",),
        },
    ),
    "form": ("form", {"sexual": ("SEX",), "labour": ("LAB",), "other": ("OTH",)}),
}
ALL = {"organisation": "TOTAL", "sex": "T", "age": "TOTAL", "citizenship": "TOTAL", "form": "TOTAL"}


@pytest.fixture(scope="module")
def victims(nation):
    return people(nation, "victims", 700, 11)


@pytest.fixture(scope="module")
def sums(nation, victims):
    exact = summed(nation, {"clients": [], "victims": victims})
    return {"exact": exact, "noisy": noisy(exact, np.random.default_rng(3))}


def table(made: Edition) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    found = list(eu.rows(made, [estimate(made.programme, one.national) for one in made.years]))
    assert all(tuple(row) == eu.COLUMNS for row in found)
    keyed = {tuple(row[axis] for axis in eu.AXES): row for row in found}
    assert len(keyed) == len(found), "each combination stands once"
    return keyed


def test_every_row_is_the_number_of_victims_of_that_kind(nation, victims, sums) -> None:
    found = table(edition(nation, sums["exact"]))
    for place, row in found.items():
        levels = {
            CLASSES[axis][0]: CLASSES[axis][1][name]
            for axis, name in zip(eu.AXES, place, strict=True)
            if name != ALL[axis]
        }
        assert row["estimate"] == pytest.approx(counted(victims, **levels), abs=1e-6), place
        assert (row["period"], row["geo"]) == ("2025", "NL")


def test_all_that_some_table_tells_is_there_and_nothing_else(nation, sums) -> None:
    """Four forms x sexes x ages, citizenship with form, and organisation with age and Dutch or not."""
    found = set(table(edition(nation, sums["exact"])))
    names = {axis: (ALL[axis], *CLASSES[axis][1]) for axis in eu.AXES}
    two = "EU27_2020_FOR+NEU27_2020_FOR"
    fine = [it for it in names["citizenship"] if it != two]
    coarse = [it for it in names["citizenship"] if it not in ("EU27_2020_FOR", "NEU27_2020_FOR")]
    one = {axis: (name,) for axis, name in ALL.items()}
    told = (
        names | {"organisation": one["organisation"], "citizenship": one["citizenship"]},
        one | {"citizenship": fine, "form": names["form"]},
        names | {"sex": one["sex"], "citizenship": coarse, "form": one["form"]},
    )
    expected = {place for part in told for place in itertools.product(*(part[axis] for axis in eu.AXES))}
    assert found == expected


def test_rows_agree_wherever_one_is_the_sum_of_others(nation, sums) -> None:
    found = table(edition(nation, sums["noisy"]))
    checked = 0
    for place, row in found.items():
        for number, axis in enumerate(eu.AXES):
            if place[number] == ALL[axis]:
                parts = [
                    found.get((*place[:number], name, *place[number + 1 :]))
                    for name in CLASSES[axis][1]
                    if "+" not in name
                ]
                if None not in parts:
                    assert sum(part["estimate"] for part in parts) == pytest.approx(row["estimate"], abs=1e-8)
                    checked += 1
    assert checked > 60


def test_derived_from_names_the_cells_that_a_row_adds_up(nation, sums) -> None:
    made = edition(nation, sums["noisy"])
    tables = estimate(nation, sums["noisy"])
    for place, row in table(made).items():
        name, along = re.fullmatch(r"([a-z-]+)(?:\[(.*)\])?", row["derived_from"]).groups()
        wanted = [part.split("+") for part in along.split("|")] if along else []
        cells = [
            cell
            for cell in tables.table(name).cells
            if all("*" in some or code in some for some, code in zip(wanted, cell.codes, strict=True))
        ]
        assert sum(cell.estimate for cell in cells) == pytest.approx(row["estimate"], abs=1e-8), place
        exact = tables.linear({(name, cell.codes): 1.0 for cell in cells})
        assert row["sd"] == pytest.approx(exact.sd), place


def test_labels_say_which_codes_are_taken_together(nation, sums) -> None:
    found = table(edition(nation, sums["exact"]))
    row = found["TOTAL", "T", "TOTAL", "NEU27_2020_FOR", "labour"]
    assert row["label_en"] == "AFR en + ASI en | LAB en"
    assert row["derived_from"] == "citizenship-form[AFR+ASI|LAB]"
    assert found[tuple(ALL.values())]["label_nl"] == "Totaal"


def test_only_the_last_year_stands_in_it(nation, sums, victims) -> None:
    made = edition(nation, summed(nation, {"clients": [], "victims": victims[:9]}), sums["exact"])
    assert table(made)[tuple(ALL.values())]["estimate"] == pytest.approx(700)


def test_a_quarter_has_none(nation, sums) -> None:
    (year,) = edition(nation, sums["exact"]).years
    assert not table(Edition(nation, (replace(year, period=Period(2025, 1)),)))


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(("clients", "reason"), id="no victims"),
        pytest.param(("victims", "consent"), id="no attribute"),
    ],
)
def test_a_programme_without_its_tables_has_none(draft, toml, kept) -> None:
    draft["tables"] = [it for it in draft["tables"] if it["id"] in kept]
    other = parse(toml(draft))
    rows = {name: people(other, name, 50, 1) for name in ("clients", "victims")}
    assert not table(edition(other, summed(other, rows)))


def test_a_level_without_a_class_keeps_its_dimension_out(draft, toml, victims) -> None:
    sex = next(it for it in draft["dimensions"] if it["id"] == "sex")
    sex["codes"] = [*sex["codes"][:-1], {**sex["codes"][-1], "alignment": {}}]
    other = parse(toml(draft))
    found = table(edition(other, summed(other, {"clients": [], "victims": victims})))
    assert {place[1] for place in found} == {"T"}
    assert found["TOTAL", "T", "Y_LT18", "TOTAL", "sexual"]["derived_from"] == "form-sex-age[SEX|*|CHILD]"
