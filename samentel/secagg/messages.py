"""Everything that is said in a secure sum: one small, closed vocabulary.

Seven kinds are signed by the one who speaks. A signature covers the SHA-256 of
the kind's own label and the canonical bytes (``encoding``), so no message can
pass for one of another kind, round, roster or sender: the digest of the terms
and the sender stand in each. ``hear`` verifies before it parses.

Three more (``Listing``, ``Delivery``, ``Unanimity``) are only bundles in which
the coordinator passes on what others have signed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, ClassVar, TypeVar

from samentel.counting.ledger import Head
from samentel.documents.keys import SigningKey, VerifyKey
from samentel.errors import PeerError
from samentel.ids import Digest
from samentel.secagg import tree
from samentel.secagg.encoding import Bytes32, Size, decode, encode
from samentel.secagg.shamir import SHARE_BYTES
from samentel.secagg.terms import NODES_MOST, Terms

SIGNATURE_BYTES = 64
HEAD_BYTES = 40  # a ledger head: 8 bytes length, 32 bytes digest
ENTRIES_MOST = 1 << 40  # every ledger is shorter
PAIR_SEALED = 2 * SHARE_BYTES + 16  # both shares and the authentication tag
ENTRY_BYTES = PAIR_SEALED + 2 * 32  # and a commitment to each share
MESSAGE_MOST = 2 << 20
BUNDLE_MOST = 16 << 20  # everything a node receives in one phase; 1,000 institutions send it 0.7 MB

Positions = Annotated[tuple[int, ...], Size(0, NODES_MOST)]
Steps = Annotated[bytes, Size(0, NODES_MOST * tree.PATH_MOST)]
Signed = Annotated[bytes, Size(SIGNATURE_BYTES, MESSAGE_MOST)]
Packed = Annotated[bytes, Size(0, NODES_MOST * SHARE_BYTES)]


class Kind(StrEnum):
    """What a signed message is."""

    ADVERT = "advert"
    DEALING = "dealing"
    UPLOAD = "upload"
    PROPOSAL = "proposal"
    AGREEMENT = "agreement"
    REVEAL = "reveal"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Advert:
    """A node's public keys for this round, and what it knows of others' ledgers.

    Attributes:
        terms: digest of the terms as the sender derived them; so in every message.
        channel: X25519 public key under which seed shares are sent to this node.
        mask: X25519 public key from which the masks shared with it follow.
        heads: hash tree over the latest ledger head it has seen of each roster member, in order.
    """

    kind: ClassVar[Kind] = Kind.ADVERT
    terms: Bytes32
    sender: int
    channel: Bytes32
    mask: Bytes32
    heads: Bytes32


@dataclass(frozen=True, slots=True)
class Dealing:
    """A node has shared its two secrets among the listed nodes.

    Attributes:
        listing, count: digest of the list of adverts (U1), and how many they are; the threshold follows.
        seed: commitment to its self-mask seed.
        entries: hash tree over what each listed node is dealt, in order: a ciphertext of both shares, and a
            commitment to each. Signed here, so that shares which do not fit can be held against the dealer.
    """

    kind: ClassVar[Kind] = Kind.DEALING
    terms: Bytes32
    sender: int
    listing: Bytes32
    count: int
    seed: Bytes32
    entries: Bytes32


@dataclass(frozen=True, slots=True)
class Upload:
    """A node hands in its masked counts, named by their SHA-256.

    Attributes:
        dealers: digest of the dealings it holds shares of (U2).
        length: bytes of the vector.
    """

    kind: ClassVar[Kind] = Kind.UPLOAD
    terms: Bytes32
    sender: int
    dealers: Bytes32
    vector: Bytes32
    length: int


@dataclass(frozen=True, slots=True)
class Survivor:
    """A member of the proposed sum and the SHA-256 of its masked counts."""

    position: int
    vector: Bytes32


@dataclass(frozen=True, slots=True)
class Proposal:
    """The coordinator proposes the survivors (U3); its digest is the name of this exact set."""

    kind: ClassVar[Kind] = Kind.PROPOSAL
    terms: Bytes32
    dealers: Bytes32
    survivors: Annotated[tuple[Survivor, ...], Size(1, NODES_MOST)]

    @property
    def positions(self) -> tuple[int, ...]:
        """The members of the set."""
        return tuple(survivor.position for survivor in self.survivors)


@dataclass(frozen=True, slots=True)
class Agreement:
    """A survivor agrees to exactly one set: from here on its privacy loss is spent.

    Attributes:
        survivors: digest of the proposal.
        head: of the sender's ledger, with that loss just spent. Every survivor reads it and shows it to
            everybody in later rounds, so that an old copy of the sender's ledger is found out.
    """

    kind: ClassVar[Kind] = Kind.AGREEMENT
    terms: Bytes32
    sender: int
    survivors: Bytes32
    head: Annotated[bytes, Size(HEAD_BYTES, HEAD_BYTES)]


@dataclass(frozen=True, slots=True, repr=False)
class Reveal:
    """A node reveals one share of each peer: of the seed of a survivor, of the mask key of one that fell out.

    The two lists follow from the set, so there is no way to ask for both shares of one peer (REVEAL-1).

    Attributes:
        seeds: for each survivor, in order, the sender's share of its seed; 33 bytes each.
        keys: for each other dealer outside the set, in order, the share of its mask key; 33 bytes each.
    """

    kind: ClassVar[Kind] = Kind.REVEAL
    terms: Bytes32
    sender: int
    survivors: Bytes32
    seeds: Packed
    keys: Packed

    def __repr__(self) -> str:
        return f"Reveal(<sender {self.sender}>)"


@dataclass(frozen=True, slots=True)
class Result:
    """The coordinator has the sum: nothing more is asked of anybody.

    Attributes:
        total: SHA-256 of the sum as residues (REVEAL-6).
    """

    kind: ClassVar[Kind] = Kind.RESULT
    terms: Bytes32
    survivors: Bytes32
    total: Bytes32


@dataclass(frozen=True, slots=True)
class Listing:
    """All adverts (U1), for one receiver.

    Attributes:
        heads: for each advert, the ledger head that its sender holds of the receiver; 40 bytes each.
        steps: for each of these heads, its path in the sender's tree; all of one length.
    """

    positions: Positions
    adverts: Annotated[tuple[Signed, ...], Size(1, NODES_MOST)]
    heads: Annotated[bytes, Size(HEAD_BYTES, NODES_MOST * HEAD_BYTES)]
    steps: Steps


@dataclass(frozen=True, slots=True)
class Delivery:
    """What all dealers (U2) have dealt to one receiver, under each dealer's signature over all it has dealt.

    Attributes:
        entries: for each dealing, the receiver's entry; ``ENTRY_BYTES`` each.
        steps: for each of these entries, its path in the dealer's tree; all of one length.
    """

    dealers: Positions
    dealings: Annotated[tuple[Signed, ...], Size(1, NODES_MOST)]
    entries: Annotated[bytes, Size(ENTRY_BYTES, NODES_MOST * ENTRY_BYTES)]
    steps: Steps


@dataclass(frozen=True, slots=True)
class Unanimity:
    """The agreement of every survivor, in the order of the set."""

    agreements: Annotated[tuple[Signed, ...], Size(1, NODES_MOST)]


NodeMessage = Advert | Dealing | Upload | Agreement | Reveal
Message = NodeMessage | Proposal | Result
M = TypeVar("M", Advert, Dealing, Upload, Agreement, Reveal, Proposal, Result)
P = TypeVar("P", Advert, Dealing, Upload, Proposal)
B = TypeVar("B", Listing, Delivery, Unanimity)


def name_of(kind: Kind, data: bytes) -> bytes:
    """The name of a signed message, from the bytes as they travel: what is signed, 32 bytes."""
    return _digest(kind, data[SIGNATURE_BYTES:])


def sign(message: Message, key: SigningKey) -> bytes:
    """A message as it travels: the signature, then the canonical bytes (ENC-3)."""
    body = encode(message)
    return key.sign(_digest(message.kind, body)) + body


def hear(kind: type[M], data: bytes, key: VerifyKey, terms: Terms) -> M:
    """The message, once its signature and its terms hold (ENC-4).

    Raises:
        PeerError: not signed by that key as this kind, not well formed, or said about another round.
    """
    signature, body = data[:SIGNATURE_BYTES], data[SIGNATURE_BYTES:]
    if len(data) > MESSAGE_MOST or not key.verifies(signature, _digest(kind.kind, body)):
        raise PeerError(f"the signature of this {kind.kind} does not hold")
    message = parse(kind, data)
    if message.terms != terms.digest:
        raise PeerError(f"this {kind.kind} belongs to another round, roster or programme")
    return message


def hear_from(sender: int, kind: type[M], data: bytes, terms: Terms) -> M:
    """The message of one member; raises PeerError as ``hear``, or when it names another sender."""
    message = hear(kind, data, terms.key(sender), terms)
    if getattr(message, "sender", None) != sender:
        raise PeerError(f"this {kind.kind} names another sender than the one who signed it")
    return message


def read(kind: type[P], data: bytes) -> P:
    """A public message that was heard before, such as one in a state."""
    hint: Any = kind
    message: P = _remembered(hint, data)
    return message


def parse(kind: type[M], data: bytes) -> M:
    """A signed message without its signature, not verified; raises PeerError when not well formed."""
    try:
        return decode(kind, data[SIGNATURE_BYTES:])
    except ValueError:
        raise PeerError(f"this {kind.kind} is not well formed") from None


def open_bundle(kind: type[B], data: bytes) -> B:
    """A bundle from the coordinator, nothing in it verified yet; raises PeerError when not well formed."""
    if len(data) > BUNDLE_MOST:
        raise PeerError("a message of the coordinator is too large")
    try:
        return decode(kind, data)
    except ValueError:
        raise PeerError(f"this {kind.__name__.lower()} is not well formed") from None


def parts(data: bytes, count: int) -> list[bytes]:
    """Bytes cut into that many parts of one length; raises PeerError when they cannot be."""
    width, rest = divmod(len(data), count)
    if rest:
        raise PeerError("the rows of a bundle have different lengths")
    return [data[at * width : (at + 1) * width] for at in range(count)]


def pack_head(head: Head) -> bytes:
    """A ledger head as its 40 bytes (ENC-7)."""
    return head.length.to_bytes(8, "big") + bytes.fromhex(head.digest)


def unpack_head(data: bytes) -> Head:
    """The ledger head of 40 bytes; raises PeerError when it names more entries than a ledger can have."""
    length = int.from_bytes(data[:8], "big")
    if length >= ENTRIES_MOST:
        raise PeerError("a ledger head names more entries than a ledger can have")
    return Head(length, Digest(data[8:].hex()))


def check_order(positions: Sequence[int], length: int) -> None:
    """Raise PeerError unless positions rise, and there are that many."""
    if list(positions) != sorted(set(positions)) or len(positions) != length:
        raise PeerError("the institutions of a message are not in order")


def listing_digest(terms: Terms, adverts: Sequence[bytes]) -> bytes:
    """The name of U1: the signed adverts, in order of position (ENC-6)."""
    return _chain(b"listing", terms.digest, adverts)


def dealers_digest(listing: bytes, dealings: Sequence[bytes]) -> bytes:
    """The name of U2: the list of adverts and the signed dealings, in order of position."""
    return _chain(b"dealers", listing, dealings)


def dealers_named(listing: bytes, dealings: Sequence[bytes]) -> bytes:
    """The same from the SHA-256 of each dealing: shows how many dealt without the dealings themselves."""
    return _linked(b"dealers", listing, dealings)


@lru_cache(maxsize=8192)  # the coordinator comes back to each key and each dealing many times
def _remembered(kind: Any, data: bytes) -> Any:
    return parse(kind, data)


def _digest(kind: Kind, body: bytes) -> bytes:
    label = f"samentel/v1/secagg/{kind}".encode()
    return hashlib.sha256(len(label).to_bytes(4, "big") + label + body).digest()


def _chain(label: bytes, start: bytes, signed: Sequence[bytes]) -> bytes:
    return _linked(label, start, [hashlib.sha256(message).digest() for message in signed])


def _linked(label: bytes, start: bytes, digests: Sequence[bytes]) -> bytes:
    return hashlib.sha256(b"".join([b"samentel/v1/secagg/", label, b"/", start, *digests])).digest()
