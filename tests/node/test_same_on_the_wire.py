"""Whatever an institution's records hold, it makes the same calls, in the same order, of the same size."""

import asyncio
from dataclasses import dataclass
from typing import Any

from node import setup
from node.daemon import Daemon
from node.journal import Journal
from node.store import Reader, Store
from samentel.documents import programme as programmes
from samentel.wire.messages import DocumentKind, RoundPhase

HEADER = "nr;datum;geboren;geslacht;aanleiding\n"
EXPORTS = {
    "no rows": HEADER,
    "one row": HEADER + "K1;2025-02-03;1990-05-06;vrouw;huiselijk\n",
    "a tenth of the rows broken": HEADER
    + "".join(
        f'K{number};"2025-02-03\n' if number % 10 == 0 else f"K{number};2025-02-03;1990-05-06;man;huiselijk\n"
        for number in range(2000)
    ),
    "dates of 1899": HEADER + "".join(f"K{number};1899-12-30;1899-12-30;vrouw;\n" for number in range(50)),
    "unknown codes": HEADER
    + "".join(f"K{number};2025-02-03;;zz{number};qq{number}\n" for number in range(50)),
    "one number in all rows": HEADER + "K1;2025-02-03;1990-05-06;vrouw;huiselijk\n" * 50,
}
TICK = 2  # seconds; long enough that only a node that waits for it is always just past it


@dataclass
class House:
    """One institution with a coordinator of its own."""

    premises: Any
    coordinator: Any


async def made(kit, path, authority_files, export):
    """Premises with this export, enrolled with a coordinator that is up, and a round to come."""
    certificates = kit.TestAuthority()
    coordinator = kit.Coordinator(certificates)
    server = await coordinator.start()
    directory = setup.init(path, authority=authority_files, authority_threshold=2).parent
    (directory / "mapping.toml").write_text(kit.MAPPING)
    (directory / "export.csv").write_text(export)
    return House(kit.enrolled(directory, certificates, coordinator.address), coordinator), server


async def lived(kit, house):
    """A whole round, by a daemon; the calls that it made."""
    envelope = kit.signed_programme(
        kit.programme_text().replace(b"tick_seconds = 0.05", f"tick_seconds = {TICK}".encode())
    )
    roster, coordinator = house.premises.roster(), house.coordinator
    coordinator.publish(DocumentKind.ROSTER, roster)
    coordinator.publish(DocumentKind.PROGRAMME, envelope)
    house.premises.approve(envelope)
    opened = kit.opened(programmes.parse(envelope.payload), roster)
    with Store.open(house.premises.state) as store:
        daemon = Daemon(house.premises.config, store, Journal())
        running = asyncio.ensure_future(daemon.run())
        try:
            for number, phase in enumerate(
                (RoundPhase.GATHERING, RoundPhase.COLLECTING, RoundPhase.PUBLISHED), start=1
            ):
                # Told only once the node asks for news again: how often it asks depends on nothing else then.
                await kit.until(lambda number=number: coordinator.polls == number + 1)
                coordinator.announce(opened, phase, "ab" * 32 if phase is RoundPhase.PUBLISHED else "")
            await kit.until(lambda: coordinator.polls == 5)
        finally:
            daemon.stop()
            await running
    return coordinator.calls


async def test_whatever_the_records_hold_the_same_calls_of_the_same_size_are_made(
    kit, short_path, authority_files
):
    made_ones = [
        await made(kit, short_path / f"n{number}", authority_files, export)
        for number, export in enumerate(EXPORTS.values())
    ]
    try:
        said = await asyncio.gather(*(lived(kit, house) for house, _ in made_ones))
    finally:
        for _, server in made_ones:
            await server.stop(0)
    first = said[0]
    assert [name for name, _ in first] == [
        "Poll", "GetDocument", "Poll", "PutPresence", "Poll", "PutContribution", "Poll", "Poll",
    ]  # fmt: skip
    assert dict(zip(EXPORTS, said, strict=True)) == dict.fromkeys(EXPORTS, first)
    for house, _ in made_ones:
        with Reader.open_read_only(house.premises.state) as reader:
            assert [str(one.read().kind) for one in reader.entries()] == [
                "approved", "hold", "spent", "published",
            ]  # fmt: skip
        for moment in (*house.coordinator.present_at, *house.coordinator.arrived_at):
            assert moment.timestamp() % TICK < TICK / 2
