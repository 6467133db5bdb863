"""The command line as people meet it: help in their language, one clear line for a mistake, no traceback.

The commands run in the test's own process, and one of each kind in a process of its own: the daemon, what a
command loads, a terminal and a reader that are poor company.
"""

import asyncio
import inspect
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from node import cli, identity
from node.store import DocumentKind, Reader
from samentel.documents import envelope as envelopes
from samentel.documents.model import to_bytes
from samentel.documents.statements import Approval, hear

NODE = str(Path(sys.executable).with_name("samentel-node"))


SPOKEN = {"LANG": "C.UTF-8", "COLUMNS": "200"}


def alone(directory, *arguments, **environment):
    """A command in a process of its own."""
    return subprocess.run(
        [NODE, "--config", str(directory / "node.toml"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **SPOKEN, **environment},
        timeout=60,
        check=False,
    )


@pytest.fixture
def run(called):
    """A command in this process; the next one finds the help that the program began with."""
    told = {it: it.__doc__ for _, it in inspect.getmembers(cli, inspect.isfunction)}

    def run(*arguments, stdin=""):
        for command, text in told.items():
            command.__doc__ = text
        return called(cli.main, "samentel-node", *arguments, stdin=stdin, env=SPOKEN)

    yield run
    for command, text in told.items():
        command.__doc__ = text


@pytest.fixture
def at(run):
    def at(directory, *arguments, **more):
        if arguments[0] == "run":  # a daemon takes its process over: its signals, and every library's log
            return alone(directory, *arguments)
        return run("--config", directory / "node.toml", *arguments, **more)

    return at


@pytest.fixture
def signed_file(kit, short_path):
    path = short_path / "programme.dsse.json"
    path.write_bytes(envelopes.to_json(kit.signed_programme()))
    return path


@pytest.mark.parametrize(
    "command",
    [
        "",
        "init",
        "enrol",
        "check",
        "approve",
        "withdraw",
        "run",
        "status",
        "ledger",
        "pause",
        "resume",
        "doctor",
    ],
)
def test_every_command_has_help_in_two_languages(run, command):
    dutch, english = (run("--lang", language, *command.split(), "--help") for language in ("nl", "en"))
    assert dutch.returncode == english.returncode == 0
    assert dutch.stdout != english.stdout
    assert "Usage: samentel-node" in english.stdout


def test_help_shows_examples(run):
    shown = " ".join(run("--lang", "en", "--help").stdout.split())
    assert "samentel-node --config premises/node.toml enrol invitation.json" in shown


MISTAKES = [
    pytest.param(["status"], "samentel-node init", id="no-configuration"),
    pytest.param(["init", "x", "--authority", "none.pem"], "cannot be read", id="no-key-file"),
    pytest.param(["check", "--period", "2025"], "samentel-node init", id="check-without-configuration"),
]


@pytest.mark.parametrize(("arguments", "says"), MISTAKES)
def test_a_mistake_is_one_clear_message_without_a_traceback(run, tmp_path, arguments, says):
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
    pytest.param(["enrol", "--wait-minutes", "nan"], "--wait-minutes", id="wait-nan"),
    pytest.param(["enrol", "--wait-minutes", "1e12"], "--wait-minutes", id="wait-for-ever"),
    pytest.param(["pause", "--reason", "a\nb"], "--reason", id="reason-of-two-lines"),
]


@pytest.mark.parametrize(("arguments", "says"), PLACED)
def test_a_mistake_at_a_node_is_one_clear_message_without_a_traceback(at, directory, arguments, says):
    result = at(directory, *arguments)
    assert result.returncode == 1
    assert says in result.stderr
    assert "Traceback" not in result.stderr + result.stdout


def test_a_broken_ledger_is_told_without_a_traceback(at, directory):
    (directory / "state" / "node.sqlite").write_bytes(b"nothing of the kind" * 500)
    for arguments in (["status"], ["ledger", "show"], ["ledger", "verify"], ["pause"]):
        result = at(directory, *arguments)
        assert result.returncode == 1
        assert "restore the state directory" in result.stderr
        assert "Traceback" not in result.stderr


def test_init_makes_a_node(at, run, short_path, authority_files):
    result = run(
        "init", short_path / "new", "--authority", authority_files[0], "--authority", authority_files[1]
    )
    assert result.returncode == 0, result.stderr
    assert (short_path / "new" / "node.toml").exists()
    assert at(short_path / "new", "ledger", "verify").returncode == 0
    assert json.loads(at(short_path / "new", "status", "--json").stdout)["state"] == "off"


