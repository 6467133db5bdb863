"""Examine a release: not who signed it, but whether what was signed is so.

Everything that is text in a release follows from the signed programme, the sums as they were measured and
the manifest. So it is made again here by the functions with which it was published, and compared. What cannot
be checked is named too, with what it would take.
"""

from pathlib import Path

from desk import files
from desk.releases import made_again, verify
from desk.releases.case import Against, Case, Examined
from samentel import __version__
from samentel.documents import envelope as dsse
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.envelope import Envelope
from samentel.documents.programme import Mode, Programme
from samentel.documents.roster import Roster
from samentel.errors import DocumentError, PeerError
from samentel.secagg import transcript as transcripts

PROGRAMME = "programme.dsse.json"
OWN = f"samentel {__version__}"


def examine(directory: Path, against: Against) -> Examined:
    """Check all of a release that can be checked with what is given.

    Raises:
        PeerError: the manifest is not signed by that coordinator; nothing else has been looked at.
        DocumentError: everything that is wrong, a sentence each, which begins with the file.
        LocalFault: a file that was named cannot be read.
    """
    manifest, envelope, contents = verify.files_of(directory, against.coordinator)
    case = Case(manifest, envelope, contents, against)
    tables = sum(entry.name.endswith(".csv") for entry in manifest.files)
    case.held.append(
        f"the coordinator's signature under the manifest, and size and SHA-256 of {len(contents)} files, "
        f"with the rows of {tables} tables"
    )
    signers = _countersignatures(case)
    programme = _programme(case)
    roster = _roster(case)
    if programme is not None:
        made_again.figures(case, programme)
        made_again.texts(case, programme)
        made_again.manifest(case, programme)
        if roster is not None:
            made_again.participation(case, programme, roster)
    _coverage(case)
    _transcript(case, programme, roster)
    if case.wrong and manifest.software != OWN:
        case.wrong.append(
            f"it was made with {manifest.software} and this is {OWN}: check its figures and texts with that"
        )
    if case.wrong:
        raise DocumentError(f"release {manifest.release_id}", case.wrong)
    return Examined(manifest, envelope, tuple(case.held), tuple(case.left), signers)


def _countersignatures(case: Case) -> tuple[str, ...]:
    names = []
    for signature in case.envelope.signatures:
        if signature.key_id == case.against.coordinator.key_id:
            continue
        alone = Envelope(case.envelope.payload, case.envelope.payload_type, (signature,))
        stated, signer = _stated(case, signature.key_id), _signer(case, alone)
        if stated is None and signer is None:
            case.left.append(
                f"a countersignature in the name of {verify.names(alone)}: give that key with --authority"
            )
        elif stated != signer:
            case.wrong.append(
                f"{verify.SIGNED_MANIFEST}: a countersignature in the name of {verify.names(alone)} is not "
                "that key's; fetch the release again"
            )
        else:
            names.append(str(signer))
    if names:
        case.held.append(f"{len(names)} countersignature(s) under the same manifest: {', '.join(names)}")
    elif len(case.envelope.signatures) == 1:
        case.left.append("countersignatures: there are none; the coordinator alone has signed this release")
    return tuple(names)


def _stated(case: Case, key_id: str) -> str | None:
    """The authority's key of that id, by its name."""
    return next((name for name, key in case.against.authority.items() if key.key_id == key_id), None)


def _signer(case: Case, alone: Envelope) -> str | None:
    """The authority's key that made the one signature, whatever name it bears."""
    (signature,) = alone.signatures
    message = dsse.pae(alone.payload_type, alone.payload)
    return next(
        (name for name, key in case.against.authority.items() if key.verifies(signature.signature, message)),
        None,
    )


def _programme(case: Case) -> Programme | None:
    """The programme of the release, as far as its figures rest on it; the keys say whose it is."""
    data = case.contents.get(PROGRAMME)
    if data is None:
        case.left.append(f"everything that follows from the programme: there is no {PROGRAMME} here")
        return None
    try:
        envelope = dsse.from_json(data)
        if envelope.digest != case.manifest.programme:
            raise DocumentError(PROGRAMME, ["is not the programme that the manifest names"])
        programme = programmes.parse(envelope.payload)
    except DocumentError as error:
        case.wrong += [f"{PROGRAMME}: {problem}" for problem in error.problems]
        return None
    if not case.against.authority:
        case.left.append(f"who signed {PROGRAMME}: give the authority's keys with --authority")
        return programme
    try:
        verify.opened(envelope, programmes.PAYLOAD_TYPE, case.against.keys, case.against.threshold)
        case.held.append(f"the programme authority's signatures under {PROGRAMME}")
    except PeerError as error:
        case.wrong.append(f"{PROGRAMME}: {error}")
    return programme


