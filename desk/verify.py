"""Check what somebody else signed: a programme, a roster, a proof, a release with all its files."""

import hashlib
import json
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
