"""Levels that the roster fixes, as a plan shows them: how many institutions each needs, and has.

The rule itself is in ``samentel.documents.levels``.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from samentel.documents.levels import (
    channels,
    consents_known,
    fixed_levels,
    least_at_level,
    registered,
    ruled,
    too_small,
)
from samentel.documents.programme import Mode, Programme
from samentel.documents.roster import Roster


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """One level of a table that institutions can be in, or not.

    Attributes:
        level: such as "facility:COSM"; an approval names it so when it consents.
        label_nl, label_en: of the level; of a channel its code, since a programme has no words for it.
        by_consent: published because each institution that can fill it agreed, however few they are.
        needed: the least number of institutions; None by consent.
        there: how many the roster has; None without a roster.
    """

    level: str
    dimension: str
    dimension_nl: str
    dimension_en: str
    code: str
    label_nl: str
    label_en: str
    by_consent: bool
    needed: int | None
    there: int | None


def level_plans(programme: Programme, roster: Roster | None) -> tuple[LevelPlan, ...]:
    """Every level of the programme's tables that the roster fixes; none in individual mode, without rule."""
    if programme.mode is Mode.INDIVIDUAL:
        return ()
    least, consented = least_at_level(programme), set(consents_known(programme))
    there: dict[str, int] = {}
    for level in fixed_levels(programme, roster) if roster else ():
        # More than once, or "of" some populations, where others register them: the fewest count.
        name = level.name.split(" ")[0]
        there[name] = min(len(level.nodes), there.get(name, len(level.nodes)))
    return tuple(
        LevelPlan(
            level=name,
            dimension=dimension.id,
            dimension_nl=dimension.title.nl,
            dimension_en=dimension.title.en,
            code=code.code,
            label_nl=code.nl,
            label_en=code.en,
            by_consent=name in consented,
            needed=None if name in consented else least,
            there=there.get(name),
        )
        for dimension in ruled(programme)
        for code in dimension.codes
        for name in (f"{dimension.id}:{code.code}",)
    ) + tuple(
        LevelPlan(
            level=name,
            dimension=population.id,
            dimension_nl=population.title.nl,
            dimension_en=population.title.en,
            code=code,
            label_nl=f"kanaal {code}",
            label_en=f"channel {code}",
            by_consent=name in consented,
            needed=None if name in consented else least,
            there=there.get(name),
        )
        for population in registered(programme)
        for code in channels(population)
        for name in (f"{population.id}:{code}",)
    )


def too_few(programme: Programme, roster: Roster) -> Iterator[str]:
    """The levels that this roster leaves with too few institutions, each with what to change."""
    least = least_at_level(programme)
    for level in too_small(programme, roster):
        yield (
            f"{level.name}: {len(level.nodes)} institution(s) on the roster can fill it, and it needs "
            f"{least}; take it together with another level, or let them agree to it (by_consent)"
            f"{_SAME if ' less ' in level.name else ''}"
        )


_SAME = "; or let the same institutions register both populations, since one less the other is their total"
