from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from samentel.counting.ledger import (
    EMPTY,
    Body,
    Charge,
    Entry,
    Head,
    Kind,
    Loss,
    charge,
    follows,
    head,
    hold,
    next_entry,
    verify,
)
from samentel.documents.populations import Counting
from samentel.documents.programme import Mode
from samentel.errors import DocumentError, Reason, Refusal
from samentel.ids import NO_DIGEST, Digest, Period, digest

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
P, OTHER = digest(b"programme"), digest(b"other programme")
PLAN = digest(b"plan")
SALT = bytes(range(32))
PLENTY = Charge(Fraction(1000), Fraction(1000))
HALF = Fraction(1, 2)
WITH_LOSS = (Kind.HOLD, Kind.FREED, Kind.SPENT, Kind.PUBLISHED)


def loss(name: str, period: str = "2025", rho: Fraction = HALF, **changes: Any) -> Loss:
    values: dict[str, Any] = {
        "round": digest(name.encode()),
        "period": Period.parse(period),
        "attempt": 1,
        "mode": Mode.SECURE_SUM,
        "counting": Counting.INFLOW,
        "rho_central": rho,
        "rho_local": rho * 10,
    }
    return Loss(**{**values, **changes})


def append(entries: list[Entry], kind: Kind, of: Loss | None = None, programme: Digest = P) -> None:
    entries.append(next_entry(head(entries), AT, kind, programme, salt=SALT, loss=of))


def ledger(*steps: tuple[Kind, Loss | None]) -> list[Entry]:
    entries: list[Entry] = []
    for kind, of in steps:
        append(entries, kind, of)
    return entries


def charged(entries: list[Entry], year: int = 2025) -> Charge:
    return charge([entry.read() for entry in entries], year)


def ordinary() -> list[Entry]:
    one, two, three = loss("one"), loss("two"), loss("three")
    return ledger(
        (Kind.APPROVED, None), (Kind.HOLD, one), (Kind.SPENT, one), (Kind.REFUSED, None), (Kind.HOLD, two),
        (Kind.FREED, two), (Kind.PUBLISHED, one), (Kind.HOLD, three),
    )  # fmt: skip


def test_an_ordinary_ledger_holds_and_charges_what_is_held_or_spent() -> None:
    assert verify([]) == []
    assert verify(ordinary()) == []
    assert head([]) == EMPTY == Head(0, NO_DIGEST)
    assert head(ordinary()) == Head(8, ordinary()[-1].digest)
    assert charged(ordinary()) == Charge(Fraction(1), Fraction(15))  # what was freed stays in the local loss
    assert charged(ordinary(), 2024) == Charge(Fraction(0), Fraction(0))


@pytest.mark.parametrize("number", range(8))
def test_any_changed_byte_of_an_entry_is_named(number: int) -> None:
    good = ordinary()

    def faults(changed: Entry) -> list[str]:
        return verify([*good[:number], changed, *good[number + 1 :]])

    entry = good[number]
    for position in range(len(entry.body)):
        body = entry.body[:position] + bytes([entry.body[position] ^ 1]) + entry.body[position + 1 :]
        assert f"entry {number}: has been changed since it was written" in faults(replace(entry, body=body))
    for position in range(64):
        for field in ("previous", "digest"):
            value = getattr(entry, field)
            other = "1" if value[position] == "0" else "0"
            changed = replace(entry, **{field: value[:position] + other + value[position + 1 :]})
            assert any(fault.startswith(f"entry {number}: ") for fault in faults(changed))


@given(number=st.integers(0, 7), start=st.integers(0), junk=st.binary(max_size=3))
def test_a_body_with_other_bytes_in_it_is_named_and_never_a_traceback(
    number: int, start: int, junk: bytes
) -> None:
    good = ordinary()
    body = good[number].body
    start %= len(body)
    changed = body[:start] + junk + body[start + 2 :]
    if changed != body:
        found = verify([*good[:number], replace(good[number], body=changed), *good[number + 1 :]])
        assert f"entry {number}: has been changed since it was written" in found


@pytest.mark.parametrize("number", range(7))
def test_a_removed_entry_is_noticed_where_it_is_missing(number: int) -> None:
    good = ordinary()
    assert f"entry {number}: does not follow the entry before it" in verify(
        good[:number] + good[number + 1 :]
    )


