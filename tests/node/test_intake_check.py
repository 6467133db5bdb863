"""What an institution sees of its own exports of four kinds, on its own screen."""

from datetime import UTC, datetime

import pytest

from desk.packaged import packaged
from node import check, config
from node.store import DocumentKind, DocumentRecord, Store
from node.texts import Words
from samentel.documents import programme as programmes
from samentel.documents import roster as rosters
from samentel.errors import DocumentError
from samentel.ids import Period

MAPPING = """
[file]
path = "clients.csv"
[columns]
person = "nr"
first_contact = "contact"
sex = "sekse"
form = "vorm"
[victims]
columns = { person = "nr", help_type = "hulp" }
only = { mh = ["ja"] }
[requests]
file = { path = "requests.csv" }
columns = { person = "client", requested = "gevraagd", outcome = "uitkomst", facility_asked = "soort" }
[placements]
file = { path = "placements.csv" }
columns = { person = "client", placed = "geplaatst", facility = "plek" }
"""
CLIENTS = """nr;contact;sekse;vorm;hulp;mh
K1;2025-01-01;F;LAB;HB_COSM;ja
K2;2025-01-01;M;CRI;HB_OMM;ja
K3;2025-01-01;M;geheim;;nee
;2025-01-01;M;;;nee
"""
REQUESTS = """client;gevraagd;uitkomst;soort
K1;2025-02-01;PLACED;COSM
K8;;REFUSED;OMM
K9;ooit;geheim;geheim
kapot
"""
PLACEMENTS = """client;geplaatst;plek
K1;2025-02-01;COSM
K2;2025-02-01;OMM
K2;2025-03-01;COSM
K2;2025-04-01;OTH
"""


def national():
    return programmes.parse(packaged("registratie-2025"))


@pytest.fixture
def look(directory):
    """The lines that are shown, the whole text in one."""
    (directory / "mapping.toml").write_text(MAPPING)
    for name, text in (("clients", CLIENTS), ("requests", REQUESTS), ("placements", PLACEMENTS)):
        (directory / f"{name}.csv").write_text(text)
    asked = national()

    def show(period=None, **more):
        loaded = config.load(directory / "node.toml")
        return "\n".join(check.lines(loaded, asked, period, Words("en"), **more))

    return show


@pytest.fixture
def rostered(kit, directory, certificates):
    """The institution is on a roster, with places for COSM only."""
    premises = kit.enrolled(directory, certificates, "127.0.0.1:9")
    mine, *others = rosters.parse(premises.roster().payload).institutions
    mine = mine.model_copy(update={"facilities": ("COSM",)})
    held = premises.roster(institutions=(mine, *others))
    with Store.open(premises.state) as store:
        document = DocumentRecord(DocumentKind.ROSTER, held.digest, held)
        store.write(datetime.now(UTC), documents=[document])


def test_every_kind_of_record_is_told_by_itself(look):
    shown = look()
    parts = {part.split(" ", 1)[0]: part for part in shown.split("\n\n")[1:]}
    assert list(parts) == ["Clients", "Victims", "Requests", "Placements"]
    assert "Lines with content: 4\nLines that can count (with a person's number): 3" in parts["Clients"]
    assert "! Lines without a person's number: do NOT count, add the number: 1" in parts["Clients"]
    assert "Different persons: 2" in parts["Victims"]
    assert "(requests.csv)" in parts["Requests"]
    assert "do NOT count: 1" in parts["Requests"]
    assert "! requests.requested (gevraagd): no date: counts in every year, in no quarter: 1" in shown
    assert "! requests.requested (gevraagd): date unreadable" in shown
    k = national().population("placements").rows_per_person
    assert f"! placements.person (client): persons with more than {k} line(s) in a year" in shown


def test_persons_that_no_client_file_has_are_counted(look):
    shown = look()
    assert shown.count("Persons who are not among the clients") == 1
    assert "the clients' file would tell is unknown: 2" in shown


