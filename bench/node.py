"""What a node costs an institution: disk, memory, start, and the time to read an export.

    python -P bench/node.py [--rows 1000000]

One JSON line: install_mb (the base dependencies as installed here and the
product), idle_rss_mb (a connected daemon that has taken part in nothing), start_s
(from starting the process to connected), intake_s (CSV to codes, in a process
that has polars loaded), intake_rows. Times vary with the machine: compare within
one run only.
"""

import argparse
import importlib.metadata
import json
import os
import re
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from desk.packaged import packaged
from node import intake, mapping
from node.store import Reader
from rehearsal import federation, processes, sector
from samentel.documents import programme as programmes
from samentel.ids import Period

YEAR = 2025
PRODUCT = ("samentel", "node")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="samentel-") as directory:
        rss, start = idle(Path(directory))
        seconds = read(Path(directory), rows)
    print(json.dumps({
        "bench": "node", "install_mb": round(installed()), "idle_rss_mb": round(rss, 1),
        "start_s": round(start, 2), "intake_rows": rows, "intake_s": round(seconds, 2),
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


def read(directory: Path, rows: int) -> float:
    """Seconds from a CSV of so many rows to codes; the second of two readings."""
    asked = programmes.parse(packaged("aanleiding-demo"))
    words = [code.code for code in asked.dimension("reason").codes]
    first = date(YEAR, 1, 1)
    with (directory / "export.csv").open("w", encoding="utf-8") as export:
        export.write("id,first,born,sex,reason\n")
        for number in range(rows):
            day = first + timedelta(days=number * 7 % 365)
            export.write(f"p{number * 7919 % rows},{day},{1950 + number % 60},{'FMX'[number % 3]},"
                         f"{words[number % len(words)]}\n")  # fmt: skip
    (directory / "mapping.toml").write_text(
        '[file]\npath = "export.csv"\nencoding = "utf-8"\ndelimiter = ","\ndates = ["%Y-%m-%d"]\n\n'
        '[columns]\nperson = "id"\n'
        'first_contact = "first"\nbirth_year = "born"\nsex = "sex"\nreason = "reason"\n',
        "utf-8",
    )
    described = mapping.load(directory / "mapping.toml")
    took = 0.0
    for _ in range(2):
        begun = time.perf_counter()
        intake.codes(described, asked, Period(YEAR))
        took = time.perf_counter() - begun
    return took


if __name__ == "__main__":
    main()
