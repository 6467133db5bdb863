"""The institution's own yes: an approval of one programme, signed with its key, in its ledger."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from node import control, identity, records
from node.config import Config
from node.store import DocumentKind, DocumentRecord, InUse, Reader, Store
from samentel.counting.ledger import SALT_BYTES, Kind, next_entry
from samentel.documents import envelope as envelopes
from samentel.documents import levels
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.codelists import Fixed
from samentel.documents.envelope import Envelope
from samentel.documents.programme import Mode, Programme
from samentel.documents.roster import Institution, Roster
from samentel.documents.statements import Approval, hear, state
from samentel.errors import DocumentError, LocalFault, PeerError, Reason, Refusal
from samentel.ids import DIGEST, Digest

MOST_DIGITS = 10**12  # of numerator and denominator: what an approval can hold
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class SmallLevels:
    """The levels by consent of a programme, as they concern this institution.

    Attributes:
        known: whether a roster that names this institution has been received.
        needed: what it must agree to; nothing is known to be needed without a roster.
        possible: what it can agree to.
    """

    known: bool
    needed: tuple[str, ...]
    possible: tuple[str, ...]


def approve(
    config: Config,
    programme_envelope: Envelope,
    *,
    approved_by: str,
    rho_cap: Fraction,
    expires_at: datetime,
    individual: bool,
    small_levels: Sequence[str] = (),
) -> None:
    """Verify a programme, sign the institution's approval, and record both: through the daemon if it runs.

    Args:
        rho_cap: the most that this programme may spend here in one reporting year.
        individual: whether the institution agrees that the coordinator sees its own noisy tables.
        small_levels: levels that few institutions can fill, such as "facility:COSM", to whose publication it
            agrees: all that are asked of it (``small_levels_asked``).

    Raises:
        PeerError: the programme is not signed as this node's configuration asks.
        DocumentError: the programme, or what is asked of the approval, does not hold; ``small_levels`` names
            something that is not asked.
        Refusal: the programme is in individual mode and ``individual`` is False; or a small level is missing,
            with the options that agree to it in the text.
        LocalFault: the store cannot be written.
    """
    programme = programmes.verify(programme_envelope, config.authority, config.authority_threshold)
    now = datetime.now(UTC)
    asked = small_levels_asked(config, programme)
    problems = [*_unanswerable(programme), *_limits(rho_cap, expires_at, now, approved_by)]
    problems += _not_asked(small_levels, asked)
    if problems:
        raise DocumentError("approval", problems)
    if programme.mode is Mode.INDIVIDUAL and not individual:
        raise Refusal(
            Reason.MODE_NOT_APPROVED,
            "the coordinator will see this institution's own noisy tables: agree with --individual",
        )
    missing = [name for name in asked.needed if name not in small_levels]
    if missing:
        raise Refusal(
            Reason.SMALL_LEVEL,
            f"few institutions can fill {', '.join(missing)}: agree to the publication of all that are asked "
            f"here with {options(asked.needed)}",
        )
    approval = Approval(
        node=identity.enrolment(config.state_dir).node,
        programme=programme.digest,
        rho_cap=rho_cap,
        individual=individual,
        small_levels=tuple(sorted(set(small_levels))),
        approved_at=now,
        expires_at=expires_at,
        approved_by=approved_by,
    )
    signed = state(approval, identity.protocol_key(config.state_dir))
    known = DocumentRecord(DocumentKind.PROGRAMME, programme.digest, programme_envelope)
    try:
        with Store.open(config.state_dir) as store:
            record(store, signed, config, now, known)
    except InUse:
        control.put_approval(config.control_socket, signed)


def withdraw(config: Config, programme: Digest, *, withdrawn_by: str) -> None:
    """Take the institution's approval back: a new one that has expired already, since the latest word counts.

    Raises:
        LocalFault: there is no approval that holds, or the store cannot be written.
        DocumentError: ``withdrawn_by`` is no name.
    """
    problems = _name_problems(withdrawn_by)
    if problems:
        raise DocumentError("withdrawal", problems)
    key, now = identity.protocol_key(config.state_dir), datetime.now(UTC)
    with Reader.open_read_only(config.state_dir) as reader:
        held = reader.documents(DocumentKind.APPROVAL, programme)
    latest = hear(Approval, held[-1], key.public) if held else None
    if latest is None or latest.expires_at <= now:
        raise LocalFault(f"there is no approval of {programme[:12]} that holds: there is nothing to withdraw")
    taken_back = latest.model_copy(
        update={"approved_at": now, "expires_at": now, "approved_by": withdrawn_by}
    )
    signed = state(taken_back, key)
    try:
        with Store.open(config.state_dir) as store:
            record(store, signed, config, now)
    except InUse:
        control.put_approval(config.control_socket, signed)


def record(
    store: Store, signed: Envelope, config: Config, now: datetime, programme: DocumentRecord | None = None
) -> Approval:
    """Write an approval to the ledger, once it is known to be ours. The same one again changes nothing.

    Raises:
        PeerError: not signed with this node's key, or for another node.
    """
    approval = hear(Approval, signed, identity.protocol_key(config.state_dir).public)
    if approval.node != identity.enrolment(config.state_dir).node:
        raise PeerError("this approval is another institution's")
    if any(
        held.digest == signed.digest for held in store.documents(DocumentKind.APPROVAL, approval.programme)
    ):
        return approval
    digest = Digest(approval.programme)
    salt = os.urandom(SALT_BYTES)
    entry = next_entry(store.head, now, Kind.APPROVED, digest, salt=salt, document=signed.digest)
    documents = [DocumentRecord(DocumentKind.APPROVAL, approval.programme, signed)]
    store.write(now, entries=[entry], documents=[*documents, programme] if programme else documents)
    return approval


def find_programme(config: Config, named: str) -> Envelope:
    """A signed programme: from a file, or one that the coordinator has sent, by the start of its digest.

    Raises:
        LocalFault, DocumentError: it is not there, or the file holds something else.
    """
    path = Path(named)
    if path.is_file():
        try:
            return envelopes.from_json(path.read_bytes())
        except OSError:
            raise LocalFault(f"{path} cannot be read") from None
    if len(named) >= 8 and DIGEST.fullmatch(named.ljust(64, "0")):
        with Reader.open_read_only(config.state_dir) as reader:
            held = [one for one in reader.documents(DocumentKind.PROGRAMME) if one.digest.startswith(named)]
        if len(held) == 1:
            return held[0]
    raise LocalFault(
        f"{named}: there is no such file, and no programme with that digest has been received; "
        "name the signed programme's file, or at least 8 digits of its digest"
    )


def held_roster(config: Config) -> Roster | None:
    """The roster that this node holds, or None."""
    try:
        with Reader.open_read_only(config.state_dir) as reader:
            held = reader.documents(DocumentKind.ROSTER)
    except LocalFault:
        return None  # no store yet
    # Verified when it came, and never replaced by an older one.
    return rosters.parse(held[-1].payload) if held else None


def own_institution(config: Config) -> Institution | None:
    """This institution as the roster that it holds has it, or None."""
    roster = held_roster(config)
    return roster.institution(identity.enrolment(config.state_dir).node) if roster else None


def small_levels_asked(config: Config, programme: Programme) -> SmallLevels:
    """The levels by consent that concern this institution, by the roster that it holds."""
    mine = own_institution(config)
    if mine is None:
        return SmallLevels(known=False, needed=(), possible=levels.consents_known(programme))
    needed = levels.consents_needed(programme, mine)
    return SmallLevels(known=True, needed=needed, possible=needed)


def refuse_unasked(names: Sequence[str], asked: SmallLevels) -> None:
    """Raise DocumentError where a small level is named that is not asked of this institution."""
    problems = _not_asked(names, asked)
    if problems:
        raise DocumentError("approval", problems)


def options(names: Sequence[str]) -> str:
    """The options of ``approve`` that agree to these levels, to be pasted."""
    return " ".join(f"--small-level {name}" for name in names)


def rostered(config: Config) -> int | None:
    """How many institutions are on the roster that this node holds, or None while it holds none."""
    roster = held_roster(config)
    return len(roster.institutions) if roster else None


def _not_asked(names: Sequence[str], asked: SmallLevels) -> Sequence[str]:
    choice = f"it asks {options(asked.possible)}" if asked.possible else "it asks for none"
    return [
        f"--small-level {name}: the programme does not ask this of this institution; {choice}"
        for name in names
        if name not in asked.possible
    ]


def _unanswerable(programme: Programme) -> Sequence[str]:
    known = {*records.BANDED, *records.CODED}
    registers = [population.registers for population in programme.populations if population.registers]
    asked = {one.field for one in registers if one.field is not None}
    return [
        f"programme dimensions.{dimension.id}: this version does not know the field {dimension.field}"
        for dimension in programme.dimensions
        if dimension.field not in known and dimension.fixed_by not in (Fixed.TYPE, Fixed.PROVINCE)
    ] + [
        f"programme populations: registers names the field {field}, which this version does not know"
        for field in sorted(asked - {*records.CODED})
    ]


def _limits(rho_cap: Fraction, expires_at: datetime, now: datetime, approved_by: str) -> Sequence[str]:
    problems = []
    if rho_cap <= 0:
        problems.append("rho_cap: must be more than 0; `samentel-node withdraw` ends an approval")
    if max(rho_cap.numerator, rho_cap.denominator) >= MOST_DIGITS:
        problems.append("rho_cap: has too many digits; write a plain number with --rho-cap, such as 1/2")
    if expires_at.tzinfo is None or expires_at <= now:
        problems.append("expires_at: must lie in the future, with its time zone")
    return [*problems, *_name_problems(approved_by)]


def _name_problems(person: str) -> Sequence[str]:
    if person.strip() and len(person) <= LONGEST_NAME and person.isprintable():
        return []
    return [f"--by: write who approves, on one line of at most {LONGEST_NAME} characters"]
