"""A programme's plan as people read it, in Dutch or in English. The figures come from ``desk/plan.py``."""

from collections.abc import Iterator, Mapping
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text as Line

from desk.accuracy import Publication, TablePlan
from desk.answers import Answer, Asked
from desk.numerals import counted, number, percent, significant
from desk.plan import FALSE_ALARMS, LOCAL_CAP, TIMES, Exposure, Plan, PopulationPlan, SumPlan
from desk.reach import LevelPlan
from samentel.counting.shares import TAU_MOST
from samentel.figures.estimate import CONFIDENCE

# Letters of each column beside the table's id: with the longest id of the national programme under a hundred.
WIDTHS = {"cells": 6, "share": 7, "sd": 6, "half": 8, "least": 8, "mean": 8, "published": 12}


def render(made: Plan, language: str) -> RenderableType:
    """The plan for people, in ``nl`` or ``en``."""
    parts: list[RenderableType] = [*_tables(made, language), _answers(made, language), ""]
    parts += [*_sentences(made, language), "", *_levels(made, language)]
    if made.secure_sum:
        parts += [_colluding(made.secure_sum, language), ""]
    return Group(*parts, _exposures(made, language))


def power_sentence(power: float, language: str) -> str:
    """The privacy loss as what an attacker could do with it."""
    return WORDS[language]["power"].format(
        power=percent(power, language), alarms=percent(FALSE_ALARMS, language, 0)
    )


def _tables(made: Plan, language: str) -> Iterator[RenderableType]:
    """The tables, each under the population that it counts."""
    words = WORDS[language]
    in_sum = counted(made.institutions - made.absent, words["institutions"])
    yield words["title"].format(made=made, in_sum=in_sum)
    yield _narrow(made, words, header=True)
    for population in made.populations:
        yield Line(_population(population, language), style="bold")
        grid = _narrow(made, words, header=False)
        for table in made.tables:
            if table.population == population.population:
                grid.add_row(*_row(table, language))
        yield grid
    yield words["least_is"]
    if any(_sooner(table) for table in made.tables):
        yield words["sooner"]
    yield ""


def _narrow(made: Plan, words: Mapping[str, str], *, header: bool) -> Grid:
    grid = Grid(box=None, padding=(0, 2, 0, 0), show_header=header)
    grid.add_column(words["table"], width=2 + max(len(table.table) for table in made.tables), no_wrap=True)
    for column, width in WIDTHS.items():
        grid.add_column(words[column], width=width, justify="left" if column == "published" else "right")
    return grid


def _row(table: TablePlan, language: str) -> tuple[str, ...]:
    words = WORDS[language]
    often = words[f"years_{table.years}"]
    return (
        f"  {table.table}",
        str(table.cells),
        percent(float(table.rho_share), language, 2) if table.rho_share else words["follows"],
        number(table.sd_national, language, 2),
        f"± {number(table.half_width, language, 1)}",
        number(table.least_seen, language),
        "" if table.mean_cell is None else number(table.mean_cell, language, 1),
        f"{often} *" if _sooner(table) else often,
    )


def _sooner(table: TablePlan) -> bool:
    """Whether the rule would let it be published more often than the programme says."""
    return table.years > 1 and table.readable is Publication.YEARLY


def _population(population: PopulationPlan, language: str) -> str:
    words, title = WORDS[language], _chosen(population, "title", language)
    about = (
        ""
        if population.reference is None
        else words["about"].format(reference=number(population.reference, language))
    )
    return f"{title} ({words['rows'].format(k=population.rows_per_person)}{about})"


def _answers(made: Plan, language: str) -> Grid:
    """What the figures are worth that a reader looks for first."""
    words = WORDS[language]
    titles = {it.population: _chosen(it, "title", language) for it in made.populations}
    grid = Grid(title=words["answers"], title_justify="left")
    grid.add_column("")
    grid.add_column(words["persons"], justify="right")
    grid.add_column(words["points"], justify="right")
    for answer in made.answers:
        label = _chosen(answer, "label", language)
        name = label if answer.asked is Asked.TOTAL else f"{titles[answer.population]}: {label}"
        grid.add_row(name, f"± {number(answer.half_width, language, 1)}", _points(answer, language))
    return grid


