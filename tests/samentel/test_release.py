import json
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from desk.packaged import packaged
from samentel.counting.privacy import attacker_power, epsilon_upper, noise_plan, total_rho
from samentel.counting.shares import loss_of, plan_of, share_plan
from samentel.documents.model import from_json, to_bytes
from samentel.documents.programme import Programme, parse
from samentel.errors import DocumentError
from samentel.figures import manifest_texts
from samentel.figures.edition import Edition, Year
from samentel.figures.estimate import Figure, NationalTables, estimate
from samentel.figures.manifest import Coverage, File, Manifest, Provenance, TableFacts
from samentel.figures.manifest_privacy import privacy_facts, rounded_up, safeguards, spending, year_loss
from samentel.figures.manifest_tables import (
    accuracy_facts,
    code_lists,
    population_facts,
    table_facts,
)
from samentel.figures.quality import grade, joint_z
from samentel.figures.release import COLUMNS, rows
from samentel.figures.sums import NationalSum, add_up, national_of
from samentel.ids import Period

MOMENT: Any = "2026-03-01T08:00:00+00:00"


def national_sum(programme: Programme) -> NationalSum:
    vector = np.arange(programme.vector_length, dtype=np.int64) - 5
    return add_up(plan_of(programme, 12, 11), dict.fromkeys(("a", "b", "c"), vector))


def edition(programme: Programme, years: int = 1) -> Edition:
    """That many years with the same sums, the last of them 2025."""
    return Edition(
        programme,
        tuple(
            Year(Period(2026 - back), f"reasons-{2026 - back}-1", national_sum(programme))
            for back in range(years, 0, -1)
        ),
    )


def alone(programme: Programme, tables: NationalTables) -> list[dict[str, Any]]:
    return [dict(row) for row in rows(edition(programme), [tables])]


def facts_of(programme: Programme, periods: dict[str, NationalSum] | None = None) -> tuple[TableFacts, ...]:
    return table_facts(
        programme, plan_of(programme, 12, 11), periods or {"2025": national_sum(programme)}, 12, 11
    )


def manifest(programme: Programme, **changes: Any) -> Manifest:
    plan, national = plan_of(programme, 12, 11), national_sum(programme)
    privacy, tables = privacy_facts(programme, plan, 12, 11), facts_of(programme)
    values: dict[str, Any] = {
        "release_id": "reasons-2025Q3-1",
        "programme_id": programme.id,
        "programme_version": programme.version,
        "programme": programme.digest,
        "title": programme.title,
        "purpose": programme.purpose,
        "contact": programme.contact,
        "period": "2025Q3",
        "round": "a" * 64,
        "attempt": 1,
        "roster": "b" * 64,
        "published_at": MOMENT,
        "next_release": "2026-06-29",
        "revisions": manifest_texts.REVISIONS,
        "coverage": Coverage(
            enrolled=("a", "b", "c", "d"),
            invited=("a", "b", "c", "d"),
            present=("a", "b", "c"),
            in_sum=("a", "b", "c"),
            dropped=(),
            same_person=manifest_texts.SAME_PERSON,
            missing=manifest_texts.MISSING,
        ),
        "populations": population_facts(programme),
        "privacy": privacy,
        "year_loss": year_loss(
            2025, [spending(programme, "reasons-2025q3-1", Period(2025, 3), privacy.rho_spent)]
        ),
        "safeguards": safeguards(programme, privacy, {"samentel": "0.1.0", "opendp": "0.16.0"}, ["d" * 64]),
        "interval": manifest_texts.INTERVAL,
        "reading": manifest_texts.READING,
        "accuracy": accuracy_facts(programme, tables, estimate(programme, national), 12),
        "tables": tables,
        "provenance": Provenance(rebuilding=manifest_texts.REBUILDING),
        "files": (File(name="figures.csv", bytes=10, sha256="c" * 64),),
        "software": "0.1.0",
    }
    return Manifest(**{**values, **changes})


