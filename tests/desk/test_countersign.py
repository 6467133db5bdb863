"""A countersignature is put under a release in which nothing wrong was found, and reaches every reader."""

import pytest

from desk import cli
from desk.releases import countersign
from desk.releases.case import Against
from desk.releases.examine import examine
from samentel.documents import envelope as dsse
from samentel.documents.envelope import from_json, to_json
from samentel.documents.keys import SigningKey
from samentel.errors import DocumentError, LocalFault


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
    assert "1 countersignature(s) under the same manifest: cbs" in [held.en for held in found.held]
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


def test_a_countersignature_of_a_stranger_is_not_counted(summed):
    place, key = summed.publish(), SigningKey(b"\x33" * 32)
    signed = place / "manifest.dsse.json"
    signed.write_bytes(to_json(dsse.countersign(from_json(signed.read_bytes()), key)))
    found = examine(place, summed.against())
    assert found.countersigned == ()
    stranger = key.public.key_id[:12]
    assert any(stranger in left.en and "--authority" in left.en for left in found.left)


def test_only_a_key_of_the_authority_that_was_given_countersigns(summed, tmp_path):
    place, out = summed.publish(), tmp_path / "send"
    before = (place / "manifest.dsse.json").read_bytes()
    alone, both = Against(summed.coordinator.public), summed.against()
    refused = [
        (both, SigningKey(b"\x33" * 32), "is not among the authority's keys"),
        (both, summed.coordinator, "is the coordinator's own key"),
        (
            Against(summed.coordinator.public, {"c": summed.coordinator.public}, 1),
            summed.coordinator,
            "own key",
        ),
        (alone, summed.authority[0], "--authority or --credentials"),
    ]
    for against, key, why in refused:
        with pytest.raises(LocalFault, match=why):
            countersign.countersign(place, against, key, out)
    assert not out.exists()
    assert (place / "manifest.dsse.json").read_bytes() == before


@pytest.mark.filterwarnings("ignore:Cyclopts application invoked")  # its own arguments come from sys.argv
def test_the_command_examines_signs_and_says_where_to_send_it(summed, called, tmp_path):
    place, (first, second) = summed.publish(), summed.authority
    (tmp_path / "cbs.key.pem").write_bytes(first.to_pem())
    for name, key in (("cbs", first), ("rapporteur", second)):
        (tmp_path / f"{name}.pub.pem").write_bytes(key.public.to_pem())
    words = ["--coordinator", summed.coordinator.public.raw.hex(), "--key", "cbs.key.pem", "--lang", "en"]
    done = called(cli.main, "samentel", "countersign", place, *words, cwd=tmp_path)
    assert done.returncode == 1
    assert "give the authority's keys with --authority or --credentials" in done.stderr
    words += ["--authority", "cbs.pub.pem", "--authority", "rapporteur.pub.pem"]
    done = called(cli.main, "samentel", "countersign", place, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 signature(s) under the manifest now" in done.stdout
    file = tmp_path / "aanleiding-demo-2025-1.countersigned.dsse.json"
    assert file.name in done.stdout
    assert file.read_bytes() == (place / "manifest.dsse.json").read_bytes()
