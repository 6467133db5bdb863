"""The page of a release: whole, in both languages, with nothing from elsewhere and no figure left out."""

import csv
import io
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from aggregator import publisher
from aggregator.conductor import Round
from aggregator.events import RoundOpened
from desk import charts, cli, numerals, public_figures
from desk.charts import Dot
from desk.packaged import packaged
from desk.releases import beside, report, verify
from desk.releases.pull import Figure
from samentel.counting.privacy import noise_plan
from samentel.counting.shares import share_plan
from samentel.documents import programme as programmes
from samentel.documents import public
from samentel.documents import roster as rosters
from samentel.documents.codelists import Text
from samentel.documents.envelope import seal
from samentel.documents.keys import SigningKey
from samentel.documents.model import to_bytes
from samentel.documents.programme import Mode
from samentel.documents.roster import Institution, Roster
from samentel.errors import DocumentError, LocalFault, PeerError
from samentel.figures.edition import Year
from samentel.figures.sums import national_of
from samentel.ids import Period

MOMENT = datetime(2026, 2, 1, tzinfo=UTC)
KEY = SigningKey(b"\1" * 32)
NAMES = tuple(f"node-{number:02d}" for number in range(12))
HOUSES = tuple(
    Institution(node=name, name=name, operator=name, type="VO_MO", province="PV27",
                protocol_key=f"{number:02x}" * 32)
    for number, name in enumerate(NAMES)
)  # fmt: skip
GOLDEN = Path(__file__).parents[1] / "golden" / "klein-2025-1"
VOID = {"meta", "link", "circle", "line", "br"}
ALLOWED = ("report.nl.html", "report.en.html", "#")


