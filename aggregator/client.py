"""The coordinator as seen by administrators and flows: one class, blocking calls.

Every call may be repeated. Documents come back as they were signed: the caller
verifies them (``authority``, ``endpoint.coordinator_key``). What a status says to
a person comes with it, since flows know this module alone.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import grpc

from aggregator import files
from aggregator.progress import ending, news
from samentel.documents.access import Endpoint
from samentel.documents.envelope import Envelope
from samentel.documents.keys import VerifyKey, verify_key
from samentel.documents.model import from_toml
from samentel.errors import LocalFault, PeerError, Reason, Refusal, SamentelError
from samentel.wire import codec
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import MAX_MESSAGE, ProgrammeSummary, ReleaseSummary, RoundStatus
from samentel.wire.methods import Method

__all__ = ["Coordinator", "ending", "news"]

SECONDS = 30.0
PUBLISH_SECONDS = 600.0

_RETRIES = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}
_OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE + (64 << 10)),
    ("grpc.max_send_message_length", MAX_MESSAGE + (64 << 10)),
    ("grpc.service_config", json.dumps(_RETRIES)),
)

Q = TypeVar("Q")
A = TypeVar("A")


class Coordinator:
    """An open connection with the coordinator.

    Attributes:
        endpoint: what endpoint.toml says.
        authority: the programme authority's keys that stand beside it.
    """

    def __init__(self, endpoint: Endpoint, authority: tuple[VerifyKey, ...], channel: grpc.Channel) -> None:
        """Use ``connect`` instead."""
        self.endpoint = endpoint
        self.authority = authority
        self._channel = channel

    @classmethod
    def connect(cls, credentials: Path) -> "Coordinator":
        """Open a connection with a credentials directory; to be used in a ``with`` statement.

        Raises:
            LocalFault: the directory lacks a file, or one of them cannot be read.
        """
        credentials = Path(credentials)
        if not credentials.is_dir():
            raise LocalFault(
                f"{credentials} is not a credentials directory: it needs key.pem, certificate.pem, root.pem "
                "and endpoint.toml"
            )
        name = credentials / "endpoint.toml"
        endpoint = from_toml(Endpoint, files.read(name), str(name))
        authority = tuple(verify_key(files.read(credentials / key)) for key in endpoint.authority)
        key, chain, root = (files.read(credentials / f"{it}.pem") for it in ("key", "certificate", "root"))
        secured = grpc.ssl_channel_credentials(
            root_certificates=root, private_key=key, certificate_chain=chain
        )
        return cls(endpoint, authority, grpc.secure_channel(endpoint.address, secured, options=_OPTIONS))

    def __enter__(self) -> "Coordinator":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        self._channel.close()

    def programmes(self) -> Sequence[ProgrammeSummary]:
        """The programmes in force, newest first."""
        return self._call(M.LIST_PROGRAMMES, m.ListProgrammesRequest()).programmes

    def programme(self, digest: str) -> Envelope:
        """The signed bytes of a programme; verify them with ``authority``."""
        return self._call(M.GET_PROGRAMME, m.GetProgrammeRequest(digest)).envelope

    def open_round(self, programme_digest: str, period: str, attempt: int = 0) -> RoundStatus:
        """Open a round, or find the one that is open or published for this programme and period.

        Args:
            attempt: to be given when the last attempt was abandoned: another one costs a fresh charge.
        """
        request = m.OpenRoundRequest(programme_digest, str(period), attempt)
        return self._call(M.OPEN_ROUND, request).round

    def round(self, round_id: str) -> RoundStatus:
        """Where a round stands."""
        return self._call(M.GET_ROUND, m.GetRoundRequest(round_id)).round

    def rounds(self) -> Sequence[RoundStatus]:
        """All rounds, newest first."""
        return self._call(M.LIST_ROUNDS, m.ListRoundsRequest()).rounds

    def collect(self, round_id: str) -> RoundStatus:
        """Stop gathering, and begin the sum; raises Refusal while too few institutions are present."""
        return self._call(M.COLLECT_ROUND, m.CollectRoundRequest(round_id)).round

    def publish(self, round_id: str) -> RoundStatus:
        """Estimate and publish; raises Refusal while there is no national sum."""
        return self._call(M.PUBLISH_ROUND, m.PublishRoundRequest(round_id), PUBLISH_SECONDS).round

    def abandon(self, round_id: str, reason: str) -> RoundStatus:
        """End a round without a release; ``progress.cost_of`` of the answer says who has spent for it."""
        return self._call(M.ABANDON_ROUND, m.AbandonRoundRequest(round_id, reason)).round

    def releases(self) -> Sequence[ReleaseSummary]:
        """All releases, newest first."""
        return self._call(M.LIST_RELEASES, m.ListReleasesRequest()).releases

    def manifest(self, release_id: str) -> Envelope:
        """The signed manifest of a release; verify it with ``endpoint.coordinator_key``."""
        return self._call(M.GET_RELEASE, m.GetReleaseRequest(release_id)).manifest

    def read_file(self, release_id: str, name: str) -> bytes:
        """One file of a release; compare it with its SHA-256 in the manifest."""
        method = M.READ_FILE
        data = _encoded(m.ReadFileRequest(release_id, name))
        stub: Any = self._channel.unary_stream(method.path, response_deserializer=_decoder(method))
        try:
            return b"".join(piece.data for piece in stub(data, timeout=PUBLISH_SECONDS))
        except grpc.RpcError as error:
            raise self._fault(error) from None

    def _call(self, method: Method[Q, A], request: Q, seconds: float = SECONDS) -> A:
        data = _encoded(request)
        stub: Any = self._channel.unary_unary(method.path, response_deserializer=_decoder(method))
        try:
            answer: A = stub(data, timeout=seconds)
        except grpc.RpcError as error:
            raise self._fault(error) from None
        return answer

    def _fault(self, error: Any) -> SamentelError:
        # What a call raises is both an RpcError and the call itself, which the stubs cannot say.
        code, text = error.code(), error.details() or ""
        if code is grpc.StatusCode.FAILED_PRECONDITION:
            said = dict(error.trailing_metadata() or ()).get("samentel-reason", "")
            reason = str(said)
            return Refusal(Reason(reason) if reason in set(Reason) else Reason.PARAMETER_BELOW_FLOOR, text)
        fault, hint = _FAULTS.get(code, (PeerError, ""))
        return fault(
            hint.format(text=text, address=self.endpoint.address) or f"the coordinator answered: {text}"
        )


# What each status means for whoever called, and what to do.
_FAULTS: Mapping[grpc.StatusCode, tuple[type[SamentelError], str]] = {
    grpc.StatusCode.UNAVAILABLE: (
        LocalFault,
        "the coordinator at {address} cannot be reached, or it does not take this certificate: "
        "is its daemon running, is the address right, has the certificate expired?",
    ),
    grpc.StatusCode.DEADLINE_EXCEEDED: (
        LocalFault,
        "the coordinator at {address} did not answer in time: try again",
    ),
    grpc.StatusCode.UNAUTHENTICATED: (LocalFault, "{text}; ask the coordinator for a new badge"),
    grpc.StatusCode.PERMISSION_DENIED: (LocalFault, "{text}; use the credentials of an administrator"),
    grpc.StatusCode.NOT_FOUND: (LocalFault, "{text}"),
    grpc.StatusCode.INVALID_ARGUMENT: (LocalFault, "{text}"),
    grpc.StatusCode.INTERNAL: (PeerError, "{text}"),
}


def _encoded(request: object) -> bytes:
    # Before gRPC sees it: gRPC would say that there was an exception, and not which.
    try:
        return codec.encode(request)
    except codec.MessageError as error:
        raise LocalFault(f"the coordinator cannot be asked this: {error}") from None


def _decoder(method: Method[Any, A]) -> Any:
    return functools.partial(codec.decode, method.response)
