"""What the national side says no with, beyond the tree of ``samentel.errors``.

Each class has one gRPC status, in the table of ``aggregator/link.py``.
"""

from pathlib import Path

from samentel.errors import PeerError, SamentelError


class NotFound(PeerError):
    """There is nothing of that name here."""


class Contradiction(PeerError):
    """The same caller said something else under the same name before."""


class NotAllowed(PeerError):
    """This certificate may not ask that, in this round or in any other."""


class NotKnown(PeerError):
    """The certificate is not, or no longer, one that is known here."""


class Overtaken(SamentelError):
    """Somebody else appended to the event log first: look again, then decide again."""


def fault_of(error: Exception) -> str:
    """What a log may say of an error: our own text, or class and line alone: other texts may quote a peer."""
    if isinstance(error, SamentelError):
        return str(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace is not None else "?"
    return f"{type(error).__name__} at {place}"
