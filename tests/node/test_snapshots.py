"""Whom a period counts is fixed once: real store, real intake, and exports that change in between.

Every person of these tests has a reason of its own, so that the cells of a snapshot say who is in it.
"""

import asyncio
import sqlite3
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import groupby

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node import config as configuration
from node import doctor, identity, overview, permission, sealing, snapshots
from node.journal import Journal
from node.permission import Known, Permission
from node.policy import Permit
from node.snapshots import Question
from node.store import DocumentKind, DocumentRecord, Reader, SealedPeriod, SnapshotRecord, Store
from node.texts import Words
from samentel.counting.contribution import Codes
from samentel.counting.ledger import Charge
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.keys import SigningKey
from samentel.documents.statements import Approval, state
from samentel.errors import LocalFault, Reason, Refusal
from samentel.ids import Period

PERSONS = 4
CANARY = "qzxwvjkypfhgbnmtrdclsoie"

PROGRAMME = """
id = "{id}"
version = 1
contact = "Test"
mode = "individual"
period = "{period}"
rho = "1/2"
delta = "1/1000000"
max_attempts = 5
tick_seconds = 0.05
title = {{ nl = "Toets", en = "Test" }}
purpose = {{ nl = "Toetsen", en = "Testing" }}
[roster]
institutions_min = 3
[[populations]]
id = "{records}"
records = "{records}"
counting = "inflow"
rows_per_person = {k}
{more}
title = {{ nl = "Wie", en = "Who" }}
definition = {{ nl = "Wie", en = "Who" }}
[[dimensions]]
id = "reason"
field = "reason"
unknown = "U"
title = {{ nl = "Aanleiding", en = "Reason" }}
codes = [{codes}]
[[tables]]
id = "reason"
population = "{records}"
dimensions = ["reason"]
rho_share = "1"
title = {{ nl = "Aanleiding", en = "Reason" }}
question = {{ nl = "Waarom?", en = "Why?" }}
"""

MAPPING = """
[file]
path = "export.csv"
delimiter = ";"
dates = ["%Y-%m-%d"]
[columns]
person = "nr"
first_contact = "datum"
reason = "aanleiding"
[requests]
columns = { person = "nr", requested = "gevraagd" }
"""


def programme(name="clients", *, records="clients", period="quarter", k=2, more=""):
    codes = ", ".join(
        f'{{ code = "{code}", nl = "{code}", en = "{code}" }}'
        for code in [*(f"R{number}" for number in range(PERSONS)), "U"]
    )
    text = PROGRAMME.format(id=name, records=records, period=period, codes=codes, k=k, more=more)
    return programmes.parse(text.encode())


A, B, REQUESTS, YEAR = (
    programme("clients"),
    programme("others"),
    programme("requests", records="requests"),
    programme("clients-year", period="year"),
)
OF_QUARTERS = programme("of-quarters", period="year", k=1, more='of_quarters = "clients"')


HERE = rosters.Institution(
    node="huis-een",
    name="Huis Eén",
    operator="Huis Eén",
    type="VO_MO",
    province="PV27",
    facilities=("VO_MO",),
    protocol_key="1" * 64,
)


