"""Whose keys, whose parameters, which round, which institutions: pitfalls 3, 4, 8, 14."""

import io
import json
import typing
from dataclasses import fields, replace
from datetime import timedelta
from itertools import count

import pytest

from node.store import DocumentKind as StoredKind
from node.store import Reader
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.model import to_bytes
from samentel.errors import PeerError, Reason, Refusal
from samentel.secagg import client, messages, shamir
from samentel.secagg.encoding import encode
from samentel.secagg.messages import Advert, Kind, Listing, open_bundle, parse, sign
from samentel.secagg.primitives import agreement_public
from samentel.secagg.relay import Arrived, letter
from samentel.secagg.ring import Ring
from samentel.secagg.standing import Agreed, Delivered, Listed, Phase, Proposed, Resulted
from samentel.secagg.terms import Deadlines, Floors, Level, check_listed, point, threshold
from samentel.wire.messages import DocumentKind, LetterKind, RoundPhase, SumPhase

LETTERS = {
    "dealing": Listed,
    "upload": Delivered,
    "agreement": Proposed,
    "reveal": Agreed,
    "result": Resulted,
}


def swapped(federation, receiver, victim, which, signer):
    """The list for one receiver in which the coordinator has put a key of its own in another's place."""
    listing = open_bundle(Listing, letter(federation.server, receiver, Listed).data)
    adverts = list(listing.adverts)
    advert = parse(Advert, adverts[victim])
    adverts[victim] = sign(replace(advert, **{which: agreement_public(b"\7" * 32)}), signer)
    return Listed(encode(replace(listing, adverts=tuple(adverts))))


@pytest.mark.clause("DEAL-1")
@pytest.mark.clause("ENC-4")
@pytest.mark.parametrize("which", ["channel", "mask"])
def test_03_no_authentication_of_keys(machines, which):
    """One key is another on its way: every node stops there, whoever signed it, and nobody deals anything."""
    made = machines.federation(4)
    made.run(stop="dealing")
    for victim in range(4):
        for signer in (made.coordinator, made.keys[(victim + 1) % 4], machines.key("stranger")):
            for receiver in range(4):
                made.refuses(swapped(made, receiver, victim, which, signer), "signature", own=receiver)
    unsigned = parse(Advert, made.server.adverts[0].message)
    with pytest.raises(PeerError, match="signature"):
        messages.hear_from(0, Advert, bytes(64) + encode(unsigned), made.terms)
    assert {one.phase for one in made.clients} == {Phase.ADVERTISED}
    # A member that signs two adverts: who sees the other one names another list, and that dealing is refused.
    changed = swapped(made, 2, 0, which, made.keys[0])
    effects = made.tell(2, changed)
    with pytest.raises(PeerError, match="another list"):
        made.post(2, effects)


PARAMETERS = {
    "institutions_min": 4,
    "collude_max": 1,
    "absent_max": 0,
    "cells": 8,
    "ring": Ring.BITS_64,
    "levels": (Level("COSM", (0, 1, 2, 3)),),
    "programme": bytes(32),
    "roster": bytes(32),
    "round": bytes(32),
    "deadlines": "later",
}


@pytest.mark.clause("TERMS-1")
@pytest.mark.clause("TERMS-2")
@pytest.mark.parametrize("name", PARAMETERS)
def test_04_server_chooses_parameters(machines, name):
    """Letters and messages under any other parameter are not understood."""
    value = PARAMETERS[name]
    if value == "later":
        last = machines.DEADLINES.expires_at + timedelta(days=1)
        value = Deadlines(
            **{one.name: getattr(machines.DEADLINES, one.name) for one in fields(Deadlines)}
            | {"expires_at": last}
        )
    made, fresh = machines.federation(6, absent=1), machines.federation(6, absent=1)
    other = machines.Federation(replace(made.terms, **{name: value}))
    assert made.terms.digest != other.terms.digest
    for federation in (made, other):
        federation.run(stop="dealing")
    made.refuses(letter(other.server, 2, Listed), "another round")
    for i in range(6):
        with pytest.raises(PeerError, match="another round"):
            fresh.serve(Arrived(Kind.ADVERT, i, *sent(other, i, Kind.ADVERT)))


def sent(federation, i, kind):
    """What a node has sent of one kind, message and rows."""
    one = next(send for send in federation.clients[i].outbox if send.kind is kind)
    return one.message, one.attachment


