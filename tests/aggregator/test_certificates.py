"""What the coordinator's own authority issues, read by a certificate library and by OpenSSL's handshake."""

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from aggregator import authority as ca
from aggregator import daemon
from samentel.errors import LocalFault, PeerError
from samentel.ids import digest
from samentel.wire.methods import Role

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def pki():
    root = ca.new_root(NOW)
    return root, ca.Authority(ca.new_issuing(root, NOW), root.certificate)


@pytest.fixture(scope="module")
def leaf(pki):
    _, csr = ca.new_credential()
    return pki[1].client(Role.NODE, "amber", ca.read_request(csr), NOW, ca.CLIENT_LIFE)


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


def test_a_node_certificate_may_only_open_connections(leaf):
    certificate, issuing = x509.load_pem_x509_certificates(leaf.chain)
    use = extension(certificate, x509.ExtendedKeyUsage)
    assert list(use.value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    names = extension(certificate, x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://samentel/node/amber"]
    assert extension(certificate, x509.BasicConstraints).value.ca is False
    assert extension(certificate, x509.KeyUsage).value.key_cert_sign is False
    assert isinstance(certificate.public_key().curve, ec.SECP256R1)
    assert certificate.not_valid_after_utc - NOW == timedelta(days=90)
    certificate.verify_directly_issued_by(issuing)


def test_a_chain_has_two_tiers_and_no_third(pki, leaf):
    root = x509.load_pem_x509_certificate(pki[0].certificate)
    issuing = x509.load_pem_x509_certificates(leaf.chain)[1]
    issuing.verify_directly_issued_by(root)
    assert extension(root, x509.BasicConstraints).value.path_length == 1
    assert extension(issuing, x509.BasicConstraints).value.path_length == 0
    constraints = extension(issuing, x509.NameConstraints)
    assert constraints.critical
    assert [name.value for name in constraints.value.permitted_subtrees] == ["samentel"]
    assert issuing.not_valid_after_utc <= root.not_valid_after_utc


def test_an_independent_verifier_accepts_the_server_certificate_for_its_hosts_only(pki):
    root, authority = pki
    chain = x509.load_pem_x509_certificates(
        authority.server(["aggregator.example", "127.0.0.1"], NOW).certificate
    )
    store = Store([x509.load_pem_x509_certificate(root.certificate)])
    for name, good in (("aggregator.example", True), ("other.example", False)):
        verifier = PolicyBuilder().store(store).time(NOW).build_server_verifier(x509.DNSName(name))
        if good:
            assert len(verifier.verify(chain[0], chain[1:])) == 3
        else:
            with pytest.raises(x509.verification.VerificationError):
                verifier.verify(chain[0], chain[1:])


def test_a_certificate_is_found_by_its_public_key(leaf):
    certificate = x509.load_pem_x509_certificate(leaf.chain)
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert ca.certificate_name(leaf.chain) == leaf.spki == digest(spki)


def test_nothing_outlives_its_issuer(pki):
    late = NOW + ca.ISSUING_LIFE - timedelta(days=1)
    _, csr = ca.new_credential()
    issued = pki[1].client(Role.READER, "cbs", ca.read_request(csr), late, ca.BADGE_LIFE)
    assert issued.until == NOW + ca.ISSUING_LIFE


def signed(key, alter=False):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
    data = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    der = data.public_bytes(Encoding.DER)
    return der[:-1] + bytes([der[-1] ^ 1]) if alter else der


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(b"nonsense", "not a certificate request", id="nonsense"),
        pytest.param(b"", "not a certificate request", id="empty"),
        pytest.param(b"-----BEGIN CERTIFICATE REQUEST-----\n", "not a certificate request", id="half-a-pem"),
        pytest.param(signed(rsa.generate_private_key(65537, 2048)), "P-256", id="rsa"),
        pytest.param(signed(ec.generate_private_key(ec.SECP384R1())), "P-256", id="another-curve"),
        pytest.param(
            signed(ec.generate_private_key(ec.SECP256R1()), alter=True), "own key|not a cert", id="forged"
        ),
    ],
)
def test_a_bad_request_is_refused(data, why):
    with pytest.raises(PeerError, match=why):
        ca.read_request(data)


def test_a_wrong_issuing_key_is_one_clear_line(pki):
    with pytest.raises(LocalFault, match="not an ECDSA key"):
        ca.Authority(ca.Pair(b"nonsense", pki[0].certificate), pki[0].certificate)


def test_private_keys_are_for_their_owner_alone(central):
    place = central.config.path.parent
    private = [path for path in place.rglob("*.pem") if b"PRIVATE KEY" in path.read_bytes()]
    assert {path.name for path in private} == {
        "root.key.pem", "issuing.key.pem", "server.key.pem", "coordinator.key.pem", "key.pem"
    }  # fmt: skip
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert stat.S_IMODE(central.config.state.stat().st_mode) == 0o700
    assert stat.S_IMODE((central.config.state / "aggregator.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("pinned", [True, False], ids=["our-root", "another-root"])
def test_a_client_that_pins_the_root_meets_nobody_else(pki, tmp_path, pinned):
    root, authority = pki
    other = ca.new_root(NOW)
    server, (invited, _) = authority.server(["127.0.0.1"], NOW), authority.invitation("amber", NOW)
    paths = {}
    for name, data in {
        "server": server.key + server.certificate,
        "client": invited.key + invited.certificate,
        "root": root.certificate,
        "pinned": root.certificate if pinned else other.certificate,
    }.items():
        paths[name] = tmp_path / f"{name}.pem"
        paths[name].write_bytes(data)
    listening = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=paths["root"])
    listening.verify_mode = ssl.CERT_REQUIRED
    listening.load_cert_chain(paths["server"])
    calling = ssl.create_default_context(cafile=paths["pinned"])
    calling.load_cert_chain(paths["client"])
    left, right = socket.socketpair()
    seen = []

    def answer():
        try:
            with listening.wrap_socket(left, server_side=True) as secured:
                seen.append(dict(secured.getpeercert()["subjectAltName"]))
                secured.recv(1)
        except OSError:
            left.close()

    thread = threading.Thread(target=answer)
    thread.start()
    if pinned:
        with calling.wrap_socket(right, server_hostname="127.0.0.1") as secured:
            secured.send(b"x")
        thread.join(10)
        assert seen == [{"URI": "spiffe://samentel/invitation/amber"}]
    else:
        with pytest.raises(ssl.SSLCertVerificationError):
            calling.wrap_socket(right, server_hostname="127.0.0.1")
        thread.join(10)
        assert seen == []


async def test_a_server_certificate_is_renewed_in_the_last_third_of_its_life(central):
    served = central.config.pki / "server.pem"
    first = served.read_bytes()
    for days, renewed in ((200, False), (250, True)):
        async with daemon.running(central.config, lambda days=days: datetime.now(UTC) + timedelta(days=days)):
            assert (served.read_bytes() != first) == renewed
    assert ca.certificate_until(served.read_bytes()) > ca.certificate_until(first)


async def test_the_end_of_the_issuing_certificate_is_told_and_stops_nobody(central, capfd):
    for left in (100, 10):
        late = ca.ISSUING_LIFE - timedelta(days=left)
        async with daemon.running(central.config, lambda late=late: datetime.now(UTC) + late):
            pass
    assert "the issuing certificate expires" in capfd.readouterr().err
