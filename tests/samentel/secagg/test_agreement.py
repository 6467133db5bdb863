"""One set a round, one secret a peer, and nothing left behind: what a node does after its upload."""

from dataclasses import replace
from datetime import timedelta

import pytest

from samentel.errors import Refusal
from samentel.secagg import client
from samentel.secagg.encoding import decode, encode
from samentel.secagg.messages import (
    Agreement,
    Kind,
    Proposal,
    Result,
    Reveal,
    Survivor,
    Unanimity,
    name_of,
    open_bundle,
    parse,
    sign,
)
from samentel.secagg.standing import (
    Agreed,
    Asked,
    Client,
    Closed,
    Free,
    Listed,
    Proposed,
    Resulted,
    Seen,
    Send,
    Spend,
    Wipe,
)
from samentel.secagg.terms import Floors

N, OWN = 6, 2


def at(kit, stage, **parameters):
    """A federation in which every node waits for the letter of this stage."""
    federation = kit.federation(N, **({"absent": 1, "collude": 1} | parameters))
    federation.run(stop=stage)
    return federation


@pytest.mark.parametrize(
    ("offer", "why"),
    [
        pytest.param(lambda f: f.proposal([0, 1, 2, 3]), "too few for the noise", id="fewer-than-n-D"),
        pytest.param(lambda f: f.proposal([1, 0, 2, 3, 4, 5]), "not in order", id="out-of-order"),
        pytest.param(lambda f: f.proposal(range(N), dealers=bytes(32)), "other dealers", id="other-U2"),
        pytest.param(lambda f: f.proposal(range(N), terms=bytes(32)), "another round", id="other-round"),
        pytest.param(
            lambda f: f.proposal(range(N), survivors=tuple(Survivor(i, bytes(32)) for i in range(N))),
            "other masked counts",
            id="not-my-upload",
        ),
        pytest.param(
            lambda f: f.proposal(
                range(N), survivors=tuple(Survivor(i, bytes(32)) for i in (0, 2, 2, 3, 4, 5))
            ),
            "not in order",
            id="twice",
        ),
        pytest.param(
            lambda f: f.proposal(
                range(N), survivors=tuple(Survivor(i, f.clients[OWN].vector) for i in (0, 1, 2, 3, 4, 7))
            ),
            "has not dealt",
            id="somebody-unknown",
        ),
        pytest.param(
            lambda f: Proposed(sign(parse(Proposal, f.proposal(range(N)).data), f.keys[0])),
            "signature",
            id="not-the-coordinator",
        ),
    ],
)
@pytest.mark.clause("AGREE-2", "TERMS-7")
def test_a_proposal_that_does_not_hold_is_refused(kit, offer, why):
    federation = at(kit, "agreement")
    federation.refuses(offer(federation), why)


@pytest.mark.clause("TERMS-8")
def test_a_level_of_the_roster_that_would_stand_out_is_refused(kit):
    federation = at(kit, "agreement", levels=(kit.Level("COSM", (0, 1, 2)),))
    federation.refuses(federation.proposal([1, 2, 3, 4, 5]), "level COSM")
    assert federation.tell(OWN, federation.proposal([0, 1, 2, 3, 4]))[0] == Spend(
        name_of(Kind.PROPOSAL, federation.clients[OWN].proposal)
    )


@pytest.mark.parametrize("first", [range(N), [0, 1, 3, 4, 5]], ids=["as-survivor", "as-helper"])
@pytest.mark.parametrize("second", [range(N), [0, 1, 2, 3, 4], [0, 1, 3, 4, 5]])
@pytest.mark.clause("AGREE-3")
def test_a_second_set_is_refused_also_after_a_restart(kit, first, second):
    federation = at(kit, "agreement")
    chosen, other = federation.proposal(first), federation.proposal(second)
    federation.tell(OWN, chosen)
    federation.clients[OWN] = decode(Client, encode(federation.clients[OWN]))
    federation.refuses(other, "while (agreed|helping)")
    if list(first) != list(second):
        federation.refuses(federation.unanimity(other, list(second)), "another set|not every")


@pytest.mark.parametrize(
    ("signers", "why"),
    [
        pytest.param([0, 1, 2, 3, 4], "not every survivor", id="one-missing"),
        pytest.param([0, 1, 2, 3, 4, 4], "signature", id="one-signed-for-another"),
        pytest.param([1, 0, 2, 3, 4, 5], "signature", id="swapped"),
    ],
)
@pytest.mark.clause("AGREE-6")
def test_nothing_is_revealed_without_everybodys_signature(kit, signers, why):
    federation = at(kit, "agreement")
    chosen = federation.proposal(range(N))
    federation.tell(OWN, chosen)
    federation.refuses(federation.unanimity(chosen, list(range(len(signers))), signers), why)


@pytest.mark.clause("AGREE-6")
def test_two_sets_shown_to_two_groups_reveal_nothing(kit):
    federation = at(kit, "agreement")
    one, other = federation.proposal(range(N)), federation.proposal([0, 1, 2, 3, 4])
    for i in range(N):
        federation.tell(i, one if i < 3 else other)
    mixed = [
        [
            sign(
                Agreement(federation.terms.digest, i, name_of(Kind.PROPOSAL, shown.data), bytes(40)),
                federation.keys[i],
            )
            for i, shown in zip(range(N), [one] * 3 + [other] * 3, strict=True)
        ]
    ][0]
    for i in range(N):
        count = N if i < 3 else 5
        federation.refuses(Agreed(encode(Unanimity(tuple(mixed[:count])))), "another set|not every", own=i)


