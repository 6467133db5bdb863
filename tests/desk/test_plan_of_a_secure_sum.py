import io
import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from rich.console import Console

import node.config
from desk.packaged import packaged
from desk.planning import caps, plan_page
from desk.planning import plan as planning
from desk.planning.options import OptionsError
from samentel.counting.privacy import noise_plan
from samentel.documents import programme as programmes
from samentel.documents.keys import SigningKey
from samentel.documents.model import to_bytes
from samentel.documents.roster import Institution, Roster
from samentel.documents.roster import parse as parse_roster
from samentel.documents.statements import Round, Start
from samentel.errors import DocumentError, PeerError
from samentel.ids import Period
from samentel.secagg.convening import terms_of
from samentel.secagg.terms import (
    Floors,
    check_announced,
    check_dealt,
    check_listed,
    check_survivors,
    threshold,
)

NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def together():
    return programmes.parse(packaged("aanleiding-samen"))


def changed(**numbers):
    """The packaged programme with other numbers in it."""
    text = packaged("aanleiding-samen").decode()
    for name, value in numbers.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"{name} = ")]
        text = text.replace(line, f"{name} = {value}")
    return programmes.parse(text.encode())


def table(made, name="reason"):
    return next(row for row in made.tables if row.table == name)


@pytest.mark.parametrize(
    ("institutions", "absent", "s", "sd_share", "sd_all", "after", "ratio"),
    [
        # sigma**2 of reason is 1/(2 * 3/10) = 5/3; a share has 1/(n - 3) of it, and n - A are in the sum.
        # After least squares with sex-age and citizenship, which tell the total too, 0.985297 of it is left.
        pytest.param(12, 0, 8, 0.430331, 1.490712, 1.468794, 3.0, id="twelve"),
        pytest.param(12, 1, 8, 0.430331, 1.427248, 1.406263, 3.0, id="eleven-of-twelve"),
        pytest.param(40, 0, 16, 0.212238, 1.342312, 1.322576, 6.082763, id="forty"),
        pytest.param(40, 2, 16, 0.212238, 1.308324, 1.289087, 6.082763, id="38-of-forty"),
        pytest.param(8, 0, 8, 0.577350, 1.632993, 1.608983, 2.236068, id="the-least"),
    ],
)
def test_the_plan_shows_the_figures_that_were_worked_out_by_hand(
    together, institutions, absent, s, sd_share, sd_all, after, ratio
):
    made = planning.plan(together, institutions, absent)
    row = table(made)
    assert row.granularity == s
    assert row.sd_institution == pytest.approx(sd_share, abs=1e-6)
    assert row.sd_measured == pytest.approx(sd_all, abs=1e-6)
    assert row.sd_national == pytest.approx(after, abs=1e-6)
    assert row.half_width == pytest.approx(1.959964 * after, abs=1e-6)
    assert row.least_seen == math.ceil(1.645 * after)
    assert made.secure_sum.individual_ratio == pytest.approx(ratio, abs=1e-6)


def test_the_comparison_is_the_plan_of_the_individual_programme(together, programme):
    """aanleiding-demo has the same tables: what it says of eleven stands beside the secure sum."""
    alone, made = planning.plan(programme, 11), planning.plan(together, 12, 1)
    for row, other in zip(made.tables, alone.tables, strict=True):
        assert other.half_width / row.half_width == pytest.approx(made.secure_sum.individual_ratio, rel=1e-9)
    assert alone.secure_sum is None


@pytest.mark.parametrize(("institutions", "local"), [(8, "5/2"), (12, "9/2"), (40, "37/2")])
def test_the_ledger_books_both_losses(together, institutions, local):
    made = planning.plan(together, institutions)
    assert (made.rho, made.ledger_attempt, made.ledger_most) == (Fraction(1, 2), Fraction(1, 2), 1)
    assert made.secure_sum.ledger_local == Fraction(local)
    assert made.secure_sum.ledger_local_most == 2 * Fraction(local)


