import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from samentel.documents.keys import SigningKey, VerifyKey, fingerprint, signing_key, verify_key
from samentel.errors import LocalFault
from samentel.ids import digest

# RFC 8032, section 7.1, test 1: the empty message.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
SIGNATURE = bytes.fromhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe2"
    "4655141438e7a100b"
)


def test_signatures_are_those_of_rfc_8032() -> None:
    key = SigningKey(SEED)
    assert key.public.raw == PUBLIC
    assert key.sign(b"") == SIGNATURE
    assert key.public.verifies(SIGNATURE, b"")
    assert key.public.key_id == digest(PUBLIC)


@pytest.mark.parametrize("position", [0, 31, 32, 63])
def test_a_changed_signature_does_not_verify(position: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[position] ^= 1
    assert not VerifyKey(PUBLIC).verifies(bytes(changed), b"")


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65), SIGNATURE + b"\0"])
def test_something_that_is_no_signature_does_not_verify(signature: bytes) -> None:
    assert not VerifyKey(PUBLIC).verifies(signature, b"")


def test_another_message_or_key_does_not_verify() -> None:
    assert not VerifyKey(PUBLIC).verifies(SIGNATURE, b"x")
    assert not SigningKey(bytes(32)).public.verifies(SIGNATURE, b"")


def test_a_public_key_that_is_no_point_verifies_nothing() -> None:
    assert not VerifyKey(b"\x02" + bytes(30) + b"\xff").verifies(SIGNATURE, b"")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_public_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        VerifyKey(bytes(length))


def test_keys_read_back_from_pem() -> None:
    key = SigningKey(SEED)
    assert signing_key(key.to_pem()).sign(b"") == SIGNATURE
    assert verify_key(key.public.to_pem()) == key.public


def test_a_signing_key_never_shows_its_secret() -> None:
    key = SigningKey(SEED)
    for text in (repr(key), str(key), f"{key}"):
        assert SEED.hex() not in text
        assert text == f"SigningKey(<{key.public.key_id[:12]}>)"


def other_pems() -> list[bytes]:
    curve = ec.generate_private_key(ec.SECP256R1())
    locked = Ed25519PrivateKey.from_private_bytes(SEED).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")
    )
    return [
        b"",
        b"no pem at all",
        b"-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----\n",
        curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        locked,
    ]


@pytest.mark.parametrize("number", range(6))
def test_another_kind_of_pem_is_refused_in_one_line(number: int) -> None:
    pem = other_pems()[number]
    for read in (signing_key, verify_key):
        with pytest.raises(LocalFault, match=r"^this is not an Ed25519 (private|public) key in PEM form$"):
            read(pem)


def test_a_private_key_is_not_taken_for_a_public_one_or_the_reverse() -> None:
    key = SigningKey(SEED)
    with pytest.raises(LocalFault):
        verify_key(key.to_pem())
    with pytest.raises(LocalFault):
        signing_key(key.public.to_pem())


def test_a_fingerprint_is_six_groups_of_five_digits_over_parts_that_cannot_run_together() -> None:
    groups = fingerprint(b"ab", b"c").split(" ")
    assert [len(group) for group in groups] == [5] * 6
    assert all(group.isdigit() for group in groups)
    assert (
        len(
            {
                fingerprint(b"ab", b"c"),
                fingerprint(b"a", b"bc"),
                fingerprint(b"abc"),
                fingerprint(b"", b"abc"),
            }
        )
        == 4
    )
    assert fingerprint(b"ab", b"c") == fingerprint(b"ab", b"c")
