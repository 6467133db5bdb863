"""The coordinator: its real log, office and calls. It can die at any write, and it knows how to lie."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

import grpc

from aggregator import config as national
from aggregator import enrolment, link, service
from aggregator.book import Book
from aggregator.conductor import Abandon, Finish, Publish, Round
from aggregator.office import Office, open_office
from aggregator.store import Store
from node.link import meaning
from samentel.errors import Refusal
from samentel.ids import digest
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import RoundPhase
from samentel.wire.methods import Method, Role

ADMIN = service.Caller(Role.ADMIN, "admin", 1.0)
WAITS = 1.0  # seconds that a call may take: a poll with no news is answered at once


class Died(BaseException):
    """The coordinator's process is gone; nothing catches it."""


class Refused(Exception):
    """A call ends with a status."""

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__(code.name)
        self.code = code


class MortalLog(Store):
    """The real log. What it has read or written of things that never change, it does not read again.

    Attributes:
        doom: the number of the write at which the process dies, and whether that is written still; or None.
        alone: whether nobody else has written since it last looked where the log ends.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.doom: tuple[int, bool] | None = None
        self.alone = False
        self._end, self._blobs = 0, dict[str, bytes]()

    def last(self) -> int:
        if not self.alone:
            self._end, self.alone = super().last(), True
        return self._end

    def blob(self, name: str) -> bytes:
        if name not in self._blobs:
            self._blobs[name] = super().blob(name)
        return self._blobs[name]

    def append(self, *parts: Any, **more: Any) -> Any:
        nth, written = self.doom or (0, False)
        if nth:
            self.doom = (nth - 1, written)
        if nth == 1 and not written:
            raise Died
        self.alone = False
        head = super().append(*parts, **more)
        self._end, self.alone = head.seq, True
        blobs = parts[3] if len(parts) > 3 else more.get("blobs", ())
        self._blobs.update((digest(data), data) for data in blobs)
        if nth == 1:
            raise Died
        return head


class Context:
    """What gRPC tells of a call: who is at the other end."""

    def __init__(self, certificate: bytes) -> None:
        self._certificate = certificate

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [self._certificate]}

    def time_remaining(self) -> float:
        return WAITS

    async def abort(self, code: grpc.StatusCode, _text: str, _trailing: object) -> NoReturn:
        raise Refused(code)


class Coordinator:
    """One life after another on the same database.

    Attributes:
        deaths: how often it has died.
    """

    def __init__(self, config: national.Config, now: Callable[[], datetime]) -> None:
        self._config, self._now = config, now
        self.deaths = 0
        self._open()

    def _open(self) -> None:
        self.log = MortalLog(self._config.database_url)
        self.office: Office = open_office(self._config, Book(self.log), self._now)
        self._functions: Any = service.functions(self.office)

    def close(self) -> None:
        self.log.close()

    def restart(self) -> None:
        self.close()
        self._open()

    def _buried(self) -> None:
        self.deaths += 1
        self.restart()

    async def serve(self, certificate: bytes, method: Method[Any, Any], data: bytes) -> bytes:
        """One call, as the network side admits it; raises what the status means to a node."""
        register = self.office.book.state.register  # nobody else has written since ``revoke`` looked
        serve = link._unary(method, self._functions[method], lambda name: register.who(name, self._now()))
        try:
            return await serve(data, Context(certificate))
        except Refused as refused:
            raise meaning(refused.code) from None
        except Died:
            self._buried()
            raise meaning(grpc.StatusCode.UNAVAILABLE) from None

    def tick(self) -> None:
        self._alive(lambda: self.office.tick())

    def _alive(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Died:
            self._buried()

    def rounds(self) -> tuple[Round, ...]:
        """All rounds, oldest first."""
        return tuple(self.office.book.state.rounds.values())

    async def open_round(self, period: str, attempt: int, programme: str) -> None:
        try:
            await self._functions[M.OPEN_ROUND](m.OpenRoundRequest(programme, period, attempt), ADMIN)
        except Died:
            self._buried()
        except Refusal:
            return

    def collect(self, round_: Round) -> None:
        self._commanded(lambda: self.office.collect(round_.round_id))

    def abandon(self, round_: Round) -> None:
        self._commanded(lambda: self.office.command(round_.round_id, Abandon("given up")))

    def publish(self, round_: Round) -> None:
        """Two events of the log, without the tables between them."""
        if round_.phase is not RoundPhase.SUMMED:
            return
        name = digest(round_.round_id.encode())
        self._commanded(lambda: self.office.command(round_.round_id, Publish(f"release-{name[:12]}", None)))
        self._commanded(lambda: self.office.command(round_.round_id, Finish(name)))

    def _commanded(self, work: Callable[[], object]) -> None:
        try:
            self._alive(work)
        except Refusal:
            return  # too early, too late, or too few: an administrator is told so

    def revoke(self, name: str) -> None:
        if name in self.office.refresh().register.members:
            enrolment.revoke(self._config, Role.NODE, name)  # another process, with a connection of its own
            self.log.alone = False
            self.office.refresh()
