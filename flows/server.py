"""Prefect's own server as a process beside us, on this machine only.

Whoever reaches its port may read and steer it, so it listens on loopback; for
more, set PREFECT_SERVER_API_AUTH_STRING or put a proxy before it.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flows import settings
from samentel.errors import LocalFault

HOST = "127.0.0.1"
READY_SECONDS = 120.0  # a fresh home needs 12 to 25 s on two cores
STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True, eq=False)
class Server:
    """A Prefect server that has been started, and may not answer yet.

    Attributes:
        page: where a person looks at it.
        log: what it says.
    """

    process: subprocess.Popen[bytes]
    page: str
    log: Path

    @property
    def api(self) -> str:
        """What PREFECT_API_URL must be."""
        return f"{self.page}/api"

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            LocalFault: it has stopped, or does not answer in time.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(f"{self.api}/health"):
            if self.process.poll() is not None:
                raise LocalFault(f"Prefect's server stopped while starting; its last words are in {self.log}")
            if time.monotonic() > deadline:
                raise LocalFault(
                    f"Prefect's server does not answer after {READY_SECONDS:.0f} s; see {self.log}"
                )
            time.sleep(0.2)

    def stop(self) -> None:
        """End it, with everything that it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def start(home: Path, port: int = 0) -> Server:
    """Start a server with its database and log in ``home``.

    Args:
        port: zero takes one that is free.

    Raises:
        LocalFault: the port is taken, or the home cannot be made.
    """
    told = settings.environment(home)
    port = _free_port(port)
    log = home / "server.log"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]
    page = f"http://{HOST}:{port}"
    with log.open("ab") as out:
        # A group of its own: Ctrl-C reaches us first, and we end it when nothing needs it any more.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and fixed words
            command,
            env={**told, **os.environ, "PREFECT_HOME": str(home), settings.API_URL: f"{page}/api"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    return Server(process, page, log)


@contextmanager
def running(home: Path, port: int = 0) -> Iterator[Server]:
    """A server that answers, stopped at the end."""
    server = start(home, port)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port(wanted: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            raise LocalFault(f"port {wanted} is in use; choose another with --port") from None
        return int(probe.getsockname()[1])
