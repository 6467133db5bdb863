"""What a release says around its figures: its sums, the losses of a year, guides, the registry's entry."""

import csv
import io
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from desk.packaged import packaged
from node.config import CENTRAL_CAP
from samentel.counting.shares import plan_of
from samentel.documents.codelists import Text
from samentel.documents.populations import Records
from samentel.documents.programme import Programme, parse
from samentel.errors import DocumentError
from samentel.figures import measured, registry
from samentel.figures.edition import Edition, Year, csv_bytes
from samentel.figures.guide import guide
from samentel.figures.manifest import SCHEMA, Correction, Manifest, Spending
from samentel.figures.manifest_privacy import HOUSE_CAP, spending, year_loss
from samentel.figures.manifest_tables import UNITS, population_facts, reason_facts
from samentel.figures.release import next_release
from samentel.figures.sums import national_of
from samentel.ids import Period
from tests.golden import make

Change = Callable[[list[dict[str, str]]], None]


@pytest.fixture(scope="module")
def golden() -> Manifest:
    return Manifest.model_validate_json((make.HERE / make.RELEASE / "manifest.json").read_bytes())


@pytest.fixture(scope="module")
def small() -> Programme:
    return make.programme()


def edition_of(programme: Programme, numbers: Any) -> Edition:
    plan = plan_of(programme, 12, 11)
    return Edition(
        programme,
        tuple(
            Year(Period(2024 + place), f"klein-{2024 + place}-1", national_of(plan, make.NAMES[:10], counts))
            for place, counts in enumerate(numbers)
        ),
    )


def names(edition: Edition) -> dict[Period, tuple[str, ...]]:
    return {year.period: year.national.survivors for year in edition.years}


@settings(max_examples=15)
@given(st.data())
def test_sums_read_back_as_they_were_measured(data: st.DataObject) -> None:
    programme = make.programme()
    whole = st.integers(-(2**62), 2**62)
    vector = st.lists(whole, min_size=programme.vector_length, max_size=programme.vector_length)
    numbers = [np.array(data.draw(vector), dtype=np.int64) for _ in range(data.draw(st.integers(1, 2)))]
    edition = edition_of(programme, numbers)
    written = csv_bytes(measured.COLUMNS, measured.rows(edition, ()))
    read = measured.read(programme, written, names(edition))
    assert csv_bytes(measured.COLUMNS, measured.rows(replace(edition, years=read), ())) == written
    for one, other in zip(edition.years, read, strict=True):
        assert (one.period, one.release_id) == (other.period, other.release_id)
        assert one.national.survivors == other.national.survivors
        assert one.national.granularities == other.national.granularities
        assert one.national.variances == other.national.variances  # to the last bit
        for table, counts in one.national.tables.items():
            assert np.array_equal(counts, other.national.tables[table])


def drop(rows: list[dict[str, str]]) -> None:
    del rows[3]


def swap(rows: list[dict[str, str]]) -> None:
    rows[0], rows[1] = rows[1], rows[0]


def put(column: str, value: str, row: int = 2) -> Change:
    return lambda rows: rows[row].update({column: value})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (drop, "not the cells"),
        (swap, "not the cells"),
        (put("count", "12.5"), "cannot be read"),
        (put("count", "9" * 25), "cannot be read"),
        (put("count", "99999999999999999999"), "cannot be read"),
        (put("granularity", "64"), "more than one"),
        (put("noise_variance", "8.5"), "more than one"),
        (put("noise_variance", "nan"), r"more than one|cannot be"),
        (put("in_sum", "9"), "in_sum"),
        (put("period", "2023"), "periods"),
        (put("release_id", "klein-2024-2"), "more than one release"),
        (put("cell", "07"), "not the cells"),
    ],
)
def test_sums_that_were_changed_are_refused_with_the_reason(
    small: Programme, change: Change, says: str
) -> None:
    edition = edition_of(small, [np.arange(small.vector_length)])
    rows = [{name: str(value) for name, value in row.items()} for row in measured.rows(edition, ())]
    change(rows)
    with pytest.raises(DocumentError, match=says):
        measured.read(small, csv_bytes(measured.COLUMNS, rows), names(edition))


