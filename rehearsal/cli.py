"""What ``samentel demo`` does; the command itself is in desk/cli.py."""

from pathlib import Path


def demo(*, out: Path = Path("out")) -> None:
    """A whole federation on this machine, with made-up people: two releases, and two nodes that are killed.

    Starts Prefect's server, an aggregator and twelve institutions' nodes as separate processes that speak
    over mutual TLS. The flow publishes the national tables; a node is killed on the way, and the sum goes on
    without it. In a second round, for the year before, a node is killed after it has sent its masked counts,
    and comes back. A reader's certificate fetches the tables, and everything is stopped again. Takes about a
    minute; needs no network.

    Example:  samentel demo
    Example:  samentel demo --out rehearsed

    Args:
        out: receives the release, the other one in a directory named after its year, and federation/ with
            everything else; what an earlier demo left there goes.
    """
    from rehearsal.demo import run

    run(out)
