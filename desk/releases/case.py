"""A release that is being examined: with what, and what has been found so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from samentel.documents.envelope import Envelope
from samentel.documents.keys import VerifyKey
from samentel.figures.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Against:
    """What a release is examined with: each part comes from elsewhere than from the coordinator.

    Attributes:
        authority: public keys of the programme authority, by the name under which its user knows them.
        threshold: how many of them must have signed a programme and a roster.
        roster: the signed roster of the round.
        receipt: what an institution itself holds of the round (``samentel-node receipt``).
    """

    coordinator: VerifyKey
    authority: Mapping[str, VerifyKey] = field(default_factory=dict)
    threshold: int = 0
    roster: Path | None = None
    receipt: Path | None = None

    @property
    def keys(self) -> tuple[VerifyKey, ...]:
        """The authority's keys."""
        return tuple(self.authority.values())


@dataclass(frozen=True, slots=True)
class Examined:
    """A release in which nothing is wrong.

    Attributes:
        held: what was checked and holds, a sentence each.
        left: what was not checked, each with why and what it takes.
        countersigned: names of the authority's keys that have signed the manifest too.
    """

    manifest: Manifest
    envelope: Envelope
    held: tuple[str, ...]
    left: tuple[str, ...]
    countersigned: tuple[str, ...]


@dataclass(slots=True)
class Case:
    """A release on the table; each check writes down what it found."""

    manifest: Manifest
    envelope: Envelope
    contents: Mapping[str, bytes]
    against: Against
    held: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