@pytest.mark.parametrize("data", [b"", b"\xff", b"period,count\n1,2\n", b'"\n'])
def test_what_is_no_table_of_sums_is_refused(small: Programme, data: bytes) -> None:
    with pytest.raises(DocumentError):
        measured.read(small, data, {Period(2025): make.NAMES})


def test_numbers_have_six_decimals_at_most_and_never_minus_zero(small: Programme) -> None:
    rows = [{"a": -1e-9, "b": 1 / 3, "c": None, "d": 2**60, "e": "x"}]
    assert csv_bytes(("a", "b", "c", "d", "e"), rows) == b"a,b,c,d,e\n0.0,0.333333,,1152921504606846976,x\n"


def spent(name: str, period: str, rho: str, *, by_quarter: bool = False) -> Spending:
    return Spending(
        release_id=name,
        programme_id="x",
        period=Period.parse(period),
        rho=Fraction(rho),
        by_quarter=by_quarter,
    )


def test_a_year_costs_all_that_is_annual_and_the_dearest_quarter_as_a_ledger_books_it() -> None:
    releases = [
        spent("a", "2025Q1", "1/10", by_quarter=True),
        spent("b", "2025Q2", "1/10", by_quarter=True),
        spent("c", "2025Q2", "1/20", by_quarter=True),  # a second attempt of the same quarter
        spent("d", "2025", "2/5"),
        spent("e", "2025Q3", "1/100"),
    ]
    assert year_loss(2025, releases).rho == Fraction(2, 5) + Fraction(1, 100) + Fraction(3, 20)
    assert year_loss(2025, []).rho == 0
    assert HOUSE_CAP == CENTRAL_CAP


def test_only_inflow_of_a_secure_sum_counts_by_quarter(small: Programme) -> None:
    quarter = parse(packaged("registratie-kwartaal-2025"))
    assert spending(quarter, "q", Period(2025, 2), Fraction(1, 10)).by_quarter
    assert not spending(small, "y", Period(2025), Fraction(1, 2)).by_quarter


@pytest.mark.parametrize(
    ("period", "day"), [("2025", "2027-05-01"), ("2025Q1", "2025-10-29"), ("2025Q4", "2026-07-30")]
)
def test_the_next_release_is_planned_after_the_next_period(small: Programme, period: str, day: str) -> None:
    assert next_release(small, Period.parse(period)) == day  # 120 days after its end


def test_noise_is_stated_as_planned_as_realised_and_as_the_honest_part(
    golden: Manifest, small: Programme
) -> None:
    for table in golden.tables:
        assert (table.noise is None) == (table.rho == 0)
        if table.noise is not None:
            needed = table.rows_per_person**2 / (2 * float(table.rho))
            # Ten of twelve are in the sum, eleven dealt; eight shares are what the promise counts on.
            assert table.noise.honest == pytest.approx(needed, rel=1e-6)
            assert table.noise.realised == pytest.approx(needed * 10 / 8, rel=1e-6)
            assert table.noise.planned == pytest.approx(needed * 12 / 9, rel=1e-6)
            assert table.noise_sd == pytest.approx(table.noise.realised**0.5)


