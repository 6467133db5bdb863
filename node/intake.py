"""Rows become persons and national codes: the last station at which an institution's records are records.

What cannot be read counts as "unknown" and never stops anything. The rules, the
same for clients, victims, requests and placements, and all independent of what
other persons' rows hold (``node.selection`` carries them out):

- Rows of a year are those whose date (of first contact, of the request, of the
  placement, of the contact) lies in it, **and those without a readable date**: a
  person whose date is lost still counts in the annual tables, in every year's.
  Such rows never count in a quarter.
- **Placements that ended** lie in the period of their end. Those without a
  readable end have not ended, and count in none: not in a year either.
- **Stock**: the placements that had begun on the reference day (on that day at
  the latest) and had not ended (later than that day, or no readable end). Without
  a readable beginning they do not count. Where the institution has no column for
  the end, nobody knows who was there: no rows. Ages are those on that day.
- **Registers**: an institution whose type the programme does not name has no rows
  of that population, and takes part with zeros. Of the others a row counts where
  its channel is the institution's own or is not known (empty, or a word without a
  code): so one request that a mediator and two shelters note counts once.
- **Of quarters**: rows of the year as above, of persons bound to any sealed
  quarter of that year of the programme named, at this institution; in which
  quarter the date lies now does not matter. None where no quarter was sealed.
- A person counts in one quarter of a year only: that of the earliest date in the
  year among all the records that the programme counts here. Rows of that person
  in other quarters count in the annual tables. Whoever is bound to another
  quarter already, because he counted there before a date was edited, has no row.
- Rows without a person's number do not count, lines that cannot be split
  included. Whose they are cannot be told, so counting them would let a person who
  also has a number move a table by more than the bound that was promised.
  ``node.check`` says how many there are: a number in the export mends it.
- **Contacts** are the opposite: lines of which nobody knows whose they are. Each
  line that holds anything in a mapped column is one contact and a unit of privacy
  by itself, lines that are alike too; a line that cannot be split is none. In an
  export that holds persons as well, lines with a person's number are none either.
  Nothing is lent to a contact, and none is ever counted in a quarter.
- Rows stand by the date by which they count (in a stock by their beginning),
  those without one last, then by their codes: never in the order of an export.
  What a row does not say itself is lent: ``node.joining``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from node import source
from node.coding import coded
from node.joining import LAST, joined
from node.mapping import Mapping as ExportMapping
from node.mapping import misfits, used
from node.selection import Memory, Selected, selected
from node.source import Integers
from samentel.counting.contribution import Codes, Population, encode
from samentel.documents.programme import Programme
from samentel.documents.roster import Institution
from samentel.errors import DocumentError
from samentel.ids import Period

__all__ = ["Memory", "Taken", "populations", "taken"]

_MOST = 1 << 62  # keys of an order stay below this


@dataclass(frozen=True, slots=True, repr=False)
class Taken:
    """What one period's records come to: exact, and never leaves the institution.

    Attributes:
        persons: of a quarter, the tokens of all who have a row in it; empty for a year.
    """

    codes: Codes
    persons: frozenset[bytes]

    def __repr__(self) -> str:
        return f"Taken({self.codes!r})"


def taken(
    mapping: ExportMapping, programme: Programme, period: Period, institution: Institution, memory: Memory
) -> Taken:
    """The exact codes of one period, and who is in them: what goes into the noise, and nowhere else.

    Args:
        institution: as the roster has it.
        memory: asked for a quarter, and for a year's populations of quarters.

    Raises:
        LocalFault: an export is not there, or lacks a mapped column. Nothing in its rows can raise.
        DocumentError: the mapping cannot answer this programme.
    """
    problems = misfits(mapping, programme)
    if problems:
        raise DocumentError("mapping", problems)
    rows = joined(source.read(mapping), period.year)
    found, persons = selected(rows, mapping, programme, period, institution, memory)
    return Taken(encode(programme, populations(found, mapping, programme, institution)), persons)


def populations(
    found: Mapping[str, Selected],
    mapping: ExportMapping,
    programme: Programme,
    institution: Institution | None,
) -> dict[str, Population]:
    """Every population of the programme in the stated order; without rows where there are no such records."""
    counted = {}
    for population in programme.populations:
        names = used(programme, population)
        its = found.get(population.id)
        if its is None:
            nothing = np.zeros(0, dtype=np.int64)
            counted[population.id] = Population(nothing, dict.fromkeys(names, nothing))
            continue
        levels = coded(its.rows, mapping, programme, institution, names)
        here = np.flatnonzero(its.here)
        days = its.began[here]
        sizes = [len(programme.dimension(name).codes) for name in names]
        keys = [(levels[name][here], size) for name, size in zip(names, sizes, strict=True)]
        order = here[_order([(np.where(days > 0, days, LAST), LAST + 1), *keys])]
        counted[population.id] = Population(
            its.rows.person[order], {name: levels[name][order] for name in names}
        )
    return counted


def _order(keys: Sequence[tuple[Integers, int]]) -> Integers:
    """Rows by several keys, the first one first, by one sort of one number; rows that are alike in any order.

    Args:
        keys: values from 0 up to below the number beside them.
    """
    whole, size = np.zeros_like(keys[0][0]), 1
    for values, width in keys:
        if size * width > _MOST:
            seen, whole = np.unique(whole, return_inverse=True)
            size = len(seen)
        whole, size = whole * width + values, size * width
    return np.argsort(whole)
