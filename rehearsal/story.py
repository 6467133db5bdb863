"""What is told while the demo runs: a line a step, its time, and the last words of one that fails."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rehearsal import processes
from samentel.errors import LocalFault, SamentelError

IDLE_SECONDS = 0.1


@dataclass(slots=True)
class Story:
    """What is told while the demo runs.

    Attributes:
        times: how long each step took, in seconds.
    """

    console: Console
    times: dict[str, float] = field(default_factory=dict)

    def say(self, line: str = "") -> None:
        """One line of progress."""
        self.console.print(Text(line), soft_wrap=True)  # paths stay whole, to be copied

    @contextmanager
    def step(self, name: str, log: Path | None = None) -> Iterator[None]:
        """One step: told when it begins, timed; when it fails, with the last words of its process.

        Raises:
            LocalFault: the step failed; the text says which, why, and where to look.
        """
        self.say(f"• {name} …")
        begun = time.monotonic()
        try:
            yield
        except SamentelError as error:
            words = f"\n{processes.last_words(log)}\n  (all of it: {log})" if log else ""
            raise LocalFault(f"the demo stopped at this step: {name}\n  {error}{words}") from None
        self.times[name] = time.monotonic() - begun
        self.say(f"  {self.times[name]:.1f} s")

    def follow(
        self, process: subprocess.Popen[bytes], log: Path, seconds: float, look: Callable[[], float]
    ) -> None:
        """Show a process's lines as they come, until it ends.

        Args:
            look: called at every turn; returns the seconds until the next one.

        Raises:
            LocalFault: it takes longer than that.
        """
        deadline = time.monotonic() + seconds
        with log.open(encoding="utf-8", errors="replace") as lines:
            while True:
                ended = process.poll() is not None
                for line in lines:
                    self.say(f"    {line.rstrip()}")
                if ended:
                    return
                if time.monotonic() > deadline:
                    raise LocalFault(f"it did not end within {seconds:.0f} s")
                time.sleep(min(IDLE_SECONDS, look()))
