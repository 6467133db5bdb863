"""The command ``samentel-aggregator``. What it does is done elsewhere; here are words and arguments."""

import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from samentel.errors import SamentelError

if TYPE_CHECKING:
    from aggregator.config import Config

CONFIG_VARIABLE = "SAMENTEL_AGGREGATOR_CONFIG"
NEEDED = frozenset({"sqlalchemy"})  # what the extra "aggregator" brings

app = App(
    name="samentel-aggregator",
    help="""The national side of Samentel: enrol institutions, run rounds, publish releases.

For example:

    samentel-aggregator init central --address aggregator.example:7443 --authority cbs.pub.pem

    samentel-aggregator --config central/aggregator.toml serve

    samentel-aggregator --config central/aggregator.toml round run aanleiding-demo 2025
""",
    version_flags=["--version"],
    help_format="plaintext",
)
app["--help"].group = "Help"
app["--version"].group = "Help"

roster = App(name="roster", help="The list of institutions that the programme authority signs.")
rounds = App(name="round", help="Run a round by hand, or look at one. Flows do the same by themselves.")
app.command(roster)
app.command(rounds)
app.command("aggregator.release_cli:releases", name="release", help="What has been published.")
app.command(
    "aggregator.release_cli:figures",
    name="figures",
    help="Public figures that releases carry beside what was counted.",
)

Credentials = Annotated[
    Path | None,
    Parameter(help="An administrator's credentials directory; by default admin/ beside aggregator.toml."),
]

_chosen = {"config": Path("aggregator.toml")}


def main() -> None:
    """Entry point: one clear line on standard error for anything that a person can mend."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(
                errors="replace"
            )  # a name that this terminal cannot write is no reason to stop
    try:
        try:
            app.meta(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read along has left, as with "| head"; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except SamentelError as error:
        print(f"samentel-aggregator: {error}", file=sys.stderr)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        sys.exit(
            "samentel-aggregator: this needs more than a node has; run: pip install 'samentel[aggregator]'"
        )
    except KeyboardInterrupt:
        sys.exit(130)


@app.meta.default
def _with_config(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    config: Annotated[
        Path | None, Parameter(help="aggregator.toml; or set SAMENTEL_AGGREGATOR_CONFIG.")
    ] = None,
) -> None:
    _chosen["config"] = config or Path(os.environ.get(CONFIG_VARIABLE, "aggregator.toml"))
    app(tokens)


@app.command
def init(
    directory: Path,
    /,
    *,
    address: str,
    authority: Annotated[list[Path], Parameter(consume_multiple=True)],
    listen: str = "",
    host: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    authority_threshold: int = 0,
) -> None:
    """Set up the national side in an empty directory: keys, certificates, database, configuration.

    Example: samentel-aggregator init central --address aggregator.example:7443 --authority a.pem b.pem

    Parameters
    ----------
    address
        Host and port that nodes and readers are given.
    authority
        Files with the programme authority's public keys.
    listen
        Where the daemon listens; every address, on the port of --address, if not given.
    host
        Names and addresses that the server certificate is valid for; the host of --address if not given.
    authority_threshold
        How many of the authority's keys must have signed; all of them if not given.
    """
    from aggregator import setup

    name, _, port = address.rpartition(":")
    path = setup.init(
        directory,
        listen=listen or f"0.0.0.0:{port}",
        address=address,
        hosts=host or [name.strip("[]")],
        authority=authority,
        authority_threshold=authority_threshold or len(authority),
    )
    print(f"Set up in {directory}.")
    print(f"  configuration   {path}")
    print(f"  administrator   {directory / 'admin'}")
    print(f"  root key        {directory / 'state' / 'pki' / 'root.key.pem'}: move it off this machine")
    print(f"Next: samentel-aggregator --config {path} serve")


@app.command
def serve() -> None:
    """Run the daemon until it is told to stop (SIGTERM, or Ctrl-C).

    Example: samentel-aggregator --config central/aggregator.toml serve
    """
    from aggregator import daemon

    asyncio.run(daemon.serve(configured()))


@app.command
def invite(
    node: str,
    /,
    *,
    name: str,
    operator: str,
    type: str,
    province: str,
    facility: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    out: Path | None = None,
) -> None:
    """Invite an institution: writes an invitation file, to be handed over and kept secret until it is used.

    Type, province and kinds of places come onto the roster. They decide in which levels of a programme the
    institution can be counted, so the programme's words are used for them.

    Example: samentel-aggregator invite de-haven --name "Stichting De Haven" --operator "De Haven" \
