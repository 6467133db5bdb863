"""What is shown: never negative, nobody added to a table, and nobody's sum."""

import ast
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from desk.packaged import packaged
from samentel.counting.contribution import Integers
from samentel.documents.codelists import rolled
from samentel.documents.programme import Programme, parse
from samentel.figures import display
from samentel.figures.display import Shown, never_negative
from samentel.figures.effects import Floats, Space, fitted, noise_after, populations_of, space_of

Write = Callable[[dict[str, Any]], bytes]
PROGRAMME = parse(packaged("registratie-2025"))


def estimates(
    space: Space, seed: int, people: int, programme: Programme = PROGRAMME
) -> tuple[Floats, Floats]:
    """Coordinates of made-up skewed people after least squares, and their standard deviations."""
    rng = np.random.default_rng(seed)
    variances = {table.id: 12.0 for table in space.tables}
    after, sums = noise_after(space, variances), {}
    coordinates = skewed(programme, space, rng) * people
    for table in space.tables:
        cells = space.cells(table, coordinates)
        sums[table.id] = cells + rng.normal(size=cells.size) * math.sqrt(12.0)
    return fitted(space, after, variances, sums), after.root


def skewed(programme: Programme, space: Space, rng: np.random.Generator) -> Floats:
    """Coordinates that keep the bonds and give skewed cells: of chances drawn for everybody there can be."""
    known, levels = {it.id: it for it in programme.dimensions}, {}
    names = {space.bases[name] for table in space.tables for name in table.dimensions}
    names |= {known[other].rolls_up or other for name in names for other in known[name].applies}
    for name in sorted(names, key=lambda name: bool(known[name].applies)):
        it = known[name]
        levels[name] = rng.choice(len(it.codes), 4000, p=rng.dirichlet(np.full(len(it.codes), 0.5)))
        for other, codes in it.applies.items():
            outside = ~np.isin(of(programme, levels, other), [known[other].index(code) for code in codes])
            never = it.index(it.not_applicable or "")
            levels[name][~outside & (levels[name] == never)] = it.index(it.unknown)
            levels[name][outside] = never
    coordinates = np.zeros(space.length)
    for table in space.tables:
        cells = np.zeros(space.shape(table))
        np.add.at(
            cells,
            tuple(of(programme, levels, name) for name in table.dimensions),
            1 if table.dimensions else 4000,
        )
        coordinates[space.places[table.id]] = space.coordinates(table, cells / 4000)
    return coordinates


def of(programme: Programme, levels: Mapping[str, Integers], name: str) -> Integers:
    it = programme.dimension(name)
    return (
        np.array(rolled(it, programme.dimension(it.rolls_up)))[levels[it.rolls_up]]
        if it.rolls_up
        else levels[name]
    )


@pytest.fixture(scope="module")
def spaces() -> list[Space]:
    return [space_of(PROGRAMME, name) for name in populations_of(PROGRAMME)]


@given(seed=st.integers(0, 2**32 - 1), people=st.sampled_from([30, 300, 17_000]))
@settings(max_examples=25)
def test_no_figure_is_negative_totals_stay_and_tables_agree(
    spaces: list[Space], seed: int, people: int
) -> None:
    for space in spaces:
        coordinates, root = estimates(space, seed, people)
        if coordinates[0] <= 0:
            continue
        shown = never_negative(space, coordinates, root)
        pinned = [name for name in space.sizes if space.margin(name, coordinates).min() >= 0]
        for table in space.tables:
            cells = shown[table.id].reshape(space.shape(table))
            assert cells.min(initial=0) >= 0
            assert cells.sum() == pytest.approx(coordinates[0], abs=1e-2)
            for axis, name in enumerate(table.dimensions):
                margin = cells.sum(axis=tuple(it for it in range(cells.ndim) if it != axis))
                others = [it for it in space.tables if name in it.dimensions]
                other = shown[others[0].id].reshape(space.shape(others[0]))
                place = others[0].dimensions.index(name)
                away = tuple(it for it in range(other.ndim) if it != place)
                assert margin == pytest.approx(other.sum(axis=away), abs=1e-3)
                if name in pinned:
                    assert margin == pytest.approx(space.margin(name, coordinates), abs=1e-2)
        again = np.zeros(space.length)
        for table in space.tables:
            again[space.places[table.id]] = space.coordinates(table, shown[table.id])
        assert space.bonds @ again == pytest.approx(0, abs=1e-2)  # also where dimensions are related


