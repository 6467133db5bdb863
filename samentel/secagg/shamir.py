"""Shamir sharing of 256-bit secrets over a 257-bit prime field.

Neither Python's integers nor numpy's are meant to take the same time for every
value; secrets live for one round and never leave the machine that splits or the
coordinator that is meant to learn them.

Source: Shamir 1979, "How to share a secret", CACM 22(11).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import mul

import numpy as np
from numpy.typing import NDArray

PRIME = 2**256 + 297  # the least prime above 2**256, so that every 32-byte secret is a field element
SHARE_BYTES = 33
_OVER = 297  # 2**256 is -297 in the field
_LIMB = 32  # bits
_LIMBS = 8
_GROWTH = 1 << 30  # by how much a limb may be multiplied before it is brought back below 2**33: no overflow
_EXTRA = 16  # bytes drawn beyond the field's, so that the bias of a remainder is below 2**-127

Randomness = Callable[[int], bytes]


def split(secret: bytes, threshold: int, points: Sequence[int], draw: Randomness) -> dict[int, bytes]:
    """One share a point; any ``threshold`` of them give the secret, fewer say nothing (KEY-6).

    Args:
        secret: 32 bytes.
        points: distinct, from 1 to 2**16.
        draw: returns that many uniform random bytes.

    Returns:
        By point, 33 bytes big-endian.
    """
    if len(secret) != 32:
        raise ValueError("a secret has 32 bytes")
    if len(set(points)) < len(points) or not all(1 <= point <= 2**16 for point in points):
        raise ValueError("points are distinct and lie between 1 and 65536")
    if not 1 <= threshold <= len(points):
        raise ValueError("the threshold lies between 1 and the number of shares")
    # From the highest power down; the secret is the lowest.
    coefficients = [int.from_bytes(draw(SHARE_BYTES + _EXTRA), "big") % PRIME for _ in range(threshold - 1)]
    values = _evaluated([*coefficients, int.from_bytes(secret, "big")], points)
    return {point: value.to_bytes(SHARE_BYTES, "big") for point, value in zip(points, values, strict=True)}


def combine(shares: Mapping[int, bytes]) -> bytes:
    """The secret of exactly ``threshold`` shares.

    Raises:
        ValueError: the shares do not belong to one 32-byte secret, as far as that can be told: a share
            outside the field, or a result of more than 256 bits. Whoever needs certainty checks the secret.
    """
    points = tuple(sorted(shares))
    values = [int.from_bytes(shares[point], "big") for point in points]
    if any(len(share) != SHARE_BYTES for share in shares.values()) or max(values, default=0) >= PRIME:
        raise ValueError("a share lies outside the field")
    total: int = sum(map(mul, _weights(points), values)) % PRIME
    if total >= 2**256:
        raise ValueError("these shares do not belong to one secret")
    return total.to_bytes(32, "big")


@lru_cache(maxsize=16)
def _weights(points: tuple[int, ...]) -> tuple[int, ...]:
    """Lagrange weights at zero; the same for every secret shared to the same helpers."""
    weights, top = [], math.prod(points) % PRIME
    for point in points:
        # The differences are small, so their product is taken first and reduced once.
        bottom = math.prod([other - point for other in points if other != point])
        weights.append(top * pow(bottom * point, -1, PRIME) % PRIME)
    return tuple(weights)


def _evaluated(coefficients: Sequence[int], points: Sequence[int]) -> list[int]:
    """The polynomial at every point at once, by Horner's rule, highest power first.

    The values stand side by side in limbs of 32 bits, lowest first, each with room to grow in 64: several
    steps are taken before the limbs are brought back. With a million small steps (1,000 institutions) this
    is an order faster than one integer after the other.
    """
    packed = b"".join(value.to_bytes(4 * _LIMBS + 4, "little") for value in coefficients)
    limbs = np.frombuffer(packed, dtype="<u4").reshape(len(coefficients), -1, 1).astype(np.int64)
    limbs[:, 0] -= _OVER * limbs[:, _LIMBS]  # at most the bit above 2**256
    at = np.array(points, dtype=np.int64)
    values = np.zeros((_LIMBS, len(points)), dtype=np.int64)
    # |limb| < 1.5 * 2**32 + 150 grows in k steps below 2**32 * x**k * (1.5 + 1 / (x - 1)) + 2**8 * x**k.
    largest = max(4, *points)
    room = _GROWTH
    for coefficient in limbs[:, :_LIMBS]:
        if room < largest:
            _bring_back(values)
            room = _GROWTH
        room //= largest
        values *= at
        values += coefficient
    rows = values.T.tolist()
    return [sum(limb << (_LIMB * place) for place, limb in enumerate(row)) % PRIME for row in rows]


def _bring_back(values: NDArray[np.int64]) -> None:
    """Carry from limb to limb, in place, and from above 2**256 down; every limb is below 2**33 after it."""
    carry = values >> _LIMB  # towards minus infinity, so that a limb may be negative
    values &= (1 << _LIMB) - 1
    values[1:] += carry[:-1]
    above = _OVER * carry[-1]
    values[0] -= above & ((1 << _LIMB) - 1)
    values[1] -= above >> _LIMB