def _points(answer: Answer, language: str) -> str:
    return "" if answer.points is None else f"± {number(answer.points, language, 2)}"


def _levels(made: Plan, language: str) -> Iterator[RenderableType]:
    """The levels that the roster fixes: how many institutions each needs, and has."""
    words = WORDS[language]
    needed = next((level.needed for level in made.levels if level.needed is not None), None)
    if needed is not None:
        yield words["levels"].format(needed=needed)
    for _, group in groupby(made.levels, key=lambda level: level.dimension):
        levels = list(group)
        title = _chosen(levels[0], "dimension", language)
        plain = ", ".join(_level(level) for level in levels if not level.by_consent)
        agreed = ", ".join(_level(level) for level in levels if level.by_consent)
        yield f"  {title}: {plain}" + (words["agreed"].format(levels=agreed) if agreed else "")
    if any(level.by_consent for level in made.levels):
        yield words["by_consent"]
    yield ""


def _level(level: LevelPlan) -> str:
    return level.code if level.there is None else f"{level.code} {level.there}"


def _chosen(named: object, what: str, language: str) -> str:
    return str(getattr(named, f"{what}_{language}"))


def _colluding(together: SumPlan, language: str) -> Grid:
    words = WORDS[language]
    grid = Grid(title=words["colluding"].format(fewest=together.fewest), title_justify="left")
    for column in ("colluders", "rho", "epsilon_is"):
        grid.add_column(words[column], justify="right")
    grid.add_column("")
    for row in together.colluding:
        note = "" if row.masks else words["no_masks"]
        rho, epsilon = significant(float(row.rho), language), number(row.epsilon, language, 2)
        grid.add_row(str(row.colluders), rho, epsilon, note)
    return grid


def _exposures(made: Plan, language: str) -> Grid:
    words = WORDS[language]
    grid = Grid(title=words["person"], title_justify="left")
    grid.add_column("")
    for times in TIMES:
        grid.add_column(str(times), justify="right")
    for name in ("by_institutions", "by_years"):
        row: tuple[Exposure, ...] = getattr(made, name)
        grid.add_row(words[name], *(f"{it.rho} (epsilon {number(it.epsilon, language, 2)})" for it in row))
    return grid


def _sentences(made: Plan, language: str) -> list[str]:
    words = WORDS[language]
    attempts = counted(made.max_attempts, words["attempts"])
    sentences = [
        _optimal(made, language),
        words["loss"].format(rho=made.ledger_attempt),
        words["epsilon"].format(epsilon=number(made.epsilon, language, 2), delta=made.delta),
        power_sentence(made.power, language),
        words["ledger"].format(made=made, attempts=attempts),
    ]
    if made.secure_sum:
        together, tau = made.secure_sum, significant(made.secure_sum.tau, language, 1)
        colluding = counted(together.collude_max, words["institutions"])
        sentences += [
            words["ledger_local"].format(made=made, together=together),
            _room(made, together, language),
            words["assumed"].format(colluding=colluding, together=together),
            words["stay"].format(made=made, together=together),
            words["tau"].format(tau=tau, most=significant(float(TAU_MOST), language, 1)),
            words["individual"].format(ratio=number(together.individual_ratio, language, 1)),
        ]
    return [*sentences, words["only"]]


def _optimal(made: Plan, language: str) -> str:
    """How far the shares are from the least error that is possible."""
    ratio = number(made.optimality.ratio, language, 3)
    better = percent(made.optimality.better, language, 2)
    return WORDS[language]["optimal"].format(ratio=ratio, better=better)


def _room(made: Plan, together: SumPlan, language: str) -> str:
    """How far the default local cap reaches, and what to do when it does not reach all attempts."""
    words = WORDS[language]
    fit, asked = (counted(times, words["attempts"]) for times in (together.attempts_fit, made.max_attempts))
    fits = words["cap"].format(cap=LOCAL_CAP, attempts=fit)
    if together.attempts_fit >= made.max_attempts:
        return fits
    return f"{fits} {words['cap_short'].format(together=together, attempts=asked)}"


