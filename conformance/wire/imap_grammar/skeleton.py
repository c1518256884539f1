"""A response with its strings replaced by tokens, and its groups folded from the inside out (RFC 9051 §4.3, §9).

Work is bounded: literals are skipped by their count without being looked into (but for NUL), each octet outside them is
scanned once, and `fold` gives up at `MAX_GROUPS` groups.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from conformance.wire.imap_grammar.compiler import LITERAL8_TOKEN, LITERAL_TOKEN
from conformance.wire.imap_grammar.deviations import Deviation

MAX_GROUPS = 50_000
"""Parenthesised groups in one response that are still judged; a mailbox's largest BODYSTRUCTURE has some hundred."""

MAX_DEPTH = 1_000
"""Levels of parentheses that are still judged."""

_MAX_LITERAL = 2**63 - 1

# A quoted string as far as its end goes; whether its inside is legal is the grammar's business.
_PIECE = re.compile(
    rb'(?P<quoted>"(?:[^"\\\r\n]|\\[^\r\n])*")|(?P<literal>~?\{(?P<count>[0-9]+)(?P<plus>\+?)\}\r\n)'
    rb'|(?P<run>[^"{~\r\n\x00]+)|(?P<other>[\x00-\xff])'
)


@dataclass(slots=True)
class Skeleton:
    """The line of a response, decoded one octet a character, each string or literal a token."""

    text: str = ""
    deviations: list[Deviation] = field(default_factory=list)
    _starts: list[tuple[int, int]] = field(default_factory=list)

    def offset(self, at: int) -> int:
        """Where the character at `at` of the text came from in the response."""
        before = [(mine, theirs) for mine, theirs in self._starts if mine <= at]
        mine, theirs = before[-1] if before else (0, 0)
        return theirs + at - mine


def cut(raw: bytes, end: int, quoted: Callable[[str], str]) -> Skeleton:
    """The skeleton of `raw[:end]`; `quoted` gives the token for the inside of a quoted string.

    Line ends and NUL outside literals, short literals and `{n+}` are listed as deviations: octet faults that
    stand on their own, whatever the grammar says of the rest.
    """
    parts: list[str] = []
    skeleton = Skeleton()
    at = length = 0
    while at < end:
        piece = _PIECE.match(raw, at)
        if piece is None:  # pragma: no cover - the last alternative takes any octet
            break
        kind = piece.lastgroup
        if piece["quoted"] is not None:
            text = quoted(piece["quoted"][1:-1].decode("latin-1"))
        elif piece["literal"] is not None:
            text = _literal(raw, piece, end, skeleton.deviations)
        elif kind == "run":
            text = piece["run"].decode("latin-1")
        else:
            text = piece["other"].decode("latin-1")
            if text in "\r\n\x00":
                skeleton.deviations.append(_bad_octet(text, at))
        parts.append(text)
        length += len(text)
        at = piece.end()
        if piece["literal"] is not None:
            at = min(at + int(piece["count"]), max(end, at)) if len(piece["count"]) < 20 else end
        if piece["quoted"] is not None or piece["literal"] is not None:
            skeleton._starts.append((length, at))
    skeleton.text = "".join(parts)
    return skeleton


def _literal(raw: bytes, piece: re.Match[bytes], end: int, deviations: list[Deviation]) -> str:
    binary = piece["literal"].startswith(b"~")
    start, count = piece.end(), int(piece["count"][:25])
    if piece["plus"]:
        deviations.append(
            Deviation("non_sync_literal", piece.start(), "a server sends no {n+} literal (RFC 9051 §9 literal)")
        )
    if count > _MAX_LITERAL:
        deviations.append(Deviation("number_too_large", piece.start(), "literal size above 63 bits (RFC 9051 §9)"))
    elif start + count > end:
        have = max(end - start, 0)
        deviations.append(
            Deviation("literal_short", piece.start(), f"literal of {count} octets, {have} follow (RFC 9051 §4.3)")
        )
    if not binary and (nul := raw.find(b"\x00", start, min(start + count, end))) >= 0:
        deviations.append(Deviation("nul", nul, "NUL in a literal that is not literal8 (RFC 9051 §9 CHAR8)"))
    return LITERAL8_TOKEN if binary else LITERAL_TOKEN


def bad_octets(raw: bytes, end: int) -> list[Deviation]:
    """CR, LF and NUL in a line of free text (RFC 9051 §9 TEXT-CHAR); the first of each kind."""
    found = [(raw.find(octet, 0, end), octet) for octet in (b"\r", b"\n", b"\x00")]
    return [_bad_octet(octet.decode(), at) for at, octet in sorted(found) if at >= 0]


def _bad_octet(text: str, at: int) -> Deviation:
    if text == "\x00":
        return Deviation("nul", at, "NUL outside a literal (RFC 9051 §9, note 3)")
    name = "bare_cr" if text == "\r" else "bare_lf"
    return Deviation(name, at, f"{name[-2:].upper()} inside a line (RFC 9051 §2.2)")


@dataclass(slots=True)
class Folded:
    """A skeleton whose groups have become tokens."""

    text: str
    problem: str | None = None
    """`unbalanced`, `too_deep` or `too_long`: folding was not possible."""
    problem_at: int = 0


_PAREN = re.compile(r"[()]")


def fold(text: str, group: Callable[[str], str]) -> Folded:
    """Replace the parenthesised groups of a skeleton; `group` gives the token for the inside of one."""
    stack: list[tuple[int, list[str]]] = []
    parts: list[str] = []
    at = groups = 0
    for paren in _PAREN.finditer(text):
        parts.append(text[at : paren.start()])
        at = paren.end()
        if paren[0] == "(":
            stack.append((paren.start(), parts))
            parts = []
            if len(stack) > MAX_DEPTH:
                return Folded("", problem="too_deep", problem_at=paren.start())
            continue
        if not stack:
            return Folded("", problem="unbalanced", problem_at=paren.start())
        groups += 1
        if groups > MAX_GROUPS:
            return Folded("", problem="too_long", problem_at=paren.start())
        _, outer = stack.pop()
        outer.append(group("".join(parts)))
        parts = outer
    if stack:
        return Folded("", problem="unbalanced", problem_at=stack[-1][0])
    parts.append(text[at:])
    return Folded("".join(parts))
