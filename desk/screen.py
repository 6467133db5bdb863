"""Where people read what the desk shows."""

import os
import sys

from rich.console import Console


def console() -> Console:
    """As wide as the terminal; 120 letters where there is none, so that tables stay whole in a file."""
    wide = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if wide else 120)
