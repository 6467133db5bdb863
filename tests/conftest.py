import os
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def need() -> Callable[[str, bool], None]:
    """Skip when something outside the Python environment is absent, or fail where it is promised.

    ``SAMENTEL_REQUIRE`` holds a comma-separated list of what must be present, such as
    ``protoc,postgres``: a build that installs a tool must not pass by skipping its tests.
    """
    promised = {name.strip() for name in os.environ.get("SAMENTEL_REQUIRE", "").split(",")}

    def check(name: str, present: bool) -> None:
        if not present and name in promised:
            pytest.fail(f"SAMENTEL_REQUIRE promises {name}, and it is not here")
        if not present:
            pytest.skip(f"needs {name}")

    return check
