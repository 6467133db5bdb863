"""Broken letters to a node in the round of four, each with the clause that refuses it. Made by the reference.

Each is forged with the keys of whoever would have to lie: the coordinator, or a member. Whatever this liar
can make right is right, so that one clause alone stands in the way.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from tests.reference import encoding, keys, whole_round
from tests.reference.encoding import RECORDS, decode, encode, sign
from tests.reference.whole_round import Round, Sent, bundle
from tests.vectors.primitives import LOW_ORDER, file, made_up
from tests.vectors.rounds import Staged, four, head

RECEIVER = 0
LIAR = 1
TOLD = {
    "listing": (),
    "delivery": ("listing",),
    "proposal": ("listing", "delivery"),
    "unanimity": ("listing", "delivery", "proposal"),
}


@cache
def good() -> tuple[Staged, Round]:
    stage = four()
    return stage, stage.run()


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def message(kind: str, at: int) -> Any:
    """A good message, to be changed."""
    return decode(kind, good()[1].sent[kind][at][0][64:])


def signed(kind: str, value: Any, signer: int = LIAR) -> bytes:
    return sign(kind, good()[0].keys[signer], value)


def listing(**forged: Any) -> bytes:
    """The receiver's listing with the liar's advert changed."""
    advert = message("advert", LIAR)._replace(**forged)
    return listing_with({LIAR: (signed("advert", advert), good()[1].sent["advert"][LIAR][1])})


def listing_with(changed: Mapping[int, Sent]) -> bytes:
    return bundle("listing", good()[1].sent["advert"] | dict(changed), 4, RECEIVER)


def reordered(kind: str, letter: bytes) -> bytes:
    """The first two of a letter's messages change places, with all that belongs to them."""
    value = decode(kind, letter)
    count = len(value[-1]) if kind in ("proposal", "unanimity") else len(value[0])
    order = [1, 0, *range(2, count)]

    def turned(part: Any) -> Any:
        if isinstance(part, list):
            return [part[at] for at in order]
        return b"".join(whole_round.rows(part, count)[at] for at in order)

    return encode(RECORDS[kind](*(turned(part) for part in value)))


def listings() -> dict[str, tuple[str, str, bytes]]:
    run = good()[1]
    own, other = message("advert", RECEIVER), message("advert", 2)
    heads = run.sent["advert"][LIAR][1]
    later = [head(9, "a head that was never written"), *whole_round.rows(heads, 4)[1:]]
    late_advert = message("advert", LIAR)._replace(heads=encoding.root(later))
    right = decode("listing", run.letters["listing"][RECEIVER])
    own_again = signed("advert", own._replace(channel=keys.public(made_up("of a copy"))), RECEIVER)
    few = {at: run.sent["advert"][at] for at in (RECEIVER, LIAR)}
    return {
        "bad_listing_order": ("Positions do not ascend.", "DEAL-1", reordered("listing", encode(right))),
        "bad_listing_too_few": ("Two adverts are no list.", "TERMS-5", bundle("listing", few, 4, RECEIVER)),
        "bad_listing_foreign_signature": (
            "An advert is signed by another member.",
            "ENC-4",
            listing_with({LIAR: (signed("advert", message("advert", LIAR), 2), heads)}),
        ),
        "bad_listing_own_advert": (
            "The receiver's own advert is not the one it sent, though its key signed it.",
            "DEAL-1",
            listing_with({RECEIVER: (own_again, run.sent["advert"][RECEIVER][1])}),
        ),
        "bad_listing_key_twice": (
            "A public key stands twice, as two kinds.",
            "KEY-4",
            listing(channel=other.mask),
        ),
        "bad_listing_low_order": (
            "A mask key is a point of low order.",
            "KEY-4",
            listing(mask=bytes.fromhex(LOW_ORDER[2])),
        ),
        "bad_listing_head": (
            "A ledger head is not the one under its sender's root.",
            "DEAL-2",
            encode(right._replace(heads=flipped(right.heads, 47))),
        ),
        "bad_listing_later_head": (
            "A member has signed a head of the receiver's ledger that the ledger never had.",
            "DEAL-2",
            listing_with({LIAR: (signed("advert", late_advert), b"".join(later))}),
        ),
        "bad_listing_byte_left_over": ("A byte is left over.", "ENC-2", encode(right) + b"\0"),
    }


