"""Generated mail text: bodies and header fields, hard on whoever carries them (RFC 5321 §4.5.2, RFC 6152, RFC 5322)."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.smtp.strategies import text_lines

LONGEST_LINE = 998
"""Octets of a text line without its CRLF that every server has to carry (RFC 5321 §4.5.3.1.6)."""


def joined(lines: Sequence[bytes]) -> bytes:
    """The lines, each with a CRLF."""
    return b"".join(line + b"\r\n" for line in lines)


def bodies_of(lines: SearchStrategy[bytes], *, most: int = 6) -> SearchStrategy[bytes]:
    """Bodies of such lines; each ends in CRLF."""
    return st.lists(lines, min_size=1, max_size=most).map(joined)


def eight_bit_lines() -> SearchStrategy[bytes]:
    """Lines with octets above 127: every one of them, or some, among letters and periods."""
    some = st.lists(st.one_of(st.integers(0x80, 0xFF), st.sampled_from(b".. aZ")), max_size=40).map(bytes)
    return st.one_of(st.just(bytes(range(0x80, 0x100))), some)


def eight_bit_bodies() -> SearchStrategy[bytes]:
    """Bodies that always have octets above 127, in lines that may begin with periods."""
    always = st.sampled_from(
        (bytes(range(0x80, 0x100)), b"\xff", b"\x80", b"\xe4\xf6\xfc", b".\xff", b"..\xe2\x82\xac")
    )
    return st.builds(lambda first, rest: joined([first]) + rest, always, bodies_of(eight_bit_lines(), most=4))


def control_bodies() -> SearchStrategy[bytes]:
    """Bodies with control characters of ASCII other than NUL, CR and LF: all of them, or some."""
    controls = bytes(octet for octet in (*range(1, 0x20), 0x7F) if octet not in b"\r\n")
    some = st.lists(st.one_of(st.sampled_from(controls), st.just(0x61)), min_size=1, max_size=30).map(bytes)
    return st.builds(lambda first, rest: joined([first]) + rest, st.just(b"x" + controls + b"x"), bodies_of(some))


def graphic_bodies() -> SearchStrategy[bytes]:
    """Bodies with the 95 graphic characters of ASCII (RFC 854): all of them as they are numbered, and then shuffled."""
    graphics = bytes(range(0x20, 0x7F))
    shuffled = st.permutations(graphics).map(bytes)
    return st.builds(lambda line: joined([b"x" + graphics + b"x", b"x" + line + b"x"]), shuffled)


def blank_bodies() -> SearchStrategy[bytes]:
    """Bodies in which blanks, tabs and empty lines count: at the ends of lines, alone on them, and many in a row."""
    line = st.one_of(
        st.sampled_from((b"", b" ", b"\t", b"text ", b"text\t", b"\ttext", b"  two  blanks  ", b"a\tb", b"> quoted ")),
        st.lists(st.sampled_from(b" \tx"), max_size=20).map(bytes),
    )
    critical = st.just(joined([b" text \t", b"", b"\t \t", b"a\tb  c", b"", b""]))
    return st.builds(lambda first, rest: first + rest, critical, bodies_of(line))


def header_fields() -> SearchStrategy[bytes]:
    """Header fields within RFC 5322 that a program may feel tempted to tidy: folded, long, oddly spaced, repeated."""
    value = st.one_of(
        st.sampled_from(
            (
                b" plain",
                b"no space after the colon",
                b"   three blanks, and one at the end ",
                b" folded\r\n by a blank",
                b" folded\r\n\tby a tab",
                b"\r\n folded at once",
                b" =?utf-8?q?encoded?= =?utf-8?q?_words?=",
                b' "quoted \\" string" (comment (nested))',
                b" <one@client.example>, <two@client.example>",
                b" " + b"x" * 900,
            )
        ),
        text_lines(60).filter(lambda line: line.strip() != b"").map(lambda line: b" x" + line),
    )
    name = st.sampled_from((b"X-Mailspec-A", b"x-mailspec-a", b"X-MAILSPEC-B", b"Comments", b"Keywords"))
    field = st.builds(lambda left, right: left + b":" + right + b"\r\n", name, value)
    critical = b"X-Mailspec-F:  folded \r\n by a blank\r\n\tand by a tab\r\n"
    return st.lists(field, max_size=5).map(lambda fields: critical + b"".join(fields))
