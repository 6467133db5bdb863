"""The release directory: figures as CSV and Parquet, texts, and a signed manifest that names every file.

Written beside its place, made durable, then renamed: a directory that is there
is complete and is never written again. Making a release twice from the same
sum gives the same bytes. The one owner of polars here.
"""

import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import polars as pl

from aggregator import files
from aggregator.conductor import Round
from samentel.counting.privacy import TableNoise
from samentel.documents import envelope as dsse
from samentel.documents import public
from samentel.documents.envelope import Envelope
from samentel.documents.keys import SigningKey, VerifyKey
from samentel.documents.model import from_json, to_bytes
from samentel.documents.programme import Mode, Programme
from samentel.documents.roster import Roster
from samentel.documents.statements import payload_type
from samentel.errors import LocalFault, SamentelError
from samentel.figures import exact, manifest_texts, release
from samentel.figures.edition import Edition, Value, Year, published
from samentel.figures.estimate import NationalTables
from samentel.figures.exact import Participation
from samentel.figures.manifest import (
    Correction,
    Coverage,
    EarlierYear,
    Erratum,
    File,
    Manifest,
    Provenance,
    Spending,
)
from samentel.figures.manifest_privacy import privacy_facts, safeguards, spending, year_loss
from samentel.figures.manifest_tables import (
    accuracy_facts,
    code_lists,
    population_facts,
    reason_facts,
    table_facts,
)
from samentel.figures.release import Sheet
from samentel.figures.sums import NationalSum
from samentel.ids import Digest, digest

MANIFEST, SIGNED = "manifest.json", "manifest.dsse.json"
PARQUET, EXACT = "tables.parquet", "exact.csv"
PROGRAMME, PUBLIC, TRANSCRIPT = "programme.dsse.json", "public.dsse.json", "transcript.json"
PAYLOAD_TYPE = payload_type("release")
_READ_ONLY = 0o444
_TEXTS = {"table", "periods", "dimensions", "codes", "label_nl", "label_en",
          "shown", "shown_lower", "shown_upper", "grade", "above_zero"}  # fmt: skip
_TYPES: Mapping[str, type[pl.DataType]] = dict.fromkeys(_TEXTS, pl.String) | {"cell": pl.Int64}


def installed() -> Mapping[str, str]:
    """The versions of the software that a release rests on, as far as it is installed here."""
    found = {}
    for name in manifest_texts.LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True, slots=True, repr=False)
class Material:
    """All that a release is made of.

    Attributes:
        signed: the programme as the authority signed it.
        roster: of the round.
        plan: what each institution in the sum has added: full noise, or the noise shares for ``dealers``.
        national: the sum, decoded.
        dealers: institutions that were there when noise shares were sized; in individual mode, in the sum.
        published_at: fixed when publishing began, so that a second making gives the same bytes.
        supersedes: the release whose place it takes; ``corrects`` too if that was of the same sum.
        errata: of earlier releases of the programme.
        earlier: the years just before that can be compared with this one, oldest first.
        spent: what earlier releases about the same reporting year cost.
        transcript: of the round; empty if there is none.
        public: the public figures in force, as the authority signed them; None if there are none.
        approved_by: ids of the authority's keys that have signed the programme.
        software: versions by name.
    """

    release_id: str
    round: Round
    programme: Programme
    signed: Envelope
    roster: Roster
    plan: Sequence[TableNoise]
    national: NationalSum
    dealers: int
    published_at: datetime
    supersedes: str | None = None
    corrects: Correction | None = None
    errata: Sequence[Erratum] = ()
    earlier: Sequence[Year] = ()
    spent: Sequence[Spending] = ()
    transcript: bytes = b""
    public: Envelope | None = None
    approved_by: Sequence[str] = ()
    software: Mapping[str, str] = field(default_factory=installed)

    @property
    def edition(self) -> Edition:
        """What its figures are made of."""
        # The release that first published the sums: a correction has them from there.
        first = self.round.release_id or self.release_id
        this = Year(self.round.opened.period, first, self.national)
        return Edition(self.programme, (*self.earlier, this))

    @property
    def rostered(self) -> int:
        """How many institutions were asked; with their number noise shares are sized."""
        return len(self.round.opened.invited)


def write(releases: Path, material: Material, key: SigningKey) -> Digest:
    """Make the release directory where it is not there yet; returns the digest of its manifest.

    Raises:
        LocalFault: the directory cannot be written, or holds something else.
    """
    place = releases / material.release_id
    if place.exists():
        return _check(releases, material, key.public)
    draft = releases / f".{material.release_id}.new"
    shutil.rmtree(draft, ignore_errors=True)
    files.folder(draft, 0o755)
    manifest, contents = _contents(material)
    envelope = dsse.seal(PAYLOAD_TYPE, to_bytes(manifest), key)
    for name, data in {**contents, MANIFEST: envelope.payload, SIGNED: dsse.to_json(envelope)}.items():
        files.write(draft / name, data, _READ_ONLY)
    try:
        draft.replace(place)
        files.sync(releases)
    except OSError as error:
        raise LocalFault(f"{place} cannot be written: {error.strerror}") from None
    return envelope.digest


def read_manifest(releases: Path, release_id: str) -> Envelope:
    """The signed manifest of a release; raises LocalFault when it is gone."""
    try:
        return dsse.from_json(files.read(releases / release_id / SIGNED))
    except SamentelError:
        raise LocalFault(
            f"the manifest of release {release_id} is gone or damaged: restore {releases}"
        ) from None


def manifest_of(envelope: Envelope) -> Manifest:
    """What a manifest that we signed says."""
    return from_json(Manifest, envelope.payload, "release manifest")