def delivery(rows: list[bytes] | None = None, **forged: Any) -> bytes:
    """The receiver's delivery with the liar's dealing changed, and its entries if so asked."""
    beside = b"".join(rows) if rows else good()[1].sent["dealing"][LIAR][1]
    if rows:
        forged = {"entries": encoding.root(rows), **forged}
    dealing = message("dealing", LIAR)._replace(**forged)
    return delivery_with({LIAR: (signed("dealing", dealing), beside)})


def delivery_with(changed: Mapping[int, Sent]) -> bytes:
    return bundle("delivery", good()[1].sent["dealing"] | dict(changed), 4, RECEIVER)


def entries(change: Callable[[bytes], bytes]) -> list[bytes]:
    """The liar's entries, the receiver's one changed."""
    rows = whole_round.rows(good()[1].sent["dealing"][LIAR][1], 4)
    return [change(rows[RECEIVER]), *rows[1:]]


def dealt_anew(seed_share: bytes) -> list[bytes]:
    """The liar's entries with another seed share for the receiver, well sealed and well committed to."""
    stage, run = good()
    name, private = encoding.terms_name(stage.terms), stage.random[LIAR][:32]
    key = keys.channel(name, LIAR, RECEIVER, private, message("advert", RECEIVER).channel)
    header = keys.entry_header(name, LIAR, RECEIVER, message("dealing", LIAR).listing)
    pair = keys.opened_entry(key, header, whole_round.rows(run.sent["dealing"][LIAR][1], 4)[RECEIVER])
    return entries(lambda _: keys.entry(key, header, seed_share, pair[1]))


def dealings() -> dict[str, tuple[str, str, bytes]]:
    """Deliveries whose dealings are not those that were dealt; the entries are."""
    run = good()[1]
    dealt, own = run.sent["dealing"], message("dealing", RECEIVER)
    right = decode("delivery", run.letters["delivery"][RECEIVER])
    own_again = signed("dealing", own._replace(seed=made_up("another commitment")), RECEIVER)
    few = {at: dealt[at] for at in (0, 1, 3)}
    return {
        "bad_delivery_order": ("Dealers do not ascend.", "DEAL-6", reordered("delivery", encode(right))),
        "bad_delivery_too_few": (
            "Three dealers cannot spare one of four.",
            "TERMS-6",
            bundle("delivery", few, 4, RECEIVER),
        ),
        "bad_delivery_own_dealing": (
            "The receiver's own dealing is not the one it sent, though its key signed it.",
            "DEAL-6",
            delivery_with({RECEIVER: (own_again, dealt[RECEIVER][1])}),
        ),
        "bad_delivery_other_listing": (
            "A dealer was shown another list.",
            "DEAL-6",
            delivery(listing=made_up("other list")),
        ),
        "bad_delivery_other_count": (
            "A dealer counted another number of members.",
            "DEAL-6",
            delivery(count=3),
        ),
        "bad_delivery_foreign_signature": (
            "A dealing is signed by another member.",
            "ENC-4",
            delivery_with({LIAR: (signed("dealing", message("dealing", LIAR), 2), dealt[LIAR][1])}),
        ),
    }


def dealt_entries() -> dict[str, tuple[str, str, bytes]]:
    """Deliveries with an entry that is wrong for the receiver."""
    run = good()[1]
    right = decode("delivery", run.letters["delivery"][RECEIVER])
    unsigned = dealt_anew(bytes(1) + made_up("another seed share"))[RECEIVER]
    return {
        "bad_delivery_unsigned_entry": (
            "An entry is the dealer's, but does not lie under the root that it signed.",
            "DEAL-6",
            encode(right._replace(entries=right.entries[:146] + unsigned + right.entries[292:])),
        ),
        "bad_sealed_share": (
            "An entry does not open.",
            "DEAL-6",
            delivery(entries(lambda row: flipped(row, 5))),
        ),
        "bad_commitment": (
            "The commitment to a seed share is of another share.",
            "DEAL-6",
            delivery(entries(lambda row: flipped(row, 90))),
        ),
        "bad_key_commitment": (
            "The commitment to a key share is of another share.",
            "DEAL-6",
            delivery(entries(lambda row: flipped(row, 145))),
        ),
        "bad_share_outside_field": (
            "A dealt share is no field element.",
            "DEAL-6",
            delivery(dealt_anew(keys.PRIME.to_bytes(33, "big"))),
        ),
        "bad_entry_of_another": (
            "The receiver gets the entry of another.",
            "DEAL-6",
            delivery(entries(lambda row: whole_round.rows(run.sent["dealing"][LIAR][1], 4)[3])),
        ),
    }


