"""The socket on which this machine's own commands reach the daemon. It is a file; no network leads to it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from samentel.documents.envelope import Envelope
from samentel.errors import DocumentError, LocalFault, PeerError, Refusal, SamentelError
from samentel.wire import codec
from samentel.wire.codec import MessageError
from samentel.wire.messages import (
    GetStatusRequest,
    GetStatusResponse,
    PauseRequest,
    PauseResponse,
    PutApprovalRequest,
    PutApprovalResponse,
    ResumeRequest,
    ResumeResponse,
)
from samentel.wire.methods import GET_STATUS, PAUSE, PUT_APPROVAL, RESUME, Method

Q = TypeVar("Q")
A = TypeVar("A")
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic in its type stubs only

CALL_SECONDS = 15.0


class Premises(Protocol):
    """What the daemon answers on its socket."""

    def status(self) -> GetStatusResponse:
        """What the node is doing."""

    def pause(self, reason: str) -> None:
        """Stop taking part, durably."""

    def resume(self) -> None:
        """Take part again."""

    def put_approval(self, approval: Envelope) -> None:
        """Record an approval; raises PeerError when it is not this node's own."""


async def serve(socket: Path, premises: Premises) -> grpc.aio.Server:
    """Start answering; stop the server that is returned when the daemon ends."""
    server = grpc.aio.server()
    service = f"samentel.wire.{GET_STATUS.service}"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, _answers(premises)),))
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    await healthy.set("", health_pb2.HealthCheckResponse.SERVING)
    local = grpc.local_server_credentials(grpc.LocalConnectionType.UDS)
    try:
        server.add_secure_port(f"unix:{socket}", local)
    except RuntimeError:
        raise LocalFault(
            f"the control socket {socket} cannot be made: set control_socket in node.toml"
        ) from None
    await server.start()
    os.chmod(socket, 0o600)
    return server


def status(socket: Path) -> GetStatusResponse:
    """What the daemon is doing; raises NotRunning when there is none."""
    return _call(socket, GET_STATUS, GetStatusRequest())


def pause(socket: Path, reason: str) -> None:
    """Have the daemon stop taking part."""
    _call(socket, PAUSE, PauseRequest(reason))


def resume(socket: Path) -> None:
    """Have the daemon take part again."""
    _call(socket, RESUME, ResumeRequest())


def put_approval(socket: Path, approval: Envelope) -> None:
    """Hand the daemon a signed approval."""
    _call(socket, PUT_APPROVAL, PutApprovalRequest(approval))


class NotRunning(LocalFault):
    """No daemon answers on the socket."""


def _call(socket: Path, method: Method[Q, A], request: Q) -> A:
    credentials = grpc.local_channel_credentials(grpc.LocalConnectionType.UDS)
    with grpc.secure_channel(f"unix:{socket}", credentials) as channel:
        remote: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method.path)
        try:
            answer = remote(codec.encode(request), timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise NotRunning(
                    f"no daemon answers on {socket}: start it with `samentel-node run`"
                ) from None
            raise LocalFault(f"the daemon refuses: {error.details()}") from None
    return codec.decode(method.response, answer)


# What our own faults look like on the socket; the texts are ours and hold no value.
_STATUS: tuple[tuple[type[SamentelError], grpc.StatusCode], ...] = (
    (MessageError, grpc.StatusCode.INVALID_ARGUMENT),
    (DocumentError, grpc.StatusCode.INVALID_ARGUMENT),
    (PeerError, grpc.StatusCode.PERMISSION_DENIED),
    (Refusal, grpc.StatusCode.FAILED_PRECONDITION),
    (LocalFault, grpc.StatusCode.INTERNAL),
)


def _answers(premises: Premises) -> "dict[str, Handler]":
    def pause(asked: PauseRequest) -> PauseResponse:
        premises.pause(asked.reason)
        return PauseResponse()

    def resume(_: ResumeRequest) -> ResumeResponse:
        premises.resume()
        return ResumeResponse()

    def put_approval(asked: PutApprovalRequest) -> PutApprovalResponse:
        premises.put_approval(asked.approval)
        return PutApprovalResponse()

    return {
        GET_STATUS.name: _handler(GET_STATUS, lambda _: premises.status()),
        PAUSE.name: _handler(PAUSE, pause),
        RESUME.name: _handler(RESUME, resume),
        PUT_APPROVAL.name: _handler(PUT_APPROVAL, put_approval),
    }


def _handler(method: Method[Q, A], answer: Callable[[Q], A]) -> "Handler":
    async def answered(data: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        try:
            return codec.encode(answer(codec.decode(method.request, data)))
        except SamentelError as error:
            code = next((code for kind, code in _STATUS if isinstance(error, kind)), grpc.StatusCode.INTERNAL)
            await context.abort(code, str(error))
            raise AssertionError("abort raises") from None

    return grpc.unary_unary_rpc_method_handler(answered)
