"""Where two documents of one shape differ; numbers that differ by rounding alone do not."""

import math
from collections.abc import Mapping

from samentel.documents.model import Model

ROUNDING = 1e-9  # of a number: more than two machines' arithmetic differs by, and far below what is shown


def first_difference(one: Model, other: Model) -> str:
    """The name of the first part in which they differ, such as ``noise.realised``; empty if they do not."""
    return ".".join(_where(one.model_dump(mode="json"), other.model_dump(mode="json")) or ())


def _where(one: object, other: object) -> tuple[str, ...] | None:
    """The way to the first difference; None if there is none."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        names = [*one, *(name for name in other if name not in one)]
        pairs = [(str(name), one.get(name, _ABSENT), other.get(name, _ABSENT)) for name in names]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(str(number), a, b) for number, (a, b) in enumerate(zip(one, other, strict=True))]
    elif isinstance(one, float) and isinstance(other, float):
        return None if math.isclose(one, other, rel_tol=ROUNDING, abs_tol=ROUNDING) else ()
    else:
        return None if one == other else ()
    for name, a, b in pairs:
        way = _where(a, b)
        if way is not None:
            return (name, *way)
    return None


_ABSENT = object()
