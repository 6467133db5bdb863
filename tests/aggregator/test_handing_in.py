"""Presence and contributions: what is stored, what is refused, what is answered to a repeat."""

import asyncio
import os
from dataclasses import replace

import grpc
import numpy as np
import pytest

from aggregator import documents
from aggregator.book import opened
from aggregator.mailbox import CONTRIBUTION, MOST_COUNT
from samentel.documents import statements
from samentel.documents.keys import SigningKey
from samentel.ids import digest
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import RoundPhase

CODE = grpc.StatusCode


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value.code(), error.value.details()


async def test_a_contribution_is_acknowledged_once_it_is_stored_and_a_repeat_gets_the_same_bytes(
    federation, tools
):
    status = await tools.advance(federation, RoundPhase.COLLECTING)
    peer = federation.peers["amber"]
    request = peer.contribution(status.round_id, federation.programme, federation.vector(3))
    first = await peer.links[-1].call(M.PUT_CONTRIBUTION, request)
    with opened(federation.config) as book:
        message = book.store.message(status.round_id, "amber", CONTRIBUTION)
        assert book.store.blob(message.payload) == request.vector
        assert book.state.rounds[status.round_id].arrived == {"amber": request.contribution.digest}
        last = book.store.last()
    assert await peer.links[-1].call(M.PUT_CONTRIBUTION, request) == first
    with opened(federation.config) as book:
        assert book.store.last() == last


async def test_a_repeat_is_answered_even_after_the_sum(federation, tools):
    status = await tools.advance(federation, RoundPhase.SUMMED)
    peer = federation.peers["beryl"]
    request = peer.contribution(status.round_id, federation.programme, federation.vector(2))
    assert (await peer.links[-1].call(M.PUT_CONTRIBUTION, request)).receipt


async def test_other_numbers_from_the_same_node_are_refused_and_logged(federation, tools, capfd):
    status = await tools.advance(federation, RoundPhase.SUMMED)
    peer = federation.peers["amber"]
    other = peer.contribution(status.round_id, federation.programme, federation.vector(1) + 7919)
    code, text = await refused(peer.links[-1].call(M.PUT_CONTRIBUTION, other))
    assert (code, text) == (
        CODE.ALREADY_EXISTS,
        "another vector of this institution is stored for this round",
    )
    log = capfd.readouterr().err
    assert '"already_exists"' in log
    assert '"warning"' in log
    assert "7919" not in log
    with opened(federation.config) as book:
        message = book.store.message(status.round_id, "amber", CONTRIBUTION)
        assert book.store.blob(message.payload) == federation.vector(1).astype("<i8").tobytes()


def forged(peer, federation, round_id, **change):
    """A contribution whose statement differs, signed all the same with the node's own key."""
    vector = change.pop("vector", federation.vector(1).astype("<i8").tobytes())
    parts = {
        "round": round_id,
        "node": peer.name,
        "programme": federation.programme.digest,
        "cells": federation.programme.vector_length,
        "vector": digest(vector),
        "ledger_length": 1,
        "ledger_digest": digest(b"head 1"),
        **change,
    }
    return m.PutContributionRequest(statements.state(statements.Contribution(**parts), peer.protocol), vector)


LENGTH = 3 + 1 + 9 + 1


@pytest.mark.parametrize(
    ("change", "code", "why"),
    [
        pytest.param(
            {"node": "beryl"}, CODE.PERMISSION_DENIED, "handed in by the institution", id="another-node"
        ),
        pytest.param({"round": "f" * 64}, CODE.NOT_FOUND, "no such round", id="another-round"),
        pytest.param(
            {"programme": "f" * 64}, CODE.INVALID_ARGUMENT, "not the programme", id="another-programme"
        ),
        pytest.param({"cells": 5}, CODE.INVALID_ARGUMENT, f"{LENGTH} numbers", id="wrong-length-said"),
        pytest.param({"vector": b"\0" * 8}, CODE.INVALID_ARGUMENT, f"{LENGTH} numbers", id="wrong-length"),
        pytest.param(
            {"vector": b"\0" * (8 * LENGTH + 1)}, CODE.INVALID_ARGUMENT, f"{LENGTH} numbers", id="one-byte"
        ),
        pytest.param(
            {"vector": np.full(LENGTH, MOST_COUNT + 1, "<i8").tobytes()},
            CODE.INVALID_ARGUMENT,
            "lies outside",
            id="too-large",
        ),
        pytest.param(
            {"vector": np.full(LENGTH, -(2**63), "<i8").tobytes()},
            CODE.INVALID_ARGUMENT,
            "lies outside",
            id="least-int",
        ),
    ],
)
async def test_a_contribution_that_does_not_fit_is_refused(federation, tools, change, code, why):
    status = await tools.advance(federation, RoundPhase.COLLECTING)
    peer = federation.peers["amber"]
    request = forged(peer, federation, status.round_id, **change)
    answered, text = await refused(peer.links[-1].call(M.PUT_CONTRIBUTION, request))
    assert (answered, why in text) == (code, True)
    with opened(federation.config) as book:
        assert book.state.rounds[status.round_id].arrived == {}