class House:
    """One institution on disk: exports that the test rewrites, and a store that it may open again."""

    def __init__(self, kit, directory, journal=None):
        self.kit, self.directory = kit, directory
        (directory / "mapping.toml").write_text(MAPPING)
        loaded = configuration.load(directory / "node.toml")
        self.config = replace(loaded, caps=Charge(Fraction(1000), Fraction(1000)))
        self.signer = identity.protocol_key(self.config.state_dir)
        self.journal = journal or Journal()
        self.roster = kit.Premises(self.config, self.signer).roster()
        self.export({})

    def export(self, contacts, requests=None):
        """Rewrite the export: by person, the dates of contacts and requests."""
        lines = ["nr;datum;gevraagd;aanleiding"]
        for person in range(PERSONS):
            asked = (requests or {}).get(person, [])
            for number, day in enumerate(contacts.get(person, [])):
                lines.append(
                    f"{CANARY}{person};{day};{asked[number] if number < len(asked) else ''};R{person}"
                )
        (self.directory / "export.csv").write_text("\n".join(lines) + "\n")

    @contextmanager
    def open(self, state=None):
        with Store.open(state or self.config.state_dir) as store:
            if not store.documents(DocumentKind.APPROVAL):
                agreed = [self.approval(one) for one in (A, B, REQUESTS, YEAR, OF_QUARTERS)]
                store.write(datetime.now(UTC), documents=agreed)
            yield store, Permission(self.config, store, "huis-een", self.signer, self.journal)

    def approval(self, one):
        now = datetime.now(UTC)
        said = Approval(
            node="huis-een",
            programme=one.digest,
            rho_cap=Fraction(1000),
            individual=True,
            approved_at=now,
            expires_at=now + timedelta(days=1),
            approved_by="x",
        )
        return DocumentRecord(DocumentKind.APPROVAL, one.digest, state(said, self.signer))

    def known(self, one, period, attempt=1):
        asked = self.kit.opened(one, self.roster, period=period, attempt=attempt, number=attempt)
        # The same question is the same round, whenever it is asked.
        asked = asked.model_copy(update={"opened_at": datetime(2026, 1, 1, tzinfo=UTC)})
        return Known(asked, rosters.parse(self.roster.payload), one)

    def ready(self, part, one, period, attempt=1):
        known = self.known(one, period, attempt)
        return asyncio.run(part.ready(known, known.round.collect_until))

    def count(self, part, one, period, attempt=1):
        """What is counted in a round, by person; or why it is refused."""
        seen = []

        def drawn(codes, permit):
            seen.append(people(codes))
            return np.zeros(1)

        verdict = self.ready(part, one, period, attempt)
        if not isinstance(verdict, Permit):
            return verdict.reason
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(permission, "_drawn", drawn)
            asyncio.run(part.draw(verdict))
        return seen[0]


def people(codes):
    """By person, how often it stands in the codes."""
    return {
        person: count for person, count in enumerate(np.bincount(codes.cells["reason"]).tolist()) if count
    }


@pytest.fixture
def house(kit, directory):
    return House(kit, directory)


def day(quarter, year=2025):
    return f"{year}-{3 * quarter - 1:02d}-10"


DAYS = {0: "", **{quarter: day(quarter) for quarter in (1, 2, 3, 4)}, 5: day(1, 2026)}


def test_every_attempt_counts_the_same_persons_though_the_export_changes(house):
    house.export({0: [day(1)], 1: [day(1)], 2: [day(2)]})
    with house.open() as (_, part):
        assert house.ready(part, A, "2025Q1").loss.attempt == 1
    house.export({0: [day(1)], 3: [day(1)]})  # until noise is drawn, corrections still count
    with house.open() as (_, part):
        first = house.count(part, A, "2025Q1")
    assert first == {0: 1, 3: 1}
    house.export({1: [day(1)]})
    with house.open() as (_, part):
        assert house.count(part, A, "2025Q1", attempt=2) == first
        assert house.count(part, A, "2025Q1", attempt=2) == first
    (house.directory / "export.csv").unlink()
    with house.open() as (_, part):
        assert house.count(part, A, "2025Q1", attempt=3) == first
        assert house.count(part, A, "2025Q2") is Reason.SOURCE_NOT_READY


def test_a_year_is_fixed_too_and_binds_nobody(house):
    house.export({0: [day(1)], 1: [day(3)]})
    with house.open() as (store, part):
        assert house.count(part, YEAR, "2025") == {0: 1, 1: 1}
        house.export({1: [day(2)]})
        assert house.count(part, YEAR, "2025", attempt=2) == {0: 1, 1: 1}
        assert house.count(part, A, "2025Q2") == {1: 1}
        assert [one.binds for one in store.sealed_periods()] == [False, True]


