"""Three client systems: how each writes an export, and what its words mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one client system writes its export.

    Attributes:
        date_form: as strftime writes it and the mapping reads it.
        columns: record field to column heading, in the order of the export; ``name`` is not mapped.
        words: by field, what the system writes for each national code.
        unmapped: by field, a word that the mapping does not know, as every export has some.
    """

    name: str
    encoding: str
    delimiter: str
    date_form: str
    columns: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]]
    unmapped: Mapping[str, str]

    def written(self, day: date) -> str:
        """A date as this system writes it."""
        return day.strftime(self.date_form)

    def mapping(self, export: str) -> str:
        """The mapping file of an institution with this system, as TOML."""
        lines = [
            "# Made for a rehearsal: where the export keeps each field, and what its words mean nationally.",
            "",
            "[file]",
            f'path = "{export}"',
            f'encoding = "{self.encoding}"',
            f'delimiter = "{self.delimiter}"',
            f'dates = ["{self.date_form}"]',
            "",
            "[columns]",
            *(f'{field} = "{heading}"' for field, heading in self.columns.items() if field != "name"),
        ]
        for field, words in self.words.items():
            lines += ["", f"[codes.{field}]", *(f'"{word}" = "{code}"' for code, word in words.items())]
        return "\n".join(lines) + "\n"


_REASONS: Sequence[tuple[str, str, str, str]] = (
    ("THB_SEX", "Mensenhandel - seksuele uitbuiting", "mh-seksueel", "SEKS"),
    ("THB_LAB", "Mensenhandel - arbeidsuitbuiting", "mh-arbeid", "ARBEID"),
    ("THB_CRI", "Mensenhandel - criminele uitbuiting", "mh-crimineel", "CRIM"),
    ("THB_OTH", "Mensenhandel - overig", "mh-overig", "MH-OV"),
    ("THB_SUSP", "Vermoeden mensenhandel", "mh-vermoeden", "MH?"),
    ("SV", "Seksueel geweld", "seksueel-geweld", "SG"),
    ("HG", "Huiselijk geweld", "huiselijk-geweld", "HG"),
    ("EER", "Eergerelateerd geweld", "eer", "EER"),
    ("GGZ", "Psychische problematiek", "ggz", "PSY"),
    ("VER", "Verslaving", "verslaving", "VERSL"),
    ("LVB", "Licht verstandelijke beperking", "lvb", "LVB"),
    ("DAK", "Dakloosheid", "dakloos", "DAKL"),
    ("SCH", "Schulden", "schulden", "SCHULD"),
    ("ASY", "Asiel / verblijf", "asiel", "COA"),
    ("ZOR", "Overige zorgvraag", "zorg", "ZORG"),
    ("OTH", "Anders, namelijk", "anders", "OVERIG"),
    ("NREC", "Niet ingevuld", "leeg", "ONB"),
    ("NASK", "Niet gevraagd", "niet-gevraagd", "NV"),
)

DESKTOP = Dialect(
    name="desktop",
    encoding="cp1252",
    delimiter=";",
    date_form="%d-%m-%Y",
    columns={
        "person": "Cliëntnummer",
        "name": "Naam",
        "first_contact": "Datum eerste contact",
        "birth_date": "Geboortedatum",
        "sex": "Geslacht",
        "citizenship": "Nationaliteit",
        "reason": "Aanleiding",
    },
    words={
        "sex": {"F": "Vrouw", "M": "Man", "X": "Anders", "U": "Onbekend"},
        "citizenship": {
            "NL": "Nederlandse",
            "EU": "Overige EU",
            "EUR": "Europa buiten EU",
            "AFR": "Afrikaanse",
            "ASI": "Aziatische",
            "AME": "Amerikaanse",
            "STL": "Staatloos",
        },
        "reason": {code: word for code, word, _, _ in _REASONS},
    },
    unmapped={"sex": "Nvt", "citizenship": "Zie dossier", "reason": "Zie intakeverslag"},
)

WEB = Dialect(
    name="web",
    encoding="utf-8",
    delimiter=",",
    date_form="%Y-%m-%d",
    columns={
        "first_contact": "first_contact",
        "person": "client_id",
        "sex": "sex",
        "birth_year": "birth_year",
        "citizenship": "citizenship",
        "reason": "reason_for_help",
        "name": "display_name",
    },
    words={
        "sex": {"F": "v", "M": "m", "X": "x", "U": "?"},
        "citizenship": {
            "NL": "nl",
            "EU": "eu",
            "EUR": "europe-other",
            "AFR": "africa",
            "ASI": "asia",
            "AME": "americas",
            "STL": "stateless",
        },
        "reason": {code: word for code, _, word, _ in _REASONS},
    },
    unmapped={"sex": "n/a", "citizenship": "see file", "reason": "migrated-2019"},
)

SHEET = Dialect(
    name="sheet",
    encoding="latin-1",
    delimiter="|",
    date_form="%d/%m/%Y",
    columns={
        "person": "nr",
        "reason": "aanl",
        "age": "lft",
        "sex": "gesl",
        "citizenship": "nat",
        "name": "roepnaam",
        "first_contact": "start",
    },
    words={
        "sex": {"F": "V", "M": "M", "X": "X", "U": "-"},
        "citizenship": {
            "NL": "NLD",
            "EU": "EU-ov",
            "EUR": "Eur-ov",
            "AFR": "Afr",
            "ASI": "Az",
            "AME": "Am",
            "STL": "stl",
        },
        "reason": {code: word for code, _, _, word in _REASONS},
    },
    unmapped={"sex": "?", "citizenship": "p.m.", "reason": "zie map"},
)
