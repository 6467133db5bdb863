"""The functions behind the remote calls: each takes a checked request and its caller, and answers.

Bytes, certificates and status codes are the business of ``aggregator/link.py``.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aggregator import catalogue, conductor, documents, enrolment, releasing
from aggregator.book import Entry, State
from aggregator.conductor import Round
from aggregator.errors import NotFound
from aggregator.mailbox import Mailbox
from aggregator.office import Office, find_round
from aggregator.opening import attempt_wanted, opening
from samentel.ids import Period
from samentel.secagg.messages import Kind
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import RoundPhase
from samentel.wire.methods import Method, Role

MOST_NAMES = 150_000  # names in one list of rounds: what fits in a message


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: role and id as the register has them, and how long the caller will wait, in seconds."""

    role: Role
    id: str
    seconds_left: float


Function = Callable[[Any, Caller], Awaitable[object]]
Stream = Callable[[Any, Caller], AsyncIterator[object]]


def functions(office: Office) -> Mapping[Method[Any, Any], Function | Stream]:
    """Every call that the coordinator serves."""
    mailbox, control, releases = Mailbox(office), Control(office), Releases(office)
    return {
        M.ENROL: _answer(lambda request, caller: _enrol(office, request, caller)),
        M.GET_ENROLMENT: _answer(lambda _, caller: _enrolment(office, caller)),
        M.RENEW_CERTIFICATE: _answer(lambda request, caller: _renew(office, request, caller)),
        M.POLL: lambda request, caller: mailbox.poll(caller.id, request, caller.seconds_left),
        M.GET_DOCUMENT: _answer(lambda request, _: mailbox.document(request.digest)),
        M.PUT_PRESENCE: _answer(lambda request, caller: mailbox.presence(caller.id, request)),
        M.PUT_CONTRIBUTION: _answer(lambda request, caller: mailbox.contribution(caller.id, request)),
        M.GET_LETTER: _answer(lambda request, caller: mailbox.letter(caller.id, request)),
        M.PUT_MESSAGE: _answer(lambda request, caller: mailbox.message(caller.id, request)),
        M.LIST_PROGRAMMES: _answer(lambda *_: control.programmes()),
        M.GET_PROGRAMME: _answer(lambda request, _: control.programme(request)),
        M.OPEN_ROUND: _answer(lambda request, _: control.open_round(request)),
        M.GET_ROUND: _answer(lambda request, _: control.round(request)),
        M.LIST_ROUNDS: _answer(lambda *_: control.rounds()),
        M.COLLECT_ROUND: _answer(lambda request, _: control.collect(request)),
        M.PUBLISH_ROUND: lambda request, _: control.publish(request),
        M.ABANDON_ROUND: _answer(lambda request, _: control.abandon(request)),
        M.LIST_RELEASES: _answer(lambda *_: releases.all()),
        M.GET_RELEASE: _answer(lambda request, _: releases.one(request)),
        M.READ_FILE: lambda request, _: releases.file(request),
    }


def _answer(function: Callable[[Any, Caller], object]) -> Function:
    """A call that never waits."""

    async def answer(request: Any, caller: Caller) -> object:
        return function(request, caller)

    return answer


def _enrol(office: Office, request: m.EnrolRequest, caller: Caller) -> m.EnrolResponse:
    application = enrolment.Application(request.certificate_request, request.protocol_key, request.proof)
    return m.EnrolResponse(enrolment.enrol(office.book, caller.id, application, office.now()))


def _enrolment(office: Office, caller: Caller) -> m.GetEnrolmentResponse:
    chain = enrolment.certificate(office.book, caller.id)
    return m.GetEnrolmentResponse(bool(chain), chain)


def _renew(office: Office, request: m.RenewCertificateRequest, caller: Caller) -> m.RenewCertificateResponse:
    chain = enrolment.renew(
        office.book, office.authority, caller.id, request.certificate_request, office.now()
    )
    return m.RenewCertificateResponse(chain)


