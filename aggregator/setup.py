"""Setting up the national side in an empty directory: keys, certificates, database, configuration."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from aggregator import authority as ca
from aggregator import config as configuration
from aggregator import files
from aggregator.book import Entry, opened
from aggregator.config import Config
from aggregator.enrolment import write_credentials
from aggregator.events import BadgeIssued, Initialised
from samentel.documents.keys import SigningKey, verify_key
from samentel.errors import LocalFault, SamentelError
from samentel.wire.methods import Role

ADMIN = "admin"
_ADDRESS_FORM = "write HOST:PORT, with a port from 1 to 65535"

_TEMPLATE = """\
# The coordinator of a Samentel federation. Paths are relative to this file.

# Where the daemon listens, and the address that nodes and readers are given.
listen = {listen}
address = {address}

# Names and addresses that the server certificate is valid for.
hosts = [{hosts}]

# Keys, certificates, releases and (unless `database` says otherwise) the event log.
state_dir = "state"

# Another database than SQLite, by its SQLAlchemy address, such as
# "postgresql+psycopg://samentel@localhost/samentel".
database = ""

# The programme authority's public keys, and how many of them must have signed.
authority = [{authority}]
authority_threshold = {threshold}

# How long institutions have to say that they take part, and then to hand in.
gather_hours = 168.0
collect_hours = 24.0

# How long the other steps of a secure sum may take. It begins when the gathering is over: with keys, then
# seed shares, then what is handed in. After that the institutions in the sum must still agree and help to
# take the masks off; each of them is waited for, until the last of these times.
advertise_minutes = 30.0
share_minutes = 30.0
expire_hours = 168.0
"""


def init(
    directory: Path,
    *,
    listen: str,
    address: str,
    hosts: Sequence[str],
    authority: Sequence[Path],
    authority_threshold: int,
) -> Path:
    """Set everything up; returns the path of the configuration.

    Args:
        directory: empty or new; also receives ``admin/``, the credentials of this machine's administrator.
        authority: files with the programme authority's public keys; they are copied.

    Raises:
        LocalFault: the directory is in use already, or cannot be written.
            Every mistake in the arguments is named by its flag, and nothing is written.
    """
    path = directory / "aggregator.toml"
    if path.exists():
        raise LocalFault(f"{path} exists already: choose another directory, or remove it yourself")
    keys = [files.read(source) for source in authority]
    problems = [
        *_wrong_addresses(listen, address, hosts),
        *_wrong_authority(authority, keys, authority_threshold),
    ]
    if problems:
        raise LocalFault("; ".join(problems))
    files.folder(directory)
    files.folder(directory / "authority")
    names = []
    for number, data in enumerate(keys, 1):
        names.append(f"authority/authority-{number}.pub.pem")
        files.write(directory / names[-1], data)
    draft = directory / "aggregator.toml.new"
    files.write(draft, _settings(listen, address, hosts, names, authority_threshold))
    try:
        config = configuration.load(draft)
        _make(config)
        # The configuration gets its name last, so that a half-made directory is not taken for a whole one.
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _wrong_addresses(listen: str, address: str, hosts: Sequence[str]) -> list[str]:
    if not _fits(configuration.Where, address):
        # The other two follow from this one where they are not given.
        return [f"--address {address!r}: {_ADDRESS_FORM}"]
    problems = [] if _fits(configuration.Where, listen) else [f"--listen {listen!r}: {_ADDRESS_FORM}"]
    if not hosts:
        problems.append("--host: a server certificate needs at least one name or address")
    return problems + [
        f"--host {host!r}: write a name or an address, without a port"
        for host in hosts
        if not _fits(configuration.Host, host)
    ]


def _wrong_authority(paths: Sequence[Path], keys: Sequence[bytes], threshold: int) -> list[str]:
    problems = []
    for path, data in zip(paths, keys, strict=True):
        try:
            verify_key(data)
        except SamentelError as error:
            problems.append(f"--authority {path}: {error}")
    if len(set(keys)) < len(keys):
        problems.append("--authority: the same key stands twice, so that one signer would count for two")
    if not 1 <= threshold <= len(keys):
        problems.append(
            f"--authority-threshold {threshold}: with {len(keys)} keys, write a number from 1 to {len(keys)}"
        )
    return problems


def _fits(form: Any, value: str) -> bool:
    try:
        TypeAdapter(form).validate_python(value)
    except ValidationError:
        return False
    return True


def _settings(
    listen: str, address: str, hosts: Sequence[str], authority: Sequence[str], threshold: int
) -> bytes:
    return _TEMPLATE.format(
        listen=configuration.quoted(listen),
        address=configuration.quoted(address),
        hosts=", ".join(map(configuration.quoted, hosts)),
        authority=", ".join(map(configuration.quoted, authority)),
        threshold=threshold,
    ).encode()


def _make(config: Config) -> None:
    now = datetime.now(UTC)
    for place in (config.state, config.pki, config.releases):
        files.folder(place)
    root = ca.new_root(now)
    issuing = ca.new_issuing(root, now)
    office = ca.Authority(issuing, root.certificate)
    _write_pair(config.pki, "root", root)
    _write_pair(config.pki, "issuing", issuing)
    _write_pair(config.pki, "server", office.server(config.hosts, now))
    files.write(config.coordinator_key, SigningKey(os.urandom(32)).to_pem(), files.PRIVATE)

    key, csr = ca.new_credential()
    issued = office.client(Role.ADMIN, ADMIN, ca.read_request(csr), now, ca.BADGE_LIFE)
    with opened(config) as book:
        if book.state.register.identities:
            raise LocalFault("database: this database belongs to another coordinator already")
        initialised = Initialised(root=ca.certificate_digest(root.certificate))
        badge = BadgeIssued(role="admin", spki=issued.spki, until=issued.until)
        book.write(now, lambda _: Entry(bodies=(("coordinator", initialised), (ADMIN, badge))))
    write_credentials(config, issued, root.certificate, config.admin)
    files.write(config.admin / "key.pem", key, files.PRIVATE)


def _write_pair(directory: Path, name: str, pair: ca.Pair) -> None:
    files.write(directory / f"{name}.key.pem", pair.key, files.PRIVATE)
    files.write(directory / f"{name}.pem", pair.certificate)
