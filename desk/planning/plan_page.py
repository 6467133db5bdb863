"""A programme's plan as people read it on a terminal. The figures come from ``desk/planning/plan.py``."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text as Line

from desk.languages import named
from desk.numerals import number, percent, significant
from desk.planning import plan_sentences as says
from desk.planning.accuracy import Optimality, Publication, TablePlan
from desk.planning.answers import Answer, Asked
from desk.planning.plan import INSTITUTIONS, YEARS, Exposure, Plan
from desk.planning.plan_drop import Gain, Without
from desk.planning.plan_sum import Colluding, SumPlan
from desk.planning.plan_words import WORDS
from desk.planning.reach import LevelPlan
from desk.planning.targets import Sought, Targets

# Letters of each column beside the table's id: with the longest id of the national programme under a hundred.
WIDTHS = {
    "cells": 6,
    "share": 7,
    "measured": 6,
    "sd": 6,
    "half": 7,
    "least": 5,
    "mean": 8,
    "relative": 6,
    "published": 8,
}


def render(made: Plan, language: str) -> RenderableType:
    """The plan for people, in ``nl`` or ``en``."""
    words = WORDS[language]
    parts: list[RenderableType] = [says.title(made, language)]
    parts += [Line(warning, style="bold") for warning in says.warnings(made, language)]
    parts += ["", Line(words["misses"], style="bold")]
    parts += [f"  {line}" for line in says.missed(made, language)]
    parts += ["", *_tables(made, language), _answers(made, language), ""]
    if made.targets:
        parts += [*_targets(made.targets, language), ""]
    if made.without:
        parts += [_without(made.without, language), ""]
    parts += [_optimal(made, language), ""]
    parts += [*says.privacy(made, language), "", *_levels(made, language)]
    if made.secure_sum:
        parts += [_colluding(made.secure_sum, language), ""]
    return Group(*parts, _exposures(made.exposures, language))


def power_sentence(power: float, language: str) -> str:
    """The privacy loss as what an attacker could do with it."""
    return WORDS[language]["power"].format(power=percent(power, language), alarms=says.alarms(language))


def _tables(made: Plan, language: str) -> Iterator[RenderableType]:
    """The tables, each under the population that it counts."""
    words = WORDS[language]
    yield _narrow(made, words, header=True)
    for population in made.populations:
        yield Line(says.population(population, language), style="bold")
        grid = _narrow(made, words, header=False)
        for table in made.tables:
            if table.population == population.population:
                grid.add_row(*row(table, language))
        yield grid
    yield words["least_is"]
    if any(sooner(table) for table in made.tables):
        yield words["sooner"]
    if any(table.imprecise for table in made.tables):
        yield words["imprecise"]
    yield ""


def _narrow(made: Plan, words: Mapping[str, str], *, header: bool) -> Grid:
    grid = Grid(box=None, padding=(0, 1, 0, 0), show_header=header)
    grid.add_column(words["table"], width=2 + max(len(table.table) for table in made.tables), no_wrap=True)
    for column, width in WIDTHS.items():
        grid.add_column(words[column], width=width, justify="left" if column == "published" else "right")
    return grid


def row(table: TablePlan, language: str) -> tuple[str, ...]:
    """A table's figures, in the order of ``WIDTHS``."""
    words = WORDS[language]
    marks = " *" * sooner(table) + " !" * table.imprecise
    return (
        f"  {table.table}",
        str(table.cells),
        percent(float(table.rho_share), language, 2) if table.rho_share else words["follows"],
        "" if table.sd_measured is None else number(table.sd_measured, language, 2),
        number(table.sd_national, language, 2),
        f"± {number(table.half_width, language, 1)}",
        number(table.least_seen, language),
        "" if table.mean_cell is None else _mean(table.mean_cell, language),
        "" if table.relative_error is None else percent(table.relative_error, language, 0),
        words[f"years_{table.years}"] + marks,
    )


def _mean(cell: float, language: str) -> str:
    """As many as a mean cell will hold; of a hundred or more no tenths: reference figures are round."""
    return number(cell, language, 0 if cell >= 100 else 1)


def sooner(table: TablePlan) -> bool:
    """Whether the rule would let it be published more often than the programme says."""
    return table.years > 1 and table.readable is Publication.YEARLY


def _answers(made: Plan, language: str) -> Grid:
    """What the figures are worth that a reader looks for first."""
    words = WORDS[language]
    grid = Grid(title=words["answers"], title_justify="left")
    grid.add_column("")
    grid.add_column(words["persons"], justify="right")
    grid.add_column(words["points"], justify="right")
    for answer in made.answers:
        grid.add_row(*answered(made, answer, language))
    return grid


def answered(made: Plan, answer: Answer, language: str) -> tuple[str, str, str]:
    """What a headline figure is of, and its half width in persons and in percentage points."""
    titles = {it.population: named(it, "title", language) for it in made.populations}
    label = named(answer, "label", language)
    whole = answer.asked in (Asked.TOTAL, Asked.UNREPORTED, Asked.HOUSES)  # their labels name it
    name = label if whole else f"{titles[answer.population]}: {label}"
    points = "" if answer.points is None else f"± {number(answer.points, language, 2)}"
    return name, f"± {number(answer.half_width, language, 1)}", points


