"""From sum to release: signed, immutable, the same bytes when made again, whole after a kill."""

import asyncio
import csv
import io
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from types import SimpleNamespace

import grpc
import numpy as np
import polars as pl
import pytest

from aggregator import publisher, releasing
from aggregator.book import opened
from aggregator.client import Coordinator
from aggregator.conductor import Round
from aggregator.events import START, RoundOpened
from aggregator.office import open_office
from desk.packaged import packaged
from samentel.counting.shares import share_plan
from samentel.documents import programme as programmes
from samentel.documents.envelope import open_envelope, seal
from samentel.documents.keys import SigningKey, signing_key
from samentel.documents.model import from_json
from samentel.documents.roster import Institution, Roster
from samentel.errors import LocalFault
from samentel.figures.manifest import Manifest
from samentel.figures.release import COLUMNS
from samentel.figures.sums import national_of
from samentel.ids import Period, digest
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import RoundPhase

MOMENT = datetime(2026, 2, 1, tzinfo=UTC)


def content(place):
    return {path.name: path.read_bytes() for path in place.iterdir()}


def manifest_of(federation, release_id):
    key = signing_key(federation.config.coordinator_key.read_bytes()).public
    envelope = publisher.read_manifest(federation.config.releases, release_id)
    return from_json(Manifest, open_envelope(envelope, publisher.PAYLOAD_TYPE, [key]), "manifest")


async def test_a_release_says_what_it_is(federation, tools):
    status = await tools.advance(federation, RoundPhase.PUBLISHED, present=3)
    manifest = manifest_of(federation, status.release_id)
    assert manifest.release_id == status.release_id == "redenen-test-2025-1"
    assert (manifest.round, manifest.programme) == (status.round_id, federation.programme.digest)
    assert manifest.coverage.invited == tools.NODES
    assert manifest.coverage.present == manifest.coverage.in_sum == tools.NODES[:3]
    place = federation.config.releases / status.release_id
    files = content(place)
    signed = {"manifest.json", "manifest.dsse.json"}
    assert {name: digest(data) for name, data in files.items() if name not in signed} == {
        file.name: file.sha256 for file in manifest.files
    }
    assert [file.name for file in manifest.files[:2]] == ["tables.csv", "measured.csv"]
    assert {file.name: len(files[file.name]) for file in manifest.files} == {
        file.name: file.bytes for file in manifest.files
    }
    assert (
        files["manifest.json"]
        == publisher.read_manifest(federation.config.releases, status.release_id).payload
    )
    assert {oct(path.stat().st_mode & 0o777) for path in place.iterdir()} == {"0o444"}
    assert manifest.privacy.rho_spent <= manifest.privacy.rho
    keys = sorted(key.key_id for key in federation.config.authority)
    assert list(manifest.safeguards.approved_by) == keys


async def test_csv_and_parquet_hold_the_same_figures_with_their_types(federation, tools):
    status = await tools.advance(federation, RoundPhase.PUBLISHED)
    place = federation.config.releases / status.release_id
    rows = list(csv.DictReader(io.StringIO((place / "tables.csv").read_text("utf-8"))))
    frame = pl.read_parquet(place / "tables.parquet")
    assert tuple(frame.columns) == tuple(rows[0]) == COLUMNS
    assert frame.schema["estimate"] == pl.Float64
    assert frame.schema["share_upper"] == pl.Float64
    assert {frame.schema[name] for name in ("shown", "shown_lower", "shown_upper")} == {pl.String}
    assert [float(row["sd"]) for row in rows] == frame["sd"].to_list()
    assert [row["label_nl"] for row in rows] == frame["label_nl"].to_list()
    # 0, 10 and 20 from the table itself; 30, 120 and 210, with three times the variance, from the one by sex.
    reason = frame.filter(pl.col("table") == "reason")
    assert reason["estimate"].to_list() == pytest.approx([7.5, 37.5, 67.5])
    assert [row["shown"] for row in rows] == frame["shown"].to_list()
    assert reason["share"].to_list() == pytest.approx([7.5 / 112.5, 37.5 / 112.5, 67.5 / 112.5], abs=1e-6)
    assert [row["share"] for row in rows] == [str(share) for share in frame["share"]]
    assert "NREC" in frame["codes"].to_list()
    assert frame.height == 3 + 9


