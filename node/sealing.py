"""How what nobody else may read lies on disk: states of secure sums, and snapshots of whom a period counts.

AES-256-GCM under a key of the node's own for each round, and for each period of
a programme (HKDF-SHA256 of its protocol key). Round and version, or the part of
the snapshot, are authenticated with it, so that nothing can stand in another's
place. Nothing is kept here.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from samentel.documents.keys import SigningKey
from samentel.errors import LocalFault
from samentel.secagg.primitives import derive

_NONCE = 12  # bytes; random: a round has some ten versions, far from the 2**32 at which that would matter
_LABEL = b"samentel/v1/node/sum/"
_SNAPSHOT = b"samentel/v1/node/snapshot/"


def seal(key: SigningKey, round_id: str, version: int, state: bytes) -> bytes:
    """The state as it is written: a random nonce, then ciphertext and tag (STORE-2).

    Args:
        key: the node's protocol key.
        version: which state of this round it is, from 1 on.
    """
    return _sealed(_cipher(key, _LABEL + _round(round_id)), state, _header(round_id, version))


def unseal(key: SigningKey, round_id: str, version: int, sealed: bytes) -> bytes:
    """The state that was sealed.

    Raises:
        LocalFault: it was sealed with another key, or for another round or version.
    """
    data = _opened(_cipher(key, _LABEL + _round(round_id)), sealed, _header(round_id, version))
    if data is None:
        raise LocalFault(
            f"what this node holds of round {round_id[:12]} does not open with its protocol key: the state "
            "directory was put together from two copies. The node leaves this round; restore the whole "
            "directory from one backup, then start the node paused"
        )
    return data


def seal_snapshot(key: SigningKey, programme: str, period: str, part: str, data: bytes) -> bytes:
    """One part of a snapshot as it is written; as ``seal``.

    Args:
        programme: digest of the programme.
        part: which of the things that are kept of the period.
    """
    return _sealed(_cipher(key, _of_period(programme, period)), data, part.encode())


def unseal_snapshot(key: SigningKey, programme: str, period: str, part: str, sealed: bytes) -> bytes:
    """The part that was sealed.

    Raises:
        LocalFault: it was sealed with another key, or for another programme, period or part.
    """
    data = _opened(_cipher(key, _of_period(programme, period)), sealed, part.encode())
    if data is None:
        raise LocalFault(
            f"what this node sealed of {period} does not open with its protocol key: the state directory was "
            "put together from two copies. Restore the whole directory from one backup, then start the node "
            "paused"
        )
    return data


def _sealed(cipher: AESGCM, data: bytes, header: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, data, header)


def _opened(cipher: AESGCM, sealed: bytes, header: bytes) -> bytes | None:
    try:
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], header)
    except (InvalidTag, ValueError):
        return None


def _cipher(key: SigningKey, label: bytes) -> AESGCM:
    # The PEM form holds the 32 secret bytes and nothing else that varies.
    return AESGCM(derive(key.to_pem(), label))


def _of_period(programme: str, period: str) -> bytes:
    return _SNAPSHOT + bytes.fromhex(programme) + period.encode("ascii")


def _header(round_id: str, version: int) -> bytes:
    return _round(round_id) + version.to_bytes(8, "big")


def _round(round_id: str) -> bytes:
    return bytes.fromhex(round_id)
