"""What a plan says of a programme that is not written yet: other tables, other colluders, what it misses."""

import math
from fractions import Fraction

import pytest

from desk.packaged import packaged
from desk.planning import plan as planning
from desk.planning.accuracy import Missed
from desk.planning.options import OptionsError
from samentel.documents import programme as programmes
from samentel.errors import DocumentError
from samentel.figures.workload import best_shares

REASON = '[[tables]]\nid = "reason"\n'
TABLES = "reason, sex-age, citizenship"


def text(name="aanleiding-samen", **changes):
    """A packaged programme with other lines in it."""
    written = packaged(name).decode()
    for before, after in changes.values():
        assert before in written
        written = written.replace(before, after)
    return written


def parsed(**changes):
    return programmes.parse(text(**changes).encode())


@pytest.fixture(scope="module")
def together():
    return parsed()


def table(made, name="reason"):
    return next(it for it in made.tables if it.table == name)


def test_leaving_a_table_out_gives_its_rho_to_the_others(together):
    made = planning.plan(together, 12, dropped=["sex-age"])
    left = tuple(it for it in together.tables if it.id != "sex-age")
    fewer = together.model_copy(update={"tables": left})
    shares = best_shares(fewer).shares
    given = tuple(it.model_copy(update={"rho_share": shares[it.id]}) for it in left)
    after = planning.plan(fewer.model_copy(update={"tables": given}), 12)
    assert [gain.table for gain in made.without.gains] == ["reason", "citizenship"]
    for gain in made.without.gains:
        assert gain.sd_before == table(made, gain.table).sd_national
        assert gain.sd_after == pytest.approx(table(after, gain.table).sd_national, rel=1e-12)
        assert gain.rho_share == shares[gain.table]
    assert sum(gain.rho_share for gain in made.without.gains) == 1
    assert made.tables == planning.plan(together, 12).tables  # the plan itself is that of the programme


@pytest.mark.parametrize(
    ("dropped", "says"),
    [
        (["shoes"], f"--drop shoes: there is no such table; there are {TABLES}"),
        (["reason", "reason"], "--drop reason: stands twice"),
        (
            ["reason", "sex-age", "citizenship"],
            "--drop: no table with a weight is left; leave fewer out",
        ),
    ],
)
def test_a_table_that_cannot_be_left_out_is_answered_with_what_to_change(together, dropped, says):
    with pytest.raises(OptionsError) as fault:
        planning.plan(together, 12, dropped=dropped)
    assert str(fault.value) == says


@pytest.mark.parametrize("collude", [0, 2, 3])
def test_another_number_of_colluders_is_another_noise_and_the_programme_stays(together, collude):
    made, before = planning.plan(together, 12, collude=collude), planning.plan(together, 12)
    # A share has 1/(n - c - D) of the variance, and all n are in the sum: 9 honest ones as it is.
    assert table(made).sd_national == pytest.approx(
        table(before).sd_national * math.sqrt(9 / (12 - collude - 2)), rel=1e-9
    )
    assert (made.collude_asked, made.secure_sum.collude_max, before.collude_asked) == (collude, collude, None)
    assert made.digest == before.digest == together.digest


def test_as_many_colluders_as_the_programme_says_is_no_other_question(together):
    own = together.roster.collude_max
    assert planning.plan(together, 12, collude=own) == planning.plan(together, 12)


@pytest.mark.parametrize(
    ("name", "collude", "says"),
    [
        (
            "aanleiding-samen",
            5,
            "--collude 5: with 8 institutions at the least and 2 that may fall out, at most 4 may collude; "
            "lower it, or raise roster.institutions_min",
        ),
        ("aanleiding-samen", -1, "--collude -1: write a whole number, 0 or more"),
        (
            "aanleiding-demo",
            1,
            "--collude 1: in individual mode nobody's noise depends on others; leave --collude out",
        ),
    ],
)
def test_colluders_that_cannot_be_assumed_are_answered_with_what_to_change(name, collude, says):
    with pytest.raises(OptionsError) as fault:
        planning.plan(parsed(name=name), 12, collude=collude)
    assert str(fault.value) == says


IMPRECISE = ('id = "sex-age"', 'id = "sex-age"\nimprecise = true')
# 216 persons: 12, 9 and 31 in the mean cells; half an interval of sex-age, with twelve institutions, is 5.0.
FEW = ("rows_per_person = 1", 'rows_per_person = 1\nreference = 216\nreference_source = "made up"')
UNREADABLE = (
    "tables.sex-age: half an interval is 5.0 and its mean cell will hold 9.0, too few for one year; write "
    "years = 3, begin with more institutions, give it more of rho, take codes together, write "
    "imprecise = true if it is there for its few large cells, or leave the table out"
)


