"""Countersign a release: examine it first, then put one's name under the same manifest.

The payload does not change, so the release stays what it is; the coordinator takes the signature in and
serves it to everybody (``samentel-aggregator release countersigned``).
"""

from dataclasses import dataclass
from pathlib import Path

from desk import files
from desk.releases import verify
from desk.releases.case import Against, Examined, Faulty, Said
from desk.releases.examine import examine
from samentel.documents import envelope as dsse
from samentel.documents.keys import SigningKey
from samentel.errors import LocalFault
from samentel.secagg import transcript as transcripts

SUFFIX = ".countersigned.dsse.json"
_NO_TRANSCRIPT = Said(
    "is er niet, dus is niet te zien wie er in de som zit; zo'n uitgave wordt niet medeondertekend",
    "is not there, so nobody can see who is in the sum; such a release is not countersigned",
)


@dataclass(frozen=True, slots=True)
class Countersigned:
    """A release with one more signature.

    Attributes:
        file: to send to the coordinator.
        signatures: under the manifest now, the coordinator's among them.
    """

    examined: Examined
    file: Path
    signatures: int


def countersign(directory: Path, against: Against, key: SigningKey, out: Path | None = None) -> Countersigned:
    """Add a signature to the manifest of a release in which nothing wrong was found; once is enough.

    Args:
        directory: a copy of the release that was fetched; its signed manifest is written anew.
        out: the file to send; by default RELEASE.countersigned.dsse.json in the current directory.

    Raises:
        PeerError, DocumentError: something in the release is wrong; nothing is written.
        LocalFault: the key is none of the authority's, or a file cannot be read or written.
    """
    _check(key, against)
    examined = examine(directory, against)
    if examined.manifest.provenance.transcript is None:
        raise Faulty(f"release {examined.manifest.release_id}", [_NO_TRANSCRIPT.about(transcripts.FILE)])
    envelope = dsse.countersign(examined.envelope, key)
    data = dsse.to_json(envelope)
    file = Path(f"{examined.manifest.release_id}{SUFFIX}") if out is None else out
    files.write(directory / verify.SIGNED_MANIFEST, data)
    files.write(file, data)
    return Countersigned(examined, file, len(envelope.signatures))


def _check(key: SigningKey, against: Against) -> None:
    """Whether it is for this key to sign: one of the authority's that the release is examined with."""
    if not against.authority:
        raise LocalFault(
            "countersign: give the authority's keys with --authority or --credentials, yours among them, so "
            "that who signed the programme is checked"
        )
    own = key.public.key_id
    if own == against.coordinator.key_id:
        raise LocalFault(
            f"--key: {own[: verify.SHOWN]} is the coordinator's own key; its signature is there already"
        )
    if own not in {known.key_id for known in against.keys}:
        raise LocalFault(
            f"--key: {own[: verify.SHOWN]} is not among the authority's keys that are given, and only "
            "those countersign"
        )