def test_nobody_is_counted_in_two_quarters_whatever_programme_asks(house):
    house.export({0: [day(1)], 1: [day(2)]})
    with house.open() as (_, part):
        assert house.count(part, A, "2025Q1") == {0: 1}
        house.export({0: [day(2)], 1: [day(2)], 2: [day(2)]}, requests={0: [day(2)], 1: [day(2)]})
        assert house.count(part, B, "2025Q2") == {1: 1, 2: 1}
        assert house.count(part, REQUESTS, "2025Q2") == {1: 1}
        house.export({0: [day(2, 2026)], 2: [day(3)]})
        assert house.count(part, A, "2025Q3") == {}
        assert house.count(part, B, "2026Q2") == {0: 1}  # another year, another token


def test_codes_that_wait_are_made_again_when_another_quarter_is_sealed(house):
    house.export({0: [day(2)], 1: [day(2)]})
    with house.open() as (_, part):
        assert isinstance(house.ready(part, A, "2025Q2"), Permit)
        house.export({0: [day(1)], 1: [day(2)]})
        assert house.count(part, B, "2025Q1") == {0: 1}
        house.export({0: [day(2)], 1: [day(2)]})
        assert house.count(part, A, "2025Q2") == {1: 1}


def test_an_earlier_quarter_without_a_snapshot_is_closed_whoever_was_counted_in_the_later(house):
    with house.open() as (_, part):
        assert house.count(part, A, "2025Q1") == {}
        assert house.count(part, B, "2025Q3") == {}  # nobody at all: what closes is the act, not a number
        house.export({0: [day(2)]})
        assert house.count(part, A, "2025Q2") is Reason.PERIOD_CLOSED
        assert house.count(part, A, "2025Q1", attempt=2) == {}
        assert house.count(part, A, "2025Q4") == {}
        assert house.count(part, YEAR, "2025") == {0: 1}


quarters = st.integers(1, 4)
# Before each question everybody's dates are edited: of contacts, and of requests.
edits = st.tuples(*[st.lists(quarters, min_size=1, max_size=2)] * PERSONS)
questions = st.tuples(
    edits,
    edits,
    st.sampled_from(["ready", "count", "count", "restart"]),
    st.sampled_from([A, B, REQUESTS]),
    quarters,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(questions, min_size=3, max_size=10))
def test_no_sequence_of_edits_counts_anybody_in_two_quarters_of_a_year(house, tmp_path_factory, steps):
    state_dir = tmp_path_factory.mktemp("state")
    counted, where = {}, {person: set() for person in range(PERSONS)}
    for restart, lived in groupby(steps, lambda step: step[2] == "restart"):
        if restart:
            continue
        with house.open(state_dir) as (_, part):
            for contacts, requests, kind, one, quarter in lived:
                house.export(dated(contacts), dated(requests))
                if kind == "ready":  # a round that waits, and may be asked to count later
                    house.ready(part, one, f"2025Q{quarter}")
                    continue
                found = house.count(part, one, f"2025Q{quarter}")
                if found is Reason.PERIOD_CLOSED:
                    assert (one.id, quarter) not in counted
                    continue
                assert counted.setdefault((one.id, quarter), found) == found
                for person in found:
                    where[person].add(quarter)
    assert all(len(found) <= 1 for found in where.values())


def dated(edited):
    return {person: [DAYS[quarter] for quarter in found] for person, found in enumerate(edited)}


# Dates are edited between the quarters: into others, out of the year, or away.
histories = st.tuples(*[st.lists(st.integers(0, 5), min_size=1, max_size=2)] * PERSONS)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lived=st.tuples(*[st.tuples(histories, st.sampled_from([A, A, B, None]))] * 4),
    late=histories,
    later=histories,
)
def test_inflow_counts_once_a_year_whatever_becomes_of_the_dates(house, tmp_path_factory, lived, late, later):
    """Each quarter as it passes; then the year of those quarters, which is sealed too."""
    state_dir, quarters = tmp_path_factory.mktemp("state"), {}
    for quarter, (edited, one) in enumerate(lived, start=1):
        house.export(dated(edited))
        with house.open(state_dir) as (_, part):
            if one is not None:
                quarters[one.id, quarter] = house.count(part, one, f"2025Q{quarter}")
    bound = {
        name: {person for (its, _), found in quarters.items() if its == name for person in found}
        for name in ("clients", "others")
    }
    counted = [person for found in quarters.values() for person in found]
    assert len(counted) == len(set(counted))  # nobody in two quarters, of one programme or of two
    house.export(dated(late))
    with house.open(state_dir) as (_, part):
        year = house.count(part, OF_QUARTERS, "2025")
        there = {person for person, found in enumerate(late) if set(found) & {0, 1, 2, 3, 4}}
        assert year == dict.fromkeys(sorted(bound["clients"] & there), 1)
        house.export(dated(later))
        assert house.count(part, OF_QUARTERS, "2025", attempt=2) == year


