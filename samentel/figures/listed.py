"""The code lists that a release carries: what its codes mean, and their like in other code lists."""

from pydantic import Field

from samentel.documents.codelists import CodeText, Dimension, Key, Text
from samentel.documents.model import Model, Name
from samentel.documents.programme import Programme


class ListedCode(Model):
    """One code of a code list.

    Attributes:
        alignment: the same notion in other code lists, by the name of the list.
    """

    code: CodeText
    nl: Name
    en: Name
    alignment: dict[str, str] = Field(default_factory=dict)


class CodeList(Model):
    """The codes along one dimension of the tables in this release, in their order.

    Attributes:
        id: as it stands in ``dimensions`` of a table.
        missing: the codes that say why nothing is known, such as "not asked"; none if the list has no
            other than the code for unknown.
        not_applicable: the code of rows to which the question does not apply; None if it applies to all.
    """

    id: Key
    title: Text
    missing: tuple[CodeText, ...] = ()
    not_applicable: CodeText | None = None
    codes: tuple[ListedCode, ...]


def listed(programme: Programme, dimension: Dimension) -> CodeList:
    """The code list of one dimension of a programme, as a release carries it."""
    missing, not_applicable = dimension.missing, dimension.not_applicable
    if dimension.rolls_up is not None:  # its codes mean what those mean that they take together
        fine = programme.dimension(dimension.rolls_up)
        held = {code.code: set(code.members) for code in dimension.codes}
        missing = tuple(code for code, members in held.items() if members <= set(fine.missing))
        not_applicable = next((code for code, its in held.items() if its == {fine.not_applicable}), None)
    return CodeList(
        id=dimension.id,
        title=dimension.title,
        missing=missing,
        not_applicable=not_applicable,
        codes=tuple(
            ListedCode(code=code.code, nl=code.nl, en=code.en, alignment=code.alignment)
            for code in dimension.codes
        ),
    )