def test_words_without_a_code_are_told_by_kind_of_record(look):
    assert "geheim" not in look()
    shown = look(values=True)
    for field in ("form (vorm)", "requests.outcome (uitkomst)", "requests.facility_asked (soort)"):
        assert f"! {field}: word without a code: counts as unknown: 1\n          1  geheim" in shown


def test_without_a_roster_tables_that_hang_on_it_are_left_out_and_this_is_said(look):
    shown = look(Period(2025))
    assert shown.count("! No roster that names this institution yet: the kinds of places") == 1
    [left_out] = [line for line in shown.splitlines() if "and so no tables by kind of organisation" in line]
    asked = national()
    for table in asked.tables:
        hangs = bool({"organisation", "house-part"} & set(table.dimensions))
        assert (table.title.en in left_out.split(": ", 1)[1].split("; ")) == hangs, table.id
        assert (f"\n{table.title.en}, 2025\n" in f"{shown}\n") == (not hangs), table.id
    assert "! facility: more than half" not in shown  # the column is fine: only the roster lacks
    assert "2  Another or unknown place\n" in shown  # one of each person: it is one kind of place now
    assert "a kind that this institution does not have" not in shown


def test_levels_that_the_roster_does_not_give_the_institution_are_counted(look, rostered):
    shown = look(Period(2025))
    assert "No roster" not in shown
    assert "organisation, 2025" in shown
    said = "a kind that this institution does not have, says the roster: unknown: 1"
    assert f"! facility (Placements): {said}" in shown
    assert f"! help (Victims): {said}" in shown
    k = national().population("placements").rows_per_person  # of two places of one person the later is COSM
    assert f"{k}  Shelter for foreign victims (COSM)" in shown


def test_the_tables_of_all_populations_are_shown_for_a_period(look, rostered):
    shown = look(Period(2025))
    for title, rows in (
        ("New clients, 2025", "        3  Total"),
        ("Victims in help, 2025", "        2  Total"),
        ("First requests for shelter, 2025", "        3  Total"),
        ("Placements, 2025", f"        {1 + national().population('placements').rows_per_person}  Total"),
    ):
        assert f"{title}\n{rows}\n" in shown


def test_stays_contacts_and_channels_are_told_by_their_own_rules(look, rostered, directory):
    edited(directory, 'facility = "plek" }', 'facility = "plek", ended = "tot", waiting = "dagen" }')
    edited(directory, 'facility_asked = "soort" }', 'facility_asked = "soort", channel = "via" }')
    edited(
        directory, "[requests]", '[contacts]\ncolumns = { contacted = "contact", sex = "sekse" }\n[requests]'
    )
    (directory / "placements.csv").write_text(
        "client;geplaatst;plek;tot;dagen\nK1;2025-02-01;COSM;ooit;5\nK2;2025-02-01;COSM;2025-01-01;lang\n"
    )
    (directory / "requests.csv").write_text(
        "client;gevraagd;uitkomst;soort;via\nK1;2025-02-01;;;direct\nK2;2025-02-01;;;geheim\n"
    )
    shown = look(Period(2025))
    for said in (
        "Contacts that can count (each line is one contact, and counts by itself): 1",
        "! Lines with a person's number: are NO contact, since it is known whose they are: 3",
        "! placements.ended (tot): end unreadable: counts as not ended: 1",
        "! placements.ended (tot): end before the beginning: counts at its end, and is not there on the "
        "reference day: 1",
        "! placements.waiting (dagen): number of days unreadable: counts as unknown: 1",
        "! requests.channel (via): word without a code: counts as unknown: 1",
        "First requests for shelter: we register channel DIRECT; lines of another channel count elsewhere",
    ):
        assert said in shown.splitlines(), said
    assert "geheim" not in shown
    assert not lines_with(shown, "no column `ended`")
    edited(directory, ', ended = "tot"', "")
    assert len(lines_with(look(), "no column `ended`")) == 2