@pytest.mark.parametrize("number", range(7))
def test_two_entries_that_changed_places_are_noticed(number: int) -> None:
    good = ordinary()
    good[number], good[number + 1] = good[number + 1], good[number]
    assert f"entry {number}: does not follow the entry before it" in verify(good)


def test_an_entry_of_another_ledger_does_not_fit_in() -> None:
    stranger = ledger((Kind.APPROVED, None), (Kind.APPROVED, None))[1]
    assert f"entry {8}: does not follow the entry before it" in verify([*ordinary(), stranger])


def test_a_cut_tail_is_found_by_the_head_that_others_have_seen_and_not_by_the_chain() -> None:
    good = ordinary()
    seen = head(good)
    assert verify(good[:5]) == []  # the chain alone cannot know what came after
    assert not follows(good[:5], seen)
    rewritten = good[:5]
    append(rewritten, Kind.SPENT, loss("two"))
    append(rewritten, Kind.PUBLISHED, loss("two"))
    append(rewritten, Kind.APPROVED)
    assert verify(rewritten) == []
    assert not follows(rewritten, seen)


def test_a_ledger_follows_every_head_it_ever_had_and_no_other() -> None:
    good = ordinary()
    assert all(follows(good, head(good[:length])) for length in range(9))
    assert follows([], EMPTY)
    assert not follows([], head(good))
    assert not follows(good, Head(9, good[-1].digest))
    assert not follows(good, Head(8, good[-2].digest))
    assert not follows(good, Head(7, good[-1].digest))


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([(Kind.SPENT, loss("a"))], "entry 0: spent of a round that is not held"),
        ([(Kind.FREED, loss("a"))], "entry 0: freed of a round that is not held"),
        ([(Kind.PUBLISHED, loss("a"))], "entry 0: published of a round that is not held"),
        ([(Kind.HOLD, loss("a")), (Kind.PUBLISHED, loss("a"))], "entry 1: published of a round that is hold"),
        ([(Kind.HOLD, loss("a")), (Kind.HOLD, loss("a"))], "entry 1: hold of a round that is hold"),
        (
            [(Kind.HOLD, loss("a")), (Kind.SPENT, loss("a")), (Kind.FREED, loss("a"))],
            "entry 2: freed of a round that is spent",
        ),
        (
            [(Kind.HOLD, loss("a")), (Kind.FREED, loss("a")), (Kind.SPENT, loss("a"))],
            "entry 2: spent of a round that is freed",
        ),
        (
            [(Kind.HOLD, loss("a")), (Kind.FREED, loss("a")), (Kind.HOLD, loss("a"))],
            "entry 2: hold of a round that is freed",
        ),
        (
            [(Kind.HOLD, loss("a")), (Kind.SPENT, loss("a", rho=Fraction(1, 100)))],
            "entry 1: spent with another loss or programme than the entry before it of this round",
        ),
    ],
)
def test_entries_of_a_round_stand_in_their_only_order(steps: list[tuple[Kind, Loss]], said: str) -> None:
    assert said in verify(ledger(*steps))


def test_entries_of_a_round_name_one_programme() -> None:
    entries = ledger((Kind.HOLD, loss("a")))
    append(entries, Kind.FREED, loss("a"), OTHER)
    assert any("another loss or programme" in fault for fault in verify(entries))


def forged(body: bytes, after: list[Entry]) -> Entry:
    """An entry whose chain is right, as somebody with the database could write it."""
    previous = head(after).digest
    return Entry(body, previous, digest(b"samentel/v1/ledger/" + previous.encode() + b"/" + body))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda body: body.replace(b'"kind":"hold"', b'"kind":"gift"'), id="unknown kind"),
        pytest.param(lambda body: body[:-1] + b',"discount":1}', id="unknown field"),
        pytest.param(
            lambda body: body.replace(b'"rho_central":"1/2"', b'"rho_central":"-1/2"'), id="negative"
        ),
        pytest.param(
            lambda body: body.replace(b'"kind":"hold"', b'"kind":"approved"'), id="loss of an approval"
        ),
        pytest.param(lambda body: body[: body.index(b'"loss":')] + b'"programme":"x"}', id="cut short"),
    ],
)
def test_what_cannot_be_understood_is_never_free(damage: Callable[[bytes], bytes]) -> None:
    start = ledger((Kind.APPROVED, None))
    good = next_entry(head(start), AT, Kind.HOLD, P, salt=SALT, loss=loss("a")).body
    assert damage(good) != good
    entries = [*start, forged(damage(good), start)]
    assert [fault.partition(":")[0] for fault in verify(entries)] == ["entry 1"]
    with pytest.raises(DocumentError):
        hold(entries, AT, P, loss("b"), PLENTY, PLAN, salt=SALT)


