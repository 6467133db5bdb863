"""A hash tree over rows of equal length: one signature covers all rows, each can be shown alone.

A dealer signs once for all receivers, and a receiver checks its own row in
log2(n) hashes; without this, a coordinator with 1,000 institutions would check
a million signatures, or every node would download every row of every other.

Rows and inner nodes are hashed under different prefixes, so that neither can
pass for the other. A level of odd length carries its last node up unchanged:
the tree of RFC 6962, section 2.1. The number of rows is known to both sides
(ENC-5).
"""

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

HASH = 32
PATH_MOST = 14 * HASH  # rosters have at most 10,000 members


def root(rows: bytes, width: int) -> bytes:
    """The hash of all rows together.

    Args:
        rows: one or more rows, one after the other.
        width: bytes in a row.
    """
    return _levels(rows, width)[-1]


def path(rows: bytes, width: int, index: int) -> bytes:
    """The hashes that lead from one row to the root, from the bottom up."""
    steps = []
    for level in _levels(rows, width)[:-1]:
        sibling = (index ^ 1) * HASH
        steps.append(level[sibling : sibling + HASH])  # empty for the last node of an odd level
        index //= 2
    return b"".join(steps)


def column(tables: tuple[bytes, ...], width: int, index: int) -> tuple[bytes, bytes]:
    """The same row of several trees of one shape, and the paths of these rows, each one after the other.

    Of 1,000 trees with 1,000 rows each, every row is asked for once: rows and levels are therefore kept
    by index and then by tree, so that a column lies in one piece.
    """
    rows, *levels = _side_by_side(tables, width)
    siblings = [(index >> height) ^ 1 for height in range(len(levels))]
    steps = [level[at] for at, level in zip(siblings, levels, strict=True) if at < len(level)]
    return rows[index].tobytes(), np.concatenate(steps, axis=1).tobytes() if steps else b""


def root_of(row: bytes, index: int, count: int, steps: bytes) -> bytes:
    """The root to which a row leads; compare it with the signed one.

    Args:
        index: which row this is, from 0.
        count: the number of rows in the tree.

    Raises:
        ValueError: the path has another length than a path from this row.
    """
    if not 0 <= index < count:
        raise ValueError("this tree has no such row")
    node, at = hashlib.sha256(b"\x00" + row).digest(), 0
    while count > 1:
        if index ^ 1 < count:
            sibling, at = steps[at : at + HASH], at + HASH
            node = hashlib.sha256(b"\x01" + (sibling + node if index % 2 else node + sibling)).digest()
        index, count = index // 2, (count + 1) // 2
    if at != len(steps):
        raise ValueError("this path does not fit its row")
    return node


@lru_cache(maxsize=2)  # the trees of this phase, for one receiver after the other
def _side_by_side(tables: tuple[bytes, ...], width: int) -> tuple[NDArray[np.uint8], ...]:
    trees = [_levels(rows, width)[:-1] for rows in tables]
    stacks = [(tables, width), *((stack, HASH) for stack in zip(*trees, strict=True))]
    return tuple(_by_index(stack, size) for stack, size in stacks)


def _by_index(tables: tuple[bytes, ...], width: int) -> NDArray[np.uint8]:
    rows = np.frombuffer(b"".join(tables), dtype=np.uint8).reshape(len(tables), -1, width)
    return np.ascontiguousarray(rows.swapaxes(0, 1))


@lru_cache(maxsize=1024)  # the coordinator shows every row of the trees of one phase
def _levels(rows: bytes, width: int) -> tuple[bytes, ...]:
    if width < 1 or not rows or len(rows) % width:
        raise ValueError("a tree stands on one or more rows of equal length")
    sha256 = hashlib.sha256  # 2,000 short hashes a tree, a million a phase: calls are most of their cost
    level = b"".join([sha256(b"\x00" + rows[at : at + width]).digest() for at in range(0, len(rows), width)])
    levels = [level]
    while len(level) > HASH:
        whole = len(level) // (2 * HASH) * (2 * HASH)
        pairs = [sha256(b"\x01" + level[at : at + 2 * HASH]).digest() for at in range(0, whole, 2 * HASH)]
        level = b"".join(pairs) + level[whole:]  # the last node of an odd level goes up as it is
        levels.append(level)
    return tuple(levels)
