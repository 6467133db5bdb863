"""CPU time of the secure sum against the bare primitives that it is made of, both measured in this run.

    python -P bench/secagg.py                                   # 10 and 50 institutions, 100,000 cells
    python -P bench/secagg.py --n 1000 --d 855 --drops 50
    python -P bench/secagg.py --all                             # the whole matrix, half an hour or more

Prints one JSON line a case; ``drops`` is how many institutions fall out after dealing. The real machines run
whole rounds, messages encoded and decoded; noise, states' bytes and transport are left out. The sum of every
round is checked cell by cell. The machine may be busy, so the quickest of some tries counts, and each side of
a ratio gets the same number of tries. A minimum over more tries is lower by chance alone.

Above 100 institutions five clients are real and the others are stand-ins, unless ``--whole`` is given. A
stand-in sends what the coordinator and the five cannot tell from the real thing: signed messages, entries
that open where a real client opens them, shares that fit their commitments, vectors that add up. It saves
itself the rest: checking what it gets, masks that would cancel, a vector of its own (4 GB at 1,000 times 1e6
cells; 64 are shared in turn). Coordinator and clients live in one process here, so what one of them
remembers of its trees and parsed messages is forgotten before the other begins.

client_cpu    join, share, receive, mask, agree and reveal of one client; client_ms has each.
client_floor  n adverts and n agreements verified, 2 keys agreed and 3 derived a peer, 2 secrets shared,
              n messages encrypted and n decrypted, n masks. Not in it: verifying the n dealings (so that a
              bad dealing can be proven), commitments, hashes, encodings.
server_cpu    the step that unmasks, from the last share needed to the sum.
server_floor  n secrets recovered with weights computed once, n own masks, a key agreed and a mask for every
              survivor and every institution that fell out after dealing.
server_ms     everything the coordinator does in the round: arrivals of each kind, polls, letters, unmasking.
"""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from time import process_time

import numpy as np

from samentel.counting.ledger import Head
from samentel.documents.keys import SigningKey
from samentel.ids import digest
from samentel.secagg import client, messages, server, shamir, standing, tree
from samentel.secagg.dealing import KEY, SEED, Secrets, commitment, entry_header, open_entry
from samentel.secagg.encoding import decode, encode
from samentel.secagg.masks import channel_key, masked, pair_keys, seed_commitment, seed_key
from samentel.secagg.messages import (
    ENTRY_BYTES,
    Advert,
    Agreement,
    Dealing,
    Kind,
    Reveal,
    Upload,
    pack_head,
    read,
    sign,
)
from samentel.secagg.primitives import add_mask, agree, agreement_public, decrypt, derive, encrypt
from samentel.secagg.relay import Arrived, Phase, Polled, Server, Summed, letter
from samentel.secagg.ring import Ring, to_wire
from samentel.secagg.shamir import SHARE_BYTES, combine, split
from samentel.secagg.standing import Agreed, Client, Delivered, Drawn, Join, Listed, Proposed, Send
from samentel.secagg.terms import Deadlines, Floors, Member, Terms, threshold

START = datetime(2026, 4, 1, tzinfo=UTC)
TRIES = 5  # of whatever is timed, in one round; also how many clients are timed
ROUNDS = {10: 5, 50: 5, 100: 2}  # institutions: rounds; others have one
ALL_REAL = 100  # up to so many institutions nobody stands in
SHARED = 64  # vectors among stand-ins; 64 times 4 MB is more than any cache holds
QUICK = ((10, 100_000, 0), (10, 100_000, 1), (50, 100_000, 0), (50, 100_000, 1), (50, 100_000, 5))
ALL_N, ALL_D = (10, 50, 100, 1000), (1_000, 100_000, 1_000_000)
AT_SCALE = (1000, 855, 50)
CLIENT_STAGES = ("join", "share", "receive", "mask", "agree", "reveal")
SPENT = Head(7, digest(b"spent"))


