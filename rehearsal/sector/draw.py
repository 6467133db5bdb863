"""Drawing from weights with one generator."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from rehearsal.sector.rows import Integers, Words


def codes(chance: Generator, weights: Mapping[str, float], size: int) -> Words:
    """So many codes, each by its weight."""
    shares = np.array(list(weights.values()), dtype=float)
    return np.array(list(weights))[chance.choice(len(shares), size, p=shares / shares.sum())]


def codes_by(chance: Generator, group: Words, weights: Mapping[str, Mapping[str, float]]) -> Words:
    """A code for each entry, by the weights of its group."""
    found = np.full(len(group), "", dtype="<U20")
    for name in weights:
        mine = group == name
        found[mine] = codes(chance, weights[name], int(mine.sum()))
    return found


def within(chance: Generator, bands: Sequence[tuple[int, int, float]], size: int) -> Integers:
    """Whole numbers: a band by its weight, within it each as likely."""
    low, high, weight = (np.array(part, dtype=float) for part in zip(*bands, strict=True))
    band = chance.choice(len(bands), size, p=weight / weight.sum())
    found: Integers = np.floor(low[band] + chance.random(size) * (high - low + 1)[band]).astype(np.int64)
    return found


def some(chance: Generator, weights: NDArray[np.float64], size: int) -> Integers:
    """So many different places by their weights, in the order drawn; fewer where fewer have a weight."""
    times = np.where(weights > 0, chance.exponential(size=len(weights)) / np.maximum(weights, 1e-12), np.inf)
    order = np.argsort(times, kind="stable")[:size]
    return order[np.isfinite(times[order])]


def one_by_row(chance: Generator, weights: NDArray[np.float64]) -> Integers:
    """For each row of weights, the place of one column."""
    steps = np.cumsum(weights, axis=1)
    found: Integers = (chance.random(len(weights))[:, None] * steps[:, -1:] >= steps).sum(axis=1)
    return found
