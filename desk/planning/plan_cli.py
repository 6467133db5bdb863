"""What ``samentel plan`` and ``samentel shares`` do; the commands themselves are in desk/cli.py."""

from pathlib import Path

from desk.cli import Flag, Language, Names, Nodes, Whole, language, print_json, say, show
from samentel.errors import LocalFault


def plan(
    programme: str,
    *,
    nodes: Nodes = None,
    absent: Whole = 0,
    collude: Whole | None = None,
    target: str | None = None,
    drop: Names = None,
    roster: Path | None = None,
    json: Flag = False,
    page: Path | None = None,
    lang: Language | None = None,
) -> None:
    """What ``desk.command_words.PLAN`` says.

    Args:
        programme: a TOML file, a signed file, or the name of a programme that comes with this software.
        nodes: how many institutions will begin; by default the least that is allowed.
        absent: how many of them will fall out on the way; the others are in the sum.
        collude: what if the programme assumed that so many collude with the coordinator; the programme
            itself stays as it is.
        target: which rho reaches these standard deviations, in persons, such as total=3,2way=4; a name is
            total, 1way, 2way, 3way, a population or a table.
        drop: what do the other tables gain without this one; may be given more than once.
        roster: a roster (.json or signed): all its institutions begin, and its levels are checked.
        json: print one JSON object instead of a table.
        page: write a page to read, with drawings, to this file.
        lang: nl or en.
    """
    from desk.planning import plan as planning
    from desk.planning import plan_page
    from desk.planning.targets import wanted
    from desk.signing import read_programme, read_roster

    if roster is not None and nodes is not None:
        raise LocalFault("give --nodes or --roster: with a roster, all its institutions begin")
    asked = read_programme(programme)
    listed = None if roster is None else read_roster(roster)
    begin = asked.roster.institutions_min if nodes is None else nodes
    made = planning.plan(
        asked,
        begin if listed is None else len(listed.institutions),
        absent,
        listed,
        collude=collude,
        wanted=() if target is None else wanted(target),
        dropped=drop or (),
    )
    if page is not None:
        from desk.planning import plan_html

        plan_html.write(page, made, asked, language(lang))
    if json:
        print_json(planning.as_values(made))
    elif page is not None:
        say(page)
    else:
        show(plan_page.render(made, language(lang)))


def shares(programme: str, *, write: Path | None = None, json: Flag = False) -> None:
    """What ``desk.command_words.SHARES`` says.

    Args:
        programme: a TOML file, a signed file, or the name of a programme that comes with this software.
        write: a file with its tables, where each rho_share becomes the best; nothing else in it changes.
        json: print one JSON object instead of lines.
    """
    from desk import files
    from desk.planning import division
    from desk.signing import read_programme

    found = division.best(read_programme(programme))
    if write is not None:
        files.write(write, division.put_into(files.read(write), found.shares, write.name))
    if json:
        print_json(division.as_values(found))
    else:
        say("\n".join(division.lines(found)))
