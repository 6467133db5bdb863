"""Least squares by effects against the same by dense matrices, on made-up workloads."""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samentel.counting.contribution import Integers
from samentel.counting.privacy import noise_plan
from samentel.documents.codelists import rolled
from samentel.documents.populations import Table
from samentel.documents.programme import Programme, parse
from samentel.errors import DocumentError
from samentel.figures import workload
from samentel.figures.effects import Floats, fitted, noise_after, populations_of, space_of
from samentel.figures.estimate import cell_codes, estimate
from samentel.figures.sums import NationalSum

Write = Callable[[dict[str, Any]], bytes]
TEXT = {"nl": "-", "en": "-"}


def dimension(name: str, sizes: list[int], base: str | None = None) -> dict[str, Any]:
    """A dimension of as many levels as there are sizes; where it rolls up, each takes so many together."""
    starts = np.cumsum([0, *sizes])
    codes = [
        {"code": f"L{level}", **TEXT}
        | ({"members": [f"L{it}" for it in range(starts[level], starts[level + 1])]} if base else {})
        for level in range(len(sizes))
    ]
    field = {"id": name, "field": base or name, "title": TEXT, "unknown": "L0", "codes": codes}
    return field | ({"rolls_up": base} if base else {})


def question(name: str, size: int, applies: dict[str, list[str]]) -> dict[str, Any]:
    """A dimension that applies to some rows only; the others have its last level."""
    return dimension(name, [1] * size) | {"not_applicable": f"L{size - 1}", "applies": applies}


@st.composite
def workloads(draw: st.DrawFn) -> dict[str, Any]:
    """One or two populations, tables along up to three dimensions of two to four levels.

    Dimensions roll up others, and questions apply to some rows only: by one dimension, by one that rolls up
    another, or by two at once.
    """
    sizes = {name: draw(st.integers(2, 4)) for name in "abc"}
    dimensions = [dimension(name, [1] * size) for name, size in sizes.items()]
    coarse = {}
    for name, base in draw(st.sets(st.sampled_from([("d", "a"), ("e", "a"), ("f", "b")]))):
        # The levels of a coarse dimension are runs of the fine one; two of one base cut in other places.
        cuts = sorted(draw(st.sets(st.integers(1, sizes[base] - 1), min_size=1)))
        parts = np.diff([0, *cuts, sizes[base]]).tolist()
        dimensions.append(dimension(name, parts, base))
        coarse[name] = base
    conditions = [{"a": ["L0"]}, {"a": ["L1"]}, {"b": ["L0", "L1"][: sizes["b"] - 1]},
                  {"a": ["L0"], "b": ["L1"]}, *({it: ["L0"]} for it in coarse)]  # fmt: skip
    asked = draw(st.lists(st.sampled_from(conditions), max_size=2))
    questions = dict(zip(("g", "h"), asked, strict=False))
    dimensions += [question(name, draw(st.integers(2, 3)), its) for name, its in questions.items()]
    if "g" in questions and draw(st.booleans()):
        dimensions.append(
            dimension("k", [1, len(next(it for it in dimensions if it["id"] == "g")["codes"]) - 1], "g")
        )
        coarse["k"] = "g"
    names = [*sizes, *questions, *coarse]
    sound = [
        list(chosen)
        for size in range(4)
        for chosen in itertools.permutations(names, size)
        if len({coarse.get(name, name) for name in chosen}) == size
    ]
    populations, tables = draw(st.integers(1, 2)), []
    for number in range(populations):
        for place, chosen in enumerate(
            draw(st.lists(st.sampled_from(sound), min_size=1, max_size=5, unique_by=frozenset))
        ):
            tables.append((f"p{number}", f"t{number}{place}", chosen))
    units = [draw(st.integers(1, 9)) for _ in tables]
    free = [
        any(p == q and set(mine) < set(other) for q, _, other in tables) and draw(st.booleans())
        for p, _, mine in tables
    ]
    units = [0 if out else unit for unit, out in zip(units, free, strict=True)]
    return {
        "populations": [
            {"id": f"p{number}", "title": TEXT, "definition": TEXT, "counting": "inflow",
             "rows_per_person": draw(st.integers(1, 3))}
            for number in range(populations)
        ],
        "dimensions": sorted(dimensions, key=lambda it: draw(st.integers(0, 9))),
        "tables": [
            {"id": name, "title": TEXT, "question": TEXT, "population": population, "dimensions": chosen,
             "rho_share": f"{unit}/{sum(units)}", "weight": f"{draw(st.integers(1, 20))}/4"}
            for (population, name, chosen), unit in zip(tables, units, strict=True)
        ],
    }  # fmt: skip


def made(shared: dict[str, Any], toml: Write, changes: dict[str, Any]) -> Programme:
    return parse(toml({**shared, **changes}))


