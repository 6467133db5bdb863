"""Code lists: the fixed, public levels along which a programme counts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Annotated

from pydantic import Field, StringConstraints

from samentel.documents.model import Model, Name, Prose

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,47}$")]
CodeText = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9_]{0,31}$")]
Bound = Annotated[int, Field(ge=0, le=10_000)]
Codes = Annotated[tuple[CodeText, ...], Field(max_length=500)]


class Text(Model):
    """The same words in Dutch and English."""

    nl: Prose
    en: Prose


class Fixed(StrEnum):
    """What the roster says of an institution, and its records therefore cannot."""

    TYPE = "type"
    PROVINCE = "province"
    FACILITIES = "facilities"


class Code(Model):
    """One level of a dimension.

    Attributes:
        bounds: for a banded dimension, the lowest and highest whole number of this level, both included: of
            years of age, or of days.
        members: of a dimension that rolls another up, the codes of that one that this level takes together;
            of one that the roster fixes, the words of the roster that it stands for (if none: of a type or
            province its own code; of facilities, a level that every institution can fill).
        by_consent: a level that the roster fixes and few institutions can fill: it is published because each
            of them has agreed to that in its approval.
        alignment: the same notion in other code lists, by the name of the list.
    """

    code: CodeText
    nl: Name
    en: Name
    bounds: tuple[Bound, Bound] | None = None
    members: Codes = ()
    by_consent: bool = False
    alignment: dict[str, str] = Field(default_factory=dict)


class Dimension(Model):
    """One axis of a table: a fixed, public list of codes.

    Attributes:
        field: the field of the record model from which the level comes; of a level that the roster fixes
            for all of an institution's rows, the roster's own field.
        unknown: the code for what is not recorded or cannot be read.
        missing: the codes that say why nothing is known, such as "not asked"; ``unknown`` alone if none.
        not_applicable: the code of rows to which the question does not apply.
        applies: by dimension, the codes that a row must have there for this question to apply to it; of
            several dimensions all must.
        fixed_by: what of the roster decides which levels an institution's rows can have.
        rolls_up: the dimension of which this one takes codes together.
        frozen: what a row has here does not change after its first date, whenever it is counted.
    """

    id: Key
    field: Key
    title: Text
    unknown: CodeText
    codes: Annotated[tuple[Code, ...], Field(min_length=2, max_length=500)]
    missing: Codes = ()
    not_applicable: CodeText | None = None
    applies: dict[Key, Codes] = Field(default_factory=dict)
    fixed_by: Fixed | None = None
    rolls_up: Key | None = None
    frozen: bool = False

    @property
    def banded(self) -> bool:
        """Whether the levels are bands of whole numbers rather than codes to be translated."""
        return any(code.bounds is not None for code in self.codes)

    @property
    def gaps(self) -> tuple[str, ...]:
        """The codes that say why nothing is known."""
        return self.missing or (self.unknown,)

    def index(self, code: str) -> int:
        """The position of a code; raises ValueError when it is not one of this dimension."""
        return [entry.code for entry in self.codes].index(code)


def rolled(coarse: Dimension, fine: Dimension) -> tuple[int, ...]:
    """The position in the coarse dimension of every code of the fine one that it rolls up."""
    at = {member: place for place, code in enumerate(coarse.codes) for member in code.members}
    return tuple(at[code.code] for code in fine.codes)


def problems(dimensions: Sequence[Dimension]) -> Iterator[str]:
    """What keeps these dimensions from fitting together, a sentence each with its place."""
    known = {dimension.id: dimension for dimension in dimensions}
    for dimension in dimensions:
        yield from _code_problems(dimension)
        yield from _band_problems(dimension)
        yield from _applies_problems(dimension, known)
        yield from _roll_up_problems(dimension, known)
        yield from _fixed_problems(dimension)


def repeated(names: Sequence[str]) -> list[str]:
    """The names that stand more than once."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


def _code_problems(dimension: Dimension) -> Iterator[str]:
    place, codes = f"dimensions.{dimension.id}", [code.code for code in dimension.codes]
    yield from (f"{place}: the code {code} stands twice" for code in repeated(codes))
    if dimension.unknown not in codes:
        yield f"{place}.unknown: {dimension.unknown} is not one of its codes"
    yield from (
        f"{place}.missing: {code} is not one of its codes" for code in dimension.missing if code not in codes
    )
    if dimension.not_applicable is not None and dimension.not_applicable not in codes:
        yield f"{place}.not_applicable: {dimension.not_applicable} is not one of its codes"
    if dimension.not_applicable == dimension.unknown:
        yield f"{place}.not_applicable: what does not apply and what is not known are two codes"


