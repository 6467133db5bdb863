"""Two releases side by side: what changed beyond noise, what was corrected, what cannot be compared."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from aggregator.conductor import Round
from desk import cli
from desk.releases import compare, compare_page
from samentel.documents.codelists import Text
from samentel.errors import DocumentError, PeerError
from samentel.figures.edition import Year
from samentel.figures.manifest import Correction
from samentel.figures.sums import national_of
from samentel.ids import Period
from samentel.secagg import transcript as transcripts

NODES = ("a", "b", "c")


@pytest.fixture
def year(summed):
    """Publishes the release of a year, from counts of its own."""

    def publish(name, period=2026, counts=None, **changes):
        opened = summed.material().round.opened.model_copy(update={"period": Period(period)})
        other = Round(f"{period % 10}" * 64, opened, summed.material().round.opened_at)
        national = national_of(summed.plan, NODES, summed.counts if counts is None else counts)
        values = {"release_id": f"aanleiding-demo-{period}-1", "round": other, "national": national}
        return compare.read(summed.publish(name, **{**values, "transcript": b"", **changes}), None)

    return publish


def noise(summed, seed):
    draw = np.random.default_rng(seed)
    parts = [np.rint(draw.normal(0, noise.scale * math.sqrt(3), noise.cells + 1)) for noise in summed.plan]
    return np.concatenate(parts).astype(np.int64)


def test_two_years_differ_by_their_noises_together(summed, year):
    flat = np.concatenate(
        [np.full(noise.cells + 1, 100 * noise.granularity, dtype=np.int64) for noise in summed.plan]
    )
    more = flat + noise(summed, 2)
    more[0] += 200 * summed.plan[0].granularity
    found = compare.compare(year("one", 2025, flat + noise(summed, 1)), year("two", 2026, more))
    assert not found.same_sum
    first = found.changes[0]
    assert first.beyond
    assert first.jointly
    for change in found.changes:
        assert change.difference == pytest.approx(change.after - change.before, abs=1e-9)
    before = compare.read(summed.place / "one", None).rows
    after = compare.read(summed.place / "two", None).rows
    place = (found.changes[5].table, found.changes[5].codes)
    assert found.changes[5].sd == pytest.approx(math.hypot(before[place].sd, after[place].sd))
    assert len(found.changes) == len(after)
    assert found.joint_z > 2.9


def test_a_correction_has_no_noise_and_names_what_was_corrected(summed):
    first = summed.publish("first")
    reason = Text(nl="Een titel was fout.", en="A title was wrong.")
    made = summed.material()
    second = summed.publish(
        "second",
        release_id="aanleiding-demo-2025-1-c1",
        round=made.round,
        corrects=Correction(release_id="aanleiding-demo-2025-1", reason=reason),
    )
    before, after = compare.read(first, summed.coordinator.public), compare.read(second, None)
    found = compare.compare(before, after)
    assert found.same_sum
    assert all(change.sd == 0 and not change.beyond for change in found.changes)
    wrong = dict(before.rows)
    place = next(iter(wrong))
    wrong[place] = replace(wrong[place], estimate=wrong[place].estimate + 1)
    found = compare.compare(replace(before, rows=wrong), after)
    assert [(it.table, it.codes) for it in found.changes if it.beyond] == [place]
    assert found.changes[0].difference == -1
    text = "\n".join(compare_page.lines(found, "en"))
    assert "every difference is a correction" in text
    assert f"1 of {len(after.rows)} figures were corrected" in text


def test_years_that_both_have_cancel_with_their_noise(summed, year):
    """Sums of three years, a year apart, have two years in common."""
    sums = [national_of(summed.plan, NODES, summed.counts + noise(summed, at)) for at in range(4)]
    years = [Year(Period(2022 + at), f"it-{2022 + at}-1", sums[at]) for at in range(4)]
    facts = year("one", 2025)

    def side(three):
        tables = tuple(
            it.model_copy(update={"years": 3, "periods": tuple(str(one.period) for one in three)})
            for it in facts.manifest.tables
        )
        manifest = facts.manifest.model_copy(
            update={"tables": tables, "period": three[-1].period, "release_id": three[-1].release_id}
        )
        manifest = manifest.model_copy(update={"round": str(three[-1].period.year % 10) * 64})
        return replace(facts, manifest=manifest, years=tuple(three))

    found = compare.compare(side(years[:3]), side(years[1:]))
    single = {place: row.sd for place, row in facts.rows.items()}
    for change in found.changes:
        alone = single[change.table, change.codes]
        assert change.sd == pytest.approx(alone * math.sqrt(2), rel=1e-4)


def test_of_one_round_there_are_no_two_sums(summed, year):
    first = year("one", 2025)
    other = year("two", 2025, summed.counts + 1, release_id="aanleiding-demo-2025-1-c1")
    with pytest.raises(DocumentError, match="of the same round, and their sums differ"):
        compare.compare(first, other)


REFUSED = {
    "different programmes": {"programme_id": "another"},
    "of a quarter and the other of a year": {"period": Period(2026, 2)},
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_compared_is_refused_with_the_reason(summed, year, why):
    one, two = year("one", 2025), year("two", 2026)
    other = replace(two, manifest=two.manifest.model_copy(update=REFUSED[why]))
    with pytest.raises(DocumentError, match=why):
        compare.compare(one, other)
    with pytest.raises(DocumentError, match="the same release"):
        compare.compare(one, one)


def test_another_layout_is_named_and_not_compared(summed, year):
    one, two = year("one", 2025), year("two", 2026)
    tables = list(two.manifest.tables)
    changed = [
        tables[0].model_copy(update={"id": "renamed"}),
        tables[1].model_copy(update={"definition": Text(nl="anders", en="otherwise")}),
        *tables[2:],
    ]
    manifest = two.manifest.model_copy(
        update={
            "tables": tuple(changed),
            "coverage": two.manifest.coverage.model_copy(update={"in_sum": ("a", "b", "d")}),
        }
    )
    rows = {place: row for place, row in two.rows.items() if place[1][:1] != ("CRIM",)}
    found = compare.compare(one, replace(two, manifest=manifest, rows=rows))
    said = [text.en for text in found.layout]
    assert f"table {tables[0].id}: only in {one.manifest.release_id}" in said
    assert f"table renamed: only in {two.manifest.release_id}" in said
    assert any(text.startswith(f"table {tables[1].id}: counts something else") for text in said)
    assert (found.gone, found.new) == (("c",), ("d",))
    assert {change.table for change in found.changes} == {it.id for it in tables[2:]}
    for language, word in (("nl", "Niet meer in de som: c."), ("en", "No longer in the sum: c.")):
        assert word in list(compare_page.lines(found, language))


@pytest.mark.filterwarnings("ignore:Cyclopts application invoked")  # its own arguments come from sys.argv
def test_the_command_prints_words_or_json(summed, year, called):
    year("one", 2025)
    year("two", 2026, summed.counts + noise(summed, 5))
    places = [summed.place / name for name in ("one", "two")]
    done = called(cli.main, "samentel", "compare", *places, "--everything", "--lang", "nl")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Van aanleiding-demo-2025-1 (2025) naar aanleiding-demo-2026-1 (2026)\n")
    assert "verschillen zijn groter dan ruis" in done.stdout
    assert "was not checked" in done.stdout
    done = called(cli.main, "samentel", "compare", *places, "--json", "--table", "reason")
    values = json.loads(done.stdout)
    assert {it["table"] for it in values["changes"]} == {"reason"}
    assert values["cells"] == len(values["changes"]) == 18
    done = called(cli.main, "samentel", "compare", *places, "--table", "nothing")
    assert "there is no such table in both" in done.stderr
    key = "ab" * 32
    with pytest.raises(PeerError, match=r"manifest\.dsse\.json: 0 of the 1"):
        compare.read(places[0], transcripts.VerifyKey(bytes.fromhex(key)))
    (places[1] / "tables.csv").unlink()
    done = called(cli.main, "samentel", "compare", *places)
    assert "tables.csv: is missing" in done.stderr
