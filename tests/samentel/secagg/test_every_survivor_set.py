"""What is announced is what was drawn, for every set that may be summed; and both sides refuse every other.

c and D are the programme's, n is the number of dealers that a node has seen itself, s is the roster's. A plan
for forty of whom thirty-four have dealt, c = 2 and D = 3, must not lose noise when three more fall out.
"""

from datetime import timedelta
from fractions import Fraction

import numpy as np
import pytest

from samentel.counting import shares
from samentel.counting.shares import plan_of, share_plan, summed_variance
from samentel.documents.programme import Programme, parse
from samentel.errors import DocumentError, PeerError
from samentel.figures.sums import national_of
from samentel.secagg import server
from samentel.secagg.messages import Kind
from samentel.secagg.relay import Phase as ServerPhase
from samentel.secagg.relay import Polled, letter
from samentel.secagg.standing import Delivered, Free, Listed, Phase, Proposed, Send, Spend
from samentel.secagg.terms import Level, check_dealt, check_listed, check_survivors

SECOND = timedelta(seconds=1)
WIDTH = 30  # codes of each of two dimensions: 900 cells in the table of both


def programme(toml, written, least: int, collude: int, absent: int) -> Programme:
    """One table of many cells, one of few; unequal parts of rho, two rows a person."""
    codes = [{"code": f"C{at}", "nl": "x", "en": "x"} for at in range(WIDTH)]
    title = {"nl": "x", "en": "x"}
    dimensions = [
        {"id": name, "field": "reason", "unknown": "C0", "title": title, "codes": codes} for name in "ab"
    ]
    person = {**written["populations"][0], "id": "p", "rows_per_person": 2}
    part = {"population": "p", "title": title, "question": title}
    tables = [
        {**part, "id": "both", "dimensions": ["a", "b"], "rho_share": "3/4"},
        {**part, "id": "one", "dimensions": ["a"], "rho_share": "1/4"},
    ]
    rules = {"institutions_min": least, "collude_max": collude, "absent_max": absent}
    changed = {"mode": "secure-sum", "roster": rules, "dimensions": dimensions, "tables": tables}
    return parse(toml(written | changed | {"populations": [person]}))


def holds(check, *arguments) -> bool:
    try:
        check(*arguments)
    except PeerError:
        return False
    return True


def admissible(terms, rostered: int) -> set[tuple[int, int]]:
    """Every (n2, n3) with which a sum can end: those that the checks of both machines let through."""
    return {
        (dealt, summed)
        for listed in range(1, rostered + 1)
        if holds(check_listed, terms, range(listed))
        for dealt in range(1, listed + 1)
        if holds(check_dealt, terms, listed, dealt)
        for summed in range(1, dealt + 1)
        if holds(check_survivors, terms, range(dealt), range(summed))
    }


# rostered, least, c, D, and a pair (n2, n3) that must be among those that can end well
ROSTERS = [
    (4, 3, 0, 0, (3, 3)),
    (5, 4, 1, 1, (5, 4)),
    (12, 8, 1, 2, (10, 8)),
    (16, 9, 4, 0, (14, 14)),
    (40, 20, 2, 3, (34, 31)),
    (60, 30, 6, 5, (51, 46)),
]


@pytest.mark.clause("NOISE-1", "NOISE-3", "TERMS-7")
@pytest.mark.parametrize(("rostered", "least", "collude", "absent", "known"), ROSTERS)
def test_announced_is_drawn_for_every_set_that_may_be_summed(
    kit, toml, written, rostered, least, collude, absent, known
):
    asked = programme(toml, written, least, collude, absent)
    terms = kit.terms(rostered, collude=collude, absent=absent, minimum=least)
    pairs = admissible(terms, rostered)
    assert known in pairs
    zeros = np.zeros(asked.vector_length, dtype=np.int64)
    for dealt, summed in pairs:
        assert summed >= dealt - absent
        assert dealt - collude - absent >= 2
        at_the_node = share_plan(asked, rostered, dealt)
        at_the_coordinator = plan_of(asked, rostered, dealt)
        assert at_the_node == at_the_coordinator
        announced = national_of(at_the_coordinator, [f"n{at}" for at in range(summed)], zeros).variances
        for table, noise in zip(asked.tables, at_the_node, strict=True):
            share = Fraction(noise.scale) ** 2 / noise.granularity**2
            drawn = sum((share for _ in range(summed)), Fraction(0))
            assert summed_variance(noise, summed) == drawn
            assert announced[table.id] == float(drawn)
            # What the table's rho asks for is in it, also without the shares of those who collude.
            asked_for = Fraction(2**2) / (2 * asked.rho_of(table))
            assert (summed - collude) * share >= asked_for
            # And it is hardly more than that: one share fewer would be too little.
            assert (dealt - absent - collude - 1) * share < asked_for


