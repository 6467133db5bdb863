"""The plan from the command line and as a page: whole, in both languages, with nothing from elsewhere."""

import functools
import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console

from desk import cli, numerals
from desk.packaged import packaged
from desk.planning import plan as planning
from desk.planning import plan_html, plan_page
from desk.planning import plan_sentences as says
from desk.planning.plan_words import WORDS
from desk.planning.targets import wanted
from samentel.documents import programme as programmes
from samentel.documents.codelists import Text

LANGUAGES = ("nl", "en")
VOID = {"meta", "line", "circle", "rect"}
ASKED = ["--target", "1way=3,total=6", "--drop", "sex-age"]


class Page(HTMLParser):
    """A page that closes what it opens; its elements, and the texts of every table and drawing."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.tables, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data
        self.texts.append(data)

    def named(self, *names):
        return [its for tag, its in self.tags if tag in names]


@pytest.fixture(scope="module")
def national():
    return programmes.parse(packaged("registratie-demo"))


@pytest.fixture(scope="module")
def made(national):
    return planning.plan(national, 12, wanted=wanted("total=6"), dropped=["help-age"])


@pytest.fixture
def samentel(called):
    return functools.partial(called, cli.main, "samentel")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_and_needs_nothing_from_elsewhere(made, national, language):
    text = plan_html.rendered(made, national, language)
    page = Page(text)
    assert page.named("html") == [{"lang": language}]
    assert len(page.named("h1")) == 1
    assert not {"script", "img", "iframe", "object", "image", "use", "link"} & {tag for tag, _ in page.tags}
    assert not re.search(r"url\(|@import|https?:|//", text)
    assert not [its for _, its in page.tags if any(key.startswith("on") for key in its)]
    assert all(its["href"].startswith("#") for its in page.named("a"))
    drawings = page.named("svg")
    assert len(drawings) == 2
    ids = [its["id"] for _, its in page.tags if "id" in its]
    assert len(set(ids)) == len(ids)
    assert all(set(its["aria-labelledby"].split()) <= set(ids) for its in drawings)
    assert all(its.get("scope") in ("col", "row") for its in page.named("th"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_figure_of_a_table_stands_beside_the_drawing(made, national, language):
    page = Page(plan_html.rendered(made, national, language))
    rows = {row[0]: row for table in page.tables for row in table[1:] if len(row) == 11}
    assert list(rows) == [table.table for table in made.tables]
    for table in made.tables:
        half = f"± {numerals.number(table.half_width, language, 1)}"
        assert half in rows[table.table]
        assert half in page.texts  # beside its dot
        assert rows[table.table][10] == ("" if table.tau is None else says.tau(table.tau, language))
        assert (rows[table.table][9].endswith("!")) == table.imprecise
    shares = {row[1] for table in page.tables for row in table[1:] if len(row) == 3}
    assert {
        numerals.percent(float(it.rho_share), language, 2) for it in made.tables if it.rho_share
    } <= shares
    for miss in made.misses:
        assert any(text.startswith(f"{miss.table}: ") for text in page.texts)
    assert made.digest in page.texts
    for exposure in made.exposures:
        assert any(
            cell.startswith(f"{exposure.rho} (") for table in page.tables for row in table for cell in row
        )


def test_every_mark_lies_in_its_drawing(made, national):
    page = Page(plan_html.rendered(made, national, "en"))
    for its in page.named("circle", "rect", "line"):
        places = [float(its[name]) for name in ("x", "x1", "x2", "cx") if name in its]
        assert all(250 <= place <= 600 for place in places)
    dots = [float(its["cx"]) for its in page.named("circle") if its.get("class") != "ring"]
    assert len(dots) == len(made.tables)
    halves = [table.half_width for table in made.tables]
    most, least = halves.index(max(halves)), halves.index(min(halves))
    per_power = (dots[most] - dots[least]) / math.log10(halves[most] / halves[least])
    grid = [float(its["x1"]) for its in page.named("line") if its["class"] == "grid"]
    assert per_power == pytest.approx(grid[1] - grid[0], abs=0.5)
    assert per_power > 30  # so it is no axis on which all dots fall together
    for dot, half in zip(dots, halves, strict=True):
        assert dot - dots[least] == pytest.approx(per_power * math.log10(half / halves[least]), abs=0.2)
    bars = [float(its["width"]) for its in page.named("rect")]
    widest = max(made.tables, key=lambda it: it.rho_share)
    assert bars[made.tables.index(widest)] == max(bars)
    for bar, table in zip(bars, made.tables, strict=True):
        assert bar == pytest.approx(max(bars) * float(table.rho_share / widest.rho_share), abs=0.11)


def test_what_an_author_wrote_is_text_and_no_markup(made, national):
    evil = national.model_copy(update={"title": Text(nl="<script>x</script>", en="<b>")})
    first = replace(made.tables[0], title_nl="<svg onload=x>")
    page = Page(plan_html.rendered(replace(made, tables=(first, *made.tables[1:])), evil, "nl"))
    assert not page.named("script", "b")
    assert len(page.named("svg")) == 2


def test_every_word_exists_in_both_languages():
    assert WORDS["nl"].keys() == WORDS["en"].keys()
    holes = re.compile(r"{[^}]*}")
    for name, words in WORDS["nl"].items():
        assert sorted(holes.findall(words)) == sorted(holes.findall(WORDS["en"][name])), name


def test_the_command_writes_the_page_and_prints_json_beside_it(samentel, tmp_path):
    words = ["plan", "aanleiding-samen", "--nodes", "12", *ASKED, "--page", "p.html", "--lang", "en"]
    done = samentel(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "p.html\n"), done.stderr
    page = (tmp_path / "p.html").read_text("utf-8")
    assert page.startswith("<!doctype html>\n")
    done = samentel(*words, "--json", cwd=tmp_path)
    values = json.loads(done.stdout)
    assert [it["table"] for it in values["without"]["gains"]] == ["reason", "citizenship"]
    assert values["targets"]["rho_own"].partition("/")[2]
    assert (tmp_path / "p.html").read_text("utf-8") == page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_terminal_shows_what_was_asked_and_what_does_not_fit(samentel, tmp_path, language):
    (tmp_path / "p.toml").write_bytes(packaged("aanleiding-samen").replace(b'rho = "1/2"', b'rho = "3/5"'))
    words = ["plan", "p.toml", "--nodes", "12", "--collude", "2", *ASKED, "--lang", language]
    text = " ".join(samentel(*words, cwd=tmp_path).stdout.split())
    for part in {
        "nl": (
            "WAT ALS: hier is aangenomen dat hoogstens 2",
            "LET OP: 6/5 voor 2 pogingen",
            "Zonder sex-age",
        ),
        "en": ("WHAT IF: here at most 2", "WARNING: 6/5 for 2 attempts", "Without sex-age"),
    }[language]:
        assert part in text
    assert "--target" in text


def test_the_two_names_of_how_many_begin_are_one(samentel):
    one, other = (
        samentel("plan", "aanleiding-demo", name, "5", "--json").stdout
        for name in ("--nodes", "--institutions")
    )
    assert one == other


@pytest.mark.parametrize(("tau", "written"), [(5e-324, "< 1e-30"), (2e-30, "2e-30"), (3e-12, "3e-12")])
def test_a_distance_that_nobody_can_see_is_not_a_number_of_three_hundred_digits(tau, written):
    assert says.tau(tau, "en") == written


@pytest.mark.parametrize(
    ("language", "pooled", "unreported", "mean"),
    [
        (
            "nl",
            "Alleen als som van drie jaar: ",
            ", niet gemeld bij CoMensha",
            " 17.000 ",
        ),
        ("en", "Only as a sum of three years: ", ", not reported to CoMensha", " 17,000 "),
    ],
)
def test_the_plan_names_what_waits_for_three_years_and_the_number_not_reported(
    language, pooled, unreported, mean
):
    asked = programmes.parse(packaged("registratie-2025"))
    made = planning.plan(asked, 40)
    waiting = [table.id for table in asked.tables if table.years == 3]
    assert len(waiting) > 5
    assert f"{pooled}{', '.join(waiting)}." in says.missed(made, language)
    screen = Console(width=160, record=True, file=io.StringIO())
    screen.print(plan_page.render(made, language))
    text = screen.export_text()
    assert mean in text
    assert f"{mean.strip()}{numerals.MARKS[language][1]}0" not in text
    (line,) = [line for line in text.splitlines() if unreported in line]
    assert "± 26" in line
    known = {table.table: table.half_width for table in made.tables}
    answers = {(it.asked, it.table): it.half_width for it in made.answers}
    # Three of the five codes of one table, by way of its other margins: less than three by themselves.
    assert known["consent"] < answers["unreported", "consent"] < math.sqrt(3) * known["consent"]
    for table in ("reason-organisation", "reason-part"):  # two of its codes, at one kind of institution
        assert known[table] < answers["houses", table] < 2 * known[table]


def test_dutch_words_of_a_plan_are_dutch(made):
    assert not re.search(r"\b(rooster|node|nodes)\b", " ".join(WORDS["nl"].values()))
    channels = [level for level in made.levels if level.label_nl.startswith("kanaal ")]
    assert channels
    assert all(level.label_en == f"channel {level.code}" for level in channels)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--page", "none/p.html"], "--page none/p.html: there is no directory none; make it first"),
        (["--target", "3way=0.0001"], "samentel: --target 3way: "),
        (["--target", "total=0.0001"], "samentel: --target total=0.0001: out of reach"),
        (["--drop", "shoes"], "--drop shoes: there is no such table; there are reason, sex-age, citizenship"),
        (["--target", "shoes=3"], "--target shoes: this programme has no such table"),
        (["--target", "total=0.01"], "out of reach"),
        (["--collude", "9"], "--collude 9: with 8 institutions at the least"),
        (["--nodes", "many"], "'many' is not a whole number"),
        (["--page", "."], "cannot"),
    ],
)
def test_a_mistake_is_a_clear_line_and_no_traceback(samentel, tmp_path, words, says):
    done = samentel("plan", "aanleiding-samen", *words, cwd=tmp_path)
    assert done.returncode in (1, 2)
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stdout + done.stderr
    assert "does not hold" not in done.stderr
    assert not list(tmp_path.iterdir())