def test_fitness_follows_from_noise_and_published_figures_alone(golden: Manifest) -> None:
    fits = {one.table: one for one in golden.accuracy.tables}
    facts = {one.id: one for one in golden.tables}
    for name, fit in fits.items():
        assert fit.half_width == pytest.approx(1.959964 * facts[name].cell_sd)
        assert fit.smallest_change == pytest.approx(2.771808 * facts[name].cell_sd)
        # Eight honest shares of eleven dealt, ten in the sum, against nine of twelve: less noise was there.
        assert fit.half_width < fit.planned_half_width
    assert (fits["reason-organisation"].reference_cell, fits["reason-organisation"].grade) == (75, "A")
    assert (fits["sex"].reference_cell, fits["sex"].grade) == (None, None)
    assert fits["reason-organisation"].accepted is True
    assert fits["sex"].accepted is None
    assert fits["consent"].imprecise


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_guide_is_whole_and_in_one_language(golden: Manifest, small: Programme, language: str) -> None:
    text = guide(golden, small, language).decode()
    assert not re.search(r"[{}]", text)
    assert golden.release_id in text
    assert golden.errata[0].release_id in text
    mine, other = {"nl": ("het", "which"), "en": ("the", "het")}[language]
    assert re.search(rf"\b{mine}\b", text)
    assert not re.search(rf"\b{other}\b", text)
    assert len(re.findall(r"^## ", text, re.MULTILINE)) == 12


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("nl", ["Tel `shown` nooit op", "registraties, geen personen", "multiple systems",
                "ook dader", "Koppelen aan politie", "Een contact is een gesprek", "verify", "sd 2,8",
                "registreren dit: Opvang.", "hoogstens één keer in", "rho = 0,438",
                "| 1 | 0,563 | 1,69 | 2,82 |",
                "rho 0,438; bij 4 is dat rho 0,7;", "tussen 94 en 106", "de som wijkt af door afronding",
                "Zo verwijst u", "som van 2023, 2024, 2025"]),
        ("en", ["Never add up `shown`", "registrations, not persons", "multiple systems",
                "also offenders", "Linkage to police", "A contact is a talk", "samentel verify", "sd is 2.8",
                "register this: Shelter.", "at most once in", "rho = 0.438",
                "| 1 | 0.563 | 1.69 | 2.82 |",
                "rho 0.438; with 4 it is rho 0.7;", "between 94 and 106", "its sum is off by rounding",
                "How to cite", "sum of 2023, 2024, 2025"]),
    ],
)  # fmt: skip
def test_a_guide_says_what_figures_mean_and_do_not(
    golden: Manifest, small: Programme, language: str, says: list[str]
) -> None:
    text = " ".join(guide(golden, small, language).decode().split())
    for words in says:
        assert words in text, words


def test_a_guide_speaks_of_what_the_release_has_only(golden: Manifest, small: Programme) -> None:
    asked = parse(packaged("registratie-2025"))
    assert "45 %" in guide(golden.model_copy(update={"tables": ()}), asked, "nl").decode()
    assert "45 %" not in guide(golden, small, "nl").decode()
    without = replace_tables(small, "contacts")
    assert "Een contact is" not in guide(golden, without, "nl").decode()
    assert "Vier kwartalen" not in guide(golden, small, "nl").decode()
    quarter = golden.year_loss.releases[0].model_copy(update={"period": Period(2025, 2)})
    beside = golden.year_loss.model_copy(update={"releases": (quarter, *golden.year_loss.releases)})
    assert "Vier kwartalen" in guide(golden.model_copy(update={"year_loss": beside}), small, "nl").decode()
    told = guide(golden, small, "nl").decode()
    files = tuple(file for file in golden.files if file.name not in ("trends.csv", "transcript.json"))
    first = guide(golden.model_copy(update={"files": files, "earlier": ()}), small, "nl").decode()
    for name in ("trends.csv", "transcript.json"):
        assert f"`{name}`" in told
        assert f"`{name}`" not in first
    assert set(re.findall(r"^- `([a-z.-]+)`:", told, re.MULTILINE)) == {
        name for name in os.listdir(make.HERE / make.RELEASE) if not name.startswith(("guide", SCHEMA))
    }
    reason = Text(nl="De titel was fout.", en="The title was wrong.")
    corrected = golden.model_copy(update={"corrects": Correction(release_id="klein-2025-0", reason=reason)})
    assert "correctie** van `klein-2025-0`" in guide(corrected, small, "nl").decode()
    assert "correctie" not in guide(golden, small, "nl").decode()


