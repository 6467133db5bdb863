"""Levels that the roster fixes, and which institutions can fill them.

An institution's totals are protected by the noise of the national sum alone, so
a level that few institutions can fill would tell them. Therefore such a level
has at least c + D + 2 institutions on the roster, or each of its institutions
has agreed in its own approval that the level is published ("by consent").
"""

from dataclasses import dataclass

from samentel.documents.codelists import Dimension, Fixed
from samentel.documents.programme import Programme
from samentel.documents.roster import Institution, Roster


@dataclass(frozen=True, slots=True)
class FixedLevel:
    """One level of a dimension that the roster fixes.

    Attributes:
        name: such as "facility:COSM"; what an approval names when it consents.
        by_consent: published because each of its institutions agreed, however few there are.
        nodes: the institutions that can fill it, sorted; nobody's totals are at stake where there is none.
    """

    name: str
    by_consent: bool
    nodes: tuple[str, ...]


def allowed(dimension: Dimension, institution: Institution) -> frozenset[int]:
    """The positions that this institution's rows can have in a dimension that the roster fixes.

    Of its type or province exactly one. Of facilities, those it has and every level that names none.
    """
    assert dimension.fixed_by is not None, "asked of dimensions that the roster fixes only"
    words = {
        Fixed.TYPE: (institution.type,),
        Fixed.PROVINCE: (institution.province,),
        Fixed.FACILITIES: institution.facilities,
    }[dimension.fixed_by]
    unknown = dimension.index(dimension.unknown)
    if dimension.fixed_by is Fixed.FACILITIES:
        return frozenset(
            place
            for place, code in enumerate(dimension.codes)
            if place == unknown or not code.members or set(words) & set(code.members)
        )
    found = {
        place for place, code in enumerate(dimension.codes) if set(words) & set(code.members or (code.code,))
    }
    return frozenset(found or {unknown})


def fixed_levels(programme: Programme, roster: Roster) -> tuple[FixedLevel, ...]:
    """Every level of the programme's tables that the roster fixes, in the programme's order."""
    used = {name for table in programme.tables for name in table.dimensions}
    return tuple(
        _level(dimension, place, roster)
        for dimension in programme.dimensions
        if dimension.fixed_by is not None and dimension.id in used
        for place in range(len(dimension.codes))
    )


def consents_needed(programme: Programme, institution: Institution) -> tuple[str, ...]:
    """The levels by consent that this institution can fill: without its yes to each it takes no part."""
    used = {name for table in programme.tables for name in table.dimensions}
    return tuple(
        _name(dimension, place)
        for dimension in programme.dimensions
        if dimension.fixed_by is not None and dimension.id in used
        for place in sorted(allowed(dimension, institution))
        if dimension.codes[place].by_consent
    )


def _level(dimension: Dimension, place: int, roster: Roster) -> FixedLevel:
    nodes = sorted(one.node for one in roster.institutions if place in allowed(dimension, one))
    return FixedLevel(_name(dimension, place), dimension.codes[place].by_consent, tuple(nodes))


def _name(dimension: Dimension, place: int) -> str:
    return f"{dimension.id}:{dimension.codes[place].code}"
