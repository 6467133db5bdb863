"""The national sum: what a round yields, decoded table by table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from samentel.counting.contribution import Integers
from samentel.counting.privacy import TableNoise
from samentel.counting.shares import summed_variance
from samentel.errors import PeerError


@dataclass(frozen=True, slots=True, eq=False)
class NationalSum:
    """The sum over the institutions that took part, decoded.

    Attributes:
        survivors: node ids in the sum, sorted.
        tables: by table id, the summed noisy counts times s, null cell left out. Each of shape (cells,).
        granularities: by table id, s.
        variances: by table id, the variance of the noise in one cell of the sum, in persons squared.
    """

    survivors: tuple[str, ...]
    tables: Mapping[str, Integers]
    granularities: Mapping[str, int]
    variances: Mapping[str, float]


def add_up(plan: Sequence[TableNoise], vectors: Mapping[str, Integers]) -> NationalSum:
    """Individual mode: the coordinator adds the institutions' noisy vectors.

    Args:
        vectors: by node id, each of shape (sum of cells + one null cell a table,).

    Raises:
        PeerError: a vector of another length.
    """
    if not vectors:
        raise PeerError("no institution has handed in a vector")
    length = _length(plan)
    if any(vector.shape != (length,) for vector in vectors.values()):
        raise PeerError(f"a vector of {length} numbers was expected")
    total: Integers = np.stack([vectors[node] for node in sorted(vectors)]).sum(axis=0, dtype=np.int64)
    return national_of(plan, sorted(vectors), total)


def national_of(plan: Sequence[TableNoise], survivors: Sequence[str], counts: Integers) -> NationalSum:
    """A sum that is known already, such as that of a secure sum, table by table.

    The variance is that of the noise that was drawn: ``len(survivors)`` times what ``plan`` has one node add.
    The programme's floors have been checked by the nodes, before their masks could be taken off.

    Args:
        plan: what each survivor has added: for a secure sum, the noise shares for its number of dealers.
        survivors: node ids in the sum.
        counts: times s, null cells included, of shape (sum of cells + one null cell a table,).

    Raises:
        PeerError: nobody is in the sum, or it has another length.
    """
    if not survivors:
        raise PeerError("no institution is in the sum")
    if counts.shape != (_length(plan),):
        raise PeerError(f"a sum of {_length(plan)} numbers was expected")
    tables, variances, start = {}, {}, 0
    for noise in plan:
        tables[noise.table] = counts[start : start + noise.cells]
        variances[noise.table] = float(summed_variance(noise, len(survivors)))
        start += noise.cells + 1
    granularities = {noise.table: noise.granularity for noise in plan}
    return NationalSum(tuple(sorted(survivors)), tables, granularities, variances)


def _length(plan: Sequence[TableNoise]) -> int:
    return sum(noise.cells + 1 for noise in plan)
