"""Where the marks of a plan's drawings stand: places for a template to draw at; nothing is drawn here.

One row a table. On a logarithmic axis, half an interval beside what the mean cell
will hold: the further apart, the better a table can be read. And the shares of rho,
which are exact, as bars.
"""

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from desk.charts import LABELS, LETTER, LINE, MARGIN, PADDING, TEXTS, WIDTH, Tick

STEPS_MOST = 6


@dataclass(frozen=True, slots=True)
class Item:
    """What is to be drawn of one table.

    Attributes:
        value: a dot, or the end of a bar.
        beside: an open ring, of another size that it is compared with; None where there is none.
        faint: not to be read cell by cell.
        text: the value in words.
    """

    name: str
    value: float
    beside: float | None
    faint: bool
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a drawing: the lines of its name with the place of each, and its marks."""

    y: float
    lines: tuple[tuple[float, str], ...]
    x: float
    beside: float | None
    faint: bool
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole drawing.

    Attributes:
        left: of the axis.
        top, bottom: of the rows.
    """

    width: float
    height: float
    left: float
    top: float
    bottom: float
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]


def logarithmic(items: Sequence[Item]) -> Drawing:
    """Dots and rings on an axis of whole powers of ten; every value is more than 0."""
    values = [it for item in items for it in (item.value, item.beside) if it is not None]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    places = [10.0**power for power in range(low, high + 1)]
    return _drawing(items, places, lambda value: (math.log10(value) - low) / (high - low))


def linear(items: Sequence[Item]) -> Drawing:
    """Bars from zero; no value is less than 0, and one is more."""
    most = max(item.value for item in items)
    power = 10.0 ** math.floor(math.log10(most / STEPS_MOST))
    step = next(power * times for times in (1, 2, 5, 10) if most / (power * times) <= STEPS_MOST)
    places = [step * number for number in range(math.ceil(most / step) + 1)]
    return _drawing(items, places, lambda value: value / places[-1])


def _drawing(items: Sequence[Item], ticks: Sequence[float], at: Callable[[float], float]) -> Drawing:
    inner = WIDTH - LABELS - TEXTS - 2 * MARGIN

    def place(value: float) -> float:
        return round(LABELS + MARGIN + inner * at(value), 1)

    rows, y = [], float(PADDING)
    for item in items:
        names = textwrap.wrap(item.name, int((LABELS - 10) / LETTER)) or [""]
        height = LINE * len(names) + PADDING
        rows.append(
            Row(
                y=y + height / 2,
                lines=tuple(
                    (y + PADDING / 2 + LINE * (number + 0.8), name) for number, name in enumerate(names)
                ),
                x=place(item.value),
                beside=None if item.beside is None else place(item.beside),
                faint=item.faint,
                text=item.text,
            )
        )
        y += height
    return Drawing(
        width=WIDTH,
        height=y + LINE + PADDING,
        left=place(ticks[0]),
        top=float(PADDING),
        bottom=y,
        ticks=tuple(Tick(place(value), value) for value in ticks),
        rows=tuple(rows),
    )
