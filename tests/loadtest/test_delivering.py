"""`delivery`: what goes in over SMTP or LMTP is timed until an idling reader has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import reference_server.smtp.faults  # noqa: F401 - registers the faults
from reference_server.registry import FAULTS
from reference_server.running import RunningServer, default_cores, running_server
from tests.loadtest.commands import as_user, finished, read


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(protocols=["smtp", "lmtp", "imap"]) as running:
        yield running


@pytest.mark.parametrize("scheme", ["smtp", "lmtp"])
def test_every_message_is_timed_until_its_reader_has_it(server: RunningServer, tmp_path: Path, scheme: str) -> None:
    json_file = tmp_path / "load.json"
    urls = (server.urls[scheme], as_user(server.urls["imap"], "alice@example.test"))
    arguments = ("--account", "bob@example.test:secret", "--users", "3", "--run-time", "2s", "--json", str(json_file))
    status, _, err = finished("delivery", *urls, *arguments)
    assert status == 0, err
    result = read(json_file)
    ledger, latency = result.summary.ledger, result.summary.latency_us
    assert ledger.closed
    assert ledger.delivered == ledger.expected >= ledger.accepted > 0
    assert latency["delivery"].count == ledger.accepted
    assert latency["delivery"].min >= latency["submit"].min
    assert latency["idle"].count > 0
    assert result.headline == "delivery"


def test_several_processes_have_readers_of_their_own(server: RunningServer, tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    urls = (server.urls["smtp"], as_user(server.urls["imap"], "alice@example.test"))
    arguments = ("--users", "4", "--run-time", "2s", "--processes", "2", "--json", str(json_file))
    status, _, err = finished("delivery", *urls, *arguments)
    assert status == 0, err
    ledger = read(json_file).summary.ledger
    # Each reader sees the messages of both processes, and no message is doubled by that.
    assert ledger.delivered == ledger.expected >= ledger.accepted > 0
    assert (ledger.doubled, ledger.damaged, ledger.foreign) == (0, 0, 0)


def test_a_message_that_never_comes_is_a_failure_and_lost(tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    cores = default_cores() | {"smtp": FAULTS["loses-one-message-in-ten"].core}
    with running_server(protocols=["smtp", "imap"], cores=cores) as broken:
        urls = (broken.urls["smtp"], as_user(broken.urls["imap"], "alice@example.test"))
        arguments = ("--users", "1", "--run-time", "2s", "--late-after", "0.2s", "--settle", "0.5s")
        status, _, err = finished("delivery", *urls, *arguments, "--json", str(json_file))
    assert status == 1, err
    result = read(json_file)
    assert result.summary.ledger.lost > 0
    assert result.summary.errors_by_kind["delivery: not there after 0.2 s"] == result.summary.ledger.failed > 0
