"""The best division of a programme's rho over its tables, for the author to write down.

The problem and its certificate are in ``samentel.figures.workload``; here are
the lines as they stand in a programme.
"""

import re
from collections.abc import Mapping
from fractions import Fraction

from samentel.documents.programme import Programme
from samentel.errors import DocumentError
from samentel.figures.workload import UNITS, Best, best_shares

_TABLE = re.compile(r"\s*\[\[\s*(\w+)\s*\]\]")
_ID = re.compile(r"""\s*id\s*=\s*["']([^"']*)["']""")
_SHARE = re.compile(r"""(\s*rho_share\s*=\s*)(?:["'][^"']*["']|\d+)(.*)""", re.DOTALL)


def best(programme: Programme) -> Best:
    """The shares that make the weighted sum of all variances least, whatever shares the programme has now."""
    return best_shares(programme)


def written(share: Fraction) -> str:
    """A share as it stands in a programme, such as "625/10000"; all of them over the same number."""
    return f"{share * UNITS}/{UNITS}" if share else "0"


def lines(found: Best) -> list[str]:
    """The shares as they stand in a programme, and how good they are."""
    width = max(len(table) for table in found.shares)
    shares = [f'{table:<{width}}  rho_share = "{written(share)}"' for table, share in found.shares.items()]
    return [
        *shares,
        "",
        f"weighted sum of all variances  {found.objective:.6g}",
        f"SVD bound                      {found.bound:.6g}  ({found.objective / found.bound:.4f} times)",
        f"other shares reach no less than {found.objective - found.gap:.6g}  "
        f"({found.gap / found.objective:.3%} less; {found.steps} steps)",
    ]


def as_values(found: Best) -> dict[str, object]:
    """The shares as plain values for JSON."""
    return {
        "shares": {table: written(share) for table, share in found.shares.items()},
        "objective": found.objective,
        "bound": found.bound,
        "gap": found.gap,
        "steps": found.steps,
    }


def put_into(data: bytes, shares: Mapping[str, Fraction], name: str) -> bytes:
    """The text of a programme, or of the part with its tables, with other shares and nothing else changed.

    Args:
        name: of the file, for the error.

    Raises:
        DocumentError: it is no programme, nor a part with tables; or a table of ``shares`` has no rho_share
            there, on a line of its own below its id.
    """
    text, section, table, done = _lines(data, name), "", "", set()
    if not any((opened := _TABLE.match(line)) and opened[1] == "tables" for line in text):
        raise DocumentError(name, ["is no programme, nor its part with tables: there is no [[tables]] in it"])
    for number, line in enumerate(text):
        if opened := _TABLE.match(line):
            section, table = opened[1], ""
        elif section == "tables" and (named := _ID.match(line)):
            table = named[1]
        elif table in shares and (found := _SHARE.fullmatch(line)):
            text[number] = f'{found[1]}"{written(shares[table])}"{found[2]}'
            done.add(table)
    missing = [table for table in shares if table not in done]
    if missing:
        raise DocumentError(name, [f"tables.{table}: has no rho_share here to write" for table in missing])
    return "".join(text).encode()


def _lines(data: bytes, name: str) -> list[str]:
    try:
        return data.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        raise DocumentError(name, ["is not UTF-8 text"]) from None
