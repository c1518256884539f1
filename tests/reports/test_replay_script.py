"""The standalone script sends what was recorded, to a real socket, and shows what comes back."""

from __future__ import annotations

import ast
import base64
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import trustme

from reports.endpoints import host_and_port
from reports.records import CheckResult, Event
from reports.replay_script import script_of
from tests.reports.example_run import DOT_KEPT, EIGHT_BIT_CUT, HOSTILE, KNOWN, received, remark, sent


class Peer:
    """A server of one connection that answers each line from a list, and keeps what it was sent."""

    def __init__(self, greeting: bytes, answers: list[bytes], tls: ssl.SSLContext | None = None) -> None:
        self.greeting, self.answers, self.tls = greeting, answers, tls
        self.got: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self.port: int = self._listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        with self._listener:
            link = self._listener.accept()[0]
        link.settimeout(20)
        if self.tls:
            link = self.tls.wrap_socket(link, server_side=True)
        with link, link.makefile("rb") as lines:
            link.sendall(self.greeting)
            for answer in self.answers:
                self.got.append(lines.readline())
                link.sendall(answer)


@contextmanager
def serving(greeting: bytes, answers: list[bytes], tls: ssl.SSLContext | None = None) -> Iterator[Peer]:
    peer = Peer(greeting, answers, tls)
    peer.thread.start()
    yield peer
    peer.thread.join(20)
    assert not peer.thread.is_alive()


