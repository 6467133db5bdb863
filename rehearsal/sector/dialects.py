"""Three client systems: which files each writes, how, and what a mapping file says of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from rehearsal.sector import figures, words
from samentel.documents.populations import Records

REASONS_OF_VICTIMS = ("THB_SEX", "THB_LAB", "THB_CRI", "THB_OTH", "THB_SUSP")


class AgeFrom(Enum):
    """From which field of the export an age can be told."""

    BIRTH_DATE = "birth_date"
    BIRTH_YEAR = "birth_year"
    AGE = "age"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the records of one kind stand.

    Attributes:
        file: the beginning of the file's name; the layouts of a dialect that share it share the file.
        columns: record field to column heading; ``name`` is not mapped.
        only: column heading to the words, one of which a line of that kind has there.
    """

    file: str
    columns: Mapping[str, str]
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one client system writes its exports.

    Attributes:
        date_form: as strftime writes it and the mapping reads it.
        layouts: by kind of record; the clients' own is the one of the clients' file.
        words: by field, what the system writes for each code; for citizenship, for each country or group.
        unmapped: words that no mapping knows, as every export has some: of a reason, and of any other field.
        blank: by field, the code that an empty cell means here, if not what is unknown.
        by_country: whether it writes the country rather than the group of countries.
    """

    name: str
    encoding: str
    delimiter: str
    date_form: str
    age_from: AgeFrom
    layouts: Mapping[Records, Layout]
    words: Mapping[str, Mapping[str, str]]
    unmapped: tuple[str, str]
    blank: Mapping[str, str] = field(default_factory=dict)
    by_country: bool = False

    @property
    def columns(self) -> Mapping[str, str]:
        """Record field to column heading of the clients' file, in its order."""
        return self.layouts[Records.CLIENTS].columns

    @property
    def clients_file(self) -> Mapping[str, str]:
        """The same of the whole clients' file, with the victims' columns if they share it."""

        shared = self.layouts[Records.VICTIMS].columns if self.victims_by_reason else {}
        return {**self.columns, **shared}

    @property
    def victims_by_reason(self) -> bool:
        """Whether victims are the clients with certain reasons, and stand nowhere else."""
        return self.layouts[Records.VICTIMS].file == self.layouts[Records.CLIENTS].file

    @property
    def notes_near(self) -> bool:
        """Whether a placement says itself that it is in the person's own province."""
        return "near" in self.layouts[Records.PLACEMENTS].columns

    @property
    def requests_have_province(self) -> bool:
        """Whether a request says itself where somebody comes from."""
        return "province" in self.layouts[Records.REQUESTS].columns

    def written(self, day: date) -> str:
        """A date as this system writes it."""
        return day.strftime(self.date_form)

    def mapping(self, year: int, kinds: Sequence[Records]) -> str:
        """The mapping file of an institution with this system, as TOML.

        Args:
            kinds: the kinds of records that the institution has.
        """
        clients = self.layouts[Records.CLIENTS]
        lines = [
            "# Made for a rehearsal: where the exports keep each field, and what its words mean nationally.",
            "",
            "[file]",
            *self._file(clients, year),
            "",
            "[columns]",
            *_columns(clients),
        ]
        for kind in kinds:
            if kind is not Records.CLIENTS:
                lines += self._section(kind, year)
        if self.blank:
            lines += ["", "[blank]", *(f'{name} = "{code}"' for name, code in self.blank.items())]
        used = {name for kind in kinds for name in self.layouts[kind].columns}
        for name, written in self.words.items():
            if name in used:
                lines += ["", f"[codes.{name}]"]
                lines += [f'"{word}" = "{self._national(name, code)}"' for code, word in written.items()]
        return "\n".join(lines) + "\n"

    def _section(self, kind: Records, year: int) -> Iterator[str]:
        layout = self.layouts[kind]
        if layout.file != self.layouts[Records.CLIENTS].file:
            yield from ("", f"[{kind}.file]", *self._file(layout, year))
        yield from ("", f"[{kind}.columns]", *_columns(layout))
        if layout.only:
            yield from ("", f"[{kind}.only]")
            for heading, said in layout.only.items():
                listed = ", ".join(f'"{word}"' for word in said)
                yield f'"{heading}" = [{listed}]'

    def _file(self, layout: Layout, year: int) -> list[str]:
        return [
            f'path = "{layout.file}-{year}.csv"',
            f'encoding = "{self.encoding}"',
            f'delimiter = "{self.delimiter}"',
            f'dates = ["{self.date_form}"]',
        ]

    def _national(self, name: str, code: str) -> str:
        return figures.COUNTRIES[code][0] if name == "citizenship" and self.by_country else code


def _columns(layout: Layout) -> list[str]:
    return [f'{name} = "{heading}"' for name, heading in layout.columns.items() if name != "name"]


def _words(system: int) -> dict[str, dict[str, str]]:
    return {
        name: {code: said[system] for code, said in codes.items()} for name, codes in words.FIELDS.items()
    }


