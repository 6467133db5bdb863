"""What the tests of the explorer share."""

from functools import cache

import pytest

from samentel.documents.keys import VerifyKey


@pytest.fixture(autouse=True, scope="module")
def _signatures_are_verified_once():
    """The same signature is shown at hundreds of stands; whether it holds is remembered, not assumed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(VerifyKey, "verifies", cache(VerifyKey.verifies))
        yield
