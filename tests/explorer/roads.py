"""Every road that an honest member can be led along, walked by the real machine.

A *stand* is where a member can be: its state, and everything that it has done on the way there. Which
letters there are, ``letters`` says; what a letter does, ``samentel.secagg.client.advance`` alone says: it is
tried at every stand. An edge carries which messages of honest members the adversary must hold before it can
write that letter, so that the members' roads can be put together afterwards (``product``).

Each accepted step is also looked at by itself (``promises``): what it did, whether it survives a restart,
whether it would be the same at another time, and that whatever is refused changes nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from samentel.errors import PeerError, Refusal
from samentel.secagg import client
from samentel.secagg.encoding import decode, encode
from samentel.secagg.messages import Dealing, Kind, parse
from samentel.secagg.primitives import agree
from samentel.secagg.standing import Asked, Client, Closed, Draw, Drawn, Effect, Event, Join, Send, Ticked
from samentel.secagg.terms import Floors
from tests.explorer.cast import DEADLINES, START, Cast, Puppet, Said, means, seen_heads
from tests.explorer.promises import Broken, Stand, check_again, check_road
from tests.explorer.truth import Truth, note, shares_in

Step = tuple[Client, tuple[Effect, ...]]
LATER = tuple(
    moment + timedelta(seconds=1)
    for moment in (
        DEADLINES.advertise_until,
        DEADLINES.share_until,
        DEADLINES.mask_until,
        DEADLINES.expires_at,
    )
)


@dataclass(frozen=True)
class Letter:
    """Something that the adversary can show.

    Attributes:
        needs: the honest messages that its making takes, a bit each.
        topic: the list, the dealers or the proposal that it is about; empty when it is about none.
        lead: whether it is shown also to those who wait for another topic.
    """

    event: Event
    needs: int
    topic: bytes
    lead: bool
    label: str


@dataclass(frozen=True)
class World:
    """One list of keys (U1) that somebody can be shown: the adverts, and which version of each colluder."""

    positions: tuple[int, ...]
    adverts: dict[int, Said]
    publics: dict[int, bytes]
    puppets: dict[int, Puppet]


@dataclass
class Member:
    """One honest member's stands; from each the edges, and how many letters have been tried there.

    An edge is what must have been sent, and the stand to which it leads. ``places`` finds a stand.
    """

    own: int
    stands: list[Stand] = field(default_factory=list)
    edges: list[list[tuple[int, int]]] = field(default_factory=list)
    tried: list[int] = field(default_factory=list)
    places: dict[tuple[bytes, tuple[Effect, ...]], int] = field(default_factory=dict)


@dataclass
class Roads:
    """All members' roads, as far as they have been walked.

    Attributes:
        kinds: of each kind of letter one; who has left the round is shown no more, and refuses each kind.
        worlds: by the digest of the list.
        sends: every message of an honest member on any road, by sender, kind and bytes, with its bit.
        refused, steps: how often the machine was asked, and how often it said no.
    """

    cast: Cast
    members: dict[int, Member] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    kinds: dict[type[Event], Letter] = field(default_factory=dict)
    worlds: dict[bytes, World] = field(default_factory=dict)
    sends: dict[tuple[int, Kind, bytes], Said] = field(default_factory=dict)
    truth: Truth = field(default_factory=Truth)
    refused: int = 0
    steps: int = 0

    def said(self, sender: int, kind: Kind) -> list[Said]:
        """Every message of that kind that this member sends on some road."""
        return [said for name, said in self.sends.items() if name[:2] == (sender, kind)]


def begin(cast: Cast) -> Roads:
    """Everybody invited, nothing said."""
    roads = Roads(cast)
    for own in cast.honest:
        invited = client.announce(cast.terms, cast.terms.members[own].node, Floors())
        roads.members[own] = Member(own)
        _place(roads.members[own], Stand(invited, encode(invited)))
    return roads


def walk(roads: Roads, letters: Iterable[Letter]) -> None:
    """Show these letters, and all earlier ones, wherever they have not been shown yet."""
    for letter in letters:
        roads.letters.append(letter)
        roads.kinds.setdefault(type(letter.event), letter)
    for member in roads.members.values():
        at = 0
        while at < len(member.stands):  # grows while it is walked
            _show(roads, member, at)
            at += 1


def _show(roads: Roads, member: Member, at: int) -> None:
    stand, first = member.stands[at], member.tried[at]
    if first < 0:
        for letter in _by_itself(roads.cast, stand):
            _try(roads, member, at, letter)
        _wait(roads, member, at)
    topics = stand.topics
    for letter in roads.kinds.values() if stand.over else roads.letters[max(0, first) :]:
        if letter.lead or letter.topic in topics:
            _try(roads, member, at, letter)
    member.tried[at] = len(roads.letters)
    if encode(stand.client) != stand.state:
        raise Broken(f"a refused event has changed a state\nmember {member.own}: {' > '.join(stand.way)}")


def _by_itself(cast: Cast, stand: Stand) -> Iterator[Letter]:
    """What happens without a letter of others: the wish to join, the draw, giving up."""
    own, n = stand.client.own, len(cast.terms.members)
    yield Letter(Join(seen_heads(own, n)), 0, b"", True, "join")
    yield Letter(Closed(), 0, b"", True, "closed")
    for effect in stand.deeds:
        if isinstance(effect, Draw):
            counts = np.full(cast.terms.cells, own, dtype=np.int64)
            yield Letter(Drawn(counts, effect.dealers), 0, b"", True, "drawn")
            yield Letter(Drawn(counts, effect.dealers - 1), 0, b"", True, "drawn for fewer")


def _wait(roads: Roads, member: Member, at: int) -> None:
    """Time passes, or the coordinator asks again: nothing new is said, and the end comes once."""
    stand = member.stands[at]
    for kind in Kind:
        asked = _advance(roads, stand, Asked(kind), START)
        check_again(stand.deeds, kind, asked and asked[1])
    if _advance(roads, stand, Ticked(), START) != (None if stand.over else (stand.client, ())):
        raise Broken(f"time that has not passed does something\nmember {member.own}: {' > '.join(stand.way)}")
    for moment in LATER:
        after = _advance(roads, stand, Ticked(), moment)
        if after is not None and after != (stand.client, ()):
            _go(roads, member, at, after, Letter(Ticked(), 0, b"", True, "expired"))


def _try(roads: Roads, member: Member, at: int, letter: Letter) -> None:
    stand = member.stands[at]
    after = _advance(roads, stand, letter.event, START)
    if after is None:
        return
    for moment in LATER:
        if _advance(roads, stand, letter.event, moment) not in (None, after):
            raise Broken(f"late, {letter.label} does something else than in time: {' > '.join(stand.way)}")
    _go(roads, member, at, after, letter)


def _advance(roads: Roads, stand: Stand, event: Event, now: datetime) -> Step | None:
    """The step of the real machine, or None when it refuses; a new state goes through its bytes."""
    lent = means(stand.client.own, len(roads.cast.terms.members), (stand.state, getattr(event, "data", b"")))
    roads.steps += 1
    try:
        after, effects = client.advance(stand.client, event, now, lent)
    except (PeerError, Refusal):
        roads.refused += 1
        return None
    if after is stand.client:
        return after, effects
    restarted = decode(Client, encode(after))
    assert restarted == after
    return restarted, effects


def _go(roads: Roads, member: Member, at: int, step: Step, letter: Letter) -> None:
    stand, (after, effects) = member.stands[at], step
    sent, opened, revealed, signed = stand.sent, stand.opened, stand.revealed, stand.signed
    for effect in effects:
        if isinstance(effect, Send):
            if effect.kind is Kind.DEALING:
                opened |= _opened_by_colluders(roads, stand.client, effect)
            sent |= _sent(roads, after.own, effect)
            for data in (effect.message, effect.attachment):
                revealed |= shares_in(roads.truth, data)
            signed |= effect.kind is Kind.AGREEMENT
    deeds, way = (*stand.deeds, *effects), (*stand.way, letter.label)
    dealers = stand.dealers or after.dealers
    following = Stand(after, encode(after), deeds, sent, opened, revealed, dealers, signed, way)
    check_road(roads.cast.terms, following, roads.truth)
    target = _place(member, following)
    if target != at and after.phase not in client.OVER:
        # Whoever has left sends nothing any more, as one that is shown nothing any more: no edge is needed.
        member.edges[at].append((letter.needs, target))


def _place(member: Member, stand: Stand) -> int:
    name = (stand.state, stand.deeds)
    if name not in member.places:
        member.places[name] = len(member.stands)
        member.stands.append(stand)
        member.edges.append([])
        member.tried.append(-1)
    return member.places[name]


def _sent(roads: Roads, sender: int, send: Send) -> int:
    said = Said(send.message, send.attachment, 1 << len(roads.sends))
    return roads.sends.setdefault((sender, send.kind, send.message), said).needs


def _opened_by_colluders(roads: Roads, dealer: Client, send: Send) -> int:
    """Note the truth about an honest dealing; returns the shares that colluders can open at once."""
    assert dealer.secrets is not None
    world = roads.worlds[parse(Dealing, send.message).listing]
    secrets = agree(dealer.secrets.channel, world.publics.values())
    by_receiver = dict(zip(world.publics, secrets, strict=True))
    seed = dealer.secrets.seed
    given = note(roads.truth, roads.cast.terms, send.message, send.attachment, by_receiver, seed)
    opened = 0
    for colluder in world.puppets:
        opened |= given[colluder]
    return opened
