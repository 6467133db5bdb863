"""A coordinator that says one thing to some and another to others: four real nodes, and no share leaves any.

What it gets is messages under two names that do not fit each other. It can spend a node's budget once; the
logs say what was wrong. Rosters that were never signed are looked at in ``tests/pitfalls``.
"""

import io
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from samentel.documents.statements import Start, state
from samentel.secagg import relay, server
from samentel.secagg.encoding import encode
from samentel.secagg.messages import Kind, Proposal, Survivor, Unanimity, parse, sign
from samentel.secagg.messages import Upload as UploadMessage
from samentel.secagg.standing import Delivered, Listed
from samentel.wire.messages import LetterKind, RoundPhase, SumPhase


@pytest.fixture
async def made(town, kit, sums):
    """Four nodes; nobody may fall out, so that three of them could make a sum of their own."""
    text = sums.programme_text(kit).replace(b"absent_max = 1", b"absent_max = 0")
    return await town(text)


async def heard(made, phase):
    """Everybody hears of a phase, and answers; what each of them logs, by house."""
    made.sum.sum_phase, made.sum.anything = phase, True
    made.sum.tell()
    for house in made.houses:
        house.log = io.StringIO()
    await made.attend()
    return {house: reasons(house) for house in made.houses}


def reasons(house):
    lines = [json.loads(line) for line in house.log.getvalue().splitlines()]
    return " | ".join(line.get("reason", "") for line in lines if line["level"] == "warning")


def sent(made, kind):
    """By position, the one message of a kind that a node has sent, if any."""
    found = {at: message for at, what, message, _ in made.sum.stored if what is kind}
    assert len(found) == len({(at, message) for at, what, message, _ in made.sum.stored if what is kind})
    return found


def proposal(made, dealers, positions):
    vectors = {at: parse(UploadMessage, message).vector for at, message in sent(made, Kind.UPLOAD).items()}
    survivors = tuple(Survivor(at, vectors[at]) for at in sorted(positions))
    return sign(Proposal(made.sum.terms.digest, dealers, survivors), made.kit.COORDINATOR)


def closed(before, moment, kit):
    """The coordinator's machine as if the time of its phase were over: without those that are missing."""
    return server.advance(before, relay.Ticked(), moment + timedelta(seconds=1), kit.COORDINATOR)[0]


async def over(made, kinds):
    """The round is given up: what each of them has spent, and that nobody has revealed anything."""
    assert sent(made, Kind.REVEAL) == {}
    made.sum.to(RoundPhase.ABANDONED)
    await made.attend()
    assert [house.kinds()[1:] for house in made.houses] == kinds
    assert all(house.held().sealed == b"" for house in made.houses)


@pytest.mark.clause("DEAL-1", "DEAL-6")
async def test_a_list_without_one_honest_node_that_is_shown_to_some(made, kit):
    total, (*_, fooled, missing) = made.sum, made.houses
    await made.attend()
    total.begin()
    await made.attend(but=[missing])
    fewer = closed(total.server, total.terms.deadlines.advertise_until, kit)
    await missing.again()
    assert (len(fewer.listed), total.sum_phase) == (3, SumPhase.SHARING)
    total.lies_to[fooled.position, LetterKind.LISTING] = relay.letter(fewer, fooled.position, Listed).data
    await heard(made, SumPhase.SHARING)
    dealings = sent(made, Kind.DEALING)
    assert len(dealings) == 4
    attachments = {at: data for at, kind, _, data in total.stored if kind is Kind.DEALING}
    posts = tuple(relay.Posted(at, dealings[at], attachments[at]) for at in sorted(dealings))
    # Every dealing is passed on to everybody for whom it holds an entry.
    for house, listed in [(house, fewer if house is fooled else total.server) for house in made.houses]:
        fitting = tuple(
            post for post in posts if post.sender in listed.listed and house.position in listed.listed
        )
        forged = replace(listed, dealings=padded(fitting, len(listed.listed)), phase=relay.Phase.MASKING)
        letter = relay.letter(forged, house.position, Delivered)
        total.lies_to[house.position, LetterKind.DELIVERY] = letter.data
    told = await heard(made, SumPhase.MASKING)
    assert all("was shown another list of keys" in told[house] for house in made.houses)
    assert sent(made, Kind.UPLOAD) == {}
    await over(made, [[]] * 4)


