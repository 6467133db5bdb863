"""The decision, rule by rule: each refusal has its row, and a refusal changes nothing."""

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from node import policy
from node.policy import Permit, Sealed, Situation, decide
from samentel.counting import ledger
from samentel.counting.ledger import Charge, Kind, Loss
from samentel.counting.privacy import noise_plan, total_rho
from samentel.documents import programme as programmes
from samentel.documents.keys import SigningKey
from samentel.documents.populations import Counting
from samentel.documents.roster import Institution, Roster
from samentel.documents.statements import Approval, Round, state
from samentel.errors import Reason, Refusal
from samentel.ids import Period

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SALT = b"\5" * 32
KEY, OTHER = SigningKey(b"\7" * 32), SigningKey(b"\x08" * 32)


KEYS = (KEY, *(SigningKey(bytes([number]) * 32) for number in (21, 22, 23)))


def roster(keys=KEYS):
    institutions = tuple(
        Institution(
            node=f"huis-{number}",
            name="x",
            operator="x",
            type="COSM",
            province="PV25",
            protocol_key=key.public.raw.hex(),
        )
        for number, key in enumerate(keys)
    )
    return Roster(version=1, issued_at=NOW, coordinator_key=OTHER.public.raw.hex(), institutions=institutions)


@pytest.fixture
def programme(kit):
    return programmes.parse(kit.programme_text())


def approval(programme, signer=KEY, **changes):
    values = {
        "node": "huis-0",
        "programme": programme.digest,
        "rho_cap": Fraction(1),
        "individual": True,
        "approved_at": NOW,
        "expires_at": NOW + timedelta(days=1),
        "approved_by": "x",
    }
    return state(Approval(**{**values, **changes}), signer)


@pytest.fixture
def situation(programme):
    return Situation(
        now=NOW,
        node="huis-0",
        key=KEY.public,
        halted=None,
        roster=roster(),
        programme=programme,
        approvals=[approval(programme)],
        entries=[],
        attempts=[],
        sealed=[],
        deadline=NOW + timedelta(hours=1),
        dealers=len(KEYS),
        caps=Charge(Fraction(1), Fraction(36)),
        institutions_floor=3,
        collude_floor=0,
        salt=SALT,
    )


@pytest.fixture
def asked(programme):
    return Round(
        programme=programme.digest,
        roster=roster().digest,
        period=Period(2025),
        attempt=1,
        nonce="0" * 64,
        opened_at=NOW,
        gather_until=NOW + timedelta(hours=1),
        collect_until=NOW + timedelta(hours=2),
    )


def spent(programme, rho=None, year=2025, round_id="9" * 64):
    plan = noise_plan(programme)
    rho = rho or total_rho(plan)
    loss = Loss(
        round=round_id,
        period=Period(year),
        attempt=1,
        mode=programmes.Mode.INDIVIDUAL,
        counting=Counting.INFLOW,
        rho_central=rho,
        rho_local=rho,
    )
    held = ledger.next_entry(ledger.EMPTY, NOW, Kind.HOLD, programme.digest, salt=SALT, loss=loss)
    after = ledger.head([held])
    return [held, ledger.next_entry(after, NOW, Kind.SPENT, programme.digest, salt=SALT, loss=loss)]


def test_a_round_that_keeps_every_rule_is_permitted(situation, asked, programme):
    permit = decide(situation, asked)
    assert isinstance(permit, Permit)
    assert permit.loss.rho_central == total_rho(noise_plan(programme)) <= Fraction(1, 2)
    assert permit.hold.read().kind is Kind.HOLD
    assert permit.hold.read().salt == SALT.hex()


def row(name, reason, asked=None, **changes):
    """A rule and how to break it; what depends on the programme is a function of it and of the round."""
    return pytest.param(changes, asked or {}, reason, id=name)


def cap(central, local):
    return Charge(Fraction(central), Fraction(local))


