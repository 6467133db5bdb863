"""A round by hand: what ``samentel-aggregator round`` and ``release`` do over the control calls.

Prints for a person; needs the daemon and an administrator's credentials, and
no Prefect.
"""

import re
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from aggregator.client import Coordinator
from aggregator.progress import SHORT, clock, cost_of, ending, in_sum, is_sum, news, step_of
from samentel.documents import programme as programmes
from samentel.documents.envelope import open_envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.model import from_json
from samentel.documents.statements import payload_type
from samentel.errors import LocalFault
from samentel.figures.manifest import Manifest
from samentel.ids import DIGEST, Period
from samentel.wire.messages import RoundPhase, RoundStatus

LOOK_SECONDS = 1.0
LEAST_TYPED = 4  # characters of a round id: fewer may mean another round tomorrow
RELEASE_NAME = re.compile(r"[a-z0-9][a-zA-Z0-9._-]{0,99}")  # as the contract has it
_OPEN = (RoundPhase.GATHERING, RoundPhase.COLLECTING)
_OVER = (RoundPhase.PUBLISHED, RoundPhase.ABANDONED)

# What is printed may hold words that somebody typed, such as a reason: no brackets of theirs are orders.
console = Console(
    width=None if sys.stdout.isatty() else 200, soft_wrap=True, highlight=False, markup=False, emoji=False
)


def connected(config: Path, credentials: Path | None) -> Coordinator:
    """The coordinator, with the given credentials or those that ``init`` made beside the configuration.

    Raises:
        LocalFault: there are none; the text says how to name others.
    """
    place = credentials or config.absolute().parent / "admin"
    if not place.is_dir():
        raise LocalFault(
            f"{place} is not a credentials directory: name it with --credentials, or the coordinator's "
            "aggregator.toml with --config"
        )
    return Coordinator.connect(place)


def run(coordinator: Coordinator, programme: str, period: str, *, attempt: int, enough: int) -> None:
    """Open a round, wait, collect, wait, publish.

    Args:
        enough: go on when so many are present; 0 for all.

    Raises:
        LocalFault: a number that cannot be; or the round was abandoned, and the text says what it cost and
            what to do.
    """
    if enough < 0:
        raise LocalFault(f"--enough {enough}: give 1 or more; without it the round waits for all")
    period = str(Period.parse(period))
    digest = _programme(coordinator, programme)
    envelope = coordinator.programme(digest)
    programmes.verify(envelope, coordinator.authority, coordinator.endpoint.authority_threshold)
    status = coordinator.open_round(digest, period, attempt)
    console.print(
        f"round {status.round_id[:SHORT]}, attempt {status.attempt}, {len(status.invited)} institutions"
    )
    said = ""
    while status.phase in _OPEN:
        if (line := news(status)) != said:
            console.print(line)
            said = line
        wanted = enough or len(status.invited)
        if status.phase is RoundPhase.GATHERING and len(status.present) >= max(
            wanted, status.institutions_min
        ):
            status = coordinator.collect(status.round_id)
            continue
        time.sleep(LOOK_SECONDS)
        status = coordinator.round(status.round_id)
    if status.phase is RoundPhase.SUMMED:
        status = coordinator.publish(status.round_id)
    if status.phase is RoundPhase.ABANDONED:
        raise LocalFault(ending(status, programme))
    console.print(f"published: {status.release_id} ({len(in_sum(status))} institutions in the sum)")


def show(coordinator: Coordinator, round_id: str) -> None:
    """Print one round in full, or a line for each."""
    if round_id:
        _print_round(_find(coordinator, round_id))
        return
    round_ = Column("round", min_width=SHORT, no_wrap=True)
    table = Table(
        round_,
        "period",
        "attempt",
        "phase",
        "invited",
        "present",
        "arrived",
        "in the sum",
        "release",
        box=None,
    )
    for status in coordinator.rounds():
        names = (status.invited, status.present, status.arrived, in_sum(status))
        table.add_row(
            status.round_id[:SHORT],
            status.period,
            str(status.attempt),
            _phase(status),
            *(str(len(which)) for which in names),
            status.release_id or "-",
        )
    console.print(table)


def abandon(coordinator: Coordinator, round_id: str, reason: str, *, sure: bool) -> bool:
    """Say what it costs to end a round without a release, and end it unless somebody pays and nobody is sure.

    Args:
        sure: whoever asks accepts that what institutions have spent is spent for nothing.

    Returns:
        Whether the round has ended.
    """
    status = _find(coordinator, round_id)
    if status.phase not in _OVER:
        foreseen = cost_of(status)
        console.print(f"{news(status)}\n{foreseen}")
        if not foreseen.nothing and not sure:
            return False
    ended = coordinator.abandon(status.round_id, reason)
    if status.phase is RoundPhase.ABANDONED:
        console.print(
            f"round {ended.round_id[:SHORT]} was abandoned before: {ended.reason}. {cost_of(ended)}"
        )
        return True
    before, after = cost_of(status), cost_of(ended)
    # Institutions go on until they hear of it: between the look and the end the price may have risen.
    rose = (after.spent, after.perhaps) != (before.spent, before.perhaps)
    console.print(f"round {ended.round_id[:SHORT]} is abandoned.{f' {after}' if rose else ''}")
    return True


