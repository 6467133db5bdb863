"""Every parser as a target of fuzzing: bytes in, and what must be true of whatever comes out.

A target returns whether the bytes were accepted. Only the documented errors are caught: whatever else leaves
is a fault, and so is a broken promise (``AssertionError``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import fuzzed_seeds as seeds

from samentel.documents import access, envelope, programme, roster, statements
from samentel.documents.model import from_json, to_bytes
from samentel.errors import DocumentError, PeerError
from samentel.secagg import messages as m
from samentel.secagg.encoding import decode, encode
from samentel.secagg.evidence import BadDealing, proves
from samentel.secagg.relay import Server
from samentel.secagg.standing import Client
from samentel.secagg.terms import Terms
from samentel.secagg.unmasking import _proof, _revealed
from samentel.wire import codec

SIGNED = (m.Advert, m.Dealing, m.Upload, m.Proposal, m.Agreement, m.Reveal, m.Result)
BUNDLES = (m.Listing, m.Delivery, m.Unanimity)
STATES = (Terms, Client, Server, BadDealing)
STATEMENTS = tuple(type(one) for one in seeds.said())
ACCESS = (access.Invitation, access.Endpoint)


@dataclass(frozen=True)
class Target:
    """One way in.

    Attributes:
        seeds: valid inputs.
        run: whether the bytes were accepted.
    """

    seeds: Callable[[], tuple[bytes, ...]]
    run: Callable[[bytes], bool]


def _chosen(kinds: tuple[Any, ...], data: bytes) -> tuple[Any, bytes]:
    """The first byte says which of several."""
    return kinds[(data[0] if data else 0) % len(kinds)], data[1:]


def _numbered(parts: list[bytes]) -> tuple[bytes, ...]:
    return tuple(bytes([number]) + part for number, part in enumerate(parts))


# Messages on the wire.


@cache
def wire_kinds() -> tuple[Any, ...]:
    """Every class of the contract, by name."""
    classes = seeds.kit("samentel/test_codec.py").CLASSES
    return tuple(classes[name] for name in sorted(classes))


def wire_seeds() -> tuple[bytes, ...]:
    """An example of every message."""
    made = seeds.kit("samentel/test_codec.py")
    return _numbered([made.sent(made.example(kind)) for kind in wire_kinds()])


def wire(data: bytes) -> bool:
    """A message is refused, or its value is written and read back the same."""
    kind, raw = _chosen(wire_kinds(), data)
    try:
        value = codec.decode(kind, raw)
    except codec.MessageError:
        return False
    again = codec.encode(value)
    assert codec.decode(kind, again) == value
    assert codec.encode(codec.decode(kind, again)) == again
    return True


# Messages, bundles and states of a secure sum.


@cache
def examples() -> tuple[bytes, ...]:
    """A signed message of every kind, in the order of SIGNED, all by LAST or the coordinator."""
    sent = {str(send.kind): send.message for send in seeds.outbox()}
    server = seeds.federation("never").server
    sent |= {"proposal": server.proposal, "result": server.result}
    return tuple(sent[str(kind.kind)] for kind in SIGNED)


def message(data: bytes) -> bool:
    """Whatever bytes are a message are the only bytes of that message."""
    kind, raw = _chosen(SIGNED, data)
    try:
        value = m.parse(kind, raw)
    except PeerError:
        return False
    assert encode(value) == raw[m.SIGNATURE_BYTES :]
    return True


def bundle_seeds() -> tuple[bytes, ...]:
    """The three bundles of a round."""
    letters = {type(m.open_bundle(kind, data)): data for kind, data in _bundles()}
    return _numbered([letters[kind] for kind in BUNDLES])


def _bundles() -> list[tuple[Any, bytes]]:
    standing = seeds.standings()
    return [(m.Listing, standing[1][1]), (m.Delivery, standing[2][1]), (m.Unanimity, standing[6][1])]


def bundle(data: bytes) -> bool:
    """The same of what the coordinator passes on."""
    kind, raw = _chosen(BUNDLES, data)
    try:
        value = m.open_bundle(kind, raw)
    except PeerError:
        return False
    assert encode(value) == raw
    return True


def state_seeds() -> tuple[bytes, ...]:
    """Terms, states in every phase, and a piece of evidence."""
    found = [bytes([0]) + encode(seeds.federation("never").terms)]
    found += [bytes([1]) + encode(made.clients[seeds.OWN]) for made, _ in seeds.standings()]
    found += [bytes([2]) + encode(made.server) for made, _ in seeds.waiting()]
    return (*found, *(bytes([3]) + data for data in evidence_seeds()))


def state(data: bytes) -> bool:
    """The same of what is stored; a text for people can always be made of it."""
    kind, raw = _chosen(STATES, data)
    try:
        value = decode(kind, raw)
    except ValueError:
        return False
    assert encode(value) == raw
    return True


def hear_seeds() -> tuple[bytes, ...]:
    """Bodies of messages: 0 and the whole message, or 1 and the body alone, to be signed by the target."""
    whole = _numbered(list(examples()))
    return tuple(bytes([0]) + one for one in whole) + tuple(
        bytes([1]) + one[:1] + one[1 + m.SIGNATURE_BYTES :] for one in whole
    )


def hear(data: bytes) -> bool:
    """Only what was said is heard; and of what is well signed only what is whole, ours, the sender's."""
    made, mode = seeds.federation("never"), (data[0] if data else 0) % 2
    kind, raw = _chosen(SIGNED, data[1:])
    key = made.coordinator if kind in (m.Proposal, m.Result) else made.keys[seeds.LAST]
    if mode:
        raw = key.sign(m.name_of(kind.kind, bytes(m.SIGNATURE_BYTES) + raw)) + raw
    try:
        if kind in (m.Proposal, m.Result):
            value = m.hear(kind, raw, key.public, made.terms)
        else:
            value = m.hear_from(seeds.LAST, kind, raw, made.terms)
    except PeerError:
        return False
    assert mode or raw in examples(), "a signature that nobody has made"
    assert encode(value) == raw[m.SIGNATURE_BYTES :]
    assert value.terms == made.terms.digest
    assert getattr(value, "sender", seeds.LAST) == seeds.LAST
    return True


