"""Vectors modulo 2**32 or 2**64: wrap-around is free, and a uniform mask hides a value completely."""

import math
from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from samentel.counting.privacy import TableNoise

Residues = NDArray[np.uint32] | NDArray[np.uint64]

NOISE_TAIL = 10  # standard deviations of the summed noise; beyond lies a chance below 1e-22 a cell


class Ring(IntEnum):
    """The width of a residue in bits."""

    BITS_32 = 32
    BITS_64 = 64

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """Little-endian unsigned integers of this width."""
        return np.dtype(f"<u{self // 8}")

    @property
    def signed(self) -> np.dtype[np.signedinteger]:
        """Little-endian signed integers of this width."""
        return np.dtype(f"<i{self // 8}")


def ring_for(plan: Sequence[TableNoise], institutions: int, rows_max: int) -> Ring:
    """The narrowest ring in which no national cell can wrap (TERMS-10).

    Args:
        institutions: the most that can be in one sum.
        rows_max: the most rows one institution may add to a cell; a node clamps to it.

    Raises:
        OverflowError: not even 64 bits would do.
    """
    reach = max(
        noise.granularity * institutions * rows_max
        + math.ceil(NOISE_TAIL * noise.scale * math.sqrt(institutions))
        for noise in plan
    )
    for ring in Ring:
        if reach < 2 ** (ring - 1):
            return ring
    raise OverflowError("the sum could wrap even in 64 bits: lower the clamp or the granularity")


def to_residues(vector: NDArray[np.int64], ring: Ring) -> Residues:
    """Signed counts as residues; a fresh, writable array (KEY-9)."""
    return vector.astype(ring.signed, casting="unsafe").view(ring.dtype)


def centred(residues: Residues, ring: Ring) -> NDArray[np.int64]:
    """Residues as the signed counts nearest to zero: correct as long as no cell wraps."""
    return residues.view(ring.signed).astype(np.int64)


def to_wire(residues: Residues) -> bytes:
    """Little-endian bytes, ring/8 a cell."""
    return residues.tobytes()


def from_wire(data: bytes, cells: int, ring: Ring) -> Residues:
    """Residues of a message; raises ValueError when it has another length."""
    if len(data) != cells * ring // 8:
        raise ValueError("a vector of another length was expected")
    return np.frombuffer(data, dtype=ring.dtype)
