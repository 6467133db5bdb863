"""Bytes, names, signatures and hash trees: sections 1 and 2 of docs/protocol.md, read by themselves.

Nothing of the product is imported here. A record is a tuple of its fields (a named one, where it has a name),
a "tuple" of the page is a list, and a moment is a number of microseconds.
"""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PROTOCOL = b"samentel/v1/secagg/"


class Refused(Exception):
    """A clause does not hold; the text names it."""


def need(holds: bool, clause: str) -> None:
    if not holds:
        raise Refused(clause)


# Fields in their order, with their shapes (TERMS-2, the tables of section 2): a whole number, text, bytes,
# bytes of one length, [a tuple of these], or a record by its kind.
_DOCUMENTS = {"round": 32, "programme": 32, "roster": 32, "coordinator": 32, "members": ["member"]}
_NUMBERS = {"institutions_min": int, "collude_max": int, "absent_max": int, "cells": int, "ring": str}
_TIMES = {"advertise_until": int, "share_until": int, "mask_until": int, "expires_at": int}
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "member": {"node": str, "key": 32},
    "level": {"name": str, "positions": [int]},
    "terms": {**_DOCUMENTS, **_NUMBERS, "levels": ["level"], **_TIMES},
    "advert": {"terms": 32, "sender": int, "channel": 32, "mask": 32, "heads": 32},
    "dealing": {"terms": 32, "sender": int, "listing": 32, "count": int, "seed": 32, "entries": 32},
    "upload": {"terms": 32, "sender": int, "dealers": 32, "vector": 32, "length": int},
    "survivor": {"position": int, "vector": 32},
    "proposal": {"terms": 32, "dealers": 32, "survivors": ["survivor"]},
    "agreement": {"terms": 32, "sender": int, "survivors": 32, "head": 40},
    "reveal": {"terms": 32, "sender": int, "survivors": 32, "seeds": bytes, "keys": bytes},
    "result": {"terms": 32, "survivors": 32, "total": 32},
    "listing": {"positions": [int], "adverts": [bytes], "heads": bytes, "steps": bytes},
    "delivery": {"dealers": [int], "dealings": [bytes], "entries": bytes, "steps": bytes},
    "unanimity": {"agreements": [bytes]},
}
RECORDS = {kind: namedtuple(kind, fields) for kind, fields in FIELDS.items()}


def u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def u64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def digest(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def encode(value: Any) -> bytes:
    """ENC-1."""
    if isinstance(value, int):
        need(0 <= value < 2**63, "ENC-1")
        return u64(value)
    if isinstance(value, str):
        return encode(value.encode())
    if isinstance(value, bytes):
        return u32(len(value)) + value
    head = u32(len(value)) if isinstance(value, list) else b""
    return head + b"".join(encode(part) for part in value)


def decode(kind: str, data: bytes) -> Any:
    """ENC-2: the one record of these bytes."""
    value, rest = _read(kind, data)
    need(rest == b"", "ENC-2")
    return value


def _read(shape: Any, data: bytes) -> tuple[Any, bytes]:
    """One value from the front, and what is left."""
    if isinstance(shape, str):
        fields = {}
        for field, part in FIELDS[shape].items():
            fields[field], data = _read(part, data)
        return RECORDS[shape](**fields), data
    width = 8 if shape is int else 4
    need(len(data) >= width, "ENC-2")
    number, data = int.from_bytes(data[:width], "big"), data[width:]
    if shape is int:
        need(number < 2**63, "ENC-2")
        return number, data
    if isinstance(shape, list):
        elements = []
        for _ in range(number):
            element, data = _read(shape[0], data)
            elements.append(element)
        return elements, data
    need(len(data) >= number and (shape in (str, bytes) or shape == number), "ENC-2")
    return (data[:number].decode() if shape is str else data[:number]), data[number:]


def terms_name(terms: Any) -> bytes:
    """TERMS-2."""
    return digest(PROTOCOL, b"terms/", encode(terms))


def listing_name(terms: bytes, adverts: Sequence[bytes]) -> bytes:
    """ENC-6: the name of U1, over signed adverts by position."""
    return digest(PROTOCOL, b"listing/", terms, *(digest(it) for it in adverts))


def dealers_name(listing: bytes, dealings: Sequence[bytes]) -> bytes:
    """ENC-6: the name of U2."""
    return digest(PROTOCOL, b"dealers/", listing, *(digest(it) for it in dealings))


def message_name(kind: str, message: Any) -> bytes:
    """ENC-3."""
    label = PROTOCOL + kind.encode()
    return digest(u32(len(label)), label, encode(message))


def sign(kind: str, key: bytes, message: Any) -> bytes:
    """ENC-3: the message as it travels. `key` is 32 raw bytes of Ed25519."""
    return Ed25519PrivateKey.from_private_bytes(key).sign(message_name(kind, message)) + encode(message)


def opened(kind: str, public: bytes, signed: bytes) -> Any:
    """ENC-4, first half: the signature, then the fields. A value has one encoding, so its bytes name it."""
    label = PROTOCOL + kind.encode()
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(
            signed[:64], digest(u32(len(label)), label, signed[64:])
        )
    except InvalidSignature:
        raise Refused("ENC-4") from None
    return decode(kind, signed[64:])


def levels_of_tree(rows: Sequence[bytes]) -> list[list[bytes]]:
    """ENC-5: from the leaves up to the one root."""
    levels = [[digest(b"\x00", row) for row in rows]]
    while len(levels[-1]) > 1:
        low = levels[-1]
        pairs = [digest(b"\x01", *low[at : at + 2]) for at in range(0, len(low) - 1, 2)]
        levels.append(pairs + low[len(low) - len(low) % 2 :])
    return levels


def root(rows: Sequence[bytes]) -> bytes:
    return levels_of_tree(rows)[-1][0]


def path(rows: Sequence[bytes], index: int) -> bytes:
    """ENC-5: the siblings of a row, from the bottom up."""
    steps = b""
    for level in levels_of_tree(rows)[:-1]:
        steps += b"".join(level[index ^ 1 : (index ^ 1) + 1])
        index //= 2
    return steps


def lies_under(top: bytes, row: bytes, index: int, count: int, steps: bytes) -> bool:
    """ENC-5: whether a row of a table with `count` rows lies under its root."""
    node = digest(b"\x00", row)
    while count > 1:
        if index ^ 1 < count:
            sibling, steps = steps[:32], steps[32:]
            node = digest(b"\x01", *((sibling, node) if index % 2 else (node, sibling)))
        index, count = index // 2, (count + 1) // 2
    return node == top and steps == b""
