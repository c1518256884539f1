"""The `slow-clients` scenario: normal users alone, then beside a fleet that dawdles, and what becomes of that."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from loadtest.bookkeeping.thresholds import parse_condition
from loadtest.command import load
from loadtest.plan import LoadPlan
from loadtest.planning import Options, plan_from
from reference_server.running import RunningServer, running_server
from reports.load import Latency, LoadResult
from reports.load_wording import remarks
from tests.loadtest.commands import as_user, finished, read
from tests.loadtest.scripted_server import Peer, serving
from tests.reports.example_load import SUMMARY, example_load

DROPPED = re.compile(r"slow client: (.+): dropped with 421, after (?:0 to 1|1 to 10) s")


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(protocols=["smtp", "lmtp", "pop3", "imap", "imaps"]) as running:
        yield running


def beside(tmp_path: Path, *arguments: str, run_time: str = "6s") -> tuple[int, str, LoadResult]:
    """Exit status, text and result of a run of two normal users."""
    json_file = tmp_path / "load.json"
    told = ("--users", "2", "--run-time", run_time, "--json", str(json_file))
    status, out, err = finished("slow-clients", *arguments, *told)
    assert json_file.exists(), err
    return status, out, read(json_file)


@pytest.mark.parametrize("services", [("smtp", "imap"), ("lmtp",), ("pop3",), ("imap",), ("imaps",)])
def test_normal_users_are_timed_alone_and_beside_the_fleet(
    server: RunningServer, tmp_path: Path, services: tuple[str, ...]
) -> None:
    urls = [
        server.urls[name] if name in ("smtp", "lmtp") else as_user(server.urls[name], "alice@example.test")
        for name in services
    ]
    # A maildrop is for one at a time (RFC 1939 §4): an account for each.
    status, out, result = beside(tmp_path, *urls, "--account", "bob@example.test:secret", "--slow-clients", "9")
    assert status == 0, out
    latency, summary = result.summary.latency_us, result.summary
    assert min(latency["alone"].count, latency["normal"].count) > 0
    assert latency["alone"].count + latency["normal"].count == summary.accepted
    assert (summary.ledger.failed, summary.ledger.refused) == (0, 0)
    # Nobody was dropped within so short a time, and each slow client has one session.
    assert latency["kept"].count == 9
    assert "dropped" not in latency
    # They came when a third of the run was over.
    assert latency["kept"].max / 1_000_000 < result.duration_s - 1.9
    # What the fleet does is in no other figure.
    assert latency["connect"].count == summary.ledger.attempted
    assert result.parameters["slow_clients"] == 9
    if services == ("smtp", "imap"):
        assert summary.ledger.closed
        assert summary.ledger.delivered == summary.ledger.expected == summary.messages > 0
    assert "A visit of a normal user took " in out
    assert "Of the slow clients' sessions the server dropped none and still kept 9, the oldest for " in out


def test_readers_read_the_newest_message(server: RunningServer, tmp_path: Path) -> None:
    with_mail = as_user(server.urls["imap"], "alice@example.test")
    assert (
        finished("submit", server.urls["smtp"], "--to", "alice@example.test", "--run-time", "1s", "--users", "1")[0]
        == 0
    )
    for url in (with_mail, as_user(server.urls["pop3"], "alice@example.test")):
        # One maildrop, and so one who is in it: the other is refused for now.
        _, out, result = beside(tmp_path, url, "--slow-clients", "2", "--think-time", "0.05", run_time="3s")
        assert result.summary.messages == result.summary.accepted > 0, out
        assert result.summary.ledger.failed == 0
        assert result.summary.octets > 4000 * result.summary.accepted


def test_the_fleet_is_shared_among_processes(server: RunningServer, tmp_path: Path) -> None:
    shared = ("--slow-clients", "7", "--processes", "2", "--arrivals", "20/s")
    _, out, result = beside(tmp_path, server.urls["smtp"], *shared)
    assert result.summary.latency_us["kept"].count == 7, out
    # Users of either process take what is due, which slow clients never do.
    assert result.arrivals is not None
    assert result.arrivals.started == result.summary.ledger.attempted > 0
    assert min(result.summary.latency_us[phase].count for phase in ("alone", "normal")) > 0


def test_it_is_counted_whom_the_server_drops_with_which_word_and_after_how_long(tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.wait_at_most(0.6)
        try:
            while line := peer.line():
                if line == b"DATA":
                    peer.send(b"354 go\r\n")
                    peer.text()
                peer.send(b"221 bye\r\n" if line == b"QUIT" else b"250 ok\r\n")
        except TimeoutError:
            peer.send(b"421 too slow\r\n")

    with serving(script) as address:
        _, out, result = beside(tmp_path, f"smtp://127.0.0.1:{address.sockaddr[1]}", "--slow-clients", "4")
    assert result.summary.latency_us["normal"].count > 0
    dropped = {DROPPED.fullmatch(kind): number for kind, number in result.summary.errors_by_kind.items()}
    assert {match[1] for match in dropped if match} == {"a command octet by octet", "a text that stops"}, out
    assert sum(number for match, number in dropped.items() if match) == result.summary.latency_us["dropped"].count


def test_it_is_counted_whom_the_server_turns_away(tmp_path: Path) -> None:
    connections = iter(range(10**6))
    greeted = threading.Semaphore(1)

    def script(peer: Peer) -> None:
        # One at a time, and two for the first contact and the user.
        if not greeted.acquire(blocking=next(connections) == 0):
            peer.send(b"-ERR [IN-USE] too many\r\n")
            return
        try:
            peer.send(b"+OK hi\r\n")
            while line := peer.line():
                peer.send(
                    b"-ERR what?\r\n" if line == b"CAPA" else b"+OK 0 0\r\n.\r\n" if line == b"UIDL" else b"+OK 0 0\r\n"
                )
                if line == b"QUIT":
                    return
        finally:
            greeted.release()

    with serving(script) as address:
        url = as_user(f"pop3://127.0.0.1:{address.sockaddr[1]}", "alice@example.test")
        _, out, result = beside(tmp_path, url, "--slow-clients", "4")
    assert any(kind.startswith("slow client: turned away with -ERR, ") for kind in result.summary.errors_by_kind), out
    # The other user, or the fleet's one who got in, was there before.
    assert result.summary.ledger.deferred == result.summary.refused > 0


def test_users_who_wait_in_vain_beside_the_fleet_fail_the_run(tmp_path: Path) -> None:
    slots = threading.Semaphore(4)

    def script(peer: Peer) -> None:
        with slots:
            peer.send(b"220 hi\r\n")
            while line := peer.line():
                if line == b"DATA":
                    peer.send(b"354 go\r\n")
                    peer.text()
                peer.send(b"221 bye\r\n" if line == b"QUIT" else b"250 ok\r\n")
                if line == b"QUIT":
                    return

    with serving(script) as address:
        url = f"smtp://127.0.0.1:{address.sockaddr[1]}"
        status, out, result = beside(tmp_path, url, "--slow-clients", "12", "--reply-timeout", "60s", run_time="12s")
    assert status == 1, out
    assert result.summary.errors_by_kind == {
        "normal: still waiting when the run ended": 2,
        "slow client: not greeted by the end": 8,
    }, out
    assert result.summary.ledger.failed == 2
    assert result.summary.latency_us["kept"].count == 4


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["slow-clients", "imap://127.0.0.1"], "needs an account"),
        (["slow-clients", "pop3s://127.0.0.1"], "needs an account"),
        (["slow-clients", "submission://127.0.0.1"], "needs an account"),
        (["relay", "smtp://127.0.0.1", "--slow-clients", "5"], "belongs to slow-clients"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_sent(arguments: list[str], why: str) -> None:
    result = CliRunner().invoke(load, arguments)
    assert (result.exit_code, why in result.output) == (2, True), result.output


def plan_of(*, run_time: float | None) -> LoadPlan:
    return plan_from(
        Options(scenario="slow-clients", urls=("lmtp://127.0.0.1:24",), run_time=run_time), until_ended=True
    )


@pytest.mark.parametrize(("run_time", "alone"), [(None, 10.0), (9.0, 3.0), (90.0, 30.0), (3600.0, 30.0)])
def test_normal_users_are_alone_for_a_third_of_the_run_but_not_for_long(run_time: float | None, alone: float) -> None:
    assert plan_of(run_time=run_time).alone_s == pytest.approx(alone)
    assert plan_of(run_time=run_time).slow_clients == 100


def lasting(seconds: float, count: int = 3) -> Latency:
    """So many of a time of so many seconds."""
    us = int(seconds * 1_000_000)
    return Latency(count=count, min=us, mean=us, p50=us, p90=us, p95=us, p99=us, p999=us, max=us)


@pytest.mark.parametrize(
    ("phases", "value", "broken"),
    [
        ({"alone": lasting(0.1)}, "not known: no slow client was there", False),
        ({"alone": lasting(0.1), "kept": lasting(0.3)}, "not known: no slow client was there", False),
        ({"alone": lasting(0.1), "kept": lasting(3.0)}, "0", True),
        ({"alone": lasting(0.1), "dropped": lasting(3.0)}, "0", True),
        ({"normal": lasting(0.1, 7), "kept": lasting(3.0)}, "7", False),
    ],
)
def test_a_run_in_which_nobody_was_served_beside_the_fleet_has_failed(
    phases: dict[str, Latency], value: str, *, broken: bool
) -> None:
    judged = parse_condition("served < 1").judge(msgspec.structs.replace(SUMMARY, latency_us=phases))
    assert (judged.value, judged.broken, judged.about) == (value, broken, "integrity")


def test_the_report_answers_whether_normal_users_were_served() -> None:
    def said(**phases: Latency) -> list[str]:
        return remarks(example_load(summary=msgspec.structs.replace(SUMMARY, latency_us=phases)))

    assert said(alone=lasting(0.1), normal=lasting(0.25), dropped=lasting(62), kept=lasting(40, 5))[-2:] == [
        "A visit of a normal user took 100 ms (p50; p99 100 ms) before the slow clients came, and 250 ms (p50; p99 250 "
        "ms) beside them.",
        "Of the slow clients' sessions the server dropped 3, the oldest after 1 min 02 s, and still kept 5, the oldest "
        "for 40.0 s when the run ended.",
    ]
    assert said(alone=lasting(0.1), dropped=lasting(1))[-2].endswith("; beside them none was served.")
    assert not any("normal user" in remark for remark in said(submit=lasting(0.1)))
