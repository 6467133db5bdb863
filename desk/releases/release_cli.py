"""The commands of ``samentel`` about what others signed: verify, compare, countersign, releases."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from desk import files
from desk.cli import (
    ENVIRONMENT,
    Files,
    Flag,
    Language,
    authority_keys,
    coordinator_key,
    credentials_directory,
    language,
    print_json,
    say,
)
from samentel.errors import LocalFault, SamentelError

if TYPE_CHECKING:
    from desk.releases.case import Against, Examined


def verify(
    path: Path,
    *,
    coordinator: str | None = None,
    authority: Files = None,
    threshold: int | None = None,
    roster: Path | None = None,
    receipt: Path | None = None,
    credentials: Path | None = None,
    lang: Language | None = None,
) -> None:
    """Check a signed document, a proof, or a release.

    Args:
        path: a signed file, a proof that a coordinator or an institution handed in, or a release directory.
        coordinator: for a release, the coordinator's public key, 64 hexadecimal digits.
        authority: a public key of the programme authority; may be given more than once.
        threshold: how many of them must have signed; by default all that are given.
        roster: for a release, the signed roster of its round: shows that each institution in the sum agreed.
        receipt: for a release, what an institution holds of its round: shows that its counts are in the sum.
        credentials: take the keys from this credentials directory.
        lang: nl or en.
    """
    from desk import signing
    from desk.releases import examine_words as words
    from desk.releases import verify as checking

    kind, tongue = checking.kind_of(path), language(lang)
    if kind is checking.Kind.RELEASE:
        from desk.releases.examine import examine

        against = _against(coordinator, authority, threshold, credentials, roster, receipt)
        with _in(tongue):
            say("\n".join(_said(examine(path, against), tongue)))
        return
    if roster is not None or receipt is not None:
        raise LocalFault(f"{path}: --roster and --receipt are for the directory of a release")
    keys, needed = authority_keys(authority, threshold, credentials)
    if kind is checking.Kind.PROOF:
        say(checking.proof(path, keys, needed))
        return
    document = checking.document(path, keys, needed)
    say("\n".join(signing.described(document)))
    say(words.SIGNED_BY.written(tongue).format(path=path, needed=needed, keys=len(keys)))


def compare(
    before: Path,
    after: Path,
    *,
    table: str | None = None,
    everything: Flag = False,
    json: Flag = False,
    coordinator: str | None = None,
    credentials: Path | None = None,
    lang: Language | None = None,
) -> None:
    """Show what changed between two releases, and which of it is more than noise.

    Args:
        before: the directory of the earlier release.
        after: the directory of the later one.
        table: only this table.
        everything: also changes that are no more than noise.
        json: print one JSON object, with every figure that both have.
        coordinator: the public key that must have signed both, 64 hexadecimal digits.
        credentials: take that key from this credentials directory.
        lang: nl or en.
    """
    from desk.releases import compare as comparing
    from desk.releases import compare_page

    key = coordinator_key(coordinator, credentials) if _keyed(coordinator, credentials) else None
    found = comparing.compare(comparing.read(before, key), comparing.read(after, key))
    if table is not None:
        found = comparing.only(found, table)
    if json:
        print_json(comparing.as_values(found))
        return
    say("\n".join(compare_page.lines(found, language(lang), everything=everything)))
    if key is None:
        say("the files are what the manifests say; who signed those was not checked: give --credentials")


def countersign(
    release: Path,
    *,
    key: Path,
    out: Path | None = None,
    coordinator: str | None = None,
    authority: Files = None,
    threshold: int | None = None,
    roster: Path | None = None,
    credentials: Path | None = None,
    lang: Language | None = None,
) -> None:
    """Examine a release, and sign its manifest too.

    Args:
        release: the directory of a release that was fetched.
        key: your private key; its public half is one of the authority's that are given.
        out: the file to send to the coordinator; by default RELEASE.countersigned.dsse.json.
        coordinator: the coordinator's public key, 64 hexadecimal digits.
        authority: a public key of the programme authority; may be given more than once.
        threshold: how many of them must have signed the programme; by default all that are given.
        roster: the signed roster of its round.
        credentials: take the keys from this credentials directory.
        lang: nl or en.
    """
    from desk import keys
    from desk.releases import countersign as signing
    from desk.releases import examine_words as words
    from desk.releases.verify import Kind, kind_of

    if kind_of(release) is not Kind.RELEASE:
        raise LocalFault(f"{release}: is a file; give the directory of a release")
    tongue, own = language(lang), keys.read_signing(key)
    against = _against(coordinator, authority, threshold, credentials, roster, None)
    with _in(tongue):
        done = signing.countersign(release, against, own, out)
    say("\n".join(_said(done.examined, tongue)))
    say(words.COUNTERSIGNED.written(tongue).format(path=release, signatures=done.signatures))
    say(words.SEND.written(tongue).format(file=done.file))


def releases(*, credentials: Path | None = None, json: Flag = False, lang: Language | None = None) -> None:
    """List all releases, newest first, with what took their place and what was found to be wrong.

    Args:
        credentials: your credentials directory; by default SAMENTEL_CREDENTIALS.
        json: print one JSON object a release instead of lines.
        lang: nl or en.
    """
    from desk.releases import pull as pulling

    holder = pulling.read_credentials(credentials_directory(credentials))
    with pulling.connect(holder) as reader:
        listed = pulling.listed(reader.releases(), holder.coordinator)
    if json:
        print_json([pulling.as_values(one) for one in listed])
    else:
        say("\n".join(line for one in listed for line in pulling.lines(one, language(lang))))


def _keyed(coordinator: str | None, credentials: Path | None) -> bool:
    return coordinator is not None or credentials is not None or ENVIRONMENT in os.environ


def _against(
    coordinator: str | None,
    authority: list[Path] | None,
    threshold: int | None,
    credentials: Path | None,
    roster: Path | None,
    receipt: Path | None,
) -> "Against":
    """What a release is examined with; with the authority's keys where they are given, or in credentials."""
    from desk.releases.case import Against

    for given in (roster, receipt):
        if given is not None:
            files.read(given)
    key = coordinator_key(coordinator, credentials)
    if not (authority or credentials is not None or (coordinator is None and ENVIRONMENT in os.environ)):
        for option, ignored in {"--roster": roster, "--threshold": threshold}.items():
            if ignored is not None:
                raise LocalFault(
                    f"{option}: is about the authority's signatures; give its keys with --authority or "
                    "--credentials"
                )
        return Against(key, receipt=receipt)
    keys, needed = authority_keys(authority, threshold, credentials)
    names = [path.name for path in authority or ()] or [verify_key.key_id[:12] for verify_key in keys]
    named = dict(zip(names, keys, strict=True))
    if len(named) < len(keys):
        raise LocalFault("--authority: two of the files have one name; give each key once")
    return Against(key, named, needed, roster, receipt)


@contextmanager
def _in(tongue: Language) -> Iterator[None]:
    """What is wrong with a release is said in the language asked for."""
    from desk.releases import examine_words as words
    from desk.releases.case import Faulty

    try:
        yield
    except Faulty as fault:
        if tongue == "en":
            raise
        release = fault.document.removeprefix("release ")
        heading = words.WRONG.written(tongue).format(release=release)
        raise SamentelError("\n  - ".join([heading, *(one.written(tongue) for one in fault.wrong)])) from None


def _said(found: "Examined", tongue: Language) -> list[str]:
    from desk.releases import examine_words as words

    checked, left = words.CHECKED.written(tongue), words.NOT_CHECKED.written(tongue)
    wide = max(len(checked), len(left))
    return [
        words.FOUND.written(tongue).format(release=found.manifest.release_id),
        *(f"  {checked:<{wide}}  {one.written(tongue)}" for one in found.held),
        *(f"  {left:<{wide}}  {one.written(tongue)}" for one in found.left),
    ]
