"""A made-up sector: twelve institutions that do not exist, with clients who do not exist.

Drawn from a seed with the standard library, so that a rehearsal can be
repeated. Because nobody in it exists, the true figures may be known here, and
only here: nothing like ``Sector.truth`` exists for real records.
"""

import csv
import io
import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from rehearsal.dialects import DESKTOP, SHEET, WEB, Dialect

UNKNOWN = "NREC"  # the reason of whatever cannot be read

# How often each reason is drawn, of a thousand. Made up; nothing is to be learnt from it.
_REASONS: Mapping[str, int] = {
    "THB_SEX": 90, "THB_LAB": 60, "THB_CRI": 35, "THB_OTH": 12, "THB_SUSP": 55, "SV": 40,
    "HG": 210, "EER": 18, "GGZ": 60, "VER": 35, "LVB": 30, "DAK": 90,
    "SCH": 35, "ASY": 35, "ZOR": 25, "OTH": 20, "NREC": 90, "NASK": 60,
}  # fmt: skip
_SEXES: Mapping[str, int] = {"F": 68, "M": 26, "X": 2, "U": 4}
_CITIZENSHIPS: Mapping[str, int] = {"NL": 46, "EU": 16, "EUR": 7, "AFR": 13, "ASI": 10, "AME": 5, "STL": 3}
_NAMES = ("Aaltje", "Bram", "Céline", "Daan", "Esmée", "Faas", "Gijs", "Zoë")


@dataclass(frozen=True, slots=True)
class House:
    """An institution that does not exist.

    Attributes:
        clients: people with a first contact in the reporting year.
    """

    node: str
    name: str
    operator: str
    type: str
    province: str
    dialect: Dialect
    clients: int


HOUSES: tuple[House, ...] = (
    House("de-haven", "Opvang De Haven (verzonnen)", "De Haven", "VO_MO", "PV27", DESKTOP, 152),
    House("lindehof", "Jeugdzorg Lindehof (verzonnen)", "Lindehof", "JEUGD", "PV26", WEB, 97),
    House(
        "noorderlicht", "Stichting Noorderlicht (verzonnen)", "Noorderlicht", "VO_MO", "PV20", DESKTOP, 118
    ),
    House("het-baken", "Ambulante hulp Het Baken (verzonnen)", "Het Baken", "AMB", "PV28", WEB, 64),
    House("de-veste", "Vrouwenopvang De Veste (verzonnen)", "De Veste", "VO_MO", "PV30", SHEET, 131),
    House("duinzicht", "Jeugdhulp Duinzicht (verzonnen)", "Duinzicht", "JEUGD", "PV29", DESKTOP, 88),
    House("het-anker", "Zorgcoördinatie Het Anker (verzonnen)", "Het Anker", "ZC", "PV22", SHEET, 73),
    House("maaszicht", "Opvang Maaszicht (verzonnen)", "Maaszicht", "VO_MO", "PV31", WEB, 109),
    House("oosterpoort", "Stichting Oosterpoort (verzonnen)", "Oosterpoort", "AMB", "PV23", DESKTOP, 95),
    House("rietland", "Jeugdzorg Rietland (verzonnen)", "Rietland", "JEUGD", "PV24", WEB, 61),
    House("waterkant", "Ambulante hulp Waterkant (verzonnen)", "Waterkant", "AMB", "PV25", SHEET, 82),
    House("zonnehoek", "Vrouwenopvang Zonnehoek (verzonnen)", "Zonnehoek", "VO_MO", "PV21", DESKTOP, 124),
)
SMALL = HOUSES[:4]  # a federation that has only begun
_LATE = 9  # rows of the year before that every export still holds


@dataclass(frozen=True, slots=True)
class Client:
    """One row of an export, its fields as the client system writes them but for dates."""

    person: str
    name: str
    first_contact: date | None
    born: date | None
    sex: str
    citizenship: str
    reason: str


@dataclass(frozen=True, slots=True)
class Export:
    """What an institution's client system hands out, and the mapping that its people have written for it.

    Attributes:
        data: the CSV file in the system's own encoding.
        mapping: the text of mapping.toml.
    """

    house: House
    file: str
    data: bytes
    mapping: str


@dataclass(frozen=True, slots=True)
class Sector:
    """A whole made-up sector.

    Attributes:
        year: the last reporting year.
        known: by reporting year and node, by code of the reason, how many people there really are.
    """

    year: int
    exports: tuple[Export, ...]
    known: Mapping[int, Mapping[str, Mapping[str, int]]]

    @property
    def truth(self) -> Mapping[str, int]:
        """The whole sector in its last year, by code of the reason; each person once an institution."""
        return self.truth_of(self.year, [export.house.node for export in self.exports])

    def truth_of(self, year: int, nodes: Collection[str]) -> Mapping[str, int]:
        """The same for some institutions and for one of the years that the sector was made with."""
        return {code: sum(self.known[year][node][code] for node in nodes) for code in _REASONS}


