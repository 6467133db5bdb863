"""What a manifest states beside its figures: each part that follows from something else is worked out again.

A coordinator can sign what is not so. What only it can know is named as not checked.
"""

from collections.abc import Iterator

from desk.releases.case import Case, Said
from samentel.documents import envelope as dsse
from samentel.documents.envelope import Envelope
from samentel.documents.keys import VerifyKey
from samentel.documents.programme import Mode, Programme
from samentel.errors import DocumentError
from samentel.figures import manifest_privacy, manifest_texts, registry, release
from samentel.figures.edition import YEARS_MOST, Edition
from samentel.figures.estimate import CONFIDENCE
from samentel.figures.guide import LANGUAGES
from samentel.figures.manifest import SCHEMA, Manifest
from samentel.secagg import transcript as transcripts
from samentel.secagg.transcript import Witnessed

MANIFEST, PROGRAMME, EXACT, PUBLIC = "manifest.json", "programme.dsse.json", "exact.csv", "public.dsse.json"
PARQUET = "tables.parquet"
TEXTS = (*(f"guide.{language}.md" for language in LANGUAGES), SCHEMA, registry.FILE)
KNOWN = frozenset((*release.MAKERS, *TEXTS, PARQUET, EXACT, PUBLIC, PROGRAMME, transcripts.FILE))

_NOT_SO = {
    "stranger": Said("is geen bestand van een uitgave", "is no file of a release"),
    "needless": Said(
        "hoort er niet bij: de sommen geven zo'n bestand niet",
        "does not belong here: the sums give no such file",
    ),
    "twice": Said("staat twee keer in het manifest", "stands in the manifest twice"),
    "rows": Said(
        "het manifest zegt niet hoeveel regels dit heeft, of het is geen tabel",
        "the manifest does not say how many rows this has, or it is no table",
    ),
    "absent": Said(
        "ontbreekt, en het manifest noemt het onder provenance",
        "is missing, and the manifest names it under provenance",
    ),
    "unnamed": Said(
        "het manifest noemt het niet onder provenance", "the manifest does not name it under provenance"
    ),
}
_COVERAGE = {
    "repeated": Said("noemt een instelling twee keer", "names an institution twice"),
    "invited": Said(
        "bij een versleutelde som wordt de hele deelnemerslijst gevraagd",
        "a secure sum asks everybody on the roster",
    ),
    "dealt": Said(
        "is niet hoeveel er hun delen uitdeelden, volgens wat elke instelling ondertekende",
        "is not how many dealt, by what each institution signed",
    ),
    "dealt-range": Said(
        "kan niet: niet minder dan in de som, en niet meer dan aanwezig",
        "cannot be: not fewer than in the sum, and no more than present",
    ),
    "dealt-individual": Said(
        "hoort bij een versleutelde som, en dit is er geen", "is of a secure sum, and this is none"
    ),
}
_STATED = {
    "programme": Said("volgt niet uit het programma", "is not what follows from the programme"),
    "release_id": Said(
        "is niet de uitgave die measured.csv noemt", "is not the release that measured.csv names"
    ),
    "name": Said("is niet genoemd naar programma en periode", "is not named after its programme and period"),
    "earlier": Said(
        "zijn niet de jaren vlak hiervoor, in volgorde", "are not the years just before this one, in order"
    ),
    "corrects": Said(
        "is niet de uitgave die deze vervangt (supersedes)", "is not the release that this one supersedes"
    ),
    "itself": Said("noemt deze uitgave zelf", "names this release itself"),
    "own": Said(
        "noemt deze uitgave niet één keer, met wat zij kostte",
        "does not name this release once, with its cost",
    ),
    "other-year": Said(
        "noemt een uitgave over een ander jaar, of een uitgave twee keer",
        "names a release about another year, or a release twice",
    ),
    "approved": Said(
        "noemt een sleutel die het programma niet ondertekend heeft",
        "names a key that has not signed the programme",
    ),
    "left-out": Said(
        "laat een sleutel weg die het programma ondertekend heeft",
        "leaves out a key that has signed the programme",
    ),
    "early": Said("is vóór de ronde waaruit de sommen komen", "is before the round that the sums come from"),
    "errata": Said(
        "zijn niet op volgorde, of van na deze uitgave", "are not in order, or later than this release"
    ),
}
_LEFT = {
    "libraries": Said(
        "de versies van de software (safeguards.libraries): die zegt de coördinator",
        "the versions of the software (safeguards.libraries): they are the coordinator's word",
    ),
    "present": Said(
        "wie er bij het begin was (coverage.present): dat zegt de coördinator; wie hij weglaat, viel zonder "
        "spoor uit",
        "who was present at the start (coverage.present): that is the coordinator's word; whom it leaves out "
        "dropped out without a trace",
    ),
    "earlier-noise": Said(
        "de ruis in de sommen van eerdere jaren, en wie erin zitten: dat hangt af van programma en ronde van "
        "toen; zie hun eigen uitgave",
        "the noise in the sums of earlier years, and who is in them: that depends on programme and round of "
        "then; see their own releases",
    ),
    "correction": Said(
        "dat dit uit dezelfde sommen is gemaakt als {name}: vergelijk ze met samentel compare",
        "that this was made from the same sums as {name}: lay them side by side with samentel compare",
    ),
    "year-loss": Said(
        "wat de andere uitgaven in year_loss kostten: dat staat in hun eigen manifest",
        "what the other releases in year_loss cost: their own manifests say so",
    ),
}


