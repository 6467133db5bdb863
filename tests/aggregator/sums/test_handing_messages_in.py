"""Messages of a secure sum: who may send what, when, how often, and in which pieces."""

import os
from dataclasses import replace

import grpc
import pytest

from aggregator import mailbox
from aggregator.book import opened
from samentel.documents.keys import SigningKey
from samentel.ids import digest
from samentel.secagg.messages import SIGNATURE_BYTES, Kind, parse, sign
from samentel.secagg.messages import Advert as AdvertMessage
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import LetterKind, MessageKind, RoundPhase, SumPhase

CODE = grpc.StatusCode
ADVERT, DEALING, UPLOAD = MessageKind.ADVERT, MessageKind.DEALING, MessageKind.UPLOAD
BEFORE = {
    MessageKind.ADVERT: SumPhase.ADVERTISING,
    MessageKind.DEALING: SumPhase.SHARING,
    MessageKind.UPLOAD: SumPhase.MASKING,
    MessageKind.AGREEMENT: SumPhase.AGREEING,
    MessageKind.REVEAL: SumPhase.REVEALING,
}


async def made(it, kind):
    """The first node has made its message of a kind and not sent it; the others wait."""
    phase = BEFORE[kind]
    await it.run(phase)
    node = it.drivers[0]
    if phase is SumPhase.ADVERTISING:
        await node.join(send=False)
    else:
        assert await node.read(LetterKind(int(phase) - 1), send=False)
    return node


def put(node, request):
    return node.link.call(M.PUT_MESSAGE, request)


@pytest.mark.parametrize("kind", list(MessageKind), ids=lambda kind: kind.name.lower())
async def test_of_each_kind_one_is_taken_from_its_sender_and_the_same_again_changes_nothing(
    sector, refused, capfd, kind
):
    async with sector() as it:
        await it.gather()
        node = await made(it, kind)
        other = it.drivers[1]
        good = node.request(kind)
        before = len(it.log())
        # Another institution cannot say it for this one, whatever its certificate.
        code, text, _ = await refused(put(other, good))
        assert (code, "signature of this" in text) == (CODE.INVALID_ARGUMENT, True)
        # Nor can anybody else's key, under this one's certificate.
        forged = replace(good, message=os.urandom(SIGNATURE_BYTES) + good.message[SIGNATURE_BYTES:])
        assert (await refused(put(node, forged)))[0] is CODE.INVALID_ARGUMENT
        # Nor does another kind, of this or of any other phase, take its place.
        for wrong in MessageKind:
            if wrong is not kind:
                code, text, reason = await refused(put(node, replace(good, kind=wrong)))
                # Of an earlier kind this node's own message is stored already.
                earlier = wrong < kind
                assert code is (CODE.ALREADY_EXISTS if earlier else CODE.FAILED_PRECONDITION)
                assert reason == ("" if earlier else "deadline")
        assert len(it.log()) == before
        answer = await put(node, good)
        assert (answer.stored, len(answer.receipt)) == (True, int(kind is UPLOAD))
        after = it.log()
        assert await put(node, good) == answer
        assert it.log() == after
        # A second, different one is a contradiction, and a line for the operator.
        second = replace(good, message=good.message[:-1] + bytes([good.message[-1] ^ 1]))
        code, text, _ = await refused(put(node, second))
        assert (code, text) == (
            CODE.ALREADY_EXISTS,
            f"another {kind.name.lower()} of this institution is stored for this round",
        )
        assert it.log() == after
        assert "second-message" in capfd.readouterr().err
        status = await it.run(SumPhase.DONE)
        assert status.phase is RoundPhase.SUMMED
        assert await put(node, good) == answer, "also when it is over"
        assert (await refused(put(node, second)))[0] is CODE.ALREADY_EXISTS


async def test_a_message_of_another_round_is_refused(sector, refused):
    async with sector() as it:
        await it.gather()
        node = await made(it, ADVERT)
        old = node.request(ADVERT)
        await it.admin.call(M.ABANDON_ROUND, m.AbandonRoundRequest(it.round_id, "test"))
        opened_ = await it.admin.call(M.OPEN_ROUND, m.OpenRoundRequest(it.programme.digest, "2025", 2))
        round_id = opened_.round.round_id
        assert (await refused(put(node, replace(old, round_id=round_id))))[2] == "deadline"
        for driver in it.drivers:
            await driver.link.call(M.PUT_PRESENCE, driver.peer.presence(round_id))
        await it.admin.call(M.COLLECT_ROUND, m.CollectRoundRequest(round_id))
        code, text, _ = await refused(put(node, replace(old, round_id=round_id)))
        assert (code, "belongs to another round" in text) == (CODE.INVALID_ARGUMENT, True)
        assert (await refused(put(node, replace(old, round_id="0" * 64))))[0] is CODE.NOT_FOUND
        assert (await refused(put(node, old)))[2] == "deadline", "the first round is abandoned"


