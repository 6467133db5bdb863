"""The rules of code lists, each broken once in the national programme."""

import pytest

from desk.packaged import packaged
from samentel.documents import programme as programmes
from samentel.documents.codelists import rolled
from samentel.errors import DocumentError


@pytest.fixture(scope="module")
def text():
    return packaged("registratie-2025").decode()


def test_the_national_programme_holds(text):
    programme = programmes.parse(text.encode())
    assert programme.vector_length == sum(programme.cells(table) + 1 for table in programme.measured)


def test_a_dimension_that_rolls_up_says_where_every_fine_code_goes(text):
    programme = programmes.parse(text.encode())
    coarse, fine = programme.dimension("sex-three"), programme.dimension("sex")
    found = {
        code.code: coarse.codes[at].code for code, at in zip(fine.codes, rolled(coarse, fine), strict=True)
    }
    assert found == {"F": "F", "M": "M", "X": "XU", "U": "XU"}


BROKEN = [
    ('missing = ["NREC", "NASK"]', 'missing = ["NREC", "ASKED"]', "reason.missing: ASKED is not one"),
    ('not_applicable = "NA"', 'not_applicable = "NEVER"', "refusal.not_applicable: NEVER is not one"),
    ('not_applicable = "NA"', 'not_applicable = "UNK"', "refusal.not_applicable: what does not apply and"),
    ('not_applicable = "NA"\n', "", "refusal.applies: say with not_applicable"),
    (
        'applies = { outcome = ["REFUSED"] }',
        'applies = { result = ["REFUSED"] }',
        "applies: there is no other",
    ),
    (
        'applies = { outcome = ["REFUSED"] }',
        'applies = { outcome = ["NO"] }',
        "applies.outcome: NO is not one",
    ),
    (
        'id = "outcome"\nfield = "outcome"\nunknown = "UNK"\n',
        'id = "outcome"\nfield = "outcome"\nunknown = "UNK"\nnot_applicable = "WAIT"\n'
        'applies = { refusal = ["OTH"] }\n',
        "outcome.applies: refusal itself applies to some rows only",
    ),
    (
        'rolls_up = "citizenship"',
        'rolls_up = "passport"',
        "nationality.rolls_up: there is no dimension passport",
    ),
    ('rolls_up = "citizenship"', 'rolls_up = "part"', "nationality.rolls_up: there is no dimension part"),
    ('members = ["STL"]', 'members = ["NL"]', "nationality: the members of its codes must be the codes"),
    (
        'id = "nationality"\nfield = "citizenship"\nunknown = "UNK"',
        'id = "nationality"\nfield = "citizenship"\nunknown = "NL"',
        "nationality.unknown: NL must hold STL",
    ),
    (
        'id = "nationality"\nfield = "citizenship"',
        'id = "nationality"\nfield = "sex"',
        "nationality.field: must be citizenship",
    ),
    ('rolls_up = "sex"\n', "", "sex-three: members are for dimensions with rolls_up or fixed_by"),
    (
        'fixed_by = "facilities"\ntitle = { nl = "Soort opvang"',
        'title = { nl = "Soort opvang"',
        "by_consent is for",
    ),
    ('members = ["JEUGD"]', 'members = ["ZC"]', "organisation: ZC of the roster belongs to two codes"),
    ('field = "type"', 'field = "kind"', "organisation.field: must be type"),
    (
        'dimensions = ["reason", "organisation"]',
        'dimensions = ["facility", "organisation"]',
        "facility and organisation are both fixed by the roster",
    ),
    (
        'dimensions = ["citizenship", "form-five"]',
        'dimensions = ["form", "form-five"]',
        "form-five takes codes of form together; use one",
    ),
    (
        "rows_per_person = 1\n",
        'rows_per_person = 1\ndistinct = "place"\n',
        "clients.distinct: there is no dimension place",
    ),
    ("reference = 17000\n", "", "clients.reference: a reference figure and its source go together"),
    ("years = 3", "years = 2", "years: write 1, or in a yearly programme 3"),
]


@pytest.mark.parametrize(("whole", "broken", "said"), BROKEN)
def test_a_rule_that_is_broken_is_named_with_its_place(text, whole, broken, said):
    assert whole in text
    with pytest.raises(DocumentError) as caught:
        programmes.parse(text.replace(whole, broken, 1).encode())
    assert any(said in problem for problem in caught.value.problems), caught.value.problems
