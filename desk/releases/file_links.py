"""The files of a release as a page links to them: where each is, how large, and what it holds."""

from collections.abc import Iterator, Sequence

from desk.releases import beside, verify
from desk.releases.report_words import WORDS
from samentel.figures.manifest import Manifest

_FILE_WORDS = {
    "tables.csv": "file_csv",
    beside.INDICATORS: "file_indicators",
    beside.EXACT: "file_exact",
    beside.PROGRAMME: "file_programme",
    "eu.csv": "file_eu",
    "trends.csv": "file_trends",
    "measured.csv": "file_measured",
    "guide.nl.md": "file_guide_nl",
    "guide.en.md": "file_guide_en",
    "manifest.schema.json": "file_schema",
    "dp-registry.yaml": "file_registry",
    "transcript.json": "file_transcript",
    "public.dsse.json": "file_public",
    "tables.parquet": "file_parquet",
    verify.PLAIN_MANIFEST: "file_json",
    verify.SIGNED_MANIFEST: "file_signed",
}


def links(
    names: Sequence[str], manifest: Manifest, way: str, language: str
) -> Iterator[tuple[str, str, int | None, str]]:
    """The name of every file that is there, the way to it, its size, and what it is.

    Args:
        names: of the files that are there.
        way: from the page to the release's files, as part of a link.
    """
    sizes = {entry.name: entry.bytes for entry in manifest.files}
    for name in names:
        says = WORDS[language][_FILE_WORDS[name]] if name in _FILE_WORDS else ""
        yield name, f"{way}/{name}", sizes.get(name), says
