"""Why the coordinator cannot be reached: a handshake of our own, since gRPC tells no reasons."""

import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from node import form, identity
from node.config import Config
from node.identity import Credentials
from node.store import DocumentKind, Reader
from samentel.counting.ledger import verify
from samentel.documents.programme import parse
from samentel.errors import SamentelError
from samentel.ids import Digest

SECONDS = 10.0


def findings(config: Config) -> Iterator[tuple[str, str]]:
    """What was looked at and what is wrong with it: an empty text when it is fine."""
    yield "node.toml", ""
    yield "mapping, export", _said(lambda: form.inspect(config.mapping))
    yield "ledger", _said(lambda: _ledger(config))
    yield "sealed periods", _said(lambda: _sealed(config))
    try:
        credentials = identity.credentials(config.state_dir)
        end = identity.lifetime(credentials.chain)[1]
    except SamentelError as error:
        yield "certificate", str(error)
        return
    expired = end <= datetime.now(UTC)
    yield (
        "certificate",
        f"expired on {end:%Y-%m-%d}: ask the coordinator for a new invitation" if expired else "",
    )
    yield f"connection to {credentials.address}", handshake(credentials)


def handshake(credentials: Credentials) -> str:
    """What is wrong with the connection, with what to do; empty when it is fine."""
    host, _, port = credentials.address.rpartition(":")
    try:
        plain = socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS)
    except socket.gaierror:
        return f"the name {host} is not known here: look at DNS"
    except ConnectionRefusedError:
        return "nobody answers at this port: is the coordinator running, is the port right?"
    except OSError:
        return "no answer: does a firewall let this machine dial out to this address and port?"
    with plain:
        try:
            with _context(credentials).wrap_socket(plain, server_hostname=host.strip("[]")) as secure:
                secure.settimeout(SECONDS)
                secure.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
                # With TLS 1.3 the server judges our certificate after the handshake: its answer tells.
                if not secure.recv(1):
                    return "the coordinator closed the connection: does it still accept this certificate?"
        except ssl.SSLCertVerificationError as error:
            return (
                f"the coordinator's certificate is not the one the invitation names ({error.verify_message})"
            )
        except ssl.SSLError as error:
            return f"TLS failed ({error.reason}): does a proxy open it, or was our certificate refused?"
        except OSError:
            return "the connection was cut during the handshake: is there a proxy or a firewall in between?"
    return ""


def _context(credentials: Credentials) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=credentials.root.decode())
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    with tempfile.TemporaryDirectory() as private:  # made for its owner only; ssl reads keys from files alone
        path = Path(private) / "tls.pem"
        identity.write_private(path, credentials.key.rstrip() + b"\n" + credentials.chain)
        context.load_cert_chain(path)
    return context


def _ledger(config: Config) -> None:
    with Reader.open_read_only(config.state_dir) as reader:
        problems = verify(reader.entries())
    if problems:
        raise SamentelError(problems[0])


def _sealed(config: Config) -> None:
    """Open all that is sealed of every period; nothing of it is looked at."""
    with Reader.open_read_only(config.state_dir) as reader:
        held = [reader.snapshot(one) for one in reader.sealed_periods()]
        programmes = {one.digest: one.payload for one in reader.documents(DocumentKind.PROGRAMME)}
    if not held:
        return
    from node import snapshots  # numpy

    key = identity.protocol_key(config.state_dir)
    for record in held:
        try:
            snapshots.persons(key, record)
            snapshots.opened(key, record, parse(programmes[Digest(record.where.programme)]))
        except SamentelError as error:
            where = record.where
            raise SamentelError(
                f"{where.name} {where.period}: {error}. Until then this node refuses {where.period}, and "
                "every other quarter of that year, and annual tables of its persons; other years go on"
            ) from None


def _said(look: Callable[[], object]) -> str:
    try:
        look()
    except SamentelError as error:
        return str(error)
    return ""
