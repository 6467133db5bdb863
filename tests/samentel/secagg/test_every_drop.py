"""Every number of institutions that may fall out at each step, from 3 to 50: exactly the survivors' sum.

Positions matter by the sign of a mask only, so who falls out is drawn from a seed; how many, and when, is
gone through completely: up to 12 here, up to 50 under ``make soak``. States are values: everybody masks once
a federation, and each pattern goes on from there.
"""

import random
from collections.abc import Iterator
from datetime import timedelta
from itertools import product

import pytest

from samentel.secagg import client, server
from samentel.secagg.relay import Arrived, Polled, Summed, letter
from samentel.secagg.relay import Phase as ServerPhase
from samentel.secagg.standing import Agreed, Proposed, Send, Ticked
from samentel.secagg.terms import threshold

SMALL, LARGE = range(3, 13), range(13, 51)


def most_absent(n: int) -> int:
    """D: the most that the terms of a federation of this size allow."""
    return min(n - threshold(n), n - 3, n - 2)


def patterns(n: int) -> Iterator[tuple[int, int, int]]:
    """How many fall out before they upload, before they poll, before they reveal."""
    absent = most_absent(n)
    for upload, poll in product(range(absent + 1), repeat=2):
        if upload + poll <= absent:
            for reveal in range(n - upload - poll - threshold(n) + 1):
                yield upload, poll, reveal


class Branch:
    """A federation in which everybody has masked and nobody uploaded: to go on from any number of times."""

    def __init__(self, federation) -> None:
        federation.run(stop="upload")
        self.federation = federation
        self.uploads = [federation.count(i)[-1] for i in range(federation.n)]
        self.clients, self.server = list(federation.clients), federation.server

    def serve(self, event, now) -> Summed | None:
        self.now_server, effects = server.advance(self.now_server, event, now, self.federation.coordinator)
        return next((effect for effect in effects if isinstance(effect, Summed)), None)

    def says(self, i: int, kind, now) -> Arrived:
        """What a node answers to its letter."""
        event = letter(self.now_server, i, kind)
        self.now_clients[i], effects = client.advance(
            self.now_clients[i], event, now, self.federation.means(i)
        )
        send = next(effect for effect in effects if isinstance(effect, Send))
        return Arrived(send.kind, i, send.message, send.attachment)

    def run(self, upload: set[int], poll: set[int], reveal: set[int], kit) -> Summed:
        now, n = kit.START, self.federation.n
        self.now_clients, self.now_server = list(self.clients), self.server
        arrived = sorted(set(range(n)) - upload)
        for i in arrived:
            self.serve(Arrived(kit.Kind.UPLOAD, i, self.uploads[i].message, self.uploads[i].attachment), now)
        for i in sorted(set(arrived) - poll):
            self.serve(Polled(i), now)
        if self.now_server.phase is ServerPhase.MASKING:
            now = kit.DEADLINES.mask_until + timedelta(minutes=1)
            self.serve(Ticked(), now)
        survivors = sorted(set(arrived) - poll)
        for i in survivors:
            self.serve(self.says(i, Proposed, now), now)
        for i in survivors:
            if i not in reveal and self.now_server.phase is ServerPhase.REVEALING:
                total = self.serve(self.says(i, Agreed, now), now)
        assert total is not None, (n, upload, poll, reveal)
        assert total.positions == tuple(survivors)
        assert (total.counts(self.federation.terms) == kit.indicator(self.federation, survivors)).all()
        return total


def every_pattern(kit, n: int) -> None:
    branch = Branch(kit.federation(n, absent=most_absent(n)))
    for pattern in patterns(n):
        upload, poll, _ = pattern
        who = random.Random(f"{n}/{pattern}").sample(range(n), sum(pattern))
        branch.run(set(who[:upload]), set(who[upload : upload + poll]), set(who[upload + poll :]), kit)


@pytest.mark.parametrize("n", SMALL)
@pytest.mark.clause("REVEAL-4")
def test_every_pattern_that_the_parameters_allow(kit, n):
    every_pattern(kit, n)


@pytest.mark.parametrize("n", LARGE[::6])
def test_nobody_and_as_many_as_may_fall_out_of_a_larger_federation(kit, n):
    chance, absent = random.Random(n), most_absent(n)
    branch = Branch(kit.federation(n, absent=absent))
    upload = chance.randrange(absent + 1)
    who = chance.sample(range(n), absent)
    branch.run(set(), set(), set(), kit)
    branch.run(set(who[:upload]), set(who[upload:]), set(), kit)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("n", LARGE)
def test_every_pattern_of_a_larger_federation(kit, n):
    every_pattern(kit, n)