def test_a_release_says_who_registers_and_what_is_counted_in_words() -> None:
    asked = parse(packaged("registratie-2025"))
    who = {one.id: one.registered_by for one in population_facts(asked)}
    shelter = "Vrouwen-, maatschappelijke en categorale opvang; Jeugdhulp"
    assert f": {shelter}. Andere" in who["placements"].nl
    assert "juridische en andere hulp (AMB, NGO, LEG). Andere" in who["clients"].nl
    assert f". Door bemiddeling: COM. Rechtstreeks: {shelter}. Andere" in who["requests"].nl
    assert ". By mediation: COM. Directly: Women's" in who["requests"].en
    for text in who.values():
        assert not re.search("MEDIATED|DIRECT|VO_MO|HELP|PLACE", text.nl + text.en)


def test_what_a_reason_is_and_who_decides_on_it_is_said_where_tables_are_by_reason(
    golden: Manifest, small: Programme
) -> None:
    asked = parse(packaged("registratie-2025"))
    told = reason_facts(asked)
    assert told is not None
    for words in ("Aanleiding voor de hulp;", "de instelling zelf kiest", "de belangrijkste aanleiding"):
        assert words in told.nl
    for words in ("Reason for help;", "the institution itself chooses", "its main reason"):
        assert words in told.en
    assert golden.reason == reason_facts(small)
    others = tuple(table for table in small.tables if table.id != "reason-organisation")
    assert reason_facts(small.model_copy(update={"tables": others})) is None


def test_every_table_says_what_it_counts(golden: Manifest) -> None:
    assert {one.id: one.unit for one in golden.tables} == {
        "clients": "persons",
        "reason-organisation": "persons",
        "victims": "persons",
        "sex": "persons",
        "consent": "persons",
        "contacts": "contacts",
    }
    assert UNITS.keys() == set(Records)


def replace_tables(programme: Programme, left_out: str) -> Programme:
    kept = tuple(table for table in programme.tables if table.population != left_out)
    return programme.model_copy(update={"tables": kept})


def test_the_registry_entry_is_whole_and_reads_as_yaml(golden: Manifest, small: Programme) -> None:
    made = registry.entry(golden, small)
    assert (made.tier, made.status) == (3, "Draft")
    assert made.url_slug == "a-small-example-2025-samentel-programmabureau-2026"
    loss = made.deployment.privacy_loss.privacy_parameters
    assert (loss.rho, loss.delta) == (0.4375, 1e-6)
    assert loss.epsilon == golden.privacy.epsilon_upper
    lines = registry.entry_bytes(golden, small).decode().splitlines()
    for line in lines:
        name, _, value = line.strip().removeprefix("- ").partition(": ")
        if name == registry.SLUG or line.endswith(":"):
            assert re.fullmatch(r"\w+:?", name)
        else:
            json.loads(value if re.fullmatch(r"\w+", name) else line.strip().removeprefix("- "))
    assert any(line.strip() == "delta: 1.0e-06" for line in lines)  # without a point YAML 1.1 reads a text


@pytest.mark.parametrize(
    "change",
    [{"tier": 2}, {"status": "Done"}, {"url_slug": "with blanks"}, {"more": "1"}, {"deployment": {}}],
)
def test_an_entry_that_the_registry_would_refuse_is_not_made(
    golden: Manifest, small: Programme, change: dict[str, Any]
) -> None:
    value = registry.entry(golden, small).model_dump(mode="json") | change
    with pytest.raises(ValidationError):
        registry.Entry.model_validate_json(json.dumps(value))


def test_no_file_of_figures_has_a_number_with_more_than_six_decimals() -> None:
    for path in (make.HERE / make.RELEASE).glob("*.csv"):
        for row in csv.DictReader(io.StringIO(path.read_text("utf-8"))):
            for name, value in row.items():
                if name != "noise_variance":
                    assert not re.fullmatch(r"-?\d+\.\d{7,}", value), (path.name, name, value)
