"""Taking part in nothing: by a person's wish, or because this ledger is an old copy of itself. Durable."""

from datetime import UTC, datetime

from node.store import Reader, Store
from samentel.counting.ledger import Head
from samentel.errors import Reason

# Names of settings. What the machine found and what a person writes stand apart: no text passes for a code.
PAUSED, BECAUSE = "paused", "paused-because"
FOREIGN_HEAD, ACCEPTED_HEAD = "foreign-head", "accepted-head"
LONGEST_REASON = 150


def halted(store: Reader) -> Reason | None:
    """Why the node takes part in nothing, or None."""
    setting = store.setting(PAUSED)
    if not setting:
        return None
    return Reason.ROLLBACK_DETECTED if setting == Reason.ROLLBACK_DETECTED else Reason.PAUSED


def told(store: Reader) -> str:
    """The same for people, with what a person gave as reason; empty when the node takes part."""
    reason, because = halted(store), store.setting(BECAUSE)
    return f"{reason} ({because})" if reason and because else str(reason or "")


def pause(store: Store, reason: str) -> None:
    """Take part in nothing until a person ends it; survives a restart.

    Args:
        reason: a person's own words; kept for the record, and never taken for a code.
    """
    settings = {BECAUSE: reason[:LONGEST_REASON]}
    if halted(store) is not Reason.ROLLBACK_DETECTED:  # the graver reason stays
        settings[PAUSED] = str(Reason.PAUSED)
    store.write(datetime.now(UTC), settings=settings)


def resume(store: Store) -> None:
    """Take part again. After a rollback the person accepts the head that gave it away."""
    accepted = store.setting(FOREIGN_HEAD)
    store.write(datetime.now(UTC), settings={PAUSED: "", BECAUSE: "", ACCEPTED_HEAD: accepted})


def named(seen: Head) -> str:
    """A head as a setting holds it."""
    return f"{seen.length}:{seen.digest}"
