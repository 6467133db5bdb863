"""How far off a release is, against numbers worked out by hand."""

import csv
import math

import pytest

from desk.packaged import packaged
from desk.pull import Pulled
from rehearsal import worth
from samentel.counting.privacy import noise_plan
from samentel.counting.shares import share_plan, summed_variance
from samentel.documents import programme as programmes
from samentel.errors import LocalFault
from samentel.figures.release import COLUMNS, TableFacts

NAMES = tuple(f"node-{number:02d}" for number in range(12))


@pytest.fixture(scope="module")
def programme():
    return programmes.parse(packaged("aanleiding-samen"))


class Manifest:
    """The two parts of a manifest that the comparison reads."""

    def __init__(self, programme, dealers, survivors):
        self.coverage = type("Coverage", (), {"in_sum": NAMES[:survivors]})
        self.tables = [
            TableFacts.model_construct(
                id=noise.table, title=table.title, noise_sd=math.sqrt(summed_variance(noise, survivors))
            )
            for table, noise in zip(programme.tables, share_plan(programme, 12, dealers), strict=True)
        ]


@pytest.mark.parametrize("survivors", [12, 11, 10])
def test_the_ratio_is_the_root_of_the_honest_shares(programme, survivors):
    # Both sums have as many noises as institutions; a share is 1/(n - c - D) of the full variance.
    rows = worth.compared(programme, Manifest(programme, 12, survivors))
    assert [row.times for row in rows] == pytest.approx([3.0] * 3, rel=1e-6)


def test_half_widths_are_in_persons(programme):
    first = worth.compared(programme, Manifest(programme, 12, 11))[0]
    variance = noise_plan(programme)[0].variance  # of one institution alone
    assert variance == pytest.approx(1 / (2 * 0.5 * 3 / 5), rel=1e-9)
    assert first.individual == pytest.approx(1.96 * math.sqrt(11 * variance), rel=1e-3)
    assert first.here == pytest.approx(1.96 * math.sqrt(11 / 9 * variance), rel=1e-3)


def pulled(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return Pulled(None, (path.with_name("manifest.json"), path), ())


def test_the_distance_is_measured_on_the_unrounded_estimates_of_one_table(tmp_path):
    rows = [
        {"table": "reason", "codes": "A", "estimate": "13.0", "shown": "99"},
        {"table": "reason", "codes": "B", "estimate": "-4.0", "shown": "0"},
        {"table": "sex", "codes": "A", "estimate": "1000", "shown": "1000"},
    ]
    found = worth.measured(pulled(tmp_path / "tables.csv", rows), "reason", {"A": 10, "B": 0})
    assert found == pytest.approx(math.sqrt((9 + 16) / 2))


def test_a_table_that_is_not_there_is_said(tmp_path):
    with pytest.raises(LocalFault, match="no table reason"):
        worth.measured(pulled(tmp_path / "tables.csv", []), "reason", {})
