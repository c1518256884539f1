"""SMTP and LMTP replies as a client reads them (RFC 5321 §4.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from conformance.wire.errors import FloodError
from conformance.wire.lines import LineSplitter

MAX_REPLY_LINE = 512
"""Octets in one reply line, code and CRLF included (RFC 5321 §4.5.3.1.5)."""

MAX_LINES = 10_000
"""Lines of one reply after which the judge stops listening; the RFC sets no limit."""


class Deviation(Enum):
    """What can be wrong with a reply's form."""

    BARE_LF = "line ends in LF without CR"
    BAD_CODE = "line does not begin with a three-digit code from 200 to 559"
    CODE_CHANGED = "code differs between lines of one reply"
    BAD_SEPARATOR = "code is followed by neither a space, a hyphen nor the end of the line"
    OVERLONG = "reply line longer than 512 octets"
    NOT_TEXT = "text holds octets other than tab, space and printable US-ASCII"


# textstring = 1*(%d09 / %d32-126)   ; RFC 5321 §4.2, errata-free reading: HT, SP, printable US-ASCII.
# The empty text is accepted after a space too: RFC 4954 §4 has servers send "334 " with nothing behind it.
_TEXT = re.compile(rb"[\t\x20-\x7e]*")
# Reply-code = %x32-35 %x30-35 %x30-39
_CODE = re.compile(rb"[2-5][0-5][0-9]")


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply exactly as received.

    Parsing never repairs: `raw` is what the server sent, and whatever was wrong with it is listed, so a check can
    judge it and a report can show it. `code` is 0 where the first line has none; `lines` are the texts behind the
    codes, without terminators.
    """

    code: int
    lines: tuple[bytes, ...]
    raw: bytes
    deviations: frozenset[Deviation] = frozenset()

    @property
    def positive(self) -> bool:
        """The command was done: 2yz (RFC 5321 §4.2.1)."""
        return 200 <= self.code < 300

    @property
    def intermediate(self) -> bool:
        """The server waits for more: 3yz."""
        return 300 <= self.code < 400

    @property
    def transient(self) -> bool:
        """Refused for now: 4yz."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """Refused: 5yz."""
        return 500 <= self.code < 600

    def __str__(self) -> str:
        return self.raw.decode("ascii", "backslashreplace").strip()


def _deviations(line: bytes, first_code: bytes) -> set[Deviation]:
    """What is wrong with one line of a reply whose first line had `first_code`."""
    found = set()
    body = line[:-2] if line.endswith(b"\r\n") else line[:-1]
    if not line.endswith(b"\r\n"):
        found.add(Deviation.BARE_LF)
    if len(line) > MAX_REPLY_LINE:
        found.add(Deviation.OVERLONG)
    if not _CODE.match(body):
        found.add(Deviation.BAD_CODE)
        return found
    if body[:3] != first_code:
        found.add(Deviation.CODE_CHANGED)
    if body[3:4] not in (b"", b" ", b"-"):
        found.add(Deviation.BAD_SEPARATOR)
    if not _TEXT.fullmatch(body[4:]):
        found.add(Deviation.NOT_TEXT)
    return found


class ReplyReader:
    """Turns octets into replies; the same replies however the octets are cut."""

    def __init__(self, *, line_octets: int = 1024 * 1024, reply_octets: int = 64 * 1024 * 1024) -> None:
        self._splitter = LineSplitter(line_octets)
        self._budget = reply_octets
        self._lines: list[bytes] = []
        self._octets = 0

    @property
    def pending(self) -> bytes:
        """Octets of a reply that is not complete."""
        return b"".join(self._lines) + self._splitter.pending

    def feed(self, octets: bytes) -> None:
        """More octets from the server."""
        self._splitter.feed(octets)

    def next_reply(self) -> Reply | None:
        """The next complete reply, or None until more octets arrive.

        A line whose code is not followed by a hyphen ends the reply, whatever else is wrong with it.

        Raises:
            FloodError: a line or the reply has no end in sight.
        """
        while (line := self._splitter.next_line()) is not None:
            self._lines.append(line)
            self._octets += len(line)
            if line[3:4] != b"-" or not _CODE.match(line):
                return self._finish()
            if len(self._lines) > MAX_LINES:
                raise FloodError(f"a reply of more than {MAX_LINES} lines", b"".join(self._lines[:8]))
            if self._octets > self._budget:
                raise FloodError(f"a reply of more than {self._budget} octets", self._lines[0][:256])
        return None

    def _finish(self) -> Reply:
        lines, self._lines, self._octets = self._lines, [], 0
        first = lines[0][:3]
        deviations: set[Deviation] = set()
        for line in lines:
            deviations |= _deviations(line, first)
        return Reply(
            code=int(first) if _CODE.match(first) else 0,
            lines=tuple(line[4:].rstrip(b"\r\n") for line in lines),
            raw=b"".join(lines),
            deviations=frozenset(deviations),
        )
