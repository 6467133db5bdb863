"""The product and the committed rounds: byte for byte where they are good, refused where they are broken."""

import json
from pathlib import Path
from typing import Any

import pytest

from samentel.documents.keys import SigningKey
from samentel.errors import PeerError, Refusal
from samentel.secagg import server
from samentel.secagg.encoding import encode
from samentel.secagg.evidence import proves
from samentel.secagg.messages import Kind
from samentel.secagg.relay import Arrived, Convicted, Polled
from tests.reference import whole_round
from tests.reference.encoding import FIELDS, RECORDS, Refused, digest
from tests.reference.product_side import (
    Coordinator,
    ProductNode,
    ReferenceNode,
    product_terms,
    run_with_the_products_coordinator,
)

HERE = Path(__file__).parent
un = bytes.fromhex


def read(name: str) -> Any:
    return json.loads((HERE / name).read_text("utf-8"))


def files(field: str) -> list[Any]:
    found = [path.name for path in sorted(HERE.glob("round_4_nodes_*.json")) if field in read(path.name)]
    return [pytest.param(name, id=name.removesuffix(".json")) for name in found]


def record(kind: str, data: Any) -> Any:
    """The reference's record of its JSON."""
    return RECORDS[kind](*(value(FIELDS[kind][name], part) for name, part in data.items()))


def value(shape: Any, data: Any) -> Any:
    if isinstance(shape, list):
        return [record(shape[0], part) if isinstance(shape[0], str) else part for part in data]
    return data if shape in (int, str) else un(data)


def drawn(random: str) -> Any:
    left = bytearray(un(random))

    def draw(length: int) -> bytes:
        taken = bytes(left[:length])
        del left[:length]
        return taken

    return draw


class Told:
    """A committed round, and whoever takes part in it."""

    def __init__(self, name: str) -> None:
        self.data = read(name)
        self.record = record("terms", self.data["terms"])
        self.terms, self.nodes = product_terms(self.record), self.data["nodes"]
        self.heads = {at: [un(head) for head in node["heads_seen"]] for at, node in enumerate(self.nodes)}
        self.counts = {at: node["counts"] for at, node in enumerate(self.nodes)}
        self.spent = {at: un(node["spent"]) for at, node in enumerate(self.nodes)}
        self.silent = {at: node["silent"] for at, node in enumerate(self.nodes) if node["silent"]}

    def node(self, at: int) -> ProductNode:
        node = self.nodes[at]
        return ProductNode(self.terms, at, SigningKey(un(node["key"])), drawn(node["random"]))

    def reference_node(self, at: int) -> ReferenceNode:
        node = self.nodes[at]
        return ReferenceNode(whole_round.Node(self.record, at, un(node["key"]), drawn(node["random"])))

    def coordinator(self) -> Coordinator:
        return Coordinator(self.terms, SigningKey(un(self.data["coordinator_key"])))

    def given(self) -> tuple[Any, ...]:
        return self.counts, self.heads, self.spent, self.silent

    def tell(self, node: Any, at: int, step: str, letter: bytes) -> Any:
        own_heads = {bytes(40), *(heads[at] for heads in self.heads.values())}
        answers = {
            "listing": lambda: node.dealing(letter, own_heads),
            "delivery": lambda: node.upload(letter, self.counts[at]),
            "proposal": lambda: node.agreement(letter, self.spent[at]),
            "unanimity": lambda: node.reveal(letter),
        }
        return answers[step]()

    def letter(self, step: str) -> bytes:
        """What position 0 is told."""
        return un(self.data[step] if step in self.data else self.data["letters"][step])

    def sent(self, step: str, at: int) -> tuple[bytes, bytes]:
        said = self.data["sent"][step][str(at)]
        return un(said["message"]), un(said["attachment"])


@pytest.mark.clause(
    "TERMS-2", "TERMS-4", "ENC-1", "ENC-3", "ENC-5", "ENC-6", "KEY-2", "KEY-3", "KEY-5", "KEY-6", "KEY-7",
    "KEY-8", "KEY-9", "ADV-1", "ADV-2", "DEAL-3", "MASK-2", "AGREE-5", "REVEAL-1", "REVEAL-4", "REVEAL-6",
)  # fmt: skip
@pytest.mark.parametrize("name", ["round_3_nodes.json", "round_4_nodes.json"])
def test_a_whole_round(name):
    told = Told(name)
    assert encode(told.terms) == un(told.data["terms_encoded"])
    assert told.terms.digest == un(told.data["terms_name"])
    nodes = [told.node(at) for at in range(len(told.nodes))]
    run = run_with_the_products_coordinator(nodes, told.coordinator(), *told.given())
    for step, said in told.data["sent"].items():
        assert {str(at) for at in run.sent[step]} == set(said)
        assert all(run.sent[step][at] == told.sent(step, at) for at in run.sent[step]), step
    for step in ("listing", "delivery"):
        assert run.letters[step][0] == told.letter(step)
        digests = {str(at): digest(letter).hex() for at, letter in run.letters[step].items()}
        assert digests == told.data["letters_sha256"][step]
    assert [getattr(run, step).hex() for step in ("proposal", "unanimity", "result")] == [
        told.data[step] for step in ("proposal", "unanimity", "result")
    ]
    assert run.total == told.data["total"]


