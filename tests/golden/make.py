"""Writes the golden release anew: ``python -m tests.golden.make``.

Twelve made-up institutions, fixed vectors, keys and days, two earlier years. The files are committed; a test
makes them again and compares, byte for byte. Look at what changed before you commit it: every reader sees it.
"""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from aggregator import publisher
from aggregator.conductor import Round
from aggregator.events import RoundOpened
from aggregator.publisher import Material
from samentel.counting.contribution import Integers
from samentel.counting.shares import plan_of
from samentel.documents import programme as programmes
from samentel.documents import public, statements
from samentel.documents.codelists import Text
from samentel.documents.envelope import seal
from samentel.documents.keys import SigningKey
from samentel.documents.model import to_bytes
from samentel.documents.programme import Programme
from samentel.documents.roster import Institution, Roster, parse
from samentel.figures.edition import Year
from samentel.figures.manifest import Erratum
from samentel.figures.manifest_privacy import spending
from samentel.figures.sums import NationalSum, national_of
from samentel.ids import Period
from samentel.secagg import transcript
from samentel.secagg.convening import terms_of
from tests.samentel.secagg.conftest import DEADLINES, START, Federation

HERE = Path(__file__).parent
RELEASE = "klein-2025-1"
NAMES = tuple(f"huis-{number:02d}" for number in range(1, 13))
KINDS = ("COSM", "VO_MO", "AMB", "JEUGD")
DEALT, IN_SUM = 11, 10
HOUSES = tuple(SigningKey(bytes([100 + number]) * 32) for number in range(len(NAMES)))
COORDINATOR, *AUTHORITY = (SigningKey(bytes([number]) * 32) for number in (1, 2, 3))
MOMENT = datetime(2026, 4, 15, 9, 30, tzinfo=UTC)
SOFTWARE = dict.fromkeys(("samentel", "opendp", "cryptography", "numpy", "scipy", "polars"), "1.0")


def programme() -> Programme:
    return programmes.parse((HERE / "programme.toml").read_bytes())


def roster() -> Roster:
    institutions = [
        Institution(
            node=name,
            name=f"Huis {number}",
            operator=name,
            type=KINDS[number % 4],
            province="PV27" if number < 6 else "PV30",
            protocol_key=HOUSES[number].public.raw.hex(),
        )
        for number, name in enumerate(NAMES)
    ]
    key = COORDINATOR.public.raw.hex()
    made = Roster(version=3, issued_at=MOMENT, coordinator_key=key, institutions=tuple(institutions))
    return parse(to_bytes(made))


def counted(number: int) -> Integers:
    """So many persons and hardly any noise, null cells included; the first cell of a table has the most."""
    parts = []
    for noise in plan_of(programme(), len(NAMES), DEALT):
        weights = np.arange(noise.cells, 0, -1)
        people = number * weights // weights.sum() - (weights == 1) * (noise.cells > 4) * 3
        parts.append(np.append(people, 0) * noise.granularity + np.append(weights % 3 - 1, 0))
    return np.concatenate(parts).astype(np.int64)


def national(number: int) -> NationalSum:
    return national_of(plan_of(programme(), len(NAMES), DEALT), NAMES[:IN_SUM], counted(number))


def convened(asked: Programme, members: Roster) -> tuple[statements.Round, statements.Start]:
    round_ = statements.Round(
        programme=asked.digest,
        roster=members.digest,
        period=Period(2025),
        attempt=1,
        nonce="5" * 64,
        opened_at=START,
        gather_until=START,
        collect_until=DEADLINES.mask_until,
    )
    start = statements.Start(
        round=round_.round_id,
        advertise_until=DEADLINES.advertise_until,
        share_until=DEADLINES.share_until,
        mask_until=DEADLINES.mask_until,
        expires_at=DEADLINES.expires_at,
    )
    return round_, start


def summed(asked: Programme, members: Roster, number: int) -> tuple[NationalSum, bytes]:
    """A round of the real machines: one institution never comes, one is lost on its way."""
    round_, start = convened(asked, members)
    federation = Federation(terms_of(asked, members, round_, start), seed="golden")
    federation.keys, federation.coordinator = list(HOUSES), COORDINATOR
    federation.counts = {at: np.zeros(asked.vector_length, dtype=np.int64) for at in range(len(NAMES))}
    federation.counts[0] = counted(number)
    result = federation.run({len(NAMES) - 1: "advert", len(NAMES) - 2: "upload"})
    assert result is not None
    said = [statements.state(one, COORDINATOR) for one in (round_, start)]
    plan = plan_of(asked, len(NAMES), result.dealers)
    names = [NAMES[position] for position in result.positions]
    national_ = national_of(plan, names, result.counts(federation.terms))
    return national_, transcript.of_sum(*said, federation.server)


def material() -> Material:
    asked, members = programme(), roster()
    national_, said = summed(asked, members, 420)
    opened = RoundOpened(
        envelope="1" * 64,
        programme=asked.digest,
        roster=members.digest,
        period=Period(2025),
        attempt=1,
        invited=NAMES,
        institutions_min=8,
        gather_until=MOMENT,
        collect_until=MOMENT,
    )
    wrong = Text(nl="In 2024 telde één huis dubbel.", en="In 2024 one house counted double.")
    return Material(
        release_id=RELEASE,
        round=Round(convened(asked, members)[0].round_id, opened, MOMENT, present=frozenset(NAMES)),
        programme=asked,
        signed=seal(programmes.PAYLOAD_TYPE, (HERE / "programme.toml").read_bytes(), *AUTHORITY),
        roster=members,
        plan=plan_of(asked, len(NAMES), DEALT),
        national=national_,
        dealers=DEALT,
        published_at=MOMENT,
        errata=[Erratum(release_id="klein-2024-1", published_at=MOMENT.replace(year=2025), text=wrong)],
        earlier=[
            Year(Period(2023), "klein-2023-1", national(380)),
            Year(Period(2024), "klein-2024-1", national(400)),
        ],
        spent=[spending(asked, "klein-proef-2025-1", Period(2025), asked.rho / 4)],
        transcript=said,
        public=seal(public.PAYLOAD_TYPE, (HERE / "public.toml").read_bytes(), *AUTHORITY),
        approved_by=[key.public.key_id for key in AUTHORITY],
        software=SOFTWARE,
    )


def made(place: Path) -> Path:
    """The release directory, made in that place."""
    publisher.write(place, material(), COORDINATOR)
    return place / RELEASE


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        fresh = made(Path(place))
        shutil.rmtree(HERE / RELEASE, ignore_errors=True)
        (HERE / RELEASE).mkdir()
        for path in fresh.iterdir():
            (HERE / RELEASE / path.name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
