"""What changed between two releases, and which of it is more than noise.

The noises of two rounds are independent, so their variances add. Releases can share sums: a correction is
made from the very sums of the release that it corrects, and sums of three years have years in common. What
both have cancels, with its noise. So a difference has the variance of the years that only one of them has;
where they have all years in common it has none, and whatever differs was corrected.
"""

import csv
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from desk.releases import verify
from desk.releases.examine import PROGRAMME
from samentel.documents import envelope as dsse
from samentel.documents import programme as programmes
from samentel.documents.codelists import Text
from samentel.documents.keys import VerifyKey
from samentel.documents.programme import Programme
from samentel.errors import DocumentError, LocalFault
from samentel.figures import measured
from samentel.figures.edition import DECIMALS, Year
from samentel.figures.estimate import Z
from samentel.figures.manifest import Manifest, TableFacts
from samentel.figures.quality import joint_z
from samentel.figures.release import TABLES
from samentel.figures.workload import spread

ROUNDED = 2 * 10.0**-DECIMALS  # two published figures that differ by less are the same

Place = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Row:
    """A published figure: its number in its table, its words, its estimate and sd in persons."""

    cell: int
    label: Text
    estimate: float
    sd: float


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of two releases, every file of which is what its manifest says."""

    manifest: Manifest
    programme: Programme
    years: tuple[Year, ...]
    rows: Mapping[Place, Row]

    def facts(self) -> Mapping[str, TableFacts]:
        """Its tables that have figures, by id."""
        return {facts.id: facts for facts in self.manifest.tables if facts.withheld is None}

    def summed(self, table: TableFacts) -> Mapping[bytes, Year]:
        """The years that a table is the sum of, by their sums: the same numbers are the same noise."""
        return {_name(year): year for year in self.years if str(year.period) in table.periods}


def _name(year: Year) -> bytes:
    found = hashlib.sha256(f"{year.period} {' '.join(year.national.tables)} ".encode())
    for counts in year.national.tables.values():
        found.update(counts.tobytes())
    return found.digest()


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in both releases.

    Attributes:
        difference: after minus before, in persons.
        sd: of the noise in the difference; 0 where both are made from the same sums.
        beyond: more than noise makes in 95 of 100 such differences; of the same sums, any difference.
        jointly: more than noise makes in any of all differences together, in 95 of 100 such comparisons.
    """

    table: str
    codes: tuple[str, ...]
    label: Text
    before: float
    after: float
    difference: float
    sd: float
    beyond: bool
    jointly: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two releases, figure by figure.

    Attributes:
        same_sum: whether both were made from the same sums: then every difference is a correction.
        changes: every figure that both have, in the order of the second.
        layout: what cannot be compared figure by figure, a sentence each.
        gone, new: institutions in the sum of one of them only.
        joint_z: that many sd hold all differences together.
    """

    before: Manifest
    after: Manifest
    same_sum: bool
    changes: tuple[Change, ...]
    layout: tuple[Text, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    joint_z: float


def read(directory: Path, coordinator: VerifyKey | None) -> Side:
    """A release to compare, once its files are what its manifest says.

    Args:
        coordinator: whose signature must be under the manifest; None to go without.

    Raises:
        PeerError: not signed by that coordinator.
        DocumentError: a file was changed, or is not there.
    """
    if coordinator is None:
        manifest, contents = verify.unsigned(directory)
    else:
        manifest, _, contents = verify.files_of(directory, coordinator)
    lacking = [name for name in (PROGRAMME, measured.FILE, TABLES) if name not in contents]
    if lacking:
        raise DocumentError(
            str(directory), [f"{name}: is missing; fetch the whole release" for name in lacking]
        )
    programme = programmes.parse(dsse.from_json(contents[PROGRAMME], PROGRAMME).payload)
    years = measured.read(programme, contents[measured.FILE], manifest.in_sum)
    return Side(manifest, programme, years, _rows(contents[TABLES]))


def compare(before: Side, after: Side) -> Comparison:
    """Figure by figure, what changed from one release to the other.

    Raises:
        DocumentError: they cannot be compared; says why.
    """
    _check(before.manifest, after.manifest)
    same = _same_sum(before, after)
    comparable, layout = _tables(before, after)
    places = [place for place in after.rows if place[0] in comparable and place in before.rows]
    layout += _cells(before, after, comparable)
    z = joint_z(max(len(places), 1))
    deviations = {name: _deviations(before, after, name) for name in comparable}
    changes = tuple(
        _change(place, before.rows[place], after.rows[place], deviations[place[0]], z) for place in places
    )
    there, here = (set(side.manifest.coverage.in_sum) for side in (before, after))
    return Comparison(
        before.manifest,
        after.manifest,
        same,
        changes,
        tuple(layout),
        tuple(sorted(there - here)),
        tuple(sorted(here - there)),
        z,
    )


def only(found: Comparison, table: str) -> Comparison:
    """The changes of one table; raises LocalFault when it is not in both releases."""
    changes = tuple(change for change in found.changes if change.table == table)
    if not changes:
        raise LocalFault(f"{table[:100]}: there is no such table in both releases")
    return replace(found, changes=changes)


def _check(before: Manifest, after: Manifest) -> None:
    why = ""
    if before.programme_id != after.programme_id:
        why = f"they are of different programmes, {before.programme_id} and {after.programme_id}"
    elif before.release_id == after.release_id and before.round == after.round:
        why = "they are the same release"
    elif bool(before.period.quarter) != bool(after.period.quarter):
        why = f"one is of a quarter and the other of a year: {before.period} and {after.period}"
    if why:
        raise DocumentError(f"{before.release_id}, {after.release_id}", [f"cannot be compared: {why}"])


def _same_sum(before: Side, after: Side) -> bool:
    one, other = before.years[-1].national, after.years[-1].national
    same = one.survivors == other.survivors and {*one.tables} == {*other.tables}
    same = same and all(np.array_equal(one.tables[name], other.tables[name]) for name in one.tables)
    if before.manifest.round == after.manifest.round and not same:
        raise DocumentError(
            f"{before.manifest.release_id}, {after.manifest.release_id}",
            [
                "are of the same round, and their sums differ: one of them is false. Noise is never drawn "
                "again; tell the programme authority"
            ],
        )
    return before.manifest.round == after.manifest.round


def _tables(before: Side, after: Side) -> tuple[tuple[str, ...], list[Text]]:
    """The tables that count the same in both, and what is to be said of the others."""
    one, other = before.facts(), after.facts()
    layout = [
        Text(
            nl=f"tabel {name}: alleen in {side.manifest.release_id}",
            en=f"table {name}: only in {side.manifest.release_id}",
        )
        for side, mine, theirs in ((before, one, other), (after, other, one))
        for name in mine
        if name not in theirs
    ]
    comparable = []
    for name in (name for name in other if name in one):
        a, b = one[name], other[name]
        if a.dimensions != b.dimensions:
            layout.append(Text(nl=f"tabel {name}: andere kenmerken", en=f"table {name}: other attributes"))
        elif a.definition != b.definition or len(a.periods) != len(b.periods):
            layout.append(
                Text(
                    nl=f"tabel {name}: telt iets anders, of over meer of minder jaren",
                    en=f"table {name}: counts something else, or over more or fewer years",
                )
            )
        else:
            comparable.append(name)
            if a.title != b.title:
                layout.append(
                    Text(
                        nl=f"tabel {name}: heette “{a.title.nl}”, nu “{b.title.nl}”",
                        en=f"table {name}: was called “{a.title.en}”, now “{b.title.en}”",
                    )
                )
    return tuple(comparable), layout


def _cells(before: Side, after: Side, tables: Sequence[str]) -> list[Text]:
    found = []
    for name in tables:
        for side, other in ((before, after), (after, before)):
            alone = [
                "|".join(place[1]) for place in side.rows if place[0] == name and place not in other.rows
            ]
            if alone:
                where, codes = side.manifest.release_id, ", ".join(alone)
                found.append(
                    Text(
                        nl=f"tabel {name}: codes alleen in {where}: {codes}",
                        en=f"table {name}: codes only in {where}: {codes}",
                    )
                )
    return found


def _deviations(before: Side, after: Side, table: str) -> tuple[tuple[float, ...], ...] | None:
    """The sd of each cell in the years that only one of them has; None where they have no year in common."""
    one, other = (side.summed(side.facts()[table]) for side in (before, after))
    if not one.keys() & other.keys():
        return None
    alone = []
    for side, mine, theirs in ((before, one, other), (after, other, one)):
        cells = side.programme.cells(next(it for it in side.programme.tables if it.id == table))
        variances = np.zeros(cells)
        for name in mine.keys() - theirs.keys():
            variances += spread(side.programme, mine[name].national.variances)[table]
        alone.append(tuple(np.sqrt(variances).tolist()))
    return tuple(alone)


def _change(
    place: Place, before: Row, after: Row, alone: tuple[tuple[float, ...], ...] | None, z: float
) -> Change:
    sds = (before.sd, after.sd) if alone is None else (alone[0][before.cell], alone[1][after.cell])
    sd, difference = math.hypot(*sds), after.estimate - before.estimate
    return Change(
        *place,
        after.label,
        before.estimate,
        after.estimate,
        difference,
        sd,
        abs(difference) > Z * sd + ROUNDED,
        abs(difference) > z * sd + ROUNDED,
    )


def _rows(data: bytes) -> Mapping[Place, Row]:
    found = {}
    try:
        for row in csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")):
            codes = tuple(row["codes"].split("|")) if row["codes"] else ()
            label = Text(nl=row["label_nl"], en=row["label_en"])
            found[row["table"], codes] = Row(
                int(row["cell"]), label, float(row["estimate"]), float(row["sd"])
            )
    except (KeyError, ValueError, TypeError, AttributeError):
        raise DocumentError(TABLES, ["cannot be read: was it written by another version?"]) from None
    return found


def as_values(found: Comparison) -> Mapping[str, object]:
    """As JSON says it."""
    return {
        "before": found.before.release_id,
        "after": found.after.release_id,
        "same_sum": found.same_sum,
        "cells": len(found.changes),
        "beyond_noise": sum(change.beyond for change in found.changes),
        "beyond_noise_jointly": sum(change.jointly for change in found.changes),
        "joint_z": found.joint_z,
        "institutions_gone": found.gone,
        "institutions_new": found.new,
        "layout": [{"nl": text.nl, "en": text.en} for text in found.layout],
        "changes": [
            {
                "table": change.table,
                "codes": change.codes,
                "label_nl": change.label.nl,
                "label_en": change.label.en,
                "before": change.before,
                "after": change.after,
                "difference": change.difference,
                "sd": change.sd,
                "beyond_noise": change.beyond,
                "beyond_noise_jointly": change.jointly,
            }
            for change in found.changes
        ],
    }
