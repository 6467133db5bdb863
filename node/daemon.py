"""The node's daemon: one loop that asks the coordinator for news and acts upon it, and one local socket.

It always dials out. Losing the coordinator never ends it; a person, or the
system's stop signal, does.
"""

import asyncio
import secrets
import signal
from datetime import UTC, datetime
from typing import Any

from node import approving, control, form, halting, identity
from node.attendance import Attendance
from node.config import Config
from node.journal import Journal
from node.link import POLL_SECONDS, Link, Unreachable
from node.store import RoundRecord, Store
from samentel import __version__
from samentel.counting.ledger import Head
from samentel.documents.envelope import Envelope
from samentel.errors import SamentelError
from samentel.wire.messages import (
    GetStatusResponse,
    LedgerHead,
    LocalRound,
    PollRequest,
    PollResponse,
    RenewCertificateRequest,
)
from samentel.wire.methods import POLL, RENEW_CERTIFICATE

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0  # seconds between attempts to reach the coordinator
STOP_GRACE = 1.0
ATTEND_SECONDS = 15 * 60.0  # a coordinator that drips must not keep the node from passing time
ROUNDS_SHOWN = 200


class Daemon:
    """A running node: its store, its part in rounds, and what it answers on its own socket."""

    def __init__(self, config: Config, store: Store, journal: Journal) -> None:
        self._config, self._store, self._journal = config, store, journal
        self._node = identity.enrolment(config.state_dir).node
        self._credentials = identity.credentials(config.state_dir)
        signer = identity.protocol_key(config.state_dir)
        self._attendance = Attendance(config, store, self._node, signer, journal)
        self._stopping, self._changed = asyncio.Event(), asyncio.Event()
        self._connected, self._last_contact, self._trouble = False, "", ""
        self._waits = 0

    def stop(self) -> None:
        """End the loop once what is being written is on disk."""
        self._stopping.set()

    async def run(self) -> None:
        """Poll until told to stop."""
        self._journal.info("started", node=self._node, version=__version__)
        while not self._stopping.is_set():
            try:
                self._attendance.pass_time(datetime.now(UTC))
                await self._renew_if_due()
                async with Link(self._credentials) as link:
                    await self._listen(link)
            except Unreachable:
                await self._wait("unreachable", "Unreachable")
            except SamentelError as error:
                await self._wait("fault", type(error).__name__, str(error))
            except Exception as error:  # noqa: BLE001
                # The one catch-all: a mistake of ours about one message must not end the node's part in all
                # others. Its text is withheld, since libraries quote values.
                await self._wait("fault", f"{type(error).__name__} at {_place(error)}")
        self._journal.info("stopped")

    def status(self) -> GetStatusResponse:
        """What the node is doing."""
        halted = halting.halted(self._store)
        if self._stopping.is_set():
            word = "stopped"
        elif halted is not None:
            word = "paused"
        elif self._connected:
            word = "connected"
        else:
            word = "waiting" if self._trouble else "starting"
        return GetStatusResponse(
            node_id=self._node,
            state=word,
            reason=(halting.told(self._store) or ("" if self._connected else self._trouble))[:200],
            last_contact=self._last_contact,
            ledger=_wire(self._store.head),
            rounds=tuple(_local(record) for record in self._store.rounds()[:ROUNDS_SHOWN]),
            certificate_until=identity.lifetime(self._credentials.chain)[1].isoformat(),
        )

    def pause(self, reason: str) -> None:
        """Stop taking part, durably."""
        halting.pause(self._store, reason)
        self._journal.warning("paused", reason=halting.halted(self._store))
        self._changed.set()

    def resume(self) -> None:
        """Take part again."""
        halting.resume(self._store)
        self._journal.info("resumed")
        self._changed.set()

    def put_approval(self, approval: Envelope) -> None:
        """Record an approval; raises PeerError when it is not this node's own."""
        recorded = approving.record(self._store, approval, self._config, datetime.now(UTC))
        event = "withdrawn" if recorded.expires_at <= recorded.approved_at else "approved"
        self._journal.info(event, programme=recorded.programme, until=recorded.expires_at.isoformat())
        self._changed.set()

    async def _listen(self, link: Link) -> None:
        """Poll on one connection, until it fails, the certificate is due, or we stop."""
        told: PollResponse | None = None
        cursor = 0
        while not self._stopping.is_set():
            request = PollRequest(cursor, _wire(self._store.head), __version__)
            poll = asyncio.ensure_future(link.call(POLL, request, POLL_SECONDS))
            try:
                while not await self._first_of(poll):
                    self._changed.clear()
                    if self._stopping.is_set():
                        return
                    if told is not None:  # a person approved or resumed: look again at what is known
                        await self._attend(link, told)
                first, told = told is None, poll.result()
            finally:
                poll.cancel()
            cursor = told.cursor
            self._heard()
            self._attendance.pass_time(datetime.now(UTC))
            await self._attend(link, told, new_line=first)
            self._waits = 0  # not before: a fault in what was just told must not be retried without end
            if identity.renewal_due(self._credentials.chain, datetime.now(UTC)):
                return

    async def _attend(self, link: Link, told: PollResponse, *, new_line: bool = False) -> None:
        """As ``Attendance.attend``, with an end; raises Unreachable then. What was written stands."""
        try:
            async with asyncio.timeout(ATTEND_SECONDS):
                await self._attendance.attend(link, told, new_line=new_line)
        except TimeoutError:
            raise Unreachable("the coordinator answers too slowly to go on") from None

    async def _first_of(self, poll: "asyncio.Future[PollResponse]") -> bool:
        """Wait for the answer, a change by a person, or the end; whether it was the answer."""
        events = (self._changed, self._stopping)
        others = [asyncio.ensure_future(event.wait()) for event in events]
        try:
            waited: list[asyncio.Future[Any]] = [poll, *others]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for other in others:
                other.cancel()
        return poll.done()

    def _heard(self) -> None:
        self._last_contact = datetime.now(UTC).isoformat(timespec="seconds")
        if not self._connected:
            self._connected, self._trouble = True, ""
            self._journal.info("connected", node=self._node)

    async def _wait(self, event: str, fault: str, reason: str = "") -> None:
        """Wait before trying again: longer each time, at random, so that nodes do not return in step."""
        if self._connected or not self._trouble:
            self._journal.warning(event, fault=fault, reason=reason)
        self._connected, self._trouble = False, reason or fault
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2**self._waits)
        self._waits = min(self._waits + 1, 16)
        seconds = secrets.SystemRandom().uniform(longest / 2, longest)
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _renew_if_due(self) -> None:
        if not identity.renewal_due(self._credentials.chain, datetime.now(UTC)):
            return
        fresh = identity.fresh_request(self._node)
        async with Link(self._credentials) as link:
            answer = await link.call(RENEW_CERTIFICATE, RenewCertificateRequest(fresh.der))
        identity.install(self._config.state_dir, fresh.key, answer.certificate_chain)
        self._credentials = identity.credentials(self._config.state_dir)
        self._journal.info(
            "certificate-renewed", until=identity.lifetime(self._credentials.chain)[1].isoformat()
        )


async def serve(config: Config, journal: Journal | None = None) -> None:
    """Run the node until SIGTERM or SIGINT.

    Raises:
        LocalFault: another daemon has the store, the ledger does not hold, the node has not enrolled, or the
            export has another form than the mapping says.
        DocumentError: the mapping does not hold.
    """
    form.inspect(
        config.mapping, rows=False
    )  # before anything is promised: in a window it would cost the node its round
    journal = journal or Journal()
    journal.adopt_libraries()
    with Store.open(config.state_dir) as store:
        daemon = Daemon(config, store, journal)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: journal.warning("fault", fault=_kind(context)))
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, daemon.stop)
        server = await control.serve(config.control_socket, daemon)
        try:
            await daemon.run()
        finally:
            await server.stop(STOP_GRACE)


def _kind(context: dict[str, object]) -> str:
    return type(context.get("exception")).__name__


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "?"


def _wire(head: Head) -> LedgerHead:
    return LedgerHead(head.length, head.digest)


def _local(record: RoundRecord) -> LocalRound:
    return LocalRound(
        record.round_id, record.programme, record.period, record.attempt, record.state, record.reason
    )
