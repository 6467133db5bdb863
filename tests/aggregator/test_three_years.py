"""Tables whose counts are too small for a year: published as the sum of three, once they are there."""

import csv
import io

import pytest

from aggregator import documents, publisher, releasing
from aggregator.book import opened
from aggregator.office import open_office
from samentel.documents import programme as programmes
from samentel.documents.envelope import seal
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import RoundPhase

SMALL = 'id = "reason-sex"\n'


@pytest.fixture
def small(federation, tools):
    """The federation, its programme in a second version in which one table needs three years."""
    payload = tools.written(version=2).replace(SMALL.encode(), f"{SMALL}years = 3\n".encode())
    envelope = seal(programmes.PAYLOAD_TYPE, payload, *federation.authority)
    documents.publish(federation.config, envelope)
    federation.programme = programmes.parse(payload)
    return federation


def figures(federation, status, table="reason-sex"):
    text = (federation.config.releases / status.release_id / "tables.csv").read_text("utf-8")
    return [row for row in csv.DictReader(io.StringIO(text)) if row["table"] == table]


def total(rows):
    return sum(float(row["estimate"]) for row in rows)


def manifest(federation, status):
    return publisher.manifest_of(publisher.read_manifest(federation.config.releases, status.release_id))


def facts(federation, status):
    return next(it for it in manifest(federation, status).tables if it.id == "reason-sex")


async def test_three_years_that_are_published_make_the_table(small, tools):
    alone = [await tools.advance(small, RoundPhase.PUBLISHED, period=year) for year in ("2023", "2024")]
    for status in alone:
        assert figures(small, status) == []
        assert facts(small, status).withheld is not None
    last = await tools.advance(small, RoundPhase.PUBLISHED, present=3, period="2025")
    rows = figures(small, last)
    assert len(rows) == 9
    # In every year its sum is that of the table which is published yearly.
    yearly = [total(figures(small, status, "reason")) for status in (*alone, last)]
    assert yearly[0] == yearly[1] > yearly[2] > 0
    assert total(rows) == pytest.approx(sum(yearly))
    described = facts(small, last)
    assert (described.periods, described.withheld) == (("2023", "2024", "2025"), None)
    assert [float(row["sd"]) for row in rows] == pytest.approx([described.cell_sd] * 9)
    before = manifest(small, last).earlier
    assert [(str(one.period), one.release_id, len(one.in_sum)) for one in before] == [
        ("2023", alone[0].release_id, 4),
        ("2024", alone[1].release_id, 4),
    ]


async def test_a_year_that_is_missing_keeps_the_table_out(small, tools):
    await tools.advance(small, RoundPhase.PUBLISHED, period="2023")
    last = await tools.advance(small, RoundPhase.PUBLISHED, period="2025")
    assert figures(small, last) == []
    assert facts(small, last).periods == ()
    # The year between is published later: the release that is there stays as it is.
    await tools.advance(small, RoundPhase.PUBLISHED, period="2024")
    with opened(small.config) as book:
        office = open_office(small.config, book)
        assert not releasing.years_before(office, book.state, book.state.rounds[last.round_id])


async def test_years_that_counted_other_tables_are_not_added_up(small, tools):
    await tools.advance(small, RoundPhase.PUBLISHED, period="2023")
    await tools.advance(small, RoundPhase.PUBLISHED, period="2024")
    payload = tools.written(version=3).replace(SMALL.encode(), f"{SMALL}years = 3\n".encode())
    payload = payload.replace(b'{ code = "LAB"', b'{ code = "LABOUR"')
    documents.publish(small.config, seal(programmes.PAYLOAD_TYPE, payload, *small.authority))
    small.programme = programmes.parse(payload)
    last = await tools.advance(small, RoundPhase.PUBLISHED, period="2025")
    assert figures(small, last) == []


async def test_the_same_bytes_when_made_again(small, tools, tmp_path):
    for year in ("2023", "2024"):
        await tools.advance(small, RoundPhase.PUBLISHED, period=year)
    last = await tools.advance(small, RoundPhase.PUBLISHED, period="2025")
    place = small.config.releases / last.release_id
    kept = {path.name: path.read_bytes() for path in place.iterdir()}
    with opened(small.config) as book:
        office = open_office(small.config, book)
        material = releasing.material(office, book.state.rounds[last.round_id])
        publisher.write(tmp_path, material, office.key)
    assert {path.name: path.read_bytes() for path in (tmp_path / last.release_id).iterdir()} == kept


async def test_a_release_that_began_first_and_was_complete_later_is_no_year_before(small, tools, tmp_path):
    """As after an interruption: what a release is made of was fixed when it began, for corrections too."""
    first = await tools.advance(small, RoundPhase.PUBLISHED, period="2023")
    late = await tools.advance(small, RoundPhase.SUMMED, period="2024")
    with opened(small.config) as book:  # publishing begins, and then the process ends
        office = open_office(small.config, book)
        round_ = book.state.rounds[late.round_id]
        office.command(late.round_id, releasing.naming(office, book.state, round_))
    last = await tools.advance(small, RoundPhase.PUBLISHED, period="2025")
    place = small.config.releases / last.release_id
    kept = {path.name: path.read_bytes() for path in place.iterdir()}
    admin = small.admin_link()
    await admin.call(M.PUBLISH_ROUND, m.PublishRoundRequest(late.round_id), 60)
    await admin.close()
    with opened(small.config) as book:
        office, rounds = open_office(small.config, book), book.state.rounds
        assert rounds[late.round_id].published_at < rounds[last.round_id].published_at
        assert not releasing.years_before(office, book.state, rounds[last.round_id])
        before = releasing.years_before(office, book.state, rounds[late.round_id])
        assert [it.round_id for it in before] == [first.round_id]
        publisher.write(tmp_path, releasing.material(office, rounds[last.round_id]), office.key)
    assert {path.name: path.read_bytes() for path in (tmp_path / last.release_id).iterdir()} == kept


async def test_trends_have_the_years_before_without_a_gap_and_never_more_than_four(federation, tools):
    for year in ("2018", "2020", "2021", "2022", "2023", "2024"):
        await tools.advance(federation, RoundPhase.PUBLISHED, period=year)
    place = federation.config.releases

    def earlier(year):
        found = publisher.manifest_of(publisher.read_manifest(place, f"redenen-test-{year}-1"))
        return [str(one.period) for one in found.earlier]

    assert [earlier(year) for year in (2018, 2020, 2021)] == [[], [], ["2020"]]
    assert earlier(2024) == ["2020", "2021", "2022", "2023"]
    await tools.advance(federation, RoundPhase.PUBLISHED, period="2025")
    assert earlier(2025) == ["2021", "2022", "2023", "2024"]
    rows = list(
        csv.DictReader(io.StringIO((place / "redenen-test-2025-1" / "trends.csv").read_text("utf-8")))
    )
    assert {row["period"] for row in rows if row["years"] == "1"} == {"2021", "2022", "2023", "2024", "2025"}
    assert not (place / "redenen-test-2020-1" / "trends.csv").exists()
