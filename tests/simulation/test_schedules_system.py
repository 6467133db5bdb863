"""Two thousand more schedules."""

import pytest
from simulated import schedules

SEEDS, CHUNK = range(10_000, 12_000), 100


@pytest.mark.system
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_whatever_happens_every_rule_holds(first):
    schedules.check(range(first, first + CHUNK), schedules.Tally())