def test_what_more_colluders_cost_stands_row_by_row(together):
    rows = {row.colluders: row for row in planning.plan(together, 12).secure_sum.colluding}
    assert list(rows) == [0, 1, 3, 4, 7, 11]
    # A lying coordinator can show eight keys only: of 8 - 1 - 2 honest noise shares 8 - 2 - 3 are left then.
    assert [rows[a].rho for a in (0, 1, 3)] == [Fraction(1, 2)] * 2 + [Fraction(5, 6)]
    assert {rows[a].rho for a in (4, 7, 11)} == {Fraction(9, 2)}
    assert [row.masks for row in rows.values()] == [True] * 3 + [False] * 3


def test_tau_is_said_and_never_zero(together):
    for institutions in (8, 12, 40, 200):
        assert 0 < planning.plan(together, institutions).secure_sum.tau < 1e-9


@pytest.mark.parametrize(
    ("numbers", "institutions", "absent", "why"),
    [
        pytest.param({}, 7, 0, "at least 8; begin with more, or lower roster.institutions_min", id="few"),
        pytest.param({}, 9, 2, "--absent 2: .*leaves 7 in the sum.* begin with more", id="too-few-left"),
        pytest.param(
            {}, 40, 20, r"--absent 20: at most 2 may fall out of this programme \(roster.absent_max\)", id="d"
        ),
        pytest.param({}, 9, 9, "--absent 9: at most 2 may fall out", id="everybody-falls-out"),
        pytest.param({"collude_max": 4}, 8, 0, "withstand 3.*lower roster.collude_max", id="colluders"),
        pytest.param(
            {"absent_max": 3}, 8, 0, "at most 2 can fall out.*lower roster.absent_max", id="threshold"
        ),
        pytest.param({}, 12, -1, "--absent -1: write a whole number, 0 or more", id="negative"),
        pytest.param({}, -1, 0, "--nodes -1: write a whole number, 8 or more", id="fewer-than-none"),
        pytest.param({}, 10_001, 0, "--nodes 10001: no roster has more than 10000", id="many"),
        pytest.param({}, 0, 0, "--nodes 0: write a whole number", id="none"),
    ],
)
def test_a_round_that_cannot_end_in_a_sum_has_no_plan_and_says_what_to_change(
    numbers, institutions, absent, why
):
    with pytest.raises(DocumentError if numbers else OptionsError, match=why) as fault:
        planning.plan(changed(**numbers), institutions, absent)
    assert ("does not hold" in str(fault.value)) is bool(numbers)  # a wrong option is no wrong programme


def test_one_honest_institution_alone_is_no_programme():
    with pytest.raises(DocumentError, match="at least 2"):
        changed(collude_max=5, absent_max=2)


@pytest.mark.parametrize(("collude", "absent"), [(c, d) for c in range(5) for d in range(5) if c + d <= 6])
def test_the_plan_refuses_exactly_what_a_round_would_refuse(collude, absent):
    programme = changed(collude_max=collude, absent_max=absent)
    for institutions in range(8, 25):
        terms = terms_for(programme, institutions)
        try:
            check_listed(terms, range(institutions))
            fits = True
        except PeerError:
            fits = False
        if fits:
            planning.plan(programme, institutions)
        else:
            with pytest.raises(DocumentError):
                planning.plan(programme, institutions)


@pytest.mark.parametrize("institutions", range(8, 41))
def test_the_packaged_programme_can_be_carried_out_with_any_number_from_8_to_40(together, institutions):
    terms = terms_for(together, institutions)
    check_announced(terms, Floors(institutions_min=3, collude_min=1))
    check_dealt(terms, institutions, institutions)
    left = max(8, institutions - 2)
    check_survivors(terms, range(institutions), range(left))
    assert planning.plan(together, institutions, institutions - left).secure_sum.ring_bits == terms.ring == 32
    if institutions >= 10:  # one may even be lost before it has dealt
        check_dealt(terms, institutions, institutions - 1)


