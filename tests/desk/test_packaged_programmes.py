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
