"""The node's own keys and certificate, and the files in which they are kept.

Two keys, on purpose: the TLS key opens the connection and is vouched for by
the coordinator; the protocol key signs statements and is vouched for by the
programme authority. Private keys never leave this directory.
"""

import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from samentel.documents.access import Invitation
from samentel.documents.keys import SigningKey, fingerprint, signing_key
from samentel.documents.model import Model, NodeIdField, from_json, to_bytes
from samentel.errors import DocumentError, LocalFault, PeerError

RENEW_AFTER = 2 / 3  # of a certificate's life
DAMAGED = (
    "the certificate in the state directory (identity/tls.pem) is damaged: restore that file, or ask the "
    "coordinator for a new invitation and run `samentel-node enrol INVITATION`"
)


class Enrolment(Model):
    """What the node knows of its enrolment: who it is and where the coordinator is."""

    node: NodeIdField
    address: str
    root: str


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a TLS connection needs, all PEM; the repr shows nothing of it."""

    address: str
    root: bytes
    key: bytes
    chain: bytes

    def __repr__(self) -> str:
        return f"Credentials(<{self.address}>)"


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """A request in DER, its key in PEM, and the public part of that key in DER."""

    der: bytes
    key: bytes
    public: bytes

    def __repr__(self) -> str:
        return "CertificateRequest(<>)"


def directory(state: Path) -> Path:
    """Where keys and certificates are."""
    return state / "identity"


def create(state: Path) -> None:
    """Make both keys, unless they are there already."""
    place = make_private_directory(directory(state))
    if not (place / "protocol.pem").exists():
        write_private(place / "protocol.pem", SigningKey(os.urandom(32)).to_pem())
    if not (place / "enrol-key.pem").exists():
        write_private(place / "enrol-key.pem", _pem(generate_private_key(SECP256R1())))


def protocol_key(state: Path) -> SigningKey:
    """The key that signs this institution's statements."""
    return signing_key(_read(directory(state) / "protocol.pem", "run `samentel-node init`"))


def enrolment(state: Path) -> Enrolment:
    """Who this node is; raises LocalFault before it has enrolled."""
    data = _read(directory(state) / "enrolment.json", "run `samentel-node enrol INVITATION` first")
    try:
        return from_json(Enrolment, data, "enrolment.json")
    except DocumentError:
        raise LocalFault(
            "enrolment.json in the state directory does not hold: run `samentel-node enrol` again"
        ) from None


def begin(state: Path, invitation: Invitation) -> CertificateRequest:
    """Keep the invitation, and make the request that goes with it: the same one each time."""
    place = directory(state)
    pem = _read(place / "enrol-key.pem", "run `samentel-node init`")
    public = _spki(_load(pem).public_key())
    kept, noted = place / f"request-{invitation.node}.der", place / "invitation.json"
    if not kept.exists():
        write_private(kept, _request(pem, invitation.node))
    der = kept.read_bytes()
    known = Enrolment(
        node=invitation.node,
        address=invitation.address,
        root=invitation.root,
    )
    write_private(noted, to_bytes(invitation))
    write_private(place / "enrolment.json", to_bytes(known))
    return CertificateRequest(der, pem, public)


def held_invitation(state: Path) -> Invitation:
    """The invitation that is being used; raises LocalFault when there is none."""
    data = _read(
        directory(state) / "invitation.json", "run `samentel-node enrol INVITATION` with your invitation"
    )
    return from_json(Invitation, data, "invitation")


def has_invitation(state: Path) -> bool:
    """Whether an enrolment is under way."""
    return (directory(state) / "invitation.json").exists()


def is_certified(state: Path) -> bool:
    """Whether the node holds a certificate of its own."""
    return (directory(state) / "tls.pem").exists()


def own_fingerprint(state: Path, request: CertificateRequest) -> str:
    """What both sides must see: computed here, never taken from the other side's word."""
    return fingerprint(request.public, protocol_key(state).public.raw)


def install(state: Path, key: bytes, chain: bytes) -> None:
    """Keep a key with its certificate, in one file and so in one step.

    Raises:
        PeerError: the certificate is not for this key; what was held stays.
    """
    try:
        leaf = x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError):
        raise PeerError("the coordinator sent a certificate that cannot be read") from None
    if _spki(leaf.public_key()) != _spki(_load(key).public_key()):
        raise PeerError("the coordinator sent a certificate for another key than ours")
    write_private(directory(state) / "tls.pem", key.rstrip() + b"\n" + chain)


def forget_invitation(state: Path) -> None:
    """Remove the one-time credential once it has been used."""
    (directory(state) / "invitation.json").unlink(missing_ok=True)


def credentials(state: Path) -> Credentials:
    """What the daemon dials with; raises LocalFault when it is not there, or damaged."""
    known = enrolment(state)
    data = _read(
        directory(state) / "tls.pem", "run `samentel-node enrol`: the certificate has not been fetched yet"
    )
    key, mark, rest = data.partition(b"-----BEGIN CERTIFICATE-----")
    chain = mark + rest
    if _spki(_leaf(chain).public_key()) != _spki(_load(key).public_key()):
        raise LocalFault(DAMAGED)
    return Credentials(known.address, known.root.encode(), key, chain)


def lifetime(chain: bytes) -> tuple[datetime, datetime]:
    """From when until when the leaf certificate holds; raises LocalFault when it cannot be read."""
    leaf = _leaf(chain)
    return leaf.not_valid_before_utc, leaf.not_valid_after_utc


def renewal_due(chain: bytes, now: datetime) -> bool:
    """Whether two thirds of the certificate's life are over."""
    start, end = lifetime(chain)
    return now >= start + (end - start) * RENEW_AFTER


def fresh_request(node: str) -> CertificateRequest:
    """A request with a new key, for a renewal."""
    key = generate_private_key(SECP256R1())
    pem = _pem(key)
    return CertificateRequest(_request(pem, node), pem, _spki(key.public_key()))


def describe_certificate(pem: bytes) -> str:
    """SHA-256 of a certificate, in groups, to compare by telephone."""
    try:
        seen = x509.load_pem_x509_certificates(pem)[0].fingerprint(hashes.SHA256()).hex()
    except (ValueError, IndexError):
        raise DocumentError("invitation", ["root: is not a certificate in PEM form"]) from None
    return " ".join(seen[start : start + 8] for start in range(0, len(seen), 8))


def make_private_directory(path: Path) -> Path:
    """A directory that only its owner can enter."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read: whole or not at all, and on disk when this returns."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_directory(path.parent)
    except OSError as error:
        raise LocalFault(
            f"{path} cannot be written ({error.strerror}): look at the disk and its permissions"
        ) from None


def _sync_directory(path: Path) -> None:
    if os.name != "posix":
        return  # elsewhere a directory cannot be opened, and renames are journalled
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path, remedy: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise LocalFault(f"{path.name} is not there: {remedy}") from None
    except OSError as error:
        raise LocalFault(
            f"{path} cannot be read ({error.strerror}): give it to the user that runs the node"
        ) from None


def _leaf(chain: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError):
        raise LocalFault(DAMAGED) from None


def _load(pem: bytes) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey):
        raise LocalFault("the TLS key in the state directory cannot be read: restore it, or enrol again")
    return key


def _pem(key: EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _request(pem: bytes, node: str) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .sign(_load(pem), hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


def _spki(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
