"""A comparison of two releases as a person reads it, in Dutch or English."""

from collections.abc import Iterator, Mapping

from desk.languages import chosen
from desk.numerals import number
from desk.releases.compare import Change, Comparison
from samentel.documents.codelists import Text

_CHANGED = Text(nl="Voorbij de ruis", en="Beyond noise")
_WORDS: Mapping[str, Text] = {
    "head": Text(
        nl="Van {before} ({first}) naar {after} ({second})",
        en="From {before} ({first}) to {after} ({second})",
    ),
    "same": Text(
        nl="Beide zijn uit dezelfde som gemaakt. Er is geen ruis tussen: elk verschil is een correctie.",
        en="Both were made from the same sum. No noise lies between them: every difference is a correction.",
    ),
    "corrected": Text(
        nl="{beyond} van {cells} cijfers zijn gecorrigeerd.", en="{beyond} of {cells} figures were corrected."
    ),
    "counted": Text(
        nl="{beyond} van {cells} verschillen zijn groter dan ruis bij 95 %; door ruis alleen verwacht men er "
        "{expected}. Alle verschillen samen genomen ({z} sd) zijn het er {jointly}, gemerkt met *.",
        en="{beyond} of {cells} differences are larger than noise at 95%; {expected} are expected from noise "
        "alone. With all differences taken together ({z} sd) there are {jointly}, marked *.",
    ),
    "none": Text(nl="Geen.", en="None."),
    "gone": Text(nl="Niet meer in de som: {names}.", en="No longer in the sum: {names}."),
    "new": Text(nl="Nieuw in de som: {names}.", en="New in the sum: {names}."),
    "layout": Text(nl="Niet vergeleken, of anders ingedeeld:", en="Not compared, or laid out otherwise:"),
}
_Z95 = 1.96  # for the words only; which changes are marked is worked out elsewhere


def lines(found: Comparison, language: str, *, everything: bool = False) -> Iterator[str]:
    """The comparison, a line each.

    Args:
        language: nl or en.
        everything: also the figures whose change is no more than noise.
    """
    before, after = found.before, found.after
    yield _say(
        "head",
        language,
        before=before.release_id,
        after=after.release_id,
        first=before.period,
        second=after.period,
    )
    beyond = sum(change.beyond for change in found.changes)
    if found.same_sum:
        yield _say("same", language)
        yield _say("corrected", language, beyond=beyond, cells=len(found.changes))
    else:
        yield _say(
            "counted",
            language,
            beyond=beyond,
            cells=len(found.changes),
            expected=number(len(found.changes) / 20, language),
            z=number(found.joint_z, language, 2),
            jointly=sum(change.jointly for change in found.changes),
        )
    for name, nodes in (("gone", found.gone), ("new", found.new)):
        if nodes:
            yield _say(name, language, names=", ".join(nodes))
    if found.layout:
        yield _say("layout", language)
        yield from (f"  {chosen(text, language)}" for text in found.layout)
    yield ""
    shown = [change for change in found.changes if everything or change.beyond]
    table = ""
    for change in shown:
        if change.table != table:
            table = change.table
            facts = next(facts for facts in after.tables if facts.id == table)
            yield f"{chosen(facts.title, language)} ({table})"
        yield _line(change, language)
    if not shown:
        yield f"{chosen(_CHANGED, language)}: {_say('none', language)}"


def _line(change: Change, language: str) -> str:
    decimals = 0 if change.sd else 1
    signed = number(change.difference, language, decimals)
    signed = signed if change.difference < 0 else f"+{signed}"
    margin = f" (± {number(_Z95 * change.sd, language)})" if change.sd else ""
    numbers = (
        f"{number(change.before, language, decimals):>10} {number(change.after, language, decimals):>10} "
        f"{signed + margin:>20}"
    )
    return f"  {'*' if change.jointly else ' '} {chosen(change.label, language)[:60]:<60} {numbers}"


def _say(name: str, language: str, **facts: object) -> str:
    return chosen(_WORDS[name], language).format(**facts)
