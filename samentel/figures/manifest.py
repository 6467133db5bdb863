"""What a release says of itself: who is in it, what it cost, how exact it is, and which files it has.

Only the shape stands here. What is filled in is worked out in ``manifest_privacy``
and ``manifest_tables``, put together in ``release``, and its sentences are those
of ``manifest_texts``.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from samentel.documents.codelists import CodeText, Text
from samentel.documents.model import DigestField, Exact, LongExact, Model, Moment, Name, PeriodField
from samentel.figures.estimate import CONFIDENCE
from samentel.figures.listed import CodeList
from samentel.figures.manifest_accuracy import Accuracy
from samentel.ids import Period

# Both become names on a reader's disk.
FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-zA-Z0-9._-]{0,99}$")]
Counted = Literal["persons", "requests", "placements", "contacts"]
Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]

SCHEMA = "manifest.schema.json"  # the file that describes this, in every release


class File(Model):
    """One file of a release.

    Attributes:
        rows: of a table, without its heading; None for a file that is no table.
    """

    name: FileName
    bytes: Annotated[int, Field(ge=0)]
    sha256: DigestField
    rows: Annotated[int, Field(ge=0)] | None = None


class Coverage(Model):
    """Who was asked, who took part, who is in the sum: names, published exactly.

    Attributes:
        enrolled: on the roster of the round.
        dealt: in a secure sum, how many were still there when the noise shares were sized.
        dropped: present, and not in the sum.
        same_person, missing: what happens to a person at two institutions, and to a reason that is not there.
    """

    enrolled: tuple[str, ...]
    invited: tuple[str, ...]
    present: tuple[str, ...]
    in_sum: tuple[str, ...]
    dropped: tuple[str, ...]
    dealt: int | None = None
    same_person: Text
    missing: Text


class PopulationFacts(Model):
    """Whom or what one population counts, and how much of it one unit of privacy can be.

    Attributes:
        unit: what one protected change is.
        adjacency: the same, formally.
        rows_per_person: k, the most rows one unit adds to each table.
        rows_max: the most rows of one institution that count in one cell.
        counting: inflow or stock.
        channels: by type of institution, what it registers of it; none if all register all they have.
        registered_by: the same in words.
    """

    id: Name
    title: Text
    definition: Text
    unit: Text
    adjacency: str
    rows_per_person: int
    rows_max: int
    counting: str
    channels: dict[CodeText, CodeText] = Field(default_factory=dict)
    registered_by: Text


class NoiseFacts(Model):
    """The variance of the noise in one cell of a national sum as measured, in persons squared.

    Attributes:
        planned: with everybody on the roster in the sum.
        realised: that is really in this sum.
        honest: what is left of it for somebody who knows the noise of those who may collude or fall out, as
            the programme assumes; this is what rho rests on.
    """

    planned: float
    realised: float
    honest: float


class TableFacts(Model):
    """How one table was measured, and how accurate it became.

    Attributes:
        unit: what one count of it is: ``persons``, ``requests``, ``placements`` or ``contacts``.
        rho: of the table in this release, at most c colluding; 0 for a table that was not measured and
            follows from others.
        noise: None for a table that was not measured.
        noise_sd: of one national cell as measured, in persons; None for a table that was not measured.
        cell_sd: of one national cell after least squares over the tables of its population, in persons; the
            largest of its cells. At most ``noise_sd``.
        years: 3 for a table that is published as the sum of three years only.
        periods: the periods of which its figures in this release are the sum; none if it has none.
        withheld: why this release has no figures of it.
    """

    id: Name
    title: Text
    question: Text
    population: Text
    definition: Text
    unit: Counted
    dimensions: tuple[str, ...]
    cells: int
    rows_per_person: int
    rho: LongExact
    noise: NoiseFacts | None = None
    noise_sd: float | None
    cell_sd: float
    years: int
    periods: tuple[str, ...]
    withheld: Text | None = None


class EarlierYear(Model):
    """A year that was published before, and whose sums stand in this release beside its own.

    Attributes:
        release_id: the release that published it.
        in_sum: the institutions in the sum of that year.
    """

    period: PeriodField
    release_id: FileName
    in_sum: tuple[str, ...]


class SharedNoise(Model):
    """How the noise of a secure sum was shared, and how far that holds.

    Attributes:
        collude_max, absent_max: c and D of the programme.
        threshold: t, how many must help to recover a secret.
        dealers: n2; each share has the part 1/(n2 - c - D) of the variance that rho asks for.
        rho_local: what was spent if everybody else colludes with the coordinator, rounded up.
        colluders: what it is if more than c do.
    """

    collude_max: int
    absent_max: int
    threshold: int
    dealers: int
    rho_local: LongExact
    colluders: Text


class Spending(Model):
    """What one release cost, beside others about the same reporting year.

    Attributes:
        by_quarter: a person is in one quarter's inflow, so of these only the dearest quarter counts.
    """

    release_id: FileName
    programme_id: Name
    period: PeriodField
    rho: LongExact
    by_quarter: bool


class YearLoss(Model):
    """What the releases of one coordinator cost a person together, for one reporting year of the data.

    Attributes:
        rho: this release and all before it; all that are not by quarter, and the dearest quarter.
        house_cap: what a node allows in one year, unless its institution has decided otherwise.
        composition: how losses add up.
    """

    year: int
    rho: LongExact
    house_cap: Exact
    releases: tuple[Spending, ...]
    composition: Text


class Library(Model):
    """Software that a promise rests on."""

    name: Name
    version: Name
    role: Text


class Safeguards(Model):
    """What the promise rests on beside mathematics.

    Attributes:
        trust: who is trusted for what.
        thresholds: whether anything was left out or changed because of what was counted.
        post_processing: what was done with the sums after the noise was in them.
        approved_by: ids of the keys that signed the programme.
    """

    trust: Text
    thresholds: Text
    post_processing: tuple[Text, ...]
    libraries: tuple[Library, ...]
    arithmetic: Text
    timing: Text
    randomness: Text
    hazards: tuple[Text, ...]
    justification: Text
    approved_by: tuple[DigestField, ...]


class Privacy(Model):
    """What was promised to a person, and its translations.

    Attributes:
        rho_spent: what all tables cost together, rounded up to twelve decimals.
        shared_noise: of a secure sum only.
    """

    unit: Text
    measure: Literal["zCDP"] = "zCDP"
    mechanism: Text
    mode: str
    rho: Exact
    rho_spent: LongExact
    delta: Exact
    epsilon_upper: float
    attacker_power_at_5_percent: float
    unprotected: Text
    shared_noise: SharedNoise | None = None


class Provenance(Model):
    """What the figures were made from, beside the files of this release.

    Attributes:
        public: digest of the public figures in public.dsse.json, if exact.csv holds any.
        transcript: digest of the transcript of the round.
        rebuilding: how anybody makes the figures again.
    """

    public: DigestField | None = None
    transcript: DigestField | None = None
    rebuilding: Text


class Correction(Model):
    """Why a release was made again from the same sums."""

    release_id: FileName
    reason: Text


class Erratum(Model):
    """What turned out to be wrong in a release, signed by the coordinator; the figures stay as they are."""

    kind: Literal["erratum"] = "erratum"
    release_id: FileName
    published_at: Moment
    text: Text


class Manifest(Model):
    """A release: what it is, whom it covers, what it cost, which files it has.

    Attributes:
        version: of what a manifest says; a reader of version 2 reads all of it.
        next_release: by when the release of the next period is planned.
        corrects: set if it was made again from the sums of an earlier release.
        errata: of all releases of this programme until it was published, oldest first.
        earlier: the years just before this one that were measured alike, oldest first: trends compare them,
            and tables of three years are their sum.
        reason: what a reason for help is, and who decides on it; None without a table by reason.
        code_lists: what the codes of the tables that have figures mean, and their like in other code lists.
    """

    kind: Literal["release"] = "release"
    version: Literal[2] = 2
    release_id: FileName
    programme_id: Name
    programme_version: int
    programme: DigestField
    title: Text
    purpose: Text
    contact: Name
    licence: Name = "CC-BY-4.0"
    period: PeriodField
    round: DigestField
    attempt: int
    roster: DigestField
    published_at: Moment
    next_release: Day
    supersedes: FileName | None = None
    corrects: Correction | None = None
    errata: tuple[Erratum, ...] = ()
    revisions: Text
    coverage: Coverage
    populations: tuple[PopulationFacts, ...]
    earlier: tuple[EarlierYear, ...] = ()
    privacy: Privacy
    year_loss: YearLoss
    safeguards: Safeguards
    confidence: float = CONFIDENCE
    interval: Text
    reading: Text
    accuracy: Accuracy
    tables: tuple[TableFacts, ...]
    reason: Text | None = None
    code_lists: tuple[CodeList, ...] = ()
    provenance: Provenance
    files: tuple[File, ...]
    software: str

    @property
    def in_sum(self) -> Mapping[Period, tuple[str, ...]]:
        """The institutions in the sum of each period whose sums are in this release, oldest first."""
        return {one.period: one.in_sum for one in self.earlier} | {self.period: self.coverage.in_sum}


def schema() -> dict[str, Any]:
    """The JSON schema of a manifest, for readers in any language."""
    return Manifest.model_json_schema(mode="serialization") | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Samentel release manifest",
    }


def schema_bytes() -> bytes:
    """The schema as a file, canonical as the manifest: sorted keys, no blanks, one line break at the end."""
    return json.dumps(schema(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
