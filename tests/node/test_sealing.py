"""A sealed state opens with its own key, round and version only."""

import pytest

from node import sealing
from samentel.documents.keys import SigningKey
from samentel.errors import LocalFault

KEY, OTHER = SigningKey(b"\1" * 32), SigningKey(b"\2" * 32)
ROUND, ANOTHER = "a" * 64, "b" * 64


def test_what_is_sealed_opens_again():
    for state in (b"", b"x", bytes(100_000)):
        assert sealing.unseal(KEY, ROUND, 3, sealing.seal(KEY, ROUND, 3, state)) == state


def test_the_same_state_never_looks_the_same():
    assert len({sealing.seal(KEY, ROUND, 1, b"state") for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("key", "round_id", "version"),
    [
        pytest.param(OTHER, ROUND, 3, id="key"),
        pytest.param(KEY, ANOTHER, 3, id="round"),
        pytest.param(KEY, ROUND, 2, id="version"),
    ],
)
@pytest.mark.clause("STORE-2")
def test_a_state_does_not_open_in_another_s_place(key, round_id, version):
    sealed = sealing.seal(KEY, ROUND, 3, b"state")
    with pytest.raises(LocalFault, match="one backup"):
        sealing.unseal(key, round_id, version, sealed)


def test_a_changed_byte_or_a_missing_one_is_noticed():
    sealed = sealing.seal(KEY, ROUND, 3, b"state")
    changed = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    for wrong in (*changed, *(sealed[:length] for length in range(len(sealed)))):
        with pytest.raises(LocalFault):
            sealing.unseal(KEY, ROUND, 3, wrong)
