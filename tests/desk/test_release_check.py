"""A release is checked against everything that its maker cannot forge: bytes, figures, noise, who agreed."""

import base64
import sys
from string import Formatter

import pytest

from desk import cli
from desk.releases import examine_words, verify
from desk.releases.case import Against
from desk.releases.examine import examine
from samentel.documents import envelope as dsse
from samentel.documents import public as publics
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


def english(sentences):
    return [one.en for one in sentences]


def resigned(directory, key, change=lambda manifest: manifest, **files):
    """What a coordinator that lies would publish: other files and another manifest, all of it well signed."""
    for name, data in files.items():
        (directory / name).write_bytes(data)
    manifest = parsed(Manifest, (directory / "manifest.json").read_bytes(), "manifest")
    entries = []
    for entry in manifest.files:
        data = (directory / entry.name).read_bytes()
        rows = verify.rows_of(data) if entry.name.endswith(".csv") else entry.rows
        entries.append(entry.model_copy(update={"bytes": len(data), "sha256": digest(data), "rows": rows}))
    payload = to_bytes(change(manifest.model_copy(update={"files": tuple(entries)})))
    (directory / "manifest.json").write_bytes(payload)
    (directory / "manifest.dsse.json").write_bytes(
        to_json(seal(verify.payload_type("release"), payload, key))
    )


def test_an_untouched_release_holds(directory, coordinator):
    assert verify.release(directory, coordinator.public).release_id == "aanleiding-demo-2025-1"
    found = examine(directory, Against(coordinator.public))
    assert any("tables.csv" in held and "byte for byte" in held for held in english(found.held))
    assert any("--authority" in left for left in english(found.left))


def test_everything_that_can_be_checked_of_a_secure_sum_is(summed, signed_roster, tmp_path):
    (tmp_path / "roster.dsse.json").write_bytes(to_json(signed_roster))
    (tmp_path / "receipt.json").write_bytes(summed.receipt(1))
    place = summed.publish()
    against = summed.against(roster=tmp_path / "roster.dsse.json", receipt=tmp_path / "receipt.json")
    found = examine(place, against)
    said = "\n".join(english(found.held))
    assert "each of the 3 institutions in the sum has signed" in said
    assert "the counts that the coordinator took from b are in this sum" in said
    assert "who took part, by exact.csv: counted again on the roster" in said
    assert "the noise in measured.csv is what the programme asks for" in said
    assert "the programme authority's signatures under programme.dsse.json" in said
    for name in ("measured.csv", "tables.csv", "manifest.schema.json"):
        assert any(name in held and "byte for byte" in held for held in english(found.held))
    unchecked = "\n".join(english(found.left))
    assert not any(word in unchecked for word in ("--roster", "--receipt", "--authority"))
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
    done = called(cli.main, *words, *keys, "--lang", "en")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "release aanleiding-demo-2025-1: nothing wrong was found"
    assert {line.split("  ")[1].strip() for line in lines[1:]} == {"checked", "not checked"}
    dutch = called(cli.main, *words, *keys, "--lang", "nl").stdout.splitlines()
    assert dutch[0] == "uitgave aanleiding-demo-2025-1: niets gevonden dat niet klopt"
    assert len(dutch) == len(lines)
    assert not {line[16:] for line in dutch} & {line[15:] for line in lines}, "said in one language only"
    (place / "tables.csv").write_bytes(b"made up")
    done = called(cli.main, *words, *keys, "--lang", "en")
    assert (done.returncode, done.stdout) == (1, "")
    assert "tables.csv: has 7 bytes" in done.stderr
    done = called(cli.main, *words, *keys, "--lang", "nl")
    assert (done.returncode, done.stdout) == (1, "")
    assert "uitgave aanleiding-demo-2025-1 klopt niet" in done.stderr
    assert "tables.csv: heeft 7 bytes" in done.stderr


def test_the_totals_of_exact_csv_are_those_of_the_manifest_without_any_roster(summed):
    place = summed.publish()
    rows = (place / "exact.csv").read_bytes().splitlines(keepends=True)
    (at,) = [at for at, row in enumerate(rows) if row.startswith(b"participation,in-sum,,")]
    assert b",3,institutions," in rows[at]
    told = rows[at].replace(b",3,institutions,", b",12,institutions,")
    resigned(place, summed.coordinator, **{"exact.csv": b"".join([*rows[:at], told, *rows[at + 1 :]])})
    assert list(problems(place, Against(summed.coordinator.public))) == [
        "exact.csv: the total in-sum is 12, the manifest says 3"
    ]
    part = rows[at + 1].replace(b",3,institutions,", b",2,institutions,")
    resigned(place, summed.coordinator, **{"exact.csv": b"".join([*rows[: at + 1], part, *rows[at + 2 :]])})
    assert list(problems(place, Against(summed.coordinator.public))) == [
        "exact.csv: the total in-sum is not the sum of its breakdown"
    ]


