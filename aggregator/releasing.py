"""From the national sum to the release: under which name, and of what it is made.

The directory itself is the business of ``aggregator/publisher.py``.
"""

import asyncio
import itertools
from collections.abc import Iterator

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
from samentel.ids import Period


async def make(office: Office, round_: Round) -> Round:
    """Write the release of a round that has its name and its moment, then its completion into the log."""
    from aggregator import publisher  # polars is loaded when there is something to publish, not at start

    assert round_.publishing is not None, "Publish has named the release"
    assert round_.published_at is not None, "and dated it"
    programme, rostered = office.programme(round_.opened.programme), len(round_.opened.invited)
    dealers = round_.total.dealers if round_.total is not None else len(round_.arrived)
    plan = plan_of(programme, rostered, dealers)
    material = publisher.Material(
        release_id=round_.publishing.release_id,
        round=round_,
        programme=programme,
        plan=plan,
        national=_national(office, round_, plan),
        dealers=dealers,
        rostered=rostered,
        published_at=round_.published_at,
        supersedes=round_.publishing.supersedes,
    )
    manifest = await asyncio.to_thread(publisher.write, office.config.releases, material, office.key)
    return office.command(round_.round_id, conductor.Finish(manifest))


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
