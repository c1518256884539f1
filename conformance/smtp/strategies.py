"""Generated SMTP input: the wire knowledge of RFC 5321's grammar, for checks to draw from."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_PRINTABLE = st.integers(0x20, 0x7E)


def text_lines(max_octets: int = 70) -> SearchStrategy[bytes]:
    """One line of printable US-ASCII text without its CRLF; never longer than `max_octets`."""
    return st.lists(_PRINTABLE, max_size=max_octets).map(bytes)


def dotted_bodies() -> SearchStrategy[bytes]:
    """Bodies whose lines begin with periods in every way: alone, doubled, before text. Each line ends in CRLF."""
    dotted = st.builds(lambda dots, rest: b"." * dots + rest, st.integers(0, 4), text_lines(20))
    return st.lists(dotted, min_size=1, max_size=6).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
