"""From the signed documents to the terms of a secure sum, the same at every node and at the coordinator."""

from collections.abc import Sequence

from samentel.counting.shares import share_plan
from samentel.documents.levels import fixed_levels
from samentel.documents.programme import Programme
from samentel.documents.roster import Institution, Roster
from samentel.documents.statements import Round, Start
from samentel.errors import PeerError
from samentel.secagg.ring import Ring, ring_for
from samentel.secagg.terms import Deadlines, Level, Member, Terms


def terms_of(programme: Programme, roster: Roster, round_: Round, start: Start) -> Terms:
    """What this attempt is about (TERMS-1).

    Under the rule of c + 2 is every level that the roster fixes and some institution can fill, but for those
    that are published by consent: there each institution looks after its own yes.

    Args:
        programme, roster, round_, start: each verified with its signer's key.

    Raises:
        PeerError: the documents do not belong together, or the deadlines do not follow each other.
        DocumentError: the programme's noise cannot be shared among this roster.
        OverflowError: its counts could wrap even in 64 bits.
    """
    if (round_.programme, round_.roster, start.round) != (programme.digest, roster.digest, round_.round_id):
        raise PeerError("programme, roster, round and start do not belong together")
    try:
        deadlines = Deadlines(start.advertise_until, start.share_until, start.mask_until, start.expires_at)
    except ValueError as error:
        raise PeerError(str(error)) from None
    rules, members = programme.roster, _members(roster.institutions)
    return Terms(
        round=bytes.fromhex(round_.round_id),
        programme=bytes.fromhex(programme.digest),
        roster=bytes.fromhex(roster.digest),
        coordinator=bytes.fromhex(roster.coordinator_key),
        members=members,
        institutions_min=rules.institutions_min,
        collude_max=rules.collude_max,
        absent_max=rules.absent_max,
        cells=programme.vector_length,
        ring=_ring(programme, len(roster.institutions)),
        levels=_levels(programme, roster, members),
        deadlines=deadlines,
    )


def _members(institutions: Sequence[Institution]) -> tuple[Member, ...]:
    members = (Member(entry.node, bytes.fromhex(entry.protocol_key)) for entry in institutions)
    return tuple(sorted(members, key=lambda member: member.node))


def _levels(programme: Programme, roster: Roster, members: Sequence[Member]) -> tuple[Level, ...]:
    places = {member.node: place for place, member in enumerate(members)}
    return tuple(
        Level(level.name, tuple(sorted(places[node] for node in level.nodes)))
        for level in fixed_levels(programme, roster)
        if level.nodes and not level.by_consent
    )


def _ring(programme: Programme, rostered: int) -> Ring:
    # Noise shares are largest when as few have dealt as the programme allows: no smaller list can widen them.
    fewest = share_plan(programme, rostered, min(programme.roster.institutions_min, rostered))
    return ring_for(fewest, rostered, max(population.rows_max for population in programme.populations))
