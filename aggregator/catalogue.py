"""What has been published: the releases of all rounds, and which of them another has taken the place of.

A release is there once the log says that its directory is complete.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from aggregator.conductor import Issued, Round, Rounds
from aggregator.errors import NotFound


@dataclass(frozen=True, slots=True)
class Release:
    """One release.

    Attributes:
        round: whose sums it was made from; a correction has the round of the release that it corrects.
        published_at: as its manifest says; ``ended_at`` is when it was complete.
        supersedes: the release that it took the place of.
        manifest: digest of its manifest.
    """

    release_id: str
    round: Round
    published_at: datetime
    ended_at: datetime
    supersedes: str | None
    manifest: str

    @property
    def errata(self) -> tuple[Issued, ...]:
        """What was found to be wrong in it, oldest first."""
        return tuple(one for one in self.round.errata if one.erratum.release_id == self.release_id)


def releases(rounds: Rounds) -> list[Release]:
    """All releases, in the order in which they were complete."""
    found = [release for round_ in rounds.values() for release in of_round(round_)]
    return sorted(found, key=lambda release: release.ended_at)


def of_round(round_: Round) -> Iterator[Release]:
    """The release of a round and then its corrections, as far as they are complete."""
    if round_.release_id and round_.publishing and round_.published_at and round_.ended_at:
        yield Release(
            round_.release_id,
            round_,
            round_.published_at,
            round_.ended_at,
            round_.publishing.supersedes,
            round_.manifest,
        )
    for one in round_.corrections:
        if one.ended_at is not None:
            yield Release(
                one.begun.release_id,
                round_,
                one.published_at,
                one.ended_at,
                one.begun.corrects,
                one.manifest,
            )


def superseded(rounds: Rounds) -> Mapping[str, str]:
    """By release, the one that took its place."""
    return {one.supersedes: one.release_id for one in releases(rounds) if one.supersedes}


def find(rounds: Rounds, release_id: str) -> Release:
    """A release by its name; raises NotFound."""
    for release in releases(rounds):
        if release.release_id == release_id:
            return release
    raise NotFound("there is no release of that name")


def names(rounds: Rounds) -> frozenset[str]:
    """Every name that a release has or will have."""
    begun = {round_.publishing.release_id for round_ in rounds.values() if round_.publishing is not None}
    return frozenset(begun) | {
        one.begun.release_id for round_ in rounds.values() for one in round_.corrections
    }
