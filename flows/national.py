"""The national release: one page, one task a phase, every step safe to repeat.

Prefect stores what a flow is given, says and fails with. So parameters are ids,
results are kept nowhere, and artifacts show names, times and published tables.
A flow that is killed is simply run again: the coordinator's store knows where
the round stands. What a phase waits for may be over before it is asked: then
it says nothing and the next one looks.
"""

import csv
import io
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from prefect import State, Task, flow, runtime, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from aggregator.client import Coordinator, ending, news
from flows import periods, settings
from samentel.documents import programme as programmes
from samentel.documents.envelope import open_envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.model import from_json
from samentel.documents.programme import Mode, Programme
from samentel.documents.statements import payload_type
from samentel.errors import DocumentError, LocalFault, PeerError, SamentelError
from samentel.figures.manifest import Manifest
from samentel.ids import DIGEST, digest
from samentel.wire.messages import RoundPhase, RoundStatus, SumPhase

SOON, LATER = 0.5, 30.0  # seconds between two looks at a round: short at first, then rare
DELAYS: list[float] = [2, 10, 30, 60, 300]  # seconds before each new try of a phase

P = ParamSpec("P")
R = TypeVar("R")

FIGURES = "tables.csv"  # of the files of a release, the one with every figure

say = logging.getLogger(settings.PROGRESS)
say.setLevel(logging.INFO)  # also in the processes that Prefect starts


class RoundEnded(SamentelError):
    """The round ended without a release; the text says why, what it cost, and what to do."""


def phase(name: str, retries: int = len(DELAYS)) -> Callable[[Callable[P, R]], Task[P, R]]:
    """One phase of a round as a Prefect task: nothing of it is kept, and a lost line is tried again."""
    return task(
        name=name,
        persist_result=False,
        cache_policy=NO_CACHE,
        retries=retries,
        retry_delay_seconds=DELAYS[:retries],
        retry_condition_fn=_is_worth_another_try,
    )


