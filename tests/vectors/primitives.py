"""Test vectors of the parts: keys, masks, shares, trees, messages. By the reference, from made-up inputs."""

from hashlib import sha256, shake_256
from typing import Any

from tests.reference import encoding, keys
from tests.reference.encoding import RECORDS

TERMS = sha256(b"made-up terms").digest()
LISTING = sha256(b"made-up list").digest()


def made_up(name: str, length: int = 32) -> bytes:
    return shake_256(f"made up: {name}".encode()).digest(length)


def file(meaning: str, clauses: str, **content: Any) -> dict[str, Any]:
    """A file of vectors: what it means in a sentence, which clauses it shows, and the content."""
    return {"meaning": meaning, "clauses": clauses.split(), **content}


def plain(value: Any) -> Any:
    """Bytes as hex, records by field: as JSON has them."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return {name: plain(part) for name, part in value._asdict().items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def labels() -> dict[str, Any]:
    secret = made_up("a shared secret")
    asked = [
        ("channel", [0, 1]),
        ("channel", [1, 0]),
        ("channel", [2, 2]),
        ("pair-mask", [0, 1]),
        ("pair-mask", [3, 999]),
    ]
    asked += [("self-mask", [0]), ("self-mask", [999])]
    cases = []
    for purpose, positions in asked:
        label = keys.label(purpose, TERMS, *positions)
        key = keys.derived(secret, label)
        cases.append({"purpose": purpose, "positions": positions, "label": label.hex(), "key": key.hex()})
    return file(
        "HKDF gives another key for each purpose, pair and direction.",
        "KEY-1 KEY-2 KEY-3",
        terms=TERMS.hex(),
        secret=secret.hex(),
        cases=cases,
    )


def agreements() -> dict[str, Any]:
    one, other = made_up("one private key"), made_up("another private key")
    return file(
        "Two members find the same channel and mask keys, each from its own side.",
        "KEY-2 KEY-3",
        terms=TERMS.hex(),
        positions=[3, 1],
        private=[one.hex(), other.hex()],
        public=[keys.public(one).hex(), keys.public(other).hex()],
        shared=keys.shared(one, keys.public(other)).hex(),
        channel=keys.channel(TERMS, 3, 1, one, keys.public(other)).hex(),
        channel_back=keys.channel(TERMS, 1, 3, one, keys.public(other)).hex(),
        pair=keys.pair(TERMS, 3, 1, one, keys.public(other)).hex(),
    )


# RFC 7748, section 7, and the orders 1, 2, 4 and 8: with these every secret is zero.
LOW_ORDER = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
)


def low_order() -> dict[str, Any]:
    return file(
        "A public key of low order is refused, whatever the private key.",
        "KEY-4",
        private=made_up("one private key").hex(),
        public=list(LOW_ORDER),
    )


def masks() -> dict[str, Any]:
    cases = []
    for bits in (32, 64):
        key = made_up(f"a mask key for {bits} bits")
        long = keys.to_bytes(keys.mask(key, bits, 20_000), bits)
        cases.append(
            {
                "key": key.hex(),
                "bits": bits,
                "mask": keys.mask(key, bits, 7),
                "sha256_of_20000_words": sha256(long).hexdigest(),
            }
        )
    return file("A mask is the AES-256-CTR key stream, read as little-endian words.", "KEY-5", cases=cases)


def vectors() -> dict[str, Any]:
    cases = []
    for bits in (32, 64):
        top = 2 ** (bits - 1)
        counts = [0, 1, -1, 250, -250, top - 1, -top]
        cases.append({"bits": bits, "counts": counts, "bytes": keys.to_bytes(counts, bits).hex()})
    return file("Counts become residues, and come back as the residue nearest to zero.", "KEY-9", cases=cases)


def shamir() -> dict[str, Any]:
    cases = []
    for threshold, positions in ((1, [0]), (3, [0, 1, 2]), (3, [0, 2, 3, 9]), (5, [1, 2, 3, 4, 5, 9999])):
        secret, random = made_up(f"a secret of {threshold}"), made_up("coefficients", 49 * (threshold - 1))
        pieces = [random[at : at + 49] for at in range(0, len(random), 49)]
        dealt = keys.shares(secret, threshold, positions, lambda length, left=pieces: left.pop(0))
        cases.append(
            {
                "secret": secret.hex(),
                "threshold": threshold,
                "positions": positions,
                "random": random.hex(),
                "shares": plain(dealt),
            }
        )
    return file("Any t shares give the secret, over the prime 2^256 + 297.", "KEY-6", cases=cases)


def shamir_bad_share() -> dict[str, Any]:
    good = shamir()["cases"][1]
    other = made_up("not a share", 33)
    prime = keys.PRIME.to_bytes(33, "big")
    # The one polynomial of degree 0 through 2^256: a sum that no secret of 32 bytes has.
    beyond = (2**256).to_bytes(33, "big")
    cases = [
        {"fault": "outside the field", "positions": [0, 1, 2], "shares": [*good["shares"][:2], prime.hex()]},
        {"fault": "one byte short", "positions": [0, 1, 2], "shares": [*good["shares"][:2], other[1:].hex()]},
        {"fault": "the secret has more than 256 bits", "positions": [4], "shares": [beyond.hex()]},
    ]
    wrong = {"positions": [0, 1, 2], "shares": [*good["shares"][:2], (b"\0" + other[1:]).hex()]}
    return file(
        "Shares that cannot belong to one secret are refused; one that is merely wrong gives another secret.",
        "KEY-6 REVEAL-5",
        cases=cases,
        another={**wrong, "secret_is_not": good["secret"]},
    )


def trees() -> dict[str, Any]:
    cases = []
    for count in (1, 2, 3, 5, 8):
        rows = [made_up(f"row {at}", 40) for at in range(count)]
        paths = [encoding.path(rows, at).hex() for at in range(count)]
        cases.append({"rows": count, "root": encoding.root(rows).hex(), "paths": paths})
    rows = [made_up(f"row {at}", 40).hex() for at in range(8)]
    return file(
        "Roots and paths of hash trees over the first so many of these rows.", "ENC-5", rows=rows, cases=cases
    )


def tree_bad_path() -> dict[str, Any]:
    rows = [made_up(f"row {at}", 40) for at in range(5)]
    path, last = encoding.path(rows, 2), encoding.path(rows, 4)
    cases = [
        ("another row", rows[3], 2, 5, path),
        ("another index", rows[2], 3, 5, path),
        ("another number of rows", rows[2], 2, 4, path),
        ("a step too few", rows[2], 2, 5, path[:-32]),
        ("a step too many", rows[2], 2, 5, path + bytes(32)),
        ("steps in another order", rows[2], 2, 5, path[32:64] + path[:32] + path[64:]),
        ("a sibling where there is none", rows[4], 4, 5, bytes(32) + last),
        ("an inner node as a row", b"\x01" + path[:39], 0, 5, path),
        ("an index outside the tree", rows[4], 5, 5, last),
    ]
    return file(
        "What does not lie under the root is refused.",
        "ENC-5",
        root=encoding.root(rows).hex(),
        cases=[
            {"fault": fault, "row": row.hex(), "index": index, "rows": count, "path": steps.hex()}
            for fault, row, index, count, steps in cases
        ],
    )


def entry() -> dict[str, Any]:
    key, pair = made_up("a channel key"), [b"\0" + made_up("a seed share"), b"\0" + made_up("a key share")]
    header = keys.entry_header(TERMS, 2, 5, LISTING)
    return file(
        "An entry is two sealed shares and a commitment to each, bound to terms, list, dealer, receiver.",
        "KEY-7",
        terms=TERMS.hex(),
        listing=LISTING.hex(),
        dealer=2,
        receiver=5,
        key=key.hex(),
        shares=plain(pair),
        header=header.hex(),
        entry=keys.entry(key, header, *pair).hex(),
        seed_commitment=keys.seed_commitment(TERMS, 2, made_up("a seed")).hex(),
        seed=made_up("a seed").hex(),
    )


def messages() -> list[tuple[str, Any]]:
    """One of each kind."""
    digests = [made_up(f"digest {at}") for at in range(4)]
    survivors = [RECORDS["survivor"](at, digests[at % 4]) for at in (0, 2, 300)]
    values = {
        "advert": (5, *digests[:3]),
        "dealing": (5, digests[0], 12, digests[1], digests[2]),
        "upload": (0, digests[0], digests[1], 2**40 + 1),
        "proposal": (digests[0], survivors),
        "agreement": (5, digests[0], (7).to_bytes(8, "big") + digests[1]),
        "reveal": (5, digests[0], made_up("seed shares", 66), b""),
        "result": (digests[0], digests[1]),
    }
    return [(kind, RECORDS[kind](TERMS, *fields)) for kind, fields in values.items()]


def message_digests() -> dict[str, Any]:
    key = made_up("a signing key")
    cases = [
        {
            "kind": kind,
            "fields": plain(message),
            "encoded": encoding.encode(message).hex(),
            "name": encoding.message_name(kind, message).hex(),
            "signed": encoding.sign(kind, key, message).hex(),
        }
        for kind, message in messages()
    ]
    return file(
        "One message of each kind: its canonical bytes, its name, and how it travels.",
        "ENC-1 ENC-3 ENC-7",
        key=key.hex(),
        cases=cases,
    )


def message_bad_bytes() -> dict[str, Any]:
    """Bytes that no value has, after a signature that holds: each has to be refused while it is read."""
    cases = []
    for kind, message in messages():
        body = encoding.encode(message)
        faults = {"a byte is left over": body + b"\0", "a byte is missing": body[:-1], "nothing": b""}
        if kind == "advert":
            faults["terms of 31 bytes"] = (31).to_bytes(4, "big") + body[5:]
            faults["an integer of 2^63"] = body[:36] + (2**63).to_bytes(8, "big") + body[44:]
        if kind == "proposal":
            faults["more survivors than bytes"] = body[:72] + b"\xff" * 4 + body[76:]
        if kind == "agreement":
            faults["a head of 39 bytes"] = body[:80] + (39).to_bytes(4, "big") + body[85:]
        if kind == "reveal":
            faults["a length beyond the end"] = body[:-4] + b"\x00\x00\x00\x01"
        cases += [{"kind": kind, "fault": fault, "body": bad.hex()} for fault, bad in faults.items()]
    return file("Bytes that are not the encoding of any message are refused.", "ENC-2", cases=cases)


def message_bad_signature() -> dict[str, Any]:
    key, other = made_up("a signing key"), made_up("another signing key")
    advert = dict(messages())["advert"]
    reveal = dict(messages())["reveal"]
    good = encoding.sign("advert", key, advert)
    cases = [
        ("another key", encoding.sign("advert", other, advert)),
        ("one bit of the signature", bytes([good[0] ^ 1]) + good[1:]),
        ("one bit of the message", good[:-1] + bytes([good[-1] ^ 1])),
        ("a label of another kind", encoding.sign("upload", key, advert)),
        ("a message of another kind", encoding.sign("reveal", key, reveal)),
        ("other terms", encoding.sign("advert", key, advert._replace(terms=LISTING))),
        ("another sender", encoding.sign("advert", key, advert._replace(sender=4))),
        ("no signature", good[64:]),
        ("nothing", b""),
    ]
    return file(
        "An advert is refused when its signature, its kind, its terms or its sender is not the expected one.",
        "ENC-3 ENC-4",
        terms=TERMS.hex(),
        sender=5,
        key=key.hex(),
        cases=[{"fault": fault, "signed": signed.hex()} for fault, signed in cases],
    )


PRIMITIVES = {
    "hkdf_labels": labels,
    "key_agreement": agreements,
    "key_low_order": low_order,
    "masks": masks,
    "vectors": vectors,
    "shamir": shamir,
    "shamir_bad_share": shamir_bad_share,
    "tree": trees,
    "tree_bad_path": tree_bad_path,
    "entry": entry,
    "message_digests": message_digests,
    "message_bad_bytes": message_bad_bytes,
    "message_bad_signature": message_bad_signature,
}
