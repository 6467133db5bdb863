"""The terms of a round follow from signed documents alone, and any other document makes other terms."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from samentel.counting.shares import share_plan
from samentel.documents import programme as programmes
from samentel.documents.model import to_bytes
from samentel.documents.roster import Institution, Roster, parse
from samentel.documents.statements import Round, Start
from samentel.errors import PeerError, Reason, Refusal
from samentel.ids import Period
from samentel.secagg.convening import terms_of
from samentel.secagg.ring import NOISE_TAIL, Ring
from samentel.secagg.terms import Floors, check_announced, check_listed, check_survivors

NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
STEP = timedelta(minutes=30)


def roster(kit, n: int, version: int = 1) -> Roster:
    # Not in the order of their ids, as a roster need not be.
    entries = [
        Institution(
            node=f"node-{i:02d}",
            name=f"Institution {i}",
            operator="itself",
            type="VO_MO",
            province="PV27",
            protocol_key=kit.key(f"node {i}").public.raw.hex(),
        )
        for i in reversed(range(n))
    ]
    written = Roster(
        version=version,
        issued_at=NOW,
        coordinator_key=kit.key("coordinator").public.raw.hex(),
        institutions=tuple(entries),
    )
    return parse(to_bytes(written))


def documents(kit, written, toml, n: int = 6, listed: Roster | None = None, **changes):
    rules = {"institutions_min": 5, "collude_max": 1, "absent_max": 1}
    programme = programmes.parse(toml(written | {"mode": "secure-sum", "roster": rules} | changes))
    listed = listed or roster(kit, n)
    round_ = Round(
        programme=programme.digest,
        roster=listed.digest,
        period=Period(2025),
        attempt=1,
        nonce="0" * 64,
        opened_at=NOW - STEP,
        gather_until=NOW,
        collect_until=NOW + 10 * STEP,
    )
    moments = {
        "advertise_until": NOW + STEP,
        "share_until": NOW + 2 * STEP,
        "mask_until": NOW + 3 * STEP,
        "expires_at": NOW + 9 * STEP,
    }
    return programme, listed, round_, Start(round=round_.round_id, **moments)


@pytest.mark.clause("TERMS-1")
def test_terms_say_what_the_documents_say(kit, written, toml):
    programme, listed, round_, start = documents(kit, written, toml)
    terms = terms_of(programme, listed, round_, start)
    assert [member.node for member in terms.members] == [f"node-{i:02d}" for i in range(6)]
    assert [terms.key(i) for i in range(6)] == [kit.key(f"node {i}").public for i in range(6)]
    assert (terms.institutions_min, terms.collude_max, terms.absent_max) == (5, 1, 1)
    assert terms.cells == programme.vector_length
    assert terms.round.hex() == round_.round_id
    assert terms.deadlines.expires_at == start.expires_at


@pytest.mark.parametrize("what", ["programme", "roster", "round", "start"])
@pytest.mark.clause("TERMS-1")
def test_documents_that_do_not_belong_together_make_no_terms(kit, written, toml, what):
    programme, listed, round_, start = documents(kit, written, toml)
    others = {
        "programme": documents(kit, written, toml, version=4)[0],
        "roster": roster(kit, 6, version=2),
        "round": round_.model_copy(update={"nonce": "1" * 64}),
        "start": start.model_copy(update={"round": "0" * 64}),
    }
    shown = {"programme": programme, "roster": listed, "round": round_, "start": start} | {what: others[what]}
    with pytest.raises(PeerError, match="do not belong together"):
        terms_of(shown["programme"], shown["roster"], shown["round"], shown["start"])


def test_deadlines_that_do_not_follow_each_other_make_no_terms(kit, written, toml):
    programme, listed, round_, start = documents(kit, written, toml)
    backwards = start.model_copy(update={"share_until": start.mask_until})
    with pytest.raises(PeerError, match="deadlines"):
        terms_of(programme, listed, round_, backwards)


def test_another_deadline_makes_other_terms(kit, written, toml):
    programme, listed, round_, start = documents(kit, written, toml)
    later = start.model_copy(update={"expires_at": start.expires_at + STEP})
    one, other = terms_of(programme, listed, round_, start), terms_of(programme, listed, round_, later)
    assert one.digest != other.digest


@pytest.mark.clause("TERMS-10")
def test_the_ring_holds_the_most_that_any_admissible_list_can_give(kit, written, toml):
    """Also where the fewest deal, whose noise shares are the largest."""
    for rows_max in (1000, 10_000_000):
        populations = [one | {"rows_max": rows_max} for one in written["populations"]]
        parts = documents(kit, written, toml, n=40, populations=populations)
        terms = terms_of(*parts)
        for dealers in range(5, 41):
            for noise in share_plan(parts[0], 40, dealers):
                reach = noise.granularity * 40 * rows_max + NOISE_TAIL * noise.scale * 40**0.5
                assert reach < 2 ** (terms.ring - 1)
        assert terms.ring is (Ring.BITS_32 if rows_max == 1000 else Ring.BITS_64)


TEXT = {"nl": "tekst", "en": "text"}


def levelled(kit, written, toml, kinds: str):
    """Terms of a programme that counts by kind of organisation, one letter of ``kinds`` an institution."""

    def code(name: str, **more):
        return {"code": name, "nl": name, "en": name, **more}

    organisation = {
        "id": "organisation",
        "field": "type",
        "title": TEXT,
        "unknown": "C",
        "fixed_by": "type",
        "codes": [code("A"), code("B", by_consent=True), code("C"), code("D")],
    }
    part = {"id": "by-kind", "title": TEXT, "question": TEXT, "population": "persons", "rho_share": "1/8"}
    tables = [{**one, "rho_share": "1/8"} for one in written["tables"]]
    listed = roster(kit, len(kinds))
    entries = sorted(listed.institutions, key=lambda entry: entry.node)
    typed = [entry.model_copy(update={"type": kind}) for entry, kind in zip(entries, kinds, strict=True)]
    listed = parse(to_bytes(listed.model_copy(update={"institutions": tuple(reversed(typed))})))
    changes = {
        "dimensions": [*written["dimensions"], organisation],
        "tables": [*tables, {**part, "dimensions": ["organisation"]}],
    }
    return terms_of(*documents(kit, written, toml, listed=listed, **changes))


def test_levels_that_the_roster_fixes_are_under_the_rule_but_for_those_by_consent(kit, written, toml):
    terms = levelled(kit, written, toml, "AABACCCA")
    assert [(level.name, level.positions) for level in terms.levels] == [
        ("organisation:A", (0, 1, 3, 7)),
        ("organisation:C", (4, 5, 6)),
    ]  # nobody can fill D
    assert terms.digest != replace(terms, levels=()).digest


@pytest.mark.clause("TERMS-8")
def test_a_level_short_of_its_institutions_stops_the_sum(kit, written, toml):
    """c + 2 of each level, here three: at the keys, and once more before anybody signs the survivors."""
    terms = levelled(kit, written, toml, "AABACCCA")
    check_announced(terms, Floors())
    check_listed(terms, range(8))
    check_survivors(terms, range(8), (0, 1, 2, 3, 4, 5, 6))
    for present in ((0, 1, 2, 3, 4, 5, 7), (0, 2, 3, 4, 5, 6)):
        with pytest.raises(PeerError, match=r"level organisation:[AC]"):
            check_listed(terms, present)
    with pytest.raises(PeerError, match="level organisation:C"):
        check_survivors(terms, range(8), (0, 1, 2, 3, 4, 5, 7))
    with pytest.raises(Refusal) as caught:
        check_announced(levelled(kit, written, toml, "AABACCA"), Floors())
    assert caught.value.reason is Reason.PARAMETER_BELOW_FLOOR
