"""Every letter that a coordinator which lies can write, with the colluders' help, from what others have said.

All subsets are offered, also those that must be refused: which are taken is the machine's affair. A letter
about another list, other dealers or another proposal than a member waits for is shown to it in one form
each, which it refuses by the name that it bears.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product

from samentel.secagg import tree
from samentel.secagg.encoding import encode
from samentel.secagg.messages import (
    ENTRY_BYTES,
    HEAD_BYTES,
    Advert,
    Agreement,
    Dealing,
    Delivery,
    Kind,
    Listing,
    Proposal,
    Result,
    Survivor,
    Unanimity,
    Upload,
    listing_digest,
    name_of,
    pack_head,
    parse,
    sign,
)
from samentel.secagg.primitives import agree
from samentel.secagg.standing import Agreed, Delivered, Listed, Proposed, Resulted
from samentel.secagg.terms import Terms
from tests.explorer.cast import COORDINATOR, SPENT, VERSIONS, Cast, Said, key, puppet, puppet_deals, subsets
from tests.explorer.roads import Letter, Roads, World, begin, walk
from tests.explorer.truth import note

NOTHING = hashlib.sha256(b"a vector that nobody has sent").digest()


def explored(cast: Cast, versions: tuple[int, ...] = VERSIONS) -> Roads:
    """All roads of all honest members, each letter shown wherever it can be.

    Args:
        versions: how many different things a colluder says to different members.
    """
    roads = begin(cast)
    walk(roads, ())
    walk(roads, listings(roads, versions))
    walk(roads, deliveries(roads, versions))
    walk(roads, proposals(roads, versions))
    walk(roads, bundles(roads))
    walk(roads, results(roads))
    return roads


def _versions(positions: tuple[int, ...], cast: Cast, versions: tuple[int, ...]) -> Iterator[dict[int, int]]:
    inside = [i for i in positions if i in cast.colluders]
    for chosen in product(versions, repeat=len(inside)):
        yield dict(zip(inside, chosen, strict=True))


def _name(positions: tuple[int, ...], chosen: Mapping[int, int]) -> str:
    return "".join(f"{i}{'ab'[chosen[i]]}" if i in chosen else str(i) for i in positions)


def listings(roads: Roads, versions: tuple[int, ...]) -> Iterator[Letter]:
    """U1: every subset, every version of each colluder's keys, as it is written for each receiver."""
    terms = roads.cast.terms
    for positions in subsets(tuple(roads.cast.everybody)):
        for chosen in _versions(positions, roads.cast, versions):
            puppets = {i: puppet(terms, i, version) for i, version in chosen.items()}
            adverts = {
                i: puppets[i].advert if i in puppets else roads.said(i, Kind.ADVERT)[0] for i in positions
            }
            publics = {i: parse(Advert, said.message).channel for i, said in adverts.items()}
            name = listing_digest(terms, [said.message for said in adverts.values()])
            roads.worlds[name] = World(positions, adverts, publics, puppets)
            needs = _all(adverts.values())
            tables = tuple(said.attachment for said in adverts.values())
            for receiver in roads.cast.everybody:
                heads, steps = tree.column(tables, HEAD_BYTES, receiver)
                messages = tuple(said.message for said in adverts.values())
                event = Listed(encode(Listing(positions, messages, heads, steps)))
                yield Letter(event, needs, b"", True, f"keys {_name(positions, chosen)} for {receiver}")


def _all(said: Iterable[Said]) -> int:
    needs = 0
    for one in said:
        needs |= one.needs
    return needs


