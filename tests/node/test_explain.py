"""What the person who says yes reads of a programme, in both languages, before any record is looked at."""

import string
from datetime import UTC, datetime
from fractions import Fraction

import pytest

from desk.packaged import packaged
from node import approving, explain
from node.config import LOCAL_CAP
from node.store import DocumentKind, DocumentRecord, Store
from node.texts import TEXTS, Words
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.documents.envelope import seal
from samentel.documents.keys import SigningKey
from samentel.documents.model import to_bytes
from samentel.documents.roster import PAYLOAD_TYPE, Institution, Roster


@pytest.fixture(scope="module")
def together():
    return programmes.parse(packaged("aanleiding-samen"))


def text(*arguments):
    return "\n".join(explain.programme(*arguments))


@pytest.mark.parametrize(
    ("language", "says"),
    [
        pytest.param(
            "nl",
            [
                "Niemand ziet de getallen van onze instelling, ook de coördinator niet",
                "landelijke som van ten minste 8 instellingen",
                "alle 12 instellingen van de deelnemerslijst",
                "ruis (sd) 1.5 in een landelijke cel; ons ruisdeel (sd) 0.43",
                "rho = 1/2 per poging",
                "c = 1",
                "Zijn het er 3, dan is het rho 0.83",
                "alle anderen tegen ons samenspannen",
                "rho 9/2 per poging",
                "plafond ervoor is rho 80 per verslagjaar (caps.local)",
                "Bij 12 instellingen is dat genoeg voor 2 van de 2 poging(en)",
                "D = 2",
                "Een mislukte ronde kan kosten",
            ],
            id="nl",
        ),
        pytest.param(
            "en",
            [
                "Nobody sees our institution's numbers, nor does the coordinator",
                "national sum of at least 8 institutions",
                "all 12 institutions of the roster",
                "noise (sd) 1.5 in a national cell; our noise share (sd) 0.43",
                "rho = 1/2 per attempt",
                "c = 1",
                "If 3 of them do, it is rho 0.83",
                "everybody else works together against us",
                "rho 9/2 per attempt",
                "its cap is rho 80 a reporting year (caps.local)",
                "With 12 institutions that is enough for 2 of the 2 attempt(s)",
                "D = 2",
                "A lost round may cost",
            ],
            id="en",
        ),
    ],
)
def test_a_secure_sum_is_explained(together, language, says):
    shown = text(together, Words(language), 12, LOCAL_CAP)
    for words in says:
        assert words in shown, words
    assert "INDIVIDU" not in shown
    assert "LET OP" not in shown
    assert "NOTE" not in shown


def test_without_a_roster_the_smallest_number_is_counted_on_and_said(together):
    shown = text(together, Words("nl"))
    assert "nog geen deelnemerslijst" in shown
    assert "8 instellingen" in shown
    assert "plafond ervoor" not in shown


def test_without_a_roster_the_worst_case_is_shown_to_grow_and_never_flattering(together):
    shown = text(together, Words("en"), None, LOCAL_CAP)
    assert "grows with the roster: (n - c - D) x rho" in shown
    for number, rho in ((8, "5/2"), (40, "37/2"), (100, "97/2")):
        assert f"n = {number:<3} rho {rho} " in shown
    assert "With 8 institutions that is enough for 2 of the 2" in shown  # not 32: the programme admits two
    assert "With 40 institutions that is enough for 2 of the 2" in shown
    assert "With 100 institutions that is enough for 1 of the 2" in shown
    assert "admits fewer attempts" in shown


@pytest.mark.parametrize(
    ("rostered", "cap", "attempts"),
    [
        (40, LOCAL_CAP, 2),
        (76, LOCAL_CAP, 2),
        (83, LOCAL_CAP, 2),
        (84, LOCAL_CAP, 1),
        (40, Fraction(36), 1),
        (76, Fraction(36), 0),
    ],
)
def test_a_local_cap_that_admits_fewer_attempts_than_the_programme_says_so(together, rostered, cap, attempts):
    shown = text(together, Words("nl"), rostered, cap)
    assert f"Bij {rostered} instellingen is dat genoeg voor {attempts} van de 2 poging(en)" in shown
    assert ("LET OP" in shown) == (attempts < 2)
    assert "groeit met de deelnemerslijst" not in shown


def test_a_roster_below_the_least_number_does_not_make_the_noise_smaller(together):
    assert "rho 5/2 per poging" in text(together, Words("nl"), 4)


def test_an_individual_programme_says_nothing_of_a_secure_sum():
    shown = text(programmes.parse(packaged("aanleiding-demo")), Words("nl"), 12, LOCAL_CAP)
    assert "INDIVIDUELE WIJZE" in shown
    assert "Beveiligde som" not in shown
    assert "per instelling; rho" in shown


