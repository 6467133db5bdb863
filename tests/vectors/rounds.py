"""Test vectors of whole rounds. Made by the reference from made-up inputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.reference import encoding, whole_round
from tests.reference.encoding import RECORDS
from tests.vectors.primitives import file, made_up, plain

START = 1_775_030_400_000_000  # 2026-04-01 08:00 UTC, in microseconds
HOUR = 3600 * 10**6


@dataclass
class Staged:
    """A round, its keys and its inputs."""

    terms: Any
    keys: list[bytes]  # of the members by position, then of the coordinator
    random: list[bytes]
    heads: dict[int, list[bytes]]
    counts: dict[int, list[int]]
    spent: dict[int, bytes]
    silent: Mapping[int, str]

    def node(self, at: int) -> whole_round.Node:
        left = bytearray(self.random[at])

        def draw(length: int) -> bytes:
            assert length <= len(left)
            taken = bytes(left[:length])
            del left[:length]
            return taken

        return whole_round.Node(self.terms, at, self.keys[at], draw)

    def run(self) -> whole_round.Round:
        nodes = [self.node(at) for at in range(len(self.terms.members))]
        return whole_round.run_round(nodes, self.keys[-1], self.counts, self.heads, self.spent, self.silent)


def ed25519_public(key: bytes) -> bytes:
    return encoding.Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def head(length: int, name: str) -> bytes:
    return length.to_bytes(8, "big") + (made_up(name) if length else bytes(32))


def staged(
    name: str,
    n: int,
    *,
    ring: str,
    levels: dict[str, list[int]],
    silent: Mapping[int, str],
    collude: int,
    absent: int,
) -> Staged:
    signing = [made_up(f"{name}: key of node {at}") for at in range(n)] + [made_up(f"{name}: coordinator")]
    public = [ed25519_public(key) for key in signing]
    terms = RECORDS["terms"](
        made_up(f"{name}: round"),
        made_up("programme"),
        made_up("roster"),
        public[n],
        [RECORDS["member"](f"huis-{at}", public[at]) for at in range(n)],
        3,
        collude,
        absent,
        3,
        ring,
        [RECORDS["level"](level, positions) for level, positions in levels.items()],
        *(START + hours * HOUR for hours in (1, 2, 26, 192)),
    )
    length = 96 + 2 * 49 * (whole_round.threshold(n - list(silent.values()).count("advert")) - 1)
    reach = 2 ** (whole_round.BITS[ring] - 1) // n - 1
    return Staged(
        terms,
        signing,
        [made_up(f"{name}: random bytes of node {at}", length) for at in range(n)],
        {at: [head((at + 2 * of) % 5, f"ledger of {of}") for of in range(n)] for at in range(n)},
        {at: [(at + 1) * 10, -at, (reach, -reach)[at % 2]] for at in range(n)},
        {at: head(6 + at, f"ledger of {at}, spent") for at in range(n)},
        silent,
    )


def described(stage: Staged, meaning: str, clauses: str) -> dict[str, Any]:
    run, members = stage.run(), range(len(stage.terms.members))
    return file(
        meaning,
        clauses,
        terms=plain(stage.terms),
        terms_encoded=encoding.encode(stage.terms).hex(),
        terms_name=encoding.terms_name(stage.terms).hex(),
        coordinator_key=stage.keys[-1].hex(),
        nodes=[
            {
                "key": stage.keys[at].hex(),
                "random": stage.random[at].hex(),
                "heads_seen": plain(stage.heads[at]),
                "counts": stage.counts[at],
                "spent": stage.spent[at].hex(),
                "silent": stage.silent.get(at),
            }
            for at in members
        ],
        sent={
            step: {
                str(at): {"message": message.hex(), "attachment": attachment.hex()}
                for at, (message, attachment) in sent.items()
            }
            for step, sent in run.sent.items()
        },
        letters={kind: letters[0].hex() for kind, letters in run.letters.items()},
        letters_sha256={
            kind: {str(at): encoding.digest(letter).hex() for at, letter in letters.items()}
            for kind, letters in run.letters.items()
        },
        proposal=run.proposal.hex(),
        unanimity=run.unanimity.hex(),
        result=run.result.hex(),
        total=run.total,
    )


WHOLE = (
    "TERMS-2 TERMS-4 ENC-1 ENC-3 ENC-5 ENC-6 KEY-2 KEY-3 KEY-5 KEY-6 KEY-7 KEY-8 KEY-9 ADV-1 ADV-2 DEAL-3"
    " MASK-2 AGREE-5 REVEAL-1 REVEAL-4 REVEAL-6"
)


def four() -> Staged:
    """Position 2 deals and is then lost to the sum: the others take its masks off."""
    levels = {"provincie": [0, 1, 3]}
    return staged("four", 4, ring="BITS_32", levels=levels, silent={2: "upload"}, collude=1, absent=1)


def three() -> Staged:
    return staged("three", 3, ring="BITS_64", levels={}, silent={}, collude=1, absent=0)


def round_4_nodes() -> dict[str, Any]:
    return described(
        four(), "Four nodes, 32 bits; the third deals shares and its masked counts are lost.", WHOLE
    )


def round_3_nodes() -> dict[str, Any]:
    return described(three(), "Three nodes, 64 bits; nobody is lost.", WHOLE)


ROUNDS = {"round_4_nodes": round_4_nodes, "round_3_nodes": round_3_nodes}
