"""What ``samentel demo`` and ``samentel rehearse`` do; the commands themselves are in desk/cli.py."""

from pathlib import Path

from desk.cli import Whole

PART = "fewer than {whole} institutions are a part of the country, not a calibrated one"


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
    """What ``desk.cli.SECTOR`` says.

    Args:
        out: a directory that is empty or not there yet.
        institutions: how many, 40 at most; only 40 are as docs/sector.md says.
        year: the reporting year; a few records lie in the years beside it.
        seed: the same number makes the same sector.
        programme: of which the true tables are written: a TOML file, or one that comes with this software.
        consent_required: whether helpers report victims with their consent only; by default from 2018 on.
    """
    from desk.numerals import counted
    from desk.screen import console
    from desk.signing import read_programme
    from rehearsal.sector import NATION, directory, houses, make

    asked, chosen, place = read_programme(programme), houses(institutions), directory.prepared(out)
    screen = console()
    with screen.status("people are drawn …") as status:
        made = make(year, seed, chosen, consent_required=consent_required)
        directory.write(made, asked, place, status.update)
    people = sum(made.truth.values())
    there = counted(len(chosen), "institution|institutions")
    screen.print(
        f"{out}: {there}, {counted(people, 'client|clients')} of {year}, none of whom exists", soft_wrap=True
    )
    if len(chosen) < len(NATION):
        screen.print(f"  {PART.format(whole=len(NATION))}", soft_wrap=True)
    screen.print(f"  the true tables of {asked.id}: {place / directory.TRUTH}", soft_wrap=True)
