"""Whose fault it is, and what to do about it.

No error text of this tree ever holds a count, a record's value or a key.
"""

from collections.abc import Sequence
from enum import StrEnum


class SamentelError(Exception):
    """Anything that Samentel itself has to say went wrong."""


class PeerError(SamentelError):
    """The other side broke the protocol; we are healthy."""


class LocalFault(SamentelError):
    """Something on this machine is not as it should be; the text says how to mend it."""


class DocumentError(SamentelError):
    """A document does not hold; every mistake is reported at once.

    Attributes:
        problems: one sentence a mistake, each with the place where it stands.
    """

    def __init__(self, document: str, problems: Sequence[str]) -> None:
        self.document = document
        self.problems = tuple(problems)
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"{document} does not hold:{lines}")


class Reason(StrEnum):
    """Why one of our own rules said no. Public: none depends on any record."""

    NOT_APPROVED = "not-approved"
    APPROVAL_EXPIRED = "approval-expired"
    MODE_NOT_APPROVED = "mode-not-approved"
    PROGRAMME_UNKNOWN = "programme-unknown"
    PARAMETER_BELOW_FLOOR = "parameter-below-floor"
    BUDGET_EXHAUSTED = "budget-exhausted"
    PERIOD_NOT_OVER = "period-not-over"
    PERIOD_KIND = "period-kind"
    REPLAYED_ROUND = "replayed-round"
    ATTEMPT_OUT_OF_ORDER = "attempt-out-of-order"
    ROSTER_MISMATCH = "roster-mismatch"
    DEADLINE = "deadline"
    PAUSED = "paused"
    SOURCE_NOT_READY = "source-not-ready"
    PERIOD_CLOSED = "period-closed"
    SMALL_LEVEL = "small-level"
    ROLLBACK_DETECTED = "rollback-detected"


class Refusal(SamentelError):
    """We understood the request and our own rules say no.

    Attributes:
        reason: the code under which the refusal is recorded.
    """

    def __init__(self, reason: Reason, text: str) -> None:
        self.reason = reason
        super().__init__(text)
