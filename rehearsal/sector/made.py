"""Making a whole sector: one seed, some institutions, up to three reporting years."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from rehearsal.sector import counting, exports, mediation, national, oddities, premises, victims, words
from rehearsal.sector.exports import Export
from rehearsal.sector.houses import HOUSES, NATION, SMALL, House
from rehearsal.sector.rows import Rows, Span, joined
from samentel.documents.populations import Records
from samentel.documents.programme import Programme
from samentel.errors import LocalFault
from samentel.ids import Period

CONSENT_SINCE = 2018  # from then on helpers report with consent only
FIRST_YEAR, LAST_YEAR = 1990, 2100
_YEAR_DAYS = 350  # first contacts lie in so many days, so that what soon follows lies in the same year
_LATE, _EARLY, _EARLY_DAYS = (
    0.06,
    0.03,
    40,
)  # of a year's people: those of the years before and after in an export
_YEARS_BEFORE = 0.9
_MOST_YEARS = 3
_APART = 4_000  # added to the numbers of these, which the thin year of others has not
_STAYERS = 1.0  # whoever came in the year before the first and is still in shelter is in the exports as well
_ODD_FROM = 0.5  # the few people of other years have no oddities of their own

Kinds = Mapping[Records, Rows]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sector:
    """A whole made-up sector.

    Attributes:
        year: the last reporting year.
        kinds: by node, the records as its people know them, whatever was written of them.
        victims: how many people were drawn as victims of the last year, each once in the whole sector.
        twice: how many of them come to a second institution.
    """

    year: int
    exports: tuple[Export, ...]
    kinds: Mapping[str, Kinds]
    victims: int
    twice: int

    @property
    def nodes(self) -> list[str]:
        """The institutions, in order."""
        return [export.house.node for export in self.exports]

    @property
    def truth(self) -> Mapping[str, int]:
        """The whole sector in its last year, by code of the reason; each person once an institution."""
        return self.truth_of(self.year, self.nodes)

    def truth_of(self, year: int, nodes: Collection[str]) -> Mapping[str, int]:
        """The same for some institutions and for one of the years that the sector was made with."""
        counted = Counter[str]()
        for node in nodes:
            rows = self.kinds[node][Records.CLIENTS]
            if len(rows):
                counted.update(rows.codes["reason"][counting.counted(rows, year)].tolist())
        return {code: counted[code] for code in words.REASON}

    def tables(
        self, programme: Programme, year: int, nodes: Collection[str] | None = None, quarter: int = 0
    ) -> counting.Tables:
        """Every true cell of a programme's tables, for some institutions or for all.

        Args:
            year: one of those that the sector was made with.
            quarter: of a programme that counts quarters, which one.
        """
        asked = self.nodes if nodes is None else nodes
        return counting.tables(
            programme,
            Period(year, quarter),
            [
                (export.house, self.kinds[export.house.node])
                for export in self.exports
                if export.house.node in asked
            ],
        )


def houses(institutions: int) -> tuple[House, ...]:
    """So many institutions: up to twelve those of a rehearsal, more at the size they have in a whole country.

    Raises:
        LocalFault: there are not so many.
    """
    if not 1 <= institutions <= len(NATION):
        raise LocalFault(f"there are {len(NATION)} made-up institutions; ask for 1 to {len(NATION)}")
    return HOUSES[:institutions] if institutions <= len(HOUSES) else NATION[:institutions]


def make(
    year: int,
    seed: int = 1,
    houses: Sequence[House] = SMALL,
    years: int = 1,
    *,
    consent_required: bool | None = None,
    surge_in: int | None = None,
) -> Sector:
    """The sector of a seed, with records of and around its reporting years.

    Args:
        year: the last of them.
        years: 1, or 2 or 3 for a sector that can also be asked about the years before.
        consent_required: whether helpers report victims with consent only; by default from 2018 on.
        surge_in: the year in which one nationality surges; by default the last.

    Raises:
        LocalFault: no sector can be made of that year or seed.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR or seed < 0:
        raise LocalFault(f"choose a year from {FIRST_YEAR} to {LAST_YEAR}, and a seed that is not below zero")
    if not 1 <= years <= _MOST_YEARS:
        raise LocalFault(f"a sector has 1 to {_MOST_YEARS} reporting years")
    chance = np.random.default_rng([seed, year])
    required = year >= CONSENT_SINCE if consent_required is None else consent_required
    surge = year if surge_in is None else surge_in
    before = [Span(year - back, _YEARS_BEFORE, _YEAR_DAYS) for back in range(years - 1, 0, -1)]
    spans = (
        *(before or [Span(year - 1, _LATE, _YEAR_DAYS)]),
        Span(year, 1.0, _YEAR_DAYS),
        Span(year + 1, _EARLY, _EARLY_DAYS),
    )
    drawn = [
        _year(chance, _beside(seed, span, 0), span, houses, required, year, surge=span.year == surge)
        for span in spans
    ]
    first = year - years  # the last year that is not reported of
    stayed = _stayers(seed, Span(first, _STAYERS, _YEAR_DAYS), houses, required, year)
    kinds = {
        house.node: {
            kind: joined([stayed[place][kind], *(one.kinds[place][kind] for one in drawn)])
            for kind in Records
        }
        for place, house in enumerate(houses)
    }
    written = tuple(exports.written(chance, house, year, kinds[house.node]) for house in houses)
    return Sector(year, written, kinds, drawn[-2].victims, drawn[-2].twice)


