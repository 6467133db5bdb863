"""What becomes of placements: how long was waited, when and how they end, and how near home they are."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from rehearsal.sector import draw, figures
from rehearsal.sector.houses import House
from rehearsal.sector.rows import NO_AGE, NO_DAY, Days, Integers, Rows, Words

_EXPORTED = "03-31"  # of the year after the last: then the exports are made, and later ends are not known yet


def added(chance: Generator, house: House, placed: Rows, last_year: int) -> Rows:
    """The placements with their ends, waiting times and whether they are in the person's own province."""
    size = len(placed)
    ended = _ends(chance, placed)
    ended[ended > np.datetime64(f"{last_year + 1}-{_EXPORTED}", "D")] = NO_DAY
    over = ~np.isnat(ended)
    asked = placed.dates["asked_on"].copy()
    asked[chance.random(size) < figures.WAITING_UNKNOWN] = NO_DAY
    codes = {
        "exit": np.where(over, draw.codes(chance, figures.EXITS, size), ""),
        "destination": np.where(over, draw.codes(chance, figures.DESTINATIONS, size), ""),
        "near": _near(chance, house, placed.codes["province"]),
    }
    made = replace(placed, codes={**placed.codes, **codes}, dates={"asked_on": asked, "ended": ended})
    return replace(made, waiting=waited(made.day, asked))


def waited(day: Days, asked: Days) -> Integers:
    """Days from a request to a placement; ``NO_AGE`` where one of the two is not known."""
    known = ~(np.isnat(day) | np.isnat(asked))
    return np.where(known, (day - asked).astype(np.int64), NO_AGE)


def without_a_day(rows: Rows, lost: NDArray[np.bool_]) -> Rows:
    """Placements of which some have a day that nobody can read, so that nothing can be worked out from it."""
    return replace(
        rows,
        day=np.where(lost, NO_DAY, rows.day),
        waiting=None if rows.waiting is None else np.where(lost, NO_AGE, rows.waiting),
    )


def _ends(chance: Generator, placed: Rows) -> Days:
    """When each stay ends: before the same person's next one begins."""
    length = np.zeros(len(placed), dtype=np.int64)
    kinds: Mapping[str, Words] = {kind: placed.codes["facility"] == kind for kind in figures.STAYS}
    for kind, mine in kinds.items():
        length[mine] = draw.within(chance, figures.STAYS[kind], int(mine.sum()))
    ended: Days = placed.day + length.astype("m8[D]")
    order = np.lexsort([placed.day, placed.person])
    same = placed.person[order[:-1]] == placed.person[order[1:]]
    here, following = order[:-1][same], order[1:][same]
    ended[here] = np.minimum(ended[here], placed.day[following])
    return ended


def _near(chance: Generator, house: House, province: Words) -> Words:
    """Where the institution notes it, as it does; elsewhere as the two provinces say."""
    near = np.where(province == "NLX", "UNK", np.where(province == house.province, "SAME", "OTHER"))
    if house.dialect.notes_near:
        near[chance.random(len(near)) < figures.NEAR_UNKNOWN] = "UNK"
    return near
