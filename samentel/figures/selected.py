"""Sums of cells of one table: those with certain codes, in one year or in several together.

What an indicator, a row of the EU table or a trend is made of. Each is a linear
combination of estimates, so its standard deviation is exact, with what the errors
of cells have in common. Sums of several years have errors that are independent.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from samentel.documents.populations import Table
from samentel.documents.programme import Programme
from samentel.figures.effects import Floats
from samentel.figures.estimate import Figure, NationalTables, added, quotient_of

Codes = Mapping[str, Collection[str]]  # by dimension; of a dimension that is not named all codes


def weights(programme: Programme, table: Table, codes: Codes) -> Floats:
    """1 for each cell whose codes are all among those named, 0 for the others. Of the table's shape."""
    found = np.ones(programme.shape(table))
    for axis, name in enumerate(table.dimensions):
        if name in codes:
            listed = [float(code.code in codes[name]) for code in programme.dimension(name).codes]
            found *= np.reshape(listed, [-1 if place == axis else 1 for place in range(found.ndim)])
    return found


def total(years: Sequence[NationalTables], table: Table, weighted: Floats) -> Figure:
    """A weighted sum of the cells of a table, over one year or several.

    Args:
        weighted: of the table's shape.
    """
    found = []
    for year in years:
        fit = next(fit for fit in year.fits if table.id in fit.space.places)
        found.append(fit.figure(fit.space.weights(table, weighted)))
    return added(found)


def share(years: Sequence[NationalTables], table: Table, some: Floats, whole: Floats) -> Figure | None:
    """One weighted sum of the cells of a table as a part of another.

    None where the whole is less than 8 of its sd. As ``NationalTables.ratio``, over several years.
    """

    def less(quotient: float) -> Figure:
        return total(years, table, some - quotient * whole)

    return quotient_of(total(years, table, some), total(years, table, whole), less)
