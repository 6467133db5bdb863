"""The product's machines, driven by the same inputs as the reference: a node and a coordinator."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from samentel.counting.ledger import Head
from samentel.documents.keys import SigningKey
from samentel.ids import Digest
from samentel.secagg import client, server
from samentel.secagg.messages import Kind
from samentel.secagg.relay import Arrived, Polled, Server, Summed, letter
from samentel.secagg.ring import Ring
from samentel.secagg.standing import (
    Agreed,
    Client,
    Delivered,
    Drawn,
    Event,
    Join,
    Listed,
    Means,
    Proposed,
    Resulted,
    Send,
    Ticked,
)
from samentel.secagg.terms import Deadlines, Floors, Level, Member, Terms
from tests.reference import whole_round as reference

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Sent = tuple[bytes, bytes]


def stream(seed: str) -> Callable[[int], bytes]:
    """Bytes one after the other, however they are asked for."""
    data, at = hashlib.shake_256(seed.encode()).digest(8192), 0

    def draw(length: int) -> bytes:
        nonlocal at
        at += length
        assert at <= len(data)
        return data[at - length : at]

    return draw


def product_terms(terms: Any) -> Terms:
    """The product's terms with the same content as the reference's record."""
    moments = (terms.advertise_until, terms.share_until, terms.mask_until, terms.expires_at)
    return Terms(
        terms.round,
        terms.programme,
        terms.roster,
        terms.coordinator,
        tuple(Member(*member) for member in terms.members),
        terms.institutions_min,
        terms.collude_max,
        terms.absent_max,
        terms.cells,
        Ring[terms.ring],
        tuple(Level(level.name, tuple(level.positions)) for level in terms.levels),
        Deadlines(*(EPOCH + timedelta(microseconds=moment) for moment in moments)),
    )


def head(data: bytes) -> Head:
    return Head(int.from_bytes(data[:8], "big"), Digest(data[8:].hex()))


@dataclass
class ProductNode:
    """The product's machine under the same verbs as the reference's functions."""

    terms: Terms
    position: int
    key: SigningKey
    draw: Callable[[int], bytes]
    state: Client = field(init=False)

    def __post_init__(self) -> None:
        self.state = client.announce(self.terms, self.terms.members[self.position].node, Floors())

    def tell(
        self, event: Event, own_heads: Collection[bytes] = (), after: bytes | None = None
    ) -> tuple[object, ...]:
        lent = Means(self.key, self.draw, {head(it) for it in own_heads}.__contains__, after and head(after))
        self.state, effects = client.advance(self.state, event, self.terms.deadlines.advertise_until, lent)
        return effects

    def say(self, event: Event, **lent: Any) -> Sent | None:
        sends = [effect for effect in self.tell(event, **lent) if isinstance(effect, Send)]
        return (sends[0].message, sends[0].attachment) if sends else None

    def advert(self, heads: Sequence[bytes]) -> Sent | None:
        return self.say(Join(tuple(map(head, heads))))

    def dealing(self, listing: bytes, own_heads: Collection[bytes]) -> Sent | None:
        return self.say(Listed(listing), own_heads=own_heads)

    def upload(self, delivery: bytes, counts: Sequence[int]) -> Sent | None:
        (draw,) = self.tell(Delivered(delivery))
        return self.say(Drawn(np.array(counts, dtype=np.int64), draw.dealers))

    def agreement(self, proposal: bytes, spent: bytes) -> Sent | None:
        return self.say(Proposed(proposal), after=spent)

    def reveal(self, unanimity: bytes) -> Sent | None:
        return self.say(Agreed(unanimity))


@dataclass
class ReferenceNode:
    """The reference's functions as one object, to take a seat in a mixed round."""

    node: reference.Node

    def advert(self, heads: Sequence[bytes]) -> Sent | None:
        return reference.advertise(self.node, heads)

    def dealing(self, listing: bytes, own_heads: Collection[bytes]) -> Sent | None:
        return reference.share(self.node, listing, own_heads)

    def upload(self, delivery: bytes, counts: Sequence[int]) -> Sent | None:
        return reference.upload(self.node, delivery, counts)

    def agreement(self, proposal: bytes, spent: bytes) -> Sent | None:
        return reference.agree(self.node, proposal, spent)

    def reveal(self, unanimity: bytes) -> Sent | None:
        return reference.reveal(self.node, unanimity)


@dataclass
class Coordinator:
    """The product's coordinator, its effects, and its clock."""

    terms: Terms
    key: SigningKey
    state: Server = field(init=False)
    now: datetime = field(init=False)
    effects: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state = server.open_round(self.terms, tuple(range(len(self.terms.members))))
        self.now = self.terms.deadlines.advertise_until

    def tell(self, event: Any) -> None:
        self.state, effects = server.advance(self.state, event, self.now, self.key)
        self.effects += effects

    def close(self, phase: server.Phase, until: datetime) -> None:
        """Whoever has not spoken in this phase is waited for no longer."""
        if self.state.phase is phase:
            self.now = until
            self.tell(Ticked())

    def letter(self, at: int, kind: Any) -> bytes:
        found = letter(self.state, at, kind)
        assert found is not None
        return found.data


def run_with_the_products_coordinator(
    nodes: Sequence[ProductNode | ReferenceNode],
    place: Coordinator,
    counts: Mapping[int, Sequence[int]],
    heads: Mapping[int, Sequence[bytes]],
    spent: Mapping[int, bytes],
    silent: Mapping[int, str],
) -> reference.Round:
    """As ``whole_round.run_round``, with nodes of either kind around the product's coordinator.

    Without a sum, result and total stay empty.
    """
    run, terms, second = reference.Round(), place.terms, timedelta(seconds=1)

    def say(at: int, step: str, said: Sent | None) -> None:
        if said is not None and silent.get(at) != step:
            run.sent[step][at] = said
            if place.state.phase not in server.OVER:  # it asks for no more shares than it needs
                place.tell(Arrived(Kind(step), at, *said))

    for at, node in enumerate(nodes):
        say(at, "advert", node.advert(heads[at]))
    place.close(server.Phase.ADVERTISING, terms.deadlines.advertise_until + second)
    for at in place.state.listed:
        run.letters["listing"][at] = place.letter(at, Listed)
        own_heads = {bytes(40), *(heads[of][at] for of in heads)}
        say(at, "dealing", nodes[at].dealing(run.letters["listing"][at], own_heads))
    place.close(server.Phase.SHARING, terms.deadlines.share_until + second)
    dealers = place.state.dealt
    for at in dealers:
        run.letters["delivery"][at] = place.letter(at, Delivered)
        say(at, "upload", nodes[at].upload(run.letters["delivery"][at], counts[at]))
    for at in run.sent["upload"]:
        place.tell(Polled(at))
    place.close(server.Phase.MASKING, terms.deadlines.mask_until + 60 * second)
    run.proposal = place.letter(dealers[0], Proposed)
    for at in dealers:
        say(at, "agreement", nodes[at].agreement(run.proposal, spent[at]))
    run.unanimity = place.letter(dealers[0], Agreed)
    for at in dealers:
        say(at, "reveal", nodes[at].reveal(run.unanimity))
    for effect in place.effects:
        if isinstance(effect, Summed):
            run.result, run.total = place.letter(dealers[0], Resulted), effect.counts(terms).tolist()
    return run
