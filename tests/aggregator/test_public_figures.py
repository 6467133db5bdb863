from datetime import UTC, datetime, timedelta

import pytest

from aggregator import cli, documents
from aggregator.book import opened
from samentel.documents import public
from samentel.documents.envelope import from_json, seal, to_json
from samentel.errors import DocumentError, PeerError, Refusal

WRITTEN = """
kind = "public-figures"
id = "hulp"
version = {version}
title = {{ nl = "Cijfers", en = "Figures" }}

[[entries]]
kind = "capacity"
subject = "places"
codes = ["COSM"]
value = {places}
unit = "places"
year = 2010
title = {{ nl = "Plaatsen", en = "Places" }}
source = {{ nl = "Verslag", en = "Report" }}
"""


def signed(central, version=1, places=50, keys=None):
    payload = WRITTEN.format(version=version, places=places).encode()
    return seal(public.PAYLOAD_TYPE, payload, *(keys or central.authority))


def in_force(central, moment=None):
    with opened(central.config) as book:
        found = documents.figures(book.state, book.store, moment or datetime.now(UTC))
    return None if found is None else public.parse(found.payload)


def test_signed_figures_are_in_force_until_newer_ones_are(central):
    assert in_force(central) is None
    first = documents.add_figures(central.config, signed(central))
    between = datetime.now(UTC)
    documents.add_figures(central.config, signed(central, 2, places=58))
    assert in_force(central).entries[0].value == 58
    # A release of that moment that is made again has the same figures, to the byte.
    assert in_force(central, between).digest == first.digest
    assert in_force(central, between - timedelta(days=1)) is None


def test_adding_them_again_changes_nothing(central):
    for _ in range(2):
        documents.add_figures(central.config, signed(central))
    with opened(central.config) as book:
        assert len(book.state.register.figures) == 1
        before = book.state.version
    documents.publish(central.config, signed(central))
    with opened(central.config) as book:
        assert book.state.version == before


@pytest.mark.parametrize(
    ("version", "places"), [pytest.param(2, 51, id="other contents"), pytest.param(1, 50, id="older")]
)
def test_an_older_or_another_document_of_the_same_version_is_refused(central, version, places):
    documents.add_figures(central.config, signed(central, 2))
    with pytest.raises(Refusal, match="raise the version to 3"):
        documents.add_figures(central.config, signed(central, version, places))
    assert in_force(central).entries[0].value == 50


def test_what_the_authority_did_not_sign_is_not_taken(central):
    with pytest.raises(PeerError, match="1 of the 2"):
        documents.add_figures(central.config, signed(central, keys=central.authority[:1]))
    with pytest.raises(PeerError, match="no public figures"):
        documents.add_figures(central.config, central.sign_programme())
    with pytest.raises(DocumentError, match="value: Input should be greater"):
        documents.add_figures(central.config, signed(central, places=-1))
    assert in_force(central) is None


def test_they_are_no_programme(central):
    documents.publish(central.config, central.sign_programme())
    documents.add_figures(central.config, signed(central))
    with opened(central.config) as book:
        assert list(book.state.register.programmes) == [central.programme.digest]
        (held,) = book.state.register.figures.values()
        assert from_json(book.store.blob(held.envelope)) == signed(central)


def test_the_command_says_what_is_in_force(central, tmp_path, called):
    (tmp_path / "public.toml.dsse.json").write_bytes(to_json(signed(central)))
    words = ("--config", central.config.path, "figures", "add", tmp_path / "public.toml.dsse.json")
    said = called(cli.main, "samentel-aggregator", *words)
    assert said.stdout.startswith(f"In force: version 1 of hulp, 1 figures ({signed(central).digest})")
