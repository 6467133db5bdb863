"""The demo: from nothing to a published national table, on one machine, with nothing switched off.

The people are made up, and for that reason alone the true figures may stand
beside the published ones.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from desk import pull, reading, screen, signing
from flows import periods, server, settings
from rehearsal import federation, processes, sector
from rehearsal.federation import National, Premises
from samentel.documents.envelope import Envelope
from samentel.documents.programme import Programme
from samentel.errors import LocalFault, SamentelError

PROGRAMME = "aanleiding-demo"
HEADLINE = "reason"  # the table that is shown
WORK = "federation"
MARK = ".samentel-demo"  # stands in every directory that a demo may remove again
LONGEST_WORK = 55  # letters; a node's socket lies deeper, and the system allows about 100
FLOW_SECONDS = 120.0


@dataclass(slots=True)
class Story:
    """What is told while the demo runs.

    Attributes:
        times: how long each step took, in seconds.
    """

    console: Console
    times: dict[str, float] = field(default_factory=dict)

    def say(self, line: str) -> None:
        """One line of progress."""
        self.console.print(Text(line), soft_wrap=True)  # paths stay whole, to be copied

    @contextmanager
    def step(self, name: str, log: Path | None = None) -> Iterator[None]:
        """One step: told when it begins, timed; when it fails, with the last words of its process.

        Raises:
            LocalFault: the step failed; the text says which, why, and where to look.
        """
        self.say(f"• {name} …")
        begun = time.monotonic()
        try:
            yield
        except SamentelError as error:
            words = f"\n{processes.last_words(log)}\n  (all of it: {log})" if log else ""
            raise LocalFault(f"the demo stopped at this step: {name}\n  {error}{words}") from None
        self.times[name] = time.monotonic() - begun
        self.say(f"  {self.times[name]:.1f} s")


def run(out: Path) -> None:
    """Run the demo, and leave the release in ``out``.

    Raises:
        LocalFault: a step failed; everything has been stopped.
    """
    begun = time.monotonic()
    # A terminal that is closed, or a service that stops us, must not leave ten processes behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    story = Story(screen.console())
    work = fresh(out)
    story.say(
        "Samentel: een heel land op één machine, met verzonnen mensen / a whole country, made-up people"
    )
    year = periods.last_completed("year", datetime.now(UTC)).year
    made = sector.make(year)
    with ExitStack() as ends:
        home = prefect_home(work)
        beside = server.start(home)
        ends.callback(beside.stop)
        story.say(f"• Prefect's server starts meanwhile: {beside.page}")
        national = coordinator(story, ends, work)
        premises = institutions(story, national, made)
        programme = consent(story, national, premises)
        logs = doors_open(story, ends, premises)
        with story.step("waiting for Prefect's server", beside.log):
            beside.wait()
        with story.step("the flow: open, gather, collect, sum, publish", logs / "flow.log"):
            flow(story, national, beside.api, home, str(year), logs / "flow.log")
        with story.step("a reader fetches the release", logs / "aggregator.log"):
            holder = pull.read_credentials(federation.reader(national))
            pulled = pull.pull(holder, pull.LATEST, out)
        with story.step("everything stops"):
            ends.close()
    told(story, pulled, made.truth)
    afterwards(story, out, work, programme, time.monotonic() - begun)


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


def coordinator(story: Story, ends: ExitStack, work: Path) -> National:
    """Keys of the programme authority, the coordinator's own set-up, its daemon."""
    with story.step("the programme authority makes two keys, the coordinator sets up", None):
        national = federation.found(work)
    with story.step("the aggregator starts", work / "logs" / "aggregator.log"):
        ends.callback(national.daemon().stop)
    return national


def institutions(story: Story, national: National, made: sector.Sector) -> tuple[Premises, ...]:
    """Four institutions set up and enrol: each reads a fingerprint out, a person confirms it."""
    with story.step(f"{len(made.exports)} institutions set up their node and enrol"):
        premises = tuple(federation.settle(national, export) for export in made.exports)
        for place in premises:
            federation.enrol(national, place)
    return premises