def joint(programme: Programme, population: str) -> dict[str, Integers]:
    """By dimension that rolls up no other, the levels of everything a row of a population can be."""
    known = {it.id: it for it in programme.dimensions}
    used = {
        known[name].rolls_up or name
        for table in programme.tables
        if table.population == population
        for name in table.dimensions
    }
    used |= {known[other].rolls_up or other for name in used for other in known[name].applies}
    if not used:
        return {"": np.zeros(1, dtype=np.int64)}
    names = sorted(used)
    grid = np.indices([len(known[name].codes) for name in names]).reshape(len(names), -1)
    levels = dict(zip(names, grid, strict=True))
    possible = np.ones(grid.shape[1], dtype=bool)
    for name in names:
        if known[name].applies:
            inside = np.ones_like(possible)
            for other, codes in known[name].applies.items():
                inside &= np.isin(
                    level(programme, other, levels), [known[other].index(code) for code in codes]
                )
            never = known[name].index(known[name].not_applicable or "")
            possible &= inside != (levels[name] == never)
    return {name: column[possible] for name, column in levels.items()}


def level(programme: Programme, name: str, levels: Mapping[str, Integers]) -> Integers:
    it = programme.dimension(name)
    return (
        np.array(rolled(it, programme.dimension(it.rolls_up)))[levels[it.rolls_up]]
        if it.rolls_up
        else levels[name]
    )


def margins(programme: Programme, table: Table) -> Floats:
    """The matrix from everything a row can be to the cells of a table."""
    levels = joint(programme, table.population)
    rows = len(next(iter(levels.values())))
    places = [level(programme, name, levels) for name in table.dimensions]
    place = np.ravel_multi_index(places, programme.shape(table)) if places else np.zeros(rows, dtype=np.int64)
    found = np.zeros((programme.cells(table), rows))
    found[place, np.arange(rows)] = 1
    return found


def dense(
    programme: Programme, population: str, variances: Mapping[str, float]
) -> tuple[list[Table], Floats, Floats]:
    """All cells of a population: their covariance, and the matrix from what was measured to them."""
    tables = [it for it in programme.tables if it.population == population]
    measured = [it for it in tables if it.id in variances]
    design = np.concatenate([margins(programme, it) / math.sqrt(variances[it.id]) for it in measured])
    asked = np.concatenate([margins(programme, it) for it in tables])
    units = np.concatenate([np.full(programme.cells(it), variances[it.id] ** -0.5) for it in measured])
    inverse = np.linalg.pinv(design, rcond=1e-11)
    return tables, asked @ inverse @ inverse.T @ asked.T, asked @ inverse * units


def noise(programme: Programme) -> dict[str, float]:
    return {it.table: it.variance for it in noise_plan(programme)}


@given(changes=workloads())
@settings(max_examples=60)
def test_variances_and_covariances_are_those_of_dense_least_squares(
    shared: dict[str, Any], toml: Write, changes: dict[str, Any]
) -> None:
    programme = made(shared, toml, changes)
    variances = noise(programme)
    found = workload.spread(programme, variances)
    for population in populations_of(programme):
        space = space_of(programme, population)
        after = noise_after(space, variances)
        tables, expected, _ = dense(programme, population, variances)
        assert [it.id for it in tables] == [it.id for it in space.tables]
        mine = np.concatenate([found[it.id] for it in tables])
        assert mine == pytest.approx(np.diag(expected), rel=1e-9, abs=1e-9)
        basis = np.concatenate([space.cells(it, np.diag(after.root)) for it in tables])
        whole = basis @ basis.T - (basis @ after.held) @ (basis @ after.held).T
        assert whole == pytest.approx(expected, rel=1e-9, abs=1e-9)
        first, last = tables[0], tables[-1]
        weights = {(first.id, cell_codes(programme, first)[0]): 1.0}
        weights |= {(last.id, cell_codes(programme, last)[-1]): -2.0}
        combined = np.zeros(len(mine))
        combined[0] += 1.0
        combined[-1] = -2.0
        if len(mine) > 1:
            assert workload.variance_of(programme, variances, weights) == pytest.approx(
                combined @ expected @ combined, rel=1e-9, abs=1e-9
            )


