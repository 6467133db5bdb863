"""How institutions and readers come to hold a certificate.

An invitation is handed over by a person; the node makes its own keys and sends
their public halves; a person compares the fingerprint with the institution by
telephone; only then is a certificate issued. The functions of this module are
called by the command line; those that take a Book also by the daemon.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aggregator import files
from aggregator.authority import BADGE_LIFE, CLIENT_LIFE, Authority, Issued, read_request
from aggregator.book import Book, Entry, State, opened
from aggregator.config import Config, quoted
from aggregator.errors import Contradiction, NotAllowed, NotFound
from aggregator.events import BadgeIssued, Confirmed, Enrolled, Invited, Renewed, Revoked
from aggregator.register import Member, Register
from samentel.documents.access import Endpoint, Invitation
from samentel.documents.keys import VerifyKey, fingerprint, signing_key
from samentel.errors import DocumentError, LocalFault, PeerError
from samentel.ids import NODE_ID, digest
from samentel.wire.methods import Role


def invite(
    config: Config,
    node: str,
    *,
    name: str,
    operator: str,
    type: str,
    province: str,
    facilities: Sequence[str] = (),
) -> Invitation:
    """Invite an institution; a new invitation replaces an earlier one until the node is confirmed.

    Args:
        facilities: the kinds of places it has, such as COSM; its placements can be in no other.

    Raises:
        LocalFault: the node is enrolled already, or a name has another form than names have.
    """
    now = datetime.now(UTC)
    authority = Authority.load(config.pki)
    pair, issued = authority.invitation(_named(node), now)
    try:
        body = Invited(
            name=name,
            operator=operator,
            type=type,
            province=province,
            facilities=tuple(facilities),
            spki=issued.spki,
            until=issued.until,
        )
    except ValueError:
        raise LocalFault(
            "an institution needs a name and an operator, and a type and a province of capitals, digits and "
            "underscores, such as VO_MO and PV27; of its facilities each is such a word too, and stands once"
        ) from None

    def decision(state: State) -> Entry:
        member = state.register.members.get(node)
        if member is not None and member.confirmed is not None:
            raise LocalFault(f"{node} is enrolled already; revoke it first if it has lost its keys")
        return Entry(bodies=((node, body),))

    with opened(config) as book:
        book.write(now, decision)
    return Invitation(
        node=node,
        name=name,
        operator=operator,
        type=type,
        province=province,
        address=config.address,
        root=authority.root.decode(),
        key=pair.key.decode(),
        certificate=pair.certificate.decode(),
        expires_at=issued.until,
    )


def pending(config: Config) -> list[tuple[str, str]]:
    """The nodes that wait for a person, each with the fingerprint that the institution must read out."""
    with opened(config) as book:
        members = book.state.register.members
    return [
        (node, member.enrolled.fingerprint)
        for node, member in sorted(members.items())
        if member.enrolled is not None and member.confirmed is None
    ]


def confirm(config: Config, node: str, fingerprint: str) -> None:
    """Issue the certificate of a node whose fingerprint was read out over the telephone.

    Args:
        fingerprint: with or without blanks and dashes.

    Raises:
        LocalFault: nothing to confirm under that name.
        PeerError: another fingerprint than the one received: do not confirm, find out who is in between.
    """
    now = datetime.now(UTC)
    authority = Authority.load(config.pki)

    with opened(config) as book:

        def decision(state: State) -> Entry:
            member = state.register.members.get(node)
            if member is None or member.enrolled is None:
                raise LocalFault(f"{node} has not enrolled; list who waits with: samentel-aggregator confirm")
            if _digits(fingerprint) != _digits(member.enrolled.fingerprint):
                raise PeerError(
                    f"this is not the fingerprint that was received for {node}. Do not confirm. Let the "
                    "institution read it again: six groups of five digits, blanks do not matter. If it still "
                    "differs, somebody is in between."
                )
            if member.confirmed is not None:
                return Entry()
            request = read_request(book.store.blob(member.enrolled.request))
            issued = authority.client(Role.NODE, node, request, now, CLIENT_LIFE)
            body = Confirmed(chain=digest(issued.chain), spki=issued.spki, until=issued.until)
            return Entry(bodies=((node, body),), blobs=(issued.chain,))

        book.write(now, decision)


def revoke(config: Config, role: Role | str, id: str) -> None:
    """Make every certificate of that role and name worthless, from the next call on.

    Raises:
        LocalFault: nobody of that role and name is known.
    """
    with opened(config) as book:

        def decision(state: State) -> Entry:
            known = {(identity.role, identity.id) for identity in state.register.identities.values()}
            invited = role in (Role.NODE, Role.INVITED) and id in state.register.members
            if (Role(role), id) not in known and not invited:
                raise LocalFault(f"there is no {role} called {id} here")
            return Entry(bodies=((id, Revoked.model_validate({"role": str(role)})),))

        book.write(datetime.now(UTC), decision)


def issue_badge(config: Config, role: Role | str, name: str, csr_pem: bytes, out: Path) -> None:
    """Make a credentials directory for an administrator or reader who keeps the private key.

    Args:
        csr_pem: the certificate request that its holder made (``samentel keys request``).
        out: receives certificate.pem, root.pem, endpoint.toml and the authority's public keys.

    Raises:
        LocalFault: the name is in use, or another role was asked for.
        PeerError: not a good certificate request.
    """
    if role not in (Role.ADMIN, Role.READER):
        raise LocalFault("a badge is for an admin or a reader")
    now = datetime.now(UTC)
    authority = Authority.load(config.pki)
    request = read_request(csr_pem)
    issued = authority.client(Role(role), _named(name), request, now, BADGE_LIFE)

    def decision(state: State) -> Entry:
        known = state.register.identities
        if any((identity.role, identity.id) == (role, name) for identity in known.values()):
            raise LocalFault(
                f"there is a {role} called {name} already; revoke it first, or choose another name"
            )
        if issued.spki in known:
            raise LocalFault("this key has a certificate already; make a new key")
        body = BadgeIssued.model_validate({"role": str(role), "spki": issued.spki, "until": issued.until})
        return Entry(bodies=((name, body),))

    with opened(config) as book:
        book.write(now, decision)
    write_credentials(config, issued, authority.root, out)


def write_credentials(config: Config, issued: Issued, root: bytes, out: Path) -> None:
    """Write what a holder needs beside the private key."""
    files.folder(out)
    names = []
    for number, path in enumerate(config.authority_files, 1):
        names.append(f"authority-{number}.pub.pem")
        files.write(out / names[-1], files.read(path))
    key = signing_key(files.read(config.coordinator_key)).public
    endpoint = Endpoint(
        address=config.address,
        coordinator_key=key.raw.hex(),
        authority=tuple(names),
        authority_threshold=config.authority_threshold,
    )
    files.write(out / "certificate.pem", issued.chain)
    files.write(out / "root.pem", root)
    files.write(out / "endpoint.toml", endpoint_toml(endpoint))


def endpoint_toml(endpoint: Endpoint) -> bytes:
    """An Endpoint as the text of endpoint.toml."""
    names = ", ".join(map(quoted, endpoint.authority))
    return (
        f"address = {quoted(endpoint.address)}\n"
        f"coordinator_key = {quoted(endpoint.coordinator_key)}\n"
        f"authority = [{names}]\n"
        f"authority_threshold = {endpoint.authority_threshold}\n"
    ).encode()


# What the daemon answers to a node.


@dataclass(frozen=True, slots=True)
class Application:
    """What a node hands in to enrol: request and public key as received, and a proof of possession."""

    request: bytes
    protocol_key: bytes
    proof: bytes


def enrol(book: Book, node: str, application: Application, now: datetime) -> str:
    """Note an application; returns the fingerprint. The same one again is harmless.

    Raises:
        PeerError: request, key or proof do not hold.
        Contradiction: another application was handed in before, or a key is in use.
    """
    request = read_request(application.request)
    key = VerifyKey(application.protocol_key)
    if not key.verifies(application.proof, application.request):
        raise PeerError("the proof of possession of the protocol key does not hold")
    body = Enrolled(
        request=digest(application.request),
        spki=request.name,
        protocol_key=key.raw.hex(),
        fingerprint=fingerprint(request.spki, key.raw),
    )

    def decision(state: State) -> Entry:
        member = _invited(state.register, node)
        if member.enrolled is not None:
            if member.enrolled == body:
                return Entry()
            raise Contradiction(
                "this institution has enrolled with another key; if that was not you, tell the coordinator, "
                "who can revoke it and invite again"
            )
        _check_unused(state.register, node, body)
        return Entry(bodies=((node, body),), blobs=(application.request,))

    book.write(now, decision)
    return body.fingerprint


def certificate(book: Book, node: str) -> bytes:
    """The chain of a confirmed node's first certificate; empty while nobody has confirmed."""
    member = _invited(book.refresh().register, node)
    return book.store.blob(member.confirmed.chain) if member.confirmed is not None else b""


