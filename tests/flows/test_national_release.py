"""The whole road with real processes: Prefect, an aggregator, three nodes, mutual TLS, OpenDP."""

import base64
import csv
import io
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from aggregator.client import Coordinator
from flows import settings
from node.store import Reader
from rehearsal import processes
from samentel.counting.ledger import Kind, verify
from samentel.errors import DocumentError, LocalFault, PeerError, SamentelError
from samentel.wire.messages import RoundPhase

pytestmark = [pytest.mark.prefect, pytest.mark.timeout(240)]

PROGRAMME = "aanleiding-demo"
NAME, PERSON = "Qxvelmarthuzioppegronwak", "7Zk4WqXv9LmT2RbY6NcH3GdP"
COUNTS, CONTROL = (7919, 3571), 6007  # true counts of two institutions, and a number planted nowhere


def spent(running, year):
    """How often each node's ledger says SPENT for a year of the data; every ledger must hold."""
    found = {}
    for place in running.parts.premises:
        with Reader.open_read_only(place.config.state_dir) as store:
            entries = store.entries()
        assert verify(entries) == []
        bodies = [entry.read() for entry in entries]
        found[place.export.house.node] = sum(
            body.kind is Kind.SPENT and body.loss is not None and body.loss.period.year == year
            for body in bodies
        )
    return found


def coordinator(running):
    return Coordinator.connect(running.parts.national.admin)


@pytest.fixture(scope="module")
def released(prefect_api, running):
    """The release of 2025, by the flow in this process."""
    from flows.national import national_release

    return national_release(PROGRAMME, "2025")


def test_the_flow_publishes_a_release_of_all_institutions(released, running):
    from flows.national import verified_manifest

    with coordinator(running) as national:
        manifest = verified_manifest(national, released)
    assert str(manifest.period) == "2025"
    assert list(manifest.coverage.in_sum) == sorted(running.nodes)
    assert spent(running, 2025) == dict.fromkeys(running.nodes, 1)


def test_running_it_again_gives_the_same_release_and_costs_nothing(released, running):
    from flows.national import national_release

    with coordinator(running) as national:
        before = national.manifest(released)
        assert national_release(PROGRAMME, "2025") == released
        digest = running.parts.programme.digest
        assert national_release(digest, "2025") == released
        assert national.manifest(released) == before
    assert spent(running, 2025) == dict.fromkeys(running.nodes, 1)


def test_prefects_page_shows_the_status_and_the_released_table(released, prefect_api):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        artifacts = {artifact.type: artifact for artifact in client.read_artifacts() if artifact.key}
    assert "3 of 3 institutions in the sum" in artifacts["markdown"].data
    assert '"label_nl": "Niet gevraagd"' in artifacts["table"].data


def test_a_flow_killed_halfway_is_run_again_to_one_release_and_one_debit(prefect_api, running, tmp_path):
    late = "lindehof"
    running.stop(late)
    words = ["flow", "run", PROGRAMME, "--period", "2024", "--credentials", str(running.parts.national.admin)]
    environment = {**os.environ, settings.API_URL: prefect_api}
    killed = processes.start(
        "flow", processes.command("desk.cli", *words), tmp_path / "flow.log", environment
    )
    with coordinator(running) as national:

        def of_2024():
            return [status for status in national.rounds() if status.period == "2024"]

        def halfway():
            return bool(of_2024()) and len(of_2024()[0].present) == 2

        processes.wait("two of three present", halfway, [killed], 60)
        killed.process.kill()
        killed.process.wait()
        assert of_2024()[0].phase is RoundPhase.GATHERING
        running.start(late)
        done = subprocess.run(
            processes.command("desk.cli", *words),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert [status.release_id for status in of_2024()] == [done.stdout.strip()]
        assert sum(release.period == "2024" for release in national.releases()) == 1
    assert spent(running, 2024) == dict.fromkeys(running.nodes, 1)


@pytest.mark.parametrize(
    ("programme", "period", "why"),
    [
        pytest.param("no-such", "2025", "no such programme in force", id="unknown-programme"),
        pytest.param(PROGRAMME, "2025Q1", "counts by year", id="other-kind-of-period"),
        pytest.param("0" * 64, "2025", "no such document", id="unknown-digest"),
    ],
)
def test_a_mistake_ends_the_flow_with_its_reason_and_opens_no_round(
    prefect_api, running, programme, period, why
):
    from flows.national import national_release

    with coordinator(running) as national:
        before = national.rounds()
        with pytest.raises(SamentelError, match=why):
            national_release(programme, period)
        assert national.rounds() == before


def test_an_abandoned_round_ends_the_flow_with_its_reason(prefect_api, running):
    from flows.national import RoundEnded, await_sum, national_release, open_round

    with coordinator(running) as national:
        status = national.open_round(running.parts.programme.digest, "2021")
        national.abandon(status.round_id, "a rehearsal of giving up")
        with pytest.raises(RoundEnded, match="a rehearsal of giving up"):
            await_sum.fn(status.round_id)
        with pytest.raises(SamentelError) as caught:
            national_release(PROGRAMME, "2021")
        assert sum(entry.period == "2021" for entry in national.rounds()) == 1
        second = open_round.fn(running.parts.programme.digest, "2021", 2)
        assert (national.round(second).attempt, second != status.round_id) == (2, True)
        national.abandon(second, "enough rehearsed")
    assert not isinstance(caught.value, PeerError | LocalFault)  # which would be tried again for minutes


def forms(text: str) -> set[bytes]:
    """Every way in which a text might lie in a file."""
    raw = text.encode()
    made = {
        raw,
        raw.hex().encode(),
        raw.hex().upper().encode(),
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
    }
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + raw)
        made.add(coded[4 if shift else 0 : -4])  # what does not depend on the bytes around it
    return made


