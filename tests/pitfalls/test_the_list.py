"""Every pitfall has a test of its own, by its number and name; where the subject is wide it has several."""

import ast
import re
from pathlib import Path

PITFALLS = (
    "weak mask generator",
    "both secrets of a node revealed",
    "no authentication of keys",
    "server chooses",
    "dropout before upload breaks the round",
    "inconsistent survivor sets",
    "two sets signed in one round",
    "replay",
    "upload replaced on retry",
    "snapshot rollback",
    "differencing",
    "retry averaging",
    "n small and a sum of one",
    "sybil enrolment",
    "modulus wrap",
    "non uniform masks",
    "key reuse",
    "stream cipher used as a function of the round",
    "validation value known to the aggregator",
    "works for",
    "floats",
    "pseudo dropout",
    "shares kept for ever",
    "four mebibytes by default",
    "inconsistent dealing",
)


def test_every_pitfall_has_its_test():
    names = [
        part.name
        for path in Path(__file__).parent.glob("test_*.py")
        for part in ast.parse(path.read_text("utf-8")).body
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    for number, pitfall in enumerate(PITFALLS, 1):
        begins = f"test_{number:02d}_{pitfall.replace(' ', '_')}"
        assert [name for name in names if name.startswith(begins)], begins
    numbers = {int(found[1]) for name in names if (found := re.match(r"test_(\d\d)_", name))}
    assert numbers == set(range(1, len(PITFALLS) + 1))
