"""Names of things: nodes, digests, rounds, periods."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NewType

from samentel.errors import DocumentError

NodeId = NewType("NodeId", str)
Digest = NewType("Digest", str)
RoundId = NewType("RoundId", str)

NODE_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # a DNS label: it stands in certificates
DIGEST = re.compile(r"[0-9a-f]{64}")
NO_DIGEST = Digest("0" * 64)

_PERIOD = re.compile(r"(?P<year>20[0-9]{2})(?:Q(?P<quarter>[1-4]))?")


def digest(data: bytes) -> Digest:
    """SHA-256 in lower-case hexadecimal, 64 characters."""
    return Digest(hashlib.sha256(data).hexdigest())


def round_id(programme: Digest, period: "Period", attempt: int, nonce: bytes) -> RoundId:
    """The name of one attempt at one period of one programme.

    Args:
        nonce: 32 bytes from the coordinator, so that no id can be foreseen.
    """
    if len(nonce) != 32:
        raise ValueError("a round nonce has 32 bytes")
    text = f"samentel/v1/round/{programme}/{period}/{attempt}/".encode()
    return RoundId(hashlib.sha256(text + nonce).hexdigest())


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A reporting period: a calendar year, or one quarter of it.

    Attributes:
        year: the reporting year of the data, 2000 to 2099.
        quarter: 1 to 4, or 0 for the whole year.
    """

    year: int
    quarter: int = 0

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Read ``2025`` or ``2025Q3``; raises DocumentError for anything else."""
        match = _PERIOD.fullmatch(text)
        if match is None:
            raise DocumentError(
                "period", [f"{text[:20]!r}: write a year such as 2025, or a quarter such as 2025Q3"]
            )
        return cls(int(match["year"]), int(match["quarter"] or 0))

    def __str__(self) -> str:
        return f"{self.year}Q{self.quarter}" if self.quarter else f"{self.year}"

    @property
    def kind(self) -> str:
        """``year`` or ``quarter``."""
        return "quarter" if self.quarter else "year"

    @property
    def end(self) -> datetime:
        """The first moment after the period, UTC."""
        if self.quarter in (0, 4):
            return datetime(self.year + 1, 1, 1, tzinfo=UTC)
        return datetime(self.year, 3 * self.quarter + 1, 1, tzinfo=UTC)

    def holds(self, year: int, month: int) -> bool:
        """Whether a month of a year lies in this period."""
        return year == self.year and (self.quarter == 0 or (month - 1) // 3 + 1 == self.quarter)
