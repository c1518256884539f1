"""`mailspec load` as a person runs it: what it says, writes and ends with."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.request import Request

import pytest
from click.testing import CliRunner

from loadtest.bookkeeping.histogram import LatencyHistogram
from loadtest.command import load, seconds
from loadtest.mail.messages import identify
from loadtest.scenarios.table import SCENARIOS
from reference_server.running import RunningServer, running_server
from tests.loadtest import commands
from tests.loadtest.commands import LONGEST_S, read
from tests.loadtest.scripted_server import Peer, serving
from tests.reports.page import Page

PASSWORD = "secret"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(protocols=["smtp", "submission", "submissions"]) as running:
        yield running


def started(*arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """`mailspec load submit` with these arguments."""
    return commands.started("submit", *arguments)


def finished(*arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of `mailspec load submit`."""
    return commands.finished("submit", *arguments)


def stored(server: RunningServer, address: str) -> list[bytes]:
    account = server.store.account(address)
    assert account is not None
    inbox = account.mailbox("INBOX")
    assert inbox is not None
    return [message.octets for message in inbox.messages]


def test_what_was_accepted_is_what_the_mailbox_holds(server: RunningServer, tmp_path: Path) -> None:
    before = len(stored(server, "alice@example.test"))
    json_file, html_file = tmp_path / "load.json", tmp_path / "load.html"
    status, out, err = finished(
        server.urls["smtp"], "--users", "4", "--run-time", "2s", "--message-size", "2000",
        "--json", str(json_file), "--html", str(html_file),
    )  # fmt: skip
    assert (status, "WITHIN THRESHOLDS" in out) == (0, True), err
    result = read(json_file)
    delivered = stored(server, "alice@example.test")[before:]
    ledger = result.summary.ledger
    assert result.summary.accepted == len(delivered) == ledger.sent > 0
    assert (ledger.refused, ledger.failed, ledger.unknown) == (0, 0, 0)
    tokens = {match[1] for octets in delivered if (match := re.search(rb"Message-ID: <([0-9a-f.]+)@", octets))}
    assert len(tokens) == len(delivered)
    assert all(token.startswith(result.run_id.encode()) for token in tokens)
    assert all(identify(octets, result.run_id) is not None for octets in delivered)
    assert (result.users, result.scenario, result.target) == (4, "submit", server.urls["smtp"])
    assert 1.9 < result.duration_s < 4
    assert result.summary.messages_per_s == pytest.approx(len(delivered) / result.duration_s, rel=0.01)
    assert result.summary.octets == 2000 * len(delivered)
    latency = result.summary.latency_us["submit"]
    assert latency.count == len(delivered)
    assert LatencyHistogram.decode(result.histograms["submit"]).percentiles_us((99,))[0] >= latency.p99
    assert set(result.summary.latency_us) == {
        "connect", "greeting", "ehlo", "mail", "rcpt", "data", "final_dot", "submit", "quit"
    }  # fmt: skip
    page = Page(html_file.read_text())
    assert f"{len(delivered):,} messages accepted" in page.text
    assert "1 s" in err  # a line a second where nobody watches


@pytest.mark.parametrize("scheme", ["submission", "submissions"])
def test_a_user_secures_the_session_logs_in_and_keeps_it_open(
    server: RunningServer, tmp_path: Path, scheme: str
) -> None:
    before = len(stored(server, "bob@example.test"))
    json_file, html_file = tmp_path / "load.json", tmp_path / "load.html"
    url = server.urls[scheme].replace("://", f"://bob%40example.test:{PASSWORD}@")
    status, out, err = finished(
        url, "--users", "2", "--run-time", "1s", "--messages-per-session", "0", "--pipelining",
        "--json", str(json_file), "--html", str(html_file),
    )  # fmt: skip
    assert status == 0, err
    result = read(json_file)
    assert result.summary.accepted == len(stored(server, "bob@example.test")) - before > 0
    assert {phase: result.summary.latency_us[phase].count for phase in ("connect", "tls", "auth", "quit")} == {
        "connect": 2, "tls": 2, "auth": 2, "quit": 2
    }  # fmt: skip
    assert result.parameters["accounts"] == ("bob@example.test",)
    for text in (json_file.read_text(), html_file.read_text(), out, err):
        assert PASSWORD not in text


