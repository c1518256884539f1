"""What `mailspec list scenarios` and `mailspec explain SCENARIO` say. Nothing here imports locust."""

from __future__ import annotations

import textwrap

from loadtest.bookkeeping.phases import PHASES
from loadtest.scenarios.table import ROLES, SCENARIOS, Scenario

WIDTH = 100
"""Columns of the text."""


def scenario_entries() -> list[dict[str, object]]:
    """All scenarios; `needs` and `takes` are lists of URL schemes, one of each of which must or may be given."""
    return [
        {
            "id": name,
            "summary": scenario.summary,
            "about": scenario.about,
            "needs": [list(ROLES[role]) for role in scenario.needs],
            "takes": [list(ROLES[role]) for role in scenario.takes],
            "needs_account": scenario.needs_account,
            "headline": scenario.headline,
            "operations": scenario.operations,
            "think_s": scenario.think_s,
        }
        for name, scenario in SCENARIOS.items()
    ]


def scenario_explained(name: str) -> str | None:
    """What somebody does in the scenario, with units, the URLs it goes to, and what its latency is; None if none has
    that name.
    """
    scenario = SCENARIOS.get(name)
    if scenario is None:
        return None
    account = "; an account is needed" if scenario.needs_account else ""
    lines = [
        f"{name}: {scenario.summary}",
        "",
        *textwrap.wrap(scenario.about, WIDTH, break_on_hyphens=False),
        "",
        *_entry("URL", " and ".join(map(_schemes, scenario.needs)) + account),
        *(_entry("beside", ", ".join(map(_schemes, scenario.takes))) if scenario.takes else []),
        *_entry("operations", scenario.operations),
        *_entry("latency", f"{scenario.headline}: {PHASES[scenario.headline]}"),
        *_entry("pause", _pause(scenario)),
    ]
    return "\n".join(lines) + "\n"


def _schemes(role: str) -> str:
    return " or ".join(f"{scheme}://" for scheme in ROLES[role])


def _pause(scenario: Scenario) -> str:
    if not scenario.think_s:
        return "none between operations; --think-time and --pace make one"
    return f"{scenario.think_s:g} s between operations, on average; --think-time says otherwise"


def _entry(name: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"  {name:<12}", subsequent_indent=" " * 14, break_on_hyphens=False
    )