async def test_who_was_not_present_is_too_late_and_who_is_not_on_the_roster_is_nobody(sector, refused):
    async with sector(5) as it:
        late = it.drivers[4]
        await it.gather(absent=(4,))
        await late.join(send=False)
        code, text, reason = await refused(late.put(ADVERT))
        assert (code, reason) == (CODE.FAILED_PRECONDITION, "deadline")
        assert "did not say in time" in text
        await it.enrol(["newcomer"])
        newcomer = it.drivers.pop()
        for call in (
            put(newcomer, late.request(ADVERT)),
            newcomer.link.call(M.GET_LETTER, m.GetLetterRequest(it.round_id, LetterKind.LISTING, 0)),
        ):
            assert (await refused(call))[2] == "roster-mismatch"
        status = await it.run(SumPhase.SHARING, lost=(4,))
        assert (len(status.listed), status.sum_phase) == (4, SumPhase.SHARING)
        assert await late.fetch(LetterKind.LISTING) == b"", "there is nothing for a node without keys"


async def test_a_key_that_is_not_the_rosters_does_not_speak_for_the_institution(sector, refused):
    async with sector() as it:
        await it.gather()
        node = await made(it, ADVERT)
        advert = parse(AdvertMessage, node.sent[ADVERT].message)
        stranger = sign(advert, SigningKey(os.urandom(32)))
        code, text, _ = await refused(put(node, replace(node.request(ADVERT), message=stranger)))
        assert (code, "signature of this advert does not hold" in text) == (CODE.INVALID_ARGUMENT, True)


async def test_each_mode_has_its_own_way_to_hand_in(sector, federation, refused, tools):
    status = await tools.advance(federation, RoundPhase.COLLECTING)
    link = federation.peers["amber"].link()
    request = m.PutMessageRequest(status.round_id, ADVERT, b"x" * 100, 0, 0, b"")
    code, text, _ = await refused(link.call(M.PUT_MESSAGE, request))
    assert (code, "individual mode" in text) == (CODE.INVALID_ARGUMENT, True)
    letter = await link.call(M.GET_LETTER, m.GetLetterRequest(status.round_id, LetterKind.LISTING, 0))
    assert (letter.data, letter.length) == (b"", 0)


async def test_a_secure_sum_takes_no_vector_that_can_be_read(sector, refused):
    async with sector() as it:
        await it.gather()
        driver = it.drivers[0]
        request = driver.peer.contribution(it.round_id, it.programme, driver.counts)
        code, text, _ = await refused(driver.link.call(M.PUT_CONTRIBUTION, request))
        assert (code, "no vector that can be read" in text) == (CODE.INVALID_ARGUMENT, True)
        with opened(it.central.config) as book:
            assert book.state.rounds[it.round_id].arrived == {}


async def test_pieces_are_put_together_wherever_they_are_taken_up_again(sector, refused):
    async with sector() as it:
        await it.gather()
        node = await made(it, DEALING)
        size = len(node.sent[DEALING].attachment)
        assert size > 300
        first = node.request(DEALING, 0, 100)
        assert (await put(node, first)) == m.PutMessageResponse(100, False)
        # Again, overlapping, or from further on: the answer says where to go on, and nothing is spoilt.
        assert (await put(node, first)).received == 100
        overlapping = replace(node.request(DEALING, 50, 100), data=b"\xff" * 100)
        assert (await put(node, overlapping)).received == 100
        assert (await put(node, node.request(DEALING, 250, 20))).received == 100
        assert (await put(node, replace(first, data=b"", offset=100))).received == 100
        too_long = replace(node.request(DEALING, 100), data=node.sent[DEALING].attachment)
        code, text, _ = await refused(put(node, too_long))
        assert (code, "beyond the length" in text) == (CODE.INVALID_ARGUMENT, True)
        for length in (size - 1, size + 1, 0, m.ATTACHMENT_MOST):
            code, text, _ = await refused(put(node, replace(first, length=length, data=b"")))
            assert (code, f"{size} bytes belong" in text) == (CODE.INVALID_ARGUMENT, True)
        assert (await put(node, node.request(DEALING, 100, 37))).received == 137
        assert len((await it.status()).dealt) == 0
        assert (await node.put(DEALING, piece=37)).stored
        assert (await it.status()).dealt == (node.name,)
        with opened(it.central.config) as book:
            message = book.store.message(it.round_id, node.name, "dealing")
            assert book.store.blob(message.payload) == node.sent[DEALING].attachment
            assert book.store.blob(message.statement) == node.sent[DEALING].message
        status = await it.run(SumPhase.DONE)
        assert status.phase is RoundPhase.SUMMED