def make(year: int, seed: int = 1, houses: Sequence[House] = SMALL, years: int = 1) -> Sector:
    """The sector of a seed, with first contacts in and around its reporting years.

    Args:
        year: the last of them.
        years: 1, or 2 for a sector that can also be asked about the year before.
    """
    chance = random.Random(seed)
    known: dict[int, dict[str, Mapping[str, int]]] = {year - back: {} for back in range(years)}
    exports = []
    for house in houses:
        rows, counted = _clients(house, year, years, chance)
        for counted_in, reasons in counted.items():
            known[counted_in][house.node] = Counter(reasons)
        name = f"export-{year}.csv"
        exports.append(Export(house, name, _written(house.dialect, rows), house.dialect.mapping(name)))
    return Sector(year, tuple(exports), known)


def _clients(
    house: House, year: int, years: int, chance: random.Random
) -> tuple[list[Client], dict[int, list[str]]]:
    """The rows of an export in any order; by year, the reason that counts for each person."""
    rows, reasons = _people(house, range(house.clients), year, chance)
    counted = {year: reasons}
    oddities, undated = _oddities(house, rows, chance)
    rows += oddities
    if years == 1:
        rows += [_client(house, house.clients + number, year - 1, chance) for number in range(_LATE)]
    else:
        earlier, before = _people(house, range(house.clients * 9 // 10), year - 1, chance)
        rows += earlier
        # Whose date nobody can read is counted in every year.
        counted[year - 1] = [*before, reasons[undated]]
    chance.shuffle(rows)
    return [_in_words(house.dialect, row, chance) for row in rows], counted


def _people(
    house: House, numbers: Sequence[int], year: int, chance: random.Random
) -> tuple[list[Client], list[str]]:
    people = [_client(house, number, year, chance) for number in numbers]
    rows, reasons = [], []
    for person in people:
        word, counted = _reason(house.dialect, person.reason, chance)
        rows.append(replace(person, reason=word))
        reasons.append(counted)
    return rows, reasons


def _oddities(house: House, rows: list[Client], chance: random.Random) -> tuple[list[Client], int]:
    """What every real export has: the same client again, a number that is missing, a date nobody can read.

    Returns:
        The rows to add, and the place of the one that has lost its date.
    """
    again, undated = chance.sample(range(len(rows)), 2)
    first = rows[again]
    assert first.first_contact is not None, "only the oddities have no date"
    later = replace(first, first_contact=first.first_contact + timedelta(days=3), reason=_word(house, "OTH"))
    rows[undated] = replace(rows[undated], first_contact=None)
    nameless = replace(first, person="", name="", reason=house.dialect.unmapped["reason"])
    return [later, nameless], undated


def _client(house: House, number: int, year: int, chance: random.Random) -> Client:
    contact = date(year, 1, 1) + timedelta(days=chance.randrange(350))
    born = date(year - chance.randrange(12, 64), chance.randrange(1, 13), chance.randrange(1, 29))
    return Client(
        person=f"{house.node[:2].upper()}{year}{number:04d}",
        name=f"{chance.choice(_NAMES)} Verzonnen",
        first_contact=contact,
        born=born if chance.random() > 0.04 else None,
        sex=_drawn(_SEXES, chance),
        citizenship=_drawn(_CITIZENSHIPS, chance),
        reason=_drawn(_REASONS, chance),
    )


def _reason(dialect: Dialect, code: str, chance: random.Random) -> tuple[str, str]:
    """The word in the export for a reason, and the code it will count as."""
    if code != UNKNOWN:
        return dialect.words["reason"][code], code
    return chance.choice([dialect.words["reason"][code], dialect.unmapped["reason"], ""]), code


def _in_words(dialect: Dialect, row: Client, chance: random.Random) -> Client:
    sex, citizenship = dialect.words["sex"][row.sex], dialect.words["citizenship"][row.citizenship]
    reason = dialect.words["reason"].get(row.reason, row.reason)
    if row.sex == "U":
        sex = chance.choice([sex, dialect.unmapped["sex"], ""])
    if row.citizenship == "STL":
        citizenship = chance.choice([citizenship, dialect.unmapped["citizenship"], ""])
    return replace(row, sex=sex, citizenship=citizenship, reason=reason)


def _written(dialect: Dialect, rows: Sequence[Client]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=dialect.delimiter, lineterminator="\r\n")
    writer.writerow(dialect.columns.values())
    writer.writerows([_cell(dialect, field, row) for field in dialect.columns] for row in rows)
    return text.getvalue().encode(dialect.encoding)


def _cell(dialect: Dialect, field: str, row: Client) -> str:
    if field == "first_contact":
        return dialect.written(row.first_contact) if row.first_contact else "31-02-????"
    if field == "birth_date":
        return dialect.written(row.born) if row.born else ""
    if field == "birth_year":
        return str(row.born.year) if row.born else ""
    if field == "age":
        return _age(row)
    return str(getattr(row, field))


def _age(row: Client) -> str:
    """Whole years at the first contact."""
    if row.born is None or row.first_contact is None:
        return ""
    day, born = row.first_contact, row.born
    return str(day.year - born.year - ((day.month, day.day) < (born.month, born.day)))


def _word(house: House, code: str) -> str:
    return house.dialect.words["reason"][code]


def _drawn(weights: Mapping[str, int], chance: random.Random) -> str:
    return chance.choices(list(weights), weights=list(weights.values()))[0]
