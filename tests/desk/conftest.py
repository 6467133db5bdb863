"""A release as a coordinator publishes it: every file of it, and the documents that it rests on."""

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from aggregator import publisher
from aggregator.conductor import Round
from aggregator.events import RoundOpened
from desk.packaged import packaged
from desk.releases.case import Against
from samentel.counting.privacy import noise_plan
from samentel.counting.shares import plan_of
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents import statements
from samentel.documents.envelope import seal, to_json
from samentel.documents.keys import SigningKey
from samentel.documents.model import to_bytes
from samentel.documents.programme import Mode
from samentel.documents.roster import Institution, Roster
from samentel.figures.sums import add_up, national_of
from samentel.ids import Period
from samentel.secagg import receipts
from samentel.secagg import transcript as transcripts
from samentel.secagg.convening import terms_of
from samentel.secagg.messages import Agreement, Kind, Proposal, Result, Survivor, dealers_named, name_of, sign

NODES = ("a", "b", "c", "d")
MOMENT = datetime(2026, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
LISTING = b"\7" * 32
DEALINGS = tuple(bytes([at]) * 32 for at in range(len(NODES)))  # everybody has dealt


@pytest.fixture
def programme():
    return programmes.parse(packaged("aanleiding-demo"))


@pytest.fixture
def coordinator():
    return SigningKey(b"\1" * 32)


@pytest.fixture
def authority():
    """The programme authority's two keys; both have signed the programme and the roster."""
    return SigningKey(b"\2" * 32), SigningKey(b"\3" * 32)


@pytest.fixture
def signed_roster(coordinator, authority):
    """The roster of the release, as the authority signed it."""
    institutions = [
        Institution(
            node=name,
            name=f"Stichting {name}",
            operator=name,
            type="VO_MO",
            province="PV27",
            protocol_key=SigningKey(bytes([100 + number]) * 32).public.raw.hex(),
        )
        for number, name in enumerate(NODES)
    ]
    roster = Roster(
        version=1,
        issued_at=MOMENT,
        coordinator_key=coordinator.public.raw.hex(),
        institutions=tuple(institutions),
    )
    return seal(rosters.PAYLOAD_TYPE, to_bytes(roster), *authority)


@pytest.fixture
def material(programme, authority, signed_roster):
    """Three of four institutions, with one person in every cell."""
    plan = noise_plan(programme)
    vector = np.concatenate([np.full(noise.cells + 1, noise.granularity, dtype=np.int64) for noise in plan])
    opened = RoundOpened(
        envelope="3" * 64,
        programme=programme.digest,
        roster=signed_roster.digest,
        period=Period(2025),
        attempt=1,
        invited=NODES,
        institutions_min=3,
        gather_until=MOMENT,
        collect_until=MOMENT,
    )
    return publisher.Material(
        release_id="aanleiding-demo-2025-1",
        round=Round("1" * 64, opened, MOMENT, present=frozenset(NODES[:3])),
        programme=programme,
        signed=seal(programmes.PAYLOAD_TYPE, packaged("aanleiding-demo"), *authority),
        roster=rosters.parse(signed_roster.payload),
        plan=plan,
        national=add_up(plan, dict.fromkeys(NODES[:3], vector)),
        dealers=3,
        published_at=MOMENT,
        approved_by=[key.public.key_id for key in authority],
    )


@pytest.fixture
def directory(material, coordinator, tmp_path) -> Path:
    publisher.write(tmp_path, material, coordinator)
    return (tmp_path / material.release_id).rename(tmp_path / "release")


@pytest.fixture
def published(directory):
    """The files of the release by name."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


class Summed:
    """A release of a secure sum: three of four institutions have agreed to it; and what each party holds."""

    def __init__(self, place, coordinator, authority, signed_roster):
        text = packaged("aanleiding-demo").replace(b'mode = "individual"', b'mode = "secure-sum"')
        self.place, self.coordinator, self.authority = place, coordinator, authority
        self.signed = seal(programmes.PAYLOAD_TYPE, text, *authority)
        self.programme, self.roster = programmes.parse(text), rosters.parse(signed_roster.payload)
        self.keys = {
            one.node: SigningKey(bytes([100 + at]) * 32) for at, one in enumerate(self.roster.institutions)
        }
        self.round = statements.Round(
            programme=self.programme.digest,
            roster=self.roster.digest,
            period=Period(2025),
            attempt=1,
            nonce="5" * 64,
            opened_at=MOMENT,
            gather_until=MOMENT + HOUR,
            collect_until=MOMENT + 9 * HOUR,
        )
        self.start = statements.Start(
            round=self.round.round_id,
            advertise_until=MOMENT + HOUR,
            share_until=MOMENT + 2 * HOUR,
            mask_until=MOMENT + 3 * HOUR,
            expires_at=MOMENT + 4 * HOUR,
        )
        self.terms = terms_of(self.programme, self.roster, self.round, self.start)
        self.plan = plan_of(self.programme, 4, 4)
        draw = np.random.default_rng(3)
        self.counts = np.concatenate(
            [
                np.rint(draw.normal(20 * noise.granularity, noise.scale, noise.cells + 1)).astype(np.int64)
                for noise in self.plan
            ]
        )
        self.survivors = tuple(Survivor(at, bytes([at]) * 32) for at in range(3))
        dealers = dealers_named(LISTING, DEALINGS)
        self.proposal = sign(Proposal(self.terms.digest, dealers, self.survivors), coordinator)

    def agreement(self, position, proposal=None, signer=None):
        """What an institution signs, or what somebody else signs in its place."""
        name = name_of(Kind.PROPOSAL, proposal or self.proposal)
        said = Agreement(self.terms.digest, position, name, bytes(40))
        return sign(said, signer or self.keys[self.terms.members[position].node])

    def transcript(self, **changes):
        """The transcript, with parts of it put in place of its own."""
        agreements = [self.agreement(at) for at in range(3)]
        name, total = name_of(Kind.PROPOSAL, self.proposal), hashlib.sha256(self.counts.tobytes()).digest()
        honest = transcripts.Transcript(
            round=to_json(statements.state(self.round, self.coordinator)).decode(),
            start=to_json(statements.state(self.start, self.coordinator)).decode(),
            terms=self.terms.digest.hex(),
            listing=LISTING.hex(),
            dealings=tuple(one.hex() for one in DEALINGS),
            proposal=base64.b64encode(self.proposal).decode(),
            agreements=tuple(base64.b64encode(one).decode() for one in agreements),
            result=base64.b64encode(sign(Result(self.terms.digest, name, total), self.coordinator)).decode(),
            total=total.hex(),
        )
        return to_bytes(honest.model_copy(update=changes))

    def receipt(self, position, vector=None):
        """The coordinator's receipt of masked counts, as the institution hands it over with its agreement."""
        vector = vector or bytes([position]) * 32
        node = self.terms.members[position].node
        given = receipts.receipt(self.terms, node, vector.hex(), MOMENT, self.coordinator)
        return transcripts.hold(given, self.agreement(position))

    def material(self, **changes):
        """What the release is made of."""
        opened = RoundOpened(
            envelope="3" * 64,
            programme=self.programme.digest,
            roster=self.roster.digest,
            period=self.round.period,
            attempt=1,
            invited=NODES,
            institutions_min=3,
            gather_until=MOMENT,
            collect_until=MOMENT,
            mode=Mode.SECURE_SUM,
        )
        honest = publisher.Material(
            release_id="aanleiding-demo-2025-1",
            round=Round(self.round.round_id, opened, MOMENT, present=frozenset(NODES)),
            programme=self.programme,
            signed=self.signed,
            roster=self.roster,
            plan=self.plan,
            national=national_of(self.plan, NODES[:3], self.counts),
            dealers=4,
            published_at=MOMENT,
            transcript=self.transcript(),
            approved_by=[one.key_id for one in changes.get("signed", self.signed).signatures],
        )
        return replace(honest, **changes)

    def publish(self, name="release", **changes):
        """The directory of the release, or of one that is not so."""
        made = self.material(**changes)
        publisher.write(self.place, made, self.coordinator)
        there = (self.place / made.release_id).rename(self.place / name)
        for path in there.iterdir():
            path.chmod(0o644)
        return there

    def against(self, **more):
        """What somebody examines it with who has the authority's keys."""
        authority = {
            name: key.public for name, key in zip(("cbs", "rapporteur"), self.authority, strict=True)
        }
        return Against(self.coordinator.public, authority, 2, **more)


@pytest.fixture
def summed(tmp_path, coordinator, authority, signed_roster):
    return Summed(tmp_path, coordinator, authority, signed_roster)
