"""A whole round: sections 1 and 4 to 8 of docs/protocol.md.

Noise, clock, ledger and disk are not here: counts come with their noise in them, heads are given. A node is
told letters as bytes, and answers with what it sends: a signed message and the rows or the vector beside it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.reference import keys
from tests.reference.encoding import (
    RECORDS,
    dealers_name,
    decode,
    digest,
    encode,
    lies_under,
    listing_name,
    message_name,
    need,
    opened,
    path,
    root,
    sign,
    terms_name,
)

BITS = {"BITS_32": 32, "BITS_64": 64}
STEPS = ("advert", "dealing", "upload", "agreement", "reveal")
Sent = tuple[bytes, bytes]


@dataclass
class Node:
    """A member: its Ed25519 key (32 raw bytes), its source of random bytes, and what it keeps in a round."""

    terms: Any
    position: int
    key: bytes
    draw: Callable[[int], bytes]
    kept: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = terms_name(self.terms)

    def sign(self, kind: str, *fields: Any) -> bytes:
        return sign(kind, self.key, RECORDS[kind](self.name, self.position, *fields))


def threshold(listed: int) -> int:
    return 2 * listed // 3 + 1  # TERMS-4


def check_dealt(terms: Any, listed: int, dealt: int, clause: str = "TERMS-6") -> None:
    need(dealt >= terms.institutions_min, clause)
    need(dealt - terms.collude_max - terms.absent_max >= 2, clause)
    need(threshold(listed) <= dealt - terms.absent_max, clause)


def check_listed(terms: Any, listed: Collection[int]) -> None:
    check_dealt(terms, len(listed), len(listed), "TERMS-5")
    need(terms.collude_max < 2 * threshold(len(listed)) - len(listed), "TERMS-5")
    check_levels(terms, listed)


def check_survivors(terms: Any, dealers: Collection[int], survivors: Collection[int]) -> None:
    n = len(survivors)
    need(set(survivors) <= set(dealers) and n >= terms.institutions_min, "TERMS-7")
    need(n >= len(dealers) - terms.absent_max and n - terms.collude_max >= 2, "TERMS-7")
    check_levels(terms, survivors)


def check_levels(terms: Any, members: Collection[int]) -> None:
    there = [len(set(level.positions) & set(members)) for level in terms.levels]
    need(all(count >= terms.collude_max + 2 for count in there), "TERMS-8")


def by_position(positions: Sequence[int], values: Sequence[Any], clause: str) -> dict[int, Any]:
    need(list(positions) == sorted(set(positions)) and len(positions) == len(values), clause)
    return dict(zip(positions, values, strict=True))


def rows(data: bytes, count: int) -> list[bytes]:
    """One part a message, all of one length."""
    need(count > 0 and len(data) % count == 0, "ENC-2")
    size = len(data) // count
    return [data[at * size : (at + 1) * size] for at in range(count)]


def of_member(terms: Any, name: bytes, kind: str, sender: int, signed: bytes) -> Any:
    """ENC-4."""
    need(sender < len(terms.members), "ENC-4")
    message = opened(kind, terms.members[sender].key, signed)
    need((message.terms, message.sender) == (name, sender), "ENC-4")
    return message


def advertise(node: Node, heads_seen: Sequence[bytes]) -> Sent:
    channel, mask, seed = node.draw(32), node.draw(32), node.draw(32)  # ADV-1
    advert = node.sign("advert", keys.public(channel), keys.public(mask), root(heads_seen))  # ADV-2
    node.kept = {"channel": channel, "mask": mask, "seed": seed, "advert": advert}
    return advert, b"".join(heads_seen)


def share(node: Node, listing: bytes, own_heads: Collection[bytes]) -> Sent:
    """`own_heads`: every head that this node's ledger ever had, the empty one too."""
    terms, kept, letter = node.terms, node.kept, decode("listing", listing)
    signed = by_position(letter.positions, letter.adverts, "DEAL-1")
    check_listed(terms, signed)
    adverts = {at: of_member(terms, node.name, "advert", at, it) for at, it in signed.items()}
    need(signed.get(node.position) == kept["advert"], "DEAL-1")
    public = [key for it in adverts.values() for key in (it.channel, it.mask)]
    need(len(set(public)) == len(public), "KEY-4")
    shown = zip(signed, rows(letter.heads, len(signed)), rows(letter.steps, len(signed)), strict=True)
    for at, head, steps in shown:
        above = adverts[at].heads
        need(lies_under(above, head, node.position, len(terms.members), steps), "DEAL-2: not the signed one")
        need(head in own_heads, "DEAL-2: never written")
    derive_keys(node, adverts)
    return deal(node, list(signed), listing_name(node.name, letter.adverts))


