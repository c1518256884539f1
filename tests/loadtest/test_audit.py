"""Reading the mailboxes after a run convicts a server that loses, doubles or damages one message in a thousand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import reference_server.smtp.faults  # noqa: F401 - registers the faults
from loadtest.bookkeeping.audit import Audit
from loadtest.desk import Desk, Opening, Part
from loadtest.mail.supply import press_of
from loadtest.planning import Options, plan_from
from loadtest.results import result_of
from reference_server.registry import FAULTS
from reference_server.running import RunningServer, default_cores, running_server
from reports.load import LoadResult
from tests.loadtest.commands import as_user, finished, read

READERS = ("imap", "pop3")


@contextmanager
def serving(fault: str | None = None) -> Iterator[RunningServer]:
    cores = default_cores()
    if fault is not None:
        cores["smtp"] = FAULTS[fault].core
    with running_server(protocols=["smtp", *READERS], cores=cores) as running:
        yield running


def handed_in(server: RunningServer, tmp_path: Path, *arguments: str, reader: str = "imap") -> tuple[int, LoadResult]:
    """Exit status and result of a run whose mailboxes alice's and bob's log-ins open."""
    json_file = tmp_path / "load.json"
    urls = (server.urls["smtp"], as_user(server.urls[reader], "alice@example.test"))
    both = ("--account", "bob@example.test:secret", "--users", "4", "--messages-per-session", "0")
    status, _, err = finished("submit", *urls, *both, "--settle", "1s", *arguments, "--json", str(json_file))
    assert status in (0, 1), err
    return status, read(json_file)


@pytest.mark.parametrize("reader", READERS)
def test_a_server_that_keeps_its_promises_has_a_clean_ledger(tmp_path: Path, reader: str) -> None:
    with serving() as server:
        status, result = handed_in(server, tmp_path, "--run-time", "1s", reader=reader)
    ledger = result.summary.ledger
    assert (status, ledger.closed) == (0, True)
    assert ledger.delivered == ledger.expected == ledger.accepted > 0
    assert (ledger.broken_promises, ledger.in_flight, ledger.late, ledger.reordered, ledger.foreign) == (0,) * 5


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("fault", "kind"), [("loses", "lost"), ("doubles", "doubled"), ("damages", "damaged")])
def test_one_message_in_ten_is_one_in_ten(tmp_path: Path, reader: str, fault: str, kind: str) -> None:
    with serving(f"{fault}-one-message-in-ten") as server:
        status, result = handed_in(server, tmp_path, "--run-time", "1s", reader=reader)
    ledger = result.summary.ledger
    # The server counts its messages from its first and fails the fifth of each ten.
    assert getattr(ledger, kind) == (ledger.accepted + 5) // 10 > 0
    assert ledger.broken_promises == getattr(ledger, kind)
    assert len(ledger.named[kind]) == min(getattr(ledger, kind), 20)
    broken = [threshold.fail_if for threshold in result.thresholds if threshold.broken]
    assert (status, broken) == (1, [f"{kind} > 0"])


@pytest.mark.parametrize(("fault", "kind"), [("loses", "lost"), ("doubles", "doubled"), ("damages", "damaged")])
def test_one_message_in_a_thousand_is_found(tmp_path: Path, fault: str, kind: str) -> None:
    with serving(f"{fault}-one-message-in-a-thousand") as server:
        # As long as it takes: the 500th message is the first to suffer.
        for run_time in ("3s", "10s", "40s"):
            status, result = handed_in(server, tmp_path, "--run-time", run_time, "--pipelining")
            if result.summary.ledger.accepted >= 500:
                break
    ledger = result.summary.ledger
    assert status == 1
    assert 0 < getattr(ledger, kind) == ledger.broken_promises <= ledger.accepted // 500


def test_what_lay_in_the_mailbox_before_is_not_read(tmp_path: Path) -> None:
    with serving() as server:
        handed_in(server, tmp_path, "--run-time", "1s")
        _, result = handed_in(server, tmp_path, "--run-time", "1s")
    assert result.summary.ledger.foreign == 0


def test_a_message_to_several_is_expected_in_each_mailbox(tmp_path: Path) -> None:
    with serving() as server:
        status, result = handed_in(server, tmp_path, "--run-time", "1s", "--recipients-per-message", "2")
    ledger = result.summary.ledger
    assert status == 0
    assert ledger.delivered == ledger.expected == 2 * ledger.accepted > 0


class SlowInbox:
    """Gives out so many messages at each reading, of those that there are."""

    in_order = True

    def __init__(self, messages: list[bytes], *, at_a_time: int) -> None:
        self._left = list(enumerate(messages, 1))
        self._at_a_time = at_a_time

    def mark(self) -> None:
        raise AssertionError("nothing lies there before")

    def fresh(self) -> Iterator[tuple[int, bytes]]:
        given, self._left = self._left[: self._at_a_time], self._left[self._at_a_time :]
        yield from given


@pytest.mark.parametrize(("arriving", "readings"), [(6, [4, 2, 0]), (4, [4, 2, 2]), (0, [6])])
def test_while_a_queue_is_worked_off_nothing_is_lost(arriving: int, readings: list[int]) -> None:
    mailbox = "alice@example.test"
    plan = plan_from(
        Options(scenario="submit", urls=("smtp://127.0.0.1:1", "imap://127.0.0.1:2"), accounts=(f"{mailbox}:secret",)),
        until_ended=False,
    )
    desk = Desk(
        replace(plan, settle_s=0.0),
        Opening(run_id="0a1b2c3d", started=datetime.now(UTC), began_at_s=time.time(), addresses={}),
        Part(),
    )
    press = press_of(desk.letterhead(0), "512", seed=0)
    texts = []
    for _ in range(6):
        message = press.press(desk.ledger.entered + 1)
        desk.ledger.accepted(desk.ledger.enter(message.digest, sender=0, slots=1), 0.0)
        texts.append(bytes(message.wire).removesuffix(b".\r\n"))
    missing: list[int] = []
    audit = Audit(desk.plan, {mailbox: SlowInbox(texts[:arriving], at_a_time=2)})
    audit.close(desk.findings, desk.opening.run_id, on_reading=missing.append)
    # Each time that something has come it looks again.
    assert missing == readings
    result = result_of(desk.plan, desk.opening, desk.findings, ended=desk.books.began + 1, interrupted=False)
    ledger = result.summary.ledger
    assert (ledger.expected, ledger.delivered, ledger.lost) == (6, arriving, 6 - arriving)
    assert ledger.backlog == readings[0]


def test_a_mailbox_that_cannot_be_read_leaves_no_verdict(tmp_path: Path) -> None:
    with serving() as server:
        urls = (server.urls["smtp"], as_user(server.urls["imap"], "alice@example.test", "wrong"))
        status, _, err = finished("submit", *urls, "--run-time", "1s")
    assert status == 3
    assert "auth" in err
