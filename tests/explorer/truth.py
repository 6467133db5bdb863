"""What the seed shares of every dealing really are, and in whose hands they come.

A share is recognised by its 33 bytes, wherever they stand in what has been sent: nothing is assumed of what a
message reveals. How many shares give the secret is tried out on the shares themselves.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from samentel.secagg.dealing import open_entry
from samentel.secagg.messages import Dealing, parse, parts
from samentel.secagg.shamir import combine
from samentel.secagg.terms import Terms, point


@dataclass(frozen=True)
class Dealt:
    """One dealing: the bits of all its seed shares and mask key shares, and how many give the secret."""

    dealer: int
    seeds: int
    keys: int
    enough: int


@dataclass
class Truth:
    """Every share that was ever dealt, by its bytes, and every dealing, by its signed message."""

    bits: dict[bytes, int] = field(default_factory=dict)
    dealt: dict[bytes, Dealt] = field(default_factory=dict)
    pairs: list[tuple[int, int]] = field(default_factory=list)  # both shares of one dealer for one receiver


def note(
    truth: Truth,
    terms: Terms,
    message: bytes,
    entries: bytes,
    secrets: Mapping[int, bytes],
    seed: bytes | None,
) -> dict[int, int]:
    """Write down a dealing.

    Args:
        secrets: what the dealer has agreed with each listed member, by position, in order.
        seed: the dealer's own.

    Returns:
        By receiver, the bits of its two shares.
    """
    dealing = parse(Dealing, message)
    dealer, given = dealing.sender, {}
    seeds, keys = {}, 0
    for (receiver, secret), entry in zip(secrets.items(), parts(entries, len(secrets)), strict=True):
        pair = open_entry(terms, dealing.listing, dealer, receiver, entry, secret)
        first, second = (truth.bits.setdefault(share, 1 << len(truth.bits)) for share in pair)
        seeds[receiver], keys = pair[0], keys | second
        given[receiver] = first | second
        truth.pairs.append((first, second))
    all_seeds = sum(truth.bits[share] for share in seeds.values())
    if seed is not None:
        truth.dealt[message] = Dealt(dealer, all_seeds, keys, _enough(seeds, seed))
    return given


def _enough(shares: Mapping[int, bytes], secret: bytes) -> int:
    """The least number of these shares that give the secret."""
    chosen = {}
    for receiver, share in shares.items():
        chosen[point(receiver)] = share
        try:
            if combine(chosen) == secret:
                return len(chosen)
        except ValueError:
            continue  # too few still
    raise AssertionError("not even all shares give the secret")


def shares_in(truth: Truth, data: bytes) -> int:
    """The bits of the shares that stand in these bytes."""
    found = 0
    for share, bit in truth.bits.items():
        if share in data:
            found |= bit
    return found


def recovered(truth: Truth, held: int) -> Iterator[tuple[Dealt, bool, bool]]:
    """Of every dealing, whether these shares give its seed, and whether they give its mask key."""
    for dealt in truth.dealt.values():
        seed = (held & dealt.seeds).bit_count() >= dealt.enough
        yield dealt, seed, (held & dealt.keys).bit_count() >= dealt.enough
