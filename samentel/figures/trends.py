"""Trends: the same figures over the years, and what changed beyond noise.

Totals and tables of one dimension stand here year by year, with the change since
the year before. Tables that are published as the sum of three years stand with
every run of three; so do tables by region, whose counts of one year are small.
There are no trends of quarters, and none of one year.
"""

import math
from collections.abc import Iterator, Sequence

from samentel.documents.codelists import Text
from samentel.documents.populations import Table
from samentel.documents.programme import Programme
from samentel.figures.edition import Edition, Row
from samentel.figures.estimate import Figure, NationalTables, Z, added, cell_codes, difference
from samentel.figures.indicators import changed
from samentel.figures.quality import grade

COLUMNS = ("table", "dimensions", "codes", "label_nl", "label_en", "period", "years",
           "estimate", "sd", "lower", "upper", "grade",
           "change", "change_sd", "change_lower", "change_upper", "beyond_noise", "detectable")  # fmt: skip

TOTAL = Text(nl="Totaal", en="Total")
POOLED = 3
REGIONS = "cbs"  # the alignment that codes of regions have


def rows(edition: Edition, years: Sequence[NationalTables]) -> Iterator[Row]:
    """Every figure that is followed over the years, with the keys COLUMNS; none for a single year.

    Args:
        years: the estimates of ``edition.years``, in that order; their errors are independent.
    """
    if len(years) < 2:
        return
    periods = [str(year.period) for year in edition.years]
    for table in edition.programme.tables:
        for span in spans(edition.programme, table):
            for number, codes in enumerate(cell_codes(edition.programme, table)):
                each = [_figure(year, table, number) for year in years]
                words = _words(edition.programme, table, codes)
                yield from ({**words, **numbers} for numbers in _followed(periods, each, span))


def spans(programme: Programme, table: Table) -> tuple[int, ...]:
    """Of how many years together the figures of a table are followed: 1, 3, both or none."""
    if table.years > 1:
        return (table.years,)
    regional = any(
        REGIONS in code.alignment for name in table.dimensions for code in programme.dimension(name).codes
    )
    return ((1,) if len(table.dimensions) <= 1 else ()) + ((POOLED,) if regional else ())


def detectable(now: Figure, before: Figure | None) -> float:
    """The smallest change between two years that their noise alone makes in less than 5 % of cases.

    Without a year before, as if it had been as accurate as this one: 2.77 times the sd.
    """
    return Z * math.hypot(now.sd, now.sd if before is None else before.sd)


def _followed(periods: Sequence[str], each: Sequence[Figure], span: int) -> Iterator[Row]:
    """One figure over the years, or over runs of years; runs share years, so no change stands with them."""
    for last in range(span - 1, len(periods)):
        first = last - span + 1
        now = added(each[first : last + 1])
        before = each[first - 1] if span == 1 and first else None
        yield {
            "period": periods[last] if span == 1 else f"{periods[first]}-{periods[last]}",
            "years": span,
            "estimate": now.estimate,
            "sd": now.sd,
            "lower": now.lower,
            "upper": now.upper,
            "grade": grade(now),
            **changed(difference(now, before) if before else None),
            "detectable": detectable(now, before) if span == 1 else None,
        }


def _figure(year: NationalTables, table: Table, number: int) -> Figure:
    cell = year.table(table.id).cells[number]
    return Figure(cell.estimate, cell.sd)


def _words(programme: Programme, table: Table, codes: Sequence[str]) -> dict[str, str]:
    named = [
        next(code for code in programme.dimension(name).codes if code.code == wanted)
        for name, wanted in zip(table.dimensions, codes, strict=True)
    ]
    return {
        "table": table.id,
        "dimensions": "|".join(table.dimensions),
        "codes": "|".join(codes),
        "label_nl": " | ".join(code.nl for code in named) or TOTAL.nl,
        "label_en": " | ".join(code.en for code in named) or TOTAL.en,
    }
