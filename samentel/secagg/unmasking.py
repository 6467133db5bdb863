"""From masked counts and revealed shares to the national sum, or to the dealer that prevents it."""

from itertools import islice

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
    start = server.listed.index(posted.sender) * ENTRY_BYTES
    entries = {dealing.sender: dealing.attachment[start : start + ENTRY_BYTES] for dealing in server.dealings}
    for which, dealers, shares in ((SEED, survivors, reveal.seeds), (KEY, fallen, reveal.keys)):
        for dealer, share in zip(dealers, _each(shares), strict=True):
            header = entry_header(server.terms, server.listing, dealer, posted.sender)
            check_share(header, entries[dealer], which, share)


def enough(server: Server) -> bool:
    """Whether every secret that is needed can be recovered; nobody reveals a share of its own mask key."""
    t, senders = threshold(len(server.listed)), {posted.sender for posted in server.reveals}
    return len(senders) >= t and all(len(senders) - (dealer in senders) >= t for dealer in _fallen(server))


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
    points, rows = [], []
    # Survivors first: they can speak about everybody, so one set of Lagrange weights serves all.
    for posted in sorted(server.reveals, key=lambda posted: posted.sender not in inside):
        reveal = parse(Reveal, posted.message)
        row = _each(reveal.seeds if which == SEED else reveal.keys)
        if which == KEY and posted.sender in dealers:
            row.insert(dealers.index(posted.sender), b"")  # nobody reveals a share of its own mask key
        points.append(point(posted.sender))
        rows.append(row)
    columns = zip(*rows, strict=True)
    return {dealer: _first(t, points, column) for dealer, column in zip(dealers, columns, strict=True)}


def _first(t: int, points: list[int], shares: tuple[bytes, ...]) -> dict[int, bytes]:
    there = ((at, share) for at, share in zip(points, shares, strict=True) if share)
    return dict(islice(there, t))


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


def _each(shares: bytes) -> list[bytes]:
    return [shares[at : at + SHARE_BYTES] for at in range(0, len(shares), SHARE_BYTES)]
