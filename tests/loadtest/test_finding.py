"""find-capacity runs step after step, and keeps what the best of them showed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from loadtest.command import load
from reports.load import load_exit
from tests.loadtest.commands import finished, read
from tests.loadtest.scripted_server import Peer, serving

OBJECTIVE = "p99(submit) < 60s"


def test_the_limit_that_is_given_ends_the_search_without_a_knee(tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    status, out, err = finished(
        "find-capacity", "--slo", OBJECTIVE, "--start-rate", "100", "--max-rate", "200", "--step", "1s",
        "--json", str(json_file),
    )  # fmt: skip
    result = read(json_file)
    assert status == load_exit(result), err
    assert result.capacity is not None
    assert all(step.offered_per_s <= 200 for step in result.capacity.steps)
    assert result.scenario == "relay"
    assert result.summary.ledger.closed
    assert result.capacity.knee_per_s is None or result.capacity.knee_per_s < 200
    assert result.capacity.verdict.partition(":")[0].lower() in out.lower()


def test_a_server_that_refuses_all_mail_has_no_capacity(tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.replies(b"250 mail.test\r\n")
        while (line := peer.line()) and line != b"QUIT":
            peer.send(b"550 no\r\n" if line.startswith(b"RCPT") else b"250 ok\r\n")
        peer.send(b"221 bye\r\n")

    json_file = tmp_path / "load.json"
    with serving(script) as address:
        status, out, _ = finished(
            "find-capacity", f"smtp://127.0.0.1:{address.sockaddr[1]}", "--slo", OBJECTIVE, "--start-rate", "5",
            "--step", "0.2s", "--warm-up", "0", "--users", "5", "--json", str(json_file),
        )  # fmt: skip
    result = read(json_file)
    assert status == 3, out  # nothing was ever accepted, so nothing is known of its load
    assert result.capacity is not None
    assert result.capacity.knee_per_s is None
    assert not any(step.met or step.integrity_ok for step in result.capacity.steps)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["find-capacity"], "an objective is needed"),
        (["find-capacity", "--slo", "p99(submit) > 1s"], "what must hold"),
        (["relay", "--slo", OBJECTIVE], "--slo belongs to find-capacity"),
    ],
)
def test_what_cannot_be_searched_for_is_told(arguments: list[str], why: str) -> None:
    result = CliRunner().invoke(load, arguments)
    assert result.exit_code == 2
    assert why in " ".join(result.output.split())
