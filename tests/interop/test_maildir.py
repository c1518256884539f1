"""Dovecot and mutt read the Maildirs that we keep, and we see what they do to them."""

from __future__ import annotations

import imaplib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reference_server.stores import Mailbox
from reference_server.stores.maildir import MaildirStore
from reference_server.stores.memory import MemoryAccount
from tests.interop.private_server import ServerUnavailableError, running_server

pytestmark = pytest.mark.interop

RECIPE = Path(__file__).with_name("dovecot_maildir.sh")
OWNER = 10_000
DRAFTS, DRAFTS_ON_THE_WIRE = "Entw\u00fcrfe", "Entw&APw-rfe"
FOLLOWING = b"\r\nFrom: x@y.example\r\n\r\n.dots, 8-bit \xc3\xa4, and a last line\r\n"
BODY = b"Subject: 1" + FOLLOWING


@contextmanager
def opened(path: Path) -> Iterator[MemoryAccount]:
    store = MaildirStore(path, {"alice@example.test": "secret"})
    try:
        yield store.accounts[0]
    finally:
        store.close()


def box(account: MemoryAccount, name: str = "INBOX") -> Mailbox:
    found = account.mailbox(name)
    assert found is not None
    return found


def give_away(path: Path) -> None:
    """Let Dovecot, which opens no mail as root, have all that we made."""
    for directory, _, files in os.walk(path):
        os.chown(directory, OWNER, OWNER)
        for file in files:
            os.chown(Path(directory) / file, OWNER, OWNER)


def fetched(imap: imaplib.IMAP4, items: str) -> dict[int, bytes]:
    _, answers = imap.uid("FETCH", "1:*", f"({items})")
    heads = [answer[0] + answer[1] if isinstance(answer, tuple) else answer for answer in answers if answer != b")"]
    return {int(found[1]): head for head in heads if (found := re.search(rb"UID (\d+)", head))}


