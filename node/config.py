"""The node's configuration: one TOML file, parsed once into a frozen value, all mistakes together.

There is no key here that makes anything less private: caps and floors are
limits, and what goes beyond them is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from samentel.counting.ledger import Charge
from samentel.documents.keys import VerifyKey, verify_key
from samentel.documents.model import Exact, Model, Name, from_toml
from samentel.errors import DocumentError, LocalFault

Language = Literal["nl", "en"]
CENTRAL_CAP = Fraction(1)  # two attempts of a programme at rho 1/2
LOCAL_CAP = Fraction(80)  # the same two attempts should all others collude, up to 80 institutions and a few
INSTITUTIONS_FLOOR = 3
COLLUDE_FLOOR = 0
LONGEST_SOCKET = 100  # bytes; the operating system cuts off at about 107


class Authority(Model):
    """Whose signatures a programme and a roster need."""

    keys: Annotated[tuple[Name, ...], Field(min_length=1, max_length=16)]
    threshold: Annotated[int, Field(ge=1, le=16)]


class Caps(Model):
    """The most that one person may lose in one reporting year of the data."""

    central: Exact = CENTRAL_CAP
    local: Exact = LOCAL_CAP


class Floors(Model):
    """Below these this node refuses, whatever a programme says.

    Attributes:
        collude_min: how many institutions may work together with the coordinator, at the least, before a
            secure sum protects less.
    """

    institutions_min: Annotated[int, Field(ge=3, le=10_000)] = INSTITUTIONS_FLOOR
    collude_min: Annotated[int, Field(ge=0, le=10_000)] = COLLUDE_FLOOR


class ConfigFile(Model):
    """The file as it is written."""

    state_dir: Name = "state"
    mapping: Name = "mapping.toml"
    language: Language = "nl"
    control_socket: Name | None = None
    authority: Authority
    caps: Caps = Caps()
    floors: Floors = Floors()


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration whose parts fit together; paths are absolute."""

    path: Path
    state_dir: Path
    mapping: Path
    language: Language
    control_socket: Path
    authority: tuple[VerifyKey, ...]
    authority_threshold: int
    caps: Charge
    institutions_floor: int
    collude_floor: int


def load(path: Path) -> Config:
    """Read the configuration.

    Raises:
        LocalFault: there is no such file.
        DocumentError: it does not hold; every mistake with its place.
    """
    path = path.resolve()
    try:
        data = path.read_bytes()
    except OSError:
        raise LocalFault(
            f"there is no configuration at {path}: run `samentel-node init`, or name it with --config"
        ) from None
    written = from_toml(ConfigFile, data, str(path))
    problems: list[str] = []
    keys = _authority(path.parent, written.authority, problems.append)
    if written.caps.central <= 0 or written.caps.local < written.caps.central:
        problems.append("caps: central must be more than 0, and local at least as much as central")
    state = (path.parent / written.state_dir).resolve()
    socket = (
        (path.parent / written.control_socket).resolve() if written.control_socket else state / "control.sock"
    )
    if len(str(socket).encode()) > LONGEST_SOCKET:
        problems.append(f"control_socket: {socket} is longer than {LONGEST_SOCKET} bytes; set a shorter path")
    if problems:
        raise DocumentError(str(path), problems)
    return Config(
        path=path,
        state_dir=state,
        mapping=(path.parent / written.mapping).resolve(),
        language=written.language,
        control_socket=socket,
        authority=keys,
        authority_threshold=written.authority.threshold,
        caps=Charge(written.caps.central, written.caps.local),
        institutions_floor=written.floors.institutions_min,
        collude_floor=written.floors.collude_min,
    )


def _authority(directory: Path, authority: Authority, report: Callable[[str], None]) -> tuple[VerifyKey, ...]:
    keys = []
    for number, name in enumerate(authority.keys):
        try:
            keys.append(verify_key((directory / name).read_bytes()))
        except OSError:
            report(f"authority.keys.{number}: the file {name} cannot be read")
        except LocalFault as fault:
            report(f"authority.keys.{number}: {name}: {fault}")
    if len(set(keys)) < len(keys):
        report("authority.keys: the same key stands twice")
    if authority.threshold > len(authority.keys):
        report("authority.threshold: is more than the number of keys")
    return tuple(keys)
