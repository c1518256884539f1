"""A scenario that a locust file of the user's own makes; what it is called is read from the file without running it.

Naming a scenario must not import locust, and the file does.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

from loadtest.bookkeeping.phases import PHASES
from loadtest.scenarios.table import ROLES, SCENARIOS, Scenario

SETTINGS = ("operations", "headline")
"""Attributes of the class that say what a turn is called, in the plural, and which phase its latency is."""


def own_scenario(path: str, class_name: str) -> Scenario:
    """The scenario of the class of that name in the file, or of whichever class is in it.

    Raises:
        ValueError: there is no such file, it cannot be read, or it names a phase that is none.
    """
    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    said = _settings(path, class_name)
    headline = said.get("headline", "submit")
    if headline not in PHASES:
        raise ValueError(f"{path}: headline = {headline!r}: nothing called that is timed, but {', '.join(PHASES)}")
    return replace(
        SCENARIOS["submit"],
        name=Path(path).stem,
        summary="a locust file of one's own",
        about=f"What {path} says.",
        user_class=f"{Path(path).absolute()}:{class_name}",
        needs=("any",),
        takes=tuple(role for role in ROLES if role != "any"),
        headline=headline,
        operations=said.get("operations", "messages"),
    )


def _settings(path: str, class_name: str) -> dict[str, str]:
    """The texts that the class gives to attributes of these names; of several classes, those of the last."""
    try:
        tree = ast.parse(Path(path).read_bytes(), path)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{path} is not Python: {error}") from error
    found = {}
    for node in tree.body:
        if not isinstance(node, ast.ClassDef) or class_name not in ("", node.name):
            continue
        for statement in node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(name)], value=ast.Constant(str(text))) if name in SETTINGS:
                    found[name] = text
                case ast.AnnAssign(target=ast.Name(name), value=ast.Constant(str(text))) if name in SETTINGS:
                    found[name] = text
    return found
