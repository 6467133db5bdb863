"""docs/protocol.md, the code that keeps it and the tests that show it name the same clauses."""

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from samentel.secagg import messages
from samentel.secagg.terms import Deadlines, Level, Member, Terms

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/protocol.md").read_text()
DEFINED = re.findall(r"^- \*\*([A-Z]+-\d+)\*\*", TEXT, re.MULTILINE)
FAMILIES = sorted({name.split("-")[0] for name in DEFINED})
NAMED = re.compile(rf"\b(?:{'|'.join(FAMILIES)})-\d+\b")
KEEPERS = ("samentel", "node", "aggregator")


def in_code() -> dict[str, set[str]]:
    """By file, the clauses that it names."""
    files = (path for room in KEEPERS for path in (ROOT / room).rglob("*.py"))
    return {str(path.relative_to(ROOT)): set(NAMED.findall(path.read_text())) for path in files}


def marks(tree: ast.Module) -> Iterator[ast.Call]:
    """``pytest.mark.clause(...)`` on a test or in ``pytestmark``: a name in a comment shows nothing."""
    for node in ast.walk(tree):
        held: list[ast.expr] = []
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            held = node.decorator_list
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            held = node.value.elts if isinstance(node.value, ast.List) else [node.value]
        yield from (
            one for one in held if isinstance(one, ast.Call) and ast.unparse(one.func) == "pytest.mark.clause"
        )


def in_tests() -> dict[str, set[str]]:
    """By test file, the clauses that its tests are marked with."""
    found = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text()
        if "mark.clause" in text:
            names = {ast.literal_eval(one) for mark in marks(ast.parse(text)) for one in mark.args}
            found[str(path.relative_to(ROOT))] = names
    return found


def test_every_clause_has_an_id_of_its_own_and_none_is_left_out():
    assert len(DEFINED) == len(set(DEFINED)) >= 50
    for family in FAMILIES:
        numbers = [int(name.split("-")[1]) for name in DEFINED if name.split("-")[0] == family]
        assert numbers == list(range(1, len(numbers) + 1)), family
    assert set(NAMED.findall(TEXT)) == set(DEFINED)  # what the page refers to is there


def test_every_clause_is_kept_somewhere_in_the_code():
    kept = set().union(*in_code().values())
    assert sorted(set(DEFINED) - kept) == []


def test_every_clause_is_shown_by_a_test():
    shown = set().union(*in_tests().values())
    assert sorted(set(DEFINED) - shown) == []


@pytest.mark.parametrize("where", [in_code, in_tests])
def test_no_code_and_no_test_names_a_clause_that_is_not_there(where):
    strange = {file: sorted(names - set(DEFINED)) for file, names in where().items() if names - set(DEFINED)}
    assert strange == {}


def rows(heading: str) -> dict[str, str]:
    """First column and the one that lists fields, of the table that begins with this heading."""
    lines = TEXT[TEXT.index(heading) :].split("\n\n")[0].splitlines()
    head = [cell.strip() for cell in lines[0].strip("|").split("|")]
    at = next(place for place, cell in enumerate(head) if cell.startswith("fields"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return {row[0].strip("`"): row[at] for row in cells}


def without_brackets(text: str) -> list[str]:
    while "(" in text:
        text = re.sub(r"\s*\([^()]*\)", "", text)
    return [name.strip() for name in text.split(",")]


def fields(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def test_the_messages_of_the_page_are_those_of_the_code():
    kinds = {
        kind.kind: kind
        for kind in vars(messages).values()
        if isinstance(kind, type) and isinstance(getattr(kind, "kind", None), messages.Kind)
    }
    written = {name: without_brackets(text) for name, text in rows("| kind |").items()}
    assert written == {str(name): fields(kind) for name, kind in kinds.items()}
    assert set(kinds) == set(messages.Kind)


def test_the_bundles_of_the_page_are_those_of_the_code():
    written = {name: without_brackets(text) for name, text in rows("| bundle |").items()}
    bundles = (messages.Listing, messages.Delivery, messages.Unanimity)
    assert written == {kind.__name__.lower(): fields(kind) for kind in bundles}


def test_the_terms_of_the_page_are_those_of_the_code():
    clause = re.search(r"\*\*TERMS-2\*\*.*?(?=\n- \*\*)", TEXT, re.DOTALL)
    assert clause is not None
    listed = clause[0].split("Fields, in order:")[1]
    names = list(re.findall(r"`([a-z_]+)`", listed))
    nested = {"members": fields(Member), "levels": fields(Level)}
    expected = []
    for name in fields(Terms):
        expected += fields(Deadlines) if name == "deadlines" else [name, *nested.get(name, [])]
    assert names == expected
