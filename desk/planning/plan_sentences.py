"""What a plan says in whole sentences, for the terminal and for the page, in ``nl`` or ``en``."""

from collections.abc import Iterator

from desk.languages import named
from desk.numerals import counted, number, percent, significant, upward
from desk.planning.accuracy import Miss, Missed, Optimality
from desk.planning.caps import CENTRAL_CAP, LOCAL_CAP
from desk.planning.officer import FALSE_ALARMS
from desk.planning.plan import Plan, PopulationPlan
from desk.planning.plan_sum import SumPlan
from desk.planning.plan_words import WORDS
from desk.planning.targets import Targets
from samentel.counting.shares import TAU_MOST

NO_TAU = 1e-30  # that unlikely, no attempt anywhere will ever show a difference


def title(made: Plan, language: str) -> str:
    """Which programme, and with how many institutions."""
    words = WORDS[language]
    in_sum = counted(made.institutions - made.absent, words["institutions"])
    return words["title"].format(made=made, in_sum=in_sum)


def warnings(made: Plan, language: str) -> Iterator[str]:
    """What to know before anything else: what was asked instead of the programme, what does not fit."""
    words = WORDS[language]
    if made.collude_asked is not None:
        yield words["asked"].format(collude=made.collude_asked)
    if made.attempts_fit < made.max_attempts:
        yield words["central_short"].format(
            made=made, cap=CENTRAL_CAP, attempts=counted(made.max_attempts, words["attempts"])
        )
    if made.secure_sum and made.secure_sum.attempts_fit < made.max_attempts:
        yield words["cap_short"].format(
            together=made.secure_sum, cap=LOCAL_CAP, attempts=counted(made.max_attempts, words["attempts"])
        )


def missed(made: Plan, language: str) -> list[str]:
    """What tables do not reach, one sentence each, or that all reach it; and which wait for three years."""
    words = WORDS[language]
    pooled = ", ".join(table.table for table in made.tables if table.years > 1)
    return [
        *([_miss(miss, language) for miss in made.misses] or [words["no_misses"]]),
        *([words["pooled"].format(tables=pooled)] if pooled else []),
    ]


def _miss(miss: Miss, language: str) -> str:
    words = WORDS[language]["miss_target" if miss.missed is Missed.TARGET else "miss_readable"]
    sought, reached = number(miss.sought, language, 2), number(miss.reached, language, 2)
    return words.format(table=miss.table, sought=sought, reached=reached)


def population(found: PopulationPlan, language: str) -> str:
    """The title of a population, the rows of one person in it, and how many there are."""
    words = WORDS[language]
    about = (
        "" if found.reference is None else words["about"].format(reference=number(found.reference, language))
    )
    return f"{named(found, 'title', language)} ({words['rows'].format(k=found.rows_per_person)}{about})"


def privacy(made: Plan, language: str) -> list[str]:
    """What the programme costs and on what that rests."""
    words = WORDS[language]
    attempts = counted(made.max_attempts, words["attempts"])
    sentences = [
        words["loss"].format(rho=made.ledger_attempt),
        words["epsilon"].format(epsilon=upward(made.epsilon, language, 2), delta=made.delta),
        str(getattr(made.told, language)),
        words["ledger"].format(made=made, attempts=attempts),
        words["central"].format(cap=CENTRAL_CAP, attempts=counted(made.attempts_fit, words["attempts"])),
    ]
    if made.secure_sum:
        sentences += _together(made, made.secure_sum, language)
    return [*sentences, words["only"]]


def _together(made: Plan, together: SumPlan, language: str) -> list[str]:
    words = WORDS[language]
    colluding = counted(together.collude_max, words["institutions"])
    return [
        words["ledger_local"].format(made=made, together=together),
        words["cap"].format(cap=LOCAL_CAP, attempts=counted(together.attempts_fit, words["attempts"])),
        words["assumed"].format(colluding=colluding, together=together),
        words["stay"].format(made=made, together=together),
        words["tau"].format(tau=tau(together.tau, language), most=significant(float(TAU_MOST), language, 1)),
        words["individual"].format(ratio=number(together.individual_ratio, language, 1)),
    ]


def tau(distance: float, language: str) -> str:
    """How far sums of noise shares are from one draw; below 1e-30 nobody asks how much."""
    return significant(distance, language, 1) if distance >= NO_TAU else f"< {NO_TAU:g}"


def optimal(found: Optimality, language: str) -> str:
    """How far shares are from the least error that is possible."""
    ratio, better = number(found.ratio, language, 3), percent(found.better, language, 2)
    return WORDS[language]["optimal"].format(ratio=ratio, better=better)


def reached(found: Targets, language: str) -> list[str]:
    """Which rho reaches what was asked for."""
    words = WORDS[language]
    lines = [
        words["rho_own"].format(rho=found.rho_own, about=significant(float(found.rho_own), language, 4)),
        words["rho_best"].format(
            rho=found.rho_best,
            about=significant(float(found.rho_best), language, 4),
            least=significant(found.least, language, 4),
        ),
    ]
    if found.rho_best > found.cap:
        lines.append(words["target_cap"].format(cap=found.cap))
    if found.idle:
        lines.append(words["idle"].format(tables=", ".join(found.idle)))
    return lines


def alarms(language: str) -> str:
    """The rate of false alarms that powers are said at."""
    return percent(FALSE_ALARMS, language, 0)