REFUSALS = [
    row("paused", Reason.PAUSED, halted=Reason.PAUSED),
    row("rollback", Reason.ROLLBACK_DETECTED, halted=Reason.ROLLBACK_DETECTED),
    row("no-roster", Reason.ROSTER_MISMATCH, roster=None),
    row("other-roster", Reason.ROSTER_MISMATCH, asked={"roster": "1" * 64}),
    row("not-on-the-roster", Reason.ROSTER_MISMATCH, node="huis-9"),
    row("another-key-of-ours", Reason.ROSTER_MISMATCH, key=OTHER.public),
    row("unknown-programme", Reason.PROGRAMME_UNKNOWN, programme=None),
    row("other-programme", Reason.PROGRAMME_UNKNOWN, asked={"programme": "1" * 64}),
    row("not-approved", Reason.NOT_APPROVED, approvals=[]),
    row("forged", Reason.NOT_APPROVED, approvals=lambda p, a: [approval(p, OTHER)]),
    row("another-s", Reason.NOT_APPROVED, approvals=lambda p, a: [approval(p, node="huis-1")]),
    row("mode", Reason.MODE_NOT_APPROVED, approvals=lambda p, a: [approval(p, individual=False)]),
    row(
        "newest-expired",
        Reason.APPROVAL_EXPIRED,
        approvals=lambda p, a: [approval(p), approval(p, expires_at=NOW)],
    ),
    row("quarter-of-a-yearly-programme", Reason.PERIOD_KIND, asked={"period": Period(2025, 3)}),
    row("period-not-over", Reason.PERIOD_NOT_OVER, asked={"period": Period(2026)}),
    row("floor", Reason.PARAMETER_BELOW_FLOOR, institutions_floor=4),
    row("too-many-attempts", Reason.ATTEMPT_OUT_OF_ORDER, asked={"attempt": 3}),
    row("attempt-again", Reason.ATTEMPT_OUT_OF_ORDER, attempts=[1]),
    row("too-late", Reason.DEADLINE, deadline=NOW),
    row("deadlines-in-disorder", Reason.DEADLINE, asked={"collect_until": NOW}),
    row("opened-in-the-future", Reason.DEADLINE, asked={"opened_at": NOW + timedelta(minutes=6)}),
    row("house-cap", Reason.BUDGET_EXHAUSTED, caps=cap("1/3", 36)),
    row("local-cap", Reason.BUDGET_EXHAUSTED, caps=cap(1, "1/3")),
    row(
        "approved-cap", Reason.BUDGET_EXHAUSTED, approvals=lambda p, a: [approval(p, rho_cap=Fraction(1, 3))]
    ),
    row("spent-already", Reason.BUDGET_EXHAUSTED, entries=lambda p, a: spent(p, Fraction(3, 4))),
    row("replayed", Reason.REPLAYED_ROUND, entries=lambda p, a: spent(p, round_id=a.round_id)),
]


@pytest.mark.parametrize(("changes", "round_changes", "reason"), REFUSALS)
def test_each_rule_refuses_with_its_own_reason_and_changes_nothing(
    situation, asked, programme, changes, round_changes, reason
):
    asked = asked.model_copy(update=round_changes)
    made = {name: value(programme, asked) if callable(value) else value for name, value in changes.items()}
    situation = replace(situation, **made)
    before = copy.deepcopy(list(situation.entries))
    verdict = decide(situation, asked)
    assert isinstance(verdict, Refusal)
    assert verdict.reason is reason
    assert situation.entries == before
    assert decide(situation, asked).reason is reason  # and again the same


def test_the_first_rule_that_is_broken_is_the_one_that_is_told(situation, asked):
    paused = replace(situation, halted=Reason.PAUSED, roster=None, programme=None, approvals=[], deadline=NOW)
    assert decide(paused, asked).reason is Reason.PAUSED


def test_what_another_year_cost_does_not_count(situation, asked, programme):
    assert isinstance(decide(replace(situation, entries=spent(programme, Fraction(1), 2024)), asked), Permit)


def test_an_attempt_after_one_that_was_missed_is_in_order(situation, asked, programme):
    second = asked.model_copy(update={"attempt": 2})
    assert isinstance(decide(situation, second), Permit)
    assert isinstance(decide(replace(situation, attempts=[1]), second), Permit)


def secure(kit, situation, asked, rules="", **changes):
    """The same question about a programme in secure-sum mode."""
    text = kit.programme_text(mode="secure-sum").replace(b"[roster]", f"[roster]\n{rules}".encode())
    programme = programmes.parse(text)
    values = {"approvals": [approval(programme, individual=False)], **changes}
    return (
        replace(situation, programme=programme, **values),
        asked.model_copy(update={"programme": programme.digest}),
    )


