"""Levels that the roster fixes, and which institutions can fill them.

An institution's totals are protected by the noise of the national sum alone, so
a level that few institutions can fill would tell them. Therefore such a level
has at least c + D + 2 institutions on the roster, or each of its institutions
has agreed in its own approval that the level is published ("by consent").

A population that only some types of institution register has such levels too: its
channels, named population:channel. And where two populations count the same records, the
institutions that are in one of them only, since their total is the difference.

The rule looks at one programme. Another about the same period, whose population leaves an
institution out, has a difference with this one that no rule here sees: docs/security-model.md.

All of this is for secure sums. In individual mode the coordinator sees an
institution's own noisy tables anyway, and its approval says so.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from samentel.documents.codelists import Dimension, Fixed, rolled
from samentel.documents.populations import Population
from samentel.documents.programme import Mode, Programme
from samentel.documents.roster import Institution, Roster

LEAST_HONEST = 2  # beyond those who may collude or fall out; samentel.secagg.terms asks the same of a sum


@dataclass(frozen=True, slots=True)
class FixedLevel:
    """One level of a dimension that the roster fixes, by itself or as a roll-up of one.

    Attributes:
        name: such as "facility:COSM" or "requests:MEDIATED"; what an approval names when it consents. More
            than one has a name, where populations along a dimension are registered by others.
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


def channel(population: Population, institution: Institution) -> str | None:
    """The channel whose rows of a population this institution registers; None if it registers none.

    "" where every institution registers all of its rows.
    """
    if population.registers is None:
        return ""
    return population.registers.channels.get(institution.type)


def registered(programme: Programme) -> list[Population]:
    """The populations with tables that only some types of institution register."""
    used = {table.population for table in programme.tables}
    return [one for one in programme.populations if one.registers is not None and one.id in used]


def channels(population: Population) -> list[str]:
    """The channels of a population that only some register, in the programme's order."""
    return list(dict.fromkeys(population.registers.channels.values())) if population.registers else []


def least_at_level(programme: Programme) -> int:
    """c + D + 2: how many institutions must be able to fill a level that is not by consent."""
    return programme.roster.collude_max + programme.roster.absent_max + LEAST_HONEST


def fixed_levels(programme: Programme, roster: Roster) -> tuple[FixedLevel, ...]:
    """Every level of the programme's tables that the roster fixes, in the programme's order.

    Where populations that other institutions register are counted along one dimension, a level stands here
    once for each such set of institutions, but for a set that holds all of another: who has enough of the
    smaller has enough of it too.
    """
    alike: dict[
        tuple[str, str, tuple[str, ...]], list[Institution]
    ] = {}  # a thousand are of some thirty kinds
    for one in roster.institutions:
        alike.setdefault((one.type, one.province, one.facilities), []).append(one)
    every = list(alike.values())
    levels: list[FixedLevel] = []
    for dimension in ruled(programme):
        counted = _counted_along(programme, dimension)
        for place in range(len(dimension.codes)):
            kinds = [group for group in every if place in _reach(programme, dimension, group[0])]
            name, consent = _name(dimension, place), _by_consent(programme, dimension, place)
            sets = [(name, _who(one, kinds)) for one in counted]
            sets += [(f"{name} of {apart.name}", apart.nodes) for apart in _apart(counted, kinds)]
            levels += _least(name, consent, sets)
    for population in registered(programme):
        for name in channels(population):
            mine = (one.node for one in roster.institutions if channel(population, one) == name)
            levels.append(
                FixedLevel(_channel(population, name), _consented(population, name), tuple(sorted(mine)))
            )
    used = {table.population for table in programme.tables}
    ruled_already = {level.nodes for level in levels if not level.by_consent}
    for apart in _apart([one for one in programme.populations if one.id in used], every):
        if apart.nodes not in ruled_already:
            levels.append(FixedLevel(apart.name, _all_agreed(apart, roster), apart.nodes))
    return tuple(levels)


