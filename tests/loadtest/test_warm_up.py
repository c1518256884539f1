"""What a warm-up holds is in no figure but the ledger's; and who has nothing to do keeps no session."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from reports.load import load_exit
from reports.load_wording import remarks
from tests.loadtest.commands import finished, read, started
from tests.loadtest.scripted_server import Peer, serving


@pytest.mark.parametrize(
    "how",
    [["--users", "3"], ["--arrivals", "40/s", "--users", "20"], ["--arrivals", "40/s", "--processes", "2"]],
    ids=["closed", "open", "two processes"],
)
def test_a_warm_up_is_in_the_ledger_and_in_no_other_figure(how: list[str], tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    # 3 where this machine is too busy to keep the schedule.
    status, _, err = finished("relay", "--warm-up", "1s", "--run-time", "1s", *how, "--json", str(json_file))
    result = read(json_file)
    assert status == load_exit(result), err
    summary, ledger, warm_up = result.summary, result.summary.ledger, result.warm_up
    assert warm_up is not None
    assert warm_up.accepted > 0
    assert (warm_up.length_s, warm_up.refused, warm_up.failed) == (1, 0, 0)
    assert summary.accepted == summary.latency_us["submit"].count > 0
    assert ledger.sent == warm_up.accepted + summary.accepted
    assert (ledger.closed, ledger.delivered, ledger.lost) == (True, ledger.sent, 0)
    if result.arrivals is not None:
        # Those that waited at the end of the warm-up began after it.
        assert summary.accepted <= result.arrivals.started
        assert result.arrivals.offered >= 40
        assert sum(interval.offered for interval in result.timeline) >= 40
    assert any(remark.startswith("1.0 s of warm-up") for remark in remarks(result)), remarks(result)


def test_what_a_growing_mailbox_cost_in_the_warm_up_is_in_no_figure(tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    limits = ("--users", "1", "--warm-up", "2s", "--run-time", "2s", "--message-size", "600")
    status, _, err = finished("big-mailbox", *limits, "--json", str(json_file))
    result = read(json_file)
    assert status == load_exit(result), err
    assert result.warm_up is not None
    assert result.warm_up.accepted > 0
    # STORE is the last step of a round.
    rounds = sum(point.count for point in result.series if point.phase == "store")
    assert abs(rounds - result.summary.accepted) <= 1


def test_a_run_that_is_ended_in_its_warm_up_has_measured_nothing(tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    with started("relay", "--warm-up", "1h", "--json", str(json_file)) as process:
        assert process.stderr is not None
        assert any("warming up" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 3
    result = read(json_file)
    assert result.interrupted
    assert (result.duration_s, result.summary.accepted, result.summary.latency_us) == (0, 0, {})
    assert result.warm_up is not None
    assert result.warm_up.accepted > 0
    # Who was in the middle of a message may finish it.
    assert result.summary.ledger.sent >= result.warm_up.accepted


def test_a_mail_servers_client_that_has_nothing_to_hand_in_takes_its_leave(tmp_path: Path) -> None:
    locust_file = tmp_path / "restless.py"
    locust_file.write_text(
        "from loadtest.scenarios.submitting import RelayingUser\n\n\n"
        "class RestlessUser(RelayingUser):\n    rest_s = 0.2\n"
    )
    seen: list[list[bytes]] = []

    def script(peer: Peer) -> None:
        seen.append(said := [])
        peer.send(b"220 hi\r\n")
        while line := peer.line():
            said.append(line.split()[0])
            if line == b"DATA":
                peer.send(b"354 go\r\n")
                peer.text()
            peer.send(b"221 bye\r\n" if line == b"QUIT" else b"250 ok\r\n")

    with serving(script) as address:
        status, _, err = finished(
            str(locust_file), f"smtp://127.0.0.1:{address.sockaddr[1]}", "--messages-per-session", "0", "--users", "1",
            "--arrivals", "10/s for 100ms then 0/s for 2s then 10/s for 100ms then 0/s", "--run-time", "3s",
        )  # fmt: skip
    assert status == 0, err
    # The first connection only looks whether the server is there.
    message = [b"MAIL", b"RCPT", b"DATA"]
    assert [said for said in seen if said[1:2] == [b"MAIL"]] == [[b"EHLO", *message, b"QUIT"]] * 2
