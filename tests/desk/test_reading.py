import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from desk.packaged import packaged
from desk.releases import beside, reading, verify
from desk.releases.pull import figures
from samentel.counting.shares import share_plan
from samentel.documents import programme as programmes
from samentel.documents.model import from_json
from samentel.errors import LocalFault
from samentel.figures import release
from samentel.figures.edition import Edition, Year
from samentel.figures.manifest import Manifest
from samentel.figures.manifest_privacy import privacy_facts
from samentel.figures.manifest_tables import table_facts
from samentel.figures.sums import national_of
from samentel.ids import Period

GOLDEN = Path(__file__).parents[1] / "golden" / "klein-2025-1"
NAMES = tuple(f"node-{number:02d}" for number in range(12))


@pytest.fixture
def alone(directory, coordinator):
    return verify.release(directory, coordinator.public)


@pytest.fixture
def together(alone):
    """The same release as if it were of a secure sum: ten of twelve, eleven of which dealt."""
    programme = programmes.parse(packaged("aanleiding-samen"))
    facts = privacy_facts(programme, share_plan(programme, 12, 11), 12, 11)
    covered = {"invited": NAMES, "present": NAMES, "in_sum": NAMES[:10], "dealt": 11}
    coverage = alone.coverage.model_copy(update=covered)
    return alone.model_copy(update={"privacy": facts, "coverage": coverage})


def shown(manifest, directory, language):
    screen = Console(width=200, record=True, file=io.StringIO())
    rows = figures((directory / "tables.csv").read_bytes())
    screen.print(reading.whole(manifest, rows, language))
    return screen.export_text()


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("nl", ["mode secure-sum", "bij 4 is dat rho 0,8", "maskers", "10 van de 12"]),
        ("en", ["mode secure-sum", "with 4 it is rho 0.8", "masks", "10 of 12"]),
    ],
)
def test_a_reader_of_a_secure_sum_sees_what_it_says_of_itself(together, directory, language, says):
    text = " ".join(shown(together, directory, language).split())
    for words in (*says, "node-10, node-11"):
        assert words in text, words


def test_a_release_of_individual_mode_says_nothing_of_masks(alone, directory):
    text = shown(alone, directory, "nl")
    assert "maskers" not in text
    assert "samen met de coördinator" not in text


@pytest.fixture
def national(alone):
    """Manifest and rows of a national release without noise, with that many people in each population."""
    programme = programmes.parse(packaged("registratie-demo"))
    plan = share_plan(programme, 12, 12)

    def made(people):
        parts = [
            np.append(np.full(noise.cells, people / noise.cells), 0) * noise.granularity for noise in plan
        ]
        counts = np.rint(np.concatenate(parts)).astype(np.int64)
        summed = national_of(plan, NAMES, counts)
        made_of = Edition(programme, (Year(Period(2025), "r", summed),))
        facts = table_facts(programme, plan, {"2025": summed}, 12, 12)
        manifest = alone.model_copy(update={"tables": facts, "title": programme.title})
        return manifest, figures(release.figures(made_of)["tables.csv"])

    return made


def printed(what):
    screen = Console(width=120, record=True, file=io.StringIO())
    screen.print(what)
    return screen.export_text()


@pytest.mark.parametrize(
    ("language", "says"),
    [
        (
            "nl",
            ("Totalen, 2025", "Meer tabellen: reason-organisation", "Niet in deze uitgave: "),
        ),
        ("en", ("Totals, 2025", "More tables: reason-organisation", "Not in this release: ")),
    ],
)
def test_a_release_shows_totals_and_tables_of_one_dimension_and_names_the_others(national, language, says):
    manifest, rows = national(900)
    text = printed(reading.whole(manifest, rows, language))
    flat = " ".join(text.split())
    for words in says:
        assert words in flat, words
    for facts in manifest.tables:
        title = getattr(facts.title, language)
        assert (f"{title}, 2025" in text) == (len(facts.dimensions) == 1 and facts.years == 1)
        assert (title in flat.partition("Dekking")[0]) == (len(facts.dimensions) < 2 or facts.years == 3)
    withheld = [getattr(it.title, language) for it in manifest.tables if it.years == 3]
    assert f"{says[2]}{', '.join(withheld)}. " in flat
    larger = [it.id for it in manifest.tables if len(it.dimensions) > 1 and it.years == 1]
    assert f"{says[1].partition(':')[0]}: {', '.join(larger)}. " in flat
    other = "Clients" if language == "nl" else "cliënten"
    assert other not in text.partition("Dekking")[0]


def test_one_table_has_sub_headings_by_its_first_dimension(national):
    manifest, rows = national(900)
    text = printed(reading.whole(manifest, rows, "en", "form-sex-age"))
    assert text.count("Female · Younger than 18") == 5  # once under every form
    assert text.count("Forced criminality") == 1
    assert "Victims by problems" not in text
    cells = [row for row in rows if row.table == "form-sex-age"]
    assert text.count(f" {cells[0].shown_lower} – ") >= 1
    assert len(cells) == 45


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("no-such", "there is no such table; this release has clients, reason", id="unknown"),
        pytest.param("asked-outcome", "is not in this release.*(drie|three)", id="withheld"),
    ],
)
def test_a_table_that_is_not_there_is_one_line(national, name, why):
    manifest, rows = national(900)
    with pytest.raises(LocalFault, match=why):
        reading.whole(manifest, rows, "nl", name)
    with pytest.raises(LocalFault, match="CSV"):
        reading.whole(manifest, (), "nl", "reason")


