"""Fetch a release with a reader's certificate; nothing is written before everything has been checked."""

import csv
import functools
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc

from desk import files, keys
from desk.releases import verify
from samentel.documents.access import Endpoint
from samentel.documents.envelope import Envelope, to_json
from samentel.documents.keys import VerifyKey
from samentel.documents.model import from_toml
from samentel.documents.statements import hear
from samentel.errors import DocumentError, LocalFault, PeerError
from samentel.figures.manifest import Erratum, Manifest
from samentel.figures.release import COLUMNS, TABLES
from samentel.wire import codec
from samentel.wire import messages as m
from samentel.wire.methods import GET_RELEASE, LIST_RELEASES, READ_FILE, Method

DEADLINE = 30.0  # seconds for one call; a release of the largest programme has a few megabytes
FORMATS = {"csv": (".csv",), "parquet": (".parquet",), "all": ("",)}
LATEST = "latest"
RELEASE_NAME = re.compile(r"[a-z0-9][a-zA-Z0-9._-]{0,99}")  # as the contract has it

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a credentials directory holds."""

    endpoint: Endpoint
    key: bytes
    certificate: bytes
    root: bytes

    @property
    def coordinator(self) -> VerifyKey:
        """The key that signs releases."""
        return VerifyKey(bytes.fromhex(self.endpoint.coordinator_key))


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell of a published table.

    Attributes:
        codes: one code a dimension; none for a total.
        labels_nl, labels_en: one a dimension; "Totaal" and "Total" for a total.
        estimate, sd, lower, upper: unbiased, may be negative, in persons: for any calculation.
        share, share_lower, share_upper: the part of the population's total, likewise; None where that total
            is too uncertain to divide by.
        shown, shown_lower, shown_upper: texts for people to read, never negative; nothing to add up.
        grade: A to D, how large its error is beside the estimate.
        above_zero: whether there is at least one, with a chance of 5 % that this is wrong.
    """

    table: str
    codes: tuple[str, ...]
    labels_nl: tuple[str, ...]
    labels_en: tuple[str, ...]
    estimate: float
    sd: float
    lower: float
    upper: float
    share: float | None
    share_lower: float | None
    share_upper: float | None
    shown: str
    shown_lower: str
    shown_upper: str
    grade: str
    above_zero: bool


@dataclass(frozen=True, slots=True)
class Pulled:
    """A release that has been checked and written.

    Attributes:
        figures: empty when the CSV was not among the files asked for.
    """

    manifest: Manifest
    paths: tuple[Path, ...]
    figures: tuple[Figure, ...]


def read_credentials(directory: Path) -> Credentials:
    """A credentials directory; raises LocalFault that names the file that is missing."""
    if not directory.is_dir():
        raise LocalFault(
            f"{directory}: there is no such directory; make a key with samentel keys request, and ask the "
            "coordinator for a certificate"
        )
    return Credentials(
        from_toml(Endpoint, files.read(directory / "endpoint.toml"), str(directory / "endpoint.toml")),
        files.read(directory / "key.pem"),
        files.read(directory / "certificate.pem"),
        files.read(directory / "root.pem"),
    )


def read_authority(directory: Path) -> tuple[tuple[VerifyKey, ...], int]:
    """The authority's public keys that a credentials directory names, and how many must have signed."""
    endpoint = read_credentials(directory).endpoint
    return keys.read_verify([directory / name for name in endpoint.authority]), endpoint.authority_threshold