def test_a_year_of_quarters_that_waits_is_made_again_when_one_of_them_is_sealed(house):
    house.export({0: [day(1)], 1: [day(3)], 2: [day(4)]})
    with house.open() as (store, part):
        assert house.ready(part, OF_QUARTERS, "2025").loss.attempt == 1
        assert house.count(part, A, "2025Q1") == {0: 1}
        assert house.count(part, B, "2025Q3") == {1: 1}  # of another programme
        assert house.count(part, OF_QUARTERS, "2025") == {0: 1}
        assert house.count(part, A, "2025Q4") == {2: 1}
        assert house.count(part, OF_QUARTERS, "2025", attempt=2) == {0: 1}  # sealed before
        assert [one.binds for one in store.sealed_periods()] == [True, True, False, True]


def test_the_persons_of_each_quarterly_programme_stand_by_themselves(house, monkeypatch):
    asked, seen = Question(OF_QUARTERS, Period(2025), HERE), []
    held = [
        snapshots.sealed(
            house.signer,
            Question(one, Period(2025, quarter), HERE),
            Codes({"reason": np.array([], dtype=np.int64)}),
            frozenset([token * 16]),
            datetime.now(UTC),
        )
        for one, quarter, token in ((A, 1, b"a"), (B, 2, b"b"), (A, 3, b"c"))
    ]

    def taken(*given):
        seen.append(given[-1].counted)
        raise LocalFault("enough")

    monkeypatch.setattr(snapshots.intake, "taken", taken)
    with pytest.raises(LocalFault, match="enough"):
        snapshots.prepare(house.config, house.signer, asked, held, datetime.now(UTC))
    assert seen == [{"clients": {b"a" * 16, b"c" * 16}, "others": {b"b" * 16}}]


def test_a_year_of_quarters_does_not_count_them_in_another_year(house):
    house.export({0: [day(1, 2024)], 1: [day(1)]})
    with house.open() as (_, part):
        assert house.count(part, A, "2024Q1") == {0: 1}
        house.export({0: [day(2)], 1: [day(1)]})
        assert house.count(part, OF_QUARTERS, "2025") == {}


def test_the_snapshot_is_on_disk_before_anything_is_drawn(house, monkeypatch):
    house.export({0: [day(1)]})
    found = []

    def drawn(codes, permit):
        with Reader.open_read_only(house.config.state_dir) as beside:
            found.append([one.period for one in beside.sealed_periods()])
            assert [str(entry.read().kind) for entry in beside.entries()] == []
        raise LocalFault("the process dies here")

    monkeypatch.setattr(permission, "_drawn", drawn)
    with house.open() as (_, part):
        verdict = house.ready(part, A, "2025Q1")
        with pytest.raises(LocalFault):
            asyncio.run(part.draw(verdict))
    assert found == [["2025Q1"]]


def test_nothing_is_drawn_when_the_snapshot_cannot_be_written(house, monkeypatch):
    monkeypatch.setattr(permission, "_drawn", lambda *_: pytest.fail("drawn without a snapshot"))
    with house.open() as (store, part):
        verdict = house.ready(part, A, "2025Q1")
        monkeypatch.setattr(Store, "write", lambda *_, **__: (_ for _ in ()).throw(LocalFault("disk full")))
        with pytest.raises(LocalFault, match="disk full"):
            asyncio.run(part.draw(verdict))
        assert store.sealed_periods() == []


