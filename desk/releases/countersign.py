"""Countersign a release: examine it first, then put one's name under the same manifest.

The payload does not change, so the release stays what it is; the coordinator takes the signature in and
serves it to everybody (``samentel-aggregator release countersigned``).
"""

from dataclasses import dataclass
from pathlib import Path

from desk import files
from desk.releases import verify
from desk.releases.case import Against, Examined
from desk.releases.examine import examine
from samentel.documents import envelope as dsse
from samentel.documents.keys import SigningKey

SUFFIX = ".countersigned.dsse.json"


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
    """Add a signature to the manifest of a release in which nothing is wrong. Doing so again changes nothing.

    Args:
        directory: a copy of the release that was fetched; its signed manifest is written anew.
        out: the file to send; by default RELEASE.countersigned.dsse.json in the current directory.

    Raises:
        PeerError, DocumentError: something in the release is wrong; nothing is written.
        LocalFault: a file cannot be read or written.
    """
    examined = examine(directory, against)
    envelope = dsse.countersign(examined.envelope, key)
    data = dsse.to_json(envelope)
    file = Path(f"{examined.manifest.release_id}{SUFFIX}") if out is None else out
    files.write(directory / verify.SIGNED_MANIFEST, data)
    files.write(file, data)
    return Countersigned(examined, file, len(envelope.signatures))
