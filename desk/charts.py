"""Where dots and intervals stand in a chart: places for a template to draw at; nothing is drawn here.

A dot is an estimate, a line its interval; no bars, which would suggest that a
figure is exact and could not show one below zero. Tables of one dimension have
one panel. Of two or more the last dimension, or the shorter of two, stands in
panels side by side on one scale, in several charts if need be, unless it has too
many levels for that.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 720  # all places are in units of which the width of a chart has this many
LABELS, TEXTS = 250, 120  # room left for names; room right, where there is one panel, for figures in words
GAP, MARGIN = 16, 6  # between panels; left and right of the outermost marks in a panel
LINE, PADDING = 15, 8  # height of a line of text, and the room around the lines of a row
LETTER = 7.2  # the width of one, in a wide font
TICK = 55  # least room for a number on the scale
MOST_PANELS = 6  # levels of a dimension that stands side by side
ABREAST = 3  # panels in one chart; the others stand in a chart below


@dataclass(frozen=True, slots=True)
class Dot:
    """One figure to show.

    Attributes:
        codes, names: of its levels, one a dimension; two levels may have the same name.
        estimate: unbiased, in persons; may be negative, and is drawn where it is.
        lower, upper: its interval; what lies below zero is not drawn.
        faint: too uncertain to be read alone.
        truth: known of made-up people only.
        text: the figure as words, shown where there is room.
    """

    codes: tuple[str, ...]
    names: tuple[str, ...]
    estimate: float
    lower: float
    upper: float
    faint: bool
    truth: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A number on the scale."""

    x: float
    value: float


