"""A countersignature is put under a release in which nothing is wrong, and reaches every reader."""

import pytest

from desk import cli, keys
from desk.releases import countersign
from desk.releases.examine import examine
from samentel.documents.envelope import from_json, to_json
from samentel.documents.keys import SigningKey
from samentel.errors import DocumentError


def test_a_countersignature_is_counted_and_named_and_changes_nothing_else(summed, tmp_path):
    place, out = summed.publish(), tmp_path / "send"
    before = from_json((place / "manifest.dsse.json").read_bytes())
    done = countersign.countersign(place, summed.against(), summed.authority[0], out)
    assert (done.signatures, done.examined.countersigned) == (2, ())
    after = from_json(out.read_bytes())
    assert (after.payload, after.signatures[:1]) == (before.payload, before.signatures)
    assert (place / "manifest.dsse.json").read_bytes() == out.read_bytes()
    found = examine(place, summed.against())
    assert found.countersigned == ("cbs",)
    assert any(held.startswith("1 countersignature(s)") and held.endswith("cbs") for held in found.held)
    again = countersign.countersign(place, summed.against(), summed.authority[0], out)
    assert (again.signatures, to_json(after)) == (2, out.read_bytes())
    countersign.countersign(place, summed.against(), summed.authority[1], out)
    assert examine(place, summed.against()).countersigned == ("cbs", "rapporteur")


def test_nobody_signs_a_release_in_which_something_is_wrong(summed, tmp_path):
    place, out = summed.publish(), tmp_path / "send"
    (place / "tables.csv").write_bytes(b"made up")
    before = (place / "manifest.dsse.json").read_bytes()
    with pytest.raises(DocumentError, match=r"tables\.csv"):
        countersign.countersign(place, summed.against(), summed.authority[0], out)
    assert not out.exists()
    assert (place / "manifest.dsse.json").read_bytes() == before


def test_a_countersignature_of_a_stranger_is_not_counted(summed, tmp_path):
    place = summed.publish()
    countersign.countersign(place, summed.against(), SigningKey(b"\x33" * 32), tmp_path / "send")
    found = examine(place, summed.against())
    assert found.countersigned == ()
    stranger = SigningKey(b"\x33" * 32).public.key_id[:12]
    assert any(stranger in left and "--authority" in left for left in found.left)


@pytest.mark.filterwarnings("ignore:Cyclopts application invoked")  # its own arguments come from sys.argv
def test_the_command_examines_signs_and_says_where_to_send_it(summed, called, tmp_path):
    made = keys.new("cbs", tmp_path)
    place = summed.publish()
    words = ("--coordinator", summed.coordinator.public.raw.hex(), "--key", made.private)
    done = called(cli.main, "samentel", "countersign", place, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 signature(s) under the manifest now" in done.stdout
    file = tmp_path / "aanleiding-demo-2025-1.countersigned.dsse.json"
    assert file.name in done.stdout
    assert file.read_bytes() == (place / "manifest.dsse.json").read_bytes()
