"""The incremental command reader: lines and literals, synchronizing or not (RFC 3501 §2.2, §4.3, §7.5; RFC 7888).

It knows nothing of commands. Whoever drives it is asked about each literal before an octet of it is taken, and every
buffer has a limit, whatever the client announces or leaves out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LINES_OCTETS = 65_536
"""Octets of all lines of one command together, literals not counted. RFC 2683 §3.2.1.5 asks for 8,000 at least."""

MAX_LITERALS = 1000
"""Literals in one command; a thousand of them is already no honest client."""

MAX_SMALL_OCTETS = 4096
"""The largest non-synchronizing literal that LITERAL- allows (RFC 7888 §5)."""

MAX_DISCARDED_LINE_OCTETS = 1_048_576
"""How much of an over-long line is read and thrown away in the hope of its end."""

MAX_DISCARDED_LITERAL_OCTETS = 4_294_967_295
"""The largest literal that the grammar can announce (RFC 3501 §9, number); a greater one is not waited for."""

KEPT_OF_LONG_LINE_OCTETS = 1024
"""How much of the start of an over-long line is kept: its tag is needed for the reply."""

# literal  = "{" number ["+"] "}" CRLF *CHAR8                      (RFC 3501 §9; "+" from RFC 7888 §6)
ANNOUNCEMENT = re.compile(rb"\{([0-9]+)(\+?)\}\Z")

_MOST_DIGITS = 20
"""A count with more digits is cut to a number of this many: past every limit all the same."""

_TAIL_OCTETS = 64
"""Enough of the end of an over-long line to see whether it announces a literal."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line outside a command (a SASL response, DONE), CRLF removed. Over-long ones are cut off."""

    octets: bytes
    overlong: bool = False


@dataclass(frozen=True, slots=True)
class Announced:
    """A literal is announced. Answer with `accept`, `abandon` (synchronizing only) or `discard`."""

    lines: tuple[bytes, ...]
    literals: tuple[bytes, ...]
    octets: int
    synchronizing: bool


@dataclass(frozen=True, slots=True)
class RawCommand:
    """One complete command: `lines` has one more entry than `literals`, and announcements still end their lines.

    `refused` is status and text of its reply when parts of it were thrown away, so that it cannot be carried out.
    """

    lines: tuple[bytes, ...]
    literals: tuple[bytes, ...] = ()
    refused: bytes | None = None


@dataclass(frozen=True, slots=True)
class Flood:
    """The client sends, or announces, more than anyone would read: give up on it."""

    reason: bytes


Event = Line | Announced | RawCommand | Flood

TOO_LONG = b"BAD line too long"


