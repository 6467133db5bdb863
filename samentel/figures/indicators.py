"""Indicators: the few figures of a release that a reader looks at first, each year and its change.

The registration gap is the share of help of which the reason is not recorded or
was not asked: over the country, by kind of organisation and by part of the
country. The dark figure of reporting is the number of victims whom help knows
and the national register does not. Both are found by what a programme counts,
not by the names of its tables: in a population with a dimension of the field
``reason`` that has codes for what is missing, or of the field ``consent`` with
codes for not reported.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from samentel.documents.codelists import Code, Dimension, Fixed, Text
from samentel.documents.populations import Population, Table
from samentel.documents.programme import Programme
from samentel.figures.edition import Edition, Row
from samentel.figures.estimate import Figure, NationalTables, difference
from samentel.figures.quality import grade
from samentel.figures.selected import Codes, share, total, weights

COLUMNS = ("indicator", "period", "dimension", "code", "label_nl", "label_en", "unit",
           "estimate", "sd", "lower", "upper", "grade",
           "change", "change_sd", "change_lower", "change_upper", "beyond_noise")  # fmt: skip

NATION = Text(nl="Nederland", en="The Netherlands")
NOT_REPORTED = "NOT_"  # how the codes begin of whoever is not reported to the national register


class Unit(StrEnum):
    """What an indicator is a number of."""

    PERCENT = "percent"
    PERSONS = "persons"


@dataclass(frozen=True, slots=True)
class Part:
    """One line of an indicator.

    Attributes:
        table: from whose cells it is made.
        counted: the codes of the cells that are added up.
        among: the codes of those that they are a share of.
        dimension, code: what the line is of; both empty for the whole country.
    """

    table: Table
    counted: Codes
    among: Codes = field(default_factory=dict)
    dimension: str = ""
    code: str = ""
    label: Text = NATION


@dataclass(frozen=True, slots=True)
class Product:
    """An indicator.

    Attributes:
        question: what it answers.
        definition: what exactly is counted.
    """

    id: str
    title: Text
    question: Text
    definition: Text
    unit: Unit
    parts: tuple[Part, ...]


def products(programme: Programme) -> tuple[Product, ...]:
    """The indicators that a programme's tables have in them; none where it asks neither."""
    found: list[Product] = []
    for population in programme.populations:
        found += _gaps(programme, population)
        found += _unreported(programme, population)
    return tuple(found)


def rows(edition: Edition, years: Sequence[NationalTables]) -> Iterator[Row]:
    """Every line of every indicator, each year of the edition, with the keys COLUMNS.

    Args:
        years: the estimates of ``edition.years``, in that order. Their errors are independent, so the sd of a
            change is the root of both variances. A line from a table of three years has one period, such as
            2023-2025, and no change.
    """
    periods = [str(year.period) for year in edition.years]
    for product in products(edition.programme):
        for part in product.parts:
            for period, now, before in windows(part.table, periods, years):
                found = figure(edition.programme, product.unit, part, now)
                earlier = figure(edition.programme, product.unit, part, before) if before else None
                yield _row(product, period, part, found, earlier)


def windows(
    table: Table, periods: Sequence[str], years: Sequence[NationalTables]
) -> Iterator[tuple[str, Sequence[NationalTables], Sequence[NationalTables]]]:
    """The periods for which figures of a table are published, each with its estimates and those before.

    A table of one year has each year, and the year before it where there is one. A table of three years has
    every run of three, and nothing before it: sums that share years do not tell a change.
    """
    for last in range(table.years - 1, len(periods)):
        first = last - table.years + 1
        name = periods[last] if table.years == 1 else f"{periods[first]}-{periods[last]}"
        yield name, years[first : last + 1], years[first - 1 : first] if table.years == 1 and first else ()


def figure(programme: Programme, unit: Unit, part: Part, years: Sequence[NationalTables]) -> Figure | None:
    """One line of an indicator, in its unit; None where a share would be of too uncertain a whole."""
    counted = weights(programme, part.table, part.counted)
    if unit is Unit.PERSONS:
        return total(years, part.table, counted)
    found = share(years, part.table, counted, weights(programme, part.table, part.among))
    return None if found is None else Figure(100 * found.estimate, 100 * found.sd)


def _row(product: Product, period: str, part: Part, found: Figure | None, earlier: Figure | None) -> Row:
    change = difference(found, earlier) if found and earlier else None
    return {
        "indicator": product.id,
        "period": period,
        "dimension": part.dimension,
        "code": part.code,
        "label_nl": part.label.nl,
        "label_en": part.label.en,
        "unit": str(product.unit),
        "estimate": found.estimate if found else None,
        "sd": found.sd if found else None,
        "lower": found.lower if found else None,
        "upper": found.upper if found else None,
        "grade": grade(found) if found else None,
        **changed(change),
    }


def changed(change: Figure | None) -> Row:
    """The columns of a change since the year before; all empty where there is none.

    ``beyond_noise`` is yes where the 95 % interval of the change does not hold zero.
    """
    if change is None:
        names = ("change", "change_sd", "change_lower", "change_upper", "beyond_noise")
        return dict.fromkeys(names)
    return {
        "change": change.estimate,
        "change_sd": change.sd,
        "change_lower": change.lower,
        "change_upper": change.upper,
        "beyond_noise": "no" if change.lower <= 0 <= change.upper else "yes",
    }


