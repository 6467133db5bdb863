"""The command, as a person meets it: in processes of its own."""

import asyncio
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout

import pytest

from aggregator import authority as ca
from aggregator import cli, documents, enrolment
from aggregator import config as configuration
from aggregator.client import Coordinator
from samentel.documents.envelope import to_json
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import RoundPhase

RUN = [sys.executable, "-c", "from aggregator.cli import main; main()"]


def run(*arguments, fails=False):
    """The command in this process; returns what it prints, on standard error if it is to fail."""
    code, out, err = outcome(*arguments)
    assert (code in (1, 2)) == fails, (code, out, err)
    return err if fails else out


def outcome(*arguments):
    """The command in this process: its exit code, and what it prints on both streams."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["samentel-aggregator", *map(str, arguments)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            cli.main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.argv = before
    return code, out.getvalue(), err.getvalue()


async def arun(*arguments, **options):
    return await asyncio.to_thread(run, *arguments, **options)


def start_daemon(config):
    return subprocess.Popen([*RUN, "--config", str(config.path), "serve"], stderr=subprocess.PIPE, text=True)


def wait_until_listening(process):
    for line in process.stderr:
        if json.loads(line)["event"] == "listening":
            return
    pytest.fail("the daemon ended")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["init"],
        ["serve"],
        ["invite"],
        ["confirm"],
        ["revoke"],
        ["badge"],
        ["publish"],
        ["roster", "draft"],
        ["round", "run"],
        ["round", "show"],
        ["round", "abandon"],
        ["release", "list"],
        ["release", "show"],
    ],
    ids=lambda arguments: " ".join(arguments) or "whole",
)
def test_every_command_explains_itself_with_an_example(arguments):
    text = " ".join(run(*arguments, "--help").split())
    assert "xample: " in text
    assert "samentel-aggregator " + " ".join(arguments) in text


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        pytest.param(["--config", "absent.toml", "serve"], "absent.toml cannot be read", id="no-config"),
        pytest.param(["publish", "absent.json"], "cannot be read", id="no-config-by-default"),
        pytest.param(["round", "show"], "not a credentials directory", id="no-credentials"),
        pytest.param(["frobnicate"], "Unknown command", id="no-such-command"),
        pytest.param(["revoke", "king", "x"], "king", id="no-such-role"),
        pytest.param(["invite", "x"], "requires an argument", id="missing"),
        pytest.param(
            ["init", "x", "--address", "a:1", "--authority", "absent.pem"], "absent.pem", id="no-key"
        ),
    ],
)
def test_a_mistake_is_a_clear_line(tmp_path, monkeypatch, arguments, why):
    monkeypatch.chdir(tmp_path)
    assert why in run(*arguments, fails=True)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        pytest.param(
            {"--address": "localhost:99999"}, "--address 'localhost:99999': write HOST:PORT", id="port"
        ),
        pytest.param({"--address": "localhost"}, "--address 'localhost': write HOST:PORT", id="no-port"),
        pytest.param({"--address": "localhost:0"}, "--address 'localhost:0'", id="port-zero"),
        pytest.param({"--address": 'x"y:1'}, """--address 'x"y:1'""", id="quote"),
        pytest.param({"--listen": "0.0.0.0:65536"}, "--listen '0.0.0.0:65536'", id="listen"),
        pytest.param({"--host": 'a"b'}, """--host 'a"b'""", id="host"),
        pytest.param({"--authority-threshold": "3"}, "--authority-threshold 3: with 1 keys", id="too-many"),
        pytest.param({"--authority-threshold": "-1"}, "--authority-threshold -1: with 1 keys", id="negative"),
        pytest.param({"--authority": "x.pem"}, "--authority x.pem: ", id="no-key"),
    ],
)
def test_a_wrong_argument_of_init_is_named_by_its_flag_and_nothing_is_made(
    tmp_path, monkeypatch, authority_files, flags, why
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.pem").write_text("not a key")
    given = {"--address": "localhost:7443", "--authority": authority_files[1][0], **flags}
    said = run("init", "central", *(word for pair in given.items() for word in pair), fails=True)
    assert said.startswith("samentel-aggregator: ")
    assert why in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "central").exists()


def test_an_authority_file_may_have_any_name(tmp_path, authority_files):
    odd = tmp_path / 'a "key" \\ of é.pem'
    odd.write_bytes(authority_files[1][0].read_bytes())
    run("init", tmp_path / "central", "--address", "localhost:7443", "--authority", odd)
    assert len(configuration.load(tmp_path / "central" / "aggregator.toml").authority) == 1


def test_what_is_no_release_or_period_is_said_before_anybody_is_asked(central):
    with_config = ("--config", central.config.path)
    assert "'../x' is not the name of a release" in run(*with_config, "release", "show", "../x", fails=True)
    assert "write a year such as 2025" in run(*with_config, "round", "run", "a", "vorig jaar", fails=True)


def test_a_terminal_without_these_letters_and_a_reader_who_leaves_are_no_faults(central):
    words = [*RUN, "--config", str(central.config.path), "confirm"]
    poor = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    absent = [*RUN, "--config", "café.toml", "confirm"]
    done = subprocess.run(absent, capture_output=True, text=True, timeout=60, env=poor)
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as broken:
        left = subprocess.run(words, stdout=broken, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (left.returncode, left.stderr) == (1, "")


def test_help_loads_nothing_heavy():
    code = (
        "import sys, aggregator.cli\n"
        "try: aggregator.cli.app.meta(['--help'])\n"
        "except SystemExit: pass\n"
        "print({'polars', 'opendp', 'sqlalchemy', 'grpc', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "set()", done.stderr


async def test_from_an_empty_directory_to_a_release_by_commands_alone(tmp_path, authority_files, tools):
    """Every step that an administrator takes, against a daemon process; nodes over the wire."""
    keys, paths = authority_files
    place, address = tmp_path / "central", f"127.0.0.1:{tools.free_port()}"
    await arun("init", place, "--address", address, "--listen", address, "--authority", *paths)
    with_config = ("--config", place / "aggregator.toml")
    config = configuration.load(place / "aggregator.toml")
    central = tools.Central(config, keys, tools.programme())
    daemon = start_daemon(config)
    try:
        await asyncio.to_thread(wait_until_listening, daemon)
        for name in tools.NODES[:3]:
            out = tmp_path / f"{name}.json"
            named = ("--name", "Stichting X", "--operator", "X", "--type", "OPVANG", "--province", "NL32")
            assert "can be used once" in await arun(*with_config, "invite", name, *named, "--out", out)
            assert oct(out.stat().st_mode & 0o777) == "0o600"
            peer = central.take(name, out.read_bytes())
            link = peer.invited_link()
            said = (await link.call(M.ENROL, peer.enrolment())).fingerprint
            assert said in await arun(*with_config, "confirm")
            assert "not the fingerprint" in await arun(*with_config, "confirm", name, "1 2 3", fails=True)
            await arun(*with_config, "confirm", name, *said.split())
            peer.chain = (await link.call(M.GET_ENROLMENT, m.GetEnrolmentRequest())).certificate_chain
        await arun(*with_config, "roster", "draft", "--out", tmp_path / "roster.json")
        for name, envelope in (
            ("roster", central.sign_roster((tmp_path / "roster.json").read_bytes())),
            ("programme", central.sign_programme()),
        ):
            (tmp_path / f"{name}.dsse.json").write_bytes(to_json(envelope))
            assert envelope.digest in await arun(*with_config, "publish", tmp_path / f"{name}.dsse.json")
        told, *_ = await asyncio.gather(
            arun(*with_config, "round", "run", "redenen-test", "2025"),
            *(take_part(central, name, tools) for name in tools.NODES[:3]),
        )
        assert "published: redenen-test-2025-1 (3 institutions in the sum)" in told
        assert "redenen-test-2025-1" in await arun(*with_config, "release", "list")
        shown = await arun(*with_config, "release", "show", "redenen-test-2025-1")
        assert "amber, beryl, coral (of 3 invited)" in shown
        assert "tables.parquet" in shown
        listed = await arun(*with_config, "round", "show")
        round_id = listed.splitlines()[1].split()[0]
        assert "published" in await arun(*with_config, "round", "show", round_id)
        again = await arun(*with_config, "round", "run", "redenen-test", "2025")
        assert "published: redenen-test-2025-1" in again
        assert "stays so" in await arun(
            *with_config, "round", "abandon", round_id, "--reason", "x", fails=True
        )
        _, csr = ca.new_credential()
        (tmp_path / "request.pem").write_bytes(csr)
        await arun(
            *with_config, "badge", "reader", "cbs", tmp_path / "request.pem", "--out", tmp_path / "cbs"
        )
        assert "is revoked" in await arun(*with_config, "revoke", "reader", "cbs")
    finally:
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(20) == 0
        for peer in central.peers.values():
            for link in peer.links:
                await link.close()


async def take_part(central, name, tools):
    """A node's day: polls, says it is present, hands in when the round collects."""
    peer = central.peers[name]
    link = peer.link()
    cursor, present = 0, False
    for _ in range(40):
        answer = await link.call(M.POLL, tools.poll(cursor))
        cursor = answer.cursor
        if not answer.rounds:
            continue
        notice = answer.rounds[0]
        round_id = tools.round_id(notice)
        if notice.phase is RoundPhase.GATHERING and not present:
            await link.call(M.PUT_PRESENCE, peer.presence(round_id))
            present = True
        if notice.phase is RoundPhase.COLLECTING:
            await link.call(
                M.PUT_CONTRIBUTION, peer.contribution(round_id, central.programme, central.vector())
            )
            return
    pytest.fail("the round never collected")


