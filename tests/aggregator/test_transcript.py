"""The transcript of a round in individual mode: each institution finds what it handed in."""

import pytest

from aggregator import evidence
from aggregator.book import opened
from aggregator.office import open_office
from samentel.documents.envelope import from_json
from samentel.errors import PeerError
from samentel.secagg import transcript
from samentel.wire.messages import RoundPhase


async def test_what_each_institution_handed_in_is_named(federation, tools):
    status = await tools.advance(federation, RoundPhase.SUMMED, present=3)
    with opened(federation.config) as book:
        office = open_office(federation.config, book)
        round_ = book.state.rounds[status.round_id]
        data = evidence.transcript(office, round_)
        handed_in = book.store.message(status.round_id, "beryl", "contribution")
        receipt = from_json(book.store.blob(handed_in.receipt))
        key = office.key.public
    found = transcript.witness(transcript.read(data), key)
    assert (found.counted, found.start, found.total) == (3, None, None)
    assert transcript.find(found, transcript.hold(receipt)) == "beryl"
    others = found.transcript.model_copy(update={"contributions": found.transcript.contributions[:1]})
    with pytest.raises(PeerError, match="what beryl handed in is not in this release"):
        transcript.find(transcript.witness(others, key), transcript.hold(receipt))
