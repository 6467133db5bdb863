"""A release is checked against everything that its maker cannot forge: bytes, figures, noise, who agreed."""

import base64
import sys

import pytest

from desk import cli
from desk.releases import verify
from desk.releases.case import Against
from desk.releases.examine import examine
from samentel.documents import envelope as dsse
from samentel.documents.envelope import Envelope, from_json, seal, to_json
from samentel.documents.keys import SigningKey
from samentel.documents.model import from_json as parsed
from samentel.documents.model import to_bytes
from samentel.documents.statements import state
from samentel.errors import DocumentError, PeerError
from samentel.figures.manifest import Manifest
from samentel.figures.sums import NationalSum
from samentel.ids import digest
from samentel.secagg import transcript as transcripts
from samentel.secagg.messages import Proposal, Survivor, sign


def problems(directory, against):
    with pytest.raises((DocumentError, PeerError)) as caught:
        examine(directory, against)
    return getattr(caught.value, "problems", [str(caught.value)])


def resigned(directory, key, change=lambda manifest: manifest, **files):
    """What a coordinator that lies would publish: other files and another manifest, all of it well signed."""
    for name, data in files.items():
        (directory / name).write_bytes(data)
    manifest = parsed(Manifest, (directory / "manifest.json").read_bytes(), "manifest")
    entries = []
    for entry in manifest.files:
        data = (directory / entry.name).read_bytes()
        entries.append(entry.model_copy(update={"bytes": len(data), "sha256": digest(data)}))
    payload = to_bytes(change(manifest.model_copy(update={"files": tuple(entries)})))
    (directory / "manifest.json").write_bytes(payload)
    (directory / "manifest.dsse.json").write_bytes(
        to_json(seal(verify.payload_type("release"), payload, key))
    )


def test_an_untouched_release_holds(directory, coordinator):
    assert verify.release(directory, coordinator.public).release_id == "aanleiding-demo-2025-1"
    found = examine(directory, Against(coordinator.public))
    assert any("tables.csv" in held and "byte for byte" in held for held in found.held)
    assert any("--authority" in left for left in found.left)


def test_everything_that_can_be_checked_of_a_secure_sum_is(summed, signed_roster, tmp_path):
    (tmp_path / "roster.dsse.json").write_bytes(to_json(signed_roster))
    (tmp_path / "receipt.json").write_bytes(summed.receipt(1))
    place = summed.publish()
    against = summed.against(roster=tmp_path / "roster.dsse.json", receipt=tmp_path / "receipt.json")
    found = examine(place, against)
    said = "\n".join(found.held)
    assert "each of the 3 institutions in the sum has signed" in said
    assert "the counts that the coordinator took from b are in this sum" in said
    assert "who took part, by exact.csv: counted again on the roster" in said
    assert "the noise in measured.csv is what the programme asks for" in said
    assert "the programme authority's signatures under programme.dsse.json" in said
    for name in ("measured.csv", "tables.csv", "manifest.schema.json"):
        assert any(name in held and "byte for byte" in held for held in found.held)
    assert not any(word in left for left in found.left for word in ("--roster", "--receipt", "--authority"))
    unchecked = "\n".join(found.left)
    assert "tables.parquet: by its digest only" in unchecked
    assert "cells that are never published" in unchecked


