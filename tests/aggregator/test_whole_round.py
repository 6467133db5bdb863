"""One round in individual mode, from invitation to release, over real mutual TLS."""

import asyncio
import csv
import json

import pytest

from aggregator.client import Coordinator
from samentel.documents.envelope import open_envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.statements import Receipt, Round, hear, payload_type
from samentel.ids import digest
from samentel.wire import methods as M
from samentel.wire.messages import RoundPhase


async def test_four_nodes_make_a_release(federation, tools):
    config, programme = federation.config, federation.programme
    with Coordinator.connect(config.admin) as coordinator:

        def ask(function, *arguments):
            return asyncio.to_thread(function, *arguments)

        opened = await ask(coordinator.open_round, programme.digest, "2025")
        assert (opened.phase, opened.attempt, opened.invited) == (RoundPhase.GATHERING, 1, tools.NODES)
        again = await ask(coordinator.open_round, programme.digest, "2025")
        assert again.round_id == opened.round_id

        for peer in federation.peers.values():
            link = peer.link()
            answer = await link.call(M.POLL, tools.poll())
            key = VerifyKey(bytes.fromhex(coordinator.endpoint.coordinator_key))
            said = hear(Round, answer.rounds[0].round, key)
            assert said.round_id == opened.round_id
            await link.call(M.PUT_PRESENCE, peer.presence(said.round_id))
        assert (await ask(coordinator.collect, opened.round_id)).phase is RoundPhase.COLLECTING
        for number, peer in enumerate(federation.peers.values(), 1):
            request = peer.contribution(opened.round_id, programme, federation.vector(number))
            receipt = await peer.links[-1].call(M.PUT_CONTRIBUTION, request)
            assert hear(Receipt, receipt.receipt, key).contribution == request.contribution.digest
        assert (await ask(coordinator.round, opened.round_id)).phase is RoundPhase.SUMMED
        done = await ask(coordinator.publish, opened.round_id)
        assert (done.phase, done.release_id) == (RoundPhase.PUBLISHED, "redenen-test-2025-1")

        assert [it.release_id for it in await ask(coordinator.releases)] == [done.release_id]
        manifest = json.loads(
            open_envelope(await ask(coordinator.manifest, done.release_id), payload_type("release"), [key])
        )
        assert manifest["coverage"]["in_sum"] == list(tools.NODES)
        data = await ask(coordinator.read_file, done.release_id, "tables.csv")
        assert digest(data) == next(it["sha256"] for it in manifest["files"] if it["name"] == "tables.csv")
        rows = list(csv.DictReader(data.decode().splitlines()))
        # Cell i of each table sums to 10 * i: 30 by reason alone, 360 by reason and sex. Together they are
        # 112.5, since a margin of the finer table has three times the noise of a cell of the coarser one.
        assert [row["table"] for row in rows] == ["reason"] * 3 + ["reason-sex"] * 9
        estimates = [float(row["estimate"]) for row in rows]
        assert estimates[:3] == pytest.approx([7.5, 37.5, 67.5])
        assert [sum(estimates[at : at + 3]) for at in (3, 6, 9)] == pytest.approx(estimates[:3])
        last = await peer.links[-1].call(M.POLL, tools.poll())
        assert last.rounds[0].phase is RoundPhase.PUBLISHED
        assert last.rounds[0].release_digest == (await ask(coordinator.manifest, done.release_id)).digest
