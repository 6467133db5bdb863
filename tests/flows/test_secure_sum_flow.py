"""The flow of a secure sum: its phases, its words, its end; statuses come as the contract has them."""

import logging
from contextlib import contextmanager
from dataclasses import replace

import pytest

from desk.packaged import packaged
from flows import settings
from rehearsal import processes
from samentel.documents import programme as programmes
from samentel.documents.access import Endpoint
from samentel.documents.envelope import seal
from samentel.documents.keys import SigningKey
from samentel.documents.programme import Mode
from samentel.wire.messages import ProgrammeSummary, RoundPhase, RoundStatus, SumPhase

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(240)]

NODES = tuple(f"huis-{number:02}" for number in range(1, 11))
UNTIL = "2026-02-03T06:00:00+00:00"
ROUND = "ab" * 32
GATHERING = RoundStatus(
    round_id=ROUND,
    programme_digest="cd" * 32,
    period="2025",
    attempt=1,
    phase=RoundPhase.GATHERING,
    invited=NODES,
    present=NODES[:2],
    arrived=(),
    institutions_min=8,
    gather_until=UNTIL,
    collect_until=UNTIL,
    reason="",
    release_id="",
    mode=Mode.SECURE_SUM.value,
)
ALL_THERE = replace(GATHERING, present=NODES)
KEYS = replace(
    ALL_THERE,
    phase=RoundPhase.COLLECTING,
    sum_phase=SumPhase.ADVERTISING,
    listed=NODES[:9],
    awaited=NODES[9:],
    step_until=UNTIL,
)
DEALINGS = replace(KEYS, sum_phase=SumPhase.SHARING, listed=NODES, dealt=NODES[:4], awaited=NODES[4:])
COUNTS = replace(DEALINGS, sum_phase=SumPhase.MASKING, dealt=NODES, arrived=NODES[:9], awaited=NODES[9:])
AGREEMENT = replace(
    COUNTS, sum_phase=SumPhase.AGREEING, survivors=NODES[:9], agreed=NODES[:7], awaited=NODES[7:9]
)
UNMASKING = replace(AGREEMENT, sum_phase=SumPhase.REVEALING, agreed=NODES[:9], awaited=NODES[8:9])
SUMMED = replace(UNMASKING, phase=RoundPhase.SUMMED, sum_phase=SumPhase.DONE, awaited=(), step_until="")
PUBLISHED = replace(SUMMED, phase=RoundPhase.PUBLISHED, release_id="aanleiding-samen-2025-1")
ROAD = (GATHERING, ALL_THERE, KEYS, DEALINGS, COUNTS, AGREEMENT, UNMASKING, SUMMED)

ONE_BY_ONE = replace(ALL_THERE, mode=Mode.INDIVIDUAL.value)
HANDING_IN = replace(ONE_BY_ONE, phase=RoundPhase.COLLECTING, arrived=NODES[:3])
HANDED_IN = replace(HANDING_IN, phase=RoundPhase.SUMMED, arrived=NODES)

STEPS = ("await keys", "await dealings", "await masked counts", "await agreement")


class Played:
    """A coordinator that shows each status twice, in their order."""

    def __init__(self, programme, road):
        key = SigningKey(b"\1" * 32)
        self.envelope = seal(programmes.PAYLOAD_TYPE, packaged(programme), key)
        self.authority = (key.public,)
        self.endpoint = Endpoint(
            address="localhost:1", coordinator_key="00" * 32, authority=("a.pem",), authority_threshold=1
        )
        self.looks = iter([status for status in road for _ in range(2)])
        self.last = road[-1]
        self.attempts = []

    def programmes(self):
        return (ProgrammeSummary(self.envelope.digest, "a-programme", 1),)

    def programme(self, digest):
        return self.envelope

    def open_round(self, digest, period, attempt):
        self.attempts.append(attempt)
        return GATHERING

    def round(self, round_id):
        assert round_id == ROUND
        return next(self.looks, self.last)

    def collect(self, round_id):
        return self.round(round_id)

    def publish(self, round_id):
        return replace(self.last, phase=RoundPhase.PUBLISHED, release_id="a-release-2025-1")


@pytest.fixture
def play(monkeypatch):
    """Let the flow see a coordinator with these statuses; gives the lines that it says."""
    from flows import national

    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    monkeypatch.setattr(national, "SOON", 0.01)
    monkeypatch.setattr(national, "show", lambda release: None)  # there is no release to show
    logging.getLogger(settings.PROGRESS).addHandler(handler)

    def begin(programme, *road):
        played = Played(programme, road)

        @contextmanager
        def coordinator():
            yield played

        monkeypatch.setattr(national, "coordinator", coordinator)
        begin.played = played
        return lines

    yield begin
    logging.getLogger(settings.PROGRESS).removeHandler(handler)