class StandIns:
    """The institutions that are not real clients: what each would send, made the short way.

    A secret is shared by the polynomial that is constant, so that a share costs nothing to make; to check and
    to combine such shares costs the coordinator what others cost.
    """

    def __init__(self, terms: Terms, keys: list[SigningKey], real: int, survivors: range) -> None:
        self.terms, self.keys, self.real, self.survivors = terms, keys, real, survivors
        self.secrets = {i: Secrets(*(os.urandom(32) for _ in range(3))) for i in range(real, len(keys))}
        self.vectors: dict[int, bytes] = {}

    def advert(self, i: int, rows: bytes) -> Send:
        own = self.secrets[i]
        keys = agreement_public(own.channel), agreement_public(own.mask)
        advert = Advert(self.terms.digest, i, *keys, tree.root(rows, messages.HEAD_BYTES))
        return Send(Kind.ADVERT, sign(advert, self.keys[i]), rows)

    def dealing(self, i: int, state: Server) -> Send:
        own, entries = self.secrets[i], []
        pair = self.shares(i)
        for receiver in state.listed:
            header = entry_header(self.terms, state.listing, i, receiver)
            sealed = bytes(messages.PAIR_SEALED)
            if receiver < self.real:
                (secret,) = agree(own.channel, [read(Advert, state.adverts[receiver].message).channel])
                sealed = encrypt(channel_key(secret, self.terms, i, receiver), b"".join(pair), header)
            bound = (commitment(header, which, pair[which]) for which in (SEED, KEY))
            entries.append(sealed + b"".join(bound))
        rows = b"".join(entries)
        bound_seed = seed_commitment(own.seed, self.terms, i)
        root = tree.root(rows, ENTRY_BYTES)
        dealing = Dealing(self.terms.digest, i, state.listing, len(entries), bound_seed, root)
        return Send(Kind.DEALING, sign(dealing, self.keys[i]), rows)

    def upload(self, i: int, state: Server) -> Send:
        vector = self.vectors[i]
        name = hashlib.sha256(vector).digest()
        upload = Upload(self.terms.digest, i, state.dealers, name, len(vector))
        return Send(Kind.UPLOAD, sign(upload, self.keys[i]), vector)

    def agreement(self, i: int, state: Server) -> Send:
        agreement = Agreement(self.terms.digest, i, state.survivors, pack_head(SPENT))
        return Send(Kind.AGREEMENT, sign(agreement, self.keys[i]), b"")

    def reveal(self, i: int, state: Server) -> Send:
        opened = [self.opened(i, dealer, state)[SEED] for dealer in range(self.real)]
        seeds = [*opened, *(self.shares(dealer)[SEED] for dealer in self.survivors[self.real :])]
        fallen = range(len(self.survivors), len(self.keys))
        keys = [self.shares(dealer)[KEY] for dealer in fallen]
        name = state.survivors
        reveal = Reveal(self.terms.digest, i, name, b"".join(seeds), b"".join(keys))
        return Send(Kind.REVEAL, sign(reveal, self.keys[i]), b"")

    def shares(self, dealer: int) -> tuple[bytes, bytes]:
        """The same for every receiver."""
        own = self.secrets[dealer]
        return own.seed.rjust(SHARE_BYTES, b"\0"), own.mask.rjust(SHARE_BYTES, b"\0")

    def opened(self, i: int, dealer: int, state: Server) -> tuple[bytes, bytes]:
        """What a real client has dealt to a stand-in."""
        (secret,) = agree(self.secrets[i].channel, [read(Advert, state.adverts[dealer].message).channel])
        entry = state.dealings[dealer].attachment[i * ENTRY_BYTES : (i + 1) * ENTRY_BYTES]
        return open_entry(self.terms, state.listing, dealer, i, entry, secret)

    def add_up(self, counts: np.ndarray, state: Server) -> None:
        """Vectors that add up to the masked counts of all stand-ins, less what cancels among them."""
        terms, here = self.terms, self.survivors[self.real :]
        others = [*range(self.real), *range(len(self.survivors), len(self.keys))]
        publics = {other: read(Advert, state.adverts[other].message).mask for other in others}
        total = np.zeros(terms.cells, dtype=terms.ring.dtype)
        for i in here:
            pairs = pair_keys(self.secrets[i].mask, publics, terms, i)
            total += masked(counts, terms.ring, seed_key(self.secrets[i].seed, terms, i), i, pairs)
        some = [os.urandom(terms.cells * terms.ring // 8) for _ in range(min(SHARED, len(here)))]
        for at, i in enumerate(here[:-1]):
            self.vectors[i] = some[at % SHARED]
            total -= np.frombuffer(self.vectors[i], dtype=terms.ring.dtype)
        self.vectors[here[-1]] = to_wire(total)


class Round:
    """One round in memory, each side's CPU time kept apart, by stage."""

    def __init__(self, n: int, d: int, drops: int, real: int) -> None:
        self.keys = [SigningKey(os.urandom(32)) for _ in range(n)]
        self.coordinator = SigningKey(os.urandom(32))
        hours = [START + timedelta(hours=hour) for hour in range(1, 5)]
        members = tuple(Member(f"node-{i:05d}", key.public.raw) for i, key in enumerate(self.keys))
        digests = [os.urandom(32) for _ in range(3)]
        named = self.coordinator.public.raw
        self.terms = Terms(
            *digests, named, members, 3, 0, drops, d, Ring.BITS_32, (), Deadlines(*hours)
        )  # fmt: skip
        self.terms.digest  # noqa: B018 - known before the round, as in a node
        self.everybody, self.survivors = range(n), range(n - drops)
        self.timed = min(TRIES, threshold(n))  # the first of those who reveal take every step
        self.client_s = [dict.fromkeys(CLIENT_STAGES, 0.0) for _ in self.everybody]
        self.server_s: dict[str, float] = {}
        self.clients = [client.announce(self.terms, member.node, Floors()) for member in members[:real]]
        self.server: Server = server.open_round(self.terms, tuple(self.everybody))
        self.stand_ins = StandIns(self.terms, self.keys, real, self.survivors)
        self.heaviest = self.clients[0]
        self.counts = np.ones(d, dtype=np.int64)
        self.total: Summed | None = None
        self.now = START
        # No two members have seen the same, so that no two trees are one.
        self.seen = [Head(1 + i, digest(os.urandom(8))) for i in self.everybody]

    def tell(self, i: int, stage: str, event: object) -> Send | None:
        """A real client takes one step; what it sends."""
        means = standing.Means(self.keys[i], os.urandom, frozenset(self.seen).__contains__, SPENT)
        begin = process_time()
        self.clients[i], effects = client.advance(self.clients[i], event, self.now, means)
        self.client_s[i][stage] += process_time() - begin
        if i == 0 and stage == "mask":
            self.heaviest = self.clients[0]
        return next((effect for effect in effects if isinstance(effect, Send)), None)

    def letter(self, i: int, kind: type) -> object:
        """What the coordinator has for a member, stand-ins included."""
        begin = process_time()
        event = letter(self.server, i, kind)
        self.book("letters", process_time() - begin)
        assert event is not None  # everybody here is in time
        return event

    def serve(self, stage: str, event: object) -> None:
        before, begin = self.server, process_time()
        self.server, effects = server.advance(before, event, self.now, self.coordinator)
        took = process_time() - begin
        summed = [effect for effect in effects if isinstance(effect, Summed)]
        if summed:
            self.total = summed[0]
            tries = TRIES if len(self.keys) <= ALL_REAL else 1
            took, stage = best(partial(self.unmask, before, event), tries), "unmask"
        self.book(stage, took)

    def book(self, stage: str, seconds: float) -> None:
        self.server_s[stage] = self.server_s.get(stage, 0.0) + seconds

    def unmask(self, before: Server, event: object) -> None:
        """The step that unmasks, once more from the same state: the machine is pure."""
        shamir._weights.cache_clear()
        messages._remembered.cache_clear()
        server.advance(before, event, self.now, self.coordinator)

    def stage(
        self, stage: str, kind: type | None, who: range, stand_in: Callable[[int], Send] | None
    ) -> Iterator[Arrived]:
        """Everybody reads a letter of this kind and answers; the answers, once all of them are there."""
        answers: list[tuple[int, Send | None]] = []
        for i in who:
            event = self.letter(i, kind) if kind else self.first(i, stage)
            if i < len(self.clients):
                answers.append((i, self.tell(i, stage, event)))
            elif stand_in:
                answers.append((i, stand_in(i)))
        forget()
        for i, send in answers:
            if send is not None:
                yield Arrived(send.kind, i, send.message, send.attachment)

    def first(self, i: int, stage: str) -> object:
        """What a client does of itself."""
        n = len(self.keys)
        return Join((self.seen[i],) * n) if stage == "join" else Drawn(self.counts, n)

    def run(self) -> None:
        """The whole round; its sum is checked."""
        others, state = self.stand_ins, lambda: self.server
        rows = [pack_head(head) * len(self.keys) for head in self.seen]
        for event in self.stage("join", None, self.everybody, lambda i: others.advert(i, rows[i])):
            self.serve("adverts", event)
        for event in self.stage("share", Listed, self.everybody, lambda i: others.dealing(i, state())):
            self.serve("dealings", event)
        assert not list(self.stage("receive", Delivered, self.everybody, None))
        if others.secrets:
            others.add_up(self.counts, self.server)
        for event in self.stage("mask", None, self.survivors, lambda i: others.upload(i, state())):
            self.serve("uploads", event)
        for i in self.survivors:
            self.serve("polls", Polled(i))
        if len(self.survivors) < len(self.keys):
            self.now = START + timedelta(hours=3, minutes=1)
            self.serve("polls", standing.Ticked())
        for event in self.stage("agree", Proposed, self.survivors, lambda i: others.agreement(i, state())):
            self.serve("agreements", event)
        enough = range(threshold(len(self.keys)))
        for event in self.stage("reveal", Agreed, enough, lambda i: others.reveal(i, state())):
            self.serve("reveals", event)
        assert self.server.phase is Phase.DONE
        assert self.total is not None
        assert (self.total.counts(self.terms) == len(self.survivors)).all()


def forget() -> None:
    """What is remembered in this process was remembered by the other side."""
    tree._levels.cache_clear()
    tree._side_by_side.cache_clear()
    messages._remembered.cache_clear()


def best(work: Callable[[], None], tries: int) -> float:
    """The least CPU time of so many tries, in seconds."""
    times = []
    for _ in range(tries):
        begin = process_time()
        work()
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


def case(n: int, d: int, drops: int, whole: bool) -> dict[str, object]:
    """Some rounds and, between them, the floors."""
    of_client, of_server, client_floors, server_floors = client_floor(n, d), server_floor(n, d, drops), [], []
    rounds = []
    for _ in range(ROUNDS.get(n, 1)):
        rounds.append(Round(n, d, drops, n if whole or n <= ALL_REAL else TRIES))
        rounds[-1].run()
        rounds[-1].server = rounds[-1].stand_ins = None  # the vectors go
        client_floors.append(best(of_client, rounds[-1].timed))  # a busy moment hits both sides alike
        server_floors.append(best(of_server, TRIES if n <= ALL_REAL else 1))
    stages = min((s for one in rounds for s in one.client_s[: one.timed]), key=lambda s: sum(s.values()))
    quickest = min(rounds, key=lambda one: one.server_s["unmask"])
    client_s, unmask_s = sum(stages.values()), quickest.server_s["unmask"]
    served = min((one.server_s for one in rounds), key=lambda s: sum(s.values()))
    begin = process_time()
    decode(Client, encode(rounds[0].heaviest))
    state_s = process_time() - begin
    return {
        "bench": "secagg",
        "n": n,
        "d": d,
        "drops": drops,
        "client_cpu_ms": round(1000 * client_s, 2),
        "client_floor_ms": round(1000 * min(client_floors), 2),
        "client_ratio": round(client_s / min(client_floors), 2),
        "server_cpu_ms": round(1000 * unmask_s, 2),
        "server_floor_ms": round(1000 * min(server_floors), 2),
        "server_ratio": round(unmask_s / min(server_floors), 2),
        "server_round_ms": round(1000 * sum(served.values()), 1),
        "client_ms": {name: round(1000 * seconds, 2) for name, seconds in stages.items()},
        "server_ms": {name: round(1000 * seconds, 2) for name, seconds in served.items()},
        "client_state_ms": round(1000 * state_s, 2),
    }


def matrix() -> Iterator[tuple[int, int, int]]:
    """Nobody, one in a hundred and one in ten fall out."""
    yield AT_SCALE
    for n in ALL_N:
        for d in ALL_D:
            for drops in sorted({0, max(1, n // 100), n // 10}):
                yield n, d, drops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int)
    parser.add_argument("--d", type=int, default=100_000)
    parser.add_argument("--drops", type=int, nargs="+", default=[0])
    parser.add_argument("--all", action="store_true", help="the whole matrix")
    parser.add_argument("--whole", action="store_true", help="every client is real, however many")
    given = parser.parse_args()
    asked = [(given.n, given.d, drops) for drops in given.drops] if given.n else list(QUICK)
    for n, d, drops in list(matrix()) if given.all else asked:
        begin = process_time()
        print(json.dumps(case(n, d, drops, given.whole)), flush=True)
        print(f"{n} institutions, {d} cells, {drops} out: {process_time() - begin:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
