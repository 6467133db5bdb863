"""The command ``samentel``: a thin door; what it does is in the modules beside it.

Heavy parts load only when their command is called: ``samentel plan`` needs no
gRPC, and ``samentel flow``, ``samentel demo`` and ``samentel rehearse`` live on
floors above this one and are named by text only.
"""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter, Token

from desk.command_words import COMPARE, COUNTERSIGN, PLAN, RELEASES, SECTOR, SHARES, VERIFY
from samentel import __version__
from samentel.errors import LocalFault, SamentelError

if TYPE_CHECKING:
    from samentel.documents.keys import VerifyKey

Language = Literal["nl", "en"]
Flag = Annotated[bool, Parameter(negative="")]
Files = Annotated[list[Path] | None, Parameter(consume_multiple=True)]
Names = Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")]
ENVIRONMENT = "SAMENTEL_CREDENTIALS"


def _whole(_: object, tokens: Sequence[Token]) -> int:
    """A number as it stands: by itself, the command line would round 1.4 to 1."""
    written = tokens[0].value
    try:
        return int(written)
    except ValueError:
        raise ValueError(f"{written!r} is not a whole number") from None


Whole = Annotated[int, Parameter(converter=_whole)]
Nodes = Annotated[int | None, Parameter(name=("--nodes", "--institutions"), converter=_whole)]

# Where an optional part comes from, by the first name in its import path.
EXTRAS = {"prefect": "flows", "fastapi": "flows", "sqlalchemy": "aggregator", "jinja2": "publish"}

app = App(
    name="samentel",
    version=__version__,
    help="Count together: national figures from records that stay at the care institutions.",
    help_format="plaintext",
)
keys_app = App(
    name="keys", help="Make keys at your own desk; private halves never leave it.", help_format="plaintext"
)
rehearse_app = App(
    name="rehearse",
    help="Rehearse with people who do not exist: a made-up sector and its true tables.",
    help_format="plaintext",
)
flow_app = App(
    name="flow", help="Run national rounds with Prefect: now, or by the calendar.", help_format="plaintext"
)
app.command(keys_app)
app.command(flow_app)
app.command(rehearse_app)
app.command("desk.releases.release_cli:verify", name="verify", help=VERIFY)
app.command("desk.releases.release_cli:compare", name="compare", help=COMPARE)
app.command("desk.releases.release_cli:countersign", name="countersign", help=COUNTERSIGN)
app.command("desk.releases.release_cli:releases", name="releases", help=RELEASES)
app.command("desk.planning.plan_cli:plan", name="plan", help=PLAN)
app.command("desk.planning.plan_cli:shares", name="shares", help=SHARES)
flow_app.command("flows.cli:run", name="run", help="Run the round of one period now, and publish it.")
flow_app.command(
    "flows.cli:serve", name="serve", help="Run rounds by the calendar, with Prefect's page to watch them."
)
app.command(
    "rehearsal.cli:demo",
    name="demo",
    help="A whole federation on this machine, with made-up people: two releases, two nodes that are killed.",
)
rehearse_app.command(
    "rehearsal.cli:sector",
    name="sector",
    help=SECTOR,
)