def test_pause_and_resume_work_without_a_daemon(at, directory):
    assert at(directory, "pause", "--reason", "vakantie").returncode == 0
    assert json.loads(at(directory, "status", "--json").stdout)["reason"] == "paused (vakantie)"
    assert at(directory, "resume").returncode == 0
    assert json.loads(at(directory, "status", "--json").stdout)["reason"] == ""


def test_check_shows_exact_figures_and_strange_words(at, directory, signed_file):
    with (directory / "export.csv").open("a") as file:
        file.write("K9;2025-01-01;;man;vreemd woord\n;2025-01-01;;;\nK8;x;;;\nkapot\n")
    result = at(directory, "check", "--programme", signed_file, "--period", "2025", "--lang", "en")
    assert result.returncode == 0, result.stderr
    assert "EXACT" in result.stdout
    assert "vreemd woord" not in result.stdout
    assert "2  woman" not in result.stdout
    assert "sexual exploitation" in result.stdout
    for programme in ([], ["--programme", signed_file]):
        shown = at(directory, "check", "--values", *programme)
        assert "1  vreemd woord" in shown.stdout


def test_check_counts_by_rule_and_column_and_shows_no_values(at, directory, signed_file):
    lines = [
        "K4;1899-12-30;1990-01-01;man;huiselijk",
        "K5;gisteren;1990-01-01;man;huiselijk",
        "K6;;1990-01-01;man;huiselijk",
        "K7;1989-12-31;1980-01-01;man;huiselijk",
        "K8;2099-01-01;2000-01-01;man;huiselijk",
        "K9;2025-02-01;geheim;man;huiselijk",
        "K9;2025-02-02;1800-01-01;man;geheim",
        ";2025-02-01;1990-01-01;geheim;geheim",
        "kapot;geheim",
    ]
    with (directory / "export.csv").open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))
    for programme in ([], ["--programme", signed_file]):
        shown = at(directory, "check", "--lang", "en", *programme)
        assert shown.returncode == 0, shown.stderr
        told = [
            line
            for line in shown.stdout.splitlines()
            if line.startswith("! ") and "more than half" not in line
        ]
        counted = dict(line.rsplit(": ", 1) for line in told)
        assert {rule.split(":")[0] for rule in counted} <= {
            "! Lines with another number of fields than the header (line break in a remark?)",
            "! Lines without a person's number",
            "! first_contact (datum)",
            "! birth_date (geboren)",
            "! person (nr)",
            "! reason (aanleiding)",
        }
        assert list(counted.values()) == ["1", "1", "1", "2", "2", "2", "1", "1"]
        assert "geheim" not in shown.stdout


def test_check_warns_when_a_dimension_is_nearly_all_unknown(at, directory, signed_file):
    text = (directory / "mapping.toml").read_text()
    (directory / "mapping.toml").write_text(text.replace('vrouw = "F"\nman = "M"', 'v = "F"\nm = "M"'))
    shown = at(directory, "check", "--lang", "en", "--programme", signed_file).stdout
    assert "! sex: more than half is unknown (3 of 3)" in shown
    assert "! reason: more" not in shown


def cp1252(directory):
    (directory / "export.csv").write_bytes(
        "nr;datum;geboren;geslacht;aanleiding\nK1;;;café;\n".encode("cp1252")
    )


def write(name, change):
    def spoil(directory):
        path = directory / name
        path.write_text(change(path.read_text()))

    return spoil


ENCODINGS = [
    pytest.param(cp1252, ("is geen utf-8", "is not utf-8"), id="encoding"),
    pytest.param(
        write("mapping.toml", lambda text: text.replace("[columns]", 'encoding = "cp1252"\n[columns]')),
        ("geen cp1252 maar UTF-8", "not cp1252 but UTF-8"),
        id="utf-8-as-windows",
    ),
]
FORMS = [
    pytest.param(
        lambda at: (at / "export.csv").unlink(), ("kan niet worden gelezen", "cannot be read"), id="no-file"
    ),
    pytest.param(write("export.csv", lambda _: ""), ("is leeg", "is empty"), id="no-bytes"),
    pytest.param(
        write("export.csv", lambda text: text.replace(";", ",")),
        ('zet file.delimiter = ","', 'write file.delimiter = ","'),
        id="delimiter",
    ),
    pytest.param(
        write("export.csv", lambda text: text.replace("datum", "dag", 1)),
        ("geen kolom 'datum'", "no column 'datum'"),
        id="column",
    ),
    pytest.param(
        write("export.csv", lambda text: text.replace("geslacht", "datum", 1)),
        ("meer dan een kolom 'datum'", "more than one column 'datum'"),
        id="column-twice",
    ),
    pytest.param(
        write("mapping.toml", lambda text: text.replace("[columns]", "[kolommen]")),
        ("De mapping", "does not hold"),
        id="mapping",
    ),
    pytest.param(
        write("mapping.toml", lambda _: "[["), ("De mapping", "does not hold"), id="mapping-no-toml"
    ),
    pytest.param(
        lambda at: (at / "mapping.toml").unlink(), ("De mapping", "The mapping file"), id="no-mapping"
    ),
]