def roster_of(names):
    institutions = [
        Institution(
            node=name,
            name=name,
            operator=name,
            type="VO_MO",
            province="PV27",
            protocol_key=SigningKey(digest(name.encode())[:32].encode()).public.raw.hex(),
        )
        for name in names
    ]
    key = SigningKey(b"\1" * 32).public.raw.hex()
    return Roster(version=1, issued_at=MOMENT, coordinator_key=key, institutions=tuple(institutions))


def secure_sum(dealers=11, survivors=10, **changes):
    """A round of twelve of which some fell out before and some after they had dealt, with its sum."""
    programme = programmes.parse(packaged("aanleiding-samen"))
    names = tuple(f"node-{number:02d}" for number in range(12))
    opened = RoundOpened(
        envelope="1" * 64,
        programme=programme.digest,
        roster="2" * 64,
        period=Period(2025),
        attempt=1,
        invited=names,
        institutions_min=8,
        gather_until=MOMENT,
        collect_until=MOMENT,
    )
    plan = share_plan(programme, len(names), dealers)
    counts = np.arange(programme.vector_length, dtype=np.int64) * 8
    values = {
        "release_id": "aanleiding-samen-2025-1",
        "round": Round("3" * 64, opened, MOMENT, present=frozenset(names)),
        "programme": programme,
        "plan": plan,
        "national": national_of(plan, names[:survivors], counts),
        "dealers": dealers,
        "published_at": MOMENT,
        "signed": seal(programmes.PAYLOAD_TYPE, packaged("aanleiding-samen"), SigningKey(b"\2" * 32)),
        "roster": roster_of(names),
    }
    return publisher.Material(**(values | changes))


@pytest.mark.parametrize("survivors", [9, 10, 11])
def test_a_release_of_a_secure_sum_says_how_many_dealt_and_states_the_noise_that_is_in_it(
    tmp_path, survivors
):
    key, material = SigningKey(b"\1" * 32), secure_sum(survivors=survivors)
    publisher.write(tmp_path, material, key)
    manifest = publisher.manifest_of(publisher.read_manifest(tmp_path, material.release_id))
    assert (len(manifest.coverage.invited), manifest.coverage.dealt) == (12, 11)
    assert manifest.coverage.in_sum == tuple(f"node-{number:02d}" for number in range(survivors))
    assert manifest.privacy.mode == "secure-sum"
    assert manifest.privacy.rho_spent == manifest.privacy.rho == Fraction(1, 2)
    assert manifest.privacy.shared_noise.dealers == 11
    assert manifest.privacy.shared_noise.rho_local == 4
    frame = pl.read_parquet(tmp_path / material.release_id / "tables.parquet")
    for facts in manifest.tables:
        # n3 * sigma**2 / (n2 - c - D), sigma**2 = 1 / (2 * rho of the table)
        variance = survivors / (2 * float(facts.rho)) / (11 - 1 - 2)
        assert facts.noise_sd == pytest.approx(variance**0.5)
        sd = frame.filter(pl.col("table") == facts.id)["sd"].to_list()
        assert sd == pytest.approx([facts.cell_sd] * len(sd))
        assert facts.cell_sd < facts.noise_sd  # each table gains from what others tell of the total
    reason = frame.filter(pl.col("table") == "reason")["estimate"].to_numpy()
    # Times s = 8 in the sum, null cell left out; no other table tells one reason from another.
    assert np.diff(reason) == pytest.approx(np.ones(17))


def test_the_manifest_carries_the_code_lists_with_their_like_in_other_lists(tmp_path):
    programme = programmes.parse(packaged("registratie-2025"))
    plan = share_plan(programme, 12, 11)
    counts = np.arange(programme.vector_length, dtype=np.int64) * 8
    release = secure_sum(
        programme=programme,
        plan=plan,
        national=national_of(plan, [f"n{number}" for number in range(10)], counts),
    )
    publisher.write(tmp_path, release, SigningKey(b"\1" * 32))
    manifest = publisher.manifest_of(publisher.read_manifest(tmp_path, release.release_id))
    lists = {it.id: {code.code: code for code in it.codes} for it in manifest.code_lists}
    aligned = {code: its.alignment["eurostat"] for code, its in lists["nationality"].items()}
    assert aligned["NL"] == "NAT"
    assert "EU27_2020_FOR" in aligned["FOR"].split(", ")
    assert (lists["nationality"]["NL"].nl, lists["nationality"]["NL"].en) == ("Nederlands", "Dutch")
    # Every code of every figure is explained, and no list is there of which no table has figures.
    frame = pl.read_parquet(tmp_path / release.release_id / "tables.parquet")
    pairs = {
        pair
        for dimensions, codes in frame.select("dimensions", "codes").iter_rows()
        if dimensions
        for pair in zip(dimensions.split("|"), codes.split("|"), strict=True)
    }
    assert pairs == {(name, code) for name, its in lists.items() for code in its}


