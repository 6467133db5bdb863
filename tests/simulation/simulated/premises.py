"""A federation that is set up and has never met: made once a size, copied for every schedule."""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path

from aggregator import config as national
from aggregator import documents, enrolment
from aggregator import setup as national_setup
from aggregator.book import opened
from node import approving, identity, setup, snapshots
from node import config as local
from node.store import Store
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.envelope import Envelope, seal
from samentel.documents.keys import SigningKey
from samentel.documents.programme import Programme
from samentel.ids import Period

DRAWS = 12  # cells of each institution: as many draws can be told apart
MOST = 5  # institutions
DAY = timedelta(days=1)

_PROGRAMME = """
id = "one-hot"
version = 1
contact = "Test"
mode = "secure-sum"
period = "year"
rho = "1/2"
delta = "1/1000000"
max_attempts = 2
tick_seconds = 1
title = {{ nl = "Cliënten", en = "Clients" }}
purpose = {{ nl = "Toetsen", en = "Testing" }}

[roster]
institutions_min = 3
absent_max = {absent}

[[populations]]
id = "clients"
counting = "inflow"
rows_per_person = 1
title = {{ nl = "Cliënten", en = "Clients" }}
definition = {{ nl = "Met een eerste contact", en = "With a first contact" }}

[[tables]]
id = "reason"
population = "clients"
dimensions = ["reason"]
rho_share = "1"
title = {{ nl = "Naar aanleiding", en = "By reason" }}
question = {{ nl = "Waarom?", en = "Why?" }}

[[dimensions]]
id = "reason"
field = "reason"
unknown = "C000"
title = {{ nl = "Aanleiding", en = "Reason" }}
codes = [
{codes}
]
"""
_MAPPING = """
[file]
path = "export.csv"
delimiter = ";"
dates = ["%Y-%m-%d"]
[columns]
person = "nr"
first_contact = "datum"
reason = "aanleiding"
"""


@dataclass(frozen=True)
class House:
    """One institution: its configuration, its key, its certificate as the coordinator sees it."""

    name: str
    config: local.Config
    signer: SigningKey
    certificate: bytes


@dataclass(frozen=True)
class Template:
    """A coordinator and its institutions, in order; at noon of the day after they were made."""

    config: national.Config
    houses: tuple[House, ...]
    programme: Programme
    moment: datetime


def years(moment: datetime) -> tuple[int, ...]:
    """The periods that a list can ask for, one after another."""
    return tuple(moment.year - back for back in (1, 2, 3, 4))


@cache
def template(size: int) -> Template:
    """The federation of that many institutions; the same keys in every run, but for TLS."""
    place = Path(tempfile.mkdtemp(prefix="simulation-", dir=_memory()))
    _scratch.append(place)
    with seeded(f"premises of {size}"):
        return _made(place, size)


_scratch: list[Path] = []


def clear_away() -> None:
    """Remove all that was made."""
    template.cache_clear()
    while _scratch:
        shutil.rmtree(_scratch.pop(), ignore_errors=True)


@contextmanager
def seeded(seed: str) -> Iterator[None]:
    """The operating system's randomness comes from a seed."""
    real, os.urandom = os.urandom, random.Random(seed).randbytes
    try:
        yield
    finally:
        os.urandom = real


@contextmanager
def copied(made: Template) -> Iterator[Template]:
    """The federation at its beginning, in a place of its own."""
    with tempfile.TemporaryDirectory(prefix="simulation-", dir=_memory()) as name:
        place = Path(name)
        shutil.copyfile(made.config.state / "aggregator.db", place / "aggregator.db")
        config = replace(made.config, database_url=f"sqlite:///{place / 'aggregator.db'}")
        houses = tuple(_moved(house, place / house.name) for house in made.houses)
        yield replace(made, config=config, houses=houses)


