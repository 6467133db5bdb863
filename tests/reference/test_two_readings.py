"""Two readings of docs/protocol.md, the product and the reference, agree byte for byte on random rounds."""

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from samentel.documents.keys import SigningKey
from samentel.secagg import shamir
from tests.reference import keys, product_side
from tests.reference import whole_round as reference
from tests.reference.encoding import RECORDS, Refused, terms_name

pytestmark = pytest.mark.clause(
    "TERMS-2",
    "TERMS-4",
    "ENC-1",
    "ENC-3",
    "ENC-5",
    "ENC-6",
    "ENC-7",
    "KEY-1",
    "KEY-2",
    "KEY-3",
    "KEY-5",
    "KEY-6",
    "KEY-7",
    "KEY-8",
    "KEY-9",
    "ADV-2",
    "DEAL-3",
    "DEAL-5",
    "MASK-2",
    "AGREE-2",
    "AGREE-5",
    "REVEAL-1",
    "REVEAL-4",
    "REVEAL-6",
)

SEEDS = st.integers(0, 2**32 - 1)
SEEDED = settings(  # a seed has no simpler form
    deadline=None, max_examples=20, phases=(Phase.explicit, Phase.reuse, Phase.generate)
)
# A lost upload is what takes most to mend.
LOST = ("advert", "dealing", "upload", "upload", "upload", "reveal")
DAY = 24 * 3600 * 10**6


@dataclass
class Setting:
    """All that a round is given; the same for both readings."""

    seed: int
    terms: Any
    keys: list[bytes]
    counts: dict[int, list[int]]
    heads: dict[int, list[bytes]]
    spent: dict[int, bytes]
    silent: dict[int, str]

    def reference_node(self, at: int) -> reference.Node:
        return reference.Node(self.terms, at, self.keys[at], product_side.stream(f"{self.seed}/{at}"))

    def given(self) -> tuple[Any, ...]:
        return self.counts, self.heads, self.spent, self.silent


