"""The reading guide of a release as Markdown, in plain Dutch or English: what its figures mean."""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from fractions import Fraction

from samentel.documents.codelists import Text
from samentel.documents.populations import Records
from samentel.documents.programme import Programme
from samentel.figures import guide_texts as words
from samentel.figures.estimate import Z
from samentel.figures.manifest import Manifest, TableFacts
from samentel.figures.manifest_accuracy import Fitness
from samentel.figures.manifest_privacy import rounded_up
from samentel.figures.quality import LEVEL

LANGUAGES = ("nl", "en")
EARLIER = "earlier"  # the field of a record that says whether somebody had help before
_INSTITUTIONS, _YEARS = (1, 2, 3), (1, 3, 5)
_EXAMPLE = 100  # persons, or ten sd where that is more: an example that reads well


def guide(manifest: Manifest, programme: Programme, language: str) -> bytes:
    """The guide as a file.

    Args:
        manifest: of its files those are told that are made before the texts, such as figures.
        programme: the one that the release is of.
        language: nl or en.
    """
    say = _speaker(language)
    parts = [*_opening(manifest, say)]
    for name, section in _SECTIONS.items():
        told = list(section(manifest, programme, say))
        if told:
            parts += [say(words.HEADINGS[name]), *told]
    return ("\n\n".join(parts) + "\n").encode()


Say = Callable[..., str]


def _speaker(language: str) -> Say:
    """A text in one language, filled in; numbers as that language writes them, losses rounded up."""

    def say(text: Text, /, **facts: object) -> str:
        form: str = getattr(text, language)
        return form.format(**{name: _written(value, language) for name, value in facts.items()})

    return say


def _written(value: object, language: str) -> str:
    if isinstance(value, Text):
        return str(getattr(value, language)).strip()
    if isinstance(value, float | Fraction):
        text = rounded_up(value) if isinstance(value, Fraction) else _rounded(value)
        return text.replace(".", ",") if language == "nl" else text
    return _day(value) if isinstance(value, datetime) else str(value)


def _rounded(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.3g}"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _opening(manifest: Manifest, say: Say) -> Iterator[str]:
    coverage = manifest.coverage
    yield say(words.TITLE, title=manifest.title, period=manifest.period)
    yield say(
        words.INTRODUCTION,
        release=manifest.release_id,
        day=manifest.published_at,
        counted=len(coverage.in_sum),
        invited=len(coverage.invited),
        contact=manifest.contact,
        licence=manifest.licence,
        next=manifest.next_release,
    )
    if manifest.corrects is not None:
        yield say(words.CORRECTS, release=manifest.corrects.release_id, reason=manifest.corrects.reason)
    elif manifest.supersedes:
        yield say(words.SUPERSEDES, release=manifest.supersedes)


