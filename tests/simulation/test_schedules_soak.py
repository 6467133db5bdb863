"""Fifty thousand schedules, and what they came to as they go."""

import pytest
from simulated import schedules

SEEDS, CHUNK = range(100_000, 150_000), 500


@pytest.mark.soak
@pytest.mark.timeout(20 * 3600)
def test_whatever_happens_every_rule_holds(capfd):
    tally = schedules.Tally()
    for first in SEEDS[::CHUNK]:
        schedules.check(range(first, first + CHUNK), tally)
        with capfd.disabled():
            print(
                f"\n{tally.lists} schedules, rounds {dict(tally.ends)}, struck {dict(tally.struck)}",
                end="",
                flush=True,
            )
