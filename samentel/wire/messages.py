"""Every message of the wire contract as a frozen value with its bounds.

Names and fields are those of ``proto/samentel/wire/*.proto``; the bounds are
checked on every message that is sent or received (``samentel.wire.codec``).
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

from samentel.documents.envelope import MAX_PAYLOAD, MAX_SIGNATURES, Envelope, Signature
from samentel.documents.programme import MAX_CELLS, Mode
from samentel.ids import DIGEST, NODE_ID

MAX_MESSAGE = 8 << 20  # bytes; gRPC's own default of 4 MiB is below a roster with a vector
MAX_CERTIFICATES = 64 << 10
MAX_INSTITUTIONS = 10_000
PIECE = 1 << 20  # bytes of a file, a letter or a vector in one message
LETTER_MOST = 16 << 20
ATTACHMENT_MOST = 8 << 20
ERRATA_MOST = 100  # of one release


@dataclass(frozen=True, slots=True)
class Size:
    """Least and greatest length of bytes, text or a list; for text also its form."""

    least: int
    most: int
    form: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """Least and greatest value of a number."""

    least: int
    most: int


HexDigest = Annotated[str, Size(64, 64, DIGEST)]
MaybeHexDigest = Annotated[str, Size(0, 64, re.compile(rf"(?:{DIGEST.pattern})?"))]
NodeName = Annotated[str, Size(1, 63, NODE_ID)]
Label = Annotated[str, Size(0, 200)]
ReleaseName = Annotated[str, Size(1, 100, re.compile(r"[a-z0-9][a-zA-Z0-9._-]*"))]
MaybeReleaseName = Annotated[str, Size(0, 100, re.compile(r"(?:[a-z0-9][a-zA-Z0-9._-]*)?"))]
FileName = Annotated[str, Size(1, 100, re.compile(r"[a-z0-9][a-zA-Z0-9._-]*"))]
PeriodText = Annotated[str, Size(4, 6, re.compile(r"20[0-9]{2}(?:Q[1-4])?"))]
Moment = Annotated[str, Size(0, 40, re.compile(r"(?:[0-9T:.+Z-]{10,40})?"))]
ModeName = Annotated[str, Size(1, 20, re.compile(r"[a-z-]+"))]  # any word: older readers see later modes
Attempt = Annotated[int, Range(1, 5)]
Cursor = Annotated[int, Range(0, 2**63 - 1)]
CertificateRequest = Annotated[bytes, Size(64, 16 << 10)]
CertificateChain = Annotated[bytes, Size(0, MAX_CERTIFICATES)]
Names = Annotated[tuple[NodeName, ...], Size(0, MAX_INSTITUTIONS)]

# Types of other rooms that travel too, with the bounds they have on the wire.
BORROWED: dict[type, dict[str, object]] = {
    Envelope: {
        "payload": Annotated[bytes, Size(1, MAX_PAYLOAD)],
        "payload_type": Annotated[str, Size(1, 100, re.compile(r"[a-z0-9.+/-]+"))],
        "signatures": Annotated[tuple[Signature, ...], Size(1, MAX_SIGNATURES)],
    },
    Signature: {"key_id": HexDigest, "signature": Annotated[bytes, Size(64, 64)]},
}


class DocumentKind(IntEnum):
    """Kinds of documents in force."""

    PROGRAMME = 1
    ROSTER = 2


class RoundPhase(IntEnum):
    """Where a round stands."""

    GATHERING = 1
    COLLECTING = 2
    SUMMED = 3
    PUBLISHED = 4
    ABANDONED = 5


class SumPhase(IntEnum):
    """Where a secure sum stands; see rounds.proto."""

    NONE = 0
    ADVERTISING = 1
    SHARING = 2
    MASKING = 3
    AGREEING = 4
    REVEALING = 5
    DONE = 6
    FAILED = 7


class MessageKind(IntEnum):
    """What a node sends in a secure sum."""

    ADVERT = 1
    DEALING = 2
    UPLOAD = 3
    AGREEMENT = 4
    REVEAL = 5


class LetterKind(IntEnum):
    """What the coordinator passes on in a secure sum."""

    LISTING = 1
    DELIVERY = 2
    PROPOSAL = 3
    UNANIMITY = 4
    RESULT = 5


@dataclass(frozen=True, slots=True)
class EnrolRequest:
    """See enrolment.proto."""

    certificate_request: CertificateRequest
    protocol_key: Annotated[bytes, Size(32, 32)]
    proof: Annotated[bytes, Size(64, 64)]


@dataclass(frozen=True, slots=True)
class EnrolResponse:
    """See enrolment.proto."""

    fingerprint: Label


@dataclass(frozen=True, slots=True)
class GetEnrolmentRequest:
    """See enrolment.proto."""


@dataclass(frozen=True, slots=True)
class GetEnrolmentResponse:
    """See enrolment.proto."""

    confirmed: bool
    certificate_chain: CertificateChain


@dataclass(frozen=True, slots=True)
class RenewCertificateRequest:
    """See enrolment.proto."""

    certificate_request: CertificateRequest


@dataclass(frozen=True, slots=True)
class RenewCertificateResponse:
    """See enrolment.proto."""

    certificate_chain: CertificateChain


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """See rounds.proto."""

    length: Annotated[int, Range(0, 2**40)]
    digest: HexDigest


@dataclass(frozen=True, slots=True)
class PollRequest:
    """See rounds.proto."""

    cursor: Cursor
    ledger: LedgerHead
    version: Annotated[str, Size(1, 40)]


@dataclass(frozen=True, slots=True)
class DocumentNotice:
    """See rounds.proto."""

    kind: DocumentKind
    digest: HexDigest


@dataclass(frozen=True, slots=True)
class RoundNotice:
    """See rounds.proto."""

    round: Envelope
    phase: RoundPhase
    release_digest: MaybeHexDigest
    sum_phase: SumPhase = SumPhase.NONE
    start: Annotated[tuple[Envelope, ...], Size(0, 1)] = ()


@dataclass(frozen=True, slots=True)
class PollResponse:
    """See rounds.proto."""

    cursor: Cursor
    ledger: LedgerHead
    documents: Annotated[tuple[DocumentNotice, ...], Size(0, 1000)]
    rounds: Annotated[tuple[RoundNotice, ...], Size(0, 200)]


@dataclass(frozen=True, slots=True)
class GetDocumentRequest:
    """See rounds.proto."""

    digest: HexDigest


@dataclass(frozen=True, slots=True)
class GetDocumentResponse:
    """See rounds.proto."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class PutPresenceRequest:
    """See rounds.proto."""

    presence: Envelope


