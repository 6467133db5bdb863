"""Who is in the sum, and which of its two secrets a node ever loses: pitfalls 2, 6, 7, 13, and 25."""

import io
from dataclasses import fields, replace
from datetime import timedelta
from itertools import combinations

import pytest

from samentel.errors import PeerError, Reason, Refusal
from samentel.secagg import client, shamir, tree
from samentel.secagg.encoding import decode, encode
from samentel.secagg.evidence import BadDealing, RevealedShare, proves
from samentel.secagg.messages import (
    ENTRY_BYTES,
    Agreement,
    Kind,
    Proposal,
    Reveal,
    Survivor,
    Unanimity,
    name_of,
    parse,
    sign,
)
from samentel.secagg.relay import Convicted, Polled
from samentel.secagg.relay import Phase as Gathers
from samentel.secagg.standing import Agreed, Listed, Phase, Proposed, Send, Spend
from samentel.secagg.terms import Floors, check_dealt, check_survivors, threshold
from samentel.wire.messages import LetterKind, SumPhase


def at(machines, stage, n=6, **parameters):
    """A federation in which every node waits for the letter of this stage."""
    made = machines.federation(n, **({"absent": 1, "collude": 1} | parameters))
    made.run(stop=stage)
    return made


def lists(federation, own):
    """Every way to ask for more than one secret of a peer, or about somebody who is not concerned."""
    vectors = {i: one.vector for i, one in enumerate(federation.clients)}
    everybody = list(vectors)

    def of(positions):
        survivors = tuple(Survivor(i, vectors.get(i, bytes(32))) for i in positions)
        proposal = Proposal(federation.terms.digest, federation.server.dealers, survivors)
        return sign(proposal, federation.coordinator)

    return {
        "overlap": of([*everybody, 0]),
        "twice": of([0, 0, *everybody[1:]]),
        "unknown": of([*everybody[:-1], 77]),
        "out of order": of(everybody[::-1]),
        "nobody else": of([own]),
    }


@pytest.mark.clause("REVEAL-1")
@pytest.mark.clause("AGREE-2")
def test_02_both_secrets_of_a_node_revealed(machines):
    """There is one list only; one that overlaps with itself is refused; of each peer one share leaves."""
    assert [one.name for one in fields(Proposal)] == ["terms", "dealers", "survivors"]
    assert [one.name for one in fields(Unanimity)] == ["agreements"]
    for chosen in (range(6), [0, 1, 2, 3, 4], [0, 1, 3, 4, 5]):
        made, own = at(machines, "agreement"), 2
        for wrong in lists(made, own).values():
            made.refuses(Proposed(wrong), "not in order|has not dealt|too few", own=own)
        held = {share.dealer: share for share in made.clients[own].held}
        offered = made.proposal(chosen)
        made.tell(own, offered)
        answered = made.unanimity(offered, list(chosen))
        reveal = next(one for one in made.tell(own, answered) if isinstance(one, Send))
        for dealer, shares in held.items():
            told = (shares.seed in reveal.message, shares.key in reveal.message)
            outside = own if own not in chosen else None
            assert told == ((dealer in chosen), (dealer not in chosen and dealer != outside))
        made.refuses(answered, "while revealed", own=own)


@pytest.mark.clause("REVEAL-1")
@pytest.mark.clause("STORE-4")
async def test_02_both_secrets_of_a_node_revealed_by_a_real_node(street, sums):
    """It refuses such a request, says so in its log once, and goes on with the true one."""
    made = await street()
    await made.round_to(SumPhase.AGREEING)
    house, own = made.house, made.house.position
    said = made.sum.server.proposed
    vectors = {one.position: one.vector for one in said.survivors}
    before = house.held()
    wrong = [(*said.positions, 0), (0, 0, 2, 3), (0, 1, 2, 9), (own,)]
    for positions in wrong:
        survivors = tuple(Survivor(i, vectors.get(i, bytes(32))) for i in positions)
        lie = sign(replace(said, survivors=survivors), made.kit.COORDINATOR)
        made.sum.lies[LetterKind.PROPOSAL] = lie
        house.log = io.StringIO()
        await house.again()
        assert house.log.getvalue().count("sum-refused") == 1
        assert (house.held(), house.kinds()) == (before, ["approved", "hold"])
    made.sum.lies.clear()
    held = house.opened().held
    made.sum.absent = {made.others[0].position: SumPhase.REVEALING}  # so that this node's shares are needed
    await made.finish()
    ((message, _),) = set(made.sum.sent(own, Kind.REVEAL))
    assert all((one.seed in message, one.key in message) == (True, False) for one in held)


