"""The coordinator's side of one secure sum: relays, chooses the survivors, adds up, takes the masks off.

Pure, like ``client``: ``advance`` takes an event and gives the next state and
effects (STORE-1). It holds no secret but what nodes reveal at the end, and is trusted
for availability only. Anything a node sends twice must be the same bytes;
what is refused changes nothing.

A survivor set is proposed only over members that have polled since the last
upload arrived, because after the proposal each of them is waited for (AGREE-1).
"""

import hashlib
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from samentel.documents.keys import SigningKey
from samentel.errors import PeerError
from samentel.secagg import tree
from samentel.secagg.messages import (
    ENTRY_BYTES,
    HEAD_BYTES,
    Advert,
    Agreement,
    Dealing,
    Kind,
    Proposal,
    Result,
    Survivor,
    Upload,
    hear_from,
    read,
    sign,
    unpack_head,
)
from samentel.secagg.primitives import agree
from samentel.secagg.relay import (
    Arrived,
    Convicted,
    Effect,
    Event,
    Failed,
    Phase,
    Polled,
    Posted,
    Server,
    Summed,
    Turned,
    name_of_dealers,
    name_of_list,
)
from samentel.secagg.standing import Closed, Ticked
from samentel.secagg.terms import Terms, check_dealt, check_listed, check_survivors
from samentel.secagg.unmasking import check_reveal, enough, national

Step = tuple[Server, tuple[Effect, ...]]

_PROBE = b"\x01" * 32  # any private key will do
POLL_GRACE = timedelta(seconds=30)  # a poll takes at most 25 s, so whoever is up has polled by then

TAKES: Mapping[Phase, Kind] = {
    Phase.ADVERTISING: Kind.ADVERT,
    Phase.SHARING: Kind.DEALING,
    Phase.MASKING: Kind.UPLOAD,
    Phase.AGREEING: Kind.AGREEMENT,
    Phase.REVEALING: Kind.REVEAL,
}
OVER = frozenset({Phase.DONE, Phase.FAILED})


def open_round(terms: Terms, present: tuple[int, ...]) -> Server:
    """The state of a round that has just been announced.

    Args:
        present: positions of the institutions that have said they are there; nobody else is waited for.
    """
    return Server(terms, tuple(sorted(set(present))))


def advance(server: Server, event: Event, now: datetime, key: SigningKey) -> Step:
    """Advance by one event.

    Args:
        key: the coordinator's own.

    Raises:
        PeerError: a message out of order, malformed, not the sender's, or other than it was sent before.
            Nothing has changed.
    """
    if server.phase in OVER:
        return _repeated(server, event)
    match event:
        case Arrived():
            before = server.posted(event.kind).get(event.sender)
            if before is not None:
                return _same(server, event, before)
            return _turn(_accept(server, event, now), now, key)
        case Polled(sender):
            if server.phase is not Phase.MASKING or sender in server.polled:
                return server, ()
            return _turn(replace(server, polled=(*server.polled, sender)), now, key)
        case Ticked():
            return _turn(server, now, key)
        case Closed():
            return _fail(server, "given up by the coordinator")
        case _:
            assert_never(event)


def _repeated(server: Server, event: Event) -> Step:
    if isinstance(event, Arrived):
        before = server.posted(event.kind).get(event.sender)
        if before is None:
            raise PeerError(f"the round is over: {server.phase}")
        return _same(server, event, before)
    return server, ()


def _same(server: Server, event: Arrived, before: Posted) -> Step:
    if (before.message, before.attachment) != (event.message, event.attachment):  # MASK-5
        raise PeerError(f"a second, different {event.kind} of one institution in one round")
    return server, ()


def _accept(server: Server, event: Arrived, now: datetime) -> Server:
    if TAKES[server.phase] is not event.kind:
        raise PeerError(f"{event.kind} while {server.phase}")
    posted = Posted(event.sender, event.message, event.attachment)
    match event.kind:
        case Kind.ADVERT:
            _check_advert(server, posted)
            return replace(server, adverts=_with(server.adverts, posted))
        case Kind.DEALING:
            _check_dealing(server, posted)
            return replace(server, dealings=_with(server.dealings, posted))
        case Kind.UPLOAD:
            _check_upload(server, posted)
            return replace(server, uploads=_with(server.uploads, posted), polled=(), uploaded_at=now)
        case Kind.AGREEMENT:
            _check_agreement(server, posted)
            return replace(server, agreements=_with(server.agreements, posted))
        case _:
            check_reveal(server, posted)
            return replace(server, reveals=_with(server.reveals, posted))


def _check_advert(server: Server, posted: Posted) -> None:
    terms = server.terms
    if posted.sender not in server.present:  # ADV-4
        raise PeerError("a key of an institution that was not present when the round began")
    advert = hear_from(posted.sender, Advert, posted.message, terms)
    agree(_PROBE, (advert.channel, advert.mask))  # a point of low order would stop every other node
    others = [read(Advert, other.message) for other in server.adverts]
    used = {key for other in others for key in (other.channel, other.mask)}
    if advert.channel == advert.mask or used & {advert.channel, advert.mask}:
        raise PeerError("a public key is used twice")
    _check_rows(posted, HEAD_BYTES, len(terms.members), advert.heads)
    # Lengths fill 8 bytes and stay below 2**40: the first three of each row are empty. Whoever was shown
    # another head would refuse the whole list.
    if any(posted.attachment[at::HEAD_BYTES].strip(b"\0") for at in range(3)):
        raise PeerError("a ledger head names more entries than a ledger can have")


