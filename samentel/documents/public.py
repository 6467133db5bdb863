"""Public figures: exact numbers that are about no person, which releases carry beside what was counted.

How many places a kind of shelter has, whether a municipality has care
coordination, what was published before. Written in TOML by the programme
authority and signed by it, as programmes are. Nothing here is counted from
records, so nothing here has noise; each figure names its source.
"""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, model_validator

from samentel.documents.codelists import CodeText, Key, Text, repeated
from samentel.documents.envelope import Envelope, open_envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.model import Model, from_toml
from samentel.ids import NO_DIGEST, Digest, digest

PAYLOAD_TYPE = "application/vnd.samentel.public-figures.v1+toml"
KIND = "public-figures"

_MUNICIPALITY = re.compile(r"GM[0-9]{4}")
_KIND = re.compile(rb'^kind\s*=\s*"public-figures"', re.MULTILINE)


class About(StrEnum):
    """What a public figure is about."""

    CAPACITY = "capacity"
    CARE_COORDINATION = "care-coordination"
    PUBLICATION = "publication"


class Unit(StrEnum):
    """What a public figure is a number of; ``status`` is 1 for yes and 0 for no."""

    PLACES = "places"
    PERSONS = "persons"
    REQUESTS = "requests"
    PLACEMENTS = "placements"
    REGIONS = "regions"
    PERCENT = "percent"
    STATUS = "status"


class Entry(Model):
    """One public figure.

    Attributes:
        subject: a short name; figures of several years with one subject are the same thing over time.
        title: what the number says.
        codes: what it is about, in the codes that tables use: of capacity the kind of place, such as COSM; of
            care coordination one municipality, in the code of CBS such as GM0363. None for the country.
        value: a whole number.
        year: of the data; None where the source bears no date.
        reference: the day or part of the year, where the source says it.
        source: who published it and where it can be found.
    """

    kind: About
    subject: Key
    title: Text
    codes: Annotated[tuple[CodeText, ...], Field(max_length=4)] = ()
    value: Annotated[int, Field(ge=0, le=100_000_000)]
    unit: Unit
    year: Annotated[int, Field(ge=1990, le=2099)] | None = None
    reference: Text | None = None
    source: Text


class PublicFigures(Model):
    """All public figures in force; a higher version replaces a lower one.

    Attributes:
        id: of several documents side by side, which this is.
    """

    kind: Literal["public-figures"]
    id: Key
    version: Annotated[int, Field(ge=1, le=9999)]
    title: Text
    entries: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=5000)]

    _digest: Digest = PrivateAttr(default=NO_DIGEST)

    @model_validator(mode="after")
    def _entries_hold(self) -> "PublicFigures":
        problems = list(_problems(self.entries))
        if problems:
            raise ValueError(*problems)
        return self

    @property
    def digest(self) -> Digest:
        """SHA-256 of the signed bytes."""
        return self._digest


def recognises(data: bytes) -> bool:
    """Whether a TOML file says of itself that it holds public figures; a programme does not."""
    return _KIND.search(data) is not None


def parse(payload: bytes) -> PublicFigures:
    """Read public figures from their exact bytes; raises DocumentError with every mistake."""
    figures = from_toml(PublicFigures, payload, "public figures")
    figures._digest = digest(payload)
    return figures


def verify(envelope: Envelope, authority: Sequence[VerifyKey], threshold: int) -> PublicFigures:
    """The public figures, once enough of the authority's keys have signed them.

    Raises:
        PeerError: too few good signatures; nothing has been parsed.
        DocumentError: signed, but they do not hold.
    """
    return parse(open_envelope(envelope, PAYLOAD_TYPE, authority, threshold))


def _problems(entries: Sequence[Entry]) -> Iterator[str]:
    for number, entry in enumerate(entries, 1):
        place = f"entries.{number} ({entry.subject})"
        if entry.kind is About.CAPACITY and (entry.unit is not Unit.PLACES or not entry.codes):
            yield f"{place}: capacity is a number of places, with the code of the kind of place"
        if entry.kind is About.CARE_COORDINATION:
            yield from _municipality_problems(place, entry)
        if (entry.unit is Unit.STATUS) != (entry.kind is About.CARE_COORDINATION):
            yield f"{place}.unit: status is for care coordination, and care coordination is a status"
        if entry.unit is Unit.STATUS and entry.value > 1:
            yield f"{place}.value: a status is 1 for yes or 0 for no"
        if entry.unit is Unit.PERCENT and entry.value > 100:
            yield f"{place}.value: is more than 100 percent"
    same = [f"{it.kind} {it.subject} {' '.join(it.codes)} {it.year or ''}".strip() for it in entries]
    yield from (f"entries: {name} stands twice" for name in repeated(same))


def _municipality_problems(place: str, entry: Entry) -> Iterator[str]:
    if len(entry.codes) != 1 or _MUNICIPALITY.fullmatch(entry.codes[0]) is None:
        yield f"{place}.codes: write the one code that CBS gives the municipality, such as GM0363"
    if entry.year is None:
        yield f"{place}.year: a status changes; say of which year it is"
