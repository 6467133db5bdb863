"""What a person or a daemon is handed in order to reach the coordinator.

Neither document is signed: both reach their holder by a channel that is
trusted already (a person hands them over), and neither holds an authority's key
on behalf of the coordinator: a node gets those out of band.
"""

from typing import Annotated

from pydantic import Field, StringConstraints

from samentel.documents.model import Model, Moment, Name, NodeIdField
from samentel.documents.roster import KeyHex

Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.\[\]:-]{1,255}:[0-9]{1,5}$")]
CodeText = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_]{1,32}$")]
Pem = Annotated[str, StringConstraints(min_length=1, max_length=64_000)]


class Invitation(Model):
    """A one-time invitation for one institution: a file, kept secret until it has been used.

    Attributes:
        root: the coordinator's root certificate, PEM. Compare its fingerprint by telephone.
        key, certificate: a short-lived credential that may enrol this node and nothing else.
    """

    node: NodeIdField
    name: Name
    operator: Name
    type: CodeText
    province: CodeText
    address: Address
    root: Pem
    key: Annotated[Pem, Field(repr=False)]
    certificate: Pem
    expires_at: Moment


class Endpoint(Model):
    """The file ``endpoint.toml`` of a credentials directory, beside key.pem, certificate.pem and root.pem.

    Attributes:
        coordinator_key: raw Ed25519 public key that signs releases, hexadecimal.
        authority: files with the programme authority's public keys, relative to the directory.
        authority_threshold: how many of them must have signed a programme.
    """

    address: Address
    coordinator_key: KeyHex
    authority: Annotated[tuple[Name, ...], Field(min_length=1, max_length=16)]
    authority_threshold: Annotated[int, Field(ge=1, le=16)]