def renew(book: Book, authority: Authority, node: str, request_der: bytes, now: datetime) -> bytes:
    """A further certificate for a node, on a new key; the same request again gives the same chain.

    Raises:
        PeerError: not a good certificate request.
        Contradiction: the key belongs to somebody else.
    """
    request = read_request(request_der)

    def decision(state: State) -> Entry:
        held = state.register.identities.get(request.name)
        if held is not None and (held.role, held.id) == (Role.NODE, node):
            return Entry()
        if held is not None:
            raise Contradiction("this key is in use by somebody else")
        issued = authority.client(Role.NODE, node, request, now, CLIENT_LIFE)
        body = Renewed(chain=digest(issued.chain), spki=issued.spki, until=issued.until)
        return Entry(bodies=((node, body),), blobs=(issued.chain,))

    state = book.write(now, decision)
    return book.store.blob(state.register.identities[request.name].chain)


def _invited(register: Register, node: str) -> Member:
    member = register.members.get(node)
    if member is None:
        raise NotFound("there is no invitation for this institution")
    return member


def _check_unused(register: Register, node: str, body: Enrolled) -> None:
    if body.spki in register.identities:
        raise NotAllowed(
            "a node makes its own key: the key of the invitation, or of another, cannot be enrolled"
        )
    for other in register.members.values():
        held = other.enrolled
        if other.node == node or held is None:
            continue
        if held.protocol_key == body.protocol_key or held.spki == body.spki:
            raise Contradiction("this key is in use by another institution")


def _named(name: str) -> str:
    if NODE_ID.fullmatch(name) is None:
        raise DocumentError(
            "name", [f"{name!r}: use lower-case letters, digits and dashes, at most 63, as in a host name"]
        )
    return name


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isalnum())
