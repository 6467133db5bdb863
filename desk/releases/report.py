"""A release as a page to read: one file a language that holds its own looks and drawings.

Made from the files of a release that was fetched with ``samentel pull``. What
is printed are the columns that were published for reading; what is calculated
with, for charts, are the estimates.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from desk import charts, files, numerals, pages
from desk.charts import Chart, Dot
from desk.languages import chosen
from desk.numerals import counted, number
from desk.planning.officer import FALSE_ALARMS
from desk.releases import beside, file_links, verify
from desk.releases.beside import Exact, Indicator
from desk.releases.pull import Figure, figures, missing
from desk.releases.report_words import WORDS
from desk.releases.spans import joined, span, titled
from samentel.documents.codelists import Text
from samentel.documents.envelope import from_json
from samentel.documents.keys import VerifyKey
from samentel.documents.model import from_json as document_from_json
from samentel.errors import DocumentError, LocalFault
from samentel.figures.manifest import Manifest, TableFacts

LANGUAGES = ("nl", "en")
FIGURES = "tables.csv"
FOLDER = "report"  # within a release: a page among its files would be one that nobody has signed
MOST = 3  # figures of a table that stand in the summary

# The true number by table id and codes, with "|" between codes. Exists for made-up people only.
Truth = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Release:
    """A release whose files are what its manifest says.

    Attributes:
        indicators: of its own period, by itself or as the last of three years.
        names: of its files that are there.
    """

    manifest: Manifest
    figures: tuple[Figure, ...]
    indicators: tuple[Indicator, ...]
    exact: tuple[Exact, ...]
    names: tuple[str, ...]

    def table(self, name: str) -> list[Figure]:
        """The cells of a table, in their published order; none when it is not in this release."""
        return [figure for figure in self.figures if figure.table == name]


def read(directory: Path, coordinator: VerifyKey | None = None) -> Release:
    """A fetched release, checked against its manifest, without the files that were not fetched.

    Args:
        coordinator: the key that must have signed it; if None, the signature is not looked at.

    Raises:
        LocalFault: that directory holds no release, or one without the CSV file.
        PeerError: not signed by that coordinator.
        DocumentError: names every file that has been changed.
    """
    if not (directory / verify.SIGNED_MANIFEST).is_file():
        raise LocalFault(
            f"{directory}: is no release, there is no {verify.SIGNED_MANIFEST}; fetch one with samentel pull"
        )
    envelope = from_json(files.read(directory / verify.SIGNED_MANIFEST))
    if coordinator is None:
        manifest = document_from_json(Manifest, envelope.payload, "manifest")
    else:
        manifest = verify.manifest(envelope, coordinator)
    there = [entry for entry in manifest.files if (directory / entry.name).is_file()]
    contents = {entry.name: files.read(directory / entry.name) for entry in there}
    if FIGURES not in contents:
        raise LocalFault(f"{directory}: {FIGURES} is missing; fetch it with samentel pull --format all")
    problems = verify.problems_of(there, contents.get)
    plain = directory / verify.PLAIN_MANIFEST
    if plain.is_file() and files.read(plain) != envelope.payload:
        problems.append(
            f"{verify.PLAIN_MANIFEST}: is not what the coordinator signed in {verify.SIGNED_MANIFEST}"
        )
    if problems:
        raise DocumentError(f"release {manifest.release_id}", problems)
    signed = [
        name for name in (verify.PLAIN_MANIFEST, verify.SIGNED_MANIFEST) if (directory / name).is_file()
    ]
    return Release(
        manifest,
        figures(contents[FIGURES]),
        beside.read_indicators(contents, str(manifest.period)),
        beside.read_exact(contents),
        (*contents, *signed),
    )


def write(
    directory: Path,
    out: Path,
    languages: Sequence[str] = LANGUAGES,
    *,
    coordinator: VerifyKey | None = None,
    truth: Truth | None = None,
) -> tuple[Path, ...]:
    """Make the pages of a release.

    Args:
        directory: the release; its files are linked to where they are.
        out: receives report.nl.html and report.en.html.
        coordinator: as for ``read``.
        truth: the true numbers of the institutions in the sum, of made-up people only.

    Raises:
        SamentelError: as ``read``; or a page cannot be written.
    """
    release = read(directory, coordinator)
    way = quote(os.path.relpath(directory.resolve(), out.resolve()).replace(os.sep, "/"))
    made = {
        out / page_name(language): rendered(release, language, way, languages, truth)
        for language in languages
    }
    for path, page in made.items():
        files.write(path, page.encode())
    return tuple(made)


def page_name(language: str) -> str:
    """The file name of a page."""
    return f"report.{language}.html"


def rendered(
    release: Release,
    language: str,
    way: str = ".",
    languages: Sequence[str] = LANGUAGES,
    truth: Truth | None = None,
) -> str:
    """One page, in ``nl`` or ``en``.

    Args:
        way: from the page to the release's files, as part of a link.
        languages: those in which the page is made; it links to the other one.
    """
    filters: Mapping[str, Callable[..., object]] = {
        "whole": lambda text: grouped(text, language),
        "upward": lambda value, decimals: numerals.upward(value, language, decimals),
        "loss": lambda rho: numerals.no_less(rho, language),
        "percent": lambda part: percent(part, language),
        "chosen": lambda text: chosen(text, language),
    }
    manifest = release.manifest
    sections = _sections(release, language, truth)
    values = {
        "words": WORDS[language],
        "language": language,
        "other": next((one for one in languages if one != language), None),
        "page_name": page_name,
        "manifest": manifest,
        "absent": missing(manifest),
        "coverage": _coverage(manifest, language),
        "headlines": list(_headlines(release, sections, language)),
        "indicators": beside.by_indicator(release.indicators, language),
        "exact": release.exact,
        "sections": sections,
        "left_out": _left_out(release),
        "links": list(file_links.links(release.names, release.manifest, way, language)),
        "truth": truth is not None,
        "alarms": FALSE_ALARMS,
    }
    return pages.rendered("report.html.j2", language, values, filters)


@dataclass(frozen=True, slots=True)
class Line:
    """A figure as it stands in a table, its labels in one language, one a dimension or that of a total.

    Attributes:
        gap: counts those of whom is not known what the table asks, by a code that says why.
        beside: counts those to whom the question does not apply.
    """

    figure: Figure
    labels: tuple[str, ...]
    truth: int | None
    gap: bool
    beside: bool

    @property
    def faint(self) -> bool:
        """Whether it is too uncertain to be read alone: its interval is wider than the value."""
        return self.figure.upper - self.figure.lower > self.figure.estimate


@dataclass(frozen=True, slots=True)
class Block:
    """One table: its lines, under a heading for all but the last dimension; its charts.

    Attributes:
        title: in one language; of a sum of several years with those years.
        caption: the title with its period or periods.
        summed: says that it is such a sum; empty for a table of one period.
    """

    facts: TableFacts
    title: str
    caption: str
    summed: str
    groups: tuple[tuple[str, tuple[Line, ...]], ...]
    charts: tuple[Chart, ...]
    shares: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One population: its total, if that was published, and its tables.

    Attributes:
        total_title: of the total, as ``Block.title``.
    """

    title: Text
    definition: Text
    total: Figure | None
    total_title: str
    blocks: tuple[Block, ...]


