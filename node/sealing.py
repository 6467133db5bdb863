"""How the state of a secure sum lies on disk: sealed, since its bytes hold the secrets of the round.

AES-256-GCM under a key of the node's own for each round (HKDF-SHA256 of its
protocol key). Round and version are authenticated with it, so that no state can
stand in another's place. Nothing is kept here.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from samentel.documents.keys import SigningKey
from samentel.errors import LocalFault
from samentel.secagg.primitives import derive

_NONCE = 12  # bytes; random: a round has some ten versions, far from the 2**32 at which that would matter
_LABEL = b"samentel/v1/node/sum/"


def seal(key: SigningKey, round_id: str, version: int, state: bytes) -> bytes:
    """The state as it is written: a random nonce, then ciphertext and tag.

    Args:
        key: the node's protocol key.
        version: which state of this round it is, from 1 on.
    """
    nonce = os.urandom(_NONCE)
    return nonce + _cipher(key, round_id).encrypt(nonce, state, _header(round_id, version))


def unseal(key: SigningKey, round_id: str, version: int, sealed: bytes) -> bytes:
    """The state that was sealed.

    Raises:
        LocalFault: it was sealed with another key, or for another round or version.
    """
    try:
        return _cipher(key, round_id).decrypt(sealed[:_NONCE], sealed[_NONCE:], _header(round_id, version))
    except (InvalidTag, ValueError):
        raise LocalFault(
            f"what this node holds of round {round_id[:12]} does not open with its protocol key: the state "
            "directory was put together from two copies. The node leaves this round; restore the whole "
            "directory from one backup, then start the node paused"
        ) from None


def _cipher(key: SigningKey, round_id: str) -> AESGCM:
    # The PEM form holds the 32 secret bytes and nothing else that varies.
    return AESGCM(derive(key.to_pem(), _LABEL + _round(round_id)))


def _header(round_id: str, version: int) -> bytes:
    return _round(round_id) + version.to_bytes(8, "big")


def _round(round_id: str) -> bytes:
    return bytes.fromhex(round_id)
