"""What a programme will be worth and what it will cost, before any record is read.

Everything here follows from the programme and the number of institutions
alone. The normal quantile is used throughout: the discrete Gaussian differs
from it by less than anybody can see in these figures.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction

from rich.console import Group, RenderableType
from rich.table import Table as Grid

from samentel.counting.privacy import attacker_power, epsilon_upper, noise_plan, total_rho
from samentel.documents.programme import Programme
from samentel.errors import DocumentError
from samentel.figures.estimate import CONFIDENCE, Z

ONE_SIDED = 1.645  # a count this many sd above zero is chance in one of twenty
FALSE_ALARMS = 0.05
TIMES = (1, 2, 3)  # institutions, or years, that the plan answers for


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What one table will be worth.

    Attributes:
        rows_per_person: k, the most rows one person adds.
        rho_share, rho: part of the programme's loss, and the loss itself, exact.
        sd_institution: standard deviation of one cell of one institution's noisy table, in persons.
        sd_national: the same of the national sum.
        half_width: half the 95 % interval of a national cell, in persons.
        least_seen: the smallest national count that can be told from zero, one-sided at 5 %, whole persons.
    """

    table: str
    title_nl: str
    title_en: str
    cells: int
    rows_per_person: int
    rho_share: Fraction
    rho: Fraction
    sd_institution: float
    sd_national: float
    half_width: float
    least_seen: int