@pytest.mark.clause("NOISE-4")
@pytest.mark.parametrize(("rostered", "least", "collude", "absent", "known"), ROSTERS)
def test_what_is_booked_includes_tau_and_is_never_less_than_what_was_spent(
    toml, written, rostered, least, collude, absent, known
):
    asked = programme(toml, written, least, collude, absent)
    for dealt in range(max(least, collude + absent + 2), rostered + 1):
        plan = share_plan(asked, rostered, dealt)
        exact, honest = shares.loss(plan, asked.roster, dealt), dealt - collude - absent
        booked = shares.loss_of(asked, plan, dealt)
        without_tau = sum(noise.rho / honest for noise in plan)
        assert without_tau < exact.central <= booked.central <= asked.rho
        assert sum(noise.rho for noise in plan) == exact.local <= booked.local


@pytest.mark.clause("NOISE-1")
def test_noise_that_was_sized_for_the_roster_would_be_too_little(kit, toml, written):
    """Forty on the roster, thirty-four dealers: shares for forty lose a sixth of the noise."""
    asked = programme(toml, written, 20, 2, 3)
    right, wrong = share_plan(asked, 40, 34), share_plan(asked, 40, 40)
    for table, seen, rostered in zip(asked.tables, right, wrong, strict=True):
        asked_for = Fraction(2**2) / (2 * asked.rho_of(table))
        assert seen.granularity == rostered.granularity  # the roster's, so that all sums have one unit
        assert (31 - 2) * Fraction(seen.scale) ** 2 / seen.granularity**2 >= asked_for
        assert 31 * Fraction(rostered.scale) ** 2 / rostered.granularity**2 < asked_for


@pytest.mark.clause("NOISE-2")
def test_shares_that_are_too_far_from_a_gaussian_make_no_plan(toml, written, monkeypatch):
    """tau times the cells stays far below the bound by the choice of s, so here the bound is brought down."""
    asked = programme(toml, written, 20, 2, 3)
    for noise in share_plan(asked, 40, 34):
        assert shares.tau_upper(noise.scale, 40) * (noise.cells + 1) < Fraction(1, 10**20)
    monkeypatch.setattr(shares, "TAU_MOST", Fraction(1, 10**300))
    for plan in (share_plan, plan_of):
        with pytest.raises(DocumentError, match="are too small"):
            plan(asked, 40, 34)


LEVEL = Level("COSM", (0, 1, 2))
# n, rules, who falls out when, what both sides say
KEYS = {
    "n1 - c - D >= 2": (
        6,
        {"collude": 2, "absent": 1},
        {4: "advert", 5: "advert"},
        "too few for 2 colluding",
    ),
    "c < 2t - n1": (8, {"collude": 3}, {0: "advert"}, "cannot withstand 3"),
    "t <= n1 - D": (12, {"absent": 3}, dict.fromkeys((3, 4, 5), "advert"), "cannot spare 3"),
    "institutions_min": (6, {"minimum": 6}, {5: "advert"}, "6 are needed"),
    "c + 2 of a level": (6, {"collude": 1, "levels": (LEVEL,)}, {1: "advert"}, "level COSM"),
}
DEALINGS = {
    "t <= n2 - D": (6, {"absent": 1}, {2: "dealing"}, "cannot spare 1"),
    "institutions_min": (6, {"minimum": 6}, {5: "dealing"}, "6 are needed"),
}
SETS = {
    "n3 >= n2 - D": (6, {"absent": 1}, {0: "upload", 3: "upload"}, "too few for the noise"),
    "institutions_min": (6, {"absent": 1, "minimum": 6}, {3: "upload"}, "too few for the noise"),
    "c + 2 of a level": (6, {"collude": 1, "absent": 1, "levels": (LEVEL,)}, {1: "poll"}, "level COSM"),
}


