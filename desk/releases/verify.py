"""Check what somebody else signed: a programme, a roster, a proof, a release with all its files."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from desk import files
from desk.signing import Document, read_document
from samentel.documents.envelope import MAX_SIGNATURES, Envelope, from_json, open_envelope, to_json
from samentel.documents.keys import VerifyKey
from samentel.documents.model import from_json as document_from_json
from samentel.documents.statements import payload_type
from samentel.errors import DocumentError, PeerError
from samentel.figures.manifest import File, Manifest
from samentel.ids import DIGEST

SIGNED_MANIFEST = "manifest.dsse.json"
PLAIN_MANIFEST = "manifest.json"
SHOWN = 12  # digits of a key that tell it from others


def document(path: Path, authority: Sequence[VerifyKey], threshold: int) -> Document:
    """A signed programme or roster, once enough of the authority's keys have signed it.

    Raises:
        PeerError: too few good signatures; nothing has been parsed.
        DocumentError: signed, but its parts do not fit together.
    """
    envelope = from_json(files.read(path))
    opened(envelope, envelope.payload_type, authority, threshold)
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
    signed = files.read(directory / SIGNED_MANIFEST)
    try:
        envelope = from_json(signed)
        found = manifest(envelope, coordinator)
    except PeerError as error:
        raise PeerError(f"{SIGNED_MANIFEST}: {error}") from None
    except DocumentError as error:
        raise DocumentError("release", [f"{SIGNED_MANIFEST}: {it}" for it in error.problems]) from None
    contents = {entry.name: _found(directory / entry.name) for entry in found.files}
    problems = problems_of(found.files, contents.get)
    if to_json(envelope) != signed:
        problems.append(f"{SIGNED_MANIFEST}: is written in another way than it is signed; fetch it again")
    plain = _found(directory / PLAIN_MANIFEST)
    if plain is None:
        problems.append(f"{PLAIN_MANIFEST}: is missing")
    elif plain != envelope.payload:
        problems.append(f"{PLAIN_MANIFEST}: is not what the coordinator signed in {SIGNED_MANIFEST}")
    known = {*contents, SIGNED_MANIFEST, PLAIN_MANIFEST}
    strange = sorted(path.name for path in directory.iterdir() if path.is_file() and path.name not in known)
    problems += [f"{name}: is not in the manifest, so nobody vouches for it" for name in strange]
    if problems:
        raise DocumentError(f"release {found.release_id}", problems)
    return found, envelope, {name: data for name, data in contents.items() if data is not None}


def unsigned(directory: Path) -> tuple[Manifest, Mapping[str, bytes]]:
    """A release whose files are what its manifest says; who signed that is not looked at.

    Raises:
        DocumentError: names every file that is missing or changed.
    """
    found = document_from_json(Manifest, files.read(directory / PLAIN_MANIFEST), PLAIN_MANIFEST)
    contents = {entry.name: _found(directory / entry.name) for entry in found.files}
    problems = problems_of(found.files, contents.get)
    if problems:
        raise DocumentError(f"release {found.release_id}", problems)
    return found, {name: data for name, data in contents.items() if data is not None}


def problems_of(entries: Sequence[File], read: Callable[[str], bytes | None]) -> list[str]:
    """What is wrong with the files that a manifest names, a sentence each.

    Args:
        read: the bytes of a file by its name, or None when it is not there.
    """
    problems = []
    for entry in entries:
        data = read(entry.name)
        if data is None:
            problems.append(f"{entry.name}: is missing; fetch the release again")
        elif len(data) != entry.bytes:
            problems.append(f"{entry.name}: has {len(data)} bytes, the manifest says {entry.bytes}")
        elif hashlib.sha256(data).hexdigest() != entry.sha256:
            problems.append(f"{entry.name}: has been changed since it was published; fetch it again")
        elif entry.name.endswith(".csv") and entry.rows not in (None, rows_of(data)):
            problems.append(f"{entry.name}: has {rows_of(data)} rows, the manifest says {entry.rows}")
    return problems


def rows_of(data: bytes) -> int:
    """How many rows a table has, without its heading."""
    return sum(1 for _ in csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline=""))) - 1


def _found(path: Path) -> bytes | None:
    return files.read(path) if path.is_file() else None