def test_without_a_url_the_load_goes_to_the_reference_server(tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    status, _, err = finished("--users", "2", "--run-time", "1s", "--json", str(json_file))
    assert status == 0, err
    result = read(json_file)
    assert result.target.startswith("submission://127.0.0.1:")
    assert result.summary.ledger.closed
    assert result.summary.ledger.delivered == result.summary.accepted > 0


def test_the_reference_server_of_a_run_that_is_killed_goes_too() -> None:
    with started("--users", "1", "--run-time", "1h") as process:
        assert process.stderr is not None
        next(line for line in process.stderr if " 1 s " in line)
        (server,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        process.communicate(timeout=LONGEST_S)
    deadline = time.monotonic() + LONGEST_S
    while (status := Path(f"/proc/{server}/status")).exists() and "State:\tZ" not in status.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_pace_is_kept(server: RunningServer, tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    status, _, err = finished(
        server.urls["smtp"], "--users", "2", "--pace", "5", "--run-time", "2s", "--json", str(json_file)
    )
    assert status == 0, err
    assert 10 <= read(json_file).summary.accepted <= 22


def test_a_broken_threshold_ends_with_1(server: RunningServer) -> None:
    status, out, _ = finished(server.urls["smtp"], "--users", "1", "--run-time", "1s", "--fail-if", "p50(submit) > 1us")
    assert (status, "1 THRESHOLD BROKEN" in out) == (1, True)


def test_where_nothing_is_accepted_there_is_no_verdict_but_a_report(server: RunningServer, tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    arguments = ("--users", "2", "--run-time", "1s", "--to", "nobody@example.test", "--json", str(json_file))
    status, out, _ = finished(server.urls["smtp"], *arguments)
    assert (status, "NO VERDICT" in out) == (3, True)
    summary = read(json_file).summary
    assert summary.errors_by_reply_code == {"550": summary.refused}
    assert 2 <= summary.refused <= 12  # users that are refused pause, longer each time
    assert summary.reply_texts["550"].startswith("550")


def test_a_server_that_is_not_there_or_refuses_the_log_in_leaves_no_verdict(server: RunningServer) -> None:
    with serving(lambda peer: None) as gone:
        pass
    status, out, err = finished(f"smtp://127.0.0.1:{gone.sockaddr[1]}")
    assert (status, out, "connection refused" in err) == (3, "", True)
    status, out, err = finished(server.urls["submission"], "--account", "alice@example.test:wrong-word")
    assert (status, out, "535" in err, "wrong-word" in err) == (3, "", True, False)


def test_pipelining_is_not_put_on_a_server_that_does_not_offer_it() -> None:
    def script(peer: Peer) -> None:
        peer.send(b"220 hi\r\n")
        peer.replies(b"250 mail.test\r\n", b"221 bye\r\n")

    with serving(script) as address:
        status, _, err = finished(f"smtp://127.0.0.1:{address.sockaddr[1]}", "--pipelining")
    assert (status, "does not offer PIPELINING" in err) == (3, True)


def test_a_server_that_dies_mid_run_leaves_a_report_with_what_is_in_doubt(tmp_path: Path) -> None:
    connections = iter(range(10**6))

    def script(peer: Peer) -> None:
        number = next(connections)
        peer.send(b"220 hi\r\n")
        peer.replies(b"250 mail.test\r\n")
        if number == 0:  # the first contact
            peer.replies(b"221 bye\r\n")
            return
        peer.replies(b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")
        peer.text()
        if number > 3:
            peer.reset()
            return
        peer.send(b"250 kept\r\n")
        peer.replies(b"221 bye\r\n")

    json_file = tmp_path / "load.json"
    with serving(script) as address:
        url = f"smtp://127.0.0.1:{address.sockaddr[1]}"
        status, out, _ = finished(url, "--users", "1", "--run-time", "1s", "--json", str(json_file))
    assert (status, "THRESHOLD BROKEN" in out) == (1, True)
    ledger = read(json_file).summary.ledger
    assert (ledger.accepted, ledger.unknown) == (3, ledger.failed)
    assert ledger.failed > 0
    assert read(json_file).summary.errors_by_kind == {"final_dot: reset": ledger.failed}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_soon_with_its_report_even_if_the_server_hangs(
    tmp_path: Path, number: signal.Signals
) -> None:
    hanging = threading.Semaphore(0)
    connections = iter(range(10**6))

    def script(peer: Peer) -> None:
        first_contact = next(connections) == 0
        peer.send(b"220 hi\r\n")
        peer.replies(b"250 mail.test\r\n")
        if first_contact:
            peer.replies(b"221 bye\r\n")
            return
        peer.replies(b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")
        peer.text()
        hanging.release()
        peer.until_gone()

    json_file = tmp_path / "load.json"
    arguments = ("--users", "3", "--run-time", "50s", "--reply-timeout", "40s", "--json", str(json_file))
    with serving(script) as address, started(f"smtp://127.0.0.1:{address.sockaddr[1]}", *arguments) as process:
        for _ in range(3):
            assert hanging.acquire(timeout=LONGEST_S)
        began = time.perf_counter()
        process.send_signal(number)
        process.communicate(timeout=LONGEST_S)
        took_s = time.perf_counter() - began
    # 2 s where the machine has nothing else to do; either way far from the 40 s that a reply may take.
    assert took_s < 20
    assert process.returncode == 3  # nothing was accepted
    result = read(json_file)
    assert result.interrupted
    assert (result.summary.ledger.abandoned, result.summary.ledger.unknown) == (3, 3)


def test_locusts_own_page_shows_the_run_and_answers_nobody_elses_page(server: RunningServer, tmp_path: Path) -> None:
    json_file = tmp_path / "load.json"
    url = server.urls["submission"].replace("://", f"://alice%40example.test:{PASSWORD}@")
    with started(url, "--web", "--users", "1", "--pace", "20", "--json", str(json_file)) as process:
        assert process.stderr is not None
        told = next(line for line in process.stderr if line.startswith("locust's page: "))
        page = told.split(": ", 1)[1].strip()
        assert page.startswith("http://127.0.0.1:")
        next(line for line in process.stderr if re.search(r" [1-9][0-9,]* messages ", line))
        with urllib.request.urlopen(page, timeout=10) as answer:
            text = answer.read().decode()
        assert server.urls["submission"] in text
        assert PASSWORD not in text
        # The page learns of messages a little later than the terminal does, which has a line a second.
        for _ in process.stderr:
            with urllib.request.urlopen(page + "stats/requests", timeout=10) as answer:
                if '"name":"submit"' in answer.read().decode():
                    break
        else:
            pytest.fail("the run ended before the page showed a message")
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            with pytest.raises(urllib.error.HTTPError, match="403") as refused:
                urllib.request.urlopen(Request(page + "stats/requests", headers=headers), timeout=10)
            refused.value.close()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0
    assert read(json_file).summary.accepted > 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "name a scenario"),
        (["supply", "smtp://127.0.0.1"], "no scenario supply"),
        (["submit", "imap://127.0.0.1"], "needs a URL"),
        (["submit", "smtp://127.0.0.1", "smtp://127.0.0.1"], "no use for another server"),
        (["submit", "smtp://127.0.0.1", "--fail-if", "lost > 1"], "who is to know"),
        (["submit", "smtp://127.0.0.1", "--judge", "1"], "no share"),
        (["submit", "smtp://127.0.0.1", "--arrivals", "5/s", "--think-time", "1"], "no --think-time"),
        (["submit", "smtp://127.0.0.1", "--arrivals", "5/s", "--pace", "1"], "no --pace"),
        (
            ["imap-idle", "imap://a@b.test:c@127.0.0.1", "lmtp://127.0.0.1", "--feed-rate", "9", "--max-rate", "2"],
            "--feed-rate is 9/s",
        ),
        (["nowhere.py", "smtp://127.0.0.1"], "no file"),
        (["submit", "smtp://192.0.2.1"], "--i-own-this-server"),
        (["submit", "smtp://127.0.0.1", "--users", "0"], "--users"),
        (["submit", "smtp://127.0.0.1", "--run-time", "0s"], "no length of time"),
        (["submit", "smtp://127.0.0.1", "--message-size", "10"], "too few"),
        (["submit", "smtp://127.0.0.1", "--to", "a@stranger.net"], "outside the test domains"),
        (["submit", "smtp://127.0.0.1", "--from", "a b@c"], "no plain mail address"),
        (["submit", "smtp://127.0.0.1", "--account", "alice"], "USER:PASSWORD"),
        (["submit", "smtp://127.0.0.1", "--account", "alice:secret"], "add --domain"),
        (["submit", "smtp://127.0.0.1", "--fail-if", "lost"], "cannot read"),
        (["submit", "smtp://127.0.0.1", "--json", "no/such/folder/x.json"], "no such folder"),
    ],
)
def test_what_cannot_be_done_ends_with_2_and_says_why(arguments: list[str], why: str) -> None:
    result = CliRunner().invoke(load, arguments)
    assert result.exit_code == 2
    assert why in re.sub(r"\s+", " ", result.output)
    assert PASSWORD not in result.output


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90), ("90s", 90), ("1m30s", 90), ("2h", 7200), ("0.5s", 0.5), ("1h1m1s", 3661)]
)
def test_lengths_of_time_are_read_as_people_write_them(text: str, expected: float) -> None:
    assert seconds(text) == expected


def test_naming_scenarios_and_reading_the_command_line_patch_nothing() -> None:
    asked = "import sys, loadtest.command, loadtest.scenarios.table; print({'locust', 'gevent'} & set(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", asked], cwd=commands.ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "set()\n"


def test_every_scenario_says_what_it_does_and_has_a_user_class() -> None:
    for name, scenario in SCENARIOS.items():
        assert scenario.name == name
        assert scenario.summary
        assert scenario.about
        assert re.fullmatch(r"loadtest\.scenarios\.\w+:\w+", scenario.user_class)
