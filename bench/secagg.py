"""CPU time of the secure sum against the bare primitives that it is made of, both measured in this run.

    python -P bench/secagg.py --n 50 --d 100000 --drops 0 5

Prints one JSON line for each number of institutions that fall out. The real
machines run a whole round, messages encoded and decoded; noise, states' bytes and
transport are left out. The machine may be busy, so the quickest of some tries
counts, and each side of a ratio gets the same number of tries: five a round, of
clients (five of them, one after the other) as of floors. A minimum over more
tries is lower by chance alone.

client_floor  n adverts and n agreements verified, 2 keys agreed and 3 derived a peer, 2 secrets shared,
              n messages encrypted and n decrypted, n masks. Not in it: verifying the n dealings (so that a
              bad dealing can be proven), commitments, hashes, encodings.
server_cpu    the step that unmasks, from the last share needed to the sum.
server_floor  n secrets recovered with weights computed once, n own masks, a key agreed and a mask for every
              survivor and every institution that fell out after dealing.
"""

import argparse
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import process_time

import numpy as np

from samentel.counting.ledger import EMPTY
from samentel.documents.keys import SigningKey
from samentel.secagg import client, server, shamir
from samentel.secagg.encoding import decode, encode
from samentel.secagg.primitives import add_mask, agree, agreement_public, decrypt, derive, encrypt
from samentel.secagg.relay import Arrived, Phase, Polled, Server, Summed, letter
from samentel.secagg.ring import Ring
from samentel.secagg.shamir import combine, split
from samentel.secagg.standing import (
    Agreed,
    Client,
    Delivered,
    Drawn,
    Join,
    Listed,
    Means,
    Proposed,
    Send,
    Ticked,
)
from samentel.secagg.terms import Deadlines, Floors, Member, Terms, threshold

START = datetime(2026, 4, 1, tzinfo=UTC)
BEST_OF = 5  # tries a round of whatever is timed; also the number of rounds


class Round:
    """One round in memory, each side's CPU time kept apart."""

    def __init__(self, n: int, d: int, drops: int) -> None:
        self.keys = [SigningKey(os.urandom(32)) for _ in range(n)]
        self.coordinator = SigningKey(os.urandom(32))
        hours = [START + timedelta(hours=hour) for hour in range(1, 5)]
        members = tuple(Member(f"node-{i:05d}", key.public.raw) for i, key in enumerate(self.keys))
        digests = [os.urandom(32) for _ in range(3)]
        self.terms = Terms(
            *digests,
            self.coordinator.public.raw,
            members,
            3,
            0,
            drops,
            d,
            Ring.BITS_32,
            (),
            Deadlines(*hours),
        )
        self.terms.digest  # noqa: B018 - known before the round, as in a node
        self.client_s = [0.0] * n
        self.server_s = self.unmask_s = self.letters_s = 0.0
        self.clients = [client.announce(self.terms, member.node, Floors()) for member in members]
        self.server: Server = server.open_round(self.terms, tuple(range(n)))
        self.heaviest = self.clients[0]
        self.counts = np.ones(d, dtype=np.int64)
        self.total: Summed | None = None
        self.now = START

    def tell(self, i: int, event: object) -> None:
        means = Means(self.keys[i], os.urandom, lambda head: head == EMPTY, EMPTY)
        begin = process_time()
        self.clients[i], effects = client.advance(self.clients[i], event, self.now, means)
        self.client_s[i] += process_time() - begin
        if i == 0 and self.clients[0].phase is client.Phase.MASKED:
            self.heaviest = self.clients[0]
        for effect in effects:
            if isinstance(effect, Send):
                self.serve(Arrived(effect.kind, i, effect.message, effect.attachment))

    def serve(self, event: object) -> None:
        before, begin = self.server, process_time()
        self.server, effects = server.advance(before, event, self.now, self.coordinator)
        self.server_s += process_time() - begin
        for effect in effects:
            if isinstance(effect, Summed):
                self.total = effect
                self.unmask_s = best(lambda: self.unmask(before, event))

    def unmask(self, before: Server, event: object) -> None:
        """The step that unmasks, once more from the same state: the machine is pure."""
        shamir._weights.cache_clear()
        server.advance(before, event, self.now, self.coordinator)

    def read(self, i: int, kind: type) -> None:
        begin = process_time()
        event = letter(self.server, i, kind)
        self.letters_s += process_time() - begin
        assert event is not None  # everybody here is in time
        self.tell(i, event)

    def run(self, drops: int) -> None:
        n = len(self.keys)
        for i in range(n):
            self.tell(i, Join((EMPTY,) * n))
        for i in range(n):
            self.read(i, Listed)
        for i in range(n):
            self.read(i, Delivered)
        for i in range(n - drops):
            self.tell(i, Drawn(self.counts, n))
        for i in range(n - drops):
            self.serve(Polled(i))
        if drops:
            self.now = START + timedelta(hours=3, minutes=1)
            self.serve(Ticked())
        for i in range(n - drops):
            self.read(i, Proposed)
        for i in range(n - drops):
            if self.server.phase is Phase.REVEALING:
                self.read(i, Agreed)
        assert self.total is not None
        assert (self.total.counts(self.terms) == n - drops).all()


