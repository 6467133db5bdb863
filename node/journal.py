"""The node's log: JSON lines on stderr, safe to mail to a helpdesk; the only owner of structlog.

Keys that are not on the list are dropped, bytes are refused, and no exception
text is ever written: other libraries' texts may quote what they were given.
"""

import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog

KEYS = frozenset(
    {
        "event", "at", "level", "round", "programme", "period", "attempt", "phase", "state", "reason", "node",
        "version", "document", "kind", "roster", "change", "seconds", "until", "fault", "library", "place",
        "seen_by",
    }
)  # fmt: skip
_TEXT = 500  # characters; longer values are cut, so that no document ends up in a log


class Journal:
    """Where the daemon writes what it does."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._log: Any = structlog.wrap_logger(
            structlog.PrintLogger(stream or sys.stderr),
            processors=[_allow, structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False)],
        )

    def info(self, event: str, **values: object) -> None:
        """Something ordinary happened."""
        self._log.info(event, level="info", **values)

    def warning(self, event: str, **values: object) -> None:
        """Something happened that a person may want to look at."""
        self._log.warning(event, level="warning", **values)

    def adopt_libraries(self) -> None:
        """Have other libraries' log records name their library only; their texts are withheld."""
        logging.basicConfig(handlers=[_Withheld(self)], level=logging.ERROR, force=True)


class _Withheld(logging.Handler):
    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        self._journal.warning("library", library=record.name, place=f"{record.module}:{record.lineno}")


def _allow(_logger: object, _name: str, values: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    kept: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="milliseconds")}
    for key, value in values.items():
        if isinstance(value, bytes | bytearray | memoryview):
            raise TypeError(f"bytes were offered to the log under {key}")
        if key in KEYS:
            kept[key] = str(value)[:_TEXT]
    return kept
