"""The product and the committed test vectors: what is good comes out the same, what is broken is refused."""

import json
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from samentel.documents.keys import SigningKey
from samentel.errors import PeerError
from samentel.secagg import tree
from samentel.secagg.dealing import commitment, entry_header
from samentel.secagg.encoding import encode
from samentel.secagg.masks import channel_key, label, pair_keys, seed_commitment, seed_key
from samentel.secagg.messages import (
    Advert,
    Agreement,
    Dealing,
    Kind,
    Proposal,
    Result,
    Reveal,
    Upload,
    hear_from,
    name_of,
    parse,
    sign,
)
from samentel.secagg.primitives import add_mask, agree, agreement_public, encrypt
from samentel.secagg.ring import Ring, centred, from_wire, to_residues, to_wire
from samentel.secagg.shamir import combine, split
from tests.vectors.generate import texts

HERE = Path(__file__).parent
KINDS = {kind.kind: kind for kind in (Advert, Dealing, Upload, Proposal, Agreement, Reveal, Result)}
un = bytes.fromhex


def read(name: str) -> Any:
    return json.loads((HERE / f"{name}.json").read_text("utf-8"))


def named(terms: str) -> Any:
    """Terms of which nothing but the name is asked."""
    return SimpleNamespace(digest=un(terms))


def test_the_files_are_what_the_reference_generates():
    fresh = texts()
    assert sorted(fresh) == sorted(path.name for path in HERE.glob("*.json"))
    different = [name for name, text in fresh.items() if (HERE / name).read_bytes() != text.encode()]
    assert not different, "python -m tests.vectors.generate"
    assert sum(len(text) for text in fresh.values()) < 200_000


def test_every_file_names_clauses_of_the_page():
    page = (HERE.parents[1] / "docs/protocol.md").read_text("utf-8")
    for path in HERE.glob("*.json"):
        data = json.loads(path.read_text("utf-8"))
        assert data["meaning"].endswith(".")
        assert data["clauses"]
        assert [clause for clause in data["clauses"] if f"**{clause}**" not in page] == [], path.name


@pytest.mark.clause("KEY-1", "KEY-2", "KEY-3")
def test_hkdf_labels():
    data = read("hkdf_labels")
    terms, secret = named(data["terms"]), un(data["secret"])
    made = {
        "channel": lambda dealer, receiver: channel_key(secret, terms, dealer, receiver),
        "self-mask": lambda owner: seed_key(secret, terms, owner),
    }
    for case in data["cases"]:
        assert label(case["purpose"], terms, *case["positions"]) == un(case["label"])
        if case["purpose"] in made:
            assert made[case["purpose"]](*case["positions"]) == un(case["key"])
    assert len({case["key"] for case in data["cases"]}) == len(data["cases"])


@pytest.mark.clause("KEY-2", "KEY-3")
def test_key_agreement():
    data = read("key_agreement")
    terms, at = named(data["terms"]), data["positions"]
    private, public = [un(key) for key in data["private"]], [un(key) for key in data["public"]]
    assert [agreement_public(key) for key in private] == public
    for own, other in ((0, 1), (1, 0)):
        (secret,) = agree(private[own], [public[other]])
        assert secret == un(data["shared"])
        assert channel_key(secret, terms, *at) == un(data["channel"])
        assert channel_key(secret, terms, *reversed(at)) == un(data["channel_back"])
        keys = pair_keys(private[own], {at[other]: public[other]}, terms, at[own])
        assert keys == {at[other]: un(data["pair"])}


@pytest.mark.clause("KEY-4")
def test_key_low_order():
    data = read("key_low_order")
    for public in data["public"]:
        with pytest.raises(PeerError):
            agree(un(data["private"]), [un(public)])


@pytest.mark.clause("KEY-5")
def test_masks():
    for case in read("masks")["cases"]:
        vector = np.zeros(20_000, dtype=Ring(case["bits"]).dtype)
        add_mask(vector, un(case["key"]))
        assert vector[:7].tolist() == case["mask"]
        assert sha256(to_wire(vector)).hexdigest() == case["sha256_of_20000_words"]


