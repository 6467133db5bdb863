import os
import re
import signal
import subprocess
import sys

import pytest

from rehearsal import demo, processes
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
    story = demo.Story(demo.Console(quiet=True))
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


@pytest.mark.system
@pytest.mark.timeout(240)
def test_the_demo_ends_in_a_release_that_holds_twice_and_leaves_no_process(tmp_path_factory):
    out = tmp_path_factory.mktemp("o")
    for _ in range(2):
        with start(out) as running:
            said, _ = running.communicate(timeout=110)
        assert running.returncode == 0, said
        assert "Niet gevraagd" in said
        assert "4 of 4 institutions in the sum" in said
        assert float(re.search(r"Duur / time: ([0-9.]+) s", said)[1]) <= 90
        assert {"tables.csv", "tables.parquet", "manifest.json"} <= {path.name for path in out.iterdir()}
    work = re.search(r"--credentials (\S+)/reader", said)[1]
    words = processes.command("desk.cli", "verify", out, "--credentials", f"{work}/reader")
    assert subprocess.run(words, check=False).returncode == 0
    assert ours(work) == []


@pytest.mark.system
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_broken_off_leaves_no_process(tmp_path_factory, name):
    out = tmp_path_factory.mktemp("o")
    with start(out) as running:
        for line in running.stdout:
            if "waiting for Prefect" in line:
                break
        running.send_signal(name)
        said, _ = running.communicate(timeout=60)
    assert running.returncode in (130, 143, 1), said
    assert "Traceback" not in said
    assert ours(out) == []
