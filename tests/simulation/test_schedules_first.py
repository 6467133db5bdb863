"""The first half of the random schedules of every day."""

import pytest
from simulated import schedules

SEEDS, CHUNK = range(250), 25
TALLY = schedules.Tally()


@pytest.mark.clause("AGREE-3")
@pytest.mark.clause("AGREE-4")
@pytest.mark.clause("AGREE-6")
@pytest.mark.clause("REVEAL-1")
@pytest.mark.clause("MASK-3")
@pytest.mark.clause("MASK-5")
@pytest.mark.clause("END-1")
@pytest.mark.clause("END-2")
@pytest.mark.clause("STORE-1")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", SEEDS[::CHUNK])
def test_whatever_happens_every_rule_holds(first):
    schedules.check(range(first, first + CHUNK), TALLY)


def test_the_mixture_is_not_idle():
    if TALLY.lists < len(SEEDS):
        pytest.skip("looks at what the schedules of this file have come to")
    schedules.check_mixture(TALLY)