def test_a_manifest_reads_back_equal_from_one_canonical_form(programme: Programme) -> None:
    made = manifest(programme)
    data = to_bytes(made)
    read = from_json(Manifest, data, "manifest")
    assert read == made
    assert to_bytes(read) == data
    assert (
        data
        == json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )


def test_a_manifest_of_the_largest_programme_reads_back_equal(
    written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]
) -> None:
    table = written["tables"][0]
    written["rho"] = "17/13"
    written["tables"] = [
        {**table, "id": f"t{number}", "rho_share": f"1/{64 + number}"} for number in range(64)
    ]
    programme = parse(toml(written))
    made = manifest(programme)
    assert from_json(Manifest, to_bytes(made), "manifest") == made
    assert len(str(made.privacy.rho_spent)) < 30


@pytest.mark.parametrize("share", ["1/4", "1/7"])  # all of rho, and less than all of it
def test_what_was_spent_is_stated_and_never_understated(
    written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes], share: str
) -> None:
    written["tables"][2]["rho_share"] = share
    programme = parse(toml(written))
    plan = noise_plan(programme)
    facts = privacy_facts(programme, plan, 4, 3)
    spent = total_rho(plan)
    assert facts.rho == programme.rho
    assert spent <= facts.rho_spent <= programme.rho
    assert facts.rho_spent - spent <= Fraction(1, 10**12)
    assert facts.epsilon_upper == epsilon_upper(spent, programme.delta)
    assert facts.attacker_power_at_5_percent == attacker_power(spent)
    assert facts.delta == programme.delta
    assert facts.mode == "individual"


def test_what_was_spent_is_not_rounded_above_what_was_allowed(
    written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]
) -> None:
    written["rho"] = "1/3"  # no whole number of twelfth decimals
    programme = parse(toml(written))
    assert privacy_facts(programme, noise_plan(programme), 4, 3).rho_spent <= Fraction(1, 3)


def test_tables_state_the_noise_that_is_really_in_them(programme: Programme) -> None:
    plan, facts = noise_plan(programme), facts_of(programme)
    assert [fact.id for fact in facts] == ["sex-age", "reason", "reason-sex"]
    for fact, noise in zip(facts, plan, strict=True):
        assert fact.noise_sd == pytest.approx((3 * noise.variance) ** 0.5)
        assert fact.rho == noise.rho
        assert (fact.cells, fact.rows_per_person) == (noise.cells, noise.rows)
        assert fact.noise_sd is not None
        assert fact.cell_sd <= fact.noise_sd * (1 + 1e-12)


def test_every_cell_of_every_table_is_one_row_with_all_columns_in_order(programme: Programme) -> None:
    tables = estimate(programme, national_sum(programme))
    found = alone(programme, tables)
    assert all(tuple(row) == COLUMNS for row in found)
    assert [(row["table"], row["cell"]) for row in found] == [
        (table.id, number) for table in programme.tables for number in range(programme.cells(table))
    ]
    row = found[9 + 5 + 4]  # reason-sex, cell 4: the second reason, the second sex
    cell = tables.table("reason-sex").cells[4]
    assert row == {
        "table": "reason-sex",
        "periods": "2025",
        "cell": 4,
        "dimensions": "reason|sex",
        "codes": "R2|F",
        "label_nl": "R2 nl | F nl",
        "label_en": "R2 en | F en",
        "estimate": cell.estimate,
        "sd": cell.sd,
        "lower": cell.lower,
        "upper": cell.upper,
        "share": cell.share,
        "share_sd": cell.share_sd,
        "share_lower": cell.share_lower,
        "share_upper": cell.share_upper,
        "shown": cell.shown.text,
        "shown_lower": cell.shown_lower.text,
        "shown_upper": cell.shown_upper.text,
        "grade": grade(Figure(cell.estimate, cell.sd)),
        "above_zero": "yes",
        "joint_lower": cell.estimate - joint_z(29) * cell.sd,
        "joint_upper": cell.estimate + joint_z(29) * cell.sd,
    }
    assert len(found) == 29
    assert cell.estimate - joint_z(29) * cell.sd < cell.lower
    assert cell.share is not None