_DESKTOP = _words(0)
DESKTOP = Dialect(
    name="desktop",
    encoding="cp1252",
    delimiter=";",
    date_form="%d-%m-%Y",
    age_from=AgeFrom.BIRTH_DATE,
    layouts={
        Records.CLIENTS: Layout(
            "export",
            {
                "person": "Cliëntnummer",
                "name": "Naam",
                "first_contact": "Datum eerste contact",
                "birth_date": "Geboortedatum",
                "sex": "Geslacht",
                "citizenship": "Nationaliteit",
                "residence": "Verblijfsstatus",
                "province": "Herkomst",
                "reason": "Aanleiding",
                "help_type": "Soort hulp",
            },
        ),
        Records.VICTIMS: Layout(
            "export",
            {
                "person": "Cliëntnummer",
                "first_contact": "Datum eerste contact",
                "form": "Vorm van uitbuiting",
                "consent": "Melding CoMensha",
                "access": "Toegang",
                "problems": "Problematiek",
                "earlier": "Eerdere hulp",
            },
            {"Aanleiding": [_DESKTOP["reason"][code] for code in REASONS_OF_VICTIMS]},
        ),
        Records.REQUESTS: Layout(
            "aanvragen",
            {
                "person": "Cliëntnummer",
                "requested": "Datum aanvraag",
                "facility_asked": "Gevraagde opvang",
                "outcome": "Uitkomst",
                "refusal": "Reden afwijzing",
                "province": "Regio van herkomst",
                "channel": "Kanaal",
            },
        ),
        Records.PLACEMENTS: Layout(
            "plaatsingen",
            {
                "person": "Cliëntnummer",
                "placed": "Datum plaatsing",
                "facility": "Soort plek",
                "via": "Gekomen vanuit",
                "asked_on": "Datum verzoek",
                "ended": "Datum vertrek",
                "exit": "Reden einde",
                "destination": "Vertrokken naar",
            },
        ),
        Records.CONTACTS: Layout("contacten", {"contacted": "Datum contact", "reason": "Onderwerp"}),
    },
    words={**_DESKTOP, "citizenship": words.COUNTRY},
    unmapped=("Zie intakeverslag", "Zie dossier"),
    by_country=True,
)

_WEB = _words(1)
WEB = Dialect(
    name="web",
    encoding="utf-8",
    delimiter=",",
    date_form="%Y-%m-%d",
    age_from=AgeFrom.BIRTH_YEAR,
    layouts={
        Records.CLIENTS: Layout(
            "export",
            {
                "first_contact": "first_contact",
                "person": "client_id",
                "sex": "sex",
                "birth_year": "birth_year",
                "citizenship": "citizenship",
                "province": "home_region",
                "reason": "reason_for_help",
                "name": "display_name",
            },
        ),
        Records.VICTIMS: Layout(
            "victims",
            {
                "person": "client_id",
                "form": "exploitation",
                "residence": "residence_status",
                "help_type": "help",
                "consent": "comensha",
                "access": "access",
                "problems": "problem_areas",
                "earlier": "helped_before",
            },
        ),
        Records.REQUESTS: Layout(
            "requests",
            {
                "requested": "requested_on",
                "person": "client_id",
                "facility_asked": "shelter_asked",
                "outcome": "result",
                "refusal": "refused_because",
                "channel": "asked_through",
            },
        ),
        Records.PLACEMENTS: Layout(
            "placements",
            {
                "placed": "moved_in_on",
                "person": "client_id",
                "facility": "shelter_kind",
                "via": "came_from",
                "waiting": "days_waited",
                "ended": "moved_out_on",
                "exit": "ended_how",
                "destination": "went_to",
            },
        ),
        Records.CONTACTS: Layout("contacts", {"contacted": "contacted_on", "reason": "reason_for_help"}),
    },
    words={**_WEB, "citizenship": {code: code.lower() for code in words.COUNTRY}},
    unmapped=("migrated-2019", "see file"),
    by_country=True,
)

_SHEET = _words(2)
SHEET = Dialect(
    name="sheet",
    encoding="latin-1",
    delimiter="|",
    date_form="%d/%m/%Y",
    age_from=AgeFrom.AGE,
    layouts={
        Records.CLIENTS: Layout(
            "export",
            {
                "person": "nr",
                "reason": "aanl",
                "age": "lft",
                "sex": "gesl",
                "citizenship": "nat",
                "province": "prov",
                "name": "roepnaam",
                "first_contact": "start",
            },
        ),
        Records.VICTIMS: Layout(
            "dossier",
            {
                "person": "nr",
                "first_contact": "dat",
                "form": "vorm",
                "residence": "status",
                "help_type": "hulp",
                "consent": "meld",
                "access": "toeg",
                "problems": "probl",
                "earlier": "eerder",
            },
            {"srt": ["M"]},
        ),
        Records.REQUESTS: Layout(
            "dossier",
            {
                "person": "nr",
                "requested": "dat",
                "facility_asked": "plek",
                "outcome": "uitk",
                "refusal": "grond",
                "channel": "kan",
            },
            {"srt": ["A"]},
        ),
        Records.PLACEMENTS: Layout(
            "dossier",
            {
                "person": "nr",
                "placed": "dat",
                "facility": "plek",
                "via": "via",
                "asked_on": "gevr",
                "ended": "eind",
                "exit": "hoe",
                "destination": "naar",
                "near": "eigen",
            },
            {"srt": ["P"]},
        ),
        Records.CONTACTS: Layout("dossier", {"contacted": "dat", "reason": "aanl"}, {"srt": ["C"]}),
    },
    words={**_SHEET, "citizenship": {code: said[2] for code, said in words.GROUP.items()}},
    unmapped=("zie map", "p.m."),
    blank={"reason": "NASK"},
)
