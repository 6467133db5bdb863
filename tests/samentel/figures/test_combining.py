import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from samentel.documents.programme import Programme, parse
from samentel.errors import DocumentError
from samentel.figures.combining import agreement, combined, table_problems
from samentel.figures.edition import Year
from samentel.figures.estimate import NationalTables, estimate
from samentel.figures.sums import NationalSum
from samentel.ids import Period
from tests.samentel.figures.nation import noisy, people, summed, table, written

QUARTERLY = "nation-quarters"


def annual_draft() -> dict[str, Any]:
    """A year that counts exactly the victims of its quarters."""
    draft = written()
    draft["tables"] = [table("victims", share="1/10"), table("victims", "sex", "age", share="1/2"),
                       table("victims", "consent", share="1/10")]  # fmt: skip
    draft["populations"][1]["of_quarters"] = QUARTERLY
    return draft


def quarterly_draft() -> dict[str, Any]:
    draft = written()
    draft |= {"id": QUARTERLY, "period": "quarter", "rho": "1/4"}
    draft["tables"] = [table("victims", share="1/4"), table("victims", "sex", share="1/2")]
    return draft


@pytest.fixture(scope="module")
def annual(toml: Callable[[dict[str, Any]], bytes]) -> Programme:
    return parse(toml(annual_draft()))


@pytest.fixture(scope="module")
def quarterly(toml: Callable[[dict[str, Any]], bytes]) -> Programme:
    return parse(toml(quarterly_draft()))


def quarters_of(sums: Sequence[NationalSum]) -> list[Year]:
    return [Year(Period(2025, number), f"q{number}", one) for number, one in enumerate(sums, 1)]


def year_of(one: NationalSum) -> Year:
    return Year(Period(2025), "year", one)


@pytest.fixture(scope="module")
def exact(annual: Programme, quarterly: Programme) -> tuple[NationalSum, list[NationalSum]]:
    """A year of made-up victims, and the same in four quarters of different lengths."""
    rows = people(annual, "victims", 400, 4)
    parts = [rows[:70], rows[70:200], rows[200:210], rows[210:]]
    return summed(annual, {"victims": rows}), [summed(quarterly, {"victims": part}) for part in parts]


def together(annual, quarterly, exact, random=None) -> NationalTables:
    year, quarters = exact
    if random is not None:
        year, quarters = noisy(year, random), [noisy(one, random) for one in quarters]
    return combined(annual, year_of(year), quarterly, quarters_of(quarters))


def test_without_noise_it_is_the_year_itself_only_more_certain(annual, quarterly, exact) -> None:
    alone, found = estimate(annual, exact[0]), together(annual, quarterly, exact)
    assert [one.table for one in found.tables] == [one.table for one in alone.tables]
    for one, other in zip(found.tables, alone.tables, strict=True):
        for cell, before in zip(one.cells, other.cells, strict=True):
            assert cell.codes == before.codes
            assert cell.estimate == pytest.approx(before.estimate, abs=1e-8)
            assert cell.sd <= before.sd * (1 + 1e-12)
    assert found.total("victims").sd < 0.9 * alone.total("victims").sd
    assert found.table("sex-age").cells[0].sd < alone.table("sex-age").cells[0].sd


def test_the_sum_of_quarters_goes_into_one_least_squares(annual, quarterly, exact) -> None:
    """Against a dense solution: every cell of sex x age x consent an unknown, all six tables measured."""
    random = np.random.default_rng(6)
    year, quarters = noisy(exact[0], random), [noisy(one, random) for one in exact[1]]
    shape, places = (3, 3, 4), {"sex": 0, "age": 1, "consent": 2}
    rows, values = [], []

    def measure(names: Sequence[str], counts: Any, variance: float) -> None:
        kept = [places[name] for name in names]
        for number, place in enumerate(np.ndindex(*(shape[axis] for axis in kept))):
            block = np.zeros(shape)
            at: list[Any] = [slice(None)] * 3
            for axis, level in zip(kept, place, strict=True):
                at[axis] = level
            block[tuple(at)] = 1
            rows.append(block.ravel() / math.sqrt(variance))
            values.append(counts[number] / math.sqrt(variance))

    for one in annual.tables:
        measure(one.dimensions, year.tables[one.id] / year.granularities[one.id], year.variances[one.id])
    for one in quarterly.tables:
        counts = sum(part.tables[one.id] / part.granularities[one.id] for part in quarters)
        measure(one.dimensions, counts, sum(part.variances[one.id] for part in quarters))
    matrix = np.array(rows)
    inverse = np.linalg.pinv(matrix)
    solved, covariance = inverse @ np.array(values), inverse @ inverse.T
    found = combined(annual, year_of(year), quarterly, quarters_of(quarters))
    for number, cell in enumerate(found.table("sex-age").cells):
        block = np.zeros(shape)
        block.reshape(9, 4)[number] = 1
        assert cell.estimate == pytest.approx(block.ravel() @ solved, abs=1e-8)
        assert cell.sd == pytest.approx(math.sqrt(block.ravel() @ covariance @ block.ravel()), rel=1e-8)


