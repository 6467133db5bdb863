"""The one import of OpenDP: codes go in, noisy counts come out.

Exact counts exist only inside OpenDP's compiled code. Each row is handed in
``s`` times, so that the discrete Gaussian is as fine as its share needs to be;
a person's ``k`` rows then move the vector by at most ``s*k`` in L2 (all rows of
a person may lie in one cell).

Only constructors under the feature flag "contrib" are used; "honest-but-curious"
is never enabled.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from opendp.domains import atom_domain, vector_domain
from opendp.measurements import then_gaussian
from opendp.metrics import symmetric_distance
from opendp.mod import Measurement, OpenDPException, enable_features
from opendp.transformations import make_count_by_categories

from samentel.counting.contribution import Codes, Integers
from samentel.counting.privacy import TableNoise
from samentel.errors import LocalFault

MAP_TOLERANCE = Fraction(1, 10**12)

enable_features("contrib")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class NoisyCounts:
    """A node's vector after noise: every table's cells and its null cell, in programme order, times s.

    Attributes:
        vector: signed 64-bit integers of shape (programme.vector_length,).
    """

    vector: Integers

    def __repr__(self) -> str:
        return f"NoisyCounts(<{len(self.vector)} cells>)"


def measurement(noise: TableNoise) -> Measurement:
    """The measurement of one table: count rows by category, add a discrete Gaussian to every cell.

    Raises:
        LocalFault: OpenDP's own privacy map does not agree with ours. The node must stop.
        OpenDPException: OpenDP cannot build it; its text stays here.
    """
    count = make_count_by_categories(
        vector_domain(atom_domain(T="i64")),
        symmetric_distance(),
        list(range(noise.cells)),
        null_category=True,
        MO="L2Distance<f64>",
        TOA="i64",
    )
    built: Measurement = count >> then_gaussian(noise.scale)
    check_map(noise, built.map(noise.granularity * noise.rows))  # type: ignore[no-untyped-call]
    return built


def check_map(noise: TableNoise, claimed: float) -> None:
    """Compare OpenDP's loss with ours: never below, and above by rounding only."""
    if not (math.isfinite(claimed) and 0 <= Fraction(claimed) - noise.rho <= MAP_TOLERANCE * noise.rho):
        raise LocalFault(
            f"OpenDP and Samentel do not agree on the privacy loss of table {noise.table}: this installation "
            "must not release anything. Reinstall the versions that the requirements file names."
        )


def draw(codes: Codes, plan: Sequence[TableNoise]) -> NoisyCounts:
    """Draw the noisy vector of all tables. Every call draws afresh and must be charged before it is sent.

    Raises:
        LocalFault: OpenDP failed; its own message is withheld because it may quote values.
    """
    parts = []
    for noise in plan:
        rows = np.repeat(codes.cells[noise.table], noise.granularity)
        try:
            parts.append(np.asarray(measurement(noise)(rows), dtype=np.int64))
        except OpenDPException:
            raise LocalFault(f"OpenDP could not draw table {noise.table}; nothing was released") from None
    return NoisyCounts(np.concatenate(parts))
