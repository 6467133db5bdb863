"""Whoever vanishes, and however many there are, exactly the survivors' sum comes out: pitfalls 5, 20, 22."""

from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
import pytest

from node import receipts
from samentel.errors import LocalFault, PeerError, Refusal
from samentel.secagg import client, dossier
from samentel.secagg.masks import masked, pair_keys, seed_key, unmask
from samentel.secagg.primitives import agreement_public
from samentel.secagg.ring import Ring, centred
from samentel.secagg.standing import Ticked
from samentel.secagg.terms import Floors, check_listed, threshold
from samentel.wire.messages import SumPhase

STAGES = ("advert", "dealing", "upload", "poll", "agreement", "reveal", "result")


def allowed(machines, n):
    """Every D that a federation of n can carry."""
    for absent in range(n):
        try:
            check_listed(machines.terms(n, absent=absent), range(n))
        except PeerError:
            return
        yield absent


@pytest.mark.clause("REVEAL-4")
@pytest.mark.usefixtures("verified_once")
@pytest.mark.parametrize("n", [3, 4, 5, 10])
def test_05_dropout_before_upload_breaks_the_round(machines, light, n):
    """0, 1, D and D + 1 vanish before each message; ``check`` says when a sum must come, and which.

    Of three and of four each one vanishes alone; of more the row of those who do moves on with every case.
    """
    first = 0
    for absent in sorted({0, max(allowed(machines, n))}):
        machines.check(light(n, absent=absent), {})
        for stage, drops in product(STAGES, sorted({1, absent, absent + 1} - {0})):
            for _ in range(n if drops == 1 and n < 5 else 1):
                first += 1
                gone = {(first + 3 * i) % n: stage for i in range(drops)}
                machines.check(light(n, absent=absent), gone)


@pytest.mark.clause("REVEAL-4")
@pytest.mark.system
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("verified_once")
@pytest.mark.parametrize("n", [5, 10])
def test_05_dropout_before_upload_breaks_the_round_whoever_it_is(machines, light, n):
    """Each one vanishes alone before each message, where nobody may fall out and where most may."""
    for absent in sorted({0, max(allowed(machines, n))}):
        for stage, gone in product(STAGES, range(n)):
            machines.check(light(n, absent=absent), {gone: stage})


@pytest.mark.clause("REVEAL-4")
@pytest.mark.clause("TERMS-9")
@pytest.mark.usefixtures("verified_once")
def test_20_works_for_two_or_three_nodes_only(machines, light):
    """Two are refused: each would see the other. From three to twelve the sum is right, with one lost too."""
    with pytest.raises(Refusal, match="too small"):
        client.announce(machines.terms(2, minimum=2), "node-0000", Floors(2, 0))
    for n in range(3, 13):
        absent = min(1, max(allowed(machines, n)))
        assert machines.check(light(n, absent=absent), {}) is not None
        if absent:
            assert machines.check(light(n, absent=absent), {n // 2: "poll"}) is not None


def masks_alone(n, terms, cells=5):
    """The masks of n dealers of whom the last falls out, by rule alone: two of them as well."""
    private = [bytes([1 + i % 250, i // 250]) * 16 for i in range(n)]
    publics = {i: agreement_public(one) for i, one in enumerate(private)}
    seeds = [seed_key(bytes([7]) * 31 + bytes([i % 256]), terms, i) for i in range(n)]
    total = np.zeros(cells, dtype=Ring.BITS_32.dtype)
    orphans = []
    for own in range(n):
        keys = pair_keys(private[own], {i: key for i, key in publics.items() if i != own}, terms, own)
        vector = masked(np.full(cells, own - 1, dtype=np.int64), Ring.BITS_32, seeds[own], own, keys)
        if own < n - 1:
            total += vector
            orphans.append((own, n - 1, keys[n - 1]))
    unmask(total, seeds[: n - 1], orphans)
    assert centred(total, Ring.BITS_32).tolist() == [sum(own - 1 for own in range(n - 1))] * cells


@pytest.mark.clause("MASK-2")
def test_20_works_for_two_or_three_nodes_only_in_the_masks_themselves(machines):
    terms = machines.terms(3)
    for n in (*range(2, 13), 50):
        masks_alone(n, terms)


@pytest.mark.clause("MASK-2")
@pytest.mark.soak
@pytest.mark.timeout(900)
def test_20_works_for_two_or_three_nodes_only_in_the_masks_of_a_thousand(machines):
    """All 999,000 keys of pairs, each made by both of the pair."""
    masks_alone(1000, machines.terms(3))


@pytest.mark.system
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("n", "absent"), [(50, 0), (50, 5), (100, 0), (100, 10)])
def test_20_works_for_fifty_and_a_hundred_nodes(machines, light, n, absent):
    """And for fifty with every state through its bytes."""
    make = light if n > 50 else machines.federation
    assert machines.check(make(n, absent=absent), {}) is not None
    if absent:
        gone = {(7 * i) % n: STAGES[2 + i % 2] for i in range(absent)}
        assert len(gone) == absent
        assert threshold(n) <= n - absent
        assert machines.check(make(n, absent=absent), gone) is not None


@pytest.mark.clause("AGREE-1")
async def test_22_pseudo_dropout(street, kit, short_path):
    """A node that is left out though it is up learns the set; the coordinator's own receipt proves it."""
    made = await street()
    await made.round_to(SumPhase.MASKING)
    house = made.house
    await house.again()
    assert house.record().receipt is not None
    with pytest.raises(LocalFault, match="no such round"):
        receipts.write_complaint(house.premises.config, house.record().round_id, short_path / "early")
    for other in [*made.others, *made.others]:
        other.act()
    made.sum.serve(Ticked(), datetime.now(UTC) + timedelta(minutes=31))
    await house.again()
    assert house.position not in house.opened().survivors
    assert house.kinds() == ["approved", "hold", "freed"]

    receipts.write_complaint(house.premises.config, house.record().round_id, short_path / "complaint")
    authority = [key.public for key in kit.AUTHORITY]
    brought = dossier.read((short_path / "complaint").read_bytes())
    finding = dossier.judge(brought, authority, len(authority))
    assert (finding.kind, finding.node, finding.shown) == ("left-out", house.name, True)
    strangers = [key.public for key in kit.OTHERS]
    with pytest.raises(PeerError):
        dossier.judge(brought, strangers, len(authority))


async def test_22_pseudo_dropout_is_not_proven_by_who_is_in_the_sum(street, short_path):
    made = await street()
    await made.round_to(SumPhase.REVEALING)
    await made.finish()
    await made.house.again()
    assert made.house.record().receipt is not None
    with pytest.raises(LocalFault, match="no such round"):
        receipts.write_complaint(made.house.premises.config, made.sum.round.round_id, short_path / "file")