def test_a_share_that_means_nothing_is_empty_in_both_files(tmp_path):
    nobody = secure_sum()
    zeros = np.zeros(nobody.programme.vector_length, dtype=np.int64)
    material = secure_sum(national=national_of(nobody.plan, nobody.national.survivors, zeros))
    publisher.write(tmp_path, material, SigningKey(b"\1" * 32))
    place = tmp_path / material.release_id
    rows = list(csv.DictReader(io.StringIO((place / "tables.csv").read_text("utf-8"))))
    frame = pl.read_parquet(place / "tables.parquet")
    for name in ("share", "share_sd", "share_lower", "share_upper"):
        assert {row[name] for row in rows} == {""}
        assert set(frame[name].to_list()) == {None}
    assert {row["shown"] for row in rows} == {"0"}


def test_a_release_of_a_secure_sum_is_the_same_bytes_when_made_again(tmp_path):
    key = SigningKey(b"\1" * 32)
    for place in ("once", "again"):
        (tmp_path / place).mkdir()
        publisher.write(tmp_path / place, secure_sum(), key)
    name = "aanleiding-samen-2025-1"
    assert content(tmp_path / "once" / name) == content(tmp_path / "again" / name)
    assert publisher.write(tmp_path / "once", secure_sum(), key)
    later = secure_sum(published_at=MOMENT + timedelta(seconds=1))
    with pytest.raises(LocalFault, match="holds something else"):
        publisher.write(tmp_path / "once", later, key)


async def test_publishing_again_gives_the_same_release(federation, tools):
    status = await tools.advance(federation, RoundPhase.PUBLISHED)
    before = content(federation.config.releases / status.release_id)
    with Coordinator.connect(federation.config.admin) as coordinator:
        again = await asyncio.to_thread(coordinator.publish, status.round_id)
    assert again == status
    assert content(federation.config.releases / status.release_id) == before


async def test_two_who_publish_at_once_get_one_release(federation, tools):
    status = await tools.advance(federation, RoundPhase.SUMMED)
    admin = federation.admin_link()
    calls = [admin.call(M.PUBLISH_ROUND, m.PublishRoundRequest(status.round_id), 60) for _ in range(3)]
    answers = await asyncio.gather(*calls)
    assert answers[0] == answers[1] == answers[2]
    await admin.close()
    with opened(federation.config) as book:
        kinds = [event.kind for event, _ in book.store.read(START)]
    assert (kinds.count("publishing"), kinds.count("published")) == (1, 1)