@dataclass(frozen=True, slots=True)
class Panel:
    """One column of a chart: its title in lines, its scale."""

    left: float
    right: float
    zero: float
    title: tuple[str, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """One figure: dot, interval and, in a rehearsal, the truth, as places on the scale."""

    x: float
    low: float
    high: float
    faint: bool
    truth: float | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: a heading without marks, or a name with a mark in every panel.

    Attributes:
        y: the middle.
        lines: of the name, with the place of each.
        text: of the only figure, where there is one panel.
    """

    y: float
    heading: bool
    lines: tuple[tuple[float, str], ...]
    marks: tuple[Mark, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A whole chart.

    Attributes:
        top, bottom: of the panels, between their titles and their scales.
    """

    width: float
    height: float
    top: float
    bottom: float
    panels: tuple[Panel, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which dimension is what.

    Attributes:
        panel: the dimension that stands side by side; None where there is one panel.
        row: the dimension whose levels name the rows; those that are left head the groups.
    """

    panel: int | None
    row: int

    def group(self, dot: Dot) -> tuple[str, ...]:
        """The codes of the dimensions that are left."""
        return tuple(code for number, code in enumerate(dot.codes) if number not in (self.row, self.panel))

    def heading(self, dot: Dot) -> str:
        """Their names."""
        left = [name for number, name in enumerate(dot.names) if number not in (self.row, self.panel)]
        return " · ".join(left)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Persons to places; the same in every panel of a chart."""

    low: float
    high: float

    def at(self, value: float, left: float, right: float) -> float:
        inner = right - left - 2 * MARGIN
        return round(left + MARGIN + inner * (value - self.low) / (self.high - self.low), 1)


def drawn(dots: Sequence[Dot]) -> tuple[Chart, ...]:
    """The charts of a table, all on one scale; none for a total, which has nothing to be compared with.

    Args:
        dots: every cell of the table, row-major.
    """
    if not dots or not dots[0].codes:
        return ()
    layout, scale = _layout(dots), _scale(dots)
    if layout.panel is None:
        return (_chart(dots, layout, scale),)
    place, levels = layout.panel, list(_levels(dots, layout.panel))
    each = math.ceil(len(levels) / math.ceil(len(levels) / ABREAST))
    return tuple(
        _chart([dot for dot in dots if dot.codes[place] in levels[start : start + each]], layout, scale)
        for start in range(0, len(levels), each)
    )


def _chart(dots: Sequence[Dot], layout: _Layout, scale: _Scale) -> Chart:
    titles = [""] if layout.panel is None else list(_levels(dots, layout.panel).values())
    room = LABELS + TEXTS if layout.panel is None else LABELS
    wide = (WIDTH - room - GAP * (len(titles) - 1)) / len(titles)
    step = _step(scale.high - scale.low, most=max(3, int(wide / TICK)))
    panels = tuple(
        _panel(title, LABELS + number * (wide + GAP), wide, scale, step)
        for number, title in enumerate(titles)
    )
    top = LINE * max(len(panel.title) for panel in panels) + PADDING
    entries, bottom = _entries(dots, layout, panels, scale, top)
    return Chart(WIDTH, bottom + LINE + PADDING, top, bottom, panels, entries)


def _layout(dots: Sequence[Dot]) -> _Layout:
    sizes = [len(_levels(dots, number)) for number in range(len(dots[0].codes))]
    last = len(sizes) - 1
    panel = 0 if len(sizes) == 2 and sizes[0] < sizes[1] else last
    if len(sizes) == 1 or sizes[panel] > MOST_PANELS:
        return _Layout(None, last)
    return _Layout(panel, 1 - panel if len(sizes) == 2 else last - 1)


def _levels(dots: Sequence[Dot], dimension: int) -> dict[str, str]:
    """The names of a dimension's levels, by code."""
    return {dot.codes[dimension]: dot.names[dimension] for dot in dots}


def _scale(dots: Sequence[Dot]) -> _Scale:
    """From zero, or from the lowest estimate if that is less, to the highest mark."""
    ends = [value for dot in dots for value in (dot.estimate, dot.upper, dot.truth or 0)]
    return _Scale(min(0.0, *ends), max(1.0, *ends))


def _step(span: float, most: int) -> float:
    """The least of 1, 2, 5, 10, 20 ... with which at most that many steps fit."""
    power = 10.0 ** max(0, math.floor(math.log10(span / most)))
    return next(power * times for times in (1, 2, 5, 10) if span / (power * times) <= most)


def _panel(title: str, left: float, wide: float, scale: _Scale, step: float) -> Panel:
    steps = range(math.ceil(scale.low / step), math.floor(scale.high / step) + 1)
    return Panel(
        left=round(left, 1),
        right=round(left + wide, 1),
        zero=scale.at(0, left, left + wide),
        title=tuple(textwrap.wrap(title, int(wide / LETTER))),
        ticks=tuple(Tick(scale.at(step * number, left, left + wide), step * number) for number in steps),
    )


def _entries(
    dots: Sequence[Dot], layout: _Layout, panels: Sequence[Panel], scale: _Scale, top: float
) -> tuple[tuple[Entry, ...], float]:
    """The rows from the top down, and where the last one ends."""
    rows: dict[tuple[str, ...], dict[str, list[Dot]]] = {}
    for dot in dots:
        rows.setdefault(layout.group(dot), {}).setdefault(dot.codes[layout.row], []).append(dot)
    entries: list[Entry] = []
    y = top
    for group in rows.values():
        first = next(iter(group.values()))[0]
        if heading := layout.heading(first):
            entries.append(_entry(y, heading, (), panels, scale))
            y += _height(heading)
        for found in group.values():
            name = found[0].names[layout.row]
            entries.append(_entry(y, name, found, panels, scale))
            y += _height(name)
    return tuple(entries), y


def _wrapped(name: str) -> list[str]:
    return textwrap.wrap(name, int((LABELS - 10) / LETTER)) or [""]


def _height(name: str) -> float:
    return LINE * len(_wrapped(name)) + PADDING


def _entry(y: float, name: str, dots: Sequence[Dot], panels: Sequence[Panel], scale: _Scale) -> Entry:
    """A row that begins at ``y``, with a dot for each panel; or a heading, with none."""
    assert len(dots) in (0, len(panels)), "a table has a cell for every combination of its levels"
    return Entry(
        y=y + _height(name) / 2,
        heading=not dots,
        lines=tuple(
            (y + PADDING / 2 + LINE * (number + 0.8), line) for number, line in enumerate(_wrapped(name))
        ),
        marks=tuple(_mark(dot, panel, scale) for dot, panel in zip(dots, panels, strict=False)),
        text=dots[0].text if len(dots) == 1 else "",
    )


def _mark(dot: Dot, panel: Panel, scale: _Scale) -> Mark:
    return Mark(
        x=scale.at(dot.estimate, panel.left, panel.right),
        low=scale.at(max(0.0, dot.lower), panel.left, panel.right),
        high=scale.at(max(0.0, dot.upper), panel.left, panel.right),
        faint=dot.faint,
        truth=None if dot.truth is None else scale.at(dot.truth, panel.left, panel.right),
    )
