"""The records of one institution in one year: clients, victims, requests, placements, and contacts."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from rehearsal.sector import draw, figures, mediation, stays
from rehearsal.sector.dialects import AgeFrom
from rehearsal.sector.houses import House
from rehearsal.sector.national import Contacts
from rehearsal.sector.rows import NO_AGE, NO_DAY, Days, Integers, Rows, Span, Words, joined, years
from rehearsal.sector.victims import Victims, provinces
from samentel.documents.populations import Records

A_YEAR = 10_000  # a person's number is this times the year of the first contact, and a place in it
_STRANGER = 9_000  # from here on in a year's numbers, people who asked and never became clients
_ONWARD = ("OMM", "VO_MO", "ISZW", "COSM")  # where people move on to within an institution, the first it has
_OWN = ("form", "help_type", "consent", "access", "problems", "earlier")  # what only victims have
_MOVED_AFTER = np.timedelta64(4, "D")  # from asking for a second place to moving there


def records(
    chance: Generator,
    house: House,
    span: Span,
    victims: Victims,
    contacts: Contacts,
    *,
    consent_required: bool,
    beside: Generator,
    last_year: int,
) -> Mapping[Records, Rows]:
    """The records of one institution in one year, without any oddity.

    Args:
        contacts: those of this institution.
        beside: draws what was added since: the rest stays the same for a seed.
        last_year: the exports are made in the year after it.
    """
    helped = _helped(chance, house, span, victims, contacts, consent_required)
    earlier = draw.codes(beside, figures.EARLIER, len(helped))
    helped = replace(helped, codes={**helped.codes, "earlier": earlier})
    clients = joined([helped, _others(chance, house, span, len(helped))])
    placed, asked = _places(chance, house, helped, contacts)
    requests = joined([asked, _not_placed(chance, house, span, helped.of(contacts.facility == ""))])
    if house.type in figures.REQUESTS_A_VICTIM:
        elsewhere = _elsewhere(chance, house, span, helped)
        requests = joined([
            _through(beside, requests, figures.MEDIATED),
            _through(beside, elsewhere, figures.MEDIATED_ELSEWHERE),
        ])  # fmt: skip
    else:
        requests = _through(beside, requests, figures.MEDIATED)
    return {
        Records.CLIENTS: clients,
        Records.VICTIMS: helped,
        Records.REQUESTS: _again(chance, requests),
        Records.PLACEMENTS: stays.added(beside, house, _second_places(chance, house, placed), last_year),
        Records.CONTACTS: _unknown(beside, house, span),
    }


def nothing() -> Mapping[Records, Rows]:
    """The records of an institution that helps nobody itself."""
    numbers, days = np.zeros(0, dtype=np.int64), np.zeros(0, dtype="M8[D]")
    none = Rows(numbers, days, days, numbers, {}, {"asked_on": days, "ended": days})
    asked = _through(np.random.default_rng(0), _request(_with_province(none), *_nothing()), 1.0)
    return {kind: asked if kind is Records.REQUESTS else none for kind in Records}


def _with_province(rows: Rows) -> Rows:
    return replace(rows, codes={"province": np.full(len(rows), "NLX")})


def _through(chance: Generator, requests: Rows, shares: Mapping[str, float] | float) -> Rows:
    channel = mediation.channels(chance, requests.codes["facility_asked"], shares)
    return replace(requests, codes={**requests.codes, "channel": channel})


def _unknown(chance: Generator, house: House, span: Span) -> Rows:
    """Contacts with people of whom nobody knows who they are: each a row by itself."""
    type = figures.CONTACTS_LIKE.get(house.type, house.type)
    size = int(chance.poisson(figures.CONTACTS_A_VICTIM[type] * house.victims * span.part))
    weights = dict(figures.REASONS[figures.REASONS_LIKE.get(house.type, house.type)])
    whole = sum(weights.values())
    weights["NREC"] = weights["NASK"] = figures.CONTACTS_NO_REASON * whole
    weights["THB_SEX"] = weights["THB_SUSP"] = figures.CONTACTS_TRAFFICKING * whole / 2
    return Rows(
        span.year * A_YEAR + np.arange(size),
        span.start + chance.integers(0, span.days, size),
        np.full(size, NO_DAY),
        np.full(size, NO_AGE),
        {"reason": draw.codes(chance, weights, size)},
    )


def whole_years(day: Days, born: Days, source: AgeFrom) -> Integers:
    """Ages as an export tells them: with a year of birth only, the age that is reached in that year."""
    known = ~(np.isnat(day) | np.isnat(born))
    ages = years(day) - years(born)
    if source is not AgeFrom.BIRTH_YEAR:
        ages = ages - (_month_day(day) < _month_day(born))
    return np.where(known, ages, NO_AGE)


def _month_day(days: Days) -> Integers:
    month = days.astype("M8[M]")
    found: Integers = month.astype(np.int64) % 12 * 100 + (days - month.astype("M8[D]")).astype(np.int64)
    return found


def _births(chance: Generator, day: Days, age: Integers, source: AgeFrom) -> Days:
    month, of_month = chance.integers(0, 12, len(day)), chance.integers(0, 28, len(day))
    year = years(day) - age
    if source is not AgeFrom.BIRTH_YEAR:
        year = year - (month * 100 + of_month > _month_day(day))
    found: Days = ((year - 1970) * 12 + month).astype("M8[M]").astype("M8[D]") + of_month.astype("m8[D]")
    return found


def _helped(
    chance: Generator,
    house: House,
    span: Span,
    victims: Victims,
    contacts: Contacts,
    consent_required: bool,
) -> Rows:
    who, size = contacts.victim, len(contacts.victim)
    day = span.start + contacts.day
    source = house.dialect.age_from
    born = _births(chance, day, victims.age[who], source)
    born[victims.age_known[who] == 0] = NO_DAY
    residence = victims.residence[who]
    help_type = _help(chance, house, contacts)
    codes = {
        "reason": _reasons(chance, house, victims.form[who]),
        "sex": victims.sex[who],
        "citizenship": victims.citizenship[who],
        "country": victims.country[who],
        "residence": residence,
        "province": victims.province[who],
        "form": victims.form[who],
        "help_type": help_type,
        "consent": _consent(chance, house, size, consent_required),
        "access": _access(chance, help_type, residence),
        "problems": victims.problems[who],
    }
    return Rows(span.year * A_YEAR + np.arange(size), day, born, whole_years(day, born, source), codes)


def _help(chance: Generator, house: House, contacts: Contacts) -> Words:
    kind = figures.HELP_LIKE.get(house.type, house.type)
    without = draw.codes(chance, figures.HELP[kind], len(contacts.victim)).astype("<U8")
    for facility, code in figures.HELP_IN_PLACE.items():
        without[contacts.facility == facility] = code
    return without


def _reasons(chance: Generator, house: House, form: Words) -> Words:
    reason = np.array([figures.REASON_OF_FORM[code] for code in form.tolist()], dtype="<U8")
    reason[chance.random(len(form)) < figures.ONLY_SUSPECTED] = "THB_SUSP"
    if not house.dialect.victims_by_reason:
        other = chance.random(len(form)) < figures.VICTIMS_UNDER_ANOTHER_REASON
        reason[other] = draw.codes(chance, figures.ANOTHER_REASON, int(other.sum()))
    return reason


def _consent(chance: Generator, house: House, size: int, required: bool) -> Words:
    reported = figures.REPORTED_WITH_CONSENT[required]
    if required:
        reported *= figures.REPORTS_MORE.get(house.type, figures.OTHERS_REPORT)
    rest = 1 - reported - figures.REPORTED_BY_DUTY
    whole = sum(figures.NOT_REPORTED.values())
    weights = {"REP_CONS": reported, "REP_DUTY": figures.REPORTED_BY_DUTY}
    weights |= {code: rest * weight / whole for code, weight in figures.NOT_REPORTED.items()}
    return draw.codes(chance, weights, size)


def _access(chance: Generator, help_type: Words, residence: Words) -> Words:
    placed = np.char.startswith(help_type, "HB_")
    refused = np.array([figures.REFUSED_FOR_STATUS[code] for code in residence.tolist()])
    access = np.where(placed, "RESIDENTIAL", "AMBULATORY").astype("<U14")
    access[~placed & (chance.random(len(access)) < refused)] = "REFUSED_STATUS"
    access[~placed & (chance.random(len(access)) < figures.ACCESS_UNKNOWN)] = "UNK"
    return access


def _others(chance: Generator, house: House, span: Span, before: int) -> Rows:
    """Clients who are no victims; their numbers follow those of the others."""
    kind = figures.REASONS_LIKE.get(house.type, house.type)
    size = int(chance.poisson(max(house.clients - house.victims, 1) * span.part))
    day = span.start + chance.integers(0, span.days, size)
    low, high = (6, 20) if house.type == "JEUGD" else (18, 70)
    born = _births(chance, day, chance.integers(low, high, size), house.dialect.age_from)
    born[chance.random(size) < figures.CLIENT_AGE_UNKNOWN] = NO_DAY
    dutch = chance.random(size) < figures.CLIENT_DUTCH
    abroad = {name: weight for name, (group, weight) in figures.COUNTRIES.items() if group != "NL"}
    country = np.where(dutch, "NL", draw.codes(chance, abroad, size))
    group = np.array([figures.COUNTRIES[name][0] for name in country.tolist()], dtype="<U3")
    home = np.where(chance.random(size) < figures.OWN_REGION, house.province, provinces(chance, size))
    codes = {
        "reason": draw.codes(chance, figures.REASONS[kind], size),
        "sex": draw.codes(chance, figures.CLIENT_SEXES, size),
        "citizenship": group,
        "country": country,
        "residence": draw.codes_by(chance, group, figures.RESIDENCE),
        "province": home,
        **{field: np.full(size, "") for field in _OWN},
    }
    number = span.year * A_YEAR + before + np.arange(size)
    return Rows(number, day, born, whole_years(day, born, house.dialect.age_from), codes)


def _places(chance: Generator, house: House, helped: Rows, contacts: Contacts) -> tuple[Rows, Rows]:
    """Placements, and the requests that led to them and are noted at this institution."""
    at = np.flatnonzero(contacts.facility != "")
    who, facility, via = helped.of(at), contacts.facility[at], contacts.via[at]
    first = who.day.astype("M8[Y]").astype("M8[D]")
    last = (who.day.astype("M8[Y]") + np.timedelta64(1, "Y")).astype("M8[D]") - np.timedelta64(1, "D")
    asked_day = np.maximum(who.day - chance.integers(0, 3, len(at)), first)
    waited = asked_day + draw.within(chance, figures.WAITING, len(at))
    day = np.minimum(np.maximum(waited, who.day), last)
    codes = {"facility": facility, "via": via, "province": who.codes["province"]}
    placed = Rows(who.person, day, who.born, who.age, codes, {"asked_on": asked_day})
    noted = np.array([figures.REQUESTS_A_PLACE[kind] for kind in facility.tolist()])
    own = (chance.random(len(at)) < noted) & (via != "COSM")
    asked = _request(replace(who, day=asked_day).of(own), facility[own], np.full(int(own.sum()), "PLACED"))
    return placed, asked


def _request(who: Rows, facility: Words, outcome: Words, refusal: Words | None = None) -> Rows:
    codes = {
        "facility_asked": facility,
        "outcome": outcome,
        "refusal": np.full(len(who), "") if refusal is None else refusal,
        "province": who.codes["province"],
    }
    return Rows(who.person, who.day, who.born, who.age, codes)


def _not_placed(chance: Generator, house: House, span: Span, free: Rows) -> Rows:
    """Requests for a place here that came to nothing: of clients, and of people who never became one.

    Args:
        free: victims who were not placed here.
    """
    free = _only_province(free)
    parts, strangers = [_request(free.of(np.arange(0)), *_nothing())], 0
    for kind, expected in house.placements.items():
        few = 1 - figures.OMM_MOVED_ON if kind == "OMM" else 1.0
        odds = figures.NOT_PLACED[kind] / (1 - figures.NOT_PLACED[kind])
        lost = expected * few * figures.REQUESTS_A_PLACE[kind] * odds
        size = int(chance.poisson(lost * span.part))
        known, free = free.of(np.arange(len(free)) < size // 2), free.of(np.arange(len(free)) >= size // 2)
        unknown = _strangers(chance, house, span, strangers, size - len(known))
        strangers += len(unknown)
        who = joined([known, unknown])
        outcome = draw.codes(chance, figures.OUTCOMES_NOT_PLACED, size)
        parts.append(_request(who, np.full(size, kind), outcome, _refusals(chance, kind, outcome)))
    return joined(parts)


def _nothing() -> tuple[Words, Words]:
    return np.zeros(0, dtype="<U1"), np.zeros(0, dtype="<U1")


def _only_province(rows: Rows) -> Rows:
    return replace(rows, codes={"province": rows.codes["province"]})


def _strangers(chance: Generator, house: House, span: Span, before: int, size: int) -> Rows:
    """People in no file of clients: nothing is known of them but what the request itself says."""
    province = house.province if house.dialect.requests_have_province else "NLX"
    return Rows(
        span.year * A_YEAR + _STRANGER + before + np.arange(size),
        span.start + chance.integers(0, span.days, size),
        np.full(size, NO_DAY),
        np.full(size, NO_AGE),
        {"province": np.full(size, province)},
    )


def _refusals(chance: Generator, kind: str, outcome: Words) -> Words:
    weights = figures.REFUSALS.get(kind, figures.REFUSALS["COSM"])
    return np.where(outcome == "REFUSED", draw.codes(chance, weights, len(outcome)), "")


def _elsewhere(chance: Generator, house: House, span: Span, helped: Rows) -> Rows:
    """Requests on behalf of own clients for a place that others have."""
    asked = int(chance.poisson(figures.REQUESTS_A_VICTIM[house.type] * house.victims * span.part))
    who = helped.of(draw.some(chance, np.ones(len(helped)), asked))
    size = len(who)
    kind = draw.codes(chance, figures.ASKED_ELSEWHERE, size)
    found = np.where(chance.random(size) < 0.25, "PLACED", "PLACED_OTHER")
    lost = draw.codes(chance, figures.OUTCOMES_NOT_PLACED, size)
    unlucky = np.array([figures.NOT_PLACED[code] for code in kind.tolist()])
    outcome = np.where(chance.random(size) < unlucky, lost, found)
    refusal = np.full(size, "", dtype="<U8")
    for name in figures.REFUSALS:
        mine = kind == name
        refusal[mine] = _refusals(chance, name, outcome[mine])
    refusal[(kind == "OTH") & (outcome == "REFUSED")] = "OTH"
    return _request(who, kind, outcome, refusal)


def _again(chance: Generator, requests: Rows) -> Rows:
    """Some ask again later in the year: of each person the first request counts."""
    again = requests.of(chance.random(len(requests)) < figures.ASKS_AGAIN)
    later = again.day + chance.integers(1, 90, len(again))
    outcome = draw.codes(chance, {"PLACED": 0.4, "REFUSED": 0.4, "WAIT": 0.2}, len(again))
    refusal = np.where(outcome == "REFUSED", "FULL", "")
    return joined([
        requests, replace(again, day=later, codes={**again.codes, "outcome": outcome, "refusal": refusal})
    ])  # fmt: skip


def _second_places(chance: Generator, house: House, placed: Rows) -> Rows:
    """Some come to a second kind of place of the institution, some to the same kind again."""
    parts = [placed]
    if len(house.placements) > 1:
        moves = placed.of(chance.random(len(placed)) < figures.SECOND_PLACE)
        came_from = moves.codes["facility"]
        next_kind = {kind: next(to for to in _ONWARD if to != kind and to in house.placements)
                     for kind in house.placements}  # fmt: skip
        to = np.array([next_kind[kind] for kind in came_from.tolist()], dtype="<U6")
        via = np.where(came_from == "COSM", "COSM", "OTH")
        day = moves.day + chance.integers(20, 120, len(moves))
        parts.append(_moved(moves, day, {"facility": to, "via": via}))
    same = placed.of(chance.random(len(placed)) < figures.PLACED_AGAIN)
    parts.append(_moved(same, same.day + chance.integers(121, 200, len(same)), {}))
    return joined(parts)


def _moved(rows: Rows, day: Days, codes: Mapping[str, Words]) -> Rows:
    return replace(rows, day=day, codes={**rows.codes, **codes}, dates={"asked_on": day - _MOVED_AFTER})