def pieces(releases: Path, release_id: str, name: str, size: int) -> Iterator[bytes]:
    """The bytes of one file of a release; the caller has looked its name up in the manifest."""
    with (releases / release_id / name).open("rb") as file:
        while piece := file.read(size):
            yield piece


def _check(releases: Path, material: Material, key: VerifyKey) -> Digest:
    """A directory from before a crash: complete, since it was renamed; make sure that it is this one."""
    envelope = read_manifest(releases, material.release_id)
    manifest = from_json(Manifest, dsse.open_envelope(envelope, PAYLOAD_TYPE, [key]), "release manifest")
    place = releases / material.release_id
    changed = [file.name for file in manifest.files if digest(files.read(place / file.name)) != file.sha256]
    if changed or manifest.round != material.round.round_id or manifest.published_at != material.published_at:
        raise LocalFault(f"{place} holds something else than this release: move it away and publish again")
    return envelope.digest


def _contents(material: Material) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest, and every file that it names, in its order."""
    edition = material.edition
    years = release.years_of(edition)
    sheets = {**release.sheets(edition, years), EXACT: _exact(material)}
    contents = {name: sheet.csv for name, sheet in sheets.items() if sheet.rows}
    contents[PARQUET] = _parquet(sheets[release.TABLES])
    contents[PROGRAMME] = dsse.to_json(material.signed)
    if material.public is not None:
        contents[PUBLIC] = dsse.to_json(material.public)
    if material.transcript:
        contents[TRANSCRIPT] = material.transcript
    lengths = {name: len(sheet.rows) for name, sheet in sheets.items()}
    lengths[PARQUET] = lengths[release.TABLES]
    bare = _manifest(material, years[-1], _named(contents, lengths))
    contents |= release.texts(bare, material.programme)
    return bare.model_copy(update={"files": _named(contents, lengths)}), contents


def _named(contents: Mapping[str, bytes], lengths: Mapping[str, int]) -> tuple[File, ...]:
    return tuple(
        File(name=name, bytes=len(data), sha256=digest(data), rows=lengths.get(name))
        for name, data in contents.items()
    )


def _manifest(material: Material, tables: NationalTables, made: tuple[File, ...]) -> Manifest:
    """All that the manifest says, but for the files that are texts about it.

    Args:
        tables: of the period of this release.
        made: the files that there are already.
    """
    programme, round_ = material.programme, material.round
    plan, period, rostered = material.plan, round_.opened.period, material.rostered
    sums = {str(one.period): one.national for one in material.edition.years}
    facts = table_facts(programme, plan, sums, rostered, material.dealers)
    privacy = privacy_facts(programme, plan, rostered, material.dealers)
    own = spending(programme, material.edition.years[-1].release_id, period, privacy.rho_spent)
    return Manifest(
        release_id=material.release_id,
        programme_id=programme.id,
        programme_version=programme.version,
        programme=programme.digest,
        title=programme.title,
        purpose=programme.purpose,
        contact=programme.contact,
        licence=programme.licence,
        period=period,
        round=round_.round_id,
        attempt=round_.opened.attempt,
        roster=round_.opened.roster,
        published_at=material.published_at,
        next_release=release.next_release(programme, period),
        supersedes=material.supersedes,
        corrects=material.corrects,
        errata=tuple(material.errata),
        revisions=manifest_texts.REVISIONS,
        coverage=_coverage(material),
        populations=population_facts(programme),
        earlier=tuple(
            EarlierYear(period=one.period, release_id=one.release_id, in_sum=one.national.survivors)
            for one in material.earlier
        ),
        privacy=privacy,
        year_loss=year_loss(period.year, (*material.spent, own)),
        safeguards=safeguards(programme, privacy, material.software, material.approved_by),
        interval=manifest_texts.INTERVAL,
        reading=manifest_texts.READING,
        accuracy=accuracy_facts(programme, facts, tables, rostered),
        tables=facts,
        reason=reason_facts(programme),
        code_lists=code_lists(programme, facts),
        provenance=Provenance(
            public=material.public.digest if material.public is not None else None,
            transcript=digest(material.transcript) if material.transcript else None,
            rebuilding=manifest_texts.REBUILDING,
        ),
        files=made,
        software=f"samentel {material.software['samentel']}",
    )


def _coverage(material: Material) -> Coverage:
    round_, in_sum = material.round, material.national.survivors
    return Coverage(
        enrolled=tuple(sorted(one.node for one in material.roster.institutions)),
        invited=tuple(sorted(round_.opened.invited)),
        present=tuple(sorted(round_.present)),
        in_sum=in_sum,
        dropped=tuple(sorted(round_.present - set(in_sum))),
        dealt=material.dealers if material.programme.mode is Mode.SECURE_SUM else None,
        same_person=manifest_texts.SAME_PERSON,
        missing=manifest_texts.MISSING,
    )


def _exact(material: Material) -> Sheet:
    round_ = material.round
    participation = Participation(
        material.programme,
        material.roster,
        round_.opened.period,
        round_.opened.invited,
        round_.present,
        material.national.survivors,
    )
    figures = None if material.public is None else public.parse(material.public.payload)
    return Sheet(exact.COLUMNS, list(exact.rows(participation, figures)))


def _parquet(sheet: Sheet) -> bytes:
    """The same figures as in the CSV, rounded alike, with their types."""
    schema = {name: _TYPES.get(name, pl.Float64) for name in sheet.columns}
    rows: list[dict[str, Value]] = [{name: published(it) for name, it in row.items()} for row in sheet.rows]
    file = io.BytesIO()
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(file, compression="zstd", statistics=True)
    return file.getvalue()
