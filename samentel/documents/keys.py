"""Ed25519 keys and their names.

Key files live elsewhere; here a key is made of bytes and signs bytes.
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from samentel.errors import LocalFault
from samentel.ids import Digest, digest

_WORDS_PER_FINGERPRINT = 6

# Points of order 1, 2, 4 and 8 by their y, in every encoding (the sign bit aside): under such a key anybody
# makes signatures that hold, in a few tries. OpenSSL takes them for keys like any other.
_PRIME = 2**255 - 19
_Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022  # order 8
_SMALL_ORDER = frozenset(
    y.to_bytes(32, "little") for y in (0, 1, _Y8, _PRIME - _Y8, _PRIME - 1, _PRIME, _PRIME + 1)
)


@dataclass(frozen=True, slots=True)
class VerifyKey:
    """A public key: 32 raw bytes."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != 32:
            raise ValueError("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> Digest:
        """SHA-256 of the raw key."""
        return digest(self.raw)

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is this key's over the message (RFC 8032).

        Never of a key of small order, which is nobody's alone.
        """
        if self.raw[:31] + bytes([self.raw[31] & 0x7F]) in _SMALL_ORDER:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True

    def to_pem(self) -> bytes:
        """SubjectPublicKeyInfo in PEM."""
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class SigningKey:
    """A private key. Its repr names the public half only."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        """Make the key of a seed of 32 bytes; take them from the operating system."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = VerifyKey(self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"SigningKey(<{self.public.key_id[:12]}>)"

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature, 64 bytes."""
        return self._key.sign(message)

    def to_pem(self) -> bytes:
        """PKCS #8 in PEM, not encrypted: for a file that only its owner can read."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signing_key(pem: bytes) -> SigningKey:
    """Read a PKCS #8 PEM; raises LocalFault when it is not an Ed25519 key."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise LocalFault("this is not an Ed25519 private key in PEM form")
    return SigningKey(key.private_bytes_raw())


def verify_key(pem: bytes) -> VerifyKey:
    """Read a public key in PEM; raises LocalFault when it is not an Ed25519 key."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise LocalFault("this is not an Ed25519 public key in PEM form")
    return VerifyKey(key.public_bytes_raw())


def fingerprint(*parts: bytes) -> str:
    """A digest to read out on the telephone: six groups of five digits, about 99 bits.

    Two people compare it, so a collision must be out of reach of whoever sits
    between them; a second preimage at 2**99 is.
    """
    number = int(digest(b"".join(len(part).to_bytes(4, "big") + part for part in parts)), 16)
    groups = []
    for _ in range(_WORDS_PER_FINGERPRINT):
        number, group = divmod(number, 100_000)
        groups.append(f"{group:05d}")
    return " ".join(groups)
