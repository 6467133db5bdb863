"""Keys that people make at their own desk, so that nobody else ever holds them.

The programme authority signs with Ed25519; readers and administrators reach
the coordinator with a P-256 certificate, for which only a request leaves.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from desk import files
from samentel.documents.keys import SigningKey, VerifyKey, fingerprint, signing_key, verify_key
from samentel.errors import LocalFault


@dataclass(frozen=True, slots=True)
class Made:
    """Two files that belong together, and the fingerprint of the public half, to be read out.

    Attributes:
        private: readable by its owner only; stays here.
        public: to be handed over.
    """

    private: Path
    public: Path
    fingerprint: str


def new(name: str, directory: Path) -> Made:
    """Make a signing key for the programme authority: NAME.key.pem and NAME.pub.pem.

    Raises:
        LocalFault: the name is no file name, or there is such a key already.
    """
    if not name or name.startswith(".") or set(name) & set('/\\:"') or not name.isprintable():
        raise LocalFault(f"{name!r} cannot stand in a file name; write a short name such as rapporteur")
    key = SigningKey(os.urandom(32))
    private, public = directory / f"{name}.key.pem", directory / f"{name}.pub.pem"
    files.write(private, key.to_pem(), replace=False, mode=0o600)
    files.write(public, key.public.to_pem(), replace=False)
    return Made(private, public, fingerprint(key.public.raw))


def request(name: str, directory: Path) -> Made:
    """Make a reader's or administrator's key and the certificate request for it: key.pem and request.pem.

    Raises:
        LocalFault: the directory holds a key already, or the name has no length between 1 and 64.
    """
    if not 1 <= len(name) <= 64:
        raise LocalFault("a name in a certificate has 1 to 64 characters")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    asked = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, SHA256())
    private, public = directory / "key.pem", directory / "request.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files.write(private, pem, replace=False, mode=0o600)
    files.write(public, asked.public_bytes(Encoding.PEM))
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Made(private, public, fingerprint(spki))


def read_signing(path: Path) -> SigningKey:
    """The private key in a file; raises LocalFault that names the file."""
    try:
        return signing_key(files.read(path))
    except LocalFault as fault:
        raise _named(path, fault) from None


def read_verify(paths: Sequence[Path]) -> tuple[VerifyKey, ...]:
    """The public keys in files; raises LocalFault that names the file."""
    keys = []
    for path in paths:
        try:
            keys.append(verify_key(files.read(path)))
        except LocalFault as fault:
            raise _named(path, fault) from None
    return tuple(keys)


def _named(path: Path, fault: LocalFault) -> LocalFault:
    return fault if str(fault).startswith(str(path)) else LocalFault(f"{path}: {fault}")