def test_what_is_read_is_text_and_a_share_of_nobody_is_not_given(national):
    _, rows = national(0)
    assert {(row.share, row.share_lower, row.share_upper) for row in rows} == {(None, None, None)}
    manifest, full = national(900)
    assert all(isinstance(it, str) for row in full for it in (row.shown, row.shown_lower, row.shown_upper))
    assert [row.codes for row in full if row.table == "victims"] == [()]
    assert all(row.share is not None for row in full)
    assert "%" not in printed(reading.totals(manifest, full, "nl")).replace("95%", "")


def test_not_recorded_and_not_asked_stand_apart_and_truth_beside_every_row(national):
    manifest, rows = national(900)
    truth = {"|".join(row.codes): 7_000 + number for number, row in enumerate(rows) if row.table == "reason"}
    text = printed(reading.table(manifest, rows, "reason", truth))
    assert all(str(number) in text for number in truth.values())
    last = [line for line in text.splitlines() if "Niet g" in line or line.startswith("├")]
    assert [line.startswith("├") for line in last] == [True, False, False]
    assert "Not asked" in text


def test_indicators_come_first_with_their_interval_grade_and_change(alone, directory):
    contents = {path.name: path.read_bytes() for path in directory.iterdir()}
    lines = list(beside.read_indicators(contents, "2025"))
    assert {line.id for line in lines} >= {"gap-clients", "gap-clients-nrec"}
    changed = replace(
        lines[0], estimate=11.24, lower=-3.0, upper=25.5, change=-0.8, change_lower=-1.3, change_upper=-0.3
    )
    rows = figures(contents["tables.csv"])
    text = printed(reading.whole(alone, rows, "nl", lines=[changed, *lines[1:]]))
    first = text.index("Nieuwe cliënten: aanleiding niet geregistreerd of niet gevraagd, 2025")
    assert first < text.index("Nieuwe cliënten naar aanleiding")
    (line,) = [it for it in text.splitlines() if "11,2 %" in it]
    for words in ("Nederland", "0,0 % – 25,5 %", f" {changed.grade} ", "−0,8 (−1,3 – −0,3)"):
        assert words in line
    assert "11.2%" in printed(reading.whole(alone, rows, "en", lines=[changed]))
    assert "0,0 % – 25,5 %" not in printed(reading.whole(alone, rows, "nl", "reason", [changed]))
    assert not beside.read_indicators({}, "2025")


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_sum_of_three_years_is_titled_with_its_years(language):
    contents = {path.name: path.read_bytes() for path in GOLDEN.iterdir()}
    manifest = from_json(Manifest, contents["manifest.json"], "manifest")
    lines = beside.read_indicators(contents, "2025")
    text = printed(reading.whole(manifest, figures(contents["tables.csv"]), language, lines=lines))
    (facts,) = [facts for facts in manifest.tables if len(facts.periods) == 3]
    for title in (
        getattr(facts.title, language),
        *{getattr(one.title, language) for one in lines if "–" in one.period},
    ):
        assert f"{title}, 2023–2025" in text
        assert f"{title}, 2025" not in text
    assert f"{getattr(lines[0].title, language)}, 2025" in text
    assert "2023–2025" in {one.period for one in lines}


@pytest.mark.parametrize(
    ("language", "says"),
    [("nl", "rho 0,4375 (epsilon 4,85, delta"), ("en", "rho 0.4375 (epsilon 4.85, delta")],
)
def test_epsilon_stands_with_the_rho_that_was_spent(language, says):
    manifest = from_json(Manifest, (GOLDEN / "manifest.json").read_bytes(), "manifest")
    assert says in reading.privacy(manifest, language)


def test_the_total_of_three_years_says_so_among_the_totals(national):
    manifest, rows = national(900)
    total = next(facts for facts in manifest.tables if not facts.dimensions)
    pooled = total.model_copy(update={"periods": ("2023", "2024", "2025")})
    tables = tuple(pooled if facts is total else facts for facts in manifest.tables)
    text = printed(reading.totals(manifest.model_copy(update={"tables": tables}), rows, "en"))
    assert f"{total.title.en}, 2023–2025" in text
    assert text.count("2023–2025") == 1


def test_every_figure_has_its_grade(national):
    manifest, rows = national(900)
    text = printed(reading.table(manifest, rows, "reason", language="en"))
    cells = [row for row in rows if row.table == "reason"]
    assert "quality" in text
    for row in cells:
        (line,) = [it for it in text.splitlines() if row.labels_en[0] in it]
        assert f" {row.grade} " in line