def test_quarters_may_be_measured_in_different_grains(annual, quarterly, exact) -> None:
    year, quarters = exact
    first = quarters[0]
    finer = replace(
        first,
        tables={name: counts * 4 for name, counts in first.tables.items()},
        granularities={name: 4 * grain for name, grain in first.granularities.items()},
    )
    found, before = (
        combined(annual, year_of(year), quarterly, quarters_of([one, *quarters[1:]]))
        for one in (finer, first)
    )
    assert found == before


@pytest.mark.statistics
def test_quarters_that_count_the_same_agree_with_the_year_as_often_as_they_should(
    annual, quarterly, exact
) -> None:
    year, quarters = exact
    sure = agreement(annual, year_of(year), quarterly, quarters_of(quarters))
    assert (sure.statistic, sure.degrees, sure.alarm) == (pytest.approx(0, abs=1e-12), 4, False)
    random, runs = np.random.default_rng(202503), 150
    found = [
        agreement(
            annual,
            year_of(noisy(year, random)),
            quarterly,
            quarters_of([noisy(one, random) for one in quarters]),
        )
        for _ in range(runs)
    ]
    # A chi-square of 4 degrees: mean 4, variance 8; and p is even between 0 and 1.
    assert abs(np.mean([one.statistic for one in found]) - 4) < 4.5 * math.sqrt(8 / runs)
    assert abs(np.mean([one.p_value for one in found]) - 0.5) < 4.5 * math.sqrt(1 / 12 / runs)


def test_quarters_that_counted_others_than_the_year_are_refused(annual, quarterly, exact) -> None:
    """As when institutions move dates out of the year after the quarter was sealed."""
    year, quarters = exact
    more = {name: counts.copy() for name, counts in quarters[2].tables.items()}
    for name in more:
        more[name][0] += 60 * quarters[2].granularities[name]
    changed = quarters_of([*quarters[:2], replace(quarters[2], tables=more), quarters[3]])
    assert agreement(annual, year_of(year), quarterly, changed).p_value < 1e-3
    assert "differ by more than noise (p = " in refused(annual, quarterly, year_of(year), changed)
    assert agreement(annual, year_of(year), quarterly, quarters_of(quarters), ["sex"]).degrees == 3
    with pytest.raises(DocumentError, match=r"given are 2025Q1, 2025Q2, 2025Q3$"):
        agreement(annual, year_of(year), quarterly, changed[:3])


def test_more_than_one_row_of_a_person_is_refused_even_where_both_count_so(toml, exact) -> None:
    drafts = annual_draft(), quarterly_draft()
    for draft in drafts:
        _population(draft)["rows_per_person"] = 2
    annual, quarterly = (parse(toml(draft)) for draft in drafts)
    assert "write rows_per_person = 1" in refused(annual, quarterly, year_of(exact[0]), quarters_of(exact[1]))


@pytest.mark.statistics
def test_the_variance_is_what_is_observed(annual, quarterly, exact) -> None:
    random, runs = np.random.default_rng(202502), 120
    truth = together(annual, quarterly, exact)
    errors = np.array(
        [
            [
                (cell.estimate - true.estimate) / true.sd
                for name in ("victims", "sex-age", "consent")
                for cell, true in zip(found.table(name).cells, truth.table(name).cells, strict=True)
            ]
            for found in (together(annual, quarterly, exact, random) for _ in range(runs))
        ]
    )
    assert np.abs(errors.mean(axis=0)).max() < 4.5 / math.sqrt(runs)
    assert 0.9 < (errors**2).mean() < 1.1
    assert 0.55 < (errors**2).mean(axis=0).min() < (errors**2).mean(axis=0).max() < 1.6


