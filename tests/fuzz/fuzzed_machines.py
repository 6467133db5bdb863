"""The two machines of a secure sum as targets of fuzzing, in every phase.

Some letters arrive as they are, some well signed: by the coordinator, or by every member but the one that
reads, so that nothing but that node's own checks stands in between.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import fuzzed_seeds as seeds
from fuzzed_parsers import SIGNED, Target

from samentel.errors import PeerError, Refusal
from samentel.secagg import client, server
from samentel.secagg import messages as m
from samentel.secagg.encoding import decode, encode
from samentel.secagg.relay import Arrived, Convicted, Failed, Server, Summed, letter
from samentel.secagg.relay import Phase as ServerPhase
from samentel.secagg.standing import (
    Agreed,
    Client,
    Delivered,
    Hold,
    Listed,
    Phase,
    Proposed,
    Resulted,
    Send,
    Spend,
)

LETTERS = (Listed, Delivered, Proposed, Agreed, Resulted)
RAW, SIGNED_AGAIN = 0, 1
BUNDLES = {
    Listed: (m.Listing, "adverts", m.Kind.ADVERT),
    Delivered: (m.Delivery, "dealings", m.Kind.DEALING),
    Agreed: (m.Unanimity, "agreements", m.Kind.AGREEMENT),
}
COSTS = {m.Kind.UPLOAD: Hold, m.Kind.AGREEMENT: Spend}


def _signed(kind: Any, body: bytes, key: Any) -> bytes:
    signature: bytes = key.sign(m.name_of(kind, bytes(m.SIGNATURE_BYTES) + body))
    return signature + body


def _sender(made: Any, kind: m.Kind, data: bytes) -> int:
    """Whom a message names as its sender, if anybody."""
    of = {one.kind: one for one in SIGNED}
    try:
        return int(getattr(m.parse(of[kind], data), "sender", 0)) % made.n
    except PeerError:
        return 0


def signed_again(made: Any, event: type[Any], data: bytes) -> bytes:
    """The same letter with every signature in it made anew, but for those of the node that reads it."""
    if event not in BUNDLES:
        kind = m.Kind.PROPOSAL if event is Proposed else m.Kind.RESULT
        return _signed(kind, data[m.SIGNATURE_BYTES :], made.coordinator)
    bundle, name, kind = BUNDLES[event]
    try:
        value = m.open_bundle(bundle, data)
    except PeerError:
        return data
    signed = []
    for message in getattr(value, name):
        sender = _sender(made, kind, message)
        own = sender == seeds.OWN
        signed.append(message if own else _signed(kind, message[m.SIGNATURE_BYTES :], made.keys[sender]))
    return encode(replace(value, **{name: tuple(signed)}))


def client_seeds() -> tuple[bytes, ...]:
    """Every letter in every phase, as it is and signed again: three bytes for phase, kind and manner."""
    standing = seeds.standings()
    kinds = (0, 0, 1, 2, 2, 3, 3, 4)  # what each phase waits for
    letters = {(kinds[at], data) for at, (_, data) in enumerate(standing) if data}
    return tuple(
        bytes([phase, kind, manner]) + data
        for phase in range(len(standing))
        for kind, data in sorted(letters)
        for manner in (RAW, SIGNED_AGAIN)
    )


def node(data: bytes) -> bool:
    """A letter is refused and changes nothing, or the state that follows is written and read back the same.

    A node holds one proposal a round, holds and spends before it sends, and keeps what it has sent.
    """
    head, raw = data[:3].ljust(3, b"\0"), data[3:]
    standing = seeds.standings()
    made, _ = standing[head[0] % len(standing)]
    event = LETTERS[head[1] % len(LETTERS)]
    before: Client = made.clients[seeds.OWN]
    if head[2] % 2 == SIGNED_AGAIN:
        raw = signed_again(made, event, raw)
    kept = encode(before)
    try:
        after, effects = client.advance(before, event(raw), made.now, made.means(seeds.OWN))
    except (PeerError, Refusal):
        assert encode(before) == kept
        return False
    assert decode(Client, encode(after)) == after
    assert before.proposal in (b"", after.proposal), "two proposals in one round"
    assert after.phase in (Phase.DONE, *client.NEXT[before.phase, event])
    assert after.phase is Phase.DONE or after.outbox[: len(before.outbox)] == before.outbox
    _in_order(effects)
    return True


def _in_order(effects: Sequence[Any]) -> None:
    """What a message costs stands before the message."""
    seen: list[type[Any]] = []
    for effect in effects:
        if isinstance(effect, Send):
            first = COSTS.get(effect.kind)
            assert first is None or first in seen, f"{effect.kind} before what it costs"
        seen.append(type(effect))


def server_seeds() -> tuple[bytes, ...]:
    """LAST's message in every phase, as it is and signed again: phase, kind, sender, manner, its length."""
    found = []
    for at, (_, send) in enumerate(seeds.waiting()):
        kind = list(m.Kind).index(send.kind)
        for manner in (RAW, SIGNED_AGAIN):
            body = send.message[m.SIGNATURE_BYTES :] if manner else send.message
            head = bytes([at, kind, seeds.LAST, manner]) + len(body).to_bytes(2, "big")
            found.append(head + body + send.attachment)
    return tuple(found)


def coordinator(data: bytes) -> bool:
    """A message is refused and changes nothing, or everybody else can go on with it.

    What is accepted of a lying member may cost that member its place, and no honest one anything.
    """
    head = data[:6].ljust(6, b"\0")
    made, honest = seeds.waiting()[head[0] % len(seeds.waiting())]
    kind, sender = list(m.Kind)[head[1] % len(m.Kind)], head[2] % (made.n + 1)
    length = int.from_bytes(head[4:], "big")
    message, attachment = data[6 : 6 + length], data[6 + length :]
    if head[3] % 2 == SIGNED_AGAIN and sender < made.n:
        message = _signed(kind, message, made.keys[sender])
    before: Server = made.server
    kept = encode(before)
    try:
        arrived = Arrived(kind, sender, message, attachment)
        after, effects = server.advance(before, arrived, made.now, made.coordinator)
    except PeerError:
        assert encode(before) == kept
        return False
    assert decode(Server, encode(after)) == after
    if after == before:  # the same bytes once more
        return True
    assert sender in (seeds.LAST, seeds.OWN), "somebody has spoken twice"
    assert kind is honest.kind, f"{kind} while {before.phase}"
    _go_on(made, after, effects, kind, message)
    return True


def _go_on(made: Any, after: Server, effects: Sequence[Any], kind: m.Kind, message: bytes) -> None:
    assert not any(isinstance(effect, Convicted | Failed) for effect in effects) or kind is m.Kind.DEALING
    letters = {receiver: letter(after, receiver, event) for receiver in range(made.n) for event in LETTERS}
    assert all(one is None or len(one.data) <= m.BUNDLE_MOST for one in letters.values())
    if kind is m.Kind.REVEAL:
        assert any(isinstance(effect, Summed) for effect in effects) or after.phase is ServerPhase.REVEALING
    follows = {m.Kind.ADVERT: Listed, m.Kind.AGREEMENT: Agreed}.get(kind)
    event = letter(after, seeds.OWN, follows) if follows else None
    if event is not None:
        state = made.clients[seeds.OWN]
        client.advance(state, event, made.now, made.means(seeds.OWN))  # refused nowhere


MACHINES = {
    "client": Target(client_seeds, node),
    "server": Target(server_seeds, coordinator),
}
