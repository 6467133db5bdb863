"""A small national programme, made-up people to count by it, and the sums that a year of them gives."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from samentel.documents.programme import Programme
from samentel.figures.edition import Edition, Year
from samentel.figures.sums import NationalSum
from samentel.ids import Period

GRAIN = 16
NODES = tuple(f"node-{number}" for number in range(8))

Row = dict[str, str]


def _text(words: str) -> dict[str, str]:
    return {"nl": f"{words} (nl)", "en": words}


def code(name: str, **more: Any) -> dict[str, Any]:
    """A level, aligned with Eurostat or CBS where that is given."""
    alignment = {key: more.pop(key) for key in ("eurostat", "cbs") if key in more}
    return {"code": name, "nl": f"{name} nl", "en": f"{name} en", "alignment": alignment, **more}


def dimension(name: str, field: str, codes: Sequence[Any], **more: Any) -> dict[str, Any]:
    """A dimension whose last level is the unknown one."""
    return {
        "id": name,
        "field": field,
        "title": _text(name),
        "unknown": codes[-1]["code"],
        "codes": list(codes),
        **more,
    }


def table(population: str, *dimensions: str, share: str = "1/20", **more: Any) -> dict[str, Any]:
    """A table named after its dimensions, or its population."""
    name = "-".join(dimensions) or population
    return {
        "id": name,
        "title": _text(name),
        "question": _text(name),
        "population": population,
        "dimensions": list(dimensions),
        "rho_share": share,
        **more,
    }


REASONS = ("THB", "HG", "NREC", "NASK")
DIMENSIONS = (
    dimension(
        "reason", "reason", [code(it) for it in REASONS[::-1]], missing=["NREC", "NASK"], unknown="NREC"
    ),
    dimension(
        "known",
        "reason",
        [code("KNOWN", members=["THB", "HG"]), code("GAP", members=["NREC", "NASK"])],
        rolls_up="reason",
    ),
    dimension("organisation", "type", [code("OPV"), code("AMB")], fixed_by="type"),
    dimension("house", "province", [code("NORTH"), code("SOUTH")], fixed_by="province"),
    dimension(
        "sex",
        "sex",
        [code("F", eurostat="F"), code("M", eurostat="M"), code("U", eurostat="UNK")],
        frozen=True,
    ),
    dimension(
        "age",
        "age",
        [
            code("CHILD", eurostat="Y_LT18", bounds=[0, 17]),
            code("ADULT", eurostat="Y_GE18", bounds=[18, 150]),
            code("AUNK", eurostat="UNK"),
        ],
        frozen=True,
    ),
    dimension(
        "citizenship",
        "citizenship",
        [
            code("NL", eurostat="NAT"),
            code("EU", eurostat="EU27_2020_FOR"),
            code("AFR", eurostat="NEU27_2020_FOR"),
            code("ASI", eurostat="NEU27_2020_FOR"),
            code("STL", eurostat="UNK"),
        ],
    ),
    dimension(
        "nationality",
        "citizenship",
        [
            code("NL", eurostat="NAT", members=["NL"]),
            code("FOR", eurostat="EU27_2020_FOR, NEU27_2020_FOR", members=["EU", "AFR", "ASI"]),
            code("UNK", eurostat="UNK", members=["STL"]),
        ],
        rolls_up="citizenship",
    ),
    dimension(
        "form",
        "form",
        [code("SEX", eurostat="sexual"), code("LAB", eurostat="labour"), code("OTH", eurostat="other")],
    ),
    dimension("consent", "consent", [code("REP_CONS"), code("NOT_REFUSED"), code("NOT_ASKED"), code("UNK")]),
    dimension("region", "region", [code("PV1", cbs="PV1"), code("PV2", cbs="PV2"), code("X")]),
)
TABLES = (
    table("clients"),
    table("clients", "reason"),
    table("clients", "reason", "organisation"),
    table("clients", "known", "house"),
    table("victims"),
    table("victims", "form", "sex", "age"),
    table("victims", "citizenship", "form"),
    table("victims", "organisation", "age", "nationality"),
    table("victims", "consent"),
    table("victims", "region"),
    table("victims", "form", "region", years=3),
)


def written() -> dict[str, Any]:
    """The programme as its author has it in mind."""
    populations = [
        {
            "id": name,
            "title": _text(name.title()),
            "definition": _text(name),
            "records": name,
            "counting": "inflow",
            "rows_per_person": 1,
        }
        for name in ("clients", "victims")
    ]
    return {
        "id": "nation",
        "version": 1,
        "title": _text("nation"),
        "purpose": _text("nation"),
        "contact": "someone@example.org",
        "mode": "individual",
        "period": "year",
        "rho": "1/2",
        "delta": "1/1000000",
        "max_attempts": 2,
        "tick_seconds": 2,
        "roster": {"institutions_min": 3, "collude_max": 0, "absent_max": 1},
        "populations": populations,
        "dimensions": [dict(it) for it in DIMENSIONS],
        "tables": [dict(it) for it in TABLES],
    }


def people(programme: Programme, population: str, number: int, seed: int) -> list[Row]:
    """Rows with a level in every dimension, the first levels of each more often than the last."""
    random = np.random.default_rng(seed)
    rows: list[Row] = [{} for _ in range(number)]
    finer_first = sorted(programme.dimensions, key=lambda one: one.rolls_up is not None)
    for one in finer_first:
        if one.rolls_up is not None:
            held = {member: level.code for level in one.codes for member in level.members}
            for row in rows:
                row[one.id] = held[row[one.rolls_up]]
            continue
        odds = np.arange(len(one.codes), 0, -1) / sum(range(len(one.codes) + 1))
        for row, place in zip(rows, random.choice(len(one.codes), number, p=odds), strict=True):
            row[one.id] = one.codes[place].code
    return rows


def counted(rows: Sequence[Row], **levels: str | Sequence[str]) -> int:
    """How many rows have all of these levels; of several levels of one dimension any."""
    return sum(
        all(row[name] in ((level,) if isinstance(level, str) else level) for name, level in levels.items())
        for row in rows
    )


def summed(programme: Programme, rows: Mapping[str, Sequence[Row]]) -> NationalSum:
    """The sum of a year in which the noise happened to be zero; its variance is what rho gives."""
    tables, variances = {}, {}
    for one in programme.measured:
        levels = [programme.dimension(name) for name in one.dimensions]
        counts = np.zeros(programme.shape(one), dtype=np.int64)
        for row in rows[one.population]:
            counts[tuple(level.index(row[level.id]) for level in levels)] += 1
        variance = 1 / (2 * float(programme.rho_of(one)))
        tables[one.id] = GRAIN * counts.ravel()
        variances[one.id] = variance
    return NationalSum(NODES, tables, dict.fromkeys(tables, GRAIN), variances)


def edition(programme: Programme, *sums: NationalSum, last: int = 2025) -> Edition:
    """Years that follow each other, up to the last."""
    first = last - len(sums) + 1
    return Edition(
        programme,
        tuple(Year(Period(year), f"{programme.id}-{year}", one) for year, one in enumerate(sums, first)),
    )


def noisy(exact: NationalSum, random: np.random.Generator) -> NationalSum:
    """The same sum with noise of the variance that it says it has."""
    tables = {
        name: counts
        + np.rint(random.normal(0, GRAIN * exact.variances[name] ** 0.5, counts.size)).astype(int)
        for name, counts in exact.tables.items()
    }
    return NationalSum(exact.survivors, tables, exact.granularities, exact.variances)


def as_toml(draft: Mapping[str, Any]) -> bytes:
    """A programme as a file: top-level keys one a line, everything below inline."""
    return "".join(f"{key} = {_inline(value)}\n" for key, value in draft.items()).encode()


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_inline(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inline(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False)
