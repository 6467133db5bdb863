"""What stands beside the tables of a release: its indicators, and its exact figures."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from desk import files
from desk.languages import chosen
from desk.numerals import number
from desk.releases.spans import joined
from samentel.documents import programme as programmes
from samentel.documents.codelists import Text
from samentel.documents.envelope import from_json
from samentel.errors import DocumentError
from samentel.figures import exact, indicators
from samentel.figures.indicators import NATION, Unit
from samentel.figures.manifest import Manifest

INDICATORS, EXACT, PROGRAMME = "indicators.csv", "exact.csv", "programme.dsse.json"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Indicator:
    """One line of an indicator, of one period.

    Attributes:
        title: of the indicator; its id where the release was fetched without its programme.
        period: such as 2025; 2023–2025 for a sum of three years.
        label: the whole country, or what of it the line is about.
        estimate, lower, upper: in percent or persons; None where nothing could be said.
        change, change_lower, change_upper: since the year before; None where there is none.
        beyond_noise: whether the interval of the change leaves out zero.
    """

    id: str
    title: Text
    period: str
    national: bool
    label: Text
    unit: Unit
    estimate: float | None
    lower: float | None
    upper: float | None
    grade: str
    change: float | None
    change_lower: float | None
    change_upper: float | None
    beyond_noise: bool


@dataclass(frozen=True, slots=True)
class Exact:
    """One exact figure, with its source."""

    kind: str
    label: Text
    value: int
    unit: str
    year: str
    source: Text


def read_indicators(contents: Mapping[str, bytes], period: str) -> tuple[Indicator, ...]:
    """The indicators of one period of a release, also those that are a sum of years of which it is the last.

    None where they are not among its files.

    Args:
        contents: the files of the release that are there, by name.

    Raises:
        DocumentError: the file is not one that this version reads.
    """
    titles = _titles(contents)
    return tuple(
        _indicator(row, titles)
        for row in _rows(contents, INDICATORS, indicators.COLUMNS)
        if row["period"].rpartition("-")[2] == period
    )


def of_files(paths: Sequence[Path], manifest: Manifest) -> tuple[Indicator, ...]:
    """The same from files of a release that were checked and written just now."""
    contents = {path.name: files.read(path) for path in paths if path.name in (INDICATORS, PROGRAMME)}
    return read_indicators(contents, str(manifest.period))


def read_exact(contents: Mapping[str, bytes]) -> tuple[Exact, ...]:
    """The exact figures of a release; of who took part the totals only, since coverage has the names.

    Raises:
        DocumentError: the file is not one that this version reads.
    """
    return tuple(
        Exact(
            row["kind"],
            Text(nl=row["label_nl"], en=row["label_en"]),
            _number(EXACT, row["value"], int),
            row["unit"],
            row["year"],
            Text(nl=row["source_nl"], en=row["source_en"]),
        )
        for row in _rows(contents, EXACT, exact.COLUMNS)
        if row["kind"] != exact.PARTICIPATION or not row["codes"]
    )


def amount(value: float, unit: Unit, language: str) -> str:
    """An indicator as it is read: 11,2 % or 183."""
    if unit is Unit.PERSONS:
        return number(value, language)
    return f"{number(value, language, 1)}{'%' if language == 'en' else ' %'}"


def bounds(one: Indicator, language: str) -> tuple[str, str]:
    """Its interval, within what there can be: never below nothing, and no share above everything."""
    most = 100.0 if one.unit is Unit.PERCENT else float("inf")
    ends = [min(max(it or 0.0, 0.0), most) for it in (one.lower, one.upper)]
    return amount(ends[0], one.unit, language), amount(ends[1], one.unit, language)


def changed(one: Indicator, language: str) -> str:
    """The change since the year before, with its sign; empty where there is none."""
    if one.change is None or one.change_lower is None or one.change_upper is None:
        return ""
    decimals = 0 if one.unit is Unit.PERSONS else 1
    change, low, high = (
        f"{'+' if it > 0 else ''}{number(it, language, decimals)}"
        for it in (one.change, one.change_lower, one.change_upper)
    )
    return f"{change} ({low} – {high})"


def told(one: Indicator, language: str) -> Mapping[str, str]:
    """A line of an indicator as texts to read, each by the name of its column."""
    title, label = (chosen(text, language) for text in (one.title, one.label))
    known = one.estimate is not None
    return {
        "id": one.id,
        "title": title,
        "period": one.period,
        "label": label,
        "shown": amount(max(one.estimate or 0.0, 0.0), one.unit, language) if known else "",
        "interval": " – ".join(bounds(one, language)) if known else "",
        "grade": one.grade,
        "change": changed(one, language),
    }


def by_indicator(lines: Sequence[Indicator], language: str) -> tuple[tuple[Mapping[str, str], ...], ...]:
    """The lines as texts, each indicator with its lines of one period together, in their order."""
    found: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for one in lines:
        found.setdefault((one.id, one.period), []).append(told(one, language))
    return tuple(tuple(group) for group in found.values())


def _indicator(row: Mapping[str, str], titles: Mapping[str, Text]) -> Indicator:
    name = row["indicator"]
    numbers = {
        column: _number(INDICATORS, row[column], float) if row[column] else None
        for column in ("estimate", "lower", "upper", "change", "change_lower", "change_upper")
    }
    return Indicator(
        id=name,
        title=titles.get(name, Text(nl=name, en=name)),
        period=joined(row["period"].split("-")),
        national=not row["dimension"],
        label=Text(nl=row["label_nl"], en=row["label_en"]) if row["dimension"] else NATION,
        unit=Unit.PERSONS if row["unit"] == Unit.PERSONS else Unit.PERCENT,
        grade=row["grade"],
        beyond_noise=row["beyond_noise"] == "yes",
        **numbers,
    )


def _titles(contents: Mapping[str, bytes]) -> Mapping[str, Text]:
    if PROGRAMME not in contents:
        return {}
    programme = programmes.parse(from_json(contents[PROGRAMME]).payload)
    return {one.id: one.title for one in indicators.products(programme)}


def _rows(contents: Mapping[str, bytes], name: str, columns: Sequence[str]) -> list[dict[str, str]]:
    if name not in contents:
        return []
    try:
        rows = csv.DictReader(io.StringIO(contents[name].decode("utf-8"), newline=""))
        if tuple(rows.fieldnames or ()) != tuple(columns):
            raise DocumentError(name, ["has other columns than this version reads"])
        return list(rows)
    except (UnicodeDecodeError, csv.Error):
        raise DocumentError(name, ["is no table in UTF-8"]) from None


def _number(name: str, text: str, kind: Callable[[str], T]) -> T:
    try:
        return kind(text)
    except ValueError:
        raise DocumentError(name, [f"{text[:20]!r} is no number"]) from None
