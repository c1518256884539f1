"""Every scenario can be explained to somebody who has never heard of it."""

from __future__ import annotations

import json

import pytest

from loadtest.bookkeeping.phases import PHASES
from loadtest.listing import WIDTH, scenario_entries, scenario_explained
from loadtest.scenarios.table import SCENARIOS
from tests.loadtest.commands import ROOT


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_explanation_tells_what_is_done_where_it_goes_and_what_is_timed(name: str) -> None:
    scenario = SCENARIOS[name]
    text = scenario_explained(name)
    assert text is not None
    flowing = " ".join(text.split())
    for words in (scenario.summary, scenario.about, scenario.operations, PHASES[scenario.headline], "://"):
        assert " ".join(words.split()) in flowing
    assert ("an account is needed" in text) == scenario.needs_account
    assert all(len(line) <= WIDTH or line.startswith(name) for line in text.splitlines())


def test_nothing_is_said_of_what_is_no_scenario() -> None:
    assert scenario_explained("smtp/rset/discards_the_pending_transaction") is None


def test_the_list_has_what_a_program_needs_to_choose_one() -> None:
    entries = json.loads(json.dumps(scenario_entries()))
    assert [entry["id"] for entry in entries] == list(SCENARIOS)
    idle = next(entry for entry in entries if entry["id"] == "imap-idle")
    assert idle["needs"] == [["imap", "imaps"]]
    assert ["smtp", "smtps", "lmtp"] in idle["takes"]
    assert (idle["headline"], idle["operations"], idle["needs_account"]) == ("push", "pushes", True)


def test_the_documentation_has_a_row_for_every_scenario() -> None:
    text = (ROOT / "docs" / "load.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    told = {row[0].strip("`"): row for row in rows if len(row) == 6}
    for name, scenario in SCENARIOS.items():
        assert told[name][1] == scenario.summary
        assert told[name][4:] == [scenario.operations, f"`{scenario.headline}`"]
        assert ("–" in told[name][3]) == (not scenario.takes)
