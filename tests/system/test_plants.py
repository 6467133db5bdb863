"""The ordinary tests can fail: each of these faults, planted in a copy of the product, turns them red.

A copy of the tree is made once, and shown to be green and to be what is imported. Then each fault is put in
by exact replacement and taken out again. A plant that no longer fits its file fails here, and is to be
rewritten with the code that it is about. What is red must be red by an assertion, or because something was
accepted or refused that should not have been: an import that fails would prove nothing.

Where the design leaves no room for a fault of the list, the nearest that can be made is planted, and its
comment says why.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("samentel", "node", "aggregator", "desk", "flows", "rehearsal")
MACHINES, PITFALLS = "tests/samentel/secagg", "tests/pitfalls"

# How a test that has found something ends: its own assertion, or an error that the product means to raise.
FOUND = ("AssertionError", "assert ", "Failed: DID NOT RAISE", "samentel.errors.", "node.link.")


@dataclass(frozen=True)
class Edit:
    """One exact replacement in one file."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Plant:
    """A fault, and the ordinary tests that are run on it: of each a case must be red."""

    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


def plant(file: str, old: str, new: str, *tests: str) -> Plant:
    return Plant((Edit(file, old, new),), tests)


CLIENT, MASKS, KEPT = "samentel/secagg/client.py", "samentel/secagg/masks.py", "node/sums_kept.py"
DROPS = f"{PITFALLS}/test_vanishing.py::test_05_dropout_before_upload_breaks_the_round[4]"
ONE_SECRET = f"{PITFALLS}/test_sets_and_secrets.py::test_02_both_secrets_of_a_node_revealed"
ONE_SET = f"{PITFALLS}/test_sets_and_secrets.py::test_07_two_sets_signed_in_one_round"
WEAK = f"{PITFALLS}/test_masks.py::test_01_weak_mask_generator"
KEYS = f"{PITFALLS}/test_who_is_who.py::test_03_no_authentication_of_keys"
RETRIES = f"{PITFALLS}/test_once_only.py::test_12_retry_averaging"
THRESHOLD = f"{PITFALLS}/test_who_is_who.py::test_04_server_chooses_the_threshold"

PLANTS: Mapping[str, Plant] = {
    "masks with a flipped sign: of each pair": plant(
        MASKS,
        "        if other > own:\n",
        "        if other != own:\n",
        DROPS,
        f"{MACHINES}/test_masks.py::test_the_masks_of_a_complete_round_add_up_to_the_own_masks_alone",
    ),
    "masks with a flipped sign: of the lost": plant(
        MASKS, "        if fallen > survivor:\n", "        if fallen < survivor:\n", DROPS
    ),
    "32-bit seeds: drawn": plant(
        CLIENT,
        "Secrets(means.draw(32), means.draw(32), means.draw(32))",
        "Secrets(means.draw(32), means.draw(32), means.draw(4) * 8)",
        WEAK,
    ),
    "32-bit seeds: used": plant(
        MASKS,
        'derive(seed, label("self-mask", terms, owner))',
        'derive(seed[:4], label("self-mask", terms, owner))',
        WEAK,
        f"{MACHINES}/test_masks.py::test_known_answers",
    ),
    # No message asks for shares by a list, so there is none that could overlap: what is revealed follows from
    # the one proposal. The nearest is a node that reveals its share of the mask keys of survivors as well.
    "overlap of both lists accepted: the reveal gives both shares": plant(
        CLIENT,
        "if held.dealer not in inside and held.dealer != client.own]",
        "if held.dealer != client.own]",
        ONE_SECRET,
        f"{MACHINES}/test_agreement.py::test_what_is_revealed_is_one_secret_a_peer",
    ),
    # The nearest to a list that overlaps with itself: a survivor that stands in the proposal twice.
    "overlap of both lists accepted: a survivor twice": plant(
        "samentel/secagg/messages.py",
        "if list(positions) != sorted(set(positions)) or",
        "if list(positions) != sorted(positions) or",
        ONE_SECRET,
        f"{MACHINES}/test_agreement.py::test_a_proposal_that_does_not_hold_is_refused",
    ),
    "second survivor set accepted after restart: by the machine": plant(
        CLIENT,
        "    (Phase.AGREED, Agreed): (Phase.REVEALED,),\n",
        "    (Phase.AGREED, Agreed): (Phase.REVEALED,),\n"
        "    (Phase.AGREED, Proposed): (Phase.AGREED, Phase.HELPING),\n",
        ONE_SET,
        f"{MACHINES}/test_agreement.py::test_a_second_set_is_refused_also_after_a_restart",
    ),
    "second survivor set accepted after restart: by the node": plant(
        KEPT,
        "        return decode(Client, state)\n",
        "        client = decode(Client, state)\n"
        "        if client.phase is not Phase.AGREED:\n"
        "            return client\n"
        '        return replace(client, phase=Phase.MASKED, proposal=b"", outbox=client.outbox[:-1])\n',
        ONE_SET,
    ),
    "debit after send: by the machine": plant(
        CLIENT, "(Spend(name), send)\n", "(send, Spend(name))\n", DROPS
    ),
    # Debit, state and outgoing bytes are one transaction; the nearest is a debit that waits for the next one.
    "debit after send: by the node": Plant(
        (
            Edit(KEPT, "entries, heads = [], {}\n", 'entries, heads = self.__dict__.pop("due", []), {}\n'),
            Edit(KEPT, "entries.append(spent)\n", "self.due = [spent]\n"),
        ),
        (
            ONE_SET,
            "tests/node/summing/test_endings.py::test_a_round_that_is_given_up_costs_what_was_agreed_to",
        ),
    ),
    "noise share left out: by a node": plant(
        "samentel/counting/noise.py",
        "measurement(noise)(rows)",
        "np.bincount(rows, minlength=noise.cells + 1)",
        f"{PITFALLS}/test_sums_and_wire.py::test_19_validation_value_known_to_the_aggregator",
        f"{PITFALLS}/test_once_only.py::test_11_differencing_of_participant_sets",
    ),
    "noise share left out: those of the lost": plant(
        "samentel/counting/shares.py",
        "honest = dealers - rules.collude_max - rules.absent_max\n",
        "honest = dealers - rules.collude_max\n",
        f"{PITFALLS}/test_once_only.py::test_11_differencing_of_participant_sets",
        "tests/samentel/counting/test_shares.py::test_a_known_plan",
    ),
    # No letter holds a number; so it is given one, and the node goes by it where it is there.
    "threshold taken from the coordinator": Plant(
        (
            Edit(
                "samentel/secagg/messages.py",
                "    heads: Annotated[bytes, Size(HEAD_BYTES, NODES_MOST * HEAD_BYTES)]\n    steps: Steps\n",
                "    heads: Annotated[bytes, Size(HEAD_BYTES, NODES_MOST * HEAD_BYTES)]\n    steps: Steps\n"
                "    threshold: int = 0\n",
            ),
            Edit(CLIENT, "channels, means.draw)\n", "channels, means.draw, listing.threshold)\n"),
            Edit(
                "samentel/secagg/dealing.py",
                "channels: Mapping[int, bytes], draw: Randomness\n",
                "channels: Mapping[int, bytes], draw: Randomness, offered: int = 0\n",
            ),
            Edit(
                "samentel/secagg/dealing.py",
                "    t = threshold(len(points))\n",
                "    t = offered or threshold(len(points))\n",
            ),
        ),
        (THRESHOLD,),
    ),
    "unsigned key accepted": Plant(
        (
            Edit(CLIENT, "    pack_head,\n    parts,\n", "    pack_head,\n    parse,\n    parts,\n"),
            Edit(CLIENT, "hear_from(position, Advert, signed, client.terms)", "parse(Advert, signed)"),
        ),
        (KEYS, f"{MACHINES}/test_client.py::test_a_list_with_a_key_that_does_not_hold_is_refused"),
    ),
    "same noise on a second attempt": plant(
        "node/permission.py",
        "return draw(codes, permit.plan).vector\n",
        'return globals().setdefault(f"drawn for {permit.loss.period}", draw(codes, permit.plan).vector)\n',
        RETRIES,
    ),
}


