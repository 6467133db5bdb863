"""The log: known keys only, no bytes, and nothing of what libraries say."""

import io
import json
import logging

import pytest

from node.journal import Journal


@pytest.fixture
def log():
    return io.StringIO()


def lines(log):
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_only_keys_on_the_list_are_written(log):
    Journal(log).info("present", round="r", count=7919, person="K1")
    assert set(lines(log)[0]) == {"at", "event", "level", "round"}
    assert "7919" not in log.getvalue()


def test_bytes_are_refused(log):
    with pytest.raises(TypeError, match="bytes"):
        Journal(log).info("present", round=b"secret")
    assert log.getvalue() == ""


def test_a_long_value_is_cut(log):
    Journal(log).info("fault", fault="x" * 10_000)
    assert len(log.getvalue()) < 1000


def test_what_a_library_says_is_withheld(log):
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        Journal(log).adopt_libraries()
        try:
            raise ValueError("Q7secret")
        except ValueError:
            logging.getLogger("grpc").exception("about %s", "Q7secret")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert lines(log)[0]["library"] == "grpc"
    assert "Q7secret" not in log.getvalue()
