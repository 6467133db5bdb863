"""The coordinator's daemon: opens the book, listens, lets time pass, stops cleanly."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from aggregator import authority as ca
from aggregator import files, link, service
from aggregator.book import opened
from aggregator.config import Config
from aggregator.errors import fault_of
from aggregator.journal import note, warn
from aggregator.office import Office, open_office

TICK_SECONDS = 0.5  # deadlines, and news that a command line has written
RENEWAL_SECONDS = 3600.0
GRACE_SECONDS = 10.0


async def serve(config: Config) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(config):
        await stop.wait()
        note("stopping")


@asynccontextmanager
async def running(
    config: Config, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AsyncIterator[int]:
    """The coordinator, listening, inside the context; gives the number of its port.

    Raises:
        LocalFault: the log was changed, a key is missing, or the port is taken.
    """
    with opened(config) as book:
        office = open_office(config, book, now)
        _renew_server(office)  # before the port opens: the certificate may have expired while we were down
        server = link.build(
            service.functions(office),
            lambda name: office.refresh().register.who(name, office.now()),
        )
        port = link.listen(server, config.listen, config.pki)
        await server.start()
        note("listening", listen=config.listen)
        passing = [
            asyncio.create_task(_repeat(office.tick, TICK_SECONDS)),
            asyncio.create_task(_repeat(lambda: _renew_server(office), RENEWAL_SECONDS)),
        ]
        try:
            yield port
        finally:
            for task in passing:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            office.news.close()  # nobody may sit out a long poll while we wait for calls to end
            await server.stop(GRACE_SECONDS)
            note("stopped")


async def _repeat(work: Callable[[], None], seconds: float) -> None:
    """Do something for ever; a fault is told once, not at every turn, and does not end the daemon."""
    told = ""
    while True:
        try:
            work()
            told = ""
        except Exception as error:  # noqa: BLE001  the driver of the clock: a bug must not stop it for ever
            if (said := fault_of(error)) != told:
                warn("time passed without effect", error=said)
            told = said
        await asyncio.sleep(seconds)


def _renew_server(office: Office) -> None:
    """Replace the server certificate in the last third of its life; new connections get the new one."""
    place, now = office.config.pki, office.now()
    held = files.read(place / "server.pem")
    since, until = ca.certificate_since(held), ca.certificate_until(held)
    if now < since + (until - since) * 2 / 3:
        return
    fresh = office.authority.server(office.config.hosts, now)
    if ca.certificate_until(fresh.certificate) <= until:
        # Its issuer ends first. Everything works until then, so this is no reason to stop.
        warn("the issuing certificate expires", reason=until.isoformat())
        return
    files.write(place / "server.key.pem", fresh.key, files.PRIVATE)
    files.write(place / "server.pem", fresh.certificate)
    note("server certificate renewed")
