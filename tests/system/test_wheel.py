"""The wheel as others meet it: built from this checkout, installed with pinned requirements into an
empty environment, and run from a folder that knows nothing of the checkout."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("samentel", "node", "aggregator", "desk", "flows", "rehearsal")

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)], cwd=out
    )
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def national(wheel, tmp_path_factory):
    """What a coordinator installs."""
    return environment(tmp_path_factory.mktemp("national"), "national.txt", wheel)


@pytest.fixture(scope="module")
def premises(wheel, tmp_path_factory):
    """What an institution installs."""
    return environment(tmp_path_factory.mktemp("premises"), "node.txt", wheel)


def environment(folder, requirements, wheel):
    run([sys.executable, "-m", "venv", str(folder / "venv")], cwd=folder)
    pip = [str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "-r", str(ROOT / "requirements" / requirements)], cwd=folder)
    run([*pip, "--no-deps", "--no-index", str(wheel)], cwd=folder)
    run([*pip[:3], "check"], cwd=folder)
    return folder / "venv/bin"


def run(command, cwd):
    done = attempt(command, cwd)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done


def attempt(command, cwd, home=None):
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "PREFECT_"))}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**kept, "HOME": str(home)} if home else kept,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_every_package_file_and_nothing_else(wheel):
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    here = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == here
    assert "samentel/py.typed" in held


def test_the_licence_travels_with_the_wheel(wheel):
    assert any(name.endswith("licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_the_demo_publishes_tables_from_an_installed_wheel(national, tmp_path):
    out = tmp_path / "out"
    done = attempt([str(national / "samentel"), "demo", "--out", str(out)], tmp_path, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    releases = [path.parent for path in out.rglob("tables.csv")]
    assert releases, f"no release among {sorted(out.rglob('*'))}"
    for release in releases:
        assert len((release / "tables.csv").read_text("utf-8").splitlines()) > 1
        assert (release / "tables.parquet").stat().st_size > 0
        listed = json.loads((release / "manifest.json").read_text("utf-8"))["files"]
        assert {"tables.csv", "tables.parquet"} <= {file["name"] for file in listed}


def test_a_node_runs_on_what_an_institution_installs(premises, tmp_path):
    done = attempt([str(premises / "samentel-node"), "--help"], tmp_path, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Usage" in done.stdout
    found = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    here = run([str(premises / "python"), "-c", found, "prefect", "sqlalchemy", "fastapi"], cwd=tmp_path)
    assert here.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(
            ["samentel-aggregator", "init", "new", "--address", "localhost:7443", "--authority", "a.pem"],
            id="aggregator",
        ),
        pytest.param(["samentel", "demo"], id="demo"),
    ],
)
def test_a_missing_extra_is_answered_by_its_install_command(premises, tmp_path, command):
    done = attempt([str(premises / command[0]), *command[1:]], tmp_path, home=tmp_path)
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert done.returncode != 0
    assert len(said) == 1, "\n".join(said)
    assert "pip install" in said[0]
    assert "samentel[" in said[0]