def too_small(programme: Programme, roster: Roster) -> tuple[FixedLevel, ...]:
    """The levels that forbid a secure sum of this programme with this roster; none if all is well.

    A level that is not by consent needs ``least_at_level`` institutions, or none at all.
    """
    if programme.mode is Mode.INDIVIDUAL:
        return ()
    least = least_at_level(programme)
    return tuple(
        level
        for level in fixed_levels(programme, roster)
        if not level.by_consent and 0 < len(level.nodes) < least
    )


def unnamed(programme: Programme, roster: Roster) -> tuple[str, ...]:
    """Institutions whose type or province on the roster no level of the programme names, each with that word.

    They would count as the unknown level, and nobody would see that a word was mistyped.
    """
    found = []
    for dimension in ruled(programme):
        fine = _fine(programme, dimension)
        if fine.fixed_by in (Fixed.TYPE, Fixed.PROVINCE):
            known = {word for code in fine.codes for word in (code.members or (code.code,))}
            found += [
                f"{one.node}: {word}"
                for one in roster.institutions
                for word in ({Fixed.TYPE: one.type, Fixed.PROVINCE: one.province}[fine.fixed_by],)
                if word not in known
            ]
    return tuple(found)


def consents_needed(programme: Programme, institution: Institution) -> tuple[str, ...]:
    """The levels by consent that this institution can fill: without its yes to each it takes no part."""
    if programme.mode is Mode.INDIVIDUAL:
        return ()
    return tuple(
        _name(dimension, place)
        for dimension in ruled(programme)
        if any(channel(one, institution) is not None for one in _counted_along(programme, dimension))
        for place in sorted(_reach(programme, dimension, institution))
        if _by_consent(programme, dimension, place)
    ) + tuple(
        _channel(population, mine)
        for population in registered(programme)
        if (mine := channel(population, institution)) is not None and _consented(population, mine)
    )


def consents_known(programme: Programme) -> tuple[str, ...]:
    """The levels by consent of the programme, for one who does not know yet which of them it can fill."""
    if programme.mode is Mode.INDIVIDUAL:
        return ()
    return tuple(
        _name(dimension, place)
        for dimension in ruled(programme)
        for place in range(len(dimension.codes))
        if _by_consent(programme, dimension, place)
    ) + tuple(
        _channel(population, name)
        for population in registered(programme)
        for name in channels(population)
        if _consented(population, name)
    )


def ruled(programme: Programme) -> list[Dimension]:
    """The dimensions of the programme's tables whose levels the roster decides, and the rule is for.

    Where tables count along two of them of which one takes codes of the other together, or both of a third,
    a level can be the difference of two others: then the finest is under the rule.
    """
    names = {name for table in programme.tables for name in table.dimensions}
    found: dict[str, list[Dimension]] = {}
    for dimension in programme.dimensions:
        fine = _fine(programme, dimension)
        if dimension.id in names and fine.fixed_by is not None:
            found.setdefault(fine.id, []).append(dimension)
    return [used[0] if len(used) == 1 else programme.dimension(fine) for fine, used in found.items()]


def _counted_along(programme: Programme, dimension: Dimension) -> list[Population]:
    """The populations with a table along a dimension, or along one that takes codes of the same together."""
    fine = _fine(programme, dimension)
    alike = {one.id for one in programme.dimensions if _fine(programme, one) is fine}
    used = {table.population for table in programme.tables if alike & set(table.dimensions)}
    return [one for one in programme.populations if one.id in used]


def _who(population: Population, kinds: Sequence[Sequence[Institution]]) -> tuple[str, ...]:
    """The institutions of these kinds that register a population, sorted."""
    mine = [group for group in kinds if channel(population, group[0]) is not None]
    return tuple(sorted(one.node for group in mine for one in group))


