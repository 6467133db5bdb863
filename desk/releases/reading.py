"""A release as a person reads it: tables with intervals, coverage, what it cost in privacy."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table as Grid

from desk.languages import chosen
from desk.numerals import no_less, upward
from desk.planning.plan_page import power_sentence
from desk.releases.beside import Indicator, by_indicator
from desk.releases.pull import Figure, missing
from desk.releases.spans import span, titled
from samentel.errors import LocalFault
from samentel.figures.manifest import Manifest, TableFacts

# Not recorded and not asked are no reasons for help: the first is a gap of systems, the second of practice.
APART = ("NREC", "NASK")

# The true figures by code, with "|" between codes. Exist in a rehearsal with made-up people only.
Truth = Mapping[str, int]


def table(
    manifest: Manifest,
    figures: Sequence[Figure],
    name: str,
    truth: Truth | None = None,
    language: str | None = None,
) -> Grid:
    """One table; of several dimensions, the first gives sub-headings.

    Args:
        language: ``nl`` or ``en``; both if not given.
    """
    facts = _facts(manifest, name)
    languages = ("nl", "en") if language is None else (language,)
    title = " / ".join(chosen(facts.title, it) for it in languages)
    grid = _grid(f"{title}, {span(facts, manifest)}", manifest, languages, COLUMNS)
    if truth is not None:
        grid.add_column("waar (verzonnen)\ntrue (made up)", justify="right", style="dim")
    rows = [figure for figure in figures if figure.table == name]
    rows.sort(key=_apart)
    for _, part in groupby(rows, key=_apart):
        grid.add_section()
        for _, group in groupby(part, key=lambda figure: figure.codes[: len(figure.codes) > 1]):
            _add(grid, list(group), languages, truth)
    return grid


def totals(manifest: Manifest, figures: Sequence[Figure], language: str) -> Grid:
    """The totals of all populations, as one table."""
    grid = _grid(
        f"{TOTALS[language]}, {manifest.period}", manifest, (language,), ("number", "interval", "grade")
    )
    titles = {facts.id: titled(facts, language) for facts in manifest.tables}
    for figure in figures:
        if not figure.codes:
            grid.add_row(titles[figure.table], *_numbers(figure)[:3])
    return grid


def indicators(manifest: Manifest, lines: Sequence[Indicator], language: str) -> Iterator[Grid]:
    """The indicators of a release, each as a table: over the country, then of what."""
    for group in by_indicator(lines, language):
        heading = f"{group[0]['title']}, {group[0]['period']}"
        grid = _grid(heading, manifest, (language,), ("number", "interval", "grade", "change"))
        for line in group:
            grid.add_row(*(line[name] for name in ("label", "shown", "interval", "grade", "change")))
        yield grid


def _grid(title: str, manifest: Manifest, languages: Sequence[str], headings: Iterable[str]) -> Grid:
    grid = Grid(title=title, title_justify="left")
    for language in languages:
        grid.add_column("" if len(languages) == 1 else NAMES[language])
    for heading in headings:
        words = "\n".join(HEADINGS[heading][it].format(confidence=manifest.confidence) for it in languages)
        grid.add_column(words, justify="right")
    return grid


def _add(grid: Grid, group: Sequence[Figure], languages: Sequence[str], truth: Truth | None) -> None:
    """The rows under one heading, or those of a table of one dimension."""
    nested = len(group[0].codes) > 1
    if nested:
        grid.add_section()
        grid.add_row(*(_labels(group[0], it)[0] for it in languages), style="bold")
    for figure in group:
        words = [" · ".join(_labels(figure, it)[nested:]) for it in languages]
        cells = [f"  {it}" if nested else it for it in words] + list(_numbers(figure))
        if truth is not None:
            cells.append(str(truth["|".join(figure.codes)]))
        grid.add_row(*cells)


def _apart(figure: Figure) -> bool:
    return bool(figure.codes) and figure.codes[0] in APART


def _numbers(figure: Figure) -> tuple[str, str, str, str]:
    """What is shown, its interval, its grade, and the share with its interval, read within 0 and 100 %."""
    interval = f"{figure.shown_lower} – {figure.shown_upper}"
    if figure.share is None or figure.share_lower is None or figure.share_upper is None or not figure.codes:
        return figure.shown, interval, figure.grade, ""
    share, low, high = (
        100 * min(max(it, 0.0), 1.0) for it in (figure.share, figure.share_lower, figure.share_upper)
    )
    return figure.shown, interval, figure.grade, f"{share:.1f} ({low:.1f} – {high:.1f})"


def _labels(figure: Figure, language: str) -> tuple[str, ...]:
    return figure.labels_nl if language == "nl" else figure.labels_en


def coverage(manifest: Manifest) -> str:
    """How many institutions are in the sum, and who is not."""
    covered = manifest.coverage
    absent = missing(manifest)
    line = (
        f"Dekking / coverage: {len(covered.in_sum)} van de {len(covered.invited)} instellingen in de som; "
        f"{len(covered.in_sum)} of {len(covered.invited)} institutions in the sum"
    )
    return f"{line}; niet / not: {', '.join(absent)}" if absent else line


def privacy(manifest: Manifest, language: str) -> str:
    """What was promised to a person, in a few sentences; of a secure sum also what holds if more collude."""
    promise = manifest.privacy
    rho, epsilon = no_less(promise.rho_spent, language), upward(promise.epsilon_upper, language, 2)
    loss = f"{promise.measure}, rho {rho} (epsilon {epsilon}, delta {promise.delta})"
    power = power_sentence(promise.attacker_power_at_5_percent, language)
    told = f"Privacy: {loss}, mode {promise.mode}. {power}"
    if promise.shared_noise is None:
        return told
    return f"{told} {chosen(promise.shared_noise.colluders, language)}"


def whole(
    manifest: Manifest,
    figures: Sequence[Figure],
    language: str,
    name: str | None = None,
    lines: Sequence[Indicator] = (),
) -> RenderableType:
    """A release with coverage, privacy and how to read it; the indicators come first.

    Args:
        name: of one table, to see it alone; if not given, the totals and every table of one dimension stand
            there, and the others are named.
        lines: of its indicators, where they were fetched.

    Raises:
        LocalFault: there is no such table, or not in this release.
    """
    return Group(
        f"{manifest.release_id}: {chosen(manifest.title, language)}",
        *(indicators(manifest, lines, language) if name is None else ()),
        *(_grids(manifest, figures, language) if name is None else [_one(manifest, figures, language, name)]),
        coverage(manifest),
        privacy(manifest, language),
        chosen(manifest.privacy.mechanism, language),
        chosen(manifest.interval, language),
        chosen(manifest.reading, language),
    )


def _grids(manifest: Manifest, figures: Sequence[Figure], language: str) -> Iterator[RenderableType]:
    if not figures:
        return
    if any(not figure.codes for figure in figures):
        yield totals(manifest, figures, language)
    published = [facts for facts in manifest.tables if facts.withheld is None]
    for facts in published:
        if len(facts.dimensions) == 1:
            yield table(manifest, figures, facts.id, language=language)
    larger = [facts.id for facts in published if len(facts.dimensions) > 1]
    if larger:
        yield LARGER[language].format(tables=", ".join(larger), release=manifest.release_id)
    withheld = [(facts.withheld, chosen(facts.title, language)) for facts in manifest.tables]
    for why in dict.fromkeys(why for why, _ in withheld if why is not None):
        names = ", ".join(title for other, title in withheld if other == why)
        yield WITHHELD[language].format(tables=names, why=chosen(why, language))


def _one(manifest: Manifest, figures: Sequence[Figure], language: str, name: str) -> RenderableType:
    facts = _facts(manifest, name)
    if facts.withheld is not None:
        raise LocalFault(f"{name}: is not in this release. {chosen(facts.withheld, language)}")
    if not figures:
        raise LocalFault(f"{name}: the release was fetched without its CSV file; take --format csv or all")
    return table(manifest, figures, name, language=language)


def _facts(manifest: Manifest, name: str) -> TableFacts:
    found = next((facts for facts in manifest.tables if facts.id == name), None)
    if found is None:
        there = ", ".join(facts.id for facts in manifest.tables)
        raise LocalFault(f"{name[:100]!r}: there is no such table; this release has {there}")
    return found


NAMES = {"nl": "Nederlands", "en": "English"}
COLUMNS = ("number", "interval", "grade", "share")
HEADINGS = {
    "number": {"nl": "aantal", "en": "estimate"},
    "interval": {"nl": "{confidence:.0%}-interval", "en": "{confidence:.0%} interval"},
    "grade": {"nl": "kwaliteit", "en": "quality"},
    "share": {"nl": "aandeel, %", "en": "share, %"},
    "change": {"nl": "sinds het jaar ervoor", "en": "since the year before"},
}
TOTALS = {"nl": "Totalen", "en": "Totals"}
LARGER = {
    "nl": "Meer tabellen: {tables}. Eén daarvan zien: samentel pull {release} --table TABEL",
    "en": "More tables: {tables}. To see one: samentel pull {release} --table TABLE",
}
WITHHELD = {
    "nl": "Niet in deze uitgave: {tables}. {why}",
    "en": "Not in this release: {tables}. {why}",
}