def _sections(release: Release, language: str, truth: Truth | None) -> tuple[Section, ...]:
    published = [facts for facts in release.manifest.tables if release.table(facts.id)]
    titles = dict.fromkeys((facts.population, facts.definition) for facts in published)
    return tuple(
        _section(release, [it for it in published if it.population == title], definition, language, truth)
        for title, definition in titles
    )


def _section(
    release: Release, tables: Sequence[TableFacts], definition: Text, language: str, truth: Truth | None
) -> Section:
    whole = next((facts for facts in tables if not facts.dimensions), None)
    total = release.table(whole.id)[0] if whole else None
    title = titled(whole, language) if whole else ""
    blocks = tuple(_block(release, facts, language, truth) for facts in tables)
    return Section(tables[0].population, definition, total, title, blocks)


def _block(release: Release, facts: TableFacts, language: str, truth: Truth | None) -> Block:
    cells, known = release.table(facts.id), (truth or {}).get(facts.id, {})
    listed = next((it for it in release.manifest.code_lists if it.id in facts.dimensions[:1]), None)
    missing, outside = (listed.missing, (listed.not_applicable,)) if listed else ((), ())
    lines = [
        Line(
            cell,
            _labels(cell, language),
            known.get("|".join(cell.codes)),
            gap=any(code in missing for code in cell.codes[:1]),
            beside=any(code in outside for code in cell.codes[:1]),
        )
        for cell in cells
    ]
    groups = tuple(
        (" · ".join(heading), tuple(found))
        for heading, found in groupby(lines, lambda line: line.labels[:-1])
    )
    shares = bool(facts.dimensions) and any(cell.share is not None for cell in cells)
    summed = WORDS[language]["summed"].format(years=joined(facts.periods)) if len(facts.periods) > 1 else ""
    return Block(
        facts,
        titled(facts, language),
        f"{chosen(facts.title, language)}, {span(facts, release.manifest)}",
        summed,
        groups,
        charts.drawn([_dot(line, language) for line in lines]),
        shares,
    )


