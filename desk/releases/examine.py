"""Examine a release: not who signed it, but whether what was signed is so.

Everything that is text in a release follows from the signed programme, the sums as they were measured and
the manifest. So it is made again here by the functions with which it was published, and compared. What cannot
be checked is named too, with what it would take.
"""

from collections import Counter
from pathlib import Path

from desk import files
from desk.releases import directory as lying
from desk.releases import exact_again, made_again, stated, verify
from desk.releases.case import Against, Case, Examined, Faulty
from desk.releases.examine_words import HELD, LEFT, NOT_SO, filled
from samentel import __version__
from samentel.documents import envelope as dsse
from samentel.documents import programme as programmes
from samentel.documents import public as publics
from samentel.documents import roster as rosters
from samentel.documents.envelope import Envelope
from samentel.documents.programme import Mode, Programme
from samentel.documents.public import PublicFigures
from samentel.documents.roster import Roster
from samentel.errors import DocumentError, PeerError
from samentel.ids import digest
from samentel.secagg import transcript as transcripts

PROGRAMME = "programme.dsse.json"
OWN = f"samentel {__version__}"


def examine(directory: Path, against: Against) -> Examined:
    """Check all of a release that can be checked with what is given.

    Raises:
        PeerError: the manifest is not signed by that coordinator; nothing else has been looked at.
        Faulty: everything that is wrong, a sentence each, which begins with the file.
        LocalFault: a file that was named cannot be read.
    """
    manifest, envelope, contents = verify.files_of(directory, against.coordinator)
    case = Case(manifest, envelope, contents, against)
    tables = sum(entry.name.endswith(".csv") for entry in manifest.files)
    case.held.append(filled(HELD["files"], files=len(contents), tables=tables))
    signers = _countersignatures(case)
    programme = _programme(case)
    roster = _roster(case)
    public = _public(case)
    if programme is not None:
        made = made_again.all_of(case, programme)
        stated.manifest(case, programme)
        stated.files(case, made)
    exact_again.check(case, programme, roster, public)
    _coverage(case)
    _transcript(case, programme, roster)
    case.left.append(LEFT["word"])
    if beside := lying.folders(directory):
        case.left.append(filled(LEFT["folders"], names=", ".join(beside)))
    if case.wrong and manifest.software != OWN:
        case.wrong.append(filled(NOT_SO["software"], made=manifest.software, own=OWN))
    if case.wrong:
        raise Faulty(f"release {manifest.release_id}", case.wrong)
    return Examined(manifest, envelope, tuple(case.held), tuple(case.left), signers)


def _countersignatures(case: Case) -> tuple[str, ...]:
    """Every signature under the manifest; returns the names of the authority's keys that made one."""
    names = []
    times = Counter(signature.key_id for signature in case.envelope.signatures)
    for signature in case.envelope.signatures:
        alone = Envelope(case.envelope.payload, case.envelope.payload_type, (signature,))
        facts = {"name": verify.SIGNED_MANIFEST, "names": verify.names(alone)}
        if times[signature.key_id] > 1:
            twice = filled(NOT_SO["twice"], number=times[signature.key_id], **facts)
            case.wrong += [twice] if twice not in case.wrong else []
            continue
        if signature.key_id == case.against.coordinator.key_id:
            continue  # the only one in its name: it holds, or the manifest would not have been opened
        stated, signer = _stated(case, signature.key_id), _signer(case, alone)
        if stated is None and signer is None:
            case.left.append(filled(LEFT["countersignature"], names=facts["names"]))
        elif stated is None or stated != signer:
            case.wrong.append(filled(NOT_SO["countersignature"], **facts))
        else:
            names.append(stated)
    if names:
        case.held.append(filled(HELD["countersigned"], number=len(names), names=", ".join(names)))
    elif len(case.envelope.signatures) == 1:
        case.left.append(LEFT["alone"])
    return tuple(names)


def _stated(case: Case, key_id: str) -> str | None:
    """The authority's key of that id, by its name."""
    return next((name for name, key in case.against.authority.items() if key.key_id == key_id), None)


def _signer(case: Case, alone: Envelope) -> str | None:
    """The key that made the one signature, whatever name it bears: the authority's, or the coordinator's."""
    (signature,) = alone.signatures
    message = dsse.pae(alone.payload_type, alone.payload)
    known = {**case.against.authority, "": case.against.coordinator}
    return next((name for name, key in known.items() if key.verifies(signature.signature, message)), None)


def _programme(case: Case) -> Programme | None:
    """The programme of the release, as far as its figures rest on it; the keys say whose it is."""
    if PROGRAMME not in case.contents:
        case.wrong.append(filled(NOT_SO["missing"], name=PROGRAMME))
        return None
    payload = _authoritys(case, PROGRAMME, programmes.PAYLOAD_TYPE, case.manifest.programme)
    try:
        return None if payload is None else programmes.parse(payload)
    except DocumentError as error:
        case.refused(PROGRAMME, error.problems)
        return None


def _public(case: Case) -> PublicFigures | None:
    """The public figures of the release, if it carries them."""
    if exact_again.PUBLIC not in case.contents:
        return None
    stated = case.manifest.provenance.public
    payload = _authoritys(case, exact_again.PUBLIC, publics.PAYLOAD_TYPE, stated)
    try:
        return None if payload is None else publics.parse(payload)
    except DocumentError as error:
        case.refused(exact_again.PUBLIC, error.problems)
        return None


