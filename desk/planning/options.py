"""What somebody asked of a plan, such as ``--target total=3``, and cannot have."""

from collections.abc import Iterable, Sequence

from samentel.errors import LocalFault


class OptionsError(LocalFault):
    """Options that cannot be; no programme is wrong.

    Attributes:
        problems: one sentence a mistake, each with its option and what to write instead.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def refuse(problems: Iterable[str]) -> None:
    """Raise OptionsError if there are any."""
    found = list(problems)
    if found:
        raise OptionsError(found)
