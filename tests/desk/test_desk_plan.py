import io
import math
from dataclasses import replace
from fractions import Fraction

import pytest
from rich.console import Console
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from desk import plan as planning
from desk import plan_page
from desk.packaged import packaged
from samentel.documents import programme as programmes
from samentel.errors import DocumentError


@pytest.mark.parametrize(
    ("institutions", "table", "sd_one", "sd_all", "half", "least"),
    [
        pytest.param(4, "reason", 1.2909944, 2.5819889, 5.0606052, 5, id="reason-of-four"),
        pytest.param(4, "sex-age", 2.2360680, 4.4721360, 8.7652254, 8, id="sex-age-of-four"),
        pytest.param(40, "reason", 1.2909944, 8.1649658, 16.0030389, 14, id="reason-of-forty"),
    ],
)
def test_the_plan_shows_the_figures_that_were_worked_out_by_hand(
    programme, institutions, table, sd_one, sd_all, half, least
):
    row = next(row for row in planning.plan(programme, institutions).tables if row.table == table)
    assert row.sd_institution == pytest.approx(sd_one, abs=1e-6)
    assert row.sd_national == pytest.approx(sd_all, abs=1e-6)
    assert row.half_width == pytest.approx(half, abs=1e-6)
    assert row.least_seen == least


@pytest.mark.parametrize("institutions", [3, 4, 57])
def test_every_table_follows_from_rho_alone(programme, institutions):
    for row, table in zip(planning.plan(programme, institutions).tables, programme.tables, strict=True):
        sigma = math.sqrt(1 / (2 * float(programme.rho * table.rho_share)))
        assert row.sd_institution == pytest.approx(sigma, rel=1e-12)
        assert row.half_width == pytest.approx(norm.ppf(0.975) * sigma * math.sqrt(institutions), rel=1e-9)
        assert row.cells == math.prod(len(programme.dimension(name).codes) for name in table.dimensions)
        assert row.rho <= programme.rho * table.rho_share


def test_the_translations_are_never_below_what_an_independent_calculation_gives(programme):
    made = planning.plan(programme, 4)
    rho, delta = float(made.rho), float(programme.delta)

    def epsilon(log_excess: float) -> float:
        order = 1 + math.exp(log_excess)
        return order * rho + (
            math.log(1 / delta) + (order - 1) * math.log1p(-1 / order) - math.log(order)
        ) / (order - 1)

    least = minimize_scalar(epsilon, bounds=(-10, 10), method="bounded", options={"xatol": 1e-10}).fun
    assert least <= made.epsilon <= least * (1 + 1e-6)
    power = norm.cdf(norm.ppf(0.05) + math.sqrt(2 * rho))
    assert power <= made.power <= power + 0.001


def test_the_ledger_cost_is_what_the_programme_states(programme):
    made = planning.plan(programme, 4)
    assert (made.ledger_attempt, made.ledger_most) == (Fraction(1, 2), Fraction(1))
    assert made.rho <= made.ledger_attempt


def test_fewer_institutions_than_the_programme_asks_for_have_no_plan(programme):
    with pytest.raises(DocumentError, match="at least 3"):
        planning.plan(programme, 2)


def test_a_change_of_rho_changes_the_plan(programme):
    text = packaged("aanleiding-demo").replace(b'rho = "1/2"', b'rho = "1/8"')
    made, before = planning.plan(programmes.parse(text), 4), planning.plan(programme, 4)
    assert made.tables[0].sd_institution == pytest.approx(2 * before.tables[0].sd_institution)


def test_the_plan_says_what_it_costs_a_person_who_is_in_the_data_more_than_once(programme):
    made = planning.plan(programme, 4)
    half = Fraction(1, 2)
    assert [(it.times, it.rho) for it in made.by_institutions] == [(1, half), (2, 2), (3, Fraction(9, 2))]
    assert [(it.times, it.rho) for it in made.by_years] == [(1, half), (2, 1), (3, Fraction(3, 2))]
    assert made.by_years[0].epsilon == pytest.approx(made.epsilon, rel=1e-9)
    values = planning.as_values(made)
    assert [it["rho"] for it in values["by_institutions"]] == ["1/2", "2", "9/2"]
    assert [it["rho"] for it in values["by_years"]] == ["1/2", "1", "3/2"]


@pytest.mark.parametrize(("language", "words"), [("nl", "instellingen"), ("en", "institutions")])
def test_the_plan_prints_what_it_costs_a_person_who_is_in_the_data_more_than_once(programme, language, words):
    screen = Console(width=120, record=True, file=io.StringIO())
    screen.print(plan_page.render(planning.plan(programme, 4), language))
    text = screen.export_text()
    (squares,) = [line for line in text.splitlines() if "h²" in line]
    (years,) = [line for line in text.splitlines() if "rho × y" in line]
    assert words in squares
    assert all(f" {rho} (epsilon" in squares for rho in ("1/2", "2", "9/2"))
    assert all(f" {rho} (epsilon" in years for rho in ("1/2", "1", "3/2"))


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_word_exists_in_both_languages(programme, language):
    made = planning.plan(programme, 4)
    assert plan_page.render(made, language) is not None
    assert plan_page.WORDS["nl"].keys() == plan_page.WORDS["en"].keys()
    assert "26.0%" in plan_page.power_sentence(made.power, language)
    assert "12.3%" in plan_page.power_sentence(replace(made, power=0.123).power, language)
