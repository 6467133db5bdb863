"""The roster: which institutions take part, and the key by which each speaks.

Signed by the programme authority, which has confirmed every protocol key with
the institution itself. A coordinator cannot add a name to it.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints, model_validator

from samentel.documents.envelope import Envelope, open_envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.model import Model, Moment, Name, NodeIdField, from_json
from samentel.errors import Reason, Refusal
from samentel.ids import NO_DIGEST, Digest, digest

PAYLOAD_TYPE = "application/vnd.samentel.roster.v1+json"

KeyHex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_]{1,32}$")]


def _each_once(words: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(words)) < len(words):
        raise ValueError("each kind of place stands once")
    return words


Facilities = Annotated[tuple[Word, ...], Field(max_length=50), AfterValidator(_each_once)]


class Institution(Model):
    """One institution on the roster.

    Attributes:
        operator: who runs its node; several institutions may share an IT supplier.
        type, province: levels that the institution itself fixes, never taken from records.
        facilities: the kinds of places it has, such as COSM; its placements can be in no other.
        protocol_key: raw Ed25519 public key, hexadecimal.
    """

    node: NodeIdField
    name: Name
    operator: Name
    type: Word
    province: Word
    facilities: Facilities = ()
    protocol_key: KeyHex

    @property
    def verify_key(self) -> VerifyKey:
        """The key by which this institution's statements are checked."""
        return VerifyKey(bytes.fromhex(self.protocol_key))


class Roster(Model):
    """Who may take part; a higher version replaces a lower one."""

    version: Annotated[int, Field(ge=1, le=1_000_000)]
    issued_at: Moment
    coordinator_key: KeyHex
    institutions: Annotated[tuple[Institution, ...], Field(min_length=1, max_length=10_000)]

    _digest: Digest = PrivateAttr(default=NO_DIGEST)

    @model_validator(mode="after")
    def _names_and_keys_differ(self) -> "Roster":
        problems = []
        for what in ("node", "protocol_key"):
            times = Counter(getattr(institution, what) for institution in self.institutions)
            twice = [entry.node for entry in self.institutions if times[getattr(entry, what)] > 1]
            if twice:
                problems.append(f"institutions: {', '.join(twice)} have the same {what}")
        # Whoever holds this key could otherwise speak for an institution and open rounds as well.
        both = [entry.node for entry in self.institutions if entry.protocol_key == self.coordinator_key]
        if both:
            problems.append(f"institutions: {', '.join(both)} has the coordinator's key as its protocol_key")
        if problems:
            raise ValueError(*problems)
        return self

    @property
    def digest(self) -> Digest:
        """SHA-256 of the signed bytes."""
        return self._digest

    def institution(self, node: str) -> Institution | None:
        """The institution of that node, or None."""
        return next((institution for institution in self.institutions if institution.node == node), None)


def parse(payload: bytes) -> Roster:
    """Read a roster from its exact bytes; raises DocumentError with every mistake."""
    roster = from_json(Roster, payload, "roster")
    roster._digest = digest(payload)
    return roster


def verify(envelope: Envelope, authority: Sequence[VerifyKey], threshold: int) -> Roster:
    """The roster, once enough of the authority's keys have signed it.

    Raises:
        PeerError: too few good signatures; nothing has been parsed.
        DocumentError: signed, but not a roster.
    """
    return parse(open_envelope(envelope, PAYLOAD_TYPE, authority, threshold))


def check_successor(held: Roster, offered: Roster) -> None:
    """Refuse an older roster, or another one under the same version number."""
    if offered.version < held.version or (offered.version == held.version and offered.digest != held.digest):
        raise Refusal(
            Reason.ROSTER_MISMATCH,
            f"the roster offered is version {offered.version}, the one held is version {held.version}",
        )


def changes(held: Roster | None, offered: Roster) -> list[str]:
    """What a new roster changes, a line each, for the people of the institution to read."""
    before = {entry.node: entry for entry in held.institutions} if held else {}
    after = {entry.node: entry for entry in offered.institutions}
    lines = [f"+ {_shown(after[node])}" for node in sorted(after.keys() - before.keys())]
    lines += [f"- {before[node].name} ({node})" for node in sorted(before.keys() - after.keys())]
    for node in sorted(before.keys() & after.keys()):
        old, new = before[node], after[node]
        fields = [name for name in Institution.model_fields if getattr(old, name) != getattr(new, name)]
        if fields:
            lines.append(f"~ {new.name} ({node}): {', '.join(_change(name, old, new) for name in fields)}")
    if held and held.coordinator_key != offered.coordinator_key:
        lines.append("~ coordinator_key")
    return lines


def _shown(entry: Institution) -> str:
    places = f", with {', '.join(entry.facilities)}" if entry.facilities else ""
    return f"{entry.name} ({entry.node}){places}"


def _change(field: str, old: Institution, new: Institution) -> str:
    """The field; of its kinds of places also which came and went, since they decide where it is counted."""
    if field != "facilities":
        return field
    came = [f"+{word}" for word in new.facilities if word not in old.facilities]
    went = [f"-{word}" for word in old.facilities if word not in new.facilities]
    return " ".join([field, *came, *went])
