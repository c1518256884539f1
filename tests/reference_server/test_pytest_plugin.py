"""The fixtures for other people's tests: the example in the documentation is run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reference_server.core import Settings
from reference_server.running import RunningServer, running_server

if TYPE_CHECKING:
    # pytest wants to be the first to import a plugin.
    from reference_server.pytest_plugin import MailServerFactory

pytest_plugins = ["reference_server.pytest_plugin"]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = re.findall(
    r"^```python\n(.*?)^```$", (ROOT / "docs/testing-your-client.md").read_text(), re.MULTILINE | re.DOTALL
)


def run_pytest(folder: Path, conftest: str, tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(conftest)
    (folder / "test_client.py").write_text(tests)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:locust", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_example_in_the_documentation_passes(tmp_path: Path) -> None:
    conftest, tests, without_pytest = EXAMPLES
    done = run_pytest(tmp_path, conftest, tests)
    assert done.returncode == 0, done.stdout
    assert f"{tests.count('def test_')} passed" in done.stdout
    script = subprocess.run(
        [sys.executable, "-c", without_pytest],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert re.fullmatch(r"imap://127\.0\.0\.1:\d+ \('127\.0\.0\.1', \d+\)\n", script.stdout)


def test_a_mistake_of_the_server_fails_the_test_that_met_it(tmp_path: Path) -> None:
    tests = """
import socket
from reference_server.smtp.core import SmtpCore

def test_it(mail_server, monkeypatch):
    def raises(self, argument):
        raise RuntimeError("our mistake")
    monkeypatch.setattr(SmtpCore, "on_noop", raises)
    with socket.create_connection(mail_server.address("smtp")) as peer:
        peer.recv(100)
        peer.sendall(b"NOOP\\r\\n")
        peer.recv(100)

def test_the_next_one(mail_server):
    pass
"""
    done = run_pytest(tmp_path, EXAMPLES[0], tests)
    assert "our mistake" in done.stdout
    assert "2 passed, 1 error" in done.stdout


def test_every_test_has_a_server_of_its_own(mail_server: RunningServer, mail_server_factory: MailServerFactory) -> None:
    other = mail_server_factory()
    assert mail_server.address("smtp") != other.address("smtp")
    mail_server.mailbox("bob@example.test").append(b"x\r\n")
    assert mail_server.messages("bob@example.test") == [b"x\r\n"]
    assert other.messages("bob@example.test") == []


def test_settings_are_the_caller_s_but_for_what_is_asked_for_by_name(mail_server_factory: MailServerFactory) -> None:
    settings = Settings(hostname="mx.other.test", allow_cleartext=True)
    server = mail_server_factory(services=["smtp"], settings=settings, users={"a@other.test": "x"})
    assert list(server.urls) == ["smtp"]
    assert server.messages("a@other.test") == []
    with pytest.raises(ValueError, match="no-such-fault"):
        mail_server_factory(faults=["no-such-fault"])
    with pytest.raises(ValueError, match="no-such-link"):
        mail_server_factory(links=["no-such-link"])


def test_what_is_not_there_is_named() -> None:
    with running_server(protocols=["imap"]) as server:
        with pytest.raises(KeyError, match="smtp"):
            server.address("smtp")
        with pytest.raises(LookupError, match=r"no user carol@example\.test"):
            server.mailbox("carol@example.test")
        with pytest.raises(LookupError, match=r"bob@example\.test has no Sent"):
            server.messages("bob@example.test", "Sent")
