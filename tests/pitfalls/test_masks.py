"""Masks, the keys that they follow from, and the numbers that they hide: pitfalls 1, 15, 16, 17, 18, 21."""

import ast
import os
import tomllib
import typing
from dataclasses import fields, replace
from fractions import Fraction
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest

import samentel
from samentel.counting.ledger import EMPTY
from samentel.counting.privacy import TableNoise
from samentel.errors import PeerError
from samentel.secagg import client, messages
from samentel.secagg.encoding import encode
from samentel.secagg.masks import channel_key, label, pair_keys, seed_key
from samentel.secagg.primitives import add_mask, agree, agreement_public, decrypt, derive, encrypt
from samentel.secagg.ring import NOISE_TAIL, Ring, centred, from_wire, ring_for, to_residues
from samentel.secagg.standing import Delivered, Drawn, Join, Means

ROOT = Path(samentel.__file__).parents[1]

# AES-256 under the zero key of the counters 0, 1 and 2. The first is GHASH's H of test cases 13 and 14 of
# McGrew & Viega, "The Galois/Counter Mode of Operation"; there the second is the tag of the empty message
# and the third the ciphertext of one zero block.
BLOCKS = (
    "dc95c078a2408989ad48a21492842087",
    "530f8afbc74536b9a963b4f1c4cb738b",
    "cea7403d4d606b6e074ec5d3baf39d18",
)


def mask(key: bytes, cells: int, dtype: str = "<u4"):
    vector = np.zeros(cells, dtype=dtype)
    add_mask(vector, key)
    return vector


def changed_bits(one, other) -> float:
    return float(np.unpackbits((one ^ other).view(np.uint8)).mean())


def flipped(data: bytes, bit: int) -> bytes:
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


@pytest.mark.clause("ADV-1")
@pytest.mark.clause("KEY-5")
def test_01_weak_mask_generator(machines):
    """The named generator, all 256 bits of every seed at work, and no toy generator anywhere near."""
    assert mask(bytes(32), 12).tobytes().hex() == "".join(BLOCKS)

    terms, seed = machines.terms(4), bytes(range(32))
    plain = mask(seed_key(seed, terms, 0), 64)
    for bit in range(256):
        assert 0.4 < changed_bits(plain, mask(seed_key(flipped(seed, bit), terms, 0), 64)) < 0.6

    announced = machines.federation(3).clients[0]
    means = Means(machines.key("node 0"), os.urandom, lambda _: True)
    joined = [client.advance(announced, Join((EMPTY,) * 3), machines.START, means)[0] for _ in range(300)]
    for name in ("channel", "mask", "seed"):
        assert rank([getattr(one.secrets, name) for one in joined]) == 256, name

    assert not list(toy_generators())
    contract = next(
        one
        for one in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
        if one["id"] == "pure"
    )
    assert contract["source_modules"] == ["samentel"]
    assert "random" in contract["forbidden_modules"]


def rank(secrets: list[bytes]) -> int:
    """How many of their bits are free: less than all where a seed is cut short, folded or repeated.

    The rank modulo 2 of 300 uniform rows of 256 bits is 256 but for a chance of 1e-13.
    """
    pivots: dict[int, int] = {}
    for secret in secrets:
        row = int.from_bytes(secret, "big")
        while row and row.bit_length() in pivots:
            row ^= pivots[row.bit_length()]
        if row:
            pivots[row.bit_length()] = row
    return len(pivots)


def toy_generators():
    """Where the product draws from ``random`` or ``numpy.random``; only made-up people may."""
    toys = ("random", "numpy.random", "np.random")
    for package in ("samentel", "node", "aggregator", "desk", "flows"):
        for path in (ROOT / package).rglob("*.py"):
            for part in ast.walk(ast.parse(path.read_text("utf-8"))):
                named = [name.name for name in part.names] if isinstance(part, ast.Import) else []
                if isinstance(part, ast.ImportFrom):
                    named = [f"{part.module}.{name.name}" for name in part.names]
                if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                    named = [f"{part.value.id}.{part.attr}"]
                if any(name.startswith(toys) for name in named):
                    yield f"{path.name}:{part.lineno}"