async def test_giving_up_what_nobody_has_paid_for_needs_no_more_words(federation, tools):
    status = await tools.advance(federation, RoundPhase.GATHERING, present=3)
    with_config = ("--config", federation.config.path)
    words = ("round", "abandon", status.round_id[:8], "--reason", "[bold] a :smile: wrong list")
    said = (await arun(*with_config, *words)).splitlines()
    assert said[0].startswith("gathering: 3 of 4 institutions are present; waiting for dune until 20")
    assert said[1] == "Nobody has spent anything: held losses are freed, but for the local one."
    assert said[2] == f"round {status.round_id[:12]} is abandoned."
    again = await arun(*with_config, *words)
    assert "was abandoned before: [bold] a :smile: wrong list. " in again
    shown = await arun(*with_config, "round", "show", status.round_id)
    assert "abandoned" in shown
    assert "[bold] a :smile: wrong list" in shown


async def test_giving_up_what_was_paid_for_says_the_price_and_waits_for_a_yes(federation, tools):
    status = await tools.advance(federation, RoundPhase.COLLECTING)
    peer = federation.peers["amber"]
    request = peer.contribution(status.round_id, federation.programme, federation.vector(1))
    await peer.links[-1].call(M.PUT_CONTRIBUTION, request)
    words = ("--config", federation.config.path, "round", "abandon", status.round_id[:8])
    code, out, err = await asyncio.to_thread(outcome, *words, "--reason", "it's a wrong list")
    assert code == 2
    assert "1 institution has spent its share of this attempt: amber; 3 more may have" in out
    assert "another attempt costs a fresh charge" in out
    # The coordinator of this test logs to the same stream.
    (hint,) = [line for line in err.splitlines() if line.startswith("Nothing has been done")]
    command = hint.removeprefix("Nothing has been done. To go through with it: ")
    assert command.endswith("--reason 'it'\"'\"'s a wrong list' --yes")
    with Coordinator.connect(federation.config.admin) as coordinator:
        now = await asyncio.to_thread(coordinator.round, status.round_id)
        assert (now.phase, now.arrived) == (RoundPhase.COLLECTING, ("amber",))
        shown = await arun("--config", federation.config.path, "round", "show", status.round_id[:8])
        rows = dict(line.strip().split("  ", 1) for line in shown.splitlines())
        assert rows["has spent"].strip() == "1: amber"
        assert rows["may have spent"].strip() == "3: beryl, coral, dune"
        done = await arun(*shlex.split(command)[1:])
        assert f"round {status.round_id[:12]} is abandoned." in done
        now = await asyncio.to_thread(coordinator.round, status.round_id)
        assert (now.phase, now.reason) == (RoundPhase.ABANDONED, "it's a wrong list")
    failed = await arun(
        "--config", federation.config.path, "round", "run", "redenen-test", "2025", fails=True
    )
    assert "ask for attempt 2 explicitly" in failed


