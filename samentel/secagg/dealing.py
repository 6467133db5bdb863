"""Dealing two secrets to the listed nodes, and opening what others dealt.

An entry for one receiver is the ciphertext of both shares and a commitment to
each. Ciphertext and commitments are bound to terms, list, dealer and receiver;
the dealer's signature covers all entries (``tree``). A share that is revealed
later is checked against its commitment, so a helper cannot change what it was
dealt, and a dealer cannot deny what it dealt (``evidence``).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from samentel.errors import PeerError
from samentel.secagg import tree
from samentel.secagg.encoding import Bytes32
from samentel.secagg.masks import channel_key, label, seed_commitment
from samentel.secagg.messages import ENTRY_BYTES, PAIR_SEALED, Dealing
from samentel.secagg.primitives import decrypt, encrypt
from samentel.secagg.shamir import PRIME, SHARE_BYTES, Randomness, split
from samentel.secagg.terms import Terms, point, threshold

SEED, KEY = 0, 1  # which of the two shares


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What a node keeps to itself for one round: 32 bytes each."""

    channel: Bytes32
    mask: Bytes32
    seed: Bytes32


def deal(
    terms: Terms, listing: bytes, own: int, secrets: Secrets, channels: Mapping[int, bytes], draw: Randomness
) -> tuple[Dealing, bytes]:
    """Share the seed and the mask key among all listed nodes, the dealer included (DEAL-3, KEY-7).

    Args:
        channels: by position of every listed node, in order, the secret agreed with it.

    Returns:
        The message to sign, and the entries in the order of the list.
    """
    points = [point(position) for position in channels]
    t = threshold(len(points))
    seeds, keys = split(secrets.seed, t, points, draw), split(secrets.mask, t, points, draw)
    entries = []
    for receiver, secret in channels.items():
        header = entry_header(terms, listing, own, receiver)
        pair = (seeds[point(receiver)], keys[point(receiver)])
        sealed = encrypt(channel_key(secret, terms, own, receiver), b"".join(pair), header)
        entries.append(sealed + commitment(header, SEED, pair[SEED]) + commitment(header, KEY, pair[KEY]))
    rows = b"".join(entries)
    seed = seed_commitment(secrets.seed, terms, own)
    return Dealing(terms.digest, own, listing, len(points), seed, tree.root(rows, ENTRY_BYTES)), rows


def check_entry(dealing: Dealing, index: int, entry: bytes, steps: bytes) -> None:
    """Raise PeerError unless this is the entry at that index of the list which the dealer signed."""
    try:
        above = tree.root_of(entry, index, dealing.count, steps)
    except ValueError:
        above = b""
    if len(entry) != ENTRY_BYTES or above != dealing.entries:
        raise PeerError("an entry is not the one that its dealer signed")


def open_entry(
    terms: Terms, listing: bytes, dealer: int, receiver: int, entry: bytes, secret: bytes
) -> tuple[bytes, bytes]:
    """The shares of a dealer's seed and mask key.

    Args:
        secret: what was agreed with the dealer.

    Raises:
        PeerError: the entry does not open, or its commitments are not of these shares.
    """
    header = entry_header(terms, listing, dealer, receiver)
    plain = decrypt(channel_key(secret, terms, dealer, receiver), entry[:PAIR_SEALED], header)
    pair = plain[:SHARE_BYTES], plain[SHARE_BYTES:]
    for which, share in zip((SEED, KEY), pair, strict=True):
        check_share(header, entry, which, share)
    return pair


def check_share(header: bytes, entry: bytes, which: int, share: bytes) -> None:
    """Raise PeerError unless this is the share to which the entry's dealer is bound."""
    start = PAIR_SEALED + 32 * which
    if commitment(header, which, share) != entry[start : start + 32]:
        raise PeerError("a seed share is not the one that was dealt")
    if int.from_bytes(share, "big") >= PRIME:
        raise PeerError("a seed share lies outside the field")


def entry_header(terms: Terms, listing: bytes, dealer: int, receiver: int) -> bytes:
    """What an entry is bound to, besides its content."""
    return label("entry", terms, dealer, receiver) + listing


def commitment(header: bytes, which: int, share: bytes) -> bytes:
    """Binds a dealer to one share. A share has 256 random bits, so the commitment says nothing of it."""
    return hashlib.sha256(header + bytes([which]) + share).digest()
