"""The masks over a node's counts, and the keys from which they follow.

Each pair of dealers (U2) shares a mask that one adds and the other subtracts;
each node adds a mask of its own on top, from a seed that is recovered only for
survivors. Each key is derived for one purpose in one round.

Source: Bonawitz et al. 2017 (ePrint 2017/281), section 4, figure 4.
"""

import hashlib
import struct
from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from samentel.secagg.primitives import add_mask, agree, derive, subtract_mask
from samentel.secagg.ring import Residues, Ring, to_residues
from samentel.secagg.terms import Terms


def label(purpose: str, terms: Terms, *positions: int) -> bytes:
    """HKDF info: one purpose, one round, the members concerned in a fixed order (KEY-1)."""
    return _prefix(purpose, terms.digest) + struct.pack(f">{len(positions)}I", *positions)


def channel_key(secret: bytes, terms: Terms, dealer: int, receiver: int) -> bytes:
    """The key for what one dealer sends to one receiver; the other direction has another (KEY-2)."""
    return derive(secret, label("channel", terms, dealer, receiver))


def pair_keys(private: bytes, publics: Mapping[int, bytes], terms: Terms, own: int) -> dict[int, bytes]:
    """The mask key of one member with each of others, by position; the same from either side (KEY-3).

    Raises:
        PeerError: a public key is a point of low order.
    """
    secrets = zip(publics, agree(private, publics.values()), strict=True)
    return {
        other: derive(secret, label("pair-mask", terms, *sorted((own, other)))) for other, secret in secrets
    }


def seed_key(seed: bytes, terms: Terms, owner: int) -> bytes:
    """The key of a member's own mask."""
    return derive(seed, label("self-mask", terms, owner))


def seed_commitment(seed: bytes, terms: Terms, owner: int) -> bytes:
    """Binds a dealer to its seed; it has 256 random bits, so the commitment says nothing of it (KEY-8)."""
    return hashlib.sha256(label("seed", terms, owner) + seed).digest()


def masked(
    counts: NDArray[np.int64], ring: Ring, seed: bytes, own: int, pairs: Mapping[int, bytes]
) -> Residues:
    """Noisy counts under all masks of one node (MASK-2).

    Args:
        counts: signed counts times s.
        seed: the key of its own mask.
        pairs: by position of every other dealer, the mask key shared with it.
    """
    vector = to_residues(counts, ring)
    add_mask(vector, seed)
    for other, key in pairs.items():
        if other > own:
            add_mask(vector, key)
        else:
            subtract_mask(vector, key)
    return vector


def unmask(total: Residues, seeds: Iterable[bytes], orphans: Iterable[tuple[int, int, bytes]]) -> None:
    """Take off, in place, what is left of the masks in the sum of the survivors.

    Args:
        seeds: the keys of the survivors' own masks.
        orphans: (survivor, dealer outside the sum, their mask key): masks whose other half is not in the sum.
    """
    for key in seeds:
        subtract_mask(total, key)
    for survivor, fallen, key in orphans:
        if fallen > survivor:
            subtract_mask(total, key)
        else:
            add_mask(total, key)


@lru_cache(maxsize=64)  # a thousand institutions ask for the same few prefixes a million times
def _prefix(purpose: str, terms: bytes) -> bytes:
    return f"samentel/v1/secagg/{purpose}/".encode() + terms + b"/"