def _beside(seed: int, span: Span, part: int) -> Generator:
    """What was added to a sector is drawn apart, so that what was there stays as it was."""
    return np.random.default_rng([seed, span.year, part])


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A year, or a part of its people: the records of each institution in order, and as in ``Sector``."""

    kinds: list[Kinds]
    victims: int
    twice: int


def _year(
    chance: Generator,
    beside: Generator,
    span: Span,
    houses: Sequence[House],
    consent_required: bool,
    last_year: int,
    *,
    surge: bool,
) -> _Drawn:
    size = national.size(victims.how_many(chance), houses, span)
    people = victims.drawn(chance, size, surge=surge)
    contacts = national.contacts(chance, people, houses, span)
    kinds: list[Kinds] = []
    for number, house in enumerate(houses):
        if not house.helps:
            kinds.append(premises.nothing())
            continue
        plain = premises.records(
            chance,
            house,
            span,
            people,
            contacts.at(number),
            consent_required=consent_required,
            beside=beside,
            last_year=last_year,
        )
        kinds.append(oddities.added(chance, house, plain) if span.part > _ODD_FROM else plain)
    shared = mediation.shared(beside, houses, kinds, span)
    return _Drawn(shared, len(people), len(contacts.victim) - len(people))


def _stayers(
    seed: int, span: Span, houses: Sequence[House], consent_required: bool, last_year: int
) -> list[Kinds]:
    """By institution, of the year before the first only those who were still in shelter when it began.

    They are known as clients, as victims and by their place; what they asked for was long ago.
    """
    chance = _beside(seed, span, 1)
    size = national.size(victims.how_many(chance), houses, span)
    people = victims.drawn(chance, size, surge=False)
    contacts = national.contacts(chance, people, houses, span)
    found: list[Kinds] = []
    for number, house in enumerate(houses):
        if not house.helps:
            found.append(premises.nothing())
            continue
        whole = premises.records(
            chance,
            replace(house, clients=0),
            span,
            people,
            contacts.at(number),
            consent_required=consent_required,
            beside=chance,
            last_year=last_year,
        )
        found.append(_still_there(whole, np.datetime64(f"{span.year + 1}-01-01", "D")))
    return found


def _still_there(kinds: Kinds, day: np.datetime64) -> Kinds:
    """The records of those who are in shelter on a day, under numbers that nobody else has."""
    placements = kinds[Records.PLACEMENTS]
    ended = placements.dates["ended"]
    stay = np.unique(placements.person[np.isnat(ended) | (ended >= day)])
    found: dict[Records, Rows] = {}
    for kind, rows in kinds.items():
        if kind in (Records.REQUESTS, Records.CONTACTS):
            found[kind] = rows.of(np.arange(0))
        else:
            chosen = rows.of(np.isin(rows.person, stay))
            found[kind] = replace(chosen, person=chosen.person + _APART)
    return found
