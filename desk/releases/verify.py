"""Check what somebody else signed: a programme, a roster, a proof, a release with all its files."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from desk import files
from desk.releases import directory as lying
from desk.releases.case import Faulty, Said
from desk.signing import Document, read_document
from samentel.documents.envelope import (
    MAX_PAYLOAD,
    MAX_SIGNATURES,
    Envelope,
    from_json,
    open_envelope,
    to_json,
)
from samentel.documents.keys import VerifyKey
from samentel.documents.model import from_json as document_from_json
from samentel.documents.statements import payload_type
from samentel.errors import DocumentError, LocalFault, PeerError
from samentel.figures.manifest import File, Manifest
from samentel.ids import DIGEST

SIGNED_MANIFEST = "manifest.dsse.json"
PLAIN_MANIFEST = "manifest.json"
SHOWN = 12  # digits of a key that tell it from others


class Kind(StrEnum):
    """What stands at a path."""

    RELEASE = "release"
    PROOF = "proof"
    DOCUMENT = "document"


def kind_of(path: Path) -> Kind:
    """What stands at a path, as far as that shows without any key.

    Raises:
        LocalFault: there is nothing, or a directory that is no release; says what was expected.
        DocumentError: a file that is neither signed nor a proof.
    """
    if path.is_dir():
        if not (path / SIGNED_MANIFEST).is_file():
            raise LocalFault(
                f"{path}: is no release, there is no {SIGNED_MANIFEST} in it; fetch one with samentel pull"
            )
        return Kind.RELEASE
    data = files.read(path)
    if is_dossier(path):
        return Kind.PROOF
    if from_json(data, str(path)).payload_type == payload_type("release"):
        raise LocalFault(f"{path}: is the manifest of a release; give the directory with all its files")
    return Kind.DOCUMENT


def document(path: Path, authority: Sequence[VerifyKey], threshold: int) -> Document:
    """A signed programme or roster, once enough of the authority's keys have signed it.

    Raises:
        PeerError: too few good signatures; nothing has been parsed.
        DocumentError: signed, but its parts do not fit together.
    """
    envelope = from_json(files.read(path), str(path))
    try:
        opened(envelope, envelope.payload_type, authority, threshold)
    except PeerError as error:
        raise PeerError(f"{path}: {error}") from None
    return read_document(envelope)


def is_dossier(path: Path) -> bool:
    """Whether a file is a proof about a round, rather than a signed document."""
    try:
        value = json.loads(files.read(path))
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "kind" in value


def proof(path: Path, authority: Sequence[VerifyKey], threshold: int) -> str:
    """What a proof about a round shows, in a sentence (``samentel.secagg.dossier``).

    Raises:
        PeerError: a signature in it does not hold, or it proves nothing.
        DocumentError: it is not well formed.
    """
    from samentel.secagg import dossier  # numpy is loaded for this alone

    found = dossier.judge(dossier.read(files.read(path)), authority, threshold)
    node, about = found.node, found.round
    round_ = f"round {about.round_id[:12]} ({about.period}, attempt {about.attempt})"
    if found.taken_at is None:
        return (
            f"proven: in {round_} {node} dealt seed shares that do not fit, under its own signature. It "
            "leaves the roster before another attempt"
        )
    moment = f"{found.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    taken = f"in {round_} the coordinator took the masked counts of {node} at {moment}"
    if not found.shown:
        return f"proven: {taken}. Whether it left them out, in_sum in the manifest of that release says"
    return (
        f"proven: {taken}, and proposed a sum without them. That is allowed if {node} was not heard from "
        "after the last counts had arrived"
    )


def manifest(envelope: Envelope, coordinator: VerifyKey) -> Manifest:
    """What a release says of itself, once the coordinator's signature holds.

    Raises:
        PeerError: not signed by that coordinator; nothing has been parsed.
        DocumentError: signed, but not a manifest.
    """
    payload = opened(envelope, payload_type("release"), [coordinator], 1)
    return document_from_json(Manifest, payload, PLAIN_MANIFEST)


def opened(envelope: Envelope, kind: str, keys: Sequence[VerifyKey], threshold: int) -> bytes:
    """The payload, once enough of the keys have signed it.

    Raises:
        PeerError: they have not; says which keys were asked for, and in whose name it is signed.
    """
    try:
        return open_envelope(envelope, kind, keys, threshold)
    except PeerError as error:
        if envelope.payload_type != kind:
            raise
        asked = ", ".join(key.key_id[:SHOWN] for key in keys)
        raise PeerError(
            f"{error}: asked for a signature of {asked}, and it is signed in the name of {names(envelope)}. "
            "Either it was changed, or this is another's key"
        ) from None


def names(envelope: Envelope) -> str:
    """In whose name a document is signed, as it says itself: the first digits of each key's SHA-256."""
    said = [
        one.key_id[:SHOWN] if DIGEST.fullmatch(one.key_id) else "something that is no key"
        for one in envelope.signatures
    ]
    return ", ".join(said[:MAX_SIGNATURES]) or "nobody"


