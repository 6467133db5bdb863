"""The decision, rule by rule: each refusal has its row, and a refusal changes nothing."""

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from node import policy
from node.policy import Permit, Situation, decide
from samentel.counting import ledger
from samentel.counting.ledger import Charge, Kind, Loss
from samentel.counting.privacy import noise_plan, total_rho
from samentel.documents import programme as programmes
from samentel.documents.keys import SigningKey
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
        deadline=NOW + timedelta(hours=1),
        caps=Charge(Fraction(1), Fraction(36)),
        institutions_floor=3,
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
        counting=programmes.Counting.INFLOW,
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


def test_a_mode_that_this_version_does_not_carry_out_is_refused(situation, asked, kit):
    other = programmes.parse(kit.programme_text(mode="secure-sum"))
    changed = replace(situation, programme=other, approvals=[approval(other)])
    verdict = decide(changed, asked.model_copy(update={"programme": other.digest}))
    assert verdict.reason is Reason.PARAMETER_BELOW_FLOOR


def test_the_name_of_a_noise_plan_changes_with_every_parameter(programme):
    plan = noise_plan(programme)
    names = {policy.plan_digest(plan)}
    for field, value in (("cells", 9), ("rows", 2), ("granularity", 64), ("scale", 1.0), ("table", "x")):
        names.add(policy.plan_digest([replace(plan[0], **{field: value}), *plan[1:]]))
    assert len(names) == 6
