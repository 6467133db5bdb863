"""What ``samentel demo`` does; the command itself is in desk/cli.py."""

from pathlib import Path


def demo(*, out: Path = Path("out")) -> None:
    """A whole federation on this machine, with made-up people: one release.

    Starts Prefect's server, an aggregator and four institutions' nodes as separate processes that speak over
    mutual TLS, runs the flow that publishes the national tables, fetches them with a reader's certificate,
    and stops everything again. Takes about a minute; needs no network.

    Example:  samentel demo
    Example:  samentel demo --out rehearsed

    Args:
        out: receives the release, and federation/ with everything else; what an earlier demo left there goes.
    """
    from rehearsal.demo import run

    run(out)
