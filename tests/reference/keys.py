"""Keys, Shamir shares, masks, vectors: section 3 of docs/protocol.md. Vectors are lists of whole numbers."""

from collections.abc import Callable, Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.reference.encoding import PROTOCOL, Refused, digest, need, u32

PRIME = 2**256 + 297  # KEY-6
SHARE = 33


def label(purpose: str, terms: bytes, *positions: int) -> bytes:
    """KEY-1."""
    return PROTOCOL + purpose.encode() + b"/" + terms + b"/" + b"".join(u32(it) for it in positions)


def derived(secret: bytes, info: bytes) -> bytes:
    """KEY-1: HKDF-SHA256 without salt."""
    return HKDF(SHA256(), 32, None, info).derive(secret)


def public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def shared(private: bytes, public: bytes) -> bytes:
    """KEY-4: a key of low order gives nothing but zeros, and is refused; so is a second encoding."""
    try:
        if int.from_bytes(public, "little") >= 2**255 - 19:
            raise ValueError(public)
        return X25519PrivateKey.from_private_bytes(private).exchange(
            X25519PublicKey.from_public_bytes(public)
        )
    except ValueError:
        raise Refused("KEY-4") from None


def channel(terms: bytes, dealer: int, receiver: int, private: bytes, public: bytes) -> bytes:
    """KEY-2, from either end."""
    return derived(shared(private, public), label("channel", terms, dealer, receiver))


def pair(terms: bytes, one: int, other: int, private: bytes, public: bytes) -> bytes:
    """KEY-3, from either end."""
    return derived(shared(private, public), label("pair-mask", terms, min(one, other), max(one, other)))


def self_mask(terms: bytes, position: int, seed: bytes) -> bytes:
    """KEY-3."""
    return derived(seed, label("self-mask", terms, position))


def seed_commitment(terms: bytes, position: int, seed: bytes) -> bytes:
    """KEY-8."""
    return digest(label("seed", terms, position), seed)


def mask(key: bytes, bits: int, cells: int) -> list[int]:
    """KEY-5: the key stream of AES-256-CTR as little-endian words."""
    stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor().update(bytes(cells * bits // 8))
    return words(stream, bits)


def words(data: bytes, bits: int) -> list[int]:
    """KEY-9: residues from their bytes."""
    size = bits // 8
    return [int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size)]


def to_bytes(vector: Sequence[int], bits: int) -> bytes:
    """KEY-9: whole numbers as residues modulo 2^bits, little-endian."""
    return b"".join((it % 2**bits).to_bytes(bits // 8, "little") for it in vector)


def centred(vector: Sequence[int], bits: int) -> list[int]:
    """KEY-9: the residue nearest to zero."""
    return [(it + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1) for it in vector]


def shares(
    secret: bytes, threshold: int, positions: Sequence[int], draw: Callable[[int], bytes]
) -> list[bytes]:
    """KEY-6: a share each position, of a fresh polynomial."""
    coefficients = [int.from_bytes(draw(49), "big") % PRIME for _ in range(threshold - 1)]
    coefficients.append(int.from_bytes(secret, "big"))
    dealt = []
    for position in positions:
        value = 0
        for coefficient in coefficients:
            value = (value * (position + 1) + coefficient) % PRIME
        dealt.append(value.to_bytes(SHARE, "big"))
    return dealt


def is_element(share: bytes) -> bool:
    return len(share) == SHARE and int.from_bytes(share, "big") < PRIME


def recovered(held: Mapping[int, bytes]) -> bytes:
    """KEY-6: the secret from shares by position, as many as the threshold."""
    secret = 0
    for position, share in held.items():
        weight = 1
        for other in held:
            if other != position:
                weight = weight * (other + 1) * pow(other - position, -1, PRIME) % PRIME
        secret += weight * int.from_bytes(share, "big")
    need(secret % PRIME < 2**256, "REVEAL-5")
    return (secret % PRIME).to_bytes(32, "big")


def entry_header(terms: bytes, dealer: int, receiver: int, listing: bytes) -> bytes:
    """KEY-7."""
    return label("entry", terms, dealer, receiver) + listing


def entry(key: bytes, header: bytes, seed_share: bytes, key_share: bytes) -> bytes:
    """KEY-7: both shares sealed, then a commitment to each; 146 bytes."""
    sealed = ChaCha20Poly1305(key).encrypt(bytes(12), seed_share + key_share, header)
    return sealed + share_commitment(header, 0, seed_share) + share_commitment(header, 1, key_share)


def share_commitment(header: bytes, which: int, share: bytes) -> bytes:
    """KEY-7: `which` is 0 for the seed's share and 1 for the key's."""
    return digest(header, bytes([which]), share)


def commitments(row: bytes) -> tuple[bytes, bytes]:
    return row[-64:-32], row[-32:]


def opened_entry(key: bytes, header: bytes, row: bytes) -> tuple[bytes, bytes]:
    """DEAL-6: the two shares of an entry that opens, fits its commitments, and holds field elements."""
    try:
        both = ChaCha20Poly1305(key).decrypt(bytes(12), row[:-64], header)
    except InvalidTag:
        raise Refused("DEAL-6") from None
    dealt = both[:SHARE], both[SHARE:]
    fit = (share_commitment(header, 0, dealt[0]), share_commitment(header, 1, dealt[1]))
    need(fit == commitments(row) and all(is_element(it) for it in dealt), "DEAL-6")
    return dealt