@pytest.mark.clause(
    "TERMS-5", "TERMS-6", "TERMS-7", "TERMS-8", "ENC-2", "ENC-4", "KEY-4", "DEAL-1", "DEAL-2", "DEAL-6",
    "AGREE-2", "AGREE-3", "AGREE-6", "STORE-4",
)  # fmt: skip
@pytest.mark.parametrize("name", files("letter"))
def test_a_node_refuses_a_broken_letter_and_goes_on_as_if_nothing_had_happened(name):
    case, told = read(name), Told("round_4_nodes.json")
    at, node = case["receiver"], told.node(case["receiver"])
    node.advert(told.heads[at])
    for step in case["told"]:
        told.tell(node, at, step, told.letter(step))
    before = encode(node.state)
    with pytest.raises((PeerError, Refusal)) as caught:
        told.tell(node, at, case["step"], un(case["letter"]))
    refused = caught.value.reason if isinstance(caught.value, Refusal) else type(caught.value).__name__
    assert refused == case["refused"]
    assert encode(node.state) == before
    if case["step"] in case["told"]:
        return
    answer = told.tell(node, at, case["step"], told.letter(case["step"]))
    after = {"listing": "dealing", "delivery": "upload", "proposal": "agreement", "unanimity": "reveal"}
    assert answer == told.sent(after[case["step"]], at)


@pytest.mark.parametrize("name", files("letter"))
def test_the_reference_refuses_it_too_and_for_the_clause_that_the_file_names(name):
    case, told = read(name), Told("round_4_nodes.json")
    at, node = case["receiver"], told.reference_node(case["receiver"])
    node.advert(told.heads[at])
    for step in case["told"]:
        told.tell(node, at, step, told.letter(step))
    with pytest.raises(Refused) as caught:
        told.tell(node, at, case["step"], un(case["letter"]))
    assert str(caught.value).split(":")[0] in case["clauses"]


def when_it_takes(kind: Kind, told: Told) -> Coordinator:
    """The coordinator with everything before that kind of message, and none of these."""
    place = told.coordinator()
    for step in whole_round.STEPS[: whole_round.STEPS.index(kind)]:
        senders = [int(at) for at in told.data["sent"][step]]
        for at in senders:
            place.tell(Arrived(Kind(step), at, *told.sent(step, at)))
        if step == "upload":
            for at in senders:
                place.tell(Polled(at))
            place.close(server.Phase.MASKING, told.terms.deadlines.expires_at)
    return place


@pytest.mark.clause(
    "KEY-4", "ADV-2", "DEAL-5", "MASK-4", "MASK-5", "AGREE-3", "AGREE-6", "REVEAL-1", "REVEAL-3", "STORE-4"
)
@pytest.mark.parametrize("name", files("sender"))
def test_the_coordinator_refuses_a_broken_message_and_takes_the_right_one(name):
    case, told = read(name), Told("round_4_nodes.json")
    kind, sender = Kind(case["kind"]), case["sender"]
    place = when_it_takes(kind, told)
    if kind is Kind.ADVERT and not case["sent_before"]:
        place.tell(Arrived(kind, 2, *told.sent("advert", 2)))
    if case["sent_before"]:
        place.tell(Arrived(kind, sender, *told.sent(kind, sender)))
    before = encode(place.state)
    with pytest.raises(PeerError):
        place.tell(Arrived(kind, sender, un(case["message"]), un(case["attachment"])))
    assert encode(place.state) == before
    if str(sender) in told.data["sent"][kind]:
        place.tell(Arrived(kind, sender, *told.sent(kind, sender)))
        assert place.state.posted(kind)[sender].message == told.sent(kind, sender)[0]


class Liar(ReferenceNode):
    """Follows the protocol, but for the dealing of the file."""

    dealt: tuple[bytes, bytes]

    def dealing(self, listing: bytes, own_heads: Any) -> tuple[bytes, bytes]:
        super().dealing(listing, own_heads)
        self.node.kept["dealing"] = self.dealt[0]
        return self.dealt


@pytest.mark.clause("REVEAL-4", "REVEAL-5")
def test_a_dealer_that_is_bound_to_another_seed_than_it_shared_is_proven_to_have_lied():
    case, told = read("round_4_nodes_other_seed.json"), Told("round_4_nodes.json")
    dealer, place = case["dealer"], told.coordinator()
    liar = Liar(told.reference_node(dealer).node)
    liar.dealt = un(case["dealing"]["message"]), un(case["dealing"]["attachment"])
    nodes = [liar if at == dealer else told.node(at) for at in range(len(told.nodes))]
    run = run_with_the_products_coordinator(nodes, place, *told.given())
    assert not run.result
    assert place.state.phase is server.Phase.FAILED
    (convicted,) = [effect for effect in place.effects if isinstance(effect, Convicted)]
    assert convicted.evidence.dealer == dealer
    assert proves(told.terms, convicted.evidence)
