"""What the node has done and is doing, for its own people: the ledger and the daemon's state, in words."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from node import approving, control, halting, identity, policy, receipts
from node.config import Config
from node.control import NotRunning
from node.store import DocumentKind, Reader, RoundRecord
from node.texts import Words
from samentel.counting.ledger import Body, Entry, head
from samentel.documents.envelope import Envelope
from samentel.documents.model import from_json
from samentel.documents.programme import Programme
from samentel.documents.programme import parse as parse_programme
from samentel.documents.statements import Approval
from samentel.errors import DocumentError, LocalFault
from samentel.ids import Digest
from samentel.wire.messages import LocalRound


def status(config: Config) -> Mapping[str, object]:
    """The daemon's own word, or what its files tell when it is off."""
    kept = _kept(config)
    try:
        told = control.status(config.control_socket)
    except NotRunning:
        return {**_from_files(config), **kept}
    rounds = [_round(one) for one in told.rounds]
    return {
        **kept,
        "node": told.node_id,
        "state": told.state,
        "reason": told.reason,
        "last_contact": told.last_contact,
        "ledger": {"length": told.ledger.length, "digest": told.ledger.digest},
        "certificate_until": told.certificate_until,
        "rounds": rounds,
    }


def status_lines(shown: Mapping[str, object], words: Words) -> Iterator[str]:
    """The state in words."""
    state = words("status.off") if shown["state"] == "off" else shown["state"]
    yield f"{words('status.node')}: {shown['node'] or '-'}"
    yield f"{words('status.state')}: {state}"
    if shown["reason"]:
        yield f"{words('status.reason')}: {shown['reason']}"
    yield f"{words('status.contact')}: {shown['last_contact'] or words('never')}"
    at = shown["ledger"]
    assert isinstance(at, Mapping)
    yield f"{words('status.ledger')}: {at['length']} ({at['digest'][:12]})"
    yield f"{words('status.certificate')}: {shown['certificate_until'] or '-'}"
    rounds = shown["rounds"]
    assert isinstance(rounds, Sequence)
    for one in rounds:
        facts = f"{one['period']:<7} {one['attempt']}  {one['state']:<10} {one['reason']}"
        yield f"  {one['round'][:12]}  {facts}"
    yield from _left_out_lines(shown["left_out"], words)
    yield from _approval_lines(shown["approvals"], words)
    yield from _sealed_lines(shown["sealed"], words)


def _left_out_lines(left_out: object, words: Words) -> Iterator[str]:
    assert isinstance(left_out, Sequence)
    for one in left_out:
        facts = {"round": one["round"][:12], "period": one["period"], "attempt": one["attempt"]}
        yield f"  {words('status.left_out', at=one['taken_at'], **facts)}"
        proof = "status.left_out.proof" if one["proposal"] else "status.left_out.withheld"
        yield f"    {words(proof, **facts)}"


def _approval_lines(approvals: object, words: Words) -> Iterator[str]:
    assert isinstance(approvals, Sequence)
    if approvals:
        yield f"{words('status.approvals')}:"
    for one in approvals:
        end = words("status.until", until=one["until"]) if one["holds"] else words("status.withdrawn")
        yield f"  {one['programme'][:12]}  {one['name']:<20} {end}"
        if one["small_levels"]:
            yield f"    {words('small.agreed', names=', '.join(one['small_levels']))}"
        if one["holds"] and one["missing"]:
            typed = approving.options(one["needed"])
            yield f"    {words('status.small', digest=one['programme'][:12], options=typed)}"


def _sealed_lines(periods: object, words: Words) -> Iterator[str]:
    assert isinstance(periods, Sequence)
    if periods:
        yield f"{words('status.sealed')}:"
    for one in periods:
        yield f"  {one['programme'][:12]}  {one['name']:<20} {one['period']:<7} {one['sealed_at'][:16]}"


def entries(config: Config) -> list[Entry]:
    """The ledger, read beside a running daemon or without one."""
    with Reader.open_read_only(config.state_dir) as reader:
        return reader.entries()


def read(shown: Sequence[Entry]) -> list[Body]:
    """What the entries say; raises LocalFault when one was changed beyond reading."""
    try:
        return [entry.read() for entry in shown]
    except DocumentError:
        raise LocalFault(
            "the ledger holds an entry that cannot be read: `samentel-node ledger verify` says which"
        ) from None