class Copy:
    """The tree under test, away from the one that is installed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name in (*PACKAGES, "tests", "docs"):
            shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy2(ROOT / "pyproject.toml", directory)
        # What a replacement leaves behind must never be a compiled file of the text before it.
        self.environment = {**os.environ, "PYTHONPATH": str(directory), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def tests(self, *tests: str) -> tuple[int, dict[str, str], str]:
        """Run a selection: the exit code, by red test what it says first, and everything that was said."""
        report = self.directory / "report.xml"
        report.unlink(missing_ok=True)
        ran = self.run(
            *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not system and not statistics"),
            f"--junitxml={report}",
            *tests,
        )
        said = ran.stdout + ran.stderr
        assert report.exists(), said
        red = {}
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - written by our own run
            for end in (*case.iter("failure"), *case.iter("error")):
                file = str(case.get("classname")).replace(".", "/") + ".py"
                red[f"{file}::{case.get('name')}"] = f"{end.tag}: {end.get('message')}"
        return ran.returncode, red, said

    def file(self, edit: Edit) -> Path:
        return self.directory / edit.file


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Iterator[Copy]:
    made = Copy(tmp_path_factory.mktemp("planted"))
    yield made
    shutil.rmtree(made.directory)


def test_the_copy_is_what_is_tested_and_it_is_green(copy):
    names = ", ".join(PACKAGES)
    where = copy.run("-c", f"import {names}\nfor one in ({names}): print(one.__file__)")
    assert where.returncode == 0, where.stderr
    assert {Path(line).parent for line in where.stdout.split()} == {
        copy.directory / name for name in PACKAGES
    }
    code, red, said = copy.tests(*sorted({test for one in PLANTS.values() for test in one.tests}))
    assert (code, red) == (0, {}), said


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_turns_a_test_red(copy, name):
    planted = PLANTS[name]
    before = {copy.file(edit): copy.file(edit).read_text("utf-8") for edit in planted.edits}
    try:
        for edit in planted.edits:
            text = copy.file(edit).read_text("utf-8")
            assert text.count(edit.old) == 1, f"this plant no longer fits {edit.file}: {edit.old!r}"
            copy.file(edit).write_text(text.replace(edit.old, edit.new), "utf-8")
        code, red, said = copy.tests(*planted.tests)
    finally:
        for path, text in before.items():
            path.write_text(text, "utf-8")
    assert code == 1, said
    for test in planted.tests:
        own = [why for where, why in red.items() if where.startswith(test)]
        assert any(found(why) for why in own), f"{test} is not red by what it says:\n{red}\n{said}"


def found(why: str) -> bool:
    """Whether a test has ended by finding something out."""
    tag, _, message = why.partition(": ")
    return tag == "failure" and message.startswith(FOUND)
