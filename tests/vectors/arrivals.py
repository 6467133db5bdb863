"""Broken messages to the coordinator in the round of four, each with the clause that refuses it."""

from collections.abc import Callable
from typing import Any

from tests.reference import encoding, keys, whole_round
from tests.vectors.letters import LIAR, flipped, good, message, signed
from tests.vectors.primitives import LOW_ORDER, file, made_up

Arrival = tuple[str, str, str, int, bytes, bytes]  # meaning, clause, kind, sender, message, attachment


def before_masking() -> dict[str, Arrival]:
    """Adverts and dealings of a lying member."""
    advert, dealing = (good()[1].sent[kind][LIAR] for kind in ("advert", "dealing"))
    again = signed("advert", message("advert", LIAR)._replace(mask=message("advert", 2).mask))
    low = signed("advert", message("advert", LIAR)._replace(channel=bytes.fromhex(LOW_ORDER[0])))
    other_list = signed("dealing", message("dealing", LIAR)._replace(listing=made_up("other list")))
    return {
        "low_order": ("A channel key is a point of low order.", "KEY-4", "advert", LIAR, low, advert[1]),
        "key_twice": ("A mask key is that of another member.", "KEY-4", "advert", LIAR, again, advert[1]),
        "other_heads": (
            "The heads are not those under the signed root.",
            "ADV-2",
            "advert",
            LIAR,
            advert[0],
            flipped(advert[1], 47),
        ),
        "other_listing": (
            "A dealing is for another list.",
            "DEAL-5",
            "dealing",
            LIAR,
            other_list,
            dealing[1],
        ),
        "other_entries": (
            "The entries are not those under the signed root.",
            "DEAL-5",
            "dealing",
            LIAR,
            dealing[0],
            flipped(dealing[1], 200),
        ),
    }


def from_masking_on() -> dict[str, Arrival]:
    """Uploads, agreements and reveals of a lying member."""
    upload = good()[1].sent["upload"][LIAR]
    short = signed("upload", message("upload", LIAR)._replace(length=8))
    helper = signed("agreement", message("agreement", LIAR)._replace(sender=2), 2)
    other_set = signed("agreement", message("agreement", LIAR)._replace(survivors=made_up("another set")))
    shares = message("reveal", LIAR)
    both = shares._replace(keys=shares.keys + shares.keys)
    return {
        "other_vector": (
            "The vector is not the one whose hash is signed.",
            "MASK-4",
            "upload",
            LIAR,
            upload[0],
            flipped(upload[1], 0),
        ),
        "short_vector": ("The vector is too short.", "MASK-4", "upload", LIAR, short, upload[1][:8]),
        "helper_agrees": ("A member outside the set agrees.", "AGREE-3", "agreement", 2, helper, b""),
        "other_set": ("A survivor agrees to another set.", "AGREE-6", "agreement", LIAR, other_set, b""),
        "other_share": (
            "A revealed share is not the one that was dealt.",
            "REVEAL-3",
            "reveal",
            LIAR,
            signed("reveal", shares._replace(seeds=flipped(shares.seeds, 40))),
            b"",
        ),
        "more_shares": (
            "More shares are revealed than the set asks for.",
            "REVEAL-1",
            "reveal",
            LIAR,
            signed("reveal", both),
            b"",
        ),
    }


def second_messages() -> dict[str, Arrival]:
    """Right in every other way; but the sender has sent another before."""
    vector = flipped(good()[1].sent["upload"][LIAR][1], 3)
    again = message("upload", LIAR)._replace(vector=encoding.digest(vector))
    advert = message("advert", LIAR)._replace(channel=keys.public(made_up("another channel key")))
    beside = good()[1].sent["advert"][LIAR][1]
    return {
        "second_advert": (
            "A second, different advert.",
            "MASK-5",
            "advert",
            LIAR,
            signed("advert", advert),
            beside,
        ),
        "second_upload": (
            "A second, different upload.",
            "MASK-5",
            "upload",
            LIAR,
            signed("upload", again),
            vector,
        ),
    }


def arriving(case: Arrival, after: bool) -> dict[str, Any]:
    meaning, clause, kind, sender, text, attachment = case
    return file(
        meaning,
        clause,
        round="round_4_nodes.json",
        sender=sender,
        kind=kind,
        sent_before=after,
        message=text.hex(),
        attachment=attachment.hex(),
        refused="PeerError",
    )


def other_seed() -> dict[str, Any]:
    """The liar commits to another seed than it shares. No receiver sees it; with t shares everybody does."""
    stage, _ = good()
    liar = stage.node(LIAR)
    whole_round.advertise(liar, stage.heads[LIAR])
    own_heads = {bytes(40), *(stage.heads[of][LIAR] for of in stage.heads)}
    _, rows = whole_round.share(liar, good()[1].letters["listing"][LIAR], own_heads)
    name = encoding.terms_name(stage.terms)
    commitment = keys.seed_commitment(name, LIAR, made_up("another seed"))
    forged = message("dealing", LIAR)._replace(seed=commitment)
    return file(
        "A dealer is bound to another seed than it has shared: it is proven, from its own signature.",
        "REVEAL-5",
        round="round_4_nodes.json",
        dealer=LIAR,
        dealing={"message": signed("dealing", forged).hex(), "attachment": rows.hex()},
    )


def _files() -> dict[str, Callable[[], dict[str, Any]]]:
    found: dict[str, Callable[[], dict[str, Any]]] = {"round_4_nodes_other_seed": other_seed}
    for after, cases in ((False, before_masking() | from_masking_on()), (True, second_messages())):
        for name, case in cases.items():
            found[f"round_4_nodes_coordinator_{name}"] = lambda after=after, case=case: arriving(case, after)
    return found


ARRIVALS = _files()