@pytest.mark.clause("KEY-9")
def test_vectors():
    for case in read("vectors")["cases"]:
        ring, counts = Ring(case["bits"]), np.array(case["counts"], dtype=np.int64)
        assert to_wire(to_residues(counts, ring)) == un(case["bytes"])
        back = centred(from_wire(un(case["bytes"]), len(counts), ring), ring)
        assert back.tolist() == case["counts"]


@pytest.mark.clause("KEY-6")
def test_shamir():
    for case in read("shamir")["cases"]:
        random = un(case["random"])
        left = [random[at : at + 49] for at in range(0, len(random), 49)]
        points = [position + 1 for position in case["positions"]]
        dealt = split(un(case["secret"]), case["threshold"], points, lambda length, left=left: left.pop(0))
        assert [share.hex() for share in dealt.values()] == case["shares"]
        some = dict(list(dealt.items())[-case["threshold"] :])
        assert combine(some) == un(case["secret"])


@pytest.mark.clause("KEY-6", "REVEAL-5")
def test_shamir_bad_share():
    data = read("shamir_bad_share")

    def shares(case: Any) -> dict[int, bytes]:
        return {at + 1: un(share) for at, share in zip(case["positions"], case["shares"], strict=True)}

    for case in data["cases"]:
        with pytest.raises(ValueError, match=r"field|secret"):
            combine(shares(case))
    try:
        wrong = combine(shares(data["another"])).hex()
    except ValueError:
        wrong = ""
    assert wrong != data["another"]["secret_is_not"]


@pytest.mark.clause("ENC-5")
def test_tree():
    data = read("tree")
    for case in data["cases"]:
        rows, count = un("".join(data["rows"][: case["rows"]])), case["rows"]
        assert tree.root(rows, 40) == un(case["root"])
        for at, steps in enumerate(case["paths"]):
            assert tree.path(rows, 40, at) == un(steps)
            assert tree.root_of(rows[40 * at : 40 * at + 40], at, count, un(steps)) == un(case["root"])


@pytest.mark.clause("ENC-5")
def test_tree_bad_path():
    data = read("tree_bad_path")
    for case in data["cases"]:
        try:
            above = tree.root_of(un(case["row"]), case["index"], case["rows"], un(case["path"]))
        except ValueError:
            continue
        assert above != un(data["root"]), case["fault"]


@pytest.mark.clause("KEY-7", "KEY-8")
def test_entry():
    data = read("entry")
    terms, listing, key = named(data["terms"]), un(data["listing"]), un(data["key"])
    header = entry_header(terms, listing, data["dealer"], data["receiver"])
    assert header == un(data["header"])
    pair = [un(share) for share in data["shares"]]
    sealed = encrypt(key, b"".join(pair), header)
    bound = b"".join(commitment(header, which, share) for which, share in enumerate(pair))
    assert sealed + bound == un(data["entry"])
    assert seed_commitment(un(data["seed"]), terms, data["dealer"]) == un(data["seed_commitment"])


@pytest.mark.clause("ENC-1", "ENC-3", "ENC-7")
def test_message_digests():
    data = read("message_digests")
    for case in data["cases"]:
        signed = un(case["signed"])
        message = parse(KINDS[case["kind"]], signed)
        assert plain(message) == case["fields"]
        assert encode(message) == un(case["encoded"])
        assert name_of(Kind(case["kind"]), signed) == un(case["name"])
        assert sign(message, SigningKey(un(data["key"]))) == signed
    assert {case["kind"] for case in data["cases"]} == {str(kind) for kind in Kind}


def plain(value: Any) -> Any:
    """A message of the product as its JSON."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__slots__}
    return value


@pytest.mark.clause("ENC-2")
def test_message_bad_bytes():
    for case in read("message_bad_bytes")["cases"]:
        with pytest.raises(PeerError, match="not well formed"):
            parse(KINDS[case["kind"]], bytes(64) + un(case["body"]))


@pytest.mark.clause("ENC-3", "ENC-4")
def test_message_bad_signature():
    data = read("message_bad_signature")
    terms: Any = named(data["terms"])
    terms.key = lambda position: SigningKey(un(data["key"])).public
    for case in data["cases"]:
        with pytest.raises(PeerError):
            hear_from(data["sender"], Advert, un(case["signed"]), terms)
