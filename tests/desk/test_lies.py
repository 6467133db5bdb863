"""A coordinator tells one lie, writes the texts to fit it and signs it well: each lie is found and named."""

import json
import os
import shutil

import pytest

from desk.releases import countersign, verify
from desk.releases.examine import examine
from samentel.documents.codelists import Text
from samentel.documents.envelope import Envelope, from_json, seal, to_json
from samentel.documents.model import from_json as parsed
from samentel.documents.model import to_bytes
from samentel.errors import DocumentError, LocalFault
from samentel.figures import release
from samentel.figures.manifest import Correction, EarlierYear, File, Manifest
from samentel.ids import Period, digest

OTHER = Text(nl="Anders.", en="Other.")


class Liar:
    """A good release of a secure sum, and what its coordinator can make of it."""

    def __init__(self, summed, place):
        self.summed, self.place = summed, place
        self.manifest = parsed(Manifest, (place / "manifest.json").read_bytes(), "manifest")

    def tell(self, change, **files):
        """Publish with parts of the manifest changed, texts made to fit, and files put in place or gone."""
        said = self.manifest.model_copy(update=change(self.manifest))
        texts = release.texts(said, self.summed.programme)
        contents = {one.name: (self.place / one.name).read_bytes() for one in said.files} | texts | files
        rows = {one.name: one.rows for one in said.files}
        named = []
        for name, data in contents.items():
            if data is None:
                (self.place / name).unlink()
                continue
            (self.place / name).write_bytes(data)
            number = verify.rows_of(data) if name.endswith(".csv") else rows.get(name)
            named.append(File(name=name, bytes=len(data), sha256=digest(data), rows=number))
        self.sign(said.model_copy(update={"files": tuple(named)}))

    def sign(self, said):
        envelope = seal(verify.payload_type("release"), to_bytes(said), self.summed.coordinator)
        (self.place / "manifest.json").write_bytes(envelope.payload)
        (self.place / "manifest.dsse.json").write_bytes(to_json(envelope))

    def found(self):
        with pytest.raises(DocumentError) as caught:
            examine(self.place, self.summed.against())
        return caught.value.problems


@pytest.fixture(scope="module")
def good():
    """The files of the good release, once it was made."""
    return {}


@pytest.fixture
def liar(summed, good):
    if not good:
        good.update({path.name: path.read_bytes() for path in summed.publish("good").iterdir()})
    place = summed.place / "release"
    place.mkdir()
    for name, data in good.items():
        (place / name).write_bytes(data)
    return Liar(summed, place)


def part(name, **changes):
    """A change of one part of the manifest."""
    return lambda it: {name: getattr(it, name).model_copy(update=changes)}


def whole(**changes):
    return lambda it: changes


def another_year(it):
    return {"year_loss": it.year_loss.model_copy(update={"year": 2024})}


def cheaper(it):
    own = it.year_loss.releases[0].model_copy(update={"rho": it.privacy.rho_spent / 2})
    loss = it.year_loss.model_copy(update={"releases": (own,), "rho": own.rho})
    return {"year_loss": loss}


def other_roles(it):
    libraries = tuple(one.model_copy(update={"role": OTHER}) for one in it.safeguards.libraries)
    return {"safeguards": it.safeguards.model_copy(update={"libraries": libraries})}


def more_dealt(it):
    """One more dropped out than it says, with the privacy of that."""
    return {"coverage": it.coverage.model_copy(update={"dealt": 3})}


YEAR = EarlierYear(period=Period(2023), release_id="aanleiding-demo-2023-1", in_sum=("a", "b", "c"))
BEFORE = {"release_id": "aanleiding-demo-2024-1", "reason": OTHER}

