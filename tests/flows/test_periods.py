from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from flows import periods
from samentel.errors import DocumentError
from samentel.ids import Period

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@pytest.mark.parametrize(
    ("kind", "moment", "period"),
    [
        pytest.param("year", datetime(2026, 2, 1, 6, tzinfo=AMSTERDAM), "2025", id="the-default-schedule"),
        pytest.param("year", datetime(2026, 1, 1, tzinfo=UTC), "2025", id="first-moment"),
        pytest.param("year", datetime(2025, 12, 31, 23, 59, tzinfo=UTC), "2024", id="last-moment"),
        pytest.param(
            "year", datetime(2026, 1, 1, 0, 30, tzinfo=AMSTERDAM), "2024", id="new-year-in-dutch-time"
        ),
        pytest.param("quarter", datetime(2026, 2, 1, tzinfo=UTC), "2025Q4", id="last-quarter-of-last-year"),
        pytest.param("quarter", datetime(2026, 4, 1, tzinfo=UTC), "2026Q1", id="first-quarter-just-over"),
        pytest.param("quarter", datetime(2026, 12, 31, tzinfo=UTC), "2026Q3", id="third-quarter"),
    ],
)
def test_the_last_completed_period_is_the_one_that_was_over(kind, moment, period):
    assert str(periods.last_completed(kind, moment)) == period


def test_no_period_is_ever_taken_before_it_is_over():
    for month in range(1, 13):
        moment = datetime(2026, month, 15, tzinfo=UTC)
        for kind in ("year", "quarter"):
            assert periods.last_completed(kind, moment).end <= moment


def test_a_period_that_is_asked_for_is_taken_and_another_kind_refused():
    moment = datetime(2026, 2, 1, tzinfo=UTC)
    assert periods.chosen("2023", "year", moment) == Period(2023)
    with pytest.raises(DocumentError, match="counts by year"):
        periods.chosen("2025Q1", "year", moment)
    with pytest.raises(DocumentError, match="write a year"):
        periods.chosen("last", "year", moment)
