"""Check exact.csv: its totals against the manifest, its breakdown on the roster, its public figures."""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from desk.releases.case import Case
from desk.releases.examine_words import HELD, LEFT, NOT_SO, filled
from samentel.documents.programme import Programme
from samentel.documents.public import PublicFigures
from samentel.documents.roster import Roster
from samentel.figures import exact
from samentel.figures.edition import Row, csv_bytes
from samentel.figures.manifest import Coverage

EXACT = "exact.csv"
PUBLIC = "public.dsse.json"
MOST = 1_000_000  # more institutions than there are
_NUMBER = re.compile("[0-9]{1,6}")

_Read = Mapping[str, str]


def check(
    case: Case, programme: Programme | None, roster: Roster | None, public: PublicFigures | None
) -> None:
    """All of exact.csv that can be checked with what there is.

    Args:
        public: the public figures of the release, once they are those that the manifest names.
    """
    data = case.contents.get(EXACT)
    if data is None:
        case.wrong.append(filled(NOT_SO["missing"], name=EXACT))
        return
    own, others = _read(data)
    if _bytes([*own, *others]) != data:
        case.wrong.append(filled(NOT_SO["form"], name=EXACT))
        return
    _totals(case, own)
    if programme is not None and roster is not None:
        _participation(case, own, programme, roster)
    else:
        case.left.append(filled(LEFT["breakdown"], name=EXACT))
    _public(case, others, 1 + len(own), public)


def _read(data: bytes) -> tuple[list[_Read], list[_Read]]:
    """Its rows on who took part, and its other rows; no rows if it cannot be read."""
    rows = csv.DictReader(io.StringIO(data.decode("utf-8", "replace"), newline=""))
    found: list[_Read]
    try:  # of a row with more columns the rest is lost, and then the bytes differ
        found = [{name: row.get(name) or "" for name in exact.COLUMNS} for row in rows]
    except csv.Error:
        return [], []
    own = [row for row in found if row["kind"] == exact.PARTICIPATION]
    return own, [row for row in found if row["kind"] != exact.PARTICIPATION]


def _totals(case: Case, own: Sequence[_Read]) -> None:
    """Each stage once for all institutions, with the number of the manifest; so its breakdown adds up."""
    stages = _stages(case.manifest.coverage)
    wrong = []
    for stage, number in stages.items():
        values = [row["value"] for row in own if row["subject"] == stage and not row["codes"]]
        if values != [str(number)]:
            value = ", ".join(values)[:20] or "-"
            wrong.append(filled(NOT_SO["total"], name=EXACT, stage=stage, value=value, number=number))
    strange = {row["subject"] for row in own} - stages.keys()
    alike = {(row["year"], row["unit"]) for row in own} == {(str(case.manifest.period), "institutions")}
    if strange or not alike:
        wrong.append(filled(NOT_SO["form"], name=EXACT))
    parts = Counter[str]()
    for row in own:
        if row["codes"]:
            parts[row["subject"]] += int(row["value"]) if _NUMBER.fullmatch(row["value"]) else -MOST
    wrong += [
        filled(NOT_SO["breakdown"], name=EXACT, stage=stage)
        for stage, number in stages.items()
        if parts[stage] != number
    ]
    case.wrong += wrong
    if not wrong:
        case.held.append(filled(HELD["totals"], name=EXACT))


def _stages(coverage: Coverage) -> Mapping[str, int]:
    """How many institutions came how far, by the subject under which exact.csv has it."""
    return {
        "enrolled": len(coverage.enrolled),
        "invited": len(coverage.invited),
        "present": len(coverage.present),
        "in-sum": len(coverage.in_sum),
    }


def _participation(case: Case, own: Sequence[_Read], programme: Programme, roster: Roster) -> None:
    """Who took part, counted again on the roster, with its words."""
    manifest, coverage = case.manifest, case.manifest.coverage
    counted = exact.Participation(
        programme, roster, manifest.period, coverage.invited, coverage.present, coverage.in_sum
    )
    line = first_line(_bytes(own), csv_bytes(exact.COLUMNS, exact.rows(counted, None)))
    if line:
        case.wrong.append(filled(NOT_SO["roster-line"], name=EXACT, line=line))
    else:
        case.held.append(filled(HELD["participation"], name=EXACT))


def _public(case: Case, others: Sequence[_Read], above: int, public: PublicFigures | None) -> None:
    """The public figures, made again from the document that the authority signed.

    Args:
        above: lines of the file that stand above them.
    """
    if public is not None:
        line = first_line(_bytes(others), csv_bytes(exact.COLUMNS, exact.rows(None, public)))
        if line:
            number = line - 1 + above
            case.wrong.append(filled(NOT_SO["public-line"], name=EXACT, line=number, document=PUBLIC))
        else:
            case.held.append(filled(HELD["public"], name=EXACT, document=PUBLIC))
    elif others and case.manifest.provenance.public is None:
        case.wrong.append(filled(NOT_SO["public-none"], name=EXACT))
    elif others and PUBLIC not in case.contents:
        case.left.append(filled(LEFT["public"], name=EXACT, document=PUBLIC))


def _bytes(rows: Sequence[_Read]) -> bytes:
    written: list[Row] = [dict(row) for row in rows]
    return csv_bytes(exact.COLUMNS, written)


def first_line(one: bytes, other: bytes) -> int:
    """The first line in which two texts differ, from 1; 0 if they do not."""
    if one == other:
        return 0
    pairs = zip(one.split(b"\n"), other.split(b"\n"), strict=False)
    return next((number for number, (a, b) in enumerate(pairs, 1) if a != b), one.count(b"\n") + 1)
