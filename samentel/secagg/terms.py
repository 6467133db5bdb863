"""What a round is about, and how many institutions each of its steps needs.

Every node derives the terms itself, from the signed programme, the signed
roster and the round; nothing here is taken from the coordinator. The digest of
the terms stands in every message, so whoever was shown other terms is not
understood.

n1, n2, n3 are the institutions with keys (U1), with seed shares dealt (U2) and
in the sum (U3); c may collude with the coordinator, D may fall out after
dealing. The threshold t belongs to n1 and nobody chooses it.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated

from samentel.documents.keys import VerifyKey
from samentel.errors import PeerError, Reason, Refusal
from samentel.secagg.encoding import Bytes32, Name, Size, encode
from samentel.secagg.ring import Ring

LEAST_HONEST = 2  # one alone against all others has only its own noise share to hide behind
NODES_MOST = 10_000
CELLS_MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """An institution of the roster: its node and its raw Ed25519 protocol key."""

    node: Name
    key: Bytes32


@dataclass(frozen=True, slots=True)
class Level:
    """A level that institutions fix themselves (a type, a province), and who has it, by position."""

    name: Name
    positions: Annotated[tuple[int, ...], Size(1, NODES_MOST)]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Until when each step may take; after ``expires_at`` no node holds a secret of the round any more."""

    advertise_until: datetime
    share_until: datetime
    mask_until: datetime
    expires_at: datetime

    def __post_init__(self) -> None:
        if not self.advertise_until < self.share_until < self.mask_until < self.expires_at:
            raise ValueError("the deadlines of a round follow each other")


@dataclass(frozen=True, repr=False)
class Terms:
    """One attempt at one period of one programme.

    Attributes:
        round: the round id, 32 bytes; it names programme, period and attempt.
        programme, roster: digests of the signed documents.
        coordinator: the coordinator's raw Ed25519 key, from the roster.
        members: the roster in order of node id. Everywhere else a member is its position here.
        institutions_min: the least number in a sum.
        collude_max, absent_max: c and D.
        cells: length of the vector, null cells included.
        levels: those under the rule of c + 2; levels with small-level consents are left out.
    """

    round: Bytes32
    programme: Bytes32
    roster: Bytes32
    coordinator: Bytes32
    members: Annotated[tuple[Member, ...], Size(1, NODES_MOST)]
    institutions_min: int
    collude_max: int
    absent_max: int
    cells: int
    ring: Ring
    levels: Annotated[tuple[Level, ...], Size(0, 1000)]
    deadlines: Deadlines

    def __post_init__(self) -> None:
        # TERMS-3
        nodes = [member.node for member in self.members]
        if nodes != sorted(set(nodes)) or len({member.key for member in self.members}) < len(nodes):
            raise ValueError("the members of a round differ in node and key, and stand in order")
        if not 1 <= self.cells <= CELLS_MOST:
            raise ValueError(f"a vector has between 1 and {CELLS_MOST} cells")

    def __repr__(self) -> str:
        return f"Terms(<round {self.round.hex()[:12]}, {len(self.members)} members>)"

    @cached_property
    def digest(self) -> bytes:
        """The name of these terms, 32 bytes (TERMS-2)."""
        return hashlib.sha256(b"samentel/v1/secagg/terms/" + encode(self)).digest()

    def key(self, position: int) -> VerifyKey:
        """The protocol key at a position; raises PeerError when the roster has no such position."""
        if not 0 <= position < len(self.members):
            raise PeerError("a message names an institution that is not on the roster")
        return VerifyKey(self.members[position].key)

    def position(self, node: str) -> int | None:
        """Where a node stands, or None."""
        return next((at for at, member in enumerate(self.members) if member.node == node), None)


@dataclass(frozen=True, slots=True)
class Floors:
    """What a node itself demands of a programme, whatever was signed."""

    institutions_min: int = 3
    collude_min: int = 0