@given(changes=workloads(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_estimates_are_those_of_dense_least_squares_and_all_tables_agree(
    shared: dict[str, Any], toml: Write, changes: dict[str, Any], seed: int
) -> None:
    """Numbers that no people could give: what comes out agrees nevertheless."""
    programme = made(shared, toml, changes)
    variances, rng = noise(programme), np.random.default_rng(seed)
    plan = noise_plan(programme)
    counts = {it.table: rng.integers(-500, 500, it.cells) for it in plan}
    granularities = {it.table: it.granularity for it in plan}
    tables = estimate(programme, NationalSum(("a",), counts, granularities, variances))
    for population in populations_of(programme):
        mine, _, matrix = dense(programme, population, variances)
        given_in = np.concatenate([counts[it.table] / it.granularity for it in plan if it.table in
                                   {table.id for table in mine}])  # fmt: skip
        found = np.array([cell.estimate for it in mine for cell in tables.table(it.id).cells])
        assert found == pytest.approx(matrix @ given_in, rel=1e-9, abs=1e-7)
        assert tables.total(population).estimate == pytest.approx(
            sum(cell.estimate for cell in tables.table(mine[0].id).cells), abs=1e-9 * max(1, abs(found).max())
        )
        # Some joint table, not of whole or positive numbers, has all of them as its margins.
        asked = np.concatenate([margins(programme, it) for it in mine])
        nearest = asked @ np.linalg.pinv(asked) @ found
        assert nearest == pytest.approx(found, abs=1e-9 * max(1, abs(found).max()))


@given(changes=workloads())
@settings(max_examples=30)
def test_a_table_and_its_coordinates_are_two_ways_to_write_the_same(
    shared: dict[str, Any], toml: Write, changes: dict[str, Any]
) -> None:
    programme = made(shared, toml, changes)
    rng = np.random.default_rng(1)
    for population in populations_of(programme):
        space = space_of(programme, population)
        for table in space.tables:
            cells = rng.normal(size=programme.cells(table))
            coordinates = np.zeros(space.length)
            coordinates[space.places[table.id]] = space.coordinates(table, cells)
            assert space.cells(table, coordinates) == pytest.approx(cells, abs=1e-12)
            weights = rng.normal(size=programme.cells(table))
            assert space.weights(table, weights) @ coordinates == pytest.approx(weights @ cells, abs=1e-11)
        sums = {
            it.id: (matrix := margins(programme, it)) @ np.arange(matrix.shape[1], dtype=float)
            for it in space.tables
        }
        exact = fitted(space, noise_after(space, noise(programme)), noise(programme), sums)
        for table in space.tables:  # counts of real rows agree already, so nothing may change
            assert space.cells(table, exact) == pytest.approx(sums[table.id], abs=1e-8)


def test_a_table_that_no_measured_table_tells_is_refused(programme: Programme) -> None:
    with pytest.raises(ValueError, match="follow from those that are measured"):
        noise_after(space_of(programme, "persons"), {"reason": 1.0})


def _rare(shared: dict[str, Any], toml: Write, levels: int, conditions: int) -> Programme:
    """Two questions that apply to few rows, crossed; and one condition of each crossed too."""
    names = [[f"{side}{number}" for number in range(conditions)] for side in "ab"]
    dimensions = [dimension(name, [1] * levels) for side in names for name in side]
    dimensions += [question(q, 4, {it: ["L1"] for it in its}) for q, its in zip("gh", names, strict=True)]
    tables = [[it["id"]] for it in dimensions[:-2]] + [["g", "h"], ["a0", "b0"]]
    return made(
        shared,
        toml,
        {
            "populations": [{"id": "p", "title": TEXT, "definition": TEXT, "counting": "inflow",
                             "rows_per_person": 1}],
            "dimensions": dimensions,
            "tables": [{"id": f"t{place}", "title": TEXT, "question": TEXT, "population": "p",
                        "dimensions": its, "rho_share": f"1/{len(tables)}"}
                       for place, its in enumerate(tables)],
        },
    )  # fmt: skip


def test_codes_that_few_rows_can_have_are_not_taken_for_impossible(
    shared: dict[str, Any], toml: Write
) -> None:
    """A question with five conditions of twelve codes: each of its own is below one in a million."""
    programme = _rare(shared, toml, 12, 5)
    random = np.random.default_rng(3)
    rows = {it.id: random.integers(0, len(it.codes), 500) for it in programme.dimensions}
    for name, side in (("g", "a"), ("h", "b")):
        asked = random.random(500) < 0.5  # as often as not it applies, whatever its chance beforehand
        for condition in (f"{side}{number}" for number in range(5)):
            rows[condition] = np.where(asked, 1, rows[condition])
        applies = np.all([rows[f"{side}{number}"] == 1 for number in range(5)], axis=0)
        rows[name] = np.where(applies, rows[name] % 3, 3)
    sums = {
        table.id: np.bincount(
            np.ravel_multi_index([rows[it] for it in table.dimensions], programme.shape(table)),
            minlength=programme.cells(table),
        ).astype(np.int64)
        for table in programme.tables
    }
    national = NationalSum(("a",), sums, dict.fromkeys(sums, 1), dict.fromkeys(sums, 25.0))
    for table in estimate(programme, national, readable=False).tables:
        assert [it.estimate for it in table.cells] == pytest.approx(sums[table.table].tolist(), abs=1e-6)


def test_what_rounding_hides_is_refused(
    shared: dict[str, Any], toml: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a band that holds everything that is not zero, no relation can be told from rounding."""
    programme = _rare(shared, toml, 2, 1)
    space_of(programme, "p")
    monkeypatch.setattr("samentel.figures.relations._NOT_ZERO", 2.0)
    with pytest.raises(DocumentError, match="cannot be told from rounding: cross a question") as caught:
        space_of(programme, "p")
    assert "what a0, g have" in caught.value.problems[0]
