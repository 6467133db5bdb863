"""The records of one kind at one institution, as its people know them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

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
        day: of the first contact, request or placement; ``NO_DAY`` where nobody can read it.
        born: date of birth; ``NO_DAY`` if not known.
        age: whole years at the first contact as the institution's export tells it; ``NO_AGE`` if it does not.
        codes: by field, the national code of the finest code list; "" in a field that such a row has not.
    """

    person: Integers
    day: Days
    born: Days
    age: Integers
    codes: Mapping[str, Words]

    def __len__(self) -> int:
        return len(self.person)

    def of(self, chosen: Chosen) -> "Rows":
        """Some of the rows, in the order asked for."""
        codes = {field: words[chosen] for field, words in self.codes.items()}
        return Rows(self.person[chosen], self.day[chosen], self.born[chosen], self.age[chosen], codes)


def joined(parts: Iterable[Rows]) -> Rows:
    """The rows of all, one after the other; a field that one of them lacks is empty there."""
    together = list(parts)
    fields = list(dict.fromkeys(field for part in together for field in part.codes))
    return Rows(
        np.concatenate([part.person for part in together]),
        np.concatenate([part.day for part in together]),
        np.concatenate([part.born for part in together]),
        np.concatenate([part.age for part in together]),
        {
            field: np.concatenate([part.codes.get(field, np.full(len(part), "")) for part in together])
            for field in fields
        },
    )


def years(days: Days) -> Integers:
    """The year of each day; a year long past for ``NO_DAY``."""
    return days.astype("M8[Y]").astype(np.int64) + 1970
