"""What the coordinator holds of a round, what can happen to it, and what each node is sent next.

Values and letters only: the rules are in ``server``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from samentel.secagg import tree
from samentel.secagg.encoding import Size, encode
from samentel.secagg.evidence import BadDealing
from samentel.secagg.messages import (
    ENTRY_BYTES,
    HEAD_BYTES,
    MESSAGE_MOST,
    Kind,
    Positions,
    Proposal,
    Signed,
    Steps,
    Unanimity,
    dealers_digest,
    listing_digest,
    name_of,
    read,
)
from samentel.secagg.ring import centred, from_wire
from samentel.secagg.standing import Agreed, Closed, Delivered, Listed, Proposed, Resulted, Ticked
from samentel.secagg.terms import CELLS_MOST, NODES_MOST, Terms

ATTACHMENT_MOST = max(8 * CELLS_MOST, NODES_MOST * ENTRY_BYTES)
Letter = Listed | Delivered | Proposed | Agreed | Resulted


class Phase(StrEnum):
    """Where a round stands; each says what it gathers."""

    ADVERTISING = "advertising"
    SHARING = "sharing"
    MASKING = "masking"
    AGREEING = "agreeing"
    REVEALING = "revealing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, repr=False)
class Arrived:
    """A signed message from the node at that position, as its certificate says; rows or vector beside it."""

    kind: Kind
    sender: int
    message: bytes
    attachment: bytes = b""


@dataclass(frozen=True, slots=True)
class Polled:
    """A node has asked for news: it is up."""

    sender: int


Event = Arrived | Polled | Ticked | Closed


@dataclass(frozen=True, slots=True)
class Turned:
    """The round is in another phase: whoever polls has a letter waiting."""

    phase: Phase


@dataclass(frozen=True, slots=True, repr=False)
class Summed:
    """The national sum.

    Attributes:
        survivors: digest of the set, and ``positions`` its members.
        dealers: n2: the noise shares were drawn for that many.
        total: the sum as residues, little-endian.
    """

    survivors: bytes
    positions: tuple[int, ...]
    dealers: int
    total: bytes

    def counts(self, terms: Terms) -> NDArray[np.int64]:
        """Noisy national counts times s, null cells included. Shape (cells,)."""
        return centred(from_wire(self.total, terms.cells, terms.ring), terms.ring)


@dataclass(frozen=True, slots=True)
class Convicted:
    """A dealer is proven to have dealt wrongly: to the authority with it."""

    evidence: BadDealing


@dataclass(frozen=True, slots=True)
class Failed:
    """The round has ended without a sum."""

    why: str


Effect = Turned | Summed | Convicted | Failed


@dataclass(frozen=True, slots=True, repr=False)
class Posted:
    """A message as it arrived and held."""

    sender: int
    message: Signed
    attachment: Annotated[bytes, Size(0, ATTACHMENT_MOST)]


Posts = Annotated[tuple[Posted, ...], Size(0, NODES_MOST)]


@dataclass(frozen=True, slots=True, repr=False)
class Server:
    """The state of one round at the coordinator.

    Attributes:
        present: who is waited for at first.
        listing, dealers: digests of U1 and U2, each known once its phase is over.
        polled: who has polled since the last upload arrived, at ``uploaded_at``.
        proposal, result: signed; empty until there is one.
    """

    terms: Terms
    present: Positions
    phase: Phase = Phase.ADVERTISING
    adverts: Posts = ()
    dealings: Posts = ()
    uploads: Posts = ()
    agreements: Posts = ()
    reveals: Posts = ()
    listing: Annotated[bytes, Size(0, 32)] = b""
    dealers: Annotated[bytes, Size(0, 32)] = b""
    polled: Positions = ()
    uploaded_at: datetime | None = None
    proposal: Annotated[bytes, Size(0, MESSAGE_MOST)] = b""
    result: Annotated[bytes, Size(0, MESSAGE_MOST)] = b""

    def __repr__(self) -> str:
        return f"Server(<{self.phase}>)"

    @property
    def listed(self) -> tuple[int, ...]:
        """U1, once ADVERTISING is over."""
        return tuple([posted.sender for posted in self.adverts])

    @property
    def dealt(self) -> tuple[int, ...]:
        """U2, once SHARING is over."""
        return tuple([posted.sender for posted in self.dealings])

    @property
    def proposed(self) -> Proposal:
        """The proposal; ask only from AGREEING on."""
        return read(Proposal, self.proposal)

    @property
    def survivors(self) -> bytes:
        """The digest of the proposed set (U3)."""
        return name_of(Kind.PROPOSAL, self.proposal)

    def posted(self, kind: Kind) -> Mapping[int, Posted]:
        """What has arrived of one kind, by sender."""
        posts = {
            Kind.ADVERT: self.adverts,
            Kind.DEALING: self.dealings,
            Kind.UPLOAD: self.uploads,
            Kind.AGREEMENT: self.agreements,
            Kind.REVEAL: self.reveals,
        }
        return {posted.sender: posted for posted in posts.get(kind, ())}


def name_of_list(server: Server) -> bytes:
    """The digest of U1."""
    return listing_digest(server.terms, [posted.message for posted in server.adverts])


def name_of_dealers(server: Server) -> bytes:
    """The digest of U2."""
    return dealers_digest(server.listing, [posted.message for posted in server.dealings])


_REACHED = tuple(Phase)[: tuple(Phase).index(Phase.DONE) + 1]


def letter(server: Server, receiver: int, kind: type[Letter]) -> Letter | None:
    """What a node is sent when it waits for this kind of letter, or None while there is nothing for it.

    Built anew at each call from what has arrived, so it is the same bytes however often it is sent.
    """
    if server.phase not in _REACHED:
        return None
    reached = _REACHED.index(server.phase)
    if kind is Listed and reached >= _REACHED.index(Phase.SHARING) and receiver in server.listed:
        return _listed(server, receiver)
    if receiver not in server.dealt:
        return None
    if kind is Delivered and reached >= _REACHED.index(Phase.MASKING):
        return _delivered(server, receiver)
    if kind is Proposed and server.proposal:
        return Proposed(server.proposal)
    if kind is Agreed and reached >= _REACHED.index(Phase.REVEALING):
        return Agreed(_unanimity(tuple([posted.message for posted in server.agreements])))
    if kind is Resulted and server.result:
        return Resulted(server.result)
    return None


def _listed(server: Server, receiver: int) -> Listed:
    tables = tuple([posted.attachment for posted in server.adverts])
    adverts = tuple([posted.message for posted in server.adverts])
    return Listed(_bundle(server.listed, adverts, *tree.column(tables, HEAD_BYTES, receiver)))


def _delivered(server: Server, receiver: int) -> Delivered:
    tables = tuple([posted.attachment for posted in server.dealings])
    dealings = tuple([posted.message for posted in server.dealings])
    column = tree.column(tables, ENTRY_BYTES, server.listed.index(receiver))
    return Delivered(_bundle(server.dealt, dealings, *column))


@dataclass(frozen=True, slots=True)
class _Shared:
    """How a ``Listing`` and a ``Delivery`` begin: the same for every receiver."""

    positions: Positions
    messages: Annotated[tuple[Signed, ...], Size(1, NODES_MOST)]


@dataclass(frozen=True, slots=True)
class _Column:
    """How they end: what is for one receiver alone."""

    rows: Annotated[bytes, Size(0, NODES_MOST * max(HEAD_BYTES, ENTRY_BYTES))]
    steps: Steps


def _bundle(positions: tuple[int, ...], messages: tuple[bytes, ...], rows: bytes, steps: bytes) -> bytes:
    """A ``Listing`` or ``Delivery``: a record is its fields one after the other (ENC-1)."""
    return _shared(positions, messages) + encode(_Column(rows, steps))


@lru_cache(maxsize=2)  # the same for a thousand receivers, one after the other
def _shared(positions: tuple[int, ...], messages: tuple[bytes, ...]) -> bytes:
    return encode(_Shared(positions, messages))


@lru_cache(maxsize=2)
def _unanimity(agreements: tuple[bytes, ...]) -> bytes:
    return encode(Unanimity(agreements))