def test_a_snapshot_stays_as_it_is(house):
    with house.open() as (store, part):
        house.count(part, A, "2025Q1")
        held = store.snapshot(store.sealed_periods()[0])
        with pytest.raises(RuntimeError, match="sealed already"):
            store.write(datetime.now(UTC), snapshots=[held])
    for statement in ("UPDATE snapshots SET codes = x''", "DELETE FROM snapshots"):
        raw = sqlite3.connect(house.config.state_dir / "node.sqlite")
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            raw.execute(statement)
        raw.close()


def test_no_number_of_a_person_and_no_count_leaves_the_sealed_bytes(house, capsys):
    house.export({person: [day(1)] for person in range(PERSONS)})
    with house.open() as (store, part):
        house.count(part, A, "2025Q1")
        known = house.known(A, "2025Q1", 2)
        asyncio.run(part.ready(known, known.round.collect_until))
        (prepared,) = part._prepared.values()
        where = store.sealed_periods()[0]
        held = store.snapshot(where)
    on_disk = b"".join(path.read_bytes() for path in house.config.state_dir.rglob("*") if path.is_file())
    told = "".join([*capsys.readouterr(), repr(prepared), repr(held)]).encode()
    for form in (CANARY.encode(), CANARY.encode().hex().encode(), CANARY.encode("utf-16-le")):
        assert form not in on_disk
        assert form not in told
    found = snapshots.persons(house.signer, held)
    assert len(found) == PERSONS
    assert {len(token) for token in found} == {snapshots.TOKEN_BYTES}
    assert not any(token in on_disk or token in told for token in found)
    assert set(overview.status(house.config)["sealed"][0]) == {"programme", "name", "period", "sealed_at"}


def test_a_snapshot_of_another_key_refuses_that_round_and_the_doctor_says_what_to_do(house):
    house.export({0: [day(1)]})
    with house.open() as (store, part):
        house.count(part, A, "2025Q1")
    house.signer = SigningKey(b"\x55" * 32)
    with Store.open(house.config.state_dir) as store:
        (where,) = store.sealed_periods()
        with pytest.raises(LocalFault, match="one backup"):
            snapshots.opened(house.signer, store.snapshot(where), A)
        with pytest.raises(LocalFault, match="one backup"):
            snapshots.persons(house.signer, store.snapshot(where))


def test_damage_to_a_sealed_period_is_a_refusal_and_no_more(house):
    house.export({0: [day(1)], 1: [day(3)]})
    with house.open() as (store, part):
        store.write(datetime.now(UTC), documents=[known_programme(house)])
        house.count(part, A, "2025Q1")
    with sqlite3.connect(house.config.state_dir / "node.sqlite") as raw:
        raw.execute("DROP TRIGGER snapshots_stay")
        raw.execute("UPDATE snapshots SET persons = zeroblob(44), codes = zeroblob(44)")
    with house.open() as (_, part):
        assert house.count(part, A, "2025Q1", attempt=2) is Reason.SOURCE_NOT_READY
        assert house.count(part, A, "2025Q2") is Reason.SOURCE_NOT_READY  # who is bound to Q1 is not known
        assert house.count(part, YEAR, "2025") == {0: 1, 1: 1}
        assert house.count(part, OF_QUARTERS, "2025") is Reason.SOURCE_NOT_READY
        assert house.count(part, A, "2024Q2") == house.count(part, OF_QUARTERS, "2024") == {}  # others go on
    found = dict(doctor.findings(house.config))["sealed periods"]
    assert "2025Q1" in found
    assert "one backup" in found


def known_programme(house):
    envelope = house.kit.signed_programme(b"nothing of interest")
    return DocumentRecord(DocumentKind.PROGRAMME, A.digest, envelope)


@given(
    cells=st.lists(st.integers(0, PERSONS), max_size=50),
    counted=st.frozensets(st.binary(min_size=16, max_size=16), max_size=5),
)
def test_what_is_sealed_opens_as_it_was_but_for_the_order_of_rows(cells, counted):
    key, asked = SigningKey(b"\1" * 32), Question(A, Period(2025, 2), HERE)
    codes = Codes({"reason": np.array(cells, dtype=np.int64)})
    record = snapshots.sealed(key, asked, codes, counted, datetime.now(UTC))
    opened = snapshots.opened(key, record, A)
    assert opened.cells["reason"].tolist() == sorted(cells)
    assert opened.cells["reason"].dtype == np.int64
    assert snapshots.persons(key, record) == counted