def test_a_secure_sum_is_held_with_both_losses_of_its_noise_shares(situation, asked, kit):
    whole = decide(*secure(kit, situation, asked, "absent_max = 1"))
    assert whole.loss.rho_central <= Fraction(1, 2) + Fraction(1, 10**9)
    assert whole.loss.rho_local == pytest.approx(3 * whole.loss.rho_central)  # 4 institutions, 1 may fall out
    fewer = decide(*secure(kit, situation, asked, "absent_max = 1", dealers=3))
    assert fewer.loss.rho_local == pytest.approx(2 * fewer.loss.rho_central)
    assert fewer.plan[0].scale > whole.plan[0].scale
    assert fewer.plan[0].granularity == whole.plan[0].granularity
    assert fewer.hold.read().parameters != whole.hold.read().parameters


@pytest.mark.parametrize(
    ("rules", "changes", "reason"),
    [
        pytest.param("absent_max = 1", {"caps": cap(1, "7/5")}, Reason.BUDGET_EXHAUSTED, id="local-cap"),
        pytest.param("absent_max = 1", {"caps": cap("2/5", 36)}, Reason.BUDGET_EXHAUSTED, id="central-cap"),
        pytest.param("", {"collude_floor": 1}, Reason.PARAMETER_BELOW_FLOOR, id="collude-floor"),
        pytest.param("", {"institutions_floor": 4}, Reason.PARAMETER_BELOW_FLOOR, id="institutions-floor"),
        pytest.param("", {"halted": Reason.PAUSED}, Reason.PAUSED, id="paused"),
        pytest.param("", {"approvals": []}, Reason.NOT_APPROVED, id="not-approved"),
    ],
)
def test_a_secure_sum_is_refused_with_the_reason_of_its_rule(situation, asked, kit, rules, changes, reason):
    assert decide(*secure(kit, situation, asked, rules, **changes)).reason is reason


BY_TYPE = """
[[dimensions]]
id = "organisation"
field = "type"
unknown = "AMB"
fixed_by = "type"
title = { nl = "Soort", en = "Kind" }
codes = [
  { code = "OPV", nl = "Opvang", en = "Shelter", members = ["COSM", "OMM"] },
  { code = "AMB", nl = "Ander", en = "Other" },
]
[[dimensions]]
id = "facility"
field = "facility"
unknown = "OTH"
fixed_by = "facilities"
title = { nl = "Plek", en = "Place" }
codes = [
  { code = "COSM", nl = "COSM", en = "COSM", members = ["COSM"], by_consent = true },
  { code = "OMM", nl = "OMM", en = "OMM", members = ["OMM"], by_consent = true },
  { code = "OTH", nl = "Ander", en = "Other" },
]
[[tables]]
id = "organisation"
population = "clients"
dimensions = ["organisation"]
rho_share = "1/8"
title = { nl = "Naar soort", en = "By kind" }
question = { nl = "Waar?", en = "Where?" }
[[tables]]
id = "facility"
population = "clients"
dimensions = ["facility"]
rho_share = "1/8"
title = { nl = "Naar plek", en = "By place" }
question = { nl = "Waar?", en = "Where?" }
"""


def levelled(kit, mode="secure-sum"):
    """A programme with levels that the roster fixes: kinds of organisation, and two places by consent."""
    text = kit.programme_text(mode=mode).decode().replace('rho_share = "1/2"', 'rho_share = "1/4"')
    return programmes.parse((text + BY_TYPE).encode())


def rostered(facilities=(), types=("COSM",) * 4):
    listed = roster()
    entries = [
        entry.model_copy(update={"type": kind, "facilities": tuple(facilities) if at == 0 else ()})
        for at, (entry, kind) in enumerate(zip(listed.institutions, types, strict=True))
    ]
    return listed.model_copy(update={"institutions": tuple(entries)})


def about(situation, asked, programme, listed, **changes):
    agreed = approval(programme, individual=programme.mode is programmes.Mode.INDIVIDUAL, **changes)
    return (
        replace(situation, programme=programme, roster=listed, approvals=[agreed]),
        asked.model_copy(update={"programme": programme.digest, "roster": listed.digest}),
    )


def test_a_level_with_too_few_institutions_refuses_whatever_the_coordinator_opens(situation, asked, kit):
    programme = levelled(kit)
    assert isinstance(decide(*about(situation, asked, programme, rostered())), Permit)
    alone = rostered(types=("COSM", "COSM", "COSM", "ZC"))  # one that could fill AMB, and would be known
    assert decide(*about(situation, asked, programme, alone)).reason is Reason.PARAMETER_BELOW_FLOOR
    openly = levelled(kit, "individual")
    assert isinstance(decide(*about(situation, asked, openly, alone)), Permit)