def made(place: Path, name: str, before: np.ndarray | None = None) -> Path:
    """A real release of a packaged programme: eleven of twelve institutions, counts of all sizes."""
    programme = programmes.parse(packaged(name))
    shared = programme.mode is Mode.SECURE_SUM
    plan = share_plan(programme, len(NAMES), 11) if shared else noise_plan(programme)
    counts = np.concatenate(
        [
            ((np.arange(noise.cells + 1) * 37 % 101) ** 2 // 20 - 3) * noise.granularity
            for noise in plan
        ]
    ).astype(np.int64)  # fmt: skip
    roster = rosters.parse(to_bytes(Roster(version=1, issued_at=MOMENT, coordinator_key=KEY.public.raw.hex(),
                                           institutions=HOUSES)))  # fmt: skip
    opened = RoundOpened(
        envelope="1" * 64,
        programme=programme.digest,
        roster=roster.digest,
        period=Period(2025),
        attempt=1,
        invited=NAMES,
        institutions_min=3,
        gather_until=MOMENT,
        collect_until=MOMENT,
    )
    material = publisher.Material(
        release_id=f"{name}-2025-1",
        round=Round("3" * 64, opened, MOMENT, present=frozenset(NAMES)),
        programme=programme,
        signed=seal(programmes.PAYLOAD_TYPE, packaged(name), KEY),
        roster=roster,
        plan=plan,
        national=national_of(plan, NAMES[:11], counts),
        dealers=11,
        published_at=MOMENT,
        earlier=() if before is None else [Year(Period(2024), "before", national_of(plan, NAMES, before))],
        public=seal(public.PAYLOAD_TYPE, public_figures.packaged(), KEY),
        software={"samentel": "0"},
    )
    publisher.write(place, material, KEY)
    return place / material.release_id


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return made(tmp_path_factory.mktemp("r"), "registratie-demo")


class Page(HTMLParser):
    """A page as a browser would read it; complains of what is not in balance."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.tables, self.text = [], [], {}, []
        self.caption = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "caption":
            self.caption = ""
        if tag == "tr" and "tbody" in self.open:
            self.tables[self.caption].append([])
        if tag in ("td", "th") and "tbody" in self.open:
            self.tables[self.caption][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"
        if tag == "caption":
            assert self.caption not in self.tables
            self.tables[self.caption] = []

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style",):
            self.text.append(data)
        if "caption" in self.open:
            self.caption += data
        if {"td", "th"} & set(self.open) and "tbody" in self.open:
            self.tables[self.caption][-1][-1] += data

    def named(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def page(release, language, **more):
    return Page(report.rendered(read(release), language, **more)) if more else plain(release, language)


@cache
def plain(release, language):
    """A page takes a second; most tests look at the same two."""
    return Page(report.rendered(read(release), language))


@cache
def read(release):
    return report.read(release)


def beside_the_tables(release, language):
    """Titles of what stands on the page beside the tables of the release."""
    titles = {getattr(it.title, language) for it in read(release).indicators}
    return titles | {report.WORDS[language]["exact"]}


def rows_of(release):
    return list(csv.DictReader(io.StringIO((release / "tables.csv").read_text("utf-8"))))


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("registratie-demo", "nl"),
        ("registratie-2025", "nl"),
        ("registratie-2025", "en"),
        ("aanleiding-samen", "en"),
        ("aanleiding-demo", "nl"),
    ],
)
def test_a_page_of_any_programme_is_whole_and_needs_nothing_from_elsewhere(tmp_path, name, language):
    shown = page(made(tmp_path, name), language)
    assert shown.named("html") == [{"lang": language}]
    assert len(shown.named("h1")) == len(shown.named("title")) - len(shown.named("svg")) == 1
    assert not {"script", "img", "iframe", "object", "image", "use"} & {tag for tag, _ in shown.tags}
    addresses = [value for _, its in shown.tags for key, value in its.items() if key in ("href", "src")]
    files = {f"./{path.name}" for path in (tmp_path / f"{name}-2025-1").iterdir()}
    assert {it for it in addresses if not it.startswith(ALLOWED)} == files
    styles = report.rendered(report.read(tmp_path / f"{name}-2025-1"), language)
    assert not re.search(r"url\(|@import|https?:|//", styles)
    assert not [its for _, its in shown.tags if any(key.startswith("on") for key in its)]


@pytest.mark.parametrize("language", report.LANGUAGES)
def test_every_published_cell_stands_in_a_table_with_its_interval(release, language):
    shown = page(release, language)
    titles = {
        table["id"]: table["title"] for table in json.loads((release / "manifest.json").read_text())["tables"]
    }
    published = {}
    for row in rows_of(release):
        published.setdefault(row["table"], []).append(row)
    assert len(published) > 10
    others = beside_the_tables(release, language)
    tables = {it: lines for it, lines in shown.tables.items() if it.removesuffix(", 2025") not in others}
    for table, rows in published.items():
        lines = [line for line in tables.pop(f"{titles[table][language]}, 2025") if len(line) > 1]
        assert len(lines) == len(rows)
        for line, row in zip(lines, rows, strict=True):
            assert line[0] == row[f"label_{language}"].split(" | ")[-1]
            assert re.match(r"[\d.,]+", line[1])[0] == report.grouped(row["shown"], language)
            ends = [report.grouped(row[name], language) for name in ("shown_lower", "shown_upper")]
            assert line[2] == " – ".join(ends)
            assert line[3] == row["grade"]
            assert (report.WORDS[language]["zero"] in line[1]) == (row["above_zero"] == "no")
            assert (
                "onzeker" in line[1]
                or "van nul" in line[1]
                or "from zero" in line[1]
                or "uncertain" in line[1]
            ) == (float(row["upper"]) - float(row["lower"]) > float(row["estimate"]))
    assert tables == {}  # and nothing else


def test_a_table_that_is_not_in_the_release_is_named_with_the_reason_and_has_no_figures(release):
    shown = page(release, "en")
    manifest = report.read(release).manifest
    withheld = [facts for facts in manifest.tables if facts.withheld is not None]
    assert withheld
    for facts in withheld:
        assert f"{facts.title.en}: {facts.withheld.en}" in shown.words
        assert f"{facts.title.en}, 2025" not in shown.tables
        assert not any(its.get("id", "").startswith(f"chart-{facts.id}-") for _, its in shown.tags)


def test_every_drawing_says_what_it_is_and_every_table_what_its_cells_are(release):
    shown = page(release, "nl")
    known = {its["id"] for _, its in shown.tags if "id" in its}
    assert len(known) == len([its for _, its in shown.tags if "id" in its])
    for drawing in shown.named("svg"):
        assert set(drawing["aria-labelledby"].split()) <= known
    assert len(shown.named("table")) == len(shown.named("caption"))
    assert all("scope" in its for its in shown.named("th"))
    assert all(its["tabindex"] == "0" and its["aria-label"] for its in shown.named("div") if its.get("class"))


def test_the_dutch_page_is_dutch_in_words_and_numbers(release):
    dutch, english = page(release, "nl"), page(release, "en")
    assert "Wat het kost aan privacy" in dutch.words
    assert "What it costs in privacy" in english.words
    assert "privacyruis" not in english.words
    epsilon = report.read(release).manifest.privacy.epsilon_upper
    upward = math.ceil(100 * epsilon) / 100  # a loss is never said to be less than it is
    assert f"epsilon {upward:.2f}".replace(".", ",") in dutch.words
    assert f"epsilon {upward:.2f}" in english.words
    colluding = report.read(release).manifest.privacy.shared_noise.colluders
    assert colluding.en in english.words
    assert re.search(r"rho \d+\.\d", colluding.en)
    assert colluding.nl in dutch.words
    for places in re.findall(r"\d\.\d+", dutch.words.replace(report.read(release).manifest.software, "")):
        assert len(places) == 5, places  # a mark between thousands


def test_one_institution_is_no_plural_and_the_signed_manifest_is_said_to_be_signed(release):
    found = report.read(release)
    coverage = found.manifest.coverage.model_copy(update={"invited": NAMES[:1]})
    manifest = found.manifest.model_copy(update={"coverage": coverage})
    shown = Page(report.rendered(replace(found, manifest=manifest), "nl"))
    assert "Gevraagd: 1 instelling." in shown.words
    for language, signed in (("nl", "hetzelfde, ondertekend"), ("en", "the same, signed")):
        words = page(release, language).words
        assert f"manifest.dsse.json : {signed}" in words
        assert f"manifest.json : {signed}" not in words


def test_those_to_whom_a_question_does_not_apply_are_no_answer_to_it(release):
    """Most requests are not refused, so "not refused" is by far the largest figure of that table."""
    found = report.read(release)
    cells = [
        replace(it, estimate=9e6 if it.codes == ("NA",) else 7e6, lower=6e6, upper=8e6, shown="8")
        if it.table == "refusal" else it
        for it in found.figures
    ]  # fmt: skip
    shown = Page(report.rendered(replace(found, figures=tuple(cells)), "nl"))
    (said,) = re.findall(r"Verzoeken naar grond van weigering, het meest: [^.]*", shown.words)
    label = next(it.labels_nl[0] for it in cells if (it.table, it.codes) == ("refusal", ("NA",)))
    assert label not in said
    assert said.count("tussen") == 3


def test_the_summary_says_totals_with_their_range(release):
    rows = rows_of(release)
    total = next(row for row in rows if row["table"] == "victims")
    shown, low, high = (report.grouped(total[name], "nl") for name in ("shown", "shown_lower", "shown_upper"))
    dutch = page(release, "nl")
    assert f"Slachtoffers in de hulp: naar schatting {shown}, tussen {low} en {high}." in dutch.words
    assert (
        "Gevraagd: 12 instellingen. Aanwezig bij het begin: 12. In de som: 11. Niet in de som: node-11."
        in dutch.words
    )


def test_the_registration_gap_comes_first_with_its_own_interval(release):
    found = list(csv.DictReader(io.StringIO((release / "indicators.csv").read_text("utf-8"))))
    nation = next(it for it in found if it["indicator"] == "gap-clients" and not it["dimension"])
    shown = page(release, "nl")
    share, low, high = (
        beside.amount(min(max(float(nation[name]), 0), 100), beside.Unit.PERCENT, "nl")
        for name in ("estimate", "lower", "upper")
    )
    title = "Nieuwe cliënten: aanleiding niet geregistreerd of niet gevraagd"
    said = f"{title}: {share}, tussen {low} en {high}."
    assert said in shown.words
    assert shown.words.index(said) < shown.words.index("Nieuwe cliënten: naar schatting")
    lines = shown.tables[f"{title}, 2025"]
    assert lines[0] == ["Nederland", share, f"{low} – {high}", nation["grade"], ""]
    assert len(lines) == sum(it["indicator"] == "gap-clients" for it in found)


@pytest.mark.parametrize(
    ("language", "summed", "most"),
    [("nl", "som van drie jaren", "het meest"), ("en", "sum of three years", "most often")],
)
def test_a_sum_of_three_years_is_said_to_be_one_wherever_it_stands(language, summed, most):
    found = report.read(GOLDEN)
    shown = Page(report.rendered(found, language))
    (facts,) = [facts for facts in found.manifest.tables if len(facts.periods) == 3]
    title = getattr(facts.title, language)
    assert f"{title}, 2023–2025" in shown.tables
    assert f"{title}, 2025" not in shown.tables
    assert f"{summed}, 2023–2025: " in shown.words
    assert f"{title}, {most}: " not in shown.words
    assert f"{title}, 2023–2025, {most}: " in shown.words
    drawn = {"nl": "schattingen als stippen", "en": "estimates as dots"}[language]
    assert f"{title}, 2023–2025: {drawn}" in shown.words
    single = next(facts for facts in found.manifest.tables if len(facts.periods) == 1)
    assert f"{getattr(single.title, language)}, 2025" in shown.tables


@pytest.mark.parametrize("language", report.LANGUAGES)
def test_an_indicator_of_three_years_is_shown_with_its_years(language):
    found = report.read(GOLDEN)
    rows = list(csv.DictReader(io.StringIO((GOLDEN / "indicators.csv").read_text("utf-8"))))
    pooled = [row for row in rows if row["period"] == "2023-2025"]
    assert pooled
    shown = Page(report.rendered(found, language))
    (title,) = {getattr(one.title, language) for one in found.indicators if one.id == pooled[0]["indicator"]}
    lines = shown.tables[f"{title}, 2023–2025"]
    assert len(lines) == len(pooled)
    assert f"{title}, 2025" not in shown.tables
    assert f"{title}, 2023–2025: {lines[0][1]}, " in shown.words  # in short
    single = {row["indicator"] for row in rows if row["period"] == "2025"}
    assert len([one for one in found.indicators if one.period == "2025"]) == sum(
        row["period"] == "2025" for row in rows
    )
    assert pooled[0]["indicator"] not in single


def test_epsilon_stands_with_the_rho_that_was_spent(release):
    promise = report.read(GOLDEN).manifest.privacy
    assert (promise.rho, promise.rho_spent) == (Fraction(1, 2), Fraction(7, 16))
    dutch = Page(report.rendered(report.read(GOLDEN), "nl"))
    assert "rho 0,4375 (zCDP), dat is epsilon 4,85 bij delta" in dutch.words
    assert "Het programma staat hoogstens rho 1/2 toe." in dutch.words


@pytest.mark.parametrize(
    ("rho", "written"),
    [("7/16", "0.4375"), ("1/3", "0.3334"), ("437500000001/1000000000000", "0.4376"), ("9/2", "4.5")],
)
def test_a_loss_is_rounded_up(rho, written):
    assert numerals.no_less(Fraction(rho), "en") == written
    assert numerals.upward(float(Fraction(rho)), "en", 2) >= f"{float(Fraction(rho)):.2f}"


def test_a_change_is_called_one_only_if_it_is_more_than_the_noise(tmp_path):
    programme = programmes.parse(packaged("aanleiding-demo"))
    parts = [np.full(noise.cells + 1, 200) * noise.granularity for noise in noise_plan(programme)]
    shown = page(made(tmp_path, "aanleiding-demo", np.concatenate(parts).astype(np.int64)), "en")
    found = list(csv.DictReader(io.StringIO(next(tmp_path.glob("*/indicators.csv")).read_text("utf-8"))))
    nation = [it for it in found if not it["dimension"] and it["period"] == "2025"]
    beyond = [it["beyond_noise"] for it in nation]
    assert shown.words.count("that is more than the noise.") == beyond.count("yes") > 0
    assert shown.words.count("that may be noise.") == beyond.count("no")
    first = nation[0]
    told = beside.changed(beside.read_indicators({"indicators.csv": next(tmp_path.glob("*/indicators.csv"))
                                                  .read_bytes()}, "2025")[0], "en")  # fmt: skip
    assert f"Since the year before: {told}; that" in shown.words
    assert told.startswith("+" if float(first["change"]) > 0 else "−")


def test_exact_figures_stand_beside_with_their_source(release):
    lines = page(release, "nl").tables["Exacte cijfers"]
    assert ["In de som: alle instellingen", "11", "2025"] in [line[:3] for line in lines]
    (places,) = [line for line in lines if line[0].startswith("Plaatsen in opvang bij meervoudige")]
    assert places[1:] == ["36", "2019", "bureau HHM, hhm.nl"]
    entries = public.parse(public_figures.packaged()).entries
    assert len(lines) == 4 + len(entries)


def test_what_others_wrote_is_text_and_never_markup(release):
    found = report.read(release)
    evil = '<script>alert("x")</script>&amp;'
    manifest = found.manifest.model_copy(update={"title": Text(nl=evil, en=evil), "contact": evil})
    figures = tuple(
        Figure(**{**{name: getattr(it, name) for name in Figure.__slots__},
                  "labels_nl": tuple(f"{label} <&\"'>" for label in it.labels_nl)})
        for it in found.figures
    )  # fmt: skip
    told = tuple(replace(it, title=Text(nl=f"{evil}{it.id}", en=evil)) for it in found.indicators)
    exact = tuple(replace(it, source=Text(nl=evil, en=evil)) for it in found.exact)
    changed = report.Release(manifest, figures, told, exact, found.names)
    shown = Page(report.rendered(changed, "nl"))
    assert not shown.named("script")
    assert evil in shown.words
    assert any(line[0].endswith("<&\"'>") for line in shown.tables["Nieuwe cliënten naar aanleiding, 2025"])


def test_truth_is_shown_only_with_the_note_that_people_are_made_up(release):
    rows = [row for row in rows_of(release) if row["table"] == "reason"]
    truth = {"reason": {row["codes"]: 9000 + number for number, row in enumerate(rows)}}
    for language, note in (("nl", "verzonnen mensen"), ("en", "made-up people")):
        with_truth = page(release, language, truth=truth)
        title = {"nl": "Nieuwe cliënten naar aanleiding", "en": "New clients by reason for help"}[language]
        lines = with_truth.tables[f"{title}, 2025"]
        assert [line[-1] for line in lines] == [
            numerals.number(9000 + number, language) for number in range(len(rows))
        ]
        assert note in with_truth.words
        marks = [its for its in with_truth.named("line") if its["class"] == "truth"]
        assert len(marks) == len(rows)
        without = page(release, language)
        assert note not in without.words
        assert not [its for its in without.named("line") if its["class"] == "truth"]


def test_pages_are_written_beside_and_link_to_the_files_where_they_are(release, tmp_path):
    paths = report.write(release, tmp_path / "a b", coordinator=KEY.public)
    assert [path.name for path in paths] == ["report.nl.html", "report.en.html"]
    for path in paths:
        shown = Page(path.read_text("utf-8"))
        links = [its["href"] for its in shown.named("a") if its["href"].endswith("/tables.csv")]
        assert len(links) == 1
        assert (path.parent / links[0]).resolve() == (release / "tables.csv").resolve()
    again = report.write(release, tmp_path / "a b", ["nl"])
    assert "report.en.html" not in again[0].read_text("utf-8")


def copied(release, place):
    place.mkdir()
    for path in release.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    return place


def test_a_changed_file_is_named_and_no_page_is_made(release, tmp_path):
    place = copied(release, tmp_path / "r")
    (place / "tables.csv").write_bytes((place / "tables.csv").read_bytes().replace(b"1", b"2", 1))
    (place / "manifest.json").write_bytes(b"{}")
    with pytest.raises(DocumentError) as caught:
        report.write(place, place / "report")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["tables.csv", "manifest.json"]
    assert not (place / "report").exists()


def test_another_coordinators_release_is_refused_when_the_key_is_given(release, tmp_path):
    with pytest.raises(PeerError):
        report.write(release, tmp_path / "out", coordinator=SigningKey(b"\2" * 32).public)
    assert not (tmp_path / "out").exists()


def test_a_release_fetched_without_its_figures_says_what_to_do(release, tmp_path):
    place = copied(release, tmp_path / "r")
    (place / "tables.parquet").unlink()
    report.read(place)
    (place / "tables.csv").unlink()
    with pytest.raises(LocalFault, match="--format all"):
        report.read(place)


@pytest.mark.parametrize(
    ("arrange", "says"),
    [
        pytest.param(lambda place: None, "is no release", id="empty-directory"),
        pytest.param(lambda place: place.rmdir(), "is no release", id="no-directory"),
        pytest.param(lambda place: (place / "manifest.dsse.json").write_text("{"), "samentel:", id="broken"),
    ],
)
def test_a_mistake_is_one_line_and_no_traceback(called, tmp_path, arrange, says):
    place = tmp_path / "r"
    place.mkdir()
    arrange(place)
    done = called(cli.main, "samentel", "report", place)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_makes_both_pages_and_the_release_still_holds(release, tmp_path):
    place = copied(release, tmp_path / "r")
    program = [sys.executable, "-c", "from desk.cli import main; main()"]
    done = subprocess.run([*program, "report", place], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (place / report.FOLDER).iterdir()} == {"report.nl.html", "report.en.html"}
    assert verify.release(place, KEY.public).release_id == "registratie-demo-2025-1"


@pytest.mark.parametrize(
    ("value", "decimals", "dutch", "english"),
    [
        (1234.5, 1, "1.234,5", "1,234.5"),
        (1234567, 0, "1.234.567", "1,234,567"),
        (-3.26, 1, "−3,3", "−3.3"),
        (-0.01, 1, "0,0", "0.0"),
    ],
)
def test_numbers_are_written_as_in_the_language(value, decimals, dutch, english):
    assert numerals.number(value, "nl", decimals) == dutch
    assert numerals.number(value, "en", decimals) == english


def dot(codes, estimate, half=10.0, truth=None):
    return Dot(
        tuple(codes), tuple(codes), estimate, estimate - half, estimate + half, False, truth, f"{estimate}"
    )


def test_a_dot_below_zero_is_drawn_there_and_its_interval_is_cut_off():
    (drawn,) = charts.drawn([dot(["A"], -5.0), dot(["B"], 100.0)])
    below, above = (entry.marks[0] for entry in drawn.entries)
    zero = drawn.panels[0].zero
    assert below.x < zero == below.low < below.high
    assert zero < above.low < above.x < above.high <= drawn.panels[0].right


def test_places_are_in_proportion():
    (drawn,) = charts.drawn([dot(["A"], 0.0), dot(["B"], 50.0), dot(["C"], 100.0)])
    a, b, c = (entry.marks[0].x for entry in drawn.entries)
    assert b - a == pytest.approx(c - b, abs=0.2)
    assert [tick.value for tick in drawn.panels[0].ticks][:2] == [0, 20]


@pytest.mark.parametrize(
    "shape", [(2, 3), (3, 2), (7, 5), (5, 7), (9, 8), (5, 3, 3), (2, 2, 2, 4), (2, 9, 8)]
)
def test_every_cell_is_drawn_once_on_one_scale(shape):
    cells = [tuple(f"D{place}L{level}" for place, level in enumerate(index)) for index in np.ndindex(*shape)]
    drawings = charts.drawn([dot(codes, float(number)) for number, codes in enumerate(cells)])
    marks = [mark for drawing in drawings for entry in drawing.entries for mark in entry.marks]
    assert len(marks) == len(cells)
    for drawing in drawings:
        assert all(entry.heading or len(entry.marks) == len(drawing.panels) for entry in drawing.entries)
        for entry in drawing.entries:
            for mark, panel in zip(entry.marks, drawing.panels, strict=bool(entry.marks)):
                assert panel.left <= mark.low <= mark.high <= panel.right
        assert all(entry.y < drawing.bottom for entry in drawing.entries)


def test_levels_with_the_same_name_stay_apart():
    dots = [
        Dot((a, b), ("unknown", b), 1.0, 0.0, 2.0, False, None, "") for a in "PQ" for b in ("X", "Y", "Z")
    ]
    (drawing,) = charts.drawn(dots)
    assert sum(len(entry.marks) for entry in drawing.entries) == 6


def test_a_total_has_no_chart():
    assert charts.drawn([dot([], 12.0)]) == ()
