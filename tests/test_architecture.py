"""The shape of the code: who imports whom, which library belongs to whom, what may lie where.

The floors and rooms are import contracts in pyproject.toml, run here; this file adds what such
contracts cannot say.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PACKAGES = ("samentel", "node", "aggregator", "desk", "flows", "rehearsal")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# Only these modules, and what lies below them, may import the library.
OWNERS: Mapping[str, Sequence[str]] = {
    "atheris": [],  # nobody: it is for tests/fuzz/drive.py
    "cryptography": [
        "aggregator.authority",
        "desk.keys",
        "node.identity",
        "node.sealing",
        "samentel.documents.keys",
        "samentel.secagg.primitives",
    ],
    "cyclopts": [*(f"{package}.cli" for package in PACKAGES[1:]), "aggregator.release_cli"],
    "google.protobuf": ["samentel.wire"],
    "grpc": ["aggregator.client", "aggregator.link", "desk.releases.pull", "node.control", "node.link"],
    "grpc_health": ["aggregator.link", "node.control"],
    "jinja2": ["desk.pages"],
    "opendp": ["samentel.counting.noise"],
    "polars": ["aggregator.publisher", "node.source", "rehearsal"],
    "prefect": ["flows"],
    "scipy": ["samentel.figures.display"],
    "sqlalchemy": ["aggregator.store"],
    "sqlite3": ["node.store"],
    "structlog": ["aggregator.journal", "node.journal"],
}
OWNERLESS = {"numpy", "pydantic", "rich"}  # arithmetic, checked values and a terminal's looks: anybody's

VAGUE = {"common", "core", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}


@cache
def modules() -> Mapping[str, ast.Module]:
    """Every module of the product, by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text("utf-8"), str(path))
    return found


def imports(tree: ast.Module) -> Iterator[str]:
    """Every name that is imported, wherever in the module: at the top, in a function, for types only."""
    for part in ast.walk(tree):
        if isinstance(part, ast.Import):
            yield from (name.name for name in part.names)
        elif isinstance(part, ast.ImportFrom):
            yield from (f"{part.module}.{name.name}" for name in part.names)


def below(name: str, *tops: str) -> bool:
    return any(name == top or name.startswith(f"{top}.") for top in tops)


def importers(library: str) -> set[str]:
    return {name for name, tree in modules().items() if any(below(it, library) for it in imports(tree))}


