"""Letters are put together from parts that are the same for all: their bytes are the whole bundle's."""

import pytest

from samentel.secagg import tree
from samentel.secagg.encoding import encode
from samentel.secagg.messages import ENTRY_BYTES, HEAD_BYTES, Delivery, Listing, Unanimity
from samentel.secagg.relay import letter
from samentel.secagg.standing import Agreed, Delivered, Listed


def rows_of(posts, width, index):
    entries = b"".join(posted.attachment[width * index : width * (index + 1)] for posted in posts)
    return entries, b"".join(tree.path(posted.attachment, width, index) for posted in posts)


@pytest.mark.clause("ENC-1")
@pytest.mark.parametrize("n", [3, 5, 8])
def test_a_letter_is_the_encoding_of_its_bundle(kit, n):
    federation = kit.federation(n, absent=1 if n > 3 else 0)
    assert federation.run() is not None
    server = federation.server
    adverts, dealings, agreements = (
        tuple(posted.message for posted in posts)
        for posts in (server.adverts, server.dealings, server.agreements)
    )
    for receiver in range(n):
        listing = Listing(server.listed, adverts, *rows_of(server.adverts, HEAD_BYTES, receiver))
        assert letter(server, receiver, Listed) == Listed(encode(listing))
        delivery = Delivery(server.dealt, dealings, *rows_of(server.dealings, ENTRY_BYTES, receiver))
        assert letter(server, receiver, Delivered) == Delivered(encode(delivery))
        assert letter(server, receiver, Agreed) == Agreed(encode(Unanimity(agreements)))


def test_two_rounds_of_the_same_institutions_do_not_share_a_letter(kit):
    one, other = kit.federation(4, round_="one"), kit.federation(4, round_="another")
    assert one.run() is not None
    assert other.run() is not None
    for kind in (Listed, Delivered, Agreed):
        first, second = (letter(federation.server, 1, kind) for federation in (one, other))
        assert first.data != second.data
        assert letter(one.server, 1, kind) == first
