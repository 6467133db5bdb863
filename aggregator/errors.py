"""What the national side says no with, beyond the tree of ``samentel.errors``.

Each class has one gRPC status, in the table of ``aggregator/link.py``.
"""

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