class CommandReader:
    """Cuts the client's octets into commands; never holds more than the limits above and one accepted literal."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._scanned = 0  # no CRLF starts before this offset
        self._lines: list[bytes] = []
        self._literals: list[bytes] = []
        self._refused: bytes | None = None
        self._wanted = 0  # octets of the current literal still to come
        self._literal: bytearray | None = None  # None while the current literal is thrown away
        self._in_literal = False
        self._long_line: bytes | None = None  # start of a line that is too long, while its end is awaited
        self._discarded = 0

    @property
    def held_octets(self) -> int:
        """How much is held now, in all buffers."""
        return (
            len(self._pending)
            + sum(map(len, self._lines))
            + sum(map(len, self._literals))
            + len(self._literal or b"")
            + len(self._long_line or b"")
        )

    def feed(self, octets: bytes) -> None:
        """Take octets, cut anywhere."""
        self._pending += octets

    def take_all(self) -> bytes:
        """Hand over what was fed and is not read yet."""
        octets = bytes(self._pending)
        self._pending.clear()
        self._scanned = 0
        return octets

    def next_line(self) -> Line | Flood | None:
        """The next line on its own, or None until more octets arrive."""
        found = self._take_line()
        if found is None or isinstance(found, Flood):
            return found
        line, overlong = found
        return Line(line, overlong)

    def next_event(self) -> Announced | RawCommand | Flood | None:
        """What the octets so far amount to, or None until more arrive.

        After `Announced` call `accept`, `abandon` or `discard` before asking again.
        """
        while not self._in_literal or self._take_literal():
            found = self._take_line()
            if found is None or isinstance(found, Flood):
                return found
            line, overlong = found
            self._lines.append(line)
            if overlong:
                self._refused = self._refused or TOO_LONG
            announcement = ANNOUNCEMENT.search(line)
            if announcement is None:
                return self._finish()
            # Python refuses to convert digits by the thousand, and rightly.
            size, synchronizing = int(announcement[1].lstrip(b"0")[:_MOST_DIGITS] or b"0"), not announcement[2]
            if self._refused is None:
                return Announced(tuple(self._lines), tuple(self._literals), size, synchronizing)
            if synchronizing:
                # No "+" is sent, so the literal does not come: the command ends here (RFC 3501 §7.5).
                return self._finish()
            if flood := self.discard(size, self._refused):
                return flood
        return None

    def accept(self, octets: int) -> None:
        """Take the announced literal as part of the command."""
        self._begin_literal(octets)
        self._literal = bytearray()

    def abandon(self, reason: bytes) -> RawCommand:
        """End the command here: a synchronizing literal that gets no "+" is never sent."""
        self._refused = reason
        return self._finish()

    def discard(self, octets: int, reason: bytes) -> Flood | None:
        """Throw the announced literal away as it comes, and refuse the command when it is complete (RFC 7888 §4)."""
        self._refused = reason
        if octets > MAX_DISCARDED_LITERAL_OCTETS:
            return Flood(b"literal too large")
        self._begin_literal(octets)
        # What was read so far is of no more use either, but for the tag.
        self._lines = self._lines[:1]
        self._literals.clear()
        self._literal = None
        return None

    def _begin_literal(self, octets: int) -> None:
        self._in_literal = True
        self._wanted = octets
        self._scanned = 0

    def _take_literal(self) -> bool:
        """Move octets into the literal; whether it is complete."""
        part = self._pending[: self._wanted]
        del self._pending[: self._wanted]
        self._wanted -= len(part)
        if self._literal is not None:
            self._literal += part
        if self._wanted:
            return False
        if self._literal is not None:
            self._literals.append(bytes(self._literal))
        self._in_literal, self._literal, self._scanned = False, None, 0
        return True

    def _take_line(self) -> tuple[bytes, bool] | Flood | None:
        """The next line without its CRLF, and whether it was too long. A lone CR or LF ends nothing (RFC 3501 §2.2)."""
        end = self._pending.find(b"\r\n", self._scanned)
        length = len(self._pending) if end < 0 else end
        too_long = self._long_line is not None or self._lines_octets + length > MAX_LINES_OCTETS
        if end < 0:
            if too_long:
                return self._discard_line(length)
            self._scanned = max(length - 1, 0)  # the last octet may be the CR of a CRLF
            return None
        line = bytes(self._pending[:end])
        del self._pending[: end + 2]
        self._scanned = 0
        if not too_long:
            return line, False
        start = line[:KEPT_OF_LONG_LINE_OCTETS] if self._long_line is None else self._long_line
        self._long_line, self._discarded = None, 0
        return start + b" " + line[-_TAIL_OCTETS:], True

    @property
    def _lines_octets(self) -> int:
        return sum(map(len, self._lines))

    def _discard_line(self, length: int) -> Flood | None:
        if self._long_line is None:
            self._long_line = bytes(self._pending[:KEPT_OF_LONG_LINE_OCTETS])
        surplus = max(length - _TAIL_OCTETS, 0)
        del self._pending[:surplus]
        self._discarded += surplus
        self._scanned = 0
        return Flood(b"line too long") if self._discarded > MAX_DISCARDED_LINE_OCTETS else None

    def _finish(self) -> RawCommand:
        command = RawCommand(tuple(self._lines), tuple(self._literals), self._refused)
        self._lines, self._literals, self._refused = [], [], None
        return command