def _labels(cell: Figure, language: str) -> tuple[str, ...]:
    """One label a dimension; the codes, where labels hold the mark that stands between them."""
    labels = cell.labels_nl if language == "nl" else cell.labels_en
    return labels if len(labels) == max(1, len(cell.codes)) else cell.codes


def _dot(line: Line, language: str) -> Dot:
    figure = line.figure
    shown, lower, upper = (
        grouped(text, language) for text in (figure.shown, figure.shown_lower, figure.shown_upper)
    )
    return Dot(
        codes=figure.codes,
        names=line.labels,
        estimate=figure.estimate,
        lower=figure.lower,
        upper=figure.upper,
        faint=line.faint,
        truth=line.truth,
        text=f"{shown} ({lower} – {upper})",
    )


def _headlines(release: Release, sections: Sequence[Section], language: str) -> Iterator[str]:
    """What the release says, each with its range, as sentences."""
    words = WORDS[language]
    for one in release.indicators:
        if one.national:
            yield from _indicator(one, str(release.manifest.period), language)
    for section in sections:
        if section.total is not None:
            yield words["total"].format(title=section.total_title, **_printed(section.total, language))
        for block in section.blocks:
            if len(block.facts.dimensions) == 1:
                lines = [line for _, group in block.groups for line in group]
                yield from _most(block, lines, language)


def _most(block: Block, lines: Sequence[Line], language: str) -> Iterator[str]:
    """The largest figures of a table that can be read alone."""
    words = WORDS[language]
    clear = [line for line in lines if not (line.faint or line.gap or line.beside)]
    most = sorted(clear, key=lambda line: -line.figure.estimate)[:MOST]
    cells = [words["cell"].format(name=line.labels[0], **_printed(line.figure, language)) for line in most]
    if cells:
        yield words["most"].format(title=block.title, cells="; ".join(cells))


def _indicator(one: Indicator, period: str, language: str) -> Iterator[str]:
    """An indicator of the whole country as a sentence, with what changed if that is beyond the noise."""
    if one.estimate is None:
        return
    words = WORDS[language]
    line, (low, high) = beside.told(one, language), beside.bounds(one, language)
    title = line["title"] if one.period == period else f"{line['title']}, {one.period}"
    told = words["indicator"].format(title=title, shown=line["shown"], low=low, high=high)
    if line["change"]:
        told += " " + words["change" if one.beyond_noise else "no_change"].format(change=line["change"])
    yield told


def _printed(figure: Figure, language: str) -> dict[str, str]:
    return {
        name: grouped(text, language)
        for name, text in (
            ("shown", figure.shown),
            ("lower", figure.shown_lower),
            ("upper", figure.shown_upper),
        )
    }


def _left_out(release: Release) -> list[tuple[Text, Text | None]]:
    """The title of every table that is not in this release, and why."""
    return [(facts.title, facts.withheld) for facts in release.manifest.tables if not release.table(facts.id)]


def _coverage(manifest: Manifest, language: str) -> str:
    words, covered = WORDS[language], manifest.coverage
    return words["coverage"].format(
        invited=counted(len(covered.invited), words["institutions"]),
        present=len(covered.present),
        in_sum=len(covered.in_sum),
    )


def percent(part: float, language: str) -> str:
    """A share, which is never shown below nothing or above everything."""
    return numerals.percent(min(1.0, max(0.0, part)), language)


def grouped(text: str, language: str) -> str:
    """A published text with its thousands apart; one that is no whole number stays as it is."""
    return number(int(text), language) if text.isascii() and text.isdigit() else text