@dataclass(frozen=True, slots=True)
class PutPresenceResponse:
    """See rounds.proto."""


@dataclass(frozen=True, slots=True, repr=False)
class PutContributionRequest:
    """See rounds.proto."""

    contribution: Envelope
    vector: Annotated[bytes, Size(8, 8 * (MAX_CELLS + 64))]


@dataclass(frozen=True, slots=True)
class PutContributionResponse:
    """See rounds.proto."""

    receipt: Envelope


@dataclass(frozen=True, slots=True)
class GetLetterRequest:
    """See rounds.proto."""

    round_id: HexDigest
    kind: LetterKind
    offset: Annotated[int, Range(0, LETTER_MOST)]


@dataclass(frozen=True, slots=True)
class GetLetterResponse:
    """See rounds.proto."""

    data: Annotated[bytes, Size(0, PIECE)]
    length: Annotated[int, Range(0, LETTER_MOST)]


@dataclass(frozen=True, slots=True, repr=False)
class PutMessageRequest:
    """See rounds.proto."""

    round_id: HexDigest
    kind: MessageKind
    message: Annotated[bytes, Size(1, 2 << 20)]
    length: Annotated[int, Range(0, ATTACHMENT_MOST)]
    offset: Annotated[int, Range(0, ATTACHMENT_MOST)]
    data: Annotated[bytes, Size(0, PIECE)]


@dataclass(frozen=True, slots=True)
class PutMessageResponse:
    """See rounds.proto."""

    received: Annotated[int, Range(0, ATTACHMENT_MOST)]
    stored: bool
    receipt: Annotated[tuple[Envelope, ...], Size(0, 1)] = ()


@dataclass(frozen=True, slots=True)
class ProgrammeSummary:
    """See control.proto."""

    digest: HexDigest
    id: Annotated[str, Size(1, 48)]
    version: Annotated[int, Range(1, 9999)]


@dataclass(frozen=True, slots=True)
class RoundStatus:
    """See control.proto."""

    round_id: HexDigest
    programme_digest: HexDigest
    period: PeriodText
    attempt: Attempt
    phase: RoundPhase
    invited: Names
    present: Names
    arrived: Names
    institutions_min: Annotated[int, Range(1, MAX_INSTITUTIONS)]
    gather_until: Moment
    collect_until: Moment
    reason: Label
    release_id: MaybeReleaseName
    sum_phase: SumPhase = SumPhase.NONE
    listed: Names = ()
    dealt: Names = ()
    survivors: Names = ()
    agreed: Names = ()
    awaited: Names = ()
    step_until: Moment = ""
    mode: ModeName = Mode.INDIVIDUAL.value


@dataclass(frozen=True, slots=True)
class ListProgrammesRequest:
    """See control.proto."""