def padded(posts, count):
    """Rows for as many entries as the receiver expects: a coordinator can send any bytes."""
    width = 146
    return tuple(
        replace(post, attachment=post.attachment[: width * count].ljust(width * count, b"\0"))
        for post in posts
    )


@pytest.mark.clause("DEAL-6", "AGREE-2", "AGREE-6")
async def test_dealings_of_which_some_are_not_shown_one(made, kit):
    total, (*_, fooled, hidden) = made.sum, made.houses
    await made.attend()
    total.begin()
    await made.attend()
    await made.attend(but=[hidden])
    fewer = closed(total.server, total.terms.deadlines.share_until, kit)
    await hidden.again()
    assert (len(fewer.dealt), total.sum_phase) == (3, SumPhase.MASKING)
    total.lies_to[fooled.position, LetterKind.DELIVERY] = relay.letter(fewer, fooled.position, Delivered).data
    await heard(made, SumPhase.MASKING)
    assert len(sent(made, Kind.UPLOAD)) == 4
    whole = proposal(made, total.server.dealers, range(4))
    part = proposal(made, fewer.dealers, fewer.dealt)
    total.lies[LetterKind.PROPOSAL] = whole
    told = await heard(made, SumPhase.AGREEING)
    assert "belongs to other dealers" in told[fooled]
    total.lies[LetterKind.PROPOSAL] = part
    told = await heard(made, SumPhase.AGREEING)
    agreed = sent(made, Kind.AGREEMENT)
    assert len(agreed) == 4  # one each: to the whole, or the fooled one to the part
    for positions in (range(4), fewer.dealt):
        total.lies[LetterKind.UNANIMITY] = encode(Unanimity(tuple(agreed[at] for at in positions)))
        told = await heard(made, SumPhase.REVEALING)
        assert all("another set" in said or "not every survivor" in said for said in told.values())
    await over(made, [["hold", "spent"]] * 4)


@pytest.mark.clause("AGREE-3", "AGREE-6")
async def test_two_proposals(town):
    made = await town()
    total, (one, two, three, _) = made.sum, made.houses
    await made.round_to(SumPhase.MASKING)
    await heard(made, SumPhase.MASKING)
    everybody, inside = range(4), sorted(house.position for house in (one, two, three))
    whole, part = (proposal(made, total.server.dealers, which) for which in (everybody, inside))
    for house, shown in zip(made.houses, (whole, whole, part, part), strict=True):
        total.lies_to[house.position, LetterKind.PROPOSAL] = shown
    await heard(made, SumPhase.AGREEING)
    for house, other in zip(made.houses, (part, part, whole, whole), strict=True):
        total.lies_to[house.position, LetterKind.PROPOSAL] = other
    agreed = sent(made, Kind.AGREEMENT)
    assert set(agreed) == set(inside)
    await heard(made, SumPhase.AGREEING)
    for positions in (inside, [*inside[:1], *inside], [*inside, inside[-1]]):
        total.lies[LetterKind.UNANIMITY] = encode(Unanimity(tuple(agreed[at] for at in positions)))
        told = await heard(made, SumPhase.REVEALING)
        assert all("survivor" in said or "signature" in said for said in told.values())
    assert sent(made, Kind.AGREEMENT) == agreed
    await over(made, [["hold", "spent"]] * 3 + [["hold", "freed"]])


@pytest.mark.clause("TERMS-1", "TERMS-2", "DEAL-1")
async def test_other_deadlines_for_one(made):
    total, fooled = made.sum, made.houses[1]
    await made.attend()
    total.begin()
    start = Start.model_validate_json(total.start[0].payload)
    later = start.model_copy(update={"expires_at": start.expires_at + timedelta(microseconds=1)})
    total.starts[fooled.position] = (state(later, made.kit.COORDINATOR),)
    await heard(made, SumPhase.ADVERTISING)
    posts = tuple(
        relay.Posted(at, message, data)
        for at, kind, message, data in sorted(total.stored, key=lambda stored: stored[0])
        if kind is Kind.ADVERT
    )
    assert len(posts) == 4
    listed = replace(total.server, adverts=posts, phase=relay.Phase.SHARING)
    for house in made.houses:
        letter = relay.letter(listed, house.position, Listed)
        total.lies_to[house.position, LetterKind.LISTING] = letter.data
    told = await heard(made, SumPhase.SHARING)
    assert all("another round, roster or programme" in said for said in told.values())
    assert sent(made, Kind.DEALING) == {}
    await over(made, [[]] * 4)
