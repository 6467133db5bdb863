"""How rho is divided: against a slow solver, a proven bound, and what is known of one national workload."""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from desk.packaged import packaged
from samentel.counting.privacy import noise_plan
from samentel.documents.programme import Programme, parse
from samentel.figures import workload

Write = Callable[[dict[str, Any]], bytes]
BENCH = Path(__file__).resolve().parents[2] / "bench" / "accuracy.py"
TEXT = {"nl": "-", "en": "-"}


@pytest.fixture(scope="module")
def accuracy() -> Any:
    """The bench of accuracy, loaded by its path: its folder holds names of the product's packages."""
    spec = spec_from_file_location("bench_accuracy", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def levels(name: str, size: int) -> dict[str, Any]:
    codes = [{"code": f"L{level}", **TEXT} for level in range(size)]
    return {"id": name, "field": name, "title": TEXT, "unknown": "L0", "codes": codes}


def table(name: str, dimensions: list[str], population: str = "p0", **more: Any) -> dict[str, Any]:
    return {"id": name, "title": TEXT, "question": TEXT, "population": population,
            "dimensions": dimensions, "rho_share": "1/16", **more}  # fmt: skip


def population(name: str, rows: int = 1) -> dict[str, Any]:
    return {"id": name, "title": TEXT, "definition": TEXT, "counting": "inflow", "rows_per_person": rows}


@st.composite
def workloads(draw: st.DrawFn) -> dict[str, Any]:
    """Up to two populations with up to four tables each; no dimension rolls up another."""
    sizes = {name: draw(st.integers(2, 4)) for name in "abc"}
    crossings = st.lists(st.sampled_from("abc"), max_size=3, unique=True).map(sorted)
    tables, populations = [], []
    for number in range(draw(st.integers(1, 2))):
        populations.append(population(f"p{number}", draw(st.integers(1, 3))))
        for place, chosen in enumerate(draw(st.lists(crossings, min_size=1, max_size=4, unique_by=tuple))):
            weight = f"{draw(st.integers(1, 40))}/8"
            tables.append(table(f"t{number}{place}", chosen, f"p{number}", weight=weight))
    dimensions = [levels(name, size) for name, size in sizes.items()]
    return {"populations": populations, "dimensions": dimensions, "tables": tables}


def made(shared: dict[str, Any], toml: Write, changes: dict[str, Any]) -> Programme:
    return parse(toml({**shared, **changes}))


def divided(shared: dict[str, Any], toml: Write, changes: dict[str, Any], best: workload.Best) -> Programme:
    tables = [{**it, "rho_share": str(best.shares[it["id"]])} for it in changes["tables"]]
    return made(shared, toml, {**changes, "tables": tables})


def error(programme: Programme) -> float:
    """The objective as it is defined: weighted variances of all cells, from the noise of the tables."""
    found = workload.spread(programme, {it.table: it.variance for it in noise_plan(programme)})
    return sum(
        float(it.weight) / math.sqrt(programme.cells(it)) * float(found[it.id].sum())
        for it in programme.tables
    )


@given(changes=workloads())
@settings(max_examples=25)
def test_no_slow_solver_finds_a_division_that_is_better_by_more_than_the_gap(
    shared: dict[str, Any], toml: Write, changes: dict[str, Any]
) -> None:
    programme = made(shared, toml, changes)
    best = workload.best_shares(programme)
    names = [it.id for it in programme.tables]
    rows = {it.id: programme.population(it.population).rows_per_person for it in programme.tables}

    def cost(logarithms: np.ndarray) -> float:
        shares = np.exp(logarithms - logarithms.max())
        shares = shares / shares.sum()
        variances = {
            name: rows[name] ** 2 / (2 * float(programme.rho) * share)
            for name, share in zip(names, shares, strict=True)
        }
        return workload.objective(programme, variances)

    slow = float(minimize(cost, np.zeros(len(names)), method="L-BFGS-B").fun)
    assert best.objective - best.gap <= slow * (1 + 1e-9)
    assert best.gap <= (workload.GAP + 2e-3) * best.objective  # the rest is the rounding of the shares
    assert best.bound <= slow * (1 + 1e-9)


@given(changes=workloads())
@settings(max_examples=60)
def test_shares_are_exact_can_be_written_and_give_the_objective_that_is_promised(
    shared: dict[str, Any], toml: Write, changes: dict[str, Any]
) -> None:
    best = workload.best_shares(made(shared, toml, changes))
    assert sum(best.shares.values()) == 1
    assert all(share * workload.UNITS == int(share * workload.UNITS) for share in best.shares.values())
    written = divided(shared, toml, changes, best)  # refused unless each table follows from those measured
    assert error(written) == pytest.approx(best.objective, rel=1e-9)
    variances = {it.table: it.variance for it in noise_plan(written)}
    assert workload.objective(written, variances) == pytest.approx(best.objective, rel=1e-9)
    assert workload.bound(written) == best.bound


def nuclear(programme: Programme, name: str) -> float:
    """The sum of the singular values of a population's weighted workload, on its whole domain."""
    tables = [it for it in programme.tables if it.population == name]
    used = sorted({it for table in tables for it in table.dimensions})
    shape = [len(programme.dimension(it).codes) for it in used]
    rows = []
    for it in tables:
        one = np.eye(1)
        for place, size in zip(used, shape, strict=True):
            one = np.kron(one, np.eye(size) if place in it.dimensions else np.ones((1, size)))
        rows.append(one * math.sqrt(float(it.weight) / math.sqrt(programme.cells(it))))
    whole = np.linalg.svd(np.concatenate(rows), compute_uv=False).sum()
    return float(whole) / math.sqrt(math.prod(shape))


@given(changes=workloads())
@settings(max_examples=60)
def test_the_bound_is_that_of_the_singular_values_over_all_populations(
    shared: dict[str, Any], toml: Write, changes: dict[str, Any]
) -> None:
    programme = made(shared, toml, changes)
    parts = [it.rows_per_person * nuclear(programme, it.id) for it in programme.populations]
    expected = sum(parts) ** 2 / (2 * float(programme.rho))
    assert workload.bound(programme) == pytest.approx(expected, rel=1e-9)


@given(changes=workloads())
@settings(max_examples=40)
def test_a_table_that_is_not_measured_follows_from_one_that_is(
    shared: dict[str, Any], toml: Write, changes: dict[str, Any]
) -> None:
    programme = made(shared, toml, changes)
    best = workload.best_shares(programme)
    measured = [it for it in programme.tables if best.shares[it.id]]
    for it in programme.tables:
        assert any(
            it.population == other.population and set(it.dimensions) <= set(other.dimensions)
            for other in measured
        )


def test_a_table_that_others_tell_well_enough_is_not_measured(accuracy: Any) -> None:
    """With the weights that ask for the least error over all cells, the total and the most crossed table."""
    best = workload.best_shares(accuracy.programme("unit", Fraction(1, 2)))
    assert {name for name, share in best.shares.items() if not share} == {"total", "exploitation"}


def test_a_table_of_next_to_no_weight_that_follows_from_nothing_still_gets_a_share(
    shared: dict[str, Any], toml: Write
) -> None:
    tables = [table(name, [name], weight="1/100000000") for name in "bcd"]
    tables.append(table("a", ["a"], weight="100000000"))
    changes = {"populations": [population("p0")], "dimensions": [levels(name, 4) for name in "abcd"]}
    best = workload.best_shares(made(shared, toml, {**changes, "tables": tables}))
    assert {best.shares[name] for name in "bcd"} == {Fraction(1, workload.UNITS)}
    assert sum(best.shares.values()) == 1


def test_more_rows_a_person_cost_as_much_as_that_weight_squared(shared: dict[str, Any], toml: Write) -> None:
    """With one table each, the best shares go as k times the root of the weight."""
    tables = [table("a", ["a"], "p0"), table("b", ["a"], "p1")]
    changes = {"populations": [population("p0", 3), population("p1")], "dimensions": [levels("a", 4)]}
    best = workload.best_shares(made(shared, toml, {**changes, "tables": tables}))
    assert best.shares == {"a": Fraction(3, 4), "b": Fraction(1, 4)}
    assert best.objective == pytest.approx(best.bound)


@pytest.mark.parametrize(
    ("weights", "rmse", "ratio"),
    [
        pytest.param("unit", 3.2439, 1.0173, id="least-error-over-all-cells"),
        pytest.param("default", 3.4751, 1.0036, id="weights-of-a-programme"),
    ],
)
def test_the_national_workload_of_28_tables_comes_within_two_percent_of_the_bound(
    accuracy: Any, weights: str, rmse: float, ratio: float
) -> None:
    """The bound on the error of a cell is 3.216, computed elsewhere from the same tables."""
    half = Fraction(1, 2)
    best = workload.best_shares(accuracy.programme(weights, half))
    programme = accuracy.programme(weights, half, best.shares)
    variances = {it.table: it.variance for it in noise_plan(programme)}
    cells = np.concatenate(list(workload.spread(programme, variances).values()))
    assert len(cells) == 855
    assert math.sqrt(cells.mean()) == pytest.approx(rmse, rel=1e-3)
    assert math.sqrt(workload.bound(accuracy.programme("unit", half)) / 855) == pytest.approx(3.216, abs=5e-4)
    assert best.objective / best.bound == pytest.approx(ratio, abs=2e-4)
    assert best.gap <= 2e-4 * best.objective


@pytest.mark.parametrize("name", ["registratie-2025", "registratie-demo"])
def test_the_national_programme_can_be_divided_close_to_its_bound(name: str) -> None:
    best = workload.best_shares(parse(packaged(name)))
    assert best.gap <= 2e-3 * best.objective
    assert best.objective <= 1.02 * best.bound


def everything(programme: Programme) -> Iterator[tuple[str, tuple[str, ...]]]:
    first = programme.tables[0]
    for level in programme.dimension(first.dimensions[0]).codes:
        yield first.id, (level.code, programme.dimension(first.dimensions[1]).codes[0].code)


def test_the_variance_of_a_sum_is_known_before_any_record_is_read(programme: Programme) -> None:
    variances = {it.table: it.variance for it in noise_plan(programme)}
    weights = dict.fromkeys(everything(programme), 1.0)
    found = workload.variance_of(programme, variances, weights)
    cells = workload.spread(programme, variances)["sex-age"]
    assert found != pytest.approx(3 * cells[0])  # errors of cells are not independent
    other = {("reason-sex", ("R1", "M")): -1.0}
    # Another population: its errors are independent, so variances add.
    apart = workload.variance_of(programme, variances, other)
    assert apart == pytest.approx(variances["reason-sex"])
    assert workload.variance_of(programme, variances, weights | other) == pytest.approx(found + apart)
    with pytest.raises(ValueError, match="Z"):
        workload.variance_of(programme, variances, {("sex-age", ("Z", "A0")): 1.0})


def test_shares_do_not_change_what_is_best(shared: dict[str, Any], toml: Write) -> None:
    changes = {
        "populations": [population("p0")], "dimensions": [levels("a", 4), levels("b", 3)],
        "tables": [table("a", ["a"]), table("b", ["b"]), table("ab", ["a", "b"])],
    }  # fmt: skip
    once = workload.best_shares(made(shared, toml, changes))
    again = workload.best_shares(divided(shared, toml, changes, once))
    assert again == once
