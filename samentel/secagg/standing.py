"""What a node is in a round, what can happen to it, and what it then wants done.

Values only: the rules are in ``client``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from samentel.counting.ledger import Head
from samentel.documents.keys import SigningKey
from samentel.secagg.dealing import Secrets
from samentel.secagg.encoding import Bytes32, Size
from samentel.secagg.messages import MESSAGE_MOST, Kind, Proposal, Signed, read
from samentel.secagg.shamir import SHARE_BYTES, Randomness
from samentel.secagg.terms import CELLS_MOST, NODES_MOST, Terms

Share = Annotated[bytes, Size(SHARE_BYTES, SHARE_BYTES)]
Digest32 = Annotated[bytes, Size(0, 32)]  # empty until it is known


class Phase(StrEnum):
    """Where a node stands in a round; each says what it waits for."""

    ANNOUNCED = "announced"  # its own wish to join
    ADVERTISED = "advertised"  # all keys
    SHARED = "shared"  # seed shares of all dealers
    COUNTING = "counting"  # its own noisy counts
    MASKED = "masked"  # the proposed survivors; its loss is held
    HELPING = "helping"  # not in the sum: everybody's agreement, to reveal shares for the others
    AGREED = "agreed"  # everybody's agreement; its loss is spent
    REVEALED = "revealed"  # the result
    DONE = "done"
    ABANDONED = "abandoned"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Join:
    """Take part. ``heads``: the latest ledger head seen of every roster member, in order."""

    heads: tuple[Head, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A ``Listing`` has arrived."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Delivered:
    """A ``Delivery`` has arrived."""

    data: bytes


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Drawn:
    """Noisy counts times s, drawn for that many dealers."""

    counts: NDArray[np.int64]
    dealers: int


@dataclass(frozen=True, slots=True)
class Proposed:
    """A signed ``Proposal`` has arrived."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Agreed:
    """A ``Unanimity`` has arrived."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Resulted:
    """A signed ``Result`` has arrived."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The coordinator has given the round up."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The coordinator misses a message of this node."""

    kind: Kind


Event = Join | Listed | Delivered | Drawn | Proposed | Agreed | Resulted | Closed | Ticked | Asked


@dataclass(frozen=True, slots=True, repr=False)
class Send:
    """Send a signed message, with the rows or the vector that it names. Always the same bytes a round."""

    kind: Kind
    message: Signed
    attachment: Annotated[bytes, Size(0, 8 * CELLS_MOST)]


@dataclass(frozen=True, slots=True)
class Draw:
    """Draw the noisy counts, with noise shares for that many dealers (n2); answer with ``Drawn``."""

    dealers: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Append HOLD to the ledger: the loss of noise shares among that many dealers."""

    dealers: int


@dataclass(frozen=True, slots=True)
class Spend:
    """Append SPENT to the ledger. ``survivors``: digest of the set about to be agreed to."""

    survivors: bytes


@dataclass(frozen=True, slots=True)
class Free:
    """Append FREED to the ledger: this node has not agreed to any set and never will in this round."""


@dataclass(frozen=True, slots=True)
class Wipe:
    """The round is over here: overwrite every secret and outgoing message of it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Remember these ledger heads of other members, by position: the next adverts show them."""

    heads: tuple[tuple[int, Head], ...]


Effect = Send | Draw | Hold | Spend | Free | Seen | Wipe


@dataclass(frozen=True, slots=True)
class Means:
    """What the machine is lent for a step and never keeps.

    Attributes:
        key: the node's protocol key.
        draw: uniform random bytes from the operating system.
        on_ledger: whether a ledger head that somebody has seen of this node lies on its ledger.
        after_spending: the head of this node's ledger once the loss of this round is appended as SPENT;
            needed with ``Proposed`` only.
    """

    key: SigningKey
    draw: Randomness
    on_ledger: Callable[[Head], bool]
    after_spending: Head | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Peer:
    """A listed node, this one included.

    Attributes:
        channel: the X25519 secret agreed with it.
        mask: the key of the mask shared with it; for this node itself, of its own mask.
    """

    position: int
    channel: Bytes32
    mask: Bytes32


@dataclass(frozen=True, slots=True, repr=False)
class Held:
    """The shares of one dealer's seed and mask key; at most one of them ever leaves."""

    dealer: int
    seed: Share
    key: Share


@dataclass(frozen=True, slots=True, repr=False)
class Client:
    """The state of one node in one round. Its bytes hold secrets: seal them.

    Attributes:
        own: this node's position.
        secrets: from ADVERTISED until dealt.
        listing, listed: digest and positions of U1.
        peers: from SHARED until masked.
        dealers: digest of U2.
        held: by dealer, in order, from COUNTING until revealed; its positions are U2.
        vector: SHA-256 of the masked counts.
        proposal: the one signed proposal that this node agreed to or helps with.
        outbox: what was sent, for sending it again.
    """

    terms: Terms
    own: int
    phase: Phase = Phase.ANNOUNCED
    secrets: Secrets | None = None
    listing: Digest32 = b""
    listed: Annotated[tuple[int, ...], Size(0, NODES_MOST)] = ()
    peers: Annotated[tuple[Peer, ...], Size(0, NODES_MOST)] = ()
    dealers: Digest32 = b""
    held: Annotated[tuple[Held, ...], Size(0, NODES_MOST)] = ()
    vector: Digest32 = b""
    proposal: Annotated[bytes, Size(0, MESSAGE_MOST)] = b""
    outbox: Annotated[tuple[Send, ...], Size(0, len(Kind))] = ()

    def __repr__(self) -> str:
        return f"Client(<{self.terms.members[self.own].node}, {self.phase}>)"

    @property
    def survivors(self) -> tuple[int, ...]:
        """The members of the one set of this round; ask only once there is one."""
        return read(Proposal, self.proposal).positions
