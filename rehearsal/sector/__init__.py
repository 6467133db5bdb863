"""A made-up sector: forty institutions that do not exist, with people who do not exist.

Drawn from a seed, so that a rehearsal can be repeated, and after published
figures, so that it looks like the country's. Because nobody in it exists, the
true figures may be known here, and only here.
"""

from rehearsal.sector.exports import Export
from rehearsal.sector.houses import HOUSES, NATION, SMALL, House
from rehearsal.sector.made import Sector, houses, make

__all__ = ["HOUSES", "NATION", "SMALL", "Export", "House", "Sector", "houses", "make"]