@pytest.fixture
def path() -> Iterator[Path]:
    """A place that others than root can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="mailspec-maildir-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory) / "mail"


def test_dovecot_and_mutt_share_our_maildirs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path) as alice:
        alice.create("Entw\u00fcrfe/a.b")
        alice.subscribe("Entw\u00fcrfe/a.b")
        box(alice, "Entw\u00fcrfe/a.b").append(BODY)
        inbox = box(alice)
        for number, flags in enumerate([[], [], ["\\Seen", "$Forwarded", "mine"], ["\\Answered"]], 1):
            inbox.append(b"Subject: %d" % number + FOLLOWING, flags=flags)
        inbox.expunge([inbox.append(b"gone")])
        validity, uid_next = inbox.uid_validity, inbox.uid_next
    give_away(path)
    monkeypatch.setenv("MAILDIRS", str(path))
    try:
        with running_server(RECIPE, services=["imap"], accounts={}) as server:
            url = urlsplit(server.urls["imap"])
            with imaplib.IMAP4(url.hostname or "", url.port or 0, timeout=20.0) as imap:
                imap.login("alice@example.test", "secret")
                look_at_what_mutt_did(imap, path)
                look_with_dovecot(imap, validity, uid_next)
                change_with_dovecot(imap)
                with opened(path) as alice:
                    see_what_they_did(alice)
                    work_side_by_side(imap, alice, path)
    except ServerUnavailableError as error:
        pytest.skip(f"no Dovecot with mutt: {error}")


def look_at_what_mutt_did(imap: imaplib.IMAP4, path: Path) -> None:
    """It wrote down and copied the first message; Dovecot and we read the same octets in its copy."""
    lines = (path / "seen-by-mutt").read_bytes().replace(b"\r\n", b"\n")
    assert lines == BODY.replace(b"\r\n", b"\n")
    imap.select(DRAFTS_ON_THE_WIRE)
    (copied,) = fetched(imap, "RFC822.SIZE FLAGS BODY.PEEK[]").values()
    with opened(path) as alice:
        (seen,) = box(alice, DRAFTS).messages
        assert copied.endswith(seen.octets)
        assert b"RFC822.SIZE %d" % seen.size in copied
        assert b"%d" % seen.uid in copied
        assert seen.flags == {"\\Flagged"}
        assert seen.octets.endswith(BODY.partition(b"\r\n\r\n")[2])
        assert uids(box(alice)) == [1, 3, 4]


def look_with_dovecot(imap: imaplib.IMAP4, validity: int, uid_next: int) -> None:
    _, folders = imap.list()
    assert sorted(line.rpartition(b' "/" ')[2].strip(b'"') for line in folders if isinstance(line, bytes)) == [
        b"Entw&APw-rfe",
        b"Entw&APw-rfe/a.b",
        b"INBOX",
    ]
    assert [line.rpartition(b' "/" ')[2] for line in imap.lsub()[1] if isinstance(line, bytes)] == [b"Entw&APw-rfe/a.b"]
    imap.select("INBOX")
    assert imap.response("UIDVALIDITY")[1] == [b"%d" % validity]
    assert imap.response("UIDNEXT")[1] == [b"%d" % uid_next]
    # mutt flagged the first message and removed the second.
    flags = told_by(imap)
    assert sorted(flags) == [1, 3, 4]
    assert flags[1] >= {"\\Flagged"}
    assert flags[3] == {"\\Seen", "$Forwarded", "mine"}
    assert flags[4] == {"\\Answered"}
    assert all(text.endswith(b"Subject: %d" % uid + FOLLOWING) for uid, text in fetched(imap, "BODY.PEEK[]").items())
    assert all(b"RFC822.SIZE %d" % len(BODY) in answer for answer in fetched(imap, "RFC822.SIZE").values())


def change_with_dovecot(imap: imaplib.IMAP4) -> None:
    imap.uid("STORE", "3", "FLAGS", "(\\Deleted theirs)")
    imap.uid("STORE", "4", "+FLAGS", "(\\Deleted)")
    imap.uid("EXPUNGE", "4")
    assert imap.append("INBOX", "(\\Draft)", "", b"Subject: theirs\r\n\r\nx\r\n")[0] == "OK"
    imap.create("Theirs/&Jjo-")
    imap.subscribe("Theirs/&Jjo-")
    imap.noop()


def see_what_they_did(alice: MemoryAccount) -> None:
    assert alice.names() == ["INBOX", "Entw\u00fcrfe", "Entw\u00fcrfe/a.b", "Theirs/\u263a"]
    assert alice.subscriptions == {"Entw\u00fcrfe/a.b", "Theirs/\u263a"}
    first, third, theirs = box(alice).messages
    assert (first.uid, third.uid, theirs.uid) == (1, 3, 6)
    assert "\\Flagged" in first.flags
    assert third.flags == {"\\Deleted", "theirs"}
    assert theirs.flags == {"\\Draft"}
    assert theirs.octets == b"Subject: theirs\r\n\r\nx\r\n"
    assert theirs.size == len(theirs.octets)
    assert [message.octets for message in box(alice, "Entw\u00fcrfe/a.b").messages] == [BODY]


def work_side_by_side(imap: imaplib.IMAP4, alice: MemoryAccount, path: Path) -> None:
    inbox = box(alice)
    told: list[int] = []
    for _ in range(5):
        told.append(inbox.append(BODY))
        give_away(path)
        _, (answer,) = imap.append("INBOX", "", "", BODY)
        told.append(int(re.findall(rb"APPENDUID \d+ (\d+)", answer)[0]))
    assert told == sorted(set(told))
    soon(lambda: uids(inbox), [1, 3, 6, *told])
    soon(lambda: sorted(told_by(imap)), [1, 3, 6, *told])
    imap.uid("STORE", str(told[0]), "FLAGS", "(\\Seen)")
    soon(lambda: inbox.messages[3].flags, {"\\Seen"})
    inbox.set_flags({told[1]: ["\\Answered", "mine"]})
    give_away(path)
    soon(lambda: told_by(imap)[told[1]] - {"\\Recent"}, {"\\Answered", "mine"})
    assert "\\Seen" in told_by(imap)[told[0]]
    assert [message.flags for message in inbox.messages[3:5]] == [{"\\Seen"}, {"\\Answered", "mine"}]
    imap.uid("STORE", ",".join(map(str, told)), "+FLAGS.SILENT", "(\\Deleted)")
    imap.expunge()
    soon(lambda: uids(inbox), [1, 6])  # the third was marked before
    inbox.expunge([1])
    soon(lambda: sorted(told_by(imap)), [6])


def uids(inbox: Mailbox) -> list[int]:
    return [message.uid for message in inbox.messages]


def told_by(imap: imaplib.IMAP4) -> dict[int, set[str]]:
    """Flags by UID, as Dovecot has them now."""
    imap.noop()
    return {
        uid: set(re.findall(r"[\\$]?\w+", answer.decode().partition("FLAGS (")[2].partition(")")[0]))
        for uid, answer in fetched(imap, "FLAGS").items()
    }


def soon(look: Callable[[], object], expected: object, *, within_s: float = 5.0) -> None:
    """Two changes may leave a directory with one time of change, so that each side sees the second a little later."""
    give_up_at = time.monotonic() + within_s
    while (seen := look()) != expected and time.monotonic() < give_up_at:
        time.sleep(0.01)
    assert seen == expected
