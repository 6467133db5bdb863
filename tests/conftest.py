import io
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from types import MappingProxyType
from typing import Any

import pytest

TOGETHER = "tests/flows/"  # one server of Prefect and one federation for all files below it
# Few tests that take long: two workers that begin with them end at the same time.
LONG_MARKS = ("prefect", "statistics")
LONG_FOLDERS = (TOGETHER, "tests/simulation/", "tests/explorer/")


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


@pytest.fixture(scope="session")
def called() -> Callable[..., CompletedProcess[str]]:
    """A command's entry function in this process: what ``subprocess.run`` shows, at a tenth of its time.

    A traceback reaches the test as the exception itself. What only a process of its
    own can show (what is loaded, a reader who leaves, a signal) is asked of one.
    """
    return in_this_process


def in_this_process(
    entry: Callable[[], object],
    program: str,
    *words: object,
    stdin: str = "",
    cwd: str | os.PathLike[str] = ".",
    env: Mapping[str, str] = MappingProxyType({}),
) -> CompletedProcess[str]:
    """Call an entry function as its program would.

    Args:
        entry: such as ``desk.cli.main``; it reads ``sys.argv``.
        program: the name under which it is called, and then its words.
        env: what it finds in the environment beside what is there.
    """
    streams = {name: io.TextIOWrapper(io.BytesIO(), "utf-8") for name in ("stdout", "stderr")}
    code: object = 0
    known = set(os.environ)
    with ExitStack() as ends:
        ends.callback(lambda: [os.environ.pop(name) for name in set(os.environ) - known])
        patch = ends.enter_context(pytest.MonkeyPatch.context())
        for name, value in env.items():
            patch.setenv(name, value)
        patch.delenv("PYTEST_VERSION", raising=False)  # cyclopts warns where it finds itself in a test
        patch.setattr(sys, "argv", [program, *map(str, words)])
        patch.setattr(sys, "stdin", io.StringIO(stdin))
        ends.enter_context(chdir(cwd))
        ends.enter_context(redirect_stdout(streams["stdout"]))
        ends.enter_context(redirect_stderr(streams["stderr"]))
        try:
            entry()
        except SystemExit as end:
            code = end.code or 0
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    said = {name: text(stream) for name, stream in streams.items()}
    return CompletedProcess([program, *map(str, words)], int(str(code)), **said)


def text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of long tests first; the order within a file stays."""
    long = {
        item.path
        for item in items
        if item.nodeid.startswith(LONG_FOLDERS) or any(map(item.get_closest_marker, LONG_MARKS))
    }
    items.sort(key=lambda item: item.path not in long)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Whole files to a worker, in the order of collection, and the files of one server to the same."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return TOGETHER if nodeid.startswith(TOGETHER) else nodeid.partition("::")[0]

    config.option.loadscopereorder = False  # it would put files of few tests last, however long they are
    return Scheduling(config, log) if config.option.dist == "loadfile" else None
