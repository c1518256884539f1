"""find-capacity runs step after step, and keeps what the best of them showed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadtest.command import load
from reports.load import load_exit
from tests.loadtest.commands import finished, read, started
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


def test_a_search_that_is_ended_tells_of_whole_steps_alone_and_of_the_limit_it_kept(tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    search = ("--slo", OBJECTIVE, "--start-rate", "20", "--step", "2s", "--warm-up", "0", "--max-rate", "2000")
    with started("find-capacity", *search, "--json", str(json_file)) as process:
        assert process.stderr is not None
        # The first step is over; the next one is of the same rate or of a higher one, and under way.
        assert any("offered" in line for line in process.stderr)
        assert any(" s " in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        process.communicate()
    result = read(json_file)
    assert process.returncode == load_exit(result) == 3
    assert result.interrupted
    assert result.parameters["max_rate_per_s"] == 2000
    assert result.capacity is not None
    assert "was ended early" in result.capacity.verdict
    assert result.capacity.steps
    assert all(step.achieved_per_s > 0.5 * step.offered_per_s for step in result.capacity.steps if step.met)
    assert not any("of the rate was carried" in step.reason for step in result.capacity.steps[1:])


def test_a_search_that_is_ended_in_its_first_step_has_no_steps(tmp_path: Path) -> None:
    json_file, html_file = tmp_path / "load.json", tmp_path / "load.html"
    search = ("--slo", OBJECTIVE, "--step", "1h", "--warm-up", "0")
    with started("find-capacity", *search, "--json", str(json_file), "--html", str(html_file)) as process:
        assert process.stderr is not None
        assert any(" s " in line and "users" in line and "rising" not in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    result = read(json_file)
    assert process.returncode == load_exit(result) == 3
    assert result.capacity is not None
    assert (result.capacity.steps, result.interrupted) == ((), True)
    assert "NO KNEE FOUND" in out
    assert "ended early" in html_file.read_text()