def _least(name: str, by_consent: bool, sets: Sequence[tuple[str, tuple[str, ...]]]) -> Iterator[FixedLevel]:
    """A level for each set of institutions that holds no other, by the first of its names; one if none is."""
    named: dict[tuple[str, ...], str] = {}
    for its, nodes in sets:
        if nodes:
            named.setdefault(nodes, its)
    if not named:
        yield FixedLevel(name, by_consent, ())
    for nodes, its in named.items():
        if not any(set(other) < set(nodes) for other in named):
            yield FixedLevel(its, by_consent, nodes)


@dataclass(frozen=True, slots=True)
class _Apart:
    """Institutions that populations of the same records tell from others: of these ones, not of those."""

    registered: tuple[Population, ...]
    others: tuple[Population, ...]
    nodes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Such as "clients less victims"; the first of each, so that it stays short."""
        if self.others:
            return f"{self.registered[0].id} less {self.others[0].id}"
        return f"{self.registered[0].id} and {self.registered[1].id}"


def _apart(populations: Sequence[Population], kinds: Sequence[Sequence[Institution]]) -> Iterator[_Apart]:
    """The sets of institutions that populations of the same records tell apart.

    Where two populations count the same records, one less the other is the total of whoever registers the one
    only. Sums and differences of any number of them are made of whole such sets, so where each has enough
    institutions, every such sum has.
    """
    families: dict[tuple[object, ...], list[Population]] = {}
    for one in populations:
        families.setdefault((one.records, one.dated_by, one.counting), []).append(one)
    for family in families.values():
        sets: dict[tuple[tuple[str, str] | None, ...], list[str]] = {}
        for group in kinds:
            rows = tuple(_rows_of(one, group[0]) for one in family)
            sets.setdefault(rows, []).extend(one.node for one in group)
        if len(set(zip(*sets, strict=True))) < 2:  # all of them are registered by the same
            continue
        for rows, nodes in sets.items():
            mine = tuple(one for one, its in zip(family, rows, strict=True) if its is not None)
            if mine:
                others = tuple(one for one in family if one not in mine)
                yield _Apart(mine, others, tuple(sorted(nodes)))


def _rows_of(population: Population, institution: Institution) -> tuple[str, str] | None:
    """Which of its rows an institution registers; None if none, the same for all that register all."""
    mine = channel(population, institution)
    if mine is None or population.registers is None or population.registers.field is None:
        return None if mine is None else ("", "")
    return population.registers.field, mine


def _all_agreed(apart: _Apart, roster: Roster) -> bool:
    """Whether each of the institutions is asked anyway to agree to its channel of these populations."""
    inside = [one for one in roster.institutions if one.node in apart.nodes]
    return all(
        _consented(population, channel(population, one) or "")
        for one in inside
        for population in apart.registered
    )


def _fine(programme: Programme, dimension: Dimension) -> Dimension:
    return programme.dimension(dimension.rolls_up) if dimension.rolls_up else dimension


def _reach(programme: Programme, dimension: Dimension, institution: Institution) -> Collection[int]:
    """The positions that this institution's rows can have; of a roll-up those that hold one of them."""
    fine = _fine(programme, dimension)
    places = allowed(fine, institution)
    if fine is dimension:
        return places
    coarse = rolled(dimension, fine)
    return {coarse[place] for place in places}


def _by_consent(programme: Programme, dimension: Dimension, place: int) -> bool:
    """Of a roll-up: whether everything that the level takes together is by consent."""
    fine, code = _fine(programme, dimension), dimension.codes[place]
    if fine is dimension:
        return code.by_consent
    return all(one.by_consent for one in fine.codes if one.code in code.members)


def _name(dimension: Dimension, place: int) -> str:
    return f"{dimension.id}:{dimension.codes[place].code}"


def _consented(population: Population, name: str) -> bool:
    return population.registers is not None and name in population.registers.by_consent


def _channel(population: Population, name: str) -> str:
    return f"{population.id}:{name}"
