"""Every load scenario, for a moment, on the reference server: it measures, has a report, and loses no mail."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtest.scenarios.table import SCENARIOS
from reports.load import load_exit
from tests.loadtest.commands import finished, read
from tests.reports.page import Page

# What makes a scenario of minutes show something in a second.
HASTE: dict[str, tuple[str, ...]] = {
    "relay": ("--pipelining", "--recipients-per-message", "2"),
    "submit": ("--message-size", "mixed"),
    "lmtp": ("--recipients-per-message", "2"),
    "delivery": (),
    "pop3-poll": ("--think-time", "0.05", "--feed-rate", "20"),
    "imap-sync": ("--think-time", "0.05", "--feed-rate", "20"),
    "imap-idle": ("--feed-rate", "20"),
    "office": ("--think-time", "0.05", "--feed-rate", "20"),
    "big-mailbox": ("--message-size", "600"),
    "connections": (),
    "slow-clients": (),
    "soak": ("--think-time", "0.05"),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_runs_on_the_reference_server(tmp_path: Path, name: str) -> None:
    json_file, html_file = tmp_path / "load.json", tmp_path / "load.html"
    patience = ("--settle", "60s", "--late-after", "60s", "--reply-timeout", "60s")
    options = ("--users", "2", "--judge", "10%", "--json", str(json_file), "--html", str(html_file))
    # As long as it takes: on a machine with other work a moment may be too short.
    for run_time in ("2s", "30s"):
        status, out, err = finished(name, *HASTE[name], *patience, *options, "--run-time", run_time)
        result = read(json_file)
        if result.summary.accepted:
            break
    assert status == load_exit(result) == 0, out + err
    assert (result.scenario, result.load_model) == (name, "closed")
    assert result.summary.accepted > 0
    assert result.summary.latency_us[result.headline].count > 0
    ledger = result.summary.ledger
    assert ledger.broken_promises == 0
    if ledger.sent:
        assert ledger.closed
        assert ledger.delivered == ledger.expected > 0
    assert result.judge is not None
    assert (result.judge.replies > 0, result.judge.deviations) == (True, ())
    page = Page(html_file.read_text())
    assert name in page.text
