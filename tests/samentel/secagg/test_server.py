"""What the coordinator refuses and proves; each refused message leaves its state as it was."""

from dataclasses import replace
from datetime import timedelta

import pytest

from samentel.counting.ledger import EMPTY, Head
from samentel.errors import PeerError
from samentel.ids import digest
from samentel.secagg import server
from samentel.secagg.dealing import KEY, SEED
from samentel.secagg.encoding import encode
from samentel.secagg.evidence import proves
from samentel.secagg.masks import seed_commitment
from samentel.secagg.messages import (
    ENTRIES_MOST,
    Advert,
    Agreement,
    Dealing,
    Kind,
    Reveal,
    Upload,
    parse,
    sign,
)
from samentel.secagg.primitives import agreement_public
from samentel.secagg.relay import Arrived, Convicted, Failed, Phase, Polled, Posted, Summed
from samentel.secagg.shamir import split
from samentel.secagg.standing import Agreed, Closed, Listed, Proposed, Resulted, Send, Ticked
from samentel.secagg.unmasking import _proof, _revealed

N, LIAR = 6, 1


def refused(federation, event, why):
    before = federation.server
    kept = encode(before)
    with pytest.raises(PeerError, match=why):
        federation.serve(event)
    assert federation.server is before
    assert encode(before) == kept


def prepared(federation, i, kind, letter=None):
    """What a node would send next, not yet sent."""
    effects = federation.count(i) if kind is Kind.UPLOAD else federation.read(i, letter)
    (send,) = [effect for effect in effects if isinstance(effect, Send)]
    return Arrived(kind, i, send.message, send.attachment)


def changed(federation, event, model, attachment=None, signer=None, **fields):
    """The same message with other fields, signed anew."""
    message = replace(parse(model, event.message), **fields)
    key = federation.keys[event.sender if signer is None else signer]
    return Arrived(
        event.kind, event.sender, sign(message, key), event.attachment if attachment is None else attachment
    )


@pytest.mark.clause("ADV-4")
def test_adverts_that_do_not_hold_are_refused(kit):
    federation = kit.federation(N, absent=1)
    federation.join(0)
    good = federation.clients[0].outbox[0]
    first = parse(Advert, good.message)
    mine = Arrived(
        Kind.ADVERT,
        1,
        sign(
            replace(
                first, sender=1, channel=agreement_public(b"\x08" * 32), mask=agreement_public(b"\x09" * 32)
            ),
            federation.keys[1],
        ),
        good.attachment,
    )
    for event, why in [
        (replace(mine, sender=2), "signature"),
        (replace(mine, sender=99), "not present"),
        (changed(federation, mine, Advert, mask=bytes(32)), "usable point"),
        (changed(federation, mine, Advert, mask=first.channel), "used twice"),
        (changed(federation, mine, Advert, channel=parse(Advert, mine.message).mask), "used twice"),
        (changed(federation, mine, Advert, attachment=bytes(40 * N - 1)), "not those that the sender signed"),
        (changed(federation, mine, Advert, attachment=b"\x01" * 40 * N), "not those that the sender signed"),
        (replace(mine, kind=Kind.UPLOAD), "upload while advertising"),
        (replace(mine, kind=Kind.RESULT), "result while advertising"),
        (
            changed(
                federation,
                Arrived(Kind.ADVERT, 0, good.message, good.attachment),
                Advert,
                mask=agreement_public(b"\x08" * 32),
            ),
            "a second, different advert",
        ),
    ]:
        refused(federation, event, why)
    federation.serve(mine)


@pytest.mark.parametrize("length", [ENTRIES_MOST, 1 << 63])
def test_an_advert_with_a_head_that_cannot_be_is_refused_for_the_sake_of_whom_it_is_about(kit, length):
    liar = Head(length, digest(b"made up"))
    heads = {LIAR: (*(EMPTY,) * (N - 1), liar)}
    federation = kit.federation(N, absent=1, heads=heads)
    with pytest.raises(PeerError, match="more entries than a ledger can have"):
        federation.join(LIAR)
    assert not federation.server.adverts
    # A coordinator that passes it on all the same: the one it is about says who signed it.
    for i in set(range(N)) - {LIAR}:
        federation.join(i)
    send = federation.clients[LIAR].outbox[0]
    posted = Posted(LIAR, send.message, send.attachment)
    adverts = tuple(sorted((*federation.server.adverts, posted), key=lambda one: one.sender))
    federation.server = replace(federation.server, adverts=adverts, phase=Phase.SHARING)
    with pytest.raises(PeerError, match="node-0001: a ledger head names more entries"):
        federation.read(N - 1, Listed)


@pytest.mark.clause("MASK-5")
def test_a_message_sent_again_changes_nothing(kit):
    federation = kit.federation(4)
    federation.run(stop="agreement")
    for i in range(4):
        for send in federation.clients[i].outbox:
            before = federation.server
            assert federation.serve(Arrived(send.kind, i, send.message, send.attachment)) == ()
            assert federation.server == before


