"""Whom a programme counts, and in which tables."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from samentel.documents.codelists import Codes, CodeText, Key, Text, repeated
from samentel.documents.model import Exact, Model, Name

MonthDay = Annotated[str, StringConstraints(pattern=r"^(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2\d|3[01])$")]


class Counting(StrEnum):
    """Whom a population counts in a period."""

    INFLOW = "inflow"
    STOCK = "stock"


class Records(StrEnum):
    """Which records of an institution a population counts."""

    CLIENTS = "clients"
    VICTIMS = "victims"
    REQUESTS = "requests"
    PLACEMENTS = "placements"
    CONTACTS = "contacts"


class Registers(Model):
    """Which institutions register a population, so that one request that three of them see counts once.

    Attributes:
        channels: by type of institution on the roster, the one channel whose rows it registers. Institutions
            of a type that is not named here register none.
        field: the field of the record that says through which channel a row came: a row counts where that is
            the institution's own channel or is not known. None where each registers all rows it has.
        by_consent: channels that few institutions register: published because each of them has agreed.
    """

    channels: Annotated[dict[CodeText, CodeText], Field(min_length=1, max_length=100)]
    field: Key | None = None
    by_consent: Codes = ()


class Population(Model):
    """Whom the tables count.

    Attributes:
        records: which of an institution's records are its rows. Of contacts nobody knows whose they are: each
            row counts by itself, and the unit of privacy is one contact.
        rows_per_person: k, the most rows one person can add to each table of this population.
        distinct: a dimension of whose levels each counts a person once, with the first row; of the rows that
            are left the first k count.
        dated_by: the date by which rows lie in a period, where that is not when they began: ``ended`` counts
            placements that came to an end.
        reference_day: of a stock, the day of the reporting year on which somebody must be there.
        registers: who registers it; None if every institution does.
        of_quarters: the id of a quarterly programme: the persons whom the institution counted in that year's
            quarters of it are counted here, and nobody else.
        reference: about how many rows the country has in a period, from published figures, for planning; with
            its source.
        rows_max: the most rows of one institution that count in one cell. Far above what any institution has:
            it bounds the vectors of a secure sum, and stops an export that holds everything a thousand times.
    """

    id: Key
    title: Text
    definition: Text
    counting: Counting
    records: Records = Records.CLIENTS
    distinct: Key | None = None
    dated_by: Literal["ended"] | None = None
    reference_day: MonthDay | None = None
    registers: Registers | None = None
    of_quarters: Key | None = None
    reference: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    reference_source: Name | None = None
    rows_per_person: Annotated[int, Field(ge=1, le=8)]
    rows_max: Annotated[int, Field(ge=1000, le=10_000_000)] = 100_000


class Table(Model):
    """One national table.

    Attributes:
        dimensions: none for the total of the population.
        rho_share: the part of the programme's rho that this table spends. Zero for a table that is not
            measured but follows from others of its population.
        weight: how much its accuracy matters, beside other tables, when the shares are chosen.
        years: 3 for a table that is published as the sum of three years only, since its counts are small.
        imprecise: published although half an interval is more than half of its mean reference cell: its few
            large cells are what it is for. The plan and every release say so.
        target_sd: the standard deviation sought for its cells, in persons; the plan says whether it is met.
    """

    id: Key
    title: Text
    question: Text
    population: Key
    dimensions: Annotated[tuple[Key, ...], Field(max_length=4)] = ()
    rho_share: Exact
    weight: Exact = Fraction(1)
    years: Annotated[int, Field(ge=1, le=3)] = 1
    imprecise: bool = False
    target_sd: Exact | None = None


def problems(populations: Sequence[Population], period: str, dimensions: Sequence[str]) -> Iterator[str]:
    """What is wrong with each population by itself, a sentence each with its place.

    Args:
        period: year or quarter, as the programme counts.
        dimensions: the ids of its dimensions.
    """
    for population in populations:
        place = f"populations.{population.id}"
        if population.distinct is not None and population.distinct not in dimensions:
            yield f"{place}.distinct: there is no dimension {population.distinct}"
        if (population.reference is None) != (population.reference_source is None):
            yield f"{place}.reference: a reference figure and its source go together"
        yield from _stock_problems(place, population, period)
        if population.dated_by is not None and population.records is not Records.PLACEMENTS:
            yield f"{place}.dated_by: only placements come to an end"
        if population.records is Records.CONTACTS:
            yield from _contact_problems(place, population, period)
        if population.of_quarters is not None and (
            period != "year" or population.counting is not Counting.INFLOW or population.dated_by is not None
        ):
            yield f"{place}.of_quarters: is for the inflow of a yearly programme, dated by its beginning"
        if population.registers is not None:
            yield from _register_problems(place, population.registers, population.id, dimensions)


def _stock_problems(place: str, population: Population, period: str) -> Iterator[str]:
    if population.counting is Counting.INFLOW:
        if population.reference_day is not None:
            yield f"{place}.reference_day: is for a stock; inflow counts the whole period"
        return
    if population.records is not Records.PLACEMENTS or population.dated_by is not None:
        yield f"{place}.counting: only placements, from their beginning to their end, can be counted as stock"
    if period != "year" or population.reference_day is None:
        yield f"{place}.reference_day: a stock belongs to a yearly programme, on a day such as 12-31"


def _contact_problems(place: str, population: Population, period: str) -> Iterator[str]:
    if population.rows_per_person != 1 or population.distinct or population.of_quarters:
        yield f"{place}: nobody knows whose a contact is; write rows_per_person = 1, without distinct"
    if period != "year":  # nothing binds a contact to a quarter, so an edited date would count it twice
        yield f"{place}.records: contacts can be counted by the year only"


def _register_problems(
    place: str, registers: Registers, name: str, dimensions: Sequence[str]
) -> Iterator[str]:
    if name in dimensions:  # a consent names a level as dimension:code or population:channel
        yield f"{place}.registers: there is a dimension {name} as well; give the population another id"
    known = set(registers.channels.values())
    strange = [code for code in registers.by_consent if code not in known]
    yield from (f"{place}.registers.by_consent: {code} is not one of its channels" for code in strange)
    yield from (f"{place}.registers.by_consent: {code} twice" for code in repeated(registers.by_consent))
    if registers.field is None and len(known) > 1:
        yield f"{place}.registers.field: say in which field the channel of a row stands"