def point(position: int) -> int:
    """Where a member's seed share is evaluated; never zero, where the secret lies."""
    return position + 1


def threshold(listed: int) -> int:
    """t: how many institutions can recover a secret, of n1 that hold seed shares (TERMS-4).

    More than two thirds, so that the honest ones cannot be split into two
    groups of which each helps to recover another secret of one institution.
    """
    return 2 * listed // 3 + 1


def check_announced(terms: Terms, floors: Floors) -> None:
    """Refuse terms below this node's own floors, or that no roster of this size can carry (TERMS-9).

    Raises:
        Refusal: PARAMETER_BELOW_FLOOR.
    """
    if terms.institutions_min < max(floors.institutions_min, 3):
        raise Refusal(Reason.PARAMETER_BELOW_FLOOR, f"a sum of {terms.institutions_min} is too small here")
    if terms.collude_max < floors.collude_min:
        raise Refusal(
            Reason.PARAMETER_BELOW_FLOOR,
            f"the programme withstands {terms.collude_max} that collude, {floors.collude_min} are asked here",
        )
    try:
        check_listed(terms, range(len(terms.members)))
    except PeerError as error:
        raise Refusal(Reason.PARAMETER_BELOW_FLOOR, f"even with the whole roster: {error}") from None


def check_listed(terms: Terms, listed: Collection[int]) -> None:
    """Raise PeerError unless a round can go on with these keys (U1; TERMS-5)."""
    lacking = lacks(len(listed), terms.institutions_min, terms.collude_max, terms.absent_max)
    if lacking:
        raise PeerError(lacking)
    _check_levels(terms, listed)


def lacks(n: int, least: int, collude: int, absent: int) -> str:
    """Why that many keys cannot carry a round, or nothing (TERMS-5).

    Args:
        least, collude, absent: the programme's least number of institutions, its c and its D.
    """
    t = threshold(n)
    if collude >= 2 * t - n:
        lacking = f"{n} institutions cannot withstand {collude} that collude"
    elif t > n - absent:
        lacking = f"{n} institutions cannot spare {absent}: {t} are needed to finish"
    else:
        lacking = ""
    return _short_of(n, least, collude, absent) or lacking


def check_dealt(terms: Terms, listed: int, dealt: int) -> None:
    """Raise PeerError unless a round can go on with these dealers (U2; TERMS-6).

    Args:
        listed, dealt: n1 and n2.
    """
    short = _short_of(dealt, terms.institutions_min, terms.collude_max, terms.absent_max)
    if short:
        raise PeerError(short)
    t = threshold(listed)
    if t > dealt - terms.absent_max:
        raise PeerError(f"{dealt} institutions cannot spare {terms.absent_max}: {t} are needed to finish")


def check_survivors(terms: Terms, dealt: Collection[int], survivors: Collection[int]) -> None:
    """Raise PeerError unless this set (U3) may be summed: noise was drawn for n2 - D (TERMS-7)."""
    if not set(survivors) <= set(dealt):
        raise PeerError("the survivors include an institution that has not dealt seed shares")
    if len(survivors) < max(terms.institutions_min, len(dealt) - terms.absent_max):
        raise PeerError(f"{len(survivors)} of {len(dealt)} are too few for the noise that was drawn")
    if len(survivors) - terms.collude_max < LEAST_HONEST:
        raise PeerError("too few honest institutions would be left in the sum")
    _check_levels(terms, survivors)


def _short_of(n: int, least: int, collude: int, absent: int) -> str:
    if n < least:
        return f"{n} institutions, {least} are needed"
    if n - collude - absent < LEAST_HONEST:
        return f"{n} are too few for {collude} colluding and {absent} absent"
    return ""


def _check_levels(terms: Terms, present: Collection[int]) -> None:
    inside = set(present)  # TERMS-8
    for level in terms.levels:
        if len(inside.intersection(level.positions)) < terms.collude_max + LEAST_HONEST:
            raise PeerError(f"too few institutions of level {level.name} are left")
