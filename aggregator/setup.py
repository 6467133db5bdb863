"""Setting up the national side in an empty directory: keys, certificates, database, configuration."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from aggregator import authority as ca
from aggregator import config as configuration
from aggregator import files
from aggregator.book import Entry, opened
from aggregator.config import Config
from aggregator.enrolment import write_credentials
from aggregator.events import BadgeIssued, Initialised
from samentel.documents.keys import SigningKey, verify_key
from samentel.errors import LocalFault
from samentel.wire.methods import Role

ADMIN = "admin"

_TEMPLATE = """\
# The coordinator of a Samentel federation. Paths are relative to this file.

# Where the daemon listens, and the address that nodes and readers are given.
listen = "{listen}"
address = "{address}"

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
        DocumentError: every mistake in the arguments.
    """
    path = directory / "aggregator.toml"
    if path.exists():
        raise LocalFault(f"{path} exists already: choose another directory, or remove it yourself")
    files.folder(directory)
    files.folder(directory / "authority")
    names = []
    for number, source in enumerate(authority, 1):
        data = files.read(source)
        verify_key(data)
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


def _settings(
    listen: str, address: str, hosts: Sequence[str], authority: Sequence[str], threshold: int
) -> bytes:
    return _TEMPLATE.format(
        listen=listen,
        address=address,
        hosts=", ".join(f'"{host}"' for host in hosts),
        authority=", ".join(f'"{name}"' for name in authority),
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
