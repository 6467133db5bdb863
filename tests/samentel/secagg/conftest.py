"""A whole federation in memory: the two real machines, a fake link, a clock that is set by hand."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count

import numpy as np
import pytest
from hypothesis import settings

from samentel.counting.ledger import EMPTY, Head
from samentel.documents.keys import SigningKey, VerifyKey
from samentel.errors import PeerError
from samentel.ids import digest
from samentel.secagg import client, server
from samentel.secagg.encoding import decode, encode
from samentel.secagg.messages import Agreement, Kind, Proposal, Survivor, Unanimity, name_of, pack_head, sign
from samentel.secagg.relay import Arrived, Polled, Server, Summed, letter
from samentel.secagg.relay import Phase as ServerPhase
from samentel.secagg.ring import Ring
from samentel.secagg.standing import (
    Agreed,
    Client,
    Delivered,
    Draw,
    Drawn,
    Free,
    Hold,
    Join,
    Listed,
    Means,
    Proposed,
    Resulted,
    Send,
    Spend,
    Ticked,
)
from samentel.secagg.terms import Deadlines, Floors, Level, Member, Terms, threshold

# A busy machine is no failure; the whole run has its own time limit.
settings.register_profile("samentel", deadline=None)
settings.load_profile("samentel")

START = datetime(2026, 4, 1, 8, tzinfo=UTC)
DEADLINES = Deadlines(
    START + timedelta(minutes=30),
    START + timedelta(hours=1),
    START + timedelta(hours=25),
    START + timedelta(days=8),
)
SPENT = Head(7, digest(b"spent"))  # where every ledger of these tests stands after its debit
STAGES = ("advert", "dealing", "upload", "poll", "agreement", "reveal", "result", "never")


def stream(seed: str) -> Callable[[int], bytes]:
    """Reproducible bytes for a test; the product takes them from the operating system."""
    number = count()

    def draw(length: int) -> bytes:
        return hashlib.shake_256(f"{seed}/{next(number)}".encode()).digest(length)

    return draw


def key(name: str) -> SigningKey:
    return SigningKey(hashlib.sha256(name.encode()).digest())


def terms(
    n: int, *, collude: int = 0, absent: int = 0, minimum: int = 3, round_: str = "round", **changes
) -> Terms:
    members = tuple(Member(f"node-{i:04d}", key(f"node {i}").public.raw) for i in range(n))
    fields = {
        "round": hashlib.sha256(round_.encode()).digest(),
        "programme": hashlib.sha256(b"programme").digest(),
        "roster": hashlib.sha256(b"roster").digest(),
        "coordinator": key("coordinator").public.raw,
        "members": members,
        "institutions_min": minimum,
        "collude_max": collude,
        "absent_max": absent,
        "cells": n + 1,
        "ring": Ring.BITS_32,
        "levels": (),
        "deadlines": DEADLINES,
    }
    return Terms(**(fields | changes))


class Federation:
    """n nodes and a coordinator. Every state goes through its bytes after every event."""

    def __init__(
        self, agreed: Terms, *, seed: str = "seed", heads: Mapping[int, tuple[Head, ...]] | None = None
    ):
        self.terms, self.now = agreed, START
        self.n = len(agreed.members)
        self.keys = [key(f"node {i}") for i in range(self.n)]
        self.coordinator = key("coordinator")
        self.draws = [stream(f"{seed}/{i}") for i in range(self.n)]
        self.heads = dict(heads or {})
        self.ledgers: dict[int, Callable[[Head], bool]] = {}
        self.clients = [client.announce(agreed, member.node, Floors()) for member in agreed.members]
        self.server: Server = server.open_round(agreed, tuple(range(self.n)))
        self.effects: list[list[object]] = [[] for _ in range(self.n)]
        self.sums: list[Summed] = []
        self.server_effects: list[object] = []
        self.counts = {i: np.eye(1, agreed.cells, i, dtype=np.int64)[0] for i in range(self.n)}

    def means(self, i: int) -> Means:
        return Means(self.keys[i], self.draws[i], self.ledgers.get(i, lambda head: head == EMPTY), SPENT)

    def tell(self, i: int, event: object) -> tuple[object, ...]:
        after, effects = client.advance(self.clients[i], event, self.now, self.means(i))
        self.clients[i] = decode(Client, encode(after))
        assert self.clients[i] == after
        self.effects[i].extend(effects)
        return effects

    def serve(self, event: object) -> tuple[object, ...]:
        after, effects = server.advance(self.server, event, self.now, self.coordinator)
        self.server = decode(Server, encode(after))
        assert self.server == after
        self.sums += [effect for effect in effects if isinstance(effect, Summed)]
        self.server_effects.extend(effects)
        return effects

    def post(self, i: int, effects: tuple[object, ...]) -> None:
        for send in effects:
            if isinstance(send, Send):
                self.serve(Arrived(send.kind, i, send.message, send.attachment))

    def refuses(self, event: object, why: str, error: type[Exception] = PeerError, own: int = 2) -> Exception:
        """The event is refused, and nothing at all has changed: neither the state nor its bytes."""
        before = self.clients[own]
        kept = encode(before)
        with pytest.raises(error, match=why) as caught:
            self.tell(own, event)
        assert self.clients[own] is before
        assert encode(before) == kept
        return caught.value

    def proposal(self, positions: Iterable[int], **changes: object) -> Proposed:
        """Any proposal that a lying coordinator could sign."""
        survivors = tuple(Survivor(i, self.clients[i].vector) for i in positions)
        message = replace(Proposal(self.terms.digest, self.server.dealers, survivors), **changes)
        return Proposed(sign(message, self.coordinator))

    def unanimity(self, proposed: Proposed, positions: list[int], signers: list[int] | None = None) -> Agreed:
        """Agreements in the name of some, signed by others if so asked."""
        name = name_of(Kind.PROPOSAL, proposed.data)
        messages = [Agreement(self.terms.digest, i, name, pack_head(SPENT)) for i in positions]
        keys = [self.keys[signer] for signer in signers or positions]
        return Agreed(encode(Unanimity(tuple(map(sign, messages, keys)))))

    def join(self, i: int) -> None:
        self.post(i, self.tell(i, Join(self.heads.get(i, (EMPTY,) * self.n))))

    def read(self, i: int, kind: type) -> tuple[object, ...]:
        """The node polls and reads its letter, if there is one; what follows is returned, not sent."""
        event = letter(self.server, i, kind)
        return self.tell(i, event) if event else ()

    def count(self, i: int) -> tuple[object, ...]:
        """The node gets its seed shares, draws, and masks; what follows is returned, not sent."""
        effects = self.read(i, Delivered)
        if not effects:
            return ()
        (draw,) = effects
        assert isinstance(draw, Draw)
        return self.tell(i, Drawn(self.counts[i], draw.dealers))

    def until(self, moment: datetime) -> None:
        self.now = moment
        self.serve(Ticked())

    def close(self, phase: ServerPhase, moment: datetime) -> None:
        if self.server.phase is phase:
            self.until(moment)

    def run(self, drops: Mapping[int, str] | None = None, stop: str = "never") -> Summed | None:
        """A round in which some nodes vanish before a stage; stops before ``stop``."""
        drops, second = drops or {}, timedelta(seconds=1)

        def here(stage: str) -> list[int]:
            if STAGES.index(stage) >= STAGES.index(stop):
                return []
            return [i for i in range(self.n) if STAGES.index(drops.get(i, "never")) > STAGES.index(stage)]

        def over(stage: str) -> bool:
            return STAGES.index(stage) >= STAGES.index(stop)

        for i in here("advert"):
            self.join(i)
        if over("dealing"):
            return None
        self.close(ServerPhase.ADVERTISING, DEADLINES.advertise_until + second)
        for i in here("dealing"):
            self.post(i, self.read(i, Listed))
        if over("upload"):
            return None
        self.close(ServerPhase.SHARING, DEADLINES.share_until + second)
        for i in here("upload"):
            self.post(i, self.count(i))
        for i in here("poll"):
            self.serve(Polled(i))
        if over("agreement"):
            return None
        self.close(ServerPhase.MASKING, DEADLINES.mask_until + timedelta(minutes=1))
        for i in here("agreement"):
            self.post(i, self.read(i, Proposed))
        for i in here("reveal"):
            event = letter(self.server, i, Agreed)
            if event and self.server.phase is ServerPhase.REVEALING:
                self.post(i, self.tell(i, event))
        for i in here("result"):
            if self.clients[i].phase in (client.Phase.HELPING, client.Phase.AGREED, client.Phase.REVEALED):
                self.read(i, Resulted)
        return self.sums[0] if self.sums else None


def indicator(federation, survivors):
    expected = np.zeros(federation.terms.cells, dtype=np.int64)
    expected[list(survivors)] = 1
    return expected


def check(federation, drops):
    """Exactly the survivors' sum, and only if the parameters allow it."""
    result = federation.run(drops)
    terms, n = federation.terms, federation.n
    at = {stage: {i for i, dropped in drops.items() if dropped == stage} for stage in STAGES}
    n1 = n - len(at["advert"])
    n2 = n1 - len(at["dealing"])
    survivors = set(range(n)) - at["advert"] - at["dealing"] - at["upload"] - at["poll"]
    d, c, t = terms.absent_max, terms.collude_max, threshold(n1)
    possible = (
        min(n1, n2, len(survivors)) >= terms.institutions_min
        and c < 2 * t - n1
        and t <= min(n1, n2) - d
        and n2 - c - d >= 2
        and len(survivors) >= n2 - d
        and not at["agreement"]
        and len(survivors - at["reveal"]) >= t
    )
    assert (result is not None) == possible, drops
    if result is not None:
        assert set(result.positions) == survivors
        assert result.dealers == n2
        assert (result.counts(terms) == indicator(federation, survivors)).all(), drops
    check_ledgers(federation)
    return result


