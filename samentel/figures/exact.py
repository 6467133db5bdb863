"""Exact figures that stand beside the noisy ones: who took part, and what the authority has published.

None of them is counted from records and none is about a person, so none has
noise and none costs privacy. Which institutions take part is public by design.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from samentel.documents.codelists import Code, Fixed
from samentel.documents.programme import Programme
from samentel.documents.public import Entry, PublicFigures
from samentel.documents.roster import Roster
from samentel.figures.edition import Row
from samentel.ids import Period

COLUMNS = ("kind", "subject", "codes", "label_nl", "label_en", "value", "unit", "year", "source_nl",
           "source_en")  # fmt: skip

PARTICIPATION = "participation"
_STAGES = {
    "enrolled": ("Op de deelnemerslijst", "On the roster"),
    "invited": ("Gevraagd", "Invited"),
    "present": ("Aanwezig bij het begin", "Present at the start"),
    "in-sum": ("In de som", "In the sum"),
}
_ENROLLED = "enrolled"
_ALL = ("alle instellingen", "all institutions")


@dataclass(frozen=True, slots=True)
class Participation:
    """Who was asked and who took part in the round of a release.

    Attributes:
        programme: gives the words for kinds of institution and provinces.
        roster: of the round; everybody on it is enrolled.
        invited, present, in_sum: node ids, as in the coverage of the manifest.
    """

    programme: Programme
    roster: Roster
    period: Period
    invited: Collection[str]
    present: Collection[str]
    in_sum: Collection[str]


def rows(participation: Participation | None, public: PublicFigures | None) -> Iterator[Row]:
    """The exact figures of a release, with the keys COLUMNS.

    Args:
        participation: None where it is not known by kind of institution.
        public: the public figures in force; None if there are none.
    """
    if participation is not None:
        yield from _participation(participation)
    if public is not None:
        yield from (_published(entry) for entry in public.entries)


def _participation(known: Participation) -> Iterator[Row]:
    """How many institutions of each type and province came how far; every type and province on the roster."""
    reached = {
        "enrolled": {one.node for one in known.roster.institutions},
        "invited": set(known.invited),
        "present": set(known.present),
        "in-sum": set(known.in_sum),
    }
    types, provinces = (_words(known.programme, fixed) for fixed in (Fixed.TYPE, Fixed.PROVINCE))
    kinds = sorted({(one.type, one.province) for one in known.roster.institutions})
    sources = _sources(known)
    for stage, nodes in reached.items():
        found = Counter((one.type, one.province) for one in known.roster.institutions if one.node in nodes)
        counts = [("", _ALL, found.total())]
        for kind, province in kinds:
            names = _both(types.get(kind), kind), _both(provinces.get(province), province)
            words = (f"{names[0][0]} | {names[1][0]}", f"{names[0][1]} | {names[1][1]}")
            counts.append((f"{kind}|{province}", words, found[kind, province]))
        for codes, words, count in counts:
            yield {
                "kind": PARTICIPATION,
                "subject": stage,
                "codes": codes,
                "label_nl": f"{_STAGES[stage][0]}: {words[0]}",
                "label_en": f"{_STAGES[stage][1]}: {words[1]}",
                "value": count,
                "unit": "institutions",
                "year": str(known.period),
                "source_nl": sources[stage][0],
                "source_en": sources[stage][1],
            }


def _sources(known: Participation) -> Mapping[str, tuple[str, str]]:
    """By stage, where it can be looked up, in Dutch and English."""
    name, number = known.roster.digest, known.roster.version
    listed = (
        f"deelnemerslijst, versie {number}, SHA-256 {name}",
        f"roster, version {number}, SHA-256 {name}",
    )
    took_part = (
        f"de ronde over {known.period}; namen: coverage in manifest.json",
        f"the round about {known.period}; names: coverage in manifest.json",
    )
    return {stage: listed if stage == _ENROLLED else took_part for stage in _STAGES}


def _words(programme: Programme, fixed: Fixed) -> Mapping[str, Code]:
    """The level of the programme that a word of the roster alone stands for."""
    dimensions = [one for one in programme.dimensions if one.fixed_by is fixed]
    found: dict[str, Code] = {}
    for dimension in dimensions:
        for code in dimension.codes:
            words = code.members or (code.code,)
            if len(words) == 1:
                found.setdefault(words[0], code)
    return found


def _both(code: Code | None, word: str) -> tuple[str, str]:
    """The words for a level in both languages; the roster's own where no level stands for it alone."""
    return (word, word) if code is None else (code.nl, code.en)


def _published(entry: Entry) -> Row:
    day = entry.reference
    return {
        "kind": str(entry.kind),
        "subject": entry.subject,
        "codes": "|".join(entry.codes),
        "label_nl": f"{entry.title.nl} ({day.nl})" if day else entry.title.nl,
        "label_en": f"{entry.title.en} ({day.en})" if day else entry.title.en,
        "value": entry.value,
        "unit": str(entry.unit),
        "year": "" if entry.year is None else str(entry.year),
        "source_nl": entry.source.nl,
        "source_en": entry.source.en,
    }
