"""What margins of related dimensions must have in common, whatever the rows.

Two things relate dimensions: one takes codes of another together, or a question
applies only to rows with certain codes elsewhere. Dimensions that are related,
directly or by way of others, are a group. A row has one of the possible
combinations of levels in each group, and groups are free of each other.

A sum of cells is a function on those combinations. A relation is a set of such
sums, of several margins, that together are the zero function: so it is zero for
every set of rows. Functions with mean zero in each of a set of groups, and constant
in all others, are orthogonal to those of other sets; so relations are found a set
of groups at a time, as the null space of the matrix of inner products. All of
them: what it leaves out follows from the others. Cells that no row can be in have
the zero function by themselves.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from samentel.documents.codelists import Dimension, rolled
from samentel.errors import DocumentError

Effect = tuple[str, ...]
Floats = NDArray[np.float64]
Relations = Mapping[Effect, Floats]

# Of the largest eigenvalue, of functions that are all of length 1. Up to the first it is zero up to rounding,
# from the second it is not; what lies between could be either.
_ZERO, _NOT_ZERO = 1e-12, 1e-9
_CANNOT_TELL = (
    "what {} have in common cannot be told from rounding: cross a question that applies under fewer "
    "conditions, or one with fewer codes"
)


class _Unclear(ArithmeticError):
    """A number that is zero or not, and rounding hides which."""


@dataclass(frozen=True, slots=True)
class _Lists:
    """The dimensions of a programme, and how they hang together.

    Attributes:
        known: all, by id.
        groups: by id of a dimension that takes none together, the name of its group.
    """

    known: Mapping[str, Dimension]
    groups: Mapping[str, str]

    def base(self, name: str) -> str:
        return self.known[name].rolls_up or name

    def group(self, name: str) -> str:
        return self.groups[self.base(name)]

    def level(self, name: str, levels: Mapping[str, NDArray[np.intp]]) -> NDArray[np.intp]:
        """The level in a dimension, from those in the dimensions that take none together."""
        base = self.base(name)
        if base == name:
            return levels[base]
        return np.array(rolled(self.known[name], self.known[base]), dtype=np.intp)[levels[base]]


def relations(known: Mapping[str, Dimension], effects: Iterable[Effect]) -> Iterator[Relations]:
    """All relations among the margins of one population.

    Args:
        known: every dimension of the programme, by id.
        effects: the sets of dimensions whose margins there are, with every subset of each.

    Raises:
        DocumentError: some code is so rarely possible that a relation cannot be told from rounding; says of
            which tables, and what to change. No estimate is then made, rather than one that is biased.

    Yields:
        By set of dimensions, the weights of the cells of its margin: each of shape (relations, cells along
        the first dimension, ...). The weighted sums of all margins add up to zero, in each relation.
    """
    sets = [effect for effect in effects if effect]
    lists = _lists(known, {name for effect in sets for name in effect})
    families: dict[tuple[str, ...], list[Effect]] = {}
    for effect in sets:
        families.setdefault(tuple(sorted({lists.group(name) for name in effect})), []).append(effect)
    for groups, its in families.items():
        largest = [one for one in its if not any(set(one) < set(other) for other in its)]
        yield from _of_groups(lists, groups, largest)


def _lists(known: Mapping[str, Dimension], used: Iterable[str]) -> _Lists:
    bases = {known[name].rolls_up or name for name in used}
    joined = [{name, *(known[it].rolls_up or it for it in known[name].applies)} for name in sorted(bases)]
    groups: list[set[str]] = []
    for more in joined:
        apart = [group for group in groups if not group & more]
        groups = [*apart, more.union(*(group for group in groups if group & more))]
    return _Lists(known, {name: min(group) for group in groups for name in group})


def _of_groups(lists: _Lists, groups: Sequence[str], effects: Sequence[Effect]) -> Iterator[Relations]:
    """The relations among margins that are all about the same groups."""
    parts = [{group: _within(lists, effect, group) for group in groups} for effect in effects]
    varying = [
        group
        for group in groups
        if len({part[group] for part in parts}) > 1 or any(len(part[group]) > 1 for part in parts)
    ]
    if not varying:
        return
    blocks = [
        [_times([_products(lists, one[group], other[group]) for group in varying]) for other in parts]
        for one in parts
    ]
    try:
        null = _null(np.block(blocks))
    except _Unclear:
        listed = ", ".join(" x ".join(effect) for effect in effects)
        raise DocumentError("tables", [_CANNOT_TELL.format(listed)]) from None
    if not null.shape[1]:
        return
    ends = np.cumsum([block.shape[1] for block in blocks[0]])
    found = {}
    for effect, part, rows in zip(effects, parts, np.split(null, ends[:-1]), strict=True):
        own = _times([_centred(lists, part[group]) for group in varying]) @ rows
        same = [_centred(lists, part[group]) for group in groups if group not in varying]
        order = [name for group in varying for name in part[group]]
        order += [name for group in groups if group not in varying for name in part[group]]
        shaped = _times([own, *same]).T.reshape(-1, *(len(lists.known[name].codes) for name in order))
        found[effect] = shaped.transpose(0, *(1 + order.index(name) for name in effect))
    yield found


def _within(lists: _Lists, effect: Effect, group: str) -> Effect:
    return tuple(name for name in effect if lists.group(name) == group)


def _products(lists: _Lists, one: Effect, other: Effect) -> Floats:
    """The inner products of the functions along dimensions of one group, those with mean zero."""
    levels, chances = _possible(lists, {lists.base(name) for name in (*one, *other)})
    found = np.zeros((_cells(lists, one), _cells(lists, other)))
    np.add.at(found, (_place(lists, one, levels), _place(lists, other, levels)), chances)
    products: Floats = _centred(lists, one).T @ found @ _centred(lists, other)
    return products


def _centred(lists: _Lists, names: Effect) -> Floats:
    """Weights of cells whose sum has mean zero. Of shape (cells, cells - 1), orthonormal columns."""
    levels, chances = _possible(lists, {lists.base(name) for name in names})
    mean = np.bincount(_place(lists, names, levels), chances, _cells(lists, names))
    columns: Floats = np.linalg.qr(mean[:, None], mode="complete")[0][:, 1:]
    return columns


def _possible(lists: _Lists, bases: Iterable[str]) -> tuple[Mapping[str, NDArray[np.intp]], Floats]:
    """Every combination of levels that a row can have, with a chance that is above zero for each.

    A question that applies has any level but "not applicable"; one that does not has that level.
    """
    asked = sorted(bases)
    free = {lists.base(other) for name in asked for other in lists.known[name].applies}
    free |= {name for name in asked if not lists.known[name].applies}
    order = sorted(free)
    grid = np.indices([len(lists.known[name].codes) for name in order]).reshape(len(order), -1)
    levels = dict(zip(order, grid, strict=True))
    chances = np.full(grid.shape[1], 1 / grid.shape[1])
    for name in (name for name in asked if lists.known[name].applies):
        levels, chances = _answered(lists, lists.known[name], levels, chances)
    return levels, chances


def _answered(
    lists: _Lists, question: Dimension, levels: Mapping[str, NDArray[np.intp]], chances: Floats
) -> tuple[dict[str, NDArray[np.intp]], Floats]:
    """The same combinations, each with every level that the question can then have."""
    applies = np.ones(len(chances), dtype=bool)
    for name, codes in question.applies.items():
        places = [lists.known[name].index(code) for code in codes]
        applies &= np.isin(lists.level(name, levels), places)
    never = [code.code == question.not_applicable for code in question.codes]
    rows, answer = np.nonzero(applies[:, None] != np.array(never))
    wide = np.where(applies, len(never) - 1, 1)
    return {name: it[rows] for name, it in levels.items()} | {question.id: answer}, (chances / wide)[rows]


def _place(lists: _Lists, names: Effect, levels: Mapping[str, NDArray[np.intp]]) -> NDArray[np.intp]:
    place = np.zeros(len(next(iter(levels.values()))), dtype=np.intp)
    for name in names:
        place = place * len(lists.known[name].codes) + lists.level(name, levels)
    return place


def _cells(lists: _Lists, names: Effect) -> int:
    return prod(len(lists.known[name].codes) for name in names)


def _times(matrices: Sequence[Floats]) -> Floats:
    """The Kronecker product of one matrix or more."""
    found = matrices[0]
    for matrix in matrices[1:]:
        found = np.asarray(np.kron(found, matrix), dtype=np.float64)
    return found


def _null(products: Floats) -> Floats:
    """Columns that a matrix of inner products takes to zero.

    A function of codes that few rows can have is short, so all are brought to length 1 first: else it would
    be taken for one that is zero.

    Raises:
        _Unclear: it cannot be told which.
    """
    lengths = np.sqrt(np.diag(products))
    scale = 1 / np.where(lengths > 0, lengths, 1.0)  # what is zero by itself stays so
    values, vectors = np.linalg.eigh(products * scale * scale[:, None])
    parts = values / values[-1] if values[-1] > 0 else np.zeros_like(values)
    if ((np.abs(parts) > _ZERO) & (parts < _NOT_ZERO)).any():
        raise _Unclear
    null: Floats = vectors[:, parts <= _ZERO] * scale[:, None]
    null /= np.sqrt((null**2).sum(axis=0))
    return null