def _targets(found: Targets, language: str) -> Iterator[RenderableType]:
    """What was asked for, what there is now, and which rho would do."""
    words = WORDS[language]
    grid = Grid(title=words["targets"], title_justify="left")
    for column in ("figure", "sought", "now", "met"):
        grid.add_column(words[column], justify="right" if column in ("sought", "now") else "left")
    for figure in found.sought:
        grid.add_row(*sought(figure, language))
    yield grid
    yield from says.reached(found, language)
    yield "  ".join(
        f"{share.table} {percent(float(share.rho_share), language, 2)}"
        for share in found.shares
        if share.rho_share
    )


def sought(figure: Sought, language: str) -> tuple[str, ...]:
    """What a wish is about, the standard deviations sought and reached, and whether that will do."""
    return (
        figure.table or figure.population,
        number(float(figure.sd), language, 2),
        number(figure.sd_now, language, 2),
        WORDS[language]["yes" if figure.met else "no"],
    )


def _without(found: Without, language: str) -> Grid:
    words = WORDS[language]
    grid = Grid(title=words["without"].format(tables=", ".join(found.dropped)), title_justify="left")
    grid.add_column(words["table"])
    for column in ("before", "after", "change", "share"):
        grid.add_column(words[column], justify="right")
    for gain in found.gains:
        grid.add_row(*gained(gain, language))
    return grid


def gained(gain: Gain, language: str) -> tuple[str, ...]:
    """A table, its standard deviation before and after, the change, and its share."""
    return (
        gain.table,
        number(gain.sd_before, language, 2),
        number(gain.sd_after, language, 2),
        percent(gain.sd_after / gain.sd_before - 1, language),
        percent(float(gain.rho_share), language, 2) if gain.rho_share else WORDS[language]["follows"],
    )


def _optimal(made: Plan, language: str) -> Grid:
    """How far shares are from the best, of every population and of the whole."""
    words = WORDS[language]
    grid = Grid(
        title=words["optima"], title_justify="left", caption=words["certificate"], caption_justify="left"
    )
    grid.add_column("")
    for column in ("rho", "objective", "bound", "ratio", "better"):
        grid.add_column(words[column], justify="right")
    for name, found in optima(made, language):
        grid.add_row(name, *optimum(found, language))
    return grid


def optima(made: Plan, language: str) -> Iterator[tuple[str, Optimality]]:
    """Every population that has one, and the whole programme, with how good its shares are."""
    for population in made.populations:
        if population.optimality:
            yield named(population, "title", language), population.optimality
    yield WORDS[language]["whole"], made.optimality


def optimum(found: Optimality, language: str) -> tuple[str, ...]:
    """Rho, objective, bound, their ratio, and by how much other shares could lower the objective."""
    return (
        significant(float(found.rho), language),
        significant(found.objective, language, 4),
        significant(found.bound, language, 4),
        number(found.ratio, language, 3),
        percent(found.better, language, 2),
    )


def _levels(made: Plan, language: str) -> Iterator[RenderableType]:
    """The levels that the roster fixes: how many institutions each needs, and has."""
    words = WORDS[language]
    needed = next((level.needed for level in made.levels if level.needed is not None), None)
    if needed is not None:
        yield words["levels"].format(needed=needed)
    for _, group in groupby(made.levels, key=lambda level: level.dimension):
        levels = list(group)
        title = named(levels[0], "dimension", language)
        plain = "; ".join(_level(level, language) for level in levels if not level.by_consent)
        agreed = "; ".join(_level(level, language) for level in levels if level.by_consent)
        agreed = words["agreed"].format(levels=agreed) if agreed else ""
        yield f"  {title}: {'. '.join(filter(None, (plain, agreed)))}"
    if any(level.by_consent for level in made.levels):
        yield words["by_consent"]
    yield ""


def _level(level: LevelPlan, language: str) -> str:
    label = named(level, "label", language)
    return label if level.there is None else f"{label} ({level.there})"


def _colluding(together: SumPlan, language: str) -> Grid:
    words = WORDS[language]
    grid = Grid(title=words["colluding"].format(fewest=together.fewest), title_justify="left")
    for column in ("colluders", "rho", "epsilon_is"):
        grid.add_column(words[column], justify="right")
    grid.add_column("")
    for found in together.colluding:
        grid.add_row(*colluded(found, language))
    return grid


def colluded(found: Colluding, language: str) -> tuple[str, ...]:
    """So many that collude, rho, epsilon, and whether the masks still hold."""
    note = "" if found.masks else WORDS[language]["no_masks"]
    rho, epsilon = significant(float(found.rho), language), number(found.epsilon, language, 2)
    return str(found.colluders), rho, epsilon, note


def _exposures(found: Sequence[Exposure], language: str) -> Grid:
    """What a person pays, by institutions down and years across."""
    words = WORDS[language]
    grid = Grid(title=words["person"].format(alarms=says.alarms(language)), title_justify="left")
    grid.add_column(words["by_institutions"])
    for years in YEARS:
        grid.add_column(f"{years} {words['year' if years == 1 else 'years']}", justify="right")
    for institutions in INSTITUTIONS:
        across = (it for it in found if it.institutions == institutions)
        grid.add_row(str(institutions), *(exposed(it, language) for it in across))
    return grid


def exposed(found: Exposure, language: str) -> str:
    """A loss in the three ways that it is said."""
    epsilon, power = number(found.epsilon, language, 1), percent(found.power, language, 0)
    return f"{found.rho} ({epsilon}; {power})"
