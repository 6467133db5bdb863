"""Inputs that once broke something, each as it was found or in its shortest form. None is taken out."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import fuzzed_seeds as seeds
import pytest
from fuzzed_machines import MACHINES
from fuzzed_parsers import TARGETS

from samentel.errors import PeerError
from samentel.secagg.encoding import decode
from samentel.secagg.evidence import BadDealing, proves

ALL = TARGETS | MACHINES

# What `make soak` prints when it finds something goes here, ready to paste.
CASES: list[object] = [
    pytest.param("programme", b".".join([b"a"] * 20_000) + b"=1", id="tomllib keeps each beginning of a key"),
    pytest.param("programme", b"[" + b".".join([b"a"] * 50_000) + b"]", id="and of a name of a table"),
    pytest.param("roster", b'{"institutions":[' + b"{}," * 300_000 + b"{}]}", id="two million mistakes"),
    pytest.param("statement", b"\x05" + b'{"small_levels":[' + b"0," * 30_000 + b"0]}", id="thirty thousand"),
]


@pytest.mark.timeout(30)
@pytest.mark.parametrize(("target", "data"), CASES)
def test_what_once_broke_something_is_refused(target: str, data: bytes) -> None:
    assert not ALL[target].run(data)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda it: replace(it, which=256), id="which of the two shares"),
        pytest.param(
            lambda it: replace(it, shares=(replace(it.shares[0], receiver=2**32), *it.shares[1:])),
            id="a receiver that no roster has",
        ),
    ],
)
def test_evidence_with_numbers_out_of_bounds_is_not_evidence(
    changed: Callable[[BadDealing], BadDealing],
) -> None:
    shown = decode(BadDealing, TARGETS["evidence"].seeds()[0])
    with pytest.raises(PeerError):
        proves(seeds.federation("never").terms, changed(shown))


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]) << 20,) * 2)
from samentel.documents import roster
from samentel.errors import SamentelError
from samentel.wire import codec, messages
cases = {
    "parts": lambda: codec.decode(messages.ListRoundsResponse, b"\\x0a\\x00" * (4 << 20)),
    "unknown": lambda: codec.decode(messages.PollRequest, b"\\x98\\x06\\x01" * 2_700_000),
    "mistakes": lambda: roster.parse(b'{"institutions":[' + b"{}," * 300_000 + b"{}]}"),
}
try:
    cases[sys.argv[2]]()
except SamentelError as error:
    print(error)
"""


SAID = {"parts": "rounds: must have", "unknown": "not in the contract", "mistakes": "parts"}


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on a process's memory is Linux's")
@pytest.mark.parametrize(("case", "said"), list(SAID.items()))
def test_a_message_of_nothing_does_not_fill_the_memory(case: str, said: str) -> None:
    """4 million empty parts took 1 GB, 2.7 million unknown fields 18 seconds, 1.8 million mistakes 2 GB.

    Protobuf and pydantic hold that outside Python's own memory, so the whole process has a limit.
    """
    command = [sys.executable, "-c", LIMITED, "700", case]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert said in run.stdout
