from collections.abc import Callable
from typing import Any

import pytest

from samentel.documents import public
from samentel.documents.envelope import seal
from samentel.errors import DocumentError, PeerError
from samentel.ids import digest

TEXT = {"nl": "tekst", "en": "text"}


def entry(**more: Any) -> dict[str, Any]:
    plain = {"kind": "publication", "subject": "victims", "value": 5, "unit": "persons", "year": 2020}
    return {**plain, "title": TEXT, "source": TEXT, **more}


def places(**more: Any) -> dict[str, Any]:
    return entry(**{"kind": "capacity", "subject": "places", "codes": ["COSM"], "unit": "places", **more})


def coordination(**more: Any) -> dict[str, Any]:
    plain = {"kind": "care-coordination", "subject": "zc", "codes": ["GM0363"], "unit": "status", "value": 1}
    return entry(**{**plain, **more})


def document(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "public-figures", "id": "test", "version": 2, "title": TEXT, "entries": list(entries)}


def test_figures_are_read_with_what_they_are_about(toml: Callable[[dict[str, Any]], bytes]) -> None:
    written = toml(document(places(), coordination(), entry(year=2021), entry()))
    assert public.recognises(written)
    found = public.parse(written)
    assert found.digest == digest(written)
    assert [one.kind for one in found.entries] == [
        "capacity",
        "care-coordination",
        "publication",
        "publication",
    ]
    assert found.entries[1].codes == ("GM0363",)


def test_a_programme_is_not_taken_for_them(toml, written) -> None:
    assert not public.recognises(toml(written))
    assert not public.recognises(b'title = "kind = public-figures"')


@pytest.mark.parametrize(
    ("made", "why"),
    [
        pytest.param(places(codes=[]), "places, with the code of the kind of place", id="places of what"),
        pytest.param(places(unit="persons"), "capacity is a number of places", id="capacity in persons"),
        pytest.param(coordination(codes=["PV27"]), "the one code that CBS gives", id="a province"),
        pytest.param(coordination(codes=["GM0363", "GM0344"]), "the one code that CBS gives", id="two"),
        pytest.param(coordination(value=2), "a status is 1 for yes or 0 for no", id="half a status"),
        pytest.param(coordination(unit="persons"), "care coordination is a status", id="no status"),
        pytest.param(entry(unit="status"), "status is for care coordination", id="status of persons"),
        pytest.param(entry(unit="percent", value=101), "more than 100 percent", id="percent"),
        pytest.param(entry(value=-1), "greater than or equal to 0", id="negative"),
        pytest.param(entry(value=1.5), "valid integer", id="a fraction"),
        pytest.param(
            {k: v for k, v in entry().items() if k != "source"}, "source: is missing", id="no source"
        ),
        pytest.param(entry(source={"nl": "bron"}), "source.en: is missing", id="source in one language"),
        pytest.param(entry(kind="rumour"), "kind", id="kind"),
        pytest.param(entry(person="somebody"), "not a key that is known", id="another key"),
    ],
)
def test_what_does_not_hold_is_named_with_its_place(toml, made, why) -> None:
    with pytest.raises(DocumentError, match=why) as caught:
        public.parse(toml(document(places(), made)))
    assert all("entries" in problem for problem in caught.value.problems)


def test_a_status_without_a_year_and_one_that_stands_twice_are_refused(toml) -> None:
    undated = {key: value for key, value in coordination().items() if key != "year"}
    with pytest.raises(DocumentError, match="say of which year") as caught:
        public.parse(toml(document(undated, places(), places(value=9))))
    assert "capacity places COSM 2020 stands twice" in str(caught.value)


def test_they_hold_once_enough_of_the_authority_have_signed(toml, keys) -> None:
    written = toml(document(places()))
    envelope = seal(public.PAYLOAD_TYPE, written, keys[0])
    authority = [key.public for key in keys[:2]]
    assert public.verify(envelope, authority, 1).version == 2
    with pytest.raises(PeerError, match="1 of the 2"):
        public.verify(envelope, authority, 2)
    with pytest.raises(PeerError, match="another"):
        public.verify(seal("application/vnd.samentel.programme.v1+toml", written, *keys[:2]), authority, 2)