def derive_keys(node: Node, adverts: Mapping[int, Any]) -> None:
    """KEY-2, KEY-3. No private key is needed after this (DEAL-4), but for the sharing of the mask key."""
    name, own, kept = node.name, node.position, node.kept
    channel = kept.pop("channel")
    kept["out"] = {at: keys.channel(name, own, at, channel, it.channel) for at, it in adverts.items()}
    kept["in"] = {at: keys.channel(name, at, own, channel, it.channel) for at, it in adverts.items()}
    kept["pairs"] = {
        at: keys.pair(name, own, at, kept["mask"], it.mask) for at, it in adverts.items() if at != own
    }


def deal(node: Node, listed: list[int], listing: bytes) -> Sent:
    """DEAL-3."""
    name, own, kept, t = node.name, node.position, node.kept, threshold(len(listed))
    of_seed = keys.shares(kept["seed"], t, listed, node.draw)
    of_key = keys.shares(kept.pop("mask"), t, listed, node.draw)
    entries = [
        keys.entry(kept["out"][at], keys.entry_header(name, own, at, listing), one, other)
        for at, one, other in zip(listed, of_seed, of_key, strict=True)
    ]
    commitment = keys.seed_commitment(name, own, kept["seed"])
    dealing = node.sign("dealing", listing, len(listed), commitment, root(entries))
    kept |= {"listed": listed, "listing": listing, "dealing": dealing}
    return dealing, b"".join(entries)


def upload(node: Node, delivery: bytes, counts: Sequence[int]) -> Sent:
    """DEAL-6, MASK-2. `counts`: whole numbers, one a cell, with their noise in them."""
    terms, kept, letter = node.terms, node.kept, decode("delivery", delivery)
    listed, signed = kept["listed"], by_position(letter.dealers, letter.dealings, "DEAL-6")
    need(set(signed) <= set(listed), "DEAL-6")
    check_dealt(terms, len(listed), len(signed))
    need(signed.get(node.position) == kept["dealing"], "DEAL-6")
    index, held = listed.index(node.position), {}
    dealt = zip(signed, rows(letter.entries, len(signed)), rows(letter.steps, len(signed)), strict=True)
    for at, row, steps in dealt:
        dealing = of_member(terms, node.name, "dealing", at, signed[at])
        need((dealing.listing, dealing.count) == (kept["listing"], len(listed)), "DEAL-6")
        need(lies_under(dealing.entries, row, index, len(listed), steps), "DEAL-6")
        header = keys.entry_header(node.name, at, node.position, kept["listing"])
        held[at] = keys.opened_entry(kept["in"][at], header, row)
    vector = keys.to_bytes(masked(node, list(signed), counts), BITS[terms.ring])
    name = dealers_name(kept["listing"], letter.dealings)
    node.kept = {"held": held, "dealers": name, "vector": digest(vector)}  # MASK-3: no mask key is left
    return node.sign("upload", name, digest(vector), len(vector)), vector


def masked(node: Node, dealers: Sequence[int], counts: Sequence[int]) -> list[int]:
    """MASK-2."""
    bits, cells = BITS[node.terms.ring], node.terms.cells
    own_mask = keys.mask(keys.self_mask(node.name, node.position, node.kept["seed"]), bits, cells)
    total = added(counts, own_mask, 1)
    for at in dealers:
        if at != node.position:
            total = added(
                total, keys.mask(node.kept["pairs"][at], bits, cells), 1 if at > node.position else -1
            )
    return total


def added(vector: Sequence[int], other: Sequence[int], sign_of_it: int) -> list[int]:
    return [a + sign_of_it * b for a, b in zip(vector, other, strict=True)]


