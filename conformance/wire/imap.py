"""IMAP responses as a client reads them: lines with literals in them (RFC 3501 §4, §7; RFC 9051 §4, §7).

`ResponseReader` finds where a response ends, `parse` makes values of it. Neither judges the grammar: that is
`imap_grammar`, which sees the same octets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conformance.wire.errors import FloodError
from conformance.wire.lines import LineSplitter

_LITERAL_AT_END = re.compile(rb"~?\{([0-9]+)\}\r?\n\Z")
_BEFORE_TEXT = re.compile(rb"(?:\+|[^ ]+ (?:OK|NO|BAD|BYE|PREAUTH)) ", re.IGNORECASE)


class Atom(bytes):
    """An unquoted word, which is not the same as a string of the same octets: `NIL` against `"NIL"`."""

    __slots__ = ()


Value = bytes | list["Value"] | None
"""An atom, a string, a parenthesised list, or NIL."""


@dataclass(frozen=True, slots=True)
class Response:
    """One IMAP response exactly as received.

    `tag` is `*`, `+` or a command's tag. `name` is the upper-cased status or response name (`OK`, `EXISTS`, `FETCH`,
    `LIST`, …), `number` the number before it if there is one. `code` is a status response's bracketed code and
    `text` what follows it.
    """

    tag: bytes
    name: bytes
    raw: bytes
    number: int | None = None
    values: tuple[Value, ...] = ()
    code: bytes = b""
    text: bytes = b""

    @property
    def ok(self) -> bool:
        """A status response that says OK."""
        return self.name == b"OK"

    def __str__(self) -> str:
        return self.raw[:200].decode("ascii", "backslashreplace").strip()


class ResponseReader:
    """Turns octets into whole responses, literals included."""

    def __init__(self, *, line_octets: int = 8 * 1024 * 1024, response_octets: int = 64 * 1024 * 1024) -> None:
        self._splitter = LineSplitter(line_octets)
        self._budget = response_octets
        self._parts: list[bytes] = []
        self._octets = 0
        self._literal: int | None = None

    @property
    def pending(self) -> bytes:
        """Octets of a response that is not complete."""
        return b"".join(self._parts)[:4096] + self._splitter.pending[:4096]

    def feed(self, octets: bytes) -> None:
        """More octets from the server."""
        self._splitter.feed(octets)

    def next_raw(self) -> bytes | None:
        """The octets of the next complete response, or None until more arrive.

        Raises:
            FloodError: the response, or a literal it announces, is larger than the budget.
        """
        while True:
            if self._literal is not None:
                if len(self._splitter) < self._literal:
                    return None
                self._keep(self._splitter.take(self._literal))
                self._literal = None
            line = self._splitter.next_line()
            if line is None:
                return None
            self._keep(line)
            announced = _LITERAL_AT_END.search(line)
            if announced is None or self._ends_in_text():
                raw, self._parts, self._octets = b"".join(self._parts), [], 0
                return raw
            # No int() on hundreds of digits: only whether it fits the budget matters.
            digits = announced[1].lstrip(b"0") or b"0"
            if len(digits) > 15 or self._octets + int(digits) > self._budget:
                raise FloodError(f"a literal of {digits[:24].decode()} octets", self.pending)
            self._literal = int(digits)

    def _ends_in_text(self) -> bool:
        """Whether what was read last is free text, which may end in what looks like a literal's announcement.

        It does where a server quotes a command back. Of a status response only the code may hold a literal: the
        charsets of BADCHARSET are astrings (RFC 3501 §9).
        """
        start = _BEFORE_TEXT.match(self._parts[0])
        if start is None:
            return False
        text = b"".join(self._parts)[start.end() :]
        return not (text.startswith(b"[") and b"]" not in text)

    def _keep(self, octets: bytes) -> None:
        self._parts.append(octets)
        self._octets += len(octets)
        if self._octets > self._budget:
            raise FloodError(f"a response of more than {self._budget} octets", self.pending)

    def next_response(self) -> Response | None:
        """The next complete response, parsed, or None until more octets arrive."""
        raw = self.next_raw()
        return None if raw is None else parse(raw)


_STATUS = frozenset({b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"})
_TOKEN = re.compile(
    rb"""(?P<space>[ ]+)
    |(?P<open>[(])
    |(?P<close>[)])
    |"(?P<quoted>(?:[^"\\\r\n]|\\.)*)"
    |~?\{(?P<literal>[0-9]{1,15})\}\r?\n
    |(?P<atom>(?:\[[^\]\r\n]{0,998}\](?:<[0-9]+>)?|[^ ()"{\r\n])+)
    |(?P<end>\r?\n)
    |(?P<odd>.)""",
    re.VERBOSE | re.DOTALL,
)
MOST_NESTING = 200


def _tokens(octets: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(octets):
        match = _TOKEN.match(octets, at)
        if match is None or match.lastgroup is None:  # pragma: no cover - the last alternative takes any octet
            raise AssertionError(f"no token at {at}")
        at = match.end()
        if match.lastgroup == "literal":
            length = int(match["literal"])
            yield "string", octets[at : at + length]
            at += length
        elif match.lastgroup == "quoted":
            yield "string", re.sub(rb"\\(.)", rb"\1", match["quoted"])
        else:
            yield match.lastgroup, match[match.lastgroup]


def values(octets: bytes) -> tuple[Value, ...]:
    """The values of a response's octets. Lenient: what cannot be read is left out, what is not closed is closed."""
    stack: list[list[Value]] = [[]]
    for kind, text in _tokens(octets):
        if kind == "open":
            if len(stack) > MOST_NESTING:
                break
            inner: list[Value] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif kind == "close":
            if len(stack) > 1:
                stack.pop()
        elif kind == "string":
            stack[-1].append(text)
        elif kind == "atom":
            stack[-1].append(None if text.upper() == b"NIL" else Atom(text))
    return tuple(stack[0])


def parse(raw: bytes) -> Response:
    """Make a Response of one complete response. Never raises: what does not parse has an empty name."""
    tag, _, rest = raw.partition(b" ")
    tag = tag.rstrip(b"\r\n")
    if tag == b"+":
        return Response(tag=tag, name=b"+", raw=raw, text=rest.rstrip(b"\r\n"))
    word, _, after = rest.partition(b" ")
    name = word.rstrip(b"\r\n").upper()
    if name in _STATUS:
        text = after.rstrip(b"\r\n")
        code = b""
        if text.startswith(b"[") and b"]" in text:
            code, _, text = text[1:].partition(b"]")
            text = text.removeprefix(b" ")
        return Response(tag=tag, name=name, raw=raw, code=code, text=text)
    if name.isdigit() and len(name) <= 20:
        word, _, after = after.partition(b" ")
        return Response(tag=tag, name=word.rstrip(b"\r\n").upper(), raw=raw, number=int(name), values=values(after))
    return Response(tag=tag, name=name, raw=raw, values=values(after))