LIES = {
    "how many dealt": (more_dealt, "coverage.dealt: is not how many dealt, by what each"),
    "nobody dealt": (part("coverage", dealt=0), "coverage.dealt: cannot be"),
    "dealt unsaid": (part("coverage", dealt=None), "coverage.dealt: cannot be"),
    "a hidden drop-out": (part("coverage", present=("a", "b", "c"), dropped=()), "coverage.dealt: cannot be"),
    "not all invited": (part("coverage", invited=("a", "b", "c")), "coverage.invited: a secure sum asks"),
    "nobody invited": (part("coverage", invited=()), "coverage.invited"),
    "one twice": (part("coverage", dropped=("d", "d")), "coverage.dropped: names an institution twice"),
    "same person": (part("coverage", same_person=OTHER), "coverage: is not what follows"),
    "missing reason": (part("coverage", missing=OTHER), "coverage: is not what follows"),
    "confidence": (whole(confidence=0.99), "confidence: is not what follows"),
    "trust": (part("safeguards", trust=OTHER), "safeguards.trust: is not what follows"),
    "randomness": (part("safeguards", randomness=OTHER), "safeguards.randomness"),
    "hazards": (part("safeguards", hazards=()), "safeguards.hazards"),
    "roles": (other_roles, "safeguards.libraries"),
    "an approval": (part("safeguards", approved_by=("5" * 64,)), "approved_by: names a key that has not"),
    "no approval": (part("safeguards", approved_by=()), "approved_by: leaves out a key"),
    "cap": (part("year_loss", house_cap=2), "year_loss.house_cap"),
    "composition": (part("year_loss", composition=OTHER), "year_loss.composition"),
    "year": (another_year, "year_loss.year"),
    "own cost": (cheaper, "year_loss.releases: does not name this release once"),
    "transcript's digest": (part("provenance", transcript="5" * 64), "transcript.json: "),
    "transcript unnamed": (part("provenance", transcript=None), "transcript.json: the manifest does not"),
    "public figures": (part("provenance", public="5" * 64), "public.dsse.json: is missing"),
    "rebuilding": (part("provenance", rebuilding=OTHER), "provenance.rebuilding"),
    "name": (whole(release_id="aanleiding-demo-2025-2"), "release_id: is not the release that measured"),
    "other name": (whole(release_id="iets-anders"), "release_id: is not named after its programme"),
    "no correction": (whole(corrects=Correction(**BEFORE)), "corrects: is not the release"),
    "itself": (whole(supersedes="aanleiding-demo-2025-1"), "supersedes: names this release itself"),
    "a gap": (whole(earlier=(YEAR,)), "earlier: are not the years just before"),
    "software": (whole(software="samentel 9"), "software: is not what follows"),
    "no shared noise": (part("privacy", shared_noise=None), "privacy.shared_noise"),
    "tables": (whole(tables=()), "tables is not what follows"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_in_the_manifest_is_named(liar, lie):
    change, sentence = LIES[lie]
    try:
        liar.tell(change)
    except (
        KeyError,
        ValueError,
        AttributeError,
        TypeError,
        IndexError,
    ):  # no text can be made of it: sign it as it is
        liar.sign(liar.manifest.model_copy(update=change(liar.manifest)))
    found = liar.found()
    assert any(sentence in problem for problem in found), found


# What is compared as it stands, and what nobody but the coordinator can know.
ALIKE = {
    "programme_id": "x",
    "programme_version": 99,
    "title": OTHER,
    "purpose": OTHER,
    "contact": "x",
    "licence": "x",
    "next_release": "2031-01-01",
    "populations": (),
    "reason": OTHER,
    "interval": OTHER,
    "reading": OTHER,
    "revisions": OTHER,
}
ELSEWHERE = {"accuracy", "tables", "code_lists", "programme", "period", "round", "attempt", "roster", "files"}
WORD = {"published_at", "errata", "kind", "version"}


def test_every_part_of_a_manifest_is_compared_or_known_to_be_the_coordinators_word(liar):
    liar.sign(liar.manifest.model_copy(update=ALIKE))
    found = "\n".join(liar.found())
    assert not [name for name in ALIKE if f"manifest.json: {name} is not what follows" not in found]
    told = {name for change, _ in LIES.values() for name in change(liar.manifest)}
    assert told | ALIKE.keys() | ELSEWHERE | WORD == set(Manifest.model_fields)


STRANGERS = {
    "eu.csv": "does not belong here: the sums give no such file",
    "trends.csv": "does not belong here: the sums give no such file",
    "summary.html": "is no file of a release",
    "public.dsse.json": "the manifest does not name it under provenance",
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_file_that_no_release_has_is_wrong_though_it_is_signed(liar, name):
    liar.tell(whole(), **{name: b"a,b\n1,2\n"})
    assert f"{name}: {STRANGERS[name]}" in liar.found()


@pytest.mark.parametrize("name", ["measured.csv", "programme.dsse.json", "transcript.json", "exact.csv"])
def test_what_everything_rests_on_is_not_left_out(liar, tmp_path, name):
    liar.tell(whole(), **{name: None})
    assert any(problem.startswith(f"{name}: is missing") for problem in liar.found())
    with pytest.raises(DocumentError):
        countersign.countersign(
            liar.place, liar.summed.against(), liar.summed.authority[0], tmp_path / "send"
        )
    assert not (tmp_path / "send").exists()


def test_a_release_without_a_transcript_is_not_countersigned(directory, summed, tmp_path):
    for path in directory.iterdir():
        path.chmod(0o644)
    assert examine(directory, summed.against())
    with pytest.raises(DocumentError, match=r"transcript\.json: is not there"):
        countersign.countersign(directory, summed.against(), summed.authority[0], tmp_path / "send")
    assert not (tmp_path / "send").exists()


EXACT = {
    "a stage again": b"participation,in-sum,,x,y,12,institutions,2025,z,z\n",
    "a figure": b"capacity,beds,COSM,x,y,12,places,2025,z,z\n",
}


@pytest.mark.parametrize("row", EXACT)
def test_a_row_after_those_on_who_took_part_is_wrong(liar, row):
    whole_file = (liar.place / "exact.csv").read_bytes()
    liar.tell(whole(), **{"exact.csv": whole_file + EXACT[row]})
    assert any(problem.startswith("exact.csv: ") for problem in liar.found())


BROKEN = {
    "a field without end": b"a\n" + b"x" * 200_000,
    "no text": b"\xff\xfe\x00",
    "nothing": b"",
    "one heading": b"a,b\n",
    "longer rows": b"period,release_id\n1,2,3,4,5,6,7,8,9,10\n",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_cannot_be_read_is_named(liar, how):
    names = ("measured.csv", "tables.csv", "exact.csv", "transcript.json")
    liar.tell(whole(), **dict.fromkeys(names, BROKEN[how]))
    found = {problem.partition(":")[0] for problem in liar.found()}
    tables = {name for name in names if verify.rows_of(BROKEN[how]) is None and name.endswith(".csv")}
    assert found >= (tables or set(names) - {"tables.csv"})


@pytest.mark.parametrize("number", ["5e-324", "1e308", "nan"])
def test_noise_with_which_nothing_can_be_worked_out_is_named(liar, number):
    lines = (liar.place / "measured.csv").read_text().splitlines(keepends=True)
    for at, line in enumerate(lines[1:], 1):
        cells = line.split(",")
        lines[at] = ",".join([*cells[:6], number, *cells[7:]])
    liar.tell(whole(), **{"measured.csv": "".join(lines).encode()})
    assert any(problem.startswith("measured.csv: ") for problem in liar.found())


def test_a_second_signature_in_the_name_of_one_key_is_wrong(liar):
    signed = from_json((liar.place / "manifest.dsse.json").read_bytes())
    (own,) = signed.signatures
    forged = Envelope(signed.payload, signed.payload_type, (own, type(own)(own.key_id, bytes(64))))
    (liar.place / "manifest.dsse.json").write_bytes(to_json(forged))
    assert any("2 signatures in the name of" in problem for problem in liar.found())


def lying_there(kind, path):
    """Something else than a file under that name."""
    path.unlink()
    {"a directory": path.mkdir, "a pipe": lambda: os.mkfifo(path), "a link": lambda: path.symlink_to("x")}[
        kind
    ]()


@pytest.mark.parametrize("kind", ["a directory", "a pipe", "a link"])
def test_only_regular_files_are_read(liar, kind):
    shutil.copy(liar.place / "tables.csv", liar.place / "x")
    lying_there(kind, liar.place / "tables.csv")
    assert "tables.csv: is no regular file and is not read; fetch the release again" in liar.found()
    assert any(problem.startswith("x: is not in the manifest") for problem in liar.found())
    lying_there(kind, liar.place / "manifest.dsse.json")
    with pytest.raises(LocalFault, match="is no regular file"):
        examine(liar.place, liar.summed.against())


def test_what_else_lies_in_the_directory_is_named_whatever_it_is(liar):
    os.mkfifo(liar.place / "pipe")
    (liar.place / "link").symlink_to("nowhere")
    (liar.place / "linked").symlink_to(liar.place.parent)
    assert {problem.partition(":")[0] for problem in liar.found()} == {"pipe", "link", "linked"}


def test_a_folder_is_no_part_of_a_release_and_is_said_so(liar):
    """Whoever fetched one may keep other things beside it."""
    for name in ("report", "year-before"):
        (liar.place / name).mkdir()
        (liar.place / name / "tables.csv").write_text("forged")
    left = [one.en for one in examine(liar.place, liar.summed.against()).left]
    assert "year-before: a folder is no part of the release; nobody vouches for what lies in it" in left
    assert not [said for said in left if "report" in said]


def test_a_file_of_another_size_is_not_read(liar):
    with (liar.place / "tables.parquet").open("r+b") as file:
        file.truncate(1 << 40)  # a hole: takes no place, and would take all memory
    assert liar.found()[0].startswith(f"tables.parquet: has {1 << 40} bytes")


def test_what_only_the_coordinator_knows_is_named_as_such(liar):
    left = "\n".join(one.en for one in examine(liar.place, liar.summed.against()).left)
    for words in ("coverage.present", "safeguards.libraries", "never published", "when this was published"):
        assert words in left
    assert json.loads((liar.place / "manifest.json").read_bytes())["corrects"] is None