def _gaps(programme: Programme, population: Population) -> Iterator[Product]:
    """The registration gap of a population: each code for what is missing by itself, and all together."""
    asked = [one for one in programme.dimensions if one.field == "reason" and _fine(programme, one).missing]
    if not asked:
        return
    fine = _fine(programme, asked[0])
    labels = {code.code: code for code in fine.codes if code.code in fine.missing}
    wanted = {"": frozenset(labels)}
    if len(labels) > 1:
        wanted |= {code: frozenset((code,)) for code in fine.missing}
    for name, codes in wanted.items():
        parts = tuple(_parts(programme, population, asked, codes))
        if parts:
            yield _gap(population, name, [labels[code] for code in fine.missing if code in codes], parts)


def _gap(population: Population, name: str, codes: Sequence[Code], parts: tuple[Part, ...]) -> Product:
    nl, en = (
        _listed([getattr(code, it) for code in codes], word) for it, word in (("nl", "of"), ("en", "or"))
    )
    whom = population.title
    return Product(
        "-".join(filter(None, ("gap", population.id, name.lower()))),
        Text(nl=f"{whom.nl}: aanleiding {nl}", en=f"{whom.en}: reason {en}"),
        Text(
            nl="Van welk deel van de hulp is niet vastgelegd waarom zij nodig was?",
            en="Of what share of help is it not on record why it was needed?",
        ),
        Text(
            nl=f"Het deel van {_lower(whom.nl)} met als aanleiding: {nl}. Per soort organisatie of landsdeel "
            "is het een deel van degenen die daar kwamen.",
            en=f"The share of {_lower(whom.en)} with as reason: {en}. By kind of organisation or part of the "
            "country it is a share of those who came there.",
        ),
        Unit.PERCENT,
        parts,
    )


def _unreported(programme: Programme, population: Population) -> Iterator[Product]:
    """Whom help knows and the national register does not: all, and by what stood in the way."""
    asked = [one for one in programme.dimensions if one.field == "consent" and _not_reported(one)]
    used = [one for one in asked if _tables(programme, population, one.id)]
    if not used:
        return
    dimension = used[0]
    codes = _not_reported(dimension)
    parts = list(_parts(programme, population, used[:1], frozenset(code.code for code in codes)))
    table = parts[0].table
    parts += [
        Part(table, {dimension.id: (code.code,)}, {}, dimension.id, code.code, Text(nl=code.nl, en=code.en))
        for code in codes
    ]
    whom = population.title
    yield Product(
        f"unreported-{population.id}",
        Text(nl=f"{whom.nl}, niet gemeld bij CoMensha", en=f"{whom.en}, not reported to CoMensha"),
        Text(
            nl="Hoeveel slachtoffers kent de hulp die niet in de landelijke registratie staan, en waarom "
            "niet?",
            en="How many victims does help know who are not in the national register, and why not?",
        ),
        Text(
            nl=f"Aantal uit {_lower(whom.nl)} van wie vastligt dat zij niet gemeld zijn. Van wie onbekend is "
            "of zij gemeld zijn, telt niemand mee.",
            en=f"The number from {_lower(whom.en)} of whom it is on record that they were not reported. "
            "Those of whom it is not known whether they were reported are left out.",
        ),
        Unit.PERSONS,
        tuple(parts),
    )


def _parts(
    programme: Programme, population: Population, asked: Sequence[Dimension], codes: frozenset[str]
) -> Iterator[Part]:
    """The whole country, then each level that the roster fixes: whose gap it is.

    Args:
        asked: dimensions that ask the same, each of which may tell these codes apart or not.
        codes: of the finest of them, those to be counted.
    """
    offered: list[tuple[Table, Mapping[str, Collection[str]]]] = [
        (table, {dimension.id: told})
        for dimension in asked
        if (told := _as_told(programme, dimension, codes)) is not None
        for table in _tables(programme, population, dimension.id)
    ]
    if not offered:
        return
    offered.sort(key=lambda one: (one[0].years, programme.cells(one[0])))
    yield Part(*offered[0])
    for other in _houses(programme):
        for table, mine in [one for one in offered if other.id in one[0].dimensions][:1]:
            for code in other.codes:
                house = {other.id: (code.code,)}
                label = Text(nl=code.nl, en=code.en)
                yield Part(table, {**mine, **house}, house, other.id, code.code, label)


def _as_told(programme: Programme, dimension: Dimension, codes: frozenset[str]) -> tuple[str, ...] | None:
    """The codes of a dimension that together are these of the finest one; None if it does not tell them."""
    fine = _fine(programme, dimension)
    held = {code.code: {code.code} if fine is dimension else set(code.members) for code in dimension.codes}
    found = tuple(code for code, members in held.items() if members <= codes)
    return found if set().union(*(held[code] for code in found)) == codes else None


def _houses(programme: Programme) -> list[Dimension]:
    """Dimensions of the institution: its kind, or where it is."""
    fixed = (Fixed.TYPE, Fixed.PROVINCE)
    return [one for one in programme.dimensions if _fine(programme, one).fixed_by in fixed]


def _tables(programme: Programme, population: Population, dimension: str) -> list[Table]:
    return [
        table
        for table in programme.tables
        if table.population == population.id and dimension in table.dimensions
    ]


def _not_reported(dimension: Dimension) -> list[Code]:
    return [code for code in dimension.codes if code.code.startswith(NOT_REPORTED)]


def _fine(programme: Programme, dimension: Dimension) -> Dimension:
    return programme.dimension(dimension.rolls_up) if dimension.rolls_up else dimension


def _listed(words: Sequence[str], link: str) -> str:
    return f" {link} ".join(_lower(word) for word in words)


def _lower(word: str) -> str:
    return word[:1].lower() + word[1:]
