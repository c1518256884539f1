"""Octets made visible: what crossed the wire, as text that hides nothing.

Every sign outside ASCII in the text is ours (control pictures, `‹ff›` for an octet above 126, `‹… ×n›` for what was
left out), so a reader never mistakes the server's octets for our remarks. Escaping for HTML is the renderer's work.
"""

from __future__ import annotations

import re
import unicodedata

RUN_OCTETS = 24
"""A run of one printable octet, or of one control octet, longer than this is abbreviated with its length."""

LINE_OCTETS = 240
"""Octets of one line that are shown before its middle is left out."""

MAX_LINES = 60
"""Lines of one turn that are shown before its middle is left out."""

_RUN = re.compile(rb"([\x00-\xff])\1{%d,}" % RUN_OCTETS, re.DOTALL)
_HIGH = re.compile(r"[\x80-\xff]+")
_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_TRAILING_SPACES = re.compile(r" +(?=[\r\n]|$)")


def visible(octets: bytes) -> str:
    """The octets as one line of text; long runs of one octet are abbreviated.

    CR LF becomes `␍␊`, NUL `␀`, `ff` `‹ff›`, a space before the end of a line `␠`.
    """
    parts: list[str] = []
    position = 0
    for match in _RUN.finditer(octets):
        parts.append(_plain(octets[position : match.start()]))
        parts.append(f"{_plain(match[1])}‹×{len(match[0]):,}›")
        position = match.end()
    parts.append(_plain(octets[position:]))
    return "".join(parts)


def visible_lines(octets: bytes, *, line_octets: int = LINE_OCTETS, max_lines: int = MAX_LINES) -> list[str]:
    """The octets as lines of text, each with its own terminator visible; a bare LF ends a line too.

    A line of more than `line_octets` octets and a text of more than `max_lines` lines lose their middle, and say how
    much of it. Both limits must be at least 4.
    """
    # Not splitlines: it would also cut at a bare CR, which ends no line in any of these protocols.
    lines = [line for line in re.split(rb"(?<=\n)", octets) if line]
    if len(lines) <= max_lines:
        return [_line(line, line_octets) for line in lines]
    head, tail = lines[: max_lines // 2], lines[-(max_lines - max_lines // 2 - 1) :]
    left_out = lines[len(head) : len(lines) - len(tail)]
    gap = f"‹… {len(left_out):,} lines, {sum(map(len, left_out)):,} octets left out …›"
    return [*(_line(line, line_octets) for line in head), gap, *(_line(line, line_octets) for line in tail)]


def printable(text: str, *, keep_newlines: bool = False) -> str:
    """Text of unknown origin made safe to print: control, format and direction characters become visible.

    A server's words must not be able to steer a terminal or turn the reading direction of a page. With
    `keep_newlines` a line feed stays one.
    """
    return "".join(char if keep_newlines and char == "\n" else _printable_char(char) for char in text)


def _printable_char(char: str) -> str:
    code = ord(char)
    if code in _CONTROLS:
        return _CONTROLS[code]
    # Cc, Cf, Cs, Co, Cn: controls, formats (bidirectional overrides, zero-width signs), surrogates, unassigned;
    # Zl and Zp: line and paragraph separators.
    if unicodedata.category(char)[0] == "C" or unicodedata.category(char) in {"Zl", "Zp"}:
        return f"‹U+{code:04X}›"
    return char


def _line(line: bytes, limit_octets: int) -> str:
    text = visible(line)
    if len(text) <= limit_octets:
        return text
    head, tail = limit_octets * 3 // 4, limit_octets // 4
    if len(line) <= head + tail:  # hexadecimal spelling made it long, not the server
        return text
    left_out = len(line) - head - tail
    return f"{visible(line[:head])}‹… {left_out:,} octets left out …›{visible(line[-tail:])}"


def _plain(octets: bytes) -> str:
    text = octets.decode("latin-1")
    text = _TRAILING_SPACES.sub(lambda match: "\u2420" * len(match[0]), text)
    text = _HIGH.sub(lambda match: "‹" + match[0].encode("latin-1").hex(" ") + "›", text)
    return text.translate(_CONTROLS)