def ledger_lines(config: Config, shown: Sequence[Entry], words: Words) -> Iterator[str]:
    """The ledger in words, a line an entry, and what is left of each reporting year."""
    if not shown:
        yield words("ledger.empty")
        return
    bodies, small = read(shown), _small_levels(config)
    for body in bodies:
        yield _line(body)
        if small.get(body.document or ""):
            yield f"      {words('small.agreed', names=', '.join(small[body.document or '']))}"
    for year in sorted({body.loss.period.year for body in bodies if body.loss}):
        left = policy.left(shown, year, config.caps)
        facts = {"cap": config.caps.central, "local_cap": config.caps.local}
        yield words("ledger.left", year=year, central=_short(left.central), local=_short(left.local), **facts)


def _small_levels(config: Config) -> Mapping[str, Sequence[str]]:
    """What each approval agrees to, by its digest."""
    with Reader.open_read_only(config.state_dir) as reader:
        held = reader.documents(DocumentKind.APPROVAL)
    return {one.digest: _read_approval(one).small_levels for one in held}


def _read_approval(envelope: Envelope) -> Approval:
    return from_json(Approval, envelope.payload, "approval")  # our own; verified where it decides anything


def _line(body: Body) -> str:
    parts = [f"{body.seq:>4}  {body.at:%Y-%m-%d %H:%M}  {body.kind:<10} {body.programme[:12]}"]
    if body.loss is not None:
        parts.append(f"{body.loss.period} #{body.loss.attempt}  rho {_short(body.loss.rho_central)}")
        if body.loss.rho_local != body.loss.rho_central:
            parts.append(f"rho_local {_short(body.loss.rho_local)}")
    if body.reason is not None:
        parts.append(body.reason)
    return "  ".join(parts)


def _short(rho: object) -> str:
    """A rho for reading: the ledger itself holds the exact fraction of a float, 50 digits long."""
    return f"{float(rho):.6g}"  # type: ignore[arg-type]


def _kept(config: Config) -> Mapping[str, object]:
    """What the daemon does not tell: approvals, sealed periods, receipts. Read beside it; no counts."""
    with Reader.open_read_only(config.state_dir) as reader:
        periods, held = reader.sealed_periods(), reader.documents(DocumentKind.APPROVAL)
        left_out = receipts.left_out(reader)
        programmes = {
            one.digest: parse_programme(one.payload) for one in reader.documents(DocumentKind.PROGRAMME)
        }
    newest = {approval.programme: approval for approval in map(_read_approval, held)}
    return {
        "left_out": left_out,
        "approvals": [
            _approval(config, approval, programmes.get(Digest(name))) for name, approval in newest.items()
        ],
        "sealed": [
            {
                "programme": one.programme,
                "name": one.name,
                "period": one.period,
                "sealed_at": one.sealed_at,
            }
            for one in periods
        ],
    }


def _approval(config: Config, approval: Approval, programme: Programme | None) -> Mapping[str, object]:
    needed = approving.small_levels_asked(config, programme).needed if programme else ()
    return {
        "programme": approval.programme,
        "name": programme.id if programme else "",
        "until": f"{approval.expires_at:%Y-%m-%d}",
        "holds": approval.expires_at > datetime.now(UTC),
        "small_levels": list(approval.small_levels),
        "needed": list(needed),
        "missing": [name for name in needed if name not in approval.small_levels],
    }


def _from_files(config: Config) -> Mapping[str, object]:
    with Reader.open_read_only(config.state_dir) as reader:
        at, reason, rounds = head(reader.entries()), halting.told(reader), reader.rounds()
    node = until = ""
    try:
        node = identity.enrolment(config.state_dir).node
        until = identity.lifetime(identity.credentials(config.state_dir).chain)[1].isoformat()
    except LocalFault as fault:
        if identity.is_certified(config.state_dir):  # otherwise not enrolled yet: there is nothing to tell
            reason = reason or str(fault)
    return {
        "node": node,
        "state": "off",
        "reason": reason,
        "last_contact": "",
        "ledger": {"length": at.length, "digest": at.digest},
        "certificate_until": until,
        "rounds": [_round(one) for one in rounds],
    }


def _round(one: LocalRound | RoundRecord) -> Mapping[str, object]:
    return {
        "round": one.round_id,
        "period": one.period,
        "attempt": one.attempt,
        "state": str(one.state),
        "reason": one.reason,
    }