def seen(places: list[Path]) -> list[str]:
    needles = forms(NAME) | forms(PERSON)
    files = [
        file
        for place in places
        for file in ([place] if place.is_file() else place.rglob("*"))
        if file.is_file()
    ]
    assert files
    return [str(file) for file in files if any(needle in file.read_bytes() for needle in needles)]


def test_a_planted_name_and_number_are_nowhere_but_in_the_export(released, running, quiet_prefect):
    from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL

    database = Path(PREFECT_SERVER_DATABASE_CONNECTION_URL.value().partition("///")[2])
    assert database.stat().st_size > 100_000
    outside = [database.parent, quiet_prefect, running.directory / "logs", running.directory / "aggregator"]
    assert seen([*outside, running.directory / "documents"]) == []
    nodes = seen([running.directory / "nodes"])
    assert nodes
    assert all(Path(file).name.startswith("export-") for file in nodes)


def told(places: list[Path], number: int) -> list[str]:
    """Files that hold a number as a word of its own."""
    word = re.compile(rb"(?<![0-9A-Za-z.+/=_-])%d(?![0-9A-Za-z.+/=_-])" % number)
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*"))]
    return [str(file) for file in files if file.is_file() and word.search(file.read_bytes())]


def test_true_counts_are_in_no_log_and_not_in_prefect(released, running, quiet_prefect):
    """The national figure is noisy and is the sum of both, so the release cannot hold either by right."""
    from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL

    database = Path(PREFECT_SERVER_DATABASE_CONNECTION_URL.value().partition("///")[2])
    outside = [database.parent, quiet_prefect, running.directory / "logs", running.directory / "aggregator"]
    nowhere = told(outside, CONTROL)
    for count in COUNTS:
        assert told(outside, count) == nowhere == []


def test_the_planted_counts_are_what_the_noise_was_added_to(released, running):
    with coordinator(running) as national:
        rows = csv.DictReader(io.StringIO(national.read_file(released, "tables.csv").decode()))
        cell = next(row for row in rows if (row["table"], row["codes"]) == ("reason", "THB_OTH"))
    assert abs(float(cell["estimate"]) - sum(COUNTS)) < 12 * float(cell["sd"])


def test_the_search_finds_a_count_as_a_word(tmp_path):
    for number, text in enumerate((b'{"rows": 7919}', b"counted 7919\n", b"\x007919\x00", b"[12,7919,3]")):
        (tmp_path / str(number)).write_bytes(text)
    (tmp_path / "other").write_bytes(b"a7919f 17919 0.7919")
    assert sorted(Path(name).name for name in told([tmp_path], 7919)) == ["0", "1", "2", "3"]


@pytest.mark.parametrize("form", sorted(forms(PERSON)))
def test_the_search_finds_a_number_in_every_form(tmp_path, form):
    (tmp_path / "leak.bin").write_bytes(b"before" + form + b"after")
    assert seen([tmp_path]) == [str(tmp_path / "leak.bin")]


def test_prefect_holds_ids_only_as_parameters(released, prefect_api):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs()
    assert runs
    for run in runs:
        assert run.parameters.keys() <= {"programme", "period", "attempt"}
        assert all(len(str(value)) <= 64 and "/" not in str(value) for value in run.parameters.values())


def test_results_are_kept_nowhere_and_of_a_failure_its_reason_only(released, quiet_prefect):
    from flows.national import national_release

    with pytest.raises(DocumentError):
        national_release(PROGRAMME, "2025Q2")
    kept = [path.read_text("utf-8") for path in (quiet_prefect / "storage").rglob("*") if path.is_file()]
    assert any("2025Q2: this programme counts by year" in text for text in kept)
    assert all("__exc_type__" in json.loads(text) or "__class__" in json.loads(text) for text in kept)
