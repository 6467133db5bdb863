"""Files that are written whole or not at all, and survive a power cut once written."""

import os
from pathlib import Path

from samentel.errors import LocalFault

PRIVATE = 0o600
PUBLIC = 0o644


def write(path: Path, data: bytes, mode: int = PUBLIC) -> None:
    """Put a file in place atomically, with exactly this mode.

    Raises:
        LocalFault: the place cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync(path.parent)
    except OSError as error:
        raise LocalFault(f"{path} cannot be written: {error.strerror}") from None


def read(path: Path) -> bytes:
    """The bytes of a file; raises LocalFault naming the file when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise LocalFault(f"{path} cannot be read: {error.strerror}") from None


def folder(path: Path, mode: int = 0o700) -> None:
    """Make a directory that is ours; raises LocalFault when it cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
    except OSError as error:
        raise LocalFault(f"{path} cannot be made: {error.strerror}") from None


def sync(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