@pytest.mark.parametrize(("spoil", "says"), FORMS)
def test_a_fault_of_form_stops_the_node_before_it_starts_and_is_told_in_two_languages(
    at, run, directory, enrolled, spoil, says
):
    with (directory / "export.csv").open("a") as file:
        file.write("K4;2025-01-01;;zoë;\n")
    spoil(directory)
    # One rule finds them all; that each command asks it is seen once, and once in a process of its own.
    here = ("--config", directory / "node.toml")
    commands = ("run", "check", "doctor") if says == FORMS[0].values[1] else ()
    for result in (run(*here, "run"), *(at(directory, command) for command in commands)):
        told = result.stdout + result.stderr
        assert result.returncode == 1
        assert all(words in told for words in says), told
        assert "Traceback" not in told
        assert '"event"' not in told
    assert json.loads(at(directory, "status", "--json").stdout)["ledger"]["length"] == 0


@pytest.mark.parametrize(("spoil", "says"), ENCODINGS)
def test_a_wrong_encoding_is_told_by_check_in_two_languages(at, directory, spoil, says):
    with (directory / "export.csv").open("a") as file:
        file.write("K4;2025-01-01;;zoë;\n")
    spoil(directory)
    result = at(directory, "check")
    assert result.returncode == 1
    assert all(words in result.stderr for words in says), result.stderr
    assert "zo\xeb" not in result.stderr


@pytest.fixture
def enrolled(kit, directory, certificates):
    return kit.enrolled(directory, certificates, "127.0.0.1:9")


def test_approve_explains_the_programme_and_asks(at, directory, enrolled, signed_file):
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


def test_individual_mode_is_never_approved_by_silence(at, directory, enrolled, signed_file):
    result = at(directory, "approve", signed_file, "--yes")
    assert result.returncode == 1
    assert "--individual" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--until", "morgen"], "2026-12-31"),
        (["--until", "2020-01-01"], "in the future"),
        (["--until", "9999-12-31"], "--until"),
        (["--rho-cap", "x"], "1/2"),
        (["--rho-cap", "0"], "more than 0"),
        (["--rho-cap", "1/0"], "--rho-cap"),
        (["--rho-cap", "1e-30"], "--rho-cap"),
        (["--rho-cap", "0.1234567890123456"], "--rho-cap"),
        (["--rho-cap", "999999999999.99999999999"], "--rho-cap"),
        (["--rho-cap", "1e10000000"], "--rho-cap"),
        (["--by", "a\nb"], "--by"),
        (["--by", "  "], "--by"),
    ],
)
def test_limits_of_an_approval_are_checked(at, directory, enrolled, signed_file, arguments, says):
    result = at(directory, "approve", signed_file, "--individual", "--yes", *arguments)
    assert result.returncode == 1
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_an_approval_can_be_withdrawn_and_given_again(at, kit, directory, enrolled, signed_file):
    early = at(directory, "withdraw", signed_file)
    assert early.returncode == 1
    assert "nothing to withdraw" in early.stderr
    yes = ["approve", signed_file, "--individual", "--yes", "--by", "FG"]
    assert at(directory, *yes).returncode == 0
    done = at(directory, "withdraw", signed_file, "--by", "FG")
    assert done.returncode == 0, done.stderr
    assert "Ingetrokken" in done.stdout
    with Reader.open_read_only(enrolled.state) as reader:
        kinds = [entry.read().kind for entry in reader.entries()]
        latest = reader.documents(DocumentKind.APPROVAL)[-1]
    assert kinds == ["approved", "approved"]
    said = hear(Approval, latest, enrolled.signer.public)
    assert said.expires_at == said.approved_at
    assert at(directory, "withdraw", signed_file).returncode == 1
    assert at(directory, *yes).returncode == 0


def test_the_screen_of_an_approval_shows_what_institutions_and_years_cost(
    at, directory, enrolled, signed_file
):
    shown = at(directory, "approve", signed_file, "--individual", "--lang", "en", stdin="no\n").stdout
    for line in ("h = 1   rho 1/2", "h = 2   rho 2 ", "h = 3   rho 9/2", "y = 5   rho 5/2", "of every year"):
        assert line in shown


