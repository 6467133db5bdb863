"""The figures of a release beside the true ones, on figures and people worked out by hand."""

import io

import pytest
from rich.console import Console

from desk.packaged import packaged
from desk.releases.pull import Figure
from rehearsal import demo, sector, truth
from samentel.documents import programme as programmes
from samentel.documents.codelists import Text
from samentel.errors import LocalFault
from samentel.figures.manifest import TableFacts


def figure(table, codes, estimate, sd=2.0):
    return Figure(
        table=table,
        codes=codes,
        labels_nl=codes or ("Totaal",),
        labels_en=codes or ("Total",),
        estimate=estimate,
        sd=sd,
        lower=estimate - 1.96 * sd,
        upper=estimate + 1.96 * sd,
        share=None,
        share_lower=None,
        share_upper=None,
        shown="900",
        shown_lower="896",
        shown_upper="904",
        grade="A",
        above_zero=True,
    )


KNOWN = {"reason": {"A": 10, "B": 0}, "victims": {"": 12}, "form-age": {"A|Y": 3}}


def test_the_distance_is_measured_on_the_unrounded_estimates_in_their_own_standard_deviations():
    figures = [
        figure("reason", ("A",), 13.0),
        figure("reason", ("B",), -4.0),
        figure("victims", (), 12.0, sd=9.0),
        figure("form-age", ("A", "Y"), 5.0, sd=1.0),
    ]
    found = truth.distance(figures, KNOWN)
    assert (found.cells, found.held) == (4, 2)  # -4 is more than 1.96 * 2 from 0, and 5 more than 1.96 from 3
    assert found.off == pytest.approx(((1.5**2 + 2**2 + 0 + 2**2) / 4) ** 0.5)


def test_a_release_without_its_figures_has_no_distance():
    with pytest.raises(LocalFault, match="without its CSV"):
        truth.distance([], KNOWN)


def test_the_truth_has_every_cell_of_the_programme_and_covers_only_who_is_in_the_sum():
    programme = programmes.parse(packaged(demo.PROGRAMME))
    made = sector.make(2025, houses=sector.HOUSES)
    whole = truth.of(made, programme, 2025, made.nodes)
    assert {name: len(cells) for name, cells in whole.items()} == {
        table.id: programme.cells(table) for table in programme.tables
    }
    parts = [truth.of(made, programme, 2025, [node]) for node in made.nodes]
    for table, cells in whole.items():
        assert cells == {codes: sum(part[table][codes] for part in parts) for codes in cells}
    some = truth.of(made, programme, 2025, made.nodes[1:])
    assert some["clients"][""] < whole["clients"][""]


def test_totals_stand_beside_the_true_ones():
    title = Text(nl="Slachtoffers in de hulp", en="Victims in help")
    facts = TableFacts.model_construct(id="victims", title=title)
    manifest = type("Manifest", (), {"tables": [facts], "period": "2025", "confidence": 0.95})
    screen = Console(width=120, record=True, file=io.StringIO())
    screen.print(truth.totals(manifest, [figure("victims", (), 11.0), figure("reason", ("A",), 9.0)], KNOWN))
    line = next(line for line in screen.export_text().splitlines() if "Victims" in line)
    assert line.split("│")[3:6] == ["      900 ", "    896 – 904 ", "               12 "]


def test_every_table_that_the_demo_shows_is_a_total_or_has_one_dimension():
    tables = {table.id: table for table in programmes.parse(packaged(demo.PROGRAMME)).tables}
    assert all(not tables[name].dimensions for name in demo.TOTALS)
    shown = [tables[name] for name in demo.HEADLINES if name in tables]
    assert all(len(table.dimensions) == 1 and table.years == 1 for table in shown)
    assert {"reason", "facility"} <= {table.id for table in shown}