def best(floor: Callable[[], None]) -> float:
    """The least CPU time of ``BEST_OF`` tries, in seconds."""
    times = []
    for _ in range(BEST_OF):
        begin = process_time()
        floor()
        times.append(process_time() - begin)
    return min(times)


def client_floor(n: int, d: int) -> Callable[[], None]:
    """The primitives that one client cannot do without, and nothing else."""
    key, message, header = SigningKey(os.urandom(32)), os.urandom(200), os.urandom(100)
    signature, vector = key.sign(message), np.zeros(d, dtype=np.uint32)
    private, public = os.urandom(32), agreement_public(os.urandom(32))
    secret, points = os.urandom(32), list(range(1, n + 1))
    sealed = encrypt(secret, bytes(66), header)

    def work() -> None:
        for _ in range(2):
            agreement_public(private)
            agree(private, [public] * n)
            split(secret, threshold(n), points, os.urandom)
        for _ in range(5):
            key.sign(message)
        for _ in range(n):
            for _ in range(2):
                key.public.verifies(signature, message)
            for _ in range(3):
                derive(secret, header)
            encrypt(secret, bytes(66), header)
            decrypt(secret, sealed, header)
            add_mask(vector, secret)

    return work


def server_floor(n: int, d: int, drops: int) -> Callable[[], None]:
    """The primitives that unmasking cannot do without, and nothing else."""
    t, vector = threshold(n), np.zeros(d, dtype=np.uint32)
    shares = split(os.urandom(32), t, list(range(1, n + 1)), os.urandom)
    some = {point: shares[point] for point in range(1, t + 1)}
    private, public = os.urandom(32), agreement_public(os.urandom(32))

    def work() -> None:
        shamir._weights.cache_clear()
        for _ in range(n):
            combine(some)
        for _ in range(n - drops):
            add_mask(vector, private)
        for _ in range(drops):
            for agreed in agree(private, [public] * (n - drops)):
                add_mask(vector, derive(agreed, public))

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--d", type=int, default=100_000)
    parser.add_argument("--drops", type=int, nargs="+", default=[0, 5])
    given = parser.parse_args()
    for drops in given.drops:
        print(json.dumps(case(given.n, given.d, drops)), flush=True)


def case(n: int, d: int, drops: int) -> dict[str, object]:
    """Some rounds and, between them, the floors."""
    rounds = [Round(n, d, drops) for _ in range(BEST_OF if n <= 100 else 1)]
    of_client, of_server, client_floors, server_floors = client_floor(n, d), server_floor(n, d, drops), [], []
    for one in rounds:
        one.run(drops)
        client_floors.append(best(of_client))  # between the rounds, so that a busy moment hits both alike
        server_floors.append(best(of_server))
    # As many clients as the floor has tries; the first of them take every step, reveal included.
    client_s = min(min(one.client_s[: min(BEST_OF, threshold(n))]) for one in rounds)
    quickest = min(rounds, key=lambda one: one.unmask_s)
    client_floor_s, server_floor_s = min(client_floors), min(server_floors)
    begin = process_time()
    decode(Client, encode(rounds[0].heaviest))
    state_s = process_time() - begin
    return {
        "bench": "secagg",
        "n": n,
        "d": d,
        "drops": drops,
        "client_cpu_ms": round(1000 * client_s, 2),
        "client_floor_ms": round(1000 * client_floor_s, 2),
        "client_ratio": round(client_s / client_floor_s, 2),
        "server_cpu_ms": round(1000 * quickest.unmask_s, 2),
        "server_floor_ms": round(1000 * server_floor_s, 2),
        "server_ratio": round(quickest.unmask_s / server_floor_s, 2),
        "server_round_ms": round(1000 * min(one.server_s for one in rounds), 1),
        "server_letters_ms": round(1000 * min(one.letters_s for one in rounds), 1),
        "client_state_ms": round(1000 * state_s, 2),
    }


if __name__ == "__main__":
    main()
