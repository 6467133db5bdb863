"""What ``samentel demo`` and ``samentel rehearse`` do; the commands themselves are in desk/cli.py."""

from pathlib import Path

from desk.cli import Whole


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


def sector(
    *,
    out: Path,
    institutions: Whole = 40,
    year: Whole = 2025,
    seed: Whole = 7,
    programme: str = "registratie-2025",
    consent_required: bool | None = None,
) -> None:
    """Write exports and mapping files of institutions that do not exist, and the true tables apart.

    OUT/NODE/ receives an institution's exports and its mapping.toml; OUT/roster.csv what the roster says of
    each institution; OUT/truth/ the true cells of every table of a programme. The people are drawn after
    published figures. Up to twelve institutions are those of the demo; forty are a whole country.

    Example:  samentel rehearse sector --out sector
    Example:  samentel rehearse sector --institutions 12 --programme registratie-demo --out twelve
    Example:  samentel rehearse sector --year 2017 --seed 3 --no-consent-required --out before-2018

    Args:
        out: a directory that is empty or not there yet.
        institutions: how many, 40 at most.
        year: the reporting year; a few records lie in the years beside it.
        seed: the same number makes the same sector.
        programme: of which the true tables are written: a TOML file, or one that comes with this software.
        consent_required: whether helpers report victims with their consent only; by default from 2018 on.
    """
    from desk.screen import console
    from desk.signing import read_programme
    from rehearsal.sector import directory, houses, make

    asked, chosen, place = read_programme(programme), houses(institutions), directory.prepared(out)
    screen = console()
    with screen.status("people are drawn …") as status:
        made = make(year, seed, chosen, consent_required=consent_required)
        directory.write(made, asked, place, status.update)
    people = sum(made.truth.values())
    screen.print(
        f"{out}: {len(chosen)} institutions, {people} clients of {year}, none of whom exists", soft_wrap=True
    )
    screen.print(f"  the true tables of {asked.id}: {place / directory.TRUTH}", soft_wrap=True)
