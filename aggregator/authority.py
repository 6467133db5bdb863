"""The coordinator's own certificate authority, in two tiers.

A root that can be taken off this machine, an issuing authority that cannot.
Certificates say who may open a connection; they say nothing of what an
institution signs (its protocol key is vouched for by the programme authority).

Keys are ECDSA P-256. A name in a certificate is a label: whom it speaks for is
looked up by its public key on every call (``aggregator/link.py``).
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aggregator import files
from samentel.errors import LocalFault, PeerError
from samentel.ids import Digest, digest
from samentel.wire.methods import Role

ROOT_LIFE = timedelta(days=3652)
ISSUING_LIFE = timedelta(days=1826)
SERVER_LIFE = timedelta(days=365)
CLIENT_LIFE = timedelta(days=90)
BADGE_LIFE = timedelta(days=365)
INVITATION_LIFE = timedelta(hours=72)
SKEW = timedelta(minutes=5)  # clocks of institutions that run behind

_TRUST_DOMAIN = "samentel"


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """A private key and its certificate (or chain, leaf first), both PEM."""

    key: bytes
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate chain in PEM, leaf first, the SHA-256 of its public key, and when it expires."""

    chain: bytes
    spki: Digest
    until: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """A certificate request whose own signature holds: its public key as SubjectPublicKeyInfo, DER."""

    spki: bytes

    @property
    def name(self) -> Digest:
        """SHA-256 of the public key: what identities are found by."""
        return digest(self.spki)


class Authority:
    """The issuing authority, with its key. Its repr shows nothing of it."""

    def __init__(self, pair: Pair, root: bytes) -> None:
        """Take the issuing key and certificate, and the root certificate, all PEM."""
        self._key = _private(pair.key)
        self._certificate = _certificate(pair.certificate)
        self._chain = pair.certificate
        self.root = root

    @classmethod
    def load(cls, directory: Path) -> "Authority":
        """Read issuing.key.pem, issuing.pem and root.pem; raises LocalFault when one is missing."""
        pair = Pair(files.read(directory / "issuing.key.pem"), files.read(directory / "issuing.pem"))
        return cls(pair, files.read(directory / "root.pem"))

    def client(self, role: Role, name: str, request: Request, now: datetime, life: timedelta) -> Issued:
        """A certificate by which somebody may call, and nothing else."""
        until = min(now + life, self._certificate.not_valid_after_utc)
        uri = x509.UniformResourceIdentifier(f"spiffe://{_TRUST_DOMAIN}/{role}/{name}")
        public = _public(request.spki)
        leaf = self._leaf(public, f"{role} {name}", [uri], ExtendedKeyUsageOID.CLIENT_AUTH, now, until)
        return Issued(leaf + self._chain, request.name, until)

    def invitation(self, node: str, now: datetime) -> tuple[Pair, Issued]:
        """A key with a certificate that may enrol one node."""
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self.client(Role.INVITED, node, Request(_spki(key.public_key())), now, INVITATION_LIFE)
        return Pair(_key_pem(key), issued.chain), issued

    def server(self, hosts: Sequence[str], now: datetime) -> Pair:
        """The coordinator's own certificate, with a new key."""
        key = ec.generate_private_key(ec.SECP256R1())
        until = min(now + SERVER_LIFE, self._certificate.not_valid_after_utc)
        names = [_general_name(host) for host in hosts]
        leaf = self._leaf(key.public_key(), "coordinator", names, ExtendedKeyUsageOID.SERVER_AUTH, now, until)
        return Pair(_key_pem(key), leaf + self._chain)

    def _leaf(
        self,
        public: ec.EllipticCurvePublicKey,
        common: str,
        names: Sequence[x509.GeneralName],
        use: x509.ObjectIdentifier,
        now: datetime,
        until: datetime,
    ) -> bytes:
        certificate = (
            _builder(common, self._certificate.subject, public, now, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(_issuer_key(self._certificate), critical=False)
            .sign(self._key, SHA256())
        )
        return certificate.public_bytes(Encoding.PEM)


def new_root(now: datetime) -> Pair:
    """A root for ten years, under which one tier of issuing authorities may stand."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject("Samentel root")
    certificate = (
        _builder("Samentel root", name, key.public_key(), now, now + ROOT_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, SHA256())
    )
    return Pair(_key_pem(key), certificate.public_bytes(Encoding.PEM))


def new_issuing(root: Pair, now: datetime) -> Pair:
    """An issuing authority for five years. Of URIs it may name those of this trust domain only."""
    key, above = ec.generate_private_key(ec.SECP256R1()), _certificate(root.certificate)
    until = min(now + ISSUING_LIFE, above.not_valid_after_utc)
    own = x509.NameConstraints([x509.UniformResourceIdentifier(_TRUST_DOMAIN)], None)
    certificate = (
        _builder("Samentel issuing", above.subject, key.public_key(), now, until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(own, critical=True)
        .add_extension(_issuer_key(above), critical=False)
        .sign(_private(root.key), SHA256())
    )
    return Pair(_key_pem(key), certificate.public_bytes(Encoding.PEM))


def new_credential() -> tuple[bytes, bytes]:
    """A fresh private key and a certificate request for it, both PEM: for holders on this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(_subject("samentel")).sign(key, SHA256())
    return _key_pem(key), request.public_bytes(Encoding.PEM)


def read_request(data: bytes) -> Request:
    """Read a certificate request, DER or PEM.

    Raises:
        PeerError: not a request, not signed by its own key, or not a P-256 key.
    """
    try:
        pem = data.lstrip().startswith(b"-----BEGIN")
        request = x509.load_pem_x509_csr(data) if pem else x509.load_der_x509_csr(data)
        public = request.public_key()
        holds = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
        raise PeerError("this is not a certificate request (PKCS #10)") from None
    if not holds:
        raise PeerError("the certificate request is not signed by its own key")
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise PeerError("the certificate request must be for an ECDSA key on the curve P-256")
    return Request(_spki(public))


@lru_cache(maxsize=20_000)  # one a connected peer: asked on every call
def certificate_name(pem: bytes) -> Digest:
    """SHA-256 of a certificate's public key: what its holder is found by."""
    certificate = _certificate(pem)
    return digest(certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def certificate_until(pem: bytes) -> datetime:
    """When the first certificate of a PEM expires."""
    return _certificate(pem).not_valid_after_utc


def certificate_since(pem: bytes) -> datetime:
    """From when the first certificate of a PEM holds."""
    return _certificate(pem).not_valid_before_utc


def certificate_digest(pem: bytes) -> Digest:
    """SHA-256 of the first certificate of a PEM, as browsers and openssl show it."""
    return digest(_certificate(pem).public_bytes(Encoding.DER))


def _builder(
    common: str, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(common))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _subject(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise LocalFault("the key of the certificate authority is not an ECDSA key in PEM form")
    return key


def _public(spki: bytes) -> ec.EllipticCurvePublicKey:
    key = load_der_public_key(spki)
    assert isinstance(key, ec.EllipticCurvePublicKey), "a Request holds P-256 keys only"
    return key


def _certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise LocalFault("this is not a certificate in PEM form") from None


def _spki(public: ec.EllipticCurvePublicKey) -> bytes:
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