class Reader:
    """A reader's line to the coordinator."""

    def __init__(self, channel: grpc.Channel, address: str) -> None:
        self._channel = channel
        self._address = address

    def releases(self) -> tuple[m.ReleaseSummary, ...]:
        """All releases, newest first."""
        return self._ask(LIST_RELEASES, m.ListReleasesRequest()).releases

    def manifest(self, release: str) -> Envelope:
        """The signed manifest of a release."""
        return self._ask(GET_RELEASE, m.GetReleaseRequest(release)).manifest

    def file(self, release: str, name: str, most: int) -> bytes:
        """One file of a release; raises PeerError when it is longer than ``most`` bytes."""
        request = _encoded(m.ReadFileRequest(release, name))
        call: Any = self._channel.unary_stream(
            READ_FILE.path, response_deserializer=functools.partial(codec.decode, READ_FILE.response)
        )
        data = bytearray()
        try:
            for piece in call(request, timeout=DEADLINE):
                data += piece.data
                if len(data) > most:
                    raise PeerError(
                        f"{name}: the coordinator sends more than the {most} bytes that its manifest says"
                    )
        except grpc.RpcError as error:
            raise self._refused(error) from None
        return bytes(data)

    def _ask(self, method: Method[Q, A], request: Q) -> A:
        data = _encoded(request)
        call: Any = self._channel.unary_unary(
            method.path, response_deserializer=functools.partial(codec.decode, method.response)
        )
        try:
            answer: A = call(data, timeout=DEADLINE)
        except grpc.RpcError as error:
            raise self._refused(error) from None
        return answer

    def _refused(self, error: grpc.RpcError) -> PeerError:
        code = error.code()
        hint = _HINTS.get(code)
        return PeerError(f"{self._address}: {hint or f'{code.name.lower()}: {error.details()}'}")


_HINTS = {
    grpc.StatusCode.UNAVAILABLE: "no connection. Is the address in endpoint.toml right, is the coordinator "
    "running, and is this certificate from the same coordinator?",
    grpc.StatusCode.DEADLINE_EXCEEDED: "no answer in time; try again",
    grpc.StatusCode.UNAUTHENTICATED: "this certificate is unknown there, has expired or was revoked",
    grpc.StatusCode.PERMISSION_DENIED: "this certificate may not read releases",
    grpc.StatusCode.NOT_FOUND: "there is no such release; samentel pull --list shows those there are",
}


@contextmanager
def connect(credentials: Credentials) -> Iterator[Reader]:
    """A line to the coordinator over TLS, trusting only the root certificate of the credentials."""
    try:
        secure = grpc.ssl_channel_credentials(credentials.root, credentials.key, credentials.certificate)
    except ValueError:
        raise LocalFault("the key and the certificate of these credentials do not belong together") from None
    options = [
        ("grpc.max_receive_message_length", m.MAX_MESSAGE),
        ("grpc.max_send_message_length", m.MAX_MESSAGE),
    ]
    with grpc.secure_channel(credentials.endpoint.address, secure, options=options) as channel:
        yield Reader(channel, credentials.endpoint.address)


def pull(credentials: Credentials, release: str, out: Path | None, form: str = "all") -> Pulled:
    """Fetch, check and write one release.

    Args:
        release: a release id, or ``latest``.
        out: the directory to write to; by default one named after the release.
        form: ``csv``, ``parquet`` or ``all``.

    Raises:
        LocalFault: that is no release id.
        PeerError: no answer, no such release, or a signature or file that does not hold. Nothing is written.
    """
    if RELEASE_NAME.fullmatch(release) is None:
        raise LocalFault(
            f"{release[:100]!r} is not the id of a release; samentel pull --list shows those there are"
        )
    with connect(credentials) as reader:
        if release == LATEST:
            there = reader.releases()
            if not there:
                raise PeerError(f"{credentials.endpoint.address}: nothing has been published yet")
            release = there[0].release_id
        envelope = reader.manifest(release)
        manifest = verify.manifest(envelope, credentials.coordinator)
        if manifest.release_id != release:
            raise PeerError(
                f"asked for release {release}, the coordinator answers with {manifest.release_id}"
            )
        wanted = [entry for entry in manifest.files if entry.name.endswith(FORMATS[form])]
        if not wanted:
            raise PeerError(f"release {release} has no {form} file")
        contents = {entry.name: reader.file(release, entry.name, entry.bytes) for entry in wanted}
    problems = verify.problems_of(wanted, contents.get)
    if problems:
        raise PeerError(
            f"release {release} is not what its manifest says, nothing was written: {'; '.join(problems)}"
        )
    contents |= {verify.PLAIN_MANIFEST: envelope.payload, verify.SIGNED_MANIFEST: to_json(envelope)}
    target = Path(release) if out is None else out
    for name, data in contents.items():
        files.write(target / name, data)
    table = contents.get(TABLES)
    return Pulled(manifest, tuple(target / name for name in contents), figures(table) if table else ())