async def test_a_daemon_that_is_killed_goes_on_where_it_was(central, tools):
    config = central.config
    daemon = start_daemon(config)
    await asyncio.to_thread(wait_until_listening, daemon)
    for name in tools.NODES:
        await tools.enrol(central, name)
    documents.publish(config, central.sign_programme())
    documents.publish(config, central.sign_roster())
    status = await tools.advance(central, RoundPhase.COLLECTING)
    peer = central.peers["amber"]
    request = peer.contribution(status.round_id, central.programme, central.vector(1))
    receipt = await peer.links[-1].call(M.PUT_CONTRIBUTION, request)
    daemon.kill()
    daemon.wait(10)
    daemon = start_daemon(config)
    try:
        await asyncio.to_thread(wait_until_listening, daemon)
        assert await peer.link().call(M.PUT_CONTRIBUTION, request) == receipt
        for number, name in enumerate(tools.NODES[1:], 2):
            other = central.peers[name]
            late = other.contribution(status.round_id, central.programme, central.vector(number))
            await other.link().call(M.PUT_CONTRIBUTION, late)
        with Coordinator.connect(config.admin) as coordinator:
            done = await asyncio.to_thread(coordinator.publish, status.round_id)
        assert done.phase is RoundPhase.PUBLISHED
    finally:
        daemon.terminate()
        assert daemon.wait(20) == 0
        for it in central.peers.values():
            for link in it.links:
                await link.close()


