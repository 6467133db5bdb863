"""``samentel rehearse sector``: a directory that a rehearsal can start from, with the truth apart."""

import csv
import functools
import subprocess
import sys

import pytest

from desk import cli
from desk.packaged import packaged
from node import intake, mapping
from rehearsal import sector
from samentel.documents import programme as programmes
from samentel.ids import Period


@pytest.fixture(scope="session")
def command(called):
    return functools.partial(called, cli.main, "samentel", "rehearse", "sector")


@pytest.fixture(scope="module")
def written(command, tmp_path_factory):
    out = tmp_path_factory.mktemp("sector") / "new" / "here"
    done = command(
        "--institutions", 12, "--year", 2023, "--seed", 5, "--programme", "registratie-demo", "--out", out
    )
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_institution_has_exports_that_its_mapping_reads_to_the_true_totals(written):
    out, _ = written
    programme = programmes.parse(packaged("registratie-demo"))
    nobody = intake.Memory(token=str.encode, elsewhere=())
    people = 0
    for house in sector.HOUSES:
        held = mapping.load(out / house.node / "mapping.toml")
        taken = intake.taken(held, programme, Period(2023), house.institution(), nobody)
        people += len(next(taken.codes.cells[t.id] for t in programme.measured if t.population == "clients"))
    assert [(row["codes"], row["count"]) for row in rows(out / "truth" / "clients.csv")] == [
        ("", str(people))
    ]


def test_the_truth_has_every_cell_of_every_table(written):
    out, _ = written
    programme = programmes.parse(packaged("registratie-demo"))
    made = sector.make(2023, 5, sector.HOUSES).tables(programme, 2023)
    assert {path.stem for path in (out / "truth").iterdir()} == {table.id for table in programme.tables}
    for table in programme.tables:
        found = {
            tuple(row["codes"].split("|")): int(row["count"])
            for row in rows(out / "truth" / f"{table.id}.csv")
        }
        assert len(found) == programme.cells(table)
        assert found == {cell or ("",): count for cell, count in made[table.id].items()}


def test_the_facts_of_the_roster_are_those_of_the_houses(written):
    out, _ = written
    facts = rows(out / "roster.csv")
    assert [row["node"] for row in facts] == [house.node for house in sector.HOUSES]
    assert [tuple(row["facilities"].split()) for row in facts] == [
        house.facilities for house in sector.HOUSES
    ]
    assert {path.name for path in out.iterdir()} == {"roster.csv", "truth", *(row["node"] for row in facts)}


def test_it_says_what_it_has_written(written):
    out, said = written
    assert f"{out}: 12 institutions" in said
    assert "none of whom exists" in said


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["--institutions", "41"], "ask for 1 to 40", id="too-many"),
        pytest.param(["--programme", "no-such"], "no such file", id="programme"),
        pytest.param(["--year", "25"], "choose a year", id="year"),
        pytest.param(["--seed", "-1"], "seed", id="seed"),
        pytest.param(["--seed", "1.5"], "whole number", id="part"),
    ],
)
def test_a_mistake_is_a_clear_line_and_writes_nothing(command, words, why, tmp_path):
    done = command("--out", tmp_path / "out", *words)
    assert done.returncode in (1, 2)
    assert why in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_directory_that_holds_something_is_left_alone(command, written):
    out, _ = written
    before = sorted(out.rglob("*"))
    done = command("--out", out)
    assert (done.returncode, "is not empty" in done.stderr) == (1, True)
    assert sorted(out.rglob("*")) == before


def test_help_shows_examples(command):
    done = command("--help")
    assert done.returncode == 0
    assert done.stdout.count("Example:") == 3


def test_the_other_commands_do_not_load_it():
    asked = "import sys; from desk.cli import app; assert 'rehearsal' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
