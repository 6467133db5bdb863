"""The road of permission on this machine: the facts that ``node.policy`` decides upon, and what follows.

Both drivers, of secure sums and of individual mode, ask here whether they may,
get the codes that a yes needs, and have it written when the answer is no.
"""

import asyncio
import os
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from node import policy
from node.config import Config
from node.halting import ACCEPTED_HEAD, FOREIGN_HEAD, PAUSED, SHOWN_BY, halted, named, showers
from node.journal import Journal
from node.policy import Permit, Sealed, Situation
from node.steps import wait_for_tick
from node.store import DocumentKind, RoundRecord, SealedPeriod, SnapshotRecord, State, Store
from samentel.counting import ledger
from samentel.counting.ledger import SALT_BYTES, Body, Head, Kind, next_entry
from samentel.documents.keys import SigningKey
from samentel.documents.programme import Programme
from samentel.documents.roster import Institution, Roster
from samentel.documents.statements import Round
from samentel.errors import DocumentError, LocalFault, Reason, Refusal
from samentel.ids import Digest, Period

if TYPE_CHECKING:
    from node.snapshots import Prepared
    from samentel.counting.contribution import Codes, Integers


T = TypeVar("T")
COORDINATOR = "coordinator"  # among those who show a head


@dataclass(frozen=True, slots=True)
class Known:
    """The verified documents that matter to one round."""

    round: Round
    roster: Roster
    programme: Programme | None


class Permission:
    """What this institution may do now; one per daemon.

    The exact codes of the rounds in which it is present are held here: in memory only, gone once drawn.
    """

    def __init__(self, config: Config, store: Store, node: str, signer: SigningKey, journal: Journal) -> None:
        self._config, self._store, self._node, self._signer = config, store, node, signer
        self._journal = journal
        self._prepared: dict[str, Prepared] = {}

    def decide(self, known: Known, deadline: datetime, dealers: int = 0) -> Permit | Refusal:
        """Whether to take part, ledger and caps included.

        Args:
            dealers: as ``Situation.dealers``; the whole roster unless it is known.
        """
        return policy.decide(self._situation(known, deadline, dealers), known.round)

    def still(self, known: Known, deadline: datetime) -> Refusal | None:
        """Why not to go on, or None: the same rules but for what the ledger holds already."""
        return policy.still_agrees(self._situation(known, deadline), known.round)

    async def ready(self, known: Known, deadline: datetime, dealers: int = 0) -> Permit | Refusal:
        """The decision, with the codes in memory. What is wrong with the records is never said outside."""
        while True:
            verdict = self.decide(known, deadline, dealers)
            if isinstance(verdict, Refusal):
                return verdict
            relevant = self._relevant(verdict.programme, known.round.period)
            prepared = self._prepared.get(known.round.round_id)
            if prepared is not None and prepared.known == relevant:
                return verdict
            # Not made yet; or a quarter was sealed since, whose persons this one may not count now, or must.
            try:
                work = self._prepare(known, verdict.programme, relevant)
                self._prepared[known.round.round_id] = await _to_the_tick(work, verdict.programme)
            except Refusal as refusal:
                return refusal
            except (LocalFault, DocumentError):
                return Refusal(
                    Reason.SOURCE_NOT_READY,
                    "the export, its mapping or a sealed period is not ready: `samentel-node check`, "
                    "`samentel-node doctor`",
                )

    async def draw(self, permit: Permit) -> "Integers":
        """The noisy vector of a permit that was ``ready``; afterwards the codes are gone.

        Nothing is waited for between the decision of ``ready`` and the snapshot: no other quarter is sealed
        in between.

        Raises:
            LocalFault: the snapshot cannot be written; nothing was drawn.
        """
        return await _to_the_tick(self._draw(permit), permit.programme)

    async def _draw(self, permit: Permit) -> "Integers":
        prepared = self._prepared.pop(permit.loss.round)
        if prepared.fresh is not None:
            # Before anything is drawn: who is in these counts stays in them, whatever becomes of the round.
            self._store.write(_now(), snapshots=[prepared.fresh])
            where = prepared.fresh.where
            self._journal.info("sealed", programme=where.programme, period=where.period)
        return await asyncio.to_thread(_drawn, prepared.codes, permit)

    def forget(self, round_id: str) -> None:
        """Drop the codes of a round that needs them no more."""
        self._prepared.pop(round_id, None)

    def _relevant(self, programme: Programme, period: Period) -> tuple[SealedPeriod, ...]:
        return tuple(relevant(self._store.sealed_periods(), programme, period))

    async def _prepare(
        self, known: Known, programme: Programme, sealed: Sequence[SealedPeriod]
    ) -> "Prepared":
        institution = known.roster.institution(self._node)
        assert institution is not None  # a permit was given
        held = [self._store.snapshot(one) for one in sealed]
        return await asyncio.to_thread(
            _prepared, self._config, self._signer, (programme, known.round.period, institution), held
        )

    def refuse(self, record: RoundRecord, known: Known, refusal: Refusal, how: State) -> None:
        """Write a refusal: once per round and reason. It is decided again: an approval may still come."""
        reasons = {
            body.reason
            for body in (entry.read() for entry in self._store.entries())
            if body.kind is Kind.REFUSED and body.round == record.round_id
        }
        if refusal.reason in reasons and (record.state, record.reason) == (how, refusal.reason):
            return
        entries = []
        if refusal.reason not in reasons:
            programme = Digest(known.round.programme)
            fields = {"round": record.round_id, "reason": str(refusal.reason)}
            entries = [next_entry(self._store.head, _now(), Kind.REFUSED, programme, salt=salt(), **fields)]
        self._store.write(_now(), entries=entries, rounds=[replace(record, state=how, reason=refusal.reason)])
        self._journal.warning("refused", round=record.round_id, reason=refusal.reason, period=record.period)

    def may_send(self, record: RoundRecord) -> bool:
        """Whether no person, and no old copy of the ledger, keeps back what is written."""
        reason = halted(self._store)
        if reason is not None:
            self._journal.info("held-back", round=record.round_id, state=record.state, reason=reason)
        return reason is None

    def on_ledger(self, seen: Head) -> bool:
        """Whether a head that somebody has seen of this node is its own, or was accepted by a person."""
        accepted = self._store.setting(ACCEPTED_HEAD).split()
        return ledger.follows(self._store.entries(), seen) or named(seen) in accepted

    def check_heads(self, seen: Mapping[str, Head]) -> None:
        """Pause the node for good if it has never written one of these: its ledger is then an old copy.

        All of them are noted, beside those accepted earlier: one ``resume`` is for all that others have seen.

        Args:
            seen: by whoever shows it; they are named, since a head can be made up.
        """
        shown_by = [who for who, head in seen.items() if not self.on_ledger(head)]
        if not shown_by:
            return
        foreign = [named(seen[who]) for who in shown_by]
        noted = [*self._store.setting(ACCEPTED_HEAD).split(), *self._store.setting(FOREIGN_HEAD).split()]
        settings = {
            PAUSED: str(Reason.ROLLBACK_DETECTED),
            FOREIGN_HEAD: " ".join(dict.fromkeys([*noted, *foreign])),
            SHOWN_BY: showers(self._store, shown_by),
        }
        if any(self._store.setting(name) != value for name, value in settings.items()):
            self._store.write(_now(), settings=settings)
            self._journal.warning(
                "rollback-detected", reason=Reason.ROLLBACK_DETECTED, seen_by=", ".join(shown_by)
            )

    def stop_as_copy(self) -> None:
        """Pause the node for good: the coordinator holds other bytes of it than it has just sent."""
        settings = {PAUSED: str(Reason.ROLLBACK_DETECTED), SHOWN_BY: showers(self._store, [COORDINATOR])}
        self._store.write(_now(), settings=settings)
        self._journal.warning("second-copy", reason=Reason.ROLLBACK_DETECTED)

    def _situation(self, known: Known, deadline: datetime, dealers: int = 0) -> Situation:
        asked = known.round
        same = [
            record.attempt
            for record in self._store.rounds()
            if (record.programme, record.period) == (asked.programme, str(asked.period))
            and record.round_id != asked.round_id
            and record.presence is not None
        ]
        return Situation(
            now=_now(),
            node=self._node,
            key=self._signer.public,
            halted=halted(self._store),
            roster=known.roster,
            programme=known.programme,
            approvals=self._store.documents(DocumentKind.APPROVAL, asked.programme),
            entries=self._store.entries(),
            attempts=same,
            sealed=[
                Sealed(one.programme, Period.parse(one.period), one.binds)
                for one in self._store.sealed_periods()
            ],
            deadline=deadline,
            dealers=dealers or len(known.roster.institutions),
            caps=self._config.caps,
            institutions_floor=self._config.institutions_floor,
            collude_floor=self._config.collude_floor,
            salt=salt(),
        )


