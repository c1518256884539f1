"""What the users file allows a user reaches SMTP and IMAP, whichever store keeps the mail (RFC 1870, RFC 9208)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_server.accounts import Directory
from reference_server.accounts.users_file import read
from reference_server.core import Send, Settings, Surroundings
from reference_server.imap.core import ImapCore
from reference_server.smtp.core import SmtpCore
from reference_server.stores import Store
from reference_server.stores.opening import opened_store

FILE = """
[[user]]
address = "alice@example.test"
password = "secret"
aliases = ["a.smith@example.test"]
message_octets = 2000
messages = 2

[[user]]
address = "bob@example.test"
password = "secret"
storage_octets = 2000
"""


@pytest.fixture(params=["memory", "sqlite:mail.sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "users.toml").write_text(FILE)
    with opened_store(request.param, Directory(read(tmp_path / "users.toml"))) as opened:
        yield opened


def said(core: SmtpCore | ImapCore, octets: bytes) -> list[bytes]:
    answers = b"".join(action.octets for action in core.receive(octets, 1.0) if isinstance(action, Send))
    return answers.split(b"\r\n")[:-1]


def sent(store: Store, recipient: str, octets: int) -> bytes:
    """The reply to a message of about that size."""
    core = SmtpCore(store, Settings(), Surroundings(tls=True))
    core.connected(0.0)
    said(core, b"EHLO x\r\n")
    said(core, f"MAIL FROM:<>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
    return said(core, b"Subject: x\r\n\r\n" + (b"x" * 98 + b"\r\n") * (octets // 100) + b".\r\n")[-1]


def appended(store: Store, name: str, octets: int) -> bytes:
    """The completion of an APPEND of that many octets."""
    core = ImapCore(store, Settings(), Surroundings(tls=True))
    core.connected(0.0)
    message = b"x" * (octets - 2) + b"\r\n"
    return said(core, b"a LOGIN %b secret\r\nb APPEND INBOX {%d+}\r\n%b\r\n" % (name.encode(), octets, message))[-1]


def test_a_message_beyond_its_own_limit_is_refused_for_good(store: Store) -> None:
    assert sent(store, "alice@example.test", 3000).startswith(b"552 5.2.3")
    assert appended(store, "alice", 3000).startswith(b"b NO [")


def test_a_mailbox_takes_so_many_messages_and_no_more(store: Store) -> None:
    assert sent(store, "a.smith@example.test", 100).startswith(b"250")
    assert appended(store, "a.smith", 100).startswith(b"b OK")
    assert sent(store, "alice@example.test", 100).startswith(b"452 4.2.2")
    assert appended(store, "alice", 100).startswith(b"b NO [OVERQUOTA]")


def test_all_folders_together_take_so_many_octets(store: Store) -> None:
    assert sent(store, "bob@example.test", 1000).startswith(b"250")
    assert sent(store, "bob@example.test", 1000).startswith(b"452 4.2.2")
    assert appended(store, "bob", 1000).startswith(b"b NO [OVERQUOTA]")
    assert appended(store, "bob", 100).startswith(b"b OK")
