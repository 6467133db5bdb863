import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samentel.errors import PeerError
from samentel.secagg.encoding import encode
from samentel.secagg.messages import (
    MESSAGE_MOST,
    Advert,
    Agreement,
    Dealing,
    Delivery,
    Kind,
    Listing,
    Proposal,
    Result,
    Reveal,
    Survivor,
    Unanimity,
    Upload,
    dealers_digest,
    hear,
    hear_from,
    listing_digest,
    name_of,
    open_bundle,
    parts,
    sign,
)


def examples(terms):
    d, x = terms.digest, bytes(range(32))
    return [
        Advert(d, 1, x, x, x),
        Dealing(d, 1, x, 3, x, x),
        Upload(d, 1, x, x, 16),
        Proposal(d, x, (Survivor(0, x), Survivor(2, x))),
        Agreement(d, 1, x, bytes(40)),
        Reveal(d, 1, x, bytes(66), b""),
        Result(d, x, x),
    ]


@pytest.mark.parametrize("number", range(7))
def test_a_message_is_heard_as_it_was_said(kit, number):
    terms, key = kit.terms(3), kit.key("node 1")
    message = examples(terms)[number]
    data = sign(message, key)
    assert hear(type(message), data, key.public, terms) == message
    assert key.public.verifies(data[:64], name_of(message.kind, data))


def test_the_vocabulary_is_closed(kit):
    assert sorted(message.kind for message in examples(kit.terms(3))) == sorted(Kind)


@pytest.mark.clause("ENC-3")
def test_no_two_kinds_share_a_digest(kit):
    """An agreement and a proposal of the same bytes are two different things to sign."""
    terms = kit.terms(3)
    assert len({name_of(message.kind, bytes(64) + encode(message)) for message in examples(terms)}) == 7
    body = encode(Agreement(terms.digest, 1, bytes(32), bytes(40)))
    assert len({name_of(kind, bytes(64) + body) for kind in Kind}) == len(Kind)


@pytest.mark.clause("ENC-6")
def test_a_list_is_named_by_its_signed_messages_as_they_travel(kit):
    """Another order, another signature or another thing before them is another name."""
    terms, signed = kit.terms(3), [bytes([at]) * 100 for at in range(3)]

    def name(label, first, these):
        joined = b"".join(hashlib.sha256(one).digest() for one in these)
        return hashlib.sha256(f"samentel/v1/secagg/{label}/".encode() + first + joined).digest()

    listing = listing_digest(terms, signed)
    assert listing == name("listing", terms.digest, signed)
    assert dealers_digest(listing, signed) == name("dealers", listing, signed)
    others = (signed[::-1], signed[:2], [b"\1" + signed[0][1:], *signed[1:]])
    names = {listing, listing_digest(kit.terms(3, round_="another"), signed), dealers_digest(listing, signed)}
    names |= {
        make(first, some)
        for some in others
        for make, first in ((listing_digest, terms), (dealers_digest, listing))
    }
    names.add(dealers_digest(bytes(32), signed))
    assert len(names) == 4 + 2 * len(others)


@pytest.mark.parametrize("number", range(7))
@given(data=st.data())
def test_any_changed_byte_is_noticed(kit, number, data):
    terms, key = kit.terms(3), kit.key("node 1")
    message = examples(terms)[number]
    signed = bytearray(sign(message, key))
    signed[data.draw(st.integers(0, len(signed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PeerError, match="signature"):
        hear(type(message), bytes(signed), key.public, terms)


@pytest.mark.clause("ENC-4")
def test_a_message_of_another_key_kind_round_or_sender_is_refused(kit):
    terms, key = kit.terms(3), kit.key("node 1")
    data = sign(Agreement(terms.digest, 1, bytes(32), bytes(40)), key)
    assert hear_from(1, Agreement, data, terms)
    with pytest.raises(PeerError, match="signature"):
        hear_from(2, Agreement, data, terms)
    with pytest.raises(PeerError, match="signature"):
        hear_from(1, Result, data, terms)
    with pytest.raises(PeerError, match="another round"):
        hear_from(1, Agreement, data, kit.terms(3, round_="another"))
    with pytest.raises(PeerError, match="another sender"):
        hear_from(1, Agreement, sign(Agreement(terms.digest, 0, bytes(32), bytes(40)), key), terms)
    with pytest.raises(PeerError, match="not on the roster"):
        hear_from(3, Agreement, data, terms)


@pytest.mark.parametrize(
    "field", ["programme", "roster", "cells", "collude_max", "absent_max", "institutions_min"]
)
@pytest.mark.clause("TERMS-2", "ENC-4")
def test_whoever_was_shown_other_terms_is_not_understood(kit, field):
    terms = kit.terms(9)
    value = getattr(terms, field)
    other = replace(terms, **{field: bytes(32) if isinstance(value, bytes) else value + 1})
    with pytest.raises(PeerError, match="another round, roster or programme"):
        hear_from(
            1, Agreement, sign(Agreement(other.digest, 1, bytes(32), bytes(40)), kit.key("node 1")), terms
        )


@pytest.mark.parametrize("data", [b"", bytes(63), bytes(64), bytes(MESSAGE_MOST + 1)])
def test_no_message_at_all_is_refused(kit, data):
    with pytest.raises(PeerError, match="signature"):
        hear(Agreement, data, kit.key("x").public, kit.terms(3))


@pytest.mark.parametrize("kind", [Listing, Delivery, Unanimity])
@given(data=st.binary(max_size=300))
def test_a_bundle_of_any_bytes_is_read_or_refused(kind, data):
    try:
        assert encode(open_bundle(kind, data)) == data
    except PeerError:
        return


def test_rows_of_unequal_length_are_refused():
    assert parts(b"aabb", 2) == [b"aa", b"bb"]
    with pytest.raises(PeerError, match="different lengths"):
        parts(b"aab", 2)


def test_a_reveal_does_not_show_its_shares(kit):
    assert repr(Reveal(bytes(32), 1, bytes(32), b"s" * 33, b"")) == "Reveal(<sender 1>)"