@pytest.fixture
def lying(monkeypatch):
    """A coordinator that goes on although it may not."""

    def lie() -> None:
        for check in ("check_listed", "check_dealt", "check_survivors"):
            monkeypatch.setattr(server, check, lambda *_: None)

    return lie


def stopped_before(federation, kind):
    """Nobody has sent a message of this kind, nor spent anything."""
    for effects in federation.effects:
        assert not [one for one in effects if isinstance(one, Send) and one.kind is kind]
        assert not [one for one in effects if isinstance(one, Spend)]


@pytest.mark.clause("TERMS-5", "TERMS-8", "DEAL-1")
@pytest.mark.parametrize(("n", "rules", "drops", "why"), KEYS.values(), ids=KEYS)
def test_keys_that_cannot_carry_a_sum_are_refused_on_both_sides(kit, lying, n, rules, drops, why):
    honest, liar = kit.federation(n, **rules), kit.federation(n, **rules)
    for federation in (honest, liar):
        federation.run(drops, stop="dealing")
    after = kit.DEADLINES.advertise_until + SECOND
    honest.close(ServerPhase.ADVERTISING, after)
    assert honest.server.phase is ServerPhase.FAILED
    assert why in honest.server_effects[0].why
    lying()
    liar.close(ServerPhase.ADVERTISING, after)
    for i in set(range(n)) - drops.keys():
        liar.refuses(letter(liar.server, i, Listed), why, own=i)
    stopped_before(liar, Kind.DEALING)


@pytest.mark.clause("TERMS-6", "DEAL-6")
@pytest.mark.parametrize(("n", "rules", "drops", "why"), DEALINGS.values(), ids=DEALINGS)
def test_dealers_that_cannot_carry_a_sum_are_refused_on_both_sides(kit, lying, n, rules, drops, why):
    honest, liar = kit.federation(n, **rules), kit.federation(n, **rules)
    for federation in (honest, liar):
        federation.run(drops, stop="upload")
    after = kit.DEADLINES.share_until + SECOND
    honest.close(ServerPhase.SHARING, after)
    assert honest.server.phase is ServerPhase.FAILED
    assert why in honest.server_effects[-2].why
    lying()
    liar.close(ServerPhase.SHARING, after)
    for i in set(range(n)) - drops.keys():
        liar.refuses(letter(liar.server, i, Delivered), why, own=i)
    stopped_before(liar, Kind.UPLOAD)


@pytest.mark.clause("TERMS-7", "TERMS-8", "AGREE-2")
@pytest.mark.parametrize(("n", "rules", "drops", "why"), SETS.values(), ids=SETS)
def test_sets_that_may_not_be_summed_are_refused_on_both_sides(kit, lying, n, rules, drops, why):
    honest, liar = kit.federation(n, **rules), kit.federation(n, **rules)
    for federation in (honest, liar):
        federation.run(drops, stop="agreement")
        for i in set(range(n)) - drops.keys():
            federation.serve(Polled(i))
    after = kit.DEADLINES.mask_until + 60 * SECOND
    honest.close(ServerPhase.MASKING, after)
    assert honest.server.phase is ServerPhase.MASKING  # who comes back may still be enough
    honest.until(kit.DEADLINES.expires_at + SECOND)
    assert honest.server.phase is ServerPhase.FAILED
    lying()
    liar.close(ServerPhase.MASKING, after)
    assert liar.server.phase is ServerPhase.AGREEING
    masked = [i for i in range(n) if liar.clients[i].phase is Phase.MASKED]
    for i in masked:
        liar.refuses(letter(liar.server, i, Proposed), why, own=i)
    stopped_before(liar, Kind.AGREEMENT)
    assert not [one for effects in liar.effects for one in effects if isinstance(one, Free)]
