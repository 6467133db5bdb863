"""Check what somebody else signed: a programme, a roster, a release with all its files."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from desk import files
from desk.signing import read_document
from samentel.documents.envelope import Envelope, from_json, open_envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.model import from_json as document_from_json
from samentel.documents.programme import Programme
from samentel.documents.roster import Roster
from samentel.documents.statements import payload_type
from samentel.errors import DocumentError
from samentel.figures.release import File, Manifest

SIGNED_MANIFEST = "manifest.dsse.json"
PLAIN_MANIFEST = "manifest.json"


def document(path: Path, authority: Sequence[VerifyKey], threshold: int) -> Programme | Roster:
    """A signed programme or roster, once enough of the authority's keys have signed it.

    Raises:
        PeerError: too few good signatures; nothing has been parsed.
        DocumentError: signed, but its parts do not fit together.
    """
    envelope = from_json(files.read(path))
    open_envelope(envelope, envelope.payload_type, authority, threshold)
    return read_document(envelope)


def manifest(envelope: Envelope, coordinator: VerifyKey) -> Manifest:
    """What a release says of itself, once the coordinator's signature holds.

    Raises:
        PeerError: not signed by that coordinator; nothing has been parsed.
        DocumentError: signed, but not a manifest.
    """
    return document_from_json(
        Manifest, open_envelope(envelope, payload_type("release"), [coordinator]), "manifest"
    )


def release(directory: Path, coordinator: VerifyKey) -> Manifest:
    """A release directory, checked file by file.

    Raises:
        PeerError: the manifest is not signed by that coordinator.
        DocumentError: names every file that is missing, changed, or not in the manifest.
    """
    envelope = from_json(files.read(directory / SIGNED_MANIFEST))
    found = manifest(envelope, coordinator)
    problems = problems_of(found.files, lambda name: _found(directory / name))
    plain = _found(directory / PLAIN_MANIFEST)
    if plain is not None and plain != envelope.payload:
        problems.append(f"{PLAIN_MANIFEST}: is not what the coordinator signed in {SIGNED_MANIFEST}")
    known = {entry.name for entry in found.files} | {SIGNED_MANIFEST, PLAIN_MANIFEST}
    strange = sorted(path.name for path in directory.iterdir() if path.is_file() and path.name not in known)
    problems += [f"{name}: is not in the manifest, so nobody vouches for it" for name in strange]
    if problems:
        raise DocumentError(f"release {found.release_id}", problems)
    return found


def problems_of(entries: Sequence[File], read: Callable[[str], bytes | None]) -> list[str]:
    """What is wrong with the files that a manifest names, a sentence each.

    Args:
        read: the bytes of a file by its name, or None when it is not there.
    """
    problems = []
    for entry in entries:
        data = read(entry.name)
        if data is None:
            problems.append(f"{entry.name}: is missing")
        elif len(data) != entry.bytes:
            problems.append(f"{entry.name}: has {len(data)} bytes, the manifest says {entry.bytes}")
        elif hashlib.sha256(data).hexdigest() != entry.sha256:
            problems.append(f"{entry.name}: has been changed since it was published")
    return problems


def _found(path: Path) -> bytes | None:
    return files.read(path) if path.is_file() else None
