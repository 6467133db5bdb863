"""docs/codes.md has every code of the national programme, as the programme has it.

To renew it after a change of a code list:

    .venv/bin/python tests/desk/test_codes_page.py
"""

from pathlib import Path

from desk.packaged import packaged
from samentel.documents import programme as programmes

PAGE = Path(__file__).parents[2] / "docs" / "codes.md"
HEAD = """# The code lists of the national programme

Made from `registratie-2025`; `registratie-kwartaal-2025` counts by some of the same lists. Do not change this
page by hand: `tests/desk/test_codes_page.py` compares it, and names the command that renews it.

"The same elsewhere" names the same notion in other lists: `eurostat` (crime statistics on trafficking),
`iccs` (the international classification of crime; "verify" marks a subcode whose source was not at hand),
`htcds` (Human Trafficking Case Data Standard 2.0), `cbs` (regions), `iwmo` (product categories of iWmo 2.0,
or another of its lists by name), `cod046` (sex), `jeugd` (Beleidsinformatie Jeugd). A list `ic_tip` (the
classification of 2025) has its place once its codes are at hand; none is guessed.
"""


def page():
    """The whole page."""
    programme = programmes.parse(packaged("registratie-2025"))
    return "\n".join([HEAD, *(line for one in programme.dimensions for line in section(one))])


def section(dimension):
    yield f"## {dimension.id}\n"
    yield f"{dimension.title.nl} / {dimension.title.en}. {' '.join(facts(dimension))}\n"
    yield "| code | Nederlands | English | holds | the same elsewhere |"
    yield "|---|---|---|---|---|"
    for code in dimension.codes:
        holds = " to ".join(map(str, code.bounds)) if code.bounds else ", ".join(code.members)
        elsewhere = "; ".join(f"{name} {said}" for name, said in sorted(code.alignment.items()))
        consent = " (by consent)" if code.by_consent else ""
        yield f"| `{code.code}` | {code.nl} | {code.en} | {holds}{consent} | {elsewhere} |"
    yield ""


def facts(dimension):
    yield f"Field `{dimension.field}`."
    if dimension.rolls_up:
        yield f"Takes codes of [{dimension.rolls_up}](#{dimension.rolls_up}) together."
    if dimension.fixed_by:
        yield f"Fixed by the roster ({dimension.fixed_by}), not by records."
    else:
        yield f"Not known: `{dimension.unknown}`."
    if dimension.missing:
        yield f"Says why nothing is known: {', '.join(f'`{code}`' for code in dimension.missing)}."
    for name, codes in dimension.applies.items():
        asked = ", ".join(f"`{code}`" for code in codes)
        yield f"Asked where {name} is {asked}; else `{dimension.not_applicable}`."
    if dimension.frozen:
        yield "Does not change after the first contact."


def test_the_page_has_every_code_of_the_programme():
    assert PAGE.read_text("utf-8") == page()


def test_every_question_has_an_answer_for_what_is_not_known():
    for name in ("registratie-2025", "registratie-demo", "registratie-kwartaal-2025", "kwartaal-demo"):
        for dimension in programmes.parse(packaged(name)).dimensions:
            unknown = next(code for code in dimension.codes if code.code == dimension.unknown)
            said = dimension.fixed_by in ("type", "province") or any(
                word in unknown.nl.lower() for word in ("onbekend", "niet ", "staatloos")
            )
            assert said, (name, dimension.id, unknown.nl)


def test_no_code_is_guessed():
    dimensions = programmes.parse(packaged("registratie-2025")).dimensions
    lists = {name for one in dimensions for code in one.codes for name in code.alignment}
    assert lists == {"eurostat", "iccs", "htcds", "cbs", "iwmo", "cod046", "jeugd"}


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
