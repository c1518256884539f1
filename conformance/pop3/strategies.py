"""Generated POP3 input: message bodies, command sequences and malformed commands (RFC 1939 §3 to §7)."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

DOTTED_LINES = (b".", b"..", b"...", b".x", b"..x", b". x", b". .", b".\t.")
"""Lines on which byte-stuffing can go wrong: the terminator itself, stuffed ones, and dots before text."""

_TELLING_LINES = (b"", b" ", b"\t", b"trailing space ", b"a.", b"+OK", b"-ERR no", b"QUIT", b"x" * 76, b"y" * 998)
_PRINTABLE = st.integers(0x20, 0x7E)
_RANDOM_LINE = st.lists(_PRINTABLE, max_size=60).map(bytes).map(lambda line: line.lstrip(b"."))


def _lines(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\r\n" for line in lines)


def dotted_bodies() -> SearchStrategy[bytes]:
    """Bodies that hold every kind of line with a leading dot, in any order, between lines of other text."""
    return st.builds(
        lambda dotted, others: _lines(
            [line for pair in zip(dotted, others, strict=True) for line in pair if line != b"-"]
        ),
        st.permutations(DOTTED_LINES),
        # "-" stands for no line at all, so that dotted lines also follow each other.
        st.lists(st.sampled_from((b"-", b"", b"text")), min_size=len(DOTTED_LINES), max_size=len(DOTTED_LINES)),
    )


def sized_bodies() -> SearchStrategy[bytes]:
    """Bodies with lines that are stuffed on the wire; none is the terminator, and none begins with two dots itself."""
    return st.lists(st.sampled_from((b".x", b". y", b"", b"plain")), min_size=3, max_size=12).map(
        lambda lines: _lines([b".first", *lines])
    )


def plain_bodies() -> SearchStrategy[bytes]:
    """Bodies of whole lines of printable text, none with a dot in front; empty lines and the longest legal one too."""
    line = st.one_of(st.sampled_from(_TELLING_LINES), _RANDOM_LINE)
    return st.lists(line, max_size=12).map(_lines)


def unended_bodies() -> SearchStrategy[bytes]:
    """Bodies without a line end at their end, the empty one among them."""
    return st.one_of(
        st.just(b""), st.builds(lambda body, last: body + last, plain_bodies(), st.sampled_from((b"x", b"last line")))
    )


def eight_bit_bodies() -> SearchStrategy[bytes]:
    """Bodies with octets above 0x7F in every way: UTF-8, Latin-1, octets that are no text at all."""
    high = st.lists(st.integers(0x80, 0xFF), min_size=1, max_size=20).map(bytes)
    return st.lists(high, min_size=1, max_size=5).map(
        lambda lines: _lines(["grüße €".encode(), bytes(range(0x80, 0x100)), *lines])
    )


def subsets(of: int) -> SearchStrategy[frozenset[int]]:
    """Sets of message numbers from 1 to `of`, neither none nor all of them."""
    return st.sets(st.integers(1, of), min_size=1, max_size=of - 1).map(frozenset)


def in_any_case(word: str) -> SearchStrategy[str]:
    """The word with each letter upper or lower, never all upper."""
    mixed = st.lists(st.booleans(), min_size=len(word), max_size=len(word)).map(
        lambda lower: "".join(c.lower() if low else c for c, low in zip(word, [*lower[:-1], True], strict=True))
    )
    return st.one_of(st.just(word.lower()), mixed)


def unknown_commands() -> SearchStrategy[bytes]:
    """Commands of the right form whose keyword nobody has: too short, too long, near a real one, with arguments."""
    letters = st.text("BCFGHJKMVWXZ", min_size=2, max_size=10).map(lambda rest: b"ZJ" + rest.encode())
    near = st.sampled_from((b"RETRZJ", b"STA", b"NOO", b"QUITZJ", b"DELEZJ 1", b"TO 1 0", b"RETR1", b"LISTZJ"))
    argument = st.sampled_from((b"", b" 1", b" 1 1", b" a b c"))
    return st.one_of(near, st.builds(lambda keyword, rest: keyword + rest, letters, argument))


def session_plans(messages: int) -> SearchStrategy[list[tuple[str, int]]]:
    """Commands of the TRANSACTION state with their message number (0 where they have none), in any order.

    Numbers go one past the last message. Every plan marks a message, so that none is without effect.
    """
    numbers = st.integers(1, messages + 1)
    step = st.one_of(
        st.tuples(st.sampled_from(("DELE", "LIST", "RETR")), numbers),
        st.tuples(st.sampled_from(("STAT", "LIST", "NOOP", "RSET")), st.just(0)),
    )
    return st.builds(
        lambda before, number, after: [*before, ("DELE", number), *after],
        st.lists(step, max_size=4),
        st.integers(1, messages),
        st.lists(step, min_size=2, max_size=8),
    )