def put_back(made: Template, at: int) -> None:
    """Give one institution of a copy the file that it began with."""
    place = made.houses[at].config.state_dir
    for path in place.glob("node.sqlite*"):
        path.unlink()
    original = template(len(made.houses)).houses[at].config.state_dir
    shutil.copyfile(original / "node.sqlite", place / "node.sqlite")


def _moved(house: House, place: Path) -> House:
    place.mkdir()
    shutil.copyfile(house.config.state_dir / "node.sqlite", place / "node.sqlite")
    (place / "identity").symlink_to(house.config.state_dir / "identity")
    return replace(house, config=replace(house.config, state_dir=place))


def _memory() -> str | None:
    """Where writing through costs little."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _made(place: Path, size: int) -> Template:
    authority = [SigningKey(bytes([number]) * 32) for number in (1, 2)]
    files = [place / f"authority-{number}.pub.pem" for number in (1, 2)]
    for file, key in zip(files, authority, strict=True):
        file.write_bytes(key.public.to_pem())
    where = "127.0.0.1:1"
    path = national_setup.init(
        place / "national",
        listen=where,
        address=where,
        hosts=["localhost"],
        authority=files,
        authority_threshold=2,
    )
    config = replace(
        national.load(path),
        gather=timedelta(hours=2),
        advertise=timedelta(minutes=30),
        share=timedelta(minutes=30),
        collect=timedelta(hours=2),
        expire=timedelta(hours=24),
    )
    programme = seal(programmes.PAYLOAD_TYPE, _text(size), *authority)
    houses = tuple(_house(place, f"house-{number}", config, files, programme) for number in range(size))
    documents.publish(config, programme)
    roster = seal(rosters.PAYLOAD_TYPE, documents.draft_roster(config), *authority)
    documents.publish(config, roster)
    moment = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + DAY
    parsed = programmes.parse(programme.payload)
    for house in houses:
        _seal_periods(house, parsed, rosters.parse(roster.payload), moment)
    return Template(config, houses, parsed, moment)


def _text(size: int) -> bytes:
    names = [f"C{number:03}" for number in range(MOST * DRAWS)]
    codes = "\n".join(f'  {{ code = "{name}", nl = "{name}", en = "{name}" }},' for name in names)
    return _PROGRAMME.format(absent=0 if size == 3 else 1, codes=codes).encode()


def _house(
    place: Path, name: str, config: national.Config, authority: list[Path], programme: Envelope
) -> House:
    directory = setup.init(place / name, authority=authority, authority_threshold=2).parent
    (directory / "mapping.toml").write_text(_MAPPING)
    (directory / "export.csv").write_text("nr;datum;aanleiding\n")
    made = local.load(directory / "node.toml")
    invitation = enrolment.invite(config, name, name=name, operator=name, type="COSM", province="PV25")
    request = identity.begin(made.state_dir, invitation)
    signer = identity.protocol_key(made.state_dir)
    asked = enrolment.Application(request.der, signer.public.raw, signer.sign(request.der))
    with opened(config) as book:
        mark = enrolment.enrol(book, name, asked, datetime.now(UTC))
    enrolment.confirm(config, name, mark)
    with opened(config) as book:
        certificate = enrolment.certificate(book, name)
    expires = datetime.now(UTC) + 300 * DAY
    approving.approve(
        made, programme, approved_by="DPO", rho_cap=Fraction(1), expires_at=expires, individual=False
    )
    return House(name, made, signer, certificate)


def _seal_periods(house: House, programme: Programme, roster: rosters.Roster, moment: datetime) -> None:
    """Read the records once: a sealed period is not read again."""
    institution = roster.institution(house.name)
    assert institution is not None
    with Store.open(house.config.state_dir) as store:
        for year in years(moment):
            asked = snapshots.Question(programme, Period.parse(str(year)), institution)
            prepared = snapshots.prepare(house.config, house.signer, asked, [], moment)
            assert prepared.fresh is not None
            store.write(moment, snapshots=[prepared.fresh])