def _errata(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    if manifest.errata:
        yield "\n".join(
            say(words.ERRATUM, release=one.release_id, day=one.published_at, text=one.text)
            for one in manifest.errata
        )


def _counted(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    for one in manifest.populations:
        yield say(
            words.POPULATION,
            title=one.title,
            definition=one.definition,
            registered=one.registered_by,
            most=say(words.ONCE if one.rows_per_person == 1 else words.OFTEN, rows=one.rows_per_person),
        )
    yield say(manifest.coverage.missing)


def _reading(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    shown = next((facts for facts in manifest.tables if facts.withheld is None), None)
    if shown is not None:
        example = max(_EXAMPLE, 10 * math.ceil(shown.cell_sd))
        yield say(
            words.READING,
            title=shown.title,
            sd=shown.cell_sd,
            example=example,
            lower=math.floor(example - Z * shown.cell_sd),
            upper=math.ceil(example + Z * shown.cell_sd),
            grades=manifest.accuracy.grades,
        )
    absent = sorted(set(manifest.coverage.invited) - set(manifest.coverage.in_sum))
    missing = say(words.NOT_IN_SUM, names=", ".join(absent)) if absent else ""
    yield say(words.COVERAGE, missing=missing)


def _persons(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    yield say(manifest.coverage.same_person)


def _contacts(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    used = {table.population for table in programme.tables}
    if any(one.records is Records.CONTACTS and one.id in used for one in programme.populations):
        yield say(words.CONTACTS)


def _quarters(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    if any(one.period.quarter for one in manifest.year_loss.releases):  # this release is among them
        yield say(words.QUARTERS)


def _changes(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    trends = f" {say(words.TRENDS)}" if manifest.earlier else ""
    yield say(words.CHANGES) + trends


def _outside(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    points = [say(text) for text in words.OUTSIDE]
    asked = {name for table in programme.tables for name in table.dimensions}
    if any(one.id in asked and one.field == EARLIER for one in programme.dimensions):
        points.insert(0, say(words.REPEATED))
    yield "\n".join(f"- {point}" for point in points)


def _tables(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    fitness = {one.table: one for one in manifest.accuracy.tables}
    lines = [say(words.TABLE_HEADING), "|---|---|--:|--:|--:|--:|:-:|---|"]
    for facts in manifest.tables:
        lines.append(_line(facts, fitness[facts.id], say))
    yield "\n".join(lines)
    yield say(words.GRADE_NOTE)
    if manifest.accuracy.checks:
        odd = [one.name for one in manifest.accuracy.checks if one.p_value < LEVEL]
        found = say(words.CHECKS_ODD, names=", ".join(odd)) if odd else say(words.CHECKS_FINE)
        yield say(words.CHECK, found=found)


def _line(facts: TableFacts, fit: Fitness, say: Say) -> str:
    remarks = []
    if facts.withheld is not None:
        remarks.append(say(words.REMARKS["withheld"]))
    elif len(facts.periods) > 1:
        remarks.append(say(words.REMARKS["pooled"], periods=", ".join(facts.periods)))
    if fit.imprecise:
        remarks.append(say(words.REMARKS["imprecise"]))
    if fit.accepted is False and fit.target_sd is not None:
        remarks.append(say(words.REMARKS["missed"], target=float(fit.target_sd)))
    numbers = [say(_NUMBER, value=it) for it in (facts.cell_sd, fit.half_width, fit.smallest_change)]
    title = say(_NUMBER, value=facts.title).replace("|", "/")
    cells = [facts.id, title, str(facts.cells), *numbers, fit.grade or "-", "; ".join(remarks)]
    return f"| {' | '.join(cells)} |"


# What stands beside this guide and is made with it, or after it.
_ALWAYS = {"manifest.json", "manifest.dsse.json", "dp-registry.yaml"}
_NUMBER = Text(nl="{value}", en="{value}")


def _privacy(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    privacy, year = manifest.privacy, manifest.year_loss
    yield say(
        words.PRIVACY,
        unit=privacy.unit,
        rho=privacy.rho_spent,
        power=math.ceil(100 * privacy.attacker_power_at_5_percent),
        year=year.year,
        year_rho=year.rho,
        cap=year.house_cap,
    )
    lines = [say(words.LOSS_HEADING), "|--:|--:|--:|--:|"]
    for institutions in _INSTITUTIONS:
        losses = [say(_NUMBER, value=year.rho * institutions**2 * years) for years in _YEARS]
        lines.append(f"| {institutions} | {' | '.join(losses)} |")
    yield "\n".join(lines)
    if privacy.shared_noise is not None:
        yield say(privacy.shared_noise.colluders)


def _files(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    there = {file.name for file in manifest.files} | _ALWAYS
    yield "\n".join(f"- `{name}`: {say(text)}" for name, text in words.FILES.items() if name in there)


def _checking(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    yield say(words.CHECKING, revisions=manifest.revisions)


def _citing(manifest: Manifest, programme: Programme, say: Say) -> Iterator[str]:
    yield say(
        words.CITING,
        title=manifest.title,
        period=manifest.period,
        release=manifest.release_id,
        day=manifest.published_at,
        programme=manifest.programme_id,
        version=manifest.programme_version,
        digest=f"SHA-256 {manifest.programme}",
        licence=manifest.licence,
    )


Section = Callable[[Manifest, Programme, Say], Iterator[str]]
_SECTIONS: Mapping[str, Section] = {
    "errata": _errata,
    "counted": _counted,
    "reading": _reading,
    "persons": _persons,
    "contacts": _contacts,
    "quarters": _quarters,
    "changes": _changes,
    "outside": _outside,
    "tables": _tables,
    "privacy": _privacy,
    "files": _files,
    "checking": _checking,
    "citing": _citing,
}