def run_of(period, last):
    """The flow run of a period, and its task runs by name; ``last`` is the one that must be there."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    with get_client(sync_client=True) as client:
        (run,) = [it for it in client.read_flow_runs() if it.parameters.get("period") == period]
        chosen = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
        tasks = {}

        def written():  # Prefect's server hears of task runs a little later, in their order
            ran = client.read_task_runs(flow_run_filter=chosen)
            tasks.update({it.name.rpartition("-")[0]: it for it in ran if it.state and it.state.is_final()})
            return last in tasks

        processes.wait(f"the task {last}", written, [], 60)
    return run, tasks


def test_a_secure_sum_has_one_task_a_phase_and_says_who_is_waited_for(prefect_api, play):
    from flows.national import national_release

    lines = play("aanleiding-samen", *ROAD)
    assert national_release("a-programme", "2019") == "a-release-2025-1"
    run, tasks = run_of("2019", "publish")
    wanted = ["verify programme", "open round", "await presence", "collect", *STEPS, "await sum", "publish"]
    assert sorted(tasks) == sorted(wanted)
    assert run.parameters == {"programme": "a-programme", "period": "2019", "attempt": 0}
    assert play.played.attempts == [0]
    until = "until 2026-02-03 06:00:00 UTC"
    many = "huis-03, huis-04, huis-05, huis-06, huis-07 and 3 more"
    assert lines[2:] == [
        f"gathering: 2 of 10 institutions are present; waiting for {many} {until}",
        "10 of 10 institutions take part",
        f"keys: 9 of 10 institutions have handed in their keys; waiting for huis-10 {until}",
        "dealings: 4 of 10 institutions have shared their secrets among the others; waiting for huis-05, "
        f"huis-06, huis-07, huis-08, huis-09 and 1 more {until}",
        "masked counts: 9 of 10 institutions have handed in their masked counts; waiting for huis-10 "
        f"{until}",
        "agreement: 7 of 9 institutions have agreed to exactly this sum; waiting for huis-08, huis-09 "
        f"{until}",
        f"unmasking: 8 of 9 institutions have helped to take the masks off; waiting for huis-09 {until}",
        "the sum is known: 9 of 10 institutions that were present are in the sum",
        "published as a-release-2025-1",
    ]


def test_where_institutions_add_all_the_noise_there_are_no_such_phases(prefect_api, play):
    from flows.national import national_release

    lines = play("aanleiding-demo", ONE_BY_ONE, HANDING_IN, HANDED_IN)
    assert national_release("a-programme", "2018") == "a-release-2025-1"
    _, tasks = run_of("2018", "publish")
    assert not set(tasks) & set(STEPS)
    assert any(line.startswith("collecting: 3 of 10 institutions have handed in; waiting") for line in lines)
    assert lines[-2] == "the sum is known: 10 of 10 institutions that were present are in the sum"


def test_a_flow_that_comes_back_passes_what_is_over_without_a_word(prefect_api, play):
    from flows.national import national_release

    lines = play("aanleiding-samen", AGREEMENT, AGREEMENT, AGREEMENT, UNMASKING, SUMMED)
    national_release("a-programme", "2017", attempt=2)
    assert play.played.attempts == [2]
    assert [line.partition(":")[0] for line in lines[2:]] == [
        "10 of 10 institutions take part",
        "agreement",
        "unmasking",
        "the sum is known",
        "published as a-release-2025-1",
    ]
    assert set(STEPS) < set(run_of("2017", "publish")[1])


@pytest.mark.parametrize("status", [SUMMED, PUBLISHED], ids=lambda it: it.phase.name)
def test_a_round_that_has_its_sum_is_waited_for_nowhere(status, play):
    from flows import national

    lines = play("aanleiding-samen", status)
    for wait in (national.await_keys, national.await_masked_counts, national.await_agreement):
        wait.fn(ROUND)
    assert lines == []


@pytest.mark.parametrize(
    ("before", "period", "cost"),
    [
        pytest.param(
            GATHERING,
            "2014",
            "Nobody has spent anything: held losses are freed, but for the local one",
            id="gathering",
        ),
        pytest.param(
            COUNTS,
            "2016",
            "Nobody has spent anything: held losses are freed, but for the local one",
            id="before",
        ),
        pytest.param(
            AGREEMENT, "2015", "7 institutions have spent .*; 2 more may have, .*huis-09", id="after"
        ),
    ],
)
def test_a_sum_that_fails_ends_the_flow_once_with_why_what_it_cost_and_what_to_do(
    prefect_api, play, before, period, cost
):
    from flows.national import RoundEnded, national_release

    begun = before is not GATHERING
    failed = replace(before, phase=RoundPhase.ABANDONED, reason="too few", awaited=())
    if begun:
        failed = replace(failed, sum_phase=SumPhase.FAILED)
    play("aanleiding-samen", GATHERING, *((ALL_THERE, KEYS) if begun else ()), failed)
    with pytest.raises(RoundEnded, match=f"without a release: too few. {cost}.*round run .* --attempt 2"):
        national_release("a-programme", period)
    last = "await keys" if begun else "await presence"
    run, tasks = run_of(period, last)
    assert run.state.is_failed()
    assert set(STEPS) & set(tasks) == ({last} if begun else set())
    assert tasks[last].run_count == 1  # the same refusal would come again
