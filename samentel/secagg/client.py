"""The node's side of one secure sum.

Pure: files, clock, ledger and network live in the node. ``advance`` takes an
event and gives the next state and effects, in the order in which they must
happen; the store writes state, ledger entries and outgoing bytes together
before anything is sent (STORE-1). An event that is refused changes nothing
(STORE-4).

Three promises, kept here and nowhere else:

1. One set. A node agrees to, or helps with, the survivors of one proposal; the
   proposal stands in the state, so it is remembered over restarts.
2. One secret a peer. What is revealed follows from that set: the seed share of
   a survivor, the mask key share of a dealer outside the set.
3. Spent before signed, and only when signed: ``Spend`` stands before the
   agreement. Nobody honest reveals a node's seed without its own agreement,
   so an upload alone spends nothing.

Secrets leave the state as soon as no later step needs them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from samentel.counting.ledger import Head
from samentel.documents.keys import VerifyKey
from samentel.errors import PeerError, Reason, Refusal
from samentel.secagg import tree
from samentel.secagg.dealing import Secrets, check_entry, deal, open_entry
from samentel.secagg.masks import masked, pair_keys, seed_key
from samentel.secagg.messages import (
    HEAD_BYTES,
    Advert,
    Agreement,
    Dealing,
    Delivery,
    Kind,
    Listing,
    Proposal,
    Result,
    Reveal,
    Unanimity,
    Upload,
    check_order,
    dealers_digest,
    hear,
    hear_from,
    listing_digest,
    name_of,
    open_bundle,
    pack_head,
    parts,
    sign,
    unpack_head,
)
from samentel.secagg.primitives import agree, agreement_public
from samentel.secagg.ring import to_wire
from samentel.secagg.standing import (
    Agreed,
    Asked,
    Client,
    Closed,
    Delivered,
    Draw,
    Drawn,
    Effect,
    Event,
    Free,
    Held,
    Hold,
    Join,
    Listed,
    Means,
    Peer,
    Phase,
    Proposed,
    Resulted,
    Seen,
    Send,
    Spend,
    Ticked,
    Wipe,
)
from samentel.secagg.terms import Floors, Terms, check_announced, check_dealt, check_listed, check_survivors

Step = tuple[Client, tuple[Effect, ...]]

NEXT: Mapping[tuple[Phase, type[Event]], tuple[Phase, ...]] = {
    (Phase.ANNOUNCED, Join): (Phase.ADVERTISED,),
    (Phase.ADVERTISED, Listed): (Phase.SHARED,),
    (Phase.SHARED, Delivered): (Phase.COUNTING,),
    (Phase.COUNTING, Drawn): (Phase.MASKED,),
    (Phase.COUNTING, Proposed): (Phase.HELPING,),
    (Phase.MASKED, Proposed): (Phase.AGREED, Phase.HELPING),
    (Phase.HELPING, Agreed): (Phase.REVEALED,),
    (Phase.AGREED, Agreed): (Phase.REVEALED,),
    (Phase.AGREED, Resulted): (Phase.DONE,),
    (Phase.HELPING, Resulted): (Phase.DONE,),
    (Phase.REVEALED, Resulted): (Phase.DONE,),
}
OVER = frozenset({Phase.DONE, Phase.ABANDONED, Phase.EXPIRED})


def announce(terms: Terms, node: str, floors: Floors) -> Client:
    """The state of a node that could join a round.

    Raises:
        Refusal: the terms are below the node's floors, or the node is not on their roster.
    """
    own = terms.position(node)
    if own is None:
        raise Refusal(Reason.ROSTER_MISMATCH, "this institution is not on the roster of the round")
    check_announced(terms, floors)
    return Client(terms, own)


def deadline(client: Client) -> datetime:
    """Until when the node waits for what its phase waits for."""
    deadlines = client.terms.deadlines
    match client.phase:
        case Phase.ANNOUNCED:
            return deadlines.advertise_until
        case Phase.ADVERTISED:
            return deadlines.share_until
        case Phase.SHARED:
            return deadlines.mask_until
        case _:
            return deadlines.expires_at  # counting too: who is too late for the sum can still help


def advance(client: Client, event: Event, now: datetime, means: Means) -> Step:
    """Advance by one event.

    Raises:
        PeerError: the event is out of order, late, malformed or against the protocol.
        Refusal: ROLLBACK_DETECTED, when a peer has seen more of this node's ledger than there is.
        In both cases nothing has changed, and the caller may record it and wait.
    """
    if client.phase in OVER:
        raise PeerError(f"the round is over: {client.phase}")
    too_late_to_count = isinstance(event, Drawn) and now > client.terms.deadlines.mask_until
    late = now > deadline(client) or too_late_to_count
    if isinstance(event, Ticked):
        return _close(client, Phase.EXPIRED) if late else (client, ())
    if isinstance(event, Closed):
        return _close(client, Phase.ABANDONED)
    if late:  # END-3
        raise PeerError(f"{type(event).__name__.lower()} after the deadline of its phase")
    if isinstance(event, Asked):
        return client, (_sent(client, event.kind),)  # MASK-5
    if (client.phase, type(event)) not in NEXT:
        raise PeerError(f"{type(event).__name__.lower()} while {client.phase}")
    after, effects = _step(client, event, means)
    assert after.phase in NEXT[client.phase, type(event)]  # the table and the steps say the same
    return after, effects


def _step(client: Client, event: Event, means: Means) -> Step:
    match event:
        case Join():
            return _join(client, event, means)
        case Listed():
            return _share(client, event, means)
        case Delivered():
            return _receive(client, event)
        case Drawn():
            return _mask(client, event, means)
        case Proposed():
            return _agree_to(client, event, means)
        case Agreed():
            return _reveal(client, event, means)
        case Resulted():
            return _finish(client, event)
        case Closed() | Ticked() | Asked():
            raise AssertionError("answered before")
        case _:
            assert_never(event)


def _close(client: Client, phase: Phase) -> Step:
    """Leave the round: what was held and not spent is free, every secret goes (END-1, END-2)."""
    freed = (Free(),) if client.phase is Phase.MASKED else ()
    bare = Client(client.terms, client.own, phase, vector=client.vector, proposal=client.proposal)
    return bare, (*freed, Wipe())


def _sent(client: Client, kind: Kind) -> Send:
    for send in client.outbox:
        if send.kind is kind:
            return send
    raise PeerError(f"no {kind} has been sent in this round")


def _join(client: Client, event: Join, means: Means) -> Step:
    terms = client.terms
    if len(event.heads) != len(terms.members):
        raise ValueError("one ledger head for every member of the roster is needed")
    secrets = Secrets(means.draw(32), means.draw(32), means.draw(32))  # ADV-1
    heads = b"".join(pack_head(head) for head in event.heads)  # ADV-2
    advert = Advert(
        terms.digest,
        client.own,
        agreement_public(secrets.channel),
        agreement_public(secrets.mask),
        tree.root(heads, HEAD_BYTES),
    )
    send = Send(Kind.ADVERT, sign(advert, means.key), heads)
    return replace(client, phase=Phase.ADVERTISED, secrets=secrets, outbox=(send,)), (send,)


def _share(client: Client, event: Listed, means: Means) -> Step:
    terms, secrets = client.terms, client.secrets
    assert secrets is not None  # ADVERTISED is only reached through Join
    listing = open_bundle(Listing, event.data)  # DEAL-1
    check_order(listing.positions, len(listing.adverts))
    check_listed(terms, listing.positions)
    adverts = _adverts(client, listing)
    own = _sent(client, Kind.ADVERT).message
    if dict(zip(listing.positions, listing.adverts, strict=True)).get(client.own) != own:
        raise PeerError("this node's own keys are not in the list, or not as it sent them")
    keys = [key for advert in adverts.values() for key in (advert.channel, advert.mask)]
    if len(set(keys)) < len(keys):
        raise PeerError("a public key stands twice in the list")  # KEY-4
    peers = _peers(client, secrets, adverts)
    _check_heads(client, listing, means)

    name = listing_digest(terms, listing.adverts)
    channels = {peer.position: peer.channel for peer in peers}
    dealing, entries = deal(terms, name, client.own, secrets, channels, means.draw)
    send = Send(Kind.DEALING, sign(dealing, means.key), entries)
    shared = replace(
        client,
        phase=Phase.SHARED,
        secrets=None,  # DEAL-4
        listing=name,
        listed=listing.positions,
        peers=peers,
        outbox=(*client.outbox, send),
    )
    return shared, (send,)


def _adverts(client: Client, listing: Listing) -> dict[int, Advert]:
    count, members = len(listing.positions), len(client.terms.members)
    heads, steps = parts(listing.heads, count), parts(listing.steps, count)
    adverts = {}
    for position, signed, head, path in zip(listing.positions, listing.adverts, heads, steps, strict=True):
        advert = hear_from(position, Advert, signed, client.terms)
        try:
            above = tree.root_of(head, client.own, members, path)
        except ValueError:
            above = b""
        if len(head) != HEAD_BYTES or above != advert.heads:
            raise PeerError("a ledger head is not the one that its sender signed")
        adverts[position] = advert
    return adverts


def _check_heads(client: Client, listing: Listing, means: Means) -> None:
    # DEAL-2: every advert has been verified, so each head is one that its sender signed.
    shown = {}
    for position, head in zip(listing.positions, parts(listing.heads, len(listing.positions)), strict=True):
        node = client.terms.members[position].node
        try:
            shown[node] = unpack_head(head)
        except PeerError as error:
            raise PeerError(f"{node}: {error}") from None
    for node, seen in shown.items():
        if not means.on_ledger(seen):
            raise Refusal(Reason.ROLLBACK_DETECTED, f"{node} has seen more of our ledger than there is")


def _peers(client: Client, secrets: Secrets, adverts: Mapping[int, Advert]) -> tuple[Peer, ...]:
    terms, own = client.terms, client.own
    others = {position: advert.mask for position, advert in adverts.items() if position != own}
    masks = pair_keys(secrets.mask, others, terms, own)
    masks[own] = seed_key(secrets.seed, terms, own)
    channels = agree(secrets.channel, [advert.channel for advert in adverts.values()])
    return tuple(
        Peer(position, channel, masks[position]) for position, channel in zip(adverts, channels, strict=True)
    )


def _receive(client: Client, event: Delivered) -> Step:
    terms, delivery = client.terms, open_bundle(Delivery, event.data)  # DEAL-6
    dealers, count = delivery.dealers, len(delivery.dealers)
    check_order(dealers, len(delivery.dealings))
    channels = {peer.position: peer.channel for peer in client.peers}
    if not set(dealers) <= channels.keys():
        raise PeerError("a dealer is not on the list of keys")
    check_dealt(terms, len(client.listed), count)
    signed = dict(zip(dealers, delivery.dealings, strict=True))
    if signed.get(client.own) != _sent(client, Kind.DEALING).message:
        raise PeerError("this node's own dealing is not among those delivered, or not as it sent it")
    index, held = client.listed.index(client.own), []
    entries, steps = parts(delivery.entries, count), parts(delivery.steps, count)
    for dealer, entry, path in zip(dealers, entries, steps, strict=True):
        try:
            dealing = hear_from(dealer, Dealing, signed[dealer], terms)
            if dealing.listing != client.listing or dealing.count != len(client.listed):
                raise PeerError("a dealer was shown another list of keys")
            check_entry(dealing, index, entry, path)
            pair = open_entry(terms, client.listing, dealer, client.own, entry, channels[dealer])
        except PeerError as error:
            raise PeerError(f"{terms.members[dealer].node}: {error}") from None
        held.append(Held(dealer, *pair))
    name = dealers_digest(client.listing, delivery.dealings)
    counting = replace(client, phase=Phase.COUNTING, dealers=name, held=tuple(held))
    return counting, (Draw(count),)


def _mask(client: Client, event: Drawn, means: Means) -> Step:
    terms = client.terms
    if event.dealers != len(client.held):  # MASK-1
        raise PeerError("noise was drawn for another number of institutions")
    if event.counts.shape != (terms.cells,) or event.counts.dtype.kind != "i":
        raise ValueError(f"{terms.cells} signed integers were expected")
    dealers = {held.dealer for held in client.held}
    keys = {peer.position: peer.mask for peer in client.peers if peer.position in dealers}
    seed = keys.pop(client.own)
    vector = to_wire(masked(event.counts, terms.ring, seed, client.own, keys))
    name = hashlib.sha256(vector).digest()
    upload = Upload(terms.digest, client.own, client.dealers, name, len(vector))
    send = Send(Kind.UPLOAD, sign(upload, means.key), vector)
    # MASK-3: with the keys of its masks gone, this state cannot mask other counts.
    after = replace(client, phase=Phase.MASKED, peers=(), vector=name, outbox=(*client.outbox, send))
    return after, (Hold(event.dealers), send)


def _agree_to(client: Client, event: Proposed, means: Means) -> Step:
    terms = client.terms
    proposal = hear(Proposal, event.data, VerifyKey(terms.coordinator), terms)  # AGREE-2
    if proposal.dealers != client.dealers:
        raise PeerError("the proposal belongs to other dealers than those this node holds shares of")
    positions = proposal.positions
    check_order(positions, len(positions))
    check_survivors(terms, [held.dealer for held in client.held], positions)
    mine = [survivor.vector for survivor in proposal.survivors if survivor.position == client.own]
    chosen = replace(client, proposal=event.data)  # AGREE-3: no phase after this one takes a proposal
    if not mine:
        freed = (Free(),) if client.phase is Phase.MASKED else ()
        return replace(chosen, phase=Phase.HELPING, peers=()), freed
    if mine != [client.vector]:
        raise PeerError("the proposal names other masked counts than this node has sent")
    name = name_of(Kind.PROPOSAL, event.data)
    if means.after_spending is None:
        raise ValueError("an agreement says where the ledger stands once the loss is spent")
    agreement = Agreement(terms.digest, client.own, name, pack_head(means.after_spending))
    send = Send(Kind.AGREEMENT, sign(agreement, means.key), b"")
    # AGREE-4: once the agreement has left, others may reveal what puts these counts into the sum.
    return replace(chosen, phase=Phase.AGREED, outbox=(*client.outbox, send)), (Spend(name), send)


def _reveal(client: Client, event: Agreed, means: Means) -> Step:
    terms, survivors = client.terms, client.survivors
    name = name_of(Kind.PROPOSAL, client.proposal)
    agreements = open_bundle(Unanimity, event.data).agreements
    if len(agreements) != len(survivors):  # AGREE-6
        raise PeerError("not every survivor has agreed")
    heads = []
    for position, data in zip(survivors, agreements, strict=True):
        agreement = hear_from(position, Agreement, data, terms)
        if agreement.survivors != name:
            raise PeerError("a survivor has agreed to another set")
        if position != client.own:
            heads.extend(_head_seen(position, agreement.head))
    inside = set(survivors)  # REVEAL-1
    seeds = b"".join(held.seed for held in client.held if held.dealer in inside)
    fallen = [held for held in client.held if held.dealer not in inside and held.dealer != client.own]
    message = Reveal(terms.digest, client.own, name, seeds, b"".join(held.key for held in fallen))
    send = Send(Kind.REVEAL, sign(message, means.key), b"")
    # REVEAL-2
    return replace(client, phase=Phase.REVEALED, held=(), outbox=(*client.outbox, send)), (
        Seen(tuple(heads)),
        send,
    )


def _head_seen(position: int, data: bytes) -> list[tuple[int, Head]]:
    """What to remember of a member's ledger; nothing of a head that cannot be: it must not hold others up."""
    try:
        return [(position, unpack_head(data))]
    except PeerError:
        return []


def _finish(client: Client, event: Resulted) -> Step:
    result = hear(Result, event.data, VerifyKey(client.terms.coordinator), client.terms)
    if result.survivors != name_of(Kind.PROPOSAL, client.proposal):
        raise PeerError("the result is of another set than this node agreed to")
    return _close(client, Phase.DONE)
