"""The process in which atheris fuzzes one target: `python -m tests.fuzz.guided_child TARGET CORPUS [OPTION...]`.

It is a module of its own because nothing of the server may be imported before atheris looks.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any


def main() -> None:
    """Fuzz. Never returns: libFuzzer ends the process."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["reference_server"]):
        from tests.fuzz.targets import TARGETS
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
