"""A release that is being examined: with what, and what has been found so far."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from samentel.documents.envelope import Envelope
from samentel.documents.keys import VerifyKey
from samentel.errors import DocumentError
from samentel.figures.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence about a release, in both languages; it may quote what the release says, whatever that is."""

    nl: str
    en: str

    def written(self, language: str) -> str:
        """The sentence in one language."""
        return self.nl if language == "nl" else self.en

    def about(self, name: str) -> "Said":
        """The same sentence with the file before it that it is about."""
        return Said(f"{name}: {self.nl}", f"{name}: {self.en}")


def alike(text: str) -> Said:
    """A sentence that there is in English only."""
    return Said(text, text)


class Faulty(DocumentError):
    """A release in which something is wrong; every mistake, in both languages.

    Attributes:
        wrong: a sentence each, which begins with the file.
    """

    def __init__(self, document: str, wrong: Sequence[Said]) -> None:
        self.wrong = tuple(wrong)
        super().__init__(document, [one.en for one in wrong])


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
    """A release in which nothing wrong was found.

    Attributes:
        held: what was checked and holds, a sentence each.
        left: what was not checked, each with why and what it takes.
        countersigned: names of the authority's keys that have signed the manifest too.
    """

    manifest: Manifest
    envelope: Envelope
    held: tuple[Said, ...]
    left: tuple[Said, ...]
    countersigned: tuple[str, ...]


@dataclass(slots=True)
class Case:
    """A release on the table; each check writes down what it found."""

    manifest: Manifest
    envelope: Envelope
    contents: Mapping[str, bytes]
    against: Against
    held: list[Said] = field(default_factory=list)
    left: list[Said] = field(default_factory=list)
    wrong: list[Said] = field(default_factory=list)

    def refused(self, name: str, problems: Iterable[str]) -> None:
        """A file that could not be read or opened, with what its own reader says of it."""
        self.wrong += [alike(f"{name}: {problem}") for problem in problems]
