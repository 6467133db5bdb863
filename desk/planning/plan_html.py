"""A programme's plan as a page to read: one file in one language, with its looks and drawings in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from desk import files, pages
from desk.languages import chosen, named
from desk.numerals import number, percent, significant
from desk.planning import plan_charts
from desk.planning import plan_page as page
from desk.planning import plan_sentences as says
from desk.planning.accuracy import TablePlan
from desk.planning.plan import INSTITUTIONS, YEARS, Plan
from desk.planning.plan_charts import Drawing, Item
from desk.planning.plan_drop import Without
from desk.planning.plan_sum import SumPlan
from desk.planning.plan_words import WORDS
from desk.planning.targets import Targets
from samentel.documents.programme import Programme
from samentel.errors import LocalFault

TEMPLATE = "plan.html.j2"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a page: its caption, the heads of its columns, and its rows, each with its name first."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with what it shows in words, and the tables that say the same.

    Attributes:
        bars: whether a row is a bar from zero; else a dot.
        percent: whether the axis is one of parts.
    """

    name: str
    title: str
    says: str
    drawing: Drawing
    bars: bool
    percent: bool
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: what it says in sentences, its drawing if it has one, and its tables."""

    title: str
    sentences: tuple[str, ...]
    figure: Figure | None
    tables: tuple[Table, ...]


def write(path: Path, made: Plan, programme: Programme, language: str) -> None:
    """Write the page.

    Args:
        programme: that the plan is of, for its title and purpose.

    Raises:
        LocalFault: there is no such directory, or it cannot be written there.
    """
    if not path.absolute().parent.is_dir():
        raise LocalFault(f"--page {path}: there is no directory {path.parent}; make it first")
    files.write(path, rendered(made, programme, language).encode())


def rendered(made: Plan, programme: Programme, language: str) -> str:
    """The page of a plan, in ``nl`` or ``en``."""
    values = {
        "words": WORDS[language],
        "language": language,
        "title": f"{WORDS[language]['plan_of']}: {chosen(programme.title, language)}",
        "purpose": chosen(programme.purpose, language),
        "whose": says.title(made, language),
        "warnings": list(says.warnings(made, language)),
        "missed": says.missed(made, language),
        "sections": list(_sections(made, language)),
        "digest": made.digest,
    }
    filters = {
        "percent": lambda part: percent(part, language, 0),
        "tick": lambda value: number(value, language) if value >= 1 else significant(value, language),
    }
    return pages.rendered(TEMPLATE, language, values, filters)


def _sections(made: Plan, language: str) -> Iterator[Section]:
    words = WORDS[language]
    notes = [words["least_is"]]
    notes += [words["sooner"]] if any(page.sooner(table) for table in made.tables) else []
    notes += [words["imprecise"]] if any(table.imprecise for table in made.tables) else []
    yield Section(words["accuracy"], tuple(notes), _accuracy(made, language), ())
    yield Section(words["answers"], (), None, (_answers(made, language),))
    if made.targets:
        said = tuple(says.reached(made.targets, language))
        yield Section(words["targets"], said, None, tuple(_targets(made.targets, language)))
    if made.without:
        yield Section(words["what_if"], (), None, (_without(made.without, language),))
    yield Section(
        words["optima"], (words["certificate"],), _shares(made, language), (_optima(made, language),)
    )
    exposures = _exposures(made, language)
    together = (_colluding(made.secure_sum, language),) if made.secure_sum else ()
    yield Section(words["privacy"], tuple(says.privacy(made, language)), None, (exposures, *together))
    if made.levels:
        yield Section(words["fixed"], (words["by_consent"],), None, (_levels(made, language),))


def _accuracy(made: Plan, language: str) -> Figure:
    words = WORDS[language]
    items = [
        Item(
            name=named(table, "title", language),
            value=table.half_width,
            beside=table.mean_cell,
            faint=table.imprecise,
            text=f"± {number(table.half_width, language, 1)}",
        )
        for table in made.tables
    ]
    heads = (words["table"], *(words[column] for column in page.WIDTHS), words["tau_cells"])
    tables = tuple(
        Table(
            says.population(population, language),
            heads,
            tuple(
                (*(text.strip() for text in page.row(table, language)), _tau(table, language))
                for table in made.tables
                if table.population == population.population
            ),
        )
        for population in made.populations
    )
    return Figure(
        "accuracy",
        words["accuracy_title"],
        words["accuracy_says"],
        plan_charts.logarithmic(items),
        False,
        False,
        tables,
    )


def _tau(table: TablePlan, language: str) -> str:
    return "" if table.tau is None else says.tau(table.tau, language)


def _shares(made: Plan, language: str) -> Figure:
    words = WORDS[language]
    items = [
        Item(
            name=named(table, "title", language),
            value=float(table.rho_share),
            beside=None,
            faint=False,
            text=percent(float(table.rho_share), language, 2),
        )
        for table in made.tables
    ]
    rows = tuple(
        (
            named(table, "title", language),
            percent(float(table.rho_share), language, 2) if table.rho_share else words["follows"],
            significant(float(table.rho), language),
        )
        for table in made.tables
    )
    table = Table(words["shares_title"], (words["table"], words["share"], words["rho"]), rows)
    return Figure(
        "shares",
        words["shares_title"],
        words["shares_says"],
        plan_charts.linear(items),
        True,
        True,
        (table,),
    )


def _answers(made: Plan, language: str) -> Table:
    words = WORDS[language]
    rows = tuple(page.answered(made, answer, language) for answer in made.answers)
    return Table(words["answers"], (words["figure"], words["persons"], words["points"]), rows)


def _targets(found: Targets, language: str) -> Iterator[Table]:
    words = WORDS[language]
    heads = tuple(words[column] for column in ("figure", "sought", "now", "met"))
    yield Table(words["targets"], heads, tuple(page.sought(it, language) for it in found.sought))
    shares = ((it.table, percent(float(it.rho_share), language, 2)) for it in found.shares if it.rho_share)
    yield Table(words["best_shares"], (words["table"], words["share"]), tuple(shares))


def _without(found: Without, language: str) -> Table:
    words = WORDS[language]
    heads = tuple(words[column] for column in ("table", "before", "after", "change", "share"))
    caption = words["without"].format(tables=", ".join(found.dropped))
    return Table(caption, heads, tuple(page.gained(gain, language) for gain in found.gains))


def _optima(made: Plan, language: str) -> Table:
    words = WORDS[language]
    heads = tuple(words[column] for column in ("whom", "rho", "objective", "bound", "ratio", "better"))
    rows = tuple((name, *page.optimum(found, language)) for name, found in page.optima(made, language))
    return Table(words["optima"], heads, rows)


def _exposures(made: Plan, language: str) -> Table:
    words = WORDS[language]
    heads = (words["by_institutions"], *(f"{it} {words['year' if it == 1 else 'years']}" for it in YEARS))
    rows = tuple(
        (
            str(number_),
            *(page.exposed(it, language) for it in made.exposures if it.institutions == number_),
        )
        for number_ in INSTITUTIONS
    )
    return Table(words["person"].format(alarms=says.alarms(language)), heads, rows)


def _colluding(together: SumPlan, language: str) -> Table:
    words = WORDS[language]
    heads = tuple(words[column] for column in ("colluders", "rho", "epsilon_is", "remark"))
    rows = tuple(page.colluded(it, language) for it in together.colluding)
    return Table(words["colluding"].format(fewest=together.fewest), heads, rows)


def _levels(made: Plan, language: str) -> Table:
    words = WORDS[language]
    heads: Sequence[str] = [words[column] for column in ("level", "needed", "there")]
    rows = tuple(
        (
            f"{named(level, 'dimension', language)}: {named(level, 'label', language)}",
            words["consent"] if level.needed is None else str(level.needed),
            "" if level.there is None else str(level.there),
        )
        for level in made.levels
    )
    return Table(words["fixed"], tuple(heads), rows)
