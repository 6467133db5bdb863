"""Make the files of a release again, from the programme, the sums and the manifest, and compare them."""

import csv
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec

from desk.releases import stated
from desk.releases.case import Case, Said
from desk.releases.compared import first_difference
from desk.releases.exact_again import first_line
from desk.releases.examine_words import HELD, LEFT, NOT_SO, filled
from samentel.counting.privacy import TableNoise
from samentel.counting.shares import plan_of, summed_variance
from samentel.documents.model import Model
from samentel.documents.programme import Programme
from samentel.errors import DocumentError
from samentel.figures import manifest_privacy, manifest_tables, manifest_texts, measured, release
from samentel.figures.edition import Edition, csv_bytes
from samentel.figures.estimate import NationalTables, estimate
from samentel.figures.manifest import Manifest

SHOWN = ("shown", "shown_lower", "shown_upper")  # of the tables; all other columns are numbers and names


def all_of(case: Case, programme: Programme) -> frozenset[str] | None:
    """Figures, texts and manifest, one after the other.

    Returns:
        The names of the files of figures that the sums give; None if these cannot be made.
    """
    made: frozenset[str] | None = None
    checks: tuple[Callable[[Case, Programme], frozenset[str] | None], ...] = (figures, texts, manifest)
    for check in checks:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # of numpy; what comes of it is compared
                made = check(case, programme) or made
        # A manifest or a sum that cannot be makes arithmetic and sentences fail in ways of their own.
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):
            case.wrong.append(NOT_SO["impossible"])
    return made


def figures(case: Case, programme: Programme) -> frozenset[str] | None:
    """Every file of figures, from the sums; and what the manifest says of their noise and accuracy.

    Returns:
        The names of those files; None if they cannot be made.
    """
    data = case.contents.get(measured.FILE)
    if data is None:
        case.wrong.append(filled(NOT_SO["missing"], name=measured.FILE))
        return None
    try:
        edition = Edition(programme, measured.read(programme, data, case.manifest.in_sum))
        plan = _plan(case.manifest, programme)
    except DocumentError as error:
        case.refused(measured.FILE, error.problems)
        return None
    stated.years(case, edition)
    _noise(case, edition, plan)
    if any(name.endswith(".parquet") for name in case.contents):
        case.left.append(LEFT["parquet"])
    readable = find_spec("scipy") is not None
    years = [estimate(programme, year.national, readable=readable) for year in edition.years]
    made = {name: sheet.csv for name, sheet in release.sheets(edition, years).items()}
    there = dict(case.contents)
    if not readable:
        case.left.append(filled(LEFT["shown"], columns=", ".join(SHOWN), name=release.TABLES))
        there[release.TABLES] = _without_shown(there.get(release.TABLES, b""))
    _same(case, made, there, HELD["from-sums"])
    _accuracy(case, edition, plan, years)
    return frozenset(made)


def texts(case: Case, programme: Programme) -> None:
    """Every file that explains the release, from its manifest."""
    made = release.texts(case.manifest, programme)
    _same(case, made, case.contents, HELD["from-manifest"])


def manifest(case: Case, programme: Programme) -> None:
    """What the manifest says of programme, populations and privacy."""
    about, rostered = case.manifest, _rostered(case.manifest)
    follows = {
        "programme_id": programme.id,
        "programme_version": programme.version,
        "title": programme.title,
        "purpose": programme.purpose,
        "contact": programme.contact,
        "licence": programme.licence,
        "next_release": release.next_release(programme, about.period),
        "populations": manifest_tables.population_facts(programme),
        "reason": manifest_tables.reason_facts(programme),
        "code_lists": manifest_tables.code_lists(programme, about.tables),
        "interval": manifest_texts.INTERVAL,
        "reading": manifest_texts.READING,
        "revisions": manifest_texts.REVISIONS,
    }
    for name, value in follows.items():
        if getattr(about, name) != value:
            _wrong(case, name)
    try:
        plan = _plan(about, programme)
        _agrees(
            case,
            "privacy",
            about.privacy,
            manifest_privacy.privacy_facts(programme, plan, rostered, _dealers(about)),
        )
    except DocumentError as error:
        case.wrong.append(filled(NOT_SO["plan"], problem=error))
    case.held.append(HELD["privacy"])
    case.left.append(LEFT["year-loss"])


def _plan(said: Manifest, programme: Programme) -> tuple[TableNoise, ...]:
    return plan_of(programme, _rostered(said), _dealers(said))


def _rostered(said: Manifest) -> int:
    return len(said.coverage.invited)


def _dealers(said: Manifest) -> int:
    dealt = said.coverage.dealt
    return len(said.coverage.in_sum) if dealt is None else dealt


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
        case.wrong.append(filled(NOT_SO["noise"], names=", ".join(other), number=survivors))
    else:
        case.held.append(HELD["noise"])
    if len(edition.years) > 1:
        earlier = ", ".join(year.release_id for year in edition.years[:-1])
        case.left.append(filled(LEFT["earlier"], names=earlier))


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
    case.held.append(HELD["accuracy"])


def _agrees(case: Case, name: str, there: Model, made: Model) -> None:
    where = first_difference(there, made)
    if where:
        _wrong(case, f"{name}.{where}")


def _wrong(case: Case, name: str) -> None:
    case.wrong.append(filled(NOT_SO["follows"], part=name))


def _without_shown(data: bytes) -> bytes:
    """The table with nothing in the columns that people read."""
    rows = csv.DictReader(io.StringIO(data.decode("utf-8", "replace"), newline=""))
    return csv_bytes(rows.fieldnames or (), ({**row, **dict.fromkeys(SHOWN, "")} for row in rows))


def _same(case: Case, made: Mapping[str, bytes], there: Mapping[str, bytes], how: Said) -> None:
    """Each file as it was made again against the one that is there.

    Args:
        how: what is said of those that are the same.
    """
    held = []
    for name, data in made.items():
        if name not in there:
            case.wrong.append(filled(NOT_SO["missing"], name=name))
        elif line := first_line(there[name], data):
            case.wrong.append(filled(NOT_SO["line"], name=name, line=line))
        else:
            held.append(name)
    if held:
        case.held.append(filled(how, names=", ".join(held)))
