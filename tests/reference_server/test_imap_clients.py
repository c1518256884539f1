"""Whole round trips of imaplib and of mbsync (Debian's isync) with the IMAP server over real sockets."""

from __future__ import annotations

import imaplib
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reference_server.core import Settings
from reference_server.running import RunningServer, running_server
from tests.reference_server.imap_dialogue import inbox, new_store

MESSAGE = b"From: a@b.test\r\nSubject: hello\r\nMessage-ID: <1@b.test>\r\n\r\nbody \xc3\xa4\r\n"
TIMEOUT_S = 20.0


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with running_server(
        store=new_store(), protocols=("imap", "imaps"), settings=Settings(allow_cleartext=True)
    ) as running:
        yield running
        assert running.errors == []


def port_of(server: RunningServer, scheme: str) -> int:
    port = urlsplit(server.urls[scheme]).port
    assert port is not None
    return port


def context_for(server: RunningServer) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=server.ca_pem.decode("ascii"))
    context.check_hostname = False
    return context


def log_in(server: RunningServer) -> imaplib.IMAP4:
    client = imaplib.IMAP4("127.0.0.1", port_of(server, "imap"), timeout=TIMEOUT_S)
    client.login("alice", "secret")
    return client


def test_imaplib_appends_reads_flags_and_deletes(server: RunningServer) -> None:
    with log_in(server) as client:
        assert client.create("Sent/2026")[0] == "OK"
        status, [text] = client.append("INBOX", "(\\Flagged)", '" 1-Mar-2026 12:00:00 +0000"', MESSAGE)
        assert (status, text.split()[0]) == ("OK", b"[APPENDUID")
        assert client.select("INBOX") == ("OK", [b"1"])
        assert client.search(None, "SUBJECT", "hello") == ("OK", [b"1"])
        client.literal = "ä".encode()  # type: ignore[assignment]  # typeshed has str, imaplib sends bytes
        assert client.uid("SEARCH", "CHARSET", "UTF-8", "BODY") == ("OK", [b"1"])
        status, data = client.fetch("1", "(FLAGS RFC822.SIZE BODY[])")
        assert isinstance(data[0], tuple)
        assert data[0][1] == MESSAGE
        assert b"RFC822.SIZE %d" % len(MESSAGE) in data[0][0]
        assert client.store("1", "+FLAGS", "(\\Deleted)")[0] == "OK"
        assert client.copy("1", "Sent/2026")[0] == "OK"
        assert client.expunge() == ("OK", [b"1"])
        assert client.status("Sent/2026", "(MESSAGES)") == ("OK", [b"Sent/2026 (MESSAGES 1)"])
        status, folders = client.list()
        assert len(folders) == 3
        assert client.unselect()[0] == "OK"
        assert client.rename("Sent", "Old")[0] == "OK"
        assert client.delete("Old/2026")[0] == "OK"


def test_imaplib_upgrades_to_tls() -> None:
    with running_server(store=new_store(), protocols=("imap",)) as server:
        with imaplib.IMAP4("127.0.0.1", port_of(server, "imap"), timeout=TIMEOUT_S) as client:
            assert "LOGINDISABLED" in client.capabilities
            with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
                client.login("alice", "secret")
            client.starttls(context_for(server))
            assert "LOGINDISABLED" not in client.capabilities
            assert client.authenticate("PLAIN", lambda _: b"\0alice\0secret")[0] == "OK"
        assert server.errors == []


def test_imaplib_logs_in_over_implicit_tls(server: RunningServer) -> None:
    client = imaplib.IMAP4_SSL(
        "127.0.0.1", port_of(server, "imaps"), ssl_context=context_for(server), timeout=TIMEOUT_S
    )
    with client:
        assert "STARTTLS" not in client.capabilities
        assert client.login("alice@example.test", "secret")[0] == "OK"