def agree(node: Node, proposal: bytes, head: bytes) -> Sent | None:
    """AGREE-2 to AGREE-5. `head`: of its own ledger, SPENT on it. A helper has nothing to say."""
    terms, kept = node.terms, node.kept
    need("set" not in kept, "AGREE-3")
    message = opened("proposal", terms.coordinator, proposal)
    need((message.terms, message.dealers) == (node.name, kept["dealers"]), "AGREE-2")
    positions = [it.position for it in message.survivors]
    vectors = by_position(positions, [it.vector for it in message.survivors], "AGREE-2")
    check_survivors(terms, kept["held"], positions)
    need(vectors.get(node.position, kept["vector"]) == kept["vector"], "AGREE-2")
    kept |= {"set": message_name("proposal", message), "survivors": positions}
    return (node.sign("agreement", kept["set"], head), b"") if node.position in vectors else None


def reveal(node: Node, unanimity: bytes) -> Sent:
    kept, agreements = node.kept, decode("unanimity", unanimity).agreements
    survivors, held = kept["survivors"], kept["held"]
    for at, signed in by_position(survivors, agreements, "AGREE-6").items():
        need(of_member(node.terms, node.name, "agreement", at, signed).survivors == kept["set"], "AGREE-6")
    lost = asked_keys(held, survivors, node.position)
    seeds, of_keys = b"".join(held[at][0] for at in survivors), b"".join(held[at][1] for at in lost)
    del kept["held"]  # REVEAL-2
    return node.sign("reveal", kept["set"], seeds, of_keys), b""


def asked_keys(dealers: Collection[int], survivors: Collection[int], sender: int) -> list[int]:
    """REVEAL-1: whose mask key shares a sender reveals."""
    return [at for at in sorted(dealers) if at not in survivors and at != sender]


def bundle(kind: str, posted: Mapping[int, Sent], count: int, index: int) -> bytes:
    """A listing or a delivery: every message, and beside each the receiver's row out of `count`."""
    tables = [rows(posted[at][1], count) for at in sorted(posted)]
    shown, steps = [table[index] for table in tables], [path(table, index) for table in tables]
    signed = [posted[at][0] for at in sorted(posted)]
    return encode(RECORDS[kind](sorted(posted), signed, b"".join(shown), b"".join(steps)))


def propose(terms: Any, key: bytes, dealings: Mapping[int, Sent], uploads: Mapping[int, Sent]) -> bytes:
    """AGREE-1."""
    dealers = dealers_name(
        decode("dealing", next(iter(dealings.values()))[0][64:]).listing,
        [dealings[at][0] for at in sorted(dealings)],
    )
    survivors = [RECORDS["survivor"](at, digest(uploads[at][1])) for at in sorted(uploads)]
    return sign("proposal", key, RECORDS["proposal"](terms_name(terms), dealers, survivors))


def revealed(terms: Any, sent: Mapping[str, Mapping[int, Sent]]) -> dict[int, dict[int, bytes]]:
    """REVEAL-3: by dealer, the shares that its helpers hold: of a survivor's seed, of another's mask key."""
    listed, dealers, survivors = sorted(sent["advert"]), sorted(sent["dealing"]), sorted(sent["agreement"])
    name = terms_name(terms)
    listing = listing_name(name, [sent["advert"][at][0] for at in listed])
    held: dict[int, dict[int, bytes]] = {at: {} for at in dealers}
    for sender, (signed, _) in sent["reveal"].items():
        message, lost = (
            of_member(terms, name, "reveal", sender, signed),
            asked_keys(dealers, survivors, sender),
        )
        need((len(message.seeds), len(message.keys)) == (33 * len(survivors), 33 * len(lost)), "REVEAL-3")
        for which, of, data in ((0, survivors, message.seeds), (1, lost, message.keys)):
            for dealer, piece in zip(of, rows(data, len(of)) if of else [], strict=True):
                row = rows(sent["dealing"][dealer][1], len(listed))[listed.index(sender)]
                header = keys.entry_header(name, dealer, sender, listing)
                bound = keys.share_commitment(header, which, piece) == keys.commitments(row)[which]
                need(bound and keys.is_element(piece), "REVEAL-3")
                held[dealer][sender] = piece
    return held


