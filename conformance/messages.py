"""Messages that the judge sends, each with a token by which it is known again."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

TOKEN_HEADER = b"X-Mailspec-Token"
_TOKEN = re.compile(rb"^X-Mailspec-Token:[ \t]*([A-Za-z0-9.-]+)", re.MULTILINE | re.IGNORECASE)


class Tokens:
    """Names for messages, unique within a run and the same in every run with the same seed."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._numbers = itertools.count(1)

    def next(self) -> str:
        """A token not given before."""
        return f"{self._run}.{next(self._numbers)}"


def compose(token: str, body: bytes, *, headers: bytes = b"", sender: str = "", recipient: str = "") -> bytes:
    """A message of RFC 5322 whose body is exactly `body`; `headers` are further header lines, each with its CRLF."""
    return (
        b"From: <%s>\r\nTo: <%s>\r\nDate: Mon, 05 Jan 2026 12:00:00 +0000\r\nSubject: mailspec %s\r\n"
        b"Message-ID: <%s@client.example>\r\n%s: %s\r\n%s\r\n%s"
    ) % (
        (sender or "sender@client.example").encode(),
        (recipient or "recipient@server.example").encode(),
        token.encode(),
        token.encode(),
        TOKEN_HEADER,
        token.encode(),
        headers,
        body,
    )


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message as it was read back: all its octets."""

    octets: bytes

    @property
    def header(self) -> bytes:
        """Everything before the first empty line."""
        return self.octets.partition(b"\r\n\r\n")[0] + b"\r\n"

    @property
    def body(self) -> bytes:
        """Everything after the first empty line."""
        return self.octets.partition(b"\r\n\r\n")[2]

    @property
    def token(self) -> str:
        """The judge's token, or an empty string for mail from elsewhere."""
        found = _TOKEN.search(self.header)
        return found[1].decode() if found else ""

    def without_trace(self, first_header: bytes = b"From:") -> bytes:
        """The message from the first header that the judge wrote on, so without trace headers (RFC 5321 §4.4)."""
        # At the start of a line: a trace header may have the word within its own name, or in its text.
        start = re.search(rb"^" + re.escape(first_header), self.octets, re.MULTILINE)
        return self.octets[start.start() if start else 0 :]
