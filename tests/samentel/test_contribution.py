from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samentel.counting.contribution import Codes, Population, bounded, clamped, encode
from samentel.documents.programme import Programme, parse

Row = tuple[int, int, int, int]  # person, sex, age, reason
LEVELS = {"sex": 3, "age": 3, "reason": 5}

rows = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 2), st.integers(0, 2), st.integers(0, 4)), max_size=24
)


def population(entries: list[Row]) -> Population:
    columns = np.array(entries, dtype=np.int64).reshape(len(entries), 4).T
    return Population(columns[0], dict(zip(LEVELS, columns[1:], strict=True)))


def counts(programme: Programme, entries: list[Row]) -> dict[str, Counter[int]]:
    codes = encode(programme, {name: population(entries) for name in ("persons", "episodes")})
    return {table: Counter(cells.tolist()) for table, cells in codes.cells.items()}


@settings(max_examples=200)
@given(before=rows, person=st.integers(1, 5), data=st.data())
def test_changing_all_rows_of_one_person_moves_each_table_by_at_most_k_rows_away_and_k_added(
    example: Programme, before: list[Row], person: int, data: st.DataObject
) -> None:
    # Their old rows go, and new ones stand anywhere between those of others.
    after = [row for row in before if row[0] != person]
    for row in data.draw(rows):
        after.insert(data.draw(st.integers(0, len(after))), (person, *row[1:]))
    old, new = counts(example, before), counts(example, after)
    for table in example.tables:
        k = example.population(table.population).rows_per_person
        assert (old[table.id] - new[table.id]).total() <= k
        assert (new[table.id] - old[table.id]).total() <= k


@settings(max_examples=100)
@given(before=rows, person=st.integers(1, 5), k=st.integers(1, 4))
def test_the_rows_that_are_kept_of_others_do_not_depend_on_anybody(
    before: list[Row], person: int, k: int
) -> None:
    def kept(entries: list[Row]) -> list[tuple[int, ...]]:
        left = bounded(population(entries), k)
        return list(zip(left.person.tolist(), *(left.levels[name].tolist() for name in LEVELS), strict=True))

    others = [row for row in before if row[0] != person]
    assert [row for row in kept(before) if row[0] != person] == kept(others)
    by_hand: Counter[int] = Counter()
    expected = []
    for row in before:
        by_hand[row[0]] += 1
        if by_hand[row[0]] <= k:
            expected.append(row)
    assert kept(before) == expected


cells = st.lists(st.integers(0, 6), max_size=30)


@given(before=cells, rows_max=st.integers(1, 8))
def test_a_clamped_count_is_the_lesser_of_itself_and_the_most(before: list[int], rows_max: int) -> None:
    left = clamped(np.array(before, dtype=np.int64), rows_max)
    assert Counter(left.tolist()) == {cell: min(n, rows_max) for cell, n in Counter(before).items()}
    assert left.dtype == np.int64


@given(before=cells, row=st.integers(0, 6), rows_max=st.integers(1, 8), data=st.data())
def test_a_row_more_or_less_moves_its_own_cell_by_at_most_one_and_no_other(
    before: list[int], row: int, rows_max: int, data: st.DataObject
) -> None:
    after = before.copy()
    after.insert(data.draw(st.integers(0, len(before))), row)
    old, new = (Counter(clamped(np.array(it, dtype=np.int64), rows_max).tolist()) for it in (before, after))
    assert set((new - old).elements()) <= {row}
    assert (new - old).total() <= 1
    assert not old - new


@settings(max_examples=200)
@given(before=rows, person=st.integers(1, 5), rows_max=st.integers(1, 4), data=st.data())
def test_the_clamp_keeps_what_one_person_can_move_within_k(
    before: list[Row], person: int, rows_max: int, data: st.DataObject
) -> None:
    """The L2 change of a table stays at most k, whatever the clamp cuts off."""
    k = 2
    after = [row for row in before if row[0] != person]
    for row in data.draw(rows):
        after.insert(data.draw(st.integers(0, len(after))), (person, *row[1:]))

    def vector(entries: list[Row]) -> np.ndarray:
        kept = clamped(bounded(population(entries), k).levels["reason"], rows_max)
        return np.bincount(kept, minlength=5)

    others = vector([row for row in before if row[0] != person])
    for changed in (before, after):  # all of the person's records added, or taken away
        assert ((vector(changed) - others) ** 2).sum() <= k**2


def test_a_programme_clamps_every_table_to_its_population(
    written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]
) -> None:
    written["populations"][0]["rows_max"] = 1000
    entries: list[Row] = [(number, 1, 1, 1) for number in range(1500)]
    found = counts(parse(toml(written)), entries)
    assert found["sex-age"] == {4: 1000}
    assert found["reason-sex"] == {4: 1500}  # of another population


@pytest.fixture(scope="module")
def example(shared: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]) -> Programme:
    """One and the same for all the cases that hypothesis tries."""
    return parse(toml(shared))


def test_each_row_stands_in_one_cell_row_major_in_the_order_of_the_dimensions(programme: Programme) -> None:
    entries: list[Row] = [(7, 2, 1, 4), (8, 0, 0, 0), (7, 1, 1, 1), (7, 1, 1, 1)]
    codes = encode(programme, {name: population(entries) for name in ("persons", "episodes")})
    assert codes.cells["sex-age"].tolist() == [2 * 3 + 1, 0]
    assert codes.cells["reason"].tolist() == [4, 0]
    assert codes.cells["reason-sex"].tolist() == [
        4 * 3 + 2,
        0,
        1 * 3 + 1,
    ]  # two rows of person 7, then no more


def test_no_rows_give_no_codes_and_no_error(programme: Programme) -> None:
    codes = encode(programme, {name: population([]) for name in ("persons", "episodes")})
    assert {table: len(cells) for table, cells in codes.cells.items()} == {
        "sex-age": 0,
        "reason": 0,
        "reason-sex": 0,
    }
    assert all(cells.dtype == np.int64 for cells in codes.cells.values())


def test_a_bound_of_no_rows_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        bounded(population([(1, 0, 0, 0)]), 0)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one level of every dimension a row"):
        Population(np.zeros(3, np.int64), {"sex": np.zeros(2, np.int64)})
    with pytest.raises(ValueError, match="one level of every dimension a row"):
        Population(np.zeros((3, 1), np.int64), {})


@pytest.mark.parametrize("level", [-1, 3])
def test_a_level_outside_its_dimension_stops_us_and_is_not_quoted(programme: Programme, level: int) -> None:
    entries: list[Row] = [(1, level, 0, 0)]
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        encode(programme, {name: population(entries) for name in ("persons", "episodes")})
    assert str(level) not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        lambda: population([(919191, 1, 1, 1)] * 7919),
        lambda: Codes({"reason": np.array([919191] * 7919)}),
    ],
)
def test_records_and_their_number_never_show(value: Callable[[], Any]) -> None:
    for text in (repr(value()), str(value())):
        assert "919191" not in text
        assert "7919" not in text
