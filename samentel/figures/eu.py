"""The table that the European Union asks for: registered victims by five attributes.

Article 19a(2)(a) of Directive 2011/36/EU, as amended by Directive (EU) 2024/1712,
asks for victims by registering organisation, sex, age group, citizenship and form
of exploitation. A release measures some of these together, never all five: every
combination that one of its tables covers stands here, with TOTAL for the other
attributes. Each row is a sum of cells of that table, named in ``derived_from``;
rows agree wherever one is a sum of others.

The victims are those whom institutions of help register. Who is known to the
police alone is not among them, and whoever two institutions register counts twice.
The codes are those that the code lists of the programme align with Eurostat's
(key ``eurostat``); kinds of organisation have the programme's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

from samentel.documents.codelists import Dimension, Fixed, Text
from samentel.documents.populations import Counting, Records, Table
from samentel.documents.programme import Programme
from samentel.figures.edition import Edition, Row
from samentel.figures.estimate import NationalTables
from samentel.figures.quality import grade
from samentel.figures.selected import total, weights

AXES = ("organisation", "sex", "age", "citizenship", "form")
COLUMNS = ("period", "geo", *AXES, "label_nl", "label_en",
           "estimate", "sd", "lower", "upper", "grade", "derived_from")  # fmt: skip

GEO = "NL"
ALIGNED = "eurostat"
TOTAL = "TOTAL"
WHOLE = {"sex": "T"}  # Eurostat's code for all of an attribute, where that is not TOTAL
EVERYBODY = Text(nl="Totaal", en="Total")

Classes = Mapping[str, tuple[str, ...]]  # by Eurostat's class, the programme's codes that it takes together


def rows(edition: Edition, years: Sequence[NationalTables]) -> Iterator[Row]:
    """The EU table of the last year of an edition, with the keys COLUMNS.

    None for a quarter, or where no table of victims counts along one of the five attributes.

    Args:
        years: the estimates of ``edition.years``, in that order.
    """
    programme, period = edition.programme, edition.years[-1].period
    if period.quarter:
        return
    for place, (table, chosen) in covered(programme).items():
        codes = {dimension.id: codes for dimension, _, codes in chosen}
        found = total(years[-1:], table, weights(programme, table, codes))
        yield {
            "period": str(period),
            "geo": GEO,
            **dict(zip(AXES, place, strict=True)),
            "label_nl": _label(chosen, "nl"),
            "label_en": _label(chosen, "en"),
            "estimate": found.estimate,
            "sd": found.sd,
            "lower": found.lower,
            "upper": found.upper,
            "grade": grade(found),
            "derived_from": _derived(table, codes),
        }


Chosen = tuple[tuple[Dimension, str, tuple[str, ...]], ...]  # a dimension, the class, the codes in it


def covered(programme: Programme) -> Mapping[tuple[str, ...], tuple[Table, Chosen]]:
    """Every combination of classes that one table tells, with the smallest such table.

    The keys have one code an axis, in the order of AXES, fewest attributes first.
    """
    axes = [one for one in programme.dimensions if _axis(programme, one) is not None]
    tables = [
        (table, [one for one in axes if one.id in table.dimensions])
        for table in sorted(_tables(programme), key=programme.cells)
    ]
    found: dict[tuple[str, ...], tuple[Table, Chosen]] = {}
    if not any(known for _, known in tables):
        return found
    for size in range(len(AXES) + 1):
        for table, known in tables:
            for some in combinations(known, size):
                for place, chosen in _crossed(programme, some):
                    found.setdefault(place, (table, chosen))
    return found


def _crossed(programme: Programme, some: Sequence[Dimension]) -> Iterator[tuple[tuple[str, ...], Chosen]]:
    """Every class of each dimension with every one of the others."""
    for picked in product(*(classes(programme, one).items() for one in some)):
        at = {axis: WHOLE.get(axis, TOTAL) for axis in AXES}
        at |= {str(_axis(programme, one)): name for one, (name, _) in zip(some, picked, strict=True)}
        yield (
            tuple(at.values()),
            tuple((one, name, codes) for one, (name, codes) in zip(some, picked, strict=True)),
        )


def classes(programme: Programme, dimension: Dimension) -> Classes:
    """The classes that a dimension tells, each with the codes that it takes together.

    Of the kind of organisation its own codes. A code that stands for two of Eurostat's classes together is a
    class of its own, with a plus sign: ``EU27_2020_FOR+NEU27_2020_FOR``.
    """
    own = _axis(programme, dimension) == AXES[0]
    found: dict[str, tuple[str, ...]] = {}
    for code in dimension.codes:
        name = code.code if own else "+".join(it.strip() for it in code.alignment[ALIGNED].split(","))
        found[name] = (*found.get(name, ()), code.code)
    return found


def _axis(programme: Programme, dimension: Dimension) -> str | None:
    """The attribute of the EU table that a dimension tells; None if it tells none in Eurostat's classes."""
    fine = programme.dimension(dimension.rolls_up) if dimension.rolls_up else dimension
    if fine.fixed_by is Fixed.TYPE:
        return AXES[0]
    aligned = all(ALIGNED in code.alignment for code in dimension.codes)
    return dimension.field if aligned and dimension.field in AXES[1:] else None


def _tables(programme: Programme) -> list[Table]:
    """The tables of victims that are published every year."""
    population = next(
        (
            one.id
            for one in programme.populations
            if one.records is Records.VICTIMS and one.counting is Counting.INFLOW
        ),
        None,
    )
    return [table for table in programme.tables if table.population == population and table.years == 1]


def _label(chosen: Chosen, language: str) -> str:
    """The words of the codes that a row takes together."""
    parts = [
        " + ".join(getattr(code, language) for code in dimension.codes if code.code in codes)
        for dimension, _, codes in chosen
    ]
    return " | ".join(parts) or getattr(EVERYBODY, language)


def _derived(table: Table, codes: Mapping[str, tuple[str, ...]]) -> str:
    """The cells that a row adds up: the table, and along each of its dimensions the codes, or * for all."""
    along = "|".join("+".join(codes.get(name, ("*",))) for name in table.dimensions)
    return f"{table.id}[{along}]" if along else table.id
