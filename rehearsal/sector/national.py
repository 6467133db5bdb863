"""Where the victims of a year come to help: first the places, then all other help, then those seen twice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from rehearsal.sector import draw, figures
from rehearsal.sector.houses import NATION, House
from rehearsal.sector.rows import Integers, Span, Words
from rehearsal.sector.victims import Victims

Weights = NDArray[np.float64]

_MOVED_AFTER = (
    75,
    110,
)  # days from the first contact with COSM to that with OMM: COSM is for three months at most
_EARLY = 230  # whoever came to COSM before this day moves on in the same year
_SAME_PROVINCE = 5.0
# Which residence status comes to COSM: it is for the reflection period, adults without Dutch nationality
# only.
_COSM: Mapping[str, float] = {
    "REF": 10,
    "B8": 4,
    "NONE": 2,
    "EUF": 2,
    "ASYL": 1,
    "UNK": 1,
    "OTHR": 1,
    "CONT": 0.5,
}
# Women's and social shelter is for Dutch nationals and holders of a permit for victims.
_VO_MO: Mapping[str, float] = {"NAT": 3, "B8": 3, "CONT": 3, "EUF": 1.5, "OTHR": 1, "REF": 0.5, "ASYL": 0.5}


@dataclass(frozen=True, slots=True, eq=False)
class Contacts:
    """One entry a victim and institution, every column of shape (contacts,).

    Attributes:
        victim, house: positions among the victims and the houses.
        facility: the kind of place in which the institution placed the victim, or "".
        via: how it came to that; "" without a place.
        day: of the first contact, days since the first of January.
    """

    victim: Integers
    house: Integers
    facility: Words
    via: Words
    day: Integers

    def at(self, house: int) -> "Contacts":
        """Those of one institution."""
        here = self.house == house
        return Contacts(
            self.victim[here], self.house[here], self.facility[here], self.via[here], self.day[here]
        )


def size(persons: int, houses: Sequence[House], span: Span) -> int:
    """How many of a country's victims of a year these institutions see in a part of it."""
    everybody = sum(house.victims for house in NATION)
    return round(persons * span.part * sum(house.victims for house in houses) / everybody)


def contacts(chance: Generator, victims: Victims, houses: Sequence[House], span: Span) -> Contacts:
    """Where each victim comes to help, once or twice."""
    house = np.full(len(victims), -1)
    facility = np.full(len(victims), "", dtype="<U6")
    day = chance.integers(0, span.days, len(victims))
    for number, kind, expected in _places(houses):
        weights = _fit(kind, victims) * (house < 0)
        chosen = draw.some(chance, weights, _about(chance, expected * span.part))
        house[chosen], facility[chosen] = number, kind
    free = np.flatnonzero(house < 0)
    if len(free):
        house[free] = draw.one_by_row(chance, _other_help(victims, houses)[free])
    via = np.where(facility == "", "", np.where(chance.random(len(victims)) < 0.06, "OTH", "FIRST"))
    first = Contacts(np.arange(len(victims)), house, facility, via, day)
    moved = _moved_on(chance, first, houses, span.part)
    again = _seen_twice(chance, first, victims, houses, moved)
    return _together([first, moved, again])


def _about(chance: Generator, expected: float) -> int:
    """How many are placed: places are nearly always full, so that it varies less than by chance alone."""
    return max(0, int(np.floor(chance.normal(expected, 0.5 * np.sqrt(expected)) + chance.random())))


def _places(houses: Sequence[House]) -> Iterator[tuple[int, str, float]]:
    """Institution, kind of place, expected placements of those not from COSM; scarce kinds first."""
    cosm = any("COSM" in house.placements for house in houses)
    for kind in ("OMM", "ISZW", "COSM", "JH", "VO_MO"):
        for number, house in enumerate(houses):
            expected = house.placements.get(kind, 0.0)
            if kind == "OMM" and cosm:
                expected *= 1 - figures.OMM_MOVED_ON
            if expected:
                yield number, kind, expected


