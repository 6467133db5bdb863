"""What an administrator sees of a secure sum; the statuses are those of the contract, one after the other."""

import io
from contextlib import redirect_stdout
from dataclasses import replace

import pytest
from rich.console import Console

from aggregator import manual
from desk.packaged import packaged
from samentel.documents import programme as programmes
from samentel.documents.access import Endpoint
from samentel.documents.envelope import seal
from samentel.documents.keys import SigningKey
from samentel.documents.programme import Mode
from samentel.errors import LocalFault
from samentel.wire.messages import ProgrammeSummary, RoundPhase, RoundStatus, SumPhase

NODES = ("amber", "beryl", "coral", "dune", "ebony", "flint", "garnet")
UNTIL = "2026-02-03T06:00:00+00:00"
GATHERING = RoundStatus(
    round_id="ab" * 32,
    programme_digest="cd" * 32,
    period="2025",
    attempt=1,
    phase=RoundPhase.GATHERING,
    invited=NODES,
    present=NODES[:6],
    arrived=(),
    institutions_min=3,
    gather_until=UNTIL,
    collect_until=UNTIL,
    reason="",
    release_id="",
    mode=Mode.SECURE_SUM.value,
)
KEYS = replace(
    GATHERING,
    phase=RoundPhase.COLLECTING,
    sum_phase=SumPhase.ADVERTISING,
    present=NODES,
    listed=NODES[:5],
    awaited=NODES[5:],
    step_until=UNTIL,
)
DEALINGS = replace(KEYS, sum_phase=SumPhase.SHARING, listed=NODES, dealt=NODES[:6], awaited=("garnet",))
COUNTS = replace(DEALINGS, sum_phase=SumPhase.MASKING, arrived=NODES[:4], awaited=NODES[4:6])
AGREEMENT = replace(
    COUNTS, sum_phase=SumPhase.AGREEING, survivors=NODES[:4], agreed=NODES[:3], awaited=("dune",)
)
UNMASKING = replace(AGREEMENT, sum_phase=SumPhase.REVEALING, agreed=NODES[:4])
SUMMED = replace(UNMASKING, phase=RoundPhase.SUMMED, sum_phase=SumPhase.DONE, awaited=(), step_until="")
PUBLISHED = replace(SUMMED, phase=RoundPhase.PUBLISHED, release_id="redenen-2025-1")
ROAD = (KEYS, DEALINGS, COUNTS, AGREEMENT, UNMASKING, SUMMED)


class Played:
    """A coordinator that shows statuses in their order, and remembers what it was asked to do."""

    def __init__(self, *road):
        self.road, self.at, self.done = road, 0, []
        self.key = SigningKey(b"\1" * 32)
        self.authority = (self.key.public,)
        self.endpoint = Endpoint(
            address="localhost:1", coordinator_key="00" * 32, authority=("a.pem",), authority_threshold=1
        )

    def programmes(self):
        return (ProgrammeSummary("cd" * 32, "redenen", 1),)

    def programme(self, digest):
        return seal(programmes.PAYLOAD_TYPE, packaged("aanleiding-samen"), self.key)

    def open_round(self, *asked):
        self.done.append(asked)
        return self.road[0]

    def collect(self, round_id):
        self.done.append("collect")
        return self._next()

    def round(self, round_id):
        return self._next()

    def rounds(self):
        return (self.road[self.at],)

    def publish(self, round_id):
        self.done.append("publish")
        return PUBLISHED

    def abandon(self, round_id, reason):
        self.done.append(("abandon", reason))
        return replace(self._next(), phase=RoundPhase.ABANDONED, reason=reason, awaited=())

    def _next(self):
        self.at = min(self.at + 1, len(self.road) - 1)
        return self.road[self.at]


@pytest.fixture
def play(monkeypatch):
    """A function of the module, with statuses in their order: what it prints, and the coordinator."""
    monkeypatch.setattr(manual, "LOOK_SECONDS", 0.0)

    def call(function, *arguments, road, fails=None, **options):
        played, out = Played(*road), io.StringIO()
        console = Console(file=out, width=200, soft_wrap=True, highlight=False, markup=False, emoji=False)
        monkeypatch.setattr(manual, "console", console)
        with redirect_stdout(out):
            if fails is None:
                call.answer = function(played, *arguments, **options)
            else:
                with pytest.raises(LocalFault, match=fails):
                    function(played, *arguments, **options)
        return out.getvalue(), played.done

    return call


def test_running_says_each_step_once(play):
    road = (GATHERING, GATHERING, KEYS, KEYS, *ROAD[1:])
    out, done = play(manual.run, "redenen", "2025", attempt=0, enough=0, road=road)
    assert [line.partition(":")[0] for line in out.splitlines()] == [
        "round abababababab, attempt 1, 7 institutions",
        "gathering",
        "keys",
        "dealings",
        "masked counts",
        "agreement",
        "unmasking",
        "published",
    ]
    assert out.endswith("published: redenen-2025-1 (4 institutions in the sum)\n")
    assert done == [("cd" * 32, "2025", 0), "publish"]


def test_running_collects_as_soon_as_enough_are_present(play):
    _, done = play(manual.run, "redenen", "2025", attempt=0, enough=6, road=(GATHERING, *ROAD))
    assert done[1:] == ["collect", "publish"]