def test_a_hold_without_a_loss_cannot_be_written_or_read() -> None:
    with pytest.raises(ValidationError):
        next_entry(EMPTY, AT, Kind.HOLD, P, salt=SALT)
    with pytest.raises(ValidationError):
        next_entry(EMPTY, AT, Kind.APPROVED, P, salt=SALT, loss=loss("a"))
    nothing = next_entry(EMPTY, AT, Kind.APPROVED, P, salt=SALT).body.replace(b"approved", b"hold")
    assert len(verify([forged(nothing, [])])) == 1


def test_a_forged_number_is_named() -> None:
    start = ledger((Kind.APPROVED, None))
    body = next_entry(head(start), AT, Kind.APPROVED, P, salt=SALT).body.replace(b'"seq":1', b'"seq":7')
    assert verify([*start, forged(body, start)]) == ["entry 1: carries the number 7"]


def test_two_ledgers_with_the_same_history_have_different_heads() -> None:
    one, other = (
        next_entry(EMPTY, AT, Kind.REFUSED, P, salt=salt, reason="paused") for salt in (SALT, SALT[::-1])
    )
    assert one.digest != other.digest
    assert verify([one]) == verify([other]) == []
    assert hold([], AT, P, loss("a"), PLENTY, PLAN, salt=SALT) != hold(
        [], AT, P, loss("a"), PLENTY, PLAN, salt=SALT[::-1]
    )


@pytest.mark.parametrize("salt", [b"", SALT[1:], SALT + b"1"])
def test_an_entry_without_a_whole_salt_cannot_be_written_or_read(salt: bytes) -> None:
    with pytest.raises(ValidationError):
        next_entry(EMPTY, AT, Kind.APPROVED, P, salt=salt)
    good = next_entry(EMPTY, AT, Kind.APPROVED, P, salt=SALT).body
    assert len(verify([forged(good.replace(SALT.hex().encode(), salt.hex().encode()), [])])) == 1
    assert len(verify([forged(good.replace(f'"salt":"{SALT.hex()}",'.encode(), b""), [])])) == 1


# The charge of a year.


def held(*losses: Loss) -> Fraction:
    return charged(ledger(*((Kind.HOLD, of) for of in losses))).central


def test_annual_losses_add_and_only_those_of_the_year() -> None:
    assert held(loss("a"), loss("b"), loss("c", "2024")) == 1


def test_of_quarters_the_largest_counts() -> None:
    quarters = [loss(f"q{number}", f"2025Q{number}", Fraction(number, 10)) for number in range(1, 5)]
    assert held(*quarters) == Fraction(4, 10)
    assert held(*quarters, loss("year")) == Fraction(9, 10)


def test_attempts_of_one_quarter_add_before_the_largest_is_taken() -> None:
    first, again = loss("a", "2025Q1", Fraction(3, 10)), loss("b", "2025Q1", Fraction(3, 10), attempt=2)
    assert held(first, again, loss("c", "2025Q2")) == Fraction(6, 10)


@pytest.mark.parametrize("changes", [{"mode": Mode.INDIVIDUAL}, {"counting": Counting.STOCK}])
def test_individual_and_stock_losses_of_every_quarter_add(changes: dict[str, Any]) -> None:
    assert held(*(loss(f"q{number}", f"2025Q{number}", **changes) for number in range(1, 5))) == 2


def test_the_largest_quarter_is_taken_for_each_loss_apart() -> None:
    entries = ledger(
        (Kind.HOLD, loss("a", "2025Q1", Fraction(1, 10), rho_local=Fraction(9))),
        (Kind.HOLD, loss("b", "2025Q2", Fraction(2, 10), rho_local=Fraction(3))),
    )
    assert charged(entries) == Charge(Fraction(2, 10), Fraction(9))


