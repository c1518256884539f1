"""The mail that `mailspec serve` begins with is mail."""

from __future__ import annotations

import email
import email.policy
import signal
from imaplib import IMAP4
from urllib.parse import urlsplit

from reference_server.seed import seed
from reference_server.stores.mailbox import MemoryMailbox
from tests.reference_server.test_running_serving import start


def test_the_messages_are_without_defects_and_differ() -> None:
    inbox = MemoryMailbox("INBOX", uid_validity=1)
    seed(inbox)
    parsed = [email.message_from_bytes(message.octets, policy=email.policy.default) for message in inbox.messages]
    assert [message["Subject"] for message in parsed] == ["Lunch", "The menu", "Gr\u00fc\u00dfe \u263a", "Re: Lunch"]
    assert not any(part.defects for message in parsed for part in message.walk())
    assert [message.is_multipart() for message in parsed] == [False, True, False, False]
    assert parsed[3]["In-Reply-To"] == parsed[0]["Message-ID"]
    assert all(b"\n" not in message.octets.replace(b"\r\n", b"") for message in inbox.messages)


def test_they_are_there_if_asked_for_and_nobody_else_is_named() -> None:
    for arguments, count in (
        ("seeded=True", b"4"),
        ("", b"0"),
        ("seeded=True, users={'alice@x.test': 'secret'}", b"0"),
    ):
        with start(f"only=['imap'], allow_cleartext=True, {arguments}") as process:
            assert process.stdout is not None
            url = urlsplit(process.stdout.readline().strip())
            with IMAP4(url.hostname or "", url.port or 0, timeout=20.0) as client:
                client.login("alice", "secret")
                assert client.select() == ("OK", [count])
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20.0)
