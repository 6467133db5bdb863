"""Which rho reaches what is asked for: checked against the plan itself, and against another optimiser."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import minimize

from desk.packaged import packaged
from desk.planning import plan as planning
from desk.planning.accuracy import table_plans
from desk.planning.options import OptionsError
from desk.planning.target_shares import GAP
from desk.planning.targets import targets, wanted
from samentel.counting.shares import plan_of, summed_variance
from samentel.documents import programme as programmes
from samentel.figures.workload import spread

NODES, IN_SUM = 40, 38


@pytest.fixture(scope="module")
def national():
    return programmes.parse(packaged("registratie-2025"))


@pytest.fixture(scope="module")
def together():
    return programmes.parse(packaged("aanleiding-samen"))


def only(programme, population):
    """The programme with the tables of one population, which share all of its rho."""
    tables = [table for table in programme.tables if table.population == population]
    spent = sum(table.rho_share for table in tables)
    shared = tuple(it.model_copy(update={"rho_share": it.rho_share / spent}) for it in tables)
    return programme.model_copy(update={"tables": shared})


def found_for(programme, text):
    return targets(programme, plan_of(programme, NODES, NODES), IN_SUM, wanted(text))


def with_rho(programme, rho, shares=None):
    shares = shares or {table.id: table.rho_share for table in programme.tables}
    tables = tuple(it.model_copy(update={"rho_share": shares[it.id]}) for it in programme.tables)
    return programme.model_copy(update={"rho": Fraction(rho), "tables": tables})


def reached(programme):
    """By table id, the sd of its worst cell, as the plan says it."""
    made = table_plans(programme, plan_of(programme, NODES, NODES), IN_SUM, NODES)
    return {table.table: table.sd_national for table in made}


WISHES = {
    "requests": "requests=3,1way=2.5,2way=7/2",  # along dimensions that take codes of one together
    "clients": "total=5,reason=6,2way=5",
}


@pytest.mark.parametrize(("population", "text"), WISHES.items())
def test_the_rho_that_is_said_reaches_everything_and_a_little_less_does_not(national, population, text):
    programme = only(national, population)
    found = found_for(programme, text)
    assert found.rho_best <= found.rho_own
    shares = {it.table: it.rho_share for it in found.shares}
    assert sum(shares.values()) == 1
    for rho, its in ((found.rho_own, None), (found.rho_best, shares)):
        enough, short = (reached(with_rho(programme, rho * part, its)) for part in (1, Fraction(99, 100)))
        named = [
            (enough[it.table or population], short[it.table or population], it.sd) for it in found.sought
        ]
        assert all(sd <= sought for sd, _, sought in named)
        assert any(sd > sought for _, sd, sought in named)


@pytest.mark.parametrize(("population", "text"), WISHES.items())
def test_another_optimiser_finds_no_less(national, population, text):
    programme = only(national, population)
    found = found_for(programme, text)
    full = {noise.table: float(summed_variance(noise, IN_SUM)) for noise in plan_of(programme, NODES, NODES)}
    one = next(iter(programme.measured))
    unit = full[one.id] * float(one.rho_share)  # all tables of one population have the same at share 1
    sought = {it.table or population: float(it.sd) for it in found.sought}

    def ratios(logs):
        shares = np.exp(logs - logs.max())
        shares /= shares.sum()
        each = {table.id: unit / share for table, share in zip(programme.tables, shares, strict=True)}
        cells = spread(programme, each)
        return np.array([math.log(cells[name].max() / sd**2) for name, sd in sought.items()])

    many = len(programme.tables)
    best = minimize(
        lambda it: it[-1],
        np.append(np.zeros(many), ratios(np.zeros(many)).max()),
        constraints={"type": "ineq", "fun": lambda it: it[-1] - ratios(it[:-1])},
        bounds=[(-7, 7)] * many + [(None, None)],
        method="SLSQP",
    )
    rho = float(programme.rho) * math.exp(ratios(best.x[:-1]).max())
    assert found.least <= rho * (1 + 1e-6)
    assert float(found.rho_best) <= rho * 1.01
    assert float(found.rho_best) <= found.least * (1 + 10 * GAP)  # rounding of shares and of rho


def test_a_name_is_a_table_a_population_or_a_number_of_dimensions(national):
    found = found_for(national, "total=6,2way=9,consent=8")
    names = [it.name for it in found.sought]
    assert names.count("total") == len({table.population for table in national.tables})
    assert {it.table for it in found.sought if it.name == "2way"} == {
        table.id for table in national.tables if len(table.dimensions) == 2
    }
    assert [it.table for it in found.sought if it.name == "consent"] == ["consent"]


def test_what_nobody_asked_for_is_named(together):
    found = found_for(together, "reason=2")
    assert found.idle == ("sex-age", "citizenship")
    assert {it.table: it.rho_share for it in found.shares}["sex-age"] <= Fraction(1, 1000)
    assert found_for(together, "1way=2,2way=3").idle == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            "total",
            "--target total: write a name and a standard deviation of more than 0 persons, such as total=3",
            id="no-number",
        ),
        pytest.param(
            "total=3,reason=-1",
            "--target reason=-1: write a name and a standard deviation of more than 0 persons, such as "
            "total=3",
            id="negative",
        ),
        pytest.param(
            "total=0",
            "--target total=0: write a name and a standard deviation of more than 0 persons, such as total=3",
            id="zero",
        ),
        pytest.param(
            "reasn=3",
            "--target reasn: this programme has no such table, population or number of dimensions; write "
            "total, 1way, 2way, 3way or one of clients, reason, sex-age, citizenship",
            id="unknown",
        ),
        pytest.param(
            "3way=3",
            "--target 3way: this programme has no such table, population or number of dimensions; write "
            "total, 1way, 2way, 3way or one of clients, reason, sex-age, citizenship",
            id="none-of-three",
        ),
        pytest.param(
            "total=0.10",
            "--target total=0.10: out of reach: it takes rho 359.8, with which an attacker recognises "
            "everybody; ask for larger standard deviations",
            id="out-of-reach",
        ),
    ],
)
def test_a_wish_that_cannot_be_is_answered_with_what_to_change(together, text, says):
    with pytest.raises(OptionsError) as fault:
        planning.plan(together, NODES, 2, wanted=wanted(text))
    assert str(fault.value) == says