async def test_wrong_bytes_are_found_at_the_last_piece_and_the_sender_begins_again(sector, refused):
    async with sector() as it:
        await it.gather()
        node = await made(it, UPLOAD)
        size = len(node.sent[UPLOAD].attachment)
        half = size // 2
        wrong = replace(node.request(UPLOAD, 0, half), data=b"\x00" * half)
        assert (await put(node, wrong)).received == half
        code, text, _ = await refused(put(node, node.request(UPLOAD, half)))
        assert (code, "not those that the sender signed" in text) == (CODE.INVALID_ARGUMENT, True)
        assert (await put(node, node.request(UPLOAD, 0, half))).received == half
        assert (await put(node, node.request(UPLOAD, half))).stored


async def test_another_message_begins_anew(sector):
    async with sector() as it:
        await it.gather()
        node = await made(it, UPLOAD)
        other = replace(node.request(UPLOAD, 0, 8), message=b"\x01" * 200)
        assert (await put(node, other)).received == 8
        assert (await put(node, node.request(UPLOAD, 0, 12))).received == 12
        assert (await put(node, node.request(UPLOAD, 12))).stored


async def test_after_a_restart_of_the_coordinator_the_pieces_begin_at_nothing(sector):
    async with sector() as it:
        await it.gather()
        node = await made(it, UPLOAD)
        assert (await put(node, node.request(UPLOAD, 0, 12))).received == 12
        await it.restart()
        assert (await put(node, node.request(UPLOAD, 12, 12))).received == 0
        assert (await node.put(UPLOAD, piece=12)).stored


async def test_pieces_that_nobody_finishes_are_not_kept(sector):
    """Straight into the mailbox: what is in memory is no business of the wire."""
    from aggregator.office import open_office

    async with sector() as it:
        await it.gather()
        nodes = [await made(it, UPLOAD), *it.drivers[1:]]
        with opened(it.central.config) as book:
            box = mailbox.Mailbox(open_office(it.central.config, book, it.clock))
            for node in nodes[1:]:
                await node.read(LetterKind.DELIVERY, send=False)
            for node in nodes:
                assert box.message(node.name, node.request(UPLOAD, 0, 12)).received == 12
            assert len(box._unfinished) == 4
            assert sum(len(part.data) for part in box._unfinished.values()) == 48
            for node in nodes:
                assert box.message(node.name, node.request(UPLOAD)).stored
            assert box._unfinished == {}


async def test_large_letters_come_in_pieces(sector, monkeypatch):
    monkeypatch.setattr(m, "PIECE", 100)
    async with sector() as it:
        await it.gather()
        await it.run(SumPhase.MASKING)
        node = it.drivers[2]
        assert len(await node.fetch(LetterKind.DELIVERY)) > 300
        request = m.GetLetterRequest(it.round_id, LetterKind.DELIVERY, 10**6)
        beyond = await node.link.call(M.GET_LETTER, request)
        assert (beyond.data, beyond.length > 300) == (b"", True)
        assert await node.read(LetterKind.DELIVERY, send=False)


async def test_an_agreement_leaves_the_ledger_head_of_its_sender(sector):
    async with sector() as it:
        await it.gather()
        await it.run(SumPhase.REVEALING)
        node = it.drivers[0]
        node.cursor = 0  # so that it is answered at once
        head = (await node.poll()).ledger
        assert head == m.LedgerHead(7, digest(b"spent"))


def test_kinds_have_one_name():
    assert {Kind[kind.name].value for kind in MessageKind} == {kind.name.lower() for kind in MessageKind}
