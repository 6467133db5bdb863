"""A release as a coordinator publishes it, made in the test from the shared package alone."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from desk.packaged import packaged
from samentel.counting.privacy import noise_plan
from samentel.documents import programme as programmes
from samentel.documents.envelope import seal, to_json
from samentel.documents.keys import SigningKey
from samentel.documents.model import to_bytes
from samentel.documents.statements import payload_type
from samentel.figures import release
from samentel.figures.estimate import add_up, estimate
from samentel.ids import Period, digest

NODES = ("a", "b", "c", "d")


@pytest.fixture
def programme():
    return programmes.parse(packaged("aanleiding-demo"))


@pytest.fixture
def coordinator():
    return SigningKey(b"\1" * 32)


@pytest.fixture
def published(programme, coordinator):
    """The files of a release by name: four institutions with one person in every cell."""
    plan = noise_plan(programme)
    vector = np.concatenate([np.full(noise.cells + 1, noise.granularity, dtype=np.int64) for noise in plan])
    national = add_up(plan, dict.fromkeys(NODES[:3], vector))
    text = io.StringIO()
    writer = csv.DictWriter(text, release.COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(release.rows(programme, [estimate(programme, national)]))
    files = {
        "tables.csv": text.getvalue().encode(),
        "tables.parquet": b"PAR1 as far as the desk can tell PAR1",
    }
    manifest = release.Manifest(
        release_id="aanleiding-demo-2025-1",
        programme_id=programme.id,
        programme_version=programme.version,
        programme=programme.digest,
        title=programme.title,
        purpose=programme.purpose,
        contact=programme.contact,
        period=Period(2025),
        round="1" * 64,
        attempt=1,
        roster="2" * 64,
        published_at=datetime(2026, 2, 1, tzinfo=UTC),
        coverage=release.Coverage(invited=NODES, present=NODES[:3], in_sum=NODES[:3]),
        privacy=release.privacy_facts(programme, plan, len(NODES), 3),
        interval=release.INTERVAL,
        reading=release.READING,
        tables=release.table_facts(programme, plan, {"2025": national}),
        files=tuple(
            release.File(name=name, bytes=len(data), sha256=digest(data)) for name, data in files.items()
        ),
        software="test",
    )
    envelope = seal(payload_type("release"), to_bytes(manifest), coordinator)
    return files | {"manifest.json": envelope.payload, "manifest.dsse.json": to_json(envelope)}


@pytest.fixture
def directory(published, tmp_path) -> Path:
    place = tmp_path / "release"
    place.mkdir()
    for name, data in published.items():
        (place / name).write_bytes(data)
    return place
