"""Messages for load: rendered once, of exact size, each with an identity and a digest (RFC 5322, RFC 5321 §4.5.2).

Two messages of one press differ in their token and digest alone, so making one costs a copy and a hash of one line. The
body is seeded and has lines that begin with a period, so that transparency is at work under load too.
"""

from __future__ import annotations

import functools
import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

LINE_OCTETS = 74
"""Octets of a body line, CRLF included; RFC 5322 §2.1.1 asks for at most 78 characters."""

TOKEN_OCTETS = 8 + 1 + 3 + 1 + 5 + 1 + 10
"""`run.origin.sender.number`, each with leading zeros, so that every token has the same length."""

DIGEST_OCTETS = 16
"""Of a digest as text."""

NULL_SENDERS_AUTHOR = "mailer-daemon@client.example"
"""Whom messages with a null sender say they are from, as bounces do (RFC 3464)."""

MOST_SENDERS = 99_999
MOST_ORIGINS = 999

FIELD = b"X-Mailspec"
"""The header field that holds a message's token and the digest of its body."""

# Every printable US-ASCII character but the space, which must not end a line.
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))

_TOKEN = rb"([0-9a-f]{8})\.([0-9]{3})\.([0-9]{5})\.([0-9]{10})"
_IN_FIELD = re.compile(
    rb"^X-Mailspec:[ \t\r\n]+" + _TOKEN + rb"[ \t\r\n]+([0-9a-f]{16})[ \t]*\r?$", re.MULTILINE | re.I
)
_IN_LAST_LINE = re.compile(rb"(?:^|\n)" + _TOKEN + rb"\r?\n?\Z")