def test_a_user_without_a_name_is_asked_for_one(directory, enrolled, signed_file):
    code = (
        "import getpass, os, sys\n"
        "for name in ('LOGNAME', 'USER', 'LNAME', 'USERNAME'): os.environ.pop(name, None)\n"
        "os.getuid = lambda: 54321\n"
        f"sys.argv = ['samentel-node', '--config', {str(directory / 'node.toml')!r}, 'approve',"
        f" {str(signed_file)!r}, '--individual', '--yes']\n"
        "from node.cli import main\nmain()\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "--by NAME" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("keep", ["key", "chain", "neither"])
def test_a_damaged_certificate_is_told_with_its_remedy(at, directory, enrolled, keep):
    path = identity.directory(enrolled.state) / "tls.pem"
    key, mark, chain = path.read_bytes().partition(b"-----BEGIN CERTIFICATE-----")
    path.write_bytes({"key": key + mark + b"x", "chain": b"x" + mark + chain, "neither": b""}[keep])
    for command in ("run", "doctor", "status"):
        result = at(directory, command)
        assert result.returncode == (0 if command == "status" else 1)
        assert "restore" in result.stderr + result.stdout
        assert "Traceback" not in result.stderr


def test_a_reader_that_goes_away_and_a_poor_terminal_are_no_mishaps(directory, signed_file):
    with (directory / "export.csv").open("a") as file:
        file.writelines(f"K{n};2025-01-01;;vreemd {n};\n" for n in range(5000))
    command = [NODE, "--config", str(directory / "node.toml"), "check", "--values"]
    reading, writing = os.pipe()
    os.close(reading)
    gone = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert gone.returncode == 141
    assert gone.stderr == ""
    poor = alone(directory, "check", PYTHONIOENCODING="ascii")
    assert poor.returncode == 0, poor.stderr
    assert "cli?ntnummer" in poor.stdout


def test_a_reason_of_a_person_s_is_never_taken_for_a_code(at, directory):
    assert at(directory, "pause", "--reason", "rollback-detected").returncode == 0
    assert json.loads(at(directory, "status", "--json").stdout)["reason"] == "paused (rollback-detected)"
    assert at(directory, "resume").returncode == 0  # nothing is asked, as nothing was rolled back


def test_a_changed_entry_of_the_ledger_is_told_by_show_and_verify(at, directory, enrolled, signed_file):
    at(directory, "approve", signed_file, "--individual", "--yes", "--by", "FG")
    with sqlite3.connect(enrolled.state / "node.sqlite") as connection:
        connection.execute("DROP TRIGGER ledger_stays")
        connection.execute("UPDATE ledger SET body = x'7b'")
    for arguments in (["show"], ["show", "--json"]):
        result = at(directory, "ledger", *arguments)
        assert result.returncode == 1
        assert "ledger verify" in result.stderr
        assert "Traceback" not in result.stderr
    assert at(directory, "ledger", "verify").returncode == 1


def test_init_takes_a_key_file_of_any_name_and_names_the_flag_when_it_cannot(
    at, run, short_path, authority_files
):
    odd = short_path / 'a"b{0}\\c.pem'
    odd.write_bytes(authority_files[0].read_bytes())
    done = run("init", short_path / "odd", "--authority", odd)
    assert done.returncode == 0, done.stderr
    assert at(short_path / "odd", "status").returncode == 0
    unseen = short_path / "a\nb.pem"
    unseen.write_bytes(authority_files[0].read_bytes())
    cases = (
        ([unseen], 0, "--authority:"),
        ([odd, authority_files[0]], 0, "--authority:"),
        ([odd], 2, "--authority-threshold:"),
        ([odd], -1, "--authority-threshold:"),
    )
    for files, threshold, says in cases:
        result = run("init", short_path / "not", "--authority", *files, f"--authority-threshold={threshold}")
        assert result.returncode == 1
        assert says in result.stderr
        assert "Traceback" not in result.stderr
        assert not (short_path / "not").exists()


def test_a_programme_that_one_of_two_signed_cannot_be_approved(at, kit, directory, enrolled, short_path):
    path = short_path / "half.json"
    half = kit.seal("application/vnd.samentel.programme.v1+toml", kit.programme_text(), kit.AUTHORITY[0])
    path.write_bytes(envelopes.to_json(half))
    result = at(directory, "approve", path, "--individual", "--yes")
    assert result.returncode == 1
    assert "1 of the 2 signatures" in result.stderr


async def test_enrol_shows_the_fingerprint_waits_and_fetches_the_certificate(
    at, kit, directory, certificates, coordinator, short_path
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
    result = await asyncio.to_thread(alone, directory, "doctor")
    assert result.returncode == 1
    assert "not the one the invitation names" in result.stdout


async def test_a_coordinator_that_shows_another_fingerprint_is_found_out(
    at, kit, directory, certificates, coordinator, short_path
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