def any_setting(seed: int) -> Setting:
    random = Random(seed)
    while True:
        n = random.randint(3, 6)
        silent = dict.fromkeys(random.sample(range(n), random.randint(0, n // 3)), "")
        silent = {at: random.choice(LOST) for at in silent}
        keys = [random.randbytes(32) for _ in range(n + 1)]
        terms = any_terms(random, [SigningKey(key).public.raw for key in keys])
        if can_finish(terms, silent):
            break
    reach = 2 ** (reference.BITS[terms.ring] - 1) // n - 1
    counts = {
        at: [random.choice((0, 3, random.randint(-reach, reach))) for _ in range(terms.cells)]
        for at in range(n)
    }
    return Setting(
        seed,
        terms,
        keys,
        counts,
        {at: [any_head(random) for _ in range(n)] for at in range(n)},
        {at: any_head(random) for at in range(n)},
        silent,
    )


def any_head(random: Random) -> bytes:
    length = random.choice((0, random.randint(1, 2**40 - 1)))
    return length.to_bytes(8, "big") + (random.randbytes(32) if length else bytes(32))


def any_terms(random: Random, public: list[bytes]) -> Any:
    n, start = len(public) - 1, random.randint(0, 2**52)
    levels = [
        RECORDS["level"](f"provincie-{number}", sorted(random.sample(range(n), random.randint(2, n))))
        for number in range(random.choice((0, 0, 1, 2)))
    ]
    return RECORDS["terms"](
        *(random.randbytes(32) for _ in range(3)),
        public[n],
        [RECORDS["member"](f"huis-{at}-é", public[at]) for at in range(n)],
        3,
        random.randint(0, n - 2),
        random.randint(0, 1),
        random.randint(1, 40),
        random.choice(("BITS_32", "BITS_64")),
        levels,
        *(start + days * DAY for days in (1, 2, 3, 9)),
    )


def can_finish(terms: Any, silent: dict[int, str]) -> bool:
    """Whether a round with these losses carries, by the reference's own rules."""
    lost = {step: {at for at, lost in silent.items() if lost == step} for step in reference.STEPS}
    listed = set(range(len(terms.members))) - lost["advert"]
    dealers = listed - lost["dealing"]
    try:
        reference.check_listed(terms, range(len(terms.members)))
        reference.check_listed(terms, listed)
        reference.check_dealt(terms, len(listed), len(dealers))
        reference.check_survivors(terms, dealers, dealers - lost["upload"])
    except Refused:
        return False
    # A dealer that is lost after dealing reveals no share of its own mask key.
    return len(dealers - lost["reveal"]) - bool(lost["upload"]) >= reference.threshold(len(listed))


def seats(setting: Setting, by_product: set[int]) -> list[Any]:
    terms = product_side.product_terms(setting.terms)
    return [
        product_side.ProductNode(
            terms, at, SigningKey(setting.keys[at]), product_side.stream(f"{setting.seed}/{at}")
        )
        if at in by_product
        else product_side.ReferenceNode(setting.reference_node(at))
        for at in range(len(setting.terms.members))
    ]


def agree_on(setting: Setting, by_product: set[int]) -> None:
    terms = product_side.product_terms(setting.terms)
    assert terms.digest == terms_name(setting.terms)
    members = range(len(terms.members))
    alone = reference.run_round(
        [setting.reference_node(at) for at in members], setting.keys[-1], *setting.given()
    )
    place = product_side.Coordinator(terms, SigningKey(setting.keys[-1]))
    mixed = product_side.run_with_the_products_coordinator(
        seats(setting, by_product), place, *setting.given()
    )
    for part in ("sent", "letters", "proposal", "unanimity", "result", "total"):
        assert getattr(alone, part) == getattr(mixed, part), part
    in_sum = alone.sent["upload"]
    assert alone.total == [sum(setting.counts[at][cell] for at in in_sum) for cell in range(terms.cells)]


@given(SEEDS)
@SEEDED
def test_product_and_reference_say_the_same_in_every_message(seed):
    setting = any_setting(seed)
    agree_on(setting, set(range(len(setting.terms.members))))


@given(SEEDS)
@SEEDED
def test_they_take_part_in_one_round_side_by_side(seed):
    setting = any_setting(seed)
    members = range(len(setting.terms.members))
    agree_on(setting, set(Random(seed + 1).sample(members, len(members) // 2)))


# Where arithmetic in pieces would go wrong: full and empty pieces, the bit above 2^256, the field's ends.
EDGES = st.sampled_from(
    [
        0,
        1,
        2**32 - 1,
        2**32,
        2**64 - 1,
        2**255,
        2**256 - 1,
        2**256,
        keys.PRIME - 1,
        int("ffffffff00000000" * 4, 16),
    ]
)
ELEMENTS = st.one_of(EDGES, st.integers(0, keys.PRIME - 1))


@pytest.mark.clause("KEY-6")
@given(st.data())
@settings(deadline=None, max_examples=60)
def test_shares_and_secrets_agree_at_the_ends_of_the_field_and_of_the_roster(data):
    positions = sorted(data.draw(st.sets(st.integers(0, 2**16 - 1), min_size=1, max_size=12)))
    threshold = data.draw(st.integers(1, len(positions)))
    secret = data.draw(st.one_of(EDGES, st.integers(0, 2**256 - 1))).to_bytes(33, "big")[-32:]
    drawn = [data.draw(ELEMENTS).to_bytes(49, "big") for _ in range(threshold - 1)]
    one, other = iter(drawn), iter(drawn)
    by_product = shamir.split(secret, threshold, [at + 1 for at in positions], lambda length: next(one))
    by_reference = keys.shares(secret, threshold, positions, lambda length: next(other))
    assert list(by_product.values()) == by_reference
    some = data.draw(st.permutations(positions))[:threshold]
    held = {at: by_reference[positions.index(at)] for at in some}
    assert keys.recovered(held) == secret == shamir.combine({at + 1: share for at, share in held.items()})
