"""A programme in plain Dutch or English, for the person who says yes or no; no record is looked at."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from math import inf

from node.approving import SmallLevels
from node.config import Config
from node.texts import Words
from samentel.counting.privacy import attacker_power, epsilon_upper, noise_plan, total_rho
from samentel.counting.shares import loss_of, share_plan, summed_variance
from samentel.documents import levels
from samentel.documents.codelists import Code, Text
from samentel.documents.populations import Population, Records, Registers
from samentel.documents.programme import Mode, Programme
from samentel.documents.roster import Institution
from samentel.figures.collusion import collusion_of, fewest_listed

INSTITUTIONS, YEARS = (1, 2, 3), (1, 2, 5, 10)
FEDERATIONS = (40, 100)  # sizes of a roster that is not there yet


def programme(
    shown: Programme,
    words: Words,
    rostered: int | None = None,
    local_cap: Fraction | None = None,
    institution: Institution | None = None,
) -> Iterator[str]:
    """What is counted, of whom, in which tables, at what privacy loss: line by line.

    Args:
        rostered: institutions on the roster, where this node holds one.
        local_cap: the house cap on what it costs if everybody else colludes.
        institution: this one, where the roster held here names it.

    Raises:
        DocumentError: a secure sum whose noise cannot be shared among so many.
    """
    either = words.either
    number = max(rostered or 0, shown.roster.institutions_min)
    yield f"{words('programme')}: {either(shown.title.nl, shown.title.en)} ({shown.id}, {shown.version})"
    yield f"{words('digest')}: {shown.digest}"
    yield f"{words('purpose')}: {either(shown.purpose.nl, shown.purpose.en)}"
    yield f"{words('contact')}: {shown.contact}"
    yield f"{words('period')}: {words(f'period.{shown.period}')}"
    yield ""
    yield f"{words('of_whom')}:"
    for population in shown.populations:
        yield from (f"  {line}" for line in _population(population, institution, words))
    if shown.period == "year":
        yield f"  {words('undated')}"
        if any(one.dated_by or one.reference_day for one in shown.populations):
            yield f"  {words('undated.stays')}"
    yield f"  {words('sealed')}"
    yield ""
    yield from _tables(shown, number, words)
    yield ""
    yield from _privacy(shown, words)
    if shown.mode is Mode.SECURE_SUM:
        yield ""
        yield from _secure_sum(shown, rostered, number, local_cap, words)


def small_levels(shown: Programme, asked: SmallLevels, rostered: int | None, words: Words) -> Iterator[str]:
    """The levels by consent that concern this institution, and what a yes means; nothing if there are none.

    Args:
        rostered: as for ``programme``.
    """
    if not asked.possible:
        return
    either = words.either
    number = max(rostered or 0, shown.roster.institutions_min)
    yield f"{words('small' if asked.known else 'small.possible')}:"
    for name in asked.possible:
        title, level = (either(text.nl, text.en) for text in _level(shown, name))
        width = _two_deviations(shown, name, number)
        yield f"  {words('small.level', title=title, level=level, name=name, width=width)}"
    yield f"  {words('small.means')}"
    if not asked.known:
        yield f"  {words('small.no_roster')}"


def _population(population: Population, institution: Institution | None, words: Words) -> Iterator[str]:
    title, definition = population.title, population.definition
    yield f"{words.either(title.nl, title.en)}: {words.either(definition.nl, definition.en)}"
    if population.records is Records.CONTACTS:
        yield f"{_counting(population, words)}; {words('contacts.unit')}"
    else:
        yield f"{_counting(population, words)}; {words('rows', k=population.rows_per_person)}"
    if population.of_quarters is not None:
        yield words("of_quarters", programme=population.of_quarters)
    if population.registers is not None:
        yield from _registers(population, population.registers, institution, words)


def _counting(population: Population, words: Words) -> str:
    """By which date a row counts: as ``node.intake`` says."""
    if population.reference_day is not None:
        month, day = population.reference_day.split("-")
        return words("stock", day=f"{day}-{month}")
    return words(f"inflow.{population.dated_by or population.records}")


def _registers(
    population: Population, registers: Registers, institution: Institution | None, words: Words
) -> Iterator[str]:
    """Who registers a population; and whether this institution does, once the roster says what it is."""
    if registers.field is None:
        yield words("registers", types=", ".join(registers.channels))
    else:
        types = [f"{kind} ({code})" for kind, code in registers.channels.items()]
        yield words("registers.channels", types=", ".join(types))
        yield words("registers.field", field=registers.field)
    if institution is None:
        yield words("registers.no_roster")
        return
    mine = levels.channel(population, institution)
    key = "registers.none" if mine is None else "registers.ours" if registers.field else "registers.all"
    yield words(key, kind=institution.type, channel=mine)


def _level(shown: Programme, name: str) -> tuple[Text | Code, Text | Code]:
    """The titles of a small level: of its dimension, or of a population that few register."""
    subject, _, code = name.partition(":")
    if subject not in {dimension.id for dimension in shown.dimensions}:
        return shown.population(subject).title, Text(nl=f"kanaal {code}", en=f"channel {code}")
    dimension = shown.dimension(subject)
    return dimension.title, dimension.codes[dimension.index(code)]


def _two_deviations(shown: Programme, name: str, number: int) -> float:
    """Two sd of the national noise in the total of one level, in the population in which it is known best.

    Of a channel, in the total of its population.
    """
    from samentel.figures.estimate import cell_codes  # numpy
    from samentel.figures.workload import variance_of

    noise = {one.table: float(summed_variance(one, number)) for one in share_plan(shown, number, number)}
    subject, _, code = name.partition(":")
    variances = []
    for table in shown.tables:
        if subject in table.dimensions:
            at = table.dimensions.index(subject)
            cells = [codes for codes in cell_codes(shown, table) if codes[at] == code]
        elif subject == table.population:
            cells = list(cell_codes(shown, table))
        else:
            continue
        variances.append(variance_of(shown, noise, {(table.id, codes): 1.0 for codes in cells}))
    return 2 * min(variances) ** 0.5 if variances else inf


def _losses(unit: str, losses: Mapping[int, Fraction], shown: Programme) -> Iterator[str]:
    for number, rho in losses.items():
        yield f"    {unit} = {number:<3} rho {rho!s:<8} epsilon <= {epsilon_upper(rho, shown.delta):.2f}"


def consequences(
    config: Config, rho_cap: Fraction, until: datetime, words: Words, small: Sequence[str] = ()
) -> str:
    """What the approval allows.

    Args:
        small: the small levels that it agrees to.
    """
    said = [words("caps", cap=rho_cap, house=config.caps.central, until=f"{until:%Y-%m-%d}")]
    if small:
        said.append(words("small.agrees", names=", ".join(small)))
    return "\n".join(said)


def _tables(shown: Programme, number: int, words: Words) -> Iterator[str]:
    either = words.either
    yield f"{words('tables')}:"
    noise = dict(zip((table.id for table in shown.measured), _noise(shown, number, words), strict=True))
    for table in shown.tables:
        yield f"  {either(table.title.nl, table.title.en)}: {either(table.question.nl, table.question.en)}"
        facts = [" x ".join(table.dimensions) or words("table.total")]
        if table.id in noise:
            facts += [noise[table.id], f"rho {shown.rho_of(table)}"]
        else:
            facts.append(words("table.follows"))
        if table.years > 1:
            facts.append(words("table.years", years=table.years))
        yield f"    {'; '.join(facts)}"
    yield f"{words('codes')}:"
    for dimension in shown.dimensions:
        yield f"  {either(dimension.title.nl, dimension.title.en)} ({dimension.id}):"
        for code in dimension.codes:
            yield f"    {code.code:<10} {either(code.nl, code.en)}"


def _noise(shown: Programme, number: int, words: Words) -> Iterator[str]:
    """How much noise each table that is measured gets."""
    if shown.mode is Mode.INDIVIDUAL:
        for noise in noise_plan(shown):
            yield words("cells", cells=noise.cells, sd=noise.variance**0.5)
        return
    for noise in share_plan(shown, number, number):
        national = float(summed_variance(noise, number)) ** 0.5
        yield words("cells.shared", cells=noise.cells, sd=national, share=noise.variance**0.5)


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


def _secure_sum(
    shown: Programme, rostered: int | None, number: int, local_cap: Fraction | None, words: Words
) -> Iterator[str]:
    """Who sees what, and what remains if others collude or fall out."""
    rules = shown.roster
    fewest = fewest_listed(rules, number)
    collusion = collusion_of(shown, share_plan(shown, number, number), number, number, fewest)
    local, most = collusion.loss.local, collusion.withstood
    yield f"{words('sum')}:"
    yield f"  {words('sum.nobody', least=rules.institutions_min)}"
    yield f"  {words('sum.counted_on' if rostered else 'sum.no_roster', number=number)}"
    yield f"  {words('sum.collude', c=rules.collude_max)}"
    if most > rules.collude_max:
        more = float(collusion.with_colluders(most))
        yield f"  {words('sum.more', most=most, more=more)}"
    if rostered:
        facts = {"beyond": most + 1, "local": local, "epsilon": epsilon_upper(local, shown.delta)}
        yield f"  {words('sum.local', **facts)}"
        sizes = {number: local}
    else:
        yield f"  {words('sum.local_grows', beyond=most + 1)}"
        sizes = {n: _local(shown, n) for n in (number, *FEDERATIONS) if n >= number}
        yield from _losses("n", sizes, shown)
    if local_cap is not None:
        yield f"  {words('sum.local_cap', cap=local_cap)}"
        yield from (f"  {line}" for line in _attempts(sizes, local_cap, shown.max_attempts, words))
    yield f"  {words('sum.absent', d=rules.absent_max)}"
    yield f"  {words('sum.lost')}"


def _local(shown: Programme, number: int) -> Fraction:
    """What an attempt costs if everybody else of so many institutions colludes."""
    return loss_of(shown, share_plan(shown, number, number), number).local


def _attempts(sizes: Mapping[int, Fraction], cap: Fraction, most: int, words: Words) -> Iterator[str]:
    """How many attempts the local cap admits, by the number of institutions; and that it is too few."""
    short = False
    for number, local in sizes.items():
        admitted = min(cap // local, most)
        short = short or admitted < most
        yield words("sum.local_attempts", number=number, attempts=admitted, most=most)
    if short:
        yield words("sum.local_short")