@dataclass(frozen=True, slots=True)
class Identity:
    """Which message of a run this is: of which process and user, and its number in that process, from 1 on."""

    origin: int
    sender: int
    number: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `wire` is what follows 354: the text dot-stuffed, with the lone dot that ends it.

    `octets` is the size of the text as submitted, without stuffing and without the dot; `digest` is that of its body.
    """

    token: bytes
    wire: bytes
    octets: int
    digest: int

    @property
    def text(self) -> bytes:
        """The text as submitted, for APPEND."""
        text = self.wire.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        return text[1:] if text.startswith(b"..") else text


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of a run as it was found. `digest` is that of its body; None if the message itself says otherwise."""

    identity: Identity
    digest: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What all messages of a user have in common."""

    run_id: str
    origin: int
    sender_number: int
    sender: str
    recipients: Sequence[str]
    date: datetime

    @property
    def author(self) -> str:
        """Who the message says it is from; there is always somebody, even where the sender is null."""
        return self.sender or NULL_SENDERS_AUTHOR

    @property
    def head(self) -> bytes:
        """The header up to the identity."""
        return (
            f"From: <{self.author}>\r\n"
            # Folded, so that no number of recipients makes a line too long (RFC 5322 §2.2.3).
            "To: " + ",\r\n ".join(f"<{recipient}>" for recipient in self.recipients) + "\r\n"
            f"Date: {format_datetime(self.date)}\r\n"
            "Subject: mailspec load\r\n"
        ).encode("ascii")

    def token(self, number: int) -> bytes:
        """The token of the message of this number."""
        return b"%b%010d" % (self.stem, number)

    @property
    def stem(self) -> bytes:
        """A token up to its number."""
        return f"{self.run_id}.{self.origin:03d}.{self.sender_number:05d}.".encode("ascii")


class MessagePress:
    """Makes the messages of one user: same sender, recipients, size and body, a new token each time."""

    def __init__(self, letterhead: Letterhead, *, octets: int, seed: int) -> None:
        """Render all that the messages have in common.

        Raises:
            ValueError: header and identity alone are longer than `octets`.
        """
        head = letterhead.head + b"%b: " % FIELD
        middle = b"\r\nMessage-ID: <"
        tail = b"@%b>\r\n\r\n" % letterhead.author.rpartition("@")[2].encode("ascii")
        last_line_octets = TOKEN_OCTETS + 2
        header_octets = len(head) + TOKEN_OCTETS + 1 + DIGEST_OCTETS + len(middle) + TOKEN_OCTETS + len(tail)
        least = header_octets + 2 + last_line_octets
        # A body of one octet more would be half a line ending, so the least is a line of its own before the last.
        if octets < least:
            raise ValueError(f"a message needs {least} octets here, {octets} are too few")
        body, stuffed_body = _shared_body(octets - header_octets - last_line_octets, seed)
        self.octets = octets
        self._stem = letterhead.stem
        self._hash = hashlib.blake2b(body, digest_size=8)
        # No header line can begin with a period, so only the body is stuffed; nor can a token.
        self._parts = (head, middle, tail, stuffed_body)

    def press(self, number: int) -> Message:
        """The message of this number."""
        token = b"%b%010d" % (self._stem, number)
        state = self._hash.copy()
        state.update(token + b"\r\n")
        digest = state.hexdigest()
        head, middle, tail, body = self._parts
        wire = b"".join((head, token, b" ", digest.encode(), middle, token, tail, body, token, b"\r\n.\r\n"))
        return Message(token, wire, self.octets, int(digest, 16))


class CopyPress:
    """Makes messages out of one that exists, such as an `.eml` file: as it is, with an identity put before it."""

    def __init__(self, letterhead: Letterhead, text: bytes) -> None:
        """Take the text of a message, its lines ended by CRLF.

        Raises:
            ValueError: it has no header.
        """
        header, end, body = text.partition(b"\r\n\r\n")
        if not end or b":" not in header:
            raise ValueError("no message: it has no header with an empty line after it")
        digest = digest_of(body)
        self._letterhead = letterhead
        self._digest = digest
        self._digest_text = b"%016x" % digest
        self._rest = stuffed(b"\r\n" + text)
        self.octets = len(FIELD) + 2 + TOKEN_OCTETS + 1 + DIGEST_OCTETS + 2 + len(text)

    def press(self, number: int) -> Message:
        """The message of this number."""
        token = self._letterhead.token(number)
        wire = b"".join((FIELD, b": ", token, b" ", self._digest_text, self._rest, b".\r\n"))
        return Message(token, wire, self.octets, self._digest)


def digest_of(body: bytes) -> int:
    """The digest of a body: the first eight octets of its BLAKE2b, as a number."""
    return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big")


def identify(octets: bytes, run_id: str) -> Seen | None:
    """Whose message this is, and whether its body is whole; None for one that the run did not make.

    Servers put header fields before it and may fold its own. Where the field with the identity is gone, the body's last
    line still tells it, and the message counts as damaged.
    """
    header, end, body = octets.partition(b"\r\n\r\n")
    found = _IN_FIELD.search(header)
    if found is None:
        last = _IN_LAST_LINE.search(octets[-2 * TOKEN_OCTETS :])
        if last is None or last[1] != run_id.encode():
            return None
        return Seen(Identity(int(last[2]), int(last[3]), int(last[4])), None)
    if found[1] != run_id.encode():
        return None
    digest = digest_of(body) if end else None
    told = int(found[5], 16)
    return Seen(Identity(int(found[2]), int(found[3]), int(found[4])), digest if digest == told else None)


def body_of(octets: int, rng: random.Random) -> bytes:
    """A text of exactly so many octets (at least 2) in lines of printable US-ASCII, every eighth begun by a period."""
    lines = []
    number = 0
    while octets:
        # One octet must never be left over: no line is that short.
        whole = octets == LINE_OCTETS or octets >= LINE_OCTETS + 2
        length = LINE_OCTETS if whole else min(octets, LINE_OCTETS - 1)
        text = "".join(rng.choices(_PRINTABLE, k=length - 2))
        if number % 8 == 0 and text:
            text = "." + text[1:]
        lines.append(f"{text}\r\n".encode("ascii"))
        octets -= length
        number += 1
    return b"".join(lines)


@functools.lru_cache(maxsize=256)
def _shared_body(octets: int, seed: int) -> tuple[bytes, bytes]:
    """A body and the same stuffed; thousands of users may share it."""
    body = body_of(octets, random.Random(seed))  # noqa: S311 - test data, no secret
    return body, stuffed(body)


def stuffed(text: bytes) -> bytes:
    """The text with a period put before each line that begins with one (RFC 5321 §4.5.2)."""
    return (b"." if text.startswith(b".") else b"") + text.replace(b"\r\n.", b"\r\n..")
