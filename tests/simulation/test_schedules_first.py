"""The random schedules of every day; this file plays the first half, ``test_schedules_second`` the other."""

import pytest
from simulated import schedules

CHUNK = 25


class Half:
    """The schedules of some seeds, and what they came to together."""

    seeds = range(250)
    tally = schedules.Tally()

    @pytest.mark.clause(
        "AGREE-3", "AGREE-4", "AGREE-6", "REVEAL-1", "MASK-3", "MASK-5", "END-1", "END-2", "STORE-1"
    )
    @pytest.mark.timeout(600)
    @pytest.mark.parametrize("chunk", range(10))
    def test_whatever_happens_every_rule_holds(self, chunk):
        schedules.check(self.seeds[CHUNK * chunk :][:CHUNK], self.tally)

    def test_the_mixture_is_not_idle(self):
        if self.tally.lists < len(self.seeds):
            pytest.skip("looks at what the schedules of this file have come to")
        schedules.check_mixture(self.tally)


class TestFirst(Half):
    pass
