"""What is done about a mistake in a release: a correction from the same sums, or a signed erratum.

A release never changes. Nothing here opens a round, draws noise or costs an
institution anything: a correction is the same national sum, made up again.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from aggregator import catalogue, publisher, releasing
from aggregator.book import Entry, State, opened
from aggregator.catalogue import Release
from aggregator.conductor import Remade, Round
from aggregator.config import Config
from aggregator.errors import Contradiction
from aggregator.events import Corrected, Correcting, ErratumIssued
from aggregator.office import Office, open_office
from samentel.documents import envelope as dsse
from samentel.documents import statements
from samentel.documents.codelists import Text
from samentel.documents.envelope import Envelope
from samentel.documents.model import from_json
from samentel.figures.manifest import Erratum
from samentel.ids import Digest, digest

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


def words(nl: str, en: str) -> Text:
    """What readers are told, in both languages; raises DocumentError when it is no text that can be shown."""
    return from_json(Text, json.dumps({"nl": nl, "en": en}).encode(), "text for readers")


def correct(config: Config, release_id: str, reason: Text, now: Clock = _now) -> str:
    """Make a release again from the same sums, and let it take the place of the first.

    The same command again changes nothing, and completes what a stop has left.

    Returns:
        The name of the correction.

    Raises:
        NotFound: there is no such release.
        Contradiction: another release has taken its place already, or another correction is half made.
    """
    with opened(config) as book:
        office = open_office(config, book, now)
        moment = office.now()

        def decision(state: State) -> Entry:
            asked = catalogue.find(state.rounds, release_id)
            if _same(asked, reason) is not None:
                return Entry()
            _check_in_force(state, asked)
            name = f"{asked.round.release_id}-c{len(asked.round.corrections) + 1}"
            begun = Correcting(release_id=name, corrects=release_id, reason=reason)
            return Entry(((asked.round.round_id, begun),))

        state = office.write(decision, moment)
        remaking = _same(catalogue.find(state.rounds, release_id), reason)
        assert remaking is not None, "it has just been written"
        if not remaking.manifest:
            _finish(office, catalogue.find(state.rounds, release_id).round, remaking)
    return remaking.begun.release_id


def _same(asked: Release, reason: Text) -> Remade | None:
    """The correction of a release for that very reason, if it was begun before."""
    begun = (one for one in asked.round.corrections if one.begun.corrects == asked.release_id)
    return next((one for one in begun if one.begun.reason == reason), None)


def _check_in_force(state: State, asked: Release) -> None:
    half = next((one for one in asked.round.corrections if not one.manifest), None)
    if half is not None:
        raise Contradiction(
            f"the correction {half.begun.release_id} is half made: give its own reason again to complete it: "
            f"--nl {half.begun.reason.nl!r} --en {half.begun.reason.en!r}"
        )
    later = catalogue.superseded(state.rounds).get(asked.release_id)
    if later is not None:
        raise Contradiction(f"{later} has taken the place of {asked.release_id}: correct that one")


def _finish(office: Office, round_: Round, remaking: Remade) -> Digest:
    made_of = releasing.remade(office, round_, remaking)
    manifest = publisher.write(office.config.releases, made_of, office.key)
    done = Corrected(release_id=remaking.begun.release_id, manifest=manifest)

    def decision(state: State) -> Entry:
        held = state.rounds[round_.round_id].corrections[-1]
        return Entry() if held.manifest else Entry(((round_.round_id, done),))

    office.write(decision)
    return manifest


def issue(config: Config, release_id: str, text: Text, now: Clock = _now) -> Envelope:
    """Sign what was wrong in a release; said once, however often it is asked.

    Raises:
        NotFound: there is no such release.
    """
    with opened(config) as book:
        office = open_office(config, book, now)
        moment = office.now()
        erratum = Erratum(release_id=release_id, published_at=moment, text=text)
        file = dsse.to_json(statements.state(erratum, office.key))

        def decision(state: State) -> Entry:
            asked = catalogue.find(state.rounds, release_id)
            if any(one.erratum.text == text for one in asked.errata):
                return Entry()
            said = ErratumIssued(release_id=release_id, text=text, envelope=digest(file))
            return Entry(((asked.round.round_id, said),), (file,))

        state = office.write(decision, moment)
        held = catalogue.find(state.rounds, release_id).errata
        name = next(one.erratum.envelope for one in held if one.erratum.text == text)
        return dsse.from_json(book.store.blob(name))
