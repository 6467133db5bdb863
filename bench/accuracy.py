"""How accurate a national programme is at a given privacy loss, beside the least error there could be.

    python -P bench/accuracy.py [--runs 300] [--rho 1/2] [--sectors]

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
    coverage95_shares, coverage95_differences, coverage95_years
                     the same of shares of a total, of differences between two cells of one release, and of
                     differences between two releases
    bias_z           of all cells, the mean error that is furthest from zero, in its own standard errors
    plan_s           dividing rho over the tables; estimate_s: from a sum to all figures

With --sectors three lines more, of the complete programme on three made-up sectors, with the noise shares of
as many institutions as there must be. Shares count where the true total is more than 12 of its sd.

Times vary with the machine: compare within one run only.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from desk.packaged import packaged
from rehearsal.sector import HOUSES, NATION, House, make
from samentel.counting.contribution import Codes, Integers
from samentel.counting.noise import draw
from samentel.counting.privacy import noise_plan
from samentel.counting.shares import honest_shares, share_plan
from samentel.documents.programme import Programme, parse
from samentel.figures import workload
from samentel.figures.effects import Floats
from samentel.figures.estimate import NationalTables, Z, estimate
from samentel.figures.sums import NationalSum, add_up, national_of

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
SECTORS: Mapping[str, tuple[int, int, Sequence[House]]] = {  # year, seed, institutions
    "country": (2025, 1, NATION),
    "twelve": (2031, 7, HOUSES),
    "before consent": (2016, 3, NATION[10:34]),
}
CLEAR = 12  # sd; shares of a total that is nearer to zero are not normal


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--rho", type=Fraction, default=Fraction(1, 2))
    parser.add_argument("--sectors", action="store_true")
    asked = parser.parse_args()
    for weights in ("unit", "default"):
        print(
            json.dumps({"bench": "accuracy", "weights": weights} | measured(weights, asked.rho, asked.runs))
        )
    for name in SECTORS if asked.sectors else ():
        print(json.dumps({"bench": "accuracy", "sector": name} | of_sector(name, asked.runs)))


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
    runs_of = simulated(divided, *of_people(divided, runs))
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
        "plan_s": round(plan_s, 4),
        **said(runs_of),
    }


def of_sector(name: str, runs: int) -> Mapping[str, float]:
    """The numbers of the complete programme on one made-up sector."""
    national, (year, seed, houses) = parse(packaged("registratie-2025")), SECTORS[name]
    counted = make(year, seed, houses).tables(national, year)
    truth = {table: np.array(list(cells.values()), dtype=np.int64) for table, cells in counted.items()}
    rules = national.roster
    dealers = rules.collude_max + rules.absent_max + 2
    plan = share_plan(national, dealers, dealers)
    survivors = [f"node-{number}" for number in range(honest_shares(rules, dealers))]
    # All runs of an institution are drawn in one go: as tables with so many times the cells.
    wide = [replace(it, cells=it.cells * (runs + 1)) for it in plan]
    nobody = Codes({it.table: np.zeros(0, dtype=np.int64) for it in plan})
    drawn = np.sum([draw(nobody, wide).vector for _ in survivors], axis=0)
    parts = np.split(drawn, np.cumsum([it.cells + 1 for it in wide])[:-1])
    noises = np.concatenate(
        [np.pad(part[:-1].reshape(runs + 1, -1), ((0, 0), (0, 1))) for part in parts], axis=1
    )
    exact = np.concatenate([np.append(truth[it.table] * it.granularity, 0) for it in plan])
    sums = (national_of(plan, survivors, exact + noise) for noise in noises)
    found = simulated(national, sums, truth)
    return {"year": year, "institutions": len(houses), "tables": len(truth)} | said(found)


def of_people(divided: Programme, runs: int) -> tuple[Iterator[NationalSum], Mapping[str, Integers]]:
    """Sums of the people of the workload, each with noise of its own, and their true tables."""
    codes, plan = people(divided), noise_plan(divided)
    truth = {it.id: np.bincount(codes.cells[it.id], minlength=divided.cells(it)) for it in divided.tables}
    return (add_up(plan, {"one": draw(codes, plan).vector}) for _ in range(runs + 1)), truth


@dataclass(frozen=True)
class Simulated:
    """What many releases of the same people say.

    Attributes:
        truth, parts: of each cell, and as a part of its table's total; the part is not a number where that
            total is too near to zero for shares. Of shape (cells,).
        estimates, shares: of shape (runs, cells); a share is not a number where there is none.
        sd, share_sd: of shape (cells,) and (runs, cells).
        first: one of the releases.
        seconds: from a sum to all figures, the median.
    """

    truth: Floats
    parts: Floats
    estimates: Floats
    shares: Floats
    sd: Floats
    share_sd: Floats
    first: NationalTables
    seconds: float


def simulated(programme: Programme, sums: Iterator[NationalSum], truth: Mapping[str, Integers]) -> Simulated:
    """Make a release of each sum; the first loads libraries and counts for nothing else."""
    first, took, estimates, shares, share_sd = estimate(programme, next(sums)), [], [], [], []
    for national in sums:
        begun = time.perf_counter()
        tables = estimate(programme, national)
        took.append(time.perf_counter() - begun)
        cells = [cell for table in tables.tables for cell in table.cells]
        estimates.append([cell.estimate for cell in cells])
        shares.append([math.nan if cell.share is None else cell.share for cell in cells])
        share_sd.append([math.nan if cell.share_sd is None else cell.share_sd for cell in cells])
    parts = []
    for table in programme.tables:
        total, sd = truth[table.id].sum(), first.total(table.population).sd
        clear = table.dimensions and total > CLEAR * sd
        parts.append(truth[table.id] / total if clear else np.full(truth[table.id].size, math.nan))
    sd = np.array([cell.sd for table in first.tables for cell in table.cells])
    whole = np.concatenate([truth[table.id] for table in programme.tables]).astype(float)
    return Simulated(
        whole, np.concatenate(parts), np.array(estimates), np.array(shares), sd, np.array(share_sd), first,
        float(np.median(took)),
    )  # fmt: skip


def said(found: Simulated) -> Mapping[str, float]:
    """The keys that every line has."""
    apart, runs = found.estimates - found.truth, len(found.estimates)
    possible = found.sd > 0
    away = np.abs(apart.mean(axis=0)[possible]) / found.sd[possible] * math.sqrt(runs)
    known = ~np.isnan(found.shares - found.parts)
    years = found.estimates[1::2] - found.estimates[: runs - 1 : 2]
    return {
        "cells": found.truth.size,
        "runs": runs,
        "rmse_sim": round(math.sqrt(np.mean(apart**2)), 4),
        "coverage95": round(held(apart, found.sd), 4),
        "coverage95_shares": round(held((found.shares - found.parts)[known], found.share_sd[known]), 4),
        "coverage95_differences": round(of_pairs(found), 4),
        "coverage95_years": round(held(years, math.sqrt(2) * found.sd), 4),
        "bias_z": round(float(away.max()), 2),
        "estimate_s": round(found.seconds, 4),
    }


def of_pairs(found: Simulated) -> float:
    """The coverage of differences of two cells in one release, each cell in one pair."""
    places = [(it.table, cell.codes) for it in found.first.tables for cell in it.cells]
    order = np.random.default_rng(21).permutation(2 * (len(places) // 2)).reshape(-1, 2)
    sd = [found.first.linear({places[one]: 1.0, places[other]: -1.0}).sd for one, other in order]
    apart = found.estimates - found.truth
    return held(apart[:, order[:, 0]] - apart[:, order[:, 1]], np.array(sd))


def held(apart: Floats, sd: Floats) -> float:
    """How often an error is within its 95 % interval."""
    return float(np.mean(np.abs(apart) <= Z * sd))


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