def run_script(result: CheckResult, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "finding.py"
    script.write_text(script_of(result), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-I", str(script), "--wait", "5", *arguments], capture_output=True, text=True, timeout=60
    )


def finding(*events: Event, port: int = 0) -> CheckResult:
    return msgspec.structs.replace(DOT_KEPT, transcript=events, url=f"smtp://127.0.0.1:{port}")


def test_the_recorded_octets_arrive_and_the_answers_are_compared(tmp_path: Path) -> None:
    with serving(b"220 other greeting\r\n", [b"250 ok\r\n", b"221 bye\r\n"]) as peer:
        result = finding(
            received(0, b"220 hi\r\n"),
            sent(0.1, b"NO\xffOP\r\n"),
            received(0.2, b"250 "),
            received(0.2, b"ok\r\n"),
            remark(0.2, "now it hangs up"),
            sent(0.3, b"QUIT\r\n"),
            received(0.4, b"221 bye\r\n"),
            port=peer.port,
        )
        done = run_script(result, tmp_path)
    assert peer.got == [b"NO\xffOP\r\n", b"QUIT\r\n"]
    assert (done.returncode, done.stderr) == (0, "")
    assert r"1 < b'220 other greeting\r\n'" in done.stdout
    assert r"recorded: b'220 hi\r\n'" in done.stdout
    assert done.stdout.count("as recorded") == 2
    assert "now it hangs up" in done.stdout
    assert "then the server closed" in done.stdout


def test_an_answer_with_more_lines_than_recorded_is_not_taken_for_the_next_one(tmp_path: Path) -> None:
    with serving(b"220 hi\r\n250 uninvited\r\n", [b"250 ok\r\n"]) as peer:
        result = finding(
            received(0, b"220 hi\r\n"), sent(0.1, b"NOOP\r\n"), received(0.2, b"250 ok\r\n"), port=peer.port
        )
        done = run_script(result, tmp_path)
    lines = done.stdout.splitlines()
    assert r"1 < b'250 uninvited\r\n'" in lines
    assert any(line.startswith(r"1 < b'250 ok\r\n'") and line.endswith("after the last step") for line in lines)


def test_placeholders_are_filled_from_the_accounts_file(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts"
    accounts.write_text("alice:s3cret:with colon\n", encoding="utf-8")
    with serving(b"", [b"", b""]) as peer:
        result = finding(sent(0, b"PASS {password of alice}\r\n"), sent(0, b"{plain of alice} {password of bob}\r\n"))
        result = msgspec.structs.replace(result, url=f"pop3://127.0.0.1:{peer.port}")
        run_script(result, tmp_path, "--accounts", str(accounts))
    assert peer.got == [b"PASS s3cret:with colon\r\n", b"AGFsaWNlAHMzY3JldDp3aXRoIGNvbG9u {password of bob}\r\n"]


def test_nobody_listening_is_told_by_the_exit_status(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = run_script(finding(sent(0, b"NOOP\r\n"), port=port), tmp_path)
    assert done.returncode == 3
    assert "refused" in done.stdout


def test_without_a_port_the_script_asks_for_one(tmp_path: Path) -> None:
    result = msgspec.structs.replace(finding(sent(0, b"NOOP\r\n")), url="")
    assert "--port" in run_script(result, tmp_path).stderr


@pytest.mark.parametrize("result", [DOT_KEPT, EIGHT_BIT_CUT], ids=lambda result: result.check)
def test_no_recorded_word_becomes_code(result: CheckResult) -> None:
    evil = "'''\"\"\"\n__import__('os')#\u202e\ud800 @STEPS@" + HOSTILE.decode()
    hostile = msgspec.structs.replace(result, title=evil, check=evil, expected=evil, got=evil, url=evil)
    hostile = msgspec.structs.replace(hostile, transcript=(*result.transcript, remark(9, evil)))
    plain, spoilt = (ast.parse(script_of(r)) for r in (result, hostile))
    assert [type(node) for node in plain.body] == [type(node) for node in spoilt.body]
    for name in ("CHECK", "TITLE", "EXPECTED", "GOT", "HOST", "PORT", "STEPS"):
        (value,) = (n.value for n in spoilt.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == name)
        ast.literal_eval(value)
    assert script_of(hostile).isascii()


def test_the_steps_are_the_transcript() -> None:
    (steps,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(script_of(DOT_KEPT)).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "STEPS"
    )
    for action, direction in (("send", "sent"), ("await", "received")):
        octets = b"".join(step[2] for step in steps if step[1] == action)
        assert octets == b"".join(e.octets for e in DOT_KEPT.transcript if e.direction.value == direction)


def test_a_tls_handshake_is_repeated_where_it_stood(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(tls)
    with serving(b"220 hi\r\n", [b"250 ok\r\n"], tls) as peer:
        steps = (remark(0, "TLS starts (TLSv1.2)"), received(0, b"220 hi\r\n"), sent(0, b"EHLO a\r\n"))
        done = run_script(finding(*steps, port=peer.port), tmp_path)
    assert peer.got == [b"EHLO a\r\n"]
    assert "1   TLS starts" in done.stdout
    assert "as recorded" in done.stdout


def test_a_result_without_octets_makes_no_script() -> None:
    with pytest.raises(ValueError, match="no recorded octets"):
        script_of(KNOWN)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("smtp://127.0.0.1:2525", ("127.0.0.1", 2525)),
        ("imaps://[::1]", ("::1", 993)),
        ("gopher://x", ("x", 0)),
        ("", ("", 0)),
        ("smtp://x:99999", ("", 0)),
    ],
)
def test_urls_name_host_and_port(url: str, place: tuple[str, int]) -> None:
    assert host_and_port(url) == place


def test_a_quoted_and_a_recoded_password_are_filled_in_too(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts"
    accounts.write_text('alice:a"b\\c\n', encoding="utf-8")
    recoded = base64.b64encode(b"bob\0alice\0{password of alice}")
    with serving(b"", [b"", b""]) as peer:
        result = finding(
            sent(0, b'LOGIN alice "{quoted password of alice}"\r\n'), sent(0, b"{recoded " + recoded + b"}\r\n")
        )
        result = msgspec.structs.replace(result, url=f"imap://127.0.0.1:{peer.port}")
        run_script(result, tmp_path, "--accounts", str(accounts))
    assert peer.got == [
        b'LOGIN alice "a\\"b\\\\c"\r\n',
        base64.b64encode(b'bob\0alice\0a"b\\c') + b"\r\n",
    ]


@pytest.mark.parametrize("remark_text", ["closes the connection", "resets the connection", "closes its sending side"])
def test_the_script_ends_a_session_as_the_judge_did(tmp_path: Path, remark_text: str) -> None:
    with serving(b"220 hi\r\n", [b"250 ok\r\n"]) as peer:
        result = finding(
            received(0, b"220 hi\r\n"), sent(0.1, b"NOOP\r\n"), received(0.2, b"250 ok\r\n"), remark(0.3, remark_text),
            port=peer.port,
        )  # fmt: skip
        done = run_script(result, tmp_path)
    assert f"1   {remark_text}" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")
