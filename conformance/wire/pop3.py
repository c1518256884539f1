"""POP3 responses as a client reads them (RFC 1939 §3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from conformance.wire.errors import FloodError
from conformance.wire.lines import LineSplitter

MAX_RESPONSE_LINE = 512
"""Octets in the first line of a response, CRLF included (RFC 1939 §3)."""


class Deviation(Enum):
    """What can be wrong with a response's form."""

    BARE_LF = "line ends in LF without CR"
    BAD_STATUS = "status indicator is neither +OK nor -ERR in upper case"
    BAD_SEPARATOR = "status indicator is followed by neither a space nor the end of the line"
    OVERLONG = "status line longer than 512 octets"
    NOT_PRINTABLE = "status line holds octets other than printable US-ASCII"


@dataclass(frozen=True, slots=True)
class Response:
    """One POP3 response exactly as received.

    `raw` is all of it. `lines` are the lines of a multi-line response with the byte-stuffing undone and terminators
    kept, without the final dot; empty for a single-line response. `stuffed` are the same lines as they came.
    """

    ok: bool
    text: bytes
    raw: bytes
    lines: tuple[bytes, ...] = ()
    stuffed: tuple[bytes, ...] = ()
    deviations: frozenset[Deviation] = frozenset()

    @property
    def content(self) -> bytes:
        """The lines of a multi-line response joined: the message, for RETR."""
        return b"".join(self.lines)

    def __str__(self) -> str:
        return self.raw[:200].decode("ascii", "backslashreplace").strip()


def _status_deviations(line: bytes) -> set[Deviation]:
    found = set()
    body = line[:-2] if line.endswith(b"\r\n") else line[:-1]
    if not line.endswith(b"\r\n"):
        found.add(Deviation.BARE_LF)
    if len(line) > MAX_RESPONSE_LINE:
        found.add(Deviation.OVERLONG)
    # "+ " is the continuation of AUTH (RFC 5034 §4), which the reader is asked for by name.
    status, _, _ = body.partition(b" ")
    if status not in (b"+OK", b"-ERR", b"+"):
        found.add(Deviation.BAD_SEPARATOR if body.startswith((b"+OK", b"-ERR")) else Deviation.BAD_STATUS)
    if any(not 0x20 <= octet <= 0x7E for octet in body):
        found.add(Deviation.NOT_PRINTABLE)
    return found


class ResponseReader:
    """Turns octets into responses. Which command was sent decides whether more lines follow, so the caller says."""

    def __init__(self, *, line_octets: int = 1024 * 1024, response_octets: int = 64 * 1024 * 1024) -> None:
        self._splitter = LineSplitter(line_octets)
        self._budget = response_octets
        self._lines: list[bytes] = []
        self._octets = 0

    @property
    def pending(self) -> bytes:
        """Octets of a response that is not complete."""
        return b"".join(self._lines) + self._splitter.pending

    def feed(self, octets: bytes) -> None:
        """More octets from the server."""
        self._splitter.feed(octets)

    def next_response(self, *, multi_line: bool) -> Response | None:
        """The next complete response, or None until more octets arrive. `-ERR` never has further lines.

        Raises:
            FloodError: a line or the response has no end in sight.
        """
        while (line := self._splitter.next_line()) is not None:
            self._lines.append(line)
            self._octets += len(line)
            if len(self._lines) == 1:
                if not multi_line or not line.startswith(b"+OK"):
                    return self._finish()
            elif line in (b".\r\n", b".\n"):
                return self._finish()
            if self._octets > self._budget:
                raise FloodError(f"a response of more than {self._budget} octets", b"".join(self._lines[:8]))
        return None

    def _finish(self) -> Response:
        lines, self._lines, self._octets = self._lines, [], 0
        status, rest = lines[0], lines[1:]
        deviations = _status_deviations(status)
        if any(not line.endswith(b"\r\n") for line in rest):
            deviations.add(Deviation.BARE_LF)
        _, _, text = status.rstrip(b"\r\n").partition(b" ")
        stuffed = tuple(rest[:-1])
        return Response(
            ok=status.startswith(b"+OK"),
            text=text,
            raw=b"".join(lines),
            lines=tuple(line[1:] if line.startswith(b".") else line for line in stuffed),
            stuffed=stuffed,
            deviations=frozenset(deviations),
        )
