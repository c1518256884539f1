"""Messages for load: rendered once, of exact size, each with an identity of its own (RFC 5322, RFC 5321 §4.5.2).

Only the token differs between two messages of one press, so making one costs a copy. The body is seeded and has
lines that begin with a period, so that transparency is at work under load too.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

LINE_OCTETS = 74
"""Octets of a body line, CRLF included; RFC 5322 §2.1.1 asks for at most 78 characters."""

TOKEN_OCTETS = 8 + 1 + 10
"""`run id.number`: the number has ten digits, so that every token of a run has the same length."""

# Every printable US-ASCII character but the space, which must not end a line.
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `wire` is what follows 354: the text dot-stuffed, with the lone dot that ends it.

    `octets` is the size of the text as submitted, without stuffing and without the dot.
    """

    token: str
    wire: bytes
    octets: int


class MessagePress:
    """Makes the messages of one user: same sender, recipients, size and body, a new token each time."""

    def __init__(
        self, *, run_id: str, sender: str, recipients: Sequence[str], octets: int, seed: int, date: datetime
    ) -> None:
        """Render all that the messages have in common.

        Raises:
            ValueError: the header alone is longer than `octets`.
        """
        head = (
            f"From: <{sender}>\r\n"
            # Folded, so that no number of recipients makes a line too long (RFC 5322 §2.2.3).
            "To: " + ",\r\n ".join(f"<{recipient}>" for recipient in recipients) + "\r\n"
            f"Date: {format_datetime(date)}\r\n"
            "Subject: mailspec load\r\n"
            "Message-ID: <"
        ).encode("ascii")
        tail = f"@{sender.rpartition('@')[2]}>\r\n\r\n".encode("ascii")
        header_octets = len(head) + TOKEN_OCTETS + len(tail)
        # A body of one octet would be half a line ending, so the least is a line of its own.
        if octets < header_octets + 2:
            raise ValueError(f"a message needs {header_octets + 2} octets here, {octets} are too few")
        body = body_of(octets - header_octets, random.Random(seed))  # noqa: S311 - test data, no secret
        self.octets = octets
        self._run_id = run_id
        # No header line can begin with a period, so only the body is stuffed.
        self._head, self._tail = head, tail + stuffed(body) + b".\r\n"

    def press(self, number: int) -> Message:
        """The message of this number."""
        token = f"{self._run_id}.{number:010d}"
        return Message(token, b"%b%b%b" % (self._head, token.encode("ascii"), self._tail), self.octets)


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


def stuffed(text: bytes) -> bytes:
    """The text with a period put before each line that begins with one (RFC 5321 §4.5.2)."""
    return (b"." if text.startswith(b".") else b"") + text.replace(b"\r\n.", b"\r\n..")
