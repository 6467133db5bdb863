"""Five releases of one small sector, as files: combined where they may be, refused where they may not."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from aggregator import publisher
from aggregator.conductor import Round
from aggregator.events import RoundOpened
from desk import cli
from desk.releases import combine
from samentel.counting.privacy import noise_plan
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.envelope import seal
from samentel.documents.keys import SigningKey
from samentel.documents.model import to_bytes
from samentel.documents.roster import Institution, Roster
from samentel.errors import DocumentError, PeerError
from samentel.figures.sums import add_up
from samentel.ids import Period
from tests.samentel.figures.nation import NODES, as_toml, table, written

MOMENT = datetime(2026, 2, 1, tzinfo=UTC)
KEY = SigningKey(b"\1" * 32)
PERIODS = ("2025", "2025Q1", "2025Q2", "2025Q3", "2025Q4")


def drafts():
    """A year that counts the victims of its quarters, and the quarters: sex is frozen, consent is not."""
    year, quarter = written(), written()
    year["tables"] = [table("victims", share="1/10"), table("victims", "sex", "consent", share="1/2"),
                      table("victims", "sex", share="1/10")]  # fmt: skip
    year["populations"][1]["of_quarters"] = "quarters"
    quarter |= {"id": "quarters", "period": "quarter", "rho": "1/4"}
    quarter["tables"] = [table("victims", "sex", share="1/2"), table("victims", "consent", share="1/4")]
    return year, quarter


def published(place, draft, period, nodes=NODES):
    """A release of individual mode: people spread evenly over each table, in a year four times as many."""
    payload = as_toml(draft)
    programme, plan = programmes.parse(payload), noise_plan(programmes.parse(payload))
    houses = tuple(
        Institution(node=name, name=name, operator=name, type="OPV", province="NORTH",
                    protocol_key=f"{number:02x}" * 32)
        for number, name in enumerate(nodes)
    )  # fmt: skip
    roster = rosters.parse(
        to_bytes(
            Roster(version=1, issued_at=MOMENT, coordinator_key=KEY.public.raw.hex(), institutions=houses)
        )
    )
    people = 48 if len(period) == 4 else 12
    vector = np.concatenate(
        [np.full(one.cells + 1, people // one.cells * one.granularity, dtype=np.int64) for one in plan]
    )
    opened = RoundOpened(
        envelope="1" * 64,
        programme=programme.digest,
        roster=roster.digest,
        period=Period.parse(period),
        attempt=1,
        invited=nodes,
        institutions_min=3,
        gather_until=MOMENT,
        collect_until=MOMENT,
    )
    material = publisher.Material(
        release_id=f"{programme.id}-{period.lower()}-1",
        round=Round("3" * 64, opened, MOMENT, present=frozenset(nodes)),
        programme=programme,
        signed=seal(programmes.PAYLOAD_TYPE, payload, KEY),
        roster=roster,
        plan=plan,
        national=add_up(plan, dict.fromkeys(nodes, vector)),
        dealers=len(nodes),
        published_at=MOMENT,
        software={"samentel": "0"},
    )
    publisher.write(place, material, KEY)
    return place / material.release_id


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    place, (year, quarter) = tmp_path_factory.mktemp("releases"), drafts()
    return [published(place, year if len(period) == 4 else quarter, period) for period in PERIODS]


def test_what_counts_the_same_persons_is_combined_and_the_rest_named(releases):
    found = combine.combine(releases[0], releases[1:], KEY.public)
    assert found.together.total("victims").sd < found.alone.total("victims").sd
    assert [why.partition(":")[0] for why in found.left_out] == ["quarters, table consent"] * 2
    before, after = (it.table("sex").cells[0] for it in (found.alone, found.together))
    assert after.sd < before.sd


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_command_prints_both_and_what_was_left_out(releases, called, language):
    key = KEY.public.raw.hex()
    said = called(cli.main, "samentel", "combine", *releases, "--coordinator", key, "--lang", language)
    assert said.returncode == 0, said.stderr
    assert {"nl": "jaar en kwartalen", "en": "year and quarters"}[language] in said.stdout
    assert "consent is not frozen" in " ".join(said.stdout.split())
    assert f"F {language}" in said.stdout
    assert said.stdout.count("±") == 2 * (1 + 3)  # the total and three sexes, each combined and alone


def test_the_command_gives_every_table_as_json(releases, called):
    key = KEY.public.raw.hex()
    said = called(cli.main, "samentel", "combine", *releases, "--coordinator", key, "--json")
    values = json.loads(said.stdout)
    assert len(values) == 1 + 12 + 3
    assert all(it["sd"] <= it["sd_alone"] * (1 + 1e-9) for it in values)


def test_another_order_other_institutions_and_another_key_are_refused(releases, tmp_path, called):
    year, *quarters = releases
    with pytest.raises(DocumentError, match="given are 2025Q2, 2025Q1"):
        combine.combine(year, [quarters[1], quarters[0], *quarters[2:]], KEY.public)
    fewer = published(tmp_path, drafts()[1], "2025Q4", NODES[:-1])
    with pytest.raises(DocumentError, match=f"2025Q4: not both in the quarter and in the year: {NODES[-1]}"):
        combine.combine(year, [*quarters[:3], fewer], KEY.public)
    with pytest.raises(PeerError):
        combine.combine(year, quarters, SigningKey(b"\2" * 32).public)
    said = called(cli.main, "samentel", "combine", *releases[:4], "--coordinator", KEY.public.raw.hex())
    assert said.returncode == 1
    assert "a year has four quarters" in said.stderr


def test_a_changed_sum_is_not_combined(releases, tmp_path):
    year, *quarters = releases
    spoilt = published(tmp_path, drafts()[1], "2025Q1")
    path = spoilt / "measured.csv"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-2] + b"9\n")
    with pytest.raises(DocumentError, match=r"measured\.csv"):
        combine.combine(year, [spoilt, *quarters[1:]], KEY.public)


def test_where_nothing_counts_the_same_persons_every_reason_is_given(tmp_path):
    year, quarter = drafts()
    del year["populations"][1]["of_quarters"]
    made = [published(tmp_path, year if len(period) == 4 else quarter, period) for period in PERIODS]
    with pytest.raises(DocumentError) as caught:
        combine.combine(made[0], made[1:], KEY.public)
    assert len(caught.value.problems) == 2
    assert all(
        "does not count the population victims from the quarters" in it for it in caught.value.problems
    )
