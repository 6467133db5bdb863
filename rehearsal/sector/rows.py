"""The records of one kind at one institution, as its people know them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.datetime64]
Words = NDArray[np.str_]
Integers = NDArray[np.int64]
Chosen = NDArray[np.bool_] | Integers

NOBODY = -1  # the person of a row without a number
NO_DAY = np.datetime64("NaT", "D")
NO_AGE = -1


@dataclass(frozen=True, slots=True)
class Span:
    """A year, or a part of its people.

    Attributes:
        part: how many of a year's people there are; 1 is all.
        days: first contacts lie in so many days from the first of January.
    """

    year: int
    part: float
    days: int

    @property
    def start(self) -> np.datetime64:
        """The first of January."""
        return np.datetime64(f"{self.year}-01-01", "D")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Rows:
    """One row a record, every column of shape (rows,).

    Attributes:
        person: the same integer for the same person of the institution; ``NOBODY`` without a number.
        day: of the first contact, request, placement or contact; ``NO_DAY`` where nobody can read it.
        born: date of birth; ``NO_DAY`` if not known.
        age: whole years at the first contact as the institution's export tells it; ``NO_AGE`` if it does not.
        codes: by field, the national code of the finest code list; "" in a field that such a row has not.
        dates: by field, further dates; ``NO_DAY`` where there is none, or nobody can read it.
        waiting: of placements, the days from the request as the export tells them; ``NO_AGE`` if it does not.
    """

    person: Integers
    day: Days
    born: Days
    age: Integers
    codes: Mapping[str, Words]
    dates: Mapping[str, Days] = field(default_factory=dict)
    waiting: Integers | None = None

    def __len__(self) -> int:
        return len(self.person)

    def of(self, chosen: Chosen) -> "Rows":
        """Some of the rows, in the order asked for."""
        return Rows(
            self.person[chosen],
            self.day[chosen],
            self.born[chosen],
            self.age[chosen],
            {name: words[chosen] for name, words in self.codes.items()},
            {name: days[chosen] for name, days in self.dates.items()},
            None if self.waiting is None else self.waiting[chosen],
        )


def joined(parts: Iterable[Rows]) -> Rows:
    """The rows of all, one after the other; a field that one of them lacks is empty there."""
    together = list(parts)
    fields = list(dict.fromkeys(name for part in together for name in part.codes))
    dates = list(dict.fromkeys(name for part in together for name in part.dates))
    waiting = [np.full(len(part), NO_AGE) if part.waiting is None else part.waiting for part in together]
    return Rows(
        np.concatenate([part.person for part in together]),
        np.concatenate([part.day for part in together]),
        np.concatenate([part.born for part in together]),
        np.concatenate([part.age for part in together]),
        {
            name: np.concatenate([part.codes.get(name, np.full(len(part), "")) for part in together])
            for name in fields
        },
        {
            name: np.concatenate([part.dates.get(name, np.full(len(part), NO_DAY)) for part in together])
            for name in dates
        },
        np.concatenate(waiting),
    )


def years(days: Days) -> Integers:
    """The year of each day; a year long past for ``NO_DAY``."""
    return days.astype("M8[Y]").astype(np.int64) + 1970
