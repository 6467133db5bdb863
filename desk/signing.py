"""Sign what the programme authority vouches for: programmes, rosters and public figures.

A document is parsed before it is signed, so that nobody signs a broken one; it
is signed over its exact bytes, which are never written anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from desk import files
from desk.packaged import packaged
from samentel.counting.shares import plan_of
from samentel.documents import programme, public, roster
from samentel.documents.envelope import Envelope, countersign, from_json, to_json
from samentel.documents.keys import SigningKey, fingerprint
from samentel.documents.programme import Programme
from samentel.documents.public import PublicFigures
from samentel.documents.roster import Roster
from samentel.errors import DocumentError, LocalFault

SUFFIX = ".dsse.json"

Document = Programme | Roster | PublicFigures


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed file and what is in it."""

    path: Path
    envelope: Envelope
    document: Document


def sign(path: Path, keys: Sequence[SigningKey], out: Path | None = None) -> Signed:
    """Sign a programme or public figures (TOML), a roster (JSON), or add signatures to an envelope.

    Args:
        out: the envelope to write; by default FILE.dsse.json, or the same file if it is one already.

    Raises:
        LocalFault: the file cannot be read or written, or no key was given.
        DocumentError: the document does not hold; nothing is written.
    """
    if not keys:
        raise LocalFault("nothing to sign with: give a private key with --key FILE")
    data = files.read(path)
    envelope = (
        from_json(data, path.name)
        if path.name.endswith(SUFFIX)
        else Envelope(data, _payload_type(path, data), ())
    )
    document = read_document(envelope)
    for key in keys:
        envelope = countersign(envelope, key)
    target = out or (path if path.name.endswith(SUFFIX) else path.with_name(path.name + SUFFIX))
    files.write(target, to_json(envelope))
    return Signed(target, envelope, document)


def read_document(envelope: Envelope) -> Document:
    """What an envelope holds, its signatures not looked at.

    Raises:
        DocumentError: another kind of document, one that does not hold or cannot be carried out.
    """
    if envelope.payload_type == roster.PAYLOAD_TYPE:
        return roster.parse(envelope.payload)
    if envelope.payload_type == programme.PAYLOAD_TYPE:
        parsed = programme.parse(envelope.payload)
        least = parsed.roster.institutions_min
        plan_of(parsed, least, least)  # what no roster can carry out is not worth a signature
        return parsed
    if envelope.payload_type == public.PAYLOAD_TYPE:
        return public.parse(envelope.payload)
    raise DocumentError("signed document", ["is neither a programme nor a roster, nor public figures"])


def read_programme(name: str) -> Programme:
    """A programme by file (TOML or signed) or by the name of one that comes with this software.

    Raises:
        LocalFault: there is no such file, nor such a name.
    """
    path = Path(name)
    data = files.read(path) if path.suffix or path.exists() else packaged(name)
    if path.name.endswith(SUFFIX):
        document = read_document(from_json(data, path.name))
        if not isinstance(document, Programme):
            raise DocumentError(path.name, ["is not a programme"])
        return document
    return programme.parse(data)


def read_roster(path: Path) -> Roster:
    """A roster by file (JSON or signed; signatures are not looked at).

    Raises:
        LocalFault: there is no such file.
        DocumentError: it holds something else, or does not hold.
    """
    data = files.read(path)
    if not path.name.endswith(SUFFIX):
        return roster.parse(data)
    document = read_document(from_json(data, path.name))
    if not isinstance(document, Roster):
        raise DocumentError(path.name, ["is not a roster"])
    return document


def described(document: Document) -> list[str]:
    """What a signer puts their name under, a line each."""
    if isinstance(document, Programme):
        return [
            f"programme {document.id}, version {document.version}: {document.title.en}",
            f"mode {document.mode}, rho {document.rho} an attempt, at most {document.max_attempts} attempts",
            f"digest {document.digest}",
        ]
    if isinstance(document, PublicFigures):
        return [
            f"public figures {document.id}, version {document.version}: {document.title.en}",
            f"{len(document.entries)} figures, each with its source",
            f"digest {document.digest}",
        ]
    lines = [
        f"roster version {document.version}, {len(document.institutions)} institutions",
        f"digest {document.digest}",
    ]
    lines += [
        f"  {entry.node}: {entry.name} ({', '.join((entry.type, entry.province, *entry.facilities))}), "
        f"run by {entry.operator}; protocol key {fingerprint(entry.verify_key.raw)}"
        for entry in document.institutions
    ]
    return [*lines, "Compare each protocol key with the institution itself, not by way of the coordinator."]


def _payload_type(path: Path, data: bytes) -> str:
    if path.suffix == ".toml" and public.recognises(data):
        return public.PAYLOAD_TYPE
    kinds = {".toml": programme.PAYLOAD_TYPE, ".json": roster.PAYLOAD_TYPE}
    if path.suffix not in kinds:
        raise DocumentError(
            path.name,
            [
                "a programme ends in .toml, as public figures do; a roster in .json; what is signed in "
                ".dsse.json"
            ],
        )
    return kinds[path.suffix]
