"""From masked counts and revealed shares to the national sum, or to the dealer that prevents it."""

import numpy as np

from samentel.errors import PeerError
from samentel.secagg import tree
from samentel.secagg.dealing import KEY, SEED, check_share, entry_header
from samentel.secagg.evidence import BadDealing, RevealedShare, recovered
from samentel.secagg.masks import pair_keys, seed_key, unmask
from samentel.secagg.messages import ENTRY_BYTES, Advert, Dealing, Reveal, hear_from, parse, read
from samentel.secagg.relay import Posted, Server
from samentel.secagg.ring import Residues, from_wire, to_wire
from samentel.secagg.shamir import SHARE_BYTES
from samentel.secagg.terms import point, threshold


def check_reveal(server: Server, posted: Posted) -> None:
    """Raise PeerError unless these are just the shares that were dealt and are asked for (REVEAL-3)."""
    if posted.sender not in server.dealt:
        raise PeerError("shares of an institution that has not dealt any itself")
    reveal = hear_from(posted.sender, Reveal, posted.message, server.terms)
    if reveal.survivors != server.survivors:
        raise PeerError("shares revealed for another set")
    survivors, fallen = server.proposed.positions, _fallen(server, posted.sender)
    if (len(reveal.seeds), len(reveal.keys)) != (len(survivors) * SHARE_BYTES, len(fallen) * SHARE_BYTES):
        raise PeerError("other shares were revealed than the set asks for")
    index = server.listed.index(posted.sender)
    entries = {
        dealing.sender: dealing.attachment[index * ENTRY_BYTES : (index + 1) * ENTRY_BYTES]
        for dealing in server.dealings
    }
    for which, dealers, shares in ((SEED, survivors, reveal.seeds), (KEY, fallen, reveal.keys)):
        for at, dealer in enumerate(dealers):
            header = entry_header(server.terms, server.listing, dealer, posted.sender)
            check_share(header, entries[dealer], which, _nth(shares, at))


def enough(server: Server) -> bool:
    """Whether every secret that is needed can be recovered; nobody reveals a share of its own mask key."""
    t, senders = threshold(len(server.listed)), {posted.sender for posted in server.reveals}
    return len(senders) >= t and all(len(senders - {dealer}) >= t for dealer in _fallen(server))


def national(server: Server) -> bytes | BadDealing:
    """The sum of the survivors' noisy counts as residues, or the proof against a dealer that prevents it.

    REVEAL-4: every secret is checked against what its dealer is bound to before its mask is taken off.
    """
    survivors, fallen = server.proposed.positions, _fallen(server)
    adverts = {posted.sender: read(Advert, posted.message) for posted in server.adverts}
    dealings = {posted.sender: read(Dealing, posted.message) for posted in server.dealings}
    secrets: dict[int, bytes] = {}
    for which, dealers in ((SEED, survivors), (KEY, fallen)):
        for dealer, shares in _revealed(server, which, dealers).items():
            secret = recovered(server.terms, dealer, which, shares, adverts[dealer], dealings[dealer])
            if secret is None:
                return _proof(server, which, dealer, shares)
            secrets[dealer] = secret
    total = _added(server, survivors)
    seeds = (seed_key(secrets[survivor], server.terms, survivor) for survivor in survivors)
    publics = {survivor: adverts[survivor].mask for survivor in survivors}
    orphans = (
        (survivor, dealer, key)
        for dealer in fallen
        for survivor, key in pair_keys(secrets[dealer], publics, server.terms, dealer).items()
    )
    unmask(total, seeds, orphans)
    return to_wire(total)


def _revealed(server: Server, which: int, dealers: tuple[int, ...]) -> dict[int, dict[int, bytes]]:
    """By dealer and point, as many shares as the threshold; of the same helpers wherever that can be."""
    t, inside = threshold(len(server.listed)), set(server.proposed.positions)
    found: dict[int, dict[int, bytes]] = {dealer: {} for dealer in dealers}
    # Survivors first: they can speak about everybody, so one set of Lagrange weights serves all.
    for posted in sorted(server.reveals, key=lambda posted: posted.sender not in inside):
        reveal, at = parse(Reveal, posted.message), point(posted.sender)
        about = dealers if which == SEED else [dealer for dealer in dealers if dealer != posted.sender]
        shares = reveal.seeds if which == SEED else reveal.keys
        for start, dealer in enumerate(about):
            if len(found[dealer]) < t:
                found[dealer][at] = _nth(shares, start)
    return found


def _added(server: Server, survivors: tuple[int, ...]) -> Residues:
    terms, inside = server.terms, set(survivors)
    total = np.zeros(terms.cells, dtype=terms.ring.dtype)
    for posted in server.uploads:
        if posted.sender in inside:
            total += from_wire(posted.attachment, terms.cells, terms.ring)
    return total


def _proof(server: Server, which: int, dealer: int, shares: dict[int, bytes]) -> BadDealing:
    advert = next(posted for posted in server.adverts if posted.sender == dealer)
    dealing = next(posted for posted in server.dealings if posted.sender == dealer)
    revealed = []
    for index, sender in enumerate(server.listed):
        if point(sender) not in shares:
            continue
        entry = dealing.attachment[index * ENTRY_BYTES : (index + 1) * ENTRY_BYTES]
        steps = tree.path(dealing.attachment, ENTRY_BYTES, index)
        revealed.append(RevealedShare(sender, index, entry, steps, shares[point(sender)]))
    return BadDealing(dealer, which, advert.message, dealing.message, tuple(revealed))


def _fallen(server: Server, but: int | None = None) -> tuple[int, ...]:
    """The dealers outside the set, one left out if so asked."""
    inside = set(server.proposed.positions)
    return tuple(dealer for dealer in server.dealt if dealer not in inside and dealer != but)


def _nth(shares: bytes, at: int) -> bytes:
    return shares[at * SHARE_BYTES : (at + 1) * SHARE_BYTES]
