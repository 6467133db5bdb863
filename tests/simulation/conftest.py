"""Random lists of operations over the real cores and real stores of a secure sum, on a made-up line.

Real: the institution's store (an SQLite file), ``node.attendance`` with ``node.summing``, sealed states,
ledger and policy; the coordinator's event log (an SQLite file), office, mailbox, conductor, sums, and the
function that admits a call; the codec in between. Made up: the connection, the clock, and one number: the
noisy counts of an institution are one-hot, 1 in the cell of (institution, number of this draw) and 0
elsewhere. So a 2 in a sum is somebody who counts twice, another cell is a draw that should not count, and a
huge value is a mask that did not cancel.

*A failure*: a broken rule of ``simulated.rules``, which look at every message that leaves a node, every write
of its store, and after each step at every ledger file and every sum; an exception that has no name in the
product; and, where nothing that happened can keep it from coming, no sum in the end.

*No failure*: a round that ends without a sum because somebody stayed away, was told lies, or time ran out.
That a node stops until a person looks. A folder that was copied between keys and masked counts and put back
in the same round: that limit is known (docs/security-model.md), and lists do not contain it.

*What remains of chance*: the TLS keys, and the day on which the premises were made; no outcome depends on
them. Every ``os.urandom`` gives bytes of the seed while a list is played. What the product does in threads
is waited for, one at a time.

The modules lie in ``simulated/``; tests import them by that name.
"""

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", autouse=True)
def _clear_away() -> Iterator[None]:
    """Take away what was made for all schedules of this process."""
    from simulated import premises

    yield
    premises.clear_away()


@pytest.fixture(scope="module", autouse=True)
def _seldom_tidy() -> Iterator[None]:
    """Look for garbage less often: a list makes much that is soon gone by itself, and little that is not."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
