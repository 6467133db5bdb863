"""A whole year of one made-up country, by the commands that its people have.

Four quarters, the year before and the year: six secure sums of twelve institutions, each a process
of its own, over mutual TLS. Then a correction, an erratum and two countersignatures. A reader fetches
all of it and believes nothing: every release is made again from what it carries.
"""

import csv
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from aggregator.client import Coordinator
from desk.packaged import packaged
from desk.releases import pull
from node.store import Reader
from rehearsal import federation, processes, sector, truth
from rehearsal.demo import PACE
from rehearsal.federation import National, Nodes
from samentel.counting import ledger
from samentel.counting.ledger import Kind
from samentel.documents.programme import Programme
from samentel.ids import Period

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

YEAR = 2025
QUARTERS = [f"{YEAR}Q{number}" for number in (1, 2, 3, 4)]
ANNUAL, QUARTERLY = "registratie-demo", "kwartaal-demo"
# What a release alone does not show: an institution's receipt, signatures that nobody has made yet, sums of
# other releases, and what institutions were told of cells that are never published.
BEYOND = (
    "receipt",
    "countersign",
    "never published",
    "parquet",
    "earlier years",
    "year_loss",
    "libraries",
    "present",
    "same sums",
    "alone knows",
    "coordinator's word",
    "side by side",
    "their own",
)
FAR = 6  # sd: one of a billion


@dataclass
class Country:
    """Everything there is once the year is over.

    Attributes:
        programmes: by id.
        releases: by period, the directory that a reader has fetched; the correction under "corrected".
    """

    national: National
    nodes: Nodes
    programmes: dict[str, Programme]
    made: sector.Sector
    releases: dict[str, Path]

    @property
    def reader(self) -> Path:
        return self.national.directory / "reader"

    def says(self, module: str, *words: object, fails: bool = False) -> str:
        """What a command prints."""
        done = subprocess.run(
            [*processes.command(module), *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "200"},
        )
        assert (done.returncode != 0) is fails, done.stderr + done.stdout
        return done.stderr if fails else done.stdout

    def national_says(self, *words: object) -> str:
        return self.says("aggregator.cli", "--config", self.national.config.path, *words)

    def fetch(self, release_id: str, name: str) -> Path:
        place = self.national.directory / "fetched" / name
        shutil.rmtree(place, ignore_errors=True)
        pull.pull(pull.read_credentials(self.reader), release_id, place)
        self.releases[name] = place
        return place

    def manifest(self, name: str) -> dict:
        return json.loads((self.releases[name] / "manifest.json").read_text("utf-8"))

    def rows(self, name: str, file: str) -> list[dict[str, str]]:
        with (self.releases[name] / file).open(encoding="utf-8", newline="") as text:
            return list(csv.DictReader(text))


@pytest.fixture(scope="module")
def country(tmp_path_factory) -> Iterator[Country]:
    made = sector.make(YEAR, houses=sector.HOUSES, years=2)
    with ExitStack() as ends:
        national = federation.found(tmp_path_factory.mktemp("y"), PACE)
        ends.callback(national.daemon().stop)
        premises = {export.house.node: federation.settle(national, export) for export in made.exports}
        for place in premises.values():
            federation.enrol(national, place)
        programmes = {}
        for name in (ANNUAL, QUARTERLY):
            programme, envelope = federation.put_in_force(national, packaged(name))
            programmes[name] = programme
            for place in premises.values():
                federation.approve(place, programme, envelope)
        nodes = Nodes(premises)
        ends.callback(nodes.stop)
        nodes.start_all()
        federation.reader(national)
        here = Country(national, nodes, programmes, made, {})
        for name, period in [
            (ANNUAL, str(YEAR - 1)),
            *((QUARTERLY, it) for it in QUARTERS),
            (ANNUAL, str(YEAR)),
        ]:
            here.national_says("round", "run", name, period)
            nodes.wait_until_published(premises, period)
        with Coordinator.connect(national.admin) as line:
            published = {one.period: one.release_id for one in line.releases()}
        for period, release_id in published.items():
            here.fetch(release_id, period)
        yield here


@pytest.fixture(scope="module")
def corrected(country: Country) -> str:
    """A correction of the year's release, with an erratum to the one that it takes the place of."""
    wrong = country.manifest(str(YEAR))["release_id"]
    country.national_says(
        "release", "correct", wrong, "--nl", "Een label was fout.", "--en", "A label was wrong."
    )
    country.national_says(
        "release", "erratum", wrong, "--nl", "Zie de correctie.", "--en", "See the correction."
    )
    with Coordinator.connect(country.national.admin) as line:
        (made,) = {one.release_id for one in line.releases()} - {
            country.manifest(period)["release_id"] for period in (*QUARTERS, str(YEAR - 1), str(YEAR))
        }
    country.fetch(made, "corrected")
    return made