@pytest.mark.clause("TERMS-4")
@pytest.mark.clause("DEAL-3")
def test_04_server_chooses_the_threshold(machines):
    """t is each node's own, from how many keys it has seen: with fewer shares nothing comes out."""
    assert {n: threshold(n) for n in (3, 4, 5, 6, 10, 50, 1000)} == {
        3: 3,
        4: 3,
        5: 4,
        6: 5,
        10: 7,
        50: 34,
        1000: 667,
    }
    for bundle in (messages.Listing, messages.Delivery, messages.Unanimity, messages.Proposal):
        hints = typing.get_type_hints(bundle)
        assert int not in hints.values(), f"{bundle.__name__} has room for a number of the coordinator's"
    for n in (3, 4, 6, 10):
        made = machines.federation(n)
        made.run(stop="dealing")
        seed = made.clients[0].secrets.seed
        for i in range(n):
            made.post(i, made.read(i, Listed))
        for i in range(n):
            made.count(i)
        shares = {point(i): made.clients[i].held[0].seed for i in range(n)}
        points = sorted(shares)
        assert shamir.combine({at: shares[at] for at in points[: threshold(n)]}) == seed
        with pytest.raises((ValueError, AssertionError)):  # either not a secret at all, or another one
            assert shamir.combine({at: shares[at] for at in points[: threshold(n) - 1]}) == seed
    for least in (Floors(4, 0), Floors(3, 1)):
        with pytest.raises(Refusal) as refused:
            client.announce(machines.terms(6, minimum=3, collude=0), "node-0002", least)
        assert refused.value.reason is Reason.PARAMETER_BELOW_FLOOR
    with pytest.raises(PeerError, match="are needed to finish"):
        check_listed(machines.terms(9, absent=3), range(9))


@pytest.mark.clause("TERMS-9")
async def test_04_server_chooses_parameters_below_the_floor_of_a_real_node(street):
    made = await street()
    own = made.house.premises
    for floors in ({"institutions_floor": 4}, {"collude_floor": 1}):
        whole, own.config = own.config, replace(own.config, **floors)
        await made.house.again()
        own.config = whole
        assert made.house.record().reason == Reason.PARAMETER_BELOW_FLOOR
        assert made.house.side.presences == []
    await made.house.again()
    assert len(made.house.side.presences) == 1


@pytest.mark.clause("ENC-4")
@pytest.mark.parametrize("stage", LETTERS)
@pytest.mark.parametrize(
    "old",
    [{"round_": "earlier"}, {"programme": bytes(32)}, {"roster": bytes(32)}],
    ids=lambda old: next(iter(old)),
)
def test_08_replay(machines, stage, old):
    """Letters and messages of another round, programme or roster, under the same keys, change nothing."""
    kind, own = LETTERS[stage], 2
    now, then = machines.federation(4, seed="now"), machines.federation(4, seed="then", **old)
    for federation in (now, then):
        federation.run(stop=stage)
    now.refuses(
        letter(then.server, own, kind), "another round|own|not every|other dealers|signature", own=own
    )
    before = now.server
    for i in range(4):
        for send in then.clients[i].outbox:
            with pytest.raises(PeerError):
                now.serve(Arrived(send.kind, i, send.message, send.attachment))
            assert now.server is before


@pytest.mark.clause("MASK-5")
@pytest.mark.clause("STORE-4")
def test_08_replay_within_a_round(machines):
    """Every letter again, and every message again, at every later moment."""
    made, letters = machines.federation(4, absent=1), {}
    for stage, kind in LETTERS.items():
        step = machines.federation(4, absent=1)
        step.run(stop=stage)
        letters[stage] = letter(step.server, 2, kind)
    for number, stage in enumerate([*LETTERS, "never"]):
        made = machines.federation(4, absent=1)
        made.run(stop=stage)
        for earlier in list(LETTERS)[:number]:
            made.refuses(letters[earlier], "while|is over")
        before = made.server
        for posts in (made.server.adverts, made.server.dealings, made.server.uploads, made.server.agreements):
            for one in posts:
                kind = next(kind for kind in Kind if made.server.posted(kind).get(one.sender) == one)
                assert made.serve(Arrived(kind, one.sender, one.message, one.attachment)) == ()
                assert made.server == before
                with pytest.raises(PeerError, match="second, different"):
                    made.serve(Arrived(kind, one.sender, one.message, one.attachment + b"\0"))


