"""How the node becomes known: hand in a request, wait for a person, fetch the certificate."""

from pathlib import Path

from node import identity
from node.config import Config
from node.identity import Credentials
from node.link import call_once
from samentel.documents.access import Invitation
from samentel.documents.model import from_json
from samentel.errors import LocalFault, PeerError
from samentel.wire.messages import EnrolRequest, GetEnrolmentRequest
from samentel.wire.methods import ENROL, GET_ENROLMENT


def read_invitation(path: Path) -> Invitation:
    """The invitation in a file; raises LocalFault or DocumentError."""
    try:
        data = path.read_bytes()
    except OSError:
        raise LocalFault(f"the invitation {path} cannot be read") from None
    return from_json(Invitation, data, "invitation")


def request(config: Config, invitation: Invitation) -> str:
    """Hand in our certificate request and protocol key. Repeating it is harmless.

    Returns:
        The fingerprint to read out on the telephone, computed here.

    Raises:
        PeerError: the coordinator shows another fingerprint than ours: someone stands between.
        SamentelError: the coordinator cannot be reached, or refuses; the text says what to do.
    """
    prepared = identity.begin(config.state_dir, invitation)
    signer = identity.protocol_key(config.state_dir)
    message = EnrolRequest(prepared.der, signer.public.raw, signer.sign(prepared.der))
    answer = call_once(_invited(invitation), ENROL, message)
    ours = identity.own_fingerprint(config.state_dir, prepared)
    if answer.fingerprint != ours:
        raise PeerError(
            "the coordinator saw another key than ours: confirm nothing, and call it by telephone"
        )
    return ours


def collect(config: Config) -> bool:
    """Fetch the certificate; False as long as nobody has confirmed the fingerprint.

    Raises:
        SamentelError: the coordinator cannot be reached, or refuses; the text says what to do.
    """
    if identity.is_certified(config.state_dir) and not identity.has_invitation(config.state_dir):
        return True
    invitation = identity.held_invitation(config.state_dir)
    prepared = identity.begin(config.state_dir, invitation)
    answer = call_once(_invited(invitation), GET_ENROLMENT, GetEnrolmentRequest())
    if not answer.confirmed:
        return False
    identity.install(config.state_dir, prepared.key, answer.certificate_chain)
    identity.forget_invitation(config.state_dir)
    return True


def _invited(invitation: Invitation) -> Credentials:
    return Credentials(
        invitation.address, invitation.root.encode(), invitation.key.encode(), invitation.certificate.encode()
    )
