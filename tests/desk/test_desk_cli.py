"""The desk's command, in the test's own process, and in one of its own where that is what matters."""

import functools
import json
import os
import subprocess
import sys

import pytest

from desk import cli
from desk.packaged import packaged
from samentel.documents.envelope import seal, to_json
from samentel.documents.statements import payload_type

MAIN = "from desk.cli import main; main()"


@pytest.fixture
def samentel(called):
    return functools.partial(called, cli.main, "samentel")


def alone(*words, before="", **options):
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", f"{before}{MAIN}", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


@pytest.mark.parametrize(
    "words",
    [
        ["plan"],
        ["shares"],
        ["programme"],
        ["sign"],
        ["verify"],
        ["pull"],
        ["keys", "new"],
        ["keys", "request"],
    ],
)
def test_help_shows_an_example(samentel, words):
    done = samentel(*words, "--help")
    assert done.returncode == 0
    assert f"samentel {' '.join(words)} " in done.stdout
    assert "Example:" in done.stdout


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["plan", "no-such"], "no such file", id="unknown-programme"),
        pytest.param(["plan", "no-such.toml"], "no such file", id="missing-file"),
        pytest.param(["plan", "aanleiding-demo", "--institutions", "2"], "at least 3", id="too-few"),
        pytest.param(
            ["plan", "aanleiding-samen", "--institutions", "12", "--absent", "3"], "absent_max", id="absent"
        ),
        pytest.param(
            ["plan", "aanleiding-samen", "--institutions", "12", "--absent", "1.4"], "whole number", id="part"
        ),
        pytest.param(["plan", "broken.toml"], "does not hold", id="broken-toml"),
        pytest.param(["plan", "aanleiding-samen", "--roster", "none.json"], "none.json", id="no-roster"),
        pytest.param(
            ["plan", "aanleiding-samen", "--roster", "r.json", "--institutions", "9"],
            "--nodes or --roster",
            id="both",
        ),
        pytest.param(["shares", "no-such"], "no such file", id="shares-of-nothing"),
        pytest.param(
            ["shares", "registratie-2025", "--write", "broken.toml"],
            "is no programme, nor its part with tables",
            id="no-tables",
        ),
        pytest.param(["sign", "broken.toml", "--key", "no.key.pem"], "no.key.pem", id="missing-key"),
        pytest.param(["sign", "broken.toml"], "--key FILE", id="no-key"),
        pytest.param(["verify", "no-such"], "no-such: there is no such file", id="nothing-to-verify"),
        pytest.param(["verify", "."], "is no release, there is no manifest.dsse.json", id="no-release"),
        pytest.param(["countersign", ".", "--key", "x"], "is no release", id="countersign-no-release"),
        pytest.param(
            ["countersign", "no-such", "--key", "x"], "no-such: there is no", id="countersign-nothing"
        ),
        pytest.param(
            ["verify", "broken.toml"],
            "broken.toml does not hold:\n  - this file is not a DSSE",
            id="unsigned",
        ),
        pytest.param(["verify", "signed", "--authority", "broken.toml"], "broken.toml", id="not-a-key"),
        pytest.param(["verify", "signed"], "credentials", id="no-credentials"),
        pytest.param(["verify", "release"], "credentials", id="no-credentials-for-a-release"),
        pytest.param(["verify", "release", "--coordinator", "xyz"], "64 hexadecimal", id="bad-hex"),
        pytest.param(
            ["verify", "release", "--coordinator", "ab" * 32, "--roster", "no.json"],
            "no.json: there is no such file",
            id="no-roster-to-verify-with",
        ),
        pytest.param(
            ["verify", "release", "--coordinator", "ab" * 32, "--roster", "signed"],
            "--roster: is about the authority's signatures",
            id="roster-without-authority",
        ),
        pytest.param(
            ["verify", "release", "--coordinator", "ab" * 32, "--threshold", "2"],
            "--threshold: is about the authority's",
            id="threshold-without-authority",
        ),
        pytest.param(
            ["verify", "release", "--coordinator", "ab" * 32, "--receipt", "no.json"],
            "no.json: there is no such file",
            id="no-receipt",
        ),
        pytest.param(
            ["verify", "release", "--coordinator", "ab" * 32],
            "manifest.dsse.json: 0 of the 1",
            id="not-theirs",
        ),
        pytest.param(
            ["verify", "release/manifest.dsse.json"], "give the directory with all", id="manifest-alone"
        ),
        pytest.param(["verify", "signed", "--receipt", "x"], "are for the directory", id="receipt-of-a-file"),
        pytest.param(["pull"], "SAMENTEL_CREDENTIALS", id="pull-without-credentials"),
        pytest.param(["pull", "--credentials", "nowhere"], "no such directory", id="no-directory"),
        pytest.param(["keys", "new", "../x"], "file name", id="bad-name"),
        pytest.param(
            ["flow", "run", "aanleiding-demo"], "SAMENTEL_CREDENTIALS", id="flow-without-credentials"
        ),
    ],
)
def test_a_mistake_is_a_clear_line_and_no_traceback(samentel, words, why, tmp_path, monkeypatch):
    monkeypatch.delenv("SAMENTEL_CREDENTIALS", raising=False)
    (tmp_path / "broken.toml").write_text('id = "x"')
    (tmp_path / "signed").write_bytes(to_json(seal("application/x", b"{}")))
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "manifest.dsse.json").write_bytes(to_json(seal(payload_type("release"), b"{}")))
    done = samentel(*words, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert why in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "words"),
    [
        pytest.param("prefect", ["flow", "run", "x", "--credentials", "."], id="flow-run"),
        pytest.param("prefect", ["flow", "serve", "x", "--credentials", "."], id="flow-serve"),
    ],
)
def test_a_missing_extra_is_answered_by_the_install_command(module, words, tmp_path):
    environment = {"PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    absent = f"import sys; sys.modules[{module!r}] = None; "
    done = alone(*words, before=absent, cwd=tmp_path, env=environment)
    assert done.returncode == 1
    assert "pip install 'samentel[flows]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_terminal_without_these_letters_gets_question_marks():
    poor = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = alone("plan", "aanleiding-demo", "--institutions", "4", env=poor)
    assert done.returncode == 0, done.stderr
    assert "Privacyverlies van ??n poging" in done.stdout


@pytest.mark.parametrize(
    "words", [["plan", "aanleiding-demo"], ["plan", "aanleiding-demo", "--json"], ["--help"]]
)
def test_a_reader_who_leaves_is_no_fault(words):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", MAIN, *words]
    with os.fdopen(writing, "wb") as broken:
        left = subprocess.run(command, stdout=broken, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (left.returncode, left.stderr) == (1, b"")


@pytest.mark.parametrize(
    "words", [["--help"], ["plan", "aanleiding-demo"], ["shares", "aanleiding-demo"], ["keys", "new", "a"]]
)
def test_light_commands_load_nothing_heavy(words, tmp_path):
    after = (
        "import atexit, sys; "
        "heavy = {'grpc', 'prefect', 'polars', 'opendp', 'sqlalchemy', 'scipy', 'jinja2'}; "
        "atexit.register(lambda: print('LOADED', sorted(heavy & sys.modules.keys()))); "
    )
    done = alone(*words, before=after, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "LOADED []" in done.stdout


def test_a_packaged_programme_is_written_once_byte_for_byte(samentel, tmp_path):
    words = ["programme", "aanleiding-demo", "--out", "p.toml"]
    assert samentel(*words, cwd=tmp_path).returncode == 0
    assert (tmp_path / "p.toml").read_bytes() == packaged("aanleiding-demo")
    again = samentel(*words, cwd=tmp_path)
    assert again.returncode == 1
    assert "not overwritten" in again.stderr


def test_the_plan_as_json_is_one_object_with_exact_numbers(samentel):
    done = samentel("plan", "aanleiding-demo", "--institutions", "4", "--json")
    made = json.loads(done.stdout)
    assert made["ledger_attempt"] == "1/2"
    assert [table["table"] for table in made["tables"]] == ["reason", "sex-age", "citizenship"]


def test_the_best_shares_are_printed_and_written_into_a_programme(samentel, tmp_path):
    (tmp_path / "p.toml").write_bytes(packaged("registratie-demo"))
    printed = samentel("shares", "p.toml", cwd=tmp_path)
    assert 'rho_share = "' in printed.stdout
    assert "SVD" in printed.stdout
    values = json.loads(samentel("shares", "p.toml", "--write", "p.toml", "--json", cwd=tmp_path).stdout)
    made = json.loads(samentel("plan", "p.toml", "--institutions", "14", "--json", cwd=tmp_path).stdout)
    assert made["optimality"]["objective"] == pytest.approx(values["objective"], rel=1e-6)
    assert made["optimality"]["better"] == pytest.approx(values["gap"] / values["objective"], rel=1e-3)


def test_the_plan_of_a_secure_sum_counts_those_who_fall_out(samentel):
    done = samentel("plan", "aanleiding-samen", "--institutions", "12", "--absent", "1", "--json")
    made = json.loads(done.stdout)
    assert (made["mode"], made["institutions"], made["absent"]) == ("secure-sum", 12, 1)
    assert made["secure_sum"]["ledger_local"] == "9/2"


def test_the_whole_desk_works_from_the_command_line(tmp_path):
    for name in ("statistiek", "rapporteur"):
        assert alone("keys", "new", name, cwd=tmp_path).returncode == 0
    (tmp_path / "p.toml").write_bytes(packaged("aanleiding-demo"))
    both = ["--key", "statistiek.key.pem", "--key", "rapporteur.key.pem"]
    signed = alone("sign", "p.toml", *both, cwd=tmp_path)
    assert "2 signature(s)" in signed.stdout
    public = ["--authority", "statistiek.pub.pem", "--authority", "rapporteur.pub.pem"]
    checked = alone("verify", "p.toml.dsse.json", *public, "--lang", "en", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "at least 2 of 2" in checked.stdout


def test_a_release_directory_is_checked_from_the_command_line(samentel, directory, coordinator):
    words = ["verify", directory, "--coordinator", coordinator.public.raw.hex()]
    assert samentel(*words).returncode == 0
    (directory / "tables.csv").write_bytes(b"x")
    done = samentel(*words)
    assert done.returncode == 1
    assert "tables.csv" in done.stderr
    assert "Traceback" not in done.stderr
