"""The plans that stand beside the national programmes are what the programmes are worth today.

To renew them after a change of a programme:

    for n in registratie-2025:40 registratie-demo:12 registratie-kwartaal-2025:40 kwartaal-demo:12; do \
.venv/bin/samentel plan ${n%:*} --institutions ${n#*:} --json > desk/programmes/${n%:*}.plan.json; done
"""

import json
from fractions import Fraction
from importlib.resources import files as resources

import pytest

from desk.packaged import packaged
from desk.planning import plan as planning
from samentel.documents import programme as programmes
from samentel.errors import DocumentError

COMMITTED = [
    ("registratie-2025", 40),
    ("registratie-demo", 12),
    ("registratie-kwartaal-2025", 40),
    ("kwartaal-demo", 12),
]


def committed(name):
    return json.loads((resources("desk") / "programmes" / f"{name}.plan.json").read_text("utf-8"))


def differences(made, known, place=""):
    """Every place where two plans differ; numbers may differ in the tenth digit."""
    if isinstance(made, dict) and isinstance(known, dict) and made.keys() == known.keys():
        return [it for key in made for it in differences(made[key], known[key], f"{place}.{key}")]
    if isinstance(made, list) and isinstance(known, list) and len(made) == len(known):
        pairs = enumerate(zip(made, known, strict=True))
        return [it for number, (a, b) in pairs for it in differences(a, b, f"{place}[{number}]")]
    if isinstance(made, float) and isinstance(known, float):
        return [] if made == pytest.approx(known, rel=1e-9, abs=1e-12) else [f"{place}: {made}, was {known}"]
    return [] if made == known else [f"{place}: {made}, was {known}"]


@pytest.mark.parametrize(("name", "institutions"), COMMITTED)
def test_the_committed_plan_is_the_plan(name, institutions):
    made = planning.plan(programmes.parse(packaged(name)), institutions)
    assert not differences(json.loads(json.dumps(planning.as_values(made))), committed(name))


def test_the_national_programme_reaches_what_it_is_for():
    made = committed("registratie-2025")
    answers = {(it["asked"], it["population"], *it["codes"]): it for it in made["answers"]}
    assert answers["gaps", "clients", "NREC", "NASK"]["points"] <= 2
    assert answers["total", "victims"]["half_width"] <= 10
    assert answers["level", "placements", "COSM"]["half_width"] <= 8
    assert answers["level", "placements", "OMM"]["half_width"] <= 8


def test_what_it_does_not_reach_is_two_tables_and_said():
    missed = {(it["table"], it["missed"]) for it in committed("registratie-2025")["misses"]}
    assert missed == {("waiting-facility", "readable"), ("present-facility", "readable")}
    assert not committed("registratie-kwartaal-2025")["misses"]


def test_a_quarter_knows_the_victims_to_ten():
    made = committed("registratie-kwartaal-2025")
    answers = {(it["asked"], it["population"], *it["codes"]): it for it in made["answers"]}
    assert answers["total", "victims"]["half_width"] <= 10
    assert answers["gaps", "clients", "NREC", "NASK"]["points"] <= 2


def test_year_and_quarters_cost_a_person_a_half_and_fit_under_the_house_cap_twice():
    year, quarter = (programmes.parse(packaged(f"registratie-{name}2025")) for name in ("", "kwartaal-"))
    assert year.rho + quarter.rho == Fraction(1, 2)  # a person is in one quarter of a year
    assert year.rho * year.max_attempts + quarter.rho * quarter.max_attempts <= 1


@pytest.mark.parametrize(("name", "institutions"), COMMITTED)
def test_the_shares_are_the_best_for_the_weights(name, institutions):
    optimality = committed(name)["optimality"]
    assert optimality["ratio"] <= 1.02
    assert optimality["better"] <= 0.005


@pytest.mark.parametrize(("name", "institutions"), COMMITTED)
def test_with_more_institutions_there_is_a_plan_too(name, institutions):
    programme, before = programmes.parse(packaged(name)), committed(name)
    for more in (institutions + 1, 2 * institutions, 10 * institutions):
        made = planning.plan(programme, more)
        for table, known in zip(made.tables, before["tables"], strict=True):
            assert table.half_width <= known["half_width"]


@pytest.mark.parametrize("name", [name for name, _ in COMMITTED])
def test_even_with_the_fewest_institutions_every_table_is_worth_publishing(name):
    programme = programmes.parse(packaged(name))
    assert planning.plan(programme, programme.roster.institutions_min).tables


def test_a_table_that_needs_three_years_cannot_be_published_every_year():
    text = packaged("registratie-2025").replace(b"years = 3\n", b"")
    with pytest.raises(DocumentError, match=r"tables\.asked-outcome: half an interval"):
        planning.plan(programmes.parse(text), 40)
