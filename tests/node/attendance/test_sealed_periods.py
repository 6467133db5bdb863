"""Whom a round counts is fixed before anything is charged, wherever the process dies; missing consents."""

import numpy as np
import pytest

from node import overview, permission
from node.store import State, Store
from node.texts import Words
from samentel.documents.model import to_bytes
from samentel.documents.roster import PAYLOAD_TYPE, parse
from samentel.errors import Reason
from samentel.wire.messages import DocumentKind, RoundPhase

COLLECTING, ABANDONED = RoundPhase.COLLECTING, RoundPhase.ABANDONED


class Killed(BaseException):
    """The process ends here; nothing catches it."""


@pytest.fixture
def drawn(monkeypatch):
    """What noise is drawn for, sorted by table; the process dies there as often as ``deaths`` says."""
    draw, seen, deaths = permission._drawn, [], []

    def watched(codes, permit):
        seen.append({table: np.sort(cells).tolist() for table, cells in codes.cells.items()})
        if deaths:
            raise deaths.pop()
        return draw(codes, permit)

    monkeypatch.setattr(permission, "_drawn", watched)
    return seen, deaths


def sealed(life):
    with Store.open(life.premises.state) as store:
        return [one.period for one in store.sealed_periods()]


def rewrite(life, text):
    (life.premises.config.mapping.parent / "export.csv").write_text(text)


async def collecting(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    life.to(COLLECTING)


async def test_dying_between_snapshot_and_debit_costs_nothing_and_counts_the_same(life, drawn):
    seen, deaths = drawn
    deaths.append(Killed())
    await collecting(life)
    with pytest.raises(Killed):
        await life.again()
    assert sealed(life) == ["2025"]
    assert life.kinds() == ["approved"]
    assert life.record().state is State.PRESENT
    assert not life.coordinator.contributions
    rewrite(life, "nr;datum;geboren;geslacht;aanleiding\n")
    await life.again()
    assert life.kinds() == ["approved", "hold", "spent"]
    assert len(life.coordinator.contributions) == 1
    assert seen[0] == seen[1]
    assert len(seen[0]["reason"]) == 3  # the whole export as it was, not the empty one


async def test_a_second_attempt_counts_the_same_persons_though_the_export_is_gone(life, drawn):
    seen, _ = drawn
    await collecting(life)
    await life.again()
    life.to(ABANDONED)
    await life.again()
    (life.premises.config.mapping.parent / "export.csv").unlink()
    life.open(attempt=2, number=2)
    await life.again()
    life.to(COLLECTING)
    await life.again()
    assert life.kinds() == ["approved", "hold", "spent", "hold", "spent"]
    assert seen[0] == seen[1]


async def test_before_anything_is_drawn_nothing_is_sealed(life):
    life.premises.approve(life.programme_envelope)
    life.open()
    await life.again()
    assert life.record().state is State.PRESENT
    assert sealed(life) == []


SMALL = """
[[tables]]
id = "facility"
population = "clients"
dimensions = ["facility"]
rho_share = "1/8"
title = { nl = "Naar plek", en = "By place" }
question = { nl = "Waar?", en = "Where?" }
[[dimensions]]
id = "facility"
field = "facility"
unknown = "OTH"
fixed_by = "facilities"
title = { nl = "Plek", en = "Place" }
codes = [
  { code = "COSM", nl = "COSM", en = "COSM", members = ["COSM"], by_consent = true },
  { code = "OTH", nl = "Ander", en = "Other" },
]
"""


def with_small_level(life):
    """A secure sum with a level by consent, and a roster on which this institution can fill it."""
    text = life.kit.programme_text(mode="secure-sum").decode().replace('"1/2"\ntitle', '"1/4"\ntitle')
    life.ask((text + SMALL).encode())
    held = parse(life.roster.payload)
    mine, *others = held.institutions
    listed = (mine.model_copy(update={"facilities": ("COSM",)}), *others)
    written = held.model_copy(update={"version": 2, "institutions": listed})
    life.roster = life.kit.signed(PAYLOAD_TYPE, to_bytes(written))
    life.coordinator.publish(DocumentKind.ROSTER, life.roster)


async def test_an_approval_from_before_the_roster_refuses_later_and_status_says_what_to_type(life):
    with_small_level(life)
    life.premises.approve(life.programme_envelope, individual=False)  # which level it can fill is not known
    life.open()
    await life.again()
    assert life.record().reason == Reason.SMALL_LEVEL
    assert life.entries()[-1].reason == Reason.SMALL_LEVEL
    assert not life.coordinator.presences
    shown = "\n".join(overview.status_lines(overview.status(life.premises.config), Words("en")))
    assert f"samentel-node approve {life.programme.digest[:12]} --small-level facility:COSM" in shown
    life.premises.approve(life.programme_envelope, individual=False, small_levels=("facility:COSM",))
    await life.again()
    assert life.record().state is State.PRESENT
    shown = "\n".join(overview.status_lines(overview.status(life.premises.config), Words("nl")))
    assert "Ingestemd met kleine niveaus: facility:COSM" in shown
    assert "--small-level" not in shown
    with Store.open(life.premises.state) as store:
        lines = list(overview.ledger_lines(life.premises.config, store.entries(), Words("en")))
    assert "Agreed to small levels: facility:COSM" in "\n".join(lines)