def _roster(case: Case) -> Roster | None:
    if case.against.roster is None:
        case.left.append(
            "whether the institutions named are on the roster of the round, and signed: give it with --roster"
        )
        return None
    if not case.against.authority:
        case.left.append("the roster: give the authority's keys with --authority")
        return None
    envelope, name = dsse.from_json(files.read(case.against.roster)), case.against.roster.name
    try:
        verify.opened(envelope, rosters.PAYLOAD_TYPE, case.against.keys, case.against.threshold)
        roster = rosters.parse(envelope.payload)
    except (PeerError, DocumentError) as error:
        case.wrong.append(f"{name}: {error}")
        return None
    if roster.digest != case.manifest.roster:
        case.wrong.append(f"{name}: is version {roster.version}, and not the roster that the manifest names")
        return None
    case.held.append(
        f"roster version {roster.version}, with the authority's signatures, is that of the round"
    )
    enrolled = sorted(entry.node for entry in roster.institutions)
    if sorted(case.manifest.coverage.enrolled) != enrolled:
        case.wrong.append(f"{verify.PLAIN_MANIFEST}: coverage.enrolled is not who is on the roster")
    return roster


def _coverage(case: Case) -> None:
    said = case.manifest.coverage
    within = set(said.in_sum) <= set(said.present) <= set(said.invited) <= set(said.enrolled)
    if not within or set(said.dropped) != set(said.present) - set(said.in_sum):
        case.wrong.append(
            f"{verify.PLAIN_MANIFEST}: coverage: those in the sum, present and invited do not fit"
        )


def _transcript(case: Case, programme: Programme | None, roster: Roster | None) -> None:
    data, manifest = case.contents.get(transcripts.FILE), case.manifest
    if data is None:
        case.left.append(f"whose counts are in the sum: there is no {transcripts.FILE} here")
        return
    try:
        found = transcripts.witness(transcripts.read(data), case.against.coordinator)
        _check_round(case, found, programme)
        if roster is not None and programme is not None:
            _check_members(case, found, programme, roster)
        if case.against.receipt is not None:
            node = transcripts.find(found, files.read(case.against.receipt))
            if node not in manifest.coverage.in_sum:
                raise PeerError(f"{node} is in the sum, and the manifest does not name it")
            case.held.append(f"the counts that the coordinator took from {node} are in this sum")
    except DocumentError as error:
        case.wrong += [f"{transcripts.FILE}: {problem}" for problem in error.problems]
    except PeerError as error:
        case.wrong.append(f"{transcripts.FILE}: {error}")
    if case.against.receipt is None:
        case.left.append("whether one institution's counts are in the sum: give what it holds with --receipt")
    if manifest.privacy.mode == Mode.SECURE_SUM:
        case.left.append(
            "that measured.csv is the sum of which the institutions were told the digest: cells that are "
            "never published are in that"
        )


def _check_round(case: Case, found: transcripts.Witnessed, programme: Programme | None) -> None:
    manifest, round_ = case.manifest, found.round
    said = (manifest.round, manifest.programme, manifest.roster, manifest.period, manifest.attempt)
    if said != (round_.round_id, round_.programme, round_.roster, round_.period, round_.attempt):
        raise PeerError("is of another round than the manifest says")
    if (found.start is not None) != (manifest.privacy.mode == Mode.SECURE_SUM):
        raise PeerError("is of another mode than the manifest says")
    if found.counted != len(manifest.coverage.in_sum):
        raise PeerError(
            f"has {found.counted} institutions in the sum, the manifest {len(manifest.coverage.in_sum)}"
        )
    what = "proposal and result of the sum" if found.start is not None else "round"
    case.held.append(f"{transcripts.FILE}: the coordinator's signatures under {what}, for this round")


def _check_members(case: Case, found: transcripts.Witnessed, programme: Programme, roster: Roster) -> None:
    nodes = transcripts.survivors_of(found, programme, roster)
    if nodes != tuple(sorted(case.manifest.coverage.in_sum)):
        raise PeerError("names other institutions than the manifest")
    if found.start is not None:
        case.held.append(
            f"{transcripts.FILE}: each of the {len(nodes)} institutions in the sum has signed that it agrees "
            "to exactly this set"
        )
    else:
        case.held.append(f"{transcripts.FILE}: names the {len(nodes)} institutions in the sum")
        case.left.append("what each institution signed: in individual mode only its digest is published")
