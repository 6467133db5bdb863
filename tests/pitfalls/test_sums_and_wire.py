"""What is summed, and how it travels: pitfalls 19 and 24."""

import grpc
import numpy as np
import pytest

from node import identity, pieces
from node.link import Link
from samentel.counting.contribution import Codes
from samentel.counting.noise import draw
from samentel.counting.shares import share_plan
from samentel.documents import programme as programmes
from samentel.secagg.masks import masked
from samentel.secagg.messages import Kind
from samentel.secagg.ring import Ring, to_wire
from samentel.secagg.standing import Send
from samentel.secagg.terms import CELLS_MOST
from samentel.wire import messages as m
from samentel.wire import methods

GRPC_DEFAULT = 4 << 20


@pytest.mark.clause("MASK-1")
def test_19_validation_value_known_to_the_aggregator(machines, kit, sums):
    """Every cell is one of a table or its null cell, and has noise of its own; nothing is in the clear."""
    programme = programmes.parse(sums.programme_text(kit))
    plan = share_plan(programme, 4, 4)
    assert programme.vector_length == sum(programme.cells(table) + 1 for table in programme.tables)
    codes = Codes({table.id: np.zeros(0, dtype=np.int64) for table in programme.tables})
    drawn = np.array([draw(codes, plan).vector for _ in range(40)])
    assert drawn.shape == (40, programme.vector_length)
    for cell in drawn.T:  # scale 3 or more: forty equal draws have a chance below 1e-30
        assert len(set(cell.tolist())) > 2

    canary = 0x5A3C69A5
    made = machines.federation(4, cells=64)
    made.counts = {i: np.full(64, canary if i == 2 else 0, dtype=np.int64) for i in range(4)}
    assert made.run().counts(made.terms).tolist() == [canary] * 64
    known = {canary.to_bytes(4, order) for order in ("little", "big")} | {
        str(canary).encode(),
        b"%x" % canary,
    }
    for posts in (made.server.adverts, made.server.dealings, made.server.uploads, made.server.reveals):
        for one in posts:
            assert not [each for each in known if each in one.message + one.attachment]


async def test_24_four_mebibytes_by_default(premises_of_default_peer):
    """A million cells reach a peer with gRPC's default limits, and a single call of that size does not."""
    premises, peer = premises_of_default_peer
    for ring in Ring:
        counts = np.arange(10**6, dtype=np.int64)
        vector = to_wire(masked(counts, ring, bytes(32), 0, {1: b"\1" * 32}))
        assert len(vector) > GRPC_DEFAULT - (1 << 18)
        peer.held.clear()
        async with Link(identity.credentials(premises.state)) as link:
            await pieces.put(link, "ab" * 32, Send(Kind.UPLOAD, bytes(200), vector))
        assert b"".join(peer.held) == vector
    assert max(size for _, size in peer.calls) < GRPC_DEFAULT
    assert len(vector) <= 8 * CELLS_MOST

    credentials = identity.credentials(premises.state)
    secrets = grpc.ssl_channel_credentials(credentials.root, credentials.key, credentials.chain)
    async with grpc.aio.secure_channel(credentials.address, secrets) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await channel.unary_unary(methods.PUT_MESSAGE.path)(vector)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.fixture
async def premises_of_default_peer(kit, short_path, authority_files, certificates, sums, monkeypatch):
    """An institution, and a coordinator that takes pieces and leaves gRPC's limits as they are."""
    monkeypatch.setattr(kit.m, "MAX_MESSAGE", GRPC_DEFAULT)  # what the kit's server sets is then the default
    side = kit.Coordinator(certificates)
    side.held = []

    async def put(request):
        assert request.offset == sum(map(len, side.held))
        side.held.append(request.data)
        received = request.offset + len(request.data)
        return m.PutMessageResponse(received, received == request.length)

    side.answers = {methods.PUT_MESSAGE: put}
    server = await side.start()
    yield sums.made(kit, short_path / "n", authority_files, certificates, "huis-een", side.address), side
    await server.stop(0)
