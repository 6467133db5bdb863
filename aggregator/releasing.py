"""From the national sum to the release: under which name, and of what it is made.

The directory itself is the business of ``aggregator/publisher.py``.
"""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from aggregator import conductor
from aggregator.book import State
from aggregator.conductor import Round
from aggregator.mailbox import CONTRIBUTION
from aggregator.office import Office
from samentel.counting.privacy import TableNoise
from samentel.counting.shares import plan_of
from samentel.documents.programme import Programme
from samentel.figures.estimate import NationalSum, add_up, national_of
from samentel.figures.release import EarlierYear
from samentel.ids import Period

if TYPE_CHECKING:
    from aggregator import publisher


async def make(office: Office, round_: Round) -> Round:
    """Write the release of a round that has its name and its moment, then its completion into the log."""
    from aggregator import publisher  # polars is loaded when there is something to publish, not at start

    made_of = material(office, round_)
    manifest = await asyncio.to_thread(publisher.write, office.config.releases, made_of, office.key)
    return office.command(round_.round_id, conductor.Finish(manifest))


def material(office: Office, round_: Round) -> "publisher.Material":
    """What the release of a round is made of; the same whenever it is asked for."""
    from aggregator import publisher  # as above

    assert round_.publishing is not None, "Publish has named the release"
    assert round_.published_at is not None, "and dated it"
    plan = _plan(office, round_)
    return publisher.Material(
        release_id=round_.publishing.release_id,
        round=round_,
        programme=office.programme(round_.opened.programme),
        plan=plan,
        national=_national(office, round_, plan),
        dealers=_dealers(round_),
        rostered=len(round_.opened.invited),
        published_at=round_.published_at,
        supersedes=round_.publishing.supersedes,
        earlier=[_earlier(office, one) for one in years_before(office, office.book.state, round_)],
    )


def naming(office: Office, state: State, round_: Round) -> conductor.Publish:
    """The name of a round's release, and the earlier release that it takes the place of."""
    programme = office.programme(round_.opened.programme)
    taken = {
        other.publishing.release_id
        for other in state.rounds.values()
        if other.publishing is not None and other.round_id != round_.round_id
    }
    release_id = next(
        name
        for name in _release_names(programme, round_.opened.period, round_.opened.attempt)
        if name not in taken
    )
    earlier = [
        other.release_id
        for other in state.rounds.values()
        if other.release_id
        and other.opened.period == round_.opened.period
        and office.programme(other.opened.programme).id == programme.id
    ]
    return conductor.Publish(release_id, earlier[-1] if earlier else None)


def years_before(office: Office, state: State, round_: Round) -> Sequence[Round]:
    """The rounds of the two years before, oldest first; none unless there are two that can be added up.

    Of each year the one that was published last before this release began, so that making a release again
    gives the same bytes whatever was published since. Years add up if they counted the same tables.
    """
    programme, period = office.programme(round_.opened.programme), round_.opened.period
    if period.quarter or all(table.years == 1 for table in programme.tables):
        return ()
    found = []
    for year in (period.year - 2, period.year - 1):
        published = [
            other
            for other in state.rounds.values()
            if other.release_id
            and other.opened.period == Period(year)
            and _adds_up(office.programme(other.opened.programme), programme)
            and _before(other, round_)
        ]
        found += sorted(published, key=_moment)[-1:]
    return found if len(found) == 2 else ()


def _earlier(office: Office, round_: Round) -> "publisher.Earlier":
    from aggregator import publisher  # as above

    plan = _plan(office, round_)
    national = _national(office, round_, plan)
    period = round_.opened.period
    year = EarlierYear(period=period, release_id=round_.release_id, in_sum=national.survivors)
    return publisher.Earlier(year, plan, national)


def _adds_up(one: Programme, other: Programme) -> bool:
    """Whether two programmes are versions of one that count the same: rho and its shares may differ."""
    if one.id != other.id or [table.id for table in one.measured] != [table.id for table in other.measured]:
        return False
    layouts = [
        (
            each.populations,
            each.dimensions,
            [(table.id, table.population, table.dimensions) for table in each.tables],
        )
        for each in (one, other)
    ]
    return layouts[0] == layouts[1]


def _before(other: Round, round_: Round) -> bool:
    return _moment(other) < _moment(round_)


def _moment(round_: Round) -> datetime:
    assert round_.published_at is not None, "asked of rounds whose publishing has begun"
    return round_.published_at


def _dealers(round_: Round) -> int:
    return round_.total.dealers if round_.total is not None else len(round_.arrived)


def _plan(office: Office, round_: Round) -> tuple[TableNoise, ...]:
    programme = office.programme(round_.opened.programme)
    return plan_of(programme, len(round_.opened.invited), _dealers(round_))


def _national(office: Office, round_: Round, plan: tuple[TableNoise, ...]) -> NationalSum:
    if round_.total is not None:
        return national_of(plan, round_.total.survivors, office.sums.counts(round_))
    store = office.book.store
    handed_in = store.messages(round_.round_id, CONTRIBUTION)
    vectors = {
        node: np.frombuffer(store.blob(str(handed_in[node].payload)), dtype="<i8").astype(np.int64)
        for node in round_.arrived
    }
    return add_up(plan, vectors)


def _release_names(programme: Programme, period: Period, attempt: int) -> Iterator[str]:
    """Names for a release, the plainest first: another version, or another programme, may have taken some."""
    rest = f"{period}-{attempt}".lower()
    yield f"{programme.id}-{rest}"
    versioned = f"{programme.id}-v{programme.version}-{rest}"
    yield versioned
    for number in itertools.count(2):
        yield f"{versioned}-{number}"
