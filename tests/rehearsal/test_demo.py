import json
import os
import re
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from desk.packaged import packaged
from desk.releases import report
from node.store import Reader
from rehearsal import demo, processes, sector, truth
from rehearsal.story import Console, Story
from samentel.counting import ledger
from samentel.counting.ledger import Kind
from samentel.documents import programme as programmes
from samentel.errors import LocalFault


def start(out, **environment):
    words = processes.command("desk.cli", "demo", "--out", out)
    return subprocess.Popen(
        words,
        env={**os.environ, "COLUMNS": "150", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ours(out):
    """Processes that still work for a demo in that directory."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(out) in line and "-c from desk.cli" not in line]


def test_a_directory_that_no_demo_made_is_left_alone(tmp_path):
    (tmp_path / demo.WORK).mkdir()
    (tmp_path / demo.WORK / "thesis.txt").write_text("years of work")
    if len(str(tmp_path / demo.WORK)) <= demo.LONGEST_WORK:
        with pytest.raises(LocalFault, match="not made by a demo"):
            demo.fresh(tmp_path)
    else:
        demo.fresh(tmp_path)
    assert (tmp_path / demo.WORK / "thesis.txt").read_text() == "years of work"


def test_what_an_earlier_demo_left_goes(tmp_path_factory):
    place = tmp_path_factory.mktemp("d")
    work = demo.fresh(place)
    (work / "old").touch()
    assert not (demo.fresh(place) / "old").exists()
    assert demo.fresh(place).stat().st_mode & 0o777 == 0o700


def test_a_failed_step_names_itself_its_reason_and_the_last_words_of_the_process(tmp_path):
    log = tmp_path / "node.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    story = Story(Console(quiet=True))
    with pytest.raises(LocalFault) as caught, story.step("the nodes start", log):
        raise LocalFault("no room on the disk")
    text = str(caught.value)
    assert "the nodes start" in text
    assert "no room on the disk" in text
    assert "| line 99" in text
    assert "line 80" not in text
    assert str(log) in text


def test_a_process_that_ends_early_is_noticed_at_once(tmp_path):
    daemon = processes.start("node", [sys.executable, "-c", "print('why')"], tmp_path / "logs" / "node.log")
    with pytest.raises(LocalFault, match="node ended with code 0"):
        processes.wait("waiting", lambda: False, [daemon], 30)
    daemon.stop()
    assert "| why" in processes.last_words(daemon.log)


@dataclass(frozen=True)
class Told:
    """What the last of two demos in one directory said, and left; the CPU seconds of all its processes."""

    said: str
    out: Path
    cpu: float

    def found(self, pattern):
        return re.search(pattern, self.said)[1]

    @property
    def work(self):
        return Path(self.found(r"--credentials (\S+)/reader"))

    @property
    def fell(self):
        """Who fell in the first round, and in the second."""
        return re.findall(r"✗ (\S+) ", self.said)

    def booked(self, period):
        """By node, what its ledger says of a period's rounds; every chain holds."""
        kinds = {}
        for place in (self.work / "nodes").iterdir():
            with Reader.open_read_only(place / "state") as store:
                entries = store.entries()
            assert ledger.verify(entries) == []
            bodies = [entry.read() for entry in entries]
            kinds[place.name] = [it.kind for it in bodies if it.loss and str(it.loss.period) == period]
        return kinds

    def known(self, nodes):
        """The sector, and its true tables of these institutions."""
        year = int(self.manifest()["period"])
        made = sector.make(year, houses=sector.HOUSES, years=2)
        return made, truth.of(made, programmes.parse(packaged(demo.PROGRAMME)), year, nodes)

    def manifest(self, *place):
        return json.loads(self.out.joinpath(*place, "manifest.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Two demos in the same directory: the second finds what the first has left."""
    out = tmp_path_factory.mktemp("o")
    said, before = "", 0.0
    for _ in range(2):
        before = cpu_seconds()
        with start(out) as running:
            said, _ = running.communicate(timeout=150)
        assert running.returncode == 0, said
    return Told(said, out, cpu_seconds() - before)


def cpu_seconds():
    """What all processes that have ended below this one have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.system
@pytest.mark.timeout(320)
class TestTheDemo:
    def test_it_ends_in_a_release_that_holds_and_leaves_no_process(self, told):
        assert "Niet gevraagd" in told.said
        # A minute on two cores, of which 15 s are a wait; the clock itself would measure who else is at work.
        assert 20 < told.cpu <= 90
        assert {"tables.csv", "tables.parquet", "manifest.json"} <= {path.name for path in told.out.iterdir()}
        words = processes.command("desk.cli", "verify", told.out, "--credentials", told.work / "reader")
        assert subprocess.run(words, check=False).returncode == 0
        assert ours(told.work) == []

    def test_the_node_that_fell_before_its_counts_is_the_one_that_is_missing(self, told):
        covered = told.manifest()["coverage"]
        assert "11 of 12 institutions in the sum" in told.said
        assert f"; niet / not: {told.fell[0]}\n" in told.said
        assert set(covered["invited"]) - set(covered["in_sum"]) == {told.fell[0]}
        assert told.manifest()["privacy"]["mode"] == "secure-sum"

    def test_the_node_that_fell_after_its_counts_is_in_the_sum(self, told):
        manifest = told.manifest(str(int(told.manifest()["period"]) - 1))
        assert len(manifest["coverage"]["in_sum"]) == 12
        assert told.fell[1] in manifest["coverage"]["in_sum"]

    def test_every_ledger_holds_and_whoever_is_in_a_sum_has_paid_for_it_once(self, told):
        year = told.manifest()["period"]
        paid = [Kind.HOLD, Kind.SPENT, Kind.PUBLISHED]
        first, second = told.booked(year), told.booked(str(int(year) - 1))
        assert len(first) == len(second) == 12
        assert set(first.pop(told.fell[0])) <= {Kind.HOLD, Kind.FREED}
        assert all(kinds == paid for kinds in first.values())
        assert all(kinds == paid for kinds in second.values())

    def test_the_truth_beside_the_tables_is_that_of_the_institutions_in_the_sum(self, told):
        made, known = told.known(told.manifest()["coverage"]["in_sum"])
        tables = re.findall(r"– [0-9]+ │ +[ABCD] │[^│]*│ +([0-9]+) │", told.said)
        totals = re.findall(r"– [0-9]+ │ +([0-9]+) │", told.said)
        headlines = [name for name in known if name in demo.HEADLINES]
        assert [int(count) for count in tables] == [it for name in headlines for it in known[name].values()]
        assert [int(count) for count in totals] == [cells[""] for cells in known.values() if "" in cells]
        assert len(totals) >= len(demo.TOTALS)
        assert known != told.known(made.nodes)[1]  # so that the whole sector's would not do

    def test_the_estimates_are_as_far_from_the_truth_as_announced(self, told):
        held, cells = (int(it) for it in re.search(r"([0-9]+) of the ([0-9]+) intervals", told.said).groups())
        assert cells > 300
        # Cells of one population lean on each other: they count as some hundred. Six standard deviations.
        assert held / cells > 0.80
        assert 0.5 < float(told.found(r"are ([0-9.]+) of the announced")) < 1.5

    def test_the_pages_show_the_truth_and_say_why_it_is_known(self, told):
        known = told.known(told.manifest()["coverage"]["in_sum"])[1]
        published = [table for table in told.manifest()["tables"] if table["withheld"] is None]
        cells = sum(len(known[table["id"]]) for table in published if table["dimensions"])
        for language, note in (("nl", "verzonnen mensen"), ("en", "made-up people")):
            page = (told.out / report.FOLDER / report.page_name(language)).read_text("utf-8")
            assert note in page
            assert page.count('class="truth"') == cells
            links = re.findall(r'href="([^"#]+)"', page)
            assert all((told.out / report.FOLDER / link).exists() for link in links)

    def test_the_individual_mode_would_be_three_times_as_far_off(self, told):
        rows = re.findall(r"± ([0-9.]+) │ +± ([0-9.]+) │ +([0-9.]+) │", told.said)
        assert len(rows) >= len(demo.TOTALS) + 2
        for here, individual, times in rows:
            assert float(individual) / float(here) == pytest.approx(float(times), rel=0.05)
            assert float(times) == pytest.approx(3.16, abs=0.05)  # the root of n - c - D, with n = 12

    def test_no_person_is_seen_outside_the_institutions(self, told):
        year = told.manifest()["period"]
        person = re.compile(
            rf"\b[A-Z]{{2}}(?:{int(year) - 1}|{year}|{int(year) + 1})[0-9]{{4}}\b|[a-zé] Verzonnen\b".encode()
        )
        own = {place.name for place in (told.work / "nodes").iterdir()}
        kept = list((told.work / "nodes").rglob(f"*-{year}.csv"))
        assert {path.parent.name for path in kept} == own
        assert len(kept) > 2 * len(own)
        # The pattern finds what there is to find: all but contacts, and the clients of who only mediates.
        told_of = [path for path in kept if "contact" not in path.name and path.read_bytes().count(b"\n") > 1]
        assert len(told_of) > 2 * len(own)
        assert all(person.search(path.read_bytes()) for path in told_of)
        elsewhere = [
            path
            for place in (told.out, told.work, demo.prefect_home(told.work))
            for path in place.rglob("*")
            if path.is_file() and told.work / "nodes" not in path.parents
        ]
        assert any(path.name == "aggregator.log" for path in elsewhere)
        seen = [path for path in elsewhere if person.search(path.read_bytes())]
        assert seen == []


@pytest.mark.system
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("name", "moment"),
    [
        pytest.param(signal.SIGTERM, "waiting for Prefect", id="nodes-start"),
        pytest.param(signal.SIGINT, "valt weg", id="amid-a-round"),
    ],
)
def test_a_demo_that_is_broken_off_leaves_no_process(tmp_path_factory, name, moment):
    out = tmp_path_factory.mktemp("o")
    with start(out) as running:
        for line in running.stdout:
            if moment in line:
                break
        running.send_signal(name)
        said, _ = running.communicate(timeout=60)
    assert running.returncode in (130, 143, 1), said
    assert "Traceback" not in said
    assert ours(out) == []