def test_a_spent_round_is_charged_whatever_is_written_after_it() -> None:
    a = loss("a")
    assert charged(ledger((Kind.HOLD, a), (Kind.SPENT, a), (Kind.FREED, a))).central == HALF
    assert charged(ledger((Kind.HOLD, a), (Kind.FREED, a), (Kind.SPENT, a))).central == HALF
    assert charged(ledger((Kind.SPENT, a))).central == HALF
    assert charged(ledger((Kind.PUBLISHED, a), (Kind.FREED, a))).central == HALF
    assert charged(ledger((Kind.HOLD, a), (Kind.SPENT, loss("a", rho=Fraction(1, 100))))).central > HALF
    assert charged(ledger((Kind.HOLD, a), (Kind.FREED, a))).central == 0


@pytest.mark.clause("END-1")
def test_what_everybody_else_could_have_learned_is_not_given_back() -> None:
    """If all others collude they hold t shares, and take the masks off what was handed in and freed."""
    a, b = loss("a", rho_local=Fraction(5)), loss("b", rho_local=Fraction(5))
    freed = ledger((Kind.HOLD, a), (Kind.FREED, a))
    assert charged(freed) == Charge(Fraction(0), Fraction(5))
    with pytest.raises(Refusal, match="local house cap"):
        hold(freed, AT, P, b, Charge(Fraction(10), Fraction(9)), PLAN, salt=SALT)
    assert hold(freed, AT, P, b, Charge(HALF, Fraction(10)), PLAN, salt=SALT).read().kind is Kind.HOLD


# Holding.


def test_a_hold_that_fits_exactly_is_entered_with_its_parameters() -> None:
    entry = hold([], AT, P, loss("a"), Charge(HALF, Fraction(5)), PLAN, HALF, salt=SALT)
    body = entry.read()
    assert (body.seq, body.kind, body.programme, body.loss, body.parameters, body.at) == (
        0, Kind.HOLD, P, loss("a"), PLAN, AT,
    )  # fmt: skip
    assert verify([entry]) == []


A_HAIR = Fraction(1, 10**12)


@pytest.mark.parametrize(
    ("caps", "programme_cap", "said"),
    [
        (Charge(HALF - A_HAIR, Fraction(5)), HALF, "^house cap for 2025: the round asks rho 1/2, "),
        (Charge(HALF, Fraction(5) - A_HAIR), HALF, "^local house cap for 2025: the round asks rho 5, "),
        (Charge(HALF, Fraction(5)), HALF - A_HAIR, "^approved cap of this programme for 2025: "),
        (Charge(Fraction(0), Fraction(0)), None, "0 of 0 is left$"),
    ],
)
def test_a_hold_over_any_cap_is_refused(caps: Charge, programme_cap: Fraction | None, said: str) -> None:
    with pytest.raises(Refusal, match=said) as caught:
        hold([], AT, P, loss("a"), caps, PLAN, programme_cap, salt=SALT)
    assert caught.value.reason is Reason.BUDGET_EXHAUSTED


def test_a_refusal_says_what_is_left() -> None:
    with pytest.raises(Refusal, match="the round asks rho 1/2, 1/4 of 3/4 is left"):
        hold(
            ledger((Kind.HOLD, loss("a"))),
            AT,
            P,
            loss("b"),
            Charge(Fraction(3, 4), Fraction(100)),
            PLAN,
            salt=SALT,
        )


def test_a_long_exact_loss_is_shown_short_and_rounded_against_the_round() -> None:
    asked = Fraction(1, 3) + Fraction(1, 10**40)
    entries = ledger((Kind.HOLD, loss("a", rho=asked)))
    with pytest.raises(Refusal, match=r"asks rho 0\.333334, 0\.166666 of 1/2 is left$"):
        hold(entries, AT, P, loss("b", rho=asked), Charge(HALF, Fraction(100)), PLAN, salt=SALT)


def test_the_cap_of_a_programme_counts_that_programme_only() -> None:
    entries: list[Entry] = []
    append(entries, Kind.HOLD, loss("a"), OTHER)
    entries.append(hold(entries, AT, P, loss("b"), PLENTY, PLAN, HALF, salt=SALT))
    with pytest.raises(Refusal, match="approved cap of this programme"):
        hold(entries, AT, P, loss("c"), PLENTY, PLAN, HALF, salt=SALT)