@pytest.fixture
def derived(written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]) -> Programme:
    """With a total and a margin that are not measured, and a table that needs three years."""
    crossed, reason, other = written["tables"]
    total = {**crossed, "id": "persons", "dimensions": [], "rho_share": "0"}
    margin = {**crossed, "id": "age", "dimensions": ["age"], "rho_share": "0"}
    written["tables"] = [total, margin, crossed, {**reason, "years": 3}, other]
    return parse(toml(written))


def test_tables_that_were_not_measured_are_published_like_all_others(derived: Programme) -> None:
    plan, national = noise_plan(derived), national_sum(derived)
    tables = estimate(derived, national)
    found = [row for row in alone(derived, tables) if row["table"] in ("persons", "age")]
    assert [row["codes"] for row in found] == ["", "A0", "A18", "U"]
    assert (found[0]["dimensions"], found[0]["label_nl"], found[0]["label_en"]) == ("", "Totaal", "Total")
    assert sum(row["estimate"] for row in found[1:]) == pytest.approx(found[0]["estimate"])  # type: ignore[misc]
    facts = {fact.id: fact for fact in facts_of(derived)}
    for name in ("persons", "age"):
        assert (facts[name].rho, facts[name].noise_sd) == (0, None)
        assert facts[name].cell_sd == pytest.approx(max(cell.sd for cell in tables.table(name).cells))
    assert sum(fact.rho for fact in facts.values()) == total_rho(plan)


def test_a_table_for_three_years_is_left_out_of_one_and_the_manifest_says_why(derived: Programme) -> None:
    tables = estimate(derived, national_sum(derived))
    assert "reason" not in {row["table"] for row in alone(derived, tables)}
    facts = {fact.id: fact for fact in facts_of(derived)}
    assert {name for name, fact in facts.items() if fact.withheld} == {"reason"}
    assert (facts["reason"].years, facts["age"].years) == (3, 1)
    assert facts["reason"].rho > 0  # measured, and paid for, every year
    assert "drie jaar" in facts["reason"].withheld.nl  # type: ignore[union-attr]
    assert "three years" in facts["reason"].withheld.en  # type: ignore[union-attr]
    assert facts["reason"].periods == ()
    assert facts["age"].periods == ("2025",)
    made = manifest(derived)
    assert from_json(Manifest, to_bytes(made), "manifest") == made


def test_once_there_are_three_years_their_sum_is_published_beside_the_tables_of_the_last(
    derived: Programme,
) -> None:
    national = national_sum(derived)
    tables = estimate(derived, national)
    found = {row["table"]: row for row in rows(edition(derived, 3), [tables] * 3)}
    assert found["reason"]["sd"] == pytest.approx(math.sqrt(3) * tables.table("reason").cells[-1].sd)
    assert found["reason"]["estimate"] == pytest.approx(3 * tables.table("reason").cells[-1].estimate)
    assert found["age"]["estimate"] == tables.table("age").cells[-1].estimate
    assert (found["reason"]["periods"], found["age"]["periods"]) == ("2023|2024|2025", "2025")
    assert "reason" not in {row["table"] for row in rows(edition(derived, 2), [tables] * 2)}
    years = dict.fromkeys(("2023", "2024", "2025"), national)
    facts = {fact.id: fact for fact in facts_of(derived, years)}
    assert (facts["reason"].periods, facts["reason"].withheld) == (("2023", "2024", "2025"), None)
    assert facts["reason"].cell_sd == pytest.approx(
        max(cell.sd for cell in tables.table("reason").cells) * 3**0.5
    )
    assert facts["age"].periods == ("2025",)


