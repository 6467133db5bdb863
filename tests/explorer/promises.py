"""What one honest member promises, whatever it is shown: looked at along each of its roads.

These are the promises of the protocol in words of their own, not those of the machine: they are read off
what has left the member and what its ledger was told.
"""

import hashlib
from dataclasses import dataclass
from typing import TypeGuard

from samentel.secagg.client import OVER
from samentel.secagg.messages import Agreement, Dealing, Kind, Proposal, Reveal, name_of, parse
from samentel.secagg.standing import Client, Draw, Effect, Hold, Send, Spend, Wipe
from samentel.secagg.terms import Terms
from tests.explorer.truth import Truth


class Broken(AssertionError):
    """A promise is broken; the road is in the text."""


@dataclass(frozen=True)
class Stand:
    """Where one member can be.

    Attributes:
        state: the bytes of ``client``; with ``deeds`` they say which stand this is.
        deeds: every effect on the way here, in order.
        sent: its messages, a bit each.
        opened: the shares of its own dealing that colluders were dealt, a bit each.
        revealed: the shares that stand in what it has sent, a bit each.
        dealers: the name of U2, once it was told.
        signed: whether it has agreed to a set.
        way: the labels of the letters that led here.
    """

    client: Client
    state: bytes
    deeds: tuple[Effect, ...] = ()
    sent: int = 0
    opened: int = 0
    revealed: int = 0
    dealers: bytes = b""
    signed: bool = False
    way: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """Whether it has left the round."""
        return self.client.phase in OVER

    @property
    def topics(self) -> frozenset[bytes]:
        """What it has been told so far."""
        name = name_of(Kind.PROPOSAL, self.client.proposal) if self.client.proposal else b""
        return frozenset((b"", self.client.listing, self.client.dealers, name))


def check_again(deeds: tuple[Effect, ...], kind: Kind, answer: tuple[Effect, ...] | None) -> None:
    """Being asked again gives what was sent, byte for byte, or nothing."""
    sent = [deed for deed in deeds if isinstance(deed, Send) and deed.kind is kind]
    if answer is not None and list(answer) != sent:
        raise Broken(f"asked again for its {kind}, a member says something new")


def check_road(terms: Terms, stand: Stand, truth: Truth) -> None:
    """Raise Broken unless everything done on the way to this stand keeps the promises."""
    found = (
        _ledger(stand),
        _enough(stand, terms),
        _one_set(stand, terms),
        _one_secret(stand, truth),
        _wiped(stand, truth),
    )
    for broken in found:
        if broken:
            raise Broken(f"{broken}\nmember {stand.client.own}: {' > '.join(stand.way)}")


def _is(deed: Effect, kind: Kind) -> TypeGuard[Send]:
    return isinstance(deed, Send) and deed.kind is kind


def _names(deeds: tuple[Effect, ...]) -> list[str]:
    return [deed.kind.value if isinstance(deed, Send) else type(deed).__name__ for deed in deeds]


def _ledger(stand: Stand) -> str | None:
    """Held before the upload leaves, spent just before the agreement leaves, free only when not spent."""
    names = _names(stand.deeds)
    once = ("Hold", "Spend", "Free", "Wipe", *(kind.value for kind in Kind))
    if any(names.count(name) > 1 for name in once):
        return f"something is done twice: {names}"
    where = {name: names.index(name) for name in names}
    if "upload" in where and where.get("Hold", len(names)) > where["upload"]:
        return "masked counts leave before their loss is held"
    if ("agreement" in where) != ("Spend" in where) or where.get("Spend", 0) > where.get("agreement", 0):
        return "an agreement leaves that was not spent first"
    if "Spend" in where and "Hold" not in where:
        return "something is spent that was not held"
    if "Free" in where and ("Spend" in where or "Hold" not in where):
        return "something is freed that was spent, or not held"
    if stand.over and "Hold" in where and not ("Spend" in where) ^ ("Free" in where):
        return "the round is over, and what was held is neither spent nor free"
    return None


