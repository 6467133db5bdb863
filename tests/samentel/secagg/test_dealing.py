import pytest

from samentel.errors import PeerError
from samentel.secagg.dealing import (
    KEY,
    SEED,
    Secrets,
    check_entry,
    check_share,
    deal,
    entry_header,
    open_entry,
)
from samentel.secagg.messages import ENTRY_BYTES
from samentel.secagg.primitives import agree, agreement_public
from samentel.secagg.shamir import combine
from samentel.secagg.terms import point
from samentel.secagg.tree import path

LISTING = b"\x11" * 32


def dealt(kit, n=5):
    terms = kit.terms(n)
    privates = {i: bytes([i + 1]) * 32 for i in range(n)}
    secrets = Secrets(privates[0], b"\x21" * 32, b"\x22" * 32)
    agreed = agree(privates[0], [agreement_public(private) for private in privates.values()])
    channels = dict(zip(range(n), agreed, strict=True))
    dealing, rows = deal(terms, LISTING, 0, secrets, channels, kit.stream("dealing"))
    entries = [rows[i * ENTRY_BYTES : (i + 1) * ENTRY_BYTES] for i in range(n)]
    return terms, secrets, channels, dealing, rows, entries


@pytest.mark.clause("DEAL-3")
def test_what_is_dealt_is_opened_by_its_receivers_and_gives_both_secrets(kit):
    terms, secrets, channels, dealing, rows, entries = dealt(kit)
    pairs = {i: open_entry(terms, LISTING, 0, i, entries[i], channels[i]) for i in range(5)}
    for i in range(5):
        check_entry(dealing, i, entries[i], path(rows, ENTRY_BYTES, i))
    some = (0, 1, 3, 4)
    assert combine({point(i): pairs[i][SEED] for i in some}) == secrets.seed
    assert combine({point(i): pairs[i][KEY] for i in some}) == secrets.mask


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"listing": b"\x12" * 32}, id="another-list"),
        pytest.param({"dealer": 2}, id="another-dealer"),
        pytest.param({"receiver": 2}, id="another-receiver"),
        pytest.param({"secret": bytes(32)}, id="another-channel"),
        pytest.param({"round": "replayed"}, id="another-round"),
    ],
)
@pytest.mark.clause("KEY-7")
def test_an_entry_opens_only_where_it_belongs(kit, wrong):
    terms, _, channels, _, _, entries = dealt(kit)
    where = {"listing": LISTING, "dealer": 0, "receiver": 1, "secret": channels[1]} | wrong
    if "round" in wrong:
        terms = kit.terms(5, round_=where.pop("round"))
    with pytest.raises(PeerError, match="changed on its way"):
        open_entry(terms, where["listing"], where["dealer"], where["receiver"], entries[1], where["secret"])


@pytest.mark.parametrize("at", [0, 40, 81])
def test_a_changed_ciphertext_does_not_open(kit, at):
    terms, _, channels, _, _, entries = dealt(kit)
    broken = bytearray(entries[1])
    broken[at] ^= 1
    with pytest.raises(PeerError, match="changed on its way"):
        open_entry(terms, LISTING, 0, 1, bytes(broken), channels[1])


@pytest.mark.parametrize("at", [82, 114])
def test_a_commitment_to_another_share_is_noticed_at_once(kit, at):
    terms, _, channels, _, _, entries = dealt(kit)
    broken = bytearray(entries[1])
    broken[at] ^= 1
    with pytest.raises(PeerError, match="not the one that was dealt"):
        open_entry(terms, LISTING, 0, 1, bytes(broken), channels[1])


def test_a_share_of_one_secret_cannot_be_revealed_for_the_other(kit):
    terms, _, channels, _, _, entries = dealt(kit)
    seed, key = open_entry(terms, LISTING, 0, 1, entries[1], channels[1])
    header = entry_header(terms, LISTING, 0, 1)
    check_share(header, entries[1], SEED, seed)
    check_share(header, entries[1], KEY, key)
    for which, share in ((SEED, key), (KEY, seed)):
        with pytest.raises(PeerError, match="not the one that was dealt"):
            check_share(header, entries[1], which, share)


@pytest.mark.clause("KEY-2")
def test_every_message_is_encrypted_under_its_own_key(kit):
    """A fixed nonce is safe only so: no two ciphertexts may share a key stream."""
    _, _, _, _, _, entries = dealt(kit)
    assert len({entry[:66] for entry in entries}) == 5
    assert repr(Secrets(bytes(32), bytes(32), bytes(32))).startswith("<samentel")
