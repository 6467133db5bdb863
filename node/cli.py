"""The command ``samentel-node``: what an institution's people type.

Only ``check`` and a running daemon ever load polars and OpenDP.
"""

import getpass
import io
import json as jsonlib
import os
import re
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from node import config as configuration
from node import manual, texts
from node.config import Config
from node.texts import Words
from samentel import __version__
from samentel.counting import ledger as ledgers
from samentel.documents.model import to_bytes
from samentel.errors import DocumentError, LocalFault, Reason, Refusal, SamentelError
from samentel.ids import Period

VARIABLE = "SAMENTEL_NODE_CONFIG"
ASK_SECONDS = 2.0  # between questions whether the enrolment is confirmed
LONGEST_WAIT = 7 * 24 * 60  # minutes: an invitation does not live longer
READER_GONE = 141  # what a shell says of a command whose reader went away
RHO = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,11}|/[0-9]{1,12})?")

Authority = Annotated[list[Path], Parameter(consume_multiple=True)]


@dataclass
class Chosen:
    """What stands before the command: which configuration, which language."""

    path: Path
    words: Words

    def config(self) -> Config:
        """The configuration; its language counts from here on, unless another was asked for."""
        loaded = configuration.load(self.path)
        self.words = Words(texts.language(sys.argv, loaded.language))
        return loaded


chosen = Chosen(Path("node.toml"), Words("nl"))


