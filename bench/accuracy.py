"""How accurate a national programme is at a given privacy loss, beside the least error there could be.

    python -P bench/accuracy.py [--runs 300] [--rho 1/2]

Two JSON lines, one a choice of weights: `unit` asks for the least error over all
cells, `default` has the weights of a programme (1/sqrt(cells), the total times 20).
The workload is 28 tables along twelve attributes, 855 cells, all about the same
people; the noise is the full noise of one sum, without the margin for institutions
that fall out. Keys:

    rmse             root mean square error of a cell, all tables, from the formulas
    bound_rmse       the least that any unbiased linear estimate could reach (SVD bound)
    objective_ratio  weighted error against its own bound
    rmse_sim         the same error in runs with noise that was really drawn
    coverage95       how often unrounded intervals held the truth in those runs
    plan_s           dividing rho over the tables; estimate_s: from a sum to all figures

Times vary with the machine: compare within one run only.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np

from samentel.counting.contribution import Codes, Integers
from samentel.counting.noise import draw
from samentel.counting.privacy import noise_plan
from samentel.documents.programme import Programme, parse
from samentel.figures import workload
from samentel.figures.estimate import add_up, estimate

LEVELS = {
    "exploitation": 6, "sex": 3, "age": 4, "citizenship": 5, "region": 12, "residence": 5, "reason": 10,
    "shelter": 6, "reported": 2, "flag1": 2, "flag2": 2, "flag3": 2,
}  # fmt: skip
CROSSINGS = (
    "exploitation sex", "exploitation age", "exploitation citizenship", "exploitation reported",
    "exploitation reason", "reason shelter", "exploitation region", "region shelter", "region reason",
    "sex age", "citizenship residence", "residence shelter",
    "exploitation sex age", "sex reason shelter", "flag1 flag2 flag3",
)  # fmt: skip
PEOPLE = 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--rho", type=Fraction, default=Fraction(1, 2))
    asked = parser.parse_args()
    for weights in ("unit", "default"):
        print(
            json.dumps({"bench": "accuracy", "weights": weights} | measured(weights, asked.rho, asked.runs))
        )


def measured(weights: str, rho: Fraction, runs: int) -> Mapping[str, float]:
    """The numbers of one line."""
    begun = time.perf_counter()
    best = workload.best_shares(programme(weights, rho))
    plan_s = time.perf_counter() - begun
    divided = programme(weights, rho, best.shares)
    variances = {noise.table: noise.variance for noise in noise_plan(divided)}
    spread = workload.spread(divided, variances)
    rmse = math.sqrt(np.concatenate(list(spread.values())).mean())
    cells = sum(map(len, spread.values()))
    bound_rmse = math.sqrt(workload.bound(programme("unit", rho)) / cells)
    errors, covered, estimate_s = simulated(divided, runs)
    return {
        "rho": float(rho),
        "tables": len(divided.tables),
        "cells": cells,
        "rmse": round(rmse, 4),
        "bound_rmse": round(bound_rmse, 4),
        "rmse_ratio": round(rmse / bound_rmse, 4),
        "objective_ratio": round(workload.objective(divided, variances) / best.bound, 4),
        "gap": round(best.gap / best.objective, 6),
        "steps": best.steps,
        "runs": runs,
        "rmse_sim": round(errors, 4),
        "coverage95": round(covered, 4),
        "plan_s": round(plan_s, 4),
        "estimate_s": round(estimate_s, 4),
    }


def simulated(divided: Programme, runs: int) -> tuple[float, float, float]:
    """Root mean square error, coverage, and seconds of one estimate (the median)."""
    codes, plan = people(divided), noise_plan(divided)
    truth = np.concatenate(
        [np.bincount(codes.cells[it.id], minlength=divided.cells(it)) for it in divided.tables]
    )
    squares, hits, took = [], [], []
    for run in range(runs + 1):
        national = add_up(plan, {"one": draw(codes, plan).vector})
        begun = time.perf_counter()
        tables = estimate(divided, national)
        if run:  # the first run loads libraries
            took.append(time.perf_counter() - begun)
        found = [cell for table in tables.tables for cell in table.cells]
        squares.append((np.array([cell.estimate for cell in found]) - truth) ** 2)
        hits.append([cell.lower <= true <= cell.upper for cell, true in zip(found, truth, strict=True)])
    return math.sqrt(np.mean(squares)), float(np.mean(hits)), float(np.median(took))


def people(divided: Programme) -> Codes:
    """Made-up people with skewed attributes, in the cells of every table, measured or not."""
    rng = np.random.default_rng(20)
    levels = {
        name: rng.choice(size, PEOPLE, p=np.arange(size, 0, -1) ** 2 / np.sum(np.arange(size, 0, -1) ** 2))
        for name, size in LEVELS.items()
    }
    cells: dict[str, Integers] = {}
    for table in divided.tables:
        cells[table.id] = np.zeros(PEOPLE, dtype=np.int64)
        for name in table.dimensions:
            cells[table.id] = cells[table.id] * LEVELS[name] + levels[name]
    return Codes(cells)


def programme(weights: str, rho: Fraction, shares: Mapping[str, Fraction] | None = None) -> Programme:
    """The programme of the workload; without ``shares`` rho is divided equally."""
    return parse("\n".join(written(weights, rho, shares or {})).encode())


def written(weights: str, rho: Fraction, shares: Mapping[str, Fraction]) -> Iterator[str]:
    """The programme as its author would write it."""
    text = '{nl = "-", en = "-"}'
    yield f'id = "accuracy"\nversion = 1\ntitle = {text}\npurpose = {text}\ncontact = "-"\nrho = "{rho}"'
    yield 'mode = "individual"\nperiod = "year"\ndelta = "1/1000000"\nmax_attempts = 1\ntick_seconds = 1.0'
    yield "[roster]\ninstitutions_min = 3"
    yield f'[[populations]]\nid = "people"\ntitle = {text}\ndefinition = {text}\ncounting = "inflow"'
    yield "rows_per_person = 1"
    for name, size in LEVELS.items():
        codes = ", ".join(f'{{code = "L{level}", nl = "-", en = "-"}}' for level in range(size))
        yield f'[[dimensions]]\nid = "{name}"\nfield = "{name}"\ntitle = {text}\nunknown = "L0"'
        yield f"codes = [{codes}]"
    for dimensions in ([], *([name] for name in LEVELS), *(names.split() for names in CROSSINGS)):
        name, cells = "-".join(dimensions) or "total", math.prod(LEVELS[it] for it in dimensions)
        # omega = weight / sqrt(cells)
        weight = {"unit": Fraction(math.sqrt(cells)).limit_denominator(10**6), "default": Fraction(1)}[
            weights
        ]
        if weights == "default" and not dimensions:
            weight = Fraction(20)
        yield f'[[tables]]\nid = "{name}"\ntitle = {text}\nquestion = {text}\npopulation = "people"'
        yield f'dimensions = {json.dumps(dimensions)}\nweight = "{weight}"'
        yield f'rho_share = "{shares.get(name, Fraction(1, 28))}"'


if __name__ == "__main__":
    main()
