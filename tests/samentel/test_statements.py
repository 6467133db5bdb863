from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samentel.documents.envelope import seal
from samentel.documents.keys import SigningKey
from samentel.documents.model import Model, from_json, to_bytes
from samentel.documents.statements import (
    Approval,
    Contribution,
    Presence,
    Receipt,
    Round,
    hear,
    payload_type,
    state,
)
from samentel.errors import DocumentError, PeerError
from samentel.ids import Digest, Period, round_id

A, B = Digest("a" * 64), Digest("b" * 64)
AT: Any = "2026-01-01T00:00:00+00:00"
STATEMENTS: dict[str, Model] = {
    "round": Round(
        programme=A, roster=B, period=Period(2025), attempt=1, nonce="0" * 64,
        opened_at=AT, gather_until=AT, collect_until=AT,
    ),
    "presence": Presence(round=A, node="n1", ledger_length=0, ledger_digest=B),
    "contribution": Contribution(
        round=A, node="n1", programme=B, cells=3, vector=A, ledger_length=2, ledger_digest=B
    ),
    "receipt": Receipt(round=A, node="n1", contribution=B),
    "approval": Approval(
        node="n1", programme=A, rho_cap=Fraction(1, 2), individual=True, approved_at=AT, expires_at=AT,
        approved_by="P. Erson",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", STATEMENTS)
def test_a_statement_is_heard_as_it_was_made(kind: str, keys: tuple[SigningKey, ...]) -> None:
    statement = STATEMENTS[kind]
    envelope = state(statement, keys[0])
    assert envelope.payload_type == payload_type(kind)
    assert hear(type(statement), envelope, keys[0].public) == statement


@pytest.mark.parametrize("kind", STATEMENTS)
def test_a_statement_is_heard_from_its_speaker_only(kind: str, keys: tuple[SigningKey, ...]) -> None:
    with pytest.raises(PeerError):
        hear(type(STATEMENTS[kind]), state(STATEMENTS[kind], keys[0]), keys[1].public)


@pytest.mark.parametrize("kind", STATEMENTS)
@pytest.mark.parametrize("other", STATEMENTS)
def test_no_kind_of_statement_passes_for_another(kind: str, other: str, keys: tuple[SigningKey, ...]) -> None:
    if kind == other:
        return
    with pytest.raises(PeerError, match="was expected"):
        hear(type(STATEMENTS[other]), state(STATEMENTS[kind], keys[0]), keys[0].public)
    # Not even when the speaker signs the other's bytes under its own type.
    disguised = seal(payload_type(other), to_bytes(STATEMENTS[kind]), keys[0])
    with pytest.raises(PeerError):
        hear(type(STATEMENTS[other]), disguised, keys[0].public)


def test_a_round_is_named_by_what_it_is() -> None:
    statement: Any = STATEMENTS["round"]
    assert statement.round_id == round_id(A, Period(2025), 1, bytes(32))
    again = statement.model_copy(update={"gather_until": statement.opened_at.replace(year=2027)})
    assert again.round_id == statement.round_id
    assert statement.model_copy(update={"attempt": 2}).round_id != statement.round_id


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("round", lambda text: text.replace('"attempt":1', '"attempt":6')),
        ("round", lambda text: text.replace('"attempt":1', '"attempt":0')),
        ("round", lambda text: text.replace('"2025"', "2025")),
        ("round", lambda text: text.replace('"2025"', '"2025Q5"')),
        ("round", lambda text: text.replace('"nonce":"0', '"nonce":"')),
        ("presence", lambda text: text.replace('"ledger_length":0', '"ledger_length":-1')),
        ("presence", lambda text: text.replace('"n1"', '"n1\\n"')),
        ("contribution", lambda text: text.replace('"cells":3', '"cells":0')),
        ("contribution", lambda text: text.replace('"ledger_length":2', '"ledger_length":0')),
        ("contribution", lambda text: text.replace(f'"ledger_digest":"{B}",', "")),
        ("approval", lambda text: text.replace('"1/2"', "0.5")),
        ("approval", lambda text: text.replace("true", "1")),
        ("approval", lambda text: text.replace("P. Erson", "P\\u0007")),
        ("receipt", lambda text: text[:-1] + ',"more":1}'),
        ("receipt", lambda text: text + "x"),
        ("receipt", lambda _: "\x00"),
    ],
)
def test_a_signed_statement_that_is_not_well_formed_is_the_peers_fault(
    kind: str, damage: Callable[[str], str], keys: tuple[SigningKey, ...]
) -> None:
    text = to_bytes(STATEMENTS[kind]).decode()
    assert damage(text) != text
    with pytest.raises(PeerError):
        hear(type(STATEMENTS[kind]), seal(payload_type(kind), damage(text).encode(), keys[0]), keys[0].public)


def test_a_statement_has_one_canonical_form() -> None:
    assert to_bytes(STATEMENTS["receipt"]) == (
        f'{{"contribution":"{B}","kind":"receipt","node":"n1","round":"{A}"}}'.encode()
    )
    assert "é".encode() in to_bytes(
        Approval(**{**dict(STATEMENTS["approval"]), "approved_by": "é"})  # type: ignore[arg-type]
    )


@given(data=st.data(), kind=st.sampled_from(sorted(STATEMENTS)))
def test_a_damaged_statement_holds_or_is_a_document_error(data: st.DataObject, kind: str) -> None:
    good = to_bytes(STATEMENTS[kind])
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 6)))
    with suppress(DocumentError):
        from_json(type(STATEMENTS[kind]), good[:start] + data.draw(st.binary(max_size=6)) + good[end:], kind)
