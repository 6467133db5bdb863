"""The release directory: tables as CSV and Parquet, and a signed manifest that names every file.

Written beside its place, made durable, then renamed: a directory that is there
is complete and is never written again. Making a release twice from the same
sum gives the same bytes. The one owner of polars here.
"""

import csv
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import polars as pl

from aggregator import files
from aggregator.conductor import Round
from samentel.counting.privacy import TableNoise
from samentel.documents import envelope as dsse
from samentel.documents.envelope import Envelope
from samentel.documents.keys import SigningKey, VerifyKey
from samentel.documents.model import from_json, to_bytes
from samentel.documents.programme import Mode, Programme
from samentel.documents.statements import payload_type
from samentel.errors import LocalFault, SamentelError
from samentel.figures import release
from samentel.figures.estimate import NationalSum, estimate
from samentel.figures.release import Coverage, EarlierYear, File, Manifest, Row
from samentel.ids import Digest, digest

MANIFEST, SIGNED = "manifest.json", "manifest.dsse.json"
PAYLOAD_TYPE = payload_type("release")
_READ_ONLY = 0o444
_TYPES: Mapping[str, type[pl.DataType]] = {
    "cell": pl.Int64,
    "estimate": pl.Float64,
    "sd": pl.Float64,
    "lower": pl.Float64,
    "upper": pl.Float64,
    "share": pl.Float64,
    "share_sd": pl.Float64,
    "share_lower": pl.Float64,
    "share_upper": pl.Float64,
}


@dataclass(frozen=True, slots=True, repr=False)
class Earlier:
    """A year that was published before, measured in the same tables."""

    year: EarlierYear
    plan: Sequence[TableNoise]
    national: NationalSum


@dataclass(frozen=True, slots=True, repr=False)
class Material:
    """All that a release is made of.

    Attributes:
        plan: what each institution in the sum has added: full noise, or the noise shares for ``dealers``.
        national: the sum, decoded.
        dealers: institutions that were there when noise shares were sized; in individual mode, in the sum.
        rostered: institutions on the roster of the round.
        published_at: fixed when publishing began, so that a second making gives the same bytes.
        earlier: the two years before, oldest first, if both were published before this one; else none.
    """

    release_id: str
    round: Round
    programme: Programme
    plan: Sequence[TableNoise]
    national: NationalSum
    dealers: int
    rostered: int
    published_at: datetime
    supersedes: str | None
    earlier: Sequence[Earlier] = ()


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
    programme, round_ = material.programme, material.round
    plan, national = material.plan, material.national
    years = [estimate(programme, one.national) for one in material.earlier]
    rows = list(release.rows(programme, [*years, estimate(programme, national)]))
    sums = {str(one.year.period): one.national for one in material.earlier}
    contents = {"tables.csv": _csv(rows), "tables.parquet": _parquet(rows)}
    tables = release.table_facts(programme, plan, {**sums, str(round_.opened.period): national})
    manifest = Manifest(
        release_id=material.release_id,
        programme_id=programme.id,
        programme_version=programme.version,
        programme=programme.digest,
        title=programme.title,
        purpose=programme.purpose,
        contact=programme.contact,
        period=round_.opened.period,
        round=round_.round_id,
        attempt=round_.opened.attempt,
        roster=round_.opened.roster,
        published_at=material.published_at,
        supersedes=material.supersedes,
        coverage=Coverage(
            invited=tuple(sorted(round_.opened.invited)),
            present=tuple(sorted(round_.present)),
            in_sum=national.survivors,
            dealt=material.dealers if programme.mode is Mode.SECURE_SUM else None,
        ),
        privacy=release.privacy_facts(programme, plan, material.rostered, material.dealers),
        interval=release.INTERVAL,
        reading=release.READING,
        earlier=tuple(one.year for one in material.earlier),
        tables=tables,
        code_lists=release.code_lists(programme, tables),
        files=tuple(File(name=name, bytes=len(data), sha256=digest(data)) for name, data in contents.items()),
        software=f"samentel {version('samentel')}",
    )
    return manifest, contents


def _csv(rows: list[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, release.COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _parquet(rows: list[Row]) -> bytes:
    schema = {name: _TYPES.get(name, pl.String) for name in release.COLUMNS}
    file = io.BytesIO()
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(file, compression="zstd", statistics=True)
    return file.getvalue()
