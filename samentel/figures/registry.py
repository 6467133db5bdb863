"""An entry for the public registry of differentially private releases (DP Deployments Registry, OpenDP).

The registry describes each deployment in YAML, in three tiers; this is one of
the third, the most complete. What an entry needs is written down here in our own
models: the names and the words to choose from are those of the registry's schema
(opendp/deployments-registry-data, schemas/deployments-schema.yaml), which was
read, not copied.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from samentel.documents.model import Model
from samentel.documents.programme import Mode, Programme
from samentel.figures.manifest import Day, Manifest

FILE = "dp-registry.yaml"
SLUG = "url_slug"
Words = Annotated[str, StringConstraints(min_length=1)]
Several = Annotated[tuple[Words, ...], Field(min_length=1)]


class Basic(Model):
    """What it is and who publishes it."""

    name: Words
    data_curators: Several
    description: Words
    intended_use: Words
    data_product_type: Literal["Summary statistics"] = "Summary statistics"
    data_product_region: Words = "The Netherlands"
    publication_date: Day
    data_product_sector: Literal["Government"] = "Government"


class Variant(Model):
    """Which kind of differential privacy, of which data."""

    variant_name: Literal["Zero-concentrated DP"] = "Zero-concentrated DP"
    data_domain: Words
    unprotected_quantities: Words


class Parameters(Model):
    """The loss, as the registry writes it: numbers, no fractions."""

    epsilon: Annotated[float, Field(gt=0)]
    delta: Annotated[float, Field(gt=0, lt=1)]
    rho: Annotated[float, Field(gt=0)]


class Loss(Model):
    """What is protected, and how much is lost."""

    privacy_unit: Words
    privacy_unit_details: Words
    privacy_parameters: Parameters
    privacy_parameters_details: Words


class Deployment(Model):
    """Who does what, how often."""

    model_name: Literal["Federated", "Local"]
    model_name_details: Words
    actors: Words
    release_type: Literal["Many releases"] = "Many releases"
    release_type_details: Words
    data_source_type: Literal["Dynamic"] = "Dynamic"
    data_source_type_details: Words
    access_type: Literal["Non-interactive"] = "Non-interactive"
    access_type_details: Words


class Accounting(Model):
    """How losses add up, and what was done afterwards."""

    post_processing: Words
    composition: Words


class Implementation(Model):
    """With what it was made, and why so."""

    preprocessing_and_hyperparameter_tuning: Words
    mechanisms: Words
    justification: Words


class Administrative(Model):
    """Where the entry comes from."""

    sources: Words
    notes: Words
    registry_authors: Several


class Described(Model):
    """All sections of an entry of tier 3."""

    basic: Basic
    dp_variant: Variant
    privacy_loss: Loss
    deployment_model: Deployment
    accounting: Accounting
    implementation: Implementation
    administrative: Administrative


class Entry(Model):
    """One entry. It is a draft until the registry has looked at it."""

    url_slug: Annotated[str, StringConstraints(pattern=r"^[\w-]+$")]
    status: Literal["Draft"] = "Draft"
    tier: Literal[3] = 3
    deployment: Described


def entry(manifest: Manifest, programme: Programme) -> Entry:
    """The entry of one release, in English as the registry is.

    Args:
        manifest: which files it names does not matter: the entry is one of them.
        programme: the one that the release is of.
    """
    return Entry(
        url_slug=_slug(f"{manifest.title.en}, {manifest.period}", manifest),
        deployment=Described(
            basic=Basic(
                name=f"{manifest.title.en}, {manifest.period}",
                data_curators=(manifest.contact,),
                description=_description(manifest),
                intended_use=_line(manifest.purpose.en),
                publication_date=f"{manifest.published_at:%Y-%m-%d}",
            ),
            dp_variant=Variant(
                data_domain=" ".join(
                    f"{one.title.en}: {_line(one.definition.en)}" for one in manifest.populations
                ),
                unprotected_quantities=manifest.privacy.unprotected.en,
            ),
            privacy_loss=_loss(manifest),
            deployment_model=_deployment(manifest, programme),
            accounting=Accounting(
                post_processing=" ".join(one.en for one in manifest.safeguards.post_processing),
                composition=manifest.year_loss.composition.en,
            ),
            implementation=_implementation(manifest),
            administrative=Administrative(
                sources=f"Release {manifest.release_id}; programme {manifest.programme_id}, version "
                f"{manifest.programme_version}, SHA-256 {manifest.programme}. The release carries the signed "
                "programme, its sums as measured, and a manifest.",
                notes=f"{manifest.revisions.en} Licence: {manifest.licence}.",
                registry_authors=(manifest.contact,),
            ),
        ),
    )


def entry_bytes(manifest: Manifest, programme: Programme) -> bytes:
    """The same as a YAML file: a key a line, every text in double quotes as JSON writes it."""
    return "".join(
        f"{line}\n" for line in _yaml(entry(manifest, programme).model_dump(mode="json"), "")
    ).encode()


def _yaml(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, it in value.items():
        if isinstance(it, Mapping):
            yield f"{indent}{name}:"
            yield from _yaml(it, f"{indent}  ")
        elif isinstance(it, list):
            yield f"{indent}{name}:"
            yield from (f"{indent}  - {json.dumps(one, ensure_ascii=False)}" for one in it)
        else:
            # The registry's own program rewrites the slug where it stands without quotes.
            yield f"{indent}{name}: {it if name == SLUG else _scalar(it)}"


def _scalar(value: str | float) -> str:
    """A text, a whole number, or a float that YAML 1.1 reads as one too: 1e-06 would be a text there."""
    if isinstance(value, float):
        mantissa, _, exponent = repr(value).partition("e")
        point = mantissa if "." in mantissa else f"{mantissa}.0"
        return f"{point}e{int(exponent):+03d}" if exponent else point
    return json.dumps(value, ensure_ascii=False)


def _slug(name: str, manifest: Manifest) -> str:
    """As the registry makes it: from name, curators and year."""
    parts = (name, manifest.contact, f"{manifest.published_at:%Y}")
    return "_".join(re.sub(r"\W+", "_", part.lower()) for part in parts).replace("_", "-")


def _line(text: str) -> str:
    return " ".join(text.split())


def _description(manifest: Manifest) -> str:
    there = [facts for facts in manifest.tables if facts.withheld is None]
    cells = sum(facts.cells for facts in there)
    return (
        f"{len(there)} tables with {cells} counts about {manifest.period}, from "
        f"{len(manifest.coverage.in_sum)} of {len(manifest.coverage.invited)} institutions that keep their "
        "own records: unbiased estimates with their standard deviation and 95 % intervals."
    )


def _loss(manifest: Manifest) -> Loss:
    privacy, year = manifest.privacy, manifest.year_loss
    shared = f" {privacy.shared_noise.colluders.en}" if privacy.shared_noise is not None else ""
    return Loss(
        privacy_unit=privacy.unit.en,
        privacy_unit_details=" ".join(f"{one.title.en}: {one.adjacency}" for one in manifest.populations),
        privacy_parameters=Parameters(
            epsilon=privacy.epsilon_upper, delta=float(privacy.delta), rho=float(privacy.rho_spent)
        ),
        privacy_parameters_details=(
            f"rho is at most {privacy.rho_spent}, for all tables of this release together; epsilon is its "
            f"translation at that delta, rounded up. All releases about {year.year} so far: rho {year.rho}; "
            f"institutions allow {year.house_cap} a year unless they decide otherwise.{shared}"
        ),
    )


def _deployment(manifest: Manifest, programme: Programme) -> Deployment:
    alone = programme.mode is Mode.INDIVIDUAL
    return Deployment(
        # Of the registry's words: noise is added at the institution, before anything leaves it.
        model_name="Local" if alone else "Federated",
        model_name_details=manifest.privacy.mechanism.en,
        actors=manifest.safeguards.trust.en,
        release_type_details=(
            f"One release a {programme.period}; the next is planned before {manifest.next_release}. At most "
            f"{programme.max_attempts} attempts at each, of which every completed one is paid for. The cap "
            "of an institution is for one reporting year of the data; losses of several years add up."
        ),
        data_source_type_details=(
            "Institutions keep recording. A person and the attributes used are bound to a period when it is "
            "counted first."
        ),
        access_type_details="Fixed tables, published for everybody; nobody asks questions of the records.",
    )


def _implementation(manifest: Manifest) -> Implementation:
    guards = manifest.safeguards
    libraries = ", ".join(f"{one.name} {one.version}" for one in guards.libraries)
    bounds = "; ".join(
        f"{one.title.en}: rows of one person at most {one.rows_per_person}, rows of one institution in a "
        f"cell at most {one.rows_max}"
        for one in manifest.populations
    )
    hazards = " ".join(one.en for one in guards.hazards)
    return Implementation(
        preprocessing_and_hyperparameter_tuning=(
            "Tables, code lists and shares of rho were fixed and signed before any record was read; none was "
            f"tuned on records. {manifest.coverage.missing.en} {bounds}."
        ),
        mechanisms=(
            f"{manifest.privacy.mechanism.en} Software: {libraries}. {guards.arithmetic.en} "
            f"{guards.timing.en} {guards.randomness.en} Thresholds: {guards.thresholds.en} Known hazards: "
            f"{hazards}"
        ),
        justification=f"{_line(guards.justification.en)} Approved by the holders of the keys "
        f"{', '.join(guards.approved_by) or 'of the programme authority'}.",
    )