async def test_a_node_restored_from_a_copy_made_before_it_delivered_is_contradicted_at_its_next_poll(
    federation, tools
):
    status = await tools.advance(federation, RoundPhase.COLLECTING)
    peer = federation.peers["amber"]
    link = peer.links[-1]
    cursor = (await link.call(M.POLL, tools.poll(length=6, head=digest(b"head 6")))).cursor
    request = peer.contribution(status.round_id, federation.programme, federation.vector(1), length=7)
    await link.call(M.PUT_CONTRIBUTION, request)
    copy = tools.poll(cursor, length=6, head=digest(b"head 6"))
    told = await asyncio.wait_for(link.call(M.POLL, copy), 3)
    assert told.ledger == m.LedgerHead(7, digest(b"head 7"))
    with opened(federation.config) as book:
        last = book.store.last()
    await link.call(M.PUT_CONTRIBUTION, request)
    with opened(federation.config) as book:
        assert book.store.last() == last, "a repeat writes nothing"


async def test_a_contribution_with_an_earlier_ledger_head_does_not_make_the_known_one_younger(
    federation, tools
):
    status = await tools.advance(federation, RoundPhase.COLLECTING)
    peer = federation.peers["amber"]
    link = peer.links[-1]
    await link.call(M.POLL, tools.poll(length=9, head=digest(b"head 9")))
    request = peer.contribution(status.round_id, federation.programme, federation.vector(1), length=7)
    await link.call(M.PUT_CONTRIBUTION, request)
    assert (await link.call(M.POLL, tools.poll())).ledger == m.LedgerHead(9, digest(b"head 9"))


async def test_the_largest_plausible_numbers_are_taken(federation, tools):
    status = await tools.advance(federation, RoundPhase.COLLECTING)
    peer = federation.peers["amber"]
    vector = np.full(LENGTH, -MOST_COUNT, "<i8").tobytes()
    assert await peer.links[-1].call(
        M.PUT_CONTRIBUTION, forged(peer, federation, status.round_id, vector=vector)
    )


async def test_a_vector_that_the_statement_does_not_name_is_refused(federation, tools):
    status = await tools.advance(federation, RoundPhase.COLLECTING)
    peer = federation.peers["amber"]
    good = peer.contribution(status.round_id, federation.programme, federation.vector(1))
    swapped = replace(good, vector=federation.vector(2).astype("<i8").tobytes())
    code, text = await refused(peer.links[-1].call(M.PUT_CONTRIBUTION, swapped))
    assert (code, "not the one that the statement names" in text) == (CODE.INVALID_ARGUMENT, True)


@pytest.mark.parametrize("kind", ["presence", "contribution"])
async def test_a_statement_signed_by_another_key_is_refused_though_the_connection_is_good(
    federation, tools, kind
):
    status = await tools.advance(
        federation, RoundPhase.COLLECTING if kind == "contribution" else RoundPhase.GATHERING, 3
    )
    peer = federation.peers["dune" if kind == "presence" else "amber"]
    stranger = replace(peer, protocol=SigningKey(os.urandom(32)))
    if kind == "presence":
        call = peer.link().call(M.PUT_PRESENCE, stranger.presence(status.round_id))
    else:
        request = stranger.contribution(status.round_id, federation.programme, federation.vector(1))
        call = peer.link().call(M.PUT_CONTRIBUTION, request)
    code, text = await refused(call)
    assert (code, text) == (CODE.INVALID_ARGUMENT, "0 of the 1 signatures needed hold for this document")


async def test_a_presence_cannot_pass_for_a_contribution(federation, tools):
    status = await tools.advance(federation, RoundPhase.COLLECTING)
    peer = federation.peers["amber"]
    vector = federation.vector(1).astype("<i8").tobytes()
    request = m.PutContributionRequest(peer.presence(status.round_id).presence, vector)
    code, text = await refused(peer.links[-1].call(M.PUT_CONTRIBUTION, request))
    assert (code, "contribution" in text) == (CODE.INVALID_ARGUMENT, True)


