"""Every parser and both machines against damaged inputs: refused in plain words, or read as what they are.

The promises that are checked stand with the targets (``fuzzed_parsers``, ``fuzzed_machines``).
"""

import pytest
from fuzzed_damage import damaged
from fuzzed_machines import MACHINES
from fuzzed_parsers import STATEMENTS, TARGETS, Target, wire_kinds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samentel.documents import statements
from samentel.documents.model import Model

ALL = TARGETS | MACHINES
# As many as cost about a second each; `make soak` runs millions.
EXAMPLES = {
    "bundle": 300,
    "client": 250,
    "envelope": 250,
    "evidence": 150,
    "hear": 200,
    "message": 300,
    "programme": 60,
    "roster": 300,
    "server": 200,
    "state": 300,
    "statement": 300,
    "wire": 500,
}
# Every letter in every phase: most are for another phase.
ACCEPTED = dict.fromkeys(ALL, 1.0) | {"client": 0.15}


@pytest.fixture(params=sorted(ALL), scope="session")
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def test_what_is_valid_is_accepted(name: str) -> None:
    """Otherwise everything below would show refusals only."""
    target: Target = ALL[name]
    seeds = target.seeds()
    assert sum(map(target.run, seeds)) >= ACCEPTED[name] * len(seeds) > 0


def test_damaged_inputs_are_refused_or_hold(name: str) -> None:
    target: Target = ALL[name]
    inputs = st.one_of(damaged(target.seeds()), damaged(target.seeds()), st.binary(max_size=300))

    @settings(max_examples=EXAMPLES[name], suppress_health_check=list(HealthCheck))
    @given(data=inputs)
    def examine(data: bytes) -> None:
        target.run(data)

    examine()


@pytest.mark.parametrize("byte", [0, 1, 2, 0xFF])
def test_each_byte_of_a_state_is_read_in_one_way(byte: int) -> None:
    """A truth value of 2 is one byte in hundreds: chance would seldom find it."""
    target = TARGETS["state"]
    for data in (target.seeds()[1], next(seed for seed in target.seeds() if seed[0] == 2)):
        for at in range(1, len(data)):
            target.run(data[:at] + bytes([byte]) + data[at + 1 :])


def test_every_part_has_its_target() -> None:
    assert set(EXAMPLES) == set(ALL)
    kinds = {one for one in vars(statements).values() if isinstance(one, type) and issubclass(one, Model)}
    assert {one for one in kinds if "kind" in one.model_fields} == set(STATEMENTS)
    assert len(TARGETS["wire"].seeds()) == len(wire_kinds())