@pytest.mark.parametrize(
    ("language", "placed", "asked", "came", "sealed"),
    [
        ("nl", "datum van de plaatsing", "datum van het verzoek", "bij het eerste contact", "ligt hier vast"),
        ("en", "date of the placement", "date of the request", "at the first contact", "is fixed here"),
    ],
)
def test_every_population_is_told_with_the_date_by_which_it_counts(language, placed, asked, came, sealed):
    shown = programmes.parse(packaged("registratie-2025"))
    lines = text(shown, Words(language)).splitlines()
    said = {}
    for population in shown.populations:
        at = next(n for n, line in enumerate(lines) if Words(language).either(*titles(population)) in line)
        said[population.id] = lines[at + 1]
    expected = {"clients": came, "victims": came, "requests": asked, "placements": placed}
    assert {name for name, words in expected.items() if words in said[name]} == set(expected)
    assert sum(sealed in line for line in lines) == 1


@pytest.mark.parametrize(
    ("language", "says"),
    [
        (
            "nl",
            {
                "contacts": "EEN CONTACT, geen persoon",
                "departures": "zonder leesbare einddatum is zij niet geëindigd",
                "present": "op 31-12 van het jaar",
            },
        ),
        (
            "en",
            {
                "contacts": "ONE CONTACT here, not a person",
                "departures": "without a readable end it has not ended",
                "present": "on 31-12 of the year",
            },
        ),
    ],
)
def test_contacts_and_stays_are_told_by_their_own_rules(language, says):
    shown, words = programmes.parse(packaged("registratie-2025")), Words(language)
    for name, said in says.items():
        population = shown.population(name)
        [at] = [line for line in said_of(shown, words, population) if said in line]
        assert ("row(s)" in at or "rij(en)" in at) == (name != "contacts")


@pytest.mark.parametrize(
    ("kind", "ours"),
    [
        ("COM", "(COM) registers channel MEDIATED"),
        ("COSM", "(COSM) registers channel DIRECT"),
        ("AMB", "(AMB) registers none of these"),
        (None, "no roster yet"),
    ],
)
def test_which_channel_this_institution_registers_is_told(kind, ours):
    shown, words = programmes.parse(packaged("registratie-2025")), Words("en")
    house = rosters.parse(roster(1, 1).payload).institutions[0].model_copy(update={"type": kind})
    lines = said_of(shown, words, shown.population("requests"), house if kind else None)
    assert any("COM (MEDIATED), COSM (DIRECT)" in line for line in lines)
    assert any("(field channel)" in line for line in lines)
    assert any(ours in line for line in lines)


def test_a_channel_that_few_register_is_told_as_a_small_level():
    shown, asked = programmes.parse(packaged("registratie-2025")), ("requests:MEDIATED",)
    lines = list(explain.small_levels(shown, approving.SmallLevels(True, asked, asked), 40, Words("en")))
    [line] = [line for line in lines if "requests:MEDIATED" in line]
    assert line.startswith("  First requests for shelter: channel MEDIATED")
    assert 1 < float(line.partition("+-")[2].split()[0]) < 100


def test_a_year_of_quarters_is_told_with_the_programme_of_the_quarters():
    shown = programmes.parse(packaged("registratie-2025"))
    clients = shown.population("clients").model_copy(update={"of_quarters": "by-quarter"})
    others = [one for one in shown.populations if one.id != "clients"]
    told = shown.model_copy(update={"populations": (clients, *others)})
    assert "counted in a quarter of that year for by-quarter" in text(told, Words("en"))


def said_of(shown, words, population, house=None):
    """The lines about a population."""
    lines = list(explain.programme(shown, words, 40, None, house))
    at = next(n for n, line in enumerate(lines) if words.either(*titles(population)) in line)
    starts = tuple(words.either(*titles(one)) for one in shown.populations)
    rest = lines[at + 1 :]
    end = next(n for n, line in enumerate(rest) if line.startswith(starts) or not line)
    return rest[:end]


def titles(population):
    return f"  {population.title.nl}: ", f"  {population.title.en}: "


def test_every_sentence_of_a_secure_sum_takes_the_same_facts_in_both_languages():
    for key, both in TEXTS.items():
        names = [{name for _, name, _, _ in string.Formatter().parse(it) if name} for it in both]
        assert names[0] == names[1], key


class Settings:
    """As much of the configuration as the number of institutions needs."""

    def __init__(self, state_dir):
        self.state_dir = state_dir


def test_the_number_of_institutions_is_that_of_the_newest_roster_held(tmp_path):
    config = Settings(tmp_path)
    assert approving.rostered(config) is None  # no store yet
    with Store.open(tmp_path) as store:
        assert approving.rostered(config) is None
        for version, number in ((1, 9), (2, 12)):
            envelope = roster(version, number)
            store.write(
                datetime.now(UTC),
                documents=[DocumentRecord(DocumentKind.ROSTER, envelope.digest, envelope)],
            )
    assert approving.rostered(config) == 12


def roster(version, number):
    keys = [SigningKey(bytes([1, at]) * 16).public.raw.hex() for at in range(number + 1)]
    listed = [
        Institution(
            node=f"node-{at:02d}",
            name=f"Institution {at}",
            operator="itself",
            type="VO_MO",
            province="PV27",
            protocol_key=keys[at],
        )
        for at in range(number)
    ]
    made = Roster(
        version=version,
        issued_at=datetime(2026, 4, 1, tzinfo=UTC),
        coordinator_key=keys[-1],
        institutions=tuple(listed),
    )
    return seal(PAYLOAD_TYPE, to_bytes(made), SigningKey(b"\7" * 32))