async def test_a_node_that_joined_after_the_roster_is_not_of_the_round(federation, tools):
    status = await tools.advance(federation, RoundPhase.GATHERING, 3)
    late = await tools.enrol(federation, "elm")
    code, text = await refused(late.link().call(M.PUT_PRESENCE, late.presence(status.round_id)))
    assert (code, "does not vouch" in text) == (CODE.FAILED_PRECONDITION, True)


async def test_what_comes_in_the_wrong_phase_is_refused_with_its_reason(federation, tools):
    status = await tools.advance(federation, RoundPhase.COLLECTING, 3)
    absent = federation.peers["dune"]
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await absent.link().call(M.PUT_PRESENCE, absent.presence(status.round_id))
    assert error.value.code() is CODE.FAILED_PRECONDITION
    assert dict(error.value.trailing_metadata())["samentel-reason"] == "deadline"
    request = absent.contribution(status.round_id, federation.programme, federation.vector(1))
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await absent.link().call(M.PUT_CONTRIBUTION, request)
    assert error.value.code() is CODE.FAILED_PRECONDITION
    assert dict(error.value.trailing_metadata())["samentel-reason"] == "deadline"
    admin = federation.admin_link()
    await admin.call(M.ABANDON_ROUND, m.AbandonRoundRequest(status.round_id, "test"))
    peer = federation.peers["amber"]
    request = peer.contribution(status.round_id, federation.programme, federation.vector(1))
    assert (await refused(peer.links[-1].call(M.PUT_CONTRIBUTION, request)))[0] is CODE.FAILED_PRECONDITION
    await admin.close()


@pytest.mark.parametrize(
    ("request_", "code", "why"),
    [
        pytest.param(
            m.OpenRoundRequest("f" * 64, "2025", 0), CODE.NOT_FOUND, "no such document", id="programme"
        ),
        pytest.param(("2025Q1", 0), CODE.FAILED_PRECONDITION, "counts by year", id="period-kind"),
        pytest.param(
            ("2098", 0), CODE.FAILED_PRECONDITION, "not over before 2099-01-01", id="period-not-over"
        ),
        pytest.param(("2025", 2), CODE.FAILED_PRECONDITION, "next attempt of 2025 is 1", id="attempt"),
    ],
)
async def test_a_round_that_cannot_be_is_not_opened(federation, request_, code, why):
    if isinstance(request_, tuple):
        request_ = m.OpenRoundRequest(federation.programme.digest, *request_)
    admin = federation.admin_link()
    answered, text = await refused(admin.call(M.OPEN_ROUND, request_))
    assert (answered, why in text) == (code, True)
    assert (await admin.call(M.LIST_ROUNDS, m.ListRoundsRequest())).rounds == ()
    await admin.close()


async def test_a_round_needs_a_roster_with_enough_institutions(serving, tools):
    documents.publish(serving.config, serving.sign_programme())
    admin = serving.admin_link()
    request = m.OpenRoundRequest(serving.programme.digest, "2025", 0)
    assert "no roster in force" in (await refused(admin.call(M.OPEN_ROUND, request)))[1]
    for name in ("amber", "beryl"):
        await tools.enrol(serving, name)
    documents.publish(serving.config, serving.sign_roster())
    assert (
        "2 institutions are on the roster, 3 are needed"
        in (await refused(admin.call(M.OPEN_ROUND, request)))[1]
    )
    await admin.close()


async def test_collecting_needs_enough_and_names_the_numbers(federation, tools):
    status = await tools.advance(federation, RoundPhase.GATHERING, 2)
    admin = federation.admin_link()
    answer = await refused(admin.call(M.COLLECT_ROUND, m.CollectRoundRequest(status.round_id)))
    assert answer == (CODE.FAILED_PRECONDITION, "2 institutions are present, 3 are needed")
    await admin.close()


async def test_another_attempt_is_asked_for_by_number_and_has_its_limit(federation, tools):
    status = await tools.advance(federation, RoundPhase.COLLECTING)
    admin = federation.admin_link()
    abandoned = (await admin.call(M.ABANDON_ROUND, m.AbandonRoundRequest(status.round_id, "test"))).round
    assert (abandoned.phase, abandoned.reason) == (RoundPhase.ABANDONED, "test")

    def ask(attempt):
        return admin.call(M.OPEN_ROUND, m.OpenRoundRequest(federation.programme.digest, "2025", attempt))

    assert "ask for attempt 2 explicitly" in (await refused(ask(0)))[1]
    second = (await ask(2)).round
    assert (second.attempt, second.round_id != status.round_id) == (2, True)
    assert (await ask(0)).round.round_id == (await ask(2)).round.round_id == second.round_id
    await admin.call(M.ABANDON_ROUND, m.AbandonRoundRequest(second.round_id, "again"))
    assert "all 2 attempts" in (await refused(ask(3)))[1]
    await admin.close()