def _enough(stand: Stand, terms: Terms) -> str | None:
    """Shares are dealt, and noise is drawn, only among as many as the programme asks (TERMS-5, TERMS-6)."""
    dealings = [deed.message for deed in stand.deeds if _is(deed, Kind.DEALING)]
    if not dealings:
        return None
    listed, c, absent = parse(Dealing, dealings[0]).count, terms.collude_max, terms.absent_max
    t = 2 * listed // 3 + 1
    drawn = [deed.dealers for deed in stand.deeds if isinstance(deed, Draw)]
    for n in (listed, *drawn):
        if n < terms.institutions_min or n - c - absent < 2 or t > n - absent or c >= 2 * t - listed:
            return f"{listed} with keys, {drawn} with shares: the terms do not allow that"
    return None


def _one_set(stand: Stand, terms: Terms) -> str | None:
    """All that is agreed to and revealed is about one set, which the terms allow."""
    sends = {deed.kind: deed for deed in stand.deeds if isinstance(deed, Send)}
    named = [deed.survivors for deed in stand.deeds if isinstance(deed, Spend)]
    for kind, hint in ((Kind.AGREEMENT, Agreement), (Kind.REVEAL, Reveal)):
        if kind in sends:
            named.append(parse(hint, sends[kind].message).survivors)
    if len(set(named)) > 1:
        return "two sets in one round"
    if not named:
        return None
    proposal = parse(Proposal, stand.client.proposal)
    if name_of(Kind.PROPOSAL, stand.client.proposal) != named[0]:
        return "the set in the state is another than the one agreed to"
    dealers, *held = [deed.dealers for deed in stand.deeds if isinstance(deed, Draw | Hold)]
    if any(count != dealers for count in held):
        return "the loss of another number of noise shares is held than was drawn"
    if proposal.dealers != stand.dealers:
        return "a set among other dealers than those whose shares this member holds"
    uploads = [hashlib.sha256(deed.attachment).digest() for deed in stand.deeds if _is(deed, Kind.UPLOAD)]
    mine = [survivor.vector for survivor in proposal.survivors if survivor.position == stand.client.own]
    if Kind.AGREEMENT in sends and mine != uploads:
        return "a member agrees to another vector than the one it sent"
    return _allowed(terms, stand.client.own, Kind.AGREEMENT in sends, proposal, dealers)


def _allowed(terms: Terms, own: int, agreed: bool, proposal: Proposal, dealers: int) -> str | None:
    inside = set(proposal.positions)
    if agreed != (own in inside):
        return "a member agrees to a set without itself, or helps with one that it is in"
    if len(inside) != len(proposal.survivors):
        return "a member stands twice in a set"
    if len(inside) < terms.institutions_min or len(inside) - terms.collude_max < 2:
        return f"a set of {len(inside)} is too small"
    if len(inside) < dealers - terms.absent_max:
        return f"noise was drawn for {dealers}, and only {len(inside)} are in the set"
    for level in terms.levels:
        if len(inside & set(level.positions)) < terms.collude_max + 2:
            return f"level {level.name} stands out"
    return None


def _one_secret(stand: Stand, truth: Truth) -> str | None:
    """Of the two shares that a dealer dealt to one receiver, this member has let out one at most.

    What colluders were dealt themselves is theirs from the start, and no deed of this member.
    """
    if any(stand.revealed & seed and stand.revealed & key for seed, key in truth.pairs):
        return "both shares of one dealer have left"
    own = stand.client.own
    if any(stand.revealed & dealt.keys for dealt in truth.dealt.values() if dealt.dealer == own):
        return "a member has let out a share of its own mask key"
    return None


def _wiped(stand: Stand, truth: Truth) -> str | None:
    if not any(isinstance(deed, Wipe) for deed in stand.deeds):
        return None
    if any(share in stand.state for share in truth.bits):
        return "the round is over, and the state still holds seed shares"
    return None