def _fit(kind: str, victims: Victims) -> Weights:
    """How likely each victim is to come to a kind of place, beside the others."""
    adult, problems = victims.age >= 18, victims.problems
    several = np.where(np.char.find(problems, "_") >= 0, 8.0, np.where(problems == "NONE", 0.3, 1.5))
    labour = np.isin(victims.form, ["LAB", "SRV", "BEG"])
    woman = np.where(victims.sex == "M", 0.3, 1.0)
    likely: Mapping[str, NDArray[Any]] = {
        "COSM": adult * (victims.citizenship != "NL") * _by(_COSM, victims.residence),
        "OMM": adult * several,
        "ISZW": adult * labour * 1.0,
        "VO_MO": adult * woman * _by(_VO_MO, victims.residence),
        "JH": ~adult * 1.0,
    }
    weights: Weights = likely[kind].astype(np.float64)
    return weights


def _by(weights: Mapping[str, float], codes: Words) -> Weights:
    return np.array([weights.get(code, 0.0) for code in codes.tolist()])


def _other_help(victims: Victims, houses: Sequence[House]) -> Weights:
    """For each victim and institution, how likely help without a place is there; shape (victims, houses)."""
    room = np.array([
        max(house.victims - sum(house.placements.values()), 0.5) if house.helps else 0.0 for house in houses
    ])  # fmt: skip
    youth = np.array([house.type == "JEUGD" for house in houses])
    near = np.array([house.province for house in houses])[None, :] == victims.province[:, None]
    age = victims.age[:, None]
    for_age = np.where(
        youth[None, :], np.where(age < 18, 8.0, np.where(age < 23, 0.8, 0.02)), np.where(age < 18, 0.5, 1.0)
    )
    likely: Weights = np.multiply(room[None, :], for_age) * np.where(near, _SAME_PROVINCE, 1.0)
    return likely


def _moved_on(chance: Generator, first: Contacts, houses: Sequence[House], part: float) -> Contacts:
    """Who moves on from COSM to OMM, at an institution that has OMM and no COSM."""
    omm = np.array(
        [0.0 if "COSM" in house.placements else house.placements.get("OMM", 0.0) for house in houses]
    )
    early = (first.facility == "COSM") & (first.day < _EARLY)
    number = _about(chance, figures.OMM_MOVED_ON * omm.sum() * part)
    chosen = draw.some(chance, early.astype(np.float64), number)
    if not len(chosen):
        return _none()
    return Contacts(
        first.victim[chosen],
        chance.choice(len(houses), len(chosen), p=omm / omm.sum()),
        np.full(len(chosen), "OMM"),
        np.full(len(chosen), "COSM"),
        first.day[chosen] + chance.integers(*_MOVED_AFTER, len(chosen)),
    )


def _seen_twice(
    chance: Generator, first: Contacts, victims: Victims, houses: Sequence[House], moved: Contacts
) -> Contacts:
    """Others who come to a second institution, until as many do as in the overlap of lists of help."""
    number = max(round(figures.AT_TWO * len(victims)) - len(moved.victim), 0)
    once = (~np.isin(first.victim, moved.victim)).astype(np.float64)
    chosen = draw.some(chance, once, number if len(houses) > 1 else 0)
    if not len(chosen):
        return _none()
    weights = _other_help(victims, houses)[chosen]
    weights[np.arange(len(chosen)), first.house[chosen]] = 0.0
    nothing = np.full(len(chosen), "")
    later = chance.integers(0, 100, len(chosen))
    day = np.minimum(first.day[chosen] + later, np.maximum(first.day[chosen], 349))
    return Contacts(first.victim[chosen], draw.one_by_row(chance, weights), nothing, nothing, day)


def _none() -> Contacts:
    numbers, words = np.zeros(0, dtype=np.int64), np.zeros(0, dtype="<U1")
    return Contacts(numbers, numbers, words, words, numbers)


def _together(parts: Sequence[Contacts]) -> Contacts:
    return Contacts(
        np.concatenate([part.victim for part in parts]),
        np.concatenate([part.house for part in parts]),
        np.concatenate([part.facility for part in parts]),
        np.concatenate([part.via for part in parts]),
        np.concatenate([part.day for part in parts]),
    )