def against(country: Country) -> list[object]:
    """Everything that a release can be examined with."""
    names = [word for made in country.national.authority for word in ("--authority", made.public)]
    roster = country.national.directory / "documents" / "roster.json.dsse.json"
    return ["--credentials", country.reader, *names, "--roster", roster]


@pytest.mark.parametrize("name", [*QUARTERS, str(YEAR - 1), str(YEAR), "corrected"])
def test_every_release_is_made_again_from_what_it_carries(
    country: Country, corrected: str, name: str
) -> None:
    said = country.says("desk.cli", "verify", country.releases[name], *against(country), "--lang", "en")
    assert "nothing wrong was found" in said
    left = [line for line in said.splitlines() if "not checked" in line]
    assert not [line for line in left if not any(word in line for word in BEYOND)], left


def test_an_institution_finds_its_own_counts_in_the_sum(country: Country, tmp_path: Path) -> None:
    place = next(iter(country.nodes.premises.values()))
    manifest = country.manifest(str(YEAR))
    receipt = tmp_path / "receipt.json"
    country.says(
        "node.cli", "--config", place.config.path, "receipt", manifest["round"][:12], "--out", receipt
    )
    words = ["verify", country.releases[str(YEAR)], *against(country), "--receipt", receipt, "--lang", "en"]
    assert place.export.house.node in country.says("desk.cli", *words)
    other = ["verify", country.releases[QUARTERS[0]], *against(country), "--receipt", receipt]
    assert "receipt" in country.says("desk.cli", *other, fails=True)


def test_one_flipped_byte_anywhere_is_named(country: Country, tmp_path: Path) -> None:
    """In the middle of every file of the year's release, one by one."""
    for path in sorted(country.releases[str(YEAR)].iterdir()):
        place = tmp_path / path.name
        shutil.copytree(country.releases[str(YEAR)], place)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        (place / path.name).unlink()
        (place / path.name).write_bytes(data)
        said = country.says("desk.cli", "verify", place, "--credentials", country.reader, fails=True)
        assert path.name in said, (path.name, said)
        assert "Traceback" not in said


def test_the_figures_are_as_far_from_the_truth_as_they_say(country: Country) -> None:
    programme, survivors = country.programmes[ANNUAL], country.manifest(str(YEAR))["coverage"]["in_sum"]
    assert len(survivors) == len(country.made.nodes)
    known = truth.of(country.made, programme, YEAR, survivors)
    off = []
    for row in country.rows(str(YEAR), "tables.csv"):
        if country_years(programme, row["table"]) == 1:
            off.append((float(row["estimate"]) - known[row["table"]][row["codes"]]) / float(row["sd"]))
    assert len(off) > 300
    assert max(map(abs, off)) < FAR
    assert 0.7 < (sum(it**2 for it in off) / len(off)) ** 0.5 < 1.4


def country_years(programme: Programme, table: str) -> int:
    return next(one.years for one in programme.tables if one.id == table)


def test_a_person_is_in_one_quarter_and_the_ledger_charges_the_dearest(country: Country) -> None:
    annual, quarterly = country.programmes[ANNUAL], country.programmes[QUARTERLY]
    for place in country.nodes.premises.values():
        for period in (*QUARTERS, str(YEAR)):
            assert place.booked(period) == [Kind.HOLD, Kind.SPENT, Kind.PUBLISHED]
        with Reader.open_read_only(place.config.state_dir) as store:
            charge = ledger.charge([entry.read() for entry in store.entries()], YEAR)
        assert charge.central <= annual.rho + quarterly.rho
        assert charge.central > annual.rho + quarterly.rho / 2


def test_quarters_and_year_are_about_the_same_people_but_for_the_late_and_undated(country: Country) -> None:
    """Nobody is in two quarters, so four quarters together are never more than the year, but for noise."""
    quarters = [total(country, period, "clients") for period in QUARTERS]
    year = total(country, str(YEAR), "clients")
    sd = (sum(sd**2 for _, sd in quarters) + year[1] ** 2) ** 0.5
    together = sum(estimate for estimate, _ in quarters)
    assert together - year[0] < FAR * sd
    assert together > year[0] / 2


def total(country: Country, period: str, table: str) -> tuple[float, float]:
    (row,) = (row for row in country.rows(period, "tables.csv") if row["table"] == table)
    return float(row["estimate"]), float(row["sd"])