def test_a_sum_that_fails_ends_the_run_with_its_price_and_the_next_command(play):
    failed = replace(
        AGREEMENT, phase=RoundPhase.ABANDONED, sum_phase=SumPhase.FAILED, reason="a dealer has dealt wrongly"
    )
    fails = (
        "a dealer has dealt wrongly. 3 institutions have spent .*amber, beryl, coral; 1 more may have.*dune.*"
        "round show abababababab.*round run redenen 2025 --attempt 2"
    )
    play(manual.run, "redenen", "2025", attempt=0, enough=0, road=(GATHERING, *ROAD[:4], failed), fails=fails)


def test_one_round_is_shown_station_by_station(play):
    out, _ = play(manual.show, "abab", road=(AGREEMENT,))
    rows = dict(line.strip().split("  ", 1) for line in out.splitlines())
    shown = {name: value.strip() for name, value in rows.items()}
    assert (shown["mode"], shown["phase"]) == ("secure sum", "collecting: agreement")
    assert shown["dealings"] == "6: amber, beryl, coral, dune, ebony, flint"
    assert shown["masked counts"] == "4: amber, beryl, coral, dune"
    assert shown["survivors"] == "4: amber, beryl, coral, dune"
    assert shown["agreed"] == shown["has spent"] == "3: amber, beryl, coral"
    assert shown["may have spent"] == "1: dune"
    assert shown["waited for"] == "dune"
    assert shown["until"] == "2026-02-03 06:00:00 UTC"


def test_a_round_that_counts_one_by_one_is_shown_so(play):
    out, _ = play(manual.show, "abab", road=(replace(GATHERING, mode=Mode.INDIVIDUAL.value),))
    rows = dict(line.strip().split("  ", 1) for line in out.splitlines())
    assert rows["mode"].strip() == "individual"
    assert {"arrived", "collecting until"} < set(rows)
    assert not {"keys", "dealings", "masked counts"} & set(rows)


@pytest.mark.parametrize("mode", Mode)
def test_what_giving_up_while_gathering_costs_goes_by_the_mode(play, mode):
    status = replace(GATHERING, mode=mode.value)
    out, _ = play(manual.abandon, "abab", "no", sure=False, road=(status,))
    assert out.splitlines()[1] == "Nobody has spent anything: held losses are freed, but for the local one."
    ended = replace(status, phase=RoundPhase.ABANDONED, reason="no")
    out, _ = play(manual.abandon, "abab", "no", sure=False, road=(ended,))
    assert ("Nobody has spent anything" in out) == (mode is Mode.SECURE_SUM)
    assert ("may have spent all the same" in out) == (mode is Mode.INDIVIDUAL)


@pytest.mark.parametrize("start", ["", "a", "aba"])
def test_too_few_characters_name_no_round(play, start):
    short = "too short for a round: give at least the first 4 characters"
    _, done = play(manual.abandon, start, "no", sure=True, road=(COUNTS,), fails=short)
    assert done == []
    if start:
        play(manual.show, start, road=(COUNTS,), fails=short)


def test_enough_is_one_or_more(play):
    fails = "--enough -1: give 1 or more; without it the round waits for all"
    _, done = play(manual.run, "redenen", "2025", attempt=0, enough=-1, road=(GATHERING,), fails=fails)
    assert done == []


def test_a_wrong_directory_is_answered_with_what_to_write(tmp_path):
    fix = (
        "admin is not a credentials directory: name it with --credentials, or .*aggregator.toml with --config"
    )
    with pytest.raises(LocalFault, match=fix):
        manual.connected(tmp_path / "aggregator.toml", None)


def test_the_list_says_where_each_round_is(play):
    out, _ = play(manual.show, "", road=(COUNTS,))
    assert "collecting: masked counts" in out.splitlines()[1]
    out, _ = play(manual.show, "", road=(PUBLISHED,))
    assert out.splitlines()[1].split() == [
        "abababababab", "2025", "1", "published", "7", "7", "4", "4", "redenen-2025-1",
    ]  # fmt: skip


@pytest.mark.parametrize("status", [GATHERING, KEYS, DEALINGS, COUNTS], ids=lambda it: it.sum_phase.name)
def test_before_agreement_giving_up_is_free_and_needs_no_yes(play, status):
    out, done = play(manual.abandon, "abab", "a wrong list", sure=False, road=(status,))
    assert play.answer is True
    assert done == [("abandon", "a wrong list")]
    assert "Nobody has spent anything: held losses are freed, but for the local one." in out
    assert out.endswith("round abababababab is abandoned.\n")


@pytest.mark.parametrize("status", [AGREEMENT, UNMASKING, SUMMED], ids=lambda it: it.sum_phase.name)
def test_from_agreement_on_nothing_is_done_without_a_yes(play, status):
    out, done = play(manual.abandon, "abab", "a wrong list", sure=False, road=(status,))
    assert play.answer is False
    assert done == []
    assert f"{len(status.agreed)} institutions have spent their share of this attempt: amber, beryl" in out
    assert ("1 more may have, their answer is not here yet: dune" in out) == (status is AGREEMENT)
    out, done = play(manual.abandon, "abab", "a wrong list", sure=True, road=(status,))
    assert play.answer is True
    assert done == [("abandon", "a wrong list")]


def test_a_price_that_rose_while_giving_up_is_told(play):
    """Between the look and the end a node may have agreed."""
    out, _ = play(manual.abandon, "abab", "a wrong list", sure=False, road=(COUNTS, AGREEMENT))
    assert "Nobody has spent anything" in out
    assert "is abandoned. 3 institutions have spent" in out