def test_every_code_of_a_table_with_figures_is_explained_and_no_other_list_is(derived: Programme) -> None:
    facts = facts_of(derived)
    with_figures = derived.tables[:3] + derived.tables[4:]
    used = {name for table in with_figures for name in table.dimensions}
    assert {it.id for it in code_lists(derived, facts)} == used
    without = [fact for fact in facts if "reason" not in fact.dimensions or fact.withheld]
    assert "reason" not in {it.id for it in code_lists(derived, without)}


def test_the_national_lists_name_what_does_not_apply_and_what_is_missing() -> None:
    programme = parse(packaged("registratie-2025"))
    sums = dict.fromkeys(("2023", "2024", "2025"), no_sum(programme))
    facts = table_facts(programme, share_plan(programme, 40, 40), sums, 40, 40)
    lists = {it.id: it for it in code_lists(programme, facts)}
    assert lists.keys() == {name for table in programme.tables for name in table.dimensions}
    for name, found in lists.items():
        assert [code.code for code in found.codes] == [it.code for it in programme.dimension(name).codes]
    assert lists["reason"].missing == ("NREC", "NASK")
    assert lists["refusal"].not_applicable == lists["region-tie"].not_applicable == "NA"
    assert lists["nationality"].not_applicable is None


def no_sum(programme: Programme) -> NationalSum:
    plan = share_plan(programme, 40, 40)
    return add_up(plan, {"a": np.zeros(sum(it.cells + 1 for it in plan), dtype=np.int64)})


@pytest.mark.parametrize(
    "name", ["../figures.csv", "/etc/passwd", ".hidden", "a/b", "a\\b", "", "a\n", "x" * 101]
)
def test_no_name_in_a_manifest_leads_out_of_a_readers_directory(programme: Programme, name: str) -> None:
    value = json.loads(to_bytes(manifest(programme)))
    for changed in ({**value, "release_id": name}, {**value, "files": [{**value["files"][0], "name": name}]}):
        with pytest.raises(DocumentError):
            from_json(Manifest, json.dumps(changed).encode(), "manifest")


@pytest.mark.parametrize("kind", ["receipt", ""])
def test_no_other_document_passes_for_a_manifest(programme: Programme, kind: str) -> None:
    value = json.loads(to_bytes(manifest(programme)))
    with pytest.raises(DocumentError, match="kind"):
        from_json(Manifest, json.dumps({**value, "kind": kind}).encode(), "manifest")