@pytest.mark.clause("AGREE-6")
@pytest.mark.parametrize("first", range(1, 5))
def test_06_inconsistent_survivor_sets(machines, first):
    """U3 is shown to some and U3' to the others, with a member that signs both: no honest node reveals."""
    made, liar = at(machines, "agreement"), 0
    one, other = made.proposal(range(6)), made.proposal([0, 1, 2, 3, 5] if first < 4 else [0, 2, 3, 4, 5])
    shown = {i: one if i <= first else other for i in range(6)}
    signed = {one: {}, other: {}}
    for i in range(1, 6):
        for effect in made.tell(i, shown[i]):
            if isinstance(effect, Send):
                signed[shown[i]][i] = effect.message
    for proposed in (one, other):
        name = name_of(Kind.PROPOSAL, proposed.data)
        lie = Agreement(made.terms.digest, liar, name, bytes(40))
        signed[proposed][liar] = sign(lie, made.keys[liar])
    for i in range(1, 6):
        for proposed in (one, other):
            names = parse(Proposal, proposed.data).positions
            mixed = [
                signed[proposed].get(j) or signed[other if proposed is one else one].get(j) for j in names
            ]
            everything = {Agreed(encode(Unanimity(tuple(message for message in mixed if message))))}
            everything.add(Agreed(encode(Unanimity(tuple(signed[proposed].values())))))
            for bundle in everything:
                made.refuses(bundle, "another set|not every|signature", own=i)
        assert made.clients[i].phase in (Phase.AGREED, Phase.HELPING)


@pytest.mark.clause("AGREE-3")
async def test_07_two_sets_signed_in_one_round(street, sums):
    """Asked again with another set after a restart, a real node stands by the one that is on its disk."""
    made = await street()
    await made.round_to(SumPhase.AGREEING)
    house, own = made.house, made.house.position
    await house.again()
    first = set(made.sum.sent(own, Kind.AGREEMENT))
    assert len(first) == 1
    everybody = made.sum.server.proposed
    for left_out in (i for i in everybody.positions if i != own):
        fewer = tuple(one for one in everybody.survivors if one.position != left_out)
        lie = sign(replace(everybody, survivors=fewer), made.kit.COORDINATOR)
        name = name_of(Kind.PROPOSAL, lie)
        keys = {other.position: other.key for other in made.others} | {own: house.premises.signer}
        agreed = tuple(
            sign(Agreement(made.sum.terms.digest, one.position, name, bytes(40)), keys[one.position])
            for one in fewer
        )
        made.sum.lies = {LetterKind.PROPOSAL: lie, LetterKind.UNANIMITY: encode(Unanimity(agreed))}
        for phase in (SumPhase.AGREEING, SumPhase.REVEALING):
            made.sum.sum_phase = phase
            made.sum.tell()
            await house.again()
        means = client.Means(house.premises.signer, bytes, lambda _: True, made.others[0].head)
        with pytest.raises(PeerError, match="while agreed"):
            client.advance(house.opened(), Proposed(lie), sums.datetime.now(sums.UTC), means)
    assert set(made.sum.sent(own, Kind.AGREEMENT)) == first
    assert made.sum.sent(own, Kind.REVEAL) == []
    assert house.kinds() == ["approved", "hold", "spent"]
    made.sum.sum_phase = SumPhase.AGREEING
    made.sum.lies.clear()
    await made.finish()


@pytest.mark.clause("TERMS-7")
@pytest.mark.clause("TERMS-9")
def test_13_n_small_and_a_sum_of_one(machines):
    """Fewer than three never; and nobody signs a set that leaves less than two beside the colluders."""
    for n in (1, 2):
        for minimum in (0, 1, 2):
            with pytest.raises(Refusal) as refused:
                client.announce(machines.terms(n, minimum=minimum), "node-0000", Floors(1, 0))
            assert refused.value.reason is Reason.PARAMETER_BELOW_FLOOR
    for n in range(3, 12):
        for collude in range(n):
            terms = machines.terms(n, collude=collude, minimum=3)
            try:
                client.announce(terms, "node-0000", Floors(1, 0))
            except Refusal:
                assert n - collude < 2 or collude >= 2 * threshold(n) - n
                continue
            for m in range(n + 1):
                if m - collude < 2 or m < 3:
                    with pytest.raises(PeerError):
                        check_survivors(terms, range(n), range(m))
                    with pytest.raises(PeerError):
                        check_dealt(terms, n, m)
    made = at(machines, "agreement", n=5, collude=2, absent=0)
    for m in range(5):
        for members in combinations(range(5), m):
            if 2 in members:
                made.refuses(made.proposal(members), "too few", own=2)
    assert isinstance(made.tell(2, made.proposal(range(5)))[0], Spend)


LIAR = 1


