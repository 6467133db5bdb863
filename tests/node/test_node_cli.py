"""The command line as people meet it: help in their language, one clear line for a mistake, no traceback."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from node import identity
from samentel.documents import envelope as envelopes
from samentel.documents.model import to_bytes

NODE = str(Path(sys.executable).with_name("samentel-node"))


def run(*arguments, stdin="", **environment):
    variables = {**os.environ, "LANG": "C.UTF-8", "COLUMNS": "200", **environment}
    return subprocess.run(
        [NODE, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        env=variables,
        timeout=60,
        check=False,
    )


def at(directory, *arguments, **more):
    return run("--config", directory / "node.toml", *arguments, **more)


@pytest.fixture
def signed_file(kit, short_path):
    path = short_path / "programme.dsse.json"
    path.write_bytes(envelopes.to_json(kit.signed_programme()))
    return path


@pytest.mark.parametrize(
    "command",
    ["", "init", "enrol", "check", "approve", "run", "status", "ledger", "pause", "resume", "doctor"],
)
def test_every_command_has_help_in_two_languages(command):
    dutch, english = (run("--lang", language, *command.split(), "--help") for language in ("nl", "en"))
    assert dutch.returncode == english.returncode == 0
    assert dutch.stdout != english.stdout
    assert "Usage: samentel-node" in english.stdout


def test_help_shows_examples():
    shown = " ".join(run("--lang", "en", "--help").stdout.split())
    assert "samentel-node --config premises/node.toml enrol invitation.json" in shown


MISTAKES = [
    pytest.param(["status"], "samentel-node init", id="no-configuration"),
    pytest.param(["init", "x", "--authority", "none.pem"], "cannot be read", id="no-key-file"),
    pytest.param(["check", "--period", "2025"], "samentel-node init", id="check-without-configuration"),
]


@pytest.mark.parametrize(("arguments", "says"), MISTAKES)
def test_a_mistake_is_one_clear_message_without_a_traceback(tmp_path, arguments, says):
    result = run("--config", tmp_path / "node.toml", *arguments)
    assert result.returncode == 1
    assert says in result.stderr
    assert "Traceback" not in result.stderr


PLACED = [
    pytest.param(["run"], "enrol", id="run-before-enrolment"),
    pytest.param(["enrol", "none.json"], "cannot be read", id="no-invitation-file"),
    pytest.param(["enrol"], "invitation", id="no-invitation"),
    pytest.param(["approve", "none.toml"], "no such file", id="no-programme"),
    pytest.param(["approve", "deadbeef"], "no such file", id="unknown-digest"),
    pytest.param(["check", "--period", "2025"], "--programme", id="period-without-programme"),
    pytest.param(["check", "--period", "25"], "2025Q3", id="no-period"),
    pytest.param(["doctor"], "", id="doctor-before-enrolment"),
]


@pytest.mark.parametrize(("arguments", "says"), PLACED)
def test_a_mistake_at_a_node_is_one_clear_message_without_a_traceback(directory, arguments, says):
    result = at(directory, *arguments)
    assert result.returncode == 1
    assert says in result.stderr
    assert "Traceback" not in result.stderr + result.stdout


def test_a_broken_ledger_is_told_without_a_traceback(directory):
    (directory / "state" / "node.sqlite").write_bytes(b"nothing of the kind" * 500)
    for arguments in (["status"], ["ledger", "show"], ["ledger", "verify"], ["pause"]):
        result = at(directory, *arguments)
        assert result.returncode == 1
        assert "restore the state directory" in result.stderr
        assert "Traceback" not in result.stderr


def test_init_makes_a_node(short_path, authority_files):
    result = run(
        "init", short_path / "new", "--authority", authority_files[0], "--authority", authority_files[1]
    )
    assert result.returncode == 0, result.stderr
    assert (short_path / "new" / "node.toml").exists()
    assert at(short_path / "new", "ledger", "verify").returncode == 0
    assert json.loads(at(short_path / "new", "status", "--json").stdout)["state"] == "off"


def test_pause_and_resume_work_without_a_daemon(directory):
    assert at(directory, "pause", "--reason", "vakantie").returncode == 0
    assert json.loads(at(directory, "status", "--json").stdout)["reason"] == "paused"
    assert at(directory, "resume").returncode == 0
    assert json.loads(at(directory, "status", "--json").stdout)["reason"] == ""


def test_check_shows_exact_figures_and_strange_words(directory, signed_file):
    with (directory / "export.csv").open("a") as file:
        file.write("K9;2025-01-01;;man;vreemd woord\n;2025-01-01;;;\nK8;x;;;\nkapot\n")
    result = at(directory, "check", "--programme", signed_file, "--period", "2025", "--lang", "en")
    assert result.returncode == 0, result.stderr
    assert "EXACT" in result.stdout
    assert "1  vreemd woord" in result.stdout
    assert "2  woman" not in result.stdout
    assert "sexual exploitation" in result.stdout
    plain = at(directory, "check")
    assert "vreemd woord" in plain.stdout


@pytest.fixture
def enrolled(kit, directory, certificates):
    return kit.enrolled(directory, certificates, "127.0.0.1:9")


def test_approve_explains_the_programme_and_asks(directory, enrolled, signed_file):
    shown = at(directory, "approve", signed_file, "--individual", stdin="nee\n")
    assert shown.returncode == 1
    assert "er is niets veranderd" in shown.stderr
    for words in (
        "rho = 1/2",
        "Een aanvaller",
        "THB_SEX",
        "seksuele uitbuiting",
        "huisplafond",
        "INDIVIDUELE WIJZE",
    ):
        assert words in shown.stdout
    approved = at(
        directory, "approve", signed_file, "--individual", "--by", "FG", "--until", "2099-12-31", stdin="j\n"
    )
    assert approved.returncode == 0, approved.stderr
    assert "approved" in at(directory, "ledger", "show").stdout
    assert json.loads(at(directory, "ledger", "show", "--json").stdout)["kind"] == "approved"


def test_individual_mode_is_never_approved_by_silence(directory, enrolled, signed_file):
    result = at(directory, "approve", signed_file, "--yes")
    assert result.returncode == 1
    assert "--individual" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--until", "morgen"], "2026-12-31"),
        (["--until", "2020-01-01"], "in the future"),
        (["--rho-cap", "x"], "1/2"),
    ],
)
def test_limits_of_an_approval_are_checked(directory, enrolled, signed_file, arguments, says):
    result = at(directory, "approve", signed_file, "--individual", "--yes", *arguments)
    assert result.returncode == 1
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_a_programme_that_one_of_two_signed_cannot_be_approved(kit, directory, enrolled, short_path):
    path = short_path / "half.json"
    half = kit.seal("application/vnd.samentel.programme.v1+toml", kit.programme_text(), kit.AUTHORITY[0])
    path.write_bytes(envelopes.to_json(half))
    result = at(directory, "approve", path, "--individual", "--yes")
    assert result.returncode == 1
    assert "1 of the 2 signatures" in result.stderr


async def test_enrol_shows_the_fingerprint_waits_and_fetches_the_certificate(
    kit, directory, certificates, coordinator, short_path
):
    held = kit.invitation(certificates, coordinator.address)
    (short_path / "invitation.json").write_bytes(to_bytes(held))
    early = await asyncio.to_thread(
        at, directory, "enrol", short_path / "invitation.json", "--wait-minutes", "0"
    )
    assert early.returncode == 1
    coordinator.confirmed = True
    done = await asyncio.to_thread(at, directory, "enrol", "--wait-minutes", "0")
    assert done.returncode == 0, done.stderr
    state = directory / "state"
    assert identity.is_certified(state)
    assert not identity.has_invitation(state)
    assert {path.stat().st_mode & 0o777 for path in identity.directory(state).iterdir()} == {0o600}
    doctor = await asyncio.to_thread(at, directory, "doctor")
    assert doctor.returncode == 0, doctor.stdout


async def test_doctor_says_when_the_root_is_another(kit, directory, coordinator):
    kit.enrolled(directory, kit.TestAuthority(), coordinator.address)
    result = await asyncio.to_thread(at, directory, "doctor")
    assert result.returncode == 1
    assert "not the one the invitation names" in result.stdout


async def test_a_coordinator_that_shows_another_fingerprint_is_found_out(
    kit, directory, certificates, coordinator, short_path
):
    async def lie(request):
        return kit.m.EnrolResponse("00000 00000 00000 00000 00000 00000")

    coordinator.enrol = lie
    server = await coordinator.start()
    held = kit.invitation(certificates, coordinator.address)
    (short_path / "invitation.json").write_bytes(to_bytes(held))
    result = await asyncio.to_thread(
        at, directory, "enrol", short_path / "invitation.json", "--wait-minutes", "0"
    )
    assert result.returncode == 1
    assert "another key than ours" in result.stderr
    await server.stop(0)


LAZY = """
import sys
sys.argv = ["samentel-node", *{arguments!r}]
from node.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(sorted(name for name in ("polars", "opendp", "scipy", "prefect") if name in sys.modules))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["status"],
        ["ledger", "show"],
        ["ledger", "verify"],
        ["pause"],
        ["resume"],
        ["approve"],
        ["init"],
    ],
    ids=" ".join,
)
def test_everyday_commands_load_neither_polars_nor_opendp(
    directory, enrolled, signed_file, authority_files, arguments
):
    extra = {"approve": [str(signed_file), "--individual", "--yes"]}
    extra["init"] = [str(directory / "again"), "--authority", str(authority_files[0])]
    given = ["--config", str(directory / "node.toml"), *arguments, *extra.get(arguments[0], [])]
    code = LAZY.format(arguments=given)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "[]"