def deliveries(roads: Roads, versions: tuple[int, ...]) -> Iterator[Letter]:
    """U2: in every world every subset of dealers, every version of a colluder's dealing, for everybody.

    And with the dealing of one member taken from another world.
    """
    dealt = {name: _dealings(roads, name, versions) for name in roads.worlds}
    for listing, world in roads.worlds.items():
        mine = dealt[listing]
        ready = tuple(i for i in world.positions if i in mine)
        for dealers in subsets(ready):
            for chosen in _versions(dealers, roads.cast, versions):
                said = {i: mine[i][chosen.get(i, 0)] for i in dealers}
                lead = dealers == ready and not any(chosen.values())
                for receiver in ready:
                    yield from _delivery(listing, world, said, receiver, lead, _name(dealers, chosen))
        for other, stranger in product(dealt, ready):
            strange = dealt[other].get(stranger)
            if other != listing and strange and len(roads.worlds[other].positions) == len(world.positions):
                said = {i: mine[i][0] for i in ready} | {stranger: strange[0]}
                for receiver in set(ready) - {stranger}:
                    label = f"{_name(ready, {})}, {stranger} of another list"
                    yield from _delivery(listing, world, said, receiver, False, label)


def _dealings(roads: Roads, listing: bytes, versions: tuple[int, ...]) -> dict[int, list[Said]]:
    """By dealer, what it dealt in this world; nothing as long as no honest member has dealt there."""
    found = {
        i: [said for said in roads.said(i, Kind.DEALING) if parse(Dealing, said.message).listing == listing]
        for i in roads.cast.honest
    }
    found = {i: dealings for i, dealings in found.items() if dealings}
    world, terms = roads.worlds[listing], roads.cast.terms
    for i, by in world.puppets.items() if found else ():
        found[i] = [puppet_deals(terms, listing, by, world.publics, version) for version in versions]
        secrets = dict(zip(world.publics, agree(by.secrets.channel, world.publics.values()), strict=True))
        for said in found[i]:
            note(roads.truth, terms, said.message, said.attachment, secrets, None)
    return found


def _delivery(
    listing: bytes, world: World, said: dict[int, Said], receiver: int, lead: bool, label: str
) -> Iterator[Letter]:
    index = world.positions.index(receiver)
    rows = [one.attachment[index * ENTRY_BYTES :][:ENTRY_BYTES] for one in said.values()]
    steps = [tree.path(one.attachment, ENTRY_BYTES, index) for one in said.values()]
    messages = tuple(one.message for one in said.values())
    bundle = Delivery(tuple(said), messages, b"".join(rows), b"".join(steps))
    yield Letter(
        Delivered(encode(bundle)), _all(said.values()), listing, lead, f"dealt {label} for {receiver}"
    )


def _told(roads: Roads) -> dict[bytes, tuple[int, ...]]:
    """The dealers that somebody holds shares of (U2): their name, and who they are."""
    return {
        stand.client.dealers: tuple(held.dealer for held in stand.client.held)
        for member in roads.members.values()
        for stand in member.stands
        if stand.client.held
    }


def proposals(roads: Roads, versions: tuple[int, ...]) -> Iterator[Letter]:
    """U3: every subset of every U2 that somebody was told, with the vectors that were sent, or others."""
    terms, cast = roads.cast.terms, roads.cast
    uploads = {
        (i, parse(Upload, said.message).dealers): said
        for i in cast.honest
        for said in roads.said(i, Kind.UPLOAD)
    }
    for name, dealers in _told(roads).items():
        sent = {i: uploads[i, name] for i in dealers if (i, name) in uploads}
        for inside in subsets(dealers):
            mine = {i: said for i, said in sent.items() if i in inside}
            for vectors, needs, label in _offers(cast, inside, mine, versions):
                lead = inside == dealers and label == "true"
                yield _proposal(terms, name, vectors, needs, lead, f"{_name(inside, {})}, {label}")
        for (i, elsewhere), said in uploads.items():
            if elsewhere != name and i in dealers:
                vectors = _vectors(dealers, sent | {i: said})
                label = f"with what {i} sent among others"
                # It is shown to those who hold shares of these others: they must not take it.
                yield replace(_proposal(terms, name, vectors, said.needs, False, label), topic=elsewhere)
        if len(dealers) < len(terms.members):
            vectors = _vectors(tuple(cast.everybody), sent)
            yield _proposal(terms, name, vectors, _all(sent.values()), False, "with one that has not dealt")


