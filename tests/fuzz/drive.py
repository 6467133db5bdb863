"""Fuzzes one target under coverage guidance (atheris), in a process of its own.

    python drive.py TARGET CORPUS [-runs=N and whatever else libFuzzer knows]

The corpus starts with the valid inputs. An input that breaks something is written below ``-artifact_prefix``,
and the process ends with another status than 0.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["samentel", "tomllib", "json"]):
    from fuzzed_machines import MACHINES
    from fuzzed_parsers import TARGETS


def main() -> None:
    """Fuzz until the runs are done or something breaks."""
    name, corpus, *flags = sys.argv[1:]
    target = (TARGETS | MACHINES)[name]
    folder = Path(corpus)
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.seeds()):
        assert target.run(data) is not None
        (folder / f"valid-{number:03d}").write_bytes(data)

    def one(data: bytes) -> None:
        target.run(data)

    atheris.Setup([sys.argv[0], str(folder), *flags], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
