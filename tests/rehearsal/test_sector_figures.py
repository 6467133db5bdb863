"""The made-up sector against published figures: the table in docs/sector.md says what is so."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from desk.packaged import packaged
from rehearsal import sector
from rehearsal.sector.rows import years
from samentel.documents import programme as programmes
from samentel.documents.populations import Records

PAGE = Path(__file__).parents[2] / "docs" / "sector.md"
YEAR, SHOWN, SEEDS = 2025, 7, (1, 2, 3, 4, 5)
ROW = re.compile(  # what, here, published, held to, source
    r"^\| (?P<what>[^|]+?) \| (?P<here>[0-9.,]+) \| [^|]+ "
    r"\| (?P<low>[0-9.,]+) to (?P<high>[0-9.,]+)(?: \*)? \|",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Counted:
    """A sector, and the true tables of the national programme in it."""

    made: sector.Sector
    cells: Mapping[str, Mapping[tuple[str, ...], int]]

    def count(self, table: str, *wanted: object) -> int:
        """Cells with these codes in these places; None is any code, a set any of its codes."""
        return sum(
            number
            for codes, number in self.cells[table].items()
            if all(
                want is None or code == want or (isinstance(want, set) and code in want)
                for code, want in zip(codes, wanted, strict=False)
            )
        )

    @property
    def victims(self) -> int:
        return self.count("victims")


@cache
def national() -> programmes.Programme:
    return programmes.parse(packaged("registratie-2025"))


@cache
def counted(seed: int, **options: object) -> Counted:
    made = sector.make(YEAR, seed, sector.NATION, **options)
    return Counted(made, made.tables(national(), YEAR))


def form(code: str) -> Callable[[Counted], float]:
    return lambda it: 100 * it.count("form-sex-age", code) / it.victims


def women(it: Counted) -> float:
    known = it.count("form-sex-age", None, {"F", "M"})
    return 100 * it.count("form-sex-age", None, "F") / known


def nigerian(it: Counted) -> float:
    """Of all victims' contacts of the year: countries are in no table."""
    rows = [rows for kinds in it.made.kinds.values() if len(rows := kinds[Records.VICTIMS])]
    country = np.concatenate([one.codes["country"][years(one.day) == YEAR] for one in rows])
    return float(100 * (country == "NG").mean())


def in_four_provinces(it: Counted) -> float:
    rows = [rows for kinds in it.made.kinds.values() if len(rows := kinds[Records.VICTIMS])]
    province = np.concatenate([one.codes["province"][one.codes["form"] == "SEX_DOM"] for one in rows])
    times = Counter(province[province != "NLX"].tolist())
    return 100 * sum(count for _, count in times.most_common(4)) / times.total()


def shelter_clients(it: Counted) -> float:
    shelters = [house for house in sector.NATION if house.type in {"VO_MO", "COSM", "OMM"}]
    return it.count("reason-organisation", None, "OPV") / len(shelters)


def shelter_victims(it: Counted) -> float:
    """At shelters that have neither COSM nor OMM."""
    plain = [house.node for house in sector.NATION if house.facilities == ("VO_MO",)]
    cells = it.made.tables(national(), YEAR, plain)
    return 100 * cells["victims"][()] / cells["clients"][()]


def not_placed(it: Counted) -> float:
    placed = it.count("asked-outcome", None, {"PLACED", "PLACED_OTHER"})
    return 100 - 100 * placed / it.count("requests")


MEASURES: Mapping[str, Callable[[Counted], float]] = {
    "victims in help, persons": lambda it: it.made.victims,
    "of them at two institutions, %": lambda it: 100 * it.made.twice / it.made.victims,
    "clients of a shelter institution": shelter_clients,
    "victims among shelter clients, %": shelter_victims,
    "domestic sexual, %": form("SEX_DOM"),
    "cross-border sexual, %": form("SEX_XB"),
    "labour and services, %": form("LAB"),
    "forced crime, %": form("CRI"),
    "other or unknown form, %": form("OTH"),
    "women and girls of known sex, %": women,
    "sex unknown or other, %": lambda it: 100 * it.count("form-sex-age", None, "XU") / it.victims,
    "minors, %": lambda it: 100 * it.count("form-sex-age", None, None, "Y_LT18") / it.victims,
    "age unknown, %": lambda it: 100 * it.count("form-sex-age", None, None, "AUNK") / it.victims,
    "Dutch, %": lambda it: 100 * it.count("citizenship-form", "NL") / it.victims,
    "Nigerian in the year of its surge, %": nigerian,
    "domestic sexual from four provinces, %": in_four_provinces,
    "reported with consent, %": lambda it: 100 * it.count("consent-organisation", "REP_CONS") / it.victims,
    "reported by duty, %": lambda it: 100 * it.count("consent-organisation", "REP_DUTY") / it.victims,
    "first requests": lambda it: it.count("requests"),
    "requests without a place, %": not_placed,
    "placements in COSM": lambda it: it.count("facility", "COSM"),
    "placements in OMM": lambda it: it.count("facility", "OMM"),
    "of them from COSM, %": lambda it: (
        100 * it.count("facility-via", "OMM", "COSM") / it.count("facility", "OMM")
    ),
    "placements in women's or social shelter": lambda it: it.count("facility", "VO_MO"),
    "in COSM on 31 December": lambda it: it.count("present-facility", "COSM"),
    "in OMM on 31 December": lambda it: it.count("present-facility", "OMM"),
}


def number(text: str) -> float:
    return float(text.replace(",", ""))


def written(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.1f}"


ROWS = [row.groupdict() for row in ROW.finditer(PAGE.read_text("utf-8"))] if PAGE.exists() else []


def test_the_page_has_every_measure_once():
    assert [row["what"] for row in ROWS] == list(MEASURES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["what"])
def test_what_the_page_says_of_seed_seven_is_so(row):
    assert row["here"] == written(MEASURES[row["what"]](counted(SHOWN)))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["what"])
def test_the_sectors_of_other_seeds_lie_in_the_published_range(row):
    found = {seed: MEASURES[row["what"]](counted(seed)) for seed in SEEDS}
    outside = {
        seed: value for seed, value in found.items() if not number(row["low"]) <= value <= number(row["high"])
    }
    assert not outside


def test_without_the_rule_of_consent_helpers_report_as_they_did_before_2018():
    free = counted(SHOWN, consent_required=False)
    share = 100 * free.count("consent-organisation", "REP_CONS") / free.victims
    assert share == pytest.approx(100 * 550 / 850, abs=5)
    assert sector.make(2017, 1).exports != sector.make(2017, 1, consent_required=True).exports
    assert sector.make(2018, 1).exports == sector.make(2018, 1, consent_required=True).exports


def test_one_nationality_surges_in_one_year_only():
    assert nigerian(counted(SHOWN)) > 1.8 * nigerian(counted(SHOWN, surge_in=0))


def test_every_level_of_the_national_tables_is_filled_somewhere():
    for table in ("form-sex-age", "help-form", "reason", "citizenship-form", "facility", "problems"):
        levels = zip(*counted(SHOWN).cells[table], strict=True)
        for place, codes in enumerate(levels):
            for code in set(codes):
                wanted = [None] * place + [code]
                assert any(counted(seed).count(table, *wanted) for seed in SEEDS), (table, code)


if __name__ == "__main__":  # what the page is to say, and what the other seeds have
    for what, measure in MEASURES.items():
        print(
            what, written(measure(counted(SHOWN))), "|", *(written(measure(counted(seed))) for seed in SEEDS)
        )