def _vectors(inside: tuple[int, ...], sent: Mapping[int, Said]) -> dict[int, bytes]:
    return {i: parse(Upload, sent[i].message).vector if i in sent else NOTHING for i in inside}


def _offers(
    cast: Cast, inside: tuple[int, ...], sent: Mapping[int, Said], versions: tuple[int, ...]
) -> Iterator[tuple[dict[int, bytes], int, str]]:
    """One set, with what was sent; with another vector of the colluders; with one that nobody sent."""
    colluders = [i for i in inside if i in cast.colluders]
    truth = _vectors(inside, sent)
    for version in versions if colluders else versions[:1]:
        theirs = {i: hashlib.sha256(bytes([i, version])).digest() for i in colluders}
        yield truth | theirs, _all(sent.values()), "otherwise of colluders" if version else "true"
    for lied in sent:
        needs = _all(said for i, said in sent.items() if i != lied)
        yield truth | {lied: NOTHING}, needs, f"untrue of {lied}"


def _proposal(
    terms: Terms, dealers: bytes, vectors: Mapping[int, bytes], needs: int, lead: bool, label: str
) -> Letter:
    survivors = tuple(Survivor(i, vector) for i, vector in vectors.items())
    event = Proposed(sign(Proposal(terms.digest, dealers, survivors), COORDINATOR))
    return Letter(event, needs, dealers, lead, f"proposed {label}")


def _taken(roads: Roads) -> dict[bytes, Proposal]:
    """The proposals that somebody has taken, by name."""
    return {
        name_of(Kind.PROPOSAL, stand.client.proposal): parse(Proposal, stand.client.proposal)
        for member in roads.members.values()
        for stand in member.stands
        if stand.client.proposal
    }


def bundles(roads: Roads) -> Iterator[Letter]:
    """Agreements to every set: all, or any part of them; any part of the honest ones forged, or of others."""
    cast, terms = roads.cast, roads.cast.terms
    given = {
        (i, parse(Agreement, said.message).survivors): said
        for i in cast.honest
        for said in roads.said(i, Kind.AGREEMENT)
    }
    elsewhere = {i: said for (i, _), said in given.items()}  # one agreement of each, to some set
    for name, proposal in _taken(roads).items():
        inside = proposal.positions
        blank = Agreement(terms.digest, 0, name, pack_head(SPENT))
        forged = {i: Said(sign(replace(blank, sender=i), COORDINATOR), b"") for i in inside}
        have = {i: given[i, name] for i in inside if (i, name) in given}
        for i in set(inside) & set(cast.colluders):
            have[i] = Said(sign(replace(blank, sender=i), key(f"node {i}")), b"")
        for chosen in subsets(tuple(sorted(have))):
            lead = len(chosen) == len(have)
            yield _bundle(name, {i: have[i] for i in chosen}, lead, f"agreed by {_name(chosen, {})}")
        others = {"forged": forged, "to another set": elsewhere, "of the next one": _shifted(have)}
        for lied in subsets(tuple(i for i in inside if i in cast.honest)):
            for label, false in others.items():
                mixed = have | {i: false[i] for i in lied if i in false}
                if set(mixed) == set(inside) and mixed != have:
                    said = {i: mixed[i] for i in inside}
                    yield _bundle(name, said, False, f"agreed, {_name(lied, {})} {label}")


def _shifted(said: Mapping[int, Said]) -> dict[int, Said]:
    """To each the agreement of the next one."""
    order = sorted(said)
    return {i: said[order[(at + 1) % len(order)]] for at, i in enumerate(order)}


def _bundle(name: bytes, said: Mapping[int, Said], lead: bool, label: str) -> Letter:
    bundle = Unanimity(tuple(one.message for one in said.values()))
    return Letter(Agreed(encode(bundle)), _all(said.values()), name, lead, label)


def results(roads: Roads) -> Iterator[Letter]:
    """The end, of each set."""
    for name in _taken(roads):
        result = Result(roads.cast.terms.digest, name, bytes(32))
        yield Letter(Resulted(sign(result, COORDINATOR)), 0, name, True, "result")