PUBLISHER = """
import asyncio, os, signal, sys
from pathlib import Path
from aggregator import config, publisher, service
from aggregator.book import opened
from aggregator.office import open_office
from samentel.wire.messages import PublishRoundRequest

path, round_id, step = sys.argv[1:]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if step == "before-the-directory":
    publisher.write = die
if step == "in-the-directory":
    publisher.dsse.to_json = die
if step == "before-the-rename":
    replace = Path.replace
    Path.replace = lambda self, to: die() if self.is_dir() else replace(self, to)
if step == "before-the-event":
    write = publisher.write
    publisher.write = lambda *arguments: (write(*arguments), die())

async def main():
    settings = config.load(Path(path))
    with opened(settings) as book:
        control = service.Control(open_office(settings, book))
        await control.publish(PublishRoundRequest(round_id))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "step", ["before-the-directory", "in-the-directory", "before-the-rename", "before-the-event", "nowhere"]
)
async def test_a_kill_at_any_step_leaves_no_half_release_and_the_next_try_gives_the_same_bytes(
    federation, tools, step
):
    status = await tools.advance(federation, RoundPhase.SUMMED)
    command = [sys.executable, "-c", PUBLISHER, str(federation.config.path), status.round_id, step]
    killed = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=60)
    assert killed.returncode == (0 if step == "nowhere" else -signal.SIGKILL), killed.stderr.decode()
    place = federation.config.releases / "redenen-test-2025-1"
    assert place.exists() == (step in ("before-the-event", "nowhere"))
    left = content(place) if place.exists() else None
    admin = federation.admin_link()
    if step != "nowhere":
        assert (await admin.call(M.LIST_RELEASES, m.ListReleasesRequest())).releases == ()
        with pytest.raises(grpc.aio.AioRpcError):
            await admin.call(M.GET_RELEASE, m.GetReleaseRequest("redenen-test-2025-1"))
    done = (await admin.call(M.PUBLISH_ROUND, m.PublishRoundRequest(status.round_id), 60)).round
    assert done.phase is RoundPhase.PUBLISHED
    with opened(federation.config) as book:
        named = book.state.rounds[status.round_id].published_at
    assert manifest_of(federation, done.release_id).published_at == named
    assert left in (None, content(place))
    assert [path.name for path in federation.config.releases.iterdir()] == ["redenen-test-2025-1"]
    # Made a third time from the stored vectors: byte for byte the same.
    kept = content(place)
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    rebuilt = await asyncio.to_thread(rebuild, federation, status.round_id)
    assert rebuilt == digest(kept["manifest.json"])
    assert content(place) == kept
    await admin.close()


def rebuild(federation, round_id):
    """Make the release again from what the log and the stored messages say."""
    with opened(federation.config) as book:
        office = open_office(federation.config, book)
        made_of = releasing.material(office, book.state.rounds[round_id])
        return publisher.write(federation.config.releases, made_of, office.key)


async def test_a_directory_with_something_else_is_not_taken_for_the_release(federation, tools):
    status = await tools.advance(federation, RoundPhase.PUBLISHED)
    place = federation.config.releases / status.release_id
    csv_file = place / "tables.csv"
    csv_file.chmod(0o644)
    csv_file.write_bytes(csv_file.read_bytes().replace(b"SEX", b"XES", 1))
    with pytest.raises(LocalFault, match="holds something else"):
        await asyncio.to_thread(rebuild, federation, status.round_id)


@pytest.mark.parametrize(
    ("release_id", "name"),
    [
        ("redenen-test-2025-1", "manifest.dsse.json"),
        ("redenen-test-2025-1", "absent.csv"),
        ("another", "tables.csv"),
    ],
)
async def test_only_files_that_the_manifest_names_can_be_read(federation, tools, release_id, name):
    await tools.advance(federation, RoundPhase.PUBLISHED)
    with (
        Coordinator.connect(federation.config.admin) as coordinator,
        pytest.raises(LocalFault, match=r"no file|no release"),
    ):
        await asyncio.to_thread(coordinator.read_file, release_id, name)


async def test_a_path_is_no_name_of_a_file(federation, tools):
    await tools.advance(federation, RoundPhase.PUBLISHED)
    link = federation.admin_link()
    data = b"\x0a\x13redenen-test-2025-1\x12\x10../../server.pem"
    stub = link.channel.unary_stream(M.READ_FILE.path)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        async for _ in stub(data, timeout=10):
            pass
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.value.details().startswith("name:")
    await link.close()


def test_a_release_takes_the_first_name_that_is_free():
    from itertools import islice

    from aggregator.releasing import _release_names

    programme = SimpleNamespace(id="doel", version=2)
    assert list(islice(_release_names(programme, Period(2025, 3), 1), 4)) == [
        "doel-2025q3-1",
        "doel-v2-2025q3-1",
        "doel-v2-2025q3-1-2",
        "doel-v2-2025q3-1-3",
    ]


async def test_another_version_of_a_programme_gets_a_name_of_its_own_and_says_what_it_supersedes(
    federation, tools
):
    from aggregator import documents

    first = await tools.advance(federation, RoundPhase.PUBLISHED)
    envelope = federation.sign_programme(version=2)
    documents.publish(federation.config, envelope)
    federation.programme = programmes.parse(envelope.payload)
    second = await tools.advance(federation, RoundPhase.PUBLISHED)
    assert (first.release_id, second.release_id) == ("redenen-test-2025-1", "redenen-test-v2-2025-1")
    assert manifest_of(federation, second.release_id).supersedes == first.release_id
    with Coordinator.connect(federation.config.admin) as coordinator:
        listed = await asyncio.to_thread(coordinator.releases)
    assert [it.release_id for it in listed] == [second.release_id, first.release_id]