def proposal(positions: tuple[int, ...] = (0, 1, 3), signer: int = 4, **forged: Any) -> bytes:
    right = decode("proposal", good()[1].proposal[64:])
    vectors = {it.position: it.vector for it in right.survivors}
    survivors = [RECORDS["survivor"](at, vectors.get(at, made_up(f"a vector of {at}"))) for at in positions]
    return signed("proposal", right._replace(**{"survivors": survivors, **forged}), signer)


def proposals() -> dict[str, tuple[str, str, bytes]]:
    right = decode("proposal", good()[1].proposal[64:])
    other = [
        right.survivors[0]._replace(vector=made_up("a vector that was never sent")),
        *right.survivors[1:],
    ]
    return {
        "bad_proposal_signature": (
            "A member signed it, not the coordinator.",
            "ENC-4",
            proposal(signer=LIAR),
        ),
        "bad_proposal_other_dealers": (
            "It belongs to other dealers.",
            "AGREE-2",
            proposal(dealers=made_up("other dealers")),
        ),
        "bad_proposal_other_terms": (
            "It belongs to other terms.",
            "AGREE-2",
            proposal(terms=made_up("other terms")),
        ),
        "bad_proposal_order": ("Positions do not ascend.", "AGREE-2", proposal((1, 0, 3))),
        "bad_proposal_too_few": (
            "Two are too few for the noise that was drawn.",
            "TERMS-7",
            proposal((0, 1)),
        ),
        "bad_proposal_stranger": ("A survivor has dealt nothing.", "TERMS-7", proposal((0, 1, 3, 4))),
        "bad_proposal_small_level": (
            "Two of a level's members would be left.",
            "TERMS-8",
            proposal((0, 1, 2)),
        ),
        "bad_proposal_other_vector": (
            "Beside the receiver stands another vector than it sent.",
            "AGREE-2",
            proposal(survivors=other),
        ),
    }


def unanimities() -> dict[str, tuple[str, str, bytes]]:
    agreed = good()[1].sent["agreement"]
    right = [agreed[at][0] for at in (0, 1, 3)]
    other = signed("agreement", message("agreement", LIAR)._replace(survivors=made_up("another set")))
    foreign = signed("agreement", message("agreement", 3), LIAR)
    helper = message("agreement", 3)._replace(sender=2)

    def letter(*agreements: bytes) -> bytes:
        return encode(RECORDS["unanimity"](list(agreements)))

    return {
        "unanimity_missing": ("The agreement of one survivor is missing.", "AGREE-6", letter(*right[:2])),
        "unanimity_twice": ("One agreement stands for two.", "ENC-4", letter(right[0], right[1], right[1])),
        "unanimity_other_set": (
            "A survivor has agreed to another set.",
            "AGREE-6",
            letter(right[0], other, right[2]),
        ),
        "unanimity_foreign_signature": (
            "An agreement is signed by another.",
            "ENC-4",
            letter(*right[:2], foreign),
        ),
        "unanimity_of_a_helper": (
            "A helper agrees in the place of a survivor.",
            "ENC-4",
            letter(*right[:2], signed("agreement", helper, 2)),
        ),
        "unanimity_order": (
            "Agreements do not stand in the order of the set.",
            "ENC-4",
            letter(right[1], right[0], right[2]),
        ),
        "unanimity_empty": ("Nobody agrees.", "AGREE-6", letter()),
    }


def to_node(step: str, told: tuple[str, ...], case: tuple[str, str, bytes]) -> dict[str, Any]:
    meaning, clause, letter = case
    refused = "rollback-detected" if "never had" in meaning else "PeerError"
    return file(
        meaning,
        clause,
        round="round_4_nodes.json",
        receiver=RECEIVER,
        told=list(told),
        step=step,
        letter=letter.hex(),
        refused=refused,
    )


def second_set() -> dict[str, Any]:
    case = ("A second set, after the first was agreed to.", "AGREE-3", proposal((0, 1, 2, 3)))
    return to_node("proposal", (*TOLD["proposal"], "proposal"), case)


def _files() -> dict[str, Callable[[], dict[str, Any]]]:
    found: dict[str, Callable[[], dict[str, Any]]] = {"round_4_nodes_second_set": second_set}
    steps = (
        ("listing", listings),
        ("delivery", dealings),
        ("delivery", dealt_entries),
        ("proposal", proposals),
        ("unanimity", unanimities),
    )
    for step, cases in steps:
        for name, case in cases().items():
            found[f"round_4_nodes_{name}"] = lambda step=step, case=case: to_node(step, TOLD[step], case)
    return found


LETTERS = _files()