def test_the_eu_table_follows_cell_for_cell(country: Country) -> None:
    """Each cell is the sum of the cells that it names, and each of those is in the release."""
    cells = {
        (row["table"], row["codes"]): float(row["estimate"]) for row in country.rows(str(YEAR), "tables.csv")
    }
    rows = country.rows(str(YEAR), "eu.csv")
    assert len(rows) > 100
    programme = country.programmes[ANNUAL]
    for row in rows:
        name, _, inside = row["derived_from"].rstrip("]").partition("[")
        (table,) = (one for one in programme.tables if one.id == name)
        everything = [[code.code for code in programme.dimension(it).codes] for it in table.dimensions]
        choices = [
            all_ if codes == "*" else codes.split("+")
            for codes, all_ in zip(inside.split("|") if inside else (), everything, strict=True)
        ]
        named = [cells[name, "|".join(codes)] for codes in itertools.product(*choices)]
        assert float(row["estimate"]) == pytest.approx(sum(named), abs=1e-4), row


def test_the_registration_gap_has_a_change_since_last_year(country: Country) -> None:
    rows = [row for row in country.rows(str(YEAR), "indicators.csv") if row["period"] == str(YEAR)]
    national = [row for row in rows if not row["dimension"] and row["unit"] == "percent"]
    assert national
    for row in national:
        assert 0 < float(row["estimate"]) < 60
        assert float(row["change_lower"]) < float(row["change"]) < float(row["change_upper"])
    assert {row["dimension"] for row in rows} > {""}
    assert any(row["unit"] == "persons" for row in rows)
    assert country.rows(str(YEAR), "trends.csv")


def test_a_correction_is_the_same_sum_and_says_why(country: Country, corrected: str) -> None:
    before, after = country.manifest(str(YEAR)), country.manifest("corrected")
    assert after["supersedes"] == before["release_id"]
    assert after["round"] == before["round"]
    measured = [(country.releases[name] / "measured.csv").read_bytes() for name in (str(YEAR), "corrected")]
    rows = [list(csv.reader(data.decode().splitlines())) for data in measured]
    assert [row[2:] for row in rows[0]] == [row[2:] for row in rows[1]]
    listed = country.says("desk.cli", "releases", "--credentials", country.reader, "--lang", "en")
    assert corrected in listed
    assert "See the correction." in listed
    said = country.says(
        "desk.cli", "compare", country.releases[str(YEAR)], country.releases["corrected"], "--json"
    )
    found = json.loads(said)
    assert found["same_sum"] is True
    assert [one for one in found["changes"] if one["difference"] or one["sd"]] == []


def test_two_years_are_compared_with_their_noise(country: Country) -> None:
    words = ["compare", country.releases[str(YEAR - 1)], country.releases[str(YEAR)], "--json"]
    found = json.loads(country.says("desk.cli", *words, "--credentials", country.reader))
    assert found["same_sum"] is False
    sds = {(row["table"], row["codes"]): float(row["sd"]) for row in country.rows(str(YEAR), "tables.csv")}
    changes = {(one["table"], "|".join(one["codes"])): one for one in found["changes"]}
    assert len(changes) > 300
    clients = changes["clients", ""]
    assert clients["sd"] == pytest.approx(2**0.5 * sds["clients", ""], rel=0.2)
    for one in changes.values():
        assert one["beyond_noise"] == (abs(one["difference"]) > 1.96 * one["sd"]), one


def test_the_authority_signs_beside_the_coordinator(country: Country, corrected: str, tmp_path: Path) -> None:
    for made in country.national.authority:
        file = tmp_path / f"{made.private.name}.dsse.json"
        words = ["countersign", country.releases["corrected"], "--key", made.private, "--out", file]
        country.says("desk.cli", *words, *against(country))
        country.national_says("release", "countersigned", file)
    place = country.fetch(corrected, "corrected")
    said = country.says("desk.cli", "verify", place, *against(country), "--lang", "en")
    assert "2 countersignature" in said


def test_every_manifest_says_who_took_part(country: Country) -> None:
    for period in (*QUARTERS, str(YEAR - 1), str(YEAR)):
        manifest = country.manifest(period)
        assert Period.parse(period) == Period.parse(str(manifest["period"]))
        coverage = manifest["coverage"]
        assert coverage["enrolled"] == coverage["invited"] == sorted(country.made.nodes)
        assert set(coverage["in_sum"]) | set(coverage["dropped"]) == set(coverage["present"])
        assert coverage["dealt"] >= len(coverage["in_sum"])
