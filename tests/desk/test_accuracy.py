"""What the plan says of each table, and the rule of what may be published, on the national programme."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest

from desk.packaged import packaged
from desk.planning import plan as planning
from desk.planning.accuracy import Publication, optimality, publication, table_plans, unreadable
from desk.planning.answers import Asked, answers
from samentel.counting.shares import plan_of
from samentel.documents import programme as programmes
from samentel.errors import DocumentError
from samentel.figures.workload import best_shares

NATIONAL = ("registratie-2025", "registratie-demo")


@pytest.fixture(scope="module")
def national():
    return programmes.parse(packaged("registratie-2025"))


def with_tables(programme, **changes):
    """The programme with other values in the tables named; `-` of an id is written `_`."""
    return programme.model_copy(
        update={
            "tables": tuple(
                table.model_copy(update=changes.get(table.id.replace("-", "_"), {}))
                for table in programme.tables
            )
        }
    )


def accuracy(programme, institutions=40, absent=0):
    noises = plan_of(programme, institutions, institutions)
    return {made.table: made for made in table_plans(programme, noises, institutions - absent, institutions)}


@pytest.mark.parametrize(
    ("half_width", "mean_cell", "often"),
    [
        pytest.param(5.0, 10.0, Publication.YEARLY, id="half-of-the-mean-cell"),
        pytest.param(5.01, 10.0, Publication.POOLED, id="just-more"),
        # Over three years: sqrt(3) * 8.66 = 15.0, and half of 30 is 15.
        pytest.param(8.66, 10.0, Publication.POOLED, id="just-readable-over-three-years"),
        pytest.param(8.661, 10.0, Publication.LEFT_OUT, id="never"),
        pytest.param(1.0, 0.0, Publication.LEFT_OUT, id="nobody-expected"),
    ],
)
def test_a_table_is_published_as_often_as_its_mean_cell_can_be_read(half_width, mean_cell, often):
    assert publication(half_width, mean_cell) is often


@pytest.mark.parametrize(
    ("readable", "years", "why"),
    [
        pytest.param(Publication.YEARLY, 1, None, id="yearly"),
        pytest.param(Publication.YEARLY, 3, None, id="more-careful-than-needed"),
        pytest.param(Publication.POOLED, 3, None, id="pooled"),
        pytest.param(Publication.POOLED, 1, "too few for one year; write years = 3, begin", id="too-soon"),
        pytest.param(Publication.LEFT_OUT, 3, "too few even over three years; begin with more", id="never"),
        pytest.param(
            Publication.LEFT_OUT, 1, "too few even over three years; begin with more", id="not-once"
        ),
        pytest.param(None, 1, None, id="no-reference-no-rule"),
    ],
)
def test_what_is_published_more_often_than_it_can_be_read_is_refused_with_what_to_change(
    national, readable, years, why
):
    made = replace(accuracy(national)["refusal"], readable=readable, years=years)
    found = list(unreadable(national, [made]))
    assert len(found) == (why is not None)
    if why:
        assert "tables.refusal: half an interval is" in found[0]
        assert why in found[0]


def test_a_programme_that_breaks_the_rule_has_no_plan(national):
    yearly = with_tables(national, asked_outcome={"years": 1}, facility_via={"years": 1})
    with pytest.raises(
        DocumentError, match=r"(?s)tables\.asked-outcome.*write years = 3.*tables\.facility-via"
    ):
        planning.plan(yearly, 40)


def test_without_a_reference_figure_there_is_no_rule(national):
    free = national.model_copy(
        update={
            "populations": tuple(
                population.model_copy(update={"reference": None}) for population in national.populations
            )
        }
    )
    yearly = with_tables(free, asked_outcome={"years": 1})
    made = planning.plan(yearly, 40)
    assert {(table.mean_cell, table.readable) for table in made.tables} == {(None, None)}
    assert all(answer.points is None for answer in made.answers)


def test_a_table_that_is_not_measured_follows_from_others(national):
    programme = with_tables(national, reason={"rho_share": Fraction(0)})
    assert "reason" not in [noise.table for noise in plan_of(programme, 40, 40)]
    rows = accuracy(programme)
    row, finer = rows["reason"], rows["reason-organisation"]
    assert (row.rho, row.granularity, row.sd_institution, row.sd_measured) == (0, None, None, None)
    kinds = finer.cells / row.cells
    assert finer.sd_national < row.sd_national <= finer.sd_measured * math.sqrt(kinds)
    assert planning.as_values(planning.plan(programme, 40))["tables"][1]["rho_share"] == "0"


def test_no_table_is_less_accurate_than_its_own_measurement(national):
    for made in accuracy(national).values():
        assert made.sd_measured is None or made.sd_national <= made.sd_measured * (1 + 1e-12)
        assert made.half_width == pytest.approx(1.959964 * made.sd_national, rel=1e-6)
        assert made.least_seen == math.ceil(1.645 * made.sd_national)
        reference = national.population(made.population).reference
        assert made.mean_cell == (None if reference is None else reference / made.cells)


def test_who_falls_out_takes_noise_along(national):
    full, left = accuracy(national), accuracy(national, absent=3)
    for name, made in full.items():
        assert left[name].sd_national == pytest.approx(made.sd_national * math.sqrt(37 / 40), rel=1e-9)


def test_the_certificate_says_how_much_better_other_shares_could_be(national):
    equal = {table.id.replace("-", "_"): {"rho_share": Fraction(1, 20)} for table in national.tables}
    worse, best = with_tables(national, **equal), best_shares(national)
    made = optimality(worse)
    assert made.objective * (1 - made.better) == pytest.approx(max(best.objective - best.gap, best.bound))
    assert made.better > 0.05
    assert made.ratio == pytest.approx(made.objective / made.bound)
    assert made.bound == pytest.approx(best.bound)


def test_the_share_of_gaps_is_that_of_every_code_that_says_why_nothing_is_known(national):
    noises = plan_of(national, 40, 40)
    (gaps,) = [it for it in answers(national, noises, 40) if it.table == "reason"]
    assert (gaps.asked, gaps.codes, gaps.label_en) == (
        Asked.GAPS,
        ("NREC", "NASK"),
        "Not recorded, Not asked",
    )
    one = accuracy(national)["reason"].half_width
    assert one < gaps.half_width < 2 * one
    assert gaps.points >= 100 * gaps.half_width / 17_000


def test_levels_by_consent_are_named_one_by_one_and_every_population_has_its_total(national):
    made = answers(national, plan_of(national, 40, 40), 40)
    levels = [it for it in made if it.asked is Asked.LEVEL]
    assert [(it.table, it.codes) for it in levels] == [
        ("facility", (code,)) for code in ("COSM", "OMM", "ISZW")
    ]
    assert [it.population for it in made if it.asked is Asked.TOTAL] == [it.id for it in national.populations]
    rows = accuracy(national)
    for answer in made:
        if answer.asked is Asked.TOTAL:
            assert answer.half_width == pytest.approx(rows[answer.population].half_width, rel=1e-9)
    assert max(it.half_width for it in levels) <= rows["facility"].half_width * (1 + 1e-9)
