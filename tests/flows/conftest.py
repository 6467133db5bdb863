"""A real federation of three institutions, and Prefect's own server on a database of its own.

Prefect reads its environment when it is imported: it is set here, and Prefect
is imported inside fixtures and tests only.
"""

import csv
import io
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest

from desk.packaged import packaged
from flows import settings
from rehearsal import federation, sector
from rehearsal.federation import Federation
from rehearsal.processes import Daemon

NAME = "Qxvelmarthuzioppegronwak"  # 24 letters, in one row of one export
PERSON = "7Zk4WqXv9LmT2RbY6NcH3GdP"
# How many clients of two institutions have a reason that nobody else has: their true counts of one cell.
COUNTS = (7919, 3571)
SEED = 14  # of a sector in which nobody else has that reason


@dataclass
class Running:
    """A federation, its directory, and the daemons of its nodes by name."""

    parts: Federation
    directory: Path
    nodes: dict[str, Daemon]

    def start(self, name: str) -> None:
        place = next(one for one in self.parts.premises if one.export.house.node == name)
        self.nodes[name] = place.daemon()

    def stop(self, name: str) -> None:
        self.nodes.pop(name).stop()


@pytest.fixture(scope="session", autouse=True)
def quiet_prefect(tmp_path_factory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("prefect-home")
    before = dict(os.environ)
    os.environ.pop("PREFECT_API_URL", None)
    os.environ.update(settings.environment(home))
    yield home
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def prefect_api(quiet_prefect) -> Iterator[str]:
    """Prefect's server; the value is its address."""
    from prefect.settings import PREFECT_API_URL
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield PREFECT_API_URL.value()


@pytest.fixture(scope="session")
def running(tmp_path_factory) -> Iterator[Running]:
    """An aggregator and three nodes, each its own process, over mutual TLS."""
    directory = tmp_path_factory.mktemp("f")
    made = sector.make(2025, SEED)
    assert made.truth["THB_OTH"] == 0, "the planted counts stand alone in their cell"
    exports = [planted(export, count) for export, count in zip(made.exports, (*COUNTS, 0), strict=False)]
    with ExitStack() as ends:
        parts = federation.prepare(directory, exports, packaged("aanleiding-demo"))
        ends.callback(parts.aggregator.stop)
        made = Running(parts, directory, {})
        ends.callback(lambda: [made.stop(name) for name in list(made.nodes)])
        for export in exports:
            made.start(export.house.node)
        yield made


@pytest.fixture(scope="module", autouse=True)
def administrator(request) -> Iterator[None]:
    """The administrator's credentials in the environment, where a file uses the federation and no longer."""
    with pytest.MonkeyPatch.context() as patch:
        if any("running" in item.fixturenames for item in request.session.items if item.path == request.path):
            parts = request.getfixturevalue("running").parts
            patch.setenv(settings.CREDENTIALS, str(parts.national.admin))
        yield


def planted(export: sector.Export, count: int) -> sector.Export:
    """The export with a client, and a count, that must never be seen again."""
    dialect = export.house.dialect
    day = dialect.written(date(2025, 6, 1))
    fields = list(dialect.clients_file)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=dialect.delimiter, lineterminator="\r\n")
    known = {"person": PERSON, "name": NAME, "first_contact": day, "reason": dialect.words["reason"]["HG"]}
    alone = {"first_contact": day, "reason": dialect.words["reason"]["THB_OTH"]}
    for client in (known, *({**alone, "person": f"planted-{number}"} for number in range(count))):
        writer.writerow([client.get(field, "") for field in fields])
    name = next(name for name in export.files if name.startswith("export-"))
    more = export.files[name] + text.getvalue().encode(dialect.encoding)
    return replace(export, files={**export.files, name: more})