def test_it_differs_from_the_individual_programme_in_mode_and_numbers_only(together, programme):
    for part in ("dimensions", "tables", "title", "purpose", "period", "rho", "delta", "max_attempts"):
        assert getattr(together, part) == getattr(programme, part)
    assert together.mode == "secure-sum"
    assert together.tick_seconds == 1.0
    rules = together.roster
    assert (rules.institutions_min, rules.collude_max, rules.absent_max) == (8, 1, 2)
    assert noise_plan(together) == noise_plan(programme)
    text = packaged("aanleiding-samen").decode()
    assert "aanleiding-samen --institutions" in text
    assert '(mode "individual")' not in text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "nl",
            (
                "individuele wijze",
                "samenspannen",
                "9/2 per poging",
                "tau × cellen",
                "ten minste 10 in de som",
                "9 moeten helpen",
                "is 80, genoeg voor 17 pogingen",
                "3,0 ×",
                "± 2,8",
                "60,00 %",
                "0,833",
            ),
        ),
        (
            "en",
            (
                "individual mode",
                "collude",
                "9/2 an attempt",
                "tau × cells",
                "at least 10 must be in the sum",
                "9 must help",
                "is 80, enough for 17 attempts",
                "3.0 ×",
                "± 2.8",
                "60.00%",
                "0.833",
            ),
        ),
    ],
)
def test_a_reader_sees_all_of_it(together, language, words):
    screen = Console(width=140, record=True, file=io.StringIO())
    screen.print(plan_page.render(planning.plan(together, 12, 1), language))
    text = " ".join(screen.export_text().split())
    for word in (*words, "11 inst"):
        assert word in text, word


def test_who_must_stay_is_what_a_round_asks_for(together):
    """n - D in the sum, or the programme's least number; the threshold alone is too few."""
    for institutions in range(8, 41):
        made, terms = planning.plan(together, institutions).secure_sum, terms_for(together, institutions)
        check_survivors(terms, range(institutions), range(made.sum_least))
        with pytest.raises(PeerError):
            check_survivors(terms, range(institutions), range(made.sum_least - 1))
        assert made.helpers == threshold(institutions) <= made.sum_least


def test_the_caps_that_the_plan_counts_with_are_those_that_a_node_has():
    assert (caps.CENTRAL_CAP, caps.LOCAL_CAP) == (node.config.CENTRAL_CAP, node.config.LOCAL_CAP)


@pytest.mark.parametrize(("institutions", "fit"), [(8, 32), (12, 17), (40, 4), (83, 2), (84, 1), (164, 0)])
@pytest.mark.parametrize(("language", "warning"), [("nl", "LET OP"), ("en", "WARNING")])
def test_the_plan_warns_where_the_attempts_do_not_fit_under_the_default_local_cap(
    together, institutions, fit, language, warning
):
    made = planning.plan(together, institutions)
    assert made.secure_sum.attempts_fit == fit
    screen = Console(width=140, record=True, file=io.StringIO())
    screen.print(plan_page.render(made, language))
    assert (warning in screen.export_text()) is (fit < together.max_attempts)


def test_json_has_the_same(together):
    values = planning.as_values(planning.plan(together, 12, 1))
    assert (values["mode"], values["institutions"], values["absent"]) == ("secure-sum", 12, 1)
    assert values["secure_sum"]["ledger_local"] == "9/2"
    assert (values["secure_sum"]["sum_least"], values["secure_sum"]["helpers"]) == (10, 9)
    assert values["secure_sum"]["attempts_fit"] == 17
    assert values["secure_sum"]["colluding"][2]["rho"] == "5/6"
    assert values["secure_sum"]["individual_ratio"] == pytest.approx(3)


def terms_for(programme, institutions):
    keys = [SigningKey(bytes([1, number]) * 16).public.raw.hex() for number in range(institutions + 1)]
    listed = [
        Institution(
            node=f"node-{number:02d}",
            name=f"Institution {number}",
            operator="itself",
            type="VO_MO",
            province="PV27",
            protocol_key=keys[number],
        )
        for number in range(institutions)
    ]
    written = Roster(version=1, issued_at=NOW, coordinator_key=keys[-1], institutions=tuple(listed))
    roster = parse_roster(to_bytes(written))
    hours = [NOW + timedelta(hours=number) for number in range(6)]
    round_ = Round(
        programme=programme.digest,
        roster=roster.digest,
        period=Period(2025),
        attempt=1,
        nonce="0" * 64,
        opened_at=NOW,
        gather_until=hours[1],
        collect_until=hours[5],
    )
    start = Start(
        round=round_.round_id,
        advertise_until=hours[2],
        share_until=hours[3],
        mask_until=hours[4],
        expires_at=hours[5],
    )
    return terms_of(programme, roster, round_, start)