def release(directory: Path, coordinator: VerifyKey) -> Manifest:
    """A release directory, checked file by file: that each is what the coordinator signed.

    Whether the coordinator signed what is true is another question (``desk/releases/examine.py``).

    Raises:
        PeerError: the manifest is not signed by that coordinator; names the file.
        DocumentError: names every file that is missing, changed, or not in the manifest.
    """
    return files_of(directory, coordinator)[0]


def files_of(directory: Path, coordinator: VerifyKey) -> tuple[Manifest, Envelope, Mapping[str, bytes]]:
    """As ``release``; also the signed manifest, and each file by name."""
    signed = _manifest_in(directory / SIGNED_MANIFEST, 2 * MAX_PAYLOAD)
    try:
        envelope = from_json(signed, SIGNED_MANIFEST)
        found = manifest(envelope, coordinator)
    except PeerError as error:
        raise PeerError(f"{SIGNED_MANIFEST}: {error}") from None
    except DocumentError as error:
        raise DocumentError("release", [f"{SIGNED_MANIFEST}: {it}" for it in error.problems]) from None
    plain = File(name=PLAIN_MANIFEST, bytes=len(envelope.payload), sha256=envelope.digest)
    contents, wrong = _contents(directory, (*found.files, plain))
    if to_json(envelope) != signed:
        wrong.append(_OTHERWISE.about(SIGNED_MANIFEST))
    known = {entry.name for entry in found.files} | {SIGNED_MANIFEST, PLAIN_MANIFEST}
    wrong += [_STRANGE.about(name) for name in lying.strange(directory, known)]
    if wrong:
        raise Faulty(f"release {found.release_id}", wrong)
    return found, envelope, {name: contents[name] for name in contents if name != PLAIN_MANIFEST}


def unsigned(directory: Path) -> tuple[Manifest, Mapping[str, bytes]]:
    """A release whose files are what its manifest says; who signed that is not looked at.

    Raises:
        DocumentError: names every file that is missing or changed.
    """
    data = _manifest_in(directory / PLAIN_MANIFEST, MAX_PAYLOAD)
    found = document_from_json(Manifest, data, PLAIN_MANIFEST)
    contents, wrong = _contents(directory, found.files)
    if wrong:
        raise Faulty(f"release {found.release_id}", wrong)
    return found, contents


def problems_of(entries: Sequence[File], read: Callable[[str], bytes | None]) -> list[str]:
    """What is wrong with the files that a manifest names, a sentence each.

    Args:
        read: the bytes of a file by its name, or None when it is not there.
    """
    return [one.en for one in wrong_of(entries, read)]


def wrong_of(entries: Sequence[File], read: Callable[[str], bytes | None]) -> Iterator[Said]:
    """As ``problems_of``, in both languages."""
    for entry in entries:
        data = read(entry.name)
        if data is None:
            yield _MISSING.about(entry.name)
        elif len(data) != entry.bytes:
            yield Said(
                f"heeft {len(data)} bytes, en volgens het manifest {entry.bytes}",
                f"has {len(data)} bytes, the manifest says {entry.bytes}",
            ).about(entry.name)
        elif hashlib.sha256(data).hexdigest() != entry.sha256:
            yield _CHANGED.about(entry.name)
        elif entry.name.endswith(".csv"):
            rows = rows_of(data)
            if rows is None:
                yield _NO_TABLE.about(entry.name)
            elif entry.rows not in (None, rows):
                yield Said(
                    f"heeft {rows} regels, en volgens het manifest {entry.rows}",
                    f"has {rows} rows, the manifest says {entry.rows}",
                ).about(entry.name)


def rows_of(data: bytes) -> int | None:
    """How many rows a table has, without its heading; None if it cannot be read as one."""
    try:
        lines = sum(1 for _ in csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline="")))
    except csv.Error:
        return None
    return lines - 1 if lines else None


def _contents(directory: Path, entries: Sequence[File]) -> tuple[dict[str, bytes], list[Said]]:
    """The files that a manifest names, by name, and what is wrong with any of them."""
    contents, refused = lying.contents(directory, entries)
    read = [entry for entry in entries if entry.name not in refused]
    return contents, [*refused.values(), *wrong_of(read, contents.get)]


def _manifest_in(path: Path, most: int) -> bytes:
    data = lying.read(path, most)
    if data is None:
        raise LocalFault(f"{path}: there is no such file")
    if len(data) > most:
        raise DocumentError(path.name, [f"is larger than {most} bytes"])
    return data


_MISSING = Said("ontbreekt; haal de uitgave opnieuw op", "is missing; fetch the release again")
_CHANGED = Said(
    "is veranderd na de publicatie; haal de uitgave opnieuw op",
    "has been changed since it was published; fetch it again",
)
_OTHERWISE = Said(
    "is anders geschreven dan ondertekend; haal de uitgave opnieuw op",
    "is written in another way than it is signed; fetch it again",
)
_NO_TABLE = Said("is geen leesbare tabel", "is no table that can be read")
_STRANGE = Said(
    "staat niet in het manifest, dus niemand staat ervoor in",
    "is not in the manifest, so nobody vouches for it",
)
