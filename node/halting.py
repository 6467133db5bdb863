"""Taking part in nothing: by a person's wish, or because this ledger is an old copy of itself. Durable."""

from datetime import UTC, datetime

from node.store import Reader, Store
from samentel.counting.ledger import Head
from samentel.errors import Reason

PAUSED, FOREIGN_HEAD, ACCEPTED_HEAD = "paused", "foreign-head", "accepted-head"  # names of settings


def halted(store: Reader) -> Reason | None:
    """Why the node takes part in nothing, or None."""
    setting = store.setting(PAUSED)
    if not setting:
        return None
    return Reason.ROLLBACK_DETECTED if setting == Reason.ROLLBACK_DETECTED else Reason.PAUSED


def pause(store: Store, reason: str) -> None:
    """Take part in nothing until a person ends it; survives a restart."""
    if halted(store) is not Reason.ROLLBACK_DETECTED:  # the graver reason stays
        store.write(datetime.now(UTC), settings={PAUSED: reason or Reason.PAUSED})


def resume(store: Store) -> None:
    """Take part again. After a rollback the person accepts the head that gave it away."""
    store.write(datetime.now(UTC), settings={PAUSED: "", ACCEPTED_HEAD: store.setting(FOREIGN_HEAD)})


def named(seen: Head) -> str:
    """A head as a setting holds it."""
    return f"{seen.length}:{seen.digest}"
