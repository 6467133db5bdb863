"""A release made from fixed sums is the committed one, byte for byte; and anybody can make it from itself."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aggregator import publisher
from samentel.documents import programme as programmes
from samentel.documents import public
from samentel.documents.codelists import Text
from samentel.documents.envelope import from_json as envelope_from_json
from samentel.documents.model import from_json
from samentel.figures import exact, measured, release
from samentel.figures.edition import Edition, csv_bytes
from samentel.figures.manifest import SCHEMA, Correction, Manifest, schema_bytes
from tests.golden.make import AUTHORITY, COORDINATOR, HERE, RELEASE, made, material

GOLDEN = HERE / RELEASE
DOCS = Path(__file__).resolve().parents[2] / "docs"
MOST = 150_000  # bytes: it lies in the repository

# What the checklist of a release asks for, each by its place in the manifest.
MUSTS = [
    "release_id",
    "programme_id",
    "programme_version",
    "programme",
    "period",
    "published_at",
    "licence",
    "contact",
    "next_release",
    "errata",
    "revisions",
    "tables.title",
    "tables.unit",
    "reason",
    "tables.dimensions",
    "code_lists.codes",
    "populations.definition",
    "coverage.enrolled",
    "coverage.invited",
    "coverage.present",
    "coverage.in_sum",
    "coverage.dealt",
    "coverage.dropped",
    "coverage.same_person",
    "coverage.missing",
    "populations.registered_by",
    "populations.unit",
    "populations.adjacency",
    "populations.rows_per_person",
    "populations.rows_max",
    "privacy.unit",
    "privacy.measure",
    "privacy.rho_spent",
    "privacy.delta",
    "privacy.epsilon_upper",
    "privacy.mechanism",
    "privacy.unprotected",
    "privacy.shared_noise.colluders",
    "privacy.shared_noise.collude_max",
    "privacy.shared_noise.absent_max",
    "privacy.shared_noise.threshold",
    "year_loss.rho",
    "year_loss.house_cap",
    "year_loss.composition",
    "tables.noise.planned",
    "tables.noise.realised",
    "tables.noise.honest",
    "safeguards.trust",
    "safeguards.thresholds",
    "safeguards.post_processing",
    "safeguards.libraries",
    "safeguards.arithmetic",
    "safeguards.timing",
    "safeguards.randomness",
    "safeguards.hazards",
    "safeguards.justification",
    "safeguards.approved_by",
    "confidence",
    "interval",
    "accuracy.method",
    "accuracy.joint",
    "accuracy.joint_z",
    "accuracy.tables.half_width",
    "accuracy.tables.smallest_change",
    "accuracy.tables.grade",
    "accuracy.tables.target_sd",
    "accuracy.tables.accepted",
    "accuracy.tables.planned_half_width",
    "accuracy.checks.detects",
    "tables.cell_sd",
    "files.sha256",
    "files.bytes",
    "files.rows",
    "roster",
    "provenance.public",
    "provenance.transcript",
    "provenance.rebuilding",
    "software",
]

# How many of them say nothing, and why; of all others every one says something.
SILENT = {
    "tables.dimensions": 3,  # of a total
    "tables.noise.planned": 1,  # of a table that was not measured
    "tables.noise.realised": 1,
    "tables.noise.honest": 1,
    "accuracy.tables.grade": 4,  # of a population without a reference figure
    "accuracy.tables.target_sd": 5,  # one table has a target
    "accuracy.tables.accepted": 5,
    "files.rows": 7,  # of texts
}


def content(place):
    return {path.name: path.read_bytes() for path in place.iterdir()}


@pytest.fixture(scope="module")
def golden():
    return content(GOLDEN)


@pytest.fixture(scope="module")
def manifest(golden):
    return from_json(Manifest, golden["manifest.json"], "manifest")


def test_the_same_sums_give_the_committed_bytes(golden, tmp_path):
    fresh = content(made(tmp_path))
    assert fresh.keys() == golden.keys()
    changed = [name for name in golden if golden[name] != fresh[name]]
    assert not changed, "if that is meant: python -m tests.golden.make, and look at what changed"


def test_it_is_small_and_has_every_file_that_there_can_be(golden):
    assert sum(map(len, golden.values())) < MOST
    named = {file.name for file in from_json(Manifest, golden["manifest.json"], "manifest").files}
    assert named | {"manifest.json", "manifest.dsse.json"} == golden.keys()
    assert named >= {"tables.csv", "measured.csv", "indicators.csv", "eu.csv", "trends.csv", "exact.csv"}
    assert named >= {"public.dsse.json", "transcript.json"}


def test_whoever_has_it_makes_its_public_figures_again(golden, manifest):
    """From the document that the authority signed, which is a file of the release."""
    signed = envelope_from_json(golden["public.dsse.json"])
    figures = public.verify(signed, [key.public for key in AUTHORITY], 2)
    assert figures.digest == manifest.provenance.public
    rows = csv_bytes(exact.COLUMNS, exact.rows(None, figures)).partition(b"\n")[2]
    assert rows
    assert golden["exact.csv"].endswith(rows)


def test_whoever_has_it_makes_its_figures_and_texts_again(golden, manifest):
    signed = envelope_from_json(golden["programme.dsse.json"])
    programme = programmes.verify(signed, [key.public for key in AUTHORITY], 2)
    years = measured.read(programme, golden["measured.csv"], manifest.in_sum)
    figures = release.figures(Edition(programme, years))
    assert len(figures) == 5
    texts = release.texts(manifest, programme)
    assert len(texts) == 4
    for name, data in {**figures, **texts}.items():
        assert data == golden[name], name


def values(value, path):
    if not path:
        return [value]
    if value is None:
        return [None]
    if isinstance(value, list):
        return [one for item in value for one in values(item, path)]
    return values(value[path[0]], path[1:])


@pytest.mark.parametrize("place", MUSTS)
def test_the_manifest_says_all_that_a_release_must_say(golden, place):
    found = values(json.loads(golden["manifest.json"]), place.split("."))
    said = [one not in (None, "", [], {}) for one in found]
    assert said
    assert said.count(False) == SILENT.get(place, 0)


def test_a_correction_says_what_it_corrects_and_what_it_replaces(golden, tmp_path):
    """The committed release does neither, so one is made that does."""
    reason = Text(nl="De titel was fout.", en="The title was wrong.")
    corrects = Correction(release_id=RELEASE, reason=reason)
    changed = replace(material(), release_id="klein-2025-2", supersedes=RELEASE, corrects=corrects)
    publisher.write(tmp_path, changed, COORDINATOR)
    made_ = content(tmp_path / "klein-2025-2")
    said = from_json(Manifest, made_["manifest.json"], "manifest")
    assert (said.supersedes, said.corrects) == (RELEASE, corrects)
    assert f"correctie** van `{RELEASE}`" in made_["guide.nl.md"].decode()
    committed = json.loads(golden["manifest.json"])
    assert (committed["supersedes"], committed["corrects"]) == (None, None)


def test_the_schema_is_published_beside_the_documentation(golden):
    assert golden[SCHEMA] == schema_bytes() == (DOCS / SCHEMA).read_bytes()