@pytest.mark.parametrize(
    ("old", "new"), [(b"In the sum", b"In any sum"), (b"VO_MO|PV27", b"VO_MO|PV28"), (b"source_en\n", b"x\n")]
)
def test_the_breakdown_and_words_of_exact_csv_are_checked_on_the_roster_or_named(
    summed, signed_roster, tmp_path, old, new
):
    (tmp_path / "roster.dsse.json").write_bytes(to_json(signed_roster))
    place = summed.publish()
    data = (place / "exact.csv").read_bytes()
    resigned(place, summed.coordinator, **{"exact.csv": data.replace(old, new)})
    found = problems(place, summed.against(roster=tmp_path / "roster.dsse.json"))
    assert found[0].startswith("exact.csv: ")
    if old.isupper() or b" " in old:
        left = english(examine(place, summed.against()).left)
        assert any(one.startswith("exact.csv: who took part by kind and province") for one in left)


def test_a_secure_sum_without_its_transcript_does_not_hold(summed):
    place = summed.publish()
    resigned(
        place,
        summed.coordinator,
        lambda it: it.model_copy(
            update={
                "files": tuple(one for one in it.files if one.name != "transcript.json"),
                "provenance": it.provenance.model_copy(update={"transcript": None}),
            }
        ),
    )
    (place / "transcript.json").unlink()
    found = problems(place, summed.against())
    assert "transcript.json: is missing; a secure sum has one" in found


def figures_of(keys, value=40):
    text = f"""kind = "public-figures"
id = "plaatsen"
version = 1
title = {{ nl = "Plaatsen", en = "Places" }}

[[entries]]
kind = "capacity"
subject = "places"
title = {{ nl = "Plaatsen", en = "Places" }}
codes = ["COSM"]
value = {value}
unit = "places"
year = 2025
source = {{ nl = "Bron", en = "Source" }}
"""
    return seal(publics.PAYLOAD_TYPE, text.encode(), *keys)


def test_public_figures_are_made_again_from_what_the_authority_signed(summed, authority):
    place = summed.publish(public=figures_of(authority))
    found = examine(place, summed.against())
    said = english(found.held)
    assert any(one.startswith("the public figures in exact.csv: made again") for one in said)
    assert "the programme authority's signatures under public.dsse.json" in said
    whole = (place / "exact.csv").read_bytes()
    line = whole.count(b"\n")
    resigned(place, summed.coordinator, **{"exact.csv": whole.replace(b",40,places,", b",41,places,")})
    assert list(problems(place, summed.against())) == [
        f"exact.csv: line {line} is not what follows from public.dsse.json"
    ]
    other = to_json(figures_of(authority, 41))
    resigned(place, summed.coordinator, **{"public.dsse.json": other})
    assert "public.dsse.json: is not the one that the manifest names" in problems(place, summed.against())


def test_public_figures_that_too_few_have_signed_or_that_come_from_nowhere_are_wrong(summed, authority):
    place = summed.publish("half", public=figures_of(authority[:1]))
    (found,) = problems(place, summed.against())
    assert found.startswith("public.dsse.json: 1 of the 2")
    place = summed.publish("release")
    row = b"capacity,places,COSM,Plaatsen,Places,40,places,2025,Bron,Source\n"
    resigned(place, summed.coordinator, **{"exact.csv": (place / "exact.csv").read_bytes() + row})
    assert (
        "exact.csv: has public figures, and the manifest names no document that they come from"
        in problems(place, summed.against())
    )


@pytest.mark.parametrize("own", [True, False], ids=["coordinator", "authority"])
def test_a_second_signature_in_one_name_is_looked_at(summed, authority, own):
    """A reader who takes the first of two, and one who takes the last, would see another signature."""
    place = summed.publish()
    envelope = dsse.countersign(from_json((place / "manifest.dsse.json").read_bytes()), authority[0])
    key_id = envelope.signatures[0 if own else 1].key_id
    second = (*envelope.signatures, dsse.Signature(key_id, b"x" * 64))
    forged = Envelope(envelope.payload, envelope.payload_type, second)
    (place / "manifest.dsse.json").write_bytes(to_json(forged))
    (found,) = problems(place, summed.against())
    assert found.startswith(f"manifest.dsse.json: 2 signatures in the name of {key_id[:12]}")


def test_a_coordinators_signature_under_another_name_is_no_countersignature(summed):
    place = summed.publish()
    envelope = from_json((place / "manifest.dsse.json").read_bytes())
    again = dsse.Signature("ab" * 32, envelope.signatures[0].signature)
    forged = Envelope(envelope.payload, envelope.payload_type, (*envelope.signatures, again))
    (place / "manifest.dsse.json").write_bytes(to_json(forged))
    (found,) = problems(place, Against(summed.coordinator.public))
    assert found.startswith("manifest.dsse.json: a countersignature in the name of abababababab is not that")


def test_every_sentence_has_the_same_facts_in_both_languages():
    tables = (examine_words.HELD, examine_words.LEFT, examine_words.NOT_SO)
    for name, one in (item for table in tables for item in table.items()):
        facts = [{part for _, part, _, _ in Formatter().parse(text)} for text in (one.nl, one.en)]
        assert facts[0] == facts[1], name


def test_without_scipy_it_says_what_is_not_recomputed(summed, monkeypatch):
    place = summed.publish()
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    found = examine(place, summed.against())
    assert any("shown" in left and "samentel[aggregator]" in left for left in english(found.left))
    lines = (place / "tables.csv").read_bytes().split(b"\n")
    lines[3] = lines[3].replace(b",2", b",3", 1)
    resigned(place, summed.coordinator, **{"tables.csv": b"\n".join(lines)})
    (wrong,) = problems(place, summed.against())
    assert wrong.startswith("tables.csv: line 4")
