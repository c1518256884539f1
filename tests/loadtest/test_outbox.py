"""What is handed in is told to the ledger, recipient by recipient where the server answers for each (RFC 2033 §4.2)."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reference_server.running import RunningServer, running_server
from reports.load import LoadResult
from tests.loadtest.commands import as_user, finished, read
from tests.loadtest.scripted_server import Peer, serving

BOTH = ("alice@example.test", "bob@example.test")


@pytest.fixture(scope="module")
def keeper() -> Iterator[RunningServer]:
    """Keeps the mailboxes; what is behind the scripted LMTP server hands its mail to it."""
    with running_server(protocols=["smtp", "imap"]) as running:
        yield running


@contextmanager
def lmtp(keeper: RunningServer, replies: Callable[[Peer], None], change: Callable[[bytes], bytes]) -> Iterator[str]:
    """An LMTP server that delivers every message, changed, to both recipients and says of it what it likes; its URL."""

    def script(peer: Peer) -> None:
        peer.send(b"220 mail.test LMTP\r\n")
        peer.replies(b"250 mail.test\r\n")
        while (line := peer.line()).startswith((b"MAIL", b"RCPT", b"DATA")):
            peer.send(b"354 go\r\n" if line == b"DATA" else b"250 ok\r\n")
            if line == b"DATA":
                text = peer.text().replace(b"\r\n..", b"\r\n.")
                with smtplib.SMTP("127.0.0.1", urlsplit(keeper.urls["smtp"]).port or 0) as behind:
                    behind.sendmail("list@example.test", BOTH, change(text))
                replies(peer)
        if line == b"QUIT":
            peer.send(b"221 bye\r\n")

    with serving(script) as address:
        yield f"lmtp://127.0.0.1:{address.sockaddr[1]}"


def handed_in(
    keeper: RunningServer,
    replies: Callable[[Peer], None],
    tmp_path: Path,
    change: Callable[[bytes], bytes] = lambda text: text,
) -> tuple[int, LoadResult]:
    """Exit status and result of a run whose messages go to alice and bob."""
    json_file = tmp_path / "load.json"
    with lmtp(keeper, replies, change) as url:
        status, _, err = finished(
            "lmtp", url, as_user(keeper.urls["imap"], BOTH[0]), "--account", f"{BOTH[1]}:secret",
            "--recipients-per-message", "2", "--users", "1", "--run-time", "1s", "--json", str(json_file),
        )  # fmt: skip
    assert json_file.exists(), err
    return status, read(json_file)


def test_a_recipient_without_a_reply_breaks_no_promise_whether_the_mail_is_there_or_not(
    keeper: RunningServer, tmp_path: Path
) -> None:
    def answers_for_one(peer: Peer) -> None:
        peer.send(b"250 kept\r\n")
        peer.reset()

    status, result = handed_in(keeper, answers_for_one, tmp_path)
    ledger = result.summary.ledger
    assert (status, ledger.closed) == (0, True)
    assert ledger.accepted == ledger.expected == ledger.delivered == ledger.in_doubt > 0
    assert ledger.unknown_but_delivered == ledger.in_doubt
    assert (ledger.refused_but_delivered, ledger.unknown, ledger.broken_promises) == (0, 0, 0)
    assert result.summary.errors_by_kind == {"final_dot: no reply for a recipient": ledger.in_doubt}
    assert "recipient 2, accepted, " in ledger.named["in_doubt"][0]
    assert ", no reply for this recipient, found as UID " in ledger.named["in_doubt"][0]


def test_a_recipient_that_was_refused_and_has_the_mail_breaks_one(keeper: RunningServer, tmp_path: Path) -> None:
    status, result = handed_in(keeper, lambda peer: peer.send(b"250 kept\r\n550 not for you\r\n"), tmp_path)
    ledger = result.summary.ledger
    assert status == 1
    assert ledger.accepted == ledger.expected == ledger.delivered == ledger.refused_but_delivered > 0
    assert (ledger.in_doubt, ledger.unknown_but_delivered) == (0, 0)
    assert result.summary.errors_by_kind == {"final_dot: recipient refused with 550": ledger.accepted}
    assert "but not for this recipient" in ledger.named["refused_but_delivered"][0]


@pytest.mark.parametrize(
    ("reply", "unknown", "in_doubt"), [(b"421 going\r\n", False, True), (b"452 full\r\n", True, False)]
)
def test_where_one_is_refused_and_the_other_has_no_reply_each_has_its_own_fate(
    keeper: RunningServer, tmp_path: Path, reply: bytes, *, unknown: bool, in_doubt: bool
) -> None:
    def breaks_off(peer: Peer) -> None:
        peer.send(reply)
        peer.reset()

    status, result = handed_in(keeper, breaks_off, tmp_path)
    ledger = result.summary.ledger
    assert status == 1
    assert ledger.accepted == ledger.expected == 0
    messages = ledger.refused + ledger.failed
    assert messages > 0
    assert ledger.refused_but_delivered == ledger.unknown_but_delivered == messages
    assert (ledger.unknown, ledger.in_doubt) == (messages * unknown, messages * in_doubt)


def accepts(peer: Peer) -> None:
    peer.send(b"250 kept\r\n250 kept\r\n")


def test_fields_added_by_those_who_deliver_are_no_damage(keeper: RunningServer, tmp_path: Path) -> None:
    def filtered(text: bytes) -> bytes:
        return b"Delivered-To: alice\r\n" + text.replace(b"\r\n\r\n", b"\r\nX-Spam-Flag: NO\r\n\r\n", 1)

    status, result = handed_in(keeper, accepts, tmp_path, filtered)
    ledger = result.summary.ledger
    assert (status, ledger.damaged) == (0, 0)
    assert ledger.delivered == 2 * ledger.accepted > 0


def test_a_field_that_is_gone_is_damage(keeper: RunningServer, tmp_path: Path) -> None:
    status, result = handed_in(
        keeper, accepts, tmp_path, lambda text: text.replace(b"Subject: mailspec load\r\n", b"", 1)
    )
    ledger = result.summary.ledger
    assert status == 1
    assert ledger.damaged == ledger.delivered == 2 * ledger.accepted > 0