def main() -> None:
    """Entry point: for anything that a person can mend, one clear message on stderr and exit code 1."""
    # gRPC's core writes lines of its own to stderr: neither JSON nor for people.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without our letters gets question marks
    try:
        try:
            application(texts.language(sys.argv)).meta()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_GONE)
    except SamentelError as error:
        print(f"samentel-node: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def application(language: texts.Language) -> App:
    """The command line, in the language of the person who types."""
    words = chosen.words = Words(language)
    commands = (init, enrol, check, approve, withdraw, run, status, complaint, receipt, pause, resume, doctor)
    if language == "nl":
        for command in (*commands, show, verify):
            command.__doc__ = manual.DUTCH[command.__name__]
    app = App(
        name="samentel-node",
        help=f"{words('app')}\n{manual.EXAMPLES[language]}",
        help_format="plaintext",
        version=__version__,
        version_flags=["--version"],
    )
    ledger = App(name="ledger", help=words("ledger"), version_flags=[])
    for command in commands:
        app.command(command)
    for command in (show, verify):
        ledger.command(command)
    app.command(ledger)

    @app.meta.default
    def before(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        config: Annotated[Path | None, Parameter(help=words("help.config", variable=VARIABLE))] = None,
        lang: Annotated[texts.Language, Parameter(help=words("help.lang"))] = language,
    ) -> None:
        chosen.path = config or Path(os.environ.get(VARIABLE, "node.toml"))
        chosen.words = Words(lang)
        app(tokens)

    return app


def init(directory: Path, /, *, authority: Authority, authority_threshold: int = 0) -> None:
    """Make a directory for this node: node.toml, an example mapping.toml, keys, an empty ledger.

    Args:
        directory: the directory to be made.
        authority: files with the programme authority's public keys, obtained by your own channel.
        authority_threshold: how many of them must sign; all of them unless said otherwise.
    """
    from node import setup

    path = setup.init(
        directory, authority=authority, authority_threshold=authority_threshold or len(authority)
    )
    print(chosen.words("init.done", path=path))


def enrol(invitation: Path | None = None, /, *, wait_minutes: float = 60) -> None:
    """Enrol this node with an invitation. May be repeated.

    Args:
        invitation: the file with the invitation; not needed when repeating.
        wait_minutes: how long to wait for the confirmation.
    """
    from node import enrolment, identity

    if not 0 <= wait_minutes <= LONGEST_WAIT:  # nan is neither
        raise DocumentError("--wait-minutes", [f"write a number of minutes from 0 to {LONGEST_WAIT}"])
    config = chosen.config()
    words, state = chosen.words, config.state_dir
    if invitation is None and identity.is_certified(state) and not identity.has_invitation(state):
        print(words("enrol.done", node=identity.enrolment(state).node))
        return
    held = enrolment.read_invitation(invitation) if invitation else identity.held_invitation(state)
    print(f"{words('enrol.root')}\n  {identity.describe_certificate(held.root.encode())}")
    fingerprint = enrolment.request(config, held)
    print(f"{words('enrol.fingerprint')}\n\n    {fingerprint}\n\n{words('enrol.waiting')}", flush=True)
    deadline = datetime.now(UTC) + timedelta(minutes=wait_minutes)
    pause_between = threading.Event()
    while not enrolment.collect(config):
        if datetime.now(UTC) >= deadline:
            raise LocalFault(words("enrol.not_yet"))
        print(".", end="", flush=True)
        pause_between.wait(ASK_SECONDS)
    print(f"\n{words('enrol.done', node=held.node)}")


def check(*, programme: str | None = None, period: str | None = None, values: bool = False) -> None:
    """Read the export and show what is understood of it. Shows exact figures, on this screen only.

    Args:
        programme: a signed programme (a file, or the start of its digest) to hold the mapping against.
        period: also show the exact tables of this period, such as 2025 or 2025Q3.
        values: also show the words without a code themselves.
    """
    from node import approving, form
    from node import check as checking
    from samentel.documents import programme as programmes

    config = chosen.config()
    form.inspect(config.mapping)
    wanted = Period.parse(period) if period else None
    if wanted and programme is None:
        raise LocalFault("--period needs --programme: the tables are the programme's")
    shown = None
    if programme is not None:
        envelope = approving.find_programme(config, programme)
        shown = programmes.verify(envelope, config.authority, config.authority_threshold)
        if wanted and not shown.admits(wanted):
            raise DocumentError("period", [f"the programme counts by {shown.period}, {wanted} is none"])
    for line in checking.lines(config, shown, wanted, chosen.words, values=values):
        print(line)


def approve(
    programme: str,
    /,
    *,
    by: str = "",
    until: str = "",
    rho_cap: str = "",
    individual: bool = False,
    small_level: Annotated[list[str] | None, Parameter(negative=())] = None,
    yes: bool = False,
) -> None:
    """Show a programme in plain words and approve it for the institution.

    Args:
        programme: the signed programme: a file, or the start of its digest.
        by: who approves; the user's name unless said otherwise.
        until: up to and including which day, such as 2026-12-31; a year unless said otherwise.
        rho_cap: the most that it may cost a reporting year; all its attempts unless said otherwise.
        individual: agree that the coordinator sees this institution's own tables.
        small_level: agree to the publication of a level that few institutions can fill, such as
            facility:COSM; once for each.
        yes: ask nothing.
    """
    from node import approving, explain
    from samentel.documents import programme as programmes
    from samentel.documents.programme import Mode

    config = chosen.config()
    words = chosen.words
    envelope = approving.find_programme(config, programme)
    shown = programmes.verify(envelope, config.authority, config.authority_threshold)
    cap = _exact(rho_cap) if rho_cap else shown.rho * shown.max_attempts
    end = _end_of(until) if until else datetime.now(UTC) + timedelta(days=365)
    rostered, small = approving.rostered(config), tuple(small_level or ())
    asked = approving.small_levels_asked(config, shown)
    approving.refuse_unasked(small, asked)  # before it is shown as agreed to
    mine = approving.own_institution(config)
    for line in explain.programme(shown, words, rostered, config.caps.local, mine):
        print(line)
    for line in explain.small_levels(shown, asked, rostered, words):
        print(line)
    print(f"\n{explain.consequences(config, cap, end, words, small)}\n", flush=True)
    if shown.mode is Mode.INDIVIDUAL and not individual:
        raise Refusal(Reason.MODE_NOT_APPROVED, words("approve.individual"))
    if not set(asked.needed) <= set(small):
        raise Refusal(Reason.SMALL_LEVEL, words("approve.small", options=approving.options(asked.needed)))
    if not yes and not _agreed(words("approve.ask")):
        raise LocalFault(words("approve.no"))
    who = by or _user()
    approving.approve(
        config,
        envelope,
        approved_by=who,
        rho_cap=cap,
        expires_at=end,
        individual=individual,
        small_levels=small,
    )
    print(words("approve.done"))


def withdraw(programme: str, /, *, by: str = "") -> None:
    """Take back the approval of a programme. What was spent stays spent.

    Args:
        programme: the programme: a file, or the start of its digest.
        by: who withdraws; the user's name unless said otherwise.
    """
    from node import approving
    from samentel.documents import programme as programmes

    config = chosen.config()
    named = programmes.parse(approving.find_programme(config, programme).payload)
    approving.withdraw(config, named.digest, withdrawn_by=by or _user())
    print(chosen.words("withdraw.done"))


def run() -> None:
    """Run the node until SIGTERM or Ctrl-C. Its log (JSON lines) goes to stderr."""
    import asyncio

    from node import daemon

    asyncio.run(daemon.serve(chosen.config()))


def status(*, json: bool = False) -> None:
    """Show what the node is doing.

    Args:
        json: as JSON.
    """
    from node import overview

    config = chosen.config()
    shown = overview.status(config)
    if json:
        print(jsonlib.dumps(shown, indent=1, default=str))
    else:
        for line in overview.status_lines(shown, chosen.words):
            print(line)


def complaint(round: str, /, *, out: Path = Path("complaint.json")) -> None:
    """Write what proves that the coordinator took our counts and left them out of a sum.

    Args:
        round: the round, or the start of its id, as `status` shows it.
        out: the file to write, for the programme authority.
    """
    from node import receipts

    receipts.write_complaint(chosen.config(), round, out)
    print(chosen.words("complaint.done", path=out))


def receipt(round: str, /, *, out: Path = Path("receipt.json")) -> None:
    """Write what we hold of a round: whoever checks a release finds us in it with this.

    Args:
        round: the round, or the start of its id, as `status` shows it.
        out: the file to write, for whoever checks a release.
    """
    from node import witness

    witness.write(chosen.config(), round, out)
    print(chosen.words("receipt.done", path=out))


def show(*, json: bool = False) -> None:
    """Show the ledger: what was promised, refused, spent and published.

    Args:
        json: as JSON, one line an entry.
    """
    from node import overview

    config = chosen.config()
    entries = overview.entries(config)
    if json:
        for body in overview.read(entries):
            print(to_bytes(body).decode())
        return
    for line in overview.ledger_lines(config, entries, chosen.words):
        print(line)


def verify() -> None:
    """Check the chain of the ledger; names every entry that was changed."""
    from node import overview

    entries = overview.entries(chosen.config())
    problems = ledgers.verify(entries)
    if problems:
        raise DocumentError("ledger", problems)
    head = ledgers.head(entries)
    print(chosen.words("ledger.holds", entries=head.length, head=head.digest))


def pause(*, reason: str = "") -> None:
    """Take part in nothing, also after a restart.

    Args:
        reason: why, for your own record.
    """
    from node import control, halting
    from node.store import InUse, Store

    config = chosen.config()
    if not reason.isprintable() or len(reason) > halting.LONGEST_REASON:
        raise DocumentError("--reason", [f"write one line of at most {halting.LONGEST_REASON} characters"])
    try:
        with Store.open(config.state_dir) as store:
            halting.pause(store, reason)
    except InUse:
        control.pause(config.control_socket, reason)
    print(chosen.words("paused"))


def resume(*, yes: bool = False) -> None:
    """Take part again.

    Args:
        yes: ask nothing.
    """
    from node import control, halting
    from node.store import InUse, Reader, Store

    config = chosen.config()
    with Reader.open_read_only(config.state_dir) as reader:
        rolled_back = halting.halted(reader) is Reason.ROLLBACK_DETECTED
    if rolled_back and not yes and not _agreed(chosen.words("resume.ask")):
        raise LocalFault(chosen.words("paused"))
    try:
        with Store.open(config.state_dir) as store:
            halting.resume(store)
    except InUse:
        control.resume(config.control_socket)
    print(chosen.words("resumed"))


def doctor() -> None:
    """Find out why the node does not work: configuration, ledger, certificate, connection."""
    from node import doctor as examination

    config = chosen.config()
    ill = 0
    for what, wrong in examination.findings(config):
        ill += bool(wrong)
        print(f"{what}: {wrong or chosen.words('doctor.fine')}", flush=True)
    if ill:
        sys.exit(1)


def _agreed(question: str) -> bool:
    try:
        return chosen.words.is_yes(input(question))
    except EOFError:
        raise LocalFault("nobody is there to answer: say --yes if you mean it") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run under a number without a name
        raise LocalFault("this user has no name on this machine: say who it is with --by NAME") from None


def _exact(text: str) -> Fraction:
    try:
        if RHO.fullmatch(text):  # first: of 1e10000000 a Fraction would fill the memory
            return Fraction(text)
    except ZeroDivisionError:
        pass
    raise DocumentError("--rho-cap", ["write an exact number of at most 12 digits, such as 1/2 or 0.25"])


def _end_of(day: str) -> datetime:
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise DocumentError("--until", ["write a day up to 9999-12-30, such as 2026-12-31"]) from None
