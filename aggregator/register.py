"""Who is known here, and which documents are in force: a pure fold over events.

No clock, no files: moments come with the events, or as an argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from aggregator.events import (
    BadgeIssued,
    Confirmed,
    Countersigned,
    DocumentPublished,
    Enrolled,
    Event,
    Invited,
    LedgerSeen,
    Renewed,
    Revoked,
)
from samentel.wire.methods import Role


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a public key speaks for.

    Attributes:
        until: when the certificate expires.
        chain: digest of the stored certificate chain; empty when its holder has the only copy.
    """

    role: Role
    id: str
    until: datetime
    chain: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One institution: invited, then enrolled, then confirmed."""

    node: str
    invited: Invited
    enrolled: Enrolled | None = None
    confirmed: Confirmed | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One document in force, and since when."""

    digest: str
    name: str
    version: int
    envelope: str
    since: datetime


@dataclass(frozen=True, slots=True)
class LedgerMark:
    """The latest ledger head that a node has shown."""

    length: int
    digest: str


@dataclass(frozen=True, slots=True)
class Register:
    """Everything that is known of people, nodes and documents.

    Attributes:
        identities: by the SHA-256 of the certificate's public key; revoked ones are gone.
        members: by node id; revoked ones are gone.
        programmes, rosters: by digest, oldest first; the last roster is the one in force.
        figures: public figures, likewise.
        countersigned: by release, what keys of the authority have signed of its manifest, oldest first.
    """

    identities: Mapping[str, Identity] = field(default_factory=dict)
    members: Mapping[str, Member] = field(default_factory=dict)
    programmes: Mapping[str, Document] = field(default_factory=dict)
    rosters: Mapping[str, Document] = field(default_factory=dict)
    figures: Mapping[str, Document] = field(default_factory=dict)
    ledgers: Mapping[str, LedgerMark] = field(default_factory=dict)
    countersigned: Mapping[str, tuple[Countersigned, ...]] = field(default_factory=dict)

    @property
    def roster(self) -> Document | None:
        """The roster in force."""
        return list(self.rosters.values())[-1] if self.rosters else None

    def figures_at(self, moment: datetime) -> Document | None:
        """The public figures that were in force at a moment, so that a release made again has the same."""
        return next((it for it in reversed(list(self.figures.values())) if it.since <= moment), None)

    def who(self, spki: str, now: datetime) -> Identity | None:
        """Whom a public key speaks for now; None when nobody, or no longer."""
        identity = self.identities.get(spki)
        return identity if identity is not None and now < identity.until else None

    def confirmed(self) -> list[Member]:
        """The institutions whose enrolment a person has confirmed, by node id."""
        return [
            self.members[node] for node in sorted(self.members) if self.members[node].confirmed is not None
        ]


def fold(register: Register, event: Event) -> Register:
    """The register after one more event; events of rounds change nothing here."""
    subject = event.subject
    match event.body:
        case Invited() as body:
            fresh = _without(register, Role.INVITED, subject)
            named = _identified(fresh, body.spki, Identity(Role.INVITED, subject, body.until))
            return replace(named, members={**named.members, subject: Member(subject, body)})
        case Enrolled() as body:
            return _member(register, replace(register.members[subject], enrolled=body))
        case Confirmed() as body:
            known = _identified(register, body.spki, Identity(Role.NODE, subject, body.until, body.chain))
            return _member(known, replace(register.members[subject], confirmed=body))
        case Renewed() as body:
            return _identified(register, body.spki, Identity(Role.NODE, subject, body.until, body.chain))
        case BadgeIssued() as body:
            return _identified(register, body.spki, Identity(Role(body.role), subject, body.until))
        case Revoked() as body:
            return _revoked(register, Role(body.role), subject)
        case DocumentPublished() as body:
            document = Document(subject, body.name, body.version, body.envelope, event.at)
            if body.document == "roster":
                return replace(register, rosters={**register.rosters, subject: document})
            if body.document == "figures":
                return replace(register, figures={**register.figures, subject: document})
            return replace(register, programmes={**register.programmes, subject: document})
        case Countersigned() as body:
            signed = (*register.countersigned.get(subject, ()), body)
            return replace(register, countersigned={**register.countersigned, subject: signed})
        case LedgerSeen() as body:
            mark = LedgerMark(body.length, body.digest)
            return replace(register, ledgers={**register.ledgers, subject: mark})
        case _:
            return register


def _identified(register: Register, spki: str, identity: Identity) -> Register:
    return replace(register, identities={**register.identities, spki: identity})


def _member(register: Register, member: Member) -> Register:
    return replace(register, members={**register.members, member.node: member})


def _without(register: Register, role: Role, name: str) -> Register:
    left = {
        spki: identity
        for spki, identity in register.identities.items()
        if (identity.role, identity.id) != (role, name)
    }
    return replace(register, identities=left)


def _revoked(register: Register, role: Role, name: str) -> Register:
    """A node and its invitation go together: both speak for one institution."""
    if role not in (Role.NODE, Role.INVITED):
        return _without(register, role, name)
    bare = _without(_without(register, Role.NODE, name), Role.INVITED, name)
    return replace(bare, members={node: member for node, member in bare.members.items() if node != name})
