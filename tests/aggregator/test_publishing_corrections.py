"""Mistakes in a release: a correction from the same sums, or a signed erratum; the release itself stays."""

import asyncio

import pytest

from aggregator import corrections, publisher
from aggregator.book import opened
from aggregator.cli import main
from aggregator.client import Coordinator
from aggregator.errors import Contradiction, NotFound
from aggregator.events import START
from samentel.documents.codelists import Text
from samentel.documents.keys import signing_key
from samentel.documents.statements import hear
from samentel.errors import DocumentError
from samentel.figures.manifest import Erratum
from samentel.wire.messages import RoundPhase

WHY = Text(nl="De titel was fout.", en="The title was wrong.")
WRONG = Text(nl="Eén instelling telde dubbel.", en="One institution counted double.")
FIRST = "redenen-test-2025-1"


def content(federation, release_id):
    place = federation.config.releases / release_id
    return {path.name: path.read_bytes() for path in place.iterdir()}


def manifest(federation, release_id):
    return publisher.manifest_of(publisher.read_manifest(federation.config.releases, release_id))


def kinds(federation):
    with opened(federation.config) as book:
        return [event.kind for event, _ in book.store.read(START)]


async def correct(federation, release_id=FIRST, why=WHY):
    return await asyncio.to_thread(corrections.correct, federation.config, release_id, why)


async def issue(federation, release_id=FIRST, text=WRONG):
    return await asyncio.to_thread(corrections.issue, federation.config, release_id, text)


async def listed(federation):
    with Coordinator.connect(federation.config.admin) as coordinator:
        return {one.release_id: one for one in await asyncio.to_thread(coordinator.releases)}


async def test_a_correction_is_the_same_sum_under_another_name_and_says_why(federation, tools):
    await tools.advance(federation, RoundPhase.PUBLISHED, present=3)
    before, rounds = content(federation, FIRST), kinds(federation).count("round-opened")
    name = await correct(federation)
    assert name == f"{FIRST}-c1"
    said = manifest(federation, name)
    assert (said.supersedes, said.corrects.release_id, said.corrects.reason) == (FIRST, FIRST, WHY)
    made = content(federation, name)
    figures = [name for name in before if name.endswith((".csv", ".parquet"))]
    assert figures
    assert {name: made[name] for name in figures} == {name: before[name] for name in figures}
    assert made["transcript.json"] == before["transcript.json"]
    assert "correctie" in made["guide.nl.md"].decode()
    assert content(federation, FIRST) == before
    # No round, no noise, nothing that a ledger would book.
    assert kinds(federation).count("round-opened") == rounds
    assert said.year_loss == manifest(federation, FIRST).year_loss
    served = await listed(federation)
    assert served[FIRST].superseded_by == name
    assert served[name].superseded_by == ""
    with Coordinator.connect(federation.config.admin) as coordinator:
        there = await asyncio.to_thread(coordinator.manifest, name)
        assert there.payload == made["manifest.json"]
        data = await asyncio.to_thread(coordinator.read_file, name, "tables.csv")
        assert data == made["tables.csv"]


async def test_the_same_correction_again_changes_nothing_and_the_next_corrects_the_correction(
    federation, tools
):
    await tools.advance(federation, RoundPhase.PUBLISHED)
    name = await correct(federation)
    made, events = content(federation, name), kinds(federation)
    assert await correct(federation) == name
    assert (content(federation, name), kinds(federation)) == (made, events)
    other = Text(nl="Nog iets.", en="One thing more.")
    with pytest.raises(Contradiction, match=f"{name} has taken the place"):
        await correct(federation, FIRST, other)
    second = await correct(federation, name, other)
    assert second == f"{FIRST}-c2"
    assert manifest(federation, second).supersedes == name
    assert [one.superseded_by for one in (await listed(federation)).values()] == ["", second, name]


