"""The commands of ``samentel-aggregator`` about what has been published, and what stands beside it."""

from pathlib import Path

from cyclopts import App

from aggregator.cli import Credentials, config_path, configured

releases = App(name="release", help="What has been published.")
figures = App(name="figures", help="Public figures that releases carry beside what was counted.")


@releases.command(name="list")
def release_list(*, credentials: Credentials = None) -> None:
    """List all releases, newest first.

    Example: samentel-aggregator release list
    """
    from aggregator import manual

    with manual.connected(config_path(), credentials) as coordinator:
        manual.releases(coordinator)


@releases.command(name="show")
def release_show(release_id: str, /, *, credentials: Credentials = None) -> None:
    """Show what a release says of itself.

    Example: samentel-aggregator release show aanleiding-demo-2025-1
    """
    from aggregator import manual

    with manual.connected(config_path(), credentials) as coordinator:
        manual.release(coordinator, release_id)


@releases.command(name="correct")
def release_correct(release_id: str, /, *, nl: str, en: str) -> None:
    """Make a release again from the same sums, when its texts or its arithmetic were wrong.

    No round is opened and no noise drawn: the sums are those of the release, and institutions pay nothing.
    The correction says why, and takes the place of the release, which stays as it is. Started again with the
    same words after a stop, it goes on where it was.

    Example: samentel-aggregator release correct aanleiding-demo-2025-1 \
--nl "De titel van een tabel was fout." --en "The title of a table was wrong."

    Parameters
    ----------
    release_id
        The release, as `release list` shows it.
    nl
        Why, for readers, in Dutch.
    en
        The same in English.
    """
    from aggregator import corrections

    made = corrections.correct(configured(), release_id, corrections.words(nl, en))
    print(f"Published: {made}, in the place of {release_id}.")


@releases.command(name="erratum")
def release_erratum(release_id: str, /, *, nl: str, en: str) -> None:
    """Say, signed, what was found to be wrong in a release. Readers see it beside the release from then on.

    The release stays as it is. Later releases of the programme repeat the erratum.

    Example: samentel-aggregator release erratum aanleiding-demo-2025-1 \
--nl "Eén instelling telde dubbel." --en "One institution counted double."

    Parameters
    ----------
    release_id
        The release, as `release list` shows it.
    nl
        What is wrong, for readers, in Dutch.
    en
        The same in English.
    """
    from aggregator import corrections

    corrections.issue(configured(), release_id, corrections.words(nl, en))
    print(f"Issued: an erratum to {release_id}.")


@releases.command(name="countersigned")
def release_countersigned(file: Path, /) -> None:
    """Take in the programme authority's signature under a release: readers get it with it from then on.

    Example: samentel-aggregator release countersigned aanleiding-demo-2025-1.countersigned.dsse.json

    Parameters
    ----------
    file
        What somebody of the authority made with: samentel countersign.
    """
    from aggregator import countersigning, files
    from samentel.documents.envelope import from_json

    release_id, signed = countersigning.take(configured(), from_json(files.read(file)))
    keys = ", ".join(key[:12] for key in signed)
    print(f"Release {release_id} is served with the signature of the authority's key {keys} from now on.")


@figures.command(name="add")
def figures_add(file: Path, /) -> None:
    """Put signed public figures in force: releases carry them, exactly, from now on.

    Example: samentel-aggregator figures add public.toml.dsse.json

    Parameters
    ----------
    file
        Places, care coordination and earlier publications, as the authority signed them: samentel sign.
    """
    from aggregator import documents, files
    from samentel.documents.envelope import from_json

    found = documents.add_figures(configured(), from_json(files.read(file)))
    print(f"In force: version {found.version} of {found.id}, {len(found.entries)} figures ({found.digest})")
