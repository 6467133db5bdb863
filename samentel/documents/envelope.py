"""Signed documents over exact bytes: DSSE v1.

Verify, then parse: ``open_envelope`` returns the payload only once enough
signatures hold. Source: Dead Simple Signing Envelope, protocol v1.0.2 (PAE).
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

from samentel.documents.keys import SigningKey, VerifyKey
from samentel.errors import DocumentError, PeerError
from samentel.ids import Digest, digest

MAX_PAYLOAD = 1 << 20  # the default programme has 60 kB; a roster of 1,000 institutions 300 kB
MAX_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature; ``key_id`` is a hint for finding the key, never trusted."""

    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload, its type, and who signed both."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]

    @property
    def digest(self) -> Digest:
        """SHA-256 of the payload: the name by which others refer to the document."""
        return digest(self.payload)


def pae(payload_type: str, payload: bytes) -> bytes:
    """What is signed: both parts with their lengths, so that neither can run into the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload_type: str, payload: bytes, *signers: SigningKey) -> Envelope:
    """Sign a document with each of the keys."""
    message = pae(payload_type, payload)
    signatures = tuple(Signature(key.public.key_id, key.sign(message)) for key in signers)
    return Envelope(payload, payload_type, signatures)


def countersign(envelope: Envelope, signer: SigningKey) -> Envelope:
    """Add a signature; signing twice with one key changes nothing.

    A signature that only carries this key's name makes way for the true one.
    """
    own = signer.public.key_id
    added = seal(envelope.payload_type, envelope.payload, signer).signatures  # Ed25519: always the same bytes
    if added[0] in envelope.signatures:
        return envelope
    others = tuple(signature for signature in envelope.signatures if signature.key_id != own)
    return Envelope(envelope.payload, envelope.payload_type, others + added)


def open_envelope(
    envelope: Envelope, payload_type: str, keys: Sequence[VerifyKey], threshold: int = 1
) -> bytes:
    """The payload, once ``threshold`` different keys have signed it as this type.

    Raises:
        PeerError: another type, or too few good signatures of the given keys.
            Nothing has been parsed.
    """
    if threshold < 1:
        raise ValueError("at least one signature is needed")
    if envelope.payload_type != payload_type:
        raise PeerError(f"a document of type {payload_type} was expected, this one says it is another")
    message = pae(payload_type, envelope.payload)
    good = {
        key
        for key in keys
        for signature in envelope.signatures[:MAX_SIGNATURES]
        if signature.key_id == key.key_id and key.verifies(signature.signature, message)
    }
    if len(good) < threshold:
        raise PeerError(f"{len(good)} of the {threshold} signatures needed hold for this document")
    return envelope.payload


def to_json(envelope: Envelope) -> bytes:
    """The envelope as a file: DSSE's JSON form, one line break at the end."""
    value = {
        "payload": base64.b64encode(envelope.payload).decode(),
        "payloadType": envelope.payload_type,
        "signatures": [
            {"keyid": signature.key_id, "sig": base64.b64encode(signature.signature).decode()}
            for signature in envelope.signatures
        ],
    }
    return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"


def from_json(data: bytes, name: str = "signed document") -> Envelope:
    """Read an envelope file; raises DocumentError, which says its name, when it is not one."""
    if len(data) > 2 * MAX_PAYLOAD:
        raise DocumentError(name, [f"larger than {2 * MAX_PAYLOAD} bytes"])
    try:
        value = json.loads(data)
        signatures = tuple(
            Signature(str(entry["keyid"]), base64.b64decode(entry["sig"], validate=True))
            for entry in value["signatures"][:MAX_SIGNATURES]
        )
        payload = base64.b64decode(value["payload"], validate=True)
        payload_type = str(value["payloadType"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise DocumentError(name, ["this file is not a DSSE envelope in JSON form"]) from None
    if len(payload) > MAX_PAYLOAD:
        raise DocumentError(name, [f"its payload is larger than {MAX_PAYLOAD} bytes"])
    return Envelope(payload, payload_type, signatures)
