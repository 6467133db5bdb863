"""Requests that a coordinator mediates: it has each of them, and a shelter may have noted it as well."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from rehearsal.sector import figures
from rehearsal.sector.houses import House
from rehearsal.sector.rows import NO_AGE, NO_DAY, Integers, Rows, Span, Words, joined
from samentel.documents.populations import Records

Kinds = Mapping[Records, Rows]
MEDIATED, DIRECT = "MEDIATED", "DIRECT"
_NOTED = 8_000  # from here on in a year's numbers, people of whom a shelter has only heard
_A_YEAR = 10_000


def channels(chance: Generator, asked: Words, shares: Mapping[str, float] | float) -> Words:
    """Through whom each request for a kind of place came."""
    if isinstance(shares, float):
        odds = np.full(len(asked), shares)
    else:
        odds = np.array([shares[kind] for kind in asked.tolist()])
    return np.where(chance.random(len(asked)) < odds, MEDIATED, DIRECT)


def shared(chance: Generator, houses: Sequence[House], kinds: Sequence[Kinds], span: Span) -> list[Kinds]:
    """The records of all institutions, mediated requests with everybody who has them.

    The one that mediates has each of them, under a number of its own. A second shelter may have noted
    one that came to nothing. Here and there nobody wrote down through whom a request came; the one that
    mediates knows.
    """
    found = [dict(one) for one in kinds]
    mediated = [
        requests.of(requests.codes["channel"] == MEDIATED)
        for requests in (one[Records.REQUESTS] for one in kinds)
    ]
    shelters = [number for number, house in enumerate(houses) if "VO_MO" in house.facilities]
    for place, requests in enumerate(mediated):
        if not houses[place].helps:
            found[place][Records.REQUESTS] = _renumbered(mediated, span)
        others = [number for number in shelters if number != place]
        again = (requests.codes["outcome"] == "REFUSED") & (
            chance.random(len(requests)) < figures.NOTED_BY_ANOTHER
        )
        if others and again.any():
            other = others[int(chance.integers(len(others)))]
            noted = _heard(houses[other], requests.of(again), span, place)
            found[other][Records.REQUESTS] = joined([found[other][Records.REQUESTS], noted])
    return [_forgotten(chance, house, one) for house, one in zip(houses, found, strict=True)]


def _renumbered(mediated: Sequence[Rows], span: Span) -> Rows:
    """All mediated requests, each person of each institution under one number of the one that mediates."""
    parts, before = [], 0
    for requests in mediated:
        _, number = np.unique(requests.person, return_inverse=True)
        parts.append(_stranger(requests, span.year * _A_YEAR + before + number))
        before += int(number.max(initial=-1)) + 1
    return joined(parts)


def _heard(house: House, requests: Rows, span: Span, place: int) -> Rows:
    """The same requests as another shelter notes them: of people who never became its clients."""
    _, number = np.unique(requests.person, return_inverse=True)
    noted = _stranger(requests, span.year * _A_YEAR + _NOTED + 20 * place + number)
    if house.dialect.requests_have_province:
        return noted
    return replace(noted, codes={**noted.codes, "province": np.full(len(noted), "NLX")})


def _stranger(requests: Rows, person: Integers) -> Rows:
    size = len(requests)
    return replace(requests, person=person, born=np.full(size, NO_DAY), age=np.full(size, NO_AGE))


def _forgotten(chance: Generator, house: House, kinds: Kinds) -> Kinds:
    requests = kinds[Records.REQUESTS]
    if not house.helps:
        return kinds
    lost = chance.random(len(requests)) < figures.CHANNEL_UNKNOWN
    codes = {**requests.codes, "channel": np.where(lost, "", requests.codes["channel"])}
    return {**kinds, Records.REQUESTS: replace(requests, codes=codes)}