@pytest.mark.parametrize("step", ["before the directory", "before the event"])
async def test_a_stop_in_between_is_repaired_by_the_same_command(federation, tools, monkeypatch, step):
    await tools.advance(federation, RoundPhase.PUBLISHED)
    write = publisher.write

    def stopped(*arguments):
        if step == "before the event":
            write(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(publisher, "write", stopped)
        # Not through a thread: an interrupt would take the loop with it.
        with pytest.raises(KeyboardInterrupt):
            corrections.correct(federation.config, FIRST, WHY)
    name = f"{FIRST}-c1"
    left = content(federation, name) if step == "before the event" else None
    assert list(await listed(federation)) == [FIRST]
    with pytest.raises(Contradiction, match=r"half made.*De titel was fout"):
        await correct(federation, FIRST, WRONG)
    assert await correct(federation) == name
    assert left in (None, content(federation, name))
    assert (kinds(federation).count("correcting"), kinds(federation).count("corrected")) == (1, 1)
    assert list(await listed(federation)) == [name, FIRST]


async def test_a_release_after_a_correction_takes_the_place_of_the_correction(federation, tools):
    from aggregator import documents
    from samentel.documents import programme as programmes

    await tools.advance(federation, RoundPhase.PUBLISHED)
    name = await correct(federation)
    envelope = federation.sign_programme(version=2)
    documents.publish(federation.config, envelope)
    federation.programme = programmes.parse(envelope.payload)
    second = await tools.advance(federation, RoundPhase.PUBLISHED)
    said = manifest(federation, second.release_id)
    assert said.supersedes == name
    # Both rounds cost; the correction did not.
    spent = [one.release_id for one in said.year_loss.releases]
    assert spent == [FIRST, second.release_id]
    assert said.year_loss.rho == 2 * said.privacy.rho_spent == 1


async def test_an_erratum_is_signed_said_once_and_repeated_in_later_releases(federation, tools):
    await tools.advance(federation, RoundPhase.PUBLISHED, period="2024")
    first = "redenen-test-2024-1"
    before = content(federation, first)
    envelope = await issue(federation, first)
    again = await issue(federation, first)
    assert again == envelope
    key = signing_key(federation.config.coordinator_key.read_bytes()).public
    said = hear(Erratum, envelope, key)
    assert (said.release_id, said.text) == (first, WRONG)
    assert content(federation, first) == before
    assert (await listed(federation))[first].errata == (envelope,)
    assert kinds(federation).count("erratum-issued") == 1
    await tools.advance(federation, RoundPhase.PUBLISHED, period="2025")
    assert manifest(federation, FIRST).errata == (said,)
    assert WRONG.nl in content(federation, FIRST)["guide.nl.md"].decode()


async def test_what_is_not_there_or_cannot_be_shown_is_refused(federation, tools):
    await tools.advance(federation, RoundPhase.PUBLISHED)
    before = kinds(federation)
    for work in (correct, issue):
        with pytest.raises(NotFound):
            await work(federation, "redenen-test-2031-1")
    with pytest.raises(DocumentError, match="control character"):
        corrections.words("regel\x1b[2J", "line")
    with pytest.raises(DocumentError, match="en"):
        corrections.words("regel", "")
    assert kinds(federation) == before


async def test_the_commands_do_it_and_the_list_shows_it(federation, tools, called):
    await tools.advance(federation, RoundPhase.PUBLISHED)

    def says(*words):
        return called(main, "samentel-aggregator", "--config", federation.config.path, "release", *words)

    texts = ("--nl", WHY.nl, "--en", WHY.en)
    done = await asyncio.to_thread(says, "correct", FIRST, *texts)
    assert (done.returncode, done.stdout) == (0, f"Published: {FIRST}-c1, in the place of {FIRST}.\n")
    done = await asyncio.to_thread(says, "erratum", FIRST, *texts)
    assert (done.returncode, done.stdout) == (0, f"Issued: an erratum to {FIRST}.\n")
    done = await asyncio.to_thread(says, "correct", f"{FIRST}-c9", *texts)
    assert done.returncode == 1
    assert done.stderr == "samentel-aggregator: there is no release of that name\n"
    lines = (await asyncio.to_thread(says, "list")).stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [f"{FIRST}-c1", FIRST]
    assert lines[2].split()[-2:] == [f"{FIRST}-c1", "1"]
