"""What must hold, whatever happens: looked at when a node sends or writes something, and after each step.

Each broken rule is a sentence in ``Witness.broken``. Files are read through a connection of their own.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from simulated.premises import DRAWS, House

from aggregator.conductor import Round
from aggregator.office import Office
from node import sealing
from node.store import Reader
from samentel.counting.ledger import Body, Entry, verify
from samentel.counting.ledger import Kind as Booked
from samentel.secagg.encoding import decode
from samentel.secagg.messages import (
    Agreement,
    Dealing,
    Delivery,
    Kind,
    Proposal,
    Reveal,
    name_of,
    open_bundle,
    parse,
)
from samentel.secagg.shamir import SHARE_BYTES
from samentel.secagg.standing import Client
from samentel.secagg.terms import threshold
from samentel.wire import messages as m
from samentel.wire import methods as M
from samentel.wire.messages import LetterKind
from samentel.wire.methods import Method

At = tuple[int, str]  # a node and a round


class Witness:
    """All that has been seen of the nodes of one federation, and which rules it breaks."""

    def __init__(self, houses: Sequence[House]) -> None:
        self.broken: list[str] = []
        self._houses = houses
        self._readers = [Reader.open_read_only(house.config.state_dir) for house in houses]
        self._ledgers: list[list[Entry]] = [reader.entries() for reader in self._readers]
        self._bodies: list[list[Body]] = [[one.read() for one in entries] for entries in self._ledgers]
        self._said: dict[tuple[int, str, str], bytes] = {}
        self._proposals: dict[bytes, Proposal] = {}
        self._dealers: dict[At, tuple[int, ...]] = {}
        self._agreed: dict[bytes, set[int]] = defaultdict(set)
        self._seeds: dict[tuple[str, int], set[int]] = defaultdict(set)
        self._keys: dict[tuple[str, int], set[int]] = defaultdict(set)
        self._listed: dict[At, int] = {}
        self._draws = [0] * len(houses)
        self._counted: dict[At, int] = {}
        self._spent: Counter[At] = Counter()
        self._lives = [0] * len(houses)
        self._states: dict[At, tuple[int, bytes, Client]] = {}
        self._totals: dict[str, str] = {}
        self._exact: set[str] = set()
        self.sealed: list[set[bytes]] = [set() for _ in houses]

    def close(self) -> None:
        for reader in self._readers:
            reader.close()

    @contextmanager
    def away(self, node: int) -> Iterator[None]:
        """A node's file is exchanged inside: nobody may have it open, and its ledger begins anew."""
        self._readers[node].close()
        yield
        self._readers[node] = Reader.open_read_only(self._houses[node].config.state_dir)
        self._ledgers[node], self._lives[node] = self._readers[node].entries(), self._lives[node] + 1
        self._bodies[node] = [entry.read() for entry in self._ledgers[node]]

    def _hold(self, true: bool, node: int, sentence: str) -> None:
        if not true:
            self.broken.append(f"{self._houses[node].name}: {sentence}")

    def drawn(self, node: int, cells: int) -> np.ndarray:
        """What stands in the place of noisy counts: 1 where this node and this draw belong."""
        number = self._draws[node]
        self._draws[node] += 1
        self._hold(number < DRAWS, node, "drew more often than a list can ask for")
        vector = np.zeros(cells, dtype=np.int64)
        vector[node * DRAWS + number % DRAWS] = 1
        return vector

    # What a node writes.

    def wrote(self, node: int, parts: Mapping[str, Any]) -> None:
        """A transaction of a node is on disk."""
        for entry in parts.get("entries", ()):
            body = entry.read()
            if body.loss is None:
                continue
            at = (node, body.loss.round)
            state = self._state(*at)
            sent = {one.kind for one in state.outbox} if state else set()
            if body.kind is Booked.HOLD:
                self._hold(Kind.UPLOAD in sent, node, "held a loss without the masked counts beside it")
                self._counted[at] = self._draws[node] - 1
            if body.kind is Booked.SPENT:
                self._hold(Kind.AGREEMENT in sent, node, "spent a loss without the agreement beside it")
                self._spent[at] += 1
                self._hold(self._spent[at] == 1, node, "spent a loss twice")
            if body.kind is Booked.FREED:
                self._hold((node, at[1], Kind.AGREEMENT) not in self._said, node, "freed what it agreed to")
        for record in parts.get("sums", ()):
            if record.sealed:
                self.sealed[node].add(record.sealed[12:44])

    def _state(self, node: int, round_id: str) -> Client | None:
        """The state of a sum as its file has it."""
        held = self._readers[node].sum(round_id)
        if held is None or not held.sealed:
            return None
        seen = self._states.get((node, round_id))
        if seen is None or seen[:2] != (held.version, held.sealed):
            key = self._houses[node].signer
            state = decode(Client, sealing.unseal(key, round_id, held.version, held.sealed))
            seen = self._states[node, round_id] = (held.version, held.sealed, state)
        return seen[2]

    # What leaves a node, and what it is told.

    def sending(self, node: int, method: Method[Any, Any], request: Any) -> None:
        """A node is about to send this."""
        if method is M.PUT_PRESENCE:
            said = request.presence.payload
            self._once(node, json.loads(said)["round"], f"presence of life {self._lives[node]}", said)
        if method is not M.PUT_MESSAGE:
            return
        round_id, kind, message = request.round_id, Kind[request.kind.name], request.message
        self._once(node, round_id, kind, message + request.data)
        state = self._state(node, round_id)
        stored = state is not None and any(
            (one.kind, one.message, one.attachment) == (kind, message, request.data) for one in state.outbox
        )
        self._hold(stored, node, f"sends a {kind} that its file does not hold")
        {
            Kind.DEALING: self._deals,
            Kind.UPLOAD: self._uploads,
            Kind.AGREEMENT: self._agrees,
            Kind.REVEAL: self._reveals,
        }.get(kind, lambda *_: None)(node, round_id, message)

    def _once(self, node: int, round_id: str, kind: str, data: bytes) -> None:
        first = self._said.setdefault((node, round_id, kind), hashlib.sha256(data).digest())
        same = first == hashlib.sha256(data).digest()
        self._hold(same, node, f"sends two different messages of kind {kind} in one round")

    def _deals(self, node: int, round_id: str, message: bytes) -> None:
        self._listed[node, round_id] = parse(Dealing, message).count

    def _uploads(self, node: int, round_id: str, _message: bytes) -> None:
        booked = self._booked(node, round_id)
        self._hold(Booked.HOLD in booked, node, "sends masked counts before their loss is held in the file")

    def _agrees(self, node: int, round_id: str, message: bytes) -> None:
        name = parse(Agreement, message).survivors
        booked = self._booked(node, round_id)
        self._hold(Booked.SPENT in booked, node, "sends an agreement before its loss is spent in the file")
        proposal = self._proposals.get(name)
        self._hold(proposal is not None, node, "agrees to a set that nobody has shown it")
        if proposal is None:
            return
        self._agreed[name].add(node)
        dealers = self._dealers[node, round_id]
        self._hold(node in proposal.positions, node, "agrees to a set without it")
        self._hold(set(proposal.positions) <= set(dealers), node, "agrees to a set with a stranger")
        spare = 0 if len(self._houses) == 3 else 1
        self._hold(len(proposal.positions) >= len(dealers) - spare, node, "agrees to a set that is too small")

    def _reveals(self, node: int, round_id: str, message: bytes) -> None:
        reveal = parse(Reveal, message)
        proposal = self._proposals.get(reveal.survivors)
        self._hold(proposal is not None, node, "reveals for a set that nobody has shown it")
        if proposal is None:
            return
        inside = set(proposal.positions)
        missing = inside - self._agreed[reveal.survivors]
        self._hold(not missing, node, f"reveals although {sorted(missing)} have not agreed to this set")
        outside = [one for one in self._dealers[node, round_id] if one not in inside and one != node]
        lengths = (SHARE_BYTES * len(inside), SHARE_BYTES * len(outside))
        right = (len(reveal.seeds), len(reveal.keys)) == lengths
        self._hold(right, node, "reveals other shares than the set asks for")
        for dealer in inside:
            self._seeds[round_id, dealer].add(node)
        for dealer in outside if right else self._dealers[node, round_id]:
            self._keys[round_id, dealer].add(node)
        for dealer in range(len(self._houses)):
            seeds, keys = self._seeds[round_id, dealer], self._keys[round_id, dealer]
            self._hold(not seeds & keys, node, f"both secrets of {dealer} have been shared by one node")
            t = threshold(self._listed[node, round_id])
            self._hold(len(seeds) < t or len(keys) < t, node, f"both secrets of {dealer} are in the open")

    def told(self, node: int, request: Any, answer: Any) -> None:
        """A node is about to hear this."""
        if not isinstance(request, m.GetLetterRequest) or not answer.length:
            return
        if request.kind is LetterKind.PROPOSAL:
            self._proposals[name_of(Kind.PROPOSAL, answer.data)] = parse(Proposal, answer.data)
        if request.kind is LetterKind.DELIVERY:
            self._dealers[node, request.round_id] = open_bundle(Delivery, answer.data).dealers

    def _booked(self, node: int, round_id: str) -> list[Booked]:
        """What the ledger file says of a round now, in order."""
        bodies = (entry.read() for entry in self._readers[node].entries())
        return [body.kind for body in bodies if body.loss and body.loss.round == round_id]

    # After each step.

    def look(self, changed: set[int], rounds: Sequence[Round], office: Office) -> None:
        """Look at every file that has changed, and at every sum."""
        for node in changed:
            self._look_at_ledger(node)
        for round_ in rounds:
            if round_.total is not None:
                self._look_at_sum(round_, office)

    def _look_at_ledger(self, node: int) -> None:
        entries, before = self._readers[node].entries(), self._ledgers[node]
        if entries == before:
            return
        self._hold(entries[: len(before)] == before, node, "its ledger has lost or changed an entry")
        wrong = verify(entries)
        self._hold(not wrong, node, f"its ledger does not hold: {wrong}")
        self._ledgers[node] = entries
        self._bodies[node] = [entry.read() for entry in entries]

    def _rounds(self, node: int) -> Mapping[str, list[Booked]]:
        found: dict[str, list[Booked]] = defaultdict(list)
        for body in self._bodies[node]:
            if body.loss is not None:
                found[body.loss.round].append(body.kind)
        return found

    def _look_at_sum(self, round_: Round, office: Office) -> None:
        assert round_.total is not None
        name, total = round_.round_id, round_.total
        if self._totals.setdefault(name, total.total) != total.total:
            self.broken.append("a round has two sums")
        for node, house in enumerate(self._houses):
            if house.name in total.survivors:
                spent = self._spent[node, name]
                self._hold(spent == 1, node, f"is in a sum and has spent {spent} times")
        if name in self._exact:
            return
        self._exact.add(name)
        counts = office.sums.counts(round_)
        expected = np.zeros_like(counts)
        for node, house in enumerate(self._houses):
            if house.name in total.survivors and (node, name) in self._counted:
                expected[node * DRAWS + self._counted[node, name] % DRAWS] = 1
        if not np.array_equal(counts, expected):
            found = {int(at): int(counts[at]) for at in np.flatnonzero(counts != expected)[:6]}
            self.broken.append(f"the sum over {total.survivors} is not exact; by cell: {found}")

    def at_the_end(self, node: int, files: bytes) -> None:
        """When every round has expired and every node has noticed: nothing is held or left."""
        self._look_at_ledger(node)
        self._hold(not self._readers[node].open_sums(), node, "keeps the state of a sum that is over")
        for round_id, kinds in self._rounds(node).items():
            self._hold(kinds[-1] is not Booked.HOLD, node, "still holds the loss of a round that is over")
            agreed = (node, round_id, Kind.AGREEMENT) in self._said
            agreed = agreed and not self._lives[node]
            self._hold(not agreed or Booked.SPENT in kinds, node, "has agreed and spent nothing")
        left = [one for one in self.sealed[node] if one in files]
        self._hold(not left, node, f"{len(left)} states that were wiped can still be read in its files")