def test_an_institution_that_registers_none_of_a_population_is_told_so(look, kit, directory, certificates):
    premises = kit.enrolled(directory, certificates, "127.0.0.1:9")
    mine, *others = rosters.parse(premises.roster().payload).institutions
    held = premises.roster(institutions=(mine.model_copy(update={"type": "AMB"}), *others))
    with Store.open(premises.state) as store:
        store.write(datetime.now(UTC), documents=[DocumentRecord(DocumentKind.ROSTER, held.digest, held)])
    shown = look(Period(2025))
    assert "Placements: we register none of these, our lines do not count here" in shown.splitlines()
    assert "\nPlacements, 2025\n\n" in shown


def test_dimensions_that_no_record_answers_are_named_once(look):
    lines = look().splitlines()
    for name in ("reason", "age", "citizenship", "via"):
        assert lines.count(f"! {name}: no column; everything counts as unknown") == 1
    assert not [line for line in lines if line.startswith("! organisation:")]


def edited(directory, old, new):
    path = directory / "mapping.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def lines_with(shown, words):
    return [line for line in shown.splitlines() if words in line]


def test_a_kind_of_record_without_any_line_is_told(look, directory):
    assert not lines_with(look(), "no such line")
    (directory / "placements.csv").write_text(PLACEMENTS.splitlines()[0] + "\n")
    assert lines_with(look(), "no such line") == [
        "! The mapping has [placements], but there is no such line at all: are file and words the right ones?"
    ]
    (directory / "placements.csv").write_text(PLACEMENTS.splitlines()[0] + "\n;2025-02-01;COSM\n")
    assert not lines_with(look(), "no such line")  # a line without a number is told as that


def test_words_of_only_that_stand_nowhere_are_told_as_they_are_written(look, directory):
    edited(directory, 'mh = ["ja"]', 'mh = [" JA ", "Vermoeden", "geheim"]')
    shown = look()
    assert lines_with(shown, "nowhere") == [
        f"! victims.only.\"mh\": the word '{word}' is nowhere in that column: is it spelled as in the export?"
        for word in ("Vermoeden", "geheim")
    ]
    assert "Different persons: 2" in shown
    (directory / "clients.csv").write_text(
        CLIENTS.replace(";2025-01-01;M;;;nee", ";2025-01-01;M;;;vermoeden")
    )
    assert len(lines_with(look(), "nowhere")) == 1  # a line without a number has it as well


def test_fields_that_the_programme_does_not_ask_are_named_on_one_quiet_line(look, directory):
    assert not lines_with(look(), "not asked")
    edited(directory, 'sex = "sekse"', 'sex = "sekse"\nmunicipality = "sekse"\nvia = "hulp"\nage = "mh"')
    edited(directory, 'facility_asked = "soort"', 'facility_asked = "soort", via = "soort"')
    assert lines_with(look(), "not asked") == [
        "In the mapping, and not asked by this programme: municipality (sekse), requests.via (soort)"
    ]


@pytest.mark.parametrize("place", ["codes", "blank"])
def test_a_code_that_the_programme_does_not_have_is_told_with_those_it_has(look, directory, place):
    codes = [code.code for code in national().dimension("sex").codes]
    wrong = '[codes.sex]\nman = "MAN"\n' if place == "codes" else '[blank]\nsex = "MAN"\n'
    edited(directory, "[victims]", f"{wrong}[victims]")
    with pytest.raises(DocumentError) as caught:
        look()
    assert caught.value.problems == (
        f"{place}.sex: MAN is geen code van het programma voor sex / MAN is not one of the programme's codes "
        f"for sex; die zijn / those are {', '.join(codes)}",
    )


def test_a_section_that_is_not_known_is_told_with_those_that_are(look, directory):
    edited(directory, "[placements]", "[placement]")
    with pytest.raises(DocumentError) as caught:
        look()
    assert caught.value.problems == (
        "placement: is not a key that is known here; de onderdelen van een mapping zijn / the sections of a "
        "mapping are [file], [columns], [victims], [requests], [placements], [contacts], [codes], [blank]",
    )