@pytest.mark.clause("DEAL-5", "MASK-4")
def test_dealings_and_uploads_that_do_not_hold_are_refused(kit):
    federation = kit.federation(N, absent=1)
    federation.run(stop="dealing")
    good = prepared(federation, LIAR, Kind.DEALING, Listed)
    for event, why in [
        (changed(federation, good, Dealing, listing=bytes(32)), "another list"),
        (changed(federation, good, Dealing, count=5), "another list"),
        (
            changed(federation, good, Dealing, attachment=good.attachment[:-146]),
            "not those that the sender signed",
        ),
        (changed(federation, good, Dealing, signer=2), "signature"),
        (changed(federation, good, Dealing, terms=bytes(32)), "another round"),
    ]:
        refused(federation, event, why)
    federation.serve(good)
    for i in set(range(N)) - {LIAR}:
        federation.post(i, federation.read(i, Listed))
    good = prepared(federation, LIAR, Kind.UPLOAD)
    for event, why in [
        (changed(federation, good, Upload, dealers=bytes(32)), "other dealers"),
        (changed(federation, good, Upload, vector=bytes(32)), "not those that the sender signed"),
        (changed(federation, good, Upload, length=4), "bytes were expected"),
        (changed(federation, good, Upload, attachment=good.attachment + bytes(4)), "bytes were expected"),
    ]:
        refused(federation, event, why)
    federation.serve(good)
    other = bytes([good.attachment[0] ^ 1]) + good.attachment[1:]
    refused(federation, replace(good, attachment=other), "a second, different upload")


@pytest.mark.clause("REVEAL-3")
def test_agreements_and_shares_that_do_not_hold_are_refused(kit):
    federation = kit.federation(N, absent=1)
    federation.run({5: "poll"}, stop="agreement")
    federation.until(kit.DEADLINES.mask_until + timedelta(minutes=1))
    good = prepared(federation, LIAR, Kind.AGREEMENT, Proposed)
    refused(federation, changed(federation, good, Agreement, survivors=bytes(32)), "another set")
    refused(federation, replace(good, sender=5), "outside the set")
    for length in (ENTRIES_MOST + 1, 1 << 63):  # beyond what others can keep
        head = length.to_bytes(8, "big") + bytes(32)
        refused(federation, changed(federation, good, Agreement, head=head), "more entries")
    federation.serve(good)
    for i in (0, 2, 3, 4):
        federation.post(i, federation.read(i, Proposed))
    good = prepared(federation, LIAR, Kind.REVEAL, Agreed)
    reveal = parse(Reveal, good.message)
    flipped = bytes([reveal.seeds[0]]) + bytes([reveal.seeds[1] ^ 1]) + reveal.seeds[2:]
    for event, why in [
        (changed(federation, good, Reveal, survivors=bytes(32)), "another set"),
        (changed(federation, good, Reveal, seeds=flipped), "not the one that was dealt"),
        (changed(federation, good, Reveal, keys=bytes(33)), "not the one that was dealt"),
        (changed(federation, good, Reveal, seeds=reveal.seeds + reveal.seeds[:33]), "other shares"),
        (changed(federation, good, Reveal, keys=reveal.keys * 2), "other shares"),
        (changed(federation, good, Reveal, keys=b""), "other shares"),
        (changed(federation, good, Reveal, signer=0), "signature"),
    ]:
        refused(federation, event, why)
    federation.serve(good)


@pytest.mark.clause("AGREE-1")
def test_survivors_are_proposed_only_once_they_have_polled_since_the_last_upload(kit):
    federation = kit.federation(4, absent=1)
    federation.run({3: "upload"}, stop="upload")
    for i in range(3):
        federation.post(i, federation.count(i))
        federation.serve(Polled(i))
    assert federation.server.phase is Phase.MASKING  # the fourth may still come
    federation.post(3, federation.count(3))
    assert federation.server.polled == ()
    for i in (0, 1, 3):
        federation.serve(Polled(i))
    assert federation.server.phase is Phase.MASKING  # the third has not been heard of since
    federation.until(kit.DEADLINES.mask_until + timedelta(seconds=1))
    assert federation.server.phase is Phase.MASKING  # and has the time of one poll
    federation.until(kit.DEADLINES.mask_until + timedelta(seconds=31))
    assert federation.server.proposed.positions == (0, 1, 3)


def test_a_second_proposal_is_never_made(kit):
    federation = kit.federation(4, absent=1)
    federation.run(stop="agreement")
    proposal = federation.server.proposal
    for event in (Polled(0), Ticked(), Polled(3)):
        federation.serve(event)
    federation.until(kit.DEADLINES.mask_until + timedelta(days=1))
    assert federation.server.proposal == proposal