@cache
def evidence_seeds() -> tuple[bytes, ...]:
    """What the coordinator would show against honest dealers."""
    server = seeds.federation("never").server
    dealers = server.proposed.positions
    return tuple(
        encode(_proof(server, 0, dealer, shares)) for dealer, shares in _revealed(server, 0, dealers).items()
    )


def evidence(data: bytes) -> bool:
    """Nothing proves anything against an honest dealer."""
    try:
        shown = decode(BadDealing, data)
    except ValueError:
        return False
    terms = seeds.federation("never").terms
    try:
        proven = proves(terms, shown)
    except PeerError:
        return False
    assert not proven
    return True


# Documents.


def envelope_file(data: bytes) -> bool:
    """An envelope that was read is written and read back the same, and opens only as what it is."""
    try:
        value = envelope.from_json(data)
    except DocumentError:
        return False
    key = seeds.secagg().key("node 1")
    for statement in seeds.said():
        kind = statements.payload_type(statement.kind)
        try:
            payload = envelope.open_envelope(value, kind, [key.public])
        except PeerError:
            continue
        assert payload == to_bytes(statement), "a signature that nobody has made"
    assert envelope.from_json(envelope.to_json(value)) == value
    return True


def programme_file(data: bytes) -> bool:
    """A programme that holds can be measured."""
    try:
        value = programme.parse(data)
    except DocumentError:
        return False
    assert 0 < value.vector_length <= programme.MAX_CELLS
    assert sum(value.rho_of(table) for table in value.tables) <= value.rho
    for table in value.tables:
        assert value.cells(table) >= 1
    return True


def roster_file(data: bytes) -> bool:
    """A roster that holds is written and read back the same."""
    try:
        value = roster.parse(data)
    except DocumentError:
        return False
    assert all(value.institution(entry.node) is not None for entry in value.institutions)
    again = roster.parse(to_bytes(value))
    # Field by field: a roster also keeps the digest of the bytes that it was read from, blanks and all.
    assert dict(again) == dict(value)
    assert to_bytes(again) == to_bytes(value)
    return True


def statement(data: bytes) -> bool:
    """A statement of any bytes, well signed: refused, or written and read back the same."""
    kind, raw = _chosen(STATEMENTS, data)
    key = seeds.secagg().key("node 1")
    name = statements.payload_type(kind.model_fields["kind"].default)
    try:
        value = statements.hear(kind, envelope.seal(name, raw, key), key.public)
    except PeerError:
        return False
    assert from_json(kind, to_bytes(value), "statement") == value
    return True


def statement_seeds() -> tuple[bytes, ...]:
    """One of every kind."""
    return _numbered([to_bytes(one) for one in seeds.said()])


TARGETS = {
    "wire": Target(wire_seeds, wire),
    "message": Target(lambda: _numbered(list(examples())), message),
    "bundle": Target(bundle_seeds, bundle),
    "state": Target(state_seeds, state),
    "hear": Target(hear_seeds, hear),
    "evidence": Target(evidence_seeds, evidence),
    "envelope": Target(seeds.envelopes, envelope_file),
    "programme": Target(seeds.programmes, programme_file),
    "roster": Target(lambda: (to_bytes(seeds.roster()),), roster_file),
    "statement": Target(statement_seeds, statement),
}
