import hashlib
import hmac
from itertools import permutations

import numpy as np
import pytest

from samentel.secagg.masks import channel_key, masked, pair_keys, seed_commitment, seed_key, unmask
from samentel.secagg.primitives import agree, agreement_public
from samentel.secagg.ring import Ring, centred


def privates(n):
    return [bytes([i + 1]) * 32 for i in range(n)]


def keys_of(terms, own, n):
    publics = {i: agreement_public(private) for i, private in enumerate(privates(n)) if i != own}
    return pair_keys(privates(n)[own], publics, terms, own)


@pytest.mark.parametrize("ring", Ring)
@pytest.mark.parametrize("n", [2, 3, 4, 5, 12])
@pytest.mark.clause("MASK-2")
def test_the_masks_of_a_complete_round_add_up_to_the_own_masks_alone(kit, n, ring):
    terms = kit.terms(12)
    seeds = [seed_key(bytes([100 + i]) * 32, terms, i) for i in range(n)]
    total = np.zeros(9, dtype=ring.dtype)
    for own in range(n):
        vector = masked(np.zeros(9, dtype=np.int64), ring, seeds[own], own, keys_of(terms, own, n))
        assert np.count_nonzero(vector) == 9
        total += vector
    assert np.count_nonzero(total) == 9
    unmask(total, seeds, [])
    assert not total.any()


@pytest.mark.clause("KEY-9")
def test_negative_counts_come_back(kit):
    terms, counts = kit.terms(3), np.array([-5, 0, 7], dtype=np.int64)
    vector = masked(counts, Ring.BITS_32, bytes(32), 0, keys_of(terms, 0, 3))
    orphans = [(0, other, key) for other, key in keys_of(terms, 0, 3).items()]
    unmask(vector, [bytes(32)], orphans)
    assert (centred(vector, Ring.BITS_32) == counts).all()


@pytest.mark.clause("KEY-3")
def test_both_ends_derive_the_same_mask_key_and_no_two_pairs_do(kit):
    terms, n = kit.terms(12), 12
    keys = [keys_of(terms, own, n) for own in range(n)]
    assert all(keys[i][j] == keys[j][i] for i, j in permutations(range(n), 2))
    assert len({key for of in keys for key in of.values()}) == n * (n - 1) // 2


@pytest.mark.clause("KEY-1")
def test_every_purpose_round_and_direction_has_its_own_key(kit):
    one, other = kit.terms(3), kit.terms(3, round_="another")
    secret = bytes(32)
    keys = [channel_key(secret, terms, *way) for terms in (one, other) for way in ((0, 1), (1, 0), (0, 2))]
    keys += [seed_key(secret, terms, owner) for terms in (one, other) for owner in (0, 1)]
    keys += [seed_commitment(secret, terms, owner) for terms in (one, other) for owner in (0, 1)]
    keys += [keys_of(terms, 0, 3)[1] for terms in (one, other)]
    assert len(set(keys)) == len(keys)


def hkdf(secret, info):
    """RFC 5869 by hand, one block."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def test_known_answers(kit):
    """A change of a label, of the encoding of the terms or of an order leaves two versions unable to talk."""
    terms = kit.terms(3)
    assert terms.digest.hex()[:16] == "08619e74a7594ba4"
    prefix = {
        purpose: f"samentel/v1/secagg/{purpose}/".encode() + terms.digest + b"/"
        for purpose in ("channel", "pair-mask", "self-mask", "seed")
    }
    agreed = agree(privates(3)[2], [agreement_public(privates(3)[0])])[0]
    assert channel_key(bytes(32), terms, 2, 1) == hkdf(
        bytes(32), prefix["channel"] + bytes.fromhex("0000000200000001")
    )
    assert keys_of(terms, 2, 3)[0] == hkdf(agreed, prefix["pair-mask"] + bytes.fromhex("0000000000000002"))
    assert seed_key(bytes(32), terms, 2) == hkdf(bytes(32), prefix["self-mask"] + bytes.fromhex("00000002"))
    committed = hashlib.sha256(prefix["seed"] + bytes.fromhex("00000002") + bytes(32)).digest()
    assert seed_commitment(bytes(32), terms, 2) == committed
