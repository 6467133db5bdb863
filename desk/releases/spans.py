"""Of which periods a figure is: of one, or the sum of several years."""

from collections.abc import Sequence

from desk.languages import chosen
from samentel.figures.manifest import Manifest, TableFacts


def span(facts: TableFacts, manifest: Manifest) -> str:
    """The periods of a table's figures: 2025, or 2023–2025 for a sum of three years."""
    return joined(facts.periods or (str(manifest.period),))


def joined(periods: Sequence[str]) -> str:
    """One period, or the first and the last of several that follow each other."""
    return periods[0] if len(periods) == 1 else f"{periods[0]}–{periods[-1]}"


def titled(facts: TableFacts, language: str) -> str:
    """A table's title, of a sum of several years with those years: it stands beside figures of one year."""
    title = chosen(facts.title, language)
    return f"{title}, {joined(facts.periods)}" if len(facts.periods) > 1 else title
