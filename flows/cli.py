"""What ``samentel flow run`` and ``samentel flow serve`` do; the command itself is in desk/cli.py.

Prefect is imported only once its environment has been set.
"""

import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from aggregator.client import Coordinator
from flows import server, settings
from samentel.errors import LocalFault


def run(
    programme: str, *, period: str | None = None, attempt: int = 0, credentials: Path | None = None
) -> None:
    """Run the round of one period now, and publish it.

    A run that was broken off is taken up where its round stands: give the same command again.

    Example:  samentel flow run aanleiding-demo --period 2025 --credentials admin/

    Example:  samentel flow run aanleiding-demo --period 2025 --attempt 2 --credentials admin/

    Args:
        programme: its id, or the digest of its signed bytes.
        period: such as 2025 or 2025Q3; by default the last one that is over.
        attempt: to be given after an abandoned attempt; it costs institutions a fresh charge.
        credentials: the administrator's credentials directory; by default SAMENTEL_CREDENTIALS.
    """
    settings.prepare(credentials)
    _show_progress()
    with _prefect_in_one_line():
        from flows.national import national_release

        with Coordinator.connect(settings.credentials_directory()) as national:
            national.programmes()  # wrong credentials are told now, not after Prefect's server has started
        _check_server()
        release = national_release(programme, period, attempt)
    sys.stdout.write(f"{release}\n")


def serve(
    programme: str, *, cron: str = "0 6 1 2 *", port: int = 4200, credentials: Path | None = None
) -> None:
    """Run rounds by the calendar, and show them on Prefect's page: run, pause, retry, look.

    Without PREFECT_API_URL, Prefect's server is started here as well, on this machine only.

    Example:  samentel flow serve aanleiding-demo --cron "0 6 1 2 *" --credentials admin/

    Args:
        programme: its id, or the digest of its signed bytes.
        cron: when, in Dutch time: minute, hour, day, month, day of the week.
        port: of Prefect's page, where it is started here.
        credentials: the administrator's credentials directory; by default SAMENTEL_CREDENTIALS.
    """
    settings.prepare(credentials)
    _show_progress()
    _end_in_order()
    with _prefect_in_one_line():
        from flows import serve as serving

        serving.schedule(cron)
        _check_server()
    own = settings.API_URL not in os.environ
    with server.running(settings.home(), port) if own else nullcontext() as beside:
        if beside is not None:
            os.environ[settings.API_URL] = beside.api
        page = os.environ[settings.API_URL].removesuffix("/api")
        with _prefect_in_one_line():
            sys.stdout.write(
                f"{programme}: {cron} ({serving.ZONE}). Page: {page}/deployments. Ctrl-C stops.\n"
            )
            sys.stdout.flush()
            serving.serve(programme, cron)


def _end_in_order() -> None:
    """Let a stop signal, from wherever, end the server that was started here as well."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts deaf to it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # Prefect 3.8 warns about its own runner when it is stopped; there is nothing in it for an administrator.
    warnings.filterwarnings("ignore", category=RuntimeWarning, message=".*Runner.astop.*")


def _show_progress() -> None:
    progress = logging.getLogger(settings.PROGRESS)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    progress.addHandler(handler)


def _check_server() -> None:
    """Ask the Prefect server that the operator names, if any, whether it is there."""
    from prefect.client.orchestration import get_client

    named = os.environ.get(settings.API_URL)
    if named:
        with get_client(sync_client=True) as client:
            if client.api_healthcheck() is not None:
                raise LocalFault(
                    f"no Prefect server answers at {named}: correct {settings.API_URL}, or unset it"
                )


@contextmanager
def _prefect_in_one_line() -> Iterator[None]:
    """Turn Prefect's own failures into a line for people."""
    from prefect.exceptions import PrefectException

    try:
        yield
    except (PrefectException, RuntimeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise LocalFault(f"Prefect: {first}. Is PREFECT_API_URL right, and its server running?") from error
