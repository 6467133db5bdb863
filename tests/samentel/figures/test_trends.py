import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from samentel.figures import trends
from samentel.figures.edition import Edition
from samentel.figures.estimate import Z, estimate, pooled
from samentel.figures.sums import NationalSum
from tests.samentel.figures.nation import edition, noisy, people, summed


@pytest.fixture(scope="module")
def sums(nation) -> Sequence[NationalSum]:
    """Five years of people with noise."""
    random = np.random.default_rng(8)
    rows = [
        {name: people(nation, name, 300 + 10 * year, year) for name in ("clients", "victims")}
        for year in range(5)
    ]
    return [noisy(summed(nation, year), random) for year in rows]


def followed(made: Edition) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    found = list(trends.rows(made, [estimate(made.programme, one.national) for one in made.years]))
    assert all(tuple(row) == trends.COLUMNS for row in found)
    keyed = {(row["table"], row["codes"], row["period"]): row for row in found}
    assert len(keyed) == len(found)
    return keyed


def test_totals_and_tables_of_one_dimension_stand_year_by_year(nation, sums) -> None:
    made = edition(nation, *sums[:3])
    found, tables = followed(made), [estimate(nation, one) for one in sums[:3]]
    single = {place for place, row in found.items() if row["years"] == 1}
    assert {place[0] for place in single} == {"clients", "reason", "victims", "consent", "region"}
    for name in ("clients", "consent"):
        for number, year in enumerate(tables):
            for cell in year.table(name).cells:
                row = found[name, "|".join(cell.codes), str(2023 + number)]
                assert (row["estimate"], row["sd"]) == (cell.estimate, cell.sd)
                assert (row["lower"], row["upper"]) == (cell.lower, cell.upper)


def test_a_change_has_the_noise_of_both_years_and_says_what_could_be_seen(nation, sums) -> None:
    finer = replace(sums[1], variances={name: it / 4 for name, it in sums[1].variances.items()})
    found = followed(edition(nation, sums[0], finer))
    for name, code in (("victims", ""), ("consent", "NOT_ASKED")):
        before, after = found[name, code, "2024"], found[name, code, "2025"]
        assert before["change"] is None
        assert before["detectable"] == pytest.approx(2.77 * before["sd"], rel=1e-3)
        assert after["change"] == pytest.approx(after["estimate"] - before["estimate"])
        assert after["change_sd"] == pytest.approx(math.hypot(before["sd"], after["sd"]))
        assert after["detectable"] == pytest.approx(Z * after["change_sd"])
        assert (after["beyond_noise"] == "yes") == (abs(after["change"]) > after["detectable"])
        assert after["sd"] == pytest.approx(before["sd"] / 2)


def test_small_tables_and_regions_stand_as_sums_of_three_years(nation, sums) -> None:
    found = followed(edition(nation, *sums))
    runs = {place for place, row in found.items() if row["years"] == 3}
    assert {place[0] for place in runs} == {"region", "form-region"}
    assert {place[2] for place in runs} == {"2021-2023", "2022-2024", "2023-2025"}
    assert ("form-region", "SEX|PV1", "2025") not in found, "published as sums of three years only"
    tables = pooled([estimate(nation, one) for one in sums[1:4]])
    for name in ("region", "form-region"):
        for cell in tables.table(name).cells:
            row = found[name, "|".join(cell.codes), "2022-2024"]
            assert row["estimate"] == pytest.approx(cell.estimate, abs=1e-9)
            assert row["sd"] == pytest.approx(cell.sd)
            assert row["change"] is row["detectable"] is None


def test_two_years_are_too_few_for_sums_of_three(nation, sums) -> None:
    assert {row["years"] for row in followed(edition(nation, *sums[:2])).values()} == {1}


def test_one_year_has_no_trend(nation, sums) -> None:
    assert not followed(edition(nation, sums[0]))
