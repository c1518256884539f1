"""The `connections` scenario: sessions that come and go in every protocol, each of them an operation of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reference_server.running import RunningServer, running_server
from reports.load import LoadResult
from tests.loadtest.commands import as_user, finished, read
from tests.loadtest.scripted_server import Peer, drip_a_handshake, drip_a_reply, serving


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server() as running:
        yield running


def storm(tmp_path: Path, url: str, *arguments: str) -> tuple[int, LoadResult]:
    """Exit status and result of a second of two users."""
    json_file = tmp_path / "load.json"
    run_time = ("--users", "2", "--run-time", "1s", "--json", str(json_file))
    status, _, err = finished("connections", url, *run_time, *arguments)
    assert json_file.exists(), err
    return status, read(json_file)


@pytest.mark.parametrize(
    ("scheme", "phases"),
    [
        ("smtp", {"connect", "greeting", "ehlo", "quit"}),
        ("lmtp", {"connect", "greeting", "ehlo", "quit"}),
        ("submissions", {"connect", "tls", "greeting", "ehlo", "auth", "quit"}),
        ("pop3", {"connect", "greeting", "capa", "tls", "auth", "quit"}),
        ("imaps", {"connect", "tls", "greeting", "auth", "logout"}),
    ],
)
def test_each_turn_is_a_whole_session(server: RunningServer, tmp_path: Path, scheme: str, phases: set[str]) -> None:
    url = server.urls[scheme]
    if "auth" in phases:
        url = as_user(url, "alice@example.test")
        # A maildrop is for one at a time (RFC 1939 §4): an account for each.
        status, result = storm(tmp_path, url, "--account", "bob@example.test:secret")
    else:
        status, result = storm(tmp_path, url)
    assert status == 0
    done = result.summary.accepted
    assert done > 0
    assert result.summary.ledger.attempted == done + result.summary.ledger.abandoned
    assert (result.headline, result.operations, result.summary.messages) == ("session", "sessions", 0)
    # A server may tell its capabilities unasked, so IMAP's are not always asked for.
    assert set(result.summary.latency_us) | {"capability"} == phases | {"session", "capability"}
    farewell = "logout" if scheme.startswith("imap") else "quit"
    for phase in ("session", farewell):
        assert result.summary.latency_us[phase].count == done
    assert result.summary.latency_us["connect"].count >= done


def test_tls_is_shaken_hands_on_in_every_session_if_asked_for(server: RunningServer, tmp_path: Path) -> None:
    status, result = storm(tmp_path, server.urls["smtp"], "--tls", "always")
    assert status == 0
    assert result.summary.latency_us["tls"].count >= result.summary.accepted > 0


def test_over_lmtp_a_session_begins_with_lhlo(tmp_path: Path) -> None:
    said: set[bytes] = set()

    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        while line := peer.line():
            said.add(line)
            peer.send(b"221 bye\r\n" if line == b"QUIT" else b"250 mail.test\r\n")

    with serving(script) as address:
        status, result = storm(tmp_path, f"lmtp://127.0.0.1:{address.sockaddr[1]}")
    assert status == 0
    assert result.summary.accepted > 0
    assert said == {b"LHLO client.example", b"QUIT"}


@pytest.mark.parametrize(
    ("conduct", "trouble"), [(drip_a_handshake, "tls: timeout"), (drip_a_reply, "greeting: timeout")]
)
def test_handshakes_and_replies_under_tls_have_a_deadline_however_they_come(
    conduct: Callable[[Peer], None], trouble: str
) -> None:
    with serving(conduct) as address:
        began = time.perf_counter()
        status, _, err = finished("connections", f"smtps://127.0.0.1:{address.sockaddr[1]}", "--reply-timeout", "3s")
    # The server lets go of nobody who waits.
    assert (status, trouble in err) == (3, True), err
    assert time.perf_counter() - began < 30


def test_sessions_that_come_to_nothing_are_told_apart(tmp_path: Path) -> None:
    connections = iter(range(10**6))

    def script(peer: Peer) -> None:
        number = next(connections)
        if number > 1 and number % 2:
            peer.send(b"421 too many\r\n")
            return
        peer.send(b"220 hi\r\n")
        peer.replies(b"250 mail.test\r\n")
        if number < 2:  # the first contact, and one that goes well
            peer.replies(b"221 bye\r\n")

    with serving(script) as address:
        status, result = storm(tmp_path, f"smtp://127.0.0.1:{address.sockaddr[1]}")
    assert status == 1
    summary = result.summary
    assert summary.accepted == 1
    assert summary.errors_by_reply_code == {"421": summary.refused}
    assert summary.refused > 0
    # QUIT is part of the session here: without an answer to it the session has failed.
    assert set(summary.errors_by_kind) <= {"quit: closed", "quit: reset"}
    assert sum(summary.errors_by_kind.values()) == summary.ledger.failed > 0


def test_a_maildrop_that_is_in_use_is_refused_for_now(server: RunningServer, tmp_path: Path) -> None:
    url = as_user(server.urls["pop3"], "alice@example.test")
    status, result = storm(tmp_path, url, "--users", "8")
    assert status == 0
    assert result.summary.accepted > 0
    assert result.summary.ledger.deferred == result.summary.refused