--type VO_MO --province PV27 --facility VO_MO COSM

    Parameters
    ----------
    node
        Its short name: lower-case letters, digits and dashes.
    name
        Its full name, as it will be published.
    operator
        Who runs its node: itself, or its IT supplier.
    type
        Kind of institution, a code of the programme authority.
    province
        Province, a code of the programme authority.
    facility
        The kinds of places it has, codes of the programme authority; none if not given.
    out
        The file to write; NODE.invitation.json if not given.
    """
    from aggregator import authority, enrolment, files
    from samentel.documents.model import to_bytes

    made = enrolment.invite(
        configured(),
        node,
        name=name,
        operator=operator,
        type=type,
        province=province,
        facilities=facility or (),
    )
    path = out or Path(f"{node}.invitation.json")
    files.write(path, to_bytes(made) + b"\n", files.PRIVATE)
    print(f"Invitation written to {path}; it can be used once, until {made.expires_at:%Y-%m-%d %H:%M} UTC.")
    print("Root certificate, to compare by telephone (SHA-256):")
    print(f"  {authority.certificate_digest(made.root.encode())}")


@app.command
def confirm(node: str = "", fingerprint: Annotated[Sequence[str], Parameter(negative=())] = (), /) -> None:
    """Confirm an institution whose fingerprint was read out by telephone; without arguments, list who waits.

    Example: samentel-aggregator confirm de-haven 01234 56789 01234 56789 01234 56789

    Parameters
    ----------
    node
        Its short name.
    fingerprint
        The six groups that the institution reads out; with or without blanks.
    """
    from aggregator import enrolment

    config = configured()
    if node and fingerprint:
        enrolment.confirm(config, node, " ".join(fingerprint))
        print(f"{node} is confirmed and will fetch its certificate by itself.")
        print("Next: samentel-aggregator roster draft")
        return
    waiting = enrolment.pending(config)
    for name, digits in waiting:
        print(f"{name:<30} {digits}")
    print(f"{len(waiting)} waiting. Telephone the institution and let it read its fingerprint to you.")


@app.command
def revoke(role: Literal["node", "admin", "reader", "invitation"], id: str, /) -> None:
    """Make every certificate of a role and name worthless, from the next call on.

    Example: samentel-aggregator revoke reader cbs
    """
    from aggregator import enrolment

    enrolment.revoke(configured(), role, id)
    print(f"The {role} {id} is revoked." + (" Draft a new roster without it." if role == "node" else ""))


@app.command
def badge(role: Literal["admin", "reader"], name: str, request: Path, /, *, out: Path) -> None:
    """Make a credentials directory for somebody who keeps the private key.

    Example: samentel-aggregator badge reader cbs request.pem --out cbs

    Parameters
    ----------
    request
        The certificate request that the holder made with: samentel keys request.
    out
        The directory to write; the holder puts key.pem beside it.
    """
    from aggregator import enrolment, files

    enrolment.issue_badge(configured(), role, name, files.read(request), out)
    print(f"Credentials for {role} {name} written to {out}; its holder adds key.pem.")


@app.command
def publish(document: Path, /) -> None:
    """Put a signed programme or roster in force.

    Example: samentel-aggregator publish aanleiding-demo.dsse.json
    """
    from aggregator import documents, files
    from samentel.documents.envelope import from_json

    digest = documents.publish(configured(), from_json(files.read(document)))
    print(f"In force: {digest}")


@roster.command(name="draft")
def roster_draft(*, out: Path = Path("roster.json"), version: int | None = None) -> None:
    """Write the roster of all confirmed institutions, for the programme authority to sign.

    Example: samentel-aggregator roster draft --out roster.json

    Parameters
    ----------
    version
        The number to give it; one more than the roster in force if not given.
    """
    from aggregator import documents, files

    files.write(out, documents.draft_roster(configured(), version=version))
    print(f"Written to {out}. Next: samentel sign {out} --key ... and samentel-aggregator publish")


@rounds.command(name="run")
def round_run(
    programme: str,
    period: str,
    /,
    *,
    attempt: int = 0,
    enough: int = 0,
    credentials: Credentials = None,
) -> None:
    """Run a round from opening to release. Start it again after a stop: it goes on where it was.

    Each line says the step, how many of how many institutions, who is waited for and until when. A secure sum
    runs by itself once enough institutions are present.

    Example: samentel-aggregator round run aanleiding-demo 2025

    Parameters
    ----------
    programme
        Its short name (the highest version), or its digest.
    period
        A year such as 2025, or a quarter such as 2025Q3.
    attempt
        To be given after an abandoned attempt; it costs institutions a fresh charge.
    enough
        Go on as soon as this many institutions are present, 1 or more, instead of waiting for all until the
        deadline.
    """
    from aggregator import manual

    with manual.connected(config_path(), credentials) as coordinator:
        manual.run(coordinator, programme, period, attempt=attempt, enough=enough)


@rounds.command(name="show")
def round_show(round_id: str = "", /, *, credentials: Credentials = None) -> None:
    """Show all rounds; or one in full: who has come how far, who is waited for until when, who has spent.

    Example: samentel-aggregator round show

    Example: samentel-aggregator round show 3f2a

    Parameters
    ----------
    round_id
        The round, or at least the first four characters of its id.
    """
    from aggregator import manual

    with manual.connected(config_path(), credentials) as coordinator:
        manual.show(coordinator, round_id)


@rounds.command(name="abandon")
def round_abandon(
    round_id: str,
    /,
    *,
    reason: str,
    yes: Annotated[bool, Parameter(negative=())] = False,
    credentials: Credentials = None,
) -> None:
    """End a round without a release; says first what that costs which institutions.

    Until institutions agree to a secure sum nobody has spent anything. From then on they have spent privacy
    that nobody gives back: the command then does nothing without --yes, and ends with exit code 2.

    Example: samentel-aggregator round abandon 3f2a --reason "wrong code list"

    Example: samentel-aggregator round abandon 3f2a --reason "de-haven lost its keys" --yes

    Parameters
    ----------
    round_id
        The round, or at least the first four characters of its id.
    reason
        Why, for everybody who asks later; no names of people.
    yes
        What institutions have spent may be lost.
    """
    from aggregator import manual

    with manual.connected(config_path(), credentials) as coordinator:
        done = manual.abandon(coordinator, round_id, reason, sure=yes)
    if not done:
        again = shlex.join(("samentel-aggregator", *sys.argv[1:], "--yes"))
        print(f"Nothing has been done. To go through with it: {again}", file=sys.stderr)
        sys.exit(2)


@rounds.command(name="evidence")
def round_evidence(round_id: str, /, *, out: Path = Path("evidence.json")) -> None:
    """Write the proof against a member that dealt wrong seed shares, for the programme authority.

    It checks the file with its own keys: samentel verify evidence.json --authority KEYS

    Example: samentel-aggregator round evidence 3f2a --out evidence.json

    Parameters
    ----------
    round_id
        The round, or at least the first four characters of its id.
    out
        The file to write.
    """
    from aggregator import evidence, files

    node, data = evidence.against_dealer(configured(), round_id)
    files.write(out, data + b"\n")
    print(f"Written to {out}: {node} dealt wrongly. The authority checks it with: samentel verify {out}")


def config_path() -> Path:
    """The coordinator's aggregator.toml, as chosen on the command line or in the environment."""
    return _chosen["config"]


def configured() -> "Config":
    """What it says."""
    from aggregator import config

    return config.load(config_path())


if __name__ == "__main__":
    main()