def consent(story: Story, national: National, premises: tuple[Premises, ...]) -> Programme:
    """The authority signs roster and programme; every institution approves the programme by its digest."""
    with story.step("roster and programme are signed twice, and approved by each institution"):
        programme, envelope = federation.put_in_force(national, signing.packaged(PROGRAMME))
        approved(premises, programme, envelope)
    return programme


def approved(premises: tuple[Premises, ...], programme: Programme, envelope: Envelope) -> None:
    """Every institution's yes, in its own ledger."""
    for place in premises:
        federation.approve(place, programme, envelope)


def doors_open(story: Story, ends: ExitStack, premises: tuple[Premises, ...]) -> Path:
    """Start the nodes, a process each; returns the directory of all logs."""
    with story.step("the nodes start, each a process of its own, and call over mutual TLS"):
        daemons = [place.daemon() for place in premises]
        for daemon in daemons:
            ends.callback(daemon.stop)
    return daemons[0].log.parent


def flow(story: Story, national: National, api: str, home: Path, period: str, log: Path) -> None:
    """Run the flow as an administrator would, and show what it says.

    Raises:
        LocalFault: it failed, or took too long.
    """
    words = ["flow", "run", PROGRAMME, "--period", period, "--credentials", str(national.admin)]
    environment = {**os.environ, **settings.environment(home), settings.API_URL: api}
    started = processes.start("the flow", processes.command("desk.cli", *words), log, environment)
    try:
        follow(story, started.process, log)
    finally:
        started.stop()
    if started.process.returncode != 0:
        raise LocalFault(f"the flow ended with code {started.process.returncode}")


def follow(story: Story, process: subprocess.Popen[bytes], log: Path) -> None:
    """Show a process's lines as they come, until it ends; raises LocalFault when it takes too long."""
    deadline = time.monotonic() + FLOW_SECONDS
    with log.open(encoding="utf-8", errors="replace") as lines:
        while True:
            ended = process.poll() is not None
            for line in lines:
                story.say(f"    {line.rstrip()}")
            if ended:
                return
            if time.monotonic() > deadline:
                raise LocalFault(f"the flow did not end within {FLOW_SECONDS:.0f} s")
            time.sleep(0.1)


def told(story: Story, pulled: pull.Pulled, truth: Mapping[str, int]) -> None:
    """The headline table, whom it covers, what it cost a person in privacy."""
    story.console.print()
    story.console.print(reading.table(pulled.manifest, pulled.figures, HEADLINE, truth))
    for line in (
        "De ware aantallen staan hier alleen omdat deze mensen verzonnen zijn. / The true figures stand here "
        "only because these people are made up.",
        reading.coverage(pulled.manifest),
        reading.privacy(pulled.manifest, "nl"),
        f"{pulled.manifest.interval.nl} / {pulled.manifest.interval.en}",
    ):
        story.say(line)


def afterwards(story: Story, out: Path, work: Path, programme: Programme, seconds: float) -> None:
    """Where everything is, and how long it took."""
    example = f"samentel-node --config {work}/nodes/{sector.HOUSES[0].node}/node.toml ledger show"
    story.say("")
    story.say(f"De uitgave / the release:      {out.resolve()} (tables.csv, tables.parquet, manifest.json)")
    story.say(f"Zelf nakijken / check it:      samentel verify {out.resolve()} --credentials {work}/reader")
    story.say(f"Wat een instelling bewaart:    {example}")
    story.say(
        f"Wat het kost / what it costs:  samentel plan {programme.id} --institutions {len(sector.HOUSES)}"
    )
    story.say(f"Alle logboeken / all logs:     {work}/logs")
    slowest = sorted(story.times.items(), key=lambda entry: -entry[1])
    story.say(
        "Duur / time: " + f"{seconds:.1f} s; " + "; ".join(f"{name} {took:.1f} s" for name, took in slowest)
    )
