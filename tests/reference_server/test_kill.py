"""What the server has acknowledged survives SIGKILL at any moment: nothing is lost, doubled, damaged or half there.

Clients hand messages in over SMTP, one command after another and pipelined, and over IMAP with APPEND, MOVE, STORE and
EXPUNGE, until the kernel ends the server. Then it is started on the same path and asked what it has.

MAILSPEC_KILL_ROUNDS says how often; `make kill` runs a few hundred rounds and prints the figures.
"""

from __future__ import annotations

import os
import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.reference_server.killable import ImapPeer, SmtpPeer, server_to_kill

ROUNDS = int(os.environ.get("MAILSPEC_KILL_ROUNDS", "20"))
FOLDERS = (b"INBOX", b"Box", b"Moved", b"Flags")
FLAGGED = range(1, 9)

FETCHED = re.compile(rb"\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\) BODY\[\] \{")
TOKEN = re.compile(rb"Message-ID: <(\S+)@kill\.example>\r\n")


@dataclass
class Sent:
    """One message, what was promised of it, and what may have become of it instead when no answer came."""

    token: bytes
    octets: bytes
    promised: bool = False
    folders: frozenset[bytes | None] = frozenset()
    """Where it may be; None is nowhere."""
    uid: int | None = None


@dataclass
class Books:
    """Everything that was sent and acknowledged. Each message is written to by one client alone."""

    sent: dict[bytes, Sent] = field(default_factory=dict)
    flags: dict[int, list[bytes]] = field(default_factory=dict)
    """By UID in the folder Flags: what was acknowledged last and, if there was no answer, what was asked after that."""
    validity: dict[bytes, bytes] = field(default_factory=dict)
    uid_next: dict[bytes, int] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    finished: set[bytes] = field(default_factory=set)
    """Tokens of messages that were checked and removed: they must not come back."""
    moves_whole: bool = True
    """Whether a MOVE that was not answered leaves its message in one of both folders, not in both."""
    count: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def new(self, rng: random.Random, client: str, *folders: bytes | None) -> Sent:
        with self.guard:
            self.count += 1
            token = f"{client}{self.count}".encode()
        text = b"Message-ID: <%b@kill.example>\r\nSubject: to be kept\r\n\r\n" % token
        for _ in range(rng.choice((1, 3, 50, 400))):
            text += rng.choice((b"", b".", b"..", b"a line")) + b"x" * rng.randrange(60) + b"\r\n"
        message = Sent(token, text, folders=frozenset(folders))
        self.sent[token] = message
        return message


# The clients: each works until its connection breaks.


def submit(port: int, books: Books, rng: random.Random) -> None:
    with SmtpPeer(port) as smtp:
        while True:
            message = books.new(rng, "plain", b"INBOX", None)
            smtp.ask(b"MAIL FROM:<kill@client.example>", b"250")
            smtp.ask(b"RCPT TO:<alice@example.test>", b"250")
            smtp.ask(b"DATA", b"354")
            smtp.send(stuffed(message.octets))
            smtp.expect(b"250")
            message.promised, message.folders = True, frozenset({b"INBOX"})


def submit_pipelined(port: int, books: Books, rng: random.Random) -> None:
    envelope = b"MAIL FROM:<kill@client.example>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n"
    with SmtpPeer(port) as smtp:
        smtp.send(envelope)
        while True:
            for code in (b"250", b"250", b"354"):
                smtp.expect(code)
            message = books.new(rng, "pipelined", b"INBOX", None)
            smtp.send(stuffed(message.octets) + envelope)
            smtp.expect(b"250")
            message.promised, message.folders = True, frozenset({b"INBOX"})


def append(port: int, books: Books, rng: random.Random) -> None:
    with ImapPeer(port, "alice") as imap:
        imap.ask(b"SELECT Box")
        while True:
            message = books.new(rng, "append", b"Box", None)
            answer = imap.ask(b"APPEND Box (\\Seen) {%d+}\r\n%b" % (len(message.octets), message.octets))[-1][0]
            uid = answer.partition(b"[APPENDUID ")[2].split()[1].rstrip(b"]")
            message.promised, message.folders, message.uid = True, frozenset({b"Box"}), int(uid)
            fate = rng.choice(("stay", "move", "go"))
            if fate == "move":
                message.folders = frozenset({b"Box", b"Moved"})
                imap.ask(b"UID MOVE %b Moved" % uid)
                message.folders, message.uid = frozenset({b"Moved"}), None
            elif fate == "go":
                message.folders = frozenset({b"Box", None})
                imap.ask(b"UID STORE %b +FLAGS.SILENT (\\Deleted)" % uid)
                imap.ask(b"UID EXPUNGE %b" % uid)
                message.folders = frozenset({None})


def flag(port: int, books: Books, rng: random.Random) -> None:
    with ImapPeer(port, "alice") as imap:
        imap.ask(b"SELECT Flags")
        while True:
            uid, value = rng.choice(FLAGGED), b"k%d" % rng.randrange(20)
            books.flags[uid] = [books.flags[uid][0], value]
            imap.ask(b"UID STORE %d FLAGS.SILENT (%b)" % (uid, value))
            books.flags[uid] = [value]
            books.figures["flags told OK"] += 1


CLIENTS: tuple[tuple[str, Callable[[int, Books, random.Random], None]], ...] = (
    ("smtp", submit),
    ("smtp", submit_pipelined),
    ("imap", append),
    ("imap", append),
    ("imap", flag),
)