def _authoritys(case: Case, name: str, kind: str, stated: str | None) -> bytes | None:
    """The payload of a file that the authority signed, if the manifest names it; looks at its signers too."""
    try:
        envelope = dsse.from_json(case.contents[name], name)
    except DocumentError as error:
        case.refused(name, error.problems)
        return None
    if envelope.digest != stated or envelope.payload_type != kind:
        case.wrong.append(filled(NOT_SO["other-document"], name=name))
        return None
    if not case.against.authority:
        case.left.append(filled(LEFT["signers"], name=name))
        return envelope.payload
    try:
        verify.opened(envelope, kind, case.against.keys, case.against.threshold)
        case.held.append(filled(HELD["authority"], name=name))
    except PeerError as error:
        case.refused(name, [str(error)])
    return envelope.payload


def _roster(case: Case) -> Roster | None:
    if case.against.roster is None:
        case.left.append(LEFT["no-roster"])
        return None
    if not case.against.authority:
        case.left.append(LEFT["roster-signers"])
        return None
    name = case.against.roster.name
    try:
        envelope = dsse.from_json(files.read(case.against.roster), name)
        verify.opened(envelope, rosters.PAYLOAD_TYPE, case.against.keys, case.against.threshold)
        roster = rosters.parse(envelope.payload)
    except DocumentError as error:
        case.refused(name, error.problems)
        return None
    except PeerError as error:
        case.refused(name, [str(error)])
        return None
    if roster.digest != case.manifest.roster:
        case.wrong.append(filled(NOT_SO["other-roster"], name=name, version=roster.version))
        return None
    case.held.append(filled(HELD["roster"], version=roster.version))
    enrolled = sorted(entry.node for entry in roster.institutions)
    if sorted(case.manifest.coverage.enrolled) != enrolled:
        case.wrong.append(NOT_SO["enrolled"])
    return roster


def _coverage(case: Case) -> None:
    coverage = case.manifest.coverage
    within = set(coverage.in_sum) <= set(coverage.present) <= set(coverage.invited) <= set(coverage.enrolled)
    if not within or set(coverage.dropped) != set(coverage.present) - set(coverage.in_sum):
        case.wrong.append(NOT_SO["coverage"])


def _transcript(case: Case, programme: Programme | None, roster: Roster | None) -> None:
    data, manifest = case.contents.get(transcripts.FILE), case.manifest
    summed = Mode.SECURE_SUM in (manifest.privacy.mode, programme.mode if programme else None)
    case.left.append(LEFT["residues"] if summed else LEFT["individual"])
    if data is None:
        if summed:
            case.wrong.append(filled(NOT_SO["transcript"], name=transcripts.FILE))
        case.left.append(filled(LEFT["transcript"], name=transcripts.FILE))
        if case.against.receipt is not None:
            case.left.append(filled(LEFT["receipt-transcript"], name=transcripts.FILE))
        return
    if manifest.provenance.transcript != digest(data):
        case.wrong.append(filled(NOT_SO["digest"], name=transcripts.FILE))
    try:
        found = transcripts.witness(transcripts.read(data), case.against.coordinator)
        stated.witnessed(case, found)
        _check_round(case, found, programme)
        if roster is not None and programme is not None:
            _check_members(case, found, programme, roster)
        if case.against.receipt is not None:
            node = transcripts.find(found, files.read(case.against.receipt))
            if node not in manifest.coverage.in_sum:
                raise PeerError(f"{node} is in the sum, and the manifest does not name it")
            case.held.append(filled(HELD["counts"], node=node))
    except DocumentError as error:
        case.refused(transcripts.FILE, error.problems)
    except PeerError as error:
        case.refused(transcripts.FILE, [str(error)])
    if case.against.receipt is None:
        case.left.append(LEFT["receipt"])


def _check_round(case: Case, found: transcripts.Witnessed, programme: Programme | None) -> None:
    manifest, round_ = case.manifest, found.round
    about = (manifest.round, manifest.programme, manifest.roster, manifest.period, manifest.attempt)
    if about != (round_.round_id, round_.programme, round_.roster, round_.period, round_.attempt):
        raise PeerError("is of another round than the manifest says")
    if (found.start is not None) != (manifest.privacy.mode == Mode.SECURE_SUM):
        raise PeerError("is of another mode than the manifest says")
    if found.counted != len(manifest.coverage.in_sum):
        raise PeerError(
            f"has {found.counted} institutions in the sum, the manifest {len(manifest.coverage.in_sum)}"
        )
    how = HELD["sum"] if found.start is not None else HELD["round"]
    case.held.append(filled(how, name=transcripts.FILE))


def _check_members(case: Case, found: transcripts.Witnessed, programme: Programme, roster: Roster) -> None:
    nodes = transcripts.survivors_of(found, programme, roster)
    if nodes != tuple(sorted(case.manifest.coverage.in_sum)):
        raise PeerError("names other institutions than the manifest")
    how = HELD["agreed"] if found.start is not None else HELD["named"]
    case.held.append(filled(how, name=transcripts.FILE, number=len(nodes)))
    if found.start is None:
        case.left.append(LEFT["statements"])
