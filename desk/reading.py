"""A release as a person reads it: tables with intervals, coverage, what it cost in privacy."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from rich.console import Group, RenderableType
from rich.table import Table as Grid

from desk.plan_page import power_sentence
from desk.pull import Figure, missing
from samentel.documents.codelists import Text
from samentel.figures.release import Manifest

# Not recorded and not asked are no reasons for help: the first is a gap of systems, the second of practice.
APART = ("NREC", "NASK")


def table(
    manifest: Manifest, figures: Sequence[Figure], name: str, truth: Mapping[str, int] | None = None
) -> Grid:
    """One table with both languages.

    Args:
        truth: by code, the true figure. Exists in a rehearsal with made-up people only.
    """
    facts = next(facts for facts in manifest.tables if facts.id == name)
    grid = Grid(title=f"{facts.title.nl} / {facts.title.en}, {manifest.period}", title_justify="left")
    grid.add_column("Nederlands")
    grid.add_column("English")
    grid.add_column("aantal\nestimate", justify="right")
    grid.add_column(f"{manifest.confidence:.0%}-interval", justify="right")
    if truth is not None:
        grid.add_column("waar (verzonnen)\ntrue (made up)", justify="right", style="dim")
    rows = [figure for figure in figures if figure.table == name]
    rows.sort(key=lambda figure: figure.codes[0] in APART)
    for figure, after in pairwise([*rows, None]):
        assert figure is not None  # only the last of a pair can be the end
        cells = [figure.label_nl, figure.label_en, str(figure.shown), f"{figure.lower} – {figure.upper}"]
        if truth is not None:
            cells.append(str(truth["|".join(figure.codes)]))
        ends = after is not None and (figure.codes[0] in APART) != (after.codes[0] in APART)
        grid.add_row(*cells, end_section=ends)
    return grid


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
    loss = (
        f"{promise.measure}, rho {promise.rho} (epsilon {promise.epsilon_upper:.2f}, delta {promise.delta})"
    )
    power = power_sentence(promise.attacker_power_at_5_percent, language)
    told = f"Privacy: {loss}, mode {promise.mode}. {power}"
    if promise.shared_noise is None:
        return told
    return f"{told} {_chosen(promise.shared_noise.colluders, language)}"


def whole(manifest: Manifest, figures: Sequence[Figure], language: str) -> RenderableType:
    """All tables of a release, with coverage, privacy and how to read them."""
    grids = [table(manifest, figures, facts.id) for facts in manifest.tables] if figures else []
    return Group(
        f"{manifest.release_id}: {_chosen(manifest.title, language)}",
        *grids,
        coverage(manifest),
        privacy(manifest, language),
        _chosen(manifest.privacy.mechanism, language),
        _chosen(manifest.interval, language),
        _chosen(manifest.reading, language),
    )


def _chosen(text: Text, language: str) -> str:
    return text.nl if language == "nl" else text.en
