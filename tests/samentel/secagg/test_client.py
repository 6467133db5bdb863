"""What a node refuses: each bad event is an error, and the node is as it was before."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from samentel.counting.ledger import EMPTY, Head
from samentel.errors import PeerError, Reason, Refusal
from samentel.secagg import client
from samentel.secagg.encoding import encode
from samentel.secagg.messages import (
    ENTRY_BYTES,
    Advert,
    Delivery,
    Kind,
    Listing,
    open_bundle,
    parse,
    sign,
)
from samentel.secagg.primitives import agreement_public
from samentel.secagg.relay import letter
from samentel.secagg.standing import (
    Agreed,
    Client,
    Delivered,
    Draw,
    Drawn,
    Hold,
    Join,
    Listed,
    Phase,
    Proposed,
    Resulted,
    Seen,
    Send,
    Spend,
    Ticked,
    Wipe,
)

N, OWN = 6, 2


def at(kit, stage, **parameters):
    """A federation in which every node waits for the letter of this stage."""
    federation = kit.federation(N, **({"absent": 1, "collude": 1} | parameters))
    federation.run(stop=stage)
    return federation


def listing(federation):
    return open_bundle(Listing, letter(federation.server, OWN, Listed).data)


def delivery(federation):
    return open_bundle(Delivery, letter(federation.server, OWN, Delivered).data)


def with_advert(federation, position, change, signer=None):
    """The list in which one advert is another, signed by the given node."""
    offered = listing(federation)
    place = offered.positions.index(position)
    advert = change(parse(Advert, offered.adverts[place]))
    adverts = list(offered.adverts)
    adverts[place] = sign(advert, federation.keys[position if signer is None else signer])
    return Listed(encode(replace(offered, adverts=tuple(adverts))))


@pytest.mark.clause("MASK-3", "AGREE-4")
def test_the_road_through_a_round_and_what_is_done_on_it(kit):
    federation = kit.federation(4)
    federation.run()
    assert [type(effect) for effect in federation.effects[0]] == [
        Send,
        Send,
        Draw,
        Hold,
        Send,
        Spend,
        Send,
        Seen,
        Send,
        Wipe,
    ]
    assert [effect.kind for effect in federation.effects[0] if isinstance(effect, Send)] == [
        Kind.ADVERT,
        Kind.DEALING,
        Kind.UPLOAD,
        Kind.AGREEMENT,
        Kind.REVEAL,
    ]


EVENTS = {
    Join: Join((EMPTY,) * N),
    Listed: Listed(b""),
    Delivered: Delivered(b""),
    Drawn: Drawn(np.zeros(N + 1, dtype=np.int64), N),
    Proposed: Proposed(b""),
    Agreed: Agreed(b""),
    Resulted: Resulted(b""),
}


@pytest.mark.parametrize("stage", ["advert", "dealing", "upload", "agreement", "never"])
@pytest.mark.clause("STORE-4")
def test_an_event_out_of_order_is_refused(kit, stage):
    federation = at(kit, stage)
    phase = federation.clients[OWN].phase
    for kind, event in EVENTS.items():
        if (phase, kind) not in client.NEXT:
            federation.refuses(event, "while|is over")


@pytest.mark.parametrize("kind", [Listed, Delivered, Proposed, Agreed, Resulted])
@pytest.mark.parametrize("data", [b"", b"\x00" * 200, b"\xff" * 200])
def test_a_letter_of_nonsense_is_refused(kit, kind, data):
    stage = {
        Listed: "dealing",
        Delivered: "upload",
        Proposed: "agreement",
        Agreed: "agreement",
        Resulted: "agreement",
    }
    federation = at(kit, stage[kind])
    if kind in (Agreed, Resulted):
        federation.post(OWN, federation.read(OWN, Proposed))
    federation.refuses(kind(data), "not well formed|signature")


@pytest.mark.parametrize(
    ("stage", "event", "until"),
    [
        ("advert", EVENTS[Join], "advertise_until"),
        ("dealing", Listed(b""), "share_until"),
        ("upload", Delivered(b""), "mask_until"),
        ("agreement", Proposed(b""), "expires_at"),
    ],
)
@pytest.mark.clause("END-3")
def test_a_late_event_is_refused_and_a_tick_ends_the_round(kit, stage, event, until):
    federation = at(kit, stage)
    federation.now = getattr(kit.DEADLINES, until)
    assert federation.tell(OWN, Ticked()) == ()
    federation.now += timedelta(microseconds=1)
    federation.refuses(event, "after the deadline")
    assert federation.tell(OWN, Ticked())[-1] == Wipe()
    federation.refuses(event, "is over")


def test_counts_that_come_too_late_are_refused_but_the_node_can_still_help(kit):
    federation = at(kit, "upload")
    federation.read(OWN, Delivered)
    federation.now = kit.DEADLINES.mask_until + timedelta(seconds=1)
    federation.refuses(EVENTS[Drawn], "after the deadline")
    federation.now = kit.DEADLINES.share_until
    for i in set(range(N)) - {OWN}:
        federation.post(i, federation.count(i))
    others = [i for i in range(N) if i != OWN]
    assert federation.tell(OWN, federation.proposal(others)) == ()
    assert federation.clients[OWN].phase is Phase.HELPING


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(
            lambda f: with_advert(f, 0, lambda a: replace(a, mask=bytes(31) + b"\x09"), 1),
            "signature",
            id="key-signed-by-another",
        ),
        pytest.param(
            lambda f: with_advert(f, 0, lambda a: replace(a, sender=1)), "another sender", id="another-sender"
        ),
        pytest.param(
            lambda f: with_advert(f, 0, lambda a: replace(a, terms=bytes(32))),
            "another round",
            id="replayed-from-another-round",
        ),
        pytest.param(
            lambda f: with_advert(f, 0, lambda a: replace(a, mask=bytes(32))),
            "usable point",
            id="low-order-mask-key",
        ),
        pytest.param(
            lambda f: with_advert(f, 0, lambda a: replace(a, channel=bytes(32))),
            "usable point",
            id="low-order-channel-key",
        ),
        pytest.param(
            lambda f: with_advert(f, 0, lambda a: replace(a, mask=a.channel)),
            "stands twice",
            id="one-key-for-two-purposes",
        ),
        pytest.param(
            lambda f: with_advert(f, 0, lambda a: replace(a, mask=parse(Advert, listing(f).adverts[1]).mask)),
            "stands twice",
            id="key-of-another",
        ),
        pytest.param(
            lambda f: with_advert(f, OWN, lambda a: replace(a, mask=agreement_public(b"\x07" * 32))),
            "own keys",
            id="own-key-replaced",
        ),
        pytest.param(
            lambda f: with_advert(f, 0, lambda a: replace(a, heads=bytes(32))),
            "ledger head",
            id="ledger-head-not-signed",
        ),
    ],
)
@pytest.mark.clause("DEAL-1", "KEY-4")
def test_a_list_with_a_key_that_does_not_hold_is_refused(kit, change, why):
    federation = at(kit, "dealing")
    federation.refuses(change(federation), why)


def columns(offered, keep):
    """The bundle with some of its rows, in the order given."""
    count = len(offered.positions if isinstance(offered, Listing) else offered.dealers)
    cut = lambda data: b"".join(data[len(data) // count * i : len(data) // count * (i + 1)] for i in keep)  # noqa: E731
    if isinstance(offered, Listing):
        return Listed(
            encode(
                Listing(
                    tuple(offered.positions[i] for i in keep),
                    tuple(offered.adverts[i] for i in keep),
                    cut(offered.heads),
                    cut(offered.steps),
                )
            )
        )
    return Delivered(
        encode(
            Delivery(
                tuple(offered.dealers[i] for i in keep),
                tuple(offered.dealings[i] for i in keep),
                cut(offered.entries),
                cut(offered.steps),
            )
        )
    )


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        pytest.param([0, 1, 3, 4, 5], "own keys", id="without-me"),
        pytest.param([2, 3], "are needed|too few", id="too-few"),
        pytest.param([1, 0, 2, 3, 4, 5], "not in order", id="out-of-order"),
        pytest.param([0, 0, 2, 3, 4, 5], "not in order", id="twice"),
    ],
)
@pytest.mark.clause("DEAL-1", "TERMS-5")
def test_a_list_of_the_wrong_institutions_is_refused(kit, keep, why):
    federation = at(kit, "dealing")
    federation.refuses(columns(listing(federation), keep), why)


@pytest.mark.clause("TERMS-4")
def test_the_threshold_is_the_nodes_own(kit):
    """Nothing in a letter can say what it is: fewer keys than t + D end the round for this node."""
    federation = at(kit, "dealing", absent=1)
    federation.tell(OWN, columns(listing(federation), [0, 1, 2, 3]))
    sealed = federation.effects[OWN][-1]
    assert len(sealed.attachment) == 4 * 146
    assert not any("threshold" in field for field in Client.__dataclass_fields__)
    federation = at(kit, "dealing", absent=1)
    federation.refuses(columns(listing(federation), [0, 1, 2]), "too few|cannot spare")


@pytest.mark.clause("DEAL-2")
def test_a_rolled_back_ledger_is_noticed_through_one_honest_peer(kit):
    seen = Head(7, "ab" * 32)
    heads = [EMPTY] * N
    heads[OWN] = seen
    federation = kit.federation(N, absent=1, heads={4: tuple(heads)})
    federation.ledgers[OWN] = lambda head: head.length <= 3
    federation.run(stop="dealing")
    offered = letter(federation.server, OWN, Listed)
    refusal = federation.refuses(offered, "node-0004 has seen more", Refusal)
    assert refusal.reason is Reason.ROLLBACK_DETECTED
    hidden = replace(listing(federation), heads=bytes(40 * N))
    federation.refuses(Listed(encode(hidden)), "ledger head")
    federation.ledgers[OWN] = lambda head: head in (EMPTY, seen)
    federation.tell(OWN, offered)


@pytest.mark.clause("DEAL-6")
def test_two_lists_shown_to_two_groups_end_the_round(kit):
    """A dealing names the list it was made for."""
    federation = kit.federation(N, absent=1)
    federation.run(stop="dealing")
    for i in range(N):
        event = columns(
            open_bundle(Listing, letter(federation.server, i, Listed).data),
            [0, 1, 2, 3, 4] if i < 3 else range(N),
        )
        effects = federation.tell(i, event)
        if i >= 3:
            federation.post(i, effects)
        else:
            with pytest.raises(PeerError, match="another list"):
                federation.post(i, effects)


def tampered(federation, field, place):
    offered = delivery(federation)
    data = bytearray(getattr(offered, field))
    data[place] ^= 1
    return Delivered(encode(replace(offered, **{field: bytes(data)})))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param(
            lambda f: tampered(f, "entries", 0), "not the one that its dealer signed", id="ciphertext"
        ),
        pytest.param(
            lambda f: tampered(f, "entries", 82), "not the one that its dealer signed", id="commitment"
        ),
        pytest.param(lambda f: tampered(f, "steps", 0), "not the one that its dealer signed", id="path"),
        pytest.param(lambda f: columns(delivery(f), [0, 1, 3, 4, 5]), "own dealing", id="without-mine"),
        pytest.param(lambda f: columns(delivery(f), [0, 2, 3]), "too few|cannot spare", id="too-few"),
        pytest.param(lambda f: columns(delivery(f), [0, 1, 2, 3, 5, 4]), "not in order", id="out-of-order"),
        pytest.param(
            lambda f: letter(f.server, 3, Delivered),
            "not the one that its dealer signed",
            id="meant-for-another",
        ),
        pytest.param(
            lambda f: Delivered(encode(replace(delivery(f), dealers=(0, 1, 2, 3, 4, 9)))),
            "not on the list",
            id="unknown-dealer",
        ),
    ],
)
@pytest.mark.clause("DEAL-6")
def test_a_delivery_that_is_not_what_was_dealt_is_refused(kit, change, why):
    federation = at(kit, "upload", absent=0)
    federation.refuses(change(federation), why)


def test_the_dealer_of_what_does_not_hold_is_named(kit):
    """So that people know whose machine to look at; at a place in the middle, and not the receiver itself."""
    federation = at(kit, "upload", absent=0)
    offered, liar = delivery(federation), federation.terms.members[4].node
    entry = bytearray(offered.entries)
    entry[4 * ENTRY_BYTES] ^= 1
    federation.refuses(Delivered(encode(replace(offered, entries=bytes(entry)))), f"^{liar}: ")


def test_a_delivery_of_another_round_is_refused(kit):
    federation, earlier = at(kit, "upload"), at(kit, "upload", round_="earlier")
    replayed = replace(delivery(earlier), dealings=delivery(earlier).dealings)
    federation.refuses(Delivered(encode(replayed)), "own dealing")
    mixed = list(delivery(federation).dealings)
    mixed[0] = delivery(earlier).dealings[0]
    federation.refuses(
        Delivered(encode(replace(delivery(federation), dealings=tuple(mixed)))), "another round"
    )


@pytest.mark.clause("MASK-1")
def test_counts_for_another_number_of_dealers_are_refused(kit):
    federation = at(kit, "upload")
    federation.read(OWN, Delivered)
    federation.refuses(Drawn(np.zeros(N + 1, dtype=np.int64), N - 1), "another number")
    federation.refuses(Drawn(np.zeros(N, dtype=np.int64), N), "signed integers", ValueError)
    federation.refuses(Drawn(np.zeros(N + 1, dtype=np.float64), N), "signed integers", ValueError)