def _is_worth_another_try(_task: object, _run: object, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    # A line that breaks may hold later; a refusal says the same thing twice.
    if not isinstance(error, PeerError | LocalFault):
        return False
    say.warning("trying again: %s", error)
    return True


# Prefect 3.8 writes the error of a failed flow to its storage whatever it is told: as readable text, then,
# rather than as a pickle that runs whatever somebody put there.
@flow(name="national-release", persist_result=False, result_serializer="json")
def national_release(programme: str, period: str | None = None, attempt: int = 0) -> str:
    """Publish the national tables of one programme for one period.

    Args:
        programme: its id, or the digest of its signed bytes.
        period: such as 2025 or 2025Q3; by default the last one that was over when this run was due.
        attempt: to be given after an abandoned attempt, since it costs institutions a fresh charge; 0 for the
            round that is open or published, or the first.

    Returns:
        The id of the release.
    """
    asked, period, mode = verify_programme(programme, period)
    round_id = open_round(asked, period, attempt)
    await_presence(round_id)
    collect(round_id)
    if mode is Mode.SECURE_SUM:
        await_keys(round_id)
        await_dealings(round_id)
        await_masked_counts(round_id)
        await_agreement(round_id)
    await_sum(round_id)
    release = publish(round_id)
    show(release)
    return release


@phase("verify programme", retries=1)  # whoever gave wrong credentials need not wait for minutes
def verify_programme(name: str, period: str | None) -> tuple[str, str, Mode]:
    """The digest of the programme, its authority's signatures checked; the period; the mode."""
    with coordinator() as national:
        found = verified(national, name if DIGEST.fullmatch(name) else _newest(national, name))
    due = runtime.flow_run.scheduled_start_time or datetime.now(UTC)
    chosen = periods.chosen(period, found.period, due)
    say.info("programme %s, version %s, for %s: signatures hold", found.id, found.version, chosen)
    return found.digest, str(chosen), found.mode


@phase("open round")
def open_round(programme_digest: str, period: str, attempt: int = 0) -> str:
    """The round of this programme and period: opened now, or found where it stands."""
    with coordinator() as national:
        status = national.open_round(programme_digest, period, attempt)
    say.info("round %s, attempt %s: %s", status.round_id[:12], status.attempt, status.phase.name.lower())
    return status.round_id


@phase("await presence")
def await_presence(round_id: str) -> None:
    """Wait until every institution on the roster is present, or the gathering time is over."""
    _wait(round_id, lambda status: status.phase > RoundPhase.GATHERING or _all_present(status))


@phase("collect")
def collect(round_id: str) -> None:
    """End the gathering, which begins the sum; nothing happens if that has been done."""
    with coordinator() as national:
        status = national.round(round_id)
        if status.phase is RoundPhase.GATHERING:
            status = national.collect(round_id)
    say.info("%s of %s institutions take part", len(status.present), len(status.invited))


@phase("await keys")
def await_keys(round_id: str) -> None:
    """Wait until every institution present has handed in its keys for this round, or their time is over."""
    _wait(round_id, _beyond(SumPhase.ADVERTISING))


@phase("await dealings")
def await_dealings(round_id: str) -> None:
    """Wait until every institution listed has shared its secrets among the others, or their time is over."""
    _wait(round_id, _beyond(SumPhase.SHARING))


@phase("await masked counts")
def await_masked_counts(round_id: str) -> None:
    """Wait for masked counts until the coordinator proposes a sum over those that arrived and are awake."""
    _wait(round_id, _beyond(SumPhase.MASKING))


@phase("await agreement")
def await_agreement(round_id: str) -> None:
    """Wait until every institution in the proposed sum has signed it; from here on each of them is needed."""
    _wait(round_id, _beyond(SumPhase.AGREEING))


@phase("await sum")
def await_sum(round_id: str) -> None:
    """Wait until the coordinator knows the national sum."""
    say.info("%s", news(_wait(round_id, lambda status: status.phase > RoundPhase.COLLECTING)))


@phase("publish")
def publish(round_id: str) -> str:
    """Publish; a round that has been published answers with the same release."""
    with coordinator() as national:
        status = national.publish(round_id)
    say.info("published as %s", status.release_id)
    return status.release_id


@phase("show")
def show(release_id: str) -> None:
    """Put the release on Prefect's page: who took part, and the tables as published, nothing else."""
    with coordinator() as national:
        manifest = verified_manifest(national, release_id)
        rows = released_rows(national, manifest)
    key = release_id.replace(".", "-").replace("_", "-")
    create_markdown_artifact(key=key, markdown=_markdown(manifest), description=manifest.title.en)
    create_table_artifact(key=f"{key}-tables", table=rows, description=manifest.interval.en)


def coordinator() -> Coordinator:
    """A line to the coordinator with the administrator's credentials."""
    return Coordinator.connect(settings.credentials_directory())


def verified(national: Coordinator, programme_digest: str) -> Programme:
    """A programme, checked against the authority's own keys and not on the coordinator's word."""
    envelope = national.programme(programme_digest)
    if envelope.digest != programme_digest:
        raise PeerError(f"programme {programme_digest[:12]} was asked, the coordinator sent another")
    return programmes.verify(envelope, national.authority, national.endpoint.authority_threshold)


def verified_manifest(national: Coordinator, release_id: str) -> Manifest:
    """What a release says of itself, once the coordinator's signature holds."""
    key = VerifyKey(bytes.fromhex(national.endpoint.coordinator_key))
    payload = open_envelope(national.manifest(release_id), payload_type("release"), [key])
    return from_json(Manifest, payload, "manifest")


def released_rows(national: Coordinator, manifest: Manifest) -> list[dict[str, Any]]:
    """The published figures for people to read, from the file that the manifest names."""
    file = next(entry for entry in manifest.files if entry.name == FIGURES)
    data = national.read_file(manifest.release_id, file.name)
    if digest(data) != file.sha256:
        raise PeerError(f"release {manifest.release_id}: {file.name} is not the file that was published")
    shown = ("table", "label_nl", "label_en", "shown", "shown_lower", "shown_upper")
    return [{name: row[name] for name in shown} for row in csv.DictReader(io.StringIO(data.decode()))]


def _newest(national: Coordinator, name: str) -> str:
    there = [entry for entry in national.programmes() if entry.id == name]
    if not there:
        known = ", ".join(sorted({entry.id for entry in national.programmes()})) or "none"
        raise DocumentError(
            "programme", [f"{name}: the coordinator has no such programme in force ({known})"]
        )
    return max(there, key=lambda entry: entry.version).digest


def _wait(round_id: str, done: Callable[[RoundStatus], bool]) -> RoundStatus:
    """Look at a round until something holds; the coordinator's deadlines end the wait at the latest."""
    pause, told = SOON, ""
    while True:
        with coordinator() as national:
            status = national.round(round_id)
        if status.phase is RoundPhase.ABANDONED:
            raise RoundEnded(ending(status))
        if done(status):
            return status
        line = news(status)
        if line != told:
            say.info("%s", line)
            pause, told = SOON, line
        time.sleep(pause)
        pause = min(LATER, pause * 1.2)


def _all_present(status: RoundStatus) -> bool:
    return set(status.invited) <= set(status.present)


def _beyond(step: SumPhase) -> Callable[[RoundStatus], bool]:
    """Whether a round has left a step of the secure sum behind."""
    return lambda status: status.phase > RoundPhase.COLLECTING or status.sum_phase > step


def _markdown(manifest: Manifest) -> str:
    covered, promise = manifest.coverage, manifest.privacy
    absent = sorted(set(covered.invited) - set(covered.in_sum))
    lines = [
        f"# {manifest.title.nl} / {manifest.title.en}, {manifest.period}",
        f"- release `{manifest.release_id}`, published {manifest.published_at:%Y-%m-%d %H:%M} UTC",
        f"- programme `{manifest.programme_id}` version {manifest.programme_version}",
        f"- round `{manifest.round[:12]}`, attempt {manifest.attempt}",
        f"- {len(covered.in_sum)} of {len(covered.invited)} institutions in the sum",
        f"- rho {promise.rho}, epsilon {promise.epsilon_upper:.2f} at delta {promise.delta}",
        f"- {manifest.interval.nl} / {manifest.interval.en}",
    ]
    if absent:
        lines.insert(5, f"- not in the sum: {', '.join(absent)}")
    return "\n".join(lines)