def releases(coordinator: Coordinator) -> None:
    """Print a line for each release."""
    table = Table("release", "programme", "period", "published", "superseded by", "errata", box=None)
    for summary in coordinator.releases():
        table.add_row(
            summary.release_id,
            summary.programme_id,
            summary.period,
            summary.published_at,
            summary.superseded_by or "-",
            str(len(summary.errata) or "-"),
        )
    console.print(table)


def release(coordinator: Coordinator, release_id: str) -> None:
    """Print what a release says of itself, its signature verified."""
    if RELEASE_NAME.fullmatch(release_id) is None:
        raise LocalFault(
            f"{release_id[:100]!r} is not the name of a release; see: samentel-aggregator release list"
        )
    key = VerifyKey(bytes.fromhex(coordinator.endpoint.coordinator_key))
    payload = open_envelope(coordinator.manifest(release_id), payload_type("release"), [key])
    manifest = from_json(Manifest, payload, "release manifest")
    table = Table(show_header=False, box=None)
    coverage, privacy = manifest.coverage, manifest.privacy
    table.add_row("release", manifest.release_id)
    table.add_row("title", f"{manifest.title.nl} / {manifest.title.en}")
    table.add_row("period", f"{manifest.period}, attempt {manifest.attempt}")
    table.add_row("published", manifest.published_at.isoformat())
    table.add_row("programme", manifest.programme)
    table.add_row("in the sum", f"{', '.join(coverage.in_sum)} (of {len(coverage.invited)} invited)")
    table.add_row(
        "privacy", f"rho {privacy.rho_spent}; epsilon {privacy.epsilon_upper:.3g} at delta {privacy.delta}"
    )
    table.add_row("tables", ", ".join(table_.id for table_ in manifest.tables))
    for file in manifest.files:
        table.add_row("file", f"{file.name}  {file.bytes} bytes  sha256 {file.sha256}")
    console.print(table)


def _programme(coordinator: Coordinator, name: str) -> str:
    known = coordinator.programmes()
    if DIGEST.fullmatch(name):
        return name
    versions = [summary for summary in known if summary.id == name]
    if not versions:
        names = ", ".join(sorted({summary.id for summary in known})) or "none is in force"
        raise LocalFault(f"there is no programme {name} in force; known: {names}")
    return max(versions, key=lambda summary: summary.version).digest


def _find(coordinator: Coordinator, start: str) -> RoundStatus:
    if DIGEST.fullmatch(start):
        return coordinator.round(start)
    if len(start) < LEAST_TYPED:
        raise LocalFault(
            f"{start!r} is too short for a round: give at least the first {LEAST_TYPED} characters of its "
            "id; see: samentel-aggregator round show"
        )
    found = [status for status in coordinator.rounds() if status.round_id.startswith(start)]
    if len(found) != 1:
        raise LocalFault(
            f"{len(found)} rounds have an id that starts with {start}; see: samentel-aggregator round show"
        )
    return found[0]


def _print_round(status: RoundStatus) -> None:
    table = Table(show_header=False, box=None)
    table.add_row("round", status.round_id)
    table.add_row("programme", status.programme_digest)
    table.add_row("period", f"{status.period}, attempt {status.attempt}")
    table.add_row("mode", status.mode.replace("-", " "))
    table.add_row("phase", _phase(status))
    table.add_row("invited", f"{len(status.invited)}, at least {status.institutions_min} are needed")
    table.add_row("gathering until", clock(status.gather_until))
    if not is_sum(status):
        table.add_row("collecting until", clock(status.collect_until))
    for title, names in _stations(status):
        table.add_row(title, f"{len(names)}: {', '.join(names) or '-'}")
    if step := step_of(status):
        table.add_row("waited for", ", ".join(step.awaited) or "-")
        table.add_row("until", clock(step.until) or "-")
    cost = cost_of(status)
    table.add_row("has spent", f"{len(cost.spent)}: {', '.join(cost.spent) or '-'}")
    if cost.perhaps:
        table.add_row("may have spent", f"{len(cost.perhaps)}: {', '.join(cost.perhaps)}")
    table.add_row("reason", status.reason or "-")
    table.add_row("release", status.release_id or "-")
    console.print(table)


def _stations(status: RoundStatus) -> Iterator[tuple[str, Sequence[str]]]:
    """Who has come how far, in the order of a round."""
    yield "present", status.present
    if not is_sum(status):
        yield "arrived", status.arrived
        return
    yield "keys", status.listed
    yield "dealings", status.dealt
    yield "masked counts", status.arrived
    yield "survivors", status.survivors
    yield "agreed", status.agreed


def _phase(status: RoundStatus) -> str:
    phase = status.phase.name.lower()
    step = step_of(status)
    return phase if step is None or step.name == phase else f"{phase}: {step.name}"