def _band_problems(dimension: Dimension) -> Iterator[str]:
    if not dimension.banded:
        return
    place = f"dimensions.{dimension.id}"
    bands = [code.bounds for code in dimension.codes if code.code != dimension.unknown]
    if None in bands:
        yield f"{place}: every code but the unknown one needs bounds, or none"
    ordered = sorted(band for band in bands if band is not None)
    neighbours = list(pairwise(ordered))
    if any(low > high for low, high in ordered) or any(one[1] >= two[0] for one, two in neighbours):
        yield f"{place}: the bounds of its codes overlap or run backwards"
    elif any(one[1] + 1 < two[0] for one, two in neighbours):
        yield f"{place}: the bounds of its codes leave numbers out between them"
    if any(code.code == dimension.unknown and code.bounds for code in dimension.codes):
        yield f"{place}: the unknown code has no bounds"


def _applies_problems(dimension: Dimension, known: Mapping[str, Dimension]) -> Iterator[str]:
    place = f"dimensions.{dimension.id}.applies"
    if dimension.applies and dimension.not_applicable is None:
        yield f"{place}: say with not_applicable which code the other rows have"
    for name, codes in dimension.applies.items():
        other = known.get(name)
        if other is None or other.id == dimension.id:
            yield f"{place}: there is no other dimension {name}"
            continue
        behind = known.get(other.rolls_up or "", other)
        if other.applies or behind.applies:
            yield f"{place}: {name} itself applies to some rows only; name one that applies to all"
        if behind.fixed_by is not None:  # its levels would hide in this dimension, and escape their rule
            yield f"{place}: {name} is fixed by the roster; cross the two in a table instead"
        strange = set(codes) - {code.code for code in other.codes}
        yield from (f"{place}.{name}: {code} is not one of its codes" for code in sorted(strange))


def _roll_up_problems(dimension: Dimension, known: Mapping[str, Dimension]) -> Iterator[str]:
    if dimension.rolls_up is None:
        return
    place, fine = f"dimensions.{dimension.id}", known.get(dimension.rolls_up)
    if fine is None or fine.id == dimension.id or fine.rolls_up is not None:
        yield f"{place}.rolls_up: there is no dimension {dimension.rolls_up} that could be taken together"
        return
    if dimension.banded or dimension.fixed_by is not None or dimension.applies:
        yield f"{place}: bounds, fixed_by and applies are said of {fine.id}, which it rolls up"
    if dimension.field != fine.field:
        yield f"{place}.field: must be {fine.field}, as of {fine.id}, which it rolls up"
    members = [member for code in dimension.codes for member in code.members]
    if sorted(members) != sorted(code.code for code in fine.codes):
        yield (
            f"{place}: the members of its codes must be the codes of {fine.id}, each once; "
            + "; ".join(_nesting(members, [code.code for code in fine.codes]))
        )
    elif fine.unknown not in next((c.members for c in dimension.codes if c.code == dimension.unknown), ()):
        yield f"{place}.unknown: {dimension.unknown} must hold {fine.unknown}, the unknown code of {fine.id}"


def _nesting(members: Sequence[str], codes: Sequence[str]) -> Iterator[str]:
    """What keeps the members of a dimension's codes from being these codes, each once."""
    if missing := [code for code in codes if code not in members]:
        yield f"put {', '.join(missing)} under one of its codes"
    if strange := sorted({member for member in members if member not in codes}):
        yield f"take out {', '.join(strange)}"
    if twice := [code for code in repeated(members) if code in codes]:
        yield f"leave {', '.join(twice)} under one code only"


def _fixed_problems(dimension: Dimension) -> Iterator[str]:
    place = f"dimensions.{dimension.id}"
    consented = [code.code for code in dimension.codes if code.by_consent]
    if dimension.fixed_by is None:
        if consented:
            yield f"{place}: by_consent is for levels that the roster fixes (fixed_by)"
        if dimension.rolls_up is None and any(code.members for code in dimension.codes):
            yield f"{place}: members are for dimensions with rolls_up or fixed_by"
        return
    if dimension.banded or dimension.applies:
        yield f"{place}: a dimension that the roster fixes has no bounds and applies to every row"
    words = [word for code in dimension.codes for word in (code.members or (code.code,))]
    yield from (f"{place}: {word} of the roster belongs to two codes" for word in repeated(words))
    if dimension.fixed_by is Fixed.FACILITIES:
        if dimension.unknown in consented:
            yield f"{place}: any institution can fill {dimension.unknown}; it needs no consent"
    elif dimension.field != dimension.fixed_by:
        yield f"{place}.field: must be {dimension.fixed_by}, since the roster says it of all rows"