WORDS: Mapping[str, Mapping[str, str]] = {
    "nl": {
        "title": "{made.programme} (versie {made.version}), {in_sum} in de som",
        "institutions": "instelling|instellingen",
        "attempts": "poging|pogingen",
        "table": "tabel",
        "cells": "cellen",
        "share": "deel\nvan rho",
        "sd": "sd",
        "half": f"{CONFIDENCE:.0%}-\ninterval",
        "least": "niet nul\nvanaf",
        "mean": "in een\ncel",
        "published": "uitgave",
        "follows": "volgt",
        "years_1": "jaarlijks",
        "years_3": "per 3 jaar",
        "rows": "k = {k}",
        "about": ", ongeveer {reference} per periode",
        "least_is": "Van de cel met de meeste ruis, nadat alle tabellen van een populatie samen zijn "
        "geschat. 'Niet nul vanaf': het kleinste aantal dat van nul te onderscheiden is. 'In een cel': "
        "zoveel als er gemiddeld in een cel komt. Het interval is aan elke kant hoogstens de helft daarvan, "
        "jaarlijks of over drie jaar.",
        "sooner": "* Nauwkeurig genoeg om jaarlijks uit te geven.",
        "answers": f"Wat de eerste cijfers waard zijn ({CONFIDENCE:.0%})",
        "persons": "aantal",
        "points": "aandeel,\nprocentpunten",
        "optimal": "De gewogen som van alle varianties is {ratio} × de SVD-grens, het minste dat een zuivere "
        "lineaire methode kan halen. Met andere delen van rho kan zij hoogstens {better} lager.",
        "levels": "Niveaus die het rooster bepaalt, met het aantal instellingen als dat bekend is. Elk heeft "
        "er ten minste {needed} nodig (c + D + 2):",
        "agreed": "; met toestemming: {levels}",
        "by_consent": "Met toestemming: een instelling die zo'n niveau kan vullen, doet alleen mee als haar "
        "eigen goedkeuring het noemt.",
        "individual": "Als elke instelling zelf de volle ruis toevoegt (individuele wijze), is elk interval "
        "{ratio} × zo breed.",
        "loss": "Privacyverlies van één poging, alle tabellen samen: rho {rho}.",
        "epsilon": "Dat is epsilon {epsilon} bij delta {delta}.",
        "power": "Wie alles weet behalve of één persoon in de gegevens zit, en in {alarms} van de gevallen "
        "ten onrechte ja zegt, herkent die persoon in hoogstens {power} van de gevallen.",
        "ledger": "Het grootboek van elke instelling: {made.ledger_attempt} per poging, hoogstens "
        "{made.ledger_most} voor {attempts}, per verslagjaar.",
        "ledger_local": "Daarnaast boekt elk grootboek wat het kost als alle anderen samenspannen: "
        "{together.ledger_local} per poging, hoogstens {together.ledger_local_most}; daarvoor geldt een "
        "eigen plafond.",
        "assumed": "Dit houdt stand als met de coördinator niet meer dan {colluding} "
        "samenspannen (c), en er onderweg niet meer dan {together.absent_max} uitvallen (D).",
        "cap": "Het standaardplafond van een node voor dat verlies is {cap}, genoeg voor "
        "{attempts}, per verslagjaar.",
        "cap_short": "LET OP: dat is minder dan dit programma vraagt: {attempts}. Een "
        "node weigert wat er niet in past, tot de instelling zelf caps.local op ten minste "
        "{together.ledger_local_most} zet.",
        "stay": "Als alle {made.institutions} instellingen hun geheim in delen hebben uitgedeeld, moeten er "
        "ten minste {together.sum_least} in de som zitten. Elk daarvan moet ermee instemmen, en "
        "{together.helpers} moeten helpen de maskers eraf te halen; anders is er geen uitkomst.",
        "tau": "Ruisdelen samen zijn zo goed als één trekking: tau × cellen is hoogstens {tau} (toegestaan "
        "{most}), en zit in het verlies hierboven.",
        "colluding": "Wat één poging kost als er meer samenspannen met de coördinator, die dan ook maar "
        "{fewest} instellingen kan laten meedoen",
        "colluders": "instellingen die\nsamenspannen",
        "rho": "rho",
        "epsilon_is": "epsilon",
        "no_masks": "op de maskers valt niet te rekenen; alleen het eigen ruisdeel",
        "person": "Wat het kost voor wie vaker in de gegevens staat: rho, per poging",
        "by_institutions": "instellingen, in één periode (rho × h²)",
        "by_years": "jaren, bij één instelling (rho × y)",
        "only": "De intervallen dekken alleen de privacyruis.",
    },
    "en": {
        "title": "{made.programme} (version {made.version}), {in_sum} in the sum",
        "institutions": "institution|institutions",
        "attempts": "attempt|attempts",
        "table": "table",
        "cells": "cells",
        "share": "share\nof rho",
        "sd": "sd",
        "half": f"{CONFIDENCE:.0%}\ninterval",
        "least": "not zero\nfrom",
        "mean": "in one\ncell",
        "published": "published",
        "follows": "follows",
        "years_1": "yearly",
        "years_3": "per 3 years",
        "rows": "k = {k}",
        "about": ", about {reference} a period",
        "least_is": "Of the cell with most noise, after all tables of a population are estimated together. "
        "'Not zero from': the smallest count that can be told from zero. 'In one cell': as many as the mean "
        "cell will hold. The interval is at most half of that on either side, yearly or over three years.",
        "sooner": "* Accurate enough to be published yearly.",
        "answers": f"What the first figures are worth ({CONFIDENCE:.0%})",
        "persons": "number",
        "points": "share,\npercentage points",
        "optimal": "The weighted sum of all variances is {ratio} × the SVD bound, the least that an unbiased "
        "linear method can reach. Other shares of rho can lower it by at most {better}.",
        "levels": "Levels that the roster fixes, with the number of institutions if that is known. Each "
        "needs at least {needed} (c + D + 2):",
        "agreed": "; by consent: {levels}",
        "by_consent": "By consent: an institution that can fill such a level takes part only if its own "
        "approval names it.",
        "individual": "If each institution added the full noise itself (individual mode), every interval "
        "would be {ratio} × as wide.",
        "loss": "Privacy loss of one attempt, all tables together: rho {rho}.",
        "epsilon": "That is epsilon {epsilon} at delta {delta}.",
        "power": "Someone who knows everything but whether one person is in the data, and says yes wrongly "
        "in {alarms} of cases, recognises that person in at most {power} of cases.",
        "ledger": "The ledger of every institution: {made.ledger_attempt} an attempt, at most "
        "{made.ledger_most} for {attempts}, each reporting year.",
        "ledger_local": "Each ledger also books what it costs if everybody else colludes: "
        "{together.ledger_local} an attempt, at most {together.ledger_local_most}; a cap of its own holds "
        "for that.",
        "assumed": "This holds if no more than {colluding} collude with the coordinator (c), and no more "
        "than {together.absent_max} fall out on the way (D).",
        "cap": "The default local cap of a node is {cap}, enough for {attempts}, each reporting year.",
        "cap_short": "WARNING: that is less than this programme asks for: {attempts}. A "
        "node refuses what does not fit, until its institution itself sets caps.local to at least "
        "{together.ledger_local_most}.",
        "stay": "Once all {made.institutions} institutions have dealt their seed shares, at least "
        "{together.sum_least} must be in the sum. Every one of those must agree to it, and "
        "{together.helpers} must help to take the masks off, or nothing comes out.",
        "tau": "Noise shares together are as good as one draw: tau × cells is at most {tau} (allowed "
        "{most}), and is in the loss above.",
        "colluding": "What one attempt costs if more collude with the coordinator, which can then also let "
        "as few as {fewest} institutions take part",
        "colluders": "institutions\nthat collude",
        "rho": "rho",
        "epsilon_is": "epsilon",
        "no_masks": "masks cannot be counted on; one's own noise share only",
        "person": "What it costs a person who is in the data more than once: rho, an attempt",
        "by_institutions": "institutions, in one period (rho × h²)",
        "by_years": "years, at one institution (rho × y)",
        "only": "Intervals cover privacy noise only.",
    },
}
