import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

from samentel.documents.keys import SigningKey
from samentel.documents.programme import Programme, parse

settings.register_profile("samentel", deadline=None)  # a busy machine is not a defect
settings.load_profile("samentel")

TEXT = {"nl": "tekst", "en": "text"}


def _code(code: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "nl": f"{code} nl", "en": f"{code} en", **more}


WRITTEN: dict[str, Any] = {
    "id": "reasons",
    "version": 3,
    "title": TEXT,
    "purpose": TEXT,
    "contact": "someone@example.org",
    "mode": "individual",
    "period": "year",
    "rho": "1/2",
    "delta": "1/1000000",
    "max_attempts": 2,
    "tick_seconds": 2,
    "roster": {"institutions_min": 3, "collude_max": 0, "absent_max": 1},
    "populations": [
        {"id": "persons", "title": TEXT, "definition": TEXT, "counting": "inflow", "rows_per_person": 1},
        {
            "id": "episodes",
            "title": TEXT,
            "definition": TEXT,
            "counting": "stock",
            "rows_per_person": 2,
            "records": "placements",
            "reference_day": "12-31",
        },
    ],
    "dimensions": [
        {
            "id": "sex",
            "field": "sex",
            "title": TEXT,
            "unknown": "U",
            "codes": [_code("M"), _code("F"), _code("U")],
        },
        {
            "id": "age",
            "field": "birth_year",
            "title": TEXT,
            "unknown": "U",
            "codes": [_code("A0", bounds=[0, 17]), _code("A18", bounds=[18, 150]), _code("U")],
        },
        {
            "id": "reason",
            "field": "reason",
            "title": TEXT,
            "unknown": "U",
            "codes": [_code("R1"), _code("R2"), _code("R3"), _code("R4"), _code("U")],
        },
    ],
    "tables": [
        {
            "id": "sex-age",
            "title": TEXT,
            "question": TEXT,
            "population": "persons",
            "dimensions": ["sex", "age"],
            "rho_share": "1/2",
        },
        {
            "id": "reason",
            "title": TEXT,
            "question": TEXT,
            "population": "persons",
            "dimensions": ["reason"],
            "rho_share": "1/4",
        },
        {
            "id": "reason-sex",
            "title": TEXT,
            "question": TEXT,
            "population": "episodes",
            "dimensions": ["reason", "sex"],
            "rho_share": "1/4",
        },
    ],
}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False)


@pytest.fixture
def written() -> dict[str, Any]:
    """A programme as its author has it in mind: change a part, then write it with ``toml``."""
    return json.loads(json.dumps(WRITTEN))  # nothing in it is shared


@pytest.fixture(scope="session")
def shared() -> dict[str, Any]:
    """The same for properties that set what they change in every example."""
    copy: dict[str, Any] = json.loads(json.dumps(WRITTEN))
    return copy


@pytest.fixture(scope="session")
def toml() -> Callable[[dict[str, Any]], bytes]:
    """Write top-level keys one a line; everything below stands inline."""
    return lambda value: "".join(f"{key} = {_toml(part)}\n" for key, part in value.items()).encode()


@pytest.fixture
def programme(written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]) -> Programme:
    return parse(toml(written))


@pytest.fixture(scope="session")
def keys() -> tuple[SigningKey, ...]:
    """Twenty keys that are the same in every run."""
    return tuple(SigningKey(bytes([number]) * 32) for number in range(1, 21))
