"""Every load scenario, for a few seconds, on Postfix with Dovecot: mail goes in, comes out, and is accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loadtest.scenarios.table import SCENARIOS
from tests.loadtest.commands import as_user, finished, read

if TYPE_CHECKING:
    from reports.load import LoadResult
    from tests.interop.private_server import MailSystem

pytestmark = pytest.mark.interop

BOB = ("--account", "bob@example.test:secret")
FED = (*BOB, "--users", "2", "--feed-rate", "10", "--think-time", "0.1")

# The services that each scenario is given, and the rest of its command line.
RUNS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "relay": (("smtp", "imap"), (*BOB, "--users", "3", "--pipelining")),
    "submit": (("submission", "pop3"), (*BOB, "--users", "3")),
    "lmtp": (("lmtp", "imap"), (*BOB, "--users", "3", "--recipients-per-message", "2")),
    "delivery": (("smtp", "imap"), (*BOB, "--users", "2")),
    "pop3-poll": (("pop3", "lmtp"), FED),
    "imap-sync": (("imap", "lmtp"), FED),
    "imap-idle": (("imap", "lmtp"), (*BOB, "--users", "6", "--feed-rate", "10")),
    "office": (("imap", "smtp"), FED),
    "big-mailbox": (("imap",), ("--users", "1", "--message-size", "600")),
    "connections": (("imaps",), ("--users", "3")),
    "slow-clients": (("smtp", "imap"), ("--users", "2", "--slow-clients", "20")),
    "soak": (("submission", "imap"), (*BOB, "--users", "4", "--think-time", "0.2")),
}


# Fewer than Postfix and Dovecot have processes for, so that there is room for both.
BESIDE = ("--users", "2", "--slow-clients", "20", "--think-time", "0.1")


def test_every_scenario_has_its_run_here() -> None:
    assert set(RUNS) == set(SCENARIOS)


def run(
    system: MailSystem, tmp_path: Path, scenario: str, services: tuple[str, ...], arguments: tuple[str, ...]
) -> LoadResult:
    """The result of a run of this scenario, which has kept its thresholds."""
    urls = [
        system.urls[name] if name in ("smtp", "lmtp") else as_user(system.urls[name], "alice@example.test")
        for name in services
    ]
    json_file = tmp_path / "load.json"
    # A queue that has been given mail faster than it delivers takes its time.
    limits = ("--settle", "60s", "--late-after", "60s", "--reply-timeout", "60s")
    status, out, err = finished(scenario, *urls, *arguments, *limits, "--json", str(json_file))
    assert status == 0, out + err
    return read(json_file)


@pytest.mark.parametrize("scenario", RUNS)
def test_a_scenario_runs_and_no_message_is_lost(postfix_dovecot: MailSystem, tmp_path: Path, scenario: str) -> None:
    services, arguments = RUNS[scenario]
    result = run(postfix_dovecot, tmp_path, scenario, services, (*arguments, "--run-time", "3s"))
    ledger = result.summary.ledger
    assert result.summary.accepted > 0
    assert result.summary.latency_us[result.headline].count > 0
    assert ledger.broken_promises == 0
    if scenario not in ("big-mailbox", "connections"):
        assert ledger.closed
        assert ledger.delivered == ledger.expected > 0


@pytest.mark.parametrize("service", ["lmtp", "pop3", "pop3s", "imap", "imaps", "submission"])
def test_normal_users_are_served_beside_slow_clients(postfix_dovecot: MailSystem, tmp_path: Path, service: str) -> None:
    result = run(postfix_dovecot, tmp_path, "slow-clients", (service,), (*BOB, *BESIDE, "--run-time", "6s"))
    phases = result.summary.latency_us
    assert min(phases["alone"].count, phases["normal"].count) > 0
    assert phases["kept"].count + (phases["dropped"].count if "dropped" in phases else 0) >= 20


EIGHT_BIT = b"From: <a@b.test>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n.gr\xc3\xbc\xc3\x9fe\n"


@pytest.mark.parametrize("system", ["postfix_dovecot", "exim"])
@pytest.mark.parametrize(("scenario", "service"), [("relay", "smtp"), ("submit", "submission")])
@pytest.mark.parametrize("messages", ["1k-8k", "letters"])
def test_messages_arrive_with_the_header_and_the_octets_that_they_left_with(
    request: pytest.FixtureRequest, tmp_path: Path, system: str, scenario: str, service: str, messages: str
) -> None:
    server: MailSystem = request.getfixturevalue(system)
    if messages == "letters":
        letters = tmp_path / "letters"
        letters.mkdir()
        (letters / "eight.eml").write_bytes(EIGHT_BIT)
        (letters / "seven.eml").write_bytes(b"To: undisclosed-recipients:;\nSubject: x\n\nhi\n")
        messages = str(letters)
    arguments = ("--users", "2", "--recipients-per-message", "2", "--pace", "10", "--message-size", messages)
    result = run(server, tmp_path, scenario, (service, "imap"), (*BOB, *arguments, "--run-time", "2s"))
    ledger = result.summary.ledger
    assert (ledger.damaged, ledger.doubled, result.left_out) == (0, 0, 0)
    assert ledger.delivered == ledger.expected == 2 * ledger.accepted > 0
