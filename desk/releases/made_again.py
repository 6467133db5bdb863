"""Make the files of a release again, from the programme, the sums and the manifest, and compare them."""

import csv
import io
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from desk.releases import verify
from desk.releases.case import Case
from desk.releases.compared import first_difference
from samentel.counting.privacy import TableNoise
from samentel.counting.shares import plan_of, summed_variance
from samentel.documents.model import Model
from samentel.documents.programme import Programme
from samentel.documents.roster import Roster
from samentel.errors import DocumentError
from samentel.figures import exact, manifest_privacy, manifest_tables, manifest_texts, measured, release
from samentel.figures.edition import Edition, csv_bytes
from samentel.figures.estimate import NationalTables, estimate
from samentel.figures.manifest import Manifest

EXACT = "exact.csv"
SHOWN = ("shown", "shown_lower", "shown_upper")  # of the tables; all other columns are numbers and names


def figures(case: Case, programme: Programme) -> None:
    """Every file of figures, from the sums; and what the manifest says of their noise and accuracy."""
    data = case.contents.get(measured.FILE)
    if data is None:
        case.left.append(f"the figures: there is no {measured.FILE} here, so they cannot be made again")
        return
    try:
        edition = Edition(programme, measured.read(programme, data, case.manifest.in_sum))
        plan = _plan(case.manifest, programme)
    except DocumentError as error:
        case.wrong += [f"{measured.FILE}: {problem}" for problem in error.problems]
        return
    _noise(case, edition, plan)
    if any(name.endswith(".parquet") for name in case.contents):
        case.left.append("tables.parquet: by its digest only; how it is written differs between libraries")
    readable = find_spec("scipy") is not None
    years = [estimate(programme, year.national, readable=readable) for year in edition.years]
    made = {name: sheet.csv for name, sheet in release.sheets(edition, years).items()}
    there = dict(case.contents)
    if not readable:
        case.left.append(
            f"the columns {', '.join(SHOWN)} of {release.TABLES}: making them takes more than is installed; "
            "run: pip install 'samentel[aggregator]'"
        )
        there[release.TABLES] = _without_shown(there[release.TABLES])
    _same(case, made, there, f"made again from the programme and {measured.FILE}")
    _accuracy(case, edition, plan, years)


def texts(case: Case, programme: Programme) -> None:
    """Every file that explains the release, from its manifest."""
    made = release.texts(case.manifest, programme)
    _same(case, made, case.contents, "made again from the manifest and the programme")


def manifest(case: Case, programme: Programme) -> None:
    """What the manifest says of programme, populations and privacy."""
    said, rostered = case.manifest, _rostered(case.manifest)
    stated = {
        "programme_id": programme.id,
        "programme_version": programme.version,
        "title": programme.title,
        "purpose": programme.purpose,
        "contact": programme.contact,
        "licence": programme.licence,
        "next_release": release.next_release(programme, said.period),
        "populations": manifest_tables.population_facts(programme),
        "code_lists": manifest_tables.code_lists(programme, said.tables),
        "interval": manifest_texts.INTERVAL,
        "reading": manifest_texts.READING,
        "revisions": manifest_texts.REVISIONS,
    }
    for name, value in stated.items():
        if getattr(said, name) != value:
            _wrong(case, name)
    try:
        plan = _plan(said, programme)
        _agrees(
            case,
            "privacy",
            said.privacy,
            manifest_privacy.privacy_facts(programme, plan, rostered, _dealers(said)),
        )
    except DocumentError as error:
        case.wrong.append(f"{verify.PLAIN_MANIFEST}: coverage: {error}")
    case.held.append("what the manifest says of the programme and of privacy, worked out again")
    if said.year_loss.rho != manifest_privacy.year_loss(said.year_loss.year, said.year_loss.releases).rho:
        _wrong(case, "year_loss.rho")
    case.left.append(
        "that year_loss names every release about that year: samentel releases lists those there are"
    )


