"""Scenarios of those who read mail, and of those who get in their way, against the reference server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reference_server.running import RunningServer, running_server
from reports.load import LoadResult
from tests.loadtest.commands import as_user, finished, read

BOB = ("--account", "bob@example.test:secret")


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(protocols=["smtp", "lmtp", "pop3", "imap"]) as running:
        yield running


@pytest.fixture
def run(server: RunningServer, tmp_path: Path) -> Callable[..., LoadResult]:
    def run(scenario: str, *services: str, arguments: tuple[str, ...]) -> LoadResult:
        urls = [
            as_user(server.urls[name], "alice@example.test") if name in ("imap", "pop3") else server.urls[name]
            for name in services
        ]
        json_file = tmp_path / "load.json"
        status, _, err = finished(scenario, *urls, *arguments, "--run-time", "2s", "--json", str(json_file))
        assert status == 0, err
        return read(json_file)

    return run


def all_accounted_for(result: LoadResult) -> bool:
    ledger = result.summary.ledger
    return ledger.closed and ledger.delivered == ledger.expected > 0 and not ledger.broken_promises


def test_pollers_fetch_what_comes_and_remove_it_later(run: Callable[..., LoadResult]) -> None:
    result = run(
        "pop3-poll", "pop3", "lmtp", arguments=(*BOB, "--users", "2", "--think-time", "0.05", "--feed-rate", "20")
    )
    latency = result.summary.latency_us
    assert all_accounted_for(result)
    assert latency["poll"].count == result.summary.accepted > 0
    assert latency["retr"].count >= latency["dele"].count > 0


@pytest.mark.parametrize("sender", ["smtp", "lmtp"])
def test_each_idling_client_is_told_of_each_message(run: Callable[..., LoadResult], sender: str) -> None:
    result = run("imap-idle", "imap", sender, arguments=("--users", "5", "--feed-rate", "20"))
    assert all_accounted_for(result)
    messages = result.summary.ledger.delivered
    # Those that came before all had idled, and the last one, were not told to everybody.
    assert messages < result.summary.latency_us["push"].count <= 5 * messages
    assert result.summary.latency_us["idle"].count == 5


def test_mail_for_those_who_read_counts_towards_the_highest_rate(run: Callable[..., LoadResult]) -> None:
    limits = ("--users", "4", "--think-time", "0.01", "--feed-rate", "15", "--max-rate", "20")
    result = run("pop3-poll", "pop3", "lmtp", arguments=(*BOB, *limits))
    operations = result.summary.ledger.attempted + result.summary.ledger.sent
    # A tenth of a second that nobody used may be made good.
    assert 0 < operations <= 20 * (result.duration_s + 0.1) + 2
