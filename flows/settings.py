"""The environment in which Prefect runs: offline, quiet, patient on a small machine.

Set before Prefect is first imported; what the operator has set wins.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from samentel.errors import LocalFault

CREDENTIALS = "SAMENTEL_CREDENTIALS"
API_URL = "PREFECT_API_URL"
PROGRESS = "samentel.flows"  # the logger whose lines both the terminal and Prefect's page show

DEFAULTS: Mapping[str, str] = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    # A fresh home needs 19 to 25 s of migrations on two cores; Prefect gives up after 20.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_EXTRA_LOGGERS": PROGRESS,
    # Errors reach a person as one line of our own; Prefect's page keeps the traceback.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
}


def prepare(credentials: Path | None = None) -> None:
    """Set this process, and those it starts, up for Prefect.

    Raises:
        LocalFault: no credentials directory is named, or the home cannot be made.
    """
    if credentials is not None:
        os.environ[CREDENTIALS] = str(credentials.resolve())
    credentials_directory()
    for name, value in environment(home()).items():
        os.environ.setdefault(name, value)


def environment(directory: Path) -> dict[str, str]:
    """What Prefect is to be told, with its files in ``directory``.

    Raises:
        LocalFault: the directory cannot be made.
    """
    try:
        # Prefect's database is made readable for all: the directory around it is not.
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        fault = f"{directory}: Prefect's files cannot be kept there ({error.strerror}); set PREFECT_HOME"
        raise LocalFault(fault) from None
    return {**DEFAULTS, "PREFECT_HOME": str(directory)}


def home() -> Path:
    """Where Prefect keeps its files unless the operator says otherwise."""
    if named := os.environ.get("PREFECT_HOME"):
        return Path(named)
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "samentel" / "prefect"


def credentials_directory() -> Path:
    """The administrator's credentials: named by the environment, so that no flow parameter holds a path."""
    named = os.environ.get(CREDENTIALS)
    if not named:
        raise LocalFault(f"which credentials? Give --credentials DIR, or set {CREDENTIALS}")
    if not Path(named).is_dir():
        raise LocalFault(f"{named}: there is no such credentials directory")
    return Path(named)
