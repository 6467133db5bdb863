"""Which period a scheduled run is about."""

from datetime import UTC, datetime

from samentel.errors import DocumentError
from samentel.ids import Period


def last_completed(kind: str, moment: datetime) -> Period:
    """The last year or quarter that was over at a moment.

    Args:
        kind: ``year`` or ``quarter``, as the programme says.
        moment: with its time zone.
    """
    year = moment.astimezone(UTC).year  # periods end in UTC, on New Year an hour after the Dutch clock
    quarters = (4, 3, 2, 1) if kind == "quarter" else (0,)
    periods = (Period(candidate, quarter) for candidate in (year, year - 1) for quarter in quarters)
    return next(period for period in periods if period.end <= moment)


def chosen(text: str | None, kind: str, moment: datetime) -> Period:
    """The period asked for, or the last one completed; raises DocumentError when it is of another kind."""
    period = Period.parse(text) if text else last_completed(kind, moment)
    if period.kind != kind:
        raise DocumentError("period", [f"{period}: this programme counts by {kind}"])
    return period
