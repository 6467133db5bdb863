import pytest

from desk import signing
from desk.packaged import packaged
from samentel.counting.privacy import noise_plan, total_rho
from samentel.documents import programme as programmes

REASONS = [
    *("THB_SEX", "THB_LAB", "THB_CRI", "THB_OTH", "THB_SUSP", "SV", "HG", "EER", "GGZ"),
    *("VER", "LVB", "DAK", "SCH", "ASY", "ZOR", "OTH", "NREC", "NASK"),
]


def test_the_reasons_are_the_national_list_with_not_recorded_and_not_asked_apart(programme):
    reason = programme.dimension("reason")
    assert [code.code for code in reason.codes] == REASONS
    assert reason.unknown == "NREC"
    assert {code.nl for code in reason.codes} >= {"Niet geregistreerd", "Niet gevraagd"}


def test_the_reason_table_gets_the_largest_share_and_nothing_is_left_over(programme):
    shares = {table.id: table.rho_share for table in programme.tables}
    assert max(shares, key=lambda name: shares[name]) == "reason"
    assert sum(shares.values()) == 1
    assert total_rho(noise_plan(programme)) <= programme.rho


def test_every_age_has_exactly_one_band(programme):
    bands = [code.bounds for code in programme.dimension("age").codes if code.bounds]
    assert all(sum(low <= age <= high for low, high in bands) == 1 for age in range(151))


def test_it_reads_the_same_by_name_and_as_a_file(tmp_path):
    (tmp_path / "copy.toml").write_bytes(packaged("aanleiding-demo"))
    by_name, by_file = (
        signing.read_programme("aanleiding-demo"),
        signing.read_programme(str(tmp_path / "copy.toml")),
    )
    assert by_name.digest == by_file.digest == programmes.parse(packaged("aanleiding-demo")).digest


NATIONAL = ("registratie-2025", "registratie-kwartaal-2025", "registratie-demo", "kwartaal-demo")


@pytest.fixture(scope="module")
def national():
    return {name: programmes.parse(packaged(name)) for name in NATIONAL}


@pytest.mark.parametrize("name", NATIONAL)
def test_every_table_and_population_says_in_two_languages_what_it_is_for(national, name):
    for one in (*national[name].tables, *national[name].populations):
        said = one.question if hasattr(one, "question") else one.definition
        assert said.nl != said.en
        assert len(said.nl) > 15 < len(said.en)
    assert all(population.registers for population in national[name].populations)


@pytest.mark.parametrize("name", NATIONAL)
def test_every_share_is_spent_and_no_person_adds_more_than_one_row(national, name):
    programme = national[name]
    assert sum(table.rho_share for table in programme.tables) == 1
    assert total_rho(noise_plan(programme)) <= programme.rho
    assert {population.rows_per_person for population in programme.populations} == {1}


def test_the_rehearsal_counts_what_the_nation_counts(national):
    for whole, part in (
        ("registratie-2025", "registratie-demo"),
        ("registratie-kwartaal-2025", "kwartaal-demo"),
    ):
        assert national[part].tables == national[whole].tables
        assert national[part].populations == national[whole].populations
        assert national[part].rho == national[whole].rho


def test_mediated_requests_are_registered_by_the_mediator_and_direct_ones_by_who_has_places(national):
    populations = {one.id: one.registers for one in national["registratie-2025"].populations}
    asked, placed = populations["requests"], populations["placements"]
    assert asked.field == "channel"
    assert {kind for kind, channel in asked.channels.items() if channel == "MEDIATED"} == {"COM"}
    assert set(asked.channels) - {"COM"} == set(placed.channels)
    assert populations["departures"] == populations["present"] == placed
    helpers = populations["clients"]
    assert populations["victims"] == populations["contacts"] == helpers
    assert "COM" not in helpers.channels


def test_a_contact_says_that_it_is_the_unit_of_privacy(national):
    contacts = next(one for one in national["registratie-2025"].populations if one.records == "contacts")
    assert "privacy is protected for one contact" in contacts.definition.en
    assert "per contact" in contacts.definition.nl
    assert "contacts" not in {one.records for one in national["registratie-kwartaal-2025"].populations}


def test_only_what_a_first_contact_settles_is_frozen(national):
    frozen = {one.id for one in national["registratie-2025"].dimensions if one.frozen}
    assert frozen == {"sex", "sex-three", "age", "citizenship", "nationality"}


def test_the_quarter_has_the_year_s_own_lists(national):
    year = {one.id: one for one in national["registratie-2025"].dimensions}
    for dimension in national["registratie-kwartaal-2025"].dimensions:
        assert dimension == year[dimension.id]
