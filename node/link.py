"""The way out: how the node calls the coordinator, and what refusals mean. It never listens.

TLS trusts the invitation's root certificate and nothing else; the server's
name is checked. gRPC's own texts are not passed on.
"""

from types import TracebackType
from typing import TypeVar

import grpc
import grpc.aio

from node.identity import Credentials
from samentel.errors import LocalFault, PeerError, SamentelError
from samentel.wire import codec
from samentel.wire.messages import MAX_MESSAGE
from samentel.wire.methods import Method

Q = TypeVar("Q")
A = TypeVar("A")

CALL_SECONDS = 30.0
POLL_SECONDS = 40.0  # the server ends an empty poll after 25 s, so that this deadline is never what ends it

OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 15_000),
    ("grpc.primary_user_agent", "samentel-node"),
)


class Unreachable(SamentelError):
    """The coordinator did not answer; trying again later is right."""


class Declined(PeerError):
    """The coordinator understood, and says no for good: the call came too late or does not fit the round."""


class Contradicted(Declined):
    """The coordinator holds something else of ours in its place: a second copy of this node is at work."""


class Denied(LocalFault):
    """The coordinator does not let this node make the call; the text says what a person can do."""


_MEANING: dict[grpc.StatusCode, SamentelError] = {
    grpc.StatusCode.UNAVAILABLE: Unreachable(
        "the coordinator cannot be reached; `samentel-node doctor` tells why"
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: Unreachable("the coordinator did not answer in time"),
    grpc.StatusCode.CANCELLED: Unreachable("the connection was closed"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: Unreachable("the coordinator is too busy"),
    grpc.StatusCode.UNAUTHENTICATED: Denied(
        "the coordinator does not know this certificate: ask it for a new invitation"
    ),
    grpc.StatusCode.PERMISSION_DENIED: Denied(
        "the coordinator does not allow this: the certificate was revoked or the invitation used; "
        "ask the coordinator for a new invitation"
    ),
    grpc.StatusCode.FAILED_PRECONDITION: Declined("the coordinator does not accept this any more"),
    grpc.StatusCode.ALREADY_EXISTS: Contradicted("the coordinator holds something else in its place"),
    grpc.StatusCode.NOT_FOUND: Declined("the coordinator does not know what was asked for"),
    grpc.StatusCode.INVALID_ARGUMENT: PeerError(
        "the coordinator calls our message malformed; compare versions"
    ),
    grpc.StatusCode.UNIMPLEMENTED: PeerError("the coordinator does not know this call; compare versions"),
}


def meaning(code: grpc.StatusCode) -> SamentelError:
    """What a status means to us; gRPC's detail text is left out, it is the other side's."""
    known = _MEANING.get(code)
    if known is None:
        return PeerError(f"the coordinator failed ({code.name.lower()}): tell its administrator")
    return type(known)(str(known))


class Link:
    """An open connection. Use it as an async context manager."""

    def __init__(self, credentials: Credentials) -> None:
        self._channel = grpc.aio.secure_channel(credentials.address, _tls(credentials), options=OPTIONS)

    async def __aenter__(self) -> "Link":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def call(self, method: Method[Q, A], request: Q, seconds: float = CALL_SECONDS) -> A:
        """One call.

        Raises:
            Unreachable: no answer; every call may be repeated.
            Declined, PeerError, Denied: the coordinator said no; the text says why.
        """
        # Bytes in and out: a decoder that fails inside gRPC would be logged there, and lost.
        remote: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(method.path)
        try:
            answer = await remote(codec.encode(request), timeout=seconds)
        except grpc.aio.AioRpcError as error:
            raise meaning(error.code()) from None
        return codec.decode(method.response, answer)


def call_once(credentials: Credentials, method: Method[Q, A], request: Q, seconds: float = CALL_SECONDS) -> A:
    """One call on a connection of its own, for commands that have no daemon. Raises as ``Link.call``."""
    with grpc.secure_channel(credentials.address, _tls(credentials), options=OPTIONS) as channel:
        remote: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method.path)
        try:
            answer = remote(codec.encode(request), timeout=seconds)
        except grpc.RpcError as error:
            raise meaning(error.code()) from None
    return codec.decode(method.response, answer)


def _tls(credentials: Credentials) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        root_certificates=credentials.root, private_key=credentials.key, certificate_chain=credentials.chain
    )
