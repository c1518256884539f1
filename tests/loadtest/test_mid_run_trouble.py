"""What becomes of sessions without messages, and of slow clients, when a server dies, hangs or answers garbage mid-run,
and when somebody ends the run: a correct report each time.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtest.target import Address
from reference_server.running import running_server
from reports.load import LoadResult
from tests.loadtest.commands import LONGEST_S, as_user, finished, read, started
from tests.loadtest.scripted_server import Peer, serving

GREETINGS = {"smtp": b"220 hi\r\n", "pop3": b"+OK hi\r\n", "imap": b"* OK [CAPABILITY IMAP4rev1] hi\r\n"}
SLOW = ("--slow-clients", "4")


def url_of(address: Address, scheme: str) -> str:
    """Where it is, with an account for those who read mail."""
    url = f"{scheme}://127.0.0.1:{address.sockaddr[1]}"
    return url if scheme == "smtp" else as_user(url, "alice@example.test")


def serve(peer: Peer, scheme: str) -> None:
    """What any client needs, so that its session goes well; the maildrop is empty."""
    peer.send(GREETINGS[scheme])
    while line := peer.line():
        words = line.split()
        if scheme == "imap":
            tag, name = words[0], words[1].upper()
            answer = {
                b"LOGIN": b"%b OK [CAPABILITY IMAP4rev1] in\r\n",
                b"SELECT": b"* 0 EXISTS\r\n%b OK in\r\n",
                b"LOGOUT": b"* BYE bye\r\n%b OK bye\r\n",
            }.get(name, b"%b BAD what?\r\n") % tag
        else:
            name = words[0].upper()
            answers = {
                "smtp": {b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"},
                "pop3": {b"CAPA": b"-ERR what?\r\n", b"STAT": b"+OK 0 0\r\n", b"UIDL": b"+OK\r\n.\r\n"},
            }[scheme]
            answer = answers.get(name, b"250 ok\r\n" if scheme == "smtp" else b"+OK\r\n")
        peer.send(answer)
        if name == b"DATA":
            peer.text()
            peer.send(b"250 kept\r\n")
        if name in (b"QUIT", b"LOGOUT"):
            return


def hang(peer: Peer) -> None:
    """Accept, and say nothing."""
    peer.until_gone()


def talk_rubbish(peer: Peer) -> None:
    """Greet with what is in no protocol."""
    peer.send(b"\x00\xff\xfe)(\r\n{9999999999}\r\n")
    peer.until_gone()


def troubled(
    scenario: str, scheme: str, tmp_path: Path, trouble: Callable[[Peer], None], *, after: int
) -> tuple[int, LoadResult]:
    """Exit status and result of a run on a server that is well for so many connections."""
    connections = iter(range(10**6))

    def script(peer: Peer) -> None:
        if next(connections) < after:
            serve(peer, scheme)
        else:
            trouble(peer)

    json_file = tmp_path / "load.json"
    more = SLOW if scenario == "slow-clients" else ()
    with serving(script) as address:
        # Only who hangs is waited for; any other server may be slow, on a busy machine.
        times = ("6s", "2s") if trouble is hang else ("3s", "30s")
        limits = ("--users", "2", "--run-time", times[0], "--reply-timeout", times[1], "--json", str(json_file))
        status, out, err = finished(scenario, url_of(address, scheme), *more, *limits)
    assert json_file.exists(), out + err
    return status, read(json_file)


def balances(result: LoadResult) -> bool:
    """Whether every session is in the books once, and was said to fail where it did."""
    ledger = result.summary.ledger
    own = sum(number for kind, number in result.summary.errors_by_kind.items() if not kind.startswith("slow client: "))
    return (
        ledger.attempted == ledger.accepted + ledger.refused + ledger.failed + ledger.abandoned
        and own >= ledger.failed > 0
        and sum(interval.failed for interval in result.timeline) == ledger.failed
    )


BROKEN: dict[Callable[[Peer], None], set[str]] = {
    Peer.reset: {"greeting: reset", "connect: reset", "greeting: closed"},
    hang: {"greeting: timeout"},
    talk_rubbish: {"greeting: unintelligible", "greeting: unexpected reply"},
}
"""What may go wrong with a server, and what a session then says."""


@pytest.mark.parametrize(
    ("scenario", "scheme", "trouble"),
    [
        *(("connections", scheme, trouble) for scheme in GREETINGS for trouble in BROKEN),
        ("slow-clients", "smtp", Peer.reset),
        ("slow-clients", "pop3", hang),
        ("slow-clients", "imap", talk_rubbish),
    ],
)
def test_a_server_that_is_no_longer_well_fails_the_run_and_is_told_of(
    scenario: str, scheme: str, tmp_path: Path, trouble: Callable[[Peer], None]
) -> None:
    # The first contact, and four that go well.
    status, result = troubled(scenario, scheme, tmp_path, trouble, after=5)
    assert status == 1
    assert result.summary.accepted == 4
    assert balances(result)
    found = {kind for kind in result.summary.errors_by_kind if not kind.startswith("slow client: ")}
    assert found
    assert found <= BROKEN[trouble]


@pytest.mark.parametrize(("scenario", "scheme"), [("connections", "imap"), ("slow-clients", "smtp")])
def test_a_server_that_dies_mid_run_leaves_a_report(scenario: str, scheme: str, tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    more = SLOW if scenario == "slow-clients" else ()
    arguments = ("--users", "2", "--run-time", "9s", "--json", str(json_file), *more)
    with contextlib.ExitStack() as life:
        server = life.enter_context(running_server(protocols=[scheme]))
        with started(scenario, server.urls[scheme], *arguments) as process:
            assert process.stderr is not None
            # The fleet comes after three seconds, within one.
            next(line for line in process.stderr if " 5 s " in line)
            life.close()
            process.communicate(timeout=LONGEST_S)
    assert process.returncode == 1
    result = read(json_file)
    assert result.summary.accepted > 0
    assert balances(result)
    assert "connect: connection refused" in result.summary.errors_by_kind
    if scenario == "slow-clients":
        # All of the fleet's sessions ended with the server, and none was had again.
        assert result.summary.latency_us["dropped"].count == 4
        assert "kept" not in result.summary.latency_us
        assert result.summary.errors_by_kind["slow client: connect: connection refused"] > 0


def ended(process: subprocess.Popen[str], number: signal.Signals) -> float:
    """End the run, and tell how long it took to."""
    began = time.perf_counter()
    process.send_signal(number)
    process.communicate(timeout=LONGEST_S)
    return time.perf_counter() - began


@pytest.mark.parametrize(
    ("scenario", "number"),
    [("connections", signal.SIGINT), ("connections", signal.SIGTERM), ("slow-clients", signal.SIGINT)],
)
@pytest.mark.parametrize("scheme", GREETINGS)
def test_a_run_is_ended_at_once_though_the_server_hangs(
    scenario: str, scheme: str, tmp_path: Path, number: signal.Signals
) -> None:
    connections = iter(range(10**6))
    hanging = threading.Semaphore(0)

    def script(peer: Peer) -> None:
        if next(connections) == 0:
            serve(peer, scheme)
            return
        peer.send(GREETINGS[scheme])
        peer.line()
        hanging.release()
        peer.until_gone()

    json_file = tmp_path / "load.json"
    arguments = ("--users", "3", "--run-time", "50s", "--reply-timeout", "40s", "--json", str(json_file))
    with serving(script) as address, started(scenario, url_of(address, scheme), *arguments) as process:
        for _ in range(3):
            assert hanging.acquire(timeout=LONGEST_S)
        took_s = ended(process, number)
    # 2 s where the machine has nothing else to do; either way far from the 40 s that a reply may take.
    assert took_s < 20
    assert process.returncode == 3  # nothing went well
    result = read(json_file)
    assert result.interrupted
    assert result.summary.ledger.abandoned == 3


@pytest.mark.parametrize(
    ("scheme", "number"),
    [("smtp", signal.SIGINT), ("smtp", signal.SIGTERM), ("pop3", signal.SIGINT), ("imaps", signal.SIGINT)],
)
def test_a_run_beside_slow_clients_is_ended_at_once_and_tells_whom_the_server_kept(
    scheme: str, tmp_path: Path, number: signal.Signals
) -> None:
    json_file = tmp_path / "load.json"
    arguments = ("--users", "1", "--slow-clients", "50", "--run-time", "15s", "--json", str(json_file))
    with running_server(protocols=[scheme]) as server:
        url = server.urls[scheme] if scheme == "smtp" else as_user(server.urls[scheme], "alice@example.test")
        with started("slow-clients", url, *arguments) as process:
            assert process.stderr is not None
            # The fleet comes after five seconds, within one.
            next(line for line in process.stderr if " 8 s " in line)
            took_s = ended(process, number)
    assert took_s < 20
    assert process.returncode == 0
    result = read(json_file)
    assert result.interrupted
    assert result.summary.latency_us["kept"].count == 50
    assert result.summary.latency_us["normal"].count > 0
