"""Taking part in nothing: by a person's wish, or because this ledger is an old copy of itself. Durable."""

from collections.abc import Sequence
from datetime import UTC, datetime

from node.store import Reader, Store
from samentel.counting.ledger import Head
from samentel.errors import Reason

# Names of settings. What the machine found and what a person writes stand apart: no text passes for a code.
PAUSED, BECAUSE = "paused", "paused-because"
FOREIGN_HEAD, ACCEPTED_HEAD = "foreign-head", "accepted-head"
SHOWN_BY = "foreign-head-shown-by"  # names, with ", " between them
MOST_NAMED = 5  # the first to show one; the log has all
LONGEST_REASON = 150


def halted(store: Reader) -> Reason | None:
    """Why the node takes part in nothing, or None."""
    setting = store.setting(PAUSED)
    if not setting:
        return None
    return Reason.ROLLBACK_DETECTED if setting == Reason.ROLLBACK_DETECTED else Reason.PAUSED


def told(store: Reader) -> str:
    """The same for people, with who gave an old copy away and what a person wrote; or empty."""
    reason = halted(store)
    if reason is None:
        return ""
    shown_by = store.setting(SHOWN_BY) if reason is Reason.ROLLBACK_DETECTED else ""
    more = [f"shown by {shown_by}" if shown_by else "", store.setting(BECAUSE)]
    return str(reason) + "".join(f" ({words})" for words in more if words)


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
    store.write(datetime.now(UTC), settings={PAUSED: "", BECAUSE: "", SHOWN_BY: "", ACCEPTED_HEAD: accepted})


def showers(store: Reader, more: Sequence[str]) -> str:
    """Who has shown a head that is not ours since the last ``resume``, and ``more``; as a setting."""
    known = [name for name in store.setting(SHOWN_BY).split(", ") if name]
    return ", ".join(list(dict.fromkeys([*known, *more]))[:MOST_NAMED])


def named(seen: Head) -> str:
    """A head as a setting holds it."""
    return f"{seen.length}:{seen.digest}"