@pytest.mark.parametrize("chosen", [range(N), [0, 1, 2, 3, 4], [0, 1, 3, 4, 5]])
@pytest.mark.clause("REVEAL-1")
def test_what_is_revealed_is_one_secret_a_peer(kit, chosen):
    """The seeds of survivors, the mask keys of others, never both; outside the set, nothing about oneself."""
    federation = at(kit, "agreement")
    held = {share.dealer: share for share in federation.clients[OWN].held}
    offered = federation.proposal(chosen)
    federation.tell(OWN, offered)
    seen, send = federation.tell(OWN, federation.unanimity(offered, list(chosen)))
    assert seen == Seen(tuple((i, kit.SPENT) for i in chosen if i != OWN))
    reveal = parse(Reveal, send.message)
    assert reveal.seeds == b"".join(held[i].seed for i in chosen)
    assert reveal.keys == b"".join(held[i].key for i in range(N) if i not in chosen and i != OWN)
    for i in range(N):
        both = held[i].seed in send.message, held[i].key in send.message
        assert both != (True, True)
    assert federation.clients[OWN].held == ()


def test_a_head_that_cannot_be_is_not_remembered_and_holds_nobody_up(kit):
    federation = at(kit, "agreement")
    offered, liar, impossible = federation.proposal(range(N)), 3, (1 << 63).to_bytes(8, "big") + bytes(32)
    federation.tell(OWN, offered)
    agreements = list(open_bundle(Unanimity, federation.unanimity(offered, list(range(N))).data).agreements)
    forged = replace(parse(Agreement, agreements[liar]), head=impossible)
    agreements[liar] = sign(forged, federation.keys[liar])
    seen, send = federation.tell(OWN, Agreed(encode(Unanimity(tuple(agreements)))))
    assert seen == Seen(tuple((i, kit.SPENT) for i in range(N) if i not in (OWN, liar)))
    assert send.kind is Kind.REVEAL


@pytest.mark.clause("REVEAL-6")
def test_a_result_of_another_set_is_refused(kit):
    federation = at(kit, "agreement")
    federation.tell(OWN, federation.proposal(range(N)))
    wrong = sign(Result(federation.terms.digest, bytes(32), bytes(32)), federation.coordinator)
    federation.refuses(Resulted(wrong), "another set")
    name = name_of(Kind.PROPOSAL, federation.clients[OWN].proposal)
    forged = sign(Result(federation.terms.digest, name, bytes(32)), federation.keys[0])
    federation.refuses(Resulted(forged), "signature")


@pytest.mark.clause("MASK-5")
def test_what_is_sent_again_is_the_same_bytes(kit):
    federation = at(kit, "agreement")
    federation.read(OWN, Proposed)
    sent = [effect for effect in federation.effects[OWN] if isinstance(effect, Send)]
    assert [send.kind for send in sent] == [Kind.ADVERT, Kind.DEALING, Kind.UPLOAD, Kind.AGREEMENT]
    federation.clients[OWN] = decode(Client, encode(federation.clients[OWN]))
    for send in sent:
        assert federation.tell(OWN, Asked(send.kind)) == (send,)
    federation.refuses(Asked(Kind.REVEAL), "no reveal has been sent")
    federation.now = kit.DEADLINES.expires_at + timedelta(seconds=1)
    federation.refuses(Asked(Kind.UPLOAD), "after the deadline")


@pytest.mark.parametrize(
    ("stage", "freed"), [("advert", False), ("dealing", False), ("upload", False), ("agreement", True)]
)
@pytest.mark.clause("END-1")
def test_a_round_that_is_given_up_costs_nothing_before_the_agreement(kit, stage, freed):
    federation = at(kit, stage)
    assert federation.tell(OWN, Closed()) == ((Free(), Wipe()) if freed else (Wipe(),))
    federation.refuses(Closed(), "is over")


@pytest.mark.clause("AGREE-4")
def test_a_round_that_is_given_up_after_the_agreement_stays_spent(kit):
    federation = at(kit, "agreement")
    federation.read(OWN, Proposed)
    assert federation.tell(OWN, Closed()) == (Wipe(),)


@pytest.mark.clause("DEAL-4", "MASK-3", "REVEAL-2", "END-2")
def test_secrets_leave_the_state_as_soon_as_they_are_not_needed(kit):
    federation = kit.federation(N, absent=1)
    federation.run(stop="dealing")
    secrets = federation.clients[OWN].secrets
    private = [secrets.channel, secrets.mask, secrets.seed]
    federation.read(OWN, Listed)
    assert not any(secret in encode(federation.clients[OWN]) for secret in private)
    federation = at(kit, "agreement")
    assert federation.clients[OWN].peers == ()
    done = kit.federation(4)
    done.run()
    assert all(
        (client.outbox, client.held, client.peers, client.secrets) == ((), (), (), None)
        for client in done.clients
    )


@pytest.mark.clause("TERMS-9")
def test_a_node_that_is_not_on_the_roster_does_not_join(kit):
    with pytest.raises(Refusal, match="not on the roster"):
        client.announce(kit.terms(3), "stranger", Floors())


def test_no_secret_shows_in_a_repr(kit):
    federation = at(kit, "dealing")
    assert repr(federation.clients[OWN]) == "Client(<node-0002, advertised>)"
    assert federation.clients[OWN].secrets.mask.hex() not in repr(federation.clients[OWN].secrets)