def files(case: Case, made: frozenset[str] | None) -> None:
    """That a release has no file but those that a release has, each once, and each for a reason.

    Args:
        made: names of the files of figures that the sums give; None if that is not known.
    """
    said = case.manifest.provenance
    unnamed = {PUBLIC: said.public, transcripts.FILE: said.transcript}
    seen = set()
    for entry in case.manifest.files:
        name = entry.name
        if name in seen:
            _file(case, name, "twice")
        elif name not in KNOWN:
            _file(case, name, "stranger")
        elif name in unnamed and unnamed[name] is None:
            _file(case, name, "unnamed")
        elif made is not None and name in release.MAKERS and name not in made:
            _file(case, name, "needless")
        elif (entry.rows is not None) != name.endswith((".csv", ".parquet")):
            _file(case, name, "rows")
        seen.add(name)
    for name, stated in unnamed.items():
        if stated is not None and name not in seen:
            _file(case, name, "absent")
    rows = {entry.name: entry.rows for entry in case.manifest.files}
    if PARQUET in rows and rows[PARQUET] != rows.get(release.TABLES):
        _file(case, PARQUET, "rows")


def manifest(case: Case, programme: Programme) -> None:
    """What a manifest says in so many words, and who is in it."""
    for part, why in (*_texts(case, programme), *_names(case.manifest, programme), *_loss(case, programme)):
        _part(case, part, why)
    for part, why in _coverage(case.manifest, programme):
        _part(case, f"coverage.{part}", why)
    case.left += [_LEFT["libraries"], _LEFT["present"]]


def years(case: Case, edition: Edition) -> None:
    """That the sums are of the releases that the manifest names."""
    said, named = case.manifest, [year.release_id for year in edition.years]
    if named[:-1] != [one.release_id for one in said.earlier]:
        _part(case, "earlier", _STATED["release_id"])
    # A correction has its sums from the release that published them first.
    if (named[-1] == said.release_id) != (said.corrects is None):
        _part(case, "release_id", _STATED["release_id"])
    if said.corrects is not None:
        case.left.append(_filled(_LEFT["correction"], name=named[-1]))
    own = [one for one in said.year_loss.releases if one.release_id == named[-1]]
    asked = manifest_privacy.spending(edition.programme, named[-1], said.period, said.privacy.rho_spent)
    if own != [asked]:
        _part(case, "year_loss.releases", _STATED["own"])
    if len(said.year_loss.releases) > 1:
        case.left.append(_LEFT["year-loss"])
    if said.earlier:
        case.left.append(_LEFT["earlier-noise"])


def witnessed(case: Case, found: Witnessed) -> None:
    """What the transcript shows of what the manifest says: how many dealt, and that the round came first."""
    if case.manifest.coverage.dealt != found.dealers:
        _part(case, "coverage.dealt", _COVERAGE["dealt"])
    if case.manifest.published_at < found.round.opened_at:
        _part(case, "published_at", _STATED["early"])


def _texts(case: Case, programme: Programme) -> Iterator[tuple[str, Said]]:
    said, why = case.manifest, _STATED["programme"]
    if said.confidence != CONFIDENCE:
        yield "confidence", why
    if said.provenance.rebuilding != manifest_texts.REBUILDING:
        yield "provenance.rebuilding", why
    if (said.coverage.same_person, said.coverage.missing) != (
        manifest_texts.SAME_PERSON,
        manifest_texts.MISSING,
    ):
        yield "coverage", why
    versions = {one.name: one.version for one in said.safeguards.libraries}
    if said.software != f"samentel {versions.get('samentel')}":
        yield "software", why
    if (said.privacy.shared_noise is None) != (programme.mode is Mode.INDIVIDUAL):
        yield "privacy.shared_noise", why
        return
    asked = manifest_privacy.safeguards(programme, said.privacy, versions, said.safeguards.approved_by)
    for name in type(asked).model_fields:
        if getattr(asked, name) != getattr(said.safeguards, name):
            yield f"safeguards.{name}", why
    yield from _approval(case)


