from collections.abc import Callable
from typing import Any

import pytest

from samentel.documents import roster
from samentel.documents.envelope import seal
from samentel.documents.keys import SigningKey
from samentel.documents.model import to_bytes
from samentel.documents.roster import Institution, Roster
from samentel.errors import DocumentError, PeerError, Reason, Refusal
from samentel.ids import digest

COORDINATOR = SigningKey(b"c" * 32)


def institution(number: int, **changes: Any) -> Institution:
    values = {
        "node": f"node-{number}",
        "name": f"House {number}",
        "operator": f"House {number}",
        "type": "COSM",
        "province": "NL31",
        "protocol_key": SigningKey(bytes([number]) * 32).public.raw.hex(),
    }
    return Institution(**{**values, **changes})


def made(*institutions: Institution, version: int = 1, coordinator: SigningKey = COORDINATOR) -> Roster:
    return Roster(
        version=version,
        issued_at="2026-01-01T00:00:00+00:00",  # type: ignore[arg-type]
        coordinator_key=coordinator.public.raw.hex(),
        institutions=institutions,
    )


def read(value: Roster) -> Roster:
    return roster.parse(to_bytes(value))


def test_a_roster_reads_back_and_is_named_by_its_exact_bytes() -> None:
    data = to_bytes(made(institution(1), institution(2)))
    held = roster.parse(data)
    assert held.digest == digest(data)
    assert roster.parse(data + b" ").digest != held.digest
    assert [entry.node for entry in held.institutions] == ["node-1", "node-2"]


def test_an_institution_is_found_by_its_node_or_not_at_all() -> None:
    held = read(made(institution(1), institution(2)))
    found = held.institution("node-2")
    assert found is not None
    assert found.verify_key == SigningKey(bytes([2]) * 32).public
    assert held.institution("node-3") is None
    assert held.institution("NODE-2") is None


@pytest.mark.parametrize(
    ("institutions", "said"),
    [
        ((institution(1), institution(2, node="node-1")), "node-1, node-1 have the same node"),
        (
            (institution(1), institution(2, protocol_key=institution(1).protocol_key)),
            "node-1, node-2 have the same protocol_key",
        ),
        (
            (institution(1), institution(2, protocol_key=COORDINATOR.public.raw.hex())),
            "node-2 has the coordinator's key",
        ),
    ],
)
def test_nobody_can_stand_on_it_twice_or_speak_for_another(institutions: Any, said: str) -> None:
    one = institutions[0].model_dump(mode="json")
    two = institutions[1].model_dump(mode="json")
    good = to_bytes(made(institution(1))).decode()
    import json

    data = json.dumps({**json.loads(good), "institutions": [one, two]}).encode()
    with pytest.raises(DocumentError, match=said):
        roster.parse(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace('"node-1"', '"Node-1"'),
        lambda text: text.replace('"version":1', '"version":0'),
        lambda text: text.replace('"House 1"', '"House\\u001b[2J"'),
        lambda text: text.replace('"protocol_key":"', '"protocol_key":"A'),
        lambda text: text.replace('"type"', '"typ"'),
        lambda text: text[:-1],
        lambda text: text[: text.index('"institutions"')] + '"institutions":[],"version":1}',
    ],
)
def test_a_damaged_roster_is_refused(damage: Callable[[str], str]) -> None:
    with pytest.raises(DocumentError):
        roster.parse(damage(to_bytes(made(institution(1))).decode()).encode())


def test_a_roster_counts_only_once_the_authority_has_signed_it(keys: tuple[SigningKey, ...]) -> None:
    data = to_bytes(made(institution(1)))
    public = [key.public for key in keys[:2]]
    assert roster.verify(seal(roster.PAYLOAD_TYPE, data, *keys[:2]), public, 2).digest == digest(data)
    for envelope in (
        seal(roster.PAYLOAD_TYPE, data, keys[0]),
        seal(roster.PAYLOAD_TYPE, data, keys[0], COORDINATOR),
        seal("application/vnd.samentel.programme.v1+toml", data, *keys[:2]),
    ):
        with pytest.raises(PeerError):
            roster.verify(envelope, public, 2)


def test_a_roster_is_never_replaced_by_an_older_or_another_of_the_same_number() -> None:
    held = read(made(institution(1), version=5))
    roster.check_successor(held, held)
    roster.check_successor(held, read(made(institution(2), version=6)))
    for offered in (read(made(institution(1), version=4)), read(made(institution(2), version=5))):
        with pytest.raises(Refusal) as caught:
            roster.check_successor(held, offered)
        assert caught.value.reason is Reason.ROSTER_MISMATCH


def test_every_change_is_shown() -> None:
    held = read(made(institution(1), institution(2), institution(3)))
    other = SigningKey(b"d" * 32)
    offered = read(made(institution(1, operator="IT"), institution(3), institution(4), coordinator=other))
    assert roster.changes(held, held) == []
    assert roster.changes(held, offered) == [
        "+ House 4 (node-4)",
        "- House 2 (node-2)",
        "~ House 1 (node-1): operator",
        "~ coordinator_key",
    ]
    assert roster.changes(None, held) == [f"+ House {number} (node-{number})" for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "X"), ("operator", "X"), ("type", "X"), ("province", "X"), ("protocol_key", "ab" * 32)],
)
def test_a_change_of_any_field_is_shown(field: str, value: str) -> None:
    after = read(made(institution(1, **{field: value}), version=2))
    assert [line.rpartition(": ")[2] for line in roster.changes(read(made(institution(1))), after)] == [field]
