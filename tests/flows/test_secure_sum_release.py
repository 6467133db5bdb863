"""A secure sum by the flow, with real processes: an aggregator, four nodes, mutual TLS, OpenDP, Prefect."""

import json
import os
from contextlib import ExitStack

import pytest

from aggregator.client import Coordinator
from desk.packaged import packaged
from flows import settings
from node.store import Reader
from rehearsal import federation, processes, sector
from samentel.counting.ledger import Kind, verify
from samentel.wire.messages import RoundPhase, SumPhase

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(400)]

PROGRAMME = "aanleiding-samen"
FEWER = {"institutions_min = 8": "institutions_min = 4", "collude_max = 1": "collude_max = 0",
         "absent_max = 2": "absent_max = 1"}  # fmt: skip


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """A federation whose programme is a secure sum; its nodes run."""
    text = packaged(PROGRAMME).decode()
    for written, wanted in FEWER.items():
        assert written in text
        text = text.replace(written, wanted)
    with ExitStack() as ends:
        exports = sector.make(2025).exports[:4]
        parts = federation.prepare(tmp_path_factory.mktemp("s"), exports, text.encode())
        ends.callback(parts.aggregator.stop)
        for place in parts.premises:
            ends.callback(place.daemon().stop)
        ends.enter_context(pytest.MonkeyPatch.context()).setenv(
            settings.CREDENTIALS, str(parts.national.admin)
        )
        yield parts


def entries(place):
    with Reader.open_read_only(place.config.state_dir) as store:
        found = store.entries()
    assert verify(found) == []
    return [entry.read().kind for entry in found]


def test_a_flow_killed_on_the_way_is_run_again_to_one_sum_that_each_paid_once(
    prefect_api, together, tmp_path
):
    words = ["flow", "run", PROGRAMME, "--period", "2025", "--credentials", str(together.national.admin)]
    environment = {**os.environ, settings.API_URL: prefect_api}
    started = processes.start(
        "flow", processes.command("desk.cli", *words), tmp_path / "flow.log", environment
    )
    with Coordinator.connect(together.national.admin) as national:
        processes.wait("a round", lambda: bool(national.rounds()), [started], 120)
        started.process.kill()
        started.process.wait()
        from flows.national import national_release

        release = national_release(PROGRAMME, "2025")
        (status,) = national.rounds()
        manifest = json.loads(national.manifest(release).payload)
    assert (status.phase, status.sum_phase) == (RoundPhase.PUBLISHED, SumPhase.DONE)
    assert status.release_id == release
    assert status.survivors == status.agreed == status.arrived == status.dealt == status.invited
    assert len(status.invited) == 4
    assert manifest["coverage"]["in_sum"] == list(status.survivors)
    for place in together.premises:
        kinds = entries(place)
        assert kinds.count(Kind.HOLD) == kinds.count(Kind.SPENT) == 1
