"""Whole rounds: the sum over exactly the survivors comes out, or no sum at all.

Node i counts 1 in cell i: a 2 would be a double count, a huge value a mask that was left on.
"""

import random
from datetime import timedelta
from itertools import combinations, product

import numpy as np
import pytest

from samentel.secagg.relay import Failed, Phase
from samentel.secagg.ring import Ring
from samentel.secagg.standing import Agreed, Draw, Free, Hold, Proposed, Ticked, Wipe
from samentel.secagg.standing import Phase as NodePhase
from samentel.secagg.terms import threshold

STAGES = ("advert", "dealing", "upload", "poll", "agreement", "reveal", "result")


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
def test_everybody_stays(kit, n):
    for absent in (0, 1):
        if threshold(n) <= n - absent and n - absent >= 3:
            assert kit.check(kit.federation(n, absent=absent), {}) is not None


@pytest.mark.parametrize(("n", "absent"), [(3, 0), (4, 0), (4, 1)])
@pytest.mark.clause("REVEAL-4")
def test_every_pattern_of_one_or_two_that_vanish_at_any_stage(kit, n, absent):
    # Positions matter by the sign of a mask only, so pairs are taken from the first three.
    for who in (*combinations(range(n), 1), *combinations(range(3), 2)):
        for at in product(STAGES, repeat=len(who)):
            kit.check(kit.federation(n, absent=absent), dict(zip(who, at, strict=True)))


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("stage", STAGES)
def test_one_or_more_vanish_at_a_stage(kit, n, stage):
    absent = {5: 1, 10: 3}[n]
    for count in range(1, absent + 2):
        drops = {(3 * i + 1) % n: stage for i in range(count)}
        kit.check(kit.federation(n, absent=absent), drops)


@pytest.mark.parametrize("seed", range(12))
def test_random_patterns_in_larger_federations(kit, seed):
    chance = random.Random(seed)
    n = chance.choice([12, 16, 20, 25])
    absent, collude = chance.randint(0, n // 4), chance.randint(0, 2)
    drops = {i: chance.choice(STAGES) for i in chance.sample(range(n), chance.randint(0, n // 4))}
    kit.check(kit.federation(n, absent=absent, collude=collude), drops)


def test_fifty_institutions_of_which_five_fall_out(kit):
    federation = kit.federation(50, absent=5, collude=2, ring=Ring.BITS_64)
    drops = {3: "advert", 7: "dealing", 11: "upload", 23: "poll", 31: "upload", 43: "result"}
    assert kit.check(federation, drops) is not None


def test_negative_and_large_counts_are_summed(kit):
    federation = kit.federation(4, cells=3)
    for i in range(4):
        federation.counts[i] = np.array([-(10**6) * i, i, 2**29], dtype=np.int64)
    result = federation.run()
    assert result is None or result.counts(federation.terms).tolist() == [-6 * 10**6, 6, -(2**31)]
    assert result is not None


@pytest.mark.clause("MASK-1")
def test_noise_is_drawn_for_those_who_dealt_not_for_those_who_were_invited(kit):
    federation = kit.federation(10, absent=1)
    federation.run({2: "advert", 5: "dealing"})
    draws = [
        effect for effects in federation.effects for effect in effects if isinstance(effect, Draw | Hold)
    ]
    assert {effect.dealers for effect in draws} == {8}


def test_a_member_lost_after_the_proposal_is_waited_for(kit):
    federation = kit.federation(5, absent=1)
    assert federation.run({4: "agreement"}) is None
    assert federation.server.phase is Phase.AGREEING
    federation.post(4, federation.read(4, Proposed))
    for i in range(5):
        if federation.server.phase is Phase.REVEALING:
            federation.post(i, federation.read(i, Agreed))
    assert federation.sums[0].counts(federation.terms).tolist() == [1, 1, 1, 1, 1, 0]


def test_one_that_uploaded_but_was_left_out_helps_and_pays_nothing(kit):
    federation = kit.federation(5, absent=1)
    federation.run({4: "poll"}, stop="agreement")
    federation.until(kit.DEADLINES.mask_until + timedelta(seconds=1))
    assert federation.server.phase is Phase.MASKING  # the fifth may still poll
    federation.until(kit.DEADLINES.mask_until + timedelta(minutes=1))
    assert federation.server.proposed.positions == (0, 1, 2, 3)
    assert federation.read(4, Proposed) == (Free(),)
    assert federation.clients[4].phase is NodePhase.HELPING
    for i in range(4):
        federation.post(i, federation.read(i, Proposed))
    federation.post(4, federation.read(4, Agreed))  # the helper first: its share counts
    for i in range(4):
        assert not federation.sums  # about its own mask key the helper says nothing: all four others must
        federation.post(i, federation.read(i, Agreed))
    assert federation.sums[0].counts(federation.terms).tolist() == [1, 1, 1, 1, 0, 0]


def test_a_helper_can_stand_in_for_a_survivor_that_falls_silent(kit):
    federation = kit.federation(10, absent=3)
    federation.run({7: "poll", 8: "poll", 9: "poll"}, stop="agreement")
    federation.until(kit.DEADLINES.mask_until + timedelta(hours=1))
    for i in range(10):
        federation.post(i, federation.read(i, Proposed))
    for i in (7, 8, 9, 3, 4, 5, 6, 2):  # t = 7, but a helper reveals nothing about itself
        if federation.server.phase is Phase.REVEALING:
            federation.post(i, federation.read(i, Agreed))
    assert federation.sums[0].counts(federation.terms).tolist() == [1] * 7 + [0] * 4


@pytest.mark.clause("END-1", "END-2")
def test_when_time_is_over_everybody_wipes_and_nobody_who_did_not_agree_pays(kit):
    federation = kit.federation(4, absent=1)
    federation.run({0: "upload", 1: "agreement"})
    phases = [client.phase for client in federation.clients]
    assert phases == [NodePhase.SHARED, NodePhase.MASKED, NodePhase.AGREED, NodePhase.AGREED]
    federation.until(kit.DEADLINES.expires_at + timedelta(hours=1))
    assert federation.server.phase is Phase.FAILED
    ends = [federation.tell(i, Ticked()) for i in range(4)]
    assert ends == [(Wipe(),), (Free(), Wipe()), (Wipe(),), (Wipe(),)]
    assert {client.phase for client in federation.clients} == {NodePhase.EXPIRED}
    for client in federation.clients:
        assert (client.secrets, client.peers, client.held, client.outbox) == (None, (), (), ())
    kit.check_ledgers(federation)


def test_too_few_at_the_start_end_the_round_in_words(kit):
    federation = kit.federation(4, absent=1)
    federation.run({0: "advert", 1: "advert"})
    assert any(
        isinstance(effect, Failed) and "3 are needed" in effect.why for effect in federation.server_effects
    )