@pytest.mark.clause("END-4")
async def test_08_replay_to_a_real_node(street, another_round):
    """A letter of the round before, and a round with an attempt that was there already."""
    made = await street()
    await made.round_to(SumPhase.REVEALING)
    old = letter(made.sum.server, made.house.position, Proposed).data
    await made.finish()
    await made.house.again()
    paid = made.house.kinds()
    another_round(made, attempt=1, number=5)
    await made.house.again()
    assert made.house.record().reason == Reason.ATTEMPT_OUT_OF_ORDER
    assert made.house.kinds() == [*paid, "refused"]
    another_round(made, attempt=2, number=6)
    await made.round_to(SumPhase.AGREEING)
    made.sum.lies[LetterKind.PROPOSAL] = old
    held = made.house.held()
    await made.house.again()
    assert made.house.held() == held
    made.sum.lies.clear()
    await made.finish()
    assert made.house.kinds().count("spent") == 2


def sybils(made, kit, version):
    """The roster with seven more institutions, whose keys the coordinator holds."""
    held = rosters.parse(made.sum.roster.payload)
    entry = held.institutions[0]
    more = tuple(
        entry.model_copy(
            update={"node": f"zz-{i}", "protocol_key": kit.SigningKey(bytes([100 + i]) * 32).public.raw.hex()}
        )
        for i in range(7)
    )
    changed = {"version": version, "institutions": (*held.institutions, *more)}
    return to_bytes(held.model_copy(update=changed))


@pytest.mark.clause("TERMS-1")
async def test_14_sybil_enrolment(street, kit):
    """A roster unsigned, half-signed, signed by others, or older brings nobody in; a true one is told."""
    made = await street()
    house, side = made.house, made.house.side
    programme, numbers = programmes.parse(made.sum.programme.payload), count()

    async def shown(envelope):
        side.documents.clear()
        side.rounds.clear()
        side.publish(DocumentKind.PROGRAMME, made.sum.programme)
        side.publish(DocumentKind.ROSTER, envelope)
        made.sum.round = kit.opened(programme, envelope, number=next(numbers))
        side.announce(made.sum.round, RoundPhase.GATHERING)
        house.log = io.StringIO()
        await house.again()
        with Reader.open_read_only(house.premises.state) as reader:
            held = [one.digest for one in reader.documents(StoredKind.ROSTER)]
        lines = [json.loads(line) for line in house.log.getvalue().splitlines()]
        return held, [line["change"] for line in lines if line["event"] == "roster-change"]

    first = house.premises.roster(version=2)
    assert (await shown(first))[0] == [first.digest]
    assert house.record().reason == ""
    joined = len(side.presences)
    payload, one = sybils(made, kit, 3), kit.AUTHORITY[0]
    refused = {
        "unsigned": [],
        "half-signed": [one],
        "twice by one of two": [one, one],
        "by the coordinator": [kit.COORDINATOR],
        "by one and the coordinator": [one, kit.COORDINATOR],
        "by the invented": [kit.SigningKey(bytes([100 + i]) * 32) for i in range(7)],
    }
    authority = [key.public for key in kit.AUTHORITY]
    for name, keys in refused.items():
        envelope = kit.seal(rosters.PAYLOAD_TYPE, payload, *keys)
        # The link has no room for an envelope without signatures; a file has.
        with pytest.raises(PeerError, match="of the 2 signatures needed"):
            rosters.verify(envelope, authority, len(authority))
        held, told = await shown(envelope)
        assert (held, told) == ([first.digest], []), name
        assert house.record().reason == Reason.ROSTER_MISMATCH, name
    for version in (1, 2):  # older, or another one of the same number, signed by both
        held, told = await shown(kit.signed(rosters.PAYLOAD_TYPE, sybils(made, kit, version)))
        assert (held, told) == ([first.digest], [])
        assert house.record().reason == Reason.ROSTER_MISMATCH
    assert len(side.presences) == joined
    held, told = await shown(kit.signed(rosters.PAYLOAD_TYPE, payload))
    assert len(held) == 2
    assert sorted(name for line in told for name in [f"zz-{i}" for i in range(7)] if name in line) == [
        f"zz-{i}" for i in range(7)
    ]
