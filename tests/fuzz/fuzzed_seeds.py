"""Valid inputs from which fuzzing starts: rounds that were run, documents that hold, messages.

The kits of other tests are loaded by their path, so that this also works in a process of its own (``drive``).
"""

import copy
import importlib.util
import sys
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from desk.packaged import packaged
from samentel.documents.envelope import to_json
from samentel.documents.model import Model
from samentel.documents.roster import Institution, Roster
from samentel.documents.statements import (
    Approval,
    Contribution,
    MaskedReceipt,
    Presence,
    Receipt,
    Round,
    Start,
    state,
)
from samentel.ids import Period, digest
from samentel.secagg.standing import Agreed, Delivered, Listed, Proposed, Resulted

TESTS = Path(__file__).resolve().parents[1]
NODES, OWN, LAST = 5, 1, 4  # every letter is for OWN; LAST is the one whose message a phase still waits for
ABSENT = 1
NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
NAME = digest(b"any document")


@cache
def kit(path: str) -> ModuleType:
    """A file of the tests, by its path below tests/."""
    name = "fuzz_" + path.replace("/", "_").removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, TESTS / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def secagg() -> Any:
    """The federation of the pure machines."""
    return kit("samentel/secagg/conftest.py")


@cache
def federation(stop: str, last: str = "never", *, absent: str = "never") -> Any:
    """A round that has come before that stage.

    Args:
        last: the stage from which LAST says nothing, so that the coordinator still waits for it.
        absent: the stage from which OWN says nothing.
    """
    made = secagg().Federation(secagg().terms(NODES, absent=ABSENT))
    made.close = lambda *_: None  # nobody's deadline passes: whoever is missing is waited for
    made.run({LAST: last, OWN: absent}, stop)
    return made


def outbox() -> tuple[Any, ...]:
    """What LAST sends in a whole round, as the last whose shares are needed, before the result wipes it."""
    sent: tuple[Any, ...] = federation("result", absent="reveal").clients[LAST].outbox
    return sent


def letter(made: Any, kind: type[Any]) -> bytes:
    """What OWN is sent in that round."""
    found = secagg().letter(made.server, OWN, kind)
    assert found is not None
    data: bytes = found.data
    return data


@cache
def standings() -> tuple[tuple[Any, bytes], ...]:
    """OWN in every phase that waits for a letter: a round, and the letter that it would accept."""
    counting = copy.copy(federation("upload"))
    counting.clients, counting.effects = list(counting.clients), [[] for _ in range(NODES)]
    counting.read(OWN, Delivered)
    helping = secagg().Federation(secagg().terms(NODES, absent=ABSENT))
    helping.run({OWN: "poll"}, "reveal")
    return (
        (federation("advert"), b""),
        (federation("dealing"), letter(federation("dealing"), Listed)),
        (federation("upload"), letter(federation("upload"), Delivered)),
        (counting, letter(helping, Proposed)),
        (federation("agreement"), letter(federation("agreement"), Proposed)),
        (helping, letter(federation("result"), Agreed)),
        (federation("reveal"), letter(federation("reveal"), Agreed)),
        (federation("result"), letter(federation("result"), Resulted)),
    )


@cache
def waiting() -> tuple[tuple[Any, Any], ...]:
    """The coordinator in every phase, LAST's message still missing, and that message: (round, Send)."""
    stages = ("advert", "dealing", "upload", "agreement", "reveal")
    after = dict(zip(stages, (*stages[1:], "result"), strict=True))
    kinds = ("advert", "dealing", "upload", "agreement", "reveal")
    return tuple(
        (
            federation(after[stage], stage, absent="reveal"),
            next(send for send in outbox() if send.kind == kind),
        )
        for stage, kind in zip(stages, kinds, strict=True)
    )


@cache
def written() -> Any:
    """A programme as its author has it in mind."""
    return kit("samentel/conftest.py").WRITTEN


def toml(value: Any) -> bytes:
    """The same in TOML, top-level keys one a line."""
    form = kit("samentel/conftest.py")._toml
    return "".join(f"{key} = {form(part)}\n" for key, part in value.items()).encode()


@cache
def programmes() -> tuple[bytes, ...]:
    """The programme of the tests, and one that is packaged with the product."""
    return toml(written()), packaged("aanleiding-samen")


@cache
def roster() -> Roster:
    """Three institutions."""
    entries = tuple(
        Institution(
            node=f"node-{i:04d}",
            name=f"Huis {i}",
            operator="beheer",
            type="SHELTER",
            province="NL_UT",
            facilities=("COSM",),
            protocol_key=secagg().key(f"node {i}").public.raw.hex(),
        )
        for i in range(3)
    )
    key = secagg().key("coordinator").public.raw.hex()
    return Roster(version=1, issued_at=NOW, coordinator_key=key, institutions=entries)


@cache
def said() -> tuple[Model, ...]:
    """One statement of every kind."""
    hours = [NOW + timedelta(hours=hour) for hour in range(1, 5)]
    head = {"ledger_length": 3, "ledger_digest": NAME}
    about = {"round": NAME, "node": "node-0001"}
    return (
        Round(
            programme=NAME,
            roster=NAME,
            period=Period.parse("2025"),
            attempt=1,
            nonce="0" * 64,
            opened_at=NOW,
            gather_until=hours[0],
            collect_until=hours[1],
        ),
        Start(
            round=NAME,
            advertise_until=hours[0],
            share_until=hours[1],
            mask_until=hours[2],
            expires_at=hours[3],
        ),
        Presence(**about, **head),
        Contribution(**about, **head, programme=NAME, cells=9, vector=NAME),
        Receipt(**about, contribution=NAME),
        MaskedReceipt(**about, terms=NAME, position=1, vector=NAME, taken_at=NOW),
        Approval(
            node="node-0001",
            programme=NAME,
            rho_cap="1/2",
            individual=True,
            small_levels=("facility:COSM",),
            approved_at=NOW,
            expires_at=hours[3],
            approved_by="bestuur",
        ),
    )


@cache
def envelopes() -> tuple[bytes, ...]:
    """Signed documents as files."""
    key = secagg().key("node 1")
    return tuple(to_json(state(statement, key)) for statement in said())