def _approval(case: Case) -> Iterator[tuple[str, Said]]:
    """Whether those who are said to have signed the programme have: by the given keys, or else by name."""
    part, named = "safeguards.approved_by", case.manifest.safeguards.approved_by
    try:
        signed = dsse.from_json(case.contents.get(PROGRAMME, b""))
    except DocumentError:
        return  # said elsewhere
    if not set(named) <= {one.key_id for one in signed.signatures} or len(set(named)) < len(named):
        yield part, _STATED["approved"]
        return
    for key in case.against.keys:
        if (key.key_id in named) != _has_signed(key, signed):
            yield part, _STATED["approved" if key.key_id in named else "left-out"]
            return


def _has_signed(key: VerifyKey, envelope: Envelope) -> bool:
    message = dsse.pae(envelope.payload_type, envelope.payload)
    return any(
        one.key_id == key.key_id and key.verifies(one.signature, message) for one in envelope.signatures
    )


def _names(said: Manifest, programme: Programme) -> Iterator[tuple[str, Said]]:
    """The names of this release and of others, as far as one follows from another."""
    stems = (programme.id, f"{programme.id}-v{programme.version}")
    if not said.release_id.startswith(tuple(f"{stem}-{said.period}-".lower() for stem in stems)):
        yield "release_id", _STATED["name"]
    if said.corrects is not None and said.corrects.release_id != said.supersedes:
        yield "corrects", _STATED["corrects"]
    if said.supersedes == said.release_id:
        yield "supersedes", _STATED["itself"]
    before = [said.period.year - number for number in range(len(said.earlier), 0, -1)]
    found = [one.period.year for one in said.earlier]
    quarters = said.period.quarter or any(one.period.quarter for one in said.earlier)
    if found != before or len(found) >= YEARS_MOST or (found and quarters):
        yield "earlier", _STATED["earlier"]
    if any(len(set(one.in_sum)) < len(one.in_sum) for one in said.earlier):
        yield "earlier", _COVERAGE["repeated"]
    moments = [one.published_at for one in said.errata]
    if moments != sorted(moments) or any(moment > said.published_at for moment in moments):
        yield "errata", _STATED["errata"]


def _loss(case: Case, programme: Programme) -> Iterator[tuple[str, Said]]:
    said, period = case.manifest.year_loss, case.manifest.period
    asked = manifest_privacy.year_loss(period.year, said.releases)
    for name in ("year", "rho", "house_cap", "composition"):
        if getattr(asked, name) != getattr(said, name):
            yield f"year_loss.{name}", _STATED["programme"]
    names = [one.release_id for one in said.releases]
    if any(one.period.year != period.year for one in said.releases) or len(set(names)) < len(names):
        yield "year_loss.releases", _STATED["other-year"]


def _coverage(said: Manifest, programme: Programme) -> Iterator[tuple[str, Said]]:
    cover = said.coverage
    lists = {name: getattr(cover, name) for name in ("enrolled", "invited", "present", "in_sum", "dropped")}
    for name, nodes in lists.items():
        if len(set(nodes)) < len(nodes):
            yield name, _COVERAGE["repeated"]
    if programme.mode is Mode.INDIVIDUAL:
        if cover.dealt is not None:
            yield "dealt", _COVERAGE["dealt-individual"]
        return
    if set(cover.invited) != set(cover.enrolled):
        yield "invited", _COVERAGE["invited"]
    if cover.dealt is None or not len(cover.in_sum) <= cover.dealt <= len(cover.present):
        yield "dealt", _COVERAGE["dealt-range"]


def _file(case: Case, name: str, why: str) -> None:
    case.wrong.append(_NOT_SO[why].about(name))


def _part(case: Case, part: str, why: Said) -> None:
    case.wrong.append(Said(f"{MANIFEST}: {part}: {why.nl}", f"{MANIFEST}: {part}: {why.en}"))


def _filled(sentence: Said, **facts: object) -> Said:
    return Said(sentence.nl.format(**facts), sentence.en.format(**facts))