def test_one_flipped_byte_anywhere_is_named_with_its_file(summed):
    place = summed.publish()
    for path in sorted(place.iterdir()):
        whole = path.read_bytes()
        for position in {0, len(whole) // 3, len(whole) // 2, len(whole) - 2, len(whole) - 1}:
            for bit in (1, 32):
                changed = bytearray(whole)
                changed[position] ^= bit
                path.write_bytes(changed)
                found = problems(place, summed.against())
                assert {problem.partition(":")[0] for problem in found} == {path.name}, (position, bit)
        path.write_bytes(whole)
    assert examine(place, summed.against())


def test_every_byte_of_the_signatures_counts(summed, authority):
    """Base64 and JSON can be written in more ways than one; only the one way passes."""
    place = summed.publish()
    signed = place / "manifest.dsse.json"
    envelope = dsse.countersign(from_json(signed.read_bytes()), authority[0])
    whole = to_json(envelope)
    start = whole.index(b'"payloadType"')
    for position in range(start, len(whole), 7):
        changed = bytearray(whole)
        changed[position] ^= 1
        signed.write_bytes(changed)
        assert problems(place, summed.against())[0].startswith("manifest.dsse.json: ")
    signed.write_bytes(whole + b" ")
    assert list(problems(place, summed.against())) == [
        "manifest.dsse.json: is written in another way than it is signed; fetch it again"
    ]


def test_a_changed_manifest_is_not_the_coordinators_and_it_says_whose_key_was_asked(directory, coordinator):
    envelope = from_json((directory / "manifest.dsse.json").read_bytes())
    payload = envelope.payload.replace(b'"attempt":1', b'"attempt":2')
    assert payload != envelope.payload
    changed = Envelope(payload, envelope.payload_type, envelope.signatures)
    (directory / "manifest.dsse.json").write_bytes(to_json(changed))
    own = coordinator.public.key_id[:12]
    with pytest.raises(PeerError, match=f"0 of the 1.* of {own}.* name of {own}.*changed"):
        verify.release(directory, coordinator.public)


def test_another_coordinators_release_does_not_pass(directory, coordinator):
    other = SigningKey(b"\2" * 32).public
    with pytest.raises(PeerError, match=f"of {other.key_id[:12]}.*name of {coordinator.public.key_id[:12]}"):
        verify.release(directory, other)


def test_a_name_under_a_signature_cannot_write_on_the_terminal(directory, coordinator):
    envelope = from_json((directory / "manifest.dsse.json").read_bytes())
    forged = Envelope(envelope.payload, envelope.payload_type, (dsse.Signature("\x1b[2J\nall well", b"x"),))
    assert verify.names(forged) == "something that is no key"


def test_missing_and_added_files_are_all_reported_at_once(directory, coordinator):
    (directory / "tables.parquet").unlink()
    (directory / "extra.csv").write_text("made up")
    with pytest.raises(DocumentError) as caught:
        verify.release(directory, coordinator.public)
    assert {problem.partition(":")[0] for problem in caught.value.problems} == {"tables.parquet", "extra.csv"}


def test_a_number_of_rows_that_is_not_so_is_named(summed):
    place = summed.publish()

    def more(manifest):
        files = [
            entry.model_copy(update={"rows": entry.rows + 1}) if entry.name == "tables.csv" else entry
            for entry in manifest.files
        ]
        return manifest.model_copy(update={"files": tuple(files)})

    resigned(place, summed.coordinator, more)
    (found,) = problems(place, summed.against())
    assert found.startswith("tables.csv: has ")


def test_figures_that_do_not_follow_from_the_sums_are_named_though_they_are_signed(summed):
    place = summed.publish()
    lines = (place / "tables.csv").read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b",2", b",3", 1)
    resigned(place, summed.coordinator, **{"tables.csv": b"\n".join(lines)})
    (found,) = problems(place, summed.against())
    assert found.startswith("tables.csv: line 4 is not what follows")


def test_noise_that_the_programme_did_not_ask_for_is_named(summed):
    honest = summed.material().national
    less = NationalSum(
        honest.survivors,
        honest.tables,
        honest.granularities,
        {name: variance / 2 for name, variance in honest.variances.items()},
    )
    found = problems(summed.publish(national=less), summed.against())
    assert any(problem.startswith("measured.csv: ") and "noise" in problem for problem in found)


