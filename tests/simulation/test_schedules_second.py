"""The second half of the random schedules of every day: played beside the first, as files are."""

from simulated import schedules
from test_schedules_first import Half


class TestSecond(Half):
    seeds = range(250, 500)
    tally = schedules.Tally()
