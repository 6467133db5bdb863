"""Files on the desk: read with a clear answer when that fails, written whole or not at all."""

import os
import tempfile
from pathlib import Path

from samentel.errors import LocalFault


def read(path: Path) -> bytes:
    """The bytes of a file; raises LocalFault that names the file and what is wrong with it."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise LocalFault(f"{path}: there is no such file") from None
    except OSError as error:
        raise LocalFault(f"{path}: cannot be read ({error.strerror})") from None


def write(path: Path, data: bytes, *, replace: bool = True, mode: int = 0o644) -> None:
    """Write a file so that it is there whole or not at all.

    Args:
        replace: whether a file that is there already may be replaced.
        mode: permissions; 0o600 for a private key.

    Raises:
        LocalFault: the file is there already, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                Path(name).replace(path)
            else:
                os.link(name, path)  # unlike a rename, this fails when the name is taken
        finally:
            Path(name).unlink(missing_ok=True)
    except FileExistsError:
        raise LocalFault(f"{path}: is there already, and is not overwritten") from None
    except OSError as error:
        raise LocalFault(f"{path}: cannot be written ({error.strerror})") from None