def refused(annual, quarterly, year, quarters) -> str:
    with pytest.raises(DocumentError) as caught:
        combined(annual, year, quarterly, quarters)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(lambda q: q[:3], "given are 2025Q1, 2025Q2, 2025Q3", id="three quarters"),
        pytest.param(lambda q: [q[1], q[0], *q[2:]], "given are 2025Q2, 2025Q1", id="out of order"),
        pytest.param(
            lambda q: [*q[:3], replace(q[3], period=Period(2024, 4))], "given are .*2024Q4", id="another year"
        ),
        pytest.param(
            lambda q: [replace(q[0], national=replace(q[0].national, survivors=("node-0", "other"))), *q[1:]],
            "2025Q1: not both in the quarter and in the year: node-1.*other",
            id="other institutions",
        ),
    ],
)
def test_five_rounds_that_do_not_belong_together_are_refused(annual, quarterly, exact, change, why) -> None:
    year, quarters = year_of(exact[0]), quarters_of(exact[1])
    with pytest.raises(DocumentError, match=why):
        combined(annual, year, quarterly, change(quarters))


def _population(draft: dict[str, Any]) -> dict[str, Any]:
    return next(it for it in draft["populations"] if it["id"] == "victims")


def _sex(draft: dict[str, Any]) -> dict[str, Any]:
    return next(it for it in draft["dimensions"] if it["id"] == "sex")


def _renamed(draft: dict[str, Any]) -> None:
    sex = _sex(draft)
    sex["codes"] = [sex["codes"][1], sex["codes"][0], sex["codes"][2]]


@pytest.mark.parametrize(
    ("which", "change", "why"),
    [
        pytest.param(
            "annual", lambda it: _population(it).pop("of_quarters"), "does not count the population",
            id="the year counts more persons",
        ),
        pytest.param(
            "annual", lambda it: _population(it).update(of_quarters="others"),
            "does not count the population", id="of other quarters",
        ),
        pytest.param(
            "annual", lambda it: _population(it).update(rows_per_person=2), "differs .* in rows_per_person",
            id="other rule",
        ),
        pytest.param(
            "annual", lambda it: _sex(it).update(frozen=False), "sex is not frozen .* in nation,",
            id="not frozen in the year",
        ),
        pytest.param(
            "quarterly", lambda it: _sex(it).update(frozen=False), "sex is not frozen .* in nation-quarters",
            id="not frozen in the quarter",
        ),
        pytest.param("quarterly", _renamed, "sex does not have the same levels", id="other levels"),
        pytest.param(
            "quarterly",
            lambda it: it["tables"].append(table("victims", "age", "sex", "form", share="1/20")),
            "table age-sex-form: is no margin of an annual table",
            id="no margin",
        ),
        pytest.param(
            "quarterly", lambda it: it.update(period="year"), "counts by the year goes with one",
            id="not quarters",
        ),
    ],
)  # fmt: skip
def test_a_programme_that_counts_otherwise_is_refused(toml, exact, which, change, why) -> None:
    drafts = {"annual": annual_draft(), "quarterly": quarterly_draft()}
    change(drafts[which])
    annual, quarterly = (parse(toml(drafts[name])) for name in ("annual", "quarterly"))
    with pytest.raises(DocumentError, match=why):
        combined(annual, year_of(exact[0]), quarterly, quarters_of(exact[1]))


def test_all_that_is_wrong_is_said_at_once(annual, toml, exact) -> None:
    draft = quarterly_draft()
    _sex(draft)["frozen"] = False
    draft["tables"].append(table("clients", share="1/20"))
    quarterly = parse(toml(draft))
    said = refused(annual, quarterly, year_of(exact[0]), quarters_of(exact[1][:3]))
    for words in ("given are 2025Q1", "table sex: sex is not frozen", "table clients: nation does not count"):
        assert words in said


def test_only_the_tables_that_are_asked_for_must_fit(annual, toml, exact) -> None:
    draft = quarterly_draft()
    _sex(draft)["frozen"] = False
    quarterly = parse(toml(draft))
    year, quarters = year_of(exact[0]), quarters_of(exact[1])
    fitting = [one.id for one in quarterly.measured if not list(table_problems(annual, quarterly, one))]
    assert fitting == ["victims"]
    found = combined(annual, year, quarterly, quarters, fitting)
    assert found.total("victims").sd < estimate(annual, exact[0]).total("victims").sd
    with pytest.raises(DocumentError, match="none of its tables"):
        combined(annual, year, quarterly, quarters, [])
