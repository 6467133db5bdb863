import threading

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from samentel.errors import PeerError
from samentel.secagg.primitives import (
    add_mask,
    agree,
    agreement_public,
    decrypt,
    derive,
    encrypt,
    subtract_mask,
)

# The public keys of order 1, 2, 4 and 8 and their non-canonical twins (cr.yp.to/ecdh.html).
LOW_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize("public", LOW_ORDER)
@pytest.mark.clause("KEY-4")
def test_a_point_of_low_order_is_refused(public):
    with pytest.raises(PeerError, match="usable point"):
        agree(b"\x05" * 32, [agreement_public(b"\x06" * 32), bytes.fromhex(public)])


@pytest.mark.clause("KEY-4")
@pytest.mark.parametrize("other", [9 + 2**255, 2**255 - 19 + 9, 2**256 - 1])
def test_another_encoding_of_a_point_is_refused(other):
    """X25519 would take it for the same point: one key could stand twice in a list."""
    with pytest.raises(PeerError, match="usable point"):
        agree(bytes(range(32)), [other.to_bytes(32, "little")])


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_public_key_of_another_length_is_refused(length):
    with pytest.raises(PeerError, match="usable point"):
        agree(b"\x05" * 32, [b"\x09" * length])


def test_x25519_agrees_as_rfc_7748_says():
    """Both sides get the same; and the first vector of section 5.2."""
    alice = bytes.fromhex("77076d0a7318a57d3c16c17251b26645d4b5a9c7c1a0f4e2b8d6c3a1908f7e6d")
    bob = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
    assert agree(alice, [agreement_public(bob)]) == agree(bob, [agreement_public(alice)])
    scalar = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    point = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    assert (
        agree(scalar, [point])[0].hex() == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    )


def test_hkdf_gives_the_known_answer_of_rfc_5869():
    """Test case 3: no salt, no info; and the label is info."""
    assert (
        derive(b"\x0b" * 22, b"").hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    )
    assert derive(b"\x0b" * 22, b"a") != derive(b"\x0b" * 22, b"b")


@pytest.mark.clause("KEY-5")
def test_masks_are_the_aes_ctr_key_stream_from_zero():
    """AES-256 of the zero block under the zero key, little-endian words; then against the library itself."""
    key = bytes(32)
    vector = np.zeros(4, dtype="<u4")
    add_mask(vector, key)
    assert vector.tobytes().hex() == "dc95c078a2408989ad48a21492842087"
    long = np.zeros(40_001, dtype="<u4")
    add_mask(long, b"\x07" * 32)
    stream = Cipher(AES(b"\x07" * 32), CTR(bytes(16))).encryptor().update(bytes(long.nbytes))
    assert long.tobytes() == stream


@pytest.mark.parametrize("dtype", ["<u4", "<u8"])
@pytest.mark.parametrize("cells", [1, 3, 8191, 8192, 16384, 16385, 50_000])
def test_a_mask_comes_off_again(dtype, cells):
    vector = np.arange(cells, dtype=dtype)
    add_mask(vector, b"\x01" * 32)
    assert (vector != np.arange(cells, dtype=dtype)).mean() > 0.99 or cells < 5
    subtract_mask(vector, b"\x01" * 32)
    assert (vector == np.arange(cells, dtype=dtype)).all()


def test_every_bit_of_the_key_changes_half_of_the_mask():
    """A seed that is folded to fewer bits would leave masks equal (Flower's had 28 left)."""
    key, size = bytes(range(32)), 64
    mask = np.zeros(size, dtype="<u4")
    add_mask(mask, key)
    for bit in range(256):
        other, changed = bytearray(key), np.zeros(size, dtype="<u4")
        other[bit // 8] ^= 1 << bit % 8
        add_mask(changed, bytes(other))
        differing = np.unpackbits((mask ^ changed).view(np.uint8)).mean()
        assert 0.4 < differing < 0.6


def test_mask_bits_are_even():
    """Chi-square on the lowest and the highest bits and on whole bytes of half a million residues."""
    vector = np.zeros(500_000, dtype="<u4")
    add_mask(vector, b"\x2a" * 32)
    for bit in (0, 1, 30, 31):
        ones = int((vector >> bit & 1).sum())
        assert (2 * ones - len(vector)) ** 2 / len(vector) < 40  # p = 2.5e-10
    for shift in (0, 24):
        counts = np.bincount(vector >> shift & 255, minlength=256)
        expected = len(vector) / 256
        assert (
            120 < ((counts - expected) ** 2 / expected).sum() < 420
        )  # 255 degrees of freedom, p about 1e-10


def test_masks_can_be_made_in_several_threads():
    """Rounds of two programmes may run in one process: no buffer is shared."""
    expected = np.zeros(200_000, dtype="<u4")
    add_mask(expected, b"\x03" * 32)
    found = [np.zeros(200_000, dtype="<u4") for _ in range(4)]
    threads = [threading.Thread(target=add_mask, args=(vector, b"\x03" * 32)) for vector in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((vector == expected).all() for vector in found)


def test_a_changed_message_or_header_does_not_open():
    sealed = encrypt(b"\x01" * 32, b"plain", b"header")
    assert decrypt(b"\x01" * 32, sealed, b"header") == b"plain"
    for broken in (
        (b"\x02" * 32, sealed, b"header"),
        (b"\x01" * 32, sealed[:-1] + bytes([sealed[-1] ^ 1]), b"header"),
        (b"\x01" * 32, sealed, b"other"),
        (b"\x01" * 32, b"", b"header"),
    ):
        with pytest.raises(PeerError, match="changed on its way"):
            decrypt(*broken)


def test_a_mask_key_has_256_bits():
    with pytest.raises(ValueError, match="32 bytes"):
        add_mask(np.zeros(1, dtype="<u4"), bytes(16))
