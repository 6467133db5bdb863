"""Every remote call: its path, what goes in, what comes out, and who may call it.

Servers and clients are built from this table, so that no generated service
code is needed and no call can be served without a role.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from samentel.wire import messages as m

Q = TypeVar("Q")
A = TypeVar("A")


class Role(StrEnum):
    """What a certificate, or the local socket, lets its holder do."""

    INVITED = "invitation"
    NODE = "node"
    ADMIN = "admin"
    READER = "reader"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Method(Generic[Q, A]):
    """One remote call."""

    service: str
    name: str
    request: type[Q]
    response: type[A]
    roles: frozenset[Role]
    streams: bool = False  # whether the answer comes in several messages

    @property
    def path(self) -> str:
        """The HTTP/2 path of the call."""
        return f"/samentel.wire.{self.service}/{self.name}"


_INVITED = frozenset({Role.INVITED})
_NODE = frozenset({Role.NODE})
_ADMIN = frozenset({Role.ADMIN})
_READ = frozenset({Role.READER, Role.ADMIN})
_LOCAL = frozenset({Role.LOCAL})

ENROL = Method("EnrolmentService", "Enrol", m.EnrolRequest, m.EnrolResponse, _INVITED)
GET_ENROLMENT = Method(
    "EnrolmentService", "GetEnrolment", m.GetEnrolmentRequest, m.GetEnrolmentResponse, _INVITED
)
RENEW_CERTIFICATE = Method(
    "EnrolmentService", "RenewCertificate", m.RenewCertificateRequest, m.RenewCertificateResponse, _NODE
)

POLL = Method("RoundService", "Poll", m.PollRequest, m.PollResponse, _NODE)
GET_DOCUMENT = Method("RoundService", "GetDocument", m.GetDocumentRequest, m.GetDocumentResponse, _NODE)
PUT_PRESENCE = Method("RoundService", "PutPresence", m.PutPresenceRequest, m.PutPresenceResponse, _NODE)
PUT_CONTRIBUTION = Method(
    "RoundService", "PutContribution", m.PutContributionRequest, m.PutContributionResponse, _NODE
)
GET_LETTER = Method("RoundService", "GetLetter", m.GetLetterRequest, m.GetLetterResponse, _NODE)
PUT_MESSAGE = Method("RoundService", "PutMessage", m.PutMessageRequest, m.PutMessageResponse, _NODE)

LIST_PROGRAMMES = Method(
    "ControlService", "ListProgrammes", m.ListProgrammesRequest, m.ListProgrammesResponse, _ADMIN
)
GET_PROGRAMME = Method(
    "ControlService", "GetProgramme", m.GetProgrammeRequest, m.GetProgrammeResponse, _ADMIN
)
OPEN_ROUND = Method("ControlService", "OpenRound", m.OpenRoundRequest, m.OpenRoundResponse, _ADMIN)
GET_ROUND = Method("ControlService", "GetRound", m.GetRoundRequest, m.GetRoundResponse, _ADMIN)
LIST_ROUNDS = Method("ControlService", "ListRounds", m.ListRoundsRequest, m.ListRoundsResponse, _ADMIN)
COLLECT_ROUND = Method(
    "ControlService", "CollectRound", m.CollectRoundRequest, m.CollectRoundResponse, _ADMIN
)
PUBLISH_ROUND = Method(
    "ControlService", "PublishRound", m.PublishRoundRequest, m.PublishRoundResponse, _ADMIN
)
ABANDON_ROUND = Method(
    "ControlService", "AbandonRound", m.AbandonRoundRequest, m.AbandonRoundResponse, _ADMIN
)

LIST_RELEASES = Method("ReleaseService", "ListReleases", m.ListReleasesRequest, m.ListReleasesResponse, _READ)
GET_RELEASE = Method("ReleaseService", "GetRelease", m.GetReleaseRequest, m.GetReleaseResponse, _READ)
READ_FILE = Method("ReleaseService", "ReadFile", m.ReadFileRequest, m.ReadFileResponse, _READ, streams=True)

GET_STATUS = Method("PremisesService", "GetStatus", m.GetStatusRequest, m.GetStatusResponse, _LOCAL)
PAUSE = Method("PremisesService", "Pause", m.PauseRequest, m.PauseResponse, _LOCAL)
RESUME = Method("PremisesService", "Resume", m.ResumeRequest, m.ResumeResponse, _LOCAL)
PUT_APPROVAL = Method("PremisesService", "PutApproval", m.PutApprovalRequest, m.PutApprovalResponse, _LOCAL)

METHODS: tuple[Method[object, object], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Method)
)
