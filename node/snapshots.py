"""Whom a period counts: fixed when noise is first drawn for it, and the same in every later attempt.

A snapshot holds the codes of one period of one programme. Of a quarter it also
holds who was counted, and so binds these persons to it: in no other quarter of
that year does this institution count them again, whatever programme asks and
however their dates are edited. That is why the ledger may charge a year with
its dearest quarter alone. Annual tables of the persons of quarters take them
from these snapshots.

Both parts lie sealed in the store and stay there. Codes stand sorted, table by
table: which cells belong to one person cannot be told from them. Persons stand
as tokens, keyed with a secret of this node; no number and no name is kept.
"""

import hmac
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from node import intake, mapping, policy, sealing
from node.config import Config
from node.store import SealedPeriod, SnapshotRecord
from samentel.counting.contribution import Codes, Integers
from samentel.documents.keys import SigningKey
from samentel.documents.populations import Counting
from samentel.documents.programme import Programme
from samentel.documents.roster import Institution
from samentel.errors import LocalFault, Reason, Refusal
from samentel.ids import Period
from samentel.secagg.primitives import derive

TOKEN_BYTES = 16
_LABEL = b"samentel/v1/node/person/"
_CODES, _PERSONS = "codes", "persons"
_LENGTH, _CELL = np.dtype("<i8"), np.dtype("<i4")  # MAX_CELLS fits in 32 bits


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of this institution's records."""

    programme: Programme
    period: Period
    institution: Institution


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Prepared:
    """The codes of one period, ready to be drawn from; never leaves the institution.

    Attributes:
        fresh: what must be written before anything is drawn; None if the codes come from a snapshot.
        known: the sealed periods by which they were made: they hold as long as no other decides.
    """

    codes: Codes
    fresh: SnapshotRecord | None
    known: tuple[SealedPeriod, ...]

    def __repr__(self) -> str:
        return f"Prepared(<{'sealed before' if self.fresh is None else 'not sealed yet'}>)"


def prepare(
    config: Config, key: SigningKey, asked: Question, held: Sequence[SnapshotRecord], now: datetime
) -> Prepared:
    """The codes of a period: of its snapshot if there is one, else of the export as it is now.

    Args:
        key: the node's protocol key, which seals and names persons.
        held: the snapshot of this period; if there is none, of a quarter those that bind persons to another,
            and of a year those whose persons its populations of quarters count.

    Raises:
        LocalFault: a snapshot does not open, or the export is not ready.
        Refusal: the roster says something else of this institution than when the period was sealed.
        DocumentError: the mapping cannot answer this programme.
    """
    known = tuple(record.where for record in held)
    own = next((record for record in held if _is_own(record.where, asked)), None)
    if own is not None:
        check_roster(key, own, asked.institution)
        return Prepared(opened(key, own, asked.programme), None, known)
    bound = [(record.where.name, persons(key, record)) for record in held]
    memory = intake.Memory(
        token=tokens(key, asked.period.year),
        elsewhere=frozenset().union(*(those for _, those in bound)),
        counted={
            name: frozenset().union(*(those for its, those in bound if its == name)) for name, _ in bound
        },
    )
    taken = intake.taken(
        mapping.load(config.mapping), asked.programme, asked.period, asked.institution, memory
    )
    return Prepared(taken.codes, sealed(key, asked, taken.codes, taken.persons, now), known)


def binds(programme: Programme, period: Period) -> bool:
    """Whether persons who are counted are bound to the period: each quarter of inflow."""
    return period.quarter > 0 and policy.counting(programme) is Counting.INFLOW


def sealed(
    key: SigningKey, asked: Question, codes: Codes, counted: frozenset[bytes], now: datetime
) -> SnapshotRecord:
    """The snapshot to be written."""
    programme, period = asked.programme, str(asked.period)
    where = SealedPeriod(
        programme.digest, programme.id, period, binds(programme, asked.period), now.isoformat()
    )
    named = b"".join(sorted(counted))
    return SnapshotRecord(
        where,
        codes=sealing.seal_snapshot(key, where.programme, period, _CODES, _packed(codes, asked)),
        persons=sealing.seal_snapshot(key, where.programme, period, _PERSONS, named) if where.binds else b"",
    )