def participation(case: Case, programme: Programme, roster: Roster) -> None:
    """The exact figures on who took part, counted again on the roster."""
    said, coverage = case.manifest, case.manifest.coverage
    counted = exact.Participation(
        programme, roster, said.period, coverage.invited, coverage.present, coverage.in_sum
    )
    made = csv_bytes(exact.COLUMNS, exact.rows(counted, None))
    there = case.contents.get(EXACT, b"")
    if there.startswith(made):
        case.held.append(f"who took part, by {EXACT}: counted again on the roster")
    else:
        line = _line(there, made)
        case.wrong.append(f"{EXACT}: line {line} is not what follows from the roster and the manifest")
    if there != made:
        case.left.append(f"the public figures in {EXACT}: compare them with what the authority signed")


def _plan(said: Manifest, programme: Programme) -> tuple[TableNoise, ...]:
    return plan_of(programme, _rostered(said), _dealers(said))


def _rostered(said: Manifest) -> int:
    return len(said.coverage.invited)


def _dealers(said: Manifest) -> int:
    return said.coverage.dealt or len(said.coverage.in_sum)


def _noise(case: Case, edition: Edition, plan: Sequence[TableNoise]) -> None:
    """The noise that the plan asks of those in the sum, against what measured.csv says is in it."""
    survivors, national = len(case.manifest.coverage.in_sum), edition.years[-1].national
    other = [
        noise.table
        for noise in plan
        if (national.variances[noise.table], national.granularities[noise.table])
        != (float(summed_variance(noise, survivors)), noise.granularity)
    ]
    if other:
        case.wrong.append(
            f"{measured.FILE}: {', '.join(other)}: not the noise that the programme asks of {survivors} "
            "institutions"
        )
    else:
        case.held.append(f"the noise in {measured.FILE} is what the programme asks for, to the last digit")
    if len(edition.years) > 1:
        earlier = ", ".join(year.release_id for year in edition.years[:-1])
        case.left.append(f"the sums of earlier years: compare them with their own releases ({earlier})")


def _accuracy(
    case: Case, edition: Edition, plan: Sequence[TableNoise], years: Sequence[NationalTables]
) -> None:
    """What the manifest says of tables and their accuracy."""
    said, programme = case.manifest, edition.programme
    rostered = _rostered(said)
    sums = {str(year.period): year.national for year in edition.years}
    facts = manifest_tables.table_facts(programme, plan, sums, rostered, _dealers(said))
    if len(facts) != len(said.tables):
        _wrong(case, "tables")
        return
    for number, (there, made) in enumerate(zip(said.tables, facts, strict=True)):
        _agrees(case, f"tables.{number}", there, made)
    _agrees(
        case,
        "accuracy",
        said.accuracy,
        manifest_tables.accuracy_facts(programme, facts, years[-1], rostered),
    )
    case.held.append("what the manifest says of the accuracy of each table, worked out again")


def _agrees(case: Case, name: str, there: Model, made: Model) -> None:
    where = first_difference(there, made)
    if where:
        _wrong(case, f"{name}.{where}")


def _wrong(case: Case, name: str) -> None:
    case.wrong.append(f"{verify.PLAIN_MANIFEST}: {name} is not what follows from the programme and the sums")


def _without_shown(data: bytes) -> bytes:
    """The table with nothing in the columns that people read."""
    rows = csv.DictReader(io.StringIO(data.decode("utf-8", "replace"), newline=""))
    return csv_bytes(rows.fieldnames or (), ({**row, **dict.fromkeys(SHOWN, "")} for row in rows))


def _same(case: Case, made: Mapping[str, bytes], there: Mapping[str, bytes], how: str) -> None:
    held = []
    for name, data in made.items():
        if name not in there:
            case.wrong.append(f"{name}: is missing, although the sums give such a file")
        elif there[name] != data:
            line = _line(there[name], data)
            case.wrong.append(f"{name}: line {line} is not what follows when it is {how}")
        else:
            held.append(name)
    if held:
        case.held.append(f"{', '.join(held)}: {how}, byte for byte the same")


def _line(one: bytes, other: bytes) -> int:
    """The first line in which two texts differ, from 1."""
    pairs = zip(one.split(b"\n"), other.split(b"\n"), strict=False)
    return next((number for number, (a, b) in enumerate(pairs, 1) if a != b), one.count(b"\n") + 1)
