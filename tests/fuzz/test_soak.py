"""Coverage-guided fuzzing (atheris): each target in a process of its own, for a stated number of runs."""

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

DRIVE = Path(__file__).with_name("drive.py")
ROOT = DRIVE.parents[2]
HOURS = 3600
RSS_MOST = 1024  # MB, the whole process with what the fuzzer itself keeps
INPUT_MOST = 16 << 10  # bytes; larger ones are in test_hostile.py

# About twenty minutes each on one core.
RUNS = {
    "bundle": 7_000_000,
    "client": 150_000,
    "envelope": 800_000,
    "evidence": 500_000,
    "hear": 2_000_000,
    "message": 4_000_000,
    "programme": 200_000,
    "roster": 3_000_000,
    "server": 500_000,
    "state": 1_500_000,
    "statement": 150_000,
    "wire": 4_000_000,
}

pytestmark = pytest.mark.soak


def regression(target: str, output: str, folder: Path) -> str:
    """What to add to test_regressions.py."""
    found = re.search(r"Test unit written to (\S+)", output)
    if found is None:
        return f"{target} ended without an input:\n{output[-4000:]}"
    data = (folder / Path(found[1]).name).read_bytes()
    case = f'    pytest.param("{target}", bytes.fromhex("{data.hex()}"), id="say what it broke"),'
    return f"add this to CASES in tests/fuzz/test_regressions.py:\n{case}\n\n{output[-4000:]}"


@pytest.mark.timeout(6 * HOURS)
@pytest.mark.parametrize("target", RUNS)
def test_nothing_breaks(target: str, tmp_path: Path, need: Callable[[str, bool], None]) -> None:
    need("atheris", find_spec("atheris") is not None)
    flags = [
        f"-runs={RUNS[target]}",
        f"-max_len={INPUT_MOST}",
        f"-rss_limit_mb={RSS_MOST}",
        "-timeout=30",
        "-print_final_stats=1",
        f"-artifact_prefix={tmp_path}/",
    ]
    command = [sys.executable, DRIVE, target, tmp_path / "corpus", *flags]
    run = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    output = run.stdout + run.stderr
    assert run.returncode == 0, regression(target, output, tmp_path)
    assert f"Done {RUNS[target]} runs" in output