@pytest.mark.clause("TERMS-10")
@pytest.mark.clause("KEY-9")
def test_15_modulus_wrap(machines):
    """The ring follows from the exact reach: at its very edge a sum still decodes, above it none starts."""
    n, s, scale = 9, 2, 4.0
    noise = TableNoise("t", 3, 1, s, scale, Fraction(0))
    tail = int(NOISE_TAIL * scale * n**0.5)
    for ring, wider in ((Ring.BITS_32, Ring.BITS_64), (Ring.BITS_64, None)):
        most = (2 ** (ring - 1) - 1 - tail) // (s * n)
        assert ring_for([noise], n, most) is ring
        if wider:
            assert ring_for([noise], n, most + 1) is wider
        else:
            with pytest.raises(OverflowError, match="64 bits"):
                ring_for([noise], n, most + 1)
        # Everybody at the clamp, and the noise ten standard deviations to one side: positive, then negative.
        for counts in ([s * most] * n, [0] * n):
            drawn = [counts[0] + tail // n, -(counts[0] + tail // n), -(tail // n), 0]
            total = np.zeros(4, dtype=ring.dtype)
            for _ in range(n):
                total += to_residues(np.array(drawn, dtype=np.int64), ring)
            assert centred(total, ring).tolist() == [n * one for one in drawn]
    for ring in Ring:
        made = machines.federation(3, cells=4, ring=ring)
        edge = 2 ** (ring - 1)
        rows = ([edge - 1, -edge, -1, 5], [0, 0, 0, -7], [0, 0, -1, 1])
        made.counts = {i: np.array(row, dtype=np.int64) for i, row in enumerate(rows)}
        assert made.run().counts(made.terms).tolist() == [edge - 1, -edge, -2, -1]


@pytest.mark.clause("MASK-2")
@pytest.mark.parametrize("ring", Ring)
def test_16_non_uniform_masks(machines, ring):
    """Uploads are uniform in their lowest and highest bits; the masks of a whole round add up to zero."""
    cells = 60_000
    made = machines.federation(4, cells=cells, ring=ring)
    made.counts = dict.fromkeys(range(4), np.zeros(cells, dtype=np.int64))
    total = made.run()
    assert not total.counts(made.terms).any()
    for posted in made.server.uploads:
        vector = from_wire(posted.attachment, cells, ring)
        for shift in (0, ring - 8):
            counts = np.bincount((vector >> shift & 255).astype(np.int64), minlength=256)
            square = ((counts - cells / 256) ** 2 / (cells / 256)).sum()
            assert 120 < square < 420  # 255 degrees of freedom: each side has a chance of about 1e-10
        for shift in (0, ring - 1):
            ones = int((vector >> shift & 1).sum())
            assert (2 * ones - cells) ** 2 / cells < 42  # one degree of freedom: about 1e-10


@pytest.mark.clause("KEY-1")
@pytest.mark.clause("KEY-2")
@pytest.mark.clause("KEY-3")
def test_17_key_reuse(machines):
    """A key for each purpose, round, pair and direction, although every one of them has the same secret."""
    secret, keys, count = bytes(32), set(), 0
    for number in range(5):
        terms = machines.terms(3, round_=f"round {number}")
        for one, other in permutations(range(120), 2):
            keys.add(channel_key(secret, terms, one, other))
        for one, other in combinations(range(120), 2):
            keys.add(derive(secret, label("pair-mask", terms, one, other)))
        keys.update(seed_key(secret, terms, owner) for owner in range(120))
        count += 120 * 119 + 120 * 119 // 2 + 120
    assert len(keys) == count > 100_000

    terms = machines.terms(3)
    agreed = agree(bytes([1]) * 32, [agreement_public(bytes([2]) * 32)])[0]  # and these are the labels in use
    known = pair_keys(bytes([1]) * 32, {2: agreement_public(bytes([2]) * 32)}, terms, 0)
    assert known == {2: derive(agreed, label("pair-mask", terms, 0, 2))}
    sealed = encrypt(channel_key(secret, terms, 0, 1), b"share", b"")
    with pytest.raises(PeerError):
        decrypt(channel_key(secret, terms, 1, 0), sealed, b"")

    # One key, one stream: no block of a long mask comes again, at the edge of a chunk least of all.
    blocks = mask(secret, 1 << 17).tobytes()
    assert len({blocks[at : at + 16] for at in range(0, len(blocks), 16)}) == len(blocks) // 16


@pytest.mark.clause("KEY-1")
def test_18_stream_cipher_used_as_a_function_of_the_round(machines):
    """Keys of many rounds from one secret have no XOR relation, to each other or to the rounds' numbers."""
    terms = machines.terms(3)
    numbers = [number.to_bytes(32, "big") for number in range(150)]
    rounds = [replace(terms, round=number) for number in numbers]
    keys = [int.from_bytes(seed_key(bytes(32), one, 0), "big") for one in rounds]
    differences = {}
    for (i, one), (j, other) in combinations(enumerate(keys), 2):
        assert 70 < (one ^ other).bit_count() < 186  # 128 +- 8; a chance of about 1e-12 a pair
        differences[one ^ other] = i ^ j
    assert len(differences) == 150 * 149 // 2  # were it a stream, every pair with one i ^ j would share one
    assert not set(differences) & set(differences.values())


@pytest.mark.clause("KEY-9")
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda n: np.zeros(n, dtype=np.float64), id="floats"),
        pytest.param(lambda n: np.full(n, np.nan), id="not-a-number"),
        pytest.param(lambda n: np.zeros(n, dtype=np.float32), id="short-floats"),
        pytest.param(lambda n: np.zeros(n, dtype=bool), id="truth-values"),
        pytest.param(lambda n: np.zeros(n, dtype=np.uint64), id="unsigned"),
        pytest.param(lambda n: np.zeros(n, dtype=object), id="objects"),
        pytest.param(lambda n: np.zeros(n, dtype=complex), id="complex"),
        pytest.param(lambda n: np.zeros((1, n), dtype=np.int64), id="another-shape"),
    ],
)
def test_21_floats(machines, wrong):
    """Only signed integers are masked; and no message of the protocol has a place for other numbers."""
    made = machines.federation(4)
    made.run(stop="upload")
    made.read(2, Delivered)
    made.refuses(Drawn(wrong(made.terms.cells), 4), "signed integers", ValueError)
    for kind in vars(messages).values():
        if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__"):
            hints = typing.get_type_hints(kind)
            assert not {hints[one.name] for one in fields(kind)} & {float, bool, complex}, kind
    upload = messages.Upload(bytes(32), 0, bytes(32), bytes(32), 4)
    assert encode(upload)
    for strange in (4.0, float("nan"), True, np.float64(4), np.int64(4), 4 + 0j):
        with pytest.raises(ValueError, match="an integer lies between"):
            encode(replace(upload, length=strange))
