import io

import pytest
from rich.console import Console

from desk import reading, verify
from desk.packaged import packaged
from desk.pull import figures
from samentel.counting.shares import share_plan
from samentel.documents import programme as programmes
from samentel.figures import release


@pytest.fixture
def alone(directory, coordinator):
    return verify.release(directory, coordinator.public)


@pytest.fixture
def together(alone):
    """The same release as if it were of a secure sum: ten of twelve, eleven of which dealt."""
    programme = programmes.parse(packaged("aanleiding-samen"))
    names = tuple(f"node-{number:02d}" for number in range(12))
    facts = release.privacy_facts(programme, share_plan(programme, 12, 11), 12, 11)
    covered = release.Coverage(invited=names, present=names, in_sum=names[:10], dealt=11)
    return alone.model_copy(update={"privacy": facts, "coverage": covered})


def shown(manifest, directory, language):
    screen = Console(width=200, record=True, file=io.StringIO())
    rows = figures((directory / "tables.csv").read_bytes())
    screen.print(reading.whole(manifest, rows, language))
    return screen.export_text()


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("nl", ["mode secure-sum", "bij 4 is dat rho 0.8", "maskers", "10 van de 12"]),
        ("en", ["mode secure-sum", "with 4 it is rho 0.8", "masks", "10 of 12"]),
    ],
)
def test_a_reader_of_a_secure_sum_sees_what_it_says_of_itself(together, directory, language, says):
    text = " ".join(shown(together, directory, language).split())
    for words in (*says, "node-10, node-11"):
        assert words in text, words


def test_a_release_of_individual_mode_says_nothing_of_masks(alone, directory):
    text = shown(alone, directory, "nl")
    assert "maskers" not in text
    assert "samen met de coördinator" not in text