def _check_dealing(server: Server, posted: Posted) -> None:
    if posted.sender not in server.listed:  # DEAL-5
        raise PeerError("a dealing of an institution that is not on the list of keys")
    dealing = hear_from(posted.sender, Dealing, posted.message, server.terms)
    if dealing.listing != server.listing or dealing.count != len(server.listed):
        raise PeerError("a dealing for another list of keys")
    _check_rows(posted, ENTRY_BYTES, dealing.count, dealing.entries)


def _check_rows(posted: Posted, width: int, count: int, root: bytes) -> None:
    if len(posted.attachment) != width * count or tree.root(posted.attachment, width) != root:
        raise PeerError("the rows are not those that the sender signed")


def _check_upload(server: Server, posted: Posted) -> None:
    if posted.sender not in server.dealt:  # MASK-4
        raise PeerError("masked counts of an institution that has not dealt seed shares")
    upload = hear_from(posted.sender, Upload, posted.message, server.terms)
    if upload.dealers != server.dealers:
        raise PeerError("masked counts for other dealers")
    length = server.terms.cells * server.terms.ring // 8
    if upload.length != length or len(posted.attachment) != length:
        raise PeerError(f"masked counts of {length} bytes were expected")
    if hashlib.sha256(posted.attachment).digest() != upload.vector:
        raise PeerError("the masked counts are not those that the sender signed")


def _check_agreement(server: Server, posted: Posted) -> None:
    if posted.sender not in server.proposed.positions:
        raise PeerError("an agreement of an institution outside the set")
    agreement = hear_from(posted.sender, Agreement, posted.message, server.terms)
    if agreement.survivors != server.survivors:
        raise PeerError("an agreement to another set")
    unpack_head(agreement.head)  # nobody else is to be stopped by a head that cannot be


def _turn(server: Server, now: datetime, key: SigningKey) -> Step:
    """Go on to the next phase if it is time."""
    deadlines = server.terms.deadlines
    if now > deadlines.expires_at:
        return _fail(server, "the time of the round is over")
    match server.phase:
        case Phase.ADVERTISING:
            if len(server.adverts) < len(server.present) and now <= deadlines.advertise_until:
                return server, ()
            return _close_list(server)
        case Phase.SHARING:
            if len(server.dealings) < len(server.listed) and now <= deadlines.share_until:
                return server, ()
            return _close_dealing(server)
        case Phase.MASKING:
            return _propose(server, now, key)
        case Phase.AGREEING:
            unanimous = len(server.agreements) == len(server.proposed.survivors)
            return _to(server, Phase.REVEALING) if unanimous else (server, ())
        case Phase.REVEALING:
            return _sum(server, key) if enough(server) else (server, ())
        case _:
            raise AssertionError("a round that is over does not turn")


def _close_list(server: Server) -> Step:
    try:
        check_listed(server.terms, server.listed)
    except PeerError as error:
        return _fail(server, str(error))
    return _to(replace(server, listing=name_of_list(server)), Phase.SHARING)


def _close_dealing(server: Server) -> Step:
    try:
        check_dealt(server.terms, len(server.listed), len(server.dealt))
    except PeerError as error:
        return _fail(server, str(error))
    return _to(replace(server, dealers=name_of_dealers(server)), Phase.MASKING)


def _propose(server: Server, now: datetime, key: SigningKey) -> Step:
    uploaded, polled = tuple(posted.sender for posted in server.uploads), frozenset(server.polled)
    awake = [sender for sender in uploaded if sender in polled]
    everybody = uploaded == server.dealt and len(awake) == len(uploaded)
    if not everybody and not _waited_enough(server, now, len(awake) == len(uploaded)):
        return server, ()
    try:
        check_survivors(server.terms, server.dealt, awake)
    except PeerError:
        return server, ()  # it may yet become enough, until the round expires
    vectors = {posted.sender: read(Upload, posted.message).vector for posted in server.uploads}
    survivors = tuple(Survivor(sender, vectors[sender]) for sender in awake)
    proposal = sign(Proposal(server.terms.digest, server.dealers, survivors), key)
    return _to(replace(server, proposal=proposal), Phase.AGREEING)


def _waited_enough(server: Server, now: datetime, all_awake: bool) -> bool:
    until = server.terms.deadlines.mask_until
    if now <= until or server.uploaded_at is None:
        return False
    return all_awake or now > max(until, server.uploaded_at) + POLL_GRACE


def _sum(server: Server, key: SigningKey) -> Step:
    total = national(server)
    if not isinstance(total, bytes):
        failed, effects = _fail(server, "a dealer has dealt shares that do not fit")
        return failed, (Convicted(total), *effects)
    name = server.survivors
    result = sign(Result(server.terms.digest, name, hashlib.sha256(total).digest()), key)  # REVEAL-6
    done, effects = _to(replace(server, result=result), Phase.DONE)
    return done, (Summed(name, server.proposed.positions, len(server.dealt), total), *effects)


def _to(server: Server, phase: Phase) -> Step:
    return replace(server, phase=phase), (Turned(phase),)


def _fail(server: Server, why: str) -> Step:
    return replace(server, phase=Phase.FAILED), (Failed(why), Turned(Phase.FAILED))


def _with(posted: tuple[Posted, ...], one: Posted) -> tuple[Posted, ...]:
    at = bisect_left(posted, one.sender, key=lambda other: other.sender)
    return (*posted[:at], one, *posted[at:])