def check_ledgers(federation):
    """Held before sent, spent before agreed, never both spent and freed, and nothing twice."""
    for effects in federation.effects:
        kinds = [effect.kind if isinstance(effect, Send) else type(effect) for effect in effects]
        assert len(set(kinds)) == len(kinds)
        order = [kind for kind in kinds if kind in (Hold, "upload", Spend, "agreement", "reveal")]
        assert order == [Hold, "upload", Spend, "agreement", "reveal"][: len(order)] or order == [
            Hold,
            "upload",
            "reveal",
        ]
        assert not {Spend, Free} <= set(kinds)


class Kit:
    """What the tests of this room share."""

    Federation = Federation
    START = START
    DEADLINES = DEADLINES
    SPENT = SPENT
    STAGES = STAGES
    Level = Level
    Kind = Kind
    terms = staticmethod(terms)
    key = staticmethod(key)
    check = staticmethod(check)
    check_ledgers = staticmethod(check_ledgers)
    indicator = staticmethod(indicator)
    stream = staticmethod(stream)

    @staticmethod
    def federation(n: int, *, seed: str = "seed", heads=None, **parameters) -> Federation:
        return Federation(terms(n, **parameters), seed=seed, heads=heads)


@pytest.fixture(autouse=True, scope="module")
def _signatures_are_verified_once():
    """Every node checks the same signatures: whether one holds is remembered, not assumed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VerifyKey, "verifies", lru_cache(maxsize=20_000)(VerifyKey.verifies))
        yield


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit
