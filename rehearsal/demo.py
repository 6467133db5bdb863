"""The demo: from nothing to two published national tables, on one machine, with nothing switched off.

Twelve institutions, each a process of its own. In the first round a node is
killed before its masked counts arrive, in the second one after they have. The
people are made up, and for that reason alone the true figures may stand beside
the published ones.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aggregator.client import Coordinator
from aggregator.progress import clock
from desk import screen
from desk.packaged import packaged
from desk.releases import pull, reading, report
from flows import periods, server, settings
from rehearsal import falls, federation, processes, sector, truth, worth
from rehearsal.falls import Fall
from rehearsal.federation import National, Nodes, Premises
from rehearsal.story import Story
from samentel.documents.programme import Programme
from samentel.errors import LocalFault
from samentel.wire.messages import RoundStatus

PROGRAMME = "registratie-demo"
TOTALS = ("clients", "victims", "requests", "placements")
HEADLINES = ("reason", "form", "facility")  # the tables that are shown, as far as the programme has them
WORK = "federation"
MARK = ".samentel-demo"  # stands in every directory that a demo may remove again
LONGEST_WORK = 55  # letters; a node's socket lies deeper, and the system allows about 100
ROUND_SECONDS = 120.0
FIRST_TO_FALL, SECOND_TO_FALL = "rietland", "duinzicht"

# Deadlines of the coordinator, far shorter than in life. All but the last end early, as soon as everybody has
# answered; the masked counts of a node that was killed are waited for until the deadline.
ADVERTISE_SECONDS, SHARE_SECONDS, MASK_SECONDS = 8.0, 3.0, 4.0
DEADLINE = (
    ADVERTISE_SECONDS + SHARE_SECONDS + MASK_SECONDS
)  # from the start of the sum to the last masked counts
PACE: Mapping[str, float] = {
    "advertise_minutes": ADVERTISE_SECONDS / 60,
    "share_minutes": SHARE_SECONDS / 60,
    "collect_hours": MASK_SECONDS / 3600,
    "gather_hours": 1.0,
}


FELL_BEFORE = """\
  ✗ {node} valt weg / is killed (SIGKILL): it has dealt its seed shares, its masked counts have not arrived.
    The others wait until {until}, then go on without it. What they sent still carries the masks
    that each shares with {node}. The others reveal the shares of its mask key, and of nothing else of it:
    those masks come off, no count of {node} is in the sum, and none becomes known."""
FELL_AFTER = """\
  ✗ {node} valt weg / is killed (SIGKILL) after its masked counts have arrived, and is started again.
    Its store holds what it has promised: it takes the round up where it was, with the same secrets and the
    same bytes, and pays once."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A federation that is ready for rounds.

    Attributes:
        line: the administrator's connection.
        logs: the directory of all logs.
    """

    story: Story
    national: National
    programme: Programme
    nodes: Nodes
    line: Coordinator
    logs: Path


def run(out: Path) -> None:
    """Run the demo, and leave the release in ``out``.

    Raises:
        LocalFault: a step failed; everything has been stopped.
    """
    begun = time.monotonic()
    # A terminal that is closed, or a service that stops us, must not leave twenty processes behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    story = Story(screen.console())
    work = fresh(out)
    story.say(
        "Samentel: een heel land op één machine, met verzonnen mensen / a whole country, made-up people"
    )
    year = periods.last_completed("year", datetime.now(UTC)).year
    made = sector.make(year, houses=sector.HOUSES, years=2)
    with ExitStack() as ends:
        home = prefect_home(work)
        beside = server.start(home)
        ends.callback(beside.stop)
        story.say(f"• Prefect's server starts meanwhile: {beside.page}")
        stage = federated(story, ends, work, made)
        with story.step("waiting for Prefect's server", beside.log):
            beside.wait()
        lost = first_round(stage, str(year), beside.api, home)
        again = second_round(stage, str(year - 1), missing(lost)[0])
        with story.step(
            "a reader fetches both releases, and makes pages of one", stage.logs / "aggregator.log"
        ):
            holder = pull.read_credentials(federation.reader(stage.national))
            pulled = pull.pull(holder, lost.release_id, out)
            pull.pull(holder, again.release_id, out / again.period)
            known = truth.of(made, stage.programme, made.year, lost.survivors)
            pages = report.write(out, out / report.FOLDER, coordinator=holder.coordinator, truth=known)
        with story.step("everything stops"):
            ends.close()
    told(story, stage.programme, pulled, known)
    afterwards(story, out, work, stage, (lost, again), pages, time.monotonic() - begun)


def fresh(out: Path) -> Path:
    """An empty directory for this demo; what an earlier one left there is removed, and nothing else ever.

    Raises:
        LocalFault: something that is not a demo's lies in the way.
    """
    work = out.resolve() / WORK
    if len(str(work)) > LONGEST_WORK:
        import tempfile

        work = Path(tempfile.mkdtemp(prefix="samentel-"))
    elif work.exists():
        if not (work / MARK).exists():
            raise LocalFault(f"{work} was not made by a demo; choose another directory with --out")
        shutil.rmtree(work)
    try:
        work.mkdir(mode=0o700, parents=True, exist_ok=True)
        (work / MARK).touch()
    except OSError as error:
        raise LocalFault(f"{work}: cannot be made ({error.strerror}); choose another with --out") from None
    return work


def prefect_home(work: Path) -> Path:
    """Where Prefect's files go: with the environment if there is one, so that a second demo starts faster."""
    environment = Path(sys.prefix)
    if sys.prefix != sys.base_prefix and os.access(environment, os.W_OK):
        return environment / "prefect-demo"
    return work / "prefect"


