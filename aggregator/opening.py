"""Whether a round may be opened, and with what.

A round that could not end well is refused here, before institutions are asked
for anything; the text says what to change.
"""

import os
from dataclasses import replace
from datetime import timedelta

from aggregator.book import Entry, State
from aggregator.conductor import Round, Rounds
from aggregator.config import Config
from aggregator.events import RoundOpened
from aggregator.office import Office
from aggregator.sums import start_of
from samentel.counting.shares import share_plan
from samentel.documents import statements
from samentel.documents.envelope import to_json
from samentel.documents.levels import least_at_level, too_small, unnamed
from samentel.documents.programme import Mode, Programme
from samentel.documents.roster import Roster
from samentel.errors import DocumentError, PeerError, Reason, Refusal
from samentel.ids import Period, digest
from samentel.secagg.convening import terms_of
from samentel.secagg.terms import Floors, Terms, check_announced, check_listed
from samentel.wire.messages import RoundPhase


def attempt_wanted(rounds: Rounds, programme: str, period: Period, asked: int, most: int) -> Round | int:
    """The round that a request to open one means, or the number of the attempt to open.

    Args:
        asked: an attempt by its number, or 0 for the one that is open, published, or the first.
        most: the programme's max_attempts.

    Raises:
        Refusal: this attempt may not be opened.
    """
    tried = {
        round_.opened.attempt: round_
        for round_ in rounds.values()
        if (round_.opened.programme, round_.opened.period) == (programme, period)
    }
    last = max(tried, default=0)
    if asked in tried:
        return tried[asked]
    if last and tried[last].phase is not RoundPhase.ABANDONED:
        if asked == 0:
            return tried[last]
        raise Refusal(
            Reason.ATTEMPT_OUT_OF_ORDER,
            f"attempt {last} of {period} is not abandoned: there is no attempt {asked}",
        )
    if last >= most:
        raise Refusal(
            Reason.ATTEMPT_OUT_OF_ORDER,
            f"all {most} attempts that the programme allows for {period} are used",
        )
    if last and asked == 0:
        raise Refusal(
            Reason.ATTEMPT_OUT_OF_ORDER,
            f"attempt {last} of {period} was abandoned; another attempt costs institutions a fresh charge: "
            f"ask for attempt {last + 1} explicitly",
        )
    if asked not in (0, last + 1):
        raise Refusal(Reason.ATTEMPT_OUT_OF_ORDER, f"the next attempt of {period} is {last + 1}, not {asked}")
    return last + 1


def opening(office: Office, state: State, programme: Programme, period: Period, attempt: int) -> Entry:
    """What opens a round: its signed document and its first event.

    Raises:
        Refusal: the period, the roster or the rules of the programme do not allow it.
    """
    now = office.now()
    if not programme.admits(period):
        raise Refusal(Reason.PERIOD_KIND, f"this programme counts by {programme.period}; {period} is not one")
    if period.end > now:
        raise Refusal(Reason.PERIOD_NOT_OVER, f"{period} is not over before {period.end:%Y-%m-%d}")
    held = state.register.roster
    if held is None:
        raise Refusal(Reason.ROSTER_MISMATCH, "there is no roster in force: publish one first")
    institutions = office.roster(held.digest).institutions
    least = programme.roster.institutions_min
    if len(institutions) < least:
        raise Refusal(
            Reason.PARAMETER_BELOW_FLOOR,
            f"{len(institutions)} institutions are on the roster, {least} are needed",
        )
    check_levels(programme, office.roster(held.digest))
    config, secure = office.config, programme.mode is Mode.SECURE_SUM
    if secure:
        check_dealers(office, state.rounds, office.roster(held.digest))
    gather_until = now + config.gather
    steps = config.advertise + config.share if secure else timedelta()
    document = statements.Round(
        programme=programme.digest,
        roster=held.digest,
        period=period,
        attempt=attempt,
        nonce=os.urandom(32).hex(),
        opened_at=now,
        gather_until=gather_until,
        collect_until=gather_until + steps + config.collect,
    )
    if secure:
        least = least_present(programme, office.roster(held.digest), document, config)
    file = to_json(statements.state(document, office.key))
    body = RoundOpened(
        envelope=digest(file),
        programme=programme.digest,
        roster=held.digest,
        period=period,
        attempt=attempt,
        invited=tuple(entry.node for entry in institutions),
        institutions_min=least,
        gather_until=document.gather_until,
        collect_until=document.collect_until,
        mode=programme.mode,
    )
    return Entry(bodies=((document.round_id, body),), blobs=(file,))