@dataclass(frozen=True, slots=True)
class ListProgrammesResponse:
    """See control.proto."""

    programmes: Annotated[tuple[ProgrammeSummary, ...], Size(0, 1000)]


@dataclass(frozen=True, slots=True)
class GetProgrammeRequest:
    """See control.proto."""

    digest: HexDigest


@dataclass(frozen=True, slots=True)
class GetProgrammeResponse:
    """See control.proto."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class OpenRoundRequest:
    """See control.proto."""

    programme_digest: HexDigest
    period: PeriodText
    attempt: Annotated[int, Range(0, 5)]


@dataclass(frozen=True, slots=True)
class OpenRoundResponse:
    """See control.proto."""

    round: RoundStatus


@dataclass(frozen=True, slots=True)
class GetRoundRequest:
    """See control.proto."""

    round_id: HexDigest


@dataclass(frozen=True, slots=True)
class GetRoundResponse:
    """See control.proto."""

    round: RoundStatus


@dataclass(frozen=True, slots=True)
class ListRoundsRequest:
    """See control.proto."""


@dataclass(frozen=True, slots=True)
class ListRoundsResponse:
    """See control.proto."""

    rounds: Annotated[tuple[RoundStatus, ...], Size(0, 1000)]


@dataclass(frozen=True, slots=True)
class CollectRoundRequest:
    """See control.proto."""

    round_id: HexDigest


@dataclass(frozen=True, slots=True)
class CollectRoundResponse:
    """See control.proto."""

    round: RoundStatus


@dataclass(frozen=True, slots=True)
class PublishRoundRequest:
    """See control.proto."""

    round_id: HexDigest


@dataclass(frozen=True, slots=True)
class PublishRoundResponse:
    """See control.proto."""

    round: RoundStatus


@dataclass(frozen=True, slots=True)
class AbandonRoundRequest:
    """See control.proto."""

    round_id: HexDigest
    reason: Annotated[str, Size(1, 200)]


@dataclass(frozen=True, slots=True)
class AbandonRoundResponse:
    """See control.proto."""

    round: RoundStatus


@dataclass(frozen=True, slots=True)
class ReleaseSummary:
    """See releases.proto."""

    release_id: ReleaseName
    programme_id: Annotated[str, Size(1, 48)]
    period: PeriodText
    published_at: Moment
    superseded_by: MaybeReleaseName = ""
    errata: Annotated[tuple[Envelope, ...], Size(0, ERRATA_MOST)] = ()


@dataclass(frozen=True, slots=True)
class ListReleasesRequest:
    """See releases.proto."""


@dataclass(frozen=True, slots=True)
class ListReleasesResponse:
    """See releases.proto."""

    releases: Annotated[tuple[ReleaseSummary, ...], Size(0, 10_000)]


@dataclass(frozen=True, slots=True)
class GetReleaseRequest:
    """See releases.proto."""

    release_id: ReleaseName


@dataclass(frozen=True, slots=True)
class GetReleaseResponse:
    """See releases.proto."""

    manifest: Envelope


@dataclass(frozen=True, slots=True)
class ReadFileRequest:
    """See releases.proto."""

    release_id: ReleaseName
    name: FileName


@dataclass(frozen=True, slots=True)
class ReadFileResponse:
    """See releases.proto."""

    data: Annotated[bytes, Size(0, PIECE)]


@dataclass(frozen=True, slots=True)
class LocalRound:
    """See premises.proto."""

    round_id: HexDigest
    programme_digest: HexDigest
    period: PeriodText
    attempt: Attempt
    state: Annotated[str, Size(1, 20)]
    reason: Label


@dataclass(frozen=True, slots=True)
class GetStatusRequest:
    """See premises.proto."""


@dataclass(frozen=True, slots=True)
class GetStatusResponse:
    """See premises.proto."""

    node_id: NodeName
    state: Annotated[str, Size(1, 20)]
    reason: Label
    last_contact: Moment
    ledger: LedgerHead
    rounds: Annotated[tuple[LocalRound, ...], Size(0, 200)]
    certificate_until: Moment


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """See premises.proto."""

    reason: Label


@dataclass(frozen=True, slots=True)
class PauseResponse:
    """See premises.proto."""


@dataclass(frozen=True, slots=True)
class ResumeRequest:
    """See premises.proto."""


@dataclass(frozen=True, slots=True)
class ResumeResponse:
    """See premises.proto."""


@dataclass(frozen=True, slots=True)
class PutApprovalRequest:
    """See premises.proto."""

    approval: Envelope


@dataclass(frozen=True, slots=True)
class PutApprovalResponse:
    """See premises.proto."""