def committed() -> Iterator[Path]:
    """Every file in the repository."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        tops = [*PACKAGES, "bench", "deploy", "docs", "proto", "requirements", "tests"]
        paths = [*ROOT.glob("*"), *(path for top in tops for path in (ROOT / top).rglob("*"))]
    yield from (path for path in paths if path.is_file() and "__pycache__" not in path.parts)


def test_the_import_contracts_hold():
    run = subprocess.run(
        [BIN / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_imported_by_its_owners_only(library):
    strangers = {name for name in importers(library) if not below(name, *OWNERS[library])}
    assert not strangers, f"{library} belongs to {', '.join(OWNERS[library])}"


def test_every_library_has_an_owner():
    known = {*PACKAGES, *OWNERLESS, *OWNERS, *sys.stdlib_module_names}
    strange = {
        (name, it) for name, tree in modules().items() for it in imports(tree) if not below(it, *known)
    }
    assert not strange


def test_exactly_one_file_imports_opendp_and_never_its_prelude():
    assert importers("opendp") == {"samentel.counting.noise"}
    assert not importers("opendp.prelude")


def test_the_shared_package_reads_no_clock_and_no_file():
    called = {"now", "utcnow", "today", "read_text", "read_bytes", "write_text", "write_bytes"}
    found = [
        f"{name}:{part.lineno}"
        for name, tree in modules().items()
        if below(name, "samentel")
        for part in ast.walk(tree)
        if (isinstance(part, ast.Name) and part.id in {"open", "print", "input"})
        or (isinstance(part, ast.Attribute) and part.attr in called)
    ]
    assert not found


def test_no_name_says_nothing():
    tops = [*PACKAGES, "bench", "tests"]
    vague = [path for top in tops for path in (ROOT / top).rglob("*") if path.stem in VAGUE]
    assert not vague


def test_the_proto_folder_holds_no_python():
    assert not [*(ROOT / "proto").rglob("*.py"), *(ROOT / "proto").rglob("*.pyi")]


def test_tests_are_no_package():
    # A package tests/node/ would hide the product's own node.
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_no_committed_file_names_a_package_index():
    # Written in pieces, so that this file does not find itself.
    index = re.compile(
        "py" r"pi\.org|python" r"hosted\.org|--(extra-)?index-" r"url|--find-" r"links|file:" "///"
    )
    named = {
        f"{path.relative_to(ROOT)}: {hit[0]}"
        for path in committed()
        if (hit := index.search(path.read_bytes().decode("utf-8", "replace")))
    }
    assert not named


def test_there_is_no_lock_file_with_addresses():
    assert not [
        path for path in committed() if path.name in {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock"}
    ]


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        pytest.param("node.txt", [], id="node"),
        pytest.param("national.txt", ["aggregator", "flows"], id="national"),
        pytest.param("all.txt", sorted(PROJECT["optional-dependencies"]), id="all"),
    ],
)
def test_pinned_requirements_meet_what_the_project_asks(file, extras):
    pins = pinned(file)
    asked = [
        *PROJECT["dependencies"],
        *(it for extra in extras for it in PROJECT["optional-dependencies"][extra]),
    ]
    for text in asked:
        requirement = Requirement(text)
        versions = pins.get(canonicalize_name(requirement.name), ())
        assert versions, f"{requirement.name} is not pinned: make requirements"
        assert all(version in requirement.specifier for version in versions), text


def test_smaller_sets_pin_the_same_versions_as_the_whole():
    whole = pinned("all.txt")
    for file in ("build.txt", "national.txt", "node.txt"):
        different = {name for name, versions in pinned(file).items() if whole.get(name) != versions}
        assert not different, file


def pinned(file: str) -> Mapping[str, Sequence[Version]]:
    text = (ROOT / "requirements" / file).read_text("utf-8")
    pins: dict[str, list[Version]] = {}
    for line in re.split(r"\n(?=\S)", text):
        hit = re.match(r"([\w.-]+)==([^\s;]+)", line)
        assert hit, f"{file}: not a pin: {line[:60]}"
        assert "--hash=sha256:" in line, f"{file}: no hash: {line[:60]}"
        pins.setdefault(canonicalize_name(hit[1]), []).append(Version(hit[2]))
    return pins


def test_stubs_equal_a_fresh_generation(need: Callable[[str, bool], None], tmp_path: Path):
    need(
        "protoc",
        find_spec("grpc_tools") is not None and shutil.which("protoc-gen-mypy", path=BIN) is not None,
    )
    protos = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "proto").rglob("*.proto"))
    out = [f"--python_out={tmp_path}", f"--mypy_out=quiet:{tmp_path}"]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-Iproto", *out, *protos],
        cwd=ROOT,
        check=True,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
    )
    fresh = {path.name: path.read_text("utf-8") for path in (tmp_path / "samentel/wire").iterdir()}
    here = {path.name: path.read_text("utf-8") for path in (ROOT / "samentel/wire").glob("*_pb2*.py*")}
    assert sorted(here) == sorted(fresh)
    changed = [name for name in fresh if here[name] != fresh[name]]
    assert not changed, "make proto"


def test_the_lower_bound_of_protobuf_is_what_the_stubs_demand():
    stub = (ROOT / "samentel/wire/envelope_pb2.py").read_text("utf-8")
    demanded = re.search(r"^# Protobuf Python Version: (\S+)$", stub, re.MULTILINE)
    assert demanded
    bounds = next(Requirement(it) for it in PROJECT["dependencies"] if Requirement(it).name == "protobuf")
    assert f">={demanded[1]}" in str(bounds.specifier).split(",")