def federated(story: Story, ends: ExitStack, work: Path, made: sector.Sector) -> Stage:
    """Everybody sets up, enrols, signs and approves; then the nodes run."""
    with story.step("the programme authority makes two keys, the coordinator sets up"):
        national = federation.found(work, PACE)
    with story.step("the aggregator starts", work / "logs" / "aggregator.log"):
        ends.callback(national.daemon().stop)
    with story.step(f"{len(made.exports)} institutions set up their node and enrol"):
        premises = {export.house.node: federation.settle(national, export) for export in made.exports}
        for place in premises.values():
            federation.enrol(national, place)
    with story.step("roster and programme are signed twice, and approved by each institution"):
        programme = consent(national, premises)
    nodes = Nodes(premises)
    ends.callback(nodes.stop)
    with story.step("the nodes start, each a process of its own, and call over mutual TLS"):
        nodes.start_all()
    line = ends.enter_context(Coordinator.connect(national.admin))
    return Stage(story, national, programme, nodes, line, work / "logs")


def consent(national: National, premises: Mapping[str, Premises]) -> Programme:
    """The authority signs roster and programme; every institution approves the programme by its digest."""
    programme, envelope = federation.put_in_force(national, packaged(PROGRAMME))
    for place in premises.values():
        federation.approve(place, programme, envelope)
    return programme


def first_round(stage: Stage, period: str, api: str, home: Path) -> RoundStatus:
    """The round of a year through Prefect; a node falls before its masked counts arrive, and stays away.

    Raises:
        LocalFault: the round ended otherwise.
    """
    story, log = stage.story, stage.logs / "flow.log"

    def strike(node: str, status: RoundStatus) -> None:
        stage.nodes.kill(node)
        story.say(FELL_BEFORE.format(node=node, until=clock(status.step_until)))

    fall = Fall(stage.line, period, falls.before_its_counts, FIRST_TO_FALL, strike)
    words = ["flow", "run", PROGRAMME, "--period", period, "--credentials", str(stage.national.admin)]
    environment = {**os.environ, **settings.environment(home), settings.API_URL: api}
    with story.step("the flow: open, gather, secure sum, publish; a node is killed on the way", log):
        story.say(f"    every node has {DEADLINE:.0f} s to hand its masked counts in; in life that is a day")
        conduct(stage, "the flow", processes.command("desk.cli", *words), log, fall, environment)
        return fall.ended()


