"""Processes beside this one: started, watched, and always ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from samentel.errors import LocalFault

STOP_SECONDS = 10.0
LAST_WORDS = 12  # lines of a log that are shown when something fails


@dataclass(frozen=True, slots=True, eq=False)
class Daemon:
    """A process that runs until it is stopped.

    Attributes:
        log: everything that it says.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Ask it to end; end it when it does not."""
        if self.runs:
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self.runs:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def stop(daemons: Iterable[Daemon]) -> None:
    """Ask all of them to end at once, then wait for each."""
    asked = list(daemons)
    for daemon in asked:
        if daemon.runs:
            daemon.process.terminate()
    for daemon in asked:
        daemon.stop()


def command(module: str, *words: str | Path) -> list[str]:
    """The command line of one of our own commands, whatever is on the PATH.

    Args:
        module: the one that holds its ``main``, such as ``node.cli``.
    """
    return [sys.executable, "-c", f"from {module} import main; main()", *(str(word) for word in words)]


def start(name: str, words: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Daemon:
    """Start a process of its own group, so that Ctrl-C reaches us first and we end it in order."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            words,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    return Daemon(name, process, log)


def wait(what: str, holds: Callable[[], bool], daemons: Sequence[Daemon], seconds: float) -> None:
    """Wait until something holds.

    Args:
        daemons: must go on running meanwhile.

    Raises:
        LocalFault: one of them has ended, or the time is over.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        ended = next((daemon for daemon in daemons if not daemon.runs), None)
        if ended is not None:
            raise LocalFault(
                f"{what}: {ended.name} ended with code {ended.process.returncode}; see {ended.log}"
            )
        if time.monotonic() > deadline:
            raise LocalFault(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.1)


def last_words(log: Path) -> str:
    """The last lines of a log, for whoever has to find out what went wrong."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return f"  ({log} is empty)"
    return "\n".join(f"  | {line}" for line in lines[-LAST_WORDS:]) or f"  ({log} is empty)"
