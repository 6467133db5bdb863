"""What a round's status says to a person; the coordinator that sends it is not needed for that."""

from dataclasses import replace

import pytest

from aggregator.progress import ATTEMPTS, clock, cost_of, ending, in_sum, news, step_of
from samentel.documents.programme import Mode
from samentel.wire.messages import RoundPhase, RoundStatus, SumPhase

NODES = ("amber", "beryl", "coral", "dune", "ebony", "flint", "garnet", "hazel", "iris")
GATHER, COLLECT, STEP = (f"2026-02-0{day}T06:00:00+00:00" for day in (8, 9, 3))
SEEN = RoundStatus(
    round_id="ab" * 32,
    programme_digest="cd" * 32,
    period="2025",
    attempt=1,
    phase=RoundPhase.GATHERING,
    invited=NODES,
    present=(),
    arrived=(),
    institutions_min=5,
    gather_until=GATHER,
    collect_until=COLLECT,
    reason="",
    release_id="",
)
GATHERING = replace(SEEN, present=NODES[:3], mode=Mode.SECURE_SUM.value)
# A secure sum in which hazel fell out after its keys and garnet after its dealing; iris was never there.
RUNNING = replace(GATHERING, phase=RoundPhase.COLLECTING, present=NODES[:8], step_until=STEP)
ADVERTISING = replace(RUNNING, sum_phase=SumPhase.ADVERTISING, listed=NODES[:6], awaited=("garnet", "hazel"))
SHARING = replace(RUNNING, sum_phase=SumPhase.SHARING, listed=NODES[:8], dealt=NODES[:7], awaited=("hazel",))
MASKING = replace(SHARING, sum_phase=SumPhase.MASKING, arrived=(), awaited=NODES[:7])
ROLL_CALL = replace(MASKING, arrived=NODES[:6], awaited=("beryl",))
AGREEING = replace(
    ROLL_CALL,
    sum_phase=SumPhase.AGREEING,
    survivors=NODES[:6],
    agreed=NODES[:4],
    awaited=("ebony", "flint"),
)
REVEALING = replace(AGREEING, sum_phase=SumPhase.REVEALING, agreed=NODES[:6], awaited=("coral",))
SUMMED = replace(REVEALING, phase=RoundPhase.SUMMED, sum_phase=SumPhase.DONE, awaited=(), step_until="")
PUBLISHED = replace(SUMMED, phase=RoundPhase.PUBLISHED, release_id="redenen-2025-1")
HANDING_IN = replace(SEEN, phase=RoundPhase.COLLECTING, present=NODES[:4], arrived=NODES[:3])


def abandoned(status, reason="a wrong code list"):
    return replace(status, phase=RoundPhase.ABANDONED, reason=reason, awaited=(), step_until="")


@pytest.mark.parametrize(
    ("status", "line"),
    [
        pytest.param(
            replace(SEEN, present=NODES[:2]),
            "gathering: 2 of 9 institutions are present; waiting for coral, dune, ebony, flint, garnet "
            "and 2 more until 2026-02-08 06:00:00 UTC",
            id="gathering",
        ),
        pytest.param(
            HANDING_IN,
            "collecting: 3 of 4 institutions have handed in; waiting for dune until 2026-02-09 06:00:00 UTC",
            id="individual",
        ),
        pytest.param(
            ADVERTISING,
            "keys: 6 of 8 institutions have handed in their keys; waiting for garnet, hazel "
            "until 2026-02-03 06:00:00 UTC",
            id="keys",
        ),
        pytest.param(
            SHARING,
            "dealings: 7 of 8 institutions have shared their secrets among the others; waiting for hazel "
            "until 2026-02-03 06:00:00 UTC",
            id="dealings",
        ),
        pytest.param(
            MASKING,
            "masked counts: 0 of 7 institutions have handed in their masked counts; waiting for amber, "
            "beryl, coral, dune, ebony and 2 more until 2026-02-03 06:00:00 UTC",
            id="masked-counts",
        ),
        pytest.param(
            ROLL_CALL,
            "roll call: 5 of 6 institutions have been heard from since the last masked counts; waiting for "
            "beryl until 2026-02-03 06:00:00 UTC",
            id="roll-call",
        ),
        pytest.param(
            AGREEING,
            "agreement: 4 of 6 institutions have agreed to exactly this sum; waiting for ebony, flint "
            "until 2026-02-03 06:00:00 UTC",
            id="agreement",
        ),
        pytest.param(
            REVEALING,
            "unmasking: 5 of 6 institutions have helped to take the masks off; waiting for coral "
            "until 2026-02-03 06:00:00 UTC",
            id="unmasking",
        ),
        pytest.param(
            SUMMED, "the sum is known: 6 of 8 institutions that were present are in the sum", id="summed"
        ),
        pytest.param(
            PUBLISHED,
            "published as redenen-2025-1: 6 of 8 institutions that were present are in the sum",
            id="published",
        ),
        pytest.param(abandoned(MASKING), "ended without a release: a wrong code list", id="abandoned"),
    ],
)
def test_one_line_says_the_step_how_many_who_and_until_when(status, line):
    assert news(status) == line


