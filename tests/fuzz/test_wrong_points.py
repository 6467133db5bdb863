"""Points and signatures that a library may take for good ones: low order, not canonical, off the curve."""

from dataclasses import replace

import fuzzed_seeds as seeds
import pytest

from samentel.documents.keys import VerifyKey
from samentel.errors import PeerError
from samentel.secagg import client, server
from samentel.secagg import messages as m
from samentel.secagg.encoding import encode
from samentel.secagg.primitives import agree
from samentel.secagg.relay import Arrived
from samentel.secagg.standing import Listed

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493  # of the base point of Ed25519
# u of order 8 on Curve25519, as D. J. Bernstein lists them ("Curve25519", section on contributory behaviour).
U8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
LOW = {f"{u:#x}": u for u in (0, 1, *U8, P - 1, P, P + 1)}
# The same points with the highest bit set: X25519 does not look at it (RFC 7748, section 5).
POINTS = {name: u.to_bytes(32, "little") for name, u in LOW.items()} | {
    f"{name} and 2**255": (u + 2**255).to_bytes(32, "little") for name, u in LOW.items()
}
BY_NAME = [pytest.param(point, id=name) for name, point in POINTS.items()]


def adverts_with(made, sender, **points):
    """The list of keys in which one member shows others than it sent, well signed."""
    listing = m.open_bundle(m.Listing, seeds.letter(made, Listed))
    adverts = list(listing.adverts)
    at = listing.positions.index(sender)
    adverts[at] = m.sign(replace(m.parse(m.Advert, adverts[at]), **points), made.keys[sender])
    return Listed(encode(replace(listing, adverts=tuple(adverts))))


@pytest.mark.parametrize("point", BY_NAME)
def test_no_secret_is_agreed_with_a_point_of_low_order(point):
    with pytest.raises(PeerError, match="not a usable point"):
        agree(bytes(range(32)), [point])


@pytest.mark.parametrize("point", [b"", bytes(31), bytes(33)], ids=len)
def test_no_secret_is_agreed_with_what_is_no_point(point):
    with pytest.raises(PeerError, match="not a usable point"):
        agree(bytes(range(32)), [point])


@pytest.mark.parametrize("field", ["channel", "mask"])
@pytest.mark.parametrize("point", BY_NAME)
def test_the_coordinator_takes_no_key_of_low_order(point, field):
    made, honest = seeds.waiting()[0]
    advert = replace(m.parse(m.Advert, honest.message), **{field: point})
    arrived = Arrived(m.Kind.ADVERT, seeds.LAST, m.sign(advert, made.keys[seeds.LAST]), honest.attachment)
    with pytest.raises(PeerError, match="not a usable point"):
        server.advance(made.server, arrived, made.now, made.coordinator)


@pytest.mark.parametrize("field", ["channel", "mask"])
@pytest.mark.parametrize("point", BY_NAME)
def test_a_node_takes_no_list_with_a_key_of_low_order_whoever_let_it_in(point, field):
    made = seeds.federation("dealing")
    state = made.clients[seeds.OWN]
    event = adverts_with(made, seeds.LAST, **{field: point})
    with pytest.raises(PeerError, match="not a usable point"):
        client.advance(state, event, made.now, made.means(seeds.OWN))


def test_the_same_list_with_an_honest_key_is_taken():
    made = seeds.federation("dealing")
    event = adverts_with(made, seeds.LAST)
    after, _ = client.advance(made.clients[seeds.OWN], event, made.now, made.means(seeds.OWN))
    assert after.phase is client.Phase.SHARED


# Ed25519.


def scalar(number):
    return number.to_bytes(32, "little")


@pytest.mark.parametrize("times", range(1, 16))
def test_a_signature_has_one_form(times):
    """Without a bound on S, anybody makes a second signature out of the first: S plus the order."""
    key, message = seeds.secagg().key("node 1"), b"a message"
    good = key.sign(message)
    more = int.from_bytes(good[32:], "little") + times * ORDER
    assert key.public.verifies(good, message)
    if more < 2**256:
        assert not key.public.verifies(good[:32] + scalar(more), message)


Y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022
SMALL = [
    pytest.param(scalar(y | sign << 255), id=f"{y:#x} {sign}")
    for y in (0, 1, Y8, P - Y8, P - 1, P, P + 1)
    for sign in (0, 1)
]


@pytest.mark.parametrize("key", SMALL)
def test_nothing_is_signed_under_a_key_of_small_order(key):
    """Under such a key a point of small order and S = 0 hold for about every eighth message."""
    points = [param.values[0] for param in SMALL]
    for number in range(16):
        assert not any(VerifyKey(key).verifies(point + bytes(32), b"%d" % number) for point in points)


@pytest.mark.parametrize("point", SMALL)
def test_an_honest_key_has_no_signature_with_a_point_of_small_order(point):
    key = seeds.secagg().key("node 1").public
    assert not any(key.verifies(point + scalar(s), b"a message") for s in (0, 1, ORDER - 1, ORDER))


@pytest.mark.parametrize("key", [scalar(2), scalar(2**255 - 1), b"\xff" * 32], ids=lambda key: key[:2].hex())
def test_a_key_that_is_no_point_verifies_nothing(key):
    assert not VerifyKey(key).verifies(bytes(64), b"a message")
