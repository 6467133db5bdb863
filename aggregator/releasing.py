"""From the national sum to the release: under which name, and of what it is made.

The directory itself is the business of ``aggregator/publisher.py``.
"""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from aggregator import catalogue, conductor, documents, evidence
from aggregator.book import State
from aggregator.conductor import Remade, Round
from aggregator.mailbox import CONTRIBUTION
from aggregator.office import Office
from samentel.counting.privacy import TableNoise
from samentel.counting.shares import plan_of
from samentel.documents.envelope import Envelope, open_envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.programme import Programme
from samentel.errors import PeerError
from samentel.figures.edition import YEARS_MOST, Year
from samentel.figures.manifest import Correction, Erratum, Spending
from samentel.figures.manifest_privacy import privacy_facts, spending
from samentel.figures.sums import NationalSum, add_up, national_of
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
    state, register = office.book.state, office.book.state.register
    held = office.document(register.programmes, round_.opened.programme)
    signed = documents.stored(office.book.store, held.envelope)
    return publisher.Material(
        release_id=round_.publishing.release_id,
        round=round_,
        programme=office.programme(round_.opened.programme),
        signed=signed,
        roster=office.roster(round_.opened.roster),
        plan=plan,
        national=_national(office, round_, plan),
        dealers=_dealers(round_),
        published_at=round_.published_at,
        supersedes=round_.publishing.supersedes,
        errata=errata_before(office, state, round_, round_.published_at),
        earlier=[_year(office, one) for one in years_before(office, state, round_)],
        spent=[_spent(office, one) for one in _about_the_same_year(state, round_)],
        transcript=evidence.transcript(office, round_),
        approved_by=[key.key_id for key in office.config.authority if _signed(signed, key)],
        public=documents.figures(state, office.book.store, round_.published_at),
    )


def _signed(envelope: Envelope, key: VerifyKey) -> bool:
    """Whether this key has; an envelope may carry other names, that nobody has verified."""
    try:
        open_envelope(envelope, envelope.payload_type, [key])
    except PeerError:
        return False
    return True


def remade(office: Office, round_: Round, remaking: Remade) -> "publisher.Material":
    """What a correction is made of: what the first release was made of, by today's makers.

    Errata and public figures are those of its own moment: they may be what it mends.
    """
    first, moment = material(office, round_), remaking.published_at
    return replace(
        first,
        release_id=remaking.begun.release_id,
        published_at=moment,
        supersedes=remaking.begun.corrects,
        corrects=Correction(release_id=remaking.begun.corrects, reason=remaking.begun.reason),
        errata=errata_before(office, office.book.state, round_, moment),
        public=documents.figures(office.book.state, office.book.store, moment),
    )


def errata_before(office: Office, state: State, round_: Round, moment: datetime) -> Sequence[Erratum]:
    """What was found to be wrong in any release of the same programme before a moment, oldest first."""
    name = office.programme(round_.opened.programme).id
    found = [
        one
        for other in state.rounds.values()
        if other.errata and office.programme(other.opened.programme).id == name
        for one in other.errata
        if one.at < moment
    ]
    return [
        Erratum(release_id=one.erratum.release_id, published_at=one.at, text=one.erratum.text)
        for one in sorted(found, key=lambda one: one.at)
    ]


def naming(office: Office, state: State, round_: Round) -> conductor.Publish:
    """The name of a round's release, and the earlier release that it takes the place of."""
    programme = office.programme(round_.opened.programme)
    own = {round_.publishing.release_id} if round_.publishing is not None else set()
    taken = catalogue.names(state.rounds) - own
    release_id = next(
        name
        for name in _release_names(programme, round_.opened.period, round_.opened.attempt)
        if name not in taken
    )
    earlier = [
        one.release_id
        for one in catalogue.releases(state.rounds)
        if one.round.opened.period == round_.opened.period
        and office.programme(one.round.opened.programme).id == programme.id
    ]
    return conductor.Publish(release_id, earlier[-1] if earlier else None)


def years_before(office: Office, state: State, round_: Round) -> Sequence[Round]:
    """The rounds of the years just before, oldest first, as far back as they can be added up without a gap.

    Of each year the one that was complete last when this release began, so that making a release again
    gives the same bytes whatever was published since. Years add up if they counted the same tables.
    """
    programme, period = office.programme(round_.opened.programme), round_.opened.period
    if period.quarter:
        return ()
    found: list[Round] = []
    for year in range(period.year - 1, period.year - YEARS_MOST, -1):
        published = [
            other
            for other in state.rounds.values()
            if other.opened.period == Period(year)
            and _before(other, round_)
            and _adds_up(office.programme(other.opened.programme), programme)
        ]
        if not published:
            break
        found.insert(0, max(published, key=_completed))
    return found


def _year(office: Office, round_: Round) -> Year:
    national = _national(office, round_, _plan(office, round_))
    return Year(round_.opened.period, round_.release_id, national)


def _about_the_same_year(state: State, round_: Round) -> Sequence[Round]:
    """The rounds whose release was complete when this one began, about the same reporting year, in order."""
    found = [
        other
        for other in state.rounds.values()
        if other.opened.period.year == round_.opened.period.year and _before(other, round_)
    ]
    return sorted(found, key=_completed)


def _spent(office: Office, round_: Round) -> Spending:
    programme = office.programme(round_.opened.programme)
    facts = privacy_facts(programme, _plan(office, round_), len(round_.opened.invited), _dealers(round_))
    return spending(programme, round_.release_id, round_.opened.period, facts.rho_spent)


def _adds_up(one: Programme, other: Programme) -> bool:
    """Whether two programmes are versions of one that count the same: rho and its shares may differ."""
    if one.id != other.id or [table.id for table in one.measured] != [table.id for table in other.measured]:
        return False
    layouts = [
        (
            [population.model_copy(update=_FOR_PLANNING) for population in each.populations],
            each.dimensions,
            [(table.id, table.population, table.dimensions) for table in each.tables],
        )
        for each in (one, other)
    ]
    return layouts[0] == layouts[1]


_FOR_PLANNING = {"reference": None, "reference_source": None}


def _before(other: Round, round_: Round) -> bool:
    """Whether another release was complete when this one began: whatever follows in the log changes nothing.

    One that began earlier and was complete later, after an interruption, does not count.
    """
    assert round_.begun_seq, "asked of rounds whose publishing has begun"
    return bool(other.release_id) and other.ended_seq < round_.begun_seq


def _completed(round_: Round) -> int:
    return round_.ended_seq


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
