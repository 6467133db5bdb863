"""The public figures that come with this software: an example for the authority to complete and sign."""

from importlib.resources import files as resources

NAME = "hulp.toml"


def packaged() -> bytes:
    """The example, as it is to be read, changed and signed."""
    return (resources("desk") / "public" / NAME).read_bytes()
