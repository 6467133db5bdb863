"""How far off a release is, against numbers worked out by hand."""

import math

import pytest

from desk.packaged import packaged
from rehearsal import worth
from samentel.counting.privacy import noise_plan
from samentel.counting.shares import share_plan, summed_variance
from samentel.documents import programme as programmes
from samentel.figures.manifest import TableFacts
from samentel.figures.workload import spread

NAMES = tuple(f"node-{number:02d}" for number in range(12))


def programme(name):
    return programmes.parse(packaged(name))


class Manifest:
    """The two parts of a manifest that the comparison reads."""

    def __init__(self, asked, dealers, survivors):
        self.coverage = type("Coverage", (), {"in_sum": NAMES[:survivors]})
        plan = share_plan(asked, len(NAMES), dealers)
        after = spread(asked, {noise.table: float(summed_variance(noise, survivors)) for noise in plan})
        self.tables = [
            TableFacts.model_construct(
                id=table.id, title=table.title, cell_sd=math.sqrt(after[table.id].max())
            )
            for table in asked.tables
        ]


@pytest.mark.parametrize("survivors", [12, 11, 10])
@pytest.mark.parametrize(("name", "honest"), [("aanleiding-samen", 9), ("registratie-demo", 10)])
def test_the_ratio_is_the_root_of_the_honest_shares(name, honest, survivors):
    # Both sums have as many noises as institutions; a share is 1/(n - c - D) of the full variance.
    asked = programme(name)
    every = [table.id for table in asked.tables]
    rows = worth.compared(asked, Manifest(asked, 12, survivors), every)
    assert [row.times for row in rows] == pytest.approx([math.sqrt(honest)] * len(every), rel=1e-6)


def test_half_widths_are_in_persons_and_after_least_squares():
    asked = programme("aanleiding-samen")
    (first,) = worth.compared(asked, Manifest(asked, 12, 11), ["reason"])
    variances = {noise.table: float(noise.variance) for noise in noise_plan(asked)}  # of one institution
    assert variances["reason"] == pytest.approx(1 / (2 * 0.5 * 3 / 5), rel=1e-9)
    # The tables share only the total. Of a cell, what deviates from the mean is known from its own table.
    total = 1 / sum(1 / (asked.cells(table) * variances[table.id]) for table in asked.tables)
    cell = variances["reason"] * (1 - 1 / 18) + total / 18**2
    assert first.individual == pytest.approx(1.96 * math.sqrt(11 * cell), rel=1e-3)
    assert first.here == pytest.approx(1.96 * math.sqrt(11 / 9 * cell), rel=1e-3)


def test_only_the_tables_that_are_asked_for_are_compared():
    asked = programme("registratie-demo")
    rows = worth.compared(asked, Manifest(asked, 12, 12), ("facility", "victims"))
    assert [row.title.en for row in rows] == ["Victims in help", "Placements by kind of place"]
