"""How long a secure sum takes over real gRPC and mTLS, the coordinator and every node a process of its own.

    python -P bench/round.py [--nodes 4 12 50] [--rounds 5]

From 50 nodes on, nodes share two processes: each keeps its store, its connection and its certificate, but no
machine of this size starts 50 interpreters. They are asked for by name only, since they take minutes.

One JSON line a case: round_s is the time from the command that ends the gathering until there is a national
sum, the median over several rounds of one running federation; the first round stands beside it, as it loads
what later rounds have loaded. Presence is gathered before, publishing comes after; neither is in it. The tick
is 0.1 s, so a round waits 0.05 s for it on average. phase_s is the share of each phase as an administrator
sees it, in a round of about the median; cpu is processor time a round, of the coordinator and of all nodes
together. Every process shares this machine: compare within one run only.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import node.config
import node.daemon
from aggregator.client import Coordinator
from desk.packaged import packaged
from node.journal import Journal
from node.store import Reader, Store
from rehearsal import federation, processes, sector
from rehearsal.federation import Federation, Premises
from rehearsal.processes import Daemon
from rehearsal.sector import House
from samentel.counting.ledger import Kind
from samentel.documents import programme as programmes
from samentel.wire.messages import RoundPhase, RoundStatus

YEAR = 2025
TABLES = (("reason", "sex", "age"), ("reason", "citizenship", "sex"), ("age", "citizenship"), ("reason",))
# Nodes: institutions_min, collude_max, absent_max.
RULES = {4: (3, 0, 1), 12: (8, 1, 2), 50: (34, 2, 3)}
ALONE = 12  # up to so many nodes each has a process of its own
PROCESSES = 2  # for more
LOOK_SECONDS = 0.03  # each look costs the coordinator a millisecond or two
SECONDS = 300.0  # for anything to happen


@dataclass(frozen=True)
class Took:
    """One round: seconds to the sum, by phase, and processor seconds of the coordinator and of all nodes."""

    seconds: float
    phases: dict[str, float]
    aggregator_cpu: float
    nodes_cpu: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[4, 12], choices=sorted(RULES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--host", type=Path, nargs="+", help=argparse.SUPPRESS)  # a process of several nodes
    given = parser.parse_args()
    if given.host:
        asyncio.run(host(given.host))
        return
    for nodes in given.nodes:
        print(json.dumps(case(nodes, max(1, min(given.rounds, 20)))), flush=True)


def case(nodes: int, rounds: int) -> dict[str, object]:
    """A federation, a first round, and so many more."""
    written = programme(nodes)
    cells = programmes.parse(written).vector_length
    with (
        tempfile.TemporaryDirectory(prefix="samentel-") as directory,
        running(Path(directory), nodes, written) as (ready, aggregator, daemons),
    ):
        took = [one(ready, aggregator, daemons, str(YEAR - number)) for number in range(rounds + 1)]
    first, *later = took
    typical = sorted(later, key=lambda one: one.seconds)[len(later) // 2]
    return {
        "bench": "round",
        "nodes": nodes,
        "cells": cells,
        "round_s": round(median(one.seconds for one in later), 3),
        "first_round_s": round(first.seconds, 3),
        "slowest_round_s": round(max(one.seconds for one in later), 3),
        "rounds": rounds,
        "phase_s": {name: round(seconds, 3) for name, seconds in typical.phases.items()},
        "aggregator_cpu_s": round(median(one.aggregator_cpu for one in later), 3),
        "nodes_cpu_s": round(median(one.nodes_cpu for one in later), 3),
    }


def programme(nodes: int) -> bytes:
    """The packaged programme with other tables: a thousand cells, a secure sum, a short tick."""
    least, colluding, absent = RULES[nodes]
    text = packaged("aanleiding-demo").decode()
    tables = "".join(_table(dimensions) for dimensions in TABLES)
    before, after = text.index("[[tables]]"), text.index("[[dimensions]]")
    text = text[:before] + tables + text[after:]
    values = {
        "mode": '"secure-sum"',
        "tick_seconds": "0.1",
        "institutions_min": least,
        "collude_max": colluding,
        "absent_max": absent,
    }
    for name, value in values.items():
        text = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", text, count=1)
    return text.encode()


def _table(dimensions: Sequence[str]) -> str:
    words = " ".join(dimensions)
    listed = ", ".join(f'"{name}"' for name in dimensions)
    return (
        f'[[tables]]\nid = "{"-".join(dimensions)}"\npopulation = "clients"\ndimensions = [{listed}]\n'
        f'rho_share = "1/{len(TABLES)}"\n'
        f'title = {{ nl = "{words}", en = "{words}" }}\nquestion = {{ nl = "{words}", en = "{words}" }}\n\n'
    )


@contextmanager
def running(
    directory: Path, nodes: int, written: bytes
) -> Iterator[tuple[Federation, Daemon, Sequence[Daemon]]]:
    """The federation, its aggregator and its nodes, all connected."""
    ready = federation.prepare(directory, sector.make(YEAR, houses=houses(nodes)).exports, written)
    with ExitStack() as ends:
        ends.callback(ready.aggregator.stop)
        daemons = []
        for start in starts(directory, ready.premises):
            daemons.append(start())
            ends.callback(daemons[-1].stop)
        yield ready, ready.aggregator, daemons


def starts(directory: Path, premises: Sequence[Premises]) -> Iterator[Callable[[], Daemon]]:
    """What starts the processes of these nodes, one after the other."""
    if len(premises) <= ALONE:
        yield from (place.daemon for place in premises)
        return
    for number in range(PROCESSES):
        paths = [str(place.config.path) for place in premises[number::PROCESSES]]
        words = [sys.executable, "-P", __file__, "--host", *paths]
        yield partial(processes.start, f"nodes-{number}", words, directory / "logs" / f"nodes-{number}.log")


async def host(paths: Sequence[Path]) -> None:
    """Several nodes in this process, until it is told to end."""
    with ExitStack() as ends:
        daemons = []
        for path in paths:
            config = node.config.load(path)
            store = ends.enter_context(Store.open(config.state_dir))
            daemons.append(node.daemon.Daemon(config, store, Journal()))

        def stop() -> None:
            for daemon in daemons:
                daemon.stop()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
        await asyncio.gather(*(daemon.run() for daemon in daemons))


def houses(nodes: int) -> tuple[House, ...]:
    """So many institutions that do not exist."""
    known = sector.HOUSES
    return tuple(
        House(
            f"huis-{number:02d}", f"Huis {number} (verzonnen)", f"Huis {number}", like.type, like.province,
            like.dialect, like.clients, like.victims, like.placements,
        )
        for number in range(nodes)
        for like in (known[number % len(known)],)
    )  # fmt: skip


def one(ready: Federation, aggregator: Daemon, daemons: Sequence[Daemon], period: str) -> Took:
    """A round of its own period: gathered before the clock starts, published after it stops."""
    with Coordinator.connect(ready.national.admin) as national:
        opened = national.open_round(ready.programme.digest, period)
        whole = len(opened.invited)
        everybody = [aggregator, *daemons]
        processes.wait(
            "gathering", lambda: len(national.round(opened.round_id).present) == whole, everybody, SECONDS
        )
        aggregator_before = cpu(aggregator)
        nodes_before = sum(cpu(daemon) for daemon in daemons)
        seconds, phases = timed(national, opened)
        took = Took(
            seconds,
            phases,
            cpu(aggregator) - aggregator_before,
            sum(cpu(daemon) for daemon in daemons) - nodes_before,
        )
        national.publish(opened.round_id)
    processes.wait("booking", lambda: booked(ready, opened.round_id), everybody, SECONDS)
    return took


def timed(national: Coordinator, opened: RoundStatus) -> tuple[float, dict[str, float]]:
    """Seconds from the command to the sum, and how they fall to the phases."""
    begun = since = time.perf_counter()
    status, phases = national.collect(opened.round_id), dict[str, float]()
    while status.phase is RoundPhase.COLLECTING:
        assert time.perf_counter() - begun < SECONDS, status
        time.sleep(LOOK_SECONDS)
        now = time.perf_counter()
        name = status.sum_phase.name.lower()
        phases[name] = phases.get(name, 0.0) + now - since
        since, status = now, national.round(opened.round_id)
    assert status.phase is RoundPhase.SUMMED, status
    assert len(status.survivors) == len(status.invited), status
    return time.perf_counter() - begun, phases


def booked(ready: Federation, round_id: str) -> bool:
    """Whether every institution has heard of the release, so that the next round starts from rest."""
    for place in ready.premises:
        with Reader.open_read_only(place.config.state_dir) as store:
            last = store.entries()[-1].read()
        if last.kind is not Kind.PUBLISHED or last.loss is None or last.loss.round != round_id:
            return False
    return True


def cpu(daemon: Daemon) -> float:
    """Processor seconds that a process has used."""
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
