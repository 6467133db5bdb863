from collections.abc import Callable
from typing import Any

import pytest

from samentel.documents.programme import Programme, parse
from tests.samentel.figures.nation import written


@pytest.fixture
def draft() -> dict[str, Any]:
    """To be changed, then written with ``toml`` and parsed."""
    return written()


@pytest.fixture(scope="session")
def nation(toml: Callable[[dict[str, Any]], bytes]) -> Programme:
    return parse(toml(written()))
