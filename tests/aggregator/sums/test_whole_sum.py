"""Whole secure sums over real mutual TLS, with the real machine of a node at the other end."""

import numpy as np
import pytest

from samentel.wire.messages import LetterKind, RoundPhase, SumPhase


@pytest.mark.parametrize("size", [4, 12])
async def test_a_sum_adds_up_exactly_what_was_handed_in(sector, size):
    async with sector(size) as it:
        status = await it.gather()
        assert (status.phase, status.sum_phase) == (RoundPhase.COLLECTING, SumPhase.ADVERTISING)
        status = await it.run(SumPhase.DONE)
        names = tuple(driver.name for driver in it.drivers)
        assert (status.phase, status.sum_phase) == (RoundPhase.SUMMED, SumPhase.DONE)
        assert status.survivors == status.dealt == status.listed == status.agreed == names
        for driver in it.drivers:
            assert await driver.read(LetterKind.RESULT)
            assert driver.machine.phase == "done"
        done = await it.publish()
        assert (done.phase, done.release_id) == (RoundPhase.PUBLISHED, "redenen-test-2025-1")
        np.testing.assert_array_equal(_decoded(it), it.total(names))


def _decoded(it):
    from aggregator.book import opened
    from aggregator.office import open_office

    with opened(it.central.config) as book:
        office = open_office(it.central.config, book)
        return office.sums.counts(book.state.rounds[it.round_id])
