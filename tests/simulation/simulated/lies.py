"""What a coordinator can show one node and not the others, from all that it has heard, with its own key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from simulated.operations import Lie

from aggregator.conductor import Round
from aggregator.office import Office
from samentel.documents import statements
from samentel.documents.model import from_json
from samentel.ids import RoundId
from samentel.secagg import tree
from samentel.secagg.encoding import encode
from samentel.secagg.messages import (
    ENTRY_BYTES,
    HEAD_BYTES,
    Agreement,
    Delivery,
    Kind,
    Listing,
    Proposal,
    Result,
    Survivor,
    Unanimity,
    Upload,
    name_of,
    parse,
    read,
    sign,
)
from samentel.secagg.relay import Server
from samentel.wire import messages as m
from samentel.wire.messages import LetterKind, RoundPhase, SumPhase

_SAYS = {Lie.PROPOSAL: SumPhase.AGREEING, Lie.UNANIMITY: SumPhase.REVEALING, Lie.RESULT: SumPhase.DONE}
LEAST = 2  # in a set that is shown
Told = Mapping[Lie, int]  # what a node is told, and the choice that goes with it


@dataclass
class Liar:
    """What the coordinator remembers for its lies.

    Attributes:
        names: of the nodes.
        shown: by node and round, the last proposal that the node was shown.
        agreements: by round, all agreements that anybody sent.
        heads: by node, the ledger head that it has shown last.
        told: how many letters were lies.
    """

    names: Sequence[str]
    shown: dict[tuple[int, str], bytes] = field(default_factory=dict)
    agreements: dict[str, list[bytes]] = field(default_factory=dict)
    heads: dict[int, m.LedgerHead] = field(default_factory=dict)
    told: int = 0

    def heard(self, node: int, request: object) -> None:
        """Remember what a node sends, whether the honest machine takes it or not."""
        if isinstance(request, m.PollRequest):
            self.heads[node] = request.ledger
        if isinstance(request, m.PutMessageRequest) and request.kind.name == Kind.AGREEMENT.name:
            self.agreements.setdefault(request.round_id, []).append(request.message)

    def letter(
        self, node: int, request: m.GetLetterRequest, answer: m.GetLetterResponse, lies: Told, office: Office
    ) -> m.GetLetterResponse:
        """What the node is shown in place of an honest letter."""
        lie = Lie[request.kind.name]
        round_ = office.book.state.rounds.get(RoundId(request.round_id))
        data = self._made(node, lie, lies[lie], round_, office) if lie in lies and round_ else b""
        if data:
            self.told += 1
            answer = m.GetLetterResponse(data, len(data))
        if request.kind is LetterKind.PROPOSAL and answer.length:
            self.shown[node, request.round_id] = answer.data
        return answer

    def news(self, node: int, answer: m.PollResponse, lies: Told, office: Office) -> m.PollResponse:
        """News that say of a round that it is where the lie can be told."""
        if Lie.HEAD in lies and answer.ledger != self.heads[node]:
            self.told += 1
            answer = replace(answer, ledger=self.heads[node])
        notices = list(answer.rounds)
        for at, notice in enumerate(notices):
            said = from_json(statements.Round, notice.round.payload, "round")
            round_ = office.book.state.rounds[said.round_id]
            # Whoever is told too early that it is to agree never hands in what the lie is made of.
            uploads = len(round_.senders(Kind.UPLOAD))
            if round_.phase is not RoundPhase.COLLECTING or uploads < len(round_.senders(Kind.DEALING)) - 1:
                continue
            if self.names[node] not in round_.senders(Kind.UPLOAD):
                continue
            for lie, phase in _SAYS.items():
                early = lie in lies and notices[at].sum_phase < phase
                if early and self._made(node, lie, lies[lie], round_, office):
                    notices[at] = replace(notices[at], sum_phase=phase)
        return replace(answer, rounds=tuple(notices)) if tuple(notices) != answer.rounds else answer

    def _made(self, node: int, lie: Lie, choice: int, round_: Round, office: Office) -> bytes:
        """The letter, or nothing where it cannot be made."""
        if not round_.start:
            return b""
        server = office.sums.server(round_)
        match lie:
            case Lie.LISTING:
                return _listing(server, node, choice)
            case Lie.DELIVERY:
                return _delivery(server, node, choice)
            case Lie.PROPOSAL:
                return _proposal(server, choice, office)
            case Lie.UNANIMITY:
                return self._unanimity(node, round_.round_id)
            case Lie.RESULT:
                return _result(server, self.shown.get((node, round_.round_id), b""), office)
            case Lie.HEAD:
                return b""

    def _unanimity(self, node: int, round_id: str) -> bytes:
        """Agreements of all in the set that this node was shown, to whatever set; nothing while one lacks."""
        shown = self.shown.get((node, round_id), b"")
        sent = self.agreements.get(round_id, [])
        if not shown or not sent:
            return b""
        name, made = name_of(Kind.PROPOSAL, shown), []
        for position in read(Proposal, shown).positions:
            own = [one for one in sent if parse(Agreement, one).sender == position]
            fitting = [one for one in own if parse(Agreement, one).survivors == name]
            made += (fitting or own)[:1]
            if not own:
                return b""
        return encode(Unanimity(tuple(made)))


def _left_out(members: Sequence[int], node: int, choice: int) -> int | None:
    others = [one for one in members if one != node]
    return others[choice % len(others)] if others else None


def _listing(server: Server, node: int, choice: int) -> bytes:
    if not server.listing or node not in server.listed:
        return b""
    gone = _left_out(server.listed, node, choice)
    kept = [posted for posted in server.adverts if posted.sender != gone]
    heads, steps = tree.column(tuple(posted.attachment for posted in kept), HEAD_BYTES, node)
    return encode(
        Listing(tuple(one.sender for one in kept), tuple(one.message for one in kept), heads, steps)
    )


def _delivery(server: Server, node: int, choice: int) -> bytes:
    if not server.dealers or node not in server.dealt:
        return b""
    gone = _left_out(server.dealt, node, choice)
    kept = [posted for posted in server.dealings if posted.sender != gone]
    rows = tuple(posted.attachment for posted in kept)
    entries, steps = tree.column(rows, ENTRY_BYTES, server.listed.index(node))
    return encode(
        Delivery(tuple(one.sender for one in kept), tuple(one.message for one in kept), entries, steps)
    )


def _proposal(server: Server, choice: int, office: Office) -> bytes:
    """A set without the one of that number, however few it leaves."""
    uploads = [posted for posted in server.uploads if posted.sender != choice % len(server.terms.members)]
    if not server.dealers or len(uploads) < LEAST:
        return b""
    survivors = tuple(Survivor(one.sender, read(Upload, one.message).vector) for one in uploads)
    return sign(Proposal(server.terms.digest, server.dealers, survivors), office.key)


def _result(server: Server, shown: bytes, office: Office) -> bytes:
    if not shown:
        return b""
    name = bytes(reversed(name_of(Kind.PROPOSAL, shown)))
    return sign(Result(server.terms.digest, name, bytes(32)), office.key)
