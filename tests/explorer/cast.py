"""Who plays in an exploration: honest members, members that collude, and the coordinator that leads them.

Everything is made from names, so that an exploration is the same each time. Honest members draw from coins
that follow from where they stand and what they are told: two roads of one member never share a coin by
accident, and one road always has the same bytes. Secrets of honest members are known to the explorer, which
has to count what leaves them, and not to the adversary that it plays.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import combinations, count

from samentel.counting.ledger import Head
from samentel.documents.keys import SigningKey
from samentel.ids import digest
from samentel.secagg import tree
from samentel.secagg.dealing import Secrets, deal
from samentel.secagg.messages import HEAD_BYTES, Advert, pack_head, sign
from samentel.secagg.primitives import agree, agreement_public
from samentel.secagg.ring import Ring
from samentel.secagg.standing import Means
from samentel.secagg.terms import Deadlines, Level, Member, Terms

START = datetime(2026, 4, 1, 8, tzinfo=UTC)
DEADLINES = Deadlines(
    START + timedelta(minutes=30),
    START + timedelta(hours=1),
    START + timedelta(hours=25),
    START + timedelta(days=8),
)
VERSIONS = (0, 1)  # of everything that a colluder says: enough to say different things to different members


@cache
def key(name: str) -> SigningKey:
    return SigningKey(hashlib.sha256(name.encode()).digest())


COORDINATOR = key("coordinator")
SPENT = Head(9, digest(b"spent"))  # where a ledger stands after its debit


@dataclass(frozen=True)
class Cast:
    """The terms of the round, and which positions do as the coordinator says."""

    terms: Terms
    colluders: tuple[int, ...]

    @property
    def everybody(self) -> range:
        return range(len(self.terms.members))

    @property
    def honest(self) -> tuple[int, ...]:
        return tuple(i for i in self.everybody if i not in self.colluders)


def cast(
    n: int, colluders: tuple[int, ...] = (), *, c: int = 0, absent: int = 0, levels: tuple[Level, ...] = ()
) -> Cast:
    """n institutions under a programme that withstands c colluding ones and ``absent`` lost ones."""
    members = tuple(Member(f"node-{i}", key(f"node {i}").public.raw) for i in range(n))
    named = [hashlib.sha256(name).digest() for name in (b"round", b"programme", b"roster")]
    coordinator = COORDINATOR.public.raw
    terms = Terms(*named, coordinator, members, 3, c, absent, 1, Ring.BITS_32, levels, DEADLINES)
    return Cast(terms, colluders)


def subsets(positions: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Every subset, in order of position, the empty one left out."""
    for size in range(1, len(positions) + 1):
        yield from combinations(positions, size)


def coins(*seed: bytes) -> Callable[[int], bytes]:
    """Bytes that follow from a seed, as many as are asked for."""
    numbers = count()

    def draw(length: int) -> bytes:
        parts = (*seed, next(numbers).to_bytes(8, "big"))
        return hashlib.shake_256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest(length)

    return draw


@cache
def seen_heads(own: int, n: int) -> tuple[Head, ...]:
    """What a member has seen of each ledger: other heads than others have, so a letter has one reader."""
    return tuple(Head(1 + own, digest(f"ledger of {other}, entry {own}".encode())) for other in range(n))


@cache
def _ledger(own: int, n: int) -> frozenset[Head]:
    return frozenset(seen_heads(other, n)[own] for other in range(n))


def means(own: int, n: int, seed: tuple[bytes, ...]) -> Means:
    """What an honest member is lent for one step; its coins follow from the seed."""
    return Means(key(f"node {own}"), coins(*seed), _ledger(own, n).__contains__, SPENT)


@dataclass(frozen=True)
class Said:
    """A signed message with what stands beside it, and which honest messages its making took (a bit each)."""

    message: bytes
    attachment: bytes
    needs: int = 0


@dataclass(frozen=True)
class Puppet:
    """One version of one colluder in one round."""

    position: int
    secrets: Secrets
    advert: Said


def puppet(terms: Terms, position: int, version: int) -> Puppet:
    draw = coins(b"puppet", bytes([position, version]))
    secrets = Secrets(draw(32), draw(32), draw(32))
    heads = b"".join(map(pack_head, seen_heads(position, len(terms.members))))
    publics = agreement_public(secrets.channel), agreement_public(secrets.mask)
    advert = Advert(terms.digest, position, *publics, tree.root(heads, HEAD_BYTES))
    return Puppet(position, secrets, Said(sign(advert, key(f"node {position}")), heads))


def puppet_deals(terms: Terms, listing: bytes, by: Puppet, publics: dict[int, bytes], version: int) -> Said:
    """A well-formed dealing of a colluder; another version has other polynomials and another seed.

    Args:
        publics: the channel key of every listed member, by position.
    """
    draw = coins(b"deals", listing, bytes([by.position, version]))
    secrets = Secrets(by.secrets.channel, by.secrets.mask, draw(32))
    channels = dict(zip(publics, agree(secrets.channel, publics.values()), strict=True))
    dealing, entries = deal(terms, listing, by.position, secrets, channels, draw)
    return Said(sign(dealing, key(f"node {by.position}")), entries)