@dataclass(frozen=True, slots=True)
class Listed:
    """A release in the list, with what the coordinator signed about it since.

    Attributes:
        superseded_by: the release that took its place; empty if none has.
        errata: what was found to be wrong in it, oldest first.
    """

    release_id: str
    programme_id: str
    period: str
    published_at: str
    superseded_by: str
    errata: tuple[Erratum, ...]


def listed(summaries: Sequence[m.ReleaseSummary], coordinator: VerifyKey) -> tuple[Listed, ...]:
    """All releases as the coordinator lists them, each erratum verified.

    Raises:
        PeerError: an erratum is not signed by the coordinator, or about another release.
    """
    found = []
    for one in summaries:
        errata = tuple(hear(Erratum, envelope, coordinator) for envelope in one.errata)
        if any(erratum.release_id != one.release_id for erratum in errata):
            raise PeerError(f"an erratum that stands with {one.release_id} is about another release")
        found.append(
            Listed(one.release_id, one.programme_id, one.period, one.published_at, one.superseded_by, errata)
        )
    return tuple(found)


def lines(one: Listed, language: str) -> Iterator[str]:
    """A release in the list: a line, and one for each thing that was found since."""
    yield f"{one.release_id}\t{one.programme_id}\t{one.period}\t{one.published_at}"
    if one.superseded_by:
        yield f"\t{_SUPERSEDED[language]} {one.superseded_by}"
    for erratum in one.errata:
        text = erratum.text.nl if language == "nl" else erratum.text.en
        yield f"\terratum, {erratum.published_at:%Y-%m-%d}: {text}"


def as_values(one: Listed) -> Mapping[str, object]:
    """The same as JSON says it."""
    return {
        "release_id": one.release_id,
        "programme_id": one.programme_id,
        "period": one.period,
        "published_at": one.published_at,
        "superseded_by": one.superseded_by or None,
        "errata": [erratum.model_dump(mode="json") for erratum in one.errata],
    }


_SUPERSEDED = {"nl": "vervangen door", "en": "superseded by"}


def _encoded(request: object) -> bytes:
    # Before gRPC sees it: gRPC would say that there was an exception, and not which.
    try:
        return codec.encode(request)
    except codec.MessageError as error:
        raise LocalFault(f"the coordinator cannot be asked this: {error}") from None


def figures(data: bytes) -> tuple[Figure, ...]:
    """The rows of a release's CSV file; raises DocumentError when it is not one."""
    rows = csv.DictReader(io.StringIO(data.decode("utf-8")))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise DocumentError("tables.csv", ["has other columns than this version reads"])
    return tuple(_figure(row) for row in rows)


def _figure(row: Mapping[str, str]) -> Figure:
    return Figure(
        table=row["table"],
        codes=tuple(row["codes"].split("|")) if row["codes"] else (),
        labels_nl=tuple(row["label_nl"].split(" | ")),
        labels_en=tuple(row["label_en"].split(" | ")),
        estimate=float(row["estimate"]),
        sd=float(row["sd"]),
        lower=float(row["lower"]),
        upper=float(row["upper"]),
        share=_share(row["share"]),
        share_lower=_share(row["share_lower"]),
        share_upper=_share(row["share_upper"]),
        shown=row["shown"],
        shown_lower=row["shown_lower"],
        shown_upper=row["shown_upper"],
        grade=row["grade"],
        above_zero=row["above_zero"] == "yes",
    )


def _share(text: str) -> float | None:
    return float(text) if text else None


def missing(manifest: Manifest) -> Sequence[str]:
    """The institutions that were asked and are not in the sum."""
    return sorted(set(manifest.coverage.invited) - set(manifest.coverage.in_sum))