def test_a_table_that_cannot_be_read_is_refused_unless_its_programme_says_so():
    with pytest.raises(DocumentError) as fault:
        planning.plan(parsed(few=FEW), 12)
    assert list(fault.value.problems) == [UNREADABLE]
    made = planning.plan(parsed(few=FEW, imprecise=IMPRECISE), 12)
    (miss,) = made.misses
    assert (miss.table, miss.missed, table(made, "sex-age").imprecise) == ("sex-age", Missed.READABLE, True)
    assert miss.sought == pytest.approx(0.5 * 9 / 1.959964, rel=1e-6)
    assert miss.reached == table(made, "sex-age").sd_national > miss.sought
    assert table(made, "sex-age").relative_error == pytest.approx(miss.reached / 9)


def test_an_imprecise_table_that_can_be_read_all_the_same_misses_nothing():
    many = (FEW[0], FEW[1].replace("216", "96000"))
    made = planning.plan(parsed(few=many, imprecise=IMPRECISE), 12)
    assert made.misses == ()
    assert table(made, "sex-age").imprecise


@pytest.mark.parametrize(("sought", "missed"), [("3/2", False), ("7/5", True)])
def test_a_target_that_is_not_met_is_said(sought, missed):
    made = planning.plan(parsed(target=(REASON, f'{REASON}target_sd = "{sought}"\n')), 12)
    assert table(made).sd_national == pytest.approx(1.468794, abs=1e-6)
    assert table(made).target_sd == Fraction(sought)
    said = [(it.table, it.missed, it.sought, it.reached) for it in made.misses]
    expected = ("reason", Missed.TARGET, float(Fraction(sought)), table(made).sd_national)
    assert said == ([expected] if missed else [])


def test_each_population_has_the_optimum_of_what_its_own_tables_spend():
    national = parsed(name="registratie-demo")
    made = planning.plan(national, 12)
    assert sum(it.optimality.rho for it in made.populations) == national.rho
    for found in (*(it.optimality for it in made.populations), made.optimality):
        assert found.ratio == pytest.approx(found.objective / found.bound)
        assert found.bound <= found.least * (1 + 1e-9)
        assert found.least <= found.objective * (1 + 1e-9)
        assert found.better == pytest.approx(max(0, 1 - found.least / found.objective), abs=1e-12)
    # Shares that are the best for all populations together are the best for each.
    assert sum(it.optimality.objective for it in made.populations) == pytest.approx(made.optimality.objective)


def test_tau_is_said_of_each_table_and_the_largest_of_all(together):
    made = planning.plan(together, 12)
    assert all(0 < it.tau < 1e-9 for it in made.tables)
    assert max(it.tau for it in made.tables) == pytest.approx(made.secure_sum.tau, rel=1e-12)
    alone = planning.plan(parsed(name="aanleiding-demo"), 12)
    assert {it.tau for it in alone.tables} == {None}


@pytest.mark.parametrize(
    ("rho", "fit"), [("1/2", 2), ("3/5", 1), ("1", 1), ("11/10", 0), ("999999999999", 0)]
)
def test_attempts_that_do_not_fit_under_the_default_cap_are_counted(rho, fit):
    made = planning.plan(parsed(rho=('rho = "1/2"', f'rho = "{rho}"')), 12)
    assert made.attempts_fit == fit


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ('rho_share = "3/5"', 'rho_share = "-3/5"'),
            "tables.0.rho_share: is less than 0; write 0 or more in",
        ),
        (
            (REASON, f'{REASON}weight = "-1"\n'),
            "tables.0.weight: is less than 0; write 0 or more",
        ),
        (
            (REASON, f'{REASON}target_sd = "0"\n'),
            "tables.reason.target_sd: must be more than 0 persons; leave it out if nothing is sought",
        ),
        (
            ("rho_share = ", 'weight = "0"\nrho_share = '),
            "tables: every weight is 0; give one table at least a weight of more than 0",
        ),
    ],
)
def test_a_wrong_programme_is_answered_with_what_to_change(change, says):
    with pytest.raises(DocumentError) as fault:
        parsed(change=change)
    assert len(fault.value.problems) == 1
    assert fault.value.problems[0].startswith(says)
