"""Several processes make one run: users, numbers and books are shared out and added up exactly."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtest.mail.messages import identify
from reference_server.running import RunningServer, running_server
from tests.loadtest.commands import LONGEST_S, as_user, finished, read, started


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(protocols=["smtp", "imap"]) as running:
        yield running


def urls(server: RunningServer) -> tuple[str, str]:
    return server.urls["smtp"], as_user(server.urls["imap"], "alice@example.test")


def inbox(server: RunningServer) -> list[bytes]:
    account = server.store.account("alice@example.test")
    assert account is not None
    mailbox = account.mailbox("INBOX")
    assert mailbox is not None
    return [message.octets for message in mailbox.messages]


def test_two_processes_add_up_to_one_run(server: RunningServer, tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    before = len(inbox(server))
    arguments = ("--users", "5", "--run-time", "2s", "--processes", "2", "--json", str(json_file))
    status, _, err = finished("submit", *urls(server), *arguments)
    assert status == 0, err
    result = read(json_file)
    found = [identify(octets, result.run_id) for octets in inbox(server)[before:]]
    identities = {seen.identity for seen in found if seen is not None}
    ledger = result.summary.ledger
    assert ledger.closed
    assert ledger.delivered == ledger.expected == ledger.accepted == len(found) == len(identities) > 0
    assert {identity.origin for identity in identities} == {0, 1}
    # Users are numbered over all processes, and each stays in its own.
    senders = {(identity.sender, identity.origin) for identity in identities}
    assert senders == {(0, 0), (1, 1), (2, 0), (3, 1), (4, 0)} or senders == {
        (0, 0), (1, 1), (2, 0), (3, 1), (5, 1)
    }  # fmt: skip
    assert result.summary.latency_us["submit"].count == ledger.accepted
    assert sum(interval.done for interval in result.timeline) == ledger.accepted
    assert [process.name for process in result.processes] == ["worker 1", "worker 2"]


def test_workers_come_to_a_master_by_themselves(server: RunningServer, tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    arguments = ("--users", "2", "--run-time", "1s", "--master", "--processes", "2", "--master-port", "0")
    with started("submit", *urls(server), *arguments, "--json", str(json_file)) as master:
        assert master.stderr is not None
        port = next(match[1] for line in master.stderr if (match := re.search(r"--master-port (\d+)", line)))
        with started("--worker", "--master-port", port) as one, started("--worker", "--master-port", port) as other:
            _, err = master.communicate(timeout=LONGEST_S)
            assert master.returncode == 0, err
            assert [worker.wait(LONGEST_S) for worker in (one, other)] == [0, 0]
    result = read(json_file)
    assert result.summary.accepted == result.summary.ledger.delivered > 0
    assert len(result.processes) == 2


def test_ctrl_c_ends_the_workers_and_leaves_their_books(server: RunningServer, tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    arguments = ("--users", "2", "--run-time", "1h", "--processes", "2", "--json", str(json_file))
    with started("submit", *urls(server), *arguments) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if " 2 s " in line)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 2
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    result = read(json_file)
    assert result.interrupted
    assert result.summary.accepted > 0


def test_a_run_whose_worker_dies_has_no_verdict(server: RunningServer) -> None:
    with started("submit", *urls(server), "--users", "2", "--run-time", "3s", "--processes", "2") as process:
        assert process.stderr is not None
        next(line for line in process.stderr if " 1 s " in line)
        child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
        os.kill(child, signal.SIGKILL)
        _, err = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 3
    assert "1 of 2 workers are gone" in err


def test_without_a_master_a_worker_says_so_and_ends() -> None:
    with started("--worker", "--master-port", "1") as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=LONGEST_S)
    assert process.returncode != 0
