"""The command `mailspec`, run as users run it: in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mailspec import VERSION
from reference_server.accounts import Directory
from reference_server.accounts.users_file import read
from reference_server.running import running_server
from reports.load import encode_load
from reports.records import RunResult, TargetRecord, encode_run
from tests.conformance.hostile_peer import hostile_peer
from tests.reports.example_load import faster_load, full_load

ACCOUNTS = ["--account", "alice@example.test:secret", "--account", "bob@example.test:secret"]
LONG_S = 120
ROOT = Path(__file__).parents[2]


def mailspec(*arguments: str, cwd: Path, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mailspec", *arguments],
        cwd=cwd,
        input=said,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )


def test_without_a_url_the_embedded_server_conforms(tmp_path: Path) -> None:
    done = mailspec("check", "--only", "smtp/rset/*", "--profile", "quick", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "CONFORMS" in done.stdout
    assert "smtp/rset/is_answered_250" in done.stderr
    run = json.loads((tmp_path / "mailspec-report" / "run.json").read_text())
    assert run["tool_version"] == VERSION
    assert (run["seed"], run["profile"], run["tier"]) == (0, "quick", "intrusive")
    assert (tmp_path / "mailspec-report" / "index.html").read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in tmp_path.iterdir()] == ["mailspec-report"], "a run leaves its report and nothing else"


def test_a_fault_is_found_and_named_with_a_command_that_replays_it(tmp_path: Path) -> None:
    fault = "keeps-transaction-after-rset"
    done = mailspec("check", "--only", "smtp/rset/*", "--fault", fault, "--junit", "junit.xml", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    identifier = "smtp/rset/discards_the_pending_transaction"
    assert f"mailspec replay mailspec-report/run.json {identifier}" in done.stdout
    assert 'failures="1"' in (tmp_path / "junit.xml").read_text()
    with running_server(protocols=("smtp",)) as server:
        again = mailspec("replay", "mailspec-report/run.json", identifier, server.urls["smtp"], cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "RSET" in again.stdout
    assert "503" in again.stdout


def test_a_finding_can_be_taken_along_as_script_and_capture(tmp_path: Path) -> None:
    mailspec("check", "--only", "smtp/rset/*", "--fault", "keeps-transaction-after-rset", cwd=tmp_path)
    done = mailspec(
        "replay",
        "mailspec-report/run.json",
        "smtp/rset/discards_the_pending_transaction",
        "--script",
        "again.py",
        "--pcap",
        "again.pcap",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    compile((tmp_path / "again.py").read_text(), "again.py", "exec")
    assert (tmp_path / "again.pcap").stat().st_size > 100


def test_several_runs_are_rendered_side_by_side(tmp_path: Path) -> None:
    mailspec("check", "--only", "smtp/rset/*", "--output", "good", cwd=tmp_path)
    mailspec(
        "check", "--only", "smtp/rset/*", "--output", "bad", "--fault", "keeps-transaction-after-rset", cwd=tmp_path
    )
    side_by_side = mailspec("report", "good/run.json", "bad/run.json", "--html", "both.html", cwd=tmp_path)
    assert "smtp/rset/discards_the_pending_transaction" in side_by_side.stdout
    assert (tmp_path / "both.html").exists()
    compared = mailspec("report", "bad/run.json", "--baseline", "good/run.json", cwd=tmp_path)
    assert "discards_the_pending_transaction" in compared.stdout


def test_recorded_load_runs_are_rendered_again_and_compared(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(encode_load(full_load()))
    (tmp_path / "b.json").write_bytes(encode_load(faster_load()))
    again = mailspec("report", "a.json", "--html", "a.html", cwd=tmp_path)
    assert "3 THRESHOLDS BROKEN" in again.stdout
    assert "plotly.js" in (tmp_path / "a.html").read_text(encoding="utf-8")
    compared = mailspec("report", "a.json", "b.json", cwd=tmp_path)
    assert compared.stdout.endswith("2 FIGURES WORSE, 13 BETTER\nThe runs did not ask the same of the server.\n")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["check", "http://127.0.0.1"], 2, "no protocol is called 'http'"),
        (["check", "smtp://127.0.0.1:1"], 3, ""),
        (["check", "--only", "no/such/check"], 3, "no check's id matches no/such/check"),
        (["check", "--tier", "safe", "--only", "smtp/transparency/*"], 3, "--tier intrusive"),
        (["check", "--account", "alice:secret"], 2, "give its URL"),
        (["check", "--output", "junk.json/report"], 2, "nothing can be written"),
        (["check", "--junit", "junk.json/junit.xml"], 2, "nothing can be written"),
        (["check", "--checks", "broken"], 2, "SyntaxError"),
        (["check", "--domain", "example.test", "--resolver", "nowhere"], 2, "ADDRESS[:PORT]"),
        (["check", "alice@example.test:secret@127.0.0.1"], 2, "no protocol is called '127.0.0.1'"),
        (["replay", "run.json", "no/such/finding"], 2, "no result of no/such/finding"),
        (["report", "run.json", "--html", "absent/page.html"], 2, "cannot be written"),
        (["check", "--fault", "no-such-fault"], 2, "no-such-fault"),
        (["check", "smtp://127.0.0.1:1", "--fault", "keeps-stuffed-dot"], 2, "embedded"),
        (["check", "smtp://mail.example.invalid", "--tier", "intrusive"], 2, "--i-own-this-server"),
        (["check", "smtp://127.0.0.1:1", "--account", "nobody"], 2, "USER:PASSWORD"),
        (["check", "--config", "absent.toml"], 2, "absent.toml"),
        (["explain", "no/such/thing"], 2, "mailspec list"),
        (["report", "junk.json"], 2, "not a mailspec run"),
        (["report", "run.json", "load.json"], 2, "give only one kind"),
        (["check", "--no-such-option"], 2, "No such option"),
    ],
)
def test_what_cannot_be_done_says_so_by_status_and_words(
    tmp_path: Path, arguments: list[str], status: int, words: str
) -> None:
    (tmp_path / "junk.json").write_text("{}")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "check_it.py").write_text("def check_it(:\n")
    nothing = TargetRecord(name="x", urls=())
    run = RunResult(
        tool_version="0", target=nothing, started_at="", duration_s=0.0, seed=0, profile="quick", tier="safe"
    )
    (tmp_path / "load.json").write_bytes(encode_load(faster_load()))
    (tmp_path / "run.json").write_bytes(encode_run(run))
    done = mailspec(*arguments, cwd=tmp_path)
    assert done.returncode == status, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_an_interrupted_run_ends_at_once_with_a_report_of_what_was_judged(tmp_path: Path) -> None:
    """Interrupted while a server keeps the judge waiting, which is when people do it."""

    def fall_silent_after_the_greeting(peer: socket.socket) -> None:
        peer.sendall(b"220 here\r\n")
        while peer.recv(65536):
            pass

    (tmp_path / "mailspec.toml").write_text("[limits]\nreply_s = 1\n")
    with hostile_peer(fall_silent_after_the_greeting) as port:
        process = subprocess.Popen(
            [sys.executable, "-m", "mailspec", "check", f"smtp://127.0.0.1:{port}", "--only", "smtp/greeting/*",
             "--only", "smtp/commands/*"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=LONG_S)
    assert "smtp/" in first
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert "interrupted before this check" in said
    results = json.loads((tmp_path / "mailspec-report" / "run.json").read_text())["results"]
    assert results[-1]["verdict"] == "inconclusive"


def test_a_refused_log_in_is_no_verdict(tmp_path: Path) -> None:
    with running_server(protocols=("pop3",)) as server:
        done = mailspec(
            "check", server.urls["pop3"], "--account", "alice@example.test:wrong", "--only", "pop3/numbers/*",
            "--tier", "intrusive", "--profile", "quick", cwd=tmp_path,
        )  # fmt: skip
    assert done.returncode == 3, done.stdout
    assert "wrong" not in (tmp_path / "mailspec-report" / "run.json").read_text()


def test_passwords_stay_out_of_everything_that_is_written(tmp_path: Path) -> None:
    with running_server(protocols=("smtp", "submission", "imap", "pop3")) as server:
        done = mailspec(
            "check", *server.urls.values(), *ACCOUNTS, "--tier", "intrusive", "--profile", "quick",
            "--only", "smtp/auth/*", "--only", "pop3/credentials/*", cwd=tmp_path,
        )  # fmt: skip
    written = [path.read_text() for path in (tmp_path / "mailspec-report").iterdir()]
    assert len(written) >= 3
    assert all("secret" not in text for text in [*written, done.stdout, done.stderr])


def test_a_configuration_file_names_target_accounts_and_known_findings(tmp_path: Path) -> None:
    with running_server(protocols=("smtp",)) as server:
        (tmp_path / "mailspec.toml").write_text(
            f'[targets.here]\nurls = ["{server.urls["smtp"]}"]\n'
            '[[accounts]]\nname = "alice@example.test"\npassword = "secret"\n'
            '[[known]]\ncheck = "smtp/rset/is_answered_250"\nreason = "no longer true"\n'
        )
        done = mailspec("check", "here", "--only", "smtp/rset/*", cwd=tmp_path)
    assert done.returncode == 1, "a known finding that no longer shows must not outlive its reason"
    assert "no longer true" in done.stdout


def test_listing_and_coverage(tmp_path: Path) -> None:
    assert "smtp/rset/is_answered_250" in mailspec("list", "checks", cwd=tmp_path).stdout
    assert "rfc5321/4.5.2/3" in mailspec("list", "requirements", cwd=tmp_path).stdout
    faults = json.loads(mailspec("list", "faults", "--json", cwd=tmp_path).stdout)
    assert {"id", "breaks", "summary", "protocol"} <= set(faults[0])
    assert "submit" in mailspec("list", "scenarios", cwd=tmp_path).stdout
    assert "told of it" in mailspec("explain", "imap-idle", cwd=tmp_path).stdout
    assert mailspec("list", "variants", cwd=tmp_path).stdout
    assert {"id", "argument", "default", "legal", "summary"} <= set(
        json.loads(mailspec("list", "links", "--json", cwd=tmp_path).stdout)[0]
    )
    coverage = json.loads(mailspec("list", "--coverage", "--json", cwd=tmp_path).stdout)
    for levels in coverage.values():
        for row in levels.values():
            assert row["sentences"] == row["checked"] + row["unobservable"] + row["open"]
    assert "RFC 5321" in mailspec("list", "--coverage", cwd=tmp_path).stdout


def test_explaining_a_check_an_oracle_and_a_requirement(tmp_path: Path) -> None:
    check = mailspec("explain", "smtp/rset/discards_the_pending_transaction", cwd=tmp_path).stdout
    assert "rfc5321/4.1.1.5/2" in check
    assert "keeps-transaction-after-rset" in check
    assert "smtp/rset/discards" in mailspec("explain", "rfc5321/4.1.1.5/2", cwd=tmp_path).stdout
    assert "oracle" in mailspec("explain", "smtp/grammar/bare_lf", cwd=tmp_path).stdout


OWN_CHECK = '''
from hypothesis import strategies as st
from conformance.checks import given, must
from conformance.expectations import expect_code
from conformance.fixtures import SmtpDial

@must("rfc5321/4.1.1.9/2")
@given(word=st.sampled_from(["", " x"]))
def check_answers_250(smtp: SmtpDial, word: str) -> None:
    """NOOP is answered 250, whatever string follows it."""
    with smtp() as session:
        session.greet()
        expect_code(session.command("NOOP" + word), {250}, because="NOOP does nothing")
'''


def test_own_checks_run_beside_those_that_come_along(tmp_path: Path) -> None:
    own = tmp_path / "mychecks"
    own.mkdir()
    (own / "check_noop.py").write_text(OWN_CHECK)
    done = mailspec("check", "--checks", "mychecks", "--only", "mychecks/*", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mychecks/noop/answers_250" in done.stderr


def test_the_pytest_plugin_works_without_the_command(tmp_path: Path) -> None:
    own = tmp_path / "mychecks"
    own.mkdir()
    (own / "check_noop.py").write_text(OWN_CHECK)
    with running_server(protocols=("smtp",)) as server:
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-p", "no:locust", "-p", "conformance.plugin", "-q",
                "-o", "python_files=check_*.py", "-o", "python_functions=check_*",
                "--mailspec-url", server.urls["smtp"], "mychecks",
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@contextmanager
def serving(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mailspec", "serve", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=LONG_S)


def test_serve_prints_one_url_a_line_and_ends_on_a_signal(tmp_path: Path) -> None:
    with serving("--only", "imap,smtp", "--user", "carol@example.org:word", cwd=tmp_path) as process:
        assert process.stdout is not None
        urls = [process.stdout.readline().strip() for _ in range(2)]
        assert {url.partition(":")[0] for url in urls} == {"imap", "smtp"}
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=LONG_S)
    assert (rest, said, process.returncode) == ("", "", 0)


def test_serve_puts_the_links_around_its_sessions(tmp_path: Path) -> None:
    with serving("--only", "smtp", "--link", "smtp/bare-lf", "--link", "half-close:9", cwd=tmp_path) as process:
        assert process.stdout is not None
        url = urlsplit(process.stdout.readline().strip())
        with socket.create_connection((url.hostname or "", url.port or 0), timeout=LONG_S) as peer:
            assert peer.recv(100) == b"220 mail."
            assert peer.recv(100) == b""
    done = mailspec("serve", "--link", "wet-string", cwd=tmp_path)
    assert done.returncode == 2
    assert "wet-string" in done.stderr


def test_serve_lists_what_it_can_be_made_to_do(tmp_path: Path) -> None:
    listed = mailspec("serve", "--list-faults", cwd=tmp_path)
    assert listed.returncode == 0
    assert "keeps-transaction-after-rset" in listed.stdout
    assert "smtp-greylisting" in listed.stdout
    assert "half-close[:N]" in listed.stdout


def test_a_password_is_hashed_for_the_users_file(tmp_path: Path) -> None:
    done = mailspec("serve", "--hash-password", cwd=tmp_path, said="a word\n")
    assert done.returncode == 0
    (tmp_path / "users.toml").write_text(f'[[user]]\naddress = "carol@example.org"\n{done.stdout}')
    assert "word" not in done.stdout
    assert Directory(read(tmp_path / "users.toml")).verify("carol", "a word") == "carol@example.org"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--certificate", "users.toml"], "in pairs"),
        (["--certificate", "users.toml", "--key", "users.toml"], "not a certificate"),
        (["--client-ca", "users.toml"], "no certificate of an authority"),
        (["--users", "users.toml"], "users.toml, user 1: the address is missing"),
        (["--users", "nowhere.toml"], "does not exist"),
    ],
)
def test_serve_says_what_is_wrong_with_a_file(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    (tmp_path / "users.toml").write_text("[[user]]\n")
    done = mailspec("serve", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_serve_refuses_an_address_beyond_this_machine(tmp_path: Path) -> None:
    done = mailspec("serve", "--host", "0.0.0.0", cwd=tmp_path)
    assert done.returncode == 2
    assert "loopback" in done.stderr


def test_a_terminal_gets_one_live_line_and_only_what_is_wrong_above_it(tmp_path: Path) -> None:
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mailspec", "check", "--only", "smtp/rset/*", "--fault", "keeps-transaction-after-rset"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.DEVNULL,
        stderr=inside,
    )
    os.close(inside)
    shown = b""
    while select.select([terminal], [], [], LONG_S)[0]:
        try:
            shown += os.read(terminal, 65536)
        except OSError:
            break
    os.close(terminal)
    assert process.wait(LONG_S) == 1
    assert b"VIOLATED" in shown
    assert b"discards_the_pending_transaction" in shown
    assert b"\x1b[" in shown