def main() -> None:
    """Run the command line; every mistake of a user is one line on stderr and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(
                errors="replace"
            )  # a name that this terminal cannot write is no reason to stop
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read along has left, as with "| head"; Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except SamentelError as error:
        sys.exit(f"samentel: {error}")
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        sys.exit(f"samentel: this command needs more than is installed; run: pip install 'samentel[{extra}]'")
    except KeyboardInterrupt:
        sys.exit(130)


def language(chosen: Language | None) -> Language:
    """The language asked for, or that of the environment; Dutch unless that says English."""
    if chosen is not None:
        return chosen
    return "en" if os.environ.get("LC_ALL", os.environ.get("LANG", "nl")).startswith("en") else "nl"


def credentials_directory(given: Path | None) -> Path:
    """The credentials directory given, or that of the environment."""
    if given is not None:
        return given
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    raise LocalFault(f"which credentials? Give --credentials DIR, or set {ENVIRONMENT}")


@keys_app.command(name="new")
def keys_new(name: str, *, out: Path = Path()) -> None:
    """Make a signing key for the programme authority: NAME.key.pem and NAME.pub.pem.

    Example:  samentel keys new rapporteur --out keys/

    Args:
        name: a short name, part of the file names.
        out: the directory to write to.
    """
    from desk import keys

    made = keys.new(name, out)
    print(f"private key, keep it: {made.private}\npublic key, hand it over: {made.public}")
    print(f"fingerprint to read out: {made.fingerprint}")


@keys_app.command(name="request")
def keys_request(name: str, *, out: Path) -> None:
    """Make a reader's or administrator's key, and a certificate request for the coordinator.

    Example:  samentel keys request "CBS, team veiligheid" --out credentials/

    Args:
        name: who will hold the certificate.
        out: the credentials directory; the coordinator's files go there later, beside key.pem.
    """
    from desk import keys

    made = keys.request(name, out)
    print(f"private key, keep it: {made.private}\nsend this to the coordinator: {made.public}")
    print(f"fingerprint to read out: {made.fingerprint}")


@app.command
def programme(name: str, *, out: Path | None = None) -> None:
    """Write out a programme that comes with this software, to read, change and sign.

    Example:  samentel programme aanleiding-demo --out programme.toml

    Args:
        name: its short name.
        out: the file to write; by default NAME.toml.
    """
    from desk import files
    from desk.packaged import packaged

    path = out or Path(f"{name}.toml")
    files.write(path, packaged(name), replace=False)
    print(path)


@app.command
def sign(file: Path, *, key: Files = None, out: Path | None = None) -> None:
    """Sign a programme or public figures (.toml), a roster (.json), or what is signed already (.dsse.json).

    Example:  samentel sign programme.toml --key cbs.key.pem --key rapporteur.key.pem
    Example:  samentel sign programme.toml.dsse.json --key rapporteur.key.pem

    Args:
        file: what to sign; it is checked first.
        key: a private key; may be given more than once.
        out: the signed file; by default FILE.dsse.json.
    """
    from desk import keys, signing

    signed = signing.sign(file, [keys.read_signing(path) for path in key or []], out)
    print("\n".join(signing.described(signed.document)))
    print(f"{signed.path}: {len(signed.envelope.signatures)} signature(s)")


@app.command
def pull(
    release: str = "latest",
    *,
    credentials: Path | None = None,
    out: Path | None = None,
    format: Literal["csv", "parquet", "all"] = "all",
    table: str | None = None,
    list_: Annotated[bool, Parameter(name="--list", negative="")] = False,
    lang: Language | None = None,
) -> None:
    """Fetch a release, check every byte of it, write it, and show its tables.

    Example:  samentel pull --list --credentials credentials/
    Example:  samentel pull latest --credentials credentials/ --out release/
    Example:  samentel pull latest --credentials credentials/ --table reason-organisation

    Args:
        release: its id, or latest.
        credentials: your credentials directory; by default SAMENTEL_CREDENTIALS.
        out: the directory to write to; by default one named after the release.
        format: which of the tables' files to fetch.
        table: show this table only; by default the totals and every table of one dimension.
        list_: only list the releases there are.
        lang: nl or en.
    """
    from desk.releases import beside, reading
    from desk.releases import pull as pulling

    holder = pulling.read_credentials(credentials_directory(credentials))
    if list_:
        with pulling.connect(holder) as reader:
            for entry in reader.releases():
                print(f"{entry.release_id}\t{entry.programme_id}\t{entry.period}\t{entry.published_at}")
        return
    pulled = pulling.pull(holder, release, out, format)
    lines = beside.of_files(pulled.paths, pulled.manifest)
    show(reading.whole(pulled.manifest, pulled.figures, language(lang), table, lines))
    for path in pulled.paths:
        print(path)


@app.command
def report(
    release: Path,
    *,
    lang: Literal["nl", "en", "both"] = "both",
    out: Path | None = None,
    coordinator: str | None = None,
    credentials: Path | None = None,
) -> None:
    """Make a page to read of a release that was fetched: report.nl.html and report.en.html.

    Every file is checked against the manifest first. With a key, or with SAMENTEL_CREDENTIALS set, also the
    coordinator's signature.

    Example:  samentel report release/
    Example:  samentel report release/ --lang nl --out page/

    Args:
        release: the directory of the release.
        lang: nl, en or both.
        out: the directory to write to; by default one named report/ in that of the release. The pages link
            to the release's files where they are.
        coordinator: the coordinator's public key, 64 hexadecimal digits.
        credentials: take the coordinator's key from this credentials directory.
    """
    from desk.releases import report as reporting

    keyed = coordinator is not None or credentials is not None or ENVIRONMENT in os.environ
    key = coordinator_key(coordinator, credentials) if keyed else None
    languages = reporting.LANGUAGES if lang == "both" else (lang,)
    for path in reporting.write(release, out or release / reporting.FOLDER, languages, coordinator=key):
        print(path)
    if key is None:
        print("its files are what the manifest says; who signed that was not checked: give --credentials")


@app.command
def combine(
    annual: Path,
    quarters: list[Path],
    /,
    *,
    coordinator: str | None = None,
    credentials: Path | None = None,
    json: Flag = False,
    lang: Language | None = None,
) -> None:
    """Combine the release of a year with those of its four quarters, where both count the same persons.

    What cannot be combined is refused, with every reason.

    Example:  samentel combine year/ q1/ q2/ q3/ q4/ --credentials credentials/

    Args:
        annual: the directory of the release of the year.
        quarters: those of its four quarters, in order.
        coordinator: the coordinator's public key, 64 hexadecimal digits.
        credentials: take the coordinator's key from this credentials directory.
        json: print every table as JSON instead of those of one dimension.
        lang: nl or en.
    """
    from desk.releases import combine as combining

    if len(quarters) != 4:
        raise LocalFault("a year has four quarters: give the directories of five releases")
    found = combining.combine(annual, quarters, coordinator_key(coordinator, credentials))
    if json:
        print_json(combining.as_values(found))
    else:
        show(combining.page(found, language(lang)))


@app.command(name="public-figures")
def public_figures(*, out: Path = Path("public.toml")) -> None:
    """Write out public figures, such as places in shelter, for the authority to complete and sign.

    Example:  samentel public-figures --out public.toml

    Args:
        out: the file to write.
    """
    from desk import files
    from desk.public_figures import packaged

    files.write(out, packaged(), replace=False)
    print(out)


def coordinator_key(given: str | None, credentials: Path | None) -> "VerifyKey":
    """The key that signs releases: the one given, or that of the credentials."""
    from desk.releases.pull import read_credentials
    from samentel.documents.keys import VerifyKey

    if given is None:
        return read_credentials(credentials_directory(credentials)).coordinator
    try:
        return VerifyKey(bytes.fromhex(given))
    except ValueError:
        raise LocalFault("--coordinator takes a public key of 64 hexadecimal digits") from None


def authority_keys(
    authority: list[Path] | None, threshold: int | None, credentials: Path | None
) -> "tuple[tuple[VerifyKey, ...], int]":
    """The authority's keys and how many must have signed: those given, or those of the credentials."""
    from desk import keys
    from desk.releases.pull import read_authority

    if authority:
        found, stated = keys.read_verify(authority), len(authority)
    else:
        found, stated = read_authority(credentials_directory(credentials))
    needed = stated if threshold is None else threshold
    if not 1 <= needed <= len(found):
        raise LocalFault(
            f"--threshold {needed}: with {len(found)} keys, write a number from 1 to {len(found)}"
        )
    return found, needed


def say(line: object) -> None:
    """Print a line as it is."""
    print(line)


def print_json(values: object) -> None:
    """Print values as JSON."""
    from json import dumps

    print(dumps(values, indent=2))


def show(what: object) -> None:
    """Print what a page or a table is made of, as wide as the terminal is."""
    from desk import screen

    screen.console().print(what)