def opened(key: SigningKey, record: SnapshotRecord, programme: Programme) -> Codes:
    """The codes of a snapshot.

    Raises:
        LocalFault: it does not open with this key, or was written by another version of Samentel.
    """
    return _unpacked(_unsealed(key, record)[1], programme)


def check_roster(key: SigningKey, record: SnapshotRecord, institution: Institution) -> None:
    """Refuse when the roster said something else of this institution when the period was sealed.

    Its cells could lie in levels that it has no more: they would escape the rules and consents of today.

    Raises:
        Refusal: PERIOD_CLOSED. It depends on what the roster says, never on rows.
        LocalFault: the snapshot does not open with this key.
    """
    if _unsealed(key, record)[0] != _said_of(institution):
        raise Refusal(
            Reason.PERIOD_CLOSED,
            f"the roster says something else of this institution than when {record.where.period} was first "
            "counted: that period cannot be counted again",
        )


def _unsealed(key: SigningKey, record: SnapshotRecord) -> tuple[bytes, bytes]:
    where = record.where
    data = sealing.unseal_snapshot(key, where.programme, where.period, _CODES, record.codes)
    said, _, packed = data.partition(b"\n")
    return said, packed


def persons(key: SigningKey, record: SnapshotRecord) -> frozenset[bytes]:
    """The tokens of those who are bound to the period; none where it binds nobody.

    Raises:
        LocalFault: they do not open with this key.
    """
    where = record.where
    if not where.binds:
        return frozenset()
    data = sealing.unseal_snapshot(key, where.programme, where.period, _PERSONS, record.persons)
    return frozenset(data[at : at + TOKEN_BYTES] for at in range(0, len(data), TOKEN_BYTES))


def tokens(key: SigningKey, year: int) -> Callable[[str], bytes]:
    """From a person's number to the token under which a year remembers it: HMAC-SHA256, 16 bytes.

    Under a key of the node's own for each year, so that nobody is followed from one year to the next.
    """
    secret = derive(key.to_pem(), _LABEL + str(year).encode())
    return lambda number: hmac.digest(secret, number.encode(), "sha256")[:TOKEN_BYTES]


def _is_own(where: SealedPeriod, asked: Question) -> bool:
    return (where.programme, where.period) == (asked.programme.digest, str(asked.period))


def _said_of(institution: Institution) -> bytes:
    """What the roster fixes of this institution's levels, on one line."""
    facts = [institution.type, institution.province, sorted(institution.facilities)]
    return json.dumps(facts, separators=(",", ":")).encode()


def _packed(codes: Codes, asked: Question) -> bytes:
    programme = asked.programme
    columns = [np.sort(codes.cells[table.id]).astype(_CELL) for table in programme.measured]
    lengths = np.array([len(column) for column in columns], dtype=_LENGTH)
    cells = zlib.compress(b"".join([lengths.tobytes(), *(column.tobytes() for column in columns)]))
    return _said_of(asked.institution) + b"\n" + cells


def _unpacked(data: bytes, programme: Programme) -> Codes:
    cells: dict[str, Integers] = {}
    try:
        plain = zlib.decompress(data)
        at = _LENGTH.itemsize * len(programme.measured)
        for table, length in zip(programme.measured, np.frombuffer(plain[:at], dtype=_LENGTH), strict=True):
            column = np.frombuffer(plain, dtype=_CELL, count=int(length), offset=at).astype(np.int64)
            if ((column < 0) | (column >= programme.cells(table))).any():
                raise ValueError("a cell that the table does not have")
            cells[table.id] = column
            at += _CELL.itemsize * int(length)
        if at != len(plain):
            raise ValueError("bytes are left over")
    except (ValueError, zlib.error):
        raise LocalFault(
            "what this node sealed of a period was written by another version of Samentel: install that one"
        ) from None
    return Codes(cells)
