"""Writes the test vectors anew, by the reference: ``python -m tests.vectors.generate``.

The files are committed; a test compares them with a fresh generation, byte for byte.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.vectors.arrivals import ARRIVALS
from tests.vectors.letters import LETTERS
from tests.vectors.primitives import PRIMITIVES
from tests.vectors.rounds import ROUNDS

HERE = Path(__file__).parent
FILES: Mapping[str, Callable[[], dict[str, Any]]] = {**PRIMITIVES, **ROUNDS, **LETTERS, **ARRIVALS}


def texts() -> dict[str, str]:
    """Every file by its name."""
    return {f"{name}.json": json.dumps(make(), indent=1) + "\n" for name, make in FILES.items()}


def main() -> None:
    fresh = texts()
    for path in HERE.glob("*.json"):
        if path.name not in fresh:
            path.unlink()
    for name, text in fresh.items():
        (HERE / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
