"""Making a whole sector: one seed, some institutions, one or two reporting years."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from rehearsal.sector import counting, exports, national, oddities, premises, victims, words
from rehearsal.sector.exports import Export
from rehearsal.sector.houses import HOUSES, NATION, SMALL, House
from rehearsal.sector.rows import Rows, Span, joined
from samentel.documents.populations import Records
from samentel.documents.programme import Programme
from samentel.errors import LocalFault

CONSENT_SINCE = 2018  # from then on helpers report with consent only
FIRST_YEAR, LAST_YEAR = 1990, 2100
_YEAR_DAYS = 350  # first contacts lie in so many days, so that what soon follows lies in the same year
_LATE, _EARLY, _EARLY_DAYS = (
    0.06,
    0.03,
    40,
)  # of a year's people: those of the years before and after in an export
_YEAR_BEFORE = 0.9
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
            counted.update(rows.codes["reason"][counting.counted(rows, year)].tolist())
        return {code: counted[code] for code in words.REASON}

    def tables(
        self, programme: Programme, year: int, nodes: Collection[str] | None = None
    ) -> counting.Tables:
        """Every true cell of a programme's tables, for some institutions or for all.

        Args:
            year: one of those that the sector was made with.
        """
        asked = self.nodes if nodes is None else nodes
        return counting.tables(
            programme,
            year,
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
        years: 1, or 2 for a sector that can also be asked about the year before.
        consent_required: whether helpers report victims with consent only; by default from 2018 on.
        surge_in: the year in which one nationality surges; by default the last.

    Raises:
        LocalFault: no sector can be made of that year or seed.
    """
    if not FIRST_YEAR <= year <= LAST_YEAR or seed < 0:
        raise LocalFault(f"choose a year from {FIRST_YEAR} to {LAST_YEAR}, and a seed that is not below zero")
    chance = np.random.default_rng([seed, year])
    required = year >= CONSENT_SINCE if consent_required is None else consent_required
    surge = year if surge_in is None else surge_in
    spans = (
        Span(year - 1, _LATE if years == 1 else _YEAR_BEFORE, _YEAR_DAYS),
        Span(year, 1.0, _YEAR_DAYS),
        Span(year + 1, _EARLY, _EARLY_DAYS),
    )
    before, whole, after = (_year(chance, span, houses, required, surge=span.year == surge) for span in spans)
    kinds = {
        house.node: {
            kind: joined(one.kinds[place][kind] for one in (before, whole, after)) for kind in Records
        }
        for place, house in enumerate(houses)
    }
    written = tuple(exports.written(chance, house, year, kinds[house.node]) for house in houses)
    return Sector(year, written, kinds, whole.victims, whole.twice)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A year, or a part of its people: the records of each institution in order, and as in ``Sector``."""

    kinds: list[Kinds]
    victims: int
    twice: int


def _year(
    chance: Generator, span: Span, houses: Sequence[House], consent_required: bool, *, surge: bool
) -> _Drawn:
    size = national.size(victims.how_many(chance), houses, span)
    people = victims.drawn(chance, size, surge=surge)
    contacts = national.contacts(chance, people, houses, span)
    kinds = []
    for number, house in enumerate(houses):
        here = contacts.at(number)
        plain = premises.records(chance, house, span, people, here, consent_required=consent_required)
        kinds.append(oddities.added(chance, house, plain) if span.part > _ODD_FROM else plain)
    return _Drawn(kinds, len(people), len(contacts.victim) - len(people))