def check_dealers(office: Office, rounds: Rounds, roster: Roster) -> None:
    """Refuse a roster with a protocol key that is proven to have signed a wrong dealing (REVEAL-5).

    Raises:
        Refusal: ROSTER_MISMATCH; the text says what to change, and where the proof is.
    """
    keys = {entry.protocol_key: entry.node for entry in roster.institutions}
    for round_ in (round_ for round_ in rounds.values() if round_.convicted):
        entry = office.roster(round_.opened.roster).institution(round_.convicted)
        if entry is not None and entry.protocol_key in keys:
            short = round_.round_id[:12]
            raise Refusal(
                Reason.ROSTER_MISMATCH,
                f"{keys[entry.protocol_key]} is proven to have dealt seed shares that do not fit in round "
                f"{short}, and is still on the roster with that key: revoke it, have a roster without it "
                "signed, and publish that. The proof, for the programme authority: samentel-aggregator round "
                f"evidence {short}",
            )


def check_levels(programme: Programme, roster: Roster) -> None:
    """Refuse a roster on which too few institutions can fill a level that the roster fixes.

    Raises:
        Refusal: PARAMETER_BELOW_FLOOR; the text names the levels, and what to change. ROSTER_MISMATCH for a
            type or province that the programme does not know.
    """
    strange = unnamed(programme, roster)
    if strange:
        raise Refusal(
            Reason.ROSTER_MISMATCH,
            f"the programme has no level for what the roster says of {', '.join(strange)}: correct the "
            "roster, or name the word in the programme",
        )
    small = too_small(programme, roster)
    if small:
        least = least_at_level(programme)
        facts = ", ".join(f"{level.name} has {len(level.nodes)}" for level in small)
        raise Refusal(
            Reason.PARAMETER_BELOW_FLOOR,
            f"{least} institutions of the roster must be able to fill each level that it fixes, and {facts}. "
            "Have a programme signed that takes such a level together with another (members), or that marks "
            "it by_consent, so that each of its institutions is asked to agree",
        )


def least_present(programme: Programme, roster: Roster, round_: statements.Round, config: Config) -> int:
    """With how many institutions a secure sum can begin: with that many, and with any more.

    Which ones they are matters too: each level that the roster fixes needs c + 2 of them.

    Raises:
        Refusal: PARAMETER_BELOW_FLOOR, not even with the whole roster; the text says what to change.
    """
    rostered = len(roster.institutions)
    start = start_of(round_, config, round_.gather_until)
    if start is None:
        raise Refusal(Reason.DEADLINE, "collect_hours leaves no time for the masked counts of a secure sum")
    try:
        terms = terms_of(programme, roster, round_, start)
        check_announced(terms, Floors())
        # How many are enough says nothing of who: whether levels are full is looked at when keys are listed.
        terms = replace(terms, levels=())
        least = rostered
        while least > 1 and _can_begin(terms, least - 1):
            least -= 1
        for dealers in (least, rostered):
            share_plan(programme, rostered, dealers)
    except (DocumentError, OverflowError, Refusal) as error:
        why = "; ".join(error.problems) if isinstance(error, DocumentError) else str(error)
        raise Refusal(
            Reason.PARAMETER_BELOW_FLOOR,
            f"a secure sum of this programme cannot be made with a roster of {rostered} institutions: {why}. "
            "Take in more institutions, or have a programme signed that asks for less under [roster]",
        ) from None
    return least


def _can_begin(terms: Terms, present: int) -> bool:
    try:
        check_listed(terms, range(present))
    except PeerError:
        return False
    return True
