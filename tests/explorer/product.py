"""All members' roads together: every global state, breadth first, each once.

A global state is one stand for each honest member. What the adversary has follows from it: what they have
sent, what colluders were dealt, and everything that colluders and coordinator make up. A member may take an
edge when the adversary has what that letter takes.

Why nothing is lost:

- What a letter does to a member depends on its state and on the letter alone, and what has been sent stays
  sent. So an order of steps is possible exactly when each letter's needs were met before, and that is what
  is tried.
- A member that leaves the round sends nothing any more. To the others and to the adversary that is the same
  as a member which is shown nothing any more, and this one is in the product: ends are looked at along each
  road only.
- Members draw from fixed coins. A share is 33 bytes that no letter repeats by chance, so other coins give
  the same states under other names.
- The promises of one member by itself (one set, spent before signed, one share a dealer) depend on its own
  road alone, and every road is walked with every letter, also with those for which the others can never send
  what it takes. Here only what needs several members is looked at: whose secrets come together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from samentel.secagg.messages import Agreement, Kind, name_of, parse
from samentel.secagg.standing import Send
from tests.explorer.cast import Said
from tests.explorer.promises import Broken, Stand
from tests.explorer.roads import Member, Roads
from tests.explorer.truth import recovered

NEVER = 1 << 100_000  # a message that nobody sends
# A letter's needs, the change of the state's number, the stand; what has been sent, let out and owed there.
Edge = tuple[int, int, int, int, int, int]


@dataclass
class Seen:
    """What an exploration came across.

    Attributes:
        states: global states.
        seeds, keys: in how many the adversary has the seed of an honest member, or the mask key of one.
    """

    states: int = 0
    seeds: int = 0
    keys: int = 0


def explore(roads: Roads) -> Seen:
    """Visit every global state.

    Raises:
        Broken: a promise does not hold in some state; of each promise that is broken, the text has the
            roads that lead to the first such state.
    """
    members = list(roads.members.values())
    nexts = _numbered(roads)
    known: dict[int, tuple[int, int]] = {}
    broken: dict[str, str] = {}
    found, seen = Seen(), {0}
    layer = [(0, (0,) * len(members), 0, 0)]
    while layer:
        following = []
        for number, places, sent, held in layer:
            if held not in known:
                known[held] = _recovered(roads, held)
            for what, where in _breaks(members, places, *known[held]) if known[held][0] else ():
                broken.setdefault(what, where)
            found.seeds += known[held][0] > 0
            found.keys += known[held][1] > 0
            for i, place in enumerate(places):
                for needs, change, target, more, shares, owed in nexts[i][place]:
                    if needs & ~sent or number + change in seen:
                        continue
                    if owed & ~(sent | more):
                        way = " > ".join(members[i].stands[target].way)
                        broken.setdefault("shares are revealed that not every survivor agreed to", way)
                    seen.add(number + change)
                    there = (*places[:i], target, *places[i + 1 :])
                    following.append((number + change, there, sent | more, held | shares))
        layer = following
    if broken:
        raise Broken("\n".join(f"{what}\n{where}" for what, where in broken.items()))
    found.states = len(seen)
    return found


def _numbered(roads: Roads) -> list[list[list[Edge]]]:
    """By member and stand, the edges. A global state has one number: its stands are the digits."""
    weight, nexts = 1, []
    for member in roads.members.values():
        nexts.append(
            [
                [_edge(roads, member, needs, (target - place) * weight, target) for needs, target in edges]
                for place, edges in enumerate(member.edges)
            ]
        )
        weight *= len(member.stands)
    return nexts


def _edge(roads: Roads, member: Member, needs: int, change: int, target: int) -> Edge:
    stand = member.stands[target]
    return needs, change, target, stand.sent, stand.opened | stand.revealed, _owed(roads, stand)


def _owed(roads: Roads, stand: Stand) -> int:
    """What must have been said before this member revealed: each honest agreement to that very set."""
    if not any(isinstance(deed, Send) and deed.kind is Kind.REVEAL for deed in stand.deeds):
        return 0
    owed, name = 0, name_of(Kind.PROPOSAL, stand.client.proposal)
    for i in set(stand.client.survivors) & set(roads.cast.honest):
        agreed = [said.needs for said in roads.said(i, Kind.AGREEMENT) if _names(said) == name]
        owed |= agreed[0] if agreed else NEVER
    return owed


def _names(said: Said) -> bytes:
    return parse(Agreement, said.message).survivors


def _recovered(roads: Roads, held: int) -> tuple[int, int]:
    """Whose seed, and whose mask key, these shares give: a bit for each honest position."""
    seeds = keys = 0
    for dealt, seed, key in recovered(roads.truth, held):
        seeds |= seed << dealt.dealer
        keys |= key << dealt.dealer
    return seeds, keys


def _breaks(
    members: list[Member], places: tuple[int, ...], seeds: int, keys: int
) -> Iterator[tuple[str, str]]:
    stands = [member.stands[place] for member, place in zip(members, places, strict=True)]
    ways = [f"{member.own}: {' > '.join(at.way)}" for member, at in zip(members, stands, strict=True)]
    for member, stand in zip(members, stands, strict=True):
        if not seeds >> member.own & 1:
            continue
        if keys >> member.own & 1:
            yield f"both secrets of member {member.own} can be recovered", "\n".join(ways)
        if not stand.signed:
            yield f"the seed of member {member.own} can be recovered, unsigned", "\n".join(ways)