def dealt_wrongly(machines, monkeypatch, which, lie):
    """The member deals shares that are not those of one secret; everybody, it too, agrees to the sum."""
    made = at(machines, "dealing")
    calls, real = [], shamir.split

    def lying(secret, t, points, draw):
        calls.append(secret)
        shares = real(secret, t, points, draw)
        return lie(shares, real(secret, t, points, draw)) if len(calls) == which + 1 else shares

    with monkeypatch.context() as patch:
        patch.setattr("samentel.secagg.dealing.split", lying)
        made.post(LIAR, made.read(LIAR, Listed))
    for i in set(range(6)) - {LIAR}:
        made.post(i, made.read(i, Listed))
    for i in range(6):
        made.post(i, made.count(i))
    for i in range(6):
        if which == 0 or i != LIAR:
            made.serve(Polled(i))
    made.close(Gathers.MASKING, machines.DEADLINES.mask_until + timedelta(minutes=1))
    for i in range(6):
        made.post(i, made.read(i, Proposed))
    for i in set(range(6)) - {LIAR}:  # it has agreed, and says nothing more
        made.post(i, made.read(i, Agreed))
    return made


def half_and_half(shares, others):
    return {point: (shares if point % 2 else others)[point] for point in shares}


def one_off(shares, _):
    last = max(shares)
    return shares | {last: (int.from_bytes(shares[last], "big") ^ 1).to_bytes(33, "big")}


@pytest.mark.clause("REVEAL-5")
@pytest.mark.parametrize("which", [0, 1], ids=["seed", "mask-key"])
@pytest.mark.parametrize("lie", [half_and_half, one_off])
def test_25_inconsistent_dealing(machines, monkeypatch, which, lie):
    """The dealer's signature proves it, to whoever has the round's documents and these bytes alone."""
    made = dealt_wrongly(machines, monkeypatch, which, lie)
    assert made.clients[LIAR].phase is (Phase.AGREED if which == 0 else Phase.HELPING)
    assert not made.sums
    (convicted,) = [effect for effect in made.server_effects if isinstance(effect, Convicted)]
    assert (convicted.evidence.dealer, convicted.evidence.which) == (LIAR, which)

    judge = machines.terms(6, absent=1, collude=1)  # derived anew from the signed documents
    brought = decode(BadDealing, encode(convicted.evidence))
    assert proves(judge, brought)
    with pytest.raises(PeerError, match="another round"):
        proves(machines.terms(6, absent=1, collude=1, round_="another"), brought)
    for accused in set(range(6)) - {LIAR}:
        with pytest.raises(PeerError, match="signature"):
            proves(judge, replace(brought, dealer=accused))


def accusation(server, which, dealer):
    """What a coordinator can bring against a dealer: the first t shares that helpers have revealed."""
    posted = {kind: server.posted(kind)[dealer] for kind in (Kind.ADVERT, Kind.DEALING)}
    rows, inside, shares = posted[Kind.DEALING].attachment, server.proposed.positions, []
    for helper in server.reveals:
        said, index = parse(Reveal, helper.message), server.listed.index(helper.sender)
        outside = [i for i in server.dealt if i not in inside and i != helper.sender]
        about, told = ((inside, said.seeds), (outside, said.keys))[which]
        if dealer in about:
            at_ = about.index(dealer) * shamir.SHARE_BYTES
            entry = rows[index * ENTRY_BYTES : (index + 1) * ENTRY_BYTES]
            steps = tree.path(rows, ENTRY_BYTES, index)
            share = told[at_ : at_ + shamir.SHARE_BYTES]
            shares.append(RevealedShare(helper.sender, index, entry, steps, share))
    first = tuple(shares[: threshold(len(server.listed))])
    return BadDealing(dealer, which, posted[Kind.ADVERT].message, posted[Kind.DEALING].message, first)


@pytest.mark.clause("REVEAL-5")
def test_25_inconsistent_dealing_is_never_proven_of_an_honest_dealer(machines):
    """Whatever the coordinator picks of all that it holds, for either secret, and whatever it changes."""
    made = at(machines, "never", n=7, absent=2, collude=0)
    assert made.sums
    lost = machines.federation(7, absent=2)
    lost.run({6: "poll"})
    assert lost.sums
    for federation, which, dealers in ((made, 0, range(7)), (lost, 1, (6,))):
        for dealer in dealers:
            evidence = accusation(federation.server, which, dealer)
            assert not proves(federation.terms, evidence)
            for at_, share in enumerate(evidence.shares):
                bad = replace(share, share=bytes([share.share[0]]) + bytes(31) + b"\1")
                shares = (*evidence.shares[:at_], bad, *evidence.shares[at_ + 1 :])
                with pytest.raises(PeerError, match="was dealt"):
                    proves(federation.terms, replace(evidence, shares=shares))
            for fewer in (evidence.shares[1:], (evidence.shares[0],) * len(evidence.shares)):
                with pytest.raises(PeerError, match="another number"):
                    proves(federation.terms, replace(evidence, shares=fewer))
            for other in set(range(7)) - {dealer}:
                posted = {one.sender: one.message for one in federation.server.dealings}
                with pytest.raises(PeerError):
                    proves(federation.terms, replace(evidence, dealing=posted[other]))
            with pytest.raises(PeerError, match="was dealt"):
                proves(federation.terms, replace(evidence, which=1 - which))
