"""What every real export has: doubles, missing numbers, dates nobody can read, words out of place."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from rehearsal.sector import stays
from rehearsal.sector.dialects import AgeFrom
from rehearsal.sector.houses import House
from rehearsal.sector.premises import whole_years
from rehearsal.sector.rows import NO_AGE, NO_DAY, NOBODY, Days, Integers, Rows, joined
from samentel.documents.populations import Records

Kinds = Mapping[Records, Rows]
EVERY = 150  # clients to one double, one row without a number, one without a date
_COMES_BACK = 0.01  # of clients who are no victims, seen in the year before as well
_RETURNS, _AFTER_DAYS = 50, 95  # one of so many comes again so many days later
_LEFT_OVER = 0.03  # of requests that were not refused, a ground of refusal that somebody forgot to remove
_NOT_HERE = 0.12  # of institutions, a placement in a kind of place that they do not have
_ENOUGH = 10  # rows of a kind, from which on one of them is odd
_MISTYPED = 5_000  # added to a number, it is nobody's


def added(chance: Generator, house: House, kinds: Kinds) -> Kinds:
    """The records of a year with their oddities; what each row counts as follows from its fields as ever."""
    clients, victims = kinds[Records.CLIENTS], kinds[Records.VICTIMS]
    odd = max(1, len(clients) // EVERY)
    order = chance.permutation(len(clients))
    undated = clients.person[order[:odd]]
    again = _again(clients.of(order[odd : 2 * odd]))
    nameless = _nameless(clients.of(order[-1:].repeat(odd)))
    others = clients.of(~np.isin(clients.person, [*victims.person, *undated]))
    before, later = _before(chance, house, others), _later(house, others)
    clients = joined([_undated(house, clients, undated), again, nameless, before, later])
    victims = _undated(house, victims, undated)
    return {
        Records.CLIENTS: clients,
        Records.VICTIMS: _mistyped(house, victims),
        Records.REQUESTS: _odd_requests(chance, kinds[Records.REQUESTS]),
        Records.PLACEMENTS: _undated_place(_not_here(chance, house, kinds[Records.PLACEMENTS])),
        Records.CONTACTS: _undated_contact(kinds[Records.CONTACTS]),
    }


def _undated(house: House, rows: Rows, persons: Integers) -> Rows:
    lost = np.isin(rows.person, persons)
    age = rows.age if house.dialect.age_from is AgeFrom.AGE else np.where(lost, NO_AGE, rows.age)
    return replace(rows, day=np.where(lost, NO_DAY, rows.day), age=age)


def _again(rows: Rows) -> Rows:
    """The same clients a few days later, for another reason; of each person the first row counts."""
    return replace(rows, day=rows.day + 3, codes={**rows.codes, "reason": np.full(len(rows), "OTH")})


def _nameless(rows: Rows) -> Rows:
    """Rows that are nobody's, and do not count."""
    codes = {**rows.codes, "reason": np.full(len(rows), "NREC")}
    return replace(rows, person=np.full(len(rows), NOBODY), codes=codes)


def _before(chance: Generator, house: House, rows: Rows) -> Rows:
    """Clients who were there in the year before as well: each year counts its own row."""
    back = rows.of(chance.random(len(rows)) < _COMES_BACK)
    day: Days = (back.day.astype("M8[Y]") - np.timedelta64(1, "Y")).astype("M8[D]")
    day = day + chance.integers(0, 350, len(back)).astype("m8[D]")
    return replace(back, day=day, age=whole_years(day, back.born, house.dialect.age_from))


def _later(house: House, rows: Rows) -> Rows:
    """Clients who come again in another quarter: they count in that of their first contact."""
    back = rows.of(np.arange(len(rows)) % _RETURNS == 0)
    day: Days = back.day + np.timedelta64(_AFTER_DAYS, "D")
    reason = np.full(len(back), "OTH")
    age = whole_years(day, back.born, house.dialect.age_from)
    return replace(back, day=day, age=age, codes={**back.codes, "reason": reason})


def _mistyped(house: House, victims: Rows) -> Rows:
    """Where victims have no date of their own: one whose number is no client's, so that little is known."""
    layout = house.dialect.layouts[Records.VICTIMS]
    if "first_contact" in layout.columns or len(victims) < _ENOUGH:
        return victims
    last = np.arange(len(victims)) == len(victims) - 1
    codes = dict(victims.codes)
    for field, unknown in {"sex": "U", "citizenship": "STL", "country": "XX", "province": "NLX"}.items():
        codes[field] = np.where(last, unknown, codes[field])
    return Rows(
        victims.person + last * _MISTYPED,
        np.where(last, NO_DAY, victims.day),
        np.where(last, NO_DAY, victims.born),
        np.where(last, NO_AGE, victims.age),
        codes,
    )


def _odd_requests(chance: Generator, requests: Rows) -> Rows:
    """Grounds of refusal where nothing was refused, and a date that nobody can read."""
    left = (requests.codes["outcome"] != "REFUSED") & (chance.random(len(requests)) < _LEFT_OVER)
    refusal = np.where(left, "FULL", requests.codes["refusal"])
    return replace(
        requests,
        day=np.where(_last(requests), NO_DAY, requests.day),
        codes={**requests.codes, "refusal": refusal},
    )


def _not_here(chance: Generator, house: House, placements: Rows) -> Rows:
    """A placement noted under a kind of place that the institution does not have: it counts as another."""
    kind = next((kind for kind in ("COSM", "OMM") if kind not in house.placements), None)
    alone = [person for person in placements.person[:1] if (placements.person == person).sum() == 1]
    if kind is None or not alone or chance.random() > _NOT_HERE:
        return placements
    facility = np.where(placements.person == alone[0], kind, placements.codes["facility"])
    return replace(placements, codes={**placements.codes, "facility": facility})


def _undated_place(placements: Rows) -> Rows:
    """A placement of which nobody can read when it was: it counts in the year, and is in no stock."""
    return stays.without_a_day(placements, _last(placements))


def _undated_contact(contacts: Rows) -> Rows:
    return replace(contacts, day=np.where(_last(contacts), NO_DAY, contacts.day))


def _last(rows: Rows) -> NDArray[np.bool_]:
    """The last of rows that are not a few."""
    last: NDArray[np.bool_] = (np.arange(len(rows)) == len(rows) - 1) & (len(rows) >= _ENOUGH)
    return last
