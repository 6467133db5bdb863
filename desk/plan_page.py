"""A programme's plan as people read it, in Dutch or in English. The figures come from ``desk/plan.py``."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table as Grid

from desk.plan import FALSE_ALARMS, LOCAL_CAP, TIMES, Exposure, Plan, SumPlan
from samentel.counting.shares import TAU_MOST
from samentel.figures.estimate import CONFIDENCE


def render(made: Plan, language: str) -> RenderableType:
    """The plan for people, in ``nl`` or ``en``."""
    words = WORDS[language]
    parts: list[RenderableType] = [_tables(made, words), ""]
    if made.secure_sum:
        parts += [_comparison(made, words), ""]
    parts += [*_sentences(made, words), ""]
    if made.secure_sum:
        parts += [_colluding(made.secure_sum, words), ""]
    return Group(*parts, _exposures(made, words))


def power_sentence(power: float, language: str) -> str:
    """The privacy loss as what an attacker could do with it."""
    return WORDS[language]["power"].format(power=f"{power:.1%}", alarms=f"{FALSE_ALARMS:.0%}")


def _tables(made: Plan, words: Mapping[str, str]) -> Grid:
    title = words["title"].format(made=made, in_sum=made.institutions - made.absent)
    grid = Grid(title=title, title_justify="left")
    grid.add_column(words["table"])
    noise = "sd_share" if made.secure_sum else "sd_one"
    for column in ("cells", "k", "share", "s", noise, "sd_all", "half", "least"):
        grid.add_column(words[column], justify="right")
    for table in made.tables:
        grid.add_row(
            table.table,
            str(table.cells),
            str(table.rows_per_person),
            str(table.rho_share),
            str(table.granularity),
            f"{table.sd_institution:.2f}",
            f"{table.sd_national:.2f}",
            f"± {table.half_width:.1f}",
            str(table.least_seen),
        )
    return grid


def _comparison(made: Plan, words: Mapping[str, str]) -> Grid:
    grid = Grid(title=words["compared"], title_justify="left")
    grid.add_column(words["table"])
    for column in ("half", "sd_alone", "half_alone", "ratio"):
        grid.add_column(words[column], justify="right")
    for table in made.tables:
        assert table.alone is not None, "every table of a secure sum has its comparison"
        grid.add_row(
            table.table,
            f"± {table.half_width:.1f}",
            f"{table.alone.sd_national:.2f}",
            f"± {table.alone.half_width:.1f}",
            f"{table.alone.ratio:.1f} ×",
        )
    return grid


def _colluding(together: SumPlan, words: Mapping[str, str]) -> Grid:
    grid = Grid(title=words["colluding"], title_justify="left")
    for column in ("colluders", "rho", "epsilon_is"):
        grid.add_column(words[column], justify="right")
    grid.add_column("")
    for row in together.colluding:
        note = "" if row.masks else words["no_masks"]
        grid.add_row(str(row.colluders), f"{float(row.rho):.3g}", f"{row.epsilon:.2f}", note)
    return grid


def _exposures(made: Plan, words: Mapping[str, str]) -> Grid:
    grid = Grid(title=words["person"], title_justify="left")
    grid.add_column("")
    for times in TIMES:
        grid.add_column(str(times), justify="right")
    for name in ("by_institutions", "by_years"):
        row: tuple[Exposure, ...] = getattr(made, name)
        grid.add_row(words[name], *(f"{it.rho} (epsilon {it.epsilon:.2f})" for it in row))
    return grid


def _sentences(made: Plan, words: Mapping[str, str]) -> list[str]:
    sentences = [
        words["loss"].format(rho=made.ledger_attempt),
        words["epsilon"].format(epsilon=f"{made.epsilon:.2f}", delta=made.delta),
        words["power"].format(power=f"{made.power:.1%}", alarms=f"{FALSE_ALARMS:.0%}"),
        words["ledger"].format(made=made),
    ]
    if made.secure_sum:
        together, tau = made.secure_sum, f"{made.secure_sum.tau:.0e}"
        sentences += [
            words["ledger_local"].format(made=made, together=together),
            _room(made, together, words),
            words["assumed"].format(together=together),
            words["stay"].format(made=made, together=together),
            words["tau"].format(tau=tau, most=f"{float(TAU_MOST):.0e}"),
        ]
    return [*sentences, words["only"]]


def _room(made: Plan, together: SumPlan, words: Mapping[str, str]) -> str:
    """How far the default local cap reaches, and what to do when it does not reach all attempts."""
    fits = words["cap"].format(cap=LOCAL_CAP, together=together)
    if together.attempts_fit >= made.max_attempts:
        return fits
    return f"{fits} {words['cap_short'].format(made=made, together=together)}"


WORDS: Mapping[str, Mapping[str, str]] = {
    "nl": {
        "title": "{made.programme} (versie {made.version}), {in_sum} instellingen in de som",
        "table": "tabel",
        "cells": "cellen",
        "k": "regels per\npersoon",
        "share": "deel\nvan rho",
        "s": "s",
        "sd_one": "sd per\ninstelling",
        "sd_share": "sd van een\nruisdeel",
        "sd_all": "sd\nlandelijk",
        "half": f"{CONFIDENCE:.0%}-\ninterval",
        "least": "van nul te\nonderscheiden vanaf",
        "compared": "Hetzelfde programma als elke instelling zelf de volle ruis toevoegt (individuele wijze)",
        "sd_alone": "sd landelijk,\nindividueel",
        "half_alone": f"{CONFIDENCE:.0%}-interval,\nindividueel",
        "ratio": "zoveel\nbreder",
        "loss": "Privacyverlies van één poging, alle tabellen samen: rho {rho}.",
        "epsilon": "Dat is epsilon {epsilon} bij delta {delta}.",
        "power": "Wie alles weet behalve of één persoon in de gegevens zit, en in {alarms} van de gevallen "
        "ten onrechte ja zegt, herkent die persoon in hoogstens {power} van de gevallen.",
        "ledger": "Het grootboek van elke instelling: {made.ledger_attempt} per poging, hoogstens "
        "{made.ledger_most} voor {made.max_attempts} pogingen, per verslagjaar.",
        "ledger_local": "Daarnaast boekt elk grootboek wat het kost als alle anderen samenspannen: "
        "{together.ledger_local} per poging, hoogstens {together.ledger_local_most}; daarvoor geldt een "
        "eigen plafond.",
        "assumed": "Dit houdt stand als hoogstens {together.collude_max} instelling(en) met de coördinator "
        "samenspannen (c), en er onderweg hoogstens {together.absent_max} uitvallen (D).",
        "cap": "Het standaardplafond van een node voor dat verlies is {cap}: daar passen "
        "{together.attempts_fit} poging(en) in, per verslagjaar.",
        "cap_short": "LET OP: dat is minder dan de {made.max_attempts} poging(en) van dit programma. Een "
        "node weigert wat er niet in past, tot de instelling zelf caps.local op ten minste "
        "{together.ledger_local_most} zet.",
        "stay": "Als alle {made.institutions} instellingen hun geheim in delen hebben uitgedeeld, moeten er "
        "ten minste {together.sum_least} in de som zitten. Elk daarvan moet ermee instemmen, en "
        "{together.helpers} moeten helpen de maskers eraf te halen; anders is er geen uitkomst.",
        "tau": "Ruisdelen samen zijn zo goed als één trekking: tau × cellen is hoogstens {tau} (toegestaan "
        "{most}), en zit in het verlies hierboven.",
        "colluding": "Wat één poging kost als er meer samenspannen met de coördinator",
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
        "title": "{made.programme} (version {made.version}), {in_sum} institutions in the sum",
        "table": "table",
        "cells": "cells",
        "k": "rows a\nperson",
        "share": "share\nof rho",
        "s": "s",
        "sd_one": "sd per\ninstitution",
        "sd_share": "sd of a\nnoise share",
        "sd_all": "sd\nnational",
        "half": f"{CONFIDENCE:.0%}\ninterval",
        "least": "told from zero\nfrom a count of",
        "compared": "The same programme if each institution adds the full noise itself (individual mode)",
        "sd_alone": "sd national,\nindividual",
        "half_alone": f"{CONFIDENCE:.0%} interval,\nindividual",
        "ratio": "times\nas wide",
        "loss": "Privacy loss of one attempt, all tables together: rho {rho}.",
        "epsilon": "That is epsilon {epsilon} at delta {delta}.",
        "power": "Someone who knows everything but whether one person is in the data, and says yes wrongly "
        "in {alarms} of cases, recognises that person in at most {power} of cases.",
        "ledger": "The ledger of every institution: {made.ledger_attempt} an attempt, at most "
        "{made.ledger_most} for {made.max_attempts} attempts, each reporting year.",
        "ledger_local": "Each ledger also books what it costs if everybody else colludes: "
        "{together.ledger_local} an attempt, at most {together.ledger_local_most}; a cap of its own holds "
        "for that.",
        "assumed": "This holds if at most {together.collude_max} institution(s) collude with the coordinator "
        "(c), and at most {together.absent_max} fall out on the way (D).",
        "cap": "The default local cap of a node is {cap}: {together.attempts_fit} attempt(s) fit, each "
        "reporting year.",
        "cap_short": "WARNING: that is less than the {made.max_attempts} attempt(s) of this programme. A "
        "node refuses what does not fit, until its institution itself sets caps.local to at least "
        "{together.ledger_local_most}.",
        "stay": "Once all {made.institutions} institutions have dealt their seed shares, at least "
        "{together.sum_least} must be in the sum. Every one of those must agree to it, and "
        "{together.helpers} must help to take the masks off, or nothing comes out.",
        "tau": "Noise shares together are as good as one draw: tau × cells is at most {tau} (allowed "
        "{most}), and is in the loss above.",
        "colluding": "What one attempt costs if more collude with the coordinator",
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
