"""Shamir sharing of 256-bit secrets over a 257-bit prime field.

Python integers are not constant-time; secrets live for one round and never
leave the machine that splits or the coordinator that is meant to learn them.

Source: Shamir 1979, "How to share a secret", CACM 22(11).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

PRIME = 2**256 + 297  # the least prime above 2**256, so that every 32-byte secret is a field element
SHARE_BYTES = 33
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
    coefficients = [int.from_bytes(draw(SHARE_BYTES + _EXTRA), "big") % PRIME for _ in range(threshold - 1)]
    constant = int.from_bytes(secret, "big")
    shares = {}
    for point in points:
        value = 0
        for coefficient in coefficients:
            value = (value + coefficient) * point % PRIME
        shares[point] = ((value + constant) % PRIME).to_bytes(SHARE_BYTES, "big")
    return shares


def combine(shares: Mapping[int, bytes]) -> bytes:
    """The secret of exactly ``threshold`` shares.

    Raises:
        ValueError: the shares do not belong to one 32-byte secret, as far as that can be told: a share
            outside the field, or a result of more than 256 bits. Whoever needs certainty checks the secret.
    """
    points = tuple(sorted(shares))
    total = 0
    for point, weight in zip(points, _weights(points), strict=True):
        value = int.from_bytes(shares[point], "big")
        if len(shares[point]) != SHARE_BYTES or value >= PRIME:
            raise ValueError("a share lies outside the field")
        total += weight * value
    total %= PRIME
    if total >= 2**256:
        raise ValueError("these shares do not belong to one secret")
    return total.to_bytes(32, "big")


@lru_cache(maxsize=16)
def _weights(points: tuple[int, ...]) -> tuple[int, ...]:
    """Lagrange weights at zero; the same for every secret shared to the same helpers."""
    weights = []
    for point in points:
        top = bottom = 1
        for other in points:
            if other != point:
                top = top * other % PRIME
                bottom = bottom * (other - point) % PRIME
        weights.append(top * pow(bottom, -1, PRIME) % PRIME)
    return tuple(weights)