def booked(store: Store, kind: Kind, round_id: str) -> Body:
    """The entry of that kind that the ledger holds for a round; there is exactly one."""
    bodies = (entry.read() for entry in store.entries())
    return next(body for body in bodies if body.kind is kind and body.loss and body.loss.round == round_id)


def salt() -> bytes:
    """Fresh random bytes for one entry of the ledger."""
    return os.urandom(SALT_BYTES)


def relevant(sealed: Sequence[SealedPeriod], programme: Programme, period: Period) -> Sequence[SealedPeriod]:
    """What decides whom a period counts: its own snapshot; else of a quarter what binds persons to others.

    Of a year, the quarters whose persons a population of it counts.
    """
    own = [one for one in sealed if (one.programme, one.period) == (programme.digest, str(period))]
    if own:
        return own
    of_quarters = {population.of_quarters for population in programme.populations}
    binding = [one for one in sealed if one.binds and Period.parse(one.period).year == period.year]
    if period.quarter:
        return [one for one in binding if one.period != str(period)]
    return [one for one in binding if one.name in of_quarters]


async def _to_the_tick(work: Awaitable[T], programme: Programme) -> T:
    """Do work on records, and wait for the programme's tick: how long it took tells of rows (MASK-3).

    Whatever comes of it, a message, a refusal or silence until the next poll, begins at a tick. Only a daemon
    that is being stopped does not wait.
    """
    try:
        done = await work
    except Exception:
        await _tick(programme)
        raise
    await _tick(programme)
    return done


async def _tick(programme: Programme) -> None:
    await asyncio.sleep(wait_for_tick(_now(), programme.tick_seconds))


def _prepared(
    config: Config,
    signer: SigningKey,
    asked: tuple[Programme, Period, Institution],
    held: Sequence[SnapshotRecord],
) -> "Prepared":
    from node import snapshots  # polars and numpy are loaded when a round needs them, not before

    return snapshots.prepare(config, signer, snapshots.Question(*asked), held, _now())


def _drawn(codes: "Codes", permit: Permit) -> "Integers":
    from samentel.counting.noise import draw  # as above: OpenDP

    return draw(codes, permit.plan).vector


def _now() -> datetime:
    return datetime.now(UTC)