def test_a_number_that_json_does_not_know_is_never_signed(programme: Programme) -> None:
    facts = privacy_facts(programme, noise_plan(programme), 4, 3)
    facts = facts.model_copy(update={"epsilon_upper": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        to_bytes(manifest(programme, privacy=facts))


@pytest.fixture
def together(written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes]) -> Programme:
    """The same in secure-sum mode, for eight and more."""
    rules = {"institutions_min": 8, "collude_max": 1, "absent_max": 2}
    return parse(toml(written | {"mode": "secure-sum", "roster": rules}))


def test_a_secure_sum_says_how_its_noise_was_shared_and_what_more_colluders_would_learn(
    together: Programme,
) -> None:
    plan = share_plan(together, 12, 11)
    facts = privacy_facts(together, plan, 12, 11)
    assert (facts.mode, facts.rho, facts.rho_spent) == ("secure-sum", Fraction(1, 2), Fraction(1, 2))
    assert facts.epsilon_upper == epsilon_upper(together.rho, together.delta)
    shared = facts.shared_noise
    assert shared is not None
    assert (shared.collude_max, shared.absent_max, shared.dealers) == (1, 2, 11)
    assert shared.rho_local == loss_of(together, plan, 11).local == 4
    # 2t - n1 - 1 is 4 for eleven keys and 5 for twelve; how many there were does not matter to the reader.
    assert "niet groter dan 1, dan is het verlies ten hoogste rho 0,5; bij 4 is dat rho 0,8" in (
        shared.colluders.nl
    )
    assert "rho 0.5; with 4 it is rho 0.8; from 5 on" in shared.colluders.en
    assert shared.colluders.nl.endswith("rho 4.")


def test_what_more_colluders_learn_follows_from_what_is_spent_as_the_rest_does(together: Programme) -> None:
    """A programme may state more than its tables use: both numbers follow the smaller then."""
    (first, *others) = together.tables
    less = together.model_copy(update={"tables": (first.model_copy(update={"rho_share": 0}), *others)})
    unused = together.rho_of(first)
    facts = privacy_facts(less, share_plan(less, 12, 11), 12, 11)
    assert facts.rho_spent == together.rho - unused
    more = facts.rho_spent * 8 / 5  # of eight honest shares three are known too, when four collude
    assert facts.shared_noise is not None
    said = f"rho {rounded_up(facts.rho_spent)}; with 4 it is rho {rounded_up(more)};"
    assert said in facts.shared_noise.colluders.en


@pytest.mark.parametrize(
    ("loss", "written"),
    [("1/2", "0.5"), ("9/16", "0.563"), ("45/16", "2.82"), ("45/4", "11.3"), ("1", "1"), ("0", "0"),
     ("1001/10", "101"), ("1/3000", "0.000334"), ("999999/1000000", "1"), ("4", "4"), ("20", "20")],
)  # fmt: skip
def test_a_loss_is_never_written_smaller_than_it_is(loss: str, written: str) -> None:
    assert rounded_up(Fraction(loss)) == written
    assert Fraction(written) >= Fraction(loss)


def test_what_is_not_protected_and_how_is_said_for_the_mode_that_was_carried_out(
    programme: Programme, together: Programme
) -> None:
    alone = privacy_facts(programme, noise_plan(programme), 12, 11)
    summed = privacy_facts(together, share_plan(together, 12, 11), 12, 11)
    assert alone.shared_noise is None
    assert alone.mechanism != summed.mechanism
    assert "maskers" in summed.mechanism.nl
    assert "masks" in summed.mechanism.en
    assert summed.unprotected.en.startswith(alone.unprotected.en)
    assert "noise of the national sum" in summed.unprotected.en


@pytest.mark.parametrize("rho", ["1/2", "1/3", "2/7"])
def test_a_secure_sum_spends_no_more_than_is_stated_and_states_no_less(
    written: dict[str, Any], toml: Callable[[dict[str, Any]], bytes], rho: str
) -> None:
    rules = {"institutions_min": 8, "collude_max": 1, "absent_max": 2}
    programme = parse(toml(written | {"mode": "secure-sum", "roster": rules, "rho": rho}))
    for dealers in range(8, 13):
        plan = share_plan(programme, 12, dealers)
        facts = privacy_facts(programme, plan, 12, dealers)
        assert facts.rho_spent <= programme.rho
        assert programme.rho - facts.rho_spent <= Fraction(1, 10**9)


def test_tables_of_a_secure_sum_state_their_own_rho_and_the_noise_of_the_sum(together: Programme) -> None:
    plan = share_plan(together, 12, 11)
    national = national_of(
        plan, [f"n{i}" for i in range(10)], np.zeros(together.vector_length, dtype=np.int64)
    )
    for fact, table in zip(
        table_facts(together, plan, {"2025": national}, 12, 11), together.tables, strict=True
    ):
        assert fact.rho == together.rho_of(table)
        assert fact.noise_sd == pytest.approx(
            (10 * fact.rows_per_person**2 / (2 * float(fact.rho)) / 8) ** 0.5
        )


def test_a_manifest_of_a_secure_sum_reads_back_equal(together: Programme) -> None:
    plan = share_plan(together, 12, 11)
    covered = manifest(together).coverage.model_copy(update={"dealt": 11, "dropped": ("b",)})
    made = manifest(together, privacy=privacy_facts(together, plan, 12, 11), coverage=covered)
    assert from_json(Manifest, to_bytes(made), "manifest") == made