def test_too_few_awake_are_waited_for_until_the_round_expires(kit):
    federation = kit.federation(4, absent=1)
    federation.run({2: "poll", 3: "poll"}, stop="agreement")
    federation.until(kit.DEADLINES.mask_until + timedelta(hours=5))
    assert federation.server.phase is Phase.MASKING
    federation.serve(Polled(2))
    assert federation.server.proposed.positions == (0, 1, 2)
    federation.until(kit.DEADLINES.expires_at + timedelta(seconds=1))
    assert federation.server.phase is Phase.FAILED


def test_giving_up_is_an_act_of_its_own(kit):
    federation = kit.federation(4)
    federation.run(stop="agreement")
    effects = federation.serve(Closed())
    assert effects[0] == Failed("given up by the coordinator")
    refused(federation, Arrived(Kind.AGREEMENT, 0, bytes(100)), "is over")
    assert server.advance(federation.server, Polled(0), federation.now, federation.coordinator)[1] == ()


def test_what_comes_after_the_sum_changes_nothing(kit):
    federation = kit.federation(4)
    federation.run({3: "reveal"})
    assert isinstance(federation.sums[0], Summed)
    late = prepared(federation, 3, Kind.REVEAL, Agreed)
    refused(federation, late, "is over")
    assert federation.read(3, Resulted)


@pytest.mark.parametrize("which", [SEED, KEY])
@pytest.mark.clause("REVEAL-5")
def test_a_dealer_whose_shares_do_not_fit_is_proven_from_its_own_signature(kit, which, monkeypatch):
    federation = kit.federation(N, absent=1)
    federation.run(stop="dealing")
    real = split
    calls = []

    def lying(secret, t, points, draw):
        calls.append(secret)
        wrong = len(calls) == which + 1
        return real(b"\x0a" * 32 if wrong else secret, t, points, draw)

    with monkeypatch.context() as patch:
        patch.setattr("samentel.secagg.dealing.split", lying)
        federation.post(LIAR, federation.read(LIAR, Listed))
    for i in set(range(N)) - {LIAR}:
        federation.post(i, federation.read(i, Listed))
    for i in range(N):
        federation.post(i, federation.count(i))
    for i in range(N):
        if which == SEED or i != LIAR:
            federation.serve(Polled(i))
    if which == KEY:
        federation.until(kit.DEADLINES.mask_until + timedelta(minutes=1))
    for letter in (Proposed, Agreed):
        for i in range(N):
            speaks = i != LIAR or (letter is Proposed and which == SEED)
            if speaks and federation.server.phase is not Phase.FAILED:
                federation.post(i, federation.read(i, letter))
    assert not federation.sums
    (convicted,) = [effect for effect in federation.server_effects if isinstance(effect, Convicted)]
    evidence = convicted.evidence
    assert (evidence.dealer, evidence.which) == (LIAR, which)
    assert proves(federation.terms, evidence)
    for broken, why in [
        (replace(evidence, dealer=2), "signature"),
        (replace(evidence, shares=evidence.shares[1:]), "another number"),
        (replace(evidence, shares=(evidence.shares[1],) * len(evidence.shares)), "another number"),
        (
            replace(evidence, shares=(replace(evidence.shares[0], share=b"\x00" * 33), *evidence.shares[1:])),
            "was dealt",
        ),
        (replace(evidence, shares=(replace(evidence.shares[0], index=3), *evidence.shares[1:])), "signed"),
        (
            replace(evidence, shares=(replace(evidence.shares[0], receiver=5), *evidence.shares[1:])),
            "another number|was dealt",
        ),
    ]:
        with pytest.raises(PeerError, match=why):
            proves(federation.terms, broken)


def test_an_honest_dealer_cannot_be_convicted(kit):
    federation = kit.federation(N, absent=1)
    federation.run()
    for dealer, shares in _revealed(federation.server, SEED, federation.server.proposed.positions).items():
        assert not proves(federation.terms, _proof(federation.server, SEED, dealer, shares))


@pytest.mark.clause("KEY-8")
def test_a_commitment_that_is_not_the_seeds_is_noticed(kit):
    federation = kit.federation(N, absent=1)
    federation.run(stop="dealing")
    good = prepared(federation, LIAR, Kind.DEALING, Listed)
    wrong = changed(federation, good, Dealing, seed=seed_commitment(bytes(32), federation.terms, LIAR))
    federation.serve(wrong)
    held = federation.clients[LIAR].outbox
    federation.clients[LIAR] = replace(
        federation.clients[LIAR], outbox=(held[0], replace(held[1], message=wrong.message))
    )
    for i in set(range(N)) - {LIAR}:
        federation.post(i, federation.read(i, Listed))
    for i in range(N):
        federation.post(i, federation.count(i))
        federation.serve(Polled(i))
    for i in range(N):
        federation.serve(Polled(i))
    for letter in (Proposed, Agreed):
        for i in range(N):
            if federation.server.phase is not Phase.FAILED:
                federation.post(i, federation.read(i, letter))
    assert [
        effect.evidence.dealer for effect in federation.server_effects if isinstance(effect, Convicted)
    ] == [LIAR]