def second_round(stage: Stage, period: str, back: str) -> RoundStatus:
    """The year before, without Prefect; a node falls after its masked counts have arrived, and comes back.

    Args:
        back: the node that fell in the first round; it takes part again.

    Raises:
        LocalFault: the round ended otherwise.
    """
    story, log = stage.story, stage.logs / "engine.log"

    def strike(node: str, _status: RoundStatus) -> None:
        stage.nodes.kill(node)
        stage.nodes.start(node)
        story.say(FELL_AFTER.format(node=node))

    fall = Fall(stage.line, period, falls.after_its_counts, SECOND_TO_FALL, strike)
    words = ["--config", str(stage.national.config.path), "round", "run", PROGRAMME, period]
    with story.step(f"a second round, for {period}, without Prefect; a node is killed and comes back", log):
        stage.nodes.start(back)
        story.say(
            f"    {back} starts again: its round is over, what it kept for it is wiped, nothing was spent"
        )
        conduct(stage, "the engine", processes.command("aggregator.cli", *words), log, fall)
        status = fall.ended()
        if fall.fallen not in status.survivors:
            story.say(f"    this machine was too slow: {fall.fallen} was not back in time, and is left out")
        stage.nodes.wait_until_published(status.survivors, period)
    return status


def conduct(
    stage: Stage,
    name: str,
    words: list[str],
    log: Path,
    fall: Fall,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a round as an administrator would, show what the command says, and let a node fall.

    Raises:
        LocalFault: it failed, or took too long.
    """

    def look() -> float:
        stage.nodes.check()
        return fall.look()

    started = processes.start(name, words, log, environment)
    try:
        stage.story.follow(started.process, log, ROUND_SECONDS, look)
    finally:
        started.stop()
    if started.process.returncode != 0:
        raise LocalFault(f"{name} ended with code {started.process.returncode}")


def missing(status: RoundStatus) -> list[str]:
    """The institutions that were asked and are not in the sum."""
    return sorted(set(status.invited) - set(status.survivors))


def told(story: Story, programme: Programme, pulled: pull.Pulled, known: report.Truth) -> None:
    """The headlines beside the truth, whom they cover, what the secure sum is worth, what it cost."""
    manifest, figures = pulled.manifest, pulled.figures
    shown = [facts.id for facts in manifest.tables if facts.id in HEADLINES and facts.withheld is None]
    story.console.print()
    story.console.print(truth.totals(manifest, figures, known))
    for name in shown:
        story.console.print(reading.table(manifest, figures, name, known[name]))
    n = len(manifest.coverage.in_sum)
    for line in (
        f"Waar: de {n} instellingen in de som, en alleen te zien omdat deze mensen verzonnen zijn. / True: "
        f"the {n} institutions in the sum, to be seen only because these people are made up.",
        reading.coverage(manifest),
    ):
        story.say(line)
    story.console.print()
    story.console.print(worth.beside(worth.compared(programme, manifest, (*TOTALS, *shown))))
    found = truth.distance(figures, known)
    story.say(
        f"Gemeten / measured: {found.held} of the {found.cells} intervals of all tables hold the truth; the "
        f"estimates are {found.off:.2f} of the announced standard deviation from it (root mean square)"
    )
    story.say(reading.privacy(manifest, "nl"))
    story.say(f"{manifest.interval.nl} / {manifest.interval.en}")


def afterwards(
    story: Story,
    out: Path,
    work: Path,
    stage: Stage,
    rounds: tuple[RoundStatus, RoundStatus],
    pages: Sequence[Path],
    seconds: float,
) -> None:
    """Where everything is, and how long it took."""
    lost, again = rounds
    gone, stayed = missing(lost)[0], lost.survivors[0]
    node = f"samentel-node --config {work}/nodes/{{}}/node.toml ledger show"
    story.say()
    for line in (
        f"De uitgave / the release:      {out.resolve()} (tables.csv, tables.parquet, manifest.json)",
        *(f"Om te lezen / to read:         {page.resolve()}" for page in pages),
        f"Het jaar ervoor / year before: {out.resolve() / again.period}: "
        f"{len(again.survivors)} of {len(again.invited)} institutions in the sum",
        f"Zelf nakijken / check it:      samentel verify {out.resolve()} --credentials {work}/reader",
        f"Grootboek van de uitgevallene: {node.format(gone)}",
        f"En van een andere instelling:  {node.format(stayed)}",
        f"Wat het kost / what it costs:  samentel plan {PROGRAMME} --institutions {len(sector.HOUSES)}",
        f"Alle logboeken / all logs:     {work}/logs",
    ):
        story.say(line)
    slowest = sorted(story.times.items(), key=lambda entry: -entry[1])
    story.say(
        "Duur / time: " + f"{seconds:.1f} s; " + "; ".join(f"{name} {took:.1f} s" for name, took in slowest)
    )