@pytest.mark.parametrize(
    ("status", "spent", "perhaps"),
    [
        pytest.param(replace(SEEN, present=NODES), (), (), id="individual-gathering"),
        pytest.param(GATHERING, (), (), id="gathering"),
        pytest.param(abandoned(GATHERING), (), (), id="abandoned-while-gathering"),
        pytest.param(ADVERTISING, (), (), id="keys"),
        pytest.param(SHARING, (), (), id="dealings"),
        pytest.param(MASKING, (), (), id="masked-counts"),
        pytest.param(ROLL_CALL, (), (), id="all-uploaded"),
        pytest.param(AGREEING, NODES[:4], NODES[4:6], id="agreement"),
        pytest.param(REVEALING, NODES[:6], (), id="unmasking"),
        pytest.param(SUMMED, NODES[:6], (), id="summed"),
        pytest.param(abandoned(ROLL_CALL), (), (), id="abandoned-before-agreement"),
        pytest.param(abandoned(AGREEING), NODES[:4], NODES[4:6], id="abandoned-after"),
        pytest.param(
            abandoned(replace(AGREEING, sum_phase=SumPhase.FAILED)), NODES[:4], NODES[4:6], id="failed"
        ),
        pytest.param(HANDING_IN, NODES[:3], ("dune",), id="individual"),
        pytest.param(abandoned(HANDING_IN), NODES[:3], ("dune",), id="individual-abandoned"),
    ],
)
def test_who_has_spent_and_who_may_have(status, spent, perhaps):
    cost = cost_of(status)
    assert (cost.spent, cost.perhaps, cost.sure) == (spent, perhaps, True)
    assert cost.nothing == (not spent and not perhaps)
    assert all(name in str(cost) for name in (*spent, *perhaps))


def test_a_helper_outside_the_proposed_sum_has_spent_nothing():
    named = str(cost_of(AGREEING))
    assert "garnet" not in named  # dealt seed shares, and is not in the sum
    assert "hazel" not in named


def test_the_end_of_a_secure_sum_that_never_began_says_that_it_was_free():
    assert "too few. Nobody has spent anything: held losses are freed, but for the local one." in ending(
        abandoned(GATHERING, "too few")
    )
    assert "Nobody has spent anything" not in ending(abandoned(replace(SEEN, present=NODES[:3])))


def test_an_abandoned_round_that_nobody_handed_in_for_is_not_called_free():
    """Whether it had begun to collect is not to be seen: in individual mode somebody may have spent."""
    cost = cost_of(abandoned(replace(SEEN, present=NODES[:3])))
    assert not cost.nothing
    assert "may have spent all the same" in str(cost)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        pytest.param(
            MASKING, "Nobody has spent anything: held losses are freed, but for the local one.", id="free"
        ),
        pytest.param(
            abandoned(GATHERING),
            "Nobody has spent anything: held losses are freed, but for the local one.",
            id="never-begun",
        ),
        pytest.param(
            AGREEING,
            "4 institutions have spent their share of this attempt: amber, beryl, coral, dune; 2 more may "
            "have, their answer is not here yet: ebony, flint; another attempt costs a fresh charge.",
            id="some",
        ),
        pytest.param(
            replace(AGREEING, agreed=("amber",), survivors=("amber",)),
            "1 institution has spent its share of this attempt: amber; another attempt costs a fresh charge.",
            id="one",
        ),
        pytest.param(
            replace(AGREEING, agreed=(), survivors=("amber", "beryl")),
            "No institution is known to have spent its share of this attempt; 2 may have, their answer is "
            "not here yet: amber, beryl; another attempt costs a fresh charge.",
            id="not-heard-yet",
        ),
    ],
)
def test_the_cost_in_words(status, text):
    assert str(cost_of(status)) == text


def test_the_end_of_a_round_says_why_what_it_cost_and_what_to_do():
    told = ending(abandoned(REVEALING, "the time of the round is over"))
    assert told.startswith(
        "round abababababab, attempt 1, ended without a release: the time of the round is over. "
    )
    assert "6 institutions have spent" in told
    assert "amber, beryl, coral, dune, ebony and 1 more" in told  # the rest is in "round show"
    assert "samentel-aggregator round show abababababab" in told
    assert told.endswith(f"samentel-aggregator round run {'cd' * 32} 2025 --attempt 2")
    assert ending(abandoned(MASKING), "redenen").endswith("round run redenen 2025 --attempt 2")


def test_after_the_last_attempt_no_other_one_is_offered():
    assert "Another attempt" not in ending(replace(abandoned(MASKING), attempt=ATTEMPTS))


def test_only_a_round_with_a_sum_has_institutions_in_it():
    assert in_sum(AGREEING) == in_sum(HANDING_IN) == in_sum(abandoned(SUMMED)) == ()
    assert in_sum(SUMMED) == NODES[:6]
    assert in_sum(replace(HANDING_IN, phase=RoundPhase.SUMMED)) == NODES[:3]


def test_every_phase_of_a_running_sum_has_a_step_and_no_other_has():
    for phase in SumPhase:
        running = SumPhase.ADVERTISING <= phase <= SumPhase.REVEALING
        step = step_of(replace(RUNNING, sum_phase=phase))
        assert (step is not None) == running
    for over in (RoundPhase.SUMMED, RoundPhase.PUBLISHED, RoundPhase.ABANDONED):
        assert step_of(replace(RUNNING, phase=over)) is None


def test_a_moment_is_told_in_utc_and_one_that_cannot_be_read_as_it_is():
    assert clock("2026-02-03T07:30:00+01:00") == "2026-02-03 06:30:00 UTC"
    assert clock("2026-02-03T06:30:00Z") == "2026-02-03 06:30:00 UTC"
    assert clock("2026-99-99T06:30:00Z") == "2026-99-99T06:30:00Z"
    assert clock("") == ""