def test_a_changed_log_stops_the_daemon_and_names_the_event(central):
    import sqlite3

    enrolment.invite(central.config, "amber", name="A", operator="A", type="OPVANG", province="NL32")
    with sqlite3.connect(central.config.state / "aggregator.db") as raw:
        raw.execute("UPDATE events SET record = replace(record, 'OPVANG', 'OPVONG') WHERE seq = 3")
    raw.close()
    command = [*RUN, "--config", str(central.config.path), "serve"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "event 3 of the log has been changed" in line


async def test_deadlines_pass_by_themselves(central, tools, tmp_path):
    text = central.config.path.read_text()
    for hours in ("gather_hours = 168.0", "collect_hours = 24.0"):
        text = text.replace(hours, f"{hours.split()[0]} = 0.0004")
    central.config.path.write_text(text)
    central.config = configuration.load(central.config.path)
    daemon = start_daemon(central.config)
    try:
        await asyncio.to_thread(wait_until_listening, daemon)
        for name in tools.NODES:
            await tools.enrol(central, name)
        documents.publish(central.config, central.sign_programme())
        documents.publish(central.config, central.sign_roster())
        status = await tools.advance(central, RoundPhase.GATHERING, present=3)
        with Coordinator.connect(central.config.admin) as coordinator:
            deadline = time.monotonic() + 15
            phases = {status.phase}
            while status.phase is not RoundPhase.ABANDONED and time.monotonic() < deadline:
                status = await asyncio.to_thread(coordinator.round, status.round_id)
                phases.add(status.phase)
                await asyncio.sleep(0.05)
        assert phases == {RoundPhase.GATHERING, RoundPhase.COLLECTING, RoundPhase.ABANDONED}
        assert status.reason == "0 vectors arrived in time, 3 are needed"
    finally:
        daemon.terminate()
        daemon.wait(20)
        for it in central.peers.values():
            for link in it.links:
                await link.close()


def test_the_configuration_can_come_from_the_environment(central, tmp_path, monkeypatch):
    monkeypatch.setenv("SAMENTEL_AGGREGATOR_CONFIG", str(central.config.path))
    monkeypatch.chdir(tmp_path)
    assert "0 waiting" in run("confirm")
