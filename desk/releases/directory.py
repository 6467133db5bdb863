"""The files of a release as they lie in a directory: read only if they are what they should be.

A directory may come from anybody. So a link, a pipe or a directory in place of a file is not followed or
opened, and nothing is read that is longer than the manifest says.
"""

import os
import stat
from collections.abc import Collection, Sequence
from pathlib import Path

from desk.releases.case import Said
from samentel.errors import LocalFault
from samentel.figures.manifest import File

# Neither follows a link nor waits for the other end of a pipe, where the system knows these.
_FLAGS = os.O_RDONLY
for _name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
    _FLAGS |= getattr(os, _name, 0)
PAGES = "report"  # the folder in which samentel report puts its pages


def read(path: Path, most: int) -> bytes | None:
    """The bytes of a regular file; None if there is nothing of that name.

    Args:
        most: bytes; of a longer file one more than that is read, so that the caller sees it.

    Raises:
        LocalFault: it is no regular file, or cannot be read; names it.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise LocalFault(f"{path}: is no regular file")
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise LocalFault(f"{path}: is no regular file")
            return file.read(most + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LocalFault(f"{path}: cannot be read ({error.strerror})") from None


def contents(directory: Path, entries: Sequence[File]) -> tuple[dict[str, bytes], dict[str, Said]]:
    """The files that a manifest names, by name, and by name what is wrong with those that were not read.

    A file that is not there is in neither.
    """
    found: dict[str, bytes] = {}
    refused: dict[str, Said] = {}
    for entry in entries:
        path = directory / entry.name
        size = _size(path)
        if size is None:
            continue
        if size < 0:
            refused[entry.name] = _IRREGULAR.about(entry.name)
        elif size != entry.bytes:
            refused[entry.name] = Said(
                f"heeft {size} bytes, en volgens het manifest {entry.bytes}",
                f"has {size} bytes, the manifest says {entry.bytes}",
            ).about(entry.name)
        else:
            found[entry.name] = read(path, entry.bytes) or b""
    return found, refused


def strange(directory: Path, known: Collection[str]) -> list[str]:
    """The names of all else that lies in the directory but folders, which a release does not have."""
    others = (path for path in directory.iterdir() if path.name not in known and not _is_folder(path))
    return sorted(map(_printable, others))


def folders(directory: Path) -> list[str]:
    """The names of folders in it, other than that of the pages: whoever fetched it may keep things there."""
    return sorted(_printable(path) for path in directory.iterdir() if _is_folder(path) and path.name != PAGES)


def _printable(path: Path) -> str:
    """A name without what a terminal obeys."""
    return "".join(letter if letter.isprintable() else "?" for letter in path.name[:200])


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _size(path: Path) -> int | None:
    """Bytes of a regular file; -1 for anything else of that name, None if there is nothing."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LocalFault(f"{path}: cannot be read ({error.strerror})") from None
    return found.st_size if stat.S_ISREG(found.st_mode) else -1


_IRREGULAR = Said(
    "is geen gewoon bestand en wordt niet gelezen; haal de uitgave opnieuw op",
    "is no regular file and is not read; fetch the release again",
)
