"""The programmes that come with this software.

A programme is written as one head and the parts that it shares with others: a
line ``#+ PATH`` in the head stands for that file. What is shown, signed and
counted is always the whole text, with every part in its place.
"""

from importlib.resources import files as resources

from samentel.errors import LocalFault

INCLUDE = "#+ "


def packaged(name: str) -> bytes:
    """A programme that comes with this software, whole; raises LocalFault that names those there are."""
    folder = resources("desk") / "programmes"
    names = sorted(
        entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")
    )
    if name not in names:
        raise LocalFault(
            f"{name}: there is no such file, nor a programme of that name here ({', '.join(names)})"
        )
    lines = (folder / f"{name}.toml").read_text("utf-8").splitlines()
    return "".join(
        (folder / line.removeprefix(INCLUDE)).read_text("utf-8") + "\n"
        if line.startswith(INCLUDE)
        else f"{line}\n"
        for line in lines
    ).encode()