@pytest.mark.parametrize("then", [[], [Kind.FREED], [Kind.SPENT], [Kind.SPENT, Kind.PUBLISHED]])
def test_a_round_is_never_held_twice_whatever_became_of_it(then: list[Kind]) -> None:
    entries = ledger((Kind.HOLD, loss("a")), *((kind, loss("a")) for kind in then))
    with pytest.raises(Refusal) as caught:
        hold(entries, AT, P, loss("a", "2024"), PLENTY, PLAN, salt=SALT)
    assert caught.value.reason is Reason.REPLAYED_ROUND


losses = st.builds(
    lambda name, period, tenth, mode, counting: loss(
        f"round {name}", period, Fraction(tenth, 10), mode=mode, counting=counting
    ),
    st.integers(0, 6),
    st.sampled_from(["2024", "2025", "2025Q1", "2025Q2", "2025Q3", "2025Q4"]),
    st.integers(1, 10),
    st.sampled_from(list(Mode)),
    st.sampled_from(list(Counting)),
)
CAPS = Charge(Fraction(2), Fraction(15))


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(WITH_LOSS), losses), max_size=25))
def test_in_any_order_of_entries_a_charge_falls_only_by_a_freed_hold(steps: list[tuple[Kind, Loss]]) -> None:
    bodies: list[Body] = []
    before = charge(bodies, 2025)
    spent: set[str] = set()
    for number, (kind, of) in enumerate(steps):
        bodies.append(Body(seq=number, at=AT, salt=SALT.hex(), kind=kind, programme=P, loss=of))
        after = charge(bodies, 2025)
        if kind is not Kind.FREED or of.round in spent:
            assert after.central >= before.central
            assert after.local >= before.local
        if kind in (Kind.SPENT, Kind.PUBLISHED):
            spent.add(of.round)
            published = charge([body for body in bodies if body.kind is Kind.PUBLISHED], 2025)
            assert after.central >= published.central
        before = after


@settings(max_examples=150)
@given(st.lists(st.tuples(st.sampled_from(WITH_LOSS), losses), max_size=25))
def test_a_ledger_kept_by_its_own_rules_holds_and_stays_under_its_caps(
    steps: list[tuple[Kind, Loss]],
) -> None:
    entries: list[Entry] = []
    state: dict[str, tuple[Kind, Loss]] = {}
    may_follow = {Kind.FREED: Kind.HOLD, Kind.SPENT: Kind.HOLD, Kind.PUBLISHED: Kind.SPENT}
    for kind, wanted in steps:
        if kind is Kind.HOLD:
            try:
                entries.append(hold(entries, AT, P, wanted, CAPS, PLAN, salt=SALT))
            except Refusal as refusal:
                over = refusal.reason is Reason.BUDGET_EXHAUSTED
                assert over or wanted.round in state
                continue
            state[wanted.round] = (kind, wanted)
        elif wanted.round in state and state[wanted.round][0] is may_follow[kind]:
            of = state[wanted.round][1]
            append(entries, kind, of)
            state[wanted.round] = (kind, of)
    assert verify(entries) == []
    for year in (2024, 2025):
        now = charged(entries, year)
        assert now.central <= CAPS.central
        assert now.local <= CAPS.local
        # By hand: what is neither freed nor of another year; freed or not, the local loss stays.
        held = [of.rho_local for _, of in state.values() if of.period.year == year]
        assert now.local >= max(held, default=0)
        mine = [of for kind, of in state.values() if kind is not Kind.FREED and of.period.year == year]
        quarterly = [
            of
            for of in mine
            if of.period.quarter and of.mode is Mode.SECURE_SUM and of.counting is Counting.INFLOW
        ]
        largest = max(
            sum((of.rho_central for of in quarterly if of.period.quarter == quarter), Fraction(0))
            for quarter in range(1, 5)
        )
        assert now.central == sum((of.rho_central for of in mine if of not in quarterly), largest)


def test_an_exact_sum_of_many_tables_can_be_booked_and_read_back() -> None:
    rho = sum((Fraction(1, 2 * Fraction(3 + number / 7) ** 2) for number in range(64)), Fraction(0))
    entry = next_entry(EMPTY, AT, Kind.HOLD, P, salt=SALT, loss=loss("a", rho=rho))
    booked = entry.read().loss
    assert booked is not None
    assert booked.rho_central == rho
