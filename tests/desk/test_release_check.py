import pytest

from desk import verify
from samentel.documents.envelope import Envelope, from_json, to_json
from samentel.documents.keys import SigningKey
from samentel.errors import DocumentError, PeerError


def test_an_untouched_release_holds(directory, coordinator):
    assert verify.release(directory, coordinator.public).release_id == "aanleiding-demo-2025-1"


@pytest.mark.parametrize("name", ["tables.csv", "tables.parquet", "manifest.json"])
def test_a_changed_byte_is_named_with_its_file(directory, coordinator, name):
    whole = (directory / name).read_bytes()
    for position in {0, len(whole) // 2, len(whole) - 1}:
        changed = bytearray(whole)
        changed[position] ^= 1
        (directory / name).write_bytes(changed)
        with pytest.raises(DocumentError) as caught:
            verify.release(directory, coordinator.public)
        assert [problem.partition(":")[0] for problem in caught.value.problems] == [name]


def test_a_changed_manifest_is_not_the_coordinators(directory, coordinator):
    envelope = from_json((directory / "manifest.dsse.json").read_bytes())
    payload = envelope.payload.replace(b'"attempt":1', b'"attempt":2')
    assert payload != envelope.payload
    changed = Envelope(payload, envelope.payload_type, envelope.signatures)
    (directory / "manifest.dsse.json").write_bytes(to_json(changed))
    with pytest.raises(PeerError, match="0 of the 1"):
        verify.release(directory, coordinator.public)


def test_another_coordinators_release_does_not_pass(directory):
    with pytest.raises(PeerError):
        verify.release(directory, SigningKey(b"\2" * 32).public)


def test_missing_and_added_files_are_all_reported_at_once(directory, coordinator):
    (directory / "tables.parquet").unlink()
    (directory / "extra.csv").write_text("made up")
    with pytest.raises(DocumentError) as caught:
        verify.release(directory, coordinator.public)
    assert {problem.partition(":")[0] for problem in caught.value.problems} == {"tables.parquet", "extra.csv"}
