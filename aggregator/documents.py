"""Programmes, rosters and public figures: signed by the programme authority, put in force here."""

from collections.abc import Iterable
from datetime import UTC, datetime

from aggregator import files
from aggregator.book import Entry, State, opened
from aggregator.config import Config
from aggregator.events import DocumentPublished
from aggregator.register import Document
from aggregator.store import Store
from samentel.counting.shares import plan_of
from samentel.documents import envelope as dsse
from samentel.documents import programme as programmes
from samentel.documents import public
from samentel.documents import roster as rosters
from samentel.documents.envelope import Envelope
from samentel.documents.keys import signing_key
from samentel.documents.model import to_bytes
from samentel.documents.programme import Programme
from samentel.documents.public import PublicFigures
from samentel.documents.roster import Institution, Roster
from samentel.errors import DocumentError, LocalFault, PeerError, Reason, Refusal
from samentel.ids import Digest, digest
from samentel.wire.messages import RoundPhase


def draft_roster(config: Config, *, version: int | None = None) -> bytes:
    """The roster of all confirmed institutions, to be signed by the programme authority.

    The authority confirms each protocol key with the institution itself before it signs.

    Args:
        version: the number to give it; one more than the roster in force when not given.

    Raises:
        LocalFault: no institution is confirmed.
    """
    with opened(config) as book:
        register = book.state.register
    if version is None:
        version = register.roster.version + 1 if register.roster is not None else 1
    institutions = []
    for member in register.confirmed():
        assert member.enrolled is not None, "a member is confirmed after it has enrolled"
        institutions.append(
            Institution(
                node=member.node,
                name=member.invited.name,
                operator=member.invited.operator,
                type=member.invited.type,
                province=member.invited.province,
                facilities=member.invited.facilities,
                protocol_key=member.enrolled.protocol_key,
            )
        )
    if not institutions:
        raise LocalFault("no institution is confirmed yet: invite, let them enrol, then confirm")
    coordinator = signing_key(files.read(config.coordinator_key)).public
    return to_bytes(
        Roster(
            version=version,
            issued_at=datetime.now(UTC).replace(microsecond=0),
            coordinator_key=coordinator.raw.hex(),
            institutions=tuple(institutions),
        )
    )


def publish(config: Config, envelope: Envelope) -> Digest:
    """Put a signed programme, roster or public figures in force; doing so again changes nothing.

    Raises:
        PeerError: not signed by enough of the authority's keys, or another kind of document.
        DocumentError: signed, but it does not hold.
        Refusal: older than what is in force, or of the same version with other contents.
    """
    if envelope.payload_type == programmes.PAYLOAD_TYPE:
        body = _programme(config, envelope)
    elif envelope.payload_type == rosters.PAYLOAD_TYPE:
        body = _roster(config, envelope)
    elif envelope.payload_type == public.PAYLOAD_TYPE:
        body = _figures(config, envelope)
    else:
        raise PeerError("this document is neither a programme nor a roster, nor public figures")

    with opened(config) as book:

        def decision(state: State) -> Entry:
            register = state.register
            in_force = register.roster.digest if register.roster is not None else None
            if envelope.digest in (*register.programmes, *register.figures, in_force):
                return Entry()
            if body.document in ("programme", "figures"):
                held = {"programme": register.programmes, "figures": register.figures}[body.document]
                _check_version(held.values(), body)
            if body.document == "roster" and register.roster is not None:
                before = rosters.parse(stored(book.store, register.roster.envelope).payload)
                rosters.check_successor(before, rosters.parse(envelope.payload))
            if body.document == "roster":
                _check_no_round_is_open(state)
                _check_keys(state, rosters.parse(envelope.payload))
            return Entry(bodies=((envelope.digest, body),), blobs=(dsse.to_json(envelope),))

        book.write(datetime.now(UTC), decision)
    return envelope.digest


def add_figures(config: Config, envelope: Envelope) -> PublicFigures:
    """Put signed public figures in force: every release from now on carries them.

    Raises:
        PeerError: it holds something else, or not enough of the authority's keys have signed it.
        DocumentError: signed, but it does not hold.
        Refusal: older than what is in force, or of the same version with other contents.
    """
    if envelope.payload_type != public.PAYLOAD_TYPE:
        raise PeerError("this document holds no public figures; a programme or roster: publish FILE")
    publish(config, envelope)
    return public.parse(envelope.payload)


def figures(state: State, store: Store, moment: datetime) -> Envelope | None:
    """The public figures that were in force at a moment, as signed; None if there were none yet.

    Args:
        moment: when a release is published: making it again gives the same figures.
    """
    held = state.register.figures_at(moment)
    return None if held is None else stored(store, held.envelope)


def _check_version(held: Iterable[Document], new: DocumentPublished) -> None:
    """A name means its highest version: two documents of one version could not be told apart."""
    highest = max((it.version for it in held if it.name == new.name), default=0)
    if new.version <= highest:
        raise Refusal(
            Reason.ROLLBACK_DETECTED,
            f"version {highest} of {new.name} is in force, and this is another version {new.version}: "
            f"raise the version to {highest + 1} or more, and have it signed again",
        )


def _check_no_round_is_open(state: State) -> None:
    """Nodes hold a round against the roster they hold: a new one in between would make them refuse it."""
    for round_ in state.rounds.values():
        if round_.phase in (RoundPhase.GATHERING, RoundPhase.COLLECTING):
            raise Refusal(
                Reason.ROSTER_MISMATCH,
                f"round {round_.round_id[:12]} for {round_.opened.period} is open under the roster in force: "
                "publish it or abandon it first, then put the new roster in force",
            )


def stored(store: Store, name: str) -> Envelope:
    """A stored envelope by the digest of its file."""
    return dsse.from_json(store.blob(name))


def _programme(config: Config, envelope: Envelope) -> DocumentPublished:
    programme = programmes.verify(envelope, config.authority, config.authority_threshold)
    least = programme.roster.institutions_min
    plan_of(programme, least, least)  # what no roster can carry out is refused here rather than in a round
    return _published("programme", programme.id, programme.version, envelope)


def _roster(config: Config, envelope: Envelope) -> DocumentPublished:
    roster = rosters.verify(envelope, config.authority, config.authority_threshold)
    coordinator = signing_key(files.read(config.coordinator_key)).public
    if roster.coordinator_key != coordinator.raw.hex():
        raise DocumentError(
            "roster", ["coordinator_key: is not the key of this coordinator; draft the roster here"]
        )
    return _published("roster", "roster", roster.version, envelope)


def _figures(config: Config, envelope: Envelope) -> DocumentPublished:
    found = public.verify(envelope, config.authority, config.authority_threshold)
    return _published("figures", public.KIND, found.version, envelope)


def _published(kind: str, name: str, version: int, envelope: Envelope) -> DocumentPublished:
    file = digest(dsse.to_json(envelope))
    return DocumentPublished.model_validate(
        {"document": kind, "name": name, "version": version, "envelope": file}
    )


def _check_keys(state: State, roster: Roster) -> None:
    """A key that differs from the one enrolled is a mistake, or somebody in between: better found now."""
    members = state.register.members
    wrong = [
        f"institutions.{entry.node}: this is not the protocol key that was enrolled"
        for entry in roster.institutions
        if (member := members.get(entry.node)) is not None
        and member.enrolled is not None
        and member.enrolled.protocol_key != entry.protocol_key
    ]
    if wrong:
        raise DocumentError("roster", wrong)


def programme(store: Store, name: str) -> Programme:
    """A programme in force, parsed, by the digest of its envelope file."""
    return programmes.parse(stored(store, name).payload)
