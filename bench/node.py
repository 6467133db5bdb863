"""What a node costs an institution: disk, memory, start, and the time to read an export.

    python -P bench/node.py [--rows 1000000]

One JSON line: install_mb (the base dependencies as installed here and the
product), idle_rss_mb (a connected daemon that has taken part in nothing), start_s
(from starting the process to connected), intake_s (CSV to codes of the national
programme's clients and victims, in a process that has polars loaded), intake_rows
(lines of that one file; one in ten is a victim), read_s (polars reading the same
file and doing nothing with it), intake_ratio (intake_s by read_s). Times vary with
the machine: compare within one run only.
"""

import argparse
import importlib.metadata
import json
import os
import re
import tempfile
import time
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import polars

from desk.packaged import packaged
from node import intake, mapping
from node.store import Reader
from rehearsal import federation, processes, sector
from samentel.documents import programme as programmes
from samentel.ids import Period

YEAR = 2025
PRODUCT = ("samentel", "node")
MAPPING = """
[file]
path = "export.csv"
delimiter = ","
[columns]
person = "id"
first_contact = "first"
birth_year = "born"
sex = "sex"
reason = "reason"
[victims]
columns = { person = "id", form = "form", citizenship = "nationality" }
only = { victim = ["ja"] }
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="samentel-") as directory:
        rss, start = idle(Path(directory))
        seconds, bare = read(Path(directory), rows)
    print(json.dumps({
        "bench": "node", "install_mb": round(installed()), "idle_rss_mb": round(rss, 1),
        "start_s": round(start, 2), "intake_rows": rows, "intake_s": round(seconds, 2),
        "read_s": round(bare, 3), "intake_ratio": round(seconds / bare, 1),
    }))  # fmt: skip


def installed() -> float:
    """Megabytes of the base dependencies, their own dependencies, and the product's packages a node needs."""
    wanted, seen, size = ["samentel"], set[str](), 0
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        files = [Path(str(file.locate())) for file in found.files or []]
        size += sum(file.stat().st_size for file in files if file.is_file())
        for requirement in found.requires or []:
            if "extra ==" not in requirement:
                wanted.append(re.split(r"[^A-Za-z0-9._-]", requirement)[0])
    root = Path(__file__).parents[1]
    size += sum(file.stat().st_size for name in PRODUCT for file in (root / name).rglob("*.py"))
    return size / 1e6


def idle(directory: Path) -> tuple[float, float]:
    """Resident megabytes of a connected daemon, and seconds until it was connected."""
    ready = federation.prepare(directory, sector.make(YEAR).exports[:3], packaged("aanleiding-demo"))
    place = ready.premises[0]
    try:
        begun = time.perf_counter()
        daemon = place.daemon()
        try:
            processes.wait(
                "waiting for the node", lambda: b'"connected"' in daemon.log.read_bytes(), [daemon], 30
            )
            took = time.perf_counter() - begun
            with Reader.open_read_only(place.config.state_dir):
                return resident(daemon.process.pid), took
        finally:
            daemon.stop()
    finally:
        ready.aggregator.stop()


def resident(pid: int) -> float:
    """Resident set in megabytes, from the kernel's own page count."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def read(directory: Path, rows: int) -> tuple[float, float]:
    """Seconds from a CSV of so many rows to codes, and for polars to read it; the best of three turns."""
    asked = programmes.parse(packaged("registratie-2025"))
    write(directory, rows, [code.code for code in asked.dimension("reason").codes])
    described = mapping.load(directory / "mapping.toml")
    house, nobody = sector.HOUSES[0].institution(), intake.Memory(str.encode, frozenset())
    took, bare = [], []
    for _ in range(3):
        begun = time.perf_counter()
        polars.read_csv(directory / "export.csv")
        bare.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        intake.taken(described, asked, Period(YEAR), house, nobody)
        took.append(time.perf_counter() - begun)
    return min(took), min(bare)


def write(directory: Path, rows: int, words: Sequence[str]) -> None:
    """An export of so many clients, of whom one in ten is a victim, and its mapping."""
    first = date(YEAR, 1, 1)
    with (directory / "export.csv").open("w", encoding="utf-8") as export:
        export.write("id,first,born,sex,reason,form,nationality,victim\n")
        for number in range(rows):
            day = first + timedelta(days=number * 7 % 365)
            form, origin = ("LAB", "CRI", "UNK", "SEX_XB")[number % 4], ("NL", "EU", "AFR")[number % 3]
            victim = "ja" if number % 10 == 0 else "nee"
            export.write(f"p{number * 7919 % rows},{day},{1950 + number % 60},{'FMX'[number % 3]},"
                         f"{words[number % len(words)]},{form},{origin},{victim}\n")  # fmt: skip
    (directory / "mapping.toml").write_text(MAPPING, "utf-8")


if __name__ == "__main__":
    main()
