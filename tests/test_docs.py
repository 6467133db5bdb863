"""What the README says is what happens: its commands run, in order, as they stand."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from desk.packaged import packaged
from node import mapping
from samentel.documents import programme as programmes

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```sh\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
MAPPING = re.compile(r"^```toml\n(?P<body>\[file\].*?)^```$", re.MULTILINE | re.DOTALL)
MADE = re.compile(r"`(?P<words>samentel(?:-node|-aggregator)?(?: [a-z]+)+)")
TARGET = re.compile(r"^\$ make (?P<target>[a-z]+)", re.MULTILINE)
LINK = re.compile(r"\]\((?P<to>[^)#:]+)(?:#[^)]*)?\)")


def commands(text: str) -> str:
    """All shell blocks of a page as one script; whatever it starts ends with it."""
    blocks = [match["body"] for match in BLOCK.finditer(text)]
    return "\n".join(
        [
            "set -euo pipefail",
            "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT",
            "PS4='+ $SECONDS '; set -x",
            *blocks,
        ]
    )


@pytest.mark.system
@pytest.mark.timeout(300)
def test_the_readme_is_a_federation_that_works(tmp_path: Path) -> None:
    script = commands((ROOT / "README.md").read_text("utf-8"))
    bin_ = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}
    log = tmp_path / "screen.txt"
    with log.open("wb") as screen:
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=screen,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=280,
        )
    said = log.read_text("utf-8", "replace")
    assert done.returncode == 0, said[-4000:]
    assert (tmp_path / "tables" / "tables.csv").is_file()
    assert (tmp_path / "tables" / "tables.parquet").is_file()
    assert "Traceback" not in said


@functools.cache
def explained(words: str) -> subprocess.CompletedProcess[str]:
    """What a command's help says; many pages name the same commands."""
    program, *parts = words.split()
    return subprocess.run(
        [Path(sys.executable).parent / program, *parts, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    named = {match["words"] for match in MADE.finditer(page.read_text("utf-8"))}
    for words in sorted(named):
        done = explained(words)
        assert done.returncode == 0, f"{page.name} names `{words}`: {done.stderr or done.stdout}"
        assert words.split()[-1] in done.stdout


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = {match["target"] for match in TARGET.finditer((ROOT / "README.md").read_text("utf-8"))}
    assert {"demo", "test", "system", "check"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for match in LINK.finditer(page.read_text("utf-8")):
        assert (page.parent / match["to"]).exists(), match["to"]


@pytest.mark.parametrize("page", ["operators.nl.md", "operators.en.md"])
def test_the_mapping_that_a_page_shows_answers_the_national_programme(page: str, tmp_path: Path) -> None:
    shown = MAPPING.search((ROOT / "docs" / page).read_text("utf-8"))
    assert shown is not None
    (tmp_path / "mapping.toml").write_text(shown["body"], "utf-8")
    programme = programmes.parse(packaged("registratie-2025"))
    assert mapping.misfits(mapping.load(tmp_path / "mapping.toml"), programme) == []
