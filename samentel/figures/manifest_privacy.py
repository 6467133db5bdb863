"""The privacy section of a manifest: what was promised, what it cost, and what it rests on."""

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from samentel.counting.privacy import TableNoise, attacker_power, epsilon_upper, total_rho
from samentel.documents.codelists import Text
from samentel.documents.populations import Counting, Records
from samentel.documents.programme import Mode, Programme
from samentel.figures import manifest_texts as texts
from samentel.figures.collusion import Collusion, collusion_of
from samentel.figures.manifest import Library, Privacy, Safeguards, SharedNoise, Spending, YearLoss
from samentel.ids import Period
from samentel.secagg.terms import threshold

HOUSE_CAP = Fraction(1)  # what a node allows in a reporting year unless its institution decides otherwise
_DECIMALS = 10**12


def privacy_facts(programme: Programme, plan: Sequence[TableNoise], rostered: int, dealers: int) -> Privacy:
    """What one release promises and costs.

    Args:
        plan: what each institution in the sum has added.
        rostered, dealers: institutions on the roster, and those that have dealt; without meaning in
            individual mode.
    """
    shared = programme.mode is Mode.SECURE_SUM
    collusion = collusion_of(programme, plan, rostered, dealers) if shared else None
    spent = collusion.central if collusion else total_rho(plan)
    return Privacy(
        unit=_unit(programme),
        mechanism=texts.MECHANISM[programme.mode],
        mode=programme.mode,
        rho=programme.rho,
        rho_spent=min(programme.rho, Fraction(math.ceil(spent * _DECIMALS), _DECIMALS)),
        delta=programme.delta,
        epsilon_upper=epsilon_upper(spent, programme.delta),
        attacker_power_at_5_percent=attacker_power(spent),
        unprotected=texts.UNPROTECTED[programme.mode],
        shared_noise=_shared_noise(collusion) if collusion else None,
    )


def _unit(programme: Programme) -> Text:
    if not any(population.records is Records.CONTACTS for population in programme.populations):
        return texts.UNIT
    return Text(nl=f"{texts.UNIT.nl} {texts.UNIT_CONTACT.nl}", en=f"{texts.UNIT.en} {texts.UNIT_CONTACT.en}")


def spending(programme: Programme, release_id: str, period: Period, rho: Fraction) -> Spending:
    """What a release cost, with whether it is one of the quarters of which only the dearest counts."""
    inflow = all(population.counting is Counting.INFLOW for population in programme.populations)
    return Spending(
        release_id=release_id,
        programme_id=programme.id,
        period=period,
        rho=rho,
        by_quarter=period.quarter > 0 and inflow and programme.mode is not Mode.INDIVIDUAL,
    )


def year_loss(year: int, releases: Sequence[Spending]) -> YearLoss:
    """What releases about one reporting year cost a person together, as a node's ledger adds it up.

    Args:
        releases: each round once; a correction of one costs nothing.
    """
    quarters: dict[Period, Fraction] = {}
    rest = Fraction(0)
    for one in releases:
        if one.by_quarter:
            quarters[one.period] = quarters.get(one.period, Fraction(0)) + one.rho
        else:
            rest += one.rho
    return YearLoss(
        year=year,
        rho=rest + max(quarters.values(), default=Fraction(0)),
        house_cap=HOUSE_CAP,
        releases=tuple(releases),
        composition=texts.COMPOSITION,
    )


def safeguards(
    programme: Programme, privacy: Privacy, libraries: Mapping[str, str], approved_by: Sequence[str]
) -> Safeguards:
    """What the promise rests on beside mathematics.

    Args:
        libraries: versions by name, of those that ``manifest_texts`` says the role of.
        approved_by: ids of the keys that have signed the programme.
    """
    shared = privacy.shared_noise
    facts = {"c": shared.collude_max, "d": shared.absent_max, "t": shared.threshold} if shared else {}
    tick = {"tick": f"{programme.tick_seconds:g}"}
    return Safeguards(
        trust=_filled(texts.TRUST[programme.mode], facts),
        thresholds=texts.THRESHOLDS,
        post_processing=texts.POST_PROCESSING,
        libraries=tuple(
            Library(name=name, version=libraries[name], role=role)
            for name, role in texts.LIBRARIES.items()
            if name in libraries
        ),
        arithmetic=texts.ARITHMETIC,
        timing=_filled(texts.TIMING, tick),
        randomness=texts.RANDOMNESS,
        hazards=texts.HAZARDS,
        justification=programme.justification or texts.NO_JUSTIFICATION,
        approved_by=tuple(sorted(approved_by)),
    )


def _filled(text: Text, facts: Mapping[str, object]) -> Text:
    return Text(nl=text.nl.format(**facts), en=text.en.format(**facts))


def _shared_noise(collusion: Collusion) -> SharedNoise:
    rules = collusion.programme.roster
    return SharedNoise(
        collude_max=rules.collude_max,
        absent_max=rules.absent_max,
        threshold=threshold(collusion.dealers),
        dealers=collusion.dealers,
        rho_local=collusion.loss.local,
        colluders=colluders_sentence(collusion),
    )


def colluders_sentence(collusion: Collusion) -> Text:
    """What is left when more institutions collude with the coordinator than the programme assumes."""
    most = collusion.withstood
    facts = {
        "c": collusion.programme.roster.collude_max,
        "most": most,
        "beyond": most + 1,
    }
    losses = {
        "central": rounded_up(collusion.central),
        "more": rounded_up(collusion.with_colluders(most)),
        "local": rounded_up(collusion.loss.local),
    }
    dutch = {name: loss.replace(".", ",") for name, loss in losses.items()}
    more = most > collusion.programme.roster.collude_max
    form = texts.MORE_COLLUDERS if more else texts.NO_MORE_COLLUDERS
    return Text(nl=form.nl.format(**facts, **dutch), en=form.en.format(**facts, **losses))


def rounded_up(loss: Fraction) -> str:
    """A loss to three digits, never less than it is; an exact half stays 0.5."""
    if loss <= 0:
        return "0"
    places = max(2 - math.floor(math.log10(loss)), 0)
    whole, part = divmod(math.ceil(loss * 10**places), 10**places)
    return f"{whole}.{part:0{places}d}".rstrip("0").rstrip(".") if part else str(whole)
