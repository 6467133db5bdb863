import hashlib
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samentel.secagg import shamir
from samentel.secagg.shamir import PRIME, combine, split


@settings(max_examples=60)
@given(st.binary(min_size=32, max_size=32), st.integers(1, 9), st.integers(0, 6), st.randoms())
@pytest.mark.clause("KEY-6")
def test_any_t_shares_give_the_secret(kit, secret, t, more, random):
    points = random.sample(range(1, 65537), t + more)
    shares = split(secret, t, points, kit.stream("shamir"))
    chosen = random.sample(points, t)
    assert combine({point: shares[point] for point in chosen}) == secret


def interpolate(values, at):
    total = 0
    for one, value in values.items():
        top = bottom = 1
        for other in values:
            if other != one:
                top, bottom = top * (at - other) % PRIME, bottom * (one - other) % PRIME
        total += value * top * pow(bottom, -1, PRIME)
    return total % PRIME


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_t_minus_one_shares_are_consistent_with_any_secret(kit, secret, other):
    t, points = 4, [1, 2, 3, 4, 5]
    shares = split(secret, t, points, kit.stream("shamir"))
    for known in combinations(points, t - 1):
        values = {point: int.from_bytes(shares[point], "big") for point in known}
        # Exactly one polynomial of degree t - 1 passes through the known shares and any secret one likes.
        fitted = values | {0: int.from_bytes(other, "big")}
        missing = next(point for point in points if point not in known)
        forged = {point: shares[point] for point in known}
        forged[missing] = interpolate(fitted, missing).to_bytes(33, "big")
        assert combine(forged) == other


def test_shares_below_the_threshold_look_the_same_for_two_secrets(kit):
    """The first byte of one share of two is spread evenly, whatever the secret."""
    counts = {}
    for secret in (bytes(32), b"\xff" * 32):
        draw = kit.stream("even")
        shares = [split(secret, 2, [1, 2], draw)[1] for _ in range(4000)]
        low = [share[32] for share in shares]
        counts[secret] = sum((low.count(byte) - 4000 / 256) ** 2 / (4000 / 256) for byte in range(256))
    for statistic in counts.values():
        assert 120 < statistic < 420  # chi-square with 255 degrees of freedom: p between 1e-10 and 1 - 1e-10


@pytest.mark.clause("KEY-6")
def test_a_known_answer():
    """f(x) = secret + c1*x + c2*x**2 with coefficients drawn in order from the highest power down."""
    numbers = iter((5, 7))
    shares = split(
        (9).to_bytes(32, "big"), 3, [1, 2, 10], lambda length: next(numbers).to_bytes(length, "big")
    )
    assert {point: int.from_bytes(share, "big") for point, share in shares.items()} == {1: 21, 2: 43, 10: 579}


def horner(coefficients, point):
    value = 0
    for coefficient in coefficients:
        value = (value * point + coefficient) % PRIME
    return value


# Where a carry is longest: every bit set, one below the field's end, and the few values above 2**256.
EDGES = (0, 1, 2**32 - 1, 2**255, 2**256 - 1, 2**256, 2**256 + 296, PRIME - 1)


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from(EDGES) | st.integers(0, PRIME - 1), max_size=120),
    st.sampled_from([0, 1, 2**256 - 1]) | st.integers(0, 2**256 - 1),
    st.sampled_from([3, 4, 31, 32, 1000, 1024, 1025, 2**15, 2**16]),
)
@pytest.mark.clause("KEY-6")
def test_all_points_at_once_give_what_one_after_the_other_gives(drawn, secret, largest):
    points = sorted({1, 2, 3, largest // 2 + 1, largest - 1, largest, *range(10_000, 10_130)})
    numbers = iter(drawn)
    shares = split(
        secret.to_bytes(32, "big"), len(drawn) + 1, points, lambda size: next(numbers).to_bytes(size, "big")
    )
    assert shares == {point: horner([*drawn, secret], point).to_bytes(33, "big") for point in points}


def test_the_field_is_a_prime_field():
    assert all(pow(base, PRIME - 1, PRIME) == 1 for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37))


def test_a_share_outside_the_field_is_refused(kit):
    shares = split(bytes(32), 2, [1, 2], kit.stream("x"))
    with pytest.raises(ValueError, match="outside the field"):
        combine(shares | {2: PRIME.to_bytes(33, "big")})


@pytest.mark.parametrize(
    ("secret", "t", "points"),
    [
        (bytes(31), 1, [1]),
        (bytes(32), 2, [1, 1]),
        (bytes(32), 1, [0]),
        (bytes(32), 3, [1, 2]),
        (bytes(32), 0, [1]),
    ],
)
def test_what_cannot_be_split_is_refused(kit, secret, t, points):
    with pytest.raises(ValueError, match=r"."):
        split(secret, t, points, kit.stream("x"))


def test_randomness_is_all_taken_from_the_caller():
    asked = []

    def draw(length):
        asked.append(length)
        return hashlib.shake_256(bytes([len(asked)])).digest(length)

    split(bytes(32), 5, range(1, 9), draw)
    assert asked == [shamir.SHARE_BYTES + 16] * 4
