"""A programme in plain Dutch or English, for the person who says yes or no; no record is looked at."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction

from node.config import Config
from node.texts import Words
from samentel.counting.privacy import attacker_power, epsilon_upper, noise_plan, total_rho
from samentel.documents.programme import Mode, Programme

INSTITUTIONS, YEARS = (1, 2, 3), (1, 2, 5, 10)


def programme(shown: Programme, words: Words) -> Iterator[str]:
    """What is counted, of whom, in which tables, at what privacy loss: line by line."""
    either = words.either
    yield f"{words('programme')}: {either(shown.title.nl, shown.title.en)} ({shown.id}, {shown.version})"
    yield f"{words('digest')}: {shown.digest}"
    yield f"{words('purpose')}: {either(shown.purpose.nl, shown.purpose.en)}"
    yield f"{words('contact')}: {shown.contact}"
    yield f"{words('period')}: {words(f'period.{shown.period}')}"
    yield ""
    yield f"{words('of_whom')}:"
    for population in shown.populations:
        title, definition = population.title, population.definition
        yield f"  {either(title.nl, title.en)}: {either(definition.nl, definition.en)}"
        yield f"  {words(population.counting)}; {words('rows', k=population.rows_per_person)}"
    if shown.period == "year":
        yield f"  {words('undated')}"
    yield ""
    yield from _tables(shown, words)
    yield ""
    yield from _privacy(shown, words)


def _losses(unit: str, losses: Mapping[int, Fraction], shown: Programme) -> Iterator[str]:
    for number, rho in losses.items():
        yield f"    {unit} = {number:<3} rho {rho!s:<8} epsilon <= {epsilon_upper(rho, shown.delta):.2f}"


def consequences(config: Config, rho_cap: Fraction, until: datetime, words: Words) -> str:
    """What the approval allows."""
    return words("caps", cap=rho_cap, house=config.caps.central, until=f"{until:%Y-%m-%d}")


def _tables(shown: Programme, words: Words) -> Iterator[str]:
    either = words.either
    yield f"{words('tables')}:"
    for table, noise in zip(shown.tables, noise_plan(shown), strict=True):
        yield f"  {either(table.title.nl, table.title.en)}: {either(table.question.nl, table.question.en)}"
        facts = words("cells", cells=noise.cells, sd=noise.variance**0.5)
        yield f"    {' x '.join(table.dimensions)}; {facts}; rho {shown.rho_of(table)}"
    yield f"{words('codes')}:"
    for dimension in shown.dimensions:
        yield f"  {either(dimension.title.nl, dimension.title.en)} ({dimension.id}):"
        for code in dimension.codes:
            yield f"    {code.code:<10} {either(code.nl, code.en)}"


def _privacy(shown: Programme, words: Words) -> Iterator[str]:
    rho = total_rho(noise_plan(shown))
    yield f"{words('privacy')}:"
    epsilon = epsilon_upper(rho, shown.delta)
    facts = {"rho": shown.rho, "attempts": shown.max_attempts, "epsilon": epsilon, "delta": shown.delta}
    yield f"  {words('privacy.rho', **facts)}"
    yield f"  {words('privacy.power', power=100 * attacker_power(rho))}"
    yield f"  {words('privacy.institutions')}"
    yield from _losses("h", {h: shown.rho * h**2 for h in INSTITUTIONS}, shown)
    yield f"  {words('privacy.years')}"
    yield from _losses("y", {y: shown.rho * y for y in YEARS}, shown)
    if shown.mode is Mode.INDIVIDUAL:
        yield f"  {words('privacy.individual')}"
    yield f"  {words('roster', least=shown.roster.institutions_min)}"