@dataclass(frozen=True, slots=True)
class Exposure:
    """What one attempt a year costs a person who is counted more than once.

    Attributes:
        times: at how many institutions, or in how many reporting years.
        rho: the whole loss, exact: rho * times^2 over institutions, rho * times over years.
        epsilon: with the programme's delta, for readers; rounded up.
    """

    times: int
    rho: Fraction
    epsilon: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a programme will be worth and cost with that many institutions in the sum.

    Attributes:
        rho: exact loss of one attempt, all tables together; never more than the programme states.
        epsilon: with delta, for readers; rounded up.
        power: how often an attacker who is wrong in 5 % of cases recognises a person who is there.
        ledger_attempt, ledger_most: what one attempt and all attempts book against a year's cap.
        by_institutions: what a person pays who is in the data of 1, 2, 3 institutions in one period.
        by_years: what a person pays who is in the data of one institution for 1, 2, 3 reporting years.
    """

    programme: str
    version: int
    digest: str
    institutions: int
    institutions_min: int
    tables: tuple[TablePlan, ...]
    rho: Fraction
    delta: Fraction
    epsilon: float
    power: float
    max_attempts: int
    ledger_attempt: Fraction
    ledger_most: Fraction
    by_institutions: tuple[Exposure, ...]
    by_years: tuple[Exposure, ...]


def plan(programme: Programme, institutions: int) -> Plan:
    """The plan of a programme.

    Raises:
        DocumentError: fewer institutions than the programme asks for, or a mode that is not carried out.
    """
    least = programme.roster.institutions_min
    if institutions < least:
        raise DocumentError(
            "plan", [f"{institutions} institutions: this programme asks for at least {least}"]
        )
    noises = noise_plan(programme)
    spent = total_rho(noises)
    tables = []
    for table, noise in zip(programme.tables, noises, strict=True):
        national = math.sqrt(institutions * noise.variance)
        tables.append(
            TablePlan(
                table=table.id,
                title_nl=table.title.nl,
                title_en=table.title.en,
                cells=noise.cells,
                rows_per_person=noise.rows,
                rho_share=table.rho_share,
                rho=noise.rho,
                sd_institution=math.sqrt(noise.variance),
                sd_national=national,
                half_width=Z * national,
                least_seen=math.ceil(ONE_SIDED * national),
            )
        )
    return Plan(
        programme=programme.id,
        version=programme.version,
        digest=programme.digest,
        institutions=institutions,
        institutions_min=least,
        tables=tuple(tables),
        rho=spent,
        delta=programme.delta,
        epsilon=epsilon_upper(spent, programme.delta),
        power=attacker_power(spent, FALSE_ALARMS),
        max_attempts=programme.max_attempts,
        ledger_attempt=programme.rho,
        ledger_most=programme.rho * programme.max_attempts,
        # Records at h institutions move every sum by up to h times as much: the loss grows with the square.
        by_institutions=tuple(_exposure(programme, times, times**2) for times in TIMES),
        by_years=tuple(_exposure(programme, times, times) for times in TIMES),
    )


def _exposure(programme: Programme, times: int, factor: int) -> Exposure:
    rho = programme.rho * factor
    return Exposure(times, rho, epsilon_upper(rho, programme.delta))


def as_values(made: Plan) -> dict[str, object]:
    """The plan as plain values for JSON; exact numbers as text such as "1/2"."""
    return asdict(made, dict_factory=lambda pairs: {key: _plain(value) for key, value in pairs})


def render(made: Plan, language: str) -> RenderableType:
    """The plan for people, in ``nl`` or ``en``."""
    words = _WORDS[language]
    grid = Grid(title=words["title"].format(made=made), title_justify="left")
    grid.add_column(words["table"])
    for column in ("cells", "k", "share", "sd_one", "sd_all", "half", "least"):
        grid.add_column(words[column], justify="right")
    for table in made.tables:
        grid.add_row(
            table.table,
            str(table.cells),
            str(table.rows_per_person),
            str(table.rho_share),
            f"{table.sd_institution:.2f}",
            f"{table.sd_national:.2f}",
            f"± {table.half_width:.1f}",
            str(table.least_seen),
        )
    return Group(grid, "", *_sentences(made, words), "", _exposures(made, words))


def _exposures(made: Plan, words: Mapping[str, str]) -> Grid:
    grid = Grid(title=words["person"], title_justify="left")
    grid.add_column("")
    for times in TIMES:
        grid.add_column(str(times), justify="right")
    for name in ("by_institutions", "by_years"):
        row: tuple[Exposure, ...] = getattr(made, name)
        grid.add_row(words[name], *(f"{it.rho} (epsilon {it.epsilon:.2f})" for it in row))
    return grid


def power_sentence(power: float, language: str) -> str:
    """The privacy loss as what an attacker could do with it."""
    return _WORDS[language]["power"].format(power=f"{power:.1%}", alarms=f"{FALSE_ALARMS:.0%}")


def _sentences(made: Plan, words: Mapping[str, str]) -> list[str]:
    return [
        words["loss"].format(rho=made.ledger_attempt),
        words["epsilon"].format(epsilon=f"{made.epsilon:.2f}", delta=made.delta),
        words["power"].format(power=f"{made.power:.1%}", alarms=f"{FALSE_ALARMS:.0%}"),
        words["ledger"].format(made=made),
        words["only"],
    ]


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Fraction) else value


_WORDS: Mapping[str, Mapping[str, str]] = {
    "nl": {
        "title": "{made.programme} (versie {made.version}), {made.institutions} instellingen in de som",
        "table": "tabel",
        "cells": "cellen",
        "k": "regels per\npersoon",
        "share": "deel\nvan rho",
        "sd_one": "sd per\ninstelling",
        "sd_all": "sd\nlandelijk",
        "half": f"{CONFIDENCE:.0%}-\ninterval",
        "least": "van nul te\nonderscheiden vanaf",
        "loss": "Privacyverlies van één poging, alle tabellen samen: rho {rho}.",
        "epsilon": "Dat is epsilon {epsilon} bij delta {delta}.",
        "power": "Wie alles weet behalve of één persoon in de gegevens zit, en in {alarms} van de gevallen "
        "ten onrechte ja zegt, herkent die persoon in hoogstens {power} van de gevallen.",
        "ledger": "Het grootboek van elke instelling: {made.ledger_attempt} per poging, hoogstens "
        "{made.ledger_most} voor {made.max_attempts} pogingen, per verslagjaar.",
        "person": "Wat het kost voor wie vaker in de gegevens staat: rho, per poging",
        "by_institutions": "instellingen, in één periode (rho × h²)",
        "by_years": "jaren, bij één instelling (rho × y)",
        "only": "De intervallen dekken alleen de privacyruis.",
    },
    "en": {
        "title": "{made.programme} (version {made.version}), {made.institutions} institutions in the sum",
        "table": "table",
        "cells": "cells",
        "k": "rows a\nperson",
        "share": "share\nof rho",
        "sd_one": "sd per\ninstitution",
        "sd_all": "sd\nnational",
        "half": f"{CONFIDENCE:.0%}\ninterval",
        "least": "told from zero\nfrom a count of",
        "loss": "Privacy loss of one attempt, all tables together: rho {rho}.",
        "epsilon": "That is epsilon {epsilon} at delta {delta}.",
        "power": "Someone who knows everything but whether one person is in the data, and says yes wrongly "
        "in {alarms} of cases, recognises that person in at most {power} of cases.",
        "ledger": "The ledger of every institution: {made.ledger_attempt} an attempt, at most "
        "{made.ledger_most} for {made.max_attempts} attempts, each reporting year.",
        "person": "What it costs a person who is in the data more than once: rho, an attempt",
        "by_institutions": "institutions, in one period (rho × h²)",
        "by_years": "years, at one institution (rho × y)",
        "only": "Intervals cover privacy noise only.",
    },
}