MANIFESTS = {
    "privacy": lambda it: {"privacy": it.privacy.model_copy(update={"epsilon_upper": 0.1})},
    "purpose": lambda it: {"purpose": it.title},
    "accuracy": lambda it: {"accuracy": it.accuracy.model_copy(update={"joint_z": 1.0})},
    "tables": lambda it: {"tables": (it.tables[0].model_copy(update={"cell_sd": 0.1}), *it.tables[1:])},
    "year_loss": lambda it: {"year_loss": it.year_loss.model_copy(update={"rho": it.year_loss.rho / 2})},
    "attempt": lambda it: {"attempt": 2},
    "licence": lambda it: {"licence": "none"},
    "coverage": lambda it: {"coverage": it.coverage.model_copy(update={"dropped": ()})},
    "code_lists": lambda it: {"code_lists": it.code_lists[1:]},
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_what_a_manifest_says_of_itself_is_worked_out_again(summed, name):
    place = summed.publish()
    resigned(place, summed.coordinator, lambda it: it.model_copy(update=MANIFESTS[name](it)))
    found = problems(place, summed.against())
    where = "transcript.json" if name == "attempt" else "manifest.json"
    assert any(problem.startswith(f"{where}: ") for problem in found)


def written(messages):
    return tuple(base64.b64encode(one).decode() for one in messages)


def lies(summed):
    """Transcripts that a coordinator could make, and who or what each of them wrongs."""
    stranger, two = SigningKey(b"\x42" * 32), summed.survivors[:2]
    honest = [summed.agreement(at) for at in range(3)]
    larger = sign(
        Proposal(summed.terms.digest, b"\7" * 32, (*two, Survivor(3, bytes(32)))), summed.coordinator
    )
    forged = [*honest[:2], summed.agreement(2, signer=stranger)]
    elsewhere = [summed.agreement(0, larger), *honest[1:]]
    twice = [honest[0], honest[0], honest[2]]
    return {
        "a signature of nobody": (written(forged), "c (the signature"),
        "an agreement to another set": (written(elsewhere), "a (it agrees to another set)"),
        "one who agreed for another": (written(twice), "b (the signature"),
        "one too few": (written(honest[:2]), "2 agreements of the 3"),
    }


@pytest.mark.parametrize(
    "lie",
    ["a signature of nobody", "an agreement to another set", "one who agreed for another", "one too few"],
)
def test_who_has_not_agreed_is_named(summed, signed_roster, tmp_path, lie):
    (tmp_path / "roster.dsse.json").write_bytes(to_json(signed_roster))
    agreements, said = lies(summed)[lie]
    place = summed.publish(transcript=summed.transcript(agreements=agreements))
    found = problems(place, summed.against(roster=tmp_path / "roster.dsse.json"))
    assert any(problem.startswith("transcript.json: ") and said in problem for problem in found), found


def test_a_round_of_another_roster_or_with_other_deadlines_has_other_terms(summed, signed_roster, tmp_path):
    (tmp_path / "roster.dsse.json").write_bytes(to_json(signed_roster))
    later = summed.start.model_copy(update={"expires_at": summed.start.expires_at.replace(hour=23)})
    envelope = to_json(state(later, summed.coordinator)).decode()
    place = summed.publish(transcript=summed.transcript(start=envelope))
    found = problems(place, summed.against(roster=tmp_path / "roster.dsse.json"))
    assert list(found) == ["transcript.json: its terms are not those of this programme, roster and round"]


def test_counts_that_were_taken_and_are_not_in_the_sum_are_found_out(summed, tmp_path):
    place = summed.publish()
    for name, data in (
        ("other.json", summed.receipt(1, b"\x99" * 32)),
        ("absent.json", summed.receipt(3)),
    ):
        (tmp_path / name).write_bytes(data)
        (found,) = problems(place, summed.against(receipt=tmp_path / name))
        assert "that the coordinator took are not in this sum" in found
    other = transcripts.from_json(transcripts.Held, summed.receipt(1), "held")
    (tmp_path / "mixed.json").write_bytes(
        to_bytes(other.model_copy(update={"agreement": written([summed.agreement(0)])[0]}))
    )
    (found,) = problems(place, summed.against(receipt=tmp_path / "mixed.json"))
    assert "b agreed to another set" in found


def test_a_programme_or_roster_that_too_few_have_signed_is_named(summed, signed_roster, tmp_path):
    half = Envelope(signed_roster.payload, signed_roster.payload_type, signed_roster.signatures[:1])
    (tmp_path / "roster.dsse.json").write_bytes(to_json(half))
    one = Envelope(summed.signed.payload, summed.signed.payload_type, summed.signed.signatures[:1])
    place = summed.publish(signed=one)
    found = problems(place, summed.against(roster=tmp_path / "roster.dsse.json"))
    assert {problem.partition(":")[0] for problem in found} == {"programme.dsse.json", "roster.dsse.json"}
    assert all("1 of the 2" in problem for problem in found)


@pytest.mark.filterwarnings("ignore:Cyclopts application invoked")  # its own arguments come from sys.argv
def test_the_command_says_what_was_checked_and_what_was_not(summed, called, tmp_path, authority):
    place = summed.publish()
    for name, key in zip(("cbs", "rapporteur"), authority, strict=True):
        (tmp_path / f"{name}.pub.pem").write_bytes(key.public.to_pem())
    words = ["samentel", "verify", place, "--coordinator", summed.coordinator.public.raw.hex()]
    keys = ["--authority", tmp_path / "cbs.pub.pem", "--authority", tmp_path / "rapporteur.pub.pem"]
    done = called(cli.main, *words, *keys)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "release aanleiding-demo-2025-1: nothing is wrong with it"
    assert {line.split("  ")[1] for line in lines[1:]} == {"checked", "not checked"}
    (place / "tables.csv").write_bytes(b"made up")
    done = called(cli.main, *words, *keys)
    assert (done.returncode, done.stdout) == (1, "")
    assert "tables.csv: has 7 bytes" in done.stderr


def test_without_scipy_it_says_what_is_not_recomputed(summed, monkeypatch):
    place = summed.publish()
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    found = examine(place, summed.against())
    assert any("shown" in left and "samentel[aggregator]" in left for left in found.left)
    lines = (place / "tables.csv").read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b",2", b",3", 1)
    resigned(place, summed.coordinator, **{"tables.csv": b"\n".join(lines)})
    (wrong,) = problems(place, summed.against())
    assert wrong.startswith("tables.csv: line 4")
