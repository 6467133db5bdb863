"""What the daemon says on standard error: one JSON object a line.

Only the keys listed here are written, only as short words and numbers of
peers: a log must be safe to mail to a help desk.
"""

import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

ALLOWED = frozenset(
    {"event", "level", "timestamp", "round", "phase", "node", "role", "method", "code", "reason", "path",
     "peers", "release", "listen", "error"}
)  # fmt: skip
LONGEST = 300


def _allow(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {
        key: value[:LONGEST] if isinstance(value, str) else value
        for key, value in entry.items()
        if key in ALLOWED
        and ((isinstance(value, str) and value) or (key == "peers" and isinstance(value, int)))
    }


def note(event: str, **fields: str | int) -> None:
    """Something that belongs to the day's work."""
    _logger().info(event, **fields)


def warn(event: str, **fields: str | int) -> None:
    """Something that a person should look at."""
    _logger().warning(event, **fields)


def _logger() -> structlog.BoundLogger:
    # Made anew for every line, so that it follows a standard error that is replaced.
    logger: structlog.BoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allow,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.BoundLogger,
    )
    return logger
