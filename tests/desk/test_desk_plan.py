import io
import math
from dataclasses import replace
from fractions import Fraction

import pytest
from rich.console import Console
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from desk.packaged import packaged
from desk.planning import plan as planning
from desk.planning import plan_page
from desk.planning.answers import Asked
from desk.planning.options import OptionsError
from samentel.documents import programme as programmes


@pytest.mark.parametrize(
    ("institutions", "table", "sd_one", "sd_all", "after", "least"),
    [
        # Total: 1/(1/(18*s**2) + 1/(24*t**2) + 1/(7*t**2)), s and t the sd of all; see by_hand for a cell.
        pytest.param(4, "reason", 1.2909944, 2.5819889, 2.5440254, 5, id="reason-of-four"),
        pytest.param(4, "sex-age", 2.2360680, 4.4721360, 4.3892524, 8, id="sex-age-of-four"),
        pytest.param(40, "reason", 1.2909944, 8.1649658, 8.0449147, 14, id="reason-of-forty"),
    ],
)
def test_the_plan_shows_the_figures_that_were_worked_out_by_hand(
    programme, institutions, table, sd_one, sd_all, after, least
):
    row = next(row for row in planning.plan(programme, institutions).tables if row.table == table)
    assert row.sd_institution == pytest.approx(sd_one, abs=1e-6)
    assert row.sd_measured == pytest.approx(sd_all, abs=1e-6)
    assert row.sd_national == pytest.approx(after, abs=1e-6)
    assert row.half_width == pytest.approx(1.959964 * after, abs=1e-6)
    assert row.least_seen == least


def by_hand(programme, institutions):
    """Variances after least squares of tables that have nothing but their total in common.

    A table tells the total with the variance n * s**2 of its sum; all together by inverse-variance weighting.
    The rest of a cell, s**2 * (1 - 1/n), only its own table tells.
    """
    own = {
        table.id: (institutions / (2 * float(programme.rho * table.rho_share)), programme.cells(table))
        for table in programme.tables
    }
    total = 1 / sum(1 / (variance * cells) for variance, cells in own.values())
    return {
        name: variance * (1 - 1 / cells) + total / cells**2 for name, (variance, cells) in own.items()
    }, total


@pytest.mark.parametrize("institutions", [3, 4, 57])
def test_every_table_follows_from_rho_alone(programme, institutions):
    made, (after, total) = planning.plan(programme, institutions), by_hand(programme, institutions)
    for row, table in zip(made.tables, programme.tables, strict=True):
        sigma = math.sqrt(1 / (2 * float(programme.rho * table.rho_share)))
        assert row.sd_institution == pytest.approx(sigma, rel=1e-12)
        assert row.sd_measured == pytest.approx(sigma * math.sqrt(institutions), rel=1e-12)
        assert row.sd_national == pytest.approx(math.sqrt(after[table.id]), rel=1e-9)
        assert row.half_width == pytest.approx(norm.ppf(0.975) * row.sd_national, rel=1e-9)
        assert row.cells == math.prod(len(programme.dimension(name).codes) for name in table.dimensions)
        assert row.rho <= programme.rho * table.rho_share
    (answer,) = [it for it in made.answers if it.asked is Asked.TOTAL]
    assert answer.half_width == pytest.approx(norm.ppf(0.975) * math.sqrt(total), rel=1e-9)


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
    with pytest.raises(OptionsError, match="at least 3"):
        planning.plan(programme, 2)


def test_a_change_of_rho_changes_the_plan(programme):
    text = packaged("aanleiding-demo").replace(b'rho = "1/2"', b'rho = "1/8"')
    made, before = planning.plan(programmes.parse(text), 4), planning.plan(programme, 4)
    assert made.tables[0].sd_institution == pytest.approx(2 * before.tables[0].sd_institution)


def test_the_plan_says_what_it_costs_a_person_who_is_in_the_data_more_than_once(programme):
    made = planning.plan(programme, 4)
    half = Fraction(1, 2)
    found = {(it.institutions, it.years): it for it in made.exposures}
    assert len(found) == len(made.exposures) == 12
    for (institutions, years), it in found.items():
        assert it.rho == half * institutions**2 * years
        power = norm.cdf(norm.ppf(0.05) + math.sqrt(2 * it.rho))
        assert power <= it.power <= power + 0.001
    assert found[1, 1].epsilon == pytest.approx(made.epsilon, rel=1e-9)
    values = planning.as_values(made)["exposures"]
    assert [it["rho"] for it in values if it["years"] == 1] == ["1/2", "2", "9/2"]
    assert [it["rho"] for it in values if it["institutions"] == 1] == ["1/2", "1", "3/2", "5/2"]


@pytest.mark.parametrize(("language", "words"), [("nl", "5 jaren"), ("en", "5 years")])
def test_the_plan_prints_what_it_costs_a_person_who_is_in_the_data_more_than_once(programme, language, words):
    screen = Console(width=120, record=True, file=io.StringIO())
    screen.print(plan_page.render(planning.plan(programme, 4), language))
    text = screen.export_text()
    assert "rho × h²" in text
    lines = text[text.index("rho × h²") :].splitlines()
    assert any(words in line for line in lines)
    rows = {line.split()[1]: line for line in lines if line.startswith("│")}
    assert all(f" {rho} (" in rows["1"] for rho in ("1/2", "1", "3/2", "5/2"))
    assert all(f" {rho} (" in rows[h] for h, rho in (("1", "1/2"), ("2", "2"), ("3", "9/2")))
    assert "26" in rows["1"].split(")")[0]  # percent: the power


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_word_exists_in_both_languages(programme, language):
    made = planning.plan(programme, 4)
    assert plan_page.render(made, language) is not None
    assert plan_page.WORDS["nl"].keys() == plan_page.WORDS["en"].keys()
    shown = {"nl": ("26,0 %", "12,3 %"), "en": ("26.0%", "12.3%")}[language]
    assert shown[0] in plan_page.power_sentence(made.power, language)
    assert shown[1] in plan_page.power_sentence(replace(made, power=0.123).power, language)
