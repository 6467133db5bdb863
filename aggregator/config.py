"""The file ``aggregator.toml``, read once into a frozen value, every mistake reported together.

There is no key that turns TLS, signatures or the log off.
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from aggregator import files
from samentel.documents.access import Address
from samentel.documents.keys import VerifyKey, verify_key
from samentel.documents.model import Model, Name, from_toml
from samentel.errors import DocumentError, LocalFault, SamentelError

LONGEST_SUM = 24 * 90  # hours; a node keeps no secret of a round longer (docs/security-model.md)
Hours = Annotated[float, Field(gt=0, le=24 * 90)]
Minutes = Annotated[float, Field(ge=0.001, le=60 * 24 * 7)]
Expiry = Annotated[float, Field(ge=0.001, le=24 * 30)]  # nodes keep a secret of a round for a month at most
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]


def _port(address: str) -> str:
    if not 1 <= int(address.rpartition(":")[2]) <= 65535:
        raise ValueError("the port must lie between 1 and 65535")
    return address


Where = Annotated[Address, AfterValidator(_port)]


class Settings(Model):
    """The keys of the file; see the comments that ``samentel-aggregator init`` writes beside them."""

    listen: Where
    address: Where
    hosts: Annotated[tuple[Host, ...], Field(min_length=1, max_length=20)]
    state_dir: Name = "state"
    database: Annotated[str, StringConstraints(max_length=500)] = ""
    authority: Annotated[tuple[Name, ...], Field(min_length=1, max_length=16)]
    authority_threshold: Annotated[int, Field(ge=1, le=16)]
    gather_hours: Hours = 168.0
    advertise_minutes: Minutes = 30.0
    share_minutes: Minutes = 30.0
    collect_hours: Hours = 24.0
    expire_hours: Expiry = 168.0


@dataclass(frozen=True, slots=True)
class Config:
    """Settings with their paths resolved and their keys read.

    Attributes:
        path: the file itself; relative paths in it start at its directory.
        database: an SQLAlchemy URL; it may hold a password and is not shown.
        authority: the programme authority's public keys, by their files.
        gather, collect: how long institutions have to say that they take part, and then to hand in.
        advertise, share, expire: how long the other steps of a secure sum may take: the keys, the dealings,
            and all that comes after the masked counts.
    """

    path: Path
    state: Path
    listen: str
    address: str
    hosts: tuple[str, ...]
    authority: tuple[VerifyKey, ...]
    authority_files: tuple[Path, ...]
    authority_threshold: int
    gather: timedelta
    advertise: timedelta
    share: timedelta
    collect: timedelta
    expire: timedelta
    database_url: str

    def __repr__(self) -> str:
        return f"Config({self.path})"

    @property
    def pki(self) -> Path:
        """The directory of certificates and their keys."""
        return self.state / "pki"

    @property
    def coordinator_key(self) -> Path:
        """The key that signs rounds, receipts and releases."""
        return self.state / "coordinator.key.pem"

    @property
    def releases(self) -> Path:
        """One directory a release."""
        return self.state / "releases"

    @property
    def admin(self) -> Path:
        """The credentials of this machine's own administrator."""
        return self.path.parent / "admin"


def load(path: Path) -> Config:
    """Read the configuration.

    Raises:
        LocalFault: the file cannot be read.
        DocumentError: every mistake in it.
    """
    path = path.absolute()
    settings = from_toml(Settings, files.read(path), str(path))
    base = path.parent
    authority_files = tuple(base / name for name in settings.authority)
    keys, problems = _keys(authority_files)
    if settings.authority_threshold > len(settings.authority):
        problems.append(
            f"authority_threshold: {settings.authority_threshold} signatures can never be reached "
            f"with {len(settings.authority)} keys"
        )
    if len(set(keys)) < len(keys):
        problems.append("authority: the same key stands twice, so that one signer would count for two")
    minutes = settings.advertise_minutes + settings.share_minutes
    hours = minutes / 60 + settings.collect_hours + settings.expire_hours
    if hours >= LONGEST_SUM:
        problems.append(
            f"advertise_minutes, share_minutes, collect_hours and expire_hours: a secure sum would last "
            f"{hours / 24:.0f} days, and no node joins one of {LONGEST_SUM // 24} days or more"
        )
    if problems:
        raise DocumentError(str(path), problems)
    state = base / settings.state_dir
    return Config(
        path=path,
        state=state,
        listen=settings.listen,
        address=settings.address,
        hosts=settings.hosts,
        authority=keys,
        authority_files=authority_files,
        authority_threshold=settings.authority_threshold,
        gather=timedelta(hours=settings.gather_hours),
        advertise=timedelta(minutes=settings.advertise_minutes),
        share=timedelta(minutes=settings.share_minutes),
        collect=timedelta(hours=settings.collect_hours),
        expire=timedelta(hours=settings.expire_hours),
        database_url=settings.database or f"sqlite:///{state / 'aggregator.db'}",
    )


def quoted(text: str) -> str:
    """A text as TOML writes it, whatever is in it."""
    # JSON's escapes are TOML's too; only TOML asks for one for the character 7F.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _keys(paths: tuple[Path, ...]) -> tuple[tuple[VerifyKey, ...], list[str]]:
    keys, problems = [], []
    for number, path in enumerate(paths):
        try:
            keys.append(verify_key(files.read(path)))
        except SamentelError as error:
            text = (
                f"{path}: {error}"
                if not isinstance(error, LocalFault) or str(path) not in str(error)
                else str(error)
            )
            problems.append(f"authority.{number}: {text}")
    return tuple(keys), problems