def test_idle_hears_of_a_delivery_from_another_thread(server: RunningServer) -> None:
    with log_in(server) as client:
        client.select("INBOX")
        client.send(b"x1 IDLE\r\n")
        assert client.readline() == b"+ idling\r\n"
        store = server.store
        deliver = threading.Thread(target=lambda: inbox(store).append(MESSAGE))  # type: ignore[arg-type]
        deliver.start()
        assert client.readline() == b"* 1 EXISTS\r\n"
        assert client.readline() == b"* 1 RECENT\r\n"
        deliver.join()
        client.send(b"DONE\r\n")
        assert client.readline() == b"x1 OK IDLE completed\r\n"


@pytest.mark.skipif(shutil.which("mbsync") is None, reason="mbsync (Debian: isync) is not installed")
def test_mbsync_synchronizes_both_ways(server: RunningServer, tmp_path: Path) -> None:
    store = server.store
    account = store.account("alice@example.test")
    assert account is not None
    account.create("Lists/Über")
    box = account.mailbox("Lists/Über")
    assert box is not None
    remote = account.mailbox("INBOX")
    assert remote is not None
    for number in range(3):
        octets = b"From: a@b.test\r\nSubject: %d\r\nMessage-ID: <%d@b.test>\r\n\r\nbody\r\n" % (number, number)
        remote.append(octets, internal_date=datetime(2026, 3, 1 + number, tzinfo=UTC))
    box.append(MESSAGE)
    maildir = tmp_path / "mail"
    maildir.mkdir()
    configuration = tmp_path / "mbsyncrc"
    configuration.write_text(
        f"""
IMAPStore remote
Host 127.0.0.1
Port {port_of(server, "imap")}
User alice
Pass secret
SSLType None
AuthMechs LOGIN

MaildirStore local
Path {maildir}/
Inbox {maildir}/INBOX
SubFolders Verbatim

Channel mail
Far :remote:
Near :local:
Patterns *
Create Both
Remove Both
Expunge Both
Sync All
SyncState *
"""
    )

    def synchronize() -> None:
        done = subprocess.run(
            ["mbsync", "-c", str(configuration), "-a"], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    synchronize()
    local = maildir / "INBOX"
    assert len(_files(local)) == 3
    [fetched] = _files(maildir / "Lists" / "Über") or _files(maildir / "Lists" / "&ANw-ber")
    # mbsync marks what it carries over with a header field of its own.
    assert re.sub(rb"X-TUID: .*\n", b"", fetched.read_bytes()) == MESSAGE.replace(b"\r\n", b"\n")

    # Here: one message flagged, one deleted, one new. There: one seen, one new.
    first, second, _ = sorted(_files(local), key=lambda path: path.read_bytes())
    first.rename(local / "cur" / (first.name.partition(":")[0] + ":2,F"))
    second.rename(local / "cur" / (second.name.partition(":")[0] + ":2,T"))
    (local / "new" / "1.1.here").write_bytes(b"From: b@c.test\nSubject: made here\nMessage-ID: <x@c.test>\n\nnew\n")
    third = next(message for message in remote.messages if b"Subject: 2" in message.octets)
    remote.set_flags({third.uid: ["\\Seen"]})
    remote.append(b"From: a@b.test\r\nSubject: made there\r\nMessage-ID: <y@b.test>\r\n\r\nnew\r\n")

    synchronize()
    synchronize()
    there = {message.octets.split(b"Subject: ")[1].split(b"\r\n")[0]: message.flags for message in remote.messages}
    assert there == {
        b"0": {"\\Flagged"},
        b"2": {"\\Seen"},
        b"made here": frozenset(),
        b"made there": frozenset(),
    }
    here = {path.read_bytes().split(b"Subject: ")[1].split(b"\n")[0] for path in _files(local)}
    assert here == there.keys()


def _files(folder: Path) -> list[Path]:
    return [path for part in ("new", "cur") if (folder / part).is_dir() for path in (folder / part).iterdir()]
