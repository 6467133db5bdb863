"""The named primitives of the secure sum, each with one purpose and one label.

X25519 (RFC 7748), HKDF-SHA256 (RFC 5869), AES-256-CTR as mask generator
(NIST SP 800-38A), ChaCha20-Poly1305 (RFC 8439). Signatures are in
``samentel.documents.keys``.
"""

from collections.abc import Iterable

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from samentel.errors import PeerError
from samentel.secagg.ring import Residues

_CHUNK = 64 << 10  # bytes of key stream at a time: stays in the second-level cache
_ZEROS = bytes(_CHUNK)
_PRIME = 2**255 - 19  # of Curve25519
_ONCE = bytes(12)  # a fixed nonce is safe: every key is derived for one message (label) and used once


def agreement_public(private: bytes) -> bytes:
    """The X25519 public key of 32 private bytes."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def agree(private: bytes, publics: Iterable[bytes]) -> list[bytes]:
    """The X25519 secret shared with each public key; the private key is set up once for all of them (KEY-4).

    Raises:
        PeerError: a public key is a point of low order, not in its one encoding (RFC 7748 reads u >= p as
            u - p, and the highest bit not at all), or not 32 bytes: a peer that lies.
    """
    publics, key = list(publics), X25519PrivateKey.from_private_bytes(private)
    try:
        if any(int.from_bytes(public, "little") >= _PRIME for public in publics):
            raise ValueError("not the one encoding of its point")
        return [key.exchange(X25519PublicKey.from_public_bytes(public)) for public in publics]
    except ValueError:
        raise PeerError("a public key of this round is not a usable point") from None


def derive(secret: bytes, label: bytes) -> bytes:
    """A 32-byte key for one purpose: HKDF-SHA256, no salt, the label as info."""
    return HKDF(SHA256(), 32, salt=None, info=label).derive(secret)


def add_mask(vector: Residues, key: bytes) -> None:
    """Add the mask of a key to a vector, in place (KEY-5)."""
    _mask(vector, key, subtract=False)


def subtract_mask(vector: Residues, key: bytes) -> None:
    """Subtract the mask of a key from a vector, in place."""
    _mask(vector, key, subtract=True)


def encrypt(key: bytes, plain: bytes, header: bytes) -> bytes:
    """Encrypt one message under a key made for it alone; the header is authenticated too."""
    return ChaCha20Poly1305(key).encrypt(_ONCE, plain, header)


def decrypt(key: bytes, sealed: bytes, header: bytes) -> bytes:
    """The plain text; raises PeerError when message or header were changed."""
    try:
        return ChaCha20Poly1305(key).decrypt(_ONCE, sealed, header)
    except InvalidTag:
        raise PeerError("a message of this round was changed on its way") from None


def _mask(vector: Residues, key: bytes, *, subtract: bool) -> None:
    if len(key) != 32:
        raise ValueError("a mask key has 32 bytes")
    change = np.subtract if subtract else np.add
    stream = Cipher(AES(key), CTR(bytes(16))).encryptor()
    size = min(_CHUNK, vector.nbytes)
    buffer = bytearray(size + 15)  # update_into asks for one block more than it writes
    words = np.frombuffer(buffer, dtype=vector.dtype, count=size // vector.itemsize)
    for start in range(0, len(vector), len(words) or 1):
        part = vector[start : start + len(words)]
        stream.update_into(_ZEROS[: part.nbytes] if part.nbytes < _CHUNK else _ZEROS, buffer)
        change(part, words[: len(part)], out=part)