def test_figures_move_no_further_than_they_must(written: dict[str, Any], toml: Write) -> None:
    """Against a slow solver of the same problem, with the total and the tables along one attribute fixed."""
    written["tables"] = [
        {**written["tables"][0], "id": "-".join(names), "dimensions": names, "rho_share": "1/4"}
        for names in (["sex", "age"], ["age", "reason"], ["sex", "reason"])
    ]
    programme = parse(toml(written))
    space, compared = space_of(programme, "persons"), 0
    for seed in range(40):
        coordinates, root = estimates(space, seed, 60, programme)
        if any(space.margin(name, coordinates).min() < 0 for name in space.sizes):
            continue
        found, compared = never_negative(space, coordinates, root), compared + 1
        free = np.arange(space.length) >= 1 + sum(size - 1 for size in space.sizes.values())
        basis = np.concatenate([space.cells(it, np.diag(root)) for it in space.tables])[:, free]
        values = np.concatenate([space.cells(it, coordinates) for it in space.tables])
        slow = minimize(
            lambda move: move @ move,
            np.zeros(free.sum()),
            jac=lambda move: 2 * move,
            constraints={"type": "ineq", "fun": lambda move, v=values, b=basis: v + b @ move,
                         "jac": lambda _, b=basis: b},
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-12},
        )  # fmt: skip
        assert slow.success
        assert np.concatenate(list(found.values())) == pytest.approx(values + basis @ slow.x, abs=2e-3)
        assert values.min() < 0  # something had to move
    assert compared >= 4


def test_estimates_that_are_not_negative_are_shown_as_they_are(spaces: list[Space]) -> None:
    for space in spaces:
        coordinates = np.zeros(space.length)
        coordinates[0] = 100.0  # everybody evenly over the cells
        shown = never_negative(space, coordinates, np.ones(space.length))
        for table in space.tables:
            assert shown[table.id] == pytest.approx(100.0 / shown[table.id].size)


@pytest.mark.parametrize("total", [0.0, -3.0])
def test_where_there_is_nobody_to_show_everything_is_zero(spaces: list[Space], total: float) -> None:
    for space in spaces:
        coordinates, root = estimates(space, 1, 30)
        coordinates[0] = total
        assert not any(cells.any() for cells in never_negative(space, coordinates, root).values())


def test_a_table_along_one_attribute_that_is_negative_itself_gives_way_but_its_total_does_not(
    spaces: list[Space],
) -> None:
    space = max(spaces, key=lambda it: it.length)
    alone = [it for it in space.sizes if list(space.bases.values()).count(space.bases[it]) == 1]
    name = max(alone, key=space.sizes.__getitem__)  # related to no other
    coordinates, root = estimates(space, 3, 300)
    start = space.starts[(name,)]
    coordinates[start + space.sizes[name] - 2] = 2 * coordinates[0]  # the last level, far below zero
    assert space.margin(name, coordinates).min() < 0
    for cells in never_negative(space, coordinates, root).values():
        assert cells.min() >= 0
        assert cells.sum() == pytest.approx(coordinates[0], abs=0.05)


def test_what_is_too_large_to_fit_is_cut_off_at_zero(
    spaces: list[Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    space = max(spaces, key=lambda it: it.length)
    coordinates, root = estimates(space, 5, 30)
    monkeypatch.setattr(display, "CELLS_MOST", 10)
    for table in space.tables:
        expected = np.maximum(space.cells(table, coordinates), 0)
        assert never_negative(space, coordinates, root)[table.id] == pytest.approx(expected)


def test_a_figure_that_is_shown_is_a_text_and_no_number() -> None:
    shown = Shown("12")
    assert str(shown) == f"{shown}" == "12"
    assert not hasattr(shown, "__add__")
    assert not any(isinstance(shown, kind) for kind in (str, int, float))
    for convert in (int, float, math.floor, sum):
        with pytest.raises(TypeError):
            convert(shown)  # type: ignore[operator]


NUMBERS = {"int", "float", "complex", "sum", "round", "Fraction", "Decimal", "fsum", "array", "asarray"}


def made_numbers(source: str) -> list[str]:
    """Where a number is made of something shown: a conversion of it, or arithmetic with it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        name = None
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", None))
        if name in NUMBERS or isinstance(node, ast.BinOp | ast.AugAssign):
            inside = {it.attr for it in ast.walk(node) if isinstance(it, ast.Attribute)}
            inside |= {it.value for it in ast.walk(node) if isinstance(it, ast.Constant)}
            if inside & {"shown", "shown_lower", "shown_upper"}:
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("room", ["samentel", "aggregator", "desk", "flows"])
def test_no_code_makes_a_number_of_what_is_shown(room: str) -> None:
    """A release holds it as text, and whoever reads one in this software leaves it text."""
    for path in sorted((Path(display.__file__).parents[2] / room).rglob("*.py")):
        assert made_numbers(path.read_text("utf-8")) == [], path


@pytest.mark.parametrize(
    "source",
    ["int(str(cell.shown))", "sum(float(row['shown']) for row in rows)", "cell.shown_upper.text + 1",
     "total += int(figure.shown)", "np.array([it.shown for it in cells])"],
)  # fmt: skip
def test_a_number_made_of_what_is_shown_would_be_seen(source: str) -> None:
    assert made_numbers(source)


def test_programmes_of_one_table_and_of_none_along_an_attribute_are_shown_too(
    written: dict[str, Any], toml: Write
) -> None:
    written["tables"] = [{**written["tables"][0], "dimensions": [], "rho_share": "1"}]
    programme: Programme = parse(toml(written))
    space = space_of(programme, "persons")
    assert never_negative(space, np.array([7.3]), np.array([2.0]))["sex-age"] == pytest.approx([7.3])
