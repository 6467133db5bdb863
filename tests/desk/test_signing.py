import json
import stat
from datetime import UTC, datetime

import pytest

from desk import keys, public_figures, signing
from desk.packaged import packaged
from desk.releases import verify
from samentel.documents import public
from samentel.documents.envelope import Envelope, from_json, to_json
from samentel.documents.model import to_bytes
from samentel.documents.roster import Institution, Roster
from samentel.errors import DocumentError, LocalFault, PeerError


@pytest.fixture
def desk(tmp_path):
    """Two signers and a programme file."""
    made = [keys.new(name, tmp_path) for name in ("statistiek", "rapporteur")]
    (tmp_path / "programme.toml").write_bytes(packaged("aanleiding-demo"))
    return tmp_path, [keys.read_signing(one.private) for one in made], [one.public for one in made]


def test_a_private_key_is_its_owners_alone_and_never_overwritten(tmp_path):
    made = keys.new("rapporteur", tmp_path)
    before = made.private.read_bytes()
    assert stat.S_IMODE(made.private.stat().st_mode) == 0o600
    with pytest.raises(LocalFault, match="there already"):
        keys.new("rapporteur", tmp_path)
    assert made.private.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rapporteur.key.pem", "rapporteur.pub.pem"]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a\nb"])
def test_a_key_name_is_a_file_name(tmp_path, name):
    with pytest.raises(LocalFault):
        keys.new(name, tmp_path / "keys")


def test_two_people_sign_one_after_the_other_and_both_are_needed(desk):
    place, (first, second), public = desk
    signed = signing.sign(place / "programme.toml", [first])
    assert signed.path == place / "programme.toml.dsse.json"
    with pytest.raises(PeerError, match="1 of the 2"):
        verify.document(signed.path, keys.read_verify(public), 2)
    signing.sign(signed.path, [second])
    found = verify.document(signed.path, keys.read_verify(public), 2)
    assert found.digest == signing.read_programme("aanleiding-demo").digest


def test_signing_twice_with_one_key_counts_once(desk):
    place, (first, _), public = desk
    signing.sign(place / "programme.toml", [first, first])
    again = signing.sign(place / "programme.toml.dsse.json", [first])
    assert len(again.envelope.signatures) == 1
    with pytest.raises(PeerError):
        verify.document(again.path, keys.read_verify([public[0], public[0]]), 2)


def test_every_changed_byte_of_the_payload_breaks_the_signature(desk):
    place, signers, public = desk
    envelope = signing.sign(place / "programme.toml", signers).envelope
    for position in range(0, len(envelope.payload), 97):
        payload = bytearray(envelope.payload)
        payload[position] ^= 1
        changed = Envelope(bytes(payload), envelope.payload_type, envelope.signatures)
        (place / "changed.dsse.json").write_bytes(to_json(changed))
        with pytest.raises(PeerError, match="0 of the 1"):
            verify.document(place / "changed.dsse.json", keys.read_verify(public), 1)


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        pytest.param("p.toml", b'rho = "1/2"', b"rho = 0.5", "exact number", id="float-rho"),
        pytest.param("p.toml", b'rho_share = "3/5"', b'rho_share = "4/5"', "more than 1", id="too-much-rho"),
        pytest.param("p.toml", b'unknown = "NREC"', b'unknown = "NONE"', "NONE is not one", id="no-unknown"),
        pytest.param("p.toml", b'"individual"', b'"both"', "mode", id="no-such-mode"),
        pytest.param("p.toml", b"absent_max = 1", b"absent_max = 2", "at least 2", id="one-alone"),
        pytest.param("p.txt", b"", b"", "ends in .toml", id="other-ending"),
    ],
)
def test_nobody_signs_a_programme_that_does_not_hold(desk, name, old, new, why):
    place, signers, _ = desk
    (place / name).write_bytes(packaged("aanleiding-demo").replace(old, new))
    with pytest.raises(DocumentError, match=why):
        signing.sign(place / name, signers)
    assert not (place / f"{name}.dsse.json").exists()


def test_a_roster_is_signed_over_its_exact_bytes_and_shows_each_key(desk):
    place, signers, public = desk
    institution = Institution(
        node="a",
        name="De Haven",
        operator="A",
        type="VO_MO",
        province="PV27",
        facilities=("OMM", "VO_MO"),
        protocol_key="ab" * 32,
    )
    drafted = Roster(
        version=1,
        issued_at=datetime(2026, 1, 1, tzinfo=UTC),
        coordinator_key="cd" * 32,
        institutions=(institution,),
    )
    (place / "roster.json").write_bytes(to_bytes(drafted))
    signed = signing.sign(place / "roster.json", signers)
    assert from_json(signed.path.read_bytes()).payload == to_bytes(drafted)
    assert verify.document(signed.path, keys.read_verify(public), 2).version == 1
    (line,) = [line for line in signing.described(signed.document) if "De Haven" in line]
    assert "(VO_MO, PV27, OMM, VO_MO)" in line
    assert "protocol key" in line


def test_public_figures_are_signed_as_what_they_are(desk):
    place, signers, public_keys = desk
    (place / "public.toml").write_bytes(public_figures.packaged())
    signed = signing.sign(place / "public.toml", signers)
    assert signed.envelope.payload_type == public.PAYLOAD_TYPE
    assert signed.envelope.payload == public_figures.packaged()
    found = verify.document(signed.path, keys.read_verify(public_keys), 2)
    assert found.version == 1
    first, second, third = signing.described(found)
    assert first.startswith("public figures hulp, version 1: Public figures on shelter")
    assert second == f"{len(found.entries)} figures, each with its source"
    assert third == f"digest {found.digest}"
    with pytest.raises(DocumentError, match="is not a programme"):
        signing.read_programme(str(signed.path))


def test_public_figures_that_do_not_hold_are_not_signed(desk):
    place, signers, _ = desk
    (place / "public.toml").write_bytes(
        public_figures.packaged().replace(b'codes = ["GM0772"]', b"codes = []")
    )
    with pytest.raises(DocumentError, match="the one code that CBS gives"):
        signing.sign(place / "public.toml", signers)
    assert not (place / "public.toml.dsse.json").exists()


def test_an_envelope_of_something_else_is_not_signed(desk):
    place, signers, _ = desk
    envelope = {"payload": "aGk=", "payloadType": "text/plain", "signatures": []}
    (place / "x.dsse.json").write_text(json.dumps(envelope))
    with pytest.raises(DocumentError, match="neither a programme nor a roster"):
        signing.sign(place / "x.dsse.json", signers)


def test_a_public_key_does_not_sign_and_the_file_is_named(desk):
    _, _, public = desk
    with pytest.raises(LocalFault, match=r"statistiek\.pub\.pem"):
        keys.read_signing(public[0])


def test_a_request_keeps_its_key_here(tmp_path):
    made = keys.request("CBS, team veiligheid", tmp_path / "reader")
    assert stat.S_IMODE(made.private.stat().st_mode) == 0o600
    assert b"PRIVATE" not in made.public.read_bytes()
    with pytest.raises(LocalFault, match="there already"):
        keys.request("CBS", tmp_path / "reader")
