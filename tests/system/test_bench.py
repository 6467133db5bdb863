"""What ``bench/`` measures is printed under the keys by which others read it. No time is asserted."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECAGG = {
    "bench",
    "n",
    "d",
    "drops",
    "client_cpu_ms",
    "client_floor_ms",
    "client_ratio",
    "server_cpu_ms",
    "server_floor_ms",
    "server_ratio",
}
ROUND = {"bench", "nodes", "cells", "round_s"}

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


def measured(script: str, words: Sequence[str], folder: Path) -> list[dict[str, object]]:
    """The JSON lines of one run, started as the head of the file says, from a folder of its own."""
    command = [sys.executable, "-P", str(ROOT / "bench" / script), *words]
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=kept, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def numbers(line: dict[str, object], keys: set[str]) -> None:
    """What was measured is a number, and not one of nothing."""
    for name in keys:
        value = line[name]
        assert isinstance(value, int | float), name
        assert value > 0, name


def test_the_secure_sum_is_measured_against_its_floors(tmp_path):
    (line,) = measured("secagg.py", ["--n", "10", "--d", "1000", "--drops", "1"], tmp_path)
    assert line.keys() >= SECAGG
    assert (line["bench"], line["n"], line["d"], line["drops"]) == ("secagg", 10, 1000, 1)
    numbers(line, SECAGG - {"bench"})


def test_every_number_of_drop_outs_is_a_line_of_its_own(tmp_path):
    lines = measured("secagg.py", ["--n", "4", "--d", "100", "--drops", "0", "1"], tmp_path)
    assert [line["drops"] for line in lines] == [0, 1]


def test_a_round_over_the_wire_is_measured(tmp_path):
    (line,) = measured("round.py", ["--nodes", "4", "--rounds", "1"], tmp_path)
    assert line.keys() >= ROUND
    assert (line["bench"], line["nodes"]) == ("round", 4)
    numbers(line, ROUND - {"bench"})
