"""A real sum, published: whoever has the authority's keys sees who agreed, each node finds its counts."""

import pytest

from aggregator import evidence
from aggregator.book import opened
from aggregator.office import open_office
from desk.releases.case import Against
from desk.releases.examine import examine
from samentel.documents.envelope import to_json
from samentel.errors import DocumentError, PeerError
from samentel.secagg import transcript
from samentel.wire import methods as M
from samentel.wire.messages import MessageKind, SumPhase


async def test_a_release_of_a_sum_shows_who_agreed_and_whose_counts_are_in_it(sector, tmp_path):
    async with sector(4) as it:
        await it.gather()
        await it.run(SumPhase.DONE)
        first, second, *_ = it.drivers
        (receipt,) = (await first.link.call(M.PUT_MESSAGE, first.request(MessageKind.UPLOAD))).receipt
        release_id = (await it.publish()).release_id
        roster = await first._document(await first._roster())
        with opened(it.central.config) as book:
            office = open_office(it.central.config, book)
            round_ = book.state.rounds[it.round_id]
            data, key = evidence.transcript(office, round_), office.key.public
    place = it.central.config.releases / release_id
    assert (place / transcript.FILE).read_bytes() == data
    own = first.sent[MessageKind.AGREEMENT].message
    (tmp_path / "roster").write_bytes(to_json(roster))
    (tmp_path / "receipt").write_bytes(transcript.hold(receipt, own))
    authority = {str(at): one.public for at, one in enumerate(it.central.authority)}
    against = Against(key, authority, 2, tmp_path / "roster", tmp_path / "receipt")
    said = "\n".join(one.en for one in examine(place, against).held)
    assert "each of the 4 institutions in the sum has signed that it agrees to exactly this set" in said
    assert f"the counts that the coordinator took from {first.name} are in this sum" in said
    found = transcript.witness(transcript.read(data), key)
    assert (found.counted, found.total) == (4, round_.total.total)
    another = second.sent[MessageKind.AGREEMENT].message
    with pytest.raises(PeerError, match=f"{first.name} agreed to another set"):
        transcript.find(found, transcript.hold(receipt, another))
    tables = (place / "tables.csv").read_bytes()
    (place / "tables.csv").chmod(0o644)
    (place / "tables.csv").write_bytes(tables[:-2] + bytes([tables[-2] ^ 1]) + tables[-1:])
    with pytest.raises(DocumentError, match=r"tables\.csv: has been changed"):
        examine(place, against)