@dataclass(slots=True)
class Control:
    """What administrators and flows ask."""

    office: Office
    _publishing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def programmes(self) -> m.ListProgrammesResponse:
        """The programmes in force, newest first."""
        held = self.office.refresh().register.programmes.values()
        summaries = [m.ProgrammeSummary(held_.digest, held_.name, held_.version) for held_ in held]
        return m.ListProgrammesResponse(tuple(reversed(summaries))[:1000])

    def programme(self, request: m.GetProgrammeRequest) -> m.GetProgrammeResponse:
        """The signed bytes of one programme."""
        held = Office.document(self.office.refresh().register.programmes, request.digest)
        return m.GetProgrammeResponse(documents.stored(self.office.book.store, held.envelope))

    def open_round(self, request: m.OpenRoundRequest) -> m.OpenRoundResponse:
        """Open a round, or find the one that is meant."""
        office, period = self.office, Period.parse(request.period)
        office.refresh()
        programme = office.programme(request.programme_digest)

        def wanted(state: State) -> Round | int:
            return attempt_wanted(
                state.rounds, programme.digest, period, request.attempt, programme.max_attempts
            )

        def decision(state: State) -> Entry:
            found = wanted(state)
            return Entry() if isinstance(found, Round) else opening(office, state, programme, period, found)

        opened = wanted(office.write(decision))
        assert isinstance(opened, Round), "the round asked for has just been written"
        return m.OpenRoundResponse(status(self.office, opened))

    def round(self, request: m.GetRoundRequest) -> m.GetRoundResponse:
        """Where a round stands."""
        return m.GetRoundResponse(status(self.office, find_round(self.office.refresh(), request.round_id)))

    def rounds(self) -> m.ListRoundsResponse:
        """All rounds, newest first, as many as fit in a message."""
        listed: list[m.RoundStatus] = []
        names = 0
        for round_ in reversed(list(self.office.refresh().rounds.values())):
            names += len(round_.opened.invited) + len(round_.present) + len(round_.arrived)
            if len(listed) == 1000 or (listed and names > MOST_NAMES):
                break
            listed.append(status(self.office, round_))
        return m.ListRoundsResponse(tuple(listed))

    def collect(self, request: m.CollectRoundRequest) -> m.CollectRoundResponse:
        """Stop gathering."""
        return m.CollectRoundResponse(status(self.office, self.office.collect(request.round_id)))

    def abandon(self, request: m.AbandonRoundRequest) -> m.AbandonRoundResponse:
        """End a round without a release."""
        command = conductor.Abandon(request.reason)
        return m.AbandonRoundResponse(status(self.office, self.office.command(request.round_id, command)))

    async def publish(self, request: m.PublishRoundRequest) -> m.PublishRoundResponse:
        """Make the release. Crash-safe: its name and moment are written first, its completion last."""
        async with self._publishing:
            state = self.office.refresh()
            asked = find_round(state, request.round_id)
            round_ = self.office.command(asked.round_id, releasing.naming(self.office, state, asked))
            if round_.phase is not RoundPhase.PUBLISHED:
                round_ = await releasing.make(self.office, round_)
        return m.PublishRoundResponse(status(self.office, round_))


@dataclass(slots=True)
class Releases:
    """What readers pull. A release exists once the log says so, whatever lies on disk."""

    office: Office

    def all(self) -> m.ListReleasesResponse:
        """All releases, newest first."""
        rounds = self.office.refresh().rounds
        later = catalogue.superseded(rounds)
        return m.ListReleasesResponse(
            tuple(
                m.ReleaseSummary(
                    one.release_id,
                    self.office.programme(one.round.opened.programme).id,
                    str(one.round.opened.period),
                    one.published_at.isoformat(),
                    later.get(one.release_id, ""),
                    tuple(
                        documents.stored(self.office.book.store, it.erratum.envelope)
                        for it in one.errata[-m.ERRATA_MOST :]
                    ),
                )
                for one in catalogue.releases(rounds)[:-10_001:-1]
            )
        )

    def one(self, request: m.GetReleaseRequest) -> m.GetReleaseResponse:
        """The signed manifest of a release, with the countersignatures that have come since."""
        from aggregator import countersigning, publisher  # see aggregator/releasing.py

        self._published(request.release_id)
        envelope = publisher.read_manifest(self.office.config.releases, request.release_id)
        since = self.office.book.state.register.countersigned.get(request.release_id, ())
        return m.GetReleaseResponse(countersigning.added(envelope, since))

    async def file(self, request: m.ReadFileRequest) -> AsyncIterator[m.ReadFileResponse]:
        """One file of a release; only names that its manifest has can be asked for."""
        from aggregator import publisher  # see aggregator/releasing.py

        self._published(request.release_id)
        releases = self.office.config.releases
        manifest = publisher.manifest_of(publisher.read_manifest(releases, request.release_id))
        if request.name not in {file.name for file in manifest.files}:
            raise NotFound("this release has no file of that name")
        for piece in publisher.pieces(releases, request.release_id, request.name, m.PIECE):
            yield m.ReadFileResponse(piece)

    def _published(self, release_id: str) -> catalogue.Release:
        return catalogue.find(self.office.refresh().rounds, release_id)


def status(office: Office, round_: Round) -> m.RoundStatus:
    """Where a round stands, for the wire."""
    deadline = office.sums.deadline(round_)
    return m.RoundStatus(
        round_id=round_.round_id,
        programme_digest=round_.opened.programme,
        period=str(round_.opened.period),
        attempt=round_.opened.attempt,
        phase=round_.phase,
        invited=tuple(sorted(round_.opened.invited)),
        present=tuple(sorted(round_.present)),
        arrived=tuple(sorted(round_.arrived)),
        institutions_min=round_.opened.institutions_min,
        gather_until=round_.opened.gather_until.isoformat(),
        collect_until=round_.opened.collect_until.isoformat(),
        reason=round_.reason,
        release_id=round_.release_id,
        sum_phase=round_.sum_phase,
        listed=tuple(sorted(round_.senders(Kind.ADVERT))),
        dealt=tuple(sorted(round_.senders(Kind.DEALING))),
        survivors=round_.survivors,
        agreed=tuple(sorted(round_.senders(Kind.AGREEMENT))),
        awaited=tuple(sorted(_awaited(office, round_))),
        step_until=deadline.isoformat() if deadline is not None else "",
        mode=round_.opened.mode.value,
    )


def _awaited(office: Office, round_: Round) -> frozenset[str]:
    if round_.phase is RoundPhase.GATHERING:
        return frozenset(round_.opened.invited) - round_.present
    if round_.phase is RoundPhase.COLLECTING and not round_.secure:
        return round_.present - round_.arrived.keys()
    return office.sums.awaited(round_, office.now())
