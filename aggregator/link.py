"""The network side: one port, mutual TLS, every call admitted in one place.

A certificate opens a connection; what its holder may ask is looked up on every
call by the certificate's public key, so that a revocation holds at once.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import grpc
from grpc import aio

from aggregator import files
from aggregator.authority import certificate_name
from aggregator.errors import Contradiction, NotAllowed, NotFound, NotKnown, fault_of
from aggregator.journal import note, warn
from aggregator.register import Identity
from aggregator.service import Caller, Function, Stream
from samentel.errors import DocumentError, LocalFault, PeerError, Refusal, SamentelError
from samentel.ids import Digest
from samentel.wire import codec
from samentel.wire.messages import MAX_MESSAGE
from samentel.wire.methods import Method, Role

Lookup = Callable[[Digest], Identity | None]
Functions = Mapping[Method[Any, Any], Function | Stream]

# The first class that fits says the status. A text stands for the error's own where that could say too much.
STATUS: tuple[tuple[type[SamentelError], grpc.StatusCode, str | None], ...] = (
    (NotKnown, grpc.StatusCode.UNAUTHENTICATED, None),
    (NotAllowed, grpc.StatusCode.PERMISSION_DENIED, None),
    (NotFound, grpc.StatusCode.NOT_FOUND, None),
    (Contradiction, grpc.StatusCode.ALREADY_EXISTS, None),
    (Refusal, grpc.StatusCode.FAILED_PRECONDITION, None),
    (PeerError, grpc.StatusCode.INVALID_ARGUMENT, None),
    (DocumentError, grpc.StatusCode.INVALID_ARGUMENT, None),
    (SamentelError, grpc.StatusCode.INTERNAL, "the coordinator has a fault; its log says which"),
)
REASON = "samentel-reason"  # trailing metadata beside FAILED_PRECONDITION

LONGEST_CALL = 3600.0  # seconds, for callers that set no deadline
_SLACK = 64 << 10  # headers and framing beside the largest message
OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE + _SLACK),
    ("grpc.max_send_message_length", MAX_MESSAGE + _SLACK),
    ("grpc.keepalive_permit_without_calls", 1),
    (
        "grpc.http2.min_ping_interval_without_data_ms",
        20_000,
    ),  # nodes ping once a minute: see grpc/grpc#25713
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.so_reuseport", 0),  # a second daemon on the same port must fail, not share it
)


def build(functions: Functions, lookup: Lookup) -> aio.Server:
    """A server for these calls; not listening yet."""
    server = aio.server(options=OPTIONS)
    services: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {}
    for method, function in functions.items():
        serve: Any = _stream(method, function, lookup) if method.streams else _unary(method, function, lookup)
        make = grpc.unary_stream_rpc_method_handler if method.streams else grpc.unary_unary_rpc_method_handler
        services.setdefault(method.service, {})[method.name] = make(serve)
    server.add_generic_rpc_handlers(
        tuple(
            grpc.method_handlers_generic_handler(f"samentel.wire.{service}", handlers)
            for service, handlers in services.items()
        )
    )
    return server


def listen(server: aio.Server, address: str, pki: Path) -> int:
    """Bind the one port; returns its number. Server certificates that are replaced on disk are taken up.

    Raises:
        LocalFault: the address cannot be used.
    """
    paths = (pki / "server.key.pem", pki / "server.pem", pki / "root.pem")
    held = [_stamp(paths)]

    def configuration() -> grpc.ServerCertificateConfiguration:
        key, chain, root = (files.read(path) for path in paths)
        return grpc.ssl_server_certificate_configuration([(key, chain)], root_certificates=root)

    def changed() -> grpc.ServerCertificateConfiguration | None:
        # Called at every new connection: None keeps the last good certificate.
        with contextlib.suppress(OSError, LocalFault):
            if (stamp := _stamp(paths)) != held[0]:
                fresh = configuration()
                held[0] = stamp
                return fresh
        return None

    fetcher: Any = changed  # the stubs do not know that None means unchanged
    credentials = grpc.dynamic_ssl_server_credentials(
        configuration(), fetcher, require_client_authentication=True
    )
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError:
        port = 0
    if port == 0:
        raise LocalFault(f"listen: {address} cannot be used: is another daemon running there?")
    return port


def admit(method: Method[Any, Any], context: aio.ServicerContext[Any, Any], lookup: Lookup) -> Caller:
    """Who calls, if that caller may ask this.

    Raises:
        NotKnown: TLS below 1.3, no certificate, or one that is not known, expired or revoked.
        NotAllowed: another role than the call is for.
    """
    secured: Mapping[str, Any] = context.auth_context()
    if list(secured.get("ssl_tls_version", ())) != [b"TLSv1.3"]:
        raise NotKnown("TLS 1.3 is needed")
    certificates = list(secured.get("x509_pem_cert", ()))
    identity = lookup(certificate_name(certificates[0])) if len(certificates) == 1 else None
    if identity is None:
        raise NotKnown(
            "this certificate is not, or no longer, known here: it may have been revoked or replaced"
        )
    if identity.role not in method.roles:
        raise NotAllowed(f"{method.name} is not for the role {identity.role}")
    left: Any = context.time_remaining()  # None without a deadline, whatever the stubs say
    return Caller(identity.role, identity.id, LONGEST_CALL if left is None else min(left, LONGEST_CALL))


def _unary(method: Method[Any, Any], function: Any, lookup: Lookup) -> Callable[[bytes, Any], Any]:
    async def serve(data: bytes, context: Any) -> bytes:
        caller = None
        try:
            caller = admit(method, context, lookup)
            answer = await function(codec.decode(method.request, data), caller)
            admit(method, context, lookup)  # a caller may have been revoked while it waited
            return _encoded(answer)
        except SamentelError as error:
            await _refuse(context, method, caller, error)
        except Exception as error:  # noqa: BLE001  the driver of a call: gRPC would send the text of a bug to the peer
            await _refuse(context, method, caller, _bug(method, error))

    return serve


def _stream(method: Method[Any, Any], function: Any, lookup: Lookup) -> Callable[[bytes, Any], Any]:
    async def serve(data: bytes, context: Any) -> AsyncIterator[bytes]:
        caller = None
        try:
            caller = admit(method, context, lookup)
            async for answer in function(codec.decode(method.request, data), caller):
                admit(method, context, lookup)
                yield _encoded(answer)
        except SamentelError as error:
            await _refuse(context, method, caller, error)
        except OSError as error:
            await _refuse(context, method, caller, _bug(method, error))

    return serve


def _encoded(answer: object) -> bytes:
    try:
        return codec.encode(answer)
    except PeerError as error:
        raise LocalFault(f"an answer does not hold: {error}") from None


def _bug(method: Method[Any, Any], error: Exception) -> LocalFault:
    return LocalFault(f"{fault_of(error)} in {method.name}")


async def _refuse(
    context: Any, method: Method[Any, Any], caller: Caller | None, error: SamentelError
) -> NoReturn:
    code, fixed = next((code, text) for kind, code, text in STATUS if isinstance(error, kind))
    reason = str(error.reason) if isinstance(error, Refusal) else ""
    # An invitation speaks for a node, too: it is the node that somebody has to look after.
    of_node = caller is not None and caller.role in (Role.NODE, Role.INVITED)
    who = {"node" if of_node else "role": caller.id} if caller is not None else {}
    tell = warn if code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.ALREADY_EXISTS) else note
    tell(
        "call refused",
        method=method.name,
        code=code.name.lower(),
        reason=reason,
        path=getattr(error, "path", ""),
        error=str(error) if fixed is not None else "",
        **who,
    )
    trailing = ((REASON, reason),) if reason else ()
    await context.abort(code, fixed if fixed is not None else str(error), trailing)
    raise AssertionError("abort raises")


def _stamp(paths: tuple[Path, ...]) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns for path in paths)