@pytest.mark.parametrize("place", ["programme", "period"])
def test_a_snapshot_does_not_open_in_another_s_place(place):
    key, asked = SigningKey(b"\1" * 32), Question(A, Period(2025, 2), HERE)
    codes = Codes({"reason": np.array([1, 2], dtype=np.int64)})
    record = snapshots.sealed(key, asked, codes, frozenset([b"x" * 16]), datetime.now(UTC))
    moved = {"programme": B.digest, "period": "2025Q3"}[place]
    elsewhere = SnapshotRecord(replace(record.where, **{place: moved}), record.codes, record.persons)
    swapped = SnapshotRecord(record.where, record.persons, record.codes)
    for wrong in (elsewhere, swapped):
        with pytest.raises(LocalFault, match="one backup"):
            snapshots.opened(key, wrong, A)
        with pytest.raises(LocalFault, match="one backup"):
            snapshots.persons(key, wrong)


@pytest.mark.parametrize("data", [b"", b"not compressed", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_what_another_version_sealed_is_not_taken_for_codes(data):
    key = SigningKey(b"\1" * 32)
    where = SealedPeriod(A.digest, A.id, "2025Q1", True, "")
    sealed = sealing.seal_snapshot(key, A.digest, "2025Q1", "codes", data)
    with pytest.raises(LocalFault, match="another version"):
        snapshots.opened(key, SnapshotRecord(where, sealed, b""), A)


def test_tokens_say_nothing_across_years_and_nodes():
    one, other = SigningKey(b"\1" * 32), SigningKey(b"\2" * 32)
    found = {snapshots.tokens(key, year)("K1") for key in (one, other) for year in (2025, 2026)}
    assert len(found) == 4
    assert snapshots.tokens(one, 2025)("K1") == snapshots.tokens(one, 2025)("K1")


def test_status_says_which_periods_are_fixed_and_when(house):
    with house.open() as (_, part):
        house.count(part, A, "2025Q1")
    lines = list(overview.status_lines(overview.status(house.config), Words("en")))
    at = next(number for number, line in enumerate(lines) if line.startswith("Who counts is fixed"))
    assert A.digest[:12] in lines[at + 1]
    assert "2025Q1" in lines[at + 1]


@pytest.mark.parametrize(
    "change", [{"type": "JEUGD"}, {"province": "PV20"}, {"facilities": ("VO_MO", "OMM")}]
)
def test_what_the_roster_said_when_a_period_was_sealed_must_still_hold(change):
    key = SigningKey(b"\1" * 32)
    codes = Codes({"reason": np.array([0, 1], dtype=np.int64)})
    record = snapshots.sealed(key, Question(A, Period(2025, 2), HERE), codes, frozenset(), datetime.now(UTC))
    snapshots.check_roster(key, record, HERE.model_copy(update={"name": "Another name"}))
    with pytest.raises(Refusal, match="the roster says something else") as caught:
        snapshots.check_roster(key, record, HERE.model_copy(update=change))
    assert caught.value.reason is Reason.PERIOD_CLOSED


def test_a_period_sealed_under_another_roster_is_refused_with_a_reason_of_its_own(house):
    house.export({0: [day(1)]})
    with house.open() as (_, part):
        assert house.count(part, A, "2025Q1") == {0: 1}
    held = rosters.parse(house.roster.payload)
    moved = [
        one.model_copy(update={"province": "PV20"}) if one.node == "huis-een" else one
        for one in held.institutions
    ]
    known = house.known(A, "2025Q1", 2)
    changed = replace(known, roster=held.model_copy(update={"institutions": tuple(moved)}))
    with house.open() as (_, part):
        verdict = asyncio.run(part.ready(changed, changed.round.collect_until))
    assert verdict.reason is Reason.PERIOD_CLOSED