def test_a_small_level_by_consent_needs_the_yes_of_the_institution_that_can_fill_it(situation, asked, kit):
    programme, listed = levelled(kit), rostered(["COSM", "OMM"])
    verdict = decide(*about(situation, asked, programme, listed, small_levels=("facility:COSM",)))
    assert verdict.reason is Reason.SMALL_LEVEL
    typed = f"approve {programme.digest[:12]} --small-level facility:COSM --small-level facility:OMM"
    assert typed in str(verdict)  # all that is asked: an approval replaces the one before
    agreed = about(situation, asked, programme, listed, small_levels=("facility:COSM", "facility:OMM"))
    assert isinstance(decide(*agreed), Permit)
    another = replace(agreed[0], node="huis-1", key=KEYS[1].public)
    asks_nothing = replace(another, approvals=[approval(programme, KEYS[1], node="huis-1")])
    assert isinstance(decide(asks_nothing, agreed[1]), Permit)  # others' consents are not its business
    openly = levelled(kit, "individual")
    assert isinstance(decide(*about(situation, asked, openly, listed)), Permit)


def test_a_consent_that_is_taken_back_counts_from_then_on(situation, asked, kit):
    programme, listed = levelled(kit), rostered(["COSM"])
    held, question = about(situation, asked, programme, listed, small_levels=("facility:COSM",))
    assert policy.still_agrees(held, question) is None
    later = replace(held, approvals=[*held.approvals, approval(programme)])
    assert policy.still_agrees(later, question).reason is Reason.SMALL_LEVEL


def quarterly(kit, situation, asked, quarter, *sealed):
    programme = programmes.parse(kit.programme_text(period="quarter"))
    named = {"own": programme.digest, "other": "7" * 64}
    periods = [Sealed(named[whose], Period(*period), binds) for whose, period, binds in sealed]
    return decide(
        replace(situation, programme=programme, approvals=[approval(programme)], sealed=periods),
        asked.model_copy(update={"programme": programme.digest, "period": Period(2025, quarter)}),
    )


@pytest.mark.parametrize(
    ("quarter", "sealed", "closed"),
    [
        pytest.param(1, [("own", (2025, 2), True)], True, id="later-quarter"),
        pytest.param(1, [("other", (2025, 4), True)], True, id="later-quarter-of-another-programme"),
        pytest.param(1, [("own", (2025, 2), True), ("own", (2025, 1), True)], False, id="sealed-itself"),
        pytest.param(1, [("own", (2025, 2), True), ("other", (2025, 1), True)], True, id="sealed-by-another"),
        pytest.param(3, [("own", (2025, 2), True)], False, id="earlier-quarter"),
        pytest.param(1, [("own", (2026, 2), True)], False, id="another-year"),
        pytest.param(1, [("other", (2025, 0), False)], False, id="the-year"),
        pytest.param(1, [("other", (2025, 2), False)], False, id="stock"),
    ],
)
def test_a_quarter_is_closed_once_a_later_one_is_sealed(kit, situation, asked, quarter, sealed, closed):
    verdict = quarterly(kit, situation, asked, quarter, *sealed)
    if closed:
        assert verdict.reason is Reason.PERIOD_CLOSED
    else:
        assert isinstance(verdict, Permit)


def test_what_is_held_already_is_not_charged_again_when_the_node_asks_whether_it_still_agrees(
    situation, asked, kit
):
    held, question = secure(kit, situation, asked, caps=cap(0, 0))
    assert decide(held, question).reason is Reason.BUDGET_EXHAUSTED
    assert policy.still_agrees(held, question) is None
    programme = held.programme
    withdrawn = replace(held, approvals=[approval(programme, expires_at=NOW)])
    assert policy.still_agrees(withdrawn, question).reason is Reason.APPROVAL_EXPIRED
    assert policy.still_agrees(replace(held, halted=Reason.PAUSED), question).reason is Reason.PAUSED


def test_the_name_of_a_noise_plan_changes_with_every_parameter(programme):
    plan = noise_plan(programme)
    names = {policy.plan_digest(plan)}
    for field, value in (("cells", 9), ("rows", 2), ("granularity", 64), ("scale", 1.0), ("table", "x")):
        names.add(policy.plan_digest([replace(plan[0], **{field: value}), *plan[1:]]))
    assert len(names) == 6