def stuffed(octets: bytes) -> bytes:
    return (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


# After each kill.


def prepare(port: int, books: Books) -> None:
    with ImapPeer(port, "alice") as imap:
        for folder in FOLDERS[1:]:
            imap.ask(b"CREATE " + folder)
        for uid in FLAGGED:
            imap.ask(b"APPEND Flags (k0) {3+}\r\nx\r\n")
            books.flags[uid] = [b"k0"]


def check(port: int, books: Books) -> None:
    """Compare what is there with the books, then remove it all but for the folder Flags."""
    found: dict[bytes, list[tuple[bytes, int]]] = {}
    with ImapPeer(port, "alice") as imap:
        for folder in FOLDERS:
            status = imap.ask(b"STATUS %b (UIDVALIDITY UIDNEXT)" % folder)[0][0]
            _, validity, _, uid_next = status.rpartition(b"(")[2].rstrip(b")\r\n").split()
            if books.validity.setdefault(folder, validity) != validity:
                books.faults.append(f"{folder!r} has another UIDVALIDITY")
            if int(uid_next) < books.uid_next.get(folder, 1):
                books.faults.append(f"UIDNEXT of {folder!r} went back to {uid_next!r}")
            imap.ask(b"SELECT " + folder)
            messages = [parts for parts in imap.ask(b"UID FETCH 1:* (UID FLAGS BODY.PEEK[])")[:-1] if len(parts) > 1]
            for head, octets, _ in messages:
                fetched = FETCHED.match(head)
                assert fetched is not None, head
                uid = int(fetched[1])
                books.uid_next[folder] = max(uid + 1, books.uid_next.get(folder, 1))
                if folder == b"Flags":
                    check_flags(books, uid, fetched[2])
                elif named := TOKEN.search(octets):
                    found.setdefault(named[1], []).append((folder, uid))
                    check_octets(books, folder, named[1], octets)
                else:
                    books.faults.append(f"a message in {folder!r} that nobody sent: {octets[:80]!r}")
            if folder == b"Flags":
                assert len(messages) == len(FLAGGED)
            elif messages:
                imap.ask(b"UID STORE 1:* +FLAGS.SILENT (\\Deleted)")
                imap.ask(b"EXPUNGE")
    for token, message in books.sent.items():
        check_places(books, message, found.get(token, []))
        books.finished.add(token)
    books.sent.clear()


def check_flags(books: Books, uid: int, flags: bytes) -> None:
    values = flags.replace(b"\\Recent", b"").split()
    if values not in [[allowed] for allowed in books.flags[uid]]:
        books.faults.append(f"flags {values!r} where {books.flags[uid]!r} was said")
    books.flags[uid] = values[:1]


def check_octets(books: Books, folder: bytes, token: bytes, octets: bytes) -> None:
    if token in books.finished:
        books.figures["doubled"] += 1
        books.faults.append(f"{token!r} has come back")
        return
    sent = books.sent[token].octets
    # SMTP puts its trace in front (RFC 5321 §4.4).
    trace = octets[: -len(sent)] if folder == b"INBOX" else b""
    if trace + sent != octets or (folder == b"INBOX" and not trace.startswith(b"Return-Path: ")):
        books.figures["damaged"] += 1
        books.faults.append(f"{token!r} is not what was sent")


def check_places(books: Books, message: Sent, found: list[tuple[bytes, int]]) -> None:
    books.figures["acknowledged" if message.promised else "without an answer"] += 1
    if {folder for folder, _ in found} == message.folders and len(found) == 2 and not books.moves_whole:
        # Two files in two directories: between their making and their removal the kernel offers no single step.
        books.figures["in both folders of an unanswered MOVE"] += 1
    elif len(found) > 1:
        books.figures["doubled"] += 1
        books.faults.append(f"{message} is in {found}")
    elif (found[0][0] if found else None) not in message.folders:
        books.figures["lost" if not found else "misplaced"] += 1
        books.faults.append(f"{message} is in {found}")
    elif found and message.uid is not None and found[0] == (b"Box", message.uid):
        books.figures["at the UID that was told"] += 1
    elif found and message.uid is not None and found[0][0] == b"Box":
        books.faults.append(f"{message} has UID {found[0][1]}")
    if not message.promised and found:
        books.figures["kept without an answer"] += 1


def work(target: Callable[[int, Books, random.Random], None], port: int, books: Books, rng: random.Random) -> None:
    try:
        target(port, books, rng)
    except (OSError, EOFError):
        return
    except BaseException as error:
        books.faults.append(f"{target.__name__}: {error!r}")


@pytest.mark.parametrize("kind", ["sqlite", "maildir"])
def test_what_was_acknowledged_survives_a_kill_at_any_moment(kind: str, tmp_path: Path) -> None:
    books = Books(moves_whole=kind != "maildir")
    started_at = time.monotonic()
    for round_ in range(ROUNDS + 1):
        rng = random.Random(f"{kind} {round_}")
        with server_to_kill(f"{kind}:{tmp_path}/mail") as (process, ports):
            if round_:
                check(ports["imap"], books)
            else:
                prepare(ports["imap"], books)
            if round_ == ROUNDS:
                break
            threads = [
                threading.Thread(target=work, args=(target, ports[scheme], books, random.Random(rng.random())))
                for scheme, target in CLIENTS
            ]
            for thread in threads:
                thread.start()
            # The random moment itself, not a wait for anything.
            time.sleep(rng.uniform(0.005, 0.25))
            process.kill()
            for thread in threads:
                thread.join()
        books.figures["kills"] += 1
        assert books.faults == []
    took_s = time.monotonic() - started_at
    figures = ", ".join(
        f"{name}: {books.figures[name]}" for name in sorted({*books.figures, "lost", "doubled", "damaged"})
    )
    sys.stdout.write(f"\n{kind}: {figures}; {took_s:.1f} s\n")
    assert books.faults == []
    assert books.figures["acknowledged"] > ROUNDS