def unmasked(terms: Any, sent: Mapping[str, Mapping[int, Sent]]) -> list[int]:
    """REVEAL-4: the sum over the survivors, as residues."""
    name, bits, t = terms_name(terms), BITS[terms.ring], threshold(len(sent["advert"]))
    survivors, total = sorted(sent["agreement"]), [0] * terms.cells
    adverts = {at: decode("advert", signed[64:]) for at, (signed, _) in sent["advert"].items()}
    for dealer, held in revealed(terms, sent).items():
        need(len(held) >= t, "REVEAL-4")
        secret = keys.recovered(dict(list(held.items())[:t]))
        if dealer in survivors:
            bound = decode("dealing", sent["dealing"][dealer][0][64:]).seed
            need(keys.seed_commitment(name, dealer, secret) == bound, "REVEAL-5")
            total = added(total, keys.words(sent["upload"][dealer][1], bits), 1)
            total = added(total, keys.mask(keys.self_mask(name, dealer, secret), bits, terms.cells), -1)
            continue
        need(keys.public(secret) == adverts[dealer].mask, "REVEAL-5")
        for at in survivors:  # the half of a pair's mask that stands in the survivor's vector
            left = keys.mask(keys.pair(name, dealer, at, secret, adverts[at].mask), bits, terms.cells)
            total = added(total, left, -1 if dealer > at else 1)
    return [it % 2**bits for it in total]


@dataclass
class Round:
    """By kind and position what nodes sent and were sent, what the coordinator signed, and the sum."""

    sent: dict[str, dict[int, Sent]] = field(default_factory=lambda: {step: {} for step in STEPS})
    letters: dict[str, dict[int, bytes]] = field(
        default_factory=lambda: {kind: {} for kind in ("listing", "delivery")}
    )
    proposal: bytes = b""
    unanimity: bytes = b""
    result: bytes = b""
    total: list[int] = field(default_factory=list)


def run_round(
    nodes: Sequence[Node],
    coordinator: bytes,
    counts: Mapping[int, Sequence[int]],
    heads: Mapping[int, Sequence[bytes]],
    spent: Mapping[int, bytes],
    silent: Mapping[int, str],
) -> Round:
    """One round from the adverts to the sum.

    Args:
        nodes: every member, by position.
        coordinator: its Ed25519 key, 32 raw bytes.
        counts: by position, noisy counts, one a cell.
        heads: by position, the ledger heads of 40 bytes that this member has seen, one a member.
        spent: by position, the head of its ledger with SPENT on it.
        silent: by position, which of its messages is lost: advert, dealing, upload or reveal. Without an
            advert or a dealing the member is out; without an upload it still helps.

    Raises:
        Refused: A clause does not hold.
    """
    run, terms = Round(), nodes[0].terms
    sent = run.sent

    def say(at: int, step: str, said: Sent | None) -> None:
        if said is not None and silent.get(at) != step:
            sent[step][at] = said

    for at, node in enumerate(nodes):
        say(at, "advert", advertise(node, heads[at]))
    listed = sorted(sent["advert"])
    for at in listed:
        run.letters["listing"][at] = bundle("listing", sent["advert"], len(nodes), at)
        own_heads = {bytes(40), *(heads[of][at] for of in heads)}
        say(at, "dealing", share(nodes[at], run.letters["listing"][at], own_heads))
    dealers = sorted(sent["dealing"])
    for index, at in enumerate(listed):
        if at in dealers:
            run.letters["delivery"][at] = bundle("delivery", sent["dealing"], len(listed), index)
            say(at, "upload", upload(nodes[at], run.letters["delivery"][at], counts[at]))
    run.proposal = propose(terms, coordinator, sent["dealing"], sent["upload"])
    for at in dealers:
        say(at, "agreement", agree(nodes[at], run.proposal, spent[at]))
    run.unanimity = encode(RECORDS["unanimity"]([signed for signed, _ in sent["agreement"].values()]))
    for at in dealers:
        say(at, "reveal", reveal(nodes[at], run.unanimity))
    total, bits = unmasked(terms, sent), BITS[terms.ring]
    named = message_name("proposal", decode("proposal", run.proposal[64:]))
    result = RECORDS["result"](terms_name(terms), named, digest(keys.to_bytes(total, bits)))  # REVEAL-6
    run.result, run.total = sign("result", coordinator, result), keys.centred(total, bits)
    return run
